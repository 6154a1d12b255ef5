// SPDX-License-Identifier: MIT
// zone import-keys.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "backend/ctl/arguments.h"
#include "backend/ctl/commands.h"
#include "backend/ctl/key_facts.h"
#include "backend/ctl/key_files.h"
#include "backend/ctl/zone_facts.h"
#include "backend/store/checked_edit.h"

namespace sdns::ctl {
namespace {

constexpr std::uint16_t kKskFlags = 257;
constexpr std::uint16_t kZskFlags = 256;

struct ImportKeysOptions {
  std::string zone;
  std::vector<std::string> paths;
  std::vector<std::string> zsks;
};

Result<std::vector<KeyFile>> read_all(const ImportKeysOptions& options, const dns::Name& apex, WallTime now) {
  std::vector<KeyFile> files;
  const auto read = [&](const std::string& path, std::uint16_t flags) -> Result<void> {
    auto file = read_key_file(path, apex, flags, now);
    if (!file) return fail(std::move(file.error()));
    files.push_back(std::move(*file));
    return {};
  };
  for (const auto& path : options.paths) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(path, ignored)) {
      if (auto done = read(path, kKskFlags); !done) return fail(std::move(done.error()));
      continue;
    }
    auto pairs = key_pairs_in(path, apex);
    if (!pairs) return fail(std::move(pairs.error()));
    for (const auto& pair : *pairs) {
      if (auto done = read(pair, kKskFlags); !done) return fail(std::move(done.error()));
    }
  }
  for (const auto& path : options.zsks) {
    if (auto done = read(path, kZskFlags); !done) return fail(std::move(done.error()));
  }
  return files;
}

Result<int> import_keys(Session& session, const ImportKeysOptions& options) {
  auto apex = zone_argument(options.zone);
  if (!apex) return fail(std::move(apex.error()));
  if (options.paths.empty() && options.zsks.empty())
    return fail(Errc::kInvalidArgument, "no key file is named", "give FILE or DIRECTORY, or --zsk FILE");
  auto files = read_all(options, *apex, session.now());
  if (!files) return fail(std::move(files.error()));
  auto edit = session.edit();
  if (!edit) return fail(std::move(edit.error()));
  auto row = find_zone(**edit, *apex);
  if (!row) return fail(std::move(row.error()));
  auto before = (*edit)->keys(row->head.id);
  if (!before) return fail(std::move(before.error()));

  std::size_t taken = 0;
  std::vector<std::string> left_out;
  for (const auto& file : *files) {
    if (file.left_out) {
      session.warning(fmt::format("{} left out: {}", file.path, *file.left_out));
      left_out.push_back(file.path);
      continue;
    }
    const zone::Key key{0, file.key.flags, file.active, file.published, file.key.private_text};
    const auto added =
        session.checked([&](store::Findings& findings) { return store::add_key(**edit, *row, key, findings); });
    if (!added)
      return fail(added.error().code, fmt::format("{}: {}", file.path, added.error().what), added.error().hint);
    ++taken;
  }
  auto after = (*edit)->keys(row->head.id);
  if (!after) return fail(std::move(after.error()));
  auto infos = key_infos(*apex, *after);
  if (!infos) return fail(std::move(infos.error()));
  auto list = nlohmann::json::array();
  for (const auto& info : *infos) list.push_back(to_json(info));
  const bool change = *before != *after;
  if (std::none_of(after->begin(), after->end(), [](const zone::Key& key) { return key.active; }))
    session.notice(fmt::format("no key of {} is active, so it is not signed", apex->text()));
  return session.finish(
      std::move(*edit),
      fmt::format("{} {} {} from {}", apex->text(), change ? "has now" : "already has",
                  count_text(infos->size(), "key"), count_text(taken, "file")),
      {{"zone", apex->text()}, {"changed", change}, {"keys", std::move(list)}, {"left_out", left_out}});
}

}  // namespace

void add_key_file_commands(CLI::App& zone, Action& chosen) {
  const auto options = std::make_shared<ImportKeysOptions>();
  auto* importing =
      zone.add_subcommand("import-keys",
                          "Take over keys of BIND or PowerDNS, all of them or none.\nThe state of a pair of BIND "
                          "follows from its times: active and published as they say at this moment.");
  importing->add_option("ZONE", options->zone, "The zone")->required();
  importing->add_option("FILE", options->paths,
                        "Kname.+alg+tag.private or .key, a directory of such pairs,\nor what `pdnsutil "
                        "export-zone-key` prints of a KSK or CSK");
  importing->add_option("--zsk", options->zsks, "What `pdnsutil export-zone-key` prints of a ZSK; may be given again")
      ->type_name("FILE")
      ->expected(1)
      ->take_all();
  importing->callback(
      [&chosen, options] { chosen = [options](Session& session) { return import_keys(session, *options); }; });
}

}  // namespace sdns::ctl
