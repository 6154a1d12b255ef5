// SPDX-License-Identifier: MIT
#include "backend/answer/edit_request.h"

#include <gmock/gmock.h>

#include "backend/base/json_text.h"
#include "tests/unit/answer/edit_fixture.h"

namespace sdns::answer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using What = protocol::ChangeDomainKey::What;
using Lines = std::vector<std::string>;

std::string request(std::string_view method, std::string_view parameters) {
  return R"({"method": ")" + std::string(method) + R"(", "parameters": {)" + std::string(parameters) + "}}";
}
std::string start(const std::string& zone, const std::string& id) {
  return request("startTransaction", R"("domain": ")" + zone + R"(", "domain_id": )" + id + R"(, "trxid": 1787000000)");
}
const std::string kCommit = request("commitTransaction", R"("trxid": 1787000000)");
const std::string kAbort = request("abortTransaction", R"("trxid": 1787000000)");

std::string json(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}
std::string record(const std::string& owner, const std::string& type, std::string_view content, int ttl = 60) {
  return R"({"auth": true, "content": )" + json(content) + R"(, "ordername": null, "qclass": 1, "qname": )" +
         json(owner) + R"(, "qtype": ")" + type + R"(", "ttl": )" + std::to_string(ttl) + "}";
}
std::string feed(const std::string& owner, const std::string& type, std::string_view content, int ttl = 60) {
  return request("feedRecord", R"("rr": )" + record(owner, type, content, ttl) + R"(, "trxid": 1787000000)");
}
std::string replace(const std::string& id, const std::string& owner, const std::string& type,
                    const std::vector<std::string>& contents, int ttl = 60) {
  std::string records;
  for (const std::string& content : contents)
    records += (records.empty() ? "" : ", ") + record(owner, type, content, ttl);
  return request("replaceRRSet", R"("domain_id": )" + id + R"(, "qname": )" + json(owner) + R"(, "qtype": ")" + type +
                                     R"(", "rrset": [)" + records + R"(], "trxid": 1787000000)");
}
std::string metadata(const std::string& zone, const std::string& kind, const std::string& values) {
  return request("setDomainMetadata",
                 R"("kind": ")" + kind + R"(", "name": ")" + zone + R"(", "value": [)" + values + "]");
}

class EditRequestTest : public testing::Test {
 protected:
  Result<EditPlan> plan(const std::string& line) {
    const auto parsed = parser_.parse(line);
    if (!parsed) return fail(parsed.error());
    EXPECT_TRUE(protocol::is_edit(*parsed)) << line;
    return plan_edit(*parsed, transaction_, zones_);
  }
  void accept(const std::string& line) {
    const auto planned = plan(line);
    ASSERT_TRUE(planned) << line << "\n" << to_text(planned.error());
    EXPECT_TRUE(std::holds_alternative<protocol::Accepted>(*planned)) << line;
  }
  void decline(const std::string& line, Errc code, const std::string& reason) {
    const auto planned = plan(line);
    ASSERT_FALSE(planned) << line;
    EXPECT_EQ(planned.error().code, code) << to_text(planned.error());
    EXPECT_THAT(planned.error().what, HasSubstr(reason));
  }
  template <class Wanted>
  Wanted work(const std::string& line, Report report = Report::kTrueOrFalse) {
    auto planned = plan(line);
    if (!planned || !std::holds_alternative<EditWork>(*planned)) {
      ADD_FAILURE() << line << "\n" << (planned ? "no work" : to_text(planned.error()));
      return {};
    }
    auto& work = std::get<EditWork>(*planned);
    EXPECT_EQ(work.report, report) << line;
    Edit edit = std::move(work).take();
    if (auto* wanted = std::get_if<Wanted>(&edit)) return std::move(*wanted);
    ADD_FAILURE() << line << "\nis work of kind " << edit.index();
    return {};
  }
  ZoneEdit commit() { return work<ZoneEdit>(kCommit, Report::kTrueOrBroken); }

