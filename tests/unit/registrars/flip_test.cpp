// SPDX-License-Identifier: MIT
// The safe flip in a world of parent servers that lag, writes that get lost, credentials that go away and resolvers
// that remember everything for as long as they may.
#include "registrars/flip.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "tests/support/seeded_random.h"

namespace sdns::registrars {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using S = FlipStep;

constexpr seconds kDsTtl{86400};
constexpr seconds kNsTtl{172800};
const WallTime kStart{hours(500000)};

// ---- The decision

struct DecisionCase {
  const char* sentence;
  DnssecFacts facts;
  std::optional<DnssecRoute> at_once;
  std::vector<DnssecRoute> offered;
};
class Decision : public testing::TestWithParam<DecisionCase> {};
TEST_P(Decision, IsThatOfTheTable) {
  const auto decision = decide_dnssec(GetParam().facts);
  EXPECT_EQ(decision.at_once, GetParam().at_once) << GetParam().sentence;
  EXPECT_EQ(decision.offered, GetParam().offered) << GetParam().sentence;
  EXPECT_FALSE(decision.reason.empty());
}
using R = DnssecRoute;
INSTANTIATE_TEST_SUITE_P(
    Registrars, Decision,
    testing::Values(
        DecisionCase{"unsigned to unsigned", {}, R::kFlip, {R::kFlip}},
        DecisionCase{"unsigned to signed",
                     {.target_signed = true, .can_set_ds = true, .adds_new_ds = true},
                     R::kFlipThenDs,
                     {R::kFlipThenDs}},
        DecisionCase{"unsigned to signed, by hand", {.target_signed = true, .adds_new_ds = true}, R::kFlip, {R::kFlip}},
        DecisionCase{"a presigned copy",
                     {.parent_has_ds = true, .target_signed = true, .same_keys = true, .ds_covers_target = true},
                     R::kFlip,
                     {R::kFlip}},
        DecisionCase{"multi-signer with both DS",
                     {.parent_has_ds = true, .target_signed = true, .both_publish_all = true, .ds_covers_target = true},
                     R::kFlip,
                     {R::kFlip}},
        DecisionCase{"multi-signer with the old DS",
                     {.parent_has_ds = true, .target_signed = true, .both_publish_all = true, .can_set_ds = true},
                     std::nullopt,
                     {R::kStaySecure, R::kGoInsecure}},
        DecisionCase{"both DS and disjoint keys",
                     {.parent_has_ds = true, .target_signed = true, .ds_covers_target = true, .can_set_ds = true},
                     std::nullopt,
                     {R::kGoInsecure}},
        DecisionCase{"signed to other keys",
                     {.parent_has_ds = true, .target_signed = true, .can_set_ds = true},
                     std::nullopt,
                     {R::kGoInsecure}},
        DecisionCase{"signed to unsigned", {.parent_has_ds = true, .can_set_ds = true}, std::nullopt, {R::kGoInsecure}},
        DecisionCase{"signed to unsigned, DS by hand", {.parent_has_ds = true}, std::nullopt, {R::kGoInsecure}}));

TEST(DecisionOfDs, WaitsForAPersonWhereTheRegistrarHasNoCall) {
  EXPECT_TRUE(decide_dnssec({.parent_has_ds = true}).customer_clears_ds);
  EXPECT_FALSE(decide_dnssec({.parent_has_ds = true, .can_set_ds = true}).customer_clears_ds);
}

// ---- Steps

TEST(FlipSteps, AreTheSameInADryRunAndInARunWithoutFaults) {
  const FlipPlan plan{DnssecRoute::kGoInsecure, true, true, false, true, kDsTtl, kNsTtl};
  EXPECT_EQ(steps_of(plan), (std::vector<S>{S::kClearDs, S::kAwaitNoDs, S::kRegisterHosts, S::kSetNs, S::kAwaitNs,
                                            S::kDrainNs, S::kSetDs, S::kAwaitDs}));
  EXPECT_EQ(steps_of({DnssecRoute::kFlip}), (std::vector<S>{S::kSetNs, S::kAwaitNs, S::kDrainNs}));
  EXPECT_EQ(steps_of({DnssecRoute::kStaySecure, true, true}),
            (std::vector<S>{S::kAddDs, S::kAwaitBothDs, S::kSetNs, S::kAwaitNs, S::kDrainNs, S::kSetDs, S::kAwaitDs}));
}

TEST(FlipSteps, WaitTheTtlOfTheDsFromTheFirstViewWithoutIt) {
  const FlipPlan plan{DnssecRoute::kGoInsecure, true, false, false, false, kDsTtl, kNsTtl};
  FlipState state = written(begin_flip(plan, kStart), WriteOutcome::kDone, "", kStart);
  const ParentView gone{true, ParentView::Ns::kOld, ParentView::Ds::kNone};
  const WallTime first = kStart + minutes(10);
  state = seen(state, gone, first);
  state = seen(state, gone, first + kDsTtl + kTtlSlack - seconds(1));
  EXPECT_EQ(state.step, S::kAwaitNoDs);
  EXPECT_EQ(seen(state, gone, first + kDsTtl + kTtlSlack).step, S::kSetNs);
}

TEST(FlipSteps, BeginTheWaitAnewWhenTheDsIsBackAndAfterALongerTtl) {
  const FlipPlan plan{DnssecRoute::kGoInsecure, true, false, false, false, kDsTtl, kNsTtl};
  FlipState state = written(begin_flip(plan, kStart), WriteOutcome::kDone, "", kStart);
  const ParentView gone{true, ParentView::Ns::kOld, ParentView::Ds::kNone};
  const ParentView there{true, ParentView::Ns::kOld, ParentView::Ds::kMixed, seconds(2 * kDsTtl)};
  state = seen(state, gone, kStart + minutes(1));
  state = seen(state, there, kStart + hours(20));
  state = seen(state, gone, kStart + hours(21));
  state = seen(state, gone, kStart + hours(46));
  EXPECT_EQ(state.step, S::kAwaitNoDs);
  state = seen(state, gone, kStart + hours(70));
  EXPECT_EQ(state.step, S::kSetNs);
}

TEST(FlipSteps, ProveNothingByAViewThatIsNotComplete) {
  const FlipPlan plan{DnssecRoute::kGoInsecure, true, false, false, false, kDsTtl, kNsTtl};
  FlipState state = written(begin_flip(plan, kStart), WriteOutcome::kDone, "", kStart);
  const ParentView some{false, ParentView::Ns::kOld, ParentView::Ds::kNone};
  state = seen(state, some, kStart + minutes(1));
  state = seen(state, some, kStart + hours(40));
  EXPECT_EQ(state.step, S::kAwaitNoDs);
  EXPECT_FALSE(state.clean_since);
}

TEST(FlipSteps, LookAtTheParentAgainRightBeforeTheWrite) {
  FlipState state = begin_flip({DnssecRoute::kFlipThenDs, false, true}, kStart);
  EXPECT_EQ(need_of(state, kStart).kind, NeedKind::kLookAtParent);
  const ParentView clean{true, ParentView::Ns::kOld, ParentView::Ds::kNone};
  state = seen(state, clean, kStart);
  EXPECT_EQ(need_of(state, kStart).kind, NeedKind::kSetNewNs);
  EXPECT_TRUE(need_of(state, kStart).credential);
  EXPECT_EQ(need_of(state, kStart + hours(1)).kind, NeedKind::kLookAtParent) << "a credential that came late";
  state = seen(state, {true, ParentView::Ns::kOld, ParentView::Ds::kOld}, kStart + hours(1));
  EXPECT_EQ(state.step, S::kBack);
  EXPECT_FALSE(state.reason.empty());
}

TEST(FlipSteps, EndWhereSomebodyElseChangedTheNameServers) {
  const FlipState state = changed_by_others(begin_flip({DnssecRoute::kFlip}, kStart), kStart);
  EXPECT_EQ(state.step, S::kBack);
}

TEST(FlipSteps, AskAPersonWhereTheRegistrarCannotClearTheDsAndWaitWithoutEnd) {
  FlipState state = begin_flip({DnssecRoute::kGoInsecure, true, false, true, false, kDsTtl, kNsTtl}, kStart);
  EXPECT_EQ(need_of(state, kStart).kind, NeedKind::kPerson);
  state = seen(state, {true, ParentView::Ns::kOld, ParentView::Ds::kOld}, kStart + hours(24 * 365));
  EXPECT_EQ(state.step, S::kAwaitNoDs);
}

TEST(FlipSteps, GoBackAfterTwoDaysWithoutTheNewServersAtTheParent) {
  FlipState state = begin_flip({DnssecRoute::kFlip}, kStart);
  state = written(seen(state, {true, ParentView::Ns::kOld, ParentView::Ds::kNone}, kStart), WriteOutcome::kDone, "",
                  kStart);
  state = seen(state, {true, ParentView::Ns::kOld, ParentView::Ds::kNone}, kStart + hours(49));
  EXPECT_EQ(state.step, S::kBackSetNs);
}

TEST(FlipSteps, HaveNamesOfTheirOwn) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < kFlipSteps; ++i) names.push_back(flip_step_text(static_cast<S>(i)));
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::unique(names.begin(), names.end()), names.end());
  EXPECT_FALSE(names.front().empty());
}

