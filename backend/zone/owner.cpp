// SPDX-License-Identifier: MIT
#include "backend/zone/owner.h"

#include <algorithm>
#include <new>
#include <string>

#include "backend/base/json_text.h"

namespace sdns::zone {
namespace {

constexpr std::string_view kContent = R"(,"content":")";
constexpr std::string_view kTtl = R"(","ttl":)";

void sort_by_type(std::vector<RrsetView>& rrsets) {
  std::sort(rrsets.begin(), rrsets.end(), [](const RrsetView& a, const RrsetView& b) { return a.type < b.type; });
}

}  // namespace

void append_row(std::string& rows, dns::RrType type, std::string_view content, dns::Ttl ttl) {
  rows += R"("qtype":")";
  rows += type.text();
  rows += '"';
  rows += kContent;
  append_json_escaped(rows, content);
  rows += kTtl;
  rows += std::to_string(ttl.seconds);
  rows += '\n';
}

std::string render_rows(const dns::Rrset& rrset) {
  std::string rows;
  for (const std::string& content : rrset.contents) append_row(rows, rrset.type, content, rrset.ttl);
  return rows;
}

std::vector<std::string> contents_of(const RrsetView& rrset) {
  std::vector<std::string> contents;
  contents.reserve(rrset.count);
  std::string_view rest = rrset.rows;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    const std::string_view row = rest.substr(0, end);
    const std::size_t begin = row.find(kContent) + kContent.size();
    contents.push_back(json_unescaped(row.substr(begin, row.rfind(kTtl) - begin)));
    rest.remove_prefix(end + 1);
  }
  return contents;
}

Ref<Owner> Owner::build(std::string_view relative_key, std::vector<dns::Rrset> rrsets) {
  std::vector<std::string> rendered;
  std::vector<RrsetView> views;
  rendered.reserve(rrsets.size());
  for (const dns::Rrset& rrset : rrsets) {
    rendered.push_back(render_rows(rrset));
    views.push_back({rrset.type, rrset.ttl, static_cast<std::uint32_t>(rrset.contents.size()), rendered.back()});
  }
  sort_by_type(views);
  return of_rows(relative_key, views);
}

Ref<Owner> Owner::with(const Owner& base, const dns::Rrset& rrset) {
  std::vector<RrsetView> views;
  for (std::size_t i = 0; i < base.rrset_count(); ++i)
    if (const RrsetView view = base.rrset(i); view.type != rrset.type) views.push_back(view);
  const std::string rows = render_rows(rrset);
  if (!rrset.contents.empty())
    views.push_back({rrset.type, rrset.ttl, static_cast<std::uint32_t>(rrset.contents.size()), rows});
  if (views.empty()) return {};
  sort_by_type(views);
  return of_rows(base.key(), views);
}

Ref<Owner> Owner::of_rows(std::string_view relative_key, std::span<const RrsetView> rrsets) {
  std::size_t octets = sizeof(Owner) + rrsets.size() * sizeof(Slot) + relative_key.size();
  for (const RrsetView& rrset : rrsets) octets += rrset.rows.size();

  auto* owner = new (::operator new(octets)) Owner;
  owner->key_size_ = static_cast<std::uint16_t>(relative_key.size());
  owner->rrset_count_ = static_cast<std::uint16_t>(rrsets.size());
  Slot* slot = const_cast<Slot*>(owner->slots());
  char* bytes = const_cast<char*>(owner->bytes());
  bytes = std::copy(relative_key.begin(), relative_key.end(), bytes);
  std::uint32_t end = 0;
  for (const RrsetView& rrset : rrsets) {
    std::copy(rrset.rows.begin(), rrset.rows.end(), bytes + end);
    end += static_cast<std::uint32_t>(rrset.rows.size());
    *slot++ = Slot{rrset.type.value, 0, rrset.ttl.seconds, rrset.count, end};
  }
  return Ref<Owner>::adopt(owner);
}

RrsetView Owner::rrset(std::size_t index) const {
  const Slot& slot = slots()[index];
  const std::uint32_t begin = index == 0 ? 0 : slots()[index - 1].rows_end;
  return {dns::RrType{slot.type}, dns::Ttl{slot.ttl}, slot.count,
          std::string_view(bytes() + key_size_ + begin, slot.rows_end - begin)};
}

bool Owner::find(dns::RrType type, RrsetView& out) const {
  for (std::size_t i = 0; i < rrset_count_; ++i) {
    if (slots()[i].type != type.value) continue;
    out = rrset(i);
    return true;
  }
  return false;
}

std::vector<dns::Rrset> Owner::rrsets(const dns::Name& owner) const {
  std::vector<dns::Rrset> all;
  all.reserve(rrset_count_);
  for (std::size_t i = 0; i < rrset_count_; ++i) {
    const RrsetView view = rrset(i);
    all.push_back({owner, view.type, view.ttl, contents_of(view)});
  }
  return all;
}

std::size_t Owner::size_octets() const {
  const std::size_t rows = rrset_count_ == 0 ? 0 : slots()[rrset_count_ - 1].rows_end;
  return sizeof(Owner) + rrset_count_ * sizeof(Slot) + key_size_ + rows;
}

void Owner::release() const {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  this->~Owner();
  ::operator delete(const_cast<Owner*>(this));
}

}  // namespace sdns::zone
