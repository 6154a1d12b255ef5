// SPDX-License-Identifier: MIT
// The key file, and what is sealed with it in the database.
#include "backend/store/seal.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "backend/store/key_file.h"
#include "tests/unit/store/model.h"
#include "tests/unit/store/store_fixture.h"

namespace sdns::store::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kPrivate =
    "Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\nPrivateKey: bm8gcmVhbCBrZXk=\n";
constexpr const char* kSecret = "c2VjcmV0IG9mIGEgdHNpZyBrZXksIDMyIG9jdGV0cyE=";

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class SealTest : public EveryStoreTest {
 protected:
  std::string key_path(const std::string& name = "keys") const { return (dir / name).string(); }
  std::string write_key_file(const std::string& text, mode_t mode = 0600) {
    std::ofstream(key_path()) << text;
    ::chmod(key_path().c_str(), mode);
    return key_path();
  }
  Error read_error() {
    auto read = read_key_file(key_path());
    return read ? Error{Errc::kUnsupported, "it was read", {}} : read.error();
  }
  KeyFilePtr made(const std::string& name) {
    ok(make_key_file(key_path(name)));
    return std::make_shared<const KeyFile>(key_path(name));
  }
  std::unique_ptr<Authority> open_with(KeyFilePtr keys) {
    return ok(
        open_authority(url(), OpenMode::kCreateIfMissing, clock, random, std::chrono::seconds(5), std::move(keys)));
  }
  // A zone with a key, and a TSIG key.
  ZoneId fill(Authority& authority) {
    const ZoneId id = add_zone(authority, "example.");
    auto edit = ok(authority.edit());
    ok(edit->add_key(id, {0, 257, true, true, kPrivate}));
    ok(edit->put_tsig_key({name("tsig.example."), "hmac-sha256", kSecret}));
    ok(edit->commit("test"));
    return id;
  }
  static std::string digest(Authority& authority) {
    auto read = ok(authority.read());
    return ok(state_digest(*read));
  }
  static Error load_error(const std::string& url, KeyFilePtr keys) {
    auto loaded = ok(open_follower(url, std::move(keys)))->load([](zone::ZoneContent&&) {});
    return loaded ? Error{Errc::kUnsupported, "it was loaded", {}} : loaded.error();
  }
  // The octets of the tables that hold secrets, as they are on the disk.
  std::string files_of_secrets() {
    if (store() == Store::kSqlite) return content(file()) + content(file() + "-wal");
    std::string all;
    for (const char* table : {"cryptokey", "tsig_key"}) {
      sql("CHECKPOINT");
      all += content(sql("SELECT setting FROM pg_settings WHERE name = 'data_directory'") + "/" +
                     sql(std::string("SELECT pg_relation_filepath('") + table + "')"));
    }
    return all;
  }
  std::string stored_key() { return sql("SELECT content FROM cryptokey"); }
  static std::uint64_t reseal_all(Authority& authority, Sealing wanted, std::size_t slice) {
    SecretCursor cursor;
    while (ok(authority.reseal(wanted, cursor, slice))) {
    }
    return cursor.changed;
  }
};

// What needs no database.
class KeyFileTest : public SealTest {};

TEST_P(KeyFileTest, ASecretOpensWithItsKeyAndInItsPlaceAlone) {
  const SealingKey key = SealingKey::make();
  const std::string sealed = seal_text(key, kPrivate, "cryptokey 1 2");
  EXPECT_TRUE(is_sealed(sealed));
  EXPECT_EQ(key.id(), ok(sealed_by(sealed)));
  EXPECT_EQ(kPrivate, ok(open_text(key, sealed, "cryptokey 1 2")));
  EXPECT_FALSE(open_text(key, sealed, "cryptokey 1 3"));
  EXPECT_FALSE(open_text(SealingKey::make(), sealed, "cryptokey 1 2"));
  EXPECT_NE(sealed, seal_text(key, kPrivate, "cryptokey 1 2")) << "a nonce is used once";
}

