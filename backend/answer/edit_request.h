// SPDX-License-Identifier: MIT
// What PowerDNS's edits mean: what is known at once, and what another thread has to do.
#pragma once

#include <memory>
#include <utility>
#include <variant>

#include "backend/answer/editor.h"
#include "backend/answer/open_transaction.h"
#include "backend/protocol/reply.h"

namespace sdns::answer {

/// How an edit that was carried out is answered, and one that failed.
enum class Report : std::uint8_t {
  kTrueOrFalse,
  kKeyId,
  kReservedKey,   ///< its id; the transaction then adds the key
  kTrueOrBroken,  ///< commitTransaction: PowerDNS takes `false` for success, and only no result for a failure
};
struct EditWork {
  /// What to do. Making it of a transaction takes as long as the transaction is large: for the thread that edits.
  [[nodiscard]] Edit take() && { return transaction ? Edit(std::move(*transaction).take()) : std::move(edit); }

  Edit edit;  ///< unless there is a transaction
  Report report = Report::kTrueOrFalse;
  std::shared_ptr<OpenTransaction> transaction = {};
};
using EditPlan = std::variant<protocol::Accepted, protocol::Declined, EditWork, AutoprimaryQuestion>;

/// Requires an edit (protocol::is_edit). `transaction` is the connection's, null when none is open; `zones` is what
/// is served now. An error is a reason to decline: it names the object and the rule.
Result<EditPlan> plan_edit(const protocol::Request& request, std::shared_ptr<OpenTransaction>& transaction,
                           const zone::ZoneSetPtr& zones);

}  // namespace sdns::answer
