// SPDX-License-Identifier: MIT
#include "backend/answer/steering.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "backend/answer/repeated_answers.h"
#include "backend/answer/zone_records.h"
#include "backend/base/json_text.h"
#include "backend/dns/rdata_text.h"
#include "backend/zone/metadata.h"

namespace sdns::answer {
namespace {

constexpr std::chrono::seconds kTellAgain{20};  // well within the life of what was told

template <class T>
void let_go(void*, std::shared_ptr<const T>) {}

std::string relative_text(const zone::Owner& owner) {
  return owner.key().empty() ? "@" : dns::key_to_relative_text(owner.key());
}

// PowerDNS asks for all types at once: so many records of a name may use up what one may, each.
constexpr std::uint64_t kRecordsInFull = 4;

std::size_t hash_of(const lua::Evidence& evidence, bool kept) {
  std::size_t sum =
      (kept ? 1 : 2) + (evidence.places ? 4 : 0) + (evidence.weights ? 8 : 0) + (evidence.planned ? 16 : 0);
  const auto add = [&](const std::vector<std::string>& texts) {
    sum = sum * 31 + texts.size();
    for (const std::string& text : texts) sum = sum * 131 + std::hash<std::string>{}(text);
  };
  add(evidence.checks);
  add(evidence.pools);
  add(evidence.includes);
  add(evidence.names);
  return sum;
}

}  // namespace

Steering::Steering(const Parts& parts)
    : parts_(parts),
      health_(parts.health, &let_go<health::HealthTable>, nullptr),
      geo_(parts.geo, &let_go<lua::Geo>, nullptr),
      random_(parts.seed),
      owners_(parts.settings.runtime.join, parts.settings.powerdns_may,
              parts.metrics.gauge("sdns_lua_owners", "Names whose LUA records are kept compiled, of all threads")),
      repeated_(std::make_unique<RepeatedAnswers>()) {
  constexpr std::string_view kName = "sdns_lua_evaluations_total";
  constexpr std::string_view kHelp = "Evaluations of LUA records by result";
  evaluated_ = &parts.metrics.counter(kName, kHelp, {{"result", "answered"}});
  failed_ = &parts.metrics.counter(kName, kHelp, {{"result", "failed"}});
  over_budget_ = &parts.metrics.counter(kName, kHelp, {{"result", "over_budget"}});
  scoped_ = &parts.metrics.counter("sdns_lua_scoped_total", "Answers of LUA records that PowerDNS may not cache");
}

Steering::~Steering() = default;

void Steering::refresh() {
  if (health_.holds() && !health_.current()) health_.release();
  if (geo_.holds() && !geo_.current()) geo_.release();
  if (parts_.told) parts_.told->flush();
}

Steering::Who Steering::evaluates(const zone::Zone& zone, std::string* why) const {
  const auto& metadata = zone.settings().metadata;
  const auto decided = [&](Who who, const char* reason) {
    if (why) *why = reason;
    return who;
  };
  if (!parts_.settings.enabled && zone::metadata_value(metadata, "ENABLE-LUA-RECORDS") != "1")
    return decided(Who::kNobody, "lua.enabled is no, and the zone has no metadata ENABLE-LUA-RECORDS 1");
  if (zone::is_presigned(metadata))
    return decided(Who::kNobody, "the zone is PRESIGNED: what it has no signature for cannot be answered");
  if (parts_.settings.powerdns_may && zone::metadata_value(metadata, "X-SDNS-LUA") == "powerdns")
    return decided(Who::kPowerDns, "the zone has the metadata X-SDNS-LUA powerdns");
  return Who::kWe;
}

bool Steering::needs_powerdns(const zone::Zone& zone) const {
  return zone.has_lua() && evaluates(zone) != Who::kNobody;
}

std::optional<lua::Client> Steering::client_of(const protocol::Lookup& lookup) {
  const auto who = dns::IpAddress::parse(lookup.remote);
  if (!who) return std::nullopt;
  const auto network = dns::IpNetwork::parse(lookup.real_remote);
  if (who->is_zero() && (!network || network->bits == 0)) return std::nullopt;
  lua::Client client;
  client.who = *who;
  const bool itself = !network || (network->address == *who && network->bits == who->bits());
  if (!itself) client.ecs = *network;
  if (const auto local = dns::IpAddress::parse(lookup.local)) client.local = *local;
  return client;
}

lua::Runtime& Steering::runtime_of(const zone::Zone& zone) {
  if (!parts_.settings.full_library.empty() && parts_.settings.full_library.contains(zone.apex())) {
    auto& runtime = full_[zone.id()];
    if (!runtime) {
      lua::RuntimeOptions options = parts_.settings.runtime;
      options.library = lua::Library::kFull;
      runtime = std::make_unique<lua::Runtime>(std::move(options), parts_.clock);
    }
    return *runtime;
  }
  if (!sandbox_) sandbox_ = std::make_unique<lua::Runtime>(parts_.settings.runtime, parts_.clock);
  return *sandbox_;
}

SteeredOwner& Steering::owner_of(const zone::Zone& zone, const zone::Owner& owner) {
  if (SteeredOwner* const known = owners_.find(owner)) return *known;
  return owners_.add(owner, runtime_of(zone));
}

bool Steering::reads_query_name(const zone::Zone& zone, const zone::Owner& owner) {
  return owner_of(zone, owner).query_name;
}

// As data, whoever asks.
void Steering::raw(const zone::Owner& owner, SteeredRows& rows) {
  zone::RrsetView rrset;
  if (!owner.find(dns::kLUA, rrset)) return;
  rows.text += rrset.rows;
  rows.blocks.push_back({0, rows.text.size(), dns::kLUA});
  rows.any = true;
}

// For PowerDNS itself, which takes the types that they make into the bitmaps of NSEC and NSEC3 and leaves them out of
// additional sections. It may not keep them: a client's question would find them.
void Steering::types(const SteeredOwner& steered, SteeredRows& rows) {
  for (const SteeredRecord& record : steered.records) {
    if (record.type != dns::kLUA && !may_be_made(record.type)) continue;
    rows.text.append(record.raw, 0, record.raw.size() - 1) += ",\"scopeMask\":1\n";
    rows.any = true;
  }
  if (rows.any) rows.blocks.push_back({0, rows.text.size(), dns::kLUA});
}

// LUA code of the type, for PowerDNS to fail at: SERVFAIL for whoever asks for this type and for nobody else, which is
// kept in no cache. `evaluates()` decides that PowerDNS is told to run it.
void Steering::add_failure(const SteeredRecord& record, SteeredRows& rows) {
  const std::size_t start = rows.text.size();
  fmt::format_to(
      std::back_inserter(rows.text),
      R"("qtype":"LUA","content":"{} \";error('failed at the backend, whose log says why')\"","ttl":{},"scopeMask":1)"
      "\n",
      record.type.text(), record.ttl);
  rows.blocks.push_back({start, rows.text.size() - start, dns::kLUA});
  rows.any = rows.failed = true;
}

