// SPDX-License-Identifier: MIT
// Answers of LUA records: which of an owner's records are evaluated, by whom, and what PowerDNS may keep of it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "backend/answer/explanation.h"
#include "backend/answer/steered_contents.h"
#include "backend/answer/steered_owners.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/metrics.h"
#include "backend/base/random.h"
#include "backend/health/health_table.h"
#include "backend/protocol/reply.h"
#include "backend/protocol/request.h"
#include "backend/purge/dependents.h"
#include "backend/zone/zone_set.h"
#include "lua/geo.h"
#include "lua/runtime.h"

namespace sdns::answer {

/// How LUA records are treated; from the configuration.
struct SteeringSettings {
  bool enabled = true;        ///< in every zone; else only in those with the metadata ENABLE-LUA-RECORDS 1
  bool powerdns_may = false;  ///< PowerDNS evaluates what a zone hands to it, and what only it can know
  lua::RuntimeOptions runtime;
  std::set<dns::Name> full_library;  ///< apexes of zones whose records run without the sandbox
};

/// What the LUA records of one owner gave.
struct SteeredRows {
  struct Block {
    std::size_t start = 0;  ///< in the text
    std::size_t size = 0;
    dns::RrType type;
    std::uint32_t ttl = 0;  ///< of its rows; says nothing for rows of LUA records
  };
  std::string text;  ///< rows as protocol::RowBlock has them
  std::vector<Block> blocks;
  bool any = false;     ///< a record gave rows, failed, or was handed to PowerDNS
  bool failed = false;  ///< one did: its row is LUA code of its type that fails
  void clear();
  /// Gives all rows of one type the shortest TTL among them (RFC 2181 section 5.2): of two records the TTL of one may
  /// be planned, or they rest on different checks. O(size).
  void level_ttls();
};

class RepeatedAnswers;

/// One answering thread's: its Lua states, and the records that they have compiled.
class Steering {
 public:
  struct Parts {
    const SteeringSettings& settings;
    const health::HealthCell& health;
    const lua::GeoCell& geo;
    purge::ToldInbox* told = nullptr;  ///< null: nobody purges by what answers rest on
    const Clock& clock;
    const Log& log;
    Metrics& metrics;
    std::uint64_t seed = 0;
  };
  /// All parts outlive it.
  explicit Steering(const Parts& parts);
  ~Steering();
  Steering(const Steering&) = delete;
  Steering& operator=(const Steering&) = delete;

  enum class Who : std::uint8_t {
    kNobody,    ///< LUA records are off in this zone: as data alone
    kPowerDns,  ///< the zone hands its records over
    kWe,
  };
  /// `why`, when given, is set to the reason unless it is kWe.
  [[nodiscard]] Who evaluates(const zone::Zone& zone, std::string* why = nullptr) const;

  /// A lookup whose `owner` has LUA records: `qname` is the name asked, `relative` the owner's relative key. Fills
  /// `rows`; `explanation`, when given, with how it came to them. O(code).
  struct Subject {
    const zone::ZoneSet& zones;
    const zone::Zone& zone;
    const zone::Owner& owner;
    const protocol::Lookup& lookup;
    bool synthesised = false;  ///< the owner is a wildcard, answered as the name asked
  };
  void steer(const Subject& subject, SteeredRows& rows, SteeringExplanation* explanation = nullptr);

  /// Whether PowerDNS is to be told that LUA is on in this zone (metadata ENABLE-LUA-RECORDS): only then it knows the
  /// types that LUA records make, and fails at the rows of those that failed.
  [[nodiscard]] bool needs_powerdns(const zone::Zone& zone) const;

  /// Whether a wildcard's records read the query name, so that it cannot be answered as `*`.
  [[nodiscard]] bool reads_query_name(const zone::Zone& zone, const zone::Owner& owner);

  /// Lets go of old tables; for a thread that goes idle.
  void refresh();

  /// The client of a lookup; nothing when PowerDNS asks for itself. Allocates nothing.
  static std::optional<lua::Client> client_of(const protocol::Lookup& lookup);

 private:
  SteeredOwner& owner_of(const zone::Zone& zone, const zone::Owner& owner);
  lua::Runtime& runtime_of(const zone::Zone& zone);
  void evaluate(const Subject& subject, const lua::Client& client, SteeredOwner& steered, SteeredRows& rows,
                SteeringExplanation* explanation);
  void begin(const Subject& subject, SteeringExplanation& explanation);
  static void raw(const zone::Owner& owner, SteeredRows& rows);
  static void types(const SteeredOwner& steered, SteeredRows& rows);
  static void add_failure(const SteeredRecord& record, SteeredRows& rows);
  bool add_rows(const SteeredRecord& record, std::uint8_t scope_mask, SteeredRows& rows, std::string& why);
  void tell(const Subject& subject, SteeredOwner& steered, const lua::Evidence& evidence);
  void log_failure(const Subject& subject, const SteeredRecord& record, std::string_view why);
  void log_lines(const Subject& subject);

  const Parts parts_;
  health::HealthCell::Reader health_;
  lua::GeoCell::Reader geo_;
  QuickRandom random_;
  std::unique_ptr<lua::Runtime> sandbox_;
  std::map<zone::ZoneId, std::unique_ptr<lua::Runtime>> full_;
  SteeredOwners owners_;
  SteeredContents contents_;
  lua::Values values_;
  lua::Evidence evidence_;  // of the whole owner
  std::unique_ptr<RepeatedAnswers> repeated_;
  bool repeatable_ = false;  // what is being evaluated
  bool kept_ = false;        // a record of it gave what PowerDNS may keep
  std::string qname_wire_;
  std::string base_wire_;
  SteadyTime logged_{};
  std::uint64_t unlogged_ = 0;
  Metric* evaluated_ = nullptr;
  Metric* failed_ = nullptr;
  Metric* over_budget_ = nullptr;
  Metric* scoped_ = nullptr;
};

}  // namespace sdns::answer
