// SPDX-License-Identifier: MIT
#include "tests/unit/ctl/ctl_fixture.h"

namespace sdns::ctl {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::UnorderedElementsAre;

class ZoneImport : public CtlTest {};

constexpr const char* kSoa =
    "@ 300 IN SOA ns1 hostmaster 10 7200 900 1209600 30\n@ 300 IN NS ns1\nns1 300 IN A 192.0.2.1\n";

TEST_F(ZoneImport, CreatesTheZoneThatTheSoaRecordNames) {
  const auto done = json({"zone", "import", file("z", std::string("$ORIGIN example.org.\n") + kSoa)});
  EXPECT_EQ(done["zone"], "example.org.");
  EXPECT_EQ(done["created"], true);
  EXPECT_EQ(done["records"], 3);
  EXPECT_EQ(done["revision"], 1);
  EXPECT_EQ(done["served"], nullptr);
  EXPECT_EQ(serial(), 10U);
}

TEST_F(ZoneImport, TakesNamesRelativeToAnAbsoluteSoaOwner) {
  ASSERT_THAT(
      ctl({"zone", "import",
           file("z", "example.org. 300 IN SOA ns1 hostmaster 1 2 3 4 5\n 300 IN NS ns1\nns1 300 IN A 192.0.2.1\n")}),
      Exits(0));
  EXPECT_THAT(contents("ns1", "A"), ElementsAre("192.0.2.1"));
  EXPECT_THAT(contents("@", "NS"), ElementsAre("ns1.example.org."));
}

TEST_F(ZoneImport, TakesNamesRelativeToAnSoaOwnerThatComesLate) {
  ASSERT_THAT(ctl({"zone", "import",
                   file("z",
                        "www.example.org. 300 IN A 192.0.2.9\nexample.org. 300 IN SOA ns1 hostmaster 1 2 3 4 5\n"
                        "example.org. 300 IN NS ns1\nns1 300 IN A 192.0.2.1\n")}),
              Exits(0));
  EXPECT_THAT(contents("ns1", "A"), ElementsAre("192.0.2.1"));
}

TEST_F(ZoneImport, RefusesAFileThatDoesNotSayWhichZoneItIs) {
  const Ran ran = ctl({"zone", "import", file("z", kSoa)});
  EXPECT_THAT(ran, Exits(1));
  EXPECT_THAT(ran.err, HasSubstr("--apex"));
  EXPECT_EQ(revision(), 0U);
  EXPECT_THAT(ctl({"zone", "import", file("z", kSoa), "--apex", "example.org"}), Exits(0));
}

TEST_F(ZoneImport, ChangesNothingWhenTheSameFileComesAgain) {
  import_example();
  const auto again = json({"zone", "import", (directory_ / "example.org.zone").string()});
  EXPECT_EQ(again["changed"], false);
  EXPECT_EQ(again["created"], false);
  EXPECT_EQ(again["revision"], 1);
}

TEST_F(ZoneImport, RefusesOtherRecordsWithoutReplace) {
  import_example();
  const std::string other = file("other", std::string("$ORIGIN example.org.\n") + kSoa);
  const Ran ran = ctl({"zone", "import", other});
  EXPECT_THAT(ran, Exits(1));
  EXPECT_THAT(ran.err, AllOf(HasSubstr("--replace"), HasSubstr("nothing was changed")));
  EXPECT_EQ(revision(), 1U);

  const auto replaced = json({"zone", "import", other, "--replace"});
  EXPECT_EQ(replaced["changed"], true);
  EXPECT_EQ(replaced["added"], 0);
  EXPECT_EQ(replaced["removed"], 7);
  EXPECT_EQ(serial(), 11U);
}

TEST_F(ZoneImport, CreateOnlyRefusesAZoneThatExists) {
  import_example();
  EXPECT_THAT(ctl({"zone", "import", (directory_ / "example.org.zone").string(), "--create-only"}), Exits(1));
}

TEST_F(ZoneImport, GoesOnFromTheZonesSerialWhenTheFilesIsBehind) {
  import_example();
  ASSERT_THAT(ctl({"record", "set", "example.org", "new", "A", "192.0.2.7"}), Exits(0));
  ASSERT_EQ(serial(), 11U);
  const Ran ran = ctl({"zone", "import", (directory_ / "example.org.zone").string(), "--replace"});
  EXPECT_THAT(ran, Exits(0));
  EXPECT_THAT(ran.err, HasSubstr("goes on from 11"));
  EXPECT_EQ(serial(), 12U);
}

TEST_F(ZoneImport, TakesAGreaterSerialFromTheFile) {
  import_example();
  const std::string text =
      "$ORIGIN example.org.\n@ 300 IN SOA ns1 hostmaster 500 7200 900 1209600 30\n@ 300 IN NS ns1\nns1 300 IN A "
      "192.0.2.1\n";
  ASSERT_THAT(ctl({"zone", "import", file("newer", text), "--replace"}), Exits(0));
  EXPECT_EQ(serial(), 500U);
}

TEST_F(ZoneImport, PrintsEveryFindingWithFileAndLineAndChangesNothing) {
  const std::string path =
      file("bad", std::string("$ORIGIN example.org.\n") + kSoa +
                      "www 300 IN CNAME a\nwww 300 IN A 192.0.2.1\nx.example.net. 300 IN A 192.0.2.1\n");
  const Ran ran = ctl({"zone", "import", path});
  EXPECT_THAT(ran, Exits(1));
  EXPECT_THAT(ran.err,
              AllOf(HasSubstr("error: " + path + ":"), HasSubstr(path + ":7: "), HasSubstr("nothing was changed")));
  EXPECT_EQ(revision(), 0U);
  const auto document = json({"zone", "import", path}, 1);
  EXPECT_EQ(document["changed"], false);
  EXPECT_GE(document["findings"].size(), 2U);
}

TEST_F(ZoneImport, ReportsAFileThatDoesNotParse) {
  const std::string path = file("bad", std::string("$ORIGIN example.org.\n") + kSoa + "www 300 IN A 192.0.2.300\n");
  const Ran ran = ctl({"zone", "import", path});
  EXPECT_THAT(ran, Exits(1));
  EXPECT_THAT(ran.err, HasSubstr(path + ":5"));
  EXPECT_EQ(revision(), 0U);
}

TEST_F(ZoneImport, ReportsAFileThatIsNotThere) {
  EXPECT_THAT(ctl({"zone", "import", (directory_ / "none").string(), "--apex", "example.org"}), Exits(1));
}

TEST_F(ZoneImport, IsNotStoppedByWarnings) {
  const Ran ran =
      ctl({"zone", "import",
           file("z", std::string("$ORIGIN example.org.\n") + kSoa + "t 60 IN A 192.0.2.1\nt 90 IN A 192.0.2.2\n")});
  EXPECT_THAT(ran, Exits(0));
  EXPECT_THAT(ran.err, HasSubstr("warning: "));
  for (const auto& record : json({"record", "list", "example.org", "t"})) EXPECT_EQ(record["ttl"], 60);
}

constexpr const char* kSigned =
    "@ 300 IN NSEC ns1 NS SOA RRSIG NSEC DNSKEY\n"
    "@ 300 IN RRSIG A 13 2 300 20260201000000 20260101000000 12345 example.org. "
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\n"
    "@ 300 IN NSEC3PARAM 1 0 5 AB\n"
    "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom 300 IN NSEC3 1 1 5 AB 2t7b4g4vsa5smi47k61mv5bv1a22bojr NS\n";

TEST_F(ZoneImport, LeavesOutWhatSigningMakesWithOneWarning) {
  const std::string path = file("signed", std::string("$ORIGIN example.org.\n") + kSoa + kSigned);
  const Ran ran = ctl({"zone", "import", path});
  EXPECT_THAT(ran, Exits(0));
  EXPECT_THAT(ran.err, HasSubstr("1 NSEC, 1 NSEC3, 1 NSEC3PARAM, 1 RRSIG"));
  EXPECT_EQ(ran.err.find("PowerDNS makes these"), ran.err.rfind("PowerDNS makes these"));
  EXPECT_EQ(json({"zone", "show", "example.org"})["records"], 3);
  EXPECT_EQ(json({"zone", "import", path})["dropped"]["RRSIG"], 1);
}

TEST_F(ZoneImport, KeepsThemForAPresignedZoneAndSaysHowItDenies) {
  const std::string path = file("signed", std::string("$ORIGIN example.org.\n") + kSoa + kSigned);
  ASSERT_THAT(ctl({"zone", "import", path, "--presigned"}), Exits(0));
  const auto zone = json({"zone", "show", "example.org"});
  EXPECT_EQ(zone["records"], 7);
  EXPECT_EQ(zone["signing"], "presigned");
  EXPECT_EQ(zone["metadata"]["NSEC3PARAM"][0], "1 1 5 ab");
  // What it is, it stays when it is imported again.
  EXPECT_EQ(json({"zone", "import", path})["changed"], false);
  // Its signatures and metadata leave together.
  ASSERT_THAT(ctl({"zone", "unsecure", "example.org", "--yes"}), Exits(0));
  EXPECT_EQ(json({"zone", "show", "example.org"})["records"], 3);
  EXPECT_EQ(json({"zone", "show", "example.org"})["signing"], "unsigned");
}

TEST_F(ZoneImport, RefusesToMakeASignedZonePresigned) {
  import_example();
  ASSERT_THAT(ctl({"zone", "secure", "example.org"}), Exits(0));
  const auto before = revision();
  const Ran ran = ctl({"zone", "import", (directory_ / "example.org.zone").string(), "--presigned"});
  EXPECT_THAT(ran, Exits(1));
  EXPECT_THAT(ran.err, HasSubstr("unsecure"));
  EXPECT_EQ(revision(), before);
}

TEST_F(ZoneImport, SetsKindAndSerialPolicy) {
  const std::string path = file("z", std::string("$ORIGIN example.org.\n") + kSoa);
  ASSERT_THAT(ctl({"zone", "import", path, "--kind", "primary", "--serial-policy", "date"}), Exits(0));
  auto zone = json({"zone", "show", "example.org"});
  EXPECT_EQ(zone["kind"], "primary");
  EXPECT_EQ(zone["serial_policy"], "date");
  EXPECT_EQ(json({"zone", "import", path, "--kind", "native"})["changed"], true);
  zone = json({"zone", "show", "example.org"});
  EXPECT_EQ(zone["kind"], "native");
  EXPECT_EQ(zone["serial_policy"], "date");
}

TEST_F(ZoneImport, RefusesWordsThatItDoesNotKnow) {
  const std::string path = file("z", std::string("$ORIGIN example.org.\n") + kSoa);
  EXPECT_THAT(ctl({"zone", "import", path, "--kind", "master"}), Exits(2));
  EXPECT_THAT(ctl({"zone", "import", path, "--serial-policy", "epoch"}), Exits(2));
  EXPECT_THAT(ctl({"zone", "import", path, "--apex", "a..b"}), Exits(2));
  EXPECT_THAT(ctl({"zone", "import", path, "--replace", "--create-only"}), Exits(2));
  EXPECT_EQ(revision(), 0U);
}

TEST_F(ZoneImport, KeepsTheKeysOfAZoneThatItReplaces) {
  import_example();
  ASSERT_THAT(ctl({"zone", "secure", "example.org"}), Exits(0));
  const auto before = json({"zone", "keys", "example.org"});
  ASSERT_THAT(ctl({"zone", "import", file("other", std::string("$ORIGIN example.org.\n") + kSoa), "--replace"}),
              Exits(0));
  EXPECT_EQ(json({"zone", "keys", "example.org"}), before);
}

}  // namespace
}  // namespace sdns::ctl
