// SPDX-License-Identifier: MIT
#include "tests/unit/ctl/ctl_fixture.h"

namespace sdns::ctl {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using ExplainTest = CtlTest;

constexpr const char* kDocument = R"json({
  "name": "www.example.org.", "type": "A",
  "client": {"address": "127.0.0.1", "assumed": true, "ecs": null},
  "revision": 12,
  "zone": {"name": "example.org.", "id": 3, "kind": "native", "serial": 5, "denial": "NSEC"},
  "match": "exact", "owner": "www.example.org.", "asked_as": "www.example.org.",
  "at_health": [{"target": "192.0.2.1", "state": "down", "checks": ["tcp 192.0.2.1:443"]}],
  "answer": {"outcome": "records", "why": "",
             "records": [{"type": "A", "ttl": 30, "content": "192.0.2.2", "scope_mask": 24}]},
  "lua_records": [{
    "type": "A", "ttl": 30, "content": "A \"x\"", "source": "return x\n-- more", "asked": true,
    "evaluated_by": "us", "reason": "", "failure": null, "records": ["192.0.2.2"], "scope_mask": 24,
    "cached": false, "cache": "not kept: because",
    "candidates": [{"where": "health", "candidate": "192.0.2.1", "kept": false, "why": "down (tcp 192.0.2.1:443)"}],
    "notes": ["the client is at 1, 2"],
    "evidence": {"client": true, "client_network": "192.0.2.0/24", "chance": false, "query_name": true, "places": false,
                 "checks": [{"check": "tcp 192.0.2.1:443", "state": "down", "known": true, "forced": true,
                             "assumed": false, "weight": 1}],
                 "pools": ["web"], "includes": [], "names": []},
    "log": [], "steps": 5, "nanoseconds": 9}]
})json";

TEST_F(ExplainTest, TheQuestionIsEncodedAndAssumptionsStandOnALineEach) {
  daemon_.explanation = std::string(kDocument);
  EXPECT_THAT(ctl({"explain", "www.example.org", "--type", "A", "--client", "2001:db8::1/48", "--at-health",
                   "192.0.2.1=down", "url http://a/?b&c from 192.0.2.1=up"}),
              Exits(0));
  EXPECT_THAT(daemon_.explained, ElementsAre("name=www.example.org&type=A&client=2001%3Adb8%3A%3A1%2F48&at_health=192."
                                             "0.2.1%3Ddown%0Aurl%20http%3A%2F%2Fa%2F"
                                             "%3Fb%26c%20from%20192.0.2.1%3Dup%0A"));
}

TEST_F(ExplainTest, PeopleSeeWhoAnswersWhatAndWhy) {
  daemon_.explanation = std::string(kDocument);
  const Ran ran = ctl({"explain", "www.example.org"});
  EXPECT_THAT(ran, Exits(0));
  for (const char* part : {"127.0.0.1 (assumed", "example.org. (native, id 3, serial 5, NSEC), revision 12",
                           "192.0.2.1 is down: tcp 192.0.2.1:443", "1 record\n  30 A 192.0.2.2  (scope 24)\n",
                           "    | return x\n    | -- more\n", "    drops  192.0.2.1  health  down (tcp",
                           "down (forced by an operator)", "the client's network: 192.0.2.0/24",
                           "the name that was asked", "target pools: web", "not kept: because (scope 24)"})
    EXPECT_THAT(ran.out, HasSubstr(part));
}

TEST_F(ExplainTest, ACheckThatTheDaemonDoesNotHaveIsSaid) {
  auto document = nlohmann::ordered_json::parse(kDocument);
  auto& check = document["lua_records"][0]["evidence"]["checks"][0];
  check["state"] = "unknown";
  check["known"] = check["forced"] = check["assumed"] = false;
  daemon_.explanation = document.dump();
  EXPECT_THAT(ctl({"explain", "www.example.org"}).out, HasSubstr("unknown (not among the daemon's checks yet)"));
}

TEST_F(ExplainTest, ProgramsGetTheDocument) {
  daemon_.explanation = std::string(kDocument);
  EXPECT_EQ(json({"explain", "www.example.org"}), nlohmann::json::parse(kDocument));
}

TEST_F(ExplainTest, WhatTheDaemonRefusesIsAUsageError) {
  daemon_.explanation = fail(Errc::kInvalidArgument, "type: \"X\" is not a record type", "as in A");
  const Ran ran = ctl({"explain", "www.example.org", "--type", "X"});
  EXPECT_THAT(ran, Exits(2));
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_THAT(ran.err, HasSubstr("is not a record type"));
}

TEST_F(ExplainTest, ADaemonThatIsNotThereIsAFailure) {
  daemon_.explanation = fail(Errc::kUnavailable, "no daemon answers at 127.0.0.1:8053");
  EXPECT_THAT(ctl({"explain", "www.example.org"}), Exits(1));
  const Ran none = ctl({"--admin", "", "explain", "www.example.org"});
  EXPECT_THAT(none, Exits(2));
  EXPECT_THAT(none.err, HasSubstr("lua check"));
}

TEST_F(ExplainTest, WhatIsNoExplanationIsSaid) {
  for (const char* text : {"", "[]", "{}", "{\"name\":1}", "not JSON"}) {
    daemon_.explanation = std::string(text);
    const Ran ran = ctl({"explain", "www.example.org"});
    EXPECT_THAT(ran, Exits(1)) << text;
    EXPECT_THAT(ran.err, HasSubstr("no explanation")) << text;
  }
}

}  // namespace
}  // namespace sdns::ctl
