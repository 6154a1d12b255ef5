// SPDX-License-Identifier: MIT
#include "lua/geo.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "backend/base/owned.h"
#include "lua/network_trie.h"

namespace sdns::lua {
namespace {

constexpr std::size_t kAttributes = 8;
constexpr std::string_view kNoCode = "--";  // some databases write this for "none"
constexpr unsigned kV4PrefixBits = 96;      // of IPv4 in an IPv6 tree

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return lower(c); });
  return out;
}

std::string reason(int error) { return std::error_code(error, std::generic_category()).message(); }

constexpr const char* kHint =
    "what was read before stays in use; put a whole database there, or take it out of the configuration";

tl::unexpected<Error> unreadable(const std::filesystem::path& path, int error) {
  return fail(Errc::kUnavailable, fmt::format("location database {} cannot be read: {}", path.string(), reason(error)),
              kHint);
}

// A copy of the file in memory of our own: a mapped file that somebody cuts short ends the process (SIGBUS).
Result<Fd> copy_of(const std::filesystem::path& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return unreadable(path, errno);
  Fd memory(::memfd_create("sovereign-geo", MFD_CLOEXEC));
  if (!memory) return unreadable(path, errno);
  std::vector<char> buffer(1U << 20);
  bool empty = true;
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unreadable(path, errno);
    if (got == 0 && empty)
      return fail(Errc::kCorrupt, fmt::format("location database {} is empty", path.string()), kHint);
    if (got == 0) return memory;
    empty = false;
    for (ssize_t done = 0; done < got;) {
      const ssize_t put = ::write(memory.get(), buffer.data() + done, static_cast<std::size_t>(got - done));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return unreadable(path, errno);
      done += put;
    }
  }
}

// What one database says of one address.
struct Entry {
  MMDB_entry_s entry{};
  bool found = false;
  std::uint8_t bits = 0;
};

class Database {
 public:
  static Result<std::unique_ptr<Database>> open(const std::filesystem::path& path, const std::string& language) {
    const auto memory = copy_of(path);
    if (!memory) return fail(memory.error());
    std::unique_ptr<Database> made(new Database(path, language));
    // The path leads to the copy, which the mapping keeps when the descriptor is closed.
    const std::string name = fmt::format("/proc/self/fd/{}", memory->get());
    const int status = MMDB_open(name.c_str(), MMDB_MODE_MMAP, &made->mmdb_);
    if (status == MMDB_IO_ERROR) return unreadable(path, errno);
    if (status == MMDB_OUT_OF_MEMORY_ERROR) return unreadable(path, ENOMEM);
    if (status != MMDB_SUCCESS)
      return fail(
          Errc::kCorrupt,
          fmt::format("{} is no location database in MaxMind's format: {}", path.string(), MMDB_strerror(status)),
          kHint);
    made->opened_ = true;
    return made;
  }
  ~Database() {
    if (opened_) MMDB_close(&mmdb_);
  }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  [[nodiscard]] Entry find(const dns::IpAddress& address) const {
    if (!address.is_v4() && mmdb_.metadata.ip_version == 4) return {};
    const auto octets = address.octets();
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    const sockaddr* socket_address = nullptr;
    if (address.is_v4()) {
      v4.sin_family = AF_INET;
      std::memcpy(&v4.sin_addr, octets.data(), octets.size());
      socket_address = reinterpret_cast<const sockaddr*>(&v4);
    } else {
      v6.sin6_family = AF_INET6;
      std::memcpy(&v6.sin6_addr, octets.data(), octets.size());
      socket_address = reinterpret_cast<const sockaddr*>(&v6);
    }
    int error = MMDB_SUCCESS;
    const MMDB_lookup_result_s result = MMDB_lookup_sockaddr(&mmdb_, socket_address, &error);
    Entry entry;
    if (error != MMDB_SUCCESS) {  // damaged here: nothing is known about the addresses around
      entry.bits = address.bits();
      return entry;
    }
    unsigned bits = result.netmask;
    if (address.is_v4() && mmdb_.metadata.ip_version == 6) bits = bits > kV4PrefixBits ? bits - kV4PrefixBits : 0;
    entry.bits = static_cast<std::uint8_t>(std::min<unsigned>(bits, address.bits()));
    entry.found = result.found_entry;
    entry.entry = result.entry;
    return entry;
  }

