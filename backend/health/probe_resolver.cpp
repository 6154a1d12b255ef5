// SPDX-License-Identifier: MIT
#include "backend/health/probe_resolver.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "backend/base/owned.h"

namespace sdns::health {
namespace {

using Addresses = Owned<addrinfo, freeaddrinfo>;

LookupOutcome outcome_of(int error) {
  switch (error) {
    case 0:
      return LookupOutcome::kFound;
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
      return LookupOutcome::kNone;
    case EAI_AGAIN:
    case EAI_FAIL:
      return LookupOutcome::kUnanswered;
    default:
      return LookupOutcome::kLocal;
  }
}

}  // namespace

LookupResult look_up_host(const std::string& host, HostFamily family) {
  addrinfo hints{};
  hints.ai_family = family == HostFamily::kV4 ? AF_INET : family == HostFamily::kV6 ? AF_INET6 : AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  const Addresses addresses(found);
  LookupResult result{.outcome = outcome_of(error)};
  if (error != 0) result.text = ::gai_strerror(error);
  const auto add = [&result](const auto& octets) {
    result.addresses.push_back(
        dns::IpAddress::from_octets({reinterpret_cast<const std::uint8_t*>(&octets), sizeof octets}));
  };
  for (const addrinfo* one = addresses.get(); one != nullptr; one = one->ai_next) {
    if (one->ai_family == AF_INET) add(reinterpret_cast<const sockaddr_in*>(one->ai_addr)->sin_addr);
    if (one->ai_family == AF_INET6) add(reinterpret_cast<const sockaddr_in6*>(one->ai_addr)->sin6_addr);
  }
  return result;
}

struct ProbeResolver::Job {
  std::string key;
  std::string host;
  HostFamily family;
  LookupResult result{};
  bool taken = false;  // by a thread
};

struct ProbeResolver::Lookup {
  std::list<Job>::iterator job;  // in one of the lists of Shared
  std::vector<Waiter*> waiters;
};

struct ProbeResolver::Shared {
  std::function<LookupResult(const std::string&, HostFamily)> look_up;
  Fd event;
  std::mutex mutex;  // of what follows
  std::list<Job> waiting;
  std::list<Job> taken;
  std::list<Job> done;
  std::size_t threads = 0;
};

ProbeResolver::ProbeResolver(ProbePoller& poller, const ResolverOptions& options)
    : poller_(poller), most_threads_(options.most_threads), shared_(std::make_shared<Shared>()) {
  shared_->look_up = options.look_up;
  shared_->event = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (shared_->event && poller_.watch(shared_->event.get(), EPOLLIN, *this) != 0) shared_->event.reset();
}

ProbeResolver::~ProbeResolver() {
  if (shared_->event) poller_.unwatch(shared_->event.get());
  std::lock_guard lock(shared_->mutex);
  shared_->waiting.clear();  // the threads end after what they are at
}

void ProbeResolver::work(const std::shared_ptr<Shared>& shared) {
  std::unique_lock lock(shared->mutex);
  while (!shared->waiting.empty()) {
    const auto job = shared->waiting.begin();
    shared->taken.splice(shared->taken.end(), shared->waiting, job);
    job->taken = true;
    lock.unlock();
    LookupResult result = shared->look_up(job->host, job->family);
    lock.lock();
    job->result = std::move(result);
    shared->done.splice(shared->done.end(), shared->taken, job);
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(shared->event.get(), &one, sizeof one);
  }
  --shared->threads;
}

// Requires that the mutex is held.
bool ProbeResolver::start_thread(const std::shared_ptr<Shared>& shared) {
  try {
    std::thread([shared] { work(shared); }).detach();
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

bool ProbeResolver::start(const std::string& host, HostFamily family, Waiter& waiter) {
  if (!shared_->event) return false;
  std::string key = std::to_string(static_cast<int>(family)) + host;
  std::unique_ptr<Lookup>& lookup = lookups_[key];
  if (lookup == nullptr) {
    lookup = std::make_unique<Lookup>();
    std::lock_guard lock(shared_->mutex);
    lookup->job = shared_->waiting.insert(shared_->waiting.end(), Job{.key = key, .host = host, .family = family});
    if (shared_->threads < most_threads_ && start_thread(shared_)) ++shared_->threads;
    if (shared_->threads == 0) {  // else those that there are come to it
      shared_->waiting.erase(lookup->job);
      lookups_.erase(key);
      return false;
    }
  }
  lookup->waiters.push_back(&waiter);
  waiter.lookup_ = lookup.get();
  return true;
}

void ProbeResolver::cancel(Waiter& waiter) {
  std::replace(told_.begin(), told_.end(), &waiter, static_cast<Waiter*>(nullptr));
  Lookup* const lookup = std::exchange(waiter.lookup_, nullptr);
  if (lookup == nullptr) return;
  std::erase(lookup->waiters, &waiter);
  if (!lookup->waiters.empty()) return;
  std::lock_guard lock(shared_->mutex);
  if (lookup->job->taken) return;  // who asks next waits for that
  const std::string key = lookup->job->key;
  shared_->waiting.erase(lookup->job);
  lookups_.erase(key);
}

bool ProbeResolver::asked(const Waiter& waiter) const {
  std::lock_guard lock(shared_->mutex);
  return waiter.lookup_ != nullptr && waiter.lookup_->job->taken;
}

void ProbeResolver::ready(int fd, std::uint32_t) {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t read = ::read(fd, &count, sizeof count);
  std::list<Job> done;
  {
    std::lock_guard lock(shared_->mutex);
    done.swap(shared_->done);
  }
  for (const Job& job : done)
    if (job.result.outcome == LookupOutcome::kFound || job.result.outcome == LookupOutcome::kNone)
      last_answer_ = std::chrono::steady_clock::now();
  for (const Job& job : done) {
    const auto lookup = lookups_.extract(job.key);
    told_ = std::move(lookup.mapped()->waiters);
    for (Waiter* waiter : told_) waiter->lookup_ = nullptr;
    for (std::size_t i = 0; i < told_.size(); ++i)
      if (told_[i] != nullptr) told_[i]->resolved(job.result);
    told_.clear();
  }
}

}  // namespace sdns::health
