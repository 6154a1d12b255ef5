// SPDX-License-Identifier: MIT
// The rows that an owner's LUA records gave.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "backend/answer/steering.h"

namespace sdns::answer {

void SteeredRows::clear() {
  text.clear();
  blocks.clear();
  any = failed = false;
}

void SteeredRows::level_ttls() {
  constexpr std::string_view kKey = R"(,"ttl":)";
  std::string levelled;
  for (Block& block : blocks) {
    std::uint32_t least = block.ttl;
    for (const Block& other : blocks)
      if (other.type == block.type) least = std::min(least, other.ttl);
    std::string_view rows = std::string_view(text).substr(block.start, block.size);
    block.start = levelled.size();
    while (!rows.empty() && block.type != dns::kLUA) {
      const std::string_view row = rows.substr(0, rows.find('\n') + 1);
      rows.remove_prefix(row.size());
      // Inside of the content each quote has a backslash in front.
      const std::size_t value = row.rfind(kKey) + kKey.size();
      levelled += row.substr(0, value);
      fmt::format_to(std::back_inserter(levelled), "{}", least);
      levelled += row.substr(row.find_first_not_of("0123456789", value));
    }
    levelled += rows;
    block.size = levelled.size() - block.start;
  }
  for (Block& block : blocks)
    for (const Block& other : blocks)
      if (other.type == block.type) block.ttl = std::min(block.ttl, other.ttl);
  text = std::move(levelled);
}

}  // namespace sdns::answer
