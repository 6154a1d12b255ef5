// SPDX-License-Identifier: MIT
#include "backend/store/checked_edit.h"

#include <gmock/gmock.h>

#include <chrono>

#include "backend/dns/dnssec_key.h"
#include "backend/store/signing.h"
#include "tests/unit/store/store_fixture.h"

namespace sdns::store::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class CheckedEditTest : public EveryStoreTest {
 protected:
  void prepare() override {
    authority = open();
    id = add_zone(*authority, "example.");
    begin();
  }
  void begin() {
    edit.reset();
    edit = ok(authority->edit());
    findings.clear();
  }
  void commit() {
    ok(edit->commit("test"));
    begin();
  }
  ZoneRow zone() { return *ok(edit->zone(id)); }
  zone::Key key(std::uint16_t flags = 257, dns::Algorithm algorithm = dns::Algorithm::kEcdsaP256Sha256) {
    return {0, flags, true, true, ok(dns::generate_key(algorithm, flags)).private_text};
  }
  std::string soa_edit() { return metadata_value(ok(edit->metadata(id)), "SOA-EDIT").value_or(""); }
  std::vector<StoredRecord> small(std::uint32_t serial) {
    return {rr("example.", dns::kSOA, soa(serial)), rr("example.", dns::kNS, "ns.example."),
            rr("ns.example.", dns::kA, "192.0.2.1")};
  }

  std::unique_ptr<Authority> authority;
  std::unique_ptr<Transaction> edit;
  ZoneId id = 0;
  Findings findings;
};

TEST_P(CheckedEditTest, AnRrsetIsPutWithTheTtlThatItHad) {
  EXPECT_TRUE(ok(put_rrset(*edit, zone(), {name("ns.example."), dns::kA, {{"192.0.2.7"}}, {}}, findings)));
  EXPECT_FALSE(ok(put_rrset(*edit, zone(), {name("ns.example."), dns::kA, {{"192.0.2.7"}}, {}}, findings)));
  EXPECT_TRUE(ok(put_rrset(*edit, zone(), {name("new.example."), dns::kA, {{"192.0.2.7"}}, {}}, findings)));
  EXPECT_THAT(findings, IsEmpty());
  EXPECT_EQ(300U, ok(rrset_at(*edit, id, name("ns.example."), dns::kA))[0].record.ttl.seconds);
  EXPECT_EQ(3600U, ok(rrset_at(*edit, id, name("new.example."), dns::kA))[0].record.ttl.seconds);
}

TEST_P(CheckedEditTest, ARuleThatIsBrokenIsNamedAndNothingIsChanged) {
  const auto done = put_rrset(*edit, zone(), {name("ns.example."), dns::kCNAME, {{"a.example."}}, {}}, findings);
  ASSERT_FALSE(done);
  EXPECT_EQ(Errc::kInvalidZone, done.error().code);
  EXPECT_THAT(done.error().what, HasSubstr("ns.example./CNAME"));
  EXPECT_FALSE(findings.empty());
  EXPECT_FALSE(put_rrset(*edit, zone(), {name("other."), dns::kA, {{"192.0.2.7"}}, {}}, findings));
  EXPECT_EQ(1U, ok(edit->commit("test")).revision);
}

TEST_P(CheckedEditTest, WhatSigningMakesStaysOutOfAZoneThatIsSignedLive) {
  ok(add_key(*edit, zone(), key(), findings));
  const std::string content = "256 3 13 " + std::string(86, 'A') + "==";
  EXPECT_FALSE(put_rrset(*edit, zone(), {name("example."), dns::kDNSKEY, {{content}}, {}}, findings));
  auto records = small(9);
  records.push_back(rr("example.", dns::kDNSKEY, content));
  ok(replace_zone(*edit, zone(), records, findings));
  EXPECT_THAT(ok(rrset_at(*edit, id, name("example."), dns::kDNSKEY)), IsEmpty());
  ASSERT_EQ(1U, findings.size());
  EXPECT_EQ("example./DNSKEY", findings[0].where);
  EXPECT_THAT(findings[0].what, HasSubstr("1 left out"));
}

TEST_P(CheckedEditTest, AWholeZoneWithoutSoaIsRefused) {
  auto records = small(9);
  records.erase(records.begin());
  const auto done = replace_zone(*edit, zone(), records, findings);
  ASSERT_FALSE(done);
  EXPECT_EQ(Errc::kInvalidZone, done.error().code);
  EXPECT_THAT(done.error().what, HasSubstr("SOA"));
  EXPECT_EQ(3U, [&] {
    std::size_t count = 0;
    ok(edit->records(id, [&](StoredRecord&&) { ++count; }));
    return count;
  }());
}

