// SPDX-License-Identifier: MIT
#include "backend/dns/private_key_text.h"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include "backend/dns/dnssec_key.h"
#include "backend/dns/rdata_names.h"
#include "backend/dns/rdata_text.h"

namespace sdns::dns {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

tl::unexpected<Error> bad(std::string what) { return fail(Errc::kInvalidArgument, "private key: " + std::move(what)); }

// Times and such, which are not key material.
bool is_number_field(std::string_view name) {
  for (const std::string_view known : {"Created", "Publish", "Activate", "Inactive", "Delete", "Revoke", "SyncPublish",
                                       "SyncDelete", "Predecessor", "Successor", "MaxTTL", "Engine", "Label"})
    if (equal_ignoring_case(name, known)) return true;
  return false;
}

}  // namespace

PrivateKeyText::~PrivateKeyText() {
  for (auto& [name, value] : fields) OPENSSL_cleanse(value.data(), value.size());
}

const std::string* PrivateKeyText::field(std::string_view name) const {
  for (const auto& [known, value] : fields)
    if (equal_ignoring_case(known, name)) return &value;
  return nullptr;
}

Result<PrivateKeyText> parse_private_key_text(std::string_view text) {
  PrivateKeyText key;
  bool format_seen = false;
  int line_number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = trimmed(text.substr(at, end - at));
    at = end + 1;
    ++line_number;
    if (line.empty() || line[0] == ';') continue;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return bad(fmt::format("line {} is not \"Name: value\"", line_number));
    const std::string_view name = trimmed(line.substr(0, colon));
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (equal_ignoring_case(name, "Private-key-format")) {
      if (!value.starts_with("v1.")) return bad("the format is not v1.x");
      format_seen = true;
    } else if (equal_ignoring_case(name, "Algorithm")) {
      const auto algorithm = parse_algorithm(value.substr(0, value.find(' ')));
      if (!algorithm) return bad(fmt::format("algorithm {} is not supported", value.substr(0, 40)));
      key.algorithm = static_cast<std::uint32_t>(*algorithm);
    } else if (!is_number_field(name)) {
      std::string octets;
      if (value.empty() || !append_from_base64(value, octets))
        return bad(fmt::format("line {}: {} is not base64", line_number, name.substr(0, 40)));
      key.fields.emplace_back(name, std::move(octets));
    }
  }
  if (!format_seen) return bad("there is no \"Private-key-format: v1.x\" line");
  if (key.algorithm == 0) return bad("there is no \"Algorithm:\" line");
  return key;
}

std::string write_private_key_text(const PrivateKeyText& key) {
  std::string text = fmt::format("Private-key-format: v1.2\nAlgorithm: {} ({})\n", key.algorithm,
                                 algorithm_text(static_cast<Algorithm>(key.algorithm)));
  for (const auto& [name, value] : key.fields) {
    text += name;
    text += ": ";
    append_base64(value, text);
    text += '\n';
  }
  return text;
}

}  // namespace sdns::dns
