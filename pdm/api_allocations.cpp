// SPDX-License-Identifier: MIT
// check, list, reserve, commit, release: reference/existing-callers.md section 1.
#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "pdm/api_call.h"

namespace sdns::pdm {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kLongestList = 10'000;
constexpr std::size_t kLongestText = 512;  // of what callers say of themselves
constexpr std::size_t kLongestKey = 255;
constexpr std::size_t kMostAddresses = 16;
constexpr const char* kDefaultCreator = "catalyst-api";

/// What is wrong with a name before the database is asked.
std::optional<Problem> name_problem(const ApiParts& parts, const PoolDomain* pool, const std::string& pool_name,
                                    const std::string& subdomain) {
  if (pool == nullptr)
    return Problem{422, "unsupported-pool", fmt::format("no names are given out below {}", pool_name)};
  if (auto why = label_problem(subdomain, pool->allow_idn)) return Problem{422, "invalid-format", *why};
  if (parts.reserved.contains(subdomain))
    return Problem{422, "reserved", fmt::format("{} is kept back for the platform", subdomain)};
  return std::nullopt;
}

Problem problem_of(Refusal why, const std::string& name) {
  switch (why) {
    case Refusal::kTaken:
      return {409, "conflict", fmt::format("{} is taken", name)};
    case Refusal::kNotFound:
      return {404, "not-found", fmt::format("{} is not reserved", name)};
    case Refusal::kTokenMismatch:
      return {403, "token-mismatch", fmt::format("{} is reserved with another token", name)};
    case Refusal::kAlreadyActive:
      return {409, "already-active", fmt::format("{} is active already", name)};
    case Refusal::kReservationExpired:
      return {410, "reservation-expired", fmt::format("the reservation of {} is over; reserve it again", name)};
    case Refusal::kForbidden:
      return {403, "forbidden", fmt::format("{} belongs to somebody else", name)};
  }
  return {500, "internal", "an unknown refusal"};
}

std::string reservation_id() {
  std::array<unsigned char, 12> octets;
  randombytes_buf(octets.data(), octets.size());
  std::string text;
  for (const unsigned char octet : octets) text += fmt::format("{:02x}", octet);
  return text;
}

/// What a write comes to; made in the transaction, answered when that is durable.
struct Outcome {
  std::optional<Problem> refused;
  int status = 200;
  Json body;
  std::string reservation_token;  ///< belongs into the body, and is not stored
  bool serves = false;            ///< the answer waits until it is served
  bool wakes = false;             ///< there is work for the task runner
};
using Write = std::function<Result<Outcome>(store::Transaction&)>;

constexpr const char* kTokenField = "reservationToken";

/// Runs the write once per Idempotency-Key: the same request gets the same answer again, another one 422.
Result<Outcome> once(store::Transaction& edit, const ApiCall& call, const std::string& key, const std::string& digest,
                     const Write& write) {
  if (key.empty()) return write(edit);
  auto before = edit.ledger().answered(call.principal.name, key);
  if (!before) return fail(std::move(before.error()));
  if (*before &&
      now_ms(edit) - (*before)->created_at_ms < call.parts.allocations.settings().lifetimes.answers.count()) {
    Outcome again;
    if ((*before)->request != digest) {
      again.refused = Problem{422, "idempotency-key-reused", "the Idempotency-Key came before, with another request"};
      return again;
    }
    again.status = (*before)->status;
    again.body = Json::parse((*before)->body);
    again.serves = again.body.value("state", "") == "active";  // of a commit
    if (!(*before)->reservation.empty()) {
      const auto at = Json::parse((*before)->reservation);
      store::AllocationRow row;
      row.pool_domain = at[0];
      row.subdomain = at[1];
      row.generation = at[2];
      row.reservation = at[3];
      again.reservation_token = call.parts.allocations.token(row);
    }
    return again;
  }
  auto outcome = write(edit);
  if (!outcome || outcome->refused) return outcome;
  store::IdempotencyRow row{call.principal.name, key, digest, outcome->status, outcome->body.dump(), "", now_ms(edit)};
  if (!outcome->reservation_token.empty()) {
    auto stored = edit.ledger().allocation(outcome->body["poolDomain"].get<std::string>(),
                                           outcome->body["subdomain"].get<std::string>());
    if (!stored) return fail(std::move(stored.error()));
    row.reservation =
        Json::array({(*stored)->pool_domain, (*stored)->subdomain, (*stored)->generation, (*stored)->reservation})
            .dump();
  }
  if (auto done = edit.ledger().put_answer(row); !done) return fail(std::move(done.error()));
  return outcome;
}

void answer_outcome(const CallPtr& call, Outcome& outcome, zone::Revision revision) {
  if (outcome.refused) return call->refuse(*outcome.refused);
  if (!outcome.reservation_token.empty()) outcome.body[kTokenField] = outcome.reservation_token;
  if (outcome.wakes) call->parts.wake_tasks();
  if (!outcome.serves) return call->reply(outcome.status, outcome.body);
  outcome.body["revision"] = revision;
  call->parts.acknowledger.wait(revision, [call, body = outcome.body, status = outcome.status](bool served) mutable {
    body["served"] = served;
    call->reply(status, body);
  });
}

/// Hands a write to the writer and answers when it is durable.
void write_and_answer(const CallPtr& call, Write write) {
  const std::string key = call->request.header("idempotency-key");
  if (key.size() > kLongestKey)
    return call->refuse(
        {422, "invalid-format", fmt::format("an Idempotency-Key has at most {} characters", kLongestKey)});
  std::string asked = call->request.method;
  for (const std::string& segment : call->request.segments) asked += "/" + segment;
  const auto sub = call->request.query.find("sub");
  const std::string digest =
      token_hash(asked + "\n" + (sub == call->request.query.end() ? "" : sub->second) + "\n" + call->request.body);
  const auto outcome = std::make_shared<Outcome>();
  call->parts.writer.submit(
      [call, outcome, key, digest, write = std::move(write)](store::Transaction& edit) -> Result<void> {
        auto done = once(edit, *call, key, digest, write);
        if (!done) return fail(std::move(done.error()));
        *outcome = std::move(*done);
        return {};
      },
      [call, outcome](const Result<zone::Revision>& durable) {
        if (!durable) return call->refuse(durable.error());
        answer_outcome(call, *outcome, *durable);
      });
}

/// The pool domain of the path, or of the body in the short forms. Answers when it is missing.
bool read_pool(ApiCall& call, const nlohmann::json& body, std::optional<std::string>& pool) {
  if (pool) return true;
  std::string text;
  if (!read_text(call, body, "poolDomain", text)) return false;
  pool = trimmed_lower(text);
  return true;
}

bool short_enough(ApiCall& call, const char* field, const std::string& text) {
  const bool printable =
      std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  if (text.size() <= kLongestText && printable) return true;
  call.refuse(
      {422, "invalid-format", fmt::format("{} has at most {} characters, none of control", field, kLongestText)});
  return false;
}

std::optional<Problem> read_address(const std::string& text, const char* field, dns::IpAddress& address) {
  auto parsed = dns::IpAddress::parse(trimmed_lower(text));
  if (!parsed) return Problem{422, "invalid-address", fmt::format("{} is not an IP address", field)};
  if (parsed->is_zero()) return Problem{422, "invalid-address", fmt::format("{} is no address of a host", field)};
  address = *parsed;
  return std::nullopt;
}

/// loadBalancerIP, addresses, consoleLoadBalancerIP.
bool read_addresses(ApiCall& call, const nlohmann::json& body, Addresses& addresses) {
  std::string main;
  std::string console;
  if (!read_text(call, body, "loadBalancerIP", main) || !read_text(call, body, "consoleLoadBalancerIP", console))
    return false;
  const auto add = [&](const std::string& text, const char* field) {
    dns::IpAddress address;
    if (auto problem = read_address(text, field, address)) {
      call.refuse(*problem);
      return false;
    }
    auto& list = addresses.main;
    if (std::find(list.begin(), list.end(), address) == list.end()) list.push_back(address);
    return true;
  };
  if (!trimmed_lower(main).empty() && !add(main, "loadBalancerIP")) return false;
  if (const auto more = body.find("addresses"); more != body.end() && !more->is_null()) {
    if (!more->is_array() || more->size() > kMostAddresses) {
      call.refuse(
          {422, "invalid-address", fmt::format("addresses is a list of at most {} IP addresses", kMostAddresses)});
      return false;
    }
    for (const auto& one : *more)
      if (!add(one.is_string() ? one.get<std::string>() : "", "addresses")) return false;
  }
  if (addresses.main.empty()) {
    call.refuse({422, "missing-lb-ip", "a loadBalancerIP is needed"});
    return false;
  }
  if (trimmed_lower(console).empty()) return true;
  dns::IpAddress address;
  if (auto problem = read_address(console, "consoleLoadBalancerIP", address)) {
    call.refuse(*problem);
    return false;
  }
  addresses.console = address;
  return true;
}

/// "omantel.omani.works" as label and pool domain; nothing when it is in none.
std::optional<std::pair<const PoolDomain*, std::string>> managed(const ApiParts& parts, const std::string& given) {
  std::string name = trimmed_lower(given);
  if (name.ends_with('.')) name.pop_back();
  const auto dot = name.find('.');
  if (dot == name.npos) return std::nullopt;
  const PoolDomain* pool = parts.allocations.settings().pool_domain(name.substr(dot + 1));
  if (pool == nullptr || label_problem(name.substr(0, dot), pool->allow_idn)) return std::nullopt;
  return std::pair(pool, name.substr(0, dot));
}

Json row_json(const AllocationRow& row, std::int64_t now) { return allocation_json(row, phase_of(&row, now)); }

}  // namespace

