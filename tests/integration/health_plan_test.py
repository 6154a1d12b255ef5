#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Planned TTLs, the floor that answers what was good last, and checks that wait for an operator: real targets, and answers
that PowerDNS has cached for an hour."""
import json
import os
import signal

import dns.rdatatype

import harness
from targets import Target, port_free_everywhere

APEX = "plan.test."
HOSTS = [f"127.0.6.{number}" for number in range(1, 8)]
PLANNED, MANUAL, STANDBY = HOSTS[0], HOSTS[1], HOSTS[2]
POOL = HOSTS[3:6]
SPARE = HOSTS[6]
LONG = {"cache-ttl": 3600, "query-cache-ttl": 3600}
OWN = 3600  # TTL


class Planned(harness.ServerTest):
    powerdns = (LONG, LONG | {"cache-ttl": 0})
    daemon_options = {"extra_config": '[health]\ninterval = 1\nguard_percent = 0\nallow = ["127.0.6.0/24"]\n'}

    @classmethod
    def prepare(cls, world):
        cls.tcp, cls.http = port_free_everywhere(HOSTS), port_free_everywhere(HOSTS)
        cls.targets = {host: Target(host, cls.tcp, cls.http) for host in HOSTS}
        for target in cls.targets.values():
            target.up()
        # One failure is far from a thousand: the verdict stays, and may change after more than two minutes.
        far = "fall=1000, fallremembered=0, forgetafter=2"
        world.import_zone(APEX, rf"""
$TTL {OWN}
@     IN SOA ns1.{APEX} hostmaster.{APEX} 1 7200 900 1209600 60
      IN NS  ns1.{APEX}
