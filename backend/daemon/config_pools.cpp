// SPDX-License-Identifier: MIT
#include "backend/daemon/config_pools.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>
#include <map>
#include <optional>

#include "backend/base/json_text.h"

namespace sdns::daemon {
namespace {

constexpr std::string_view kPools = "target_pool";
constexpr std::array<std::string_view, 9> kMemberKeys = {"name",     "address",   "weight",  "group", "region",
                                                         "latitude", "longitude", "enabled", "probe"};

using Kind = RawValue::Kind;
using Keys = std::map<std::string, const RawValue*, std::less<>>;

struct RawPool {
  Keys keys;
  std::map<std::size_t, Keys> members;
  std::map<std::size_t, Keys> checks;
};

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  append_json_escaped(out, text);
  return out + '"';
}

std::string shown(const RawValue& value) {
  switch (value.kind) {
    case Kind::kText:
      return in_quotes(value.text);
    case Kind::kInteger:
      return std::to_string(value.integer);
    case Kind::kNumber:
      return fmt::format("{}", value.number);
    case Kind::kBoolean:
      return value.boolean ? "true" : "false";
    case Kind::kTextList: {
      std::string list;
      for (const std::string& one : value.list) list += (list.empty() ? "" : ", ") + in_quotes(one);
      return "[" + list + "]";
    }
    default:
      return {};
  }
}

// `[12]` at the start of `rest`, which then begins after it.
std::optional<std::size_t> take_index(std::string_view& rest) {
  std::size_t index = 0;
  if (!rest.starts_with('[')) return std::nullopt;
  const auto [stopped, error] = std::from_chars(rest.data() + 1, rest.data() + rest.size(), index);
  if (error != std::errc{} || stopped == rest.data() + rest.size() || *stopped != ']') return std::nullopt;
  rest.remove_prefix(static_cast<std::size_t>(stopped - rest.data()) + 1);
  return index;
}

class PoolReader {
 public:
  PoolsRead run(const RawLayer& layer) {
    for (const auto& [key, value] : layer)
      if (is_target_pool_key(key)) sort_in(key, value);
    std::map<std::string, std::size_t> names;
    for (const auto& [index, raw] : pools_) {
      read_pool(fmt::format("{}[{}]", kPools, index), raw);
      const std::string& name = out_.pools.back().name;
      const auto [other, first] = names.emplace(name, index);
      if (!first && !name.empty())
        problem(fmt::format("{}[{}].name", kPools, index), raw.keys.find("name")->second,
                fmt::format("\"{}\" is the name of {}[{}] too", name, kPools, other->second),
                "remove or rename one of the two");
    }
    return std::move(out_);
  }

 private:
  void sort_in(std::string_view key, const RawValue& value) {
    std::string_view rest = key.substr(kPools.size());
    const auto pool = take_index(rest);
    if (!pool) {
      const bool empty_list = rest.empty() && value.kind == Kind::kTextList && value.list.empty();
      if (!empty_list)
        problem(std::string(key), &value, "is no list of target pools", "write [[target_pool]] with two brackets");
      return;
    }
    RawPool& raw = pools_[*pool];
    if (rest.empty()) return;  // a section without keys
    rest.remove_prefix(1);
    const auto is_list = [rest](std::string_view name) {
      return rest.starts_with(name) &&
             (rest.size() == name.size() || rest[name.size()] == '[' || rest[name.size()] == '.');
    };
    if (is_list("member")) return sort_in_list(key, value, rest, "member", raw.members);
    if (is_list("check")) return sort_in_list(key, value, rest, "check", raw.checks);
    raw.keys.emplace(rest, &value);
  }

  void sort_in_list(std::string_view key, const RawValue& value, std::string_view rest, std::string_view name,
                    std::map<std::size_t, Keys>& list) {
    rest.remove_prefix(name.size());
    const auto index = take_index(rest);
    if (!index) {
      const bool empty_list = rest.empty() && value.kind == Kind::kTextList && value.list.empty();
      if (!empty_list)
        problem(std::string(key), &value, fmt::format("is no list of {}s", name),
                fmt::format("write [[target_pool.{}]] with two brackets", name));
      return;
    }
    Keys& keys = list[*index];
    if (!rest.empty()) keys.emplace(rest.substr(1), &value);
  }

