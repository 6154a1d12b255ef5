// SPDX-License-Identifier: MIT
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <vector>

#include "tests/support/temp_dir.h"
#include "tests/unit/health/probe_fixture.h"

namespace sdns::health {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

using Key = Owned<EVP_PKEY, EVP_PKEY_free>;
using Certificate = Owned<X509, X509_free>;
using Context = Owned<SSL_CTX, SSL_CTX_free>;
using Session = Owned<SSL, SSL_free>;

struct Identity {
  Key key{EVP_EC_gen("P-256")};
  Certificate certificate{X509_new()};
};

// A certificate that signs itself, from now for `days`; below 0: it has expired.
Identity self_signed(const std::string& name, int days) {
  Identity identity;
  X509* x = identity.certificate.get();
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
  X509_gmtime_adj(X509_getm_notBefore(x), -10L * 86'400);
  X509_gmtime_adj(X509_getm_notAfter(x), days * 86'400L);
  X509_set_pubkey(x, identity.key.get());
  X509_NAME* subject = X509_get_subject_name(x);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                             0);
  X509_set_issuer_name(x, subject);
  X509V3_CTX context;
  X509V3_set_ctx(&context, x, x, nullptr, nullptr, 0);
  const Owned<X509_EXTENSION, X509_EXTENSION_free> names(
      X509V3_EXT_conf_nid(nullptr, &context, NID_subject_alt_name, ("DNS:" + name).c_str()));
  X509_add_ext(x, names.get(), -1);
  X509_sign(x, identity.key.get(), EVP_sha256());
  return identity;
}

/// Speaks TLS: what a client's handshake named, and 200 for every request.
class TlsPeer {
 public:
  explicit TlsPeer(const Identity& identity, Peer::Script instead = nullptr)
      : context_(SSL_CTX_new(TLS_server_method())) {
    SSL_CTX_use_certificate(context_.get(), identity.certificate.get());
    SSL_CTX_use_PrivateKey(context_.get(), identity.key.get());
    peer_ = std::make_unique<Peer>(instead ? instead : [this](int fd) { serve(fd); });
  }
  [[nodiscard]] std::uint16_t port() const { return peer_->port(); }
  [[nodiscard]] std::string server_name() {
    std::lock_guard lock(mutex_);
    return server_name_;
  }
  [[nodiscard]] std::string head() {
    std::lock_guard lock(mutex_);
    return head_;
  }
  [[nodiscard]] int resumed() {
    std::lock_guard lock(mutex_);
    return resumed_;
  }

 private:
  void serve(int fd) {
    const Session session(SSL_new(context_.get()));
    SSL_set_fd(session.get(), fd);
    if (SSL_accept(session.get()) != 1) return;
    std::string head;
    char c = 0;
    while (!head.ends_with("\r\n\r\n") && SSL_read(session.get(), &c, 1) == 1) head += c;
    {
      std::lock_guard lock(mutex_);
      const char* name = SSL_get_servername(session.get(), TLSEXT_NAMETYPE_host_name);
      server_name_ = name == nullptr ? "" : name;
      head_ = head;
      resumed_ += SSL_session_reused(session.get());
    }
    const std::string reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nup";
    SSL_write(session.get(), reply.data(), static_cast<int>(reply.size()));
    wait_for_end(fd);
  }
  Context context_;
  std::mutex mutex_;
  std::string server_name_;
  std::string head_;
  int resumed_ = 0;
  std::unique_ptr<Peer> peer_;
};

class ProbeHttps : public ProberTest {
 protected:
  std::string pem(const Identity& identity) {
    const std::string path = (dir_ / ("ca" + std::to_string(++files_) + ".pem")).string();
    const Owned<FILE, std::fclose> file(std::fopen(path.c_str(), "w"));
    PEM_write_X509(file.get(), identity.certificate.get());
    return path;
  }
  static ProbeSpec get(const TlsPeer& peer, HttpProbe http) {
    ProbeSpec spec;
    spec.address = ip("127.0.0.1");
    spec.timeout = kLong;
    if (http.url.empty()) http.url = "https://www.invalid:" + std::to_string(peer.port()) + "/";
    spec.kind = std::move(http);
    return spec;
  }
  test::TempDir dir_;
  int files_ = 0;
};

TEST_F(ProbeHttps, TheUrlsHostIsTheServerNameAndTheHostHeader) {
  const Identity identity = self_signed("www.invalid", 30);
  TlsPeer peer(identity);
  const ProbeResult got = run(get(peer, {.stringmatch = "up", .ca_file = pem(identity)}));
  EXPECT_FAILURE(got, ProbeFailure::kNone);
  EXPECT_EQ(peer.server_name(), "www.invalid");
  EXPECT_THAT(peer.head(), HasSubstr("\r\nHost: www.invalid:" + std::to_string(peer.port()) + "\r\n"));
}

struct CertificateCase {
  const char* what;
  const char* name;
  int days;
  bool trusted;
  ProbeFailure failure;
};
void PrintTo(const CertificateCase& row, std::ostream* out) { *out << row.what; }
class ProbeHttpsCertificate : public ProbeHttps, public testing::WithParamInterface<CertificateCase> {};

TEST_P(ProbeHttpsCertificate, IsVerifiedUnlessThatIsOff) {
  const Identity identity = self_signed(GetParam().name, GetParam().days);
  TlsPeer peer(identity);
  const Identity stranger = self_signed("www.invalid", 30);
  HttpProbe http{.ca_file = pem(GetParam().trusted ? identity : stranger)};
  EXPECT_FAILURE(run(get(peer, http)), GetParam().failure);
  http.verify_certificate = false;
  EXPECT_FAILURE(run(get(peer, http)), ProbeFailure::kNone);
  http.ca_file = "";
  EXPECT_FAILURE(run(get(peer, http)), ProbeFailure::kNone);
  http.verify_certificate = true;  // by the system's authorities, who know none of these
  EXPECT_FAILURE(run(get(peer, http)), ProbeFailure::kCertificate);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ProbeHttpsCertificate,
    testing::Values(CertificateCase{"good", "www.invalid", 30, true, ProbeFailure::kNone},
                    CertificateCase{"of nobody that is trusted", "www.invalid", 30, false, ProbeFailure::kCertificate},
                    CertificateCase{"of another name", "other.invalid", 30, true, ProbeFailure::kCertificate},
                    CertificateCase{"expired", "www.invalid", -1, true, ProbeFailure::kCertificate}));

TEST_F(ProbeHttps, AFileOfAuthoritiesThatIsNotThereIsOurFault) {
  TlsPeer peer(self_signed("www.invalid", 30));
  EXPECT_FAILURE(run(get(peer, {.ca_file = "/does/not/exist.pem"})), ProbeFailure::kLocal);
}

TEST_F(ProbeHttps, OnePinIsNotVerifiedBecauseAnotherWasNot) {
  const Identity identity = self_signed("www.invalid", 30);
  TlsPeer peer(identity);
  const HttpProbe careless{.verify_certificate = false};
  const HttpProbe careful{.ca_file = pem(self_signed("www.invalid", 30))};
  for (int i = 0; i < 3; ++i) {
    EXPECT_FAILURE(run(get(peer, careless)), ProbeFailure::kNone);
    EXPECT_FAILURE(run(get(peer, careful)), ProbeFailure::kCertificate);
  }
}

TEST_F(ProbeHttps, SessionsAreResumedUnlessTheCertificateIsToBeSeen) {
  const Identity identity = self_signed("www.invalid", 30);
  TlsPeer peer(identity);
  const HttpProbe careless{.verify_certificate = false};
  for (int i = 0; i < 3; ++i) EXPECT_FAILURE(run(get(peer, careless)), ProbeFailure::kNone);
  EXPECT_EQ(peer.resumed(), 2);
  const HttpProbe careful{.ca_file = pem(identity)};
  for (int i = 0; i < 3; ++i) EXPECT_FAILURE(run(get(peer, careful)), ProbeFailure::kNone);
  EXPECT_EQ(peer.resumed(), 2);
}

TEST_F(ProbeHttps, NoTlsIsAFailureAndSilenceATimeout) {
  TlsPeer plain(self_signed("www.invalid", 30), [](int fd) {
    send_text(fd, "HTTP/1.1 400 Bad Request\r\n\r\n");
    wait_for_end(fd);
  });
  EXPECT_FAILURE(run(get(plain, {.verify_certificate = false})), ProbeFailure::kTls);
  TlsPeer ends(self_signed("www.invalid", 30), [](int) {});
  EXPECT_THAT(failure_name(run(get(ends, {.verify_certificate = false})).failure), AnyOf("tls", "reset"));
  TlsPeer silent(self_signed("www.invalid", 30), wait_for_end);
  ProbeSpec spec = get(silent, {.verify_certificate = false});
  spec.timeout = std::chrono::milliseconds(150);
  const ProbeResult got = run(spec);
  EXPECT_FAILURE(got, ProbeFailure::kTimeout);
  EXPECT_EQ(got.text, "no connection within 150 ms");
}

TEST_F(ProbeHttps, CancelAndDestructionEndItInEveryState) {
  const Identity identity = self_signed("www.invalid", 30);
  TlsPeer peer(identity);
  TlsPeer silent(identity, wait_for_end);
  const auto ignore = [](ProbeId, const ProbeResult&) {};
  for (int turns = 0; turns < 12; ++turns) {
    const ProbeId a = prober_->start(get(peer, {.verify_certificate = false}), ignore);
    const ProbeId b = prober_->start(get(silent, {.verify_certificate = false}), ignore);
    for (int i = 0; i < turns; ++i) uv_run(&loop_, UV_RUN_ONCE);
    prober_->cancel(a);
    EXPECT_TRUE(prober_->cancel(b));
  }
  for (int i = 0; i < 10; ++i) prober_->start(get(silent, {.verify_certificate = false}), ignore);
  for (int i = 0; i < 4; ++i) uv_run(&loop_, UV_RUN_ONCE);
  prober_.reset();
}

}  // namespace
}  // namespace sdns::health
