// SPDX-License-Identifier: MIT
#include "backend/protocol/reply_write.h"

#include <gtest/gtest.h>

#include <vector>

namespace sdns::protocol {
namespace {

constexpr std::string_view kOneRow = "\"qtype\":\"A\",\"content\":\"192.0.2.1\",\"ttl\":300\n";
constexpr std::string_view kTwoRows =
    "\"qtype\":\"NS\",\"content\":\"a.\",\"ttl\":60\n\"qtype\":\"NS\",\"content\":\"b.\",\"ttl\":60\n";

std::string written(const Reply& reply) {
  std::string out;
  write_reply(reply, out);
  return out;
}

TEST(ReplyWrite, WritesARowOfEachRecordWithoutWhiteSpaceOrDefaults) {
  const std::vector<RowBlock> blocks{{kOneRow, true}, {kTwoRows, false}};
  EXPECT_EQ(written(Records{"www.example.", "7", blocks, false, true}),
            R"({"result":[{"qname":"www.example.","qtype":"A","content":"192.0.2.1","ttl":300,"domain_id":7},)"
            R"({"qname":"www.example.","qtype":"NS","content":"a.","ttl":60,"domain_id":7,"auth":0},)"
            R"({"qname":"www.example.","qtype":"NS","content":"b.","ttl":60,"domain_id":7,"auth":0}]})"
            "\n");
}

TEST(ReplyWrite, WritesTheOwnerInLowerCaseAndKeepsItsEscapes) {
  const std::vector<RowBlock> blocks{{kOneRow, true}};
  const std::string_view asked = "A\\\\.B\\\\\\\\Z\\\\200\\\"[`@{\xC3\x9C\xDE.EXAMPLE.";
  EXPECT_EQ(
      written(Records{asked, "7", blocks, false, true}),
      "{\"result\":[{\"qname\":\"a\\\\.b\\\\\\\\z\\\\200\\\"[`@{\xC3\x9C\xDE.example.\",\"qtype\":\"A\",\"content\":"
      "\"192.0.2.1\",\"ttl\":300,\"domain_id\":7}]}\n");
}

TEST(ReplyWrite, WritesNoRowsAsAnEmptyArray) { EXPECT_EQ(written(Records{}), "{\"result\":[]}\n"); }

TEST(ReplyWrite, WritesAnEmptyNonTerminalAsARowWithoutType) {
  EXPECT_EQ(written(Records{"_tcp.example.", "7", {}, true, true}),
            "{\"result\":[{\"qname\":\"_tcp.example.\",\"qtype\":\"\",\"content\":\"\",\"ttl\":0,\"domain_id\":7}]}\n");
  EXPECT_EQ(written(Records{"x.", "7", {}, true, false}),
            "{\"result\":[{\"qname\":\"x.\",\"qtype\":\"\",\"content\":\"\",\"ttl\":0,\"domain_id\":7,\"auth\":0}]}\n");
}

TEST(ReplyWrite, EscapesNeighbours) {
  EXPECT_EQ(written(Neighbours{"", "a\\.b", "\"z"}),
            "{\"result\":{\"unhashed\":\"\",\"before\":\"a\\\\.b\",\"after\":\"\\\"z\"}}\n");
}

TEST(ReplyWrite, KeepsNoAndCannotSayApart) {
  EXPECT_EQ(written(Accepted{}), "{\"result\":true}\n");
  EXPECT_EQ(written(Declined{}), "{\"result\":false}\n");
  EXPECT_EQ(written(Rendered{"[]"}), "{\"result\":[]}\n");
  EXPECT_EQ(written(Broken{{Errc::kProtocol, "no \"zone\"", "hint"}}), "{\"error\":\"no \\\"zone\\\"\"}\n");
}

TEST(ReplyWrite, AppendsAndAllocatesNothingMore) {
  std::string out = "before";
  out.reserve(4096);
  const char* const memory = out.data();
  const std::vector<RowBlock> blocks{{kTwoRows, true}};
  write_reply(Records{"x.", "7", blocks, false, true}, out);
  EXPECT_EQ(out.data(), memory);
  EXPECT_TRUE(out.starts_with("before{\"result\":[{"));
}

}  // namespace
}  // namespace sdns::protocol
