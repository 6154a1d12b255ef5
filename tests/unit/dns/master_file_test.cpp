// SPDX-License-Identifier: MIT
#include "backend/dns/master_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace sdns::dns {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

const Name kApex = *Name::parse("example.org.");

std::string line_of(const PlacedRecord& placed) {
  const Record& r = placed.record;
  return r.owner.text() + " " + std::to_string(r.ttl.seconds) + " " + r.type.text() + " " + r.content;
}

std::vector<std::string> lines(const Result<MasterFile>& file) {
  std::vector<std::string> out;
  if (!file) return {"error: " + file.error().what};
  for (const PlacedRecord& placed : file->records) out.push_back(line_of(placed));
  return out;
}

std::vector<std::string> parse(std::string_view text) { return lines(parse_master_text(text, "z", kApex)); }

std::string slurp(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sdns-master-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  std::filesystem::path write(const std::string& name, std::string_view text) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << text;
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

TEST(MasterFileEntry, ABlankOwnerIsTheLastOne) {
  EXPECT_THAT(parse("a 5 A 192.0.2.1\n  5 A 192.0.2.2\n\tAAAA ::1\n"),
              ElementsAre("a.example.org. 5 A 192.0.2.1", "a.example.org. 5 A 192.0.2.2", "a.example.org. 5 AAAA ::1"));
}

TEST(MasterFileEntry, TtlAndClassMayComeInEitherOrder) {
  EXPECT_THAT(parse("a 5 IN A 192.0.2.1\na IN 6 A 192.0.2.2\na in A 192.0.2.3\na CLASS1 7 A 192.0.2.4\n"),
              ElementsAre("a.example.org. 5 A 192.0.2.1", "a.example.org. 6 A 192.0.2.2",
                          "a.example.org. 6 A 192.0.2.3", "a.example.org. 7 A 192.0.2.4"));
}

TEST(MasterFileEntry, ParenthesesJoinLinesAndCommentsEndThem) {
  EXPECT_THAT(parse("@ 1h IN SOA ns ( ; first\n hostmaster 1 ; serial (not a parenthesis\n 2 3 4\n\n 5 ) ; end\n"),
              ElementsAre("example.org. 3600 SOA ns.example.org. hostmaster.example.org. 1 2 3 4 5"));
}

TEST(MasterFileEntry, QuotesHideBlanksCommentsAndParentheses) {
  EXPECT_THAT(parse("a 5 TXT \"b;c (d\" \"\\\"\" e\\;f\n"),
              ElementsAre("a.example.org. 5 TXT \"b;c (d\" \"\\\"\" \"e;f\""));
}

TEST(MasterFileEntry, TakesCrLfAndAMissingFinalLineBreak) {
  EXPECT_THAT(parse("a 5 TXT (\r\n \"x\"\r\n )\r\n\r\nb 5 A 192.0.2.1"),
              ElementsAre("a.example.org. 5 TXT \"x\"", "b.example.org. 5 A 192.0.2.1"));
}

TEST(MasterFileEntry, TakesAByteOrderMark) {
  EXPECT_THAT(parse("\xEF\xBB\xBF"
                    "a 5 A 192.0.2.1"),
              ElementsAre("a.example.org. 5 A 192.0.2.1"));
}

TEST(MasterFileEntry, AnOwnerMayLookLikeATypeAClassOrATtl) {
  EXPECT_THAT(parse("A 5 A 192.0.2.1\nIN 5 A 192.0.2.1\n300 5 A 192.0.2.1\nHTTPS 5 TXT k=\"a b\"\n"),
              ElementsAre("a.example.org. 5 A 192.0.2.1", "in.example.org. 5 A 192.0.2.1",
                          "300.example.org. 5 A 192.0.2.1", "https.example.org. 5 TXT \"k=\" \"a b\""));
}

TEST(MasterFileEntry, ParametersOfHttpsKeepTheirQuotedValues) {
  EXPECT_THAT(parse("a 5 HTTPS 1 . alpn=\"h2,h3\" key700=\"a b\"\n"),
              ElementsAre("a.example.org. 5 HTTPS 1 . alpn=\"h2,h3\" key700=\"a b\""));
}

TEST(MasterFileEntry, TypesThatOnlyLdnsKnowsBecomeGeneric) {
  EXPECT_THAT(parse("a 5 X25 \"311\"\n"), ElementsAre("a.example.org. 5 TYPE19 \\# 4 03333131"));
}

TEST(MasterFileTtl, ComesFromTheTtlDirectiveThenTheLastOneThenTheSoa) {
  EXPECT_THAT(
      parse("@ SOA a b 1 2 3 4 77\nb A 192.0.2.1\nb 9 A 192.0.2.2\nb A 192.0.2.3\n$TTL 1h30m\nb A 192.0.2.4\n"
            "b 8 A 192.0.2.5\nb A 192.0.2.6\n"),
      ElementsAre("example.org. 77 SOA a.example.org. b.example.org. 1 2 3 4 77", "b.example.org. 77 A 192.0.2.1",
                  "b.example.org. 9 A 192.0.2.2", "b.example.org. 9 A 192.0.2.3", "b.example.org. 5400 A 192.0.2.4",
                  "b.example.org. 8 A 192.0.2.5", "b.example.org. 5400 A 192.0.2.6"));
}

TEST(MasterFileTtl, TakesUnitsAndTheWholeRange) {
  EXPECT_THAT(parse("a 1w2d3h4m5s A 192.0.2.1\na 2147483647 A 192.0.2.2\na 0 A 192.0.2.3\n"),
              ElementsAre(StartsWith("a.example.org. 788645 "), StartsWith("a.example.org. 2147483647 "),
                          StartsWith("a.example.org. 0 ")));
  for (const std::string_view bad : {"2147483648", "1x", "1h1", "99999999999w", "5000w"})
    EXPECT_THAT(parse("a " + std::string(bad) + " A 192.0.2.1\n"), ElementsAre(HasSubstr("is not a TTL"))) << bad;
}

TEST(MasterFileOrigin, ChangesWhereRelativeNamesEnd) {
  EXPECT_THAT(
      parse("$ORIGIN sub\na 5 CNAME b\n$ORIGIN test.\na 5 CNAME @\n 5 CNAME b\n"),
      ElementsAre("a.sub.example.org. 5 CNAME b.sub.example.org.", "a.test. 5 CNAME test.", "a.test. 5 CNAME b.test."));
}

TEST(MasterFileOrigin, TheSameWordIsAnotherOwnerAfterwards) {
  EXPECT_THAT(parse("a 5 A 192.0.2.1\n$ORIGIN test.\na 5 A 192.0.2.2\n"),
              ElementsAre("a.example.org. 5 A 192.0.2.1", "a.test. 5 A 192.0.2.2"));
}

TEST(MasterFileSoa, NamesTheZone) {
  const auto with = parse_master_text("$ORIGIN net.\nx 5 SOA a b 1 2 3 4 5\n", "z", kApex);
  ASSERT_TRUE(with);
  EXPECT_TRUE(with->has_soa);
  EXPECT_EQ(with->first_soa_owner.text(), "x.net.");
  const auto without = parse_master_text("x 5 A 192.0.2.1\n", "z", kApex);
  ASSERT_TRUE(without);
  EXPECT_FALSE(without->has_soa);
  EXPECT_TRUE(without->first_soa_owner.is_root());
}

TEST(MasterFileInclude, ReadsRelativeToTheFileAndKeepsOriginAndOwner) {
  const TempFolder folder;
  folder.write("parts/b.zone", "b A 192.0.2.2\n$ORIGIN elsewhere.\n$INCLUDE c.zone\n");
  folder.write("parts/c.zone", "c A 192.0.2.3\n");
  const auto main =
      folder.write("a.zone", "$TTL 5\na A 192.0.2.1\n$INCLUDE parts/b.zone sub\n A 192.0.2.4\nd A 192.0.2.5\n");
  const auto file = read_master_file(main, kApex);
  EXPECT_THAT(lines(file), ElementsAre("a.example.org. 5 A 192.0.2.1", "b.sub.example.org. 5 A 192.0.2.2",
                                       "c.elsewhere. 5 A 192.0.2.3", "a.example.org. 5 A 192.0.2.4",
                                       "d.example.org. 5 A 192.0.2.5"));
  EXPECT_THAT(file->records[1].place.file, EndsWith("parts/b.zone"));
  EXPECT_EQ(file->records[1].place.line, 1);
  EXPECT_EQ(file->records[3].place.line, 4);
}

TEST(MasterFileInclude, ALoopIsAnError) {
  const TempFolder folder;
  folder.write("b.zone", "$INCLUDE a.zone\n");
  const auto file = read_master_file(folder.write("a.zone", "$INCLUDE b.zone\n"), kApex);
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().what, HasSubstr("b.zone:1: $INCLUDE: "));
  EXPECT_THAT(file.error().what, HasSubstr("includes itself"));
}

