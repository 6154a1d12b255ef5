// SPDX-License-Identifier: MIT
#include "backend/dns/dnssec_key.h"

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <optional>

#include "backend/base/owned.h"
#include "backend/dns/ldns_codec.h"
#include "backend/dns/private_key_text.h"
#include "backend/dns/rdata_names.h"
#include "backend/dns/rdata_text.h"

namespace sdns::dns {
namespace {

using PKey = Owned<EVP_PKEY, EVP_PKEY_free>;
using Digest = Owned<EVP_MD, EVP_MD_free>;
using DigestCtx = Owned<EVP_MD_CTX, EVP_MD_CTX_free>;
using BigNum = Owned<BIGNUM, BN_clear_free>;
using Group = Owned<EC_GROUP, EC_GROUP_free>;
using Point = Owned<EC_POINT, EC_POINT_free>;
using BigCtx = Owned<BN_CTX, BN_CTX_free>;

constexpr std::size_t curve_octets(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kEcdsaP256Sha256:
    case Algorithm::kEd25519:
      return 32;
    case Algorithm::kEcdsaP384Sha384:
      return 48;
    case Algorithm::kEd448:
      return 57;
    default:
      return 0;
  }
}

tl::unexpected<Error> crypto_failed(std::string_view what) {
  return fail(Errc::kUnsupported, fmt::format("OpenSSL cannot {}", what));
}

std::string octets_of(const BIGNUM* number, std::size_t size = 0) {
  std::string octets(std::max<std::size_t>(size, static_cast<std::size_t>(BN_num_bytes(number))), '\0');
  BN_bn2binpad(number, reinterpret_cast<unsigned char*>(octets.data()), static_cast<int>(octets.size()));
  return octets;
}

BigNum number_of(std::string_view octets) {
  return BigNum(
      BN_bin2bn(reinterpret_cast<const unsigned char*>(octets.data()), static_cast<int>(octets.size()), nullptr));
}

std::optional<std::string> parameter(const EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &number) != 1) return std::nullopt;
  const BigNum owned(number);
  return octets_of(number);
}

Result<PrivateKeyText> generate_rsa(unsigned bits) {
  const PKey key(EVP_RSA_gen(bits));
  if (!key) return crypto_failed(fmt::format("make an RSA key of {} bits", bits));
  PrivateKeyText text;
  constexpr std::pair<std::string_view, const char*> kFields[] = {
      {"Modulus", OSSL_PKEY_PARAM_RSA_N},           {"PublicExponent", OSSL_PKEY_PARAM_RSA_E},
      {"PrivateExponent", OSSL_PKEY_PARAM_RSA_D},   {"Prime1", OSSL_PKEY_PARAM_RSA_FACTOR1},
      {"Prime2", OSSL_PKEY_PARAM_RSA_FACTOR2},      {"Exponent1", OSSL_PKEY_PARAM_RSA_EXPONENT1},
      {"Exponent2", OSSL_PKEY_PARAM_RSA_EXPONENT2}, {"Coefficient", OSSL_PKEY_PARAM_RSA_COEFFICIENT1}};
  for (const auto& [field, name] : kFields) {
    auto value = parameter(key.get(), name);
    if (!value) return crypto_failed("give the parts of an RSA key");
    text.fields.emplace_back(field, std::move(*value));
  }
  return text;
}

Result<PrivateKeyText> generate_ecdsa(Algorithm algorithm) {
  const PKey key(EVP_EC_gen(algorithm == Algorithm::kEcdsaP256Sha256 ? "P-256" : "P-384"));
  BIGNUM* number = nullptr;
  if (!key || EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_PRIV_KEY, &number) != 1)
    return crypto_failed("make an ECDSA key");
  const BigNum owned(number);
  PrivateKeyText text;
  text.fields.emplace_back("PrivateKey", octets_of(number, curve_octets(algorithm)));
  return text;
}

