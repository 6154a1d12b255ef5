// SPDX-License-Identifier: MIT
// tests/data/protocol/*.case: zones as master text, and lines of the protocol in exact octets.
//
//   %zone 7 example.com. [primary|secondary] [masters=192.0.2.1,192.0.2.2:5300] [notified=SERIAL] [last_check=SECONDS]
//                               master text follows
//   %metadata KIND VALUE        of the zone above; a value a line
//   %key 3 257 active|inactive published|unpublished TEXT        `\n` in the text is a newline
//   %tsig NAME ALGORITHM SECRET
//   %now SECONDS                since 1970, for the cases that follow
//   %case a sentence about behaviour
//   %editor fails | key ID | autoprimary NAME-SERVER ACCOUNT     of the case above; else every edit is carried out
//   > the request; `\xHH` is an octet, all else stands for itself
//   < the reply, without its newline
//   <! the reply, after which the connection is closed
//
// The requests of a case come on one connection. Lines that begin with # outside of master text are comments.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/answer/editor.h"
#include "backend/zone/zone_set.h"

namespace sdns::test {

struct Exchange {
  std::string request;
  std::string reply;
  bool closes = false;
};
struct ProtocolCase {
  std::string file;
  int line = 0;
  std::string behaviour;
  std::int64_t now_seconds = 0;
  bool editor_fails = false;
  std::uint32_t new_key = 0;
  std::optional<answer::Autoprimary> autoprimary;
  std::vector<Exchange> exchanges;
};

struct CaseFile {
  zone::ZoneSetPtr zones;
  std::vector<ProtocolCase> cases;
};

/// Ends the program with a message when the file is not well-formed.
CaseFile read_case_file(const std::filesystem::path& path);

}  // namespace sdns::test
