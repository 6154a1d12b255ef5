// SPDX-License-Identifier: MIT
#include "backend/store/peers.h"

#include <gmock/gmock.h>

#include "backend/store/schema.h"
#include "backend/store/sqlite.h"
#include "tests/unit/store/model.h"
#include "tests/unit/store/store_fixture.h"

namespace sdns::store::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string kSecret = "c2VjcmV0IG9mIHRoZSB0ZXN0";

struct AlgorithmCase {
  const char* written;
  const char* canonical;  ///< "" when it is refused
};
class TsigAlgorithmCase : public testing::TestWithParam<AlgorithmCase> {};

TEST_P(TsigAlgorithmCase, IsTakenAsPowerDnsWritesIt) {
  const auto algorithm = canonical_tsig_algorithm(GetParam().written);
  EXPECT_EQ(GetParam().canonical, algorithm.value_or(""));
}

INSTANTIATE_TEST_SUITE_P(
    Tsig, TsigAlgorithmCase,
    testing::Values(AlgorithmCase{"hmac-sha256", "hmac-sha256"}, AlgorithmCase{"HMAC-SHA512.", "hmac-sha512"},
                    AlgorithmCase{"hmac-md5.sig-alg.reg.int.", "hmac-md5"}, AlgorithmCase{"hmac-md5", "hmac-md5"},
                    AlgorithmCase{"hmac-sha1", "hmac-sha1"}, AlgorithmCase{"hmac-sha224", "hmac-sha224"},
                    AlgorithmCase{"hmac-sha384", "hmac-sha384"}, AlgorithmCase{"hmac-sha1.sig-alg.reg.int", ""},
                    AlgorithmCase{"gss-tsig", ""}, AlgorithmCase{"sha256", ""}, AlgorithmCase{"", ""}));

TEST(TsigKey, IsRefusedWithoutAWordOfItsSecret) {
  for (const char* secret : {"", "not base64!", "c2VjcmV", "===="}) {
    const auto checked = checked_tsig_key({name("k.example."), "hmac-sha256", secret});
    ASSERT_FALSE(checked) << secret;
    EXPECT_EQ(Errc::kInvalidArgument, checked.error().code);
    EXPECT_THAT(checked.error().what, HasSubstr("k.example."));
    if (*secret == '\0') continue;
    EXPECT_THAT(to_text(checked.error()), Not(HasSubstr(secret)));
  }
  EXPECT_FALSE(checked_tsig_key({dns::Name(), "hmac-sha256", kSecret}));
  EXPECT_EQ(kSecret, ok(checked_tsig_key({name("k."), "hmac-md5", "c2VjcmV0IG9m IHRoZSB0\nZXN0"})).secret);
}

TEST(TsigKey, IsRefusedWithoutItsSecretWhereTheAlgorithmBelongs) {
  const auto checked = checked_tsig_key({name("k.example."), kSecret, "hmac-sha256"});
  ASSERT_FALSE(checked);
  EXPECT_EQ(Errc::kInvalidArgument, checked.error().code);
  EXPECT_THAT(to_text(checked.error()), Not(HasSubstr(kSecret)));
  EXPECT_THAT(to_text(checked.error()), HasSubstr("k.example."));
  EXPECT_THAT(to_text(checked.error()), HasSubstr("hmac-sha512"));
}

struct PrimaryCase {
  const char* written;
  const char* canonical;
};
class PrimaryAddressCase : public testing::TestWithParam<PrimaryCase> {};

TEST_P(PrimaryAddressCase, HasOneForm) {
  EXPECT_EQ(GetParam().canonical, canonical_primary(GetParam().written).value_or("")) << GetParam().written;
}

