// SPDX-License-Identifier: MIT
// A small HTTP server for an operator's GET requests: a few threads, short timeouts, one request per connection.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "backend/base/error.h"

namespace sdns::net {

struct HttpServerOptions {
  std::string host = "127.0.0.1";              ///< a loopback address; others are refused
  std::uint16_t port = 0;                      ///< 0: the kernel chooses
  unsigned threads = 8;                        ///< requests that can be in work at once
  std::chrono::milliseconds io_timeout{2000};  ///< for a peer that does not send or read
};

struct HttpGet {
  std::string path{};
  std::map<std::string, std::string, std::less<>> query;      ///< decoded; the first of equal names
  std::map<std::string, std::string, std::less<>> headers{};  ///< names in lower case; the first of equal ones
};

/// What a reply goes on with, until the peer or the server goes: called again and again on the thread of the request.
/// Appends what there is to send, after waiting for a moment at most, so that a peer that has gone is noticed. False:
/// that is all. Destroyed when the reply is over, however it ends.
using HttpStream = std::function<bool(std::string& out)>;

struct HttpReply {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body{};
  HttpStream stream{};  ///< instead of a body
};

/// Answers GET and HEAD by path; other methods get 405, other paths 404.
class HttpServer {
 public:
  /// Called on a thread of the pool, several at once. May block: the thread is then taken.
  using Handler = std::function<HttpReply(const HttpGet&)>;
  using Routes = std::map<std::string, Handler, std::less<>>;

  /// Binds and serves. Errors: kInvalidArgument (not a loopback address), kExists (the port is in use), kIo.
  static Result<std::unique_ptr<HttpServer>> start(const HttpServerOptions& options, Routes routes);
  /// stop()
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  /// Closes the listening socket, lets requests in work end, ends the threads. The owner first wakes handlers that
  /// wait.
  void stop();

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sdns::net
