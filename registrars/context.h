// SPDX-License-Identifier: MIT
// What registrar adapters take from outside: HTTP, time, chance, and the traffic that they share.
#pragma once

#include <chrono>
#include <functional>

#include "backend/base/clock.h"
#include "backend/base/random.h"
#include "backend/net/http_client.h"

namespace sdns::registrars {

class Traffic;

/// HTTP, so that tests can stand in for it.
class Http {
 public:
  virtual ~Http() = default;
  virtual Result<net::HttpResponse> send(const net::HttpRequest& request) = 0;
  /// Whether an octet of the last request may have reached the peer.
  [[nodiscard]] virtual bool request_sent() const = 0;
};

/// Over the network. Used by one thread.
class NetHttp final : public Http {
 public:
  Result<net::HttpResponse> send(const net::HttpRequest& request) override { return client_.send(request); }
  [[nodiscard]] bool request_sent() const override { return client_.request_sent(); }

 private:
  net::HttpClient client_;
};

struct Limits {
  std::chrono::milliseconds connect{10'000};
  std::chrono::milliseconds read{30'000};        ///< one request
  std::chrono::milliseconds write{60'000};       ///< one request
  std::chrono::milliseconds operation{180'000};  ///< one call of Registrar, waiting included
  std::chrono::milliseconds read_back{60'000};   ///< after a write whose answer was lost
};

/// Everything outlives what is built with it.
struct Context {
  const Clock& clock;
  const WallClock& wall;
  Random& random;
  Http& http;
  Traffic& traffic;
  std::function<void(std::chrono::milliseconds)> pause;
  Limits limits{};
};

}  // namespace sdns::registrars
