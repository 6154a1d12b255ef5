// SPDX-License-Identifier: MIT
// Two nodes on one real database, whose threads a test takes turns for.
#include "backend/daemon/node_link.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "backend/store/authority.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/daemon/log_capture.h"

namespace sdns::daemon {
namespace {

using namespace std::chrono_literals;
using health::Verdict;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using testing::SizeIs;

constexpr auto kUp = Verdict::kUp;
constexpr auto kDown = Verdict::kDown;
const std::string kOne = "tcp 192.0.2.1:443";
const std::string kTwo = "tcp 192.0.2.2:443";

/// What a daemon has of it, without its publisher.
struct Node {
  Node(const std::string& url, std::string name, const Clock& clock, const WallClock& wall, health::VantageRule rule,
       std::chrono::milliseconds first_look = 0ms)
      : shared(
            {.rule = rule, .first_look = first_look},
            [this](const health::Transition& transition) { told.push_back(transition); }, clock, wall, log.log(),
            metrics),
        link({.url = url, .name = std::move(name), .version = "1.2"}, {.applied = [this] { return applied; },
                                                                       .database_id = [this] { return database_id; },
                                                                       .shared = &shared,
                                                                       .clock = clock,
                                                                       .wall_clock = wall,
                                                                       .log = log.log(),
                                                                       .metrics = metrics}) {
    shared.on_news = [this] { link.wake(); };
  }
  SharedHealth::States finds(const std::string& check, Verdict verdict) {
    return shared.turn({{check, {.verdict = verdict}}});
  }
  std::int64_t metric(const std::string& line) {
    const std::string text = "\n" + metrics.render();
    const std::size_t at = text.find("\n" + line + " ");
    return at == std::string::npos ? -1 : std::stoll(text.substr(at + line.size() + 2));
  }

  test::LogCapture log;
  Metrics metrics;
  std::vector<health::Transition> told;
  std::optional<zone::Revision> applied = 0;
  std::string database_id;
  SharedHealth shared;
  NodeLink link;
};

class NodeLinkTest : public testing::Test {
 protected:
  NodeLinkTest() { create(); }
  void create() {
    authority_ = std::move(*store::open_authority(url_, store::OpenMode::kCreateIfMissing, wall_, random_));
  }
  std::unique_ptr<Node> node(const std::string& name, health::VantageRule rule = health::VantageRule::kMajority,
                             const std::vector<std::string>& checks = {kOne}) {
    auto made = std::make_unique<Node>(url_, name, clock_, wall_, rule);
    made->shared.begin(checks, {});
    return made;
  }
  void advance(std::chrono::seconds by) {
    clock_.advance(by);
    wall_.advance(by);
  }
  /// Long enough for whatever is due.
  void turns(std::initializer_list<Node*> nodes, int rounds = 3) {
    for (int round = 0; round < rounds; ++round) {
      advance(1s);
      for (Node* one : nodes) one->link.turn();
    }
  }
  std::vector<store::NodeRow> rows() { return *(*authority_->read())->nodes(); }
  Verdict counts(Node& node, const std::string& check = kOne) {
    node.shared.turn({});
    const auto report = node.shared.report(check);
    return report ? report->now.verdict : Verdict::kUnknown;
  }

