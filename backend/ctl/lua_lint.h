// SPDX-License-Identifier: MIT
// What the text of a LUA record tells without running it.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "backend/base/error.h"

namespace sdns::ctl {

enum class Weight : std::uint8_t {
  kNote,     ///< worth knowing
  kWarning,  ///< will surprise
  kError,    ///< has no answer
};
struct LuaFinding {
  Weight weight = Weight::kWarning;
  std::string what;
  friend bool operator==(const LuaFinding&, const LuaFinding&) = default;
};
using LuaFindings = std::vector<LuaFinding>;

/// A version of PowerDNS that a record shall work on too.
struct PowerDnsVersion {
  int major = 0;
  int minor = 0;
  friend auto operator<=>(const PowerDnsVersion&, const PowerDnsVersion&) = default;
};
/// `4.7`, `5.0.1`. Errors: kInvalidArgument.
Result<PowerDnsVersion> parse_powerdns_version(std::string_view text);

struct LintContext {
  std::optional<PowerDnsVersion> powerdns{};
  bool full_library = false;
  bool library = false;              ///< the record is a library: what it sets is for others
  std::set<std::string> exported{};  ///< globals that libraries set which it may include
};

/// `content` is a LUA record's, `source` what its chunks make.
LuaFindings lint(const std::string& content, const std::string& source, const LintContext& context);

/// Names of the globals that the source sets; none when it does not compile.
std::set<std::string> globals_set(const std::string& source);

/// Whether the source asks where addresses are: what it gives without location data says little.
bool asks_for_places(std::string_view source);

/// Why an error came that the code's text explains, or "".
std::string explain_failure(std::string_view source, std::string_view failure);

/// The code with its strings in single quotes or long brackets, where they are in double ones; nothing when no string
/// is, or one cannot be written so.
std::optional<std::string> without_double_quotes(std::string_view code);

}  // namespace sdns::ctl
