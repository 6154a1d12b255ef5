// SPDX-License-Identifier: MIT
// A persistent ordered tree: every version stays valid while new ones share what they did not change.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace sdns::zone {

/// A B+ tree of immutable, reference-counted nodes. Copying a PTree copies one pointer; insert() and erase() copy the
/// path from the root, O(log n) nodes, and leave other copies as they were. One thread changes a PTree object; any
/// number of threads may read other copies.
///
/// `Traits` gives `Item` (cheap to copy, default-constructible), `Key`, `Probe` (what items are compared with),
/// `probe(Key)`, `probe(Item)`, `compare(Item, Probe)` and `flags(Item)`. Flags are summed up over subtrees, so that
/// searches for "the next item with one of these flags" skip what has none: O(log n) whatever lies between.
template <class Traits>
class PTree {
 public:
  using Item = typename Traits::Item;
  using Key = typename Traits::Key;
  using Probe = typename Traits::Probe;

  PTree() = default;
  PTree(const PTree& other) : root_(retained(other.root_)) {}
  PTree(PTree&& other) noexcept : root_(std::exchange(other.root_, nullptr)) {}
  PTree& operator=(PTree other) noexcept {
    std::swap(root_, other.root_);
    return *this;
  }
  ~PTree() { release(root_); }

  /// From items in strictly ascending order. O(n).
  static PTree build(std::vector<Item> items) {
    PTree tree;
    if (items.empty()) return tree;
    std::vector<Node*> level;
    for_chunks(items.size(), [&](std::size_t begin, std::size_t end) {
      Node* leaf = make(kLeaf, end - begin);
      for (std::size_t i = begin; i < end; ++i) new (&leaf->items()[i - begin]) Item(std::move(items[i]));
      level.push_back(summed(leaf));
    });
    while (level.size() > 1) {
      std::vector<Node*> above;
      for_chunks(level.size(), [&](std::size_t begin, std::size_t end) {
        Node* inner = make(kInner, end - begin);
        for (std::size_t i = begin; i < end; ++i) new (&inner->children()[i - begin]) Child(level[i]);
        above.push_back(summed(inner));
      });
      level = std::move(above);
    }
    tree.root_ = level.front();
    return tree;
  }

  [[nodiscard]] std::size_t size() const { return root_ ? root_->size : 0; }
  [[nodiscard]] bool empty() const { return root_ == nullptr; }
  /// Whether an item has one of these flags. O(1).
  [[nodiscard]] bool any(std::uint8_t mask) const { return root_ && (root_->flags & mask) != 0; }

  [[nodiscard]] const Item* find(const Key& key) const { return find_probe(Traits::probe(key)); }

  /// The greatest item <= key, or > / >= for the other two, among those with a flag of `mask` (0: all). Null: none.
  [[nodiscard]] const Item* last_le(const Key& key, std::uint8_t mask = 0) const {
    return root_ ? last_le(root_, Traits::probe(key), mask) : nullptr;
  }
  [[nodiscard]] const Item* first_gt(const Key& key, std::uint8_t mask = 0) const {
    return root_ ? first_after(root_, Traits::probe(key), mask, 1) : nullptr;
  }
  [[nodiscard]] const Item* first_ge(const Key& key, std::uint8_t mask = 0) const {
    return root_ ? first_after(root_, Traits::probe(key), mask, 0) : nullptr;
  }
  [[nodiscard]] const Item* first(std::uint8_t mask = 0) const { return root_ ? first(root_, mask) : nullptr; }
  [[nodiscard]] const Item* last(std::uint8_t mask = 0) const { return root_ ? last(root_, mask) : nullptr; }

  /// Calls `each(item)` in order.
  template <class Each>
  void for_each(Each&& each) const {
    if (root_) for_each(root_, each);
  }

  /// Calls `each(item)` in order from the first item >= key for as long as it returns true.
  template <class Each>
  void for_each_from(const Key& key, Each&& each) const {
    if (root_) for_each_from(root_, Traits::probe(key), each);
  }

  /// Puts the item in place of the one that is equal to it, or adds it.
  void insert(Item item) {
    if (!root_) {
      root_ = make(kLeaf, 1);
      new (&root_->items()[0]) Item(std::move(item));
      summed(root_);
      return;
    }
    const Probe probe = Traits::probe(item);
    auto [left, right] = inserted(root_, probe, item);
    release(root_);
    if (!right) {
      root_ = left;
      return;
    }
    root_ = make(kInner, 2);
    new (&root_->children()[0]) Child(left);
    new (&root_->children()[1]) Child(right);
    summed(root_);
  }

