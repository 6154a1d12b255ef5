#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every class of answer out of signed zones, through pdns_server, validated by delv and unbound-host."""
import unittest

import harness
from validators import BOGUS, INSECURE, SECURE, SECURE_NEGATIVE, Validators

ZONE = """\
$ORIGIN {apex}
$TTL 300
@            IN SOA ns1.{apex} hostmaster.{apex} 1 7200 900 1209600 30
             IN NS  ns1
             IN NS  ns2
             IN MX  10 mail
             IN TXT "apex text" "of two strings"
             IN CAA 0 issue "example.net"
ns1          IN A   192.0.2.1
             IN AAAA 2001:db8::1
ns2          IN A   192.0.2.2
mail         IN A   192.0.2.25
www          IN A   192.0.2.80
             IN AAAA 2001:db8::80
             IN TYPE65400 \\# 4 0A000001
             IN HTTPS 1 . alpn="h2"
alias        IN CNAME www
chain        IN CNAME alias
dangling     IN CNAME nothing-here
tochild      IN CNAME www.secure
toinsecure   IN CNAME www.insecure
towild       IN CNAME expanded.wild
*.wild       IN A   192.0.2.99
             IN TXT "wildcard"
sub.wild     IN TXT "not covered by the wildcard"
*.cnamewild  IN CNAME www
_sip._tcp    IN SRV 10 5 5060 mail
a.b.c.ent    IN A   192.0.2.7
dname        IN DNAME target
x.target     IN A   192.0.2.66
host\\.dot    IN A   192.0.2.70
sl/ash       IN TXT "as in RFC 2317"
zz           IN A   192.0.2.72
secure       IN NS  ns1
insecure     IN NS  ns1
glued        IN NS  ns.glued
ns.glued     IN A   192.0.2.53
"""

CHILD = """\
$ORIGIN {apex}
$TTL 300
@    IN SOA ns1.{parent} hostmaster.{parent} 1 7200 900 1209600 30
     IN NS  ns1.{parent}
www  IN A   192.0.2.81
*    IN A   192.0.2.82
"""

SECURE_CHAIN = (SECURE, SECURE_NEGATIVE)  # a denial at the end of a chain: validators name either part
NSEC, NSEC3, OPT_OUT, NARROW = "nsec.test.", "nsec3.test.", "optout.test.", "narrow.test."
WALKED = "walked.test."
MODES = (NSEC, NSEC3, OPT_OUT, NARROW)

