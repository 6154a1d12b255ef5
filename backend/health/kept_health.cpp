// SPDX-License-Identifier: MIT
#include "backend/health/kept_health.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace sdns::health {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kFirstWords = "sovereign-dns health ";
constexpr std::uint32_t kVersion = 2;
constexpr std::string_view kLastLine = "end ";
constexpr std::int64_t kLatest = 9'000'000'000'000;  // milliseconds since 1970: what a WallTime can say

// Cuts off what stands before the next `end`, which goes too; nothing when there is none.
std::optional<std::string_view> cut(std::string_view& text, char end) {
  const std::size_t at = text.find(end);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view head = text.substr(0, at);
  text.remove_prefix(at + 1);
  return head;
}

template <class Number>
bool read(std::string_view text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return !text.empty() && error == std::errc() && end == text.data() + text.size();
}

template <class Number>
bool next(std::string_view& line, Number& out) {
  const auto field = cut(line, ' ');
  return field && read(*field, out);
}

bool next(std::string_view& line, milliseconds& out) {
  std::int64_t count = 0;
  if (!next(line, count)) return false;
  out = milliseconds(count);
  return true;
}

bool next(std::string_view& line, bool& out) {
  unsigned value = 0;
  if (!next(line, value) || value > 1) return false;
  out = value == 1;
  return true;
}

// Version 1 had neither.
bool read_since_version_2(std::string_view& line, KeptCheck& out) {
  milliseconds up_ago{};
  if (!next(line, up_ago) || !next(line, out.resumed)) return false;
  if (up_ago >= milliseconds(0)) out.up_ago = up_ago;
  return true;
}

bool read_check(std::string_view line, std::uint32_t version, KeptCheck& out) {
  VerdictRecord& record = out.record;
  const auto verdict = cut(line, ' ');
  if (!verdict) return false;
  for (const Verdict one : {Verdict::kUnknown, Verdict::kUp, Verdict::kDown})
    if (*verdict == verdict_name(one)) record.verdict = one;
  if (*verdict != verdict_name(record.verdict)) return false;
  if (!next(line, record.changed_ago) || !next(line, record.failing_for) || !next(line, record.held_for) ||
      !next(line, record.run) || !next(line, record.remembered) || !next(line, record.needed) ||
      !next(line, record.falls) || !next(line, record.failing) || !next(line, record.resumed) ||
      !next(line, out.weight) || !next(line, out.probes) || !next(line, out.failures) || !next(line, out.transitions))
    return false;
  if (version >= 2 && !read_since_version_2(line, out)) return false;
  out.identity = line;
  return !line.empty();
}

}  // namespace

std::string to_text(const KeptHealth& kept) {
  const auto saved = std::chrono::duration_cast<milliseconds>(kept.saved.time_since_epoch()).count();
  std::string text = fmt::format("{}{} {}\n", kFirstWords, kVersion, saved);
  for (const KeptCheck& check : kept.checks) {
    const VerdictRecord& record = check.record;
    fmt::format_to(std::back_inserter(text), "{} {} {} {} {} {} {} {} {:d} {:d} {} {} {} {} {} {} {}\n",
                   verdict_name(record.verdict), record.changed_ago.count(), record.failing_for.count(),
                   record.held_for.count(), record.run, record.remembered, record.needed, record.falls, record.failing,
                   record.resumed, check.weight, check.probes, check.failures, check.transitions,
                   check.up_ago.value_or(milliseconds(-1)).count(), check.resumed, check.identity);
  }
  return text + fmt::format("{}{}\n", kLastLine, kept.checks.size());
}

Result<KeptHealth> parse_kept_health(std::string_view text) {
  std::size_t number = 1;
  const auto broken = [&number](std::string_view what) {
    return fail(Errc::kCorrupt, fmt::format("line {}: {}", number, what), "checks begin as unknown");
  };
  auto line = cut(text, '\n');
  if (!line) return broken("the first line is not whole");
  std::uint32_t version = 0;
  if (!line->starts_with(kFirstWords)) return broken("it does not begin as kept health does");
  line->remove_prefix(kFirstWords.size());
  if (!next(*line, version) || version == 0) return broken("no version");
  if (version > kVersion) return fail(Errc::kUnsupported, "it is of a later version", "checks begin as unknown");
  KeptHealth kept;
  std::int64_t saved = 0;
  if (!read(*line, saved) || saved < 0 || saved > kLatest) return broken("no time of saving");
  kept.saved = WallTime(milliseconds(saved));
  for (;;) {
    ++number;
    line = cut(text, '\n');
    if (!line) return broken("the text ends too early");
    if (line->starts_with(kLastLine)) break;
    if (!read_check(*line, version, kept.checks.emplace_back())) return broken("this is no check");
  }
  std::size_t count = 0;
  if (!read(line->substr(kLastLine.size()), count) || count != kept.checks.size() || !text.empty())
    return broken("another number of checks was written");
  return kept;
}

}  // namespace sdns::health
