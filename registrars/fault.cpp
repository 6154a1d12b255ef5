// SPDX-License-Identifier: MIT
#include "registrars/fault.h"

namespace sdns::registrars {

const std::array<FaultRow, kFaultKinds>& fault_table() {
  using K = FaultKind;
  using R = RetryAdvice;
  static constexpr std::array<FaultRow, kFaultKinds> kTable = {{
      {K::kInvalidToken, "invalid-token", 401, R::kNo, "the credential is wrong, expired or disabled"},
      {K::kDomainNotInAccount, "domain-not-in-account", 403, R::kNo, "the domain is not in the credential's account"},
      {K::kRateLimited, "rate-limited", 429, R::kLater, "the registrar's limit of calls is reached"},
      {K::kApiUnavailable, "api-unavailable", 502, R::kReadBackFirst, "the registrar's API does not answer properly"},
      {K::kInvalidNameserver, "invalid-nameserver", 422, R::kNo, "the name servers are not acceptable"},
      {K::kUnsupportedOperation, "unsupported-operation", 501, R::kNo, "the registrar cannot do this by API"},
      {K::kIpNotAllowed, "ip-not-allowed", 403, R::kNo, "our address is not on the registrar's allow-list"},
      {K::kInsufficientScope, "insufficient-scope", 403, R::kNo, "the credential lacks a permission"},
      {K::kAccountNotEligible, "account-not-eligible", 403, R::kNo, "the account may not use the registrar's API"},
      {K::kConflict, "conflict", 409, R::kLater, "another change for the domain is running"},
      {K::kDomainLocked, "domain-locked", 409, R::kNo, "the domain cannot be changed in its present state"},
      {K::kOutcomeUnknown, "outcome-unknown", 502, R::kOperator, "whether the change was made is not known"},
      {K::kInvalidDs, "invalid-ds", 422, R::kNo, "the DS record is not acceptable"},
      {K::kDnssecWouldBreak, "dnssec-would-break", 409, R::kNo, "the DS at the parent would make the domain bogus"},
      {K::kRegistrarError, "registrar-error", 500, R::kNo, "the registrar refused for another reason"},
  }};
  return kTable;
}

const FaultRow& row_of(FaultKind kind) { return fault_table()[static_cast<std::size_t>(kind)]; }

int status_of(const Fault& fault) {
  return fault.kind == FaultKind::kApiUnavailable && fault.timeout ? 504 : row_of(fault.kind).status;
}

std::string to_text(const Fault& fault) { return fault.hint.empty() ? fault.detail : fault.detail + "; " + fault.hint; }

}  // namespace sdns::registrars