INSTANTIATE_TEST_SUITE_P(
    Primary, PrimaryAddressCase,
    testing::Values(PrimaryCase{"192.0.2.1", "192.0.2.1"}, PrimaryCase{"192.0.2.1:53", "192.0.2.1"},
                    PrimaryCase{"192.0.2.1:5300", "192.0.2.1:5300"}, PrimaryCase{"2001:DB8:0::1", "2001:db8::1"},
                    PrimaryCase{"[2001:db8::1]", "2001:db8::1"},
                    PrimaryCase{"[2001:db8::1]:5300", "[2001:db8::1]:5300"}, PrimaryCase{"192.0.2.1:", ""},
                    PrimaryCase{"192.0.2.1:0", ""}, PrimaryCase{"192.0.2.1:65536", ""}, PrimaryCase{"[2001:db8::1", ""},
                    PrimaryCase{"[2001:db8::1]x", ""}, PrimaryCase{"[::1]:", ""}, PrimaryCase{"ns.example.", ""},
                    PrimaryCase{"", ""}, PrimaryCase{"192.0.2.1,192.0.2.2", ""}));

class PeersTest : public EveryStoreTest {
 protected:
  void prepare() override { authority = open(); }
  Position put(const std::string& key, const std::string& secret = kSecret) {
    auto edit = ok(authority->edit());
    ok(edit->put_tsig_key({name(key), "HMAC-SHA256.", secret}));
    return ok(edit->commit("test"));
  }
  std::vector<zone::TsigKey> tsig_keys() { return ok(ok(authority->read())->tsig_keys()); }
  std::string digest() { return ok(state_digest(*ok(authority->read()))); }

  std::unique_ptr<Authority> authority;
};

TEST_P(PeersTest, ATsigKeyTakesARevisionAndChangesTheDigest) {
  const std::string before = digest();
  EXPECT_EQ(1U, put("b.example.").revision);
  EXPECT_EQ(2U, put("a.example.").revision);
  const zone::TsigKey a{name("a.example."), "hmac-sha256", kSecret};
  const zone::TsigKey b{name("b.example."), "hmac-sha256", kSecret};
  EXPECT_THAT(tsig_keys(), ElementsAre(a, b));
  const std::string with_two = digest();
  EXPECT_NE(before, with_two);

  EXPECT_EQ(2U, put("A.example.").revision) << "it is so already";
  EXPECT_EQ(3U, put("a.example.", "b3RoZXI=").revision);
  EXPECT_NE(with_two, digest()) << "the secret counts";
  auto edit = ok(authority->edit());
  EXPECT_EQ(Errc::kNotFound, edit->remove_tsig_key(name("none.")).error().code);
  ok(edit->remove_tsig_key(name("a.example.")));
  ok(edit->remove_tsig_key(name("b.example.")));
  EXPECT_EQ(4U, ok(edit->commit("test")).revision);
  EXPECT_EQ(before, digest());
}

TEST_P(PeersTest, AFollowerIsToldOfAllTsigKeysOnce) {
  put("a.example.");
  auto follower = ok(open_follower(url()));
  Model model;
  auto state = ok(follower->load([&](zone::ZoneContent&& zone) { model.put(std::move(zone)); }));
  model.put(state);
  EXPECT_EQ(digest(), model.digest());

  put("b.example.");
  put("c.example.");
  const ZoneId id = add_zone(*authority, "example.");
  auto batch = ok(follower->changes_since(state.revision, state.chain));
  ASSERT_EQ(2U, batch.changes.size()) << "the keys and the zone " << id;
  EXPECT_EQ(3U, std::get<zone::TsigKeysChanged>(batch.changes[0]).keys.size());
  model.apply(batch);
  EXPECT_EQ(digest(), model.digest());
}

