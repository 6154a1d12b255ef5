// SPDX-License-Identifier: MIT
#include "lua/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <lua.hpp>
#include <utility>

#include "lua/meter.h"

namespace sdns::lua {
namespace {

constexpr std::array<std::pair<std::string_view, Selector>, 10> kSelectors = {{
    {"random", Selector::kRandom},
    {"all", Selector::kAll},
    {"hashed", Selector::kHashed},
    {"pickclosest", Selector::kClosest},
    {"pickfirst", Selector::kFirst},
    {"empty", Selector::kEmpty},
    {"pickwrandom", Selector::kWeightedRandom},
    {"pickwhashed", Selector::kWeightedHashed},
    {"picknamehashed", Selector::kNameHashed},
    {"pickchashed", Selector::kConsistentHashed},
}};

constexpr std::uint64_t kStepsPerOption = 20;

// As C's atoi: the digits in front; what has none is 0.
std::int64_t leading_number(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
  const bool negative = at < text.size() && text[at] == '-';
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
  std::int64_t value = 0;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at)
    value = std::min<std::int64_t>(value * 10 + (text[at] - '0'), 1'000'000'000'000);
  return negative ? -value : value;
}

std::string_view text_at(lua_State* state, int index) {
  if (lua_type(state, index) == LUA_TBOOLEAN) return lua_toboolean(state, index) != 0 ? "true" : "false";
  std::size_t size = 0;
  const char* text = lua_tolstring(state, index, &size);
  return {text, size};
}
bool has_text(lua_State* state, int index) {
  const int type = lua_type(state, index);
  return type == LUA_TSTRING || type == LUA_TNUMBER || type == LUA_TBOOLEAN;
}

}  // namespace

std::optional<Selector> parse_selector(std::string_view text) {
  for (const auto& [name, selector] : kSelectors)
    if (name == text) return selector;
  return std::nullopt;
}

void Options::clear() { *this = Options{}; }

void Options::remark(std::string text) {
  if (remarks.size() < kMostRemarks) remarks.push_back(std::move(text));
}

bool Options::add_fallback(std::string_view address, std::string& error) {
  if (address.size() > kMostOctets)
    return error = fmt::format("a fallback has more than {} octets", kMostOctets), false;
  if (fallback.size() >= kMostFallbacks)
    return error = fmt::format("there are more than {} fallbacks", kMostFallbacks), false;
  fallback.emplace_back(address);
  return true;
}

