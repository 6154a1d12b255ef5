// SPDX-License-Identifier: MIT
#include "backend/health/guarded_targets.h"

namespace sdns::health {

GuardedTargets::Hold GuardedTargets::add(const std::string& target, bool proven) {
  auto [found, is_new] = by_name_.try_emplace(target);
  if (is_new && unused_.empty()) {
    found->second = static_cast<std::uint32_t>(targets_.size());
    targets_.emplace_back();
  } else if (is_new) {
    found->second = unused_.back();
    unused_.pop_back();
  }
  Target& added = targets_[found->second];
  added.name = target;
  ++added.checks;
  if (proven && added.proven++ == 0) ++proven_;
  return {found->second, proven, false};
}

GuardChange GuardedTargets::remove(const Hold& hold, SteadyTime now) {
  Target& target = targets_[hold.target];
  const GuardChange change = hold.failing ? one_less_fails(target, now) : guard_.advance(now);
  if (hold.proven && --target.proven == 0) --proven_;
  if (--target.checks == 0) {
    by_name_.erase(target.name);
    target = Target{};
    unused_.push_back(hold.target);
  }
  return change;
}

GuardChange GuardedTargets::succeeded(Hold& hold, SteadyTime now) {
  Target& target = targets_[hold.target];
  if (!hold.proven && target.proven++ == 0) ++proven_;
  hold.proven = true;
  if (!hold.failing) return guard_.advance(now);
  hold.failing = false;
  return one_less_fails(target, now);
}

GuardChange GuardedTargets::failed(Hold& hold, SteadyTime now) {
  if (!hold.proven || hold.failing) return guard_.advance(now);
  hold.failing = true;
  Target& target = targets_[hold.target];
  if (target.failing++ != 0) return guard_.advance(now);
  target.since = now;
  return guard_.began_to_fail(now, proven_);
}

GuardChange GuardedTargets::one_less_fails(Target& target, SteadyTime now) {
  return --target.failing == 0 ? guard_.stopped_failing(target.since, now) : guard_.advance(now);
}

}  // namespace sdns::health
