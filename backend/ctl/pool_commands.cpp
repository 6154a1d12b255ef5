// SPDX-License-Identifier: MIT
// target-pool list, show, delete, import.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "backend/ctl/commands.h"
#include "backend/ctl/pool_facts.h"
#include "backend/ctl/table.h"
#include "backend/ctl/zone_facts.h"
#include "backend/daemon/config_pools.h"

namespace sdns::ctl {
namespace {

struct PoolOptions {
  std::string name;
  std::string file;
  bool toml = false;
  bool replace = false;
  bool even_in_use = false;
};

std::string option_of(const health::PoolOptions& options, const char* option) {
  const auto found = options.find(option);
  return found == options.end() ? "" : found->second;
}

std::string question_text(const health::PoolOptions& options) {
  const std::string port = option_of(options, "port");
  std::string text = option_of(options, "url");
  if (const std::string name = option_of(options, "dns"); text.empty() && !name.empty()) text = "dns " + name;
  if (const std::string program = option_of(options, "exec"); text.empty() && !program.empty())
    text = "exec " + program;
  if (!text.empty()) return port.empty() ? text : fmt::format("{} at port {}", text, port);
  return fmt::format("port {}", port);
}

std::string check_text(const health::TargetPool& pool) {
  std::vector<std::string> questions;
  if (health::asks_question(pool.options)) questions.push_back(question_text(pool.options));
  for (const health::PoolOptions& check : pool.checks) questions.push_back(question_text(check));
  if (questions.empty()) return "none";
  if (questions.size() == 1) return questions.front();
  const std::string rule = option_of(pool.options, "rule");
  return fmt::format("{} of: {}", rule.empty() ? "all" : rule, fmt::join(questions, ", "));
}

std::string place_text(const health::PoolMember& member) {
  if (!member.latitude || !member.longitude) return "";
  return fmt::format("{} {}", health::degrees_text(*member.latitude), health::degrees_text(*member.longitude));
}

Result<int> list(Session& session, const PoolOptions& options) {
  auto transaction = session.read();
  if (!transaction) return fail(std::move(transaction.error()));
  auto pools = (*transaction)->target_pools();
  if (!pools) return fail(std::move(pools.error()));
  if (options.toml) {
    const char* between = "";
    for (const auto& row : *pools) {
      session.out() << between;
      print_toml(session.out(), row.pool);
      between = "\n";
    }
    return kDone;
  }
  if (session.json()) {
    auto array = nlohmann::json::array();
    for (const auto& row : *pools) {
      array.push_back(to_json(row.pool));
      array.back()["pool_revision"] = row.revision;
    }
    session.print(array);
    return kDone;
  }
  if (pools->empty()) {
    session.notice("the database has no target pools; `sdnsctl target-pool set` makes one");
    return kDone;
  }
  Table table({"NAME", "MEMBERS", "ENABLED", "SELECTOR", "CHECK"});
  for (const auto& [pool, revision] : *pools) {
    const auto enabled = std::count_if(pool.members.begin(), pool.members.end(),
                                       [](const health::PoolMember& member) { return member.enabled; });
    const std::string selector = option_of(pool.options, "selector");
    table.row({pool.name, std::to_string(pool.members.size()), std::to_string(enabled),
               selector.empty() ? "-" : selector, check_text(pool)});
  }
  table.print(session.out());
  return kDone;
}

Result<int> show(Session& session, const PoolOptions& options) {
  auto transaction = session.read();
  if (!transaction) return fail(std::move(transaction.error()));
  auto row = find_pool(**transaction, options.name);
  if (!row) return fail(std::move(row.error()));
  const health::TargetPool& pool = row->pool;
  if (options.toml) {
    print_toml(session.out(), pool);
    return kDone;
  }
  auto users = records_that_name(**transaction, pool.name);
  if (!users) return fail(std::move(users.error()));
  if (session.json()) {
    auto json = to_json(pool);
    json["pool_revision"] = row->revision;
    json["used_by"] = *users;
    session.print(json);
    return kDone;
  }
  std::vector<std::pair<std::string, std::string>> facts = {
      {"name", pool.name},
      {"changed at revision", std::to_string(row->revision)},
      {"used by", users->empty() ? "none" : fmt::format("{}", fmt::join(*users, ", "))}};
  for (const auto& [option, value] : pool.options) facts.emplace_back(option, value);
  for (std::size_t i = 0; i < pool.checks.size(); ++i) {
    std::string text;
    for (const auto& [option, value] : pool.checks[i])
      text += fmt::format("{}{}={}", text.empty() ? "" : " ", option, value);
    facts.emplace_back(fmt::format("check {}", i + 1), std::move(text));
  }
  print_facts(session.out(), facts);
  if (!pool.members.empty()) {
    session.out() << '\n';
    Table table({"MEMBER", "ADDRESS", "PROBED", "GROUP", "WEIGHT", "STATE", "REGION", "LATITUDE LONGITUDE"});
    for (const auto& member : pool.members)
      table.row({member.name, member.address.text(), member.probe ? member.probe->text() : "-",
                 std::to_string(member.group), std::to_string(member.weight), member.enabled ? "enabled" : "disabled",
                 member.region.empty() ? "-" : member.region, place_text(member)});
    table.print(session.out());
  }
  warn_of_pool(session, pool);
  return kDone;
}

Result<int> remove(Session& session, const PoolOptions& options) {
  auto edit = session.edit();
  if (!edit) return fail(std::move(edit.error()));
  auto row = find_pool(**edit, options.name);
  if (!row) return fail(std::move(row.error()));
  auto users = records_that_name(**edit, options.name);
  if (!users) return fail(std::move(users.error()));
  if (!users->empty() && !options.even_in_use)
    return fail(Errc::kConflict,
                fmt::format("the target pool {} is named by the LUA records of {}; nothing was changed", options.name,
                            fmt::join(*users, ", ")),
                "change those first; --even-in-use goes on, and they have no answer");
  if (auto done = (*edit)->remove_target_pool(options.name); !done) return fail(std::move(done.error()));
  return session.finish(std::move(*edit), fmt::format("target pool {} deleted", options.name),
                        {{"name", options.name}, {"changed", true}});
}

Result<std::vector<health::TargetPool>> read_file(Session& session, const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return fail(Errc::kUnavailable, fmt::format("{} cannot be read: {}", file, std::strerror(errno)));
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  std::vector<daemon::Problem> problems;
  daemon::PoolsRead read;
  if (auto layer = daemon::read_toml(text, file)) {
    read = daemon::read_target_pools(*layer);
    problems = std::move(read.problems);
    for (const auto& [key, value] : *layer)
      if (!daemon::is_target_pool_key(key))
        problems.push_back({key, fmt::format("is no part of a target pool; the file holds nothing but [[target_pool]] "
                                             "(line {})",
                                             value.line)});
    if (problems.empty() && read.pools.empty())
      return fail(Errc::kConfig, fmt::format("{} has no [[target_pool]]; nothing was changed", file));
  } else {
    problems.push_back(std::move(layer.error()));
  }
  if (problems.empty()) return std::move(read.pools);
  for (const auto& problem : problems) session.notice(fmt::format("{}: {} {}", file, problem.where, problem.what));
  return fail(Errc::kConfig,
              fmt::format("{} has {}; nothing was changed", file, count_text(problems.size(), "problem")));
}

Result<int> import(Session& session, const PoolOptions& options) {
  auto pools = read_file(session, options.file);
  if (!pools) return fail(std::move(pools.error()));
  auto edit = session.edit();
  if (!edit) return fail(std::move(edit.error()));
  std::vector<std::string> added;
  std::vector<std::string> replaced;
  std::vector<std::string> unchanged;
  for (const auto& pool : *pools) {
    auto present = (*edit)->target_pool(pool.name);
    if (!present) return fail(std::move(present.error()));
    (!*present ? added : (*present)->pool == pool ? unchanged : replaced).push_back(pool.name);
    if (auto done = (*edit)->put_target_pool(pool); !done) return fail(std::move(done.error()));
  }
  if (!replaced.empty() && !options.replace)
    return fail(Errc::kExists,
                fmt::format("the database has other target pools with the names {}; nothing was changed",
                            fmt::join(replaced, ", ")),
                "--replace puts those of the file in their place; pools that the file does not have stay");
  for (const auto& pool : *pools) warn_of_pool(session, pool);
  return session.finish(std::move(*edit),
                        fmt::format("{}: {} added, {} replaced, {} as before", count_text(pools->size(), "target pool"),
                                    added.size(), replaced.size(), unchanged.size()),
                        {{"added", added},
                         {"replaced", replaced},
                         {"unchanged", unchanged},
                         {"changed", !added.empty() || !replaced.empty()}});
}

}  // namespace

void add_pool_commands(CLI::App& pool, Action& chosen) {
  const auto options = std::make_shared<PoolOptions>();
  const auto command = [&](const char* name, const char* about, Result<int> (*action)(Session&, const PoolOptions&)) {
    auto* app = pool.add_subcommand(name, about);
    app->callback([&chosen, options, action] {
      chosen = [options, action](Session& session) { return action(session, *options); };
    });
    return app;
  };
  command("list", "All target pools of the database; those of the configuration are not here", list)
      ->add_flag("--toml", options->toml, "As a file for `target-pool import`");
  auto* showing = command("show", "One target pool: options, members, and the LUA records that name it", show);
  showing->add_option("NAME", options->name, "The pool")->required();
  showing->add_flag("--toml", options->toml, "As a file for `target-pool import`");
  auto* removing = command("delete", "Delete a target pool with its members", remove);
  removing->add_option("NAME", options->name, "The pool")->required();
  removing->add_flag("--even-in-use", options->even_in_use, "Although LUA records name it");
  auto* importing = command("import",
                            "Take all target pools of a TOML file, or none. It has them as the configuration does:\n"
                            "[[target_pool]] with [[target_pool.member]] and [[target_pool.check]]",
                            import);
  importing->add_option("FILE", options->file, "The file")->required();
  importing->add_flag("--replace", options->replace, "In place of pools with the same names");
}

}  // namespace sdns::ctl
