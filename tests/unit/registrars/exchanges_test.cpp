// SPDX-License-Identifier: MIT
// Recorded exchanges, tests/data/registrars/<registrar>/<case>.case: what is sent is compared octet by octet with what
// the registrars' documents say, and what comes back has the outcome that the case names.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "tests/unit/registrars/registrar_fixture.h"

namespace sdns::registrars {
namespace {

struct Exchange {
  std::string request;
  net::HttpResponse reply{};
};

struct Case {
  std::string registrar;
  std::string credential;
  std::string shopper;
  std::string todo;
  std::optional<std::int64_t> now;
  std::vector<Exchange> exchanges;
  std::string result;
};

std::vector<std::string> words(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> all;
  for (std::string word; in >> word;) all.push_back(word);
  return all;
}

/// Sections begin with "--- request", "--- reply STATUS" and "--- result"; the last line break of each is not part of
/// it.
Case read_case(const std::filesystem::path& path) {
  std::ifstream in(path);
  Case read{path.parent_path().filename().string(), {}, {}, {}, {}, {}, {}};
  std::string section = "head";
  std::vector<std::pair<std::string, std::string>> sections;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("--- ")) {
      sections.emplace_back(line.substr(4), "");
    } else if (sections.empty()) {
      if (line.starts_with("credential: ")) read.credential = line.substr(12);
      if (line.starts_with("shopper: ")) read.shopper = line.substr(9);
      if (line.starts_with("now: ")) read.now = std::stoll(line.substr(5));
      if (line.starts_with("do: ")) read.todo = line.substr(4);
    } else {
      sections.back().second += line + '\n';
    }
  }
  for (auto& [title, text] : sections) {
    if (!text.empty()) text.pop_back();
    if (title == "request") {
      if (text.find("\n\n") == std::string::npos)
        text += '\n';  // no body: the headers end with an empty line all the same
      read.exchanges.push_back({text});
    } else if (title == "result") {
      read.result = text;
    } else {
      net::HttpResponse reply;
      reply.status = std::stoi(title.substr(6));
      std::istringstream lines(text);
      std::size_t at = 0;
      for (std::string line; std::getline(lines, line) && !line.empty();) {
        const auto colon = line.find(": ");
        reply.headers.emplace_back(lower(line.substr(0, colon)), line.substr(colon + 2));
        at += line.size() + 1;
      }
      reply.body = text.size() > at + 1 ? text.substr(at + 1) : "";
      read.exchanges.back().reply = std::move(reply);
    }
  }
  return read;
}

std::string told(const Fault& fault) {
  std::string text = fmt::format("fault {}", row_of(fault.kind).code);
  if (!fault.upstream_code.empty() && fault.upstream_code != "405") text += " code=" + fault.upstream_code;
  if (fault.retry_after) text += fmt::format(" retry-after={}", fault.retry_after->count());
  return text;
}

std::string told(const Answer<WriteResult>& result) {
  if (!result) return told(result.error());
  std::string text(write_state_text(result->state));
  if (result->confirmed) text += " confirmed";
  if (result->task) text += " task=" + result->task->id;
  if (result->repeat) text += " repeat";
  return text + fmt::format(" observed={}", fmt::join(result->observed, ","));
}

std::string told(const Answer<NameserverSet>& set) {
  if (!set) return told(set.error());
  std::string text = "ns";
  for (const auto& host : set->hosts) text += ' ' + undotted(host);
  if (set->own_dns) text += " own-dns";
  if (set->ordered) text += fmt::format(" ordered={}", fmt::join(undotted(*set->ordered), ","));
  return text;
}

std::vector<Nameserver> nameservers_of(const std::vector<std::string>& texts) {
  std::vector<Nameserver> all;
  for (const std::string& text : texts) {
    const auto equals = text.find('=');
    Nameserver server{*parse_host(text.substr(0, equals))};
    if (equals != std::string::npos) server.addresses.push_back(*dns::IpAddress::parse(text.substr(equals + 1)));
    all.push_back(std::move(server));
  }
  return all;
}

