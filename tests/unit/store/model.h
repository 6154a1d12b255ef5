// SPDX-License-Identifier: MIT
// The state of all zones written out plainly: what a follower's changes must lead to.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "backend/zone/digest.h"
#include "backend/zone/source.h"

namespace sdns::store::test {

class Model {
 public:
  void put(zone::ZoneContent content) {
    Zone& made = zones_[content.head.id];
    EXPECT_TRUE(made.rrsets.empty());
    for (const dns::Record& record : content.records) {
      dns::Rrset& rrset = made.rrsets[{record.owner.key(), record.type}];
      rrset.owner = record.owner;
      rrset.type = record.type;
      rrset.ttl = record.ttl;
      rrset.contents.push_back(record.content);
    }
    made.head = std::move(content.head);
    made.metadata = std::move(content.metadata);
    made.keys = std::move(content.keys);
  }

  void apply(const zone::Batch& batch) {
    for (const zone::Change& change : batch.changes) std::visit([this](const auto& one) { apply_one(one); }, change);
  }

  [[nodiscard]] std::string digest() const {
    zone::StateDigest state;
    for (const auto& [id, zone] : zones_) {
      zone::ZoneDigest digest(zone.head);
      for (const auto& [key, rrset] : zone.rrsets) digest.add(rrset);
      state.add(digest.finish(zone.metadata, zone.keys));
    }
    return zone::to_hex(state.finish(tsig_keys, pools(), overrides()));
  }
  [[nodiscard]] std::size_t size() const { return zones_.size(); }
  void clear() { zones_.clear(); }

  void put(const zone::LoadedState& besides) {
    tsig_keys = besides.tsig_keys;
    pools_.clear();
    for (const health::TargetPool& pool : besides.target_pools) pools_[pool.name] = pool;
    overrides_.clear();
    for (const health::Override& override : besides.overrides) overrides_[override.target] = override;
  }
  [[nodiscard]] health::Overrides overrides() const {
    health::Overrides all;
    for (const auto& [target, override] : overrides_) all.push_back(override);
    return all;
  }
  [[nodiscard]] std::vector<health::TargetPool> pools() const {
    std::vector<health::TargetPool> all;
    for (const auto& [name, pool] : pools_) all.push_back(pool);
    return all;
  }

  std::vector<zone::TsigKey> tsig_keys;

 private:
  struct Zone {
    zone::ZoneHead head;
    std::map<std::pair<std::string, dns::RrType>, dns::Rrset> rrsets;
    std::vector<zone::Metadata> metadata;
    std::vector<zone::Key> keys;
  };
  void apply_one(const zone::ZoneCreated& change) {
    EXPECT_FALSE(zones_.contains(change.zone.head.id));
    for (const auto& [id, zone] : zones_) EXPECT_NE(change.zone.head.apex, zone.head.apex) << "two zones of one apex";
    put(change.zone);
  }
  void apply_one(const zone::ZoneDeleted& change) { EXPECT_EQ(1U, zones_.erase(change.zone)); }
  void apply_one(const zone::HeadChanged& change) { at(change.head.id).head = change.head; }
  void apply_one(const zone::MetadataChanged& change) { at(change.zone).metadata = change.metadata; }
  void apply_one(const zone::KeysChanged& change) { at(change.zone).keys = change.keys; }
  void apply_one(const zone::RrsetChanged& change) {
    auto& rrsets = at(change.zone).rrsets;
    const std::pair key(change.rrset.owner.key(), change.rrset.type);
    if (change.rrset.contents.empty()) rrsets.erase(key);
    else rrsets[key] = change.rrset;
  }
  void apply_one(const zone::TsigKeysChanged& change) { tsig_keys = change.keys; }
  void apply_one(const zone::TargetPoolChanged& change) {
    if (change.pool) pools_[change.name] = *change.pool;
    else pools_.erase(change.name);  // one that came and went in between was never there
  }
  void apply_one(const zone::OverrideChanged& change) {
    if (change.override) overrides_[change.target] = *change.override;
    else overrides_.erase(change.target);
  }
  Zone& at(zone::ZoneId id) {
    EXPECT_TRUE(zones_.contains(id)) << "a change of zone " << id << ", which there is not";
    return zones_[id];
  }

  std::map<zone::ZoneId, Zone> zones_;
  std::map<std::string, health::TargetPool> pools_;
  std::map<std::string, health::Override> overrides_;
};

}  // namespace sdns::store::test
