// SPDX-License-Identifier: MIT
// Mnemonics of numbers inside RDATA.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sdns::dns {

/// `ECDSAP256SHA256`, any letter case, or a number from 0 to 255.
std::optional<std::uint32_t> parse_algorithm_number(std::string_view word);
/// Empty when the number has no mnemonic.
std::string_view algorithm_mnemonic(std::uint32_t number);
/// `PKIX` … (RFC 4398 section 2.1) or a number.
std::optional<std::uint32_t> parse_certificate_type(std::string_view word);

bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace sdns::dns
