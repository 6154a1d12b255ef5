// SPDX-License-Identifier: MIT
// What a snapshot file says of zones and of the rest, as octets: the payloads of its blocks. Close to what zones are
// made of in memory: owner names in canonical order by their keys, RRsets by type, contents as text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/base/error.h"
#include "backend/zone/zone_set.h"

namespace sdns::store {

/// A block is closed at the first owner name past this.
inline constexpr std::size_t kSnapshotBlockOctets = std::size_t{1} << 20;

/// Cuts zones into payloads. One thread.
class ZonesEncoder {
 public:
  struct Payload {
    std::string& octets;      ///< may be changed; is emptied afterwards
    std::uint32_t zones = 0;  ///< that begin in it
    bool continues = false;   ///< its last zone goes on in the next one
  };
  using Take = std::function<Result<void>(const Payload&)>;
  explicit ZonesEncoder(Take take) : take_(std::move(take)) {}

  Result<void> add(const zone::Zone& zone);
  Result<void> finish();

 private:
  Result<void> flush(bool continues);

  Take take_;
  std::string buffer_;
  std::uint32_t zones_ = 0;
};

/// The inverse, over the payloads of one run: a payload and those that continue it. Any octets may come; what is not as
/// ZonesEncoder wrote it is kCorrupt. `next` gives the payload that follows, valid until its next call.
using NextPayload = std::function<Result<std::string_view>()>;
Result<std::vector<zone::ZoneRef>> decode_zones(std::size_t payloads, const NextPayload& next);

/// TSIG keys, target pools of the database and overrides.
std::string encode_besides(const zone::ZoneSet& set);
/// Fills these three of `state`. Errors: kCorrupt.
Result<void> decode_besides(std::string_view octets, zone::LoadedState& state);

}  // namespace sdns::store
