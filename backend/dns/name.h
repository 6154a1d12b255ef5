// SPDX-License-Identifier: MIT
// Domain names: parsed once, canonical from birth.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "backend/base/error.h"

namespace sdns::dns {

/// An absolute domain name in canonical form (RFC 4034 section 6.2: ASCII letters in lower case), at most 255 octets on
/// the wire. A Name in hand is valid. Value: copied freely, ordered canonically (RFC 4034 section 6.1).
class Name {
 public:
  /// The root.
  Name() : wire_(1, '\0') {}

  /// Presentation format (RFC 1035 section 5.1): `\.`, `\\`, `\DDD`, `\X`. A missing final dot is added. "." is the
  /// root;
  /// "" is an error. Errors (kInvalidName): empty label, label over 63 octets, name over 255, bad escape.
  static Result<Name> parse(std::string_view text);

  /// As parse(), but a text without a final dot is relative to `origin`, and "@" is `origin`.
  static Result<Name> parse_relative(std::string_view text, const Name& origin);

  /// Uncompressed wire format, final root label included.
  static Result<Name> from_wire(std::string_view wire);

  /// The inverse of key(). `key` must be one that key() gave.
  static Name from_key(std::string_view key);

  /// As PowerDNS writes names: absolute with a final dot; `\.`, `\\`, and `\DDD` for octets outside 0x21-0x7E.
  [[nodiscard]] std::string text() const;

  [[nodiscard]] const std::string& wire() const { return wire_; }
  [[nodiscard]] bool is_root() const { return wire_.size() == 1; }
  [[nodiscard]] std::size_t label_count() const;  ///< without the root label
  [[nodiscard]] bool is_wildcard() const { return wire_.size() >= 2 && wire_[0] == 1 && wire_[1] == '*'; }
  /// The name without its first label; the root is its own parent.
  [[nodiscard]] Name parent() const;
  /// `*.this`; error when that is over 255 octets.
  [[nodiscard]] Result<Name> wildcard_child() const;
  [[nodiscard]] bool at_or_below(const Name& ancestor) const;
  [[nodiscard]] bool below(const Name& ancestor) const { return at_or_below(ancestor) && *this != ancestor; }

  /// A string whose octet order (memcmp, shorter first) is the canonical order of names, and in which a name's key is a
  /// prefix of the keys of all names below it. Labels from the root down, each ended by 0x00; inside labels 0x00 and
  /// 0x01 are written 0x01 0x01 and 0x01 0x02. The root's key is empty.
  [[nodiscard]] std::string key() const;

  friend bool operator==(const Name&, const Name&) = default;
  friend std::strong_ordering operator<=>(const Name& a, const Name& b);

 private:
  explicit Name(std::string wire) : wire_(std::move(wire)) {}
  std::string wire_;
};

/// The key (see Name::key) of one name in a fixed buffer, for the query path: allocates nothing.
class KeyBuffer {
 public:
  /// Takes presentation format as PowerDNS sends it (absolute, any letter case). False: not a valid name.
  [[nodiscard]] bool assign(std::string_view presentation);
  [[nodiscard]] std::string_view view() const { return {bytes_ + start_, kSize - start_}; }

 private:
  static constexpr std::size_t kSize = 2 * 255;
  char bytes_[kSize];
  std::size_t start_ = kSize;  // filled from the end: the first label of the text is the last of the key
};

/// The name that a (possibly zone-relative) key stands for, as Name::text() writes it, without a final dot and with
/// `key` empty giving "". Used for the names that PowerDNS takes relative to the zone.
[[nodiscard]] std::string key_to_relative_text(std::string_view key);

/// Appends the same to `out`: for the query path, allocates nothing once `out` has the capacity.
void append_key_text(std::string& out, std::string_view key);

/// Drops the last label of a key: the key of the parent. Requires a non-empty key.
[[nodiscard]] std::string_view parent_key(std::string_view key);

/// True when `key` ends with the label `*`.
[[nodiscard]] bool key_is_wildcard(std::string_view key);

}  // namespace sdns::dns

template <>
struct std::hash<sdns::dns::Name> {
  std::size_t operator()(const sdns::dns::Name& name) const noexcept { return std::hash<std::string>{}(name.wire()); }
};
