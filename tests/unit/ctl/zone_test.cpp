// SPDX-License-Identifier: MIT
#include "tests/unit/ctl/ctl_fixture.h"

namespace sdns::ctl {
namespace {

using testing::HasSubstr;

class ZoneCommands : public CtlTest {};

TEST_F(ZoneCommands, ListOfNoZonesIsEmptyAndSucceeds) {
  EXPECT_THAT(ctl({"zone", "list"}), Exits(0));
  EXPECT_EQ(json({"zone", "list"}), nlohmann::json::array());
}

TEST_F(ZoneCommands, ListShowsEachZone) {
  import_example();
  const auto list = json({"zone", "list"});
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0]["zone"], "example.org.");
  EXPECT_EQ(list[0]["serial"], 10);
  EXPECT_EQ(list[0]["kind"], "native");
  EXPECT_EQ(list[0]["signing"], "unsigned");
  EXPECT_THAT(ctl({"zone", "list"}).out, HasSubstr("example.org.  native"));
}

TEST_F(ZoneCommands, ShowCountsRecordsByType) {
  import_example();
  const auto zone = json({"zone", "show", "EXAMPLE.org."});
  EXPECT_EQ(zone["records"], 10);
  EXPECT_EQ(zone["types"]["A"], 5);
  EXPECT_THAT(ctl({"zone", "show", "example.org"}).out, HasSubstr("serial policy: counter"));
  EXPECT_THAT(ctl({"zone", "show", "example.net"}), Exits(1));
  EXPECT_THAT(ctl({"zone", "show"}), Exits(2));
  EXPECT_THAT(ctl({"zone", "show", "a..b"}), Exits(2));
}

TEST_F(ZoneCommands, ExportGivesAFileThatImportsToTheSame) {
  import_example();
  const Ran exported = ctl({"zone", "export", "example.org"});
  ASSERT_THAT(exported, Exits(0));
  EXPECT_EQ(json({"zone", "diff", "example.org", file("exported", exported.out)})["identical"], true);
  EXPECT_EQ(json({"zone", "export", "example.org"})["records"].size(), 10U);
  EXPECT_THAT(ctl({"zone", "export", "example.net"}), Exits(1));
}

TEST_F(ZoneCommands, DeleteWantsToBeMeant) {
  import_example();
  const Ran asked = ctl({"zone", "delete", "example.org"});
  EXPECT_THAT(asked, Exits(2));
  EXPECT_THAT(asked.err, HasSubstr("--yes"));
  EXPECT_EQ(revision(), 1U);
  EXPECT_EQ(json({"zone", "delete", "example.org", "--yes"})["changed"], true);
  EXPECT_EQ(json({"zone", "list"}).size(), 0U);
  EXPECT_THAT(ctl({"zone", "delete", "example.org", "--yes"}), Exits(1));
}

TEST_F(ZoneCommands, AZoneThatComesBackHasAnotherId) {
  import_example();
  const auto id = json({"zone", "show", "example.org"})["id"];
  ASSERT_THAT(ctl({"zone", "delete", "example.org", "--yes"}), Exits(0));
  import_example();
  EXPECT_NE(json({"zone", "show", "example.org"})["id"], id);
}

TEST_F(ZoneCommands, SerialPolicyDecidesHowTheSerialMoves) {
  import_example();
  EXPECT_EQ(json({"zone", "serial-policy", "example.org", "date"})["changed"], true);
  EXPECT_EQ(json({"zone", "serial-policy", "example.org", "date"})["changed"], false);
  ASSERT_THAT(ctl({"record", "set", "example.org", "a", "A", "192.0.2.1"}), Exits(0));
  EXPECT_EQ(serial(), 2026010200U);
  ASSERT_THAT(ctl({"record", "set", "example.org", "b", "A", "192.0.2.1"}), Exits(0));
  EXPECT_EQ(serial(), 2026010201U);
  ASSERT_THAT(ctl({"zone", "serial-policy", "example.org", "keep"}), Exits(0));
  ASSERT_THAT(ctl({"record", "set", "example.org", "c", "A", "192.0.2.1"}), Exits(0));
  EXPECT_EQ(serial(), 2026010201U);
  EXPECT_THAT(ctl({"zone", "serial-policy", "example.org", "epoch"}), Exits(2));
  EXPECT_THAT(ctl({"zone", "serial-policy", "example.net", "date"}), Exits(1));
}

}  // namespace
}  // namespace sdns::ctl