Json allocation_json(const AllocationRow& row, Phase phase) {
  Json json{{"poolDomain", row.pool_domain},
            {"subdomain", row.subdomain},
            {"state", phase_text(phase)},
            {"reservedAt", time_text(row.reserved_at_ms)}};
  if (phase == Phase::kReserved) json["expiresAt"] = time_text(row.expires_at_ms);
  json["createdBy"] = row.created_by;
  if (phase != Phase::kReserved && !row.sovereign_fqdn.empty()) {
    json["sovereignFQDN"] = row.sovereign_fqdn;
    json["loadBalancerIP"] = row.load_balancer_ip;
    if (!row.console_ip.empty()) json["consoleLoadBalancerIP"] = row.console_ip;
  }
  if (row.released_at_ms != 0 && phase != Phase::kReserved) json["releasedAt"] = time_text(row.released_at_ms);
  if (phase == Phase::kQuarantined) json["quarantinedUntil"] = time_text(row.quarantined_until_ms);
  json["generation"] = row.generation;
  return json;
}

void serve_reserved(const CallPtr& call) {
  call->reply(200, {{"reserved", call->parts.reserved.plain()}, {"patterns", call->parts.reserved.patterns()}});
}

void serve_check(const CallPtr& call, const std::string& pool_name) {
  if (!call->admit("check", pool_name)) return;
  const auto given = call->request.query.find("sub");
  const std::string subdomain = trimmed_lower(given == call->request.query.end() ? "" : given->second);
  const std::string name = full_name(pool_name, subdomain);
  const PoolDomain* pool = call->parts.allocations.settings().pool_domain(pool_name);
  const auto no = [&](std::string_view reason, const std::string& detail) {
    call->reply(200, {{"available", false}, {"reason", reason}, {"detail", detail}, {"fqdn", name}});
  };
  if (const auto problem = name_problem(call->parts, pool, pool_name, subdomain))
    return no(problem->code, problem->detail);
  const std::string owner = call->caller(nlohmann::json::object()).owner;
  struct Seen {
    Phase phase;
    bool available;
  };
  auto seen = call->parts.readers.read<Seen>([&](store::Transaction& read) -> Result<Seen> {
    auto row = read.ledger().allocation(pool_name, subdomain);
    if (!row) return fail(std::move(row.error()));
    const AllocationRow* at = *row ? &**row : nullptr;
    const auto now = now_ms(read);
    return Seen{phase_of(at, now), reserve(at, {pool_name, subdomain, owner, "", "", {}, false}, now).has_value()};
  });
  if (!seen) return call->refuse(seen.error());
  if (seen->available) return call->reply(200, {{"available", true}, {"fqdn", name}});
  const std::string_view phase = phase_text(seen->phase);
  no(fmt::format("{}-state", phase), fmt::format("{} is {}", name, phase));
}

