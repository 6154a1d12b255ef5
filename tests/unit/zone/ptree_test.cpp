// SPDX-License-Identifier: MIT
#include "backend/zone/ptree.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace sdns::zone {
namespace {

struct Entry {
  int key = 0;
  int value = 0;
  std::uint8_t flags = 0;
};
struct IntTraits {
  using Item = Entry;
  using Key = int;
  using Probe = int;
  static int probe(int key) { return key; }
  static int probe(const Entry& item) { return item.key; }
  static int compare(const Entry& item, int probe) { return item.key < probe ? -1 : item.key > probe; }
  static std::uint8_t flags(const Entry& item) { return item.flags; }
};
using Tree = PTree<IntTraits>;
using Model = std::map<int, Entry>;

const Entry* model_last_le(const Model& model, int key, std::uint8_t mask) {
  for (auto at = model.upper_bound(key); at != model.begin();)
    if ((--at)->second.flags & mask || mask == 0) return &at->second;
  return nullptr;
}
const Entry* model_first_gt(const Model& model, int key, std::uint8_t mask) {
  for (auto at = model.upper_bound(key); at != model.end(); ++at)
    if (at->second.flags & mask || mask == 0) return &at->second;
  return nullptr;
}

void expect_same(const Entry* found, const Entry* wanted, const char* what, int key) {
  ASSERT_EQ(found == nullptr, wanted == nullptr) << what << " " << key;
  if (found) {
    EXPECT_EQ(found->key, wanted->key) << what << " " << key;
    EXPECT_EQ(found->value, wanted->value) << what << " " << key;
  }
}

void expect_equal(const Tree& tree, const Model& model) {
  ASSERT_EQ(tree.size(), model.size());
  auto at = model.begin();
  tree.for_each([&](const Entry& entry) {
    ASSERT_NE(at, model.end());
    EXPECT_EQ(entry.key, at->first);
    EXPECT_EQ(entry.value, at->second.value);
    ++at;
  });
}

TEST(PTree, AgreesWithAMapOverRandomInsertionsAndErasures) {
  const unsigned seed = 20260822;
  std::mt19937 random(seed);
  SCOPED_TRACE(seed);
  for (const int range : {8, 100, 5000}) {
    Tree tree;
    Model model;
    for (int round = 0; round < 12'000; ++round) {
      const int key = static_cast<int>(random() % static_cast<unsigned>(range));
      if (random() % 5 < (round < 6'000 ? 3U : 2U)) {
        const Entry entry{key, round, static_cast<std::uint8_t>(random() % 16 == 0 ? 1 : random() % 64 == 0 ? 2 : 0)};
        tree.insert(entry);
        model[key] = entry;
      } else {
        EXPECT_EQ(tree.erase(key), model.erase(key) == 1);
      }
      const int probe = static_cast<int>(random() % static_cast<unsigned>(range + 2)) - 1;
      for (const std::uint8_t mask : {0, 1, 2}) {
        expect_same(tree.last_le(probe, mask), model_last_le(model, probe, mask), "last_le", probe);
        expect_same(tree.first_gt(probe, mask), model_first_gt(model, probe, mask), "first_gt", probe);
        expect_same(tree.first_ge(probe, mask), model_first_gt(model, probe - 1, mask), "first_ge", probe);
      }
      if (round % 1000 == 0) expect_equal(tree, model);
    }
    expect_equal(tree, model);
    while (!model.empty()) {
      const int key = model.begin()->first;
      EXPECT_TRUE(tree.erase(key));
      model.erase(key);
    }
    EXPECT_TRUE(tree.empty());
  }
}

TEST(PTree, OlderVersionsStayAsTheyWere) {
  std::mt19937 random(7);
  std::vector<std::pair<Tree, Model>> versions;
  Tree tree;
  Model model;
  for (int round = 0; round < 3'000; ++round) {
    const int key = static_cast<int>(random() % 700);
    if (random() % 3 == 0) {
      tree.erase(key);
      model.erase(key);
    } else {
      tree.insert({key, round, 0});
      model[key] = {key, round, 0};
    }
    if (round % 100 == 0) versions.emplace_back(tree, model);
  }
  for (const auto& [old_tree, old_model] : versions) expect_equal(old_tree, old_model);
}

TEST(PTree, BuildGivesWhatInsertionsGive) {
  for (const int n : {0, 1, 31, 32, 33, 64, 1023, 1025, 40'000}) {
    std::vector<Entry> entries;
    Model model;
    for (int i = 0; i < n; ++i) {
      entries.push_back({i * 2, i, 0});
      model[i * 2] = entries.back();
    }
    const Tree tree = Tree::build(entries);
    expect_equal(tree, model);
    if (n > 0) {
      EXPECT_EQ(tree.find(n - 1 + (n - 1) % 2)->value, (n - 1 + (n - 1) % 2) / 2);
      EXPECT_EQ(tree.find(-1), nullptr);
      EXPECT_EQ(tree.first()->key, 0);
      EXPECT_EQ(tree.last()->key, 2 * (n - 1));
    }
  }
}

TEST(PTree, AChangeCopiesAPathAndNoMore) {
  std::vector<Entry> entries;
  for (int i = 0; i < 200'000; ++i) entries.push_back({i * 2, i, 0});
  const Tree before = Tree::build(entries);
  Tree after = before;
  after.insert({100'001, -1, 0});
  EXPECT_LE(after.nodes_not_in(before), 8U);
  EXPECT_GE(after.nodes_not_in(before), 3U);
  Tree smaller = before;
  smaller.erase(100'000);
  EXPECT_LE(smaller.nodes_not_in(before), 8U);
}

TEST(PTree, SearchesByFlagSkipWhatHasNone) {
  std::vector<Entry> entries;
  for (int i = 0; i < 100'000; ++i) entries.push_back({i, i, static_cast<std::uint8_t>(i == 5 || i == 99'990 ? 1 : 0)});
  const Tree tree = Tree::build(entries);
  EXPECT_EQ(tree.last_le(99'980, 1)->key, 5);
  EXPECT_EQ(tree.first_gt(5, 1)->key, 99'990);
  EXPECT_EQ(tree.first_gt(99'990, 1), nullptr);
  EXPECT_EQ(tree.last_le(4, 1), nullptr);
}

}  // namespace
}  // namespace sdns::zone
