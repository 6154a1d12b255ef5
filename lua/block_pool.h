// SPDX-License-Identifier: MIT
// Memory of one Lua state. What the collector frees is soon wanted again, in the same few sizes, and malloc's own
// caches are too small for all that one sweep frees.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>

namespace sdns::lua {

/// Small blocks that were freed, by size, for the next that want one. Used by one thread.
class BlockPool {
 public:
  BlockPool() = default;
  ~BlockPool() {
    for (Free& list : lists_)
      while (list.first) std::free(take(list));
  }
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  /// As realloc() does; null when there is no memory, and `block` is as it was. `new_size` is not 0; `block` may be
  /// null.
  void* resize(void* block, std::size_t old_size, std::size_t new_size) {
    if (old_size > kMostSize && new_size > kMostSize) return std::realloc(block, new_size);
    if (block && class_of(old_size) == class_of(new_size) && new_size <= kMostSize) return block;
    void* const other = allocate(new_size);
    if (!other || !block) return other;
    std::memcpy(other, block, std::min(old_size, new_size));
    free(block, old_size);
    return other;
  }
  /// `size` is what it has been asked for with.
  void free(void* block, std::size_t size) {
    if (!block) return;
    Free* const list = size <= kMostSize ? &lists_[class_of(size)] : nullptr;
    if (!list || list->count == kMostKept) return std::free(block);
    list->first = new (block) Block{list->first};
    ++list->count;
  }

 private:
  struct Block {
    Block* next;
  };
  struct Free {
    Block* first = nullptr;
    std::size_t count = 0;
  };
  static constexpr std::size_t kGrain = 16;
  static constexpr std::size_t kMostSize = 256;
  static constexpr std::size_t kMostKept = 8'192;  // of each size

  static constexpr std::size_t class_of(std::size_t size) { return (size + kGrain - 1) / kGrain; }
  static void* take(Free& list) {
    Block* const block = list.first;
    list.first = block->next;
    --list.count;
    return block;
  }
  void* allocate(std::size_t size) {
    if (size > kMostSize) return std::malloc(size);
    Free& list = lists_[class_of(size)];
    return list.first ? take(list) : std::malloc(class_of(size) * kGrain);
  }

  std::array<Free, kMostSize / kGrain + 1> lists_;
};

}  // namespace sdns::lua
