// SPDX-License-Identifier: MIT
// What people write on the command line, as values. Errors are kInvalidArgument and name the argument.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "backend/base/error.h"
#include "backend/dns/name.h"
#include "backend/dns/rrtype.h"
#include "backend/store/authority.h"

namespace sdns::ctl {

/// A zone's apex; the final dot may be left out.
Result<dns::Name> zone_argument(std::string_view text);

/// An owner name: absolute with a final dot, relative to the apex without one, "@" is the apex. A text that ends with
/// the zone's own name is absolute too. Errors also for names outside of the zone.
Result<dns::Name> owner_argument(std::string_view text, const dns::Name& apex);

Result<dns::RrType> type_argument(std::string_view text);

/// RDATA as it is written on the command line: text of TXT without quotes is one string, cut where it is over 255
/// octets. Canonical. Errors: kInvalidRecord.
Result<std::string> content_argument(dns::RrType type, std::string_view text, const dns::Name& apex);

Result<store::SerialPolicy> serial_policy_argument(std::string_view text);
std::string_view serial_policy_text(store::SerialPolicy policy);

Result<zone::Kind> kind_argument(std::string_view text);
using zone::kind_text;

/// For CLI11: what is wrong with the value of an option that takes a number; empty when nothing is.
std::function<std::string(std::string&)> number_between(double least, double most);

}  // namespace sdns::ctl