  test::TempDir directory_;
  const std::string file_ = (directory_ / "authority.db").string();
  const std::string url_ = "sqlite:" + file_;
  test::ManualClock clock_;
  test::ManualWallClock wall_;
  test::SeededRandom random_{1};
  std::unique_ptr<store::Authority> authority_;
};

TEST_F(NodeLinkTest, ANodeEntersItselfOnceItServes) {
  auto a = node("a");
  a->applied.reset();
  turns({a.get()});
  EXPECT_THAT(rows(), IsEmpty()) << "what it serves is not known yet";
  EXPECT_FALSE(a->link.serve_until());
  a->applied = 7;
  turns({a.get()}, 1);
  ASSERT_THAT(rows(), SizeIs(1));
  EXPECT_EQ(7U, rows()[0].applied);
  EXPECT_EQ("1.2", rows()[0].version);
  EXPECT_EQ(wall_.wall_now() + std::chrono::days(7), a->link.serve_until());
  EXPECT_EQ(1U, a->log.count("node.registered"));
  EXPECT_EQ(1, a->metric("sdns_node_heartbeats_total"));
}

TEST_F(NodeLinkTest, ARevisionIsToldBeforeTheNextHeartbeatIsDue) {
  auto a = node("a");
  turns({a.get()}, 1);
  a->applied = 3;
  turns({a.get()}, 2);
  EXPECT_EQ(3U, rows()[0].applied);
}

TEST_F(NodeLinkTest, HeartbeatsGoOnWhileNothingHappens) {
  auto a = node("a");
  turns({a.get()}, 30);
  EXPECT_GE(rows()[0].beat, 5U);
  EXPECT_LE(rows()[0].beat, 8U);
  EXPECT_EQ(1U, a->log.count("node.registered"));
}

TEST_F(NodeLinkTest, VerdictsReachTheOtherNodeAndAreCombinedThere) {
  auto a = node("a");
  auto b = node("b");
  auto c = node("c");
  for (Node* one : {a.get(), b.get(), c.get()}) one->finds(kOne, kUp);
  turns({a.get(), b.get(), c.get()});
  EXPECT_EQ(kUp, counts(*a));
  b->finds(kOne, kDown);
  turns({a.get(), b.get(), c.get()});
  EXPECT_EQ(kUp, counts(*a)) << "two of three";
  EXPECT_EQ(1U, a->log.count("health.disagreement"));
  EXPECT_EQ(1, a->metric("sdns_health_disagreements"));
  c->finds(kOne, kDown);
  turns({a.get(), b.get(), c.get()});
  a->shared.turn({});
  EXPECT_EQ(kDown, counts(*a));
  ASSERT_THAT(a->told, Not(IsEmpty()));
  EXPECT_EQ(kOne, a->told.back().check);
  EXPECT_EQ(kDown, a->told.back().to);
  EXPECT_EQ(health::Why::kMajority, a->told.back().why);
  EXPECT_EQ("1 up, 2 down", a->told.back().text);
  EXPECT_THAT(a->log.text(), HasSubstr("event=health.combined"));
  EXPECT_EQ(0U, *(*authority_->read())->position().map([](const auto& at) { return at.revision; }));
}

TEST_F(NodeLinkTest, WhoGoesByItsOwnViewSeesTheOthersAllTheSame) {
  auto a = node("a", health::VantageRule::kLocal);
  auto b = node("b", health::VantageRule::kLocal);
  a->finds(kOne, kUp);
  b->finds(kOne, kDown);
  turns({a.get(), b.get()});
  EXPECT_EQ(kUp, counts(*a));
  EXPECT_TRUE(a->shared.report(kOne)->now.disagree);
  EXPECT_THAT(a->told, IsEmpty());
  EXPECT_EQ(0U, a->log.count("health.combined"));
}

TEST_F(NodeLinkTest, ANodeThatIsAloneWritesNoVerdicts) {
  auto a = node("a");
  a->finds(kOne, kUp);
  turns({a.get()}, 10);
  EXPECT_EQ(0, a->metric("sdns_node_verdicts_written_total"));
  auto b = node("b");
  turns({a.get(), b.get()}, 10);
  EXPECT_EQ(1, a->metric("sdns_node_verdicts_written_total")) << "somebody reads it now";
  EXPECT_EQ(kUp, counts(*b)) << "while ours is unknown the other's decides";
}

TEST_F(NodeLinkTest, OnlyWhatChangedIsWrittenAndRead) {
  auto a = node("a");
  auto b = node("b");
  std::vector<std::string> checks;
  SharedHealth::States up;
  for (int i = 0; i < 3000; ++i)
    up.emplace_back(checks.emplace_back(fmt::format("tcp 192.0.2.1:{}", i + 1)), health::State{.verdict = kUp});
  for (Node* one : {a.get(), b.get()}) one->shared.begin(checks, up);
  turns({a.get(), b.get()}, 12);
  EXPECT_EQ(3000, a->metric("sdns_node_verdicts_written_total"));
  const auto read = a->metric("sdns_node_verdicts_read_total");
  const auto written = b->metric("sdns_node_verdicts_written_total");
  turns({a.get(), b.get()}, 12);
  EXPECT_EQ(read, a->metric("sdns_node_verdicts_read_total"));
  b->finds(checks[7], kDown);
  b->finds(checks[8], kDown);
  turns({a.get(), b.get()});
  EXPECT_EQ(read + 2, a->metric("sdns_node_verdicts_read_total"));
  EXPECT_EQ(written + 2, b->metric("sdns_node_verdicts_written_total"));
  EXPECT_TRUE(a->shared.report(checks[7])->views.at(0).verdict == kDown);
}

TEST_F(NodeLinkTest, AChangeAndItsEndInOneGoIsWrittenOnce) {
  auto a = node("a");
  auto b = node("b");
  turns({a.get(), b.get()});
  a->finds(kOne, kUp);
  a->finds(kOne, kDown);
  a->finds(kOne, kUp);
  turns({a.get(), b.get()});
  EXPECT_EQ(1, a->metric("sdns_node_verdicts_written_total"));
  EXPECT_EQ(kUp, counts(*b));
}

TEST_F(NodeLinkTest, ACheckThatBeginsLateIsToldWhatOthersSaid) {
  auto a = node("a", health::VantageRule::kMajority, {kOne, kTwo});
  auto b = node("b");
  a->finds(kTwo, kUp);
  turns({a.get(), b.get()});
  b->shared.begin({kTwo}, {});
  const auto before = b->metric("sdns_node_verdicts_read_total");
  turns({a.get(), b.get()});
  EXPECT_EQ(kUp, counts(*b, kTwo));
  EXPECT_EQ(before + 1, b->metric("sdns_node_verdicts_read_total")) << "of that check alone";
}

TEST_F(NodeLinkTest, ACheckThatIsGoneSaysNothingAnyMore) {
  auto a = node("a");
  auto b = node("b");
  a->finds(kOne, kDown);
  b->finds(kOne, kUp);
  turns({a.get(), b.get()});
  EXPECT_THAT(b->shared.report(kOne)->views, SizeIs(1));
  a->shared.forget({kOne});
  turns({a.get(), b.get()});
  counts(*b);
  EXPECT_THAT(b->shared.report(kOne)->views, IsEmpty());
}

TEST_F(NodeLinkTest, ARestartedNodeWritesOnlyWhatDiffers) {
  auto b = node("b");
  {
    auto a = node("a", health::VantageRule::kMajority, {kOne, kTwo});
    a->finds(kOne, kUp);
    a->finds(kTwo, kUp);
    turns({a.get(), b.get()});
  }
  auto a = node("a", health::VantageRule::kMajority, {kOne});
  a->finds(kOne, kUp);
  turns({a.get(), b.get()});
  EXPECT_EQ(1, a->metric("sdns_node_verdicts_written_total")) << "that it has no second check any more";
  EXPECT_EQ(0U, a->log.count("node.name_taken"));
  EXPECT_EQ(kUp, counts(*b));
}

TEST_F(NodeLinkTest, ANodeThatIsCutOffGoesByItsOwnViewAndSaysSo) {
  auto a = node("a", health::VantageRule::kAnyDown);
  auto b = node("b");
  a->finds(kOne, kUp);
  b->finds(kOne, kDown);
  turns({a.get(), b.get()});
  EXPECT_EQ(kDown, counts(*a));
  std::filesystem::rename(file_, file_ + ".away");
  turns({a.get(), b.get()}, 40);
  EXPECT_EQ(kUp, counts(*a));
  EXPECT_TRUE(a->shared.cut_off());
  EXPECT_EQ(health::Why::kCutOff, a->told.back().why);
  EXPECT_EQ(1U, a->log.count("health.cut_off"));
  EXPECT_EQ(1U, a->log.count("node.unheard")) << "said once";
  EXPECT_EQ(1, a->metric("sdns_health_cut_off"));
  b->finds(kOne, kUp);
  b->finds(kTwo, kUp);
  std::filesystem::rename(file_ + ".away", file_);
  turns({a.get(), b.get()}, 12);
  EXPECT_EQ(kUp, counts(*a));
  EXPECT_FALSE(a->shared.report(kOne)->now.disagree) << "what changed meanwhile was written";
  EXPECT_FALSE(a->shared.cut_off());
  EXPECT_EQ(1U, a->log.count("health.rejoined"));
  EXPECT_EQ(2U, a->log.count("node.registered"));
}

TEST_F(NodeLinkTest, ASilentNodeIsToldOfAndItsReturn) {
  auto a = node("a");
  auto b = node("b");
  turns({a.get(), b.get()});
  turns({a.get()}, 65);
  EXPECT_EQ(1U, a->log.count("node.silent"));
  EXPECT_EQ(1, a->metric("sdns_nodes{state=\"silent\"}"));
  turns({a.get(), b.get()});
  EXPECT_EQ(1U, a->log.count("node.heard"));
  advance(std::chrono::days(7));
  turns({a.get()});
  EXPECT_EQ(1U, a->log.count("node.expired"));
  counts(*a);
  EXPECT_FALSE(a->shared.cut_off()) << "it is not counted on any more";
}

TEST_F(NodeLinkTest, AForgottenNodeThatLivesComesBackWithItsVerdicts) {
  auto a = node("a");
  auto b = node("b");
  b->finds(kOne, kDown);
  turns({a.get(), b.get()});
  auto edit = std::move(*authority_->edit());
  ASSERT_TRUE(edit->forget_node("b"));
  ASSERT_TRUE(edit->commit("test"));
  edit.reset();
  turns({a.get()});
  counts(*a);
  EXPECT_THAT(a->shared.report(kOne)->views, IsEmpty());
  turns({a.get(), b.get()}, 10);
  EXPECT_EQ(kDown, counts(*a));
}

TEST_F(NodeLinkTest, TwoNodesOfOneNameAreToldOf) {
  auto a = node("a");
  advance(1s);
  auto other = node("a");
  turns({a.get(), other.get()}, 40);
  EXPECT_EQ(1U, a->log.count("node.name_taken"));
}

TEST_F(NodeLinkTest, AnotherDatabaseInThePlaceOfOursIsNotEntered) {
  auto a = node("a");
  a->database_id = (*authority_->identity()).database_id;
  turns({a.get()});
  authority_.reset();
  for (const char* part : {"", "-wal", "-shm"}) std::filesystem::remove(file_ + part);
  create();
  turns({a.get()}, 12);
  EXPECT_THAT(rows(), IsEmpty());
  EXPECT_THAT(a->log.text(), HasSubstr("is another one now"));
}

TEST_F(NodeLinkTest, WhoFallsSilentWritesNothingMore) {
  auto a = node("a");
  turns({a.get()});
  const std::uint64_t beat = rows()[0].beat;
  a->link.fall_silent();
  turns({a.get()}, 12);
  EXPECT_EQ(beat, rows()[0].beat);
}

TEST_F(NodeLinkTest, ANodeWhoseClockIsWrongIsToldOf) {
  auto a = node("a");
  test::ManualWallClock ahead;
  ahead.advance(1h);
  Node b(url_, "b", clock_, ahead, health::VantageRule::kLocal);
  turns({a.get(), &b});
  EXPECT_EQ(1U, a->log.count("node.clock_differs"));
  EXPECT_THAT(a->log.text(), HasSubstr("node=b ahead_ms=35"));
}

TEST_F(NodeLinkTest, WhoOutlivesItsDatabaseSaysSo) {
  auto a = node("a");
  turns({a.get()});
  std::filesystem::rename(file_, file_ + ".away");
  advance(std::chrono::days(6));
  turns({a.get()});
  EXPECT_EQ(0U, a->log.count("node.outlived"));
  advance(std::chrono::days(1));
  turns({a.get()});
  EXPECT_EQ(1U, a->log.count("node.outlived"));
}

TEST_F(NodeLinkTest, TheFirstAnswersRestOnWhatOthersSay) {
  auto b = node("b");
  auto c = node("c");
  b->finds(kOne, kDown);
  c->finds(kOne, kDown);
  turns({b.get(), c.get()});
  Node a(url_, "a", clock_, wall_, health::VantageRule::kMajority, std::chrono::minutes(1));
  a.link.start();
  const auto states = a.shared.begin({kOne}, {{kOne, {.verdict = kUp}}});
  EXPECT_THAT(states, ElementsAre(Pair(kOne, health::State{.verdict = kDown, .last_up = clock_.now()})));
}

TEST_F(NodeLinkTest, ADatabaseThatIsAwayKeepsNobodyFromBeginning) {
  std::filesystem::rename(file_, file_ + ".away");
  Node a(url_, "a", clock_, wall_, health::VantageRule::kMajority, std::chrono::minutes(1));
  a.link.start();
  const auto states = a.shared.begin({kOne}, {{kOne, {.verdict = kUp}}});
  EXPECT_THAT(states, ElementsAre(Pair(kOne, health::State{.verdict = kUp})));
}

}  // namespace
}  // namespace sdns::daemon