TEST(MasterFileInclude, AFileMayBeIncludedTwiceInARow) {
  const TempFolder folder;
  folder.write("b.zone", "b 5 A 192.0.2.1\n");
  EXPECT_THAT(lines(read_master_file(folder.write("a.zone", "$INCLUDE b.zone x\n$INCLUDE b.zone y\n"), kApex)),
              ElementsAre("b.x.example.org. 5 A 192.0.2.1", "b.y.example.org. 5 A 192.0.2.1"));
}

TEST(MasterFileInclude, DepthIsLimited) {
  const TempFolder folder;
  for (int i = 0; i < 12; ++i)
    folder.write(std::to_string(i) + ".zone", "$INCLUDE " + std::to_string(i + 1) + ".zone\n");
  folder.write("12.zone", "a 5 A 192.0.2.1\n");
  EXPECT_FALSE(read_master_file(folder.write("start.zone", "$INCLUDE 0.zone\n"), kApex));
  EXPECT_TRUE(read_master_file(folder.write("start.zone", "$INCLUDE 5.zone\n"), kApex));
  EXPECT_FALSE(read_master_file(folder.write("start.zone", "$INCLUDE 4.zone\n"), kApex));
}

TEST(MasterFileInclude, IsRefusedInTextWithoutAFolder) {
  EXPECT_THAT(parse("$INCLUDE /etc/passwd\n"), ElementsAre("error: z:1: $INCLUDE is not allowed here"));
}