  zone::ZoneSetPtr zones_ = [] {
    zone::ZoneContent net = zone_content(9, "example.net.", kSoa);
    net.keys = {{3, 257, true, true, "Private-key-format: v1.2\n"}};
    return zone_set({zone_content(7, "example.com.",
                                  std::string(kSoa) + "@ 3600 NS ns1\nwww 300 A 192.0.2.80\nwww 300 A 192.0.2.81\n"),
                     zone_content(8, "sub.example.com.", kSoa), std::move(net)},
                    41);
  }();
  std::shared_ptr<OpenTransaction> transaction_;
  protocol::RequestParser parser_;
};

TEST_F(EditRequestTest, ATransactionByTheUnknownIdEditsInPlaceFromWhatIsServed) {
  for (const char* id : {"-1", "4294967295"}) {
    accept(start("Example.COM.", id));
    accept(feed("www.example.com.", "A", "192.0.2.82"));
    const ZoneEdit edit = commit();
    EXPECT_EQ(edit.zone, 7U);
    EXPECT_EQ(edit.mode, ZoneEdit::Mode::kInPlace) << id;
    EXPECT_EQ(edit.base, 41U);
    EXPECT_THAT(shown(edit.rrsets), ElementsAre("www.example.com./A 60 [192.0.2.80, 192.0.2.81, 192.0.2.82]"));
    EXPECT_FALSE(transaction_);
  }
}

TEST_F(EditRequestTest, ATransactionByTheZonesIdReplacesIt) {
  accept(start("example.com.", "7"));
  accept(feed("www.example.com.", "A", "192.0.2.82"));
  const ZoneEdit edit = commit();
  EXPECT_EQ(edit.mode, ZoneEdit::Mode::kReplace);
  EXPECT_THAT(shown(edit.rrsets), ElementsAre("www.example.com./A 60 [192.0.2.82]"));
}

TEST_F(EditRequestTest, AReplacementWithNothingIsWorkAndNotEmpty) {
  accept(start("example.com.", "7"));
  EXPECT_THAT(commit().rrsets, IsEmpty());
}

TEST_F(EditRequestTest, DeclinesATransactionUnderTheIdOfAnotherZone) {
  for (const char* id : {"8", "0", "9223372036854775807"})
    decline(start("example.com.", id), Errc::kConflict, "example.com.: its id is 7, not " + std::string(id));
  EXPECT_FALSE(transaction_);
}

TEST_F(EditRequestTest, DeclinesATransactionOfAZoneThatIsNotHere) {
  decline(start("example.org.", "-1"), Errc::kNotFound, "there is no zone example.org.");
  decline(start("www.example.com.", "7"), Errc::kNotFound, "there is no zone www.example.com.");
  decline(start("a..b.", "-1"), Errc::kInvalidName, "a..b.");
  EXPECT_FALSE(transaction_);
}

TEST_F(EditRequestTest, ASecondStartEndsBothTransactions) {
  accept(start("example.com.", "-1"));
  accept(feed("www.example.com.", "A", "192.0.2.82"));
  decline(start("example.net.", "-1"), Errc::kProtocol, "had one open already");
  EXPECT_FALSE(transaction_);
  accept(kCommit);
}

TEST_F(EditRequestTest, AbortForgetsEverything) {
  accept(start("example.com.", "7"));
  accept(feed("www.example.com.", "A", "192.0.2.82"));
  accept(kAbort);
  EXPECT_FALSE(transaction_);
  accept(kAbort);
  accept(kCommit);
}

TEST_F(EditRequestTest, CommitWithoutAnythingToWriteIsTrue) {
  accept(kCommit);
  accept(start("example.com.", "-1"));
  accept(replace("7", "b.example.com.", "TYPE0", {""}));
  accept(kCommit);
  EXPECT_FALSE(transaction_);
}

