// SPDX-License-Identifier: MIT
#include "backend/answer/explainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <set>
#include <utility>

#include "backend/answer/answer.h"
#include "backend/health/check_question.h"
#include "backend/health/override.h"

namespace sdns::answer {
namespace {

constexpr int kMostRounds = 8;  // an assumption can lead to code that asks other checks

std::string_view between(std::string_view row, std::string_view key, std::string_view until) {
  const std::size_t at = row.rfind(key);
  if (at == std::string_view::npos) return {};
  row.remove_prefix(at + key.size());
  return row.substr(0, row.find_first_of(until));
}

std::uint32_t number(std::string_view text) {
  std::uint32_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

void read_rows(std::string_view rows, std::vector<AnswerRow>& out) {
  while (!rows.empty()) {
    const std::size_t end = rows.find('\n');
    const std::string_view line = rows.substr(0, end + 1);
    rows.remove_prefix(line.size());
    zone::RrsetView one;
    one.count = 1;
    one.rows = line;
    auto contents = zone::contents_of(one);
    const auto type = dns::RrType::parse(line.substr(9, line.find('"', 9) - 9));  // after `"qtype":"`
    if (contents.empty() || !type) continue;
    // Inside of the content each quote has a backslash in front.
    out.push_back({*type, number(between(line, R"(,"ttl":)", ",\n")), std::move(contents.front()),
                   static_cast<std::uint8_t>(number(between(line, R"(,"scopeMask":)", ",\n")))});
  }
}

std::vector<std::string> shown_checks(const std::vector<std::string>& identities) {
  std::vector<std::string> all;
  std::transform(identities.begin(), identities.end(), std::back_inserter(all), health::shown_check);
  return all;
}

/// The engine of one explanation.
class Explainer {
 public:
  Explainer(const ExplainQuestion& question, const ExplainSources& sources)
      : question_(question),
        sources_(sources),
        cell_(sources.health),
        geo_(sources.geo),
        steering_({.settings = sources.settings,
                   .health = cell_,
                   .geo = geo_,
                   .clock = sources.clock,
                   .log = log_,
                   .metrics = metrics_,
                   .seed = sources.seed}) {}

  Result<Explanation> run();

 private:
  bool ask(const std::string& qname, Explanation& out);
  void answer_located(Explanation& out);
  bool assume(Explanation& out, health::HealthTablePtr& table);
  void decide(Explanation& out) const;
  void decide_by_rows(Explanation& out) const;

  const ExplainQuestion& question_;
  const ExplainSources& sources_;
  health::HealthCell cell_;
  lua::GeoCell geo_;
  SystemClock wall_clock_;
  Log log_{wall_clock_, LogLevel::kError, LogFormat::kText, -1};
  Metrics metrics_;
  Steering steering_;
  Scratch scratch_;
  std::set<std::string, std::less<>> assumed_;
};

// As PowerDNS asks: for every type at once, whatever its client wants. False: there are no rows for the name.
bool Explainer::ask(const std::string& qname, Explanation& out) {
  const std::string remote = question_.client.who.text();
  const std::string local = question_.client.local.value_or(dns::IpAddress{}).text();
  const std::string real =
      question_.client.ecs ? question_.client.ecs->text() : fmt::format("{}/{}", remote, question_.client.who.bits());
  const protocol::Lookup lookup{.qname = qname,
                                .qname_json = qname,
                                .qtype = dns::kANY,
                                .zone_id = out.located.zone->id(),
                                .remote = remote,
                                .local = local,
                                .real_remote = real};
  Facts facts;
  facts.steering = &steering_;
  facts.explanation = &out.steering;
  out.steering = {};
  out.rows.clear();
  out.asked = qname;
  const protocol::Reply reply = answer(protocol::Request(lookup), *sources_.zones, scratch_, facts);
  const auto* records = std::get_if<protocol::Records>(&reply);
  if (records == nullptr) return false;
  for (const protocol::RowBlock& block : records->blocks) read_rows(block.rows, out.rows);
  return !records->blocks.empty() || records->empty_non_terminal;
}

void Explainer::answer_located(Explanation& out) {
  const zone::Zone& zone = *out.located.zone;
  if (ask(question_.name.text(), out) || out.located.where != Where::kWildcard) return;
  ask(owner_text(zone, out.located.at), out);
}

// Puts the assumptions into `table`. False when the name asks no check that they were not applied to yet.
bool Explainer::assume(Explanation& out, health::HealthTablePtr& table) {
  health::Overrides overrides;
  const Assumption* every = nullptr;
  for (const Assumption& assumption : question_.at_health) {
    if (assumption.target == "*") every = &assumption;
    else overrides.push_back({.target = assumption.target, .verdict = assumption.verdict});
  }
  const health::OverrideIndex index(std::move(overrides), *sources_.zones->target_pools());
  std::vector<std::string> added;
  std::vector<std::pair<std::string, health::Verdict>> states;
  for (const ExplainedRecord& record : out.steering.records) {
    for (const std::string& check : record.evidence.checks) {
      if (!assumed_.insert(check).second) continue;
      const health::Override* found = index.find(check, health::override_subject(check), 0);
      if (found == nullptr && every == nullptr) continue;
      if (table->find(check) == health::kNoCheck) added.push_back(check);
      states.emplace_back(check, found ? found->verdict : every->verdict);
    }
  }
  if (states.empty()) return false;
  table = health::HealthTableBuilder::add(*table, added);
  std::vector<health::StateChange> changes;
  for (const auto& [check, verdict] : states) {
    const health::CheckId id = table->find(check);
    const health::State before = table->state(id);
    // As if it fell now, all of them together.
    const SteadyTime last_up = before.verdict == health::Verdict::kUp
                                   ? std::chrono::floor<std::chrono::milliseconds>(sources_.clock.now())
                                   : before.last_up;
    changes.push_back({id, {.verdict = verdict, .weight = before.weight, .last_up = last_up}});
  }
  table = health::HealthTableBuilder::set(*table, changes);
  cell_.publish(table);
  return true;
}

Result<Explanation> Explainer::run() {
  Explanation out;
  out.zones = sources_.zones;
  out.located = locate(question_.name, *out.zones);
  out.health = sources_.health;
  const Where where = out.located.where;
  const bool answers =
      where == Where::kExact || where == Where::kWildcard || (where == Where::kReferral && out.located.found.owner);
  if (answers) {
    answer_located(out);
    for (int round = 0; round < kMostRounds && assume(out, out.health); ++round) answer_located(out);
  }
  for (const Assumption& assumption : question_.at_health) {
    AppliedAssumption applied{assumption, {}};
    const health::OverrideIndex alone({{.target = assumption.target, .verdict = assumption.verdict}},
                                      *sources_.zones->target_pools());
    for (const std::string& check : assumed_)
      if (assumption.target == "*" || alone.find(check, health::override_subject(check), 0) != nullptr)
        applied.checks.push_back(check);
    if (applied.checks.empty() && assumption.target != "*")
      return fail(
          Errc::kInvalidArgument,
          fmt::format("{} names no check that {} asks", health::shown_check(assumption.target), question_.name.text()),
          assumed_.empty()
              ? "the name asks none"
              : fmt::format("it asks {}", fmt::join(shown_checks({assumed_.begin(), assumed_.end()}), "; ")));
    out.at_health.push_back(std::move(applied));
  }
  decide(out);
  return out;
}

void Explainer::decide(Explanation& out) const {
  const auto set = [&](Outcome outcome, std::string why) {
    out.outcome = outcome;
    out.why = std::move(why);
  };
  const Located& located = out.located;
  switch (located.where) {
    case Where::kNotHosted:
      return set(Outcome::kRefused, "no zone here is at or above this name");
    case Where::kNoData:
      return set(Outcome::kNoZoneData, "the zone has no data yet: PowerDNS does not answer from it");
    case Where::kReferral:
      if (question_.type == dns::kDS && owner_text(*located.zone, located.at) == question_.name.text())
        return decide_by_rows(out);
      return set(Outcome::kReferral, fmt::format("{} is a zone cut", owner_text(*located.zone, located.at)));
    case Where::kEmptyNonTerminal:
      return set(Outcome::kNodata, "there are only names below it (an empty non-terminal)");
    case Where::kDname:
      return set(Outcome::kDname, fmt::format("{} has a DNAME record", owner_text(*located.zone, located.at)));
    case Where::kNowhere:
      return set(Outcome::kNxdomain, "the name does not exist, and no wildcard is above it");
    case Where::kExact:
    case Where::kWildcard:
      return decide_by_rows(out);
  }
}

void Explainer::decide_by_rows(Explanation& out) const {
  std::string failures;
  bool handed_over = false;
  bool failed_asked = false;
  const ExplainedRecord* left = nullptr;  // nobody evaluates it
  for (const ExplainedRecord& record : out.steering.records) {
    const bool asked = is_asked(question_, record.type);
    handed_over |= asked && record.by == EvaluatedBy::kPowerDns;
    if (asked && record.by == EvaluatedBy::kNobody && record.type != dns::kLUA) left = &record;
    if (record.failure.empty() || (!asked && record.type != dns::kCNAME)) continue;
    failed_asked = true;
    failures += fmt::format("{}the LUA record for {} failed: {}", failures.empty() ? "" : "; ", record.type.text(),
                            record.failure);
  }
  if (failed_asked) {
    out.outcome = Outcome::kServfail;
    out.rows.clear();
    out.why = std::move(failures);
    return;
  }
  std::erase_if(out.rows,
                [&](const AnswerRow& row) { return row.type == dns::kLUA || !is_asked(question_, row.type); });
  const auto cname =
      std::find_if(out.rows.begin(), out.rows.end(), [](const AnswerRow& r) { return r.type == dns::kCNAME; });
  if (cname != out.rows.end() && question_.type && *question_.type != dns::kCNAME) {
    out.outcome = Outcome::kCname;
    out.why = fmt::format("PowerDNS asks for {} next", cname->content);
  } else if (!out.rows.empty()) {
    out.outcome = Outcome::kRecords;
  } else if (handed_over) {
    out.outcome = Outcome::kPowerDns;
    out.why = "PowerDNS evaluates the code, if its enable-lua-records is on";
  } else {
    out.outcome = Outcome::kNodata;
    if (left != nullptr)
      out.why = fmt::format("nobody evaluates its LUA record for {}: {}", left->type.text(), left->reason);
    else if (question_.type) out.why = fmt::format("the name has no {}", question_.type->text());
  }
}

std::string network_text(const lua::Evidence& evidence, const lua::Client& client) {
  const std::uint8_t bits = std::min(evidence.bits, client.source_bits());
  if (bits == 0) return "depends on the client, though no bit of its address decided";
  return fmt::format("depends on the client's network: the first {} bit{}, {}/{}", bits, bits == 1 ? "" : "s",
                     client.best().masked(bits).text(), bits);
}

}  // namespace

std::string_view outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kRefused:
      return "refused";
    case Outcome::kNoZoneData:
      return "no-zone-data";
    case Outcome::kReferral:
      return "referral";
    case Outcome::kDname:
      return "dname";
    case Outcome::kNxdomain:
      return "nxdomain";
    case Outcome::kNodata:
      return "nodata";
    case Outcome::kCname:
      return "cname";
    case Outcome::kRecords:
      return "records";
    case Outcome::kServfail:
      return "servfail";
    case Outcome::kPowerDns:
      break;
  }
  return "powerdns";
}

