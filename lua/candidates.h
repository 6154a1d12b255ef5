// SPDX-License-Identifier: MIT
// From an argument to candidates, and what is said of them to who wants it explained.
#pragma once

#include <string_view>

#include "lua/call.h"

namespace sdns::lua {

enum class ListShape : std::uint8_t {
  kFlat,      ///< texts
  kGroups,    ///< texts, or lists of texts: groups that are tried in order
  kWeighted,  ///< `{weight, value}` each
  kAny,       ///< any of these; a pair whose first is a number is weighted
};

/// Reads a list or a target pool into Scratch::candidates; a pool's options are taken into Scratch::options, which
/// clear() was called for. False after Call::fail().
[[nodiscard]] bool read_candidates(const Call& call, int index, ListShape shape);

/// Reads the addresses of all candidates; their answers become canonical text. False after Call::fail().
[[nodiscard]] bool read_addresses(const Call& call);

/// Adds one. False: the budget is used up, or after Call::fail().
[[nodiscard]] bool add_candidate(const Call& call, std::string_view text, std::uint32_t group, std::uint32_t weight);

[[nodiscard]] std::string_view answer_text(const Call& call, std::size_t candidate);

/// Whether a step is traced; its texts are made when it is. Tracing spends no steps: an answer and its explanation have
/// the same, and there are at most Trace::kMostSteps.
[[nodiscard]] bool traces(const Call& call);
void trace(const Call& call, std::string_view where, std::size_t candidate, bool kept, std::string_view why);
void note(const Call& call, std::string_view text);

}  // namespace sdns::lua
