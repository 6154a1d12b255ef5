// SPDX-License-Identifier: MIT
#include "pdm/nodes.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "backend/net/http_client.h"

namespace sdns::pdm {

using std::chrono::milliseconds;

struct LocalDaemon::Impl {
  std::string address;
  std::string database_id;
  net::HttpClient http;
};

LocalDaemon::LocalDaemon(std::string address, std::string database_id)
    : impl_(std::make_unique<Impl>(Impl{std::move(address), std::move(database_id), {}})) {}
LocalDaemon::~LocalDaemon() = default;

Result<zone::Revision> LocalDaemon::serve_up_to(zone::Revision wanted, milliseconds limit) {
  constexpr milliseconds kConnectLimit{250};
  constexpr milliseconds kSlack{2000};
  if (impl_->address.empty()) return fail(Errc::kUnavailable, "no name server is configured", "set nodes.admin");
  net::HttpRequest request;
  request.url = fmt::format("http://{}/v1/revision?wait={}&timeout_ms={}", impl_->address, wanted, limit.count());
  request.connect_timeout = kConnectLimit;
  request.timeout = limit + kSlack;
  auto reply = impl_->http.send(request);
  if (!reply) return fail(std::move(reply.error()));
  const auto json = nlohmann::json::parse(reply->body, nullptr, false);
  const auto number = [&](const char* key) {
    const auto at = json.find(key);
    return at != json.end() && at->is_number_unsigned() ? at->get<zone::Revision>() : 0;
  };
  if (!json.is_object() || !json.contains("revision") || !json.contains("database_id"))
    return fail(Errc::kUnavailable, fmt::format("{} does not say what it serves", impl_->address),
                "is it sovereign-dnsd?");
  if (!impl_->database_id.empty() && json["database_id"] != impl_->database_id)
    return fail(Errc::kForeign, fmt::format("the daemon at {} follows another database", impl_->address),
                "make database.url the same in both configurations");
  return json.contains("purged") ? std::min(number("revision"), number("purged")) : number("revision");
}

Acknowledger::Acknowledger(std::unique_ptr<Nodes> nodes, const Clock& clock, milliseconds limit)
    : nodes_(std::move(nodes)), clock_(clock), limit_(limit), thread_([this] { work(); }) {}

Acknowledger::~Acknowledger() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Acknowledger::wait(zone::Revision revision, Told told) {
  {
    std::lock_guard lock(mutex_);
    waiting_.push_back({revision, clock_.now() + limit_, std::move(told)});
  }
  wake_.notify_all();
}

zone::Revision Acknowledger::last_seen() const {
  std::lock_guard lock(mutex_);
  return seen_;
}

void Acknowledger::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    zone::Revision wanted = waiting_.front().revision;
    SteadyTime deadline = waiting_.front().deadline;
    for (const Waiter& one : waiting_) {
      wanted = std::min(wanted, one.revision);
      deadline = std::min(deadline, one.deadline);
    }
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - clock_.now());
    Result<zone::Revision> served = zone::Revision{0};
    if (!ending_) {
      lock.unlock();
      served = nodes_->serve_up_to(wanted, std::max(left, milliseconds(0)));
      lock.lock();
    }
    if (served) seen_ = *served;
    // Nobody is there to wait for when the daemon does not answer at all.
    const bool give_up = !served || ending_;
    std::vector<std::pair<Told, bool>> told;
    std::erase_if(waiting_, [&](Waiter& one) {
      const bool there = served && *served >= one.revision;
      if (!there && !give_up && one.deadline > clock_.now()) return false;
      told.emplace_back(std::move(one.told), there);
      return true;
    });
    lock.unlock();
    for (const auto& [tell, there] : told) tell(there);
    lock.lock();
  }
}

}  // namespace sdns::pdm
