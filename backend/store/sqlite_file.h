// SPDX-License-Identifier: MIT
// The file under a SQLite database. Nothing here opens a database file that SQLite may have open in this process:
// closing such a descriptor would drop SQLite's POSIX locks on it.
#pragma once

#include <string>

#include "backend/base/error.h"
#include "backend/store/sqlite.h"

namespace sdns::store {

/// The directory that holds `path`.
std::string directory_of(const std::string& path);

/// That a database can be opened at `path`: a regular file with content, on a local file system.
/// Errors: kNotFound, kForeign (not a file), kCorrupt (empty), kUnsupported (network file system), kPermission, kIo.
Result<FileIdentity> check_database_file(const std::string& path);

/// An empty file with mode 0600 beside `path`, which takes that name when it is complete. It belongs to whom the
/// directory belongs when root makes it. Removed by the destructor unless published.
class DraftFile {
 public:
  static Result<DraftFile> create(const std::string& path);
  DraftFile(DraftFile&& other) noexcept;
  DraftFile& operator=(DraftFile&&) = delete;
  DraftFile(const DraftFile&) = delete;
  DraftFile& operator=(const DraftFile&) = delete;
  ~DraftFile();

  [[nodiscard]] const std::string& path() const { return draft_; }
  /// Flushes it and gives it its name. Errors: kExists when that name is taken.
  Result<void> publish();

 private:
  DraftFile(std::string path, std::string draft) : path_(std::move(path)), draft_(std::move(draft)) {}
  std::string path_;
  std::string draft_;
};

}  // namespace sdns::store
