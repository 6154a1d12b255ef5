// SPDX-License-Identifier: MIT
// Which labels PDM gives out: their form, and the names that are kept back. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/base/error.h"

namespace sdns::pdm {

/// Blanks around it cut off, ASCII letters small: how callers' labels and pool domains are read.
std::string trimmed_lower(std::string_view text);

/// Why the label cannot be given out by its form, fit for a customer; nothing when it can. Expects trimmed_lower().
std::optional<std::string> label_problem(std::string_view label, bool allow_idn);

/// Names that are kept back: plain ones, and patterns in which `#` is one or more digits.
class ReservedNames {
 public:
  /// The platform's own names, RFC 2142's mailboxes, what certificate authorities and clients trust by name; and those
  /// of the configuration. Errors: kInvalidArgument (`more` has one that is neither a label nor a pattern).
  static Result<ReservedNames> with(const std::vector<std::string>& more);

  /// Sorted.
  [[nodiscard]] const std::vector<std::string>& plain() const { return plain_; }
  [[nodiscard]] const std::vector<std::string>& patterns() const { return patterns_; }
  [[nodiscard]] bool contains(std::string_view label) const;

 private:
  std::vector<std::string> plain_;
  std::vector<std::string> patterns_;
};

}  // namespace sdns::pdm