# What it is, name below the apex, type, verdict. Where opt-out spans the name, RFC 5155 section 9.2 lets nobody call the
# answer secure.
CASES = (
    ("positive", "www", "A", SECURE),
    ("positive, other type of the name", "www", "AAAA", SECURE),
    ("unknown type", "www", "TYPE65400", SECURE),
    ("HTTPS", "www", "HTTPS", SECURE),
    ("apex", "", "SOA", SECURE),
    ("apex keys", "", "DNSKEY", SECURE),
    ("apex NS", "", "NS", SECURE),
    ("apex TXT", "", "TXT", SECURE),
    ("MX", "", "MX", SECURE),
    ("SRV", "_sip._tcp", "SRV", SECURE),
    ("NODATA", "www", "TXT", SECURE_NEGATIVE),
    ("NODATA at the apex", "", "A", SECURE_NEGATIVE),
    ("NODATA, no DS at a plain name", "www", "DS", SECURE_NEGATIVE),
    ("NXDOMAIN", "nothing-here", "A", SECURE_NEGATIVE),
    ("NXDOMAIN before every name", "0", "TXT", SECURE_NEGATIVE),
    ("NXDOMAIN after every name", "zzz", "A", SECURE_NEGATIVE),
    ("NXDOMAIN two labels down", "a.nothing-here", "A", SECURE_NEGATIVE),
    ("NXDOMAIN below a name", "below.www", "A", SECURE_NEGATIVE),
    ("NXDOMAIN below an empty non-terminal", "no.c.ent", "A", SECURE_NEGATIVE),
    ("wildcard", "expanded.wild", "A", SECURE),
    ("wildcard, two labels", "deep.expanded.wild", "A", SECURE),
    ("wildcard itself", "*.wild", "A", SECURE),
    ("wildcard NODATA", "expanded.wild", "AAAA", SECURE_NEGATIVE),
    ("wildcard blocked by a name", "below.sub.wild", "A", SECURE_NEGATIVE),
    ("wildcard's parent is an empty non-terminal", "wild", "A", SECURE_NEGATIVE),
    ("wildcard CNAME", "any.cnamewild", "A", SECURE),
    ("empty non-terminal", "ent", "A", SECURE_NEGATIVE),
    ("empty non-terminal in the middle", "b.c.ent", "TXT", SECURE_NEGATIVE),
    ("empty non-terminal made by SRV owners", "_tcp", "SRV", SECURE_NEGATIVE),
    ("below the empty non-terminals", "a.b.c.ent", "A", SECURE),
    ("CNAME", "alias", "A", SECURE),
    ("CNAME itself", "alias", "CNAME", SECURE),
    ("CNAME chain", "chain", "A", SECURE),
    ("CNAME chain to NODATA", "chain", "TXT", SECURE_CHAIN),
    ("CNAME to a name that does not exist", "dangling", "A", SECURE_CHAIN),
    ("CNAME to a wildcard", "towild", "A", SECURE),
    ("CNAME into a secure child", "tochild", "A", SECURE),
    ("CNAME into an insecure child", "toinsecure", "A", INSECURE),
    ("DNAME", "x.dname", "A", SECURE),
    ("DNAME itself", "dname", "DNAME", SECURE),
    ("DNAME to a name that does not exist", "y.dname", "A", SECURE_CHAIN),
    ("dot inside a label", "host\\.dot", "A", SECURE),
    ("slash inside a label", "sl/ash", "TXT", SECURE),
    ("secure delegation, DS", "secure", "DS", SECURE),
    ("secure delegation, below", "www.secure", "A", SECURE),
    ("secure delegation, wildcard below", "any.secure", "A", SECURE),
    ("insecure delegation, no DS", "insecure", "DS", SECURE_NEGATIVE),
    ("insecure delegation, below", "www.insecure", "A", INSECURE),
    ("insecure delegation with glue, no DS", "glued", "DS", SECURE_NEGATIVE),
)
# With opt-out, a span that may hold unsigned delegations proves nothing about what is in it.
OPT_OUT_INSECURE_FOR_DELV = {"wildcard", "wildcard, two labels", "wildcard CNAME", "CNAME to a wildcard"}
OPT_OUT_INSECURE_FOR_UNBOUND = OPT_OUT_INSECURE_FOR_DELV | {
    "NXDOMAIN", "NXDOMAIN before every name", "NXDOMAIN after every name", "NXDOMAIN two labels down", "NXDOMAIN below a name",
    "NXDOMAIN below an empty non-terminal", "wildcard NODATA", "wildcard blocked by a name",
    "CNAME to a name that does not exist", "DNAME to a name that does not exist",
    "insecure delegation, no DS", "insecure delegation with glue, no DS",
}


# PowerDNS shuffles an answer from its first record that is no CNAME on. A DNAME is none, so the CNAME made from it may come
# before it; unbound takes that one for unsigned, then. Each packet that is made anew is shuffled anew.
SHUFFLED = {"DNAME", "DNAME to a name that does not exist"}


