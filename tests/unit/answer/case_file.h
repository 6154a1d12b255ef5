// SPDX-License-Identifier: MIT
// tests/data/protocol/*.case: zones as master text, and lines of the protocol in exact octets.
//
//   %zone 7 example.com. [primary|secondary] [masters=192.0.2.1,192.0.2.2:5300]    master text follows
//   %metadata KIND VALUE        of the zone above; a value a line
//   %key 3 257 active|inactive published|unpublished TEXT        `\n` in the text is a newline
//   %case a sentence about behaviour
//   > the request; `\xHH` is an octet, all else stands for itself
//   < the reply, without its newline
//   <! the reply, after which the connection is closed
//
// Lines that begin with # outside of master text are comments.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "backend/zone/zone_set.h"

namespace sdns::test {

struct ProtocolCase {
  std::string file;
  int line = 0;
  std::string behaviour;
  std::string request;
  std::string reply;
  bool closes = false;
};

struct CaseFile {
  zone::ZoneSetPtr zones;
  std::vector<ProtocolCase> cases;
};

/// Ends the program with a message when the file is not well-formed.
CaseFile read_case_file(const std::filesystem::path& path);

}  // namespace sdns::test
