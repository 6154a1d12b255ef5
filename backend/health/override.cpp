// SPDX-License-Identifier: MIT
#include "backend/health/override.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "backend/health/check_question.h"

namespace sdns::health {
namespace {

constexpr std::string_view kPool = "pool:";
constexpr std::string_view kRegion = "region:";
constexpr std::size_t kLongestTarget = 2000;  // octets, of identities with their URLs and options
constexpr std::size_t kLongestReason = 500;

bool has_ended(const Override& override, std::int64_t now_seconds) {
  return override.until_seconds != 0 && override.until_seconds <= now_seconds;
}

// What follows the prefix, when that is there and something follows it.
std::string_view after(std::string_view target, std::string_view prefix) {
  return target.starts_with(prefix) ? target.substr(prefix.size()) : std::string_view();
}

bool is_plain(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

}  // namespace

Result<std::string> canonical_target(std::string_view text) {
  if (text.size() <= kLongestTarget && is_plain(text)) {
    if (!after(text, kPool).empty() || !after(text, kRegion).empty()) return std::string(text);
    if (const auto question = CheckQuestion::parse(text)) return question->identity();
    if (const auto endpoint = dns::Endpoint::parse(text); endpoint && !endpoint->lenient) {
      std::string target;
      append_endpoint(endpoint->address, endpoint->port, target);
      return target;
    }
  }
  return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is no target", text.substr(0, 300)),
              "use an address, ADDRESS:PORT, pool:NAME, region:NAME, or a check as `sdnsctl explain` names it");
}

std::string_view said_of(const Override& override) {
  if (override.resumes) return "resume";
  return override.drains ? "drain" : verdict_name(override.verdict);
}

bool say_of(Override& override, std::string_view said) {
  if (said != "up" && said != "down" && said != "drain" && said != "resume") return false;
  override.verdict = said == "resume" ? Verdict::kUnknown : said == "up" ? Verdict::kUp : Verdict::kDown;
  override.drains = said == "drain";
  override.resumes = said == "resume";
  return true;
}

Result<void> check_override(const Override& override) {
  const auto target = canonical_target(override.target);
  if (!target) return fail(target.error());
  if (*target != override.target)
    return fail(Errc::kInvalidArgument, fmt::format("the target {} is written {}", override.target, *target));
  if ((override.verdict == Verdict::kUnknown) != override.resumes)
    return fail(Errc::kInvalidArgument, fmt::format("the override of {} says neither up nor down", *target));
  if (override.drains && override.verdict != Verdict::kDown)
    return fail(Errc::kInvalidArgument, fmt::format("the override of {} drains what is not down", *target));
  if (override.until_seconds != 0 && override.until_seconds <= override.since_seconds)
    return fail(Errc::kInvalidArgument, fmt::format("the override of {} ends before it begins", *target));
  if (override.since_seconds < 0)
    return fail(Errc::kInvalidArgument, fmt::format("the override of {} begins before 1970", *target));
  for (const std::string* text : {&override.reason, &override.who})
    if (text->size() > kLongestReason || !is_plain(*text))
      return fail(Errc::kInvalidArgument,
                  fmt::format("the reason of the override of {} is not one line of at most {} octets", *target,
                              kLongestReason));
  return {};
}

OverrideIndex::OverrideIndex(Overrides overrides, const TargetPools& pools, Of which)
    : overrides_(std::move(overrides)) {
  std::erase_if(overrides_, [which](const Override& one) { return one.resumes != (which == Of::kResumes); });
  by_target_.reserve(overrides_.size());
  for (const Override& override : overrides_) by_target_.emplace(override.target, &override);
  const auto add = [this](const dns::IpAddress& address, std::size_t i) {
    std::vector<std::size_t>& group = by_group_[address];
    if (group.empty() || group.back() != i) group.push_back(i);
  };
  for (std::size_t i = 0; i < overrides_.size(); ++i) {
    const TargetPool* pool = pools.find(after(overrides_[i].target, kPool));
    if (pool == nullptr) continue;
    for (const PoolMember& member : pool->members) add(member.address, i);
  }
  for (std::size_t i = 0; i < overrides_.size(); ++i) {
    const std::string_view region = after(overrides_[i].target, kRegion);
    if (region.empty()) continue;
    for (const TargetPool& pool : pools.all())
      for (const PoolMember& member : pool.members)
        if (member.region == region) add(member.address, i);
  }
}

OverrideSubject override_subject(std::string_view identity) {
  OverrideSubject subject;
  if (std::string shown = shown_check(identity); shown != identity) subject.shown = std::move(shown);
  const auto question = CheckQuestion::parse(identity);
  if (!question || question->kind == CheckKind::kUrlOnly) return subject;
  if (question->port != 0) append_endpoint(question->address, question->port, subject.endpoint);
  append_endpoint(question->address, 0, subject.address_text);
  subject.address = subject.answered = question->address;
  if (!question->answered) return subject;
  subject.answered = *question->answered;
  if (question->port != 0) append_endpoint(subject.answered, question->port, subject.answered_endpoint);
  append_endpoint(subject.answered, 0, subject.answered_text);
  return subject;
}

// The closest first, until `take` says false.
template <class Take>
void OverrideIndex::each(std::string_view identity, const OverrideSubject& subject, std::int64_t now_seconds,
                         const Take& take) const {
  if (overrides_.empty()) return;
  for (const std::string_view target :
       {identity, std::string_view(subject.shown), std::string_view(subject.answered_endpoint),
        std::string_view(subject.endpoint), std::string_view(subject.answered_text),
        std::string_view(subject.address_text)}) {
    if (target.empty()) continue;
    const auto found = by_target_.find(target);
    if (found != by_target_.end() && !has_ended(*found->second, now_seconds) && !take(*found->second)) return;
  }
  if (by_group_.empty() || subject.address_text.empty()) return;
  if (const auto group = by_group_.find(subject.answered); group != by_group_.end())
    for (const std::size_t i : group->second)
      if (!has_ended(overrides_[i], now_seconds) && !take(overrides_[i])) return;
}

const Override* OverrideIndex::find(std::string_view identity, const OverrideSubject& subject,
                                    std::int64_t now_seconds) const {
  const Override* closest = nullptr;
  each(identity, subject, now_seconds, [&](const Override& one) {
    closest = &one;
    return false;
  });
  return closest;
}

const Override* OverrideIndex::newest(std::string_view identity, const OverrideSubject& subject,
                                      std::int64_t now_seconds) const {
  const Override* newest = nullptr;
  each(identity, subject, now_seconds, [&](const Override& one) {
    if (newest == nullptr || one.since_seconds > newest->since_seconds) newest = &one;
    return true;
  });
  return newest;
}

std::int64_t OverrideIndex::next_end(std::int64_t now_seconds) const {
  std::int64_t next = 0;
  for (const Override& override : overrides_)
    if (override.until_seconds > now_seconds && (next == 0 || override.until_seconds < next))
      next = override.until_seconds;
  return next;
}

}  // namespace sdns::health
