// SPDX-License-Identifier: MIT
// lua check.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "backend/ctl/arguments.h"
#include "backend/ctl/commands.h"
#include "backend/ctl/lua_check.h"
#include "backend/ctl/zone_facts.h"
#include "backend/ctl/zone_import.h"
#include "backend/dns/ldns_codec.h"

namespace sdns::ctl {
namespace {

constexpr std::uintmax_t kMostBodyOctets = 65'535;  // of RDATA

struct CheckOptions {
  std::string what;
  std::optional<std::string> zone;
  std::optional<std::string> name;
  std::optional<std::string> type;
  std::optional<std::string> client;
  std::optional<std::string> powerdns;
  bool full_library = false;
  bool strict = false;
};

/// What is to be checked.
struct Subject {
  dns::Name apex;
  std::vector<dns::PlacedRecord> records;
  std::vector<zone::Finding> problems;  ///< the file does not parse
  LuaFindings findings;                 ///< of the argument itself
  bool whole_zone = false;
};

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// `TYPE "…`, with blanks between.
bool looks_like_record(std::string_view text) {
  const std::size_t space = text.find_first_of(" \t\n");
  if (space == std::string_view::npos || !dns::RrType::parse(text.substr(0, space))) return false;
  const std::string_view rest = trimmed(text.substr(space));
  return rest.starts_with('"') || rest.starts_with('(');
}

/// Whether a line has the type LUA and another one, as records in master files do.
bool looks_like_master_file(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (trimmed(line).starts_with("$ORIGIN") || trimmed(line).starts_with("$TTL")) return true;
    std::istringstream words{std::string(line)};
    for (std::string word; words >> word;) {
      if (word != "LUA" && word != "lua") continue;
      if (words >> word && dns::RrType::parse(word)) return true;
    }
  }
  return false;
}

/// One record. Without a type its values say which it makes.
Result<Subject> record_subject(std::string_view text, const CheckOptions& options, const lua::Client& client) {
  Subject subject;
  auto apex = zone_argument(options.zone.value_or("example."));
  if (!apex) return fail(std::move(apex.error()));
  subject.apex = *apex;
  auto owner = owner_argument(options.name.value_or("www"), subject.apex);
  if (!owner) return fail(std::move(owner.error()));
  text = trimmed(text);
  const auto content_of = [&](const std::string& written) {
    return dns::canonical_content(dns::kLUA, written, subject.apex);
  };
  const auto take = [&](const std::string& written) -> Result<void> {
    auto content = content_of(written);
    if (!content) return fail(Errc::kInvalidRecord, content.error().what, std::move(content.error().hint));
    subject.records.push_back({{*owner, dns::kLUA, {60}, std::move(*content)}, {}});
    return {};
  };
  std::string code(text);
  std::optional<std::string> type_text = options.type;
  if (looks_like_record(text)) {
    const std::size_t space = text.find_first_of(" \t\n");
    std::string_view rest = trimmed(text.substr(space));
    // As in a master file, where parentheses may stand around the chunks.
    if (rest.starts_with('(') && rest.ends_with(')')) rest = trimmed(rest.substr(1, rest.size() - 2));
    if (auto taken = take(fmt::format("{} {}", text.substr(0, space), rest)); !taken)
      return fail(std::move(taken.error()));
    return subject;
  }
  if (code.find('\n') != std::string::npos)
    subject.findings.push_back(
        {Weight::kNote,
         "in a master file its line breaks are \\010, or its lines are chunks (\"…\" \"…\"); the "
         "API, pdnsutil and sdnsctl take it as it is"});
  if (auto single = without_double_quotes(code)) {
    code = std::move(*single);
    subject.findings.push_back(
        {Weight::kWarning,
         "its code has double quotes, which a LUA record cannot hold: checked with '…' in their place"});
  }
  if (type_text) {
    auto type = type_argument(*type_text);
    if (!type) return fail(std::move(type.error()));
    if (auto taken = take(fmt::format("{} \"{}\"", type->text(), code)); !taken) return fail(std::move(taken.error()));
    return subject;
  }
  if (auto taken = take(fmt::format("TXT \"{}\"", code)); !taken) return fail(std::move(taken.error()));
  LuaCheckOptions probing{.apex = subject.apex, .client = client};
  const auto probed = check_lua_records(subject.records, probing);
  std::string type = "A";
  if (!probed.empty() && probed.front().up && probed.front().up->failure.empty()) {
    const auto all = [&](bool v6) {
      return std::all_of(probed.front().up->contents.begin(), probed.front().up->contents.end(),
                         [&](std::string value) {
                           if (value.size() >= 2) value = value.substr(1, value.size() - 2);  // the quotes of TXT
                           const auto address = dns::IpAddress::parse(value);
                           return address && address->is_v4() != v6;
                         });
    };
    type = all(false) ? "A" : all(true) ? "AAAA" : "TXT";
  }
  subject.records.clear();
  if (auto taken = take(fmt::format("{} \"{}\"", type, code)); !taken) return fail(std::move(taken.error()));
  subject.findings.push_back(
      {Weight::kNote, fmt::format("taken for a record that makes {} (--type names another)", type)});
  return subject;
}

Result<Subject> file_subject(const std::string& path, const CheckOptions& options, const lua::Client& client) {
  std::error_code ignored;
  std::string text;
  if (std::filesystem::file_size(path, ignored) <= kMostBodyOctets * 4) {
    std::ifstream in(path);
    if (!in) return fail(Errc::kIo, fmt::format("{} cannot be read", path));
    std::ostringstream all;
    all << in.rdbuf();
    text = all.str();
    if (looks_like_record(trimmed(text)) || !looks_like_master_file(text)) return record_subject(text, options, client);
  }
  std::optional<dns::Name> apex;
  if (options.zone) {
    auto parsed = zone_argument(*options.zone);
    if (!parsed) return fail(std::move(parsed.error()));
    apex = std::move(*parsed);
  }
  auto file = load_zone_file(path, apex);
  if (!file) return fail(std::move(file.error()));
  Subject subject;
  subject.whole_zone = true;
  // A file that does not say which zone it is of can be checked as well as another.
  if (!apex && file->problems.size() == 1 && file->problems.front().where == path) {
    file = load_zone_file(path, file->apex.is_root() ? *dns::Name::parse("example.") : file->apex);
    if (!file) return fail(std::move(file.error()));
    subject.whole_zone = false;
    if (file->problems.empty())
      subject.findings.push_back(
          {Weight::kNote, fmt::format("{} does not say which zone it is of: taken for {} (--zone names another)", path,
                                      file->apex.text())});
  }
  subject.apex = file->apex;
  subject.problems = std::move(file->problems);
  subject.records = std::move(file->records);
  return subject;
}

/// Those of the configuration file, and those of the database when there is one.
health::TargetPools known_pools(Session& session) {
  std::vector<health::TargetPool> pools = session.settings().configured_target_pools;
  if (auto transaction = session.read())
    if (auto rows = (*transaction)->target_pools())
      for (auto& row : *rows) {
        const bool hidden =
            std::any_of(pools.begin(), pools.end(), [&](const auto& pool) { return pool.name == row.pool.name; });
        if (!hidden) pools.push_back(std::move(row.pool));
      }
  auto made = health::TargetPools::make(std::move(pools));
  return made ? std::move(*made) : health::TargetPools{};
}

const char* weight_text(Weight weight) {
  return weight == Weight::kError ? "error" : weight == Weight::kWarning ? "warning" : "note";
}

std::string gives(const DryRun& run) {
  if (!run.failure.empty()) return "SERVFAIL";
  if (run.contents.empty()) return "nothing";
  std::string out;
  for (const std::string& content : run.contents) out += (out.empty() ? "" : ", ") + content;
  return out;
}

void print_record(std::ostream& out, const CheckedRecord& checked) {
  out << fmt::format("{}{} {} LUA {}\n", checked.where.empty() ? "" : checked.where + ": ", checked.record.owner.text(),
                     checked.record.ttl.seconds, checked.makes);
  if (checked.library) out << "  a library for include()\n";
  if (checked.up && checked.asked != checked.record.owner.text())
    out << fmt::format("  asked for: {}\n", checked.asked);
  if (checked.up) out << fmt::format("  {}: {}\n", checked.down ? "with every check up" : "gives", gives(*checked.up));
  if (checked.down) out << fmt::format("  with every check down: {}\n", gives(*checked.down));
  const bool cached = checked.up && checked.up->failure.empty() && !checked.up->cache.empty() &&
                      !checked.up->cache.starts_with("not kept");
  if (cached) out << fmt::format("  caching: {}\n", checked.up->cache);
  for (const LuaFinding& finding : checked.findings)
    out << fmt::format("  {}: {}\n", weight_text(finding.weight), finding.what);
}

nlohmann::json to_json(const LuaFindings& findings) {
  auto list = nlohmann::json::array();
  for (const LuaFinding& finding : findings)
    list.push_back({{"severity", weight_text(finding.weight)}, {"what", finding.what}});
  return list;
}

nlohmann::json to_json(const std::optional<DryRun>& run) {
  if (!run) return nullptr;
  return {{"failure", run->failure.empty() ? nlohmann::json() : nlohmann::json(run->failure)},
          {"records", run->contents},
          {"scope_mask", run->scope_mask},
          {"cache", run->cache}};
}

nlohmann::json to_json(const CheckedRecord& checked) {
  return {{"where", checked.where},
          {"name", checked.record.owner.text()},
          {"ttl", checked.record.ttl.seconds},
          {"content", checked.record.content},
          {"makes", checked.makes},
          {"asked", checked.asked},
          {"library", checked.library},
          {"up", to_json(checked.up)},
          {"down", to_json(checked.down ? checked.down : checked.up)},
          {"findings", to_json(checked.findings)}};
}

Result<int> check(Session& session, const CheckOptions& options) {
  LuaCheckOptions how;
  how.full_library = options.full_library;
  how.client.who = *dns::IpAddress::parse("127.0.0.1");
  if (options.client) {
    const auto network = dns::IpNetwork::parse(*options.client);
    if (!network || network->address.is_zero())
      return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is no client", *options.client),
                  "as in 192.0.2.1 or 192.0.2.0/24");
    how.client.who = network->address;
    if (network->bits != network->address.bits()) how.client.ecs = dns::IpNetwork{network->network(), network->bits};
  }
  if (options.powerdns) {
    auto version = parse_powerdns_version(*options.powerdns);
    if (!version) return fail(std::move(version.error()));
    how.powerdns = *version;
  }
  how.pools = known_pools(session);
  std::error_code ignored;
  auto subject = std::filesystem::is_regular_file(options.what, ignored)
                     ? file_subject(options.what, options, how.client)
                     : record_subject(options.what, options, how.client);
  if (!subject) return fail(std::move(subject.error()));
  how.apex = subject->apex;
  how.zone_known = subject->whole_zone;
  std::vector<CheckedRecord> all;
  if (subject->problems.empty()) all = check_lua_records(subject->records, how);
  if (!all.empty())
    for (LuaFinding& finding : subject->findings) all.front().findings.push_back(std::move(finding));

