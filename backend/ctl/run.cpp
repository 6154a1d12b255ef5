// SPDX-License-Identifier: MIT
#include "backend/ctl/run.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "backend/ctl/arguments.h"
#include "backend/ctl/commands.h"
#include "backend/daemon/version.h"

namespace sdns::ctl {
namespace {

constexpr const char* kFooter =
    "Names: zones with or without the final dot. Owner names are relative to the zone (www), absolute with a final "
    "dot\n"
    "(www.example.org.), or @ for the apex.\n"
    "Arguments that start with \"-\" come after \"--\".\n"
    "\n"
    "Exit codes: 0 done; 1 failed, or the answer is \"no\"; 2 usage; 3 the change is durable but the engine did not "
    "answer\n"
    "with it in time; 4 check or diff found something.\n"
    "\n"
    "Examples:\n"
    "  sdnsctl database init\n"
    "  sdnsctl zone import example.org.zone\n"
    "  sdnsctl zone secure example.org && sdnsctl zone ds example.org\n"
    "  sdnsctl record set example.org www A 192.0.2.1 192.0.2.2 --ttl 300\n";

/// `--wait` without `=SECONDS` takes no value, so it must not take the next argument for one.
std::vector<std::string> spell_out_wait(std::vector<std::string> arguments) {
  for (auto& argument : arguments) {
    if (argument == "--") break;
    if (argument == "--wait") argument = "--wait=5";
  }
  return arguments;
}

void report(const Error& error, std::ostream& err) {
  err << "sdnsctl: " << error.what << '\n';
  if (!error.hint.empty()) err << "  " << error.hint << '\n';
}

struct CommandLine {
  CLI::App app{"sdnsctl edits and inspects the zones of Sovereign DNS.", "sdnsctl"};
  GlobalOptions options;
  Action chosen;

  CommandLine() {
    app.fallthrough();
    app.require_subcommand(1);
    app.set_version_flag("--version", "sdnsctl " + std::string(daemon::version()));
    app.footer("Options of every command (--json, --wait, --database, ...): sdnsctl --help");
    app.get_formatter()->column_width(34);
    for (const char* noise : {"REQUIRED", "TEXT"}) app.get_formatter()->label(noise, "");
    app.add_option("--config", options.config,
                   "Configuration file of the daemon, for database.url, database.key_file and "
                   "admin.listen\n(/etc/sovereign-dns/config.toml)")
        ->type_name("FILE");
    app.add_option("--database", options.database,
                   "Database, as sqlite:/path/file.db or postgresql://user@host/name (SDNS_DATABASE_URL)")
        ->type_name("URL");
    app.add_option("--key-file", options.key_file,
                   "File of the keys that seal private keys and TSIG secrets (SDNS_DATABASE_KEY_FILE)")
        ->type_name("FILE");
    app.add_option("--admin", options.admin, "Admin address of the daemon; \"\" asks none (SDNS_ADMIN_LISTEN)")
        ->type_name("HOST:PORT");
    app.add_flag("--json", options.json, "Answer in JSON");
    app.add_option("--wait", options.wait_seconds,
                   "After a change wait until the engine answers with it, at most so long\n"
                   "(5 seconds when it runs; exit code 3 when it did not)")
        ->type_name("[=SECONDS]")
        ->check(CLI::Validator(number_between(0, 86400), ""));
    app.add_flag("--no-wait", options.no_wait, "Return when the change is durable");

    add_group("zone", "Zones: import, export, check, sign, transfer",
              {add_import_commands, add_compare_commands, add_zone_commands, add_signing_commands, add_key_commands,
               add_key_file_commands, add_transfer_commands, add_transfer_status});
    add_group("record", "Records of a zone", {add_record_commands});
    add_group("meta", "Metadata of a zone, as PowerDNS reads it", {add_metadata_commands});
    add_group("tsig", "TSIG keys, which sign transfers", {add_tsig_commands});
    add_group("keys", "The key file, and what is sealed with it", {add_seal_commands});
    add_group("autoprimary", "Primaries whose NOTIFY makes a secondary zone", {add_autoprimary_commands});
    add_group("target-pool", "Target pools, which LUA records name",
              {add_pool_commands, add_pool_edit_commands, add_pool_check_commands});
    add_group("health", "Health of targets: what checks and operators say of it",
              {add_health_commands, add_health_view_commands});
    add_group("node", "Name servers that follow the database", {add_node_commands});
    add_group("lua", "LUA records, without a daemon", {add_lua_commands});
    add_group("registrar", "Domains at their registrars: name servers, DS records, hosts", {add_registrar_commands});
    add_group("pdm", "Names that were given out of pool domains, and API tokens", {add_pdm_commands});
    add_group("audit", "The audit trail", {add_audit_commands});
    add_explain_command(app, chosen);
    add_status_command(app, chosen);
    add_group("database", "The authority database", {add_database_commands});
    app.footer(kFooter);  // last: commands take over the footer that is there when they are added
  }

