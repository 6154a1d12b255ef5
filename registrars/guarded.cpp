// SPDX-License-Identifier: MIT
#include "registrars/guarded.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "registrars/host_name.h"
#include "registrars/traffic.h"

namespace sdns::registrars {
namespace {

constexpr std::size_t kFewestNameservers = 2;
/// Of Limits::read_back, before each of the five reads: 3, 4.5, 7.5, 15 and 30 of 60 seconds.
constexpr std::array<double, 5> kReadBack = {0.05, 0.075, 0.125, 0.25, 0.5};
constexpr std::array<std::chrono::seconds, 5> kConfirm = {std::chrono::seconds(2), std::chrono::seconds(4),
                                                          std::chrono::seconds(8), std::chrono::seconds(16),
                                                          std::chrono::seconds(30)};
constexpr std::chrono::seconds kPollSoon{30};

std::vector<std::string> texts_of(const std::vector<dns::IpAddress>& addresses) {
  std::vector<std::string> texts;
  for (const auto& address : addresses) texts.push_back(address.text());
  return texts;
}

std::vector<std::string> texts_of(const std::vector<DsRecord>& records) {
  std::vector<std::string> texts;
  for (const auto& record : records) texts.push_back(record.text());
  return texts;
}

template <class T>
bool equal_sets(const std::vector<T>& a, const std::vector<T>& b) {
  return std::set<T>(a.begin(), a.end()) == std::set<T>(b.begin(), b.end());
}

}  // namespace

std::string_view write_state_text(WriteState state) {
  switch (state) {
    case WriteState::kUnchanged:
      return "unchanged";
    case WriteState::kApplied:
      return "applied";
    case WriteState::kPending:
      break;
  }
  return "pending";
}

GuardedRegistrar::GuardedRegistrar(Context& context, std::unique_ptr<Adapter> adapter)
    : context_(context), adapter_(std::move(adapter)) {}

Answer<Registration> GuardedRegistrar::validate(const dns::Name& domain) {
  adapter_->channel().begin_operation();
  auto found = adapter_->validate(domain);
  if (found && found->blocked)
    return refuse(FaultKind::kDomainLocked, fmt::format("{}: {}", undotted(domain), *found->blocked));
  return found;
}

Answer<NameserverSet> GuardedRegistrar::nameservers(const dns::Name& domain) {
  adapter_->channel().begin_operation();
  auto found = adapter_->inspect(domain);
  if (!found) return refuse(std::move(found.error()));
  if (found->nameservers) return std::move(*found->nameservers);
  return adapter_->read_nameservers(domain);
}

Answer<std::vector<DsRecord>> GuardedRegistrar::ds(const dns::Name& domain) {
  if (!capabilities().get_ds.offered) return adapter_->read_ds(domain);
  adapter_->channel().begin_operation();
  if (auto found = adapter_->inspect(domain); !found) return refuse(std::move(found.error()));
  return adapter_->read_ds(domain);
}

Answer<std::optional<std::vector<dns::IpAddress>>> GuardedRegistrar::glue(const dns::Name& domain,
                                                                          const dns::Name& host) {
  if (!capabilities().get_glue.offered) return adapter_->read_glue(domain, host);
  adapter_->channel().begin_operation();
  if (auto found = adapter_->inspect(domain); !found) return refuse(std::move(found.error()));
  return adapter_->read_glue(domain, host);
}

Answer<TaskReport> GuardedRegistrar::task(const dns::Name& domain, const std::string& id) {
  adapter_->channel().begin_operation();
  return adapter_->read_task(domain, id);
}

Fault GuardedRegistrar::busy(const dns::Name& domain) const {
  return Fault{FaultKind::kConflict,
               fmt::format("{}: another change of {} is running here", capabilities().registrar, undotted(domain)),
               "nothing was sent; ask again when it has ended"};
}

Answer<Registration> GuardedRegistrar::inspect_for_write(const dns::Name& domain) {
  auto found = adapter_->inspect(domain);
  if (found && found->blocked)
    return refuse(FaultKind::kDomainLocked, fmt::format("{}: {}", undotted(domain), *found->blocked));
  return found;
}

Answer<void> GuardedRegistrar::check_addresses(const Nameserver& host) const {
  const Capabilities& can = capabilities();
  const std::string name = undotted(host.host);
  if (host.addresses.empty())
    return refuse(FaultKind::kInvalidNameserver, fmt::format("{} needs addresses: it is below the domain", name),
                  "give the addresses at which it answers; they become glue at the parent");
  const bool v6 = std::any_of(host.addresses.begin(), host.addresses.end(), [](const auto& a) { return !a.is_v4(); });
  const bool v4 = std::any_of(host.addresses.begin(), host.addresses.end(), [](const auto& a) { return a.is_v4(); });
  for (const auto& [there, capability, family] : {std::tuple(v4, &can.glue_v4, "IPv4"), {v6, &can.glue_v6, "IPv6"}}) {
    if (there && !capability->offered)
      return refuse(FaultKind::kUnsupportedOperation,
                    fmt::format("{}: an {} address for {}: {}", can.registrar, family, name, capability->why_not),
                    capability->instead);
  }
  if (can.one_address_per_host && host.addresses.size() > 1)
    return refuse(
        FaultKind::kUnsupportedOperation,
        fmt::format("{}: {} has {} addresses, and a host has one here", can.registrar, name, host.addresses.size()),
        "give one address");
  return {};
}

Answer<void> GuardedRegistrar::check_nameservers(const dns::Name& domain, const std::vector<Nameserver>& wanted,
                                                 Hosts hosts) {
  const Capabilities& can = capabilities();
  if (wanted.size() < kFewestNameservers)
    return refuse(FaultKind::kInvalidNameserver, fmt::format("{} name servers for {}: at least {} are needed",
                                                             wanted.size(), undotted(domain), kFewestNameservers));
  if (wanted.size() > can.most_nameservers)
    return refuse(FaultKind::kInvalidNameserver,
                  fmt::format("{} name servers for {}: {} takes at most {}", wanted.size(), undotted(domain),
                              can.registrar, can.most_nameservers),
                  "a set of at most 8 fits everywhere");
  for (const Nameserver& server : wanted) {
    if (server.host.at_or_below(domain)) {
      if (hosts == Hosts::kAreRegistered && server.addresses.empty()) continue;
    } else if (server.addresses.empty()) {
      continue;
    }
    if (auto checked = check_addresses(server); !checked) return checked;
  }
  return {};
}

Answer<WriteResult> GuardedRegistrar::set_nameservers(const dns::Name& domain, const std::vector<Nameserver>& given,
                                                      Hosts hosts) {
  std::vector<Nameserver> wanted;
  for (const Nameserver& server : given) {
    const auto twice = [&](const Nameserver& other) { return other.host == server.host; };
    if (std::none_of(wanted.begin(), wanted.end(), twice)) wanted.push_back(server);
  }
  std::vector<dns::Name> names;
  for (const Nameserver& server : wanted) names.push_back(server.host);
  if (auto checked = check_nameservers(domain, wanted, hosts); !checked) return refuse(std::move(checked.error()));

  adapter_->channel().begin_operation();
  const Traffic::WriteLock lock(context_.traffic, capabilities().registrar, domain);
  if (!lock.held()) return refuse(busy(domain));
  auto registration = inspect_for_write(domain);
  if (!registration) return refuse(std::move(registration.error()));

  NameserverSet present;
  bool read_before = registration->nameservers.has_value();
  if (read_before) present = std::move(*registration->nameservers);
  const auto see = [&](const NameserverSet& set) {
    Seen seen{undotted(set.hosts), same_hosts(set.hosts, names), false};
    if (set.ordered) {
      seen.wanted = seen.wanted && same_hosts(*set.ordered, names);
      seen.wanted_ordered = !seen.wanted && same_hosts(*set.ordered, names);
    }
    return seen;
  };
  const auto read = [&]() -> Answer<Seen> {
    if (!std::exchange(read_before, false)) {
      auto got = adapter_->read_nameservers(domain);
      if (!got) return refuse(std::move(got.error()));
      present = std::move(*got);
    }
    return see(present);
  };

  // Hosts come before the set that names them; a host whose registration takes time ends this call.
  auto first = read();
  if (!first) return refuse(std::move(first.error()));
  read_before = true;
  if (!first->wanted && !first->wanted_ordered && capabilities().set_nameservers.offered &&
      !adapter_->addresses_go_with_nameservers()) {
    for (const Nameserver& server : wanted) {
      if (server.addresses.empty()) continue;
      auto made = write_glue(domain, server);
      if (!made) return made;
      if (made->state == WriteState::kPending) {
        made->repeat = true;
        made->note =
            fmt::format("{} is being registered; the name servers were not changed yet", undotted(server.host));
        made->previous = made->observed = undotted(present.hosts);
        return made;
      }
    }
  }
  if (!first->wanted && !capabilities().set_nameservers.offered)
    return refuse(
        FaultKind::kUnsupportedOperation,
        fmt::format("{}: {}: {}", capabilities().registrar, undotted(domain), capabilities().set_nameservers.why_not),
        capabilities().set_nameservers.instead);
  Steps steps{Change::kNameservers, read, [&] { return adapter_->write_nameservers(domain, wanted, present); },
              capabilities().read_back_lag};
  auto result = write(domain, steps);
  if (result && result->note.empty()) result->note = present.note;
  return result;
}

Answer<WriteResult> GuardedRegistrar::set_ds(const dns::Name& domain, const std::vector<DsRecord>& wanted) {
  if (!capabilities().set_ds.offered) {
    auto refused = adapter_->write_ds(domain, wanted, {});
    if (!refused) return refuse(std::move(refused.error()));
  }
  if (wanted.empty())
    return refuse(FaultKind::kInvalidDs, "no DS record was given", "clearing them is an operation of its own");
  for (const DsRecord& record : wanted) {
    if (auto checked = check_ds(domain, record); !checked) return refuse(std::move(checked.error()));
    if (capabilities().ds_form == DsForm::kKey && !record.key)
      return refuse(
          FaultKind::kInvalidDs,
          fmt::format("DS {}: {} takes the key and makes the digest itself", record.text(), capabilities().registrar),
          "give the DNSKEY: \"FLAGS 3 ALGORITHM KEY\"");
  }
  return write_ds(domain, wanted);
}

Answer<WriteResult> GuardedRegistrar::clear_ds(const dns::Name& domain) {
  if (!capabilities().set_ds.offered) {
    auto refused = adapter_->write_ds(domain, {}, {});
    if (!refused) return refuse(std::move(refused.error()));
  }
  return write_ds(domain, {});
}

Answer<WriteResult> GuardedRegistrar::write_ds(const dns::Name& domain, const std::vector<DsRecord>& wanted) {
  adapter_->channel().begin_operation();
  const Traffic::WriteLock lock(context_.traffic, capabilities().registrar, domain);
  if (!lock.held()) return refuse(busy(domain));
  if (auto found = inspect_for_write(domain); !found) return refuse(std::move(found.error()));
  if (wanted.empty()) {
    auto stopped = adapter_->stop_own_signing(domain);
    if (!stopped) return refuse(std::move(stopped.error()));
    if (*stopped) return std::move(**stopped);
  }
  std::vector<DsRecord> present;
  const auto read = [&]() -> Answer<Seen> {
    auto got = adapter_->read_ds(domain);
    if (!got) return refuse(std::move(got.error()));
    present = std::move(*got);
    return Seen{texts_of(present), same_set(domain, present, wanted), false};
  };
  return write(domain, {Change::kDs, read, [&] { return adapter_->write_ds(domain, wanted, present); },
                        capabilities().read_back_lag});
}

Answer<WriteResult> GuardedRegistrar::set_glue(const dns::Name& domain, const Nameserver& host) {
  if (!host.host.at_or_below(domain))
    return refuse(FaultKind::kInvalidNameserver,
                  fmt::format("{} is not below {}", undotted(host.host), undotted(domain)),
                  "a host is registered at the registrar of the domain that it is in");
  if (auto checked = check_addresses(host); !checked) return refuse(std::move(checked.error()));
  adapter_->channel().begin_operation();
  const Traffic::WriteLock lock(context_.traffic, capabilities().registrar, domain);
  if (!lock.held()) return refuse(busy(domain));
  if (auto found = inspect_for_write(domain); !found) return refuse(std::move(found.error()));
  return write_glue(domain, host);
}

Answer<WriteResult> GuardedRegistrar::write_glue(const dns::Name& domain, const Nameserver& host) {
  std::optional<std::vector<dns::IpAddress>> present;
  const bool readable = capabilities().get_glue.offered;
  const auto read = [&]() -> Answer<Seen> {
    if (!readable) return Seen{};
    auto got = adapter_->read_glue(domain, host.host);
    if (!got) return refuse(std::move(got.error()));
    present = std::move(*got);
    return Seen{present ? texts_of(*present) : std::vector<std::string>(),
                present && equal_sets(*present, host.addresses), false};
  };
  return write(domain, {Change::kGlue, read, [&] { return adapter_->write_glue(domain, host, present); },
                        capabilities().read_back_lag, readable});
}

Answer<WriteResult> GuardedRegistrar::write(const dns::Name& domain, const Steps& steps) {
  auto before = steps.read();
  if (!before) return refuse(std::move(before.error()));
  if (before->wanted) return WriteResult{WriteState::kUnchanged, true, before->texts, before->texts};
  auto other = adapter_->running(domain, steps.change);
  if (!other) return refuse(std::move(other.error()));
  if (before->wanted_ordered) {
    WriteResult result{WriteState::kPending, false, before->texts, before->texts, std::move(*other), kPollSoon};
    result.note = "it was ordered before; nothing was sent again";
    return result;
  }
  if (*other)
    return refuse(FaultKind::kConflict,
                  fmt::format("{}: task {} ({}) of {} has not ended", capabilities().registrar, (*other)->id,
                              (*other)->what, undotted(domain)),
                  "nothing was ordered; wait for that task, or cancel it at the registrar");

  int lost = 0;      // writes whose answer did not come
  int not_sent = 0;  // that did not reach the registrar
  for (;;) {
    auto accepted = steps.write();
    if (accepted) {
      if (!accepted->task) return confirm(steps, *before, *accepted);
      WriteResult result{WriteState::kPending,      false,    before->texts, before->texts,
                         std::move(accepted->task), kPollSoon};
      result.note = std::move(accepted->note);
      return result;
    }
    const Fault& fault = accepted.error();
    if (fault.executed == Executed::kMaybe) {
      bool again = false;
      auto recovered = recover(domain, steps, *before, fault, again);
      if (again && ++lost == 1) continue;
      return recovered;
    }
    // Refused before it was carried out: the registrar's delay is respected by the next call, or that fails.
    if (fault.kind == FaultKind::kRateLimited && fault.retry_after && *fault.retry_after < adapter_->channel().left())
      continue;
    if (fault.kind == FaultKind::kApiUnavailable && fault.upstream_status == 0 && ++not_sent == 1 &&
        adapter_->channel().pause(std::chrono::seconds(1)))
      continue;
    return refuse(std::move(accepted.error()));
  }
}

Answer<WriteResult> GuardedRegistrar::recover(const dns::Name& domain, const Steps& steps, const Seen& before,
                                              const Fault& fault, bool& again) {
  Seen last;
  bool seen = false;
  bool whole = true;  // every read that was planned was made
  const auto unknown = [&] {
    Fault lost = fault;
    lost.kind = FaultKind::kOutcomeUnknown;
    lost.detail = fmt::format("{}: whether the {} of {} were changed is not known: {}", capabilities().registrar,
                              kChangeText[static_cast<std::size_t>(steps.change)], undotted(domain), fault.detail);
    lost.hint = seen ? "reading back did not decide it; look at the registrar before anything is sent again"
                     : "it could not be read back; look at the registrar before anything is sent again";
    return refuse(std::move(lost));
  };
  if (!steps.readable) return unknown();
  for (const double part : kReadBack) {
    const auto delay = std::chrono::duration_cast<std::chrono::milliseconds>(context_.limits.read_back * part);
    if (!adapter_->channel().pause(delay)) {
      whole = false;
      break;
    }
    auto now = steps.read();
    if (!now) {
      whole = whole && now.error().kind != FaultKind::kRateLimited;
      seen = false;
      continue;
    }
    seen = true;
    last = std::move(*now);
    if (last.wanted) {
      WriteResult result{WriteState::kApplied, true, before.texts, last.texts};
      result.note = "the registrar's answer was lost; reading back shows that the change was made";
      return result;
    }
    auto task = adapter_->running(domain, steps.change);
    if (task && (*task || last.wanted_ordered)) {
      WriteResult result{WriteState::kPending, false, before.texts, last.texts, std::move(*task), kPollSoon};
      result.note = "the registrar's answer was lost; it has the order";
      return result;
    }
    if (!task) seen = false;
  }
  again = whole && seen && last.texts == before.texts;
  return unknown();
}

WriteResult GuardedRegistrar::confirm(const Steps& steps, const Seen& before, const Accepted& accepted) {
  WriteResult result{WriteState::kApplied, false, before.texts, before.texts};
  result.note = accepted.note;
  if (!steps.readable) {
    result.observed.clear();
    result.note = "the registrar acknowledged it, and its API cannot read it back";
    return result;
  }
  auto now = steps.read();
  std::chrono::seconds waited{0};
  for (const auto delay : kConfirm) {
    if ((now && now->wanted) || waited + delay > steps.lag || !adapter_->channel().pause(delay)) break;
    waited += delay;
    now = steps.read();
  }
  if (!now) {
    result.observed.clear();
    result.note = "the registrar acknowledged it, and it could not be read back: " + now.error().detail;
    return result;
  }
  result.observed = now->texts;
  result.confirmed = now->wanted;
  if (!now->wanted) {
    result.state = WriteState::kPending;
    result.poll_after = kPollSoon;
    result.note = "the registrar acknowledged it and does not show it yet";
  }
  return result;
}

}  // namespace sdns::registrars