TEST(MasterFileInclude, AMissingFileIsNamedAtItsLine) {
  const TempFolder folder;
  const auto file = read_master_file(folder.write("a.zone", "\n$INCLUDE none.zone\n"), kApex);
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().what, HasSubstr("a.zone:2: $INCLUDE: "));
  EXPECT_THAT(file.error().what, HasSubstr("none.zone: No such file"));
}

TEST(MasterFileErrors, AMissingFileIsNotFoundAndAFolderIsNoFile) {
  const TempFolder folder;
  EXPECT_EQ(read_master_file(folder.write("x", "").parent_path() / "none", kApex).error().code, Errc::kNotFound);
  EXPECT_EQ(read_master_file(folder.write("x", "").parent_path(), kApex).error().code, Errc::kIo);
}

TEST(MasterFileErrors, AreCollectedUpToALimit) {
  std::string text;
  for (int i = 0; i < 50; ++i) text += "a 5 A x\n";
  const auto file = parse_master_text(text, "z", kApex);
  ASSERT_FALSE(file);
  EXPECT_EQ(std::count(file.error().what.begin(), file.error().what.end(), '\n'), 20);
  EXPECT_THAT(file.error().what, HasSubstr("z:20: "));
  EXPECT_THAT(file.error().what, testing::Not(HasSubstr("z:21: ")));
  EXPECT_THAT(file.error().what, EndsWith("reading ended after 20 problems"));
}

TEST(MasterFileErrors, ReadingGoesOnBehindAnError) {
  const auto file = parse_master_text("a 5 A x\nb 5 TXT \"open\nc 5 A y\n", "z", kApex);
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().what, HasSubstr("z:1: "));
  EXPECT_THAT(file.error().what, HasSubstr("z:2: the quoted string does not end"));
  EXPECT_THAT(file.error().what, HasSubstr("z:3: "));
}

