// SPDX-License-Identifier: MIT
// What a node reads of the others: whether they live, their clocks, and what they say of targets.
#include <algorithm>
#include <unordered_map>
#include <utility>

#include "backend/daemon/node_link.h"

namespace sdns::daemon {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr std::size_t kMostRead = 1'000;  // at a time

std::int64_t seconds_of(WallTime time) { return duration_cast<std::chrono::seconds>(time.time_since_epoch()).count(); }

}  // namespace

Result<void> NodeLink::look(SteadyTime now, const std::vector<store::CheckDigest>& wanted) {
  const WallTime began = parts_.wall_clock.wall_now();
  const auto rows = store_->nodes();
  if (!rows) return fail(rows.error());
  const auto wall = store_->now();
  if (!wall) return fail(wall.error());
  if (std::exchange(all_wanted_, false)) {
    for (auto& [name, other] : others_) other.again = true;
  } else if (!wanted.empty()) {
    if (auto read = read_wanted(wanted); !read) {
      all_wanted_ = true;
      return read;
    }
  }
  forget_missing(*rows);
  std::int64_t live = 0;
  std::int64_t silent = 0;
  std::int64_t expired = 0;
  std::int64_t behind = 0;
  const auto ours = parts_.applied();
  for (const store::NodeRow& row : *rows) {
    const store::NodeState state = store::node_state(row, *wall);
    live += state == store::NodeState::kLive ? 1 : 0;
    silent += state == store::NodeState::kSilent ? 1 : 0;
    expired += state == store::NodeState::kExpired ? 1 : 0;
    if (row.name == options_.name) continue;
    behind += ours && state != store::NodeState::kExpired && row.applied < *ours ? 1 : 0;
    if (auto looked = look_at(row, now, *wall); !looked) return looked;
  }
  live_.set(live);
  silent_nodes_.set(silent);
  expired_.set(expired);
  behind_.set(behind);
  looked_ = began;
  next_look_ = now + (parts_.shared ? options_.look_every : options_.beat_every);
  return {};
}

void NodeLink::forget_missing(const std::vector<store::NodeRow>& rows) {
  std::erase_if(others_, [&](const auto& item) {
    if (std::ranges::find(rows, item.first, &store::NodeRow::name) != rows.end()) return false;
    if (parts_.shared) parts_.shared->drop(item.first);
    return true;
  });
}

Result<void> NodeLink::look_at(const store::NodeRow& row, SteadyTime now, WallTime wall) {
  const auto [found, is_new] = others_.try_emplace(row.name);
  Other& other = found->second;
  const bool moved = !is_new && (other.row.beat != row.beat || other.row.incarnation != row.incarnation);
  // Deleted, or written anew: what was read of it may be wrong.
  other.again = other.again || is_new || other.row.incarnation != row.incarnation || other.read < row.verdicts_floor ||
                other.read > row.verdicts;
  other.row = row;
  if (moved) other.heard = now;
  // Of a node that was not seen to beat only its row says when it was there.
  if (!other.heard) other.heard = now - std::max(duration_cast<SteadyTime::duration>(wall - row.last_seen), {});
  say_state(other, wall);
  compare_clocks(other, moved);
  if (!parts_.shared) return {};
  if (other.state == store::NodeState::kExpired) {
    parts_.shared->drop(row.name);
    other.again = true;
    return {};
  }
  parts_.shared->heard(row.name, *other.heard);
  if (other.again) return read_verdicts(other, Reading::kAll);
  return other.read < row.verdicts ? read_verdicts(other, Reading::kMore) : Result<void>();
}

// All of it takes the place of what was known at once: half of what a node says would be told as if it were all.
Result<void> NodeLink::read_verdicts(Other& other, Reading reading) {
  std::vector<store::SharedVerdict> said;
  std::uint64_t at = reading == Reading::kAll ? 0 : other.read;
  for (std::size_t count = kMostRead; count == kMostRead;) {
    const std::size_t before = said.size();
    const auto last = store_->verdicts_after(other.row.name, at, kMostRead,
                                             [&](const store::SharedVerdict& one) { said.push_back(one); });
    if (!last) return fail(last.error());
    at = *last;
    count = said.size() - before;
  }
  read_.add(static_cast<std::int64_t>(said.size()));
  if (reading == Reading::kAll) parts_.shared->clear_and_view(other.row.name, said);
  else parts_.shared->views(other.row.name, said);
  other.read = at;
  other.again = false;
  return {};
}

Result<void> NodeLink::read_wanted(const std::vector<store::CheckDigest>& wanted) {
  std::unordered_map<std::string, std::vector<store::SharedVerdict>> said;
  for (const store::CheckDigest& check : wanted) {
    auto read = store_->verdicts_on(check, [&](const std::string& node, const store::SharedVerdict& one) {
      if (node != options_.name && others_.contains(node)) said[node].push_back(one);
    });
    if (!read) return read;
  }
  for (const auto& [node, verdicts] : said) {
    read_.add(static_cast<std::int64_t>(verdicts.size()));
    parts_.shared->views(node, verdicts);
  }
  return {};
}

void NodeLink::say_state(Other& other, WallTime wall) {
  const store::NodeState before = std::exchange(other.state, store::node_state(other.row, wall));
  if (before == other.state) return;
  const std::string& name = other.row.name;
  const std::int64_t silent_s = duration_cast<std::chrono::seconds>(wall - other.row.last_seen).count();
  switch (other.state) {
    case store::NodeState::kLive:
      return parts_.log.info("node.heard", {{"node", name}, {"revision", other.row.applied}});
    case store::NodeState::kSilent:
      return parts_.log.warn("node.silent",
                             {{"node", name},
                              {"revision", other.row.applied},
                              {"silent_s", silent_s},
                              {"serve_until", seconds_of(other.row.serve_until)},
                              {"hint",
                               "it may serve what it had until serve_until, and holds up whatever needs all nodes; "
                               "start it, or `sdnsctl node forget` it when it serves nothing any more"}});
    case store::NodeState::kExpired:
      return parts_.log.error("node.expired", {{"node", name},
                                               {"revision", other.row.applied},
                                               {"silent_s", silent_s},
                                               {"hint",
                                                "it is not waited for any more; `sdnsctl node forget` it when it is "
                                                "gone for good"}});
  }
}

// A beat that came since the last look was made since then; one of the future is of a clock that is ahead.
void NodeLink::compare_clocks(Other& other, bool moved) {
  const WallTime here = parts_.wall_clock.wall_now();
  milliseconds ahead{0};
  if (other.row.last_seen != other.row.clock)
    ahead = duration_cast<milliseconds>(other.row.clock - other.row.last_seen);
  else if (other.row.clock > here) ahead = duration_cast<milliseconds>(other.row.clock - here);
  else if (moved && other.row.clock < looked_) ahead = duration_cast<milliseconds>(other.row.clock - looked_);
  if (std::chrono::abs(ahead) < kNodeClocksAgree && moved) other.told_clock = false;
  if (std::chrono::abs(ahead) < kNodeClocksDiffer || std::exchange(other.told_clock, true)) return;
  parts_.log.warn("node.clock_differs",
                  {{"node", other.row.name},
                   {"ahead_ms", ahead.count()},
                   {"than", other.row.last_seen != other.row.clock ? "the database" : "this node"},
                   {"hint", "ends of overrides, signatures and serve_until are by these clocks: set them"}});
}

}  // namespace sdns::daemon