Result<PrivateKeyText> generate_eddsa(Algorithm algorithm) {
  const PKey key(EVP_PKEY_Q_keygen(nullptr, nullptr, algorithm == Algorithm::kEd25519 ? "ED25519" : "ED448"));
  std::string octets(curve_octets(algorithm), '\0');
  std::size_t size = octets.size();
  if (!key || EVP_PKEY_get_raw_private_key(key.get(), reinterpret_cast<unsigned char*>(octets.data()), &size) != 1 ||
      size != octets.size())
    return crypto_failed("make an EdDSA key");
  PrivateKeyText text;
  text.fields.emplace_back("PrivateKey", std::move(octets));
  return text;
}

Result<std::string> ecdsa_public(Algorithm algorithm, std::string_view secret) {
  const std::size_t size = curve_octets(algorithm);
  const Group group(
      EC_GROUP_new_by_curve_name(algorithm == Algorithm::kEcdsaP256Sha256 ? NID_X9_62_prime256v1 : NID_secp384r1));
  const BigNum scalar = number_of(secret);
  const BigCtx context(BN_CTX_new());
  if (!group || !scalar || !context) return crypto_failed("use this curve");
  const Point point(EC_POINT_new(group.get()));
  if (BN_is_zero(scalar.get()) || BN_cmp(scalar.get(), EC_GROUP_get0_order(group.get())) >= 0)
    return fail(Errc::kInvalidArgument, "the private key is not below the order of the curve");
  std::string octets(1 + 2 * size, '\0');
  if (!point || EC_POINT_mul(group.get(), point.get(), scalar.get(), nullptr, nullptr, context.get()) != 1 ||
      EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED,
                         reinterpret_cast<unsigned char*>(octets.data()), octets.size(),
                         context.get()) != octets.size())
    return crypto_failed("give the public half of an ECDSA key");
  return octets.substr(1);
}

Result<std::string> eddsa_public(Algorithm algorithm, std::string_view secret) {
  const PKey key(EVP_PKEY_new_raw_private_key(algorithm == Algorithm::kEd25519 ? EVP_PKEY_ED25519 : EVP_PKEY_ED448,
                                              nullptr, reinterpret_cast<const unsigned char*>(secret.data()),
                                              secret.size()));
  std::string octets(curve_octets(algorithm), '\0');
  std::size_t size = octets.size();
  if (!key || EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(octets.data()), &size) != 1)
    return crypto_failed("give the public half of an EdDSA key");
  return octets;
}

// RFC 3110 section 2.
Result<std::string> rsa_public(const PrivateKeyText& text, unsigned& bits) {
  const std::string* modulus = text.field("Modulus");
  const std::string* exponent = text.field("PublicExponent");
  const std::string* first = text.field("Prime1");
  const std::string* second = text.field("Prime2");
  for (const std::string* part : {modulus, exponent, first, second, text.field("PrivateExponent"),
                                  text.field("Exponent1"), text.field("Exponent2"), text.field("Coefficient")})
    if (part == nullptr || part->empty())
      return fail(Errc::kInvalidArgument,
                  "the private key lacks one of Modulus, PublicExponent, PrivateExponent, Prime1, "
                  "Prime2, Exponent1, Exponent2, Coefficient");
  const BigNum n = number_of(*modulus);
  const BigNum p = number_of(*first);
  const BigNum q = number_of(*second);
  const BigNum product(BN_new());
  const BigCtx context(BN_CTX_new());
  if (!n || !p || !q || !product || !context || BN_mul(product.get(), p.get(), q.get(), context.get()) != 1)
    return crypto_failed("multiply the primes of an RSA key");
  if (BN_cmp(product.get(), n.get()) != 0)
    return fail(Errc::kInvalidArgument, "the private key is damaged: Modulus is not Prime1 times Prime2");
  bits = static_cast<unsigned>(BN_num_bits(n.get()));
  if (bits < 512 || bits > 4096) return fail(Errc::kInvalidArgument, fmt::format("{} bits are not 512 to 4096", bits));
  const BigNum e = number_of(*exponent);
  const std::string plain_exponent = octets_of(e.get());
  std::string octets;
  if (plain_exponent.size() > 255) {
    octets += '\0';
    append_u16(octets, static_cast<std::uint32_t>(plain_exponent.size()));
  } else {
    octets += static_cast<char>(plain_exponent.size());
  }
  return octets + plain_exponent + octets_of(n.get());
}

