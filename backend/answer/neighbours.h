// SPDX-License-Identifier: MIT
// Who stands before and after a name, or a hash of a name, in a zone's order.
#pragma once

#include <optional>
#include <string_view>

#include "backend/answer/answer.h"

namespace sdns::answer {

/// `qname` is relative to the zone with a final dot; in a zone with a chain of NSEC3 hashes also a hash with a final
/// dot. PowerDNS keeps metadata for a while: in such a zone it may still ask for names, and its denial with NSEC is as
/// true. Nothing when `qname` is neither, or the zone has no such chain. A hash of one of the `synthesised` names (may
/// be null) is its own `before`. Views into `scratch`.
std::optional<protocol::Neighbours> find_neighbours(const zone::Zone& zone, std::string_view qname,
                                                    SynthesisedNames* synthesised, Scratch& scratch);

}  // namespace sdns::answer
