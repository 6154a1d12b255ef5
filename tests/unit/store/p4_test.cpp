// SPDX-License-Identifier: MIT
// P4 with writers side by side: they commit late and out of order, followers are killed and start anew, and each
// revision that one reports has the state that the writers' own notes give it.
#include <gtest/gtest.h>

#include <chrono>
#include <mutex>
#include <thread>

#include "backend/store/authority.h"
#include "tests/unit/store/model.h"
#include "tests/unit/store/store_fixture.h"

namespace sdns::store::test {
namespace {

class P4Test : public EveryStoreTest {
 protected:
  static constexpr int kZones = 6;
  static constexpr int kNames = 12;
  static constexpr int kWriters = 8;
  static int edits() { return std::getenv("SDNS_LONG") != nullptr ? 500 : 60; }

  struct Write {
    ZoneId zone;
    dns::Rrset rrset;  // as it is from then on
  };

  void prepare() override {
    authority = open();
    auto edit = ok(authority->edit());
    for (int i = 0; i < kZones; ++i) {
      const std::string apex = numbered("z{}.", i);
      zones.push_back(ok(edit->create_zone(head(apex), SerialPolicy::kKeep)));
      ok(edit->replace_zone(zones.back(), {rr(apex, dns::kSOA, soa(1)), rr(apex, dns::kNS, "ns." + apex)}));
    }
    ok(edit->commit("test"));
  }

  /// One edit of one or two zones, in the order of their ids, which is never without effect; what it wrote.
  std::vector<Write> edit_some(sdns::test::SeededRandom& chance, Transaction& edit, int mark) {
    std::vector<Write> writes;
    const std::uint64_t first = chance.below(kZones);
    const std::uint64_t last = std::min<std::uint64_t>(first + chance.below(2), kZones - 1);
    for (std::uint64_t at = first; at <= last; ++at) {
      dns::Rrset rrset{name(fmt::format("n{}.z{}.", chance.below(kNames), at)), dns::kTXT, dns::Ttl{300}, {}};
      const std::uint64_t least = at == first ? 1 : 0;
      for (std::uint64_t n = least + chance.below(2); n > 0; --n)
        rrset.contents.push_back(fmt::format("\"{}-{}\"", mark, n));
      std::sort(rrset.contents.begin(), rrset.contents.end());
      std::vector<StoredRecord> records;
      for (const std::string& content : rrset.contents)
        records.push_back({{rrset.owner, rrset.type, rrset.ttl, content}});
      ok(edit.replace_rrset(zones[at], rrset.owner, rrset.type, records));
      writes.push_back({zones[at], std::move(rrset)});
    }
    return writes;
  }

  void write(int writer) {
    sdns::test::SeededRandom chance(static_cast<std::uint64_t>(writer) + 1);
    auto own = open(OpenMode::kExisting);
    for (int i = 0; i < edits(); ++i) {
      auto edit = ok(own->edit());
      auto writes = edit_some(chance, *edit, 10'000 * writer + i);
      if (chance.below(3) == 0) std::this_thread::sleep_for(std::chrono::microseconds(chance.below(3'000)));
      if (chance.below(10) == 0) continue;  // rolled back
      const Revision given = ok(edit->commit("test")).revision;
      const std::lock_guard lock(mutex);
      written[given] = std::move(writes);
    }
  }

  /// Reports until the writers are done; dies now and then.
  void follow(int number) {
    sdns::test::SeededRandom chance(static_cast<std::uint64_t>(number) + 100);
    for (bool over = false; !over;) {
      auto follower = ok(open_follower(url()));
      Model model;
      auto at = ok(follower->load([&](zone::ZoneContent&& zone) { model.put(std::move(zone)); }));
      report(at.revision, model);
      for (std::uint64_t life = 1 + chance.below(40); life > 0 && !over; --life) {
        over = done;  // before the read: what it reads then is the last
        follower->wait(std::chrono::milliseconds(20));
        const std::uint64_t rows = follower->rows_read();
        const auto batch = ok(follower->changes_since(at.revision, at.chain));
        // Identity, head and chain; for each revision at most two change rows, with two records each.
        EXPECT_LE(follower->rows_read() - rows, 4 + (batch.to - batch.from) * 2 * (1 + 2));
        model.apply(batch);
        at = {batch.to, batch.chain};
        report(batch.to, model);
      }
    }
  }
  void report(Revision revision, const Model& model) {
    const std::string digest = model.digest();
    const std::lock_guard lock(mutex);
    const auto [told, first] = reported.emplace(revision, digest);
    EXPECT_EQ(told->second, digest) << "two followers at revision " << revision;
  }

  std::unique_ptr<Authority> authority;
  std::vector<ZoneId> zones;
  std::mutex mutex;
  std::map<Revision, std::vector<Write>> written;
  std::map<Revision, std::string> reported;
  std::atomic<bool> done = false;
};

TEST_P(P4Test, WhatFollowersReportIsWhatTheWritersWroteInTheOrderOfRevisions) {
  Model replay;
  auto start = ok(ok(open_follower(url()))->load([&](zone::ZoneContent&& zone) { replay.put(std::move(zone)); }));
  std::vector<std::thread> followers;
  for (int i = 0; i < 2; ++i) followers.emplace_back([this, i] { follow(i); });
  std::vector<std::thread> writers;
  for (int i = 0; i < kWriters; ++i) writers.emplace_back([this, i] { write(i); });
  for (std::thread& writer : writers) writer.join();
  done = true;
  for (std::thread& follower : followers) follower.join();

  const Position last = ok(ok(authority->read())->position());
  EXPECT_EQ(last.revision, reported.rbegin()->first) << "the last one is followed";
  std::map<Revision, std::string> was{{start.revision, replay.digest()}};
  zone::Batch batch;
  for (Revision revision = start.revision + 1; revision <= last.revision; ++revision) {
    ASSERT_TRUE(written.contains(revision)) << "nobody was given revision " << revision;
    batch.changes.clear();
    for (Write& write : written[revision]) batch.changes.emplace_back(zone::RrsetChanged{write.zone, write.rrset});
    replay.apply(batch);
    was[revision] = replay.digest();
  }
  for (const auto& [revision, digest] : reported) EXPECT_EQ(was[revision], digest) << "at revision " << revision;
  EXPECT_EQ(was[last.revision], ok(state_digest(*ok(authority->read()))));
}

SDNS_ON_EVERY_STORE(P4Test);

}  // namespace
}  // namespace sdns::store::test
