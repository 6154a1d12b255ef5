// SPDX-License-Identifier: MIT
#include "backend/purge/purge_plan.h"

#include "tests/unit/purge/zones.h"

namespace sdns::purge {
namespace {

constexpr const char* kExample = R"(
@           NS    ns1
@           NS    ns.other.test.
@           A     192.0.2.1
ns1         A     192.0.2.53
www         A     192.0.2.2
alias       CNAME www
alias2      CNAME alias
mail        A     192.0.2.25
@           MX    10 mail
_sip._tcp   SRV   0 0 5060 www
svc         HTTPS 1 www
svc2        SVCB  1 mail
naptr       NAPTR 10 10 "s" "SIP+D2U" "" _sip._tcp
deep.ent    A     192.0.2.3
*.wild      A     192.0.2.4
host.wild   A     192.0.2.5
towild      CNAME foo.wild
*           A     192.0.2.6
sub         NS    ns.sub
sub         NS    mail
ns.sub      A     192.0.2.54
sub2        NS    ns.sub
*.wc        CNAME www
dn          DNAME target
host.target A     192.0.2.7
x.target    A     192.0.2.8
)";
constexpr const char* kOther = R"(
@      NS    ns
ns     A     192.0.2.55
far    CNAME alias.example.
farmx  MX    5 mail.example.
farw   CNAME foo.bar.example.
farsub CNAME host.sub.example.
)";

struct Case {
  const char* what;
  std::vector<std::string> asked;
  std::vector<zone::Change> changes;
  const char* plan;
};

class PurgePlan : public testing::TestWithParam<Case> {};

TEST_P(PurgePlan, NamesWhatMustBeForgotten) {
  Publisher publisher({content(1, "example.", kExample), content(2, "other.test.", kOther)});
  publisher.ask(1, GetParam().asked);
  EXPECT_EQ(words_of(publisher.change(GetParam().changes)), words(GetParam().plan)) << GetParam().what;
}

const std::vector<std::string> kA{"192.0.2.99"};

