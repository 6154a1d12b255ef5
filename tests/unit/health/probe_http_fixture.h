// SPDX-License-Identifier: MIT
// HTTP peers, and probes of them.
#pragma once

#include <string>
#include <utility>

#include "tests/unit/health/probe_fixture.h"

namespace sdns::health {

inline std::string response(const std::string& status, const std::string& body, const std::string& headers = "") {
  return "HTTP/1.1 " + status + "\r\n" + headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}
inline Peer::Script answers(const std::string& text) {
  return [text](int fd) {
    read_head(fd);
    send_text(fd, text);
    wait_for_end(fd);
  };
}
inline std::string to_url(const std::string& host, std::uint16_t port, const std::string& path = "/") {
  return "http://" + host + ":" + std::to_string(port) + path;
}

class ProbeHttp : public ProberTest {
 protected:
  /// Of a host that no resolver knows, pinned to 127.0.0.1.
  static ProbeSpec get(std::uint16_t port, HttpProbe http = {}, const std::string& address = "127.0.0.1") {
    ProbeSpec spec;
    spec.address = ip(address);
    spec.timeout = kLong;
    if (http.url.empty()) http.url = to_url("www.invalid", port);
    spec.kind = std::move(http);
    return spec;
  }
  ProbeResult run_briefly(ProbeSpec spec) {
    spec.timeout = std::chrono::milliseconds(300);
    return run(spec);
  }
};

}  // namespace sdns::health
