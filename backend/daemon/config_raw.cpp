// SPDX-License-Identifier: MIT
#include "backend/daemon/config_raw.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cctype>
#include <numeric>
#include <utility>

namespace sdns::daemon {
namespace {

class Flattener {
 public:
  Flattener(const std::string& file, RawLayer& out) : file_(file), out_(out) {}

  void table(const std::string& prefix, const toml::table& table) {
    if (table.empty() && !prefix.empty()) put(prefix, table, RawValue{.kind = RawValue::Kind::kSection});
    for (const auto& [key, node] : table) {
      const std::string path = prefix.empty() ? std::string(key.str()) : fmt::format("{}.{}", prefix, key.str());
      this->node(path, node);
    }
  }

 private:
  void node(const std::string& path, const toml::node& node) {
    using Kind = RawValue::Kind;
    if (const auto* nested = node.as_table()) return table(path, *nested);
    if (const auto* array = node.as_array()) return this->array(path, *array);
    RawValue value;
    if (const auto* text = node.as_string()) {
      value.text = text->get();
    } else if (const auto* integer = node.as_integer()) {
      value.kind = Kind::kInteger;
      value.integer = integer->get();
    } else if (const auto* number = node.as_floating_point()) {
      value.kind = Kind::kNumber;
      value.number = number->get();
    } else if (const auto* boolean = node.as_boolean()) {
      value.kind = Kind::kBoolean;
      value.boolean = boolean->get();
    } else {
      value.kind = Kind::kOther;
    }
    put(path, node, std::move(value));
  }

  void array(const std::string& path, const toml::array& array) {
    if (!array.empty() && array.is_homogeneous(toml::node_type::table)) {
      for (std::size_t i = 0; i < array.size(); ++i) table(fmt::format("{}[{}]", path, i), *array[i].as_table());
      return;
    }
    RawValue value{.kind = RawValue::Kind::kTextList};
    for (const toml::node& element : array) {
      if (const auto* text = element.as_string()) value.list.push_back(text->get());
      else if (const auto* integer = element.as_integer()) value.list.push_back(std::to_string(integer->get()));
      else value.kind = RawValue::Kind::kOther;
    }
    put(path, array, std::move(value));
  }

  void put(const std::string& path, const toml::node& node, RawValue value) {
    value.where = path;
    value.line = node.source().begin.line;
    value.origin = fmt::format("{}:{}", file_, value.line);
    out_.insert_or_assign(path, std::move(value));
  }

  const std::string& file_;
  RawLayer& out_;
};

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

std::string_view last_part(std::string_view key) {
  const std::size_t dot = key.rfind('.');
  return dot == std::string_view::npos ? key : key.substr(dot + 1);
}

}  // namespace

std::string_view kind_name(RawValue::Kind kind) {
  switch (kind) {
    case RawValue::Kind::kText:
      return "a text";
    case RawValue::Kind::kInteger:
      return "a whole number";
    case RawValue::Kind::kNumber:
      return "a number with a fraction";
    case RawValue::Kind::kBoolean:
      return "true or false";
    case RawValue::Kind::kTextList:
      return "a list";
    case RawValue::Kind::kSection:
      return "a section";
    case RawValue::Kind::kOther:
      break;
  }
  return "a value of another kind";
}

tl::expected<RawLayer, Problem> read_toml(std::string_view text, const std::string& file) {
  RawLayer layer;
  try {
    const toml::table table = toml::parse(text, file);
    Flattener(file, layer).table("", table);
  } catch (const toml::parse_error& error) {
    return tl::unexpected(Problem{fmt::format("line {}", error.source().begin.line),
                                  fmt::format("{}; the file must be TOML", error.description())});
  }
  return layer;
}

std::string environment_name(std::string_view key) {
  std::string name = "SDNS_";
  for (const char c : key) {
    if (c == '.' || c == '[') name += '_';
    else if (c != ']') name += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

std::optional<std::string> nearest(std::string_view wrong, const std::vector<std::string>& candidates) {
  std::optional<std::string> best;
  // Among those with the same last part, the one whose section is nearest.
  std::pair<std::size_t, std::size_t> best_distance{1 + std::clamp<std::size_t>(wrong.size() / 4, 1, 3), 0};
  for (const std::string& candidate : candidates) {
    const std::size_t letters = edit_distance(wrong, candidate);
    std::pair distance{letters, letters};
    if (last_part(candidate) == last_part(wrong)) distance.first = std::min<std::size_t>(letters, 1);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace sdns::daemon
