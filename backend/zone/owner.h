// SPDX-License-Identifier: MIT
// All RRsets of one owner name, immutable, in one piece of memory, with the rows of PowerDNS's protocol already
// rendered.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backend/dns/record.h"

namespace sdns::zone {

/// A shared pointer to an immutable object with `retain()` and `release()`: one word, one atomic count.
template <class T>
class Ref {
 public:
  Ref() = default;
  static Ref adopt(const T* object) {
    Ref ref;
    ref.object_ = object;
    return ref;
  }
  Ref(const Ref& other) : object_(other.object_) {
    if (object_) object_->retain();
  }
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_) object_->release();
  }
  [[nodiscard]] const T* get() const { return object_; }
  const T& operator*() const { return *object_; }
  const T* operator->() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  const T* object_ = nullptr;
};

/// One RRset as it is served.
struct RrsetView {
  dns::RrType type;
  dns::Ttl ttl;
  std::uint32_t count = 0;  ///< records
  /// For each record `"qtype":"A","content":"192.0.2.1","ttl":300` and a '\n'. The reply adds owner name, zone id,
  /// auth.
  std::string_view rows;
};

/// An owner name's RRsets, ordered by type. Made by build(); never changes.
class Owner {
 public:
  /// `relative_key`: the owner's key without the apex's (dns::Name::key). `rrsets` have contents, and types that
  /// differ.
  static Ref<Owner> build(std::string_view relative_key, std::vector<dns::Rrset> rrsets);
  /// As build(), from rows that append_row() has made. `rrsets` in ascending order of their types.
  static Ref<Owner> of_rows(std::string_view relative_key, std::span<const RrsetView> rrsets);
  /// `base` with one RRset replaced, or removed when its contents are empty; nothing when no RRset is left.
  static Ref<Owner> with(const Owner& base, const dns::Rrset& rrset);

  [[nodiscard]] std::string_view key() const { return {bytes(), key_size_}; }
  [[nodiscard]] std::size_t rrset_count() const { return rrset_count_; }
  [[nodiscard]] RrsetView rrset(std::size_t index) const;
  /// False when there is no such type.
  [[nodiscard]] bool find(dns::RrType type, RrsetView& out) const;
  [[nodiscard]] bool has(dns::RrType type) const {
    RrsetView unused;
    return find(type, unused);
  }
  /// The RRsets as data: contents are unescaped from the rendered rows.
  [[nodiscard]] std::vector<dns::Rrset> rrsets(const dns::Name& owner) const;
  /// Octets of memory.
  [[nodiscard]] std::size_t size_octets() const;

  void retain() const { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() const;
  /// Nobody but the caller has it, so that nobody else will.
  [[nodiscard]] bool is_last_reference() const { return references_.load(std::memory_order_acquire) == 1; }

 private:
  struct Slot {
    std::uint16_t type;
    std::uint16_t reserved;
    std::uint32_t ttl;
    std::uint32_t count;
    std::uint32_t rows_end;  // from the start of the row area
  };
  Owner() = default;
  ~Owner() = default;
  [[nodiscard]] const Slot* slots() const { return reinterpret_cast<const Slot*>(this + 1); }
  [[nodiscard]] const char* bytes() const { return reinterpret_cast<const char*>(slots() + rrset_count_); }

  mutable std::atomic<std::uint32_t> references_{1};
  std::uint16_t key_size_ = 0;
  std::uint16_t rrset_count_ = 0;
};

/// Appends the row of one record as RrsetView::rows has it.
void append_row(std::string& rows, dns::RrType type, std::string_view content, dns::Ttl ttl);

/// The rows of an RRset as RrsetView::rows has them.
std::string render_rows(const dns::Rrset& rrset);

/// Contents of one RRset from its rendered rows.
std::vector<std::string> contents_of(const RrsetView& rrset);

}  // namespace sdns::zone
