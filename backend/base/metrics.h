// SPDX-License-Identifier: MIT
// Counters and gauges that any thread may move; the admin server renders them. docs/operations.md lists every metric.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <span>
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

/// How often a value was at or below each of a few bounds, and their sum.
class Histogram {
 public:
  /// `bounds` grow, and live as long as the histogram.
  explicit Histogram(std::span<const std::int64_t> bounds) : bounds_(bounds), counts_(bounds.size() + 1) {}
  void observe(std::int64_t value) {
    std::size_t at = 0;
    while (at < bounds_.size() && value > bounds_[at]) ++at;
    counts_[at].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(value, std::memory_order_relaxed);
  }
  [[nodiscard]] std::span<const std::int64_t> bounds() const { return bounds_; }
  /// Of values above the bound before and at or below this one; the last one: above all bounds.
  [[nodiscard]] std::vector<std::uint64_t> counts() const;
  [[nodiscard]] std::int64_t sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  std::span<const std::int64_t> bounds_;
  std::deque<std::atomic<std::uint64_t>> counts_;
  std::atomic<std::int64_t> sum_{0};
};

/// The samples of one histogram in the Prometheus text format; `labels` as they stand between the braces, may be empty.
void append_histogram(std::string& out, std::string_view name, std::string_view labels,
                      std::span<const std::int64_t> bounds, std::span<const std::uint64_t> counts, std::int64_t sum);

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

  /// Of its own name, without labels.
  Histogram& histogram(std::string_view name, std::string_view help, std::span<const std::int64_t> bounds);

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

  struct NamedHistogram {
    NamedHistogram(std::string_view n, std::string_view h, std::span<const std::int64_t> bounds)
        : name(n), help(h), histogram(bounds) {}
    std::string name;
    std::string help;
    Histogram histogram;
  };

  mutable std::mutex mutex_;
  std::deque<Entry> entries_;
  std::deque<NamedHistogram> histograms_;
};

}  // namespace sdns
