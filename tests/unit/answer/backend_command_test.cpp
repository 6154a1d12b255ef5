// SPDX-License-Identifier: MIT
#include "backend/answer/backend_command.h"

#include <gmock/gmock.h>

#include "tests/unit/answer/edit_fixture.h"

namespace sdns::answer {
namespace {

const zone::ZoneSetPtr& signed_zones() {
  static const zone::ZoneSetPtr kZones = [] {
    const auto with = [](zone::ZoneContent content, std::vector<zone::Metadata> metadata) {
      content.metadata = std::move(metadata);
      content.keys = {{content.head.id, 257, true, true, "k"}};
      return content;
    };
    std::vector<zone::ZoneContent> all;
    all.push_back(zone_content(1, "example.com.",
                               std::string(kSoa) +
                                   "@ 3600 NS ns1\n"
                                   "www 300 A 192.0.2.80\n"
                                   "www 600 TXT \"x\"\n"
                                   "*.w 60 A 192.0.2.4\n"
                                   "*.w 60 MX 10 www\n"
                                   "alias 60 CNAME www\n"
                                   "a.b.ent 60 A 192.0.2.3\n"
                                   "sub 3600 NS ns.sub\n"
                                   "sub 3600 DS 1 13 2 " +
                                   std::string(64, 'A') +
                                   "\n"
                                   "ns.sub 3600 A 192.0.2.7\n"));
    all.push_back(with(zone_content(2, "nsec.example.", kSoa), {}));
    all.push_back(with(zone_content(3, "nsec3.example.", kSoa), {{"NSEC3PARAM", {"1 0 0 -"}}}));
    all.push_back(with(zone_content(4, "optout.example.", kSoa), {{"NSEC3PARAM", {"1 1 0 -"}}}));
    all.push_back(
        with(zone_content(5, "narrow.example.", kSoa), {{"NSEC3PARAM", {"1 0 0 -"}}, {"NSEC3NARROW", {"1"}}}));
    all.push_back(zone_content(6, "empty.example.", ""));
    all[1].head.kind = zone::Kind::kPrimary;
    all[5].head.kind = zone::Kind::kSecondary;
    return zone_set(std::move(all), 41);
  }();
  return kZones;
}

std::string command(std::string_view text) { return backend_command(text, *signed_zones(), "1.2.3"); }

constexpr char kUnsigned[] = "zone: example.com. id=1 serial=5 denial=unsigned\n";
constexpr char kHelp[] = "commands: version, stats, zones, explain NAME [TYPE]\n";

struct ExplainCase {
  const char* behaviour;
  const char* text;
  std::string told;
};
void PrintTo(const ExplainCase& one, std::ostream* out) { *out << one.behaviour; }
class BackendCommandExplain : public testing::TestWithParam<ExplainCase> {};
TEST_P(BackendCommandExplain, TellsWhatPowerDnsAnswers) {
  EXPECT_EQ(command("explain " + std::string(GetParam().text)), GetParam().told) << GetParam().behaviour;
}
INSTANTIATE_TEST_SUITE_P(
    BackendCommand, BackendCommandExplain,
    testing::Values(
        ExplainCase{"a name with records", "WWW.Example.com",
                    std::string(kUnsigned) + "record: 300 A 192.0.2.80\nrecord: 600 TXT \"x\"\n"},
        ExplainCase{"a name and a type", "www.example.com. txt", std::string(kUnsigned) + "record: 600 TXT \"x\"\n"},
        ExplainCase{"a name and any type", "www.example.com. ANY",
                    std::string(kUnsigned) + "record: 300 A 192.0.2.80\nrecord: 600 TXT \"x\"\n"},
        ExplainCase{"a name without the type", "www.example.com. AAAA",
                    std::string(kUnsigned) + "no AAAA here: NODATA\n"},
        ExplainCase{"an alias and a type", "alias.example.com. A",
                    std::string(kUnsigned) + "record: 60 CNAME www.example.com.\n"},
        ExplainCase{"glue without the type", "ns.sub.example.com. AAAA",
                    std::string(kUnsigned) + "zone cut: sub.example.com.: PowerDNS answers with a referral\n"},
        ExplainCase{"an empty non-terminal", "b.ent.example.com. A",
                    std::string(kUnsigned) + "empty non-terminal: NODATA for every type\n"},
        ExplainCase{"a name that a wildcard answers for", "a.b.w.example.com.",
                    std::string(kUnsigned) + "wildcard: *.w.example.com. answers\nrecord: 60 A 192.0.2.4\n"
                                             "record: 60 MX 10 www.example.com.\n"},
        ExplainCase{"a wildcard and a type", "a.w.example.com. MX",
                    std::string(kUnsigned) + "wildcard: *.w.example.com. answers\nrecord: 60 MX 10 www.example.com.\n"},
        ExplainCase{"a wildcard without the type", "a.w.example.com. TXT",
                    std::string(kUnsigned) + "wildcard: *.w.example.com. answers\nno TXT here: NODATA\n"},
        ExplainCase{"a name that does not exist", "no.example.com.",
                    std::string(kUnsigned) + "the name does not exist: NXDOMAIN\n"},
        ExplainCase{"a zone cut", "sub.example.com.",
                    std::string(kUnsigned) +
                        "zone cut: sub.example.com.: PowerDNS answers with a referral\n"
                        "record: 3600 NS ns.sub.example.com. (not authoritative)\nrecord: 3600 DS 1 13 2 " +
                        std::string(64, 'a') + "\n"},
        ExplainCase{"a name that does not exist below a zone cut", "a.b.sub.example.com.",
                    std::string(kUnsigned) + "zone cut: sub.example.com.: PowerDNS answers with a referral\n"},
        ExplainCase{"glue", "ns.sub.example.com. A",
                    std::string(kUnsigned) + "zone cut: sub.example.com.: PowerDNS answers with a referral\n"
                                             "record: 3600 A 192.0.2.7 (not authoritative)\n"},
        ExplainCase{"a name of no zone", "www.example.org.",
                    "www.example.org.: no zone here is at or above this name: PowerDNS answers REFUSED\n"},
        ExplainCase{"the root", ".", ".: no zone here is at or above this name: PowerDNS answers REFUSED\n"},
        ExplainCase{"a zone without data", "empty.example.",
                    "zone: empty.example. id=6 serial=0 denial=unsigned\nthe zone has no data: PowerDNS does not "
                    "answer from it\n"},
        ExplainCase{"NSEC", "no.nsec.example.",
                    "zone: nsec.example. id=2 serial=5 denial=NSEC\nthe name does not exist: NXDOMAIN\n"},
        ExplainCase{"NSEC3", "no.nsec3.example.",
                    "zone: nsec3.example. id=3 serial=5 denial=NSEC3\nthe name does not exist: NXDOMAIN\n"},
        ExplainCase{"opt-out", "no.optout.example.",
                    "zone: optout.example. id=4 serial=5 denial=NSEC3 opt-out\nthe name does not exist: NXDOMAIN\n"},
        ExplainCase{"narrow", "no.narrow.example.",
                    "zone: narrow.example. id=5 serial=5 denial=NSEC3 narrow\nthe name does not exist: NXDOMAIN\n"},
        ExplainCase{"what is no type", "www.example.com. NOTYPE", "\"NOTYPE\" is not a record type\n"},
        ExplainCase{"too many words", "www.example.com. A B", kHelp}, ExplainCase{"no name", "", kHelp}));

TEST(BackendCommand, ANameThatIsNoneIsSaidWithTheRule) {
  EXPECT_THAT(command("explain a..b."), testing::HasSubstr("it has an empty label"));
  EXPECT_LT(command("explain " + std::string(5000, 'a')).size(), 1000U) << "and not repeated at length";
}

TEST(BackendCommand, TellsVersionFiguresAndZones) {
  EXPECT_EQ(command("version"), "sovereign-dnsd 1.2.3\n");
  EXPECT_EQ(command("\tversion \n"), "sovereign-dnsd 1.2.3\n");
  EXPECT_EQ(command("stats"), "revision=41\nzones=6\nzones-with-keys=4\nowner-names=11\ntsig-keys=0\n");
  EXPECT_EQ(command("zones"),
            "example.com. id=1 kind=native serial=5 denial=unsigned\n"
            "nsec.example. id=2 kind=primary serial=5 denial=NSEC\n"
            "nsec3.example. id=3 kind=native serial=5 denial=NSEC3\n"
            "optout.example. id=4 kind=native serial=5 denial=NSEC3 opt-out\n"
            "narrow.example. id=5 kind=native serial=5 denial=NSEC3 narrow\n"
            "empty.example. id=6 kind=secondary serial=0 denial=unsigned\n");
}

TEST(BackendCommand, AnythingElseIsHelped) {
  for (const char* text : {"", " ", "help", "VERSION", "version now", "stats all", "zones x", "explain", "PING 1234"})
    EXPECT_EQ(command(text), kHelp) << text;
}

}  // namespace
}  // namespace sdns::answer
