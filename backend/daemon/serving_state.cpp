// SPDX-License-Identifier: MIT
#include "backend/daemon/serving_state.h"

#include <utility>

namespace sdns::daemon {

std::string_view to_text(DatabaseState state) {
  switch (state) {
    case DatabaseState::kOpening:
      return "opening";
    case DatabaseState::kUp:
      return "up";
    case DatabaseState::kUnavailable:
      return "unavailable";
    case DatabaseState::kCorrupt:
      return "corrupt";
    case DatabaseState::kReplaced:
      return "replaced";
    case DatabaseState::kSealed:
      return "sealed";
    case DatabaseState::kDiverged:
      break;
  }
  return "diverged";
}

ServingState::View ServingState::view() const {
  std::lock_guard lock(mutex_);
  View view = view_;
  view.age = std::chrono::duration_cast<std::chrono::milliseconds>(clock_->now() - confirmed_.value_or(started_));
  return view;
}

bool ServingState::ready() const {
  std::lock_guard lock(mutex_);
  return view_.ready;
}

void ServingState::published(zone::Revision revision, const zone::Chain& chain, std::size_t zones) {
  {
    std::lock_guard lock(mutex_);
    view_.revision = revision;
    view_.chain = chain;
    view_.zones = zones;
    view_.ready = true;
  }
  changed_.notify_all();
}

void ServingState::set_database_id(std::string id) {
  std::lock_guard lock(mutex_);
  view_.database_id = std::move(id);
}

void ServingState::set_database(DatabaseState state, std::string error) {
  {
    std::lock_guard lock(mutex_);
    view_.database = state;
    view_.database_error = std::move(error);
  }
  changed_.notify_all();
}

void ServingState::confirmed(std::chrono::milliseconds ago) {
  std::lock_guard lock(mutex_);
  confirmed_ = clock_->now() - ago;
}

void ServingState::rejected(zone::Revision revision, std::string error) {
  std::lock_guard lock(mutex_);
  view_.rejected = revision;
  view_.rejected_error = std::move(error);
}

void ServingState::clear_rejected() {
  std::lock_guard lock(mutex_);
  view_.rejected.reset();
  view_.rejected_error.clear();
}

bool ServingState::interrupted() const {
  std::lock_guard lock(mutex_);
  return interrupted_;
}

bool ServingState::wait_for(zone::Revision revision, std::chrono::milliseconds limit) const {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, limit, [&] { return interrupted_ || reached(revision); });
  return reached(revision);
}

bool ServingState::wait_published(zone::Revision revision, std::chrono::milliseconds limit) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, [&] { return reached(revision); });
}

void ServingState::interrupt() {
  {
    std::lock_guard lock(mutex_);
    interrupted_ = true;
  }
  changed_.notify_all();
}

}  // namespace sdns::daemon
