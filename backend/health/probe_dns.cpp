// SPDX-License-Identifier: MIT
#include "backend/health/probe_dns.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "backend/dns/ldns_codec.h"
#include "backend/dns/rdata_text.h"
#include "backend/health/probe_dns_message.h"

namespace sdns::health {
namespace {

// Whether RDATA in presentation format is among those on the wire, letter case of names aside.
bool has_rdata(const std::vector<std::string>& answers, dns::RrType type, const std::string& wanted) {
  const auto content = dns::canonical_content(type, wanted, dns::Name());
  if (!content) return false;
  const auto wire = dns::canonical_rdata_wire(type, *content);
  return wire && std::any_of(answers.begin(), answers.end(), [&](const std::string& answer) {
           const auto read = dns::content_from_wire(type, answer);
           if (!read) return false;
           const auto canonical = dns::canonical_rdata_wire(type, *read);
           return canonical && *canonical == *wire;
         });
}

class DnsRun final : public ProbeRun, private ProbePoller::Watcher {
 public:
  DnsRun(ProbeWorld& world, const ProbeSpec& spec, ProbeSink& sink)
      : world_(world), spec_(spec), dns_(std::get<DnsProbe>(spec.kind)), sink_(sink) {}
  ~DnsRun() override { world_.poller.unwatch(fd_.get()); }

  std::optional<ProbeResult> start() override {
    question_ = {static_cast<std::uint16_t>(world_.random.next()), dns_.name, dns_.type, dns_.recursion_desired};
    query_ = dns_query(question_);
    if (auto failure = connect(SOCK_DGRAM, EPOLLIN)) return failure;
    if (::send(fd_.get(), query_.data(), query_.size(), MSG_NOSIGNAL) < 0) return socket_failure("send", errno);
    return std::nullopt;
  }

  [[nodiscard]] std::string_view waiting_for() const override {
    return state_ == State::kUdp          ? "no reply over UDP"
           : state_ == State::kConnecting ? "the reply over UDP was truncated; no connection over TCP"
                                          : "the reply over UDP was truncated; no reply over TCP";
  }

 private:
  enum class State { kUdp, kConnecting, kSending, kReading };

  // The kernel drops datagrams from elsewhere: the socket is connected in both states.
  std::optional<ProbeResult> connect(int type, std::uint32_t events) {
    world_.poller.unwatch(fd_.get());
    fd_.reset();
    ProbeSocket socket = open_probe_socket(spec_.address.is_v4(), type, spec_.source);
    if (!socket.fd) return std::move(socket.failure);
    fd_ = std::move(socket.fd);
    if (auto failure = begin_connect(fd_.get(), spec_.address, spec_.port)) return failure;
    if (const int error = world_.poller.watch(fd_.get(), events, *this); error != 0)
      return socket_failure("epoll", error);
    return std::nullopt;
  }

  void ready(int, std::uint32_t) override {
    switch (state_) {
      case State::kUdp:
        return read_datagram();
      case State::kConnecting:
        return connected();
      case State::kSending:
        return send_on();
      case State::kReading:
        return read_stream();
    }
  }

  void read_datagram() {
    std::array<char, 64 * 1024> buffer;
    const ssize_t n = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n < 0) return sink_.done(socket_failure("receive", errno));  // ECONNREFUSED: ICMP says that nobody listens
    const DnsReply reply = read_dns_reply({buffer.data(), static_cast<std::size_t>(n)}, question_);
    if (reply.kind == DnsReplyKind::kForeign) return;  // the right one may follow
    if (reply.kind != DnsReplyKind::kTruncated) return judge(reply);
    state_ = State::kConnecting;
    if (auto failure = connect(SOCK_STREAM, EPOLLOUT)) sink_.done(std::move(*failure));
  }

  void connected() {
    if (auto failure = connect_failure(fd_.get())) return sink_.done(std::move(*failure));
    std::string framed;  // RFC 1035 section 4.2.2
    dns::append_u16(framed, static_cast<std::uint32_t>(query_.size()));
    query_ = framed + query_;
    state_ = State::kSending;
    send_on();
  }

  void send_on() {
    while (sent_ < query_.size()) {
      const ssize_t n = ::send(fd_.get(), query_.data() + sent_, query_.size() - sent_, MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) return;
      if (n < 0) return sink_.done(socket_failure("send", errno));
      sent_ += static_cast<std::size_t>(n);
    }
    state_ = State::kReading;
    if (const int error = world_.poller.watch(fd_.get(), EPOLLIN, *this); error != 0)
      sink_.done(socket_failure("epoll", error));
  }

  void read_stream() {
    std::array<char, 16 * 1024> buffer;
    const ssize_t n = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n < 0) return sink_.done(socket_failure("receive", errno));
    if (n == 0) return sink_.done(probe_failed(ProbeFailure::kClosed, "the connection ended before the reply"));
    stream_.append(buffer.data(), static_cast<std::size_t>(n));
    if (stream_.size() < 2) return;
    const std::size_t length = dns::u16_at(stream_, 0);
    if (stream_.size() < 2 + length) return;  // at most 64 KiB and a buffer
    judge(read_dns_reply(std::string_view(stream_).substr(2, length), question_));
  }

  void judge(const DnsReply& reply) {
    ProbeResult result;
    if (reply.kind != DnsReplyKind::kReply)
      result = probe_failed(ProbeFailure::kProtocol,
                            reply.kind == DnsReplyKind::kForeign     ? "the reply is to another question"
                            : reply.kind == DnsReplyKind::kTruncated ? "the reply over TCP is truncated"
                                                                     : "the reply's answers cannot be read");
    else if (dns_.rcode && reply.rcode != *dns_.rcode)
      result = probe_failed(ProbeFailure::kRcode,
                            fmt::format("{} instead of {}", rcode_text(reply.rcode), rcode_text(*dns_.rcode)));
    else
      for (const std::string& wanted : dns_.rdata)
        if (!has_rdata(reply.rdata, dns_.type, wanted)) {
          result = probe_failed(ProbeFailure::kMismatch,
                                fmt::format("{} is not among {} answers", wanted, reply.rdata.size()));
          break;
        }
    sink_.done(std::move(result));
  }

  ProbeWorld& world_;
  const ProbeSpec& spec_;
  const DnsProbe& dns_;
  ProbeSink& sink_;
  DnsQuestion question_;
  std::string query_;
  State state_ = State::kUdp;
  Fd fd_;
  std::size_t sent_ = 0;
  std::string stream_;
};

}  // namespace

std::unique_ptr<ProbeRun> make_dns_run(ProbeWorld& world, const ProbeSpec& spec, ProbeSink& sink) {
  return std::make_unique<DnsRun>(world, spec, sink);
}

}  // namespace sdns::health
