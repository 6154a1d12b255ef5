// SPDX-License-Identifier: MIT
#include "tests/unit/ctl/ctl_fixture.h"

namespace sdns::ctl {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class Record : public CtlTest {
 protected:
  void SetUp() override { import_example(); }
};

TEST_F(Record, SetPutsTheseInThePlaceOfWhatIsThere) {
  const auto done = json({"record", "set", "example.org", "www", "A", "192.0.2.90", "192.0.2.91", "192.0.2.92"});
  EXPECT_EQ(done["changed"], true);
  EXPECT_EQ(done["name"], "www.example.org.");
  EXPECT_EQ(done["records"].size(), 3U);
  EXPECT_EQ(done["records"][0]["ttl"], 300);  // that of the RRset before
  EXPECT_THAT(contents("www", "A"), UnorderedElementsAre("192.0.2.90", "192.0.2.91", "192.0.2.92"));
  EXPECT_EQ(serial(), 11U);
}

TEST_F(Record, SetTwiceChangesNothingTheSecondTime) {
  ASSERT_THAT(ctl({"record", "set", "example.org", "n", "A", "192.0.2.90"}), Exits(0));
  const auto before = revision();
  const auto again = json({"record", "set", "example.org", "n", "A", "192.0.2.90"});
  EXPECT_EQ(again["changed"], false);
  EXPECT_EQ(again["revision"], before);
  EXPECT_EQ(serial(), 11U);
}

TEST_F(Record, NewOnesLiveAnHourUnlessToldOtherwise) {
  EXPECT_EQ(json({"record", "set", "example.org", "n", "A", "192.0.2.90"})["records"][0]["ttl"], 3600);
  EXPECT_EQ(json({"record", "set", "example.org", "n", "A", "192.0.2.90", "--ttl", "5"})["records"][0]["ttl"], 5);
  EXPECT_EQ(json({"record", "set", "--ttl=7", "example.org", "n", "A", "192.0.2.90"})["records"][0]["ttl"], 7);
  EXPECT_THAT(ctl({"record", "set", "example.org", "n", "A", "192.0.2.90", "--ttl", "2147483648"}), Exits(2));
  EXPECT_THAT(ctl({"record", "set", "example.org", "n", "A", "192.0.2.90", "--ttl", "-1"}), Exits(2));
}

struct OwnerCase {
  const char* sentence;
  const char* written;
  const char* meant;
};
void PrintTo(const OwnerCase& one, std::ostream* to) { *to << one.sentence; }
class RecordOwner : public Record, public testing::WithParamInterface<OwnerCase> {};
TEST_P(RecordOwner, IsUnderstood) {
  ASSERT_THAT(ctl({"record", "set", "example.org", GetParam().written, "TXT", "x"}), Exits(0)) << GetParam().sentence;
  EXPECT_EQ(json({"record", "set", "example.org", GetParam().written, "TXT", "x"})["name"], GetParam().meant)
      << GetParam().sentence;
}
INSTANTIATE_TEST_SUITE_P(
    Names, RecordOwner,
    testing::Values(OwnerCase{"a name without a final dot is relative", "a.b", "a.b.example.org."},
                    OwnerCase{"a final dot makes it absolute", "a.example.org.", "a.example.org."},
                    OwnerCase{"a name that ends with the zone's is absolute", "a.Example.ORG", "a.example.org."},
                    OwnerCase{"the zone's own name is the apex", "example.org", "example.org."},
                    OwnerCase{"@ is the apex", "@", "example.org."},
                    OwnerCase{"the name of a command group is an owner name", "zone", "zone.example.org."},
                    OwnerCase{"the name of a command is an owner name", "list", "list.example.org."},
                    OwnerCase{"the name of a top command is an owner name", "status", "status.example.org."},
                    OwnerCase{"a wildcard stays one", "*.w", "*.w.example.org."}));

TEST_F(Record, RefusesANameOutsideOfTheZone) {
  const Ran ran = ctl({"record", "set", "example.org", "www.example.net.", "A", "192.0.2.1"});
  EXPECT_THAT(ran, Exits(2));
  EXPECT_THAT(ran.err, HasSubstr("outside of the zone"));
  EXPECT_EQ(revision(), 1U);
}

TEST_F(Record, AddKeepsWhatIsThere) {
  const auto done = json({"record", "add", "example.org", "www", "A", "192.0.2.82"});
  EXPECT_EQ(done["changed"], true);
  EXPECT_EQ(done["records"].size(), 3U);
  for (const auto& record : done["records"]) EXPECT_EQ(record["ttl"], 300);
  EXPECT_EQ(json({"record", "add", "example.org", "www", "A", "192.0.2.82"})["changed"], false);
}

TEST_F(Record, DeleteTakesOneRecordOrATypeOrAName) {
  EXPECT_EQ(json({"record", "delete", "example.org", "www", "A", "192.0.2.80"})["records"].size(), 1U);
  EXPECT_THAT(contents("www", "A"), ElementsAre("192.0.2.81"));
  EXPECT_EQ(json({"record", "delete", "example.org", "www", "A"})["records"].size(), 0U);
  ASSERT_THAT(ctl({"record", "set", "example.org", "www", "A", "192.0.2.1"}), Exits(0));
  ASSERT_THAT(ctl({"record", "set", "example.org", "www", "TXT", "x"}), Exits(0));
  EXPECT_EQ(json({"record", "delete", "example.org", "www"})["removed"], 2);
  EXPECT_THAT(ctl({"record", "list", "example.org", "www"}), Exits(1));
}

TEST_F(Record, DeleteSaysThatThereIsNothing) {
  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{"record", "delete", "example.org", "none"},
                                             {"record", "delete", "example.org", "www", "MX"},
                                             {"record", "delete", "example.org", "www", "A", "192.0.2.1"}}) {
    EXPECT_THAT(ctl(arguments), Exits(1));
    auto lenient = arguments;
    lenient.push_back("--if-exists");
    EXPECT_EQ(json(lenient)["changed"], false);
  }
  // One of two is there: all or nothing.
  EXPECT_THAT(ctl({"record", "delete", "example.org", "www", "A", "192.0.2.80", "192.0.2.1"}), Exits(1));
  EXPECT_EQ(revision(), 1U);
  EXPECT_THAT(ctl({"record", "delete", "example.org", "www", "A", "192.0.2.80", "192.0.2.1", "--if-exists"}), Exits(0));
  EXPECT_THAT(contents("www", "A"), ElementsAre("192.0.2.81"));
}

