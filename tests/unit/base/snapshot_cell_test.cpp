// SPDX-License-Identifier: MIT
#include "backend/base/snapshot_cell.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace sdns {
namespace {

using Cell = SnapshotCell<int>;
using Retired = std::vector<std::shared_ptr<const int>>;

void retire(void* context, std::shared_ptr<const int> old) {
  static_cast<Retired*>(context)->push_back(std::move(old));
}

TEST(SnapshotCell, AReaderSeesTheNewestAndHandsTheFormerOver) {
  Cell cell(std::make_shared<int>(1));
  Retired retired;
  Cell::Reader reader(cell, retire, &retired);
  EXPECT_FALSE(reader.holds());
  EXPECT_EQ(reader.get(), 1);
  EXPECT_TRUE(reader.current());
  cell.publish(std::make_shared<int>(2));
  EXPECT_FALSE(reader.current());
  EXPECT_TRUE(retired.empty());
  EXPECT_EQ(reader.get(), 2);
  ASSERT_EQ(retired.size(), 1U);
  EXPECT_EQ(*retired[0], 1);
  EXPECT_EQ(retired[0].use_count(), 1) << "the cell itself keeps nothing";
}

TEST(SnapshotCell, AReaderThatLetGoPinsNothing) {
  Cell cell(std::make_shared<int>(1));
  Retired retired;
  Cell::Reader reader(cell, retire, &retired);
  reader.get();
  reader.release();
  EXPECT_FALSE(reader.holds());
  retired.clear();
  const std::weak_ptr<const int> first = cell.load();
  cell.publish(std::make_shared<int>(2));
  EXPECT_TRUE(first.expired());
  EXPECT_EQ(reader.get(), 2);
}

TEST(SnapshotCell, ReadersNeverSeeAnOlderValueAfterANewerOne) {
  Cell cell(std::make_shared<int>(0));
  std::vector<std::thread> readers;
  std::atomic<bool> ordered{true};
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      Retired retired;
      Cell::Reader reader(cell, retire, &retired);
      for (int last = 0; last < 20'000;) {
        const int now = reader.get();
        if (now < last) ordered = false;
        last = now;
        retired.clear();
      }
    });
  }
  for (int i = 1; i <= 20'000; ++i) cell.publish(std::make_shared<int>(i));
  for (std::thread& reader : readers) reader.join();
  EXPECT_TRUE(ordered);
}

}  // namespace
}  // namespace sdns
