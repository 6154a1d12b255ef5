// SPDX-License-Identifier: MIT
#include "backend/store/postgres_target.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "backend/base/owned.h"

namespace sdns::store {
namespace {

using PgOptions = Owned<PQconninfoOption, PQconninfoFree>;
using PgText = Owned<char, PQfreemem>;
using Settings = std::map<std::string, std::string, std::less<>>;

constexpr std::chrono::seconds kMostConnect{60};
constexpr std::pair<std::string_view, std::string_view> kDeadPeer[] = {
    {"keepalives_idle", "30"}, {"keepalives_interval", "10"}, {"keepalives_count", "3"}, {"tcp_user_timeout", "60000"}};

std::vector<std::string> list_of(const Settings& settings, std::string_view key) {
  std::vector<std::string> list;
  const auto found = settings.find(key);
  if (found == settings.end()) return list;
  std::string_view text = found->second;
  for (;;) {
    const auto comma = text.find(',');
    list.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return list;
    text.remove_prefix(comma + 1);
  }
}

std::string value_of(const Settings& settings, std::string_view key) {
  const auto found = settings.find(key);
  return found == settings.end() ? std::string() : found->second;
}

// libpq's words without what it quotes: the URL, or a part of it that may be one of a password.
std::string without_quotes(std::string_view message) {
  message = message.substr(0, message.find('"'));
  while (!message.empty() && (message.back() == '\n' || message.back() == ' ' || message.back() == ':'))
    message.remove_suffix(1);
  return std::string(message);
}

Result<Settings> settings_of(const std::string& url) {
  char* raw_message = nullptr;
  const PgOptions options(PQconninfoParse(url.c_str(), &raw_message));
  const PgText message(raw_message);
  if (!options)
    return fail(Errc::kInvalidArgument,
                fmt::format("the database URL is not a PostgreSQL connection URI: {}",
                            without_quotes(message ? message.get() : "out of memory")),
                "write postgresql://user@host:5432/database, with the password in a .pgpass file");
  Settings settings;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option)
    if (option->val != nullptr) settings[option->keyword] = option->val;
  return settings;
}

std::string label_of(const Settings& settings) {
  if (const std::string service = value_of(settings, "service"); !service.empty())
    return fmt::format("postgresql:///?service={}", service);
  auto hosts = list_of(settings, "host");
  if (hosts.empty()) hosts = list_of(settings, "hostaddr");
  const auto ports = list_of(settings, "port");
  std::string text;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    if (i > 0) text += ',';
    const bool v6 = hosts[i].find(':') != std::string::npos;
    text += v6 ? fmt::format("[{}]", hosts[i]) : hosts[i];
    const std::string port = ports.size() > i ? ports[i] : ports.size() == 1 ? ports[0] : std::string();
    if (!port.empty()) text += ':' + port;
  }
  return fmt::format("postgresql://{}/{}", text, value_of(settings, "dbname"));
}

// One setting list for each host, as the asynchronous way to connect would stay with a host that says nothing.
Result<std::vector<Settings>> by_host(const Settings& settings) {
  const auto hosts = list_of(settings, "host");
  const auto addresses = list_of(settings, "hostaddr");
  const auto ports = list_of(settings, "port");
  const std::size_t count = std::max(hosts.size(), addresses.size());
  if (count < 2) return std::vector<Settings>{settings};
  if ((!hosts.empty() && !addresses.empty() && hosts.size() != addresses.size()) ||
      (ports.size() > 1 && ports.size() != count))
    return fail(Errc::kInvalidArgument, "the database URL has another number of hosts than of addresses or ports",
                "give one for each host, or one port for all");
  std::vector<Settings> each(count, settings);
  for (std::size_t i = 0; i < count; ++i) {
    if (!hosts.empty()) each[i]["host"] = hosts[i];
    if (!addresses.empty()) each[i]["hostaddr"] = addresses[i];
    if (ports.size() > 1) each[i]["port"] = ports[i];
  }
  if (value_of(settings, "target_session_attrs") != "prefer-standby") return each;
  std::vector<Settings> twice = each;
  for (Settings& one : twice) one["target_session_attrs"] = "standby";
  for (Settings& one : each) one["target_session_attrs"] = "any";
  twice.insert(twice.end(), each.begin(), each.end());
  return twice;
}

}  // namespace

bool is_postgres_url(std::string_view url) {
  return url.starts_with("postgresql://") || url.starts_with("postgres://");
}

Result<PostgresTarget> parse_postgres_url(std::string_view url) {
  if (!is_postgres_url(url) || url.find('\0') != std::string_view::npos)
    return fail(Errc::kInvalidArgument, "the database URL does not begin with postgresql://",
                "write postgresql://user@host:5432/database");
  auto settings = settings_of(std::string(url));
  if (!settings) return fail(settings.error());
  PostgresTarget target;
  target.label = label_of(*settings);
  if (const std::string limit = value_of(*settings, "connect_timeout"); !limit.empty()) {
    int seconds = 0;
    const auto [end, error] = std::from_chars(limit.data(), limit.data() + limit.size(), seconds);
    if (error != std::errc{} || end != limit.data() + limit.size())
      return fail(Errc::kInvalidArgument, "connect_timeout in the database URL is not a number of seconds");
    target.connect_limit =
        seconds <= 0 ? kMostConnect : std::min(std::chrono::seconds(seconds), std::chrono::seconds(kMostConnect));
  }
  if (!settings->contains("service"))
    for (const auto& [key, value] : kDeadPeer) settings->try_emplace(std::string(key), value);
  settings->try_emplace("fallback_application_name", "sovereign-dns");
  (*settings)["client_encoding"] = "UTF8";
  const auto hosts = by_host(*settings);
  if (!hosts) return fail(hosts.error());
  for (const Settings& one : *hosts) target.attempts.emplace_back(one.begin(), one.end());
  return target;
}

}  // namespace sdns::store
