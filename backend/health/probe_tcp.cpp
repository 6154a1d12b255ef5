// SPDX-License-Identifier: MIT
#include "backend/health/probe_tcp.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "backend/health/probe_match.h"

namespace sdns::health {
namespace {

class TcpRun final : public ProbeRun, private ProbePoller::Watcher {
 public:
  TcpRun(ProbeWorld& world, const ProbeSpec& spec, ProbeSink& sink)
      : world_(world), spec_(spec), tcp_(std::get<TcpProbe>(spec.kind)), sink_(sink), match_(tcp_.expect) {}
  ~TcpRun() override { world_.poller.unwatch(fd_.get()); }

  std::optional<ProbeResult> start() override {
    ProbeSocket socket = open_probe_socket(spec_.address.is_v4(), SOCK_STREAM, spec_.source);
    if (!socket.fd) return std::move(socket.failure);
    fd_ = std::move(socket.fd);
    if (auto failure = begin_connect(fd_.get(), spec_.address, spec_.port)) return failure;
    if (const int error = world_.poller.watch(fd_.get(), EPOLLOUT, *this); error != 0)
      return socket_failure("epoll", error);
    return std::nullopt;
  }

  [[nodiscard]] std::string_view waiting_for() const override {
    return state_ == State::kConnecting ? "no connection"
           : state_ == State::kSending  ? "the peer does not read"
                                        : "the expected text did not come";
  }

 private:
  enum class State { kConnecting, kSending, kReading };

  void ready(int, std::uint32_t) override {
    switch (state_) {
      case State::kConnecting:
        return connected();
      case State::kSending:
        return send_on();
      case State::kReading:
        return read_on();
    }
  }

  void connected() {
    if (auto failure = connect_failure(fd_.get())) return sink_.done(std::move(*failure));
    state_ = State::kSending;
    send_on();
  }

  void send_on() {
    while (sent_ < tcp_.send.size()) {
      const ssize_t n = ::send(fd_.get(), tcp_.send.data() + sent_, tcp_.send.size() - sent_, MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) return;  // watched for that already
      if (n < 0) return finish(socket_failure("send", errno));
      sent_ += static_cast<std::size_t>(n);
    }
    if (match_.found()) return finish({});
    state_ = State::kReading;
    if (const int error = world_.poller.watch(fd_.get(), EPOLLIN, *this); error != 0)
      finish(socket_failure("epoll", error));
  }

  void read_on() {
    std::array<char, 16 * 1024> buffer;
    const std::size_t room = std::min(buffer.size(), tcp_.limit_octets - received_);
    const ssize_t n = ::recv(fd_.get(), buffer.data(), room, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n < 0) return finish(socket_failure("receive", errno));
    const std::string_view piece(buffer.data(), static_cast<std::size_t>(n));
    if (received_ == 0) beginning_ = piece.substr(0, kShown);
    received_ += piece.size();
    match_.feed(piece);
    if (match_.found()) return finish({});
    if (n == 0)
      return finish(probe_failed(received_ == 0 ? ProbeFailure::kClosed : ProbeFailure::kMismatch,
                                 received_ == 0
                                     ? "closed without a word"
                                     : fmt::format("closed without the expected text, after \"{}\"", beginning_)));
    if (received_ >= tcp_.limit_octets)
      finish(probe_failed(ProbeFailure::kTooLarge,
                          fmt::format("the expected text was not in the first {} octets", tcp_.limit_octets)));
  }

  void finish(ProbeResult result) { sink_.done(std::move(result)); }

  static constexpr std::size_t kShown = 80;

  ProbeWorld& world_;
  const ProbeSpec& spec_;
  const TcpProbe& tcp_;
  ProbeSink& sink_;
  StreamMatch match_;
  State state_ = State::kConnecting;
  Fd fd_;
  std::size_t sent_ = 0;
  std::size_t received_ = 0;
  std::string beginning_;
};

}  // namespace

std::unique_ptr<ProbeRun> make_tcp_run(ProbeWorld& world, const ProbeSpec& spec, ProbeSink& sink) {
  return std::make_unique<TcpRun>(world, spec, sink);
}

}  // namespace sdns::health
