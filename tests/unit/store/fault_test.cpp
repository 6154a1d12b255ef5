// SPDX-License-Identifier: MIT
// Disk full, read-only, damaged and foreign files: a clear error, and nothing was changed.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "backend/store/authority.h"
#include "backend/store/sqlite.h"
#include "tests/support/without.h"
#include "tests/unit/store/store_fixture.h"

namespace sdns::store::test {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

class FaultTest : public StoreTest {
 protected:
  static std::vector<StoredRecord> many(int count) {
    std::vector<StoredRecord> records{rr("example.", dns::kSOA, soa(1))};
    for (int i = 0; i < count; ++i)
      records.push_back(rr(numbered("h{}.example.", i), dns::kTXT, fmt::format("\"{:x>150}\"", "")));
    return records;
  }
  ZoneId add_large_zone() {
    auto authority = open();
    auto edit = ok(authority->edit());
    const ZoneId id = ok(edit->create_zone(head("example."), SerialPolicy::kCounter));
    ok(edit->replace_zone(id, many(3000)));
    ok(edit->commit("test"));
    return id;
  }
  /// What following the database leads to.
  Error load_error() {
    auto follower = ok(open_follower(url()));
    auto state = follower->load([](zone::ZoneContent&&) {});
    if (state) return {Errc::kConfig, "it loaded", {}};
    return state.error();
  }
  void write_file(const std::string& content) { std::ofstream(file(), std::ios::binary) << content; }
  /// Runs as a user to whom permissions apply; the code of the error, or nothing.
  template <class Work>
  static std::optional<Errc> unprivileged(const Work& work) {
    constexpr int kDone = 200;
    const pid_t child = ::fork();
    if (child == 0) {
      if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) ::_exit(201);
      const std::optional<Errc> code = work();
      ::_exit(code ? static_cast<int>(*code) : kDone);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_NE(201, WEXITSTATUS(status));
    if (WEXITSTATUS(status) == kDone) return std::nullopt;
    return static_cast<Errc>(WEXITSTATUS(status));
  }
  void give_to_everybody(int directory_mode, int file_mode) {
    for (const auto& entry : std::filesystem::directory_iterator(dir.path()))
      ASSERT_EQ(0, ::chmod(entry.path().c_str(), static_cast<mode_t>(file_mode)));
    ASSERT_EQ(0, ::chmod(dir.path().c_str(), static_cast<mode_t>(directory_mode)));
  }
  std::optional<Errc> code_of_an_edit(ZoneId id) {
    auto authority = open_authority(url(), OpenMode::kExisting, clock, random);
    if (!authority) return authority.error().code;
    auto edit = (*authority)->edit();
    if (!edit) return edit.error().code;
    auto done = (*edit)->replace_rrset(id, name("a.example."), dns::kA, {rr("a.example.", dns::kA, "192.0.2.1")});
    if (!done) return done.error().code;
    auto committed = (*edit)->commit("test");
    if (!committed) return committed.error().code;
    return std::nullopt;
  }
};

/// Makes writes beyond this size fail, for this process.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t octets) : handler_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = octets;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }

 private:
  sighandler_t handler_;
  rlimit before_{};
};

