// SPDX-License-Identifier: MIT
#include "backend/health/check_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "backend/dns/rdata_text.h"

namespace sdns::health {
namespace {

constexpr std::uint32_t kMostCount = 1000;
constexpr std::uint32_t kMostHold = 7 * 86'400;
constexpr std::array<std::string_view, 11> kRcodes = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
                                                      "NOTIMP",  "REFUSED", "YXDOMAIN", "YXRRSET",
                                                      "NXRRSET", "NOTAUTH", "NOTZONE"};
constexpr std::uint32_t kMostRcode = 15;  // what a header without EDNS holds
constexpr std::string_view kAnyRcode = "any";

template <class Value, std::size_t Count = 3>
using Words = std::array<std::pair<std::string_view, Value>, Count>;
constexpr Words<Initial> kInitials = {{{"unknown", Initial::kUnknown}, {"up", Initial::kUp}, {"down", Initial::kDown}}};
constexpr Words<Resume, 2> kResumes = {{{"automatic", Resume::kAutomatic}, {"manual", Resume::kManual}}};
constexpr Words<Redirects> kRedirects = {
    {{"follow", Redirects::kFollow}, {"same", Redirects::kSameHost}, {"none", Redirects::kNone}}};

tl::unexpected<Error> broken(std::string what, std::string hint) {
  return fail(Errc::kInvalidArgument, std::move(what), std::move(hint));
}

template <class Value, std::size_t Count>
std::string word_of(const Words<Value, Count>& words, Value value) {
  for (const auto& [word, one] : words)
    if (one == value) return std::string(word);
  return {};
}

// One option to be set.
struct Given {
  std::string_view value;
  CheckOptions& options;

  ThresholdOptions& thresholds() const {
    if (!options.thresholds) options.thresholds.emplace();
    return *options.thresholds;
  }

  template <class Number>
  Result<bool> number(Number& out, std::uint32_t least, std::uint32_t most) const {
    const auto read = dns::parse_number(value, most);
    if (!read || *read < least)
      return broken(fmt::format("\"{}\" is not a whole number from {} to {}", dns::printable(value), least, most),
                    "correct it");
    out = static_cast<Number>(*read);
    return true;
  }

  template <class Value, std::size_t Count>
  Result<bool> word(const Words<Value, Count>& words, Value& out) const {
    std::string all;
    for (const auto& [word, one] : words) {
      if (word == value) return out = one, true;
      all.append(all.empty() ? "" : ", ").append(word);
    }
    return not_one_of(all);
  }

  Result<bool> not_one_of(std::string_view words) const {
    return broken(fmt::format("\"{}\" is not one of its values", dns::printable(value)),
                  fmt::format("it takes {}", words));
  }

  Result<bool> octets(std::string& out) const {
    if (value.empty()) return broken("is empty", "give it a text, or leave it out");
    if (value.size() > kMaxSentOctets)
      return broken(fmt::format("has {} octets, more than {}", value.size(), kMaxSentOctets), "shorten it");
    return out = value, true;
  }

  Result<bool> codes() const {
    auto read = parse_codes(value);
    if (!read) return fail(std::move(read.error()));
    return options.codes = std::move(*read), true;
  }

  Result<bool> name() const {
    auto read = dns::Name::parse(value);
    if (!read)
      return broken(fmt::format("\"{}\" is not a name: {}", dns::printable(value), read.error().what),
                    "as in www.example.org");
    return options.dns_name = std::move(*read), true;
  }

  Result<bool> type() const {
    const auto read = dns::RrType::parse(value);
    if (!read) return broken(fmt::format("\"{}\" is not a type of records", dns::printable(value)), "as in A or SOA");
    return options.dns_type = *read, true;
  }

