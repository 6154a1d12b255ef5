// SPDX-License-Identifier: MIT
// `string` and `table` beside LuaJIT's own: calls from text files, one expression a line.
#include "lua/string_library.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "tests/support/two_luas.h"

namespace sdns::lua {
namespace {

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream in(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);)
    if (!line.empty() && !line.starts_with("--")) lines.push_back(line);
  return lines;
}

void expect_the_same(const std::string& path, std::size_t at_least) {
  const auto lines = lines_of(path);
  EXPECT_GE(lines.size(), at_least) << path;
  test::OurLua ours;
  test::StockLua stock;
  for (const std::string& line : lines) {
    const auto mine = ours.run("return " + line);
    const auto theirs = stock.run("return " + line);
    EXPECT_EQ(mine.ended, theirs.ended) << line;
    EXPECT_EQ(mine.text, theirs.text) << line;
  }
}

TEST(StringLibrary, GivesTheResultsAndErrorsOfLuaJit) { expect_the_same(SDNS_LUA_CALLS "/string_calls.txt", 350); }

TEST(TableLibrary, GivesTheResultsAndErrorsOfLuaJit) { expect_the_same(SDNS_LUA_CALLS "/table_calls.txt", 150); }

TEST(StringLibrary, HasTheFunctionsOfLuaJitButDump) {
  const char* const names =
      "local n = {} for k in pairs(%) do if k ~= 'dump' then n[#n + 1] = k end end table.sort(n) "
      "return table.concat(n, ' ')";
  test::OurLua ours;
  test::StockLua stock;
  for (const char* library : {"string", "table"}) {
    std::string source = names;
    source.replace(source.find('%'), 1, library);
    EXPECT_EQ(ours.run(source).text, stock.run(source).text);
  }
  EXPECT_EQ(ours.run("return string.dump").text, "nil");
}

TEST(StringLibrary, MatchesEveryOctetWithEveryClassAsLuaJitDoes) {
  const std::string source =
      "local r = {} for c = 0, 255 do local s = string.char(c) for l = 1, 255 do local p = '%' .. string.char(l) "
      "if not p:find('[%d bf]', 2) then "
      "r[#r + 1] = (s:find(p) and 1 or 0) .. (s:find('[' .. p .. ']') and 1 or 0) .. (s:find('[^' .. p .. ']') and 1 "
      "or 0) "
      "end end end return table.concat(r)";
  test::OurLua ours;
  test::StockLua stock;
  const auto mine = ours.run(source);
  ASSERT_EQ(mine.ended, Ended::kReturned) << mine.text;
  EXPECT_TRUE(mine == stock.run(source));
}

TEST(StringLibrary, FormatsWithEveryConversionFlagsAndNumberAsLuaJitDoes) {
  const std::string source = R"(
    local r = {}
    local values = {0, -0.0, 1, -1, 0.5, 2.5, 0.25, 12345.6789, 1e15, 1e16, 1e21, 1e100, -1e-7, 5e-324, 2^-1022,
                    1.7976931348623157e308, 2^53, 2^63, -2^63, 2^64, 9.5, 99.5, 0.95, 9.995, 1/0, -1/0, 0/0, 255, 12.5e10}
    for conversion in ("diuoxXcaAeEfFgGs"):gmatch(".") do
      for _, flags in ipairs{"", "-", "+", " ", "#", "0", "-0", "+ ", "#0", "+-#", " 0#"} do
        for _, size in ipairs{"", "1", "12", "30", ".", ".0", ".1", ".2", ".5", ".17", "12.3", "40.20", "99.99"} do
          for _, value in ipairs(values) do
            r[#r + 1] = ("%" .. flags .. size .. conversion):format(value)
          end
        end
      end
    end
    return #r, table.concat(r, ",")
  )";
  test::OurLua ours;
  test::StockLua stock;
  const auto mine = ours.run(source);
  ASSERT_EQ(mine.ended, Ended::kReturned) << mine.text;
  const auto theirs = stock.run(source);
  if (mine == theirs) return;
  const auto [left, right] = std::mismatch(mine.text.begin(), mine.text.end(), theirs.text.begin(), theirs.text.end());
  const auto from = static_cast<std::size_t>(left - mine.text.begin());
  FAIL() << "…" << mine.text.substr(from < 60 ? 0 : from - 60, 120) << "…\nin LuaJIT:\n…"
         << theirs.text.substr(from < 60 ? 0 : from - 60, 120);
}

}  // namespace
}  // namespace sdns::lua
