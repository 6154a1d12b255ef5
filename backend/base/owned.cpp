// SPDX-License-Identifier: MIT
#include "backend/base/owned.h"

#include <unistd.h>

namespace sdns {

void Fd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

}  // namespace sdns