// Every LUA record of the owner, before anything is known of it.
void Steering::begin(const Subject& subject, SteeringExplanation& explanation) {
  explanation = SteeringExplanation{};
  explanation.synthesised = subject.synthesised;
  explanation.qname = subject.lookup.qname;
  std::string why;
  const Who who = evaluates(subject.zone, &why);
  zone::RrsetView rrset;
  if (!subject.owner.find(dns::kLUA, rrset)) return;
  std::vector<std::string> contents = zone::contents_of(rrset);
  const SteeredOwner& steered = owner_of(subject.zone, subject.owner);
  for (std::size_t i = 0; i < steered.records.size() && i < contents.size(); ++i) {
    const SteeredRecord& record = steered.records[i];
    ExplainedRecord& explained = explanation.records.emplace_back();
    explained.type = record.type;
    explained.ttl = rrset.ttl.seconds;
    explained.content = std::move(contents[i]);
    explained.source = record.script.code().source;
    explained.reason = why;
    if (who == Who::kNobody) explained.by = EvaluatedBy::kNobody;
    else if (who == Who::kPowerDns) explained.by = EvaluatedBy::kPowerDns;
    if (who != Who::kWe) continue;
    if (record.type == dns::kLUA && record.broken.empty()) {
      explained.by = EvaluatedBy::kNobody;
      explained.reason = "it is a library: it runs where include() names it";
    } else if (record.to_powerdns) {
      explained.by = EvaluatedBy::kPowerDns;
      explained.reason =
          fmt::format("its code names {}, which only PowerDNS knows", record.script.mentions().powerdns_word);
    }
  }
}

