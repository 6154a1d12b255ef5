// SPDX-License-Identifier: MIT
#include "backend/health/probe_dns_message.h"

#include <array>

#include "backend/dns/rdata_text.h"

namespace sdns::health {
namespace {

using dns::append_u16;
using dns::octet_at;
using dns::u16_at;

constexpr std::size_t kHeaderOctets = 12;
constexpr std::uint16_t kClassIn = 1;
constexpr int kMostPointers = 127;  // of a name: it has no more labels
constexpr std::uint16_t kQr = 0x8000, kTc = 0x0200, kRd = 0x0100, kOpcode = 0x7800, kRcode = 0x000F;

// Appends the name at wire[at] without compression and moves `at` past it. False: it is none. A pointer must lead
// before where it stands, so that there is no loop (RFC 1035 section 4.1.4); that some lead to pointers alone is no
// reason to go along chains of thousands for each record.
bool read_name(std::string_view wire, std::size_t& at, std::string& out) {
  std::size_t from = at;
  std::size_t before = wire.size();  // pointers lead before this
  int pointers = 0;
  std::size_t octets = 0;
  for (;;) {
    if (from >= wire.size()) return false;
    const std::size_t length = octet_at(wire, from);
    if (length >= 0xC0) {
      if (from + 2 > wire.size()) return false;
      const std::size_t target = u16_at(wire, from) & 0x3FFF;
      if (pointers == 0) at = from + 2;
      if (++pointers > kMostPointers || target >= std::min(before, from)) return false;
      before = from = target;
      continue;
    }
    if (length > 63 || from + 1 + length > wire.size()) return false;
    octets += 1 + length;
    if (octets > 255) return false;
    out.append(wire.substr(from, 1 + length));
    from += 1 + length;
    if (length == 0) break;
  }
  if (pointers == 0) at = from;
  return true;
}

// Where types whose RDATA may be compressed (RFC 3597 section 4) have names.
struct Compressed {
  dns::RrType type;
  std::size_t prefix;
  int names;
};
constexpr std::array<Compressed, 7> kCompressed = {{{dns::kNS, 0, 1},
                                                    {dns::kCNAME, 0, 1},
                                                    {dns::kPTR, 0, 1},
                                                    {dns::kDNAME, 0, 1},
                                                    {dns::kMX, 2, 1},
                                                    {dns::kSRV, 6, 1},
                                                    {dns::kSOA, 0, 2}}};

bool read_rdata(std::string_view wire, std::size_t at, std::size_t length, dns::RrType type, std::string& out) {
  const std::size_t end = at + length;
  for (const Compressed& shape : kCompressed) {
    if (shape.type != type) continue;
    if (shape.prefix > length) return false;
    out.append(wire.substr(at, shape.prefix));
    at += shape.prefix;
    for (int i = 0; i < shape.names; ++i)
      if (!read_name(wire, at, out) || at > end) return false;
    break;
  }
  out.append(wire.substr(at, end - at));
  return true;
}

}  // namespace

std::string dns_query(const DnsQuestion& question) {
  std::string wire;
  append_u16(wire, question.id);
  append_u16(wire, question.recursion_desired ? kRd : 0);
  append_u16(wire, 1);
  for (int i = 0; i < 3; ++i) append_u16(wire, 0);
  wire += question.name.wire();
  append_u16(wire, question.type.value);
  append_u16(wire, kClassIn);
  return wire;
}

DnsReply read_dns_reply(std::string_view wire, const DnsQuestion& question) {
  DnsReply reply;
  if (wire.size() < kHeaderOctets || u16_at(wire, 0) != question.id) return reply;
  const std::uint32_t flags = u16_at(wire, 2);
  if ((flags & kQr) == 0 || (flags & kOpcode) != 0) return reply;
  reply.rcode = static_cast<std::uint16_t>(flags & kRcode);
  std::size_t at = kHeaderOctets;
  // A server that could not read the question may leave it out (RFC 1035 section 4.1.1: FORMERR, NOTIMP).
  const std::uint32_t questions = u16_at(wire, 4);
  if (questions == 0 && reply.rcode == 0) return reply;
  if (questions > 1) return reply;
  if (questions == 1) {
    std::string asked;
    if (!read_name(wire, at, asked) || at + 4 > wire.size()) return reply;
    const auto name = dns::Name::from_wire(asked);
    if (!name || *name != question.name || u16_at(wire, at) != question.type.value || u16_at(wire, at + 2) != kClassIn)
      return reply;
    at += 4;
  }
  if ((flags & kTc) != 0) {
    reply.kind = DnsReplyKind::kTruncated;
    return reply;
  }
  reply.kind = DnsReplyKind::kBroken;
  for (std::uint32_t i = 0; i < u16_at(wire, 6); ++i) {
    std::string owner;
    if (!read_name(wire, at, owner) || at + 10 > wire.size()) return reply;
    const dns::RrType type{static_cast<std::uint16_t>(u16_at(wire, at))};
    const std::uint32_t rr_class = u16_at(wire, at + 2);
    const std::size_t length = u16_at(wire, at + 8);
    at += 10;
    if (at + length > wire.size()) return reply;
    if (type == question.type && rr_class == kClassIn &&
        !read_rdata(wire, at, length, type, reply.rdata.emplace_back()))
      return reply;
    at += length;
  }
  reply.kind = DnsReplyKind::kReply;
  return reply;
}

}  // namespace sdns::health
