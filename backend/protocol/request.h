// SPDX-License-Identifier: MIT
// PowerDNS remote backend: one struct per method. Names and spellings of the wire stay inside protocol/.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "backend/dns/rrtype.h"

namespace sdns::protocol {

// Views point into the line that was parsed, or into the parser's memory: valid until the parser's next parse.

struct Initialize {
  std::string_view options;  ///< the parameters object without white space, for the log
  friend bool operator==(const Initialize&, const Initialize&) = default;
};

/// The backend must answer for exactly this owner name and type.
struct Lookup {
  std::string_view qname;       ///< presentation format, JSON unescaped: absolute, client's letter case
  std::string_view qname_json;  ///< the same, JSON-escaped: as it stood between the quotes of the request
  dns::RrType qtype;            ///< kANY for all; 0 for a meta type (MAILB, TSIG …), which no RRset has
  std::int64_t zone_id = -1;    ///< -1: not known (4294967295 is read as -1)
  std::string_view remote;      ///< client address, text; "0.0.0.0" for lookups without a client
  std::string_view local;
  std::string_view real_remote;   ///< CIDR
  bool include_disabled = false;  ///< APILookup of 5.0
  friend bool operator==(const Lookup&, const Lookup&) = default;
};

struct GetAllDomains {
  bool include_disabled = false;
  friend bool operator==(const GetAllDomains&, const GetAllDomains&) = default;
};
struct GetDomainInfo {
  std::string_view name;
  friend bool operator==(const GetDomainInfo&, const GetDomainInfo&) = default;
};
struct GetAllDomainMetadata {
  std::string_view name;
  friend bool operator==(const GetAllDomainMetadata&, const GetAllDomainMetadata&) = default;
};
struct GetDomainMetadata {
  std::string_view name;
  std::string_view kind;
  friend bool operator==(const GetDomainMetadata&, const GetDomainMetadata&) = default;
};
struct GetDomainKeys {
  std::string_view name;
  friend bool operator==(const GetDomainKeys&, const GetDomainKeys&) = default;
};
struct GetBeforeAndAfterNamesAbsolute {
  std::int64_t id = -1;
  std::string_view qname;  ///< NSEC: relative to the zone with a final dot; NSEC3: base32hex hash with a final dot
  friend bool operator==(const GetBeforeAndAfterNamesAbsolute&, const GetBeforeAndAfterNamesAbsolute&) = default;
};
struct GetUpdatedMasters {
  friend bool operator==(const GetUpdatedMasters&, const GetUpdatedMasters&) = default;
};
struct GetUnfreshSlaveInfos {
  friend bool operator==(const GetUnfreshSlaveInfos&, const GetUnfreshSlaveInfos&) = default;
};
/// All records of a zone.
struct List {
  std::string_view name;
  std::int64_t id = -1;
  bool include_disabled = false;
  friend bool operator==(const List&, const List&) = default;
};
struct SearchRecords {
  std::string_view pattern;      ///< `*` and `?`
  std::int64_t max_results = 0;  ///< at most so many rows
  friend bool operator==(const SearchRecords&, const SearchRecords&) = default;
};
struct GetTsigKey {
  std::string_view name;
  friend bool operator==(const GetTsigKey&, const GetTsigKey&) = default;
};
struct GetTsigKeys {
  friend bool operator==(const GetTsigKeys&, const GetTsigKeys&) = default;
};
struct DirectBackendCmd {
  std::string_view query;
  friend bool operator==(const DirectBackendCmd&, const DirectBackendCmd&) = default;
};

/// A record in an edit. `qtype` is text: what is no type is not an error of the protocol.
struct EditRecord {
  std::string_view qname;    ///< absolute
  std::string_view qtype;    ///< "" for an empty non-terminal
  std::string_view content;  ///< names in it are absolute, with or without their final dots
  std::uint32_t ttl = 0;     ///< seconds
  friend bool operator==(const EditRecord&, const EditRecord&) = default;
};
template <class T>
struct ViewOf : std::span<const T> {
  using std::span<const T>::span;
  friend bool operator==(const ViewOf& a, const ViewOf& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }
};

/// `id` of 0 or more: what follows replaces the zone; -1: the zone is edited in place.
struct StartTransaction {
  std::string_view name;
  std::int64_t id = -1;
  friend bool operator==(const StartTransaction&, const StartTransaction&) = default;
};
struct CommitTransaction {
  friend bool operator==(const CommitTransaction&, const CommitTransaction&) = default;
};
struct AbortTransaction {
  friend bool operator==(const AbortTransaction&, const AbortTransaction&) = default;
};
struct ReplaceRrset {
  std::int64_t id = -1;
  std::string_view qname;
  std::string_view qtype;
  ViewOf<EditRecord> records;  ///< none: the RRset goes away
  friend bool operator==(const ReplaceRrset&, const ReplaceRrset&) = default;
};
struct FeedRecord {
  EditRecord record;
  friend bool operator==(const FeedRecord&, const FeedRecord&) = default;
};
/// feedEnts and feedEnts3: empty non-terminals are derived here, so nothing of them is read.
struct FeedEnts {
  friend bool operator==(const FeedEnts&, const FeedEnts&) = default;
};
struct SetDomainMetadata {
  std::string_view name;
  std::string_view kind;
  ViewOf<std::string_view> values;  ///< none: the kind goes away
  friend bool operator==(const SetDomainMetadata&, const SetDomainMetadata&) = default;
};
struct AddDomainKey {
  std::string_view name;
  std::int64_t flags = 0;
  bool active = false;
  bool published = true;
  std::string_view content;  ///< ISC private key text: secret
  friend bool operator==(const AddDomainKey&, const AddDomainKey&) = default;
};
/// removeDomainKey, activateDomainKey, deactivateDomainKey, publishDomainKey, unpublishDomainKey.
struct ChangeDomainKey {
  enum class What : std::uint8_t { kRemove, kActivate, kDeactivate, kPublish, kUnpublish };
  What what{};
  std::string_view name;
  std::int64_t id = 0;
  friend bool operator==(const ChangeDomainKey&, const ChangeDomainKey&) = default;
};
struct SetTsigKey {
  std::string_view name;
  std::string_view algorithm;
  std::string_view content;  ///< base64: secret
  friend bool operator==(const SetTsigKey&, const SetTsigKey&) = default;
};
struct DeleteTsigKey {
  std::string_view name;
  friend bool operator==(const DeleteTsigKey&, const DeleteTsigKey&) = default;
};
struct SetNotified {
  std::int64_t id = -1;
  std::uint32_t serial = 0;
  friend bool operator==(const SetNotified&, const SetNotified&) = default;
};
/// setFresh, and setStale of 4.9.
struct SetChecked {
  std::int64_t id = -1;
  bool fresh = true;
  friend bool operator==(const SetChecked&, const SetChecked&) = default;
};
struct SuperMasterBackend {
  std::string_view address;
  std::string_view name;
  ViewOf<EditRecord> name_servers;
  friend bool operator==(const SuperMasterBackend&, const SuperMasterBackend&) = default;
};
struct CreateSlaveDomain {
  std::string_view address;
  std::string_view name;
  std::string_view name_server;
  std::string_view account;
  friend bool operator==(const CreateSlaveDomain&, const CreateSlaveDomain&) = default;
};

/// A method that we do not have: declined, never an error.
struct Unknown {
  std::string_view method;
  friend bool operator==(const Unknown&, const Unknown&) = default;
};

/// First what is answered from the zones, then what edits them or needs the authority database.
using Request =
    std::variant<Initialize, Lookup, GetAllDomains, GetDomainInfo, GetAllDomainMetadata, GetDomainMetadata,
                 GetDomainKeys, GetBeforeAndAfterNamesAbsolute, GetUpdatedMasters, GetUnfreshSlaveInfos, List,
                 SearchRecords, GetTsigKey, GetTsigKeys, DirectBackendCmd, Unknown, StartTransaction, CommitTransaction,
                 AbortTransaction, ReplaceRrset, FeedRecord, FeedEnts, SetDomainMetadata, AddDomainKey, ChangeDomainKey,
                 SetTsigKey, DeleteTsigKey, SetNotified, SetChecked, SuperMasterBackend, CreateSlaveDomain>;
inline constexpr std::size_t kFirstEdit = 16;
static_assert(std::is_same_v<std::variant_alternative_t<kFirstEdit, Request>, StartTransaction>);
/// Whether `Method` is among the edits.
template <class Method>
inline constexpr bool kIsEdit = []<std::size_t... kIndex>(std::index_sequence<kIndex...>) {
  return (std::is_same_v<Method, std::variant_alternative_t<kFirstEdit + kIndex, Request>> || ...);
}
(std::make_index_sequence<std::variant_size_v<Request> - kFirstEdit>());
[[nodiscard]] inline bool is_edit(const Request& request) { return request.index() >= kFirstEdit; }

}  // namespace sdns::protocol
