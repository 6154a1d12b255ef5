// SPDX-License-Identifier: MIT
// Counters and gauges that any thread may move; the admin server renders them. docs/operations.md lists every metric.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sdns {

/// A label's value as it stands between the quotes of the Prometheus text format.
[[nodiscard]] std::string escape_metric_label(std::string_view text);

/// One number on a cache line of its own: threads that count on the query path have one each (see Metrics::counter).
class alignas(64) Metric {
 public:
  void add(std::int64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  void set(std::int64_t n) { value_.store(n, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

/// The program's metrics. A reference that it gave stays valid as long as the registry. Metrics with equal name and
/// labels are summed up when they are rendered, so that each thread can have its own.
class Metrics {
 public:
  using Labels = std::vector<std::pair<std::string, std::string>>;
  enum class Type { kCounter, kGauge };

  Metric& counter(std::string_view name, std::string_view help, Labels labels = {}) {
    return add(Type::kCounter, name, help, std::move(labels));
  }
  Metric& gauge(std::string_view name, std::string_view help, Labels labels = {}) {
    return add(Type::kGauge, name, help, std::move(labels));
  }

  /// Prometheus text exposition format 0.0.4, families in order of their names.
  [[nodiscard]] std::string render() const;

 private:
  struct Entry {
    Type type;
    std::string name;
    std::string help;
    Labels labels;
    Metric metric;
  };
  Metric& add(Type type, std::string_view name, std::string_view help, Labels labels);

  mutable std::mutex mutex_;
  std::deque<Entry> entries_;
};

}  // namespace sdns
