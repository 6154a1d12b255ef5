// SPDX-License-Identifier: MIT
// A runtime with everything that a record can read, for tests of what records say.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backend/dns/name.h"
#include "backend/health/check_question.h"
#include "lua/runtime.h"
#include "tests/support/manual_clock.h"
#include "tests/support/seeded_random.h"

namespace sdns::lua {

/// LUA LUA records, and the records that dblookup() finds.
class Libraries final : public LocalRecords {
 public:
  bool library(std::string_view name, std::vector<std::string>& contents) override {
    if (const auto found = libraries.find(std::string(name)); found != libraries.end())
      contents.insert(contents.end(), found->second.begin(), found->second.end());
    return name.find("..") == std::string_view::npos;
  }
  bool lookup(std::string_view name, dns::RrType type, std::vector<std::string>& contents) override {
    if (name == "plain.example.org." && type == dns::kA) contents = {"192.0.2.77", "192.0.2.78"};
    return true;
  }
  std::map<std::string, std::vector<std::string>> libraries;
};

/// Runs the text of records in one runtime, for one client at one name.
class RuntimeTest : public testing::Test {
 protected:
  RuntimeTest() {
    client_.who = *dns::IpAddress::parse("192.0.2.1");
    set_query_name("www.example.org.");
  }
  void set_query_name(const char* name) { qname_ = dns::Name::parse(name)->wire(); }
  void set_client(const char* who) { client_.who = *dns::IpAddress::parse(who); }

  // Evaluates the text of a record: `A "code"` without the quotes and the type.
  const Values& run(std::string_view code, dns::RrType type = dns::kA) {
    Script script(*parse_record(type.text() + " \"" + std::string(code) + '"', ChunkJoin::kAuto));
    return run(script);
  }
  const Values& run(Script& script) {
    evaluate(runtime_, script, &trace_);
    runtime_.forget(script);
    return values_;
  }
  void evaluate(Runtime& runtime, Script& script, Trace* trace) {
    const Question question{
        .qname_wire = qname_, .zone_wire = zone_, .base_wire = base_, .zone_id = 42, .client = &client_};
    const Sources sources{
        .health = table_.get(), .pools = &pools_, .geo = geo_.get(), .records = &library_, .random = &random_};
    runtime.evaluate(script, question, sources, values_, trace);
  }
  // The values, or `!` and the error.
  std::string said(std::string_view code, dns::RrType type = dns::kA) {
    const Values& values = run(code, type);
    if (values.failure != Failure::kNone) return "!" + values.error;
    std::string text;
    for (const std::string& content : values.contents) text += (text.empty() ? "" : " ") + content;
    return text;
  }
  bool fails(std::string_view code) { return run(code).failure == Failure::kError; }

  void set_health(const std::vector<std::string>& identities, health::Verdict verdict, std::uint32_t weight = 1) {
    table_ = health::HealthTableBuilder::add(*table_, identities);
    std::vector<health::StateChange> changes;
    for (const std::string& identity : identities)
      changes.push_back({table_->find(identity), {verdict, false, weight}});
    table_ = health::HealthTableBuilder::set(*table_, changes);
  }

  // Steps end what runs too long; a thread that waits for its processor does not fail a test.
  static RuntimeOptions patient() {
    RuntimeOptions options;
    options.limits.time_nanoseconds = 1'000'000'000;
    return options;
  }

  test::ManualClock clock_;
  test::SeededRandom random_{1};
  Client client_;
  std::string qname_;
  std::string zone_ = dns::Name::parse("example.org.")->wire();
  std::string base_;
  Libraries library_;
  health::TargetPools pools_;
  health::HealthTablePtr table_ = std::make_shared<const health::HealthTable>();
  std::shared_ptr<const Geo> geo_ = Geo::nowhere();
  Runtime runtime_{patient(), clock_};
  Values values_;
  Trace trace_;
};

}  // namespace sdns::lua
