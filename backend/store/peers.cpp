// SPDX-License-Identifier: MIT
#include "backend/store/peers.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sodium/utils.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace sdns::store {
namespace {

struct TsigAlgorithm {
  std::string_view name;
  std::size_t octets;
};
constexpr std::array<TsigAlgorithm, 6> kAlgorithms = {{{"hmac-md5", 16},
                                                       {"hmac-sha1", 20},
                                                       {"hmac-sha224", 28},
                                                       {"hmac-sha256", 32},
                                                       {"hmac-sha384", 48},
                                                       {"hmac-sha512", 64}}};
constexpr std::string_view kMd5Suffix = ".sig-alg.reg.int";
constexpr std::size_t kMaxSecretOctets = 1024;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// The octets that base64 text stands for; nothing when it does not.
std::optional<std::string> from_base64(std::string_view text) {
  std::string octets(text.size() / 4 * 3 + 3, '\0');
  std::size_t size = 0;
  const int done = sodium_base642bin(reinterpret_cast<unsigned char*>(octets.data()), octets.size(), text.data(),
                                     text.size(), " \t\r\n", &size, nullptr, sodium_base64_VARIANT_ORIGINAL);
  if (done != 0) return std::nullopt;
  octets.resize(size);
  return octets;
}

}  // namespace

Result<std::string> canonical_tsig_algorithm(std::string_view text) {
  std::string name(text);
  std::transform(name.begin(), name.end(), name.begin(), lower);
  if (name.ends_with('.')) name.pop_back();
  if (name == fmt::format("hmac-md5{}", kMd5Suffix)) name.resize(name.size() - kMd5Suffix.size());
  for (const TsigAlgorithm& one : kAlgorithms)
    if (one.name == name) return name;
  if (name == "gss-tsig")
    return fail(Errc::kInvalidArgument,
                "gss-tsig is no algorithm for a TSIG key: its secrets come from Kerberos (RFC 3645), and the remote "
                "backend has no place for them",
                "make a key of hmac-sha256");
  // Not quoted: it may be the secret in the wrong place.
  return fail(Errc::kInvalidArgument, "the algorithm is none of those for TSIG that PowerDNS can compute",
              "use hmac-sha256, or hmac-md5, hmac-sha1, hmac-sha224, hmac-sha384, hmac-sha512");
}

std::size_t tsig_secret_octets(std::string_view algorithm) {
  for (const TsigAlgorithm& one : kAlgorithms)
    if (one.name == algorithm) return one.octets;
  return 32;
}

std::string base64(std::string_view octets) {
  std::string text(sodium_base64_encoded_len(octets.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(octets.data()), octets.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  text.pop_back();  // the NUL
  return text;
}

Result<zone::TsigKey> checked_tsig_key(zone::TsigKey key) {
  const std::string name = key.name.text();
  if (key.name.is_root())
    return fail(Errc::kInvalidArgument, "the root is no name for a TSIG key", "name it after the two servers");
  auto algorithm = canonical_tsig_algorithm(key.algorithm);
  if (!algorithm) {
    Error error = std::move(algorithm.error());
    error.what = fmt::format("TSIG key {}: {}", name, error.what);
    return fail(std::move(error));
  }
  auto secret = from_base64(key.secret);
  if (!secret || secret->empty())
    return fail(
        Errc::kInvalidArgument,
        fmt::format("TSIG key {}: its secret is {}", name, secret ? "empty" : "not base64 (RFC 4648 section 4)"),
        "give the secret as the other server has it");
  if (secret->size() > kMaxSecretOctets)
    return fail(
        Errc::kInvalidArgument,
        fmt::format("TSIG key {}: its secret has {} octets, more than {}", name, secret->size(), kMaxSecretOctets),
        fmt::format("{} uses {}", *algorithm, tsig_secret_octets(*algorithm)));
  key.algorithm = std::move(*algorithm);
  key.secret = base64(*secret);
  return key;
}

Result<std::string> canonical_address(std::string_view text) {
  const std::string address(text);
  std::array<unsigned char, 16> octets;
  std::array<char, INET6_ADDRSTRLEN> written;
  for (const int family : {AF_INET, AF_INET6})
    if (inet_pton(family, address.c_str(), octets.data()) == 1)
      return std::string(inet_ntop(family, octets.data(), written.data(), written.size()));
  return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is no IP address", text), "as in 192.0.2.1 or 2001:db8::1");
}

Result<std::string> canonical_primary(std::string_view text) {
  std::string_view address = text;
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    address = text.substr(1, close == std::string_view::npos ? close : close - 1);
    if (close == std::string_view::npos || (close + 1 < text.size() && text[close + 1] != ':')) address = {};
    else port = text.substr(std::min(close + 2, text.size()));
    if (close != std::string_view::npos && close + 2 == text.size()) address = {};  // a colon without a port
  } else if (std::count(text.begin(), text.end(), ':') == 1) {
    const std::size_t colon = text.find(':');
    address = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (port.empty()) address = {};
  }
  auto canonical = canonical_address(address);
  if (canonical && port.empty()) return canonical;
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (!canonical || error != std::errc{} || end != port.data() + port.size() || number == 0)
    return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is no address of a primary", text),
                "as in 192.0.2.1, 192.0.2.1:5300, 2001:db8::1 or [2001:db8::1]:5300");
  if (number == 53) return canonical;
  const bool v6 = canonical->find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", *canonical, number) : fmt::format("{}:{}", *canonical, number);
}

}  // namespace sdns::store
