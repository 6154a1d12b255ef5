// SPDX-License-Identifier: MIT
// registrar list, validate, task, ns, ds, host.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "backend/ctl/commands.h"
#include "backend/ctl/registrar_hand.h"
#include "backend/ctl/table.h"
#include "registrars/host_name.h"

namespace sdns::ctl {
namespace {

using registrars::Answer;
using registrars::Capabilities;
using registrars::Capability;
using registrars::Registrar;

nlohmann::json json_of(const Capability& capability) {
  if (capability.offered) return {{"offered", true}};
  return {{"offered", false}, {"why", capability.why_not}, {"instead", capability.instead}};
}

Result<int> list(Session& session) {
  nlohmann::json rows = nlohmann::json::array();
  Table table({"REGISTRAR", "API", "SET NS", "GET DS", "SET DS", "HOSTS", "WRITES", "MOST NS"});
  const auto word = [](const Capability& capability) { return std::string(capability.offered ? "yes" : "no"); };
  for (const std::string_view name : registrars::registrar_names()) {
    for (const Capabilities& can : registrars::capabilities_of(name)) {
      static constexpr const char* kForms[] = {"none", "digest", "key"};
      const char* form = kForms[static_cast<int>(can.ds_form)];
      const std::string hosts = !can.glue_v4.offered ? "no" : can.glue_v6.offered ? "IPv4, IPv6" : "IPv4";
      const std::string writes = !can.set_nameservers.offered ? "-" : can.asynchronous ? "tasks" : "at once";
      table.row({can.registrar, can.api, word(can.set_nameservers), word(can.get_ds),
                 can.set_ds.offered ? fmt::format("by {}", form) : "no", hosts, writes,
                 std::to_string(can.most_nameservers)});
      rows.push_back({{"registrar", can.registrar},
                      {"api", can.api},
                      {"set_nameservers", json_of(can.set_nameservers)},
                      {"get_ds", json_of(can.get_ds)},
                      {"set_ds", json_of(can.set_ds)},
                      {"ds_form", form},
                      {"get_glue", json_of(can.get_glue)},
                      {"glue_v4", json_of(can.glue_v4)},
                      {"glue_v6", json_of(can.glue_v6)},
                      {"asynchronous", can.asynchronous},
                      {"most_nameservers", can.most_nameservers}});
    }
  }
  if (session.json()) session.print(rows);
  else table.print(session.out());
  return kDone;
}

struct Given : RegistrarOptions {
  std::vector<std::string> values{};
  bool hosts_registered = false;
  bool keep_ds = false;
};

Answer<int> validate(Session& session, const Given& given, Registrar& registrar, const dns::Name& domain) {
  auto found = registrar.validate(domain);
  if (!found) return registrars::refuse(std::move(found.error()));
  for (const std::string& warning : found->warnings) session.warning(warning);
  if (session.json())
    session.print({{"valid", true},
                   {"registrar", given.registrar},
                   {"domain", registrars::undotted(domain)},
                   {"status", found->status},
                   {"api", registrar.capabilities().api},
                   {"warnings", found->warnings}});
  else
    print_facts(session.out(), {{"domain", registrars::undotted(domain)},
                                {"registrar", given.registrar + ", API " + registrar.capabilities().api},
                                {"status", found->status}});
  return kDone;
}

Answer<int> show_nameservers(Session& session, const Given& given, Registrar& registrar, const dns::Name& domain) {
  auto set = registrar.nameservers(domain);
  if (!set) return registrars::refuse(std::move(set.error()));
  if (session.json()) {
    nlohmann::json document = {{"registrar", given.registrar},
                               {"domain", registrars::undotted(domain)},
                               {"nameservers", registrars::undotted(set->hosts)},
                               {"own_dns", set->own_dns},
                               {"note", set->note}};
    if (set->ordered) document["ordered"] = registrars::undotted(*set->ordered);
    session.print(document);
    return kDone;
  }
  for (const auto& host : set->hosts) session.out() << registrars::undotted(host) << '\n';
  if (set->own_dns) session.notice("the registrar's own servers are in use");
  if (set->ordered)
    session.notice(
        fmt::format("ordered and not in force yet: {}", fmt::join(registrars::undotted(*set->ordered), ", ")));
  if (!set->note.empty()) session.notice(set->note);
  return kDone;
}

Answer<std::vector<registrars::Nameserver>> nameservers_of(const std::vector<std::string>& texts) {
  std::vector<registrars::Nameserver> all;
  for (const std::string& text : texts) {
    const auto equals = text.find('=');
    auto host = registrars::parse_host(text.substr(0, equals));
    if (!host) return registrars::refuse(std::move(host.error()));
    registrars::Nameserver server{std::move(*host)};
    for (std::size_t at = equals; at != std::string::npos;) {
      const std::size_t end = text.find(',', at + 1);
      const std::string written = text.substr(at + 1, end == std::string::npos ? end : end - at - 1);
      auto address = dns::IpAddress::parse(written);
      if (!address)
        return registrars::refuse(registrars::FaultKind::kInvalidNameserver,
                                  fmt::format("\"{}\": {}", text, address.error().what));
      server.addresses.push_back(*address);
      at = end;
    }
    all.push_back(std::move(server));
  }
  return all;
}

/// A DS that stays at the parent while name servers change must be satisfied by the new ones: whether it is cannot be
/// told here.
Answer<void> guard_ds(Session& session, const Given& given, Registrar& registrar, const dns::Name& domain,
                      const std::vector<registrars::Nameserver>& wanted) {
  if (given.keep_ds || !registrar.capabilities().set_nameservers.offered) return {};
  auto present = registrar.nameservers(domain);
  if (!present) return registrars::refuse(std::move(present.error()));
  std::vector<dns::Name> hosts;
  for (const auto& server : wanted) hosts.push_back(server.host);
  if (registrars::same_hosts(hosts, present->hosts)) return {};
  const auto unknown = [&](std::string_view why) {
    session.warning(
        fmt::format("{}; before a change look for a DS at the parent (dig DS {}): new servers that do not sign with "
                    "its keys are bogus",
                    why, registrars::undotted(domain)));
  };
  if (!registrar.capabilities().get_ds.offered) {
    unknown("the registrar does not tell whether the parent has a DS");
    return {};
  }
  auto records = registrar.ds(domain);
  if (!records) {
    if (records.error().kind != registrars::FaultKind::kUnsupportedOperation)
      return registrars::refuse(std::move(records.error()));
    unknown(records.error().detail);
    return {};
  }
  if (records->empty()) return {};
  return registrars::refuse(
      registrars::FaultKind::kDnssecWouldBreak,
      fmt::format("{} has {} DS records at {}: name servers that do not sign with their keys make it bogus",
                  registrars::undotted(domain), records->size(), given.registrar),
      "clear the DS, wait until it is gone at every parent server and its TTL has passed, and ask again; --keep-ds "
      "when the new servers have the same keys");
}

Answer<int> set_nameservers(Session& session, const Given& given, Registrar& registrar, const dns::Name& domain) {
  auto wanted = nameservers_of(given.values);
  if (!wanted) return registrars::refuse(std::move(wanted.error()));
  if (auto guarded = guard_ds(session, given, registrar, domain, *wanted); !guarded)
    return registrars::refuse(std::move(guarded.error()));
  auto result = registrar.set_nameservers(
      domain, *wanted,
      given.hosts_registered ? registrars::Hosts::kAreRegistered : registrars::Hosts::kMustBeRegistered);
  if (!result) return registrars::refuse(std::move(result.error()));
  return print_write(session, given, domain, *result);
}

Answer<int> show_ds(Session& session, const Given& given, Registrar& registrar, const dns::Name& domain) {
  auto records = registrar.ds(domain);
  if (!records) return registrars::refuse(std::move(records.error()));
  std::vector<std::string> texts;
  for (const auto& record : *records) texts.push_back(record.text());
  if (session.json())
    session.print({{"registrar", given.registrar}, {"domain", registrars::undotted(domain)}, {"ds", texts}});
  else
    for (const std::string& text : texts) session.out() << text << '\n';
  return kDone;
}

Answer<int> set_ds(Session& session, const Given& given, Registrar& registrar, const dns::Name& domain) {
  std::vector<registrars::DsRecord> records;
  for (const std::string& text : given.values) {
    auto record = registrars::parse_ds(domain, text);
    if (!record) return registrars::refuse(std::move(record.error()));
    records.push_back(std::move(*record));
  }
  auto result = registrar.set_ds(domain, records);
  if (!result) return registrars::refuse(std::move(result.error()));
  return print_write(session, given, domain, *result);
}

Answer<int> clear_ds(Session& session, const Given& given, Registrar& registrar, const dns::Name& domain) {
  auto result = registrar.clear_ds(domain);
  if (!result) return registrars::refuse(std::move(result.error()));
  return print_write(session, given, domain, *result);
}

Answer<int> show_host(Session& session, const Given& given, Registrar& registrar, const dns::Name& domain) {
  auto host = registrars::parse_host(given.values.front());
  if (!host) return registrars::refuse(std::move(host.error()));
  auto found = registrar.glue(domain, *host);
  if (!found) return registrars::refuse(std::move(found.error()));
  std::vector<std::string> texts;
  if (*found)
    for (const auto& address : **found) texts.push_back(address.text());
  if (session.json())
    session.print({{"registrar", given.registrar},
                   {"domain", registrars::undotted(domain)},
                   {"host", registrars::undotted(*host)},
                   {"registered", found->has_value()},
                   {"addresses", texts}});
  else if (!*found) session.messages() << "sdnsctl: " << registrars::undotted(*host) << " is not registered\n";
  else
    for (const std::string& text : texts) session.out() << text << '\n';
  return *found ? kDone : kFailed;
}

Answer<int> set_host(Session& session, const Given& given, Registrar& registrar, const dns::Name& domain) {
  auto servers = nameservers_of(given.values);
  if (!servers) return registrars::refuse(std::move(servers.error()));
  auto result = registrar.set_glue(domain, servers->front());
  if (!result) return registrars::refuse(std::move(result.error()));
  return print_write(session, given, domain, *result);
}

Answer<int> show_task(Session& session, const Given& given, Registrar& registrar, const dns::Name& domain) {
  auto report = registrar.task(domain, given.values.front());
  if (!report) return registrars::refuse(std::move(report.error()));
  static constexpr const char* kStates[] = {"running", "done", "failed", "gone"};
  const std::string state = kStates[static_cast<int>(report->state)];
  if (session.json()) {
    nlohmann::json document = {{"registrar", given.registrar},
                               {"domain", registrars::undotted(domain)},
                               {"task", given.values.front()},
                               {"state", state}};
    if (report->poll_after) document["poll_after"] = report->poll_after->count();
    if (report->fault)
      document["fault"] = {{"error", registrars::row_of(report->fault->kind).code}, {"detail", report->fault->detail}};
    session.print(document);
  } else {
    session.out() << state << '\n';
    if (report->fault) session.notice(registrars::to_text(*report->fault));
    if (report->state == registrars::TaskState::kGone)
      session.notice("the registrar does not know it any more: look at the name servers or DS records");
  }
  return report->state == registrars::TaskState::kFailed ? kFailed : kDone;
}

using Use = Answer<int> (*)(Session&, const Given&, Registrar&, const dns::Name&);

/// A command with the options of all; `value` names the arguments after DOMAIN, if there are any.
CLI::App* add(CLI::App& group, const char* name, const char* about, Use use, Action& chosen,
              const char* value = nullptr, const char* value_about = "", bool many = false,
              std::shared_ptr<Given>* given = nullptr) {
  const auto options = std::make_shared<Given>();
  CLI::App* command = group.add_subcommand(name, about);
  add_registrar_options(*command, *options);
  if (value != nullptr)
    command->add_option(value, options->values, value_about)->required()->expected(1, many ? -1 : 1);
  if (given != nullptr) *given = options;
  command->callback([&chosen, options, use] {
    chosen = [options, use](Session& session) {
      return with_registrar(session, *options, [&](Registrar& registrar, const dns::Name& domain) {
        return use(session, *options, registrar, domain);
      });
    };
  });
  return command;
}

}  // namespace

void add_registrar_commands(CLI::App& group, Action& chosen) {
  group.add_subcommand("list", "What can be done at which registrar")->callback([&chosen] {
    chosen = [](Session& session) { return list(session); };
  });
  add(group, "validate", "Whether the credential is good and the domain in its account can be changed", validate,
      chosen);
  add(group, "task", "How far a pending write is; exit code 1 when it failed", show_task, chosen, "TASK",
      "Its id, as the write said");

  CLI::App* ns = group.add_subcommand("ns", "Name servers of the domain");
  ns->require_subcommand(1);
  add(*ns, "show", "Those that the registrar has", show_nameservers, chosen);
  std::shared_ptr<Given> given;
  CLI::App* set =
      add(*ns, "set", "Replaces them all; reads before and after, and writes nothing when nothing would change",
          set_nameservers, chosen, "NS", "Host name; with =ADDRESS[,ADDRESS] it is registered as a host first", true,
          &given);
  set->add_flag("--hosts-registered", given->hosts_registered,
                "Hosts below the domain without addresses are registered already");
  set->add_flag("--keep-ds", given->keep_ds, "Although there is a DS: the new servers sign with its keys");

  CLI::App* ds = group.add_subcommand("ds", "DS records at the parent, as far as the registrar lets them be set");
  ds->require_subcommand(1);
  add(*ds, "show", "Those that the registrar has", show_ds, chosen);
  add(*ds, "set", "Replaces them all", set_ds, chosen, "DS",
      "\"TAG ALGORITHM DIGEST-TYPE DIGEST\", or a DNSKEY: \"257 3 13 KEY\"", true);
  add(*ds, "clear", "Removes them all; wait for their TTL at the parent before the zone loses its signatures", clear_ds,
      chosen);

  CLI::App* glue = group.add_subcommand("host", "Hosts below the domain with their addresses (glue)");
  glue->require_subcommand(1);
  add(*glue, "show", "The addresses that are registered; exit code 1 when it is none", show_host, chosen, "HOST",
      "Host name");
  add(*glue, "set", "Registers a host or gives it other addresses", set_host, chosen, "HOST",
      "Host name and addresses: HOST=ADDRESS[,ADDRESS]");
}

}  // namespace sdns::ctl
