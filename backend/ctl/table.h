// SPDX-License-Identifier: MIT
// Tables for people: aligned columns, no lines.
#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace sdns::ctl {

class Table {
 public:
  explicit Table(std::vector<std::string> header) { rows_.push_back(std::move(header)); }
  /// As many cells as the header has.
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  /// Two blanks between columns; the last one is not padded.
  void print(std::ostream& out) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// `name:` and values, aligned.
void print_facts(std::ostream& out, const std::vector<std::pair<std::string, std::string>>& facts);

}  // namespace sdns::ctl