INSTANTIATE_TEST_SUITE_P(
    Shapes, PurgePlan,
    testing::Values(
        Case{"an owner without references is purged alone",
             {"y.host.target.example."},
             {rrset(1, "host.wild.example.", dns::kA, kA)},
             "host.wild.example."},
        Case{"a type that comes or goes is the owner's business only",
             {},
             {rrset(1, "host.wild.example.", dns::kTXT, {"\"x\""})},
             "host.wild.example."},
        Case{
            "CNAME chains, SRV, HTTPS and wildcard CNAMEs that end at the owner, in any zone",
            {"q.wc.example.", "q.wild.example.", "nx.example."},
            {rrset(1, "www.example.", dns::kA, kA)},
            "alias.example. alias2.example. svc.example. _sip._tcp.example. naptr.example. *.wc.example. q.wc.example. "
            "www.example. far.other.test."},
        Case{"MX, SVCB and NS that end at the owner, with the apex and what was asked below the cut",
             {"q.sub.example.", "nx.example."},
             {rrset(1, "mail.example.", dns::kA, kA)},
             "example. mail.example. sub.example. q.sub.example. sub2.example. svc2.example. farmx.other.test. "
             "farsub.other.test."},
        Case{"a host in the apex's NS changes the apex's NS answer",
             {},
             {rrset(1, "ns1.example.", dns::kA, kA)},
             "example. ns1.example."},
        Case{"a new owner takes its new ancestors with it, and what was asked at or below the topmost",
             {"c.example.", "b.c.example.", "z.c.example.", "nx.example."},
             {rrset(1, "a.b.c.example.", dns::kA, kA)},
             "c.example. b.c.example. a.b.c.example. z.c.example."},
        Case{"a removed owner likewise",
             {"below.deep.ent.example.", "z.ent.example.", "nx.example."},
             {rrset(1, "deep.ent.example.", dns::kA, {})},
             "ent.example. deep.ent.example. below.deep.ent.example. z.ent.example."},
        Case{"a name that stays as an empty non-terminal is purged alone",
             {"q.wild.example."},
             {rrset(1, "wild.example.", dns::kA, kA)},
             "wild.example."},
        Case{"a new owner hides the wildcard from what lies below it, and from who refers there",
             {"foo.bar.example.", "x.bar.example.", "nx.example."},
             {rrset(1, "bar.example.", dns::kA, kA)},
             "bar.example. foo.bar.example. x.bar.example. farw.other.test."},
        Case{"a changed wildcard takes what was asked from it, not below names that exist",
             {"q.wild.example.", "a.b.wild.example.", "x.host.wild.example.", "nx.example."},
             {rrset(1, "*.wild.example.", dns::kA, kA)},
             "towild.example. *.wild.example. q.wild.example. a.b.wild.example."},
        Case{"the wildcard at the apex takes what has the apex as its closest encloser",
             {"q.wild.example.", "nx.example.", "a.nx.example.", "q.sub.example."},
             {rrset(1, "*.example.", dns::kA, kA)},
             "*.example. nx.example. a.nx.example. farw.other.test."},
        Case{"a removed wildcard likewise",
             {"q.wild.example."},
             {rrset(1, "*.wild.example.", dns::kA, {})},
             "towild.example. *.wild.example. q.wild.example."},
        Case{"a new wildcard takes the names denied for want of it",
             {"q.ent.example.", "nx.example."},
             {rrset(1, "*.ent.example.", dns::kA, kA)},
             "*.ent.example. q.ent.example."},
        Case{"a wildcard that appears as an empty non-terminal turns NXDOMAIN into NODATA",
             {"q.ent.example."},
             {rrset(1, "a.*.ent.example.", dns::kA, kA)},
             "*.ent.example. a.*.ent.example. q.ent.example."},
        Case{"a changed delegation takes what was asked at or below it",
             {"q.sub.example.", "ns.sub.example.", "nx.example."},
             {rrset(1, "sub.example.", dns::kNS, {"ns.sub.example."})},
             "sub.example. ns.sub.example. q.sub.example. sub2.example. farsub.other.test."},
        Case{"a changed DS likewise",
             {"q.sub.example."},
             {rrset(1, "sub.example.", dns::kDS, {"1 13 2 00"})},
             "sub.example. q.sub.example. sub2.example. farsub.other.test."},
        Case{"changed glue takes its delegation and those that share the host",
             {"q.sub.example.", "q.sub2.example.", "nx.example."},
             {rrset(1, "ns.sub.example.", dns::kA, kA)},
             "sub.example. ns.sub.example. q.sub.example. sub2.example. q.sub2.example. farsub.other.test."},
        Case{"a new delegation takes the names that exist below it",
             {"q.ent.example."},
             {rrset(1, "ent.example.", dns::kNS, {"ns.other.test."})},
             "ent.example. deep.ent.example. q.ent.example."},
        Case{"a removed delegation uncovers them",
             {"q.sub.example."},
             {rrset(1, "sub.example.", dns::kNS, {})},
             "sub.example. ns.sub.example. q.sub.example. sub2.example. farsub.other.test."},
        Case{"a new delegation where nothing was takes what was answered from the wildcard",
             {"new.example.", "www.new.example.", "nx.example."},
             {rrset(1, "new.example.", dns::kNS, {"ns.other.test."})},
             "new.example. www.new.example."},
        Case{"a changed DNAME takes what was asked below it",
             {"q.dn.example."},
             {rrset(1, "dn.example.", dns::kDNAME, {"elsewhere.test."})},
             "dn.example. q.dn.example."},
        Case{"what changes below a DNAME's target changes below the DNAME",
             {"x.dn.example."},
             {rrset(1, "x.target.example.", dns::kA, kA)},
             "dn.example. x.dn.example. x.target.example."},
        Case{"a serial that moves purges the apex alone",
             {"nx.example."},
             {rrset(2, "other.test.", dns::kSOA, {"ns.test. host.test. 2 3600 600 86400 300"})},
             "other.test."},
        Case{"keys empty the key cache by the exact apex, and the subtree",
             {"nx.example."},
             {zone::KeysChanged{2, {{1, 257, true, true, "secret"}}}},
             "example. other.test. other.test.$"},
        Case{"keys change the answers of who refers into the zone",
             {},
             {zone::MetadataChanged{1, {{"NSEC3PARAM", {"1 0 0 -"}}}}},
             "example. alias.example. alias2.example. towild.example. dn.example. naptr.example. "
             "svc.example. "
             "svc2.example. _sip._tcp.example. sub.example. sub2.example. *.wc.example. far.other.test. "
             "farmx.other.test. "
             "farsub.other.test. farw.other.test. example.$"},
        Case{"a deleted zone is announced, and who refers into it purged",
             {},
             {zone::ZoneDeleted{1}},
             "example. far.other.test. farmx.other.test. farsub.other.test. farw.other.test. example.!"},
        Case{"a changed head changes no answer",
             {},
             {zone::HeadChanged{zone::ZoneHead{2, name("other.test."), zone::Kind::kPrimary, "", {}, 0, 0}}},
             ""}),
    [](const testing::TestParamInfo<Case>& info) { return "Row" + std::to_string(info.index); });

