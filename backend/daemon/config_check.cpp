// SPDX-License-Identifier: MIT
#include "backend/daemon/config_check.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "backend/base/owned.h"
#include "backend/dns/rdata_text.h"
#include "backend/store/authority.h"
#include "backend/store/postgres_target.h"

namespace sdns::daemon {
namespace {

constexpr std::size_t kMaxSecretOctets = 4096;
constexpr std::string_view kBlanks = " \t\r\n";

template <class... Args>
tl::unexpected<std::string> wrong(fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected(fmt::format(format, std::forward<Args>(args)...));
}

template <class Number>
bool parse_number(std::string_view text, Number& out, int base = 10) {
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, out, base);
  return !text.empty() && error == std::errc{} && stopped == end;
}

struct HostPort {
  std::string host;
  std::optional<std::uint16_t> port;
};

// `host`, `host:port`, `[v6]`, `[v6]:port`.
std::optional<HostPort> split_host_port(std::string_view text) {
  HostPort out;
  std::string_view rest;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    out.host = text.substr(1, close - 1);
    rest = text.substr(close + 1);
  } else {
    const std::size_t colon = text.find(':');
    out.host = text.substr(0, colon);
    rest = colon == std::string_view::npos ? std::string_view{} : text.substr(colon);
  }
  if (out.host.empty()) return std::nullopt;
  if (rest.empty()) return out;
  std::uint16_t port = 0;
  if (rest.front() != ':' || !parse_number(rest.substr(1), port)) return std::nullopt;
  out.port = port;
  return out;
}

bool is_loopback(const std::string& host) {
  if (host == "localhost") return true;
  in_addr v4{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return ::inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

// The part between "://" and the next '/', without user information.
std::string_view authority_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  std::string_view rest = url.substr(scheme + 3);
  return rest.substr(0, rest.find('/'));
}

}  // namespace

Checked<std::string> check_database_url(const std::string& url) {
  constexpr std::string_view kSqlite = "sqlite:";
  if (store::is_postgres_url(url)) {
    const auto target = store::parse_postgres_url(url);
    if (!target) return wrong("{}; {}", target.error().what, target.error().hint);
    return url;
  }
  if (!url.starts_with(kSqlite))
    return wrong(
        "\"{}\" is not a database URL that this version knows; write sqlite:/path/to/authority.db or "
        "postgresql://user@host/database",
        without_password(url));
  if (url.size() <= kSqlite.size() + 1 || url[kSqlite.size()] != '/')
    return wrong("\"{}\" has no absolute path; write sqlite:/path/to/authority.db", url);
  return url;
}

Checked<std::optional<AdminEndpoint>> check_admin_listen(const std::string& listen) {
  if (listen.empty()) return std::nullopt;
  std::optional<HostPort> parts = split_host_port(listen);
  if (!parts || !parts->port)
    return wrong("\"{}\" is not ADDRESS:PORT; write 127.0.0.1:8053, [::1]:8053, or \"\" to switch it off", listen);
  if (!is_loopback(parts->host))
    return wrong("\"{}\" is not a loopback address; the admin interface has no access control, use 127.0.0.1 or [::1]",
                 listen);
  if (parts->host == "localhost") parts->host = "127.0.0.1";
  return AdminEndpoint{std::move(parts->host), *parts->port};
}

Checked<bool> check_yes_no(const std::string& text) {
  if (text == "yes" || text == "no") return text == "yes";
  return tl::unexpected(fmt::format("\"{}\" is neither yes nor no; write one of them in quotes", text));
}

Checked<unsigned> check_mode(const std::string& text) {
  unsigned mode = 0;
  if (text.size() < 3 || text.size() > 4 || !parse_number(text, mode, 8) || mode > 0777)
    return wrong("\"{}\" is not a file mode; write it in octal, as \"0660\"", text);
  if ((mode & 07) != 0)
    return wrong(
        "\"{}\" lets every user connect, and DNSSEC keys pass through this socket; use \"0660\" and listen.group",
        text);
  if ((mode & 0600) != 0600) return wrong("\"{}\" locks out the owner of the socket; use \"0660\" or \"0600\"", text);
  return mode;
}

