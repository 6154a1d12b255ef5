// SPDX-License-Identifier: MIT
// The RDATA of a SOA record (RFC 1035 section 3.3.13).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sdns::dns {

/// The fields of RDATA in presentation format. The names are views of the text that was read.
struct Soa {
  std::string_view primary;
  std::string_view mailbox;
  std::uint32_t serial = 0;
  std::uint32_t refresh = 0;
  std::uint32_t retry = 0;
  std::uint32_t expire = 0;
  std::uint32_t minimum = 0;

  [[nodiscard]] std::string text() const;
};

/// Nothing when it is not two names and five numbers of 32 bits.
std::optional<Soa> read_soa(std::string_view content);

}  // namespace sdns::dns
