// SPDX-License-Identifier: MIT
// RAII for the handles of C libraries: one line per kind.
#pragma once

#include <memory>

namespace sdns {

template <auto Close>
struct CloseWith {
  template <class T>
  void operator()(T* handle) const noexcept {
    Close(handle);
  }
};

/// `using SqliteStmt = Owned<sqlite3_stmt, sqlite3_finalize>;`
template <class T, auto Close>
using Owned = std::unique_ptr<T, CloseWith<Close>>;

/// A file descriptor with one owner; -1 is none.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] explicit operator bool() const { return fd_ >= 0; }
  [[nodiscard]] int release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

}  // namespace sdns
