// SPDX-License-Identifier: MIT
#include "backend/health/probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "backend/dns/ldns_codec.h"
#include "backend/dns/rdata_text.h"

namespace sdns::health {
namespace {

constexpr std::uint32_t kFollowedAsPowerdns = 30;  // the limit of libcurl since 8.3.0, which PowerDNS leaves as it is

constexpr std::array<std::string_view, 20> kFailureNames = {
    "none",      "timeout",  "refused",     "unreachable", "reset",   "closed", "resolve",
    "forbidden", "tls",      "certificate", "protocol",    "status",  "rcode",  "mismatch",
    "too-large", "redirect", "exit",        "disabled",    "invalid", "local"};
static_assert(kFailureNames.size() == static_cast<std::size_t>(ProbeFailure::kLocal) + 1);

tl::unexpected<Error> broken(std::string what, std::string hint = {}) {
  return fail(Errc::kInvalidArgument, std::move(what), std::move(hint));
}

bool one_line(std::string_view text) { return text.find_first_of(std::string_view("\r\n\0", 3)) == text.npos; }

// RFC 9110 section 5.6.2.
bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

bool is_http_url(std::string_view url) {
  const auto starts = [url](std::string_view scheme) {
    return url.size() > scheme.size() && std::equal(scheme.begin(), scheme.end(), url.begin(), [](char a, char b) {
             return a == (b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b);
           });
  };
  return (starts("http://") || starts("https://")) &&
         std::none_of(url.begin(), url.end(), [](unsigned char c) { return c <= ' ' || c == 0x7F; });
}

Result<void> check(const TcpProbe& tcp) {
  if (tcp.limit_octets == 0) return broken("a limit of 0 octets leaves nothing to read");
  return {};
}

Result<void> check(const HttpProbe& http) {
  if (!is_token(http.method)) return broken(fmt::format("\"{}\" is not an HTTP method", http.method));
  if (!is_http_url(http.url))
    return broken(fmt::format("\"{}\" is not an http or https URL", dns::printable(http.url)),
                  "write http://host/path or https://host/path");
  for (const auto& [name, value] : http.headers)
    if (!is_token(name) || !one_line(value))
      return broken(fmt::format("\"{}\" is no header of HTTP, or has a line break in it", dns::printable(name)));
  if (!one_line(http.user_agent)) return broken("the user agent has a line break in it");
  if (http.codes.empty()) return broken("no HTTP status is expected, so that none would do");
  return {};
}

Result<void> check(const DnsProbe& probe) {
  for (const std::string& rdata : probe.rdata)
    if (auto content = dns::canonical_content(probe.type, rdata, dns::Name()); !content) return fail(content.error());
  return {};
}

Result<void> check(const ExecProbe& exec) {
  if (exec.argv.empty() || !exec.argv.front().starts_with('/'))
    return broken("a program to run is not named by its absolute path");
  for (const std::string& word : exec.argv)
    if (word.find('\0') != std::string::npos) return broken("an argument of a program has a NUL in it");
  if (exec.cpu_seconds < 1 || exec.cpu_seconds > 3600 || exec.memory_mebioctets < 1 || exec.open_files < 3)
    return broken("a program needs 1 to 3600 s of CPU, 1 MiB of memory and 3 open files at least");
  return {};
}

}  // namespace

std::string_view failure_name(ProbeFailure failure) { return kFailureNames[static_cast<std::size_t>(failure)]; }

ProbeResult probe_failed(ProbeFailure failure, std::string_view text) {
  ProbeResult result;
  result.failure = failure;
  // printable() writes up to four octets for one.
  result.text = dns::printable(text.substr(0, kMaxProbeText));
  if (result.text.size() > kMaxProbeText) {
    std::size_t end = kMaxProbeText;
    while (end > 0 && (static_cast<unsigned char>(result.text[end]) & 0xC0) == 0x80) --end;  // whole characters
    result.text.resize(end);
  }
  return result;
}

Result<void> check_probe(const ProbeSpec& spec) {
  const auto* http = std::get_if<HttpProbe>(&spec.kind);
  const bool exec = std::holds_alternative<ExecProbe>(spec.kind);
  if (spec.timeout.count() < 1 || spec.timeout > kMaxProbeTimeout)
    return broken(
        fmt::format("a timeout of {} ms is not from 1 to {}", spec.timeout.count(), kMaxProbeTimeout.count()));
  if (spec.port == 0 && http == nullptr && !exec) return broken("port 0 cannot be connected to", "name a port");
  const bool pinned = http == nullptr || http->host == HttpHost::kPinned;
  if (spec.source && pinned && spec.source->is_v4() != spec.address.is_v4())
    return broken(fmt::format("{} cannot be probed from {}: one is IPv4 and the other IPv6", spec.address.text(),
                              spec.source->text()));
  return std::visit([](const auto& kind) { return check(kind); }, spec.kind);
}

std::string seconds_text(std::chrono::milliseconds time) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(time).count());
}

ProbeSpec probe_of(const CheckQuestion& question, std::string_view default_user_agent, const Programs& programs) {
  const CheckOptions& options = question.options;
  ProbeSpec spec;
  spec.address = question.address;
  spec.port = question.port;
  spec.source = options.source;
  spec.timeout = std::chrono::seconds(options.timeout_seconds);
  if (question.kind == CheckKind::kTcp) {
    spec.kind = TcpProbe{.send = options.send, .expect = options.expect};
    return spec;
  }
  if (question.kind == CheckKind::kDns) {
    DnsProbe asked{
        .name = options.dns_name.value_or(dns::Name()), .type = options.dns_type, .rcode = options.dns_rcode};
    if (!options.dns_rdata.empty()) asked.rdata.push_back(options.dns_rdata);
    spec.kind = std::move(asked);
    return spec;
  }
  if (question.kind == CheckKind::kExec) {
    ExecProbe exec{.name = options.program, .answered = question.answered.value_or(question.address)};
    if (const auto program = programs.find(options.program); program != programs.end()) {
      spec.timeout = program->second.timeout;
      exec.cpu_seconds = static_cast<std::uint32_t>(program->second.timeout.count());
      exec.memory_mebioctets = program->second.memory_mebioctets;
      const std::map<std::string_view, std::string> values = {{"{address}", spec.address.text()},
                                                              {"{answered}", exec.answered.text()},
                                                              {"{port}", std::to_string(spec.port)},
                                                              {"{timeout}", seconds_text(spec.timeout)}};
      for (const std::string& word : program->second.command)
        exec.argv.push_back(exec.argv.empty() ? word : filled_in(word, values));
    }
    spec.kind = std::move(exec);
    return spec;
  }
  HttpProbe http;
  http.method = options.method;
  http.url = question.url;
  http.host = question.kind == CheckKind::kUrl ? HttpHost::kPinned : HttpHost::kResolved;
  http.headers.assign(options.headers.begin(), options.headers.end());
  http.user_agent = options.useragent.empty() ? default_user_agent : options.useragent;
  const auto code = static_cast<std::uint16_t>(std::min<std::uint32_t>(options.httpcode, 0xFFFF));
  http.codes = options.codes.empty() ? Codes{CodeRange{code, code}} : options.codes;
  http.stringmatch = options.stringmatch;
  http.byte_limit = options.byteslimit;
  http.redirects = options.redirects;
  http.most_redirects = kFollowedAsPowerdns;
  http.verify_certificate = options.verify;
  spec.kind = std::move(http);
  return spec;
}

}  // namespace sdns::health
