// SPDX-License-Identifier: MIT
// What each option of a target pool takes.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sdns::health {

/// What is wrong with a value: reads on after the option's name, then what to do.
struct OptionFault {
  std::string what;
  std::string hint;
};

/// In this spelling: options are told apart by letter case, as Lua does.
bool is_pool_option(std::string_view name);
/// Nothing when the value can be read. Requires an option's name.
std::optional<OptionFault> option_fault(std::string_view name, const std::string& value);
/// Whether an http or https URL that keeps the rules names a port.
bool url_names_port(std::string_view url);
/// What to do about a name that is no option.
std::string unknown_option_hint(std::string_view name);

}  // namespace sdns::health
