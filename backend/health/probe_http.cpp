// SPDX-License-Identifier: MIT
#include "backend/health/probe_http.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "backend/health/probe_match.h"
#include "backend/health/probe_url.h"

namespace sdns::health {
namespace {

using CurlList = Owned<curl_slist, curl_slist_free_all>;

bool append(CurlList& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  if (longer == nullptr) return false;
  [[maybe_unused]] curl_slist* same = list.release();
  list.reset(longer);
  return true;
}

std::optional<dns::IpAddress> address_of(const sockaddr* address) {
  const auto read = [](const auto& octets) {
    return dns::IpAddress::from_octets({reinterpret_cast<const std::uint8_t*>(&octets), sizeof octets});
  };
  if (address->sa_family == AF_INET) return read(reinterpret_cast<const sockaddr_in*>(address)->sin_addr);
  if (address->sa_family == AF_INET6) return read(reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr);
  return std::nullopt;
}

ProbeFailure failure_of(CURLcode code) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return ProbeFailure::kTimeout;
    case CURLE_COULDNT_RESOLVE_HOST:
      return ProbeFailure::kResolve;
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
      return ProbeFailure::kClosed;
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
      return ProbeFailure::kReset;
    case CURLE_PEER_FAILED_VERIFICATION:
      return ProbeFailure::kCertificate;
    case CURLE_SSL_CONNECT_ERROR:
      return ProbeFailure::kTls;
    case CURLE_URL_MALFORMAT:
      return ProbeFailure::kInvalid;
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_FAILED_INIT:
      return ProbeFailure::kLocal;
    case CURLE_OUT_OF_MEMORY:  // of a header line: over libcurl's own limit of 100 KiB
      return ProbeFailure::kTooLarge;
    default:
      return ProbeFailure::kProtocol;
  }
}

class HttpRun final : public ProbeRun, private CurlMulti::Transfer, private ProbeResolver::Waiter {
 public:
  HttpRun(ProbeWorld& world, CurlMulti& curl, ProbeResolver& resolver, const HttpLimits& limits, const ProbeSpec& spec,
          ProbeSink& sink)
      : world_(world),
        curl_(curl),
        resolver_(resolver),
        limits_(limits),
        spec_(spec),
        http_(std::get<HttpProbe>(spec.kind)),
        sink_(sink),
        match_(http_.stringmatch) {}
  ~HttpRun() override {
    resolver_.cancel(*this);
    if (easy_ == nullptr) return;
    if (added_) curl_.remove(easy_);
    curl_.give_back(easy_);
  }

  std::optional<ProbeResult> start() override {
    easy_ = curl_.take_easy();
    if (easy_ == nullptr) return probe_failed(ProbeFailure::kLocal, "libcurl: out of memory");
    set_options();
    url_ = http_.url;
    pinned_ = http_.host == HttpHost::kPinned;
    return pinned_ ? request({spec_.address}, spec_.port) : request_from_host();
  }

  [[nodiscard]] std::string_view waiting_for() const override {
    if (resolving_) return "no address of the host";
    curl_off_t connected = 0;
    curl_easy_getinfo(easy_, CURLINFO_PRETRANSFER_TIME_T, &connected);
    return connected == 0 ? "no connection" : header_octets_ == 0 ? "no response" : "the response did not end";
  }
  [[nodiscard]] ProbeFailure overdue() const override {
    return !resolving_ || (resolver_.asked(*this) && resolver_works()) ? ProbeFailure::kTimeout : ProbeFailure::kLocal;
  }