bool Options::set(std::string_view name, std::string_view value, std::string& error) {
  if (name.size() > kMostOctets || value.size() > kMostOctets)
    return error = fmt::format("the option {} has more than {} octets", name.substr(0, 100), kMostOctets), false;
  const auto number = [&](std::uint32_t& out, std::int64_t least, std::int64_t most) {
    const std::int64_t read = leading_number(value);
    if (read < least || read > most)
      remark(fmt::format("{}={} is not from {} to {}: {} is used", name, value, least, most, out));
    else out = static_cast<std::uint32_t>(read);
    return true;
  };
  const auto selector_value = [&](Selector& out) {
    const auto parsed = parse_selector(value);
    if (!parsed) remark(fmt::format("{}={} is not known: random is used", name, value));
    out = parsed.value_or(Selector::kRandom);
    return true;
  };
  if (name == "selector") {
    has_selector = true;
    return selector_value(selector);
  }
  if (name == "backupSelector") {
    has_backup_selector = true;
    return selector_value(backup_selector);
  }
  if (name == "timeout") return number(check.timeout_seconds, 1, 3600);
  if (name == "interval") return number(check.interval_seconds, 1, 86'400);
  if (name == "minimumFailures") return number(check.minimum_failures, 1, 1000);
  if (name == "httpcode") return number(check.httpcode, 100, 999);
  if (name == "byteslimit") {
    check.byteslimit = static_cast<std::uint64_t>(std::max<std::int64_t>(0, leading_number(value)));
    return true;
  }
  if (name == "stringmatch") return check.stringmatch = value, true;
  if (name == "useragent") return check.useragent = value, true;
  if (name == "failOnIncompleteCheck") return fail_on_incomplete = value == "true", true;
  if (name == "source") {
    const auto address = dns::IpAddress::parse(value);
    if (!address) return error = fmt::format("source={}: {}", value, address.error().what), false;
    check.source = *address;
    return true;
  }
  if (name == "url") return url = value, true;
  if (name == "port") {
    const std::int64_t read = leading_number(value);
    if (read < 1 || read > 65'535) return error = fmt::format("port={} is not from 1 to 65535", value), false;
    port = static_cast<std::uint16_t>(read);
    return true;
  }
  if (name == "minhealthy") {
    min_healthy_is_percent = value.ends_with('%');
    return number(min_healthy, 0, min_healthy_is_percent ? 100 : 1'000'000);
  }
  if (name == "alldown") {
    constexpr std::array<std::pair<std::string_view, AllDown>, 6> kPolicies = {{{"all", AllDown::kAll},
                                                                                {"first", AllDown::kFirst},
                                                                                {"random", AllDown::kRandom},
                                                                                {"none", AllDown::kNone},
                                                                                {"lastgood", AllDown::kLastGood},
                                                                                {"fallback", AllDown::kFallback}}};
    for (const auto& [text, policy] : kPolicies)
      if (text == value) return all_down = policy, true;
    return error = fmt::format("alldown={}: use all, first, random, none, lastgood, or a list of addresses", value),
           false;
  }
  if (name == "fallback") {
    for (std::size_t at = 0; at < value.size();) {
      const std::size_t end = std::min(value.find_first_of(" ,", at), value.size());
      if (end > at && !add_fallback(value.substr(at, end - at), error)) return false;
      at = end + 1;
    }
    return true;
  }
  if (name == "plannedttl") {
    if (value != "true" && value != "false")
      return error = fmt::format("plannedttl={}: use true or false", value), false;
    planned_ttl = value == "true";
    return true;
  }
  if (name == "distance") {
    if (value != "planar" && value != "greatcircle")
      return error = fmt::format("distance={}: use planar or greatcircle", value), false;
    distance = value == "planar" ? Distance::kPlanar : Distance::kGreatCircle;
    return true;
  }
  if (name == "unknownlocation") {
    if (value != "zero" && value != "last")
      return error = fmt::format("unknownlocation={}: use zero or last", value), false;
    unknown_location_last = value == "last";
    return true;
  }
  if (name == "exec") {
    if (!from_pool_) return error = "exec: records have no programs run; an operator's target pool may name one", false;
    return check.program = value, true;
  }
  if (name == "checks") return error = "checks must be a list of tables, as in {{port=443}}", false;
  if (name == "rule") {
    const auto read = health::parse_check_rule(value, health::kMaxPoolChecks + 1);
    if (!read) return error = fmt::format("rule {}; {}", read.error().what, read.error().hint), false;
    return rule = *read, has_rule = true;
  }
  if (name == "probe") {
    const auto address = dns::IpAddress::parse(value);
    if (!address) return error = fmt::format("probe={}: {}", value, address.error().what), false;
    probe = *address;
    return true;
  }
  const auto ours = health::set_our_option(name, value, check);
  if (!ours) return error = fmt::format("{} {}; {}", name, ours.error().what, ours.error().hint), false;
  if (!*ours) remark(fmt::format("the option {} is not known and has no effect", name));
  return true;
}

void Options::remark_on_idle_options() {
  static const health::CheckOptions usual;
  if (check.thresholds && check.minimum_failures != usual.minimum_failures)
    remark("minimumFailures has no effect beside thresholds of ours (fall, rise, initial …)");
  if (!check.codes.empty() && check.httpcode != usual.httpcode) remark("httpcode has no effect beside codes");
  if (check.method == "HEAD" && !check.stringmatch.empty())
    remark("method=HEAD brings no body: stringmatch is never found");
  if (check.dns_name && !url.empty()) remark("dns has no effect beside url");
}

Options Options::entry_like_this() const {
  Options entry;
  entry.check = check;
  entry.check.dns_name.reset();
  entry.check.program.clear();
  return entry;
}

bool Options::set_of_check(std::string_view name, std::string_view value, std::string& error) {
  const auto names = health::check_option_names();
  const auto all = health::pool_option_names();
  const auto among = [name](const auto& list) { return std::find(list.begin(), list.end(), name) != list.end(); };
  if ((among(all) && !among(names)) || name == "probe")
    return error = fmt::format("{} is no option of one check: it is for all of them", name), false;
  return set(name, value, error);
}

bool Options::add_further(const Options& entry, std::string& error) {
  FurtherCheck made;
  made.check = entry.check;
  made.url = entry.url;
  made.port = entry.port.value_or(0);
  made.own_port = entry.port.has_value();
  if (!entry.url.empty()) {
    made.kind = health::CheckKind::kUrl;
  } else if (entry.check.dns_name) {
    made.kind = health::CheckKind::kDns;
    if (!made.own_port) made.port = health::kDnsPort;
  } else if (!entry.check.program.empty()) {
    made.kind = health::CheckKind::kExec;
  } else if (!made.own_port) {
    return error = fmt::format("check {} asks nothing: say what in url, port or dns", further.size() + 1), false;
  }
  if (further.size() >= health::kMaxPoolChecks)
    return error = fmt::format("there are more than {} checks", health::kMaxPoolChecks), false;
  further.push_back(std::move(made));
  return true;
}

bool Options::settle(std::size_t own, std::string& error) {
  if (pool_) {
    for (const health::PoolOptions& options : pool_->checks) {
      Options entry = entry_like_this();
      entry.from_pool_ = true;
      if (options.contains("exec")) {
        entry.check = of_pool_;
        entry.check.program.clear();
        entry.check.dns_name.reset();
      }
      if (!entry.take(options, error) || !add_further(entry, error)) return false;
    }
    pool_ = nullptr;
  }
  if (programs_ && (probe || !probes.empty())) {
    const bool runs = !check.program.empty() || std::any_of(further.begin(), further.end(), [](const auto& one) {
      return one.kind == health::CheckKind::kExec;
    });
    if (runs) return error = "probe: the pool has a program run, for the targets that the pool says", false;
  }
  const std::size_t count = own + further.size();
  if (rule.kind == health::CheckRule::Kind::kAtLeast && rule.least > count)
    return error = fmt::format("rule={}: there are {} checks", rule.least, count), false;
  if (has_rule && count < 2) remark("rule has no effect with fewer than two checks");
  return true;
}

bool Options::take(const health::TargetPool& pool, std::string& error) {
  from_pool_ = true;
  const bool taken = take(pool.options, error);
  from_pool_ = false;
  pool_ = pool.checks.empty() ? nullptr : &pool;
  programs_ = !check.program.empty() || std::any_of(pool.checks.begin(), pool.checks.end(),
                                                    [](const auto& options) { return options.contains("exec"); });
  if (programs_) {
    of_pool_ = check;
    port_of_pool_ = port.value_or(0);
  }
  return taken;
}

bool Options::take(const health::PoolOptions& options, std::string& error) {
  return std::all_of(options.begin(), options.end(),
                     [&](const auto& option) { return set(option.first, option.second, error); });
}

bool Options::take(lua_State* state, int index, std::string& error) {
  if (lua_isnoneornil(state, index)) return true;
  if (!lua_istable(state, index))
    return error = fmt::format("the options must be a table, not a {}", luaL_typename(state, index)), false;
  bool has_checks = false;
  Meter& meter = meter_of(state);
  lua_pushnil(state);
  while (lua_next(state, index) != 0) {
    if (!meter.spend(kStepsPerOption)) return false;
    if (lua_type(state, -2) != LUA_TSTRING)
      return error = "an option has no name: options are written {name='value'}", false;
    const std::string_view name = text_at(state, -2);
    bool taken = false;
    if (has_text(state, -1)) {
      taken = set(name, text_at(state, -1), error);
    } else if (lua_istable(state, -1) && name == "headers") {
      taken = take_headers(state, lua_gettop(state), error);
    } else if (lua_istable(state, -1) && (name == "alldown" || name == "fallback")) {
      taken = take_fallback(state, lua_gettop(state), error);
    } else if (lua_istable(state, -1) && name == "probe") {
      taken = take_probes(state, lua_gettop(state), error);
    } else if (lua_istable(state, -1) && name == "checks") {
      taken = true;  // when all options are known that they go on from
      has_checks = true;
    } else {
      error = fmt::format("the option {} cannot be a {}", name, luaL_typename(state, -1));
    }
    if (!taken) return false;
    lua_pop(state, 1);
  }
  if (has_checks) {
    pool_ = nullptr;
    lua_pushliteral(state, "checks");
    lua_rawget(state, index);
    if (!take_checks(state, lua_gettop(state), error)) return false;
    lua_pop(state, 1);
  }
  remark_on_idle_options();
  return true;
}

// A list of options tables.
bool Options::take_checks(lua_State* state, int index, std::string& error) {
  const auto count = static_cast<int>(lua_objlen(state, index));
  for (int i = 1; i <= count; ++i) {
    lua_rawgeti(state, index, i);
    // Not on the stack: a Lua error, as of memory, would jump over it.
    entry_ = std::make_unique<Options>(entry_like_this());
    if (!lua_istable(state, -1))
      return error = fmt::format("checks must be a list of tables, as in {{{{port=443}}}}; it has a {}",
                                 luaL_typename(state, -1)),
             false;
    if (!entry_->take_check(state, lua_gettop(state), error)) return false;
    entry_->remark_on_idle_options();
    for (const std::string& text : entry_->remarks) remark(fmt::format("check {}: {}", i, text));
    if (!add_further(*entry_, error)) return false;
    lua_pop(state, 1);
  }
  if (count == 0) remark("checks is an empty list");
  return true;
}

bool Options::take_check(lua_State* state, int index, std::string& error) {
  lua_pushnil(state);
  while (lua_next(state, index) != 0) {
    if (!meter_of(state).spend(kStepsPerOption)) return false;
    if (lua_type(state, -2) != LUA_TSTRING)
      return error = "an option of a check has no name: options are written {name='value'}", false;
    const std::string_view name = text_at(state, -2);
    bool taken = false;
    if (has_text(state, -1)) taken = set_of_check(name, text_at(state, -1), error);
    else if (lua_istable(state, -1) && name == "headers") taken = take_headers(state, lua_gettop(state), error);
    else error = fmt::format("the option {} of a check cannot be a {}", name, luaL_typename(state, -1));
    if (!taken) return false;
    lua_pop(state, 1);
  }
  return true;
}

// {['address that is answered']='address that is probed'}
bool Options::take_probes(lua_State* state, int index, std::string& error) {
  lua_pushnil(state);
  while (lua_next(state, index) != 0) {
    if (!meter_of(state).spend(kStepsPerOption)) return false;
    if (lua_type(state, -2) != LUA_TSTRING || !has_text(state, -1))
      return error = "probe must be an address, or a table {['address']='address to probe'}", false;
    const auto answered = dns::IpAddress::parse(text_at(state, -2));
    const auto probed = dns::IpAddress::parse(text_at(state, -1));
    if (!answered || !probed)
      return error = fmt::format("probe: {}", answered ? probed.error().what : answered.error().what), false;
    if (probes.size() >= kMostProbes) return error = fmt::format("probe has more than {} entries", kMostProbes), false;
    probes[*answered] = *probed;
    lua_pop(state, 1);
  }
  return true;
}

// In names `_` stands for `-`, which a Lua name cannot have.
bool Options::take_headers(lua_State* state, int index, std::string& error) {
  std::size_t octets = 0;
  lua_pushnil(state);
  while (lua_next(state, index) != 0) {
    if (lua_type(state, -2) != LUA_TSTRING || !has_text(state, -1))
      return error = "headers must be a table of names and texts", false;
    const std::string_view value = text_at(state, -1);
    octets += value.size() + text_at(state, -2).size();
    if (check.headers.size() >= kMostHeaders || octets > kMostOctets)
      return error = fmt::format("the headers are more than {}, or more than {} octets", kMostHeaders, kMostOctets),
             false;
    std::string header(text_at(state, -2));
    std::replace(header.begin(), header.end(), '_', '-');
    check.headers[std::move(header)] = value;
    lua_pop(state, 1);
  }
  return true;
}

bool Options::take_fallback(lua_State* state, int index, std::string& error) {
  all_down = AllDown::kFallback;
  lua_pushnil(state);
  while (lua_next(state, index) != 0) {
    if (!has_text(state, -1)) return error = "a fallback is a list of addresses", false;
    if (!add_fallback(text_at(state, -1), error)) return false;
    lua_pop(state, 1);
  }
  return true;
}

}  // namespace sdns::lua
