// SPDX-License-Identifier: MIT
// `[[health.program]]`: the programs that target pools may have run, and whether pools name those that there are.
#pragma once

#include <string_view>
#include <vector>

#include "backend/daemon/config.h"
#include "backend/daemon/config_raw.h"
#include "backend/health/program.h"
#include "backend/health/target_pool.h"

namespace sdns::daemon {

struct ProgramsRead {
  health::Programs programs;      ///< complete when there are no problems
  std::vector<Problem> problems;  ///< every rule that is broken, with its path
  std::vector<Problem> warnings;
  std::vector<Setting> settings;  ///< every key that is there
};

/// Whether the key is one that read_programs() reads, or complains of.
bool is_program_key(std::string_view key);
/// Looks at the files of the programs.
ProgramsRead read_programs(const RawLayer& layer);
/// The names alone, right or wrong; looks at no file.
std::vector<std::string> program_names(const RawLayer& layer);

/// Pools of the configuration, in the order of the file, that name a program which is not there.
std::vector<Problem> unknown_programs(const std::vector<health::TargetPool>& pools, const health::Programs& programs);

}  // namespace sdns::daemon