  /// False when there is no such item.
  bool erase(const Key& key) {
    const Probe probe = Traits::probe(key);
    if (!find_probe(probe)) return false;
    Node* next = erased(root_, probe);
    release(root_);
    root_ = next;
    while (root_ && root_->kind == kInner && root_->count == 1) {
      Node* only = retained(root_->children()[0].node);
      release(root_);
      root_ = only;
    }
    return true;
  }

  /// Nodes of this tree that `other` does not share: what a change cost, for tests and benchmarks. O(n).
  [[nodiscard]] std::size_t nodes_not_in(const PTree& other) const {
    std::vector<const Node*> theirs;
    collect(other.root_, theirs);
    std::sort(theirs.begin(), theirs.end());
    std::vector<const Node*> ours;
    collect(root_, ours);
    std::size_t count = 0;
    for (const Node* node : ours) count += std::binary_search(theirs.begin(), theirs.end(), node) ? 0 : 1;
    return count;
  }

 private:
  static constexpr std::size_t kMax = 32;
  static constexpr std::size_t kMin = 12;
  enum Kind : std::uint8_t { kLeaf, kInner };
  struct Child;

  // Followed in memory by `count` Items or Children.
  struct alignas(std::max_align_t) Node {
    std::atomic<std::uint32_t> references{1};
    Kind kind = kLeaf;
    std::uint8_t flags = 0;
    std::uint16_t count = 0;
    std::size_t size = 0;  // items in the subtree
    Item* items() { return reinterpret_cast<Item*>(this + 1); }
    const Item* items() const { return reinterpret_cast<const Item*>(this + 1); }
    Child* children() { return reinterpret_cast<Child*>(this + 1); }
    const Child* children() const { return reinterpret_cast<const Child*>(this + 1); }
    const Item& first_item() const { return kind == kLeaf ? items()[0] : children()[0].first; }
  };
  struct Child {
    explicit Child(Node* n) : node(n), flags(n->flags), first(n->first_item()) {}
    Node* node;  // owned: counted by the node that holds this child
    std::uint8_t flags;
    Item first;
  };
  static_assert(alignof(Item) <= alignof(Node) && alignof(Child) <= alignof(Node));

