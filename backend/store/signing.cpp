// SPDX-License-Identifier: MIT
#include "backend/store/signing.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sdns::store {

bool Signing::has_active_key() const {
  return std::any_of(keys.begin(), keys.end(), [](const zone::Key& key) { return key.active; });
}

bool Signing::presigned() const { return zone::is_presigned(metadata); }

bool Signing::live() const { return has_active_key() && !presigned(); }

std::string_view Signing::text() const { return presigned() ? "presigned" : live() ? "signed live" : "unsigned"; }

std::string Signing::denial_text() const {
  const auto parameters = metadata_value(metadata, "NSEC3PARAM");
  if (!parameters) return "NSEC";
  return fmt::format("NSEC3 ({}){}", *parameters, metadata_value(metadata, "NSEC3NARROW") == "1" ? " narrow" : "");
}

Result<Signing> signing_of(Transaction& transaction, ZoneId id) {
  auto keys = transaction.keys(id);
  if (!keys) return fail(std::move(keys.error()));
  auto metadata = transaction.metadata(id);
  if (!metadata) return fail(std::move(metadata.error()));
  return Signing{std::move(*keys), std::move(*metadata)};
}

bool made_by_signing(dns::RrType type) {
  return type == dns::kRRSIG || type == dns::kNSEC || type == dns::kNSEC3 || type == dns::kNSEC3PARAM ||
         type == dns::kDNSKEY;
}

void PresignedDenial::add(const dns::Record& record) {
  if (record.type == dns::kNSEC3PARAM && !parameters_) parameters_ = record.content;
  // RDATA starts with the hash algorithm and the flags, of which 1 is opt-out (RFC 5155 section 3.1.2.1).
  if (record.type == dns::kNSEC3 && record.content.starts_with("1 1 ")) opt_out_ = true;
}

std::optional<std::string> PresignedDenial::parameters() const {
  auto parameters = parameters_;
  if (parameters && opt_out_ && parameters->starts_with("1 0 ")) (*parameters)[2] = '1';
  return parameters;
}

}  // namespace sdns::store
