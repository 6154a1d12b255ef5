// SPDX-License-Identifier: MIT
// What a health check asks, as data and as one line of text: two that ask the same are one check.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "backend/base/error.h"
#include "backend/dns/ip.h"
#include "backend/health/check_options.h"

namespace sdns::health {

enum class CheckKind : std::uint8_t {
  kTcp,      ///< connects to address and port
  kUrl,      ///< gets the URL from this address
  kUrlOnly,  ///< gets the URL from wherever its host is (ifurlextup)
  kDns,      ///< asks address and port for CheckOptions::dns_name, which is there
  kExec,     ///< runs CheckOptions::program, which is there, for this address and port
};

struct CheckQuestion {
  CheckKind kind = CheckKind::kTcp;
  dns::IpAddress address;  ///< who is probed; 0.0.0.0 for kUrlOnly
  std::uint16_t port = 0;  ///< for kTcp and kDns; an address of a URL or program may have one too, 0 when not
  std::optional<dns::IpAddress> answered{};  ///< for whom, when another address is answered than is probed
  std::string url;
  CheckOptions options;

  /// `tcp 192.0.2.1:443`, `url https://example.net/ from 192.0.2.1`, `dns example.net. from 192.0.2.1:53`, `exec NAME
  /// from 192.0.2.1:443`, then the options that are not the default, in one order, then ` for=` and the address that is
  /// answered where it is another: equal for equal questions.
  [[nodiscard]] std::string identity() const;
  /// The inverse of identity(). Errors (kInvalidArgument).
  static Result<CheckQuestion> parse(std::string_view identity);
  /// Who is probed: the address, or the host and port of a URL that has none, in lower case.
  [[nodiscard]] std::string target() const;
  friend bool operator==(const CheckQuestion&, const CheckQuestion&) = default;
};

/// An identity as logs, lists and metrics show it: values of headers, what `send` says, and a user name and password in
/// a URL are `(hidden:3f9c)`, the same for the same value. Overrides may name a check so. O(size).
[[nodiscard]] std::string shown_check(std::string_view identity);

/// The part of an identity before, and after, the address: for those who ask the same of many addresses. identity() is
/// prefix + address and port + suffix, and what append_answered() adds.
struct IdentityParts {
  std::string prefix;
  std::string suffix;
};
[[nodiscard]] IdentityParts identity_parts(CheckKind kind, std::string_view url, const CheckOptions& options);
/// `192.0.2.1:443`, `[2001:db8::1]:443`; without the port when it is 0.
void append_endpoint(const dns::IpAddress& address, std::uint16_t port, std::string& out);
/// ` for=192.0.2.1`, at the end of an identity that has another address.
void append_answered(const dns::IpAddress& answered, std::string& out);

}  // namespace sdns::health
