// SPDX-License-Identifier: MIT
// zone import.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "backend/ctl/arguments.h"
#include "backend/ctl/commands.h"
#include "backend/ctl/zone_facts.h"
#include "backend/ctl/zone_import.h"

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
  if (options.replace && options.create_only)
    return fail(Errc::kInvalidArgument, "--replace and --create-only exclude each other");
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

nlohmann::json dropped_json(const Prepared& prepared) {
  auto json = nlohmann::json::object();
  for (const auto& [type, count] : prepared.dropped) json[type] = count;
  return json;
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
  auto signing = signing_of(edit, existing.head.id);
  if (!signing) return fail(std::move(signing.error()));
  if (!presigned && signing->presigned()) {
    return fail(Errc::kConflict, fmt::format("{} became presigned in the meantime; nothing was changed", name),
                "import it again");
  }
  if (presigned) {
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
  warn_of_dropped(session, prepared);
  print_findings(session.messages(), prepared.findings);
  if (has_errors(prepared.findings)) return refuse_findings(session, prepared, options.file);
  const std::size_t count = prepared.records.size();

  auto edit = session.edit();
  if (!edit) return fail(std::move(edit.error()));
  auto existing = (*edit)->zone(prepared.apex);
  if (!existing) return fail(std::move(existing.error()));
  if (*existing && options.create_only) {
    return fail(Errc::kExists, fmt::format("{} exists already; nothing was changed", prepared.apex.text()),
                "without --create-only and with --replace the file takes the place of its records");
  }
  auto applied = *existing ? replace_zone(session, **edit, **existing, options, *wanted, prepared, presigned)
                           : create_zone(**edit, *wanted, prepared, presigned);
  if (!applied) return fail(std::move(applied.error()));

  const std::string name = prepared.apex.text();
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
                         {"dropped", dropped_json(prepared)},
                         {"findings", to_json(prepared.findings)}});
}

}  // namespace

void add_import_commands(CLI::App& zone, Action& chosen) {
  auto* importing =
      zone.add_subcommand("import",
                          "Put a master file into the database, all of it or nothing.\nThe zone is created "
                          "when it is missing. Warnings do not stop it.");
  const auto options = std::make_shared<ImportOptions>();
  importing->add_option("FILE", options->file, "Master file (RFC 1035; $ORIGIN $TTL $INCLUDE $GENERATE)")->required();
  importing->add_option("--apex", options->apex, "The zone (otherwise the owner of the file's SOA record)")
      ->type_name("NAME");
  importing->add_flag("--replace", options->replace, "Replace the records of a zone that exists");
  importing->add_flag("--create-only", options->create_only, "Fail when the zone exists");
  importing->add_option("--kind", options->kind, "native (default), primary or secondary")->type_name("KIND");
  importing->add_option("--serial-policy", options->serial_policy, "counter (default), date or keep")
      ->type_name("POLICY");
  importing->add_flag("--presigned", options->presigned,
                      "The file brings its own signatures: keep RRSIG, NSEC, NSEC3, DNSKEY");
  importing->callback(
      [&chosen, options] { chosen = [options](Session& session) { return import_zone(session, *options); }; });
}

}  // namespace sdns::ctl
