// SPDX-License-Identifier: MIT
#include "backend/daemon/health_events.h"

#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "backend/daemon/health_report.h"

namespace sdns::daemon {
namespace {

constexpr int kRetryMs = 2'000;  // after which a browser connects again

}  // namespace

HealthEvents::HealthEvents(const health::History& history, Options options, const Clock& clock)
    : history_(history), options_(std::move(options)), clock_(clock) {
  last_ = options_.after ? *options_.after : history_.after(0, {}, 0).last;
}

void HealthEvents::next(std::string& out, std::chrono::milliseconds limit) {
  const auto append = std::back_inserter(out);
  // At once, so that the reader sees that it is connected, and where it goes on from if nothing comes.
  if (!std::exchange(begun_, true)) {
    fmt::format_to(append, "retry: {}\nid: {}\n\n", kRetryMs, last_);
    sent_ = clock_.now();
    return;
  }
  history_.wait(last_, options_.part, limit);
  const health::History::Page page = history_.after(last_, options_.part);
  last_ = page.last;
  if (!page.transitions.empty()) {
    for (const health::PastTransition& past : page.transitions)
      fmt::format_to(append, "id: {}\nevent: verdict\ndata: {}\n\n", past.sequence,
                     transition_json(past).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  } else if (clock_.now() - sent_ >= options_.keep_alive) {
    out += ": nothing new\n\n";
  }
  if (!out.empty()) sent_ = clock_.now();
}

}  // namespace sdns::daemon
