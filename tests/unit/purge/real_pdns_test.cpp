// SPDX-License-Identifier: MIT
// What PowerDNS 4.7.3 really does with our purges: a pdns_server with warm caches, a purge, and a count of what went.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sqlite3.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "backend/base/owned.h"
#include "backend/purge/control_socket.h"
#include "backend/purge/door.h"
#include "tests/support/temp_dir.h"

extern char** environ;

namespace sdns::purge {
namespace {

using std::chrono::milliseconds;
using Sqlite = Owned<sqlite3, sqlite3_close>;

dns::Name name(std::string_view text) { return dns::Name::parse(text).value(); }

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// A port that is free for both UDP and TCP.
std::uint16_t free_port() {
  for (;;) {
    const Fd tcp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const Fd udp(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof(address);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(tcp.get(), generic, size) != 0 || ::getsockname(tcp.get(), generic, &size) != 0) continue;
    if (::bind(udp.get(), generic, size) == 0) return ntohs(address.sin_port);
  }
}

class RealPdns : public testing::Test {
 protected:
  void SetUp() override {
    make_database();
    std::ofstream(dir_ / "pdns.conf")
        << "launch=gsqlite3\ngsqlite3-database=" << (dir_ / "zones.db").string()
        << "\nlocal-address=127.0.0.1\nlocal-port=" << port_ << "\nsocket-dir=" << dir_.path().string()
        << "\nsetuid=\ncache-ttl=60\nquery-cache-ttl=60\nnegquery-cache-ttl=60\n"
           "zone-cache-refresh-interval=3600\napi=yes\napi-key=key\nwebserver-address=127.0.0.1\n"
           "webserver-port="
        << api_port_ << "\nloglevel=3\ndisable-syslog=yes\nsecurity-poll-suffix=\n";
    const std::string config = "--config-dir=" + dir_.path().string();
    std::string program = "pdns_server";
    std::string arguments[] = {program, config, "--daemon=no", "--guardian=no"};
    std::vector<char*> argv;
    for (std::string& a : arguments) argv.push_back(a.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    const std::string log = dir_ / "log";
    for (const int fd : {1, 2})
      posix_spawn_file_actions_addopen(&actions, fd, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ASSERT_EQ(::posix_spawnp(&pid_, program.c_str(), &actions, nullptr, argv.data(), environ), 0)
        << "install pdns-server";
    posix_spawn_file_actions_destroy(&actions);
    for (int i = 0; i < 200 && !serving(); ++i) std::this_thread::sleep_for(milliseconds(50));
    ASSERT_TRUE(serving()) << std::ifstream(dir_ / "log").rdbuf();
  }
  void TearDown() override {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  void make_database() {
    std::string schema;
    for (const char* path : {"/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql",
                             "/usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql"}) {
      std::ifstream file(path);
      std::ostringstream text;
      text << file.rdbuf();
      if (schema.empty()) schema = text.str();
    }
    ASSERT_FALSE(schema.empty()) << "install pdns-backend-sqlite3";
    sqlite3* raw = nullptr;
    ASSERT_EQ(sqlite3_open((dir_ / "zones.db").c_str(), &raw), SQLITE_OK);
    database_.reset(raw);
    sql(schema);
    add_zone(1, "example.test");
  }
  void sql(const std::string& statements) {
    char* message = nullptr;
    EXPECT_EQ(sqlite3_exec(database_.get(), statements.c_str(), nullptr, nullptr, &message), SQLITE_OK) << message;
  }
  void add_zone(int id, const std::string& apex) {
    sql("INSERT INTO domains(id,name,type) VALUES(" + std::to_string(id) + ",'" + apex + "','NATIVE')");
    for (const auto& [owner, type, content] :
         {std::tuple{"", "SOA", "ns.test h.test 1 3600 600 86400 300"}, std::tuple{"", "NS", "ns.test"},
          std::tuple{"www.", "A", "192.0.2.1"}, std::tuple{"*.w.", "A", "192.0.2.2"}})
      sql("INSERT INTO records(domain_id,name,type,content,ttl,auth) VALUES(" + std::to_string(id) + ",'" + owner +
          apex + "','" + type + "','" + content + "',300,1)");
  }

  // The response code and the last octet of the answer's last address; -1 for no answer at all.
  int ask(std::string_view qname, int* rcode = nullptr) const {
    const Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const sockaddr_in server = loopback(port_);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&server), sizeof(server)) != 0) return -1;
    std::string query("\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00", 12);
    query += name(qname).wire() + std::string("\x00\x01\x00\x01", 4);
    if (::send(fd.get(), query.data(), query.size(), 0) < 0) return -1;
    const timeval limit{0, 500'000};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    unsigned char reply[512];
    const ssize_t n = ::recv(fd.get(), reply, sizeof(reply), 0);
    if (n < 12) return -1;
    if (rcode) *rcode = reply[3] & 15;
    return reply[7] == 0 ? 0 : reply[n - 1];
  }
  bool serving() const { return ask("www.example.test") == 1 && control().ping().has_value(); }
  ControlSocket control() const { return ControlSocket(dir_ / "pdns.controlsocket"); }

  test::TempDir dir_;
  Sqlite database_;
  std::uint16_t port_ = free_port();
  std::uint16_t api_port_ = free_port();
  pid_t pid_ = -1;
};

TEST_F(RealPdns, ForgetsExactlyWhatItIsTold) {
  ASSERT_TRUE(control().purge_everything().has_value());
  EXPECT_EQ(ask("www.example.test"), 1);
  EXPECT_EQ(ask("a.w.example.test"), 2);
  sql("UPDATE records SET content='192.0.2.9' WHERE type='A'");
  EXPECT_EQ(ask("www.example.test"), 1) << "the cache is not warm";
  EXPECT_EQ(ask("a.w.example.test"), 2) << "the cache is not warm";

  EXPECT_EQ(control().purge({name("www.example.test"), name("other.test")}).value(), 2U) << "packet and records";
  EXPECT_EQ(ask("www.example.test"), 9);
  EXPECT_EQ(control().purge({name("*.w.example.test")}).value(), 1U) << "records of the wildcard";
  EXPECT_EQ(ask("a.w.example.test"), 2) << "an answer sits under the name asked";
  EXPECT_GE(control().purge({name("a.w.example.test")}).value(), 1U);
  EXPECT_EQ(ask("a.w.example.test"), 9);

  EXPECT_GT(control().purge_subtree(name("example.test")).value(), 3U);
  EXPECT_EQ(control().purge_everything().value(), 0U);
  EXPECT_EQ(control().purge({name("a\\032b.\\$x.example.test"), name("."), name("\\000.\\255.test")}).value(), 0U);
  EXPECT_TRUE(control().rediscover().has_value());
}

TEST_F(RealPdns, TakesALineOfTwentyThousandNames) {
  std::set<dns::Name> names;
  for (int i = 0; i < 20'000; ++i) names.insert(name("host-" + std::to_string(i) + ".some.longer.name.example.test"));
  names.insert(name("www.example.test"));
  EXPECT_EQ(ask("www.example.test"), 1);
  const auto count = control().purge(names);
  ASSERT_TRUE(count.has_value()) << count.error().what;
  EXPECT_GE(*count, 2U);
}

TEST_F(RealPdns, LearnsOfANewZoneByItsAnnouncement) {
  const auto door =
      open_door({"real", dir_ / "pdns.controlsocket", "http://127.0.0.1:" + std::to_string(api_port_), "key"});
  int rcode = -1;
  EXPECT_EQ(ask("www.new.test", &rcode), 0);
  EXPECT_EQ(rcode, 5) << "REFUSED";
  add_zone(2, "new.test");
  EXPECT_EQ(ask("www.new.test", &rcode), 0);
  EXPECT_EQ(rcode, 5) << "REFUSED is cached, and the zone is not known";
  const auto done = door->announce(name("new.test"));
  ASSERT_TRUE(done.has_value()) << done.error().what;
  EXPECT_EQ(ask("www.new.test"), 1);
  EXPECT_TRUE(door->announce(name("below.www.new.test")).has_value()) << "a name that is no zone is flushed";
  EXPECT_TRUE(door->announce(name(".")).has_value());
}

}  // namespace
}  // namespace sdns::purge
