// SPDX-License-Identifier: MIT
// Chance that repeats: a test prints its seed, and the same seed gives the same run.
#pragma once

#include <cstdint>
#include <random>

#include "backend/base/random.h"

namespace sdns::test {

class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t next() override { return engine_(); }
  /// Uniform enough for tests over 0 … `limit` - 1; `limit` is at least 1.
  std::uint64_t below(std::uint64_t limit) { return engine_() % limit; }

 private:
  std::mt19937_64 engine_;
};

}  // namespace sdns::test
