// SPDX-License-Identifier: MIT
#include "registrars/ovh.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "registrars/host_name.h"
#include "registrars/signature.h"

namespace sdns::registrars {
namespace {

constexpr std::chrono::hours kClockLife{1};
constexpr std::size_t kMostKeys = 4;
constexpr const char* kRules =
    "the key needs GET and PUT /domain/*, POST /domain/*/nameServers/update, POST /domain/*/dsRecord, "
    "POST /domain/*/glueRecord* and DELETE /domain/zone/*/dnssec";

const char* base_of(std::string_view region) {
  return region == "ca"   ? "https://ca.api.ovh.com/1.0"
         : region == "us" ? "https://api.us.ovhcloud.com/1.0"
                          : "https://eu.api.ovh.com/1.0";
}

Capabilities capabilities_of() {
  Capabilities can;
  can.registrar = "ovh";
  can.api = "1.0";
  can.ds_form = DsForm::kKey;
  can.asynchronous = true;
  can.most_nameservers = 8;
  return can;
}

}  // namespace

Answer<std::unique_ptr<Adapter>> Ovh::make(Context& context, std::vector<Secret> credential, const Settings& settings) {
  if (settings.sandbox) return refuse(FaultKind::kUnsupportedOperation, "OVH has no sandbox", "leave the sandbox out");
  const std::string_view region = credential.size() == 4 ? credential[3].view() : "eu";
  auto base = checked_base("OVH", settings.base_url.empty() ? base_of(region) : settings.base_url);
  if (!base) return refuse(std::move(base.error()));
  return std::unique_ptr<Adapter>(new Ovh(context, std::move(credential), std::move(*base)));
}

Ovh::Ovh(Context& context, std::vector<Secret> credential, std::string base)
    : channel_(context, {"ovh", "OVH", {}, std::chrono::seconds(30), "x-ovh-queryid"}, std::move(credential)),
      base_(std::move(base)),
      capabilities_(capabilities_of()) {}

std::string Ovh::path_of(const dns::Name& domain, std::string_view rest) const {
  return fmt::format("/domain/{}{}", percent_encoded(undotted(domain)), rest);
}

Answer<std::int64_t> Ovh::server_time() {
  Traffic& traffic = channel_.context().traffic;
  const auto now = [&] { return channel_.context().clock.now(); };
  auto clock = traffic.server_clock(base_);
  if (!clock || now() - clock->learned > kClockLife) {
    Call call{"GET", base_ + "/auth/time", {}, {}, Effect::kRead, "asking for the time"};
    auto reply = channel_.send(call);
    if (!reply) return refuse(std::move(reply.error()));
    if (auto fault = channel_.transport_fault(call, *reply)) return refuse(std::move(*fault));
    std::int64_t seconds = 0;
    const auto parsed = std::from_chars(reply->body.data(), reply->body.data() + reply->body.size(), seconds);
    if (reply->status != 200 || parsed.ec != std::errc() || seconds <= 0)
      return refuse(channel_.no_answer(call, *reply));
    clock = Traffic::ServerClock{std::chrono::seconds(seconds), now()};
    traffic.set_server_clock(base_, *clock);
  }
  // By the steady clock: a wall clock that is set must not invalidate signatures.
  return (clock->at + std::chrono::duration_cast<std::chrono::seconds>(now() - clock->learned)).count();
}

Fault Ovh::classify(const Call& call, const Reply& reply, const nlohmann::json& body, const std::string& path) {
  using K = FaultKind;
  std::string code = text_at(body, "errorCode");
  if (code.empty()) code = text_at(body, "class");
  const std::string message = text_at(body, "message");
  const auto made = [&](K kind, std::string hint = {}) {
    return channel_.fault(kind, call, reply, code, message, std::move(hint));
  };
  if (code == "INVALID_SIGNATURE")
    return made(K::kInvalidToken, "the application secret is wrong, or it belongs to another application key");
  if (code == "QUERY_TIME_OUT") return made(K::kApiUnavailable);
  if (code == "INVALID_KEY")
    return made(K::kInvalidToken, "keys belong to one region: end the credential with :eu, :ca or :us");
  if (code == "INVALID_CREDENTIAL" || code == "NOT_CREDENTIAL")
    return made(K::kInvalidToken, "the consumer key may have to be validated at its URL first, or has expired");
  if (code == "NOT_GRANTED_CALL" || code == "Client::Forbidden" || has(reply.body, "unauthorizedActionsBy"))
    return made(K::kInsufficientScope, kRules);
  switch (reply.status) {
    case 401:
      return made(K::kInvalidToken);
    case 403:
      return made(K::kInsufficientScope, kRules);
    case 404:
      return made(K::kDomainNotInAccount,
                  "a DNS zone at OVH is no registration: the domain has to be registered there");
    case 409:
      return made(K::kConflict, "wait until the other change has ended");
    case 400:
      if (path.ends_with("/nameServers/update") || path.find("/glueRecord") != std::string::npos)
        return made(K::kInvalidNameserver);
      if (path.ends_with("/dsRecord")) return made(K::kInvalidDs);
      return made(K::kRegistrarError);
    default:
      return made(K::kRegistrarError);
  }
}

Answer<nlohmann::json> Ovh::ask(const std::string& method, const std::string& path, const std::string& body,
                                Effect effect, const std::string& what) {
  for (int attempt = 1;; ++attempt) {
    auto time = server_time();
    if (!time) return refuse(std::move(time.error()));
    Call call{method, base_ + path, {}, body, effect, what};
    call.headers = {
        {"X-Ovh-Application", std::string(channel_.part(0))},
        {"X-Ovh-Consumer", std::string(channel_.part(2))},
        {"X-Ovh-Timestamp", std::to_string(*time)},
        {"X-Ovh-Signature", ovh_signature(channel_.part(1), channel_.part(2), method, call.url, body, *time)}};
    if (!body.empty()) call.headers.emplace_back("Content-Type", "application/json;charset=utf-8");
    auto reply = channel_.send(call);
    if (!reply) return refuse(std::move(reply.error()));
    if (reply->status >= 500 && parse_json(reply->body).is_object()) {
      const bool lost = reply->status == 500 && effect == Effect::kWrite;
      const nlohmann::json fault = parse_json(reply->body);
      return refuse(channel_.fault(lost ? FaultKind::kOutcomeUnknown : FaultKind::kApiUnavailable, call, *reply,
                                   text_at(fault, "class"), text_at(fault, "message")));
    }
    if (auto fault = channel_.transport_fault(call, *reply)) return refuse(std::move(*fault));
    const nlohmann::json answer = parse_json(reply->body);
    if (reply->status == 200) {
      if (answer.is_discarded()) return refuse(channel_.no_answer(call, *reply));
      return answer;
    }
    if (!answer.is_object()) return refuse(channel_.no_answer(call, *reply));
    // Both are found before anything is carried out, and may come of our idea of the server's clock.
    const std::string code = text_at(answer, "errorCode");
    if (attempt == 1 && (code == "INVALID_SIGNATURE" || code == "QUERY_TIME_OUT")) {
      channel_.context().traffic.forget_server_clock(base_);
      continue;
    }
    return refuse(classify(call, *reply, answer, path));
  }
}

Answer<Registration> Ovh::inspect(const dns::Name& domain) {
  auto body = ask("GET", path_of(domain), "", Effect::kRead, "reading " + undotted(domain));
  if (!body) return refuse(std::move(body.error()));
  if (lower(text_at(*body, "domain")) != undotted(domain))
    return refuse(FaultKind::kApiUnavailable, "OVH: reading " + undotted(domain) + ": the answer has another shape");
  const std::string type = text_at(*body, "nameServerType");
  hosted_ = type == "hosted";
  host_supported_ = flag_at(*body, "hostSupported");
  v6_supported_ = flag_at(*body, "glueRecordIpv6Supported");
  many_addresses_ = flag_at(*body, "glueRecordMultiIpSupported");
  Registration found;
  found.domain = domain;
  found.status = channel_.quoted(type);
  return found;
}

Answer<NameserverSet> Ovh::read_nameservers(const dns::Name& domain) {
  const std::string what = "reading the name servers of " + undotted(domain);
  auto ids = ask("GET", path_of(domain, "/nameServer"), "", Effect::kRead, what);
  if (!ids) return refuse(std::move(ids.error()));
  NameserverSet set;
  std::vector<dns::Name> ordered;
  for (const auto& id : *ids) {
    if (!id.is_number_integer()) continue;
    auto entry =
        ask("GET", path_of(domain, fmt::format("/nameServer/{}", id.get<std::int64_t>())), "", Effect::kRead, what);
    if (!entry) {
      // An entry of the older generation may go while the list is read.
      if (entry.error().upstream_status == 404) continue;
      return refuse(std::move(entry.error()));
    }
    auto host = parse_host(text_at(*entry, "host"));
    if (!host) return refuse(FaultKind::kApiUnavailable, "OVH: a name server cannot be read: " + host.error().detail);
    // During a change both generations are listed.
    const bool going = flag_at(*entry, "toDelete");
    if (flag_at(*entry, "isUsed")) set.hosts.push_back(*host);
    if (!going) ordered.push_back(*host);
  }
  if (!same_hosts(set.hosts, ordered)) set.ordered = std::move(ordered);
  set.own_dns = hosted_;
  return set;
}

Answer<std::optional<Task>> Ovh::running(const dns::Name& domain, Change change) {
  std::vector<std::string_view> functions = {"DomainDnsUpdate"};
  if (change == Change::kDs) functions = {"DomainDsUpdate"};
  if (change == Change::kGlue) functions = {"DomainHostCreate", "DomainHostUpdate"};
  for (const std::string_view function : functions) {
    for (const std::string_view status : {"todo", "doing"}) {
      auto ids = ask("GET", path_of(domain, fmt::format("/task?function={}&status={}", function, status)), "",
                     Effect::kRead, "listing the tasks of " + undotted(domain));
      if (!ids) return refuse(std::move(ids.error()));
      if (ids->is_array() && !ids->empty() && ids->front().is_number_integer())
        return std::optional(Task{std::to_string(ids->front().get<std::int64_t>()), std::string(function)});
    }
  }
  return std::optional<Task>();
}

Answer<Accepted> Ovh::task_of(Answer<nlohmann::json> answer) {
  if (!answer) return refuse(std::move(answer.error()));
  const std::string id = text_at(*answer, "id");
  if (id.empty()) {
    Fault fault{FaultKind::kApiUnavailable, "OVH: the answer has no task"};
    fault.executed = Executed::kMaybe;
    return refuse(std::move(fault));
  }
  return Accepted{Task{id, channel_.quoted(text_at(*answer, "function"))}};
}

Answer<Accepted> Ovh::write_nameservers(const dns::Name& domain, const std::vector<Nameserver>& wanted,
                                        const NameserverSet&) {
  const std::string what = "setting the name servers of " + undotted(domain);
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Nameserver& server : wanted) {
    nlohmann::ordered_json entry;
    entry["host"] = undotted(server.host);
    if (!host_supported_ && server.host.at_or_below(domain) && !server.addresses.empty())
      entry["ip"] = server.addresses.front().text();
    list.push_back(std::move(entry));
  }
  if (hosted_) {
    auto external = ask("PUT", path_of(domain), R"({"nameServerType":"external"})", Effect::kWrite, what);
    if (!external) return refuse(std::move(external.error()));
  }
  return task_of(ask("POST", path_of(domain, "/nameServers/update"), "{\"nameServers\":" + list.dump() + '}',
                     Effect::kWrite, what));
}

