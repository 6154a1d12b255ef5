// SPDX-License-Identifier: MIT
#include "registrars/all.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "registrars/cloudflare.h"
#include "registrars/dynadot.h"
#include "registrars/godaddy.h"
#include "registrars/guarded.h"
#include "registrars/namecheap.h"
#include "registrars/ovh.h"
#include "registrars/secret.h"
#include "registrars/traffic.h"

namespace sdns::registrars {
namespace {

using Make = Answer<std::unique_ptr<Adapter>> (*)(Context&, std::vector<Secret>, const Settings&);
struct Row {
  std::string_view name;
  Make make;
  /// Credentials of each form, and what else chooses an API: only for capabilities_of().
  std::array<std::string_view, 3> forms;
};
constexpr std::array<Row, 5> kRows = {{
    {"cloudflare", Cloudflare::make, {"token"}},
    {"dynadot", make_dynadot, {"key:secret", "key"}},
    {"godaddy", GoDaddy::make, {"key:secret", "token", "key:secret"}},
    {"namecheap", Namecheap::make, {"user:key:192.0.2.1"}},
    {"ovh", Ovh::make, {"key:secret:consumer"}},
}};

const Row* find(std::string_view name) {
  const auto* at = std::find_if(kRows.begin(), kRows.end(), [&](const Row& row) { return row.name == name; });
  return at == kRows.end() ? nullptr : at;
}

Answer<std::unique_ptr<Adapter>> make_adapter(const Row& row, std::string_view credential, const Settings& settings,
                                              Context& context) {
  auto parts = split_credential(row.name, credential);
  if (!parts) return refuse(std::move(parts.error()));
  return row.make(context, std::move(*parts), settings);
}

class NoHttp final : public Http {
 public:
  Result<net::HttpResponse> send(const net::HttpRequest&) override { return fail(Errc::kUnavailable, "no network"); }
  [[nodiscard]] bool request_sent() const override { return false; }
};

}  // namespace

std::span<const std::string_view> registrar_names() {
  static constexpr std::array<std::string_view, 5> kNames = {"cloudflare", "dynadot", "godaddy", "namecheap", "ovh"};
  return kNames;
}

Answer<std::unique_ptr<Registrar>> make_registrar(std::string_view name, std::string_view credential,
                                                  const Settings& settings, Context& context) {
  const Row* row = find(name);
  if (row == nullptr)
    return refuse(FaultKind::kUnsupportedOperation, fmt::format("there is no registrar \"{}\"", name.substr(0, 40)),
                  fmt::format("there are {}", fmt::join(registrar_names(), ", ")));
  auto adapter = make_adapter(*row, credential, settings, context);
  if (!adapter) return refuse(std::move(adapter.error()));
  return std::unique_ptr<Registrar>(std::make_unique<GuardedRegistrar>(context, std::move(*adapter)));
}

std::vector<Capabilities> capabilities_of(std::string_view name) {
  std::vector<Capabilities> all;
  const Row* row = find(name);
  if (row == nullptr) return all;
  const SystemClock clock;
  SystemRandom random;
  NoHttp http;
  Traffic traffic;
  Context context{clock, clock, random, http, traffic, [](std::chrono::milliseconds) {}};
  for (const std::string_view form : row->forms) {
    if (form.empty()) continue;
    Settings settings;
    if (row->name == "godaddy" && all.size() == 2) settings.shopper = "1";
    if (auto adapter = make_adapter(*row, form, settings, context)) all.push_back((*adapter)->capabilities());
  }
  return all;
}

}  // namespace sdns::registrars
