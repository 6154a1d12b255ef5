// SPDX-License-Identifier: MIT
#include "backend/dns/rdata_names.h"

#include <algorithm>

#include "backend/dns/rdata_text.h"

namespace sdns::dns {
namespace {

struct Mnemonic {
  std::uint32_t number;
  std::string_view text;
};

// The first of two for one number is the one that is written.
constexpr Mnemonic kAlgorithms[] = {
    {1, "RSAMD5"},
    {2, "DH"},
    {3, "DSA"},
    {5, "RSASHA1"},
    {6, "DSA-NSEC3-SHA1"},
    {6, "NSEC3DSA"},
    {7, "RSASHA1-NSEC3-SHA1"},
    {7, "NSEC3RSASHA1"},
    {8, "RSASHA256"},
    {10, "RSASHA512"},
    {12, "ECC-GOST"},
    {12, "ECCGOST"},
    {13, "ECDSAP256SHA256"},
    {13, "ECDSA256"},
    {14, "ECDSAP384SHA384"},
    {14, "ECDSA384"},
    {15, "ED25519"},
    {16, "ED448"},
    {252, "INDIRECT"},
    {253, "PRIVATEDNS"},
    {254, "PRIVATEOID"},
};

constexpr Mnemonic kCertificateTypes[] = {
    {1, "PKIX"}, {2, "SPKI"},   {3, "PGP"},     {4, "IPKIX"}, {5, "ISPKI"},
    {6, "IPGP"}, {7, "ACPKIX"}, {8, "IACPKIX"}, {253, "URI"}, {254, "OID"},
};

constexpr char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c; }

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return upper(x) == upper(y); });
}

std::optional<std::uint32_t> parse_algorithm_number(std::string_view word) {
  for (const Mnemonic& known : kAlgorithms)
    if (equal_ignoring_case(known.text, word)) return known.number;
  return parse_number(word, 255);
}

std::string_view algorithm_mnemonic(std::uint32_t number) {
  for (const Mnemonic& known : kAlgorithms)
    if (known.number == number) return known.text;
  return {};
}

std::optional<std::uint32_t> parse_certificate_type(std::string_view word) {
  for (const Mnemonic& known : kCertificateTypes)
    if (equal_ignoring_case(known.text, word)) return known.number;
  return parse_number(word, 0xFFFF);
}

}  // namespace sdns::dns
