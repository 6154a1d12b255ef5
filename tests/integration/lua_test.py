#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""LUA records that sovereign-dnsd evaluates, behind a PowerDNS whose own LUA records are off: answers, what PowerDNS caches of
them and for whom, and that every steered name validates in every kind of signed zone, under wildcards too."""
import ipaddress

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.query

import harness
from validators import BOGUS, Validators

UNSIGNED, NSEC, NSEC3, OPT_OUT, NARROW = MODES = ("plain.test.", "nsec.test.", "nsec3.test.", "optout.test.", "narrow.test.")
ZONE = r"""
$TTL 60
@          IN SOA ns1.{apex} hostmaster.{apex} 1 7200 900 1209600 60
           IN NS  ns1.{apex}
           IN LUA A "'192.0.2.80'"
           IN LUA AAAA "{{'2001:db8::80', '2001:db8::81'}}"
ns1        IN A   192.0.2.53
const      IN LUA A "'192.0.2.1'"
           IN TXT "beside it"
client     IN LUA A "netmask({{'198.51.100.0/24'}}) and '192.0.2.100' or '192.0.2.200'"
whole      IN LUA TXT "bestwho:toString()"
chance     IN LUA A "pickrandom({{'192.0.2.1','192.0.2.2','192.0.2.3','192.0.2.4'}})"
up         IN LUA A "ifportup(443, {{'192.0.2.10','192.0.2.11'}}, {{selector='all', backupSelector='all'}})"
several    IN LUA A "{{'192.0.2.5','192.0.2.6'}}"
           IN LUA TXT "'v=spf1 -all'"
           IN LUA MX "'10 mail.{apex}'"
broken     IN LUA A "error('on purpose')"
some       IN LUA A "netmask({{'198.51.100.0/24'}}) and error('x') or '192.0.2.8'"
           IN LUA TXT "'beside it'"
half       IN LUA A "'192.0.2.7'"
           IN LUA AAAA "'192.0.2.7'"
empty      IN LUA A "{{}}"
config     IN LUA LUA "address = '192.0.2.31'"
included   IN LUA A ";include('config') return address"
alias      IN LUA CNAME "'const.{apex}'"
plainalias IN CNAME client.{apex}
mx         IN MX 10 client.{apex}
*.wild     IN LUA A "'192.0.2.60'"
*.rev      IN LUA A "createForward()"
           IN LUA TXT "qname:toString()"
