// SPDX-License-Identifier: MIT
// The command line of sovereign-pdm.
#pragma once

#include <optional>
#include <string>
#include <tl/expected.hpp>

namespace sdns::pdm {

struct Options {
  enum class Do { kRun, kCheckConfig, kPrintConfig, kVersion };
  Do what = Do::kRun;
  std::optional<std::string> config;
};
struct Usage {
  int exit_status;
  std::string text;
};
tl::expected<Options, Usage> parse_options(int argc, const char* const* argv);

}  // namespace sdns::pdm
