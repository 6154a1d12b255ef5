// SPDX-License-Identifier: MIT
// Where what this node's probes say and what other nodes say of the same checks come together: between the publisher,
// which answers from it, the thread that has the database (NodeLink), and the operator, who looks at it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/metrics.h"
#include "backend/health/check_book.h"
#include "backend/health/vantage.h"
#include "backend/store/node_store.h"

namespace sdns::daemon {

struct SharedHealthOptions {
  health::VantageRule rule = health::VantageRule::kLocal;
  std::chrono::milliseconds most_age{30'000};  ///< nodes that were not heard of for longer have no say
  std::chrono::milliseconds first_look{500};   ///< how long the first begin() waits for what others say
};

/// Safe from any thread.
class SharedHealth {
 public:
  using States = std::vector<std::pair<std::string, health::State>>;
  /// Of verdicts that others decide; may be called on the publisher's thread.
  using Tell = std::function<void(const health::Transition&)>;

  SharedHealth(SharedHealthOptions options, Tell tell, const Clock& clock, const WallClock& wall_clock, const Log& log,
               Metrics& metrics);

  // The publisher's.

  /// Checks that begin now, with what is known of them; the states that differ from unknown. The first call waits for
  /// a look at what others say, if that counts.
  States begin(const std::vector<std::string>& identities, const States& own);
  void forget(const std::vector<std::string>& identities);
  /// What our probes say anew; the states that changed.
  States turn(const States& own);

  // The link's.

  std::function<void()> on_news;  ///< set before all else: called when there is something to write or to ask for

  struct Wanted {
    std::vector<store::CheckDigest> checks;  ///< that became ours since the last call
    std::uint64_t generation = 0;            ///< for looked()
  };
  Wanted take_wanted();
  /// A look that began after this take_wanted() is over, whether it has seen something or not.
  void looked(std::uint64_t generation);
  /// What is to be written: verdicts of ours that changed since the last call.
  std::vector<store::SharedVerdict> take_changed();
  /// All of ours that are known, changed ones included.
  std::vector<store::SharedVerdict> all();
  void heard(const std::string& node, SteadyTime at);
  void views(const std::string& node, const std::vector<store::SharedVerdict>& said);
  /// The same, and that it says nothing else.
  void clear_and_view(const std::string& node, const std::vector<store::SharedVerdict>& said);
  void drop(const std::string& node);

  // For who looks.

  [[nodiscard]] std::optional<health::Vantage::Report> report(const std::string& identity) const;
  [[nodiscard]] std::vector<health::Vantage::NodeReport> nodes() const;
  [[nodiscard]] bool cut_off() const;
  [[nodiscard]] health::VantageRule rule() const { return options_.rule; }

 private:
  States settle(SteadyTime now);
  void take_views(const std::string& node, const std::vector<store::SharedVerdict>& said);
  void own(const std::string& identity, const health::State& state);
  void say(const health::Vantage::Change& change, SteadyTime now);
  void say_cut_off(bool cut_off);
  bool may_say(SteadyTime now);

  const SharedHealthOptions options_;
  const Tell tell_;
  const Clock& clock_;
  const WallClock& wall_clock_;
  const Log& log_;

  mutable std::mutex mutex_;
  std::condition_variable looked_;
  health::Vantage vantage_;
  struct Own {
    store::CheckDigest digest{};
    health::Verdict verdict = health::Verdict::kUnknown;
    WallTime changed{};
  };
  std::unordered_map<std::string, Own> own_;              // by identity
  std::map<store::CheckDigest, std::string> identities_;  // of own_
  std::map<store::CheckDigest, store::SharedVerdict> changed_;
  std::vector<store::CheckDigest> wanted_;
  std::uint64_t generation_ = 0;         // of wanted_
  std::uint64_t looked_generation_ = 0;  // that a look has seen
  bool begun_ = false;
  bool was_cut_off_ = false;
  SteadyTime second_{};  // in which `said_` lines were logged, or left out
  std::size_t said_ = 0;

  Metric& went_up_;
  Metric& went_down_;
  Metric& disagreements_;
  Metric& cut_off_metric_;
};

}  // namespace sdns::daemon
