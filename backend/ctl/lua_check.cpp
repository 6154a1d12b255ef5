// SPDX-License-Identifier: MIT
#include "backend/ctl/lua_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "backend/answer/explainer.h"
#include "backend/answer/zone_records.h"
#include "lua/inspect.h"
#include "lua/record.h"

namespace sdns::ctl {
namespace {

constexpr std::uint64_t kPlentyOfTime = 1'000'000'000;  // what counts is steps: those are the same on every machine
constexpr int kMostPoolRounds = 4;

void add(LuaFindings& findings, Weight weight, std::string what) {
  LuaFinding finding{weight, std::move(what)};
  if (std::find(findings.begin(), findings.end(), finding) == findings.end()) findings.push_back(std::move(finding));
}

/// The zone that the records make, and what is asked of it.
class DryZone {
 public:
  DryZone(const std::vector<dns::PlacedRecord>& records, const LuaCheckOptions& options) : options_(options) {
    content_.head.id = 1;
    content_.head.apex = options.apex;
    bool soa = false;
    for (const dns::PlacedRecord& placed : records) {
      if (!placed.record.owner.at_or_below(options.apex)) continue;
      soa |= placed.record.type == dns::kSOA;
      content_.records.push_back(placed.record);
    }
    if (!soa)
      content_.records.push_back({options.apex, dns::kSOA, {3600}, "ns.invalid. host.invalid. 1 7200 900 1209600 60"});
    settings_.runtime.limits.time_nanoseconds = kPlentyOfTime;
    if (options.full_library) settings_.full_library.insert(options.apex);
    pools_ = options.pools.all();
    health_ = std::make_shared<const health::HealthTable>();
    geo_ = lua::Geo::nowhere();
  }

  Result<void> build() {
    zone::ZoneContent content = content_;
    zone::ZoneSetBuilder builder;
    if (auto added = builder.add(std::move(content)); !added) return added;
    auto pools = health::TargetPools::make(pools_);
    if (!pools) return fail(std::move(pools.error()));
    builder.configure(std::move(*pools));
    zones_ = builder.finish(1, {});
    return {};
  }

  Result<answer::Explanation> ask(const dns::Name& name, health::Verdict verdict) const {
    return answer::explain(
        {.name = name, .client = options_.client, .at_health = {{"*", verdict}}},
        {.zones = zones_, .health = health_, .geo = geo_, .settings = settings_, .clock = clock_, .seed = 1});
  }

  /// A pool stands in for one that is not known, so that the rest of the record can run.
  void stand_in(const std::string& name, bool v6) {
    health::TargetPool pool{.name = name};
    for (const char* address : {"1", "2"}) {
      const std::string text = (v6 ? "2001:db8::" : "192.0.2.") + std::string(address);
      pool.members.push_back({.name = text, .address = *dns::IpAddress::parse(text)});
    }
    if (health::check_pool(pool)) pools_.push_back(std::move(pool));
  }
  [[nodiscard]] bool has_pool(const std::string& name) const {
    return std::any_of(pools_.begin(), pools_.end(), [&](const auto& pool) { return pool.name == name; });
  }
  [[nodiscard]] const zone::ZoneSetPtr& zones() const { return zones_; }
  [[nodiscard]] const lua::Limits& limits() const { return settings_.runtime.limits; }
  [[nodiscard]] lua::ChunkJoin join() const { return settings_.runtime.join; }

