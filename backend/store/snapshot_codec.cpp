// SPDX-License-Identifier: MIT
#include "backend/store/snapshot_codec.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include "backend/dns/name_key.h"
#include "backend/store/octets.h"
#include "backend/zone/zone_edit.h"

namespace sdns::store {
namespace {

constexpr std::uint64_t kMost16 = std::numeric_limits<std::uint16_t>::max();
constexpr std::uint64_t kMost32 = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t kMostZoneId = 0x7FFF'FFFF;
constexpr std::size_t kMostNameOctets = 255;

tl::unexpected<Error> not_as_written(std::string_view what) {
  return fail(Errc::kCorrupt, std::string(what) + " is not as it was written");
}

void put_settings(std::string& out, const zone::Zone& zone) {
  const zone::ZoneHead& head = zone.head();
  put_number(out, head.id);
  put_text(out, head.apex.wire());
  put_number(out, static_cast<std::uint64_t>(head.kind));
  put_text(out, head.account);
  put_number(out, head.primaries.size());
  for (const std::string& primary : head.primaries) put_text(out, primary);
  put_number(out, head.notified_serial);
  put_number(out, head.last_check);
  const zone::ZoneSettings& settings = zone.settings();
  put_number(out, settings.metadata.size());
  for (const zone::Metadata& one : settings.metadata) {
    put_text(out, one.kind);
    put_number(out, one.values.size());
    for (const std::string& value : one.values) put_text(out, value);
  }
  put_number(out, settings.keys.size());
  for (const zone::Key& key : settings.keys) {
    put_number(out, key.id);
    put_number(out, key.flags);
    put_number(out, key.active ? 1 : 0);
    put_number(out, key.published ? 1 : 0);
    put_text(out, key.content);
  }
  put_number(out, zone.owners().size());
}

void put_owner(std::string& out, const zone::Owner& owner) {
  put_text(out, owner.key());
  put_number(out, owner.rrset_count());
  for (std::size_t i = 0; i < owner.rrset_count(); ++i) {
    const zone::RrsetView rrset = owner.rrset(i);
    put_number(out, rrset.type.value);
    put_number(out, rrset.ttl.seconds);
    put_number(out, rrset.count);
    for (const std::string& content : zone::contents_of(rrset)) put_text(out, content);
  }
}

// The zones of one run, payload by payload.
class ZonesDecoder {
 public:
  ZonesDecoder(std::size_t payloads, const NextPayload& next) : left_(payloads), next_(next), in_({}) {}

  Result<std::vector<zone::ZoneRef>> all() {
    std::vector<zone::ZoneRef> zones;
    for (;;) {
      if (in_.at_end() && left_ == 0) return zones;
      if (auto there = more(); !there) return fail(std::move(there.error()));
      auto zone = one();
      if (!zone) return fail(std::move(zone.error()));
      zones.push_back(std::move(*zone));
    }
  }

 private:
  // Goes to the next payload when this one is at its end.
  Result<void> more() {
    if (!in_.at_end()) return {};
    if (left_ == 0) return not_as_written("a zone");
    --left_;
    auto payload = next_();
    if (!payload) return fail(std::move(payload.error()));
    in_ = OctetReader(*payload);
    return in_.at_end() ? not_as_written("an empty block") : Result<void>();
  }

  Result<zone::ZoneRef> one() {
    zone::ZoneContent content;
    const auto owners = settings(content);
    if (!owners) return fail(owners.error());
    const std::size_t apex_octets = content.head.apex.wire().size();
    std::vector<zone::Ref<zone::Owner>> made;
    std::string_view last;  // key of the owner before, which holds it
    for (std::uint64_t i = 0; i < *owners; ++i) {
      if (auto there = more(); !there) return fail(std::move(there.error()));
      auto owner = next_owner(apex_octets);
      if (!owner) return fail(std::move(owner.error()));
      if (i != 0 && (*owner)->key() <= last) return not_as_written("the order of owner names");
      last = (*owner)->key();
      made.push_back(std::move(*owner));
    }
    return zone::ZoneEditor::restore(std::move(content), std::move(made), 0);
  }

