// SPDX-License-Identifier: MIT
// The command line of sovereign-dnsd.
#pragma once

#include <optional>
#include <string>
#include <tl/expected.hpp>

namespace sdns::daemon {

struct Options {
  enum class Do { kRun, kCheckConfig, kPrintConfig, kVersion };
  Do what = Do::kRun;
  std::optional<std::string> config;
  std::optional<std::string> log_format;
  bool worker = false;  ///< started by the holder
};

/// How the program ends before it has begun: --help, or a usage error.
struct Usage {
  int exit_status = 0;
  std::string text;
};

tl::expected<Options, Usage> parse_options(int argc, const char* const* argv);

}  // namespace sdns::daemon
