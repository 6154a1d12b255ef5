// SPDX-License-Identifier: MIT
#include "tests/unit/ctl/ctl_fixture.h"

namespace sdns::ctl {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class ZoneDiff : public CtlTest {};
class ZoneCheck : public CtlTest {};

TEST_F(ZoneDiff, SaysNothingAndSucceedsWhenBothSayTheSame) {
  import_example();
  const std::string path = (directory_ / "example.org.zone").string();
  const Ran same = ctl({"zone", "diff", "example.org", path});
  EXPECT_THAT(same, Exits(0));
  EXPECT_EQ(same.out, "");
  // A serial that is behind is not a difference: import would go on from the zone's.
  ASSERT_THAT(ctl({"record", "set", "example.org", "new", "A", "192.0.2.7"}), Exits(0));
  ASSERT_THAT(ctl({"record", "delete", "example.org", "new"}), Exits(0));
  ASSERT_EQ(serial(), 12U);
  EXPECT_THAT(ctl({"zone", "diff", "example.org", path}), Exits(0));
}

TEST_F(ZoneDiff, ShowsWhatAnImportWouldChangeAndThenIsEmpty) {
  import_example();
  const std::string path =
      file("new",
           "$ORIGIN example.org.\n$TTL 300\n@ IN SOA ns1 hostmaster 10 7200 900 1209600 30\n@ IN NS ns1\n@ IN NS ns2\n"
           "ns1 IN A 192.0.2.1\nns2 IN A 192.0.2.2\nwww IN A 192.0.2.80\nwww IN A 192.0.2.99\nalias IN CNAME www\n"
           "sub IN NS ns.sub\nns.sub IN A 192.0.2.53\n");
  const Ran ran = ctl({"zone", "diff", "example.org", path});
  EXPECT_THAT(ran, Exits(4));
  EXPECT_EQ(ran.out, "- www.example.org. 300 A 192.0.2.81\n+ www.example.org. 300 A 192.0.2.99\n");
  const auto document = json({"zone", "diff", "example.org", path}, 4);
  EXPECT_EQ(document["identical"], false);
  EXPECT_EQ(document["removed"][0]["content"], "192.0.2.81");
  EXPECT_EQ(document["added"][0]["name"], "www.example.org.");
  EXPECT_EQ(revision(), 1U);

  ASSERT_THAT(ctl({"zone", "import", path, "--replace"}), Exits(0));
  EXPECT_EQ(json({"zone", "diff", "example.org", path})["identical"], true);
}

TEST_F(ZoneDiff, FailsForAZoneOrFileThatIsNotThere) {
  import_example();
  EXPECT_THAT(ctl({"zone", "diff", "example.net", (directory_ / "example.org.zone").string()}), Exits(1));
  EXPECT_THAT(ctl({"zone", "diff", "example.org", "/none"}), Exits(1));
  EXPECT_THAT(ctl({"zone", "diff", "example.org"}), Exits(2));
}

TEST_F(ZoneDiff, FailsForAFileThatCouldNotBeImported) {
  import_example();
  EXPECT_THAT(ctl({"zone", "diff", "example.org", file("bad", "@ 300 IN A 192.0.2.1\n")}), Exits(1));
}

TEST_F(ZoneCheck, NeedsNoDatabaseForAFile) {
  variables_["SDNS_DATABASE_URL"] = "sqlite:/nonexistent/none.db";
  const std::string good =
      file("good", "$ORIGIN example.org.\n@ 300 IN SOA ns1 h 1 2 3 4 5\n@ 300 IN NS ns1\nns1 300 IN A 192.0.2.1\n");
  EXPECT_THAT(ctl({"zone", "check", good}), Exits(0));
  EXPECT_EQ(json({"zone", "check", good})["ok"], true);
}

TEST_F(ZoneCheck, FindsWhatIsWrongInAFile) {
  const std::string bad = file("bad", "$ORIGIN example.org.\n@ 300 IN NS ns1\nns1 300 IN A 192.0.2.1\n");
  const Ran ran = ctl({"zone", "check", bad, "--apex", "example.org"});
  EXPECT_THAT(ran, Exits(4));
  EXPECT_THAT(ran.out, AllOf(HasSubstr("error: "), HasSubstr("SOA")));
  const auto document = json({"zone", "check", bad, "--apex", "example.org"}, 4);
  EXPECT_EQ(document["ok"], false);
  EXPECT_EQ(document["findings"][0]["severity"], "error");
  EXPECT_THAT(ctl({"zone", "check", file("broken", "@ IN A 1.2\n"), "--apex", "example.org"}), Exits(4));
}

TEST_F(ZoneCheck, ChecksAZoneInTheDatabase) {
  import_example();
  EXPECT_THAT(ctl({"zone", "check", "example.org"}), Exits(0));
  const Ran none = ctl({"zone", "check", "example.net"});
  EXPECT_THAT(none, Exits(1));
  EXPECT_THAT(none.err, HasSubstr("is not a file"));
}

TEST_F(ZoneDiff, EachLineThatDoesNotParseIsAFindingWithItsPlace) {
  import_example();
  const std::string path = file("bad.zone", "$ORIGIN example.org.\n$TTL 5\n@ SOA a b 1 2 3 4 5\nx A 999\ny MX\n");
  for (const auto& [arguments, code] : std::vector<std::pair<std::vector<std::string>, int>>{
           {{"zone", "check", path}, 4}, {{"zone", "import", path}, 1}, {{"zone", "diff", "example.org", path}, 1}}) {
    const auto findings = json(arguments, code)["findings"];
    ASSERT_EQ(findings.size(), 2U) << findings;
    EXPECT_EQ(findings[0]["where"], path + ":4");
    EXPECT_EQ(findings[1]["where"], path + ":5");
    EXPECT_EQ(findings[0]["severity"], "error");
  }
}

TEST_F(ZoneDiff, AnEmptyFileIsNoZone) {
  const std::string path = file("empty.zone", "");
  EXPECT_EQ(json({"zone", "check", path}, 4)["findings"][0]["where"], path);
  EXPECT_THAT(ctl({"zone", "import", path}), Exits(1));
}

}  // namespace
}  // namespace sdns::ctl