Answer<std::vector<DsRecord>> Ovh::read_ds(const dns::Name& domain) {
  const std::string what = "reading the DS records of " + undotted(domain);
  if (hosted_)
    return refuse(FaultKind::kUnsupportedOperation,
                  fmt::format("OVH: {} is hosted: OVH signs it and manages its DS by itself", undotted(domain)),
                  "read the DS at the parent; clearing it stops the signing");
  auto ids = ask("GET", path_of(domain, "/dsRecord"), "", Effect::kRead, what);
  if (!ids) return refuse(std::move(ids.error()));
  std::vector<DsRecord> records;
  for (const auto& id : *ids) {
    if (!id.is_number_integer()) continue;
    auto entry =
        ask("GET", path_of(domain, fmt::format("/dsRecord/{}", id.get<std::int64_t>())), "", Effect::kRead, what);
    if (!entry) {
      if (entry.error().upstream_status == 404) continue;
      return refuse(std::move(entry.error()));
    }
    std::string key = text_at(*entry, "publicKey");
    if (key.empty()) key = text_at(*entry, "publickey");
    const auto number = [&](const char* name, std::int64_t most) {
      const auto value = number_at(*entry, name);
      return value && *value >= 0 && *value <= most ? *value : -1;
    };
    const std::int64_t flags = number("flags", 65535);
    const std::int64_t algorithm = number("algorithm", 255);
    const std::int64_t tag = number("tag", 65535);
    if (key.empty() || flags < 0 || algorithm < 0 || tag < 0)
      return refuse(FaultKind::kApiUnavailable, "OVH: a DS record of " + undotted(domain) + " cannot be read");
    records.push_back({static_cast<std::uint16_t>(tag),
                       static_cast<std::uint8_t>(algorithm),
                       0,
                       {},
                       DsKey{static_cast<std::uint16_t>(flags), std::move(key)}});
  }
  return records;
}

