// SPDX-License-Identifier: MIT
// A PostgreSQL of its own for one test program: made at the first use, on a unix socket in a temporary directory, gone
// at the end of the program, however it ends.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "tests/support/temp_dir.h"

namespace sdns::test {

class PostgresCluster {
 public:
  /// The one of this program; started when it is first asked for. Ends the program with a message when it cannot be.
  static PostgresCluster& instance();

  /// A connection URI of a database in it; `more` as in "user=editor".
  [[nodiscard]] std::string url(std::string_view database, std::string_view more = "user=postgres") const;
  /// Runs SQL as the superuser, each statement by itself; the first column of the first row of the last one.
  std::string sql(std::string_view database, const std::string& statements);
  /// A database that nobody had yet.
  std::string make_database();
  /// The same content under another name. Ends the connections of `from`.
  void copy_database(const std::string& from, const std::string& to);
  /// Ends its connections. Nothing when there is no such database.
  void drop_database(const std::string& name);
  void rename_database(const std::string& from, const std::string& to);
  /// PgBouncer in front of it, with four connections to each database, until the end of the program; a connection URI
  /// through it. `mode`: session, transaction or statement.
  std::string pooled_url(const std::string& mode, std::string_view database);
  /// As a crash of the machine, but for what the disk has.
  void stop_immediately();
  void start();
  PostgresCluster(const PostgresCluster&) = delete;
  PostgresCluster& operator=(const PostgresCluster&) = delete;

 private:
  PostgresCluster();
  ~PostgresCluster();
  void end_connections(const std::string& database);

  TempDir dir_;
  int server_ = -1;
  int databases_ = 0;
  std::map<std::string, int> poolers_;  // by mode
};

}  // namespace sdns::test
