// SPDX-License-Identifier: MIT
#include "backend/answer/line_handler.h"

#include "backend/base/json_text.h"
#include "backend/protocol/reply_write.h"

namespace sdns::answer {
namespace {

// In the order of protocol::Request's alternatives.
constexpr std::string_view kMethodNames[] = {
    "initialize",
    "lookup",
    "getAllDomains",
    "getDomainInfo",
    "getAllDomainMetadata",
    "getDomainMetadata",
    "getDomainKeys",
    "getBeforeAndAfterNamesAbsolute",
    "getUpdatedMasters",
    "getUnfreshSlaveInfos",
    "list",
    "searchRecords",
    "getTSIGKey",
    "getTSIGKeys",
    "directBackendCmd",
    "unknown",
    "startTransaction",
    "commitTransaction",
    "abortTransaction",
    "replaceRRSet",
    "feedRecord",
    "feedEnts",
    "setDomainMetadata",
    "addDomainKey",
    "changeDomainKey",
    "setTSIGKey",
    "deleteTSIGKey",
    "setNotified",
    "setFresh",
    "superMasterBackend",
    "createSlaveDomain",
};
static_assert(std::size(kMethodNames) == std::variant_size_v<protocol::Request>);

// In the order of LineHandler::Result.
constexpr std::string_view kResultNames[] = {"data", "nothing", "failed", "waiting"};

constexpr std::size_t kKeptText = std::size_t{1} << 20;  // a list of all zones is not kept for the next one

template <class... Alternatives>
bool holds_any(const protocol::Request& request) {
  return (std::holds_alternative<Alternatives>(request) || ...);
}

constexpr std::size_t kShortList = 1000;  ///< zones or owner names that a loop thread may list itself

bool takes_long(const protocol::Request& request, const zone::ZoneSet& zones) {
  if (const auto* list = std::get_if<protocol::List>(&request)) {
    const auto name = dns::Name::parse(list->name);
    const zone::Zone* zone = name ? zones.find_apex(name->key()) : nullptr;
    return zone && zone->owners().size() > kShortList;
  }
  if (std::holds_alternative<protocol::SearchRecords>(request) ||
      std::holds_alternative<protocol::DirectBackendCmd>(request))
    return true;
  return zones.size() > kShortList &&
         holds_any<protocol::GetAllDomains, protocol::GetUpdatedMasters, protocol::GetUnfreshSlaveInfos>(request);
}

}  // namespace

bool EventLimit::allow(std::uint64_t& suppressed) {
  const SteadyTime now = clock_->now();
  if (any_ && now - last_ < std::chrono::seconds(1)) {
    ++suppressed_;
    return false;
  }
  any_ = true;
  last_ = now;
  suppressed = std::exchange(suppressed_, 0);
  return true;
}

LineHandler::LineHandler(const Parts& parts)
    : cell_(&parts.zones),
      zones_(parts.zones, parts.retire, parts.retire_context),
      asked_(parts.asked),
      background_(&parts.background),
      wall_clock_(&parts.wall_clock),
      log_(&parts.log),
      version_(parts.version),
      malformed_limit_(parts.clock),
      broken_limit_(parts.clock),
      declined_limit_(parts.clock) {
  constexpr std::string_view kHelp = "Requests of PowerDNS by method and result";
  for (std::size_t method = 0; method < kMethods; ++method)
    for (std::size_t result = 0; result < kResults; ++result)
      requests_[method][result] = &parts.metrics.counter(
          "sdns_requests_total", kHelp,
          {{"method", std::string(kMethodNames[method])}, {"result", std::string(kResultNames[result])}});
  malformed_ =
      &parts.metrics.counter("sdns_requests_malformed_total", "Lines that were not a request; connection closed");
}

bool LineHandler::ready() {
  if (!ready_) ready_ = cell_->load() != nullptr;
  return ready_;
}

net::Outcome LineHandler::handle(net::ConnectionId connection, std::string_view line, std::string& reply) {
  Session* session = nullptr;
  if (!sessions_.empty()) {
    const auto at = sessions_.find(connection);
    if (at != sessions_.end()) session = &at->second;
    if (session && session->pending) return take_up(connection, *session, reply);
  }
  const sdns::Result<protocol::Request> request = parser_.parse(line);
  if (!request) return malformed(connection, line.size(), request.error(), reply);

  const std::size_t method = request->index();
  if (!ready() &&
      !holds_any<protocol::Initialize, protocol::GetUpdatedMasters, protocol::GetUnfreshSlaveInfos>(*request)) {
    count(method, kWaiting);
    return net::Outcome::kNotReady;
  }
  if (protocol::is_edit(*request)) return edit(connection, *request, reply);
  static const zone::ZoneSet kNoZones;
  const zone::ZoneSet* zones = ready_ ? &zones_.get() : &kNoZones;
  zone::ZoneSetPtr own;
  if (session && session->transaction) {
    OpenTransaction& transaction = *session->transaction;
    if (transaction.unseen() > kShortList || takes_long(*request, *zones))
      return read_in_background(connection, method, line, session->transaction);
    auto view = transaction.view(*zones);
    if (!view) {
      const protocol::Reply failed = protocol::Broken{view.error()};
      protocol::write_reply(failed, reply);
      log_broken(connection, view.error());
      return net::Outcome::kClose;
    }
    own = std::move(*view);
    zones = own.get();
  } else if (takes_long(*request, *zones)) {
    return read_in_background(connection, method, line, nullptr);
  }
  const protocol::Reply answered = answer(*request, *zones, scratch_, facts());
  count(method, result_of(answered));
  protocol::write_reply(answered, reply);
  if (scratch_.asked.zone != 0 && asked_) asked_->push(scratch_.asked.zone, scratch_.asked.relative_key);
  if (scratch_.text.capacity() > kKeptText) scratch_.text = std::string();
  if (const auto* options = std::get_if<protocol::Initialize>(&*request); options && log_->enabled(LogLevel::kDebug))
    log_->debug("protocol.initialize", {{"connection", connection}, {"options", options->options}});
  if (const auto* broken = std::get_if<protocol::Broken>(&answered)) {
    log_broken(connection, broken->why);
    return net::Outcome::kClose;
  }
  return net::Outcome::kReply;
}

Facts LineHandler::facts() const {
  return {std::chrono::duration_cast<std::chrono::seconds>(wall_clock_->wall_now().time_since_epoch()).count(),
          version_};
}

void LineHandler::write(const protocol::Reply& reply, Pending& out) {
  out.result = result_of(reply);
  protocol::write_reply(reply, out.reply);
  if (std::holds_alternative<protocol::Broken>(reply)) out.outcome = net::Outcome::kClose;
}

net::Outcome LineHandler::start(net::ConnectionId connection, std::size_t method, TaskRunner::Lane lane,
                                std::function<void(Pending&)> work) {
  auto pending = std::make_shared<Pending>();
  pending->method = method;
  sessions_[connection].pending = pending;
  background_->tasks.run(lane, [pending, connection, work = std::move(work), &resume = background_->resume] {
    if (pending->abandoned.load(std::memory_order_relaxed)) return;
    work(*pending);
    pending->done.store(true, std::memory_order_release);
    resume(connection);
  });
  return net::Outcome::kPending;
}

// The connection waits, so that nobody else comes to its transaction meanwhile.
net::Outcome LineHandler::read_in_background(net::ConnectionId connection, std::size_t method, std::string_view line,
                                             std::shared_ptr<OpenTransaction> transaction) {
  return start(connection, method, TaskRunner::Lane::kReads,
               [text = std::string(line), zones = cell_->load(), transaction, facts = facts()](Pending& out) {
                 protocol::RequestParser parser;
                 const auto request = parser.parse(text);
                 const auto view = transaction ? transaction->view(*zones) : sdns::Result<zone::ZoneSetPtr>(zones);
                 Scratch scratch;
                 if (!request || !view) write(protocol::Broken{request ? view.error() : request.error()}, out);
                 else write(answer(*request, **view, scratch, facts), out);
               });
}

net::Outcome LineHandler::take_up(net::ConnectionId connection, Session& session, std::string& reply) {
  const std::shared_ptr<Pending> pending = session.pending;
  if (!pending->done.load(std::memory_order_acquire)) return net::Outcome::kPending;
  session.pending.reset();
  if (session.transaction && pending->added_key != 0) session.transaction->note_added_key(pending->added_key);
  if (!session.transaction) sessions_.erase(connection);
  count(pending->method, pending->result);
  reply = std::move(pending->reply);
  return pending->outcome;
}

net::Outcome LineHandler::edit(net::ConnectionId connection, const protocol::Request& request, std::string& reply) {
  const std::size_t method = request.index();
  Session& session = sessions_[connection];
  if (session.transaction && std::holds_alternative<protocol::AbortTransaction>(request)) abort(session.transaction);
  auto plan = plan_edit(request, session.transaction, cell_->load());
  if (!session.transaction) sessions_.erase(connection);
  if (!plan) {
    decline(connection, method, plan.error());
    plan = protocol::Declined{};
  }
  const auto at_once = [&](const protocol::Reply& answered) {
    count(method, result_of(answered));
    protocol::write_reply(answered, reply);
    return net::Outcome::kReply;
  };
  if (std::holds_alternative<protocol::Accepted>(*plan)) return at_once(protocol::Accepted{});
  if (std::holds_alternative<protocol::Declined>(*plan)) return at_once(protocol::Declined{});
  if (auto* question = std::get_if<AutoprimaryQuestion>(&*plan)) {
    return start(connection, method, TaskRunner::Lane::kEdits,
                 [this, connection, method, question = std::move(*question)](Pending& out) {
                   const auto found = background_->editor.autoprimary(question);
                   if (!found) log_failed(connection, method, found.error());
                   if (!found || !*found) return write(protocol::Declined{}, out);
                   std::string json = R"({"account":)";
                   append_json_string(json, (*found)->account);
                   json += R"(,"nameserver":)";
                   append_json_string(json, (*found)->name_server);
                   json += '}';
                   write(protocol::Rendered{json}, out);
                 });
  }
  auto work = std::make_shared<EditWork>(std::move(std::get<EditWork>(*plan)));  // a function must be copyable
  return start(connection, method, TaskRunner::Lane::kEdits, [this, connection, method, work](Pending& out) {
    const auto edited = background_->editor.edit(std::move(*work).take(), out.abandoned);
    if (!edited) {
      log_failed(connection, method, edited.error());
      if (work->report == Report::kTrueOrBroken) write(protocol::Broken{edited.error()}, out);
      else write(protocol::Declined{}, out);
    } else if (work->report == Report::kKeyId) {
      out.added_key = *edited;
      write(protocol::Rendered{std::to_string(*edited)}, out);
    } else {
      write(protocol::Accepted{}, out);
    }
  });
}

LineHandler::Result LineHandler::result_of(const protocol::Reply& reply) {
  if (const auto* records = std::get_if<protocol::Records>(&reply))
    return records->blocks.empty() && !records->empty_non_terminal ? kNothing : kData;
  if (const auto* rendered = std::get_if<protocol::Rendered>(&reply))
    return rendered->json == "false" || rendered->json == "[]" ? kNothing : kData;
  if (std::holds_alternative<protocol::Declined>(reply)) return kNothing;
  if (std::holds_alternative<protocol::Broken>(reply) || std::holds_alternative<protocol::Unanswerable>(reply))
    return kFailed;
  return kData;
}

// The line itself is not logged: it may carry a key.
net::Outcome LineHandler::malformed(net::ConnectionId connection, std::size_t size, const Error& error,
                                    std::string& reply) {
  malformed_->add();
  std::uint64_t suppressed = 0;
  if (malformed_limit_.allow(suppressed))
    log_->warn("protocol.malformed",
               {{"connection", connection}, {"octets", size}, {"reason", to_text(error)}, {"suppressed", suppressed}});
  protocol::write_reply(protocol::Broken{error}, reply);
  return net::Outcome::kClose;
}

void LineHandler::log_broken(net::ConnectionId connection, const Error& why) {
  std::uint64_t suppressed = 0;
  if (!broken_limit_.allow(suppressed)) return;
  log_->warn("protocol.unanswered", {{"connection", connection}, {"reason", to_text(why)}, {"suppressed", suppressed}});
}

void LineHandler::decline(net::ConnectionId connection, std::size_t method, const Error& why) {
  std::uint64_t suppressed = 0;
  if (!declined_limit_.allow(suppressed)) return;
  log_->warn("edit.declined", {{"connection", connection},
                               {"method", kMethodNames[method]},
                               {"reason", to_text(why)},
                               {"suppressed", suppressed}});
}

// A transaction may hold a million records: freeing them is not the loop's work either.
void LineHandler::abort(std::shared_ptr<OpenTransaction>& transaction) {
  background_->tasks.run(TaskRunner::Lane::kEdits, [this, aborted = std::exchange(transaction, nullptr)] {
    static const std::atomic<bool> kWanted = false;
    for (const std::uint32_t key : aborted->added_keys()) {
      const ChangeKey removal{aborted->zone().id(), key, protocol::ChangeDomainKey::What::kRemove};
      if (const auto done = background_->editor.edit(removal, kWanted); !done)
        log_->error("edit.failed", {{"method", "abortTransaction"}, {"reason", to_text(done.error())}});
    }
  });
}

// On the thread that worked on the edit: its failures are never so many that they need a limit.
void LineHandler::log_failed(net::ConnectionId connection, std::size_t method, const Error& why) const {
  log_->error("edit.failed", {{"connection", connection}, {"method", kMethodNames[method]}, {"reason", to_text(why)}});
}

void LineHandler::closed(net::ConnectionId connection) {
  if (sessions_.empty()) return;
  const auto at = sessions_.find(connection);
  if (at == sessions_.end()) return;
  if (at->second.pending) at->second.pending->abandoned.store(true, std::memory_order_relaxed);
  if (at->second.transaction) abort(at->second.transaction);
  sessions_.erase(at);
}

bool LineHandler::holds_state(net::ConnectionId connection) {
  if (sessions_.empty()) return false;
  const auto at = sessions_.find(connection);
  return at != sessions_.end() && at->second.transaction;
}

void LineHandler::refresh() {
  if (zones_.holds() && !zones_.current()) zones_.release();
}

}  // namespace sdns::answer
