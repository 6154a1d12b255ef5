// SPDX-License-Identifier: MIT
// Random lives of a few names, run by two PDMs on one database, against a model written from DESIGN section 9 in other
// words: promises P3 (what was answered is in the database), P5 (chain of trust) and P6 (one owner, new zones) hold
// after every step.
#include <fmt/format.h>

#include <deque>
#include <map>
#include <set>

#include "tests/unit/pdm/pdm_fixture.h"

namespace sdns::pdm {
namespace {

using std::chrono::seconds;
using test::ok;

constexpr int kSteps = 420;
const std::vector<std::string> kNames = {"a", "b"};
const std::vector<std::string> kOwners = {"us", "them"};

// ---- The model: a name's story, told in plain facts. Times are seconds.
struct Story {
  struct Token {
    std::string text;
    std::int64_t until = 0;
    bool spent = false;  ///< committed, given back or outlived by a later one
  };
  std::vector<Token> tokens;  ///< of all generations, the last one is the newest
  std::string owner;
  std::string wanted;  ///< address of the last commit
  enum { kNothing, kLives, kGoes, kRests } zone = kNothing;
  std::int64_t rests_until = 0;

  bool held(std::int64_t now) const { return !tokens.empty() && !tokens.back().spent && tokens.back().until > now; }
  bool somebodys(std::int64_t now) const {  ///< kept from other owners
    return held(now) || zone == kLives || zone == kGoes || (zone == kRests && rests_until > now);
  }
};

// What name servers said at a revision.
struct Served {
  std::map<std::string, std::set<std::string>> ds;    ///< at the parent
  std::set<std::string> delegated;                    ///< NS at the parent
  std::map<std::string, std::set<std::string>> keys;  ///< DS that the zone's own keys would have
};

class ModelTest : public test::PdmTest, public testing::WithParamInterface<int> {
 protected:
  ModelTest() : random(static_cast<std::uint64_t>(GetParam())) { other = open(store::OpenMode::kExisting); }

  std::int64_t now() const { return std::chrono::duration_cast<seconds>(clock.wall_now().time_since_epoch()).count(); }
  store::Authority& pdm(int which) { return which == 0 ? *authority : *other; }
  Allocations machine(int which) const { return allocations(which == 0 ? "one" : "two"); }

  std::string full(const std::string& label) const { return label + ".pool.example."; }

  /// Runs one operation in a transaction of PDM `which`; a crash loses it.
  template <class Operation>
  bool run(int which, const Operation& operation) {
    auto edit = ok(pdm(which).edit());
    operation(*edit, machine(which));
    if (random.below(8) == 0) return false;  // killed before COMMIT
    ok(edit->commit("pdm"));
    return true;
  }

  void reserve_some() {
    const std::string label = kNames[random.below(kNames.size())];
    const std::string owner = kOwners[random.below(kOwners.size())];
    Story& story = stories[label];
    const bool with_token = story.held(now()) && random.below(4) == 0;
    const std::string presented = with_token ? story.tokens.back().text : "";
    std::optional<std::string> token;
    const bool lives =
        run(static_cast<int>(random.below(2)), [&](store::Transaction& edit, const Allocations& machine) {
          const auto row = ok(
              machine.reserve(edit, {owner, owner}, {&pool(), label, "test", fmt::format("r{}", ++count), presented}));
          if (row) token = machine.token(*row);
        });
    const bool expected = with_token || (!story.held(now()) && story.zone != Story::kLives &&
                                         (!story.somebodys(now()) || story.owner == owner));
    ASSERT_EQ(expected, token.has_value()) << label << " for " << owner;
    if (!lives || !token) return;
    if (with_token) {
      EXPECT_EQ(story.tokens.back().text, *token);
    } else {
      for (const auto& earlier : story.tokens) EXPECT_NE(earlier.text, *token) << "tokens are never given twice";
      for (auto& earlier : story.tokens) earlier.spent = true;
      if (story.zone == Story::kRests && story.rests_until <= now()) story.zone = Story::kNothing;
      story.tokens.push_back({*token, 0, false});
      story.owner = owner;
    }
    story.tokens.back().until = now() + 20;
  }

