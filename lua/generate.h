// SPDX-License-Identifier: MIT
// createReverse, createReverse6, createForward and createForward6 (docs/lua-records.md): pure functions of names.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backend/base/error.h"
#include "backend/dns/ip.h"

namespace sdns::lua {

/// Labels as raw octets, from the left, without the root.
using Labels = std::vector<std::string_view>;
[[nodiscard]] Labels labels_of(std::string_view wire);

/// Exceptions to the rule: address to name.
using Exceptions = std::map<dns::IpAddress, std::string>;

/// `format` is Boost.Format's: `%1%`, `%2%` …, with `%%` for a percent sign. Too many or too few arguments are no
/// error; an unreadable directive is.
[[nodiscard]] Result<std::string> format_positional(std::string_view format, std::span<const std::string> arguments);

/// `unknown` when `qname` has under four labels, `error` when the labels are no address or the format cannot be read.
[[nodiscard]] std::string create_reverse(const Labels& qname, std::string_view format, const Exceptions& exceptions);
/// `unknown` when `qname` has under 32 labels, else as above.
[[nodiscard]] std::string create_reverse6(const Labels& qname, std::string_view format, const Exceptions& exceptions);
/// `relative`: the labels of the query name below the base (docs/lua-records.md says which). `0.0.0.0` when they are no
/// address.
[[nodiscard]] std::string create_forward(const Labels& relative);
/// `::` when they are no address.
[[nodiscard]] std::string create_forward6(const Labels& relative);

/// The addresses that closestMagic reads: labels from the left with `-` for `.`, until one is none.
[[nodiscard]] std::vector<std::string> magic_addresses(const Labels& qname);
/// The IPv4 address of the first four labels reversed: latlonMagic. Nothing with fewer, or when they are no address.
[[nodiscard]] std::optional<dns::IpAddress> magic_address(const Labels& qname);

}  // namespace sdns::lua
