// SPDX-License-Identifier: MIT
#include "backend/answer/line_handler.h"

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

LineHandler::LineHandler(const Parts& parts)
    : cell_(&parts.zones),
      zones_(parts.zones, parts.retire, parts.retire_context),
      asked_(parts.asked),
      background_(&parts.background),
      clock_(&parts.clock),
      wall_clock_(&parts.wall_clock),
      log_(&parts.log),
      version_(parts.version),
      steering_(parts.steering),
      synthesised_(parts.synthesised) {
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
    session->used = clock_->now();
    OpenTransaction& transaction = *session->transaction;
    if (transaction.size() > kShortList || takes_long(*request, *zones))
      return read_in_background(connection, *request, line, session->transaction);
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
    return read_in_background(connection, *request, line, nullptr);
  }
  const protocol::Reply answered = answer(*request, *zones, scratch_, own_facts());
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

Facts LineHandler::own_facts() {
  Facts own = facts();
  own.steering = steering_;
  own.synthesised = synthesised_;
  return own;
}

LineHandler::Result LineHandler::result_of(const protocol::Reply& reply) {
  if (const auto* records = std::get_if<protocol::Records>(&reply))
    return records->blocks.empty() && !records->empty_non_terminal ? kNothing : kData;
  if (const auto* rendered = std::get_if<protocol::Rendered>(&reply))
    return rendered->json == "false" || rendered->json == "[]" ? kNothing : kData;
  if (std::holds_alternative<protocol::Declined>(reply)) return kNothing;
  if (std::holds_alternative<protocol::Broken>(reply)) return kFailed;
  return kData;
}

// The line itself is not logged: it may carry a key.
net::Outcome LineHandler::malformed(net::ConnectionId connection, std::size_t size, const Error& error,
                                    std::string& reply) {
  malformed_->add();
  if (const auto suppressed = malformed_limit_.pass(clock_->now()))
    log_->warn("protocol.malformed",
               {{"connection", connection}, {"octets", size}, {"reason", to_text(error)}, {"suppressed", *suppressed}});
  protocol::write_reply(protocol::Broken{error}, reply);
  return net::Outcome::kClose;
}

void LineHandler::log_broken(net::ConnectionId connection, const Error& why) {
  if (const auto suppressed = broken_limit_.pass(clock_->now()))
    log_->warn("protocol.unanswered",
               {{"connection", connection}, {"reason", to_text(why)}, {"suppressed", *suppressed}});
}

void LineHandler::refresh() {
  if (zones_.holds() && !zones_.current()) zones_.release();
  if (steering_) steering_->refresh();
  end_idle_transactions();
}

std::string_view LineHandler::method_name(std::size_t method) { return kMethodNames[method]; }

}  // namespace sdns::answer
