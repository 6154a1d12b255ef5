// SPDX-License-Identifier: MIT
#include <chrono>

#include "backend/store/authority.h"
#include "tests/unit/ctl/ctl_fixture.h"

namespace sdns::ctl {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class Tsig : public CtlTest {
 protected:
  void SetUp() override { import_example(); }
  std::string secret_of(const std::string& name) {
    return json({"tsig", "show", name, "--show-secrets"})["secret"].get<std::string>();
  }
};

TEST_F(Tsig, ASecretIsMadeAsLongAsTheHashAndShownOnlyWhenAskedFor) {
  const Ran made = ctl({"tsig", "add", "K.example"});
  ASSERT_THAT(made, Exits(0));
  const std::string secret = secret_of("k.example.");
  EXPECT_EQ(44U, secret.size()) << "32 octets";
  ASSERT_THAT(ctl({"tsig", "add", "long.example", "--algorithm", "HMAC-SHA512"}), Exits(0));
  EXPECT_EQ(88U, secret_of("long.example").size());
  EXPECT_NE(secret, secret_of("long.example").substr(0, 44));

  std::string everything = made.out + made.err;
  for (const auto& arguments : std::vector<std::vector<std::string>>{{"tsig", "list"},
                                                                     {"tsig", "list", "--json"},
                                                                     {"tsig", "show", "k.example"},
                                                                     {"tsig", "show", "k.example", "--json"},
                                                                     {"tsig", "add", "k.example"},
                                                                     {"tsig", "add", "k.example", "--json"}}) {
    const Ran ran = ctl(arguments);
    everything += ran.out + ran.err;
  }
  EXPECT_THAT(everything, AllOf(HasSubstr("k.example."), Not(HasSubstr(secret))));
  EXPECT_THAT(ctl({"tsig", "list", "--show-secrets"}).out, HasSubstr(secret));
  EXPECT_EQ(json({"tsig", "list"}).size(), 2U);
}

TEST_F(Tsig, AKeyIsPrintedAsOtherServersTakeIt) {
  const std::string secret = "c2VjcmV0IG9mIHRoZSB0ZXN0";
  const Ran ran = ctl({"tsig", "add", "k.example.", "--secret", secret, "--show"});
  EXPECT_THAT(ran.out, HasSubstr("key \"k.example\" { algorithm hmac-sha256; secret \"" + secret + "\"; };"));
  EXPECT_THAT(ran.out, HasSubstr("  - id: k.example\n    algorithm: hmac-sha256\n    secret: " + secret));
  EXPECT_THAT(ran.out, HasSubstr("    name: \"k.example\""));
  EXPECT_EQ(ctl({"tsig", "show", "k.example", "--show-secrets"}).out, ran.out.substr(ran.out.find('\n') + 1));
}

TEST_F(Tsig, ASecretIsNotReplacedByAccident) {
  ASSERT_THAT(ctl({"tsig", "add", "k.example", "--secret-file", file("secret", "c2VjcmV0\n")}), Exits(0));
  EXPECT_EQ(secret_of("k.example"), "c2VjcmV0");
  EXPECT_EQ(json({"tsig", "add", "k.example", "--secret", "c2VjcmV0"})["changed"], false);
  EXPECT_THAT(ctl({"tsig", "add", "k.example", "--secret", "b3RoZXI="}), Exits(1));
  EXPECT_EQ(secret_of("k.example"), "c2VjcmV0");
  EXPECT_EQ(json({"tsig", "add", "k.example", "--secret", "b3RoZXI=", "--replace"})["changed"], true);
  EXPECT_EQ(secret_of("k.example"), "b3RoZXI=");
}

TEST_F(Tsig, WhatPowerDnsCannotUseIsRefused) {
  const auto before = revision();
  EXPECT_THAT(ctl({"tsig", "add", "k.example", "--algorithm", "gss-tsig"}), Exits(2));
  const Ran bad = ctl({"tsig", "add", "k.example", "--secret", "not base64"});
  EXPECT_THAT(bad, Exits(2));
  EXPECT_THAT(bad.err, AllOf(HasSubstr("k.example."), Not(HasSubstr("not base64\""))));
  EXPECT_THAT(ctl({"tsig", "add", "k.example", "--secret", "c2VjcmV0", "--secret-file", "x"}), Exits(2));
  EXPECT_THAT(ctl({"tsig", "add", "k..example"}), Exits(2));
  EXPECT_EQ(revision(), before);
}

TEST_F(Tsig, AKeyInUseStaysUnlessThatIsMeant) {
  EXPECT_THAT(ctl({"tsig", "allow", "example.org", "k.example"}), Exits(1)) << "there is no such key";
  ASSERT_THAT(ctl({"tsig", "add", "k.example"}), Exits(0));
  EXPECT_EQ(json({"tsig", "allow", "example.org", "K.example."})["changed"], true);
  EXPECT_EQ(json({"tsig", "allow", "example.org", "k.example", "k.example"})["changed"], false);
  EXPECT_THAT(json({"meta", "get", "example.org", "TSIG-ALLOW-AXFR"}), ElementsAre("k.example"));
  EXPECT_THAT(ctl({"tsig", "list"}).out, HasSubstr("example.org. (TSIG-ALLOW-AXFR)"));
  EXPECT_THAT(ctl({"tsig", "remove", "k.example"}), Exits(1));
  EXPECT_THAT(ctl({"tsig", "remove", "k.example", "--even-in-use"}), Exits(0));
  EXPECT_THAT(ctl({"tsig", "remove", "k.example", "--even-in-use"}), Exits(1));
  EXPECT_EQ(json({"tsig", "list"}).size(), 0U);
}

class Transfers : public CtlTest {
 protected:
  void SetUp() override { import_example(); }
  void set_head(const std::string& zone, std::uint32_t notified, std::uint32_t last_check) {
    auto authority = store::open_authority(url_, store::OpenMode::kExisting, clock_, random_);
    ASSERT_TRUE(authority);
    auto edit = (*authority)->edit();
    ASSERT_TRUE(edit);
    auto head = (*(*edit)->zone(*dns::Name::parse(zone)))->head;
    head.notified_serial = notified;
    head.last_check = last_check;
    ASSERT_TRUE((*edit)->set_head(head));
    ASSERT_TRUE((*edit)->commit("test"));
  }
  std::string next(const std::string& zone) {
    return json({"zone", "transfer-status", zone})["next"].get<std::string>();
  }
  std::uint32_t now() const {
    return static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::seconds>(clock_.wall_now().time_since_epoch()).count());
  }
};

