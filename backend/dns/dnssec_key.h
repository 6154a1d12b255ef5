// SPDX-License-Identifier: MIT
// DNSSEC keys: generation, ISC private key text, DNSKEY and DS, NSEC3 hashes. Through OpenSSL.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "backend/base/error.h"
#include "backend/dns/name.h"

namespace sdns::dns {

enum class Algorithm : std::uint8_t {
  kRsaSha256 = 8,
  kRsaSha512 = 10,
  kEcdsaP256Sha256 = 13,
  kEcdsaP384Sha384 = 14,
  kEd25519 = 15,
  kEd448 = 16,
};

/// `ECDSAP256SHA256` (PowerDNS's and BIND's mnemonics, any case) or a number.
Result<Algorithm> parse_algorithm(std::string_view text);
std::string algorithm_text(Algorithm algorithm);

struct GeneratedKey {
  std::uint16_t flags = 0;   ///< 257 KSK or CSK, 256 ZSK
  std::string private_text;  ///< ISC "Private-key-format: v1.2": secret
};

/// `bits` is for RSA (2048 when 0).
Result<GeneratedKey> generate_key(Algorithm algorithm, std::uint16_t flags, unsigned bits = 0);

/// What can be told about a private key.
struct KeyFacts {
  Algorithm algorithm;
  std::uint16_t flags;
  std::uint16_t tag;  ///< RFC 4034 appendix B
  unsigned bits;
  std::string dnskey_content;  ///< presentation format RDATA of the DNSKEY
};
Result<KeyFacts> describe_key(const Name& apex, std::uint16_t flags, std::string_view private_text);

/// Presentation format RDATA of the DS; digest_type 2 (SHA-256) or 4 (SHA-384).
Result<std::string> ds_content(const Name& apex, std::uint16_t flags, std::string_view private_text, int digest_type);

/// BIND's `Kname.+alg+tag.key`/`.private` pair by either path or the common stem. Errors name file and reason; the
/// public and the private half must match.
Result<GeneratedKey> read_bind_key(const std::filesystem::path& path, const Name& apex);

/// RFC 5155 section 5; `salt` is raw octets.
std::array<std::uint8_t, 20> nsec3_hash(const Name& name, std::string_view salt, unsigned iterations);
/// Lower-case base32hex without padding (RFC 4648 section 7): 32 characters for a SHA-1 hash.
std::string base32hex(const std::array<std::uint8_t, 20>& hash);
bool parse_base32hex(std::string_view text, std::array<std::uint8_t, 20>& hash);

}  // namespace sdns::dns
