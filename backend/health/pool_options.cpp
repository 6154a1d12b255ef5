// SPDX-License-Identifier: MIT
#include "backend/health/pool_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

#include "backend/health/check_options.h"
#include "backend/health/target_pool.h"

namespace sdns::health {
namespace {

using Fault = std::optional<OptionFault>;

constexpr std::size_t kMaxUrlOctets = 1000;
constexpr std::int64_t kMaxSeconds = 86'400;
constexpr std::int64_t kMaxTimeout = 3600;

bool printable(char c) { return c > ' ' && c < '\x7F'; }
bool letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc{} || stopped != end) return std::nullopt;
  return number;
}

template <std::int64_t Least, std::int64_t Most>
Fault number(const std::string& value) {
  const auto given = whole_number(value);
  if (given && *given >= Least && *given <= Most) return {};
  return OptionFault{fmt::format("\"{}\" is not a whole number from {} to {}", value, Least, Most), "correct it"};
}

template <std::int64_t Most>
Fault seconds(const std::string& value) {
  const auto given = whole_number(value);
  if (given && *given >= 1 && *given <= Most) return {};
  return OptionFault{fmt::format("\"{}\" is not a whole number of seconds from 1 to {}", value, Most),
                     "write the number without a unit"};
}

template <const auto& Words>
Fault one_of(const std::string& value) {
  if (std::find(Words.begin(), Words.end(), value) != Words.end()) return {};
  return OptionFault{fmt::format("\"{}\" is not one of its values", value),
                     fmt::format("it takes {}", fmt::join(Words, ", "))};
}

constexpr std::array<std::string_view, 10> kSelectors = {"random",      "all",         "hashed",      "pickclosest",
                                                         "pickfirst",   "pickwrandom", "pickwhashed", "picknamehashed",
                                                         "pickchashed", "empty"};
constexpr std::array<std::string_view, 6> kAllDown = {"all", "first", "none", "random", "lastgood", "fallback"};
constexpr std::array<std::string_view, 2> kDistances = {"planar", "greatcircle"};
constexpr std::array<std::string_view, 2> kUnknownLocations = {"zero", "last"};
constexpr std::array<std::string_view, 2> kTruths = {"true", "false"};

Fault text(const std::string& value) {
  if (!value.empty()) return {};
  return OptionFault{"is empty", "give it a text, or leave it out"};
}

// Goes into a request as a header: nothing that could end the line.
Fault header(const std::string& value) {
  if (auto fault = text(value)) return fault;
  if (std::all_of(value.begin(), value.end(), [](char c) { return c == ' ' || printable(c); })) return {};
  return OptionFault{"has an octet that a header cannot hold", "use printable ASCII"};
}

Fault address(const std::string& value) {
  if (auto parsed = dns::IpAddress::parse(value); !parsed)
    return OptionFault{fmt::format("\"{}\" is not an IP address", value), "as in 192.0.2.1 or 2001:db8::1"};
  return {};
}

Fault addresses(const std::string& value) {
  std::string_view left = value;
  std::size_t count = 0;
  while (!left.empty()) {
    const auto blank = std::min(left.find(' '), left.size());
    if (blank > 0) {
      if (auto fault = address(std::string(left.substr(0, blank)))) return fault;
      ++count;
    }
    left.remove_prefix(std::min(blank + 1, left.size()));
  }
  if (count > 0) return {};
  return OptionFault{"has no address", "list at least one; several are separated by blanks"};
}

Fault healthy(const std::string& value) {
  const bool percent = value.ends_with('%');
  const auto given = whole_number(std::string_view(value).substr(0, value.size() - (percent ? 1 : 0)));
  if (given && *given >= 0 && *given <= (percent ? 100 : static_cast<std::int64_t>(kMaxPoolMembers))) return {};
  return OptionFault{fmt::format("\"{}\" is neither a number of members nor a share of them", value),
                     fmt::format("write 0 to {}, or 0% to 100%", kMaxPoolMembers)};
}

struct UrlParts {
  std::string_view host;
  std::optional<std::string_view> port;
};

