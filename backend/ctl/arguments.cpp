// SPDX-License-Identifier: MIT
#include "backend/ctl/arguments.h"

#include <fmt/format.h>

#include <charconv>

#include "backend/dns/ldns_codec.h"

namespace sdns::ctl {
namespace {

constexpr std::size_t kMaxStringOctets = 255;  // RFC 1035 section 3.3
constexpr dns::RrType kSPF{99};

/// One argument of a shell as TXT RDATA: every octet is meant, quotes and backslashes too.
std::string quote_text(std::string_view text) {
  std::string out;
  do {
    const std::string_view piece = text.substr(0, kMaxStringOctets);
    text.remove_prefix(piece.size());
    if (!out.empty()) out += ' ';
    out += '"';
    for (const char c : piece) {
      const auto octet = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\') {
        out += '\\';
        out += c;
      } else if (octet < 0x20 || octet > 0x7E) {
        out += fmt::format("\\{:03}", octet);
      } else {
        out += c;
      }
    }
    out += '"';
  } while (!text.empty());
  return out;
}

}  // namespace

Result<dns::Name> zone_argument(std::string_view text) {
  auto name = dns::Name::parse(text);
  if (!name)
    return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is not a zone name: {}", text, name.error().what),
                name.error().hint);
  return name;
}

Result<dns::Name> owner_argument(std::string_view text, const dns::Name& apex) {
  const auto absolute = dns::Name::parse(text);
  if (absolute && text.back() != '.' && !apex.is_root() && absolute->at_or_below(apex)) return *absolute;
  auto name = dns::Name::parse_relative(text, apex);
  if (!name)
    return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is not an owner name: {}", text, name.error().what),
                name.error().hint);
  if (!name->at_or_below(apex)) {
    return fail(Errc::kInvalidArgument, fmt::format("{} is outside of the zone {}", name->text(), apex.text()),
                "owner names are relative to the zone, or absolute with a final dot");
  }
  return name;
}

Result<dns::RrType> type_argument(std::string_view text) {
  auto type = dns::RrType::parse(text);
  if (!type) {
    return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is not a record type", text),
                "as in A, MX, TXT or TYPE65280");
  }
  // 128 to 255 are meta types and questions (RFC 6895 section 3.1); 0 and OPT are never data.
  if (type->value == 0 || type->value == 41 || (type->value >= 128 && type->value <= 255)) {
    return fail(Errc::kInvalidArgument, fmt::format("{} is no type of data that a zone can hold", type->text()));
  }
  return type;
}

Result<std::string> content_argument(dns::RrType type, std::string_view text, const dns::Name& apex) {
  const bool plain_text = (type == dns::kTXT || type == kSPF) && (text.empty() || text.front() != '"');
  return dns::canonical_content(type, plain_text ? quote_text(text) : std::string(text), apex);
}

Result<store::SerialPolicy> serial_policy_argument(std::string_view text) {
  if (text == "counter") return store::SerialPolicy::kCounter;
  if (text == "date") return store::SerialPolicy::kDate;
  if (text == "keep") return store::SerialPolicy::kKeep;
  return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is not a serial policy", text),
              "there are counter, date and keep");
}

std::string_view serial_policy_text(store::SerialPolicy policy) {
  switch (policy) {
    case store::SerialPolicy::kCounter:
      return "counter";
    case store::SerialPolicy::kDate:
      return "date";
    case store::SerialPolicy::kKeep:
      return "keep";
  }
  return "?";
}

Result<zone::Kind> kind_argument(std::string_view text) {
  if (text == "native") return zone::Kind::kNative;
  if (text == "primary") return zone::Kind::kPrimary;
  if (text == "secondary") return zone::Kind::kSecondary;
  return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is not a kind of zone", text),
              "there are native, primary and secondary");
}

std::function<std::string(std::string&)> number_between(double least, double most) {
  return [least, most](const std::string& text) -> std::string {
    double value = 0;
    const char* end = text.data() + text.size();
    const auto [stopped, problem] = std::from_chars(text.data(), end, value);
    if (problem != std::errc{} || stopped != end) return fmt::format("\"{}\" is not a number", text);
    if (!(value >= least && value <= most)) return fmt::format("{} is not from {} to {}", text, least, most);
    return {};
  };
}

}  // namespace sdns::ctl
