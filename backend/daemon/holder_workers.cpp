// SPDX-License-Identifier: MIT
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <utility>

#include "backend/daemon/holder_impl.h"
#include "backend/daemon/worker_link.h"
#include "backend/daemon/worker_process.h"

namespace sdns::daemon {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

}  // namespace

std::unique_ptr<Worker> Holder::Impl::start() {
  restart_wanted = false;  // this one is as new as the next would be
  auto process = start_worker(options.worker_argv, held->memory_fd());
  if (!process) {
    log.error("worker.not_started", {{"reason", process.error().what}, {"hint", process.error().hint}});
    return nullptr;
  }
  auto worker = std::make_unique<Worker>();
  worker->serial = ++last_serial;
  worker->pid = process->pid;
  worker->channel = std::move(process->channel);
  worker->started = clock.now();
  log.info("worker.started", {{"pid", worker->pid}, {"serial", worker->serial}});
  return worker;
}

// Without a worker that has the connections: starts one at once, or later when workers keep ending.
void Holder::Impl::start_or_back_off() {
  if (stopping) return;
  start_at = clock.now() + backoff;
  if (backoff.count() > 0)
    log.warn("worker.backoff", {{"delay_ms", backoff.count()}, {"connections_held", held->size()}});
  backoff = std::min(std::max(backoff * 2, options.backoff_first), options.backoff_most);
}

void Holder::Impl::fill_current() {
  start_at.reset();
  current = start();
  if (!current) start_or_back_off();
}

void Holder::Impl::order(Worker& worker, Message message) {
  worker.orders.push_back(std::move(message));
  flush(worker);
}

// Who gets connections: nobody while the only worker is quiescing.
Worker* Holder::Impl::receiver() {
  if (stopping) return nullptr;
  if (next && next->ready) return next.get();
  return current && !current->quiescing ? current.get() : nullptr;
}

void Holder::Impl::flush(Worker& worker) {
  worker.retry_later = false;
  const auto unsent = [&worker](SendResult result) {
    worker.retry_later = result == SendResult::kLater;
    return result != SendResult::kSent;
  };
  if (!worker.channel) return;
  for (; !worker.orders.empty(); worker.orders.pop_front()) {
    if (unsent(send_message(worker.channel.get(), worker.orders.front()))) return;
  }
  if (&worker != receiver()) return;
  for (; !waiting.empty(); waiting.pop_front()) {
    HeldConnection* connection = held->find(waiting.front());
    if (!connection || connection->given_to != 0) continue;
    const Message message{
        .kind = MessageKind::kConnection, .slot = connection->slot, .number = connection->id, .text = {}};
    if (unsent(send_message(worker.channel.get(), message, connection->stream))) return;
    connection->given_to = worker.serial;
  }
}

// May change the worker's role; only ended() destroys workers.
void Holder::Impl::receive(Worker& worker) {
  while (worker.channel) {
    Message message;
    net::Stream none;
    const ReceiveResult got = receive_message(worker.channel.get(), message, none);
    if (got == ReceiveResult::kNothing) return;
    if (got == ReceiveResult::kGot) {
      handle(worker, message);
      continue;
    }
    worker.channel.reset();
    if (worker.kill_at) return;
    worker.kill_at = clock.now() + options.kill_after;
    worker.kill_reason = "it closed its channel and did not end";
  }
}

void Holder::Impl::handle(Worker& worker, const Message& message) {
  switch (message.kind) {
    case MessageKind::kReady:
      became_ready(worker);
      return;
    case MessageKind::kReleased:
      if (&worker == current.get() && worker.quiescing && !stopping) released();
      return;
    case MessageKind::kReloaded:
      if (reload_until) systemd.send("READY=1");
      reload_until.reset();
      return;
    case MessageKind::kAlive:
      worker.beats = worker.beat = true;
      return;
    case MessageKind::kClosed:
      if (const HeldConnection* c = held->find(message.number); c && c->given_to == worker.serial)
        held->end(message.number);
      return;
    case MessageKind::kStatus:
      if (&worker == receiver()) systemd.send("STATUS=" + message.text);
      return;
    default:
      return;
  }
}

void Holder::Impl::became_ready(Worker& worker) {
  if (worker.ready) return;
  worker.ready = true;
  worker.ready_since = clock.now();
  worker.kill_at.reset();
  ever_ready = true;
  log.info("worker.ready", {{"pid", worker.pid},
                            {"serial", worker.serial},
                            {"after_ms", duration_cast<milliseconds>(worker.ready_since - worker.started).count()}});
  if (stopping) return;
  if (&worker == next.get() && current && !current->quiescing) {
    current->quiescing = true;
    current->kill_at = clock.now() + options.quiesce_limit + options.kill_after;
    current->kill_reason = "it did not release its connections in time";
    order(*current,
          {.kind = MessageKind::kQuiesce, .number = static_cast<std::uint64_t>(options.quiesce_limit.count())});
  }
  if (&worker != current.get()) return;
  systemd.send("READY=1\nSTATUS=serving");
  if (restart_wanted) restart();
}

