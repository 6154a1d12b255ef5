// SPDX-License-Identifier: MIT
#include "backend/daemon/config_programs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <string>

#include "backend/base/json_text.h"
#include "backend/health/check_options.h"

namespace sdns::daemon {
namespace {

constexpr std::string_view kPrograms = "health.program";
constexpr std::array<std::string_view, 5> kProgramKeys = {"name", "command", "timeout", "at_once", "memory_mib"};
constexpr std::size_t kMostPrograms = 100;
constexpr std::size_t kMostWords = 64;

using Kind = RawValue::Kind;
using Keys = std::map<std::string, const RawValue*, std::less<>>;

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  append_json_escaped(out, text);
  return out + '"';
}

// The keys of each `health.program[N]`.
std::map<std::size_t, Keys> by_index(const RawLayer& layer, std::vector<std::string>* others) {
  std::map<std::size_t, Keys> found;
  for (const auto& [key, value] : layer) {
    if (!is_program_key(key)) continue;
    std::string_view rest = std::string_view(key).substr(kPrograms.size());
    std::size_t index = 0;
    const char* end = rest.data() + rest.size();
    const auto [stopped, error] =
        rest.starts_with('[') ? std::from_chars(rest.data() + 1, end, index) : std::from_chars_result{end, std::errc{}};
    if (error != std::errc{} || stopped == end || *stopped != ']') {
      const bool empty_list = rest.empty() && value.kind == Kind::kTextList && value.list.empty();
      if (others != nullptr && !empty_list) others->push_back(key);
      continue;
    }
    Keys& keys = found[index];
    rest.remove_prefix(static_cast<std::size_t>(stopped - rest.data()) + 1);
    if (!rest.empty()) keys.emplace(rest.substr(1), &value);
  }
  return found;
}

class ProgramReader {
 public:
  ProgramsRead run(const RawLayer& layer) {
    std::vector<std::string> others;
    const auto found = by_index(layer, &others);
    for (const std::string& key : others)
      problem(key, &layer.find(key)->second, "is no list of programs", "write [[health.program]] with two brackets");
    if (found.size() > kMostPrograms)
      problem(std::string(kPrograms), nullptr, fmt::format("there are {}, more than {}", found.size(), kMostPrograms),
              "one program can serve many pools");
    for (const auto& [index, keys] : found) read(fmt::format("{}[{}]", kPrograms, index), keys);
    return std::move(out_);
  }

 private:
  void problem(std::string where, const RawValue* value, std::string_view what, std::string_view hint) {
    std::string text = fmt::format("{}; {}", what, hint);
    if (value != nullptr && value->line != 0) text += fmt::format(" (line {})", value->line);
    out_.problems.push_back({std::move(where), std::move(text)});
  }

  const RawValue* value_of(const std::string& where, const Keys& keys, std::string_view key, Kind kind,
                           std::string_view expected) {
    const auto found = keys.find(key);
    if (found == keys.end()) return nullptr;
    if (found->second->kind == kind) return found->second;
    problem(where, found->second, fmt::format("is {}", kind_name(found->second->kind)),
            fmt::format("write {}", expected));
    return nullptr;
  }

  template <class Number>
  void number(const std::string& path, const Keys& keys, std::string_view key, std::int64_t most, Number& out) {
    const std::string where = fmt::format("{}.{}", path, key);
    const RawValue* value = value_of(where, keys, key, Kind::kInteger, "a whole number without quotes");
    if (value == nullptr) return;
    out_.settings.push_back({where, std::to_string(value->integer), value->origin});
    if (value->integer < 1 || value->integer > most)
      return problem(where, value, fmt::format("{} is outside of 1 to {}", value->integer, most), "correct it");
    out = static_cast<Number>(value->integer);
  }

