// SPDX-License-Identifier: MIT
// PowerDNS's edits in the authority database: checked, in one transaction, durable, and published before the answer.
#pragma once

#include <string>

#include "backend/answer/editor.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/random.h"
#include "backend/daemon/serving_state.h"
#include "backend/store/authority.h"

namespace sdns::daemon {

/// The database is opened for each edit: it may have been put in the place of another meanwhile. Safe from any thread.
class StoreEditor final : public answer::Editor {
 public:
  /// All outlive the editor.
  StoreEditor(std::string database_url, const ServingState& state, const WallClock& clock, Random& random,
              const Log& log, store::KeyFilePtr key_file = std::make_shared<const store::KeyFile>())
      : url_(std::move(database_url)),
        key_file_(std::move(key_file)),
        state_(state),
        clock_(clock),
        random_(random),
        log_(log) {}

  Result<std::uint32_t> edit(const answer::Edit& edit, const std::atomic<bool>& abandoned) override;
  Result<std::optional<answer::Autoprimary>> autoprimary(const answer::AutoprimaryQuestion& question) override;

  /// Ends waits for publication, now and later: for the end of the program.
  void stop_waiting() { stopping_.store(true, std::memory_order_relaxed); }

 private:
  Result<std::unique_ptr<store::Authority>> open(std::chrono::milliseconds busy_limit);
  Result<std::uint32_t> edit_once(const answer::Edit& edit, const std::atomic<bool>& abandoned);
  Result<std::uint32_t> apply(store::Transaction& edit, const answer::ZoneEdit& wanted);
  Result<std::uint32_t> apply(store::Transaction& edit, const answer::AddKey& wanted);
  Result<std::uint32_t> apply(store::Transaction& edit, const answer::ChangeKey& wanted);
  Result<std::uint32_t> apply(store::Transaction& edit, const answer::ReserveKey& wanted);
  Result<std::uint32_t> apply(store::Transaction& edit, const answer::PutTsigKey& wanted);
  Result<std::uint32_t> apply(store::Transaction& edit, const answer::RemoveTsigKey& wanted);
  Result<std::uint32_t> apply(store::Transaction& edit, const answer::NoteNotified& wanted);
  Result<std::uint32_t> apply(store::Transaction& edit, const answer::NoteChecked& wanted);
  Result<std::uint32_t> apply(store::Transaction& edit, const answer::CreateSecondary& wanted);
  void wait_published(zone::Revision revision, const std::atomic<bool>& abandoned) const;

  const std::string url_;
  const store::KeyFilePtr key_file_;
  const ServingState& state_;
  const WallClock& clock_;
  Random& random_;
  const Log& log_;
  std::atomic<bool> stopping_ = false;
};

}  // namespace sdns::daemon