ns1   IN A   192.0.2.53
plan  IN LUA A "ifportup({cls.tcp}, {{'{PLANNED}'}}, {{{far}, plannedttl=true}})"
*.w   IN LUA A "ifportup({cls.tcp}, {{'{PLANNED}'}}, {{{far}, plannedttl=true}})"
alias IN CNAME plan
own   IN LUA A "ifportup({cls.tcp}, {{'{PLANNED}'}}, {{{far}}})"
pool  IN LUA A "pool('plan')"
good  IN LUA A "pool('good')"
hand  IN LUA A "pool('hand')"
""")
        pools = {"plan": ([PLANNED], "fall=1000", "fallremembered=0", "forgetafter=2", "plannedttl=true"),
                 "good": (POOL, "selector=all", "minhealthy=2", "alldown=lastgood"),
                 "hand": ([MANUAL, STANDBY], "selector=pickfirst", "fall=1", "rise=2", "holddown=0", "resume=manual")}
        for pool, (members, *options) in pools.items():
            world.edit("target-pool", "set", pool, f"port={cls.tcp}", *options)
            for group, member in enumerate(members, 1):
                world.edit("target-pool", "add-member", pool, member, "--group", group if pool == "hand" else 1)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        for target in cls.targets.values():
            target.down()

    def setUp(self):
        for target in self.targets.values():
            target.up()

    def answer(self, server, name):
        """Addresses and TTL."""
        response = server.query(f"{name}.{APEX}", "A")
        self.assert_rcode(response, "NOERROR")
        (rrset,) = [rrset for rrset in response.answer if rrset.rdtype == dns.rdatatype.A]
        return {rdata.to_text() for rdata in rrset}, rrset.ttl

    def everywhere(self, name):
        return [self.answer(server, name) for server in self.world.powerdns]

    def await_ttl(self, name, expected):
        harness.wait_for(f"{name} has the TTL {expected}", lambda: all(ttl == expected for _, ttl in self.everywhere(name)))

    def await_addresses(self, name, *expected):
        harness.wait_for(f"{name} is {expected}", lambda: all(found == set(expected) for found, _ in self.everywhere(name)))

    def check(self, host, part=""):
        found = [check for check in json.loads(self.world.ctl("--json", "health", "list", f"{host}:").stdout)["checks"] if part in check["check"]]
        self.assertEqual(len(found), 1, found)
        return found[0]

    def await_state(self, host, state):
        harness.wait_for(f"{host} is {state}", lambda: self.check(host)["state"] == state)

    def kill_workers(self):
        before = len(self.world.daemon.log_text())
        for pid in self.world.daemon.workers():
            os.kill(pid, signal.SIGKILL)
        harness.wait_for("the next worker", lambda: "event=worker.ready" in self.world.daemon.log_text()[before:])
        taken_back = [line for line in self.world.daemon.log_text()[before:].splitlines() if "event=connections.taken_back" in line]
        # A connection that was given up, because its reply was not noted as written yet, costs PowerDNS one query; any other none.
        if taken_back and not taken_back[-1].endswith("closed=0"):
            for server in self.world.powerdns:
                server.query(f"nobody-asked-{before}.{APEX}", "A")

    def explained(self, name):
        (record,) = json.loads(self.world.ctl("--json", "explain", f"{name}.{APEX}", "--type", "A").stdout)["lua_records"]
        return record

    def test_answers_that_are_cached_have_the_ttl_that_is_planned_now(self):
        names = ("plan", "a.w", "alias", "pool")
        for name in (*names, "own"):
            self.await_ttl(name, OWN)
        self.targets[PLANNED].down()
        for name in names:
            self.await_ttl(name, 60)
        self.assertEqual([ttl for _, ttl in self.everywhere("own")], [OWN, OWN], "a record that does not ask for it")
        self.assertEqual(self.check(PLANNED, "forgetafter=2")["state"], "up")
        record = self.explained("plan")
        self.assertEqual((record["ttl"], record["answered_ttl"], record["ttl_planned"]), (OWN, 60, True))
        self.assertEqual(record["evidence"]["checks"][0]["ttl_step"], 60)
        said = self.world.ctl("explain", f"plan.{APEX}", "--type", "A").stdout
        self.assertIn(f"planned: 60 instead of {OWN}, since this may change soon: tcp {PLANNED}:{self.tcp}", said)
        self.assertIn(f"60 A {PLANNED}", said)

        self.world.edit("health", "force", PLANNED, "up", "--reason", "it is known to be well")
        for name in names:
            self.assertEqual([ttl for _, ttl in self.everywhere(name)], [OWN, OWN], "what is forced does not change soon")
        self.world.edit("health", "release", PLANNED)
        for name in names:
            self.assertEqual([ttl for _, ttl in self.everywhere(name)], [60, 60])

        harness.wait_for("it is kept", lambda: self.kept_failures() > 0)
        self.kill_workers()
        for name in names:
            self.assertEqual(self.answer(self.world.powerdns[1], name)[1], 60, "the next process plans on")
        self.targets[PLANNED].up()
        for name in names:
            self.await_ttl(name, OWN)
        self.assertIn("the record's own, since no verdict may change soon", self.world.ctl("explain", f"plan.{APEX}", "--type", "A").stdout)

    def kept_failures(self):
        """Failures that are remembered of the check that plans, as the next process will have them."""
        text = (self.world.daemon.database.parent / "health.state").read_text()
        return max((int(line.split()[5]) for line in text.splitlines() if f"{PLANNED}:{self.tcp} " in line), default=0)

    def test_below_the_floor_what_was_good_last_is_answered(self):
        one, two, three = POOL
        self.await_addresses("good", *POOL)
        self.targets[one].down()
        self.await_addresses("good", two, three)
        self.targets[two].down()
        self.await_state(two, "down")
        self.assertEqual([found for found, _ in self.everywhere("good")], [{two, three}] * 2, "one is not enough: both that were up last")
        self.targets[three].down()
        self.await_state(three, "down")
        self.assertEqual([found for found, _ in self.everywhere("good")], [{two, three}] * 2)
        record = self.explained("good")
        self.assertEqual({step["candidate"]: step["kept"] for step in record["candidates"] if step["where"] == "lastgood"},
                         {one: False, two: True, three: True})
        self.assertIn("too few targets are up: those are answered that were when enough were last", record["notes"])

        harness.wait_for("all are in the file", lambda: len([line for line in self.written() if line.startswith("down") and any(f"{host}:" in line for host in POOL)]) == 3)
        self.kill_workers()
        self.assertEqual(self.answer(self.world.powerdns[1], "good")[0], {two, three})
        self.world.daemon.restart_hot()
        self.assertEqual(self.answer(self.world.powerdns[1], "good")[0], {two, three})

        self.world.edit("health", "force", three, "down", "--reason", "is switched off")
        self.assertEqual([found for found, _ in self.everywhere("good")], [{one, two}] * 2, "what an operator has taken out is not good")
        self.world.edit("health", "release", three)
        self.targets[one].up()
        self.await_addresses("good", one, three)
        self.targets[two].up()
        self.await_addresses("good", one, two)
        self.targets[three].up()
        self.await_addresses("good", *POOL)

    def written(self):
        return (self.world.daemon.database.parent / "health.state").read_text().splitlines()

    def test_a_target_waits_for_an_operator(self):
        self.await_addresses("hand", MANUAL)
        self.targets[MANUAL].down()
        self.await_addresses("hand", STANDBY)
        self.targets[MANUAL].up()
        harness.wait_for("it has its successes", lambda: self.check(MANUAL)["probed"]["successes_in_row"] >= 3)
        self.assertEqual(self.everywhere("hand")[0][0], {STANDBY})
        check = self.check(MANUAL)
        self.assertEqual((check["state"], check["probed"]["resume"], check["probed"]["waits_for_resume"]), ("down", "manual", True))
        self.assertIn("down (waits for resume)", self.world.ctl("health", "list", f"{MANUAL}:").stdout)
        self.assertIn("waits for an operator", self.world.ctl("health", "show", check["check"]).stdout)
        harness.wait_for("it is in the file", lambda: any(line.startswith("down") and f"{MANUAL}:" in line for line in self.written()))
        self.kill_workers()
        self.assertEqual(self.answer(self.world.powerdns[1], "hand")[0], {STANDBY}, "the next process waits too")
        harness.wait_for("it has its successes", lambda: self.check(MANUAL)["probed"]["successes_in_row"] >= 3)
        self.assertEqual(self.check(MANUAL)["state"], "down")

        before = len(self.world.daemon.log_text())
        self.world.edit("health", "resume", MANUAL, "--reason", "disk replaced")
        self.await_addresses("hand", MANUAL)
        last = json.loads(self.world.ctl("--json", "health", "history", f"{MANUAL}:").stdout)["transitions"][-1]
        self.assertEqual((last["from"], last["to"], last["why"]), ("down", "up", "resumed"))
        self.assertRegex(last["detail"], "^by .+: disk replaced$")
        self.assertIn("event=health.resumed", self.world.daemon.log_text()[before:])
        (said,) = [row for row in json.loads(self.world.ctl("--json", "health", "overrides").stdout) if row["target"] == MANUAL]
        self.assertEqual((said["verdict"], said["reason"]), ("resume", "disk replaced"))

        # The word was for that time.
        self.targets[MANUAL].down()
        self.await_addresses("hand", STANDBY)
        self.targets[MANUAL].up()
        harness.wait_for("it is kept", lambda: any(line.startswith("down") and f"{MANUAL}:" in line for line in self.written()))
        self.kill_workers()
        harness.wait_for("it has its successes", lambda: self.check(MANUAL)["probed"]["successes_in_row"] >= 3)
        self.assertEqual(self.check(MANUAL)["state"], "down")
        self.world.edit("health", "resume", "pool:hand")
        self.await_addresses("hand", MANUAL)


if __name__ == "__main__":
    harness.main()