class Dnssec(harness.ServerTest):
    @classmethod
    def prepare(cls, world):
        for apex in MODES:
            world.import_zone(apex, ZONE.format(apex=apex))
            for child in ("secure", "insecure"):
                world.import_zone(f"{child}.{apex}", CHILD.format(apex=f"{child}.{apex}", parent=apex))
            world.secure(apex)
            world.secure(f"secure.{apex}")
            world.record_set(apex, f"secure.{apex}", "DS", world.ds(f"secure.{apex}"))
        world.import_zone(WALKED, ZONE.format(apex=WALKED))
        world.secure(WALKED)
        world.nsec3(NSEC3, "--iterations", "3", "--salt", "ab12")
        world.nsec3(f"secure.{NSEC3}")
        world.nsec3(OPT_OUT, "--opt-out")
        world.nsec3(NARROW, "--narrow")
        zones = [zone for apex in MODES for zone in (apex, f"secure.{apex}", f"insecure.{apex}")]
        cls.validators = Validators(world.directory, world.pdns.port, {apex: world.ds(apex) for apex in MODES}, zones)

    def check(self, apex):
        for what, name, rrtype, verdict in CASES:
            full = f"{name}.{apex}" if name else apex
            for validator, ask, insecure in (
                ("delv", lambda: self.validators.delv(apex, full, rrtype), OPT_OUT_INSECURE_FOR_DELV),
                ("unbound-host", lambda: self.validators.unbound(full, rrtype), OPT_OUT_INSECURE_FOR_UNBOUND),
            ):
                if validator == "unbound-host" and "\\" in name:
                    continue  # takes no escapes
                expected = INSECURE if apex == OPT_OUT and what in insecure else verdict
                with self.subTest(what, validator=validator, name=full, type=rrtype):
                    got, text = ask()
                    if what in SHUFFLED:
                        for _ in range(30):
                            if got != BOGUS:
                                break
                            self.world.pdns.control(f"PURGE {full}")
                            got, text = ask()
                    self.assertIn(got, expected if isinstance(expected, tuple) else (expected,), text)

    def test_nsec_zone_validates_in_every_class_of_answer(self):
        self.check(NSEC)

    def test_nsec3_zone_with_salt_and_iterations_validates_in_every_class_of_answer(self):
        self.check(NSEC3)

    def test_nsec3_opt_out_zone_validates_in_every_class_of_answer(self):
        self.check(OPT_OUT)

    def test_nsec3_narrow_zone_validates_in_every_class_of_answer(self):
        self.check(NARROW)

    def test_additionals_of_mx_and_srv_are_there_and_signed(self):
        for name, rrtype in (("", "MX"), ("_sip._tcp.", "SRV")):
            response = self.world.pdns.query(name + NSEC, rrtype, dnssec=True)
            self.assertEqual(self.answers(response, "additional", {"A"}), {f"mail.{NSEC} A 192.0.2.25"})
            self.assertTrue(any(rrset.rdtype == 46 and rrset.name.to_text() == f"mail.{NSEC}" for rrset in response.additional))

    def test_referral_is_not_signed_where_it_is_not_authoritative(self):
        response = self.world.pdns.query(f"below.glued.{NSEC}", "A", dnssec=True)
        self.assertEqual(self.answers(response, "authority", {"NS"}), {f"glued.{NSEC} NS ns.glued.{NSEC}"})
        self.assertEqual(self.answers(response, "additional", {"A"}), {f"ns.glued.{NSEC} A 192.0.2.53"})
        signed = {rrset.covers for rrset in response.authority + response.additional if rrset.rdtype == 46}
        self.assertEqual(signed, {47}, response.to_text())  # the NSEC that shows that there is no DS; neither NS nor glue

    def test_name_below_a_cut_is_in_no_denial_chain(self):
        # Walks the NSEC chain from the apex to the apex, in a zone whose children are not on this server.
        owners, name = [], WALKED
        while name not in owners:
            owners.append(name)
            response = self.world.pdns.query(name, "NSEC", dnssec=True)
            found = [rdata for section in (response.answer, response.authority) for rrset in section if rrset.rdtype == 47
                     and rrset.name.to_text() == name for rdata in rrset]
            self.assertEqual(len(found), 1, f"no NSEC at {name}: {response.to_text()}")
            name = found[0].next.to_text()
        self.assertEqual(name, WALKED)
        self.assertIn(f"glued.{WALKED}", owners)
        self.assertNotIn(f"ns.glued.{WALKED}", owners)
        self.assertNotIn(f"ent.{WALKED}", owners)
        self.assertIn(f"*.wild.{WALKED}", owners)

    def test_swapped_ds_makes_everything_below_bogus(self):
        apex, child = NSEC, f"secure.{NSEC}"
        right = self.world.ds(child)
        self.assertEqual(self.validators.delv(apex, f"www.{child}", "A")[0], SECURE)
        self.world.record_set(apex, child, "DS", self.world.ds(apex))
        try:
            self.assertEqual(self.validators.delv(apex, f"www.{child}", "A")[0], BOGUS)
            self.assertEqual(self.validators.unbound(f"www.{child}", "A")[0], BOGUS)
        finally:
            self.world.record_set(apex, child, "DS", right)
        self.assertEqual(self.validators.delv(apex, f"www.{child}", "A")[0], SECURE)


if __name__ == "__main__":
    harness.main()
