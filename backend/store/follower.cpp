// SPDX-License-Identifier: MIT
#include "backend/store/followers.h"
#include "backend/store/postgres_target.h"

namespace sdns::store {

Result<std::unique_ptr<Follower>> open_follower(std::string_view url) {
  return is_postgres_url(url) ? follow_postgres(url) : follow_sqlite(url);
}

Result<std::unique_ptr<Follower>> open_follower(std::string_view url, std::uint64_t seed) {
  auto follower = open_follower(url);
  if (!follower || !is_postgres_url(url)) return follower;
  return in_background(std::move(*follower), seed);
}

}  // namespace sdns::store
