# SPDX-License-Identifier: MIT
"""The zone of the pdnsutil tests, and how its keys and answers are looked at."""
import re

import dns.rdatatype

from powerdns_tools import ToolsTest

ZONE = """\
$ORIGIN {apex}
$TTL 300
@          IN SOA ns1 hostmaster 1 7200 900 1209600 30
           IN NS  ns1
           IN MX  10 mail
           IN TXT "apex text" "of two strings"
ns1        IN A   192.0.2.1
mail       IN A   192.0.2.25
www        IN A   192.0.2.80
           IN AAAA 2001:db8::80
alias      IN CNAME www
*.wild     IN TXT "wildcard"
a.b.ent    IN A   192.0.2.9
sub        IN NS  ns.sub
ns.sub     IN A   192.0.2.53
"""
VALIDATED = (("www", "A", "secure"), ("wild", "TXT", "secure negative"), ("x.wild", "TXT", "secure"),
             ("none", "A", "secure negative"), ("www", "MX", "secure negative"), ("sub", "DS", "secure negative"))


class PdnsutilTest(ToolsTest):
    def zone(self):
        """A zone of the test's own."""
        apex = re.sub("[^a-z0-9]", "-", self._testMethodName.lower())[5:60].strip("-") + ".test."
        self.world.create(apex, ZONE.format(apex=apex))
        return apex

    def soa_of(self, apex):
        return next(content for _, kind, content in self.world.stored(apex) if kind == "SOA")

    def assert_keys(self, apex, expected):
        """pdnsutil, the database and the DNSKEY RRset show these (flags, algorithm, active, published)."""
        self.assertEqual(sorted(self.world.key_lines(apex).values()), sorted(expected))
        self.assertEqual(self.world.keys(apex), sorted(expected))
        served = [tuple(map(int, content.split()[0:3:2])) for content in self.served(apex, "DNSKEY")]
        self.assertEqual(sorted(served), sorted((flags, algorithm) for flags, algorithm, _, published in expected if published))

    def assert_valid(self, apex, cases=VALIDATED, insecure=(), validators=("delv", "unbound")):
        self.world.rectified(apex)
        for name, rrtype, verdict in cases:
            with self.subTest(name=name, type=rrtype):
                expected = {verdict} | ({"insecure"} if (name, rrtype) in insecure else set())
                said = self.world.verdicts(apex, f"{name}.{apex}" if name else apex, rrtype)
                for validator in validators:
                    self.assertIn(said[validator], expected, validator)

    def signers(self, name, rrtype):
        """Key tags that signed an RRset."""
        response = self.world.pdns.query(name, rrtype, dnssec=True)
        covered = dns.rdatatype.from_text(rrtype)
        return {rdata.key_tag for rrset in response.answer if rrset.rdtype == 46 for rdata in rrset if rdata.type_covered == covered}