  void read(const std::string& path, const Keys& keys) {
    const std::vector<std::string> known(kProgramKeys.begin(), kProgramKeys.end());
    for (const auto& [key, value] : keys) {
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      const auto meant = nearest(key, known);
      problem(fmt::format("{}.{}", path, key), value, "is not a key of a program",
              meant ? fmt::format("did you mean {}?", *meant) : fmt::format("there are {}", fmt::join(known, ", ")));
    }
    health::Program program;
    const std::string name = read_name(path, keys);
    read_command(path, keys, program);
    std::int64_t timeout = program.timeout.count();
    number(path, keys, "timeout", 3'600, timeout);
    program.timeout = std::chrono::seconds(timeout);
    number(path, keys, "at_once", 1'000, program.at_once);
    number(path, keys, "memory_mib", 1 << 20, program.memory_mebioctets);
    if (!name.empty()) out_.programs.emplace(name, std::move(program));
  }

  std::string read_name(const std::string& path, const Keys& keys) {
    const std::string where = path + ".name";
    if (!keys.contains("name")) problem(where, nullptr, "is missing", "target pools name the program by it");
    const RawValue* value = value_of(where, keys, "name", Kind::kText, "a text in quotes");
    if (value == nullptr) return {};
    out_.settings.push_back({where, in_quotes(value->text), value->origin});
    if (!health::is_program_name(value->text))
      problem(where, value, fmt::format("\"{}\" is no name", value->text),
              "use up to 63 ASCII letters, digits, and -, _, .");
    else if (out_.programs.contains(value->text))
      problem(where, value, fmt::format("\"{}\" is the name of another [[health.program]]", value->text),
              "choose another");
    else return value->text;
    return {};
  }

  void read_command(const std::string& path, const Keys& keys, health::Program& program) {
    const std::string where = path + ".command";
    constexpr std::string_view kExpected = "a list of texts, as [\"/usr/lib/nagios/plugins/check_ssh\", \"{address}\"]";
    if (!keys.contains("command")) problem(where, nullptr, "is missing", fmt::format("write {}", kExpected));
    const RawValue* value = value_of(where, keys, "command", Kind::kTextList, kExpected);
    if (value == nullptr) return;
    program.command = value->list;
    std::string shown;
    for (const std::string& word : value->list) shown += (shown.empty() ? "" : ", ") + in_quotes(word);
    out_.settings.push_back({where, "[" + shown + "]", value->origin});
    if (value->list.empty() || value->list.size() > kMostWords)
      return problem(where, value, fmt::format("has {} words", value->list.size()),
                     fmt::format("name the program, and up to {} arguments", kMostWords - 1));
    for (const std::string& word : value->list) {
      if (word.find('\0') != std::string::npos)
        return problem(where, value, "has an octet 0x00 in it", "no program can be given that");
      if (const auto unknown = health::unknown_placeholder(word); !unknown.empty())
        out_.warnings.push_back({where, fmt::format("{} is no placeholder, and is given to the program as it stands; "
                                                    "there are {{address}}, {{answered}}, {{port}}, {{timeout}}",
                                                    unknown)});
    }
    if (auto good = health::check_program_file(value->list.front()); !good)
      problem(where, value, good.error().what, good.error().hint);
  }

  ProgramsRead out_;
};

}  // namespace

bool is_program_key(std::string_view key) {
  return key.starts_with(kPrograms) &&
         (key.size() == kPrograms.size() || key[kPrograms.size()] == '[' || key[kPrograms.size()] == '.');
}

ProgramsRead read_programs(const RawLayer& layer) { return ProgramReader().run(layer); }

std::vector<std::string> program_names(const RawLayer& layer) {
  std::vector<std::string> names;
  for (const auto& [index, keys] : by_index(layer, nullptr))
    if (const auto name = keys.find("name"); name != keys.end()) names.push_back(name->second->text);
  return names;
}

std::vector<Problem> unknown_programs(const std::vector<health::TargetPool>& pools, const health::Programs& programs) {
  std::vector<Problem> problems;
  const auto look = [&](const std::string& path, const health::PoolOptions& options) {
    const auto exec = options.find("exec");
    if (exec == options.end() || programs.contains(exec->second)) return;
    problems.push_back({path + ".exec", fmt::format("\"{}\" is the name of no [[health.program]]; define it, or name "
                                                    "another",
                                                    exec->second)});
  };
  for (std::size_t i = 0; i < pools.size(); ++i) {
    const std::string path = fmt::format("target_pool[{}]", i);
    look(path, pools[i].options);
    for (std::size_t check = 0; check < pools[i].checks.size(); ++check)
      look(fmt::format("{}.check[{}]", path, check), pools[i].checks[check]);
  }
  return problems;
}

}  // namespace sdns::daemon
