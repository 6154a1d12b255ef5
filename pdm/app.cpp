// SPDX-License-Identifier: MIT
#include "pdm/app.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <memory>
#include <utility>

#include "backend/net/api_server.h"
#include "backend/store/key_file.h"
#include "pdm/api.h"
#include "pdm/bootstrap.h"

namespace sdns::pdm {
namespace {

constexpr std::chrono::milliseconds kBusyLimit{5000};

// Keys and tokens are in memory: no core dumps (P9). Slow clients cost descriptors.
void harden() {
  ::prctl(PR_SET_DUMPABLE, 0);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
}

sigset_t ending_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

int App::run() {
  harden();
  // Blocked before the first thread: only the wait at the end takes them.
  const sigset_t signals = ending_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  if (auto done = serve(); !done) {
    log_.error("pdm.failed", {{"error", done.error().what}, {"hint", done.error().hint}});
    return 1;
  }
  return 0;
}

Result<void> App::serve() {
  auto key = TokenKey::read_or_create(config_.token_key_file);
  if (!key) return fail(std::move(key.error()));
  auto reserved = ReservedNames::with(config_.reserved_names);
  if (!reserved) return fail(std::move(reserved.error()));
  SystemRandom random;
  std::mutex random_mutex;
  const auto key_file = std::make_shared<const store::KeyFile>(config_.key_file);
  if (key_file->configured())
    if (const auto keys = key_file->keys(); !keys) return fail(keys.error());
  const OpenAuthority open = [&]() {
    std::lock_guard lock(random_mutex);
    return store::open_authority(config_.database_url, store::OpenMode::kExisting, clock_, random, kBusyLimit,
                                 key_file);
  };
  std::string database_id;
  {
    auto authority = store::open_authority(config_.database_url, store::OpenMode::kCreateIfMissing, clock_, random,
                                           kBusyLimit, key_file);
    if (!authority) return fail(std::move(authority.error()));
    auto identity = (*authority)->identity();
    if (!identity) return fail(std::move(identity.error()));
    database_id = identity->database_id;
    if (auto done = prepare_pool_domains(**authority, config_.settings, log_); !done) return done;
  }

  Metrics metrics;
  const Allocations allocations(config_.settings, *key, fmt::format("pdm-{:016x}", random.next()));
  Readers readers(open);
  Writer writer(open, log_, metrics);
  Auth auth(config_.auth, readers, clock_, clock_);
  Acknowledger acknowledger(std::make_unique<LocalDaemon>(config_.node_admin, database_id), clock_,
                            config_.served_limit);
  TaskRunner tasks(allocations, writer, readers, std::make_unique<LocalDaemon>(config_.node_admin, database_id), clock_,
                   log_, metrics, {.sweep_every = config_.sweeper_interval});
  Api api({allocations, *reserved, auth, writer, readers, acknowledger, [&tasks] { tasks.wake(); },
           config_.force_release_grace, log_, metrics});

  std::vector<std::unique_ptr<net::ApiServer>> servers;
  net::ApiServerOptions options;
  options.max_connections = config_.listen.max_connections;
  options.max_body_octets = config_.listen.max_body_octets;
  options.request_limit = config_.listen.request_limit;
  const auto listen = [&](const net::ApiServerOptions& where) -> Result<void> {
    auto server = net::ApiServer::start(
        where,
        [&api](net::ApiRequest&& request, net::ApiAnswer answer) { api.take(std::move(request), std::move(answer)); },
        &Api::error_body);
    if (!server) return fail(std::move(server.error()));
    log_.info("pdm.listening",
              {{"address", where.unix_socket.empty() ? fmt::format("{} port {}", where.host, (*server)->port())
                                                     : where.unix_socket}});
    servers.push_back(std::move(*server));
    return {};
  };
  if (!config_.listen.host.empty()) {
    options.host = config_.listen.host;
    options.port = config_.listen.port;
    options.tls_certificate = config_.listen.tls_certificate;
    options.tls_key = config_.listen.tls_key.reveal();
    if (auto done = listen(options); !done) return done;
  }
  if (!config_.listen.unix_socket.empty()) {
    options.tls_certificate.clear();
    options.tls_key.clear();
    options.unix_socket = config_.listen.unix_socket;
    options.unix_mode = config_.listen.unix_mode;
    if (auto done = listen(options); !done) return done;
  }

  const sigset_t signals = ending_signals();
  int taken = 0;
  ::sigwait(&signals, &taken);
  log_.info("pdm.ending", {{"signal", taken}});
  for (const auto& server : servers) server->stop();
  return {};
}

}  // namespace sdns::pdm
