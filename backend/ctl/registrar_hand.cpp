// SPDX-License-Identifier: MIT
#include "backend/ctl/registrar_hand.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "backend/base/owned.h"
#include "backend/ctl/arguments.h"
#include "backend/ctl/table.h"
#include "backend/daemon/harden.h"
#include "registrars/host_name.h"
#include "registrars/traffic.h"

namespace sdns::ctl {
namespace {

constexpr std::size_t kMostCredentialOctets = 4096;

/// Text that is overwritten at the end.
struct Wiped {
  std::array<char, kMostCredentialOctets + 1> octets{};
  std::size_t size = 0;
  ~Wiped() { sodium_memzero(octets.data(), octets.size()); }
  [[nodiscard]] std::string_view view() const { return {octets.data(), size}; }
};

Result<void> read_all(int fd, const std::string& from, Wiped& text) {
  for (;;) {
    const ssize_t got = ::read(fd, text.octets.data() + text.size, text.octets.size() - text.size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return fail(Errc::kIo, fmt::format("the credential cannot be read from {}: {}", from, std::strerror(errno)));
    if (got == 0) return {};
    text.size += static_cast<std::size_t>(got);
    if (text.size > kMostCredentialOctets)
      return fail(Errc::kInvalidArgument,
                  fmt::format("{} has more than {} octets, which is no credential", from, kMostCredentialOctets));
  }
}

Result<void> read_credential(Session& session, const RegistrarOptions& options, Wiped& text) {
  if (options.credential_fd.has_value() == options.credential_file.has_value())
    return fail(Errc::kInvalidArgument,
                "the credential comes from --credential-file or --credential-fd: give one of them",
                "it is never taken from the command line or the environment, which others can read");
  if (options.credential_fd)
    return read_all(*options.credential_fd, fmt::format("descriptor {}", *options.credential_fd), text);
  const std::string& path = *options.credential_file;
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file)
    return fail(Errc::kNotFound,
                fmt::format("the credential file \"{}\" cannot be opened: {}", path, std::strerror(errno)));
  struct stat facts {};
  if (::fstat(file.get(), &facts) == 0 && S_ISREG(facts.st_mode) && (facts.st_mode & (S_IRGRP | S_IROTH)) != 0)
    session.warning(fmt::format("\"{}\" can be read by others than its owner (chmod 600)", path));
  return read_all(file.get(), fmt::format("\"{}\"", path), text);
}

std::chrono::milliseconds milliseconds_of(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

int report(Session& session, const RegistrarOptions& options, const registrars::Fault& fault) {
  const auto& row = registrars::row_of(fault.kind);
  if (!session.json()) {
    session.messages() << "sdnsctl: " << row.code << ": " << fault.detail << '\n';
    if (!fault.hint.empty()) session.messages() << "  " << fault.hint << '\n';
    if (fault.retry_after) session.messages() << "  ask again after " << fault.retry_after->count() << " s\n";
    return kFailed;
  }
  nlohmann::json document = {
      {"error", row.code},  {"status", registrars::status_of(fault)}, {"detail", fault.detail},
      {"hint", fault.hint}, {"registrar", options.registrar},         {"domain", options.domain}};
  if (fault.retry_after) document["retry_after"] = fault.retry_after->count();
  if (fault.upstream_status != 0)
    document["upstream"] = {
        {"status", fault.upstream_status}, {"code", fault.upstream_code}, {"request", fault.upstream_request}};
  session.print(document);
  return kFailed;
}

}  // namespace

void add_registrar_options(CLI::App& command, RegistrarOptions& options) {
  command.add_option("REGISTRAR", options.registrar, "cloudflare, dynadot, godaddy, namecheap or ovh")->required();
  command.add_option("DOMAIN", options.domain, "The registered domain, never a name below it")->required();
  command.add_option("--credential-file", options.credential_file, "File with the credential string")
      ->type_name("FILE");
  command.add_option("--credential-fd", options.credential_fd, "Open descriptor to read the credential string from")
      ->type_name("N");
  command.add_flag("--sandbox", options.settings.sandbox,
                   "The registrar's test environment (dynadot, godaddy, namecheap)");
  command.add_option("--base-url", options.settings.base_url, "Another base URL of the API")->type_name("URL");
  command.add_option("--shopper", options.settings.shopper, "GoDaddy: the reseller's sub-account; its API is v2")
      ->type_name("ID");
  command.add_option("--request-timeout", options.request_timeout, "Of one request (30 to read, 60 to write)")
      ->type_name("SECONDS")
      ->check(CLI::Validator(number_between(0.1, 600), ""));
  command.add_option("--patience", options.patience, "For everything, waits for the registrar's limits included (180)")
      ->type_name("SECONDS")
      ->check(CLI::Validator(number_between(0.1, 600), ""));
}

Result<int> with_registrar(Session& session, const RegistrarOptions& options, const RegistrarUse& use) {
  if (session.environment().steady == nullptr)
    return fail(Errc::kUnsupported, "there is no clock for calls to registrars");
  auto domain = registrars::parse_domain(options.domain);
  if (!domain) return fail(Errc::kInvalidArgument, domain.error().detail);
  daemon::forbid_core_dumps();
  Wiped credential;
  if (auto read = read_credential(session, options, credential); !read) return fail(std::move(read.error()));
  registrars::NetHttp http;
  registrars::Traffic traffic;
  registrars::Context context{*session.environment().steady,
                              session.environment().wall,
                              session.random(),
                              http,
                              traffic,
                              [&session](std::chrono::milliseconds time) { session.pause(time); }};
  if (options.request_timeout > 0)
    context.limits.read = context.limits.write = milliseconds_of(options.request_timeout);
  if (options.patience > 0) {
    context.limits.operation = milliseconds_of(options.patience);
    context.limits.read_back = std::min(context.limits.read_back, context.limits.operation / 3);
  }
  auto registrar = registrars::make_registrar(options.registrar, credential.view(), options.settings, context);
  if (!registrar) return report(session, options, registrar.error());
  auto code = use(**registrar, *domain);
  if (!code) return report(session, options, code.error());
  return *code;
}

int print_write(Session& session, const RegistrarOptions& options, const dns::Name& domain,
                const registrars::WriteResult& result) {
  const std::string state(registrars::write_state_text(result.state));
  if (session.json()) {
    nlohmann::json document = {{"registrar", options.registrar},
                               {"domain", registrars::undotted(domain)},
                               {"state", state},
                               {"confirmed", result.confirmed},
                               {"previous", result.previous},
                               {"observed", result.observed},
                               {"repeat", result.repeat},
                               {"note", result.note}};
    if (result.task) document["task"] = {{"id", result.task->id}, {"what", result.task->what}};
    if (result.poll_after) document["poll_after"] = result.poll_after->count();
    session.print(document);
    return kDone;
  }
  const auto list = [](const std::vector<std::string>& texts) {
    return texts.empty() ? "none" : fmt::format("{}", fmt::join(texts, ", "));
  };
  std::vector<std::pair<std::string, std::string>> facts = {{"state", state}, {"before", list(result.previous)}};
  if (result.state != registrars::WriteState::kUnchanged)
    facts.emplace_back(result.confirmed ? "now" : "seen last (not confirmed)", list(result.observed));
  if (result.task) facts.emplace_back("task", result.task->id);
  if (result.repeat) facts.emplace_back("next", "run the same command again when the task is done");
  if (!result.note.empty()) facts.emplace_back("note", result.note);
  print_facts(session.out(), facts);
  return kDone;
}

}  // namespace sdns::ctl
