// SPDX-License-Identifier: MIT
// What every write takes care of, on an adapter whose single steps are scripted.
#include "registrars/guarded.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "tests/unit/registrars/registrar_fixture.h"

namespace sdns::registrars {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

const dns::Name kDomain = test::name("example.com");
const std::vector<dns::Name> kOld = {test::name("ns1.old.example"), test::name("ns2.old.example")};
const std::vector<dns::Name> kNew = {test::name("ns1.pdm.example"), test::name("ns2.pdm.example")};
const std::vector<Nameserver> kWanted = {{kNew[0]}, {kNew[1]}};

Fault lost() {
  Fault fault{FaultKind::kApiUnavailable, "no answer"};
  fault.timeout = true;
  fault.executed = Executed::kMaybe;
  return fault;
}

class FakeAdapter final : public Adapter {
 public:
  explicit FakeAdapter(Context& context) : channel_(context, {"fake", "Fake", {}, seconds(60), ""}, {}) {
    can.registrar = "fake";
  }
  const Capabilities& capabilities() const override { return can; }
  Channel& channel() override { return channel_; }
  Answer<Registration> inspect(const dns::Name& domain) override {
    Registration found;
    found.domain = domain;
    found.blocked = blocked;
    return found;
  }
  Answer<NameserverSet> read_nameservers(const dns::Name&) override {
    ++reads;
    if (on_read) on_read();
    if (read_fails) return refuse(FaultKind::kApiUnavailable, "cannot read");
    return set;
  }
  Answer<Accepted> write_nameservers(const dns::Name&, const std::vector<Nameserver>& wanted,
                                     const NameserverSet&) override {
    ++writes;
    steps.push_back("ns");
    return on_write ? on_write(wanted) : Answer<Accepted>(Accepted{});
  }
  Answer<std::optional<std::vector<dns::IpAddress>>> read_glue(const dns::Name&, const dns::Name& host) override {
    const auto at = glue.find(host);
    return at == glue.end() ? std::optional<std::vector<dns::IpAddress>>() : std::optional(at->second);
  }
  Answer<Accepted> write_glue(const dns::Name&, const Nameserver& wanted,
                              const std::optional<std::vector<dns::IpAddress>>&) override {
    steps.push_back("glue " + undotted(wanted.host));
    if (glue_takes_time) return Accepted{Task{"7", "host"}};
    glue[wanted.host] = wanted.addresses;
    return Accepted{};
  }
  Answer<std::optional<Task>> running(const dns::Name&, Change) override { return task; }

  Capabilities can;
  NameserverSet set{kOld};
  std::optional<std::string> blocked;
  std::optional<Task> task;
  std::function<Answer<Accepted>(const std::vector<Nameserver>&)> on_write;
  std::function<void()> on_read;
  std::map<dns::Name, std::vector<dns::IpAddress>> glue;
  std::vector<std::string> steps;
  bool read_fails = false;
  bool glue_takes_time = false;
  int reads = 0;
  int writes = 0;

 private:
  Channel channel_;
};

struct GuardedTest : testing::Test {
  test::World world{
      [](const net::HttpRequest&) -> Result<net::HttpResponse> { return fail(Errc::kUnavailable, "none"); }};
  FakeAdapter* adapter = new FakeAdapter(world.context);
  GuardedRegistrar registrar{world.context, std::unique_ptr<Adapter>(adapter)};