TEST_F(Transfers, ASecondaryIsMadeWithItsPrimaries) {
  ASSERT_THAT(ctl({"tsig", "add", "k.example"}), Exits(0));
  const auto made = json({"zone", "create-secondary", "second.example", "192.0.2.1:53", "[2001:DB8::1]:5300",
                          "--account", "me", "--tsig", "k.example"});
  EXPECT_THAT(made["primaries"], ElementsAre("192.0.2.1", "[2001:db8::1]:5300"));
  const auto shown = json({"zone", "show", "second.example"});
  EXPECT_EQ(shown["kind"], "secondary");
  EXPECT_EQ(shown["account"], "me");
  EXPECT_EQ(shown["metadata"]["AXFR-MASTER-TSIG"][0], "k.example");
  EXPECT_THAT(ctl({"zone", "create-secondary", "second.example", "192.0.2.1"}), Exits(1));
  EXPECT_THAT(ctl({"zone", "create-secondary", "third.example"}), Exits(2));
  EXPECT_THAT(ctl({"zone", "create-secondary", "third.example", "ns.example"}), Exits(2));
  EXPECT_THAT(next("second.example"), HasSubstr("first transfer"));
}

TEST_F(Transfers, AZoneChangesItsKind) {
  EXPECT_EQ(json({"zone", "set-kind", "example.org", "primary"})["changed"], true);
  EXPECT_EQ(json({"zone", "set-kind", "example.org", "primary"})["changed"], false);
  EXPECT_THAT(ctl({"zone", "set-kind", "example.org", "secondary"}), Exits(2)) << "of whom?";
  EXPECT_THAT(json({"zone", "set-kind", "example.org", "secondary", "--primary", "192.0.2.1", "--primary",
                    "192.0.2.2:5300"})["primaries"],
              ElementsAre("192.0.2.1", "192.0.2.2:5300"));
  EXPECT_EQ(json({"zone", "set-kind", "example.org", "secondary"})["changed"], false) << "of the same";
  EXPECT_EQ(json({"zone", "set-kind", "example.org", "native"})["primaries"].size(), 0U);
  EXPECT_THAT(ctl({"zone", "set-kind", "example.org", "hidden"}), Exits(2));
}

