// SPDX-License-Identifier: MIT
// sovereign-pdm
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <utility>

#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/daemon/version.h"
#include "pdm/app.h"
#include "pdm/config.h"
#include "pdm/options.h"

namespace sdns::pdm {
namespace {

constexpr const char* kProgram = "sovereign-pdm";
constexpr int kExitConfig = 78;  // sysexits.h: EX_CONFIG

daemon::Environment whole_environment() {
  daemon::Environment all;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals != text.npos) all.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return all;
}

int run(int argc, char** argv) {
  auto options = parse_options(argc, argv);
  if (!options) {
    fmt::print(options.error().exit_status == 0 ? stdout : stderr, "{}", options.error().text);
    return options.error().exit_status;
  }
  if (options->what == Options::Do::kVersion) {
    fmt::print("{} {}\n", kProgram, daemon::version());
    return 0;
  }
  auto loaded = load_config({options->config, whole_environment()});
  if (!loaded) {
    fmt::print(stderr, "{}", loaded.error().text(kProgram, "nothing was started"));
    return kExitConfig;
  }
  if (options->what == Options::Do::kPrintConfig) {
    daemon::LoadedConfig shown;
    shown.settings = loaded->settings;
    fmt::print("{}", daemon::print_config(shown));
    return 0;
  }
  if (options->what == Options::Do::kCheckConfig) {
    fmt::print("{}: {} is complete and correct\n", kProgram, loaded->file.empty() ? "the configuration" : loaded->file);
    return 0;
  }
  const SystemClock clock;
  const Log log(clock, loaded->config.log_level, loaded->config.log_format);
  return App(std::move(loaded->config), clock, log).run();
}

}  // namespace
}  // namespace sdns::pdm

int main(int argc, char** argv) {
  try {
    return sdns::pdm::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sovereign-pdm: internal error: %s\n", error.what());
    return 70;
  }
}
