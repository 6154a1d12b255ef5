// SPDX-License-Identifier: MIT
#include "backend/answer/steering.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backend/answer/answer.h"
#include "backend/answer/neighbours.h"
#include "backend/dns/dnssec_key.h"
#include "backend/protocol/reply_write.h"
#include "tests/support/manual_clock.h"

namespace sdns::answer {
namespace {

using testing::HasSubstr;
using testing::Not;

dns::Name name(std::string_view text) { return *dns::Name::parse(text); }

// Asks for names of one zone, and gives the reply's text.
class SteeringTest : public testing::Test {
 protected:
  SteeringTest() { rebuild(); }

  void record(const std::string& owner, dns::RrType type, const std::string& content) {
    content_.records.push_back({name(owner), type, {30}, content});
    rebuild();
  }
  void lua(const std::string& owner, const std::string& content) { record(owner, dns::kLUA, content); }
  void metadata(const std::string& kind, const std::string& value) {
    content_.metadata.push_back({kind, {value}});
    rebuild();
  }
  void set_health(const std::string& identity, health::Verdict verdict, std::uint8_t ttl_step = 0) {
    table_ = health::HealthTableBuilder::add(*table_, {identity});
    table_ = health::HealthTableBuilder::set(*table_,
                                             {{table_->find(identity), {.verdict = verdict, .ttl_step = ttl_step}}});
    health_.publish(table_);
  }

  std::string ask(const std::string& qname, dns::RrType type = dns::kANY, const std::string& client = "198.51.100.7",
                  const std::string& network = "") {
    const std::string real = network.empty() ? client + "/32" : network;
    protocol::Lookup lookup{.qname = qname,
                            .qname_json = qname,
                            .qtype = type,
                            .zone_id = 7,
                            .remote = client,
                            .local = "192.0.2.53",
                            .real_remote = real};
    std::string text;
    Facts facts;
    facts.steering = steering_.get();
    facts.synthesised = &synthesised_;
    protocol::write_reply(answer(protocol::Request(lookup), *zones_, scratch_, facts), text);
    return text;
  }
  std::string ask_without_client(const std::string& qname) { return ask(qname, dns::kANY, "0.0.0.0", "0.0.0.0/0"); }

  std::vector<purge::Told> told() {
    std::vector<purge::Told> out;
    inbox_.take(out);
    return out;
  }

  void rebuild() {
    zone::ZoneContent content = content_;
    content.head.id = 7;
    content.head.apex = name("example.");
    content.records.push_back({name("example."), dns::kSOA, {300}, "ns.example. h.example. 5 3600 600 86400 300"});
    content.records.push_back({name("example."), dns::kNS, {300}, "ns.example."});
    zone::ZoneSetBuilder builder;
    const auto added = builder.add(std::move(content));
    ASSERT_TRUE(added) << to_text(added.error());
    zones_ = builder.finish(3, {});
  }
  void restart() {
    steering_ = std::make_unique<Steering>(Steering::Parts{.settings = settings_,
                                                           .health = health_,
                                                           .geo = geo_,
                                                           .told = &inbox_,
                                                           .clock = clock_,
                                                           .log = log_,
                                                           .metrics = metrics_,
                                                           .seed = 1});
  }