Answer<std::optional<WriteResult>> Ovh::stop_own_signing(const dns::Name& domain) {
  if (!hosted_) return std::optional<WriteResult>();
  const std::string path = fmt::format("/domain/zone/{}/dnssec", percent_encoded(undotted(domain)));
  auto state = ask("GET", path, "", Effect::kRead, "reading the signing of " + undotted(domain));
  if (!state) return refuse(std::move(state.error()));
  const std::string status = text_at(*state, "status");
  WriteResult result;
  if (status == "disabled") {
    result.confirmed = true;
    return result;
  }
  result.state = WriteState::kPending;
  result.poll_after = std::chrono::minutes(5);
  result.note =
      "OVH removes the DS and then stops signing; it is gone when the parent shows none and its TTL has passed";
  if (status == "disableInProgress") return result;
  auto stopped = ask("DELETE", path, "", Effect::kWrite, "stopping the signing of " + undotted(domain));
  if (!stopped) return refuse(std::move(stopped.error()));
  return result;
}

Answer<Accepted> Ovh::write_ds(const dns::Name& domain, const std::vector<DsRecord>& wanted,
                               const std::vector<DsRecord>&) {
  if (wanted.size() > kMostKeys)
    return refuse(FaultKind::kInvalidDs,
                  fmt::format("OVH takes at most {} keys, and {} were given", kMostKeys, wanted.size()));
  nlohmann::ordered_json keys = nlohmann::ordered_json::array();
  for (const DsRecord& record : wanted) {
    if (record.algorithm == 16)
      return refuse(FaultKind::kInvalidDs, "OVH takes no keys of algorithm 16", "sign with algorithm 13");
    nlohmann::ordered_json key;
    key["algorithm"] = record.algorithm;
    key["flags"] = record.key->flags;
    key["publicKey"] = record.key->public_key;
    key["tag"] = record.key_tag;
    keys.push_back(std::move(key));
  }
  return task_of(ask("POST", path_of(domain, "/dsRecord"), "{\"keys\":" + keys.dump() + '}', Effect::kWrite,
                     "setting the DS records of " + undotted(domain)));
}

