// SPDX-License-Identifier: MIT
// "Private-key-format: v1.2", the text in which BIND and PowerDNS keep private keys.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backend/base/error.h"

namespace sdns::dns {

/// The fields in their order, decoded. Secret (P9); wiped when it dies.
struct PrivateKeyText {
  std::uint32_t algorithm = 0;
  std::vector<std::pair<std::string, std::string>> fields;

  PrivateKeyText() = default;
  PrivateKeyText(PrivateKeyText&&) = default;
  PrivateKeyText& operator=(PrivateKeyText&&) = default;
  PrivateKeyText(const PrivateKeyText&) = delete;
  PrivateKeyText& operator=(const PrivateKeyText&) = delete;
  ~PrivateKeyText();

  /// Null when it is not there.
  [[nodiscard]] const std::string* field(std::string_view name) const;
};

/// Errors (kInvalidArgument) never quote key material.
Result<PrivateKeyText> parse_private_key_text(std::string_view text);
std::string write_private_key_text(const PrivateKeyText& key);

}  // namespace sdns::dns
