// SPDX-License-Identifier: MIT
// zone import, diff, check.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "backend/ctl/arguments.h"
#include "backend/ctl/commands.h"
#include "backend/ctl/zone_facts.h"
#include "backend/ctl/zone_import.h"
#include "backend/dns/dnssec_key.h"

namespace sdns::ctl {
namespace {

struct ImportOptions {
  std::string file;
  std::optional<std::string> apex;
  std::optional<std::string> kind;
  std::optional<std::string> serial_policy;
  bool replace = false;
  bool create_only = false;
  bool presigned = false;
};

struct Wanted {
  std::optional<dns::Name> apex;
  std::optional<zone::Kind> kind;
  std::optional<store::SerialPolicy> serial_policy;
};

Result<Wanted> understand(const ImportOptions& options) {
  Wanted wanted;
  if (options.apex) {
    auto apex = zone_argument(*options.apex);
    if (!apex) return fail(std::move(apex.error()));
    wanted.apex = std::move(*apex);
  }
  if (options.kind) {
    auto kind = kind_argument(*options.kind);
    if (!kind) return fail(std::move(kind.error()));
    wanted.kind = *kind;
  }
  if (options.serial_policy) {
    auto policy = serial_policy_argument(*options.serial_policy);
    if (!policy) return fail(std::move(policy.error()));
    wanted.serial_policy = *policy;
  }
  return wanted;
}

/// Whether the zone in the database brings its own signatures.
Result<bool> presigned_in_database(store::Transaction& transaction, const dns::Name& apex) {
  auto row = transaction.zone(apex);
  if (!row) return fail(std::move(row.error()));
  if (!*row) return false;
  auto signing = signing_of(transaction, (*row)->head.id);
  if (!signing) return fail(std::move(signing.error()));
  return signing->presigned();
}

/// A file that was read, checked and brought into the form in which it is stored.
struct Prepared {
  dns::Name apex;
  std::vector<zone::Finding> findings;
  std::map<std::string, std::size_t> dropped;
  std::optional<std::string> denial;  ///< NSEC3PARAM metadata of a presigned zone
  std::vector<store::StoredRecord> records;
};

Result<Prepared> prepare(ZoneFile&& file, bool presigned) {
  Prepared prepared{file.apex, {}, {}, {}, {}};
  if (presigned) {
    prepared.denial = presigned_denial(file.records);
  } else {
    prepared.dropped = drop_signatures(file.records);
  }
  prepared.findings = zone::check_zone(file.apex, file.records);
  if (!has_errors(prepared.findings)) prepared.records = settle_records(std::move(file.records));
  return prepared;
}

nlohmann::json dropped_json(const Prepared& prepared) {
  auto json = nlohmann::json::object();
  for (const auto& [type, count] : prepared.dropped) json[type] = count;
  return json;
}

void warn_of_dropped(Session& session, const Prepared& prepared) {
  if (prepared.dropped.empty()) return;
  session.warning(
      fmt::format("left out of {}: {}; PowerDNS makes these itself once the zone is secured (--presigned keeps them)",
                  prepared.apex.text(), dropped_text(prepared.dropped)));
}

/// Metadata of a presigned zone.
Result<bool> set_presigned(store::Transaction& edit, zone::ZoneId id, const Signing& now, const Prepared& prepared) {
  bool changed = false;
  const auto put = [&](const std::string& kind, const std::optional<std::string>& value) -> Result<void> {
    if (metadata_value(now.metadata, kind) == value) return {};
    changed = true;
    return edit.set_metadata(id, kind, value ? std::vector<std::string>{*value} : std::vector<std::string>{});
  };
  if (auto done = put("PRESIGNED", "1"); !done) return fail(std::move(done.error()));
  if (auto done = put("NSEC3PARAM", prepared.denial); !done) return fail(std::move(done.error()));
  return changed;
}

struct Applied {
  bool created = false;
  bool changed = false;
  std::size_t added = 0;
  std::size_t removed = 0;
};

Result<Applied> create_zone(store::Transaction& edit, const Wanted& wanted, Prepared& prepared, bool presigned) {
  zone::ZoneHead head;
  head.apex = prepared.apex;
  head.kind = wanted.kind.value_or(zone::Kind::kNative);
  auto id = edit.create_zone(head, wanted.serial_policy.value_or(store::SerialPolicy::kCounter));
  if (!id) return fail(std::move(id.error()));
  const Applied applied{true, true, prepared.records.size(), 0};
  if (auto done = edit.replace_zone(*id, std::move(prepared.records)); !done) return fail(std::move(done.error()));
  if (presigned) {
    if (auto done = set_presigned(edit, *id, {}, prepared); !done) return fail(std::move(done.error()));
  }
  return applied;
}

Result<Applied> replace_zone(Session& session, store::Transaction& edit, const store::ZoneRow& existing,
                             const ImportOptions& options, const Wanted& wanted, Prepared& prepared, bool presigned) {
  const std::string name = prepared.apex.text();
  auto before = stored_records(edit, existing.head.id);
  if (!before) return fail(std::move(before.error()));
  store::ZoneRow target = existing;
  if (wanted.serial_policy) target.serial_policy = *wanted.serial_policy;
  const SerialStep step = settle_serial(prepared.records, target);
  const Difference difference = compare(*before, prepared.records);
  const bool differs = !difference.added.empty() || !difference.removed.empty();
  if (differs && !options.replace) {
    return fail(Errc::kExists,
                fmt::format("{} exists with other records ({} would be removed, {} added); nothing was changed", name,
                            difference.removed.size(), difference.added.size()),
                fmt::format("--replace puts the file in their place; `sdnsctl zone diff {} {}` shows the difference",
                            name, options.file));
  }
  Applied applied{false, differs, difference.added.size(), difference.removed.size()};
  if (wanted.kind && *wanted.kind != existing.head.kind) {
    zone::ZoneHead head = existing.head;
    head.kind = *wanted.kind;
    if (auto done = edit.set_head(head); !done) return fail(std::move(done.error()));
    applied.changed = true;
  }
  if (target.serial_policy != existing.serial_policy) {
    if (auto done = edit.set_serial_policy(existing.head.id, target.serial_policy); !done)
      return fail(std::move(done.error()));
    applied.changed = true;
  }
  if (presigned) {
    auto signing = signing_of(edit, existing.head.id);
    if (!signing) return fail(std::move(signing.error()));
    if (signing->has_active_key()) {
      return fail(Errc::kConflict,
                  fmt::format("{} has keys of its own, so it cannot be presigned; nothing was changed", name),
                  fmt::format("`sdnsctl zone unsecure {}` removes them", name));
    }
    auto changed = set_presigned(edit, existing.head.id, *signing, prepared);
    if (!changed) return fail(std::move(changed.error()));
    applied.changed = applied.changed || *changed;
  }
  if (!differs) return applied;
  if (step == SerialStep::kBackwards) {
    session.warning(
        fmt::format("the serial of {} goes back from {}: secondaries will not follow", name, *existing.serial));
  } else if (step == SerialStep::kContinued) {
    session.notice(fmt::format("the file's serial is behind: {} goes on from {}", name, *existing.serial));
  }
  if (auto done = edit.replace_zone(existing.head.id, std::move(prepared.records)); !done)
    return fail(std::move(done.error()));
  return applied;
}

Result<int> refuse_findings(Session& session, const Prepared& prepared, const std::string& file) {
  if (session.json()) {
    session.print({{"zone", prepared.apex.text()}, {"changed", false}, {"findings", to_json(prepared.findings)}});
  }
  return fail(Errc::kInvalidZone, fmt::format("{} was not imported: see the errors above; nothing was changed", file),
              "a zone that is in the database stays as it is");
}

Result<int> import_zone(Session& session, const ImportOptions& options) {
  auto wanted = understand(options);
  if (!wanted) return fail(std::move(wanted.error()));
  auto file = load_zone_file(options.file, wanted->apex);
  if (!file) return fail(std::move(file.error()));
  bool presigned = options.presigned;
  if (!presigned) {
    auto transaction = session.read();
    if (!transaction) return fail(std::move(transaction.error()));
    auto already = presigned_in_database(**transaction, file->apex);
    if (!already) return fail(std::move(already.error()));
    presigned = *already;
  }
  auto prepared = prepare(std::move(*file), presigned);
  if (!prepared) return fail(std::move(prepared.error()));
  warn_of_dropped(session, *prepared);
  print_findings(session.messages(), prepared->findings);
  if (has_errors(prepared->findings)) return refuse_findings(session, *prepared, options.file);
  const std::size_t count = prepared->records.size();

  auto edit = session.edit();
  if (!edit) return fail(std::move(edit.error()));
  auto existing = (*edit)->zone(prepared->apex);
  if (!existing) return fail(std::move(existing.error()));
  if (*existing && options.create_only) {
    return fail(Errc::kExists, fmt::format("{} exists already; nothing was changed", prepared->apex.text()),
                "without --create-only and with --replace the file takes the place of its records");
  }
  auto applied = *existing ? replace_zone(session, **edit, **existing, options, *wanted, *prepared, presigned)
                           : create_zone(**edit, *wanted, *prepared, presigned);
  if (!applied) return fail(std::move(applied.error()));

  const std::string name = prepared->apex.text();
  const std::string done =
      applied->created
          ? fmt::format("{} created with {}", name, count_text(count, "record"))
          : fmt::format("{} {}: {} added, {} removed, {} in all", name, applied->changed ? "replaced" : "is already so",
                        applied->added, applied->removed, count_text(count, "record"));
  return session.finish(std::move(*edit), done,
                        {{"zone", name},
                         {"created", applied->created},
                         {"changed", applied->changed},
                         {"records", count},
                         {"added", applied->added},
                         {"removed", applied->removed},
                         {"dropped", dropped_json(*prepared)},
                         {"findings", to_json(prepared->findings)}});
}

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
  if (!prepared) return fail(std::move(prepared.error()));
  warn_of_dropped(session, *prepared);
  print_findings(session.messages(), prepared->findings);
  if (has_errors(prepared->findings))
    return fail(Errc::kInvalidZone, fmt::format("{} would not be imported: see the errors above", path));
  auto before = stored_records(**transaction, row->head.id);
  if (!before) return fail(std::move(before.error()));
  settle_serial(prepared->records, *row);
  const Difference difference = compare(*before, prepared->records);
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
                                     record.type.text(), record.content, disabled ? "  ; disabled" : "");
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
  if (row.head.kind != zone::Kind::kSecondary || !records.empty()) findings = zone::check_zone(row.head.apex, records);
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
    if (!file && file.error().code == Errc::kInvalidRecord) {
      // A file that does not parse is a finding, not a failure to look.
      findings.push_back({zone::Severity::kError, what, file.error().what});
    } else if (!file) {
      return fail(std::move(file.error()));
    } else {
      auto prepared = prepare(std::move(*file), presigned);
      if (!prepared) return fail(std::move(prepared.error()));
      warn_of_dropped(session, *prepared);
      findings = std::move(prepared->findings);
      name = fmt::format("{} ({})", what, prepared->apex.text());
    }
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

void add_import_commands(CLI::App& zone, Action& chosen) {
  auto* import = zone.add_subcommand("import",
                                     "Put a master file into the database, all of it or nothing.\nThe zone is created "
                                     "when it is missing. Warnings do not stop it.");
  const auto options = std::make_shared<ImportOptions>();
  import->add_option("FILE", options->file, "Master file (RFC 1035; $ORIGIN $TTL $INCLUDE $GENERATE)")->required();
  import->add_option("--apex", options->apex, "The zone (otherwise the owner of the file's SOA record)")
      ->type_name("NAME");
  auto* replace = import->add_flag("--replace", options->replace, "Replace the records of a zone that exists");
  import->add_flag("--create-only", options->create_only, "Fail when the zone exists")->excludes(replace);
  import->add_option("--kind", options->kind, "native (default), primary or secondary")->type_name("KIND");
  import->add_option("--serial-policy", options->serial_policy, "counter (default), date or keep")->type_name("POLICY");
  import->add_flag("--presigned", options->presigned,
                   "The file brings its own signatures: keep RRSIG, NSEC, NSEC3, DNSKEY");
  import->callback([&chosen, options] {
    chosen = [options](Session& session) { return import_zone(session, *options);
};
}  // namespace sdns::ctl
);

const auto name = std::make_shared<std::string>();
const auto file = std::make_shared<std::string>();
auto* diff =
    zone.add_subcommand("diff", "What importing FILE over ZONE would change.\nExit code 4 when that is something.");
diff->add_option("ZONE", *name, "The zone")->required();
diff->add_option("FILE", *file, "Master file")->required();
diff->callback([&chosen, name, file] {
  chosen = [name, file](Session& session) { return diff_zone(session, *name, *file); };
});

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
