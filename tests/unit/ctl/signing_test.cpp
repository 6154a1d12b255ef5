// SPDX-License-Identifier: MIT
#include "tests/unit/ctl/ctl_fixture.h"

namespace sdns::ctl {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class ZoneSecure : public CtlTest {
 protected:
  void SetUp() override { import_example(); }
};
class ZoneUnsecure : public ZoneSecure {};
class ZoneDenial : public ZoneSecure {};

TEST_F(ZoneSecure, MakesAKskAndAZskOfP256) {
  const auto done = json({"zone", "secure", "example.org"});
  EXPECT_EQ(done["changed"], true);
  ASSERT_EQ(done["keys"].size(), 2U);
  EXPECT_EQ(done["keys"][0]["role"], "KSK");
  EXPECT_EQ(done["keys"][0]["flags"], 257);
  EXPECT_EQ(done["keys"][1]["role"], "ZSK");
  EXPECT_EQ(done["keys"][1]["algorithm"], "ECDSAP256SHA256");
  EXPECT_EQ(done["keys"][1]["active"], true);
  EXPECT_EQ(json({"zone", "show", "example.org"})["signing"], "signed live");
  EXPECT_EQ(serial(), 10U);  // keys are not data of the zone
}

TEST_F(ZoneSecure, LeavesASignedZoneAsItIs) {
  const auto first = json({"zone", "secure", "example.org"});
  const auto again = json({"zone", "secure", "example.org", "--algorithm", "ed25519", "--csk"});
  EXPECT_EQ(again["changed"], false);
  EXPECT_EQ(again["keys"], first["keys"]);
  EXPECT_EQ(again["revision"], first["revision"]);
  EXPECT_THAT(ctl({"zone", "secure", "example.org"}).out, HasSubstr("already signed"));
}

TEST_F(ZoneSecure, MakesOneKeyThatSignsEverything) {
  const auto done = json({"zone", "secure", "example.org", "--csk", "--algorithm", "ED25519"});
  ASSERT_EQ(done["keys"].size(), 1U);
  EXPECT_EQ(done["keys"][0]["role"], "CSK");
  EXPECT_EQ(done["keys"][0]["algorithm_number"], 15);
}

TEST_F(ZoneSecure, RefusesWhatItCannotDo) {
  EXPECT_THAT(ctl({"zone", "secure", "example.org", "--algorithm", "RSAMD5"}), Exits(2));
  EXPECT_THAT(ctl({"zone", "secure", "example.net"}), Exits(1));
  EXPECT_THAT(ctl({"zone", "secure"}), Exits(2));
  EXPECT_EQ(revision(), 1U);
}

TEST_F(ZoneSecure, MakesRecordsOfSigningUntouchable) {
  ASSERT_THAT(ctl({"zone", "secure", "example.org"}), Exits(0));
  const auto before = revision();
  for (const char* type : {"NSEC3PARAM", "DNSKEY"}) {
    const std::string content = std::string(type) == "DNSKEY" ? "256 3 13 " + std::string(86, 'A') + "==" : "1 0 0 -";
    const Ran ran = ctl({"record", "set", "example.org", "@", type, content});
    EXPECT_THAT(ran, Exits(1)) << type;
    EXPECT_THAT(ran.err, AllOf(HasSubstr("signed live"), HasSubstr(type)));
  }
  EXPECT_EQ(revision(), before);
}

TEST_F(ZoneUnsecure, WantsToBeMeantAndWarnsOfTheDs) {
  ASSERT_THAT(ctl({"zone", "secure", "example.org"}), Exits(0));
  const auto before = revision();
  const Ran asked = ctl({"zone", "unsecure", "example.org"});
  EXPECT_THAT(asked, Exits(2));
  EXPECT_THAT(asked.err, AllOf(HasSubstr("--yes"), HasSubstr("SERVFAIL")));
  EXPECT_EQ(revision(), before);

  ASSERT_THAT(ctl({"zone", "nsec3", "example.org", "--narrow"}), Exits(0));
  const Ran done = ctl({"zone", "unsecure", "example.org", "--yes"});
  EXPECT_THAT(done, Exits(0));
  EXPECT_THAT(done.err, HasSubstr("SERVFAIL"));
  const auto zone = json({"zone", "show", "example.org"});
  EXPECT_EQ(zone["signing"], "unsigned");
  EXPECT_EQ(zone["keys"], 0);
  EXPECT_EQ(zone["metadata"].size(), 1U);
  EXPECT_EQ(zone["metadata"]["SOA-EDIT"][0], "INCEPTION-EPOCH") << "without it the serial that is served would go back";
  EXPECT_EQ(json({"zone", "unsecure", "example.org", "--yes"})["changed"], false);
}

TEST_F(ZoneUnsecure, NamesTheParentHereThatStillHasADs) {
  ASSERT_THAT(ctl({"zone", "import", file("sub", "@ 60 IN SOA ns h 1 2 3 4 5\n@ 60 IN NS ns\nns 60 IN A 192.0.2.53\n"),
                   "--apex", "sub.example.org"}),
              Exits(0));
  ASSERT_THAT(ctl({"zone", "secure", "sub.example.org"}), Exits(0));
  ASSERT_THAT(ctl({"zone", "ds", "sub.example.org", "--parent"}), Exits(0));
  EXPECT_THAT(ctl({"zone", "unsecure", "sub.example.org", "--yes"}).err,
              HasSubstr("sdnsctl record delete example.org. sub.example.org. DS"));
}

TEST_F(ZoneDenial, IsNsec3WithoutSaltAndIterations) {
  const auto done = json({"zone", "nsec3", "example.org"});
  EXPECT_EQ(done["changed"], true);
  EXPECT_EQ(json({"meta", "list", "example.org"}), (nlohmann::json{{"NSEC3PARAM", {"1 0 0 -"}}}));
  EXPECT_EQ(json({"zone", "nsec3", "example.org"})["changed"], false);
}

TEST_F(ZoneDenial, TakesWhatIsAskedFor) {
  ASSERT_THAT(ctl({"zone", "nsec3", "example.org", "--iterations", "5", "--salt", "abcd", "--opt-out", "--narrow"}),
              Exits(0));
  const auto metadata = json({"meta", "list", "example.org"});
  EXPECT_EQ(metadata["NSEC3PARAM"][0], "1 1 5 abcd");
  EXPECT_EQ(metadata["NSEC3NARROW"][0], "1");
  ASSERT_THAT(ctl({"zone", "nsec3", "example.org", "--salt", "-"}), Exits(0));
  EXPECT_EQ(json({"meta", "list", "example.org"}), (nlohmann::json{{"NSEC3PARAM", {"1 0 0 -"}}}));
  ASSERT_THAT(ctl({"zone", "nsec", "example.org"}), Exits(0));
  EXPECT_EQ(json({"meta", "list", "example.org"}).size(), 0U);
  EXPECT_EQ(json({"zone", "nsec", "example.org"})["changed"], false);
}

TEST_F(ZoneDenial, RefusesParametersThatWouldNotValidate) {
  EXPECT_THAT(ctl({"zone", "nsec3", "example.org", "--iterations", "101"}), Exits(2));
  EXPECT_THAT(ctl({"zone", "nsec3", "example.org", "--iterations", "-1"}), Exits(2));
  EXPECT_THAT(ctl({"zone", "nsec3", "example.org", "--salt", "abc"}), Exits(2));
  EXPECT_THAT(ctl({"zone", "nsec3", "example.org", "--salt", std::string(512, 'a')}), Exits(2));
  EXPECT_EQ(revision(), 1U);
  EXPECT_THAT(ctl({"zone", "nsec3", "example.org", "--iterations", "100"}), Exits(0));
}

}  // namespace
}  // namespace sdns::ctl
