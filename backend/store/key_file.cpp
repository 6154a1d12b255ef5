// SPDX-License-Identifier: MIT
#include "backend/store/key_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium/utils.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "backend/base/owned.h"

namespace sdns::store {
namespace {

constexpr std::size_t kMostOctets = 16'384;
constexpr std::string_view kHead =
    "# Keys that seal private keys, TSIG secrets and the snapshot file: the first one seals, all of them open.\n"
    "# Whoever has this file and the database has the keys: back them up apart from each other.\n";

Errc code_of(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return Errc::kNotFound;
    case EACCES:
    case EPERM:
    case ELOOP:
    case EROFS:
      return Errc::kPermission;
    case EEXIST:
      return Errc::kExists;
    case ENOSPC:
    case EDQUOT:
      return Errc::kNoSpace;
    default:
      return Errc::kIo;
  }
}

tl::unexpected<Error> failed(const std::string& path, std::string_view doing, int error) {
  return fail(code_of(error), fmt::format("key file {}: {}: {}", path, doing, std::strerror(error)),
              "check path, owner and mode");
}

Result<void> check_access(const std::string& path, const struct stat& facts) {
  if (!S_ISREG(facts.st_mode))
    return fail(Errc::kPermission, fmt::format("key file {}: is no file", path), "`sdnsctl keys generate` makes one");
  if (facts.st_uid != 0 && facts.st_uid != ::geteuid())
    return fail(Errc::kPermission,
                fmt::format("key file {}: belongs to uid {}, neither root nor uid {}", path, facts.st_uid, ::geteuid()),
                "give it to root, with a group that may read it and mode 0640");
  if ((facts.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) != 0)
    return fail(
        Errc::kPermission,
        fmt::format("key file {}: has mode {:04o}: {}", path, facts.st_mode & 07777,
                    (facts.st_mode & S_IROTH) != 0 ? "every user may read it" : "others than its owner may write it"),
        "chmod 0600 it, or 0640 for a group; when others have read it, rotate the key");
  return {};
}

// Wiped when it is let go of.
struct Text {
  std::string octets;
  Text() = default;
  Text(Text&&) = default;
  Text(const Text&) = delete;
  ~Text() { sodium_memzero(octets.data(), octets.size()); }
};

Result<Text> read_text(const std::string& path, struct stat& facts) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return failed(path, "cannot be read", errno);
  if (::fstat(file.get(), &facts) != 0) return failed(path, "cannot be read", errno);
  if (auto allowed = check_access(path, facts); !allowed) return fail(std::move(allowed.error()));
  Text text;
  text.octets.resize(kMostOctets + 1);  // at once: growing leaves copies
  std::size_t size = 0;
  while (size < text.octets.size()) {
    const ssize_t got = ::read(file.get(), text.octets.data() + size, text.octets.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(path, "cannot be read", errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > kMostOctets)
    return fail(Errc::kInvalidArgument, fmt::format("key file {}: has more than {} octets", path, kMostOctets),
                "`sdnsctl keys generate` makes one");
  text.octets.resize(size);
  return text;
}

Result<KeyRing> parse(const std::string& path, const Text& text) {
  auto keys = KeyRing::parse(text.octets);
  if (!keys)
    return fail(keys.error().code, fmt::format("key file {}: {}", path, keys.error().what),
                "`sdnsctl keys generate` makes one");
  return keys;
}

Result<void> write_all(int file, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t put = ::write(file, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return failed(path, "cannot be written", errno);
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  if (::fsync(file) != 0) return failed(path, "cannot be written", errno);
  return {};
}

void sync_directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const Fd directory(
      ::open(slash == std::string::npos ? "." : path.substr(0, slash + 1).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory) ::fsync(directory.get());
}

std::string line_of(const SealingKey& key) { return fmt::format("# {}\n{}\n", seal_id_text(key.id()), key_line(key)); }

}  // namespace

Result<KeyRing> read_key_file(const std::string& path) {
  struct stat facts {};
  const auto text = read_text(path, facts);
  if (!text) return fail(text.error());
  return parse(path, *text);
}

Result<SealId> make_key_file(const std::string& path) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return failed(path, "cannot be made", errno);
  const SealingKey key = SealingKey::make();
  Text text;
  text.octets = std::string(kHead) + line_of(key);
  if (auto written = write_all(file.get(), text.octets, path); !written) {
    ::unlink(path.c_str());
    return fail(std::move(written.error()));
  }
  sync_directory_of(path);
  return key.id();
}

Result<SealId> append_key(const std::string& path) {
  struct stat facts {};
  auto text = read_text(path, facts);
  if (!text) return fail(std::move(text.error()));
  if (const auto keys = parse(path, *text); !keys) return fail(keys.error());
  const SealingKey key = SealingKey::make();
  Text next;
  next.octets.reserve(2 * kMostOctets);
  next.octets = text->octets;
  if (next.octets.back() != '\n') next.octets += '\n';
  next.octets += line_of(key);
  if (const auto keys = parse(path, next); !keys) return fail(keys.error());

  const std::string draft = path + ".new";
  ::unlink(draft.c_str());
  const Fd file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return failed(draft, "cannot be made", errno);
  auto written = write_all(file.get(), next.octets, draft);
  if (written && (::fchown(file.get(), facts.st_uid, facts.st_gid) != 0 ||
                  ::fchmod(file.get(), facts.st_mode & 07777) != 0 || ::rename(draft.c_str(), path.c_str()) != 0))
    written = failed(path, "cannot be replaced", errno);
  if (!written) {
    ::unlink(draft.c_str());
    return fail(std::move(written.error()));
  }
  sync_directory_of(path);
  return key.id();
}

Result<const KeyRing*> KeyFile::keys() const {
  if (!configured())
    return fail(Errc::kConfig, "no key file is configured",
                "set database.key_file (sdnsctl: --key-file) to the file whose key sealed it");
  std::lock_guard lock(mutex_);
  if (!read_) read_.emplace(read_key_file(path_));
  if (!*read_) return fail(read_->error());
  return &**read_;
}

std::string key_context(std::uint32_t zone, std::uint32_t key) { return fmt::format("cryptokey {} {}", zone, key); }
std::string tsig_context(std::string_view name_key) { return fmt::format("tsig_key {}", name_key); }

Result<std::string> stored_secret(const KeyFile& file, std::string_view plain, std::string_view context) {
  if (!file.configured()) return std::string(plain);
  const auto keys = file.keys();
  if (!keys) return fail(keys.error());
  return seal_text((*keys)->first(), plain, context);
}

Result<std::string> plain_secret(const KeyFile& file, std::string_view stored, std::string_view context,
                                 std::string_view what) {
  if (!is_sealed(stored)) return std::string(stored);
  const auto id = sealed_by(stored);
  if (!id) return fail(id.error().code, fmt::format("{} {}", what, id.error().what), "use a newer program");
  const auto keys = file.keys();
  if (!keys && keys.error().code == Errc::kConfig)
    return fail(Errc::kConfig,
                fmt::format("{} is sealed with the key {}, and {}", what, seal_id_text(*id), keys.error().what),
                keys.error().hint);
  if (!keys) return fail(keys.error());
  const SealingKey* key = (*keys)->find(*id);
  if (key == nullptr)
    return fail(Errc::kConfig,
                fmt::format("{} is sealed with the key {}, which is not in the key file {}", what, seal_id_text(*id),
                            file.path()),
                "put that key into the file, at its end when another one shall seal");
  auto plain = open_text(*key, stored, context);
  if (!plain)
    return fail(Errc::kCorrupt, fmt::format("{} {}", what, plain.error().what),
                "restore the row from a backup of the database");
  return plain;
}

}  // namespace sdns::store