  Result<bool> rcode() const {
    if (value == kAnyRcode) return options.dns_rcode = std::nullopt, true;
    const auto found = std::find(kRcodes.begin(), kRcodes.end(), value);
    if (found != kRcodes.end()) return options.dns_rcode = static_cast<std::uint16_t>(found - kRcodes.begin()), true;
    const auto read = dns::parse_number(value, kMostRcode);
    if (!read)
      return broken(fmt::format("\"{}\" is not an RCODE", dns::printable(value)),
                    fmt::format("it takes {}, a number up to {}, or any", fmt::join(kRcodes, ", "), kMostRcode));
    return options.dns_rcode = static_cast<std::uint16_t>(*read), true;
  }
};

struct Ours {
  std::string_view name;
  Result<bool> (*set)(const Given&);
};
constexpr std::array<Ours, 17> kOurs = {
    {{"fall", [](const Given& g) { return g.number(g.thresholds().fall, 1, kMostCount); }},
     {"rise", [](const Given& g) { return g.number(g.thresholds().rise, 1, kMostCount); }},
     {"fallremembered",
      [](const Given& g) { return g.number(g.thresholds().fall_remembered.emplace(), 0, kMostCount); }},
     {"forgetafter", [](const Given& g) { return g.number(g.thresholds().forget_after, 1, kMostCount); }},
     {"holddown", [](const Given& g) { return g.number(g.thresholds().hold_down_seconds, 0, kMostHold); }},
     {"initial", [](const Given& g) { return g.word(kInitials, g.thresholds().initial); }},
     {"resume", [](const Given& g) { return g.word(kResumes, g.thresholds().resume); }},
     {"send", [](const Given& g) { return g.octets(g.options.send); }},
     {"expect", [](const Given& g) { return g.octets(g.options.expect); }},
     {"method",
      [](const Given& g) -> Result<bool> {
        if (g.value != "GET" && g.value != "HEAD") return g.not_one_of("GET, HEAD");
        return g.options.method = g.value, true;
      }},
     {"codes", [](const Given& g) { return g.codes(); }},
     {"redirects", [](const Given& g) { return g.word(kRedirects, g.options.redirects); }},
     {"verify",
      [](const Given& g) -> Result<bool> {
        if (g.value != "true" && g.value != "false") return g.not_one_of("true, false");
        return g.options.verify = g.value == "true", true;
      }},
     {"dns", [](const Given& g) { return g.name(); }},
     {"dnstype", [](const Given& g) { return g.type(); }},
     {"dnsrcode", [](const Given& g) { return g.rcode(); }},
     {"dnsrdata", [](const Given& g) { return g.octets(g.options.dns_rdata); }}}};

std::uint32_t remembered_beside(std::uint32_t fall) { return std::max(5U, fall + 2); }

}  // namespace

Result<Codes> parse_codes(std::string_view text) {
  Codes codes;
  for (std::string_view rest = text; !rest.empty() || codes.empty();) {
    const std::string_view part = rest.substr(0, rest.find(','));
    const auto read = [](std::string_view digits, std::uint16_t& out) {
      const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), out);
      return end.ec == std::errc{} && end.ptr == digits.data() + digits.size() && out >= 100 && out <= 999;
    };
    const std::size_t dash = part.find('-');
    CodeRange range;
    const bool good = read(part.substr(0, dash), range.first) &&
                      (dash == part.npos ? read(part, range.last) : read(part.substr(dash + 1), range.last));
    if (!good || range.last < range.first || part.size() + 1 == rest.size())
      return broken(fmt::format("\"{}\" in \"{}\" is no HTTP status or range of them", dns::printable(part),
                                dns::printable(text)),
                    "write for example 200-299,301");
    codes.push_back(range);
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
  }
  return codes;
}

std::string codes_text(const Codes& codes) {
  std::string text;
  for (const CodeRange& range : codes) {
    if (!text.empty()) text += ',';
    text += std::to_string(range.first);
    if (range.last != range.first) text += fmt::format("-{}", range.last);
  }
  return text;
}

bool has_code(const Codes& codes, unsigned code) {
  return std::any_of(codes.begin(), codes.end(),
                     [code](const CodeRange& range) { return code >= range.first && code <= range.last; });
}