// The quiesced worker reads nothing any more: its connections go to its successor, and it may end.
void Holder::Impl::released() {
  std::unique_ptr<Worker> old = std::move(current);
  const std::vector<net::ConnectionId> back = held->take_back(old->serial);
  waiting.insert(waiting.begin(), back.begin(), back.end());
  old->kill_at = clock.now() + options.stop_limit;
  old->kill_reason = "it did not end after it had released its connections";
  order(*old, {.kind = MessageKind::kStop, .number = static_cast<std::uint64_t>(options.stop_limit.count())});
  const pid_t old_pid = old->pid;
  leaving.push_back(std::move(old));
  current = std::move(next);
  if (!current) {
    start_or_back_off();
    return;
  }
  log.info("restart.done", {{"old_pid", old_pid}, {"pid", current->pid}, {"connections", back.size()}});
  if (!current->ready) return;
  systemd.send("READY=1\nSTATUS=serving");
  if (restart_wanted) restart();
}

void Holder::Impl::take_back_from_dead(const Worker& worker) {
  const HeldConnections::Returned back = held->take_back_from_dead(worker.serial);
  waiting.insert(waiting.begin(), back.idle.begin(), back.idle.end());
  if (back.ended + back.idle.size() == 0) return;
  log.warn("connections.taken_back", {{"pid", worker.pid}, {"kept", back.idle.size()}, {"closed", back.ended}});
}

void Holder::Impl::reap() {
  int status = 0;
  for (pid_t pid; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) ended(pid, status);
}

void Holder::Impl::ended(pid_t pid, int wait_status) {
  // What it had said before it died still counts; it may change its role.
  std::vector<Worker*> dead;
  for_each_worker([&](Worker& worker) {
    if (worker.pid == pid) dead.push_back(&worker);
  });
  for (Worker* worker : dead) receive(*worker);
  const bool clean = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
  const bool expected = stopping || (!dead.empty() && dead.front() != current.get() && dead.front() != next.get());
  log.event(clean && expected ? LogLevel::kInfo : LogLevel::kError, "worker.ended",
            {{"pid", pid}, {"with", describe_exit(wait_status)}, {"expected", expected}});
  const SteadyTime now = clock.now();

  std::erase_if(leaving, [pid](const auto& worker) { return worker->pid == pid; });
  if (next && next->pid == pid) {
    take_back_from_dead(*next);
    const bool was_ready = next->ready;
    next.reset();
    if (stopping) return;
    log.error("restart.failed",
              {{"pid", pid},
               {"reason", was_ready ? "the new worker ended before it had taken over"
                                    : "the new worker ended before it was ready"},
               {"action", current && current->quiescing ? "another one is started when it has released its connections"
                                                        : "the old worker goes on"}});
    systemd.send("STATUS=hot restart failed; the old worker goes on");
    if (current && !current->quiescing && restart_wanted) restart();
    return;
  }
  if (!current || current->pid != pid) return;
  if (current->ready && now - current->ready_since >= options.steady_after) backoff = milliseconds(0);
  take_back_from_dead(*current);
  current = std::move(next);
  if (current) {
    log.warn("restart.done", {{"old_pid", pid}, {"pid", current->pid}, {"reason", "the old worker ended by itself"}});
    current->kill_at.reset();  // without another worker there is nothing to give it up for
    if (current->ready) systemd.send("READY=1\nSTATUS=serving");
    return;
  }
  if (stopping) return;
  if (!ever_ready && WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == kExitGiveUp) {
    exit_status = kExitGiveUp;
    stop();
    return;
  }
  systemd.send("STATUS=the worker ended and is started again");
  start_or_back_off();
}

void Holder::Impl::kill_late() {
  const SteadyTime now = clock.now();
  for_each_worker([&](Worker& worker) {
    if (!worker.kill_at || now < *worker.kill_at) return;
    worker.kill_at.reset();
    log.error("worker.killed", {{"pid", worker.pid}, {"reason", worker.kill_reason}});
    ::kill(worker.pid, SIGKILL);
  });
}

// Looks are counted, not time: when the machine itself stood still nobody is late.
void Holder::Impl::look_at_beats() {
  const SteadyTime now = clock.now();
  if (now < looked_at_beats + kHeartbeat) return;
  looked_at_beats = now;
  if (watched) systemd.send("WATCHDOG=1");
  for_each_worker([&](Worker& worker) {
    worker.missed = std::exchange(worker.beat, false) ? 0 : worker.missed + 1;
    if (!worker.beats || options.hung_after.count() == 0 || worker.missed * kHeartbeat < options.hung_after) return;
    worker.missed = 0;
    log.error("worker.hung", {{"pid", worker.pid},
                              {"without_heartbeat_ms", options.hung_after.count()},
                              {"action", "it is killed, and another one takes its connections"}});
    ::kill(worker.pid, SIGKILL);
  });
}

void Holder::Impl::restart() {
  if (stopping) return;
  if (next || !current || !current->ready || current->quiescing) {
    restart_wanted = true;
    log.info("restart.remembered", {{"reason", "a worker is being started already"}});
    return;
  }
  log.info("restart.begun", {{"old_pid", current->pid}});
  systemd.send("STATUS=hot restart: a new worker is loading");
  next = start();
  if (!next) {
    log.error("restart.failed", {{"reason", "the new worker could not be run"}, {"action", "the old worker goes on"}});
    return;
  }
  next->kill_at = clock.now() + options.ready_limit;
  next->kill_reason = "it was not ready in time";
}

}  // namespace sdns::daemon
