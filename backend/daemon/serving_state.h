// SPDX-License-Identifier: MIT
// What this node serves and how it stands with its database: written by the publisher, read by whoever asks.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/zone/source.h"

namespace sdns::daemon {

enum class DatabaseState {
  kOpening,      ///< not reached yet since the start
  kUp,           ///< the last look succeeded
  kUnavailable,  ///< missing, locked or unreadable
  kCorrupt,      ///< damaged
  kReplaced,     ///< another database, or none of ours, is in its place
  kDiverged,     ///< its history is not the one that we followed: being loaded anew
  kSealed,       ///< its secrets are sealed with a key that we do not have
};
std::string_view to_text(DatabaseState state);

/// All functions are safe from any thread.
class ServingState {
 public:
  explicit ServingState(const Clock& clock) : clock_(&clock), started_(clock.now()) {}

  struct View {
    std::string database_id;
    zone::Revision revision = 0;
    zone::Chain chain{};
    std::size_t zones = 0;
    bool ready = false;  ///< zones are loaded and served
    DatabaseState database = DatabaseState::kOpening;
    std::string database_error;              ///< why it is not up
    std::optional<zone::Revision> rejected;  ///< a revision that failed its checks and is not served
    std::string rejected_error;
    std::chrono::milliseconds age{
        0};  ///< since what is served was last seen to be the database's; since the start if never
  };
  [[nodiscard]] View view() const;
  [[nodiscard]] bool ready() const;

  void published(zone::Revision revision, const zone::Chain& chain, std::size_t zones);
  void set_database_id(std::string id);
  void set_database(DatabaseState state, std::string error);
  /// What is served is what the database has, or had so long ago.
  void confirmed(std::chrono::milliseconds ago = std::chrono::milliseconds(0));
  void rejected(zone::Revision revision, std::string error);
  void clear_rejected();

  /// Waits until `revision` is published, the time is over or interrupt() was called. True: it is.
  bool wait_for(zone::Revision revision, std::chrono::milliseconds limit) const;
  /// The same, and interrupt() does not end it.
  bool wait_published(zone::Revision revision, std::chrono::milliseconds limit) const;
  /// Ends all waits of wait_for(), also later ones: for the end of the program.
  void interrupt();
  [[nodiscard]] bool interrupted() const;

 private:
  // While another history is being loaded, a number of the old one says nothing.
  [[nodiscard]] bool reached(zone::Revision revision) const {
    return view_.ready && view_.database != DatabaseState::kDiverged && view_.revision >= revision;
  }

  const Clock* clock_;
  SteadyTime started_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  View view_;  // without age
  std::optional<SteadyTime> confirmed_;
  bool interrupted_ = false;
};

}  // namespace sdns::daemon
