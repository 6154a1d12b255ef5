// SPDX-License-Identifier: MIT
// The fields of each type.
#include "backend/dns/rdata.h"

namespace sdns::dns {
namespace {

using enum FieldKind;

constexpr Field kAddress4[] = {{kIpv4, "address"}};
constexpr Field kAddress6[] = {{kIpv6, "address"}};
constexpr Field kOneName[] = {{kName, "name"}};
constexpr Field kTwoNames[] = {{kName, "first name"}, {kName, "second name"}};
constexpr Field kSoaFields[] = {{kName, "primary"},  {kName, "mailbox"},   {kU32, "serial"},     {kSeconds, "refresh"},
                                {kSeconds, "retry"}, {kSeconds, "expire"}, {kSeconds, "minimum"}};
constexpr Field kNumberAndName[] = {{kU16, "preference"}, {kName, "name"}};
constexpr Field kTwoStrings[] = {{kString, "CPU"}, {kString, "OS"}};
constexpr Field kText[] = {{kStrings, "text"}};
constexpr Field kSrvFields[] = {{kU16, "priority"}, {kU16, "weight"}, {kU16, "port"}, {kName, "target"}};
constexpr Field kNaptrFields[] = {{kU16, "order"},      {kU16, "preference"}, {kString, "flags"},
                                  {kString, "service"}, {kString, "regexp"},  {kName, "replacement"}};
constexpr Field kCertFields[] = {
    {kCertType, "certificate type"}, {kU16, "key tag"}, {kAlgorithm, "algorithm"}, {kBase64, "certificate"}};
constexpr Field kAplFields[] = {{kApl, "address prefix"}};
constexpr Field kDsFields[] = {{kU16, "key tag"}, {kAlgorithm, "algorithm"}, {kU8, "digest type"}, {kHex, "digest"}};
constexpr Field kSshfpFields[] = {{kU8, "algorithm"}, {kU8, "fingerprint type"}, {kHex, "fingerprint"}};
constexpr Field kIpseckeyFields[] = {{kU8, "precedence"}, {kGateway, "gateway"}, {kBase64OrNone, "public key"}};
constexpr Field kRrsigFields[] = {{kType, "type covered"}, {kAlgorithm, "algorithm"}, {kU8, "labels"},
                                  {kU32, "original TTL"},  {kTime, "expiration"},     {kTime, "inception"},
                                  {kU16, "key tag"},       {kName, "signer"},         {kBase64, "signature"}};
constexpr Field kNsecFields[] = {{kName, "next name"}, {kTypes, "types"}};
constexpr Field kKeyFields[] = {{kU16, "flags"}, {kU8, "protocol"}, {kAlgorithm, "algorithm"}, {kBase64, "public key"}};
constexpr Field kBlob64[] = {{kBase64, "data"}};
constexpr Field kNsec3Fields[] = {{kU8, "hash algorithm"}, {kU8, "flags"},       {kU16, "iterations"},
                                  {kSalt, "salt"},         {kHash, "next hash"}, {kTypes, "types"}};
constexpr Field kNsec3ParamFields[] = {{kU8, "hash algorithm"}, {kU8, "flags"}, {kU16, "iterations"}, {kSalt, "salt"}};
constexpr Field kTlsaFields[] = {{kU8, "usage"}, {kU8, "selector"}, {kU8, "matching type"}, {kHex, "association data"}};
constexpr Field kCsyncFields[] = {{kU32, "serial"}, {kU16, "flags"}, {kTypes, "types"}};
constexpr Field kZonemdFields[] = {{kU32, "serial"}, {kU8, "scheme"}, {kU8, "hash algorithm"}, {kHex, "digest"}};
constexpr Field kSvcbFields[] = {{kU16, "priority"}, {kName, "target"}, {kSvcParams, "parameters"}};
constexpr Field kLocatorFields[] = {{kU16, "preference"}, {kLocator, "locator"}};
constexpr Field kL32Fields[] = {{kU16, "preference"}, {kIpv4, "locator"}};
constexpr Field kEui48Fields[] = {{kEui48, "address"}};
constexpr Field kEui64Fields[] = {{kEui64, "address"}};
constexpr Field kUriFields[] = {{kU16, "priority"}, {kU16, "weight"}, {kOpenString, "target"}};
constexpr Field kCaaFields[] = {{kU8, "flags"}, {kTag, "tag"}, {kOpenString, "value"}};

}  // namespace

std::span<const Field> layout_of(RrType type) {
  switch (type.value) {
    case 1:
      return kAddress4;
    case 2:
    case 5:
    case 7:
    case 8:
    case 9:
    case 12:
    case 39:
    case 65401:
      return kOneName;
    case 6:
      return kSoaFields;
    case 13:
      return kTwoStrings;
    case 14:
    case 17:
      return kTwoNames;
    case 15:
    case 18:
    case 36:
    case 107:
      return kNumberAndName;
    case 16:
    case 99:
      return kText;
    case 25:
    case 48:
    case 57:
    case 60:
      return kKeyFields;
    case 28:
      return kAddress6;
    case 33:
      return kSrvFields;
    case 35:
      return kNaptrFields;
    case 37:
      return kCertFields;
    case 42:
      return kAplFields;
    case 43:
    case 59:
    case 32769:
      return kDsFields;
    case 44:
      return kSshfpFields;
    case 45:
      return kIpseckeyFields;
    case 46:
      return kRrsigFields;
    case 47:
      return kNsecFields;
    case 49:
    case 61:
      return kBlob64;
    case 50:
      return kNsec3Fields;
    case 51:
      return kNsec3ParamFields;
    case 52:
    case 53:
      return kTlsaFields;
    case 62:
      return kCsyncFields;
    case 63:
      return kZonemdFields;
    case 64:
    case 65:
      return kSvcbFields;
    case 104:
    case 106:
      return kLocatorFields;
    case 105:
      return kL32Fields;
    case 108:
      return kEui48Fields;
    case 109:
      return kEui64Fields;
    case 256:
      return kUriFields;
    case 257:
      return kCaaFields;
    default:
      return {};
  }
}

}  // namespace sdns::dns