exists.rev IN A   192.0.2.61
a.b.rev    IN A   192.0.2.62
loop       IN LUA A ";while true do end"
below.broken IN A  192.0.2.63
*.magic    IN LUA A "closestMagic()"
"""
NOT_CACHED = {"cache-ttl": 0, "query-cache-ttl": 0, "negquery-cache-ttl": 0}
ECS = {"edns-subnet-processing": "yes"}


class Lua(harness.ServerTest):
    # Caches on with long lives, and none at all.
    powerdns = (ECS | {"cache-ttl": 3600, "query-cache-ttl": 3600}, ECS | NOT_CACHED)

    @classmethod
    def prepare(cls, world):
        for apex in MODES:
            world.import_zone(apex, ZONE.format(apex=apex))
        for apex in MODES[1:]:
            world.secure(apex)
        world.nsec3(NSEC3)
        world.nsec3(OPT_OUT, "--opt-out")
        world.nsec3(NARROW, "--narrow")
        cls.cached, cls.uncached = world.powerdns
        anchors = {apex: world.ds(apex) for apex in MODES[1:]}
        cls.validators = []
        for number, server in enumerate(world.powerdns):
            directory = world.directory / f"validators-{number}"
            directory.mkdir()
            cls.validators.append(Validators(directory, server.port, anchors, list(MODES)))

    def ask(self, server, name, rrtype="A", ecs=None, dnssec=False):
        options = [dns.edns.ECSOption(str(ipaddress.ip_network(ecs, strict=False).network_address),
                                      ipaddress.ip_network(ecs, strict=False).prefixlen)] if ecs else []
        question = dns.message.make_query(name, rrtype, use_edns=0, options=options, want_dnssec=dnssec)
        question.flags &= ~dns.flags.RD
        return dns.query.udp(question, "127.0.0.1", timeout=5, port=server.port)

    def contents(self, response, rrtype="A"):
        return sorted(rdata.to_text().lower() for rrset in response.answer for rdata in rrset
                      if dns.rdatatype.to_text(rrset.rdtype) == rrtype)

    def scope(self, response):
        return next((option.scopelen for option in response.options if isinstance(option, dns.edns.ECSOption)), None)

    def assert_answers(self, name, rrtype, *expected, **how):
        for apex in MODES:
            for server in (self.cached, self.uncached):
                with self.subTest(name=name, zone=apex, server=server.name):
                    response = self.ask(server, f"{name}.{apex}" if name else apex, rrtype, **how)
                    self.assert_rcode(response, "NOERROR")
                    self.assertEqual(self.contents(response, rrtype), sorted(text.replace("APEX", apex) for text in expected))

    def test_records_answer_what_their_code_gives(self):
        self.assert_answers("", "A", "192.0.2.80")
        self.assert_answers("", "AAAA", "2001:db8::80", "2001:db8::81")
        self.assert_answers("const", "A", "192.0.2.1")
        self.assert_answers("const", "TXT", '"beside it"')
        self.assert_answers("several", "A", "192.0.2.5", "192.0.2.6")
        self.assert_answers("several", "TXT", '"v=spf1 -all"')
        self.assert_answers("several", "MX", "10 mail.APEX")
        self.assert_answers("included", "A", "192.0.2.31")
        self.assert_answers("any.wild", "A", "192.0.2.60")
        self.assert_answers("192-0-2-99.rev", "A", "192.0.2.99")
        self.assert_answers("192-0-2-99.rev", "TXT", '"192-0-2-99.rev.APEX"')
        self.assert_answers("exists.rev", "A", "192.0.2.61")
        self.assert_answers("up", "A", "192.0.2.10", "192.0.2.11")
        self.assert_answers("half", "A", "192.0.2.7")

    def test_a_name_that_points_at_a_steered_one_leads_to_its_answer(self):
        self.assert_answers("alias", "A", "192.0.2.1")
        self.assert_answers("plainalias", "A", "192.0.2.200")
        for apex in MODES:
            response = self.ask(self.uncached, f"mx.{apex}", "MX")
            self.assertEqual(self.contents(response, "MX"), [f"10 client.{apex}"])
            # PowerDNS asks for the additional section in the client's name.
            self.assertEqual({rdata.to_text() for rrset in response.additional if rrset.rdtype == dns.rdatatype.A for rdata in rrset},
                             {"192.0.2.200"})
            inside = self.ask(self.cached, f"mx.{apex}", "MX", ecs="198.51.100.0/24")
            self.assertEqual({rdata.to_text() for rrset in inside.additional if rrset.rdtype == dns.rdatatype.A for rdata in rrset},
                             {"192.0.2.100"})

    def test_a_record_that_fails_is_servfail_for_its_name_alone(self):
        for apex in MODES:
            for server in (self.cached, self.uncached):
                for name in ("broken", "loop"):
                    with self.subTest(name=name, zone=apex, server=server.name):
                        self.assert_rcode(self.ask(server, f"{name}.{apex}"), "SERVFAIL")
                        self.assert_rcode(self.ask(server, f"const.{apex}"), "NOERROR")

    def test_a_type_that_fails_is_servfail_alone_and_for_nobody_else(self):
        for apex in MODES:
            for server in (self.cached, self.uncached):
                with self.subTest(zone=apex, server=server.name):
                    for _ in range(2):
                        self.assert_rcode(self.ask(server, f"some.{apex}", ecs="198.51.100.0/24"), "SERVFAIL")
                        self.assertEqual(self.contents(self.ask(server, f"some.{apex}", ecs="203.0.113.0/24")), ["192.0.2.8"])
                        self.assertEqual(self.contents(self.ask(server, f"some.{apex}", "TXT", ecs="198.51.100.0/24"), "TXT"), ['"beside it"'])
                        self.assert_rcode(self.ask(server, f"half.{apex}", "AAAA"), "SERVFAIL")
                        self.assertEqual(self.contents(self.ask(server, f"half.{apex}")), ["192.0.2.7"])
                        self.assert_rcode(self.ask(server, f"broken.{apex}"), "SERVFAIL")

    def test_denials_say_that_the_types_of_records_exist(self):
        """A resolver that keeps denials (RFC 8198) would deny the address after the first question for another type."""
        steered = {"const": {"A", "TXT"}, "client": {"A"}, "whole": {"TXT"}, "chance": {"A"}, "up": {"A"}, "several": {"A", "TXT", "MX"}, "broken": {"A"},
                   "half": {"A", "AAAA"}, "alias": {"CNAME"}, "some": {"A", "TXT"}}
        for apex in (NSEC, NSEC3, OPT_OUT, NARROW):
            for server in (self.cached, self.uncached):
                for name, types in steered.items():
                    for _ in range(2):
                        response = self.ask(server, f"{name}.{apex}", "HINFO", dnssec=True)
                        if name == "alias":
                            continue  # is followed
                        bitmaps = [self.types_of(rrset) for rrset in response.authority if dns.rdatatype.to_text(rrset.rdtype) in ("NSEC", "NSEC3")
                                   and (apex != NSEC or rrset.name == dns.name.from_text(f"{name}.{apex}"))]
                        self.assertTrue(any(types <= bitmap for bitmap in bitmaps), f"{name} in {apex} at {server.name}: {response.to_text()}")

    @staticmethod
    def types_of(rrset):
        return set(rrset[0].to_text().split())

    def test_a_name_below_one_that_fails_is_answered(self):
        self.assert_answers("below.broken", "A", "192.0.2.63")
        self.assert_answers("192-0-2-64.x.magic", "A", "192.0.2.64")

    def test_names_below_an_existing_one_are_not_made_from_the_wildcard(self):
        for apex in MODES:
            for name in ("x.exists.rev", "x.b.rev"):
                self.assert_rcode(self.ask(self.uncached, f"{name}.{apex}"), "NXDOMAIN")
            self.assert_rcode(self.ask(self.uncached, f"b.rev.{apex}"), "NOERROR")

    def test_what_does_not_depend_on_the_client_comes_from_the_packet_cache(self):
        for apex in MODES:
            for name in (f"const.{apex}", apex, f"up.{apex}", f"any.wild.{apex}", f"192-0-2-98.rev.{apex}"):
                self.cached.warm(name, "A")

    def test_what_depends_on_the_client_has_the_scope_that_mattered(self):
        for apex in MODES:
            for server in (self.cached, self.uncached):
                with self.subTest(zone=apex, server=server.name):
                    inside = self.ask(server, f"client.{apex}", ecs="198.51.100.128/25")
                    self.assertEqual((self.contents(inside), self.scope(inside)), (["192.0.2.100"], 24))
                    outside = self.ask(server, f"client.{apex}", ecs="10.9.8.0/24")
                    self.assertEqual((self.contents(outside), self.scope(outside)), (["192.0.2.200"], 1))
                    short = self.ask(server, f"client.{apex}", ecs="198.51.100.0/22")
                    self.assertLessEqual(self.scope(short), 22)
                    constant = self.ask(server, f"const.{apex}", ecs="198.51.100.0/24")
                    self.assertEqual(self.scope(constant), 0)
                    whole = self.ask(server, f"whole.{apex}", "TXT", ecs="198.51.100.0/24")
                    self.assertEqual((self.contents(whole, "TXT"), self.scope(whole)), (['"198.51.100.0"'], 24))

    def test_no_client_gets_the_answer_of_another(self):
        networks = ["10.0.0.0/8", "198.51.100.0/24", "198.51.100.0/20", "203.0.113.7/32", "0.0.0.0/0", "2001:db8::/32", None]
        for apex in (UNSIGNED, NSEC3):
            for _ in range(6):
                for network in networks:
                    for server in (self.cached, self.uncached):
                        client = ipaddress.ip_network(network, strict=False).network_address if network else ipaddress.ip_address("127.0.0.1")
                        with self.subTest(zone=apex, ecs=network, server=server.name):
                            self.assertEqual(self.contents(self.ask(server, f"whole.{apex}", "TXT", ecs=network), "TXT"), [f'"{client}"'])
                            inside = client.version == 4 and client in ipaddress.ip_network("198.51.100.0/24")
                            self.assertEqual(self.contents(self.ask(server, f"client.{apex}", ecs=network)),
                                             ["192.0.2.100" if inside else "192.0.2.200"])

    def test_chance_is_drawn_for_each_query(self):
        seen = {content for _ in range(200) for content in self.contents(self.ask(self.cached, f"chance.{UNSIGNED}"))}
        self.assertEqual(len(seen), 4)

    def test_every_steered_name_validates_for_every_type(self):
        names = ("", "const", "client", "whole", "chance", "up", "several", "included", "any.wild", "192-0-2-1.rev", "alias", "mx")
        for apex in MODES[1:]:
            for server, validators in zip((self.cached, self.uncached), self.validators):
                for name in names:
                    for rrtype in ("A", "AAAA", "TXT", "MX", "SRV"):
                        owner = f"{name}.{apex}" if name else apex
                        for _ in range(2):  # cold and warm
                            with self.subTest(name=owner, type=rrtype, server=server.name):
                                verdict, text = validators.delv(apex, owner, rrtype)
                                self.assertNotEqual(verdict, BOGUS, text)
                        verdict, text = validators.unbound(owner, rrtype)
                        self.assertNotEqual(verdict, BOGUS, f"{owner} {rrtype} {server.name}\n{text}")

    def test_an_edit_of_a_library_purges_who_includes_it(self):
        apex = UNSIGNED
        self.cached.warm(f"included.{apex}", "A")
        self.world.record_set(apex, f"config.{apex}", "LUA", "LUA \"address = '192.0.2.32'\"")
        self.assertEqual(self.contents(self.ask(self.cached, f"included.{apex}")), ["192.0.2.32"])
        self.world.record_set(apex, f"config.{apex}", "LUA", "LUA \"address = '192.0.2.31'\"")


if __name__ == "__main__":
    harness.main()
