// SPDX-License-Identifier: MIT
// The layers of the configuration before they have a meaning: key to value, with where each came from.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/daemon/config.h"

namespace sdns::daemon {

struct RawValue {
  enum class Kind { kText, kInteger, kNumber, kBoolean, kTextList, kSection, kOther };
  Kind kind = Kind::kText;
  std::string text{};
  std::int64_t integer = 0;
  double number = 0;  ///< with a fraction or an exponent
  bool boolean = false;
  std::vector<std::string> list{};
  bool from_environment = false;
  std::string where{};   ///< key, or the name of the environment variable
  std::string origin{};  ///< as in Setting::origin
  unsigned line = 0;     ///< in the file; 0 for none
};

/// "a number" and the like, for messages.
std::string_view kind_name(RawValue::Kind kind);

/// By key: "listen.mode", "powerdns[0].name". A section without keys is there as kSection.
using RawLayer = std::map<std::string, RawValue, std::less<>>;

/// The keys of a TOML text. Errors: one problem for what does not parse.
tl::expected<RawLayer, Problem> read_toml(std::string_view text, const std::string& file);

/// "listen.mode" is SDNS_LISTEN_MODE, "powerdns[0].name" is SDNS_POWERDNS_0_NAME.
std::string environment_name(std::string_view key);

/// The candidate that was probably meant, if one is near: few letters differ, or only the section is wrong.
std::optional<std::string> nearest(std::string_view wrong, const std::vector<std::string>& candidates);

}  // namespace sdns::daemon
