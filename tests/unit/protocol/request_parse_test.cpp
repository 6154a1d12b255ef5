// SPDX-License-Identifier: MIT
#include "backend/protocol/request_parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "tests/support/seeded_random.h"
#include "tests/support/write_request.h"

namespace {

std::size_t allocations = 0;  // by this program, which has one thread

void* counted(std::size_t size) {
  ++allocations;
  return std::malloc(size);
}
void* counted_or_throw(std::size_t size) {
  if (void* memory = counted(size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

// All forms, so that what one of them gave is never freed by a library's counterpart of another.
[[gnu::noinline]] void* operator new(std::size_t size) { return counted_or_throw(size); }
[[gnu::noinline]] void* operator new[](std::size_t size) { return counted_or_throw(size); }
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
[[gnu::noinline]] void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace sdns::protocol {
namespace {

using testing::HasSubstr;

const std::string kLookup =
    R"({"method": "lookup", "parameters": {"local": "192.0.2.53", "qname": "www.Example.com.", "qtype": "ANY", )"
    R"("real-remote": "198.51.100.0/24", "remote": "192.0.2.7", "zone-id": 7}})";

Lookup lookup_of(RequestParser& parser, std::string_view line) {
  const auto request = parser.parse(line);
  if (!request) {
    ADD_FAILURE() << request.error().what;
    return {};
  }
  return std::get<Lookup>(*request);
}

std::string with(std::string line, std::string_view part, std::string_view other) {
  const std::size_t at = line.find(part);
  EXPECT_NE(at, std::string::npos) << part;
  return line.replace(at, part.size(), other);
}

TEST(RequestParse, TakesTheLookupThatJson11Writes) {
  RequestParser parser;
  const Lookup lookup = lookup_of(parser, kLookup);
  EXPECT_EQ(lookup.qname, "www.Example.com.");
  EXPECT_EQ(lookup.qname_json, "www.Example.com.");
  EXPECT_EQ(lookup.qtype, dns::kANY);
  EXPECT_EQ(lookup.zone_id, 7);
  EXPECT_EQ(lookup.local, "192.0.2.53");
  EXPECT_EQ(lookup.remote, "192.0.2.7");
  EXPECT_EQ(lookup.real_remote, "198.51.100.0/24");
  EXPECT_FALSE(lookup.include_disabled);
}

TEST(RequestParse, TakesALineWithItsNewline) {
  RequestParser parser;
  EXPECT_EQ(lookup_of(parser, kLookup + "\n").zone_id, 7);
}

TEST(RequestParse, AllocatesNothingForTheUsualLines) {
  RequestParser parser;
  const std::string escaped = with(kLookup, "www.Example", R"(a\\.b\\255\\\\c)");
  const std::string neighbours =
      R"({"method": "getBeforeAndAfterNamesAbsolute", "parameters": {"id": 7, "qname": "a\\.b.www."}})";
  const std::string metadata = R"({"method": "getAllDomainMetadata", "parameters": {"name": "example.com."}})";
  for (int round = 0; round < 2; ++round) {
    const std::size_t before = allocations;
    bool good = true;
    for (const std::string* line : {&kLookup, &escaped, &neighbours, &metadata})
      good &= parser.parse(*line).has_value();
    EXPECT_TRUE(good);
    if (round == 1) {
      EXPECT_EQ(allocations, before);
    }
  }
}

struct ZoneIdCase {
  const char* behaviour;
  const char* text;
  std::int64_t id;
};
class RequestParseZoneId : public testing::TestWithParam<ZoneIdCase> {};
TEST_P(RequestParseZoneId, IsRead) {
  RequestParser parser;
  const std::string member = std::string(R"("zone-id": )") + GetParam().text;
  EXPECT_EQ(lookup_of(parser, with(kLookup, R"("zone-id": 7)", member)).zone_id, GetParam().id) << GetParam().behaviour;
}
INSTANTIATE_TEST_SUITE_P(
    Request, RequestParseZoneId,
    testing::Values(ZoneIdCase{"not known", "-1", -1},
                    ZoneIdCase{"not known, cast to unsigned by 4.7", "4294967295", -1}, ZoneIdCase{"zero", "0", 0},
                    ZoneIdCase{"the greatest", "2147483647", 2147483647}, ZoneIdCase{"a double", "7.0", 7},
                    ZoneIdCase{"an exponent", "4.294967295e9", -1}, ZoneIdCase{"text", R"("7")", 7},
                    ZoneIdCase{"text, not known", R"("4294967295")", -1},
                    ZoneIdCase{"more digits than a zone id has", "12345678901234567890", 9223372036854775807},
                    ZoneIdCase{"as json11 writes a great double", "1e+20", 9223372036854775807},
                    ZoneIdCase{"great and negative", "-1e300", -9223372036854775807}));

struct NameCase {
  const char* behaviour;
  std::string json;
  std::string qname;
  std::string written_again;
};
class RequestParseName : public testing::TestWithParam<NameCase> {};
TEST_P(RequestParseName, IsUnescapedAndKeptEscaped) {
  RequestParser parser;
  const std::string line = with(kLookup, "www.Example.com.", GetParam().json);
  const Lookup lookup = lookup_of(parser, line);
  EXPECT_EQ(lookup.qname, GetParam().qname) << GetParam().behaviour;
  EXPECT_EQ(lookup.qname_json, GetParam().written_again) << GetParam().behaviour;
}
INSTANTIATE_TEST_SUITE_P(
    Request, RequestParseName,
    testing::Values(NameCase{"an escaped dot", R"(a\\.b.example.)", R"(a\.b.example.)", R"(a\\.b.example.)"},
                    NameCase{"a decimal escape", R"(a\\255b.example.)", R"(a\255b.example.)", R"(a\\255b.example.)"},
                    NameCase{"a backslash in a label", R"(a\\\\b.)", R"(a\\b.)", R"(a\\\\b.)"},
                    NameCase{"a quote", R"(a\"B.)", R"(a"B.)", R"(a\"B.)"}, NameCase{"the root", ".", ".", "."},
                    NameCase{"octets above 0x7F that are not UTF-8", "a\xFF\x80\xC3.", "a\xFF\x80\xC3.",
                             "a\xFF\x80\xC3."},
                    NameCase{"UTF-8", "b\xC3\xBC.", "b\xC3\xBC.", "b\xC3\xBC."},
                    NameCase{"escaped UTF-8", R"(b\u00fc.)", "b\xC3\xBC.", "b\xC3\xBC."},
                    NameCase{"an escaped control character", R"(a\u0007b.)",
                             "a\x07"
                             "b.",
                             R"(a\u0007b.)"},
                    NameCase{"an escaped letter", R"(\u0041b.)", "Ab.", "Ab."},
                    NameCase{"an escaped letter beside octets that are not UTF-8", "\\u0041\xFE\xF4\x8F\xBE\x80.",
                             "A\xFE\xF4\x8F\xBE\x80.", "A\xFE\xF4\x8F\xBE\x80."}));

TEST(RequestParse, TakesOtherOrderAndWhiteSpace) {
  RequestParser parser;
  const Lookup lookup = lookup_of(
      parser,
      "\t{ \"parameters\":{\"zone-id\":7,\"qtype\":\"a\",\"qname\":\"x.\"},\r\n\"method\":\"lookup\" , \"more\":[1]} ");
  EXPECT_EQ(lookup.qname, "x.");
  EXPECT_EQ(lookup.qtype, dns::kA);
  EXPECT_EQ(lookup.zone_id, 7);
  EXPECT_EQ(lookup.remote, "");
}

TEST(RequestParse, TakesATypeThatNoRecordHasAsTypeZero) {
  RequestParser parser;
  for (const char* type : {"MAILB", "TSIG", "IXFR", "", "TYPE70000"})
    EXPECT_EQ(lookup_of(parser, with(kLookup, "\"ANY\"", "\"" + std::string(type) + "\"")).qtype, dns::RrType{})
        << type;
  EXPECT_EQ(lookup_of(parser, with(kLookup, "ANY", "TYPE65280")).qtype.value, 65280);
}

TEST(RequestParse, TakesAnApiLookup) {
  RequestParser parser;
  const Lookup lookup = lookup_of(
      parser, R"({"method": "APILookup", "parameters": {"include-disabled": true, "local": "0.0.0.0", "qname": "x.", )"
              R"("qtype": "ANY", "real-remote": "0.0.0.0/0", "remote": "0.0.0.0", "zone-id": 7}})");
  EXPECT_TRUE(lookup.include_disabled);
  EXPECT_EQ(lookup.qname, "x.");
}

TEST(RequestParse, TakesEveryMethod) {
  RequestParser parser;
  const auto parsed = [&](std::string_view line) { return *parser.parse(line); };
  EXPECT_EQ(parsed(R"({"method": "initialize", "parameters": {"path": "/run/x.sock", "timeout": "2000"}})"),
            Request(Initialize{R"({"path":"/run/x.sock","timeout":"2000"})"}));
  EXPECT_EQ(parsed(R"({"method": "getAllDomains", "parameters": {"include_disabled": true}})"),
            Request(GetAllDomains{true}));
  EXPECT_EQ(parsed(R"({"method": "getDomainInfo", "parameters": {"name": "x."}})"), Request(GetDomainInfo{"x."}));
  EXPECT_EQ(parsed(R"({"method": "getAllDomainMetadata", "parameters": {"name": "x."}})"),
            Request(GetAllDomainMetadata{"x."}));
  EXPECT_EQ(parsed(R"({"method": "getDomainMetadata", "parameters": {"kind": "IXFR", "name": "x."}})"),
            Request((GetDomainMetadata{"x.", "IXFR"})));
  EXPECT_EQ(parsed(R"({"method": "getDomainKeys", "parameters": {"name": "x."}})"), Request(GetDomainKeys{"x."}));
  EXPECT_EQ(parsed(R"({"method": "getBeforeAndAfterNamesAbsolute", "parameters": {"id": 4294967295, "qname": "."}})"),
            Request((GetBeforeAndAfterNamesAbsolute{-1, "."})));
  EXPECT_EQ(parsed(R"({"method": "getUpdatedMasters", "parameters": {}})"), Request(GetUpdatedMasters{}));
  EXPECT_EQ(parsed(R"({"method": "getUnfreshSlaveInfos", "parameters": {}})"), Request(GetUnfreshSlaveInfos{}));
}

TEST(RequestParse, TakesAMethodThatWeDoNotHaveWhateverItsParameters) {
  RequestParser parser;
  for (const char* parameters : {"{}", "[]", "null",
                                 R"({"salt": ")"
                                 "\xFE"
                                 R"("})"}) {
    const std::string line = std::string(R"({"method": "searchComments", "parameters": )") + parameters + "}";
    EXPECT_EQ(*parser.parse(line), Request(Unknown{"searchComments"})) << parameters;
  }
  EXPECT_EQ(*parser.parse(R"({"method": "isMaster"})"), Request(Unknown{"isMaster"}));
  EXPECT_EQ(*parser.parse(R"({"method": "LIST"})"), Request(Unknown{"LIST"}));
  EXPECT_EQ(*parser.parse(R"({"method": ""})"), Request(Unknown{""}));
}

struct MalformedCase {
  const char* behaviour;
  std::string line;
  const char* reason;
};
class RequestParseMalformed : public testing::TestWithParam<MalformedCase> {};
TEST_P(RequestParseMalformed, IsAnErrorThatNamesTheRule) {
  RequestParser parser;
  const auto request = parser.parse(GetParam().line);
  ASSERT_FALSE(request) << GetParam().behaviour;
  EXPECT_EQ(request.error().code, Errc::kProtocol);
  EXPECT_THAT(request.error().what, HasSubstr(GetParam().reason)) << GetParam().behaviour;
  EXPECT_EQ(lookup_of(parser, kLookup).zone_id, 7) << "the next request is read as ever";
}
INSTANTIATE_TEST_SUITE_P(
    Request, RequestParseMalformed,
    testing::Values(
        MalformedCase{"nothing", "", "not JSON"}, MalformedCase{"a blank", " ", "not JSON"},
        MalformedCase{"cut short", kLookup.substr(0, kLookup.size() - 1), "not JSON"},
        MalformedCase{"cut in the name", kLookup.substr(0, 70), "not JSON"},
        MalformedCase{"cut in an escape", R"({"method": "lookup", "parameters": {"local": "", "qname": "a\)",
                      "not JSON"},
        MalformedCase{"more after the end", kLookup + "x", "not JSON"},
        MalformedCase{"two requests in a line", kLookup + kLookup, "not JSON"},
        MalformedCase{"a control character in the name", with(kLookup, "www", "w\x01w"), "not JSON"},
        MalformedCase{"NUL", std::string(200, '\0'), "not JSON"},
        MalformedCase{"octets that are not UTF-8 outside of strings", "\xFF\xFE{}", "not JSON"},
        MalformedCase{"an array", "[]", "not a JSON object"}, MalformedCase{"a number", "7", "not a JSON object"},
        MalformedCase{"no method", R"({"parameters": {}})", "method"},
        MalformedCase{"a method that is a number", R"({"method": 7, "parameters": {}})", "method"},
        MalformedCase{"parameters that are an array", R"({"method": "lookup", "parameters": []})", "parameters"},
        MalformedCase{"no parameters", R"({"method": "getDomainInfo"})", "parameters"},
        MalformedCase{"no name", R"({"method": "getDomainInfo", "parameters": {}})", "\"name\" is missing"},
        MalformedCase{"a name that is null", R"({"method": "getDomainKeys", "parameters": {"name": null}})",
                      "not a string"},
        MalformedCase{"a kind that is an object",
                      R"({"method": "getDomainMetadata", "parameters": {"name": "x.", "kind": {}}})", "not a string"},
        MalformedCase{"a qtype that is a number", with(kLookup, "\"ANY\"", "255"), "\"qtype\" is not a string"},
        MalformedCase{"a zone id that is true", with(kLookup, "7}}", "true}}"), "\"zone-id\" is not a whole number"},
        MalformedCase{"a zone id that is not whole", with(kLookup, "7}}", "7.5}}"),
                      "\"zone-id\" is not a whole number"},
        MalformedCase{"a zone id in text that is not a number", with(kLookup, "7}}", "\"7x\"}}"), "\"zone-id\""},
        MalformedCase{"a number that no machine holds", with(kLookup, "7}}", "1e999}}"), "not JSON"},
        MalformedCase{"a leading zero", with(kLookup, "7}}", "07}}"), "not JSON"},
        MalformedCase{"only a minus", with(kLookup, "7}}", "-}}"), "not JSON"},
        MalformedCase{"nested deeply",
                      R"({"method": "x", "parameters": )" + std::string(40, '[') + std::string(40, ']') + "}",
                      "not JSON"},
        MalformedCase{"nested without end", std::string(1'000'000, '['), "not JSON"}));

TEST(RequestParse, GivesBackTheMemoryOfAHugeRequest) {
  RequestParser parser;
  const std::string huge = R"({"method": "feedEnts", "parameters": {"x": ")" + std::string(4'000'000, 'x') + R"("}})";
  EXPECT_EQ(*parser.parse(huge), Request(FeedEnts{}));
  EXPECT_EQ(*parser.parse(R"({"method": "getDomainInfo", "parameters": {"name": "x."}})"),
            Request(GetDomainInfo{"x."}));
}

// Lines that are nearly as json11 writes them: where the scanner takes one, it must say what the complete parser says.
TEST(RequestParse, ScannerAndCompleteParserAgree) {
  const std::uint64_t seed = 20260821;
  test::SeededRandom random(seed);
  SCOPED_TRACE(seed);
  const std::string neighbours =
      R"({"method": "getBeforeAndAfterNamesAbsolute", "parameters": {"id": 7, "qname": "a\\.b.www."}})";
  constexpr std::string_view kOctets = "\"\\{}:, -07a.\x01\x7F\xC3\xBC\xFF";
  int taken = 0;
  for (int round = 0; round < 60'000; ++round) {
    std::string line = random.below(3) == 0 ? neighbours : with(kLookup, "www", R"(w\\255\"w)");
    for (std::uint64_t edits = random.below(3); edits > 0; --edits) {
      const std::size_t at = random.below(line.size());
      const char octet = kOctets[random.below(kOctets.size())];
      if (random.below(2) == 0) line[at] = octet;
      else line.insert(at, 1, octet);
    }
    RequestParser parser;
    const auto usual = parser.parse(line);
    RequestParser other;
    const auto general = other.parse_general(line);
    ASSERT_EQ(usual.has_value(), general.has_value()) << line;
    if (!usual) continue;
    ++taken;
    ASSERT_EQ(*usual, *general) << line;
    RequestParser again;
    const std::string written = test::write_request(*usual);
    const auto same = again.parse(written);
    ASSERT_TRUE(same) << written;
    ASSERT_EQ(*same, *usual) << written;
  }
  EXPECT_GT(taken, 15'000);
}

}  // namespace
}  // namespace sdns::protocol
