// SPDX-License-Identifier: MIT
#include "backend/store/postgres_link.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

namespace sdns::store {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kBinary = 1;

enum class Waited { kReady, kTimeout, kInterrupted };

// Until the socket is ready for `events`.
Waited wait_for(int socket, short events, int interrupt, Clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return Waited::kTimeout;
    std::array<pollfd, 2> polled{{{socket, events, 0}, {interrupt, POLLIN, 0}}};
    const int ready =
        ::poll(polled.data(), polled.size(), static_cast<int>(std::min<std::int64_t>(left.count(), 60'000)));
    if (ready < 0 && errno != EINTR) return Waited::kReady;  // libpq says what is wrong with the socket
    if (ready <= 0) continue;
    if (polled[1].revents != 0) return Waited::kInterrupted;
    return Waited::kReady;
  }
}

// libpq's message as one line.
std::string message_of(const PGconn* connection) {
  std::string text = PQerrorMessage(connection);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  for (std::size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at)) text.replace(at, 1, "; ");
  return text;
}

void ignore_notice(void*, const PGresult*) {}

Result<PgConnection> connect_once(const PostgresParameters& parameters, milliseconds limit, int interrupt,
                                  const std::string& label) {
  std::vector<const char*> keys;
  std::vector<const char*> values;
  for (const auto& [key, value] : parameters) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);
  const auto deadline = Clock::now() + limit;
  PgConnection connection(PQconnectStartParams(keys.data(), values.data(), 0));
  if (!connection) return fail(Errc::kUnavailable, fmt::format("{}: out of memory", label));
  PQsetNoticeReceiver(connection.get(), ignore_notice, nullptr);  // the default writes to stderr
  auto poll = PGRES_POLLING_WRITING;
  while (PQstatus(connection.get()) != CONNECTION_BAD) {
    const short events = poll == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    const Waited waited = wait_for(PQsocket(connection.get()), events, interrupt, deadline);
    if (waited == Waited::kInterrupted) return fail(Errc::kUnavailable, fmt::format("{}: interrupted", label));
    if (waited == Waited::kTimeout) {
      const char* host = PQhost(connection.get());
      const char* port = PQport(connection.get());
      return fail(Errc::kUnavailable,
                  fmt::format("{}: host {} port {} did not answer within {} ms", label, host == nullptr ? "?" : host,
                              port == nullptr ? "?" : port, limit.count()));
    }
    poll = PQconnectPoll(connection.get());
    if (poll == PGRES_POLLING_OK) return connection;
    if (poll == PGRES_POLLING_FAILED) break;
  }
  return fail(Errc::kUnavailable, fmt::format("{}: {}", label, message_of(connection.get())));
}

}  // namespace

Result<PostgresLink> PostgresLink::connect(const PostgresTarget& target, int interrupt) {
  Error why{Errc::kUnavailable, target.label + ": no host is named", {}};
  for (std::size_t i = 0; i < target.attempts.size(); ++i) {
    auto connection = connect_once(target.attempts[i], target.connect_limit, interrupt, target.label);
    if (connection) {
      if (PQsetnonblocking(connection->get(), 1) == 0)
        return PostgresLink(std::move(*connection), target.label, interrupt);
      return fail(Errc::kUnavailable, fmt::format("{}: {}", target.label, message_of(connection->get())));
    }
    if (i == 0) why.what = connection.error().what;
    else
      why.what +=
          "; " + connection.error().what.substr(std::min(connection.error().what.size(), target.label.size() + 2));
  }
  why.hint = "check that PostgreSQL runs there, the user, its password (.pgpass) and pg_hba.conf";
  return fail(std::move(why));
}

tl::unexpected<Error> PostgresLink::lost() {
  const std::string message = connection_ ? message_of(connection_.get()) : "the connection is closed";
  close();
  return fail(Errc::kUnavailable, fmt::format("{}: the connection was lost: {}", label_, message),
              "see the network and PostgreSQL's log");
}

Result<void> PostgresLink::wait_result(Deadline deadline) {
  for (;;) {
    const int flushed = PQflush(connection_.get());
    if (flushed < 0) return lost();
    if (PQisBusy(connection_.get()) == 0) return {};
    const short events = static_cast<short>(POLLIN | (flushed == 1 ? POLLOUT : 0));
    switch (wait_for(socket(), events, interrupt_, deadline)) {
      case Waited::kInterrupted:
        close();
        return fail(Errc::kUnavailable, fmt::format("{}: interrupted", label_));
      case Waited::kTimeout:
        close();
        return fail(Errc::kTimeout, fmt::format("{}: PostgreSQL has not answered in time", label_),
                    "the connection was closed; see the network and PostgreSQL's log");
      case Waited::kReady:
        break;
    }
    if (PQconsumeInput(connection_.get()) == 0) return lost();
  }
}

