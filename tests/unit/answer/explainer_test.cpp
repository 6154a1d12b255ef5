// SPDX-License-Identifier: MIT
#include "backend/answer/explainer.h"

#include <gmock/gmock.h>

#include "backend/health/override.h"
#include "tests/support/manual_clock.h"
#include "tests/unit/answer/edit_fixture.h"

namespace sdns::answer {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class ExplainerTest : public testing::Test {
 protected:
  void lua(const std::string& owner, const std::string& content) {
    content_.records.push_back({name(owner), dns::kLUA, {30}, content});
  }
  void metadata(const std::string& kind, const std::string& value) { content_.metadata.push_back({kind, {value}}); }
  void set_health(const std::string& identity, health::Verdict verdict) {
    health_ = health::HealthTableBuilder::add(*health_, {identity});
    health_ = health::HealthTableBuilder::set(*health_, {{health_->find(identity), {verdict, false, 1}}});
  }
  Result<Explanation> try_explain(const std::string& qname, std::optional<dns::RrType> type = {},
                                  std::vector<Assumption> at_health = {}) {
    zone::ZoneContent content = content_;
    std::vector<zone::ZoneContent> all;
    all.push_back(std::move(content));
    ExplainQuestion question{.name = name(qname), .type = type, .client = client_, .at_health = std::move(at_health)};
    return explain(question, {.zones = zone_set(std::move(all), 3),
                              .health = health_,
                              .geo = lua::Geo::nowhere(),
                              .settings = settings_,
                              .clock = clock_,
                              .seed = 1});
  }
  Explanation explained(const std::string& qname, std::optional<dns::RrType> type = {},
                        std::vector<Assumption> at_health = {}) {
    auto explanation = try_explain(qname, type, std::move(at_health));
    EXPECT_TRUE(explanation) << explanation.error().what;
    return explanation ? std::move(*explanation) : Explanation{};
  }
  static std::vector<std::string> contents(const Explanation& explanation) {
    std::vector<std::string> found;
    for (const AnswerRow& row : explanation.rows) found.push_back(row.content);
    return found;
  }

