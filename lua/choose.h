// SPDX-License-Identifier: MIT
// From candidates to those that are up, from these to the answer.
#pragma once

#include <string_view>
#include <vector>

#include "backend/health/check_question.h"
#include "lua/call.h"
#include "lua/candidates.h"

namespace sdns::lua {

/// Asks the health table this about every candidate, and what options ask besides; makes one verdict of it by their
/// rule, and notes what was asked. False when the budget is used up, or after Call::fail().
[[nodiscard]] bool ask_health(const Call& call, health::CheckKind kind, std::string_view url, std::uint16_t port);

/// The same for the check that the options ask for: by `url`, by `dns`, by `exec`, else by `port`, and the further
/// ones. Requires Options::checked().
[[nodiscard]] bool ask_health_by_options(const Call& call);

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

}  // namespace sdns::lua
