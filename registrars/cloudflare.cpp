// SPDX-License-Identifier: MIT
#include "registrars/cloudflare.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "registrars/host_name.h"

namespace sdns::registrars {
namespace {

constexpr const char* kBase = "https://api.cloudflare.com/client/v4";
constexpr std::int64_t kMostPages = 100;

Capabilities capabilities_of() {
  Capabilities can;
  can.registrar = "cloudflare";
  can.api = "v4";
  can.set_nameservers = {
      false, "a domain registered at Cloudflare keeps the name servers that Cloudflare assigned to its zone",
      "transfer the domain to another registrar (60 days after its registration at the earliest), or delegate "
      "names below it by NS records in the Cloudflare zone; where only its DNS is at Cloudflare, change "
      "the name servers at the registrar of the domain"};
  can.get_ds = {};
  can.set_ds = {false, "the DS at the parent follows Cloudflare's own signing and no call places another",
                "switch signing on or off in the Cloudflare zone"};
  const Capability no_hosts{false, "host records cannot be registered by API",
                            "transfer the domain to another registrar"};
  can.get_glue = can.glue_v4 = can.glue_v6 = no_hosts;
  return can;
}

}  // namespace

Answer<std::unique_ptr<Adapter>> Cloudflare::make(Context& context, std::vector<Secret> credential,
                                                  const Settings& settings) {
  if (settings.sandbox)
    return refuse(FaultKind::kUnsupportedOperation, "Cloudflare has no sandbox", "leave the sandbox out");
  auto base = checked_base("Cloudflare", settings.base_url.empty() ? kBase : settings.base_url);
  if (!base) return refuse(std::move(base.error()));
  return std::unique_ptr<Adapter>(new Cloudflare(context, std::move(credential), std::move(*base)));
}

Cloudflare::Cloudflare(Context& context, std::vector<Secret> credential, std::string base)
    // 1 200 calls in five minutes of all tokens of a user; a fifth is left to the others.
    : channel_(
          context,
          {"cloudflare", "Cloudflare", {{}, 960, std::chrono::minutes(5), false}, std::chrono::seconds(300), "cf-ray"},
          std::move(credential)),
      base_(std::move(base)),
      capabilities_(capabilities_of()) {}

Fault Cloudflare::classify(const Call& call, const Reply& reply, const nlohmann::json& body) {
  using K = FaultKind;
  const nlohmann::json& errors = member(body, "errors");
  const nlohmann::json first = errors.is_array() && !errors.empty() ? errors.front() : nlohmann::json();
  const std::int64_t code = number_at(first, "code").value_or(0);
  const std::string message = text_at(first, "message");
  const auto made = [&](K kind, std::string hint = {}) {
    return channel_.fault(kind, call, reply, code == 0 ? "" : std::to_string(code), message, std::move(hint));
  };
  const std::string rights = "the token needs Zone:Read, and Registrar:Read of the account";
  switch (code) {
    case 6003:
    case 6111:
    case 9103:
    case 9106:
    case 1000:
      return made(K::kInvalidToken, "make a new API token");
    case 9109:
      if (has(message, "location"))
        return made(K::kIpNotAllowed, "the token allows other addresses: add this host's to its client IP filter");
      if (has(message, "invalid access token")) return made(K::kInvalidToken, "make a new API token");
      return made(K::kInsufficientScope, rights);
    case 10000:
      // A lack of rights, a bad token and a refusal of the registrar have this number: the text and what was seen
      // before tell them apart.
      if (has(message, "name server update not allowed"))
        return made(K::kUnsupportedOperation, capabilities_.set_nameservers.instead);
      if (token_is_active_) return made(K::kInsufficientScope, rights);
      return made(K::kInvalidToken, "make a new API token, or check its rights");
    case 7003:
    case 1001:
      return made(K::kDomainNotInAccount);
    default:
      break;
  }
  if (reply.status == 401) return made(K::kInvalidToken);
  if (reply.status == 403) return made(K::kInsufficientScope, rights);
  if (reply.status == 404) return made(K::kDomainNotInAccount);
  if (reply.status == 422) return made(K::kUnsupportedOperation);
  return made(K::kRegistrarError);
}

Answer<nlohmann::json> Cloudflare::get(const std::string& path, const std::string& what) {
  Call call{"GET",
            base_ + path,
            {{"Authorization", fmt::format("Bearer {}", channel_.part(0))}, {"Accept", "application/json"}},
            {},
            Effect::kRead,
            what};
  auto reply = channel_.send(call);
  wipe(call.headers[0].second);
  if (!reply) return refuse(std::move(reply.error()));
  if (auto fault = channel_.transport_fault(call, *reply)) return refuse(std::move(*fault));
  const nlohmann::json body = parse_json(reply->body);
  if (!body.is_object()) return refuse(channel_.no_answer(call, *reply));
  if (reply->status == 200 && flag_at(body, "success")) return body;
  return refuse(classify(call, *reply, body));
}

Answer<void> Cloudflare::verify_token() {
  if (channel_.part(0).starts_with("cfat_")) return {};
  auto verified = get("/user/tokens/verify", "checking the token");
  if (!verified) {
    // Said of good account-owned tokens too: reading the zone is the proof then.
    if (verified.error().upstream_code == "1000") return {};
    return refuse(std::move(verified.error()));
  }
  const std::string status = text_at(member(*verified, "result"), "status");
  if (status != "active")
    return refuse(FaultKind::kInvalidToken, fmt::format("Cloudflare: the token is {}", channel_.quoted(status)),
                  "make a new API token");
  token_is_active_ = true;
  return {};
}

Answer<Registration> Cloudflare::inspect(const dns::Name& domain) {
  const std::string name = undotted(domain);
  // The filter may be ignored one day, so names are compared here too, and every page is read.
  std::vector<nlohmann::json> rows;
  for (std::int64_t page = 1, pages = 1; page <= std::min(pages, kMostPages); ++page) {
    auto listed = get(fmt::format("/zones?name={}&per_page=50{}", percent_encoded(name),
                                  page == 1 ? "" : fmt::format("&page={}", page)),
                      "finding the zone " + name);
    if (!listed) return refuse(std::move(listed.error()));
    for (const auto& row : member(*listed, "result"))
      if (lower(text_at(row, "name")) == name) rows.push_back(row);
    pages = number_at(member(*listed, "result_info"), "total_pages").value_or(1);
  }
  if (rows.empty())
    return refuse(FaultKind::kDomainNotInAccount, fmt::format("Cloudflare: no zone {} is visible to the token", name),
                  "give the token rights to the zone, or take a token of the account that has it");
  if (rows.size() > 1) {
    std::vector<nlohmann::json> active;
    std::copy_if(rows.begin(), rows.end(), std::back_inserter(active),
                 [](const auto& row) { return text_at(row, "status") == "active"; });
    if (active.size() != 1)
      return refuse(
          FaultKind::kConflict,
          fmt::format("Cloudflare: the token sees {} zones named {} and not one active one", rows.size(), name),
          "take a token of the one account that the domain is in");
    rows = std::move(active);
  }
  const nlohmann::json& zone = rows.front();
  zone_id_ = text_at(zone, "id");
  account_id_ = text_at(member(zone, "account"), "id");
  original_registrar_ = text_at(zone, "original_registrar");
  Registration found;
  found.domain = domain;
  found.status = text_at(zone, "status");
  if (found.status == "moved") found.warnings.emplace_back("the zone is \"moved\": the parent delegates elsewhere");
  NameserverSet set;
  set.own_dns = true;
  set.note = "these are the name servers that Cloudflare assigned; the parent may publish others";
  for (const auto& host : member(zone, "name_servers")) {
    if (!host.is_string()) continue;
    auto parsed = parse_host(host.get<std::string>());
    if (parsed) set.hosts.push_back(std::move(*parsed));
  }
  found.nameservers = std::move(set);
  return found;
}

Answer<Registration> Cloudflare::validate(const dns::Name& domain) {
  if (auto verified = verify_token(); !verified) return refuse(std::move(verified.error()));
  auto found = inspect(domain);
  if (!found) return found;
  const std::string name = undotted(domain);
  auto registration =
      get(fmt::format("/accounts/{}/registrar/registrations/{}", percent_encoded(account_id_), percent_encoded(name)),
          "reading the registration of " + name);
  if (registration) return found;
  const Fault& fault = registration.error();
  if (fault.upstream_status == 404) {
    const std::string where = original_registrar_.empty()
                                  ? ""
                                  : fmt::format(" ({} when the zone was made)", channel_.quoted(original_registrar_));
    return refuse(
        FaultKind::kDomainNotInAccount,
        fmt::format("Cloudflare has the zone {} and not the domain, which is registered elsewhere{}", name, where),
        "change the name servers at the registrar of the domain");
  }
  if (fault.kind != FaultKind::kInsufficientScope && fault.kind != FaultKind::kInvalidToken)
    return refuse(std::move(registration.error()));
  if (!original_registrar_.empty() && !has(original_registrar_, "cloudflare"))
    found->warnings.push_back(
        fmt::format("the token may not read registrations; the domain was registered at {} when its zone was made",
                    channel_.quoted(original_registrar_)));
  else
    found->warnings.emplace_back(
        "the token may not read registrations: where the domain is registered was not checked");
  return found;
}

Answer<NameserverSet> Cloudflare::read_nameservers(const dns::Name& domain) {
  auto found = inspect(domain);
  if (!found) return refuse(std::move(found.error()));
  return std::move(*found->nameservers);
}

Answer<Accepted> Cloudflare::write_nameservers(const dns::Name& domain, const std::vector<Nameserver>&,
                                               const NameserverSet&) {
  return refuse(
      unsupported(fmt::format("setting the name servers of {}", undotted(domain)), capabilities_.set_nameservers));
}

Answer<std::vector<DsRecord>> Cloudflare::read_ds(const dns::Name& domain) {
  auto body =
      get(fmt::format("/zones/{}/dnssec", percent_encoded(zone_id_)), "reading the signing of " + undotted(domain));
  if (!body) return refuse(std::move(body.error()));
  const nlohmann::json& signing = member(*body, "result");
  std::vector<DsRecord> records;
  if (text_at(signing, "status") != "active") return records;
  auto record = parse_ds(domain, fmt::format("{} {} {} {}", text_at(signing, "key_tag"), text_at(signing, "algorithm"),
                                             text_at(signing, "digest_type"), text_at(signing, "digest")));
  if (!record)
    return refuse(FaultKind::kApiUnavailable, "Cloudflare: the DS of " + undotted(domain) + " cannot be read");
  records.push_back(std::move(*record));
  return records;
}

}  // namespace sdns::registrars
