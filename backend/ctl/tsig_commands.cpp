// SPDX-License-Identifier: MIT
// tsig add, list, show, remove, allow. Secrets are printed only where an option asks for them (P9).
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "backend/ctl/arguments.h"
#include "backend/ctl/commands.h"
#include "backend/ctl/table.h"
#include "backend/ctl/zone_facts.h"
#include "backend/store/checked_edit.h"
#include "backend/store/peers.h"

namespace sdns::ctl {
namespace {

constexpr const char* kAllow = "TSIG-ALLOW-AXFR";
constexpr const char* kPrimary = "AXFR-MASTER-TSIG";
constexpr std::size_t kMaxFileOctets = 8192;

struct TsigOptions {
  std::string name;
  std::string algorithm = "hmac-sha256";
  std::optional<std::string> secret;
  std::optional<std::string> secret_file;
  std::string zone;
  std::vector<std::string> names;
  bool show = false;
  bool replace = false;
  bool even_in_use = false;
};

Result<dns::Name> key_argument(std::string_view text) {
  auto name = dns::Name::parse(text);
  if (!name)
    return fail(Errc::kInvalidArgument, fmt::format("\"{}\" cannot name a TSIG key: {}", text, name.error().what),
                "name it as a host is named, after the two servers");
  return name;
}

/// As PowerDNS and the configuration of other servers write it.
std::string without_dot(const dns::Name& name) {
  std::string text = name.text();
  text.pop_back();
  return text;
}

Result<std::string> read_secret(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text(kMaxFileOctets + 1, '\0');
  if (!in.read(text.data(), static_cast<std::streamsize>(text.size())) && in.gcount() == 0)
    return fail(Errc::kInvalidArgument, fmt::format("{}: the file cannot be read, or is empty", file));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kMaxFileOctets)
    return fail(Errc::kInvalidArgument, fmt::format("{}: is too long for a secret", file), "it holds base64 alone");
  return text;
}

std::string random_octets(Random& random, std::size_t count) {
  std::string octets;
  while (octets.size() < count) {
    const std::uint64_t chance = random.next();
    for (int shift = 0; shift < 64 && octets.size() < count; shift += 8)
      octets += static_cast<char>((chance >> shift) & 0xFF);
  }
  return octets;
}

/// The key as other name servers take it.
std::string configuration(const zone::TsigKey& key) {
  const std::string name = without_dot(key.name);
  return fmt::format(
      "# BIND\nkey \"{0}\" {{ algorithm {1}; secret \"{2}\"; }};\n"
      "# Knot\nkey:\n  - id: {0}\n    algorithm: {1}\n    secret: {2}\n"
      "# NSD\nkey:\n    name: \"{0}\"\n    algorithm: {1}\n    secret: \"{2}\"\n",
      name, key.algorithm, key.secret);
}

struct Use {
  dns::Name zone;
  std::string kind;
};
/// Which zones name which keys.
Result<std::vector<std::pair<dns::Name, Use>>> all_uses(store::Transaction& transaction) {
  std::vector<std::pair<dns::Name, Use>> uses;
  auto zones = transaction.zones();
  if (!zones) return fail(std::move(zones.error()));
  for (const auto& row : *zones) {
    auto metadata = transaction.metadata(row.head.id);
    if (!metadata) return fail(std::move(metadata.error()));
    for (const auto& one : *metadata) {
      if (one.kind != kAllow && one.kind != kPrimary) continue;
      for (const auto& value : one.values) {
        if (auto name = dns::Name::parse(value)) uses.emplace_back(std::move(*name), Use{row.head.apex, one.kind});
      }
    }
  }
  return uses;
}

std::vector<std::string> uses_of(const std::vector<std::pair<dns::Name, Use>>& uses, const dns::Name& key) {
  std::vector<std::string> texts;
  for (const auto& [name, use] : uses) {
    if (name == key) texts.push_back(fmt::format("{} ({})", use.zone.text(), use.kind));
  }
  return texts;
}

nlohmann::json to_json(const zone::TsigKey& key, const std::vector<std::string>& used_by, bool show) {
  nlohmann::json json = {{"name", key.name.text()}, {"algorithm", key.algorithm}, {"used_by", used_by}};
  if (show) json["secret"] = key.secret;
  return json;
}

Result<const zone::TsigKey*> find_key(const std::vector<zone::TsigKey>& keys, const dns::Name& name) {
  for (const auto& key : keys) {
    if (key.name == name) return &key;
  }
  return fail(Errc::kNotFound, fmt::format("there is no TSIG key {}", name.text()), "`sdnsctl tsig list` lists them");
}

Result<int> add(Session& session, const TsigOptions& options) {
  auto name = key_argument(options.name);
  if (!name) return fail(std::move(name.error()));
  auto algorithm = store::canonical_tsig_algorithm(options.algorithm);
  if (!algorithm) return fail(std::move(algorithm.error()));
  zone::TsigKey wanted{*name, *algorithm, {}};
  const bool generated = !options.secret && !options.secret_file;
  if (options.secret_file) {
    auto secret = read_secret(*options.secret_file);
    if (!secret) return fail(std::move(secret.error()));
    wanted.secret = std::move(*secret);
  } else if (options.secret) {
    wanted.secret = *options.secret;
  } else {
    wanted.secret = store::base64(random_octets(session.random(), store::tsig_secret_octets(*algorithm)));
  }
  auto key = store::checked_tsig_key(std::move(wanted));
  if (!key) return fail(std::move(key.error()));
  auto edit = session.edit();
  if (!edit) return fail(std::move(edit.error()));
  auto keys = (*edit)->tsig_keys();
  if (!keys) return fail(std::move(keys.error()));
  const auto present = find_key(*keys, *name);
  const bool change = !present || **present != *key;
  if (present && change && !options.replace) {
    return fail(Errc::kExists, fmt::format("there is a TSIG key {} already; nothing was changed", name->text()),
                "--replace gives it this secret; the other server needs it at the same moment");
  }
  if (auto done = (*edit)->put_tsig_key(*key); !done) return fail(std::move(done.error()));
  nlohmann::json report = to_json(*key, {}, options.show);
  report.erase("used_by");
  report["changed"] = change;
  report["generated"] = generated;
  auto code = session.finish(std::move(*edit),
                             fmt::format("TSIG key {} {}, {}", name->text(),
                                         !change    ? "is already so"
                                         : !present ? "added"
                                                    : "replaced",
                                         key->algorithm),
                             std::move(report));
  if (code && options.show && !session.json()) session.out() << configuration(*key);
  if (code && generated && !options.show && !session.json())
    session.notice(fmt::format("`sdnsctl tsig show {} --show-secrets` prints it for the other server", name->text()));
  return code;
}

Result<int> list(Session& session, const TsigOptions& options) {
  auto transaction = session.read();
  if (!transaction) return fail(std::move(transaction.error()));
  auto keys = (*transaction)->tsig_keys();
  if (!keys) return fail(std::move(keys.error()));
  auto uses = all_uses(**transaction);
  if (!uses) return fail(std::move(uses.error()));
  if (session.json()) {
    auto array = nlohmann::json::array();
    for (const auto& key : *keys) array.push_back(to_json(key, uses_of(*uses, key.name), options.show));
    session.print(array);
    return kDone;
  }
  if (keys->empty()) {
    session.notice("there are no TSIG keys; `sdnsctl tsig add` makes one");
    return kDone;
  }
  std::vector<std::string> header = {"NAME", "ALGORITHM", "USED BY"};
  if (options.show) header.insert(header.begin() + 2, "SECRET");
  Table table(header);
  for (const auto& key : *keys) {
    std::vector<std::string> row = {key.name.text(), key.algorithm,
                                    fmt::format("{}", fmt::join(uses_of(*uses, key.name), ", "))};
    if (options.show) row.insert(row.begin() + 2, key.secret);
    table.row(std::move(row));
  }
  table.print(session.out());
  return kDone;
}

Result<int> show(Session& session, const TsigOptions& options) {
  auto name = key_argument(options.name);
  if (!name) return fail(std::move(name.error()));
  auto transaction = session.read();
  if (!transaction) return fail(std::move(transaction.error()));
  auto keys = (*transaction)->tsig_keys();
  if (!keys) return fail(std::move(keys.error()));
  auto key = find_key(*keys, *name);
  if (!key) return fail(std::move(key.error()));
  auto uses = all_uses(**transaction);
  if (!uses) return fail(std::move(uses.error()));
  const auto used_by = uses_of(*uses, *name);
  if (session.json()) {
    session.print(to_json(**key, used_by, options.show));
  } else if (options.show) {
    session.out() << configuration(**key);
  } else {
    print_facts(session.out(), {{"name", name->text()},
                                {"algorithm", (*key)->algorithm},
                                {"secret", "not shown; --show-secrets shows it"},
                                {"used by", used_by.empty() ? "none" : fmt::format("{}", fmt::join(used_by, ", "))}});
  }
  return kDone;
}

Result<int> remove(Session& session, const TsigOptions& options) {
  auto name = key_argument(options.name);
  if (!name) return fail(std::move(name.error()));
  auto edit = session.edit();
  if (!edit) return fail(std::move(edit.error()));
  auto uses = all_uses(**edit);
  if (!uses) return fail(std::move(uses.error()));
  const auto used_by = uses_of(*uses, *name);
  if (!used_by.empty() && !options.even_in_use) {
    return fail(
        Errc::kConflict,
        fmt::format("the TSIG key {} is used by {}; nothing was changed", name->text(), fmt::join(used_by, ", ")),
        "`sdnsctl meta clear` ends that; --even-in-use goes on, and those transfers fail");
  }
  if (auto done = (*edit)->remove_tsig_key(*name); !done) return fail(std::move(done.error()));
  return session.finish(std::move(*edit), fmt::format("TSIG key {} removed", name->text()),
                        {{"name", name->text()}, {"changed", true}});
}

Result<int> allow(Session& session, const TsigOptions& options) {
  auto apex = zone_argument(options.zone);
  if (!apex) return fail(std::move(apex.error()));
  auto edit = session.edit();
  if (!edit) return fail(std::move(edit.error()));
  auto row = find_zone(**edit, *apex);
  if (!row) return fail(std::move(row.error()));
  auto keys = (*edit)->tsig_keys();
  if (!keys) return fail(std::move(keys.error()));
  zone::Metadata wanted{kAllow, {}};
  for (const auto& text : options.names) {
    auto name = key_argument(text);
    if (!name) return fail(std::move(name.error()));
    if (auto key = find_key(*keys, *name); !key) return fail(std::move(key.error()));
    const std::string value = without_dot(*name);
    if (std::find(wanted.values.begin(), wanted.values.end(), value) == wanted.values.end())
      wanted.values.push_back(value);
  }
  const auto change =
      session.checked([&](store::Findings& findings) { return store::set_metadata(**edit, *row, wanted, findings); });
  if (!change) return fail(change.error());
  return session.finish(std::move(*edit),
                        fmt::format("{} {} transfers signed with {}", apex->text(),
                                    *change ? "now allows" : "already allows", fmt::join(wanted.values, ", ")),
                        {{"zone", apex->text()}, {"kind", kAllow}, {"values", wanted.values}, {"changed", *change}});
}

}  // namespace

