// SPDX-License-Identifier: MIT
#include "backend/ctl/health_text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

namespace sdns::ctl {

std::string time_text(std::int64_t seconds) {
  return fmt::format("{:%Y-%m-%d %H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

std::string age_text(std::int64_t milliseconds) {
  static constexpr std::array<std::pair<std::int64_t, const char*>, 4> kUnits{
      {{86'400'000, "d"}, {3'600'000, "h"}, {60'000, "min"}, {1'000, "s"}}};
  for (const auto& [length, unit] : kUnits)
    if (milliseconds >= length) return fmt::format("{} {}", milliseconds / length, unit);
  return fmt::format("{} ms", std::max<std::int64_t>(milliseconds, 0));
}

std::string last_text(const nlohmann::json& probed) {
  const auto& last = probed.at("last");
  if (last.is_null()) return "not probed yet";
  const auto result = last.at("result").get<std::string>();
  if (result == "success")
    return fmt::format("ok, {:.1f} ms", static_cast<double>(last.at("us").get<std::int64_t>()) / 1000);
  const auto detail = last.at("detail").get<std::string>();
  return detail.empty() ? result : fmt::format("{}: {}", result, detail);
}

bool has_others(const nlohmann::json& document) {
  return document.contains("vantage") && !document.at("vantage").at("others").empty();
}

std::string views_text(const nlohmann::json& check) {
  if (!check.contains("vantage") || check.at("vantage").is_null()) return {};
  const auto& vantage = check.at("vantage");
  std::string text =
      fmt::format("{} up, {} down", vantage.at("up").get<std::uint64_t>(), vantage.at("down").get<std::uint64_t>());
  if (const auto stale = vantage.at("stale").get<std::uint64_t>(); stale != 0)
    text += fmt::format(", {} too old", stale);
  return vantage.at("disagree").get<bool>() ? text + ": DISAGREE" : text;
}

void say_cut_off(Session& session, const nlohmann::json& document) {
  if (!has_others(document) || !document.at("vantage").at("cut_off").get<bool>()) return;
  session.warning("no other node is heard of: verdicts are those of this node alone (`sdnsctl node list`)");
}

}  // namespace sdns::ctl
