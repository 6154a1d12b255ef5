// SPDX-License-Identifier: MIT
// The load of bench/socket: PowerDNS's lookup line over many connections, one request in flight on each, every reply
// looked at.
//
//   socket_load SOCKET APEX NAMES CONNECTIONS SECONDS [RATE]
//
// Asks for n<i>.APEX (with a final dot), 0 <= i < NAMES. Prints requests, requests per second, and the 50th and 99th
// percentile of the time from a request to its reply in microseconds. With RATE so many requests a second are made, at
// equal distances, and the time counts from when a request was due, also when no connection was free for it. Exit code
// 1 when a reply is not the A record of the name asked.

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Connection {
  int fd = -1;
  std::string name;
  std::string reply;
  Clock::time_point sent;
};

int connect_to(const char* path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (std::strlen(path) >= sizeof address.sun_path) return -1;
  std::strcpy(address.sun_path, path);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  ::close(fd);
  return -1;
}

bool write_all(int fd, std::string_view text) {
  return ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// One line; what comes first is appended to `reply`.
bool read_line(int fd, std::string& reply) {
  char buffer[4096];
  const ssize_t got = ::read(fd, buffer, sizeof buffer);
  if (got <= 0) return false;
  reply.append(buffer, static_cast<std::size_t>(got));
  return true;
}

bool is_answer(const Connection& connection) {
  const std::string_view reply = connection.reply;
  return reply.starts_with(R"({"result":[{)") && reply.ends_with("}]}\n") &&
         reply.find('"' + connection.name + '"') != std::string_view::npos &&
         reply.find(R"("qtype":"A")") != std::string_view::npos &&
         reply.find(R"("content":"192.0.2.1")") != std::string_view::npos;
}

class Load {
 public:
  Load(std::string apex, std::uint64_t names) : apex_(std::move(apex)), names_(names) {}

  bool ask(Connection& connection) {
    // A step that is prime to most counts, so that neighbours in the zone do not follow each other.
    next_ = (next_ + 7919) % names_;
    connection.name = "n" + std::to_string(next_) + "." + apex_;
    connection.reply.clear();
    line_ = R"({"method": "lookup", "parameters": {"local": "192.0.2.53", "qname": ")" + connection.name +
            R"(", "qtype": "ANY", "real-remote": "198.51.100.7/32", "remote": "198.51.100.7", "zone-id": 1}})" + "\n";
    connection.sent = Clock::now();
    return write_all(connection.fd, line_);
  }

 private:
  std::string apex_;
  std::uint64_t names_;
  std::uint64_t next_ = 0;
  std::string line_;
};

int fail(const char* what) {
  std::fprintf(stderr, "socket_load: %s\n", what);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6 && argc != 7) return fail("usage: socket_load SOCKET APEX NAMES CONNECTIONS SECONDS [RATE]");
  Load load(argv[2], std::strtoull(argv[3], nullptr, 10));
  std::vector<Connection> connections(std::strtoull(argv[4], nullptr, 10));
  const double seconds = std::strtod(argv[5], nullptr);
  const double rate = argc == 7 ? std::strtod(argv[6], nullptr) : 0;  // 0: as many as there can be
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  for (std::size_t i = 0; i < connections.size(); ++i) {
    Connection& connection = connections[i];
    connection.fd = connect_to(argv[1]);
    if (connection.fd < 0) return fail("cannot connect");
    if (!write_all(connection.fd, "{\"method\": \"initialize\", \"parameters\": {\"timeout\": \"2000\"}}\n") ||
        !read_line(connection.fd, connection.reply) || connection.reply.find("true") == std::string::npos)
      return fail("initialize was not answered");
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, connection.fd, &event);
  }

  std::vector<float> times;
  times.reserve(4'000'000);
  const Clock::time_point start = Clock::now();
  const Clock::time_point end = start + std::chrono::microseconds(static_cast<std::int64_t>(seconds * 1e6));
  std::vector<Connection*> idle;
  for (Connection& connection : connections) idle.push_back(&connection);
  const auto distance = std::chrono::nanoseconds(rate > 0 ? static_cast<std::int64_t>(1e9 / rate) : 0);
  Clock::time_point due = start;
  // Asks what is due, or without a rate whatever can be asked.
  const auto ask_some = [&](Clock::time_point now) {
    while (!idle.empty() && now < end && due < end && (rate == 0 || due <= now)) {
      Connection& connection = *idle.back();
      idle.pop_back();
      if (!load.ask(connection)) return false;
      if (rate > 0) connection.sent = std::exchange(due, due + distance);
    }
    return true;
  };
  epoll_event events[64];
  Clock::time_point now = start;
  if (!ask_some(now)) return fail("a request was not taken");
  while (idle.size() < connections.size() || (rate > 0 && now < end)) {
    const bool waits_for_time = rate > 0 && !idle.empty() && now < end;
    const auto pause = std::max(due - now, Clock::duration(0));
    const timespec limit{waits_for_time ? 0 : 5, waits_for_time ? std::min<long>(pause.count(), 999'999'999) : 0};
    const int ready = ::epoll_pwait2(epoll, events, 64, &limit, nullptr);
    now = Clock::now();
    if (ready < 0 || (ready == 0 && !waits_for_time)) return fail("no reply for 5 s");
    for (int i = 0; i < ready; ++i) {
      Connection& connection = connections[events[i].data.u64];
      if (!read_line(connection.fd, connection.reply)) return fail("a connection was closed");
      if (!connection.reply.ends_with('\n')) continue;
      now = Clock::now();
      times.push_back(std::chrono::duration<float, std::micro>(now - connection.sent).count());
      if (!is_answer(connection)) return fail(("wrong reply for " + connection.name + ": " + connection.reply).c_str());
      idle.push_back(&connection);
    }
    if (!ask_some(now)) return fail("a request was not taken");
  }
  const double took = std::chrono::duration<double>(now - start).count();
  const auto percentile = [&](double part) {
    const auto at = times.begin() + static_cast<std::ptrdiff_t>(part * static_cast<double>(times.size() - 1));
    std::nth_element(times.begin(), at, times.end());
    return *at;
  };
  std::printf("%zu %.1f %.1f %.1f\n", times.size(), static_cast<double>(times.size()) / took, percentile(0.5),
              percentile(0.99));
  return 0;
}
