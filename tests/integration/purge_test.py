#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Caches kept true (DESIGN section 5): for every shape of the purge plan, two name servers with warm caches, an edit, a wait
for its revision, one question, the new answer. A counter of pdns_server proves that the old answer came from the cache."""
import dns.rcode
import dns.rdatatype

import harness

ZONE = """\
$ORIGIN {apex}
$TTL 300
@             IN SOA ns1 hostmaster 1 7200 900 1209600 60
              IN NS  ns1
              IN NS  ns2
ns1           IN A   192.0.2.1
ns2           IN A   192.0.2.2
www           IN A   192.0.2.10
alias         IN CNAME www
chain         IN CNAME alias
mailuser      IN MX  10 www
srvuser       IN SRV 0 0 80 www
svcbuser      IN SVCB 1 www.{apex}
towild        IN CNAME any.wild
*.wild        IN A   192.0.2.20
deep.x.wild   IN A   192.0.2.21
*.cnamewild   IN CNAME www
*.loose       IN A   192.0.2.30
renew         IN DNAME target
x.target      IN A   192.0.2.40
cut           IN NS  ns.cut
ns.cut        IN A   192.0.2.50
plain         IN A   192.0.2.60
below.plain   IN A   192.0.2.61
a.b.ent       IN A   192.0.2.70
kept.forest   IN A   192.0.2.71
dangling      IN CNAME www.late.test.
foreign       IN CNAME www.other.test.
"""
OTHER = """\
$ORIGIN other.test.
$TTL 300
@    IN SOA ns1.purge.test. hostmaster.purge.test. 1 7200 900 1209600 60
     IN NS  ns1.purge.test.
