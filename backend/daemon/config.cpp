// SPDX-License-Identifier: MIT
#include "backend/daemon/config.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>

#include "backend/base/json_text.h"
#include "backend/daemon/config_check.h"
#include "backend/daemon/config_pools.h"
#include "backend/daemon/config_programs.h"
#include "backend/daemon/config_raw.h"
#include "backend/health/vantage.h"

namespace sdns::daemon {
namespace {

const std::vector<std::string> kKeys = {"database.url",
                                        "database.key_file",
                                        "snapshot.file",
                                        "snapshot.interval",
                                        "snapshot.warn_age",
                                        "snapshot.refuse_age",
                                        "node.name",
                                        "node.max_stale",
                                        "listen.socket",
                                        "listen.pipe_socket",
                                        "listen.mode",
                                        "listen.group",
                                        "listen.peers",
                                        "listen.max_connections",
                                        "listen.max_request_octets",
                                        "listen.hung_after",
                                        "engine.threads",
                                        "admin.listen",
                                        "cache.packet_cache_ttl",
                                        "cache.query_cache_ttl",
                                        "lua.enabled",
                                        "lua.powerdns_evaluates",
                                        "lua.join_chunks",
                                        "lua.full_library_zones",
                                        "lua.steps",
                                        "lua.time_us",
                                        "lua.memory_octets",
                                        "health.probe",
                                        "health.interval",
                                        "health.probes_at_once",
                                        "health.longest_probe",
                                        "health.checks_per_account",
                                        "health.probes_per_account",
                                        "health.probes_per_target",
                                        "health.allow",
                                        "health.own_networks",
                                        "health.private_networks",
                                        "health.user_agent",
                                        "health.guard_percent",
                                        "health.state_file",
                                        "health.metrics_per_check",
                                        "health.vantage",
                                        "health.vantage_age",
                                        "geo.databases",
                                        "geo.networks",
                                        "geo.language",
                                        "log.level",
                                        "log.format"};
const std::vector<std::string> kPowerDnsKeys = {"name",    "control_socket", "api_url",
                                                "api_key", "api_key_file",   "quit_orphaned"};
constexpr std::string_view kPowerDnsPrefix = "SDNS_POWERDNS_";
constexpr unsigned kMaxThreads = 64;
constexpr std::int64_t kMostSeconds = 10 * 365 * 86'400;
constexpr std::size_t kMaxPowerDns = 64;

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  append_json_escaped(out, text);
  out += '"';
  return out;
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    std::string_view part = text.substr(0, comma);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    if (!part.empty()) out.emplace_back(part);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return out;
}

// Where a file of the daemon's own is when nothing else is said.
std::string beside_database(const std::string& url, const char* name) {
  constexpr std::string_view kSqlite = "sqlite:";
  const std::filesystem::path file = url.starts_with(kSqlite) ? url.substr(kSqlite.size()) : "/var/lib/sovereign-dns/";
  return file.parent_path() / name;
}

class Loader {
 public:
  explicit Loader(const ConfigSource& source) : source_(source) {}

  tl::expected<LoadedConfig, ConfigProblems> run() {
    read_file();
    if (problems_.empty()) {
      read_settings();
      report_unknown();
    }
    if (!problems_.empty())
      return tl::unexpected(ConfigProblems{out_.file.empty() ? "the environment" : out_.file, std::move(problems_)});
    return std::move(out_);
  }

 private:
  void read_file() {
    const std::string path = source_.file.value_or(source_.default_file);
    errno = 0;
    std::ifstream in(path, std::ios::binary);
    struct stat status {};
    if (in && ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
      in.setstate(std::ios::failbit);
      errno = EISDIR;
    }
    if (!in) {
      if (!source_.file && errno == ENOENT) return;
      out_.file = path;
      problems_.push_back(
          {"(file)", fmt::format("cannot be read ({}); check the path and its owner", std::strerror(errno))});
      return;
    }
    out_.file = path;
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    auto layer = read_toml(text, path);
    if (layer) file_ = std::move(*layer);
    else problems_.push_back(std::move(layer.error()));
  }

