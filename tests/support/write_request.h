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
    void id(std::string_view before, std::int64_t value) const {
      out += before;
      out += std::to_string(value);
    }
    void flag(std::string_view before, bool value) const {
      out += before;
      out += value ? "true" : "false";
    }
    void record(const protocol::EditRecord& r) const {
      member(R"({"auth": true, "content": )", r.content);
      member(R"(, "qclass": 1, "qname": )", r.qname);
      member(R"(, "qtype": )", r.qtype);
      id(R"(, "ttl": )", r.ttl);
      out += '}';
    }
    void records(std::string_view before, const protocol::ViewOf<protocol::EditRecord>& list) const {
      out += before;
      out += '[';
      for (const protocol::EditRecord& r : list) {
        if (&r != list.data()) out += ", ";
        record(r);
      }
      out += ']';
    }
    void operator()(const protocol::List& r) const {
      start("list");
      id(R"("domain_id": )", r.id);
      flag(R"(, "include_disabled": )", r.include_disabled);
      member(R"(, "zonename": )", r.name);
    }
    void operator()(const protocol::SearchRecords& r) const {
      start("searchRecords");
      id(R"("maxResults": )", r.max_results);
      member(R"(, "pattern": )", r.pattern);
    }
    void operator()(const protocol::GetTsigKey& r) const {
      start("getTSIGKey");
      member(R"("name": )", r.name);
    }
    void operator()(const protocol::GetTsigKeys&) const { start("getTSIGKeys"); }
    void operator()(const protocol::DirectBackendCmd& r) const {
      start("directBackendCmd");
      member(R"("query": )", r.query);
    }
    void operator()(const protocol::StartTransaction& r) const {
      start("startTransaction");
      member(R"("domain": )", r.name);
      id(R"(, "domain_id": )", r.id);
      out += R"(, "trxid": 1787000000)";
    }
    void operator()(const protocol::CommitTransaction&) const {
      start("commitTransaction");
      out += R"("trxid": 1787000000)";
    }
    void operator()(const protocol::AbortTransaction&) const {
      start("abortTransaction");
      out += R"("trxid": 1787000000)";
    }
    void operator()(const protocol::ReplaceRrset& r) const {
      start("replaceRRSet");
      id(R"("domain_id": )", r.id);
      member(R"(, "qname": )", r.qname);
      member(R"(, "qtype": )", r.qtype);
      records(R"(, "rrset": )", r.records);
      out += R"(, "trxid": 1787000000)";
    }
    void operator()(const protocol::FeedRecord& r) const {
      start("feedRecord");
      out += R"("rr": )";
      record(r.record);
      out += R"(, "trxid": 1787000000)";
    }
    void operator()(const protocol::FeedEnts&) const {
      start("feedEnts");
      out += R"("domain_id": 7, "nonterm": [], "trxid": 1787000000)";
    }
    void operator()(const protocol::SetDomainMetadata& r) const {
      start("setDomainMetadata");
      member(R"("kind": )", r.kind);
      member(R"(, "name": )", r.name);
      out += R"(, "value": [)";
      for (const std::string_view& value : r.values) member(&value == r.values.data() ? "" : ", ", value);
      out += ']';
    }
    void operator()(const protocol::AddDomainKey& r) const {
      start("addDomainKey");
      flag(R"("key": {"active": )", r.active);
      member(R"(, "content": )", r.content);
      id(R"(, "flags": )", r.flags);
      flag(R"(, "published": )", r.published);
      member(R"(}, "name": )", r.name);
    }
    void operator()(const protocol::ChangeDomainKey& r) const {
      static constexpr std::string_view kNames[] = {"removeDomainKey", "activateDomainKey", "deactivateDomainKey",
                                                    "publishDomainKey", "unpublishDomainKey"};
      start(kNames[static_cast<std::size_t>(r.what)]);
      id(R"("id": )", r.id);
      member(R"(, "name": )", r.name);
    }
    void operator()(const protocol::SetTsigKey& r) const {
      start("setTSIGKey");
      member(R"("algorithm": )", r.algorithm);
      member(R"(, "content": )", r.content);
      member(R"(, "name": )", r.name);
    }
    void operator()(const protocol::DeleteTsigKey& r) const {
      start("deleteTSIGKey");
      member(R"("name": )", r.name);
    }
    void operator()(const protocol::SetNotified& r) const {
      start("setNotified");
      id(R"("id": )", r.id);
      id(R"(, "serial": )", r.serial);
    }
    void operator()(const protocol::SetChecked& r) const {
      start(r.fresh ? "setFresh" : "setStale");
      id(R"("id": )", r.id);
    }
    void operator()(const protocol::SuperMasterBackend& r) const {
      start("superMasterBackend");
      member(R"("domain": )", r.name);
      member(R"(, "ip": )", r.address);
      records(R"(, "nsset": )", r.name_servers);
    }
    void operator()(const protocol::CreateSlaveDomain& r) const {
      start("createSlaveDomain");
      member(R"("account": )", r.account);
      member(R"(, "domain": )", r.name);
      member(R"(, "ip": )", r.address);
      member(R"(, "nameserver": )", r.name_server);
    }
    void operator()(const protocol::Unknown& r) const { start(r.method); }
  } const writer{out, string, begin};
  std::visit(writer, request);
  out += "}}";
  return out;
}

}  // namespace sdns::test
