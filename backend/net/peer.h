// SPDX-License-Identifier: MIT
// One connection: framing, order and back-pressure as a state machine over its descriptors. Knows no event loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "backend/base/log.h"
#include "backend/base/metrics.h"
#include "backend/net/line_handler.h"
#include "backend/net/stream.h"

namespace sdns::net {

enum class CloseReason { kEof, kError, kProtocol, kTooLong, kNotReady, kQuiesceLimit };
inline constexpr std::size_t kCloseReasons = 6;
std::string_view to_text(CloseReason reason);

/// What the peers of one loop share. One thread.
struct PeerShared {
  LineHandler& handler;
  const Log& log;
  Metric& requests;
  std::size_t max_request_octets;
  std::span<char> read_buffer;  ///< for one read; nothing stays in it
  std::string reply = {};       ///< the handler's; keeps its capacity
  bool quiescing = false;
};

/// What the loop has to do for the peer next.
enum class Want {
  kRead,    ///< call on_readable() when there is something to read
  kWrite,   ///< call on_writable() when there is room; read nothing until then
  kAgain,   ///< call resume() after the other connections had their turn
  kRetry,   ///< call resume() after retry_deferred(); read nothing until then
  kResume,  ///< call resume() when UnixServer::resume() was called for it; read nothing until then
  kParked,  ///< quiesced: never read again
  kClose,   ///< close, for close_reason()
};

class Peer {
 public:
  Peer(Stream stream, ConnectionId id, std::uint8_t* busy, PeerShared& shared);

  Want on_readable();
  Want on_writable();
  /// Goes on with the lines that are read already.
  Want resume();
  /// After PeerShared::quiescing was set: what the peer wants now.
  Want quiesce();

  [[nodiscard]] ConnectionId id() const { return id_; }
  [[nodiscard]] const Stream& stream() const { return stream_; }
  [[nodiscard]] CloseReason close_reason() const { return close_reason_; }
  /// The loop's reason for closing, in place of the peer's own.
  void fail(CloseReason reason) { end(reason); }
  /// Ends the connection for every process that has a duplicate of it, too; of pipes, when the last of them closes its
  /// own.
  void shut_down();
  /// Closes the descriptors and leaves the connection to whoever has a duplicate.
  void close() { stream_.close(); }

 private:
  Want end(CloseReason reason);
  Want settle();
  ssize_t receive();
  Want handle_lines(std::string_view data, bool from_input, std::size_t scanned);
  void keep(std::string_view rest, bool from_input);
  enum class Sent { kAll, kPart, kFailed };
  Sent send_reply();
  void mark_busy(bool busy);

  PeerShared& shared_;
  Stream stream_;
  ConnectionId id_;
  std::uint8_t* busy_;
  bool marked_ = false;
  bool close_after_write_ = false;
  CloseReason close_reason_ = CloseReason::kEof;
  Want want_ = Want::kRead;
  std::string input_;          // octets read and not handled, from input_pos_
  std::size_t input_pos_ = 0;  // complete lines before it are done
  std::size_t scanned_ = 0;    // so many octets from input_pos_ have no '\n'
  std::string output_;         // of one reply, from output_pos_
  std::size_t output_pos_ = 0;
};

}  // namespace sdns::net
