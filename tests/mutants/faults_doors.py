# SPDX-License-Identifier: MIT
"""Faults of the holder and of the pipe door."""
from fault import Fault

PIPES = "pipe_door"

DOOR_FAULTS = (
    Fault("pipe_helper_keeps_its_output", "the end of the daemon is no end of the pipe", "backend/daemon/connect.cpp",
          "  ::close(STDOUT_FILENO);\n", "", PIPES),
    Fault("pipe_helper_ends_after_the_hand_over", "PowerDNS finds its command gone", "backend/daemon/connect.cpp",
          "  wait_for_powerdns();\n", "", PIPES),
    Fault("pipe_helper_outlives_powerdns", "commands are left over when PowerDNS is killed", "backend/daemon/connect.cpp",
          "(POLLHUP | POLLERR | POLLNVAL)", "POLLNVAL", PIPES),
    Fault("pipe_orphans_are_not_noticed", "a command that was killed is taken for one whose PowerDNS is done", "backend/daemon/holder_pipes.cpp",
          "  helper.until = clock.now() + options.helper_grace;\n  return true;\n", "  return false;\n", PIPES),
    Fault("pipe_writes_wait_on_the_read_end", "a reply that does not fit is never finished", "backend/net/loop.cpp",
          "return what == UV_WRITABLE && c.peer.stream().is_pipes() ? &c.out_poll : &c.poll;", "(void)what;\n    return &c.poll;",
          "unit:net_unix_server_test"),
    Fault("hung_workers_live", "a worker without a heartbeat stays", "backend/daemon/holder_workers.cpp",
          "worker.missed = std::exchange(worker.beat, false) ? 0 : worker.missed + 1;", "worker.missed = 0;", "unit:daemon_holder_test"),
    Fault("heartbeats_without_the_loops", "a worker is alive although its loops hang", "backend/net/loop.cpp",
          "  if (!impl_->obeyed.load(std::memory_order_relaxed)) return false;\n", "", "unit:daemon_holder_test"),
    Fault("watchdog_is_not_fed", "systemd kills a daemon that works", "backend/daemon/holder_workers.cpp",
          "  if (watched) systemd.send(\"WATCHDOG=1\");\n", "", "unit:daemon_holder_test"),
)
