// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <thread>

#include "backend/ctl/run.h"
#include "backend/daemon/harden.h"

namespace {

/// A pipe whose other end is closed: whoever read it has seen enough.
bool reader_went_away() {
  pollfd standard_output{1, POLLOUT, 0};
  return ::poll(&standard_output, 1, 0) == 1 && (standard_output.revents & POLLERR) != 0;
}

/// Descriptors 0 to 2 that the caller has closed become ones that cannot be written, so that no file or socket that is
/// opened later gets what is meant for people.
void occupy_standard_descriptors() {
  int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  while (fd >= 0 && fd <= 2) fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (fd >= 0) ::close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  occupy_standard_descriptors();
  sdns::daemon::forbid_core_dumps();  // private keys pass through
  // A reader that goes away (`| head`) is seen as a failed write.
  std::signal(SIGPIPE, SIG_IGN);
  std::ios::sync_with_stdio(false);
  try {
    const sdns::SystemClock clock;
    sdns::SystemRandom random;
    sdns::ctl::Environment environment{clock, random,
                                       [](const std::string& name) -> std::optional<std::string> {
                                         const char* value = std::getenv(name.c_str());
                                         return value == nullptr ? std::nullopt : std::optional<std::string>(value);
                                       },
                                       sdns::ctl::connect_daemon,
                                       [](std::chrono::milliseconds time) { std::this_thread::sleep_for(time); }};
    environment.steady = &clock;
    const int code = sdns::ctl::run({argv + 1, argv + argc}, std::cout, std::cerr, environment);
    std::cout.flush();
    if (!std::cout && !reader_went_away()) {
      std::cerr << "sdnsctl: standard output could not be written to the end\n";
      return code == 0 ? 1 : code;
    }
    return code;
  } catch (const std::exception& error) {
    std::cerr << "sdnsctl: internal error: " << error.what() << '\n';
    return 1;
  }
}