void serve_list(const CallPtr& call, const std::string& pool_name) {
  if (!call->admit("list", pool_name)) return;
  if (call->parts.allocations.settings().pool_domain(pool_name) == nullptr)
    return call->refuse({422, "unsupported-pool", fmt::format("no names are given out below {}", pool_name)});
  const auto& query = call->request.query;
  const auto after = query.find("after");
  std::int64_t limit = kLongestList;
  if (const auto given = query.find("limit"); given != query.end()) {
    const char* end = given->second.data() + given->second.size();
    const auto [stop, error] = std::from_chars(given->second.data(), end, limit);
    if (error != std::errc() || stop != end || limit < 1 || limit > kLongestList)
      return call->refuse({422, "invalid-format", fmt::format("limit is a number from 1 to {}", kLongestList)});
  }
  auto list = call->parts.readers.read<Json>([&](store::Transaction& read) -> Result<Json> {
    auto rows = read.ledger().allocations(pool_name, after == query.end() ? "" : trimmed_lower(after->second), limit);
    if (!rows) return fail(std::move(rows.error()));
    Json json{{"poolDomain", pool_name}, {"allocations", Json::array()}};
    const auto now = now_ms(read);
    for (const AllocationRow& row : *rows)
      if (phase_of(&row, now) != Phase::kFree) json["allocations"].push_back(row_json(row, now));
    if (static_cast<std::int64_t>(rows->size()) == limit) json["next"] = rows->back().subdomain;
    return json;
  });
  if (!list) return call->refuse(list.error());
  call->reply(200, *list);
}

