// SPDX-License-Identifier: MIT
#include "backend/health/probe_dns.h"

#include <deque>

#include "backend/dns/rdata_text.h"
#include "backend/health/probe_dns_message.h"
#include "tests/unit/health/probe_fixture.h"

namespace sdns::health {
namespace {

using dns::append_u16;
using testing::ElementsAre;
using testing::HasSubstr;

// A name server: one socket for datagrams, and a Peer for connections at the same port.
class NameServer {
 public:
  using Answer = std::function<std::vector<std::string>(const std::string& query)>;
  NameServer(Answer udp, Answer tcp) : udp_(std::move(udp)) {
    for (;;) {  // a port that is free for both
      socket_ = bind_to("127.0.0.1", SOCK_DGRAM);
      if (bind_to("127.0.0.1", SOCK_STREAM, socket_.port).fd) break;
    }
    if (tcp)
      peer_ = std::make_unique<Peer>(
          [tcp](int fd) {
            std::string query(2, '\0');
            if (::recv(fd, query.data(), 2, MSG_WAITALL) != 2) return;
            query.resize(dns::u16_at(query, 0));
            if (::recv(fd, query.data(), query.size(), MSG_WAITALL) != static_cast<ssize_t>(query.size())) return;
            for (const std::string& reply : tcp(query)) {
              std::string framed;
              append_u16(framed, static_cast<std::uint32_t>(reply.size()));
              framed += reply;
              for (const char c : framed) send_text(fd, {&c, 1});  // the client puts pieces together
            }
          },
          "127.0.0.1", socket_.port);
    thread_ = std::thread([this] {
      char buffer[4096];
      for (;;) {
        sockaddr_storage from{};
        socklen_t size = sizeof from;
        const ssize_t n =
            ::recvfrom(socket_.fd.get(), buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &size);
        if (n <= 0) return;
        for (const std::string& reply : udp_({buffer, static_cast<std::size_t>(n)}))
          ::sendto(socket_.fd.get(), reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
      }
    });
  }
  ~NameServer() {
    ::shutdown(socket_.fd.get(), SHUT_RDWR);
    thread_.join();
  }
  NameServer(const NameServer&) = delete;
  NameServer& operator=(const NameServer&) = delete;
  [[nodiscard]] std::uint16_t port() const { return socket_.port; }

 private:
  Answer udp_;
  BoundSocket socket_;
  std::unique_ptr<Peer> peer_;
  std::thread thread_;
};

struct Rr {
  std::uint16_t type;
  std::string rdata;
};
// The reply to a query, owner names as a pointer to the question.
std::string reply_to(const std::string& query, unsigned flags, const std::vector<Rr>& answers = {}) {
  std::string out = query;
  out[2] = static_cast<char>(0x80 | flags >> 8);
  out[3] = static_cast<char>(flags);
  out[7] = static_cast<char>(answers.size());
  for (const Rr& rr : answers) {
    append_u16(out, 0xC00C);
    append_u16(out, rr.type);
    append_u16(out, 1);
    dns::append_u32(out, 60);
    append_u16(out, static_cast<std::uint32_t>(rr.rdata.size()));
    out += rr.rdata;
  }
  return out;
}
const std::string kAddress("\xC0\x00\x02\x01", 4);  // 192.0.2.1

class ProbeDns : public ProberTest {
 protected:
  static ProbeSpec ask(std::uint16_t port, DnsProbe probe = {}) {
    ProbeSpec spec;
    spec.address = ip("127.0.0.1");
    spec.port = port;
    spec.timeout = kLong;
    if (probe.name.is_root()) probe.name = *dns::Name::parse("www.example.net.");
    spec.kind = std::move(probe);
    return spec;
  }
};

TEST_F(ProbeDns, AReplyWithTheExpectedCodeAndDataIsASuccess) {
  std::mutex mutex;  // of what the server's thread has seen
  std::string seen;
  NameServer server(
      [&](const std::string& query) {
        std::lock_guard lock(mutex);
        seen = query;
        return std::vector{reply_to(query, 0x0400, {{1, kAddress}, {1, std::string("\xC0\x00\x02\x02", 4)}})};
      },
      nullptr);
  EXPECT_FAILURE(run(ask(server.port(), {.rdata = {"192.0.2.2", "192.0.2.1"}})), ProbeFailure::kNone);
  {
    std::lock_guard lock(mutex);
    EXPECT_EQ(seen.substr(2), std::string("\0\0\0\1\0\0\0\0\0\0\3www\7example\3net\0\0\1\0\1", 31));
  }
  const ProbeResult other = run(ask(server.port(), {.rdata = {"192.0.2.3"}}));
  EXPECT_FAILURE(other, ProbeFailure::kMismatch);
  EXPECT_EQ(other.text, "192.0.2.3 is not among 2 answers");
  EXPECT_FAILURE(run(ask(server.port(), {.recursion_desired = true})), ProbeFailure::kNone);
  EXPECT_EQ(seen[2], 1);
}

TEST_F(ProbeDns, AnotherCodeIsAFailureUnlessItIsExpected) {
  NameServer server([](const std::string& query) { return std::vector{reply_to(query, 3)}; }, nullptr);
  const ProbeResult got = run(ask(server.port()));
  EXPECT_FAILURE(got, ProbeFailure::kRcode);
  EXPECT_EQ(got.text, "NXDOMAIN instead of NOERROR");
  EXPECT_FAILURE(run(ask(server.port(), {.rcode = 3})), ProbeFailure::kNone);
  EXPECT_FAILURE(run(ask(server.port(), {.rcode = std::nullopt})), ProbeFailure::kNone);
}

TEST_F(ProbeDns, CompressedNamesAreCompared) {
  NameServer server(
      [](const std::string& query) {
        return std::vector{reply_to(query, 0, {{15, std::string("\0\x0A\4MAIL\xC0\x10", 9)}})};  // mail.example.net
      },
      nullptr);
  EXPECT_FAILURE(run(ask(server.port(), {.type = dns::kMX, .rdata = {"10 mail.example.net."}})), ProbeFailure::kNone);
  EXPECT_FAILURE(run(ask(server.port(), {.type = dns::kMX, .rdata = {"20 mail.example.net."}})),
                 ProbeFailure::kMismatch);
}

TEST_F(ProbeDns, WhatIsNoReplyToTheQuestionIsIgnored) {
  NameServer server(
      [](const std::string& query) {
        const std::string good = reply_to(query, 0, {{1, kAddress}});
        std::string other_id = reply_to(query, 2), other_name = reply_to(query, 2), other_type = reply_to(query, 2);
        other_id[1] = static_cast<char>(other_id[1] + 1);
        other_name[13] = 'x';
        other_type[query.size() - 3] = 28;
        return std::vector{other_id, other_name, other_type, query, std::string(), std::string(11, '\0'), good};
      },
      nullptr);
  EXPECT_FAILURE(run(ask(server.port(), {.rdata = {"192.0.2.1"}})), ProbeFailure::kNone);
}

TEST_F(ProbeDns, ATruncatedReplyIsAskedForAgainOverTcp) {
  NameServer server([](const std::string& query) { return std::vector{reply_to(query, 0x0200)}; },
                    [](const std::string& query) {
                      return std::vector{reply_to(query, 0, {{1, kAddress}})};
                    });
  const ProbeResult got = run(ask(server.port(), {.rdata = {"192.0.2.1"}}));
  EXPECT_FAILURE(got, ProbeFailure::kNone);
}

TEST_F(ProbeDns, TcpMayRefuseEndOrAnswerSomethingElse) {
  const auto truncated = [](const std::string& query) { return std::vector{reply_to(query, 0x0200)}; };
  NameServer none(truncated, nullptr);
  EXPECT_FAILURE(run(ask(none.port())), ProbeFailure::kRefused);
  NameServer ends(truncated, [](const std::string&) { return std::vector<std::string>{}; });
  EXPECT_FAILURE(run(ask(ends.port())), ProbeFailure::kClosed);
  NameServer other(truncated, [](std::string query) {
    query[0] = static_cast<char>(query[0] + 1);
    return std::vector{reply_to(query, 0)};
  });
  EXPECT_FAILURE(run(ask(other.port())), ProbeFailure::kProtocol);
  NameServer again(truncated, truncated);
  EXPECT_FAILURE(run(ask(again.port())), ProbeFailure::kProtocol);
}

TEST_F(ProbeDns, NobodyThereIsRefusedAndSilenceATimeout) {
  const BoundSocket tcp_only = bind_to("127.0.0.1", SOCK_STREAM);
  std::uint16_t port = 0;
  { port = bind_to("127.0.0.1", SOCK_DGRAM).port; }
  EXPECT_FAILURE(run(ask(port)), ProbeFailure::kRefused);
  const BoundSocket silent = bind_to("127.0.0.1", SOCK_DGRAM);
  ProbeSpec spec = ask(silent.port);
  spec.timeout = std::chrono::milliseconds(100);
  const ProbeResult got = run(spec);
  EXPECT_FAILURE(got, ProbeFailure::kTimeout);
  EXPECT_EQ(got.text, "no reply over UDP within 100 ms");
}

TEST_F(ProbeDns, AReplyThatCannotBeReadIsAFailure) {
  NameServer server(
      [](const std::string& query) {
        std::string cut = reply_to(query, 0, {{1, kAddress}});
        cut.pop_back();
        return std::vector{cut};
      },
      nullptr);
  EXPECT_FAILURE(run(ask(server.port())), ProbeFailure::kProtocol);
}

TEST_F(ProbeDns, CancelAndDestructionEndItInEveryState) {
  NameServer stuck([](const std::string& query) { return std::vector{reply_to(query, 0x0200)}; },
                   [](const std::string&) { return std::vector<std::string>{std::string(2, '\0') + "x"}; });
  const BoundSocket silent = bind_to("127.0.0.1", SOCK_DGRAM);
  for (int turns = 0; turns < 6; ++turns) {
    const auto ignore = [](ProbeId, const ProbeResult&) {};
    const ProbeId a = prober_->start(ask(silent.port), ignore);
    const ProbeId b = prober_->start(ask(stuck.port()), ignore);
    for (int i = 0; i < turns; ++i) uv_run(&loop_, UV_RUN_ONCE);
    EXPECT_TRUE(prober_->cancel(a));
    prober_->cancel(b);
  }
  prober_->start(ask(silent.port), [](ProbeId, const ProbeResult&) { ADD_FAILURE(); });
  prober_.reset();
}

const DnsQuestion kQuestion{.id = 0x1234, .name = *dns::Name::parse("a.example."), .type = dns::kNS};

TEST(DnsReplyTest, ReadsNoOctetsThatAreNotThere) {
  const std::string whole = reply_to(dns_query(kQuestion), 0, {{2, std::string("\2ns\xC0\x0E", 5)}, {2, "\xC0\x0C"}});
  const DnsReply reply = read_dns_reply(whole, kQuestion);
  ASSERT_EQ(reply.kind, DnsReplyKind::kReply);
  EXPECT_THAT(reply.rdata, ElementsAre(std::string("\2ns\7example\0", 12), std::string("\1a\7example\0", 11)));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::vector<char> exact(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_NE(read_dns_reply({exact.data(), exact.size()}, kQuestion).kind, DnsReplyKind::kReply) << size;
  }
  for (std::size_t at = 0; at < whole.size(); ++at)
    for (const int value : {0x00, 0x3F, 0x40, 0xC0, 0xFF}) {
      std::vector<char> other(whole.begin(), whole.end());
      other[at] = static_cast<char>(value);
      static_cast<void>(read_dns_reply({other.data(), other.size()}, kQuestion));
    }
}

TEST(DnsReplyTest, PointersThatLeadForwardOrInCirclesAreNoNames) {
  for (const std::string& rdata :
       {std::string("\xC0\x28", 2), std::string("\1a\xC0\x27", 4), std::string("\xFF\xFF", 2)})
    EXPECT_EQ(read_dns_reply(reply_to(dns_query(kQuestion), 0, {{2, rdata}}), kQuestion).kind, DnsReplyKind::kBroken);
}

// Otherwise 64 KiB could cost millions of steps: a chain of thousands, and as many records whose owner is at its end.
TEST(DnsReplyTest, ANameHasNoMorePointersThanLabels) {
  for (const std::size_t pointers : {127U, 128U}) {
    const std::string query = dns_query(kQuestion);
    // The RDATA of the first record, of a type that is not read, is a chain to the question's name.
    const std::size_t begin = query.size() + 12;
    std::string chain;
    for (std::size_t i = 0; i + 1 < pointers; ++i)
      append_u16(chain, static_cast<std::uint32_t>(0xC000 | (i == 0 ? 12 : begin + 2 * (i - 1))));
    std::string last;
    append_u16(last, static_cast<std::uint32_t>(0xC000 | (begin + chain.size() - 2)));
    const DnsReply reply = read_dns_reply(reply_to(query, 0, {{1, chain}, {2, last}}), kQuestion);
    EXPECT_EQ(reply.kind, pointers == 127 ? DnsReplyKind::kReply : DnsReplyKind::kBroken);
  }
}

TEST(DnsReplyTest, AnErrorMayLeaveTheQuestionOut) {
  const std::string refused("\x12\x34\x80\x05\0\0\0\0\0\0\0\0", 12);
  EXPECT_EQ(read_dns_reply(refused, kQuestion).kind, DnsReplyKind::kReply);
  EXPECT_EQ(read_dns_reply(refused, kQuestion).rcode, 5);
  std::string fine = refused;
  fine[3] = 0;
  EXPECT_EQ(read_dns_reply(fine, kQuestion).kind, DnsReplyKind::kForeign);
}

TEST(RcodeText, IsTheNameOrTheNumber) {
  EXPECT_EQ(rcode_text(5), "REFUSED");
  EXPECT_EQ(rcode_text(15), "RCODE 15");
}

}  // namespace
}  // namespace sdns::health
