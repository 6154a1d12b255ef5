// SPDX-License-Identifier: MIT
// Why a name is answered as it is: the answer of the engine itself, made on the side, with what it rests on.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/answer/explanation.h"
#include "backend/answer/located.h"
#include "backend/answer/steering.h"
#include "backend/base/clock.h"
#include "backend/dns/ip.h"
#include "backend/health/health_table.h"
#include "backend/zone/zone_set.h"
#include "lua/geo.h"

namespace sdns::answer {

/// These targets are taken to be in this state.
struct Assumption {
  std::string target;  ///< as health::Override has them, or `*`: every check
  health::Verdict verdict = health::Verdict::kDown;
};

struct ExplainQuestion {
  dns::Name name;
  std::optional<dns::RrType> type{};  ///< none: every type
  lua::Client client;
  std::vector<Assumption> at_health{};
};

/// What the explanation is made from; all of it is shared with nobody, or immutable.
struct ExplainSources {
  zone::ZoneSetPtr zones;
  health::HealthTablePtr health;
  std::shared_ptr<const lua::Geo> geo;
  const SteeringSettings& settings;
  const Clock& clock;
  std::uint64_t seed = 0;
};

/// What PowerDNS makes of it.
enum class Outcome : std::uint8_t {
  kRefused,
  kNoZoneData,
  kReferral,
  kDname,
  kNxdomain,
  kNodata,
  kCname,  ///< PowerDNS asks for its target next
  kRecords,
  kServfail,
  kPowerDns,  ///< its own LUA evaluates
};
[[nodiscard]] std::string_view outcome_name(Outcome outcome);  ///< "refused", "nodata" …

struct AnswerRow {
  dns::RrType type;
  std::uint32_t ttl = 0;
  std::string content;
  std::uint8_t scope_mask = 0;
};

struct AppliedAssumption {
  Assumption assumption;
  std::vector<std::string> checks;  ///< identities that it names
};

struct Explanation {
  zone::ZoneSetPtr zones;  ///< keeps `located` alive
  Located located;
  std::string asked;  ///< the name in the lookup that is answered: the name itself, or the wildcard
  std::vector<AnswerRow> rows;
  Outcome outcome = Outcome::kRefused;
  std::string why;  ///< the outcome, in a sentence; may be empty
  SteeringExplanation steering;
  health::HealthTablePtr health;  ///< that was read, assumptions included
  std::vector<AppliedAssumption> at_health;
};

/// Evaluates on the thread that calls it, in Lua states of its own, with the budgets of real answers; tells nobody what
/// was asked. Errors (kInvalidArgument): a target that names no check of the name.
Result<Explanation> explain(const ExplainQuestion& question, const ExplainSources& sources);

/// Whether the question is for records of this type.
[[nodiscard]] bool is_asked(const ExplainQuestion& question, dns::RrType type);

/// In words: whether PowerDNS may keep what the record gave, and why.
std::string cache_words(const ExplainedRecord& record, const lua::Client& client);

}  // namespace sdns::answer