  zone::ZoneContent content_ =
      zone_content(1, "example.", std::string(kSoa) + "plain 60 A 192.0.2.80\nplain 60 TXT \"a\\\",\\\"ttl\\\":9\"\n");
  SteeringSettings settings_;
  lua::Client client_{*dns::IpAddress::parse("198.51.100.7"), {}, {}};
  health::HealthTablePtr health_ = std::make_shared<const health::HealthTable>();
  test::ManualClock clock_;
};

TEST_F(ExplainerTest, RowsOfAPlainNameAreReadBack) {
  const Explanation got = explained("plain.example.");
  EXPECT_EQ(got.outcome, Outcome::kRecords);
  EXPECT_THAT(contents(got), ElementsAre("192.0.2.80", R"("a\",\"ttl\":9")"));
  EXPECT_EQ(got.rows[1].ttl, 60U);
  EXPECT_EQ(got.rows[1].scope_mask, 0);
  EXPECT_THAT(contents(explained("plain.example.", dns::kA)), ElementsAre("192.0.2.80"));
  EXPECT_EQ(explained("plain.example.", dns::kAAAA).outcome, Outcome::kNodata);
}

TEST_F(ExplainerTest, TheRecordTellsWhatItRestsOn) {
  lua("c.example.", "A \"netmask({'198.51.100.0/24'}) and '192.0.2.1' or '192.0.2.2'\"");
  const Explanation got = explained("c.example.");
  ASSERT_EQ(got.steering.records.size(), 1U);
  const ExplainedRecord& record = got.steering.records[0];
  EXPECT_THAT(record.contents, ElementsAre("192.0.2.1"));
  EXPECT_EQ(record.scope_mask, 24);
  EXPECT_EQ(got.rows[0].scope_mask, 24);
  EXPECT_EQ(cache_words(record, client_),
            "not kept: depends on the client's network: the first 24 bits, 198.51.100.0/24");
}

TEST_F(ExplainerTest, TheStepsOfEachRecordAreItsOwn) {
  lua("s.example.", "A \";for i = 1, 5000 do end return '192.0.2.1'\"");
  lua("s.example.", "AAAA \"(\"");
  lua("s.example.", "TXT \"'x'\"");
  const Explanation got = explained("s.example.");
  ASSERT_EQ(got.steering.records.size(), 3U);
  for (const ExplainedRecord& record : got.steering.records) {
    if (record.type == dns::kA) EXPECT_GT(record.steps, 4000U);
    else EXPECT_LT(record.steps, 100U) << record.type.text();
  }
}

TEST_F(ExplainerTest, AnAssumptionIsAppliedToACopy) {
  lua("h.example.", "A \"ifportup(443, {'192.0.2.1', '192.0.2.2'}, {selector='all', backupSelector='all'})\"");
  set_health("tcp 192.0.2.1:443", health::Verdict::kUp);
  EXPECT_THAT(contents(explained("h.example.")), ElementsAre("192.0.2.1"));
  const Explanation got =
      explained("h.example.", {}, {{"192.0.2.1", health::Verdict::kDown}, {"192.0.2.2", health::Verdict::kUp}});
  EXPECT_THAT(contents(got), ElementsAre("192.0.2.2"));
  EXPECT_THAT(got.at_health[1].checks, ElementsAre("tcp 192.0.2.2:443"));
  EXPECT_EQ(got.health->state(got.health->find("tcp 192.0.2.2:443")).verdict, health::Verdict::kUp);
  EXPECT_EQ(health_->size(), 1U) << "what is assumed is not in the table that answers are made from";
}

TEST_F(ExplainerTest, WhatIsAssumedDownWasUpUntilNow) {
  clock_.advance(std::chrono::hours(1));
  lua("h.example.",
      "A \"ifportup(443, {'192.0.2.1', '192.0.2.2', '192.0.2.3'}, {selector='all', minhealthy=2, "
      "alldown='lastgood'})\"");
  for (const char* check : {"tcp 192.0.2.1:443", "tcp 192.0.2.3:443"}) set_health(check, health::Verdict::kUp);
  EXPECT_THAT(contents(explained("h.example.", {}, {{"*", health::Verdict::kDown}})),
              ElementsAre("192.0.2.1", "192.0.2.3"));
}

TEST_F(ExplainerTest, APlannedTtlIsSaid) {
  lua("h.example.", "A \"ifportup(443, {'192.0.2.1'}, {plannedttl=true})\"");
  health_ = health::HealthTableBuilder::add(*health_, {"tcp 192.0.2.1:443"});
  health_ = health::HealthTableBuilder::set(
      *health_, {{health_->find("tcp 192.0.2.1:443"), {.verdict = health::Verdict::kUp, .ttl_step = 5}}});
  const Explanation got = explained("h.example.");
  ASSERT_EQ(got.rows.size(), 1U);
  EXPECT_EQ(got.rows[0].ttl, 5U);
  EXPECT_TRUE(got.steering.records[0].evidence.planned);
  EXPECT_EQ(got.steering.records[0].ttl, 30U) << "its own";
  EXPECT_THAT(got.steering.records[0].trace.notes,
              testing::Contains("tcp 192.0.2.1:443 may change soon: TTL 5 at most"));
}

TEST_F(ExplainerTest, ACheckBeatsAnAddressAndAnythingBeatsEvery) {
  lua("h.example.", "A \"ifportup(443, {'192.0.2.1', '192.0.2.2'}, {selector='all', backupSelector='all'})\"");
  EXPECT_THAT(
      contents(explained("h.example.", {}, {{"*", health::Verdict::kDown}, {"192.0.2.2", health::Verdict::kUp}})),
      ElementsAre("192.0.2.2"));
}

TEST_F(ExplainerTest, ChecksAreShownWithoutTheirSecrets) {
  lua("s.example.", "A \"ifurlup('https://h/', {{'192.0.2.1'}}, {headers={Token='hush'}})\"");
  const Explanation got = explained("s.example.");
  const ExplainedRecord& record = got.steering.records.at(0);
  const auto is_shown = AllOf(HasSubstr("header:Token=(hidden:"), Not(HasSubstr("hush")));
  EXPECT_THAT(cache_words(record, client_), is_shown);
  ASSERT_FALSE(record.trace.steps.empty());
  EXPECT_THAT(record.trace.steps[0].why, is_shown);
  const auto refused = try_explain("s.example.", {}, {{"192.0.2.9", health::Verdict::kUp}});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().hint, is_shown);
}

TEST_F(ExplainerTest, ATargetWithoutACheckIsAnError) {
  lua("h.example.", "A \"ifportup(443, {'192.0.2.1'})\"");
  const auto got = try_explain("h.example.", {}, {{"192.0.2.9", health::Verdict::kUp}});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Errc::kInvalidArgument);
  EXPECT_THAT(got.error().what, HasSubstr("192.0.2.9 names no check"));
  EXPECT_THAT(got.error().hint, HasSubstr("tcp 192.0.2.1:443"));
}

TEST_F(ExplainerTest, AFailureIsServfailAndSaysWhy) {
  lua("f.example.", "A \"error('on purpose')\"");
  const Explanation got = explained("f.example.", dns::kA);
  EXPECT_EQ(got.outcome, Outcome::kServfail);
  EXPECT_THAT(got.why, HasSubstr("on purpose"));
  EXPECT_THAT(got.rows, IsEmpty());
}

