// SPDX-License-Identifier: MIT
#include "registrars/traffic.h"

#include <sodium.h>

#include <algorithm>
#include <cstdlib>

namespace sdns::registrars {
namespace {

constexpr std::chrono::milliseconds kTurn{50};  // how long to wait for another's call to end
constexpr std::chrono::hours kForgetAccount{1};

}  // namespace

Traffic::Traffic() {
  if (sodium_init() < 0) std::abort();  // no random octets: nothing else would work either
  randombytes_buf(hash_key_.data(), hash_key_.size());
}

std::string Traffic::account_key(std::string_view registrar, std::string_view credential) const {
  std::array<unsigned char, 16> hash{};
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(credential.data()),
                     credential.size(), hash_key_.data(), hash_key_.size());
  std::string key(registrar);
  key += '/';
  key.append(reinterpret_cast<const char*>(hash.data()), hash.size());
  return key;
}

std::optional<std::chrono::milliseconds> Traffic::enter(const std::string& name, const Pace& pace, SteadyTime now) {
  const auto until = [now](SteadyTime then) {
    return std::max(std::chrono::ceil<std::chrono::milliseconds>(then - now), std::chrono::milliseconds(1));
  };
  std::lock_guard lock(mutex_);
  std::erase_if(accounts_, [&](const auto& entry) {
    const Account& other = entry.second;
    return entry.first != name && other.running == 0 && (!other.held || other.held_until <= now) &&
           (other.starts.empty() || now - other.starts.back() > kForgetAccount);
  });
  Account& account = accounts_[name];
  if (account.held) {
    if (now < account.held_until) return until(account.held_until);
    account.held = false;
  }
  if (pace.one_at_a_time && account.running != 0) return kTurn;
  if (!account.starts.empty() && now - account.starts.back() < pace.spacing)
    return until(account.starts.back() + pace.spacing);
  while (!account.starts.empty() && now - account.starts.front() >= std::max(pace.window, pace.spacing))
    account.starts.pop_front();
  if (pace.most != 0 && account.starts.size() >= pace.most)
    return until(account.starts[account.starts.size() - pace.most] + pace.window);
  account.starts.push_back(now);
  ++account.running;
  return std::nullopt;
}

void Traffic::leave(const std::string& name) {
  std::lock_guard lock(mutex_);
  if (const auto at = accounts_.find(name); at != accounts_.end() && at->second.running != 0) --at->second.running;
}

void Traffic::hold_off(const std::string& name, SteadyTime until) {
  std::lock_guard lock(mutex_);
  Account& account = accounts_[name];
  account.held_until = account.held ? std::max(account.held_until, until) : until;
  account.held = true;
}

Traffic::WriteLock::WriteLock(Traffic& traffic, std::string registrar, dns::Name domain)
    : traffic_(traffic), key_(std::move(registrar), std::move(domain)) {
  std::lock_guard lock(traffic_.mutex_);
  held_ = traffic_.writing_.insert(key_).second;
}

Traffic::WriteLock::~WriteLock() {
  if (!held_) return;
  std::lock_guard lock(traffic_.mutex_);
  traffic_.writing_.erase(key_);
}

std::optional<Traffic::ServerClock> Traffic::server_clock(const std::string& base) const {
  std::lock_guard lock(mutex_);
  const auto at = clocks_.find(base);
  return at == clocks_.end() ? std::nullopt : std::optional(at->second);
}

void Traffic::set_server_clock(const std::string& base, ServerClock clock) {
  std::lock_guard lock(mutex_);
  clocks_[base] = clock;
}

void Traffic::forget_server_clock(const std::string& base) {
  std::lock_guard lock(mutex_);
  clocks_.erase(base);
}

}  // namespace sdns::registrars
