// SPDX-License-Identifier: MIT
// health show, history, watch.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "backend/ctl/commands.h"
#include "backend/ctl/health_text.h"
#include "backend/ctl/query_text.h"
#include "backend/ctl/table.h"

namespace sdns::ctl {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr milliseconds kWaitOfWatch{30'000};  // then it is asked again
constexpr milliseconds kPause{1'000};         // while the daemon is not there
constexpr std::size_t kMostNamed = 10;
constexpr const char* kTexts[] = {"check", "from", "to", "why", "result", "detail"};  // of a transition

struct HistoryOptions {
  std::string part;
  std::uint64_t last = 0;
  std::uint64_t count = 0;
};

tl::unexpected<Error> something_else(const char* path) {
  return fail(Errc::kProtocol, fmt::format("the daemon answered {} with something else than what is there", path),
              "is that sovereign-dnsd? --admin names another address");
}

Result<Daemon*> daemon_of(Session& session, std::string_view command) {
  auto daemon = session.daemon();
  if (daemon && *daemon == nullptr)
    return fail(Errc::kInvalidArgument,
                fmt::format("health {} asks the daemon, and there is no admin address", command),
                "--admin HOST:PORT names it");
  return daemon;
}

std::string check_query(const std::string& part) {
  std::string query;
  append_parameter(query, "check", part);
  return query;
}

/// The document with its transitions, which have all their members.
Result<json> history_of(Daemon& daemon, const std::string& query, milliseconds wait = milliseconds(0)) {
  auto body = daemon.health_history(query, wait);
  if (!body) return fail(std::move(body.error()));
  auto document = json::parse(*body, nullptr, false);
  const auto complete = [](const json& one) {
    return one.is_object() && one.contains("time_ms") && one["time_ms"].is_number_integer() &&
           std::all_of(std::begin(kTexts), std::end(kTexts),
                       [&](const char* key) { return one.contains(key) && one[key].is_string(); });
  };
  if (!document.is_object() || !document.contains("last") || !document["last"].is_number_unsigned() ||
      !document.contains("transitions") || !document["transitions"].is_array() ||
      !std::all_of(document["transitions"].begin(), document["transitions"].end(), complete))
    return something_else("/v1/health/history");
  return document;
}

/// When, which check, from what to what, and why.
std::vector<std::string> cells(const json& transition) {
  const auto text = [&](const char* key) { return transition.at(key).get<std::string>(); };
  std::string why = text("why");
  if (text("result") != "success") why += ": " + text("result");
  if (!text("detail").empty()) why += ": " + text("detail");
  return {time_text(transition.at("time_ms").get<std::int64_t>() / 1000), text("check"),
          text("from") + " to " + text("to"), why};
}

void print_transitions(Session& session, const json& transitions) {
  Table table({"TIME", "CHECK", "CHANGE", "WHY"});
  for (const auto& transition : transitions) table.row(cells(transition));
  table.print(session.out());
}

Result<int> history(Session& session, const HistoryOptions& options) {
  auto daemon = daemon_of(session, "history");
  if (!daemon) return fail(std::move(daemon.error()));
  std::string query = check_query(options.part);
  if (options.last != 0) append_parameter(query, "newest", std::to_string(options.last));
  auto document = history_of(**daemon, query);
  if (!document) return fail(std::move(document.error()));
  if (session.json()) session.print(*document);
  else if ((*document)["transitions"].empty()) session.notice("no verdict of such a check has changed lately");
  else print_transitions(session, (*document)["transitions"]);
  return kDone;
}

Result<int> watch(Session& session, const HistoryOptions& options) {
  auto daemon = daemon_of(session, "watch");
  if (!daemon) return fail(std::move(daemon.error()));
  auto page = history_of(**daemon, check_query(options.part) + "&newest=0");
  if (!page) return fail(std::move(page.error()));
  std::uint64_t last = (*page)["last"].get<std::uint64_t>();
  std::uint64_t left = options.count;
  session.notice("waiting for verdicts to change; interrupt it to end");
  bool absent = false;
  while (session.out()) {
    page = history_of(**daemon,
                      fmt::format("{}&after={}&wait_ms={}", check_query(options.part), last, kWaitOfWatch.count()),
                      kWaitOfWatch);
    if (!page) {
      // A daemon that restarts is back soon, and its numbers go on.
      if (page.error().code != Errc::kUnavailable && page.error().code != Errc::kTimeout)
        return fail(std::move(page.error()));
      if (!std::exchange(absent, true)) session.notice(page.error().what + "; it is asked again and again");
      session.pause(kPause);
      continue;
    }
    absent = false;
    last = (*page)["last"].get<std::uint64_t>();
    for (const auto& transition : (*page)["transitions"]) {
      if (session.json()) session.out() << transition.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
      else session.out() << fmt::format("{}\n", fmt::join(cells(transition), "  "));
      if (left != 0 && --left == 0) return kDone;
    }
    session.out().flush();
  }
  return kDone;
}

/// The one check that is meant: of this text, or the only one that contains it.
Result<json> chosen_check(const json& checks, const std::string& part) {
  for (const auto& check : checks)
    if (check.at("check").get<std::string>() == part) return check;
  if (checks.size() == 1) return checks[0];
  if (checks.empty())
    return fail(Errc::kNotFound, fmt::format("no check that is known here contains \"{}\"", part),
                "`sdnsctl health list` lists them");
  std::string names;
  for (std::size_t i = 0; i < std::min(checks.size(), kMostNamed); ++i)
    names += (i == 0 ? "" : "\n") + checks[i].at("check").get<std::string>();
  if (checks.size() > kMostNamed) names += "\n…";
  return fail(Errc::kInvalidArgument, fmt::format("{} checks contain \"{}\"", checks.size(), part),
              "name one of them:\n" + names);
}

std::string times(std::uint64_t number, const char* one, const char* many) {
  return fmt::format("{} {}", number, number == 1 ? one : many);
}

using Facts = std::vector<std::pair<std::string, std::string>>;

void add_override(Facts& facts, const json& override) {
  if (override.is_null()) return;
  const auto& until = override.at("until");
  facts.emplace_back(
      "forced",
      fmt::format("{} by {} since {} {}", override.at("verdict").get<std::string>(),
                  override.at("who").get<std::string>(), time_text(override.at("since").get<std::int64_t>()),
                  until.is_null() ? "until it is released" : "until " + time_text(until.get<std::int64_t>())));
  facts.emplace_back("as", override.at("target").get<std::string>());
  facts.emplace_back("reason", override.at("reason").get<std::string>());
}

void add_probes(Facts& facts, const json& probed) {
  const auto number = [&](const char* key) { return probed.at(key).get<std::uint64_t>(); };
  facts.emplace_back("probes say", fmt::format("{} for {}", probed.at("verdict").get<std::string>(),
                                               age_text(probed.at("for_ms").get<std::int64_t>())));
  facts.emplace_back("last probe", last_text(probed));
  if (!probed.at("last").is_null() && probed.at("last").at("result") != "success")
    facts.emplace_back("it took", fmt::format("{:.1f} ms", probed.at("last").at("us").get<double>() / 1000));
  if (probed.contains("last_error") && !probed.at("last_error").is_null()) {
    const auto& error = probed.at("last_error");
    const auto detail = error.at("detail").get<std::string>();
    facts.emplace_back("last error",
                       fmt::format("{}{}{}, {} ago", error.at("result").get<std::string>(), detail.empty() ? "" : ": ",
                                   detail, age_text(error.at("ago_ms").get<std::int64_t>())));
  }
  facts.emplace_back("in a row", number("failures_in_row") != 0
                                     ? times(number("failures_in_row"), "failure", "failures")
                                     : times(number("successes_in_row"), "success", "successes"));
  std::string falls = times(number("fall"), "failure in a row", "failures in a row");
  if (number("fall_remembered") != 0) falls += fmt::format(", or {} that are remembered", number("fall_remembered"));
  facts.emplace_back("falls after", std::move(falls));
  const bool manual = probed.value("resume", "automatic") == "manual";  // a daemon that is older has none of these
  std::string rises = times(number("rise"), "success", "successes");
  if (probed.value("waits_for_resume", false)) rises += ", but waits for an operator: `sdnsctl health resume`";
  else if (probed.value("resumed", false)) rises += ", as an operator has allowed; a failure ends that";
  else if (manual) rises += " and `sdnsctl health resume`";
  facts.emplace_back("rises after", std::move(rises));
  const json last_up = probed.value("last_up_ms", json(0));
  if (last_up.is_null()) facts.emplace_back("last up", "never");
  else if (last_up != 0) facts.emplace_back("last up", age_text(last_up.get<std::int64_t>()) + " ago");
  if (const auto step = probed.value("ttl_step", std::uint64_t{0}); step != 0)
    facts.emplace_back("may change", fmt::format("soon: planned TTLs are {} s at most", step));
  facts.emplace_back("probes", fmt::format("{}, of which {} failed", number("probes"), number("failed")));
  facts.emplace_back("interval",
                     fmt::format("{}, the next one in {}", age_text(probed.at("interval_ms").get<std::int64_t>()),
                                 age_text(probed.at("next_ms").get<std::int64_t>())));
  facts.emplace_back("transitions", std::to_string(number("transitions")));
}

void add_views(Facts& facts, const json& check, const json& document) {
  if (!has_others(document) || check.at("vantage").is_null()) return;
  const auto& vantage = check.at("vantage");
  facts.emplace_back("nodes say",
                     fmt::format("{}; {} counts ({})", views_text(check), vantage.at("combined").get<std::string>(),
                                 document.at("vantage").at("rule").get<std::string>()));
  facts.emplace_back("this node", vantage.at("own").get<std::string>());
  for (const auto& view : vantage.at("views"))
    facts.emplace_back("node " + view.at("node").get<std::string>(),
                       fmt::format("{} since {}{}", view.at("verdict").get<std::string>(),
                                   time_text(view.at("since").get<std::int64_t>()),
                                   view.at("counts").get<bool>() ? "" : " (too old: does not count)"));
}

Result<int> show(Session& session, const HistoryOptions& options) {
  auto daemon = daemon_of(session, "show");
  if (!daemon) return fail(std::move(daemon.error()));
  auto body = (*daemon)->health(check_query(options.part));
  if (!body) return fail(std::move(body.error()));
  try {
    const auto document = json::parse(*body, nullptr, false);
    const auto check = chosen_check(document.at("checks"), options.part);
    if (!check) return fail(check.error());
    const auto identity = check->at("check").get<std::string>();
    const auto& probed = check->at("probed");
    Facts facts{{"check", identity}, {"state", check->at("state").get<std::string>()}};
    add_override(facts, check->at("override"));
    facts.emplace_back("weight", std::to_string(check->at("weight").get<std::uint64_t>()));
    say_cut_off(session, document);
    add_views(facts, *check, document);
    auto transitions = json::array();
    if (probed.is_null()) {
      facts.emplace_back("probes say", "nothing: it is not probed");
    } else {
      add_probes(facts, probed);
      auto past = history_of(**daemon, check_query(identity));
      if (!past) return fail(std::move(past.error()));
      for (auto& transition : (*past)["transitions"])
        if (transition["check"] == identity) transitions.push_back(std::move(transition));
    }
    if (session.json()) {
      session.print({{"check", *check}, {"transitions", std::move(transitions)}});
      return kDone;
    }
    print_facts(session.out(), facts);
    if (!transitions.empty()) {
      session.out() << '\n';
      print_transitions(session, transitions);
    }
  } catch (const json::exception&) {
    return something_else("/v1/health");
  }
  return kDone;
}

}  // namespace

void add_health_view_commands(CLI::App& group, Action& chosen) {
  const auto options = std::make_shared<HistoryOptions>();
  const auto command = [&](const char* name, const char* about,
                           Result<int> (*action)(Session&, const HistoryOptions&)) {
    auto* app = group.add_subcommand(name, about);
    app->callback([&chosen, options, action] {
      chosen = [options, action](Session& session) { return action(session, *options); };
    });
    return app;
  };
  const char* part = "Only checks whose text contains this, as 192.0.2.1 or :443";
  command("show", "One check in full: state, who forced it and why, its probes, its last transitions", show)
      ->add_option("CHECK", options->part, "A check as `health list` names it, or a part that only one contains")
      ->required();
  auto* past =
      command("history", "List changes of verdicts, the newest last: the last 32 of a check, 10 000 of all", history);
  past->add_option("PART", options->part, part);
  past->add_option("--last", options->last, "Only so many, the newest")->type_name("N")->check(CLI::PositiveNumber);
  auto* watching = command("watch", "Print changes of verdicts as they come, until it is interrupted", watch);
  watching->add_option("PART", options->part, part);
  watching->add_option("--count", options->count, "End after so many")->type_name("N")->check(CLI::PositiveNumber);
}

}  // namespace sdns::ctl