TEST_P(CheckedEditTest, AnRrsetOfAWholeZoneHasOneTtl) {
  auto records = small(9);
  records.push_back(rr("www.example.", dns::kA, "192.0.2.2", 60));
  records.push_back(rr("www.example.", dns::kA, "192.0.2.1", 30));
  ok(replace_zone(*edit, zone(), records, findings));
  for (const StoredRecord& stored : ok(rrset_at(*edit, id, name("www.example."), dns::kA)))
    EXPECT_EQ(30U, stored.record.ttl.seconds);
  EXPECT_EQ(9U, zone().serial);
}

TEST_P(CheckedEditTest, ASecondaryTakesTheSerialThatItIsFed) {
  const ZoneId second = ok(create_secondary(*edit, name("second."), {"192.0.2.1:5300", "192.0.2.1:5300"}, "me"));
  const auto row = *ok(edit->zone(second));
  EXPECT_EQ(zone::Kind::kSecondary, row.head.kind);
  EXPECT_EQ(std::vector<std::string>{"192.0.2.1:5300"}, row.head.primaries);
  EXPECT_EQ("me", row.head.account);
  const auto feed = [&](std::uint32_t serial, const char* address) {
    ok(replace_zone(*edit, *ok(edit->zone(second)),
                    {rr("second.", dns::kSOA, soa(serial)), rr("second.", dns::kNS, "ns.second."),
                     rr("ns.second.", dns::kA, address)},
                    findings));
    commit();
    return ok(edit->zone(second))->serial;
  };
  EXPECT_EQ(10U, feed(10, "192.0.2.1"));
  EXPECT_EQ(10U, feed(10, "192.0.2.2")) << "the same serial with other data";
  EXPECT_EQ(7U, feed(7, "192.0.2.3")) << "the primary began anew";
  ok(put_rrset(*edit, *ok(edit->zone(second)), {name("x.second."), dns::kA, {{"192.0.2.9"}}, {}}, findings));
  commit();
  EXPECT_EQ(7U, ok(edit->zone(second))->serial) << "an incremental transfer brings its own SOA";
  EXPECT_FALSE(create_secondary(*edit, name("third."), {}, ""));
  EXPECT_FALSE(create_secondary(*edit, name("third."), {"ns.example."}, ""));
  EXPECT_EQ(Errc::kExists, create_secondary(*edit, name("second."), {"192.0.2.1"}, "").error().code);
}

TEST_P(CheckedEditTest, AZoneBecomesSecondaryAndBack) {
  EXPECT_EQ(Errc::kInvalidArgument, set_kind(*edit, zone(), zone::Kind::kSecondary, {}).error().code);
  EXPECT_TRUE(ok(set_kind(*edit, zone(), zone::Kind::kSecondary, {"2001:DB8::1"})));
  EXPECT_FALSE(ok(set_kind(*edit, zone(), zone::Kind::kSecondary, {"2001:db8::1"})));
  EXPECT_EQ(Errc::kInvalidArgument, set_kind(*edit, zone(), zone::Kind::kPrimary, {"192.0.2.1"}).error().code);
  EXPECT_TRUE(ok(set_kind(*edit, zone(), zone::Kind::kPrimary, {})));
  EXPECT_THAT(zone().head.primaries, IsEmpty());
  const ZoneId empty = ok(create_secondary(*edit, name("empty."), {"192.0.2.1"}, ""));
  EXPECT_EQ(Errc::kInvalidZone, set_kind(*edit, *ok(edit->zone(empty)), zone::Kind::kNative, {}).error().code);
}

TEST_P(CheckedEditTest, TheFirstKeySetsSoaEditUnlessThereIsOne) {
  ok(add_key(*edit, zone(), key(), findings));
  EXPECT_EQ("INCEPTION-EPOCH", soa_edit());
  ok(set_metadata(*edit, zone(), {"SOA-EDIT", {}}, findings));
  ok(add_key(*edit, zone(), key(256), findings));
  EXPECT_EQ("", soa_edit()) << "who cleared it means it";
  begin();
  ok(set_metadata(*edit, zone(), {"SOA-EDIT", {"EPOCH"}}, findings));
  ok(add_key(*edit, zone(), key(), findings));
  EXPECT_EQ("EPOCH", soa_edit());
}

