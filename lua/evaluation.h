// SPDX-License-Identifier: MIT
// What goes into the evaluation of a record, and what comes out: its values, and what they rest on.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/base/random.h"
#include "backend/dns/ip.h"
#include "backend/dns/rrtype.h"
#include "backend/health/health_table.h"
#include "backend/health/target_pool.h"
#include "lua/geo.h"

namespace sdns::lua {

/// Who asks. PowerDNS's remote protocol has no ports.
struct Client {
  dns::IpAddress who;                   ///< the resolver, or the client itself
  std::optional<dns::IpNetwork> ecs;    ///< EDNS client subnet (RFC 7871), when the query has one
  std::optional<dns::IpAddress> local;  ///< the address that was asked

  /// What choices are made by: the subnet's network address, else the resolver.
  [[nodiscard]] dns::IpAddress best() const { return ecs ? ecs->network() : who; }
  [[nodiscard]] std::uint8_t source_bits() const { return ecs ? ecs->bits : who.bits(); }
};

struct Question {
  std::string_view qname_wire;  ///< as asked, letter case kept; for a wildcard that is answered as such, its own name
  std::string_view zone_wire;   ///< the apex
  std::string_view base_wire;   ///< what createForward counts labels from: the wildcard's parent, or ""
  std::int64_t zone_id = 0;
  const Client* client = nullptr;
};

/// Records that code may read: of the zones that are served.
class LocalRecords {
 public:
  virtual ~LocalRecords() = default;
  /// The contents of LUA records at this name, relative to the zone of the record that runs. False: not a name.
  virtual bool library(std::string_view relative_name, std::vector<std::string>& contents) = 0;
  /// Contents of this name and type in any zone, without wildcards and CNAMEs. False: not a name.
  virtual bool lookup(std::string_view name, dns::RrType type, std::vector<std::string>& contents) = 0;
};

/// What an evaluation reads besides its arguments. Null: there is none.
struct Sources {
  const health::HealthTable* health = nullptr;
  const health::TargetPools* pools = nullptr;
  const Geo* geo = nullptr;
  LocalRecords* records = nullptr;
  Random* random = nullptr;
};

/// What a result rests on: decides scope, cacheability, and what must change it. An evaluation that rests on more than
/// the most of something is over its budget.
struct Evidence {
  static constexpr std::size_t kMostChecks = 256;
  static constexpr std::size_t kMostPools = 64;
  static constexpr std::size_t kMostIncludes = 64;
  static constexpr std::size_t kMostNames = 64;
  static constexpr std::size_t kMostOctets = std::size_t{64} << 10;  ///< of the texts of all of them

  bool client = false;                ///< on who asks
  std::uint8_t bits = 0;              ///< on so many leading bits of Client::best(); counts only with `client`
  bool chance = false;                ///< on chance or time: another evaluation may say something else
  bool query_name = false;            ///< on the name that was asked
  bool places = false;                ///< on where addresses are that are not the client's
  bool weights = false;               ///< on what targets say of their own weight
  bool planned = false;               ///< on how soon verdicts may change: the TTL is planned
  std::uint8_t ttl_step = 0;          ///< seconds, of these the shortest; 0: none may soon
  std::vector<std::string> checks;    ///< identities of health checks, without duplicates
  std::vector<std::string> pools;     ///< names of target pools, also of ones that do not exist
  std::vector<std::string> includes;  ///< names of libraries, relative to the zone
  std::vector<std::string> names;     ///< that dblookup() read, absolute

  void on_client(std::uint8_t up_to_bits) {
    client = true;
    bits = std::max(bits, up_to_bits);
  }
  /// The same answer is right for everybody, until something of the rest changes.
  [[nodiscard]] bool cacheable() const { return !client && !chance; }
  /// PowerDNS's scopeMask for records made so: 0 is "may be cached for everybody".
  [[nodiscard]] std::uint8_t scope_mask(std::uint8_t source_bits) const {
    if (cacheable()) return 0;
    return std::max<std::uint8_t>(1, client ? std::min(bits, source_bits) : std::uint8_t{1});
  }
  /// The TTL of records made so, in seconds: `own` is the LUA record's.
  [[nodiscard]] std::uint32_t ttl(std::uint32_t own) const {
    return ttl_step == 0 ? own : std::min<std::uint32_t>(ttl_step, own);
  }
  /// Takes what `other` rests on too. Before it is read, settle() once: it may have duplicates until then.
  void merge(const Evidence& other);
  /// One of the steps on which a planned TTL rests.
  void on_ttl_step(std::uint8_t step) {
    planned = true;
    if (step != 0 && (ttl_step == 0 || step < ttl_step)) ttl_step = step;
  }
  void settle();
  void clear();
};

/// Why a candidate stayed or went, for `explain`.
struct TraceStep {
  std::string where;      ///< the function: `pickclosest`
  std::string candidate;  ///< as it would be answered
  bool kept = false;
  std::string why;  ///< `down (tcp 192.0.2.1:443)`, `2.41 degrees away`, `drawn: 17 of 57`
};
struct Trace {
  static constexpr std::size_t kMostSteps = 2'000;
  static constexpr std::size_t kMostNotes = 200;
  static constexpr std::size_t kMostOctets = 500;  ///< of each text in it

  std::vector<TraceStep> steps;    ///< what is beyond the most is counted in one last step
  std::vector<std::string> notes;  ///< of the whole evaluation: `the client is at 52.0, 4.9`; counted likewise
  std::size_t more_steps = 0;
  std::size_t more_notes = 0;

  void add(std::string_view where, std::string_view candidate, bool kept, std::string_view why);
  void note(std::string_view text);
  /// Whether there is room for a step; counts it when there is not. To be asked before its texts are made.
  [[nodiscard]] bool takes_step();
  /// Says how many more there would be. After each evaluation.
  void finish();
};

struct LogLine {
  int level = 4;  ///< of syslog
  std::string text;
};

enum class Failure : std::uint8_t { kNone, kError, kOverBudget, kNoMemory, kBrokenOff };

/// Of one evaluation; made once per thread and used again.
struct Values {
  Failure failure = Failure::kNone;
  std::string error;
  std::vector<std::string> contents;  ///< what the code gave, not yet checked to be content of the type
  Evidence evidence;
  std::vector<LogLine> log;  ///< pdnslog(), at most kMostLogLines
  static constexpr std::size_t kMostLogLines = 8;
  void clear();
};

}  // namespace sdns::lua
