// SPDX-License-Identifier: MIT
// zone create-secondary, set-kind; autoprimary add, list, remove.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "backend/ctl/arguments.h"
#include "backend/ctl/commands.h"
#include "backend/ctl/table.h"
#include "backend/ctl/zone_facts.h"
#include "backend/store/checked_edit.h"
#include "backend/store/peers.h"

namespace sdns::ctl {
namespace {

struct TransferOptions {
  std::string zone;
  std::string kind;
  std::vector<std::string> primaries;
  std::string account;
  std::optional<std::string> tsig;
};

/// The key with which the zone is fetched.
Result<void> set_tsig(Session& session, store::Transaction& edit, const store::ZoneRow& row,
                      const std::optional<std::string>& key) {
  if (!key) return {};
  auto name = dns::Name::parse(*key);
  if (!name) return fail(Errc::kInvalidArgument, fmt::format("\"{}\" cannot name a TSIG key", *key));
  std::string value = name->text();
  value.pop_back();
  const auto done = session.checked([&](store::Findings& findings) {
    return store::set_metadata(edit, row, {"AXFR-MASTER-TSIG", {value}}, findings);
  });
  if (!done) return fail(done.error());
  return {};
}

Result<int> create_secondary(Session& session, const TransferOptions& options) {
  auto apex = zone_argument(options.zone);
  if (!apex) return fail(std::move(apex.error()));
  auto edit = session.edit();
  if (!edit) return fail(std::move(edit.error()));
  const auto id = store::create_secondary(**edit, *apex, options.primaries, options.account);
  if (!id) return fail(id.error());
  auto row = find_zone(**edit, *apex);
  if (!row) return fail(std::move(row.error()));
  if (auto done = set_tsig(session, **edit, *row, options.tsig); !done) return fail(std::move(done.error()));
  return session.finish(
      std::move(*edit),
      fmt::format("{} created, to be transferred from {}", apex->text(), fmt::join(row->head.primaries, " or ")),
      {{"zone", apex->text()},
       {"id", *id},
       {"changed", true},
       {"kind", "secondary"},
       {"primaries", row->head.primaries},
       {"account", options.account}});
}

Result<int> set_kind(Session& session, const TransferOptions& options) {
  auto apex = zone_argument(options.zone);
  if (!apex) return fail(std::move(apex.error()));
  auto kind = kind_argument(options.kind);
  if (!kind) return fail(std::move(kind.error()));
  auto edit = session.edit();
  if (!edit) return fail(std::move(edit.error()));
  auto row = find_zone(**edit, *apex);
  if (!row) return fail(std::move(row.error()));
  std::vector<std::string> primaries = options.primaries;
  if (primaries.empty() && *kind == zone::Kind::kSecondary) primaries = row->head.primaries;
  const auto change = store::set_kind(**edit, *row, *kind, primaries);
  if (!change) return fail(change.error());
  auto now = find_zone(**edit, *apex);
  if (!now) return fail(std::move(now.error()));
  return session.finish(
      std::move(*edit),
      fmt::format("{} {} {}{}", apex->text(), *change ? "is now" : "is already", options.kind,
                  now->head.primaries.empty() ? "" : fmt::format(" of {}", fmt::join(now->head.primaries, " and "))),
      {{"zone", apex->text()}, {"changed", *change}, {"kind", kind_text(*kind)}, {"primaries", now->head.primaries}});
}

struct AutoprimaryOptions {
  std::string address;
  std::string nameserver;
  std::string account;
};

Result<store::Autoprimary> autoprimary_argument(const AutoprimaryOptions& options) {
  auto address = store::canonical_address(options.address);
  if (!address) return fail(std::move(address.error()));
  auto nameserver = dns::Name::parse(options.nameserver);
  if (!nameserver)
    return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is not the name of a name server", options.nameserver),
                "as in the NS records of the zones that come");
  return store::Autoprimary{std::move(*address), std::move(*nameserver), options.account};
}

nlohmann::json to_json(const store::Autoprimary& one) {
  return {{"address", one.address}, {"nameserver", one.nameserver.text()}, {"account", one.account}};
}

Result<int> add_autoprimary(Session& session, const AutoprimaryOptions& options) {
  auto wanted = autoprimary_argument(options);
  if (!wanted) return fail(std::move(wanted.error()));
  auto edit = session.edit();
  if (!edit) return fail(std::move(edit.error()));
  auto present = (*edit)->autoprimaries();
  if (!present) return fail(std::move(present.error()));
  const bool change = std::find(present->begin(), present->end(), *wanted) == present->end();
  if (auto done = (*edit)->put_autoprimary(*wanted); !done) return fail(std::move(done.error()));
  nlohmann::json report = to_json(*wanted);
  report["changed"] = change;
  return session.finish(std::move(*edit),
                        fmt::format("{} {} {} an autoprimary", wanted->address, wanted->nameserver.text(),
                                    change ? "is now" : "is already"),
                        std::move(report));
}

Result<int> list_autoprimaries(Session& session, const AutoprimaryOptions&) {
  auto transaction = session.read();
  if (!transaction) return fail(std::move(transaction.error()));
  auto all = (*transaction)->autoprimaries();
  if (!all) return fail(std::move(all.error()));
  if (session.json()) {
    auto array = nlohmann::json::array();
    for (const auto& one : *all) array.push_back(to_json(one));
    session.print(array);
  } else if (all->empty()) {
    session.notice("there are no autoprimaries");
  } else {
    Table table({"ADDRESS", "NAMESERVER", "ACCOUNT"});
    for (const auto& one : *all) table.row({one.address, one.nameserver.text(), one.account});
    table.print(session.out());
  }
  return kDone;
}

Result<int> remove_autoprimary(Session& session, const AutoprimaryOptions& options) {
  auto which = autoprimary_argument(options);
  if (!which) return fail(std::move(which.error()));
  auto edit = session.edit();
  if (!edit) return fail(std::move(edit.error()));
  if (auto done = (*edit)->remove_autoprimary(which->address, which->nameserver); !done)
    return fail(std::move(done.error()));
  return session.finish(std::move(*edit),
                        fmt::format("{} {} is no autoprimary any more", which->address, which->nameserver.text()),
                        {{"address", which->address}, {"nameserver", which->nameserver.text()}, {"changed", true}});
}

}  // namespace

