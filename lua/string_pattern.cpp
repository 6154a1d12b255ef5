// SPDX-License-Identifier: MIT
#include "lua/string_pattern.h"

#include <cstring>
#include <type_traits>
#include <utility>

namespace sdns::lua {
namespace {

static_assert(std::is_trivially_destructible_v<PatternMatcher>);

constexpr int kMaxDepth = 200;  // LuaJIT's

enum : std::uint16_t {
  kAlpha = 1,
  kDigit = 2,
  kLower = 4,
  kUpper = 8,
  kSpace = 16,
  kPunctuation = 32,
  kControl = 64,
  kHex = 128,
  kZero = 256,
  kGraph = 512,
};

using Table = std::array<std::uint16_t, 256>;

// What an octet is, in the C locale.
constexpr Table kKinds = [] {
  Table kinds{};
  for (unsigned c = 0; c < 128; ++c) {
    const bool lower = c >= 'a' && c <= 'z';
    const bool upper = c >= 'A' && c <= 'Z';
    const bool digit = c >= '0' && c <= '9';
    unsigned kind = 0;
    if (lower || upper) kind |= kAlpha;
    if (lower) kind |= kLower;
    if (upper) kind |= kUpper;
    if (digit) kind |= kDigit;
    if (digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) kind |= kHex;
    if (c == ' ' || (c >= '\t' && c <= '\r')) kind |= kSpace;
    if (c < ' ' || c == 127) kind |= kControl;
    if (c > ' ' && c < 127) kind |= kGraph;
    if (c > ' ' && c < 127 && !lower && !upper && !digit) kind |= kPunctuation;
    if (c == 0) kind |= kZero;
    kinds[c] = static_cast<std::uint16_t>(kind);
  }
  return kinds;
}();

// What `%x` asks for; zero for an octet that stands for itself. The upper-case letter is the complement.
constexpr Table kClasses = [] {
  Table classes{};
  constexpr std::pair<char, std::uint16_t> kLetters[] = {
      {'a', kAlpha}, {'c', kControl}, {'d', kDigit}, {'g', kGraph},          {'l', kLower}, {'p', kPunctuation},
      {'s', kSpace}, {'u', kUpper},   {'x', kHex},   {'w', kAlpha | kDigit}, {'z', kZero}};
  for (const auto& [letter, kinds] : kLetters) {
    classes[static_cast<unsigned char>(letter)] = kinds;
    classes[static_cast<unsigned char>(letter - 'a' + 'A')] = kinds;
  }
  return classes;
}();

bool in_class(unsigned char octet, unsigned char letter) {
  const unsigned asked = kClasses[letter];
  if (asked == 0) return octet == letter;
  return ((kKinds[octet] & asked) != 0) == (letter >= 'a');
}

// `set` is at its '[', `close` at its ']'.
bool in_set(unsigned char octet, const char* set, const char* close) {
  const char* at = set + 1;
  const bool wanted = *at != '^';
  if (!wanted) ++at;
  while (at < close) {
    const auto first = static_cast<unsigned char>(*at);
    if (first == '%') {
      if (in_class(octet, static_cast<unsigned char>(at[1]))) return wanted;
      at += 2;
    } else if (close - at > 2 && at[1] == '-') {
      if (first <= octet && octet <= static_cast<unsigned char>(at[2])) return wanted;
      at += 3;
    } else {
      if (first == octet) return wanted;
      ++at;
    }
  }
  return !wanted;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

const char* text_of(PatternFault fault) {
  switch (fault) {
    case PatternFault::kNone:
      return "";
    case PatternFault::kOverBudget:
      return "it took too long";
    case PatternFault::kTooComplex:
      return "pattern too complex";
    case PatternFault::kEndsWithPercent:
      return "malformed pattern (ends with '%')";
    case PatternFault::kNoClosingBracket:
      return "malformed pattern (missing ']')";
    case PatternFault::kNoFrontierSet:
      return "missing '[' after '%f' in pattern";
    case PatternFault::kNoBalancedPair:
      return "unbalanced pattern";
    case PatternFault::kNoSuchCapture:
      return "invalid capture index";
    case PatternFault::kNothingToClose:
      return "invalid pattern capture";
    case PatternFault::kTooManyCaptures:
      return "too many captures";
  }
  return "";
}

PatternMatcher::PatternMatcher(std::string_view subject, std::string_view pattern, Meter& meter)
    : begin_(subject.data()), end_(subject.data() + subject.size()), pattern_(pattern.data()), meter_(meter) {
  pattern_end_ = pattern_ + pattern.substr(0, pattern.find('\0')).size();
}

const char* PatternMatcher::match(const char* at) {
  captures_ = 0;
  depth_ = 0;
  return run(at, pattern_);
}

const char* PatternMatcher::fail(PatternFault fault) {
  fault_ = fault;
  return nullptr;
}

// All recursion goes through here.
const char* PatternMatcher::run(const char* at, const char* pattern) {
  if (++depth_ > kMaxDepth) return fail(PatternFault::kTooComplex);
  const char* const end = items(at, pattern);
  --depth_;
  return end;
}

const char* PatternMatcher::items(const char* at, const char* pattern) {
  for (;;) {
    if (!meter_.spend(1)) return fail(PatternFault::kOverBudget);
    if (pattern == pattern_end_) return at;
    const char next = pattern + 1 < pattern_end_ ? pattern[1] : '\0';
    switch (*pattern) {
      case '(':
        if (next == ')') return open_capture(at, pattern + 2, PatternCapture::kPosition);
        return open_capture(at, pattern + 1, PatternCapture::kOpen);
      case ')':
        return close_capture(at, pattern + 1);
      case '$':
        if (pattern + 1 == pattern_end_) return at == end_ ? at : nullptr;
        break;
      case '%':
        if (next == 'b') {
          if (pattern_end_ - pattern < 4) return fail(PatternFault::kNoBalancedPair);
          at = balanced(at, pattern + 2);
          if (!at) return nullptr;
          pattern += 4;
          continue;
        }
        if (next == 'f') {
          pattern += 2;
          if (pattern == pattern_end_ || *pattern != '[') return fail(PatternFault::kNoFrontierSet);
          const char* const after = item_end(pattern);
          if (!after || !at_frontier(at, pattern, after)) return nullptr;
          pattern = after;
          continue;
        }
        if (is_digit(next)) {
          at = same_as_capture(at, next);
          if (!at) return nullptr;
          pattern += 2;
          continue;
        }
        break;
      default:
        break;
    }
    const char* const after = item_end(pattern);
    if (!after) return nullptr;
    switch (after < pattern_end_ ? *after : '\0') {
      case '?':
        if (at < end_ && fits(at, pattern, after)) {
          const char* const end = run(at + 1, after + 1);
          if (end || fault_ != PatternFault::kNone) return end;
        }
        pattern = after + 1;
        continue;
      case '*':
        return longest_first(at, pattern, after);
      case '+':
        return at < end_ && fits(at, pattern, after) ? longest_first(at + 1, pattern, after) : nullptr;
      case '-':
        return shortest_first(at, pattern, after);
      default:
        if (at == end_ || !fits(at, pattern, after)) return nullptr;
        ++at;
        pattern = after;
    }
  }
}

// Where the item that stands for one octet ends.
const char* PatternMatcher::item_end(const char* pattern) {
  const char first = *pattern++;
  if (first == '%') {
    if (pattern == pattern_end_) return fail(PatternFault::kEndsWithPercent);
    return pattern + 1;
  }
  if (first != '[') return pattern;
  if (pattern < pattern_end_ && *pattern == '^') ++pattern;
  const char* const members = pattern;  // a ']' that is the first is a member
  for (; pattern < pattern_end_; ++pattern) {
    if (*pattern == ']' && pattern != members) {
      // A long set costs each time that it is passed or looked into.
      if (!meter_.spend(static_cast<std::uint64_t>(pattern - members) / 8)) return fail(PatternFault::kOverBudget);
      return pattern + 1;
    }
    if (*pattern == '%' && pattern + 1 < pattern_end_) ++pattern;
  }
  return fail(PatternFault::kNoClosingBracket);
}

bool PatternMatcher::fits(const char* at, const char* item, const char* after) const {
  const auto octet = static_cast<unsigned char>(*at);
  switch (*item) {
    case '.':
      return true;
    case '%':
      return in_class(octet, static_cast<unsigned char>(item[1]));
    case '[':
      return in_set(octet, item, after - 1);
    default:
      return octet == static_cast<unsigned char>(*item);
  }
}

const char* PatternMatcher::longest_first(const char* at, const char* item, const char* after) {
  const std::uint64_t cost = 1 + static_cast<std::uint64_t>(after - item) / 8;
  const char* last = at;
  while (last < end_ && fits(last, item, after)) {
    if (!meter_.spend(cost)) return fail(PatternFault::kOverBudget);
    ++last;
  }
  for (; last >= at; --last) {
    const char* const end = run(last, after + 1);
    if (end || fault_ != PatternFault::kNone) return end;
  }
  return nullptr;
}

const char* PatternMatcher::shortest_first(const char* at, const char* item, const char* after) {
  const std::uint64_t cost = 1 + static_cast<std::uint64_t>(after - item) / 8;
  for (;; ++at) {
    const char* const end = run(at, after + 1);
    if (end || fault_ != PatternFault::kNone) return end;
    if (at == end_ || !fits(at, item, after)) return nullptr;
    if (!meter_.spend(cost)) return fail(PatternFault::kOverBudget);
  }
}

const char* PatternMatcher::open_capture(const char* at, const char* pattern, std::ptrdiff_t kind) {
  if (captures_ == kMaxCaptures) return fail(PatternFault::kTooManyCaptures);
  capture_[static_cast<std::size_t>(captures_)] = {at, kind};
  ++captures_;
  const char* const end = run(at, pattern);
  if (!end) --captures_;
  return end;
}

const char* PatternMatcher::close_capture(const char* at, const char* pattern) {
  int open = captures_ - 1;
  while (open >= 0 && capture_[static_cast<std::size_t>(open)].size != PatternCapture::kOpen) --open;
  if (open < 0) return fail(PatternFault::kNothingToClose);
  PatternCapture& closed = capture_[static_cast<std::size_t>(open)];
  closed.size = at - closed.begin;
  const char* const end = run(at, pattern);
  if (!end) closed.size = PatternCapture::kOpen;
  return end;
}

const char* PatternMatcher::balanced(const char* at, const char* pair) {
  if (at == end_ || *at != pair[0]) return nullptr;
  std::size_t open = 1;
  while (++at < end_) {
    if (!meter_.spend(1)) return fail(PatternFault::kOverBudget);
    if (*at == pair[1]) {
      if (--open == 0) return at + 1;
    } else if (*at == pair[0]) {
      ++open;
    }
  }
  return nullptr;
}

const char* PatternMatcher::same_as_capture(const char* at, char digit) {
  const int index = digit - '1';
  if (index < 0 || index >= captures_ || capture(index).size == PatternCapture::kOpen)
    return fail(PatternFault::kNoSuchCapture);
  const PatternCapture& earlier = capture(index);
  if (earlier.size == PatternCapture::kPosition || end_ - at < earlier.size) return nullptr;
  const auto size = static_cast<std::size_t>(earlier.size);
  if (!meter_.spend(size / 16)) return fail(PatternFault::kOverBudget);
  return std::memcmp(at, earlier.begin, size) == 0 ? at + size : nullptr;
}

bool PatternMatcher::at_frontier(const char* at, const char* set, const char* after) const {
  const char before = at == begin_ ? '\0' : at[-1];
  const char here = at == end_ ? '\0' : *at;
  return !in_set(static_cast<unsigned char>(before), set, after - 1) &&
         in_set(static_cast<unsigned char>(here), set, after - 1);
}

}  // namespace sdns::lua
