// SPDX-License-Identifier: MIT
// pdm list, tasks, token; audit verify: what PDM keeps in the authority database, whether or not it runs.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "backend/ctl/commands.h"
#include "backend/ctl/table.h"
#include "pdm/allocations.h"
#include "pdm/auth.h"
#include "pdm/label.h"

namespace sdns::ctl {
namespace {

constexpr std::int64_t kMostListed = 1'000'000;

struct PdmOptions {
  std::string pool;
  std::string owner;
  std::string id;
  std::string note;
  std::vector<std::string> scopes;
  std::int64_t days = 0;
};

std::string text_of(std::int64_t ms) {
  if (ms == 0) return "-";
  const std::chrono::sys_seconds at{std::chrono::seconds(ms / 1000)};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(at - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
                     time.minutes().count(), time.seconds().count());
}

Result<int> list_allocations(Session& session, const PdmOptions& options) {
  auto read = session.read();
  if (!read) return fail(std::move(read.error()));
  auto rows = (*read)->ledger().allocations(pdm::trimmed_lower(options.pool), "", kMostListed);
  if (!rows) return fail(std::move(rows.error()));
  const auto now = pdm::now_ms(**read);
  auto document = nlohmann::json::array();
  Table table({"NAME", "STATE", "GENERATION", "OWNER", "ADDRESS", "RESERVED"});
  for (const auto& row : *rows) {
    const auto phase = pdm::phase_of(&row, now);
    if (phase == pdm::Phase::kFree) continue;
    const std::string name = pdm::full_name(row.pool_domain, row.subdomain);
    document.push_back({{"name", name},
                        {"state", pdm::phase_text(phase)},
                        {"generation", row.generation},
                        {"owner", row.owner},
                        {"load_balancer_ip", row.load_balancer_ip},
                        {"reserved_at", text_of(row.reserved_at_ms)}});
    table.row({name, std::string(pdm::phase_text(phase)), std::to_string(row.generation), row.owner,
               row.load_balancer_ip.empty() ? "-" : row.load_balancer_ip, text_of(row.reserved_at_ms)});
  }
  if (session.json()) session.print(document);
  else table.print(session.out());
  return kDone;
}

Result<int> list_tasks(Session& session, const PdmOptions&) {
  auto read = session.read();
  if (!read) return fail(std::move(read.error()));
  auto document = nlohmann::json::array();
  Table table({"NAME", "TASK", "STEP", "DUE", "ATTEMPTS", "LAST ERROR"});
  for (const auto kind : {pdm::kPublishTask, pdm::kWithdrawTask}) {
    auto tasks = (*read)->ledger().tasks(kind);
    if (!tasks) return fail(std::move(tasks.error()));
    for (const auto& task : *tasks) {
      document.push_back({{"name", task.object},
                          {"task", task.kind},
                          {"step", task.step},
                          {"due_at", text_of(task.due_at_ms)},
                          {"attempts", task.attempts},
                          {"last_error", task.last_error}});
      table.row({task.object, task.kind, std::to_string(task.step), text_of(task.due_at_ms),
                 std::to_string(task.attempts), task.last_error.empty() ? "-" : task.last_error});
    }
  }
  if (session.json()) session.print(document);
  else table.print(session.out());
  return kDone;
}

Result<int> make_token(Session& session, const PdmOptions& options) {
  auto scopes = pdm::parse_scopes(fmt::format("{}", fmt::join(options.scopes, "\n")));
  if (!scopes) return fail(std::move(scopes.error()));
  if (options.owner.empty() || options.owner.find_first_of(" \t\r\n/") != std::string::npos)
    return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is no owner", options.owner),
                "an owner has neither blanks nor slashes");
  auto edit = session.edit();
  if (!edit) return fail(std::move(edit.error()));
  const std::string token = pdm::new_api_token();
  const std::string hash = pdm::token_hash(token);
  const auto now = pdm::now_ms(**edit);
  constexpr std::int64_t kDayMs = 86'400'000;
  store::ApiTokenRow row{pdm::token_id(hash),
                         hash,
                         options.owner,
                         "",
                         options.note,
                         now,
                         "sdnsctl",
                         options.days == 0 ? 0 : now + options.days * kDayMs,
                         0};
  for (const auto& scope : *scopes) row.scopes += fmt::format("{}:{}\n", scope.verb, scope.object);
  if (auto done = (*edit)->ledger().add_api_token(row); !done) return fail(std::move(done.error()));
  auto noted = (*edit)->ledger().append_audit({"sdnsctl", 0, now, "sdnsctl", "token.make", row.id, row.scopes, {}});
  if (!noted) return fail(std::move(noted.error()));
  if (auto done = (*edit)->commit("sdnsctl"); !done) return fail(std::move(done.error()));
  if (session.json()) session.print({{"id", row.id}, {"token", token}, {"owner", row.owner}});
  else {
    session.out() << token << '\n';
    session.notice(fmt::format("the token {} of {}; it is shown this once", row.id, row.owner));
  }
  return kDone;
}

Result<int> list_tokens(Session& session, const PdmOptions&) {
  auto read = session.read();
  if (!read) return fail(std::move(read.error()));
  auto rows = (*read)->ledger().api_tokens();
  if (!rows) return fail(std::move(rows.error()));
  auto document = nlohmann::json::array();
  Table table({"ID", "OWNER", "SCOPES", "MADE", "ENDS", "REVOKED"});
  for (const auto& row : *rows) {
    std::string scopes = row.scopes;
    while (scopes.ends_with('\n')) scopes.pop_back();
    std::replace(scopes.begin(), scopes.end(), '\n', ' ');
    document.push_back({{"id", row.id},
                        {"owner", row.owner},
                        {"scopes", scopes},
                        {"note", row.note},
                        {"created_at", text_of(row.created_at_ms)},
                        {"expires_at", text_of(row.expires_at_ms)},
                        {"revoked_at", text_of(row.revoked_at_ms)}});
    table.row({row.id, row.owner, scopes, text_of(row.created_at_ms), text_of(row.expires_at_ms),
               text_of(row.revoked_at_ms)});
  }
  if (session.json()) session.print(document);
  else table.print(session.out());
  return kDone;
}

Result<int> revoke_token(Session& session, const PdmOptions& options) {
  auto edit = session.edit();
  if (!edit) return fail(std::move(edit.error()));
  const auto now = pdm::now_ms(**edit);
  if (auto done = (*edit)->ledger().revoke_api_token(options.id, now); !done) return fail(std::move(done.error()));
  auto noted = (*edit)->ledger().append_audit({"sdnsctl", 0, now, "sdnsctl", "token.revoke", options.id, "", {}});
  if (!noted) return fail(std::move(noted.error()));
  if (auto done = (*edit)->commit("sdnsctl"); !done) return fail(std::move(done.error()));
  if (session.json()) session.print({{"id", options.id}, {"revoked", true}});
  else session.out() << "the token " << options.id << " is revoked\n";
  return kDone;
}

Result<int> verify_audit(Session& session) {
  auto read = session.read();
  if (!read) return fail(std::move(read.error()));
  std::vector<store::AuditFault> faults;
  auto rows = (*read)->ledger().verify_audit(faults);
  if (!rows) return fail(std::move(rows.error()));
  auto document = nlohmann::json::array();
  for (const auto& fault : faults) {
    document.push_back({{"chain", fault.chain}, {"number", fault.number}, {"what", fault.what}});
    if (!session.json()) session.out() << fmt::format("{} {}: {}\n", fault.chain, fault.number, fault.what);
  }
  if (session.json()) session.print({{"rows", *rows}, {"faults", document}});
  else session.notice(fmt::format("{} rows, {} that do not fit", *rows, faults.size()));
  return faults.empty() ? kDone : kFoundProblems;
}

}  // namespace