TEST(MasterFileLimits, AnEntryIsBounded) {
  const MasterFileLimits limits{.max_line_octets = 1000};
  EXPECT_TRUE(parse_master_text("a 5 TXT " + std::string(900, 'x'), "z", kApex, {}, limits));
  const auto file = parse_master_text("a 5 TXT " + std::string(1100, 'x'), "z", kApex, {}, limits);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().what, "z:1: the entry is longer than 1000 octets");
  std::string open = "a 5 TXT (\n";
  for (int i = 0; i < 200; ++i) open += "x y z\n";
  EXPECT_EQ(parse_master_text(open, "z", kApex, {}, limits).error().what, "z:1: the entry is longer than 1000 octets");
}

TEST(MasterFileLimits, RecordsAreBounded) {
  const MasterFileLimits limits{.max_records = 2};
  EXPECT_TRUE(parse_master_text("a 5 A 192.0.2.1\na 5 A 192.0.2.2\n", "z", kApex, {}, limits));
  const auto file = parse_master_text("a 5 A 192.0.2.1\na 5 A 192.0.2.2\na 5 A 192.0.2.3\n", "z", kApex, {}, limits);
  EXPECT_EQ(file.error().what, "z:3: there are more than 2 records");
  EXPECT_FALSE(parse_master_text("$GENERATE 0-2147483647 a$ 5 A 192.0.2.1\n", "z", kApex));
}

TEST(MasterFileLimits, AFileIsBoundedEvenWhenItsSizeIsNotKnown) {
  const TempFolder folder;
  const auto file = folder.write("a.zone", "a 5 A 192.0.2.1\n");
  EXPECT_TRUE(read_master_file(file, kApex, {.max_file_octets = 16}));
  EXPECT_EQ(read_master_file(file, kApex, {.max_file_octets = 15}).error().code, Errc::kIo);
  EXPECT_THAT(read_master_file("/dev/zero", kApex, {.max_file_octets = 1 << 20}).error().what,
              HasSubstr("longer than"));
}

TEST(MasterFileErrors, AreFitForATerminalAndForJson) {
  const auto file =
      parse_master_text("a..\x1b[31m\xff 5 A 192.0.2.1\na 5 \xe9\x80 x\na 5 SVCB 1 . \xc3\xa9\x07=1\n", "z", kApex);
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().what, HasSubstr("\"a..\\027[31m\\255\" is not a domain name"));
  EXPECT_THAT(file.error().what, HasSubstr("\"\\233\\128\" is not an RR type"));
  EXPECT_THAT(file.error().what, HasSubstr("\"\xc3\xa9\\007\" is not a parameter"));
}

TEST(MasterFileErrors, NulIsAnErrorAndNotTheEnd) {
  const auto file = parse_master_text(std::string_view("a 5 A 192.0.2.1\nb\0 5 A 192.0.2.2\n", 33), "z", kApex);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().what, "z:2: there is an octet 0x00: this is not a text file");
}

// Each bad file has its expected errors beside it, as written there.
TEST(MasterFileErrors, BadFilesGiveTheErrorsBesideThem) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(SDNS_DNS_DATA "/bad")) {
    if (entry.path().extension() != ".zone") continue;
    ++files;
    const auto file = parse_master_text(slurp(entry.path()), entry.path().filename().string(), kApex);
    auto expected_path = entry.path();
    const std::string expected = slurp(expected_path.replace_extension(".errors"));
    ASSERT_FALSE(file) << entry.path();
    EXPECT_EQ(file.error().what + "\n", expected) << entry.path();
  }
  EXPECT_GE(files, 5);
}

// Each good file has its records beside it, one a line, with the place.
TEST(MasterFileRecords, GoodFilesGiveTheRecordsBesideThem) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(SDNS_DNS_DATA)) {
    if (entry.path().extension() != ".zone") continue;
    ++files;
    const auto file = read_master_file(entry.path(), kApex);
    ASSERT_TRUE(file) << to_text(file.error());
    std::string got;
    for (const PlacedRecord& placed : file->records)
      got += std::filesystem::path(placed.place.file).filename().string() + ":" + std::to_string(placed.place.line) +
             " " + line_of(placed) + "\n";
    auto expected_path = entry.path();
    EXPECT_EQ(got, slurp(expected_path.replace_extension(".records"))) << entry.path();
  }
  EXPECT_GE(files, 3);
}

}  // namespace
}  // namespace sdns::dns
