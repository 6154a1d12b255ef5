// SPDX-License-Identifier: MIT
// GNU libmicrohttpd underneath; the only file that includes it.
#include "backend/net/api_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <cstdarg>
#include <cstring>
#include <mutex>
#include <thread>
#include <unordered_set>

#include "backend/base/owned.h"
#include "backend/net/request_target.h"

namespace sdns::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr auto kNever = steady_clock::time_point::max();
constexpr milliseconds kLookForLate{250};
constexpr std::size_t kMostDiscarded = 16;  // times the limit of a body: then the connection goes

/// One connection: until when its peer has to be ready with what it does.
struct Connection {
  int fd = -1;
  std::atomic<steady_clock::time_point> deadline{kNever};
};

/// One request on its way; MHD keeps the pointer for us.
struct Request {
  enum class Stage { kHead, kBody, kWorking, kAnswered };
  Stage stage = Stage::kHead;
  std::string target;
  ApiRequest request;
  std::size_t discarded = 0;
  bool too_long = false;
  ApiReply reply;
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

struct Refused {
  int status = 0;
  const char* code = "";
  const char* detail = "";
};

struct HeaderCheck {
  ApiRequest& request;
  bool lengths_clash = false;
  bool unreadable = false;
};

// Called for each header line.
MHD_Result take_header(void* context, MHD_ValueKind, const char* key, std::size_t key_size, const char* value,
                       std::size_t value_size) {
  auto& check = *static_cast<HeaderCheck*>(context);
  const std::string name = lower({key, key_size});
  const std::string_view text = value == nullptr ? std::string_view() : std::string_view(value, value_size);
  for (const char c : text)
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F) check.unreadable = true;
  for (const char c : name)
    if (static_cast<unsigned char>(c) <= 0x20 || c == ':' || c == 0x7F) check.unreadable = true;
  const auto [at, fresh] = check.request.headers.emplace(name, text);
  if (fresh) return MHD_YES;
  if (name == "content-length" || name == "transfer-encoding" || name == "host" || name == "authorization" ||
      name == "content-type" || name == "idempotency-key" || name == "x-api-key" || name == "x-catalyst-token")
    check.lengths_clash = true;
  at->second += ", ";
  at->second += text;
  return MHD_YES;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

tl::unexpected<Error> cannot_listen(const std::string& where) {
  const int error = errno;
  const Errc code = error == EADDRINUSE                 ? Errc::kExists
                    : error == EACCES || error == EPERM ? Errc::kPermission
                                                        : Errc::kIo;
  return fail(code, fmt::format("{}: cannot be listened on: {}", where, std::strerror(error)),
              "free the address, or configure another one");
}

Result<Fd> listen_unix(const ApiServerOptions& options) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (options.unix_socket.size() >= sizeof(address.sun_path))
    return fail(Errc::kInvalidArgument, fmt::format("{}: is too long for a unix socket", options.unix_socket));
  std::memcpy(address.sun_path, options.unix_socket.c_str(), options.unix_socket.size());
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return cannot_listen(options.unix_socket);
  if (::connect(fd.get(), generic, sizeof(address)) == 0) {
    errno = EADDRINUSE;
    return cannot_listen(options.unix_socket);
  }
  if (errno == ECONNREFUSED) ::unlink(options.unix_socket.c_str());  // of a server that is gone
  fd.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // Nobody connects before it has its mode: listen() comes last.
  if (!fd || ::bind(fd.get(), generic, sizeof(address)) != 0 ||
      ::chmod(options.unix_socket.c_str(), options.unix_mode) != 0 || ::listen(fd.get(), SOMAXCONN) != 0)
    return cannot_listen(options.unix_socket);
  return fd;
}

Result<Fd> listen_tcp(const ApiServerOptions& options, std::uint16_t& port) {
  sockaddr_storage storage{};
  socklen_t size = 0;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  const std::string where = fmt::format("{} port {}", options.host, options.port);
  if (::inet_pton(AF_INET, options.host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(options.port);
    size = sizeof(*v4);
  } else if (::inet_pton(AF_INET6, options.host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(options.port);
    size = sizeof(*v6);
  } else {
    return fail(Errc::kInvalidArgument, fmt::format("{} is no address", options.host), "give an IPv4 or IPv6 address");
  }
  Fd fd(::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      ::bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), size) != 0 || ::listen(fd.get(), SOMAXCONN) != 0)
    return cannot_listen(where);
  socklen_t length = sizeof(storage);
  if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&storage), &length) != 0) return cannot_listen(where);
  port = ntohs(storage.ss_family == AF_INET ? v4->sin_port : v6->sin6_port);
  return fd;
}

}  // namespace

