// SPDX-License-Identifier: MIT
#include "backend/ctl/lua_lint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <utility>

#include "backend/dns/ip.h"
#include "backend/dns/rrtype.h"
#include "lua/inspect.h"
#include "lua/options.h"
#include "lua/record.h"
#include "lua/runtime.h"

namespace sdns::ctl {
namespace {

using lua::Token;

constexpr PowerDnsVersion kOurs{1000, 0};  // no PowerDNS has it

struct Since {
  std::string_view name;
  PowerDnsVersion version;
};
constexpr std::array<Since, 21> kFunctions = {
    {{"pool", kOurs},        {"pickfirst", kOurs},      {"filterForward", {4, 5}},    {"newCAFromRaw", {4, 5}},
     {"ifurlextup", {4, 7}}, {"all", {4, 7}},           {"pickhashed", {4, 7}},       {"pickrandomsample", {4, 7}},
     {"region", {4, 7}},     {"continentCode", {4, 7}}, {"countryCode", {4, 7}},      {"regionCode", {4, 7}},
     {"zone", {4, 3}},       {"zoneid", {4, 3}},        {"picknamehashed", {4, 9}},   {"pickchashed", {4, 9}},
     {"dblookup", {4, 9}},   {"localwho", {4, 9}},      {"pickselfweighted", {5, 0}}, {"GeoIPQueryAttribute", {5, 0}},
     {"_ENV", kOurs}}};
constexpr std::array<Since, 33> kOptions = {{{"byteslimit", {4, 8}},
                                             {"httpcode", {5, 0}},
                                             {"interval", {5, 0}},
                                             {"minimumFailures", {5, 0}},
                                             {"failOnIncompleteCheck", {5, 0}},
                                             {"headers", {5, 1}},
                                             {"minhealthy", kOurs},
                                             {"alldown", kOurs},
                                             {"fallback", kOurs},
                                             {"distance", kOurs},
                                             {"unknownlocation", kOurs},
                                             {"url", kOurs},
                                             {"fall", kOurs},
                                             {"rise", kOurs},
                                             {"fallremembered", kOurs},
                                             {"forgetafter", kOurs},
                                             {"holddown", kOurs},
                                             {"initial", kOurs},
                                             {"resume", kOurs},
                                             {"plannedttl", kOurs},
                                             {"send", kOurs},
                                             {"expect", kOurs},
                                             {"method", kOurs},
                                             {"codes", kOurs},
                                             {"redirects", kOurs},
                                             {"verify", kOurs},
                                             {"dns", kOurs},
                                             {"dnstype", kOurs},
                                             {"dnsrcode", kOurs},
                                             {"dnsrdata", kOurs},
                                             {"checks", kOurs},
                                             {"rule", kOurs},
                                             {"probe", kOurs}}};
constexpr std::array<std::string_view, 4> kSelectorsOfPowerDns = {"random", "all", "hashed", "pickclosest"};

std::string version_text(const PowerDnsVersion& version) {
  return version == kOurs ? "no PowerDNS has it"
                          : fmt::format("it came with PowerDNS {}.{}", version.major, version.minor);
}

/// Runs small expressions in an environment like a record's.
class Environment {
 public:
  explicit Environment(lua::Library library) : runtime_(options(library), clock_) {}

  /// Whether `name`, or its field, is there.
  bool has(const std::string& name, const std::string& field) {
    const std::string expression = field.empty() ? name : fmt::format("({} or {{}}).{}", name, field);
    lua::Script script(lua::Code{dns::kTXT, fmt::format("return tostring({} ~= nil)", expression)});
    lua::Client client;
    client.ecs = dns::IpNetwork{};  // ecswho is there
    lua::Values values;
    lua::Question question;
    question.qname_wire = question.zone_wire = kRoot;
    question.client = &client;
    lua::Sources sources;
    sources.random = &random_;
    runtime_.evaluate(script, question, sources, values);
    return values.failure == lua::Failure::kNone && values.contents == std::vector<std::string>{"true"};
  }

