// SPDX-License-Identifier: MIT
// kill -9 of a program that writes: every acknowledged commit is there, no half change is (P3).
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>

#include "backend/store/authority.h"
#include "tests/unit/store/model.h"
#include "tests/unit/store/store_fixture.h"

namespace sdns::store::test {
namespace {

class CrashTest : public EveryStoreTest {
 protected:
  static int repetitions() { return std::getenv("SDNS_LONG") != nullptr ? 200 : 25; }
  static void pause(std::uint64_t microseconds) {
    const timespec time{0, static_cast<long>(microseconds * 1000)};
    ::nanosleep(&time, nullptr);
  }
  /// That others have with the database's server.
  int sessions() {
    if (store() == Store::kSqlite) return 0;
    return std::stoi(
        sql("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
            "pid <> pg_backend_pid()"));
  }
  /// Runs `work` in a child until it is killed `microseconds` after it has written a first octet to its pipe, or, when
  /// `at_once`, after it was started. What it wrote.
  template <class Work>
  std::string run_and_kill(std::uint64_t microseconds, bool at_once, const Work& work) {
    const int before = sessions();
    int ends[2];
    EXPECT_EQ(0, ::pipe(ends));
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(ends[0]);
      work(ends[1]);
      ::_exit(0);
    }
    ::close(ends[1]);
    std::string written;
    char buffer[4096];
    const auto read_some = [&] {
      const ssize_t size = ::read(ends[0], buffer, sizeof(buffer));
      if (size > 0) written.append(buffer, static_cast<std::size_t>(size));
      return size > 0;
    };
    const bool began = at_once || read_some();
    EXPECT_TRUE(began);
    pause(microseconds);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    while (sessions() > before) pause(1000);  // a server finishes what it was sent
    while (read_some()) {
    }
    ::close(ends[0]);
    return written;
  }
  static std::string text_at(Transaction& read, ZoneId id, const std::string& owner) {
    const auto records = ok(read.records_at(id, name(owner)));
    return records.empty() ? "0" : records.front().record.content;
  }
};

TEST_P(CrashTest, AcknowledgedCommitsStayAndHalfOnesNeverWere) {
  const ZoneId id = add_zone(*open(), "example.");
  sdns::test::SeededRandom chance(20);
  long done = 0;
  for (int round = 0; round < repetitions(); ++round) {
    const std::string acknowledged = run_and_kill(chance.below(12'000), false, [&](int to) {
      auto authority = open(OpenMode::kExisting);
      for (long i = done + 1;; ++i) {
        auto edit = ok(authority->edit());
        const std::string value = std::to_string(i);
        for (const char* owner : {"a.example.", "b.example."})
          ok(edit->replace_rrset(id, name(owner), dns::kTXT, {rr(owner, dns::kTXT, value)}));
        if (i % 3 == 0) {  // a larger one, over many pages
          const auto apex = ok(edit->records_at(id, name("example.")));
          std::vector<StoredRecord> all(apex.begin(), apex.end());
          for (int n = 0; n < 400; ++n) {
            const std::string owner = numbered("n{}.example.", n);
            all.push_back(rr(owner, dns::kTXT, value));
          }
          for (const char* owner : {"a.example.", "b.example."}) all.push_back(rr(owner, dns::kTXT, value));
          ok(edit->replace_zone(id, std::move(all)));
        }
        ok(edit->commit("child"));
        if (::write(to, "+", 1) != 1) ::_exit(1);
      }
    });
    auto authority = open(OpenMode::kExisting);
    auto read = ok(authority->read());
    const std::string a = text_at(*read, id, "a.example.");
    EXPECT_EQ(a, text_at(*read, id, "b.example.")) << "half a change";
    const long found = std::stol(a);
    const long least = done + static_cast<long>(acknowledged.size());
    ASSERT_GE(found, least) << "an acknowledged commit is gone";
    ASSERT_LE(found, least + 1);
    if (found >= 3) {
      const std::string large = std::to_string(found - found % 3);
      EXPECT_EQ(large, text_at(*read, id, "n0.example."));
      EXPECT_EQ(large, text_at(*read, id, "n399.example."));
    }
    ASSERT_EQ(static_cast<Revision>(found) + 1, ok(read->position()).revision);
    ASSERT_EQ(1U + static_cast<std::uint32_t>(found), ok(read->zone(id))->serial);
    done = found;
  }
  if (store() == Store::kSqlite) {
    EXPECT_EQ("ok", sql("PRAGMA integrity_check"));
  }
  EXPECT_GT(done, 0);
}

TEST_P(CrashTest, AFollowerGoesOnOverTheCrashesOfAWriter) {
  const ZoneId id = add_zone(*open(), "example.");
  sdns::test::SeededRandom chance(21);
  auto follower = ok(open_follower(url()));
  Model model;
  auto at = ok(follower->load([&](zone::ZoneContent&& zone) { model.put(std::move(zone)); }));
  for (int round = 0; round < 10; ++round) {
    run_and_kill(chance.below(8'000), false, [&](int to) {
      auto authority = open(OpenMode::kExisting);
      for (int i = 0;; ++i) {
        set(*authority, id, numbered("w{}.example.", i % 7), dns::kA, {numbered("192.0.2.{}", i)});
        if (::write(to, "+", 1) != 1) ::_exit(1);
      }
    });
    const auto batch = ok(follower->changes_since(at.revision, at.chain));
    model.apply(batch);
    at = {batch.to, batch.chain};
    ASSERT_EQ(ok(state_digest(*ok(open(OpenMode::kExisting)->read()))), model.digest());
  }
}

TEST_P(CrashTest, ADatabaseIsThereCompleteOrNotAtAll) {
  sdns::test::SeededRandom chance(22);
  int missing = 0;
  for (int round = 0; round < repetitions(); ++round) {
    run_and_kill(chance.below(30'000), true, [&](int) { open(); });
    auto there = open_authority(url(), OpenMode::kExisting, clock, random);
    if (!there && there.error().code == Errc::kNotFound) {
      ++missing;
      continue;
    }
    EXPECT_EQ(0U, ok(ok(ok(std::move(there))->read())->position()).revision);
    remove_database();
  }
  RecordProperty("killed_before_it_was_there", missing);
  open();
}

SDNS_ON_EVERY_STORE(CrashTest);

}  // namespace
}  // namespace sdns::store::test