  // The number of owner names.
  Result<std::uint64_t> settings(zone::ZoneContent& content) {
    zone::ZoneHead& head = content.head;
    head.id = static_cast<zone::ZoneId>(in_.number(kMostZoneId));
    const std::string_view wire = in_.text();
    auto apex = dns::Name::from_wire(wire);
    if (head.id == 0 || !apex || apex->wire() != wire) return not_as_written("the head of a zone");
    head.apex = std::move(*apex);
    head.kind = static_cast<zone::Kind>(in_.number(2));
    head.account = in_.text();
    for (std::size_t n = in_.count(); n != 0 && !in_.failed(); --n) head.primaries.emplace_back(in_.text());
    head.notified_serial = static_cast<std::uint32_t>(in_.number(kMost32));
    head.last_check = static_cast<std::uint32_t>(in_.number(kMost32));
    for (std::size_t n = in_.count(); n != 0 && !in_.failed(); --n) {
      zone::Metadata& one = content.metadata.emplace_back();
      one.kind = in_.text();
      for (std::size_t v = in_.count(); v != 0 && !in_.failed(); --v) one.values.emplace_back(in_.text());
    }
    for (std::size_t n = in_.count(); n != 0 && !in_.failed(); --n) {
      zone::Key& key = content.keys.emplace_back();
      key.id = static_cast<std::uint32_t>(in_.number(kMost32));
      key.flags = static_cast<std::uint16_t>(in_.number(kMost16));
      key.active = in_.flag();
      key.published = in_.flag();
      key.content = in_.text();
    }
    const std::uint64_t owners = in_.number();
    if (in_.failed()) return not_as_written("the head of a zone");
    return owners;
  }

  Result<zone::Ref<zone::Owner>> next_owner(std::size_t apex_octets) {
    const std::string_view key = in_.text();
    const auto octets = dns::key_wire_octets(key);
    std::size_t count = in_.count();
    if (!octets || *octets + apex_octets > kMostNameOctets || count == 0 || count > kMost16)
      return not_as_written("an owner name");
    rows_.clear();
    ends_.clear();
    rrsets_.clear();
    for (; count != 0; --count) {
      const dns::RrType type{static_cast<std::uint16_t>(in_.number(kMost16))};
      const dns::Ttl ttl{static_cast<std::uint32_t>(in_.number(kMost32))};
      const std::size_t records = in_.count();
      for (std::size_t n = records; n != 0 && !in_.failed(); --n) zone::append_row(rows_, type, in_.text(), ttl);
      if (in_.failed() || records == 0 || (!rrsets_.empty() && type <= rrsets_.back().type) || rows_.size() > kMost32)
        return not_as_written("an RRset");
      rrsets_.push_back({type, ttl, static_cast<std::uint32_t>(records), {}});
      ends_.push_back(rows_.size());
    }
    for (std::size_t i = 0, begin = 0; i < rrsets_.size(); begin = ends_[i++])
      rrsets_[i].rows = std::string_view(rows_).substr(begin, ends_[i] - begin);
    return zone::Owner::of_rows(key, rrsets_);
  }