  static Node* retained(Node* node) {
    if (node) node->references.fetch_add(1, std::memory_order_relaxed);
    return node;
  }
  static void release(Node* node) {
    if (!node || node->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    if (node->kind == kLeaf) {
      std::destroy_n(node->items(), node->count);
    } else {
      for (std::size_t i = 0; i < node->count; ++i) release(node->children()[i].node);
      std::destroy_n(node->children(), node->count);
    }
    node->~Node();
    ::operator delete(node);
  }
  static Node* make(Kind kind, std::size_t count) {
    const std::size_t each = kind == kLeaf ? sizeof(Item) : sizeof(Child);
    Node* node = new (::operator new(sizeof(Node) + each * count)) Node;
    node->kind = kind;
    node->count = static_cast<std::uint16_t>(count);
    return node;
  }
  static Node* summed(Node* node) {
    node->flags = 0;
    node->size = 0;
    for (std::size_t i = 0; i < node->count; ++i) {
      if (node->kind == kLeaf) {
        node->flags |= Traits::flags(node->items()[i]);
        node->size += 1;
      } else {
        node->flags |= node->children()[i].flags;
        node->size += node->children()[i].node->size;
      }
    }
    return node;
  }

  // Splits n things into runs of at most kMax of nearly equal size.
  template <class Run>
  static void for_chunks(std::size_t n, Run&& run) {
    const std::size_t chunks = (n + kMax - 1) / kMax;
    for (std::size_t i = 0; i < chunks; ++i) run(n * i / chunks, n * (i + 1) / chunks);
  }

  // How many items (or first items of children) are <= probe; with `limit` 0, < probe.
  static std::size_t rank(const Node* node, const Probe& probe, int limit) {
    std::size_t low = 0;
    std::size_t high = node->count;
    while (low < high) {
      const std::size_t middle = (low + high) / 2;
      const Item& item = node->kind == kLeaf ? node->items()[middle] : node->children()[middle].first;
      if (Traits::compare(item, probe) < limit) low = middle + 1;
      else high = middle;
    }
    return low;
  }
  // The child in whose range the probe falls.
  static std::size_t child_for(const Node* node, const Probe& probe) {
    const std::size_t after = rank(node, probe, 1);
    return after == 0 ? 0 : after - 1;
  }
  static bool wanted(std::uint8_t flags, std::uint8_t mask) { return mask == 0 || (flags & mask) != 0; }

  const Item* find_probe(const Probe& probe) const {
    const Node* node = root_;
    if (!node) return nullptr;
    while (node->kind == kInner) node = node->children()[child_for(node, probe)].node;
    const std::size_t at = rank(node, probe, 0);
    if (at == node->count || Traits::compare(node->items()[at], probe) != 0) return nullptr;
    return &node->items()[at];
  }
  static const Item* first(const Node* node, std::uint8_t mask) {
    for (std::size_t i = 0; i < node->count; ++i) {
      if (node->kind == kLeaf) {
        if (wanted(Traits::flags(node->items()[i]), mask)) return &node->items()[i];
      } else if (wanted(node->children()[i].flags, mask)) {
        return first(node->children()[i].node, mask);
      }
    }
    return nullptr;
  }
  static const Item* last(const Node* node, std::uint8_t mask) {
    for (std::size_t i = node->count; i-- > 0;) {
      if (node->kind == kLeaf) {
        if (wanted(Traits::flags(node->items()[i]), mask)) return &node->items()[i];
      } else if (wanted(node->children()[i].flags, mask)) {
        return last(node->children()[i].node, mask);
      }
    }
    return nullptr;
  }
  static const Item* last_le(const Node* node, const Probe& probe, std::uint8_t mask) {
    const std::size_t end = rank(node, probe, 1);
    for (std::size_t i = end; i-- > 0;) {
      if (node->kind == kLeaf) {
        if (wanted(Traits::flags(node->items()[i]), mask)) return &node->items()[i];
      } else if (wanted(node->children()[i].flags, mask)) {
        const Node* child = node->children()[i].node;
        const Item* found = i + 1 == end ? last_le(child, probe, mask) : last(child, mask);
        if (found) return found;
      }
    }
    return nullptr;
  }
  // limit 1: the first item > probe; 0: the first item >= probe.
  static const Item* first_after(const Node* node, const Probe& probe, std::uint8_t mask, int limit) {
    if (node->kind == kLeaf) {
      for (std::size_t i = rank(node, probe, limit); i < node->count; ++i)
        if (wanted(Traits::flags(node->items()[i]), mask)) return &node->items()[i];
      return nullptr;
    }
    const std::size_t start = child_for(node, probe);
    for (std::size_t i = start; i < node->count; ++i) {
      const Child& child = node->children()[i];
      if (!wanted(child.flags, mask)) continue;
      const Item* found = i == start ? first_after(child.node, probe, mask, limit) : first(child.node, mask);
      if (found) return found;
    }
    return nullptr;
  }
  template <class Each>
  static void for_each(const Node* node, Each& each) {
    for (std::size_t i = 0; i < node->count; ++i) {
      if (node->kind == kLeaf) each(node->items()[i]);
      else for_each(node->children()[i].node, each);
    }
  }
  template <class Each>
  static bool for_each_while(const Node* node, Each& each) {
    for (std::size_t i = 0; i < node->count; ++i) {
      if (node->kind == kLeaf ? !each(node->items()[i]) : !for_each_while(node->children()[i].node, each)) return false;
    }
    return true;
  }
  template <class Each>
  static bool for_each_from(const Node* node, const Probe& probe, Each& each) {
    if (node->kind == kLeaf) {
      for (std::size_t i = rank(node, probe, 0); i < node->count; ++i)
        if (!each(node->items()[i])) return false;
      return true;
    }
    const std::size_t start = child_for(node, probe);
    for (std::size_t i = start; i < node->count; ++i) {
      const Node* child = node->children()[i].node;
      if (!(i == start ? for_each_from(child, probe, each) : for_each_while(child, each))) return false;
    }
    return true;
  }

  static Node* leaf_of(Item* begin, std::size_t count) {
    Node* leaf = make(kLeaf, count);
    for (std::size_t i = 0; i < count; ++i) new (&leaf->items()[i]) Item(std::move(begin[i]));
    return summed(leaf);
  }
  // Takes over the nodes.
  static Node* inner_of(Node** begin, std::size_t count) {
    Node* inner = make(kInner, count);
    for (std::size_t i = 0; i < count; ++i) new (&inner->children()[i]) Child(begin[i]);
    return summed(inner);
  }
  template <class Thing, class Make>
  static std::pair<Node*, Node*> one_or_two(Thing* things, std::size_t count, Make&& make_node) {
    if (count <= kMax) return {make_node(things, count), nullptr};
    const std::size_t half = count / 2;
    return {make_node(things, half), make_node(things + half, count - half)};
  }

  static std::pair<Node*, Node*> inserted(const Node* node, const Probe& probe, const Item& item) {
    if (node->kind == kLeaf) {
      std::array<Item, kMax + 1> items;
      const std::size_t at = rank(node, probe, 0);
      const bool replaces = at < node->count && Traits::compare(node->items()[at], probe) == 0;
      std::size_t n = 0;
      for (std::size_t i = 0; i < at; ++i) items[n++] = node->items()[i];
      items[n++] = item;
      for (std::size_t i = at + (replaces ? 1 : 0); i < node->count; ++i) items[n++] = node->items()[i];
      return one_or_two(items.data(), n, leaf_of);
    }
    const std::size_t at = child_for(node, probe);
    auto [left, right] = inserted(node->children()[at].node, probe, item);
    std::array<Node*, kMax + 1> nodes;
    std::size_t n = 0;
    for (std::size_t i = 0; i < node->count; ++i) {
      if (i != at) {
        nodes[n++] = retained(node->children()[i].node);
        continue;
      }
      nodes[n++] = left;
      if (right) nodes[n++] = right;
    }
    return one_or_two(nodes.data(), n, inner_of);
  }

  // The node without the item, which it has; null when nothing is left.
  static Node* erased(const Node* node, const Probe& probe) {
    if (node->kind == kLeaf) {
      if (node->count == 1) return nullptr;
      std::array<Item, kMax> items;
      const std::size_t at = rank(node, probe, 0);
      std::size_t n = 0;
      for (std::size_t i = 0; i < node->count; ++i)
        if (i != at) items[n++] = node->items()[i];
      return leaf_of(items.data(), n);
    }
    const std::size_t at = child_for(node, probe);
    Node* smaller = erased(node->children()[at].node, probe);
    std::array<Node*, kMax> nodes;
    std::size_t n = 0;
    for (std::size_t i = 0; i < node->count; ++i) {
      if (i != at) nodes[n++] = retained(node->children()[i].node);
      else if (smaller) nodes[n++] = smaller;
    }
    if (n == 0) return nullptr;
    if (smaller && smaller->count < kMin && n > 1) {
      const std::size_t first = at + 1 < n ? at : at - 1;  // merge with the next one, the last with the one before
      auto [left, right] = merged(nodes[first], nodes[first + 1]);
      nodes[first] = left;
      if (right) {
        nodes[first + 1] = right;
      } else {
        for (std::size_t i = first + 1; i + 1 < n; ++i) nodes[i] = nodes[i + 1];
        --n;
      }
    }
    return inner_of(nodes.data(), n);
  }
  // One or two nodes with what is in both; takes both over.
  static std::pair<Node*, Node*> merged(Node* a, Node* b) {
    std::pair<Node*, Node*> result;
    std::size_t n = 0;
    if (a->kind == kLeaf) {
      std::array<Item, 2 * kMax> items;
      for (const Node* node : {a, b})
        for (std::size_t i = 0; i < node->count; ++i) items[n++] = node->items()[i];
      result = one_or_two(items.data(), n, leaf_of);
    } else {
      std::array<Node*, 2 * kMax> nodes;
      for (const Node* node : {a, b})
        for (std::size_t i = 0; i < node->count; ++i) nodes[n++] = retained(node->children()[i].node);
      result = one_or_two(nodes.data(), n, inner_of);
    }
    release(a);
    release(b);
    return result;
  }

  static void collect(const Node* node, std::vector<const Node*>& out) {
    if (!node) return;
    out.push_back(node);
    if (node->kind == kInner)
      for (std::size_t i = 0; i < node->count; ++i) collect(node->children()[i].node, out);
  }

  Node* root_ = nullptr;
};

}  // namespace sdns::zone
