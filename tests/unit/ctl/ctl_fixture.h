// SPDX-License-Identifier: MIT
// sdnsctl in process, against a real database in a temporary directory and a daemon that is played.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "backend/ctl/run.h"
#include "backend/store/authority.h"
#include "tests/support/manual_clock.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temp_dir.h"

namespace sdns::ctl {

struct Ran {
  int code = 0;
  std::string out;
  std::string err;
};
inline void PrintTo(const Ran& ran, std::ostream* to) {
  *to << "exit code " << ran.code << "\nout: " << ran.out << "\nerr: " << ran.err;
}

MATCHER_P(Exits, code, "") { return arg.code == code; }

/// What the played daemon does; shared by the connections that sdnsctl makes.
struct PlayedDaemon {
  bool answers = false;
  DaemonState state;
  std::string status = R"({"version":"0.1.0","powerdns":[{"name":"main","state":"present"}]})";
  Result<std::string> explanation = std::string("{}");
  std::vector<std::string> explained;  ///< queries
  Result<std::string> health = std::string(R"({"sequence":0,"checks":[]})");
  std::vector<std::string> health_asked;     ///< queries
  std::vector<Result<std::string>> history;  ///< one answer after the other, and the last one again
  std::vector<std::string> history_asked;    ///< queries
  int pauses = 0;
  bool follows = true;  ///< answers with whatever it is asked to wait for
  std::vector<zone::Revision> waited_for;
  std::vector<std::chrono::milliseconds> limits;
};

class DaemonConnection final : public Daemon {
 public:
  explicit DaemonConnection(PlayedDaemon& played) : played_(played) {}
  Result<DaemonState> state() override {
    if (!played_.answers) return fail(Errc::kUnavailable, "no daemon answers at 127.0.0.1:8053");
    return played_.state;
  }
  Result<DaemonState> wait_for(zone::Revision revision, std::chrono::milliseconds limit) override {
    played_.waited_for.push_back(revision);
    played_.limits.push_back(limit);
    if (played_.follows) played_.state.revision = played_.state.purged = revision;
    return state();
  }
  Result<std::string> status() override { return played_.status; }
  Result<std::string> explain(const std::string& query) override {
    played_.explained.push_back(query);
    return played_.explanation;
  }
  Result<std::string> health(const std::string& query) override {
    played_.health_asked.push_back(query);
    return played_.health;
  }
  Result<std::string> health_history(const std::string& query, std::chrono::milliseconds) override {
    const std::size_t at = std::min(played_.history_asked.size(), played_.history.size() - 1);
    played_.history_asked.push_back(query);
    return played_.history[at];
  }

 private:
  PlayedDaemon& played_;
};

class CtlTest : public testing::Test {
 protected:
  CtlTest() {
    variables_["SDNS_DATABASE_URL"] = url_;
    EXPECT_THAT(ctl({"database", "init"}), Exits(0));
  }

  Ran ctl(const std::vector<std::string>& arguments) {
    Environment environment{clock_,
                            random_,
                            [this](const std::string& name) -> std::optional<std::string> {
                              const auto at = variables_.find(name);
                              return at == variables_.end() ? std::nullopt : std::optional(at->second);
                            },
                            [this](const std::string& address) -> std::unique_ptr<Daemon> {
                              addresses_.push_back(address);
                              return std::make_unique<DaemonConnection>(daemon_);
                            },
                            [this](std::chrono::milliseconds) { ++daemon_.pauses; },
                            directory_ / "no-such-config.toml"};
    std::ostringstream out;
    std::ostringstream err;
    const int code = run(arguments, out, err, environment);
    return {code, out.str(), err.str()};
  }

  /// The document that a command prints with --json.
  nlohmann::json json(std::vector<std::string> arguments, int code = 0) {
    arguments.insert(arguments.begin(), "--json");
    const Ran ran = ctl(arguments);
    EXPECT_THAT(ran, Exits(code));
    auto document = nlohmann::json::parse(ran.out, nullptr, false);
    EXPECT_FALSE(document.is_discarded()) << ran.out;
    return document;
  }

  std::string file(const std::string& name, const std::string& text) {
    const auto path = directory_ / name;
    std::ofstream(path) << text;
    return path.string();
  }

  /// example.org with the serial 10.
  void import_example() {
    const std::string text =
        "$ORIGIN example.org.\n$TTL 300\n"
        "@ IN SOA ns1 hostmaster 10 7200 900 1209600 30\n"
        "@ IN NS ns1\n@ IN NS ns2\n"
        "ns1 IN A 192.0.2.1\nns2 IN A 192.0.2.2\n"
        "www IN A 192.0.2.80\nwww IN A 192.0.2.81\n"
        "alias IN CNAME www\n"
        "sub IN NS ns.sub\nns.sub IN A 192.0.2.53\n";
    ASSERT_THAT(ctl({"zone", "import", file("example.org.zone", text)}), Exits(0));
  }

  zone::Revision revision() { return json({"database", "info"})["revision"].get<zone::Revision>(); }
  std::uint32_t serial(const std::string& zone = "example.org") {
    return json({"zone", "show", zone})["serial"].get<std::uint32_t>();
  }

  /// The contents of an RRset, in no particular order.
  std::vector<std::string> contents(const std::string& name, const std::string& type) {
    std::vector<std::string> found;
    const Ran ran = ctl({"--json", "record", "list", "example.org", name, type});
    for (const auto& record : nlohmann::json::parse(ran.out)) found.push_back(record["content"]);
    return found;
  }

  /// The private key texts of a zone, from the database.
  std::vector<std::string> private_texts(const std::string& zone) {
    auto authority = store::open_authority(url_, store::OpenMode::kExisting, clock_, random_);
    auto transaction = (*authority)->read();
    auto row = (*transaction)->zone(*dns::Name::parse(zone));
    std::vector<std::string> texts;
    auto keys = (*transaction)->keys((*row)->head.id);
    for (const auto& key : *keys) texts.push_back(key.content);
    return texts;
  }

  test::TempDir directory_;
  const std::string url_ = "sqlite:" + (directory_ / "authority.db").string();
  test::ManualWallClock clock_;
  test::SeededRandom random_{1};
  std::map<std::string, std::string> variables_;
  PlayedDaemon daemon_;
  std::vector<std::string> addresses_;
};

}  // namespace sdns::ctl
