// SPDX-License-Identifier: MIT
#include "backend/store/node_store.h"
#include "tests/unit/ctl/ctl_fixture.h"

namespace sdns::ctl {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

class NodeTest : public CtlTest {
 protected:
  /// A heartbeat, so long ago.
  void beats(const std::string& name, zone::Revision applied, std::chrono::seconds ago) {
    test::ManualWallClock then;
    then.advance(-ago);
    auto store = store::NodeStore::open(url_, then, random_, 1s);
    ASSERT_TRUE(store);
    ASSERT_TRUE((*store)->beat(
        {.name = name, .version = "1.2", .applied = applied, .started = then.wall_now() - 24h, .max_stale = 7 * 24h},
        {}));
  }
};

TEST_F(NodeTest, ListsWhoServesWhatAndIsLoudAboutWhoIsSilent) {
  EXPECT_EQ(ctl({"node", "list"}).err, "sdnsctl: no sovereign-dnsd has ever followed this database\n");
  import_example();  // revision 1
  beats("ns1", 1, 2s);
  beats("ns2", 0, 2h);
  beats("ns3", 5, 8 * 24h);
  const Ran ran = ctl({"node", "list"});
  EXPECT_THAT(ran, Exits(0));
  EXPECT_EQ(ran.out,
            "NODE  STATE    REVISION  LAG      SEEN     SERVES UNTIL          VERSION\n"
            "ns1   live     1         0        2 s ago  2026-01-09 03:04:03Z  1.2\n"
            "ns2   SILENT   0         1        2 h ago  2026-01-09 01:04:05Z  1.2\n"
            "ns3   EXPIRED  5         4 AHEAD  8 d ago  2026-01-01 03:04:05Z  1.2\n");
  EXPECT_THAT(ran.err,
              AllOf(HasSubstr("ns2 has been silent for 2 h: it may serve revision 0 until 2026-01-09 01:04:05Z"),
                    HasSubstr("ns3 has been silent for 8 d and is not waited for any more")));
  const auto document = json({"node", "list"});
  EXPECT_EQ(document["revision"], 1);
  EXPECT_EQ(document["nodes"][1],
            nlohmann::json::parse(R"({"node":"ns2","state":"silent","revision":0,"lag":1,"last_seen":1767315845,
      "silent_ms":7200000,"serve_until":1767920645,"started":1767229445,"version":"1.2","clock_ahead_ms":0})"));
}

TEST_F(NodeTest, ShowsOne) {
  beats("ns1", 0, 2s);
  EXPECT_EQ(ctl({"node", "show", "ns1"}).out,
            "node:         ns1\n"
            "state:        live\n"
            "revision:     0 of 0 (lag 0)\n"
            "last seen:    2026-01-02 03:04:03Z, 2 s ago\n"
            "serves until: 2026-01-09 03:04:03Z\n"
            "started:      2026-01-01 03:04:03Z\n"
            "version:      1.2\n"
            "clock:        0 ms ahead of the database's\n");
  EXPECT_EQ(json({"node", "show", "ns1"})["state"], "live");
  EXPECT_THAT(ctl({"node", "show", "ns2"}).err, HasSubstr("there is no node ns2"));
}

TEST_F(NodeTest, ForgetsOnlyWhoServesNothing) {
  beats("live", 0, 0s);
  beats("silent", 0, 2h);
  beats("expired", 0, 8 * 24h);
  EXPECT_THAT(ctl({"node", "forget", "live"}).err, HasSubstr("live is alive"));
  EXPECT_THAT(ctl({"node", "forget", "live", "--force"}), Exits(1));
  const Ran refused = ctl({"node", "forget", "silent"});
  EXPECT_THAT(refused, Exits(1));
  EXPECT_THAT(refused.err, AllOf(HasSubstr("may serve revision 0 until"), HasSubstr("--force")));
  EXPECT_EQ(ctl({"node", "forget", "silent", "--force"}).out, "silent is forgotten\n");
  EXPECT_EQ(ctl({"node", "forget", "expired"}).out, "expired is forgotten\n");
  EXPECT_EQ(json({"node", "list"})["nodes"].size(), 1U);
  EXPECT_EQ(revision(), 0U);
}

}  // namespace
}  // namespace sdns::ctl