Result<PgResult> PostgresLink::next_result(Deadline deadline) {
  if (auto ready = wait_result(deadline); !ready) return fail(ready.error());
  return PgResult(PQgetResult(connection_.get()));
}

Result<void> PostgresLink::send(const PgStep& step) {
  std::vector<Oid> types;
  std::vector<const char*> octets;
  std::vector<int> lengths;
  for (const PgValue& value : step.values) {
    types.push_back(value.type);
    octets.push_back(value.null ? nullptr : value.octets.c_str());
    lengths.push_back(static_cast<int>(value.octets.size()));
  }
  const std::vector<int> formats(step.values.size(), kBinary);
  const int count = static_cast<int>(step.values.size());
  int sent = 0;
  if (!step.name.empty() && !step.sql.empty())
    sent = PQsendPrepare(connection_.get(), step.name.c_str(), step.sql.c_str(), count, types.data());
  else if (!step.name.empty())
    sent = PQsendQueryPrepared(connection_.get(), step.name.c_str(), count, octets.data(), lengths.data(),
                               formats.data(), kBinary);
  else
    sent = PQsendQueryParams(connection_.get(), step.sql.c_str(), count, types.data(), octets.data(), lengths.data(),
                             formats.data(), kBinary);
  if (sent == 1) return {};
  if (!alive()) return lost();
  return fail(Errc::kInvalidArgument, fmt::format("{}: {}", label_, message_of(connection_.get())));
}

Result<std::vector<PgResult>> PostgresLink::run(const std::vector<PgStep>& steps, milliseconds limit) {
  if (!alive()) return lost();
  const auto deadline = Clock::now() + limit;
  if (PQenterPipelineMode(connection_.get()) != 1) return lost();
  for (const PgStep& step : steps)
    if (auto sent = send(step); !sent) {
      close();  // half of a pipeline cannot be taken back
      return fail(sent.error());
    }
  if (PQpipelineSync(connection_.get()) != 1) return lost();
  std::vector<PgResult> results;
  std::optional<Error> failed;
  bool between = false;
  for (;;) {
    auto result = next_result(deadline);
    if (!result) return fail(failed ? std::move(*failed) : result.error());
    if (!*result) {
      // One between two steps; a second says that nothing will come any more.
      if (!std::exchange(between, true) && alive()) continue;
      auto gone = lost();
      return failed ? fail(std::move(*failed)) : gone;
    }
    between = false;
    switch (PQresultStatus(result->get())) {
      case PGRES_PIPELINE_SYNC:
        if (PQexitPipelineMode(connection_.get()) != 1) return lost();
        if (failed) return fail(std::move(*failed));
        return results;
      case PGRES_PIPELINE_ABORTED:
        break;
      case PGRES_COMMAND_OK:
      case PGRES_TUPLES_OK:
      case PGRES_EMPTY_QUERY:
        results.push_back(std::move(*result));
        break;
      default:
        if (!failed && PQresultErrorField(result->get(), PG_DIAG_SQLSTATE) == nullptr) return lost();
        if (!failed) failed = postgres_error(result->get(), label_);
    }
  }
}

Result<PgResult> PostgresLink::script(const std::string& sql, milliseconds limit) {
  if (!alive()) return lost();
  const auto deadline = Clock::now() + limit;
  if (PQsendQuery(connection_.get(), sql.c_str()) != 1) return lost();
  PgResult last;
  std::optional<Error> failed;
  for (;;) {
    auto result = next_result(deadline);
    if (!result) return result;
    if (!*result) break;
    const auto status = PQresultStatus(result->get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY) {
      if (!failed && PQresultErrorField(result->get(), PG_DIAG_SQLSTATE) == nullptr) return lost();
      if (!failed) failed = postgres_error(result->get(), label_);
    } else {
      last = std::move(*result);
    }
  }
  if (failed) {
    if (!alive()) close();
    return fail(std::move(*failed));
  }
  if (!alive()) return lost();
  return last;
}

Result<bool> PostgresLink::take_notifications() {
  if (!alive() || PQconsumeInput(connection_.get()) == 0) return lost();
  bool any = false;
  while (const Owned<PGnotify, PQfreemem> one{PQnotifies(connection_.get())}) any = true;
  if (!alive()) return lost();
  return any;
}

}  // namespace sdns::store