  Answer<WriteResult> set(const std::vector<Nameserver>& wanted = kWanted, Hosts hosts = Hosts::kMustBeRegistered) {
    return registrar.set_nameservers(kDomain, wanted, hosts);
  }
  [[nodiscard]] milliseconds slept() const {
    return std::accumulate(world.sleeps.begin(), world.sleeps.end(), milliseconds(0));
  }
  void apply_on_write() {
    adapter->on_write = [this](const auto&) -> Answer<Accepted> {
      adapter->set.hosts = kNew;
      return Accepted{};
    };
  }
  static FaultKind kind(const Answer<WriteResult>& result) {
    return result ? FaultKind::kRegistrarError : result.error().kind;
  }
};

TEST_F(GuardedTest, WritesAndReadsBack) {
  apply_on_write();
  const auto result = set();
  ASSERT_TRUE(result) << to_text(result.error());
  EXPECT_EQ(result->state, WriteState::kApplied);
  EXPECT_TRUE(result->confirmed);
  EXPECT_THAT(result->previous, ElementsAre("ns1.old.example", "ns2.old.example"));
  EXPECT_THAT(result->observed, ElementsAre("ns1.pdm.example", "ns2.pdm.example"));
}

TEST_F(GuardedTest, WritesNothingWhenNothingWouldChange) {
  adapter->set.hosts = {kNew[1], kNew[0]};
  const auto result = set({{kNew[0]}, {kNew[1]}, {kNew[0]}});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->state, WriteState::kUnchanged);
  EXPECT_EQ(adapter->writes, 0);
}

TEST_F(GuardedTest, SendsNothingAgainAfterALostAnswerWhenTheChangeWasMade) {
  adapter->on_write = [this](const auto&) -> Answer<Accepted> {
    adapter->set.hosts = kNew;
    return refuse(lost());
  };
  const auto result = set();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->state, WriteState::kApplied);
  EXPECT_TRUE(result->confirmed);
  EXPECT_EQ(adapter->writes, 1);
  EXPECT_THAT(result->note, HasSubstr("lost"));
}

TEST_F(GuardedTest, SendsOnceMoreWhenFiveReadsInAMinuteShowTheOldSet) {
  int write = 0;
  adapter->on_write = [&](const auto&) -> Answer<Accepted> {
    if (++write == 1) return refuse(lost());
    EXPECT_EQ(adapter->reads, 6) << "one before, five after";
    EXPECT_EQ(slept(), seconds(60));
    adapter->set.hosts = kNew;
    return Accepted{};
  };
  const auto result = set();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->state, WriteState::kApplied);
  EXPECT_EQ(adapter->writes, 2);
}

TEST_F(GuardedTest, GivesUpAfterTheSecondLostAnswer) {
  adapter->on_write = [](const auto&) -> Answer<Accepted> { return refuse(lost()); };
  const auto result = set();
  EXPECT_EQ(kind(result), FaultKind::kOutcomeUnknown);
  EXPECT_EQ(adapter->writes, 2);
  EXPECT_THAT(to_text(result.error()), HasSubstr("example.com"));
}

TEST_F(GuardedTest, SendsNothingAgainWhenItCannotReadBack) {
  adapter->on_write = [this](const auto&) -> Answer<Accepted> {
    adapter->read_fails = true;
    return refuse(lost());
  };
  EXPECT_EQ(kind(set()), FaultKind::kOutcomeUnknown);
  EXPECT_EQ(adapter->writes, 1);
}

TEST_F(GuardedTest, SendsNothingAgainWhenAThirdSetIsThere) {
  adapter->on_write = [this](const auto&) -> Answer<Accepted> {
    adapter->set.hosts = {test::name("a.other.example"), test::name("b.other.example")};
    return refuse(lost());
  };
  EXPECT_EQ(kind(set()), FaultKind::kOutcomeUnknown);
  EXPECT_EQ(adapter->writes, 1);
}

TEST_F(GuardedTest, SendsNothingAgainWhenTheTimeIsOverBeforeTheReadsAre) {
  world.context.limits.operation = seconds(20);
  adapter->on_write = [](const auto&) -> Answer<Accepted> { return refuse(lost()); };
  EXPECT_EQ(kind(set()), FaultKind::kOutcomeUnknown);
  EXPECT_EQ(adapter->writes, 1);
  EXPECT_LE(slept(), seconds(20));
}

TEST_F(GuardedTest, FindsTheTaskOfALostAnswer) {
  adapter->on_write = [this](const auto&) -> Answer<Accepted> {
    adapter->task = Task{"987", "update"};
    return refuse(lost());
  };
  const auto result = set();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->state, WriteState::kPending);
  EXPECT_EQ(result->task->id, "987");
  EXPECT_EQ(adapter->writes, 1);
}

