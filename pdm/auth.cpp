// SPDX-License-Identifier: MIT
#include "pdm/auth.h"

#include <fmt/format.h>
#include <sodium.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <utility>

#include "pdm/label.h"

namespace sdns::pdm {
namespace {

constexpr std::chrono::seconds kLookEvery{1};

std::vector<std::string> words(std::string_view text, std::string_view separators) {
  std::vector<std::string> found;
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of(separators), text.size());
    if (end != 0) found.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return found;
}

std::optional<std::string> from_base64(std::string_view text) {
  std::string out(text.size(), '\0');
  std::size_t size = 0;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), text.data(), text.size(), nullptr,
                        &size, nullptr, sodium_base64_VARIANT_ORIGINAL) != 0)
    return std::nullopt;
  out.resize(size);
  return out;
}

/// What follows the scheme of an Authorization header, whose letter case does not matter.
std::optional<std::string> after_scheme(const std::string& header, std::string_view scheme) {
  if (header.size() <= scheme.size() || header[scheme.size()] != ' ') return std::nullopt;
  if (trimmed_lower(std::string_view(header).substr(0, scheme.size())) != scheme) return std::nullopt;
  const auto first = header.find_first_not_of(' ', scheme.size());
  return first == header.npos ? std::nullopt : std::optional(header.substr(first));
}

}  // namespace

const std::vector<std::string>& scope_verbs() {
  static const std::vector<std::string> verbs = {"check",         "list",       "reserve", "commit", "release",
                                                 "force-release", "allocation", "tokens",  "audit",  "metrics"};
  return verbs;
}

Result<Scope> Scope::parse(std::string_view text) {
  const auto colon = text.find(':');
  Scope scope{std::string(text.substr(0, colon)), colon == text.npos ? "*" : trimmed_lower(text.substr(colon + 1))};
  const auto& verbs = scope_verbs();
  if (scope.object.empty() || (scope.verb != "*" && std::find(verbs.begin(), verbs.end(), scope.verb) == verbs.end()))
    return fail(Errc::kInvalidArgument, fmt::format("\"{}\" is no scope", text),
                fmt::format("a scope is VERB:POOLDOMAIN or *; the verbs are {}", fmt::join(verbs, ", ")));
  return scope;
}

bool Scope::allows(std::string_view asked_verb, std::string_view asked_object) const {
  return (verb == "*" || verb == asked_verb) && (object == "*" || object == asked_object);
}

Result<std::vector<Scope>> parse_scopes(std::string_view text) {
  std::vector<Scope> scopes;
  for (const std::string& word : words(text, ", \t\n")) {
    auto scope = Scope::parse(word);
    if (!scope) return fail(std::move(scope.error()));
    scopes.push_back(std::move(*scope));
  }
  if (scopes.empty()) return fail(Errc::kInvalidArgument, "a token needs a scope", "* is everything");
  return scopes;
}

bool Principal::may(std::string_view verb, std::string_view object) const {
  return std::any_of(scopes.begin(), scopes.end(), [&](const Scope& scope) { return scope.allows(verb, object); });
}

std::string token_hash(std::string_view token) {
  std::string hash(crypto_hash_sha256_BYTES, '\0');
  crypto_hash_sha256(reinterpret_cast<unsigned char*>(hash.data()),
                     reinterpret_cast<const unsigned char*>(token.data()), token.size());
  return hash;
}

std::string new_api_token() {
  std::array<unsigned char, 32> octets;
  randombytes_buf(octets.data(), octets.size());
  std::array<char, sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_URLSAFE_NO_PADDING)> text{};
  sodium_bin2base64(text.data(), text.size(), octets.data(), octets.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  return std::string("sdns_") + text.data();
}

std::string token_id(std::string_view hash) {
  std::string id;
  for (std::size_t i = 0; i < 6 && i < hash.size(); ++i)
    id += fmt::format("{:02x}", static_cast<unsigned char>(hash[i]));
  return id;
}

std::string presented_token(const net::ApiRequest& request) {
  const std::string& authorization = request.header("authorization");
  if (const auto bearer = after_scheme(authorization, "bearer")) return *bearer;
  for (const char* name : {"x-catalyst-token", "x-api-key"})
    if (const std::string& token = request.header(name); !token.empty()) return token;
  if (const auto basic = after_scheme(authorization, "basic")) {
    const auto pair = from_base64(*basic);
    const auto colon = pair ? pair->find(':') : std::string::npos;
    if (colon != std::string::npos) return pair->substr(colon + 1);
  }
  return {};
}

