// SPDX-License-Identifier: MIT
// What a configured value has to satisfy, one function per kind. Each failure's text is a Problem::what.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/daemon/config.h"

namespace sdns::daemon {

template <class T>
using Checked = tl::expected<T, std::string>;

/// `sqlite:/absolute/path`, or a PostgreSQL connection URI.
Checked<std::string> check_database_url(const std::string& url);
/// "" is off; otherwise `127.…:port`, `[::1]:port` or `localhost:port`.
Checked<std::optional<AdminEndpoint>> check_admin_listen(const std::string& listen);
Checked<bool> check_yes_no(const std::string& text);
/// Letters, digits, `-`, `_` and `.`; at most 255.
Checked<std::string> check_node_name(const std::string& name);
/// Of this host; "" when it has none.
std::string host_name();
/// An absolute path, or nothing.
Checked<std::string> check_state_file(const std::string& path);
/// What an HTTP header may say.
Checked<std::string> check_user_agent(const std::string& text);
/// Octal text; nothing for others, since keys pass through the socket (P9).
Checked<unsigned> check_mode(const std::string& text);
enum class SocketUse { kListen, kConnect };
/// Absolute and short enough for a socket address; to listen, also in a directory that we may write to.
Checked<std::string> check_socket_path(const std::string& path, SocketUse use);
/// Empty, or a group that exists.
Checked<std::string> check_group(const std::string& group);
/// A user that exists, or a uid.
Checked<std::uint32_t> check_user(const std::string& user);
/// "" is off; otherwise `http://host[:port]` or https.
Checked<std::string> check_api_url(const std::string& url);
/// True for a URL whose host is a loopback address.
bool url_is_loopback(std::string_view url);
/// The first line of the file, without blanks around it.
Checked<Secret> read_secret_file(const std::string& path);
/// True when users other than the owner and the group may read the file.
bool readable_by_others(const std::string& path);
/// The URL with the password of its user part replaced by `***`; of a PostgreSQL URI hosts and database alone, as any
/// parameter may be a secret.
std::string without_password(const std::string& url);

}  // namespace sdns::daemon
