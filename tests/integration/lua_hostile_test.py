#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Hostile LUA records in a zone of one tenant, on an engine with one answering thread: each of them is SERVFAIL, and what others ask
for meanwhile is answered, in that zone and in another tenant's."""
import threading

import harness

LINES = (harness.SOURCE / "tests" / "data" / "lua" / "hostile.txt").read_text().splitlines()
HOSTILE = [line for line in LINES if line and not line.startswith("--")]
ZONE = """$TTL 60
@     IN SOA ns1.{apex} hostmaster.{apex} 1 7200 900 1209600 60
@     IN NS  ns1.{apex}
ns1   IN A   192.0.2.53
plain IN A   192.0.2.1
lua   IN LUA A "'192.0.2.2'"
who   IN LUA A "netmask({{'127.0.0.0/8'}}) and '192.0.2.3' or '192.0.2.4'"
up    IN LUA A "ifportup(443, {{'192.0.2.5', '192.0.2.6'}}, {{selector='all', backupSelector='all'}})"
uses  IN LUA TXT "table.concat({{('x'):rep(3), ('a-b'):gsub('-', '+'), tostring(leaked)}}, ' ')"
*.made IN LUA A "createForward()"
cname IN CNAME plain
"""
EXPECTED = {("plain", "A"): {"192.0.2.1"}, ("lua", "A"): {"192.0.2.2"}, ("who", "A"): {"192.0.2.3"}, ("up", "A"): {"192.0.2.5", "192.0.2.6"},
            ("uses", "TXT"): {'"xxx a+b nil"'}, ("192-0-2-9.made", "A"): {"192.0.2.9"}, ("cname", "A"): {"192.0.2.1"}}
TENANTS = ("hostile.test.", "victim.test.")
# One evaluation may wait for its processor on a busy machine: not what is tested. Steps end what loops.
DAEMON = {"extra_config": "[engine]\nthreads = 1\n[lua]\ntime_us = 200000\n"}
NOT_CACHED = {"cache-ttl": 0, "query-cache-ttl": 0, "negquery-cache-ttl": 0}


class Hostile(harness.ServerTest):
    powerdns = (NOT_CACHED,)
    daemon_options = DAEMON

    @classmethod
    def prepare(cls, world):
        for apex in TENANTS:
            text = ZONE.format(apex=apex)
            if apex == TENANTS[0]:
                text += "".join(f'h{number} IN LUA A "{code}"\n' for number, code in enumerate(HOSTILE))
                text += "".join(f'*.w{number} IN LUA A "{code}"\n' for number, code in enumerate(HOSTILE[:5]))
            world.import_zone(apex, text)

    def wrong_answers(self, rounds):
        """What was asked meanwhile and not answered right."""
        wrong = []
        for _ in range(rounds):
            for apex in TENANTS:
                for (owner, rrtype), contents in EXPECTED.items():
                    response = self.world.pdns.query(f"{owner}.{apex}", rrtype, timeout=harness.PATIENCE)
                    seen = {rdata.to_text() for rrset in response.answer for rdata in rrset if harness.dns.rdatatype.to_text(rrset.rdtype) == rrtype}
                    if response.rcode() != 0 or seen != contents:
                        wrong.append((owner, apex, response.to_text()))
        return wrong

    def test_each_is_servfail_for_its_name(self):
        workers = self.world.daemon.workers()
        for number, code in enumerate(HOSTILE):
            for _ in range(4):  # the breaker too
                with self.subTest(code=code):
                    self.assert_rcode(self.world.pdns.query(f"h{number}.{TENANTS[0]}", "A", timeout=harness.PATIENCE), "SERVFAIL")
        for number in range(5):
            self.assert_rcode(self.world.pdns.query(f"any.w{number}.{TENANTS[0]}", "A", timeout=harness.PATIENCE), "SERVFAIL")
        self.assertEqual(self.wrong_answers(1), [])
        self.assertEqual(self.world.daemon.workers(), workers, "the process that answers is the same")

    def test_other_names_are_answered_meanwhile(self):
        before = self.world.daemon.metric_with("sdns_lua_evaluations_total", 'result="over_budget"')
        over = threading.Event()
        not_servfail, asked = [], [0]

        def attack(first):
            number = first
            while not over.is_set():
                response = self.world.pdns.query(f"h{number % len(HOSTILE)}.{TENANTS[0]}", "A", timeout=harness.PATIENCE)
                asked[0] += 1
                if response.rcode() != 2:
                    not_servfail.append(response.to_text())
                number += 1

        attackers = [threading.Thread(target=attack, args=(first,)) for first in (0, len(HOSTILE) // 2)]
        for attacker in attackers:
            attacker.start()
        try:
            wrong = self.wrong_answers(20)
            harness.wait_for("every hostile record to have been asked", lambda: asked[0] >= 2 * len(HOSTILE))
            wrong += self.wrong_answers(1)
        finally:
            over.set()
            for attacker in attackers:
                attacker.join()
        self.assertEqual(wrong, [])
        self.assertEqual(not_servfail, [])
        self.assertGreater(self.world.daemon.metric_with("sdns_lua_evaluations_total", 'result="over_budget"'), before)
        self.assertNotRegex(self.world.pdns.process.log_text(), r"(?i)timed? ?out|re-?connect", "PowerDNS never gave up waiting")

    def test_a_hostile_library_harms_only_who_includes_it(self):
        apex = TENANTS[0]
        self.world.record_set(apex, f"library.{apex}", "LUA", 'LUA "leaked = 1 while true do end"')
        self.world.record_set(apex, f"includes.{apex}", "LUA", "A \";include('library') return '192.0.2.7'\"")
        for _ in range(5):
            self.assert_rcode(self.world.pdns.query(f"includes.{apex}", "A", timeout=harness.PATIENCE), "SERVFAIL")
            self.assertEqual(self.wrong_answers(1), [])
        self.world.record_set(apex, f"library.{apex}", "LUA", 'LUA "leaked = 1"')
        harness.wait_for("the breaker to let it try again",
                         lambda: self.world.pdns.query(f"includes.{apex}", "A", timeout=harness.PATIENCE).rcode() == 0)


if __name__ == "__main__":
    harness.main()
