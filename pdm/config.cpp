// SPDX-License-Identifier: MIT
#include "pdm/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <set>
#include <utility>

#include "backend/daemon/config_raw.h"

namespace sdns::pdm {
namespace {

using daemon::Problem;
using daemon::RawValue;
using std::chrono::milliseconds;

/// A key of the file, and the names by which the environment says it.
struct Key {
  const char* name;
  std::vector<const char*> also = {};  ///< of the service that this one replaces
};
const std::vector<Key> kKeys = {{"database.url", {"PDM_DATABASE_URL"}},
                                {"database.key_file"},
                                {"listen.address"},
                                {"listen.unix"},
                                {"listen.unix_mode"},
                                {"listen.tls_certificate_file"},
                                {"listen.tls_key_file"},
                                {"listen.max_connections"},
                                {"listen.max_body_octets"},
                                {"listen.request_limit"},
                                {"auth.mode"},
                                {"auth.none_beyond_loopback"},
                                {"auth.credentials_file"},
                                {"auth.first_token"},
                                {"pool.domains", {"DYNADOT_MANAGED_DOMAINS", "DYNADOT_DOMAIN"}},
                                {"pool.nameservers", {"PDM_NAMESERVERS"}},
                                {"pool.nameserver_addresses", {"POOL_DOMAIN_MANAGER_NS_GLUE_IP"}},
                                {"pool.canonical_names"},
                                {"pool.console_names"},
                                {"pool.reserved_names"},
                                {"pool.allow_idn"},
                                {"pool.remove_stale", {"PDM_REAP_STALE_PARENT_WILDCARDS"}},
                                {"times.reservation", {"PDM_RESERVATION_TTL"}},
                                {"times.quarantine"},
                                {"times.first_ds"},
                                {"times.sweeper_interval", {"PDM_SWEEPER_INTERVAL"}},
                                {"times.force_release_grace"},
                                {"ttl.address"},
                                {"ttl.delegation"},
                                {"ttl.ds"},
                                {"ttl.negative"},
                                {"ttl.pool_negative"},
                                {"token_key_file"},
                                {"node.admin"},
                                {"node.served_limit"},
                                {"log.level", {"PDM_LOG_LEVEL"}},
                                {"log.format"}};

// "listen.address" is SDNS_PDM_LISTEN_ADDRESS: the daemon's variables have no PDM in them.
std::string environment_name(std::string_view key) { return "SDNS_PDM_" + daemon::environment_name(key).substr(5); }

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> found;
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of(", \t\n"), text.size());
    if (end != 0) found.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return found;
}

bool is_loopback(const std::string& host) { return host.starts_with("127.") || host == "::1"; }

class Loader {
 public:
  explicit Loader(const ConfigSource& source) : source_(source) {}

  tl::expected<LoadedConfig, daemon::ConfigProblems> run() {
    read_file();
    if (problems_.empty()) {
      read_settings();
      report_unknown();
    }
    if (!problems_.empty())
      return tl::unexpected(
          daemon::ConfigProblems{out_.file.empty() ? "the environment" : out_.file, std::move(problems_)});
    return std::move(out_);
  }

 private:
  void problem(const std::string& where, std::string what) { problems_.push_back({where, std::move(what)}); }