struct ContentCase {
  const char* type;
  const char* from_powerdns;
  const char* kept;
};
void PrintTo(const ContentCase& one, std::ostream* out) { *out << one.type << " " << one.from_powerdns; }
class EditRequestContent : public EditRequestTest, public testing::WithParamInterface<ContentCase> {};
TEST_P(EditRequestContent, HasAbsoluteNamesWhetherTheyEndWithADotOrNot) {
  const ContentCase& one = GetParam();
  accept(start("example.com.", "7"));
  accept(feed("x.example.com.", one.type, one.from_powerdns));
  accept(replace("7", "y.example.com.", one.type, {one.from_powerdns, one.kept}));
  const ZoneEdit edit = commit();
  ASSERT_EQ(edit.rrsets.size(), 2U);
  for (const dns::Rrset& rrset : edit.rrsets) EXPECT_THAT(rrset.contents, ElementsAre(one.kept));
}
INSTANTIATE_TEST_SUITE_P(
    Edit, EditRequestContent,
    testing::Values(
        ContentCase{"NS", "ns1.Example.org", "ns1.Example.org."}, ContentCase{"NS", "org", "org."},
        ContentCase{"MX", "10 mail.example.org", "10 mail.example.org."}, ContentCase{"MX", "0 .", "0 ."},
        ContentCase{"SRV", "10 5 5060 sip.example.org", "10 5 5060 sip.example.org."},
        ContentCase{"SRV", "0 0 0 .", "0 0 0 ."},
        ContentCase{"SOA", "ns1.example.org hostmaster.example.org 6 10800 3600 604800 300",
                    "ns1.example.org. hostmaster.example.org. 6 10800 3600 604800 300"},
        ContentCase{"CNAME", "www.example.org", "www.example.org."},
        ContentCase{"CNAME", R"(a\.b\255.example.org)", R"(a\.b\255.example.org.)"},
        ContentCase{"DNAME", "example.org", "example.org."},
        ContentCase{"PTR", "host.example.org", "host.example.org."},
        ContentCase{"NAPTR", R"(100 50 "s" "z3950+I2L+I2C" "" _z3950._tcp.example.org)",
                    R"(100 50 "s" "z3950+I2L+I2C" "" _z3950._tcp.example.org.)"},
        ContentCase{"NAPTR", R"(100 10 "u" "E2U+sip" "!^.*$!sip:a@example.org!" .)",
                    R"(100 10 "u" "E2U+sip" "!^.*$!sip:a@example.org!" .)"},
        ContentCase{"RP", "admin.example.org txt.example.org", "admin.example.org. txt.example.org."},
        ContentCase{"AFSDB", "1 afs.example.org", "1 afs.example.org."},
        ContentCase{"KX", "10 kx.example.org", "10 kx.example.org."},
        ContentCase{"HTTPS", "0 pool.example.org", "0 pool.example.org."},
        ContentCase{"HTTPS", "1 . alpn=h3,h2 port=8443", R"(1 . alpn="h3,h2" port=8443)"},
        ContentCase{"SVCB", "16 svc.example.org port=53", "16 svc.example.org. port=53"},
        ContentCase{"ALIAS", "pool.example.org", "pool.example.org."},
        ContentCase{"TXT", R"("two" "strings \"quoted\" \\ \255")", R"("two" "strings \"quoted\" \\ \255")"},
        ContentCase{"TXT", R"("")", R"("")"}, ContentCase{"A", "192.0.2.1", "192.0.2.1"},
        ContentCase{"AAAA", "2001:DB8::1", "2001:db8::1"},
        ContentCase{"CAA", R"(0 issue "ca.example.org")", R"(0 issue "ca.example.org")"},
        ContentCase{"LUA", R"lua(A "ifportup(443, {'192.0.2.1'})")lua", R"lua(A "ifportup(443, {'192.0.2.1'})")lua"},
        ContentCase{"TYPE65280", R"(\# 3 ABcdef)", R"(\# 3 abcdef)"}));

