// SPDX-License-Identifier: MIT
// What an operator says of targets, whatever their checks say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "backend/base/error.h"
#include "backend/dns/ip.h"
#include "backend/health/health_table.h"
#include "backend/health/target_pool.h"

namespace sdns::health {

/// One override. `target`, in its canonical spelling, is an address (`192.0.2.1`), an address and port
/// (`192.0.2.1:443`, `[2001:db8::1]:443`), a check by its identity or as it is shown, a pool (`pool:web`), or a region
/// of pool members (`region:eu`).
struct Override {
  std::string target{};
  Verdict verdict = Verdict::kDown;  ///< up or down, unless it `resumes`
  std::string reason{};
  std::string who{};
  std::int64_t since_seconds = 0;  ///< since 1970
  std::int64_t until_seconds = 0;  ///< 0: until it is taken back
  bool drains = false;             ///< down, so that it can go when what is cached has run out
  bool resumes = false;            ///< forces nothing, `verdict` is unknown: what is down may rise from `since` on
  friend bool operator==(const Override&, const Override&) = default;
};
/// What is said: "up", "down", "drain", "resume".
[[nodiscard]] std::string_view said_of(const Override& override);
/// Nothing is changed and false returned when `said` is none of those.
[[nodiscard]] bool say_of(Override& override, std::string_view said);
using Overrides = std::vector<Override>;  // ordered by target

/// For how long a check that was down when an operator said "resume" may learn of it: longer than a node is silent
/// before the others go on without it (docs/operations.md, `max_stale`).
inline constexpr std::int64_t kResumeSeconds = std::int64_t{7} * 86'400;

/// An operator says that a check which is down may rise.
struct ResumeOrder {
  std::string identity;
  std::int64_t seconds = 0;  ///< since 1970: when it was said
  std::string who;
  std::string reason;
};

/// A target as it is written in overrides: the one spelling of what `text` means. Errors (kInvalidArgument): it names
/// none.
Result<std::string> canonical_target(std::string_view text);
/// Errors (kInvalidArgument) name the target and the rule.
Result<void> check_override(const Override& override);

/// What of a check overrides may name; made once per check.
struct OverrideSubject {
  std::string shown{};         ///< shown_check(); "": it is the identity
  std::string endpoint{};      ///< who is probed, `192.0.2.1:443`; "": the check has no port
  std::string address_text{};  ///< "": of no address
  dns::IpAddress address;
  std::string answered_endpoint{};  ///< the same of who is answered; "": it is who is probed
  std::string answered_text{};
  dns::IpAddress answered;  ///< is `address` when nobody else is answered
};
[[nodiscard]] OverrideSubject override_subject(std::string_view identity);

/// Finds what those overrides that force say of checks, or those that resume. A check by its identity beats an address
/// and port, that beats an address, that a pool, that a region. Where one address is answered and another probed both
/// are names of the check, and what is said of the one that is answered beats what is said of the other as closely;
/// members of pools and regions are those that are answered. Immutable.
class OverrideIndex {
 public:
  OverrideIndex() = default;
  OverrideIndex(OverrideIndex&&) = default;
  OverrideIndex& operator=(OverrideIndex&&) = default;
  enum class Of : std::uint8_t { kForces, kResumes };
  /// O(overrides + members of pools).
  OverrideIndex(Overrides overrides, const TargetPools& pools, Of which = Of::kForces);

  /// Of the check with this identity, `nullptr` when no override that has not ended names it. O(1).
  [[nodiscard]] const Override* find(std::string_view identity, const OverrideSubject& subject,
                                     std::int64_t now_seconds) const;
  /// Of all that name it and have not ended, the last that was said; `nullptr`: there is none. O(those that name it).
  [[nodiscard]] const Override* newest(std::string_view identity, const OverrideSubject& subject,
                                       std::int64_t now_seconds) const;
  /// The least end after `now_seconds`; 0: none ends.
  [[nodiscard]] std::int64_t next_end(std::int64_t now_seconds) const;
  [[nodiscard]] bool empty() const { return overrides_.empty(); }

 private:
  template <class Take>
  void each(std::string_view identity, const OverrideSubject& subject, std::int64_t now_seconds,
            const Take& take) const;

  Overrides overrides_;
  std::unordered_map<std::string_view, const Override*> by_target_;
  std::map<dns::IpAddress, std::vector<std::size_t>> by_group_;  // pools before regions
};

}  // namespace sdns::health