void add_pdm_commands(CLI::App& group, Action& chosen) {
  const auto options = std::make_shared<PdmOptions>();
  const auto add = [&](CLI::App& to, const char* command, const char* about,
                       Result<int> (*action)(Session&, const PdmOptions&)) {
    auto* app = to.add_subcommand(command, about);
    app->callback([&chosen, options, action] {
      chosen = [options, action](Session& session) { return action(session, *options); };
    });
    return app;
  };
  add(group, "list", "What is reserved, active, on its way out or quarantined", list_allocations)
      ->add_option("POOL", options->pool, "The pool domain")
      ->required();
  add(group, "tasks", "Work in steps that is under way", list_tasks);
  auto* tokens = group.add_subcommand("token", "API tokens of sovereign-pdm");
  tokens->require_subcommand(1);
  auto* make = add(*tokens, "make", "Make a token; it is printed this once", make_token);
  make->add_option("OWNER", options->owner, "Whose the names are that it allocates")->required();
  make->add_option("SCOPE", options->scopes, "VERB:POOLDOMAIN, with * for every one; * is everything")->required();
  make->add_option("--note", options->note, "What it is for")->type_name("TEXT");
  make->add_option("--days", options->days, "It ends after so many days (never)")->type_name("N");
  add(*tokens, "list", "All tokens, without their secrets", list_tokens);
  add(*tokens, "revoke", "End a token", revoke_token)->add_option("ID", options->id, "As `list` shows it")->required();
}

void add_audit_commands(CLI::App& group, Action& chosen) {
  group
      .add_subcommand("verify", "Whether the audit trail is what was written.\nExit code 4 when something was changed.")
      ->callback([&chosen] { chosen = verify_audit; });
}

}  // namespace sdns::ctl
