// SPDX-License-Identifier: MIT
#include "registrars/secret.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>

#include "backend/dns/ip.h"

namespace sdns::registrars {
namespace {

struct Form {
  std::string_view registrar;
  std::size_t least;
  std::size_t most;
  bool at_first_colon;  // the last part may hold colons
  std::string_view text;
};
constexpr std::array<Form, 5> kForms = {{
    {"cloudflare", 1, 1, false, "TOKEN"},
    {"namecheap", 3, 4, false, "apiUser:apiKey:clientIp or apiUser:apiKey:userName:clientIp"},
    {"godaddy", 1, 2, true, "KEY:SECRET, or a personal access token"},
    {"ovh", 3, 4, false, "appKey:appSecret:consumerKey, optionally with :eu, :ca or :us"},
    {"dynadot", 1, 2, true, "KEY or KEY:SECRET"},
}};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

}  // namespace

void wipe(std::string& text) {
  text.resize(text.capacity());
  sodium_memzero(text.data(), text.size());
  text.clear();
}

Secret::Secret(std::string_view text) : octets_(new char[text.size() + 1]), size_(text.size()) {
  std::copy(text.begin(), text.end(), octets_.get());
  octets_[size_] = '\0';
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    if (octets_) sodium_memzero(octets_.get(), size_);
    octets_ = std::move(other.octets_);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

Secret::~Secret() {
  if (octets_) sodium_memzero(octets_.get(), size_);
}

Answer<std::vector<Secret>> split_credential(std::string_view registrar, std::string_view text) {
  const auto* form =
      std::find_if(kForms.begin(), kForms.end(), [&](const Form& f) { return f.registrar == registrar; });
  if (form == kForms.end())
    return refuse(FaultKind::kInvalidToken, fmt::format("no form of credentials is known for {}", registrar));
  const auto broken = [&](std::string_view why) {
    return refuse(FaultKind::kInvalidToken, fmt::format("the credential for {} {}", registrar, why),
                  fmt::format("its form is {}", form->text));
  };
  const std::string_view whole = trimmed(text);
  if (whole.empty()) return broken("is empty");
  for (const unsigned char c : whole)
    if (c <= 0x20 || c >= 0x7F) return broken("has a blank or a character that is not ASCII in it");
  std::vector<std::string_view> parts;
  for (std::string_view rest = whole;;) {
    const auto colon = rest.find(':');
    if (colon == std::string_view::npos || (form->at_first_colon && parts.size() + 1 == form->most)) {
      parts.push_back(rest);
      break;
    }
    parts.push_back(rest.substr(0, colon));
    rest.remove_prefix(colon + 1);
  }
  if (std::any_of(parts.begin(), parts.end(), [](std::string_view part) { return part.empty(); }))
    return broken("has an empty part");
  if (parts.size() < form->least || parts.size() > form->most) return broken(fmt::format("has {} parts", parts.size()));
  if (registrar == "namecheap") {
    const auto address = dns::IpAddress::parse(parts.back());
    if (!address || !address->is_v4()) return broken("does not end with an IPv4 address");
  }
  if (registrar == "ovh" && parts.size() == 4 && parts[3] != "eu" && parts[3] != "ca" && parts[3] != "us")
    return broken("names a region that is none of eu, ca, us");
  if (registrar == "cloudflare" && whole.starts_with("cfk_"))
    return broken("is a global API key, which needs an e-mail address beside it and is not supported");
  std::vector<Secret> secrets;
  for (const std::string_view part : parts) secrets.emplace_back(part);
  return secrets;
}

std::string masked(std::string text, const std::vector<Secret>& parts) {
  for (const Secret& part : parts) {
    // An address is no secret, and which address a registrar saw is what its message is for.
    if (part.view().size() < 4 || dns::IpAddress::parse(part.view())) continue;
    for (std::size_t at = text.find(part.view()); at != std::string::npos; at = text.find(part.view(), at + 3))
      text.replace(at, part.view().size(), "***");
  }
  return text;
}

}  // namespace sdns::registrars
