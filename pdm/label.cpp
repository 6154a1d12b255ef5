// SPDX-License-Identifier: MIT
#include "pdm/label.h"

#include <fmt/format.h>

#include <algorithm>

namespace sdns::pdm {
namespace {

constexpr std::size_t kMaxLabel = 63;  // RFC 1035 section 2.3.4

bool is_letter(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// In order of where they come from.
constexpr std::string_view kBuiltIn[] = {
    // The platform's own.
    "admin", "api", "app", "catalyst", "console", "docs", "flux", "gitea", "harbor", "imap", "k8s", "keycloak", "mail",
    "marketplace", "openbao", "openova", "pop", "pop3", "smtp", "status", "system", "vault", "vpn", "www",
    // RFC 2142: a mailbox host of that name would be believed.
    "abuse", "ftp", "hostmaster", "info", "marketing", "news", "noc", "postmaster", "sales", "security", "support",
    "usenet", "uucp", "webmaster",
    // Names by which certificate authorities accept control of a domain (CA/Browser Forum 3.2.2.4.4).
    "administrator", "ssladmin", "sysadmin",
    // Names that clients look up and trust by themselves.
    "autoconfig", "autodiscover", "isatap", "localhost", "wpad",
    // Of name servers and mail.
    "dns", "mx", "ns"};
constexpr std::string_view kPatterns[] = {"mx#", "ns#"};

bool matches(std::string_view pattern, std::string_view label) {
  const auto digits = pattern.find('#');
  const std::string_view before = pattern.substr(0, digits);
  const std::string_view after = pattern.substr(digits + 1);
  if (label.size() <= before.size() + after.size()) return false;
  if (!label.starts_with(before) || !label.ends_with(after)) return false;
  const std::string_view middle = label.substr(before.size(), label.size() - before.size() - after.size());
  return std::all_of(middle.begin(), middle.end(), is_digit);
}

}  // namespace

std::string trimmed_lower(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n\v\f";
  const auto first = text.find_first_not_of(kBlank);
  if (first == text.npos) return {};
  text = text.substr(first, text.find_last_not_of(kBlank) - first + 1);
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

std::optional<std::string> label_problem(std::string_view label, bool allow_idn) {
  if (label.empty()) return "a subdomain is needed";
  if (label.size() > kMaxLabel)
    return fmt::format("a subdomain has at most {} characters, this one has {}", kMaxLabel, label.size());
  const auto good = [](char c) { return is_letter(c) || is_digit(c) || c == '-'; };
  if (!std::all_of(label.begin(), label.end(), good))
    return "a subdomain is made of the letters a to z, digits and hyphens";
  if (!is_letter(label.front())) return "a subdomain begins with a letter";
  if (label.back() == '-') return "a subdomain does not end with a hyphen";
  if (label.size() >= 4 && label.substr(2, 2) == "--" && !(allow_idn && label.starts_with("xn--")))
    return "a subdomain has no hyphens as its third and fourth characters";
  return std::nullopt;
}

Result<ReservedNames> ReservedNames::with(const std::vector<std::string>& more) {
  ReservedNames names;
  names.plain_.assign(std::begin(kBuiltIn), std::end(kBuiltIn));
  names.patterns_.assign(std::begin(kPatterns), std::end(kPatterns));
  for (const std::string& given : more) {
    const std::string name = trimmed_lower(given);
    std::string sample = name;
    const auto digits = sample.find('#');
    if (digits != sample.npos) sample[digits] = '0';
    if (const auto problem = label_problem(sample, true))
      return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is no name to keep back: {}", given, *problem),
                  "give a label, or a pattern in which one # stands for digits");
    (digits == name.npos ? names.plain_ : names.patterns_).push_back(name);
  }
  for (auto* list : {&names.plain_, &names.patterns_}) {
    std::sort(list->begin(), list->end());
    list->erase(std::unique(list->begin(), list->end()), list->end());
  }
  return names;
}

bool ReservedNames::contains(std::string_view label) const {
  return std::binary_search(plain_.begin(), plain_.end(), label) ||
         std::any_of(patterns_.begin(), patterns_.end(), [&](const auto& pattern) { return matches(pattern, label); });
}

}  // namespace sdns::pdm