TEST_F(Record, DeleteTakesADelegationWithItsDs) {
  const std::string ds = "1 13 2 " + std::string(64, 'a');
  ASSERT_THAT(ctl({"record", "set", "example.org", "sub", "DS", ds}), Exits(0));
  EXPECT_THAT(ctl({"record", "delete", "example.org", "sub"}), Exits(0));
}

TEST_F(Record, DeleteLeavesTheApexAlone) {
  EXPECT_THAT(ctl({"record", "delete", "example.org", "@"}), Exits(2));
  EXPECT_THAT(ctl({"record", "delete", "example.org", "@", "SOA"}), Exits(1));
  EXPECT_EQ(revision(), 1U);
}

struct RefusedCase {
  const char* sentence;
  std::vector<std::string> arguments;
  int code;
  const char* says;
};
void PrintTo(const RefusedCase& one, std::ostream* to) { *to << one.sentence; }
class RecordRefused : public Record, public testing::WithParamInterface<RefusedCase> {};
TEST_P(RecordRefused, ChangesNothing) {
  const Ran ran = ctl(GetParam().arguments);
  EXPECT_THAT(ran, Exits(GetParam().code)) << GetParam().sentence;
  EXPECT_THAT(ran.err, HasSubstr(GetParam().says)) << GetParam().sentence;
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(revision(), 1U);
}
INSTANTIATE_TEST_SUITE_P(
    Edits, RecordRefused,
    testing::Values(RefusedCase{"an address that is none",
                                {"record", "set", "example.org", "n", "A", "192.0.2.300"},
                                1,
                                "n.example.org./A"},
                    RefusedCase{"a CNAME beside other data",
                                {"record", "set", "example.org", "www", "CNAME", "ns1"},
                                1,
                                "www.example.org./CNAME"},
                    RefusedCase{"data beside a CNAME",
                                {"record", "set", "example.org", "alias", "A", "192.0.2.1"},
                                1,
                                "alias.example.org./A"},
                    RefusedCase{"a second CNAME",
                                {"record", "add", "example.org", "alias", "CNAME", "ns1"},
                                1,
                                "alias.example.org./CNAME"},
                    RefusedCase{"an unknown type", {"record", "set", "example.org", "n", "NOSUCH", "x"}, 2, "NOSUCH"},
                    RefusedCase{"a type of questions", {"record", "set", "example.org", "n", "ANY", "x"}, 2, "ANY"},
                    RefusedCase{"a zone that is not there",
                                {"record", "set", "example.net", "n", "A", "192.0.2.1"},
                                1,
                                "there is no zone example.net."},
                    RefusedCase{"a name of a zone above",
                                {"record", "set", "www.example.org", "n", "A", "192.0.2.1"},
                                1,
                                "lies in the zone example.org."},
                    RefusedCase{"a label that is too long",
                                {"record", "set", "example.org", std::string(64, 'a'), "A", "192.0.2.1"},
                                2,
                                "owner name"},
                    RefusedCase{"no content", {"record", "set", "example.org", "n", "A"}, 2, "CONTENT"},
                    RefusedCase{"no type", {"record", "add", "example.org", "n"}, 2, "required"}));

