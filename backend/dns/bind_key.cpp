// SPDX-License-Identifier: MIT
// BIND's key pair files.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "backend/dns/dnssec_key.h"
#include "backend/dns/master_file.h"

namespace sdns::dns {
namespace {

constexpr std::size_t kMaxPrivate = 64 * 1024;

Result<std::string> read_small(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    const int error = errno;
    return fail(error == ENOENT ? Errc::kNotFound : Errc::kIo,
                fmt::format("{}: {}", file.string(), std::strerror(error)));
  }
  std::string text(kMaxPrivate + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kMaxPrivate)
    return fail(Errc::kInvalidArgument, fmt::format("{}: too long for a key", file.string()));
  return text;
}

}  // namespace

Result<GeneratedKey> read_bind_key(const std::filesystem::path& path, const Name& apex) {
  std::string stem = path.string();
  for (const std::string_view suffix : {".key", ".private"})
    if (stem.ends_with(suffix)) stem.resize(stem.size() - suffix.size());
  const std::string key_file = stem + ".key";
  const std::string private_file = stem + ".private";

  const auto text = read_small(key_file);
  if (!text) return fail(text.error());
  // A .key file may have no TTL.
  const auto records = parse_master_text("$TTL 3600\n" + *text, key_file, apex, {}, {.max_records = 16});
  if (!records) return fail(records.error());
  const auto found = std::find_if(records->records.begin(), records->records.end(),
                                  [](const PlacedRecord& placed) { return placed.record.type == kDNSKEY; });
  if (found == records->records.end())
    return fail(Errc::kInvalidArgument, fmt::format("{}: there is no DNSKEY record", key_file));
  if (found->record.owner != apex)
    return fail(Errc::kInvalidArgument,
                fmt::format("{}: this is a key of {}, not of {}", key_file, found->record.owner.text(), apex.text()));
  auto secret = read_small(private_file);
  if (!secret) return fail(secret.error());
  const std::string& dnskey = found->record.content;
  const auto flags = static_cast<std::uint16_t>(std::strtoul(dnskey.c_str(), nullptr, 10));
  const auto facts = describe_key(apex, flags, *secret);
  if (!facts)
    return fail(facts.error().code, fmt::format("{}: {}", private_file, facts.error().what), facts.error().hint);
  if (facts->dnskey_content != dnskey)
    return fail(Errc::kInvalidArgument,
                fmt::format("{} does not belong to {}: the public keys differ", private_file, key_file));
  return GeneratedKey{flags, std::move(*secret)};
}

}  // namespace sdns::dns
