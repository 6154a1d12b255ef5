// SPDX-License-Identifier: MIT
// A PostgreSQL connection URI, taken apart: whom to try in which order, with what.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backend/base/error.h"

namespace sdns::store {

/// `postgresql://…` or `postgres://…`.
bool is_postgres_url(std::string_view url);

/// Parameters as libpq takes them, by keyword.
using PostgresParameters = std::vector<std::pair<std::string, std::string>>;

struct PostgresTarget {
  /// `postgresql://host:port,…/database`: no user, no password, no other parameter.
  std::string label;
  /// One for each host, in the order in which they are tried; those of a `service=` are libpq's to try. With
  /// `target_session_attrs=prefer-standby` the hosts come twice: first for a standby, then for any.
  std::vector<PostgresParameters> attempts;
  /// For each host: `connect_timeout`, or 5 s. At most 60 s.
  std::chrono::milliseconds connect_limit{5000};
};

/// Takes what libpq takes. What the URL leaves open and a dead peer needs is filled in: keepalives and
/// `tcp_user_timeout` (not with `service=`, whose file may say them). Errors (kInvalidArgument) never quote the URL: it
/// may hold a password.
Result<PostgresTarget> parse_postgres_url(std::string_view url);

}  // namespace sdns::store
