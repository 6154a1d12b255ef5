// SPDX-License-Identifier: MIT
// The parameters of each method: as PowerDNS writes them, and missing or of another type.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "backend/protocol/request_parse.h"
#include "tests/support/write_request.h"

namespace sdns::protocol {
namespace {

using testing::HasSubstr;
using What = ChangeDomainKey::What;

constexpr EditRecord kRecords[] = {{"www.x.", "MX", "10 mail.x", 60}, {"www.x.", "MX", "20 \"a\\b\".x", 0}};
constexpr EditRecord kNameServer[] = {{"x.", "NS", "ns1.y", 3600}};
constexpr std::string_view kValues[] = {"one", "", "t\xC3\xBC\\\""};

std::string request(std::string_view method, std::string_view parameters) {
  return std::string(R"({"method": ")") + std::string(method) + R"(", "parameters": )" + std::string(parameters) + "}";
}

struct WrittenCase {
  const char* method;  // that PowerDNS names
  Request request;
};
void PrintTo(const WrittenCase& one, std::ostream* out) { *out << one.method; }
class RequestMethodsWritten : public testing::TestWithParam<WrittenCase> {};
TEST_P(RequestMethodsWritten, IsTakenAsTheSameRequest) {
  const std::string line = test::write_request(GetParam().request);
  EXPECT_THAT(line, HasSubstr(request(GetParam().method, "{").substr(0, line.find(", \"parameters\"")))) << line;
  RequestParser parser;
  const auto parsed = parser.parse(line);
  ASSERT_TRUE(parsed) << line << "\n" << parsed.error().what;
  EXPECT_EQ(*parsed, GetParam().request) << line;
  EXPECT_EQ(test::write_request(*parsed), line);
}
INSTANTIATE_TEST_SUITE_P(
    Request, RequestMethodsWritten,
    testing::Values(
        WrittenCase{"list", List{"x.", 7, true}}, WrittenCase{"list", List{"x.", -1, false}},
        WrittenCase{"searchRecords", SearchRecords{"*a?\\", 100}},
        WrittenCase{"searchRecords", SearchRecords{"", 4294967295}}, WrittenCase{"getTSIGKey", GetTsigKey{"k."}},
        WrittenCase{"getTSIGKeys", GetTsigKeys{}}, WrittenCase{"directBackendCmd", DirectBackendCmd{"explain \"x\"\n"}},
        WrittenCase{"startTransaction", StartTransaction{"x.", 7}},
        WrittenCase{"startTransaction", StartTransaction{"x.", -1}},
        WrittenCase{"commitTransaction", CommitTransaction{}}, WrittenCase{"abortTransaction", AbortTransaction{}},
        WrittenCase{"replaceRRSet", ReplaceRrset{7, "www.x.", "MX", kRecords}},
        WrittenCase{"replaceRRSet", ReplaceRrset{-1, "www.x.", "TYPE0", {}}},
        WrittenCase{"feedRecord", FeedRecord{kRecords[0]}},
        WrittenCase{"feedRecord", FeedRecord{{"a.x.", "", "", 4294967295}}}, WrittenCase{"feedEnts", FeedEnts{}},
        WrittenCase{"setDomainMetadata", SetDomainMetadata{"x.", "X-NOTE", kValues}},
        WrittenCase{"setDomainMetadata", SetDomainMetadata{"x.", "X-NOTE", {}}},
        WrittenCase{"addDomainKey", AddDomainKey{"x.", 257, true, false, "a: b\nc: d\n"}},
        WrittenCase{"addDomainKey", AddDomainKey{"x.", 4294967295, false, true, ""}},
        WrittenCase{"removeDomainKey", ChangeDomainKey{What::kRemove, "x.", 3}},
        WrittenCase{"activateDomainKey", ChangeDomainKey{What::kActivate, "x.", 3}},
        WrittenCase{"deactivateDomainKey", ChangeDomainKey{What::kDeactivate, "x.", 3}},
        WrittenCase{"publishDomainKey", ChangeDomainKey{What::kPublish, "x.", 3}},
        WrittenCase{"unpublishDomainKey", ChangeDomainKey{What::kUnpublish, "x.", -1}},
        WrittenCase{"setTSIGKey", SetTsigKey{"k.", "hmac-sha256.", "c2VjcmV0"}},
        WrittenCase{"deleteTSIGKey", DeleteTsigKey{"k."}}, WrittenCase{"setNotified", SetNotified{7, 4294967295}},
        WrittenCase{"setFresh", SetChecked{7, true}}, WrittenCase{"setStale", SetChecked{-1, false}},
        WrittenCase{"superMasterBackend", SuperMasterBackend{"2001:db8::1", "x.", kNameServer}},
        WrittenCase{"createSlaveDomain", CreateSlaveDomain{"192.0.2.1", "x.", "ns1.y.", "a \"b\""}}));

struct ReadCase {
  const char* behaviour;
  std::string line;
  Request request;
};
void PrintTo(const ReadCase& one, std::ostream* out) { *out << one.behaviour; }
class RequestMethodsRead : public testing::TestWithParam<ReadCase> {};
TEST_P(RequestMethodsRead, IsTaken) {
  RequestParser parser;
  const auto parsed = parser.parse(GetParam().line);
  ASSERT_TRUE(parsed) << GetParam().behaviour << "\n" << parsed.error().what;
  EXPECT_EQ(*parsed, GetParam().request) << GetParam().behaviour;
}
std::string feed_with_ttl(std::string_view ttl) {
  return request("feedRecord",
                 R"({"rr": {"qname": "a.", "qtype": "A", "content": "", "ttl": )" + std::string(ttl) + "}}");
}
FeedRecord record_with_ttl(std::uint32_t ttl) { return {{"a.", "A", "", ttl}}; }
INSTANTIATE_TEST_SUITE_P(
    Request, RequestMethodsRead,
    testing::Values(
        ReadCase{"raw octets in the salt of NSEC3's empty non-terminals",
                 request("feedEnts3", "{\"domain\": \"x.\", \"salt\": \"\xDE\xAD\xBE\xEF\", \"times\": 1}"),
                 FeedEnts{}},
        ReadCase{"raw octets in a record",
                 request("feedRecord",
                         "{\"rr\": {\"qname\": \"\xFF.x.\", \"qtype\": \"TXT\", \"content\": "
                         "\"\\\"\xC3\\u00fc\xF4\x8F\xBE\x80\\\"\", \"ttl\": 1}}"),
                 FeedRecord{{"\xFF.x.", "TXT", "\"\xC3\xC3\xBC\xF4\x8F\xBE\x80\"", 1}}},
        ReadCase{"raw octets in values",
                 request("setDomainMetadata",
                         "{\"name\": \"x.\", \"kind\": \"X-\xFF\", "
                         "\"value\": [\"one\", \"\", \"t\xC3\xBC\\\\\\\"\"]}"),
                 SetDomainMetadata{"x.", "X-\xFF", kValues}},
        ReadCase{"numbers in text",
                 request("replaceRRSet", R"({"domain_id": "7", "qname": "a.", "qtype": "A", "rrset": []})"),
                 ReplaceRrset{7, "a.", "A", {}}},
        ReadCase{"an unsigned -1", request("setFresh", R"({"id": 4294967295})"), SetChecked{-1, true}},
        ReadCase{"an unsigned -1 in text",
                 request("startTransaction", R"({"domain": "x.", "domain_id": "4294967295"})"),
                 StartTransaction{"x.", -1}},
        ReadCase{"an unsigned -1 as a double", request("list", R"({"zonename": "x.", "domain_id": 4.294967295e9})"),
                 List{"x.", -1, false}},
        ReadCase{"a TTL and a serial in text", request("setNotified", R"({"id": "7", "serial": "4294967295"})"),
                 SetNotified{7, 4294967295}},
        ReadCase{"the least TTL that PowerDNS casts to a negative number", feed_with_ttl("-2147483648"),
                 record_with_ttl(2147483648)},
        ReadCase{"the greatest", feed_with_ttl("-1"), record_with_ttl(4294967295)},
        ReadCase{"a TTL without the cast", feed_with_ttl("2147483648"), record_with_ttl(2147483648)},
        ReadCase{"a TTL of more than 32 bits", feed_with_ttl("4294967297"), record_with_ttl(4294967295)},
        ReadCase{"a TTL below what 32 bits can be cast to", feed_with_ttl("-2147483649"), record_with_ttl(4294967295)},
        ReadCase{"a negative TTL in text", feed_with_ttl("\"-1\""), record_with_ttl(4294967295)},
        ReadCase{"a serial as a double", request("setNotified", R"({"id": 7, "serial": 5.0})"), SetNotified{7, 5}},
        ReadCase{"ids, serials and limits that are missing", request("setNotified", "{}"), SetNotified{-1, 0}},
        ReadCase{"no limit", request("searchRecords", R"({"pattern": "x"})"), SearchRecords{"x", 0}},
        ReadCase{"a key's flags in text, its states as numbers",
                 request("addDomainKey",
                         R"({"name": "x.", "key": {"flags": "256", "active": 1, "published": 0, "content": "c"}})"),
                 AddDomainKey{"x.", 256, true, false, "c"}},
        ReadCase{"a key's states in text",
                 request("addDomainKey",
                         R"({"name": "x.", "key": {"flags": 256, "active": "0", "published": "1", "content": "c"}})"),
                 AddDomainKey{"x.", 256, false, true, "c"}},
        ReadCase{"a key whose states are missing",
                 request("addDomainKey", R"({"name": "x.", "key": {"content": "c"}})"),
                 AddDomainKey{"x.", 0, false, true, "c"}},
        ReadCase{"no account and no name server", request("createSlaveDomain", R"({"ip": "::1", "domain": "x."})"),
                 CreateSlaveDomain{"::1", "x.", "", ""}},
        ReadCase{"all TSIG keys without parameters", R"({"method": "getTSIGKeys"})", GetTsigKeys{}},
        ReadCase{"a commit whose number is of another type", request("commitTransaction", R"({"trxid": null})"),
                 CommitTransaction{}}));

struct WrongCase {
  const char* method;
  const char* parameters;
  const char* reason;
};
void PrintTo(const WrongCase& one, std::ostream* out) { *out << one.method << " " << one.parameters; }
class RequestMethodsWrong : public testing::TestWithParam<WrongCase> {};
TEST_P(RequestMethodsWrong, IsAnErrorThatNamesMethodAndParameter) {
  const WrongCase& wrong = GetParam();
  RequestParser parser;
  const auto parsed = parser.parse(request(wrong.method, wrong.parameters));
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, Errc::kProtocol);
  EXPECT_EQ(parsed.error().what, std::string(wrong.method) + wrong.reason);
  const auto next = parser.parse(request("getTSIGKey", R"({"name": "k."})"));
  ASSERT_TRUE(next);
  EXPECT_EQ(*next, Request(GetTsigKey{"k."})) << "the next request is read as ever";
}
constexpr char kBadRecord[] = ": parameter \"rrset\" has a record without its members, or with one of another type";
INSTANTIATE_TEST_SUITE_P(
    Request, RequestMethodsWrong,
    testing::Values(
        WrongCase{"list", "{}", ": parameter \"zonename\" is missing"},
        WrongCase{"list", R"({"zonename": 7})", ": parameter \"zonename\" is not a string"},
        WrongCase{"list", R"({"zonename": "x.", "domain_id": []})", ": parameter \"domain_id\" is not a whole number"},
        WrongCase{"searchRecords", R"({"maxResults": 1})", ": parameter \"pattern\" is missing"},
        WrongCase{"searchRecords", R"({"pattern": "x", "maxResults": "many"})",
                  ": parameter \"maxResults\" is not a whole number"},
        WrongCase{"searchRecords", R"({"pattern": null, "maxResults": 1})", ": parameter \"pattern\" is not a string"},
        WrongCase{"getTSIGKey", "{}", ": parameter \"name\" is missing"},
        WrongCase{"getTSIGKey", R"({"name": {}})", ": parameter \"name\" is not a string"},
        WrongCase{"directBackendCmd", "{}", ": parameter \"query\" is missing"},
        WrongCase{"directBackendCmd", R"({"query": true})", ": parameter \"query\" is not a string"},
        WrongCase{"startTransaction", R"({"domain_id": 7})", ": parameter \"domain\" is missing"},
        WrongCase{"startTransaction", R"({"domain": "x.", "domain_id": 7.5})",
                  ": parameter \"domain_id\" is not a whole number"},
        WrongCase{"commitTransaction", "[]", " has no \"parameters\" that are an object"},
        WrongCase{"abortTransaction", "null", " has no \"parameters\" that are an object"},
        WrongCase{"feedEnts", "7", " has no \"parameters\" that are an object"},
        WrongCase{"feedEnts3", "\"\"", " has no \"parameters\" that are an object"},
        WrongCase{"replaceRRSet", R"({"domain_id": 7, "qname": "a.", "qtype": "A"})",
                  ": parameter \"rrset\" is not an array"},
        WrongCase{"replaceRRSet", R"({"qname": "a.", "qtype": "A", "rrset": {}})",
                  ": parameter \"rrset\" is not an array"},
        WrongCase{"replaceRRSet", R"({"qname": "a.", "qtype": "A", "rrset": [7]})",
                  ": parameter \"rrset\" has an element that is not an object"},
        WrongCase{"replaceRRSet", R"({"qname": "a.", "qtype": "A", "rrset": [{}]})", kBadRecord},
        WrongCase{"replaceRRSet",
                  R"({"qname": "a.", "qtype": "A", "rrset": [{"qname": "a.", "qtype": 1, "content": "", "ttl": 1}]})",
                  kBadRecord},
        WrongCase{
            "replaceRRSet",
            R"({"qname": "a.", "qtype": "A", "rrset": [{"qname": "a.", "qtype": "A", "content": "", "ttl": "x"}]})",
            kBadRecord},
        WrongCase{"replaceRRSet", R"({"qtype": "A", "rrset": []})", ": parameter \"qname\" is missing"},
        WrongCase{"replaceRRSet", R"({"qname": "a.", "rrset": []})", ": parameter \"qtype\" is missing"},
        WrongCase{"feedRecord", "{}", ": parameter \"rr\" is missing"},
        WrongCase{"feedRecord", R"({"rr": []})", ": parameter \"rr\" is not an object"},
        WrongCase{"feedRecord", R"({"rr": {"qname": "a.", "qtype": "A", "ttl": 1}})",
                  ": parameter \"rr\" has a record without its members, or with one of another type"},
        WrongCase{"feedRecord", R"({"rr": {"qname": "a.", "qtype": "A", "content": "", "ttl": 1.5}})",
                  ": parameter \"rr\" has a record without its members, or with one of another type"},
        WrongCase{"setDomainMetadata", R"({"kind": "X", "value": []})", ": parameter \"name\" is missing"},
        WrongCase{"setDomainMetadata", R"({"name": "x.", "value": []})", ": parameter \"kind\" is missing"},
        WrongCase{"setDomainMetadata", R"({"name": "x.", "kind": "X"})", ": parameter \"value\" is not an array"},
        WrongCase{"setDomainMetadata", R"({"name": "x.", "kind": "X", "value": "1"})",
                  ": parameter \"value\" is not an array"},
        WrongCase{"setDomainMetadata", R"({"name": "x.", "kind": "X", "value": ["1", 2]})",
                  ": parameter \"value\" has an element that is not a string"},
        WrongCase{"addDomainKey", R"({"name": "x."})", ": parameter \"key\" is missing"},
        WrongCase{"addDomainKey", R"({"name": "x.", "key": []})", ": parameter \"key\" is not an object"},
        WrongCase{"addDomainKey", R"({"name": "x.", "key": "Private-key-format: v1.2"})",
                  ": parameter \"key\" is not an object"},
        WrongCase{"addDomainKey", R"({"name": "x.", "key": {"flags": 257}})", ": parameter \"content\" is missing"},
        WrongCase{"addDomainKey", R"({"name": "x.", "key": {"flags": "x", "content": ""}})",
                  ": parameter \"flags\" is not a whole number of 32 bits"},
        WrongCase{"addDomainKey", R"({"key": {"flags": 257, "content": ""}})", ": parameter \"name\" is missing"},
        WrongCase{"removeDomainKey", R"({"id": 3})", ": parameter \"name\" is missing"},
        WrongCase{"activateDomainKey", R"({"name": "x.", "id": {}})", ": parameter \"id\" is not a whole number"},
        WrongCase{"deactivateDomainKey", R"({"name": 7, "id": 3})", ": parameter \"name\" is not a string"},
        WrongCase{"publishDomainKey", R"({"name": "x.", "id": true})", ": parameter \"id\" is not a whole number"},
        WrongCase{"unpublishDomainKey", R"({"name": "x.", "id": ""})", ": parameter \"id\" is not a whole number"},
        WrongCase{"setTSIGKey", R"({"algorithm": "a", "content": "b"})", ": parameter \"name\" is missing"},
        WrongCase{"setTSIGKey", R"({"name": "k.", "content": "b"})", ": parameter \"algorithm\" is missing"},
        WrongCase{"setTSIGKey", R"({"name": "k.", "algorithm": "a", "content": 1})",
                  ": parameter \"content\" is not a string"},
        WrongCase{"deleteTSIGKey", "{}", ": parameter \"name\" is missing"},
        WrongCase{"deleteTSIGKey", R"({"name": 1})", ": parameter \"name\" is not a string"},
        WrongCase{"setNotified", R"({"id": "x", "serial": 1})", ": parameter \"id\" is not a whole number"},
        WrongCase{"setNotified", R"({"id": 7, "serial": -1})",
                  ": parameter \"serial\" is not a whole number of 32 bits"},
        WrongCase{"setFresh", R"({"id": null})", ": parameter \"id\" is not a whole number"},
        WrongCase{"setStale", R"({"id": "7 "})", ": parameter \"id\" is not a whole number"},
        WrongCase{"superMasterBackend", R"({"domain": "x.", "nsset": []})", ": parameter \"ip\" is missing"},
        WrongCase{"superMasterBackend", R"({"ip": "::1", "nsset": []})", ": parameter \"domain\" is missing"},
        WrongCase{"superMasterBackend", R"({"ip": "::1", "domain": "x."})", ": parameter \"nsset\" is not an array"},
        WrongCase{"superMasterBackend", R"({"ip": "::1", "domain": "x.", "nsset": ["ns.x."]})",
                  ": parameter \"nsset\" has an element that is not an object"},
        WrongCase{"createSlaveDomain", R"({"domain": "x."})", ": parameter \"ip\" is missing"},
        WrongCase{"createSlaveDomain", R"({"ip": "::1"})", ": parameter \"domain\" is missing"},
        WrongCase{"createSlaveDomain", R"({"ip": "::1", "domain": "x.", "account": 7})",
                  ": parameter \"account\" is not a string"}));

// A secret is never part of an error.
TEST(RequestMethods, KeepSecretsOutOfErrors) {
  RequestParser parser;
  for (const std::string& line :
       {request("setTSIGKey", R"({"name": 1, "algorithm": "a", "content": "HUSH"})"),
        request("addDomainKey", R"({"name": 1, "key": {"flags": 257, "content": "HUSH"}})"),
        request("addDomainKey", R"({"name": "x.", "key": {"flags": "HUSH", "content": "HUSH"}})"),
        request("addDomainKey", R"({"name": "x.", "key": "HUSH"})"),
        request("addDomainKey", R"({"name": "x.", "key": {"flags": 257, "content": "HUSH)")}) {
    const auto parsed = parser.parse(line);
    ASSERT_FALSE(parsed) << line;
    EXPECT_THAT(to_text(parsed.error()), testing::Not(HasSubstr("HUSH"))) << line;
  }
}

TEST(RequestMethods, ReadAManyRecordRrset) {
  std::vector<EditRecord> records(20'000, EditRecord{"www.x.", "A", "192.0.2.1", 60});
  const Request many = ReplaceRrset{7, "www.x.", "A", ViewOf<EditRecord>(records.data(), records.size())};
  RequestParser parser;
  const std::string line = test::write_request(many);
  EXPECT_EQ(*parser.parse(line), many);
  const std::string small = test::write_request(ReplaceRrset{7, "www.x.", "A", {}});
  EXPECT_EQ(*parser.parse(small), Request(ReplaceRrset{7, "www.x.", "A", {}}));
}

}  // namespace
}  // namespace sdns::protocol