TEST_P(PeersTest, AutoprimariesAreKeptWithoutARevision) {
  auto edit = ok(authority->edit());
  ok(edit->put_autoprimary({"2001:DB8::1", name("ns2.example."), "b"}));
  ok(edit->put_autoprimary({"192.0.2.1", name("ns1.example."), "a"}));
  ok(edit->put_autoprimary({"192.0.2.1", name("NS1.example."), "c"}));
  EXPECT_FALSE(edit->put_autoprimary({"192.0.2.1:53", name("ns1.example."), ""}));
  EXPECT_EQ(0U, ok(edit->commit("test")).revision);
  EXPECT_THAT(ok(ok(authority->read())->autoprimaries()),
              ElementsAre(Autoprimary{"192.0.2.1", name("ns1.example."), "c"},
                          Autoprimary{"2001:db8::1", name("ns2.example."), "b"}));
  auto removal = ok(authority->edit());
  EXPECT_EQ(Errc::kNotFound, removal->remove_autoprimary("192.0.2.1", name("ns2.example.")).error().code);
  ok(removal->remove_autoprimary("192.0.2.1", name("ns1.example.")));
  ok(removal->commit("test"));
  EXPECT_EQ(1U, ok(ok(authority->read())->autoprimaries()).size());
}

// Databases of older programs are there on SQLite alone.
class PeersOnSqliteTest : public PeersTest {};

TEST_P(PeersOnSqliteTest, ADatabaseOfVersion1IsBroughtUpToDateWithItsData) {
  authority.reset();
  std::filesystem::remove(file());
  const std::vector<Migration> first{migrations().front()};
  ok(create_sqlite(file(), [&](Connection& db) { return initialise(db, clock, random, first); }));
  sql("INSERT INTO zone VALUES (1, 'example.', CAST(x'6578616d706c6500' AS BLOB), 0, '', '', 0, 0, 0, 7, 0);"
      "INSERT INTO record VALUES (1, CAST(x'6578616d706c6500' AS BLOB), 6, 0, 300, 0, 'ns. h. 7 1 1 1 1');"
      "INSERT INTO tsig_key VALUES (CAST(x'6b00' AS BLOB), 'k.', 'hmac-sha256', 'c2VjcmV0')");
  authority = open(OpenMode::kExisting);
  EXPECT_EQ(migrations().back().version, ok(authority->identity()).schema_version);
  auto read = ok(authority->read());
  EXPECT_EQ(7U, ok(read->zone(name("example.")))->serial);
  EXPECT_EQ(1U, ok(read->records_at(1, name("example."))).size());
  EXPECT_EQ(1U, ok(read->tsig_keys()).size());
  EXPECT_TRUE(ok(read->autoprimaries()).empty());
}

TEST_P(PeersTest, KnowsWhichRrsetsChangedSinceARevision) {
  const ZoneId id = add_zone(*authority, "example.");
  const ZoneId other = add_zone(*authority, "other.");
  const Revision start = ok(ok(authority->read())->position()).revision;
  const auto changed = [&](Revision since, ZoneId zone, const char* owner, dns::RrType type = dns::kA) {
    return ok(ok(authority->read())->rrset_changed_since(since, zone, name(owner), type));
  };
  EXPECT_FALSE(changed(start, id, "www.example."));
  set(*authority, id, "www.example.", dns::kA, {"192.0.2.1"});
  EXPECT_TRUE(changed(start, id, "www.example."));
  EXPECT_TRUE(changed(start, id, "example.", dns::kSOA)) << "its serial moved";
  EXPECT_FALSE(changed(start, id, "www.example.", dns::kAAAA));
  EXPECT_FALSE(changed(start, id, "ww.example."));
  EXPECT_FALSE(changed(start, other, "www.example."));
  EXPECT_FALSE(changed(start + 1, id, "www.example."));
  EXPECT_TRUE(changed(start - 1, other, "nothing.other.")) << "the zone was created";
  EXPECT_TRUE(changed(start + 2, id, "www.example.")) << "a history that ends before it is another one";

  auto edit = ok(authority->edit());
  ok(edit->delete_zone(other));
  ok(edit->commit("test"));
  EXPECT_TRUE(changed(start + 1, other, "nothing.other."));
  ok(authority->prune_journal(start + 1));
  EXPECT_TRUE(changed(start, id, "ww.example.")) << "the history does not reach back that far";
}

SDNS_ON_EVERY_STORE(PeersTest);
SDNS_ON_SQLITE(PeersOnSqliteTest);

}  // namespace
}  // namespace sdns::store::test
