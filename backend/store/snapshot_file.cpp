// SPDX-License-Identifier: MIT
#include "backend/store/snapshot_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "backend/base/owned.h"
#include "backend/store/octets.h"
#include "backend/store/snapshot_blocks.h"
#include "backend/store/snapshot_codec.h"

namespace sdns::store {
namespace {

struct Block {
  BlockHeader header;
  std::uint64_t at = 0;  // of its payload in the file
};

// A zone block and those that continue it.
struct Run {
  std::size_t first = 0;
  std::size_t count = 1;
};

class SnapshotReader {
 public:
  explicit SnapshotReader(const std::string& path) : path_(path) {}

  Result<SnapshotFacts> open();
  Result<ReadSnapshot> read(const KeyFile& key_file, unsigned threads, zone::ZoneSetBuilder& zones);

 private:
  [[nodiscard]] tl::unexpected<Error> said(Error error) const {
    error.what = fmt::format("{}: {}", path_, error.what);
    return fail(std::move(error));
  }
  [[nodiscard]] tl::unexpected<Error> damaged(std::string_view what) const {
    return fail(Errc::kCorrupt, fmt::format("{}: is damaged: {}", path_, what), "it is not used, and written again");
  }
  Result<void> read_at(std::uint64_t at, char* to, std::size_t size) const;
  Result<void> find_key(const KeyFile& key_file);
  Result<void> find_blocks();
  Result<void> read_payload(const Block& block, std::string& buffer) const;
  Result<std::vector<zone::ZoneRef>> read_run(const Run& run, std::string& buffer) const;
  Result<void> read_zones(unsigned threads, zone::ZoneSetBuilder& zones) const;
  Result<void> check_end() const;

