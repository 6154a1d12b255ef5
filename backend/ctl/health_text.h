// SPDX-License-Identifier: MIT
// Health checks in words.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "backend/ctl/session.h"

namespace sdns::ctl {

/// `2026-11-21 20:31:07Z`; `seconds` since 1970.
std::string time_text(std::int64_t seconds);
/// `340 ms`, `12 s`, `3 min`, `5 h`, `2 d`: rounded down.
std::string age_text(std::int64_t milliseconds);
/// What the last probe said, in a few words; `probed` as in `/v1/health`. Throws nlohmann::json::exception when it is
/// something else.
std::string last_text(const nlohmann::json& probed);
/// Whether other nodes say anything; `document` is `/v1/health`. Throws likewise.
bool has_others(const nlohmann::json& document);
/// How many nodes find a check up and down, `DISAGREE` when both; `check` as in `/v1/health`. "" without views. Throws
/// likewise.
std::string views_text(const nlohmann::json& check);
/// Says when other nodes are not heard of. Throws likewise.
void say_cut_off(Session& session, const nlohmann::json& document);

}  // namespace sdns::ctl
