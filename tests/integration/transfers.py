# SPDX-License-Identifier: MIT
"""The zone of the transfer tests, and what is asked of both ends: equal answers, a zone that verifies as a whole, validators
that accept every class of answer."""
import re
import subprocess

import dns.exception
import dns.flags
import dns.query
import dns.rcode
import dns.rdatatype

import harness
from powerdns_tools import ToolsTest
from validators import BOGUS, Validators

ZONE = """\
$ORIGIN {apex}
$TTL 300
@            IN SOA ns1 hostmaster {serial} 7200 900 1209600 30
             IN NS  ns1
             IN MX  10 mail
             IN TXT "apex text" "of two strings"
ns1          IN A   127.0.0.1
mail         IN A   192.0.2.25
www          IN A   {address}
             IN AAAA 2001:db8::80
alias        IN CNAME www
chain        IN CNAME alias
dangling     IN CNAME none
*.wild       IN TXT "wildcard"
*.wild       IN A   192.0.2.7
there.wild   IN A   192.0.2.8
a.b.ent      IN A   192.0.2.9
_sip._tcp    IN SRV 0 5 5060 mail
secure       IN NS  ns.secure
ns.secure    IN A   192.0.2.53
secure       IN DS  4711 13 2 {digest}
insecure     IN NS  ns.elsewhere.invalid.
glued        IN NS  ns.glued
ns.glued     IN A   192.0.2.54
esc\\.aped    IN A   192.0.2.10
"""
QUESTIONS = [(name, rrtype) for name in ("", "ns1", "www", "WwW", "alias", "chain", "dangling", "x.wild", "there.wild", "x.there.wild", "wild",
                                         "*.wild", "b.ent", "a.b.ent", "none", "aaa", "zzz", "x.y.none", "_sip._tcp", "secure", "insecure",
                                         "glued", "x.secure", "ns.glued", "x.insecure", "esc\\.aped")
             for rrtype in ("A", "TXT", "NS", "DS", "MX", "SOA")] + [("_sip._tcp", "SRV"), ("www", "AAAA"), ("", "DNSKEY"), ("", "NSEC3PARAM")]
# Class of answer: name, type, verdict; with opt-out the span proves nothing, and "insecure" is right too.
VALIDATED = (("positive", "www", "A", "secure"), ("NODATA", "www", "MX", "secure negative"), ("NXDOMAIN", "none", "A", "secure negative"),
             ("wildcard", "x.wild", "TXT", "secure"), ("wildcard NODATA", "x.wild", "MX", "secure negative"),
             ("empty non-terminal", "b.ent", "A", "secure negative"), ("CNAME", "chain", "A", "secure"),
             ("secure delegation", "secure", "DS", "secure"), ("insecure delegation", "insecure", "DS", "secure negative"),
             ("apex", "", "SOA", "secure"), ("keys", "", "DNSKEY", "secure"))
OPT_OUT_INSECURE = {"NXDOMAIN", "wildcard", "wildcard NODATA", "insecure delegation"}


def zone_text(apex, serial=1, address="192.0.2.80"):
    return ZONE.format(apex=apex, serial=serial, address=address, digest="ab" * 32)


