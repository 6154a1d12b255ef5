// SPDX-License-Identifier: MIT
// A listening unix socket: bound here, or passed by systemd; and who may connect to it.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/base/error.h"
#include "backend/base/log.h"
#include "backend/base/owned.h"

namespace sdns::daemon {

struct ListenerOptions {
  std::string setting = "listen.socket";  ///< that says the path, for messages
  std::string path;
  int type = SOCK_STREAM;  ///< or SOCK_SEQPACKET
  mode_t mode = 0660;
  std::optional<gid_t> group;
  std::vector<uid_t> allowed_uids;  ///< besides our own
};

class Listener {
 public:
  /// Takes the socket of this type that systemd passes (LISTEN_FDS), else binds `path`. A socket file that nobody
  /// listens on is replaced; the file appears with its mode and group already set. Errors: kExists (somebody listens
  /// there, or it is not a socket), kInvalidArgument (too long), kPermission, kIo.
  static Result<std::unique_ptr<Listener>> open(const ListenerOptions& options, const Log& log);
  /// Removes the socket file if it is still the one that was bound here.
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  struct Accepted {
    enum class What { kConnection, kRefused, kNothing, kNoDescriptors } what;
    Fd socket;
    uid_t uid = 0;
    pid_t pid = 0;
  };
  /// Never blocks. kNoDescriptors: the limit of open files; the connection was closed, so that it does not wait for
  /// nothing.
  Accepted accept();

  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  Listener() = default;
  Result<void> bind(const ListenerOptions& options);

  Fd socket_;
  Fd reserve_;  // given up for a moment to accept and close a connection when there are no descriptors left
  std::vector<uid_t> allowed_;
  std::string path_;  // empty: not bound here
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace sdns::daemon
