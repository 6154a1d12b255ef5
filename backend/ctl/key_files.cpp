// SPDX-License-Identifier: MIT
#include "backend/ctl/key_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>

namespace sdns::ctl {
namespace {

constexpr std::uint16_t kRevoked = 128;  // RFC 5011 section 2.1
constexpr std::size_t kMaxOctets = 64 * 1024;
constexpr std::string_view kTimes[] = {"Created", "Publish",     "Activate",   "Revoke",    "Inactive",
                                       "Delete",  "SyncPublish", "SyncDelete", "DSPublish", "DSRemoved"};

/// YYYYMMDDHHMMSS, in UTC.
std::optional<WallTime> bind_time(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || text.size() != 14) return std::nullopt;
  const auto part = [&number](std::uint64_t size) {
    const auto value = static_cast<unsigned>(number % size);
    number /= size;
    return value;
  };
  const unsigned second = part(100);
  const unsigned minute = part(100);
  const unsigned hour = part(100);
  const unsigned day = part(100);
  const unsigned month = part(100);
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(number)), std::chrono::month(month),
                                         std::chrono::day(day));
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
}

/// Takes the lines with times out of the private text.
Result<std::map<std::string, WallTime>> take_times(const std::string& path, std::string& private_text) {
  std::map<std::string, WallTime> times;
  std::string kept;
  std::string_view rest = private_text;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size() - 1);
    std::string_view line = rest.substr(0, end + 1);
    rest.remove_prefix(end + 1);
    const auto colon = line.find(": ");
    const std::string name(line.substr(0, std::min(colon, line.size())));
    if (std::find(std::begin(kTimes), std::end(kTimes), name) == std::end(kTimes)) {
      kept += line;
      continue;
    }
    std::string_view value = line.substr(colon + 2);
    value = value.substr(0, value.find_first_of(" \r\n"));
    const auto time = bind_time(value);
    if (!time)
      return fail(Errc::kInvalidRecord, fmt::format("{}: {} \"{}\" is no time", path, name, value),
                  "as in 20260131120000 (UTC); dnssec-settime writes it so");
    times.emplace(name, *time);
  }
  private_text = std::move(kept);
  return times;
}

/// What BIND would do with the key now. A pair without times is older than they are: it is in use.
void set_state(KeyFile& file, const std::map<std::string, WallTime>& times, WallTime now) {
  if (times.empty()) return;
  const auto passed = [&](const char* name) {
    const auto at = times.find(name);
    return at != times.end() && at->second <= now;
  };
  file.published = passed("Publish");
  file.active = passed("Activate") && !passed("Inactive");
  if (passed("Delete")) file.left_out = "its Delete time has passed";
}

Result<KeyFile> read_pair(const std::string& path, const dns::Name& apex, WallTime now) {
  auto pair = dns::read_bind_key(path, apex);
  if (!pair) return fail(Errc::kInvalidRecord, std::move(pair.error().what), std::move(pair.error().hint));
  KeyFile file{path, std::move(*pair), true, true, {}};
  const auto times = take_times(path, file.key.private_text);
  if (!times) return fail(times.error());
  set_state(file, *times, now);
  if ((file.key.flags & kRevoked) != 0) file.left_out = "it is revoked, and PowerDNS does not sign with such keys";
  return file;
}

}  // namespace

Result<KeyFile> read_key_file(const std::string& path, const dns::Name& apex, std::uint16_t flags, WallTime now) {
  std::error_code ignored;
  const auto exists = [&](const std::string& file) { return std::filesystem::is_regular_file(file, ignored); };
  std::string stem = path;
  for (const std::string_view suffix : {".key", ".private"})
    if (stem.ends_with(suffix)) stem.resize(stem.size() - suffix.size());
  if (stem != path || exists(stem + ".key")) return read_pair(path, apex, now);

  std::ifstream in(path, std::ios::binary);
  if (!in || !exists(path))
    return fail(Errc::kNotFound, fmt::format("{}: there is no such file that can be read", path),
                "give a key file of dnssec-keygen or pdnsutil, or a directory of the former");
  std::string text(kMaxOctets, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  KeyFile file{path, {flags, std::move(text)}, true, true, {}};
  if (const auto facts = dns::describe_key(apex, flags, file.key.private_text); !facts)
    return fail(Errc::kInvalidRecord, fmt::format("{}: {}", path, facts.error().what), facts.error().hint);
  return file;
}

Result<std::vector<std::string>> key_pairs_in(const std::string& directory, const dns::Name& apex) {
  std::vector<std::string> paths;
  const std::string start = fmt::format("K{}+", apex.text());
  std::error_code problem;
  for (std::filesystem::directory_iterator at(directory, problem), end; !problem && at != end; at.increment(problem)) {
    std::string name = at->path().filename().string();
    std::transform(name.begin() + 1, name.end(), name.begin() + 1,
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (name.starts_with(start) && name.ends_with(".private")) paths.push_back(at->path().string());
  }
  if (problem) return fail(Errc::kIo, fmt::format("{}: {}", directory, problem.message()));
  if (paths.empty())
    return fail(Errc::kNotFound, fmt::format("{}: there is no {}*.private", directory, start),
                fmt::format("dnssec-keygen names the keys of {} so", apex.text()));
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace sdns::ctl