// ---- The world

/// Sets of DS by which keys they cover.
enum DsBits : unsigned { kNoDs = 0, kOldDs = 1, kNewDs = 2 };

/// What one parent server has had, and since when: what a cache may hold is what was there within the last TTL.
template <class Value>
struct History {
  std::vector<std::pair<WallTime, Value>> changes;  ///< in order
  explicit History(Value first) : changes{{kStart - hours(24 * 365), first}} {}
  void set(WallTime when, Value value) {
    if (changes.back().second != value) changes.emplace_back(when, value);
  }
  [[nodiscard]] Value now() const { return changes.back().second; }
  [[nodiscard]] std::vector<Value> within(WallTime now, seconds ttl) const {
    std::vector<Value> values;
    for (std::size_t i = 0; i < changes.size(); ++i) {
      const WallTime until = i + 1 < changes.size() ? changes[i + 1].first : now;
      if (until + ttl >= now) values.push_back(changes[i].second);
    }
    return values;
  }
};

struct World {
  DnssecRoute route;
  bool had_ds;
  std::array<History<unsigned>, 2> ds;
  std::array<History<bool>, 2> ns;  // true: new
  unsigned registrar_ds;
  bool registrar_ns = false;
  struct Update {
    WallTime when;
    std::size_t server;
    std::optional<unsigned> ds;
    std::optional<bool> ns;
  };
  std::vector<Update> updates{};

