// SPDX-License-Identifier: MIT
// DNS messages of a probe: one question, and what its reply says (RFC 1035 section 4).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "backend/dns/name.h"
#include "backend/dns/rrtype.h"

namespace sdns::health {

struct DnsQuestion {
  std::uint16_t id = 0;
  dns::Name name{};
  dns::RrType type = dns::kA;
  bool recursion_desired = false;
};

/// One question of class IN, without EDNS: every server understands it.
[[nodiscard]] std::string dns_query(const DnsQuestion& question);

enum class DnsReplyKind : std::uint8_t {
  kForeign,    ///< not a reply to the question: other id, other question, a query, too short
  kTruncated,  ///< to be asked again over TCP
  kBroken,     ///< a reply whose answer section cannot be read
  kReply,
};

struct DnsReply {
  DnsReplyKind kind = DnsReplyKind::kForeign;
  std::uint16_t rcode = 0;
  /// Of the answers with the question's type, without compression.
  std::vector<std::string> rdata{};
};
/// Reads any octets.
[[nodiscard]] DnsReply read_dns_reply(std::string_view wire, const DnsQuestion& question);

}  // namespace sdns::health
