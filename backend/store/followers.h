// SPDX-License-Identifier: MIT
// The kinds of followers; open_follower() picks one by the URL.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "backend/store/authority.h"
#include "backend/store/key_file.h"

namespace sdns::store {

Result<std::unique_ptr<Follower>> follow_sqlite(std::string_view url, KeyFilePtr key_file);
Result<std::unique_ptr<Follower>> follow_postgres(std::string_view url, KeyFilePtr key_file);

/// Does the reading of `followed` on a thread of its own, so that changes_since() and wait() never wait for a database
/// that is slow, hung or far away: changes_since() gives what has been read by then, and while a look takes longer than
/// 3 s, kTimeout. Only the first one, when nothing was loaded, waits for the first look, at most that long. load()
/// still reads at once. Between failures the thread pauses, longer each time (at most 5 s), by a part that `seed`
/// decides.
std::unique_ptr<Follower> in_background(std::unique_ptr<Follower> followed, std::uint64_t seed);

}  // namespace sdns::store