// PowerDNS runs the LUA records that make the type asked for, and those that make a CNAME.
bool is_asked(const ExplainQuestion& question, dns::RrType type) {
  return !question.type || type == *question.type || type == dns::kCNAME;
}

std::string cache_words(const ExplainedRecord& record, const lua::Client& client) {
  if (record.by == EvaluatedBy::kPowerDns) return "PowerDNS keeps no answer of LUA records that it evaluates itself";
  if (record.by == EvaluatedBy::kNobody) return "";
  if (!record.failure.empty()) return "not kept: it failed";
  const lua::Evidence& evidence = record.evidence;
  std::string words;
  if (!evidence.cacheable()) {
    words = "not kept: ";
    if (evidence.client) words += network_text(evidence, client);
    if (evidence.client && evidence.chance) words += ", and ";
    if (evidence.chance) words += "drawn by chance or made from the time, for each query anew";
    return words;
  }
  words = evidence.query_name ? "the same for everybody who asks for this name: " : "the same for everybody: ";
  words += record.contents.empty() ? "PowerDNS keeps that there is nothing" : "PowerDNS keeps it, at most for its TTL";
  words += "; purged when one of these changes: its records";
  const auto add = [&](std::string_view what, const std::vector<std::string>& names) {
    constexpr std::size_t kShown = 4;
    for (std::size_t i = 0; i < names.size() && i < kShown; ++i) words += fmt::format(", {}{}", what, names[i]);
    if (names.size() > kShown) words += fmt::format(", and {} more", names.size() - kShown);
  };
  add("", shown_checks(evidence.checks));
  add("the target pool ", evidence.pools);
  add("the library ", evidence.includes);
  add("the records of ", evidence.names);
  if (evidence.places) words += ", the location data";
  return words;
}

Result<Explanation> explain(const ExplainQuestion& question, const ExplainSources& sources) {
  return Explainer(question, sources).run();
}

}  // namespace sdns::answer