  void problem(std::string where, const RawValue* value, std::string_view what, std::string_view hint) {
    std::string text = fmt::format("{}; {}", what, hint);
    if (value != nullptr && value->line != 0) text += fmt::format(" (line {})", value->line);
    out_.problems.push_back({std::move(where), std::move(text)});
  }

  void wrong_kind(const std::string& where, const RawValue& value, std::string_view expected) {
    problem(where, &value, fmt::format("is {}", kind_name(value.kind)), fmt::format("write {}", expected));
  }

  void show(const std::string& where, const RawValue& value) {
    out_.settings.push_back({where, shown(value), value.origin});
  }

  void read_pool(const std::string& path, const RawPool& raw) {
    health::TargetPool& pool = out_.pools.emplace_back();
    bool named = false;
    for (const auto& [key, value] : raw.keys) {
      const std::string where = fmt::format("{}.{}", path, key);
      show(where, *value);
      if (key != "name") {
        if (auto text = option_text(where, *value)) pool.options.emplace(key, std::move(*text));
      } else if (value->kind == Kind::kText) {
        named = true;
        pool.name = value->text;
      } else {
        wrong_kind(where, *value, "a text in quotes");
      }
    }
    if (!raw.keys.contains("name")) problem(path + ".name", nullptr, "is missing", "records name the pool by it");
    for (const auto& [index, keys] : raw.checks) {
      health::PoolOptions& check = pool.checks.emplace_back();
      for (const auto& [key, value] : keys) {
        const std::string where = fmt::format("{}.check[{}].{}", path, index, key);
        show(where, *value);
        if (auto text = option_text(where, *value)) check.emplace(key, std::move(*text));
      }
    }
    std::vector<std::string> members;  // paths of what came into the pool
    for (const auto& [index, keys] : raw.members) {
      const std::string at = fmt::format("{}.member[{}]", path, index);
      if (read_member(at, keys, pool)) members.push_back(at);
    }
    if (raw.members.empty())
      out_.warnings.push_back({path, "has no [[target_pool.member]], so that records which name it have no answer"});
    for (const health::PoolProblem& found : health::pool_problems(pool)) {
      if (!found.member && found.key == "name" && !named) continue;  // told above
      const std::string owner = found.member  ? members[*found.member]
                                : found.check ? fmt::format("{}.check[{}]", path, *found.check)
                                              : path;
      const std::string where = found.key.empty() ? owner : fmt::format("{}.{}", owner, found.key);
      problem(where, value_at(raw, where, path), found.what, found.hint);
    }
  }

  // The value at a path below the pool; null when the file does not have it.
  static const RawValue* value_at(const RawPool& raw, std::string_view where, const std::string& path) {
    std::string_view rest = where.substr(std::min(path.size() + 1, where.size()));
    const Keys* keys = &raw.keys;
    for (const auto& [name, list] : {std::pair("member", &raw.members), std::pair("check", &raw.checks)}) {
      if (!rest.starts_with(std::string(name) + '[')) continue;
      rest.remove_prefix(std::string_view(name).size());
      const auto index = take_index(rest);
      const auto one = index ? list->find(*index) : list->end();
      if (one == list->end() || rest.empty()) return nullptr;
      keys = &one->second;
      rest.remove_prefix(1);
      break;
    }
    const auto found = keys->find(rest);
    return found == keys->end() ? nullptr : found->second;
  }

  std::optional<std::string> option_text(const std::string& where, const RawValue& value) {
    switch (value.kind) {
      case Kind::kText:
        return value.text;
      case Kind::kInteger:
      case Kind::kNumber:
      case Kind::kBoolean:
        return shown(value);
      case Kind::kTextList:
        return fmt::format("{}", fmt::join(value.list, " "));
      default:
        wrong_kind(where, value, "a text in quotes");
        return std::nullopt;
    }
  }

  template <class T>
  void text(const std::string& path, const Keys& keys, const char* key, T& out) {
    const auto found = keys.find(key);
    if (found == keys.end()) return;
    if (found->second->kind == Kind::kText) out = found->second->text;
    else wrong_kind(fmt::format("{}.{}", path, key), *found->second, "a text in quotes");
  }

