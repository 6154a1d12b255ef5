// SPDX-License-Identifier: MIT
#include "backend/ctl/session.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "backend/ctl/powerdns_facts.h"

namespace sdns::ctl {
namespace {

constexpr double kDefaultWaitSeconds = 5;
constexpr std::chrono::seconds kBusyLimit{30};  // an import may have the database that long

/// What the daemon says of itself that keeps it from a revision, a line each.
std::vector<std::string> reasons_for_delay(const std::string& status, zone::Revision revision) {
  std::vector<std::string> reasons;
  const auto json = nlohmann::json::parse(status, nullptr, false);
  const auto text = [](const nlohmann::json& object, const char* key) {
    const auto at = object.find(key);
    return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
  };
  const auto reason = [&](const nlohmann::json& object) {
    const std::string error = text(object, "error");
    return error.empty() ? std::string("it gives no reason; its log may") : error;
  };
  if (!json.is_object()) return reasons;
  if (const auto at = json.find("rejected"); at != json.end() && at->is_object()) {
    reasons.push_back("the engine refused a revision: " + reason(*at));
  }
  if (const auto at = json.find("database"); at != json.end() && at->is_object() && !text(*at, "error").empty()) {
    reasons.push_back("the engine's database: " + reason(*at));
  }
  for (const auto& server : powerdns_facts(json)) {
    if (server.purged < revision) reasons.push_back(fmt::format("PowerDNS {} is {}", server.name, state_line(server)));
  }
  return reasons;
}

}  // namespace

Session::Session(GlobalOptions options, Settings settings, Environment& environment, std::ostream& out,
                 std::ostream& err)
    : options_(std::move(options)),
      settings_(std::move(settings)),
      key_file_(std::make_shared<const store::KeyFile>(settings_.key_file)),
      environment_(environment),
      out_(out),
      err_(err) {}

Session::~Session() = default;

Result<store::Authority*> Session::database(store::OpenMode mode) {
  if (!authority_) {
    auto opened = store::open_authority(settings_.database_url, mode, environment_.wall, environment_.random,
                                        kBusyLimit, key_file_);
    if (!opened) {
      Error error = std::move(opened.error());
      if (error.code == Errc::kNotFound && mode == store::OpenMode::kCreateIfMissing) {
        error.what = fmt::format("{} (named by {}) cannot be created: its directory is missing",
                                 store::shown_url(settings_.database_url), settings_.database_origin);
        error.hint = "make the directory, owned by the user that runs sovereign-dnsd";
      } else if (error.code == Errc::kNotFound) {
        error.hint = fmt::format(
            "this database is named by {}; `sdnsctl database init` creates it, --database or --config name "
            "another one",
            settings_.database_origin);
      }
      return fail(std::move(error));
    }
    authority_ = std::move(*opened);
  }
  return authority_.get();
}

Result<std::unique_ptr<store::Transaction>> Session::read() {
  auto opened = database();
  if (!opened) return fail(std::move(opened.error()));
  return (*opened)->read();
}

Result<std::unique_ptr<store::Transaction>> Session::edit() {
  auto opened = database();
  if (!opened) return fail(std::move(opened.error()));
  if (auto same = compare_with_daemon(); !same) return fail(std::move(same.error()));
  return (*opened)->edit();
}

Result<Daemon*> Session::daemon() {
  if (!daemon_ && !settings_.admin_address.empty()) {
    daemon_ = environment_.daemon(settings_.admin_address);
    if (!daemon_) {
      return fail(
          Errc::kInvalidArgument,
          fmt::format("\"{}\" is not an admin address: it takes a loopback host and a port", settings_.admin_address),
          "as in --admin 127.0.0.1:8053; --admin \"\" asks no daemon");
    }
  }
  return daemon_.get();
}

Result<void> Session::compare_with_daemon() {
  auto peer = daemon();
  if (!peer) return fail(std::move(peer.error()));
  if (*peer == nullptr) return {};
  auto state = (*peer)->state();
  if (!state) {
    if (state.error().code != Errc::kUnavailable) {
      Error error = std::move(state.error());
      error.what += "; nothing was changed, since it cannot be said whether it serves this database";
      return fail(std::move(error));
    }
    daemon_absent_ = std::move(state.error().what);
    return {};
  }
  auto identity = authority_->identity();
  if (!identity) return fail(std::move(identity.error()));
  if (!state->database_id.empty() && state->database_id != identity->database_id) {
    return fail(
        Errc::kForeign,
        fmt::format(
            "the daemon at {} serves another database (id {}) than {} (id {}, named by {}); nothing was changed",
            settings_.admin_address, state->database_id, store::shown_url(settings_.database_url),
            identity->database_id, settings_.database_origin),
        "--database or --config choose the database, --admin the daemon; --admin \"\" edits without asking one");
  }
  daemon_answers_ = true;
  return {};
}

std::vector<std::string> Session::warn_of_caches() {
  std::vector<std::string> names;
  const auto status = daemon_->status();
  if (!status) return names;
  for (const auto& server : powerdns_facts(nlohmann::json::parse(*status, nullptr, false))) {
    if (server.current()) continue;
    warning(what_stays(server));
    names.push_back(server.name);
  }
  return names;
}

Session::Acknowledged Session::acknowledge(zone::Revision revision) {
  if (options_.no_wait) return {};
  if (!daemon_answers_) {
    if (!options_.wait_seconds) return {};
    warning(fmt::format("revision {} is durable, but {}", revision,
                        daemon_absent_.empty() ? "there is no daemon to wait for" : daemon_absent_));
    return {false, {}};
  }
  const double seconds = options_.wait_seconds.value_or(kDefaultWaitSeconds);
  const std::chrono::milliseconds limit(static_cast<std::int64_t>(seconds * 1000));
  const auto state = daemon_->wait_for(revision, limit);
  const std::string durable = fmt::format("revision {} is durable", revision);
  if (!state) {
    warning(fmt::format("{}, but waiting for the engine failed: {}", durable, state.error().what));
    return {false, {}};
  }
  if (state->revision >= revision && state->purged >= revision) return {true, warn_of_caches()};
  if (state->revision >= revision) {
    warning(fmt::format(
        "{} and served, but within {} s not every PowerDNS confirmed that its cache was purged (confirmed up to "
        "revision {})",
        durable, seconds, state->purged));
  } else {
    warning(fmt::format(
        "{}, but the engine did not answer with it within {} s (it serves revision {}); it goes on trying, and "
        "`sdnsctl status` tells how far it is",
        durable, seconds, state->revision));
  }
  if (auto status = daemon_->status()) {
    for (const auto& reason : reasons_for_delay(*status, revision)) notice(reason);
  }
  return {false, {}};
}

Result<int> Session::finish(std::unique_ptr<store::Transaction> edit, const std::string& done, nlohmann::json&& report,
                            const Late& late) {
  auto position = edit->commit("sdnsctl");
  if (!position) return fail(std::move(position.error()));
  edit.reset();
  if (!daemon_absent_.empty() && !options_.wait_seconds) notice(daemon_absent_ + ": this is served when one starts");
  const auto [served, not_purged] = acknowledge(position->revision);
  const bool caches_left = not_purged && !not_purged->empty();
  const std::string more = late ? late(served.value_or(false) && not_purged && !caches_left, report) : std::string();
  if (options_.json) {
    report["revision"] = position->revision;
    report["served"] = served ? nlohmann::json(*served) : nlohmann::json();
    if (not_purged) report["not_purged"] = *not_purged;
    print(report);
  } else {
    out_ << done << "; revision " << position->revision
         << (!served       ? " (durable)"
             : !*served    ? " (durable, not yet served)"
             : caches_left ? fmt::format(" (durable, served, not purged: {})", fmt::join(*not_purged, ", "))
                           : " (durable, served)")
         << '\n'
         << more;
  }
  // An absent PowerDNS may as well be one that does not run: that is told, and is no failure of the edit.
  return served && !*served ? kNotAcknowledged : kDone;
}

void Session::notice(std::string_view text) { err_ << "sdnsctl: " << text << '\n'; }

void Session::warning(std::string_view text) { err_ << "sdnsctl: warning: " << text << '\n'; }

void Session::report(const std::vector<zone::Finding>& findings) {
  bool told = false;
  for (const auto& finding : findings) {
    const std::string text = finding.where + ": " + finding.what;
    if (finding.severity == zone::Severity::kWarning) {
      warning(text);
    } else if (told) {
      notice(text);
    } else {
      told = true;
    }
  }
}

void Session::print(const nlohmann::json& document) {
  out_ << document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

}  // namespace sdns::ctl
