// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <sstream>

#include "backend/dns/ldns_codec.h"
#include "backend/dns/master_file.h"
#include "backend/dns/rdata_text.h"

namespace sdns::dns {
namespace {

const Name kApex = *Name::parse("example.org.");

std::vector<Record> read_back(const std::string& text) {
  const auto file = parse_master_text(text, "written", Name());
  EXPECT_TRUE(file) << to_text(file.error()) << "\n" << text;
  std::vector<Record> records;
  if (file)
    for (const PlacedRecord& placed : file->records) records.push_back(placed.record);
  return records;
}

void sort(std::vector<Record>& records) {
  std::sort(records.begin(), records.end(), [](const Record& a, const Record& b) {
    if (a.owner != b.owner) return a.owner < b.owner;
    if (a.type != b.type) return a.type < b.type;
    return std::tie(a.content, a.ttl) < std::tie(b.content, b.ttl);
  });
}

TEST(MasterFileWrite, BeginsWithOriginTtlAndSoaAndFollowsCanonicalOrder) {
  const Record soa{kApex, kSOA, {3600}, "ns.example.org. h.example.org. 1 2 3 4 5"};
  const Record ns{kApex, kNS, {300}, "ns.example.org."};
  const Record a{*Name::parse("b.example.org."), kA, {300}, "192.0.2.1"};
  const Record aaaa{*Name::parse("b.example.org."), kAAAA, {300}, "::1"};
  const Record deep{*Name::parse("x.a.example.org."), kA, {60}, "192.0.2.2"};
  EXPECT_EQ(write_master_text(kApex, {aaaa, deep, a, ns, soa}),
            "$ORIGIN example.org.\n$TTL 300\n"
            "@\t3600\tIN\tSOA\tns.example.org. h.example.org. 1 2 3 4 5\n"
            "\tIN\tNS\tns.example.org.\n"
            "x.a\t60\tIN\tA\t192.0.2.2\n"
            "b\tIN\tA\t192.0.2.1\n"
            "\tIN\tAAAA\t::1\n");
}

TEST(MasterFileWrite, OwnersThatLookLikeSyntaxAreReadBack) {
  std::vector<Record> records;
  for (const std::string_view label : {"\\@", "$ORIGIN", "$", "\\;", "a\\;b", "\\(", "\\\"", "\\032", "*", "\\\\",
                                       "a\\.b", "IN", "300", "A", "\\000", "\\255"})
    records.push_back({*Name::parse(std::string(label) + ".example.org."), kA, {300}, "192.0.2.1"});
  records.push_back({*Name::parse("\\@."), kA, {300}, "192.0.2.1"});
  records.push_back({*Name::parse("$TTL."), kA, {300}, "192.0.2.1"});
  auto again = read_back(write_master_text(kApex, records));
  sort(records);
  sort(again);
  EXPECT_EQ(again, records);
}

TEST(MasterFileWrite, TheRootZoneIsReadBack) {
  std::vector<Record> records = {{Name(), kSOA, {300}, ". . 1 2 3 4 5"},
                                 {Name(), kNS, {300}, "a."},
                                 {*Name::parse("a."), kA, {300}, "192.0.2.1"},
                                 {*Name::parse("\\@."), kA, {300}, "192.0.2.1"}};
  auto again = read_back(write_master_text(Name(), records));
  sort(records);
  sort(again);
  EXPECT_EQ(again, records);
}

TEST(MasterFileWrite, IpseckeyWithoutGatewayHasTheDotOfItsRfc) {
  const Record record{kApex, *RrType::parse("IPSECKEY"), {300}, "10 0 2 aGVsbG8="};
  const std::string text = write_master_text(kApex, {record});
  EXPECT_THAT(text, testing::HasSubstr("10 0 2 . aGVsbG8="));
  EXPECT_THAT(read_back(text), testing::ElementsAre(record));
}

TEST(MasterFileWrite, NothingIsAnEmptyFile) {
  EXPECT_EQ(write_master_text(kApex, {}), "$ORIGIN example.org.\n$TTL 3600\n");
}

TEST(MasterFileWrite, RecordsOfEveryTypeAreReadBack) {
  std::ifstream in(SDNS_DNS_DATA "/rdata.tsv");
  std::vector<Record> records;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream fields(line);
    std::string type;
    std::string rdata;
    std::string content;
    std::getline(fields, type, '\t');
    std::getline(fields, rdata, '\t');
    std::getline(fields, content, '\t');
    records.push_back({kApex, *parse_any_type(type), {static_cast<std::uint32_t>(records.size() % 3)}, content});
  }
  ASSERT_GT(records.size(), 150U);
  auto again = read_back(write_master_text(kApex, records));
  sort(records);
  sort(again);
  EXPECT_EQ(again, records);
}

std::string random_octets(std::mt19937& random, std::size_t most) {
  std::string octets;
  const std::size_t length = random() % (most + 1);
  for (std::size_t i = 0; i < length; ++i)
    octets += static_cast<char>(random() % 4 == 0 ? random() : "a.\"\\;()@$ \t\n\r\0=,"[random() % 16]);
  return octets;
}

Name random_name(std::mt19937& random) {
  std::string wire;
  for (std::size_t labels = random() % 4; labels > 0; --labels) {
    std::string label = random_octets(random, 8);
    if (label.empty()) label = "x";
    wire += static_cast<char>(label.size());
    wire += label;
  }
  return *Name::from_wire(wire + (random() % 3 == 0 ? std::string(1, '\0') : kApex.wire()));
}

TEST(MasterFileWriteProperty, RecordsOfAnyOctetsAreReadBack) {
  const unsigned seed = 1035;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  int kept = 0;
  for (int round = 0; round < 300; ++round) {
    std::vector<Record> records;
    for (int i = 0; i < 40; ++i) {
      const RrType type =
          std::vector<RrType>{kTXT,        kCNAME,     kMX,         kSOA,       kHTTPS,     kCAA, kNAPTR,
                              RrType{731}, RrType{13}, RrType{256}, RrType{42}, RrType{45}, kNSEC}[random() % 13];
      std::string wire;
      const auto text = [&] {
        const std::string octets = random_octets(random, 12);
        return static_cast<char>(octets.size()) + octets;
      };
      switch (type.value) {
        case 16:
          wire = text() + text();
          break;
        case 5:
          wire = random_name(random).wire();
          break;
        case 15:
          wire = "ab" + random_name(random).wire();
          break;
        case 6:
          wire = random_name(random).wire() + random_name(random).wire() + "aaaabbbbccccddddeeee";
          break;
        case 65: {
          const std::string value = random_octets(random, 9);
          wire = "ab" + random_name(random).wire() + std::string("\0\1", 2);
          const std::string alpn = text();
          append_u16(wire, static_cast<std::uint32_t>(alpn.size()));
          wire += alpn;
          append_u16(wire, 700);
          append_u16(wire, static_cast<std::uint32_t>(value.size()));
          wire += value;
          break;
        }
        case 257:
          wire = std::string("\0\5issue", 7) + random_octets(random, 20);
          break;
        case 35:
          wire = "abcd" + text() + text() + text() + random_name(random).wire();
          break;
        case 13:
          wire = text() + text();
          break;
        case 256:
          wire = "abcd" + random_octets(random, 20);
          break;
        default:
          wire = random_octets(random, 20);
          break;
      }
      const auto content = content_from_wire(type, wire);
      if (!content) continue;
      // What is text must be octets again, and its own canonical form.
      const auto again = rdata_wire(type, *content);
      ASSERT_TRUE(again) << type.text() << " " << *content;
      if (type != RrType{42} && type != kNSEC) {
        ASSERT_EQ(*again, wire) << type.text() << " " << *content;
      }
      records.push_back({random_name(random),
                         type,
                         {static_cast<std::uint32_t>(random() % 3)},
                         *canonical_content(type, *content, kApex)});
      ++kept;
    }
    auto again = read_back(write_master_text(kApex, records));
    sort(records);
    sort(again);
    ASSERT_EQ(again, records);
  }
  EXPECT_GT(kept, 5000);
}

}  // namespace
}  // namespace sdns::dns
