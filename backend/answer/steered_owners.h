// SPDX-License-Identifier: MIT
// The LUA records of owners, ready to be evaluated: parsed once, and kept as long as a zone has the owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "backend/base/clock.h"
#include "backend/base/metrics.h"
#include "backend/dns/rrtype.h"
#include "backend/zone/owner.h"
#include "lua/record.h"
#include "lua/runtime.h"

namespace sdns::answer {

/// False for types that take part in delegation or are PowerDNS's to make: a record that makes them would change the
/// zone under its feet.
[[nodiscard]] bool may_be_made(dns::RrType type);

struct SteeredRecord {
  lua::Script script;
  dns::RrType type;
  std::uint32_t ttl = 0;
  std::string broken;        ///< why it cannot be run at all
  bool to_powerdns = false;  ///< it needs what only PowerDNS knows, and PowerDNS may
  std::string raw;           ///< its row as data
};

struct SteeredOwner {
  zone::Ref<zone::Owner> owner;  ///< keeps the address from being given to another
  std::vector<SteeredRecord> records;
  lua::Runtime* runtime = nullptr;  ///< that has compiled them
  bool query_name = false;          ///< a record reads the query name, or has read it
  std::size_t told = 0;             ///< hash of what was told of its evidence, and when
  SteadyTime told_at{};
};

/// One answering thread's.
class SteeredOwners {
 public:
  /// `powerdns_may`: records that need what only PowerDNS knows are marked for it. `count` is what there is, of all
  /// threads.
  SteeredOwners(lua::ChunkJoin join, bool powerdns_may, Metric& count)
      : join_(join), powerdns_may_(powerdns_may), count_(count) {}

  /// Null when add() was not called with it, or long ago. O(1).
  [[nodiscard]] SteeredOwner* find(const zone::Owner& owner) const;
  /// Its records, of which `runtime` is the one that compiles them; it outlives this. Lets go of some that no zone has
  /// any more, and of others when there are too many.
  SteeredOwner& add(const zone::Owner& owner, lua::Runtime& runtime);

 private:
  void sweep();

  const lua::ChunkJoin join_;
  const bool powerdns_may_;
  Metric& count_;
  std::unordered_map<const zone::Owner*, std::unique_ptr<SteeredOwner>> owners_;
  std::vector<const zone::Owner*> order_;  // of owners_, for the sweep
  std::size_t sweep_at_ = 0;
};

}  // namespace sdns::answer
