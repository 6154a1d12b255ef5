// SPDX-License-Identifier: MIT
// A registrar as sdnsctl reaches it: the credential from a file or descriptor, and answers as text or JSON.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/ctl/session.h"
#include "registrars/all.h"

namespace CLI {
class App;
}

namespace sdns::ctl {

/// What every command that talks to a registrar takes.
struct RegistrarOptions {
  std::string registrar{};
  std::string domain{};
  std::optional<std::string> credential_file{};
  std::optional<int> credential_fd{};
  registrars::Settings settings{};
  double request_timeout = 0;  ///< seconds; 0: those of registrars::Limits
  double patience = 0;         ///< seconds; 0: those of registrars::Limits
};
void add_registrar_options(CLI::App& command, RegistrarOptions& options);

/// What `use` does with the registrar; it returns the exit code.
using RegistrarUse = std::function<registrars::Answer<int>(registrars::Registrar& registrar, const dns::Name& domain)>;
/// Reads the credential, wipes it at the end, and reports a fault of `use` as JSON or as the message of an error.
Result<int> with_registrar(Session& session, const RegistrarOptions& options, const RegistrarUse& use);

/// The report of a write, and kDone.
int print_write(Session& session, const RegistrarOptions& options, const dns::Name& domain,
                const registrars::WriteResult& result);

}  // namespace sdns::ctl
