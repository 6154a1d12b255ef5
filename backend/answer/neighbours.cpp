// SPDX-License-Identifier: MIT
#include "backend/answer/neighbours.h"

#include "backend/dns/dnssec_key.h"
#include "backend/dns/rdata_text.h"

namespace sdns::answer {
namespace {

constexpr std::size_t kHashText = 32;  // base32hex of 20 octets

void append_hash(const zone::Nsec3Hash& hash, std::string& out) {
  dns::append_base32hex({reinterpret_cast<const char*>(hash.data()), hash.size()}, out);
}

std::optional<protocol::Neighbours> by_hash(const zone::Zone& zone, const zone::Nsec3Hash& hash,
                                            SynthesisedNames* synthesised, Scratch& scratch) {
  auto found = zone.hash_neighbours(hash);
  if (!found) return std::nullopt;
  std::optional<std::string> name;
  if (synthesised && found->before != hash && zone.has_lua_wildcard()) name = synthesised->find(zone.id(), hash);
  if (name) {
    found->before = hash;
    found->owner = *name;
  }
  append_hash(found->before, scratch.before);
  append_hash(found->after, scratch.after);
  // Absolute, because PowerDNS looks the name up to make the type bitmap.
  dns::append_key_text(scratch.unhashed, found->owner);
  if (!found->owner.empty()) scratch.unhashed += '.';
  dns::append_key_text(scratch.unhashed, zone.apex_key());
  scratch.unhashed += '.';
  return protocol::Neighbours{scratch.unhashed, scratch.before, scratch.after};
}

}  // namespace

std::optional<protocol::Neighbours> find_neighbours(const zone::Zone& zone, std::string_view qname,
                                                    SynthesisedNames* synthesised, Scratch& scratch) {
  scratch.unhashed.clear();
  scratch.before.clear();
  scratch.after.clear();
  if (zone.settings().denial.mode == zone::Denial::Mode::kNsec3) {
    const std::string_view text = qname.ends_with('.') ? qname.substr(0, qname.size() - 1) : qname;
    zone::Nsec3Hash hash{};
    if (text.size() == kHashText && dns::parse_base32hex(text, hash)) return by_hash(zone, hash, synthesised, scratch);
  }
  if (!qname.empty() && !scratch.key.assign(qname)) return std::nullopt;
  const zone::Zone::Neighbours found = zone.nsec_neighbours(qname.empty() ? std::string_view() : scratch.key.view());
  dns::append_key_text(scratch.before, found.before);
  dns::append_key_text(scratch.after, found.after);
  return protocol::Neighbours{scratch.unhashed, scratch.before, scratch.after};
}

}  // namespace sdns::answer