  // The environment's value, else the file's. The value lives as long as the loader.
  const RawValue* find(const std::string& key) {
    used_.insert(key);
    if (const auto known = environment_.find(key); known != environment_.end()) return &known->second;
    const std::string name = environment_name(key);
    if (const auto set = source_.environment.find(name); set != source_.environment.end()) {
      RawValue value{.text = set->second, .from_environment = true, .where = name, .origin = "environment " + name};
      return &environment_.emplace(key, std::move(value)).first->second;
    }
    const auto in_file = file_.find(key);
    return in_file == file_.end() ? nullptr : &in_file->second;
  }

  void problem(const std::string& key, const RawValue* value, std::string what) {
    if (value != nullptr && value->line != 0) what += fmt::format(" (line {})", value->line);
    problems_.push_back({value != nullptr ? value->where : key, std::move(what)});
  }

  void wrong_kind(const std::string& key, const RawValue& value, std::string_view expected) {
    problem(key, &value, fmt::format("is {}; write {}", kind_name(value.kind), expected));
  }

  void show(const std::string& key, std::string shown, const RawValue* value) {
    out_.settings.push_back({key, std::move(shown), value != nullptr ? value->origin : "default"});
  }

  // Reads a text key into `out` through `check`, which gives what the text means or what is wrong with it.
  template <class T, class Check>
  void text(const std::string& key, const std::string& fallback, T& out, Check check) {
    const RawValue* value = find(key);
    if (value != nullptr && value->kind != RawValue::Kind::kText) return wrong_kind(key, *value, "a text in quotes");
    const std::string& given = value != nullptr ? value->text : fallback;
    show(key, in_quotes(without_password(given)), value);
    auto checked = check(given);
    if (checked) out = std::move(*checked);
    else problem(key, value, std::move(checked.error()));
  }

  template <class Number>
  void number(const std::string& key, Number& out, std::int64_t least, std::int64_t most) {
    const RawValue* value = find(key);
    std::int64_t given = static_cast<std::int64_t>(out);
    if (value != nullptr && value->from_environment) {
      const char* end = value->text.data() + value->text.size();
      const auto [stopped, error] = std::from_chars(value->text.data(), end, given);
      if (value->text.empty() || error != std::errc{} || stopped != end)
        return problem(key, value,
                       fmt::format("\"{}\" is not a whole number; it takes {} to {}", value->text, least, most));
    } else if (value != nullptr) {
      if (value->kind != RawValue::Kind::kInteger) return wrong_kind(key, *value, "a whole number without quotes");
      given = value->integer;
    }
    show(key, std::to_string(given), value);
    if (given < least || given > most)
      return problem(
          key, value,
          fmt::format("{} is outside of {} to {}; {} it", given, least, most, given < least ? "raise" : "lower"));
    out = static_cast<Number>(given);
  }

  // Reads a list of texts into `out`; the value, or null when it is the default or wrong.
  const RawValue* list(const std::string& key, std::vector<std::string>& out, std::string_view expected) {
    const RawValue* value = find(key);
    if (value != nullptr && !value->from_environment && value->kind != RawValue::Kind::kTextList) {
      wrong_kind(key, *value, expected);
      return nullptr;
    }
    if (value != nullptr) out = value->from_environment ? split_list(value->text) : value->list;
    std::string shown;
    for (const std::string& one : out) shown += (shown.empty() ? "" : ", ") + in_quotes(one);
    show(key, "[" + shown + "]", value);
    return value;
  }

  void peers() {
    const std::string key = "listen.peers";
    Config::Listen& listen = out_.config.listen;
    const RawValue* value = list(key, listen.peers, "a list of user names, as [\"root\", \"pdns\"]");
    for (const std::string& peer : listen.peers) {
      auto uid = check_user(peer);
      if (uid) listen.peer_uids.push_back(*uid);
      else if (value != nullptr)  // a default that does not exist on this machine lets nobody in, which is no problem
        problem(key, value, std::move(uid.error()));
    }
  }