Checked<std::string> check_socket_path(const std::string& path, SocketUse use) {
  if (path.empty() || path.front() != '/') return wrong("\"{}\" is not an absolute path; begin it with /", path);
  if (path.size() >= sizeof(sockaddr_un::sun_path))
    return wrong("\"{}\" has {} octets and a socket address takes {}; use a shorter path", path, path.size(),
                 sizeof(sockaddr_un::sun_path) - 1);
  if (use == SocketUse::kConnect) return path;
  std::string directory = path.substr(0, path.rfind('/'));
  if (directory.empty()) directory.push_back('/');
  struct stat status {};
  if (::stat(directory.c_str(), &status) != 0)
    return wrong("directory \"{}\" of the socket cannot be used ({}); create it", directory, std::strerror(errno));
  if (!S_ISDIR(status.st_mode)) return wrong("\"{}\" is not a directory; the socket cannot be made there", directory);
  if (::access(directory.c_str(), W_OK | X_OK) != 0)
    return wrong("directory \"{}\" of the socket is not writable for uid {} ({}); change its owner", directory,
                 ::geteuid(), std::strerror(errno));
  if (::lstat(path.c_str(), &status) == 0 && !S_ISSOCK(status.st_mode))
    return wrong("\"{}\" exists and is not a socket; remove it or choose another path", path);
  return path;
}

Checked<std::string> check_group(const std::string& group) {
  std::uint32_t gid = 0;
  if (group.empty() || parse_number(group, gid)) return group;
  if (::getgrnam(group.c_str()) == nullptr)
    return wrong("there is no group \"{}\"; create it, or leave this empty", group);
  return group;
}

Checked<std::string> check_node_name(const std::string& name) {
  constexpr std::size_t kMost = 255;
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  if (name.empty() || name.size() > kMost || !std::all_of(name.begin(), name.end(), fits))
    return wrong("\"{}\" is not a node's name; write 1 to 255 letters, digits, -, _ and ., different for each node",
                 dns::printable(name));
  return name;
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

Checked<std::string> check_state_file(const std::string& path) {
  if (!path.empty() && path[0] != '/')
    return wrong("\"{}\" is no absolute path; begin it with /", dns::printable(path));
  return path;
}

Checked<std::string> check_user_agent(const std::string& text) {
  constexpr std::size_t kMost = 200;
  if (text.size() > kMost || std::any_of(text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }))
    return wrong("\"{}\" is not a User-Agent header; write up to 200 printable ASCII characters", dns::printable(text));
  return text;
}

Checked<std::uint32_t> check_user(const std::string& user) {
  std::uint32_t uid = 0;
  if (parse_number(user, uid)) return uid;
  const passwd* entry = user.empty() ? nullptr : ::getpwnam(user.c_str());
  if (entry == nullptr)
    return wrong("there is no user \"{}\"; create it, use its number, or remove it from the list", user);
  return entry->pw_uid;
}

Checked<std::string> check_api_url(const std::string& url) {
  if (url.empty()) return url;
  const bool http = url.starts_with("http://") || url.starts_with("https://");
  const std::string_view authority = authority_of(url);
  if (!http || !split_host_port(authority) || authority.find('@') != std::string_view::npos ||
      url.find_first_of(" ?#\t\r\n") != std::string::npos)
    return wrong("\"{}\" is not the address of PowerDNS's API; write http://127.0.0.1:8081", without_password(url));
  std::string trimmed = url;
  while (trimmed.ends_with('/')) trimmed.pop_back();
  return trimmed;
}

bool url_is_loopback(std::string_view url) {
  const std::optional<HostPort> parts = split_host_port(authority_of(url));
  return parts && is_loopback(parts->host);
}

Checked<Secret> read_secret_file(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return wrong("\"{}\" cannot be read ({}); check the path and its owner", path, std::strerror(errno));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode))
    return wrong("\"{}\" is not a file; name a file whose first line is the secret", path);
  std::array<char, kMaxSecretOctets + 1> buffer{};
  std::size_t size = 0;
  while (size < buffer.size()) {
    const ssize_t got = ::read(fd.get(), buffer.data() + size, buffer.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return wrong("\"{}\" cannot be read ({}); check its owner and the disk", path, std::strerror(errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > kMaxSecretOctets)
    return wrong("\"{}\" has more than {} octets; a secret is one line", path, kMaxSecretOctets);
  std::string_view text(buffer.data(), size);
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return wrong("\"{}\" is empty; write the secret on its first line", path);
  text = text.substr(begin);
  text = text.substr(0, text.find('\n'));
  text = text.substr(0, text.find_last_not_of(kBlanks) + 1);
  return Secret(std::string(text));
}

bool readable_by_others(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0;
}

std::string without_password(const std::string& url) {
  if (store::is_postgres_url(url)) return store::shown_url(url);
  const std::size_t scheme = url.find("://");
  if (scheme == std::string::npos) return url;
  const std::size_t at = url.find('@', scheme + 3);
  const std::size_t colon = url.find(':', scheme + 3);
  if (at == std::string::npos || colon == std::string::npos || colon > at) return url;
  return url.substr(0, colon + 1) + "***" + url.substr(at);
}

}  // namespace sdns::daemon
