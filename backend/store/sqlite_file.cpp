// SPDX-License-Identifier: MIT
#include "backend/store/sqlite_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "backend/base/owned.h"

namespace sdns::store {
namespace {

constexpr std::string_view kScheme = "sqlite:";

tl::unexpected<Error> system_failure(const std::string& path, std::string_view doing, int error) {
  const Errc code = error == ENOSPC || error == EDQUOT || error == EFBIG ? Errc::kNoSpace
                    : error == EROFS                                     ? Errc::kReadOnly
                    : error == EACCES || error == EPERM                  ? Errc::kPermission
                    : error == ENOENT                                    ? Errc::kNotFound
                                                                         : Errc::kIo;
  return fail(code, fmt::format("{}: {}: {}", path, doing, std::strerror(error)),
              "check that the directory exists and may be written to");
}

Result<void> refuse_network(const std::string& path) {
  struct statfs about {};
  if (::statfs(path.c_str(), &about) != 0) return system_failure(path, "asking for its file system", errno);
  if (const auto name = network_file_system(static_cast<std::uint64_t>(static_cast<std::uint32_t>(about.f_type))))
    return fail(Errc::kUnsupported, fmt::format("{}: is on a network file system ({})", path, *name),
                "locks and shared memory of SQLite need a local one; put the database on a local disk");
  return {};
}

Result<void> flush(const std::string& path, int flags) {
  const Fd fd(::open(path.c_str(), flags | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return system_failure(path, "flushing", errno);
  return {};
}

}  // namespace

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

std::optional<std::string_view> network_file_system(std::uint64_t magic) {
  switch (magic) {
    case 0x6969:
      return "NFS";
    case 0x517B:
      return "SMB";
    case 0xFF534D42:
      return "CIFS";
    case 0xFE534D42:
      return "SMB2";
    case 0x01021997:
      return "9P";
    case 0x5346414F:
      return "AFS";
    case 0x6B414653:
      return "kAFS";
    case 0x73757245:
      return "Coda";
    case 0x564C:
      return "NCP";
    case 0x00C36400:
      return "Ceph";
    case 0x0BD00BD0:
      return "Lustre";
    case 0x47504653:
      return "GPFS";
    case 0x01161970:
      return "GFS2";
    case 0x7461636F:
      return "OCFS2";
    case 0x786F4256:
      return "VirtualBox shared folder";
    case 0x65735546:
      return "FUSE, which may be remote";
    default:
      return std::nullopt;
  }
}

Result<std::string> sqlite_path(std::string_view url) {
  if (!url.starts_with(kScheme))
    return fail(Errc::kUnsupported, fmt::format("the database URL has the scheme \"{}\"", url.substr(0, url.find(':'))),
                "write sqlite:/path/of/the/file.db");
  std::string_view path = url.substr(kScheme.size());
  if (path.starts_with("///")) path.remove_prefix(2);
  if (path.empty() || path.starts_with("//") || path.front() == ':' || path.ends_with('/') ||
      path.find('\0') != std::string_view::npos)
    return fail(Errc::kInvalidArgument, fmt::format("the database URL \"{}\" does not name a file", url),
                "write sqlite:/path/of/the/file.db");
  return std::string(path);
}

std::optional<FileIdentity> file_identity(const std::string& path) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0) return std::nullopt;
  return FileIdentity{about.st_dev, about.st_ino};
}

Result<FileIdentity> check_database_file(const std::string& path) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0) {
    if (errno == ENOENT || errno == ENOTDIR)
      return fail(Errc::kNotFound, fmt::format("{}: there is no such file", path),
                  "create the database with `sdnsctl database init`, or correct database.url");
    return system_failure(path, "looking at it", errno);
  }
  if (!S_ISREG(about.st_mode))
    return fail(Errc::kForeign, fmt::format("{}: is not a regular file", path), "give the path of a database file");
  if (about.st_size == 0)
    return fail(Errc::kCorrupt, fmt::format("{}: is empty: its content was lost, or it never was a database", path),
                "restore it from a backup; or, when there never was one, remove the file");
  if (const auto local = refuse_network(path); !local) return fail(local.error());
  return FileIdentity{about.st_dev, about.st_ino};
}

Result<DraftFile> DraftFile::create(const std::string& path) {
  const std::string directory = directory_of(path);
  if (const auto local = refuse_network(directory); !local) return fail(local.error());
  std::string draft = path + ".new-XXXXXX";
  const Fd fd(::mkostemp(draft.data(), O_CLOEXEC));  // mode 0600
  if (!fd) return system_failure(path, "creating it", errno);
  DraftFile made(path, draft);
  struct stat about {};
  if (::geteuid() == 0 && ::stat(directory.c_str(), &about) == 0 && ::fchown(fd.get(), about.st_uid, about.st_gid) != 0)
    return system_failure(path, "giving it to the owner of its directory", errno);
  return made;
}

DraftFile::DraftFile(DraftFile&& other) noexcept
    : path_(std::move(other.path_)), draft_(std::exchange(other.draft_, {})) {}

DraftFile::~DraftFile() {
  if (draft_.empty()) return;
  ::unlink(draft_.c_str());
  for (const char* suffix : {"-journal", "-wal", "-shm"}) ::unlink((draft_ + suffix).c_str());
}

Result<void> DraftFile::publish() {
  if (const auto flushed = flush(draft_, O_RDWR); !flushed) return flushed;
  // link() fails when the name is taken, also by somebody who is doing the same at this moment.
  if (::link(draft_.c_str(), path_.c_str()) != 0) {
    if (errno == EEXIST) return fail(Errc::kExists, fmt::format("{}: exists already", path_));
    return system_failure(path_, "giving the new database its name", errno);
  }
  ::unlink(std::exchange(draft_, {}).c_str());
  return flush(directory_of(path_), O_RDONLY | O_DIRECTORY);
}

}  // namespace sdns::store
