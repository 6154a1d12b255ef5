// SPDX-License-Identifier: MIT
// A source of zones whose history and failures a test decides.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backend/zone/source.h"

namespace sdns::test {

inline dns::Name name(std::string_view text) { return *dns::Name::parse(text); }

inline zone::ZoneContent small_zone(zone::ZoneId id, const std::string& apex) {
  zone::ZoneContent content;
  content.head.id = id;
  content.head.apex = name(apex);
  content.records = {{name(apex), dns::kSOA, dns::Ttl{300}, "ns. host. 1 3600 600 86400 300"},
                     {name(apex), dns::kNS, dns::Ttl{300}, "ns.example."}};
  return content;
}

inline zone::RrsetChanged address(zone::ZoneId id, const std::string& owner, const std::string& address) {
  return {id, {name(owner), dns::kA, dns::Ttl{60}, {address}}};
}

/// What all sources that a test opens share.
struct FakeDatabase {
  std::string id = "db-1";
  std::vector<zone::ZoneContent> zones;  ///< what load() gives
  zone::LoadedState position{1, zone::Chain{1}};
  std::optional<Error> load_error;
  std::optional<Error> changes_error;
  std::deque<zone::Batch> batches;  ///< given one by one; then nothing new
  int loads = 0;
  int looks = 0;

  /// Appends a batch that follows on the last position.
  void commit(zone::Change change) {
    const zone::Revision from = position.revision;
    position = {from + 1, zone::Chain{static_cast<std::uint8_t>(from + 1)}};
    batches.push_back({from, position.revision, position.chain, {}});
    batches.back().changes.push_back(std::move(change));
  }
};

class FakeSource final : public zone::Source {
 public:
  explicit FakeSource(FakeDatabase& database) : database_(database) {}
  std::string identity() const override { return database_.id; }
  Result<zone::LoadedState> load(const std::function<void(zone::ZoneContent&&)>& each) override {
    ++database_.loads;
    if (database_.load_error) return fail(*database_.load_error);
    for (zone::ZoneContent zone : database_.zones) each(std::move(zone));
    return database_.position;
  }
  Result<zone::Batch> changes_since(zone::Revision at, const zone::Chain& chain) override {
    ++database_.looks;
    if (database_.changes_error) return fail(*database_.changes_error);
    if (database_.batches.empty()) return zone::Batch{at, at, chain, {}};
    if (database_.batches.front().from != at) return fail(Errc::kDiverged, "the chain is another one");
    zone::Batch batch = database_.batches.front();
    database_.batches.pop_front();
    return batch;
  }
  void wait(std::chrono::milliseconds) override {}
  void wake() override {}

 private:
  FakeDatabase& database_;
};

}  // namespace sdns::test
