// SPDX-License-Identifier: MIT
#include "backend/store/snapshot_blocks.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace sdns::store {
namespace {

constexpr std::string_view kFileMagic("SDNSSNAP", 8);
constexpr std::string_view kBlockMagic("SBLK", 4);
constexpr std::size_t kSaltOctets = 16;
constexpr std::size_t kHeaderTagOctets = 16;
// Where the parts of the file's header begin.
constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kSealedAt = 12;
constexpr std::size_t kSaltAt = 16;
constexpr std::size_t kKeyAt = kSaltAt + kSaltOctets;
constexpr std::size_t kRevisionAt = kKeyAt + std::tuple_size_v<SealId>;
constexpr std::size_t kChainAt = kRevisionAt + 8;
constexpr std::size_t kSavedAt = kChainAt + std::tuple_size_v<zone::Chain>;
constexpr std::size_t kConfirmedAt = kSavedAt + 8;
constexpr std::size_t kDatabaseAt = kConfirmedAt + 8;
constexpr std::size_t kReservedAt = kDatabaseAt + kMostDatabaseIdOctets + 1;
constexpr std::size_t kTagAt = kFileHeaderOctets - kHeaderTagOctets;
static_assert(kReservedAt <= kTagAt);
static_assert(kSaltOctets + 8 == kSealNonceOctets);

const unsigned char* octets_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

// Little-endian.
template <class Number>
void put(std::string& out, std::size_t at, Number number) {
  for (std::size_t i = 0; i < sizeof(Number); ++i)
    out[at + i] = static_cast<char>(static_cast<std::uint64_t>(number) >> (8 * i));
}
template <class Number>
Number get(std::string_view in, std::size_t at) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i)
    number |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(in[at + i])) << (8 * i);
  return static_cast<Number>(number);
}

std::int64_t milliseconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}
WallTime wall_time(std::int64_t milliseconds) { return WallTime(std::chrono::milliseconds(milliseconds)); }

std::array<std::uint8_t, kHeaderTagOctets> tag_of_header(std::string_view header) {
  std::array<std::uint8_t, kHeaderTagOctets> tag{};
  crypto_generichash(tag.data(), tag.size(), octets_of(header), kTagAt, nullptr, 0);
  return tag;
}

}  // namespace

std::string BlockHeader::octets() const {
  std::string out(kOctets, '\0');
  kBlockMagic.copy(out.data(), kBlockMagic.size());
  put(out, 4, static_cast<std::uint8_t>(kind));
  put(out, 5, static_cast<std::uint8_t>(continues ? 1 : 0));
  put(out, 8, zones);
  put(out, 12, static_cast<std::uint32_t>(index));
  put(out, 16, payload);
  return out;
}

bool BlockHeader::parse(std::string_view octets, BlockHeader& out) {
  const auto kind = get<std::uint8_t>(octets, 4);
  if (octets.substr(0, kBlockMagic.size()) != kBlockMagic || kind < 1 || kind > 3) return false;
  out.kind = static_cast<BlockKind>(kind);
  out.continues = get<std::uint8_t>(octets, 5) != 0;
  out.zones = get<std::uint32_t>(octets, 8);
  out.index = get<std::uint32_t>(octets, 12);
  out.payload = get<std::uint64_t>(octets, 16);
  return out.octets() == octets;  // nothing stands where nothing is meant
}

std::string file_header(const SnapshotFacts& facts, const SealingKey* key) {
  std::string header(kFileHeaderOctets, '\0');
  kFileMagic.copy(header.data(), kFileMagic.size());
  put(header, kVersionAt, kSnapshotVersion);
  put(header, kSealedAt, static_cast<std::uint32_t>(key != nullptr ? 1 : 0));
  randombytes_buf(header.data() + kSaltAt, kSaltOctets);
  if (key != nullptr) std::copy(key->id().begin(), key->id().end(), header.begin() + kKeyAt);
  put(header, kRevisionAt, facts.revision);
  std::copy(facts.chain.begin(), facts.chain.end(), header.begin() + kChainAt);
  put(header, kSavedAt, milliseconds(facts.saved));
  put(header, kConfirmedAt, milliseconds(facts.confirmed));
  facts.database_id.copy(header.data() + kDatabaseAt, kMostDatabaseIdOctets);
  const auto tag = tag_of_header(header);
  std::copy(tag.begin(), tag.end(), header.begin() + kTagAt);
  return header;
}

