// SPDX-License-Identifier: MIT
#include "backend/health/override.h"

#include <fmt/format.h>

#include <algorithm>

#include "backend/health/check_question.h"

namespace sdns::health {
namespace {

constexpr std::string_view kPool = "pool:";
constexpr std::string_view kRegion = "region:";

// How closely an override names a check: 0 not at all.
int closeness(const Override& override, const TargetPools& pools, std::string_view identity,
              const CheckQuestion& question) {
  const std::string_view target = override.target;
  if (target == identity) return 5;
  if (question.kind == CheckKind::kUrlOnly) return 0;
  const auto is_address = [&](const PoolMember& member) { return member.address == question.address; };
  if (target.starts_with(kPool)) {
    const TargetPool* pool = pools.find(target.substr(kPool.size()));
    return pool && std::any_of(pool->members.begin(), pool->members.end(), is_address) ? 2 : 0;
  }
  if (target.starts_with(kRegion)) {
    const std::string_view region = target.substr(kRegion.size());
    for (const TargetPool& pool : pools.all())
      for (const PoolMember& member : pool.members)
        if (member.region == region && is_address(member)) return 1;
    return 0;
  }
  const auto endpoint = dns::Endpoint::parse(target);
  if (!endpoint || endpoint->address != question.address) return 0;
  if (endpoint->port == 0) return 3;
  return endpoint->port == question.port ? 4 : 0;
}

}  // namespace

Result<void> check_override(const Override& override) {
  const std::string_view target = override.target;
  if (override.verdict == Verdict::kUnknown)
    return fail(Errc::kInvalidArgument, fmt::format("the override of {} says neither up nor down", target));
  if (override.until_seconds != 0 && override.until_seconds <= override.since_seconds)
    return fail(Errc::kInvalidArgument, fmt::format("the override of {} ends before it begins", target));
  if (target.starts_with(kPool) && target.size() > kPool.size()) return {};
  if (target.starts_with(kRegion) && target.size() > kRegion.size()) return {};
  if (CheckQuestion::parse(target)) return {};
  if (const auto endpoint = dns::Endpoint::parse(target); endpoint && !endpoint->lenient) return {};
  return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is no target", target.substr(0, 300)),
              "use an address, ADDRESS:PORT, pool:NAME, region:NAME, or a check's name from `sdnsctl health list`");
}

const Override* override_for(const Overrides& overrides, const TargetPools& pools, std::string_view identity,
                             std::int64_t now_seconds) {
  if (overrides.empty()) return nullptr;
  const auto question = CheckQuestion::parse(identity);
  if (!question) return nullptr;
  const Override* found = nullptr;
  int closest = 0;
  for (const Override& override : overrides) {
    if (override.until_seconds != 0 && override.until_seconds <= now_seconds) continue;
    const int close = closeness(override, pools, identity, *question);
    if (close > closest) {
      closest = close;
      found = &override;
    }
  }
  return found;
}

}  // namespace sdns::health