void add_transfer_commands(CLI::App& zone, Action& chosen) {
  const auto options = std::make_shared<TransferOptions>();
  const auto command = [&](const char* name, const char* about,
                           Result<int> (*action)(Session&, const TransferOptions&)) {
    auto* app = zone.add_subcommand(name, about);
    app->add_option("ZONE", options->zone, "The zone")->required();
    app->callback([&chosen, options, action] {
      chosen = [options, action](Session& session) { return action(session, *options); };
    });
    return app;
  };
  auto* creating =
      command("create-secondary", "Make a secondary zone without records.\nPowerDNS, with secondary=yes, transfers it.",
              create_secondary);
  creating->add_option("PRIMARY", options->primaries, "192.0.2.1, 192.0.2.1:5300 or [2001:db8::1]:5300")->required();
  creating->add_option("--account", options->account, "A note that is kept with the zone");
  creating->add_option("--tsig", options->tsig, "Sign the transfers with this key")->type_name("NAME");
  auto* kind = command("set-kind", "Make the zone a native, primary or secondary one", set_kind);
  kind->add_option("KIND", options->kind, "native, primary (sends NOTIFY) or secondary (is transferred)")->required();
  kind->add_option("--primary", options->primaries, "Primary of a secondary zone; may be given again")
      ->type_name("IP[:PORT]")
      ->expected(1)
      ->take_all();
}

void add_autoprimary_commands(CLI::App& group, Action& chosen) {
  const auto options = std::make_shared<AutoprimaryOptions>();
  const auto command = [&](const char* name, const char* about,
                           Result<int> (*action)(Session&, const AutoprimaryOptions&), bool names_one) {
    auto* app = group.add_subcommand(name, about);
    if (names_one) {
      app->add_option("ADDRESS", options->address, "From which its NOTIFY comes")->required();
      app->add_option("NAMESERVER", options->nameserver, "A name server in the NS records of its zones")->required();
    }
    app->callback([&chosen, options, action] {
      chosen = [options, action](Session& session) { return action(session, *options); };
    });
    return app;
  };
  command("add", "Let the NOTIFY of a primary make secondary zones (PowerDNS needs autosecondary=yes)", add_autoprimary,
          true)
      ->add_option("--account", options->account, "Goes to the zones that it makes");
  command("list", "All autoprimaries", list_autoprimaries, false);
  command("remove", "Zones that it made stay", remove_autoprimary, true);
}

}  // namespace sdns::ctl
