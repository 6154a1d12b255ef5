// SPDX-License-Identifier: MIT
#include "backend/dns/ldns_codec.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "backend/base/owned.h"
#include "backend/dns/lua_code.h"
#include "backend/dns/rdata.h"
#include "backend/dns/rdata_names.h"
#include "backend/dns/rdata_text.h"

// Last: ldns makes `true` and `false` macros, which breaks headers of the standard library after it.
#include <ldns/ldns.h>
#undef true
#undef false

namespace sdns::dns {
namespace {

using LdnsRr = Owned<ldns_rr, ldns_rr_free>;
using LdnsRdf = Owned<ldns_rdf, ldns_rdf_deep_free>;
using CString = Owned<char, std::free>;

constexpr RrType kLOC{29};
constexpr std::size_t kMaxRdata = 0xFFFF;

tl::unexpected<Error> bad(RrType type, std::string_view why, std::string hint = {}) {
  return fail(Errc::kInvalidRecord, fmt::format("{}: {}", type.text(), printable(why)), std::move(hint));
}

// `\# length hex` (RFC 3597 section 5). Not there: nothing.
std::optional<Result<std::string>> generic_rdata(RrType type, std::span<const Token> words) {
  if (words.empty() || words[0].quoted || words[0].text != "\\#") return std::nullopt;
  std::string wire;
  const auto length = words.size() > 1 ? parse_number(words[1].text, kMaxRdata) : std::nullopt;
  std::string digits;
  for (const Token& word : words.subspan(std::min<std::size_t>(words.size(), 2))) digits += word.text;
  if (!length || !append_from_hex(digits, wire) || wire.size() != *length)
    return bad(type, "\\# must be followed by the number of octets and just so many in hex (RFC 3597 section 5)");
  return wire;
}

std::string generic_text(std::string_view wire) {
  std::string text = fmt::format("\\# {}{}", wire.size(), wire.empty() ? "" : " ");
  append_hex(wire, text);
  return text;
}

std::string join(std::span<const Token> words) {
  std::string text;
  for (const Token& word : words) {
    if (!text.empty()) text += ' ';
    if (word.quoted) text += '"';
    text += word.text;
    if (word.quoted) text += '"';
  }
  return text;
}

// HIP is left out: whether ldns 1.8.3 parses it depends on what is in memory behind the text.
bool ldns_knows(RrType type) {
  if (type == RrType{55}) return false;
  const ldns_rr_descriptor* descriptor = ldns_rr_descript(type.value);
  return descriptor != nullptr && descriptor->_name != nullptr &&
         std::string_view(descriptor->_name).substr(0, 4) != "TYPE";
}

Result<std::string> ldns_to_wire(RrType type, std::span<const Token> words, const Name& origin) {
  if (words.empty()) return bad(type, "the RDATA is missing");
  const std::string line = fmt::format(". 0 IN {} {}", ldns_rr_descript(type.value)->_name, join(words));
  if (line.size() > LDNS_MAX_LINELEN) return bad(type, "the RDATA is too long");
  const LdnsRdf base(ldns_dname_new_frm_str(origin.text().c_str()));
  ldns_rr* parsed = nullptr;
  const ldns_status status = ldns_rr_new_frm_str(&parsed, line.c_str(), 0, base.get(), nullptr);
  const LdnsRr rr(parsed);
  if (status != LDNS_STATUS_OK) {
    const char* why = ldns_get_errorstr_by_id(status);
    return bad(type,
               fmt::format("\"{}\" does not parse: {}", join(words).substr(0, 80), why != nullptr ? why : "unknown"));
  }
  std::string wire;
  for (std::size_t i = 0; i < ldns_rr_rd_count(rr.get()); ++i) {
    const ldns_rdf* field = ldns_rr_rdf(rr.get(), i);
    if (field == nullptr) return bad(type, "a field is missing");
    wire.append(reinterpret_cast<const char*>(ldns_rdf_data(field)), ldns_rdf_size(field));
  }
  return wire;
}

Result<std::string> location_text(std::string_view wire) {
  if (wire.size() != 16 || wire[0] != 0)
    return bad(kLOC, "the RDATA is not 16 octets of version 0 (RFC 1876 section 2)");
  for (const std::size_t at : {1, 2, 3}) {  // size and precisions: mantissa and exponent, in centimetres
    const std::uint32_t mantissa = octet_at(wire, at) >> 4;
    const std::uint32_t exponent = octet_at(wire, at) & 15;
    if (mantissa > 9 || exponent > 9 || (exponent == 9 && mantissa > 4))
      return bad(kLOC, "a size or precision is above 40000000 m, which PowerDNS cannot hold (RFC 1876 section 2)");
  }
  const auto beyond = [&](std::size_t at, std::uint32_t degrees) {
    const std::uint32_t most = degrees * 3'600'000U;  // thousandths of an arc second around 2^31
    const std::uint32_t value = u32_at(wire, at);
    return value < 0x8000'0000U - most || value > 0x8000'0000U + most;
  };
  if (beyond(4, 90) || beyond(8, 180))
    return bad(kLOC, "the latitude is above 90 or the longitude above 180 degrees (RFC 1876 section 3)");
  const LdnsRdf field(ldns_rdf_new_frm_data(LDNS_RDF_TYPE_LOC, wire.size(), wire.data()));
  const CString text(field ? ldns_rdf2str(field.get()) : nullptr);
  if (!text) return bad(kLOC, "the RDATA cannot be written as text");
  return std::string(text.get());
}

// LUA: a type and quoted strings, whose insides belong to the script.
Result<std::string> lua_content(std::span<const Token> words) {
  if (words.size() < 2)
    return bad(kLUA, "a type and the code in quotes are needed, as in: A \"ifportup(443, {'192.0.2.1'})\"");
  const auto inner = RrType::parse(words[0].text);
  if (!inner || words[0].quoted) return bad(kLUA, fmt::format("\"{}\" is not an RR type", words[0].text.substr(0, 80)));
  std::string content = inner->text();
  LuaCode code;
  std::size_t octets = 0;
  for (const Token& word : words.subspan(1)) {
    const bool plain = std::all_of(word.text.begin(), word.text.end(), [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    });
    if (!word.quoted && (!plain || words.size() > 2)) return bad(kLUA, "the code must be in double quotes");
    octets += word.text.size() + 4;
    content += " \"";
    code.append(word.text, content);
    content += '"';
  }
  if (octets > kMaxRdata) return bad(kLUA, "the code is longer than 65535 octets");
  return content;
}

Result<std::string> lua_wire(std::span<const Token> words) {
  if (words.empty()) return bad(kLUA, "the RDATA is missing");
  const auto inner = RrType::parse(words[0].text);
  if (!inner) return fail(inner.error());
  std::string wire;
  append_u16(wire, inner->value);
  for (const Token& word : words.subspan(1)) {
    std::size_t from = 0;
    do {
      const std::string_view chunk = word.text.substr(from, 255);
      wire += static_cast<char>(chunk.size());
      wire += chunk;
      from += chunk.size();
    } while (from < word.text.size());
  }
  return wire;
}

Result<std::string> words_to_wire(RrType type, std::span<const Token> words, const Name& origin) {
  if (auto generic = generic_rdata(type, words)) {
    if (type == kLUA) return bad(type, "\\# is not taken for this type");
    return *generic;
  }
  std::string wire;
  if (type == kLUA) {
    auto content = lua_wire(words);
    if (!content) return content;
    wire = std::move(*content);
  } else if (!layout_of(type).empty()) {
    std::string fault;
    if (!fields_to_wire(type, words, origin, wire, fault)) return bad(type, fault);
  } else if (ldns_knows(type)) {
    auto parsed = ldns_to_wire(type, words, origin);
    if (!parsed) return parsed;
    wire = std::move(*parsed);
  } else {
    return bad(type, "the type has no presentation format here",
               "write its RDATA as \\# length hex (RFC 3597 section 5)");
  }
  if (wire.size() > kMaxRdata) return bad(type, "the RDATA is longer than 65535 octets");
  return wire;
}

// One line without comments, to words. Parentheses are those of master files.
Result<std::vector<Token>> split(RrType type, std::string_view rdata) {
  std::vector<Token> words;
  Tokenizer tokenizer(rdata);
  tokenizer.join_quoted_values(type == kSVCB || type == kHTTPS);
  tokenizer.lines_in_quotes(type == kLUA);
  for (;;) {
    Token word;
    switch (tokenizer.next(word)) {
      case Tokenizer::Step::kToken:
        words.push_back(word);
        break;
      case Tokenizer::Step::kEndOfText:
        return words;
      case Tokenizer::Step::kEndOfEntry:
        return bad(type, "there is a line break outside of parentheses");
      case Tokenizer::Step::kFault:
        return bad(type, describe(tokenizer.fault()));
    }
  }
}

bool is_meta(RrType type) { return type.value == 0 || type.value == 41 || (type.value >= 249 && type.value <= 255); }

std::string lowered(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  return lower;
}

}  // namespace

Result<std::string> content_from_wire(RrType type, std::string_view wire) {
  if (type == kLUA) return bad(type, "\\# is not taken for this type");
  std::string text;
  if (type == kLOC) {
    auto location = location_text(wire);
    if (!location) return location;
    text = std::move(*location);
  } else if (layout_of(type).empty()) {
    return generic_text(wire);
  } else if (text.reserve(wire.size() * 2 + 16); !wire_to_fields(type, wire, text)) {
    return bad(type, "the octets are not RDATA of this type");
  }
  return text;
}

Result<std::string> content_from_words(RrType type, std::span<const Token> words, const Name& origin) {
  if (is_meta(type)) return bad(type, "this is not a type of records (RFC 6895 section 3.1)");
  const bool generic = !words.empty() && !words[0].quoted && words[0].text == "\\#";
  if (type == kLUA && !generic) return lua_content(words);
  const auto wire = words_to_wire(type, words, origin);
  if (!wire) return wire;
  auto content = content_from_wire(type, *wire);
  if (!content || !(generic || type == kLOC) || layout_of(type).empty() == (type != kLOC)) return content;
  // Octets that came from outside as they are: they must survive the way through text.
  const auto again = rdata_wire(type, *content);
  if (!again || *again != *wire) return bad(type, "the RDATA has no presentation format that stands for it");
  return content;
}

Result<std::string> canonical_content(RrType type, std::string_view rdata, const Name& origin) {
  const auto words = split(type, rdata);
  if (!words) return fail(words.error());
  return content_from_words(type, *words, origin);
}

Result<std::string> rdata_wire(RrType type, std::string_view content) {
  const auto words = split(type, content);
  if (!words) return fail(words.error());
  return words_to_wire(type, *words, Name());
}

Result<std::string> canonical_rdata_wire(RrType type, std::string_view content) {
  switch (type.value) {
    case 2:
    case 5:
    case 6:
    case 7:
    case 8:
    case 9:
    case 12:
    case 14:
    case 15:
    case 17:
    case 18:
    case 33:
    case 36:
    case 39:
    case 65401:
      return rdata_wire(type, lowered(content));
    case 35: {  // the replacement only: flags, service and regexp are text
      const std::size_t last = content.rfind(' ');
      if (last == std::string_view::npos) break;
      return rdata_wire(type, std::string(content.substr(0, last)) + lowered(content.substr(last)));
    }
    default:
      break;
  }
  return rdata_wire(type, content);
}

std::vector<Name> followed_targets(RrType type, std::string_view content) {
  int skip = 0;
  switch (type.value) {
    case 2:
    case 5:
    case 39:
    case 65401:
      break;
    case 15:
    case 64:
    case 65:
      skip = 1;
      break;
    case 33:
      skip = 3;
      break;
    case 35:
      skip = -1;
      break;
    default:
      return {};
  }
  if (skip < 0) {
    const std::size_t last = content.rfind(' ');
    content.remove_prefix(last == std::string_view::npos ? 0 : last + 1);
  }
  for (; skip > 0; --skip) {
    const std::size_t blank = content.find(' ');
    if (blank == std::string_view::npos) return {};
    content.remove_prefix(blank + 1);
  }
  auto name = Name::parse(content.substr(0, content.find(' ')));
  if (!name || name->is_root()) return {};
  std::vector<Name> targets;
  targets.push_back(std::move(*name));
  return targets;
}

Result<RrType> parse_any_type(std::string_view text) {
  auto type = RrType::parse(text);
  // ldns gives TYPE65536 a number that is not one of its enumeration.
  if (type || text.size() > 12 || equal_ignoring_case(text.substr(0, 4), "TYPE")) return type;
  const std::string name(text);
  if (const ldns_rr_type other = ldns_get_rr_type_by_name(name.c_str());
      other != 0 && ldns_knows(RrType{static_cast<std::uint16_t>(other)}))
    return RrType{static_cast<std::uint16_t>(other)};
  return type;
}

}  // namespace sdns::dns