  // False: there is none. The text is as written, in the mapping or in `scratch`.
  bool text(const Entry& entry, GeoAttribute attribute, std::string& scratch, std::string_view& out) const {
    switch (attribute) {
      case GeoAttribute::kAsn: {
        std::uint64_t number = 0;
        if (!unsigned_number(entry, {"autonomous_system_number"}, number)) return false;
        scratch = std::to_string(number);
        out = scratch;
        return true;
      }
      case GeoAttribute::kCity:
        return string(entry, {"cities", "0"}, out) || string(entry, {"city", "names", language_.c_str()}, out);
      case GeoAttribute::kContinent:
        return string(entry, {"continent", "code"}, out);
      case GeoAttribute::kCountry:
      case GeoAttribute::kCountry2:
        return string(entry, {"country", "iso_code"}, out);
      case GeoAttribute::kName:
        return string(entry, {"autonomous_system_organization"}, out);
      case GeoAttribute::kRegion:
        return string(entry, {"subdivisions", "0", "iso_code"}, out);
      case GeoAttribute::kLocation: {
        Coordinates where;
        if (!location(entry, where)) return false;
        scratch = latlon_text(where);
        out = scratch;
        return true;
      }
    }
    return false;
  }

  // PowerDNS hands coordinates over as text with six decimals.
  static bool location(const Entry& entry, Coordinates& out) {
    MMDB_entry_data_s place{};
    MMDB_entry_data_s radius{};
    if (!value(entry.entry, {"location"}, place) || place.type != MMDB_DATA_TYPE_MAP) return false;
    const MMDB_entry_s map{entry.entry.mmdb, place.offset};
    if (!value(map, {"accuracy_radius"}, radius)) return false;
    if (!degrees(map, "latitude", out.latitude) || !degrees(map, "longitude", out.longitude)) return false;
    return true;
  }

  [[nodiscard]] std::string describe() const {
    const auto built = static_cast<std::time_t>(mmdb_.metadata.build_epoch);
    return fmt::format("{}: {}, built {:%Y-%m-%dT%H:%M:%SZ}", path_.string(), mmdb_.metadata.database_type,
                       fmt::gmtime(built));
  }

 private:
  using Path = std::array<const char*, 4>;  // ends with a null

  Database(std::filesystem::path path, std::string language) : path_(std::move(path)), language_(std::move(language)) {}

  static bool value(const MMDB_entry_s& entry, const Path& path, MMDB_entry_data_s& out) {
    MMDB_entry_s start = entry;
    return MMDB_aget_value(&start, &out, path.data()) == MMDB_SUCCESS && out.has_data;
  }
  static bool string(const Entry& entry, const Path& path, std::string_view& out) {
    MMDB_entry_data_s data{};
    if (!value(entry.entry, path, data) || data.type != MMDB_DATA_TYPE_UTF8_STRING) return false;
    out = {data.utf8_string, data.data_size};
    return true;
  }
  static bool unsigned_number(const Entry& entry, const Path& path, std::uint64_t& out) {
    MMDB_entry_data_s data{};
    if (!value(entry.entry, path, data)) return false;
    if (data.type == MMDB_DATA_TYPE_UINT32) out = data.uint32;
    else if (data.type == MMDB_DATA_TYPE_UINT16) out = data.uint16;
    else if (data.type == MMDB_DATA_TYPE_UINT64) out = data.uint64;
    else return false;
    return true;
  }
  static bool degrees(const MMDB_entry_s& entry, const char* key, double& out) {
    MMDB_entry_data_s data{};
    if (!value(entry, {key}, data)) return false;
    if (data.type == MMDB_DATA_TYPE_DOUBLE) out = data.double_value;
    else if (data.type == MMDB_DATA_TYPE_FLOAT) out = data.float_value;
    else return false;
    out = std::nearbyint(out * 1e6) / 1e6;
    return std::isfinite(out);
  }

  std::filesystem::path path_;
  std::string language_;
  MMDB_s mmdb_{};
  bool opened_ = false;
};

}  // namespace

struct Geo::Impl {
  std::vector<std::unique_ptr<Database>> databases;
  std::array<NetworkTrie, kAttributes> networks;  // by attribute: indexes of `texts`, or of `places`
  std::vector<std::string> texts;
  std::vector<Coordinates> places;

  static constexpr std::size_t index(GeoAttribute attribute) { return static_cast<std::size_t>(attribute); }

  void add(const dns::IpNetwork& network, GeoAttribute attribute, std::string_view text) {
    if (text.empty() || text == kNoCode) return;
    networks[index(attribute)].insert(network, static_cast<std::uint32_t>(texts.size()));
    texts.push_back(lower(text));
  }
  void add(const GeoNetwork& row) {
    add(row.network, GeoAttribute::kAsn, row.asn);
    add(row.network, GeoAttribute::kCity, row.city);
    add(row.network, GeoAttribute::kContinent, row.continent);
    add(row.network, GeoAttribute::kCountry, row.country);
    add(row.network, GeoAttribute::kCountry2, row.country);
    add(row.network, GeoAttribute::kName, row.name);
    add(row.network, GeoAttribute::kRegion, row.region);
    if (!row.where) return;
    networks[index(GeoAttribute::kLocation)].insert(row.network, static_cast<std::uint32_t>(places.size()));
    places.push_back(*row.where);
  }
};

