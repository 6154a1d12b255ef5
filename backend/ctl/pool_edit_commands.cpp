// SPDX-License-Identifier: MIT
// target-pool set, add-member, set-member, remove-member.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "backend/ctl/commands.h"
#include "backend/ctl/pool_facts.h"

namespace sdns::ctl {
namespace {

struct EditOptions {
  std::string pool;
  std::vector<std::string> values;
  std::vector<std::string> unset;
  bool replace = false;

  std::string member;
  std::optional<std::string> name;
  std::optional<std::string> address;
  std::optional<std::string> probe;
  bool no_probe = false;
  std::optional<std::uint32_t> weight;
  std::optional<std::uint32_t> group;
  std::optional<std::string> region;
  std::optional<std::string> latitude;
  std::optional<std::string> longitude;
  std::optional<std::string> before;
  bool last = false;
  bool no_location = false;
  bool enable = false;
  bool disable = false;
};

Result<int> set(Session& session, const EditOptions& options) {
  auto edit = session.edit();
  if (!edit) return fail(std::move(edit.error()));
  auto row = (*edit)->target_pool(options.pool);
  if (!row) return fail(std::move(row.error()));
  std::optional<health::TargetPool> before;
  health::TargetPool wanted;
  if (*row) wanted = *(before = std::move((*row)->pool));
  wanted.name = options.pool;
  if (auto taken = edit_options({options.values, options.unset, options.replace}, wanted.options); !taken)
    return fail(std::move(taken.error()));
  return store_pool(session, std::move(*edit), before, wanted,
                    fmt::format("target pool {} {}", options.pool, before ? "changed" : "made"));
}

Result<dns::IpAddress> address_argument(const std::string& text) {
  auto address = dns::IpAddress::parse(text);
  if (!address)
    return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is not an IP address", text),
                "as in 192.0.2.1 or 2001:db8::1");
  return address;
}

Result<void> take_member(const EditOptions& given, health::PoolMember& member) {
  const bool named_by_address = member.name.empty() || member.name == member.address.text();
  if (given.address) {
    auto address = address_argument(*given.address);
    if (!address) return fail(std::move(address.error()));
    member.address = *address;
    if (named_by_address) member.name = address->text();
  }
  if (given.no_probe) member.probe.reset();
  if (given.probe) {
    auto probe = address_argument(*given.probe);
    if (!probe) return fail(std::move(probe.error()));
    member.probe = *probe;
  }
  if (given.name) member.name = *given.name;
  if (given.weight) member.weight = *given.weight;
  if (given.group) member.group = *given.group;
  if (given.region) member.region = *given.region;
  if (given.no_location) member.latitude = member.longitude = std::nullopt;
  for (const auto& [text, degrees] :
       {std::pair(&given.latitude, &member.latitude), std::pair(&given.longitude, &member.longitude)}) {
    if (!*text) continue;
    auto number = health::parse_degrees(**text);
    if (!number) return fail(std::move(number.error()));
    *degrees = *number;
  }
  if (given.enable || given.disable) member.enabled = given.enable;
  return {};
}

/// Puts the member where it is wanted; `at` is its place among the others when nothing is said.
Result<void> place_member(const EditOptions& given, health::TargetPool& pool, health::PoolMember member,
                          std::size_t at) {
  if (given.last) at = pool.members.size();
  if (given.before) {
    auto other = find_member(pool, *given.before);
    if (!other) return fail(std::move(other.error()));
    at = *other;
  }
  pool.members.insert(pool.members.begin() + static_cast<std::ptrdiff_t>(at), std::move(member));
  return {};
}

Result<int> add_member(Session& session, const EditOptions& options) {
  auto edit = session.edit();
  if (!edit) return fail(std::move(edit.error()));
  auto row = find_pool(**edit, options.pool);
  if (!row) return fail(std::move(row.error()));
  health::PoolMember member;
  if (auto taken = take_member(options, member); !taken) return fail(std::move(taken.error()));
  health::TargetPool wanted = row->pool;
  for (const auto& present : row->pool.members) {
    if (present == member && !options.before) return store_pool(session, std::move(*edit), row->pool, wanted, {});
    if (present.name == member.name || present.address == member.address)
      return fail(Errc::kExists,
                  fmt::format("the target pool {} has a member {} with the address {} already; nothing was changed",
                              options.pool, present.name, present.address.text()),
                  "`sdnsctl target-pool set-member` changes it");
  }
  const std::string what = fmt::format("{} added to target pool {}", member.name, options.pool);
  if (auto placed = place_member(options, wanted, std::move(member), wanted.members.size()); !placed)
    return fail(std::move(placed.error()));
  return store_pool(session, std::move(*edit), row->pool, wanted, what);
}

Result<int> set_member(Session& session, const EditOptions& options) {
  auto edit = session.edit();
  if (!edit) return fail(std::move(edit.error()));
  auto row = find_pool(**edit, options.pool);
  if (!row) return fail(std::move(row.error()));
  auto at = find_member(row->pool, options.member);
  if (!at) return fail(std::move(at.error()));
  health::TargetPool wanted = row->pool;
  health::PoolMember member = wanted.members[*at];
  if (auto taken = take_member(options, member); !taken) return fail(std::move(taken.error()));
  const std::string what = fmt::format("member {} of target pool {} changed", member.name, options.pool);
  wanted.members.erase(wanted.members.begin() + static_cast<std::ptrdiff_t>(*at));
  if (auto placed = place_member(options, wanted, std::move(member), *at); !placed)
    return fail(std::move(placed.error()));
  return store_pool(session, std::move(*edit), row->pool, wanted, what);
}

Result<int> remove_member(Session& session, const EditOptions& options) {
  auto edit = session.edit();
  if (!edit) return fail(std::move(edit.error()));
  auto row = find_pool(**edit, options.pool);
  if (!row) return fail(std::move(row.error()));
  auto at = find_member(row->pool, options.member);
  if (!at) return fail(std::move(at.error()));
  health::TargetPool wanted = row->pool;
  const std::string what = fmt::format("{} removed from target pool {}", wanted.members[*at].name, options.pool);
  wanted.members.erase(wanted.members.begin() + static_cast<std::ptrdiff_t>(*at));
  return store_pool(session, std::move(*edit), row->pool, wanted, what);
}

void add_member_options(CLI::App& app, EditOptions& options) {
  app.add_option("--weight", options.weight, "For weighted choices; 0: never weighed in")->type_name("N");
  app.add_option("--group", options.group, "1 is asked first, the next ones stand by")->type_name("N");
  auto* probe = app.add_option("--probe", options.probe, "Probe this address in place of the one that is answered")
                    ->type_name("ADDRESS");
  app.add_option("--region", options.region, "Where it is, in your words");
  auto* latitude = app.add_option("--latitude", options.latitude, "Degrees, north is positive")->type_name("DEGREES");
  auto* longitude = app.add_option("--longitude", options.longitude, "Degrees, east is positive")->type_name("DEGREES");
  app.add_option("--before", options.before, "Try it before this member")->type_name("MEMBER");
  auto* disable = app.add_flag("--disable", options.disable, "Never answer with it");
  if (app.get_name() == "add-member") return;
  app.add_flag("--enable", options.enable, "Answer with it again")->excludes(disable);
  app.add_flag("--no-probe", options.no_probe, "Probe the address that is answered")->excludes(probe);
  app.add_flag("--no-location", options.no_location, "Without coordinates")->excludes(latitude)->excludes(longitude);
  app.add_flag("--last", options.last, "Try it after all others")->excludes("--before");
}

}  // namespace