 private:
  const LuaCheckOptions& options_;
  zone::ZoneContent content_;
  std::vector<health::TargetPool> pools_;
  answer::SteeringSettings settings_;
  health::HealthTablePtr health_;
  std::shared_ptr<const lua::Geo> geo_;
  SystemClock clock_;
  zone::ZoneSetPtr zones_;
};

// A name below the wildcard that its records can make something of.
dns::Name name_to_ask(const dns::Name& owner, const std::string& sources) {
  if (!owner.is_wildcard()) return owner;
  const std::string parent = owner.parent().text();
  std::string labels = "192-0-2-1.";
  if (sources.find("createForward6") != std::string::npos) {
    labels = "2001-db8--1.";
  } else if (parent.ends_with("in-addr.arpa.") || sources.find("createReverse(") != std::string::npos) {
    labels.clear();
    for (std::size_t have = parent.ends_with("in-addr.arpa.") ? owner.parent().label_count() - 2 : 0; have < 4; ++have)
      labels += "1.";
  } else if (parent.ends_with("ip6.arpa.") || sources.find("createReverse6") != std::string::npos) {
    labels.clear();
    for (std::size_t have = parent.ends_with("ip6.arpa.") ? owner.parent().label_count() - 2 : 0; have < 32; ++have)
      labels += "1.";
  }
  const auto name = dns::Name::parse(labels + parent);
  return name ? *name : dns::Name::parse("a." + parent).value_or(owner);
}

DryRun run_of(const answer::ExplainedRecord& record, const lua::Client& client) {
  return {record.failure, record.contents, record.scope_mask, answer::cache_words(record, client)};
}
bool same(const DryRun& a, const DryRun& b) { return a.failure == b.failure && a.contents == b.contents; }

// What a function or option remarked on. The other notes tell of the client.
bool is_remark(std::string_view note) {
  constexpr std::string_view kParts[] = {" has no effect", " is used", " is read as ", " is never "};
  return std::any_of(std::begin(kParts), std::end(kParts),
                     [&](std::string_view part) { return note.find(part) != std::string_view::npos; });
}

void look_at_run(const answer::ExplainedRecord& record, const lua::Limits& limits, LuaFindings& findings) {
  for (const std::string& note : record.trace.notes)
    if (is_remark(note)) add(findings, Weight::kWarning, note);
  for (const lua::LogLine& line : record.log)
    add(findings, line.text.starts_with("include ") ? Weight::kWarning : Weight::kNote, "it logs: " + line.text);
  if (record.failure.empty() && record.steps > limits.steps / 2)
    add(findings, Weight::kWarning,
        fmt::format("it needs {} steps of the {} that it may use: beyond, it fails", record.steps, limits.steps));
  if (record.failure.empty() && record.contents.empty())
    add(findings, Weight::kWarning, "it can give nothing at all: NODATA, and SERVFAIL in a signed zone");
}

void look_at_evidence(const answer::ExplainedRecord& record, const lua::Client& client, LuaFindings& findings) {
  const std::string words = answer::cache_words(record, client);
  constexpr std::string_view kNotKept = "not kept: ";
  if (!record.evidence.cacheable() && words.starts_with(kNotKept))
    add(findings, Weight::kNote, fmt::format("PowerDNS does not cache it: {}", words.substr(kNotKept.size())));
  if (record.evidence.query_name) add(findings, Weight::kNote, "it depends on the name that is asked");
}

void look_at_failure(const answer::ExplainedRecord& up, const answer::ExplainedRecord& down, const std::string& source,
                     const lua::Client& client, LuaFindings& findings) {
  const auto told = [&](const answer::ExplainedRecord& run) {
    const std::string more = explain_failure(source, run.failure);
    return more.empty() ? run.failure : fmt::format("{}: {}", run.failure, more);
  };
  if (!up.failure.empty() && up.evidence.client)
    add(findings, Weight::kWarning,
        fmt::format("SERVFAIL for the client {} and those like it: {}", client.best().text(), told(up)));
  else if (!up.failure.empty()) add(findings, Weight::kError, told(up));
  if (!down.failure.empty() && up.failure.empty())
    add(findings, Weight::kWarning, fmt::format("SERVFAIL when every health check is down: {}", told(down)));
}

// Libraries that are named and not there.
void look_at_includes(const lua::Evidence& evidence, const DryZone& zone, const LuaCheckOptions& options,
                      LuaFindings& findings) {
  const zone::Zone* served = zone.zones()->find(1);
  answer::ZoneRecords records(*zone.zones(), *served);
  for (const std::string& name : evidence.includes) {
    std::vector<std::string> contents;
    if (records.library(name, contents) && !contents.empty()) continue;
    const auto library = answer::ZoneRecords::library_name(name, options.apex);
    const std::string owner = library ? library->text() : name;
    if (options.zone_known)
      add(findings, Weight::kWarning, fmt::format("include('{}') finds no LUA record at {}", name, owner));
    else
      add(findings, Weight::kNote,
          fmt::format("include('{}') is not known here: check the whole zone file to see it run", name));
  }
}

/// One owner's records, which PowerDNS asks for together.
class OwnerCheck {
 public:
  OwnerCheck(DryZone& zone, const LuaCheckOptions& options, const std::set<std::string>& exported)
      : zone_(zone), options_(options), exported_(exported) {}

  void run(std::vector<CheckedRecord*>& records);

 private:
  Result<void> ask(const dns::Name& name);
  static const answer::ExplainedRecord* find(const answer::Explanation& explanation, const CheckedRecord& checked);
  void finish(CheckedRecord& checked);

