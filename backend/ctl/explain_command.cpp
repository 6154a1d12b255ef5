// SPDX-License-Identifier: MIT
// explain.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "backend/ctl/commands.h"
#include "backend/ctl/explain_text.h"
#include "backend/ctl/query_text.h"

namespace sdns::ctl {
namespace {

struct ExplainOptions {
  std::string name;
  std::optional<std::string> type;
  std::optional<std::string> client;
  std::optional<std::string> ecs;
  std::vector<std::string> at_health;
};

Result<int> explain(Session& session, const ExplainOptions& options) {
  auto daemon = session.daemon();
  if (!daemon) return fail(std::move(daemon.error()));
  if (*daemon == nullptr)
    return fail(Errc::kInvalidArgument, "explain asks the daemon, and there is no admin address",
                "--admin HOST:PORT names it; `sdnsctl lua check` looks at records without a daemon");
  std::string query;
  append_parameter(query, "name", options.name);
  if (options.type) append_parameter(query, "type", *options.type);
  if (options.client) append_parameter(query, "client", *options.client);
  if (options.ecs) append_parameter(query, "ecs", *options.ecs);
  std::string targets;
  for (const std::string& target : options.at_health) {
    if (target.find('\n') != std::string::npos)
      return fail(Errc::kInvalidArgument, "a target of --at-health has a line break in it");
    targets += target + '\n';
  }
  if (!targets.empty()) append_parameter(query, "at_health", targets);
  auto body = (*daemon)->explain(query);
  if (!body) return fail(std::move(body.error()));
  const auto document = nlohmann::ordered_json::parse(*body, nullptr, false);
  if (session.json() && document.is_object()) {
    session.out() << document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
    return kDone;
  }
  if (auto done = print_explanation(session.out(), document); !done) return fail(std::move(done.error()));
  return kDone;
}

}  // namespace

void add_explain_command(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<ExplainOptions>();
  auto* command = app.add_subcommand(
      "explain", "Why the daemon answers a name as it does, and for whom; changes and caches nothing");
  command->add_option("NAME", options->name, "The name, with or without the final dot")->required();
  command->add_option("--type", options->type, "The type that is asked for (every type)")->type_name("TYPE");
  command
      ->add_option("--client", options->client,
                   "Who asks (127.0.0.1). With a prefix length: a resolver that sends this as client subnet")
      ->type_name("ADDR[/LEN]");
  command->add_option("--ecs", options->ecs, "The EDNS client subnet that the query carries")->type_name("NET");
  command
      ->add_option("--at-health", options->at_health,
                   "As if these targets were up or down: 192.0.2.1, 192.0.2.1:443, [2001:db8::1]:443, pool:NAME,\n"
                   "region:NAME, or a check as explain names it")
      ->type_name("TARGET=up|down")
      ->expected(1, -1);
  command->footer(
      "Examples:\n"
      "  sdnsctl explain www.example.org\n"
      "  sdnsctl explain www.example.org --type A --client 198.51.100.7\n"
      "  sdnsctl explain www.example.org --ecs 203.0.113.0/24\n"
      "  sdnsctl explain www.example.org --at-health 192.0.2.1=down 192.0.2.2=up\n");
  command->callback(
      [&chosen, options] { chosen = [options](Session& session) { return explain(session, *options); }; });
}

}  // namespace sdns::ctl