 private:
  void set_options() {
    const auto set = [this](CURLoption option, auto value) { curl_easy_setopt(easy_, option, value); };
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
    set(CURLOPT_PROXY, "");  // also when http_proxy is in the environment
    set(CURLOPT_NETRC, long{CURL_NETRC_IGNORED});
    set(CURLOPT_FOLLOWLOCATION, 0L);  // each hop is judged in follow()
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_FRESH_CONNECT, 1L);
    set(CURLOPT_FORBID_REUSE, 1L);
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(spec_.timeout.count()) + 1000);  // Prober's timeout comes first
    set(CURLOPT_ERRORBUFFER, message_.data());
    set(CURLOPT_OPENSOCKETFUNCTION, &HttpRun::on_open);
    set(CURLOPT_OPENSOCKETDATA, this);
    set(CURLOPT_HEADERFUNCTION, &HttpRun::on_header);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_WRITEFUNCTION, &HttpRun::on_body);
    set(CURLOPT_WRITEDATA, this);
    if (!http_.user_agent.empty()) set(CURLOPT_USERAGENT, http_.user_agent.c_str());
    if (http_.method == "HEAD") set(CURLOPT_NOBODY, 1L);
    else if (http_.method != "GET") set(CURLOPT_CUSTOMREQUEST, http_.method.c_str());
    if (spec_.source) set(CURLOPT_IPRESOLVE, long{spec_.source->is_v4() ? CURL_IPRESOLVE_V4 : CURL_IPRESOLVE_V6});
    if (!http_.verify_certificate) {
      set(CURLOPT_SSL_VERIFYPEER, 0L);
      set(CURLOPT_SSL_VERIFYHOST, 0L);
    } else {
      set(CURLOPT_SSL_SESSIONID_CACHE, 0L);  // a session that is resumed shows no certificate
    }
    // libcurl would read and parse the certificates of the system for each connection.
    if (!http_.verify_certificate || !http_.ca_file.empty()) {
      set(CURLOPT_CAINFO, http_.verify_certificate ? http_.ca_file.c_str() : static_cast<const char*>(nullptr));
      set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    }
    for (const auto& [name, value] : http_.headers)  // `name;` is a header without a value
      memory_ = append(headers_, value.empty() ? name + ';' : fmt::format("{}: {}", name, value)) && memory_;
  }

  // Gets url_ from the first of these addresses that can be connected to; none: its host is one. A port of 0 is the
  // URL's; for several addresses it is needed.
  std::optional<ProbeResult> request(const std::vector<dns::IpAddress>& addresses, std::uint16_t port) {
    connect_to_.reset();
    known_.reset();
    const auto connect_to = [&](const std::string& host) {  // whatever host and port the URL has
      memory_ = append(connect_to_, fmt::format("::{}:{}", host, port == 0 ? "" : std::to_string(port))) && memory_;
    };
    if (addresses.size() == 1) connect_to(in_url(addresses[0]));
    if (addresses.size() > 1) {  // a name of this hop's own, which libcurl is told the addresses of
      const std::string name = fmt::format("{}-{}.invalid", fmt::ptr(this), redirects_);
      std::string known = fmt::format("+{}:{}:", name, port);
      for (const dns::IpAddress& address : addresses) known += in_url(address) + ',';
      known.pop_back();
      memory_ = append(known_, known) && memory_;
      connect_to(name);
    }
    // Else there is nothing to look through; requests without such a name forget those that there are.
    curl_easy_setopt(easy_, CURLOPT_DNS_CACHE_TIMEOUT, known_ ? 60L : 0L);
    curl_easy_setopt(easy_, CURLOPT_RESOLVE, known_.get());
    curl_easy_setopt(easy_, CURLOPT_CONNECT_TO, connect_to_.get());
    curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, own_host_ ? headers_.get() : nullptr);
    curl_easy_setopt(easy_, CURLOPT_URL, url_.c_str());
    message_[0] = '\0';
    added_ = memory_ && curl_.add(easy_, *this);
    if (added_) return std::nullopt;
    return probe_failed(ProbeFailure::kLocal, "libcurl: out of memory");
  }

  // Gets url_ from where its host is. libcurl needs nobody for addresses, and says itself what is wrong with a URL; it
  // would start a thread for each name, however many there are.
  std::optional<ProbeResult> request_from_host() {
    const auto url = read_url(url_);
    if (!url || url->looked_up.starts_with('[') || dns::IpAddress::parse(url->looked_up)) return request({}, 0);
    host_ = url->looked_up;
    host_port_ = url->port;
    const HostFamily family = !spec_.source           ? HostFamily::kAny
                              : spec_.source->is_v4() ? HostFamily::kV4
                                                      : HostFamily::kV6;
    asked_at_ = std::chrono::steady_clock::now();
    resolving_ = resolver_.start(host_, family, *this);
    if (resolving_) return std::nullopt;
    return probe_failed(ProbeFailure::kLocal, "no thread to look up " + host_);
  }

  void resolved(const LookupResult& result) override {
    resolving_ = false;
    if (result.outcome == LookupOutcome::kFound) {
      if (auto failure = request(result.addresses, host_port_)) finish(std::move(*failure));
      return;
    }
    const bool targets =
        result.outcome == LookupOutcome::kNone || (result.outcome == LookupOutcome::kUnanswered && resolver_works());
    finish(probe_failed(targets ? ProbeFailure::kResolve : ProbeFailure::kLocal,
                        fmt::format("{}: {}", host_, result.text)));
  }

  [[nodiscard]] bool resolver_works() const { return resolver_.has_answered_since(asked_at_); }

  static std::string in_url(const dns::IpAddress& address) {
    return address.is_v4() ? address.text() : '[' + address.text() + ']';
  }

  // Makes the socket of each connection, to an address that was a host's just now: nothing can change between the check
  // and its use.
  static curl_socket_t on_open(void* self, curlsocktype, curl_sockaddr* to) {
    auto& run = *static_cast<HttpRun*>(self);
    const auto address = address_of(&to->addr);
    if (!address) return CURL_SOCKET_BAD;
    const auto refuse = [&run](ProbeResult why) {
      run.no_socket_ = std::move(why);
      return CURL_SOCKET_BAD;
    };
    if (run.pinned_ && *address != run.spec_.address)
      return refuse(probe_failed(ProbeFailure::kForbidden, address->text() + " is not the address to be probed"));
    if (run.spec_.origin == ProbeOrigin::kZoneData)
      if (auto allowed = run.world_.policy.check(*address); !allowed)
        return refuse(probe_failed(ProbeFailure::kForbidden, allowed.error().what));
    if (run.spec_.source && run.spec_.source->is_v4() != address->is_v4()) return CURL_SOCKET_BAD;
    ProbeSocket socket = open_probe_socket(address->is_v4(), SOCK_STREAM, run.spec_.source);
    if (!socket.fd) return refuse(std::move(socket.failure));
    return socket.fd.release();
  }

  // Header lines, one by one, status line and the empty line at the end included; those of 1xx responses too.
  static std::size_t on_header(char* data, std::size_t, std::size_t octets, void* self) {
    auto& run = *static_cast<HttpRun*>(self);
    run.header_octets_ += octets;
    if (run.header_octets_ > run.limits_.header_octets) {
      run.end_ = End::kHeaders;
      return CURL_WRITEFUNC_ERROR;
    }
    const std::string_view line(data, octets);
    if (line.starts_with("HTTP/")) run.location_.clear();
    if (const auto location = location_of(line)) run.location_ = *location;
    if (line != "\r\n" && line != "\n") return octets;
    long status = 0;
    curl_easy_getinfo(run.easy_, CURLINFO_RESPONSE_CODE, &status);
    if (run.http_.redirects == Redirects::kNone || run.location_.empty() || !is_redirect(status)) return octets;
    run.end_ = End::kRedirect;  // its body says nothing
    return CURL_WRITEFUNC_ERROR;
  }

  static std::size_t on_body(char* data, std::size_t, std::size_t octets, void* self) {
    auto& run = *static_cast<HttpRun*>(self);
    const bool cuts = run.http_.byte_limit != 0 && run.http_.byte_limit <= run.limits_.body_octets;
    const std::uint64_t limit = cuts ? run.http_.byte_limit : run.limits_.body_octets;
    const std::string_view piece(data,
                                 static_cast<std::size_t>(std::min<std::uint64_t>(octets, limit - run.body_octets_)));
    run.body_octets_ += piece.size();
    run.weight_.feed(piece);
    run.match_.feed(piece);
    if (piece.size() == octets) return octets;
    run.end_ = cuts ? End::kCut : End::kBody;
    return CURL_WRITEFUNC_ERROR;
  }

  void transferred(int code) override {
    long status = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    status_ = static_cast<unsigned>(status);
    if (end_ == End::kRedirect) return follow();
    if (code == CURLE_OK || end_ == End::kCut) return judge();
    finish(why(static_cast<CURLcode>(code)));
  }

  ProbeResult why(CURLcode code) {
    if (end_ == End::kHeaders)
      return probe_failed(ProbeFailure::kTooLarge,
                          fmt::format("the response has more than {} octets of headers", limits_.header_octets));
    if (end_ == End::kBody)
      return probe_failed(ProbeFailure::kTooLarge,
                          fmt::format("the response has more than {} octets", limits_.body_octets));
    long error = 0;
    curl_easy_getinfo(easy_, CURLINFO_OS_ERRNO, &error);
    if (code == CURLE_COULDNT_CONNECT)
      return no_socket_ ? std::move(*no_socket_) : socket_failure("connect", static_cast<int>(error));
    curl_off_t connected = 0;
    curl_easy_getinfo(easy_, CURLINFO_PRETRANSFER_TIME_T, &connected);
    if (code == CURLE_OUT_OF_MEMORY && connected == 0)
      return probe_failed(ProbeFailure::kLocal, "libcurl: out of memory");
    // libcurl says the same of a broken connection and of chunks that are none.
    const bool nonsense = code == CURLE_RECV_ERROR && error == 0;
    return probe_failed(nonsense ? ProbeFailure::kProtocol : failure_of(code),
                        message_[0] != '\0' ? message_.data() : curl_easy_strerror(code));
  }

  void judge() {
    if (!has_code(http_.codes, status_))
      return finish(probe_failed(ProbeFailure::kStatus, fmt::format("the status is {}", status_)));
    if (!match_.found())
      return finish(probe_failed(ProbeFailure::kMismatch, fmt::format("\"{}\" is not in the {} octets of the body",
                                                                      http_.stringmatch, body_octets_)));
    ProbeResult result;
    result.weight = weight_.weight();
    finish(std::move(result));
  }

  void follow() {
    const auto stop = [this](std::string_view text) { finish(probe_failed(ProbeFailure::kRedirect, text)); };
    if (++redirects_ > http_.most_redirects) return stop(fmt::format("more than {} redirects", http_.most_redirects));
    const auto first = read_url(http_.url);
    const auto next = resolve_url(url_, location_);
    if (!first || !next) return stop(fmt::format("redirected to \"{}\", which is no http or https URL", location_));
    own_host_ = next->host == first->host;
    if (!own_host_ && http_.redirects == Redirects::kSameHost)
      return stop(fmt::format("redirected to the host {}, which is not followed", next->host));
    pinned_ = own_host_ && http_.host == HttpHost::kPinned;
    // A port of the probe's own stands for that of its URL, not for others.
    const std::uint16_t port = next->port == first->port ? spec_.port : 0;
    url_ = next->text;
    end_ = End::kItself;
    location_.clear();
    no_socket_.reset();
    curl_.remove(easy_);
    added_ = false;
    if (auto failure = pinned_ ? request({spec_.address}, port) : request_from_host()) finish(std::move(*failure));
  }

  void finish(ProbeResult result) { sink_.done(std::move(result)); }

  static bool is_redirect(long status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
  }

  enum class End : std::uint8_t { kItself, kRedirect, kCut, kHeaders, kBody };  // who ended the transfer

  ProbeWorld& world_;
  CurlMulti& curl_;
  ProbeResolver& resolver_;
  const HttpLimits& limits_;
  const ProbeSpec& spec_;
  const HttpProbe& http_;
  ProbeSink& sink_;
  void* easy_ = nullptr;
  CurlList headers_;
  CurlList connect_to_;
  CurlList known_;  // addresses
  bool memory_ = true;
  bool added_ = false;
  bool pinned_ = true;    // of the hop, as the next
  bool own_host_ = true;  // its host is that of the probe's URL
  bool resolving_ = false;
  std::string host_;
  std::uint16_t host_port_ = 0;
  SteadyTime asked_at_{};
  End end_ = End::kItself;
  std::uint32_t redirects_ = 0;
  std::string url_;  // of the hop
  std::string location_;
  std::optional<ProbeResult> no_socket_;
  std::size_t header_octets_ = 0;
  std::uint64_t body_octets_ = 0;
  StreamMatch match_;
  LeadingWeight weight_;
  unsigned status_ = 0;
  std::array<char, CURL_ERROR_SIZE> message_{};
};

}  // namespace

std::unique_ptr<ProbeRun> make_http_run(ProbeWorld& world, CurlMulti& curl, ProbeResolver& resolver,
                                        const HttpLimits& limits, const ProbeSpec& spec, ProbeSink& sink) {
  return std::make_unique<HttpRun>(world, curl, resolver, limits, spec, sink);
}

}  // namespace sdns::health