Answer<std::optional<std::vector<dns::IpAddress>>> Ovh::read_glue(const dns::Name& domain, const dns::Name& host) {
  const std::string name = undotted(host);
  const std::string what = "reading the host " + name;
  auto hosts = ask("GET", path_of(domain, "/glueRecord"), "", Effect::kRead, what);
  if (!hosts) return refuse(std::move(hosts.error()));
  const auto is_it = [&](const auto& entry) {
    return entry.is_string() && lower(entry.template get<std::string>()) == name;
  };
  if (std::none_of(hosts->begin(), hosts->end(), is_it)) return std::optional<std::vector<dns::IpAddress>>();
  auto entry = ask("GET", path_of(domain, "/glueRecord/" + percent_encoded(name)), "", Effect::kRead, what);
  if (!entry) return refuse(std::move(entry.error()));
  std::vector<dns::IpAddress> addresses;
  for (const auto& text : member(*entry, "ips")) {
    auto address = text.is_string() ? dns::IpAddress::parse(text.get<std::string>()) : fail(Errc::kInvalidArgument, "");
    if (!address) return refuse(FaultKind::kApiUnavailable, "OVH: an address of " + name + " cannot be read");
    addresses.push_back(*address);
  }
  return std::optional(std::move(addresses));
}

Answer<Accepted> Ovh::write_glue(const dns::Name& domain, const Nameserver& wanted,
                                 const std::optional<std::vector<dns::IpAddress>>& present) {
  const std::string name = undotted(wanted.host);
  const auto refused = [&](std::string_view why) {
    return refuse(FaultKind::kUnsupportedOperation, fmt::format("OVH: the registry of {} {}", undotted(domain), why),
                  "give addresses that it takes, or name servers below another domain");
  };
  if (!host_supported_) return refused("has no host objects; the address goes with the name servers");
  if (!many_addresses_ && wanted.addresses.size() > 1) return refused("takes one address of a host");
  if (!v6_supported_ &&
      std::any_of(wanted.addresses.begin(), wanted.addresses.end(), [](const auto& a) { return !a.is_v4(); }))
    return refused("takes no IPv6 address of a host");
  nlohmann::ordered_json body;
  if (!present) body["host"] = name;
  body["ips"] = nlohmann::ordered_json::array();
  for (const auto& address : wanted.addresses) body["ips"].push_back(address.text());
  const std::string path = present ? path_of(domain, fmt::format("/glueRecord/{}/update", percent_encoded(name)))
                                   : path_of(domain, "/glueRecord");
  return task_of(ask("POST", path, body.dump(), Effect::kWrite, "registering the host " + name));
}

