// SPDX-License-Identifier: MIT
#include "registrars/ds_record.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "backend/dns/ldns_codec.h"

namespace sdns::registrars {
namespace {

constexpr std::array<std::uint8_t, 5> kAlgorithms = {8, 10, 13, 14, 15};  // 16 is checked below: few registrars have it

bool offered(std::uint8_t algorithm) {
  return algorithm == 16 || std::find(kAlgorithms.begin(), kAlgorithms.end(), algorithm) != kAlgorithms.end();
}

std::size_t digest_octets(std::uint8_t type) { return type == 2 ? 32 : type == 4 ? 48 : 0; }

std::string hexadecimal(const unsigned char* data, std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += fmt::format("{:02X}", data[i]);
  return text;
}

Answer<std::string> dnskey_wire(const DsKey& key, std::uint8_t algorithm) {
  auto content = dns::canonical_content(dns::kDNSKEY, fmt::format("{} 3 {} {}", key.flags, algorithm, key.public_key),
                                        dns::Name());
  if (!content) return refuse(FaultKind::kInvalidDs, "the DNSKEY does not parse: " + content.error().what);
  auto wire = dns::rdata_wire(dns::kDNSKEY, *content);
  if (!wire) return refuse(FaultKind::kInvalidDs, "the DNSKEY does not parse: " + wire.error().what);
  return std::move(*wire);
}

/// RFC 4034 appendix B.
std::uint16_t tag_of(std::string_view rdata) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < rdata.size(); ++i) {
    const auto octet = static_cast<unsigned char>(rdata[i]);
    sum += (i & 1) != 0 ? octet : static_cast<std::uint32_t>(octet) << 8;
  }
  return static_cast<std::uint16_t>(sum + (sum >> 16));
}

template <class Number>
bool read_number(std::string_view text, Number& number) {
  const auto end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  return parsed.ec == std::errc() && parsed.ptr == end;
}

std::string upper(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return text;
}

}  // namespace

std::string DsRecord::text() const {
  if (digest_type == 0 && key) return fmt::format("{} 3 {} {}", key->flags, algorithm, key->public_key);
  return fmt::format("{} {} {} {}", key_tag, algorithm, digest_type, digest);
}

Answer<DsRecord> ds_of_key(const dns::Name& owner, const DsKey& key, std::uint8_t algorithm, std::uint8_t digest_type) {
  auto rdata = dnskey_wire(key, algorithm);
  if (!rdata) return refuse(std::move(rdata.error()));
  if (digest_octets(digest_type) == 0)
    return refuse(FaultKind::kInvalidDs, fmt::format("digest type {} is not offered", digest_type),
                  "use 2 (SHA-256) or 4 (SHA-384)");
  const std::string input = owner.wire() + *rdata;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(input.data(), input.size(), digest.data(), &size, digest_type == 2 ? EVP_sha256() : EVP_sha384(),
                 nullptr) != 1)
    return refuse(FaultKind::kRegistrarError, "libcrypto does not hash");
  return DsRecord{tag_of(*rdata), algorithm, digest_type, hexadecimal(digest.data(), size), key};
}

Answer<DsRecord> parse_ds(const dns::Name& owner, std::string_view text) {
  std::array<std::string, 3> numbers;
  std::string rest;
  std::size_t field = 0;
  bool in_field = false;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '\n') {
      if (in_field && field < numbers.size()) ++field;
      in_field = false;
      continue;
    }
    in_field = true;
    (field < numbers.size() ? numbers[field] : rest) += c;
  }
  const auto broken = [&] {
    return refuse(FaultKind::kInvalidDs, fmt::format("\"{}\" is neither a DS nor a DNSKEY", text),
                  "write \"TAG ALGORITHM DIGEST-TYPE DIGEST\", or \"FLAGS 3 ALGORITHM KEY\" as in a DNSKEY");
  };
  std::uint16_t first = 0;
  std::uint8_t second = 0;
  std::uint8_t third = 0;
  if (rest.empty() || !read_number(numbers[0], first) || !read_number(numbers[1], second) ||
      !read_number(numbers[2], third))
    return broken();
  const bool hex = std::all_of(rest.begin(), rest.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
  // Algorithm 3 (DSA) is never offered, so a second field of 3 is the protocol of a DNSKEY.
  if (second == 3 && (first == 256 || first == 257)) return ds_of_key(owner, DsKey{first, rest}, third);
  if (!hex) return broken();
  return DsRecord{first, second, third, upper(rest), std::nullopt};
}

Answer<void> check_ds(const dns::Name& owner, const DsRecord& record) {
  if (!offered(record.algorithm))
    return refuse(FaultKind::kInvalidDs,
                  fmt::format("DS {}: algorithm {} is not offered", record.text(), record.algorithm),
                  "sign with 13 (ECDSAP256SHA256), 15, 14, 8, 10 or 16");
  if (record.digest_type == 0 && !record.key) return refuse(FaultKind::kInvalidDs, "a DS has neither digest nor key");
  if (record.digest_type != 0) {
    const std::size_t octets = digest_octets(record.digest_type);
    if (octets == 0)
      return refuse(FaultKind::kInvalidDs,
                    fmt::format("DS {}: digest type {} is not offered", record.text(), record.digest_type),
                    "use 2 (SHA-256) or 4 (SHA-384)");
    if (record.digest.size() != 2 * octets)
      return refuse(FaultKind::kInvalidDs,
                    fmt::format("DS {}: a digest of type {} has {} hexadecimal digits, this has {}", record.text(),
                                record.digest_type, 2 * octets, record.digest.size()));
  }
  if (!record.key) return {};
  auto made = ds_of_key(owner, *record.key, record.algorithm, record.digest_type == 0 ? 2 : record.digest_type);
  if (!made) return refuse(std::move(made.error()));
  if (made->key_tag != record.key_tag)
    return refuse(FaultKind::kInvalidDs, fmt::format("DS {}: its key has the tag {}", record.text(), made->key_tag));
  if (record.digest_type != 0 && made->digest != upper(record.digest))
    return refuse(FaultKind::kInvalidDs,
                  fmt::format("DS {}: its key has another digest for {}", record.text(), owner.text()),
                  "the digest covers the owner name too: it was made for another domain, or of another key");
  return {};
}

bool same(const dns::Name& owner, const DsRecord& a, const DsRecord& b) {
  if (a.key_tag != b.key_tag || a.algorithm != b.algorithm) return false;
  if (a.digest_type != 0 && a.digest_type == b.digest_type) return upper(a.digest) == upper(b.digest);
  if (a.key && b.key) return *a.key == *b.key;
  const auto matches = [&owner](const DsRecord& digest, const DsRecord& key) {
    if (digest.digest_type == 0 || !key.key) return false;
    const auto made = ds_of_key(owner, *key.key, key.algorithm, digest.digest_type);
    return made && made->digest == upper(digest.digest);
  };
  return matches(a, b) || matches(b, a);
}

bool same_set(const dns::Name& owner, const std::vector<DsRecord>& a, const std::vector<DsRecord>& b) {
  const auto within = [&owner](const std::vector<DsRecord>& some, const std::vector<DsRecord>& all) {
    return std::all_of(some.begin(), some.end(), [&](const DsRecord& record) {
      return std::any_of(all.begin(), all.end(), [&](const DsRecord& other) { return same(owner, record, other); });
    });
  };
  return within(a, b) && within(b, a);
}

}  // namespace sdns::registrars
