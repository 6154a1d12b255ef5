#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Restarts (DESIGN section 5): SIGUSR2 under load loses no query; after kill -9 of the worker at most the query in flight
per connection; pdns_server, its communicator too, never notices."""
import os
import signal
import time

import harness
from load import Load

UNCACHED = {"cache-ttl": "0", "query-cache-ttl": "0", "negquery-cache-ttl": "0", "receiver-threads": "2"}
# Of PowerDNS with these settings: one per receiver; TCP has another, which is not asked here; the communicator's is not
# asked by queries.
UDP_CONNECTIONS = 2
HOT_RESTARTS = 30 if harness.LONG else 5
KILLS = 20 if harness.LONG else 4

ZONE = """\
$ORIGIN load.test.
$TTL 300
@    IN SOA ns1 hostmaster 1 7200 900 1209600 60
     IN NS  ns1
ns1  IN A   192.0.2.1
*.w  IN A   192.0.2.2
www  IN A   192.0.2.3
"""


class Restarts(harness.ServerTest):
    powerdns = ({**UNCACHED, "primary": "yes", "secondary": "yes", "xfr-cycle-interval": "1"},)

    @classmethod
    def prepare(cls, world):
        world.import_zone("load.test.", ZONE)

    def load(self):
        return Load(self.world.pdns, lambda number: f"n{number}.w.load.test.")

    def assert_powerdns_is_there(self):
        self.assertTrue(self.world.pdns.process.alive(), self.world.pdns.process.log_text()[-2000:])

    def communicator_cycles(self):
        return self.world.daemon.metric_with("sdns_requests_total", 'method="getUpdatedMasters"')

    def wait_cycles(self, count):
        goal = self.communicator_cycles() + count
        harness.wait_for(f"{count} cycles of the communicator",
                         lambda: self.communicator_cycles() >= goal or not self.world.pdns.process.alive())

    def test_hot_restart_under_load_loses_no_query(self):
        with self.load() as load:
            for _ in range(HOT_RESTARTS):
                goal = load.answered + 200
                harness.wait_for("queries between restarts", lambda: load.answered >= goal or load.failures())
                self.world.daemon.restart_hot()
            goal = load.answered + 200
            harness.wait_for("queries after the last restart", lambda: load.answered >= goal or load.failures())
        self.assertEqual(load.failures(), [])
        self.assert_powerdns_is_there()

    def test_edit_during_a_hot_restart_is_served_afterwards(self):
        for number in range(HOT_RESTARTS):
            before = set(self.world.daemon.workers())
            self.world.daemon.process.send(signal.SIGUSR2)
            self.world.ctl("--no-wait", "record", "set", "load.test.", "www.load.test.", "A", f"203.0.113.{number}")
            harness.wait_for("the new worker", lambda: self.world.daemon.ready() and not before & set(self.world.daemon.workers()))
            revision = int(self.world.ctl("--json", "database", "info").stdout.split('"revision":')[1].split(",")[0].strip(" }\n"))
            self.world.daemon.wait_revision(revision)
            response = self.world.pdns.query("www.load.test.", "A")
            self.assertEqual(self.answers(response), {f"www.load.test. A 203.0.113.{number}"})

    def test_killed_worker_costs_at_most_the_query_in_flight_of_each_connection(self):
        for _ in range(KILLS):
            with self.load() as load:
                harness.wait_for("queries before the kill", lambda: load.answered >= 200)
                before = set(self.world.daemon.workers())
                for pid in before:
                    os.kill(pid, signal.SIGKILL)
                harness.wait_for("a new worker", lambda: self.world.daemon.workers() and self.world.daemon.ready() and
                                 not before & set(self.world.daemon.workers()))
                goal = load.answered + 200
                harness.wait_for("queries after the kill", lambda: load.answered >= goal or len(load.failures()) > 50)
            self.assertLessEqual(len(load.failures()), UDP_CONNECTIONS, load.failures())
        self.assert_powerdns_is_there()

    def test_communicator_of_powerdns_outlives_restarts_and_kills(self):
        self.wait_cycles(1)
        self.world.daemon.restart_hot()
        self.wait_cycles(2)
        for pid in self.world.daemon.workers():
            os.kill(pid, signal.SIGKILL)
        harness.wait_for("a new worker", self.world.daemon.ready)
        self.wait_cycles(3)
        self.assert_powerdns_is_there()

    def test_stopped_and_started_daemon_is_used_again_without_a_restart_of_powerdns(self):
        daemon = self.world.daemon
        self.assertEqual(daemon.process.stop(), 0, daemon.log_text()[-2000:])
        self.assertFalse(daemon.socket.exists(), "the socket is left behind")
        daemon.start()
        if not self.world.pdns.process.alive():
            self.world.pdns.start()  # its communicator asked in between: it gives up then, which is why there is a holder
        def answered():
            return self.world.pdns.query("www.load.test.", "A").rcode() == 0
        harness.wait_for("an answer", answered)

    def test_reload_with_a_bad_configuration_says_so_and_keeps_serving(self):
        daemon = self.world.daemon
        good = daemon.config.read_text()
        daemon.config.write_text(good.replace("[listen]", "[listen]\nmax_connections = \"many\""))
        try:
            daemon.process.send(signal.SIGHUP)
            harness.wait_for("the problem in the log", lambda: "max_connections" in daemon.log_text())
        finally:
            daemon.config.write_text(good)
        self.assertEqual(self.world.pdns.query("www.load.test.", "A").rcode(), 0)
        self.assertTrue(daemon.process.alive())


class TwoMinutesLater(harness.ServerTest):
    """The default interval of the communicator is a minute: PowerDNS would be gone after at most two."""
    powerdns = ({**UNCACHED, "primary": "yes", "secondary": "yes"},)

    @classmethod
    def setUpClass(cls):
        if not harness.LONG:
            cls.world = None
            return
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        if cls.world:
            super().tearDownClass()

    @classmethod
    def prepare(cls, world):
        world.import_zone("load.test.", ZONE)

    def test_powerdns_is_there_two_minutes_after_the_worker_was_killed(self):
        if not self.world:
            return  # only with every repetition
        for pid in self.world.daemon.workers():
            os.kill(pid, signal.SIGKILL)
        end = time.monotonic() + 125
        harness.wait_for("two minutes", lambda: time.monotonic() > end or not self.world.pdns.process.alive(), 180)
        self.assertTrue(self.world.pdns.process.alive(), self.world.pdns.process.log_text()[-2000:])
        self.assertEqual(self.world.pdns.query("www.load.test.", "A").rcode(), 0)


if __name__ == "__main__":
    harness.main()