www  IN A   198.51.100.1
far  IN CNAME www.purge.test.
"""
APEX = "purge.test."


def put(owner, rrtype, *contents):
    return lambda world: world.record_set(APEX, f"{owner}.{APEX}" if owner else APEX, rrtype, *contents)


def put_other(owner, rrtype, *contents):
    return lambda world: world.record_set("other.test.", f"{owner}.other.test.", rrtype, *contents)


def drop(owner, rrtype):
    return lambda world: world.record_delete(APEX, f"{owner}.{APEX}", rrtype)


# What changes; the question; what its answer has before and not after; the edit; what it has after and not before.
SHAPES = (
    ("content of the owner", ("www.purge.test.", "A"), "192.0.2.10", put("www", "A", "203.0.113.1"), "203.0.113.1"),
    ("end of a CNAME", ("alias.purge.test.", "A"), "192.0.2.10", put("www", "A", "203.0.113.1"), "203.0.113.1"),
    ("end of a CNAME chain", ("chain.purge.test.", "A"), "192.0.2.10", put("www", "A", "203.0.113.1"), "203.0.113.1"),
    ("middle of a CNAME chain", ("chain.purge.test.", "A"), "192.0.2.10", put("alias", "CNAME", "plain.purge.test."), "192.0.2.60"),
    ("end of a CNAME in another zone", ("far.other.test.", "A"), "192.0.2.10", put("www", "A", "203.0.113.1"), "203.0.113.1"),
    ("end of a CNAME into another zone", ("foreign.purge.test.", "A"), "198.51.100.1", put_other("www", "A", "203.0.113.2"), "203.0.113.2"),
    ("target of an MX", ("mailuser.purge.test.", "MX"), "192.0.2.10", put("www", "A", "203.0.113.1"), "203.0.113.1"),
    ("target of an SRV", ("srvuser.purge.test.", "SRV"), "192.0.2.10", put("www", "A", "203.0.113.1"), "203.0.113.1"),
    ("target of an SVCB", ("svcbuser.purge.test.", "SVCB"), "192.0.2.10", put("www", "A", "203.0.113.1"), "203.0.113.1"),
    ("target of the apex NS", ("purge.test.", "NS"), "192.0.2.2", put("ns2", "A", "203.0.113.1"), "203.0.113.1"),
    ("type added where there was NODATA", ("www.purge.test.", "TXT"), "NODATA", put("www", "TXT", '"new"'), '"new"'),
    ("type removed", ("plain.purge.test.", "A"), "192.0.2.60", drop("plain", "A"), "NODATA"),
    ("new name", ("brandnew.purge.test.", "A"), "NXDOMAIN", put("brandnew", "A", "203.0.113.1"), "203.0.113.1"),
    ("last record of a name removed", ("mailuser.purge.test.", "MX"), "192.0.2.10", drop("mailuser", "MX"), "NXDOMAIN"),
    ("empty non-terminal comes", ("grove.purge.test.", "A"), "NXDOMAIN", put("x.y.grove", "A", "203.0.113.1"), "NODATA"),
    ("lower empty non-terminal comes", ("y.grove.purge.test.", "A"), "NXDOMAIN", put("x.y.grove", "A", "203.0.113.1"), "NODATA"),
    ("empty non-terminal goes", ("forest.purge.test.", "A"), "NODATA", drop("kept.forest", "A"), "NXDOMAIN"),
    ("upper empty non-terminal goes", ("ent.purge.test.", "A"), "NODATA", drop("a.b.ent", "A"), "NXDOMAIN"),
    ("wildcard's content", ("some.wild.purge.test.", "A"), "192.0.2.20", put("*.wild", "A", "203.0.113.1"), "203.0.113.1"),
    ("wildcard's content, two labels", ("two.some.wild.purge.test.", "A"), "192.0.2.20", put("*.wild", "A", "203.0.113.1"), "203.0.113.1"),
    ("wildcard gets a type", ("some.wild.purge.test.", "TXT"), "NODATA", put("*.wild", "TXT", '"new"'), '"new"'),
    ("wildcard goes", ("some.loose.purge.test.", "A"), "192.0.2.30", drop("*.loose", "A"), "NXDOMAIN"),
    ("wildcard comes", ("some.below.plain.purge.test.", "A"), "NXDOMAIN", put("*.below.plain", "A", "203.0.113.1"), "203.0.113.1"),
    ("wildcard comes at the apex", ("any.thing.purge.test.", "A"), "NXDOMAIN", put("*", "A", "203.0.113.1"), "203.0.113.1"),
    ("CNAME to a name that a wildcard answers", ("towild.purge.test.", "A"), "192.0.2.20", put("*.wild", "A", "203.0.113.1"), "203.0.113.1"),
    ("end of a wildcard CNAME", ("some.cnamewild.purge.test.", "A"), "192.0.2.10", put("www", "A", "203.0.113.1"), "203.0.113.1"),
    ("name in place of a wildcard's", ("some.wild.purge.test.", "A"), "192.0.2.20", put("some.wild", "A", "203.0.113.1"), "203.0.113.1"),
    ("name that blocks a wildcard below it", ("a.host.wild.purge.test.", "A"), "192.0.2.20", put("host.wild", "A", "203.0.113.1"), "NXDOMAIN"),
    ("empty non-terminal that blocks a wildcard", ("a.host.wild.purge.test.", "A"), "192.0.2.20", put("b.host.wild", "A", "203.0.113.1"), "NXDOMAIN"),
    ("name goes that blocked a wildcard", ("a.x.wild.purge.test.", "A"), "NXDOMAIN", drop("deep.x.wild", "A"), "192.0.2.20"),
    ("DNAME's target", ("x.renew.purge.test.", "A"), "192.0.2.40", put("renew", "DNAME", "plain.purge.test."), "x.plain.purge.test."),
    ("end of what a DNAME made", ("x.renew.purge.test.", "A"), "192.0.2.40", put("x.target", "A", "203.0.113.1"), "203.0.113.1"),
    ("DNAME goes", ("x.renew.purge.test.", "A"), "192.0.2.40", drop("renew", "DNAME"), "NXDOMAIN"),
    ("DNAME comes", ("x.fresh.purge.test.", "A"), "NXDOMAIN", put("fresh", "DNAME", "target.purge.test."), "192.0.2.40"),
    ("delegation comes", ("x.lot.purge.test.", "A"), "NXDOMAIN", put("lot", "NS", "ns.far.test."), "REFERRAL"),
    ("delegation comes above names", ("below.plain.purge.test.", "A"), "192.0.2.61", put("plain", "NS", "ns.far.test."), "REFERRAL"),
    ("delegation goes", ("x.cut.purge.test.", "A"), "REFERRAL", drop("cut", "NS"), "NXDOMAIN"),
    ("delegation's name servers", ("x.cut.purge.test.", "A"), "ns.cut.purge.test.", put("cut", "NS", "ns.far.test."), "ns.far.test."),
    ("glue", ("x.cut.purge.test.", "A"), "192.0.2.50", put("ns.cut", "A", "203.0.113.1"), "203.0.113.1"),
)


def tokens(response):
    """What can be seen in an answer: its code, NODATA or REFERRAL, and every content."""
    found = {dns.rcode.to_text(response.rcode())}
    types = {rrset.rdtype for rrset in response.authority}
    if response.rcode() == dns.rcode.NOERROR and not response.answer:
        found.add("REFERRAL" if dns.rdatatype.NS in types and dns.rdatatype.SOA not in types else "NODATA")
    for rrset in response.answer + response.authority + response.additional:
        found |= {rdata.to_text() for rdata in rrset}
    return found


def seen(token, response):
    return any(token == text or (token in text and len(text.split()) > 1) for text in tokens(response))


class PurgePlan(harness.ServerTest):
    powerdns = ({}, {})

    def setUp(self):
        self.world.import_zone(APEX, ZONE.format(apex=APEX), "--replace")
        self.world.import_zone("other.test.", OTHER, "--replace")

    def warm(self, name, rrtype, token):
        self.world.daemon.wait_purged_again()
        for server in self.world.powerdns:
            response = server.warm(name, rrtype)
            self.assertTrue(seen(token, response), f"{server.name}: no {token} in the cached\n{response.to_text()}")

    def one_question(self, name, rrtype, token, old=None):
        for server in self.world.powerdns:
            response = server.query(name, rrtype)
            self.assertTrue(seen(token, response), f"{server.name}: no {token} in\n{response.to_text()}")
            if old is not None:
                self.assertFalse(seen(old, response), f"{server.name}: still {old} in\n{response.to_text()}")

    def check_shape(self, question, had, edit, has):
        self.warm(*question, had)
        edit(self.world)
        self.one_question(*question, has, old=had)

    def test_refused_zone_exists_once_it_was_created_and_is_refused_once_it_was_deleted(self):
        self.warm("www.late.test.", "A", "REFUSED")
        self.warm("late.test.", "SOA", "REFUSED")
        self.warm("dangling.purge.test.", "A", "www.late.test.")
        self.world.import_zone("late.test.", OTHER.replace("other.test.", "late.test."))
        self.one_question("www.late.test.", "A", "198.51.100.1", old="REFUSED")
        self.one_question("late.test.", "SOA", "NOERROR", old="REFUSED")
        self.one_question("dangling.purge.test.", "A", "198.51.100.1")
        self.warm("www.late.test.", "A", "198.51.100.1")
        self.world.delete_zone("late.test.")
        self.one_question("www.late.test.", "A", "REFUSED", old="198.51.100.1")
        self.one_question("dangling.purge.test.", "A", "www.late.test.", old="198.51.100.1")

    def test_zone_that_was_deleted_and_made_again_serves_only_the_new_records(self):
        self.world.import_zone("again.test.", OTHER.replace("other.test.", "again.test."))
        self.warm("www.again.test.", "A", "198.51.100.1")
        self.warm("far.again.test.", "CNAME", "www.purge.test.")
        self.world.delete_zone("again.test.")
        text = OTHER.replace("other.test.", "again.test.").replace("198.51.100.1", "203.0.113.9").replace("far ", "near ")
        self.world.import_zone("again.test.", text)
        self.one_question("www.again.test.", "A", "203.0.113.9", old="198.51.100.1")
        self.one_question("far.again.test.", "CNAME", "NXDOMAIN")
        self.world.delete_zone("again.test.")

    def test_zone_below_a_zone_takes_over_the_names_that_were_cached_from_above(self):
        self.warm("www.child.purge.test.", "A", "NXDOMAIN")
        self.world.import_zone("child.purge.test.", OTHER.replace("other.test.", "child.purge.test."))
        try:
            self.one_question("www.child.purge.test.", "A", "198.51.100.1", old="NXDOMAIN")
            self.warm("www.child.purge.test.", "A", "198.51.100.1")
        finally:
            self.world.delete_zone("child.purge.test.")
        self.one_question("www.child.purge.test.", "A", "NXDOMAIN", old="198.51.100.1")

    def test_signing_a_zone_and_changing_its_denial_is_answered_at_once(self):
        self.warm("purge.test.", "DNSKEY", "NODATA")
        self.world.secure(APEX)
        self.one_question("purge.test.", "DNSKEY", "NOERROR", old="NODATA")
        for server in self.world.powerdns:
            denial = server.warm("no.such.name.purge.test.", "A", dnssec=True)
            self.assertIn(dns.rdatatype.NSEC, {rrset.rdtype for rrset in denial.authority}, denial.to_text())
        self.world.nsec3(APEX)
        for server in self.world.powerdns:
            denial = server.query("no.such.name.purge.test.", "A", dnssec=True)
            self.assertIn(dns.rdatatype.NSEC3, {rrset.rdtype for rrset in denial.authority}, denial.to_text())
        self.world.unsecure(APEX)
        self.one_question("purge.test.", "DNSKEY", "NODATA")

    def test_more_names_below_a_wildcard_than_are_remembered_are_purged_all_the_same(self):
        names = [f"n{number}.wild.{APEX}" for number in range(4500)]
        for server in self.world.powerdns:
            for name in names:
                server.query(name, "A")
        self.warm(names[0], "A", "192.0.2.20")
        self.warm(names[-1], "A", "192.0.2.20")
        self.world.record_set(APEX, f"*.wild.{APEX}", "A", "203.0.113.1")
        for name in names[:50] + names[2000:2050] + names[-50:]:
            self.one_question(name, "A", "203.0.113.1", old="192.0.2.20")

    def test_serial_moves_with_every_edit_and_is_answered(self):
        for number in range(3):
            before = {server.name: server.warm(APEX, "SOA").answer[0][0].serial for server in self.world.powerdns}
            self.world.record_set(APEX, f"www.{APEX}", "A", f"203.0.113.{number}")
            for server in self.world.powerdns:
                self.assertEqual(server.query(APEX, "SOA").answer[0][0].serial, before[server.name] + 1)

    def test_names_asked_in_any_letter_case_are_purged(self):
        self.check_shape(("WwW.PuRgE.tEsT.", "A"), "192.0.2.10", put("www", "A", "203.0.113.1"), "203.0.113.1")
        self.check_shape(("SoMe.WiLd.purge.test.", "A"), "192.0.2.20", put("*.wild", "A", "203.0.113.1"), "203.0.113.1")

    def test_names_asked_over_tcp_are_purged(self):
        server = self.world.pdns
        server.query("www.purge.test.", "A", tcp=True)
        self.assertTrue(seen("192.0.2.10", server.query("www.purge.test.", "A", tcp=True)))
        self.world.record_set(APEX, f"www.{APEX}", "A", "203.0.113.1")
        self.assertTrue(seen("203.0.113.1", server.query("www.purge.test.", "A", tcp=True)))

    def test_twenty_changes_in_a_row_are_each_answered(self):
        for number in range(20):
            self.world.record_set(APEX, f"www.{APEX}", "A", f"203.0.113.{number}")
            self.one_question("www.purge.test.", "A", f"203.0.113.{number}")
            self.one_question("alias.purge.test.", "A", f"203.0.113.{number}")


def shape_test(what, question, had, edit, has):
    def test(self):
        self.check_shape(question, had, edit, has)
    test.__name__ = "test_purges_" + "".join(c if c.isalnum() else "_" for c in what.lower())
    return test


for shape in SHAPES:
    function = shape_test(*shape)
    assert not hasattr(PurgePlan, function.__name__), function.__name__
    setattr(PurgePlan, function.__name__, function)


if __name__ == "__main__":
    harness.main()
