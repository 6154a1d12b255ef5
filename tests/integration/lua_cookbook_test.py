#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The records of docs/lua-cookbook.md as they stand there: each is loaded, asked by the clients that it tells apart, and answers
what the document says. A record without an expectation here is a failure, and so is an expectation without a record."""
import datetime
import ipaddress
import re
import shlex
import subprocess

import dns.edns
import dns.flags
import dns.message
import dns.query

import harness
from jenkins import hash_address, hash_name, hash_text

DOCUMENT = harness.SOURCE / "docs" / "lua-cookbook.md"
APEX = "example.org."
ELSEWHERE = """$TTL 60
@  IN SOA ns1.example.net. hostmaster.example.net. 1 7200 900 1209600 60
@  IN NS  ns1.example.net.
ns1 IN A 192.0.2.53
lb IN A 192.0.2.170
lb IN A 192.0.2.171
lb IN AAAA 2001:db8::170
"""
# In tests/data/geo/locations.txt; 127.0.0.1, who asks without a subnet, is in Vienna.
GERMANY, NETHERLANDS, CALIFORNIA, NEW_YORK = "5.9.1.0/24", "130.89.7.0/24", "17.1.2.0/24", "192.0.2.128/27"
JAPAN, BRAZIL, AUSTRALIA, CHINA, NOWHERE = "192.0.2.192/28", "198.51.100.64/26", "198.51.100.224/28", "58.1.2.0/24", "9.9.9.0/24"
# Words of code that tells clients apart.
BY_CLIENT = re.compile(r"\b(pickclosest|pickhashed|pickwhashed|pickchashed|pickselfweighted|country\w*|continent\w*|region\w*|asnum|city|latlon\w*|view|netmask|"
                       r"bestwho|who|ecswho|pool\('web'\)$)")


class Ask:
    """One question and what is right: all of `answers`, or (`some`) so many of them, each of which is given now and then."""

    def __init__(self, *answers, name=None, client=None, rcode="NOERROR", some=0, only=()):
        self.answers, self.name, self.client, self.rcode, self.some = sorted(answers), name, client, rcode, some
        self.only = sorted(only) or self.answers  # answers that may also be given, seldom


def one_of(*answers, **how):
    return Ask(*answers, some=1, **how)


def best(client):
    return ipaddress.ip_network(client).network_address if client else ipaddress.ip_address("127.0.0.1")


def by_clients(choose, clients):
    return [Ask(choose(best(client)), client=client) for client in clients]


def backwards(weighted, drawn):
    """The entry of a weighted list, as PowerDNS walks a short one."""
    drawn %= sum(weight for weight, _ in weighted)
    for weight, value in reversed(weighted):
        if drawn < weight:
            return value
        drawn -= weight


def on_circle(weighted, point):
    points = sorted((hash_text(f"{value}-{k}"), value) for weight, value in weighted for k in range(weight))
    return next((value for at, value in points if at >= point), points[0][1])


def weighted_by(hash_of, weighted):
    return lambda client: backwards(weighted, hash_of(client))


STICKY = [(80, "192.0.2.1"), (20, "192.0.2.2")]
SESSION = [(50, "192.0.2.1"), (50, "192.0.2.2"), (50, "192.0.2.3")]
CACHE = [(100, "192.0.2.70"), (100, "192.0.2.71"), (50, "192.0.2.72")]
SHARDS = [(1, "192.0.2.80"), (1, "192.0.2.81"), (2, "192.0.2.82")]
SOME = [f"192.0.2.{n}" for n in range(90, 95)]
MANY = [None, *(f"10.{n}.0.0/16" for n in range(12)), *(f"2001:db8:{n}::/48" for n in range(4))]


def hour():
    return ["192.0.2.150" if 8 <= datetime.datetime.now(datetime.timezone.utc).hour < 18 else "192.0.2.151"]


# What is answered while no target is known to be up. (zone, owner, type) or (owner, type): questions; a library: the records that
# show it.
EXPECTED = {
    ("www", "A"): [one_of("192.0.2.1", "192.0.2.2")],
    ("all", "A"): [Ask("192.0.2.1", "192.0.2.2")],
    ("all", "AAAA"): [Ask("2001:db8::1", "2001:db8::2")],
    ("shop", "A"): [Ask("192.0.2.10", "192.0.2.11")],
    ("db", "A"): [Ask("192.0.2.20")],
    ("mirror", "A"): [Ask("192.0.2.30", "192.0.2.31")],
    ("app", "A"): [Ask("192.0.2.40")],
    ("sorry", "A"): [Ask("192.0.2.250")],
    ("ledger", "A"): [Ask(rcode="SERVFAIL")],
    ("render", "A"): [one_of("192.0.2.60", "192.0.2.61", "192.0.2.62", client=client) for client in (None, GERMANY)],
    ("pool", "A"): [Ask("203.0.113.10", client=GERMANY), Ask("203.0.113.10"), Ask("203.0.113.70", client=CALIFORNIA)],
    ("pool-hash", "A"): by_clients(lambda client: ["203.0.113.10", "203.0.113.70"][hash_address(client) % 2], MANY),
    ("pool-api", "A"): [Ask("203.0.113.10", "203.0.113.70")],
    ("canary", "A"): [one_of("192.0.2.1", only=("192.0.2.1", "192.0.2.99"))],
    ("sticky", "A"): by_clients(weighted_by(hash_address, STICKY), MANY),
    ("sticky", "AAAA"): by_clients(lambda client: f"2001:db8::{1 + hash_address(client) % 3}", MANY),
    ("session", "A"): by_clients(weighted_by(hash_address, SESSION), MANY),
    ("cache", "A"): by_clients(lambda client: on_circle(CACHE, hash_address(client)), MANY),
    ("*.shard", "A"): [Ask(backwards(SHARDS, hash_name(f"{label}.shard.{APEX}")), name=f"{label}.shard") for label in "abcdefghij"],
    ("some", "A"): [Ask(*SOME, some=2)],
    ("near", "A"): [Ask("192.0.2.1", client=GERMANY), Ask("192.0.2.1"), Ask("192.0.2.130", client=CALIFORNIA), Ask("192.0.2.193", client=CHINA)],
    ("edge", "A"): [Ask("192.0.2.1", client=GERMANY), Ask("192.0.2.130", client=NEW_YORK), Ask("192.0.2.193", client=AUSTRALIA),
                    one_of("192.0.2.1", "192.0.2.130", "192.0.2.193", client=NOWHERE)],
    ("cdn", "CNAME"): [Ask("cdn-de.example.net.", client=GERMANY), Ask("cdn-de.example.net."), Ask("cdn-world.example.net.", client=BRAZIL)],
    ("steer", "A"): [Ask("192.0.2.1", "192.0.2.2", client=NETHERLANDS), Ask("192.0.2.130", client=BRAZIL), Ask("192.0.2.193", client=JAPAN),
                     Ask("192.0.2.193", client=NOWHERE)],
    ("home", "A"): [Ask("192.0.2.161", client=CALIFORNIA), Ask("192.0.2.130", client=NEW_YORK), Ask("192.0.2.130", client="8.8.8.0/24"),
                    Ask("192.0.2.193", client=JAPAN), Ask("192.0.2.1", client=GERMANY), Ask("192.0.2.1", client=NOWHERE)],
    ("peer", "A"): [Ask("192.0.2.110", client="192.0.2.0/26"), Ask("192.0.2.110", client="2001:db8:2000::/48"), Ask("192.0.2.111", client=JAPAN)],
    ("where", "TXT"): [Ask('"35.689500 139.691700 jp as"', client=JAPAN), Ask('"48.208200 16.373800 at eu"'), Ask('"0.000000 0.000000 -- --"', client=NOWHERE)],
    ("where", "LOC"): [Ask("35 41 22.200 n 139 41 30.120 e 0.00m", client=JAPAN), Ask("48 12 29.520 n 16 22 25.680 e 0.00m")],
    ("*.closest", "A"): [Ask("192.0.2.1", name="192-0-2-1.192-0-2-130.closest", client=GERMANY),
                         Ask("192.0.2.130", name="192-0-2-1.192-0-2-130.closest", client=CALIFORNIA),
                         Ask("192.0.2.130", name="192-0-2-130.closest"), Ask(name="nothing.closest", rcode="SERVFAIL")],
    ("intranet", "A"): [Ask("10.1.1.80", client="10.3.0.0/16"), Ask("10.1.1.80", client="192.168.7.0/24"), Ask("192.0.2.120"),
                        Ask("192.0.2.120", client="2001:db8::/48")],
    ("vpn", "A"): [Ask("192.0.2.121", client="203.0.113.64/26"), Ask("192.0.2.121", client="2001:db8:7::/48"), Ask("192.0.2.122"),
                   Ask("192.0.2.122", client="2001:db9::/48")],
    ("office", "A"): [Ask("10.0.0.1", client="10.9.0.0/16"), Ask("192.0.2.123", client="10.200.3.0/24"), Ask("192.0.2.123")],
    ("whoami", "TXT"): [Ask('"127.0.0.1 for itself"'), Ask('"127.0.0.1 for 198.51.100.0/24"', client="198.51.100.0/24"),
                        Ask('"127.0.0.1 for 0.0.0.0/0"', client="0.0.0.0/0")],
    ("mail", "MX"): [Ask("10 mx-eu.example.org.", "20 mx-us.example.org.", client=GERMANY), Ask("10 mx-us.example.org.", "20 mx-eu.example.org.", client=BRAZIL)],
    ("typed", "TXT"): [Ask('"v=spf1 ip4:192.0.2.0/24 -all"')],
    ("typed", "CAA"): [Ask('0 issue "ca.example.net"')],
    ("typed", "HTTPS"): [Ask('1 . alpn="h2" ipv4hint="192.0.2.1"')],
    ("_sip._tcp", "SRV"): [Ask("10 60 5060 sip1.example.org.", "10 40 5060 sip2.example.org.")],
    ("@", "A"): [Ask("192.0.2.170", "192.0.2.171", name="@")],
    ("@", "AAAA"): [Ask("2001:db8::170", name="@")],
    ("2.0.192.in-addr.arpa", "*", "PTR"): [Ask("www.example.org.", name="1"), Ask("192-0-2-77.dyn.example.org.", name="77"), Ask(name="a", rcode="NOERROR", only=("error.",), some=1)],
    ("8.b.d.0.1.0.0.2.ip6.arpa", "*", "PTR"): [Ask("2001-db8--77.dyn6.example.org.", name=".".join("77" + "0" * 22))],
    ("*.dyn", "A"): [Ask("192.0.2.77", name="192-0-2-77.dyn"), Ask("192.0.2.77", name="ipC000024D.dyn"), Ask("0.0.0.0", name="nobody.dyn")],
    ("*.host", "A"): [Ask("192.0.2.77", name="192-0-2-77.host"), Ask("198.51.100.9", name="x-198-51-100-9.host"), Ask("192.0.2.254", name="203-0-113-9.host")],
    ("*.dyn6", "AAAA"): [Ask("2001:db8::77", name="2001-db8--77.dyn6"), Ask("2001:db8::fa11", name="2001-db9--77.dyn6")],
    ("*.tenant", "CNAME"): [Ask("acme.cluster.example.net.", name="acme.tenant"), Ask("bank.cluster.example.net.", name="Bank.tenant")],
    ("settings", "LUA"): ["api"],
    ("api", "A"): [Ask("192.0.2.130")],
    ("switch", "LUA"): ["portal", "blog"],
    ("portal", "A"): [Ask("192.0.2.250")],
    ("blog", "A"): [Ask("192.0.2.250")],
    ("office-hours", "A"): [hour],
    ("trial", "A"): [Ask("192.0.2.160", client="198.51.102.0/24"), Ask("192.0.2.161", client="198.51.103.0/24"), Ask("192.0.2.161", client="2001:db8::/48"),
                     Ask("192.0.2.160")],
}

# Words of code that asks for health.
BY_HEALTH = re.compile(r"\b(if\w+up|pickselfweighted|pool|port|url)\b")
UP = ("192.0.2.2", "2001:db8::2", "198.51.100.10", "192.0.2.21", "url https://b.example.org/health", "198.51.100.40", "192.0.2.41", "192.0.2.51", "192.0.2.61",
      "203.0.113.70", "192.0.2.193", "url https://api.example.org/health from 192.0.2.1")
# What is answered while these are up, and no others.
EXPECTED_UP = {
    ("www", "A"): [Ask("192.0.2.2")],
    ("all", "A"): [Ask("192.0.2.2")],
    ("all", "AAAA"): [Ask("2001:db8::2")],
    ("shop", "A"): [Ask("198.51.100.10")],
    ("db", "A"): [Ask("192.0.2.21")],
    ("mirror", "A"): [Ask("192.0.2.31")],
    ("app", "A"): [Ask("198.51.100.40")],
    ("sorry", "A"): [Ask("192.0.2.2")],
    ("ledger", "A"): [Ask("192.0.2.51")],
    ("render", "A"): [Ask("192.0.2.61", client=client) for client in (None, GERMANY)],
    ("pool", "A"): [Ask("203.0.113.70", client=client) for client in (GERMANY, CALIFORNIA)],
    ("pool-hash", "A"): [Ask("203.0.113.70", client=client) for client in MANY[:4]],
    ("pool-api", "A"): [Ask("203.0.113.70")],
    ("session", "A"): [Ask("192.0.2.2", client=client) for client in MANY],
    ("edge", "A"): [Ask("192.0.2.193", client=client) for client in (GERMANY, CALIFORNIA)],
    ("settings", "LUA"): [],
    ("api", "A"): [Ask("192.0.2.1")],
}


def fences(text):
    """(what stands behind the opening fence, the lines between)"""
    return [(info.strip(), body) for info, body in re.findall(r"^```([^\n]*)\n(.*?)^```$", text, re.M | re.S)]


def records_of(body):
    """(owner, type, text) of each entry: continuation lines begin with blanks."""
    records = []
    for line in body.splitlines():
        head = re.match(r"(\S+)\s+\d+\s+IN\s+LUA\s+(\S+)\s", line)
        if head:
            records.append([head[1], head[2], line])
        elif records and line.startswith(" "):
            records[-1][2] += "\n" + line
        elif line.strip():
            raise AssertionError(f"{DOCUMENT.name}: this is neither a record nor one's continuation: {line}")
    return [tuple(record) for record in records]


def key_of(zone, owner, rrtype):
    return (owner, rrtype) if zone == APEX.rstrip(".") else (zone, owner, rrtype)


class Cookbook(harness.ServerTest):
    powerdns = ({"edns-subnet-processing": "yes"},)

    @classmethod
    def setUpClass(cls):
        cls.files = harness.World("geo-files")
        source = harness.SOURCE / "tests"
        subprocess.run(["/usr/bin/perl", source / "support" / "make_mmdb", source / "data" / "geo" / "locations.txt", cls.files.directory], check=True)
        listed = ", ".join(f'"{cls.files.directory / name}"' for name in ("city.mmdb", "asn.mmdb"))
        # An evaluation that waits for its processor is not what is tested.
        cls.daemon_options = {"extra_config": f"[lua]\ntime_us = 500000\n[geo]\ndatabases = [{listed}]\n"}
        cls.addClassCleanup(cls.files.stop)
        super().setUpClass()

    @classmethod
    def prepare(cls, world):
        cls.records, zones = {}, {}
        world.import_zone("example.net.", ELSEWHERE)
        for info, body in fences(DOCUMENT.read_text()):
            kind, _, zone = info.partition(" ")
            if kind == "console":
                for line in body.splitlines():
                    if not line.startswith("$ sdnsctl "):
                        raise AssertionError(f"{DOCUMENT.name}: no command: {line}")
                    world.edit(*shlex.split(line)[2:])
            elif kind == "zone":
                zone = zone or APEX.rstrip(".")
                zones[zone] = zones.get(zone, "") + body
                for owner, rrtype, text in records_of(body):
                    key = key_of(zone, owner, rrtype)
                    if key in cls.records:
                        raise AssertionError(f"{DOCUMENT.name}: two recipes are at {key}")
                    cls.records[key] = text
            else:
                raise AssertionError(f"{DOCUMENT.name}: a block of \"{info}\", which no test looks at")
        for zone, text in zones.items():
            world.import_zone(f"{zone}.", f"@ 60 IN SOA ns1.{APEX} hostmaster.{APEX} 1 7200 900 1209600 60\n@ 60 IN NS ns1.{APEX}\n" + text)

    def ask(self, name, rrtype, client):
        options = []
        if client:
            network = ipaddress.ip_network(client)
            options = [dns.edns.ECSOption(str(network.network_address), network.prefixlen)]
        question = dns.message.make_query(name, rrtype, use_edns=0, options=options)
        question.flags &= ~dns.flags.RD
        return dns.query.udp(question, "127.0.0.1", timeout=5, port=self.world.pdns.port)

    def contents(self, response, rrtype):
        return sorted(rdata.to_text() if rrtype == "TXT" else rdata.to_text().lower() for rrset in response.answer for rdata in rrset
                      if dns.rdatatype.to_text(rrset.rdtype) == rrtype)

    def check(self, key, ask):
        *zone, owner, rrtype = key
        zone = f"{zone[0]}." if zone else APEX
        owner = ask.name or owner
        name = zone if owner == "@" else f"{owner}.{zone}"
        seen = set()
        for _ in range(60 if ask.some else 2):
            response = self.ask(name, rrtype, ask.client)
            self.assert_rcode(response, ask.rcode)
            contents = self.contents(response, rrtype)
            if not ask.some:
                self.assertEqual(contents, ask.answers)
                continue
            self.assertEqual(len(contents), ask.some)
            self.assertLessEqual(set(contents), set(ask.only))
            seen |= set(contents)
        if ask.some:
            self.assertLessEqual(set(ask.answers), seen, "what is drawn is given now and then")

    def test_every_record_of_the_document_is_expected_and_every_expectation_is_in_the_document(self):
        self.assertGreaterEqual(len(self.records), 25)
        self.assertEqual(sorted(map(str, self.records)), sorted(map(str, EXPECTED)))

    def test_what_depends_on_the_client_is_asked_by_two(self):
        for key, text in self.records.items():
            code = re.sub(r"'[^']*'", "", text) if "pool(" not in text else text
            asks = [ask for ask in EXPECTED[key] if isinstance(ask, Ask)]
            if asks and BY_CLIENT.search(code):
                self.assertGreaterEqual(len({ask.client for ask in asks}), 2, key)

    def test_the_records_answer_what_the_document_says(self):
        for key, asks in EXPECTED.items():
            for ask in asks:
                with self.subTest(record=key, client=getattr(ask, "client", None), name=getattr(ask, "name", None)):
                    if isinstance(ask, str):  # a library: never an answer itself, and somebody includes it
                        self.assertIn(f"include('{key[0]}')", self.records[(ask, "A")])
                        self.assertEqual(self.contents(self.ask(f"{key[0]}.{APEX}", "A", None), "A"), [])
                    elif callable(ask):
                        before, contents, after = ask(), self.contents(self.ask(f"{key[0]}.{APEX}", key[1], None), key[1]), ask()
                        self.assertIn(contents, (before, after))
                    else:
                        self.check(key, ask)

    def test_targets_that_are_up_are_answered_and_no_others(self):
        self.assertEqual(sorted(EXPECTED_UP), sorted(key for key, text in self.records.items() if "://" in text or BY_HEALTH.search(re.sub(r"'[^']*'", "", text))))
        for key, asks in EXPECTED_UP.items():  # what nobody asked for is not checked
            for ask in asks[:1]:
                self.ask(f"{key[0]}.{APEX}", key[1], ask.client)
        self.addCleanup(self.world.edit, "health", "release", "--all")
        self.world.edit("health", "force", *UP, "up", "--reason", "test")
        for key, asks in EXPECTED_UP.items():
            for ask in asks:
                with self.subTest(record=key, client=ask.client):
                    self.check(key, ask)
        self.world.edit("health", "force", "192.0.2.42", "up", "--reason", "test")
        self.check(("app", "A"), Ask("192.0.2.41", "192.0.2.42"))

    def test_clients_are_told_apart(self):
        """A record that chooses by the client gives one of two clients something else."""
        for key in (key for key, asks in EXPECTED.items() if len({ask.client for ask in asks if isinstance(ask, Ask)}) > 2):
            with self.subTest(record=key):
                self.assertGreater(len({tuple(ask.answers) for ask in EXPECTED[key]}), 1)

    def test_the_maintenance_page_goes_with_its_switch(self):
        self.world.record_set(APEX, f"switch.{APEX}", "LUA", 'LUA "maintenance = false"')
        for owner, address in (("portal", "192.0.2.140"), ("blog", "192.0.2.141")):
            self.assertEqual(self.contents(self.ask(f"{owner}.{APEX}", "A", None), "A"), [address])
        self.world.record_set(APEX, f"switch.{APEX}", "LUA", 'LUA "maintenance = true"')
        self.assertEqual(self.contents(self.ask(f"portal.{APEX}", "A", None), "A"), ["192.0.2.250"])


if __name__ == "__main__":
    harness.main()
