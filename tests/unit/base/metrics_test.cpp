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

}  // namespace
}  // namespace sdns
