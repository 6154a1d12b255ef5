// SPDX-License-Identifier: MIT
// Calls that say in the source alone which health checks they ask.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sdns::lua {

/// The calls of functions that ask health checks whose arguments are constants: strings, numbers, tables of them.
/// Anything else in the arguments, a name or another call, makes it none. As text, without duplicates.
std::vector<std::string> constant_calls(std::string_view source);

}  // namespace sdns::lua
