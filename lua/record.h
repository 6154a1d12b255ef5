// SPDX-License-Identifier: MIT
// A LUA record's content: the inner type and the code, from presentation format to Lua source.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "backend/base/error.h"
#include "backend/dns/rrtype.h"

namespace sdns::lua {

/// What stands between two chunks of code (PowerDNS's `lua-records-insert-whitespace`).
enum class ChunkJoin : std::uint8_t {
  kYes,   ///< PowerDNS up to 4.9: white space
  kNo,    ///< PowerDNS 5: nothing
  kAuto,  ///< a space, but none after a chunk of exactly 255 octets: that is where a transfer cuts
};
[[nodiscard]] Result<ChunkJoin> parse_chunk_join(std::string_view text);

struct Code {
  dns::RrType type;    ///< of the records that it makes; kLUA for a library
  std::string source;  ///< Lua, `return` put in front of an expression
};

/// `TYPE "chunk" ["chunk" …]`, as dns::canonical_content() gives it. The source of a library has neither `return` nor a
/// `;` taken away (it is run by include()). Errors (kInvalidRecord): no type, no code.
Result<Code> parse_record(std::string_view content, ChunkJoin join);

/// The chunks joined, without anything in front.
[[nodiscard]] std::string join_chunks(std::string_view quoted, ChunkJoin join);

/// Which names a source mentions: what it can depend on, whatever it does with them. Words in comments do not count,
/// nor in strings, but for the selector `picknamehashed`.
struct Mentions {
  bool query_name = false;     ///< qname, createForward … or what could reach them: `_G`, include(), getfenv()
  bool powerdns_only = false;  ///< dh, dnssecOK, tcp, ednsPKTSize, resolve(): we have no value for them
  std::string powerdns_word;   ///< the first of these
};
[[nodiscard]] Mentions mentions_of(std::string_view source);

}  // namespace sdns::lua