 private:
  void add_group(const char* name, const char* about, std::initializer_list<void (*)(CLI::App&, Action&)> parts) {
    CLI::App* group = app.add_subcommand(name, about);
    group->require_subcommand(1);
    for (const auto add : parts) add(*group, chosen);
  }
};

/// The innermost command that the command line reached: its help is the one that is wanted.
const CLI::App* reached(const CLI::App& app) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  return at;
}

std::string full_name(const CLI::App* app) {
  std::string name = app->get_name();
  for (const CLI::App* at = app->get_parent(); at != nullptr; at = at->get_parent()) name = at->get_name() + ' ' + name;
  return name;
}

std::string help_of(const CLI::App* app) {
  const std::string parents = app->get_parent() == nullptr ? "" : full_name(app->get_parent());
  return app->help(parents);
}

/// What is wrong with a command line; for a group without a command its help.
void report_usage(const CLI::App& app, const std::vector<std::string>& arguments, const std::string& what,
                  std::ostream& err) {
  const CLI::App* command = reached(app);
  const bool group = !command->get_subcommands([](const CLI::App*) { return true; }).empty();
  const std::string hint = "`" + full_name(command) + " --help` shows how it is used";
  if (!group) return report({Errc::kInvalidArgument, what, hint}, err);
  for (const auto& word : app.remaining(true)) {
    if (word.front() != '-')
      return report({Errc::kInvalidArgument, full_name(command) + " has no command \"" + word + '"', hint}, err);
  }
  if (!arguments.empty() && arguments.back() != command->get_name())
    return report({Errc::kInvalidArgument, what, hint}, err);
  err << help_of(command);
}

}  // namespace

int run(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err, Environment& environment) {
  CommandLine line;
  try {
    std::vector<std::string> backwards = spell_out_wait(arguments);  // as CLI11 takes them
    std::reverse(backwards.begin(), backwards.end());
    line.app.parse(std::move(backwards));
  } catch (const CLI::CallForHelp&) {
    out << help_of(reached(line.app));
    return kDone;
  } catch (const CLI::CallForVersion& version) {
    out << version.what() << '\n';
    return kDone;
  } catch (const CLI::ParseError& error) {
    report_usage(line.app, arguments, error.what(), err);
    return kUsage;
  }

  if (line.options.wait_seconds && line.options.no_wait) {
    report({Errc::kInvalidArgument, "--wait and --no-wait exclude each other", {}}, err);
    return kUsage;
  }
  auto settings = load_settings(line.options, environment);
  if (!settings) {
    report(settings.error(), err);
    return kFailed;
  }
  Session session(line.options, std::move(*settings), environment, out, err);
  auto code = line.chosen(session);
  if (!code) {
    report(code.error(), err);
    return code.error().code == Errc::kInvalidArgument ? kUsage : kFailed;
  }
  return *code;
}

}  // namespace sdns::ctl
