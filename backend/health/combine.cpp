// SPDX-License-Identifier: MIT
#include "backend/health/combine.h"

#include <fmt/format.h>

#include <algorithm>

#include "backend/dns/rdata_text.h"

namespace sdns::health {
namespace {

Verdict decide(VantageRule rule, Verdict own, std::uint32_t up, std::uint32_t down) {
  if (rule == VantageRule::kAnyDown && down > 0) return Verdict::kDown;
  if (up > down) return Verdict::kUp;
  if (down > up) return Verdict::kDown;
  return own;
}

}  // namespace

std::size_t checks_needed(CheckRule rule, std::size_t checks) {
  switch (rule.kind) {
    case CheckRule::Kind::kAny:
      return 1;
    case CheckRule::Kind::kAtLeast:
      return std::clamp<std::size_t>(rule.least, 1, checks);
    case CheckRule::Kind::kAll:
      break;
  }
  return checks;
}

Result<CheckRule> parse_check_rule(std::string_view text, std::size_t most) {
  if (text == "all") return CheckRule{};
  if (text == "any") return CheckRule{CheckRule::Kind::kAny, 1};
  const auto least = dns::parse_number(text, static_cast<std::uint32_t>(most));
  if (least && *least > 0) return CheckRule{CheckRule::Kind::kAtLeast, static_cast<std::uint32_t>(*least)};
  return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is not one of its values", dns::printable(text)),
              fmt::format("it takes all, any, or how many checks must be up: 1 to {}", most));
}

std::string rule_text(CheckRule rule, std::size_t checks) {
  switch (rule.kind) {
    case CheckRule::Kind::kAny:
      return "any";
    case CheckRule::Kind::kAtLeast:
      return fmt::format("{} of {}", checks_needed(rule, checks), checks);
    case CheckRule::Kind::kAll:
      break;
  }
  return "all";
}

Verdict combine_checks(CheckRule rule, std::span<const Verdict> checks) {
  if (checks.empty()) return Verdict::kUnknown;
  const std::size_t least = checks_needed(rule, checks.size());
  const auto up = static_cast<std::size_t>(std::ranges::count(checks, Verdict::kUp));
  const auto down = static_cast<std::size_t>(std::ranges::count(checks, Verdict::kDown));
  if (up >= least) return Verdict::kUp;
  return checks.size() - down < least ? Verdict::kDown : Verdict::kUnknown;
}

VantageVerdict combine_views(VantageRule rule, Verdict own, std::span<const View> others,
                             std::chrono::milliseconds most_age) {
  VantageVerdict all;
  const auto add = [&all](Verdict verdict) {
    if (verdict == Verdict::kUp) ++all.up;
    if (verdict == Verdict::kDown) ++all.down;
  };
  add(own);
  for (const View& view : others) {
    if (view.age > most_age) {
      ++all.stale;
    } else {
      add(view.verdict);
    }
  }
  all.disagree = all.up > 0 && all.down > 0;
  all.cut_off = !others.empty() && all.stale == others.size();
  all.verdict = rule == VantageRule::kLocal ? own : decide(rule, own, all.up, all.down);
  return all;
}

}  // namespace sdns::health
