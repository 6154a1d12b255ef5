// SPDX-License-Identifier: MIT
#include "registrars/dynadot.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "registrars/dynadot_api3.h"
#include "registrars/dynadot_rest.h"
#include "registrars/host_name.h"

namespace sdns::registrars {
namespace {

constexpr const char* kBase = "https://api.dynadot.com";
constexpr const char* kSandbox = "https://api-sandbox.dynadot.com";

}  // namespace

Answer<std::unique_ptr<Adapter>> make_dynadot(Context& context, std::vector<Secret> credential,
                                              const Settings& settings) {
  auto base = checked_base("Dynadot", !settings.base_url.empty() ? settings.base_url
                                      : settings.sandbox         ? kSandbox
                                                                 : kBase);
  if (!base) return refuse(std::move(base.error()));
  if (credential.size() == 2) return DynadotRest::make(context, std::move(credential), std::move(*base));
  return DynadotApi3::make(context, std::move(credential), std::move(*base));
}

ChannelOptions dynadot_channel() {
  // A regular account has one thread and 60 calls a minute.
  return {
      "dynadot", "Dynadot", {std::chrono::milliseconds(1100), 0, {}, true}, std::chrono::seconds(60), "x-request-id"};
}

Capabilities dynadot_capabilities(std::string api) {
  Capabilities can;
  can.registrar = "dynadot";
  can.api = std::move(api);
  can.ds_form = DsForm::kDigest;
  can.most_nameservers = 13;
  return can;
}

std::optional<FaultKind> dynadot_meaning(std::string_view text) {
  using K = FaultKind;
  // Exact phrases: "registry key" or "authoritative name server" are no credentials.
  static constexpr std::pair<std::string_view, K> kTexts[] = {
      {"invalid key", K::kInvalidToken},
      {"requires x-signature", K::kInvalidToken},
      {"signature mismatch", K::kInvalidToken},
      {"invalid signature", K::kInvalidToken},
      {"authorization header", K::kInvalidToken},
      {"current ip address", K::kIpNotAllowed},
      {"could not find domain in your account", K::kDomainNotInAccount},
      {"needs to be registered with an ip address", K::kInvalidNameserver},
      {"doesn't support dnssec", K::kUnsupportedOperation},
      {"unsupported domain type", K::kUnsupportedOperation},
      {"unlock your domain", K::kDomainLocked},
      {"need api skip lock agreement", K::kDomainLocked},
      {"must use the name server setting first", K::kConflict},
      {"another command processing", K::kRateLimited},
      {"currently processing another request", K::kRateLimited},
      {"system_busy", K::kRateLimited},
      {"system busy", K::kRateLimited},
      {"problem with connection to main server", K::kApiUnavailable},
  };
  for (const auto& [fragment, kind] : kTexts)
    if (has(text, fragment)) return kind;
  return std::nullopt;
}

std::string dynadot_hint(FaultKind kind) {
  switch (kind) {
    case FaultKind::kInvalidToken:
      return "check key and secret under Tools, API";
    case FaultKind::kIpNotAllowed:
      return "add the address from which this service calls to the account's API allow-list (it takes about 10 "
             "minutes)";
    case FaultKind::kInvalidNameserver:
      return "a host below a domain of the account is registered with its addresses first (glue); others must exist";
    case FaultKind::kConflict:
      return "the domain uses Dynadot's own DNS or parking: switch DNSSEC off in the panel, or use name servers first";
    case FaultKind::kDomainNotInAccount:
      return "a domain that was registered within half an hour may not be found yet";
    default:
      return {};
  }
}

int number_in_brackets(std::string_view text) {
  const auto open = text.rfind('(');
  const std::string_view digits = open == std::string_view::npos ? text : text.substr(open + 1);
  int number = -1;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number >= 0 && number <= 255 ? number : -1;
}

Answer<Accepted> replace_ds(const dns::Name& domain, const std::vector<DsRecord>& wanted,
                            const std::vector<DsRecord>& present, const DsReplacement& steps) {
  const auto is_in = [&](const std::vector<DsRecord>& all, const DsRecord& record) {
    return std::any_of(all.begin(), all.end(), [&](const DsRecord& other) { return same(domain, other, record); });
  };
  const auto place_all = [&](const std::vector<DsRecord>& there) -> Answer<void> {
    for (const DsRecord& record : wanted)
      if (!is_in(there, record))
        if (auto placed = steps.place(record); !placed) return placed;
    return {};
  };
  if (wanted.empty()) {
    if (auto cleared = steps.clear(); !cleared) return refuse(std::move(cleared.error()));
    return Accepted{};
  }
  if (auto placed = place_all(present); !placed) return refuse(std::move(placed.error()));
  const auto stale = [&](const DsRecord& record) { return !is_in(wanted, record); };
  if (std::none_of(present.begin(), present.end(), stale)) return Accepted{};
  auto now = steps.read();
  if (!now) return refuse(std::move(now.error()));
  if (std::any_of(wanted.begin(), wanted.end(), [&](const DsRecord& record) { return !is_in(*now, record); }))
    return refuse(
        FaultKind::kOutcomeUnknown,
        fmt::format("Dynadot: the new DS records of {} are not there after they were placed", undotted(domain)),
        "nothing was removed; look into the account");
  if (std::none_of(now->begin(), now->end(), stale)) return Accepted{};
  if (auto cleared = steps.clear(); !cleared) return refuse(std::move(cleared.error()));
  if (auto placed = place_all({}); !placed) {
    Fault fault = std::move(placed.error());
    fault.hint = fmt::format("{} has no DS at the parent now: insecure and resolvable; set the DS records again",
                             undotted(domain));
    return refuse(std::move(fault));
  }
  return Accepted{};
}

}  // namespace sdns::registrars
