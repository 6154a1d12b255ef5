// SPDX-License-Identifier: MIT
// Addresses of hosts, from the system's resolver. A lookup blocks and cannot be ended: lookups have threads of their
// own, of which there are few however many are asked for and given up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "backend/base/clock.h"
#include "backend/dns/ip.h"
#include "backend/health/probe_poller.h"

namespace sdns::health {

enum class HostFamily : std::uint8_t { kAny, kV4, kV6 };

enum class LookupOutcome : std::uint8_t {
  kFound,
  kNone,        ///< there is no such host, or none with an address of the family
  kUnanswered,  ///< nobody said: the host's name servers or the resolver itself do not work
  kLocal,       ///< it could not be asked: threads, memory, descriptors
};
struct LookupResult {
  LookupOutcome outcome = LookupOutcome::kLocal;
  std::vector<dns::IpAddress> addresses{};  ///< in the order in which they are to be tried
  std::string text{};                       ///< why there are none
};

/// getaddrinfo(3).
[[nodiscard]] LookupResult look_up_host(const std::string& host, HostFamily family);

struct ResolverOptions {
  std::size_t most_threads = 32;
  /// Called from threads; may block, and may go on when the resolver is gone.
  std::function<LookupResult(const std::string& host, HostFamily family)> look_up = look_up_host;
};

/// Used by the loop's thread, which it never blocks. Who asks for a host that is being looked up waits with the others.
class ProbeResolver final : private ProbePoller::Watcher {
  struct Lookup;

 public:
  /// Who waits for addresses.
  class Waiter {
   public:
    /// Called from the loop, never from start(). May start and cancel.
    virtual void resolved(const LookupResult& result) = 0;

   protected:
    ~Waiter() = default;

   private:
    friend ProbeResolver;
    Lookup* lookup_ = nullptr;  // none: it does not wait
  };

  ProbeResolver(ProbePoller& poller, const ResolverOptions& options);
  ~ProbeResolver();
  ProbeResolver(const ProbeResolver&) = delete;
  ProbeResolver& operator=(const ProbeResolver&) = delete;

  /// False: there can be no threads. Requires that it does not wait.
  bool start(const std::string& host, HostFamily family, Waiter& waiter);
  /// Nothing happens when it does not wait.
  void cancel(Waiter& waiter);
  /// Whether the resolver is at work on what it waits for; else it waits for a thread.
  [[nodiscard]] bool asked(const Waiter& waiter) const;
  /// Whether any lookup has come to kFound or kNone since then: the resolver works.
  [[nodiscard]] bool has_answered_since(SteadyTime when) const { return last_answer_ >= when; }

 private:
  struct Job;
  struct Shared;
  static bool start_thread(const std::shared_ptr<Shared>& shared);
  static void work(const std::shared_ptr<Shared>& shared);
  void ready(int fd, std::uint32_t events) override;

  ProbePoller& poller_;
  const std::size_t most_threads_;
  const std::shared_ptr<Shared> shared_;  // with the threads
  std::unordered_map<std::string, std::unique_ptr<Lookup>> lookups_;
  std::vector<Waiter*> told_;  // null: cancelled meanwhile
  SteadyTime last_answer_ = SteadyTime::min();
};

}  // namespace sdns::health
