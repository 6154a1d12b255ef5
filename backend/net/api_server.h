// SPDX-License-Identifier: MIT
// An HTTP/1.1 server for APIs: requests with bodies, over TCP, TLS or a unix socket. One thread with epoll has all
// connections, so that thousands of slow ones cost memory and nothing else; whoever answers does it later, from any
// thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backend/base/error.h"

namespace sdns::net {

struct ApiServerOptions {
  std::string host = "127.0.0.1";  ///< an address literal
  std::uint16_t port = 0;          ///< 0: the kernel chooses
  std::string unix_socket;         ///< not empty: this path, and no TCP
  unsigned unix_mode = 0660;
  std::string tls_certificate;  ///< PEM; both or none
  std::string tls_key;          ///< PEM; secret
  unsigned max_connections = 4096;
  std::size_t max_header_octets = 32 * 1024;
  std::size_t max_body_octets = 1024 * 1024;
  std::chrono::milliseconds idle_limit{60'000};     ///< of a connection without a request
  std::chrono::milliseconds request_limit{15'000};  ///< from its first line to its last octet
  std::chrono::milliseconds reply_limit{60'000};    ///< for a peer that does not read
};

struct ApiRequest {
  std::string method;
  /// Of the path, decoded; none of them is empty, "." or "..", or has a slash or a control character. "/" has none.
  std::vector<std::string> segments;
  std::map<std::string, std::string, std::less<>> query;    ///< decoded; the first of equal names
  std::map<std::string, std::string, std::less<>> headers;  ///< by lower-case name; equal ones are joined with ", "
  std::string body;
  std::string peer;                         ///< address literal; "" over the unix socket
  std::optional<std::uint32_t> peer_uid{};  ///< over the unix socket

  /// "" when there is none.
  [[nodiscard]] const std::string& header(std::string_view name) const;
};

struct ApiReply {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers{};
};

/// The way back for one request: to be called once, from any thread. One that is dropped answers with status 500.
class ApiAnswer {
 public:
  ApiAnswer(ApiAnswer&&) noexcept;
  ApiAnswer& operator=(ApiAnswer&&) = delete;
  ApiAnswer(const ApiAnswer&) = delete;
  ApiAnswer& operator=(const ApiAnswer&) = delete;
  ~ApiAnswer();
  void send(ApiReply reply);

 private:
  friend class ApiServer;
  struct Target;
  explicit ApiAnswer(std::unique_ptr<Target> target);
  std::unique_ptr<Target> target_;
};

/// Requests that a proxy in front could read otherwise (two lengths, two hosts, a length and chunks, a path that is no
/// path) are refused with 400 before the handler sees them, and their connections closed.
class ApiServer {
 public:
  /// Called on the server's thread: must not block.
  using Handler = std::function<void(ApiRequest&&, ApiAnswer)>;
  /// The body of a refusal that the handler does not see.
  using ErrorBody = std::function<std::string(int status, std::string_view code, std::string_view detail)>;

  /// Binds and serves. Errors: kInvalidArgument (address, certificate), kExists (address in use), kPermission, kIo.
  static Result<std::unique_ptr<ApiServer>> start(const ApiServerOptions& options, Handler handler,
                                                  ErrorBody error_body);
  ~ApiServer();  ///< stop()
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  [[nodiscard]] std::uint16_t port() const;  ///< 0 for a unix socket
  [[nodiscard]] std::size_t connections() const;
  /// Closes the listening socket, waits until every request in work is answered, ends the thread.
  void stop();

 private:
  friend class ApiAnswer;
  struct Impl;
  explicit ApiServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sdns::net
