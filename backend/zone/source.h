// SPDX-License-Identifier: MIT
// What the engine is told about zones and their changes, and the interface through which it is told. The authority
// database implements it (store/follower); so can files or tests.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "backend/base/error.h"
#include "backend/dns/record.h"
#include "backend/health/override.h"
#include "backend/health/target_pool.h"

namespace sdns::zone {

/// Never reused (P6): PowerDNS's caches are keyed by it. 1 to 2^31-1.
using ZoneId = std::uint32_t;

/// Given in commit order; 0 is the empty history.
using Revision = std::uint64_t;

/// Hash chain over the journal: H(previous chain, digest of the revision's changes).
using Chain = std::array<std::uint8_t, 32>;

enum class Kind : std::uint8_t { kNative, kPrimary, kSecondary };
/// `native`, `primary`, `secondary`.
constexpr std::string_view kind_text(Kind kind) {
  switch (kind) {
    case Kind::kPrimary:
      return "primary";
    case Kind::kSecondary:
      return "secondary";
    case Kind::kNative:
      break;
  }
  return "native";
}

/// One metadata kind of a zone, as PowerDNS's domainmetadata.
struct Metadata {
  std::string kind;
  std::vector<std::string> values;
  friend bool operator==(const Metadata&, const Metadata&) = default;
};

/// One DNSSEC key of a zone. `content` is the ISC private key text ("Private-key-format: v1.2…"): secret (P9).
struct Key {
  std::uint32_t id = 0;
  std::uint16_t flags = 0;
  bool active = false;
  bool published = true;
  std::string content;
  friend bool operator==(const Key&, const Key&) = default;
};

/// One TSIG key (RFC 8945). Of no zone: zones name the keys that they use in their metadata.
struct TsigKey {
  dns::Name name;
  std::string algorithm;  ///< as in `hmac-sha256`
  std::string secret;     ///< base64: secret (P9)
  friend bool operator==(const TsigKey&, const TsigKey&) = default;
};

/// What a zone is, without its records.
struct ZoneHead {
  ZoneId id = 0;
  dns::Name apex;
  Kind kind = Kind::kNative;
  std::string account;
  std::vector<std::string> primaries;  ///< of a secondary zone: `ip` or `ip:port`
  std::uint32_t notified_serial = 0;
  std::uint32_t last_check = 0;
  friend bool operator==(const ZoneHead&, const ZoneHead&) = default;
};

/// A whole zone. Disabled records are not part of it. Records may come in any order.
struct ZoneContent {
  ZoneHead head;
  std::vector<dns::Record> records;
  std::vector<Metadata> metadata;
  std::vector<Key> keys;
};

struct ZoneCreated {
  ZoneContent zone;
};
struct ZoneDeleted {
  ZoneId zone = 0;
};
struct HeadChanged {
  ZoneHead head;
};
/// The RRset as it is now; empty `contents` says that it is gone.
struct RrsetChanged {
  ZoneId zone = 0;
  dns::Rrset rrset;
};
/// All metadata of the zone as it is now.
struct MetadataChanged {
  ZoneId zone = 0;
  std::vector<Metadata> metadata;
};
/// All keys of the zone as they are now.
struct KeysChanged {
  ZoneId zone = 0;
  std::vector<Key> keys;
};
/// All TSIG keys as they are now.
struct TsigKeysChanged {
  std::vector<TsigKey> keys;
};
/// The target pool as it is now; nothing: it is gone. Of no zone.
struct TargetPoolChanged {
  std::string name;
  std::optional<health::TargetPool> pool;
};
/// The override of this target as it is now; nothing: it is gone. Of no zone.
struct OverrideChanged {
  std::string target;
  std::optional<health::Override> override;
};
using Change = std::variant<ZoneCreated, ZoneDeleted, HeadChanged, RrsetChanged, MetadataChanged, KeysChanged,
                            TsigKeysChanged, TargetPoolChanged, OverrideChanged>;

/// Everything that happened in (from, to], read in one consistent read: applying it to the state at `from` gives the
/// state at `to`. An RRset, target pool or override that was touched several times is there once.
struct Batch {
  Revision from = 0;
  Revision to = 0;
  Chain chain{};  ///< at `to`
  std::vector<Change> changes;
};

/// The state at one revision, handed over zone by zone while it is read.
struct LoadedState {
  Revision revision = 0;
  Chain chain{};
  std::vector<TsigKey> tsig_keys{};
  std::vector<health::TargetPool> target_pools{};
  health::Overrides overrides{};
};

/// Where zones come from. Used by one thread.
class Source {
 public:
  virtual ~Source() = default;

  /// Says which database this is: random, made with it, known from the opening on; "" where there is no such thing.
  [[nodiscard]] virtual std::string identity() const { return {}; }
  /// Rows that its queries have returned so far: shows that changes are followed and zones not read again.
  [[nodiscard]] virtual std::uint64_t rows_read() const { return 0; }

  /// Reads everything in one consistent read; `each` is called once per zone. A failure leaves nothing to be used.
  virtual Result<LoadedState> load(const std::function<void(ZoneContent&&)>& each) = 0;

  /// What came after revision `at`, whose chain the caller holds; an empty batch (`from == to`) when there is nothing.
  /// Errors: kDiverged when the database's chain at `at` is another one, or its history was pruned past `at`: load()
  /// again. kUnavailable, kIo, kCorrupt, kForeign: keep serving, try again later.
  virtual Result<Batch> changes_since(Revision at, const Chain& chain) = 0;

  /// Waits until there may be something new, at most `limit`; wake() from another thread ends it early.
  virtual void wait(std::chrono::milliseconds limit) = 0;
  /// Safe from any thread and from a signal-driven loop.
  virtual void wake() = 0;
};

}  // namespace sdns::zone
