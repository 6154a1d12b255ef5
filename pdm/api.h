// SPDX-License-Identifier: MIT
// The HTTP interface of PDM (pdm/openapi.yaml). Requests are answered by a few threads; writes go to the writer and are
// answered from there, so that none of these threads waits for a disk.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "backend/base/log.h"
#include "backend/base/metrics.h"
#include "backend/net/api_server.h"
#include "pdm/allocations.h"
#include "pdm/auth.h"
#include "pdm/label.h"
#include "pdm/nodes.h"
#include "pdm/task_runner.h"
#include "pdm/writer.h"

namespace sdns::pdm {

struct ApiParts {
  const Allocations& allocations;
  const ReservedNames& reserved;
  Auth& auth;
  Writer& writer;
  Readers& readers;
  Acknowledger& acknowledger;
  std::function<void()> wake_tasks;
  std::chrono::milliseconds force_release_grace{std::chrono::hours(30 * 24)};
  const Log& log;
  Metrics& metrics;
  unsigned threads = 4;
};

class Api {
 public:
  explicit Api(ApiParts parts);
  ~Api();  ///< answers what waits, then ends
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  /// From the HTTP server's thread.
  void take(net::ApiRequest&& request, net::ApiAnswer answer);
  /// {"error":…,"detail":…}
  static std::string error_body(int status, std::string_view code, std::string_view detail);

 private:
  struct Work;
  void work();
  void answer_now(net::ApiRequest&& request, net::ApiAnswer answer);

  ApiParts parts_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::pair<net::ApiRequest, net::ApiAnswer>> waiting_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace sdns::pdm