void serve_allocation(const CallPtr& call, const std::string& pool_name, const std::string& subdomain) {
  if (!call->admit("allocation", pool_name)) return;
  const std::string name = full_name(pool_name, subdomain);
  auto found = call->parts.readers.read<Json>([&](store::Transaction& read) -> Result<Json> {
    auto row = read.ledger().allocation(pool_name, subdomain);
    if (!row) return fail(std::move(row.error()));
    if (!*row) return Json();
    Json json = row_json(**row, now_ms(read));
    json["owner"] = (*row)->owner;
    if ((*row)->zone != 0) {
      auto zone = read.zone((*row)->zone);
      if (!zone) return fail(std::move(zone.error()));
      if (*zone) {
        const auto served = call->parts.acknowledger.last_seen();
        json["zone"] = {{"id", (*row)->zone}, {"serial", (*zone)->serial.value_or(0)}, {"revision", (*zone)->revision}};
        json["nodes"] =
            Json::array({Json{{"name", "local"}, {"revision", served}, {"serves", served >= (*zone)->revision}}});
      }
    }
    json["tasks"] = Json::array();
    for (const std::string_view kind : {kPublishTask, kWithdrawTask}) {
      auto task = read.ledger().task(kind, name);
      if (!task) return fail(std::move(task.error()));
      if (!*task) continue;
      static const std::vector<std::string> kPublish = {"ds-in"};
      static const std::vector<std::string> kWithdraw = {"ds-out", "wait-for-ds", "zone-out"};
      const auto& steps = kind == kPublishTask ? kPublish : kWithdraw;
      const auto at = kind == kPublishTask
                          ? steps.begin()
                          : steps.begin() + std::clamp((*task)->step, 0, static_cast<int>(steps.size()));
      json["tasks"].push_back({{"kind", kind},
                               {"done", std::vector<std::string>(steps.begin(), at)},
                               {"toDo", std::vector<std::string>(at, steps.end())},
                               {"dueAt", time_text((*task)->due_at_ms)},
                               {"attempts", (*task)->attempts},
                               {"lastError", (*task)->last_error}});
    }
    return json;
  });
  if (!found) return call->refuse(found.error());
  if (found->is_null()) return call->refuse({404, "not-found", fmt::format("{} was never allocated", name)});
  call->reply(200, *found);
}