 private:
  static lua::RuntimeOptions options(lua::Library library) {
    lua::RuntimeOptions made;
    made.library = library;
    made.limits.time_nanoseconds = 1'000'000'000;
    return made;
  }
  static constexpr std::string_view kRoot{"\0", 1};
  SystemClock clock_;
  QuickRandom random_{1};
  lua::Runtime runtime_;
};

void add(LuaFindings& findings, Weight weight, std::string what) {
  LuaFinding finding{weight, std::move(what)};
  if (std::find(findings.begin(), findings.end(), finding) == findings.end()) findings.push_back(std::move(finding));
}

void look_at_globals(const std::string& source, const LintContext& context, LuaFindings& findings) {
  const auto uses = lua::global_uses(source);
  if (!uses) return;  // running it says so
  std::set<std::string> set = context.exported;
  for (const lua::GlobalUse& use : *uses)
    if (use.set) set.insert(use.name);
  if (!context.library) {
    std::string names;
    for (const std::string& name : globals_set(source)) names += (names.empty() ? "" : ", ") + name;
    if (!names.empty())
      add(findings, Weight::kWarning,
          fmt::format("it sets global names ({}): they end with each evaluation, and on a PowerDNS with "
                      "enable-lua-records=shared they do not; say local",
                      names));
  }
  const bool includes = std::any_of(uses->begin(), uses->end(), [](const auto& use) { return use.name == "include"; });
  Environment sandbox(context.full_library ? lua::Library::kFull : lua::Library::kSandbox);
  std::optional<Environment> full;
  std::set<std::pair<std::string, std::string>> seen;
  for (const lua::GlobalUse& use : *uses) {
    if (use.set || set.contains(use.name) || !seen.insert({use.name, use.field}).second) continue;
    const bool base = sandbox.has(use.name, "");
    if (base && (use.field.empty() || sandbox.has(use.name, use.field))) continue;
    const std::string shown = use.field.empty() ? use.name : use.name + '.' + use.field;
    if (!full) full.emplace(lua::Library::kFull);
    if (full->has(use.name, use.field))
      add(findings, Weight::kWarning,
          fmt::format("line {}: {} is not in the sandbox: it is nil here. PowerDNS has it; for a zone in "
                      "lua.full_library_zones we have it too",
                      use.line, shown));
    else if (includes && !base)
      add(findings, Weight::kNote, fmt::format("line {}: {} has to come from what is included", use.line, shown));
    else add(findings, Weight::kWarning, fmt::format("line {}: there is no {}: it is nil", use.line, shown));
  }
}

// `name = 'value'` and `['name'] = 'value'` inside of a table.
void look_at_options(const std::vector<Token>& tokens, const LintContext& context, LuaFindings& findings) {
  int depth = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].kind == Token::Kind::kOther) depth += tokens[i].text == "{" ? 1 : tokens[i].text == "}" ? -1 : 0;
    std::size_t equals = i + 1;
    if (equals < tokens.size() && tokens[equals].text == "]") ++equals;
    if (depth <= 0 || tokens[i].kind == Token::Kind::kOther || equals + 1 >= tokens.size() ||
        tokens[equals].text != "=" || tokens[equals].kind != Token::Kind::kOther)
      continue;
    const std::string& name = tokens[i].text;
    const Token& value = tokens[equals + 1];
    if ((name == "selector" || name == "backupSelector") && value.kind == Token::Kind::kText &&
        lua::parse_selector(value.text)) {
      const bool known = std::find(kSelectorsOfPowerDns.begin(), kSelectorsOfPowerDns.end(), value.text) !=
                             kSelectorsOfPowerDns.end() ||
                         (value.text == "empty" && context.powerdns >= PowerDnsVersion{5, 1});
      if (!known && (value.text == "pickfirst" || context.powerdns))
        add(findings, Weight::kWarning,
            fmt::format("{}='{}' is ours: PowerDNS does not know it and takes random", name, value.text));
    }
    if (!context.powerdns) continue;
    for (const Since& option : kOptions)
      if (option.name == name && *context.powerdns < option.version)
        add(findings, Weight::kWarning,
            fmt::format("the option {} has no effect on PowerDNS {}.{}: {}", name, context.powerdns->major,
                        context.powerdns->minor, version_text(option.version)));
  }
}

void look_at_functions(const std::vector<Token>& tokens, const LintContext& context, LuaFindings& findings) {
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].kind != Token::Kind::kWord) continue;
    const bool field = i > 0 && (tokens[i - 1].text == "." || tokens[i - 1].text == ":");
    if (field || !context.powerdns) continue;
    for (const Since& function : kFunctions)
      if (function.name == tokens[i].text && *context.powerdns < function.version)
        add(findings, Weight::kWarning,
            fmt::format("{} is not there on PowerDNS {}.{}: {}", tokens[i].text, context.powerdns->major,
                        context.powerdns->minor, version_text(function.version)));
    // Groups in ifportup came with 4.8: its second argument is `{{`.
    if (tokens[i].text == "ifportup" && *context.powerdns < PowerDnsVersion{4, 8} && i + 5 < tokens.size() &&
        tokens[i + 1].text == "(" && tokens[i + 3].text == "," && tokens[i + 4].text == "{" &&
        tokens[i + 5].text == "{")
      add(findings, Weight::kWarning, "ifportup takes groups of addresses since PowerDNS 4.8");
  }
}

bool compiles(const std::string& source) { return lua::global_uses(source).has_value(); }

void look_at_chunks(const std::string& content, LuaFindings& findings) {
  const auto yes = lua::parse_record(content, lua::ChunkJoin::kYes);
  const auto no = lua::parse_record(content, lua::ChunkJoin::kNo);
  const auto automatic = lua::parse_record(content, lua::ChunkJoin::kAuto);
  if (!yes || !no || !automatic || lua::tokens_of(yes->source) == lua::tokens_of(no->source)) return;
  const bool with = compiles(yes->source);
  const bool without = compiles(no->source);
  const bool spaced = lua::tokens_of(automatic->source) == lua::tokens_of(yes->source);
  add(findings, Weight::kWarning,
      fmt::format("its chunks join to different code: with a space between them (PowerDNS up to 4.9) {}, without "
                  "(PowerDNS 5) {}; "
                  "lua.join_chunks=auto {}. Let each chunk but the last end with a blank or be one chunk",
                  with ? "it compiles" : "it does not compile", without ? "it compiles" : "it does not compile",
                  spaced ? "puts the space" : "joins them as the record has them"));
}

}  // namespace

