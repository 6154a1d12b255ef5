// SPDX-License-Identifier: MIT
// keys generate, status, seal, unseal. Nothing here shows a key or a secret (P9).
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "backend/ctl/commands.h"
#include "backend/ctl/table.h"
#include "backend/store/key_file.h"

namespace sdns::ctl {
namespace {

// In one transaction: others' edits wait for a few milliseconds.
constexpr std::size_t kSlice = 500;
constexpr std::uint64_t kTellEvery = 50'000;

struct SealOptions {
  std::string file;
  bool append = false;
};

Result<int> generate(Session& session, const SealOptions& options) {
  const auto id = options.append ? store::append_key(options.file) : store::make_key_file(options.file);
  if (!id) return fail(id.error());
  if (session.json()) {
    session.print({{"file", options.file}, {"key", store::seal_id_text(*id)}, {"seals", !options.append}});
    return kDone;
  }
  session.out() << fmt::format("key {} is in {}{}\n", store::seal_id_text(*id), options.file,
                               options.append ? ", at its end: it opens, and seals when it is moved to the top" : "");
  return kDone;
}

/// The key file, when there is one; a problem with it is an error.
Result<const store::KeyRing*> key_ring(const Session& session) {
  if (!session.key_file()->configured()) return nullptr;
  return session.key_file()->keys();
}

Result<int> status(Session& session, const SealOptions&) {
  const auto keys = key_ring(session);
  if (!keys) return fail(keys.error());
  auto database = session.database();
  if (!database) return fail(std::move(database.error()));
  const auto counts = (*database)->count_secrets();
  if (!counts) return fail(counts.error());
  std::map<std::string, std::uint64_t> strange = counts->sealed;  // sealed with keys that are not in the file
  auto list = nlohmann::json::array();
  if (*keys != nullptr)
    for (const store::SealingKey& key : (*keys)->keys()) {
      const auto at = counts->sealed.find(store::seal_id_text(key.id()));
      strange.erase(store::seal_id_text(key.id()));
      list.push_back({{"key", store::seal_id_text(key.id())},
                      {"seals", key.id() == (*keys)->first().id()},
                      {"sealed", at == counts->sealed.end() ? 0 : at->second}});
    }
  if (session.json()) {
    session.print({{"key_file", session.key_file()->path()},
                   {"keys", list},
                   {"plain", counts->plain},
                   {"missing", strange},
                   {"sealing_required", counts->must_seal}});
    return strange.empty() ? kDone : kFailed;
  }
  Table table({"KEY", "SECRETS", "NOTE"});
  for (const auto& key : list) {
    const bool seals = key["seals"];
    const std::uint64_t sealed = key["sealed"];
    table.row({key["key"], std::to_string(sealed),
               seals         ? "seals"
               : sealed == 0 ? "opens; no secret of the database needs it"
                             : "opens; `sdnsctl keys seal` seals these anew"});
  }
  for (const auto& [id, number] : strange)
    table.row({id, std::to_string(number), "NOT IN THE KEY FILE: these cannot be read"});
  table.row({"none", std::to_string(counts->plain), counts->plain == 0 ? "" : "stored as they are"});
  table.print(session.out());
  return strange.empty() ? kDone : kFailed;
}

Result<int> reseal(Session& session, store::Sealing wanted) {
  const bool seals = wanted == store::Sealing::kSealed;
  const auto keys = session.key_file()->keys();
  if (!keys) return fail(keys.error());
  auto database = session.database();
  if (!database) return fail(std::move(database.error()));
  store::SecretCursor cursor;
  std::uint64_t told = 0;
  for (;;) {
    const auto more = (*database)->reseal(wanted, cursor, kSlice);
    if (!more) {
      Error error = more.error();
      error.what += fmt::format("; {} of the {} secrets looked at were changed, and that is durable", cursor.changed,
                                cursor.looked);
      if (error.hint.empty()) error.hint = "run the command again: it goes on";
      return fail(std::move(error));
    }
    if (!*more) break;
    if (cursor.looked - told < kTellEvery) continue;
    told = cursor.looked;
    session.notice(fmt::format("{} secrets so far", cursor.looked));
  }
  if (seals)
    if (const auto done = (*database)->forget_former_rows(); !done) session.warning(to_text(done.error()));
  if (session.json()) {
    session.print({{"sealed", seals}, {"secrets", cursor.looked}, {"changed", cursor.changed}});
    return kDone;
  }
  session.out() << (seals ? fmt::format("{} secrets are sealed with the key {}; {} of them were not\n", cursor.looked,
                                        store::seal_id_text((*keys)->first().id()), cursor.changed)
                          : fmt::format("{} secrets are stored as they are; {} of them were sealed\n", cursor.looked,
                                        cursor.changed));
  if (seals && cursor.changed != 0) session.notice("backups that were made before still hold them as they were");
  return kDone;
}

}  // namespace

void add_seal_commands(CLI::App& keys, Action& chosen) {
  const auto options = std::make_shared<SealOptions>();
  const auto command = [&](const char* name, const char* about, Result<int> (*action)(Session&, const SealOptions&)) {
    auto* app = keys.add_subcommand(name, about);
    app->callback([&chosen, options, action] {
      chosen = [options, action](Session& session) { return action(session, *options); };
    });
    return app;
  };
  auto* making = command("generate", "Make a key file with one new key, mode 0600", generate);
  making->add_option("FILE", options->file, "The file, which must not exist yet")->required();
  making->add_flag("--append", options->append,
                   "Add a new key to a file that exists, at its end: the beginning of a rotation");
  command("status", "Which keys sealed the secrets of the database; exit code 1 when one is missing", status);
  command("seal",
          "Seal what is not sealed with the first key of the key file yet: private keys and TSIG secrets.\n"
          "Slice by slice; when it is interrupted, run it again",
          [](Session& session, const SealOptions&) { return reseal(session, store::Sealing::kSealed); });
  command("unseal", "Store them as they are again, before the key file is given up",
          [](Session& session, const SealOptions&) { return reseal(session, store::Sealing::kPlain); });
}

}  // namespace sdns::ctl
