// SPDX-License-Identifier: MIT
// node list, show, forget.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>

#include "backend/ctl/commands.h"
#include "backend/ctl/health_text.h"
#include "backend/ctl/table.h"
#include "backend/store/nodes.h"

namespace sdns::ctl {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

struct NodeOptions {
  std::string name;
  bool force = false;
};

struct Registry {
  std::vector<store::NodeRow> nodes;
  zone::Revision revision = 0;  ///< of the database
  WallTime now{};               ///< by the clock that heartbeats are by
};

Result<Registry> read_registry(Session& session) {
  const auto database = session.database();
  if (!database) return fail(database.error());
  const auto now = (*database)->shared_now();
  if (!now) return fail(now.error());
  auto transaction = session.read();
  if (!transaction) return fail(std::move(transaction.error()));
  const auto position = (*transaction)->position();
  if (!position) return fail(position.error());
  auto nodes = (*transaction)->nodes();
  if (!nodes) return fail(std::move(nodes.error()));
  return Registry{std::move(*nodes), position->revision, *now};
}

std::int64_t seconds_of(WallTime time) { return duration_cast<std::chrono::seconds>(time.time_since_epoch()).count(); }
std::int64_t silent_ms(const store::NodeRow& node, WallTime now) {
  return duration_cast<milliseconds>(now - node.last_seen).count();
}
std::int64_t clock_ahead_ms(const store::NodeRow& node) {
  return duration_cast<milliseconds>(node.clock - node.last_seen).count();
}

/// A node of another history may be ahead.
std::string lag_text(const store::NodeRow& node, zone::Revision revision) {
  if (node.applied == revision) return "0";
  if (node.applied < revision) return std::to_string(revision - node.applied);
  return fmt::format("{} AHEAD", node.applied - revision);
}

std::string state_text(store::NodeState state) {
  switch (state) {
    case store::NodeState::kLive:
      return "live";
    case store::NodeState::kSilent:
      return "SILENT";
    case store::NodeState::kExpired:
      break;
  }
  return "EXPIRED";
}

nlohmann::json to_json(const store::NodeRow& node, zone::Revision revision, WallTime now) {
  return {{"node", node.name},
          {"state", store::node_state_name(store::node_state(node, now))},
          {"revision", node.applied},
          {"lag", static_cast<std::int64_t>(revision) - static_cast<std::int64_t>(node.applied)},
          {"last_seen", seconds_of(node.last_seen)},
          {"silent_ms", silent_ms(node, now)},
          {"serve_until", seconds_of(node.serve_until)},
          {"started", seconds_of(node.started)},
          {"version", node.version},
          {"clock_ahead_ms", clock_ahead_ms(node)}};
}

/// What somebody has to look at.
void warn_of(Session& session, const store::NodeRow& node, WallTime now) {
  switch (store::node_state(node, now)) {
    case store::NodeState::kLive:
      break;
    case store::NodeState::kSilent:
      session.warning(fmt::format(
          "{} has been silent for {}: it may serve revision {} until {}, and holds up whatever needs all nodes",
          node.name, age_text(silent_ms(node, now)), node.applied, time_text(seconds_of(node.serve_until))));
      break;
    case store::NodeState::kExpired:
      session.warning(
          fmt::format("{} has been silent for {} and is not waited for any more; `sdnsctl node forget {}` "
                      "when it is gone for good",
                      node.name, age_text(silent_ms(node, now)), node.name));
      break;
  }
  if (std::abs(clock_ahead_ms(node)) >= 2'000)
    session.warning(
        fmt::format("the clock of {} is {} ms ahead of the database's: set it", node.name, clock_ahead_ms(node)));
}

Result<int> list(Session& session, const NodeOptions& /*options*/) {
  auto registry = read_registry(session);
  if (!registry) return fail(std::move(registry.error()));
  const WallTime now = registry->now;
  if (session.json()) {
    auto nodes = nlohmann::json::array();
    for (const auto& node : registry->nodes) nodes.push_back(to_json(node, registry->revision, now));
    session.print({{"revision", registry->revision}, {"nodes", std::move(nodes)}});
    return kDone;
  }
  if (registry->nodes.empty()) {
    session.notice("no sovereign-dnsd has ever followed this database");
    return kDone;
  }
  Table table({"NODE", "STATE", "REVISION", "LAG", "SEEN", "SERVES UNTIL", "VERSION"});
  for (const auto& node : registry->nodes)
    table.row({node.name, state_text(store::node_state(node, now)), std::to_string(node.applied),
               lag_text(node, registry->revision), age_text(silent_ms(node, now)) + " ago",
               time_text(seconds_of(node.serve_until)), node.version});
  table.print(session.out());
  for (const auto& node : registry->nodes) warn_of(session, node, now);
  return kDone;
}

Result<store::NodeRow> chosen_node(const Registry& registry, const std::string& name) {
  const auto found = std::ranges::find(registry.nodes, name, &store::NodeRow::name);
  if (found == registry.nodes.end())
    return fail(Errc::kNotFound, fmt::format("there is no node {}", name), "`sdnsctl node list` lists them");
  return *found;
}

Result<int> show(Session& session, const NodeOptions& options) {
  auto registry = read_registry(session);
  if (!registry) return fail(std::move(registry.error()));
  const auto node = chosen_node(*registry, options.name);
  if (!node) return fail(node.error());
  const WallTime now = registry->now;
  if (session.json()) {
    session.print(to_json(*node, registry->revision, now));
    return kDone;
  }
  print_facts(session.out(), {{"node", node->name},
                              {"state", state_text(store::node_state(*node, now))},
                              {"revision", fmt::format("{} of {} (lag {})", node->applied, registry->revision,
                                                       lag_text(*node, registry->revision))},
                              {"last seen", fmt::format("{}, {} ago", time_text(seconds_of(node->last_seen)),
                                                        age_text(silent_ms(*node, now)))},
                              {"serves until", time_text(seconds_of(node->serve_until))},
                              {"started", time_text(seconds_of(node->started))},
                              {"version", node->version},
                              {"clock", fmt::format("{} ms ahead of the database's", clock_ahead_ms(*node))}});
  warn_of(session, *node, now);
  return kDone;
}

Result<int> forget(Session& session, const NodeOptions& options) {
  auto registry = read_registry(session);
  if (!registry) return fail(std::move(registry.error()));
  const auto node = chosen_node(*registry, options.name);
  if (!node) return fail(node.error());
  const store::NodeState state = store::node_state(*node, registry->now);
  if (state == store::NodeState::kLive)
    return fail(Errc::kConflict, fmt::format("{} is alive: its next heartbeat would enter it again", node->name),
                "nothing was changed; stop its sovereign-dnsd first");
  if (state == store::NodeState::kSilent && !options.force)
    return fail(Errc::kConflict,
                fmt::format("{} is silent and may serve revision {} until {}", node->name, node->applied,
                            time_text(seconds_of(node->serve_until))),
                "nothing was changed. When it is known to answer nothing any more: --force. Keys and DS of names that "
                "it still serves may then go, and validating resolvers that ask it fail");
  auto edit = session.edit();
  if (!edit) return fail(std::move(edit.error()));
  if (auto done = (*edit)->forget_node(node->name); !done) return fail(std::move(done.error()));
  const auto position = (*edit)->commit("sdnsctl");
  if (!position) return fail(position.error());
  if (session.json()) session.print({{"node", node->name}, {"forgotten", true}});
  else session.out() << fmt::format("{} is forgotten\n", node->name);
  return kDone;
}

}  // namespace

void add_node_commands(CLI::App& group, Action& chosen) {
  const auto options = std::make_shared<NodeOptions>();
  const auto command = [&](const char* name, const char* about, Result<int> (*action)(Session&, const NodeOptions&)) {
    auto* app = group.add_subcommand(name, about);
    app->callback([&chosen, options, action] {
      chosen = [options, action](Session& session) { return action(session, *options); };
    });
    return app;
  };
  command("list", "List nodes: which revision each serves, and when it was heard of last", list);
  const char* name = "A node as `node list` names it";
  command("show", "One node in full", show)->add_option("NODE", options->name, name)->required();
  auto* forgetting = command("forget", "Take a node that is gone for good out of the registry", forget);
  forgetting->add_option("NODE", options->name, name)->required();
  forgetting->add_flag("--force", options->force, "Although it may still serve what it had: it is known not to");
}

}  // namespace sdns::ctl
