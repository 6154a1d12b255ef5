// SPDX-License-Identifier: MIT
#include "pdm/options.h"

#include <CLI/CLI.hpp>
#include <sstream>

namespace sdns::pdm {

tl::expected<Options, Usage> parse_options(int argc, const char* const* argv) {
  constexpr int kUsageStatus = 2;
  Options options;
  bool check = false;
  bool print = false;
  bool show_version = false;
  CLI::App app("Gives out subdomains of pool domains as signed, delegated zones.", "sovereign-pdm");
  app.add_option("--config", options.config, "Configuration file (default: /etc/sovereign-dns/pdm.toml, if it exists)")
      ->type_name("FILE");
  auto* check_flag = app.add_flag("--check-config", check, "Say what is wrong with the configuration, then end");
  auto* print_flag = app.add_flag("--print-config", print, "Show every setting and where it comes from, then end");
  auto* version_flag = app.add_flag("--version", show_version, "Show the version, then end");
  check_flag->excludes(print_flag)->excludes(version_flag);
  print_flag->excludes(version_flag);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    const int status = app.exit(error, out, out);
    return tl::unexpected(Usage{status == 0 ? 0 : kUsageStatus, out.str()});
  }
  if (check) options.what = Options::Do::kCheckConfig;
  if (print) options.what = Options::Do::kPrintConfig;
  if (show_version) options.what = Options::Do::kVersion;
  return options;
}

}  // namespace sdns::pdm
