#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The pipe door: PowerDNS runs sovereign-dns-connect, which hands its pipes to the daemon. What dies is healed: after the
daemon is back each of PowerDNS's connections loses one query at most; nothing that was run is left over."""
import array
import http.client
import json
import os
import pathlib
import signal
import socket

import dns.query
import dns.rdatatype
import dns.zone
import harness
from load import Load

RECEIVERS = 8
UNCACHED = {"cache-ttl": "0", "query-cache-ttl": "0", "negquery-cache-ttl": "0", "receiver-threads": str(RECEIVERS),
            "allow-axfr-ips": "127.0.0.0/8", "only-notify": ""}
# Of those that answer queries over UDP. Without primary=yes: the communicator ends pdns_server when the daemon is away.
CONNECTIONS = RECEIVERS
ROUNDS = 10 if harness.LONG else 2

ZONE = """\
$ORIGIN load.test.
$TTL 300
@    IN SOA ns1 hostmaster 1 7200 900 1209600 60
     IN NS  ns1
ns1  IN A   192.0.2.1
*.w  IN A   192.0.2.2
www  IN A   192.0.2.3
"""


class PipeDoor(harness.ServerTest):
    door = "pipe"
    powerdns = (UNCACHED,)
    daemon_options = {}

    @classmethod
    def prepare(cls, world):
        world.import_zone("load.test.", ZONE)
        world.secure("load.test.")
        text = "".join(f"h{number} IN TXT \"{'x' * 200}\"\n" for number in range(3000))
        world.import_zone("large.test.", ZONE.replace("load.test.", "large.test.") + text)

    def load(self):
        return Load(self.world.pdns, lambda number: f"n{number}.w.load.test.")

    def helpers(self):
        """Pids of the commands that pdns_server runs: {pid: state}."""
        found = {}
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                name, rest = stat.read_text().split("(", 1)[1].rsplit(") ", 1)
            except (OSError, IndexError):
                continue
            if name.startswith("sovereign-dns-c") and int(rest.split()[1]) == self.world.pdns.process.pid:
                found[int(stat.parent.name)] = rest.split()[0]
        return found

    def all_answer(self):
        """Until every thread of PowerDNS answers: whom a query meets is up to the kernel."""
        def once():
            for _ in range(RECEIVERS * 8):
                if self.world.pdns.query("www.load.test.", "A").rcode() != 0:
                    return False
            return True
        harness.wait_for("all threads of pdns_server to answer", once)

    def assert_healed_after(self, break_it, lost):
        """At most `lost` queries fail from the breaking on, but while the daemon is away."""
        for _ in range(ROUNDS):
            with self.load() as load:
                harness.wait_for("queries before", lambda: load.answered >= 200)
                break_it()
                goal = load.answered + 400
                harness.wait_for("queries after", lambda: load.answered >= goal or len(load.failures()) > 100)
            self.assertLessEqual(len(load.failures()), lost, load.failures())
        self.all_answer()

    def wait_for_another_worker(self, before):
        harness.wait_for("a new worker", lambda: self.world.daemon.workers() and not before & set(self.world.daemon.workers())
                         and self.world.daemon.ready())

    def test_queries_edits_transfers_and_the_api_work(self):
        world = self.world
        world.record_set("load.test.", "new.load.test.", "A", "192.0.2.77")
        self.assertEqual(self.answers(world.pdns.query("new.load.test.", "A")), {"new.load.test. A 192.0.2.77"})
        signed = world.pdns.query("www.load.test.", "A", dnssec=True)
        self.assertIn(dns.rdatatype.RRSIG, [rrset.rdtype for rrset in signed.answer])
        zone = dns.zone.from_xfr(dns.query.xfr("127.0.0.1", "large.test.", port=world.pdns.port, lifetime=harness.PATIENCE))
        self.assertEqual(len(zone.nodes), 3000 + 4)
        api = http.client.HTTPConnection("127.0.0.1", world.pdns.api_port, timeout=harness.PATIENCE)
        api.request("GET", "/api/v1/servers/localhost/zones/large.test.", headers={"X-API-Key": world.pdns.api_key})
        self.assertGreater(len(json.loads(api.getresponse().read())["rrsets"]), 3000)
        api.request("PATCH", "/api/v1/servers/localhost/zones/load.test.", headers={"X-API-Key": world.pdns.api_key}, body=json.dumps(
            {"rrsets": [{"name": "api.load.test.", "type": "A", "ttl": 60, "changetype": "REPLACE", "records": [{"content": "192.0.2.78", "disabled": False}]}]}))
        answer = api.getresponse()
        self.assertEqual(answer.status, 204, answer.read())
        self.assertEqual(self.answers(world.pdns.query("api.load.test.", "A")), {"api.load.test. A 192.0.2.78"})

    def test_helpers_of_requests_that_are_over_are_gone(self):
        settled = len(self.helpers())
        for _ in range(20):
            api = http.client.HTTPConnection("127.0.0.1", self.world.pdns.api_port, timeout=harness.PATIENCE)
            api.request("GET", "/api/v1/servers/localhost/zones/load.test.", headers={"X-API-Key": self.world.pdns.api_key})
            self.assertEqual(api.getresponse().status, 200)
        harness.wait_for("helpers to end", lambda: len(self.helpers()) <= settled + 2)
        self.assertNotIn("Z", self.helpers().values())

    def test_hot_restart_under_load_loses_no_query(self):
        self.assert_healed_after(self.world.daemon.restart_hot, 0)

    def test_killed_worker_costs_at_most_the_query_in_flight_of_each_connection(self):
        def kill():
            before = set(self.world.daemon.workers())
            for pid in before:
                os.kill(pid, signal.SIGKILL)
            self.wait_for_another_worker(before)
        self.assert_healed_after(kill, CONNECTIONS)

    def test_stopped_worker_is_killed_and_replaced(self):
        def stop():
            before = set(self.world.daemon.workers())
            for pid in before:
                os.kill(pid, signal.SIGSTOP)
            self.wait_for_another_worker(before)
        self.assert_healed_after(stop, CONNECTIONS)
        self.assertIn("event=worker.hung", self.world.daemon.log_text())

    def test_killed_daemon_is_used_again_without_a_restart_of_powerdns(self):
        daemon = self.world.daemon
        for _ in range(ROUNDS):
            daemon.process.kill_all()
            with self.load() as away:
                harness.wait_for("queries meanwhile", lambda: len(away.failures()) >= 3)
            daemon.start()
            with self.load() as load:
                goal = 400
                harness.wait_for("queries afterwards", lambda: load.answered >= goal or len(load.failures()) > 100)
            self.assertLessEqual(len(load.failures()), CONNECTIONS, load.failures())
            self.assertTrue(self.world.pdns.process.alive())
        self.all_answer()
        harness.wait_for("nothing to be left over", lambda: "Z" not in self.helpers().values())

    def test_killed_helper_is_reported_and_powerdns_ends_if_it_may(self):
        world = self.world
        self.all_answer()
        config = world.daemon.config.read_text()
        try:
            world.daemon.config.write_text(config.replace('api_url =', 'quit_orphaned = "yes"\napi_url =', 1))
            world.daemon.process.send(signal.SIGHUP)
            harness.wait_for("the reload", lambda: "event=config.reloaded" in world.daemon.log_text())
            os.kill(next(iter(self.helpers())), signal.SIGKILL)
            harness.wait_for("pdns_server to end", lambda: not world.pdns.process.alive())
        finally:
            world.daemon.config.write_text(config)
            world.daemon.process.send(signal.SIGHUP)
        self.assertIn("event=pipe.orphaned", world.daemon.log_text())
        self.assertIn("event=powerdns.quit", world.daemon.log_text())
        world.pdns.start()
        self.all_answer()

    def test_helpers_end_when_powerdns_is_killed(self):
        self.all_answer()
        before = set(self.helpers())
        self.assertGreaterEqual(len(before), CONNECTIONS)
        os.kill(self.world.pdns.process.pid, signal.SIGKILL)
        harness.wait_for("the helpers to end", lambda: not any(harness.process_state(pid) not in ("Z", "") for pid in before))
        connections = self.world.daemon
        harness.wait_for("the connections to end", lambda: connections.metric("sdns_unix_connections") == 0)
        self.world.pdns.start()
        self.all_answer()

    def test_a_stranger_is_refused(self):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.settimeout(harness.PATIENCE)
        connection.connect(str(self.world.daemon.pipe_socket))
        ours, theirs = socket.socketpair()
        message = (200).to_bytes(4, "little") + bytes(4) + os.getpid().to_bytes(8, "little")
        connection.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [ours.fileno(), theirs.fileno()]))])
        self.assertEqual(connection.recv(100), b"")
        harness.wait_for("the event", lambda: "event=pipe.refused" in self.world.daemon.log_text())


if __name__ == "__main__":
    harness.main()
