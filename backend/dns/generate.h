// SPDX-License-Identifier: MIT
// $GENERATE as BIND has it: a range and a pattern in which `$` stands for the number.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "backend/base/error.h"

namespace sdns::dns {

struct GenerateRange {
  std::uint32_t start = 0;
  std::uint32_t stop = 0;
  std::uint32_t step = 1;
  [[nodiscard]] std::uint64_t count() const { return (static_cast<std::uint64_t>(stop) - start) / step + 1; }
};

/// `start-stop` or `start-stop/step`, each below 2^31.
std::optional<GenerateRange> parse_generate_range(std::string_view text);

/// `pattern` with `$` as `number` and `${offset[,width[,base]]}` as number + offset in base d, o, x, X, n or N (n and
/// N: hex digits in reverse order with dots between them); `$$` is a `$`, and `\` protects what follows. Appends to
/// `out`. False: the braces do not parse, or the sum is negative.
bool expand_generate(std::string_view pattern, std::uint32_t number, std::string& out);

}  // namespace sdns::dns