TEST_F(EditRequestTest, WhatHasNoTypeSaysNothing) {
  accept(feed("www.example.com.", "", ""));
  accept(replace("7", "www.example.com.", "TYPE0", {}));
  accept(start("example.com.", "-1"));
  accept(feed("x.example.com.", "", "", 0));
  accept(feed("x.example.com.", "TYPE0", ""));
  accept(replace("7", "x.example.com.", "", {}));
  accept(replace("7", "x.example.com.", "TYPE0", {"anything"}));
  EXPECT_TRUE(transaction_->empty());
}

TEST_F(EditRequestTest, DeclinesWhatIsNoRecord) {
  accept(start("example.com.", "-1"));
  for (const auto& line : {feed("x.example.com.", "NOTYPE", "x"), replace("7", "x.example.com.", "NOTYPE", {"x"})})
    decline(line, Errc::kInvalidRecord, "\"NOTYPE\" is not an RR type");
  for (const auto& line : {feed("x.example.com.", "ANY", "x"), replace("7", "x.example.com.", "ANY", {"x"})})
    decline(line, Errc::kInvalidRecord, "ANY: this is not a type of records");
  for (const auto& line : {feed("x.example.com.", "A", "192.0.2"), replace("7", "x.example.com.", "A", {"192.0.2"})})
    decline(line, Errc::kInvalidRecord, "A: ");
  decline(replace("7", "x.example.com.", "MX", {"10 a.example.org", "mail"}), Errc::kInvalidRecord, "MX: ");
  decline(feed("a..b.", "A", "192.0.2.1"), Errc::kInvalidName, "a..b.");
  decline(replace("7", "a..b.", "A", {}), Errc::kInvalidName, "a..b.");
  decline(feed("x.example.com.", "A", ""), Errc::kInvalidRecord, "A: ");
  decline(request("feedRecord",
                  R"("rr": {"qname": "x.example.com.", "qtype": "A", "content": "192.0.2.1", "ttl": 2147483648})"),
          Errc::kInvalidRecord, "x.example.com./A: the TTL 2147483648 is over 2147483647");
  EXPECT_EQ(transaction_->size(), 0U) << "none of it is part of the transaction";
  EXPECT_TRUE(transaction_->refused()) << "and PowerDNS does not know";
}

TEST_F(EditRequestTest, DeclinesAnOwnerOutsideOfTheZone) {
  accept(start("example.com.", "-1"));
  for (const char* owner : {"www.example.net.", "com.", "notexample.com.", "."}) {
    decline(feed(owner, "A", "192.0.2.1"), Errc::kInvalidZone, "is outside of the zone example.com.");
    decline(replace("7", owner, "A", {"192.0.2.1"}), Errc::kInvalidZone, "is outside of the zone example.com.");
  }
  accept(feed("a.sub.example.com.", "A", "192.0.2.1"));  // below a zone of its own: glue of the parent
}

TEST_F(EditRequestTest, DeclinesAnRrsetUnderTheIdOfAnotherZone) {
  accept(start("example.com.", "-1"));
  for (const char* id : {"8", "0", "-7", "9223372036854775807"})
    decline(replace(id, "www.example.com.", "A", {}), Errc::kConflict, "the transaction is of zone id 7, not ");
  for (const char* id : {"7", "-1", "4294967295", "\"7\""}) accept(replace(id, "www.example.com.", "A", {}));
  EXPECT_THAT(shown(commit().rrsets), ElementsAre("www.example.com./A removed"));
}

