// SPDX-License-Identifier: MIT
#include "backend/answer/located.h"

#include <gtest/gtest.h>

#include "tests/unit/answer/edit_fixture.h"

namespace sdns::answer {
namespace {

struct LocateCase {
  const char* behaviour;
  const char* name;
  Where where;
  const char* at;
};
void PrintTo(const LocateCase& one, std::ostream* out) { *out << one.behaviour; }

class Locate : public testing::TestWithParam<LocateCase> {};
TEST_P(Locate, FindsWhatAnswers) {
  static const zone::ZoneSetPtr kZones = [] {
    std::vector<zone::ZoneContent> all;
    all.push_back(zone_content(
        1, "example.",
        std::string(kSoa) +
            "@ 60 NS ns\nwww 60 A 192.0.2.1\na.b 60 A 192.0.2.2\n*.w 60 A 192.0.2.3\n"
            "d 60 DNAME www\n*.d2 60 A 192.0.2.4\nd2 60 DNAME www\nsub 60 NS ns.sub\nns.sub 60 A 192.0.2.5\n"));
    all.push_back(zone_content(2, "empty.example.", ""));
    return zone_set(std::move(all), 1);
  }();
  const Located found = locate(*dns::Name::parse(GetParam().name), *kZones);
  EXPECT_EQ(found.where, GetParam().where);
  EXPECT_EQ(found.zone ? owner_text(*found.zone, found.at) : "", GetParam().at);
}
INSTANTIATE_TEST_SUITE_P(
    Located, Locate,
    testing::Values(LocateCase{"the name itself", "www.example.", Where::kExact, "www.example."},
                    LocateCase{"the apex", "example.", Where::kExact, "example."},
                    LocateCase{"an empty non-terminal", "b.example.", Where::kEmptyNonTerminal, "b.example."},
                    LocateCase{"a wildcard", "x.y.w.example.", Where::kWildcard, "*.w.example."},
                    LocateCase{"no name", "x.www.example.", Where::kNowhere, "x.www.example."},
                    LocateCase{"below a DNAME", "x.y.d.example.", Where::kDname, "d.example."},
                    LocateCase{"a DNAME's own name", "d.example.", Where::kExact, "d.example."},
                    LocateCase{"a DNAME before a wildcard", "x.d2.example.", Where::kDname, "d2.example."},
                    LocateCase{"a zone cut", "sub.example.", Where::kReferral, "sub.example."},
                    LocateCase{"below a zone cut", "x.sub.example.", Where::kReferral, "sub.example."},
                    LocateCase{"a zone without data", "x.empty.example.", Where::kNoData, "x.empty.example."},
                    LocateCase{"no zone", "example.net.", Where::kNotHosted, ""}));

}  // namespace
}  // namespace sdns::answer
