#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The authority database on PostgreSQL: the server crashes, is stopped, throws connections out and refuses the password while
the daemon serves. It says so, answers what it has, and follows again."""
import itertools
import subprocess
import unittest

import harness
import postgres

ZONE = """\
$ORIGIN data.test.
$TTL 300
@    IN SOA ns1 hostmaster 1 7200 900 1209600 60
     IN NS  ns1
ns1  IN A   192.0.2.1
www  IN A   192.0.2.3
"""
NUMBERS = itertools.count(1)
UNCACHED = {"cache-ttl": "0", "query-cache-ttl": "0", "negquery-cache-ttl": "0"}


@unittest.skipIf(harness.left_out("postgresql"), "left out by --without=postgresql")
class Postgres(harness.ServerTest):
    store = "postgresql"
    powerdns = (UNCACHED,)

    @classmethod
    def prepare(cls, world):
        world.import_zone("data.test.", ZONE)

    def setUp(self):
        self.server = postgres.cluster()
        self.assert_follows("192.0.2.3")

    def assert_answers(self, address):
        self.assertEqual(self.answers(self.world.pdns.query("www.data.test.", "A")), {f"www.data.test. A {address}"})
        self.assert_rcode(self.world.pdns.query("nothing.data.test.", "A"), "NXDOMAIN")

    def assert_follows(self, address):
        self.world.record_set("data.test.", "www.data.test.", "A", address)
        self.assert_answers(address)

    def wait_down(self):
        harness.wait_for("the daemon to miss its database", lambda: self.world.daemon.metric("sdns_database_up") == 0)

    def wait_up(self):
        harness.wait_for("the daemon to have its database", lambda: self.world.daemon.metric("sdns_database_up") == 1)

    def assert_same_state(self):
        fresh = harness.Daemon(self.world, name=f"fresh{next(NUMBERS)}")
        try:
            fresh.start()
            self.assertEqual(self.world.daemon.json("/v1/digest")["digest"], fresh.json("/v1/digest")["digest"])
        finally:
            fresh.process.kill_all()

    def test_a_crash_of_the_server_costs_no_answer_and_no_acknowledged_edit(self):
        for round_number in range(3):
            address = f"198.51.100.{round_number}"
            self.assert_follows(address)
            self.server.stop_immediately()
            self.wait_down()
            self.assert_answers(address)
            edit = self.world.ctl("record", "set", "data.test.", "www", "A", "203.0.113.9", check=False)
            self.assertNotEqual(edit.returncode, 0)
            self.server.start()
            self.wait_up()
            self.assert_answers(address)
        self.assert_follows("192.0.2.4")
        self.assert_same_state()

    def test_connections_that_are_thrown_out_are_made_anew(self):
        for number in range(5):
            self.server.end_connections(self.world.database_name)
            self.assert_follows(f"198.51.100.{10 + number}")
        self.assert_same_state()

    def test_a_refused_login_is_said_and_shows_no_password(self):
        hba = self.server.directory / "data" / "pg_hba.conf"
        before = hba.read_text()
        self.server.set_authentication("local all all reject\n")
        try:
            # The superuser is locked out too: the connection is ended from below.
            self.server.stop_immediately()
            self.server.start()
            self.wait_down()
            self.assert_answers("192.0.2.3")
            status = self.world.daemon.json("/v1/status")["database"]
            self.assertIn("pg_hba.conf", status["error"])
        finally:
            self.server.set_authentication(before)
        self.wait_up()
        self.assert_follows("192.0.2.5")

    def test_edits_of_powerdns_go_through(self):
        done = subprocess.run(["curl", "-sS", "-f", "-X", "PATCH", "-H", f"X-API-Key: {self.world.pdns.api_key}", "--data",
                               '{"rrsets":[{"name":"api.data.test.","type":"A","ttl":60,"changetype":"REPLACE",'
                               '"records":[{"content":"192.0.2.77","disabled":false}]}]}',
                               f"http://127.0.0.1:{self.world.pdns.api_port}/api/v1/servers/localhost/zones/data.test."],
                              capture_output=True, text=True, timeout=harness.PATIENCE)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.answers(self.world.pdns.query("api.data.test.", "A")), {"api.data.test. A 192.0.2.77"})

    def test_a_restart_of_the_daemon_loads_what_is_there(self):
        self.assert_follows("198.51.100.99")
        self.world.daemon.restart_hot()
        self.assert_answers("198.51.100.99")
        self.assert_follows("198.51.100.98")

    def test_status_names_the_server_and_nothing_else(self):
        text = self.world.ctl("status").stdout
        self.assertIn(self.world.database_name, text)
        self.assertNotIn("user=", text)


if __name__ == "__main__":
    harness.main()