Result<PowerDnsVersion> parse_powerdns_version(std::string_view text) {
  PowerDnsVersion version;
  const char* end = text.data() + text.size();
  const auto major = std::from_chars(text.data(), end, version.major);
  if (major.ec == std::errc{} && major.ptr != end && *major.ptr == '.') {
    const auto minor = std::from_chars(major.ptr + 1, end, version.minor);
    if (minor.ec == std::errc{} && (minor.ptr == end || *minor.ptr == '.') && version >= PowerDnsVersion{4, 2} &&
        version.major < 100)
      return version;
  }
  return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is no version of PowerDNS that has LUA records", text),
              "as in 4.7 or 5.1; they came with 4.2");
}

std::set<std::string> globals_set(const std::string& source) {
  std::set<std::string> names;
  const auto uses = lua::global_uses(source);
  if (!uses) return names;
  for (const lua::GlobalUse& use : *uses)
    if (use.set) names.insert(use.name);
  return names;
}

LuaFindings lint(const std::string& content, const std::string& source, const LintContext& context) {
  LuaFindings findings;
  const std::vector<Token> tokens = lua::tokens_of(source);
  look_at_chunks(content, findings);
  look_at_globals(source, context, findings);
  look_at_options(tokens, context, findings);
  look_at_functions(tokens, context, findings);
  if (const lua::Mentions mentions = lua::mentions_of(source); mentions.powerdns_only)
    add(findings, Weight::kWarning,
        fmt::format("{} is not known here ({}); docs/lua-records.md says how to hand the record to PowerDNS",
                    mentions.powerdns_word,
                    mentions.powerdns_word == "resolve" ? "calling it fails" : "it says nothing of the query"));
  if (content.find("\\\"") != std::string::npos)
    add(findings, Weight::kWarning,
        "it has \\\": no escape is undone, so that the code gets a backslash and the chunk ends there; write texts as "
        "'…' or [[…]]");
  return findings;
}

bool asks_for_places(std::string_view source) {
  constexpr std::array<std::string_view, 13> kWords = {
      "country",    "continent",   "region", "city",      "asnum",       "countryCode", "continentCode",
      "regionCode", "geoiplookup", "latlon", "latlonloc", "pickclosest", "closestMagic"};
  const std::vector<Token> tokens = lua::tokens_of(source);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const bool field =
        i > 0 && tokens[i].kind == Token::Kind::kWord && (tokens[i - 1].text == "." || tokens[i - 1].text == ":");
    if (field || std::find(kWords.begin(), kWords.end(), tokens[i].text) == kWords.end()) continue;
    // A word is called; the text is a selector.
    if (tokens[i].kind == Token::Kind::kWord && i + 1 < tokens.size() && tokens[i + 1].text != "=") return true;
    if (tokens[i].kind == Token::Kind::kText && tokens[i].text == "pickclosest") return true;
  }
  return false;
}

std::string explain_failure(std::string_view source, std::string_view failure) {
  const std::vector<Token> tokens = lua::tokens_of(source);
  for (const Token& token : tokens) {
    const std::size_t space = token.text.find(' ');
    if (token.kind != Token::Kind::kText || space == std::string::npos || space == 0) continue;
    const std::string rest = token.text.substr(token.text.find_first_not_of(' ', space));
    const std::string word = token.text.substr(0, space);
    if (dns::RrType::parse(word) && dns::IpAddress::parse(rest))
      return fmt::format(
          "lists are of addresses, not of records: write '{}' for '{}'. The type stands once, in front of the code",
          rest, token.text);
  }
  if (tokens.size() > 1 && tokens[0].text == "return" && tokens[1].text == ";")
    return "the ; of a script must be the very first character of the code";
  if (failure.find("it returned a nil") != std::string_view::npos && !tokens.empty() && tokens.front().text != "return")
    return "a script has to say return";
  if (failure.find("it returned a userdata") != std::string_view::npos) return "objects are no texts: call :toString()";
  return {};
}

std::optional<std::string> without_double_quotes(std::string_view code) {
  std::string out;
  std::size_t copied = 0;
  bool any = false;
  for (const Token& token : lua::tokens_of(code)) {
    if (token.kind != Token::Kind::kText || code[token.start] != '"') continue;
    out.append(code.substr(copied, token.start - copied));
    copied = token.start + token.size;
    any = true;
    if (token.text.find('\'') == std::string::npos) out += '\'' + token.text + '\'';
    else if (token.text.find_first_of("\\]") == std::string::npos) out += "[[" + token.text + "]]";
    else return std::nullopt;
  }
  out.append(code.substr(copied));
  if (!any || out.find('"') != std::string::npos) return std::nullopt;
  return out;
}

}  // namespace sdns::ctl
