// SPDX-License-Identifier: MIT
// Dynadot: the signed REST API with a key and its secret, API3 with a key alone.
#pragma once

#include "registrars/adapter.h"
#include "registrars/settings.h"

namespace sdns::registrars {

/// Chooses the API by the credential.
Answer<std::unique_ptr<Adapter>> make_dynadot(Context& context, std::vector<Secret> credential,
                                              const Settings& settings);

/// What both APIs have in common.
[[nodiscard]] ChannelOptions dynadot_channel();
[[nodiscard]] Capabilities dynadot_capabilities(std::string api);
/// What a text of either API means; nothing when it is none that is known.
[[nodiscard]] std::optional<FaultKind> dynadot_meaning(std::string_view text);
[[nodiscard]] std::string dynadot_hint(FaultKind kind);
/// "RSA/SHA-256 (8)" has 8; -1 for a text without a number.
[[nodiscard]] int number_in_brackets(std::string_view text);

/// Replaces a DS set where single records cannot be removed: all new ones are placed first; only if stale ones are
/// there then, all are cleared and the new ones placed again. In between the domain is insecure, never bogus.
struct DsReplacement {
  std::function<Answer<void>(const DsRecord&)> place;
  std::function<Answer<void>()> clear;
  std::function<Answer<std::vector<DsRecord>>()> read;
};
Answer<Accepted> replace_ds(const dns::Name& domain, const std::vector<DsRecord>& wanted,
                            const std::vector<DsRecord>& present, const DsReplacement& steps);

}  // namespace sdns::registrars
