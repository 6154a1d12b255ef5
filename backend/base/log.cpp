// SPDX-License-Identifier: MIT
#include "backend/base/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <iterator>

namespace sdns {
namespace {

constexpr std::string_view kLevelNames[] = {"debug", "info", "warn", "error"};

bool needs_quotes(std::string_view text) {
  if (text.empty()) return true;
  for (const unsigned char c : text)
    if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c >= 0x7F) return true;
  return false;
}

// Quoted with the escapes of JSON, which both formats share; bytes that are not ASCII go through as they are.
void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const unsigned char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c < 0x20 || c == 0x7F) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += static_cast<char>(c);
    }
  }
  out += '"';
}

std::string timestamp(WallTime now) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(ms);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(seconds.count())),
                     (ms - seconds).count());
}

}  // namespace

struct Log::Impl {
  const WallClock& clock;
  std::atomic<int> least;
  LogFormat format;
  int fd;
  std::atomic<std::uint64_t> dropped{0};
};

Log::Log(const WallClock& clock, LogLevel least, LogFormat format, int fd)
    : impl_(new Impl{clock, static_cast<int>(least), format, fd, {}}) {}
Log::~Log() = default;

void Log::set_level(LogLevel least) { impl_->least = static_cast<int>(least); }
bool Log::enabled(LogLevel level) const { return static_cast<int>(level) >= impl_->least; }

void Log::event(LogLevel level, std::string_view name, std::initializer_list<LogField> fields) const {
  if (!enabled(level)) return;
  std::string line;
  line.reserve(256);
  const bool json = impl_->format == LogFormat::kJson;
  const std::string ts = timestamp(impl_->clock.wall_now());
  const std::string_view level_name = kLevelNames[static_cast<int>(level)];
  if (json) line += fmt::format(R"({{"ts":"{}","level":"{}","event":"{}")", ts, level_name, name);
  else line += fmt::format("ts={} level={} event={}", ts, level_name, name);
  for (const LogField& field : fields) {
    line += json ? ",\"" : " ";
    line += field.key;
    line += json ? "\":" : "=";
    if (field.quoted && (json || needs_quotes(field.value))) append_quoted(line, field.value);
    else line += field.value;
  }
  line += json ? "}\n" : "\n";
  // Nobody may wait for whoever reads the log (P1): what a full pipe does not take is dropped, and counted.
  pollfd ready{impl_->fd, POLLOUT, 0};
  if (::poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT) != 0) {
    line.resize(std::min<std::size_t>(line.size(), PIPE_BUF));  // as much as a pipe that is ready takes without waiting
    line.back() = '\n';
    if (::write(impl_->fd, line.data(), line.size()) >= 0) return;
  }
  impl_->dropped.fetch_add(1, std::memory_order_relaxed);
}

std::uint64_t Log::dropped() const { return impl_->dropped.load(std::memory_order_relaxed); }

Result<LogLevel> Log::parse_level(std::string_view text) {
  for (int i = 0; i < 4; ++i)
    if (text == kLevelNames[i]) return static_cast<LogLevel>(i);
  return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is not a log level", text), "use debug, info, warn or error");
}

Result<LogFormat> Log::parse_format(std::string_view text) {
  if (text == "text") return LogFormat::kText;
  if (text == "json") return LogFormat::kJson;
  return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is not a log format", text), "use text or json");
}

}  // namespace sdns
