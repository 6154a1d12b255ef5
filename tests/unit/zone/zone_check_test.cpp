// SPDX-License-Identifier: MIT
#include "backend/zone/zone_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "backend/dns/master_file.h"

namespace sdns::zone {
namespace {

using dns::Name;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

const Name kApex = *Name::parse("example.org.");
const std::string kGood =
    "$ORIGIN example.org.\n$TTL 300\n@ SOA ns1 hostmaster 1 3600 600 604800 300\n@ NS ns1\nns1 A 192.0.2.1\n";

std::vector<std::string> shown(const std::vector<Finding>& findings) {
  std::vector<std::string> out;
  for (const Finding& finding : findings)
    out.push_back((finding.severity == Severity::kError ? "error " : "warning ") + finding.where + ": " + finding.what);
  return out;
}

std::vector<std::string> check_all(const std::string& text, bool presigned = false) {
  const auto file = dns::parse_master_text(text, "z", kApex);
  EXPECT_TRUE(file) << to_text(file.error());
  return file ? shown(check_zone(kApex, file->records, presigned)) : std::vector<std::string>{"did not parse"};
}

/// Without the settings of PowerDNS that types need.
std::vector<std::string> check(const std::string& text) {
  auto found = check_all(text);
  std::erase_if(found, [](const std::string& one) { return one.ends_with("in pdns.conf"); });
  return found;
}

TEST(ZoneCheck, FindsNothingInAGoodZone) {
  EXPECT_THAT(
      check(kGood +
            "* A 192.0.2.80\n_sip._tcp SRV 0 5 5060 ns1\n@ MX 10 mail\nmail A 192.0.2.25\nmail AAAA ::25\nwww CNAME "
            "mail\n"
            "sub NS ns.sub\nsub NS ns.elsewhere.test.\nns.sub A 192.0.2.53\nsub DS 1 13 2 00\nd DNAME target.test.\n"
            "_acme-challenge TXT \"x\"\nwild MX 10 anything.wild-target\n*.wild-target A 192.0.2.26\n"),
      IsEmpty());
}

struct RuleCase {
  std::string_view what;
  std::string_view records;
  std::string_view finding;
};
class ZoneRule : public testing::TestWithParam<RuleCase> {};
TEST_P(ZoneRule, IsFoundOnceWithPlaceAndReason) {
  EXPECT_THAT(check(kGood + std::string(GetParam().records)), ElementsAre(GetParam().finding)) << GetParam().what;
}
INSTANTIATE_TEST_SUITE_P(
    ZoneCheck, ZoneRule,
    testing::Values(
        RuleCase{"an owner outside of the zone", "www.example.net. A 192.0.2.1\n",
                 "error z:6: www.example.net. A is outside of the zone example.org. (RFC 1034 section 4.2)"},
        RuleCase{"a name that only ends alike is outside", "www.notexample.org. A 192.0.2.1\n",
                 "error z:6: www.notexample.org. A is outside of the zone example.org. (RFC 1034 section 4.2)"},
        RuleCase{"two SOA records", "@ SOA ns1 hostmaster 2 3600 600 604800 300\n",
                 "error z:6: example.org. has 2 SOA records; a zone has one (RFC 1035 section 5.2)"},
        RuleCase{"a SOA below the apex", "sub SOA ns1 hostmaster 2 3600 600 604800 300\n",
                 "error z:6: sub.example.org. has a SOA record, but the apex is example.org. (RFC 1035 section 5.2)"},
        RuleCase{"a CNAME with others", "www CNAME ns1\nwww A 192.0.2.1\n",
                 "error z:6: www.example.org. has a CNAME and other records (A) (RFC 1034 section 3.6.2)"},
        RuleCase{"others first, apart in the file", "www TXT x\nx TXT x\nwww CNAME ns1\n",
                 "error z:8: www.example.org. has a CNAME and other records (TXT) (RFC 1034 section 3.6.2)"},
        RuleCase{"a CNAME with a DNAME", "www CNAME ns1\nwww DNAME a.test.\n",
                 "error z:6: www.example.org. has a CNAME and other records (DNAME) (RFC 1034 section 3.6.2)"},
        RuleCase{"two CNAMEs", "www CNAME ns1\nwww CNAME ns1.test.\n",
                 "error z:7: www.example.org. has 2 CNAME records; one is possible (RFC 2181 section 10.1)"},
        RuleCase{"two DNAMEs", "www DNAME a.test.\nwww DNAME b.test.\n",
                 "error z:7: www.example.org. has 2 DNAME records; one is possible (RFC 6672 section 2.4)"},
        RuleCase{"a DNAME with NS below the apex", "d DNAME a.test.\nd NS ns.test.\n",
                 "warning z:7: d.example.org. has a DNAME and NS records, and is not an apex (RFC 6672 section 2.3)"},
        RuleCase{"a name below a DNAME", "d DNAME a.test.\nx.y.d A 192.0.2.1\n",
                 "warning z:7: x.y.d.example.org. is below a DNAME, which hides it (RFC 6672 section 2.4)"},
        RuleCase{"TTLs that differ", "www 5 A 192.0.2.1\nwww 6 A 192.0.2.2\n",
                 "warning z:7: www.example.org. A has records with the TTLs 5 and 6: an RRset has one (RFC 2181 "
                 "section 5.2)"},
        RuleCase{
            "a duplicate", "www A 192.0.2.1\nwww A 192.0.2.2\nwww A 192.0.2.1\n",
            "warning z:8: www.example.org. A \"192.0.2.1\" is there twice; an RRset has it once (RFC 2181 section 5)"},
        RuleCase{
            "a duplicate in another letter case", "www PTR a.test.\nwww PTR A.test.\n",
            "warning z:7: www.example.org. PTR \"A.test.\" is there twice; an RRset has it once (RFC 2181 section 5)"},
        RuleCase{"a DS without NS", "www DS 1 13 2 00\n",
                 "warning z:6: www.example.org. has a DS but no NS; a DS is for a delegation (RFC 4035 section 2.4)"},
        RuleCase{
            "a DS at the apex", "@ DS 1 13 2 00\n",
            "warning z:6: example.org. has a DS at the apex; it belongs to the parent zone (RFC 4035 section 2.4)"},
        RuleCase{"a wildcard with NS", "* NS ns.test.\n",
                 "warning z:6: *.example.org. is a wildcard with NS (RFC 4592 section 4)"},
        RuleCase{"a wildcard with DNAME", "*.d DNAME a.test.\n",
                 "warning z:6: *.d.example.org. is a wildcard with DNAME (RFC 4592 section 4)"},
        RuleCase{"a record that PowerDNS makes itself", "@ DNSKEY 257 3 13 AAAA\n",
                 "warning z:6: example.org. DNSKEY: PowerDNS makes these itself in a zone that it signs; they are of "
                 "use only "
                 "with PRESIGNED"},
        RuleCase{"an underscore in a host name", "my_host A 192.0.2.1\n",
                 "warning z:6: my_host.example.org. has A records but is not a host name (RFC 1123 section 2.1)"},
        RuleCase{
            "an address as a target", "x MX 10 192.0.2.1.\n",
            "warning z:6: x.example.org. MX points at 192.0.2.1., which is not a host name (RFC 1123 section 2.1)"},
        RuleCase{
            "TXT below a delegation", "sub NS ns.test.\nx.sub TXT x\n",
            "warning z:7: x.sub.example.org. TXT is at or below a delegation, which hides it (RFC 1034 section 4.2.1)"},
        RuleCase{
            "TXT at a delegation", "sub NS ns.test.\nsub TXT x\n",
            "warning z:7: sub.example.org. TXT is at or below a delegation, which hides it (RFC 1034 section 4.2.1)"},
        RuleCase{
            "NS to a CNAME", "sub NS www\nwww CNAME ns1\n",
            "warning z:6: sub.example.org. NS points at www.example.org., which is a CNAME (RFC 2181 section 10.3)"},
        RuleCase{"MX to a wildcard CNAME", "x MX 10 a.w\n*.w CNAME ns1\n",
                 "warning z:6: x.example.org. MX points at a.w.example.org., which is a CNAME (RFC 2181 section 10.3)"},
        RuleCase{"MX to a name without address", "x MX 10 nothing\n",
                 "warning z:6: x.example.org. MX points at nothing.example.org., which has no address in this zone "
                 "(RFC 1912 "
                 "section 2.4)"},
        RuleCase{
            "a wildcard does not cover an existing name", "x MX 10 txt.w\n*.w A 192.0.2.1\ntxt.w TXT x\n",
            "warning z:6: x.example.org. MX points at txt.w.example.org., which has no address in this zone (RFC 1912 "
            "section 2.4)"},
        RuleCase{
            "glue missing", "sub NS ns.sub\n",
            "warning z:6: sub.example.org. NS points at ns.sub.example.org., which is below the delegation and has no "
            "glue (RFC 1034 section 4.2.1)"}));

TEST(ZoneCheck, ATypeThatNeedsASettingOfPowerDnsSaysSoOnce) {
  EXPECT_THAT(check_all(kGood + "d DNAME a.test.\ne DNAME a.test.\n"),
              ElementsAre(AllOf(StartsWith("warning z:6: d.example.org. DNAME: "), HasSubstr("dname-processing=yes"),
                                HasSubstr("and 1 more"))));
  EXPECT_THAT(check_all(kGood + "l LUA A \"'192.0.2.1'\"\n"), ElementsAre()) << "we evaluate it";
  EXPECT_THAT(check_all(kGood + "l ALIAS a.test.\n"),
              ElementsAre(AllOf(HasSubstr("expand-alias=yes"), HasSubstr("resolver"))));
}

TEST(ZoneCheck, AnOwnerThatPowerDnsCannotBeAskedForIsAWarning) {
  EXPECT_THAT(check_all(kGood + "a\\(b TXT x\n"),
              ElementsAre(AllOf(StartsWith("warning z:6: "), HasSubstr("answers SERVFAIL"))));
  EXPECT_THAT(check_all(kGood + "\\195\\164 TXT x\n"), ElementsAre(HasSubstr("answers SERVFAIL")));
  EXPECT_THAT(check_all(kGood + "\\000 TXT x\n"), ElementsAre(HasSubstr("answers SERVFAIL")));
  EXPECT_THAT(check_all(kGood + "a\\@b/c:d_e-f\\032g\\.h\\\\i TXT x\n* TXT x\n"), IsEmpty());
}

TEST(ZoneCheck, APresignedZoneBringsItsSignatures) {
  const std::string text = kGood + "@ DNSKEY 257 3 13 AAAA\n@ NSEC3PARAM 1 0 0 -\nns1 NSEC @ A\n";
  EXPECT_THAT(check_all(text), testing::SizeIs(3));
  EXPECT_THAT(check_all(text, true), IsEmpty());
}

TEST(ZoneCheck, ATargetBelowAnotherDelegationIsNotMissed) {
  EXPECT_THAT(check(kGood + "sub NS ns.other\nother NS ns.test.\nx MX 10 mail.other\n"), IsEmpty());
}

TEST(ZoneCheck, NamesBelowADelegationAreNotCheckedForDelegationsOfTheirOwn) {
  EXPECT_THAT(check(kGood + "sub NS ns.test.\nx.sub NS ns.x.sub\n"),
              ElementsAre(HasSubstr("x.sub.example.org. NS is at or below a delegation")));
}

TEST(ZoneCheck, AnEmptyZoneHasNoSoa) {
  EXPECT_THAT(
      shown(check_zone(kApex, {})),
      ElementsAre(
          "error example.org./SOA: the zone example.org. has no SOA record at its apex (RFC 1035 section 5.2)"));
}

TEST(ZoneCheck, NsAtTheApexAreExpected) {
  EXPECT_THAT(
      check("$TTL 5\n@ SOA ns1 hostmaster 1 3600 600 604800 300\n"),
      ElementsAre("warning example.org./NS: the zone example.org. has no NS records at its apex (RFC 1035 section "
                  "5.2)"));
}

TEST(ZoneCheck, SoaTimesThatFightEachOtherAreAWarning) {
  EXPECT_THAT(check("$TTL 5\n@ SOA ns1 hostmaster 1 600 3600 604800 300\n@ NS ns.test.\n"),
              ElementsAre(StartsWith("warning z:2: the SOA of example.org. has refresh 600, retry 3600")));
}

TEST(ZoneCheck, ErrorsComeBeforeWarnings) {
  const auto found = check(kGood + "a_b A 192.0.2.1\nz CNAME a\nz TXT x\n");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_THAT(found[0], StartsWith("error "));
  EXPECT_THAT(found[1], StartsWith("warning "));
}

TEST(ZoneCheck, ARuleThatIsBrokenOftenIsListedALimitedNumberOfTimes) {
  const auto found = check(kGood + "$GENERATE 1-1000 a_$ A 192.0.2.1\n");
  ASSERT_EQ(found.size(), 50U);
  EXPECT_THAT(found.back(), HasSubstr("; and 950 more of this kind"));
}

TEST(ZoneCheck, AnRrsetThatFitsNoResponseIsAnError) {
  std::string text = kGood;
  for (int i = 0; i < 300; ++i) text += "big TXT \"" + std::to_string(i) + std::string(240, 'x') + "\"\n";
  EXPECT_THAT(check(text), ElementsAre(StartsWith("error z:6: big.example.org. TXT has 300 records of ")));
}

TEST(ZoneCheck, WhatCameFromNoFileIsNamedByOwnerAndType) {
  std::vector<dns::PlacedRecord> records;
  records.push_back({{kApex, dns::kSOA, {300}, "ns1.test. h.test. 1 3600 600 604800 300"}, {}});
  records.push_back({{kApex, dns::kNS, {300}, "ns1.test."}, {}});
  records.push_back({{kApex, dns::kCNAME, {300}, "a.test."}, {}});
  EXPECT_THAT(
      shown(check_zone(kApex, records)),
      ElementsAre(
          "error example.org./CNAME: example.org. has a CNAME and other records (NS) (RFC 1034 section 3.6.2)"));
}

TEST(ZoneCheck, TheRootCanBeAZone) {
  const auto file = dns::parse_master_text(
      "$TTL 5\n. SOA a. h. 1 3600 600 604800 300\n. NS a.\na. A 192.0.2.1\nb. NS c.b.\n", "z", Name());
  ASSERT_TRUE(file);
  EXPECT_THAT(shown(check_zone(Name(), file->records)), ElementsAre(HasSubstr("b. NS points at c.b., which is below")));
}

TEST(ZoneCheck, ADnameAtTheRootHidesEverythingElse) {
  const auto file = dns::parse_master_text(
      "$TTL 5\n. SOA a. h. 1 3600 600 604800 300\n. NS a.test.\n. DNAME x.test.\nb. A 192.0.2.1\n", "z", Name());
  ASSERT_TRUE(file);
  EXPECT_THAT(shown(check_zone(Name(), file->records)), Contains(HasSubstr("b. is below a DNAME")));
}

OwnerContext at(const Name& apex) {
  OwnerContext context;
  context.apex = apex;
  return context;
}
dns::Rrset rrset(std::string_view owner, dns::RrType type, std::vector<std::string> contents) {
  return {*Name::parse_relative(owner, kApex), type, {300}, std::move(contents)};
}
dns::Record record(std::string_view owner, dns::RrType type, std::string content) {
  return {*Name::parse_relative(owner, kApex), type, {300}, std::move(content)};
}

TEST(EditCheck, FindsNothingInAGoodEdit) {
  EXPECT_THAT(check_edit(at(kApex), rrset("www", dns::kA, {"192.0.2.1", "192.0.2.2"})), IsEmpty());
  EXPECT_THAT(check_edit(at(kApex), rrset("www", dns::kA, {})), IsEmpty());
}

TEST(EditCheck, ACnameBesideOthersIsAnErrorFromEitherSide) {
  OwnerContext beside_a = at(kApex);
  beside_a.others = {record("www", dns::kA, "192.0.2.1")};
  EXPECT_THAT(
      shown(check_edit(beside_a, rrset("www", dns::kCNAME, {"a.test."}))),
      ElementsAre("error www.example.org./CNAME: www.example.org. has a CNAME and other records (A) (RFC 1034 section "
                  "3.6.2)"));
  OwnerContext beside_cname = at(kApex);
  beside_cname.others = {record("www", dns::kCNAME, "a.test.")};
  EXPECT_THAT(shown(check_edit(beside_cname, rrset("www", dns::kTXT, {"\"x\""}))),
              ElementsAre(StartsWith("error www.example.org./TXT: www.example.org. has a CNAME and other records")));
  EXPECT_THAT(check_edit(beside_cname, rrset("www", dns::kCNAME, {"b.test."})), IsEmpty());
}

TEST(EditCheck, TakingAwayIsAllowedWhereTheRestIsWrong) {
  OwnerContext context = at(kApex);
  context.others = {record("www", dns::kCNAME, "a.test."), record("www", dns::kTXT, "\"x\"")};
  EXPECT_THAT(check_edit(context, rrset("www", dns::kA, {})), IsEmpty());
}

TEST(EditCheck, TheSoaStaysAndIsOne) {
  EXPECT_THAT(shown(check_edit(at(kApex), rrset("@", dns::kSOA, {}))), ElementsAre(StartsWith("error ")));
  EXPECT_THAT(shown(check_edit(at(kApex), rrset("@", dns::kSOA, {"a. b. 1 9 3 10 5", "a. b. 2 9 3 10 5"}))),
              ElementsAre(HasSubstr("has 2 SOA records")));
  EXPECT_THAT(shown(check_edit(at(kApex), rrset("sub", dns::kSOA, {"a. b. 1 9 3 10 5"}))),
              ElementsAre(HasSubstr("but the apex is example.org.")));
}

TEST(EditCheck, WhatADelegationOrDnameHidesIsAWarning) {
  OwnerContext below_cut = at(kApex);
  below_cut.below_cut = true;
  EXPECT_THAT(check_edit(below_cut, rrset("ns.sub", dns::kA, {"192.0.2.1"})), IsEmpty());
  EXPECT_THAT(shown(check_edit(below_cut, rrset("x.sub", dns::kTXT, {"\"x\""}))),
              ElementsAre(HasSubstr("which hides it")));
  OwnerContext below_dname = at(kApex);
  below_dname.below_dname = true;
  EXPECT_THAT(shown(check_edit(below_dname, rrset("x.d", dns::kA, {"192.0.2.1"}))),
              ElementsAre(HasSubstr("is below a DNAME")));
  OwnerContext names_below = at(kApex);
  names_below.has_names_below = true;
  EXPECT_THAT(shown(check_edit(names_below, rrset("d", dns::kDNAME, {"a.test."}))),
              Contains(HasSubstr("hides the names below it")));
  OwnerContext with_txt = at(kApex);
  with_txt.others = {record("sub", dns::kTXT, "\"x\"")};
  EXPECT_THAT(shown(check_edit(with_txt, rrset("sub", dns::kNS, {"ns.test."}))),
              ElementsAre(HasSubstr("sub.example.org. TXT is at or below a delegation")));
}

TEST(EditCheck, WhatPowerDnsServesOnlyInPartIsAWarning) {
  EXPECT_THAT(shown(check_edit(at(kApex), rrset("d", dns::kDNAME, {"a.test."}))),
              ElementsAre(HasSubstr("dname-processing=yes")));
  OwnerContext beside_a = at(kApex);
  beside_a.others = {record("a\\(b", dns::kA, "192.0.2.1")};
  EXPECT_THAT(shown(check_edit(beside_a, rrset("a\\(b", dns::kTXT, {"\"x\""}))),
              ElementsAre(HasSubstr("answers SERVFAIL")));
  EXPECT_THAT(check_edit(at(kApex), rrset("a\\(b", dns::kTXT, {})), IsEmpty());
}

TEST(EditCheck, InAPresignedZoneSignaturesAreNoWarning) {
  OwnerContext context = at(kApex);
  EXPECT_THAT(check_edit(context, rrset("www", dns::kNSEC, {"example.org. A"})), testing::SizeIs(1));
  context.presigned = true;
  EXPECT_THAT(check_edit(context, rrset("www", dns::kNSEC, {"example.org. A"})), IsEmpty());
}

TEST(EditCheck, ADelegationThatGoesLeavesNoDs) {
  OwnerContext context = at(kApex);
  context.others = {record("sub", dns::kDS, "1 13 2 00")};
  EXPECT_THAT(shown(check_edit(context, rrset("sub", dns::kNS, {}))),
              ElementsAre(HasSubstr("has a DS but no NS then")));
  EXPECT_THAT(check_edit(context, rrset("sub", dns::kA, {"192.0.2.1"})), IsEmpty());
}

TEST(EditCheck, OutsideOfTheZoneIsAnError) {
  EXPECT_THAT(shown(check_edit(at(kApex), rrset("www.example.net.", dns::kA, {"192.0.2.1"}))),
              ElementsAre(StartsWith("error www.example.net./A: ")));
  EXPECT_THAT(shown(check_edit(at(kApex), rrset("www.example.net.", dns::kA, {}))), ElementsAre(StartsWith("error ")));
}

struct MetadataCase {
  std::string_view kind;
  std::vector<std::string> values;
  std::string_view severity;  // empty: fine
};
class MetadataCheck : public testing::TestWithParam<MetadataCase> {};
TEST_P(MetadataCheck, TakesWhatPowerDnsCanUse) {
  const auto found = shown(check_metadata({std::string(GetParam().kind), GetParam().values}));
  if (GetParam().severity.empty()) EXPECT_THAT(found, IsEmpty());
  else
    EXPECT_THAT(found,
                ElementsAre(StartsWith(std::string(GetParam().severity) + " " + std::string(GetParam().kind) + ": ")));
}
INSTANTIATE_TEST_SUITE_P(
    Zone, MetadataCheck,
    testing::Values(
        MetadataCase{"NSEC3PARAM", {"1 0 0 -"}, ""}, MetadataCase{"NSEC3PARAM", {"1 1 0 -"}, ""},
        MetadataCase{"NSEC3PARAM", {"1 0 5 aabb"}, "warning"}, MetadataCase{"NSEC3PARAM", {"1 0 100 -"}, "warning"},
        MetadataCase{"NSEC3PARAM", {"1 0 101 -"}, "error"}, MetadataCase{"NSEC3PARAM", {"2 0 0 -"}, "error"},
        MetadataCase{"NSEC3PARAM", {"1 2 0 -"}, "error"}, MetadataCase{"NSEC3PARAM", {"1 0 0"}, "error"},
        MetadataCase{"NSEC3PARAM", {"1 0 0 abc"}, "error"}, MetadataCase{"NSEC3PARAM", {"1 0 0 - x"}, "error"},
        MetadataCase{"NSEC3PARAM", {""}, "error"}, MetadataCase{"NSEC3PARAM", {"1 0 0 -", "1 0 0 -"}, "error"},
        MetadataCase{"NSEC3PARAM", {}, ""}, MetadataCase{"NSEC3NARROW", {"1"}, ""},
        MetadataCase{"NSEC3NARROW", {"yes"}, "error"}, MetadataCase{"PRESIGNED", {"1"}, ""},
        MetadataCase{"PRESIGNED", {"true"}, "error"}, MetadataCase{"SOA-EDIT", {"INCEPTION-INCREMENT"}, ""},
        MetadataCase{"SOA-EDIT", {"DEFAULT"}, "error"}, MetadataCase{"SOA-EDIT-API", {"DEFAULT"}, ""},
        MetadataCase{"SOA-EDIT-API", {"x"}, "error"}, MetadataCase{"PUBLISH-CDS", {"2,4"}, ""},
        MetadataCase{"PUBLISH-CDS", {"0"}, ""}, MetadataCase{"PUBLISH-CDS", {"3"}, "error"},
        MetadataCase{"PUBLISH-CDS", {"2,"}, "error"},
        MetadataCase{"ALSO-NOTIFY", {"192.0.2.1", "192.0.2.1:5300", "::1", "[::1]:53"}, ""},
        MetadataCase{"ALSO-NOTIFY", {"ns.example."}, "error"},
        MetadataCase{"ALLOW-AXFR-FROM", {"AUTO-NS", "192.0.2.0/24", "::1", "2001:db8::/32"}, ""},
        MetadataCase{"ALLOW-AXFR-FROM", {"192.0.2.0/33"}, "error"}, MetadataCase{"TSIG-ALLOW-AXFR", {"key.name"}, ""},
        MetadataCase{"AXFR-MASTER-TSIG", {"key.name"}, ""}, MetadataCase{"TSIG-ALLOW-AXFR", {}, ""},
        MetadataCase{"TSIG-ALLOW-DNSUPDATE", {"key.name"}, ""}, MetadataCase{"TSIG-ALLOW-AXFR", {"a..b"}, "error"},
        MetadataCase{"ENABLE-LUA-RECORDS", {"shared"}, ""}, MetadataCase{"X-OWN", {"anything"}, ""},
        MetadataCase{"X-OWN", {"a\nb"}, "error"}, MetadataCase{"BOGUS", {"1"}, "warning"}));

}  // namespace
}  // namespace sdns::zone