void serve_reserve(const CallPtr& call, std::optional<std::string> pool_name) {
  nlohmann::json body;
  if (!read_body(*call, Body::kNeeded, body) || !read_pool(*call, body, pool_name)) return;
  if (!call->admit("reserve", *pool_name)) return;
  ReserveCall reserve;
  std::string subdomain;
  if (!read_text(*call, body, "subdomain", subdomain) || !read_text(*call, body, "createdBy", reserve.created_by) ||
      !read_text(*call, body, kTokenField, reserve.live_token) || !short_enough(*call, "createdBy", reserve.created_by))
    return;
  reserve.subdomain = trimmed_lower(subdomain);
  reserve.pool = call->parts.allocations.settings().pool_domain(*pool_name);
  if (const auto problem = name_problem(call->parts, reserve.pool, *pool_name, reserve.subdomain))
    return call->refuse(*problem);
  if (reserve.created_by.empty()) reserve.created_by = kDefaultCreator;
  reserve.reservation = reservation_id();
  write_and_answer(call, [call, reserve, caller = call->caller(body)](store::Transaction& edit) -> Result<Outcome> {
    auto row = call->parts.allocations.reserve(edit, caller, reserve);
    if (!row) return fail(std::move(row.error()));
    Outcome outcome;
    if (!*row) {
      outcome.refused = problem_of(row->error(), full_name(reserve.pool->name, reserve.subdomain));
      return outcome;
    }
    outcome.status = 201;
    outcome.body = row_json(**row, now_ms(edit));
    outcome.reservation_token = call->parts.allocations.token(**row);
    return outcome;
  });
}

void serve_commit(const CallPtr& call, std::optional<std::string> pool_name) {
  nlohmann::json body;
  if (!read_body(*call, Body::kNeeded, body) || !read_pool(*call, body, pool_name)) return;
  if (!call->admit("commit", *pool_name)) return;
  CommitCall commit;
  std::string subdomain;
  std::string name;
  if (!read_text(*call, body, "subdomain", subdomain) || !read_text(*call, body, kTokenField, commit.token) ||
      !read_text(*call, body, "sovereignFQDN", name))
    return;
  commit.subdomain = trimmed_lower(subdomain);
  commit.pool = call->parts.allocations.settings().pool_domain(*pool_name);
  if (const auto problem = name_problem(call->parts, commit.pool, *pool_name, commit.subdomain))
    return call->refuse(*problem);
  name = trimmed_lower(name);
  if (name.ends_with('.')) name.pop_back();
  if (const std::string ours = full_name(*pool_name, commit.subdomain); !name.empty() && name != ours)
    return call->refuse({422, "invalid-format", fmt::format("sovereignFQDN is {} for this name", ours)});
  if (body.contains("placement") && !body["placement"].is_null())
    return call->refuse({422, "unsupported-placement", "placements are not taken yet; commit with addresses"});
  if (!read_addresses(*call, body, commit.addresses)) return;
  auto keys = make_zone_keys();  // here, not on the writing thread
  if (!keys) return call->refuse(keys.error());
  commit.keys = std::move(*keys);
  write_and_answer(
      call,
      [call, commit = std::move(commit), caller = call->caller(body)](store::Transaction& edit) -> Result<Outcome> {
        auto done = call->parts.allocations.commit(edit, caller, commit);
        if (!done) return fail(std::move(done.error()));
        Outcome outcome;
        if (!*done) {
          outcome.refused = problem_of(done->error(), full_name(commit.pool->name, commit.subdomain));
          return outcome;
        }
        outcome.body = row_json((*done)->row, now_ms(edit));
        outcome.serves = true;
        outcome.wakes = (*done)->changed;
        return outcome;
      });
}

namespace {

/// `shape` makes the answer's body from the row as it is then.
void release_name(const CallPtr& call, const PoolDomain& pool, const std::string& subdomain, const Caller& caller,
                  const char* not_found, std::function<Json(const AllocationRow&, std::int64_t)> shape) {
  write_and_answer(call,
                   [call, &pool, subdomain, caller, not_found,
                    shape = std::move(shape)](store::Transaction& edit) -> Result<Outcome> {
                     auto done = call->parts.allocations.release(edit, caller, pool, subdomain);
                     if (!done) return fail(std::move(done.error()));
                     Outcome outcome;
                     if (!*done) {
                       const std::string name = full_name(pool.name, subdomain);
                       outcome.refused = done->error() == Refusal::kNotFound
                                             ? Problem{404, not_found, fmt::format("{} was never allocated", name)}
                                             : problem_of(done->error(), name);
                       return outcome;
                     }
                     outcome.body = shape((*done)->row, now_ms(edit));
                     outcome.wakes = (*done)->withdraw;
                     return outcome;
                   });
}

Json by_name_json(const AllocationRow& row, std::int64_t now) {
  return {{"sovereignFQDN", full_name(row.pool_domain, row.subdomain)},
          {"freed", true},
          {"releasedAt", time_text(row.released_at_ms != 0 ? row.released_at_ms : now)},
          {"state", phase_text(phase_of(&row, now))}};
}

}  // namespace

