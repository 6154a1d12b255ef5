// SPDX-License-Identifier: MIT
#include "registrars/dynadot_api3.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "registrars/host_name.h"

namespace sdns::registrars {
namespace {

constexpr std::size_t kServersPerPage = 100;
constexpr std::size_t kMostPages = 50;
constexpr std::size_t kMostAddresses = 9;

bool is_yes(const nlohmann::json& object, const char* key) { return lower(text_at(object, key)) == "yes"; }

}  // namespace

Answer<std::unique_ptr<Adapter>> DynadotApi3::make(Context& context, std::vector<Secret> credential, std::string base) {
  return std::unique_ptr<Adapter>(new DynadotApi3(context, std::move(credential), std::move(base)));
}

DynadotApi3::DynadotApi3(Context& context, std::vector<Secret> credential, std::string base)
    : channel_(context, dynadot_channel(), std::move(credential)),
      base_(std::move(base)),
      capabilities_(dynadot_capabilities("api3")) {
  capabilities_.get_glue = {false, "API3 tells which hosts are registered and not their addresses",
                            "use a credential with a secret, KEY:SECRET, for the REST API"};
}

Fault DynadotApi3::classify(const Call& call, const Reply& reply, const nlohmann::json& object) {
  using K = FaultKind;
  const std::string code = text_at(object, "ResponseCode");
  std::string text = text_at(object, "Error");
  const std::string status = text_at(object, "Status");
  if (text.empty()) text = status;
  K kind = dynadot_meaning(text).value_or(K::kRegistrarError);
  if (status == "system_busy" || code == "5") kind = K::kRateLimited;
  if (kind == K::kApiUnavailable && call.effect == Effect::kWrite) kind = K::kOutcomeUnknown;
  Reply with_delay = reply;
  if (kind == K::kRateLimited && !with_delay.retry_after) with_delay.retry_after = std::chrono::seconds(5);
  return channel_.fault(kind, call, with_delay, code, text, dynadot_hint(kind));
}

Answer<nlohmann::json> DynadotApi3::ask(const std::string& command, const Parameters& parameters, Effect effect,
                                        const std::string& what) {
  auto answer = ask_by(how_, command, parameters, effect, what);
  if (answer || how_ == How::kGet) return answer;
  // A server that reads no form sees no key, or refuses the method: nothing was carried out either way. The key is in
  // the URL then, which is why a form is tried first.
  const Fault& fault = answer.error();
  const bool unread = fault.kind == FaultKind::kInvalidToken || fault.upstream_status == 404 ||
                      fault.upstream_status == 405 || fault.upstream_status == 415 || fault.upstream_status == 501;
  if (!unread) return answer;
  auto again = ask_by(How::kGet, command, parameters, effect, what);
  if (again || again.error().kind != FaultKind::kInvalidToken) how_ = How::kGet;
  return again;
}

Answer<nlohmann::json> DynadotApi3::ask_by(How how, const std::string& command, const Parameters& parameters,
                                           Effect effect, const std::string& what) {
  std::string query = fmt::format("key={}&command={}", percent_encoded(channel_.part(0)), command);
  for (const auto& [name, value] : parameters) query += '&' + name + '=' + percent_encoded(value);
  Call call{"POST", base_ + "/api3.json", {{"Accept", "application/json"}}, {}, effect, what};
  if (how == How::kGet) {
    call.method = "GET";
    call.url += '?' + query;
  } else {
    call.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
    call.body = query;
  }
  wipe(query);
  auto reply = channel_.send(call);
  wipe(call.url);
  wipe(call.body);
  if (!reply) return refuse(std::move(reply.error()));
  if (auto fault = channel_.transport_fault(call, *reply)) return refuse(std::move(*fault));
  const nlohmann::json answer = parse_json(reply->body);
  if (reply->status != 200) {
    Fault fault = channel_.no_answer(call, *reply);
    fault.executed = Executed::kNo;  // a status of 4xx
    return refuse(std::move(fault));
  }
  // One object, named after the command, or "Response" when the whole call was refused.
  if (!answer.is_object() || answer.size() != 1 || !answer.begin()->is_object())
    return refuse(channel_.no_answer(call, *reply));
  const nlohmann::json& object = *answer.begin();
  const auto code = number_at(object, "ResponseCode");
  if (!code) return refuse(channel_.no_answer(call, *reply));
  if (*code == 0 && answer.begin().key() != "Response") return object;
  return refuse(classify(call, *reply, object));
}

Answer<Registration> DynadotApi3::inspect(const dns::Name& domain) {
  const std::string name = undotted(domain);
  auto object = ask("domain_info", {{"domain", name}}, Effect::kRead, "reading " + name);
  if (!object) return refuse(std::move(object.error()));
  const nlohmann::json& info = member(*object, "DomainInfo");
  if (lower(text_at(info, "Name")) != name)
    return refuse(FaultKind::kApiUnavailable, fmt::format("Dynadot: reading {}: the answer has another shape", name));
  Registration found;
  found.domain = domain;
  found.status = channel_.quoted(text_at(info, "Status"));
  for (const char* flag : {"Hold", "Disabled", "UdrpLocked"})
    if (is_yes(info, flag)) found.blocked = fmt::format("Dynadot says {}: yes", flag);
  if (is_yes(info, "RegistrantUnverified"))
    found.warnings.emplace_back("the registrant is not verified: the registry may suspend the domain");
  const std::string type = text_at(member(info, "NameServerSettings"), "Type");
  own_dns_ = !type.empty() && lower(type) != "name servers";
  return found;
}

Answer<NameserverSet> DynadotApi3::read_nameservers(const dns::Name& domain) {
  auto object =
      ask("get_ns", {{"domain", undotted(domain)}}, Effect::kRead, "reading the name servers of " + undotted(domain));
  if (!object) return refuse(std::move(object.error()));
  const nlohmann::json& content = member(*object, object->contains("NsContent") ? "NsContent" : "nsContent");
  NameserverSet set;
  set.own_dns = own_dns_;
  for (int i = 0; i < 13; ++i) {
    const std::string text = text_at(content, fmt::format("Host{}", i).c_str());
    if (text.empty()) continue;
    auto host = parse_host(text);
    if (!host)
      return refuse(FaultKind::kApiUnavailable, "Dynadot: a name server cannot be read: " + host.error().detail);
    set.hosts.push_back(std::move(*host));
  }
  return set;
}

Answer<Accepted> DynadotApi3::write_nameservers(const dns::Name& domain, const std::vector<Nameserver>& wanted,
                                                const NameserverSet& present) {
  Parameters parameters = {{"domain", undotted(domain)}};
  for (const Nameserver& server : wanted) {
    const std::string host = undotted(server.host);
    parameters.emplace_back(fmt::format("ns{}", parameters.size() - 1), host);
    const bool listed = std::find(present.hosts.begin(), present.hosts.end(), server.host) != present.hosts.end();
    if (listed || !server.addresses.empty() || server.host.at_or_below(domain)) continue;
    auto added = ask("add_ns", {{"host", host}}, Effect::kWrite, "adding the host " + host);
    if (!added && !has(added.error().detail, "already exist")) {
      Fault fault = std::move(added.error());
      if (fault.kind == FaultKind::kOutcomeUnknown) fault.kind = FaultKind::kApiUnavailable;
      return refuse(std::move(fault));
    }
  }
  auto done = ask("set_ns", parameters, Effect::kWrite, "setting the name servers of " + undotted(domain));
  if (!done) return refuse(std::move(done.error()));
  return Accepted{};
}

Answer<std::vector<DsRecord>> DynadotApi3::read_ds(const dns::Name& domain) {
  auto object = ask("get_dnssec", {{"domain_name", undotted(domain)}}, Effect::kRead,
                    "reading the DS records of " + undotted(domain));
  if (!object) return refuse(std::move(object.error()));
  std::vector<DsRecord> records;
  for (const auto& row : member(*object, "DnssecInfo")) {
    auto record = parse_ds(
        domain, fmt::format("{} {} {} {}", text_at(row, "KeyTag"), number_in_brackets(text_at(row, "Algorithm")),
                            number_in_brackets(text_at(row, "DigestType")), text_at(row, "Digest")));
    if (!record)
      return refuse(FaultKind::kApiUnavailable, "Dynadot: a DS record cannot be read: " + record.error().detail);
    records.push_back(std::move(*record));
  }
  return records;
}

Answer<Accepted> DynadotApi3::write_ds(const dns::Name& domain, const std::vector<DsRecord>& wanted,
                                       const std::vector<DsRecord>& present) {
  const std::string name = undotted(domain);
  DsReplacement steps;
  steps.place = [&](const DsRecord& record) -> Answer<void> {
    auto done = ask("set_dnssec",
                    {{"domain_name", name},
                     {"algorithm", std::to_string(record.algorithm)},
                     {"key_tag", std::to_string(record.key_tag)},
                     {"digest_type", std::to_string(record.digest_type)},
                     {"digest", record.digest}},
                    Effect::kWrite, "setting a DS record of " + name);
    if (!done) return refuse(std::move(done.error()));
    return {};
  };
  steps.clear = [&]() -> Answer<void> {
    auto done = ask("clear_dnssec", {{"domain_name", name}}, Effect::kWrite, "clearing the DS records of " + name);
    if (!done) return refuse(std::move(done.error()));
    return {};
  };
  steps.read = [&] { return read_ds(domain); };
  return replace_ds(domain, wanted, present, steps);
}

Answer<bool> DynadotApi3::is_listed(const dns::Name& host) {
  const std::string name = undotted(host);
  for (std::size_t page = 1; page <= kMostPages; ++page) {
    auto object =
        ask("server_list", {{"page_index", std::to_string(page)}, {"count_per_page", std::to_string(kServersPerPage)}},
            Effect::kRead, "listing the hosts of the account");
    if (!object) return refuse(std::move(object.error()));
    const nlohmann::json& list = member(*object, "ServerList");
    for (const auto& row : list)
      if (lower(text_at(row, "ServerName")) == name) return true;
    if (list.size() < kServersPerPage) return false;
  }
  return false;
}

Answer<Accepted> DynadotApi3::write_glue(const dns::Name&, const Nameserver& wanted,
                                         const std::optional<std::vector<dns::IpAddress>>&) {
  const std::string host = undotted(wanted.host);
  if (wanted.addresses.size() > kMostAddresses)
    return refuse(FaultKind::kInvalidNameserver, fmt::format("{} has {} addresses, and Dynadot takes {}", host,
                                                             wanted.addresses.size(), kMostAddresses));
  auto listed = is_listed(wanted.host);
  if (!listed) return refuse(std::move(listed.error()));
  if (!*listed) {
    auto made = ask("register_ns", {{"host", host}, {"ip", wanted.addresses.front().text()}}, Effect::kWrite,
                    "registering the host " + host);
    if (!made && !has(made.error().detail, "already exist")) return refuse(std::move(made.error()));
    if (made && wanted.addresses.size() == 1) return Accepted{};
  }
  Parameters parameters = {{"server_domain", host}};
  for (const auto& address : wanted.addresses)
    parameters.emplace_back(fmt::format("ip{}", parameters.size() - 1), address.text());
  auto set = ask("set_ns_ip_by_domain", parameters, Effect::kWrite, "setting the addresses of " + host);
  if (!set) return refuse(std::move(set.error()));
  return Accepted{};
}

}  // namespace sdns::registrars
