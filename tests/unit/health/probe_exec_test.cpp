// SPDX-License-Identifier: MIT
#include "backend/health/probe_exec.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include <fstream>

#include "tests/support/temp_dir.h"
#include "tests/unit/health/probe_fixture.h"

namespace sdns::health {
namespace {

using testing::HasSubstr;
using testing::Not;

class ProbeExec : public ProberTest {
 protected:
  ProbeExec() { make_prober({.exec_allowed = true}); }
  static ProbeSpec sh(const std::string& script, ExecProbe exec = {}) {
    ProbeSpec spec;
    spec.address = ip("192.0.2.7");
    spec.port = 25;
    spec.timeout = kLong;
    exec.argv = {"/bin/sh", "-c", script};
    spec.kind = std::move(exec);
    return spec;
  }
  /// Whether this process has children that nobody waits for.
  static bool has_children() {
    siginfo_t info{};
    return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
  }
};

TEST_F(ProbeExec, ExitStatus0IsASuccessWhoseTextIsTheFirstLine) {
  const ProbeResult got = run(sh("echo up; echo more"));
  EXPECT_FAILURE(got, ProbeFailure::kNone);
  EXPECT_EQ(got.text, "up");
  EXPECT_FALSE(has_children());
}

TEST_F(ProbeExec, AnotherStatusAndASignalAreFailures) {
  const ProbeResult status = run(sh("echo no room >&2; exit 3"));
  EXPECT_FAILURE(status, ProbeFailure::kExit);
  EXPECT_EQ(status.text, "exit status 3: no room");
  const ProbeResult signal = run(sh("kill -TERM $$"));
  EXPECT_FAILURE(signal, ProbeFailure::kExit);
  EXPECT_EQ(signal.text, "ended by signal 15");
}

TEST_F(ProbeExec, AProgramThatCannotBeRunSaysNothingOfTheTarget) {
  ProbeSpec spec = sh("");
  std::get<ExecProbe>(spec.kind).argv = {"/does/not/exist"};
  ProbeResult got = run(spec);
  EXPECT_FAILURE(got, ProbeFailure::kLocal);
  EXPECT_THAT(got.text, HasSubstr("/does/not/exist"));
  std::get<ExecProbe>(spec.kind).argv = {"/etc/passwd"};
  EXPECT_FAILURE(run(spec), ProbeFailure::kLocal);
}

TEST_F(ProbeExec, AProgramThatIsNotConfiguredIsNotRun) {
  ProbeSpec spec = sh("");
  std::get<ExecProbe>(spec.kind).argv.clear();
  std::get<ExecProbe>(spec.kind).name = "raid";
  const ProbeResult got = run(spec);
  EXPECT_FAILURE(got, ProbeFailure::kDisabled);
  EXPECT_THAT(got.text, HasSubstr("raid"));
}

TEST_F(ProbeExec, ArgumentsAreNotForAShell) {
  ProbeSpec spec = sh("");
  std::get<ExecProbe>(spec.kind).argv = {"/bin/echo", "$HOME `id` \"*\" ; 'x", "-n"};
  EXPECT_EQ(run(spec).text, "$HOME `id` \"*\" ; 'x -n");
}

TEST_F(ProbeExec, NothingIsRunUnlessTheConfigurationAllowsIt) {
  test::TempDir dir;
  make_prober({});
  EXPECT_FAILURE(run(sh("touch " + (dir / "ran").string())), ProbeFailure::kDisabled);
  EXPECT_FALSE(std::filesystem::exists(dir / "ran"));
}

TEST_F(ProbeExec, TheEnvironmentIsClosed) {
  ::setenv("SECRET_TOKEN", "hush", 1);
  const ProbeResult got = run(sh("env | sort | tr '\\n' ' '", {.answered = ip("198.51.100.7")}));
  ::unsetenv("SECRET_TOKEN");
  EXPECT_THAT(got.text, Not(HasSubstr("SECRET")));
  EXPECT_THAT(got.text, HasSubstr("LANG=C "));
  EXPECT_THAT(got.text, HasSubstr("SDNS_ADDRESS=192.0.2.7 SDNS_ANSWERED=198.51.100.7 SDNS_PORT=25 SDNS_TIMEOUT="));
}

TEST_F(ProbeExec, DescriptorsDirectorySignalsAndInputAreNotInherited) {
  const Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const Fd inherited(::fcntl(null.get(), F_DUPFD, 100));  // without close-on-exec
  ASSERT_TRUE(inherited);
  const std::string path = "/proc/$$/fd/" + std::to_string(inherited.get());
  EXPECT_EQ(run(sh("if test -e " + path + "; then echo open; else echo closed; fi")).text, "closed");
  EXPECT_EQ(run(sh("pwd")).text, "/");
  EXPECT_EQ(run(sh("wc -c")).text, "0");
  ::signal(SIGTERM, SIG_IGN);
  EXPECT_EQ(run(sh("kill -TERM $$; echo still here")).text, "ended by signal 15");
  ::signal(SIGTERM, SIG_DFL);
}

TEST_F(ProbeExec, LimitsHold) {
  ExecProbe exec{.cpu_seconds = 2, .memory_mebioctets = 100, .open_files = 20};
  EXPECT_EQ(run(sh("ulimit -t; ulimit -v; ulimit -n; ulimit -c", exec)).text, "2");
  EXPECT_EQ(run(sh("echo $(ulimit -t; ulimit -v; ulimit -n; ulimit -c)", exec)).text, "2 102400 20 0");
}

TEST_F(ProbeExec, TooMuchOutputEndsIt) {
  const ProbeResult got = run(sh("while :; do echo yyyyyyyyyyyyyyyyyyyyyy; done", {.output_octets = 1000}));
  EXPECT_FAILURE(got, ProbeFailure::kTooLarge);
  poll_until([] { return !has_children(); });
  EXPECT_EQ(run(sh("printf %1000s x", {.output_octets = 1000})).text.size(), kMaxProbeText);
}

// The number that a script has written into a file.
pid_t pid_in(const std::filesystem::path& path) {
  pid_t pid = 0;
  std::ifstream(path) >> pid;
  return pid;
}
// Also when nobody has waited for it yet.
bool is_gone(pid_t pid) {
  std::string line;
  std::getline(std::ifstream("/proc/" + std::to_string(pid) + "/stat"), line);
  return line.empty() || line.find(") Z ") != std::string::npos;
}

TEST_F(ProbeExec, EndsAtTheTimeout) {
  ProbeSpec spec = sh("trap '' TERM; sleep 1000");
  spec.timeout = std::chrono::milliseconds(300);
  EXPECT_FAILURE(run(spec), ProbeFailure::kTimeout);
  poll_until([] { return !has_children(); });
}

TEST_F(ProbeExec, TheWholeProcessGroupEndsWithTheProbe) {
  test::TempDir dir;
  const std::string script = "trap '' TERM; sleep 1000 & echo $! > " + (dir / "child").string() + "; wait";
  const ProbeId id = prober_->start(sh(script), [](ProbeId, const ProbeResult&) { ADD_FAILURE(); });
  pid_t child = 0;
  poll_until([&] { return (child = pid_in(dir / "child")) > 0; });
  EXPECT_FALSE(is_gone(child));
  EXPECT_TRUE(prober_->cancel(id));
  poll_until([] { return !has_children(); });
  poll_until([&] { return is_gone(child); });
}

TEST_F(ProbeExec, WhatAProgramLeavesBehindEndsWithIt) {
  test::TempDir dir;
  EXPECT_FAILURE(run(sh("sleep 1000 & echo $! > " + (dir / "child").string())), ProbeFailure::kNone);
  const pid_t child = pid_in(dir / "child");
  ASSERT_GT(child, 0);
  poll_until([&] { return is_gone(child); });
}

TEST_F(ProbeExec, CancelAndDestructionEndIt) {
  const std::size_t before = open_descriptors();
  const auto never = [](ProbeId, const ProbeResult&) { ADD_FAILURE(); };
  const ProbeId id = prober_->start(sh("sleep 1000"), never);
  uv_run(&loop_, UV_RUN_NOWAIT);
  EXPECT_TRUE(prober_->cancel(id));
  poll_until([] { return !has_children(); });
  poll_until([&] { return open_descriptors() <= before; });
  for (int i = 0; i < 5; ++i) prober_->start(sh("sleep 1000"), never);
  prober_.reset();
  EXPECT_FALSE(has_children());
}

}  // namespace
}  // namespace sdns::health