  DryZone& zone_;
  const LuaCheckOptions& options_;
  const std::set<std::string>& exported_;
  std::set<std::string> unknown_pools_;
  std::optional<answer::Explanation> up_;
  std::optional<answer::Explanation> down_;
};

Result<void> OwnerCheck::ask(const dns::Name& name) {
  for (int round = 0;; ++round) {
    auto up = zone_.ask(name, health::Verdict::kUp);
    if (!up) return fail(std::move(up.error()));
    auto down = zone_.ask(name, health::Verdict::kDown);
    if (!down) return fail(std::move(down.error()));
    up_ = std::move(*up);
    down_ = std::move(*down);
    bool again = false;
    for (const auto* explanation : {&*up_, &*down_})
      for (const answer::ExplainedRecord& record : explanation->steering.records)
        for (const std::string& pool : record.evidence.pools) {
          if (zone_.has_pool(pool)) continue;
          unknown_pools_.insert(pool);
          zone_.stand_in(pool, record.type == dns::kAAAA);
          again |= zone_.has_pool(pool);
        }
    if (!again || round == kMostPoolRounds) return {};
    if (auto built = zone_.build(); !built) return built;
  }
}

const answer::ExplainedRecord* OwnerCheck::find(const answer::Explanation& explanation, const CheckedRecord& checked) {
  for (const answer::ExplainedRecord& record : explanation.steering.records)
    if (record.content == checked.record.content) return &record;
  return nullptr;
}

void OwnerCheck::run(std::vector<CheckedRecord*>& records) {
  std::string sources;
  for (const CheckedRecord* checked : records) sources += checked->record.content;
  const dns::Name name = name_to_ask(records.front()->record.owner, sources);
  if (const auto asked = ask(name); !asked) {
    for (CheckedRecord* checked : records) add(checked->findings, Weight::kError, asked.error().what);
    return;
  }
  for (CheckedRecord* checked : records) {
    checked->asked = name.text();
    finish(*checked);
  }
}

void OwnerCheck::finish(CheckedRecord& checked) {
  const answer::ExplainedRecord* up = find(*up_, checked);
  const answer::ExplainedRecord* down = find(*down_, checked);
  if (up == nullptr || down == nullptr) {
    add(checked.findings, Weight::kWarning,
        fmt::format("it is never asked: {}", up_->why.empty() ? "something else answers for its name" : up_->why));
    return;
  }
  checked.library = up->type == dns::kLUA && up->failure.empty();
  LintContext context{.powerdns = options_.powerdns,
                      .full_library = options_.full_library,
                      .library = checked.library,
                      .exported = exported_};
  LuaFindings findings;
  if (!checked.library) {
    checked.up = run_of(*up, options_.client);
    // Two runs without checks differ by chance at most.
    if (DryRun other = run_of(*down, options_.client);
        !same(*checked.up, other) && !(up->evidence.checks.empty() && down->evidence.checks.empty()))
      checked.down = std::move(other);
    look_at_failure(*up, *down, up->source, options_.client, findings);
    look_at_run(*up, zone_.limits(), findings);
    look_at_run(*down, zone_.limits(), findings);
    if (asks_for_places(up->source)) {
      add(findings, Weight::kNote,
          "it asks where addresses are, and there is no location data here: with some PowerDNS does not cache it");
      for (auto* run : {&checked.up, &checked.down})
        if (*run) (*run)->cache.clear();
    }
    lua::Evidence evidence = up->evidence;
    evidence.merge(down->evidence);
    for (const std::string& pool : evidence.pools)
      if (unknown_pools_.contains(pool))
        add(findings, Weight::kWarning,
            fmt::format("the target pool {} is not known here: one with two members stands in for it", pool));
    look_at_includes(evidence, zone_, options_, findings);
    look_at_evidence(*up, options_.client, findings);
    look_at_evidence(*down, options_.client, findings);
  } else if (const auto uses = lua::global_uses(up->source); !uses) {
    // It runs as it is: nothing is put in front of it or taken away.
    add(findings, Weight::kError,
        up->source.starts_with(';') ? uses.error().what + ": a library has no ; in front" : uses.error().what);
  }
  for (LuaFinding& finding : lint(checked.record.content, up->source, context)) findings.push_back(std::move(finding));
  std::stable_sort(findings.begin(), findings.end(), [](const auto& a, const auto& b) { return a.weight > b.weight; });
  for (LuaFinding& finding : findings) add(checked.findings, finding.weight, std::move(finding.what));
}

}  // namespace

std::vector<CheckedRecord> check_lua_records(const std::vector<dns::PlacedRecord>& records,
                                             const LuaCheckOptions& options) {
  std::vector<CheckedRecord> all;
  DryZone zone(records, options);
  std::set<std::string> exported;
  std::map<dns::Name, std::vector<std::size_t>> owners;
  for (const dns::PlacedRecord& placed : records) {
    if (placed.record.type != dns::kLUA) continue;
    CheckedRecord checked;
    if (!placed.place.file.empty()) checked.where = fmt::format("{}:{}", placed.place.file, placed.place.line);
    checked.record = placed.record;
    checked.makes = placed.record.content.substr(0, placed.record.content.find(' '));
    if (checked.makes == "LUA")
      if (const auto code = lua::parse_record(placed.record.content, zone.join()))
        exported.merge(globals_set(code->source));
    owners[placed.record.owner].push_back(all.size());
    all.push_back(std::move(checked));
  }
  if (const auto built = zone.build(); !built) {
    for (CheckedRecord& checked : all) add(checked.findings, Weight::kError, built.error().what);
    return all;
  }
  for (const auto& [owner, indexes] : owners) {
    std::vector<CheckedRecord*> of_owner;
    for (const std::size_t i : indexes) of_owner.push_back(&all[i]);
    OwnerCheck(zone, options, exported).run(of_owner);
  }
  return all;
}

}  // namespace sdns::ctl
