#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Answers that PowerDNS has cached for an hour follow every verdict, in all shapes of the purge plan: targets come and go by the
dozen, each shape rests on one of its own, and as soon as a verdict's sequence number is purged one question is asked, whose answer
is new. A counter of pdns_server proves that the old one came from a cache. SDNS_LONG: over 1 000 transitions."""
import random
import time

import harness
from targets import Target, port_free_everywhere

SEED = 20261122
APEX, FAR, CHILD = "rests.test.", "elsewhere.test.", "child.rests.test."
ROUNDS = 60 if harness.LONG else 4
NONE_UP = "192.0.2.1"
# What the shape is; records of APEX, `{n}` being a label of its own and `{ask}` the call; the question.
SHAPES = (
    ("owner", "{n} IN LUA A \"{ask}\"", ("{n}." + APEX, "A")),
    ("apex", "", (APEX, "A")),
    ("wildcard", "*.{n} IN LUA A \"{ask}\"", ("some.{n}." + APEX, "A")),
    ("wildcard, two labels", "*.{n} IN LUA A \"{ask}\"", ("one.two.{n}." + APEX, "A")),
    ("wildcard at the apex", "", ("whatever." + APEX, "A")),
    ("CNAME", "{n} IN LUA A \"{ask}\"\nalias-{n} IN CNAME {n}", ("alias-{n}." + APEX, "A")),
    ("CNAME chain", "{n} IN LUA A \"{ask}\"\nalias-{n} IN CNAME {n}\nchain-{n} IN CNAME alias-{n}", ("chain-{n}." + APEX, "A")),
    ("CNAME from another zone", "{n} IN LUA A \"{ask}\"", ("to-{n}." + FAR, "A")),
    ("CNAME from a child zone", "{n} IN LUA A \"{ask}\"", ("to-{n}." + CHILD, "A")),
    ("CNAME to a wildcard", "*.{n} IN LUA A \"{ask}\"\nalias-{n} IN CNAME any.{n}", ("alias-{n}." + APEX, "A")),
    ("wildcard CNAME", "{n} IN LUA A \"{ask}\"\n*.alias-{n} IN CNAME {n}", ("some.alias-{n}." + APEX, "A")),
    ("CNAME that is steered", "{n} IN LUA CNAME \"{named}\"\nup-{n} IN A 192.0.2.2\ndown-{n} IN A 192.0.2.3", ("{n}." + APEX, "A")),
    ("MX", "{n} IN LUA A \"{ask}\"\nmail-{n} IN MX 10 {n}", ("mail-{n}." + APEX, "MX")),
    ("SRV", "{n} IN LUA A \"{ask}\"\n_x._tcp.{n} IN SRV 0 0 80 {n}", ("_x._tcp.{n}." + APEX, "SRV")),
    ("NS of the zone", "{n} IN LUA A \"{ask}\"\n@ IN NS {n}", (APEX, "NS")),
    ("DNAME", "x.target-{n} IN LUA A \"{ask}\"\n{n} IN DNAME target-{n}", ("x.{n}." + APEX, "A")),
    ("TXT", "{n} IN LUA TXT \"{text}\"", ("{n}." + APEX, "TXT")),
    ("target pool", "{n} IN LUA A \"pool('{n}')\"", ("{n}." + APEX, "A")),
    ("include", "{n} IN LUA A \";include('included-{n}') return chosen\"\nincluded-{n} IN LUA LUA \"chosen = {ask}\"", ("{n}." + APEX, "A")),
    ("below an empty non-terminal", "a.b.{n} IN LUA A \"{ask}\"", ("a.b.{n}." + APEX, "A")),
    ("in a child zone", "", ("steered." + CHILD, "A")),
    ("glue below a cut", "{n} IN NS ns.{n}\nns.{n} IN LUA A \"{ask}\"", ("www.{n}." + APEX, "A")),
)


class Rests(harness.ServerTest):
    powerdns = ({"cache-ttl": 3600, "query-cache-ttl": 3600, "negquery-cache-ttl": 3600},)
    daemon_options = {"extra_config": '[cache]\npacket_cache_ttl = 3600\nquery_cache_ttl = 3600\n[health]\ninterval = 1\nguard_percent = 0\nallow = ["127.0.6.0/24"]\n'}

    @classmethod
    def prepare(cls, world):
        hosts = [f"127.0.6.{number + 1}" for number in range(len(SHAPES))]
        cls.port = port_free_everywhere(hosts)
        cls.targets = []
        lines, cls.shapes = [], []
        ask_of = {}
        for number, (host, (what, record, (name, rrtype))) in enumerate(zip(hosts, SHAPES)):
            n = f"s{number}"
            up = f"ifportup({cls.port}, {{'{host}'}}, {{alldown={{'{NONE_UP}'}}}})"
            words = {"n": n, "ask": up,
                     "named": f"{up}[1] == '{host}' and 'up-{n}.{APEX}' or 'down-{n}.{APEX}'",
                     "text": f"{up}[1] == '{host}' and 'it is up' or 'it is down'"}
            ask_of[what] = words["ask"]
            lines.append(record.format(**words))
            seen = {"CNAME that is steered": ("192.0.2.2", "192.0.2.3"), "TXT": ('"it is up"', '"it is down"')}.get(what, (host, NONE_UP))
            cls.shapes.append((what, name.format(n=n), rrtype, seen, n))
            cls.targets.append(Target(host, cls.port, 0))
        numbers = {what: n for what, _, _, _, n in cls.shapes}
        soa = f"@ IN SOA ns1.{APEX} hostmaster.{APEX} 1 7200 900 1209600 60\n"
        world.import_zone(APEX, f"$TTL 3600\n{soa}ns1 IN A 192.0.2.53\n@ IN LUA A \"{ask_of['apex']}\"\n"
                                f"* IN LUA A \"{ask_of['wildcard at the apex']}\"\nchild IN NS ns1\n" + "\n".join(lines) + "\n")
        world.import_zone(FAR, f"$TTL 3600\n{soa}@ IN NS ns1.{APEX}\n"
                               f"to-{numbers['CNAME from another zone']} IN CNAME {numbers['CNAME from another zone']}.{APEX}\n")
        world.import_zone(CHILD, f"$TTL 3600\n{soa}@ IN NS ns1.{APEX}\nsteered IN LUA A \"{ask_of['in a child zone']}\"\n"
                                 f"to-{numbers['CNAME from a child zone']} IN CNAME {numbers['CNAME from a child zone']}.{APEX}\n")
        pool = numbers["target pool"]
        world.edit("target-pool", "set", pool, f"port={cls.port}", "alldown=fallback", f"fallback={NONE_UP}", "fall=1", "rise=1", "holddown=0")
        world.edit("target-pool", "add-member", pool, cls.targets[int(pool[1:])].host)
        cls.random = random.Random(SEED)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        for target in cls.targets:
            target.down()

    def seen(self, response):
        return {rdata.to_text() for rrset in response.answer + response.authority + response.additional for rdata in rrset}

    def states(self):
        """The document, and host to state."""
        document = self.world.daemon.json("/v1/health")
        found = {check["check"].split()[1].split(":")[0]: check["state"] for check in document["checks"]}
        return document, found

    def await_states(self, wanted):
        def all_so():
            _, found = self.states()
            return all(found.get(host) == state for host, state in wanted.items())
        harness.wait_for(f"{wanted}", all_so)

    def await_purged(self, sequence):
        harness.wait_for(f"sequence {sequence} to be purged", lambda: self.world.daemon.json("/v1/health?check=none")["purged"] >= sequence)

    def warm(self, shape):
        what, name, rrtype, (has, has_not), _ = shape
        response = self.world.pdns.warm(name, rrtype)
        self.assertIn(has, self.seen(response), f"{what}: {response.to_text()}")
        self.assertNotIn(has_not, self.seen(response), f"{what}: {response.to_text()}")

    def test_after_a_verdict_is_purged_the_next_answer_is_new(self):
        for target in self.targets:
            target.up()
        for _, name, rrtype, _, _ in self.shapes:
            self.world.pdns.query(name, rrtype)
        self.await_states({target.host: "up" for target in self.targets})
        self.await_purged(self.states()[0]["sequence"])
        up = [True] * len(self.shapes)
        transitions = began = 0
        started = time.monotonic()
        for _ in range(ROUNDS):
            self.world.daemon.wait_purged_again()  # a second purge of the round before must not do what a first one should
            for number, shape in enumerate(self.shapes):
                has, has_not = shape[3] if up[number] else shape[3][::-1]
                self.warm((*shape[:3], (has, has_not), shape[4]))
            # All but a few of them, so that what is not touched is seen to stay.
            chosen = self.random.sample(range(len(self.shapes)), len(self.shapes) - 3)
            waiting = {}
            for number in chosen:
                up[number] = not up[number]
                (self.targets[number].up if up[number] else self.targets[number].down)()
                waiting[self.targets[number].host] = number
            deadline = time.monotonic() + harness.PATIENCE
            while waiting:
                document, states = self.states()
                turned = [host for host, number in waiting.items() if states[host] == ("up" if up[number] else "down")]
                if not turned:
                    self.assertLess(time.monotonic(), deadline, f"still waiting for {waiting}")
                    continue
                self.await_purged(document["sequence"])
                for host in turned:
                    number = waiting.pop(host)
                    what, name, rrtype, shown, _ = self.shapes[number]
                    has, has_not = shown if up[number] else shown[::-1]
                    response = self.world.pdns.query(name, rrtype)
                    self.assertIn(has, self.seen(response), f"{what}: {response.to_text()}")
                    self.assertNotIn(has_not, self.seen(response), f"{what}: {response.to_text()}")
                    transitions += 1
            for number in set(range(len(self.shapes))) - set(chosen):
                before = self.world.pdns.counter("packetcache-hit")
                self.world.pdns.query(*self.shapes[number][1:3])
                began += self.world.pdns.counter("packetcache-hit") == before
        print(f"\n{transitions} transitions of {len(self.shapes)} shapes in {time.monotonic() - started:.0f} s, {began} of {3 * ROUNDS} others were purged with them", flush=True)
        self.assertGreaterEqual(transitions, 1000 if harness.LONG else 60)


if __name__ == "__main__":
    harness.main()
