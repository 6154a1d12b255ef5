// SPDX-License-Identifier: MIT
// One event a line: a stable name, then keys (STYLE: what the operator sees). docs/operations.md lists every event.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "backend/base/clock.h"
#include "backend/base/error.h"

namespace sdns {

enum class LogLevel { kDebug, kInfo, kWarn, kError };
enum class LogFormat { kText, kJson };

/// A key and its value as text. `LogField{"zone", name.text()}`, `LogField{"rows", 12}`.
struct LogField {
  LogField(std::string_view k, std::string_view v) : key(k), value(v), quoted(true) {}
  LogField(std::string_view k, const char* v) : key(k), value(v), quoted(true) {}
  LogField(std::string_view k, const std::string& v) : key(k), value(v), quoted(true) {}
  LogField(std::string_view k, bool v) : key(k), value(v ? "true" : "false") {}
  template <class Number>
  requires std::is_arithmetic_v<Number> LogField(std::string_view k, Number v) : key(k), value(std::to_string(v)) {}

  std::string key;
  std::string value;
  bool quoted = false;  ///< a string: quoted in JSON, and in text where it has blanks or quotes
};

/// Writes events to standard error. Safe from any thread; a line is one write of at most 4 096 octets, and never waits:
/// what a full pipe does not take is dropped.
class Log {
 public:
  Log(const WallClock& clock, LogLevel least, LogFormat format, int fd = 2);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void event(LogLevel level, std::string_view name, std::initializer_list<LogField> fields) const;
  void debug(std::string_view name, std::initializer_list<LogField> f) const { event(LogLevel::kDebug, name, f); }
  void info(std::string_view name, std::initializer_list<LogField> f) const { event(LogLevel::kInfo, name, f); }
  void warn(std::string_view name, std::initializer_list<LogField> f) const { event(LogLevel::kWarn, name, f); }
  void error(std::string_view name, std::initializer_list<LogField> f) const { event(LogLevel::kError, name, f); }

  void set_level(LogLevel least);
  [[nodiscard]] bool enabled(LogLevel level) const;
  /// Lines that could not be written so far.
  [[nodiscard]] std::uint64_t dropped() const;

  static Result<LogLevel> parse_level(std::string_view text);
  static Result<LogFormat> parse_format(std::string_view text);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sdns