  void count(const std::string& path, const Keys& keys, const char* key, std::uint32_t& out) {
    const auto found = keys.find(key);
    if (found == keys.end()) return;
    const RawValue& value = *found->second;
    const std::string where = fmt::format("{}.{}", path, key);
    if (value.kind != Kind::kInteger) return wrong_kind(where, value, "a whole number without quotes");
    if (value.integer < 0 || value.integer > std::numeric_limits<std::uint32_t>::max())
      return problem(where, &value, fmt::format("{} is out of range", value.integer), "it is at least 0");
    out = static_cast<std::uint32_t>(value.integer);
  }

  void degrees(const std::string& path, const Keys& keys, const char* key, std::optional<double>& out) {
    const auto found = keys.find(key);
    if (found == keys.end()) return;
    const RawValue& value = *found->second;
    if (value.kind == Kind::kNumber) out = value.number == 0 ? 0.0 : value.number;
    else if (value.kind == Kind::kInteger) out = static_cast<double>(value.integer);
    else wrong_kind(fmt::format("{}.{}", path, key), value, "a number of degrees without quotes");
  }

  // False when the member is not in the pool; what is wrong was told.
  bool read_member(const std::string& path, const Keys& keys, health::TargetPool& pool) {
    const std::size_t problems = out_.problems.size();
    const std::vector<std::string> known(kMemberKeys.begin(), kMemberKeys.end());
    for (const auto& [key, value] : keys) {
      const std::string where = fmt::format("{}.{}", path, key);
      show(where, *value);
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      const auto meant = nearest(key, known);
      problem(where, value, "is not a key of a member",
              meant ? fmt::format("did you mean {}?", *meant) : fmt::format("there are {}", fmt::join(known, ", ")));
    }
    health::PoolMember member;
    const auto address = keys.find("address");
    if (address == keys.end()) {
      problem(path + ".address", nullptr, "is missing", "it is what is answered");
    } else if (address->second->kind != Kind::kText) {
      wrong_kind(path + ".address", *address->second, "an IP address in quotes");
    } else if (auto parsed = dns::IpAddress::parse(address->second->text)) {
      member.address = *parsed;
      member.name = parsed->text();
    } else {
      problem(path + ".address", address->second, fmt::format("\"{}\" is not an IP address", address->second->text),
              "as in 192.0.2.1 or 2001:db8::1");
    }
    if (const auto probe = keys.find("probe"); probe != keys.end()) {
      const auto parsed = dns::IpAddress::parse(probe->second->text);
      if (probe->second->kind != Kind::kText) wrong_kind(path + ".probe", *probe->second, "an IP address in quotes");
      else if (parsed) member.probe = *parsed;
      else
        problem(path + ".probe", probe->second, fmt::format("\"{}\" is not an IP address", probe->second->text),
                "as in 10.0.0.1 or 2001:db8::1");
    }
    text(path, keys, "name", member.name);
    text(path, keys, "region", member.region);
    count(path, keys, "weight", member.weight);
    count(path, keys, "group", member.group);
    degrees(path, keys, "latitude", member.latitude);
    degrees(path, keys, "longitude", member.longitude);
    if (const auto enabled = keys.find("enabled"); enabled != keys.end()) {
      member.enabled = enabled->second->boolean;
      if (enabled->second->kind != Kind::kBoolean)
        wrong_kind(path + ".enabled", *enabled->second, "true or false without quotes");
    }
    if (out_.problems.size() != problems) return false;
    pool.members.push_back(std::move(member));
    return true;
  }

  std::map<std::size_t, RawPool> pools_;
  PoolsRead out_;
};

}  // namespace

bool is_target_pool_key(std::string_view key) {
  return key.starts_with(kPools) &&
         (key.size() == kPools.size() || key[kPools.size()] == '[' || key[kPools.size()] == '.');
}

PoolsRead read_target_pools(const RawLayer& layer) { return PoolReader().run(layer); }

std::vector<std::string> target_pool_keys() {
  std::vector<std::string> keys{"target_pool[].name"};
  for (const std::string_view option : health::pool_option_names())
    keys.push_back(fmt::format("target_pool[].{}", option));
  for (const std::string_view option : health::check_option_names())
    keys.push_back(fmt::format("target_pool[].check[].{}", option));
  for (const std::string_view key : kMemberKeys) keys.push_back(fmt::format("target_pool[].member[].{}", key));
  return keys;
}

}  // namespace sdns::daemon