TEST_F(GuardedTest, OrdersNothingBesideATaskThatRuns) {
  adapter->task = Task{"987", "update"};
  EXPECT_EQ(kind(set()), FaultKind::kConflict);
  EXPECT_EQ(adapter->writes, 0);
}

TEST_F(GuardedTest, OrdersNothingTwice) {
  adapter->set.ordered = kNew;
  adapter->task = Task{"987", "update"};
  const auto result = set();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->state, WriteState::kPending);
  EXPECT_EQ(result->task->id, "987");
  EXPECT_EQ(adapter->writes, 0);
}

TEST_F(GuardedTest, IsNotUnchangedWhileAnotherSetIsOrdered) {
  adapter->set.hosts = kNew;
  adapter->set.ordered = kOld;
  adapter->task = Task{"987", "update"};
  EXPECT_EQ(kind(set()), FaultKind::kConflict);
}

TEST_F(GuardedTest, LeavesADomainThatIsBlockedAlone) {
  adapter->blocked = "its status is HELD";
  const auto result = set();
  EXPECT_EQ(kind(result), FaultKind::kDomainLocked);
  EXPECT_THAT(result.error().detail, HasSubstr("HELD"));
  EXPECT_EQ(adapter->writes, 0);
  EXPECT_EQ(registrar.validate(kDomain).error().kind, FaultKind::kDomainLocked);
}

TEST_F(GuardedTest, IsTheOnlyWriterOfTheDomain) {
  adapter->on_write = [this](const auto&) -> Answer<Accepted> {
    GuardedRegistrar other(world.context, std::make_unique<FakeAdapter>(world.context));
    EXPECT_EQ(kind(other.set_nameservers(kDomain, kWanted, Hosts::kMustBeRegistered)), FaultKind::kConflict);
    EXPECT_EQ(kind(other.clear_ds(kDomain)), FaultKind::kConflict);
    adapter->set.hosts = kNew;
    return Accepted{};
  };
  EXPECT_TRUE(set());
}

TEST_F(GuardedTest, WaitsForALagAndCallsItPendingAfterIt) {
  adapter->can.read_back_lag = seconds(60);
  int left = 3;
  adapter->on_write = [&](const auto&) -> Answer<Accepted> {
    adapter->on_read = [&] { adapter->set.hosts = --left > 0 ? kOld : kNew; };
    return Accepted{};
  };
  EXPECT_EQ(set()->state, WriteState::kApplied);
  adapter->set.hosts = kOld;
  adapter->on_read = nullptr;
  left = 1000;
  const auto result = set();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->state, WriteState::kPending);
  EXPECT_FALSE(result->confirmed);
  EXPECT_THAT(result->observed, ElementsAre("ns1.old.example", "ns2.old.example"))
      << "what was read, not what was wanted";
}

TEST_F(GuardedTest, SaysThatItCouldNotConfirm) {
  adapter->on_write = [this](const auto&) -> Answer<Accepted> {
    adapter->read_fails = true;
    return Accepted{};
  };
  const auto result = set();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->state, WriteState::kApplied);
  EXPECT_FALSE(result->confirmed);
  EXPECT_TRUE(result->observed.empty());
}

TEST_F(GuardedTest, PassesALimitOnWhenItsDelayDoesNotFit) {
  adapter->on_write = [](const auto&) -> Answer<Accepted> {
    Fault fault{FaultKind::kRateLimited, "too many"};
    fault.retry_after = seconds(300);
    return refuse(std::move(fault));
  };
  const auto result = set();
  EXPECT_EQ(kind(result), FaultKind::kRateLimited);
  EXPECT_EQ(result.error().retry_after, seconds(300));
  EXPECT_EQ(adapter->writes, 1);
}

