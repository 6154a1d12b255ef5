// SPDX-License-Identifier: MIT
#include "backend/daemon/harden.h"

#include <sys/prctl.h>
#include <sys/resource.h>

namespace sdns::daemon {

void forbid_core_dumps() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
#if !defined(__SANITIZE_ADDRESS__)  // its leak check attaches to the process
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

}  // namespace sdns::daemon
