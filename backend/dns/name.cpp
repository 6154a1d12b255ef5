// SPDX-License-Identifier: MIT
#include "backend/dns/name.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>

namespace sdns::dns {
namespace {

constexpr std::size_t kMaxWire = 255;
constexpr std::size_t kMaxLabel = 63;
constexpr int kMaxLabels = 127;

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

enum class NameFault { kNone, kEmptyLabel, kLongLabel, kLongName, kBadEscape };

// Appends the labels of `text` to `wire`, without the root label. `absolute` tells whether the text ended in a dot.
NameFault append_labels(std::string_view text, std::string& wire, bool& absolute) {
  absolute = false;
  std::size_t i = 0;
  while (i < text.size()) {
    const std::size_t length_at = wire.size();
    wire.push_back('\0');
    bool dot = false;
    while (i < text.size()) {
      char c = text[i++];
      if (c == '.') {
        dot = true;
        break;
      }
      if (c == '\\') {
        if (i >= text.size()) return NameFault::kBadEscape;
        if (is_digit(text[i])) {
          if (i + 2 >= text.size() || !is_digit(text[i + 1]) || !is_digit(text[i + 2])) return NameFault::kBadEscape;
          const int value = (text[i] - '0') * 100 + (text[i + 1] - '0') * 10 + (text[i + 2] - '0');
          if (value > 255) return NameFault::kBadEscape;
          c = static_cast<char>(value);
          i += 3;
        } else {
          c = text[i++];
        }
      }
      wire.push_back(lower(c));
    }
    const std::size_t length = wire.size() - length_at - 1;
    if (length == 0) return NameFault::kEmptyLabel;
    if (length > kMaxLabel) return NameFault::kLongLabel;
    if (wire.size() + 1 > kMaxWire) return NameFault::kLongName;
    wire[length_at] = static_cast<char>(length);
    absolute = dot;
  }
  return NameFault::kNone;
}

tl::unexpected<Error> explain(NameFault fault, std::string_view text) {
  const std::string_view why = fault == NameFault::kEmptyLabel  ? "it has an empty label"
                               : fault == NameFault::kLongLabel ? "it has a label of more than 63 octets"
                               : fault == NameFault::kLongName  ? "it is longer than 255 octets"
                                                                : "it has a broken \\ escape";
  std::string shown(text.substr(0, 300));
  if (text.size() > 300) shown += "…";
  return fail(Errc::kInvalidName, fmt::format("\"{}\" is not a domain name: {} (RFC 1035 section 2.3.4)", shown, why));
}

// Offsets of the labels of a wire-format name, first label first.
int label_offsets(std::string_view wire, std::array<std::uint8_t, kMaxLabels>& offsets) {
  int count = 0;
  for (std::size_t i = 0; i < wire.size() && wire[i] != 0; i += static_cast<std::uint8_t>(wire[i]) + 1U)
    offsets[static_cast<std::size_t>(count++)] = static_cast<std::uint8_t>(i);
  return count;
}

void append_escaped(std::string& out, unsigned char c) {
  if (c == '.' || c == '\\') {
    out += '\\';
    out += static_cast<char>(c);
  } else if (c > 0x20 && c < 0x7F) {
    out += static_cast<char>(c);
  } else {
    fmt::format_to(std::back_inserter(out), "\\{:03}", static_cast<unsigned>(c));
  }
}

}  // namespace

Result<Name> Name::parse(std::string_view text) { return parse_relative(text, Name()); }

Result<Name> Name::parse_relative(std::string_view text, const Name& origin) {
  if (text == ".") return Name();
  if (text == "@") return origin;
  if (text.empty()) return fail(Errc::kInvalidName, "the name is empty", "write \".\" for the root");
  std::string wire;
  wire.reserve(text.size() + 2);
  bool absolute = false;
  if (const NameFault fault = append_labels(text, wire, absolute); fault != NameFault::kNone)
    return explain(fault, text);
  if (absolute) wire.push_back('\0');
  else wire += origin.wire_;
  if (wire.size() > kMaxWire) return explain(NameFault::kLongName, text);
  return Name(std::move(wire));
}

Result<Name> Name::from_wire(std::string_view wire) {
  std::string out;
  out.reserve(wire.size());
  std::size_t i = 0;
  while (i < wire.size() && wire[i] != 0) {
    const std::size_t length = static_cast<std::uint8_t>(wire[i]);
    if (length > kMaxLabel || i + 1 + length >= wire.size())
      return fail(Errc::kInvalidName, "the wire-format name is cut short or compressed");
    out.push_back(wire[i]);
    for (std::size_t k = 1; k <= length; ++k) out.push_back(lower(wire[i + k]));
    i += length + 1;
  }
  if (i + 1 != wire.size()) return fail(Errc::kInvalidName, "the wire-format name does not end with its root label");
  out.push_back('\0');
  if (out.size() > kMaxWire) return fail(Errc::kInvalidName, "the wire-format name is longer than 255 octets");
  return Name(std::move(out));
}

Name Name::from_key(std::string_view key) {
  std::string wire(1, '\0');
  while (!key.empty()) {
    const std::string_view parent = parent_key(key);
    const std::string_view label = key.substr(parent.size(), key.size() - parent.size() - 1);
    std::string plain(1, '\0');
    for (std::size_t i = 0; i < label.size(); ++i) {
      const char c = label[i];
      plain.push_back(c == '\x01' ? static_cast<char>(label[++i] - 1) : c);
    }
    plain[0] = static_cast<char>(plain.size() - 1);
    wire.insert(wire.size() - 1, plain);
    key = parent;
  }
  return Name(std::move(wire));
}

std::string Name::text() const {
  if (is_root()) return ".";
  std::string out;
  out.reserve(wire_.size() + 8);
  for (std::size_t i = 0; wire_[i] != 0;) {
    const std::size_t length = static_cast<std::uint8_t>(wire_[i]);
    for (std::size_t k = 1; k <= length; ++k) append_escaped(out, static_cast<unsigned char>(wire_[i + k]));
    out += '.';
    i += length + 1;
  }
  return out;
}

std::size_t Name::label_count() const {
  std::size_t count = 0;
  for (std::size_t i = 0; wire_[i] != 0; i += static_cast<std::uint8_t>(wire_[i]) + 1U) ++count;
  return count;
}

Name Name::parent() const {
  if (is_root()) return *this;
  return Name(wire_.substr(static_cast<std::uint8_t>(wire_[0]) + 1U));
}

Result<Name> Name::wildcard_child() const {
  if (wire_.size() + 2 > kMaxWire)
    return fail(Errc::kInvalidName, fmt::format("*.{} would be longer than 255 octets", text()));
  return Name(std::string("\1*", 2) + wire_);
}

bool Name::at_or_below(const Name& ancestor) const {
  const std::size_t tail = ancestor.wire_.size();
  if (wire_.size() < tail) return false;
  const std::size_t at = wire_.size() - tail;
  if (wire_.compare(at, tail, ancestor.wire_) != 0) return false;
  std::size_t i = 0;  // the match must begin at a label
  while (i < at) i += static_cast<std::uint8_t>(wire_[i]) + 1U;
  return i == at;
}

std::string Name::key() const {
  std::array<std::uint8_t, kMaxLabels> offsets;
  const int count = label_offsets(wire_, offsets);
  std::string key;
  key.reserve(wire_.size() + 4);
  for (int n = count - 1; n >= 0; --n) {
    const std::size_t at = offsets[static_cast<std::size_t>(n)];
    const std::size_t length = static_cast<std::uint8_t>(wire_[at]);
    for (std::size_t k = 1; k <= length; ++k) {
      const char c = wire_[at + k];
      if (c == '\0' || c == '\x01') {
        key.push_back('\x01');
        key.push_back(static_cast<char>(c + 1));
      } else {
        key.push_back(c);
      }
    }
    key.push_back('\0');
  }
  return key;
}

std::strong_ordering operator<=>(const Name& a, const Name& b) {
  std::array<std::uint8_t, kMaxLabels> of_a;
  std::array<std::uint8_t, kMaxLabels> of_b;
  int n = label_offsets(a.wire_, of_a);
  int m = label_offsets(b.wire_, of_b);
  while (n > 0 && m > 0) {
    const auto at = of_a[static_cast<std::size_t>(--n)];
    const auto bt = of_b[static_cast<std::size_t>(--m)];
    const std::size_t la = static_cast<std::uint8_t>(a.wire_[at]);
    const std::size_t lb = static_cast<std::uint8_t>(b.wire_[bt]);
    const int order = std::memcmp(a.wire_.data() + at + 1, b.wire_.data() + bt + 1, std::min(la, lb));
    if (order != 0) return order < 0 ? std::strong_ordering::less : std::strong_ordering::greater;
    if (la != lb) return la <=> lb;
  }
  return n <=> m;
}

bool KeyBuffer::assign(std::string_view text) {
  start_ = kSize;
  if (text.empty()) return false;
  if (text == ".") return true;
  std::size_t wire_size = 1;  // the root label
  std::size_t i = 0;
  while (i < text.size()) {
    char label[2 * kMaxLabel + 1];
    std::size_t used = 0;
    std::size_t length = 0;
    while (i < text.size()) {
      char c = text[i++];
      if (c == '.') break;
      if (c == '\\') {
        if (i >= text.size()) return false;
        if (is_digit(text[i])) {
          if (i + 2 >= text.size() || !is_digit(text[i + 1]) || !is_digit(text[i + 2])) return false;
          const int value = (text[i] - '0') * 100 + (text[i + 1] - '0') * 10 + (text[i + 2] - '0');
          if (value > 255) return false;
          c = static_cast<char>(value);
          i += 3;
        } else {
          c = text[i++];
        }
      }
      if (++length > kMaxLabel) return false;
      c = lower(c);
      if (c == '\0' || c == '\x01') {
        label[used++] = '\x01';
        ++c;
      }
      label[used++] = c;
    }
    wire_size += length + 1;
    if (length == 0 || wire_size > kMaxWire) return false;
    label[used++] = '\0';
    start_ -= used;
    std::memcpy(bytes_ + start_, label, used);
  }
  return true;
}

std::string_view parent_key(std::string_view key) {
  const std::size_t end = key.size() - 1;  // the 0x00 of the last label
  const std::size_t before = end == 0 ? std::string_view::npos : key.rfind('\0', end - 1);
  return key.substr(0, before == std::string_view::npos ? 0 : before + 1);
}

bool key_is_wildcard(std::string_view key) {
  return key.size() >= 2 && key.substr(key.size() - 2) == std::string_view("*\0", 2) &&
         (key.size() == 2 || key[key.size() - 3] == '\0');
}

std::string key_to_relative_text(std::string_view key) {
  std::string text;
  append_key_text(text, key);
  return text;
}

void append_key_text(std::string& out, std::string_view key) {
  while (!key.empty()) {
    const std::string_view parent = parent_key(key);
    const std::string_view label = key.substr(parent.size(), key.size() - parent.size() - 1);
    for (std::size_t i = 0; i < label.size(); ++i) {
      const bool escaped = label[i] == '\x01';
      append_escaped(out, static_cast<unsigned char>(escaped ? label[++i] - 1 : label[i]));
    }
    if (!parent.empty()) out += '.';
    key = parent;
  }
}

}  // namespace sdns::dns
