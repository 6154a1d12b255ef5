// SPDX-License-Identifier: MIT
// A database in a directory of its own, and short ways to say what goes into it.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <concepts>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backend/store/authority.h"
#include "tests/support/manual_clock.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temp_dir.h"
#include "tests/support/without.h"

namespace sdns::store::test {

inline dns::Name name(const std::string& text) {
  auto parsed = dns::Name::parse(text);
  if (parsed) return *parsed;
  ADD_FAILURE() << to_text(parsed.error());
  return {};
}

/// Text with a number in the place of {}. (g++ 12 warns of `"text" + std::to_string(n)` at -O3.)
inline std::string numbered(std::string_view pattern, std::integral auto number) {
  return fmt::format(fmt::runtime(pattern), number);
}

inline StoredRecord rr(const std::string& owner, dns::RrType type, const std::string& content, std::uint32_t ttl = 300,
                       bool disabled = false) {
  return {dns::Record{name(owner), type, dns::Ttl{ttl}, content}, disabled};
}

inline zone::ZoneHead head(const std::string& apex) {
  zone::ZoneHead made;
  made.apex = name(apex);
  return made;
}

inline std::string soa(std::uint32_t serial) {
  return numbered("ns.example. admin.example. {} 3600 600 604800 30", serial);
}

/// Takes a Result apart and fails the test when it is an error.
template <class T>
T ok(Result<T> result) {
  if (!result) {
    ADD_FAILURE() << to_text(result.error());
    std::abort();
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

enum class Store { kSqlite, kPostgres };

/// On SQLite, unless a class derived from it says another store.
class StoreTest : public testing::Test {
 protected:
  ~StoreTest() override {
    if (!database_.empty()) cluster().drop_database(database_);
    for (const std::string& one : others_) cluster().drop_database(one);
  }
  static sdns::test::PostgresCluster& cluster() { return sdns::test::PostgresCluster::instance(); }
  virtual Store store() const { return Store::kSqlite; }

  std::string file() const { return (dir / "authority.db").string(); }
  std::string url() { return store() == Store::kSqlite ? "sqlite:" + file() : cluster().url(database()); }
  /// What the database is called in messages.
  std::string place() { return store() == Store::kSqlite ? file() : database(); }
  /// Another database, which is there once it is created or copied.
  std::string other_url(const std::string& other) {
    return store() == Store::kSqlite ? "sqlite:" + (dir / (other + ".db")).string() : cluster().url(other_name(other));
  }
  /// Makes the database for other_url() where that is not done by opening it.
  void make_other(const std::string& other) {
    if (store() == Store::kPostgres) cluster().sql("postgres", "CREATE DATABASE " + other_name(other));
  }
  /// On PostgreSQL this ends the connections.
  void copy_to(const std::string& other) {
    if (store() == Store::kSqlite) sql("VACUUM INTO '" + (dir / (other + ".db")).string() + "'");
    else cluster().copy_database(database(), other_name(other));
  }
  /// On PostgreSQL an empty one takes its place.
  void remove_database() {
    if (store() == Store::kPostgres) {
      cluster().drop_database(database());
      cluster().sql("postgres", "CREATE DATABASE " + database());
      return;
    }
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(file() + suffix);
  }
  /// As a restored backup.
  void put_in_place_of_the_database(const std::string& other) {
    if (store() == Store::kPostgres) {
      cluster().drop_database(database());
      return cluster().rename_database(other_name(other), database());
    }
    for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove(file() + suffix);
    std::filesystem::rename(dir / (other + ".db"), file());
  }

  std::unique_ptr<Authority> open(OpenMode mode = OpenMode::kCreateIfMissing) {
    return ok(open_authority(url(), mode, clock, random));
  }
  Error open_error(OpenMode mode = OpenMode::kExisting) {
    auto opened = open_authority(url(), mode, clock, random);
    if (opened) return {Errc::kUnsupported, "it opened", {}};
    return opened.error();
  }
  /// A zone with SOA (serial 1), NS and one address; its id.
  ZoneId add_zone(Authority& authority, const std::string& apex, SerialPolicy policy = SerialPolicy::kCounter) {
    auto edit = ok(authority.edit());
    const ZoneId id = ok(edit->create_zone(head(apex), policy));
    ok(edit->replace_zone(
        id, {rr(apex, dns::kSOA, soa(1)), rr(apex, dns::kNS, "ns." + apex), rr("ns." + apex, dns::kA, "192.0.2.1")}));
    ok(edit->commit("test"));
    return id;
  }
  Position set(Authority& authority, ZoneId id, const std::string& owner, dns::RrType type,
               std::initializer_list<std::string> contents) {
    auto edit = ok(authority.edit());
    std::vector<StoredRecord> records;
    for (const std::string& content : contents) records.push_back(rr(owner, type, content));
    ok(edit->replace_rrset(id, name(owner), type, records));
    return ok(edit->commit("test"));
  }
  std::uint32_t serial(Authority& authority, ZoneId id) {
    auto read = ok(authority.read());
    return ok(read->zone(id))->serial.value_or(0);
  }
  /// Runs SQL behind the program's back; the first column of the first row.
  std::string sql(const std::string& statements) {
    return store() == Store::kSqlite ? sql_in(file(), statements) : cluster().sql(database(), statements);
  }
  static std::string sql_in(const std::string& path, const std::string& statements) {
    sqlite3* db = nullptr;
    EXPECT_EQ(SQLITE_OK, sqlite3_open(path.c_str(), &db));
    sqlite3_busy_timeout(db, 5000);
    std::string first;
    char* problem = nullptr;
    const auto take = [](void* to, int count, char** values, char**) {
      auto& text = *static_cast<std::string*>(to);
      if (text.empty() && count > 0 && values[0] != nullptr) text = values[0];
      return 0;
    };
    if (sqlite3_exec(db, statements.c_str(), take, &first, &problem) != SQLITE_OK) ADD_FAILURE() << problem;
    sqlite3_free(problem);
    sqlite3_close(db);
    return first;
  }

  sdns::test::TempDir dir;
  sdns::test::ManualWallClock clock;
  sdns::test::SeededRandom random{7};

 private:
  const std::string& database() {
    if (database_.empty()) database_ = cluster().make_database();
    return database_;
  }
  std::string other_name(const std::string& other) {
    const std::string name = database() + "_" + other;
    if (std::find(others_.begin(), others_.end(), name) == others_.end()) others_.push_back(name);
    return name;
  }

  std::string database_;  // on PostgreSQL
  std::vector<std::string> others_;
};

/// A test that says something of the authority database, whatever stores it: SDNS_ON_EVERY_STORE(TheTest) runs it.
class EveryStoreTest : public StoreTest, public testing::WithParamInterface<Store> {
 protected:
  void SetUp() final {
    if (store() == Store::kPostgres && sdns::test::left_out("postgresql"))
      GTEST_SKIP() << "left out by --without=postgresql";
    (void)url();  // the database is there before a test has threads
    prepare();
  }
  /// In the place of SetUp().
  virtual void prepare() {}
  Store store() const override { return GetParam(); }
};

inline std::string store_name(Store store) { return store == Store::kSqlite ? "SQLite" : "PostgreSQL"; }

/// CTest runs all of a program's tests on PostgreSQL as one test, as they share a server.
#define SDNS_ON_EVERY_STORE(Test)                                                          \
  INSTANTIATE_TEST_SUITE_P(Every, Test, testing::Values(Store::kSqlite, Store::kPostgres), \
                           [](const testing::TestParamInfo<Store>& one) { return store_name(one.param); })
#define SDNS_ON_SQLITE(Test)                                            \
  INSTANTIATE_TEST_SUITE_P(Some, Test, testing::Values(Store::kSqlite), \
                           [](const testing::TestParamInfo<Store>& one) { return store_name(one.param); })

}  // namespace sdns::store::test
