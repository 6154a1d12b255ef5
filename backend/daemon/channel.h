// SPDX-License-Identifier: MIT
// The messages between the holder and its workers: a SOCK_SEQPACKET pair, one message a packet, at most one descriptor
// each. Both ends may be of different builds (hot restart after an upgrade): kinds are only ever added, and unknown
// ones ignored.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "backend/base/owned.h"

namespace sdns::daemon {

enum class MessageKind : std::uint32_t {
  // holder to worker
  kConnection = 1,  ///< number: connection id, slot: of its busy byte, and the descriptor
  kQuiesce = 2,     ///< number: limit in milliseconds
  kReload = 3,
  kStop = 4,  ///< number: limit in milliseconds
  // worker to holder
  kReady = 100,
  kReleased = 101,
  kReloaded = 102,
  kClosed = 103,  ///< number: connection id
  kStatus = 104,  ///< text
};

struct Message {
  MessageKind kind{};
  std::uint32_t slot = 0;
  std::uint64_t number = 0;
  std::string text = {};
};

inline constexpr std::size_t kMaxMessageText = 200;

/// Names the worker's descriptors: "<version>:<channel>:<busy memory>".
inline constexpr const char* kChannelVariable = "SOVEREIGN_WORKER_CHANNEL";
inline constexpr int kChannelVersion = 1;

/// Busy bytes are a cache line apart: loop threads set them on every request.
inline constexpr std::size_t kBusyStride = 64;

enum class SendResult {
  kSent,
  kFull,   ///< until the channel is writable
  kLater,  ///< the kernel has no memory, or too many descriptors are under way: writable says nothing
  kGone,
};
/// Never blocks. `fd`, if any, is duplicated into the message.
SendResult send_message(int channel, const Message& message, int fd = -1);

enum class ReceiveResult { kGot, kNothing, kGone };
/// Never blocks. A descriptor that did not fit under the receiver's limit of open files leaves `fd` empty.
ReceiveResult receive_message(int channel, Message& message, Fd& fd);

}  // namespace sdns::daemon