Geo::Geo() : impl_(std::make_unique<Impl>()) {}
Geo::~Geo() = default;

Result<std::shared_ptr<const Geo>> Geo::open(const GeoConfig& config) {
  std::shared_ptr<Geo> geo(new Geo);
  for (const auto& path : config.databases) {
    auto database = Database::open(path, config.language);
    if (!database) return fail(database.error());
    geo->impl_->databases.push_back(std::move(*database));
  }
  for (const GeoNetwork& row : config.networks) geo->impl_->add(row);
  if (!config.networks_file.empty()) {
    const auto networks = read_networks(config.networks_file);
    if (!networks) return fail(networks.error());
    for (const GeoNetwork& row : *networks) geo->impl_->add(row);
  }
  return geo;
}

std::shared_ptr<const Geo> Geo::nowhere() { return std::shared_ptr<const Geo>(new Geo); }

GeoValue Geo::lookup(const dns::IpAddress& address, GeoAttribute attribute, std::string& scratch) const {
  GeoValue result;
  const auto index = Impl::index(attribute);
  const auto row = impl_->networks[index].find(address);
  result.bits = row.bits;
  if (row.value && attribute != GeoAttribute::kLocation) {
    result.text = impl_->texts[*row.value];
    return result;
  }
  if (row.value) {
    scratch = latlon_text(impl_->places[*row.value]);
    result.text = scratch;
    return result;
  }
  for (const auto& database : impl_->databases) {
    const Entry entry = database->find(address);
    result.bits = std::max(result.bits, entry.bits);
    std::string_view text;
    if (!entry.found || !database->text(entry, attribute, scratch, text) || text.empty() || text == kNoCode) continue;
    if (text.data() != scratch.data()) scratch.assign(text);
    std::transform(scratch.begin(), scratch.end(), scratch.begin(), [](char c) { return lower(c); });
    result.text = scratch;
    break;
  }
  return result;
}

GeoLocation Geo::locate(const dns::IpAddress& address) const {
  GeoLocation result;
  const auto row = impl_->networks[Impl::index(GeoAttribute::kLocation)].find(address);
  result.bits = row.bits;
  if (row.value) {
    result.where = impl_->places[*row.value];
    return result;
  }
  for (const auto& database : impl_->databases) {
    const Entry entry = database->find(address);
    result.bits = std::max(result.bits, entry.bits);
    Coordinates where;
    if (!entry.found || !Database::location(entry, where)) continue;
    result.where = where;
    break;
  }
  return result;
}

bool Geo::empty() const {
  return impl_->databases.empty() &&
         std::all_of(impl_->networks.begin(), impl_->networks.end(), [](const auto& trie) { return trie.empty(); });
}

std::vector<std::string> Geo::describe() const {
  std::vector<std::string> lines;
  for (const auto& database : impl_->databases) lines.push_back(database->describe());
  return lines;
}

GeoFiles::GeoFiles(GeoConfig config) : config_(std::move(config)) {}

Result<std::shared_ptr<const Geo>> GeoFiles::poll() {
  // Taken before the files are read: one that changes meanwhile is read again at the next call.
  std::vector<Stamp> stamps;
  std::vector<std::filesystem::path> paths = config_.databases;
  if (!config_.networks_file.empty()) paths.push_back(config_.networks_file);
  for (const auto& path : paths) {
    struct stat status {};
    Stamp stamp;  // all zeros: no file
    if (::stat(path.c_str(), &status) == 0)
      stamp = {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size),
               std::int64_t{status.st_ctim.tv_sec} * 1'000'000'000 + status.st_ctim.tv_nsec};
    stamps.push_back(stamp);
  }
  const std::shared_ptr<const Geo> nothing;
  if (failed_ && failed_->stamps == stamps) {
    if (!failed_->passing || failed_->calls > 0) {
      failed_->calls -= failed_->calls > 0 ? 1 : 0;
      return nothing;
    }
  } else if (opened_ == stamps) {
    failed_.reset();
    return nothing;
  } else {
    failed_.reset();
  }
  auto opened = Geo::open(config_);
  if (opened) {
    opened_ = std::move(stamps);
    failed_.reset();
    return opened;
  }
  if (!failed_) failed_.emplace().stamps = std::move(stamps);
  failed_->passing = opened.error().code == Errc::kUnavailable;
  failed_->calls = failed_->next_calls - 1;
  failed_->next_calls = std::min(2 * failed_->next_calls, kMostCalls);
  if (failed_->what == opened.error().what) return nothing;
  failed_->what = opened.error().what;
  return opened;
}

}  // namespace sdns::lua