TEST_F(FaultTest, AFileThatCannotGrowIsNoSpaceAndNothingWasChanged) {
  auto authority = open();
  const ZoneId id = add_zone(*authority, "example.");
  const std::string before = ok(state_digest(*ok(authority->read())));
  {
    const FileSizeLimit limit(200'000);
    auto edit = ok(authority->edit());
    const auto done = edit->replace_zone(id, many(3000));
    const auto committed = edit->commit("test");
    ASSERT_FALSE(committed);
    EXPECT_EQ(Errc::kNoSpace, committed.error().code) << to_text(committed.error());
    EXPECT_THAT(committed.error().what, HasSubstr(file()));
    edit.reset();
    EXPECT_EQ(before, ok(state_digest(*ok(authority->read())))) << "reading goes on";
  }
  EXPECT_EQ(before, ok(state_digest(*ok(authority->read()))));
  EXPECT_EQ(2U, set(*authority, id, "a.example.", dns::kA, {"192.0.2.1"}).revision) << "and so does writing";
  authority.reset();
  EXPECT_EQ("ok", sql("PRAGMA integrity_check"));
}

TEST_F(FaultTest, AFullFileSystemIsNoSpaceAndNothingWasChanged) {
  const auto small = dir / "small";
  std::filesystem::create_directory(small);
  if (sdns::test::left_out("mount")) GTEST_SKIP() << "left out by --without=mount";
  ASSERT_EQ(::mount("tmpfs", small.c_str(), "tmpfs", 0, "size=1m"), 0)
      << "may not mount a small tmpfs; --without=mount leaves it out";
  {
    const std::string at = "sqlite:" + (small / "authority.db").string();
    auto authority = ok(open_authority(at, OpenMode::kCreateIfMissing, clock, random));
    const ZoneId id = add_zone(*authority, "example.");
    auto edit = ok(authority->edit());
    (void)edit->replace_zone(id, many(20'000));
    const auto committed = edit->commit("test");
    ASSERT_FALSE(committed);
    EXPECT_EQ(Errc::kNoSpace, committed.error().code) << to_text(committed.error());
    edit.reset();
    EXPECT_EQ(1U, ok(ok(authority->read())->position()).revision);
    std::ofstream(small / "filler", std::ios::binary) << std::string(2 << 20, 'x');
    auto other = open_authority("sqlite:" + (small / "other.db").string(), OpenMode::kCreateIfMissing, clock, random);
    ASSERT_FALSE(other);
    EXPECT_EQ(Errc::kNoSpace, other.error().code) << to_text(other.error());
    EXPECT_FALSE(std::filesystem::exists(small / "other.db"));
  }
  EXPECT_EQ(0, ::umount(small.c_str()));
}

TEST_F(FaultTest, AReadOnlyFileCanBeReadButNotEdited) {
  const ZoneId id = add_zone(*open(), "example.");
  give_to_everybody(0777, 0444);
  EXPECT_EQ(Errc::kReadOnly, unprivileged([&] { return code_of_an_edit(id); }));
  EXPECT_EQ(std::nullopt, unprivileged([&]() -> std::optional<Errc> {
              auto authority = open_authority(url(), OpenMode::kExisting, clock, random);
              if (!authority) return authority.error().code;
              auto read = (*authority)->read();
              if (!read) return read.error().code;
              const auto zones = (*read)->zones();
              return zones && zones->size() == 1 ? std::nullopt : std::optional(Errc::kIo);
            }));
}

TEST_F(FaultTest, AReadOnlyDirectoryIsSaidToBeOne) {
  const ZoneId id = add_zone(*open(), "example.");
  give_to_everybody(0555, 0666);
  EXPECT_EQ(Errc::kReadOnly, unprivileged([&] { return code_of_an_edit(id); }));
  give_to_everybody(0755, 0666);
}

TEST_F(FaultTest, AFileThatMayNotBeReadIsSaidToBeOne) {
  const ZoneId id = add_zone(*open(), "example.");
  give_to_everybody(0777, 0);
  EXPECT_EQ(Errc::kPermission, unprivileged([&] { return code_of_an_edit(id); }));
}

TEST_F(FaultTest, ADirectoryThatMayNotBeWrittenToTakesNoNewDatabase) {
  give_to_everybody(0555, 0666);
  EXPECT_EQ(Errc::kPermission, unprivileged([&]() -> std::optional<Errc> {
              auto made = open_authority(url(), OpenMode::kCreateIfMissing, clock, random);
              return made ? std::nullopt : std::optional(made.error().code);
            }));
  give_to_everybody(0755, 0666);
}

TEST_F(FaultTest, AnEmptyFileIsNoDatabase) {
  write_file("");
  for (const OpenMode mode : {OpenMode::kExisting, OpenMode::kCreateIfMissing}) {
    const Error error = open_error(mode);
    EXPECT_EQ(Errc::kCorrupt, error.code);
    EXPECT_THAT(error.what, HasSubstr("empty"));
  }
  EXPECT_EQ(Errc::kCorrupt, load_error().code);
}

TEST_F(FaultTest, ATextFileIsForeign) {
  write_file(std::string(10'000, 'x'));
  EXPECT_EQ(Errc::kForeign, open_error().code);
  EXPECT_EQ(Errc::kForeign, load_error().code);
  EXPECT_EQ(10'000U, std::filesystem::file_size(file())) << "it was left alone";
}

TEST_F(FaultTest, ADirectoryIsForeign) {
  std::filesystem::create_directory(file());
  EXPECT_EQ(Errc::kForeign, open_error().code);
}

TEST_F(FaultTest, ADatabaseOfAnotherProgramIsForeignAndLeftAlone) {
  sql("CREATE TABLE zone (id INTEGER PRIMARY KEY); PRAGMA application_id=42;");
  const Error error = open_error(OpenMode::kCreateIfMissing);
  EXPECT_EQ(Errc::kForeign, error.code);
  EXPECT_THAT(error.what, HasSubstr("42"));
  EXPECT_EQ(Errc::kForeign, load_error().code);
  EXPECT_EQ("delete", sql("PRAGMA journal_mode")) << "not even its journal mode was changed";
}

TEST_F(FaultTest, ADatabaseWithOurMarkButWithoutOurTablesIsForeign) {
  sql(numbered("CREATE TABLE other (n); PRAGMA application_id={};", kSqliteApplicationId));
  EXPECT_EQ(Errc::kForeign, open_error().code);
  EXPECT_EQ(Errc::kForeign, load_error().code);
}

TEST_F(FaultTest, DamagedPagesAreCorruptAndNothingOfThemIsServed) {
  add_large_zone();
  sdns::test::SeededRandom chance(3);
  const auto size = std::filesystem::file_size(file());
  std::fstream out(file(), std::ios::binary | std::ios::in | std::ios::out);
  for (std::uint64_t at = size / 4; at < size * 3 / 4; at += 4096) {
    out.seekp(static_cast<std::streamoff>(at));
    for (int i = 0; i < 512; ++i) {
      const std::uint64_t noise = chance.next();
      out.write(reinterpret_cast<const char*>(&noise), sizeof(noise));
    }
  }
  out.close();
  EXPECT_EQ(Errc::kCorrupt, load_error().code);
}

TEST_F(FaultTest, AFileCutShortIsCorrupt) {
  add_large_zone();
  const auto size = std::filesystem::file_size(file());
  for (const auto part : {size / 2, std::uintmax_t{4096}}) {
    std::filesystem::resize_file(file(), part);
    const Error error = load_error();
    EXPECT_EQ(Errc::kCorrupt, error.code) << part << " octets: " << to_text(error);
  }
  std::filesystem::resize_file(file(), 60);
  EXPECT_THAT(load_error().code, AnyOf(Errc::kCorrupt, Errc::kForeign));
}

TEST_F(FaultTest, DamagedRowsAreCorrupt) {
  struct Case {
    const char* damage;
    const char* repair;
  };
  add_zone(*open(), "example.");
  for (const Case& one :
       {Case{"UPDATE record SET owner = x'6100620000' WHERE type = 1",
             "UPDATE record SET owner = x'6500' WHERE type = 1"},
        Case{"UPDATE record SET owner = x'61' WHERE type = 1", "UPDATE record SET owner = x'6500' WHERE type = 1"},
        Case{"UPDATE record SET owner = x'610100' WHERE type = 1", "UPDATE record SET owner = x'6500' WHERE type = 1"},
        Case{"UPDATE zone SET kind = 9", "UPDATE zone SET kind = 0"},
        Case{"UPDATE journal SET chain = x'00'", "UPDATE journal SET chain = zeroblob(32)"},
        Case{"DELETE FROM journal", "SELECT 1"}}) {
    sql(one.damage);
    EXPECT_EQ(Errc::kCorrupt, load_error().code) << one.damage;
    sql(one.repair);
  }
}

TEST_F(FaultTest, ABusyDatabaseIsSaidToBe) {
  auto authority = open();
  auto db = ok(open_sqlite(file(), SqliteOpen::kEdit, std::chrono::milliseconds(5)));
  auto edit = ok(authority->edit());
  const auto begun = db->begin(Access::kWrite);
  ASSERT_FALSE(begun);
  EXPECT_EQ(Errc::kBusy, begun.error().code);
  EXPECT_FALSE(db->in_transaction());
}

TEST_F(FaultTest, ACommitThatCannotBeJournaledLeavesNothing) {
  auto authority = open();
  const ZoneId id = add_zone(*authority, "example.");
  sql("CREATE TRIGGER broken BEFORE INSERT ON journal BEGIN SELECT raise(ABORT, 'no journal today'); END");
  auto edit = ok(authority->edit());
  ok(edit->set_metadata(id, "X", {"1"}));
  EXPECT_FALSE(edit->commit("test"));
  EXPECT_FALSE(edit->commit("test")) << "it has ended";
  auto read = authority->read();
  ASSERT_TRUE(read) << to_text(read.error());
  EXPECT_TRUE(ok((*read)->metadata(id)).empty());
}

TEST_F(FaultTest, NothingIsAcknowledgedIntoAFileThatLostItsName) {
  auto authority = open();
  const ZoneId id = add_zone(*authority, "example.");
  auto edit = ok(authority->edit());
  ok(edit->replace_rrset(id, name("a.example."), dns::kA, {rr("a.example.", dns::kA, "192.0.2.1")}));
  std::filesystem::rename(file(), dir / "aside.db");
  const auto committed = edit->commit("test");
  ASSERT_FALSE(committed);
  EXPECT_EQ(Errc::kUnavailable, committed.error().code);
  edit.reset();
  const auto begun = authority->edit();
  ASSERT_FALSE(begun);
  EXPECT_EQ(Errc::kUnavailable, begun.error().code);
  std::filesystem::rename(dir / "aside.db", file());
  EXPECT_EQ(2U, set(*authority, id, "a.example.", dns::kA, {"192.0.2.1"}).revision);
}

TEST_F(FaultTest, AFollowersConnectionRefusesToWrite) {
  add_zone(*open(), "example.");
  auto db = ok(open_sqlite(file(), SqliteOpen::kFollow, std::chrono::milliseconds(5)));
  EXPECT_FALSE(db->execute("DELETE FROM record"));
}

TEST_F(FaultTest, AFailedStatementCannotBeCommittedPast) {
  auto authority = open();
  const ZoneId id = add_zone(*authority, "example.");
  sql("CREATE TRIGGER broken BEFORE INSERT ON cryptokey BEGIN SELECT raise(ABORT, 'no keys today'); END");
  auto edit = ok(authority->edit());
  ok(edit->set_metadata(id, "X", {"1"}));
  EXPECT_FALSE(edit->add_key(id, {0, 257, true, true, "k"}));
  const auto committed = edit->commit("test");
  ASSERT_FALSE(committed);
  EXPECT_THAT(committed.error().what, HasSubstr("no keys today"));
  edit.reset();
  EXPECT_TRUE(ok(ok(authority->read())->metadata(id)).empty());
}

TEST(NetworkFileSystem, IsKnownByItsMagic) {
  EXPECT_EQ("NFS", network_file_system(0x6969));
  EXPECT_EQ("CIFS", network_file_system(0xFF534D42));
  EXPECT_TRUE(network_file_system(0x65735546)) << "FUSE";
  for (const std::uint64_t local : {0xEF53U, 0x58465342U, 0x9123683EU, 0x01021994U, 0x794C7630U})
    EXPECT_FALSE(network_file_system(local)) << "ext4, xfs, btrfs, tmpfs, overlayfs";
}

}  // namespace
}  // namespace sdns::store::test
