// SPDX-License-Identifier: MIT
// zone list, show, export, delete, serial-policy.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "backend/ctl/arguments.h"
#include "backend/ctl/commands.h"
#include "backend/ctl/table.h"
#include "backend/ctl/zone_facts.h"
#include "backend/dns/master_file.h"

namespace sdns::ctl {
namespace {

std::string serial_text(const std::optional<std::uint32_t>& serial) { return serial ? std::to_string(*serial) : "-"; }

nlohmann::json head_json(const store::ZoneRow& row, const Signing& signing) {
  return {{"zone", row.head.apex.text()},
          {"id", row.head.id},
          {"kind", kind_text(row.head.kind)},
          {"serial", row.serial ? nlohmann::json(*row.serial) : nlohmann::json()},
          {"serial_policy", serial_policy_text(row.serial_policy)},
          {"zone_revision", row.revision},
          {"signing", signing.text()}};
}

Result<int> list_zones(Session& session) {
  auto transaction = session.read();
  if (!transaction) return fail(std::move(transaction.error()));
  auto zones = (*transaction)->zones();
  if (!zones) return fail(std::move(zones.error()));
  std::sort(zones->begin(), zones->end(),
            [](const store::ZoneRow& a, const store::ZoneRow& b) { return a.head.apex < b.head.apex; });
  Table table({"ZONE", "KIND", "SERIAL", "POLICY", "REVISION", "SIGNING"});
  auto list = nlohmann::json::array();
  for (const auto& row : *zones) {
    auto signing = signing_of(**transaction, row.head.id);
    if (!signing) return fail(std::move(signing.error()));
    if (session.json()) {
      list.push_back(head_json(row, *signing));
    } else {
      table.row({row.head.apex.text(), std::string(kind_text(row.head.kind)), serial_text(row.serial),
                 std::string(serial_policy_text(row.serial_policy)), std::to_string(row.revision),
                 std::string(signing->text())});
    }
  }
  if (session.json()) {
    session.print(list);
  } else if (zones->empty()) {
    session.notice("the database has no zones");
  } else {
    table.print(session.out());
  }
  return kDone;
}

Result<int> show_zone(Session& session, const std::string& zone) {
  auto apex = zone_argument(zone);
  if (!apex) return fail(std::move(apex.error()));
  auto transaction = session.read();
  if (!transaction) return fail(std::move(transaction.error()));
  auto row = find_zone(**transaction, *apex);
  if (!row) return fail(std::move(row.error()));
  auto signing = signing_of(**transaction, row->head.id);
  if (!signing) return fail(std::move(signing.error()));
  std::map<dns::RrType, std::size_t> types;
  std::size_t records = 0;
  std::size_t disabled = 0;
  auto read = (*transaction)->records(row->head.id, [&](store::StoredRecord&& record) {
    ++records;
    ++types[record.record.type];
    if (record.disabled) ++disabled;
  });
  if (!read) return fail(std::move(read.error()));

  if (session.json()) {
    nlohmann::json document = head_json(*row, *signing);
    document["account"] = row->head.account;
    document["primaries"] = row->head.primaries;
    document["denial"] = signing->denial_text();
    document["keys"] = signing->keys.size();
    document["records"] = records;
    document["disabled"] = disabled;
    auto& by_type = document["types"] = nlohmann::json::object();
    for (const auto& [type, count] : types) by_type[type.text()] = count;
    auto& metadata = document["metadata"] = nlohmann::json::object();
    for (const auto& one : signing->metadata) metadata[one.kind] = one.values;
    session.print(document);
    return kDone;
  }
  std::string by_type;
  for (const auto& [type, count] : types)
    by_type += fmt::format("{}{} {}", by_type.empty() ? "" : ", ", type.text(), count);
  std::vector<std::pair<std::string, std::string>> facts = {
      {"zone", row->head.apex.text()},
      {"id", std::to_string(row->head.id)},
      {"kind", std::string(kind_text(row->head.kind))},
      {"serial", serial_text(row->serial)},
      {"serial policy", std::string(serial_policy_text(row->serial_policy))},
      {"last changed", fmt::format("revision {}", row->revision)},
      {"records", by_type.empty() ? "0" : fmt::format("{} ({})", records, by_type)},
  };
  if (disabled > 0) facts.emplace_back("disabled", std::to_string(disabled));
  if (!row->head.account.empty()) facts.emplace_back("account", row->head.account);
  if (!row->head.primaries.empty())
    facts.emplace_back("primaries", fmt::format("{}", fmt::join(row->head.primaries, " ")));
  facts.emplace_back("signing", std::string(signing->text()));
  if (!signing->keys.empty())
    facts.emplace_back("keys", fmt::format("{}; `sdnsctl zone keys` lists them", signing->keys.size()));
  if (signing->live() || signing->presigned()) facts.emplace_back("denial", signing->denial_text());
  for (const auto& one : signing->metadata) {
    facts.emplace_back("metadata " + one.kind, fmt::format("{}", fmt::join(one.values, " | ")));
  }
  print_facts(session.out(), facts);
  return kDone;
}

Result<int> export_zone(Session& session, const std::string& zone) {
  auto apex = zone_argument(zone);
  if (!apex) return fail(std::move(apex.error()));
  auto transaction = session.read();
  if (!transaction) return fail(std::move(transaction.error()));
  auto row = find_zone(**transaction, *apex);
  if (!row) return fail(std::move(row.error()));
  std::vector<dns::Record> records;
  std::size_t disabled = 0;
  auto list = nlohmann::json::array();
  auto read = (*transaction)->records(row->head.id, [&](store::StoredRecord&& record) {
    if (session.json()) {
      list.push_back(to_json(record));
    } else if (record.disabled) {
      ++disabled;
    } else {
      records.push_back(std::move(record.record));
    }
  });
  if (!read) return fail(std::move(read.error()));
  if (session.json()) {
    session.print({{"zone", apex->text()}, {"records", std::move(list)}});
    return kDone;
  }
  if (disabled > 0)
    session.warning(
        fmt::format("{} left out: a master file has no place for them", count_text(disabled, "disabled record")));
  session.out() << dns::write_master_text(*apex, std::move(records));
  return kDone;
}

Result<int> delete_zone(Session& session, const std::string& zone, bool yes) {
  auto apex = zone_argument(zone);
  if (!apex) return fail(std::move(apex.error()));
  if (!yes) {
    return fail(Errc::kInvalidArgument,
                fmt::format("deleting {} takes its records, keys and metadata; nothing was changed", apex->text()),
                "--yes says that this is meant; `sdnsctl zone export` keeps the records, nothing keeps the keys");
  }
  auto edit = session.edit();
  if (!edit) return fail(std::move(edit.error()));
  auto row = find_zone(**edit, *apex);
  if (!row) return fail(std::move(row.error()));
  if (auto done = (*edit)->delete_zone(row->head.id); !done) return fail(std::move(done.error()));
  return session.finish(std::move(*edit), fmt::format("{} deleted", apex->text()),
                        {{"zone", apex->text()}, {"changed", true}});
}

Result<int> set_serial_policy(Session& session, const std::string& zone, const std::string& word) {
  auto apex = zone_argument(zone);
  if (!apex) return fail(std::move(apex.error()));
  auto policy = serial_policy_argument(word);
  if (!policy) return fail(std::move(policy.error()));
  auto edit = session.edit();
  if (!edit) return fail(std::move(edit.error()));
  auto row = find_zone(**edit, *apex);
  if (!row) return fail(std::move(row.error()));
  const bool change = row->serial_policy != *policy;
  if (change) {
    if (auto done = (*edit)->set_serial_policy(row->head.id, *policy); !done) return fail(std::move(done.error()));
  }
  return session.finish(
      std::move(*edit),
      fmt::format("{} {} the serial policy {}", apex->text(), change ? "has now" : "already has", word),
      {{"zone", apex->text()}, {"changed", change}, {"serial_policy", word}});
}

}  // namespace

void add_zone_commands(CLI::App& zone, Action& chosen) {
  const auto name = std::make_shared<std::string>();
  const auto add = [&](const char* command, const char* about) {
    auto* app = zone.add_subcommand(command, about);
    app->add_option("ZONE", *name, "The zone")->required();
    return app;
  };
  zone.add_subcommand("list", "All zones: kind, serial, signing")->callback([&chosen] { chosen = list_zones; });
  add("show", "One zone: identity, records by type, signing, metadata")->callback([&chosen, name] {
    chosen = [name](Session& session) { return show_zone(session, *name); };
  });
  add("export", "The zone as a master file, on standard output")->callback([&chosen, name] {
    chosen = [name](Session& session) { return export_zone(session, *name); };
  });

  auto* remove = add("delete", "Delete the zone with its records, keys and metadata");
  const auto yes = std::make_shared<bool>(false);
  remove->add_flag("--yes", *yes, "This is meant");
  remove->callback(
      [&chosen, name, yes] { chosen = [name, yes](Session& session) { return delete_zone(session, *name, *yes); }; });

  auto* policy = add("serial-policy", "How the SOA serial moves with each change");
  const auto word = std::make_shared<std::string>();
  policy
      ->add_option(
          "POLICY", *word,
          "counter (+1), date (YYYYMMDDnn, +1 when it is not behind),\nor keep (moves with the SOA record alone)")
      ->required();
  policy->callback([&chosen, name, word] {
    chosen = [name, word](Session& session) { return set_serial_policy(session, *name, *word); };
  });
}

}  // namespace sdns::ctl
