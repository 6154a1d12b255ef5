// SPDX-License-Identifier: MIT
#include "lua/network_trie.h"

#include <algorithm>

namespace sdns::lua {
namespace {

std::size_t family(const dns::IpAddress& address) { return address.is_v4() ? 0 : 1; }
std::size_t bit_at(const dns::IpAddress& address, std::uint8_t bit) {
  return (address.octets()[bit / 8U] >> (7U - bit % 8U)) & 1U;
}

}  // namespace

void NetworkTrie::insert(const dns::IpNetwork& network, std::uint32_t value) {
  const dns::IpAddress prefix = network.network();
  const auto add = [this](const dns::IpAddress& at, std::uint8_t bits, std::uint32_t number) {
    nodes_.push_back({at, bits, number, {kNone, kNone}});
    return static_cast<std::uint32_t>(nodes_.size() - 1);
  };
  // Where the index of the node stands that is looked at: in `parent`, or in the roots.
  std::uint32_t parent = kNone;
  std::size_t side = family(prefix);
  const auto place = [&]() -> std::uint32_t& { return parent == kNone ? roots_[side] : nodes_[parent].children[side]; };

  while (place() != kNone) {
    const std::uint32_t at = place();
    const std::uint8_t common = std::min({nodes_[at].prefix.common_bits(prefix), nodes_[at].bits, network.bits});
    if (common == nodes_[at].bits) {
      if (common == network.bits) {
        if (nodes_[at].value == kNone) nodes_[at].value = value;
        return;
      }
      parent = at;
      side = bit_at(prefix, common);
      continue;
    }
    // They part inside of this node, or the new network holds it.
    const bool holds = common == network.bits;
    const std::uint32_t above = add(prefix.masked(common), common, holds ? value : kNone);
    nodes_[above].children[bit_at(nodes_[at].prefix, common)] = at;
    place() = above;
    if (holds) return;
    parent = above;
    side = bit_at(prefix, common);
  }
  const std::uint32_t leaf = add(prefix, network.bits, value);
  place() = leaf;
}

NetworkTrie::Found NetworkTrie::find(const dns::IpAddress& address) const {
  Found found;
  std::uint32_t at = roots_[family(address)];
  while (at != kNone) {
    const Node& node = nodes_[at];
    const std::uint8_t common = std::min(node.prefix.common_bits(address), node.bits);
    if (common < node.bits) {  // the bit after these leads away from all that is below
      found.bits = static_cast<std::uint8_t>(common + 1);
      return found;
    }
    if (node.value != kNone) found.value = node.value;
    found.bits = node.bits;
    if (node.children[0] == kNone && node.children[1] == kNone) return found;
    at = node.children[bit_at(address, node.bits)];
    if (at == kNone) ++found.bits;
  }
  return found;
}

}  // namespace sdns::lua
