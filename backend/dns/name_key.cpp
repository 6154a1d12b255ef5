// SPDX-License-Identifier: MIT
#include "backend/dns/name_key.h"

namespace sdns::dns {

std::optional<std::size_t> key_wire_octets(std::string_view key) {
  if (!key.empty() && key.back() != '\0') return std::nullopt;
  std::size_t octets = 0;
  std::size_t label = 0;
  for (std::size_t i = 0; i < key.size(); ++i, ++label) {
    if (key[i] == '\0') {
      if (label == 0 || label > 63) return std::nullopt;
      octets += label + 1;
      label = static_cast<std::size_t>(-1);
    } else if (key[i] == '\x01') {
      ++i;
      if (i == key.size() || (key[i] != '\x01' && key[i] != '\x02')) return std::nullopt;
    } else if (key[i] >= 'A' && key[i] <= 'Z') {
      return std::nullopt;
    }
  }
  return octets;
}

}  // namespace sdns::dns