Answer<TaskReport> Ovh::read_task(const dns::Name& domain, const std::string& id) {
  auto body = ask("GET", path_of(domain, "/task/" + percent_encoded(id)), "", Effect::kRead,
                  "reading the task " + channel_.quoted(id));
  if (!body) {
    if (body.error().upstream_status == 404) return TaskReport{TaskState::kGone};
    return refuse(std::move(body.error()));
  }
  const std::string status = text_at(*body, "status");
  TaskReport report;
  if (status == "done") {
    report.state = TaskState::kDone;
  } else if (status == "error" || status == "cancelled") {
    const std::string comment = channel_.quoted(text_at(*body, "comment"));
    report.state = TaskState::kFailed;
    const bool refused = status == "error" && text_at(*body, "function") != "DomainDsUpdate";
    report.fault = Fault{refused ? FaultKind::kInvalidNameserver : FaultKind::kRegistrarError,
                         fmt::format("OVH: the task {} ended with {}: {}", channel_.quoted(id), status,
                                     comment.empty() ? "no reason was given" : comment),
                         "OVH's manager shows the operation, and may relaunch it"};
  } else if (status.empty()) {
    return refuse(FaultKind::kApiUnavailable, "OVH: the task has no status in its answer");
  } else {
    report.poll_after = std::chrono::seconds(15);
  }
  return report;
}

}  // namespace sdns::registrars
