// SPDX-License-Identifier: MIT
#include "backend/health/check_question.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

namespace sdns::health {
namespace {

// Blanks end a word; `%` begins an escape.
void append_word(std::string_view text, std::string& out) {
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet <= ' ' || octet >= 0x7F || c == '%') out += fmt::format("%{:02x}", octet);
    else out += c;
  }
}

bool read_word(std::string_view word, std::string& out) {
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (word[i] != '%') {
      out += word[i];
      continue;
    }
    unsigned value = 0;
    if (i + 2 >= word.size()) return false;
    const auto end = std::from_chars(word.data() + i + 1, word.data() + i + 3, value, 16);
    if (end.ec != std::errc{} || end.ptr != word.data() + i + 3) return false;
    out += static_cast<char>(value);
    i += 2;
  }
  return true;
}

constexpr std::string_view kHidden = "(hidden:";

bool is_hidden(std::string_view value) { return value.starts_with(kHidden) && value.ends_with(')'); }

// FNV-1a, folded: tells values apart, and says little of them.
std::uint16_t short_hash(std::string_view value) {
  std::uint32_t hash = 2'166'136'261;
  for (const char c : value) hash = (hash ^ static_cast<std::uint8_t>(c)) * 16'777'619;
  return static_cast<std::uint16_t>(hash ^ hash >> 16);
}

// RFC 3986 section 3.2.
std::string_view authority_of(std::string_view url) {
  const std::size_t slashes = url.find("//");
  if (slashes == std::string_view::npos) return {};
  return url.substr(slashes + 2, url.find_first_of("/?#", slashes + 2) - slashes - 2);
}

// What stands before the last `@` of a URL's authority.
std::string_view user_information(std::string_view url) {
  const std::string_view authority = authority_of(url);
  const std::size_t at = authority.rfind('@');
  return at == std::string_view::npos ? std::string_view() : authority.substr(0, at);
}

// The value of an option that nobody needs to see.
std::string_view secret_option(std::string_view word) {
  if (!word.starts_with("header:") && !word.starts_with("send=")) return {};
  const std::size_t equals = word.find('=');
  return equals == std::string_view::npos ? std::string_view() : word.substr(equals + 1);
}

template <class Number>
bool read_number(std::string_view word, Number& out) {
  const auto end = std::from_chars(word.data(), word.data() + word.size(), out);
  return end.ec == std::errc{} && end.ptr == word.data() + word.size();
}

bool read_option(std::string_view name, std::string_view value, CheckOptions& options) {
  if (name == "timeout") return read_number(value, options.timeout_seconds);
  if (name == "interval") return read_number(value, options.interval_seconds);
  if (name == "minimumFailures") return read_number(value, options.minimum_failures);
  if (name == "byteslimit") return read_number(value, options.byteslimit);
  if (name == "httpcode") return read_number(value, options.httpcode);
  if (name == "stringmatch") return read_word(value, options.stringmatch);
  if (name == "useragent") return read_word(value, options.useragent);
  if (name == "source") {
    const auto address = dns::IpAddress::parse(value);
    if (address) options.source = *address;
    return address.has_value();
  }
  if (name.starts_with("header:")) return read_word(value, options.headers[std::string(name.substr(7))]);
  std::string text;
  return read_word(value, text) && set_our_option(name, text, options).value_or(false);
}

tl::unexpected<Error> not_an_identity(std::string_view text) {
  return fail(Errc::kInvalidArgument, fmt::format("\"{}\" does not name a health check", text.substr(0, 300)),
              "`sdnsctl health list` shows their names");
}

}  // namespace

void append_endpoint(const dns::IpAddress& address, std::uint16_t port, std::string& out) {
  const bool brackets = port != 0 && !address.is_v4();
  if (brackets) out += '[';
  address.append_text(out);
  if (brackets) out += ']';
  if (port == 0) return;
  char digits[6];
  out += ':';
  out.append(digits, std::to_chars(digits, digits + sizeof digits, port).ptr);
}

void append_answered(const dns::IpAddress& answered, std::string& out) {
  out += " for=";
  answered.append_text(out);
}

