// SPDX-License-Identifier: MIT
// Health, tokens, the description of the API.
#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "pdm/api_call.h"
#include "pdm/openapi.h"

namespace sdns::pdm {
namespace {

using Json = nlohmann::ordered_json;

Result<zone::Revision> position_of(Readers& readers) {
  return readers.read<zone::Revision>([](store::Transaction& read) -> Result<zone::Revision> {
    auto position = read.position();
    if (!position) return fail(std::move(position.error()));
    return position->revision;
  });
}

}  // namespace

void serve_health(const CallPtr& call) {
  if (const auto there = position_of(call->parts.readers); !there)
    return call->reply(503, {{"status", "unhealthy"}, {"db", to_text(there.error())}});
  Json domains = Json::array();
  for (const PoolDomain& pool : call->parts.allocations.settings().pool_domains) domains.push_back(pool.name);
  call->reply(200, {{"status", "ok"}, {"managedDomains", domains}, {"registrars", Json::array()}});
}

void serve_readiness(const CallPtr& call) {
  auto missing = call->parts.readers.read<std::string>([&](store::Transaction& read) -> Result<std::string> {
    for (const PoolDomain& pool : call->parts.allocations.settings().pool_domains) {
      auto zone = read.zone(pool.apex);
      if (!zone) return fail(std::move(zone.error()));
      if (!*zone) return pool.name;
    }
    return std::string();
  });
  if (!missing) return call->reply(503, {{"status", "not ready"}, {"db", to_text(missing.error())}});
  if (!missing->empty()) return call->reply(503, {{"status", "not ready"}, {"missing", *missing}});
  call->reply(200, {{"status", "ok"}});
}

void serve_openapi(const CallPtr& call) {
  call->answer.send({200, "application/yaml", std::string(openapi_text()), {}});
}

void serve_make_token(const CallPtr& call) {
  if (!call->admit("tokens", "")) return;
  nlohmann::json body;
  std::string owner;
  std::string scopes;
  std::string note;
  if (!read_body(*call, Body::kNeeded, body) || !read_text(*call, body, "owner", owner) ||
      !read_text(*call, body, "note", note))
    return;
  if (const auto list = body.find("scopes"); list != body.end() && list->is_array())
    for (const auto& one : *list) scopes += (one.is_string() ? one.get<std::string>() : "?") + "\n";
  auto parsed = parse_scopes(scopes);
  if (!parsed) return call->refuse({422, "invalid-scope", to_text(parsed.error())});
  for (const Scope& scope : *parsed)
    if (!call->principal.may(scope.verb, scope.object))
      return call->refuse({403, "forbidden", "a token cannot give what it does not have"});
  if (owner.empty() || owner.size() > 255 || owner.find_first_of(" \t\r\n/") != owner.npos)
    return call->refuse({422, "invalid-format", "an owner is needed, without blanks and slashes"});
  std::int64_t seconds = 0;
  if (const auto given = body.find("expiresInSeconds"); given != body.end() && !given->is_null()) {
    constexpr std::int64_t kTenYears = 10LL * 366 * 86'400;
    if (!given->is_number_integer() || *given < 1 || *given > kTenYears)
      return call->refuse({422, "invalid-format", fmt::format("expiresInSeconds is a number from 1 to {}", kTenYears)});
    seconds = *given;
  }
  const std::string token = new_api_token();
  const std::string hash = token_hash(token);
  std::string lines;
  for (const Scope& scope : *parsed) lines += fmt::format("{}:{}\n", scope.verb, scope.object);
  const auto row = std::make_shared<store::ApiTokenRow>(
      store::ApiTokenRow{token_id(hash), hash, owner, lines, note, 0, call->principal.name, 0, 0});
  call->parts.writer.submit(
      [call, row, seconds](store::Transaction& edit) -> Result<void> {
        row->created_at_ms = now_ms(edit);
        row->expires_at_ms = seconds == 0 ? 0 : row->created_at_ms + seconds * 1000;
        if (auto done = edit.ledger().add_api_token(*row); !done) return done;
        return call->parts.allocations.note_object(edit, call->principal.name, "token.make", row->id, row->scopes);
      },
      [call, row, token](const Result<zone::Revision>& done) {
        if (!done) return call->refuse(done.error());
        Json json{{"id", row->id}, {"token", token}, {"owner", row->owner}};
        if (row->expires_at_ms != 0) json["expiresAt"] = time_text(row->expires_at_ms);
        call->reply(201, json);
      });
}

void serve_tokens(const CallPtr& call) {
  if (!call->admit("tokens", "")) return;
  auto rows = call->parts.readers.read<std::vector<store::ApiTokenRow>>(
      [](store::Transaction& read) { return read.ledger().api_tokens(); });
  if (!rows) return call->refuse(rows.error());
  Json list = Json::array();
  for (const store::ApiTokenRow& row : *rows) {
    Json json{{"id", row.id},
              {"owner", row.owner},
              {"scopes", Json::array()},
              {"note", row.note},
              {"createdAt", time_text(row.created_at_ms)},
              {"createdBy", row.created_by}};
    std::string_view text = row.scopes;
    while (!text.empty()) {
      const auto line = text.substr(0, text.find('\n'));
      json["scopes"].push_back(line);
      text.remove_prefix(std::min(line.size() + 1, text.size()));
    }
    if (row.expires_at_ms != 0) json["expiresAt"] = time_text(row.expires_at_ms);
    if (row.revoked_at_ms != 0) json["revokedAt"] = time_text(row.revoked_at_ms);
    list.push_back(json);
  }
  call->reply(200, {{"tokens", list}});
}

void serve_revoke_token(const CallPtr& call, const std::string& id) {
  if (!call->admit("tokens", "")) return;
  call->parts.writer.submit(
      [call, id](store::Transaction& edit) -> Result<void> {
        if (auto done = edit.ledger().revoke_api_token(id, now_ms(edit)); !done) return done;
        return call->parts.allocations.note_object(edit, call->principal.name, "token.revoke", id, "");
      },
      [call, id](const Result<zone::Revision>& done) {
        if (done) return call->reply(200, {{"id", id}, {"revoked", true}});
        if (done.error().code == Errc::kNotFound) return call->refuse({404, "not-found", "there is no such token"});
        call->refuse(done.error());
      });
}

}  // namespace sdns::pdm