  void read_file() {
    const std::string path = source_.file.value_or(source_.default_file);
    errno = 0;
    std::ifstream in(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    if (!in) {
      if (!source_.file && errno == ENOENT) return;
      out_.file = path;
      return problem("(file)", fmt::format("cannot be read ({}); check the path and its owner", std::strerror(errno)));
    }
    out_.file = path;
    auto layer = daemon::read_toml(text, path);
    if (layer) file_ = std::move(*layer);
    else problems_.push_back(std::move(layer.error()));
  }

  const RawValue* find(const std::string& key) {
    used_.insert(key);
    std::vector<std::string> names = {environment_name(key)};
    for (const Key& known : kKeys)
      if (key == known.name) names.insert(names.end(), known.also.begin(), known.also.end());
    for (const std::string& name : names) {
      const auto set = source_.environment.find(name);
      if (set == source_.environment.end() || set->second.empty()) continue;
      RawValue value{.text = set->second, .from_environment = true, .where = name, .origin = "environment " + name};
      return &environment_.insert_or_assign(key, std::move(value)).first->second;
    }
    const auto in_file = file_.find(key);
    return in_file == file_.end() ? nullptr : &in_file->second;
  }
  void note(const std::string& key, std::string shown, const RawValue* value) {
    out_.settings.push_back({key, std::move(shown), value == nullptr ? "default" : value->origin});
  }
  void wrong(const RawValue& value, std::string_view rule) {
    problem(value.where, fmt::format("takes {}, not {}", rule,
                                     value.kind == RawValue::Kind::kText ? fmt::format("\"{}\"", value.text)
                                                                         : std::string(daemon::kind_name(value.kind))));
  }

  void text(const std::string& key, std::string& to, bool secret = false) {
    const RawValue* value = find(key);
    if (value != nullptr) {
      if (value->kind != RawValue::Kind::kText) return wrong(*value, "a text");
      to = value->text;
    }
    note(key, secret ? (to.empty() ? "\"\"" : "(set)") : fmt::format("\"{}\"", to), value);
  }
  template <class Number>
  void number(const std::string& key, Number& to, std::int64_t least, std::int64_t most) {
    const RawValue* value = find(key);
    if (value != nullptr) {
      std::int64_t given = value->integer;
      const char* end = value->text.data() + value->text.size();
      const bool good =
          value->kind == RawValue::Kind::kInteger || (value->from_environment && !value->text.empty() &&
                                                      std::from_chars(value->text.data(), end, given).ptr == end);
      if (!good || given < least || given > most)
        return wrong(*value, fmt::format("a whole number from {} to {}", least, most));
      to = static_cast<Number>(given);
    }
    note(key, std::to_string(to), value);
  }
  void yes_no(const std::string& key, bool& to) {
    const RawValue* value = find(key);
    if (value != nullptr) {
      const std::string given = trimmed_lower(value->text);
      if (value->kind == RawValue::Kind::kBoolean) to = value->boolean;
      else if (given == "true" || given == "yes" || given == "1") to = true;
      else if (given == "false" || given == "no" || given == "0") to = false;
      else return wrong(*value, "true or false");
    }
    note(key, to ? "true" : "false", value);
  }
  void duration(const std::string& key, milliseconds& to, milliseconds least) {
    const RawValue* value = find(key);
    if (value != nullptr) {
      const auto given = value->kind == RawValue::Kind::kText ? parse_duration(value->text) : std::nullopt;
      if (!given || *given < least)
        return wrong(*value, fmt::format("a time like 30s, 10m or 168h, at least {} ms", least.count()));
      to = *given;
    }
    note(key, fmt::format("\"{}ms\"", to.count()), value);
  }
  void list(const std::string& key, std::vector<std::string>& to) {
    const RawValue* value = find(key);
    if (value != nullptr) {
      if (value->kind == RawValue::Kind::kTextList) to = value->list;
      else if (value->kind == RawValue::Kind::kText) to = split(value->text);
      else return wrong(*value, "a list of texts");
    }
    note(key, fmt::format("[\"{}\"]", fmt::join(to, "\", \"")), value);
  }
  std::string file_text(const std::string& key, const std::string& path) {
    if (path.empty()) return {};
    std::ifstream in(path, std::ios::binary);
    std::string content{std::istreambuf_iterator<char>(in), {}};
    if (!in || content.empty()) problem(key, fmt::format("\"{}\" cannot be read, or is empty", path));
    return content;
  }

  void read_settings() {
    Config& config = out_.config;
    text("database.url", config.database_url);
    text("database.key_file", config.key_file);
    text("token_key_file", config.token_key_file);
    read_listen();
    read_auth();
    read_pools();
    const milliseconds kSecond{1000};
    duration("times.reservation", config.settings.lifetimes.reservation, kSecond);
    duration("times.quarantine", config.settings.lifetimes.quarantine, milliseconds(0));
    duration("times.first_ds", config.settings.lifetimes.first_ds, milliseconds(0));
    duration("times.sweeper_interval", config.sweeper_interval, milliseconds(100));
    // The service that PDM replaces counts this one in hours.
    if (const auto hours = source_.environment.find("POOL_FORCE_RELEASE_GRACE_HOURS");
        hours != source_.environment.end()) {
      int count = 0;
      const char* end = hours->second.data() + hours->second.size();
      if (hours->second.empty() || std::from_chars(hours->second.data(), end, count).ptr != end || count < 0)
        problem(hours->first, fmt::format("takes a number of hours, not \"{}\"", hours->second));
      config.force_release_grace = std::chrono::hours(count);
    }
    duration("times.force_release_grace", config.force_release_grace, milliseconds(0));
    constexpr std::int64_t kWeek = 604'800;
    number("ttl.address", config.settings.ttls.address, 0, kWeek);
    number("ttl.delegation", config.settings.ttls.delegation, 1, kWeek);
    number("ttl.ds", config.settings.ttls.ds, 1, kWeek);
    number("ttl.negative", config.settings.ttls.negative, 1, kWeek);
    number("ttl.pool_negative", config.settings.ttls.pool_negative, 1, kWeek);
    text("node.admin", config.node_admin);
    duration("node.served_limit", config.served_limit, milliseconds(0));
    read_log();
  }

  void read_log() {
    std::string level = "info";
    std::string format = "text";
    text("log.level", level);
    text("log.format", format);
    if (const auto parsed = Log::parse_level(trimmed_lower(level))) out_.config.log_level = *parsed;
    else problem("log.level", to_text(parsed.error()));
    if (const auto parsed = Log::parse_format(format)) out_.config.log_format = *parsed;
    else problem("log.format", to_text(parsed.error()));
  }

  void read_listen() {
    Config::Listen& listen = out_.config.listen;
    // PORT alone is how containers say it: on every address.
    const auto port = source_.environment.find("PORT");
    std::string address =
        port != source_.environment.end() && !port->second.empty() ? "0.0.0.0:" + port->second : "127.0.0.1:8080";
    text("listen.address", address);
    listen.host.clear();
    if (!address.empty()) {
      const auto colon = address.rfind(':');
      std::string host = address.substr(0, colon);
      if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
      unsigned number = 65'536;
      const char* end = address.data() + address.size();
      const bool good = colon != address.npos && colon + 1 < address.size() &&
                        std::from_chars(address.data() + colon + 1, end, number).ptr == end && number <= 65'535;
      if (!good || !dns::IpAddress::parse(host))
        problem("listen.address",
                fmt::format("takes ADDRESS:PORT like 127.0.0.1:8080 or [::1]:8080, not \"{}\"", address));
      listen.host = host;
      listen.port = static_cast<std::uint16_t>(number);
    }
    text("listen.unix", listen.unix_socket);
    std::string mode = "0660";
    text("listen.unix_mode", mode);
    const char* end = mode.data() + mode.size();
    if (mode.empty() || std::from_chars(mode.data(), end, listen.unix_mode, 8).ptr != end || listen.unix_mode > 0777)
      problem("listen.unix_mode", fmt::format("takes an octal mode like 0660, not \"{}\"", mode));
    if (listen.host.empty() && listen.unix_socket.empty())
      problem("listen.address", "is empty, and so is listen.unix; say where to listen");
    std::string certificate;
    std::string key;
    text("listen.tls_certificate_file", certificate);
    text("listen.tls_key_file", key);
    if (certificate.empty() != key.empty())
      problem("listen.tls_key_file", "goes with listen.tls_certificate_file; give both or none");
    listen.tls_certificate = file_text("listen.tls_certificate_file", certificate);
    listen.tls_key = daemon::Secret(file_text("listen.tls_key_file", key));
    number("listen.max_connections", listen.max_connections, 16, 100'000);
    number("listen.max_body_octets", listen.max_body_octets, 1'024, 64 * 1024 * 1024);
    duration("listen.request_limit", listen.request_limit, milliseconds(100));
  }

  void read_auth() {
    AuthOptions& auth = out_.config.auth;
    std::string mode = "token";
    bool none_is_meant = false;
    text("auth.mode", mode);
    yes_no("auth.none_beyond_loopback", none_is_meant);
    text("auth.credentials_file", auth.credentials_file);
    text("auth.first_token", auth.first_token, true);
    constexpr std::size_t kShortestToken = 16;
    if (!auth.first_token.empty() && auth.first_token.size() < kShortestToken)
      problem("auth.first_token", fmt::format("is shorter than {} characters; anybody could guess it", kShortestToken));
    if (mode != "token" && mode != "none") problem("auth.mode", fmt::format("takes token or none, not \"{}\"", mode));
    auth.tokens = mode != "none";
    const std::string& host = out_.config.listen.host;
    if (!auth.tokens && !host.empty() && !is_loopback(host) && !none_is_meant)
      problem("auth.mode",
              fmt::format("is none, and {} is no loopback address: anybody there could take every name away; "
                          "say auth.none_beyond_loopback = true if that is meant",
                          host));
    if (!auth.credentials_file.empty()) {
      const auto parsed = parse_credentials(file_text("auth.credentials_file", auth.credentials_file));
      if (!parsed) problem("auth.credentials_file", to_text(parsed.error()));
    }
    for (std::size_t i = 0;; ++i) {
      const std::string prefix = fmt::format("auth.rules[{}].", i);
      const bool there =
          std::any_of(file_.begin(), file_.end(), [&](const auto& entry) { return entry.first.starts_with(prefix); });
      if (!there) break;
      AuthRule rule;
      std::vector<std::string> networks;
      list(prefix + "verbs", rule.verbs);
      list(prefix + "networks", networks);
      for (const std::string& verb : rule.verbs)
        if (verb != "*" && std::find(scope_verbs().begin(), scope_verbs().end(), verb) == scope_verbs().end())
          problem(prefix + "verbs", fmt::format("has \"{}\"; the verbs are {}", verb, fmt::join(scope_verbs(), ", ")));
      for (const std::string& network : networks) {
        auto parsed = dns::IpNetwork::parse(network);
        if (parsed) rule.networks.push_back(*parsed);
        else problem(prefix + "networks", to_text(parsed.error()));
      }
      if (rule.verbs.empty() || rule.networks.empty())
        problem(prefix + "verbs", "and networks are both needed: the rule would never match");
      auth.rules.push_back(std::move(rule));
    }
  }

  void read_pools() {
    std::vector<std::string> domains;
    std::vector<std::string> servers;
    std::vector<std::string> addresses;
    PoolDomain common;
    list("pool.domains", domains);
    list("pool.nameservers", servers);
    list("pool.nameserver_addresses", addresses);
    list("pool.canonical_names", common.canonical_names);
    list("pool.console_names", common.console_names);
    list("pool.reserved_names", out_.config.reserved_names);
    yes_no("pool.allow_idn", common.allow_idn);
    yes_no("pool.remove_stale", common.remove_stale);
    if (const auto names = ReservedNames::with(out_.config.reserved_names); !names)
      problem("pool.reserved_names", to_text(names.error()));
    for (auto* names : {&common.canonical_names, &common.console_names})
      for (std::string& name : *names) {
        name = trimmed_lower(name);
        if (name != "@" && name != "*" && label_problem(name, true))
          problem("pool.canonical_names", fmt::format("\"{}\" is no label, @ or *", name));
      }
    std::vector<dns::IpAddress> glue;
    for (const std::string& address : addresses) {
      auto parsed = dns::IpAddress::parse(address);
      if (parsed) glue.push_back(*parsed);
      else problem("pool.nameserver_addresses", to_text(parsed.error()));
    }
    if (domains.empty()) problem("pool.domains", "is empty; name the zones that subdomains are given out of");
    if (servers.empty()) problem("pool.nameservers", "is empty; name the servers that zones are delegated to");
    for (const std::string& domain : domains) {
      PoolDomain pool = common;
      pool.name = trimmed_lower(domain);
      if (pool.name.ends_with('.')) pool.name.pop_back();
      auto apex = dns::Name::parse(pool.name);
      constexpr std::size_t kLongestApex = 150;  // so that names below zones below it fit
      if (!apex || apex->is_root() || apex->wire().size() > kLongestApex) {
        problem("pool.domains", fmt::format("\"{}\" is no zone that names could be given out of", domain));
        continue;
      }
      pool.apex = *apex;
      std::size_t inside = 0;
      for (const std::string& server : servers) {
        auto name = dns::Name::parse(trimmed_lower(server));
        if (!name || name->is_root()) {
          problem("pool.nameservers", fmt::format("\"{}\" is no host name", server));
          continue;
        }
        NameServer one{*name, {}};
        // With one address every server inside has it; with as many as servers each has its own.
        if (name->at_or_below(pool.apex) && !glue.empty()) {
          if (glue.size() == 1 || inside >= glue.size()) one.addresses = {glue.front()};
          else one.addresses = {glue[inside]};
          ++inside;
        }
        if (name->at_or_below(pool.apex) && glue.empty())
          problem("pool.nameserver_addresses",
                  fmt::format("is empty, and {} is in the pool domain {}: nobody could find it", server, pool.name));
        pool.nameservers.push_back(std::move(one));
      }
      if (out_.config.settings.pool_domain(pool.name) == nullptr)
        out_.config.settings.pool_domains.push_back(std::move(pool));
    }
  }

  void report_unknown() {
    std::vector<std::string> known;
    for (const Key& key : kKeys) known.emplace_back(key.name);
    const auto unknown = [&](const std::string& where, const std::string& key) {
      const auto meant = daemon::nearest(key, known);
      problem(where, meant ? fmt::format("is no setting; {} is", *meant) : "is no setting");
    };
    for (const auto& [key, value] : file_)
      if (!used_.contains(key) && value.kind != RawValue::Kind::kSection) unknown(key, key);
    std::set<std::string> names;
    for (const std::string& key : used_) names.insert(environment_name(key));
    for (const auto& [name, value] : source_.environment)
      if (name.starts_with("SDNS_PDM_") && !names.contains(name)) problem(name, "is no setting");
  }

  const ConfigSource& source_;
  LoadedConfig out_;
  std::vector<Problem> problems_;
  daemon::RawLayer file_;
  daemon::RawLayer environment_;
  std::set<std::string> used_;
};

}  // namespace

std::optional<milliseconds> parse_duration(std::string_view text) {
  if (text == "0") return milliseconds(0);
  double total = 0;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    if (error != std::errc() || value < 0) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    static constexpr std::pair<std::string_view, double> kUnits[] = {
        {"ms", 1}, {"s", 1e3}, {"m", 60e3}, {"h", 3600e3}, {"d", 86'400e3}};
    const auto* unit = std::find_if(std::begin(kUnits), std::end(kUnits),
                                    [&](const auto& one) { return text.starts_with(one.first); });
    if (unit == std::end(kUnits)) return std::nullopt;
    text.remove_prefix(unit->first.size());
    total += value * unit->second;
  }
  constexpr double kLongest = 10.0 * 366 * 86'400e3;
  if (total > kLongest) return std::nullopt;
  return milliseconds(static_cast<std::int64_t>(total));
}

tl::expected<LoadedConfig, daemon::ConfigProblems> load_config(const ConfigSource& source) {
  return Loader(source).run();
}

}  // namespace sdns::pdm