TEST(PurgePlanOf, ACreatedZoneAnnouncesItAndPurgesWhoRefersIntoIt) {
  Publisher publisher({content(1, "example.", "www CNAME www.new.test.\n")});
  const Plan plan = publisher.change({zone::ZoneCreated{content(9, "new.test.", "www A 192.0.2.1\nself CNAME www\n")}});
  EXPECT_EQ(words_of(plan), words("www.example. new.test. new.test.!"));
}

TEST(PurgePlanOf, ASoaThatChangesInMoreThanItsSerialPurgesTheZoneForItsNegativeAnswers) {
  Publisher publisher({content(1, "example.", "www CNAME @\n")});
  const auto soa = [](const std::string& numbers) {
    return rrset(1, "example.", dns::kSOA, {"ns.test. host.test. " + numbers});
  };
  EXPECT_EQ(words_of(publisher.change({soa("2 3600 600 86400 300")})), words("example."));
  EXPECT_EQ(words_of(publisher.change({soa("3 3600 600 86400 60")})), words("example. www.example. example.$"));
}

class SignedPlan : public testing::TestWithParam<std::vector<zone::Metadata>> {
 protected:
  static zone::ZoneContent signed_zone() {
    zone::ZoneContent zone = content(1, "example.", "a A 192.0.2.1\nns A 192.0.2.2\nsub NS ns.other.test.\n");
    zone.keys.push_back({1, 257, true, true, "key"});
    zone.metadata = GetParam();
    return zone;
  }
};

TEST_P(SignedPlan, ANewOwnerPurgesWhatDeniedIt) {
  Publisher publisher({signed_zone()});
  publisher.ask(1, {"m1.example.", "x.sub.example."});
  const std::set<std::string> plan = words_of(publisher.change({rrset(1, "m2.example.", dns::kA, {"192.0.2.3"})}));
  EXPECT_TRUE(plan.contains("m1.example.")) << "its NXDOMAIN may carry the NSEC that denies m2";
  EXPECT_TRUE(plan.contains("m2.example."));
  EXPECT_FALSE(plan.contains("x.sub.example.")) << "a referral denies nothing of this zone";
  EXPECT_GE(plan.size(), 3U) << "the name before it in the chain, for its NODATA answers";
}

TEST_P(SignedPlan, ANewTypePurgesTheDenialsThatListTypes) {
  Publisher publisher({signed_zone()});
  publisher.ask(1, {"m1.example."});
  EXPECT_TRUE(
      words_of(publisher.change({rrset(1, "a.example.", dns::kAAAA, {"2001:db8::1"})})).contains("m1.example."));
  EXPECT_EQ(words_of(publisher.change({rrset(1, "a.example.", dns::kA, {"192.0.2.9"})})), words("a.example."))
      << "new content of a type that was there changes no denial";
}

INSTANTIATE_TEST_SUITE_P(Denial, SignedPlan,
                         testing::Values(std::vector<zone::Metadata>{},
                                         std::vector<zone::Metadata>{{"NSEC3PARAM", {"1 0 0 -"}}}));

TEST(PurgePlanOf, WithNsecANewNamePurgesTheEmptyNonTerminalsInTheSameSpan) {
  zone::ZoneContent zone = content(1, "example.", "a A 192.0.2.1\nx.y.ent A 192.0.2.2\nz.other A 192.0.2.3\n");
  zone.keys.emplace_back();
  Publisher publisher({zone});
  EXPECT_EQ(words_of(publisher.change({rrset(1, "b.example.", dns::kA, kA)})),
            words("a.example. b.example. ent.example. y.ent.example."));
  EXPECT_EQ(words_of(publisher.change({rrset(1, "b.example.", dns::kA, {})})),
            words("a.example. b.example. ent.example. y.ent.example."));
}

