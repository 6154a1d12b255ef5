// SPDX-License-Identifier: MIT
// target-pool add-check, set-check, remove-check.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "backend/ctl/commands.h"
#include "backend/ctl/pool_facts.h"

namespace sdns::ctl {
namespace {

struct CheckEdit {
  std::string pool;
  std::size_t number = 0;
  std::vector<std::string> values;
  std::vector<std::string> unset;
  bool replace = false;
  std::optional<std::string> rule;
};

Result<void> require_check(const health::TargetPool& pool, std::size_t number) {
  if (number >= 1 && number <= pool.checks.size()) return {};
  return fail(Errc::kNotFound, fmt::format("the target pool {} has no check {}", pool.name, number),
              fmt::format("`sdnsctl target-pool show {}` shows them; the question among its options is none of these, "
                          "`target-pool set` changes that",
                          pool.name));
}

/// A rule about one check would be refused: it goes with the check before the last.
void settle_rule(const CheckEdit& given, health::TargetPool& pool) {
  if (given.rule) pool.options["rule"] = *given.rule;
  else if (pool.checks.size() + (health::asks_question(pool.options) ? 1 : 0) < 2) pool.options.erase("rule");
}

Result<int> edit_checks(Session& session, const CheckEdit& given, const char* done,
                        Result<std::size_t> (*edit_one)(const CheckEdit&, health::TargetPool&)) {
  auto edit = session.edit();
  if (!edit) return fail(std::move(edit.error()));
  auto row = find_pool(**edit, given.pool);
  if (!row) return fail(std::move(row.error()));
  health::TargetPool wanted = row->pool;
  const auto number = edit_one(given, wanted);
  if (!number) return fail(number.error());
  settle_rule(given, wanted);
  return store_pool(session, std::move(*edit), row->pool, wanted,
                    fmt::format("check {} {} target pool {}", *number, done, given.pool));
}

Result<int> add_check(Session& session, const CheckEdit& given) {
  return edit_checks(session, given, "added to", [](const CheckEdit& edit, health::TargetPool& pool) {
    const auto taken = edit_options({edit.values, edit.unset}, pool.checks.emplace_back());
    return taken.map([&] { return pool.checks.size(); });
  });
}

Result<int> set_check(Session& session, const CheckEdit& given) {
  return edit_checks(session, given, "changed in", [](const CheckEdit& edit, health::TargetPool& pool) {
    auto done = require_check(pool, edit.number);
    if (done) done = edit_options({edit.values, edit.unset, edit.replace}, pool.checks[edit.number - 1]);
    return done.map([&] { return edit.number; });
  });
}

Result<int> remove_check(Session& session, const CheckEdit& given) {
  return edit_checks(session, given, "removed from", [](const CheckEdit& edit, health::TargetPool& pool) {
    const auto there = require_check(pool, edit.number);
    if (there) pool.checks.erase(pool.checks.begin() + static_cast<std::ptrdiff_t>(edit.number - 1));
    return there.map([&] { return edit.number; });
  });
}

}  // namespace

void add_pool_check_commands(CLI::App& pool, Action& chosen) {
  const auto options = std::make_shared<CheckEdit>();
  const auto command = [&](const char* name, const char* about, Result<int> (*action)(Session&, const CheckEdit&)) {
    auto* app = pool.add_subcommand(name, about);
    app->callback([&chosen, options, action] {
      chosen = [options, action](Session& session) { return action(session, *options); };
    });
    app->add_option("POOL", options->pool, "The pool")->required();
    return app;
  };
  const auto number = [&](CLI::App* app) {
    app->add_option("NUMBER", options->number, "Which one, as `target-pool show` counts them")->required();
  };
  const auto rule = [&](CLI::App* app) {
    app->add_option("--rule", options->rule, "How many checks must be up from now on: all, any, or a number")
        ->type_name("RULE");
  };
  auto* adding = command("add-check", "Ask the targets something besides: url, port, dns or exec", add_check);
  adding->add_option("OPTION=VALUE", options->values, "As in port=5432 timeout=1; what is not said is as in the pool")
      ->required();
  rule(adding);
  auto* setting = command("set-check", "Set options of one check", set_check);
  number(setting);
  setting->add_option("OPTION=VALUE", options->values, "As in add-check");
  auto* unset = setting->add_option("--unset", options->unset, "Take an option away; may be repeated")
                    ->type_name("OPTION")
                    ->allow_extra_args(false);
  setting->add_flag("--replace", options->replace, "These options and no others")->excludes(unset);
  rule(setting);
  auto* removing = command("remove-check", "Ask one thing less; with one question left, `rule` goes too", remove_check);
  number(removing);
  rule(removing);
}

}  // namespace sdns::ctl
