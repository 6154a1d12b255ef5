// SPDX-License-Identifier: MIT
#include "backend/answer/zone_info.h"

#include <gmock/gmock.h>

#include "tests/unit/answer/edit_fixture.h"

namespace sdns::answer {
namespace {

zone::ZoneSetPtr one_zone(zone::ZoneHead head, const std::string& master_text) {
  zone::ZoneContent content = zone_content(7, "x.", master_text);
  head.id = 7;
  head.apex = name("x.");
  content.head = std::move(head);
  return zone_set({std::move(content)});
}

struct NotifyCase {
  const char* behaviour;
  zone::Kind kind;
  std::uint32_t serial;
  std::uint32_t notified;
  bool listed;
};
void PrintTo(const NotifyCase& one, std::ostream* out) { *out << one.behaviour; }
class ZoneInfoNotify : public testing::TestWithParam<NotifyCase> {};
TEST_P(ZoneInfoNotify, IsDecidedByTheSerial) {
  const NotifyCase& one = GetParam();
  zone::ZoneHead head;
  head.kind = one.kind;
  head.notified_serial = one.notified;
  std::string out;
  append_updated_primaries(out,
                           *one_zone(head, "@ 60 SOA ns h " + std::to_string(one.serial) + " 10800 3600 604800 300\n"));
  EXPECT_EQ(out != "[]", one.listed) << one.behaviour << ": " << out;
}
INSTANTIATE_TEST_SUITE_P(ZoneInfo, ZoneInfoNotify,
                         testing::Values(NotifyCase{"a greater serial", zone::Kind::kPrimary, 6, 5, true},
                                         NotifyCase{"the same serial", zone::Kind::kPrimary, 5, 5, false},
                                         NotifyCase{"a serial that wrapped", zone::Kind::kPrimary, 1, 4294967295, true},
                                         NotifyCase{"a serial that was set back", zone::Kind::kPrimary, 4, 5, true},
                                         NotifyCase{"never notified", zone::Kind::kPrimary, 1, 0, true},
                                         NotifyCase{"never notified, serial 0", zone::Kind::kPrimary, 0, 0, false},
                                         NotifyCase{"the greatest serial", zone::Kind::kPrimary, 4294967295, 4294967295,
                                                    false},
                                         NotifyCase{"a native zone", zone::Kind::kNative, 6, 5, false},
                                         NotifyCase{"a secondary zone", zone::Kind::kSecondary, 6, 5, false}));

struct RefreshCase {
  const char* behaviour;
  std::uint32_t refresh;
  std::uint32_t last_check;
  std::int64_t now;
  bool listed;
};
void PrintTo(const RefreshCase& one, std::ostream* out) { *out << one.behaviour; }
class ZoneInfoRefresh : public testing::TestWithParam<RefreshCase> {};
TEST_P(ZoneInfoRefresh, IsDueAfterItsTime) {
  const RefreshCase& one = GetParam();
  zone::ZoneHead head;
  head.kind = zone::Kind::kSecondary;
  head.primaries = {"192.0.2.1"};
  head.last_check = one.last_check;
  std::string out;
  append_unfresh_secondaries(
      out, *one_zone(head, "@ 60 SOA ns h 5 " + std::to_string(one.refresh) + " 3600 604800 300\n"), one.now);
  EXPECT_EQ(out != "[]", one.listed) << one.behaviour << ": " << out;
}
INSTANTIATE_TEST_SUITE_P(ZoneInfo, ZoneInfoRefresh,
                         testing::Values(RefreshCase{"before its time", 100, 1000, 1099, false},
                                         RefreshCase{"at its time", 100, 1000, 1100, false},
                                         RefreshCase{"after its time", 100, 1000, 1101, true},
                                         RefreshCase{"never checked", 100, 0, 1787000000, true},
                                         RefreshCase{"a check in the future", 100, 2000, 1500, false},
                                         RefreshCase{"a sum over 32 bits", 2147483647, 2147483700, 2147483800, false},
                                         RefreshCase{"a sum over 32 bits, after it", 2147483647, 2147483649, 4294967297,
                                                     true}));

TEST(ZoneInfo, ASecondaryZoneWithoutDataIsDueAndOneWithoutPrimariesNever) {
  zone::ZoneHead head;
  head.kind = zone::Kind::kSecondary;
  head.last_check = 1000;
  std::string out;
  append_unfresh_secondaries(out, *one_zone(head, ""), 1001);
  EXPECT_EQ(out, "[]");
  head.primaries = {"192.0.2.1"};
  out.clear();
  append_unfresh_secondaries(out, *one_zone(head, ""), 1001);
  EXPECT_EQ(out, R"([{"id":7,"zone":"x.","serial":0,"kind":"slave","masters":["192.0.2.1"],)"
                 R"("notified_serial":0,"last_check":1000}])");
  head.kind = zone::Kind::kPrimary;
  out.clear();
  append_unfresh_secondaries(out, *one_zone(head, ""), 1001);
  EXPECT_EQ(out, "[]");
  append_updated_primaries(out, *one_zone(head, ""));
  EXPECT_EQ(out, "[][]") << "a primary zone without data has no serial to tell of";
}

TEST(ZoneInfo, RowsAreSeparatedWhateverIsLeftOut) {
  std::vector<zone::ZoneContent> all;
  for (zone::ZoneId id = 1; id <= 6; ++id) {
    all.push_back(zone_content(id, "z" + std::to_string(id) + ".", kSoa));
    if (id == 2 || id == 3 || id == 5) all.back().head.kind = zone::Kind::kPrimary;
  }
  std::string out;
  append_updated_primaries(out, *zone_set(std::move(all)));
  const auto row = [](const char* id) {
    return R"({"id":)" + std::string(id) + R"(,"zone":"z)" + id +
           R"(.","serial":5,"kind":"master","notified_serial":0,"last_check":0})";
  };
  EXPECT_EQ(out, "[" + row("2") + "," + row("3") + "," + row("5") + "]");
}

}  // namespace
}  // namespace sdns::answer