// The parts of `http://host[:port][/path][?query]`; nothing when it is no such URL.
std::optional<UrlParts> split_url(std::string_view url) {
  const std::string start = lower(url.substr(0, 8));
  const std::size_t scheme = start.starts_with("http://") ? 7 : start.starts_with("https://") ? 8 : 0;
  if (scheme == 0 || !std::all_of(url.begin(), url.end(), printable)) return std::nullopt;
  url.remove_prefix(scheme);
  const std::string_view authority = url.substr(0, url.find_first_of("/?#"));
  std::size_t end = authority.find(':');
  if (authority.starts_with('[')) {
    end = authority.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    ++end;
    const auto literal = dns::IpAddress::parse(authority.substr(1, end - 2));
    if (!literal || literal->is_v4()) return std::nullopt;
  } else {
    const std::string_view host = authority.substr(0, end);
    const auto plain = [](char c) { return letter_or_digit(c) || c == '-' || c == '.' || c == '_'; };
    if (host.empty() || !std::all_of(host.begin(), host.end(), plain)) return std::nullopt;
  }
  UrlParts parts{authority.substr(0, end), std::nullopt};
  if (end >= authority.size()) return parts;
  if (authority[end] != ':') return std::nullopt;
  parts.port = authority.substr(end + 1);
  const auto number = whole_number(*parts.port);
  if (!number || *number < 1 || *number > 65'535) return std::nullopt;
  return parts;
}

Fault url(const std::string& value) {
  if (value.size() > kMaxUrlOctets)
    return OptionFault{fmt::format("has {} octets, more than {}", value.size(), kMaxUrlOctets), "shorten it"};
  if (value.find('#') != std::string::npos)
    return OptionFault{fmt::format("\"{}\" has a fragment, which is not sent", value), "leave out what follows the #"};
  if (split_url(value)) return {};
  // Not quoted where it may hold a password.
  if (const auto at = value.find('@'); at != std::string::npos && at < std::min(value.find('/', 8), value.size()))
    return OptionFault{"has a user name before its host; probes send no credentials, and options are no secrets",
                       "give the targets a path that answers without"};
  return OptionFault{fmt::format("\"{}\" is not an http or https URL", value),
                     "as in https://www.example.org/health; percent-encode what is not printable ASCII"};
}

Fault program(const std::string& value) {
  if (is_program_name(value)) return {};
  return OptionFault{fmt::format("\"{}\" is not the name of a program", value),
                     "name a [[health.program]] of the configuration"};
}

Fault rule(const std::string& value) {
  auto read = parse_check_rule(value, kMaxPoolChecks + 1);
  if (read) return {};
  return OptionFault{std::move(read.error().what), std::move(read.error().hint)};
}

struct Option {
  std::string_view name;
  Fault (*check)(const std::string& value);  // null: what set_our_option() says
};
constexpr std::array<Option, 38> kOptions = {{{"url", url},
                                              {"dns", nullptr},
                                              {"port", number<1, 65'535>},
                                              {"exec", program},
                                              {"timeout", seconds<kMaxTimeout>},
                                              {"interval", seconds<kMaxSeconds>},
                                              {"source", address},
                                              {"minimumFailures", number<1, 1000>},
                                              {"fall", nullptr},
                                              {"rise", nullptr},
                                              {"fallremembered", nullptr},
                                              {"forgetafter", nullptr},
                                              {"holddown", nullptr},
                                              {"initial", nullptr},
                                              {"resume", nullptr},
                                              {"send", nullptr},
                                              {"expect", nullptr},
                                              {"method", nullptr},
                                              {"stringmatch", text},
                                              {"useragent", header},
                                              {"httpcode", number<100, 599>},
                                              {"codes", nullptr},
                                              {"byteslimit", number<0, 2'147'483'647>},
                                              {"redirects", nullptr},
                                              {"verify", nullptr},
                                              {"dnstype", nullptr},
                                              {"dnsrcode", nullptr},
                                              {"dnsrdata", nullptr},
                                              {"rule", rule},
                                              {"failOnIncompleteCheck", one_of<kTruths>},
                                              {"selector", one_of<kSelectors>},
                                              {"backupSelector", one_of<kSelectors>},
                                              {"minhealthy", healthy},
                                              {"alldown", one_of<kAllDown>},
                                              {"fallback", addresses},
                                              {"plannedttl", one_of<kTruths>},
                                              {"distance", one_of<kDistances>},
                                              {"unknownlocation", one_of<kUnknownLocations>}}};

Fault ours(std::string_view name, const std::string& value) {
  CheckOptions options;
  auto set = set_our_option(name, value, options);
  if (set) return {};
  return OptionFault{std::move(set.error().what), std::move(set.error().hint)};
}

constexpr auto kOptionNames = [] {
  std::array<std::string_view, kOptions.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = kOptions[i].name;
  return names;
}();

constexpr std::size_t kCheckOptions =
    static_cast<std::size_t>(std::find(kOptionNames.begin(), kOptionNames.end(), "rule") - kOptionNames.begin());

}  // namespace

std::span<const std::string_view> pool_option_names() { return kOptionNames; }

std::span<const std::string_view> check_option_names() {
  return std::span<const std::string_view>(kOptionNames).first(kCheckOptions);
}

bool is_pool_option(std::string_view name) {
  return std::find(kOptionNames.begin(), kOptionNames.end(), name) != kOptionNames.end();
}

Fault option_fault(std::string_view name, const std::string& value) {
  if (value.size() > kMaxOptionOctets)
    return OptionFault{fmt::format("has {} octets, more than {}", value.size(), kMaxOptionOctets), "shorten it"};
  if (value.find('\0') != std::string::npos) return OptionFault{"has an octet 0x00 in it", "remove it"};
  for (const Option& option : kOptions)
    if (option.name == name) return option.check != nullptr ? option.check(value) : ours(name, value);
  return OptionFault{"is not an option of a target pool", unknown_option_hint(name)};
}

bool url_names_port(std::string_view url) {
  const auto parts = split_url(url);
  return parts && parts->port;
}

std::string unknown_option_hint(std::string_view name) {
  for (const std::string_view known : kOptionNames)
    if (lower(known) == lower(name)) return fmt::format("it is spelt {}", known);
  if (name == "probe") return "it is said of members";
  return fmt::format("there are {}", fmt::join(kOptionNames, ", "));
}

}  // namespace sdns::health
