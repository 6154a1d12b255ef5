// SPDX-License-Identifier: MIT
// A domain at its registrar: one interface for all of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/dns/ip.h"
#include "backend/dns/name.h"
#include "registrars/ds_record.h"
#include "registrars/fault.h"

namespace sdns::registrars {

/// Whether something can be done through the API, and what to do instead.
struct Capability {
  bool offered = true;
  std::string why_not{};
  std::string instead{};
};

enum class DsForm : std::uint8_t { kNone, kDigest, kKey };

/// What one credential can do at one registrar.
struct Capabilities {
  std::string registrar{};  ///< its name, as all.h has it
  std::string api{};        ///< which of the registrar's APIs the credential chose
  Capability set_nameservers{};
  Capability get_ds{};
  Capability set_ds{};  ///< and clear
  DsForm ds_form = DsForm::kNone;
  Capability get_glue{};
  Capability glue_v4{};
  Capability glue_v6{};
  bool one_address_per_host = false;
  bool asynchronous = false;  ///< writes answer with a task
  std::size_t most_nameservers = 13;
  std::chrono::seconds read_back_lag{0};  ///< for how long a read may show what was before an applied write
};

/// A name server; addresses are glue, for hosts at or below the domain.
struct Nameserver {
  dns::Name host;
  std::vector<dns::IpAddress> addresses{};
};

struct NameserverSet {
  std::vector<dns::Name> hosts{};
  /// The set that was ordered and is not in force yet.
  std::optional<std::vector<dns::Name>> ordered{};
  /// The registrar's own servers, or a setting that is no list of hosts (parking, forwarding): going back to it takes
  /// another call than set_nameservers.
  bool own_dns = false;
  std::string note{};
};

/// What one read of the domain says of it.
struct Registration {
  dns::Name domain{};
  std::string status{};                  ///< the registrar's own word
  std::optional<std::string> blocked{};  ///< why it cannot be changed now
  std::vector<std::string> warnings{};
  std::optional<NameserverSet> nameservers{};  ///< where the same read has them
};

struct Task {
  std::string id;
  std::string what{};  ///< the registrar's name of it
};

enum class TaskState : std::uint8_t {
  kRunning,
  kDone,
  kFailed,  ///< TaskReport::fault says why
  kGone,    ///< the registrar does not know it any more: read back
};

struct TaskReport {
  TaskState state = TaskState::kRunning;
  std::optional<Fault> fault{};
  std::optional<std::chrono::seconds> poll_after{};
};

enum class WriteState : std::uint8_t { kUnchanged, kApplied, kPending };
[[nodiscard]] std::string_view write_state_text(WriteState state);

/// What became of a write. Sets as texts: host names, DS records or addresses.
struct WriteResult {
  WriteState state = WriteState::kUnchanged;
  bool confirmed = false;  ///< `observed` was read after the write and is what was wanted
  std::vector<std::string> previous{};
  std::vector<std::string> observed{};
  std::optional<Task> task{};  ///< of a pending write; none where the registrar gives no task
  std::optional<std::chrono::seconds> poll_after{};
  /// The write was a first step (host registration): ask for the same again when the task is done.
  bool repeat = false;
  std::string note{};
};

/// Whether hosts at or below the domain are known to be registered with their addresses, at registrars whose API cannot
/// tell or do it.
enum class Hosts : std::uint8_t { kMustBeRegistered, kAreRegistered };

/// One credential's hand on the domains of its account. Every call blocks, up to Limits::operation (context.h), and is
/// of the one thread that owns the object. Writes first read and answer kUnchanged without a write when nothing would
/// change; a write whose answer is lost is read back before anything is sent again; of two writes for one domain at one
/// registrar in this process the second gets kConflict.
class Registrar {
 public:
  virtual ~Registrar() = default;
  [[nodiscard]] virtual const Capabilities& capabilities() const = 0;

  /// That the credential is good and the domain is in its account and can be changed. Errors: also kDomainLocked.
  virtual Answer<Registration> validate(const dns::Name& domain) = 0;
  virtual Answer<NameserverSet> nameservers(const dns::Name& domain) = 0;
  /// Replaces the set. Hosts at or below the domain are registered with their addresses first.
  virtual Answer<WriteResult> set_nameservers(const dns::Name& domain, const std::vector<Nameserver>& wanted,
                                              Hosts hosts = Hosts::kMustBeRegistered) = 0;
  virtual Answer<std::vector<DsRecord>> ds(const dns::Name& domain) = 0;
  /// Replaces the set; never empty: that is clear_ds().
  virtual Answer<WriteResult> set_ds(const dns::Name& domain, const std::vector<DsRecord>& wanted) = 0;
  virtual Answer<WriteResult> clear_ds(const dns::Name& domain) = 0;
  /// Nothing when the host is not registered. `host` is at or below the domain.
  virtual Answer<std::optional<std::vector<dns::IpAddress>>> glue(const dns::Name& domain, const dns::Name& host) = 0;
  virtual Answer<WriteResult> set_glue(const dns::Name& domain, const Nameserver& host) = 0;
  virtual Answer<TaskReport> task(const dns::Name& domain, const std::string& id) = 0;
};

}  // namespace sdns::registrars
