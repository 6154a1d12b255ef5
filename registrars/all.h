// SPDX-License-Identifier: MIT
// Builds a registrar by its name.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "registrars/context.h"
#include "registrars/registrar.h"
#include "registrars/settings.h"

namespace sdns::registrars {

/// cloudflare, dynadot, godaddy, namecheap, ovh.
[[nodiscard]] std::span<const std::string_view> registrar_names();

/// `credential` is the credential string of split_credential() (secret.h); the caller wipes its own copy. Errors:
/// kInvalidToken (the form of the credential), kUnsupportedOperation (no such registrar, or it has no sandbox),
/// kRegistrarError (the base URL).
Answer<std::unique_ptr<Registrar>> make_registrar(std::string_view name, std::string_view credential,
                                                  const Settings& settings, Context& context);

/// What the registrar can do, by which API, without a credential: a row for each form of credential.
[[nodiscard]] std::vector<Capabilities> capabilities_of(std::string_view name);

}  // namespace sdns::registrars
