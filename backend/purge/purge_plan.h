// SPDX-License-Identifier: MIT
// Which names PowerDNS must forget when zones change (P8).
//
// PowerDNS files an answer under the name that was asked, and the records that it got from us under their owner name.
// So a change must reach every name whose answer was made from it. `o` is the owner touched, `c` a closest encloser,
// `d` a zone cut.
//
// clang-format off
//   any RRset at `o`            purges `o`: its own answers, positive and NODATA.
//   `o` appears or goes         every ancestor whose existence changes with it: NXDOMAIN there becomes NODATA (RFC 8020), or
//                               back; and the names asked at or below the topmost of them: their closest encloser was above it
//                               and is now it or below, so `*.c` does not answer for them any more (RFC 4592 section 2.2.1).
//   wildcard `*.c`, its content the names asked whose closest encloser is `c`: synthesised from `*.c`, or denied for want of it
//   or existence                (RFC 4592 section 3.3.1). Names that exist, and names below those, are none of its business.
//   NS or DS at `d`             the names asked at or below `d`: their referral carries NS, DS and glue.
//   `d` becomes or stops being  also the names that exist below `d`, before or after: authoritative data becomes glue, or back.
//   a cut
//   anything below a cut `d`    `d` and the names asked at or below it: glue is part of the referral.
//   DNAME at `o`                the names asked or existing below `o`: their CNAME is synthesised from it (RFC 6672).
//   any name `n` that is purged the owners whose CNAME, MX, SRV, NS, SVCB, HTTPS, NAPTR or ALIAS target is `n`, or whose DNAME
//   for one of these reasons    target is at or above `n`, in any zone, and so on from those: the chain or the additional section
//                               was made from `n`. When such an owner is a wildcard, a cut or a DNAME: what was asked below it.
//                               The apex, when `n` is in its NS: that answer carries addresses.
//   a type comes to or goes     in a signed zone also the name before `o` in the chain of NSEC or NSEC3, and all names asked that do
//   from `o`                    not exist: their denials name `o`'s neighbours and list its types, and a resolver that trusts a
//                               cached one would deny `o` for as long (RFC 8198). With NSEC also the empty non-terminals in the span
//                               of that name. With opt-out also the names asked or existing below `o`: insecure referrals list the
//                               types of their closest encloser. The record that covers such a referral may be late: a span that
//                               opts out denies nothing (RFC 5155 section 9.2).
//   SOA                         the apex; when more than the serial changed the zone's subtree, because every negative answer carries
//                               it. Each change of a zone moves the serial, and what refers to the apex must stay cached.
//   keys, metadata              the apex, exactly, which empties PowerDNS's key and metadata caches of that zone; and the zone's
//                               subtree: signatures and denials are everywhere in it.
//   zone created or deleted     the apex, announced, which purges its subtree: REFUSED, or the parent zone's answers; and exactly,
//                               for the keys of a former zone of that name. The parent's own names change with its NS RRset only.
// clang-format on
//
// Where more names were asked than are remembered the subtree is purged in their place; above PlanLimits everything is.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "backend/dns/name.h"
#include "backend/purge/asked_names.h"
#include "backend/purge/reverse_index.h"
#include "backend/zone/zone_set.h"

namespace sdns::purge {

/// What is to be purged. Value.
struct Plan {
  std::set<dns::Name> names;      ///< exactly these; an apex among them also empties its key and metadata caches
  std::set<dns::Name> subtrees;   ///< these and all below
  std::set<dns::Name> announced;  ///< apexes of zones that came or went: to be announced, which purges the subtree too
  bool everything = false;        ///< all caches; `announced` is still to be done

  static Plan all() {
    Plan plan;
    plan.everything = true;
    return plan;
  }
  [[nodiscard]] bool empty() const { return !everything && names.empty() && subtrees.empty() && announced.empty(); }
  /// Adds what the other has; loses nothing.
  void merge(Plan other);
  friend bool operator==(const Plan&, const Plan&) = default;
};

struct PlanLimits {
  std::size_t names = 20'000;            ///< more exact names than this: everything
  std::size_t existing_below = 4096;     ///< names of a zone below a new or former cut; more: its subtree
  std::size_t scanned_targets = 20'000;  ///< targets of references below one wildcard, cut or apex; more: everything
};

/// A part of a zone whose asked names a plan has taken: names that come in late, answered from the former snapshot,
/// belong to it too. By zone and relative key; at or below that.
using Regions = std::set<std::pair<zone::ZoneId, std::string>>;

/// The plan for a batch. Pure. `index` is as it is between ReverseIndex::remove() and add(); `asked` has been drained
/// with (before, after). `regions` may be null. O(changes × (log n + names asked below)).
Plan make_plan(const zone::ZoneSet& before, const zone::Applied& applied, const ReverseIndex& index,
               const AskedNames& asked, const PlanLimits& limits = {}, Regions* regions = nullptr);

/// The names and all whose answers carry what stands there: the part of make_plan() that follows references. For a
/// change that is not one of zone data.
Plan plan_names(const zone::ZoneSet& set, const std::vector<dns::Name>& names, const ReverseIndex& index,
                const AskedNames& asked, const PlanLimits& limits = {});

}  // namespace sdns::purge
