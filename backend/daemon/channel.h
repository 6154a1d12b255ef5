// SPDX-License-Identifier: MIT
// The messages between the holder, its workers and the helpers of the pipe door: a SOCK_SEQPACKET pair, one message a
// packet, with the descriptors of a connection. Both ends may be of different builds (hot restart after an upgrade):
// kinds are only ever added, and unknown ones ignored.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "backend/net/stream.h"

namespace sdns::daemon {

enum class MessageKind : std::uint32_t {
  // holder to worker
  kConnection = 1,  ///< number: connection id, slot: of its busy byte, and its descriptors: a socket, or two pipes
  kQuiesce = 2,     ///< number: limit in milliseconds
  kReload = 3,
  kStop = 4,      ///< number: limit in milliseconds
  kOrphaned = 5,  ///< number: process id of a pdns_server whose helper was killed
  // worker to holder
  kReady = 100,
  kReleased = 101,
  kReloaded = 102,
  kClosed = 103,  ///< number: connection id
  kStatus = 104,  ///< text
  kAlive = 105,   ///< every kHeartbeat: all of its threads come round
  // sovereign-dns-connect to holder, and back
  kPipes = 200,  ///< number: process id of the pdns_server that has run it, and the two pipes
  kTaken = 201,
};

struct Message {
  MessageKind kind{};
  std::uint32_t slot = 0;
  std::uint64_t number = 0;
  std::string text = {};
};

inline constexpr std::size_t kMaxMessageText = 200;
inline constexpr std::chrono::milliseconds kHeartbeat{500};

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
/// Never blocks. The descriptors of `stream`, if any, are duplicated into the message.
SendResult send_message(int channel, const Message& message, const net::Stream& stream = {});

enum class ReceiveResult { kGot, kNothing, kGone };
/// Never blocks. Descriptors that did not fit under the receiver's limit of open files leave `stream` empty.
ReceiveResult receive_message(int channel, Message& message, net::Stream& stream);

}  // namespace sdns::daemon
