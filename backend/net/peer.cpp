// SPDX-License-Identifier: MIT
#include "backend/net/peer.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

namespace sdns::net {
namespace {

// How much one connection gets before the others have their turn.
constexpr int kRequestsPerTurn = 32;
constexpr std::size_t kReplyOctetsPerTurn = 64 * 1024;

// Buffers beyond these are given back once they are empty: most requests and replies are a few hundred octets.
constexpr std::size_t kKeptInputOctets = 4 * 1024;
constexpr std::size_t kKeptReplyOctets = 1024 * 1024;

constexpr std::size_t kNone = static_cast<std::size_t>(-1);

std::size_t find_newline(std::string_view data, std::size_t from) {
  if (from >= data.size()) return kNone;
  const void* at = std::memchr(data.data() + from, '\n', data.size() - from);
  return at ? static_cast<std::size_t>(static_cast<const char*>(at) - data.data()) : kNone;
}

bool is_blank(std::string_view line) { return line.empty() || line == "\r"; }

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK; }

}  // namespace

std::string_view to_text(CloseReason reason) {
  switch (reason) {
    case CloseReason::kEof:
      return "eof";
    case CloseReason::kError:
      return "error";
    case CloseReason::kProtocol:
      return "protocol";
    case CloseReason::kTooLong:
      return "too_long";
    case CloseReason::kNotReady:
      return "not_ready";
    case CloseReason::kQuiesceLimit:
      return "quiesce_limit";
  }
  return "error";
}

Peer::Peer(Stream stream, ConnectionId id, std::uint8_t* busy, PeerShared& shared)
    : shared_(shared), stream_(std::move(stream)), id_(id), busy_(busy) {}

void Peer::shut_down() {
  stream_.shut_down();
  if (busy_) std::atomic_ref(*busy_).store(0, std::memory_order_relaxed);
  busy_ = nullptr;  // the slot may belong to another connection as soon as the holder knows
}

void Peer::mark_busy(bool busy) {
  if (busy == marked_) return;
  marked_ = busy;
  if (busy_) std::atomic_ref(*busy_).store(busy ? 1 : 0, std::memory_order_relaxed);
}

Want Peer::end(CloseReason reason) {
  close_reason_ = reason;
  return want_ = Want::kClose;
}

Want Peer::settle() {
  const bool between = input_.empty() && !shared_.handler.holds_state(id_);
  mark_busy(!between);
  return want_ = between && shared_.quiescing ? Want::kParked : Want::kRead;
}

ssize_t Peer::receive() {
  const std::span<char> buffer = shared_.read_buffer;
  // Nobody sends a second request into a pipe before the reply, so that there is nothing to leave there.
  if (!shared_.quiescing || stream_.is_pipes()) return stream_.receive(buffer);
  // Only the rest of this line: what comes after it is for the process that takes over.
  const ssize_t seen = stream_.peek(buffer);
  if (seen <= 0) return seen;
  const std::size_t newline = find_newline({buffer.data(), static_cast<std::size_t>(seen)}, 0);
  const std::size_t wanted = newline == kNone ? static_cast<std::size_t>(seen) : newline + 1;
  return stream_.receive(buffer.first(wanted));
}

Want Peer::on_readable() {
  // Before the read: after a crash, octets that were taken from the socket must not be taken for unread.
  mark_busy(true);
  const ssize_t count = receive();
  if (count == 0) return end(CloseReason::kEof);  // an unterminated line may have been cut off: it is not answered
  if (count < 0) return would_block() || errno == EINTR ? settle() : end(CloseReason::kError);
  const std::string_view read(shared_.read_buffer.data(), static_cast<std::size_t>(count));
  if (input_.empty()) return handle_lines(read, false, 0);
  if (input_pos_ > 0) {
    input_.erase(0, input_pos_);
    input_pos_ = 0;
  }
  input_.append(read);
  return handle_lines(input_, true, scanned_);
}

Want Peer::resume() {
  if (input_.empty()) return settle();
  return handle_lines(std::string_view(input_).substr(input_pos_), true, 0);
}

Want Peer::quiesce() { return want_ == Want::kRead ? settle() : want_; }

void Peer::keep(std::string_view rest, bool from_input) {
  scanned_ = 0;
  if (from_input && !rest.empty()) {
    input_pos_ = input_.size() - rest.size();
    return;
  }
  input_pos_ = 0;
  if (!rest.empty()) {
    input_.assign(rest);
  } else if (input_.capacity() > kKeptInputOctets) {
    std::string().swap(input_);
  } else {
    input_.clear();
  }
}

Want Peer::handle_lines(std::string_view data, bool from_input, std::size_t scanned) {
  std::size_t position = 0;
  std::size_t reply_octets = 0;
  for (int requests = 0;;) {
    const std::size_t newline = find_newline(data, position + scanned);
    scanned = 0;
    const std::size_t length = (newline == kNone ? data.size() : newline) - position;
    if (length > shared_.max_request_octets) {
      shared_.log.warn("request.too_long",
                       {{"connection", id_}, {"limit_octets", shared_.max_request_octets}, {"action", "closed"}});
      return end(CloseReason::kTooLong);
    }
    if (newline == kNone) break;
    const std::string_view line = data.substr(position, length);
    if (is_blank(line)) {
      position = newline + 1;
      continue;
    }
    if (requests == kRequestsPerTurn || reply_octets >= kReplyOctetsPerTurn) {
      keep(data.substr(position), from_input);
      return want_ = Want::kAgain;
    }
    ++requests;
    shared_.reply.clear();
    const Outcome outcome = shared_.handler.handle(id_, line, shared_.reply);
    if (outcome == Outcome::kNotReady) {
      keep(data.substr(position), from_input);
      return want_ = Want::kRetry;
    }
    if (outcome == Outcome::kPending) {
      keep(data.substr(position), from_input);
      return want_ = Want::kResume;
    }
    shared_.requests.add();
    position = newline + 1;
    reply_octets += shared_.reply.size();
    close_after_write_ = outcome == Outcome::kClose;
    const Sent sent = send_reply();
    if (sent == Sent::kFailed) return end(CloseReason::kError);
    if (sent == Sent::kPart) {
      keep(data.substr(position), from_input);
      return want_ = Want::kWrite;
    }
    if (close_after_write_) return end(CloseReason::kProtocol);
  }
  keep(data.substr(position), from_input);
  scanned_ = input_.size() - input_pos_;
  return settle();
}

Peer::Sent Peer::send_reply() {
  std::string& reply = shared_.reply;
  if (reply.empty()) return Sent::kAll;
  ssize_t count = stream_.send(reply);
  if (count < 0) {
    if (!would_block() && errno != EINTR) return Sent::kFailed;
    count = 0;
  }
  const std::size_t written = static_cast<std::size_t>(count);
  const bool all = written == reply.size();
  if (!all) {
    output_.assign(reply, written);
    output_pos_ = 0;
  }
  if (reply.capacity() > kKeptReplyOctets) std::string().swap(reply);
  return all ? Sent::kAll : Sent::kPart;
}

Want Peer::on_writable() {
  const ssize_t count = stream_.send(std::string_view(output_).substr(output_pos_));
  if (count < 0) {
    if (would_block() || errno == EINTR) return want_ = Want::kWrite;
    return end(CloseReason::kError);
  }
  output_pos_ += static_cast<std::size_t>(count);
  if (output_pos_ < output_.size()) return want_ = Want::kWrite;
  std::string().swap(output_);
  if (close_after_write_) return end(CloseReason::kProtocol);
  return resume();
}

}  // namespace sdns::net
