#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""No client gets an answer that its own evaluation would not give: random records that look at the client in many ways, asked by
random clients in random order through a PowerDNS whose caches keep for an hour what they may, each answer beside that of one which
keeps nothing."""
import collections
import ipaddress
import os
import random

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

import harness

SEED = int(os.environ.get("SEED", "20261121"))
QUESTIONS = 12_000 if harness.LONG else 3_000
KINDS = 4  # of each shape below
UNSIGNED, NSEC3 = APEXES = ("plain.test.", "nsec3.test.")
CACHED = {"cache-ttl": 3600, "query-cache-ttl": 3600, "negquery-cache-ttl": 3600, "edns-subnet-processing": "yes"}
UNCACHED = {"cache-ttl": 0, "query-cache-ttl": 0, "negquery-cache-ttl": 0, "edns-subnet-processing": "yes"}
NETWORKS = """
10.0.0.0/8      region=be country=be continent=eu latitude=50.8 longitude=4.4
10.64.0.0/10    region=nl country=nl continent=eu latitude=52.4 longitude=4.9
198.51.100.0/24 region=ny country=us continent=na latitude=40.7 longitude=-74.0
198.51.100.64/26 region=ca country=us continent=na latitude=37.8 longitude=-122.4
127.0.0.4/32    region=jp country=jp continent=as latitude=35.7 longitude=139.7
2001:db8::/33   region=za country=za continent=af latitude=-33.9 longitude=18.4
192.0.2.1/32    latitude=50.8 longitude=4.4
192.0.2.2/32    latitude=40.7 longitude=-74.0
192.0.2.3/32    latitude=35.7 longitude=139.7
"""
RESOLVERS = [f"127.0.0.{n}" for n in range(1, 9)]
BASES = ["10.0.0.0/8", "10.64.0.0/10", "10.65.0.0/16", "198.51.100.0/24", "198.51.100.64/26", "203.0.113.0/24", "127.0.0.0/29", "2001:db8::/32", "2001:db9::/32", "0.0.0.0/0", "::/0"]


def some_mask(rng):
    network = ipaddress.ip_network(rng.choice(BASES[:9]))
    address = network.network_address + rng.randrange(network.num_addresses)
    return f"{address}/{rng.randint(1, network.max_prefixlen)}"


def conditions(rng):
    """Lua that is true for some clients."""
    masks = ", ".join(f"'{some_mask(rng)}'" for _ in range(rng.randint(1, 4)))
    number = rng.randint(0, 3)
    return [f"netmask({{{masks}}})", f"newNMG({{{masks}, '!{some_mask(rng)}'}}):match(bestwho)", f"country({{'{rng.choice(['be', 'nl', 'us'])}', 'jp'}})",
            f"continent('{rng.choice(['eu', 'na', 'af'])}')", "region({'ny', 'be'})", f"#bestwho:toString() % 4 == {number}", "ecswho ~= nil", "bestwho:isIPv4()",
            f"who:toString():byte(-1) % 4 == {number}", f"pickhashed({{0, 1, 2, 3}}) == '{number}'",
            f"pickwhashed({{{{1, 'a'}}, {{{number + 1}, 'b'}}}}) == 'a'", "pickclosest({'192.0.2.1', '192.0.2.2', '192.0.2.3'}) == '192.0.2.1'"]


def shapes(rng, condition, apex):
    """(owner's label, records): what a name can have that looks at the client by `condition`."""
    return [
        ("addresses", [f"LUA A \"{condition} and '192.0.2.1' or '192.0.2.2'\""]),
        ("some-types", [f"LUA A \"{condition} and '192.0.2.1' or '192.0.2.2'\"", "LUA AAAA \"'2001:db8::1'\"", 'TXT "plain"']),
        ("fails", [f"LUA A \"{condition} and '192.0.2.1' or error('x')\""]),
        ("fails-beside", [f"LUA A \"{condition} and '192.0.2.1' or error('x')\"", 'TXT "plain"', "LUA AAAA \"'2001:db8::1'\""]),
        ("nothing", [f"LUA A \"{condition} and '192.0.2.1' or {{}}\""]),
        ("nothing-beside", [f"LUA A \"{condition} and '192.0.2.1' or {{}}\"", 'TXT "plain"']),
        ("unreadable", [f"LUA A \"{condition} and '192.0.2.1' or '2001:db8::1'\"", "LUA AAAA \"'2001:db8::1'\""]),
        ("alias", [f"LUA CNAME \"{condition} and 'one.{apex}' or 'two.{apex}'\""]),
        ("alias-fails", [f"LUA CNAME \"{condition} and 'one.{apex}' or error('x')\""]),
        ("mail", [f"LUA MX \"{condition} and '10 one.{apex}' or '20 two.{apex}'\""]),
        ("then", [f"LUA A \";if zoneid == 0 then return '192.0.2.9' end if {condition} then return pickhashed({{'192.0.2.1', '192.0.2.2'}}) end return '192.0.2.3'\""]),
        ("health", [f"LUA A \"{condition} and ifportup(443, {{'192.0.2.1', '192.0.2.2'}}, {{backupSelector='hashed'}}) or '192.0.2.3'\""]),
        ("truncated", [f"LUA TXT \";bestwho:truncate({rng.randint(0, 32)}) return bestwho:toString()\""]),
        ("whole", ["LUA TXT \"who:toString() .. ' ' .. bestwho:toString() .. ' ' .. tostring(ecswho and ecswho:toString())\""]),
        ("several", [f"LUA TXT \"{condition} and 'in' or 'out'\"", "LUA TXT \"'always'\"", f"LUA TXT \"{{{condition} and 'a' or 'b', 'c'}}\""]),
    ]


def zone_text(rng, apex):
    lines = [f"$TTL 3600\n@ IN SOA ns1.{apex} hostmaster.{apex} 1 7200 900 1209600 3600\n@ IN NS ns1.{apex}\nns1 IN A 192.0.2.53",
             "one IN LUA A \"netmask({'10.0.0.0/8'}) and '192.0.2.11' or '192.0.2.12'\"", "two IN A 192.0.2.13",
             "to-mail IN MX 10 one", "to-alias IN CNAME one", "constant IN LUA A \"'192.0.2.14'\"", "constant IN LUA TXT \"'constant'\""]
    owners = ["one", "two", "to-mail", "to-alias", "constant", "nosuch"]
    telling = {}  # by owner: types that tell clients apart
    for _ in range(KINDS):
        for condition in conditions(rng):
            label, records = rng.choice(shapes(rng, condition, apex))
            how = rng.choice(["", "", "*.", "*.named-"])
            owner = f"{how}{label}-{len(owners)}"
            if how == "*.named-":  # reads the name that is asked: another way through the engine
                records = [*records, "LUA HINFO \"'cpu ' .. qname:getRawLabels()[1]\""]
            lines += [f"{owner} IN {record}" for record in records]
            owners.append(owner.replace("*", rng.choice("abc")))
            telling[f"{owners[-1]}.{apex}"] = {record.split()[1] for record in records if condition in record or "who" in record}
    return "\n".join(lines) + "\n", owners, telling


class Clients(harness.ServerTest):
    powerdns = (CACHED, UNCACHED)

    @classmethod
    def setUpClass(cls):
        cls.files = harness.World("networks")
        networks = cls.files.directory / "networks"
        networks.write_text(NETWORKS)
        # Evaluations on a busy machine may wait for their processor: both servers get what the code gives.
        cls.daemon_options = {"extra_config": f"[lua]\ntime_us = 500000\n[geo]\nnetworks = \"{networks}\"\n"}
        cls.addClassCleanup(cls.files.stop)
        super().setUpClass()

    @classmethod
    def prepare(cls, world):
        cls.rng = random.Random(SEED)
        cls.owners, cls.telling = {}, {}
        for apex in APEXES:
            text, cls.owners[apex], telling = zone_text(cls.rng, apex)
            cls.telling.update(telling)
            world.import_zone(apex, text)
        world.secure(NSEC3)
        world.nsec3(NSEC3)
        cls.cached, cls.uncached = world.powerdns

    def some_client(self):
        """(resolver, client subnet or None)"""
        resolver = self.rng.choice(RESOLVERS)
        kind = self.rng.random()
        if kind < 0.35:
            return resolver, None
        if kind < 0.45:
            return resolver, ipaddress.ip_network(self.rng.choice(["0.0.0.0/0", "::/0"]))
        base = ipaddress.ip_network(self.rng.choice(BASES))
        address = base.network_address + self.rng.randrange(base.num_addresses)
        return resolver, ipaddress.ip_network((address, self.rng.choice([1, 8, 12, 16, 20, 24, 25, 27, 32, 48, 56, 64, 128][:9 if base.version == 4 else 13])), strict=False)

    def question(self, name, rrtype, subnet, dnssec):
        options = [dns.edns.ECSOption(str(subnet.network_address), subnet.prefixlen)] if subnet else []
        question = dns.message.make_query(name, rrtype, use_edns=0, options=options, want_dnssec=dnssec)
        question.flags &= ~dns.flags.RD
        return question

    def ask(self, server, question, resolver, tcp):
        question.id = self.rng.randrange(65536)
        ask = dns.query.tcp if tcp else dns.query.udp
        response = ask(question, "127.0.0.1", timeout=harness.PATIENCE, port=server.port, source=resolver)
        said = frozenset(f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)} {rdata}" for section in (response.answer, response.additional)
                         for rrset in section for rdata in rrset if rrset.rdtype not in (dns.rdatatype.RRSIG, dns.rdatatype.OPT))
        return dns.rcode.to_text(response.rcode()), said

    def scope(self, response):
        return next((option.scopelen for option in response.options if isinstance(option, dns.edns.ECSOption)), None)

    def ask_everything(self):
        """What was told and is not the client's own."""
        hits = self.cached.counter("packetcache-hit")
        wrong, seen, outcomes = [], collections.defaultdict(set), collections.Counter()
        for number in range(QUESTIONS):
            apex = self.rng.choice(APEXES)
            name = f"{self.rng.choice(self.owners[apex])}.{apex}"
            rrtype = self.rng.choice(["A", "A", "A", "TXT", "AAAA", "MX", "ANY", "HINFO"])
            resolver, subnet = self.some_client()
            tcp = rrtype == "ANY" or self.rng.random() < 0.05
            question = self.question(name, rrtype, subnet, self.rng.random() < 0.3)
            expected = self.ask(self.uncached, question, resolver, tcp)
            outcomes[expected[0]] += 1
            seen[name, rrtype].add(expected)
            for _ in range(2):
                answer = self.ask(self.cached, question, resolver, tcp)
                if answer != expected:
                    wrong.append(f"question {number}: {name} {rrtype} from {resolver}, client {subnet}\n  is told {answer}\n  in place of {expected}")
        varying = sum(len(answers) > 1 for answers in seen.values())
        hits = self.cached.counter("packetcache-hit") - hits
        print(f"\nseed {SEED}: {QUESTIONS} questions, {len(seen)} names and types, {varying} with answers that differ by client, "
              f"{hits} from the packet cache, {dict(outcomes)}")
        self.assertGreaterEqual(varying, len(seen) / 8, "the records tell clients apart")
        self.assertGreater(hits, QUESTIONS / 20, "what may be cached is")
        for outcome in ("NOERROR", "SERVFAIL", "NXDOMAIN"):
            self.assertGreater(outcomes[outcome], 0)
        return wrong

    def assert_none(self, wrong):
        self.assertEqual(len(wrong), 0, f"{len(wrong)} wrong answers, as\n" + "\n".join(wrong[:10]))

    def test_every_client_gets_what_its_own_evaluation_gives(self):
        self.assert_none(self.ask_everything())

    def test_chance_is_never_kept(self):
        self.world.record_set(UNSIGNED, f"chance.{UNSIGNED}", "LUA", "A \"pickrandom({'192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'})\"")
        for subnet in (None, ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("10.0.0.0/8")):
            question = self.question(f"chance.{UNSIGNED}", "A", subnet, False)
            self.assertEqual(len({self.ask(self.cached, question, RESOLVERS[0], False) for _ in range(200)}), 4, subnet)

    def test_the_scope_is_never_longer_than_the_source(self):
        for apex in APEXES:
            for owner in self.owners[apex]:
                resolver, subnet = self.some_client()
                if subnet is None or subnet.prefixlen == 0:
                    continue
                question = self.question(f"{owner}.{apex}", "A", subnet, False)
                response = dns.query.udp(question, "127.0.0.1", timeout=harness.PATIENCE, port=self.cached.port, source=resolver)
                self.assertLessEqual(self.scope(response), subnet.prefixlen, f"{owner}.{apex}")


if __name__ == "__main__":
    harness.main()
