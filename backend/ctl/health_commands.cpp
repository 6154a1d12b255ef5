// SPDX-License-Identifier: MIT
// health list, force, release, resume, overrides.
#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>

#include "backend/ctl/commands.h"
#include "backend/ctl/drain.h"
#include "backend/ctl/health_text.h"
#include "backend/ctl/query_text.h"
#include "backend/ctl/table.h"
#include "backend/ctl/zone_facts.h"
#include "backend/health/override.h"

namespace sdns::ctl {
namespace {

constexpr std::int64_t kLongestSeconds = std::int64_t{10} * 366 * 86400;

struct HealthOptions {
  std::vector<std::string> targets;
  std::string reason;
  std::string lasting;
  bool all = false;
  std::string part;
  std::vector<std::string> states;
};

/// `90`, `90s`, `30m`, `2h`, `1d`, also `1h30m`, in seconds.
Result<std::int64_t> duration_argument(std::string_view text) {
  const auto wrong = [&] {
    return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is no duration from 1 second to 10 years", text),
                "as in 90s, 30m, 2h, 1d or 1h30m");
  };
  std::int64_t total = 0;
  for (std::string_view rest = text; !rest.empty();) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (error != std::errc() || number < 0 || number > kLongestSeconds) return wrong();
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    std::int64_t unit = 1;
    if (!rest.empty()) {
      static constexpr std::array<std::pair<char, std::int64_t>, 5> kUnits{
          {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}}};
      const auto* found =
          std::find_if(kUnits.begin(), kUnits.end(), [&](const auto& one) { return one.first == rest.front(); });
      if (found == kUnits.end()) return wrong();
      unit = found->second;
      rest.remove_prefix(1);
    }
    total += number * unit;
    if (total > kLongestSeconds) return wrong();
  }
  if (total == 0) return wrong();
  return total;
}

