// SPDX-License-Identifier: MIT
#include "backend/store/seal.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <utility>

#include "backend/store/peers.h"

namespace sdns::store {
namespace {

constexpr std::string_view kLineBegin = "sdns-key-1";
constexpr std::string_view kSealedBegin = "sealed:1:";
constexpr std::string_view kBlanks = " \t\r";
constexpr std::size_t kIdDigits = 2 * std::tuple_size_v<SealId>;

static_assert(SealingKey::kOctets == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
static_assert(kSealNonceOctets == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
static_assert(kSealTagOctets == crypto_aead_xchacha20poly1305_ietf_ABYTES);

const unsigned char* octets_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  text.remove_prefix(begin);
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

// Standard base64 with padding; empty when it is none.
std::string decoded(std::string_view text) {
  std::string octets(text.size() / 4 * 3, '\0');
  std::size_t size = 0;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(octets.data()), octets.size(), text.data(), text.size(),
                        nullptr, &size, nullptr, sodium_base64_VARIANT_ORIGINAL) != 0)
    size = 0;
  octets.resize(size);
  return octets;
}

void wipe(std::string& text) { sodium_memzero(text.data(), text.size()); }

Result<SealingKey> parse_line(std::string_view line) {
  const std::size_t blank = line.find_first_of(kBlanks);
  if (line.substr(0, blank) != kLineBegin)
    return fail(Errc::kInvalidArgument, fmt::format("does not begin with {}", kLineBegin));
  std::string octets = decoded(blank == std::string_view::npos ? std::string_view() : trimmed(line.substr(blank)));
  if (octets.size() != SealingKey::kOctets)
    return fail(Errc::kInvalidArgument, fmt::format("has no base64 of {} octets", SealingKey::kOctets));
  SealingKey key({octets_of(octets), octets.size()});
  wipe(octets);
  return key;
}

}  // namespace

std::string seal_id_text(const SealId& id) {
  std::string text;
  for (const std::uint8_t octet : id) text += fmt::format("{:02x}", octet);
  return text;
}

SealingKey::SealingKey(std::span<const std::uint8_t> octets) {
  std::copy_n(octets.begin(), kOctets, octets_.begin());
  // Keyed with it: the hash of nothing that is hashed anywhere else.
  static constexpr std::string_view kPurpose = "sovereign-dns key id";
  std::array<std::uint8_t, 32> hash{};
  crypto_generichash(hash.data(), hash.size(), octets_of(kPurpose), kPurpose.size(), octets_.data(), kOctets);
  std::copy_n(hash.begin(), id_.size(), id_.begin());
}

SealingKey::~SealingKey() { sodium_memzero(octets_.data(), octets_.size()); }

SealingKey SealingKey::make() {
  std::array<std::uint8_t, kOctets> octets{};
  randombytes_buf(octets.data(), octets.size());
  SealingKey key{std::span<const std::uint8_t>(octets)};
  sodium_memzero(octets.data(), octets.size());
  return key;
}

Result<KeyRing> KeyRing::parse(std::string_view text) {
  if (sodium_init() < 0) return fail(Errc::kIo, "libsodium cannot be initialised");
  KeyRing ring;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, std::min(end, text.find('#'))));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    auto key = parse_line(line);
    if (key && ring.find(key->id()) != nullptr)
      key = fail(Errc::kInvalidArgument, fmt::format("has the key {} a second time", seal_id_text(key->id())));
    if (key && ring.keys_.size() == kMostKeys)
      key = fail(Errc::kInvalidArgument, fmt::format("has more than the {} keys that a file may hold", kMostKeys));
    if (!key) return fail(Errc::kInvalidArgument, fmt::format("line {} {}", number, key.error().what));
    ring.keys_.push_back(std::move(*key));
  }
  if (ring.keys_.empty()) return fail(Errc::kInvalidArgument, "there is no key in it");
  return ring;
}

const SealingKey* KeyRing::find(const SealId& id) const {
  const auto at = std::find_if(keys_.begin(), keys_.end(), [&](const SealingKey& key) { return key.id() == id; });
  return at == keys_.end() ? nullptr : &*at;
}

std::string key_line(const SealingKey& key) {
  return fmt::format("{} {}", kLineBegin, base64({reinterpret_cast<const char*>(key.octets()), SealingKey::kOctets}));
}

void seal_octets(const SealingKey& key, std::span<const std::uint8_t, kSealNonceOctets> nonce,
                 std::span<const std::uint8_t> plain, std::string_view context, std::uint8_t* sealed) {
  crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, nullptr, plain.data(), plain.size(), octets_of(context),
                                             context.size(), nullptr, nonce.data(), key.octets());
}

bool open_octets(const SealingKey& key, std::span<const std::uint8_t, kSealNonceOctets> nonce,
                 std::span<const std::uint8_t> sealed, std::string_view context, std::uint8_t* plain) {
  return sealed.size() >= kSealTagOctets && crypto_aead_xchacha20poly1305_ietf_decrypt(
                                                plain, nullptr, nullptr, sealed.data(), sealed.size(),
                                                octets_of(context), context.size(), nonce.data(), key.octets()) == 0;
}

bool is_sealed(std::string_view stored) { return stored.starts_with("sealed:"); }

Result<SealId> sealed_by(std::string_view stored) {
  SealId id{};
  std::size_t size = 0;
  if (!stored.starts_with(kSealedBegin) || stored.size() <= kSealedBegin.size() + kIdDigits ||
      stored[kSealedBegin.size() + kIdDigits] != ':' ||
      sodium_hex2bin(id.data(), id.size(), stored.data() + kSealedBegin.size(), kIdDigits, nullptr, &size, nullptr) !=
          0 ||
      size != id.size() || stored.substr(kSealedBegin.size(), kIdDigits) != seal_id_text(id))
    return fail(Errc::kCorrupt, "is sealed in no way that this program knows");
  return id;
}

std::string seal_text(const SealingKey& key, std::string_view plain, std::string_view context) {
  std::string octets(kSealNonceOctets + plain.size() + kSealTagOctets, '\0');
  auto* const begin = reinterpret_cast<std::uint8_t*>(octets.data());
  randombytes_buf(begin, kSealNonceOctets);
  seal_octets(key, std::span<const std::uint8_t, kSealNonceOctets>(begin, kSealNonceOctets),
              {octets_of(plain), plain.size()}, context, begin + kSealNonceOctets);
  return fmt::format("{}{}:{}", kSealedBegin, seal_id_text(key.id()), base64(octets));
}

Result<std::string> open_text(const SealingKey& key, std::string_view stored, std::string_view context) {
  const auto changed = [] { return fail(Errc::kCorrupt, "does not open: it was changed, or it is another row's"); };
  if (stored.size() <= kSealedBegin.size() + kIdDigits) return changed();
  const std::string octets = decoded(stored.substr(kSealedBegin.size() + kIdDigits + 1));
  if (octets.size() < kSealNonceOctets + kSealTagOctets) return changed();
  const auto* const begin = octets_of(octets);
  std::string plain(octets.size() - kSealNonceOctets - kSealTagOctets, '\0');
  if (!open_octets(key, std::span<const std::uint8_t, kSealNonceOctets>(begin, kSealNonceOctets),
                   {begin + kSealNonceOctets, octets.size() - kSealNonceOctets}, context,
                   reinterpret_cast<std::uint8_t*>(plain.data())))
    return changed();
  return plain;
}

}  // namespace sdns::store
