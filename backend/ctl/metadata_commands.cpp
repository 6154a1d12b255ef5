// SPDX-License-Identifier: MIT
// meta list, get, set, clear.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "backend/ctl/arguments.h"
#include "backend/ctl/commands.h"
#include "backend/ctl/table.h"
#include "backend/ctl/zone_facts.h"
#include "backend/store/checked_edit.h"

namespace sdns::ctl {
namespace {

struct MetadataOptions {
  std::string zone;
  std::string kind;
  std::vector<std::string> values;
};

/// PowerDNS's kinds are upper case, and compared by octets.
Result<std::string> kind_of(const MetadataOptions& options) {
  std::string kind = options.kind;
  std::transform(kind.begin(), kind.end(), kind.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  if (kind.empty() || kind.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != std::string::npos) {
    return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is not a kind of metadata", options.kind),
                "as in SOA-EDIT or X-OWN");
  }
  return kind;
}

std::vector<std::string> values_of(const Signing& signing, const std::string& kind) {
  for (const auto& one : signing.metadata) {
    if (one.kind == kind) return one.values;
  }
  return {};
}

Result<Signing> read_zone(Session& session, const MetadataOptions& options) {
  auto apex = zone_argument(options.zone);
  if (!apex) return fail(std::move(apex.error()));
  auto transaction = session.read();
  if (!transaction) return fail(std::move(transaction.error()));
  auto row = find_zone(**transaction, *apex);
  if (!row) return fail(std::move(row.error()));
  return signing_of(**transaction, row->head.id);
}

Result<int> list_metadata(Session& session, const MetadataOptions& options) {
  auto zone = read_zone(session, options);
  if (!zone) return fail(std::move(zone.error()));
  std::sort(zone->metadata.begin(), zone->metadata.end(),
            [](const zone::Metadata& a, const zone::Metadata& b) { return a.kind < b.kind; });
  if (session.json()) {
    auto document = nlohmann::json::object();
    for (const auto& one : zone->metadata) document[one.kind] = one.values;
    session.print(document);
    return kDone;
  }
  if (zone->metadata.empty()) {
    session.notice(fmt::format("{} has no metadata", options.zone));
    return kDone;
  }
  Table table({"KIND", "VALUE"});
  for (const auto& one : zone->metadata) {
    for (const auto& value : one.values) table.row({one.kind, value});
  }
  table.print(session.out());
  return kDone;
}

Result<int> get_metadata(Session& session, const MetadataOptions& options) {
  auto kind = kind_of(options);
  if (!kind) return fail(std::move(kind.error()));
  auto zone = read_zone(session, options);
  if (!zone) return fail(std::move(zone.error()));
  const auto values = values_of(*zone, *kind);
  if (session.json()) {
    session.print(values);
  } else {
    for (const auto& value : values) session.out() << value << '\n';
  }
  if (values.empty()) {
    session.notice(fmt::format("{} has no {}", options.zone, *kind));
    return kFailed;
  }
  return kDone;
}

/// No values: the kind is cleared.
Result<int> put_metadata(Session& session, const MetadataOptions& options) {
  auto apex = zone_argument(options.zone);
  if (!apex) return fail(std::move(apex.error()));
  auto kind = kind_of(options);
  if (!kind) return fail(std::move(kind.error()));
  auto edit = session.edit();
  if (!edit) return fail(std::move(edit.error()));
  auto row = find_zone(**edit, *apex);
  if (!row) return fail(std::move(row.error()));
  const auto change = session.checked([&](store::Findings& findings) {
    return store::set_metadata(**edit, *row, {*kind, options.values}, findings);
  });
  if (!change) return fail(change.error());
  const std::string what =
      options.values.empty() ? "cleared" : fmt::format("set to {}", fmt::join(options.values, " "));
  return session.finish(std::move(*edit),
                        fmt::format("{} {} {}{}", apex->text(), *kind, *change ? "" : "already ", what),
                        {{"zone", apex->text()}, {"kind", *kind}, {"values", options.values}, {"changed", *change}});
}

}  // namespace

void add_metadata_commands(CLI::App& meta, Action& chosen) {
  const auto options = std::make_shared<MetadataOptions>();
  const auto add = [&](const char* command, const char* about,
                       Result<int> (*action)(Session&, const MetadataOptions&)) {
    auto* app = meta.add_subcommand(command, about);
    app->add_option("ZONE", options->zone, "The zone")->required();
    app->callback([&chosen, options, action] {
      chosen = [options, action](Session& session) { return action(session, *options); };
    });
    return app;
  };
  add("list", "All metadata of a zone", list_metadata);
  add("get", "The values of one kind, one a line.\nExit code 1 when there are none.", get_metadata)
      ->add_option("KIND", options->kind, "As in SOA-EDIT")
      ->required();
  auto* set = add("set", "Make these the values of a kind", put_metadata);
  set->add_option("KIND", options->kind, "As in SOA-EDIT; X-… is free for your own use")->required();
  set->add_option("VALUE", options->values, "One argument for each value")->required();
  add("clear", "Remove a kind", put_metadata)->add_option("KIND", options->kind, "As in SOA-EDIT")->required();
}

}  // namespace sdns::ctl