/// Who runs this: behind sudo, the one who called it.
std::string user_name() {
  const char* behind = ::geteuid() == 0 ? std::getenv("SUDO_USER") : nullptr;
  if (behind != nullptr && *behind != '\0') return behind;
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> buffer{};
  if (::getpwuid_r(::getuid(), &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
    return found->pw_name;
  return fmt::format("uid {}", ::getuid());
}

std::int64_t seconds_of(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

nlohmann::json to_json(const health::Override& override) {
  return {{"target", override.target},
          {"verdict", health::said_of(override)},
          {"reason", override.reason},
          {"who", override.who},
          {"since", override.since_seconds},
          {"until", override.until_seconds == 0 ? nlohmann::json() : nlohmann::json(override.until_seconds)}};
}

bool has_ended(const health::Override& override, std::int64_t now) {
  return override.until_seconds != 0 && override.until_seconds <= now;
}

/// Those that have ended go when somebody edits overrides: their history is in the journal.
Result<void> remove_ended(store::Transaction& edit, std::int64_t now) {
  auto rows = edit.overrides();
  if (!rows) return fail(std::move(rows.error()));
  for (const auto& row : *rows) {
    if (!has_ended(row.override, now)) continue;
    if (auto done = edit.remove_override(row.override.target); !done) return done;
  }
  return {};
}

/// A pool or region that is nowhere: the override would do nothing, most likely by a slip.
Result<void> warn_of_unknown(Session& session, store::Transaction& edit, const std::string& target) {
  const auto separator = target.find(':');
  const std::string name = target.substr(separator + 1);
  const auto& configured = session.settings().configured_pools;
  auto pools = edit.target_pools();
  if (!pools) return fail(std::move(pools.error()));
  if (target.starts_with("pool:")) {
    const bool known =
        std::find(configured.begin(), configured.end(), name) != configured.end() ||
        std::any_of(pools->begin(), pools->end(), [&](const auto& row) { return row.pool.name == name; });
    if (!known) session.warning(fmt::format("there is no target pool {}", name));
  } else if (target.starts_with("region:") && configured.empty()) {
    const bool known = std::any_of(pools->begin(), pools->end(), [&](const auto& row) {
      return std::any_of(row.pool.members.begin(), row.pool.members.end(),
                         [&](const auto& member) { return member.region == name; });
    });
    if (!known) session.warning(fmt::format("no member of a target pool is in the region {}", name));
  }
  return {};
}

Result<std::vector<std::string>> targets_of(const std::vector<std::string>& texts) {
  std::vector<std::string> targets;
  std::set<std::string> seen;
  for (const auto& text : texts) {
    auto target = health::canonical_target(text);
    if (!target) return fail(std::move(target.error()));
    if (seen.insert(*target).second) targets.push_back(std::move(*target));
  }
  return targets;
}

std::string counted(const std::vector<std::string>& targets) {
  return targets.size() == 1 ? targets.front() : count_text(targets.size(), "target");
}

/// When the last cached answer has run out, and what that rests on. Until PowerDNS is purged it may hand out what it
/// has, with the whole TTL.
std::string say_bound(Session& session, const DrainBound& bound, bool everywhere, nlohmann::json& report) {
  const std::int64_t now = std::chrono::ceil<std::chrono::seconds>(session.now().time_since_epoch()).count();
  report["drain"] = {{"records", bound.records},
                     {"longest_ttl", bound.records == 0 ? nlohmann::json() : nlohmann::json(bound.longest.seconds)},
                     {"cached_until", everywhere && bound.records != 0 ? nlohmann::json(now + bound.longest.seconds)
                                                                       : nlohmann::json()}};
  if (bound.records == 0) return "no LUA record answers with it: nothing of it is cached\n";
  const std::string records = fmt::format("{} that may answer with it, TTL at most {} s",
                                          count_text(bound.records, "LUA record"), bound.longest.seconds);
  if (!everywhere)
    return fmt::format("cached answers run out {} s after every PowerDNS was purged, which is not confirmed ({})\n",
                       bound.longest.seconds, records);
  return fmt::format(
      "the last cached answer runs out by {} ({})\n"
      "this rests on: PowerDNS was purged; resolvers keep to TTLs; those of the records were not longer lately; the\n"
      "records have other targets that are up (`sdnsctl explain NAME` shows what is answered now)\n",
      time_text(now + bound.longest.seconds), records);
}

Result<int> force(Session& session, const HealthOptions& options) {
  std::vector<std::string> words = options.targets;
  const std::string verdict = words.back();
  words.pop_back();
  health::Override wanted;
  if (!health::say_of(wanted, verdict) || words.empty())
    return fail(Errc::kInvalidArgument, "after the targets comes what they are: up or down, or drain",
                "as in `sdnsctl health force 192.0.2.1 down --reason maintenance`");
  auto targets = targets_of(words);
  if (!targets) return fail(std::move(targets.error()));
  wanted.reason = options.reason;
  wanted.who = user_name();
  wanted.since_seconds = seconds_of(session.now());
  if (!options.lasting.empty()) {
    auto lasting = duration_argument(options.lasting);
    if (!lasting) return fail(std::move(lasting.error()));
    wanted.until_seconds = wanted.since_seconds + *lasting;
  }
  auto edit = session.edit();
  if (!edit) return fail(std::move(edit.error()));
  if (auto done = remove_ended(**edit, wanted.since_seconds); !done) return fail(std::move(done.error()));
  auto report = nlohmann::json::array();
  for (const auto& target : *targets) {
    wanted.target = target;
    if (auto warned = warn_of_unknown(session, **edit, target); !warned) return fail(std::move(warned.error()));
    if (auto done = (*edit)->put_override(wanted); !done) return fail(std::move(done.error()));
    report.push_back(to_json(wanted));
  }
  const std::string end =
      wanted.until_seconds == 0 ? "until it is released" : "until " + time_text(wanted.until_seconds);
  Session::Late late;
  if (wanted.drains) {
    const auto bound = drain_bound(**edit, session.settings().configured_pools, *targets);
    if (!bound) return fail(bound.error());
    if (bound->out_of_reach != 0)
      session.warning(
          fmt::format("in {}, ifurlextup() names it: those checks have no address and are forced by their "
                      "own names (`sdnsctl health list` shows them)",
                      count_text(bound->out_of_reach, "LUA record")));
    late = [&session, bound = *bound](bool everywhere, nlohmann::json& said) {
      return say_bound(session, bound, everywhere, said);
    };
  }
  return session.finish(std::move(*edit),
                        fmt::format("{} is {} {}", counted(*targets), wanted.drains ? "drained" : verdict, end),
                        {{"overrides", std::move(report)}}, late);
}

Result<int> release(Session& session, const HealthOptions& options) {
  if (options.all == !options.targets.empty())
    return fail(Errc::kInvalidArgument, "either targets are released or --all");
  auto targets = targets_of(options.targets);
  if (!targets) return fail(std::move(targets.error()));
  auto edit = session.edit();
  if (!edit) return fail(std::move(edit.error()));
  auto rows = (*edit)->overrides();
  if (!rows) return fail(std::move(rows.error()));
  const std::int64_t now = seconds_of(session.now());
  if (options.all)
    for (const auto& row : *rows)
      if (!row.override.resumes && !has_ended(row.override, now)) targets->push_back(row.override.target);
  for (const auto& target : *targets) {
    const bool known = std::any_of(rows->begin(), rows->end(), [&](const auto& row) {
      return row.override.target == target && !row.override.resumes && !has_ended(row.override, now);
    });
    if (!known)
      return fail(Errc::kNotFound, fmt::format("{} is not forced; nothing was changed", target),
                  "`sdnsctl health overrides` lists what is");
    if (auto done = (*edit)->remove_override(target); !done) return fail(std::move(done.error()));
  }
  if (auto done = remove_ended(**edit, now); !done) return fail(std::move(done.error()));
  return session.finish(std::move(*edit),
                        targets->empty() ? "nothing is forced" : fmt::format("{} released", counted(*targets)),
                        {{"released", *targets}});
}

/// Durable like a force, and in its place: an operator who wants a target back does not force it. Nodes that are away
/// learn of it when they are back.
Result<int> resume(Session& session, const HealthOptions& options) {
  auto targets = targets_of(options.targets);
  if (!targets) return fail(std::move(targets.error()));
  auto edit = session.edit();
  if (!edit) return fail(std::move(edit.error()));
  auto rows = (*edit)->overrides();
  if (!rows) return fail(std::move(rows.error()));
  const std::int64_t now = seconds_of(session.now());
  if (auto done = remove_ended(**edit, now); !done) return fail(std::move(done.error()));
  health::Override said;
  said.verdict = health::Verdict::kUnknown;
  said.resumes = true;
  said.reason = options.reason;
  said.who = user_name();
  auto report = nlohmann::json::array();
  for (const auto& target : *targets) {
    said.target = target;
    said.since_seconds = now;
    for (const auto& [before, revision] : *rows)  // nodes tell one order from the next by its time
      if (before.target == target && before.resumes && before.since_seconds >= now)
        said.since_seconds = before.since_seconds + 1;
    said.until_seconds = said.since_seconds + health::kResumeSeconds;
    if (auto warned = warn_of_unknown(session, **edit, target); !warned) return fail(std::move(warned.error()));
    if (auto done = (*edit)->put_override(said); !done) return fail(std::move(done.error()));
    report.push_back(to_json(said));
  }
  return session.finish(
      std::move(*edit),
      fmt::format("{} may rise: now, or once the successes are there that it takes", counted(*targets)),
      {{"overrides", std::move(report)}});
}

Result<int> overrides(Session& session, const HealthOptions&) {
  auto transaction = session.read();
  if (!transaction) return fail(std::move(transaction.error()));
  auto rows = (*transaction)->overrides();
  if (!rows) return fail(std::move(rows.error()));
  const std::int64_t now = seconds_of(session.now());
  std::erase_if(*rows, [&](const auto& row) { return has_ended(row.override, now); });
  if (session.json()) {
    auto array = nlohmann::json::array();
    for (const auto& row : *rows) array.push_back(to_json(row.override));
    session.print(array);
    return kDone;
  }
  if (rows->empty()) {
    session.notice("nothing is forced: what checks say counts");
    return kDone;
  }
  Table table({"TARGET", "FORCED", "SINCE", "UNTIL", "BY", "REASON"});
  for (const auto& [override, revision] : *rows)
    table.row({override.target, std::string(health::said_of(override)), time_text(override.since_seconds),
               override.until_seconds == 0 ? "released" : time_text(override.until_seconds), override.who,
               override.reason});
  table.print(session.out());
  return kDone;
}

Result<int> list(Session& session, const HealthOptions& options) {
  auto daemon = session.daemon();
  if (!daemon) return fail(std::move(daemon.error()));
  if (*daemon == nullptr)
    return fail(Errc::kInvalidArgument, "health list asks the daemon, and there is no admin address",
                "--admin HOST:PORT names it; `sdnsctl health overrides` reads the database");
  std::string query;
  append_parameter(query, "check", options.part);
  auto body = (*daemon)->health(query);
  if (!body) return fail(std::move(body.error()));
  auto document = nlohmann::json::parse(*body, nullptr, false);
  try {
    auto& checks = document.at("checks");
    if (!options.states.empty())
      for (auto check = checks.begin(); check != checks.end();) {
        const auto state = check->at("state").get<std::string>();
        const bool wanted = std::find(options.states.begin(), options.states.end(), state) != options.states.end();
        check = wanted ? check + 1 : checks.erase(check);
      }
    if (session.json()) {
      session.print(document);
      return kDone;
    }
    if (checks.empty()) {
      session.notice(options.part.empty() && options.states.empty() ? "the daemon has no checks"
                                                                    : "the daemon has no check like that");
      return kDone;
    }
    say_cut_off(session, document);
    const bool others = has_others(document);
    Table table(others ? std::vector<std::string>{"CHECK", "STATE", "NODES", "FOR", "PROBES", "FAILED", "LAST"}
                       : std::vector<std::string>{"CHECK", "STATE", "FOR", "PROBES", "FAILED", "LAST"});
    for (const auto& check : checks) {
      const auto& probed = check.at("probed");
      std::string state = check.at("state").get<std::string>();
      if (check.at("forced").get<bool>()) state += " (forced)";
      else if (!probed.is_null() && probed.value("waits_for_resume", false)) state += " (waits for resume)";
      std::vector<std::string> cells{check.at("check").get<std::string>(), state};
      if (others) cells.push_back(views_text(check));
      const std::vector<std::string> probes =
          probed.is_null()
              ? std::vector<std::string>{"", "", "", "is not probed"}
              : std::vector<std::string>{age_text(probed.at("for_ms").get<std::int64_t>()),
                                         std::to_string(probed.at("probes").get<std::uint64_t>()),
                                         std::to_string(probed.at("failed").get<std::uint64_t>()), last_text(probed)};
      cells.insert(cells.end(), probes.begin(), probes.end());
      table.row(std::move(cells));
    }
    table.print(session.out());
  } catch (const nlohmann::json::exception&) {
    return fail(Errc::kProtocol, "the daemon answered /v1/health with something that is no list of checks",
                "is that sovereign-dnsd? --admin names another address");
  }
  return kDone;
}

}  // namespace

void add_health_commands(CLI::App& group, Action& chosen) {
  const auto options = std::make_shared<HealthOptions>();
  const auto command = [&](const char* name, const char* about, Result<int> (*action)(Session&, const HealthOptions&)) {
    auto* app = group.add_subcommand(name, about);
    app->callback([&chosen, options, action] {
      chosen = [options, action](Session& session) { return action(session, *options); };
    });
    return app;
  };
  const char* targets =
      "An address (192.0.2.1), an address and port (192.0.2.1:443, [2001:db8::1]:443), pool:NAME, region:NAME, or a "
      "check as `sdnsctl explain` names it";
  auto* listing = command("list", "List checks: state, since when, probes, and what the last one said", list);
  listing->add_option("PART", options->part, "Only checks whose text contains this, as 192.0.2.1 or :443");
  listing->add_option("--state", options->states, "Only checks that are up, down or unknown")
      ->type_name("STATE")
      ->check(CLI::IsMember({"up", "down", "unknown"}));
  auto* forcing = command("force", "Say that targets are up or down, whatever their checks say; or drain them", force);
  forcing
      ->add_option("TARGET", options->targets,
                   std::string(targets) +
                       "; the last word is up, down or drain: down, and\n"
                       "told when the last cached answer runs out")
      ->required()
      ->expected(2, 100000);
  forcing->add_option("--reason", options->reason, "Why; for those who look later")->required();
  forcing->add_option("--for", options->lasting, "How long, as in 30m or 1d; else until it is released")
      ->type_name("DURATION");
  forcing->footer(
      "Examples:\n"
      "  sdnsctl health force 192.0.2.1 192.0.2.2 down --for 2h --reason \"new kernel\"\n"
      "  sdnsctl health force 192.0.2.1 drain --reason \"is switched off\"\n"
      "  sdnsctl health force pool:web up --reason \"its check is broken\"");
  auto* releasing = command("release", "Let checks speak for targets again", release);
  releasing->add_option("TARGET", options->targets, targets);
  releasing->add_flag("--all", options->all, "Whatever is forced");
  auto* resuming =
      command("resume", "Say that what is down is mended: it may rise, also where it waits for that", resume);
  resuming->add_option("TARGET", options->targets, targets)->required();
  resuming->add_option("--reason", options->reason, "Why; for those who look later");
  resuming->footer(
      "A check with resume=manual stays down until then. It rises once it has as many successes in a row as it takes;\n"
      "its next failure takes the permission back. A target that is forced is forced no more.\n"
      "Examples:\n"
      "  sdnsctl health resume 192.0.2.1 --reason \"disk replaced\"\n"
      "  sdnsctl health resume pool:web");
  command("overrides", "List what is forced and what was resumed, by whom, why and how long", overrides);
}

}  // namespace sdns::ctl
