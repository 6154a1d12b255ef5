// SPDX-License-Identifier: MIT
// Where an address is: MaxMind databases, and our own table of networks, which wins.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/base/error.h"
#include "backend/base/snapshot_cell.h"
#include "backend/dns/ip.h"
#include "lua/select.h"

namespace sdns::lua {

/// With PowerDNS's numbers (GeoIPQueryAttribute).
enum class GeoAttribute : std::uint8_t { kAsn, kCity, kContinent, kCountry, kCountry2, kName, kRegion, kLocation };

/// What a lookup says and on how much of the address that rests: every address with as many leading bits in common gets
/// the same.
struct GeoValue {
  std::string_view text;  ///< ASCII in lower case; "" when there is none. Lives as long as the Geo and `scratch` do
  std::uint8_t bits = 0;  ///< leading bits of the address that decided, of its own family; also for "none"
};
struct GeoLocation {
  std::optional<Coordinates> where;
  std::uint8_t bits = 0;
};

/// One row of the networks table. Of two rows for one network, the first that has a value counts.
struct GeoNetwork {
  dns::IpNetwork network;
  std::string region{};     ///< any of these may be empty
  std::string country{};    ///< ISO 3166 code
  std::string continent{};  ///< two letters
  std::string city{};
  std::string asn{};   ///< decimal
  std::string name{};  ///< of the network's owner
  std::optional<Coordinates> where{};
  friend bool operator==(const GeoNetwork&, const GeoNetwork&) = default;
};

struct GeoConfig {
  std::vector<std::filesystem::path> databases{};  ///< .mmdb, asked in this order; the first that has a value wins
  std::vector<GeoNetwork> networks{};              ///< the longest prefix that has a value wins, before all databases
  std::filesystem::path networks_file{};           ///< more of these (read_networks()); "" for none
  std::string language = "en";                     ///< of city names
  friend bool operator==(const GeoConfig&, const GeoConfig&) = default;
};

/// A file of networks, one a line: `192.0.2.0/24 region=eu country=nl latitude=52.37 longitude=4.9`; also continent,
/// city, asn and name, `"…"` around a value with blanks, `#` for comments. Errors (kUnavailable, kInvalidArgument) name
/// file and line.
Result<std::vector<GeoNetwork>> read_networks(const std::filesystem::path& path);

/// An immutable set of opened databases. Lookups are safe from many threads, O(bits), and allocate nothing but
/// `scratch`.
class Geo {
 public:
  /// Reads the databases into memory of its own: a file that is overwritten later changes nothing. Errors
  /// (kUnavailable, kCorrupt) name the file.
  static Result<std::shared_ptr<const Geo>> open(const GeoConfig& config);
  /// No database and no networks: everything is unknown, and rests on 0 bits.
  static std::shared_ptr<const Geo> nowhere();
  ~Geo();

  [[nodiscard]] GeoValue lookup(const dns::IpAddress& address, GeoAttribute attribute, std::string& scratch) const;
  /// PowerDNS takes a location only with latitude, longitude and accuracy radius.
  [[nodiscard]] GeoLocation locate(const dns::IpAddress& address) const;
  [[nodiscard]] bool empty() const;  ///< nothing configured
  /// Differs for every Geo that was made: what was remembered of one is not of another.
  [[nodiscard]] std::uint64_t generation() const { return generation_; }
  /// One line per database: path, type, build time. For people.
  [[nodiscard]] std::vector<std::string> describe() const;

 private:
  Geo();
  struct Impl;
  std::unique_ptr<Impl> impl_;
  inline static std::atomic<std::uint64_t> made_{0};
  std::uint64_t generation_ = ++made_;
};
using GeoCell = SnapshotCell<Geo>;

/// Notices that database files changed (device, inode, size, time of status change) and opens them anew.
class GeoFiles {
 public:
  explicit GeoFiles(GeoConfig config);
  /// What to publish: nothing when no file changed since the last one that was opened; an error when one did and cannot
  /// be read, which is said once per change (what was opened before stays good). What cannot be read now is tried again
  /// at later calls, ever fewer of them; what is damaged, when a file changes.
  [[nodiscard]] Result<std::shared_ptr<const Geo>> poll();
  [[nodiscard]] const GeoConfig& config() const { return config_; }

 private:
  struct Stamp {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    std::int64_t changed_nanoseconds = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  struct Failure {
    std::vector<Stamp> stamps;
    std::string what;
    bool passing = false;     // may be over without a change of the files
    unsigned calls = 0;       // of poll() to wait…
    unsigned next_calls = 1;  // …and the next time
  };
  static constexpr unsigned kMostCalls = 64;
  GeoConfig config_;
  std::optional<std::vector<Stamp>> opened_;  // what was published
  std::optional<Failure> failed_;             // after that
};

}  // namespace sdns::lua
