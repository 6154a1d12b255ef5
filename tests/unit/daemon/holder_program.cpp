// SPDX-License-Identifier: MIT
// A holder with a worker that echoes lines, for holder_test. What is wrong with a worker is told by files in a
// directory: crash, give_up, never_ready, hog (uses up all descriptors but five), hang_in_quiesce, and gate (a FIFO:
// ready once somebody has opened it for writing).
//   holder_program DIRECTORY SOCKET [key=value...]     holder_program --worker DIRECTORY
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "backend/base/log.h"
#include "backend/base/metrics.h"
#include "backend/daemon/holder.h"
#include "backend/daemon/worker_link.h"
#include "backend/net/unix_server.h"

namespace sdns {
namespace {

using std::chrono::milliseconds;

std::atomic<int> reloads{0};

class Echo final : public net::LineHandler {
 public:
  net::Outcome handle(net::ConnectionId, std::string_view line, std::string& reply) override {
    if (line == "pid") reply += std::to_string(::getpid());
    else if (line == "hang") ::pause();
    else if (line == "reloads") reply += std::to_string(reloads);
    else reply += line;
    reply += '\n';
    return net::Outcome::kReply;
  }
};

class Worker final : public daemon::WorkerEvents {
 public:
  Worker(std::string directory, daemon::WorkerLink& link, net::UnixServer& server, const Log& log)
      : directory_(std::move(directory)), link_(link), server_(server), log_(log) {}

  void connection(net::ConnectionId id, net::Stream stream, std::uint8_t* busy) override {
    server_.adopt(std::move(stream), id, busy);
  }
  void quiesce(milliseconds limit) override {
    if (std::filesystem::exists(directory_ + "/hang_in_quiesce")) return;
    server_.quiesce(limit, [this] { link_.released(); });
  }
  void reload() override {
    ++reloads;
    link_.reloaded();
  }
  void orphaned(pid_t powerdns) override { log_.warn("test.orphaned", {{"powerdns", powerdns}}); }
  bool alive() override { return server_.came_round(); }
  void stop(milliseconds limit) override {
    server_.quiesce(limit / 2, [this] { link_.finish(); });
  }

 private:
  std::string directory_;
  daemon::WorkerLink& link_;
  net::UnixServer& server_;
  const Log& log_;
};

int run_worker(const std::string& directory, const Log& log) {
  const auto has = [&](const char* fault) { return std::filesystem::exists(directory + "/" + fault); };
  if (has("crash")) return 1;
  if (has("give_up")) return daemon::kExitGiveUp;
  auto link = daemon::WorkerLink::from_environment(log);
  if (!link) {
    log.error("test.worker", {{"reason", to_text(link.error())}});
    return 2;
  }
  Metrics metrics;
  auto server = net::UnixServer::start(
      {.threads = 1}, [](unsigned) { return std::make_unique<Echo>(); }, log, metrics,
      [&link](net::ConnectionId id) { (*link)->closed(id); });
  if (!server) return 2;
  if (has("gate")) {
    std::thread([&link, gate = directory + "/gate"] {
      Fd(::open(gate.c_str(), O_RDONLY | O_CLOEXEC)).reset();  // closed before ready: the next gate is another's
      (*link)->ready();
    }).detach();
  } else if (!has("never_ready")) {
    (*link)->ready();
  }
  std::vector<Fd> hog;
  if (has("hog")) {
    for (int fd; (fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;) hog.emplace_back(fd);
    for (int i = 0; i < 5; ++i) hog.pop_back();
  }
  Worker worker(directory, **link, **server, log);
  const auto ended = (*link)->run(worker);
  (*server)->stop();
  return ended ? 0 : 3;
}

int run_holder(char** argv, const SystemClock& clock, const Log& log) {
  daemon::HolderOptions options;
  options.socket_path = argv[2];
  for (char** argument = argv + 3; *argument; ++argument) {
    const std::string text(*argument);
    const auto equals = text.find('=');
    const std::string key = text.substr(0, equals);
    const std::string value = text.substr(equals + 1);
    const milliseconds ms(std::atoll(value.c_str()));
    if (key == "mode") options.socket_mode = static_cast<mode_t>(std::stoul(value, nullptr, 8));
    if (key == "group") options.socket_group = static_cast<gid_t>(std::stoul(value));
    if (key == "max_connections") options.max_connections = std::stoul(value);
    if (key == "allow") options.allowed_uids.push_back(static_cast<uid_t>(std::stoul(value)));
    if (key == "pipe_socket") options.pipe_socket_path = value;
    if (key == "hung_after") options.hung_after = ms;
    if (key == "helper_grace") options.helper_grace = ms;
    if (key == "ready_limit") options.ready_limit = ms;
    if (key == "quiesce_limit") options.quiesce_limit = ms;
    if (key == "kill_after") options.kill_after = ms;
    if (key == "steady_after") options.steady_after = ms;
    if (key == "backoff_most") options.backoff_most = ms;
  }
  auto program = daemon::own_program(argv[0]);
  if (!program) return 2;
  options.worker_argv = {*program, "--worker", argv[1]};
  auto holder = daemon::Holder::create(std::move(options), clock, log);
  if (!holder) {
    log.error("test.holder", {{"reason", to_text(holder.error())}});
    return 2;
  }
  return (*holder)->run();
}

}  // namespace
}  // namespace sdns

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const sdns::SystemClock clock;
  const sdns::Log log(clock, sdns::LogLevel::kInfo, sdns::LogFormat::kText);
  return std::string(argv[1]) == "--worker" ? sdns::run_worker(argv[2], log) : sdns::run_holder(argv, clock, log);
}
