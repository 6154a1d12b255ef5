// SPDX-License-Identifier: MIT
// Random calls of `string` and `table`, beside LuaJIT's own. What would take LuaJIT too long is left out: ours says so.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <string>
#include <string_view>

#include "tests/support/seeded_random.h"
#include "tests/support/two_luas.h"

namespace sdns::lua {
namespace {

constexpr std::uint64_t kSeed = 20260825;
constexpr Limits kCase{200'000, 60'000'000'000, std::size_t{16} << 20};

std::string literal(std::string_view octets) {
  std::string text = "\"";
  for (const char c : octets) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) {
      text += c;
    } else {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\%03d", static_cast<unsigned char>(c));
      text += escaped;
    }
  }
  return text + '"';
}

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  /// A chunk of Lua.
  std::string call() {
    switch (below(16)) {
      case 0:
      case 1:
        return "return string.find(" + search_arguments() + plain() + ")";
      case 2:
      case 3:
        return "return string.match(" + search_arguments() + ")";
      case 4:
        return "local r = {} for a, b in string.gmatch(" + literal(subject()) + ", " + literal(pattern()) +
               ") do r[#r + 1] = tostring(a) .. tostring(b) end return table.concat(r, ';')";
      case 5:
      case 6:
      case 7:
        return "return string.gsub(" + literal(subject()) + ", " + literal(pattern()) + ", " + replacement() +
               (below(4) == 0 ? ", " + integer() : "") + ")";
      case 8:
      case 9:
      case 10:
        return format();
      case 11:
        return simple();
      case 12:
        return sort();
      default:
        return table();
    }
  }

 private:
  std::uint64_t below(std::uint64_t limit) { return random_.below(limit); }

  template <std::size_t N>
  std::string one_of(const char* const (&choices)[N]) {
    return choices[below(N)];
  }

  std::string octets(std::string_view alphabet, std::uint64_t most) {
    std::string made;
    for (std::uint64_t i = below(most + 1); i > 0; --i) made += alphabet[below(alphabet.size())];
    return made;
  }

  std::string subject() {
    if (below(50) == 0) return octets("ab", 400);
    if (below(4) == 0) return octets(std::string_view("ab(x.%]-\0 \xe9", 11), 24);
    return octets("aaabbc1 .=", 24);
  }

  std::string pattern_item() {
    static const char* const kItems[] = {"a",     "b",      "c",    "1",    ".",      "%a",   "%d",   "%s",
                                         "%w",    "%p",     "%A",   "%.",   "%%",     "[ab]", "[^a]", "[a-c]",
                                         "[%w_]", "[^%s.]", "[]a]", "[a-]", "[%a-z]", " ",    "="};
    static const char* const kQuantities[] = {"", "", "", "", "*", "+", "-", "?"};
    return one_of(kItems) + one_of(kQuantities);
  }

  std::string pattern() {
    if (below(12) == 0) return octets(std::string_view("ab%()[]^$*+-?.1fz\0", 18), 10);
    std::string made = below(6) == 0 ? "^" : "";
    int open = 0;
    int captures = 0;
    for (std::uint64_t i = below(6); i > 0; --i) {
      switch (below(10)) {
        case 0:
          made += "(";
          ++open;
          ++captures;
          break;
        case 1:
          made += "()";
          ++captures;
          break;
        case 2:
          made += below(2) == 0 ? "%b()" : "%bab";
          break;
        case 3:
          made += below(2) == 0 ? "%f[%w]" : "%f[^a]";
          break;
        case 4:
          if (captures > 0) made += "%" + std::to_string(1 + below(2));
          break;
        default:
          made += pattern_item();
      }
      if (open > 0 && below(3) == 0) {
        made += ")";
        --open;
      }
    }
    if (below(20) != 0) made.append(static_cast<std::size_t>(open), ')');
    if (below(6) == 0) made += "$";
    if (below(40) == 0) made.insert(below(made.size() + 1), 1, "%[]()\0"[below(6)]);
    return made;
  }

  std::string integer() {
    static const char* const kOdd[] = {"1e10", "-1e10", "2^31", "-2^31", "2^31-1", "1/0", "-1/0", "0/0",
                                       "nil",  "'3'",   "1.9",  "-1.9",  "2^32+2", "{}",  "'x'"};
    if (below(8) == 0) return one_of(kOdd);
    return std::to_string(static_cast<int>(below(30)) - 12);
  }

  std::string search_arguments() {
    return literal(subject()) + ", " + literal(pattern()) + (below(4) == 0 ? ", " + integer() : "");
  }

  std::string plain() {
    if (below(10) != 0) return "";
    return below(2) == 0 ? ", 1, true" : ", nil, 0";
  }

  std::string replacement() {
    static const char* const kCode[] = {"{a = 'x', b = false, ab = 3, c = true}",
                                        "function(...) return select('#', ...) .. tostring(...) end",
                                        "function(x) if x == 'a' then return nil end return x end",
                                        "function() return {} end",
                                        "setmetatable({}, {__index = function(_, k) return k .. '!' end})",
                                        "{1, 2, 3}",
                                        "12",
                                        "nil",
                                        "true"};
    if (below(3) == 0) return one_of(kCode);
    return literal(octets("ab%%012-", 6));
  }

  std::string number() {
    switch (below(6)) {
      case 0: {  // halves of a decimal digit: a power of two below
        char text[64];
        const double value = static_cast<double>(below(1U << (1 + below(20)))) / static_cast<double>(1U << below(12));
        std::snprintf(text, sizeof text, "%.17g", below(2) == 0 ? value : -value);
        return text;
      }
      case 1: {
        char text[64];
        std::snprintf(text, sizeof text, "%lld * 2^%d", static_cast<long long>(random_.next() >> 11),
                      static_cast<int>(below(2200)) - 1150);
        return text;
      }
      case 2: {  // … and above
        char text[64];
        std::snprintf(text, sizeof text, "%llu5e%d", static_cast<unsigned long long>(below(10000)),
                      static_cast<int>(below(24)));
        return text;
      }
      case 3: {
        char text[64];
        std::snprintf(text, sizeof text, "%llue%d", static_cast<unsigned long long>(below(1000000)),
                      static_cast<int>(below(60)) - 30);
        return text;
      }
      case 4:
        return integer();
      default:
        return std::to_string(static_cast<std::int64_t>(random_.next()));
    }
  }

  static std::string no_address(const std::string& value) { return value == "{}" ? "nil" : value; }

  std::string format() {
    static const char* const kFlags[] = {"", "", "", "-", "+", " ", "#", "0", "-0", "+0", "# "};
    static const char* const kOdd[] = {"%", "%y", "%5%", "%123d", "%.123d", "%ld", "%\\0"};
    std::string text = "return string.format(\"";
    std::string arguments;
    for (std::uint64_t i = 1 + below(3); i > 0; --i) {
      text += octets("ab ", 3);
      if (below(40) == 0) {
        text += one_of(kOdd);
        continue;
      }
      if (below(20) == 0) {
        text += "%%";
        continue;
      }
      text += "%" + one_of(kFlags);
      if (below(2) == 0) text += std::to_string(below(40));
      if (below(2) == 0) text += "." + (below(6) == 0 ? "" : std::to_string(below(below(8) == 0 ? 100 : 22)));
      const char conversion = "diuoxXcaAeEfFgGgefsqs"[below(21)];
      text += conversion;
      if (conversion != 's' && conversion != 'q') arguments += ", " + number();
      else if (below(3) == 0) arguments += ", setmetatable({}, {__tostring = function() return 'T' end})";
      else arguments += ", " + (below(2) == 0 ? no_address(number()) : literal(subject()));
    }
    return text + "\"" + arguments + ")";
  }

  std::string simple() {
    static const char* const kFunctions[] = {"len", "lower", "upper", "reverse"};
    switch (below(6)) {
      case 0:
        return "return string." + one_of(kFunctions) + "(" + (below(10) == 0 ? integer() : literal(subject())) + ")";
      case 1:
        return "return string.sub(" + literal(subject()) + ", " + integer() + (below(2) == 0 ? ", " + integer() : "") +
               ")";
      case 2:
        return "return string.byte(" + literal(subject()) + (below(2) == 0 ? ", " + integer() : "") +
               (below(2) == 0 ? ", " + integer() : "") + ")";
      case 3:
        return "return string.char(" + std::to_string(below(256)) + ", " + integer() + ")";
      case 4:
        return "return string.upper(" + literal(octets(std::string_view("aZ\0\xe9@[`{", 8), 30)) + ")";
      default:
        return "return string.rep(" + literal(octets("ab", 4)) + ", " +
               std::to_string(static_cast<int>(below(40)) - 3) +
               (below(2) == 0 ? ", " + literal(octets("-+", 3)) : "") + ")";
    }
  }

  std::string list(std::uint64_t most) {
    std::string text = "{";
    for (std::uint64_t i = below(most + 1); i > 0; --i) text += std::to_string(below(20)) + ", ";
    return text + "}";
  }

  std::string sort() {
    // Equal elements can be told apart by what comes with them. Some order functions contradict themselves.
    static const char* const kOrders[] = {"a[1] < b[1]",
                                          "a[1] > b[1]",
                                          "a[1] <= b[1]",
                                          "a[1] % 3 < b[1] % 3",
                                          "(a[1] * 7 + b[1] * 3) % 5 < 2",
                                          "true",
                                          "false",
                                          "a[2] * 31 % 17 < b[2] * 31 % 17",
                                          "(a[2] + b[2]) % 2 == 0"};
    const std::string prologue = "local t = " + list(below(5) == 0 ? 200 : 20) + " ";
    if (below(4) == 0) return prologue + "table.sort(t) return table.concat(t, ',')";
    return prologue + "for i = 1, #t do t[i] = {t[i], i} end table.sort(t, function(a, b) return " + one_of(kOrders) +
           " end) local r = {} for i = 1, #t do r[i] = t[i][1] .. ':' .. t[i][2] end return table.concat(r, ',')";
  }

  std::string table() {
    const std::string begin = "local t = " + list(10) + " local r = ";
    const std::string end = " return r, #t, unpack(t, -2, 14)";
    switch (below(7)) {
      case 0:
        return "return table.concat(" + list(10) + ", " + literal(octets(",;", 2)) +
               (below(3) == 0 ? ", " + integer() : "") + ")";
      case 1:
        return begin + "table.insert(t, " + std::to_string(below(10)) + ")" + end;
      case 2:
        return begin + "table.insert(t, " + std::to_string(static_cast<int>(below(16)) - 2) + ", 'x')" + end;
      case 3:
        return begin + "table.remove(t" + (below(2) == 0 ? ", " + integer() : "") + ")" + end;
      case 4:
        return "return unpack(" + list(10) + (below(2) == 0 ? ", " + integer() : "") +
               (below(2) == 0 ? ", " + std::to_string(below(20)) : "") + ")";
      case 5:
        return begin + "#table.move(t, " + std::to_string(below(8)) + ", " + std::to_string(below(10)) + ", " +
               std::to_string(below(8)) + (below(2) == 0 ? ", {}" : "") + ")" + end;
      default:
        return "local t = " + list(10) + " t[" + std::to_string(below(40)) +
               ".5] = 1 return table.maxn(t), table.getn(t)";
    }
  }

  test::SeededRandom random_;
};

TEST(StringLibrary, DoesInFiftyThousandRandomCallsWhatLuaJitDoes) {
  constexpr int kCalls = 50'000;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  std::printf("seed %llu\n", static_cast<unsigned long long>(kSeed));
  Generator generator(kSeed);
  test::OurLua ours;
  test::StockLua stock;
  int returned = 0;
  int errors = 0;
  int differences = 0;
  for (int i = 0; i < kCalls && differences < 10; ++i) {
    const std::string source = generator.call();
    const auto mine = ours.run(source, kCase);
    if (mine.ended == Ended::kOverBudget) continue;
    const auto theirs = stock.run(source);
    ++(mine.ended == Ended::kReturned ? returned : errors);
    if (mine == theirs) continue;
    ++differences;
    ADD_FAILURE() << source << "\nours:   " << mine.text << "\nLuaJIT: " << theirs.text;
  }
  // The generator reaches both, and little is left out.
  EXPECT_GT(returned, kCalls * 7 / 10);
  EXPECT_GT(errors, kCalls / 50);
  EXPECT_GT(returned + errors, kCalls * 99 / 100);
}

}  // namespace
}  // namespace sdns::lua
