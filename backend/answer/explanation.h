// SPDX-License-Identifier: MIT
// How the LUA records of an owner came to their answer: what Steering notes down when it is asked to.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "backend/dns/rrtype.h"
#include "lua/evaluation.h"

namespace sdns::answer {

enum class EvaluatedBy : std::uint8_t { kUs, kPowerDns, kNobody };

/// One LUA record.
struct ExplainedRecord {
  dns::RrType type;  ///< that it makes; kLUA for a library, and for one that has no type
  std::uint32_t ttl = 0;
  std::string content;  ///< as the zone has it
  std::string source;   ///< the Lua source that its chunks make; empty when they make none
  EvaluatedBy by = EvaluatedBy::kUs;
  std::string reason;  ///< why it is not evaluated by us

  // Of one that we evaluate.
  std::string failure;                       ///< why it has no answer; empty: it has
  lua::Failure ended = lua::Failure::kNone;  ///< how the code ended
  std::vector<std::string> contents;         ///< what it gives, canonical
  std::uint8_t scope_mask = 0;               ///< of these
  lua::Evidence evidence;
  lua::Trace trace;
  std::vector<lua::LogLine> log;
  std::uint64_t steps = 0;
  std::chrono::nanoseconds taken{0};
};

struct SteeringExplanation {
  std::string qname;         ///< the name that code finds as `qname`
  bool synthesised = false;  ///< the owner is a wildcard, answered as the name asked
  std::vector<ExplainedRecord> records;
};

}  // namespace sdns::answer