  void read_settings() {
    Config& config = out_.config;
    text("database.url", config.database.url, config.database.url, check_database_url);
    text("database.key_file", "", config.database.key_file, check_state_file);
    read_snapshot();
    text("node.name", host_name(), config.node.name, check_node_name);
    std::int64_t stale = config.node.max_stale.count();
    number("node.max_stale", stale, 60, 31'536'000);
    config.node.max_stale = std::chrono::seconds(stale);
    text("listen.socket", config.listen.socket, config.listen.socket, [this](const std::string& path) {
      return check_socket_path(path, source_.binds ? SocketUse::kListen : SocketUse::kConnect);
    });
    text("listen.pipe_socket", "", config.listen.pipe_socket, [this](const std::string& path) {
      return path.empty() ? Checked<std::string>(path)
                          : check_socket_path(path, source_.binds ? SocketUse::kListen : SocketUse::kConnect);
    });
    text("listen.mode", "0660", config.listen.mode, check_mode);
    text("listen.group", "", config.listen.group, check_group);
    peers();
    number("listen.max_connections", config.listen.max_connections, 1, 1'000'000);
    std::int64_t hung_after = config.listen.hung_after.count();
    number("listen.hung_after", hung_after, 0, 3600);
    config.listen.hung_after = std::chrono::seconds(hung_after);
    number("listen.max_request_octets", config.listen.max_request_octets, 4096, 1 << 30);
    number("engine.threads", config.engine.threads, 0, kMaxThreads);
    text("admin.listen", config.admin.listen, config.admin.endpoint, [&config](const std::string& listen) {
      config.admin.listen = listen;
      return check_admin_listen(listen);
    });
    std::int64_t packet = config.cache.packet_cache_ttl.count();
    std::int64_t query = config.cache.query_cache_ttl.count();
    number("cache.packet_cache_ttl", packet, 0, 86'400);
    number("cache.query_cache_ttl", query, 0, 86'400);
    config.cache.packet_cache_ttl = std::chrono::seconds(packet);
    config.cache.query_cache_ttl = std::chrono::seconds(query);
    read_lua();
    read_health();
    read_geo();
    read_powerdns();
    read_pools();
    read_log();
  }

  void read_snapshot() {
    Config::Snapshot& snapshot = out_.config.snapshot;
    text("snapshot.file", beside_database(out_.config.database.url, "zones.snapshot"), snapshot.file, check_state_file);
    const auto time = [this](const char* key, std::chrono::seconds& out, std::int64_t least) {
      std::int64_t count = out.count();
      number(key, count, least, kMostSeconds);
      out = std::chrono::seconds(count);
    };
    time("snapshot.interval", snapshot.interval, 1);
    time("snapshot.warn_age", snapshot.warn_age, 0);
    time("snapshot.refuse_age", snapshot.refuse_age, 0);
  }

  void read_lua() {
    Config::Lua& lua = out_.config.lua;
    text("lua.enabled", "yes", lua.enabled, check_yes_no);
    text("lua.powerdns_evaluates", "no", lua.powerdns_evaluates, check_yes_no);
    text("lua.join_chunks", "auto", lua.join, [](const std::string& join) {
      return lua::parse_chunk_join(join).map_error([](const Error& error) { return to_text(error); });
    });
    std::vector<std::string> zones;
    const RawValue* value = list("lua.full_library_zones", zones, "a list of zones, as [\"ops.example\"]");
    for (const std::string& zone : zones) {
      auto apex = dns::Name::parse(zone);
      if (apex) lua.full_library_zones.push_back(std::move(*apex));
      else problem("lua.full_library_zones", value, to_text(apex.error()));
    }
    number("lua.steps", lua.limits.steps, 1'000, 100'000'000);
    std::int64_t time_us = static_cast<std::int64_t>(lua.limits.time_nanoseconds / 1000);
    number("lua.time_us", time_us, 100, 1'000'000);
    lua.limits.time_nanoseconds = static_cast<std::uint64_t>(time_us) * 1000;
    // Coroutines inside each other take the C stack: with more memory, more of it than there is.
    number("lua.memory_octets", lua.limits.memory_octets, 65'536, 8 << 20);
  }

  void read_health() {
    Config::Health& health = out_.config.health;
    text("health.probe", "yes", health.probe, check_yes_no);
    std::int64_t interval = health.interval.count();
    number("health.interval", interval, 1, 86'400);
    health.interval = std::chrono::seconds(interval);
    number("health.probes_at_once", health.probes_at_once, 1, 100'000);
    std::int64_t longest = health.longest_probe.count();
    number("health.longest_probe", longest, 1, 3'600);
    health.longest_probe = std::chrono::seconds(longest);
    number("health.checks_per_account", health.checks_per_account, 1, 1'000'000);
    number("health.probes_per_account", health.probes_per_account, 1, 1'000'000);
    number("health.probes_per_target", health.probes_per_target, 1, 1'000'000);
    networks("health.allow", health.allow);
    networks("health.own_networks", health.own_networks);
    text("health.private_networks", "yes", health.private_networks, check_yes_no);
    text("health.user_agent", health.user_agent, health.user_agent, check_user_agent);
    number("health.guard_percent", health.guard_percent, 0, 99);
    text("health.state_file", beside_database(out_.config.database.url, "health.state"), health.state_file,
         check_state_file);
    text("health.metrics_per_check", "no", health.metrics_per_check, check_yes_no);
    text("health.vantage", "local", health.vantage, [](const std::string& rule) {
      return health::parse_vantage_rule(rule).map_error([](const Error& error) { return to_text(error); });
    });
    std::int64_t age = health.vantage_age.count();
    number("health.vantage_age", age, 10, 86'400);
    health.vantage_age = std::chrono::seconds(age);
    if (!health.probe && health.vantage != health::VantageRule::kLocal)
      out_.warnings.push_back({"health.vantage",
                               "has no effect while health.probe is no: what other nodes say is "
                               "combined with what this one finds"});
    ProgramsRead read = read_programs(file_);  // only in the file, as target pools
    for (Setting& setting : read.settings) out_.settings.push_back(std::move(setting));
    for (Problem& warning : read.warnings) out_.warnings.push_back(std::move(warning));
    for (Problem& problem : read.problems) problems_.push_back(std::move(problem));
    health.programs = std::move(read.programs);
  }

  void networks(const std::string& key, std::vector<dns::IpNetwork>& out) {
    std::vector<std::string> texts;
    const RawValue* value = list(key, texts, "a list of networks, as [\"10.0.0.0/8\", \"2001:db8::/32\"]");
    for (const std::string& text : texts) {
      auto network = dns::IpNetwork::parse(text);
      if (network) out.push_back(*network);
      else problem(key, value, to_text(network.error()));
    }
  }

  void read_geo() {
    lua::GeoConfig& geo = out_.config.geo;
    std::vector<std::string> databases;
    list("geo.databases", databases, "a list of files, as [\"/var/lib/GeoIP/GeoLite2-City.mmdb\"]");
    for (const std::string& path : databases) geo.databases.emplace_back(path);
    std::string networks;
    text("geo.networks", "", networks, [](const std::string& path) { return Checked<std::string>(path); });
    geo.networks_file = networks;
    text("geo.language", geo.language, geo.language, [](const std::string& code) -> Checked<std::string> {
      if (code.empty()) return tl::unexpected(std::string("is empty; write a language of the databases, as \"en\""));
      return code;
    });
    if (auto opened = lua::Geo::open(geo); !opened)
      problem(opened.error().what.find(networks) != std::string::npos && !networks.empty() ? "geo.networks"
                                                                                           : "geo.databases",
              nullptr, to_text(opened.error()));
  }

  // Only in the file: the environment has no place for lists of lists.
  void read_pools() {
    PoolsRead read = read_target_pools(file_);
    for (Setting& setting : read.settings) out_.settings.push_back(std::move(setting));
    for (Problem& warning : read.warnings) out_.warnings.push_back(std::move(warning));
    for (const auto& [name, value] : source_.environment)
      if (name.starts_with("SDNS_TARGET_POOL"))
        out_.warnings.push_back({name, "has no effect; target pools are set in the file, or in the database"});
    for (Problem& problem : unknown_programs(read.pools, out_.config.health.programs))
      read.problems.push_back(std::move(problem));
    for (health::TargetPool& pool : read.pools) pool.from_configuration = true;
    if (read.problems.empty()) out_.config.target_pools = *health::TargetPools::make(std::move(read.pools));
    for (Problem& problem : read.problems) problems_.push_back(std::move(problem));
  }

  void read_log() {
    Config& config = out_.config;
    const auto explain = [](const Error& error) { return to_text(error); };
    text("log.level", "info", config.log.level,
         [&](const std::string& level) { return Log::parse_level(level).map_error(explain); });
    if (source_.log_format) {
      used_.insert("log.format");
      RawValue value{.text = *source_.log_format, .where = "--log-format", .origin = "command line"};
      auto format = Log::parse_format(value.text);
      show("log.format", in_quotes(value.text), &value);
      if (!format) return problem("log.format", &value, to_text(format.error()));
      config.log.format = *format;
      return;
    }
    text("log.format", "text", config.log.format,
         [&](const std::string& format) { return Log::parse_format(format).map_error(explain); });
  }

  // Indexes that the file or the environment mention, which must be 0, 1, 2, … without a gap.
  std::size_t count_powerdns() {
    std::set<std::size_t> indexes;
    const auto note = [&indexes](std::string_view digits, char terminator) {
      std::size_t index = 0;
      const auto [stopped, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
      if (error == std::errc{} && stopped != digits.data() + digits.size() && *stopped == terminator &&
          index < kMaxPowerDns)
        indexes.insert(index);
    };
    for (const auto& [key, value] : file_)
      if (key.starts_with("powerdns[")) note(std::string_view(key).substr(9), ']');
    for (const auto& [name, value] : source_.environment)
      if (name.starts_with(kPowerDnsPrefix)) note(std::string_view(name).substr(kPowerDnsPrefix.size()), '_');
    std::size_t expected = 0;
    for (const std::size_t index : indexes) {
      if (index != expected) {
        problems_.push_back({fmt::format("powerdns[{}]", index),
                             fmt::format("there is no powerdns[{}]; number them without a gap", expected)});
        break;
      }
      ++expected;
    }
    return expected;
  }

  void read_powerdns() {
    if (const auto list = file_.find("powerdns"); list != file_.end() && list->second.kind == RawValue::Kind::kTextList)
      used_.insert("powerdns");  // powerdns = []
    const std::size_t count = count_powerdns();
    std::set<std::string> names;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string prefix = fmt::format("powerdns[{}].", i);
      used_.insert(fmt::format("powerdns[{}]", i));
      PowerDnsConfig& server = out_.config.powerdns.emplace_back();
      const auto check_name = [&](const std::string& name) -> Checked<std::string> {
        if (name.empty())
          return tl::unexpected(std::string("is empty; give each [[powerdns]] a name, it labels logs and metrics"));
        if (!names.insert(name).second)
          return tl::unexpected(fmt::format("\"{}\" is the name of another [[powerdns]]; choose another", name));
        return name;
      };
      text(prefix + "name", i == 0 ? "main" : fmt::format("pdns-{}", i), server.name, check_name);
      text(prefix + "control_socket", "/run/pdns/pdns.controlsocket", server.control_socket,
           [](const std::string& path) {
             return path.empty() ? Checked<std::string>(path) : check_socket_path(path, SocketUse::kConnect);
           });
      text(prefix + "api_url", "http://127.0.0.1:8081", server.api_url, check_api_url);
      read_api_key(prefix, server);
      text(prefix + "quit_orphaned", "no", server.quit_orphaned, check_yes_no);
      if (server.api_url.starts_with("http://") && !url_is_loopback(server.api_url))
        out_.warnings.push_back(
            {prefix + "api_url", fmt::format("\"{}\" is not a loopback address: the API key crosses the "
                                             "network in the clear; use https or 127.0.0.1",
                                             server.api_url)});
      if (server.control_socket.empty())
        problem(prefix + "control_socket", nullptr,
                "is empty, and only over it PowerDNS forgets keys and metadata; set it or remove this [[powerdns]]");
    }
  }

  void read_api_key(const std::string& prefix, PowerDnsConfig& server) {
    const RawValue* direct = find(prefix + "api_key");
    const RawValue* from_file = find(prefix + "api_key_file");
    if (direct != nullptr && from_file != nullptr) {
      if (direct->from_environment == from_file->from_environment)
        return problem(prefix + "api_key", direct, "and api_key_file are both set; remove one of them");
      (direct->from_environment ? from_file : direct) = nullptr;  // environment beats file
    }
    for (const RawValue* value : {direct, from_file})
      if (value != nullptr && value->kind != RawValue::Kind::kText)
        return wrong_kind(prefix + "api_key", *value, "a text in quotes");
    if (direct != nullptr) server.api_key = Secret(direct->text);
    if (direct != nullptr && !direct->from_environment && readable_by_others(out_.file))
      out_.warnings.push_back(
          {prefix + "api_key", fmt::format("\"{}\" holds a key and every user may read it; chmod o-r it, "
                                           "or use api_key_file",
                                           out_.file)});
    if (from_file != nullptr) {
      auto secret = read_secret_file(from_file->text);
      if (!secret) return problem(prefix + "api_key_file", from_file, std::move(secret.error()));
      server.api_key = std::move(*secret);
      if (readable_by_others(from_file->text))
        out_.warnings.push_back(
            {from_file->where, fmt::format("every user may read \"{}\"; chmod o-r it", from_file->text)});
    }
    show(prefix + "api_key", server.api_key.empty() ? "\"\"" : "(set)", direct != nullptr ? direct : from_file);
    show(prefix + "api_key_file", in_quotes(from_file != nullptr ? from_file->text : ""), from_file);
    if (!server.api_url.empty() && server.api_key.empty())
      problem(prefix + "api_key", direct,
              "is not set, and PowerDNS's API needs it; set api_key_file or api_key, or api_url = \"\" to do without");
    if (server.api_key.reveal().find_first_of("\r\n") != std::string::npos)
      problem(prefix + "api_key", direct, "has a line break in it; a key is one line");
  }

  void report_unknown() {
    std::vector<std::string> known = kKeys;
    for (const std::string& key : kPowerDnsKeys) known.push_back("powerdns[]." + key);
    for (const std::string& key : target_pool_keys()) known.push_back(key);
    for (const auto& [key, value] : file_) {
      if (used_.count(key) != 0 || is_target_pool_key(key) || is_program_key(key)) continue;
      if (value.kind == RawValue::Kind::kSection && is_section(key)) continue;
      std::string pattern = key;
      const std::size_t open = pattern.find('[');
      if (const std::size_t close = pattern.find(']'); open != std::string::npos && close != std::string::npos)
        pattern.erase(open + 1, close - open - 1);
      std::string what = "is not a setting";
      if (key.starts_with("powerdns.")) what += "; [[powerdns]] is a list, write it with two brackets";
      else if (is_section(key)) what += fmt::format(", it is a section; write [{}]", key);
      else if (const auto meant = nearest(pattern, known)) what += fmt::format("; did you mean {}?", *meant);
      else what += "; remove it";
      problem(key, &value, what);
    }
    report_unknown_environment();
  }

  static bool is_section(const std::string& key) {
    return key == "powerdns" || std::any_of(kKeys.begin(), kKeys.end(),
                                            [&](const std::string& known) { return known.starts_with(key + "."); });
  }

  // Other programs of ours and the scripts around them use SDNS_ variables too, so only what looks like a slip is told.
  void report_unknown_environment() {
    std::vector<std::string> names;
    for (const std::string& key : kKeys) names.push_back(environment_name(key));
    for (std::size_t i = 0; i <= out_.config.powerdns.size(); ++i)
      for (const std::string& key : kPowerDnsKeys)
        names.push_back(environment_name(fmt::format("powerdns[{}].{}", i, key)));
    for (const auto& [name, value] : source_.environment) {
      if (std::find(names.begin(), names.end(), name) != names.end()) continue;
      if (const auto meant = nearest(name, names))
        out_.warnings.push_back({name, fmt::format("is not a setting and has no effect; did you mean {}?", *meant)});
    }
  }

  const ConfigSource& source_;
  RawLayer file_;
  RawLayer environment_;
  std::set<std::string> used_;
  std::vector<Problem> problems_;
  LoadedConfig out_;
};

}  // namespace

tl::expected<LoadedConfig, ConfigProblems> load_config(const ConfigSource& source) { return Loader(source).run(); }

}  // namespace sdns::daemon