TEST_F(EditRequestTest, AnRrsetOutsideOfATransactionIsWrittenAtOnce) {
  const ZoneEdit by_id = work<ZoneEdit>(replace("7", "WWW.example.com.", "MX", {"20 b.x", "10 a.x", "20 b.x"}, 90));
  EXPECT_EQ(by_id.zone, 7U);
  EXPECT_EQ(by_id.mode, ZoneEdit::Mode::kInPlace);
  EXPECT_EQ(by_id.base, 41U);
  EXPECT_THAT(shown(by_id.rrsets), ElementsAre("www.example.com./MX 90 [10 a.x., 20 b.x.]"));
  EXPECT_EQ(work<ZoneEdit>(replace("-1", "www.sub.example.com.", "A", {})).zone, 8U) << "the closest zone";
  EXPECT_EQ(work<ZoneEdit>(replace("7", "www.sub.example.com.", "A", {})).zone, 7U);
  decline(replace("-1", "www.example.org.", "A", {}), Errc::kNotFound, "there is no such zone");
  for (const char* id : {"6", "0", "2147483648", "-2"})
    decline(replace(id, "www.example.com.", "A", {}), Errc::kNotFound, "there is no such zone");
  decline(replace("8", "www.example.com.", "A", {}), Errc::kInvalidZone, "is outside of the zone sub.example.com.");
}

TEST_F(EditRequestTest, AnyWithoutRecordsIsEveryRrsetOfTheName) {
  const std::string www = replace("7", "www.example.com.", "ANY", {});
  EXPECT_THAT(shown(work<ZoneEdit>(www).rrsets), ElementsAre("www.example.com./A removed"));
  accept(replace("7", "x.example.com.", "ANY", {}));  // nothing there: nothing to write
  accept(start("example.com.", "-1"));
  accept(feed("www.example.com.", "TXT", "\"x\""));
  accept(feed("x.www.example.com.", "TXT", "\"stays\""));
  accept(www);
  EXPECT_THAT(shown(commit().rrsets), ElementsAre("www.example.com./A removed", "www.example.com./TXT removed",
                                                  "x.www.example.com./TXT 60 [\"stays\"]"));
}

TEST_F(EditRequestTest, AnRrsetHasTheLeastTtlOfItsRecords) {
  const std::string line =
      request("replaceRRSet", R"("domain_id": 7, "qname": "x.example.com.", "qtype": "A", "rrset": [)" +
                                  record("x.example.com.", "A", "192.0.2.1", 300) + ", " +
                                  record("other.", "TXT", "192.0.2.2", 60) + ", " +
                                  record("x.example.com.", "A", "192.0.2.3", 90) + R"(], "trxid": -1)");
  EXPECT_THAT(shown(work<ZoneEdit>(line).rrsets), ElementsAre("x.example.com./A 60 [192.0.2.1, 192.0.2.2, 192.0.2.3]"))
      << "owner and type are the RRset's";
}

TEST_F(EditRequestTest, ARecordNeedsATransaction) {
  decline(feed("www.example.com.", "A", "192.0.2.1"), Errc::kProtocol,
          "feedRecord www.example.com./A: no transaction is open on this connection");
}

TEST_F(EditRequestTest, EmptyNonTerminalsAreTakenAndNotKept) {
  const Lines lines = {
      request("feedEnts", R"("domain_id": 7, "nonterm": [{"auth": true, "nonterm": "a.example.com."}], "trxid": 1)"),
      request("feedEnts3",
              "\"domain\": \"example.com.\", \"domain_id\": 7, \"narrow\": false, \"nonterm\": [], "
              "\"salt\": \"\xDE\xAD\xBE\xEF\\u0000\", \"times\": 1, \"trxid\": 1")};
  for (const std::string& line : lines) accept(line);
  accept(start("example.com.", "-1"));
  for (const std::string& line : lines) accept(line);
  EXPECT_TRUE(transaction_->empty());
}

TEST_F(EditRequestTest, MetadataBelongToTheTransactionOfTheirZone) {
  accept(start("example.com.", "-1"));
  accept(metadata("Example.com.", "X-NOTE", R"("one", "two")"));
  accept(metadata("example.com.", "ALSO-NOTIFY", ""));
  accept(metadata("example.com.", "X-NOTE", R"("three")"));
  const ZoneEdit other = work<ZoneEdit>(metadata("example.net.", "X-NOTE", R"("elsewhere")"));
  EXPECT_EQ(other.zone, 9U);
  EXPECT_EQ(other.base, 41U);
  const ZoneEdit edit = commit();
  EXPECT_THAT(edit.rrsets, IsEmpty());
  EXPECT_THAT(edit.metadata, ElementsAre(zone::Metadata{"ALSO-NOTIFY", {}}, zone::Metadata{"X-NOTE", {"three"}}));
}

