// SPDX-License-Identifier: MIT
// record list, set, add, delete.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "backend/ctl/arguments.h"
#include "backend/ctl/commands.h"
#include "backend/ctl/table.h"
#include "backend/ctl/zone_facts.h"
#include "backend/dns/lua_code.h"
#include "backend/store/checked_edit.h"

namespace sdns::ctl {
namespace {

struct RecordOptions {
  std::string zone;
  std::optional<std::string> name;
  std::string type;
  std::vector<std::string> contents;
  std::optional<std::uint32_t> ttl;
  bool if_exists = false;
};

/// What the words on the command line mean. The type is 0 when none was given.
struct Target {
  dns::Name apex;
  dns::Name owner;
  dns::RrType type;
  std::vector<std::string> contents;
};

Result<Target> understand(const RecordOptions& options) {
  Target target;
  auto apex = zone_argument(options.zone);
  if (!apex) return fail(std::move(apex.error()));
  target.apex = std::move(*apex);
  // An empty shell variable must not mean the apex.
  if (options.name && options.name->empty()) {
    return fail(Errc::kInvalidArgument, "NAME is empty; nothing was read or changed",
                fmt::format("the apex {} is written @", target.apex.text()));
  }
  auto owner = owner_argument(options.name.value_or("@"), target.apex);
  if (!owner) return fail(std::move(owner.error()));
  target.owner = std::move(*owner);
  if (!options.type.empty()) {
    auto type = type_argument(options.type);
    if (!type) return fail(std::move(type.error()));
    target.type = *type;
  }
  for (const auto& text : options.contents) {
    auto content = content_argument(target.type, text, target.apex);
    if (!content) {
      return fail(
          content.error().code,
          fmt::format("{}/{}: {}; nothing was changed", target.owner.text(), target.type.text(), content.error().what),
          content.error().hint);
    }
    target.contents.push_back(std::move(*content));
  }
  return target;
}

void print_records(Session& session, std::vector<store::StoredRecord>&& records) {
  std::sort(records.begin(), records.end(), [](const store::StoredRecord& a, const store::StoredRecord& b) {
    if (a.record.owner != b.record.owner) return a.record.owner < b.record.owner;
    const auto rank = [](const dns::Record& record) {
      return record.type == dns::kSOA ? 0 : static_cast<int>(record.type.value);
    };
    if (a.record.type != b.record.type) return rank(a.record) < rank(b.record);
    return a.record.content < b.record.content;
  });
  if (session.json()) {
    auto list = nlohmann::json::array();
    for (const auto& record : records) list.push_back(to_json(record));
    session.print(list);
    return;
  }
  Table table({"NAME", "TTL", "TYPE", "CONTENT"});
  for (const auto& [record, disabled] : records) {
    table.row({record.owner.text(), std::to_string(record.ttl.seconds), record.type.text(),
               (record.type == dns::kLUA ? dns::lua_in_one_line(record.content) : record.content) +
                   (disabled ? "  (disabled)" : "")});
  }
  table.print(session.out());
}

Result<int> list_records(Session& session, const RecordOptions& options) {
  auto target = understand(options);
  if (!target) return fail(std::move(target.error()));
  auto transaction = session.read();
  if (!transaction) return fail(std::move(transaction.error()));
  auto row = find_zone(**transaction, target->apex);
  if (!row) return fail(std::move(row.error()));
  std::vector<store::StoredRecord> records;
  if (!options.name) {
    auto read = (*transaction)->records(row->head.id, [&](store::StoredRecord&& record) {
      records.push_back(std::move(record));
    });
    if (!read) return fail(std::move(read.error()));
  } else {
    auto read = (*transaction)->records_at(row->head.id, target->owner);
    if (!read) return fail(std::move(read.error()));
    records = std::move(*read);
    if (!options.type.empty())
      std::erase_if(records, [&](const store::StoredRecord& stored) { return stored.record.type != target->type; });
  }
  const bool none = records.empty();
  if (none) {
    session.notice(fmt::format("{} has no {}records at {}", target->apex.text(),
                               options.type.empty() ? "" : target->type.text() + " ",
                               !options.name ? "all" : target->owner.text()));
    if (session.json()) print_records(session, {});
    return !options.name ? kDone : kFailed;
  }
  print_records(session, std::move(records));
  return kDone;
}

nlohmann::json rrset_report(const Target& target, bool changed, const std::vector<store::StoredRecord>& now) {
  auto records = nlohmann::json::array();
  for (const auto& record : now) records.push_back(to_json(record));
  return {{"zone", target.apex.text()},
          {"name", target.owner.text()},
          {"type", target.type.text()},
          {"changed", changed},
          {"records", std::move(records)}};
}

/// Ends an edit of the target's RRset.
Result<int> finish_rrset(Session& session, std::unique_ptr<store::Transaction> edit, zone::ZoneId zone,
                         const Target& target, bool changed) {
  auto now = store::rrset_at(*edit, zone, target.owner, target.type);
  if (!now) return fail(std::move(now.error()));
  const std::string done =
      fmt::format("{} {} {}{}", target.owner.text(), target.type.text(), changed ? "" : "is already so: ",
                  changed ? (now->empty() ? "deleted" : fmt::format("set to {}", count_text(now->size(), "record")))
                          : count_text(now->size(), "record"));
  return session.finish(std::move(edit), done, rrset_report(target, changed, *now));
}

enum class How { kReplace, kAdd };

Result<int> put_records(Session& session, const RecordOptions& options, How how) {
  auto target = understand(options);
  if (!target) return fail(std::move(target.error()));
  auto edit = session.edit();
  if (!edit) return fail(std::move(edit.error()));
  auto row = find_zone(**edit, target->apex);
  if (!row) return fail(std::move(row.error()));
  store::WantedRrset wanted{target->owner, target->type, {}, options.ttl};
  for (const auto& content : target->contents) wanted.records.push_back({content});
  if (how == How::kAdd) {
    auto before = store::rrset_at(**edit, row->head.id, target->owner, target->type);
    if (!before) return fail(std::move(before.error()));
    if (!before->empty() && !wanted.ttl) wanted.ttl = before->front().record.ttl.seconds;
    for (auto& [record, disabled] : *before) wanted.records.push_back({std::move(record.content), disabled});
  }
  auto changed =
      session.checked([&](store::Findings& findings) { return store::put_rrset(**edit, *row, wanted, findings); });
  if (!changed) return fail(std::move(changed.error()));
  return finish_rrset(session, std::move(*edit), row->head.id, *target, *changed);
}

Result<int> nothing_there(Session& session, std::unique_ptr<store::Transaction> edit, const Target& target,
                          const RecordOptions& options, const std::string& what) {
  if (options.if_exists) {
    nlohmann::json report = {{"zone", target.apex.text()}, {"name", target.owner.text()}, {"changed", false}};
    if (options.type.empty()) report["removed"] = 0;
    else report["type"] = target.type.text();
    return session.finish(std::move(edit), fmt::format("{} has no {}", target.owner.text(), what), std::move(report));
  }
  return fail(Errc::kNotFound, fmt::format("{} has no {}; nothing was changed", target.owner.text(), what),
              fmt::format("`sdnsctl record list {} {}` shows what is there", target.apex.text(), target.owner.text()));
}

/// Everything at the owner name.
Result<int> delete_owner(Session& session, std::unique_ptr<store::Transaction> edit, const store::ZoneRow& row,
                         const Target& target, const RecordOptions& options) {
  auto records = edit->records_at(row.head.id, target.owner);
  if (!records) return fail(std::move(records.error()));
  if (records->empty()) return nothing_there(session, std::move(edit), target, options, "records");
  if (target.owner == target.apex) {
    return fail(
        Errc::kInvalidArgument,
        fmt::format("{} is the apex: without its records there is no zone; nothing was changed", target.owner.text()),
        "name a type, or delete the zone with `sdnsctl zone delete`");
  }
  std::set<dns::RrType> types;
  for (const auto& stored : *records) types.insert(stored.record.type);
  // DS needs its NS, so it goes first.
  std::vector<dns::RrType> order(types.begin(), types.end());
  std::stable_sort(order.begin(), order.end(),
                   [](dns::RrType a, dns::RrType b) { return (a == dns::kDS) > (b == dns::kDS); });
  for (const auto type : order) {
    auto changed = session.checked([&](store::Findings& findings) {
      return store::put_rrset(*edit, row, {target.owner, type, {}, {}}, findings);
    });
    if (!changed) return fail(std::move(changed.error()));
  }
  return session.finish(
      std::move(edit), fmt::format("{} deleted ({})", target.owner.text(), count_text(records->size(), "record")),
      {{"zone", target.apex.text()}, {"name", target.owner.text()}, {"changed", true}, {"removed", records->size()}});
}

Result<int> delete_records(Session& session, const RecordOptions& options) {
  auto target = understand(options);
  if (!target) return fail(std::move(target.error()));
  auto edit = session.edit();
  if (!edit) return fail(std::move(edit.error()));
  auto row = find_zone(**edit, target->apex);
  if (!row) return fail(std::move(row.error()));
  if (options.type.empty()) return delete_owner(session, std::move(*edit), *row, *target, options);

  auto before = store::rrset_at(**edit, row->head.id, target->owner, target->type);
  if (!before) return fail(std::move(before.error()));
  if (before->empty())
    return nothing_there(session, std::move(*edit), *target, options, target->type.text() + " records");
  store::WantedRrset wanted{target->owner, target->type, {}, before->front().record.ttl.seconds};
  std::set<std::string> remove(target->contents.begin(), target->contents.end());
  for (auto& [record, disabled] : *before) {
    const bool goes = target->contents.empty() || remove.erase(record.content) > 0;
    if (!goes) wanted.records.push_back({std::move(record.content), disabled});
  }
  if (!remove.empty() && !(options.if_exists && wanted.records.size() < before->size())) {
    return nothing_there(session, std::move(*edit), *target, options,
                         fmt::format("{} record {}", target->type.text(), *remove.begin()));
  }
  auto changed =
      session.checked([&](store::Findings& findings) { return store::put_rrset(**edit, *row, wanted, findings); });
  if (!changed) return fail(std::move(changed.error()));
  return finish_rrset(session, std::move(*edit), row->head.id, *target, *changed);
}

}  // namespace

void add_record_commands(CLI::App& record, Action& chosen) {
  const auto options = std::make_shared<RecordOptions>();
  constexpr const char* kNames =
      "NAME is relative to the zone (www), absolute with a final dot (www.example.org.), or @ for the apex.\n"
      "Names in CONTENT are relative to the zone too, unless they end with a dot. Each CONTENT is one argument: quote "
      "it for\n"
      "the shell, as in MX \"10 mail\". TXT without double quotes of its own is taken as one string.";
  const auto add = [&](const char* command, const char* about, auto action) {
    auto* app = record.add_subcommand(command, about);
    app->add_option("ZONE", options->zone, "The zone")->required();
    app->callback([&chosen, options, action] {
      chosen = [options, action](Session& session) { return action(session, *options); };
    });
    return app;
  };
  const auto add_ttl = [&](CLI::App* app, const char* otherwise) {
    app->add_option("--ttl", options->ttl, otherwise)
        ->type_name("SECONDS")
        ->check(CLI::Validator(number_between(0, dns::Ttl::kMax), ""));
    app->footer(kNames);
  };

  auto* list = add("list", "Records of a zone, of a name, or of one type at a name.\nExit code 1 when NAME has none.",
                   list_records);
  list->add_option("NAME", options->name, "Owner name");
  list->add_option("TYPE", options->type, "Type");
  list->footer(kNames);

  auto* set = add("set", "Make these the records of this name and type, in the place of what is there",
                  [](Session& session, const RecordOptions& o) { return put_records(session, o, How::kReplace); });
  auto* adding = add("add", "Add records to those of this name and type",
                     [](Session& session, const RecordOptions& o) { return put_records(session, o, How::kAdd); });
  for (auto* app : {set, adding}) {
    app->add_option("NAME", options->name, "Owner name")->required();
    app->add_option("TYPE", options->type, "Type, as in A, MX, TXT or TYPE65280")->required();
    app->add_option("CONTENT", options->contents, "RDATA, one argument for each record")->required();
    add_ttl(app, "TTL (that of the records that are there, else 3600)");
  }

  auto* remove = add("delete", "Delete records: these, or all of a type, or all of a name", delete_records);
  remove->add_option("NAME", options->name, "Owner name")->required();
  remove->add_option("TYPE", options->type, "Type; without it every record of the name goes");
  remove->add_option("CONTENT", options->contents, "Only these records");
  remove->add_flag("--if-exists", options->if_exists, "Succeed when they are not there");
  remove->footer(kNames);
}

}  // namespace sdns::ctl
