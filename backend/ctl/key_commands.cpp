// SPDX-License-Identifier: MIT
// zone keys, ds, import-key.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "backend/ctl/arguments.h"
#include "backend/ctl/commands.h"
#include "backend/ctl/key_facts.h"
#include "backend/ctl/table.h"
#include "backend/ctl/zone_facts.h"
#include "backend/dns/ldns_codec.h"
#include "backend/store/checked_edit.h"

namespace sdns::ctl {
namespace {

constexpr std::uint32_t kDefaultTtl = 3600;

Result<int> list_keys(Session& session, const std::string& zone) {
  auto apex = zone_argument(zone);
  if (!apex) return fail(std::move(apex.error()));
  auto transaction = session.read();
  if (!transaction) return fail(std::move(transaction.error()));
  auto row = find_zone(**transaction, *apex);
  if (!row) return fail(std::move(row.error()));
  auto keys = (*transaction)->keys(row->head.id);
  if (!keys) return fail(std::move(keys.error()));
  auto infos = key_infos(*apex, *keys);
  if (!infos) return fail(std::move(infos.error()));
  if (session.json()) {
    auto list = nlohmann::json::array();
    for (const auto& info : *infos) list.push_back(to_json(info));
    session.print({{"zone", apex->text()}, {"keys", std::move(list)}});
    return kDone;
  }
  if (infos->empty()) {
    session.notice(fmt::format("{} has no keys; `sdnsctl zone secure {}` makes them", apex->text(), apex->text()));
    return kDone;
  }
  Table table({"ID", "ROLE", "TAG", "FLAGS", "ALGORITHM", "BITS", "STATE"});
  for (const auto& info : *infos) {
    table.row(
        {std::to_string(info.id), std::string(info.role), std::to_string(info.facts.tag),
         std::to_string(info.facts.flags),
         fmt::format("{} ({})", dns::algorithm_text(info.facts.algorithm), static_cast<int>(info.facts.algorithm)),
         std::to_string(info.facts.bits),
         fmt::format("{}, {}", info.active ? "active" : "inactive", info.published ? "published" : "unpublished")});
  }
  table.print(session.out());
  return kDone;
}

struct DsOptions {
  std::string zone;
  std::vector<int> digests = {2};
  std::optional<std::uint32_t> ttl;
  bool parent = false;
};

Result<std::vector<DsRecord>> ds_of_zone(store::Transaction& transaction, const dns::Name& apex,
                                         const std::vector<int>& digests) {
  auto row = find_zone(transaction, apex);
  if (!row) return fail(std::move(row.error()));
  auto keys = transaction.keys(row->head.id);
  if (!keys) return fail(std::move(keys.error()));
  auto records = ds_records(apex, *keys, digests);
  if (records && records->empty()) {
    return fail(Errc::kNotFound, fmt::format("{} has no active key, so there is no DS", apex.text()),
                fmt::format("`sdnsctl zone secure {}` makes keys", apex.text()));
  }
  return records;
}

/// Puts the DS records into the parent zone that this database holds.
Result<int> install_ds(Session& session, const dns::Name& apex, const DsOptions& options) {
  auto edit = session.edit();
  if (!edit) return fail(std::move(edit.error()));
  auto records = ds_of_zone(**edit, apex, options.digests);
  if (!records) return fail(std::move(records.error()));
  auto parent =
      apex.is_root() ? Result<std::optional<store::ZoneRow>>(std::nullopt) : (*edit)->enclosing_zone(apex.parent());
  if (!parent) return fail(std::move(parent.error()));
  if (!*parent) {
    return fail(Errc::kNotFound,
                fmt::format("the parent zone of {} is not in this database; nothing was changed", apex.text()),
                "without --parent the DS is shown, to be given to whoever runs the parent");
  }
  std::vector<std::string> contents;
  store::WantedRrset wanted{apex, dns::kDS, {}, options.ttl};
  for (const auto& record : *records) {
    auto canonical = dns::canonical_content(dns::kDS, record.content, apex);
    if (!canonical) return fail(std::move(canonical.error()));
    wanted.records.push_back({*canonical});
    contents.push_back(std::move(*canonical));
  }
  auto changed =
      session.checked([&](store::Findings& findings) { return store::put_rrset(**edit, **parent, wanted, findings); });
  if (!changed) return fail(std::move(changed.error()));
  const std::string name = (*parent)->head.apex.text();
  return session.finish(std::move(*edit),
                        fmt::format("{} {} the DS of {} ({})", name, *changed ? "has now" : "already has", apex.text(),
                                    count_text(contents.size(), "record")),
                        {{"zone", apex.text()}, {"parent", name}, {"changed", *changed}, {"ds", contents}});
}

Result<int> show_ds(Session& session, const DsOptions& options) {
  auto apex = zone_argument(options.zone);
  if (!apex) return fail(std::move(apex.error()));
  if (options.parent) return install_ds(session, *apex, options);
  auto transaction = session.read();
  if (!transaction) return fail(std::move(transaction.error()));
  auto records = ds_of_zone(**transaction, *apex, options.digests);
  if (!records) return fail(std::move(records.error()));
  if (session.json()) {
    auto list = nlohmann::json::array();
    for (const auto& record : *records) list.push_back({{"tag", record.tag}, {"content", record.content}});
    session.print({{"zone", apex->text()}, {"ds", std::move(list)}});
    return kDone;
  }
  for (const auto& record : *records) {
    session.out() << fmt::format("{} {} IN DS {}\n", apex->text(), options.ttl.value_or(kDefaultTtl), record.content);
  }
  return kDone;
}

struct ImportKeyOptions {
  std::string zone;
  std::string file;
  bool inactive = false;
  bool unpublished = false;
};

Result<int> import_key(Session& session, const ImportKeyOptions& options) {
  auto apex = zone_argument(options.zone);
  if (!apex) return fail(std::move(apex.error()));
  auto pair = dns::read_bind_key(options.file, *apex);
  if (!pair) return fail(Errc::kInvalidRecord, std::move(pair.error().what), std::move(pair.error().hint));
  auto facts = dns::describe_key(*apex, pair->flags, pair->private_text);
  if (!facts) return fail(std::move(facts.error()));
  auto edit = session.edit();
  if (!edit) return fail(std::move(edit.error()));
  auto row = find_zone(**edit, *apex);
  if (!row) return fail(std::move(row.error()));
  auto before = (*edit)->keys(row->head.id);
  if (!before) return fail(std::move(before.error()));
  const zone::Key key{0, pair->flags, !options.inactive, !options.unpublished, std::move(pair->private_text)};
  auto added = session.checked([&](store::Findings& findings) { return store::add_key(**edit, *row, key, findings); });
  if (!added) return fail(std::move(added.error()));
  const bool change = std::none_of(before->begin(), before->end(), [&](const zone::Key& one) {
    return one.id == *added && one.active == key.active && one.published == key.published;
  });
  return session.finish(std::move(*edit),
                        fmt::format("{} {} key {} {} ({}, {})", apex->text(), change ? "has now" : "already has",
                                    facts->tag, dns::algorithm_text(facts->algorithm),
                                    key.active ? "active" : "inactive", key.published ? "published" : "unpublished"),
                        {{"zone", apex->text()},
                         {"changed", change},
                         {"tag", facts->tag},
                         {"flags", facts->flags},
                         {"algorithm", dns::algorithm_text(facts->algorithm)},
                         {"active", key.active},
                         {"published", key.published}});
}

}  // namespace

void add_key_commands(CLI::App& zone, Action& chosen) {
  const auto name = std::make_shared<std::string>();
  auto* keys = zone.add_subcommand("keys", "The zone's DNSSEC keys, without their private parts");
  keys->add_option("ZONE", *name, "The zone")->required();
  keys->callback([&chosen, name] { chosen = [name](Session& session) { return list_keys(session, *name); }; });

  const auto ds_options = std::make_shared<DsOptions>();
  auto* ds = zone.add_subcommand("ds", "The zone's DS records, ready for the parent zone");
  ds->add_option("ZONE", ds_options->zone, "The zone")->required();
  ds->add_option("--digest", ds_options->digests, "2 (SHA-256, default) or 4 (SHA-384); may be given twice")
      ->type_name("N")
      ->expected(1)
      ->take_all()
      ->check(CLI::IsMember({2, 4}).description(""));
  ds->add_option("--ttl", ds_options->ttl, "TTL (3600, or that of the DS records that are there)")
      ->type_name("SECONDS")
      ->check(CLI::Range(0U, dns::Ttl::kMax).description(""));
  ds->add_flag("--parent", ds_options->parent, "Put them into the parent zone, when this database has it");
  ds->callback(
      [&chosen, ds_options] { chosen = [ds_options](Session& session) { return show_ds(session, *ds_options); }; });

  const auto key_options = std::make_shared<ImportKeyOptions>();
  auto* importing = zone.add_subcommand("import-key", "Take over a key pair of BIND (dnssec-keygen)");
  importing->add_option("ZONE", key_options->zone, "The zone")->required();
  importing
      ->add_option("FILE", key_options->file, "Kname.+alg+tag.private, or .key, or without either; both must be there")
      ->required();
  importing->add_flag("--inactive", key_options->inactive, "Do not sign with it");
  importing->add_flag("--unpublished", key_options->unpublished, "Leave it out of the DNSKEY RRset");
  importing->callback([&chosen, key_options] {
    chosen = [key_options](Session& session) { return import_key(session, *key_options); };
  });
}

}  // namespace sdns::ctl