TEST_F(EditRequestTest, MetadataOutsideOfATransactionAreWrittenAtOnce) {
  const ZoneEdit edit = work<ZoneEdit>(metadata("example.com.", "NSEC3PARAM", R"("1 0 0 -")"));
  EXPECT_EQ(edit.zone, 7U);
  EXPECT_EQ(edit.mode, ZoneEdit::Mode::kInPlace);
  EXPECT_THAT(edit.rrsets, IsEmpty());
  EXPECT_THAT(edit.metadata, ElementsAre(zone::Metadata{"NSEC3PARAM", {"1 0 0 -"}}));
  EXPECT_THAT(work<ZoneEdit>(metadata("example.com.", "X-NOTE", "")).metadata,
              ElementsAre(zone::Metadata{"X-NOTE", {}}));
}

TEST_F(EditRequestTest, DeclinesMetadataThatPowerDnsWouldMisread) {
  for (const bool open : {false, true}) {
    if (open) accept(start("example.com.", "-1"));
    decline(metadata("example.com.", "NSEC3PARAM", R"("1 0 many -")"), Errc::kInvalidArgument, "NSEC3PARAM");
    decline(metadata("example.com.", "SOA-EDIT", R"("SOMETIMES")"), Errc::kInvalidArgument, "SOA-EDIT");
    decline(metadata("example.org.", "X-NOTE", R"("x")"), Errc::kNotFound, "there is no zone example.org.");
  }
  EXPECT_TRUE(transaction_->empty());
}

TEST_F(EditRequestTest, AKeyIsAddedAtOnceAndWithinATransactionGetsAnId) {
  const std::string line = request(
      "addDomainKey",
      R"("key": {"active": true, "content": "a: b\nc: d\n", "flags": 257, "published": false}, "name": "Example.com.")");
  const zone::Key key{0, 257, true, false, "a: b\nc: d\n"};
  const AddKey add = work<AddKey>(line, Report::kKeyId);
  EXPECT_EQ(add.zone, 7U);
  EXPECT_EQ(add.key, key);
  accept(start("example.com.", "-1"));
  EXPECT_EQ(work<ReserveKey>(line, Report::kReservedKey).key, key);
  EXPECT_TRUE(transaction_->empty()) << "until it has its id";
}

TEST_F(EditRequestTest, DeclinesAKeyOfNoZoneOrWithFlagsThatDoNotFit) {
  const auto add = [](const char* flags, const char* zone) {
    return request("addDomainKey", R"("key": {"active": true, "content": "c", "flags": )" + std::string(flags) +
                                       R"(, "published": true}, "name": ")" + zone + "\"");
  };
  decline(add("65536", "example.com."), Errc::kInvalidArgument, "the flags 65536 are no 16-bit number");
  decline(add("257", "www.example.com."), Errc::kNotFound, "there is no zone www.example.com.");
  EXPECT_EQ(work<AddKey>(add("65535", "example.com."), Report::kKeyId).key.flags, 65535);
}