class TransferTest(ToolsTest):
    servers = ()

    @classmethod
    def tearDownClass(cls):
        for server in cls.servers:
            server.stop()
        super().tearDownClass()

    def run(self, result=None):
        outcome = super().run(result)
        if self.world and self.world.failed:
            for server in self.servers:
                print(f"--- the end of {server.process.log}\n{server.process.log_text()[-1500:]}")
        return outcome

    @classmethod
    def start_servers(cls, *servers):
        cls.servers = servers
        for server in servers:
            server.start()

    def meaning(self, response):
        """What of an answer every authoritative server gives: its header, its answer, its referral, what is signed."""
        def of(section, kinds=None):
            # PowerDNS gives NSEC3PARAM the negative TTL, whatever the primary gave it.
            return sorted((rrset.name.to_text().lower(), dns.rdatatype.to_text(rrset.rdtype), rrset.ttl if rrset.rdtype != 51 else 0, sorted(rdata.to_text().lower() for rdata in rrset))
                          for rrset in section if rrset.rdtype != 46 and (kinds is None or dns.rdatatype.to_text(rrset.rdtype) in kinds))
        signed = sorted((rrset.name.to_text().lower(), dns.rdatatype.to_text(rrset.covers)) for rrset in response.answer if rrset.rdtype == 46)
        # PowerDNS adds the DS to a referral without being asked for DNSSEC, too.
        kinds = ("NS", "DS") if response.ednsflags & dns.flags.DO else ("NS",)
        referral = [] if response.flags & dns.flags.AA else of(response.authority, kinds)
        # What PowerDNS answered in the negative before an edit keeps the SOA serial of then until it leaves the cache.
        negative = [(name, kind, ttl, [re.sub(r"^(\S+ \S+) \d+", r"\1 -", soa) for soa in content])
                    for name, kind, ttl, content in of(response.authority, ("SOA",))] if not response.answer else []
        return dns.rcode.to_text(response.rcode()), bool(response.flags & dns.flags.AA), of(response.answer), signed, referral, negative

    def assert_served_alike(self, apex, server, dnssec):
        different = []
        for name, rrtype in QUESTIONS:
            for do in (False, True) if dnssec else (False,):
                full = f"{name}.{apex}" if name else apex
                ours, theirs = self.world.pdns.query(full, rrtype, dnssec=do), server.query(full, rrtype, dnssec=do)
                mine, other = self.meaning(ours), self.meaning(theirs)
                if mine != other and not self.end_of_chain(ours, rrtype, mine, other):
                    different.append(f"{full} {rrtype}{' DO' if do else ''}\n  ours   {mine}\n  {server.name:6} {other}")
        self.assertFalse(bool(different), f"{len(different)} answers differ:\n" + "\n".join(different[:12]))

    @staticmethod
    def end_of_chain(ours, rrtype, mine, other):
        """At a CNAME's target that does not exist NSD says NOERROR, PowerDNS and Knot NXDOMAIN (RFC 6604 section 3)."""
        return bool(ours.answer) and ours.answer[0].rdtype == 5 and rrtype != "CNAME" and mine[1:] == other[1:]

    def assert_valid(self, apex, server, ds, opt_out=False):
        directory = self.world.directory / f"validators-{server.name}-{server.port}-{apex}"
        directory.mkdir(exist_ok=True)
        both = Validators(directory, server.port, {apex: ds}, [apex])
        for what, name, rrtype, verdict in VALIDATED:
            full = f"{name}.{apex}" if name else apex
            for validator, ask in (("delv", lambda: both.delv(apex, full, rrtype)), ("unbound", lambda: both.unbound(full, rrtype))):
                with self.subTest(what, server=server.name, validator=validator, zone=apex):
                    got, text = ask()
                    self.assertNotEqual(got, BOGUS, text)
                    self.assertIn(got, {verdict, "insecure"} if opt_out and what in OPT_OUT_INSECURE else {verdict}, text)

    def assert_verifies(self, apex, port=None, **key):
        """ldns-verify-zone on what a transfer brings."""
        file = self.world.directory / f"{apex}transferred"
        file.write_text(self.world.transfer(apex, port=port, **key).to_text(relativize=False) + "\n")
        done = subprocess.run(["ldns-verify-zone", "-V", "3", str(file)], capture_output=True, text=True, timeout=harness.PATIENCE)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def refused(self, apex, **options):
        """Whether a transfer is denied."""
        try:
            self.world.transfer(apex, **options)
            return False
        except (dns.query.TransferError, dns.exception.FormError, EOFError, dns.exception.DNSException):
            return True
