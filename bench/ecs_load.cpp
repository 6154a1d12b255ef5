// SPDX-License-Identifier: MIT
// The load of bench/lua for answers that depend on the client: A queries over UDP, each with the EDNS client subnet
// (RFC 7871) of another network, every answer looked at.
//
//   ecs_load PORT NAMES NETWORKS WINDOW SECONDS
//
// NAMES and NETWORKS are files: an absolute name, and an IPv4 network of 24 bits, a line. WINDOW queries are in flight.
// Prints queries answered, queries per second, queries lost, octets of an answer, how many different contents there
// were, the shortest and the longest scope, and a digest of which network got which content.
// Exit code 1 when an answer is not NOERROR with one A record and a scope, or when one network got two contents.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::uint16_t kA = 1, kOpt = 41, kEcs = 8;
constexpr std::size_t kHeader = 12;

std::vector<std::string> lines_of(const char* path) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

void append16(std::string& to, unsigned value) {
  to += static_cast<char>(value >> 8);
  to += static_cast<char>(value & 0xFF);
}

std::string wire_of(std::string_view name) {
  std::string wire;
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    wire += static_cast<char>(label.size());
    wire += label;
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  wire += '\0';
  return wire;
}

// Identifier and address are put in for each query.
std::string question(std::string_view name) {
  std::string packet(kHeader, '\0');
  packet[5] = packet[11] = 1;  // a question, an additional record
  packet += wire_of(name);
  append16(packet, kA);
  append16(packet, 1);
  packet += '\0';  // OPT, 1232 octets
  append16(packet, kOpt);
  append16(packet, 1232);
  packet.append(4, '\0');
  append16(packet, 11);
  append16(packet, kEcs);
  append16(packet, 7);
  append16(packet, 1);  // family
  packet += '\x18';     // source prefix
  packet.append(4, '\0');
  return packet;
}

struct Answer {
  std::uint32_t address = 0;
  std::uint8_t scope = 0;
};

// Of a response whose question is as long as `asked`; nothing when it is not what it should be.
std::optional<Answer> read_answer(std::string_view packet, std::size_t asked) {
  const auto at8 = [&](std::size_t at) { return static_cast<unsigned char>(packet[at]); };
  const auto at16 = [&](std::size_t at) { return static_cast<unsigned>(at8(at) << 8 | at8(at + 1)); };
  std::size_t at = asked;
  // A compressed owner, type, class, TTL, length, address; then the root, OPT and its options.
  if (packet.size() < at + 16 + 11 || (at8(3) & 0x0F) != 0 || at16(6) != 1 || at16(8) != 0 || at16(10) != 1)
    return std::nullopt;
  if (at16(at + 2) != kA || at16(at + 10) != 4) return std::nullopt;
  Answer answer;
  std::memcpy(&answer.address, packet.data() + at + 12, 4);
  at += 16;
  if (at8(at) != 0 || at16(at + 1) != kOpt) return std::nullopt;
  for (at += 11; at + 8 <= packet.size(); at += 4 + at16(at + 2)) {
    if (at16(at) != kEcs) continue;
    answer.scope = at8(at + 7);
    return answer;
  }
  return std::nullopt;
}

