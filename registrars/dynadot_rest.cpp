// SPDX-License-Identifier: MIT
#include "registrars/dynadot_rest.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "registrars/host_name.h"
#include "registrars/signature.h"

namespace sdns::registrars {
namespace {

constexpr const char* kPrefix = "/restful/v2";

struct AlgorithmName {
  std::uint8_t number;
  const char* name;
};
/// Those that the documents name.
constexpr std::array<AlgorithmName, 4> kAlgorithms = {
    {{8, "rsa_sha256"}, {13, "ecdsa_p256_sha256"}, {14, "ecdsa_p384_sha384"}, {15, "ed25519"}}};

const nlohmann::json& either(const nlohmann::json& object, const char* one, const char* other) {
  const nlohmann::json& first = member(object, one);
  return first.is_null() ? member(object, other) : first;
}

}  // namespace

Answer<std::unique_ptr<Adapter>> DynadotRest::make(Context& context, std::vector<Secret> credential, std::string base) {
  return std::unique_ptr<Adapter>(new DynadotRest(context, std::move(credential), std::move(base)));
}

DynadotRest::DynadotRest(Context& context, std::vector<Secret> credential, std::string base)
    : channel_(context, dynadot_channel(), std::move(credential)),
      base_(std::move(base)),
      capabilities_(dynadot_capabilities("restful v2")) {}

Fault DynadotRest::classify(const Call& call, const Reply& reply, std::int64_t code, const std::string& text) {
  using K = FaultKind;
  const auto made = [&](K kind) {
    return channel_.fault(kind, call, reply, std::to_string(code), text, dynadot_hint(kind));
  };
  if (code == 429) return made(K::kRateLimited);
  if (code >= 500) return made(call.effect == Effect::kWrite && code == 500 ? K::kOutcomeUnknown : K::kApiUnavailable);
  if (const auto meaning = dynadot_meaning(text)) {
    Reply with_delay = reply;
    // The other command is over in seconds; a limit of calls takes a minute.
    if (*meaning == K::kRateLimited && !with_delay.retry_after) with_delay.retry_after = std::chrono::seconds(5);
    return channel_.fault(*meaning, call, with_delay, std::to_string(code), text, dynadot_hint(*meaning));
  }
  if (code == 401) return made(K::kInvalidToken);
  if (code == 403) return made(K::kInsufficientScope);
  if (code == 404) return made(K::kDomainNotInAccount);
  if (code == 409) return made(has(text, "lock") ? K::kDomainLocked : K::kConflict);
  return made(K::kRegistrarError);
}

Answer<nlohmann::json> DynadotRest::ask(const std::string& method, const std::string& path, const std::string& body,
                                        Effect effect, const std::string& what) {
  Call call{method, base_ + kPrefix + path, {}, body, effect, what};
  const std::string_view key = channel_.part(0);
  const std::string request_id = method == "GET" ? std::string() : channel_.uuid();
  // What is signed is the path as the server sees it, which a base with a path of its own begins.
  const std::string url = call.url;
  const auto authority = url.find("://") + 3;
  const auto slash = url.find('/', authority);
  call.headers = {{"Authorization", fmt::format("Bearer {}", key)},
                  {"Accept", "application/json"},
                  {"Content-Type", "application/json"}};
  if (!request_id.empty()) call.headers.emplace_back("X-Request-ID", request_id);
  call.headers.emplace_back(
      "X-Signature", dynadot_signature(channel_.part(1), key, std::string_view(url).substr(slash), request_id, body));
  auto reply = channel_.send(call);
  wipe(call.headers[0].second);
  if (!reply) return refuse(std::move(reply.error()));
  const nlohmann::json answer = parse_json(reply->body);
  const auto code = number_at(answer, "code");
  if (!answer.is_object() || (!code && reply->status < 400)) {
    if (auto fault = channel_.transport_fault(call, *reply)) return refuse(std::move(*fault));
    return refuse(channel_.no_answer(call, *reply));
  }
  // The body's code decides: HTTP 200 goes with codes of errors too.
  const std::int64_t decided = code.value_or(reply->status);
  if (decided >= 200 && decided < 300) return member(answer, "data");
  std::string text = text_at(member(answer, "error"), "description");
  if (text.empty()) text = text_at(answer, "message");
  return refuse(classify(call, *reply, decided, text));
}

Answer<Registration> DynadotRest::inspect(const dns::Name& domain) {
  const std::string name = undotted(domain);
  auto data = ask("GET", "/domains/" + percent_encoded(name), "", Effect::kRead, "reading " + name);
  if (!data) return refuse(std::move(data.error()));
  const nlohmann::json* info = &either(*data, "domain_info", "domainInfo");
  if (info->is_array() && !info->empty()) info = &info->front();
  std::string found_name = text_at(*info, "domain_name");
  if (found_name.empty()) found_name = text_at(*info, "domainName");
  if (lower(found_name) != name)
    return refuse(FaultKind::kApiUnavailable, fmt::format("Dynadot: reading {}: the answer has another shape", name));
  Registration found;
  found.domain = domain;
  found.status = channel_.quoted(text_at(*info, "status"));
  for (const std::string_view bad : {"expired", "hold", "disabled", "udrp", "transfer", "redemption", "deleted"})
    if (has(found.status, bad)) found.blocked = fmt::format("its status at Dynadot is {}", found.status);
  const nlohmann::json& glue = either(*info, "glue_info", "glueInfo");
  std::string type = text_at(glue, "glue_type");
  if (type.empty()) type = text_at(glue, "glueType");
  own_dns_ = !type.empty() && type != "type_user" && type != "type_null";
  return found;
}

Answer<NameserverSet> DynadotRest::read_nameservers(const dns::Name& domain) {
  const std::string name = undotted(domain);
  auto data = ask("GET", fmt::format("/domains/{}/nameservers", percent_encoded(name)), "", Effect::kRead,
                  "reading the name servers of " + name);
  if (!data) return refuse(std::move(data.error()));
  NameserverSet set;
  set.own_dns = own_dns_;
  if (own_dns_) set.note = "Dynadot's own DNS or parking is in use; going back to it takes the panel";
  for (const auto& entry : member(*data, "name_servers")) {
    std::string text = text_at(entry, "host");
    if (text.empty()) text = text_at(entry, "ns_name");
    if (text.empty()) continue;
    auto host = parse_host(text);
    if (!host)
      return refuse(FaultKind::kApiUnavailable, "Dynadot: a name server cannot be read: " + host.error().detail);
    set.hosts.push_back(std::move(*host));
  }
  return set;
}

Answer<Accepted> DynadotRest::write_nameservers(const dns::Name& domain, const std::vector<Nameserver>& wanted,
                                                const NameserverSet& present) {
  const std::string name = undotted(domain);
  // A set may only name hosts of the account's list. Those with addresses were registered before.
  for (const Nameserver& server : wanted) {
    const bool listed = std::find(present.hosts.begin(), present.hosts.end(), server.host) != present.hosts.end();
    if (listed || !server.addresses.empty() || server.host.at_or_below(domain)) continue;
    const std::string host = undotted(server.host);
    auto added = ask("POST", fmt::format("/nameservers/{}/add_external", percent_encoded(host)), "{}", Effect::kWrite,
                     "adding the host " + host);
    if (!added && !has(added.error().detail, "already exist")) {
      // A list of hosts is no delegation: whatever became of this, the name servers of the domain are as they were.
      Fault fault = std::move(added.error());
      if (fault.kind == FaultKind::kOutcomeUnknown) fault.kind = FaultKind::kApiUnavailable;
      return refuse(std::move(fault));
    }
  }
  nlohmann::ordered_json body;
  body["nameserver_list"] = nlohmann::ordered_json::array();
  for (const Nameserver& server : wanted) body["nameserver_list"].push_back(undotted(server.host));
  auto done = ask("PUT", fmt::format("/domains/{}/nameservers", percent_encoded(name)), body.dump(), Effect::kWrite,
                  "setting the name servers of " + name);
  if (!done) return refuse(std::move(done.error()));
  return Accepted{};
}

Answer<std::vector<DsRecord>> DynadotRest::read_ds(const dns::Name& domain) {
  const std::string name = undotted(domain);
  auto data = ask("GET", fmt::format("/domains/{}/dnssec", percent_encoded(name)), "", Effect::kRead,
                  "reading the DS records of " + name);
  if (!data) return refuse(std::move(data.error()));
  std::vector<DsRecord> records;
  for (const auto& row : member(*data, "dnssec_info_list")) {
    auto record = parse_ds(
        domain, fmt::format("{} {} {} {}", text_at(row, "key_tag"), number_in_brackets(text_at(row, "algorithm")),
                            number_in_brackets(text_at(row, "digest_type")), text_at(row, "digest")));
    if (!record)
      return refuse(FaultKind::kApiUnavailable, "Dynadot: a DS record cannot be read: " + record.error().detail);
    records.push_back(std::move(*record));
  }
  return records;
}

Answer<Accepted> DynadotRest::write_ds(const dns::Name& domain, const std::vector<DsRecord>& wanted,
                                       const std::vector<DsRecord>& present) {
  const std::string name = undotted(domain);
  const std::string path = fmt::format("/domains/{}/dnssec", percent_encoded(name));
  for (const DsRecord& record : wanted)
    if (std::none_of(kAlgorithms.begin(), kAlgorithms.end(),
                     [&](const auto& a) { return a.number == record.algorithm; }))
      return refuse(FaultKind::kInvalidDs,
                    fmt::format("Dynadot's REST API has no name for algorithm {}", record.algorithm),
                    "sign with algorithm 13");
  DsReplacement steps;
  steps.place = [&](const DsRecord& record) -> Answer<void> {
    const auto* known = std::find_if(kAlgorithms.begin(), kAlgorithms.end(),
                                     [&](const auto& a) { return a.number == record.algorithm; });
    nlohmann::ordered_json body;
    body["key_tag"] = record.key_tag;
    body["digest_type"] = record.digest_type == 4 ? "sha384" : "sha256";
    body["digest"] = record.digest;
    body["algorithm"] = known->name;
    auto done = ask("PUT", path, body.dump(), Effect::kWrite, "setting a DS record of " + name);
    if (!done) return refuse(std::move(done.error()));
    return {};
  };
  steps.clear = [&]() -> Answer<void> {
    auto done = ask("DELETE", path, "", Effect::kWrite, "clearing the DS records of " + name);
    if (!done) return refuse(std::move(done.error()));
    return {};
  };
  steps.read = [&] { return read_ds(domain); };
  return replace_ds(domain, wanted, present, steps);
}

Answer<std::optional<std::vector<dns::IpAddress>>> DynadotRest::read_glue(const dns::Name&, const dns::Name& host) {
  const std::string name = undotted(host);
  auto data = ask("GET", "/nameservers/" + percent_encoded(name), "", Effect::kRead, "reading the host " + name);
  if (!data) {
    if (data.error().upstream_code == "404") return std::optional<std::vector<dns::IpAddress>>();
    return refuse(std::move(data.error()));
  }
  std::vector<dns::IpAddress> addresses;
  for (const auto& text : member(*data, "ip_list")) {
    auto address = text.is_string() ? dns::IpAddress::parse(text.get<std::string>()) : fail(Errc::kInvalidArgument, "");
    if (!address) return refuse(FaultKind::kApiUnavailable, "Dynadot: an address of " + name + " cannot be read");
    addresses.push_back(*address);
  }
  return std::optional(std::move(addresses));
}

Answer<Accepted> DynadotRest::write_glue(const dns::Name&, const Nameserver& wanted,
                                         const std::optional<std::vector<dns::IpAddress>>& present) {
  const std::string name = undotted(wanted.host);
  if (!present) {
    nlohmann::ordered_json body;
    body["name_server"]["server_name"] = name;
    body["name_server"]["ip"] = wanted.addresses.front().text();
    auto made = ask("POST", "/nameservers/register", body.dump(), Effect::kWrite, "registering the host " + name);
    if (!made) return refuse(std::move(made.error()));
    if (wanted.addresses.size() == 1) return Accepted{};
  }
  nlohmann::ordered_json body;
  body["ip_list"] = nlohmann::ordered_json::array();
  for (const auto& address : wanted.addresses) body["ip_list"].push_back(address.text());
  auto set = ask("PUT", fmt::format("/nameservers/{}/set_ip", percent_encoded(name)), body.dump(), Effect::kWrite,
                 "setting the addresses of " + name);
  if (!set) return refuse(std::move(set.error()));
  return Accepted{};
}

}  // namespace sdns::registrars
