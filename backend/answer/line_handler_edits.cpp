// SPDX-License-Identifier: MIT
// What a line handler leaves to other threads, and the transactions of its connections.
#include <exception>
#include <utility>

#include "backend/answer/line_handler.h"
#include "backend/base/json_text.h"
#include "backend/protocol/reply_write.h"

namespace sdns::answer {
namespace {

// A transaction holds on to the snapshot that it began with.
constexpr std::chrono::minutes kIdleLimit{10};

// PowerDNS takes these for done when the answer is "no", and goes on with half of what it wanted.
bool needs_broken(const protocol::Request& request) {
  return std::holds_alternative<protocol::StartTransaction>(request) ||
         std::holds_alternative<protocol::CommitTransaction>(request);
}

// The communicator waits for the answer: whatever else goes on, it comes at once.
bool is_of_communicator(const protocol::Request& request) {
  return std::holds_alternative<protocol::GetUpdatedMasters>(request) ||
         std::holds_alternative<protocol::GetUnfreshSlaveInfos>(request);
}

}  // namespace

void LineHandler::write(const protocol::Reply& reply, Pending& out) {
  out.result = result_of(reply);
  protocol::write_reply(reply, out.reply);
  if (std::holds_alternative<protocol::Broken>(reply)) out.outcome = net::Outcome::kClose;
}

void LineHandler::write_failed(const protocol::Reply& reply, Pending& out) {
  write(reply, out);
  out.result = kFailed;
}

net::Outcome LineHandler::start(net::ConnectionId connection, std::size_t method, TaskRunner::Lane lane,
                                std::function<void(Pending&)> work) {
  auto pending = std::make_shared<Pending>();
  pending->method = method;
  sessions_[connection].pending = pending;
  background_->tasks.run(lane, [this, pending, connection, method, work = std::move(work)] {
    if (pending->abandoned.load(std::memory_order_relaxed)) return;
    try {
      work(*pending);
    } catch (const std::exception& failure) {  // memory, for a list or an edit as large as it gets
      const Error error{Errc::kNoSpace, failure.what(), "nothing was changed, unless the log says otherwise"};
      log_failed(connection, method, error);
      pending->reply.clear();
      write_failed(protocol::Broken{error}, *pending);
    }
    pending->done.store(true, std::memory_order_release);
    background_->resume(connection);
  });
  return net::Outcome::kPending;
}

// The connection waits, so that nobody else comes to its transaction meanwhile.
net::Outcome LineHandler::read_in_background(net::ConnectionId connection, const protocol::Request& request,
                                             std::string_view line,
                                             const std::shared_ptr<OpenTransaction>& transaction) {
  const auto lane = is_of_communicator(request) ? TaskRunner::Lane::kNotes : TaskRunner::Lane::kLists;
  return start(connection, request.index(), lane,
               [text = std::string(line), zones = cell_->load(), transaction, facts = facts()](Pending& out) {
                 protocol::RequestParser parser;
                 const auto again = parser.parse(text);
                 const auto view = transaction ? transaction->view(*zones) : sdns::Result<zone::ZoneSetPtr>(zones);
                 Scratch scratch;
                 if (!again || !view) write(protocol::Broken{again ? view.error() : again.error()}, out);
                 else write(answer(*again, **view, scratch, facts), out);
               });
}

net::Outcome LineHandler::take_up(net::ConnectionId connection, Session& session, std::string& reply) {
  const std::shared_ptr<Pending> pending = session.pending;
  if (!pending->done.load(std::memory_order_acquire)) return net::Outcome::kPending;
  session.pending.reset();
  if (session.transaction && pending->reserved) session.transaction->add_key(std::move(*pending->reserved));
  if (!session.transaction) sessions_.erase(connection);
  count(pending->method, pending->result);
  reply = std::move(pending->reply);
  return pending->outcome;
}

net::Outcome LineHandler::edit(net::ConnectionId connection, const protocol::Request& request, std::string& reply) {
  const std::size_t method = request.index();
  Session& session = sessions_[connection];
  session.used = clock_->now();
  if (std::exchange(session.idle_too_long, false) && !std::holds_alternative<protocol::AbortTransaction>(request)) {
    sessions_.erase(connection);
    return refuse(connection, protocol::CommitTransaction{},
                  {Errc::kTimeout, "the transaction was idle for 10 minutes and was aborted", "make the edit again"},
                  reply);
  }
  std::shared_ptr<OpenTransaction> before = session.transaction;
  auto plan = plan_edit(request, session.transaction, cell_->load());
  const bool ended = before && session.transaction != before;
  if (ended) let_go(std::move(before));
  if (!session.transaction) sessions_.erase(connection);
  if (!plan) return refuse(connection, request, plan.error(), reply);

  if (auto* question = std::get_if<AutoprimaryQuestion>(&*plan))
    return ask_autoprimary(connection, method, std::move(*question));
  if (auto* work = std::get_if<EditWork>(&*plan)) {
    const bool only_noted =
        std::holds_alternative<NoteNotified>(work->edit) || std::holds_alternative<NoteChecked>(work->edit);
    if (!only_noted || work->transaction) return start_edit(connection, method, std::move(*work));
    note(connection, method, std::move(work->edit));
  }
  const bool declined = std::holds_alternative<protocol::Declined>(*plan);
  const protocol::Reply answered =
      declined ? protocol::Reply(protocol::Declined{}) : protocol::Reply(protocol::Accepted{});
  count(method, result_of(answered));
  protocol::write_reply(answered, reply);
  return net::Outcome::kReply;
}

net::Outcome LineHandler::refuse(net::ConnectionId connection, const protocol::Request& request, const Error& why,
                                 std::string& reply) {
  const bool broken = needs_broken(request);
  const auto suppressed = broken ? std::optional<std::uint64_t>(0) : declined_limit_.pass(clock_->now());
  if (suppressed)
    log_->warn("edit.declined", {{"connection", connection},
                                 {"method", method_name(request.index())},
                                 {"reason", to_text(why)},
                                 {"suppressed", *suppressed}});
  count(request.index(), kFailed);
  if (!broken) {
    protocol::write_reply(protocol::Declined{}, reply);
    return net::Outcome::kReply;
  }
  protocol::write_reply(protocol::Broken{why}, reply);
  return net::Outcome::kClose;
}

net::Outcome LineHandler::ask_autoprimary(net::ConnectionId connection, std::size_t method,
                                          AutoprimaryQuestion&& question) {
  return start(connection, method, TaskRunner::Lane::kNotes,
               [this, connection, method, question = std::move(question)](Pending& out) {
                 const auto found = background_->editor.autoprimary(question);
                 if (!found) {
                   log_failed(connection, method, found.error());
                   return write_failed(protocol::Declined{}, out);
                 }
                 if (!*found) return write(protocol::Declined{}, out);
                 std::string json = R"({"account":)";
                 append_json_string(json, (*found)->account);
                 json += R"(,"nameserver":)";
                 append_json_string(json, (*found)->name_server);
                 json += '}';
                 write(protocol::Rendered{json}, out);
               });
}

net::Outcome LineHandler::start_edit(net::ConnectionId connection, std::size_t method, EditWork&& planned) {
  const bool of_communicator = std::holds_alternative<CreateSecondary>(planned.edit) && !planned.transaction;
  const auto lane = of_communicator ? TaskRunner::Lane::kNotes : TaskRunner::Lane::kEdits;
  auto work = std::make_shared<EditWork>(std::move(planned));  // a function must be copyable
  return start(connection, method, lane, [this, connection, method, work](Pending& out) {
    const Report report = work->report;
    const Edit edit = std::move(*work).take();
    const auto edited = background_->editor.edit(edit, out.abandoned);
    if (!edited) {
      log_failed(connection, method, edited.error());
      if (report == Report::kTrueOrBroken) write_failed(protocol::Broken{edited.error()}, out);
      else write_failed(protocol::Declined{}, out);
      return;
    }
    if (report == Report::kReservedKey) {
      out.reserved = std::get<ReserveKey>(edit).key;
      out.reserved->id = *edited;
    }
    if (report == Report::kKeyId || report == Report::kReservedKey)
      write(protocol::Rendered{std::to_string(*edited)}, out);
    else write(protocol::Accepted{}, out);
  });
}

// PowerDNS does not look at the answer, and one that waited for the database could end it.
void LineHandler::note(net::ConnectionId connection, std::size_t method, Edit&& edit) {
  background_->tasks.run(TaskRunner::Lane::kEdits, [this, connection, method, edit = std::move(edit)] {
    static const std::atomic<bool> kWanted = false;
    if (const auto noted = background_->editor.edit(edit, kWanted); !noted)
      log_failed(connection, method, noted.error());
  });
}

// A transaction may hold a million records, and the last reference to an old snapshot: freeing them is not for a loop.
void LineHandler::let_go(std::shared_ptr<OpenTransaction> transaction) {
  background_->tasks.run(TaskRunner::Lane::kLists, [transaction = std::move(transaction)] {});
}

void LineHandler::end_idle_transactions() {
  for (auto& [connection, session] : sessions_) {
    if (!session.transaction || session.pending || clock_->now() - session.used < kIdleLimit) continue;
    log_->warn("edit.idle", {{"connection", connection}, {"limit_min", kIdleLimit.count()}, {"action", "aborted"}});
    let_go(std::exchange(session.transaction, nullptr));
    session.idle_too_long = true;
  }
}

// On the thread that worked on the edit: its failures are never so many that they need a limit.
void LineHandler::log_failed(net::ConnectionId connection, std::size_t method, const Error& why) const {
  log_->error("edit.failed", {{"connection", connection}, {"method", method_name(method)}, {"reason", to_text(why)}});
}

void LineHandler::closed(net::ConnectionId connection) {
  if (sessions_.empty()) return;
  const auto at = sessions_.find(connection);
  if (at == sessions_.end()) return;
  if (at->second.pending) at->second.pending->abandoned.store(true, std::memory_order_relaxed);
  if (at->second.transaction) let_go(std::exchange(at->second.transaction, nullptr));
  sessions_.erase(at);
}

bool LineHandler::holds_state(net::ConnectionId connection) {
  if (sessions_.empty()) return false;
  const auto at = sessions_.find(connection);
  return at != sessions_.end() && at->second.transaction;
}

}  // namespace sdns::answer
