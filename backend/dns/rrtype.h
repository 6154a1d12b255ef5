// SPDX-License-Identifier: MIT
// RR types: a 16-bit number with a mnemonic.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "backend/base/error.h"

namespace sdns::dns {

/// Value. The mnemonics are those of PowerDNS 4.7 (qtype.cc) that master files and the remote backend use; every other
/// type is TYPEnnn (RFC 3597 section 5). Names for the types that code needs by name are below.
struct RrType {
  std::uint16_t value = 0;

  /// Mnemonic in any letter case, or TYPEnnn. Errors: kInvalidRecord.
  static Result<RrType> parse(std::string_view text);
  /// What PowerDNS 4.7.3 understands as `qtype`: its mnemonic, else TYPEnnn. The view lives for ever for known types.
  [[nodiscard]] std::string text() const;
  /// True when PowerDNS 4.7.3 has a mnemonic and a parser for the type; otherwise its content must be `\# len hex`.
  [[nodiscard]] bool known_to_powerdns() const;

  friend constexpr auto operator<=>(RrType, RrType) = default;
};

inline constexpr RrType kA{1}, kNS{2}, kCNAME{5}, kSOA{6}, kPTR{12}, kMX{15}, kTXT{16}, kAAAA{28}, kSRV{33}, kNAPTR{35},
    kDNAME{39}, kDS{43}, kRRSIG{46}, kNSEC{47}, kDNSKEY{48}, kNSEC3{50}, kNSEC3PARAM{51}, kCDS{59}, kCDNSKEY{60},
    kSVCB{64}, kHTTPS{65}, kANY{255}, kCAA{257}, kALIAS{65401}, kLUA{65402};

}  // namespace sdns::dns