TEST_F(EditRequestTest, KeysChangeByTheirIds) {
  const std::pair<const char*, What> methods[] = {{"removeDomainKey", What::kRemove},
                                                  {"activateDomainKey", What::kActivate},
                                                  {"deactivateDomainKey", What::kDeactivate},
                                                  {"publishDomainKey", What::kPublish},
                                                  {"unpublishDomainKey", What::kUnpublish}};
  for (const auto& [method, what] : methods) {
    const ChangeKey change = work<ChangeKey>(request(method, R"("id": 3, "name": "example.net.")"));
    EXPECT_EQ(change.zone, 9U);
    EXPECT_EQ(change.key, 3U);
    EXPECT_EQ(change.what, what) << method;
    for (const char* id : {"0", "-1", "4294967295", "2147483648"})
      decline(request(method, R"("name": "example.net.", "id": )" + std::string(id)), Errc::kNotFound,
              "example.net. has no key with the id");
    decline(request(method, R"("id": 3, "name": "example.org.")"), Errc::kNotFound, "there is no zone");
  }
}

TEST_F(EditRequestTest, TsigKeysAreSetAndDeletedByTheirNames) {
  const PutTsigKey put = work<PutTsigKey>(
      request("setTSIGKey", R"("algorithm": "hmac-sha256.", "content": "c2VjcmV0", "name": "K.Example.")"));
  EXPECT_EQ(put.key, (zone::TsigKey{name("k.example."), "hmac-sha256", "c2VjcmV0"}));
  EXPECT_EQ(work<PutTsigKey>(request("setTSIGKey", R"("algorithm": "hmac-md5", "content": "", "name": "k")")).key,
            (zone::TsigKey{name("k."), "hmac-md5", ""}));
  EXPECT_EQ(work<RemoveTsigKey>(request("deleteTSIGKey", R"("name": "k.example.")")).name, name("k.example."));
  decline(request("setTSIGKey", R"("algorithm": "a", "content": "b", "name": "a..b.")"), Errc::kInvalidName, "a..b.");
  decline(request("deleteTSIGKey", R"("name": "")"), Errc::kInvalidName, "the name is empty");
}

TEST_F(EditRequestTest, TheCommunicatorsNotesAreOfZonesByTheirIds) {
  const NoteNotified notified = work<NoteNotified>(request("setNotified", R"("id": 7, "serial": 4294967295)"));
  EXPECT_EQ(notified.zone, 7U);
  EXPECT_EQ(notified.serial, 4294967295U);
  const NoteChecked fresh = work<NoteChecked>(request("setFresh", R"("id": 8)"));
  EXPECT_EQ(fresh.zone, 8U);
  EXPECT_TRUE(fresh.fresh);
  EXPECT_FALSE(work<NoteChecked>(request("setStale", R"("id": 8)")).fresh);
  for (const char* method : {"setNotified", "setFresh", "setStale"})
    for (const char* id : {"6", "0", "-1", "4294967295", "4294967303"})
      decline(request(method, R"("serial": 1, "id": )" + std::string(id)), Errc::kNotFound,
              "there is no zone with the id");
}

TEST_F(EditRequestTest, ASecondaryZoneIsAskedForByAddressAndNameServers) {
  const auto planned =
      plan(request("superMasterBackend", R"("domain": "made.example.", "ip": "2001:db8::1", "nsset": [)" +
                                             record("made.example.", "NS", "ns1.Example.org") + ", " +
                                             record("made.example.", "NS", "ns2.example.org.") + ", " +
                                             record("made.example.", "NS", "a..b") + "]"));
  ASSERT_TRUE(planned);
  const auto& question = std::get<AutoprimaryQuestion>(*planned);
  EXPECT_EQ(question.address, "2001:db8::1");
  EXPECT_THAT(question.name_servers, ElementsAre(name("ns1.example.org."), name("ns2.example.org.")));

  const CreateSecondary create = work<CreateSecondary>(
      request("createSlaveDomain",
              R"("account": "customer-1", "domain": "Made.example.", "ip": "2001:db8::1", "nameserver": "ns1")"));
  EXPECT_EQ(create.apex, name("made.example."));
  EXPECT_EQ(create.primary, "2001:db8::1");
  EXPECT_EQ(create.account, "customer-1");
  decline(request("createSlaveDomain", R"("domain": "..", "ip": "::1")"), Errc::kInvalidName, "..");
}

}  // namespace
}  // namespace sdns::answer
