// SPDX-License-Identifier: MIT
// Private keys as BIND and PowerDNS write them to files.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backend/base/clock.h"
#include "backend/dns/dnssec_key.h"

namespace sdns::ctl {

/// A key that a file holds, and its state.
struct KeyFile {
  std::string path;
  dns::GeneratedKey key;  ///< the private text without the times
  bool active = true;
  bool published = true;
  std::optional<std::string> left_out;  ///< why it is not to be taken
};

/// Reads a key: one half of a pair of dnssec-keygen (or the stem of both), or the text of `pdnsutil export-zone-key`,
/// which says nothing of the flags: then it gets `flags`. The state of a pair follows from its times at `now`.
/// Errors: kNotFound, kInvalidRecord, kIo; they name the file.
Result<KeyFile> read_key_file(const std::string& path, const dns::Name& apex, std::uint16_t flags, WallTime now);

/// The pairs of the zone in a directory, by their names `Kzone.+alg+tag.private`. Errors: kNotFound when there are
/// none.
Result<std::vector<std::string>> key_pairs_in(const std::string& directory, const dns::Name& apex);

}  // namespace sdns::ctl
