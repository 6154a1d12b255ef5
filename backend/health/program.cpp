// SPDX-License-Identifier: MIT
#include "backend/health/program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace sdns::health {
namespace {

constexpr std::array<std::string_view, 4> kPlaceholders = {"{address}", "{answered}", "{port}", "{timeout}"};

tl::unexpected<Error> refused(std::string what, std::string hint) {
  return fail(Errc::kConfig, std::move(what), std::move(hint));
}

// The next `{word}` from `at` on; "" when there is none.
std::string_view next_word(std::string_view text, std::size_t at) {
  for (at = text.find('{', at); at != std::string_view::npos; at = text.find('{', at + 1)) {
    std::size_t end = at + 1;
    while (end < text.size() && text[end] >= 'a' && text[end] <= 'z') ++end;
    if (end > at + 1 && end < text.size() && text[end] == '}') return text.substr(at, end + 1 - at);
  }
  return {};
}

// Every directory on the way to a file, down to `/`.
Result<void> check_directories(const std::filesystem::path& file) {
  for (std::filesystem::path at = file.parent_path();; at = at.parent_path()) {
    struct stat facts {};
    if (::stat(at.c_str(), &facts) != 0)
      return refused(fmt::format("{} cannot be looked at: {}", at.string(), std::strerror(errno)), "correct the path");
    // In a sticky directory nobody takes another's file away.
    if ((facts.st_mode & S_IWOTH) != 0 && (facts.st_mode & S_ISVTX) == 0)
      return refused(fmt::format("{} is in {}, which every user may write to", file.string(), at.string()),
                     fmt::format("chmod o-w {}, or put the program elsewhere", at.string()));
    if (at == at.root_path()) return {};
  }
}

}  // namespace

bool is_placeholder(std::string_view word) {
  return std::find(kPlaceholders.begin(), kPlaceholders.end(), word) != kPlaceholders.end();
}

std::string_view unknown_placeholder(std::string_view argument) {
  for (std::string_view word = next_word(argument, 0); !word.empty();
       word = next_word(argument, static_cast<std::size_t>(word.data() - argument.data()) + word.size()))
    if (!is_placeholder(word)) return word;
  return {};
}

std::string filled_in(std::string_view argument, const std::map<std::string_view, std::string>& values) {
  std::string out;
  for (std::string_view word = next_word(argument, 0); !word.empty(); word = next_word(argument, 0)) {
    const auto at = static_cast<std::size_t>(word.data() - argument.data());
    const auto value = values.find(word);
    out += argument.substr(0, at);
    out += value == values.end() ? word : std::string_view(value->second);
    argument.remove_prefix(at + word.size());
  }
  return out.append(argument);
}

Result<void> check_program_file(const std::string& path) {
  if (!path.starts_with('/'))
    return refused(fmt::format("\"{}\" is no absolute path", path), "write it from the root, as in /usr/bin/true");
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0)
    return refused(fmt::format("{} cannot be run: {}", path, std::strerror(errno)), "correct the path, or install it");
  if (!S_ISREG(facts.st_mode)) return refused(fmt::format("{} is no file", path), "name a program");
  if (::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) != 0)
    return refused(fmt::format("{} may not be executed by this user", path), fmt::format("chmod +x {}", path));
  if ((facts.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return refused(fmt::format("{} may be written by {}", path, (facts.st_mode & S_IWOTH) != 0 ? "others" : "a group"),
                   fmt::format("chmod go-w {}", path));
  if (auto safe = check_directories(path); !safe) return safe;
  std::error_code error;
  const auto real = std::filesystem::canonical(path, error);
  if (error) return refused(fmt::format("{} cannot be followed: {}", path, error.message()), "correct the path");
  return check_directories(real);
}

}  // namespace sdns::health
