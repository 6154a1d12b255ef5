// SPDX-License-Identifier: MIT
// Records and RRsets as the store, the master files and the engine exchange them: text that has been checked.
#pragma once

#include <string>
#include <vector>

#include "backend/dns/name.h"
#include "backend/dns/rrtype.h"
#include "backend/dns/ttl.h"

namespace sdns::dns {

/// One record. `content` is canonical presentation format as PowerDNS takes it: names absolute with a final dot, TXT
/// quoted, types that PowerDNS does not know as `\# len hex`. Made by LdnsCodec, never by hand from outside input.
struct Record {
  Name owner;
  RrType type;
  Ttl ttl;
  std::string content;
  friend bool operator==(const Record&, const Record&) = default;
};

/// All records of one type at one owner name, of one zone. Order of `contents` has no meaning; no duplicates.
struct Rrset {
  Name owner;
  RrType type;
  Ttl ttl;
  std::vector<std::string> contents;
  friend bool operator==(const Rrset&, const Rrset&) = default;
};

}  // namespace sdns::dns
