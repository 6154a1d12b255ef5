// SPDX-License-Identifier: MIT
// Requests as PowerDNS's json11 writes them.
#pragma once

#include <string>

#include "backend/base/json_text.h"
#include "backend/protocol/request.h"

namespace sdns::test {

/// One line without its final newline.
inline std::string write_request(const protocol::Request& request) {
  std::string out;
  const auto string = [&](std::string_view before, std::string_view text) {
    out += before;
    append_json_string(out, text);
  };
  const auto begin = [&](std::string_view method) {
    string(R"({"method": )", method);
    out += R"(, "parameters": {)";
  };
  struct {
    std::string& out;
    decltype(string)& member;
    decltype(begin)& start;
    void operator()(const protocol::Initialize& r) const {
      start("initialize");
      out.pop_back();
      out += r.options;
      out.pop_back();
    }
    void operator()(const protocol::Lookup& r) const {
      start(r.include_disabled ? "APILookup" : "lookup");
      if (r.include_disabled) out += R"("include-disabled": true, )";
      member(R"("local": )", r.local);
      out += R"(, "qname": ")";
      out += r.qname_json;
      member(R"(", "qtype": )", r.qtype.text());
      member(R"(, "real-remote": )", r.real_remote);
      member(R"(, "remote": )", r.remote);
      out += R"(, "zone-id": )" + std::to_string(r.zone_id);
    }
    void operator()(const protocol::GetAllDomains& r) const {
      start("getAllDomains");
      out += r.include_disabled ? R"("include_disabled": true)" : R"("include_disabled": false)";
    }
    void operator()(const protocol::GetDomainInfo& r) const {
      start("getDomainInfo");
      member(R"("name": )", r.name);
    }
    void operator()(const protocol::GetAllDomainMetadata& r) const {
      start("getAllDomainMetadata");
      member(R"("name": )", r.name);
    }
    void operator()(const protocol::GetDomainMetadata& r) const {
      start("getDomainMetadata");
      member(R"("kind": )", r.kind);
      member(R"(, "name": )", r.name);
    }
    void operator()(const protocol::GetDomainKeys& r) const {
      start("getDomainKeys");
      member(R"("name": )", r.name);
    }
    void operator()(const protocol::GetBeforeAndAfterNamesAbsolute& r) const {
      start("getBeforeAndAfterNamesAbsolute");
      out += R"("id": )" + std::to_string(r.id);
      member(R"(, "qname": )", r.qname);
    }
    void operator()(const protocol::GetUpdatedMasters&) const { start("getUpdatedMasters"); }
    void operator()(const protocol::GetUnfreshSlaveInfos&) const { start("getUnfreshSlaveInfos"); }
    void operator()(const protocol::Unknown& r) const { start(r.method); }
  } const writer{out, string, begin};
  std::visit(writer, request);
  out += "}}";
  return out;
}

}  // namespace sdns::test
