// SPDX-License-Identifier: MIT
// How a snapshot file is laid out: its header, the headers of its blocks, and what protects them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "backend/store/snapshot_file.h"

namespace sdns::store {

enum class BlockKind : std::uint8_t {
  kBesides = 1,  ///< the first one: what is not of a zone
  kZones = 2,
  kEnd = 3,  ///< the last one: how many blocks and zones there are
};

struct BlockHeader {
  static constexpr std::size_t kOctets = 24;
  BlockKind kind = BlockKind::kEnd;
  bool continues = false;     ///< its last zone goes on in the next block
  std::uint32_t zones = 0;    ///< that begin in it
  std::uint64_t index = 0;    ///< from 0
  std::uint64_t payload = 0;  ///< octets, without the tag that stands behind them

  [[nodiscard]] std::string octets() const;
  /// False: no header of a block.
  [[nodiscard]] static bool parse(std::string_view octets, BlockHeader& out);
};

/// Stands behind each payload.
inline constexpr std::size_t kBlockTagOctets = kSealTagOctets;
inline constexpr std::size_t kFileHeaderOctets = 192;
inline constexpr std::size_t kMostDatabaseIdOctets = 63;

/// A header of a file that is being written, with new salt; `key`: null for a file that is not sealed.
std::string file_header(const SnapshotFacts& facts, const SealingKey* key);
/// The facts but for the size of the file. Errors: kForeign, kTooNew, kUnsupported, kCorrupt: what is said reads on
/// after the path.
Result<SnapshotFacts> parse_file_header(std::string_view octets);

/// Protects and checks the blocks of one file. Safe from any thread.
class BlockGuard {
 public:
  /// `key`: null when the file is not sealed; outlives the guard.
  BlockGuard(std::string_view file_header, const SealingKey* key);
  /// Appends the tag to the payload, and seals it.
  void close(const BlockHeader& header, std::string& payload) const;
  /// The inverse; false: damaged, or not this block of this file.
  [[nodiscard]] bool open(const BlockHeader& header, std::span<std::uint8_t> payload_and_tag) const;

 private:
  [[nodiscard]] std::string context_of(const BlockHeader& header) const;
  const std::string file_header_;
  const SealingKey* key_;
};

}  // namespace sdns::store
