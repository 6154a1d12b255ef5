// SPDX-License-Identifier: MIT
// A log whose lines a test can read.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "backend/base/log.h"
#include "backend/base/owned.h"
#include "tests/support/manual_clock.h"

namespace sdns::test {

class LogCapture {
 public:
  [[nodiscard]] Log& log() { return log_; }
  [[nodiscard]] std::string text() const {
    std::string out(static_cast<std::size_t>(::lseek(fd_.get(), 0, SEEK_END)), '\0');
    const ssize_t got = ::pread(fd_.get(), out.data(), out.size(), 0);
    out.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return out;
  }
  /// How many lines are of this event.
  [[nodiscard]] std::size_t count(const std::string& event) const {
    const std::string all = text();
    const std::string wanted = " event=" + event + " ";
    std::size_t found = 0;
    for (std::size_t at = all.find(wanted); at != std::string::npos; at = all.find(wanted, at + 1)) ++found;
    return found;
  }

 private:
  ManualWallClock clock_;
  Fd fd_{::memfd_create("log", MFD_CLOEXEC)};
  Log log_{clock_, LogLevel::kDebug, LogFormat::kText, fd_.get()};
};

}  // namespace sdns::test
