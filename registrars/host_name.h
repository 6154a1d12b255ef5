// SPDX-License-Identifier: MIT
// Names as registrars take them: host names in A-labels, without a final dot.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "backend/dns/name.h"
#include "registrars/fault.h"

namespace sdns::registrars {

/// A host name that people or a registrar wrote: outer white space and one final dot go, letters become lower case,
/// U-labels become A-labels (UTS #46, non-transitional). Then: letters, digits and inner hyphens, at least two labels,
/// not an IP address. Error: kInvalidNameserver, naming the text.
Answer<dns::Name> parse_host(std::string_view text);

/// The same rules for the domain itself. Error: kDomainNotInAccount.
Answer<dns::Name> parse_domain(std::string_view text);

/// Without the final dot.
[[nodiscard]] std::string undotted(const dns::Name& name);
[[nodiscard]] std::vector<std::string> undotted(const std::vector<dns::Name>& names);

/// As sets.
[[nodiscard]] bool same_hosts(std::vector<dns::Name> a, std::vector<dns::Name> b);

/// Percent-encoded for a path segment or a form value (RFC 3986 section 2.3: all but unreserved).
[[nodiscard]] std::string percent_encoded(std::string_view text);

}  // namespace sdns::registrars
