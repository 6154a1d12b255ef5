// SPDX-License-Identifier: MIT
// The snapshot file: everything that is served at one revision, so that a node whose database is away begins with it
// (P2). A header, blocks, and a last block that says that nothing is missing; each has a checksum or is sealed as a
// whole, together with the header and its place, so that neither damage nor a part of another file goes unnoticed.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "backend/base/clock.h"
#include "backend/base/error.h"
#include "backend/store/key_file.h"
#include "backend/zone/zone_set.h"

namespace sdns::store {

/// Of its format. A file of another version is not read.
inline constexpr std::uint32_t kSnapshotVersion = 1;

/// What the header says.
struct SnapshotFacts {
  std::string database_id;  ///< at most 63 octets
  zone::Revision revision = 0;
  zone::Chain chain{};
  WallTime saved{};      ///< to the millisecond, as the next
  WallTime confirmed{};  ///< when this was last seen to be the database's state
  std::optional<SealId> sealed_by{};
  std::uint64_t octets = 0;  ///< of the file
};

/// Called after each block with its size: where the writer is slowed down. False: the file is given up.
using SnapshotPace = std::function<bool(std::size_t octets)>;

/// Replaces the file as a whole: a draft beside it, mode 0600, is written, fsynced and renamed. After an error the
/// former file is as it was. Sealed with the first key of `key_file` when one is configured. `facts` says database and
/// times; position comes from `set`. Errors: kBusy (another process writes it), kTimeout (given up), kNoSpace,
/// kPermission, kNotFound (the directory), kIo, those of KeyFile::keys().
Result<SnapshotFacts> write_snapshot(const std::string& path, const zone::ZoneSet& set, SnapshotFacts facts,
                                     const KeyFile& key_file, const SnapshotPace& pace);

/// What the file says of itself; its content is not looked at. Errors: as read_snapshot().
Result<SnapshotFacts> read_snapshot_facts(const std::string& path);

struct ReadSnapshot {
  SnapshotFacts facts;
  zone::LoadedState state;
};
/// Adds the zones of the file to `zones`, with so many threads. Nothing is to be used of `zones` after an error. The
/// file may be replaced meanwhile. Errors: kNotFound; kPermission (it belongs to another user, or others may write it);
/// kForeign (no snapshot file); kTooNew, kUnsupported (another version); kCorrupt (damaged, cut short); kConfig (sealed
/// with a key that is not there), those of KeyFile::keys(); kInvalidZone (a zone that cannot be served); kIo.
Result<ReadSnapshot> read_snapshot(const std::string& path, const KeyFile& key_file, unsigned threads,
                                   zone::ZoneSetBuilder& zones);

}  // namespace sdns::store
