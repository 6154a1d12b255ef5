// SPDX-License-Identifier: MIT
#include "backend/daemon/health_keeper.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "backend/base/owned.h"

namespace sdns::daemon {
namespace {

constexpr std::chrono::milliseconds kLook{100};  // what the next worker does not know is what came after the last one
constexpr int kLooksBetween = 300;               // writes without a change
constexpr off_t kMostOctets = off_t{256} << 20;

tl::unexpected<Error> broken(const std::filesystem::path& path, std::string_view doing, int error) {
  return fail(Errc::kUnavailable,
              fmt::format("{}: {}: {}", path.string(), doing, std::generic_category().message(error)),
              "verdicts are not kept over a restart; correct health.state_file, or leave it empty");
}

}  // namespace

Result<std::optional<health::KeptHealth>> read_kept_health(const std::filesystem::path& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file && errno == ENOENT) return std::nullopt;
  if (!file) return broken(path, "open", errno);
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0) return broken(path, "fstat", errno);
  if (!S_ISREG(facts.st_mode) || facts.st_size > kMostOctets)
    return fail(Errc::kCorrupt, fmt::format("{}: no file of at most 256 MiB", path.string()), "remove it");
  std::string text(static_cast<std::size_t>(facts.st_size), '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return broken(path, "read", errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  auto kept = health::parse_kept_health(std::string_view(text).substr(0, size));
  if (!kept) return fail(kept.error().code, fmt::format("{}: {}", path.string(), kept.error().what), kept.error().hint);
  return std::optional(std::move(*kept));
}

Result<void> write_kept_health(const std::filesystem::path& path, const health::KeptHealth& kept) {
  const std::string text = to_text(kept);
  const std::string temporary = path.string() + ".new";
  ::unlink(temporary.c_str());
  Fd file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return broken(temporary, "open", errno);
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t put = ::write(file.get(), text.data() + done, text.size() - done);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) {
      const int error = errno;
      ::unlink(temporary.c_str());
      return broken(temporary, "write", error);
    }
    done += static_cast<std::size_t>(put);
  }
  file.reset();
  if (::rename(temporary.c_str(), path.c_str()) != 0) return broken(path, "rename", errno);
  return {};
}

HealthKeeper::HealthKeeper(std::filesystem::path path, health::Checker& checker, const WallClock& clock, const Log& log)
    : path_(std::move(path)), checker_(checker), clock_(clock), log_(log), thread_([this] { run(); }) {}

HealthKeeper::~HealthKeeper() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void HealthKeeper::run() {
  std::uint64_t written = 0;
  std::chrono::nanoseconds pause = kLook;
  int looks = 0;
  std::unique_lock lock(mutex_);
  for (bool last = false; !last;) {
    wake_.wait_for(lock, pause, [this] { return stopping_; });
    last = stopping_;
    const std::uint64_t transitions = checker_.transitions();
    if (!last && transitions == written && ++looks < kLooksBetween) continue;
    lock.unlock();
    const SteadyTime began = std::chrono::steady_clock::now();
    write();
    pause = std::max<std::chrono::nanoseconds>(kLook, 9 * (std::chrono::steady_clock::now() - began));
    lock.lock();
    written = transitions;
    looks = 0;
  }
}

void HealthKeeper::write() {
  const auto done = write_kept_health(path_, {clock_.wall_now(), checker_.keep()});
  if (!done && !failed_) log_.warn("health.not_kept", {{"error", done.error().what}, {"hint", done.error().hint}});
  failed_ = !done;
}

}  // namespace sdns::daemon
