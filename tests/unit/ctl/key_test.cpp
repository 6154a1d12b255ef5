// SPDX-License-Identifier: MIT
#include "backend/dns/dnssec_key.h"
#include "tests/unit/ctl/ctl_fixture.h"

namespace sdns::ctl {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Keys : public CtlTest {
 protected:
  void SetUp() override { import_example(); }

  /// A key pair as dnssec-keygen writes it; the path of its private half.
  std::string bind_pair(std::uint16_t flags, const std::string& times = "") {
    const auto key = dns::generate_key(dns::Algorithm::kEcdsaP256Sha256, flags);
    const auto facts = dns::describe_key(*dns::Name::parse("example.org"), flags, key->private_text);
    const std::string stem =
        "Kexample.org.+013+" + std::string(5 - std::to_string(facts->tag).size(), '0') + std::to_string(facts->tag);
    file(stem + ".key", "example.org. IN DNSKEY " + facts->dnskey_content + "\n");
    return file(stem + ".private", key->private_text + times);
  }
};

TEST_F(Keys, AreShownWithTagAlgorithmFlagsAndState) {
  EXPECT_EQ(json({"zone", "keys", "example.org"})["keys"].size(), 0U);
  ASSERT_THAT(ctl({"zone", "secure", "example.org"}), Exits(0));
  const Ran ran = ctl({"zone", "keys", "example.org"});
  EXPECT_THAT(ran.out, AllOf(HasSubstr("KSK"), HasSubstr("257"), HasSubstr("ECDSAP256SHA256 (13)"),
                             HasSubstr("active, published")));
  EXPECT_THAT(ctl({"zone", "keys", "example.net"}), Exits(1));
}

TEST_F(Keys, PrivatePartsAppearNowhere) {
  std::string everything;
  for (const auto& arguments : std::vector<std::vector<std::string>>{{"zone", "secure", "example.org"},
                                                                     {"zone", "secure", "example.org"},
                                                                     {"zone", "keys", "example.org"},
                                                                     {"zone", "ds", "example.org"},
                                                                     {"zone", "show", "example.org"},
                                                                     {"zone", "export", "example.org"},
                                                                     {"zone", "check", "example.org"},
                                                                     {"zone", "list"}}) {
    const Ran plain = ctl(arguments);
    auto with_json = arguments;
    with_json.push_back("--json");
    const Ran documented = ctl(with_json);
    everything += plain.out + plain.err + documented.out + documented.err;
  }
  const auto texts = private_texts("example.org");
  ASSERT_EQ(texts.size(), 2U);
  for (const auto& text : texts) {
    const auto at = text.find("PrivateKey: ");
    ASSERT_NE(at, std::string::npos);
    EXPECT_THAT(everything, Not(HasSubstr(text.substr(at + 12, 20))));
  }
  EXPECT_THAT(everything, Not(HasSubstr("Private-key-format")));
}

TEST_F(Keys, DsNamesTheKsk) {
  EXPECT_THAT(ctl({"zone", "ds", "example.org"}), Exits(1));
  const auto keys = json({"zone", "secure", "example.org"})["keys"];
  const auto ds = json({"zone", "ds", "example.org"})["ds"];
  ASSERT_EQ(ds.size(), 1U);
  EXPECT_EQ(ds[0]["tag"], keys[0]["tag"]);
  EXPECT_THAT(ds[0]["content"].get<std::string>(), testing::MatchesRegex("[0-9]+ 13 2 [0-9A-Fa-f]+"));
  EXPECT_THAT(ctl({"zone", "ds", "example.org"}).out, testing::StartsWith("example.org. 3600 IN DS "));
  EXPECT_THAT(ctl({"zone", "ds", "example.org", "--digest", "4"}).out, HasSubstr(" 13 4 "));
  EXPECT_EQ(json({"zone", "ds", "example.org", "--digest", "2", "--digest", "4"})["ds"].size(), 2U);
  EXPECT_THAT(ctl({"zone", "ds", "example.org", "--digest", "1"}), Exits(2));
}

TEST_F(Keys, DsGoesIntoAParentThatIsHere) {
  ASSERT_THAT(ctl({"zone", "import", file("sub", "@ 60 IN SOA ns h 1 2 3 4 5\n@ 60 IN NS ns\nns 60 IN A 192.0.2.53\n"),
                   "--apex", "sub.example.org"}),
              Exits(0));
  ASSERT_THAT(ctl({"zone", "secure", "sub.example.org"}), Exits(0));
  const auto done = json({"zone", "ds", "sub.example.org", "--parent", "--ttl", "60"});
  EXPECT_EQ(done["parent"], "example.org.");
  EXPECT_EQ(done["changed"], true);
  EXPECT_EQ(json({"zone", "ds", "sub.example.org", "--parent"})["changed"], false);
  EXPECT_EQ(json({"record", "list", "example.org", "sub", "DS"})[0]["ttl"], 60);
  EXPECT_EQ(serial(), 11U);
}

TEST_F(Keys, DsForAParentElsewhereIsRefused) {
  ASSERT_THAT(ctl({"zone", "secure", "example.org"}), Exits(0));
  const Ran ran = ctl({"zone", "ds", "example.org", "--parent"});
  EXPECT_THAT(ran, Exits(1));
  EXPECT_THAT(ran.err, HasSubstr("not in this database"));
}

TEST_F(Keys, OfBindAreTakenOverOnce) {
  const std::string path = bind_pair(257);
  const auto done = json({"zone", "import-key", "example.org", path});
  EXPECT_EQ(done["changed"], true);
  EXPECT_EQ(done["flags"], 257);
  EXPECT_EQ(json({"zone", "import-key", "example.org", path})["changed"], false);
  const auto keys = json({"zone", "keys", "example.org"})["keys"];
  ASSERT_EQ(keys.size(), 1U);
  EXPECT_EQ(keys[0]["tag"], done["tag"]);
  EXPECT_EQ(keys[0]["role"], "CSK");

  EXPECT_EQ(json({"zone", "import-key", "example.org", path, "--inactive", "--unpublished"})["changed"], true);
  const auto after = json({"zone", "keys", "example.org"})["keys"][0];
  EXPECT_EQ(after["active"], false);
  EXPECT_EQ(after["published"], false);
}

// The clock of the tests starts at 2026-01-02T03:04:05Z.
struct TimesCase {
  const char* behaviour;
  const char* times;
  bool active;
  bool published;
};
void PrintTo(const TimesCase& one, std::ostream* out) { *out << one.behaviour; }

class KeyTimes : public Keys, public testing::WithParamInterface<TimesCase> {};

TEST_P(KeyTimes, SayTheState) {
  const std::string path = bind_pair(257, GetParam().times);
  const auto keys = json({"zone", "import-keys", "example.org", path})["keys"];
  ASSERT_EQ(keys.size(), 1U);
  EXPECT_EQ(keys[0]["active"], GetParam().active) << GetParam().behaviour;
  EXPECT_EQ(keys[0]["published"], GetParam().published) << GetParam().behaviour;
  EXPECT_THAT(private_texts("example.org")[0], AllOf(HasSubstr("PrivateKey: "), Not(HasSubstr("Created"))));
}

INSTANTIATE_TEST_SUITE_P(
    Bind, KeyTimes,
    testing::Values(
        TimesCase{"without times it is in use", "", true, true},
        TimesCase{"in use", "Created: 20260101000000\nPublish: 20260101000000\nActivate: 20260102030405\n", true, true},
        TimesCase{"to come into use", "Created: 20260101000000\nPublish: 20260102000000\nActivate: 20260102030406\n",
                  false, true},
        TimesCase{"to be published", "Created: 20260101000000\nPublish: 20260103000000\n", false, false},
        TimesCase{"made without times", "Created: 20260101000000\n", false, false},
        TimesCase{"out of use",
                  "Created: 20250101000000\nPublish: 20250101000000\nActivate: 20250101000000\n"
                  "Inactive: 20260101000000\nDelete: 20260201000000\n",
                  false, true}));

TEST_F(Keys, OfADirectoryAreTakenTogether) {
  bind_pair(257);
  bind_pair(256, "Created: 20250101000000\nPublish: 20250101000000\nActivate: 20250101000000\n");
  bind_pair(256, "Created: 20250101000000\nPublish: 20250101000000\nDelete: 20250601000000\n");
  file("Kother.org.+013+00001.private", "not for this zone");
  const auto done = json({"zone", "import-keys", "example.org", directory_.path().string()});
  EXPECT_EQ(done["changed"], true);
  EXPECT_EQ(done["keys"].size(), 2U);
  EXPECT_EQ(done["left_out"].size(), 1U);
  EXPECT_EQ(json({"zone", "show", "example.org"})["signing"], "signed live");
  EXPECT_EQ(json({"zone", "import-keys", "example.org", directory_.path().string()})["changed"], false);
  EXPECT_THAT(ctl({"zone", "import-keys", "example.org", directory_.path().string()}).out,
              Not(HasSubstr("PrivateKey")));
}

TEST_F(Keys, OfPowerDnsAreTakenWithTheFlagsThatOneNames) {
  const auto ksk = dns::generate_key(dns::Algorithm::kEcdsaP256Sha256, 257);
  const auto zsk = dns::generate_key(dns::Algorithm::kEcdsaP256Sha256, 256);
  const auto done = json(
      {"zone", "import-keys", "example.org", file("ksk", ksk->private_text), "--zsk", file("zsk", zsk->private_text)});
  ASSERT_EQ(done["keys"].size(), 2U);
  EXPECT_EQ(done["keys"][0]["flags"], 257);
  EXPECT_EQ(done["keys"][1]["flags"], 256);
  EXPECT_EQ(done["keys"][1]["role"], "ZSK");
}

TEST_F(Keys, AreTakenAllOrNone) {
  const std::string good = bind_pair(257);
  for (const std::string& bad : {file("broken", "Private-key-format: v1.2\n"), (directory_ / "none").string(),
                                 bind_pair(256, "Publish: soon\n")}) {
    const Ran ran = ctl({"zone", "import-keys", "example.org", good, bad});
    EXPECT_THAT(ran, Exits(1));
    EXPECT_THAT(ran.err, HasSubstr(bad));
  }
  EXPECT_THAT(ctl({"zone", "import-keys", "example.org"}), Exits(2));
  EXPECT_THAT(ctl({"zone", "import-keys", "example.net", directory_.path().string()}), Exits(1));
  EXPECT_EQ(revision(), 1U);
}

TEST_F(Keys, ThatCannotBeReadAreRefused) {
  const Ran none = ctl({"zone", "import-key", "example.org", (directory_ / "Knone").string()});
  EXPECT_THAT(none, Exits(1));
  const std::string path = bind_pair(257);
  EXPECT_THAT(ctl({"zone", "import-key", "example.net", path}), Exits(1));
  EXPECT_EQ(revision(), 1U);
}

}  // namespace
}  // namespace sdns::ctl
