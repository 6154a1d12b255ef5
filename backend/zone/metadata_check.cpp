// SPDX-License-Identifier: MIT
// Which values the metadata kinds take that PowerDNS 4.7.3 or the engine reads.
#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>

#include "backend/dns/name.h"
#include "backend/zone/zone_check.h"

namespace sdns::zone {
namespace {

// max-nsec3-iterations of PowerDNS 4.7.3: it hashes with this many when the metadata asks for more.
constexpr unsigned kMaxIterations = 100;

constexpr std::string_view kFlags[] = {"PRESIGNED",      "NSEC3NARROW",     "API-RECTIFY",     "IXFR",
                                       "SLAVE-RENOTIFY", "PUBLISH-CDNSKEY", "NOTIFY-DNSUPDATE"};
constexpr std::string_view kFree[] = {
    "ALLOW-AXFR-FROM", "ALLOW-DNSUPDATE-FROM", "FORWARD-DNSUPDATE",      "LUA-AXFR-SCRIPT",
    "ALSO-NOTIFY",     "AXFR-SOURCE",          "GSS-ACCEPTOR-PRINCIPAL", "GSS-ALLOW-AXFR-PRINCIPAL"};
constexpr std::string_view kKeyNames[] = {"TSIG-ALLOW-AXFR", "TSIG-ALLOW-DNSUPDATE", "AXFR-MASTER-TSIG"};
constexpr std::string_view kSoaEdit[] = {"INCREMENT-WEEKS", "INCEPTION-EPOCH", "INCEPTION-INCREMENT", "EPOCH", "NONE"};
constexpr std::string_view kSoaEditApi[] = {"DEFAULT", "INCREASE", "EPOCH", "SOA-EDIT", "SOA-EDIT-INCREASE", "OFF", ""};

template <std::size_t N>
bool contains(const std::string_view (&known)[N], std::string_view value) {
  return std::find(std::begin(known), std::end(known), value) != std::end(known);
}

std::string joined(const std::string_view* begin, const std::string_view* end) {
  std::string text;
  for (; begin != end; ++begin) {
    if (begin->empty()) continue;
    if (!text.empty()) text += ", ";
    text += *begin;
  }
  return text;
}

std::optional<unsigned> number(std::string_view text, unsigned most) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > most) return std::nullopt;
  return value;
}

bool is_salt(std::string_view text) {
  if (text == "-") return true;
  return !text.empty() && text.size() % 2 == 0 && text.size() <= 510 &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); });
}

// PowerDNS drops what follows a `/` here, and a port after a colon is possible only in ALSO-NOTIFY.
bool is_address(std::string_view text, bool with_port) {
  std::string address(text);
  if (with_port && address.starts_with('[')) {
    const std::size_t close = address.find(']');
    if (close == std::string::npos) return false;
    if (close + 1 < address.size() && (address[close + 1] != ':' || !number(text.substr(close + 2), 65535)))
      return false;
    address = address.substr(1, close - 1);
  } else if (with_port && std::count(address.begin(), address.end(), ':') == 1) {
    const std::size_t colon = address.find(':');
    if (!number(text.substr(colon + 1), 65535)) return false;
    address.resize(colon);
  }
  unsigned char octets[16];
  return inet_pton(AF_INET, address.c_str(), octets) == 1 || inet_pton(AF_INET6, address.c_str(), octets) == 1;
}

bool is_netmask(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view address = text.substr(0, slash);
  if (!is_address(address, false)) return false;
  return slash == std::string_view::npos ||
         number(text.substr(slash + 1), address.find(':') == std::string_view::npos ? 32 : 128).has_value();
}

// "1 flags iterations salt"
void check_nsec3param(std::string_view value, const auto& add) {
  std::array<std::string_view, 4> words;
  std::size_t count = 0;
  for (std::size_t at = 0; at < value.size();) {
    const std::size_t start = value.find_first_not_of(' ', at);
    if (start == std::string_view::npos) break;
    const std::size_t end = std::min(value.find(' ', start), value.size());
    if (count == words.size()) {
      count = 5;
      break;
    }
    words[count++] = value.substr(start, end - start);
    at = end;
  }
  const auto flags = count == 4 ? number(words[1], 255) : std::nullopt;
  const auto iterations = count == 4 ? number(words[2], 65535) : std::nullopt;
  if (!flags || !iterations || words[0] != "1" || !is_salt(words[3])) {
    add(Severity::kError,
        fmt::format("NSEC3PARAM \"{}\" is not \"1 flags iterations salt\", such as \"1 0 0 -\" (RFC 5155 "
                    "section 4.3)",
                    value));
    return;
  }
  if (*flags > 1)
    add(Severity::kError,
        fmt::format("NSEC3PARAM \"{}\": flags are 0, or 1 for opt-out (RFC 5155 section 3.1.2)", value));
  if (*iterations > kMaxIterations)
    add(Severity::kError, fmt::format("NSEC3PARAM \"{}\": {} iterations; PowerDNS uses at most {} "
                                      "(max-nsec3-iterations), and resolvers take fewer (RFC 9276 section 3.2)",
                                      value, *iterations, kMaxIterations));
  else if (*iterations > 0 || words[3] != "-")
    add(Severity::kWarning,
        fmt::format("NSEC3PARAM \"{}\": 0 iterations and no salt are recommended (RFC 9276 section 3.1)", value));
}

}  // namespace

