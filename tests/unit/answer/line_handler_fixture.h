// SPDX-License-Identifier: MIT
// A line handler over zones that a test publishes, with an editor and a background that do what it says.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backend/answer/line_handler.h"
#include "backend/base/owned.h"
#include "tests/support/manual_clock.h"

namespace sdns::answer {

using net::Outcome;

inline zone::ZoneSetPtr example(zone::Revision revision, const std::string& address = "192.0.2.1") {
  const auto name = [](std::string_view text) { return *dns::Name::parse(text); };
  zone::ZoneContent content;
  content.head.id = 7;
  content.head.apex = name("example.");
  content.records = {{name("example."), dns::kSOA, {300}, "ns.example. h.example. 5 3600 600 86400 300"},
                     {name("example."), dns::kNS, {300}, "ns.example."},
                     {name("*.w.example."), dns::kA, {300}, address},
                     {name("www.example."), dns::kA, {300}, address},
                     {name("sub.example."), dns::kNS, {300}, "ns.sub.example."},
                     {name("ns.sub.example."), dns::kA, {300}, address}};
  zone::ZoneSetBuilder builder;
  EXPECT_TRUE(builder.add(std::move(content)));
  return builder.finish(revision, {});
}

inline std::string lookup(const std::string& qname) {
  return R"({"method": "lookup", "parameters": {"local": "127.0.0.1", "qname": ")" + qname +
         R"(", "qtype": "ANY", "real-remote": "127.0.0.1/32", "remote": "127.0.0.1", "zone-id": 7}})";
}

struct Pipe {
  Pipe() {
    int ends[2];
    if (::pipe(ends) != 0) std::abort();
    out.reset(ends[0]);
    in.reset(ends[1]);
  }
  Fd out;
  Fd in;
};

/// Keeps tasks until a test runs them.
struct FakeTasks final : TaskRunner {
  void run(Lane lane, std::function<void()> task) override {
    lanes.push_back(lane);
    tasks.push_back(std::move(task));
  }
  void run_all() {
    for (const auto& task : std::exchange(tasks, {})) task();
  }
  std::vector<Lane> lanes;
  std::vector<std::function<void()>> tasks;
};

/// Notes edits and gives the result that a test has set.
struct FakeEditor final : Editor {
  sdns::Result<std::uint32_t> edit(const Edit& edit, const std::atomic<bool>& abandoned) override {
    if (throws) throw std::bad_alloc();
    edits.push_back(edit);
    was_abandoned.push_back(abandoned);
    return result;
  }
  sdns::Result<std::optional<Autoprimary>> autoprimary(const AutoprimaryQuestion& question) override {
    questions.push_back(question);
    return found;
  }
  sdns::Result<std::uint32_t> result = 0;
  sdns::Result<std::optional<Autoprimary>> found = std::optional<Autoprimary>();
  bool throws = false;
  std::vector<Edit> edits;
  std::vector<bool> was_abandoned;
  std::vector<AutoprimaryQuestion> questions;
};

class LineHandlerTest : public testing::Test {
 protected:
  LineHandler& handler() {
    if (!handler_) {
      handler_ = std::make_unique<LineHandler>(
          LineHandler::Parts{.zones = cell_,
                             .retire =
                                 [](void* context, std::shared_ptr<const zone::ZoneSet> old) {
                                   static_cast<LineHandlerTest*>(context)->retired_.push_back(std::move(old));
                                 },
                             .retire_context = this,
                             .asked = &asked_,
                             .background = background_,
                             .clock = clock_,
                             .wall_clock = wall_,
                             .log = log_,
                             .metrics = metrics_,
                             .version = "1.2.3"});
    }
    return *handler_;
  }

  Outcome handle(const std::string& line, net::ConnectionId connection = 1) {
    reply_.clear();
    return handler().handle(connection, line, reply_);
  }
  /// Has the line worked on in the background, and gives the reply.
  std::string finish(const std::string& line, net::ConnectionId connection = 1) {
    EXPECT_EQ(handle(line, connection), Outcome::kPending) << line;
    tasks_.run_all();
    outcome_ = handle(line, connection);
    EXPECT_NE(outcome_, Outcome::kPending) << line;
    return reply_;
  }

  std::string logged() {
    pipe_.in.reset();
    std::string text;
    char buffer[4096];
    for (ssize_t got; (got = ::read(pipe_.out.get(), buffer, sizeof(buffer))) > 0;)
      text.append(buffer, static_cast<std::size_t>(got));
    return text;
  }

  std::vector<std::string> asked() {
    std::vector<std::string> names;
    zone::ZoneId zone = 0;
    std::string key;
    while (asked_.pop(zone, key)) names.push_back(std::to_string(zone) + " " + dns::key_to_relative_text(key));
    return names;
  }

  FakeTasks tasks_;
  FakeEditor editor_;
  std::vector<net::ConnectionId> resumed_;
  Background background_{tasks_, editor_, [this](net::ConnectionId id) { resumed_.push_back(id); }};
  Outcome outcome_ = Outcome::kReply;
  std::vector<std::shared_ptr<const zone::ZoneSet>> retired_;
  Pipe pipe_;
  test::ManualClock clock_;
  test::ManualWallClock wall_;
  Metrics metrics_;
  ZoneSetCell cell_{nullptr};
  purge::AskedRing asked_;
  std::string reply_;
  Log log_{wall_, LogLevel::kInfo, LogFormat::kText, pipe_.in.get()};
  std::unique_ptr<LineHandler> handler_;
};

}  // namespace sdns::answer
