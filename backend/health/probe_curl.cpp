// SPDX-License-Identifier: MIT
#include "backend/health/probe_curl.h"

#include <curl/curl.h>
#include <sys/epoll.h>

#include <chrono>
#include <mutex>

namespace sdns::health {
namespace {

// Enough for what is in flight at any time; more would only hold on to memory after a burst.
constexpr std::size_t kMostIdle = 1024;

}  // namespace

CurlMulti::CurlMulti(ProbePoller& poller) : Timer(poller), poller_(poller) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  multi_ = curl_multi_init();
  share_ = curl_share_init();
  if (share_ != nullptr) curl_share_setopt(share_, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
  if (multi_ == nullptr) return;  // add() fails
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &CurlMulti::on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &CurlMulti::on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
}

CurlMulti::~CurlMulti() {
  for (void* easy : idle_) curl_easy_cleanup(easy);
  if (multi_ != nullptr) curl_multi_cleanup(multi_);
  if (share_ != nullptr) curl_share_cleanup(share_);
}

void* CurlMulti::take_easy() {
  if (!idle_.empty()) {
    void* easy = idle_.back();
    idle_.pop_back();
    return easy;
  }
  CURL* easy = curl_easy_init();
  if (easy != nullptr && share_ != nullptr) curl_easy_setopt(easy, CURLOPT_SHARE, share_);
  return easy;
}

void CurlMulti::give_back(void* easy) {
  if (idle_.size() >= kMostIdle) return curl_easy_cleanup(easy);
  curl_easy_reset(easy);  // keeps the share
  idle_.push_back(easy);
}

bool CurlMulti::add(void* easy, Transfer& transfer) {
  curl_easy_setopt(easy, CURLOPT_PRIVATE, static_cast<void*>(&transfer));
  return multi_ != nullptr && curl_multi_add_handle(multi_, easy) == CURLM_OK;
}

void CurlMulti::remove(void* easy) { curl_multi_remove_handle(multi_, easy); }

int CurlMulti::on_socket(void*, int fd, int what, void* self, void*) {
  auto& multi = *static_cast<CurlMulti*>(self);
  if (what == CURL_POLL_REMOVE) {
    multi.poller_.unwatch(fd);
    return 0;
  }
  const std::uint32_t events = ((what & CURL_POLL_IN) != 0 ? std::uint32_t{EPOLLIN} : 0) |
                               ((what & CURL_POLL_OUT) != 0 ? std::uint32_t{EPOLLOUT} : 0);
  multi.poller_.watch(fd, events, multi);  // without memory for that the probe times out
  return 0;
}

int CurlMulti::on_timer(void*, long timeout_ms, void* self) {
  auto& multi = *static_cast<CurlMulti*>(self);
  if (timeout_ms < 0) multi.disarm();
  else multi.arm(std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms));
  return 0;
}

void CurlMulti::ready(int fd, std::uint32_t events) {
  act(fd, ((events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) | ((events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
              ((events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0));
}

void CurlMulti::expired() { act(CURL_SOCKET_TIMEOUT, 0); }

void CurlMulti::act(int fd, int flags) {
  int running = 0;
  curl_multi_socket_action(multi_, fd, flags, &running);
  int left = 0;
  while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    char* transfer = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    reinterpret_cast<Transfer*>(transfer)->transferred(message->data.result);
  }
}

}  // namespace sdns::health
