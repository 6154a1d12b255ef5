// SPDX-License-Identifier: MIT
// From an argument to candidates, from these to those that are up, from these to the answer.
#pragma once

#include <string_view>
#include <vector>

#include "backend/health/check_question.h"
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

/// Asks the health table about every candidate, and notes what was asked. False when the budget is used up.
[[nodiscard]] bool ask_health(const Call& call, health::CheckKind kind, std::string_view url, std::uint16_t port);

/// Chooses among the candidates `among` (indexes), into Scratch::chosen. `where` is the function, for the trace. False
/// after Call::fail().
[[nodiscard]] bool choose(const Call& call, std::string_view where, Selector selector,
                          const std::vector<std::size_t>& among);

/// The groups in order: the first with enough that are up is chosen from; else what the options say. When they say
/// nothing, `otherwise` among all of the first group. False after Call::fail().
[[nodiscard]] bool choose_healthy(const Call& call, std::string_view where, Selector selector, Selector otherwise);

/// All candidates of the first group that has any, into Scratch::order.
void first_group(const Call& call);

/// Pushes what was chosen: a table of texts, or one text.
int push_chosen_table(const Call& call);
int push_chosen_text(const Call& call);

[[nodiscard]] std::string_view answer_text(const Call& call, std::size_t candidate);

}  // namespace sdns::lua
