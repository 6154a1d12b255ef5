// SPDX-License-Identifier: MIT
// A transaction of PowerDNS that is open on a connection: records and metadata are kept in memory until it is
// committed. Keys are not: whoever adds one needs its id, which the database gives. They are written at once, and those
// that were added are taken back when the transaction is aborted.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backend/answer/editor.h"
#include "backend/zone/zone_set.h"

namespace sdns::answer {

/// The order in which contents are kept, each once.
void sort_unique(std::vector<std::string>& contents);
/// The types of the RRsets at the name with this key, which is in the zone.
std::vector<dns::RrType> types_at(const zone::Zone& zone, std::string_view key);

/// Used by one thread. Nobody else sees what it holds.
class OpenTransaction {
 public:
  /// Requires that `zone` is of `base`.
  OpenTransaction(zone::ZoneSetPtr base, const zone::Zone& zone, ZoneEdit::Mode mode);

  /// The zone as it was when the transaction began.
  [[nodiscard]] const zone::Zone& zone() const { return *before_; }

  /// Puts the RRset in place of the zone's; empty contents remove it. Requires an owner in the zone.
  void put(dns::Rrset rrset);
  /// Removes every RRset of this name. Requires an owner in the zone.
  void remove_all(const dns::Name& owner);
  /// Adds a record to its RRset. Requires an owner in the zone.
  void add(dns::Record&& record);
  /// All values of a kind; none remove it.
  void set_metadata(zone::Metadata metadata);

  /// Adds a key with an id that was reserved.
  void add_key(zone::Key key) {
    keys_.push_back(std::move(key));
    settings_shown_ = false;
  }
  void change_key(const ChangeKey& change) {
    key_changes_.push_back(change);
    settings_shown_ = false;
  }
  [[nodiscard]] bool has_key(std::uint32_t id) const;

  /// What was refused, and PowerDNS does not look whether: the commit must fail. The first counts.
  void refuse(Error why) {
    if (!refused_) refused_ = std::move(why);
  }
  [[nodiscard]] const std::optional<Error>& refused() const { return refused_; }

  /// The zones as the connection that edits sees them: as they were when it began, with its own writes, and with the
  /// keys and metadata of `now`. O(what came since the last call × log n). Errors (kInvalidZone): the edit cannot be
  /// shown, as it is no zone.
  Result<zone::ZoneSetPtr> view(const zone::ZoneSet& now);

  /// RRsets that were touched.
  [[nodiscard]] std::size_t size() const { return rrsets_.size(); }

  [[nodiscard]] bool empty() const {
    return rrsets_.empty() && metadata_.empty() && keys_.empty() && key_changes_.empty() && !refused_ &&
           mode_ == ZoneEdit::Mode::kInPlace;
  }
  /// What there is to commit.
  [[nodiscard]] ZoneEdit take() &&;

 private:
  struct Touched {
    dns::Rrset rrset;
    bool shown = false;  // is part of the view
  };
  using Key = std::pair<std::string, std::uint16_t>;  // key of the owner, type: canonical order
  void touch(Touched& touched, bool fresh);
  [[nodiscard]] std::vector<zone::Key> keys_over(std::vector<zone::Key> keys) const;

  zone::ZoneSetPtr base_;
  const zone::Zone* before_;
  ZoneEdit::Mode mode_;
  std::map<Key, Touched> rrsets_;
  std::vector<zone::Metadata> metadata_;
  std::vector<Touched*> unseen_;
  std::vector<zone::Key> keys_;
  std::vector<ChangeKey> key_changes_;
  std::optional<Error> refused_;
  bool settings_shown_ = true;
  zone::ZoneRef settings_of_;  // the zone whose keys and metadata were taken last
  zone::ZoneRef zone_;         // with what was shown
  zone::ZoneSetPtr shown_;     // null: nothing was yet
};

}  // namespace sdns::answer
