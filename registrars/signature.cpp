// SPDX-License-Identifier: MIT
#include "registrars/signature.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "registrars/secret.h"

namespace sdns::registrars {

std::string ovh_signature(std::string_view application_secret, std::string_view consumer_key, std::string_view method,
                          std::string_view url, std::string_view body, std::int64_t timestamp) {
  std::string input = fmt::format("{}+{}+{}+{}+{}+{}", application_secret, consumer_key, method, url, body, timestamp);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(input.data(), input.size(), digest.data(), &size, EVP_sha1(), nullptr);
  wipe(input);
  std::string signature = "$1$";
  for (unsigned i = 0; i < size; ++i) signature += fmt::format("{:02x}", digest[i]);
  return signature;
}

std::string dynadot_signature(std::string_view secret, std::string_view key, std::string_view path,
                              std::string_view request_id, std::string_view body) {
  std::string input = fmt::format("{}\n{}\n{}\n{}", key, path, request_id, body);
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(input.data()), input.size(), mac.data(), &size);
  wipe(input);
  std::array<unsigned char, 4 * ((EVP_MAX_MD_SIZE + 2) / 3) + 1> text{};
  const int length = EVP_EncodeBlock(text.data(), mac.data(), static_cast<int>(size));
  return {reinterpret_cast<const char*>(text.data()), static_cast<std::size_t>(length)};
}

}  // namespace sdns::registrars
