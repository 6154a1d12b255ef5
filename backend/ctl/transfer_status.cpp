// SPDX-License-Identifier: MIT
// zone transfer-status.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "backend/ctl/arguments.h"
#include "backend/ctl/commands.h"
#include "backend/ctl/table.h"
#include "backend/ctl/zone_facts.h"
#include "backend/dns/soa.h"

namespace sdns::ctl {
namespace {

/// What the SOA record says to secondaries, in seconds.
struct SoaTimes {
  std::uint32_t refresh = 0;
  std::uint32_t expire = 0;
};

struct TransferFacts {
  store::ZoneRow row;
  Signing signing;
  std::optional<std::uint32_t> served_serial;  ///< what SOA-EDIT makes of it
  std::optional<SoaTimes> times;
  std::int64_t now = 0;  ///< seconds since the epoch

  [[nodiscard]] bool secondary() const { return row.head.kind == zone::Kind::kSecondary; }
  [[nodiscard]] std::int64_t age() const { return now - row.head.last_check; }
};

Result<TransferFacts> facts_of(Session& session, store::Transaction& transaction, store::ZoneRow row) {
  TransferFacts facts;
  auto signing = signing_of(transaction, row.head.id);
  if (!signing) return fail(std::move(signing.error()));
  auto at_apex = transaction.records_at(row.head.id, row.head.apex);
  if (!at_apex) return fail(std::move(at_apex.error()));
  for (const auto& [record, disabled] : *at_apex) {
    if (record.type != dns::kSOA || disabled) continue;
    if (const auto soa = dns::read_soa(record.content)) facts.times = SoaTimes{soa->refresh, soa->expire};
  }
  if (row.serial) {
    const std::string soa_edit = signing->presigned() ? "" : metadata_value(signing->metadata, "SOA-EDIT").value_or("");
    facts.served_serial = store::served_serial(soa_edit, *row.serial, session.now());
  }
  facts.now = std::chrono::duration_cast<std::chrono::seconds>(session.now().time_since_epoch()).count();
  facts.row = std::move(row);
  facts.signing = std::move(*signing);
  return facts;
}

/// "3 s", "12 min", "5 h", "9 d".
std::string duration_text(std::int64_t seconds) {
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 2 * 3600) return fmt::format("{} min", seconds / 60);
  if (seconds < 2 * 86'400) return fmt::format("{} h", seconds / 3600);
  return fmt::format("{} d", seconds / 86'400);
}

std::string next_step(const TransferFacts& facts) {
  const auto& head = facts.row.head;
  if (head.kind == zone::Kind::kNative) return "nothing: a native zone neither sends NOTIFY nor is it transferred in";
  if (head.kind == zone::Kind::kPrimary) {
    if (!facts.row.serial) return "nothing: the zone has no SOA";
    if (head.notified_serial == *facts.row.serial) return "nothing until the next change";
    return fmt::format("PowerDNS sends NOTIFY for serial {}", *facts.row.serial);
  }
  if (!facts.row.serial || !facts.times) return "the first transfer, when PowerDNS looks next";
  if (head.last_check == 0) return "a check of the primary's serial, when PowerDNS looks next";
  if (facts.age() >= facts.times->expire)
    return fmt::format("expired {} ago: a check, as soon as a primary answers",
                       duration_text(facts.age() - facts.times->expire));
  const std::string expiry = fmt::format("expires in {}", duration_text(facts.times->expire - facts.age()));
  if (facts.age() >= facts.times->refresh)
    return fmt::format("a check is due since {}; {}", duration_text(facts.age() - facts.times->refresh), expiry);
  return fmt::format("a check in {}; {}", duration_text(facts.times->refresh - facts.age()), expiry);
}

std::string number_text(const std::optional<std::uint32_t>& number) { return number ? std::to_string(*number) : "-"; }

std::string last_check_text(const TransferFacts& facts) {
  if (!facts.secondary()) return "-";
  return facts.row.head.last_check == 0 ? "never" : duration_text(facts.age()) + " ago";
}

// What of the metadata is about transfers.
constexpr const char* kTransferKinds[] = {"ALLOW-AXFR-FROM", "TSIG-ALLOW-AXFR", "AXFR-MASTER-TSIG",
                                          "ALSO-NOTIFY",     "AXFR-SOURCE",     "SOA-EDIT"};

nlohmann::json to_json(const TransferFacts& facts) {
  const auto& head = facts.row.head;
  const auto number = [](const std::optional<std::uint32_t>& value) {
    return value ? nlohmann::json(*value) : nlohmann::json();
  };
  nlohmann::json json = {{"zone", head.apex.text()},
                         {"kind", kind_text(head.kind)},
                         {"primaries", head.primaries},
                         {"serial", number(facts.row.serial)},
                         {"served_serial", number(facts.served_serial)},
                         {"notified_serial", head.notified_serial},
                         {"last_check", head.last_check == 0 ? nlohmann::json() : nlohmann::json(head.last_check)},
                         {"last_check_age", head.last_check == 0 ? nlohmann::json() : nlohmann::json(facts.age())},
                         {"refresh", facts.times ? nlohmann::json(facts.times->refresh) : nlohmann::json()},
                         {"expire", facts.times ? nlohmann::json(facts.times->expire) : nlohmann::json()},
                         {"next", next_step(facts)}};
  auto& metadata = json["metadata"] = nlohmann::json::object();
  for (const char* kind : kTransferKinds) {
    for (const auto& one : facts.signing.metadata) {
      if (one.kind == kind) metadata[kind] = one.values;
    }
  }
  return json;
}

void print(Session& session, const TransferFacts& facts) {
  const auto& head = facts.row.head;
  std::vector<std::pair<std::string, std::string>> lines = {
      {"zone", head.apex.text()},
      {"kind", std::string(kind_text(head.kind))},
      {"primaries", head.primaries.empty() ? "-" : fmt::format("{}", fmt::join(head.primaries, " "))},
      {"serial", number_text(facts.row.serial)},
      {"served serial", number_text(facts.served_serial)},
      {"notified serial", head.notified_serial == 0 ? "-" : std::to_string(head.notified_serial)},
      {"last check", last_check_text(facts)},
  };
  if (facts.times) {
    lines.emplace_back("refresh, expire",
                       fmt::format("{}, {}", duration_text(facts.times->refresh), duration_text(facts.times->expire)));
  }
  for (const char* kind : kTransferKinds) {
    for (const auto& one : facts.signing.metadata) {
      if (one.kind == kind) lines.emplace_back(kind, fmt::format("{}", fmt::join(one.values, " ")));
    }
  }
  lines.emplace_back("next", next_step(facts));
  print_facts(session.out(), lines);
}

Result<int> show_one(Session& session, const std::string& zone) {
  auto apex = zone_argument(zone);
  if (!apex) return fail(std::move(apex.error()));
  auto transaction = session.read();
  if (!transaction) return fail(std::move(transaction.error()));
  auto row = find_zone(**transaction, *apex);
  if (!row) return fail(std::move(row.error()));
  auto facts = facts_of(session, **transaction, std::move(*row));
  if (!facts) return fail(std::move(facts.error()));
  if (session.json()) session.print(to_json(*facts));
  else print(session, *facts);
  return kDone;
}

Result<int> show_all(Session& session) {
  auto transaction = session.read();
  if (!transaction) return fail(std::move(transaction.error()));
  auto zones = (*transaction)->zones();
  if (!zones) return fail(std::move(zones.error()));
  Table table({"ZONE", "KIND", "SERIAL", "SERVED", "NOTIFIED", "LAST CHECK", "NEXT"});
  auto array = nlohmann::json::array();
  bool any = false;
  for (auto& row : *zones) {
    if (row.head.kind == zone::Kind::kNative) continue;
    any = true;
    auto facts = facts_of(session, **transaction, std::move(row));
    if (!facts) return fail(std::move(facts.error()));
    const auto& head = facts->row.head;
    if (session.json()) {
      array.push_back(to_json(*facts));
    } else {
      table.row({head.apex.text(), std::string(kind_text(head.kind)), number_text(facts->row.serial),
                 number_text(facts->served_serial),
                 head.notified_serial == 0 ? "-" : std::to_string(head.notified_serial), last_check_text(*facts),
                 next_step(*facts)});
    }
  }
  if (session.json()) session.print(array);
  else if (any) table.print(session.out());
  else session.notice("no zone is a primary or secondary one; `sdnsctl zone set-kind` makes one so");
  return kDone;
}

}  // namespace

void add_transfer_status(CLI::App& zone, Action& chosen) {
  const auto name = std::make_shared<std::optional<std::string>>();
  auto* status = zone.add_subcommand("transfer-status",
                                     "Serials, NOTIFY and checks of primary and secondary zones, and what comes next");
  status->add_option("ZONE", *name, "One zone, of any kind");
  status->callback([&chosen, name] {
    chosen = [name](Session& session) { return *name ? show_one(session, **name) : show_all(session); };
  });
}

}  // namespace sdns::ctl
