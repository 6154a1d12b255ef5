// SPDX-License-Identifier: MIT
#include "backend/daemon/app.h"

#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "backend/answer/explainer.h"
#include "backend/answer/line_handler.h"
#include "backend/answer/steering.h"
#include "backend/answer/synthesised_names.h"
#include "backend/daemon/admin.h"
#include "backend/daemon/geo_watch.h"
#include "backend/daemon/health_keeper.h"
#include "backend/daemon/node_link.h"
#include "backend/daemon/publication.h"
#include "backend/daemon/publisher.h"
#include "backend/daemon/reclaimer.h"
#include "backend/daemon/serving_state.h"
#include "backend/daemon/snapshot_keeper.h"
#include "backend/daemon/store_editor.h"
#include "backend/daemon/task_lanes.h"
#include "backend/daemon/version.h"
#include "backend/net/unix_server.h"
#include "backend/purge/control_socket.h"
#include "backend/purge/purger.h"
#include "backend/store/authority.h"

namespace sdns::daemon {
namespace {

// Of the time that the end of the program may take.
constexpr std::chrono::milliseconds kLastSnapshot{4'000};

std::vector<purge::ServerConfig> servers_of(const Config& config) {
  std::vector<purge::ServerConfig> servers;
  for (const PowerDnsConfig& server : config.powerdns)
    servers.push_back({server.name, server.control_socket, server.api_url, server.api_key.reveal()});
  return servers;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : ",") + part;
  return out;
}

// What the former process knew.
health::KeptChecks kept_checks(const std::string& path, const SystemClock& clock, const Log& log) {
  if (path.empty()) return {};
  auto kept = read_kept_health(path);
  if (!kept) {
    log.warn("health.not_restored", {{"error", kept.error().what}, {"hint", kept.error().hint}});
    return {};
  }
  if (!*kept) return {};
  const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(clock.wall_now() - (*kept)->saved);
  log.info("health.restored", {{"checks", (*kept)->checks.size()}, {"age_ms", age.count()}});
  return {std::move((*kept)->checks), clock.now(), age};
}

health::CheckerOptions checker_of(const Config::Health& config, health::KeptChecks kept, std::uint64_t seed) {
  health::CheckerOptions options;
  options.kept = std::move(kept);
  options.book.interval = config.interval;
  options.book.user_agent = config.user_agent;
  options.book.most_in_flight = config.probes_at_once;
  options.book.longest_probe = config.longest_probe;
  options.book.programs = config.programs;
  options.prober.exec_allowed = !config.programs.empty();
  options.book.guard.share_percent = config.guard_percent;
  options.policy.allowed = config.allow;
  options.policy.own = config.own_networks;
  options.policy.private_use = config.private_networks;
  options.seed = seed;
  return options;
}

SharedHealthOptions sharing_of(const Config::Health& config) {
  SharedHealthOptions options;
  options.rule = config.vantage;
  options.most_age = config.vantage_age;
  return options;
}

CheckLimits check_limits_of(const Config::Health& config) {
  CheckLimits limits;
  limits.interval = config.interval;
  limits.of_an_account = config.checks_per_account;
  limits.probes_of_an_account = config.probes_per_account;
  limits.probes_of_a_target = config.probes_per_target;
  return limits;
}

answer::SteeringSettings steering_of(const Config& config) {
  answer::SteeringSettings settings;
  settings.enabled = config.lua.enabled;
  settings.powerdns_may = config.lua.powerdns_evaluates;
  settings.runtime.join = config.lua.join;
  settings.runtime.limits = config.lua.limits;
  settings.full_library = {config.lua.full_library_zones.begin(), config.lua.full_library_zones.end()};
  return settings;
}

}  // namespace

struct App::Impl final : WorkerEvents {
  Impl(Config config, ConfigSource source, WorkerLink& link, const SystemClock& clock, Log& log)
      : running(std::move(config)),
        config_source(std::move(source)),
        link(link),
        clock(clock),
        log(log),
        state(clock),
        reclaimer(metrics),
        zones(nullptr),
        asked(running.engine.thread_count(), running.cache.packet_cache_ttl + running.cache.query_cache_ttl,
              clock.now()),
        purger(log, metrics),
        steering_settings(steering_of(running)),
        health(std::make_shared<const health::HealthTable>()),
        geo(lua::Geo::nowhere()),
        geo_watch(running.geo, geo, log),
        key_file(std::make_shared<const store::KeyFile>(running.database.key_file)),
        editor(running.database.url, state, clock, random, log, key_file),
        background{.tasks = lanes, .editor = editor, .resume = [this](net::ConnectionId id) { server->resume(id); }} {}

