// SPDX-License-Identifier: MIT
// The protocol in exact octets: a round trip through our own codec would hide a misspelled key.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <iostream>

#include "backend/answer/line_handler.h"
#include "backend/base/owned.h"
#include "tests/support/manual_clock.h"
#include "tests/support/write_request.h"
#include "tests/unit/answer/case_file.h"

namespace sdns::answer {
namespace {

struct LoadedCase {
  zone::ZoneSetPtr zones;
  test::ProtocolCase story;
};

std::vector<LoadedCase> load_cases() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(SDNS_CASES))
    if (entry.path().extension() == ".case") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<LoadedCase> all;
  for (const auto& path : paths) {
    test::CaseFile file = test::read_case_file(path);
    for (test::ProtocolCase& story : file.cases) all.push_back({file.zones, std::move(story)});
  }
  return all;
}

const std::vector<LoadedCase>& cases() {
  static const std::vector<LoadedCase> kCases = load_cases();
  return kCases;
}

// The records of a name have no order: rows are compared sorted.
std::string sorted_rows(const std::string& reply) {
  constexpr std::string_view kBegin = R"({"result":[{"qname")";
  if (!reply.starts_with(kBegin)) return reply;
  std::vector<std::string> rows;
  std::string rest = reply.substr(0, reply.rfind("}]}"));
  rest.erase(0, kBegin.size());
  for (std::size_t at; (at = rest.find(R"(},{"qname")")) != std::string::npos; rest.erase(0, at + 10))
    rows.push_back(rest.substr(0, at));
  rows.push_back(rest);
  std::sort(rows.begin(), rows.end());
  std::string joined(kBegin);
  for (const std::string& row : rows) joined += row + "\n";
  return joined + reply.substr(reply.rfind("}]}"));
}

// The background does its work before the line handler returns.
struct AtOnce final : TaskRunner {
  void run(Lane, std::function<void()> task) override { task(); }
};
struct ScriptedEditor final : Editor {
  explicit ScriptedEditor(const test::ProtocolCase& of) : story(of) {}
  sdns::Result<std::uint32_t> edit(const Edit& edit, const std::atomic<bool>&) override {
    if (story.editor_fails) return fail(Errc::kConflict, "example.com. was changed meanwhile");
    return std::holds_alternative<AddKey>(edit) ? story.new_key : 0;
  }
  sdns::Result<std::optional<Autoprimary>> autoprimary(const AutoprimaryQuestion&) override {
    if (story.editor_fails) return fail(Errc::kUnavailable, "the database cannot be read");
    return story.autoprimary;
  }
  const test::ProtocolCase& story;
};

class ProtocolCaseTest : public testing::TestWithParam<std::size_t> {};

TEST_P(ProtocolCaseTest, IsAnsweredWithExactlyTheseOctets) {
  const auto& [zones, story] = cases()[GetParam()];
  test::ManualClock clock;
  test::ManualWallClock wall;
  wall.set(std::chrono::sys_seconds(std::chrono::seconds(story.now_seconds)));
  const Fd nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  const Log log(wall, LogLevel::kError, LogFormat::kText, nowhere.get());
  Metrics metrics;
  const ZoneSetCell cell(zones);
  AtOnce tasks;
  ScriptedEditor editor(story);
  const Background background{tasks, editor, [](net::ConnectionId) {}};
  LineHandler handler({.zones = cell,
                       .retire = [](void*, std::shared_ptr<const zone::ZoneSet>) {},
                       .background = background,
                       .clock = clock,
                       .wall_clock = wall,
                       .log = log,
                       .metrics = metrics,
                       .version = "1.2.3"});
  for (const test::Exchange& exchange : story.exchanges) {
    SCOPED_TRACE(story.file + ":" + std::to_string(story.line) + ": " + story.behaviour + "\n" + exchange.request);
    std::string reply;
    net::Outcome outcome = handler.handle(1, exchange.request, reply);
    if (outcome == net::Outcome::kPending) outcome = handler.handle(1, exchange.request, reply);
    EXPECT_EQ(sorted_rows(reply), sorted_rows(exchange.reply));
    EXPECT_EQ(outcome, exchange.closes ? net::Outcome::kClose : net::Outcome::kReply);
    EXPECT_EQ(std::count(reply.begin(), reply.end(), '\n'), 1);
  }
}

TEST_P(ProtocolCaseTest, IsParsedAlikeByScannerAndCompleteParser) {
  const test::ProtocolCase& story = cases()[GetParam()].story;
  for (const test::Exchange& exchange : story.exchanges) {
    SCOPED_TRACE(story.file + ":" + std::to_string(story.line) + ": " + story.behaviour + "\n" + exchange.request);
    protocol::RequestParser usual;
    protocol::RequestParser complete;
    const auto one = usual.parse(exchange.request);
    const auto other = complete.parse_general(exchange.request);
    ASSERT_EQ(one.has_value(), other.has_value());
    if (one) {
      EXPECT_EQ(*one, *other);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Protocol, ProtocolCaseTest, testing::Range(std::size_t{0}, cases().size()),
                         [](const testing::TestParamInfo<std::size_t>& info) {
                           const test::ProtocolCase& story = cases()[info.param].story;
                           std::string name = story.file.substr(0, story.file.find('.'));
                           name += "_" + std::to_string(story.line) + "_" + story.behaviour;
                           for (char& c : name)
                             if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
                           return name;
                         });

}  // namespace
}  // namespace sdns::answer
