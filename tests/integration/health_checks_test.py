#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Several checks of one target, targets that are probed elsewhere, and programs as checks: what is answered, purged, shown,
forced and refused."""
import json
import pathlib
import socket
import subprocess
import tempfile
import threading

import harness
from targets import port_free_everywhere

APEX = "checks.test."
HOST, INSIDE, DOWN = "127.0.6.1", "127.0.6.2", "192.0.2.9"
OUTSIDE = "192.0.2.1"
PROGRAMS = tempfile.TemporaryDirectory(prefix="sdnstest-programs-")


def program(name, text):
    path = pathlib.Path(PROGRAMS.name, name)
    path.write_text(text)
    path.chmod(0o755)
    return path


# Says what it was given; a file named like the address says whether that is up.
STATE = program("state", f"""#!/bin/sh
echo "$1 for $SDNS_ANSWERED at $SDNS_ADDRESS:$SDNS_PORT within $SDNS_TIMEOUT"
test -e {PROGRAMS.name}/up-$SDNS_ADDRESS
""")
# Never ends, and says how many of it there are.
STUCK = program("stuck", f"""#!/bin/sh
touch {PROGRAMS.name}/stuck-$$
sleep 1000
""")


class Port:
    """Takes connections, or refuses them."""

    def __init__(self, host, port):
        self.host, self.port, self.listener = host, port, None

    def up(self):
        if self.listener:
            return
        self.listener = socket.create_server((self.host, self.port), backlog=64)
        threading.Thread(target=self.take, args=(self.listener,), daemon=True).start()

    @staticmethod
    def take(listener):
        while True:
            try:
                listener.accept()[0].close()
            except OSError:
                return

    def down(self):
        if self.listener:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None


class Program:
    """What the program finds of an address."""

    def __init__(self, host):
        self.path = pathlib.Path(PROGRAMS.name, f"up-{host}")

    def up(self):
        self.path.touch()

    def down(self):
        self.path.unlink(missing_ok=True)


class Checks(harness.ServerTest):
    powerdns = ({"cache-ttl": 3600, "query-cache-ttl": 3600},)
    daemon_options = {"extra_config": f"""
[health]
interval = 1
guard_percent = 0
allow = ["127.0.6.0/24"]
[[health.program]]
name = "state"
command = ["{STATE}", "asked-{{address}}"]
timeout = 30
[[health.program]]
name = "stuck"
command = ["{STUCK}"]
timeout = 3600
at_once = 2
[[target_pool]]
name = "configured"
exec = "state"
alldown = "fallback"
fallback = "{DOWN}"
[[target_pool.member]]
address = "{OUTSIDE}"
probe = "{INSIDE}"
"""}

    @classmethod
    def prepare(cls, world):
        first = port_free_everywhere([HOST, INSIDE])
        second = port_free_everywhere([HOST])
        cls.first, cls.second, cls.program = Port(HOST, first), Port(HOST, second), Program(HOST)
        cls.inside, cls.inside_program = Port(INSIDE, first), Program(INSIDE)
        rest = f"alldown={{'{DOWN}'}}"
        checks = f"checks={{{{port={first}}}, {{port={second}}}}}"
        nat = f"probe={{['{OUTSIDE}']='{INSIDE}'}}"
        world.import_zone(APEX, f"""
$TTL 3600
@      IN SOA ns1.{APEX} hostmaster.{APEX} 1 7200 900 1209600 60
       IN NS  ns1.{APEX}
