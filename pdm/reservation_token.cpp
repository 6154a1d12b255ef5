// SPDX-License-Identifier: MIT
#include "pdm/reservation_token.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "backend/base/owned.h"
#include "pdm/label.h"

namespace sdns::pdm {
namespace {

void add(crypto_auth_hmacsha256_state& state, std::string_view field) {
  const std::uint64_t size = field.size();  // before each field, so that no two sequences join to the same
  std::array<std::uint8_t, 8> octets;
  for (std::size_t i = 0; i < octets.size(); ++i) octets[i] = static_cast<std::uint8_t>(size >> (56 - 8 * i));
  crypto_auth_hmacsha256_update(&state, octets.data(), octets.size());
  crypto_auth_hmacsha256_update(&state, reinterpret_cast<const unsigned char*>(field.data()), field.size());
}

tl::unexpected<Error> io(const std::filesystem::path& file, std::string_view doing) {
  return fail(Errc::kIo, fmt::format("{}: {}: {}", file.string(), doing, std::strerror(errno)),
              "the key of the reservation tokens lives there; check the path and its owner");
}

Result<void> create(const std::filesystem::path& file) {
  std::array<std::uint8_t, TokenKey::kOctets> key;
  randombytes_buf(key.data(), key.size());
  std::array<char, 2 * TokenKey::kOctets + 1> hex;
  sodium_bin2hex(hex.data(), hex.size(), key.data(), key.size());
  const std::string text = std::string(hex.data()) + "\n";
  // Complete or not there: another program that starts now reads one key or makes none.
  const std::string draft = fmt::format("{}.{}.new", file.string(), ::getpid());
  Fd out(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!out) return io(file, "cannot be made");
  const bool written = ::write(out.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       ::fsync(out.get()) == 0 && (::link(draft.c_str(), file.c_str()) == 0 || errno == EEXIST);
  const int error = errno;
  ::unlink(draft.c_str());
  errno = error;
  sodium_memzero(key.data(), key.size());
  if (!written) return io(file, "cannot be written");
  return {};
}

}  // namespace

TokenKey::~TokenKey() { sodium_memzero(octets_.data(), octets_.size()); }

TokenKey TokenKey::from_octets(const std::array<std::uint8_t, kOctets>& octets) {
  TokenKey key;
  key.octets_ = octets;
  return key;
}

Result<TokenKey> TokenKey::read_or_create(const std::filesystem::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) {
    if (errno != ENOENT) return io(file, "cannot be read");
    if (auto made = create(file); !made) return fail(made.error());
    if (::stat(file.c_str(), &status) != 0) return io(file, "cannot be read");
  }
  if ((status.st_mode & 077) != 0)
    return fail(Errc::kPermission,
                fmt::format("{}: others may read it (mode {:04o})", file.string(), status.st_mode & 07777U),
                "whoever has the key can commit others' reservations: chmod 600");
  std::ifstream in(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in) return io(file, "cannot be read");
  TokenKey key;
  std::size_t size = 0;
  const std::string hex = trimmed_lower(text);
  if (sodium_hex2bin(key.octets_.data(), key.octets_.size(), hex.data(), hex.size(), nullptr, &size, nullptr) != 0 ||
      size != kOctets)
    return fail(Errc::kInvalidArgument,
                fmt::format("{}: is no key: it takes {} hexadecimal octets", file.string(), kOctets),
                "restore the file, or remove it: a new key ends the reservations that are open");
  sodium_memzero(text.data(), text.size());
  return key;
}

std::string TokenKey::token(std::string_view pool_domain, std::string_view subdomain, std::int64_t generation,
                            std::string_view reservation) const {
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, octets_.data(), octets_.size());
  add(state, "sovereign-pdm reservation");
  add(state, pool_domain);
  add(state, subdomain);
  add(state, std::to_string(generation));
  add(state, reservation);
  std::array<unsigned char, crypto_auth_hmacsha256_BYTES> mac;
  crypto_auth_hmacsha256_final(&state, mac.data());
  mac[6] = static_cast<unsigned char>((mac[6] & 0x0F) | 0x80);  // version 8: custom
  mac[8] = static_cast<unsigned char>((mac[8] & 0x3F) | 0x80);  // variant of RFC 9562
  std::string text;
  for (std::size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", mac[i]);
  }
  return text;
}

bool TokenKey::matches(const store::AllocationRow& row, std::string_view text) const {
  if (row.reservation.empty()) return false;
  const std::string expected = token(row);
  const std::string given = trimmed_lower(text);
  return given.size() == expected.size() && sodium_memcmp(given.data(), expected.data(), expected.size()) == 0;
}

}  // namespace sdns::pdm
