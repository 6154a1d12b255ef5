// SPDX-License-Identifier: MIT
// libcurl's multi interface on a ProbePoller. For probe_http.cpp.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "backend/health/probe_poller.h"

namespace sdns::health {

/// Transfers under way, and handles for the next ones. Handles are libcurl's CURL*.
class CurlMulti final : private ProbePoller::Watcher, private ProbePoller::Timer {
 public:
  /// Who waits for a transfer.
  class Transfer {
   public:
    /// `code` is a CURLcode. Not called from inside libcurl: anything may be done.
    virtual void transferred(int code) = 0;

   protected:
    ~Transfer() = default;
  };

  explicit CurlMulti(ProbePoller& poller);
  ~CurlMulti();
  CurlMulti(const CurlMulti&) = delete;
  CurlMulti& operator=(const CurlMulti&) = delete;

  /// A handle without options; null: out of memory.
  void* take_easy();
  void give_back(void* easy);
  /// False: out of memory.
  bool add(void* easy, Transfer& transfer);
  /// Ends the transfer; nothing happens when it is none.
  void remove(void* easy);

 private:
  static int on_socket(void* easy, int fd, int what, void* self, void* socket);
  static int on_timer(void* multi, long timeout_ms, void* self);
  void ready(int fd, std::uint32_t events) override;
  void expired() override;
  void act(int fd, int flags);

  ProbePoller& poller_;
  void* multi_;  // CURLM*
  void* share_;  // CURLSH*
  std::vector<void*> idle_;
};

}  // namespace sdns::health