Result<std::vector<std::pair<std::string, Principal>>> parse_credentials(std::string_view text) {
  std::vector<std::pair<std::string, Principal>> found;
  int number = 0;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    ++number;
    const auto fields = words(line, " \t\r");
    if (fields.empty() || fields[0].starts_with('#')) continue;
    if (fields.size() < 3)
      return fail(Errc::kInvalidArgument, fmt::format("line {}: takes OWNER TOKEN SCOPE…", number));
    std::string scopes;
    for (std::size_t i = 2; i < fields.size(); ++i) scopes += fields[i] + " ";
    auto parsed = parse_scopes(scopes);
    if (!parsed)
      return fail(Errc::kInvalidArgument, fmt::format("line {}: {}", number, parsed.error().what), parsed.error().hint);
    found.emplace_back(token_hash(fields[1]), Principal{fields[0], fields[0], std::move(*parsed)});
  }
  return found;
}

Auth::Auth(AuthOptions options, Readers& readers, const Clock& clock, const WallClock& wall_clock)
    : options_(std::move(options)), readers_(readers), clock_(clock), wall_clock_(wall_clock) {
  reread_credentials();
}

// A file that cannot be read now leaves what was read before: it is being replaced, or a person must look at it.
void Auth::reread_credentials() {
  if (options_.credentials_file.empty()) return;
  struct stat status {};
  if (::stat(options_.credentials_file.c_str(), &status) != 0) return;
  const std::string version =
      fmt::format("{} {} {} {}", status.st_ino, status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
  if (version == file_version_) return;
  std::ifstream in(options_.credentials_file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  auto parsed = parse_credentials(text);
  if (!in || !parsed) return;
  file_version_ = version;
  credentials_.clear();
  for (auto& [hash, principal] : *parsed) credentials_.push_back({std::move(hash), std::move(principal)});
}

Result<std::optional<Principal>> Auth::find(std::string_view token) {
  const std::string hash = token_hash(token);
  if (!options_.first_token.empty() && hash == token_hash(options_.first_token))
    return Principal{"first-token", "first-token", {{"*", "*"}}};
  {
    std::lock_guard lock(mutex_);
    if (const SteadyTime now = clock_.now(); now >= next_look_) {
      next_look_ = now + kLookEvery;
      reread_credentials();
    }
    for (const Credential& one : credentials_)
      if (one.hash == hash) return one.principal;
  }
  using Row = std::optional<store::ApiTokenRow>;
  auto row = readers_.read<Row>([&](store::Transaction& read) { return read.ledger().api_token_by_hash(hash); });
  if (!row) return fail(std::move(row.error()));
  const auto now =
      std::chrono::duration_cast<std::chrono::milliseconds>(wall_clock_.wall_now().time_since_epoch()).count();
  if (!*row || (*row)->revoked_at_ms != 0 || ((*row)->expires_at_ms != 0 && (*row)->expires_at_ms <= now))
    return std::nullopt;
  auto scopes = parse_scopes((*row)->scopes);
  if (!scopes) return fail(std::move(scopes.error()));
  return Principal{"token:" + (*row)->id, (*row)->owner, std::move(*scopes)};
}

Result<Auth::Verdict> Auth::admit(const net::ApiRequest& request, std::string_view verb, std::string_view object) {
  const Principal anybody{"anonymous", "anonymous", {{"*", "*"}}};
  if (!options_.tokens) return Verdict(anybody);
  const std::string token = presented_token(request);
  if (!token.empty()) {
    auto known = find(token);
    if (!known) return fail(std::move(known.error()));
    if (!*known) return Verdict(tl::unexpected(Denied::kUnknownToken));
    if (!(*known)->may(verb, object)) return Verdict(tl::unexpected(Denied::kScope));
    return Verdict(std::move(**known));
  }
  if (const auto peer = dns::IpAddress::parse(request.peer)) {
    for (const AuthRule& rule : options_.rules) {
      const auto& verbs = rule.verbs;
      if (std::find(verbs.begin(), verbs.end(), "*") == verbs.end() &&
          std::find(verbs.begin(), verbs.end(), verb) == verbs.end())
        continue;
      if (std::any_of(rule.networks.begin(), rule.networks.end(), [&](const auto& net) { return net.contains(*peer); }))
        return Verdict(anybody);
    }
  }
  return Verdict(tl::unexpected(Denied::kNoToken));
}

}  // namespace sdns::pdm