void add_tsig_commands(CLI::App& tsig, Action& chosen) {
  const auto options = std::make_shared<TsigOptions>();
  const auto command = [&](const char* name, const char* about, Result<int> (*action)(Session&, const TsigOptions&)) {
    auto* app = tsig.add_subcommand(name, about);
    app->callback([&chosen, options, action] {
      chosen = [options, action](Session& session) { return action(session, *options); };
    });
    return app;
  };
  auto* adding = command("add", "Add a key; without a secret one is made, as long as the algorithm's hash", add);
  adding->add_option("NAME", options->name, "Its name, which both servers must use")->required();
  adding
      ->add_option("--algorithm", options->algorithm,
                   "hmac-sha256 (default), hmac-sha512, hmac-sha384, hmac-sha224, hmac-sha1, hmac-md5")
      ->type_name("NAME");
  auto* secret = adding->add_option("--secret", options->secret, "The secret; others on this machine may see it")
                     ->type_name("BASE64");
  adding->add_option("--secret-file", options->secret_file, "A file with the secret in base64 and nothing else")
      ->type_name("FILE")
      ->excludes(secret);
  adding->add_flag("--replace", options->replace, "Give a key that exists this secret");
  adding->add_flag("--show", options->show, "Print the key as BIND, Knot and NSD take it");
  command("list", "All keys and the zones that use them", list)
      ->add_flag("--show-secrets", options->show, "With the secrets");
  auto* showing = command("show", "One key and the zones that use it", show);
  showing->add_option("NAME", options->name, "The key")->required();
  showing->add_flag("--show-secrets", options->show, "Print the key as BIND, Knot and NSD take it");
  auto* removing = command("remove", "Remove a key", remove);
  removing->add_option("NAME", options->name, "The key")->required();
  removing->add_flag("--even-in-use", options->even_in_use, "Although zones use it");
  auto* allowing = command("allow",
                           "Allow transfers of a zone that are signed with one of these keys, and no others.\n"
                           "`sdnsctl meta clear ZONE TSIG-ALLOW-AXFR` allows none.",
                           allow);
  allowing->add_option("ZONE", options->zone, "The zone")->required();
  allowing->add_option("NAME", options->names, "Keys")->required();
}

}  // namespace sdns::ctl
