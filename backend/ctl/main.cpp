// SPDX-License-Identifier: MIT
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>

#include "backend/ctl/run.h"

int main(int argc, char** argv) {
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
                                       sdns::ctl::connect_daemon};
    const int code = sdns::ctl::run({argv + 1, argv + argc}, std::cout, std::cerr, environment);
    errno = 0;
    std::cout.flush();
    if (!std::cout && errno != EPIPE && errno != 0) {
      std::cerr << "sdnsctl: standard output cannot be written: " << std::strerror(errno) << '\n';
      return code == 0 ? 1 : code;
    }
    return code;
  } catch (const std::exception& error) {
    std::cerr << "sdnsctl: internal error: " << error.what() << '\n';
    return 1;
  }
}