// The public key field of the DNSKEY.
Result<std::string> public_half(const PrivateKeyText& text, unsigned& bits) {
  const auto algorithm = static_cast<Algorithm>(text.algorithm);
  const std::size_t size = curve_octets(algorithm);
  if (size == 0) return rsa_public(text, bits);
  const std::string* secret = text.field("PrivateKey");
  if (secret == nullptr) return fail(Errc::kInvalidArgument, "the private key lacks PrivateKey");
  std::string padded = *secret;
  if (padded.size() < size && algorithm <= Algorithm::kEcdsaP384Sha384) padded.insert(0, size - padded.size(), '\0');
  bits = algorithm == Algorithm::kEd448 ? 456 : static_cast<unsigned>(size * 8);
  Result<std::string> half =
      padded.size() != size                      ? Result<std::string>(fail(Errc::kInvalidArgument,
                                                                            fmt::format("PrivateKey has {} octets; {} has {}",
                                                                                        secret->size(), algorithm_text(algorithm), size)))
      : algorithm <= Algorithm::kEcdsaP384Sha384 ? ecdsa_public(algorithm, padded)
                                                 : eddsa_public(algorithm, padded);
  OPENSSL_cleanse(padded.data(), padded.size());
  return half;
}

Result<std::string> dnskey_wire(std::uint16_t flags, std::string_view private_text, unsigned& bits,
                                Algorithm& algorithm) {
  const auto text = parse_private_key_text(private_text);
  if (!text) return fail(text.error());
  const auto half = public_half(*text, bits);
  if (!half) return half;
  algorithm = static_cast<Algorithm>(text->algorithm);
  std::string wire;
  append_u16(wire, flags);
  wire += '\3';
  wire += static_cast<char>(text->algorithm);
  wire += *half;
  return wire;
}

// RFC 4034 appendix B.
std::uint16_t key_tag(std::string_view rdata) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < rdata.size(); ++i) sum += i % 2 == 0 ? octet_at(rdata, i) << 8 : octet_at(rdata, i);
  return static_cast<std::uint16_t>(sum + (sum >> 16));
}

}  // namespace

Result<Algorithm> parse_algorithm(std::string_view text) {
  const auto number = parse_algorithm_number(text);
  if (number)
    for (const auto known : {Algorithm::kRsaSha256, Algorithm::kRsaSha512, Algorithm::kEcdsaP256Sha256,
                             Algorithm::kEcdsaP384Sha384, Algorithm::kEd25519, Algorithm::kEd448})
      if (static_cast<std::uint32_t>(known) == *number) return known;
  return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is not an algorithm for new keys", text.substr(0, 80)),
              "take RSASHA256, RSASHA512, ECDSAP256SHA256, ECDSAP384SHA384, ED25519 or ED448 (RFC 8624)");
}

std::string algorithm_text(Algorithm algorithm) {
  return std::string(algorithm_mnemonic(static_cast<std::uint32_t>(algorithm)));
}

