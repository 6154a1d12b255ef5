// SPDX-License-Identifier: MIT
// Sealing: secrets are stored encrypted and authenticated (XChaCha20-Poly1305), under keys that lie in a file of their
// own (P9).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backend/base/error.h"

namespace sdns::store {

/// Tells keys apart without telling anything of them: the beginning of a hash.
using SealId = std::array<std::uint8_t, 8>;
/// 16 hexadecimal digits.
std::string seal_id_text(const SealId& id);

/// 32 octets that are wiped when they are let go of. Value.
class SealingKey {
 public:
  static constexpr std::size_t kOctets = 32;
  /// Requires 32 octets.
  explicit SealingKey(std::span<const std::uint8_t> octets);
  SealingKey(const SealingKey&) = default;
  SealingKey& operator=(const SealingKey&) = default;
  ~SealingKey();

  /// A new one, from the kernel's chance.
  static SealingKey make();
  [[nodiscard]] const SealId& id() const { return id_; }
  [[nodiscard]] const std::uint8_t* octets() const { return octets_.data(); }

 private:
  std::array<std::uint8_t, kOctets> octets_{};
  SealId id_{};
};

/// What a key file holds: the first key seals, all of them open. Immutable; safe from any thread.
class KeyRing {
 public:
  static constexpr std::size_t kMostKeys = 16;

  /// A line for each key, `sdns-key-1 BASE64`; `#` begins a comment. Errors (kInvalidArgument) name the line and never
  /// quote it.
  static Result<KeyRing> parse(std::string_view text);
  [[nodiscard]] const SealingKey& first() const { return keys_.front(); }
  /// Null: not in the file.
  [[nodiscard]] const SealingKey* find(const SealId& id) const;
  [[nodiscard]] const std::vector<SealingKey>& keys() const { return keys_; }

 private:
  std::vector<SealingKey> keys_;  // at least one
};

/// The line of a key file for this key, without an end of line.
std::string key_line(const SealingKey& key);

inline constexpr std::size_t kSealNonceOctets = 24;
inline constexpr std::size_t kSealTagOctets = 16;

/// Seals `plain` into `sealed`, which has kSealTagOctets more. A nonce is used once per key. `context` is authenticated
/// and not stored: what is sealed opens nowhere else.
void seal_octets(const SealingKey& key, std::span<const std::uint8_t, kSealNonceOctets> nonce,
                 std::span<const std::uint8_t> plain, std::string_view context, std::uint8_t* sealed);
/// False: it was changed, or is of another key or context. `plain` has kSealTagOctets fewer, and may be where `sealed`
/// is.
[[nodiscard]] bool open_octets(const SealingKey& key, std::span<const std::uint8_t, kSealNonceOctets> nonce,
                               std::span<const std::uint8_t> sealed, std::string_view context, std::uint8_t* plain);

/// A secret that is kept as text: `sealed:1:KEY:BASE64`. No private key text and no base64 begins so.
[[nodiscard]] bool is_sealed(std::string_view stored);
/// Which key sealed it. Errors: kCorrupt.
Result<SealId> sealed_by(std::string_view stored);
[[nodiscard]] std::string seal_text(const SealingKey& key, std::string_view plain, std::string_view context);
/// Requires sealed_by() to be this key. Errors (kCorrupt): it was changed, or belongs elsewhere.
Result<std::string> open_text(const SealingKey& key, std::string_view stored, std::string_view context);

}  // namespace sdns::store