Result<SnapshotFacts> parse_file_header(std::string_view header) {
  if (!header.starts_with(kFileMagic))
    return fail(Errc::kForeign, "is no snapshot file", "remove it, or correct snapshot.file");
  if (header.size() < kFileHeaderOctets)
    return fail(Errc::kCorrupt, "is damaged: it ends within its header", "it is written again");
  const auto version = get<std::uint32_t>(header, kVersionAt);
  const auto tag = tag_of_header(header);
  // A damaged number is damage; a newer program's header has the same size and tag.
  if (sodium_memcmp(tag.data(), header.data() + kTagAt, tag.size()) != 0)
    return fail(Errc::kCorrupt, "is damaged: its header has another checksum", "it is written again");
  if (version > kSnapshotVersion)
    return fail(Errc::kTooNew, fmt::format("has format {}, and this program knows up to {}", version, kSnapshotVersion),
                "use a program as new as the one that wrote it, or let this one load from its database");
  if (version != kSnapshotVersion)
    return fail(Errc::kUnsupported, fmt::format("has format {}, and this program reads {}", version, kSnapshotVersion),
                "it is written again");
  SnapshotFacts facts;
  facts.database_id = std::string_view(header.substr(kDatabaseAt, kMostDatabaseIdOctets));
  facts.database_id.resize(std::strlen(facts.database_id.c_str()));
  facts.revision = get<std::uint64_t>(header, kRevisionAt);
  std::copy_n(header.begin() + kChainAt, facts.chain.size(), facts.chain.begin());
  facts.saved = wall_time(get<std::int64_t>(header, kSavedAt));
  facts.confirmed = wall_time(get<std::int64_t>(header, kConfirmedAt));
  if (get<std::uint32_t>(header, kSealedAt) != 0)
    std::copy_n(header.begin() + kKeyAt, std::tuple_size_v<SealId>, facts.sealed_by.emplace().begin());
  return facts;
}

BlockGuard::BlockGuard(std::string_view file_header, const SealingKey* key) : file_header_(file_header), key_(key) {}

namespace {

std::array<std::uint8_t, kSealNonceOctets> nonce_of(std::string_view file_header, std::uint64_t index) {
  std::array<std::uint8_t, kSealNonceOctets> nonce{};
  std::copy_n(file_header.begin() + kSaltAt, kSaltOctets, nonce.begin());
  for (std::size_t i = 0; i < 8; ++i) nonce[kSaltOctets + i] = static_cast<std::uint8_t>(index >> (8 * i));
  return nonce;
}

std::array<std::uint8_t, kBlockTagOctets> checksum(std::string_view context, std::span<const std::uint8_t> payload) {
  std::array<std::uint8_t, kBlockTagOctets> tag{};
  crypto_generichash_state state;
  crypto_generichash_init(&state, nullptr, 0, tag.size());
  crypto_generichash_update(&state, octets_of(context), context.size());
  crypto_generichash_update(&state, payload.data(), payload.size());
  crypto_generichash_final(&state, tag.data(), tag.size());
  return tag;
}

}  // namespace

std::string BlockGuard::context_of(const BlockHeader& header) const { return file_header_ + header.octets(); }

void BlockGuard::close(const BlockHeader& header, std::string& payload) const {
  const std::string context = context_of(header);
  const std::size_t size = payload.size();
  payload.resize(size + kBlockTagOctets);
  auto* const octets = reinterpret_cast<std::uint8_t*>(payload.data());
  if (key_ != nullptr) return seal_octets(*key_, nonce_of(file_header_, header.index), {octets, size}, context, octets);
  const auto tag = checksum(context, {octets, size});
  std::copy(tag.begin(), tag.end(), octets + size);
}

bool BlockGuard::open(const BlockHeader& header, std::span<std::uint8_t> octets) const {
  const std::string context = context_of(header);
  if (key_ != nullptr) return open_octets(*key_, nonce_of(file_header_, header.index), octets, context, octets.data());
  if (octets.size() < kBlockTagOctets) return false;
  const std::size_t size = octets.size() - kBlockTagOctets;
  const auto tag = checksum(context, octets.first(size));
  return sodium_memcmp(tag.data(), octets.data() + size, tag.size()) == 0;
}

}  // namespace sdns::store