  World(DnssecRoute r, bool d)
      : route(r),
        had_ds(d),
        ds{History<unsigned>(d ? kOldDs : kNoDs), History<unsigned>(d ? kOldDs : kNoDs)},
        ns{History<bool>(false), History<bool>(false)},
        registrar_ds(d ? kOldDs : kNoDs) {}

  /// Which keys the zone of these servers has. kStaySecure: both sides publish both; kFlip with a DS: the same keys.
  [[nodiscard]] unsigned keys_of(bool new_servers) const {
    if (route == DnssecRoute::kStaySecure || (route == DnssecRoute::kFlip && had_ds)) return kOldDs | kNewDs;
    return new_servers ? kNewDs : had_ds ? kOldDs : kNoDs;
  }
  void reach_parent(WallTime now) {
    std::erase_if(updates, [&](const Update& update) {
      if (update.when > now) return false;
      if (update.ds) ds[update.server].set(now, *update.ds);
      if (update.ns) ns[update.server].set(now, *update.ns);
      return true;
    });
  }
  /// The registrar's writes reach the parent's servers in their order, each server in its own time.
  void publish(WallTime now, test::SeededRandom& random) {
    for (std::size_t server = 0; server < 2; ++server) {
      WallTime when = now + seconds(random.below(4 * 3600));
      for (const Update& update : updates)
        if (update.server == server) when = std::max(when, update.when);
      updates.push_back({when, server, registrar_ds, registrar_ns});
    }
  }
  /// Every DS set and every NS set that may be in a cache, in every combination.
  [[nodiscard]] std::optional<std::string> broken(WallTime now) const {
    for (const auto& ds_server : ds)
      for (const unsigned cached_ds : ds_server.within(now, kDsTtl))
        for (const auto& ns_server : ns)
          for (const bool cached_ns : ns_server.within(now, kNsTtl))
            if (cached_ds != kNoDs && (cached_ds & keys_of(cached_ns)) == 0)
              return "DS " + std::to_string(cached_ds) + " with the " + (cached_ns ? "new" : "old") + " servers";
    return std::nullopt;
  }
  [[nodiscard]] ParentView view(bool complete) const {
    ParentView seen;
    seen.complete = complete;
    seen.ns = ns[0].now() != ns[1].now() ? ParentView::Ns::kMixed
              : ns[0].now()              ? ParentView::Ns::kNew
                                         : ParentView::Ns::kOld;
    static constexpr ParentView::Ds kSets[] = {ParentView::Ds::kNone, ParentView::Ds::kOld, ParentView::Ds::kNew,
                                               ParentView::Ds::kBoth};
    seen.ds = ds[0].now() != ds[1].now() ? ParentView::Ds::kMixed : kSets[ds[0].now()];
    seen.ds_ttl = kDsTtl;
    seen.ns_ttl = kNsTtl;
    return seen;
  }
  bool carry_out(NeedKind need) {
    switch (need) {
      case NeedKind::kClearDs:
        registrar_ds = kNoDs;
        return true;
      case NeedKind::kAddDs:
        registrar_ds = kOldDs | kNewDs;
        return true;
      case NeedKind::kSetNewDs:
        registrar_ds = kNewDs;
        return true;
      case NeedKind::kSetOldDs:
        registrar_ds = kOldDs;
        return true;
      case NeedKind::kSetNewNs:
        registrar_ns = true;
        return true;
      case NeedKind::kSetOldNs:
        registrar_ns = false;
        return true;
      default:
        return false;
    }
  }
};

