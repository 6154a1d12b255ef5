// SPDX-License-Identifier: MIT
#include "backend/answer/rehearsal.h"

#include <fmt/format.h>

#include <utility>

#include "backend/answer/steered_owners.h"
#include "backend/answer/zone_records.h"
#include "lua/constant_calls.h"

namespace sdns::answer {
namespace {

constexpr std::size_t kMostOfARecord = 10'000;  // checks

}  // namespace

struct Rehearsal::Impl {
  explicit Impl(const Parts& parts)
      : settings(parts.settings),
        health(parts.health),
        geo(parts.geo),
        random(parts.seed),
        runtime(parts.settings.runtime, parts.clock) {
    client.who = *dns::IpAddress::parse("192.0.2.0");
  }

  // What this code asks in this zone, which may be null.
  void run(lua::Code code, const zone::ZoneSet& zones, const zone::Zone* zone, std::string_view qname,
           AskedChecks& asked) {
    lua::Script script(std::move(code));
    const health::HealthTablePtr table = health.load();
    const std::shared_ptr<const lua::Geo> places = geo.load();
    std::optional<ZoneRecords> records;
    if (zone) records.emplace(zones, *zone);
    const lua::Question question{.qname_wire = qname,
                                 .zone_wire = zone ? zone->apex().wire() : qname,
                                 .base_wire = {},
                                 .zone_id = zone ? static_cast<std::int64_t>(zone->id()) : 0,
                                 .client = &client};
    const lua::Sources sources{.health = table.get(),
                               .pools = zones.target_pools().get(),
                               .geo = places.get(),
                               .records = records ? &*records : nullptr,
                               .random = &random};
    runtime.evaluate(script, question, sources, values);
    runtime.forget(script);
    const std::vector<std::string>& found = values.evidence.checks;
    asked.checks.insert(asked.checks.end(), found.begin(), found.end());
    if (values.evidence.planned) asked.planned.insert(asked.planned.end(), found.begin(), found.end());
  }

  const SteeringSettings& settings;
  const health::HealthCell& health;
  const lua::GeoCell& geo;
  QuickRandom random;
  lua::Runtime runtime;
  lua::Client client;
  lua::Values values;
};

Rehearsal::Rehearsal(const Parts& parts) : impl_(std::make_unique<Impl>(parts)) {}
Rehearsal::~Rehearsal() = default;

void Rehearsal::record(const zone::ZoneSet& zones, const zone::Zone& zone, const zone::Owner& owner,
                       const std::string& content, AskedChecks& asked) {
  auto code = lua::parse_record(content, impl_->settings.runtime.join);
  if (!code) return;
  const dns::Name name = dns::Name::from_key(std::string(zone.apex_key()).append(owner.key()));
  const std::string source = code->source;
  const bool sandboxed = !impl_->settings.full_library.contains(zone.apex());
  if (sandboxed && code->type != dns::kLUA && may_be_made(code->type))
    impl_->run(std::move(*code), zones, &zone, name.wire(), asked);
  const std::size_t most = asked.checks.size() + kMostOfARecord;
  for (const std::string& call : lua::constant_calls(source)) {
    impl_->run({dns::kA, "return " + call}, zones, &zone, name.wire(), asked);
    if (asked.checks.size() >= most) return;
  }
}

void Rehearsal::pool(const zone::ZoneSet& zones, const std::string& name, AskedChecks& asked) {
  impl_->run({dns::kA, fmt::format("return pool('{}')", name)}, zones, nullptr, dns::Name{}.wire(), asked);
}

}  // namespace sdns::answer
