// SPDX-License-Identifier: MIT
#include "backend/daemon/wanted_checks.h"

#include "backend/health/check_question.h"

namespace sdns::daemon {
namespace {

constexpr std::uint64_t kProbe = 1'000'000;

std::string key_of_target(const std::string& target) { return "t" + target; }
std::string key_of_both(const std::string& account, const std::string& target) { return account + '\n' + target; }

}  // namespace

WantedChecks::Load WantedChecks::load_of(const std::string& identity) const {
  const auto question = health::CheckQuestion::parse(identity);
  if (!question) return {};  // it is never probed
  const auto interval = question->options.interval_seconds == 0 ? static_cast<std::uint64_t>(limits_.interval.count())
                                                                : std::uint64_t{question->options.interval_seconds};
  return {question->target(), kProbe / interval};
}

WantedChecks::Use WantedChecks::use(const std::string& key) const {
  const auto found = uses_.find(key);
  return found == uses_.end() ? Use{} : found->second;
}

std::string_view WantedChecks::limit_that_refuses(const std::string& account, const std::string& identity,
                                                  const Load& load) const {
  if (checks_.size() >= limits_.of_all) return "checks of all";
  if (octets_ + identity.size() > limits_.octets_of_all) return "octets of all checks";
  if (identity.size() > limits_.octets_of_a_check) return "octets of a check";
  if (account.empty()) return {};
  const Use own = use(account);
  if (own.checks >= limits_.of_an_account) return "checks of an account";
  if (own.octets + identity.size() > limits_.octets_of_an_account) return "octets of an account's checks";
  if (own.rate + load.rate > limits_.probes_of_an_account * kProbe) return "probes of an account";
  if (use(key_of_target(load.target)).rate + load.rate > limits_.probes_of_a_target * kProbe)
    return "probes of a target";
  if (use(key_of_both(account, load.target)).rate + load.rate > limits_.probes_of_a_target * kProbe / 2)
    return "an account's probes of a target";
  return {};
}

void WantedChecks::count(const std::string& account, const std::string& identity, const Load& load, bool up) {
  const auto add = [&](const std::string& key) {
    Use& use = uses_[key];
    use.checks += up ? 1 : -1;
    use.octets += up ? identity.size() : -identity.size();
    use.rate += up ? load.rate : -load.rate;
    if (use.checks == 0) uses_.erase(key);
  };
  octets_ += up ? identity.size() : -identity.size();
  add(key_of_target(load.target));
  if (account.empty()) return;
  add(account);
  add(key_of_both(account, load.target));
}

void WantedChecks::ask(const Asker& asker, const std::vector<std::string>& identities,
                       std::vector<std::string>& fresh) {
  std::string account;
  if (!asker.account.empty()) account.append("a").append(asker.account);
  else if (asker.zone != 0) account = "z" + std::to_string(asker.zone);
  for (const std::string& identity : identities) {
    if (const auto found = checks_.find(identity); found != checks_.end()) {
      found->second.generation = generation_;
      continue;
    }
    const Load load = load_of(identity);
    if (const std::string_view limit = limit_that_refuses(account, identity, load); !limit.empty()) {
      refused_ = {refused_.times + 1, asker.zone, limit};
      continue;
    }
    count(account, identity, load, true);
    checks_.emplace(identity, Check{account, generation_});
    fresh.push_back(identity);
  }
}

std::optional<std::vector<std::string>> WantedChecks::turn(SteadyTime now) {
  if (now - turned_ < life_) return std::nullopt;
  std::vector<std::string> gone;
  turned_ = now;
  for (auto at = checks_.begin(); at != checks_.end();) {
    if (at->second.generation == generation_) {
      ++at;
      continue;
    }
    count(at->second.account, at->first, load_of(at->first), false);
    gone.push_back(at->first);
    at = checks_.erase(at);
  }
  ++generation_;
  return gone;
}

}  // namespace sdns::daemon