TEST_F(Record, TakesTextWithoutQuotesAsOneString) {
  ASSERT_THAT(ctl({"record", "set", "example.org", "t", "TXT", "v=spf1 -all", "say \"hi\" \\o/"}), Exits(0));
  EXPECT_THAT(contents("t", "TXT"), UnorderedElementsAre("\"v=spf1 -all\"", "\"say \\\"hi\\\" \\\\o/\""));
  ASSERT_THAT(ctl({"record", "set", "example.org", "t", "TXT", "\"a\" \"b\""}), Exits(0));
  EXPECT_THAT(contents("t", "TXT"), ElementsAre("\"a\" \"b\""));
  ASSERT_THAT(ctl({"record", "set", "example.org", "t", "TXT", std::string(256, 'k')}), Exits(0));
  EXPECT_THAT(contents("t", "TXT"), ElementsAre('"' + std::string(255, 'k') + "\" \"k\""));
}

TEST_F(Record, TakesNamesInContentsRelativeToTheZone) {
  ASSERT_THAT(ctl({"record", "set", "example.org", "@", "MX", "10 mail", "20 mx.example.net."}), Exits(0));
  EXPECT_THAT(contents("@", "MX"), UnorderedElementsAre("10 mail.example.org.", "20 mx.example.net."));
}

TEST_F(Record, TakesContentsThatLookLikeOptionsAfterTwoDashes) {
  ASSERT_THAT(ctl({"record", "set", "example.org", "t", "TXT", "--", "--json"}), Exits(0));
  EXPECT_THAT(contents("t", "TXT"), ElementsAre("\"--json\""));
  ASSERT_THAT(ctl({"record", "set", "example.org", "t", "TXT", "--", "--wait"}), Exits(0));
  EXPECT_THAT(contents("t", "TXT"), ElementsAre("\"--wait\""));
}

TEST_F(Record, ListsWithFinalDotsInCanonicalOrder) {
  const Ran ran = ctl({"record", "list", "example.org"});
  EXPECT_THAT(ran, Exits(0));
  EXPECT_THAT(ran.out, testing::StartsWith("NAME"));
  EXPECT_LT(ran.out.find("SOA"), ran.out.find("alias.example.org."));
  EXPECT_LT(ran.out.find("\nsub.example.org."), ran.out.find("\nwww.example.org."));
  EXPECT_EQ(json({"record", "list", "example.org"}).size(), 10U);
  EXPECT_EQ(json({"record", "list", "example.org", "www", "A"}).size(), 2U);
}

TEST_F(Record, WarnsOfAZoneThatHidesTheName) {
  ASSERT_THAT(ctl({"zone", "import", file("sub", "@ 60 IN SOA ns h 1 2 3 4 5\n@ 60 IN NS ns\nns 60 IN A 192.0.2.53\n"),
                   "--apex", "sub.example.org"}),
              Exits(0));
  EXPECT_THAT(ctl({"record", "set", "example.org", "www.sub", "TXT", "x"}).err,
              HasSubstr("lies in the zone sub.example.org."));
}

TEST_F(Record, WarnsOfASerialThatGoesBack) {
  ASSERT_THAT(ctl({"zone", "serial-policy", "example.org", "keep"}), Exits(0));
  const Ran ran = ctl({"record", "set", "example.org", "@", "SOA", "ns1 hostmaster 9 7200 900 1209600 30"});
  EXPECT_THAT(ran, Exits(0));
  EXPECT_THAT(ran.err, HasSubstr("goes back from 10 to 9"));
}

TEST_F(Record, DeletingANameThatIsNotThereHasRemovedNothing) {
  EXPECT_EQ(json({"record", "delete", "example.org", "none", "--if-exists"})["removed"], 0);
}

TEST_F(Record, AnEmptyNameIsNoNameForTheApex) {
  const auto before = revision();
  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{"record", "list", "example.org", ""},
                                             {"record", "set", "example.org", "", "A", "192.0.2.1"},
                                             {"record", "add", "example.org", "", "A", "192.0.2.1"},
                                             {"record", "delete", "example.org", "", "NS"}}) {
    const Ran ran = ctl(arguments);
    EXPECT_THAT(ran, Exits(2));
    EXPECT_THAT(ran.err, HasSubstr("NAME is empty"));
  }
  EXPECT_EQ(revision(), before);
}

}  // namespace
}  // namespace sdns::ctl
