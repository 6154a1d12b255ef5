// SPDX-License-Identifier: MIT
#include "backend/base/metrics.h"

#include <gtest/gtest.h>

namespace sdns {
namespace {

TEST(Metrics, SumsUpEqualSeriesAndRendersThemInOrder) {
  Metrics metrics;
  Metric& one = metrics.counter("sdns_requests_total", "Requests by method.", {{"method", "lookup"}});
  Metric& two = metrics.counter("sdns_requests_total", "Requests by method.", {{"method", "lookup"}});
  metrics.gauge("sdns_age", "Age of \\ the state.").set(-5);
  one.add();
  two.add(4);
  metrics.counter("sdns_requests_total", "Requests by method.", {{"method", "a\"b\n"}}).add(1);
  EXPECT_EQ(metrics.render(),
            "# HELP sdns_age Age of \\ the state.\n# TYPE sdns_age gauge\nsdns_age -5\n"
            "# HELP sdns_requests_total Requests by method.\n# TYPE sdns_requests_total counter\n"
            "sdns_requests_total{method=\"a\\\"b\\n\"} 1\nsdns_requests_total{method=\"lookup\"} 5\n");
}

TEST(Metrics, AHistogramCountsWhatIsAtOrBelowItsBounds) {
  static constexpr std::int64_t kBounds[] = {10, 100};
  Metrics metrics;
  Histogram& histogram = metrics.histogram("sdns_time", "How long.", kBounds);
  for (const int value : {3, 10, 11, 500}) histogram.observe(value);
  EXPECT_EQ(metrics.render(),
            "# HELP sdns_time How long.\n# TYPE sdns_time histogram\n"
            "sdns_time_bucket{le=\"10\"} 2\nsdns_time_bucket{le=\"100\"} 3\nsdns_time_bucket{le=\"+Inf\"} 4\n"
            "sdns_time_sum 524\nsdns_time_count 4\n");
  std::string labelled;
  append_histogram(labelled, "a", "b=\"c\"", kBounds, histogram.counts(), histogram.sum());
  EXPECT_EQ(labelled.substr(0, labelled.find('\n')), "a_bucket{b=\"c\",le=\"10\"} 2");
  EXPECT_NE(labelled.find("a_sum{b=\"c\"} 524\na_count{b=\"c\"} 4\n"), std::string::npos);
}

}  // namespace
}  // namespace sdns
