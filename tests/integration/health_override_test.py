#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What operators say of targets: answers follow at once although PowerDNS caches, and it outlives whoever is killed."""
import json
import os
import signal
import time

import harness

APEX = "force.test."
ZONE = rf"""
$TTL 3600
@     IN SOA ns1.{APEX} hostmaster.{APEX} 1 7200 900 1209600 60
      IN NS  ns1.{APEX}
ns1   IN A   192.0.2.53
www   IN LUA A "ifportup(443, {{'192.0.2.1','192.0.2.2'}}, {{selector='all', backupSelector='all'}})"
*.w   IN LUA A "ifportup(443, {{'192.0.2.1','192.0.2.2'}}, {{selector='all', backupSelector='all'}})"
alias IN CNAME www
pool  IN LUA A "pool('web')"
url   IN LUA A "ifurlup('https://www.{APEX}/', {{{{'192.0.2.1'}}, {{'192.0.2.3'}}}})"
"""
LONG = {"cache-ttl": 3600, "query-cache-ttl": 3600}
BOTH = {"192.0.2.1", "192.0.2.2"}


class Forced(harness.ServerTest):
    powerdns = (LONG, LONG | {"cache-ttl": 0})

    @classmethod
    def prepare(cls, world):
        world.import_zone(APEX, ZONE)
        world.edit("target-pool", "set", "web", "port=443", "selector=all", "alldown=all")
        for number, region in ((1, "eu"), (2, "us")):
            world.edit("target-pool", "add-member", "web", f"192.0.2.{number}", "--region", region)

    def setUp(self):
        self.force("192.0.2.1", "192.0.2.2", "192.0.2.3", "up")
        self.await_addresses("www", *BOTH)
        self.await_addresses("pool", *BOTH)

    def tearDown(self):
        self.world.edit("health", "release", "--all")

    def force(self, *words):
        return self.world.edit("health", "force", *words, "--reason", "a test")

    def addresses(self, server, name):
        response = server.query(f"{name}.{APEX}", "A")
        self.assert_rcode(response, "NOERROR")
        return {content.split()[-1] for content in self.answers(response, types=("A",))}

    def assert_addresses(self, name, *expected):
        for server in self.world.powerdns:
            with self.subTest(name=name, server=server.name):
                self.assertEqual(self.addresses(server, name), set(expected))

    def await_addresses(self, name, *expected):
        """A check that is asked for the first time is unknown for a moment."""
        harness.wait_for(f"{name} is {expected}", lambda: all(self.addresses(server, name) == set(expected) for server in self.world.powerdns))

    def test_cached_answers_follow_in_the_same_moment(self):
        names = ("www", "alias", "a.w", "b.w")
        for name in names:
            self.await_addresses(name, *BOTH)
        self.world.pdns.warm(f"www.{APEX}", "A")
        for _ in range(10):
            self.force("192.0.2.1", "down")
            for name in names:
                self.assert_addresses(name, "192.0.2.2")
            self.force("192.0.2.1", "up")
            for name in names:
                self.assert_addresses(name, *BOTH)

    def test_the_closer_override_counts(self):
        self.world.edit("health", "release", "--all")
        self.force("region:eu", "region:us", "up")
        self.await_addresses("pool", *BOTH)
        self.force("region:eu", "down")
        self.assert_addresses("pool", "192.0.2.2")
        self.force("192.0.2.1:443", "up")
        self.assert_addresses("pool", *BOTH)
        self.force("tcp 192.0.2.1:443", "down")
        self.assert_addresses("pool", "192.0.2.2")
        self.world.edit("target-pool", "set-member", "web", "192.0.2.2", "--region", "eu")
        self.assert_addresses("pool", *BOTH)  # all are down
        self.force("pool:web", "up")
        self.assert_addresses("pool", "192.0.2.2")
        self.world.edit("target-pool", "set-member", "web", "192.0.2.2", "--region", "us")

    def test_what_stands_by_takes_over(self):
        self.await_addresses("url", "192.0.2.1")
        self.force("192.0.2.1", "down")
        self.await_addresses("url", "192.0.2.3")  # it was not asked for before
        self.force("192.0.2.1", "up")
        self.assert_addresses("url", "192.0.2.1")

    def test_an_override_for_a_time_ends_by_itself(self):
        self.world.edit("health", "release", "192.0.2.2")  # nobody answers there: without an override it is not up
        self.await_addresses("www", "192.0.2.1")
        self.world.edit("health", "force", "192.0.2.2", "up", "--for", "10s", "--reason", "soon over")
        self.await_addresses("www", *BOTH)
        self.await_addresses("www", "192.0.2.1")
        self.assertNotIn("192.0.2.2", [row["target"] for row in json.loads(self.world.ctl("--json", "health", "overrides").stdout)])

    def test_a_drain_says_when_caches_have_run_out(self):
        before = time.time()
        drained = json.loads(self.world.ctl("--json", "health", "force", "192.0.2.1", "drain", "--reason", "a test").stdout)
        for name in ("www", "alias", "a.w", "pool"):
            self.assert_addresses(name, "192.0.2.2")
        self.assertEqual((drained["drain"]["records"], drained["drain"]["longest_ttl"]), (4, 3600))
        self.assertTrue(before + 3600 <= drained["drain"]["cached_until"] <= time.time() + 3601, drained)
        (row,) = [row for row in json.loads(self.world.ctl("--json", "health", "overrides").stdout) if row["target"] == "192.0.2.1"]
        self.assertEqual(row["verdict"], "drain")
        self.force("192.0.2.1", "up")
        self.assert_addresses("www", *BOTH)

    def test_it_outlives_a_killed_daemon(self):
        self.force("192.0.2.1", "down")
        for pid in self.world.daemon.workers():
            os.kill(pid, signal.SIGKILL)
        self.world.daemon.ready()
        self.await_addresses("www", "192.0.2.2")


if __name__ == "__main__":
    harness.main()