  zone::ZoneContent content_;
  zone::ZoneSetPtr zones_;
  SteeringSettings settings_;
  health::HealthTablePtr table_ = std::make_shared<const health::HealthTable>();
  health::HealthCell health_{table_};
  lua::GeoCell geo_{lua::Geo::nowhere()};
  purge::ToldInbox inbox_;
  test::ManualClock clock_;
  SystemClock wall_clock_;
  Log log_{wall_clock_, LogLevel::kError, LogFormat::kText};
  Metrics metrics_;
  SynthesisedNames synthesised_;
  std::unique_ptr<Steering> steering_ = std::make_unique<Steering>(Steering::Parts{.settings = settings_,
                                                                                   .health = health_,
                                                                                   .geo = geo_,
                                                                                   .told = &inbox_,
                                                                                   .clock = clock_,
                                                                                   .log = log_,
                                                                                   .metrics = metrics_,
                                                                                   .seed = 1});
  Scratch scratch_;
};

TEST_F(SteeringTest, ARecordBecomesRowsOfItsTypeAndTtl) {
  lua("www.example.", "A \"'192.0.2.1'\"");
  EXPECT_EQ(ask("www.example."),
            R"({"result":[{"qname":"www.example.","qtype":"A","content":"192.0.2.1","ttl":30,"domain_id":7}]})"
            "\n");
}

TEST_F(SteeringTest, WhatDependsOnTheClientHasTheScopeThatMattered) {
  lua("www.example.", "A \"netmask({'198.51.100.0/24'}) and '192.0.2.1' or '192.0.2.2'\"");
  record("www.example.", dns::kTXT, "\"plain\"");
  EXPECT_THAT(ask("www.example."), HasSubstr(R"("content":"192.0.2.1","ttl":30,"scopeMask":24)"));
  EXPECT_THAT(ask("www.example."), HasSubstr(R"("content":"\"plain\"","ttl":30,"domain_id")")) << "has no scope";
  EXPECT_THAT(ask("www.example.", dns::kANY, "10.1.2.3", "10.1.0.0/16"),
              HasSubstr(R"("192.0.2.2","ttl":30,"scopeMask":1)"));
  EXPECT_THAT(ask("www.example.", dns::kANY, "10.1.2.3", "198.51.0.0/16"), HasSubstr(R"("scopeMask":16)"))
      << "never longer than the source";
}

TEST_F(SteeringTest, PowerDnsItselfIsGivenTheCodeAndMayNotKeepIt) {
  lua("www.example.", "A \"bestwho:toString()\"");
  const std::string reply = ask_without_client("www.example.");
  EXPECT_THAT(reply, HasSubstr(R"("qtype":"LUA")"));
  EXPECT_THAT(reply, HasSubstr(R"("scopeMask":1)"));
  EXPECT_THAT(ask("www.example.", dns::kLUA), HasSubstr(R"("content":"A \"bestwho:toString()\"")"));
}

TEST_F(SteeringTest, QuestionsForOtherTypesRunNoCode) {
  lua("www.example.", "A \"error('ran')\"");
  for (const dns::RrType type : {dns::kNS, dns::kDNAME, dns::kSOA, dns::kDS, dns::kTXT})
    EXPECT_EQ(ask("www.example.", type), "{\"result\":[]}\n") << type.text();
}

// A row at which PowerDNS fails when this type is asked for.
std::string failing(const std::string& type) { return R"("qtype":"LUA","content":")" + type + R"( \";error()"; }

TEST_F(SteeringTest, ATypeThatFailsIsARowAtWhichPowerDnsFails) {
  lua("www.example.", "AAAA \"error('x')\"");
  EXPECT_THAT(ask("www.example."), AllOf(HasSubstr(failing("AAAA")), HasSubstr(R"("scopeMask":1)")));
  lua("www.example.", "A \"'192.0.2.1'\"");
  EXPECT_THAT(ask("www.example."), AllOf(HasSubstr(failing("AAAA")), HasSubstr("192.0.2.1"))) << "beside the others";
  lua("alias.example.", "CNAME \"error('x')\"");
  EXPECT_THAT(ask("alias.example."), HasSubstr(failing("CNAME")));
  lua("loop.example.", "TXT \";while true do end\"");
  EXPECT_THAT(ask("loop.example."), HasSubstr(failing("TXT")));
}

TEST_F(SteeringTest, PowerDnsIsToldThatLuaIsOnWhereThereIsAny) {
  const auto metadata = [this](const protocol::Request& request) {
    Facts facts;
    facts.steering = steering_.get();
    std::string text;
    protocol::write_reply(answer(request, *zones_, scratch_, facts), text);
    return text;
  };
  const protocol::Request one = protocol::GetDomainMetadata{"example.", "ENABLE-LUA-RECORDS"};
  const protocol::Request all = protocol::GetAllDomainMetadata{"example."};
  record("a.example.", dns::kA, "192.0.2.1");
  content_.metadata = {{"ENABLE-LUA-RECORDS", {"0"}}, {"X-A", {"b", "c"}}};
  rebuild();
  EXPECT_EQ(metadata(one), "{\"result\":[\"0\"]}\n");
  lua("www.example.", "A \"'192.0.2.1'\"");
  EXPECT_EQ(metadata(one), "{\"result\":[\"1\"]}\n");
  EXPECT_EQ(metadata(all), "{\"result\":{\"X-A\":[\"b\",\"c\"],\"ENABLE-LUA-RECORDS\":[\"1\"]}}\n");
  settings_.enabled = false;
  EXPECT_EQ(metadata(one), "{\"result\":[\"0\"]}\n");
  content_.metadata = {{"PRESIGNED", {"1"}}};
  settings_.enabled = true;
  rebuild();
  EXPECT_EQ(metadata(one), "{\"result\":false}\n");
}

TEST_F(SteeringTest, RecordsThatNoZoneHasAnyMoreAreForgotten) {
  record("a.example.", dns::kA, "192.0.2.1");
  const zone::ZoneContent empty = content_;
  for (int edit = 0; edit < 100; ++edit) {
    content_ = empty;
    lua("www.example.", "A \"'192.0.2." + std::to_string(edit) + "'\"");
    EXPECT_THAT(ask("www.example."), HasSubstr("192.0.2." + std::to_string(edit)));
  }
  EXPECT_THAT(metrics_.render(), HasSubstr("\nsdns_lua_owners 1\n"));
  lua("api.example.", "A \"'192.0.2.200'\"");
  ask("api.example.");
  ask("www.example.");
  EXPECT_THAT(metrics_.render(), HasSubstr("\nsdns_lua_owners 2\n"));
}

TEST_F(SteeringTest, TypesThatNoRecordMayMakeAreInNoBitmap) {
  lua("www.example.", "NS \"'ns.example'\"");
  lua("www.example.", "TXT \"'x'\"");
  EXPECT_THAT(ask_without_client("www.example."), AllOf(HasSubstr("TXT"), Not(HasSubstr("NS "))));
}

TEST_F(SteeringTest, WhatOneTypeKeepsIsToldThoughAnotherDependsOnTheClient) {
  lua("www.example.", "A \"ifportup(443, {'192.0.2.1'}, {backupSelector='all'})\"");
  lua("www.example.", "TXT \"bestwho:toString()\"");
  ask("www.example.");
  const auto notes = told();
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_TRUE(notes[0].cached);
}

TEST_F(SteeringTest, AWildcardThatTurnsOutToReadTheQueryNameIsNotKept) {
  lua("*.w.example.", "A \"ifportup(443, {'192.0.2.1'}, {backupSelector='pickname' .. 'hashed'})\"");
  EXPECT_THAT(ask("*.w.example."), HasSubstr(R"("scopeMask":1)"));
  EXPECT_THAT(ask("www.w.example."), HasSubstr("192.0.2.1")) << "by name from then on";
}

TEST_F(SteeringTest, NothingIsNodataForEverybodyOrAFailure) {
  lua("www.example.", "A \"{}\"");
  EXPECT_THAT(ask("www.example."), HasSubstr(R"("qtype":"")"));
  lua("some.example.", "A \"netmask({'198.51.100.0/24'}) and {} or '192.0.2.2'\"");
  EXPECT_THAT(ask("some.example."), HasSubstr(failing("A")));
}

TEST_F(SteeringTest, ContentThatIsNoneOfTheTypeFails) {
  lua("www.example.", "A \"'2001:db8::1'\"");
  EXPECT_THAT(ask("www.example."), HasSubstr(failing("A")));
  lua("mx.example.", "MX \"'10 Mail.Example'\"");
  EXPECT_THAT(ask("mx.example."), HasSubstr("10 Mail.Example."));
  lua("ns.example.", "NS \"'ns.example'\"");
  EXPECT_THAT(ask("ns.example."), HasSubstr(failing("NS")));
}

TEST_F(SteeringTest, AWildcardIsAnsweredAsSuchUnlessItReadsTheQueryName) {
  lua("*.a.example.", "A \"'192.0.2.1'\"");
  lua("*.b.example.", "A \"createForward()\"");
  record("x.y.b.example.", dns::kA, "192.0.2.9");
  EXPECT_EQ(ask("www.a.example."), "{\"result\":[]}\n");
  EXPECT_THAT(ask("*.a.example."), HasSubstr("192.0.2.1"));
  EXPECT_THAT(ask("192-0-2-7.b.example."),
              HasSubstr(R"("qname":"192-0-2-7.b.example.","qtype":"A","content":"192.0.2.7")"));
  EXPECT_EQ(ask("192-0-2-7.y.b.example."), "{\"result\":[]}\n") << "y.b.example is there";
  EXPECT_THAT(ask_without_client("192-0-2-7.b.example."), HasSubstr(R"("qtype":"LUA")"));
}

TEST_F(SteeringTest, ASynthesisedNameHasItsOwnHash) {
  metadata("NSEC3PARAM", "1 0 0 -");
  lua("*.b.example.", "TXT \"qname:toString()\"");
  const zone::Zone* zone = zones_->find(7);
  const zone::Nsec3Hash hash = dns::nsec3_hash(name("q.b.example."), "", 0);
  EXPECT_FALSE(synthesised_.find(7, hash));
  EXPECT_THAT(ask("q.b.example."), HasSubstr("q.b.example."));
  EXPECT_TRUE(synthesised_.find(7, hash));
  const auto neighbours = find_neighbours(*zone, dns::base32hex(hash) + ".", &synthesised_, scratch_);
  ASSERT_TRUE(neighbours);
  EXPECT_EQ(neighbours->before, dns::base32hex(hash));
  EXPECT_EQ(neighbours->unhashed, "q.b.example.");
}

TEST_F(SteeringTest, RecordsAreDataWhereTheyAreOffOrHandedOver) {
  lua("www.example.", "A \"'192.0.2.1'\"");
  settings_.enabled = false;
  restart();
  EXPECT_THAT(ask("www.example."), HasSubstr(R"("qtype":"LUA")"));
  metadata("ENABLE-LUA-RECORDS", "1");
  EXPECT_THAT(ask("www.example."), HasSubstr("\"192.0.2.1\""));
  metadata("X-SDNS-LUA", "powerdns");
  EXPECT_THAT(ask("www.example."), HasSubstr("\"192.0.2.1\"")) << "the operator has not allowed it";
  settings_.powerdns_may = true;
  restart();
  const std::string reply = ask("www.example.");
  EXPECT_THAT(reply, HasSubstr(R"("qtype":"LUA")"));
  EXPECT_THAT(reply, Not(HasSubstr(R"("qtype":"A")"))) << "evaluated once only";
}

TEST_F(SteeringTest, WhatOnlyPowerDnsKnowsIsHandedOverWhereItMay) {
  lua("www.example.", "TXT \"tcp and 'tcp' or 'udp'\"");
  EXPECT_THAT(ask("www.example."), HasSubstr("udp"));
  settings_.powerdns_may = true;
  restart();
  EXPECT_THAT(ask("www.example."), HasSubstr(R"("qtype":"LUA")"));
}

// One name may have as many records as fit into it, and the thread answers others too.
TEST_F(SteeringTest, TheRecordsOfANameHaveABudgetTogether) {
  constexpr int kRecords = 40;
  settings_.runtime.limits.time_nanoseconds = 60'000'000'000;  // steps decide, however slow this machine is
  restart();
  for (int i = 0; i < kRecords; ++i)
    lua("www.example.",
        "A \";local n = 0 for i = 1, 50000 do n = n + 1 end return '192.0.2." + std::to_string(i) + "'\"");
  const auto made = [this] {
    const std::string reply = ask("www.example.");
    EXPECT_THAT(reply, HasSubstr("error('failed at the backend"));
    int rows = 0;
    for (std::size_t at = 0; (at = reply.find(R"("qtype":"A")", at)) != std::string::npos; ++at) ++rows;
    return rows;
  };
  const int first = made();
  EXPECT_GE(first, 4);
  EXPECT_LT(first, kRecords / 2);
  EXPECT_EQ(made(), first) << "each answer has a budget of its own";
}

TEST_F(SteeringTest, ManyRecordsRestOnEachCheckOnce) {
  for (int i = 0; i < 5; ++i)
    lua("www.example.", "A \";local t = {} for i = 1, 50 do t[i] = '192.0.2.' .. (i + " + std::to_string(i * 10) +
                            ") end return ifportup(443, t)\"");
  ask("www.example.");
  const auto notes = told();
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_EQ(notes[0].checks.size(), 90U);
}

TEST_F(SteeringTest, WhatAnAnswerRestsOnIsTold) {
  lua("www.example.", "A \"ifportup(443, {'192.0.2.1','192.0.2.2'}, {selector='all', backupSelector='all'})\"");
  lua("config.example.", "LUA \"x='192.0.2.3'\"");
  lua("inc.example.", "A \";include('config') return x\"");
  lua("who.example.", "A \"ifportup(443, {'192.0.2.1','192.0.2.2'}, {selector='hashed', backupSelector='hashed'})\"");
  ask("www.example.");
  auto notes = told();
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_EQ(notes[0].owner, name("www.example."));
  EXPECT_EQ(notes[0].checks, (std::vector<std::string>{"tcp 192.0.2.1:443", "tcp 192.0.2.2:443"}));
  EXPECT_TRUE(notes[0].cached);
  EXPECT_EQ(notes[0].revision, 3U);
  ask("www.example.");
  EXPECT_TRUE(told().empty()) << "told a moment ago";
  clock_.advance(std::chrono::seconds(30));
  ask("www.example.");
  EXPECT_EQ(told().size(), 1U);
  ask("inc.example.");
  notes = told();
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_EQ(notes[0].names, std::vector<dns::Name>{name("config.example.")});
  ask("who.example.");
  notes = told();
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_FALSE(notes[0].cached);
}

TEST_F(SteeringTest, WhatPowerDnsAsksTwiceForOneQueryIsEvaluatedOnce) {
  lua("www.example.", "A \"pickhashed({'192.0.2.1','192.0.2.2','192.0.2.3','192.0.2.4'})\"");
  lua("chance.example.", "A \"pickrandom({'192.0.2.1','192.0.2.2','192.0.2.3','192.0.2.4'})\"");
  lua("both.example.", "A \"who:isIPv4() and pickrandom({'192.0.2.1','192.0.2.2','192.0.2.3','192.0.2.4'})\"");
  const auto counter = [&](const std::string& series) {
    const std::string text = metrics_.render();
    return std::stoi(text.substr(text.find('\n' + series + ' ') + 1 + series.size()));
  };
  const auto evaluations = [&](const std::string& qname, const std::string& network) {
    const int before = counter(R"(sdns_lua_evaluations_total{result="answered"})");
    ask(qname, dns::kANY, "198.51.100.7", network);
    return counter(R"(sdns_lua_evaluations_total{result="answered"})") - before;
  };
  EXPECT_EQ(evaluations("www.example.", "203.0.113.0/24"), 1);
  EXPECT_EQ(evaluations("www.example.", "203.0.113.0/24"), 0);
  EXPECT_EQ(counter("sdns_lua_scoped_total"), 2);
  EXPECT_EQ(evaluations("www.example.", "203.0.113.0/25"), 1) << "another client";
  EXPECT_EQ(ask("www.example.", dns::kANY, "198.51.100.7", "203.0.113.0/25"),
            ask("www.example.", dns::kANY, "198.51.100.7", "203.0.113.0/25"));
  set_health("tcp 192.0.2.1:443", health::Verdict::kUp);
  EXPECT_EQ(evaluations("www.example.", "203.0.113.0/24"), 1) << "health has changed";
  clock_.advance(std::chrono::seconds(1));
  EXPECT_EQ(evaluations("www.example.", "203.0.113.0/24"), 1) << "time has passed";
  for (const char* drawn : {"chance.example.", "both.example."}) {
    EXPECT_EQ(evaluations(drawn, "203.0.113.0/24"), 1) << drawn;
    EXPECT_EQ(evaluations(drawn, "203.0.113.0/24"), 1) << drawn << " is drawn for each question";
  }
}

TEST_F(SteeringTest, APlannedTtlIsTheShortestStepOfItsChecks) {
  lua("www.example.", "A \"ifportup(443, {'192.0.2.1','192.0.2.2'}, {selector='all', plannedttl='true'})\"");
  lua("own.example.", "A \"ifportup(443, {'192.0.2.1','192.0.2.2'}, {selector='all'})\"");
  set_health("tcp 192.0.2.1:443", health::Verdict::kUp);
  set_health("tcp 192.0.2.2:443", health::Verdict::kDown);
  EXPECT_THAT(ask("www.example."), HasSubstr(R"("ttl":30)")) << "solid";
  EXPECT_TRUE(told().at(0).steps);
  set_health("tcp 192.0.2.1:443", health::Verdict::kUp, 10);
  EXPECT_THAT(ask("www.example."), HasSubstr(R"("ttl":10)"));
  set_health("tcp 192.0.2.2:443", health::Verdict::kDown, 5);
  EXPECT_THAT(ask("www.example."), HasSubstr(R"("ttl":5)"));
  set_health("tcp 192.0.2.1:443", health::Verdict::kUp, 2);
  EXPECT_THAT(ask("www.example."), HasSubstr(R"("ttl":2)")) << "not the last one's";
  set_health("tcp 192.0.2.1:443", health::Verdict::kUp, 60);
  set_health("tcp 192.0.2.2:443", health::Verdict::kDown);
  EXPECT_THAT(ask("www.example."), HasSubstr(R"("ttl":30)")) << "never more than its own";
  set_health("tcp 192.0.2.1:443", health::Verdict::kUp, 1);
  told();
  EXPECT_THAT(ask("own.example."), HasSubstr(R"("ttl":30)")) << "who does not ask";
  EXPECT_FALSE(told().at(0).steps);
}

TEST_F(SteeringTest, RowsOfOneTypeHaveOneTtl) {
  lua("www.example.", "A \"ifportup(443, {'192.0.2.1'}, {plannedttl=true})\"");
  lua("www.example.", "A \"'192.0.2.9'\"");
  lua("www.example.", "TXT \"'a,\\\"ttl\\\":77'\"");
  set_health("tcp 192.0.2.1:443", health::Verdict::kUp, 5);
  const std::string reply = ask("www.example.");
  EXPECT_THAT(reply, HasSubstr(R"("content":"192.0.2.1","ttl":5)"));
  EXPECT_THAT(reply, HasSubstr(R"("content":"192.0.2.9","ttl":5)"));
  EXPECT_THAT(reply, HasSubstr(R"("ttl":30)")) << "another type keeps its own: " << reply;
}

TEST_F(SteeringTest, HealthDecides) {
  lua("www.example.", "A \"ifportup(443, {'192.0.2.1','192.0.2.2'}, {selector='all', backupSelector='all'})\"");
  EXPECT_THAT(ask("www.example."), HasSubstr("192.0.2.2"));
  set_health("tcp 192.0.2.1:443", health::Verdict::kUp);
  EXPECT_THAT(ask("www.example."), Not(HasSubstr("192.0.2.2")));
}

}  // namespace
}  // namespace sdns::answer