struct Ending {
  FlipState state;
  bool rested = false;  ///< for want of a credential
  World world;
};

/// One flip from beginning to end, or until it rests for ever.
Ending run(const FlipPlan& plan, test::SeededRandom& random, bool with_faults) {
  World world(plan.route, plan.had_ds);
  WallTime now = kStart;
  FlipState state = begin_flip(plan, now);
  const bool loses_credential = with_faults && random.below(3) == 0;
  const std::uint64_t until = random.below(12);  // calls until the credential is gone
  std::uint64_t calls = 0;
  const auto check = [&](std::string_view what) {
    const auto broken = world.broken(now);
    EXPECT_FALSE(broken) << what << " at " << flip_step_text(state.step) << ": " << broken.value_or("") << ", "
                         << (now - kStart) / seconds(1) << " s";
    return !broken;
  };
  for (int turn = 0; turn < 20000 && !has_ended(state); ++turn) {
    world.reach_parent(now);
    if (!check("turn")) break;
    const Need need = need_of(state, now);
    if (need.kind == NeedKind::kLookAtParent || need.kind == NeedKind::kPerson) {
      if (need.kind == NeedKind::kPerson && random.below(20) == 0) {
        world.registrar_ds = kNoDs;
        world.publish(now, random);
      }
      now = std::max(now, need.at);
      world.reach_parent(now);
      state = seen(state, world.view(!with_faults || random.below(5) != 0), now);
    } else {
      if (loses_credential && calls >= until) return {state, true, world};
      ++calls;
      const std::uint64_t luck = with_faults ? random.below(10) : 9;
      // Refused; lost and not done; lost and done; done.
      if (luck == 0) {
        state = written(state, WriteOutcome::kRefused, "refused", now);
      } else {
        if (luck != 1 && world.carry_out(need.kind)) world.publish(now, random);
        // Hosts are registered or the flip hears that they are not.
        state = written(state, luck <= 2 ? WriteOutcome::kUnknown : WriteOutcome::kDone, "lost", now);
      }
      now += seconds(1 + random.below(60));
    }
    if (with_faults && random.below(400) == 0) state = go_back(state, "an operator", now);
    if (!check("after")) break;
  }
  return {state, false, world};
}

