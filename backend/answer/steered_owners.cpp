// SPDX-License-Identifier: MIT
#include "backend/answer/steered_owners.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "backend/zone/zone.h"

namespace sdns::answer {
namespace {
constexpr std::size_t kMostOwners = 50'000;
}

bool may_be_made(dns::RrType type) {
  constexpr dns::RrType kNever[] = {dns::kNS,    dns::kSOA,    dns::kDNAME, dns::kDS,         dns::kRRSIG, dns::kNSEC,
                                    dns::kNSEC3, dns::kDNSKEY, dns::kLUA,   dns::kNSEC3PARAM, dns::kALIAS, dns::kANY};
  return std::find(std::begin(kNever), std::end(kNever), type) == std::end(kNever);
}

SteeredOwner* SteeredOwners::find(const zone::Owner& owner) const {
  const auto found = owners_.find(&owner);
  return found == owners_.end() ? nullptr : found->second.get();
}

SteeredOwner& SteeredOwners::add(const zone::Owner& owner, lua::Runtime& runtime) {
  sweep();
  auto added = std::make_unique<SteeredOwner>();
  owner.retain();
  added->owner = zone::Ref<zone::Owner>::adopt(&owner);
  added->runtime = &runtime;
  zone::RrsetView rrset;
  if (owner.find(dns::kLUA, rrset)) {
    for (const std::string& content : zone::contents_of(rrset)) {
      auto code = lua::parse_record(content, join_);
      std::string broken = code ? "" : code.error().what;
      const auto named = dns::RrType::parse(std::string_view(content).substr(0, content.find(' ')));
      const dns::RrType type = code ? code->type : named.value_or(dns::kLUA);
      if (code && type != dns::kLUA && !may_be_made(type))
        broken = fmt::format("a LUA record cannot make {} records", type.text());
      SteeredRecord record{
          lua::Script(code ? std::move(*code) : lua::Code{}), type, rrset.ttl.seconds, std::move(broken), false, {}};
      const lua::Mentions& mentions = record.script.mentions();
      record.to_powerdns = mentions.powerdns_only && powerdns_may_;
      record.raw = zone::render_rows({dns::Name{}, dns::kLUA, rrset.ttl, {content}});
      if (type != dns::kLUA) added->query_name |= mentions.query_name && !record.to_powerdns;
      added->records.push_back(std::move(record));
    }
  }
  order_.push_back(&owner);
  count_.add(1);
  return *(owners_[&owner] = std::move(added));
}

// A few looks for each owner that comes: what no zone has any more goes, and beyond the limit whatever is looked at.
void SteeredOwners::sweep() {
  for (int looks = 4; looks > 0 && !order_.empty(); --looks) {
    if (sweep_at_ >= order_.size()) sweep_at_ = 0;
    const auto found = owners_.find(order_[sweep_at_]);
    SteeredOwner& owner = *found->second;
    if (!owner.owner->is_last_reference() && owners_.size() < kMostOwners) {
      ++sweep_at_;
      continue;
    }
    for (SteeredRecord& record : owner.records) owner.runtime->forget(record.script);
    owners_.erase(found);
    order_[sweep_at_] = order_.back();
    order_.pop_back();
    count_.add(-1);
  }
}

}  // namespace sdns::answer
