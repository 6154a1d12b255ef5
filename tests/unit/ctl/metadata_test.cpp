// SPDX-License-Identifier: MIT
#include "tests/unit/ctl/ctl_fixture.h"

namespace sdns::ctl {
namespace {

using testing::HasSubstr;

class Meta : public CtlTest {
 protected:
  void SetUp() override { import_example(); }
};

TEST_F(Meta, IsSetReadAndCleared) {
  EXPECT_EQ(json({"meta", "set", "example.org", "allow-axfr-from", "192.0.2.0/24", "2001:db8::/32"})["changed"], true);
  EXPECT_EQ(json({"meta", "get", "example.org", "ALLOW-AXFR-FROM"}), (nlohmann::json{"192.0.2.0/24", "2001:db8::/32"}));
  EXPECT_EQ(ctl({"meta", "get", "example.org", "ALLOW-AXFR-FROM"}).out, "192.0.2.0/24\n2001:db8::/32\n");
  EXPECT_EQ(json({"meta", "list", "example.org"}).size(), 1U);
  EXPECT_EQ(json({"meta", "set", "example.org", "ALLOW-AXFR-FROM", "192.0.2.0/24", "2001:db8::/32"})["changed"], false);
  EXPECT_EQ(json({"meta", "clear", "example.org", "ALLOW-AXFR-FROM"})["changed"], true);
  EXPECT_EQ(json({"meta", "clear", "example.org", "ALLOW-AXFR-FROM"})["changed"], false);
  EXPECT_THAT(ctl({"meta", "get", "example.org", "ALLOW-AXFR-FROM"}), Exits(1));
}

TEST_F(Meta, RefusesValuesThatNobodyCanUse) {
  const Ran ran = ctl({"meta", "set", "example.org", "NSEC3PARAM", "1 0 many -"});
  EXPECT_THAT(ran, Exits(1));
  EXPECT_THAT(ran.err, HasSubstr("NSEC3PARAM"));
  EXPECT_THAT(ctl({"meta", "set", "example.org", "NSEC3PARAM", "1 0 500 -"}), Exits(1));
  EXPECT_EQ(revision(), 1U);
}

TEST_F(Meta, RefusesPresignedForASignedZone) {
  ASSERT_THAT(ctl({"zone", "secure", "example.org"}), Exits(0));
  const auto before = revision();
  EXPECT_THAT(ctl({"meta", "set", "example.org", "PRESIGNED", "1"}), Exits(1));
  EXPECT_EQ(revision(), before);
}

TEST_F(Meta, RefusesCommandLinesThatSayTooLittle) {
  EXPECT_THAT(ctl({"meta", "set", "example.org", "X-OWN"}), Exits(2));
  EXPECT_THAT(ctl({"meta", "get", "example.org"}), Exits(2));
  EXPECT_THAT(ctl({"meta", "set", "example.org", "no kind", "x"}), Exits(2));
  EXPECT_THAT(ctl({"meta", "list", "example.net"}), Exits(1));
  EXPECT_EQ(revision(), 1U);
}

}  // namespace
}  // namespace sdns::ctl
