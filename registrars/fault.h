// SPDX-License-Identifier: MIT
// What can go wrong at a registrar: a closed set of kinds, and what a REST answer makes of each.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace sdns::registrars {

enum class FaultKind : std::uint8_t {
  kInvalidToken,          ///< the credential is wrong, expired or disabled
  kDomainNotInAccount,    ///< the credential is good, the domain is not in its account
  kRateLimited,           ///< Fault::retry_after is set
  kApiUnavailable,        ///< transport, TLS, 5xx, or a body that is no answer of the API
  kInvalidNameserver,     ///< syntax, count, host not registered, refused by the registry's checks
  kUnsupportedOperation,  ///< the registrar, its tier or the TLD cannot do it; the hint has the alternative
  kIpNotAllowed,          ///< our address is not on the registrar's allow-list
  kInsufficientScope,     ///< the credential is valid and lacks a permission
  kAccountNotEligible,    ///< the account may not use the API
  kConflict,              ///< another change for the domain is running
  kDomainLocked,          ///< registry lock, protection, expired, hold, transfer
  kOutcomeUnknown,        ///< a write whose answer was lost, and reading back decided nothing
  kInvalidDs,             ///< DS or DNSKEY inconsistent or unsupported, or key data missing where it is needed
  kDnssecWouldBreak,      ///< the parent has a DS that the new name servers cannot satisfy
  kRegistrarError,        ///< a refusal that is none of these
};
inline constexpr std::size_t kFaultKinds = 15;

/// Whether the registrar may have carried a write out although its answer is a failure.
enum class Executed : std::uint8_t { kNo, kMaybe };

/// Nothing in it is a credential, and no body of the registrar is in it but its message, cut and with credentials
/// masked.
struct Fault {
  FaultKind kind = FaultKind::kRegistrarError;
  std::string detail{};  ///< names the registrar, the object and the rule
  std::string hint{};    ///< what to do; may be empty
  std::optional<std::chrono::seconds> retry_after{};
  bool timeout = false;  ///< nothing came in time
  Executed executed = Executed::kNo;
  int upstream_status = 0;         ///< HTTP status of the registrar's answer; 0 without an answer
  std::string upstream_code{};     ///< the registrar's own code
  std::string upstream_request{};  ///< the registrar's id of the request, for its support
};

template <class T>
using Answer = tl::expected<T, Fault>;

[[nodiscard]] inline tl::unexpected<Fault> refuse(Fault fault) { return tl::unexpected<Fault>(std::move(fault)); }
[[nodiscard]] inline tl::unexpected<Fault> refuse(FaultKind kind, std::string detail, std::string hint = {}) {
  return tl::unexpected<Fault>(Fault{kind, std::move(detail), std::move(hint)});
}

enum class RetryAdvice : std::uint8_t { kNo, kLater, kReadBackFirst, kOperator };

/// A row of the table by which REST answers are made.
struct FaultRow {
  FaultKind kind;
  std::string_view code;  ///< `error` of the REST body: clients match it
  int status;             ///< HTTP; status_of() has the exceptions
  RetryAdvice retry;
  std::string_view meaning;
};
[[nodiscard]] const FaultRow& row_of(FaultKind kind);
[[nodiscard]] const std::array<FaultRow, kFaultKinds>& fault_table();

/// The REST status: the row's, but 504 for an API that did not answer in time.
[[nodiscard]] int status_of(const Fault& fault);
/// One line for people: "detail; hint".
[[nodiscard]] std::string to_text(const Fault& fault);

}  // namespace sdns::registrars
