// SPDX-License-Identifier: MIT
// The peer of bench/dns: a remote backend that does no work. One thread, epoll, answers that are ready before the
// question comes. What PowerDNS does with it is the ceiling of the protocol.
//
//   nowork_responder SOCKET APEX positive|scoped|wildcard|nxdomain [REPLIES]
//
// APEX (with a final dot) is its only zone. Every name below it has an A record, which with `scoped` is for the
// client's network alone, or only the wildcard has, or none. With REPLIES the zone is signed: lines of that file are
// the replies to getDomainKeys and getAllDomainMetadata and the apex's NSEC3 hash. Then the names n<digits> exist, and
// each denial has another one of them as its neighbour.

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>

namespace {

enum class Mode { kPositive, kScoped, kWildcard, kNxdomain };

std::string_view value_after(std::string_view line, std::string_view key) {
  const std::size_t at = line.find(key);
  if (at == std::string_view::npos) return {};
  line.remove_prefix(at + key.size());
  return line.substr(0, line.find('"'));
}

class Responder {
 public:
  Responder(std::string apex, Mode mode, const char* replies) : apex_(std::move(apex)), mode_(mode) {
    apex_rows_ = R"({"result":[{"qname":")" + apex_ + R"(","qtype":"SOA","content":"ns1.)" + apex_ + " host." + apex_ +
                 R"( 1 3600 600 86400 300","ttl":300,"domain_id":1}]})" + "\n";
    if (replies) {
      std::ifstream file(replies);
      std::getline(file, keys_);
      std::getline(file, metadata_);
      std::getline(file, apex_hash_);
      keys_ += '\n';
      metadata_ += '\n';
      signed_ = !apex_hash_.empty();
    }
    zones_ = R"({"result":[{"id":1,"zone":")" + apex_ + R"(","serial":1}]})" + "\n";
  }

  void answer(std::string_view line, std::string& out) const {
    const std::string_view method = value_after(line, R"("method": ")");
    if (method == "lookup") {
      const std::string_view qname = value_after(line, R"("qname": ")");
      if (qname == apex_) {
        out += apex_rows_;
      } else if (mode_ == Mode::kPositive || mode_ == Mode::kScoped ||
                 (mode_ == Mode::kWildcard && qname.starts_with("*.")) || (signed_ && exists(qname))) {
        out += R"({"result":[{"qname":")";
        out += qname;
        out += R"(","qtype":"A","content":"192.0.2.1","ttl":300)";
        if (mode_ == Mode::kScoped) out += R"(,"scopeMask":24)";
        out += ",\"domain_id\":1}]}\n";
      } else {
        out += "{\"result\":[]}\n";
      }
    } else if (method == "initialize") {
      out += "{\"result\":true}\n";
    } else if (method == "getAllDomains") {
      out += zones_;
    } else if (signed_ && method == "getDomainKeys") {
      out += keys_;
    } else if (signed_ && method == "getAllDomainMetadata") {
      out += metadata_;
    } else if (signed_ && method == "getBeforeAndAfterNamesAbsolute") {
      neighbours(value_after(line, R"("qname": ")"), out);
    } else {
      out += "{\"result\":false}\n";
    }
  }

 private:
  // n<digits>. and whatever follows.
  static bool exists(std::string_view qname) {
    const std::size_t end = qname.find_first_not_of("0123456789", 1);
    return qname.starts_with("n") && end > 1 && end != std::string_view::npos && qname[end] == '.';
  }

  // `asked` is relative (NSEC) or a hash. Nobody compares: `before` must be a name that exists and that was not asked
  // for.
  void neighbours(std::string_view asked, std::string& out) const {
    if (asked.size() == 33) {
      const bool apex = asked.starts_with(apex_hash_);
      const auto number = std::strtoul(std::string(asked.substr(0, 4)).c_str(), nullptr, 32);
      out += R"({"result":{"unhashed":")" + (apex ? apex_ : "n" + std::to_string(number) + "." + apex_) +
             R"(","before":")";
      out += apex ? asked : std::string(asked.substr(0, 31)) + "0.";
      out += R"(","after":")" + std::string(asked.substr(0, 31)) + "v\"}}\n";
    } else if (asked.starts_with("n")) {
      const std::string before(asked.substr(0, asked.find_first_not_of("0123456789", 1)));
      out += R"({"result":{"unhashed":"","before":")" + before + R"(","after":")" + before + "0\"}}\n";
    } else {
      out += "{\"result\":{\"unhashed\":\"\",\"before\":\"\",\"after\":\"n0\"}}\n";
    }
  }

  std::string apex_;
  Mode mode_;
  bool signed_ = false;
  std::string keys_;
  std::string metadata_;
  std::string apex_hash_;
  std::string apex_rows_;
  std::string zones_;
};

int fail(const char* what) {
  std::perror(what);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode_text = argc == 4 || argc == 5 ? argv[3] : "";
  if (mode_text != "positive" && mode_text != "scoped" && mode_text != "wildcard" && mode_text != "nxdomain") {
    std::fprintf(stderr, "usage: nowork_responder SOCKET APEX positive|scoped|wildcard|nxdomain [REPLIES]\n");
    return 2;
  }
  const Responder responder(argv[2],
                            mode_text == "positive"   ? Mode::kPositive
                            : mode_text == "scoped"   ? Mode::kScoped
                            : mode_text == "wildcard" ? Mode::kWildcard
                                                      : Mode::kNxdomain,
                            argc == 5 ? argv[4] : nullptr);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (std::strlen(argv[1]) >= sizeof address.sun_path) return fail("socket path");
  std::strcpy(address.sun_path, argv[1]);
  ::unlink(argv[1]);
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return fail("bind");
  if (::listen(listener, 1024) != 0) return fail("listen");
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = listener;
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);

  std::string out;
  char buffer[65536];
  for (;;) {
    epoll_event events[64];
    const int ready = ::epoll_wait(epoll, events, 64, -1);
    for (int i = 0; i < ready; ++i) {
      if (events[i].data.fd == listener) {
        epoll_event added{};
        added.events = EPOLLIN;
        added.data.fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (added.data.fd >= 0) ::epoll_ctl(epoll, EPOLL_CTL_ADD, added.data.fd, &added);
        continue;
      }
      const ssize_t got = ::read(events[i].data.fd, buffer, sizeof buffer);
      if (got <= 0) {
        ::close(events[i].data.fd);
        continue;
      }
      out.clear();
      responder.answer(std::string_view(buffer, static_cast<std::size_t>(got)), out);
      if (::write(events[i].data.fd, out.data(), out.size()) < 0) ::close(events[i].data.fd);
    }
  }
}
