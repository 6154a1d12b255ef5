// SPDX-License-Identifier: MIT
#include "backend/store/snapshot_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sodium/crypto_generichash.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "backend/base/owned.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/store/snapshot_fixture.h"

namespace sdns::store::test {
namespace {

using testing::HasSubstr;

constexpr std::size_t kHeaderTagAt = 176;  // of the file's header
constexpr std::size_t kVersionAt = 8;

class SnapshotTest : public testing::TestWithParam<bool> {  // sealed
 protected:
  void SetUp() override {
    if (!GetParam()) return;
    ASSERT_TRUE(make_key_file(dir / "keys"));
    keys = std::make_unique<KeyFile>(dir / "keys");
  }
  static bool at_once(std::size_t) { return true; }
  Result<SnapshotFacts> write(const zone::ZoneSet& set, const SnapshotPace& pace = at_once) {
    SnapshotFacts facts;
    facts.database_id = "0123456789abcdef0123456789abcdef";
    facts.saved = clock.wall_now();
    facts.confirmed = clock.wall_now() - std::chrono::seconds(5);
    return write_snapshot(path(), set, std::move(facts), *keys, pace);
  }
  Result<zone::ZoneSetPtr> read(unsigned threads = 1) { return read_with(*keys, threads); }
  Result<zone::ZoneSetPtr> read_with(const KeyFile& file, unsigned threads = 1) {
    zone::ZoneSetBuilder builder;
    auto snapshot = read_snapshot(path(), file, threads, builder);
    if (!snapshot) return fail(snapshot.error());
    facts = snapshot->facts;
    if (auto added = builder.add_target_pools(snapshot->state.target_pools); !added) return fail(added.error());
    builder.add_overrides(snapshot->state.overrides);
    return builder.finish(snapshot->state.revision, snapshot->state.chain, snapshot->state.tsig_keys);
  }
  Error read_error() {
    auto set = read();
    return set ? Error{Errc::kUnsupported, "it was read", {}} : set.error();
  }
  std::string path() const { return (dir / "zones.snapshot").string(); }
  std::string octets() const {
    std::ifstream in(path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void put(const std::string& octets) {
    const Fd file(::open(path().c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
    ASSERT_EQ(static_cast<ssize_t>(octets.size()), ::write(file.get(), octets.data(), octets.size()));
  }

  sdns::test::TempDir dir;
  sdns::test::ManualWallClock clock;
  std::unique_ptr<KeyFile> keys = std::make_unique<KeyFile>();
  SnapshotFacts facts;
};
INSTANTIATE_TEST_SUITE_P(Snapshot, SnapshotTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "Sealed" : "Plain"; });

TEST_P(SnapshotTest, GivesBackEverythingThatIsServedAndWhatFollowsFromIt) {
  const zone::ZoneSetPtr set = full_set();
  const SnapshotFacts written = write(*set).value();
  EXPECT_EQ(std::filesystem::file_size(path()), written.octets);
  for (const unsigned threads : {1U, 4U}) {
    const zone::ZoneSetPtr again = read(threads).value();
    EXPECT_EQ(digest_of(*set), digest_of(*again));
    EXPECT_TRUE(derived_of(*set) == derived_of(*again));
    EXPECT_EQ(42U, again->revision());
    EXPECT_EQ(set->chain(), again->chain());
    EXPECT_EQ(*set->overrides(), *again->overrides());
    EXPECT_EQ(set->stored_target_pools(), again->stored_target_pools());
  }
  EXPECT_EQ("0123456789abcdef0123456789abcdef", facts.database_id);
  EXPECT_EQ(clock.wall_now(), facts.saved);
  EXPECT_EQ(clock.wall_now() - std::chrono::seconds(5), facts.confirmed);
  EXPECT_EQ(GetParam(), facts.sealed_by.has_value());
}

TEST_P(SnapshotTest, AnEmptyStateIsOneToo) {
  ASSERT_TRUE(write(*zone::ZoneSetBuilder().finish(0, zone::Chain{9})));
  const zone::ZoneSetPtr again = read().value();
  EXPECT_EQ(0U, again->size());
  EXPECT_EQ(zone::Chain{9}, again->chain());
}

TEST_P(SnapshotTest, EveryTruncationIsNoticed) {
  ASSERT_TRUE(write(*small_set()));
  const std::string whole = octets();
  for (std::size_t size = whole.size(); size-- != 0;) {
    std::filesystem::resize_file(path(), size);
    const auto set = read();
    ASSERT_FALSE(set) << size;
    EXPECT_TRUE(set.error().code == Errc::kCorrupt || (size < 8 && set.error().code == Errc::kForeign)) << size;
  }
  put(whole + '\0');
  EXPECT_EQ(Errc::kCorrupt, read_error().code) << "and so is what stands behind it";
  put(whole);
  EXPECT_TRUE(read());
}

TEST_P(SnapshotTest, EveryFlippedBitIsNoticed) {
  ASSERT_TRUE(write(*small_set()));
  const std::string whole = octets();
  const Fd file(::open(path().c_str(), O_WRONLY));
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    const char flipped = static_cast<char>(whole[bit / 8] ^ (1 << (bit % 8)));
    ASSERT_EQ(1, ::pwrite(file.get(), &flipped, 1, static_cast<off_t>(bit / 8)));
    const auto set = read();
    ASSERT_EQ(1, ::pwrite(file.get(), &whole[bit / 8], 1, static_cast<off_t>(bit / 8)));
    ASSERT_FALSE(set) << "octet " << bit / 8 << " bit " << bit % 8;
    EXPECT_TRUE(set.error().code == Errc::kCorrupt || (bit < 64 && set.error().code == Errc::kForeign)) << bit;
  }
}

TEST_P(SnapshotTest, PartsOfAnotherFileAreNoticed) {
  ASSERT_TRUE(write(*full_set(3)));
  const std::string first = octets();
  ASSERT_TRUE(write(*full_set(3)));
  const std::string second = octets();
  ASSERT_EQ(first.size(), second.size());
  put(first.substr(0, 192) + second.substr(192));
  EXPECT_EQ(Errc::kCorrupt, read_error().code);
}

TEST_P(SnapshotTest, AnotherFormatIsNotReadAndNotTakenForDamage) {
  ASSERT_TRUE(write(*full_set(3)));
  std::string newer = octets();
  newer[kVersionAt] = 2;
  crypto_generichash(reinterpret_cast<unsigned char*>(newer.data()) + kHeaderTagAt, 16,
                     reinterpret_cast<const unsigned char*>(newer.data()), kHeaderTagAt, nullptr, 0);
  put(newer);
  const Error error = read_error();
  EXPECT_EQ(Errc::kTooNew, error.code);
  EXPECT_THAT(to_text(error), HasSubstr("has format 2, and this program knows up to 1"));
  put("SQLite format 3 and so on, longer than a header would be.");
  EXPECT_EQ(Errc::kForeign, read_error().code);
  std::filesystem::remove(path());
  EXPECT_EQ(Errc::kNotFound, read_error().code);
}

TEST_P(SnapshotTest, AFileThatOthersMayWriteIsNotTrusted) {
  ASSERT_TRUE(write(*full_set(3)));
  struct stat status {};
  ASSERT_EQ(0, ::stat(path().c_str(), &status));
  EXPECT_EQ(0600U, status.st_mode & 07777U);
  for (const mode_t mode : {0620, 0602, 0666}) {
    ASSERT_EQ(0, ::chmod(path().c_str(), mode));
    EXPECT_EQ(Errc::kPermission, read_error().code) << std::oct << mode;
  }
  ASSERT_EQ(0, ::chmod(path().c_str(), 0600));
  EXPECT_TRUE(read());
  std::filesystem::rename(path(), path() + ".elsewhere");
  std::filesystem::create_symlink(path() + ".elsewhere", path());
  EXPECT_EQ(Errc::kPermission, read_error().code);
  std::filesystem::rename(path() + ".elsewhere", path());
  if (::geteuid() == 0) {
    ASSERT_EQ(0, ::chown(path().c_str(), 12345, 12345));
    EXPECT_THAT(read_error().what, HasSubstr("belongs to uid 12345"));
  }
}

TEST_P(SnapshotTest, AWriteThatFailsLeavesTheFormerFile) {
  ASSERT_TRUE(write(*full_set(3)));
  const std::string former = octets();
  int blocks = 0;
  const auto given_up = write(*full_set(), [&](std::size_t) { return ++blocks < 2; });
  EXPECT_EQ(Errc::kTimeout, given_up.error().code);
  EXPECT_EQ(2, blocks);
  EXPECT_TRUE(former == octets());
  EXPECT_FALSE(std::filesystem::exists(path() + ".new"));

  std::ofstream(path() + ".new") << "of a process that was killed";
  EXPECT_TRUE(write(*full_set(3)));
  EXPECT_FALSE(std::filesystem::exists(path() + ".new"));
}

TEST_P(SnapshotTest, TwoProcessesDoNotWriteItAtOnce) {
  const Fd lock(::open((path() + ".lock").c_str(), O_RDWR | O_CREAT, 0600));
  ASSERT_EQ(0, ::flock(lock.get(), LOCK_EX));
  EXPECT_EQ(Errc::kBusy, write(*full_set(3)).error().code);
  ASSERT_EQ(0, ::flock(lock.get(), LOCK_UN));
  EXPECT_TRUE(write(*full_set(3)));
}

TEST_P(SnapshotTest, ANewerFileTakesTheFormersPlace) {
  ASSERT_TRUE(write(*full_set(3)));
  const std::string digest = digest_of(**read());
  ASSERT_TRUE(write(*full_set(5)));
  EXPECT_NE(digest, digest_of(**read()));
  EXPECT_EQ(digest_of(*full_set(5)), digest_of(**read()));
}

TEST_P(SnapshotTest, AMissingDirectoryIsNamed) {
  const auto done = write_snapshot(dir / "none/zones.snapshot", *full_set(3), {}, *keys, at_once);
  EXPECT_EQ(Errc::kNotFound, done.error().code);
  EXPECT_THAT(to_text(done.error()), HasSubstr("none/zones.snapshot"));
}

TEST(SealedSnapshotTest, ShowsNothingAndOpensWithItsKeyAlone) {
  sdns::test::TempDir dir;
  const std::string path = dir / "zones.snapshot";
  ASSERT_TRUE(make_key_file(dir / "keys"));
  ASSERT_TRUE(make_key_file(dir / "other"));
  const KeyFile keys(dir / "keys");
  ASSERT_TRUE(write_snapshot(path, *full_set(3), {}, keys, [](std::size_t) { return true; }));
  std::ifstream in(path, std::ios::binary);
  const std::string octets{std::istreambuf_iterator<char>(in), {}};
  for (const char* told : {"Private-key-format", "rich", "192.0.2.1", "c2VjcmV0"})
    EXPECT_THAT(octets, testing::Not(HasSubstr(told)));
  const auto error = [&](const KeyFile& file) {
    zone::ZoneSetBuilder builder;
    return read_snapshot(path, file, 1, builder).error();
  };
  EXPECT_EQ(Errc::kConfig, error(KeyFile()).code);
  EXPECT_THAT(to_text(error(KeyFile())), HasSubstr("no key file is configured"));
  EXPECT_EQ(Errc::kConfig, error(KeyFile(dir / "other")).code);
  EXPECT_THAT(to_text(error(KeyFile(dir / "other"))), HasSubstr("is not in the key file"));
  EXPECT_EQ(Errc::kNotFound, error(KeyFile(dir / "gone")).code);
}

}  // namespace
}  // namespace sdns::store::test
