// SPDX-License-Identifier: MIT
// zone diff, check.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "backend/ctl/arguments.h"
#include "backend/ctl/commands.h"
#include "backend/ctl/zone_facts.h"
#include "backend/ctl/zone_import.h"
#include "backend/dns/dnssec_key.h"
#include "backend/dns/lua_code.h"

namespace sdns::ctl {
namespace {

Result<int> diff_zone(Session& session, const std::string& zone, const std::string& path) {
  auto apex = zone_argument(zone);
  if (!apex) return fail(std::move(apex.error()));
  auto file = load_zone_file(path, *apex);
  if (!file) return fail(std::move(file.error()));
  auto transaction = session.read();
  if (!transaction) return fail(std::move(transaction.error()));
  auto row = find_zone(**transaction, *apex);
  if (!row) return fail(std::move(row.error()));
  auto presigned = presigned_in_database(**transaction, *apex);
  if (!presigned) return fail(std::move(presigned.error()));
  auto prepared = prepare(std::move(*file), *presigned);
  warn_of_dropped(session, prepared);
  print_findings(session.messages(), prepared.findings);
  if (has_errors(prepared.findings)) {
    if (session.json()) session.print({{"zone", apex->text()}, {"findings", to_json(prepared.findings)}});
    return fail(Errc::kInvalidZone, fmt::format("{} would not be imported: see the errors above", path));
  }
  auto before = stored_records(**transaction, row->head.id);
  if (!before) return fail(std::move(before.error()));
  settle_serial(prepared.records, *row);
  const Difference difference = compare(*before, prepared.records);
  const bool identical = difference.added.empty() && difference.removed.empty();
  if (session.json()) {
    auto removed = nlohmann::json::array();
    auto added = nlohmann::json::array();
    for (const auto& record : difference.removed) removed.push_back(to_json(record));
    for (const auto& record : difference.added) added.push_back(to_json(record));
    session.print({{"zone", apex->text()},
                   {"identical", identical},
                   {"removed", std::move(removed)},
                   {"added", std::move(added)}});
  } else {
    const auto print = [&](char sign, const std::vector<store::StoredRecord>& records) {
      for (const auto& [record, disabled] : records) {
        session.out() << fmt::format("{} {} {} {} {}{}\n", sign, record.owner.text(), record.ttl.seconds,
                                     record.type.text(),
                                     record.type == dns::kLUA ? dns::lua_in_one_line(record.content) : record.content,
                                     disabled ? "  ; disabled" : "");
      }
    };
    print('-', difference.removed);
    print('+', difference.added);
    if (identical) session.notice(fmt::format("{} and {} say the same", apex->text(), path));
  }
  return identical ? kDone : kFoundProblems;
}

/// What is wrong with a zone in the database: its records, its metadata, its keys.
Result<std::vector<zone::Finding>> check_stored(store::Transaction& transaction, const store::ZoneRow& row) {
  std::vector<dns::PlacedRecord> records;
  auto read = transaction.records(row.head.id, [&](store::StoredRecord&& stored) {
    if (!stored.disabled) records.push_back({std::move(stored.record), {}});
  });
  if (!read) return fail(std::move(read.error()));
  auto signing = signing_of(transaction, row.head.id);
  if (!signing) return fail(std::move(signing.error()));
  std::vector<zone::Finding> findings;
  if (row.head.kind != zone::Kind::kSecondary || !records.empty())
    findings = zone::check_zone(row.head.apex, records, signing->presigned());
  for (const auto& one : signing->metadata) {
    const auto more = zone::check_metadata(one);
    findings.insert(findings.end(), more.begin(), more.end());
  }
  for (const auto& key : signing->keys) {
    if (auto facts = dns::describe_key(row.head.apex, key.flags, key.content); !facts) {
      findings.push_back({zone::Severity::kError, fmt::format("key {}", key.id), "its private key cannot be read"});
    }
  }
  if (signing->presigned() && signing->has_active_key()) {
    findings.push_back({zone::Severity::kError, row.head.apex.text() + "/PRESIGNED",
                        "the zone has keys and says that it is presigned"});
  }
  return findings;
}

Result<int> check(Session& session, const std::string& what, const std::optional<std::string>& apex_text,
                  bool presigned) {
  std::vector<zone::Finding> findings;
  std::string name = what;
  std::error_code ignored;
  if (std::filesystem::is_regular_file(what, ignored)) {
    std::optional<dns::Name> apex;
    if (apex_text) {
      auto parsed = zone_argument(*apex_text);
      if (!parsed) return fail(std::move(parsed.error()));
      apex = std::move(*parsed);
    }
    auto file = load_zone_file(what, apex);
    if (!file) return fail(std::move(file.error()));
    const bool readable = file->problems.empty();
    auto prepared = prepare(std::move(*file), presigned);
    warn_of_dropped(session, prepared);
    findings = std::move(prepared.findings);
    if (readable) name = fmt::format("{} ({})", what, prepared.apex.text());
  } else {
    auto apex = zone_argument(what);
    if (!apex)
      return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is neither a file nor the name of a zone", what));
    auto transaction = session.read();
    if (!transaction) return fail(std::move(transaction.error()));
    auto row = find_zone(**transaction, *apex);
    if (!row) {
      Error error = std::move(row.error());
      if (error.code == Errc::kNotFound) error.what = fmt::format("\"{}\" is not a file, and {}", what, error.what);
      return fail(std::move(error));
    }
    auto found = check_stored(**transaction, *row);
    if (!found) return fail(std::move(found.error()));
    findings = std::move(*found);
    name = apex->text();
  }
  const bool errors = has_errors(findings);
  if (session.json()) {
    session.print({{"checked", name}, {"ok", !errors}, {"findings", to_json(findings)}});
  } else {
    print_findings(session.out(), findings);
    if (findings.empty()) session.out() << name << " has no findings\n";
  }
  return errors ? kFoundProblems : kDone;
}

}  // namespace

void add_compare_commands(CLI::App& zone, Action& chosen) {
  const auto name = std::make_shared<std::string>();
  const auto file = std::make_shared<std::string>();
  auto* diff =
      zone.add_subcommand("diff", "What importing FILE over ZONE would change.\nExit code 4 when that is something.");
  diff->add_option("ZONE", *name, "The zone")->required();
  diff->add_option("FILE", *file, "Master file")->required();
  diff->callback(
      [&chosen, name, file] { chosen = [name, file](Session& session) { return diff_zone(session, *name, *file); }; });

  const auto apex = std::make_shared<std::optional<std::string>>();
  const auto presigned = std::make_shared<bool>(false);
  auto* checking = zone.add_subcommand(
      "check",
      "Check a master file, or a zone in the database.\nExit code 4 when there are errors; warnings alone are 0.");
  checking->add_option("FILE|ZONE", *name, "A file that exists, else the name of a zone")->required();
  checking->add_option("--apex", *apex, "The file's zone (otherwise the owner of its SOA record)")->type_name("NAME");
  checking->add_flag("--presigned", *presigned, "The file brings its own signatures");
  checking->callback([&chosen, name, apex, presigned] {
    chosen = [name, apex, presigned](Session& session) { return check(session, *name, *apex, *presigned); };
  });
}

}  // namespace sdns::ctl
