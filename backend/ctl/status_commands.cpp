// SPDX-License-Identifier: MIT
// status; database init, info, prune.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "backend/ctl/commands.h"
#include "backend/ctl/powerdns_facts.h"
#include "backend/ctl/table.h"

namespace sdns::ctl {
namespace {

using Facts = std::vector<std::pair<std::string, std::string>>;

struct DatabaseFacts {
  store::Identity identity;
  store::Position position;
  std::size_t zones = 0;
};

Result<DatabaseFacts> database_facts(store::Authority& authority) {
  DatabaseFacts facts;
  auto identity = authority.identity();
  if (!identity) return fail(std::move(identity.error()));
  facts.identity = std::move(*identity);
  auto transaction = authority.read();
  if (!transaction) return fail(std::move(transaction.error()));
  auto position = (*transaction)->position();
  if (!position) return fail(std::move(position.error()));
  facts.position = *position;
  auto zones = (*transaction)->zones();
  if (!zones) return fail(std::move(zones.error()));
  facts.zones = zones->size();
  return facts;
}

std::string hex(const zone::Chain& chain) { return fmt::format("{:02x}", fmt::join(chain, "")); }

nlohmann::json to_json(const DatabaseFacts& facts, const Settings& settings) {
  return {{"url", store::shown_url(settings.database_url)},
          {"named_by", settings.database_origin},
          {"database_id", facts.identity.database_id},
          {"schema_version", facts.identity.schema_version},
          {"revision", facts.position.revision},
          {"chain", hex(facts.position.chain)},
          {"zones", facts.zones}};
}

Facts to_facts(const DatabaseFacts& facts, const Settings& settings) {
  return {
      {"database", fmt::format("{} (named by {})", store::shown_url(settings.database_url), settings.database_origin)},
      {"id", facts.identity.database_id},
      {"schema", std::to_string(facts.identity.schema_version)},
      {"revision", std::to_string(facts.position.revision)},
      {"zones", std::to_string(facts.zones)}};
}

Result<int> show_database(Session& session, store::OpenMode mode) {
  auto authority = session.database(mode);
  if (!authority) return fail(std::move(authority.error()));
  auto facts = database_facts(**authority);
  if (!facts) return fail(std::move(facts.error()));
  if (session.json()) {
    session.print(to_json(*facts, session.settings()));
  } else {
    print_facts(session.out(), to_facts(*facts, session.settings()));
  }
  return kDone;
}

Result<int> prune(Session& session, zone::Revision keep) {
  auto authority = session.database();
  if (!authority) return fail(std::move(authority.error()));
  auto facts = database_facts(**authority);
  if (!facts) return fail(std::move(facts.error()));
  const zone::Revision now = facts->position.revision;
  const zone::Revision floor = now > keep ? now - keep : 0;
  if (floor > 0)
    if (auto done = (*authority)->prune_journal(floor); !done) return fail(std::move(done.error()));
  if (session.json()) session.print({{"revision", now}, {"floor", floor}});
  else
    session.out() << (floor > 0
                          ? fmt::format("history up to revision {} is pruned; the database is at {}\n", floor, now)
                          : fmt::format("nothing to prune: the database is at revision {}\n", now));
  return kDone;
}

/// What the daemon says of itself.
struct DaemonFacts {
  std::optional<DaemonState> state;
  nlohmann::json status;  ///< null when it did not tell
  std::optional<Error> error;
};

DaemonFacts ask_daemon(Daemon& daemon) {
  DaemonFacts facts;
  auto state = daemon.state();
  if (!state) {
    facts.error = std::move(state.error());
    return facts;
  }
  facts.state = std::move(*state);
  if (auto status = daemon.status()) facts.status = nlohmann::json::parse(*status, nullptr, false);
  if (!facts.status.is_object()) facts.status = nullptr;
  return facts;
}

std::string plain(const nlohmann::json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

/// The entries of an object on one line, without those that say nothing.
std::string one_line(const nlohmann::json& value) {
  if (!value.is_object()) return plain(value);
  std::string text;
  for (const auto& [key, member] : value.items()) {
    if (member.is_null() || member == "") continue;
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", key, plain(member));
  }
  return text;
}

void add_daemon_facts(Facts& facts, const DaemonFacts& daemon, const std::string& address) {
  if (!daemon.state) {
    facts.emplace_back("daemon", daemon.error->what);
    return;
  }
  const DaemonState& state = *daemon.state;
  facts.emplace_back("daemon", fmt::format("{} at {}", state.ready ? "ready" : "NOT READY", address));
  facts.emplace_back("daemon revision", fmt::format("{} (purged up to {})", state.revision, state.purged));
  facts.emplace_back("daemon zones", std::to_string(state.zones));
  facts.emplace_back("daemon age", fmt::format("{} ms since it saw its database", state.age_ms));
  if (daemon.status.is_null()) return;
  static const std::set<std::string> kShown = {"revision", "purged", "zones",       "ready",
                                               "age_ms",   "chain",  "database_id", "powerdns"};
  for (const auto& server : powerdns_facts(daemon.status))
    facts.emplace_back("PowerDNS " + server.name, state_line(server));
  for (const auto& [key, value] : daemon.status.items()) {
    if (kShown.contains(key) || value.is_null()) continue;
    if (value.is_array()) {
      for (const auto& entry : value) facts.emplace_back(key, one_line(entry));
    } else {
      facts.emplace_back("daemon " + key, one_line(value));
    }
  }
}

/// What is not as it shall be, a line each.
std::vector<std::string> problems(const std::optional<Error>& database_error, const std::optional<DaemonFacts>& daemon,
                                  std::optional<bool> same) {
  std::vector<std::string> found;
  if (database_error) found.push_back(database_error->what);
  if (!daemon) return found;
  if (!daemon->state) {
    found.push_back(daemon->error->what);
    return found;
  }
  if (!daemon->state->ready) found.emplace_back("the daemon is not ready");
  if (!same.value_or(true)) found.emplace_back("the daemon serves another database");
  else if (!same && !database_error) found.emplace_back("the daemon has not read its database yet");
  for (const auto& server : powerdns_facts(daemon->status))
    if (server.state == "absent" || server.unannounced > 0) found.push_back(what_stays(server));
  return found;
}

Result<int> show_status(Session& session) {
  auto authority = session.database();
  std::optional<DatabaseFacts> database;
  std::optional<Error> database_error;
  if (authority) {
    auto facts = database_facts(**authority);
    if (facts) {
      database = std::move(*facts);
    } else {
      database_error = std::move(facts.error());
    }
  } else {
    database_error = std::move(authority.error());
  }
  auto peer = session.daemon();
  if (!peer) return fail(std::move(peer.error()));
  std::optional<DaemonFacts> daemon;
  if (*peer != nullptr) daemon = ask_daemon(**peer);

  std::optional<bool> same;
  if (database && daemon && daemon->state && !daemon->state->database_id.empty()) {
    same = daemon->state->database_id == database->identity.database_id;
  }
  const std::vector<std::string> wrong = problems(database_error, daemon, same);
  const bool good = wrong.empty();
  if (session.json()) {
    nlohmann::json document;
    document["database"] = database ? to_json(*database, session.settings())
                                    : nlohmann::json{{"url", store::shown_url(session.settings().database_url)},
                                                     {"error", to_text(*database_error)}};
    if (!daemon) {
      document["daemon"] = nullptr;
    } else if (!daemon->state) {
      document["daemon"] = {{"address", session.settings().admin_address}, {"error", to_text(*daemon->error)}};
    } else {
      document["daemon"] = {{"address", session.settings().admin_address},
                            {"database_id", daemon->state->database_id},
                            {"revision", daemon->state->revision},
                            {"purged", daemon->state->purged},
                            {"zones", daemon->state->zones},
                            {"ready", daemon->state->ready},
                            {"age_ms", daemon->state->age_ms},
                            {"status", daemon->status}};
    }
    document["same_database"] = same ? nlohmann::json(*same) : nlohmann::json();
    document["ok"] = good;
    document["problems"] = wrong;
    session.print(document);
    return good ? kDone : kFailed;
  }
  Facts facts;
  if (good) facts.emplace_back("state", "good");
  for (const auto& problem : wrong) facts.emplace_back("state", "NOT GOOD: " + problem);
  if (database) {
    for (auto& fact : to_facts(*database, session.settings())) facts.push_back(std::move(fact));
  } else {
    facts.emplace_back("database", to_text(*database_error));
  }
  if (!daemon) {
    facts.emplace_back("daemon", "not asked: no admin address");
  } else {
    add_daemon_facts(facts, *daemon, session.settings().admin_address);
  }
  if (same) facts.emplace_back("same database", *same ? "yes" : "NO: the daemon serves another database");
  print_facts(session.out(), facts);
  return good ? kDone : kFailed;
}

}  // namespace

void add_status_command(CLI::App& app, Action& chosen) {
  app.add_subcommand("status",
                     "Daemon and database: revisions, zones, PowerDNS servers.\nExit code 0 when the daemon is ready, "
                     "serves this database,\nand no PowerDNS is absent or has not been told of a zone.")
      ->callback([&chosen] { chosen = show_status; });
}

void add_database_commands(CLI::App& database, Action& chosen) {
  database.add_subcommand("init", "Create the database; one that exists is brought up to date and stays as it is")
      ->callback([&chosen] {
        chosen = [](Session& session) { return show_database(session, store::OpenMode::kCreateIfMissing); };
      });
  database.add_subcommand("info", "Identity, schema and revision")->callback([&chosen] {
    chosen = [](Session& session) { return show_database(session, store::OpenMode::kExisting); };
  });
  CLI::App* pruned = database.add_subcommand(
      "prune",
      "Delete history that no engine needs any more. An engine that was away for longer than what is kept loads\n"
      "everything again when it comes back. No record is touched.");
  auto keep = std::make_shared<zone::Revision>(100'000);
  pruned->add_option("--keep", *keep, "Revisions of history to keep")->capture_default_str();
  pruned->callback([&chosen, keep] { chosen = [keep](Session& session) { return prune(session, *keep); }; });
}

}  // namespace sdns::ctl
