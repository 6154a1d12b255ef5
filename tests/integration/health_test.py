#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Health checks end to end: real targets come and go, and the answers that PowerDNS has cached for an hour follow."""
import json
import os
import signal
import subprocess
import threading
import time

import harness
from targets import Target, port_free_everywhere

APEX = "probed.test."
HOSTS = [f"127.0.3.{number}" for number in range(1, 5)]
FORBIDDEN = "127.0.4.1"
LONG = {"cache-ttl": 3600, "query-cache-ttl": 3600}


class Probed(harness.ServerTest):
    powerdns = (LONG, LONG | {"cache-ttl": 0})
    daemon_options = {"extra_config": '[health]\ninterval = 1\nallow = ["127.0.3.0/24"]\nmetrics_per_check = "yes"\n'}

    @classmethod
    def prepare(cls, world):
        cls.tcp, cls.http = port_free_everywhere([*HOSTS, FORBIDDEN]), port_free_everywhere([*HOSTS, FORBIDDEN])
        cls.targets = {host: Target(host, cls.tcp, cls.http) for host in [*HOSTS, FORBIDDEN]}
        one, two, three, four = HOSTS
        both = f"{{'{one}', '{two}'}}"
        world.import_zone(APEX, rf"""
$TTL 3600
@     IN SOA ns1.{APEX} hostmaster.{APEX} 1 7200 900 1209600 60
      IN NS  ns1.{APEX}
ns1   IN A   192.0.2.53
port  IN LUA A "ifportup({cls.tcp}, {both}, {{selector='all'}})"
*.w   IN LUA A "ifportup({cls.tcp}, {both}, {{selector='all'}})"
alias IN CNAME port
url   IN LUA A "ifurlup('http://www.{APEX}:{cls.http}/', {{{{'{one}', '{two}'}}, {{'{three}'}}}}, {{stringmatch='all is ready', selector='all'}})"
never IN LUA A "ifurlup('http://www.{APEX}:{cls.http}/', {{{{'{one}'}}, {{'{three}'}}}}, {{stringmatch='something else', selector='all', backupSelector='all'}})"
weapon IN LUA A "ifportup({cls.tcp}, {{'{FORBIDDEN}', '{four}'}}, {{selector='all'}})"
pool  IN LUA A "pool('web')"
place IN LUA A ";if country('NL') then return ifportup({cls.tcp}, {both}, {{timeout=3}}) end return '192.0.2.1'"
""")
        world.edit("target-pool", "set", "web", f"port={cls.tcp}", "selector=all", "alldown=all")
        for group, host in ((1, one), (1, two), (2, three)):
            world.edit("target-pool", "add-member", "web", host, "--group", group)

    def setUp(self):
        for target in self.targets.values():
            target.up()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        for target in cls.targets.values():
            target.down()

    def addresses(self, server, name):
        response = server.query(f"{name}.{APEX}", "A")
        self.assert_rcode(response, "NOERROR")
        return {content.split()[-1] for content in self.answers(response, types=("A",))}

    def await_addresses(self, name, *expected):
        def everywhere():
            return all(self.addresses(server, name) == set(expected) for server in self.world.powerdns)
        harness.wait_for(f"{name} is {expected}", everywhere)

    def test_a_target_that_dies_leaves_answers_that_are_cached_and_comes_back(self):
        one, two, three, _ = HOSTS
        names = ("port", "alias", "a.w", "pool", "url")
        for name in names:
            self.await_addresses(name, one, two)
        for name in names:
            self.world.pdns.warm(f"{name}.{APEX}", "A")
        self.targets[one].down()
        for name in names:
            self.await_addresses(name, two)
        self.targets[two].down()
        for name in ("pool", "url"):
            self.await_addresses(name, three)
        self.targets[one].up()
        self.targets[two].up()
        for name in names:
            self.await_addresses(name, one, two)

    def test_a_page_that_does_not_say_it_is_down(self):
        self.await_addresses("url", HOSTS[0], HOSTS[1])
        self.await_addresses("never", HOSTS[0])  # nothing is up: the first group
        def reasons():
            return {check["probed"]["last"]["result"] for check in self.checks("something") if check["probed"]["last"]}
        harness.wait_for("its reason", lambda: reasons() == {"mismatch"})

    def checks(self, *words):
        return json.loads(self.world.ctl("--json", "health", "list", *words).stdout)["checks"]

    def await_up(self, *checks):
        """Nobody asks for a name meanwhile."""
        def all_up():
            return all([c["state"] for c in self.checks(check) if c["check"] == check] == ["up"] for check in checks)
        harness.wait_for(f"{checks} are up", all_up)

    def test_checks_begin_before_anybody_asks(self):
        one, two, three, four = HOSTS
        self.await_up(f"tcp {one}:{self.tcp}", f"tcp {three}:{self.tcp}",  # the pool's standby
                      f"tcp {two}:{self.tcp} timeout=3")  # for clients in one country alone
        self.world.edit("target-pool", "set", "cold", f"port={self.tcp}", "timeout=4")
        self.world.edit("target-pool", "add-member", "cold", four)
        self.await_up(f"tcp {four}:{self.tcp} timeout=4")
        self.world.edit("record", "set", APEX, "late", "LUA", "--ttl", "60", f'A "ifportup({self.tcp}, {{\'{four}\'}}, {{timeout=5}})"')
        self.await_up(f"tcp {four}:{self.tcp} timeout=5")
        second = f"second.{APEX}"
        self.world.import_zone(second, f"""
$TTL 60
@ IN SOA ns1.{APEX} hostmaster.{APEX} 1 7200 900 1209600 60
  IN NS  ns1.{APEX}
www IN LUA A "ifportup({self.tcp}, {{'{four}'}}, {{timeout=6}})"
""")
        self.await_up(f"tcp {four}:{self.tcp} timeout=6")

    def test_an_operator_sees_checks(self):
        one, two, _, four = HOSTS
        self.await_addresses("port", one, two)
        self.await_addresses("weapon", four)
        check = next(c for c in self.checks() if c["check"] == f"tcp {one}:{self.tcp}")
        self.assertEqual((check["state"], check["forced"], check["probed"]["verdict"], check["probed"]["last"]["result"]), ("up", False, "up", "success"))
        self.assertGreaterEqual(check["probed"]["probes"], 1)
        (forbidden,) = self.checks(FORBIDDEN)
        self.assertEqual((forbidden["state"], forbidden["probed"]["last"]["result"]), ("unknown", "forbidden"))
        self.world.edit("health", "force", one, "down", "--reason", "a test")
        check = next(c for c in self.checks() if c["check"] == f"tcp {one}:{self.tcp}")
        self.assertEqual((check["state"], check["forced"], check["probed"]["verdict"]), ("down", True, "up"))
        self.assertIn(f"tcp {one}:{self.tcp}", self.world.ctl("health", "list", "--state", "down").stdout)
        self.assertNotIn(f"tcp {two}:{self.tcp}", self.world.ctl("health", "list", "--state", "down").stdout)
        self.world.edit("health", "release", one)

    def state_file(self):
        return self.world.daemon.database.parent / "health.state"

    def written(self):
        """Check to verdict, as the next process will have it."""
        lines = self.state_file().read_text().splitlines()[1:-1] if self.state_file().exists() else []
        return {line.split(" ", 16)[16]: line.split(" ")[0] for line in lines}

    def history(self, *words):
        return json.loads(self.world.ctl("--json", "health", "history", *words).stdout)["transitions"]

    def test_an_operator_sees_what_became_of_a_check(self):
        host = HOSTS[3]
        check = f"tcp {host}:{self.tcp}"
        self.await_up(check)
        self.targets[host].down()
        harness.wait_for("it fell", lambda: [c["to"] for c in self.history(check) if c["check"] == check][-1:] == ["down"])
        fall = [c for c in self.history(check) if c["check"] == check][-1]
        self.assertEqual((fall["from"], fall["why"], fall["result"]), ("up", "failures-in-row", "refused"))
        self.assertLess(abs(fall["time_ms"] / 1000 - time.time()), 60)
        shown = self.world.ctl("health", "show", check).stdout
        for line in ("state:       down", "falls after: 1 failure in a row", "up to down       failures-in-row: refused"):
            self.assertIn(line, shown)
        self.world.edit("health", "force", f"{host}:{self.tcp}", "up", "--reason", "it is known to be well")
        shown = json.loads(self.world.ctl("--json", "health", "show", check).stdout)
        self.assertEqual((shown["check"]["state"], shown["check"]["override"]["reason"]), ("up", "it is known to be well"))
        self.assertEqual(shown["transitions"][-1], fall)
        self.world.edit("health", "release", f"{host}:{self.tcp}")

    def test_an_operator_watches_checks_over_a_restart(self):
        check = f"tcp {HOSTS[2]}:{self.tcp}"
        self.await_up(check)
        arguments = self.world.ctl_arguments("--json", "health", "watch", check, "--count", "2")
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
            end = threading.Timer(harness.PATIENCE * 5, watching.kill)
            end.start()
            self.assertIn("waiting for verdicts to change", watching.stderr.readline())
            self.targets[HOSTS[2]].down()
            first = json.loads(watching.stdout.readline())
            harness.wait_for("the next process knows", lambda: self.written().get(check) == "down")
            self.world.daemon.restart_hot()
            self.targets[HOSTS[2]].up()
            second = json.loads(watching.stdout.readline())
            self.assertEqual(watching.wait(), 0)
            end.cancel()
        self.assertEqual([(t["check"], t["from"], t["to"]) for t in (first, second)], [(check, "up", "down"), (check, "down", "up")])
        self.assertGreater(second["sequence"], first["sequence"])

    def test_checks_have_metrics(self):
        check = f"tcp {HOSTS[0]}:{self.tcp}"
        self.await_up(check)
        self.assertIn(f'\nsdns_health_check_up{{check="{check}"}} 1\n', self.world.daemon.get("/metrics")[1])

    def test_verdicts_outlive_a_killed_daemon(self):
        one, two, three, _ = HOSTS
        self.targets[one].down()
        for name in ("port", "pool", "url"):
            self.await_addresses(name, two)
        harness.wait_for("every check of it has seen it", lambda: all(check["state"] != "up" for check in self.checks(one)))
        kept = {check["check"]: check["probed"] for check in self.checks() if check["state"] != "unknown"}
        # Within a tenth of a second of the last change; what is in the file is what was said.
        said = {name: probed["verdict"] for name, probed in kept.items()}
        harness.wait_for("verdicts are in the file", lambda: self.written() == said)
        self.assertEqual(self.state_file().stat().st_mode & 0o777, 0o600)
        before = len(self.world.daemon.log_text())
        for pid in self.world.daemon.workers():
            os.kill(pid, signal.SIGKILL)
        harness.wait_for("the next worker", lambda: "event=worker.ready" in self.world.daemon.log_text()[before:])
        for name in ("port", "pool", "url"):
            self.assertEqual(self.addresses(self.world.powerdns[1], name), {two})
        self.assertIn("event=health.restored", self.world.daemon.log_text()[before:])
        self.assertNotIn("from=unknown", self.world.daemon.log_text()[before:])
        after = {check["check"]: check["probed"] for check in self.checks()}
        for name, probed in kept.items():
            self.assertGreaterEqual(after[name]["probes"], probed["probes"] - 1)
            self.assertEqual((after[name]["verdict"], after[name]["transitions"]), (probed["verdict"], probed["transitions"]))

    def test_zone_data_cannot_have_what_is_not_allowed_probed(self):
        four = HOSTS[3]
        self.await_addresses("weapon", four)
        before = self.targets[four].connections
        harness.wait_for("another round of probes", lambda: self.targets[four].connections > before + 1)
        self.assertEqual(self.targets[FORBIDDEN].connections, 0)
        self.await_addresses("weapon", four)


if __name__ == "__main__":
    harness.main()
