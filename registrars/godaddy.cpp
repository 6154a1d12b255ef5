// SPDX-License-Identifier: MIT
#include "registrars/godaddy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "registrars/host_name.h"

namespace sdns::registrars {
namespace {

constexpr const char* kBase = "https://api.godaddy.com";
constexpr const char* kTestBase = "https://api.ote-godaddy.com";

struct AlgorithmName {
  std::uint8_t number;
  const char* name;
};
constexpr std::array<AlgorithmName, 6> kAlgorithms = {{{8, "RSASHA256"},
                                                       {10, "RSASHA512"},
                                                       {13, "ECDSAP256SHA256"},
                                                       {14, "ECDSAP384SHA384"},
                                                       {15, "ED25519"},
                                                       {16, "ED448"}}};

template <class List>
std::string json_array(const List& texts) {
  nlohmann::ordered_json array = nlohmann::ordered_json::array();
  for (const auto& text : texts) array.push_back(text);
  return array.dump();
}

/// Status texts that mean that the domain is no longer here.
bool is_gone(std::string_view status) { return has(status, "TRANSFERRED_OUT") || has(status, "CANCELLED"); }

Capability no_hosts() {
  return {false, "GoDaddy publishes no call that registers hosts",
          "register the host in its dashboard, then say that it is registered"};
}

}  // namespace

Answer<std::unique_ptr<Adapter>> GoDaddy::make(Context& context, std::vector<Secret> credential,
                                               const Settings& settings) {
  auto base = checked_base("GoDaddy", !settings.base_url.empty() ? settings.base_url
                                      : settings.sandbox         ? kTestBase
                                                                 : kBase);
  if (!base) return refuse(std::move(base.error()));
  // The test environment has no v3.
  const Version version = !settings.shopper.empty()                     ? Version::kV2
                          : credential.size() == 1 && !settings.sandbox ? Version::kV3
                                                                        : Version::kV1;
  return std::unique_ptr<Adapter>(
      new GoDaddy(context, std::move(credential), std::move(*base), settings.shopper, version));
}

GoDaddy::GoDaddy(Context& context, std::vector<Secret> credential, std::string base, std::string shopper,
                 Version version)
    : channel_(
          context,
          {"godaddy", "GoDaddy", {{}, 20, std::chrono::minutes(1), false}, std::chrono::seconds(60), "x-request-id"},
          std::move(credential)),
      base_(std::move(base)),
      shopper_(std::move(shopper)),
      version_(version) {
  capabilities_.registrar = "godaddy";
  capabilities_.api = version == Version::kV1 ? "v1" : version == Version::kV2 ? "v2" : "v3";
  capabilities_.asynchronous = version != Version::kV1;
  capabilities_.read_back_lag = std::chrono::seconds(60);
  capabilities_.get_glue = capabilities_.glue_v4 = capabilities_.glue_v6 = no_hosts();
  if (version == Version::kV2) {
    capabilities_.ds_form = DsForm::kDigest;
  } else {
    const Capability no_ds{false, "GoDaddy lets only resellers set DS records by API",
                           "set or clear the DS in GoDaddy's dashboard"};
    capabilities_.get_ds = capabilities_.set_ds = no_ds;
  }
}

Fault GoDaddy::classify(const Call& call, const Reply& reply) {
  using K = FaultKind;
  const nlohmann::json body = parse_json(reply.body);
  if (!body.is_object()) return channel_.no_answer(call, reply);
  const std::string code = text_at(body, "code");
  const std::string message = text_at(body, "message");
  const auto made = [&](K kind, std::string hint = {}) {
    return channel_.fault(kind, call, reply, code, message, std::move(hint));
  };
  const int status = reply.status;
  if (status == 429 || code == "TOO_MANY_REQUESTS") {
    Reply with_delay = reply;
    if (!with_delay.retry_after)
      if (const auto seconds = number_at(body, "retryAfterSec"); seconds && *seconds >= 0 && *seconds <= 86400)
        with_delay.retry_after = std::chrono::seconds(*seconds);
    return channel_.fault(K::kRateLimited, call, with_delay, code, message);
  }
  // Texts of 400 and 401 are interchanged in v2, so the code decides.
  if (code == "UNABLE_TO_AUTHENTICATE" || code == "MISSING_CREDENTIALS" || code == "MALFORMED_CREDENTIALS" ||
      status == 401)
    return made(K::kInvalidToken, "a key of the test environment does not work in production, and the other way round");
  if (status == 403 || code == "ACCESS_DENIED") {
    if (version_ == Version::kV3 && has(message, "scope"))
      return made(K::kInsufficientScope, "give the token the scopes domains.domain:read and domains.domain:update");
    return made(
        K::kAccountNotEligible,
        "GoDaddy opens its domain API to accounts of at least 10 domains, or of Discount Domain Club - Premier");
  }
  if (status == 404) return made(K::kDomainNotInAccount);
  if (status == 409) {
    const bool locked =
        has(message, "lock") || has(message, "protect") || has(message, "verif") || has(message, "expired");
    return locked ? made(K::kDomainLocked, "unlock it in the dashboard; a second factor cannot be given by API")
                  : made(K::kConflict, "wait until the other change has ended");
  }
  if (status == 400 || status == 422) {
    bool names = has(code, "NAMESERVER");
    std::string text = message;
    for (const auto& field : member(body, "fields")) {
      if (!has(text_at(field, "path"), "nameServers") && !has(text_at(field, "name"), "nameServers")) continue;
      names = true;
      text = text_at(field, "message");
    }
    return channel_.fault(names ? K::kInvalidNameserver : K::kRegistrarError, call, reply, code, text);
  }
  if (status == 500) return made(call.effect == Effect::kWrite ? K::kOutcomeUnknown : K::kApiUnavailable);
  if (status > 500) return made(K::kApiUnavailable);
  return made(K::kRegistrarError);
}

Answer<Reply> GoDaddy::ask(const std::string& method, const std::string& path, const std::string& body, Effect effect,
                           const std::string& what, const std::string& idempotency_key) {
  Call call{method, base_ + path, {}, body, effect, what};
  call.headers.emplace_back("Authorization", channel_.parts() == 2
                                                 ? fmt::format("sso-key {}:{}", channel_.part(0), channel_.part(1))
                                                 : fmt::format("Bearer {}", channel_.part(0)));
  call.headers.emplace_back("Accept", "application/json");
  if (!body.empty()) call.headers.emplace_back("Content-Type", "application/json");
  if (!idempotency_key.empty()) call.headers.emplace_back("Idempotency-Key", idempotency_key);
  if (version_ == Version::kV2) call.headers.emplace_back("X-Shopper-Id", shopper_);
  auto reply = channel_.send(call);
  wipe(call.headers[0].second);
  if (!reply) return reply;
  if (reply->status >= 200 && reply->status < 300) return reply;
  // The body of a 429 says when; those of 5xx may be JSON.
  if (!parse_json(reply->body).is_object())
    if (auto fault = channel_.transport_fault(call, *reply)) return refuse(std::move(*fault));
  return refuse(classify(call, *reply));
}

Answer<void> GoDaddy::learn_customer() {
  if (version_ != Version::kV2 || !customer_.empty()) return {};
  auto reply = ask("GET", fmt::format("/v1/shoppers/{}?includes=customerId", percent_encoded(shopper_)), "",
                   Effect::kRead, "finding the customer of the shopper");
  if (!reply) return refuse(std::move(reply.error()));
  customer_ = text_at(parse_json(reply->body), "customerId");
  if (customer_.empty())
    return refuse(FaultKind::kApiUnavailable, "GoDaddy: the shopper has no customer id in its answer");
  return {};
}

std::string GoDaddy::domain_path(const dns::Name& domain) const {
  const std::string name = percent_encoded(undotted(domain));
  switch (version_) {
    case Version::kV1:
      return "/v1/domains/" + name;
    case Version::kV2:
      return fmt::format("/v2/customers/{}/domains/{}", percent_encoded(customer_), name);
    case Version::kV3:
      break;
  }
  return "/v3/domains/domain-names/" + name;
}

Answer<std::vector<DsRecord>> GoDaddy::ds_of(const dns::Name& domain, const nlohmann::json& body) const {
  std::vector<DsRecord> records;
  for (const auto& row : member(body, "dnssecRecords")) {
    const std::string algorithm = text_at(row, "algorithm");
    const auto* known =
        std::find_if(kAlgorithms.begin(), kAlgorithms.end(), [&](const auto& a) { return algorithm == a.name; });
    const std::string type = text_at(row, "digestType");
    auto record = parse_ds(domain, fmt::format("{} {} {} {}", text_at(row, "keyTag"),
                                               known == kAlgorithms.end() ? algorithm : std::to_string(known->number),
                                               type == "SHA256"   ? "2"
                                               : type == "SHA384" ? "4"
                                               : type == "SHA1"   ? "1"
                                                                  : type,
                                               text_at(row, "digest")));
    if (!record)
      return refuse(FaultKind::kApiUnavailable, "GoDaddy: a DS record cannot be read: " + record.error().detail);
    records.push_back(std::move(*record));
  }
  return records;
}

Answer<Registration> GoDaddy::inspect(const dns::Name& domain) {
  if (auto learned = learn_customer(); !learned) return refuse(std::move(learned.error()));
  const std::string name = undotted(domain);
  const auto get = [&] {
    const std::string query = version_ == Version::kV2 ? "?includes=actions,dnssecRecords,registryStatusCodes" : "";
    return ask("GET", domain_path(domain) + query, "", Effect::kRead, "reading " + name);
  };
  auto reply = get();
  if (!reply && version_ == Version::kV3 && reply.error().upstream_status == 404) {
    // Where there is no v3 everything is 404; v1 takes the same token and decides.
    version_ = Version::kV1;
    auto older = get();
    if (older) {
      reply = std::move(older);
      capabilities_.api = "v1";
      capabilities_.asynchronous = false;
    } else {
      version_ = Version::kV3;
    }
  }
  if (!reply) return refuse(std::move(reply.error()));
  const nlohmann::json body = parse_json(reply->body);
  if (lower(text_at(body, "domain")) != name)
    return refuse(FaultKind::kApiUnavailable,
                  fmt::format("GoDaddy: reading {}: status {} with a body of another shape", name, reply->status));
  Registration found;
  found.domain = domain;
  found.status = channel_.quoted(text_at(body, "status"));
  if (is_gone(found.status))
    return refuse(FaultKind::kDomainNotInAccount, fmt::format("GoDaddy: {} is {}", name, found.status));
  if (found.status != "ACTIVE") found.blocked = fmt::format("its status at GoDaddy is {}", found.status);
  if (reply->status == 203) found.warnings.emplace_back("GoDaddy gave a part of the data only");
  NameserverSet set;
  for (const auto& host : member(body, "nameServers")) {
    if (!host.is_string()) continue;
    auto parsed = parse_host(host.get<std::string>());
    if (!parsed)
      return refuse(FaultKind::kApiUnavailable, "GoDaddy: a name server cannot be read: " + parsed.error().detail);
    set.hosts.push_back(std::move(*parsed));
  }
  set.own_dns = std::all_of(set.hosts.begin(), set.hosts.end(),
                            [](const auto& host) { return undotted(host).ends_with(".domaincontrol.com"); });
  found.nameservers = std::move(set);
  if (version_ == Version::kV2) {
    auto records = ds_of(domain, body);
    if (!records) return refuse(std::move(records.error()));
    fresh_ds_ = std::move(*records);
  }
  return found;
}

Answer<NameserverSet> GoDaddy::read_nameservers(const dns::Name& domain) {
  auto found = inspect(domain);
  if (!found) return refuse(std::move(found.error()));
  return std::move(*found->nameservers);
}

Answer<Accepted> GoDaddy::write_nameservers(const dns::Name& domain, const std::vector<Nameserver>& wanted,
                                            const NameserverSet&) {
  std::vector<std::string> hosts;
  for (const Nameserver& server : wanted) hosts.push_back(undotted(server.host));
  const std::string list = json_array(hosts);
  const std::string what = "setting the name servers of " + undotted(domain);
  if (version_ == Version::kV1) {
    auto reply = ask("PATCH", domain_path(domain), "{\"nameServers\":" + list + '}', Effect::kWrite, what);
    if (!reply) return refuse(std::move(reply.error()));
    return Accepted{};
  }
  if (version_ == Version::kV2) {
    auto reply =
        ask("PUT", domain_path(domain) + "/nameServers", "{\"nameServers\":" + list + '}', Effect::kWrite, what);
    if (!reply) return refuse(std::move(reply.error()));
    return Accepted{Task{"DOMAIN_UPDATE_NAME_SERVERS", "action"}};
  }
  if (const std::string intent = undotted(domain) + ' ' + list; intent != intent_) {
    intent_ = intent;
    idempotency_key_ = channel_.uuid();
  }
  auto reply = ask("PUT", domain_path(domain) + "/nameservers", list, Effect::kWrite, what, idempotency_key_);
  if (!reply) return refuse(std::move(reply.error()));
  std::string id = text_at(parse_json(reply->body), "operationId");
  if (id.empty()) id = reply->location.substr(reply->location.rfind('/') + 1);
  if (id.empty()) return Accepted{std::nullopt, "GoDaddy gave no operation to follow"};
  return Accepted{Task{channel_.quoted(id), "operation"}};
}

Answer<std::vector<DsRecord>> GoDaddy::read_ds(const dns::Name& domain) {
  if (version_ != Version::kV2) return Adapter::read_ds(domain);
  if (!fresh_ds_)
    if (auto found = inspect(domain); !found) return refuse(std::move(found.error()));
  return *std::exchange(fresh_ds_, std::nullopt);
}

Answer<Accepted> GoDaddy::write_ds(const dns::Name& domain, const std::vector<DsRecord>& wanted,
                                   const std::vector<DsRecord>& present) {
  if (version_ != Version::kV2) return Adapter::write_ds(domain, wanted, present);
  const auto without = [&](const std::vector<DsRecord>& all, const std::vector<DsRecord>& some) {
    std::vector<DsRecord> left;
    for (const DsRecord& record : all)
      if (std::none_of(some.begin(), some.end(), [&](const auto& other) { return same(domain, record, other); }))
        left.push_back(record);
    return left;
  };
  const auto body_of = [](const std::vector<DsRecord>& records) {
    nlohmann::ordered_json array = nlohmann::ordered_json::array();
    for (const DsRecord& record : records) {
      const auto* known = std::find_if(kAlgorithms.begin(), kAlgorithms.end(),
                                       [&](const auto& a) { return record.algorithm == a.number; });
      nlohmann::ordered_json row;
      row["algorithm"] = known == kAlgorithms.end() ? std::to_string(record.algorithm) : known->name;
      row["keyTag"] = record.key_tag;
      row["digestType"] = record.digest_type == 4 ? "SHA384" : record.digest_type == 1 ? "SHA1" : "SHA256";
      row["digest"] = record.digest;
      array.push_back(std::move(row));
    }
    return array.dump();
  };
  const std::string path = domain_path(domain) + "/dnssecRecords";
  const auto added = without(wanted, present);
  const auto removed = without(present, wanted);
  // Both in one go would be two actions at a time; the one that is missing comes when the caller asks again.
  if (!added.empty()) {
    auto reply = ask("PATCH", path, body_of(added), Effect::kWrite, "adding DS records of " + undotted(domain));
    if (!reply) return refuse(std::move(reply.error()));
    Accepted accepted{Task{"DNSSEC_CREATE", "action"}};
    if (!removed.empty())
      accepted.note = "the new records are added first; ask again when the task is done, to remove the others";
    return accepted;
  }
  auto reply = ask("DELETE", path, body_of(removed), Effect::kWrite, "removing DS records of " + undotted(domain));
  if (!reply) return refuse(std::move(reply.error()));
  return Accepted{Task{"DNSSEC_DELETE", "action"}};
}

Answer<TaskReport> GoDaddy::read_task(const dns::Name& domain, const std::string& id) {
  if (version_ == Version::kV1) return Adapter::read_task(domain, id);
  if (auto learned = learn_customer(); !learned) return refuse(std::move(learned.error()));
  const bool v2 = version_ == Version::kV2;
  const std::string path = v2 ? fmt::format("{}/actions/{}", domain_path(domain), percent_encoded(id))
                              : "/v3/domains/operations/" + percent_encoded(id);
  auto reply = ask("GET", path, "", Effect::kRead, "reading the task " + channel_.quoted(id));
  if (!reply) {
    if (reply.error().upstream_status == 404) return TaskReport{TaskState::kGone};
    return refuse(std::move(reply.error()));
  }
  const nlohmann::json body = parse_json(reply->body);
  const std::string status = text_at(body, "status");
  TaskReport report;
  if (status == "COMPLETED" || status == "SUCCESS") {
    report.state = TaskState::kDone;
  } else if (status == "FAILED" || status == "CANCELLED") {
    const nlohmann::json& why = member(body, v2 ? "reason" : "error");
    const std::string code = text_at(why, "code");
    const bool host = code == "registry_rejected" || has(code, "NAMESERVER") ||
                      has(text_at(why, "message"), "name server") || has(text_at(why, "message"), "nameserver");
    report.state = TaskState::kFailed;
    report.fault = Fault{host ? FaultKind::kInvalidNameserver : FaultKind::kRegistrarError,
                         fmt::format("GoDaddy: the task {} {}: {}", channel_.quoted(id), lower(status),
                                     channel_.quoted(text_at(why, "message")))};
    report.fault->upstream_code = channel_.quoted(code);
  } else if (status.empty()) {
    return refuse(FaultKind::kApiUnavailable, "GoDaddy: the task has no status in its answer");
  } else {
    report.poll_after = status == "AWAITING" ? std::chrono::minutes(5) : std::chrono::seconds(15);
  }
  return report;
}

}  // namespace sdns::registrars