TEST_P(KeyFileTest, EveryChangeOfASealedTextIsNoticed) {
  const SealingKey key = SealingKey::make();
  const std::string sealed = seal_text(key, "secret", "here");
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    const auto id = sealed_by(changed);
    if (is_sealed(changed) && id && *id == key.id()) {
      EXPECT_FALSE(open_text(key, changed, "here")) << i;
    }
    EXPECT_FALSE(open_text(key, sealed.substr(0, i), "here")) << i;
  }
}

TEST_P(KeyFileTest, AKeyFileThatIsWrongIsRefusedWithoutBeingQuoted) {
  const std::string line = key_line(SealingKey::make());
  const struct {
    std::string text;
    const char* said;
  } cases[] = {
      {"", "there is no key in it"},
      {"# nothing\n\n", "there is no key in it"},
      {"secret words\n", "line 1 does not begin with sdns-key-1"},
      {"# a key\nsdns-key-1\n", "line 2 has no base64 of 32 octets"},
      {"sdns-key-1 c2VjcmV0IHdvcmRz\n", "line 1 has no base64 of 32 octets"},
      {line.substr(0, line.size() - 1) + "\n", "line 1 has no base64 of 32 octets"},
      {line + "\n" + line + "\n", "a second time"},
  };
  for (const auto& one : cases) {
    write_key_file(one.text);
    const Error error = read_error();
    EXPECT_EQ(Errc::kInvalidArgument, error.code) << one.text;
    EXPECT_THAT(to_text(error), HasSubstr(one.said));
    EXPECT_THAT(to_text(error), HasSubstr(key_path()));
    EXPECT_THAT(to_text(error), Not(HasSubstr("c2VjcmV0"))) << "what may be a key is not told";
    EXPECT_THAT(to_text(error), Not(HasSubstr("secret words")));
  }
}

TEST_P(KeyFileTest, AKeyFileThatOthersMayReadOrWriteIsRefused) {
  const std::string text = key_line(SealingKey::make()) + "\n";
  EXPECT_EQ(Errc::kNotFound, read_error().code);
  for (const mode_t mode : {0600, 0640, 0400}) {
    write_key_file(text, mode);
    EXPECT_TRUE(read_key_file(key_path())) << std::oct << mode;
  }
  for (const mode_t mode : {0644, 0604, 0660, 0602}) {
    write_key_file(text, mode);
    const Error error = read_error();
    EXPECT_EQ(Errc::kPermission, error.code) << std::oct << mode;
    EXPECT_THAT(error.what, HasSubstr(fmt::format("{:04o}", mode)));
  }
  write_key_file(text, 0600);
  if (::geteuid() == 0) {
    ASSERT_EQ(0, ::chown(key_path().c_str(), 12345, 12345));
    EXPECT_THAT(read_error().what, HasSubstr("belongs to uid 12345"));
  }
  std::filesystem::remove(key_path());
  std::filesystem::create_directory(key_path());
  EXPECT_EQ(Errc::kPermission, read_error().code);
}

TEST_P(KeyFileTest, ARotationBeginsWithAKeyThatOpensAndDoesNotSeal) {
  const SealId first = ok(make_key_file(key_path()));
  EXPECT_EQ(Errc::kExists, make_key_file(key_path()).error().code) << "no key is ever overwritten";
  ASSERT_EQ(0, ::chmod(key_path().c_str(), 0640));
  const SealId second = ok(append_key(key_path()));
  const KeyRing ring = ok(read_key_file(key_path()));
  EXPECT_EQ(first, ring.first().id());
  EXPECT_NE(nullptr, ring.find(second));
  struct stat facts {};
  ASSERT_EQ(0, ::stat(key_path().c_str(), &facts));
  EXPECT_EQ(0640U, facts.st_mode & 07777U) << "its group goes on reading it";
  for (std::size_t i = 2; i < KeyRing::kMostKeys; ++i) ok(append_key(key_path()));
  EXPECT_FALSE(append_key(key_path()));
  EXPECT_EQ(KeyRing::kMostKeys, ok(read_key_file(key_path())).keys().size());
}

