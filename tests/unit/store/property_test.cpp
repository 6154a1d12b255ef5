// SPDX-License-Identifier: MIT
// P4: whatever is edited, what a follower was told adds up to what the database has, at every revision it reports.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "backend/store/authority.h"
#include "tests/unit/store/model.h"
#include "tests/unit/store/store_fixture.h"

namespace sdns::store::test {
namespace {

struct Case {
  Store store;
  int seed;
};

class PropertyTest : public StoreTest, public testing::WithParamInterface<Case> {
 protected:
  void SetUp() override {
    if (store() == Store::kPostgres && sdns::test::left_out("postgresql"))
      GTEST_SKIP() << "left out by --without=postgresql";
  }
  Store store() const override { return GetParam().store; }
  static int seed() { return GetParam().seed; }

  using Chance = sdns::test::SeededRandom;

  static std::string owner(Chance& chance, const dns::Name& apex) {
    static const char* const kLabels[] = {"www", "*", "a.b", "b", "\\000x", "mail", "_25._tcp.mail"};
    const std::uint64_t pick = chance.below(std::size(kLabels) + 1);
    if (pick == std::size(kLabels)) return apex.text();
    return std::string(kLabels[pick]) + "." + (apex.is_root() ? "" : apex.text());
  }
  static std::vector<StoredRecord> some_records(Chance& chance, const std::string& at, dns::RrType type) {
    std::vector<StoredRecord> records;
    for (std::uint64_t n = chance.below(4); n > 0; --n)
      records.push_back(rr(at, type, numbered("content-{}", chance.below(6)),
                           static_cast<std::uint32_t>(60 * (1 + chance.below(3))), chance.below(5) == 0));
    return records;
  }
  static void edit_target_pool(Chance& chance, Transaction& edit) {
    const std::string pool = numbered("pool{}", chance.below(3));
    if (chance.below(3) == 0 && ok(edit.target_pool(pool))) return ok(edit.remove_target_pool(pool));
    health::TargetPool wanted{pool, {}, {}, false};
    if (chance.below(2) == 0) wanted.options["port"] = numbered("{}", 1 + chance.below(2));
    for (std::uint64_t n = chance.below(3); n > 0; --n) {
      health::PoolMember member;
      member.name = numbered("192.0.2.{}", n);
      member.address = ok(dns::IpAddress::parse(member.name));
      member.weight = static_cast<std::uint32_t>(chance.below(2));
      member.enabled = chance.below(3) != 0;
      if (chance.below(2) == 0) member.latitude = member.longitude = static_cast<double>(chance.below(3)) - 0.1;
      wanted.members.push_back(std::move(member));
    }
    ok(edit.put_target_pool(wanted));
  }
  static void edit_override(Chance& chance, Transaction& edit) {
    const std::string target = numbered("192.0.2.{}", chance.below(3));
    const auto present = ok(edit.overrides());
    const bool there = std::any_of(present.begin(), present.end(),
                                   [&](const OverrideRow& row) { return row.override.target == target; });
    if (there && chance.below(2) == 0) return ok(edit.remove_override(target));
    health::Override wanted;
    wanted.target = target;
    wanted.verdict = chance.below(2) == 0 ? health::Verdict::kUp : health::Verdict::kDown;
    wanted.reason = numbered("reason {}", chance.below(2));
    ok(edit.put_override(wanted));
  }
  static void edit_zone(Chance& chance, Transaction& edit, const ZoneRow& row) {
    const ZoneId id = row.head.id;
    switch (chance.below(10)) {
      case 0:
        ok(edit.delete_zone(id));
        break;
      case 1: {
        zone::ZoneHead changed = row.head;
        changed.account = numbered("account{}", chance.below(3));
        changed.last_check = static_cast<std::uint32_t>(chance.below(3));
        ok(edit.set_head(changed));
        break;
      }
      case 2: {
        std::vector<std::string> values;
        for (std::uint64_t n = chance.below(3); n > 0; --n) values.push_back(std::to_string(chance.below(3)));
        ok(edit.set_metadata(id, numbered("KIND-{}", chance.below(2)), values));
        break;
      }
      case 3: {
        const auto keys = ok(edit.keys(id));
        if (keys.size() > 2) ok(edit.remove_key(id, keys[chance.below(keys.size())].id));
        else ok(edit.add_key(id, {0, 257, chance.below(2) == 0, true, std::to_string(chance.next())}));
        break;
      }
      case 4: {
        const auto keys = ok(edit.keys(id));
        if (!keys.empty())
          ok(edit.set_key_state(id, keys[chance.below(keys.size())].id, chance.below(2) == 0, chance.below(2) == 0));
        break;
      }
      case 5: {
        std::vector<StoredRecord> records{rr(row.head.apex.text(), dns::kSOA, soa(1))};
        for (std::uint64_t n = chance.below(12); n > 0; --n)
          for (StoredRecord& record : some_records(chance, owner(chance, row.head.apex), dns::kTXT))
            records.push_back(std::move(record));
        ok(edit.replace_zone(id, std::move(records)));
        break;
      }
      default: {
        const std::string at = owner(chance, row.head.apex);
        const dns::RrType type = chance.below(2) == 0 ? dns::kA : dns::kTXT;
        ok(edit.replace_rrset(id, name(at), type, some_records(chance, at, type)));
      }
    }
  }
  static void random_edit(Chance& chance, Transaction& edit) {
    static const char* const kApexes[] = {"example.", "sub.example.", "other.", "."};
    if (chance.below(4) == 0) {
      const dns::Name key = name(numbered("key{}.", chance.below(3)));
      const auto present = ok(edit.tsig_keys());
      const bool there =
          std::any_of(present.begin(), present.end(), [&](const zone::TsigKey& one) { return one.name == key; });
      if (there && chance.below(2) == 0) ok(edit.remove_tsig_key(key));
      else ok(edit.put_tsig_key({key, "hmac-sha256", chance.below(2) == 0 ? "c2VjcmV0" : "b3RoZXI="}));
    }
    for (std::uint64_t n = chance.below(3); n > 0; --n) edit_target_pool(chance, edit);
    for (std::uint64_t n = chance.below(3); n > 0; --n) edit_override(chance, edit);
    for (std::uint64_t n = 1 + chance.below(4); n > 0; --n) {
      const dns::Name apex = name(kApexes[chance.below(std::size(kApexes))]);
      const auto row = ok(edit.zone(apex));
      if (row) {
        edit_zone(chance, edit, *row);
        continue;
      }
      zone::ZoneHead made;
      made.apex = apex;
      const ZoneId id = ok(edit.create_zone(made, static_cast<SerialPolicy>(chance.below(3))));
      if (chance.below(3) != 0) ok(edit.replace_zone(id, {rr(apex.text(), dns::kSOA, soa(1))}));
    }
  }
};

TEST_P(PropertyTest, LoadAndChangesGiveWhatAFreshLoadGives) {
  Chance chance(static_cast<std::uint64_t>(seed()));
  auto authority = open();
  auto follower = ok(open_follower(url()));
  Model model;
  auto at = ok(follower->load([&](zone::ZoneContent&& zone) { model.put(std::move(zone)); }));
  model.put(at);
  for (int step = 0; step < 150; ++step) {
    auto edit = ok(authority->edit());
    random_edit(chance, *edit);
    if (chance.below(8) == 0) continue;  // rolled back
    const std::string inside = ok(state_digest(*edit));
    const Position before = ok(edit->position());
    const Position after = ok(edit->commit("test"));
    const std::string now = ok(state_digest(*ok(authority->read())));
    if (after.revision == before.revision) {
      EXPECT_EQ(inside, now);
    }
    if (chance.below(3) != 0) continue;
    const auto batch = ok(follower->changes_since(at.revision, at.chain));
    ASSERT_EQ(after.revision, batch.to);
    ASSERT_EQ(after.chain, batch.chain);
    model.apply(batch);
    at = {batch.to, batch.chain};
    ASSERT_EQ(now, model.digest()) << "at step " << step << ", revision " << batch.to;
    Model fresh;
    fresh.put(ok(ok(open_follower(url()))->load([&](zone::ZoneContent&& zone) { fresh.put(std::move(zone)); })));
    ASSERT_EQ(now, fresh.digest());
  }
}

TEST_P(PropertyTest, AFollowerBesideAWriterReportsOnlyStatesThatWere) {
  open();
  auto follower = ok(open_follower(url()));
  Model model;
  auto at = ok(follower->load([&](zone::ZoneContent&& zone) { model.put(std::move(zone)); }));
  model.put(at);
  std::map<Revision, std::string> was{{0, model.digest()}};
  std::mutex mutex;
  std::atomic<Revision> last{0};
  constexpr int kEdits = 100;
  std::thread writer([&] {
    Chance chance(static_cast<std::uint64_t>(seed()) + 1000);
    auto authority = open(OpenMode::kExisting);
    for (int step = 0; step < kEdits; ++step) {
      auto edit = ok(authority->edit());
      random_edit(chance, *edit);
      const Position after = ok(edit->commit("test"));
      const std::string digest = ok(state_digest(*ok(authority->read())));
      std::lock_guard lock(mutex);
      was[after.revision] = digest;
    }
    last = was.rbegin()->first;
    follower->wake();
  });
  std::map<Revision, std::string> told;
  while (last == 0 || at.revision < last) {
    follower->wait(std::chrono::milliseconds(100));
    const auto batch = ok(follower->changes_since(at.revision, at.chain));
    model.apply(batch);
    at = {batch.to, batch.chain};
    told[batch.to] = model.digest();
  }
  writer.join();
  for (const auto& [revision, digest] : told) EXPECT_EQ(was[revision], digest) << "at revision " << revision;
}

INSTANTIATE_TEST_SUITE_P(Seeds, PropertyTest,
                         testing::Values(Case{Store::kSqlite, 1}, Case{Store::kSqlite, 2}, Case{Store::kSqlite, 3},
                                         Case{Store::kSqlite, 4}, Case{Store::kSqlite, 5}, Case{Store::kSqlite, 6},
                                         Case{Store::kPostgres, 1}, Case{Store::kPostgres, 2},
                                         Case{Store::kPostgres, 3}),
                         [](const testing::TestParamInfo<Case>& one) {
                           return numbered(store_name(one.param.store) + "Seed{}", one.param.seed);
                         });

}  // namespace
}  // namespace sdns::store::test
