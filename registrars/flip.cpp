// SPDX-License-Identifier: MIT
#include "registrars/flip.h"

#include <array>
#include <tuple>

namespace sdns::registrars {
namespace {

using S = FlipStep;
using std::chrono::seconds;

constexpr std::array<std::string_view, kFlipSteps> kTexts = {
    "clear-ds",      "await-no-ds",   "add-ds",           "await-both-ds", "register-hosts",
    "set-ns",        "await-ns",      "drain-ns",         "set-ds",        "await-ds",
    "done",          "back-clear-ds", "back-await-no-ds", "back-set-ns",   "back-await-ns",
    "back-drain-ns", "back-set-ds",   "back-await-ds",    "back"};

constexpr std::chrono::minutes kRetry{5};

/// How long after the beginning of a step the parent is looked at again.
seconds interval(seconds age) {
  if (age < std::chrono::minutes(2)) return seconds(30);
  if (age < std::chrono::minutes(10)) return std::chrono::minutes(2);
  return std::chrono::minutes(5);
}

FlipState at(FlipState state, S step, WallTime now) {
  state.step = step;
  state.since = now;
  state.clean_since.reset();
  state.looked.reset();
  state.not_before.reset();
  return state;
}

/// A step back has no other way than itself: it is tried until it succeeds.
FlipState again(FlipState state, WallTime now) {
  state.not_before = now + kRetry;
  return state;
}

/// The step after `step` on the way forward.
S next_of(const FlipPlan& plan, S step) {
  switch (step) {
    case S::kClearDs:
      return S::kAwaitNoDs;
    case S::kAddDs:
      return S::kAwaitBothDs;
    case S::kAwaitNoDs:
    case S::kAwaitBothDs:
      return plan.has_hosts ? S::kRegisterHosts : S::kSetNs;
    case S::kRegisterHosts:
      return S::kSetNs;
    case S::kSetNs:
      return S::kAwaitNs;
    case S::kAwaitNs:
      return S::kDrainNs;
    case S::kDrainNs:
      return plan.wants_ds && plan.route != DnssecRoute::kFlip ? S::kSetDs : S::kDone;
    case S::kSetDs:
      return S::kAwaitDs;
    default:
      return S::kDone;
  }
}

S first_of(const FlipPlan& plan) {
  if (plan.route == DnssecRoute::kGoInsecure) return plan.customer_clears_ds ? S::kAwaitNoDs : S::kClearDs;
  if (plan.route == DnssecRoute::kStaySecure) return S::kAddDs;
  return plan.has_hosts ? S::kRegisterHosts : S::kSetNs;
}

/// Whether the old DS is to be put back, and can be: a customer who cleared it by hand puts it back by hand.
bool restores_ds(const FlipState& state) {
  const FlipPlan& plan = state.plan;
  if (!plan.had_ds || plan.customer_clears_ds) return false;
  return plan.route == DnssecRoute::kGoInsecure || plan.route == DnssecRoute::kStaySecure;
}

/// The first step back from what may be at the parent now.
S back_of(const FlipState& state) {
  const bool both = state.plan.route == DnssecRoute::kStaySecure;
  // Both sides have both keys there, so no DS of the two is ever in the way.
  if (state.ns_is_new && state.ds_is_new && !both) return S::kBackClearDs;
  if (state.ns_is_new) return S::kBackSetNs;
  return restores_ds(state) && state.ds_changed ? S::kBackSetDs : S::kBack;
}

enum class Wanted : std::uint8_t { kNoDs, kOldDs, kNewDs, kBothDs, kAnyDs, kNewNs, kOldNs, kAnything };

/// What a step that looks at the parent waits for, and for how long it must have been so.
std::optional<std::pair<Wanted, seconds>> wait_of(const FlipState& state) {
  const seconds ds = state.plan.ds_ttl + kTtlSlack;
  const seconds ns = state.plan.ns_ttl + kTtlSlack;
  switch (state.step) {
    case S::kAwaitNoDs:
    case S::kBackAwaitNoDs:
      return std::pair(Wanted::kNoDs, ds);
    case S::kAwaitBothDs:
      return std::pair(Wanted::kBothDs, ds);
    case S::kAwaitNs:
      return std::pair(Wanted::kNewNs, seconds(0));
    case S::kDrainNs:
      return std::pair(Wanted::kNewNs, ns);
    case S::kAwaitDs:
      return std::pair(Wanted::kNewDs, seconds(0));
    case S::kBackAwaitNs:
      return std::pair(Wanted::kOldNs, seconds(0));
    case S::kBackDrainNs:
      return std::pair(Wanted::kOldNs, ns);
    case S::kBackAwaitDs:
      return std::pair(Wanted::kOldDs, seconds(0));
    default:
      return std::nullopt;
  }
}

bool is_as_wanted(const ParentView& view, Wanted wanted) {
  if (!view.complete) return false;
  switch (wanted) {
    case Wanted::kAnyDs:
      return view.ds != ParentView::Ds::kNone && view.ds != ParentView::Ds::kMixed;
    case Wanted::kAnything:
      return true;
    case Wanted::kNoDs:
      return view.ds == ParentView::Ds::kNone;
    case Wanted::kOldDs:
      return view.ds == ParentView::Ds::kOld;
    case Wanted::kNewDs:
      return view.ds == ParentView::Ds::kNew;
    case Wanted::kBothDs:
      return view.ds == ParentView::Ds::kBoth;
    case Wanted::kNewNs:
      return view.ns == ParentView::Ns::kNew;
    case Wanted::kOldNs:
      return view.ns == ParentView::Ns::kOld;
  }
  return false;
}

/// What a step that writes must find at the parent, and the step that waits for that.
std::optional<std::pair<Wanted, S>> precondition_of(const FlipState& state) {
  const FlipPlan& plan = state.plan;
  switch (state.step) {
    case S::kSetNs:
      if (plan.route == DnssecRoute::kGoInsecure) return std::pair(Wanted::kNoDs, S::kAwaitNoDs);
      if (plan.route == DnssecRoute::kStaySecure) return std::pair(Wanted::kBothDs, S::kAwaitBothDs);
      return std::pair(plan.had_ds ? Wanted::kAnyDs : Wanted::kNoDs, S::kBack);
    case S::kSetDs:
      return std::pair(Wanted::kNewNs, S::kDrainNs);
    case S::kBackSetNs:
      // A DS that both zones satisfy is in nobody's way; any other would break the old servers' zone.
      if (plan.route == DnssecRoute::kStaySecure || (plan.route == DnssecRoute::kFlip && plan.had_ds))
        return std::pair(Wanted::kAnything, S::kBackSetNs);
      return std::pair(Wanted::kNoDs, S::kBackClearDs);
    case S::kBackSetDs:
      return std::pair(Wanted::kOldNs, S::kBackDrainNs);
    default:
      return std::nullopt;
  }
}

/// The step after one that waited for the parent.
FlipState arrived(FlipState state, WallTime now) {
  if (state.step == S::kBackAwaitNoDs) state.ds_is_new = false;
  if (state.step == S::kBackDrainNs) state.ns_is_new = false;
  switch (state.step) {
    case S::kBackAwaitNoDs:
      return at(std::move(state), S::kBackSetNs, now);
    case S::kBackAwaitNs: {
      // The time of draining counts from the first view that had the old set everywhere: that is this one.
      FlipState next = at(std::move(state), S::kBackDrainNs, now);
      next.clean_since = now;
      return next;
    }
    case S::kBackDrainNs: {
      const S next = back_of(state);
      return at(std::move(state), next, now);
    }
    case S::kBackAwaitDs:
      return at(std::move(state), S::kBack, now);
    case S::kAwaitNs: {
      FlipState next = at(std::move(state), S::kDrainNs, now);
      next.clean_since = now;
      return next;
    }
    default: {
      const S next = next_of(state.plan, state.step);
      return at(std::move(state), next, now);
    }
  }
}

}  // namespace

std::string_view flip_step_text(FlipStep step) { return kTexts[static_cast<std::size_t>(step)]; }

bool operator==(const FlipPlan& a, const FlipPlan& b) {
  const auto all = [](const FlipPlan& p) {
    return std::tie(p.route, p.had_ds, p.wants_ds, p.customer_clears_ds, p.has_hosts, p.ds_ttl, p.ns_ttl);
  };
  return all(a) == all(b);
}

DnssecDecision decide_dnssec(const DnssecFacts& facts) {
  DnssecDecision decision;
  if (!facts.parent_has_ds) {
    const bool then = facts.target_signed && facts.adds_new_ds && facts.can_set_ds;
    decision.at_once = then ? DnssecRoute::kFlipThenDs : DnssecRoute::kFlip;
    decision.offered = {*decision.at_once};
    decision.reason = facts.target_signed ? "the parent has no DS: the new zone is insecure until its DS is added"
                                          : "the parent has no DS and the new zone is not signed";
    return decision;
  }
  decision.customer_clears_ds = !facts.can_set_ds;
  if (facts.target_signed && facts.same_keys) {
    decision.at_once = DnssecRoute::kFlip;
    decision.offered = {DnssecRoute::kFlip};
    decision.reason = "both zones publish the same keys";
    return decision;
  }
  if (facts.target_signed && facts.both_publish_all && facts.ds_covers_target) {
    decision.at_once = DnssecRoute::kFlip;
    decision.offered = {DnssecRoute::kFlip};
    decision.reason = "both zones publish each other's keys, and the DS records at the parent cover both";
    return decision;
  }
  if (facts.target_signed && facts.both_publish_all && facts.can_set_ds)
    decision.offered.push_back(DnssecRoute::kStaySecure);
  decision.offered.push_back(DnssecRoute::kGoInsecure);
  decision.reason = !facts.target_signed ? "the parent has a DS and the new zone is not signed"
                    : facts.ds_covers_target
                        ? "the DS records cover both zones, and neither publishes the other's keys: resolvers that "
                          "hold one DNSKEY set cannot check the other's signatures"
                        : "the parent has a DS of keys that the new zone does not have";
  return decision;
}

FlipState begin_flip(const FlipPlan& plan, WallTime now) {
  FlipState state;
  state.plan = plan;
  return at(std::move(state), first_of(plan), now);
}

std::vector<FlipStep> steps_of(const FlipPlan& plan) {
  std::vector<FlipStep> steps;
  for (S step = first_of(plan); step != S::kDone; step = next_of(plan, step)) steps.push_back(step);
  return steps;
}

Need need_of(const FlipState& state, WallTime now) {
  if (state.not_before && *state.not_before > now) return {NeedKind::kLookAtParent, *state.not_before, false};
  if (precondition_of(state)) {
    if (!state.looked) return {NeedKind::kLookAtParent, now, false};
    if (*state.looked > now || now - *state.looked > kLookLife) return {NeedKind::kLookAtParent, now, false};
  }
  switch (state.step) {
    case S::kClearDs:
    case S::kBackClearDs:
      return {NeedKind::kClearDs, now, true};
    case S::kAddDs:
      return {NeedKind::kAddDs, now, true};
    case S::kRegisterHosts:
      return {NeedKind::kRegisterHosts, now, true};
    case S::kSetNs:
      return {NeedKind::kSetNewNs, now, true};
    case S::kSetDs:
      return {NeedKind::kSetNewDs, now, true};
    case S::kBackSetNs:
      return {NeedKind::kSetOldNs, now, true};
    case S::kBackSetDs:
      return {NeedKind::kSetOldDs, now, true};
    case S::kDone:
    case S::kBack:
      return {NeedKind::kNothing, now, false};
    default:
      break;
  }
  const WallTime look = now + interval(std::chrono::duration_cast<seconds>(now - state.since));
  const auto wait = wait_of(state);
  WallTime when = look;
  // While a TTL runs nothing is to be gained by looking more often than at its end, but another change is found out
  // early.
  if (state.clean_since && wait && *state.clean_since + wait->second > now)
    when = std::min(*state.clean_since + wait->second, now + std::chrono::minutes(5));
  const bool person = state.step == S::kAwaitNoDs && state.plan.customer_clears_ds && !state.clean_since;
  return {person ? NeedKind::kPerson : NeedKind::kLookAtParent, when, false};
}

FlipState written(FlipState state, WriteOutcome outcome, std::string_view why, WallTime now) {
  const bool maybe = outcome != WriteOutcome::kRefused;
  switch (state.step) {
    case S::kClearDs:
    case S::kBackClearDs: {
      if (!maybe && state.step == S::kClearDs) return go_back(std::move(state), why, now);
      // Only without the new DS may the name servers go back.
      if (!maybe) return again(std::move(state), now);
      // Cleared or not, the records may be in caches until kAwaitNoDs has seen them gone for their TTL.
      state.ds_changed = true;
      return at(std::move(state), state.step == S::kClearDs ? S::kAwaitNoDs : S::kBackAwaitNoDs, now);
    }
    case S::kAddDs:
      if (!maybe) return go_back(std::move(state), why, now);
      state.ds_is_new = state.ds_changed = true;
      return at(std::move(state), S::kAwaitBothDs, now);
    case S::kRegisterHosts:
      if (outcome != WriteOutcome::kDone) return go_back(std::move(state), why, now);
      return at(std::move(state), S::kSetNs, now);
    case S::kSetNs:
      if (!maybe) return go_back(std::move(state), why, now);
      state.ns_is_new = true;
      return at(std::move(state), S::kAwaitNs, now);
    case S::kSetDs:
      // Refused: the domain is on its new servers, and as secure as it was a moment ago. That is no reason to go back.
      if (!maybe) {
        state.reason = why;
        return at(std::move(state), S::kDone, now);
      }
      state.ds_is_new = state.ds_changed = true;
      return at(std::move(state), S::kAwaitDs, now);
    case S::kBackSetNs:
      if (!maybe) return again(std::move(state), now);
      return at(std::move(state), S::kBackAwaitNs, now);
    case S::kBackSetDs:
      if (!maybe) return at(std::move(state), S::kBack, now);  // insecure and resolvable: a person adds the DS
      return at(std::move(state), S::kBackAwaitDs, now);
    default:
      return state;
  }
}

FlipState seen(FlipState state, const ParentView& view, WallTime now) {
  // The longest TTL that was ever seen is what a cache may hold.
  if (view.ds_ttl) state.plan.ds_ttl = std::max(state.plan.ds_ttl, *view.ds_ttl);
  if (view.ns_ttl) state.plan.ns_ttl = std::max(state.plan.ns_ttl, *view.ns_ttl);
  if (const auto needed = precondition_of(state)) {
    if (!view.complete) return state;
    if (is_as_wanted(view, needed->first)) {
      state.looked = now;
      return state;
    }
    if (needed->second == S::kBack)
      return go_back(std::move(state), "the DS at the parent was changed by somebody else", now);
    return at(std::move(state), needed->second, now);
  }
  const auto wait = wait_of(state);
  if (!wait) return state;
  if (is_as_wanted(view, wait->first)) {
    if (!state.clean_since || *state.clean_since > now) state.clean_since = now;
    if (now - *state.clean_since >= wait->second) return arrived(std::move(state), now);
    return state;
  }
  // A view that is not complete proves nothing, and one that differs begins the wait anew.
  if (view.complete && state.clean_since) {
    state.clean_since.reset();
    state.since = now;  // patience counts from here
  }
  if (now - state.since < kParentPatience) return state;
  switch (state.step) {
    case S::kAwaitNoDs:
      // Waiting for a person has no end, and a name server change was not asked for yet.
      if (state.plan.customer_clears_ds) return state;
      return go_back(std::move(state), "the DS is still at the parent 48 hours after it was cleared", now);
    case S::kAwaitBothDs:
      return go_back(std::move(state), "the parent does not have both DS sets 48 hours after they were set", now);
    case S::kAwaitNs:
      return go_back(std::move(state), "the parent does not have the new name servers 48 hours after they were set",
                     now);
    case S::kAwaitDs:
      // The new servers satisfy whatever is there: without the DS the domain is insecure, and done.
      if (view.complete && view.ds == ParentView::Ds::kNone) {
        state.reason = "the parent does not have the new DS 48 hours after it was set";
        state.ds_is_new = false;
        return at(std::move(state), S::kDone, now);
      }
      // Not there although it was ordered: it is ordered again.
      return at(std::move(state), S::kSetDs, now);
    case S::kBackAwaitNoDs:
      return at(std::move(state), S::kBackClearDs, now);
    case S::kBackAwaitNs:
    case S::kBackDrainNs:
      return at(std::move(state), S::kBackSetNs, now);
    case S::kDrainNs:
      return go_back(std::move(state), "the new name servers went from the parent again", now);
    case S::kBackAwaitDs:
      return at(std::move(state), S::kBackSetDs, now);
    default:
      return state;
  }
}

FlipState changed_by_others(FlipState state, WallTime now) {
  if (state.step != S::kSetNs) return state;
  return go_back(std::move(state), "the name servers at the registrar were changed by somebody else", now);
}

FlipState go_back(FlipState state, std::string_view reason, WallTime now) {
  if (has_ended(state) || state.step >= S::kBackClearDs) return state;
  state.reason = reason;
  const S step = back_of(state);
  return at(std::move(state), step, now);
}

}  // namespace sdns::registrars
