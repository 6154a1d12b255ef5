// SPDX-License-Identifier: MIT
// The content of a snapshot file's blocks, behind their checksums. Whatever octets there are: what is read as zones is
// written as octets that read as the same zones, and so is what stands beside them.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "backend/store/snapshot_codec.h"

namespace {

using namespace sdns;

[[noreturn]] void broken(const char* property) {
  std::fprintf(stderr, "%s\n", property);
  std::abort();
}

Result<std::vector<zone::ZoneRef>> read_zones(const std::vector<std::string>& payloads) {
  std::size_t next = 0;
  return store::decode_zones(payloads.size(), [&]() -> Result<std::string_view> { return payloads[next++]; });
}

std::vector<std::string> written(const std::vector<zone::ZoneRef>& zones) {
  std::vector<std::string> payloads;
  store::ZonesEncoder encoder([&](const store::ZonesEncoder::Payload& payload) -> Result<void> {
    payloads.push_back(payload.octets);
    return {};
  });
  for (const zone::ZoneRef& zone : zones)
    if (!encoder.add(*zone)) broken("a zone cannot be written");
  if (!encoder.finish()) broken("the end cannot be written");
  return payloads;
}

void check_zones(const std::vector<std::string>& payloads) {
  const auto first = read_zones(payloads);
  if (!first) return;
  const auto once = written(*first);
  const auto second = read_zones(once);
  if (!second || second->size() != first->size()) broken("what was written does not read");
  if (written(*second) != once) broken("what was read again is written differently");
}

void check_besides(std::string_view octets) {
  zone::LoadedState state;
  if (!store::decode_besides(octets, state)) return;
  zone::ZoneSetBuilder builder;
  if (!builder.add_target_pools(state.target_pools)) return;
  builder.add_overrides(state.overrides);
  const std::string once = store::encode_besides(*builder.finish(1, {}, state.tsig_keys));
  zone::LoadedState again;
  if (!store::decode_besides(once, again)) broken("what stands beside zones does not read again");
  if (again.target_pools.size() != state.target_pools.size() || again.overrides.size() != state.overrides.size() ||
      again.tsig_keys.size() != state.tsig_keys.size())
    broken("something beside the zones was lost");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string octets(reinterpret_cast<const char*>(data), size);
  check_besides(octets);
  check_zones({octets});
  if (size > 1) check_zones({octets.substr(0, size / 2), octets.substr(size / 2)});
  return 0;
}