struct ApiServer::Impl {
  ApiServerOptions options;
  Handler handler;
  ErrorBody error_body;
  MHD_Daemon* daemon = nullptr;
  std::uint16_t port = 0;

  std::mutex mutex;
  std::condition_variable changed;
  std::unordered_set<Connection*> connections;
  std::size_t in_work = 0;
  bool stopping = false;
  bool stopped = false;
  std::thread lateness;

  static Connection* connection_of(MHD_Connection* connection) {
    const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == nullptr ? nullptr : static_cast<Connection*>(info->socket_context);
  }
  static void give(MHD_Connection* connection, milliseconds limit) {
    if (auto* one = connection_of(connection)) one->deadline = steady_clock::now() + limit;
  }

  static void on_connection(void* self, MHD_Connection* connection, void** context,
                            MHD_ConnectionNotificationCode code) {
    auto& server = *static_cast<Impl*>(self);
    std::lock_guard lock(server.mutex);
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
      auto* one = new Connection;
      one->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
      // A request line that comes octet by octet is idleness too.
      one->deadline = steady_clock::now() + server.options.idle_limit;
      server.connections.insert(one);
      *context = one;
    } else if (auto* one = static_cast<Connection*>(*context)) {
      server.connections.erase(one);
      delete one;
      *context = nullptr;
    }
  }

  static void* on_request_line(void* self, const char* target, MHD_Connection* connection) {
    give(connection, static_cast<Impl*>(self)->options.request_limit);
    auto* request = new Request;
    request->target = target;
    return request;
  }

  static void on_completed(void* self, MHD_Connection* connection, void** context, MHD_RequestTerminationCode) {
    delete static_cast<Request*>(*context);
    *context = nullptr;
    give(connection, static_cast<Impl*>(self)->options.idle_limit);
  }

  static MHD_Result on_access(void* self, MHD_Connection* connection, const char*, const char* method, const char*,
                              const char* data, std::size_t* size, void** context) {
    auto& server = *static_cast<Impl*>(self);
    auto* request = static_cast<Request*>(*context);
    if (request == nullptr) return MHD_NO;
    switch (request->stage) {
      case Request::Stage::kHead:
        if (const Refused refused = server.read_head(connection, method, *request); refused.status != 0)
          return server.refuse(connection, refused);
        request->stage = Request::Stage::kBody;
        return MHD_YES;
      case Request::Stage::kBody:
        if (*size != 0) return server.take_body(*request, {data, *size}, size);
        if (request->too_long)
          return server.refuse(connection, {413, "body-too-large", "the body of the request is too large"});
        return server.hand_over(connection, *request);
      case Request::Stage::kWorking:
        return MHD_YES;
      case Request::Stage::kAnswered:
        give(connection, server.options.reply_limit);
        return server.queue(connection, request->reply, false);
    }
    return MHD_NO;
  }

  Refused read_head(MHD_Connection* connection, const char* method, Request& on) const {
    ApiRequest& request = on.request;
    request.method = method;
    HeaderCheck check{request};
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, take_header, &check);
    if (check.unreadable) return {400, "bad-header", "a header of the request has characters that are not allowed"};
    if (check.lengths_clash) return {400, "bad-header", "a header that may come once came twice"};
    const std::string& coding = request.header("transfer-encoding");
    const std::string& length = request.header("content-length");
    if (!coding.empty() && !length.empty())
      return {400, "bad-header", "a request has a Content-Length or a Transfer-Encoding, not both"};
    if (!coding.empty() && lower(coding) != "chunked")
      return {400, "bad-header", "the only Transfer-Encoding is chunked"};
    if (!length.empty()) {
      const auto octets = number(length);
      if (!octets) return {400, "bad-header", "the Content-Length is no number"};
      if (*octets > options.max_body_octets) return {413, "body-too-large", "the body of the request is too large"};
    }
    auto target = parse_request_target(on.target);
    if (!target) return {400, "bad-path", "the path of the request is not a plain one"};
    request.segments = std::move(target->segments);
    request.query = std::move(target->query);
    read_peer(connection, request);
    return {};
  }

  static void read_peer(MHD_Connection* connection, ApiRequest& request) {
    const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info == nullptr || info->client_addr == nullptr) return;
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (info->client_addr->sa_family == AF_INET) {
      const auto* v4 = reinterpret_cast<const sockaddr_in*>(info->client_addr);
      request.peer = ::inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
    } else if (info->client_addr->sa_family == AF_INET6) {
      const auto* v6 = reinterpret_cast<const sockaddr_in6*>(info->client_addr);
      request.peer = ::inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
      constexpr std::string_view kMapped = "::ffff:";
      if (request.peer.starts_with(kMapped) && request.peer.find('.') != request.peer.npos)
        request.peer.erase(0, kMapped.size());
    } else if (const auto* one = connection_of(connection)) {
      ucred peer{};
      socklen_t size = sizeof(peer);
      if (::getsockopt(one->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0) request.peer_uid = peer.uid;
    }
  }

  MHD_Result take_body(Request& request, std::string_view data, std::size_t* size) const {
    *size = 0;
    if (request.request.body.size() + data.size() > options.max_body_octets) {
      // An answer can be given when the body is over; whoever sends without end is cut off.
      request.too_long = true;
      request.request.body.clear();
    }
    if (!request.too_long) {
      request.request.body += data;
      return MHD_YES;
    }
    request.discarded += data.size();
    return request.discarded > kMostDiscarded * options.max_body_octets ? MHD_NO : MHD_YES;
  }

  MHD_Result hand_over(MHD_Connection* connection, Request& request);
  void answer(MHD_Connection* connection, Request& request, ApiReply reply) {
    request.reply = std::move(reply);
    request.stage = Request::Stage::kAnswered;
    MHD_resume_connection(connection);
    std::lock_guard lock(mutex);
    --in_work;
    changed.notify_all();
  }

  MHD_Result refuse(MHD_Connection* connection, const Refused& refused) const {
    return queue(connection,
                 {refused.status, "application/json", error_body(refused.status, refused.code, refused.detail), {}},
                 true);
  }

  static MHD_Result queue(MHD_Connection* connection, const ApiReply& reply, bool close) {
    MHD_Response* response =
        MHD_create_response_from_buffer(reply.body.size(), const_cast<char*>(reply.body.data()), MHD_RESPMEM_MUST_COPY);
    if (response == nullptr) return MHD_NO;
    if (!reply.content_type.empty()) MHD_add_response_header(response, "Content-Type", reply.content_type.c_str());
    for (const auto& [name, value] : reply.headers) MHD_add_response_header(response, name.c_str(), value.c_str());
    if (close) MHD_add_response_header(response, "Connection", "close");
    const auto done = MHD_queue_response(connection, static_cast<unsigned>(reply.status), response);
    MHD_destroy_response(response);
    return done;
  }

  // Shuts down whoever is late; MHD's own time-outs begin again with every octet.
  void watch_lateness() {
    std::unique_lock lock(mutex);
    while (!stopped) {
      changed.wait_for(lock, kLookForLate, [this] { return stopped; });
      const auto now = steady_clock::now();
      for (Connection* one : connections) {
        if (one->deadline.load() > now) continue;
        one->deadline = kNever;
        ::shutdown(one->fd, SHUT_RDWR);
      }
    }
  }
};

