// SPDX-License-Identifier: MIT
#include "tests/support/postgres_cluster.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <vector>

namespace sdns::test {
namespace {

[[noreturn]] void die(const std::string& why) {
  std::fprintf(stderr, "PostgreSQL for tests: %s\n", why.c_str());
  std::abort();
}

// The newest that Debian's packages have installed.
std::string program(const std::string& name) {
  std::vector<std::filesystem::path> found;
  std::error_code none;
  for (const auto& version : std::filesystem::directory_iterator("/usr/lib/postgresql", none))
    if (std::filesystem::exists(version.path() / "bin" / name)) found.push_back(version.path() / "bin" / name);
  if (found.empty())
    die(name +
        " is missing: install postgresql-15 (deploy/packages.txt), or leave the test out by --without=postgresql");
  return *std::max_element(found.begin(), found.end());
}

// PostgreSQL refuses to run as root.
pid_t run_as_postgres(const std::vector<std::string>& command, const std::string& log) {
  const passwd* user = ::geteuid() == 0 ? ::getpwnam("postgres") : nullptr;
  const pid_t child = ::fork();
  if (child != 0) return child;
  if (user != nullptr && (::setgid(user->pw_gid) != 0 || ::setuid(user->pw_uid) != 0)) ::_exit(126);
  ::prctl(PR_SET_PDEATHSIG, SIGQUIT);  // to PostgreSQL: stop at once
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  ::dup2(out, 1);
  ::dup2(out, 2);
  std::vector<char*> arguments;
  for (const std::string& one : command) arguments.push_back(const_cast<char*>(one.c_str()));
  arguments.push_back(nullptr);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

void run_to_end(const std::vector<std::string>& command, const std::string& log) {
  int status = 0;
  ::waitpid(run_as_postgres(command, log), &status, 0);
  if (status == 0) return;
  std::ifstream said(log);
  die(command[0] + " failed: " + std::string(std::istreambuf_iterator<char>(said), {}));
}

using Connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;
Connection connect(const std::string& url) {
  Connection connection(PQconnectdb(url.c_str()), &PQfinish);
  PQsetNoticeReceiver(
      connection.get(), [](void*, const PGresult*) {}, nullptr);
  return connection;
}

}  // namespace

PostgresCluster& PostgresCluster::instance() {
  static PostgresCluster cluster;
  return cluster;
}

PostgresCluster::PostgresCluster() {
  std::filesystem::create_directory(dir_ / "run");
  if (::geteuid() == 0) {
    const passwd* user = ::getpwnam("postgres");
    if (user == nullptr) die("there is no user postgres: install postgresql-15");
    for (const auto& path : {dir_.path(), dir_ / "run"})
      if (::chown(path.c_str(), user->pw_uid, user->pw_gid) != 0) die("chown failed");
  }
  run_to_end({program("initdb"), "-D", (dir_ / "data").string(), "-A", "trust", "-U", "postgres", "-E", "UTF8",
              "--locale=C", "--no-sync", "--no-instructions"},
             (dir_ / "initdb.log").string());
  start();
}

PostgresCluster::~PostgresCluster() {
  for (const auto& [mode, pooler] : poolers_) {
    ::kill(pooler, SIGKILL);
    ::waitpid(pooler, nullptr, 0);
  }
  stop_immediately();
}

std::string PostgresCluster::pooled_url(const std::string& mode, std::string_view database) {
  const std::filesystem::path directory = dir_ / ("pooler-" + mode);
  const std::string url = "postgresql:///" + std::string(database) + "?user=postgres&host=" + directory.string();
  if (poolers_.contains(mode)) return url;
  std::filesystem::create_directory(directory);
  std::ofstream(directory / "pgbouncer.ini")
      << "[databases]\n* = host=" << (dir_ / "run").string() << " user=postgres\n[pgbouncer]\npool_mode = " << mode
      << "\nauth_type = any\nunix_socket_dir = " << directory.string()
      << "\nlisten_port = 5432\ndefault_pool_size = 4\nlogfile = " << (directory / "log").string() << "\n";
  const passwd* user = ::geteuid() == 0 ? ::getpwnam("postgres") : nullptr;
  if (user != nullptr && ::chown(directory.c_str(), user->pw_uid, user->pw_gid) != 0) die("chown failed");
  if (!std::filesystem::exists("/usr/sbin/pgbouncer")) die("install pgbouncer (deploy/packages.txt)");
  const pid_t pooler =
      run_as_postgres({"/usr/sbin/pgbouncer", (directory / "pgbouncer.ini").string()}, (directory / "output").string());
  poolers_[mode] = pooler;
  for (;;) {
    if (std::filesystem::exists(directory / ".s.PGSQL.5432")) return url;
    int status = 0;
    if (::waitpid(pooler, &status, WNOHANG) == pooler) die("pgbouncer ended: see " + directory.string());
    ::usleep(10'000);
  }
}

void PostgresCluster::start() {
  // The tests are about what is asked of PostgreSQL, not about its disk.
  server_ = run_as_postgres({program("postgres"), "-D", (dir_ / "data").string(), "-c", "listen_addresses=", "-c",
                             "unix_socket_directories=" + (dir_ / "run").string(), "-c", "fsync=off", "-c",
                             "shared_buffers=32MB", "-c", "max_connections=80", "-c", "deadlock_timeout=100ms"},
                            (dir_ / "postgres.log").string());
  for (;;) {
    if (PQstatus(connect(url("postgres")).get()) == CONNECTION_OK) return;
    int status = 0;
    if (::waitpid(server_, &status, WNOHANG) == server_)
      die("the server ended: see " + (dir_ / "postgres.log").string());
    ::usleep(10'000);
  }
}

void PostgresCluster::stop_immediately() {
  if (server_ < 0) return;
  ::kill(server_, SIGQUIT);
  ::waitpid(server_, nullptr, 0);
  server_ = -1;
}

std::string PostgresCluster::url(std::string_view database, std::string_view more) const {
  return "postgresql:///" + std::string(database) + "?host=" + (dir_ / "run").string() + "&" + std::string(more);
}

std::string PostgresCluster::sql(std::string_view database, const std::string& statements) {
  const Connection connection = connect(url(database));
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection.get(), statements.c_str()), &PQclear);
  const auto status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
    die(statements + ": " + PQerrorMessage(connection.get()));
  return PQntuples(result.get()) > 0 && PQnfields(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
}

std::string PostgresCluster::make_database() {
  const std::string name = "test" + std::to_string(::getpid()) + "_" + std::to_string(++databases_);
  sql("postgres", "CREATE DATABASE " + name);
  return name;
}

void PostgresCluster::end_connections(const std::string& database) {
  sql("postgres", "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '" + database + "'");
}

void PostgresCluster::copy_database(const std::string& from, const std::string& to) {
  end_connections(from);
  sql("postgres", "CREATE DATABASE " + to + " TEMPLATE " + from);
}

void PostgresCluster::drop_database(const std::string& name) {
  sql("postgres", "DROP DATABASE IF EXISTS " + name + " WITH (FORCE)");
}

void PostgresCluster::rename_database(const std::string& from, const std::string& to) {
  end_connections(from);
  sql("postgres", "ALTER DATABASE " + from + " RENAME TO " + to);
}

}  // namespace sdns::test