TEST_F(GuardedTest, SendsAgainOnceWhatNeverLeft) {
  int write = 0;
  adapter->on_write = [&](const auto&) -> Answer<Accepted> {
    if (++write == 1) return refuse(FaultKind::kApiUnavailable, "connection refused");
    adapter->set.hosts = kNew;
    return Accepted{};
  };
  EXPECT_EQ(set()->state, WriteState::kApplied);
  EXPECT_EQ(adapter->writes, 2);
}

struct InputCase {
  const char* sentence;
  std::vector<Nameserver> wanted;
  FaultKind kind;
};
class GuardedInput : public GuardedTest, public testing::WithParamInterface<InputCase> {};
TEST_P(GuardedInput, IsRefusedBeforeAnythingIsAsked) {
  adapter->can.glue_v6 = {false, "no IPv6", "IPv4"};
  adapter->can.one_address_per_host = true;
  adapter->can.most_nameservers = 3;
  EXPECT_EQ(kind(set(GetParam().wanted)), GetParam().kind) << GetParam().sentence;
  EXPECT_EQ(adapter->reads, 0);
}
const dns::IpAddress kV4 = *dns::IpAddress::parse("192.0.2.1");
const dns::IpAddress kV6 = *dns::IpAddress::parse("2001:db8::1");
INSTANTIATE_TEST_SUITE_P(
    Registrars, GuardedInput,
    testing::Values(InputCase{"one name server", {{kNew[0]}}, FaultKind::kInvalidNameserver},
                    InputCase{"the same one twice", {{kNew[0]}, {kNew[0]}}, FaultKind::kInvalidNameserver},
                    InputCase{"more than the registrar takes",
                              {{kNew[0]}, {kNew[1]}, {kOld[0]}, {kOld[1]}},
                              FaultKind::kInvalidNameserver},
                    InputCase{"a host below the domain without addresses",
                              {{kNew[0]}, {test::name("ns1.example.com")}},
                              FaultKind::kInvalidNameserver},
                    InputCase{
                        "the domain itself without addresses", {{kNew[0]}, {kDomain}}, FaultKind::kInvalidNameserver},
                    InputCase{"an IPv6 address where only IPv4 goes",
                              {{kNew[0]}, {test::name("ns1.example.com"), {kV6}}},
                              FaultKind::kUnsupportedOperation},
                    InputCase{"two addresses where one goes",
                              {{kNew[0]}, {test::name("ns1.example.com"), {kV4, *dns::IpAddress::parse("192.0.2.2")}}},
                              FaultKind::kUnsupportedOperation}));

TEST_F(GuardedTest, RegistersHostsBeforeTheSetThatNamesThem) {
  const std::vector<Nameserver> wanted = {{test::name("ns1.example.com"), {kV4}}, {kNew[1]}};
  adapter->on_write = [this](const std::vector<Nameserver>& given) -> Answer<Accepted> {
    adapter->set.hosts = {given[0].host, given[1].host};
    return Accepted{};
  };
  EXPECT_EQ(set(wanted)->state, WriteState::kApplied);
  EXPECT_THAT(adapter->steps, ElementsAre("glue ns1.example.com", "ns"));
}

TEST_F(GuardedTest, EndsWhereARegistrationOfAHostTakesTime) {
  adapter->glue_takes_time = true;
  const auto result = set({{test::name("ns1.example.com"), {kV4}}, {kNew[1]}});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->state, WriteState::kPending);
  EXPECT_TRUE(result->repeat);
  EXPECT_EQ(adapter->writes, 0);
}

TEST_F(GuardedTest, TakesTheWordThatHostsAreRegistered) {
  adapter->can.get_glue = adapter->can.glue_v4 = {false, "no", "x"};
  EXPECT_EQ(kind(set({{test::name("ns1.example.com"), {kV4}}, {kNew[1]}})), FaultKind::kUnsupportedOperation);
  const auto result = set({{test::name("ns1.example.com")}, {kNew[1]}}, Hosts::kAreRegistered);
  EXPECT_TRUE(result);
  EXPECT_EQ(adapter->writes, 1);
}

}  // namespace
}  // namespace sdns::registrars