  void commit_some() {
    const std::string label = kNames[random.below(kNames.size())];
    Story& story = stories[label];
    if (story.tokens.empty()) return;
    const std::size_t back = random.below(3) == 0 ? random.below(story.tokens.size()) : 0;
    const bool newest = back == 0;
    const std::string token = story.tokens[story.tokens.size() - 1 - back].text;
    const std::string address = random.below(4) == 0 ? "192.0.2.2" : "192.0.2.1";
    std::optional<Decided<Committed>> done;
    const bool lives =
        run(static_cast<int>(random.below(2)), [&](store::Transaction& edit, const Allocations& machine) {
          done = ok(machine.commit(edit, {"x", story.owner}, commit_call(label, token, address)));
        });
    if (story.zone == Story::kLives) {
      if (newest && address == story.wanted) {
        ASSERT_TRUE(*done) << "a repeated commit is told that it is so";
        EXPECT_FALSE((*done)->changed);
      } else {
        ASSERT_FALSE(*done);
        EXPECT_EQ(Refusal::kAlreadyActive, done->error());
      }
      return;
    }
    if (!story.held(now())) {
      ASSERT_FALSE(*done);
      EXPECT_EQ(newest ? Refusal::kReservationExpired : Refusal::kNotFound, done->error());
      return;
    }
    if (!newest) {
      ASSERT_FALSE(*done);
      EXPECT_EQ(Refusal::kTokenMismatch, done->error());
      return;
    }
    ASSERT_TRUE(*done);
    EXPECT_EQ(story.zone == Story::kGoes, (*done)->kept_keys);
    if (!lives) return;
    if (story.zone != Story::kGoes) {
      EXPECT_TRUE(zone_ids.insert((*done)->row.zone).second) << "P6: zone ids are never used again";
      for (const std::string& ds : own_keys(*ok(pdm(0).read()), full(label)))
        EXPECT_TRUE(keys_ever.insert(ds).second) << "P6: new keys";
    }
    story.zone = Story::kLives;
    story.wanted = address;
    story.tokens.back().spent = true;
    const std::string zone = full(label);
    EXPECT_EQ(std::vector<std::string>{"A " + address}, records(zone, "console." + zone));
    auto read = ok(pdm(1).read());
    int count_of_records = 0;
    ok(read->records(ok(read->zone(test::name(zone)))->head.id, [&](store::StoredRecord&&) { ++count_of_records; }));
    EXPECT_EQ(1 + 2 + 7 + 1, count_of_records) << "P6: none of the old records";
  }

  void release_some() {
    const std::string label = kNames[random.below(kNames.size())];
    const std::string owner = kOwners[random.below(kOwners.size())];
    Story& story = stories[label];
    std::optional<Decided<ReleasePlan>> done;
    const bool lives =
        run(static_cast<int>(random.below(2)), [&](store::Transaction& edit, const Allocations& machine) {
          done = ok(machine.release(edit, {owner, owner}, pool(), label));
        });
    const bool known = !story.tokens.empty() && story.owner == owner;
    ASSERT_EQ(known, done->has_value()) << "404 for what was never theirs, 200 else, however often";
    if (!lives || !known) return;
    if (story.held(now())) story.tokens.back().spent = true;
    else if (story.zone == Story::kLives) story.zone = Story::kGoes;
  }

  void sweep_some() {
    run(static_cast<int>(random.below(2)),
        [&](store::Transaction& edit, const Allocations& machine) { ok(machine.sweep(edit, 100)); });
  }

  /// Looks at what is due now; a runner may act upon it much later, when another has.
  void look_for_tasks() {
    auto read = ok(pdm(static_cast<int>(random.below(2))).read());
    const auto position = ok(read->position()).revision;
    for (const auto& task : ok(read->ledger().due_tasks(now_ms(*read), 100))) {
      const auto wanted = task.revision != 0 ? task.revision : position;
      seen_tasks.push_back({task,
                            silent              ? pdm::Served::kSilent
                            : applied >= wanted ? pdm::Served::kByAll
                                                : pdm::Served::kNotYet,
                            position});
    }
  }
  void run_a_task() {
    if (seen_tasks.empty()) return look_for_tasks();
    const auto [task, verdict, position] = seen_tasks.front();
    if (random.below(10) != 0) seen_tasks.pop_front();  // else again: two runners
    run(static_cast<int>(random.below(2)),
        [&, task = task, verdict = verdict, position = position](store::Transaction& edit, const Allocations& machine) {
          ok(machine.step(edit, task, verdict, position));
        });
    for (const std::string& label : kNames) {
      Story& story = stories[label];
      if (story.zone == Story::kGoes && records(full(label), full(label)).empty()) {
        story.zone = Story::kRests;
        story.rests_until = now() + 60;
      }
    }
  }

  std::set<std::string> own_keys(store::Transaction& read, const std::string& apex) {
    std::set<std::string> found;
    const auto zone = ok(read.zone(test::name(apex)));
    if (!zone) return found;
    for (const auto& key : ok(read.keys(zone->head.id))) {
      std::string& ds = ds_of[key.content];
      if (ds.empty()) ds = ok(dns::ds_content(test::name(apex), key.flags, key.content, 2));
      found.insert(ds);
    }
    return found;
  }
  Served look() {
    Served served;
    auto read = ok(pdm(0).read());
    const auto parent = ok(read->zone(test::name("pool.example.")));
    for (const std::string& label : kNames) {
      for (const auto& [record, disabled] : ok(read->records_at(parent->head.id, test::name(full(label))))) {
        if (record.type == dns::kDS) served.ds[label].insert(record.content);
        if (record.type == dns::kNS) served.delegated.insert(label);
      }
      served.keys[label] = own_keys(*read, full(label));
    }
    return served;
  }

