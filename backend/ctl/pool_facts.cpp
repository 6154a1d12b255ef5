// SPDX-License-Identifier: MIT
#include "backend/ctl/pool_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "backend/base/json_text.h"
#include "backend/health/pool_options.h"

namespace sdns::ctl {
namespace {

std::string in_quotes(std::string_view text) {
  std::string out;
  append_json_string(out, text);  // also a basic string of TOML
  return out;
}

}  // namespace

bool names_pool(std::string_view code, std::string_view pool) {
  constexpr std::string_view kOpening = "'\"[";
  constexpr std::string_view kClosing = "'\"]\\";  // a double quote is escaped in a record's content
  if (code.find("pool") == std::string_view::npos) return false;
  for (std::size_t at = code.find(pool); at != std::string_view::npos; at = code.find(pool, at + 1)) {
    const std::size_t end = at + pool.size();
    if (at > 0 && end < code.size() && kOpening.find(code[at - 1]) != std::string_view::npos &&
        kClosing.find(code[end]) != std::string_view::npos)
      return true;
  }
  return false;
}

Result<store::PoolRow> find_pool(store::Transaction& transaction, const std::string& name) {
  auto row = transaction.target_pool(name);
  if (!row) return fail(std::move(row.error()));
  if (!*row)
    return fail(Errc::kNotFound, fmt::format("there is no target pool {} in the database", name),
                "`sdnsctl target-pool list` lists them, `sdnsctl target-pool set` makes one");
  return std::move(**row);
}

Result<std::size_t> find_member(const health::TargetPool& pool, const std::string& member) {
  const auto address = dns::IpAddress::parse(member);
  for (std::size_t i = 0; i < pool.members.size(); ++i)
    if (pool.members[i].name == member || (address && pool.members[i].address == *address)) return i;
  return fail(Errc::kNotFound, fmt::format("the target pool {} has no member {}", pool.name, member),
              fmt::format("`sdnsctl target-pool show {}` shows them; they go by name or address", pool.name));
}

nlohmann::json to_json(const health::TargetPool& pool) {
  auto members = nlohmann::json::array();
  const auto degrees = [](const std::optional<double>& value) {
    return value ? nlohmann::json(*value) : nlohmann::json();
  };
  for (const health::PoolMember& member : pool.members)
    members.push_back({{"name", member.name},
                       {"address", member.address.text()},
                       {"weight", member.weight},
                       {"group", member.group},
                       {"region", member.region},
                       {"latitude", degrees(member.latitude)},
                       {"longitude", degrees(member.longitude)},
                       {"enabled", member.enabled},
                       {"probe", member.probe ? nlohmann::json(member.probe->text()) : nlohmann::json()}});
  return {{"name", pool.name}, {"options", pool.options}, {"checks", pool.checks}, {"members", std::move(members)}};
}

void print_toml(std::ostream& out, const health::TargetPool& pool) {
  out << "[[target_pool]]\nname = " << in_quotes(pool.name) << '\n';
  for (const auto& [option, value] : pool.options) out << option << " = " << in_quotes(value) << '\n';
  for (const health::PoolOptions& check : pool.checks) {
    out << "\n[[target_pool.check]]\n";
    for (const auto& [option, value] : check) out << option << " = " << in_quotes(value) << '\n';
  }
  for (const health::PoolMember& member : pool.members) {
    const std::string address = member.address.text();
    out << "\n[[target_pool.member]]\n";
    if (member.name != address) out << "name = " << in_quotes(member.name) << '\n';
    out << "address = " << in_quotes(address) << '\n';
    if (member.weight != 1) out << "weight = " << member.weight << '\n';
    if (member.group != 1) out << "group = " << member.group << '\n';
    if (!member.region.empty()) out << "region = " << in_quotes(member.region) << '\n';
    if (member.latitude) out << "latitude = " << health::degrees_text(*member.latitude) << '\n';
    if (member.longitude) out << "longitude = " << health::degrees_text(*member.longitude) << '\n';
    if (!member.enabled) out << "enabled = false\n";
    if (member.probe) out << "probe = " << in_quotes(member.probe->text()) << '\n';
  }
}

Result<std::vector<std::string>> records_that_name(store::Transaction& transaction, const std::string& pool) {
  std::vector<std::string> owners;
  auto looked = transaction.records_of_type(dns::kLUA, [&](store::ZoneId, store::StoredRecord&& stored) {
    if (!names_pool(stored.record.content, pool)) return;
    std::string owner = stored.record.owner.text();
    if (std::find(owners.begin(), owners.end(), owner) == owners.end()) owners.push_back(std::move(owner));
  });
  if (!looked) return fail(std::move(looked.error()));
  return owners;
}

Result<std::pair<std::string, std::string>> option_argument(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0)
    return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is not OPTION=VALUE", text), "as in port=443");
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

Result<void> edit_options(const OptionEdit& edit, health::PoolOptions& options) {
  if (edit.replace) options.clear();
  std::set<std::string> seen;
  for (const auto& text : edit.set) {
    auto option = option_argument(text);
    if (!option) return fail(std::move(option.error()));
    if (!seen.insert(option->first).second)
      return fail(Errc::kInvalidArgument, fmt::format("the option {} is given twice", option->first));
    options[option->first] = option->second;
  }
  for (const auto& option : edit.unset) {
    if (!health::is_pool_option(option))
      return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is not an option of a target pool", option),
                  health::unknown_option_hint(option));
    if (!seen.insert(option).second)
      return fail(Errc::kInvalidArgument, fmt::format("the option {} is given and taken away", option));
    options.erase(option);
  }
  return {};
}

Result<int> store_pool(Session& session, std::unique_ptr<store::Transaction> edit,
                       const std::optional<health::TargetPool>& before, const health::TargetPool& wanted,
                       const std::string& what) {
  const bool change = !before || *before != wanted;
  if (auto done = edit->put_target_pool(wanted); !done) return fail(std::move(done.error()));
  warn_of_pool(session, wanted);
  auto report = to_json(wanted);
  report["changed"] = change;
  return session.finish(std::move(edit), change ? what : fmt::format("target pool {} is already so", wanted.name),
                        std::move(report));
}

void warn_of_pool(Session& session, const health::TargetPool& pool) {
  const auto enabled = [](const health::PoolMember& member) { return member.enabled; };
  if (pool.members.empty())
    session.warning(fmt::format("the target pool {} has no members: records that name it have no answer", pool.name));
  else if (std::none_of(pool.members.begin(), pool.members.end(), enabled))
    session.warning(fmt::format("no member of the target pool {} is enabled", pool.name));
  const auto& configured = session.settings().configured_pools;
  if (std::find(configured.begin(), configured.end(), pool.name) != configured.end())
    session.warning(
        fmt::format("{} defines the target pool {} too: sovereign-dnsd uses that one, and does not start "
                    "again while both are there",
                    session.settings().config_file, pool.name));
  const auto& programs = session.settings().programs;
  const auto look = [&](const health::PoolOptions& options) {
    const auto exec = options.find("exec");
    if (exec == options.end() || !programs) return;
    if (std::find(programs->begin(), programs->end(), exec->second) == programs->end())
      session.warning(
          fmt::format("{} defines no [[health.program]] {}: a daemon without it probes nothing for the target "
                      "pool {}, and its targets stay unknown",
                      session.settings().config_file, exec->second, pool.name));
  };
  look(pool.options);
  std::for_each(pool.checks.begin(), pool.checks.end(), look);
}

}  // namespace sdns::ctl