IdentityParts identity_parts(CheckKind kind, std::string_view url, const CheckOptions& options) {
  IdentityParts parts;
  switch (kind) {
    case CheckKind::kTcp:
      parts.prefix = "tcp ";
      break;
    case CheckKind::kUrl:
    case CheckKind::kUrlOnly:
      parts.prefix = "url ";
      append_word(url, parts.prefix);
      if (kind == CheckKind::kUrl) parts.prefix += " from ";
      break;
    case CheckKind::kDns:
      parts.prefix = "dns ";
      append_word(options.dns_name ? options.dns_name->text() : ".", parts.prefix);
      parts.prefix += " from ";
      break;
    case CheckKind::kExec:
      parts.prefix = "exec " + options.program + " from ";
      break;
  }
  static const CheckOptions defaults;
  std::string& out = parts.suffix;
  const auto number = [&](std::string_view name, std::uint64_t value, std::uint64_t usual) {
    if (value != usual) out += fmt::format(" {}={}", name, value);
  };
  const auto text = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    out.append(" ").append(name) += '=';
    append_word(value, out);
  };
  const auto ours = [&](const std::vector<OurOption>& given) {
    for (const OurOption& option : given) text(option.name, option.value);
  };
  const bool exec = kind == CheckKind::kExec;  // the time that it has is the program's own
  if (!exec) number("timeout", options.timeout_seconds, defaults.timeout_seconds);
  number("interval", options.interval_seconds, defaults.interval_seconds);
  if (options.thresholds) ours(threshold_options(options));
  else number("minimumFailures", options.minimum_failures, defaults.minimum_failures);
  if (exec) return parts;
  if (options.source) text("source", options.source->text());
  if (kind == CheckKind::kTcp) {
    ours(tcp_options(options));
    return parts;
  }
  if (kind == CheckKind::kDns) {
    ours(dns_options(options));
    return parts;
  }
  text("stringmatch", options.stringmatch);
  text("useragent", options.useragent);
  number("byteslimit", options.byteslimit, defaults.byteslimit);
  if (options.codes.empty()) number("httpcode", options.httpcode, defaults.httpcode);
  ours(http_options(options));
  for (const auto& [name, value] : options.headers) {
    out += " header:";
    append_word(name, out);
    out += '=';
    append_word(value, out);
  }
  return parts;
}

std::string shown_check(std::string_view identity) {
  std::string shown;
  shown.reserve(identity.size());
  bool of_url = false;  // the word before was `url`: this one is it
  for (bool first = true; !identity.empty(); first = false) {
    const std::size_t end = std::min(identity.find(' '), identity.size());
    const std::string_view word = identity.substr(0, end);
    identity.remove_prefix(std::min(end + 1, identity.size()));
    const std::string_view secret = of_url ? user_information(word) : first ? std::string_view() : secret_option(word);
    of_url = first && word == "url";
    if (!first) shown += ' ';
    if (secret.empty() || is_hidden(secret)) {
      shown += word;
      continue;
    }
    const auto at = static_cast<std::size_t>(secret.data() - word.data());
    shown += word.substr(0, at);
    fmt::format_to(std::back_inserter(shown), "{}{:04x})", kHidden, short_hash(secret));
    shown += word.substr(at + secret.size());
  }
  return shown;
}

std::string CheckQuestion::target() const {
  if (kind != CheckKind::kUrlOnly) return address.text();
  const std::string_view authority = authority_of(url);
  std::string host(authority.substr(authority.rfind('@') + 1));  // npos + 1: all of it
  for (char& c : host)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return host;
}

std::string CheckQuestion::identity() const {
  IdentityParts parts = identity_parts(kind, url, options);
  std::string text = std::move(parts.prefix);
  if (kind != CheckKind::kUrlOnly) append_endpoint(address, port, text);
  text += parts.suffix;
  if (answered && *answered != address) append_answered(*answered, text);
  return text;
}

Result<CheckQuestion> CheckQuestion::parse(std::string_view identity) {
  CheckQuestion question;
  std::string_view rest = identity;
  const auto next = [&] {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return word;
  };
  const std::string_view kind = next();
  std::string_view endpoint;
  if (kind == "tcp") {
    endpoint = next();
  } else if (kind == "url") {
    question.kind = CheckKind::kUrlOnly;
    if (!read_word(next(), question.url) || question.url.empty()) return not_an_identity(identity);
    if (rest.starts_with("from ")) {
      question.kind = CheckKind::kUrl;
      next();
      endpoint = next();
    }
  } else if (kind == "dns") {
    question.kind = CheckKind::kDns;
    std::string name;
    if (!read_word(next(), name) || next() != "from") return not_an_identity(identity);
    auto asked = dns::Name::parse(name);
    if (!asked) return not_an_identity(identity);
    question.options.dns_name = std::move(*asked);
    endpoint = next();
  } else if (kind == "exec") {
    question.kind = CheckKind::kExec;
    question.options.program = next();
    if (!is_program_name(question.options.program) || next() != "from") return not_an_identity(identity);
    endpoint = next();
  } else {
    return not_an_identity(identity);
  }
  if (question.kind != CheckKind::kUrlOnly) {
    const auto parsed = dns::Endpoint::parse(endpoint);
    if (!parsed || parsed->lenient) return not_an_identity(identity);
    question.address = parsed->address;
    question.port = parsed->port != 0 || question.kind != CheckKind::kDns ? parsed->port : kDnsPort;
  }
  while (!rest.empty()) {
    const std::string_view word = next();
    const std::size_t equals = word.find('=');
    if (equals == std::string_view::npos) return not_an_identity(identity);
    std::string name;
    if (word.starts_with("for=") && question.kind != CheckKind::kUrlOnly) {
      const auto answered = dns::IpAddress::parse(word.substr(equals + 1));
      if (!answered || *answered == question.address) return not_an_identity(identity);
      question.answered = *answered;
      continue;
    }
    if (!read_word(word.substr(0, equals), name) || !read_option(name, word.substr(equals + 1), question.options))
      return not_an_identity(identity);
  }
  return question;
}

}  // namespace sdns::health
