// SPDX-License-Identifier: MIT
// A database in a directory of its own, and short ways to say what goes into it.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <concepts>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backend/store/authority.h"
#include "tests/support/manual_clock.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temp_dir.h"

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

class StoreTest : public testing::Test {
 protected:
  std::string file() const { return (dir / "authority.db").string(); }
  std::string url() const { return "sqlite:" + file(); }

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
  std::string sql(const std::string& statements) { return sql_in(file(), statements); }
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
};

}  // namespace sdns::store::test
