// SPDX-License-Identifier: MIT
// The key file of a program, and the secrets that the rows of the database hold, sealed with it (P9).
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "backend/store/seal.h"

namespace sdns::store {

/// Reads a key file. It is a file of root or of this process's user that nobody else may write, and that users outside
/// of its group may not read. Errors: kNotFound, kPermission, kInvalidArgument (its content; nothing of it is quoted),
/// kIo.
Result<KeyRing> read_key_file(const std::string& path);

/// Makes a key file of one key, mode 0600. Errors: kExists, kPermission, kNoSpace, kIo, kNotFound (the directory).
Result<SealId> make_key_file(const std::string& path);
/// Adds a new key at the end of a key file, which keeps owner and mode: it opens, and does not seal. Errors: as
/// read_key_file() and make_key_file(), kInvalidArgument (no room).
Result<SealId> append_key(const std::string& path);

/// The key file that a program was told of: read when it is first needed, so that what needs no secret needs no key
/// file. Safe from any thread.
class KeyFile {
 public:
  /// "": none is configured.
  explicit KeyFile(std::string path = {}) : path_(std::move(path)) {}

  [[nodiscard]] bool configured() const { return !path_.empty(); }
  [[nodiscard]] const std::string& path() const { return path_; }
  /// Read once. Errors: those of read_key_file(); kConfig when none is configured.
  Result<const KeyRing*> keys() const;

 private:
  const std::string path_;
  mutable std::mutex mutex_;
  mutable std::optional<Result<KeyRing>> read_;
};
using KeyFilePtr = std::shared_ptr<const KeyFile>;

/// Where a sealed secret belongs: it opens in no other row. The same in every copy of the database.
std::string key_context(std::uint32_t zone, std::uint32_t key);
std::string tsig_context(std::string_view name_key);

/// As it is stored: sealed with the first key when a key file is configured, else as it is.
Result<std::string> stored_secret(const KeyFile& file, std::string_view plain, std::string_view context);
/// The inverse. `what` names the secret in errors: kConfig (no key file, or not this key), kCorrupt, and those of
/// KeyFile::keys().
Result<std::string> plain_secret(const KeyFile& file, std::string_view stored, std::string_view context,
                                 std::string_view what);

}  // namespace sdns::store
