// SPDX-License-Identifier: MIT
// Boost.Format's directives for arguments that are all text.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "lua/generate.h"

namespace sdns::lua {
namespace {

constexpr std::size_t kMostOctets = 65'535;  // RDATA holds no more

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr std::size_t kNone = std::string_view::npos;

struct Directive {
  std::size_t argument = kNone;  // from 0; none: the next one
  bool ignored = false;          // %n
  bool left = false;
  bool centre = false;
  bool zeros = false;
  bool blank = false;  // in front, where a number would have its sign
  bool sign = false;
  std::size_t width = 0;
  std::size_t most = kNone;  // octets of the argument

  void append(std::string_view text, std::string& out) const;
};

void Directive::append(std::string_view text, std::string& out) const {
  const bool fill_zeros = zeros && !left;
  const bool in_front = blank && !sign && !fill_zeros && !text.starts_with('+') && !text.starts_with('-');
  text = text.substr(0, in_front && most > 0 ? most - 1 : most);
  const std::size_t size = text.size() + (in_front ? 1 : 0);
  const std::size_t padding = width > size ? width - size : 0;
  std::size_t behind = 0;
  if (!fill_zeros) behind = centre ? padding / 2 : left ? padding : 0;
  out.append(padding - behind, fill_zeros ? '0' : ' ');
  if (in_front) out += ' ';
  out += text;
  out.append(behind, ' ');
}

// Reads what follows a percent sign: `N%`, `[N$][flags][width][.precision][size]conversion`, the latter also between
// bars, where the conversion may be left out. `false`: unreadable.
class Reader {
 public:
  explicit Reader(std::string_view rest) : rest_(rest) {}

  bool read(Directive& out) {
    const bool bars = take('|');
    if (rest_.empty()) return false;
    bool width_read = false;
    if (rest_[0] != '0' && is_digit(rest_[0])) {
      std::size_t number = 0;
      if (!read_number(number)) return false;
      if (take('%')) {
        out.argument = number - 1;
        return !bars;
      }
      if (take('$')) {
        out.argument = number - 1;
      } else {
        out.width = number;
        width_read = true;
      }
    } else if (rest_.starts_with("0%")) {
      return false;  // arguments are counted from 1
    }
    if (!width_read && !(read_flags(out) && read_width(out))) return false;
    if (!read_precision()) return false;
    while (!rest_.empty() && std::string_view("hljzLw").find(rest_[0]) != std::string_view::npos) skip();
    if (bars && take('|')) return true;
    return read_conversion(out) && (!bars || take('|'));
  }

  [[nodiscard]] std::size_t left() const { return rest_.size(); }

 private:
  void skip() { rest_.remove_prefix(1); }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    skip();
    return true;
  }

  bool read_number(std::size_t& number) {
    for (number = 0; !rest_.empty() && is_digit(rest_[0]); skip()) {
      number = number * 10 + static_cast<std::size_t>(rest_[0] - '0');
      if (number > kMostOctets) return false;
    }
    return true;
  }

  bool read_flags(Directive& out) {
    for (; !rest_.empty(); skip()) {
      switch (rest_[0]) {
        case '-':
          out.left = true;
          break;
        case '=':
          out.centre = true;
          break;
        case '0':
          out.zeros = true;
          break;
        case ' ':
          out.blank = true;
          break;
        case '+':
          out.sign = true;
          break;
        case '\'':
        case '_':
        case '#':
          break;  // of numbers
        default:
          return true;
      }
    }
    return false;
  }

  bool read_width(Directive& out) { return take('*') || read_number(out.width); }

  bool read_precision() {
    if (!take('.') || take('*')) return true;
    std::size_t number = 0;
    const bool given = !rest_.empty() && is_digit(rest_[0]);
    if (!read_number(number)) return false;
    if (given) precision_ = number;
    return true;
  }

  bool read_conversion(Directive& out) {
    if (rest_.empty()) return false;
    const char conversion = rest_[0];
    skip();
    switch (conversion) {
      case 's':
      case 'S':
        out.most = precision_;
        return true;
      case 'c':
      case 'C':
        out.most = 1;
        return true;
      case 'n':
        out.ignored = true;
        return true;
      default:
        return std::string_view("bdiuxXpoaAeEfFgG").find(conversion) != std::string_view::npos;
    }
  }

  std::string_view rest_;
  std::size_t precision_ = kNone;
};

}  // namespace

Result<std::string> format_positional(std::string_view format, std::span<const std::string> arguments) {
  const auto unreadable = [&](std::size_t at) {
    return fail(Errc::kInvalidArgument,
                fmt::format("the format \"{}\" cannot be read from its octet {} on", format, at + 1),
                "write %1%, %2% … for the arguments and %% for a percent sign");
  };
  std::string out;
  std::size_t next = 0;
  bool by_number = false;
  for (std::size_t i = 0; i < format.size();) {
    const std::size_t percent = std::min(format.find('%', i), format.size());
    out += format.substr(i, percent - i);
    i = percent;
    if (percent == format.size()) break;
    if (format.substr(percent).starts_with("%%")) {
      out += '%';
      i += 2;
      continue;
    }
    Directive directive;
    Reader reader(format.substr(percent + 1));
    if (!reader.read(directive)) return unreadable(percent);
    i = format.size() - reader.left();
    if (directive.ignored) continue;
    by_number = by_number || directive.argument != kNone;
    const std::size_t argument = directive.argument == kNone ? next++ : directive.argument;
    if (by_number && next > 0) return unreadable(percent);  // not both ways in one format
    if (argument < arguments.size()) directive.append(arguments[argument], out);
    if (out.size() > kMostOctets)
      return fail(Errc::kInvalidArgument, fmt::format("the format \"{}\" makes over {} octets", format, kMostOctets));
  }
  return out;
}

}  // namespace sdns::lua