TEST_P(SealTest, SecretsAreStoredSealedAndServedAsTheyAre) {
  std::string plain_digest;
  {
    auto plain = open();
    fill(*plain);
    plain_digest = digest(*plain);
    EXPECT_EQ(kPrivate, stored_key());
  }
  remove_database();
  const KeyFilePtr keys = made("keys");
  auto sealed = open_with(keys);
  fill(*sealed);
  EXPECT_TRUE(is_sealed(stored_key()));
  EXPECT_TRUE(is_sealed(sql("SELECT secret FROM tsig_key")));
  EXPECT_EQ(plain_digest, digest(*sealed)) << "the digest is over what is served, however it is stored";
  Model model;
  auto follower = ok(open_follower(url(), keys));
  model.put(ok(follower->load([&](zone::ZoneContent&& zone) { model.put(std::move(zone)); })));
  EXPECT_EQ(plain_digest, model.digest());
}

TEST_P(SealTest, WithoutItsKeyADatabaseIsNotLoadedAndTakesNoSecret) {
  const KeyFilePtr keys = made("keys");
  ZoneId id = 0;
  {
    auto sealed = open_with(keys);
    id = fill(*sealed);
  }
  const Error none = load_error(url(), std::make_shared<const KeyFile>());
  EXPECT_EQ(Errc::kConfig, none.code);
  EXPECT_THAT(to_text(none), HasSubstr("private key 1 of the zone with the id 1 is sealed with the key"));
  EXPECT_THAT(to_text(none), HasSubstr("no key file is configured"));
  EXPECT_THAT(to_text(none), Not(HasSubstr("sealed:1:"))) << "not even sealed";
  const Error other = load_error(url(), made("other"));
  EXPECT_EQ(Errc::kConfig, other.code);
  EXPECT_THAT(other.what, HasSubstr("is not in the key file"));
  const Error gone = load_error(url(), std::make_shared<const KeyFile>(key_path("gone")));
  EXPECT_EQ(Errc::kNotFound, gone.code);

  auto blind = open();
  auto edit = ok(blind->edit());
  EXPECT_EQ(Errc::kConfig, edit->add_key(id, {0, 256, true, true, kPrivate}).error().code);
  EXPECT_EQ(Errc::kConfig, edit->put_tsig_key({name("more.example."), "hmac-sha256", kSecret}).error().code);
  ok(edit->replace_rrset(id, name("www.example."), dns::kA, {rr("www.example.", dns::kA, "192.0.2.7")}));
  EXPECT_TRUE(edit->commit("test")) << "what needs no secret goes on";
}

TEST_P(SealTest, ASealedSecretOpensInNoOtherRow) {
  const KeyFilePtr keys = made("keys");
  auto authority = open_with(keys);
  const ZoneId id = fill(*authority);
  auto edit = ok(authority->edit());
  ok(edit->add_key(id, {0, 256, true, true, "another"}));
  ok(edit->commit("test"));
  sql("UPDATE cryptokey SET content = (SELECT content FROM cryptokey WHERE id = 1) WHERE id = 2");
  EXPECT_EQ(Errc::kCorrupt, load_error(url(), keys).code);
}

