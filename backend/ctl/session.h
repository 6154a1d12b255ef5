// SPDX-License-Identifier: MIT
// One run of sdnsctl: the database, the daemon beside it, and where output goes.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "backend/ctl/environment.h"
#include "backend/ctl/settings.h"
#include "backend/store/authority.h"
#include "backend/zone/zone_check.h"

namespace sdns::ctl {

inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;  ///< also: the answer is "no"
inline constexpr int kUsage = 2;
inline constexpr int kNotAcknowledged = 3;  ///< durable, but the engine did not answer with it in time
inline constexpr int kFoundProblems = 4;    ///< check and diff

/// Opens what a command needs, when it needs it. Used by one thread.
class Session {
 public:
  Session(GlobalOptions options, Settings settings, Environment& environment, std::ostream& out, std::ostream& err);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Result<store::Authority*> database(store::OpenMode mode = store::OpenMode::kExisting);
  Result<std::unique_ptr<store::Transaction>> read();
  /// First compares the daemon's database with ours. Errors: kForeign when they are different ones.
  Result<std::unique_ptr<store::Transaction>> edit();

  /// Commits, waits for the engine unless told not to, and reports: `done` for people ("; revision 12, served" is
  /// added), `report` with "revision", "served" (true, false, or null when no engine was asked) and "not_purged" for
  /// programs. The exit code.
  /// `late`, when there is one, is called then: whether it is served and purged everywhere, the report, and what it
  /// returns is printed for people after the rest.
  using Late = std::function<std::string(bool everywhere, nlohmann::json& report)>;
  Result<int> finish(std::unique_ptr<store::Transaction> edit, const std::string& done, nlohmann::json&& report,
                     const Late& late = {});

  void notice(std::string_view text);   ///< stderr
  void warning(std::string_view text);  ///< stderr
  /// What a checked edit found: the warnings, and the errors after the first, which the edit's own error tells.
  void report(const std::vector<zone::Finding>& findings);
  void print(const nlohmann::json& document);
  std::ostream& out() { return out_; }
  std::ostream& messages() { return err_; }
  [[nodiscard]] WallTime now() const { return environment_.wall.wall_now(); }
  Random& random() { return environment_.random; }
  [[nodiscard]] Environment& environment() { return environment_; }
  void pause(std::chrono::milliseconds time) { environment_.pause(time); }
  [[nodiscard]] bool json() const { return options_.json; }
  [[nodiscard]] const Settings& settings() const { return settings_; }
  [[nodiscard]] const store::KeyFilePtr& key_file() const { return key_file_; }
  /// Null when no daemon is to be asked. Errors: kInvalidArgument.
  Result<Daemon*> daemon();

  /// Runs an edit of store/checked_edit.h and reports what it found.
  template <class Edit>
  auto checked(const Edit& edit) {
    std::vector<zone::Finding> findings;
    auto result = edit(findings);
    report(findings);
    return result;
  }

 private:
  Result<void> compare_with_daemon();
  struct Acknowledged {
    std::optional<bool> served;                          ///< nothing when no engine was asked
    std::optional<std::vector<std::string>> not_purged;  ///< names of PowerDNS servers; nothing when it is not known
  };
  /// Waits for the engine, and says on stderr what is not as it shall be.
  Acknowledged acknowledge(zone::Revision revision);
  std::vector<std::string> warn_of_caches();

  const GlobalOptions options_;
  const Settings settings_;
  const store::KeyFilePtr key_file_;
  Environment& environment_;
  std::ostream& out_;
  std::ostream& err_;
  std::unique_ptr<store::Authority> authority_;
  std::unique_ptr<Daemon> daemon_;
  bool daemon_answers_ = false;
  std::string daemon_absent_;  ///< why, when it was asked and is not there
};

}  // namespace sdns::ctl
