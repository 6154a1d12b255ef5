// SPDX-License-Identifier: MIT
#include "registrars/namecheap.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <pugixml.hpp>

#include "registrars/host_name.h"

namespace sdns::registrars {
namespace {

constexpr const char* kBase = "https://api.namecheap.com/xml.response";
constexpr const char* kSandbox = "https://api.sandbox.namecheap.com/xml.response";
constexpr std::chrono::minutes kAfterManyLogins{15};

Capabilities capabilities_of() {
  Capabilities can;
  can.registrar = "namecheap";
  can.api = "xml";
  can.most_nameservers = 12;
  const Capability no_ds{false, "Namecheap offers DNSSEC only in its dashboard",
                         "set or clear the DS there: Domain List, Manage, Advanced DNS"};
  can.get_ds = can.set_ds = no_ds;
  can.glue_v6 = {false, "its API takes IPv4 addresses only",
                 "ask Namecheap's support for IPv6 glue, or give the host an IPv4 address"};
  can.one_address_per_host = true;
  return can;
}

/// The domain was found under exactly this name, so everything after its first dot is the registry's suffix.
std::pair<std::string, std::string> split(const dns::Name& domain) {
  const std::string name = undotted(domain);
  const auto dot = name.find('.');
  return {name.substr(0, dot), name.substr(dot + 1)};
}

/// Element and attribute names differ in letter case between commands.
pugi::xml_node child(const pugi::xml_node& node, std::string_view name) {
  for (const auto& at : node.children())
    if (lower(at.name()) == lower(name)) return at;
  return {};
}

std::string attribute(const pugi::xml_node& node, std::string_view name) {
  for (const auto& at : node.attributes())
    if (lower(at.name()) == lower(name)) return at.value();
  return {};
}

bool is_true(std::string_view text) { return lower(text) == "true"; }

pugi::xml_node result_of(const pugi::xml_document& document, std::string_view name) {
  return child(child(child(document, "ApiResponse"), "CommandResponse"), name);
}

struct Meaning {
  const char* number;
  FaultKind kind;
};
constexpr std::array<Meaning, 30> kMeanings = {{
    {"1010101", FaultKind::kInvalidToken},         {"1011101", FaultKind::kInvalidToken},
    {"1010102", FaultKind::kInvalidToken},         {"1010105", FaultKind::kInvalidToken},
    {"1011102", FaultKind::kInvalidToken},         {"1011105", FaultKind::kInvalidToken},
    {"1011150", FaultKind::kIpNotAllowed},         {"1017150", FaultKind::kIpNotAllowed},
    {"1017105", FaultKind::kIpNotAllowed},         {"1017101", FaultKind::kInvalidToken},
    {"1017103", FaultKind::kInvalidToken},         {"1016103", FaultKind::kInvalidToken},
    {"1019103", FaultKind::kInvalidToken},         {"1017410", FaultKind::kAccountNotEligible},
    {"1017411", FaultKind::kRateLimited},          {"1030408", FaultKind::kInvalidToken},
    {"1050900", FaultKind::kApiUnavailable},       {"2019166", FaultKind::kDomainNotInAccount},
    {"2016166", FaultKind::kDomainNotInAccount},   {"3016166", FaultKind::kDomainNotInAccount},
    {"3019510", FaultKind::kDomainNotInAccount},   {"2020166", FaultKind::kDomainLocked},
    {"2030280", FaultKind::kUnsupportedOperation}, {"2011168", FaultKind::kInvalidNameserver},
    {"3011288", FaultKind::kInvalidNameserver},    {"4011103", FaultKind::kInsufficientScope},
    {"1010104", FaultKind::kRegistrarError},       {"3013288", FaultKind::kRegistrarError},
    {"4013288", FaultKind::kRegistrarError},       {"2030166", FaultKind::kDomainLocked},
}};

std::string hint_of(FaultKind kind) {
  switch (kind) {
    case FaultKind::kInvalidToken:
      return "check user and key, and that API access is switched on in the account";
    case FaultKind::kIpNotAllowed:
      return "add the address from which this service calls to the account's API allow-list (IPv4 only)";
    case FaultKind::kAccountNotEligible:
      return "Namecheap's API needs 20 domains, or a balance or purchases of 50 USD, and no declined payment";
    case FaultKind::kUnsupportedOperation:
      return "change it in Namecheap's dashboard";
    default:
      return {};
  }
}

}  // namespace

Answer<std::unique_ptr<Adapter>> Namecheap::make(Context& context, std::vector<Secret> credential,
                                                 const Settings& settings) {
  auto base = checked_base("Namecheap", !settings.base_url.empty() ? settings.base_url
                                        : settings.sandbox         ? kSandbox
                                                                   : kBase);
  if (!base) return refuse(std::move(base.error()));
  return std::unique_ptr<Adapter>(new Namecheap(context, std::move(credential), std::move(*base)));
}

Namecheap::Namecheap(Context& context, std::vector<Secret> credential, std::string base)
    : channel_(context,
               {"namecheap", "Namecheap", {{}, 20, std::chrono::minutes(1), false}, std::chrono::seconds(60), ""},
               std::move(credential)),
      base_(std::move(base)),
      capabilities_(capabilities_of()) {}

Fault Namecheap::classify(const Call& call, const Reply& reply, const std::string& command,
                          const std::vector<std::pair<std::string, std::string>>& errors) {
  using K = FaultKind;
  const bool write = call.effect == Effect::kWrite;
  for (const auto& [number, text] : errors) {
    for (const Meaning& meaning : kMeanings) {
      if (number != meaning.number) continue;
      K kind = meaning.kind;
      if (number == "2030166" && command == "domains.getInfo") kind = K::kDomainNotInAccount;
      Fault fault = channel_.fault(kind, call, reply, number, text, hint_of(kind));
      if (number == "1017411") fault.retry_after = kAfterManyLogins;
      // These are refusals of the request, whatever it was: nothing was carried out.
      fault.executed = Executed::kNo;
      return fault;
    }
    if (number == "3031510" && has(text, "nameserver"))
      return channel_.fault(
          K::kInvalidNameserver, call, reply, number, text,
          "register the host at the registrar of its domain, or take a host that exists at the registry");
  }
  const auto& [number, text] = errors.front();
  const char layer = number.empty() ? '5' : number.front();
  if (layer < '3') return channel_.fault(K::kRegistrarError, call, reply, number, text);
  // Platform, registry and unexpected failures: whether a write was carried out is not said.
  return channel_.fault(write ? K::kOutcomeUnknown : K::kApiUnavailable, call, reply, number, text);
}

Answer<std::unique_ptr<pugi::xml_document>> Namecheap::ask(const std::string& command, const Parameters& parameters,
                                                           Effect effect, const std::string& what) {
  Call call{"POST", base_, {{"Content-Type", "application/x-www-form-urlencoded"}}, {}, effect, what};
  const std::size_t user = channel_.parts() == 4 ? 2 : 0;
  call.body =
      fmt::format("ApiUser={}&ApiKey={}&UserName={}&ClientIp={}&Command=namecheap.{}",
                  percent_encoded(channel_.part(0)), percent_encoded(channel_.part(1)),
                  percent_encoded(channel_.part(user)), percent_encoded(channel_.part(channel_.parts() - 1)), command);
  for (const auto& [name, value] : parameters) call.body += '&' + name + '=' + percent_encoded(value);
  auto reply = channel_.send(call);
  wipe(call.body);
  if (!reply) return refuse(std::move(reply.error()));
  // Too many calls, refused before anything was carried out.
  if (reply->status == 405) return refuse(channel_.fault(FaultKind::kRateLimited, call, *reply, "405", ""));
  if (auto fault = channel_.transport_fault(call, *reply)) return refuse(std::move(*fault));
  auto document = std::make_unique<pugi::xml_document>();
  const auto first = reply->body.find_first_not_of(" \t\r\n");
  const std::string_view text = std::string_view(reply->body).substr(std::min(first, reply->body.size()));
  // Without DTDs there are no entities but those of XML itself.
  const auto parsed = document->load_buffer(text.data(), text.size(), pugi::parse_default & ~pugi::parse_doctype);
  const pugi::xml_node response = child(*document, "ApiResponse");
  if (!parsed || !response || reply->status != 200) return refuse(channel_.no_answer(call, *reply));
  if (lower(attribute(response, "Status")) == "ok") return document;
  std::vector<std::pair<std::string, std::string>> errors;
  for (const auto& error : child(response, "Errors").children())
    errors.emplace_back(attribute(error, "Number"), error.text().get());
  if (errors.empty()) return refuse(channel_.no_answer(call, *reply));
  return refuse(classify(call, *reply, command, errors));
}

Answer<Registration> Namecheap::inspect(const dns::Name& domain) {
  const std::string name = undotted(domain);
  const std::string what = "reading " + name;
  auto document = ask("domains.getInfo", {{"DomainName", name}}, Effect::kRead, what);
  if (!document) return refuse(std::move(document.error()));
  const auto info = result_of(**document, "DomainGetInfoResult");
  if (!info || lower(attribute(info, "DomainName")) != name)
    return refuse(FaultKind::kApiUnavailable, fmt::format("Namecheap: {}: the answer is of another domain", what));
  Registration found;
  found.domain = domain;
  found.status = attribute(info, "Status");
  const auto rights = child(info, "Modificationrights");
  if (!is_true(attribute(info, "IsOwner"))) {
    const bool all = is_true(attribute(rights, "All"));
    bool some = false;
    bool nameserver = all;
    for (const auto& right : rights.children()) {
      some = true;
      nameserver = nameserver || (lower(attribute(right, "Type")) == "nameserver" && lower(right.text().get()) == "ok");
    }
    if (!all && !some)
      return refuse(FaultKind::kDomainNotInAccount,
                    fmt::format("Namecheap: {} only uses Namecheap's name servers and is registered elsewhere", name),
                    "change the name servers at the registrar of the domain");
    if (!nameserver)
      return refuse(
          FaultKind::kInsufficientScope,
          fmt::format("Namecheap: {} is shared with this account without the right to change name servers", name),
          "ask its owner for the right \"nameserver\"");
  }
  if (const std::string status = lower(found.status); status != "ok")
    found.blocked =
        fmt::format("its status at Namecheap is {}", found.status.empty() ? "missing" : channel_.quoted(found.status));
  return found;
}

Answer<NameserverSet> Namecheap::read_nameservers(const dns::Name& domain) {
  const auto [sld, tld] = split(domain);
  auto document = ask("domains.dns.getList", {{"SLD", sld}, {"TLD", tld}}, Effect::kRead,
                      "reading the name servers of " + undotted(domain));
  if (!document) return refuse(std::move(document.error()));
  const auto list = result_of(**document, "DomainDNSGetListResult");
  if (!list) return refuse(FaultKind::kApiUnavailable, "Namecheap: the list of name servers is missing in its answer");
  NameserverSet set;
  set.own_dns = is_true(attribute(list, "IsUsingOurDNS"));
  if (set.own_dns)
    set.note =
        "Namecheap drops its host records when others take over: export them first; going back does not bring them "
        "back";
  for (const auto& entry : list.children()) {
    if (lower(entry.name()) != "nameserver") continue;
    auto host = parse_host(entry.text().get());
    if (!host)
      return refuse(FaultKind::kApiUnavailable, "Namecheap: a name server cannot be read: " + host.error().detail);
    set.hosts.push_back(std::move(*host));
  }
  return set;
}

Answer<Accepted> Namecheap::done(const pugi::xml_document& document, const char* result,
                                 std::initializer_list<const char*> flags, const std::string& what) const {
  const auto node = result_of(document, result);
  std::string flag;
  for (const char* name : flags)
    if (flag.empty()) flag = attribute(node, name);
  if (is_true(flag)) return Accepted{};
  if (!flag.empty())
    return refuse(FaultKind::kRegistrarError, fmt::format("Namecheap: {}: the answer says that it was not done", what),
                  "nothing is known to have changed; look into the account");
  Fault fault{FaultKind::kApiUnavailable, fmt::format("Namecheap: {}: the answer has no result", what)};
  fault.executed = Executed::kMaybe;
  fault.upstream_status = 200;
  return refuse(std::move(fault));
}

Answer<Accepted> Namecheap::write_nameservers(const dns::Name& domain, const std::vector<Nameserver>& wanted,
                                              const NameserverSet&) {
  const auto [sld, tld] = split(domain);
  std::string list;
  for (const Nameserver& server : wanted) list += (list.empty() ? "" : ",") + undotted(server.host);
  if (list.size() > 1200)
    return refuse(FaultKind::kInvalidNameserver, "Namecheap takes name servers of 1200 characters in all",
                  "take fewer");
  const std::string what = "setting the name servers of " + undotted(domain);
  auto document =
      ask("domains.dns.setCustom", {{"SLD", sld}, {"TLD", tld}, {"Nameservers", list}}, Effect::kWrite, what);
  if (!document) return refuse(std::move(document.error()));
  return done(**document, "DomainDNSSetCustomResult", {"Updated", "Update"}, what);
}

Answer<std::optional<std::vector<dns::IpAddress>>> Namecheap::read_glue(const dns::Name& domain,
                                                                        const dns::Name& host) {
  const auto [sld, tld] = split(domain);
  auto document = ask("domains.ns.getInfo", {{"SLD", sld}, {"TLD", tld}, {"Nameserver", undotted(host)}}, Effect::kRead,
                      "reading the host " + undotted(host));
  if (!document) {
    // A refusal that is about none of account, domain and service is about the host: it is not registered.
    const FaultKind kind = document.error().kind;
    if (kind == FaultKind::kRegistrarError || kind == FaultKind::kInvalidNameserver)
      return std::optional<std::vector<dns::IpAddress>>();
    return refuse(std::move(document.error()));
  }
  const std::string text = attribute(result_of(**document, "DomainNSInfoResult"), "IP");
  auto address = dns::IpAddress::parse(text);
  if (!address) return std::optional<std::vector<dns::IpAddress>>();
  return std::optional(std::vector<dns::IpAddress>{*address});
}

Answer<Accepted> Namecheap::write_glue(const dns::Name& domain, const Nameserver& wanted,
                                       const std::optional<std::vector<dns::IpAddress>>& present) {
  const auto [sld, tld] = split(domain);
  const std::string host = undotted(wanted.host);
  const std::string address = wanted.addresses.front().text();
  if (present && !present->empty()) {
    const std::string what = "changing the address of " + host;
    auto document =
        ask("domains.ns.update",
            {{"SLD", sld}, {"TLD", tld}, {"Nameserver", host}, {"OldIP", present->front().text()}, {"IP", address}},
            Effect::kWrite, what);
    if (!document) return refuse(std::move(document.error()));
    return done(**document, "DomainNSUpdateResult", {"IsSuccess"}, what);
  }
  const std::string what = "registering the host " + host;
  auto document = ask("domains.ns.create", {{"SLD", sld}, {"TLD", tld}, {"Nameserver", host}, {"IP", address}},
                      Effect::kWrite, what);
  if (!document) return refuse(std::move(document.error()));
  return done(**document, "DomainNSCreateResult", {"IsSuccess"}, what);
}

}  // namespace sdns::registrars
