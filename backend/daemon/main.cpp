// SPDX-License-Identifier: MIT
// sovereign-dnsd: the holder, or, started by it, the worker.
#include <fmt/format.h>
#include <grp.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <utility>

#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/daemon/app.h"
#include "backend/daemon/config.h"
#include "backend/daemon/holder.h"
#include "backend/daemon/options.h"
#include "backend/daemon/start_check.h"
#include "backend/daemon/version.h"
#include "backend/daemon/worker_link.h"

namespace sdns::daemon {
namespace {

constexpr const char* kProgram = "sovereign-dnsd";

void say_warnings(const std::vector<Problem>& warnings) {
  for (const Problem& warning : warnings)
    fmt::print(stderr, "{}: warning: {} {}\n", kProgram, warning.where, warning.what);
}

std::optional<gid_t> group_id(const std::string& group) {
  if (group.empty()) return std::nullopt;
  if (const struct group* entry = ::getgrnam(group.c_str())) return entry->gr_gid;
  return static_cast<gid_t>(std::stoul(group));  // the configuration was checked: a group or a number
}

int fail_with(const Log& log, const Error& error) {
  log.error("daemon.failed", {{"error", error.what}, {"hint", error.hint}});
  return 1;
}

int run_holder(const char* argv0, const Options& options, const Config& config, const Clock& clock, const Log& log) {
  auto program = own_program(argv0);
  if (!program) return fail_with(log, program.error());
  HolderOptions holder_options;
  holder_options.socket_path = config.listen.socket;
  holder_options.pipe_socket_path = config.listen.pipe_socket;
  holder_options.hung_after = config.listen.hung_after;
  holder_options.socket_mode = config.listen.mode;
  holder_options.socket_group = group_id(config.listen.group);
  holder_options.allowed_uids.assign(config.listen.peer_uids.begin(), config.listen.peer_uids.end());
  holder_options.max_connections = config.listen.max_connections;
  holder_options.worker_argv = {*program, "--worker"};
  if (options.config)
    holder_options.worker_argv.insert(holder_options.worker_argv.end(), {"--config", *options.config});
  if (options.log_format)
    holder_options.worker_argv.insert(holder_options.worker_argv.end(), {"--log-format", *options.log_format});
  auto holder = Holder::create(std::move(holder_options), clock, log);
  if (!holder) return fail_with(log, holder.error());
  return (*holder)->run();
}

int run(int argc, char** argv) {
  auto options = parse_options(argc, argv);
  if (!options) {
    fmt::print(options.error().exit_status == 0 ? stdout : stderr, "{}", options.error().text);
    return options.error().exit_status;
  }
  if (options->what == Options::Do::kVersion) {
    fmt::print("{} {}\n", kProgram, version());
    return 0;
  }

  ConfigSource source;
  source.file = options->config;
  source.environment = process_environment();
  source.log_format = options->log_format;
  source.binds = !options->worker && std::getenv("LISTEN_FDS") == nullptr;
  auto loaded = load_config(source);
  if (!loaded) {
    fmt::print(stderr, "{}", loaded.error().text(kProgram, "nothing was started"));
    return kExitGiveUp;
  }
  if (!options->worker) say_warnings(loaded->warnings);
  if (options->what == Options::Do::kPrintConfig) {
    fmt::print("{}", print_config(*loaded));
    return 0;
  }
  // A worker that takes over from another serves what there is, and says so: see Publisher.
  if (!options->worker) {
    StartCheck check = check_start(*loaded);
    say_warnings(check.warnings);
    if (!check.problems.empty()) {
      const ConfigProblems problems{loaded->file, std::move(check.problems)};
      fmt::print(stderr, "{}", problems.text(kProgram, "nothing was started"));
      return kExitGiveUp;
    }
  }
  if (options->what == Options::Do::kCheckConfig) {
    fmt::print("{}: {} is complete and correct\n", kProgram, loaded->file.empty() ? "the configuration" : loaded->file);
    return 0;
  }

  const SystemClock clock;
  Log log(clock, loaded->config.log.level, loaded->config.log.format);
  if (!options->worker) return run_holder(argv[0], *options, loaded->config, clock, log);
  auto link = WorkerLink::from_environment(log);
  if (!link) return fail_with(log, link.error());
  return App(std::move(loaded->config), std::move(source), **link, clock, log).run();
}

}  // namespace
}  // namespace sdns::daemon

int main(int argc, char** argv) {
  try {
    return sdns::daemon::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sovereign-dnsd: internal error: %s\n", error.what());
    return 70;
  }
}
