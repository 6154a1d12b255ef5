// SPDX-License-Identifier: MIT
// The records that LUA code may read: include() and dblookup().
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "backend/zone/zone_set.h"
#include "lua/evaluation.h"

namespace sdns::answer {

/// Value over a snapshot, for one evaluation.
class ZoneRecords final : public lua::LocalRecords {
 public:
  ZoneRecords(const zone::ZoneSet& zones, const zone::Zone& zone) : zones_(&zones), zone_(&zone) {}
  bool library(std::string_view relative_name, std::vector<std::string>& contents) override;
  bool lookup(std::string_view name, dns::RrType type, std::vector<std::string>& contents) override;

  /// The absolute name of a library, nothing when it is not a name.
  static std::optional<dns::Name> library_name(std::string_view relative_name, const dns::Name& apex);

 private:
  const zone::ZoneSet* zones_;
  const zone::Zone* zone_;
};

}  // namespace sdns::answer