void Steering::steer(const Subject& subject, SteeredRows& rows, SteeringExplanation* explanation) {
  rows.clear();
  if (explanation) begin(subject, *explanation);
  const protocol::Lookup& lookup = subject.lookup;
  const Who who = evaluates(subject.zone);
  if (who != Who::kWe || lookup.qtype == dns::kLUA) {
    if (lookup.qtype == dns::kANY || lookup.qtype == dns::kLUA) raw(subject.owner, rows);
    return;
  }
  const auto client = client_of(lookup);
  // PowerDNS asks for itself: for a bitmap, for an additional section, for its API. The row may not be cached: a
  // client's question would find it.
  if (!client) {
    if (lookup.qtype == dns::kANY) types(owner_of(subject.zone, subject.owner), rows);
    return;
  }
  if (lookup.qtype != dns::kANY && !may_be_made(lookup.qtype)) return;
  const Ground ground{.revision = subject.zones.revision(),
                      .chain = subject.zones.chain(),
                      .pools = subject.zones.target_pools(),
                      .health_sequence = health_.get().sequence(),
                      .geo_generation = geo_.get().generation()};
  const SteadyTime now = parts_.clock.now();
  if (!explanation) {
    if (const SteeredRows* same = repeated_->find(lookup, ground, now)) {
      rows = *same;
      scoped_->add();
      return;
    }
  }
  // Code with all libraries may read what nobody tracks.
  repeatable_ = &runtime_of(subject.zone) == sandbox_.get();
  evidence_.clear();
  kept_ = false;
  evaluate(subject, *client, owner_of(subject.zone, subject.owner), rows, explanation);
  if (repeatable_ && rows.any && !rows.failed && evidence_.client && !evidence_.chance)
    repeated_->remember(lookup, ground, now, rows);
}

void Steering::evaluate(const Subject& subject, const lua::Client& client, SteeredOwner& steered, SteeredRows& rows,
                        SteeringExplanation* explanation) {
  lua::Runtime& runtime = runtime_of(subject.zone);
  qname_wire_.clear();
  if (dns::append_name_wire(subject.lookup.qname, dns::Name{}, qname_wire_) != nullptr) return;
  base_wire_.clear();
  if (subject.synthesised) {
    const std::string key = std::string(subject.zone.apex_key()).append(subject.owner.key());
    base_wire_ = dns::Name::from_key(dns::parent_key(key)).wire();
  }
  ZoneRecords records(subject.zones, subject.zone);
  const health::HealthTable& health = health_.get();
  lua::Question question{.qname_wire = qname_wire_,
                         .zone_wire = subject.zone.apex().wire(),
                         .base_wire = base_wire_,
                         .zone_id = static_cast<std::int64_t>(subject.zone.id()),
                         .client = &client};
  const lua::Sources sources{.health = &health,
                             .pools = subject.zones.target_pools().get(),
                             .geo = &geo_.get(),
                             .records = &records,
                             .random = &random_};
  const bool is_signed = !subject.zone.settings().keys.empty();
  std::string why;
  std::uint64_t steps_left = kRecordsInFull * parts_.settings.runtime.limits.steps;
  for (SteeredRecord& record : steered.records) {
    ExplainedRecord* explained =
        explanation ? &explanation->records[static_cast<std::size_t>(&record - steered.records.data())] : nullptr;
    if (record.type == dns::kLUA && record.broken.empty()) continue;  // a library
    if (record.to_powerdns) {
      const std::size_t start = rows.text.size();
      rows.text += record.raw;
      rows.blocks.push_back({start, rows.text.size() - start, dns::kLUA});
      rows.any = true;
      continue;
    }
    if (subject.lookup.qtype != dns::kANY && record.type != subject.lookup.qtype && record.type != dns::kCNAME)
      continue;
    why.clear();
    if (!record.broken.empty()) {
      why = record.broken;
    } else if (steps_left == 0) {
      values_.evidence.clear();
      why = "the LUA records of this name are over the budget that they have together";
      over_budget_->add();
    } else {
      const SteadyTime began = explained ? parts_.clock.now() : SteadyTime{};
      runtime.evaluate(record.script, question, sources, values_, explained ? &explained->trace : nullptr);
      if (explained) {
        explained->taken = parts_.clock.now() - began;
        explained->steps = runtime.steps_used();
        explained->evidence = values_.evidence;
        explained->log = values_.log;
        explained->ended = values_.failure;
      }
      const bool overran = values_.failure != lua::Failure::kNone && values_.failure != lua::Failure::kError;
      steps_left -= std::min(steps_left, overran ? parts_.settings.runtime.limits.steps : runtime.steps_used());
      // The answer was for `*`, and it says something of another name.
      if (values_.evidence.query_name && !std::exchange(steered.query_name, true)) values_.evidence.chance = true;
      evidence_.merge(values_.evidence);
      kept_ |= values_.evidence.cacheable();
      if (!values_.log.empty()) {
        log_lines(subject);
        repeatable_ = false;
      }
      if (values_.failure != lua::Failure::kNone) {
        why = values_.error.empty() ? "it failed" : values_.error;
        if (values_.failure != lua::Failure::kError) over_budget_->add();
      } else if (values_.contents.empty() && (is_signed || !values_.evidence.cacheable())) {
        why = is_signed ? "it gave nothing, and the zone's denials say that the type exists"
                        : "it gave nothing, and might give something to another client";
      }
    }
    const std::uint8_t mask = values_.evidence.scope_mask(client.source_bits());
    if (why.empty() && add_rows(record, record.broken.empty() ? mask : 0, rows, why)) {
      evaluated_->add();
      if (mask != 0) scoped_->add();
      rows.any = true;
      if (explained) {
        explained->scope_mask = mask;
        for (const std::string& value : values_.contents)
          explained->contents.push_back(*contents_.of(record.type, value, why));
      }
      continue;
    }
    failed_->add();
    add_failure(record, rows);
    if (explained) explained->failure = why;
    log_failure(subject, record, why);
  }
  if (evidence_.ttl_step != 0 && rows.blocks.size() > 1) rows.level_ttls();
  evidence_.settle();
  if (parts_.told) tell(subject, steered, evidence_);
}