void serve_release(const CallPtr& call, const std::string& pool_name) {
  if (!call->admit("release", pool_name)) return;
  nlohmann::json body;
  std::string subdomain;
  if (!read_body(*call, Body::kOptional, body) || !read_text(*call, body, "subdomain", subdomain)) return;
  if (const auto given = call->request.query.find("sub"); subdomain.empty() && given != call->request.query.end())
    subdomain = given->second;
  subdomain = trimmed_lower(subdomain);
  const PoolDomain* pool = call->parts.allocations.settings().pool_domain(pool_name);
  const auto problem = name_problem(call->parts, pool, pool_name, subdomain);
  if (problem && problem->code != "reserved")
    return call->refuse(*problem);  // a kept back name may have been given out before
  release_name(call, *pool, subdomain, call->caller(body), "not-found", [](const AllocationRow& row, std::int64_t now) {
    return Json{{"freed", row_json(row, now)}, {"state", phase_text(phase_of(&row, now))}};
  });
}

void serve_release_by_name(const CallPtr& call) {
  nlohmann::json body;
  std::string name;
  if (!read_body(*call, Body::kNeeded, body) || !read_text(*call, body, "sovereignFQDN", name)) return;
  const auto found = managed(call->parts, name);
  if (!call->admit("release", found ? found->first->name : "")) return;
  if (!found) return call->refuse({404, "not-managed", "the name is in no pool domain"});
  release_name(call, *found->first, found->second, call->caller(body), "not-managed", by_name_json);
}

// The name of somebody who is gone: whoever the owner is, after the grace.
void serve_force_release(const CallPtr& call) {
  nlohmann::json body;
  std::string name;
  std::string reason;
  if (!read_body(*call, Body::kNeeded, body) || !read_text(*call, body, "sovereignFQDN", name) ||
      !read_text(*call, body, "reason", reason) || !short_enough(*call, "reason", reason))
    return;
  const auto found = managed(call->parts, name);
  if (!call->admit("force-release", found ? found->first->name : "")) return;
  if (trimmed_lower(call->request.header("x-force-release-confirm")) != "yes")
    return call->refuse({401, "unconfirmed", "say X-Force-Release-Confirm: yes"});
  if (!found) return call->refuse({404, "not-managed", "the name is in no pool domain"});
  const auto confirmed = body.find("graceConfirmed");
  if (trimmed_lower(reason).empty() || confirmed == body.end() || *confirmed != true)
    return call->refuse({422, "invalid-format", "a reason and graceConfirmed true are needed"});
  const auto [pool, subdomain] = *found;
  write_and_answer(call, [call, pool, subdomain, reason](store::Transaction& edit) -> Result<Outcome> {
    auto row = edit.ledger().allocation(pool->name, subdomain);
    if (!row) return fail(std::move(row.error()));
    Outcome outcome;
    if (!*row) {
      outcome.refused =
          Problem{404, "not-managed", fmt::format("{} was never allocated", full_name(pool->name, subdomain))};
      return outcome;
    }
    const auto now = now_ms(edit);
    const auto grace = call->parts.force_release_grace.count();
    if (phase_of(&**row, now) == Phase::kActive && now - (*row)->committed_at_ms < grace) {
      outcome.refused =
          Problem{412, "grace-not-elapsed",
                  fmt::format("the name can be taken away from {} on", time_text((*row)->committed_at_ms + grace))};
      return outcome;
    }
    auto done = call->parts.allocations.release(edit, {call->principal.name, (*row)->owner}, *pool, subdomain);
    if (!done) return fail(std::move(done.error()));
    if (!*done) {
      outcome.refused = problem_of(done->error(), full_name(pool->name, subdomain));
      return outcome;
    }
    auto noted = call->parts.allocations.note(edit, call->principal.name, "force-release", (*done)->row, reason);
    if (!noted) return fail(std::move(noted.error()));
    outcome.body = by_name_json((*done)->row, now);
    outcome.wakes = (*done)->withdraw;
    return outcome;
  });
}

}  // namespace sdns::pdm