TEST_P(SealTest, ResealingGoesSliceBySliceAndIsNoChangeOfWhatIsServed) {
  constexpr int kZones = 7;
  {
    auto plain = open();
    for (int i = 0; i < kZones; ++i) {
      const ZoneId id = add_zone(*plain, numbered("z{}.", i));
      auto edit = ok(plain->edit());
      ok(edit->add_key(id, {0, 257, true, true, kPrivate}));
      ok(edit->add_key(id, {0, 256, true, false, kPrivate}));
      ok(edit->put_tsig_key({name(numbered("t{}.", i)), "hmac-sha256", kSecret}));
      ok(edit->commit("test"));
    }
  }
  const KeyFilePtr keys = made("keys");
  auto authority = open_with(keys);
  const std::string before = digest(*authority);
  const Position at = ok(ok(authority->read())->position());
  SecretCursor cursor;  // interrupted after two slices, begun anew
  EXPECT_TRUE(ok(authority->reseal(Sealing::kSealed, cursor, 4)));
  EXPECT_TRUE(ok(authority->reseal(Sealing::kSealed, cursor, 4)));
  EXPECT_EQ(8U, cursor.changed);
  EXPECT_EQ(3U * kZones - 8U, reseal_all(*authority, Sealing::kSealed, 4)) << "what was sealed stays as it is";
  const SecretCounts counts = ok(authority->count_secrets());
  EXPECT_EQ(0U, counts.plain);
  EXPECT_EQ(3U * kZones, counts.sealed.at(seal_id_text(ok(keys->keys())->first().id())));
  EXPECT_TRUE(counts.must_seal);
  EXPECT_EQ(before, digest(*authority));
  EXPECT_EQ(at.revision, ok(ok(authority->read())->position()).revision);

  // The next key goes to the top of the file, the former one stays for what it sealed.
  const std::string former = content(keys->path());
  std::ofstream(key_path("next")) << key_line(SealingKey::make()) << "\n" << former;
  ::chmod(key_path("next").c_str(), 0600);
  const auto next = std::make_shared<const KeyFile>(key_path("next"));
  authority = open_with(next);
  EXPECT_EQ(3U * kZones, reseal_all(*authority, Sealing::kSealed, 5));
  EXPECT_EQ(1U, ok(authority->count_secrets()).sealed.size());
  EXPECT_EQ(before, digest(*authority));
  EXPECT_EQ(3U * kZones, reseal_all(*authority, Sealing::kPlain, 100));
  EXPECT_EQ(before, digest(*open())) << "no key file is needed any more";
  EXPECT_FALSE(ok(open()->count_secrets()).must_seal);
}

TEST_P(SealTest, NothingOfThePlainSecretsStaysInTheFilesOfTheDatabase) {
  auto plain = open();  // to its end SQLite's log stays as it is
  fill(*plain);
  auto authority = open_with(made("keys"));
  EXPECT_THAT(files_of_secrets(), HasSubstr("PrivateKey: bm8gcmVhbC"));
  EXPECT_EQ(2U, reseal_all(*authority, Sealing::kSealed, 100));
  ok(authority->forget_former_rows());
  for (const char* secret : {"PrivateKey: bm8gcmVhbC", kSecret})
    EXPECT_THAT(files_of_secrets(), Not(HasSubstr(secret)));
  EXPECT_TRUE(is_sealed(stored_key()));
}

SDNS_ON_SQLITE(KeyFileTest);
SDNS_ON_EVERY_STORE(SealTest);

// A program without a key file that has begun to store a secret is waited for, and what it stores is sealed then.
class PostgreSQLSealTest : public SealTest {};

TEST_P(PostgreSQLSealTest, NoPlainSecretIsStoredBesideTheFirstSealing) {
  auto plain = open();
  const ZoneId id = add_zone(*plain, "example.");
  auto edit = ok(plain->edit());
  ok(edit->add_key(id, {0, 257, true, true, kPrivate}));
  const KeyFilePtr keys = made("keys");
  auto sealing = ok(open_authority(url(), OpenMode::kExisting, clock, random, std::chrono::milliseconds(100), keys));
  SecretCursor cursor;
  EXPECT_EQ(Errc::kBusy, sealing->reseal(Sealing::kSealed, cursor, 10).error().code);
  ok(edit->commit("test"));
  EXPECT_EQ(1U, reseal_all(*sealing, Sealing::kSealed, 10));
  EXPECT_EQ(0U, ok(sealing->count_secrets()).plain);
}

TEST_P(PostgreSQLSealTest, TwoProgramsWithoutAKeyFileStoreKeysSideBySide) {
  auto one = open();
  const ZoneId a = add_zone(*one, "a.example.");
  const ZoneId b = add_zone(*one, "b.example.");
  auto other = ok(open_authority(url(), OpenMode::kExisting, clock, random, std::chrono::milliseconds(100)));
  auto edit = ok(one->edit());
  ok(edit->add_key(a, {0, 257, true, true, kPrivate}));
  auto beside = ok(other->edit());
  ok(beside->add_key(b, {0, 257, true, true, kPrivate}));
  ok(beside->commit("test"));
  ok(edit->commit("test"));
}

INSTANTIATE_TEST_SUITE_P(Some, PostgreSQLSealTest, testing::Values(Store::kPostgres));

}  // namespace
}  // namespace sdns::store::test
