// SPDX-License-Identifier: MIT
// Chance comes in through constructors; tests seed it.
#pragma once

#include <cstdint>
#include <random>
#include <span>

namespace sdns {

class Random {
 public:
  virtual ~Random() = default;
  /// Uniform over all values.
  virtual std::uint64_t next() = 0;
};

/// The kernel's: fit for identifiers and secrets.
class SystemRandom final : public Random {
 public:
  std::uint64_t next() override { return (static_cast<std::uint64_t>(device_()) << 32) | device_(); }

 private:
  std::random_device device_;
};

/// Fast, and good enough to choose among targets; not for secrets. Used by one thread.
class QuickRandom final : public Random {
 public:
  explicit QuickRandom(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t next() override { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace sdns