ns1    IN A   192.0.2.53
all    IN LUA A "pool('all')"
any    IN LUA A "pool('any')"
two    IN LUA A "pool('two')"
both   IN LUA A "pickfirst({{'{HOST}'}}, {{{checks}, {rest}}})"
either IN LUA A "pickfirst({{'{HOST}'}}, {{{checks}, rule='any', {rest}}})"
nat    IN LUA A "pool('nat')"
luanat IN LUA A "ifportup({first}, {{'{OUTSIDE}'}}, {{{nat}, {rest}}})"
config IN LUA A "pool('configured')"
bad    IN LUA A "pickfirst({{'{HOST}'}}, {{exec='state'}})"
""")
        fallback = ("alldown=fallback", f"fallback={DOWN}")
        for pool, rule in (("all", None), ("any", "any"), ("two", "2")):
            world.edit("target-pool", "set", pool, f"port={first}", *fallback)
            world.edit("target-pool", "add-member", pool, HOST)
            world.edit("target-pool", "add-check", pool, f"port={second}")
            world.edit("target-pool", "add-check", pool, "exec=state", *(["--rule", rule] if rule else []))
        world.edit("target-pool", "set", "nat", f"port={first}", *fallback)
        world.edit("target-pool", "add-member", "nat", OUTSIDE, "--probe", INSIDE)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        for target in (cls.first, cls.second, cls.inside, cls.program):
            target.down()
        PROGRAMS.cleanup()

    def setUp(self):
        for target in (self.first, self.second, self.program, self.inside, self.inside_program):
            target.up()

    def tearDown(self):
        self.world.edit("health", "release", "--all")

    def address(self, name):
        response = self.world.pdns.query(f"{name}.{APEX}", "A")
        self.assert_rcode(response, "NOERROR")
        (content,) = self.answers(response, types=("A",))
        return content.split()[-1]

    def await_addresses(self, **expected):
        for name, address in expected.items():
            harness.wait_for(f"{name} is {address}", lambda name=name, address=address: self.address(name) == address)

    def checks(self, part):
        return json.loads(self.world.ctl("--json", "health", "list", part).stdout)["checks"]

    def test_the_rule_makes_one_verdict_of_several_checks(self):
        self.await_addresses(all=HOST, any=HOST, two=HOST, both=HOST, either=HOST)
        self.second.down()
        self.await_addresses(all=DOWN, both=DOWN)
        self.assertEqual([self.address(name) for name in ("any", "two", "either")], [HOST] * 3)
        explained = self.world.ctl("explain", f"all.{APEX}").stdout
        self.assertRegex(explained, rf"drops  {HOST}  health +up \(tcp {HOST}:{self.first.port}\)")
        self.assertRegex(explained, rf"drops  {HOST}  health +down \(tcp {HOST}:{self.second.port}\)")
        self.assertRegex(explained, rf"drops  {HOST}  health +up \(exec state from {HOST}\)")
        self.assertRegex(explained, rf"drops  {HOST}  rule +down: 2 of 3 checks up, 1 down; the rule is all")
        self.assertRegex(self.world.ctl("explain", f"two.{APEX}").stdout, rf"keeps  {HOST}  rule +up: 2 of 3 checks up, 1 down; the rule is 2 of 3")
        self.program.down()
        self.await_addresses(two=DOWN)
        self.assertEqual([self.address(name) for name in ("any", "either")], [HOST] * 2)
        self.first.down()
        self.await_addresses(any=DOWN, either=DOWN)
        self.program.up()
        self.await_addresses(any=HOST)
        self.assertEqual(self.address("either"), DOWN)
        self.first.up()
        self.second.up()
        self.await_addresses(all=HOST, two=HOST, both=HOST, either=HOST)

    def test_what_is_forced_counts_for_all_checks_of_an_address_and_for_one(self):
        self.await_addresses(all=HOST, any=HOST, two=HOST)
        force = lambda *words: self.world.edit("health", "force", *words, "--reason", "a test")
        force(HOST, "down")
        self.assertEqual([self.address(name) for name in ("all", "any", "two")], [DOWN] * 3)
        self.world.edit("health", "release", HOST)
        self.assertEqual([self.address(name) for name in ("all", "any", "two")], [HOST] * 3)
        force(f"{HOST}:{self.first.port}", "down")
        self.assertEqual([self.address(name) for name in ("all", "any", "two")], [DOWN, HOST, HOST])
        force(f"exec state from {HOST}", "down")
        self.assertEqual([self.address(name) for name in ("all", "any", "two")], [DOWN, HOST, DOWN])
        self.second.down()
        self.await_addresses(any=DOWN)
        force("pool:any", "up")  # of the same address, but less close
        self.assertEqual([self.address(name) for name in ("any", "two")], [HOST, DOWN])

    def test_a_target_is_probed_elsewhere_than_it_is_answered(self):
        self.await_addresses(nat=OUTSIDE, luanat=OUTSIDE, config=OUTSIDE)
        self.inside.down()
        self.await_addresses(nat=DOWN, luanat=DOWN)
        self.assertEqual(self.address("config"), OUTSIDE)
        self.assertIn(f"down (tcp {INSIDE}:{self.first.port} for={OUTSIDE})", self.world.ctl("explain", f"luanat.{APEX}").stdout)
        for target in (OUTSIDE, INSIDE, f"{OUTSIDE}:{self.first.port}", f"{INSIDE}:{self.first.port}", "pool:nat"):
            with self.subTest(target):
                self.world.edit("health", "force", target, "up", "--reason", "a test")
                self.assertEqual([self.address("nat"), self.address("luanat")], [OUTSIDE] * 2)
                self.world.edit("health", "release", target)
                self.assertEqual([self.address("nat"), self.address("luanat")], [DOWN] * 2)
        self.world.edit("health", "force", INSIDE, "up", "--reason", "a test")
        drained = json.loads(self.world.ctl("--json", "health", "force", OUTSIDE, "drain", "--reason", "a test").stdout)
        self.assertEqual([self.address("nat"), self.address("luanat")], [DOWN] * 2)  # who is answered is closer
        self.assertGreaterEqual(drained["drain"]["records"], 2)
        self.inside.up()
        self.world.edit("health", "release", "--all")
        self.await_addresses(nat=OUTSIDE, luanat=OUTSIDE)

    def test_what_may_be_probed_is_asked_of_the_address_that_is_probed(self):
        self.world.edit("target-pool", "set", "metadata", f"port={self.first.port}")
        self.world.edit("target-pool", "add-member", "metadata", "192.0.2.77", "--probe", "169.254.169.254")
        def forbidden():
            found = self.checks("for=192.0.2.77")
            return found and found[0]["probed"] and found[0]["probed"]["last"] and found[0]["probed"]["last"]["result"] == "forbidden"
        harness.wait_for("it is forbidden", forbidden)
        self.assertEqual(self.checks("for=192.0.2.77")[0]["state"], "unknown")
        self.world.edit("target-pool", "delete", "metadata")

    def test_a_program_is_given_the_target_and_its_words_are_shown(self):
        self.await_addresses(config=OUTSIDE)
        (check,) = self.checks(f"exec state from {INSIDE}")
        self.assertEqual(check["check"], f"exec state from {INSIDE} for={OUTSIDE}")
        self.assertEqual(check["probed"]["last"]["detail"], f"asked-{INSIDE} for {OUTSIDE} at {INSIDE}:0 within 30")
        self.inside_program.down()
        self.await_addresses(config=DOWN)
        (check,) = self.checks(f"exec state from {INSIDE}")
        self.assertEqual(check["probed"]["last"]["result"], "exit")
        self.assertTrue(check["probed"]["last"]["detail"].startswith(f"exit status 1: asked-{INSIDE} "), check)
        self.inside_program.up()
        self.await_addresses(config=OUTSIDE)

    def test_no_more_of_a_program_run_at_once_than_may(self):
        self.world.edit("target-pool", "set", "stuck", "exec=stuck")
        for number in range(10, 15):
            self.world.edit("target-pool", "add-member", "stuck", f"127.0.6.{number}")
        directory = pathlib.Path(PROGRAMS.name)
        harness.wait_for("two run", lambda: len(list(directory.glob("stuck-*"))) == 2)
        # Others have places of their own meanwhile.
        self.second.down()
        self.await_addresses(both=DOWN)
        self.second.up()
        self.await_addresses(both=HOST)
        self.assertEqual(len(list(directory.glob("stuck-*"))), 2)
        self.world.edit("target-pool", "delete", "stuck")

    def test_records_have_no_programs_run_and_pools_only_what_there_is(self):
        self.assert_rcode(self.world.pdns.query(f"bad.{APEX}", "A"), "SERVFAIL")
        self.assertIn("records have no programs run", self.world.ctl("explain", f"bad.{APEX}").stdout)
        warned = self.world.ctl("target-pool", "set", "none", "exec=nosuch")
        self.assertIn("defines no [[health.program]] nosuch", warned.stderr)
        self.world.edit("target-pool", "add-member", "none", HOST)
        def disabled():
            found = self.checks("exec nosuch")
            return found and found[0]["probed"] and found[0]["probed"]["last"] and found[0]["probed"]["last"]["result"] == "disabled"
        harness.wait_for("it is not run", disabled)
        self.assertEqual(self.checks("exec nosuch")[0]["state"], "unknown")

    def test_a_program_that_others_may_write_keeps_the_daemon_from_starting(self):
        open_to_all = program("open", "#!/bin/sh\n")
        open_to_all.chmod(0o757)
        config = pathlib.Path(PROGRAMS.name, "config.toml")
        config.write_text(f'[listen]\nsocket = "{PROGRAMS.name}/pdns.sock"\npeers = []\n[[health.program]]\nname = "open"\ncommand = ["{open_to_all}"]\n')
        done = subprocess.run([harness.program("SDNS_DAEMON", "sovereign-dnsd"), "--config", config, "--check-config"],
                              capture_output=True, text=True, timeout=60)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(f"health.program[0].command  {open_to_all} may be written by others; chmod go-w {open_to_all}", done.stderr)


if __name__ == "__main__":
    harness.main()
