// SPDX-License-Identifier: MIT
#include "registrars/host_name.h"

#include <fmt/format.h>
#include <idn2.h>

#include <algorithm>

#include "backend/base/owned.h"
#include "backend/dns/ip.h"

namespace sdns::registrars {
namespace {

using Idn2Text = Owned<char, idn2_free>;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x80; });
}

/// What is wrong with one label; empty when nothing is.
std::string_view label_fault(std::string_view label) {
  if (label.empty()) return "it has an empty label";
  if (label.size() > 63) return "a label has over 63 octets";
  if (label.front() == '-' || label.back() == '-') return "a label begins or ends with a hyphen";
  for (const char c : label) {
    if (c == '_') return "a host name has no underscore";
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
      return "a host name has letters, digits and hyphens only";
  }
  return {};
}

Answer<dns::Name> parse(std::string_view written, FaultKind kind, std::string_view noun) {
  const std::string_view text = trimmed(written);
  const auto broken = [&](std::string_view why) {
    return refuse(kind, fmt::format("\"{}\" is not a {}: {}", text.substr(0, 300), noun, why));
  };
  if (text.empty()) return broken("it is empty");
  std::string ascii(text);
  if (!is_ascii(text)) {
    char* made = nullptr;
    const int code = idn2_to_ascii_8z(ascii.c_str(), &made, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
    const Idn2Text owned(made);
    if (code != IDN2_OK) return broken(idn2_strerror(code));
    ascii = owned.get();
  }
  for (char& c : ascii)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (ascii.ends_with('.')) ascii.pop_back();
  if (dns::IpAddress::parse(ascii)) return broken("it is an IP address");
  if (ascii.size() > 253) return broken("it has over 253 octets");
  std::size_t labels = 0;
  for (std::size_t at = 0; at <= ascii.size();) {
    const std::size_t end = std::min(ascii.find('.', at), ascii.size());
    if (const auto fault = label_fault(std::string_view(ascii).substr(at, end - at)); !fault.empty())
      return broken(fault);
    ++labels;
    at = end + 1;
  }
  if (labels < 2) return broken("it has one label");
  auto name = dns::Name::parse(ascii);
  if (!name) return broken(name.error().what);
  return std::move(*name);
}

}  // namespace

Answer<dns::Name> parse_host(std::string_view text) { return parse(text, FaultKind::kInvalidNameserver, "host name"); }

Answer<dns::Name> parse_domain(std::string_view text) {
  return parse(text, FaultKind::kDomainNotInAccount, "domain name");
}

std::string undotted(const dns::Name& name) {
  std::string text = name.text();
  if (text.size() > 1) text.pop_back();
  return text;
}

std::vector<std::string> undotted(const std::vector<dns::Name>& names) {
  std::vector<std::string> texts;
  for (const dns::Name& name : names) texts.push_back(undotted(name));
  return texts;
}

bool same_hosts(std::vector<dns::Name> a, std::vector<dns::Name> b) {
  for (auto* set : {&a, &b}) {
    std::sort(set->begin(), set->end());
    set->erase(std::unique(set->begin(), set->end()), set->end());
  }
  return a == b;
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const unsigned char c : text) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
        c == '_' || c == '~')
      out += static_cast<char>(c);
    else out += fmt::format("%{:02X}", c);
  }
  return out;
}

}  // namespace sdns::registrars
