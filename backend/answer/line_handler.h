// SPDX-License-Identifier: MIT
// What a loop thread of the unix door does with a line: parse, answer from the newest snapshot, write. Edits and long
// lists are left to other threads; their connection waits.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "backend/answer/answer.h"
#include "backend/answer/edit_request.h"
#include "backend/answer/editor.h"
#include "backend/answer/open_transaction.h"
#include "backend/base/clock.h"
#include "backend/base/event_limit.h"
#include "backend/base/log.h"
#include "backend/base/metrics.h"
#include "backend/base/snapshot_cell.h"
#include "backend/net/line_handler.h"
#include "backend/protocol/request_parse.h"
#include "backend/purge/asked_names.h"

namespace sdns::answer {

using ZoneSetCell = SnapshotCell<zone::ZoneSet>;

/// One per loop thread. Until the first snapshot is published only `initialize` and the two lists that the communicator
/// asks for are answered: it would end pdns_server over a closed connection.
class LineHandler final : public net::LineHandler {
 public:
  struct Parts {
    const ZoneSetCell& zones;            ///< may hold null at first
    ZoneSetCell::Reader::Retire retire;  ///< receives snapshots that this thread lets go of
    void* retire_context = nullptr;
    purge::AskedRing* asked = nullptr;  ///< this thread's ring, or null
    const Background& background;
    const Clock& clock;
    const WallClock& wall_clock;
    const Log& log;
    Metrics& metrics;
    std::string_view version;
    Steering* steering = nullptr;             ///< this thread's; null: LUA records are data
    SynthesisedNames* synthesised = nullptr;  ///< all threads'
  };
  /// All parts outlive the handler.
  explicit LineHandler(const Parts& parts);

  net::Outcome handle(net::ConnectionId connection, std::string_view line, std::string& reply) override;
  void refresh() override;
  void closed(net::ConnectionId connection) override;
  bool holds_state(net::ConnectionId connection) override;

 private:
  static constexpr std::size_t kMethods = std::variant_size_v<protocol::Request>;
  enum Result : std::size_t { kData, kNothing, kFailed, kWaiting, kResults };

  // A line that another thread works on. That thread writes the reply before it sets `done`.
  struct Pending {
    std::atomic<bool> abandoned = false;
    std::atomic<bool> done = false;
    std::size_t method = 0;
    std::optional<zone::Key> reserved;  // a key for the connection's transaction
    std::string reply;
    Result result = kData;
    net::Outcome outcome = net::Outcome::kReply;
  };
  struct Session {
    std::shared_ptr<OpenTransaction> transaction;
    std::shared_ptr<Pending> pending;
    SteadyTime used{};
    bool idle_too_long = false;  // its transaction was ended
  };

  void count(std::size_t method, Result result) { requests_[method][result]->add(); }
  bool ready();
  static std::string_view method_name(std::size_t method);

  // line_handler_edits.cpp
  net::Outcome edit(net::ConnectionId connection, const protocol::Request& request, std::string& reply);
  net::Outcome refuse(net::ConnectionId connection, const protocol::Request& request, const Error& why,
                      std::string& reply);
  net::Outcome start(net::ConnectionId connection, std::size_t method, TaskRunner::Lane lane,
                     std::function<void(Pending&)> work);
  net::Outcome start_edit(net::ConnectionId connection, std::size_t method, EditWork&& planned);
  net::Outcome ask_autoprimary(net::ConnectionId connection, std::size_t method, AutoprimaryQuestion&& question);
  net::Outcome read_in_background(net::ConnectionId connection, const protocol::Request& request, std::string_view line,
                                  const std::shared_ptr<OpenTransaction>& transaction);
  net::Outcome take_up(net::ConnectionId connection, Session& session, std::string& reply);
  void note(net::ConnectionId connection, std::size_t method, Edit&& edit);
  void let_go(std::shared_ptr<OpenTransaction> transaction);
  void end_idle_transactions();
  static void write(const protocol::Reply& reply, Pending& out);
  static void write_failed(const protocol::Reply& reply, Pending& out);
  void log_failed(net::ConnectionId connection, std::size_t method, const Error& why) const;
  /// For other threads: no steering.
  [[nodiscard]] Facts facts() const;
  [[nodiscard]] Facts own_facts();

  net::Outcome malformed(net::ConnectionId connection, std::size_t size, const Error& error, std::string& reply);
  void log_broken(net::ConnectionId connection, const Error& why);
  static Result result_of(const protocol::Reply& reply);

  const ZoneSetCell* cell_;
  ZoneSetCell::Reader zones_;
  bool ready_ = false;
  purge::AskedRing* asked_;
  const Background* background_;
  const Clock* clock_;
  const WallClock* wall_clock_;
  const Log* log_;
  std::string_view version_;
  Steering* steering_;
  SynthesisedNames* synthesised_;
  protocol::RequestParser parser_;
  Scratch scratch_;
  std::unordered_map<net::ConnectionId, Session> sessions_;  // of connections that edit or wait
  EventLimit malformed_limit_;
  EventLimit broken_limit_;
  EventLimit declined_limit_;
  std::array<std::array<Metric*, kResults>, kMethods> requests_{};
  Metric* malformed_ = nullptr;
};

}  // namespace sdns::answer