  const std::string& path_;
  Fd file_;
  std::string header_;
  SnapshotFacts facts_;
  const SealingKey* key_ = nullptr;
  std::optional<BlockGuard> guard_;
  std::vector<Block> blocks_;
  std::vector<Run> runs_;
};

Result<void> SnapshotReader::read_at(std::uint64_t at, char* to, std::size_t size) const {
  while (size != 0) {
    const ssize_t got = ::pread(file_.get(), to, size, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(Errc::kIo, fmt::format("{}: cannot be read: {}", path_, std::strerror(errno)));
    if (got == 0) return damaged("it was cut short while it was read");
    to += got;
    at += static_cast<std::uint64_t>(got);
    size -= static_cast<std::size_t>(got);
  }
  return {};
}

Result<SnapshotFacts> SnapshotReader::open() {
  if (sodium_init() < 0) return fail(Errc::kIo, "libsodium cannot be initialised");
  file_ = Fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file_ && (errno == ENOENT || errno == ENOTDIR))
    return fail(Errc::kNotFound, fmt::format("{}: there is no such file", path_));
  if (!file_)
    return fail(Errc::kPermission, fmt::format("{}: cannot be opened: {}", path_, std::strerror(errno)),
                "it is the daemon's own file: check its owner, and that it is no symbolic link");
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0)
    return fail(Errc::kIo, fmt::format("{}: cannot be read: {}", path_, std::strerror(errno)));
  if (!S_ISREG(status.st_mode)) return said({Errc::kForeign, "is no file", "correct snapshot.file"});
  // Whoever can write it decides what is answered.
  if ((status.st_uid != 0 && status.st_uid != ::geteuid()) || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return said({Errc::kPermission,
                 fmt::format("belongs to uid {} and has mode {:04o}: somebody else than root and uid {} may write it",
                             status.st_uid, status.st_mode & 07777, ::geteuid()),
                 "it is not used; when it is known to be right, chown it to the daemon's user and chmod 0600"});
  const auto size = static_cast<std::uint64_t>(status.st_size);
  header_.resize(std::min<std::uint64_t>(size, kFileHeaderOctets));
  if (auto done = read_at(0, header_.data(), header_.size()); !done) return fail(std::move(done.error()));
  auto facts = parse_file_header(header_);
  if (!facts) return said(std::move(facts.error()));
  facts_ = std::move(*facts);
  facts_.octets = size;
  return facts_;
}

Result<void> SnapshotReader::find_key(const KeyFile& key_file) {
  if (!facts_.sealed_by) return {};
  const auto keys = key_file.keys();
  if (!keys && !key_file.configured())
    return said({Errc::kConfig,
                 fmt::format("is sealed with the key {}, and {}", seal_id_text(*facts_.sealed_by), keys.error().what),
                 keys.error().hint});
  if (!keys) return fail(keys.error());
  key_ = (*keys)->find(*facts_.sealed_by);
  if (key_ == nullptr)
    return said({Errc::kConfig,
                 fmt::format("is sealed with the key {}, which is not in the key file {}",
                             seal_id_text(*facts_.sealed_by), key_file.path()),
                 "put that key at the end of the key file"});
  return {};
}

Result<void> SnapshotReader::find_blocks() {
  std::string octets(BlockHeader::kOctets, '\0');
  for (std::uint64_t at = kFileHeaderOctets; at != facts_.octets;) {
    const std::uint64_t left = facts_.octets - at;
    Block block;
    if (left < BlockHeader::kOctets + kBlockTagOctets) return damaged("it ends within a block");
    if (auto done = read_at(at, octets.data(), octets.size()); !done) return done;
    if (!BlockHeader::parse(octets, block.header) || block.header.index != blocks_.size())
      return damaged(fmt::format("block {} does not begin as one", blocks_.size()));
    if (block.header.payload > left - BlockHeader::kOctets - kBlockTagOctets) return damaged("it ends within a block");
    block.at = at + BlockHeader::kOctets;
    at = block.at + block.header.payload + kBlockTagOctets;
    const bool is_first = blocks_.empty();
    const bool in_run = !is_first && blocks_.back().header.kind == BlockKind::kZones && blocks_.back().header.continues;
    if (is_first != (block.header.kind == BlockKind::kBesides) || (in_run && block.header.kind != BlockKind::kZones) ||
        (block.header.kind == BlockKind::kEnd) != (at == facts_.octets))
      return damaged(fmt::format("block {} is in the wrong place", blocks_.size()));
    if (in_run) ++runs_.back().count;
    else if (block.header.kind == BlockKind::kZones) runs_.push_back({blocks_.size(), 1});
    blocks_.push_back(block);
  }
  if (blocks_.empty()) return damaged("it ends after its header");
  return {};
}

Result<void> SnapshotReader::read_payload(const Block& block, std::string& buffer) const {
  buffer.resize(block.header.payload + kBlockTagOctets);
  if (auto done = read_at(block.at, buffer.data(), buffer.size()); !done) return done;
  if (!guard_->open(block.header, {reinterpret_cast<std::uint8_t*>(buffer.data()), buffer.size()}))
    return damaged(fmt::format("block {} has another checksum", block.header.index));
  buffer.resize(block.header.payload);
  return {};
}

Result<std::vector<zone::ZoneRef>> SnapshotReader::read_run(const Run& run, std::string& buffer) const {
  std::size_t expected = 0;
  for (std::size_t i = 0; i < run.count; ++i) expected += blocks_[run.first + i].header.zones;
  std::size_t next = run.first;
  auto zones = decode_zones(run.count, [&]() -> Result<std::string_view> {
    if (auto done = read_payload(blocks_[next++], buffer); !done) return fail(std::move(done.error()));
    return std::string_view(buffer);
  });
  if (!zones && zones.error().code == Errc::kCorrupt && zones.error().hint.empty()) return damaged(zones.error().what);
  if (zones && zones->size() != expected) return damaged("a block has another number of zones");
  return zones;
}

Result<void> SnapshotReader::read_zones(unsigned threads, zone::ZoneSetBuilder& zones) const {
  std::vector<std::vector<zone::ZoneRef>> read(runs_.size());
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::optional<Error> failed;
  const auto work = [&] {
    std::string buffer;
    for (std::size_t i = next.fetch_add(1); i < runs_.size(); i = next.fetch_add(1)) {
      auto done = read_run(runs_[i], buffer);
      if (done) {
        read[i] = std::move(*done);
        continue;
      }
      next.store(runs_.size());
      std::lock_guard lock(mutex);
      if (!failed) failed = std::move(done.error());
    }
  };
  std::vector<std::thread> helpers;
  for (unsigned i = 1; i < std::min<std::size_t>(threads, runs_.size()); ++i) helpers.emplace_back(work);
  work();
  for (std::thread& helper : helpers) helper.join();
  if (failed) return fail(std::move(*failed));
  zone::ZoneId last = 0;
  for (std::vector<zone::ZoneRef>& run : read)
    for (zone::ZoneRef& zone : run) {
      if (zone->id() <= last) return damaged("the order of zones is not as it was written");
      last = zone->id();
      if (auto added = zones.add(std::move(zone)); !added) return said(std::move(added.error()));
    }
  return {};
}

Result<void> SnapshotReader::check_end() const {
  std::string buffer;
  if (auto done = read_payload(blocks_.back(), buffer); !done) return done;
  std::uint64_t zones = 0;
  for (const Block& block : blocks_) zones += block.header.zones;
  OctetReader end(buffer);
  if (end.number() != blocks_.size() || end.number() != zones || !end.at_end() || end.failed())
    return damaged("blocks are missing");
  return {};
}

Result<ReadSnapshot> SnapshotReader::read(const KeyFile& key_file, unsigned threads, zone::ZoneSetBuilder& zones) {
  if (auto found = find_key(key_file); !found) return fail(std::move(found.error()));
  guard_.emplace(header_, key_);
  if (auto found = find_blocks(); !found) return fail(std::move(found.error()));
  ReadSnapshot out{facts_, {facts_.revision, facts_.chain}};
  std::string besides;
  auto done = check_end();
  if (done) done = read_payload(blocks_.front(), besides);
  if (!done) return fail(std::move(done.error()));
  if (auto decoded = decode_besides(besides, out.state); !decoded) return damaged(decoded.error().what);
  if (done) done = read_zones(threads, zones);
  if (!done) return fail(std::move(done.error()));
  return out;
}

}  // namespace

Result<SnapshotFacts> read_snapshot_facts(const std::string& path) { return SnapshotReader(path).open(); }

Result<ReadSnapshot> read_snapshot(const std::string& path, const KeyFile& key_file, unsigned threads,
                                   zone::ZoneSetBuilder& zones) {
  SnapshotReader reader(path);
  if (auto opened = reader.open(); !opened) return fail(std::move(opened.error()));
  return reader.read(key_file, threads, zones);
}

}  // namespace sdns::store