TEST(PurgePlanOf, WithOptOutANewTypePurgesTheReferralsWhoseClosestEncloserItIsAt) {
  zone::ZoneContent zone = content(1, "example.", "a A 192.0.2.1\nsub.a NS ns.test.\nother NS ns.test.\n");
  zone.keys.emplace_back();
  zone.metadata = {{"NSEC3PARAM", {"1 1 0 -"}}};
  Publisher publisher({zone});
  publisher.ask(1, {"x.sub.a.example.", "x.other.example."});
  const std::set<std::string> plan = words_of(publisher.change({rrset(1, "a.example.", dns::kTXT, {"\"new\""})}));
  EXPECT_TRUE(plan.contains("sub.a.example."));
  EXPECT_TRUE(plan.contains("x.sub.a.example."));
  EXPECT_FALSE(plan.contains("x.other.example.")) << "its closest encloser is the apex";
}

TEST(PurgePlanOf, AnUnsignedZoneHasNoDenialsToPurge) {
  Publisher publisher({content(1, "example.", "a A 192.0.2.1\n")});
  publisher.ask(1, {"m1.example."});
  EXPECT_EQ(words_of(publisher.change({rrset(1, "m2.example.", dns::kA, {"192.0.2.3"})})), words("m2.example."));
}

TEST(PurgePlanOf, PresignedIsWhatPowerDnsTakesForIt) {
  const auto denials_purged = [](const char* value) {
    zone::ZoneContent zone = content(1, "example.", "a A 192.0.2.1\n");
    zone.metadata = {{"PRESIGNED", {value}}};
    Publisher publisher({zone});
    publisher.ask(1, {"m1.example."});
    return words_of(publisher.change({rrset(1, "m2.example.", dns::kA, kA)})).contains("m1.example.");
  };
  EXPECT_TRUE(denials_purged("1"));
  EXPECT_FALSE(denials_purged("0"));
}

TEST(PurgePlanOf, ReplacingAZoneUnderANewIdAnnouncesItOnce) {
  Publisher publisher({content(1, "example.", "www A 192.0.2.1\n")});
  const Plan plan =
      publisher.change({zone::ZoneDeleted{1}, zone::ZoneCreated{content(2, "example.", "www A 192.0.2.2\n")}});
  EXPECT_EQ(words_of(plan), words("example. example.!"));
}

TEST(PurgePlanOf, MoreNamesAskedThanRememberedIsASubtree) {
  Publisher publisher({content(1, "example.", "*.w A 192.0.2.1\nd NS ns.test.\n")}, {.names_per_group = 2});
  publisher.ask(1, {"a.w.example.", "b.w.example.", "c.w.example.", "a.d.example.", "b.d.example."});
  EXPECT_EQ(words_of(publisher.change({rrset(1, "*.w.example.", dns::kA, kA)})), words("*.w.example. w.example.$"));
  EXPECT_EQ(words_of(publisher.change({rrset(1, "d.example.", dns::kDS, {"1 13 2 00"})})),
            words("d.example. a.d.example. b.d.example."));
  EXPECT_EQ(words_of(publisher.change({rrset(1, "x.w.example.", dns::kA, kA)})), words("x.w.example. x.w.example.$"))
      << "what was asked below the new name is not known any more";
}

TEST(PurgePlanOf, MoreExistingNamesBelowANewCutThanTheLimitIsASubtree) {
  Publisher publisher({content(1, "example.", "a.d A 192.0.2.1\nb.d A 192.0.2.1\nc.d A 192.0.2.1\n")}, {},
                      {.existing_below = 2});
  const Plan plan = publisher.change({rrset(1, "d.example.", dns::kNS, {"ns.test."})});
  EXPECT_TRUE(plan.subtrees.contains(name("d.example."))) << testing::PrintToString(words_of(plan));
}

