// SPDX-License-Identifier: MIT
// Programs of the operator that checks may name: `exec = "name"` in a target pool.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "backend/base/error.h"

namespace sdns::health {

struct Program {
  std::vector<std::string> command;  ///< the first is an absolute path; arguments may have placeholders
  std::chrono::seconds timeout{10};  ///< for one run; 1 s to 1 h
  std::size_t at_once = 10;          ///< runs under way; further ones wait
  std::uint32_t memory_mebioctets = 256;
  friend bool operator==(const Program&, const Program&) = default;
};
using Programs = std::map<std::string, Program, std::less<>>;  // by name, which is_program_name()

/// `{address}`, `{port}` …: what an argument may have in it.
[[nodiscard]] bool is_placeholder(std::string_view word);
/// The first `{word}` in lower-case letters that is no placeholder; "" when there is none. Most likely a slip.
[[nodiscard]] std::string_view unknown_placeholder(std::string_view argument);
/// The argument with values in place of its placeholders; what is none stays.
[[nodiscard]] std::string filled_in(std::string_view argument, const std::map<std::string_view, std::string>& values);

/// What keeps a file from being run as a program: it must be a regular file with an absolute path that we may execute,
/// and neither it nor a directory above it may be written by others, who could have us run what they like. Errors
/// (kConfig) name the path and the rule. Looks at the file system.
Result<void> check_program_file(const std::string& path);

}  // namespace sdns::health
