// SPDX-License-Identifier: MIT
#include "backend/zone/metadata.h"

#include <gtest/gtest.h>

#include "backend/zone/zone_edit.h"

namespace sdns::zone {
namespace {

dns::Name name(std::string_view text) { return *dns::Name::parse(text); }

// b.example. is above an insecure delegation alone.
std::size_t chain_length(std::vector<Metadata> metadata) {
  ZoneContent content;
  content.head.id = 7;
  content.head.apex = name("example.");
  content.metadata = std::move(metadata);
  content.records = {
      {name("example."), dns::kSOA, dns::Ttl{300}, "ns.example. host.example. 1 3600 600 86400 300"},
      {name("a.b.example."), dns::kNS, dns::Ttl{300}, "ns.test."},
  };
  return (*ZoneEditor::build(std::move(content), 1))->hashes().size();
}

TEST(Metadata, ItsFirstValueIsTaken) {
  EXPECT_EQ(metadata_value({{"A", {}}, {"B", {"one", "two"}}}, "B"), "one");
  EXPECT_EQ(metadata_value({{"A", {}}, {"B", {"one"}}}, "A"), std::nullopt);
  EXPECT_TRUE(is_presigned({{"PRESIGNED", {"1"}}}));
  EXPECT_FALSE(is_presigned({{"PRESIGNED", {"0", "1"}}}));
  EXPECT_FALSE(is_presigned({}));
}

TEST(Metadata, AZoneIsPresignedWithTheValue1AloneAsInPowerDns) {
  const Metadata opt_out{"NSEC3PARAM", {"1 1 0 -"}};
  EXPECT_EQ(chain_length({opt_out, {"PRESIGNED", {"1"}}}), 1U) << "what its signer left out";
  for (const char* value : {"0", "", "yes"}) EXPECT_EQ(chain_length({opt_out, {"PRESIGNED", {value}}}), 2U) << value;
}

}  // namespace
}  // namespace sdns::zone