Result<GeneratedKey> generate_key(Algorithm algorithm, std::uint16_t flags, unsigned bits) {
  const bool rsa = algorithm == Algorithm::kRsaSha256 || algorithm == Algorithm::kRsaSha512;
  if (rsa && bits == 0) bits = 2048;
  if (rsa && (bits < 1024 || bits > 4096))
    return fail(Errc::kInvalidArgument, fmt::format("an RSA key of {} bits: 1024 to 4096 are possible", bits),
                "2048 is the usual size");
  if (!rsa && bits != 0 && bits != curve_octets(algorithm) * 8)
    return fail(Errc::kInvalidArgument, fmt::format("the size of {} keys cannot be chosen", algorithm_text(algorithm)));
  auto text = rsa                                                                  ? generate_rsa(bits)
              : algorithm == Algorithm::kEd25519 || algorithm == Algorithm::kEd448 ? generate_eddsa(algorithm)
                                                                                   : generate_ecdsa(algorithm);
  if (!text) return fail(text.error());
  text->algorithm = static_cast<std::uint32_t>(algorithm);
  return GeneratedKey{flags, write_private_key_text(*text)};
}

Result<KeyFacts> describe_key(const Name&, std::uint16_t flags, std::string_view private_text) {
  KeyFacts facts{};
  const auto wire = dnskey_wire(flags, private_text, facts.bits, facts.algorithm);
  if (!wire) return fail(wire.error());
  facts.flags = flags;
  facts.tag = key_tag(*wire);
  facts.dnskey_content = fmt::format("{} 3 {} ", flags, static_cast<unsigned>(facts.algorithm));
  append_base64(std::string_view(*wire).substr(4), facts.dnskey_content);
  return facts;
}

Result<std::string> ds_content(const Name& apex, std::uint16_t flags, std::string_view private_text, int digest_type) {
  if (digest_type != 2 && digest_type != 4)
    return fail(Errc::kInvalidArgument,
                fmt::format("digest type {}: 2 (SHA-256) and 4 (SHA-384) are possible", digest_type));
  unsigned bits = 0;
  Algorithm algorithm{};
  const auto wire = dnskey_wire(flags, private_text, bits, algorithm);
  if (!wire) return fail(wire.error());
  const std::string input = apex.wire() + *wire;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_Digest(input.data(), input.size(), digest, &size, digest_type == 2 ? EVP_sha256() : EVP_sha384(), nullptr) !=
      1)
    return crypto_failed("make the digest of a DS");
  std::string content = fmt::format("{} {} {} ", key_tag(*wire), static_cast<unsigned>(algorithm), digest_type);
  append_hex(std::string_view(reinterpret_cast<const char*>(digest), size), content);
  return content;
}

std::array<std::uint8_t, 20> nsec3_hash(const Name& name, std::string_view salt, unsigned iterations) {
  // Looking SHA-1 up and making a context costs more than hashing a name.
  static const Digest sha1(EVP_MD_fetch(nullptr, "SHA1", nullptr));
  thread_local const DigestCtx context(EVP_MD_CTX_new());
  std::array<std::uint8_t, 20> hash{};
  std::string_view input = name.wire();
  for (unsigned round = 0; round <= iterations; ++round) {
    unsigned int size = 0;
    if (EVP_DigestInit_ex2(context.get(), sha1.get(), nullptr) != 1 ||
        EVP_DigestUpdate(context.get(), input.data(), input.size()) != 1 ||
        EVP_DigestUpdate(context.get(), salt.data(), salt.size()) != 1 ||
        EVP_DigestFinal_ex(context.get(), hash.data(), &size) != 1)
      break;
    input = std::string_view(reinterpret_cast<const char*>(hash.data()), hash.size());
  }
  return hash;
}

std::string base32hex(const std::array<std::uint8_t, 20>& hash) {
  std::string text;
  text.reserve(32);
  append_base32hex(std::string_view(reinterpret_cast<const char*>(hash.data()), hash.size()), text);
  return text;
}

bool parse_base32hex(std::string_view text, std::array<std::uint8_t, 20>& hash) {
  std::string octets;
  if (text.size() != 32 || !append_from_base32hex(text, octets) || octets.size() != hash.size()) return false;
  std::copy(octets.begin(), octets.end(), hash.begin());
  return true;
}

}  // namespace sdns::dns
