// SPDX-License-Identifier: MIT
#include "backend/store/followers.h"

#include <utility>

#include "backend/store/postgres_target.h"

namespace sdns::store {

Result<std::unique_ptr<Follower>> open_follower(std::string_view url, KeyFilePtr key_file) {
  return is_postgres_url(url) ? follow_postgres(url, std::move(key_file)) : follow_sqlite(url, std::move(key_file));
}

Result<std::unique_ptr<Follower>> open_follower(std::string_view url, KeyFilePtr key_file, std::uint64_t seed) {
  auto follower = open_follower(url, std::move(key_file));
  if (!follower || !is_postgres_url(url)) return follower;
  return in_background(std::move(*follower), seed);
}

}  // namespace sdns::store
