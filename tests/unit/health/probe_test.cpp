// SPDX-License-Identifier: MIT
#include "backend/health/probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backend/health/probe_match.h"

namespace sdns::health {
namespace {

using testing::HasSubstr;

TEST(ProbeCodes, AreCodesAndRanges) {
  const auto codes = parse_codes("200-299,301,999");
  ASSERT_TRUE(codes);
  EXPECT_EQ(*codes, (Codes{{200, 299}, {301, 301}, {999, 999}}));
  for (const unsigned code : {200u, 250u, 299u, 301u, 999u}) EXPECT_TRUE(has_code(*codes, code)) << code;
  for (const unsigned code : {0u, 199u, 300u, 302u}) EXPECT_FALSE(has_code(*codes, code)) << code;
}

TEST(ProbeCodes, OthersAreErrorsThatNameThePart) {
  for (const char* text : {"", "99", "1000", "300-200", "200,", ",200", "200-", "-200", "2xx", "200 ", "200--300"}) {
    const auto codes = parse_codes(text);
    ASSERT_FALSE(codes) << text;
    EXPECT_EQ(codes.error().code, Errc::kInvalidArgument);
  }
  EXPECT_THAT(parse_codes("200,2xx").error().what, HasSubstr("\"2xx\""));
}

struct MatchCase {
  const char* what;
  std::vector<const char*> pieces;
  const char* wanted;
  bool found;
};
class StreamMatchTest : public testing::TestWithParam<MatchCase> {};
TEST_P(StreamMatchTest, FindsAcrossPieces) {
  const std::string wanted = GetParam().wanted;
  StreamMatch match(wanted);
  for (const char* piece : GetParam().pieces) match.feed(piece);
  EXPECT_EQ(match.found(), GetParam().found) << GetParam().what;
}
INSTANTIATE_TEST_SUITE_P(
    Rows, StreamMatchTest,
    testing::Values(MatchCase{"nothing is wanted", {}, "", true}, MatchCase{"nothing came", {}, "a", false},
                    MatchCase{"whole", {"xxabcxx"}, "abc", true}, MatchCase{"in two", {"xxab", "cxx"}, "abc", true},
                    MatchCase{"octet by octet", {"a", "a", "b", "a", "b", "c"}, "abc", true},
                    MatchCase{"an empty piece between", {"ab", "", "c"}, "abc", true},
                    MatchCase{"begins again inside itself", {"aa", "aab"}, "aaab", true},
                    MatchCase{"a gap", {"ab", "xc"}, "abc", false},
                    MatchCase{"the end is missing", {"xa", "b"}, "abc", false},
                    MatchCase{"one octet", {"x", "a"}, "a", true},
                    MatchCase{"an old beginning is forgotten", {"ab", "xxxxxx", "c"}, "abc", false}));

TEST(StreamMatch, AgreesWithASearchInTheWholeForEveryCut) {
  const std::string text = "abaabbabaabaabbb";
  for (const std::string wanted : {"abaab", "bbb", "aabaabb", "baba", "bba"})
    for (std::size_t a = 0; a <= text.size(); ++a)
      for (std::size_t b = a; b <= text.size(); ++b) {
        StreamMatch match(wanted);
        for (const std::string& piece : {text.substr(0, a), text.substr(a, b - a), text.substr(b)}) match.feed(piece);
        EXPECT_EQ(match.found(), text.find(wanted) != std::string::npos) << wanted << ' ' << a << ' ' << b;
      }
}

TEST(LeadingWeight, IsTheIntegerThatABodyBeginsWith) {
  const std::vector<std::pair<const char*, std::uint32_t>> rows = {{"42", 42},        {" \n\t7 up", 7},
                                                                   {"+3", 3},         {"12abc", 12},
                                                                   {"", 1},           {"x5", 1},
                                                                   {"0", 1},          {"-4", 1},
                                                                   {"+ 4", 1},        {"5 6", 5},
                                                                   {"3.9", 3},        {"2147483647", 2147483647},
                                                                   {"2147483648", 1}, {"99999999999999999999999", 1}};
  for (const auto& [body, weight] : rows) {
    LeadingWeight whole, pieces;
    whole.feed(body);
    for (const char* c = body; *c != '\0'; ++c) pieces.feed({c, 1});
    EXPECT_EQ(whole.weight(), weight) << body;
    EXPECT_EQ(pieces.weight(), weight) << body;
  }
}

TEST(ProbeFailed, HasAPrintableTextWithinTheLimit) {
  EXPECT_EQ(probe_failed(ProbeFailure::kReset, "a\x1b[31m").text, "a\\027[31m");
  EXPECT_EQ(probe_failed(ProbeFailure::kReset, std::string(1000, '\x01')).text.size(), kMaxProbeText);
  std::string umlauts;
  for (int i = 0; i < 500; ++i) umlauts += "x\xC3\xA4";
  const std::string text = probe_failed(ProbeFailure::kReset, umlauts).text;
  EXPECT_LE(text.size(), kMaxProbeText);
  EXPECT_NE(static_cast<unsigned char>(text.back()), 0xC3);
}

ProbeSpec http_spec(HttpProbe http) {
  ProbeSpec spec;
  spec.kind = std::move(http);
  return spec;
}

TEST(CheckProbe, NamesTheRule) {
  ProbeSpec good;
  good.port = 80;
  EXPECT_TRUE(check_probe(good));
  const auto broken = [](ProbeSpec spec, const char* what) {
    const auto got = check_probe(spec);
    ASSERT_FALSE(got) << what;
    EXPECT_EQ(got.error().code, Errc::kInvalidArgument);
    EXPECT_THAT(got.error().what, HasSubstr(what));
  };
  ProbeSpec spec = good;
  spec.port = 0;
  broken(spec, "port 0");
  spec = good;
  spec.timeout = std::chrono::milliseconds(0);
  broken(spec, "timeout");
  spec = good;
  spec.source = *dns::IpAddress::parse("::1");
  broken(spec, "IPv6");
  EXPECT_TRUE(check_probe(http_spec({.url = "HTTPS://example.net"})));
  broken(http_spec({.url = "ftp://example.net/"}), "http or https URL");
  broken(http_spec({.url = "http://a b/"}), "http or https URL");
  broken(http_spec({.method = "GET /", .url = "http://a/"}), "method");
  broken(http_spec({.url = "http://a/", .headers = {{"X", "a\r\nY: b"}}}), "line break");
  broken(http_spec({.url = "http://a/", .headers = {{"X:Y", "a"}}}), "header");
  broken(http_spec({.url = "http://a/", .user_agent = "a\nb"}), "user agent");
  broken(http_spec({.url = "http://a/", .codes = {}}), "status");
  spec = good;
  spec.kind = ExecProbe{.argv = {"true"}};
  broken(spec, "absolute path");
}

TEST(ProbeOf, IsWhatPowerdnsDoes) {
  CheckQuestion question;
  question.address = *dns::IpAddress::parse("192.0.2.1");
  question.port = 443;
  question.options.timeout_seconds = 3;
  question.options.source = *dns::IpAddress::parse("192.0.2.9");
  const ProbeSpec tcp = probe_of(question, "agent");
  EXPECT_EQ(tcp.address, question.address);
  EXPECT_EQ(tcp.port, 443);
  EXPECT_EQ(tcp.timeout, std::chrono::seconds(3));
  EXPECT_EQ(tcp.source, question.options.source);
  EXPECT_EQ(tcp.origin, ProbeOrigin::kZoneData);
  EXPECT_EQ(std::get<TcpProbe>(tcp.kind), TcpProbe{});

  question.kind = CheckKind::kUrl;
  question.url = "https://www.example.net/up";
  question.options.stringmatch = "ready";
  question.options.byteslimit = 500;
  question.options.httpcode = 204;
  question.options.headers = {{"X-A", "b"}};
  const HttpProbe url = std::get<HttpProbe>(probe_of(question, "agent").kind);
  EXPECT_EQ(url, (HttpProbe{.url = "https://www.example.net/up",
                            .host = HttpHost::kPinned,
                            .headers = {{"X-A", "b"}},
                            .user_agent = "agent",
                            .codes = {{204, 204}},
                            .stringmatch = "ready",
                            .byte_limit = 500,
                            .redirects = Redirects::kFollow,
                            .most_redirects = 30,
                            .verify_certificate = false}));
  question.kind = CheckKind::kUrlOnly;
  question.options.useragent = "mine";
  const HttpProbe external = std::get<HttpProbe>(probe_of(question, "agent").kind);
  EXPECT_EQ(external.host, HttpHost::kResolved);
  EXPECT_EQ(external.user_agent, "mine");
}

TEST(ProbeOf, RunsWhatTheConfigurationSaysOfAProgram) {
  const Programs programs = {
      {"ssh",
       {.command = {"/usr/bin/{port}", "-H", "{address}:{port}", "--for={answered}", "{x}", "{timeout}"},
        .timeout = std::chrono::seconds(20),
        .at_once = 3,
        .memory_mebioctets = 99}}};
  const auto question = CheckQuestion::parse("exec ssh from [2001:db8::1]:22 for=192.0.2.1 timeout=1");
  ASSERT_TRUE(question);
  const ProbeSpec spec = probe_of(*question, "agent", programs);
  EXPECT_EQ(spec.address.text(), "2001:db8::1");
  EXPECT_EQ(spec.timeout, std::chrono::seconds(20)) << "its own, not the check's";
  EXPECT_EQ(std::get<ExecProbe>(spec.kind),
            (ExecProbe{.name = "ssh",
                       .argv = {"/usr/bin/{port}", "-H", "2001:db8::1:22", "--for=192.0.2.1", "{x}", "20"},
                       .answered = *dns::IpAddress::parse("192.0.2.1"),
                       .cpu_seconds = 20,
                       .memory_mebioctets = 99}));
  EXPECT_TRUE(check_probe(spec));
  const ProbeSpec unknown = probe_of(*CheckQuestion::parse("exec other from 192.0.2.1"), "agent", programs);
  EXPECT_TRUE(std::get<ExecProbe>(unknown.kind).argv.empty());
  EXPECT_EQ(std::get<ExecProbe>(unknown.kind).answered.text(), "192.0.2.1");
}

TEST(ProbeOf, IsWhatOurOptionsAskFor) {
  CheckQuestion question;
  question.port = 25;
  question.options.send = "EHLO x\r\n";
  question.options.expect = "250 ";
  EXPECT_EQ(std::get<TcpProbe>(probe_of(question, "").kind), (TcpProbe{.send = "EHLO x\r\n", .expect = "250 "}));

  question.kind = CheckKind::kUrl;
  question.url = "https://x/";
  question.options.method = "HEAD";
  question.options.codes = {{200, 299}, {301, 301}};
  question.options.redirects = Redirects::kSameHost;
  question.options.verify = true;
  const HttpProbe url = std::get<HttpProbe>(probe_of(question, "").kind);
  EXPECT_EQ(url.method, "HEAD");
  EXPECT_EQ(url.codes, question.options.codes);
  EXPECT_EQ(url.redirects, Redirects::kSameHost);
  EXPECT_TRUE(url.verify_certificate);

  question.kind = CheckKind::kDns;
  question.options.dns_name = *dns::Name::parse("www.example.org");
  question.options.dns_type = dns::kMX;
  question.options.dns_rcode = std::nullopt;
  question.options.dns_rdata = "10 m.";
  const ProbeSpec dns = probe_of(question, "");
  EXPECT_EQ(dns.port, 25);
  EXPECT_EQ(std::get<DnsProbe>(dns.kind),
            (DnsProbe{.name = *question.options.dns_name, .type = dns::kMX, .rcode = {}, .rdata = {"10 m."}}));
  EXPECT_TRUE(check_probe(dns));
  question.options.dns_rdata.clear();
  question.options.dns_rcode = 5;
  EXPECT_EQ(std::get<DnsProbe>(probe_of(question, "").kind),
            (DnsProbe{.name = *question.options.dns_name, .type = dns::kMX, .rcode = 5, .rdata = {}}));
}

}  // namespace
}  // namespace sdns::health
