// SPDX-License-Identifier: MIT
// What a check is asked to do besides its question: PowerDNS's options, and ours.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/base/error.h"
#include "backend/dns/ip.h"
#include "backend/dns/name.h"
#include "backend/dns/rrtype.h"
#include "backend/health/verdict.h"

namespace sdns::health {

/// HTTP status codes from `first` to `last`, both included.
struct CodeRange {
  std::uint16_t first = 200;
  std::uint16_t last = 200;
  friend bool operator==(const CodeRange&, const CodeRange&) = default;
};
using Codes = std::vector<CodeRange>;

/// `200`, `200-299,301`: codes and ranges from 100 to 999. Errors (kInvalidArgument) name the part and the rule.
Result<Codes> parse_codes(std::string_view text);
/// The inverse.
[[nodiscard]] std::string codes_text(const Codes& codes);
[[nodiscard]] bool has_code(const Codes& codes, unsigned code);

/// What happens when a response with status 301, 302, 303, 307 or 308 has a Location.
enum class Redirects : std::uint8_t {
  kNone,      ///< it is the response
  kSameHost,  ///< followed while the URL's host stays the same, at the pinned address; else the failure kRedirect
  kFollow,    ///< followed anywhere: the same host at the pinned address, others where they resolve to
};

/// "NOERROR", "NXDOMAIN", …, or the number (RFC 6895 section 2.3), as "RCODE 15".
[[nodiscard]] std::string rcode_text(unsigned rcode);

/// When a verdict changes, as options say it; thresholds_of() says what they come to.
struct ThresholdOptions {
  std::uint32_t fall = 3;                        ///< 1 to 1 000
  std::uint32_t rise = 10;                       ///< 1 to 1 000
  std::optional<std::uint32_t> fall_remembered;  ///< 0 to 1 000; none: 5, or `fall` + 2 when that is more
  std::uint32_t forget_after = 10;               ///< 1 to 1 000
  std::uint32_t hold_down_seconds = 60;          ///< at most 7 days; 0: never held
  Initial initial = Initial::kUnknown;
  Resume resume = Resume::kAutomatic;
  friend bool operator==(const ThresholdOptions&, const ThresholdOptions&) = default;
};

/// With their defaults, which are PowerDNS's (docs/lua-records.md). What only chooses among answers is not part of it.
struct CheckOptions {
  std::uint32_t timeout_seconds = 2;
  std::uint32_t interval_seconds = 0;  ///< 0: the daemon's
  std::uint32_t minimum_failures = 1;
  std::optional<ThresholdOptions> thresholds;  ///< none: PowerDNS's, with `minimum_failures`
  std::optional<dns::IpAddress> source;

  std::string send;  ///< of checks by connecting
  std::string expect;

  std::string method = "GET";  ///< of checks by URL: GET or HEAD
  std::string stringmatch;
  std::string useragent;         ///< "": the daemon's
  std::uint64_t byteslimit = 0;  ///< 0: none
  std::uint32_t httpcode = 200;
  Codes codes;  ///< none: `httpcode`
  Redirects redirects = Redirects::kFollow;
  bool verify = false;
  std::map<std::string, std::string> headers;

  std::optional<dns::Name> dns_name;  ///< of checks by DNS
  dns::RrType dns_type = dns::kA;
  std::optional<std::uint16_t> dns_rcode = 0;  ///< none: any
  std::string dns_rdata;                       ///< presentation format; "": any

  std::string program;  ///< of checks by a program of the operator: its name, which is_program_name()
  friend bool operator==(const CheckOptions&, const CheckOptions&) = default;
};

inline constexpr std::uint16_t kDnsPort = 53;
/// Letters, digits, `-`, `_`, `.`; at most 63.
[[nodiscard]] bool is_program_name(std::string_view text);
/// Of `send` and `expect`.
inline constexpr std::size_t kMaxSentOctets = 255;

/// Sets an option that is ours and not PowerDNS's: `fall`, `codes`, `dns` … False: none has this name, in this
/// spelling. Errors (kInvalidArgument) read on after the option's name: value and rule.
Result<bool> set_our_option(std::string_view name, std::string_view value, CheckOptions& options);

/// One that is not the default, as set_our_option() takes it.
struct OurOption {
  std::string_view name;
  std::string value;
};
/// Those of a group, in one order. `fall` stands for all thresholds: it is there whenever they are ours.
[[nodiscard]] std::vector<OurOption> threshold_options(const CheckOptions& options);
[[nodiscard]] std::vector<OurOption> tcp_options(const CheckOptions& options);
[[nodiscard]] std::vector<OurOption> http_options(const CheckOptions& options);
[[nodiscard]] std::vector<OurOption> dns_options(const CheckOptions& options);  ///< without the name

/// PowerDNS's with `minimum_failures`, or those of `thresholds`: a target that had lost a probe here and there needs
/// three times `rise`, and at most twelve times; what is no option is as in Thresholds. They keep check_thresholds().
[[nodiscard]] Thresholds thresholds_of(const CheckOptions& options);

}  // namespace sdns::health
