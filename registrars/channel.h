// SPDX-License-Identifier: MIT
// One account's calls to one registrar: paced, timed, without secrets in what comes back.
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "registrars/context.h"
#include "registrars/fault.h"
#include "registrars/secret.h"
#include "registrars/traffic.h"

namespace sdns::registrars {

enum class Effect : std::uint8_t { kRead, kWrite };

struct Call {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  Effect effect = Effect::kRead;
  /// For messages: what is asked, without anything secret.
  std::string what = {};
};

struct Reply {
  int status = 0;
  std::string body{};
  std::string content_type{};
  std::optional<std::chrono::seconds> retry_after{};  ///< of the Retry-After header
  std::string request_id{};
  std::string location{};
};

/// What is particular to a registrar.
struct ChannelOptions {
  std::string registrar;
  std::string title;  ///< for people: "OVH"
  Pace pace{};
  std::chrono::seconds default_retry_after{60};
  std::string request_id_header{};  ///< lower case
};

/// Base URL with https, or with http on loopback. Error: kRegistrarError (a matter of configuration).
Answer<std::string> checked_base(std::string_view title, std::string_view url);

class Channel {
 public:
  Channel(Context& context, ChannelOptions options, std::vector<Secret> credential);

  /// Any response is an answer. Errors: kApiUnavailable (with Fault::timeout and Fault::executed), kRateLimited (our
  /// own budget, or a wait longer than the operation may take: nothing was sent). The call's headers and body are
  /// wiped.
  Answer<Reply> send(Call call);

  /// From now on everything ends by then.
  void begin_operation();
  [[nodiscard]] std::chrono::milliseconds left() const;
  /// Sleeps; false, at once, when the operation would be over before the end of it.
  bool pause(std::chrono::milliseconds time);

  [[nodiscard]] std::string_view part(std::size_t index) const { return credential_[index].view(); }
  [[nodiscard]] std::size_t parts() const { return credential_.size(); }
  [[nodiscard]] const ChannelOptions& options() const { return options_; }
  [[nodiscard]] Context& context() { return context_; }
  /// 8-4-4-4-12, version 4.
  [[nodiscard]] std::string uuid();

  /// A message of the registrar, fit for people: one line of at most 300 octets, credentials masked.
  [[nodiscard]] std::string quoted(std::string_view message) const;

  /// A fault with what the reply tells: status, request id, and Retry-After for kRateLimited, which every later call of
  /// the account then respects.
  [[nodiscard]] Fault fault(FaultKind kind, const Call& call, const Reply& reply, std::string_view code,
                            std::string_view message, std::string hint = {});
  /// For a body that is no answer of the API.
  [[nodiscard]] Fault no_answer(const Call& call, const Reply& reply);
  /// What HTTP alone says: 429, 5xx and bodies that are no answer; nothing when the reply must be looked at.
  [[nodiscard]] std::optional<Fault> transport_fault(const Call& call, const Reply& reply);

 private:
  std::optional<Fault> await_turn(const Call& call);

  Context& context_;
  const ChannelOptions options_;
  const std::vector<Secret> credential_;
  std::string account_;
  SteadyTime deadline_;
};

/// `{}` (discarded) when it is not JSON.
[[nodiscard]] nlohmann::json parse_json(std::string_view text);
/// A member as text, numbers in decimal; empty when it is missing or neither.
[[nodiscard]] std::string text_at(const nlohmann::json& object, const char* key);
/// A member, or null when `object` is no object or has none.
[[nodiscard]] const nlohmann::json& member(const nlohmann::json& object, const char* key);
/// A member as number, also when it is written as text; nothing when it is neither or out of range.
[[nodiscard]] std::optional<std::int64_t> number_at(const nlohmann::json& object, const char* key);
[[nodiscard]] bool flag_at(const nlohmann::json& object, const char* key);
/// Lower-cased ASCII.
[[nodiscard]] std::string lower(std::string_view text);
/// Whether `text` has `fragment`, letter case aside.
[[nodiscard]] bool has(std::string_view text, std::string_view fragment);

}  // namespace sdns::registrars