bool is_program_name(std::string_view text) {
  constexpr std::size_t kMostOctets = 63;
  return !text.empty() && text.size() <= kMostOctets && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  });
}

std::string rcode_text(unsigned rcode) {
  return rcode < kRcodes.size() ? std::string(kRcodes[rcode]) : "RCODE " + std::to_string(rcode);
}

Result<bool> set_our_option(std::string_view name, std::string_view value, CheckOptions& options) {
  for (const Ours& ours : kOurs)
    if (ours.name == name) return ours.set(Given{value, options});
  return false;
}

std::vector<OurOption> threshold_options(const CheckOptions& options) {
  std::vector<OurOption> made;
  if (!options.thresholds) return made;
  const ThresholdOptions& given = *options.thresholds;
  const ThresholdOptions usual;
  const auto number = [&made](std::string_view name, std::uint32_t value, std::uint32_t as_usual) {
    if (value != as_usual) made.push_back({name, std::to_string(value)});
  };
  made.push_back({"fall", std::to_string(given.fall)});
  number("rise", given.rise, usual.rise);
  const std::uint32_t remembered = remembered_beside(given.fall);
  number("fallremembered", given.fall_remembered.value_or(remembered), remembered);
  number("forgetafter", given.forget_after, usual.forget_after);
  number("holddown", given.hold_down_seconds, usual.hold_down_seconds);
  if (given.initial != usual.initial) made.push_back({"initial", word_of(kInitials, given.initial)});
  if (given.resume != usual.resume) made.push_back({"resume", word_of(kResumes, given.resume)});
  return made;
}

std::vector<OurOption> tcp_options(const CheckOptions& options) {
  std::vector<OurOption> made;
  if (!options.send.empty()) made.push_back({"send", options.send});
  if (!options.expect.empty()) made.push_back({"expect", options.expect});
  return made;
}

std::vector<OurOption> http_options(const CheckOptions& options) {
  std::vector<OurOption> made;
  if (options.method != "GET") made.push_back({"method", options.method});
  if (!options.codes.empty()) made.push_back({"codes", codes_text(options.codes)});
  if (options.redirects != Redirects::kFollow) made.push_back({"redirects", word_of(kRedirects, options.redirects)});
  if (options.verify) made.push_back({"verify", "true"});
  return made;
}

std::vector<OurOption> dns_options(const CheckOptions& options) {
  std::vector<OurOption> made;
  if (options.dns_type != dns::kA) made.push_back({"dnstype", options.dns_type.text()});
  if (!options.dns_rcode) made.push_back({"dnsrcode", std::string(kAnyRcode)});
  else if (*options.dns_rcode != 0)
    made.push_back({"dnsrcode", *options.dns_rcode < kRcodes.size() ? std::string(kRcodes[*options.dns_rcode])
                                                                    : std::to_string(*options.dns_rcode)});
  if (!options.dns_rdata.empty()) made.push_back({"dnsrdata", options.dns_rdata});
  return made;
}

Thresholds thresholds_of(const CheckOptions& options) {
  if (!options.thresholds) return Thresholds::power_dns(options.minimum_failures);
  const ThresholdOptions& given = *options.thresholds;
  Thresholds made;
  made.fall = given.fall;
  made.fall_remembered = static_cast<std::uint16_t>(given.fall_remembered.value_or(remembered_beside(given.fall)));
  made.forget_after = static_cast<std::uint16_t>(given.forget_after);
  made.rise = static_cast<std::uint16_t>(given.rise);
  made.rise_after_loss = static_cast<std::uint16_t>(3 * given.rise);
  made.rise_most = static_cast<std::uint16_t>(12 * given.rise);
  made.initial = given.initial;
  made.resume = given.resume;
  if (given.hold_down_seconds == 0) made.storm_falls = 0;
  made.hold_down = std::chrono::seconds(given.hold_down_seconds);
  made.hold_most = std::max(made.hold_most, made.hold_down);
  return made;
}

}  // namespace sdns::health
