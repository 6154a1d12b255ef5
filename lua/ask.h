// SPDX-License-Identifier: MIT
// What the health table says of candidates: one verdict for each from all that is asked of it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "backend/base/clock.h"
#include "backend/health/check_question.h"
#include "lua/call.h"

namespace sdns::lua {

/// Used once.
class Asking {
 public:
  explicit Asking(const Call& call) : call_(call), options_(call.scratch().options) {}

  /// This question, which is the function's own, and the further ones of the options. Sets the verdict of each
  /// candidate, when it was up last, and Candidate::self_weight from the first. False when the budget is used up, or
  /// after Call::fail().
  [[nodiscard]] bool run(health::CheckKind kind, std::string_view url, std::uint16_t port);
  /// The further ones alone.
  [[nodiscard]] bool run();

 private:
  struct Question {
    health::CheckKind kind;
    std::uint16_t port;
    bool own_port;  // counts before that of the candidate
    health::IdentityParts parts;
  };
  // What a candidate's check of a question says.
  struct Said {
    health::Verdict verdict = health::Verdict::kUnknown;
    bool forced = false;
    SteadyTime last_up{};  // State::last_up
  };
  void add(health::CheckKind kind, std::string_view url, std::uint16_t port, bool own_port,
           const health::CheckOptions& check);
  bool ask_all();
  bool ask(Candidate& candidate, bool first, const Question& question, Said& said);
  void plan_ttl(std::uint8_t step) const;
  bool write_identity(const Candidate& candidate, const Question& question);
  [[nodiscard]] dns::IpAddress probed(const Candidate& candidate) const;
  void note_idle_probes() const;

  const Call& call_;
  Options& options_;
  std::vector<Question> questions_;
  std::vector<std::string> said_;  // of one candidate, for the trace
};

}  // namespace sdns::lua
