// SPDX-License-Identifier: MIT
// Edits that PowerDNS asks for, as data, and who carries them out.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "backend/base/error.h"
#include "backend/dns/record.h"
#include "backend/net/line_handler.h"
#include "backend/protocol/request.h"
#include "backend/zone/source.h"

namespace sdns::answer {

struct ChangeKey {
  zone::ZoneId zone = 0;
  std::uint32_t key = 0;
  protocol::ChangeDomainKey::What what{};
};
/// Changes the state of a key; not for a removal.
void apply_change(protocol::ChangeDomainKey::What what, zone::Key& key);

/// Everything that one transaction of PowerDNS did.
struct ZoneEdit {
  enum class Mode : std::uint8_t {
    kInPlace,  ///< `rrsets` are put in place of theirs; empty contents remove
    kReplace,  ///< the zone is `rrsets` and nothing else
  };
  zone::ZoneId zone = 0;
  Mode mode = Mode::kInPlace;
  zone::Revision base = 0;         ///< what PowerDNS saw when it began: a later change of the same is a conflict
  std::vector<dns::Rrset> rrsets;  ///< in canonical order, without duplicates
  std::vector<zone::Metadata> metadata = {};  ///< without values: removed
  std::vector<zone::Key> keys = {};           ///< added, with ids that were reserved
  std::vector<ChangeKey> key_changes = {};    ///< after them
};
struct AddKey {
  zone::ZoneId zone = 0;
  zone::Key key;  ///< without id
};
/// Gives an id to a key that a transaction adds: PowerDNS is told it before the commit. The key is checked.
struct ReserveKey {
  zone::ZoneId zone = 0;
  zone::Key key;
};
struct PutTsigKey {
  zone::TsigKey key;
};
struct RemoveTsigKey {
  dns::Name name;
};
struct NoteNotified {
  zone::ZoneId zone = 0;
  std::uint32_t serial = 0;
};
/// A check of a secondary zone against its primary; not fresh: it is due at once.
struct NoteChecked {
  zone::ZoneId zone = 0;
  bool fresh = true;
};
struct CreateSecondary {
  dns::Name apex;
  std::string primary;
  std::string account;
};
using Edit = std::variant<ZoneEdit, AddKey, ChangeKey, ReserveKey, PutTsigKey, RemoveTsigKey, NoteNotified, NoteChecked,
                          CreateSecondary>;

/// Whether this address, with one of these name servers, may have zones made here by NOTIFY.
struct AutoprimaryQuestion {
  std::string address;
  std::vector<dns::Name> name_servers;
};
struct Autoprimary {
  std::string account;
  std::string name_server;
};

/// The authority database as PowerDNS edits it. Waits for the disk; safe from any thread.
class Editor {
 public:
  virtual ~Editor() = default;
  /// Carried out, durable, and answered by this process. The id of an added or reserved key, else 0. After an error
  /// nothing was changed, with one exception that the error says: it is durable and not answered yet. `abandoned` may
  /// become true meanwhile: nobody waits any more, so what is not committed yet is not.
  virtual Result<std::uint32_t> edit(const Edit& edit, const std::atomic<bool>& abandoned) = 0;
  virtual Result<std::optional<Autoprimary>> autoprimary(const AutoprimaryQuestion& question) = 0;
};

/// Work away from the loops, in the order of its coming, a thread for each lane.
class TaskRunner {
 public:
  enum class Lane : std::uint8_t {
    kLists,  ///< whatever takes as long as zones are large
    kEdits,
    kNotes,  ///< for PowerDNS's communicator, which ends pdns_server when it hears nothing for 2 s
  };
  virtual ~TaskRunner() = default;
  /// Safe from any thread. A task that comes when the runner has stopped is dropped.
  virtual void run(Lane lane, std::function<void()> task) = 0;
};

/// What a line handler has in the background. All outlive it.
struct Background {
  TaskRunner& tasks;
  Editor& editor;
  std::function<void(net::ConnectionId)> resume;  ///< UnixServer::resume()
};

}  // namespace sdns::answer
