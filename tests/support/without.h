// SPDX-License-Identifier: MIT
// A test that lacks a capability of the machine fails, unless `tests/run --without=…` names it: nothing is left out by
// itself, CI names nothing, and the summary says what was.
#pragma once

#include <cstdlib>
#include <string>

namespace sdns::test {

inline bool left_out(const std::string& capability) {
  const char* named = std::getenv("SDNS_WITHOUT");
  return named && std::string(named).find("," + capability + ",") != std::string::npos;
}

}  // namespace sdns::test
