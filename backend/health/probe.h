// SPDX-License-Identifier: MIT
// One probe as data: what is to be done, and what came of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "backend/base/error.h"
#include "backend/dns/ip.h"
#include "backend/dns/name.h"
#include "backend/dns/rrtype.h"
#include "backend/health/check_question.h"
#include "backend/health/program.h"

namespace sdns::health {

/// Connects. With `send` or `expect` it goes on: sends the one, and reads until the other was received.
struct TcpProbe {
  std::string send{};
  std::string expect{};
  std::size_t limit_octets = 64 * 1024;  ///< of what is read in search of `expect`; more is kTooLarge; at least 1
  friend bool operator==(const TcpProbe&, const TcpProbe&) = default;
};

/// Where the host of the URL is.
enum class HttpHost : std::uint8_t {
  kPinned,    ///< at ProbeSpec::address, whatever DNS says
  kResolved,  ///< where the system's resolver says
};

/// Over HTTP/1.1, each request on a connection of its own. The host of the URL is the Host header, the TLS server name
/// and the name that a certificate is verified for; a user name and password in it are sent.
struct HttpProbe {
  std::string method = "GET";
  std::string url{};  ///< http or https
  HttpHost host = HttpHost::kPinned;
  std::vector<std::pair<std::string, std::string>> headers{};  ///< not sent to other hosts that redirects lead to
  std::string user_agent{};                                    ///< "": none is sent
  Codes codes{CodeRange{}};
  std::string stringmatch{};     ///< must occur in the body; "": need not
  std::uint64_t byte_limit = 0;  ///< body octets after which the transfer is cut and judged; 0: none
  Redirects redirects = Redirects::kNone;
  std::uint32_t most_redirects = 5;  ///< more is kRedirect
  bool verify_certificate = true;    ///< chain, dates and name
  std::string ca_file{};             ///< PEM; "": the system's
  friend bool operator==(const HttpProbe&, const HttpProbe&) = default;
};

/// Asks over UDP, and again over TCP when the reply is truncated.
struct DnsProbe {
  dns::Name name{};
  dns::RrType type = dns::kA;
  bool recursion_desired = false;
  std::optional<std::uint16_t> rcode = 0;  ///< none: any
  std::vector<std::string> rdata{};        ///< presentation format; each must be among the answers of this type
  friend bool operator==(const DnsProbe&, const DnsProbe&) = default;
};

/// Runs a program in a process group of its own, from `/`, with nothing but PATH, LANG, SDNS_ADDRESS, SDNS_ANSWERED,
/// SDNS_PORT and SDNS_TIMEOUT in its environment, nothing to read, and what it writes as the result's text. Exit status
/// 0 is success.
struct ExecProbe {
  std::string name{};                     ///< as the configuration has it
  std::vector<std::string> argv{};        ///< the first is an absolute path; none: no program has this name
  dns::IpAddress answered{};              ///< for whom ProbeSpec::address is probed; mostly the same
  std::uint32_t cpu_seconds = 5;          ///< 1 to 3 600
  std::uint32_t memory_mebioctets = 256;  ///< of address space
  std::uint32_t open_files = 64;
  std::size_t output_octets = 4096;  ///< more is kTooLarge
  friend bool operator==(const ExecProbe&, const ExecProbe&) = default;
};

/// Who asks. Zone data may not reach everything (see TargetPolicy); the operator's own configuration may.
enum class ProbeOrigin : std::uint8_t { kZoneData, kOperator };

struct ProbeSpec {
  dns::IpAddress address{};  ///< connected to; not used with HttpHost::kResolved
  std::uint16_t port = 0;    ///< connected to; 0 for HTTP: the URL's
  std::optional<dns::IpAddress> source{};
  std::chrono::milliseconds timeout{2000};  ///< for all of it; 1 ms to kMaxProbeTimeout
  ProbeOrigin origin = ProbeOrigin::kZoneData;
  std::variant<TcpProbe, HttpProbe, DnsProbe, ExecProbe> kind{};
  friend bool operator==(const ProbeSpec&, const ProbeSpec&) = default;
};

inline constexpr std::chrono::milliseconds kMaxProbeTimeout{3'600'000};

/// Why a probe was no success.
enum class ProbeFailure : std::uint8_t {
  kNone,         ///< it was one
  kTimeout,      ///< not done within the timeout
  kRefused,      ///< connection refused
  kUnreachable,  ///< no route, host unreachable, and other ends of an attempt to connect
  kReset,        ///< the connection broke
  kClosed,       ///< the peer closed it before it had said everything
  kResolve,      ///< the host of the URL has no address
  kForbidden,    ///< TargetPolicy does not allow the address
  kTls,          ///< no TLS session
  kCertificate,  ///< the certificate was not verified
  kProtocol,     ///< the peer does not speak the protocol
  kStatus,       ///< another HTTP status than expected
  kRcode,        ///< another DNS RCODE than expected
  kMismatch,     ///< what was expected was not in what was received
  kTooLarge,     ///< more octets than the limit
  kRedirect,     ///< too many redirects, or one that is not followed
  kExit,         ///< the program ended with another status than 0, or by a signal
  kDisabled,     ///< programs are not run by this daemon
  kInvalid,      ///< the specification breaks a rule
  kLocal,        ///< this host could not try: descriptors, memory, source address. Says nothing of the target
};
[[nodiscard]] std::string_view failure_name(ProbeFailure failure);  ///< "timeout", "refused", …; "none"

inline constexpr std::size_t kMaxProbeText = 200;

struct ProbeResult {
  ProbeFailure failure = ProbeFailure::kNone;
  std::chrono::microseconds total{0};
  std::uint32_t weight = 1;  ///< the number above 0 that the body begins with, else 1 (pickselfweighted)
  std::string text{};        ///< for people, at most kMaxProbeText octets, printable; of a success mostly empty
  [[nodiscard]] bool ok() const { return failure == ProbeFailure::kNone; }
};

/// A failure with a text that is cut to kMaxProbeText and made printable.
[[nodiscard]] ProbeResult probe_failed(ProbeFailure failure, std::string_view text);

/// Every rule that is not the target policy's. Errors (kInvalidArgument) name the value and the rule.
Result<void> check_probe(const ProbeSpec& spec);

/// The seconds that a program has, as text.
[[nodiscard]] std::string seconds_text(std::chrono::milliseconds time);

/// What PowerDNS 5.1 does for this question, unless its options say more: certificates are not verified, redirects are
/// followed, `byteslimit` cuts the transfer without failing it. A port of a URL's address is the one connected to.
/// Interval and thresholds are the scheduler's. May break a rule of check_probe(): a check of port 0, a URL that is
/// none, RDATA that is none of its type. A program that `programs` has not is never run.
[[nodiscard]] ProbeSpec probe_of(const CheckQuestion& question, std::string_view default_user_agent,
                                 const Programs& programs = {});

}  // namespace sdns::health