struct ApiAnswer::Target {
  ApiServer::Impl* server;
  MHD_Connection* connection;
  Request* request;
};

MHD_Result ApiServer::Impl::hand_over(MHD_Connection* connection, Request& request) {
  {
    std::lock_guard lock(mutex);
    if (stopping) return refuse(connection, {503, "shutting-down", "the server is being restarted; try again"});
    ++in_work;
  }
  if (auto* one = connection_of(connection)) one->deadline = kNever;
  request.stage = Request::Stage::kWorking;
  MHD_suspend_connection(connection);
  handler(std::move(request.request),
          ApiAnswer(std::make_unique<ApiAnswer::Target>(ApiAnswer::Target{this, connection, &request})));
  return MHD_YES;
}

const std::string& ApiRequest::header(std::string_view name) const {
  static const std::string kNone;
  const auto found = headers.find(name);
  return found == headers.end() ? kNone : found->second;
}

ApiAnswer::ApiAnswer(std::unique_ptr<Target> target) : target_(std::move(target)) {}
ApiAnswer::ApiAnswer(ApiAnswer&&) noexcept = default;
ApiAnswer::~ApiAnswer() {
  if (target_)
    send(
        {500, "application/json", target_->server->error_body(500, "internal", "the request was lost; try again"), {}});
}

