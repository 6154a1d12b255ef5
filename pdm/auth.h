// SPDX-License-Identifier: MIT
// Who asks, and what they may: tokens with scopes, and rules by route and network. DESIGN section 9.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/base/clock.h"
#include "backend/dns/ip.h"
#include "backend/net/api_server.h"
#include "backend/store/authority.h"
#include "pdm/writer.h"

namespace sdns::pdm {

/// "VERB:OBJECT": what a token may do, to which pool domain. `*` is every verb, or every object.
struct Scope {
  std::string verb;
  std::string object;
  /// Errors: kInvalidArgument (no such verb, or not of this form).
  static Result<Scope> parse(std::string_view text);
  [[nodiscard]] bool allows(std::string_view asked_verb, std::string_view asked_object) const;
  friend bool operator==(const Scope&, const Scope&) = default;
};
/// Commas, blanks or line ends between.
Result<std::vector<Scope>> parse_scopes(std::string_view text);
/// What the API has: check list reserve commit release force-release allocation tokens audit metrics.
const std::vector<std::string>& scope_verbs();

struct Principal {
  std::string name;
  std::string owner;  ///< of what it allocates
  std::vector<Scope> scopes;
  [[nodiscard]] bool may(std::string_view verb, std::string_view object) const;
};

/// Requests of these verbs from these networks need no token.
struct AuthRule {
  std::vector<std::string> verbs;  ///< "*" for every one
  std::vector<dns::IpNetwork> networks;
};

struct AuthOptions {
  bool tokens = true;  ///< false: nobody needs one, and all callers are one owner
  std::vector<AuthRule> rules;
  std::string credentials_file;  ///< "" for none: lines of `OWNER TOKEN SCOPES`, re-read when it changes
  std::string first_token;       ///< may everything; "" for none. Secret
};

/// SHA-256 of a token; tokens have 256 bits of chance, so that no salt is needed.
std::string token_hash(std::string_view token);
/// A new one: "sdns_" and 43 letters. Its id is the first letters of its hash.
std::string new_api_token();
std::string token_id(std::string_view hash);

/// The token of a request: Authorization Bearer, X-Catalyst-Token, X-API-Key, or the password of Authorization Basic.
/// "" when it has none.
std::string presented_token(const net::ApiRequest& request);

class Auth {
 public:
  Auth(AuthOptions options, Readers& readers, const Clock& clock, const WallClock& wall_clock);

  enum class Denied : std::uint8_t { kNoToken, kUnknownToken, kScope };
  using Verdict = tl::expected<Principal, Denied>;
  /// Who may do this. Errors: the database does not answer.
  Result<Verdict> admit(const net::ApiRequest& request, std::string_view verb, std::string_view object);

 private:
  struct Credential {
    std::string hash;
    Principal principal;
  };
  Result<std::optional<Principal>> find(std::string_view token);
  void reread_credentials();

  const AuthOptions options_;
  Readers& readers_;
  const Clock& clock_;
  const WallClock& wall_clock_;
  std::mutex mutex_;
  std::vector<Credential> credentials_;
  std::string file_version_;  ///< of what was read: times and size
  SteadyTime next_look_{};
};

/// The lines of a credentials file. Errors: kInvalidArgument with the number of the line, never with the token.
Result<std::vector<std::pair<std::string, Principal>>> parse_credentials(std::string_view text);

}  // namespace sdns::pdm
