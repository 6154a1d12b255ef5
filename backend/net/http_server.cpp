// SPDX-License-Identifier: MIT
#include "backend/net/http_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <httplib.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

namespace sdns::net {
namespace {

constexpr std::size_t kMaxBodyOctets = 4096;

bool is_loopback(const std::string& host) {
  in_addr v4{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return ::inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

}  // namespace

struct HttpServer::Impl {
  httplib::Server server;
  Routes routes;
  std::uint16_t port = 0;
  std::atomic<bool> ended = false;
  std::thread acceptor;

  void answer(const httplib::Request& request, httplib::Response& response) const {
    HttpReply reply;
    const auto route = routes.find(request.path);
    if (route == routes.end()) {
      reply = {404, "text/plain; charset=utf-8", "there is no such path\n"};
    } else if (request.method != "GET" && request.method != "HEAD") {
      reply = {405, "text/plain; charset=utf-8", "this interface reads only: use GET\n"};
      response.set_header("Allow", "GET, HEAD");
    } else {
      HttpGet get{.path = request.path, .query = {}};
      for (const auto& [name, value] : request.params) get.query.emplace(name, value);
      for (const auto& [name, value] : request.headers) get.headers.emplace(lower_case(name), value);
      reply = route->second(get);
    }
    response.status = reply.status;
    response.set_header("Cache-Control", "no-store");
    response.set_header("X-Content-Type-Options", "nosniff");
    if (!reply.stream) return response.set_content(std::move(reply.body), reply.content_type);
    response.set_chunked_content_provider(reply.content_type,
                                          [stream = std::move(reply.stream)](std::size_t, httplib::DataSink& sink) {
                                            if (!sink.is_writable()) return false;
                                            std::string out;
                                            const bool more = stream(out);
                                            if (!out.empty() && !sink.write(out.data(), out.size())) return false;
                                            if (!more) sink.done();
                                            return true;
                                          });
  }
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() { stop(); }
std::uint16_t HttpServer::port() const { return impl_->port; }

Result<std::unique_ptr<HttpServer>> HttpServer::start(const HttpServerOptions& options, Routes routes) {
  const bool v6 = options.host.find(':') != std::string::npos;
  const std::string address = fmt::format("{}{}{}:{}", v6 ? "[" : "", options.host, v6 ? "]" : "", options.port);
  if (!is_loopback(options.host))
    return fail(Errc::kInvalidArgument, fmt::format("{} is not a loopback address", address), "use 127.0.0.1 or [::1]");
  auto impl = std::make_unique<Impl>();
  impl->routes = std::move(routes);
  httplib::Server& server = impl->server;
  const unsigned threads = options.threads;
  server.new_task_queue = [threads] { return new httplib::ThreadPool(threads); };
  server.set_keep_alive_max_count(1);  // an idle connection must not occupy a thread
  // Also how long a new connection may stay silent; the library counts it in seconds.
  server.set_keep_alive_timeout(std::chrono::ceil<std::chrono::seconds>(options.io_timeout).count());
  server.set_read_timeout(options.io_timeout);
  server.set_write_timeout(options.io_timeout);
  server.set_payload_max_length(kMaxBodyOctets);
  // The library's default is SO_REUSEPORT, with which two daemons would share one port without noticing.
  server.set_socket_options([](socket_t socket) {
    const int yes = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  server.set_pre_routing_handler(
      [implementation = impl.get()](const httplib::Request& request, httplib::Response& response) {
        implementation->answer(request, response);
        return httplib::Server::HandlerResponse::Handled;
      });

  errno = 0;
  int port = options.port;
  if (port == 0) port = server.bind_to_any_port(options.host);
  else if (!server.bind_to_port(options.host, port)) port = -1;
  if (port < 0) {
    const int why = errno;
    return fail(why == EADDRINUSE ? Errc::kExists : Errc::kIo, fmt::format("{}: {}", address, std::strerror(why)));
  }
  impl->port = static_cast<std::uint16_t>(port);
  impl->acceptor = std::thread([implementation = impl.get()] {
    implementation->server.listen_after_bind();
    implementation->ended = true;
  });
  // Server::stop() has no effect on a server that is not running yet.
  while (!server.is_running() && !impl->ended) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

void HttpServer::stop() {
  if (!impl_->acceptor.joinable()) return;
  impl_->server.stop();
  impl_->acceptor.join();
}

}  // namespace sdns::net