TEST(FirstSoaEdit, FollowsTheSerialsThatAreDates) {
  const WallTime now = std::chrono::sys_days(std::chrono::year{2026} / 1 / 8);
  EXPECT_EQ("INCEPTION-INCREMENT", first_soa_edit(2026010800, now));
  EXPECT_EQ("INCEPTION-INCREMENT", first_soa_edit(1999123199, now));
  for (const std::uint32_t serial :
       {0U, 1U, 1767830401U, 2026130100U, 2026010000U, 1989010100U, 2100010100U, 0xFFFF'FFFFU})
    EXPECT_EQ("INCEPTION-EPOCH", first_soa_edit(serial, now)) << serial;
  EXPECT_EQ("INCEPTION-EPOCH", first_soa_edit(std::nullopt, now));
  EXPECT_EQ("INCEPTION-EPOCH", first_soa_edit(1999123199, WallTime(std::chrono::seconds(1999123200)))) << "passed";
}

TEST_P(CheckedEditTest, AnEditOfASignedZoneShowsInTheServedSerial) {
  ok(add_key(*edit, zone(), key(), findings));
  commit();
  EXPECT_EQ(1U, zone().serial);
  ok(put_rrset(*edit, zone(), {name("a.example."), dns::kA, {{"192.0.2.7"}}, {}}, findings));
  commit();
  EXPECT_EQ(1'767'225'601U, zone().serial) << "after Thursday 2026-01-01T00:00:00Z";
  ok(put_rrset(*edit, zone(), {name("b.example."), dns::kA, {{"192.0.2.7"}}, {}}, findings));
  commit();
  EXPECT_EQ(1'767'225'602U, zone().serial);
  clock.advance(std::chrono::days(7));
  ok(put_rrset(*edit, zone(), {name("c.example."), dns::kA, {{"192.0.2.7"}}, {}}, findings));
  commit();
  EXPECT_EQ(1'767'830'401U, zone().serial);
}

TEST_P(CheckedEditTest, AKeyIsCheckedAndTakenOnce) {
  zone::Key first = key();
  const std::uint32_t number = ok(add_key(*edit, zone(), first, findings));
  first.active = false;
  EXPECT_EQ(number, ok(add_key(*edit, zone(), first, findings)));
  ASSERT_EQ(1U, ok(edit->keys(id)).size());
  EXPECT_FALSE(ok(edit->keys(id))[0].active);
  EXPECT_TRUE(ok(set_key_state(*edit, zone(), number, true, true)));
  EXPECT_FALSE(ok(set_key_state(*edit, zone(), number, true, true)));
  EXPECT_EQ(Errc::kNotFound, set_key_state(*edit, zone(), number + 1, true, true).error().code);

  zone::Key odd = key();
  odd.flags = 0;
  EXPECT_EQ(Errc::kInvalidRecord, add_key(*edit, zone(), odd, findings).error().code);
  const auto broken =
      add_key(*edit, zone(), {0, 257, true, true, "Private-key-format: v1.2\nAlgorithm: 13\n"}, findings);
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error().what, HasSubstr("example."));
  EXPECT_THAT(findings, IsEmpty());
  ok(add_key(*edit, zone(), key(257, dns::Algorithm::kEd25519), findings));
  ASSERT_EQ(1U, findings.size());
  EXPECT_THAT(findings[0].what, HasSubstr("ECDSAP256SHA256"));
  ok(remove_key(*edit, zone(), number));
  EXPECT_EQ(Errc::kNotFound, remove_key(*edit, zone(), number).error().code);
}

TEST_P(CheckedEditTest, KeysAndSignaturesOfItsOwnExcludeEachOther) {
  ok(set_metadata(*edit, zone(), {"PRESIGNED", {"1"}}, findings));
  EXPECT_EQ(Errc::kConflict, add_key(*edit, zone(), key(), findings).error().code);
  begin();
  ok(add_key(*edit, zone(), key(), findings));
  EXPECT_EQ(Errc::kConflict, set_metadata(*edit, zone(), {"PRESIGNED", {"1"}}, findings).error().code);
}

TEST_P(CheckedEditTest, MetadataThatNobodyCanUseIsRefused) {
  const auto done = set_metadata(*edit, zone(), {"NSEC3PARAM", {"1 0 x -"}}, findings);
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().what, HasSubstr("example./NSEC3PARAM"));
  findings.clear();
  EXPECT_TRUE(ok(set_metadata(*edit, zone(), {"TSIG-ALLOW-AXFR", {"k.example"}}, findings)));
  ASSERT_EQ(1U, findings.size()) << "there is no such key";
  findings.clear();
  ok(edit->put_tsig_key({name("k.example."), "hmac-sha256", "c2VjcmV0"}));
  EXPECT_FALSE(ok(set_metadata(*edit, zone(), {"TSIG-ALLOW-AXFR", {"k.example"}}, findings)));
  EXPECT_THAT(findings, IsEmpty());
}

SDNS_ON_EVERY_STORE(CheckedEditTest);

}  // namespace
}  // namespace sdns::store::test
