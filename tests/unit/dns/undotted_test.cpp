// SPDX-License-Identifier: MIT
#include "backend/dns/undotted.h"

#include <gtest/gtest.h>

namespace sdns::dns {
namespace {

std::string undotted(std::string_view type, std::string_view content) {
  return without_final_dots(*RrType::parse(type), content);
}

TEST(UndottedTest, NamesLoseTheirFinalDotsAndNothingElseDoes) {
  EXPECT_EQ(undotted("NS", "ns1.example."), "ns1.example");
  EXPECT_EQ(undotted("MX", "10 mail.example."), "10 mail.example");
  EXPECT_EQ(undotted("SOA", "ns.example. h.example. 1 2 3 4 5"), "ns.example h.example 1 2 3 4 5");
  EXPECT_EQ(undotted("SRV", "0 0 443 a\\.b.example."), "0 0 443 a\\.b.example");
  EXPECT_EQ(undotted("ALIAS", "target.example."), "target.example");
  EXPECT_EQ(undotted("NAPTR", R"(100 10 "u" "E2U+sip" "!^.*$!sip:a \"b\" c.!" r.example.)"),
            R"(100 10 "u" "E2U+sip" "!^.*$!sip:a \"b\" c.!" r.example)");
  EXPECT_EQ(undotted("HTTPS", "1 svc.example. alpn=h2,h3 port=8443"), "1 svc.example alpn=h2,h3 port=8443");
  EXPECT_EQ(undotted("TXT", R"("ends with a dot.")"), R"("ends with a dot.")");
  EXPECT_EQ(undotted("A", "192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(undotted("TYPE65280", "\\# 1 2e"), "\\# 1 2e");
}

TEST(UndottedTest, TheRootStaysADot) {
  EXPECT_EQ(undotted("MX", "0 ."), "0 .");
  EXPECT_EQ(undotted("HTTPS", "1 . alpn=h2"), "1 . alpn=h2");
}

}  // namespace
}  // namespace sdns::dns