  /// The name server serves a revision from now on; resolvers have asked it until now, and keep what they heard.
  void node_applies() {
    auto read = ok(pdm(0).read());
    applied = ok(read->position()).revision;
    read.reset();
    resolvers_ask();
    serving = look();
  }
  void resolvers_ask() {
    for (const auto& [label, all] : serving.ds)
      for (const std::string& ds : all) cached_ds[label][ds] = now() + settings.ttls.ds;
    for (const auto& [label, keys] : serving.keys)
      if (!keys.empty()) cached_keys[label][keys] = now() + settings.ttls.negative;  // PowerDNS's TTL of DNSKEYs
  }

  void promises_hold() {
    resolvers_ask();
    for (const auto& [label, all] : cached_ds)
      for (const auto& [ds, until] : all)
        if (until >= now()) {
          ASSERT_TRUE(serving.keys[label].contains(ds))
              << "P5: a resolver may have a DS of " << label << " without its key";
        }
    for (const std::string& label : kNames) {
      // The servers of a zone have the pool domain too: what it denies they must not answer from.
      ASSERT_EQ(serving.delegated.contains(label), !serving.keys[label].empty()) << "P5: " << label;
      for (const auto& [keys, until] : cached_keys[label])
        for (const std::string& ds : serving.ds[label])
          if (until >= now()) {
            ASSERT_TRUE(keys.contains(ds))
                << "P5: a resolver may have keys of " << label << " that its DS does not know";
          }
    }
    for (const std::string& label : kNames) {
      const Story& story = stories[label];
      const AllocationRow stored = row(label);
      ASSERT_EQ(story.held(now()), stored.held && stored.expires_at_ms > now() * 1000) << "P3: " << label;
      ASSERT_EQ(story.zone == Story::kLives, stored.state == AllocationState::kActive) << "P3: " << label;
      ASSERT_EQ(story.zone == Story::kGoes, stored.state == AllocationState::kReleasing) << "P3: " << label;
      ASSERT_EQ(story.zone == Story::kLives || story.zone == Story::kGoes, !records(full(label), full(label)).empty());
      if (!story.tokens.empty()) {
        ASSERT_EQ(story.owner, stored.owner) << "P6: " << label;
      }
      ASSERT_EQ(static_cast<std::int64_t>(story.tokens.size()), stored.generation) << "P3: " << label;
    }
  }

  struct SeenTask {
    store::TaskRow task;
    pdm::Served served;
    zone::Revision position;
  };
  sdns::test::SeededRandom random;
  std::unique_ptr<store::Authority> other;
  std::map<std::string, Story> stories;
  std::deque<SeenTask> seen_tasks;
  std::set<zone::ZoneId> zone_ids;
  std::set<std::string> keys_ever;
  std::map<std::string, std::string> ds_of;
  zone::Revision applied = 0;
  bool silent = false;
  Served serving;
  std::map<std::string, std::map<std::string, std::int64_t>> cached_ds;
  std::map<std::string, std::map<std::set<std::string>, std::int64_t>> cached_keys;
  int count = 0;
};

TEST_P(ModelTest, PromisesHoldAfterEveryStep) {
  SCOPED_TRACE(fmt::format("seed {}", GetParam()));
  int withdrawn_names = 0;
  for (int i = 0; i < kSteps && !HasFatalFailure(); ++i) {
    SCOPED_TRACE(fmt::format("step {}", i));
    // Names are seldom touched, so that some go all the way out.
    const std::uint64_t choice = random.below(24);
    if (choice < 2) reserve_some();
    else if (choice < 4) commit_some();
    else if (choice < 5) release_some();
    else if (choice < 6) sweep_some();
    else if (choice < 7) silent = random.below(6) == 0;
    else if (choice < 11) node_applies();
    else if (choice < 15) clock.advance(seconds(1 + random.below(6)));
    else if (choice < 18) look_for_tasks();
    else run_a_task();
    promises_hold();
    for (const auto& [label, story] : stories) withdrawn_names += story.zone == Story::kRests;
  }
  RecordProperty("withdrawn", withdrawn_names);
  EXPECT_FALSE(zone_ids.empty());
}

INSTANTIATE_TEST_SUITE_P(Seeds, ModelTest, testing::Range(1, 21));

}  // namespace
}  // namespace sdns::pdm
