// SPDX-License-Identifier: MIT
// The protocol in exact octets: a round trip through our own codec would hide a misspelled key.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <iostream>

#include "backend/answer/line_handler.h"
#include "tests/support/manual_clock.h"
#include "tests/support/write_request.h"
#include "tests/unit/answer/case_file.h"

namespace sdns::answer {
namespace {

struct LoadedCase {
  zone::ZoneSetPtr zones;
  test::ProtocolCase exchange;
};

std::vector<LoadedCase> load_cases() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(SDNS_CASES))
    if (entry.path().extension() == ".case") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<LoadedCase> all;
  for (const auto& path : paths) {
    test::CaseFile file = test::read_case_file(path);
    for (test::ProtocolCase& exchange : file.cases) all.push_back({file.zones, std::move(exchange)});
  }
  return all;
}

const std::vector<LoadedCase>& cases() {
  static const std::vector<LoadedCase> kCases = load_cases();
  return kCases;
}

// The records of a name have no order: rows are compared sorted.
std::string sorted_rows(const std::string& reply) {
  constexpr std::string_view kBegin = R"({"result":[{"qname")";
  if (!reply.starts_with(kBegin)) return reply;
  std::vector<std::string> rows;
  std::string rest = reply.substr(0, reply.rfind("}]}"));
  rest.erase(0, kBegin.size());
  for (std::size_t at; (at = rest.find(R"(},{"qname")")) != std::string::npos; rest.erase(0, at + 10))
    rows.push_back(rest.substr(0, at));
  rows.push_back(rest);
  std::sort(rows.begin(), rows.end());
  std::string joined(kBegin);
  for (const std::string& row : rows) joined += row + "\n";
  return joined + reply.substr(reply.rfind("}]}"));
}

class ProtocolCaseTest : public testing::TestWithParam<std::size_t> {};

TEST_P(ProtocolCaseTest, IsAnsweredWithExactlyTheseOctets) {
  const LoadedCase& loaded = cases()[GetParam()];
  const test::ProtocolCase& exchange = loaded.exchange;
  SCOPED_TRACE(exchange.file + ":" + std::to_string(exchange.line) + ": " + exchange.behaviour);
  test::ManualClock clock;
  test::ManualWallClock wall;
  const Log log(wall, LogLevel::kError, LogFormat::kText);
  Metrics metrics;
  const ZoneSetCell cell(loaded.zones);
  LineHandler handler(
      cell, [](void*, std::shared_ptr<const zone::ZoneSet>) {}, nullptr, nullptr, clock, log, metrics);
  std::string reply;
  const net::Outcome outcome = handler.handle(1, exchange.request, reply);
  EXPECT_EQ(sorted_rows(reply), sorted_rows(exchange.reply));
  EXPECT_EQ(outcome, exchange.closes ? net::Outcome::kClose : net::Outcome::kReply);
  EXPECT_EQ(std::count(reply.begin(), reply.end(), '\n'), 1);
}

TEST_P(ProtocolCaseTest, IsParsedAlikeByScannerAndCompleteParser) {
  const test::ProtocolCase& exchange = cases()[GetParam()].exchange;
  SCOPED_TRACE(exchange.file + ":" + std::to_string(exchange.line) + ": " + exchange.behaviour);
  protocol::RequestParser usual;
  protocol::RequestParser complete;
  const auto one = usual.parse(exchange.request);
  const auto other = complete.parse_general(exchange.request);
  ASSERT_EQ(one.has_value(), other.has_value());
  if (one) {
    EXPECT_EQ(*one, *other);
  }
}

INSTANTIATE_TEST_SUITE_P(Protocol, ProtocolCaseTest, testing::Range(std::size_t{0}, cases().size()),
                         [](const testing::TestParamInfo<std::size_t>& info) {
                           const test::ProtocolCase& exchange = cases()[info.param].exchange;
                           std::string name = exchange.file.substr(0, exchange.file.find('.'));
                           name += "_" + std::to_string(exchange.line) + "_" + exchange.behaviour;
                           for (char& c : name)
                             if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
                           return name;
                         });

}  // namespace
}  // namespace sdns::answer
