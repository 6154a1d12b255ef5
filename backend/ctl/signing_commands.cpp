// SPDX-License-Identifier: MIT
// zone secure, unsecure, nsec, nsec3.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <set>

#include "backend/ctl/arguments.h"
#include "backend/ctl/commands.h"
#include "backend/ctl/key_facts.h"
#include "backend/ctl/zone_facts.h"
#include "backend/store/checked_edit.h"

namespace sdns::ctl {
namespace {

constexpr std::uint16_t kKskFlags = 257;
constexpr std::uint16_t kZskFlags = 256;
constexpr unsigned kMaxIterations =
    100;  // above it PowerDNS clamps (max-nsec3-iterations) and denials would not validate
constexpr std::size_t kMaxSaltOctets = 255;

struct Opened {
  std::unique_ptr<store::Transaction> edit;
  store::ZoneRow row;
  Signing signing;
};

Result<Opened> open_zone(Session& session, const std::string& zone) {
  auto apex = zone_argument(zone);
  if (!apex) return fail(std::move(apex.error()));
  auto edit = session.edit();
  if (!edit) return fail(std::move(edit.error()));
  auto row = find_zone(**edit, *apex);
  if (!row) return fail(std::move(row.error()));
  auto signing = signing_of(**edit, row->head.id);
  if (!signing) return fail(std::move(signing.error()));
  return Opened{std::move(*edit), std::move(*row), std::move(*signing)};
}

tl::unexpected<Error> refuse_presigned(const std::string& name) {
  return fail(Errc::kConflict,
              fmt::format("{} brings its own signatures (metadata PRESIGNED); nothing was changed", name),
              fmt::format("`sdnsctl zone unsecure {}` takes them out", name));
}

nlohmann::json keys_json(const std::vector<KeyInfo>& keys) {
  auto list = nlohmann::json::array();
  for (const auto& key : keys) list.push_back(to_json(key));
  return list;
}

std::string keys_text(const std::vector<KeyInfo>& keys) {
  std::string text;
  for (const auto& key : keys) {
    if (key.active) text += (text.empty() ? "" : ", ") + key_text(key);
  }
  return text;
}

Result<int> secure(Session& session, const std::string& zone, const std::string& algorithm_name, bool csk) {
  auto algorithm = dns::parse_algorithm(algorithm_name);
  if (!algorithm)
    return fail(Errc::kInvalidArgument, std::move(algorithm.error().what), std::move(algorithm.error().hint));
  auto opened = open_zone(session, zone);
  if (!opened) return fail(std::move(opened.error()));
  auto& [edit, row, signing] = *opened;
  const std::string name = row.head.apex.text();
  if (signing.presigned()) return refuse_presigned(name);
  const bool change = !signing.has_active_key();
  if (change) {
    std::vector<std::uint16_t> wanted = {kKskFlags};
    if (!csk) wanted.push_back(kZskFlags);
    for (const auto flags : wanted) {
      auto generated = dns::generate_key(*algorithm, flags);
      if (!generated) return fail(std::move(generated.error()));
      const zone::Key key{0, flags, true, true, std::move(generated->private_text)};
      auto added = session.checked([&, &edit = edit, &row = row](store::Findings& findings) {
        return store::add_key(*edit, row, key, findings);
      });
      if (!added) return fail(std::move(added.error()));
    }
  }
  auto keys = edit->keys(row.head.id);
  if (!keys) return fail(std::move(keys.error()));
  auto infos = key_infos(row.head.apex, *keys);
  if (!infos) return fail(std::move(infos.error()));
  const std::string done =
      fmt::format("{} {} signed with {}", name, change ? "is now" : "is already", keys_text(*infos));
  auto code = session.finish(std::move(edit), done, {{"zone", name}, {"changed", change}, {"keys", keys_json(*infos)}});
  if (code && change && !session.json())
    session.notice(fmt::format("`sdnsctl zone ds {}` shows what the parent zone needs", name));
  return code;
}

/// The hosted zone that holds the DS of `apex`, when it does hold one.
Result<std::optional<dns::Name>> parent_with_ds(store::Transaction& transaction, const dns::Name& apex) {
  if (apex.is_root()) return std::nullopt;
  auto parent = transaction.enclosing_zone(apex.parent());
  if (!parent) return fail(std::move(parent.error()));
  if (!*parent) return std::nullopt;
  auto records = transaction.records_at((*parent)->head.id, apex);
  if (!records) return fail(std::move(records.error()));
  for (const auto& [record, disabled] : *records) {
    if (record.type == dns::kDS && !disabled) return (*parent)->head.apex;
  }
  return std::nullopt;
}

Result<void> remove_signatures(store::Transaction& edit, zone::ZoneId id) {
  std::set<std::pair<dns::Name, dns::RrType>> rrsets;
  auto read = edit.records(id, [&](store::StoredRecord&& stored) {
    if (made_by_signing(stored.record.type)) rrsets.emplace(std::move(stored.record.owner), stored.record.type);
  });
  if (!read) return read;
  for (const auto& [owner, type] : rrsets) {
    if (auto done = edit.replace_rrset(id, owner, type, {}); !done) return done;
  }
  return {};
}

Result<int> unsecure(Session& session, const std::string& zone, bool yes, bool even_with_ds) {
  if (!yes) {
    return fail(Errc::kInvalidArgument,
                fmt::format("taking the signatures of {} away destroys its keys, and while the parent zone has a DS, "
                            "validating resolvers answer "
                            "SERVFAIL for all of it; nothing was changed",
                            zone),
                "remove the DS at the parent, wait for its TTL, then say --yes");
  }
  auto opened = open_zone(session, zone);
  if (!opened) return fail(std::move(opened.error()));
  auto& [edit, row, signing] = *opened;
  const std::string name = row.head.apex.text();
  const bool presigned = signing.presigned();
  const bool change = presigned || !signing.keys.empty();
  if (change) {
    auto parent = parent_with_ds(*edit, row.head.apex);
    if (!parent) return fail(std::move(parent.error()));
    if (*parent && !even_with_ds) {
      return fail(
          Errc::kConflict,
          fmt::format("{} still has a DS for {}: validating resolvers would answer SERVFAIL for all of it; "
                      "nothing was changed",
                      (*parent)->text(), name),
          fmt::format("`sdnsctl record delete {} {} DS`, wait for its TTL, then unsecure; --even-with-ds goes on",
                      (*parent)->text(), name));
    }
    if (*parent) {
      session.warning(fmt::format(
          "{} still has a DS for {}: validating resolvers answer SERVFAIL until `sdnsctl record delete {} {} DS`",
          (*parent)->text(), name, (*parent)->text(), name));
    } else {
      session.warning(fmt::format(
          "if the parent of {} has a DS for it, validating resolvers answer SERVFAIL until that is gone", name));
    }
    for (const auto& key : signing.keys) {
      if (auto done = edit->remove_key(row.head.id, key.id); !done) return fail(std::move(done.error()));
    }
    for (const char* kind : {"PRESIGNED", "NSEC3PARAM", "NSEC3NARROW"}) {
      if (!metadata_value(signing.metadata, kind)) continue;
      if (auto done = edit->set_metadata(row.head.id, kind, {}); !done) return fail(std::move(done.error()));
    }
    if (presigned) {
      if (auto done = remove_signatures(*edit, row.head.id); !done) return fail(std::move(done.error()));
    }
  }
  return session.finish(
      std::move(edit),
      change ? fmt::format("{} is now unsigned ({} removed)", name, count_text(signing.keys.size(), "key"))
             : fmt::format("{} is already unsigned", name),
      {{"zone", name}, {"changed", change}, {"keys_removed", signing.keys.size()}});
}

struct Denial {
  std::optional<std::string> parameters;  ///< NSEC3PARAM; none for NSEC
  bool narrow = false;
};

Result<int> set_denial(Session& session, const std::string& zone, const Denial& wanted) {
  auto opened = open_zone(session, zone);
  if (!opened) return fail(std::move(opened.error()));
  auto& [edit, row, signing] = *opened;
  const std::string name = row.head.apex.text();
  if (signing.presigned()) return refuse_presigned(name);
  bool change = false;
  const auto put = [&](const std::string& kind, const std::optional<std::string>& value) -> Result<void> {
    if (metadata_value(signing.metadata, kind) == value) return {};
    change = true;
    return edit->set_metadata(row.head.id, kind, value ? std::vector<std::string>{*value} : std::vector<std::string>{});
  };
  if (auto done = put("NSEC3PARAM", wanted.parameters); !done) return fail(std::move(done.error()));
  const auto narrow = wanted.narrow ? std::optional<std::string>("1") : std::nullopt;
  if (auto done = put("NSEC3NARROW", narrow); !done) return fail(std::move(done.error()));
  if (!signing.live())
    session.notice(fmt::format("{} is not signed yet: this counts once `sdnsctl zone secure {}` has run", name, name));
  const std::string denial =
      wanted.parameters ? fmt::format("NSEC3 ({}){}", *wanted.parameters, wanted.narrow ? " narrow" : "") : "NSEC";
  return session.finish(std::move(edit),
                        fmt::format("{} {} with {}", name, change ? "now denies" : "already denies", denial),
                        {{"zone", name}, {"changed", change}, {"denial", denial}});
}

struct Nsec3Options {
  unsigned iterations = 0;
  std::string salt = "-";
  bool opt_out = false;
  bool narrow = false;
};

Result<int> set_nsec3(Session& session, const std::string& zone, const Nsec3Options& options) {
  if (options.iterations > kMaxIterations) {
    return fail(Errc::kInvalidArgument,
                fmt::format("{} iterations are more than {}, which PowerDNS and many validators do not take",
                            options.iterations, kMaxIterations),
                "RFC 9276 asks for 0");
  }
  const std::string salt = options.salt.empty() ? "-" : options.salt;
  if (salt != "-" && (salt.size() % 2 != 0 || salt.size() > 2 * kMaxSaltOctets ||
                      salt.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)) {
    return fail(Errc::kInvalidArgument,
                fmt::format("\"{}\" is not a salt: it takes hexadecimal octets, at most {}, or \"-\" for none",
                            options.salt, kMaxSaltOctets),
                "RFC 9276 asks for none");
  }
  return set_denial(session, zone,
                    {fmt::format("1 {} {} {}", options.opt_out ? 1 : 0, options.iterations, salt), options.narrow});
}

}  // namespace

void add_signing_commands(CLI::App& zone, Action& chosen) {
  const auto name = std::make_shared<std::string>();
  const auto add = [&](const char* command, const char* about) {
    auto* app = zone.add_subcommand(command, about);
    app->add_option("ZONE", *name, "The zone")->required();
    return app;
  };

  auto* securing = add("secure", "Sign the zone: make a KSK and a ZSK. A zone that has keys stays as it is.");
  const auto algorithm = std::make_shared<std::string>("ECDSAP256SHA256");
  const auto csk = std::make_shared<bool>(false);
  securing
      ->add_option("--algorithm", *algorithm,
                   "ECDSAP256SHA256 (default), ECDSAP384SHA384, ED25519, ED448, RSASHA256, RSASHA512, or a number")
      ->type_name("NAME");
  securing->add_flag("--csk", *csk, "One key that signs everything, in the place of two");
  securing->callback([&chosen, name, algorithm, csk] {
    chosen = [name, algorithm, csk](Session& session) { return secure(session, *name, *algorithm, *csk); };
  });

  auto* unsecuring = add("unsecure", "Take the signatures away: destroys the keys. Remove the DS at the parent first!");
  const auto yes = std::make_shared<bool>(false);
  unsecuring->add_flag("--yes", *yes, "This is meant");
  const auto even_with_ds = std::make_shared<bool>(false);
  unsecuring->add_flag("--even-with-ds", *even_with_ds, "Although the parent zone in this database has a DS for it");
  unsecuring->callback([&chosen, name, yes, even_with_ds] {
    chosen = [name, yes, even_with_ds](Session& session) { return unsecure(session, *name, *yes, *even_with_ds); };
  });

  add("nsec", "Deny with NSEC (the default)")->callback([&chosen, name] {
    chosen = [name](Session& session) { return set_denial(session, *name, {}); };
  });

  auto* nsec3 = add("nsec3", "Deny with NSEC3, without salt and extra iterations unless asked for (RFC 9276)");
  const auto options = std::make_shared<Nsec3Options>();
  nsec3->add_option("--iterations", options->iterations, "Extra iterations, at most 100 (0)")->type_name("N");
  nsec3->add_option("--salt", options->salt, "Salt in hexadecimal; \"-\" is none (-)")->type_name("HEX");
  nsec3->add_flag("--opt-out", options->opt_out, "Leave delegations without DS out of the chain");
  nsec3->add_flag("--narrow", options->narrow, "Make a minimal denial for each question (white lies)");
  nsec3->callback([&chosen, name, options] {
    chosen = [name, options](Session& session) { return set_nsec3(session, *name, *options); };
  });
}

}  // namespace sdns::ctl