  int run();
  Result<void> read_keys();
  Result<void> start_server();
  Result<void> start_checker();
  void start_link();
  void start_publisher();
  void start_snapshots();
  void start_admin();

  void connection(net::ConnectionId id, net::Stream stream, std::uint8_t* busy) override {
    server->adopt(std::move(stream), id, busy);
  }
  void quiesce(std::chrono::milliseconds limit) override;
  void reload() override;
  void orphaned(pid_t powerdns) override;
  bool alive() override { return !server || server->came_round(); }
  void stop(std::chrono::milliseconds limit) override;

  Config running;
  const ConfigSource config_source;
  WorkerLink& link;
  const SystemClock& clock;
  Log& log;
  Metrics metrics;
  ServingState state;
  Reclaimer reclaimer;  // outlives every reader of `zones`
  answer::ZoneSetCell zones;
  purge::AskedNames asked;
  purge::Purger purger;
  const answer::SteeringSettings steering_settings;
  health::HealthCell health;
  lua::GeoCell geo;
  GeoWatch geo_watch;
  answer::SynthesisedNames synthesised;
  std::vector<std::unique_ptr<purge::ToldInbox>> told;  // by answering thread, as the next
  std::vector<std::unique_ptr<answer::Steering>> steering;
  SystemRandom random;
  const store::KeyFilePtr key_file;
  StoreEditor editor;
  TaskLanes lanes;
  const answer::Background background;
  std::unique_ptr<net::UnixServer> server;
  std::unique_ptr<health::Checker> checker;
  std::unique_ptr<HealthKeeper> keeper;
  std::unique_ptr<SharedHealth> shared;
  std::unique_ptr<NodeLink> node_link;
  std::unique_ptr<answer::Rehearsal> rehearsal;  // the publisher's
  std::unique_ptr<Publication> publication;
  std::unique_ptr<Publisher> publisher;
  std::atomic<store::Follower*> follower = nullptr;  // the publisher's
  std::thread publisher_thread;
  std::unique_ptr<SnapshotKeeper> snapshots;
  std::unique_ptr<Admin> admin;
  std::unique_ptr<AdminDoor> admin_door;
  bool quiesced = false;
};

// Now, so that a key file that cannot be used is told by the start and not by the first secret.
Result<void> App::Impl::read_keys() {
  if (!key_file->configured()) return {};
  const auto keys = key_file->keys();
  if (!keys) return fail(keys.error());
  log.info("keys.read", {{"file", key_file->path()},
                         {"keys", (*keys)->keys().size()},
                         {"seals_with", store::seal_id_text((*keys)->first().id())}});
  return {};
}

Result<void> App::Impl::start_server() {
  net::UnixServerOptions options;
  options.threads = running.engine.thread_count();
  options.max_request_octets = running.listen.max_request_octets;
  for (unsigned loop = 0; loop < options.threads; ++loop) {
    told.push_back(std::make_unique<purge::ToldInbox>());
    steering.push_back(std::make_unique<answer::Steering>(answer::Steering::Parts{.settings = steering_settings,
                                                                                  .health = health,
                                                                                  .geo = geo,
                                                                                  .told = told.back().get(),
                                                                                  .clock = clock,
                                                                                  .log = log,
                                                                                  .metrics = metrics,
                                                                                  .seed = random.next()}));
  }
  const auto make_handler = [this](unsigned loop) {
    return std::make_unique<answer::LineHandler>(answer::LineHandler::Parts{.zones = zones,
                                                                            .retire = &Reclaimer::retire_hook,
                                                                            .retire_context = &reclaimer,
                                                                            .asked = &asked.ring(loop),
                                                                            .background = background,
                                                                            .clock = clock,
                                                                            .wall_clock = clock,
                                                                            .log = log,
                                                                            .metrics = metrics,
                                                                            .version = version(),
                                                                            .steering = steering[loop].get(),
                                                                            .synthesised = &synthesised});
  };
  auto started =
      net::UnixServer::start(options, make_handler, log, metrics, [this](net::ConnectionId id) { link.closed(id); });
  if (!started) return fail(std::move(started.error()));
  server = std::move(*started);
  return {};
}

Result<void> App::Impl::start_checker() {
  if (!running.health.probe) {
    log.info("health.off", {{"hint", "health.probe is no: targets are what operators say, and unknown otherwise"}});
    return {};
  }
  auto started = health::Checker::start(
      checker_of(running.health, kept_checks(running.health.state_file, clock, log), random.next()), clock, clock, log,
      metrics);
  if (!started) return fail(std::move(started.error()));
  checker = std::move(*started);
  if (!running.health.state_file.empty())
    keeper = std::make_unique<HealthKeeper>(running.health.state_file, *checker, clock, log);
  rehearsal = std::make_unique<answer::Rehearsal>(answer::Rehearsal::Parts{
      .settings = steering_settings, .health = health, .geo = geo, .clock = clock, .seed = random.next()});
  return {};
}

void App::Impl::start_link() {
  if (checker)
    shared = std::make_unique<SharedHealth>(
        sharing_of(running.health), [this](const health::Transition& transition) { checker->record(transition); },
        clock, clock, log, metrics);
  // What is published and not purged is not what resolvers get.
  const auto applied = [this]() -> std::optional<zone::Revision> {
    const ServingState::View view = state.view();
    if (!view.ready || view.database == DatabaseState::kDiverged) return std::nullopt;
    return std::min(view.revision, purger.purged());
  };
  NodeLinkOptions options;
  options.url = running.database.url;
  options.name = running.node.name;
  options.version = version();
  options.max_stale = running.node.max_stale;
  node_link = std::make_unique<NodeLink>(std::move(options),
                                         NodeLink::Parts{.applied = applied,
                                                         .database_id = [this] { return state.view().database_id; },
                                                         .shared = shared.get(),
                                                         .clock = clock,
                                                         .wall_clock = clock,
                                                         .log = log,
                                                         .metrics = metrics});
  if (shared) shared->on_news = [this] { node_link->wake(); };
  node_link->start();
}

void App::Impl::start_publisher() {
  std::vector<purge::ToldInbox*> inboxes;
  for (const auto& inbox : told) inboxes.push_back(inbox.get());
  publication = std::make_unique<Publication>(
      Publication::Parts{.asked = asked,
                         .purger = purger,
                         .reclaimer = reclaimer,
                         .zones = zones,
                         .health = health,
                         .checker = checker.get(),
                         .shared = shared.get(),
                         .rehearsal = rehearsal.get(),
                         .geo = geo,
                         .told = std::move(inboxes),
                         .cache_life = running.cache.packet_cache_ttl + running.cache.query_cache_ttl,
                         .check_limits = check_limits_of(running.health),
                         .clock = clock,
                         .wall_clock = clock,
                         .log = log});
  publication->set_servers(servers_of(running));
  publication->on_published = [this] { server->nudge(); };
  publication->on_first = [this](const zone::ZoneSet& set) {
    server->retry_deferred();
    link.ready();
    link.status(fmt::format("serving {} zones", set.size()));
    log.info("daemon.ready", {{"revision", set.revision()}, {"zones", set.size()}});
  };
  const auto open = [this, url = running.database.url, keys = key_file,
                     seed = random.next()]() -> Result<std::unique_ptr<zone::Source>> {
    auto opened = store::open_follower(url, keys, seed);
    if (!opened) return fail(std::move(opened.error()));
    follower.store(opened->get());  // the publisher keeps it to its end
    return std::move(*opened);
  };
  publisher = std::make_unique<Publisher>(open, zones, state, *publication, clock, log, metrics);
  publisher->set_target_pools(running.target_pools);
  if (!running.snapshot.file.empty())
    publisher->set_restore(
        [this, config = running.snapshot](zone::ZoneSetBuilder& builder, const std::string& database_id) {
          const unsigned threads = std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
          return restore_snapshot({config, *key_file, threads, clock, log}, builder, database_id);
        });
  publisher_thread = std::thread([this] { publisher->run(); });
}

void App::Impl::start_snapshots() {
  if (running.snapshot.file.empty()) return;
  snapshots = std::make_unique<SnapshotKeeper>(running.snapshot, SnapshotKeeper::Parts{.zones = zones,
                                                                                       .state = state,
                                                                                       .reclaimer = reclaimer,
                                                                                       .key_file = key_file,
                                                                                       .wall = clock,
                                                                                       .log = log,
                                                                                       .metrics = metrics});
}

void App::Impl::start_admin() {
  if (!running.admin.endpoint) return;
  admin = std::make_unique<Admin>(AdminSources{
      .state = state,
      .metrics = metrics,
      .clock = clock,
      .wall_clock = clock,
      .purged = [this] { return purger.purged(); },
      .wait_purged = [this](zone::Revision revision,
                            std::chrono::milliseconds limit) { return purger.wait_purged(revision, limit); },
      .purged_health = [this] { return purger.purged_health(); },
      .powerdns = [this] { return purger.status(); },
      .connections = [this] { return server->connections(); },
      .zones = [this] { return zones.load(); },
      .health = [this] { return health.load(); },
      .checks =
          [this](std::string_view part) {
            return checker ? checker->report(part) : std::vector<health::CheckReport>();
          },
      .history = checker ? &checker->history() : nullptr,
      .shared = shared.get(),
      .node = running.node.name,
      .metrics_per_check = running.health.metrics_per_check,
      .explain =
          [this](const answer::ExplainQuestion& question, zone::ZoneSetPtr set) {
            SystemRandom chance;  // the app's own is not for several threads
            return answer::explain(question, {.zones = std::move(set),
                                              .health = health.load(),
                                              .geo = geo.load(),
                                              .settings = steering_settings,
                                              .clock = clock,
                                              .seed = chance.next()});
          }});
  admin_door = std::make_unique<AdminDoor>(*running.admin.endpoint, admin->routes(), log);
}

int App::Impl::run() {
  // Else each of the many threads keeps what it once took. Those that answer hardly allocate.
  ::mallopt(M_ARENA_MAX, static_cast<int>(std::max(2U, running.engine.thread_count() / 2)));
  log.info("daemon.starting", {{"version", version()}, {"threads", running.engine.thread_count()}});
  if (running.powerdns.empty())
    log.warn("purge.unconfigured", {{"hint",
                                     "no [[powerdns]] is configured: a PowerDNS in front answers from its caches "
                                     "until they expire"}});
  auto started = read_keys();
  if (started) started = start_server();
  if (started) started = start_checker();
  if (!started) {
    log.error("daemon.failed", {{"error", started.error().what}, {"hint", started.error().hint}});
    return 1;
  }
  start_link();
  start_publisher();
  start_snapshots();
  start_admin();
  const auto ended = link.run(*this);

  state.interrupt();
  editor.stop_waiting();
  lanes.stop();  // its tasks know the server's handlers
  if (admin_door) admin_door->close();
  publisher->stop();
  if (store::Follower* following = follower.load()) following->interrupt();  // it may be reading from far away
  publisher_thread.join();
  if (snapshots) snapshots->finish(kLastSnapshot);
  snapshots.reset();
  admin_door.reset();
  node_link.reset();
  server->stop();
  if (!ended) {
    log.error("daemon.failed", {{"error", ended.error().what}, {"hint", ended.error().hint}});
    return 1;
  }
  log.info("daemon.stopped", {{"revision", state.view().revision}});
  return 0;
}

void App::Impl::quiesce(std::chrono::milliseconds limit) {
  quiesced = true;
  // The next worker takes the address over. Following and purging go on until stop(): what this worker answers now may
  // still come to lie in a cache.
  state.interrupt();
  keeper.reset();  // the files are the next worker's
  node_link->fall_silent();
  if (admin_door) admin_door->close();
  server->quiesce(limit, [this] { link.released(); });
  snapshots.reset();  // last: it may wait for a disk
}

void App::Impl::stop(std::chrono::milliseconds limit) {
  if (quiesced) return link.finish();
  quiesced = true;
  state.interrupt();
  // Half of the limit is left for the other parts to end.
  server->quiesce(limit / 2, [this] { link.finish(); });
}

void App::Impl::reload() {
  auto loaded = load_config(config_source);
  if (!loaded) {
    for (const Problem& problem : loaded.error().problems)
      log.error("config.rejected", {{"file", loaded.error().source},
                                    {"key", problem.where},
                                    {"error", problem.what},
                                    {"hint", "the running configuration stays in force"}});
    return link.reloaded();
  }
  for (const Problem& warning : loaded->warnings)
    log.warn("config.suspicious", {{"key", warning.where}, {"error", warning.what}});
  const Config& next = loaded->config;
  if (const auto keys = needs_restart(running, next); !keys.empty())
    log.warn("config.needs_restart", {{"keys", joined(keys)},
                                      {"hint",
                                       "these keep their former value; send SIGUSR2 for a hot restart, and restart "
                                       "the service for listen.*"}});
  const bool servers_changed = running.powerdns != next.powerdns;
  running.log.level = next.log.level;
  const bool pools_changed = running.target_pools != next.target_pools;
  running.powerdns = next.powerdns;
  running.target_pools = next.target_pools;
  log.set_level(next.log.level);
  if (servers_changed) publication->set_servers(servers_of(running));
  if (pools_changed) publisher->set_target_pools(running.target_pools);
  log.info("config.reloaded",
           {{"file", loaded->file}, {"powerdns_changed", servers_changed}, {"target_pools_changed", pools_changed}});
  link.reloaded();
}

void App::Impl::orphaned(pid_t powerdns) {
  std::vector<PowerDnsConfig> ours;
  for (const PowerDnsConfig& one : running.powerdns)
    if (one.quit_orphaned && !one.control_socket.empty()) ours.push_back(one);
  lanes.run(answer::TaskRunner::Lane::kNotes, [this, powerdns, ours = std::move(ours)] {
    for (const PowerDnsConfig& one : ours) {
      const auto quit = purge::ControlSocket(one.control_socket).quit(powerdns);
      if (quit && *quit) return log.warn("powerdns.quit", {{"powerdns", one.name}, {"pid", powerdns}});
    }
    log.error("powerdns.orphaned",
              {{"pid", powerdns},
               {"hint", "restart this pdns_server, or set powerdns.quit_orphaned where its supervisor does"}});
  });
}

App::App(Config config, ConfigSource source, WorkerLink& link, const SystemClock& clock, Log& log)
    : impl_(new Impl(std::move(config), std::move(source), link, clock, log)) {}
App::~App() = default;
int App::run() { return impl_->run(); }

}  // namespace sdns::daemon