  std::size_t left_;  // payloads that were not begun
  const NextPayload& next_;
  OctetReader in_;
  // Of the owner that is being read; kept for their memory.
  std::string rows_;
  std::vector<std::size_t> ends_;
  std::vector<zone::RrsetView> rrsets_;
};

void put_pool(std::string& out, const health::TargetPool& pool) {
  put_text(out, pool.name);
  put_number(out, pool.options.size());
  for (const auto& [option, value] : pool.options) {
    put_text(out, option);
    put_text(out, value);
  }
  put_number(out, pool.members.size());
  for (const health::PoolMember& member : pool.members) {
    put_text(out, member.name);
    put_text(out, member.address.text());
    put_number(out, member.weight);
    put_number(out, member.group);
    put_text(out, member.region);
    put_number(out, member.latitude && member.longitude ? 1 : 0);
    if (member.latitude && member.longitude) {
      put_double(out, *member.latitude);
      put_double(out, *member.longitude);
    }
    put_number(out, member.enabled ? 1 : 0);
  }
}

health::TargetPool read_pool(OctetReader& in) {
  health::TargetPool pool;
  pool.name = in.text();
  for (std::size_t n = in.count(); n != 0 && !in.failed(); --n) {
    const std::string_view option = in.text();
    pool.options[std::string(option)] = in.text();
  }
  for (std::size_t n = in.count(); n != 0 && !in.failed(); --n) {
    health::PoolMember& member = pool.members.emplace_back();
    member.name = in.text();
    const auto address = dns::IpAddress::parse(in.text());
    if (address) member.address = *address;
    else in.give_up();
    member.weight = static_cast<std::uint32_t>(in.number(kMost32));
    member.group = static_cast<std::uint32_t>(in.number(kMost32));
    member.region = in.text();
    if (in.flag()) {
      member.latitude = in.floating();
      member.longitude = in.floating();
    }
    member.enabled = in.flag();
  }
  return pool;
}

}  // namespace

Result<void> ZonesEncoder::flush(bool continues) {
  auto taken = take_({buffer_, zones_, continues});
  buffer_.clear();
  zones_ = 0;
  return taken;
}

Result<void> ZonesEncoder::add(const zone::Zone& zone) {
  ++zones_;
  put_settings(buffer_, zone);
  std::size_t left = zone.owners().size();
  Result<void> done;
  zone.owners().for_each_from(std::string_view(), [&](const zone::OwnerItem& item) {
    put_owner(buffer_, *item.owner);
    --left;
    if (left != 0 && buffer_.size() >= kSnapshotBlockOctets) done = flush(true);
    return done.has_value();
  });
  if (done && buffer_.size() >= kSnapshotBlockOctets) done = flush(false);
  return done;
}

Result<void> ZonesEncoder::finish() { return buffer_.empty() ? Result<void>() : flush(false); }

Result<std::vector<zone::ZoneRef>> decode_zones(std::size_t payloads, const NextPayload& next) {
  return ZonesDecoder(payloads, next).all();
}

std::string encode_besides(const zone::ZoneSet& set) {
  std::string out;
  put_number(out, set.tsig_keys().size());
  for (const zone::TsigKey& key : set.tsig_keys()) {
    put_text(out, key.name.wire());
    put_text(out, key.algorithm);
    put_text(out, key.secret);
  }
  put_number(out, set.stored_target_pools().all().size());
  for (const health::TargetPool& pool : set.stored_target_pools().all()) put_pool(out, pool);
  put_number(out, set.overrides()->size());
  for (const health::Override& one : *set.overrides()) {
    put_text(out, one.target);
    put_text(out, health::said_of(one));
    put_text(out, one.reason);
    put_text(out, one.who);
    put_signed(out, one.since_seconds);
    put_signed(out, one.until_seconds);
  }
  return out;
}

Result<void> decode_besides(std::string_view octets, zone::LoadedState& state) {
  OctetReader in(octets);
  for (std::size_t n = in.count(); n != 0 && !in.failed(); --n) {
    auto name = dns::Name::from_wire(in.text());
    if (!name) return not_as_written("a TSIG key");
    zone::TsigKey& key = state.tsig_keys.emplace_back();
    key.name = std::move(*name);
    key.algorithm = in.text();
    key.secret = in.text();
  }
  for (std::size_t n = in.count(); n != 0 && !in.failed(); --n) state.target_pools.push_back(read_pool(in));
  for (std::size_t n = in.count(); n != 0 && !in.failed(); --n) {
    health::Override& one = state.overrides.emplace_back();
    one.target = in.text();
    if (!health::say_of(one, in.text())) return not_as_written("an override");
    one.reason = in.text();
    one.who = in.text();
    one.since_seconds = in.signed_number();
    one.until_seconds = in.signed_number();
  }
  if (in.failed() || !in.at_end()) return not_as_written("what stands beside the zones");
  return {};
}

}  // namespace sdns::store
