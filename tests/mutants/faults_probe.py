# SPDX-License-Identifier: MIT
"""Faults in the probes of health checks, and in what they may reach."""
from fault import Fault

PROBE, PROBER = "unit:health_probe_test", "unit:health_prober_test"

PROBE_FAULTS = (
    Fault("mapped_loopback_is_probed", "an IPv4-mapped address is not judged by the IPv4 one", "backend/health/target_policy.cpp",
          "    case Rule::kMapped:\n    case Rule::kNat64:\n      return judged_by(embedded(address, 12));", "    case Rule::kMapped:\n      return {};\n    case Rule::kNat64:\n      return judged_by(embedded(address, 12));", PROBE),
    Fault("teredo_client_is_not_flipped", "the client inside a Teredo address is read as it stands", "backend/health/target_policy.cpp",
          "embedded(address, 12, 0xFF)", "embedded(address, 12)", PROBE),
    Fault("match_forgets_the_border", "a text that comes in two pieces is not found", "backend/health/probe_match.h",
          "    if (!tail_.empty()) {\n", "    if (tail_.empty() && !tail_.empty()) {\n", PROBE),
    Fault("socket_is_not_checked", "a redirect or a resolved host leads around the policy", "backend/health/probe_http.cpp",
          "    if (run.spec_.origin == ProbeOrigin::kZoneData)\n", "    if (run.spec_.origin == ProbeOrigin::kZoneData && run.pinned_)\n", PROBER),
    Fault("redirect_leaves_the_pin", "a redirect to the same host is resolved", "backend/health/probe_http.cpp",
          "pinned_ = own_host_ && http_.host == HttpHost::kPinned;", "pinned_ = false;", PROBER),
    Fault("headers_go_elsewhere", "a check's headers are sent to hosts that redirects name", "backend/health/probe_http.cpp",
          "own_host_ ? headers_.get() : nullptr", "own_host_ || !url_.empty() ? headers_.get() : nullptr", PROBER),
    Fault("headers_have_no_end", "endless headers are read until the timeout", "backend/health/probe_http.cpp",
          "if (run.header_octets_ > run.limits_.header_octets)", "if (run.header_octets_ == 0)", PROBER),
    Fault("byteslimit_lifts_the_limit", "a check that names a high limit of its own has any amount read", "backend/health/probe_http.cpp",
          "run.http_.byte_limit != 0 && run.http_.byte_limit <= run.limits_.body_octets", "run.http_.byte_limit != 0", PROBER),
    Fault("chains_of_pointers", "each record of a reply may lead along thousands of compression pointers", "backend/health/probe_dns_message.cpp",
          "++pointers > kMostPointers || ", "++pointers < 0 || ", PROBER),
    Fault("lookups_without_end", "each lookup has a thread, also those that were given up", "backend/health/probe_resolver.cpp",
          "shared_->threads < most_threads_ && start_thread", "start_thread", PROBER),
    Fault("lookups_for_nobody", "hosts are looked up that nobody waits for any more", "backend/health/probe_resolver.cpp",
          "if (lookup->job->taken) return;", "return;", PROBER),
    Fault("dead_resolver_is_down", "targets fail when the resolver of this host does not work", "backend/health/probe_http.cpp",
          "return resolver_.has_answered_since(asked_at_); }", "return true; }", PROBER),
    Fault("dead_hosts_are_local", "a host whose name servers are dead keeps its verdict for ever", "backend/health/probe_http.cpp",
          "return resolver_.has_answered_since(asked_at_); }", "return false; }", PROBER),
    Fault("certificate_is_not_seen", "a TLS session that is resumed hides a certificate that has expired since", "backend/health/probe_http.cpp",
          "      set(CURLOPT_SSL_SESSIONID_CACHE, 0L);", "      set(CURLOPT_SSL_SESSIONID_CACHE, 1L);", PROBER),
    Fault("foreign_reply_counts", "a DNS reply with another id is taken", "backend/health/probe_dns_message.cpp",
          "wire.size() < kHeaderOctets || u16_at(wire, 0) != question.id", "wire.size() < kHeaderOctets", PROBER),
    Fault("program_leaves_children", "what a program has started lives on", "backend/health/probe_exec.cpp",
          "    ::kill(-pid_, SIGKILL);\n    ::waitpid(pid_, nullptr, 0);", "    ::waitpid(pid_, nullptr, 0);", PROBER),
    Fault("cancelled_transfer_runs_on", "a cancelled probe keeps its watched socket", "backend/health/probe_tcp.cpp",
          "  ~TcpRun() override { world_.poller.unwatch(fd_.get()); }", "  ~TcpRun() override { static_cast<void>(fd_.release()); }", PROBER),
)