void ApiAnswer::send(ApiReply reply) {
  const auto target = std::move(target_);
  target->server->answer(target->connection, *target->request, std::move(reply));
}

Result<std::unique_ptr<ApiServer>> ApiServer::start(const ApiServerOptions& options, Handler handler,
                                                    ErrorBody error_body) {
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  impl->handler = std::move(handler);
  impl->error_body = std::move(error_body);
  auto fd = options.unix_socket.empty() ? listen_tcp(options, impl->port) : listen_unix(options);
  if (!fd) return fail(std::move(fd.error()));
  const auto idle = std::chrono::ceil<std::chrono::seconds>(options.idle_limit).count();
  std::vector<MHD_OptionItem> more;
  unsigned flags = MHD_USE_EPOLL | MHD_USE_INTERNAL_POLLING_THREAD | MHD_ALLOW_SUSPEND_RESUME;
  if (!options.tls_certificate.empty()) {
    flags |= MHD_USE_TLS;
    more.push_back({MHD_OPTION_HTTPS_MEM_CERT, 0, const_cast<char*>(options.tls_certificate.c_str())});
    more.push_back({MHD_OPTION_HTTPS_MEM_KEY, 0, const_cast<char*>(options.tls_key.c_str())});
  }
  more.push_back({MHD_OPTION_END, 0, nullptr});
  // Escapes stay as they are: what they mean is decided in parse_request_target().
  const auto keep_escapes = +[](void*, MHD_Connection*, char* text) { return std::strlen(text); };
  Impl* self = impl.get();
  impl->daemon = MHD_start_daemon(
      flags, 0, nullptr, nullptr, &Impl::on_access, self, MHD_OPTION_LISTEN_SOCKET, fd->get(),
      MHD_OPTION_CONNECTION_LIMIT, options.max_connections, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
      options.max_header_octets, MHD_OPTION_CONNECTION_TIMEOUT, static_cast<unsigned>(idle),
      MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK, &Impl::on_request_line, self,
      MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, nullptr, MHD_OPTION_NOTIFY_COMPLETED, &Impl::on_completed, self,
      MHD_OPTION_NOTIFY_CONNECTION, &Impl::on_connection, self, MHD_OPTION_ARRAY, more.data(), MHD_OPTION_END);
  if (impl->daemon == nullptr)
    return options.tls_certificate.empty()
               ? fail(Errc::kIo, "the HTTP server does not start: no memory or descriptors")
               : fail(Errc::kInvalidArgument, "the HTTP server does not start with this certificate and key",
                      "give a certificate chain and its key, both PEM");
  (void)fd->release();  // the daemon closes it
  impl->lateness = std::thread([self] { self->watch_lateness(); });
  return std::unique_ptr<ApiServer>(new ApiServer(std::move(impl)));
}

ApiServer::ApiServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ApiServer::~ApiServer() { stop(); }

std::uint16_t ApiServer::port() const { return impl_->port; }

std::size_t ApiServer::connections() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->connections.size();
}

void ApiServer::stop() {
  {
    std::unique_lock lock(impl_->mutex);
    if (impl_->stopped) return;
    impl_->stopping = true;
  }
  Fd listening(MHD_quiesce_daemon(impl_->daemon));
  listening.reset();
  {
    std::unique_lock lock(impl_->mutex);
    impl_->changed.wait(lock, [this] { return impl_->in_work == 0; });
    impl_->stopped = true;
  }
  impl_->changed.notify_all();
  impl_->lateness.join();
  MHD_stop_daemon(impl_->daemon);
  if (!impl_->options.unix_socket.empty()) ::unlink(impl_->options.unix_socket.c_str());
}

}  // namespace sdns::net
