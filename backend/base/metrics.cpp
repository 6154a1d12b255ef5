// SPDX-License-Identifier: MIT
#include "backend/base/metrics.h"

#include <fmt/format.h>

#include <iterator>
#include <map>

namespace sdns {

std::string escape_metric_label(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') out += "\\n";
    else out += c;
  }
  return out;
}

Metric& Metrics::add(Type type, std::string_view name, std::string_view help, Labels labels) {
  std::lock_guard lock(mutex_);
  Entry& entry = entries_.emplace_back();
  entry.type = type;
  entry.name = name;
  entry.help = help;
  entry.labels = std::move(labels);
  return entry.metric;
}

std::string Metrics::render() const {
  struct Family {
    const Entry* first = nullptr;
    std::map<Labels, std::int64_t> values;
  };
  std::map<std::string_view, Family> families;
  {
    std::lock_guard lock(mutex_);
    for (const Entry& entry : entries_) {
      Family& family = families[entry.name];
      if (!family.first) family.first = &entry;
      family.values[entry.labels] += entry.metric.value();
    }
  }
  std::string out;
  for (const auto& [name, family] : families) {
    fmt::format_to(std::back_inserter(out), "# HELP {} {}\n# TYPE {} {}\n", name, family.first->help, name,
                   family.first->type == Type::kCounter ? "counter" : "gauge");
    for (const auto& [labels, value] : family.values) {
      out += name;
      for (std::size_t i = 0; i < labels.size(); ++i)
        fmt::format_to(std::back_inserter(out), "{}{}=\"{}\"", i == 0 ? "{" : ",", labels[i].first,
                       escape_metric_label(labels[i].second));
      if (!labels.empty()) out += '}';
      fmt::format_to(std::back_inserter(out), " {}\n", value);
    }
  }
  return out;
}

}  // namespace sdns