void add_pool_edit_commands(CLI::App& pool, Action& chosen) {
  const auto options = std::make_shared<EditOptions>();
  const auto command = [&](const char* name, const char* about, Result<int> (*action)(Session&, const EditOptions&)) {
    auto* app = pool.add_subcommand(name, about);
    app->callback([&chosen, options, action] {
      chosen = [options, action](Session& session) { return action(session, *options); };
    });
    app->add_option("POOL", options->pool, "The pool")->required();
    return app;
  };
  auto* setting = command("set", "Set options of a target pool, which is made when there is none", set);
  setting->add_option("OPTION=VALUE", options->values, "As in url=https://www.example.org/health selector=pickclosest");
  auto* unset = setting->add_option("--unset", options->unset, "Take an option away; may be repeated")
                    ->type_name("OPTION")
                    ->allow_extra_args(false);
  setting->add_flag("--replace", options->replace, "These options and no others")->excludes(unset);

  auto* adding = command("add-member", "Add a target; it is tried after the others", add_member);
  adding->add_option("ADDRESS", options->address, "Its address")->required();
  adding->add_option("--name", options->name, "Its name; the address when there is none");
  add_member_options(*adding, *options);
  auto* changing = command("set-member", "Change a target; what is not said stays", set_member);
  changing->add_option("MEMBER", options->member, "Its name or address")->required();
  changing->add_option("--name", options->name, "Another name");
  changing->add_option("--address", options->address, "Another address");
  add_member_options(*changing, *options);
  command("remove-member", "Take a target out", remove_member)
      ->add_option("MEMBER", options->member, "Its name or address")
      ->required();
}

}  // namespace sdns::ctl