TEST(PurgePlanOf, TooManyNamesIsEverythingAndStillAnnounces) {
  std::string text;
  for (int i = 0; i < 20; ++i) text += "a" + std::to_string(i) + " CNAME www\n";
  Publisher publisher({content(1, "example.", text + "www A 192.0.2.1\n")}, {}, {.names = 10});
  const Plan plan =
      publisher.change({rrset(1, "www.example.", dns::kA, kA), zone::ZoneCreated{content(2, "new.test.", "")}});
  EXPECT_EQ(words_of(plan), words("everything new.test.!"));
}

TEST(PurgePlanOf, AChainOfReferencesAsLongAsTheLimitIsFollowed) {
  std::string text = "c0 A 192.0.2.1\n";
  for (int i = 1; i < 5000; ++i) text += "*.c" + std::to_string(i) + " CNAME x.c" + std::to_string(i - 1) + "\n";
  text += "x.c0 A 192.0.2.1\n";
  Publisher publisher({content(1, "example.", text)});
  const Plan plan = publisher.change({rrset(1, "x.c0.example.", dns::kA, kA)});
  EXPECT_EQ(plan.names.size(), 5000U);
}

TEST(PurgePlanOf, ACircleOfReferencesEnds) {
  Publisher publisher({content(1, "example.", "a CNAME b\nb CNAME c\nc CNAME a\n")});
  EXPECT_EQ(words_of(publisher.change({rrset(1, "a.example.", dns::kCNAME, {"c.example."})})),
            words("a.example. b.example. c.example."));
}

TEST(PurgePlanOf, ATargetWithTooManyReferrersIsTheSubtreeOfTheirZones) {
  std::string text;
  for (int i = 0; i < 20; ++i) text += "d" + std::to_string(i) + " NS ns.other.test.\n";
  std::vector<zone::ZoneContent> zones{content(1, "example.", text), content(2, "other.test.", "ns A 192.0.2.1\n")};
  const zone::ZoneSetPtr set = set_of(std::move(zones));
  ReverseIndex index(10);
  index.load(*set);
  AskedNames asked(1, std::chrono::seconds(120), SteadyTime{});
  const zone::Applied applied = apply_all(*set, {rrset(2, "ns.other.test.", dns::kA, kA)});
  index.remove(*set, applied);
  EXPECT_EQ(words_of(make_plan(*set, applied, index, asked)), words("ns.other.test. example.$"));
}

TEST(PurgePlanOf, ANameAnsweredFromTheFormerSnapshotThatArrivesLateIsPurgedToo) {
  Publisher publisher({content(1, "example.", "*.w A 192.0.2.1\n")});
  EXPECT_EQ(words_of(publisher.change({rrset(1, "*.w.example.", dns::kA, kA)})), words("*.w.example."));
  publisher.ask(1, {"late.w.example.", "other.example."});
  publisher.advance(std::chrono::milliseconds(5));
  EXPECT_EQ(words_of(publisher.tick()), words("late.w.example."));
  publisher.ask(1, {"late2.w.example.", "other.example."});
  EXPECT_EQ(words_of(publisher.change({rrset(1, "www.example.", dns::kA, kA)})), words("late2.w.example. www.example."))
      << "also when the next change comes first";
  publisher.advance(std::chrono::seconds(1));
  publisher.ask(1, {"delayed.w.example."});
  EXPECT_EQ(words_of(publisher.tick()), words("delayed.w.example.")) << "also when the publisher was held up";
  publisher.ask(1, {"later.w.example."});
  EXPECT_EQ(words_of(publisher.tick()), words(""));
}

TEST(PurgePlanOf, NamesAskedFromTheNewSnapshotBeforeItsPlanAreFiledUnderIt) {
  Publisher publisher({content(1, "example.", "*.w A 192.0.2.1\nh.w A 192.0.2.2\n")});
  publisher.ask(1, {"q.h.w.example."});  // its closest encloser is h.w before, w after
  EXPECT_EQ(words_of(publisher.change({rrset(1, "h.w.example.", dns::kA, {})})), words("h.w.example. q.h.w.example."));
  EXPECT_EQ(words_of(publisher.change({rrset(1, "*.w.example.", dns::kA, kA)})), words("*.w.example. q.h.w.example."));
}

}  // namespace
}  // namespace sdns::purge
