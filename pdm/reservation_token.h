// SPDX-License-Identifier: MIT
// Reservation tokens: an HMAC under the server's key in the shape of a UUID. The database has nothing that could be
// stolen, and a token that was lost on the way can be made again.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "backend/base/error.h"
#include "backend/store/ledger.h"

namespace sdns::pdm {

/// Secret (P9): is never printed. Wiped at the end.
class TokenKey {
 public:
  static constexpr std::size_t kOctets = 32;
  /// Reads the file, hexadecimal in one line; makes it, owner-only, when it is missing. Programs that share a database
  /// need the same key. Errors: kIo, kPermission (others may read it), kInvalidArgument.
  static Result<TokenKey> read_or_create(const std::filesystem::path& file);
  static TokenKey from_octets(const std::array<std::uint8_t, kOctets>& octets);
  TokenKey(const TokenKey&) = default;
  TokenKey& operator=(const TokenKey&) = default;
  ~TokenKey();

  /// HMAC-SHA-256 over name, generation and reservation, as a UUID of version 8 (RFC 9562).
  [[nodiscard]] std::string token(std::string_view pool_domain, std::string_view subdomain, std::int64_t generation,
                                  std::string_view reservation) const;
  [[nodiscard]] std::string token(const store::AllocationRow& row) const {
    return token(row.pool_domain, row.subdomain, row.generation, row.reservation);
  }
  /// Whether `text` is the row's token, in any letter case; takes as long for a wrong one.
  [[nodiscard]] bool matches(const store::AllocationRow& row, std::string_view text) const;

 private:
  TokenKey() = default;
  std::array<std::uint8_t, kOctets> octets_{};
};

}  // namespace sdns::pdm