TEST_F(ExplainerTest, ACnameThatFailsIsServfailForEveryType) {
  lua("f.example.", "CNAME \"error('x')\"");
  lua("f.example.", "TXT \"'beside it'\"");
  EXPECT_EQ(explained("f.example.", dns::kTXT).outcome, Outcome::kServfail);
}

TEST_F(ExplainerTest, ATypeThatFailsBesideAnotherIsServfailAlone) {
  lua("f.example.", "AAAA \"'192.0.2.1'\"");
  lua("f.example.", "A \"'192.0.2.1'\"");
  EXPECT_EQ(explained("f.example.", dns::kA).outcome, Outcome::kRecords);
  const Explanation failed = explained("f.example.", dns::kAAAA);
  EXPECT_EQ(failed.outcome, Outcome::kServfail);
  EXPECT_THAT(failed.why, HasSubstr("the LUA record for AAAA failed"));
  EXPECT_EQ(explained("f.example.", dns::kTXT).outcome, Outcome::kNodata);
  EXPECT_EQ(explained("f.example.").outcome, Outcome::kServfail) << "ANY asks for all";
}

TEST_F(ExplainerTest, WhoEvaluatesIsSaid) {
  lua("w.example.", "A \"'192.0.2.1'\"");
  lua("t.example.", "A \"tcp and '192.0.2.1' or '192.0.2.2'\"");
  settings_.powerdns_may = true;
  EXPECT_EQ(explained("w.example.", dns::kA).steering.records[0].by, EvaluatedBy::kUs);
  const Explanation one = explained("t.example.", dns::kA);
  EXPECT_EQ(one.outcome, Outcome::kPowerDns);
  EXPECT_THAT(one.steering.records[0].reason, HasSubstr("names tcp"));
  metadata("X-SDNS-LUA", "powerdns");
  EXPECT_EQ(explained("w.example.", dns::kA).outcome, Outcome::kPowerDns);
  EXPECT_THAT(explained("w.example.").steering.records[0].reason, HasSubstr("X-SDNS-LUA"));
  settings_.enabled = false;
  const Explanation nobody = explained("w.example.", dns::kA);
  EXPECT_EQ(nobody.outcome, Outcome::kNodata);
  EXPECT_THAT(nobody.why, HasSubstr("lua.enabled"));
}

TEST_F(ExplainerTest, AWildcardIsAskedAsPowerDnsAsks) {
  lua("*.c.example.", "A \"'192.0.2.1'\"");
  lua("*.n.example.", "TXT \"qname:toString()\"");
  EXPECT_EQ(explained("x.c.example.").asked, "*.c.example.");
  const Explanation named = explained("x.n.example.");
  EXPECT_EQ(named.asked, "x.n.example.");
  EXPECT_TRUE(named.steering.synthesised);
  EXPECT_THAT(contents(named), ElementsAre("\"x.n.example.\""));
}

ExplainedRecord record_with(lua::Evidence evidence) {
  ExplainedRecord record;
  record.contents = {"192.0.2.1"};
  record.evidence = std::move(evidence);
  return record;
}

TEST(ExplainWords, CachesAreToldInWords) {
  const lua::Client client{*dns::IpAddress::parse("192.0.2.77"), {}, {}};
  lua::Evidence evidence;
  EXPECT_THAT(cache_words(record_with(evidence), client), testing::StartsWith("the same for everybody: "));
  evidence.query_name = true;
  EXPECT_THAT(cache_words(record_with(evidence), client),
              testing::StartsWith("the same for everybody who asks for this name: "));
  for (int i = 0; i < 9; ++i) evidence.checks.push_back("tcp 192.0.2." + std::to_string(i) + ":1");
  EXPECT_THAT(cache_words(record_with(evidence), client), testing::EndsWith("tcp 192.0.2.3:1, and 5 more"));
  evidence.chance = true;
  EXPECT_EQ(cache_words(record_with(evidence), client),
            "not kept: drawn by chance or made from the time, for each query anew");
  evidence.on_client(24);
  EXPECT_THAT(cache_words(record_with(evidence), client), HasSubstr("192.0.2.0/24, and drawn by chance"));
  const lua::Client subnet{client.who, dns::IpNetwork{*dns::IpAddress::parse("203.0.112.0"), 20}, {}};
  EXPECT_THAT(cache_words(record_with(evidence), subnet), HasSubstr("the first 20 bits, 203.0.112.0/20"));
}

}  // namespace
}  // namespace sdns::answer