  std::size_t errors = subject->problems.size();
  std::size_t warnings = 0;
  for (const CheckedRecord& checked : all)
    for (const LuaFinding& finding : checked.findings) {
      errors += finding.weight == Weight::kError ? 1 : 0;
      warnings += finding.weight == Weight::kWarning ? 1 : 0;
    }
  const bool good = errors == 0 && (warnings == 0 || !options.strict);
  if (session.json()) {
    auto records = nlohmann::json::array();
    for (const CheckedRecord& checked : all) records.push_back(to_json(checked));
    session.print({{"zone", subject->apex.text()},
                   {"ok", good},
                   {"errors", errors},
                   {"warnings", warnings},
                   {"problems", ctl::to_json(subject->problems)},
                   {"records", std::move(records)}});
    return good ? kDone : kFoundProblems;
  }
  print_findings(session.out(), subject->problems);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i > 0) session.out() << '\n';
    print_record(session.out(), all[i]);
  }
  if (subject->problems.empty())
    session.notice(fmt::format("{} checked: {}, {}", count_text(all.size(), "LUA record"), count_text(errors, "error"),
                               count_text(warnings, "warning")));
  return good ? kDone : kFoundProblems;
}

}  // namespace

void add_lua_commands(CLI::App& group, Action& chosen) {
  const auto options = std::make_shared<CheckOptions>();
  auto* command =
      group.add_subcommand("check",
                           "Compiles LUA records and runs them dry, once with every health check up and once with "
                           "every one down, and warns\n"
                           "of what will surprise. Asks no daemon. Exit code 4 when a record has no answer.");
  command
      ->add_option("FILE|RECORD", options->what,
                   "A master file, a file with one record or its code, a record (A \"…\"), or only its code")
      ->required();
  command->add_option("--zone", options->zone, "The zone (that of the file; example.)")->type_name("APEX");
  command->add_option("--name", options->name, "The owner of a record that is none of a file's (www)")
      ->type_name("NAME");
  command->add_option("--type", options->type, "What code alone makes (what its values look like)")->type_name("TYPE");
  command->add_option("--client", options->client, "Who asks (127.0.0.1)")->type_name("ADDR[/LEN]");
  command->add_option("--powerdns", options->powerdns, "Also warn of what this version of PowerDNS lacks")
      ->type_name("VERSION");
  command->add_flag("--full-library", options->full_library, "As in a zone of lua.full_library_zones: no sandbox");
  command->add_flag("--strict", options->strict, "Warnings too are exit code 4");
  command->footer(
      "Examples:\n"
      "  sdnsctl lua check example.org.zone\n"
      "  sdnsctl lua check \"A \\\"ifportup(443, {'192.0.2.1', '192.0.2.2'})\\\"\"\n"
      "  sdnsctl lua check \"pickclosest({'192.0.2.1', '198.51.100.1'})\" --client 203.0.113.9 --powerdns 4.7\n"
      "  sdnsctl lua check body.lua --type TXT --zone example.org --name '*.rev'\n");
  command->callback([&chosen, options] { chosen = [options](Session& session) { return check(session, *options); }; });
}

}  // namespace sdns::ctl
