// SPDX-License-Identifier: MIT
#include "backend/daemon/channel.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

namespace sdns::daemon {
namespace {

struct Wire {
  std::uint32_t kind;
  std::uint32_t slot;
  std::uint64_t number;
  char text[kMaxMessageText];
};
constexpr std::size_t kFixedOctets = offsetof(Wire, text);
constexpr std::size_t kMostDescriptors = 2;

}  // namespace

SendResult send_message(int channel, const Message& message, const net::Stream& stream) {
  Wire wire{};
  wire.kind = static_cast<std::uint32_t>(message.kind);
  wire.slot = message.slot;
  wire.number = message.number;
  const std::size_t length = std::min(message.text.size(), kMaxMessageText);
  std::memcpy(wire.text, message.text.data(), length);
  iovec part{&wire, kFixedOctets + length};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(kMostDescriptors * sizeof(int))] = {};
  if (stream) {
    const std::array<int, kMostDescriptors> fds{stream.in(), stream.out()};
    const std::size_t octets = (stream.is_pipes() ? 2 : 1) * sizeof(int);
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(octets);
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(octets);
    std::memcpy(CMSG_DATA(rights), fds.data(), octets);
  }
  for (;;) {
    if (::sendmsg(channel, &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return SendResult::kSent;
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return SendResult::kFull;
    const bool later = errno == ENOBUFS || errno == ENOMEM || errno == ETOOMANYREFS;
    return later ? SendResult::kLater : SendResult::kGone;
  }
}

ReceiveResult receive_message(int channel, Message& message, net::Stream& stream) {
  stream = net::Stream();
  for (bool again = true;;) {
    Wire wire{};
    iovec part{&wire, sizeof wire};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    alignas(cmsghdr) char control[CMSG_SPACE(kMostDescriptors * sizeof(int))] = {};
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    const ssize_t count = ::recvmsg(channel, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (count < 0) {
      if (errno == EINTR) continue;
      // The kernel reports the death of a peer that had unread messages before it gives what the peer had sent.
      if (errno == ECONNRESET && again) {
        again = false;
        continue;
      }
      return errno == EAGAIN || errno == EWOULDBLOCK ? ReceiveResult::kNothing : ReceiveResult::kGone;
    }
    if (count == 0) return ReceiveResult::kGone;
    for (cmsghdr* rights = CMSG_FIRSTHDR(&header); rights; rights = CMSG_NXTHDR(&header, rights)) {
      if (rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS) continue;
      std::array<int, kMostDescriptors> fds{-1, -1};
      std::memcpy(fds.data(), CMSG_DATA(rights), std::min(rights->cmsg_len - CMSG_LEN(0), sizeof fds));
      stream = fds[1] < 0 ? net::Stream(Fd(fds[0])) : net::Stream(Fd(fds[0]), Fd(fds[1]));
    }
    if ((header.msg_flags & MSG_CTRUNC) != 0) stream.close();  // one pipe alone would be taken for a socket
    if (static_cast<std::size_t>(count) < kFixedOctets) continue;
    message.kind = static_cast<MessageKind>(wire.kind);
    message.slot = wire.slot;
    message.number = wire.number;
    message.text.assign(wire.text, static_cast<std::size_t>(count) - kFixedOctets);
    return ReceiveResult::kGot;
  }
}

}  // namespace sdns::daemon
