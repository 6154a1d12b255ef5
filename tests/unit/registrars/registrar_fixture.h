// SPDX-License-Identifier: MIT
// A registrar whose HTTP is a script.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "registrars/all.h"
#include "registrars/channel.h"
#include "registrars/host_name.h"
#include "registrars/traffic.h"
#include "tests/support/manual_clock.h"

namespace sdns::registrars::test {

/// Gives the same UUID again and again: that of reference 7.4.
class OneUuid final : public Random {
 public:
  std::uint64_t next() override { return (count_++ & 1) == 0 ? 0x8e5bc89775c84a9c : 0x93625671405c7761; }

 private:
  unsigned count_ = 0;
};

/// Method, URL, headers, an empty line and the body, as tests/data/registrars has requests.
inline std::string text_of(const net::HttpRequest& request) {
  std::string text = request.method + ' ' + request.url + '\n';
  for (const auto& [name, value] : request.headers) text += name + ": " + value + '\n';
  text += '\n';
  text += request.body;
  return text;
}

class ScriptedHttp final : public Http {
 public:
  using Answerer = std::function<Result<net::HttpResponse>(const net::HttpRequest&)>;
  explicit ScriptedHttp(Answerer answer) : answer_(std::move(answer)) {}

  Result<net::HttpResponse> send(const net::HttpRequest& request) override {
    requests.push_back(text_of(request));
    timeouts.push_back(request.timeout);
    fresh.push_back(request.fresh_connection);
    return answer_(request);
  }
  [[nodiscard]] bool request_sent() const override { return sent; }

  std::vector<std::string> requests;
  std::vector<std::chrono::milliseconds> timeouts;
  std::vector<bool> fresh;
  bool sent = true;

 private:
  Answerer answer_;
};

/// Everything that a Context refers to, with clocks that move when somebody sleeps.
struct World {
  explicit World(ScriptedHttp::Answerer answer) : http(std::move(answer)) {}

  sdns::test::ManualClock clock;
  sdns::test::ManualWallClock wall;
  OneUuid random;
  ScriptedHttp http;
  Traffic traffic;
  std::vector<std::chrono::milliseconds> sleeps{};
  Context context{clock, wall, random, http, traffic, [this](std::chrono::milliseconds time) {
                    sleeps.push_back(time);
                    clock.advance(time);
                    wall.advance(std::chrono::ceil<std::chrono::seconds>(time));
                  }};
};

inline dns::Name name(std::string_view text) { return *dns::Name::parse(text); }

}  // namespace sdns::registrars::test
