// SPDX-License-Identifier: MIT
// The holder's state. holder.cpp waits, accepts and takes signals; holder_workers.cpp starts, replaces and buries
// workers; holder_pipes.cpp takes pipes from helpers.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "backend/base/event_limit.h"
#include "backend/base/owned.h"
#include "backend/daemon/channel.h"
#include "backend/daemon/held_connections.h"
#include "backend/daemon/holder.h"
#include "backend/daemon/listener.h"
#include "backend/daemon/sd_notify.h"

namespace sdns::daemon {

struct Worker {
  std::uint64_t serial = 0;
  pid_t pid = -1;
  Fd channel;
  bool ready = false;
  bool quiescing = false;
  SteadyTime started{};
  SteadyTime ready_since{};
  std::deque<Message> orders;  // not sent yet
  bool retry_later = false;    // SendResult::kLater: by time, not when writable
  bool beats = false;          // it has sent a heartbeat: workers of older builds do not
  bool beat = false;           // since the holder looked last
  unsigned missed = 0;         // looks without one
  std::optional<SteadyTime> kill_at;
  const char* kill_reason = "";
};

// A helper of the pipe door, which stays connected for as long as it lives.
struct Helper {
  Fd socket;
  pid_t pid = -1;
  pid_t powerdns = -1;
  net::ConnectionId connection = 0;  // 0: it has handed nothing over yet
  std::optional<SteadyTime> until;   // it hands over, or its PowerDNS ends the pipe
};

struct Holder::Impl {
  Impl(HolderOptions o, const Clock& c, const Log& l, std::string notify_socket)
      : options(std::move(o)), clock(c), log(l), systemd(std::move(notify_socket)) {}

  HolderOptions options;
  const Clock& clock;
  const Log& log;
  SdNotify systemd;
  Fd signals;
  std::unique_ptr<Listener> listener;
  std::unique_ptr<Listener> pipe_listener;
  std::list<Helper> helpers;
  SteadyTime looked_at_beats{};
  bool watched = false;  // by systemd: WatchdogSec=
  std::unique_ptr<HeldConnections> held;
  std::deque<net::ConnectionId> waiting;  // nobody has them; ids that have ended meanwhile are skipped

  std::uint64_t last_serial = 0;
  std::unique_ptr<Worker> current;               // has the connections; may be not ready yet, or quiescing
  std::unique_ptr<Worker> next;                  // is to take over from `current`
  std::vector<std::unique_ptr<Worker>> leaving;  // has released everything and is ending
  std::optional<SteadyTime> start_at;            // a crash: when the next worker is started
  std::chrono::milliseconds backoff{0};
  bool ever_ready = false;
  bool restart_wanted = false;
  bool stopping = false;
  int exit_status = 0;
  std::optional<SteadyTime> reload_until;
  SteadyTime accept_from{};
  EventLimit refused_events;
  EventLimit full_events;
  EventLimit descriptor_events;

  int run();
  void wait_and_handle();
  std::chrono::milliseconds time_to_next_deadline() const;
  void take_signals();
  void accept_some();
  std::optional<Listener::Accepted> accept_one(Listener& from);
  bool room_for_one();

  void accept_helpers();
  bool hear(Helper& helper);
  bool take_pipes(Helper& helper, const Message& message, net::Stream stream);
  bool lost(Helper& helper);
  void look_after_helpers();
  void tell_orphaned(pid_t powerdns);

  std::unique_ptr<Worker> start();
  void start_or_back_off();
  void fill_current();
  void order(Worker& worker, Message message);
  Worker* receiver();
  void flush(Worker& worker);
  void receive(Worker& worker);
  void handle(Worker& worker, const Message& message);
  void became_ready(Worker& worker);
  void released();
  void take_back_from_dead(const Worker& worker);

  void reap();
  void ended(pid_t pid, int wait_status);
  void kill_late();
  void look_at_beats();
  void restart();
  void reload();
  void stop();

  template <class F>
  void for_each_worker(F&& f) {
    if (current) f(*current);
    if (next) f(*next);
    for (const auto& worker : leaving) f(*worker);
  }
};

}  // namespace sdns::daemon
