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

std::vector<std::uint64_t> Histogram::counts() const {
  std::vector<std::uint64_t> counts;
  for (const auto& count : counts_) counts.push_back(count.load(std::memory_order_relaxed));
  return counts;
}

void append_histogram(std::string& out, std::string_view name, std::string_view labels,
                      std::span<const std::int64_t> bounds, std::span<const std::uint64_t> counts, std::int64_t sum) {
  const auto append = std::back_inserter(out);
  const std::string_view comma = labels.empty() ? "" : ",";
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    total += counts[i];
    if (i < bounds.size())
      fmt::format_to(append, "{}_bucket{{{}{}le=\"{}\"}} {}\n", name, labels, comma, bounds[i], total);
    else fmt::format_to(append, "{}_bucket{{{}{}le=\"+Inf\"}} {}\n", name, labels, comma, total);
  }
  const std::string braces = labels.empty() ? std::string() : fmt::format("{{{}}}", labels);
  fmt::format_to(append, "{0}_sum{1} {2}\n{0}_count{1} {3}\n", name, braces, sum, total);
}

Histogram& Metrics::histogram(std::string_view name, std::string_view help, std::span<const std::int64_t> bounds) {
  std::lock_guard lock(mutex_);
  return histograms_.emplace_back(name, help, bounds).histogram;
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
  std::lock_guard lock(mutex_);
  for (const NamedHistogram& one : histograms_) {
    fmt::format_to(std::back_inserter(out), "# HELP {0} {1}\n# TYPE {0} histogram\n", one.name, one.help);
    append_histogram(out, one.name, {}, one.histogram.bounds(), one.histogram.counts(), one.histogram.sum());
  }
  return out;
}

}  // namespace sdns