// All values of the record, or none.
bool Steering::add_rows(const SteeredRecord& record, std::uint8_t scope_mask, SteeredRows& rows, std::string& why) {
  const std::size_t start = rows.text.size();
  const std::uint32_t ttl = values_.evidence.ttl(record.ttl);
  for (const std::string& value : values_.contents) {
    const std::string* content = contents_.of(record.type, value, why);
    if (!content) {
      rows.text.resize(start);
      return false;
    }
    rows.text += R"("qtype":")";
    rows.text += record.type.text();
    rows.text += R"(","content":)";
    append_json_string(rows.text, *content);
    fmt::format_to(std::back_inserter(rows.text), R"(,"ttl":{})", ttl);
    if (scope_mask != 0) fmt::format_to(std::back_inserter(rows.text), R"(,"scopeMask":{})", scope_mask);
    rows.text += '\n';
  }
  rows.blocks.push_back({start, rows.text.size() - start, record.type, ttl});
  return true;
}

void Steering::tell(const Subject& subject, SteeredOwner& steered, const lua::Evidence& evidence) {
  if (evidence.checks.empty() && evidence.pools.empty() && evidence.includes.empty() && evidence.names.empty() &&
      !evidence.places)
    return;
  const std::size_t hash = hash_of(evidence, kept_);
  const SteadyTime now = parts_.clock.now();
  if (hash == steered.told && now - steered.told_at < kTellAgain) return;
  steered.told = hash;
  steered.told_at = now;
  purge::Told told;
  told.zone = subject.zone.id();
  told.owner = dns::Name::from_key(std::string(subject.zone.apex_key()).append(subject.owner.key()));
  told.health_sequence = health_.get().sequence();
  told.revision = subject.zones.revision();
  if (evidence.places) told.places = geo_.get().generation();
  told.cached = kept_;  // PowerDNS asks for all types at once, and keeps what it answers with one
  told.checks = evidence.checks;
  told.weights = evidence.weights;
  told.steps = evidence.planned;
  told.pools = evidence.pools;
  for (const std::string& name : evidence.includes)
    if (const auto library = ZoneRecords::library_name(name, subject.zone.apex())) told.names.push_back(*library);
  for (const std::string& name : evidence.names)
    if (const auto parsed = dns::Name::parse(name)) told.names.push_back(*parsed);
  parts_.told->tell(std::move(told));
}

void Steering::log_failure(const Subject& subject, const SteeredRecord& record, std::string_view why) {
  const SteadyTime now = parts_.clock.now();
  if (logged_ != SteadyTime{} && now - logged_ < std::chrono::seconds(1)) {
    ++unlogged_;
    return;
  }
  logged_ = now;
  parts_.log.warn("lua.failed", {{"zone", subject.zone.apex().text()},
                                 {"owner", relative_text(subject.owner)},
                                 {"type", record.type.text()},
                                 {"reason", why},
                                 {"suppressed", std::exchange(unlogged_, 0)}});
}

void Steering::log_lines(const Subject& subject) {
  const SteadyTime now = parts_.clock.now();
  if (logged_ != SteadyTime{} && now - logged_ < std::chrono::seconds(1)) {
    unlogged_ += values_.log.size();
    return;
  }
  logged_ = now;
  for (const lua::LogLine& line : values_.log)
    parts_.log.info("lua.log", {{"zone", subject.zone.apex().text()},
                                {"owner", relative_text(subject.owner)},
                                {"level", line.level},
                                {"text", dns::printable(line.text)}});
}

}  // namespace sdns::answer