std::string carry_out(Registrar& registrar, const std::string& todo) {
  auto words_of = words(todo);
  const std::string what = words_of[0];
  const dns::Name domain = *parse_domain(words_of[1]);
  words_of.erase(words_of.begin(), words_of.begin() + 2);
  if (what == "validate") {
    const auto found = registrar.validate(domain);
    return found ? "valid " + found->status : told(found.error());
  }
  if (what == "ns") return told(registrar.nameservers(domain));
  if (what == "set-ns")
    return told(registrar.set_nameservers(domain, nameservers_of(words_of), Hosts::kMustBeRegistered));
  if (what == "ds") {
    const auto records = registrar.ds(domain);
    if (!records) return told(records.error());
    std::string text = "ds";
    for (const auto& record : *records) text += ' ' + record.text();
    return text;
  }
  if (what == "set-ds") {
    const auto record = parse_ds(domain, fmt::format("{}", fmt::join(words_of, " ")));
    return record ? told(registrar.set_ds(domain, {*record})) : told(record.error());
  }
  if (what == "clear-ds") return told(registrar.clear_ds(domain));
  if (what == "glue") {
    const auto addresses = registrar.glue(domain, *parse_host(words_of[0]));
    if (!addresses) return told(addresses.error());
    std::string text = *addresses ? "glue" : "glue none";
    if (*addresses)
      for (const auto& address : **addresses) text += ' ' + address.text();
    return text;
  }
  if (what == "set-glue") {
    Nameserver host{*parse_host(words_of[0])};
    for (std::size_t i = 1; i < words_of.size(); ++i) host.addresses.push_back(*dns::IpAddress::parse(words_of[i]));
    return told(registrar.set_glue(domain, host));
  }
  if (what == "task") {
    const auto report = registrar.task(domain, words_of[0]);
    if (!report) return told(report.error());
    static constexpr const char* kStates[] = {"running", "done", "failed", "gone"};
    std::string text = fmt::format("task {}", kStates[static_cast<int>(report->state)]);
    if (report->fault) text += fmt::format(" {}", row_of(report->fault->kind).code);
    return text;
  }
  return "no such thing: " + what;
}

class Exchanges : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(Exchanges, AreSentAsTheyAreRecordedAndHaveTheRecordedOutcome) {
  const Case recorded = read_case(GetParam());
  std::size_t at = 0;
  test::World world([&](const net::HttpRequest& request) -> Result<net::HttpResponse> {
    if (at == recorded.exchanges.size()) {
      ADD_FAILURE() << "one request more than recorded:\n" << test::text_of(request);
      return fail(Errc::kUnavailable, "nothing is recorded");
    }
    const Exchange& exchange = recorded.exchanges[at++];
    EXPECT_EQ(test::text_of(request), exchange.request) << "request " << at;
    return exchange.reply;
  });
  world.wall.set(std::chrono::sys_seconds(std::chrono::seconds(recorded.now.value_or(1'700'000'000))));
  world.context.limits.operation = std::chrono::seconds(2);  // a case ends where it would have to wait for long
  if (recorded.todo.starts_with("set-") || recorded.todo.starts_with("clear-"))
    world.context.limits.operation = std::chrono::minutes(3);
  Settings settings;
  settings.shopper = recorded.shopper;
  auto registrar = make_registrar(recorded.registrar, recorded.credential, settings, world.context);
  const std::string result = registrar ? carry_out(**registrar, recorded.todo) : told(registrar.error());
  EXPECT_EQ(result, recorded.result);
  EXPECT_EQ(at, recorded.exchanges.size()) << "not every recorded request was sent";
}

std::vector<std::filesystem::path> cases() {
  std::vector<std::filesystem::path> all;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(SDNS_CASES))
    if (entry.path().extension() == ".case") all.push_back(entry.path());
  std::sort(all.begin(), all.end());
  return all;
}

INSTANTIATE_TEST_SUITE_P(Registrars, Exchanges, testing::ValuesIn(cases()), [](const auto& info) {
  return info.param.parent_path().filename().string() + "_" + info.param.stem().string();
});

}  // namespace
}  // namespace sdns::registrars