const FlipPlan kPlans[] = {
    {DnssecRoute::kFlip, false, false, false, false, kDsTtl, kNsTtl},
    {DnssecRoute::kFlip, true, true, false, true, kDsTtl, kNsTtl},
    {DnssecRoute::kFlipThenDs, false, true, false, true, kDsTtl, kNsTtl},
    {DnssecRoute::kGoInsecure, true, true, false, false, kDsTtl, kNsTtl},
    {DnssecRoute::kGoInsecure, true, false, false, true, kDsTtl, kNsTtl},
    {DnssecRoute::kGoInsecure, true, true, true, false, kDsTtl, kNsTtl},
    {DnssecRoute::kStaySecure, true, true, false, false, kDsTtl, kNsTtl},
};

TEST(Flip, EndsOnTheNewServersWithTheDsThatIsWantedAndIsNeverBogus) {
  for (const FlipPlan& plan : kPlans) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      test::SeededRandom random(seed);
      const Ending end = run(plan, random, false);
      ASSERT_FALSE(HasFailure()) << "seed " << seed;
      EXPECT_EQ(end.state.step, S::kDone) << "seed " << seed;
      EXPECT_TRUE(end.world.registrar_ns);
      const unsigned ds = plan.route == DnssecRoute::kFlip ? (plan.had_ds ? kOldDs : kNoDs)
                          : plan.wants_ds                  ? kNewDs
                                                           : kNoDs;
      EXPECT_EQ(end.world.registrar_ds, ds) << "seed " << seed;
    }
  }
}

TEST(Flip, IsNeverBogusWhateverHappensNorForTenTtlsWhereItRests) {
  for (std::size_t plan = 0; plan < std::size(kPlans); ++plan) {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
      test::SeededRandom random(seed * 100 + plan);
      Ending end = run(kPlans[plan], random, true);
      ASSERT_FALSE(HasFailure()) << "plan " << plan << ", seed " << seed;
      ASSERT_TRUE(end.rested || has_ended(end.state))
          << "plan " << plan << ", seed " << seed << ": " << flip_step_text(end.state.step);
      // What is on its way still reaches the parent, and then nothing moves any more.
      for (WallTime now = end.state.since; now < end.state.since + 10 * kNsTtl; now += hours(1)) {
        end.world.reach_parent(now);
        ASSERT_EQ(end.world.broken(now), std::nullopt)
            << "plan " << plan << ", seed " << seed << ", rested at " << flip_step_text(end.state.step);
      }
      if (end.state.step == S::kBack) {
        EXPECT_FALSE(end.world.registrar_ns) << "plan " << plan << ", seed " << seed;
        EXPECT_FALSE(end.state.reason.empty());
      }
    }
  }
}

TEST(Flip, GoesOnFromACopyOfItsStateAsIfNothingHadHappened) {
  // The state is a value: whoever stored it before a crash and reads it after has all that there is.
  FlipState state = begin_flip(kPlans[3], kStart);
  state = written(state, WriteOutcome::kDone, "", kStart);
  const FlipState stored = state;
  const ParentView gone{true, ParentView::Ns::kOld, ParentView::Ds::kNone};
  EXPECT_EQ(seen(stored, gone, kStart + hours(1)), seen(state, gone, kStart + hours(1)));
  EXPECT_EQ(need_of(stored, kStart).kind, need_of(state, kStart).kind);
}

}  // namespace
}  // namespace sdns::registrars