class Load {
 public:
  Load(int port, const std::vector<std::string>& names, std::vector<std::string> networks)
      : contents_(networks.size()) {
    for (const std::string& name : names) questions_.push_back(question(name));
    for (const std::string& network : networks)
      addresses_.push_back(::inet_addr(network.substr(0, network.find('/')).c_str()));
    socket_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in server{};
    server.sin_family = AF_INET;
    server.sin_port = htons(static_cast<std::uint16_t>(port));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&server), sizeof server) != 0) std::perror("connect");
  }
  ~Load() { ::close(socket_); }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  /// False when an answer was wrong.
  bool run(std::size_t window, double seconds) {
    const auto start = Clock::now();
    const auto end = start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    std::size_t in_flight = 0;
    for (; in_flight < window; ++in_flight) send_one();
    char buffer[4096];
    while (in_flight > 0) {
      const ssize_t got = ::recv(socket_, buffer, sizeof buffer, 0);
      if (got <= 0) {  // nothing for a second
        lost_ += in_flight;
        in_flight = 0;
      } else {
        --in_flight;
        if (!take(std::string_view(buffer, static_cast<std::size_t>(got)))) return false;
      }
      if (Clock::now() < end)
        for (; in_flight < window; ++in_flight) send_one();
    }
    seconds_ = std::chrono::duration<double>(Clock::now() - start).count();
    return true;
  }

  void print() const {
    std::uint64_t digest = 14695981039346656037U;
    for (const std::uint32_t content : contents_) digest = (digest ^ content) * 1099511628211U;
    std::printf("%llu %.0f %zu %.1f %zu %u %u %016llx\n", static_cast<unsigned long long>(answered_),
                static_cast<double>(answered_) / seconds_, lost_,
                static_cast<double>(octets_) / static_cast<double>(answered_), different_.size(), shortest_, longest_,
                static_cast<unsigned long long>(digest));
  }

 private:
  // Every name with every network, in turn: their numbers have to have no divisor in common.
  void send_one() {
    std::string& packet = questions_[next_ % questions_.size()];
    const std::size_t network = next_ % addresses_.size();
    const auto id = static_cast<std::uint16_t>(next_++);
    asked_[id] = static_cast<std::uint32_t>(network);
    std::memcpy(packet.data(), &id, sizeof id);
    std::memcpy(packet.data() + packet.size() - 3, &addresses_[network], 3);
    ::send(socket_, packet.data(), packet.size(), 0);
  }

  bool take(std::string_view packet) {
    std::uint16_t id = 0;
    if (packet.size() >= kHeader) std::memcpy(&id, packet.data(), sizeof id);
    const auto answer = read_answer(packet, questions_.front().size() - 22);
    if (!answer || answer->scope == 0) {
      std::fprintf(stderr, "ecs_load: an answer of %zu octets, RCODE %d, is not one A record with a scope\n",
                   packet.size(), packet.size() > 3 ? packet[3] & 0x0F : -1);
      return false;
    }
    std::uint32_t& before = contents_[asked_[id]];
    if (before != 0 && before != answer->address) {
      std::fprintf(stderr, "ecs_load: one network got two contents\n");
      return false;
    }
    before = answer->address;
    different_.insert(answer->address);
    shortest_ = std::min<unsigned>(shortest_, answer->scope);
    longest_ = std::max<unsigned>(longest_, answer->scope);
    octets_ += packet.size();
    ++answered_;
    return true;
  }

  std::vector<std::string> questions_;  // of one length
  std::vector<std::uint32_t> addresses_;
  std::vector<std::uint32_t> contents_;  // that each network got
  std::array<std::uint32_t, 65536> asked_{};
  std::set<std::uint32_t> different_;
  int socket_ = -1;
  std::uint64_t next_ = 0;
  std::uint64_t answered_ = 0;
  std::uint64_t octets_ = 0;
  std::size_t lost_ = 0;
  unsigned shortest_ = 255;
  unsigned longest_ = 0;
  double seconds_ = 1;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: ecs_load PORT NAMES NETWORKS WINDOW SECONDS\n");
    return 2;
  }
  const auto names = lines_of(argv[2]);
  const auto networks = lines_of(argv[3]);
  if (names.empty() || networks.empty() ||
      std::any_of(names.begin(), names.end(), [&](const auto& name) { return name.size() != names[0].size(); })) {
    std::fprintf(stderr, "ecs_load: names of one length and networks are needed\n");
    return 2;
  }
  Load load(std::atoi(argv[1]), names, networks);
  if (!load.run(static_cast<std::size_t>(std::atoi(argv[4])), std::atof(argv[5]))) return 1;
  load.print();
  return 0;
}