std::vector<Finding> check_metadata(const Metadata& metadata) {
  std::vector<Finding> findings;
  const std::string& kind = metadata.kind;
  const auto add = [&](Severity severity, std::string what) { findings.push_back({severity, kind, std::move(what)}); };
  const auto at_most_one = [&] {
    if (metadata.values.size() > 1)
      add(Severity::kError, fmt::format("{} has {} values; it takes one", kind, metadata.values.size()));
  };
  for (const std::string& value : metadata.values)
    if (value.find('\n') != std::string::npos || value.find('\0') != std::string::npos)
      add(Severity::kError, fmt::format("{} has a value with a line break or a NUL", kind));

  if (kind == "NSEC3PARAM") {
    at_most_one();
    for (const std::string& value : metadata.values) check_nsec3param(value, add);
  } else if (contains(kFlags, kind)) {
    at_most_one();
    for (const std::string& value : metadata.values)
      if (value != "0" && value != "1") add(Severity::kError, fmt::format("{} \"{}\": it takes 0 or 1", kind, value));
  } else if (kind == "ENABLE-LUA-RECORDS") {
    at_most_one();
    for (const std::string& value : metadata.values)
      if (value != "0" && value != "1" && value != "shared")
        add(Severity::kError, fmt::format("{} \"{}\": it takes 0, 1 or shared", kind, value));
  } else if (kind == "PUBLISH-CDS") {
    at_most_one();
    for (const std::string& value : metadata.values)
      for (std::size_t at = 0; at <= value.size();) {
        const std::size_t end = std::min(value.find(',', at), value.size());
        const auto digest = number(std::string_view(value).substr(at, end - at), 255);
        if (!digest || (*digest != 0 && *digest != 1 && *digest != 2 && *digest != 4)) {
          add(Severity::kError, fmt::format("PUBLISH-CDS \"{}\": it takes digest types such as 2 or 2,4", value));
          break;
        }
        at = end + 1;
      }
  } else if (kind == "SOA-EDIT") {
    at_most_one();
    for (const std::string& value : metadata.values)
      if (!value.empty() && !contains(kSoaEdit, value))
        add(Severity::kError,
            fmt::format("SOA-EDIT \"{}\": it takes {}", value, joined(std::begin(kSoaEdit), std::end(kSoaEdit))));
  } else if (kind == "SOA-EDIT-API" || kind == "SOA-EDIT-DNSUPDATE") {
    at_most_one();
    for (const std::string& value : metadata.values)
      if (!contains(kSoaEditApi, value))
        add(Severity::kError,
            fmt::format("{} \"{}\": it takes {}", kind, value, joined(std::begin(kSoaEditApi), std::end(kSoaEditApi))));
  } else if (contains(kKeyNames, kind)) {
    for (const std::string& value : metadata.values)
      if (!dns::Name::parse(value))
        add(Severity::kError, fmt::format("{} \"{}\": it takes the name of a TSIG key", kind, value));
  } else if (kind == "ALSO-NOTIFY" || kind == "AXFR-SOURCE") {
    for (const std::string& value : metadata.values)
      if (!is_address(value, kind == "ALSO-NOTIFY"))
        add(Severity::kError, fmt::format("{} \"{}\": it takes an address{}", kind, value,
                                          kind == "ALSO-NOTIFY" ? ", perhaps with a port" : ""));
  } else if (kind == "ALLOW-AXFR-FROM" || kind == "ALLOW-DNSUPDATE-FROM") {
    for (const std::string& value : metadata.values)
      if (!(kind == "ALLOW-AXFR-FROM" && value == "AUTO-NS") && !is_netmask(value))
        add(Severity::kError, fmt::format("{} \"{}\": it takes an address or a network", kind, value));
  } else if (!contains(kFree, kind) && !kind.starts_with("X-")) {
    add(Severity::kWarning,
        fmt::format("\"{}\" is not a metadata kind that PowerDNS 4.7 reads; private ones begin with X-", kind));
  }
  return findings;
}

}  // namespace sdns::zone
