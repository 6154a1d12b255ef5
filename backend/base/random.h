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

}  // namespace sdns
