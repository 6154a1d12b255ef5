// SPDX-License-Identifier: MIT
// Writes the snapshot file.
#include <fcntl.h>
#include <fmt/format.h>
#include <sodium/core.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "backend/base/owned.h"
#include "backend/store/octets.h"
#include "backend/store/snapshot_blocks.h"
#include "backend/store/snapshot_codec.h"

namespace sdns::store {
namespace {

// Dirty memory of the file: what a commit of the database beside it may have to wait for.
constexpr std::size_t kSyncOctets = std::size_t{16} << 20;

tl::unexpected<Error> failed(const std::string& path, std::string_view doing, int error) {
  Errc code = Errc::kIo;
  std::string_view hint = "the former file stays; check the disk";
  if (error == ENOENT || error == ENOTDIR) {
    code = Errc::kNotFound;
    hint = "make the directory, or correct snapshot.file";
  } else if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
    code = Errc::kNoSpace;
    hint = "the former file stays; free space for a second one beside it";
  } else if (error == EACCES || error == EPERM || error == EROFS) {
    code = Errc::kPermission;
    hint = "the former file stays; make the directory writable for this user";
  }
  return fail(code, fmt::format("{}: {}: {}", path, doing, std::strerror(error)), std::string(hint));
}

// A file beside the one that it is to become; gone unless it did.
class Draft {
 public:
  explicit Draft(std::string path) : target_(std::move(path)), path_(target_ + ".new") {}
  ~Draft() {
    if (file_) ::unlink(path_.c_str());
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  Result<void> open() {
    const std::string lock = target_ + ".lock";
    lock_ = Fd(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!lock_) return failed(lock, "cannot be opened", errno);
    if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0)
      return fail(Errc::kBusy, fmt::format("{}: another process writes it now", target_), "it is tried again");
    ::unlink(path_.c_str());  // of a process that was killed
    file_ = Fd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file_) return failed(path_, "cannot be made", errno);
    return {};
  }
  Result<void> write(std::string_view octets) {
    size_ += octets.size();
    unsynced_ += octets.size();
    while (!octets.empty()) {
      const ssize_t put = ::write(file_.get(), octets.data(), octets.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return failed(path_, "cannot be written", errno);
      octets.remove_prefix(static_cast<std::size_t>(put));
    }
    if (unsynced_ < kSyncOctets) return {};
    unsynced_ = 0;
    return ::fdatasync(file_.get()) == 0 ? Result<void>() : failed(path_, "cannot be written", errno);
  }
  Result<void> publish() {
    if (::fsync(file_.get()) != 0) return failed(path_, "cannot be written", errno);
    if (::rename(path_.c_str(), target_.c_str()) != 0) return failed(target_, "cannot be replaced", errno);
    file_.reset();
    const std::size_t slash = target_.rfind('/');
    const Fd directory(::open(slash == std::string::npos ? "." : target_.substr(0, slash + 1).c_str(),
                              O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || ::fsync(directory.get()) != 0) return failed(target_, "its directory cannot be synced", errno);
    return {};
  }
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  const std::string target_;
  const std::string path_;
  Fd lock_;
  Fd file_;
  std::uint64_t size_ = 0;
  std::size_t unsynced_ = 0;
};

// Blocks, one after the other.
class BlockWriter {
 public:
  BlockWriter(Draft& draft, const BlockGuard& guard, const SnapshotPace& pace)
      : draft_(draft), guard_(guard), pace_(pace) {}

  Result<void> write(BlockKind kind, std::string& payload, std::uint32_t zones = 0, bool continues = false) {
    const BlockHeader header{kind, continues, zones, index_++, payload.size()};
    guard_.close(header, payload);
    auto done = draft_.write(header.octets());
    if (done) done = draft_.write(payload);
    if (done && !pace_(payload.size()))
      done = fail(Errc::kTimeout, "writing the snapshot file was given up", "the former file stays");
    return done;
  }
  [[nodiscard]] std::uint64_t blocks() const { return index_; }

 private:
  Draft& draft_;
  const BlockGuard& guard_;
  const SnapshotPace& pace_;
  std::uint64_t index_ = 0;
};

Result<void> write_blocks(const zone::ZoneSet& set, BlockWriter& out) {
  std::string besides = encode_besides(set);
  auto done = out.write(BlockKind::kBesides, besides);
  ZonesEncoder zones([&](const ZonesEncoder::Payload& payload) {
    return out.write(BlockKind::kZones, payload.octets, payload.zones, payload.continues);
  });
  set.by_id().for_each_from(zone::ZoneId{0}, [&](const zone::ZoneItem& item) {
    if (done) done = zones.add(*item.zone);
    return done.has_value();
  });
  if (done) done = zones.finish();
  if (!done) return done;
  std::string end;
  put_number(end, out.blocks() + 1);
  put_number(end, set.size());
  return out.write(BlockKind::kEnd, end);
}

}  // namespace

Result<SnapshotFacts> write_snapshot(const std::string& path, const zone::ZoneSet& set, SnapshotFacts facts,
                                     const KeyFile& key_file, const SnapshotPace& pace) {
  if (sodium_init() < 0) return fail(Errc::kIo, "libsodium cannot be initialised");
  const SealingKey* key = nullptr;
  if (key_file.configured()) {
    const auto keys = key_file.keys();
    if (!keys) return fail(keys.error());
    key = &(*keys)->first();
  }
  facts.revision = set.revision();
  facts.chain = set.chain();
  facts.sealed_by = key != nullptr ? std::optional(key->id()) : std::nullopt;
  const std::string header = file_header(facts, key);
  Draft draft(path);
  auto done = draft.open();
  if (done) done = draft.write(header);
  const BlockGuard guard(header, key);
  BlockWriter out(draft, guard, pace);
  if (done) done = write_blocks(set, out);
  if (done) done = draft.publish();
  if (!done) return fail(std::move(done.error()));
  facts.octets = draft.size();
  return facts;
}

}  // namespace sdns::store
