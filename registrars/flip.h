// SPDX-License-Identifier: MIT
// Moving a live domain to other name servers: what to do next, decided without a clock, socket or log.
//
// The promise, at every instant and in every state in which the flip may rest for ever: whatever DS set and NS set a
// resolver may still have cached, the servers of that NS set have a DNSKEY for that DS set, or the DS set is empty. Two
// assumptions: the old zone is served as it was until the flip is done, the new one as it was checked. Three rules
// follow:
//   NS change only when the new zone satisfies every DS that was at any parent server within the last DS TTL;
//   a DS of the new keys alone is added only after the old NS set has left every cache;
//   on the way back the same, the other way round.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/base/clock.h"

namespace sdns::registrars {

// ---- The decision by which a flip begins

struct DnssecFacts {
  bool parent_has_ds = false;
  bool target_signed = false;
  bool same_keys = false;         ///< both zones publish the same DNSKEY set
  bool both_publish_all = false;  ///< both zones publish both sides' DNSKEYs
  bool ds_covers_target = false;  ///< some DS at the parent is of a key that signs the target's DNSKEY set
  bool can_set_ds = false;        ///< the registrar sets and clears DS records by API
  bool adds_new_ds = false;       ///< the target's DS shall be at the parent in the end
};

enum class DnssecRoute : std::uint8_t {
  kFlip,        ///< change NS; the DS set at the parent stays as it is
  kFlipThenDs,  ///< change NS; when the old set has left the caches, set the target's DS
  kGoInsecure,  ///< clear DS, wait, change NS, wait, set the target's DS if that is wanted
  kStaySecure,  ///< set both DS, wait, change NS, wait, set the target's DS alone
};
struct DnssecDecision {
  std::optional<DnssecRoute> at_once{};  ///< safe without steps before; none: `dnssec-would-break`
  std::vector<DnssecRoute> offered{};    ///< what a flip in steps can do
  bool customer_clears_ds = false;       ///< kGoInsecure waits for a person: the registrar has no call for it
  std::string reason{};
};
[[nodiscard]] DnssecDecision decide_dnssec(const DnssecFacts& facts);

// ---- The flip

enum class FlipStep : std::uint8_t {
  kClearDs,
  kAwaitNoDs,
  kAddDs,
  kAwaitBothDs,
  kRegisterHosts,
  kSetNs,
  kAwaitNs,
  kDrainNs,
  kSetDs,
  kAwaitDs,
  kDone,
  kBackClearDs,
  kBackAwaitNoDs,
  kBackSetNs,
  kBackAwaitNs,
  kBackDrainNs,
  kBackSetDs,
  kBackAwaitDs,
  kBack,  ///< as it was before, with the reason
};
inline constexpr std::size_t kFlipSteps = 19;
[[nodiscard]] std::string_view flip_step_text(FlipStep step);

struct FlipPlan {
  DnssecRoute route = DnssecRoute::kFlip;
  bool had_ds = false;    ///< the parent has the old DS at the beginning
  bool wants_ds = false;  ///< the target's DS shall be there at the end
  bool customer_clears_ds = false;
  bool has_hosts = false;  ///< hosts below the domain are to be registered
  std::chrono::seconds ds_ttl{86400};
  std::chrono::seconds ns_ttl{172800};  ///< the larger of the parent's and of the old zone's own
};

/// The longest that a change may take to be seen at every parent server; then the flip goes back.
inline constexpr std::chrono::hours kParentPatience{48};
/// How old a look at the parent may be for a write that depends on it: others can change it too.
inline constexpr std::chrono::seconds kLookLife{60};
/// Added to every wait for a TTL: servers of one parent are not changed at one instant, nor are clocks the same.
inline constexpr std::chrono::minutes kTtlSlack{5};

/// Value: all that a flip must remember over a restart. Times are wall clock; one that jumps back only makes it wait.
struct FlipState {
  FlipPlan plan{};
  FlipStep step = FlipStep::kSetNs;
  WallTime since{};                       ///< when the step began
  std::optional<WallTime> clean_since{};  ///< since when every view of all parent servers was as the step wants it
  std::optional<WallTime> looked{};       ///< when the parent was last seen to be as the next write needs it
  std::optional<WallTime> not_before{};   ///< of a write that was refused and is to be tried again
  bool ds_changed = false;                ///< a write of DS was asked for
  bool ds_is_new = false;                 ///< the target's DS may be
  bool ns_is_new = false;                 ///< the new NS set may be
  std::string reason{};                   ///< why it goes back
  friend bool operator==(const FlipState&, const FlipState&) = default;
};
bool operator==(const FlipPlan& a, const FlipPlan& b);

/// What the parent servers answer, all of them asked.
struct ParentView {
  enum class Ns : std::uint8_t { kOld, kNew, kMixed };  ///< mixed: servers differ, or another set
  enum class Ds : std::uint8_t { kNone, kOld, kNew, kBoth, kMixed };
  bool complete = false;  ///< every server of the parent answered
  Ns ns = Ns::kMixed;
  Ds ds = Ds::kMixed;
  std::optional<std::chrono::seconds> ds_ttl{};
  std::optional<std::chrono::seconds> ns_ttl{};
};

enum class WriteOutcome : std::uint8_t {
  kDone,     ///< unchanged, applied or pending: the registrar has it
  kUnknown,  ///< outcome-unknown: the parent will tell
  kRefused,  ///< nothing was done and nothing will be by asking again
};

enum class NeedKind : std::uint8_t {
  kClearDs,   ///< clear_ds()
  kPerson,    ///< somebody clears the DS at the registrar; meanwhile look at the parent
  kAddDs,     ///< set_ds() of both sides' records
  kSetNewDs,  ///< set_ds() of the target's records
  kSetOldDs,  ///< set_ds() of the snapshot's records
  kRegisterHosts,
  kSetNewNs,      ///< read the registrar's set first: another than the snapshot's is changed_by_others()
  kSetOldNs,      ///< by the verb that the snapshot needs: set_nameservers(), or back to the registrar's own DNS
  kLookAtParent,  ///< not before Need::at
  kNothing,       ///< the flip has ended
};
struct Need {
  NeedKind kind = NeedKind::kNothing;
  WallTime at{};  ///< not before
  /// Whether it takes the registrar's credential. Without one the flip rests here, as "awaiting-credential".
  bool credential = false;
};

[[nodiscard]] FlipState begin_flip(const FlipPlan& plan, WallTime now);
/// The steps from the beginning to kDone, for a dry run.
[[nodiscard]] std::vector<FlipStep> steps_of(const FlipPlan& plan);
[[nodiscard]] Need need_of(const FlipState& state, WallTime now);

/// After the write that need_of() asked for. Requires such a need.
[[nodiscard]] FlipState written(FlipState state, WriteOutcome outcome, std::string_view why, WallTime now);
/// After a look at the parent; a view that comes while none was asked for is taken too.
[[nodiscard]] FlipState seen(FlipState state, const ParentView& view, WallTime now);
/// Before kSetNewNs: the registrar's set is not the snapshot's any more.
[[nodiscard]] FlipState changed_by_others(FlipState state, WallTime now);
/// A task of the registrar failed, the new servers do not answer as they should, or an operator wants it. Goes back
/// from wherever it is by the way that is safe there; a flip that has ended stays as it is.
[[nodiscard]] FlipState go_back(FlipState state, std::string_view reason, WallTime now);

[[nodiscard]] inline bool has_ended(const FlipState& state) {
  return state.step == FlipStep::kDone || state.step == FlipStep::kBack;
}

}  // namespace sdns::registrars