TEST_F(Transfers, StatusSaysWhatComesNext) {
  EXPECT_THAT(next("example.org"), HasSubstr("native"));
  ASSERT_THAT(ctl({"zone", "set-kind", "example.org", "primary"}), Exits(0));
  EXPECT_THAT(next("example.org"), HasSubstr("NOTIFY for serial 10"));
  set_head("example.org", 10, 0);
  EXPECT_THAT(next("example.org"), HasSubstr("until the next change"));

  ASSERT_THAT(ctl({"zone", "set-kind", "example.org", "secondary", "--primary", "192.0.2.1"}), Exits(0));
  EXPECT_THAT(next("example.org"), HasSubstr("when PowerDNS looks next"));
  set_head("example.org", 0, now() - 3600);
  EXPECT_EQ(json({"zone", "transfer-status", "example.org"})["last_check_age"], 3600);
  EXPECT_EQ(next("example.org"), "a check in 60 min; expires in 13 d");
  clock_.advance(std::chrono::hours(2));
  EXPECT_EQ(next("example.org"), "a check is due since 60 min; expires in 13 d");
  clock_.advance(std::chrono::days(14));
  EXPECT_EQ(next("example.org"), "expired 3 h ago: a check, as soon as a primary answers");
}

TEST_F(Transfers, StatusShowsTheSerialThatSoaEditMakes) {
  ASSERT_THAT(ctl({"zone", "set-kind", "example.org", "primary"}), Exits(0));
  ASSERT_THAT(ctl({"meta", "set", "example.org", "SOA-EDIT", "INCEPTION-EPOCH"}), Exits(0));
  const auto status = json({"zone", "transfer-status"});
  ASSERT_EQ(status.size(), 1U);
  EXPECT_EQ(status[0]["serial"], 10);
  EXPECT_EQ(status[0]["served_serial"], 1767225600);
  EXPECT_EQ(status[0]["refresh"], 7200);
  EXPECT_EQ(status[0]["expire"], 1209600);
  EXPECT_EQ(status[0]["metadata"]["SOA-EDIT"][0], "INCEPTION-EPOCH");
  EXPECT_THAT(ctl({"zone", "transfer-status"}).out, AllOf(HasSubstr("example.org."), HasSubstr("1767225600")));
}

TEST_F(Transfers, AutoprimariesComeAndGo) {
  const auto before = revision();
  EXPECT_EQ(json({"autoprimary", "add", "2001:DB8::1", "ns1.example", "--account", "me"})["address"], "2001:db8::1");
  EXPECT_EQ(json({"autoprimary", "add", "2001:db8::1", "ns1.example.", "--account", "me"})["changed"], false);
  EXPECT_THAT(ctl({"autoprimary", "add", "ns1.example", "ns1.example"}), Exits(2));
  const auto all = json({"autoprimary", "list"});
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0]["nameserver"], "ns1.example.");
  EXPECT_EQ(all[0]["account"], "me");
  EXPECT_THAT(ctl({"autoprimary", "remove", "2001:db8::1", "ns2.example"}), Exits(1));
  EXPECT_THAT(ctl({"autoprimary", "remove", "2001:db8::1", "ns1.example"}), Exits(0));
  EXPECT_EQ(json({"autoprimary", "list"}).size(), 0U);
  EXPECT_EQ(revision(), before) << "no node serves them";
}

}  // namespace
}  // namespace sdns::ctl
