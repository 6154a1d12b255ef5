#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Zone transfers between PowerDNS on our backend and real NSD and Knot, out and in, with NOTIFY and TSIG; what a secondary
serves is compared, verified as a whole and validated. PDNS_BACKEND=gsqlite3 runs the same on PowerDNS's own backend."""
import json
import os
import re
import subprocess
import unittest

import dns.exception
import dns.flags
import dns.query
import dns.rcode
import dns.rdatatype

import harness
from powerdns_tools import STOCK, ToolsTest
from secondaries import Knot, Nsd, TsigKey, Zone, sign_zone
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


PRIMARY = {"primary": "yes", "secondary": "no", "allow-axfr-ips": "", "xfr-cycle-interval": "1", "only-notify": ""}
PLAIN, NSEC, NSEC3, OPT_OUT, KEYED = "plain.test.", "nsec.test.", "nsec3.test.", "opt-out.test.", "keyed.test."
KEY = TsigKey("out.key.")


class Out(TransferTest):
    powerdns = (PRIMARY,)

    @classmethod
    def prepare(cls, world):
        world.pdnsutil("import-tsig-key", KEY.name, KEY.algorithm, KEY.secret)
        for apex in (PLAIN, NSEC, NSEC3, OPT_OUT, KEYED):
            world.create(apex, zone_text(apex), kind="primary")
            if apex in (NSEC, NSEC3, OPT_OUT):
                world.pdnsutil("secure-zone", apex)
            if apex == KEYED:
                world.pdnsutil("activate-tsig-key", apex, KEY.name, "primary")
            else:
                world.pdnsutil("set-meta", apex, "ALLOW-AXFR-FROM", "127.0.0.0/8")
        world.pdnsutil("set-nsec3", NSEC3, "1 0 3 ab12")
        world.pdnsutil("set-nsec3", OPT_OUT, "1 1 0 -")
        for apex in (NSEC, NSEC3, OPT_OUT):
            world.rectified(apex)
        primary = f"127.0.0.1:{world.pdns.port}"
        zones = [(apex, KEY if apex == KEYED else None) for apex in (PLAIN, NSEC, NSEC3, OPT_OUT, KEYED)]
        cls.start_servers(*(kind(world.directory, [Zone(apex, primary=primary, key=key) for apex, key in zones]) for kind in (Nsd, Knot)))
        for server in cls.servers:
            for apex, _ in zones:
                server.wait_serial(apex, world.soa_serial(apex))
            world.pdnsutil("set-meta", PLAIN, "ALSO-NOTIFY", *(f"127.0.0.1:{server.port}" for server in cls.servers))
        for apex, _ in zones[1:]:
            world.pdnsutil("set-meta", apex, "ALSO-NOTIFY", *(f"127.0.0.1:{server.port}" for server in cls.servers))
        for server in cls.servers:
            for apex, _ in zones:
                server.wait_serial(apex, world.soa_serial(apex))

    def test_unsigned_zone_is_served_alike(self):
        for server in self.servers:
            self.assert_served_alike(PLAIN, server, dnssec=False)

    def test_signed_zones_are_served_alike(self):
        for server in self.servers:
            for apex in (NSEC, NSEC3, OPT_OUT):
                self.assert_served_alike(apex, server, dnssec=True)

    def test_zone_behind_a_key_is_served_alike(self):
        for server in self.servers:
            self.assert_served_alike(KEYED, server, dnssec=False)

    def test_signed_zones_verify_as_a_whole(self):
        for apex in (NSEC, NSEC3, OPT_OUT):
            with self.subTest(apex):
                self.assert_verifies(apex)

    def test_validators_accept_every_class_of_answer_of_the_secondaries(self):
        for server in self.servers:
            for apex in (NSEC, NSEC3, OPT_OUT):
                self.assert_valid(apex, server, self.world.ds_of(apex), opt_out=apex == OPT_OUT)

    def test_transfer_without_the_key_or_with_another_is_refused(self):
        self.assertEqual(self.refused(KEYED), True)
        self.assertEqual(self.refused(KEYED, keyring=TsigKey(KEY.name, secret=b"another").keyring, keyname=KEY.name, algorithm=KEY.algorithm), True)
        zone = self.world.transfer(KEYED, keyring=KEY.keyring, keyname=KEY.name, algorithm=KEY.algorithm)
        self.assertIsNotNone(zone.get_rdataset(f"www.{KEYED}", "A"))

    def test_transfer_from_an_address_that_is_not_allowed_is_refused(self):
        apex = "closed.test."
        self.world.create(apex, zone_text(apex), kind="primary")
        self.assertTrue(self.refused(apex))
        self.world.pdnsutil("set-meta", apex, "ALLOW-AXFR-FROM", "192.0.2.0/24")
        self.assertTrue(self.refused(apex))
        self.world.pdnsutil("set-meta", apex, "ALLOW-AXFR-FROM", "192.0.2.0/24", "127.0.0.1")
        self.assertFalse(self.refused(apex))

    def test_narrow_zone_is_not_transferred(self):
        apex = "narrow.test."
        self.world.create(apex, zone_text(apex), kind="primary")
        self.world.pdnsutil("secure-zone", apex)
        self.world.pdnsutil("set-nsec3", apex, "1 0 0 -", "narrow")
        self.world.pdnsutil("set-meta", apex, "ALLOW-AXFR-FROM", "127.0.0.1")
        self.world.rectified(apex)
        self.assertTrue(self.refused(apex))

    def test_transfer_brings_what_is_stored_and_no_more(self):
        zone = self.world.transfer(PLAIN)
        brought = {(owner.to_text().lower(), dns.rdatatype.to_text(rdata.rdtype), rdata.to_text().lower()) for owner, _, rdata in zone.iterate_rdatas()}
        stored = {(owner, kind, content.lower()) for owner, kind, content in self.world.stored(PLAIN)}
        self.assertEqual(brought, stored)

    def assert_followed(self, apex, edit):
        """Secondaries follow long before the SOA's refresh, so they were told; and PowerDNS noted whom it told of what."""
        before = self.world.soa_serial(apex)
        edit()
        self.world.rectified(apex)
        self.world.settle()
        after = self.world.soa_serial(apex)
        self.assertGreater(after, before)
        for server in self.servers:
            server.wait_serial(apex, after)
        harness.wait_for("the notified serial", lambda: self.world.notified(apex) in (after, self.world.stored_serial(apex)))
        for server in self.servers:
            self.assert_served_alike(apex, server, dnssec=False)

    def test_secondaries_follow_edits_through_the_api(self):
        for number, apex in enumerate((PLAIN, NSEC3, KEYED)):
            with self.subTest(apex):
                if STOCK:
                    self.world.pdnsutil("set-meta", apex, "SOA-EDIT-API", "INCREASE")
                self.assert_followed(apex, lambda: self.assertEqual(204, self.world.api("PATCH", f"/zones/{apex}", {"rrsets": [
                    {"name": f"by-api.{apex}", "type": "A", "ttl": 60, "changetype": "REPLACE",
                     "records": [{"content": f"192.0.2.{100 + number}", "disabled": False}]}]})[0]))

    @unittest.skipIf(STOCK, "sdnsctl edits our database")
    def test_secondaries_follow_edits_with_sdnsctl(self):
        for apex in (PLAIN, NSEC, OPT_OUT, KEYED):
            with self.subTest(apex):
                self.assert_followed(apex, lambda: self.world.record_set(apex, "by-ctl", "A", "192.0.2.120"))

    def test_secondaries_follow_a_loaded_zone(self):
        file = self.world.directory / "loaded.zone"
        file.write_text(zone_text(PLAIN, serial=4000, address="192.0.2.81"))
        self.assert_followed(PLAIN, lambda: self.world.pdnsutil("load-zone", PLAIN, file))

    @unittest.skipIf(STOCK, "sdnsctl knows our database")
    def test_transfer_status_says_what_is_served_and_who_was_told(self):
        for apex in (PLAIN, NSEC, OPT_OUT):
            with self.subTest(apex):
                self.world.record_set(apex, "status", "A", "192.0.2.121")
                harness.wait_for("the notified serial", lambda: self.world.notified(apex) in (self.world.soa_serial(apex), self.world.stored_serial(apex)))
                status = json.loads(self.world.ctl("--json", "zone", "transfer-status", apex).stdout)
                self.assertEqual(status["kind"], "primary")
                self.assertEqual(status["serial"], self.world.stored_serial(apex))
                self.assertEqual(status["served_serial"], self.world.soa_serial(apex))
                self.assertEqual(status["notified_serial"], self.world.notified(apex))

    def test_zone_is_notified_by_request(self):
        status, answer = self.world.api("PUT", f"/zones/{PLAIN}/notify")
        self.assertEqual(status, 200, answer)
        self.assertIn("Added", self.world.pdns.control(f"NOTIFY {NSEC}"))


SECONDARY = {"primary": "no", "secondary": "yes", "autosecondary": "yes", "xfr-cycle-interval": "1", "loglevel": "5"}
IN_PLAIN, IN_KEYED, IN_NSEC, IN_NSEC3, IN_NSD_NSEC, IN_NSD_NSEC3 = ("in-plain.test.", "in-keyed.test.", "in-nsec.test.", "in-nsec3.test.",
                                                                   "in-nsd-nsec.test.", "in-nsd-nsec3.test.")
IN_KNOT_PLAIN, IN_OPT_OUT = "in-knot-plain.test.", "in-nsec3-opt-out.test."


class In(TransferTest):
    powerdns = (SECONDARY,)

    @classmethod
    def prepare(cls, world):
        notify = f"127.0.0.1:{world.pdns.port}"
        key = TsigKey("in.key.", "hmac-sha512")
        signed = {apex: sign_zone(world.directory, apex, zone_text(apex), nsec3=apex == IN_NSD_NSEC3) for apex in (IN_NSD_NSEC, IN_NSD_NSEC3)}
        cls.ds = {apex: ds for apex, (_, ds) in signed.items()}
        cls.nsd = Nsd(world.directory, [Zone(IN_PLAIN, text=zone_text(IN_PLAIN), notify=notify), Zone(IN_KEYED, text=zone_text(IN_KEYED), notify=notify, key=key),
                                        *(Zone(apex, text=text, notify=notify) for apex, (text, _) in signed.items())])
        cls.knot = Knot(world.directory, [Zone(IN_KNOT_PLAIN, text=zone_text(IN_KNOT_PLAIN), notify=notify), *(
            Zone(apex, text=zone_text(apex), notify=notify, extra=f"    dnssec-signing: on\n    dnssec-policy: {policy}\n")
            for apex, policy in ((IN_NSEC, "nsec"), (IN_NSEC3, "nsec3"), (IN_OPT_OUT, "opt-out")))])
        cls.start_servers(cls.nsd, cls.knot)
        for apex in (IN_NSEC, IN_NSEC3, IN_OPT_OUT):
            cls.ds[apex] = cls.knot.ds(apex)
        world.pdnsutil("import-tsig-key", key.name, key.algorithm, key.secret)
        for server in cls.servers:
            for apex, zone in server.zones.items():
                world.create_secondary(apex, f"127.0.0.1:{server.port}")
                world.settle()
                if zone.key:
                    world.pdnsutil("activate-tsig-key", apex, key.name, "secondary")
                cls.fetch(world, apex)
        for server in cls.servers:
            for apex in server.zones:
                cls.wait_here(world, apex, server)

    @staticmethod
    def fetch(world, apex):
        status, answer = world.api("PUT", f"/zones/{apex}/axfr-retrieve")
        if status != 200:
            raise AssertionError(f"axfr-retrieve {apex}: {status} {answer}")

    @staticmethod
    def wait_here(world, apex, server):
        def arrived():
            world.settle()
            response = world.pdns.query(apex, "SOA")
            return bool(response.answer) and response.answer[0][0].serial == server.serial(apex)
        harness.wait_for(f"PowerDNS to have {apex} from {server.name}", arrived)

    def test_transferred_zones_are_served_as_their_primaries_serve_them(self):
        for server in self.servers:
            for apex in server.zones:
                with self.subTest(apex):
                    self.assert_served_alike(apex, server, dnssec=apex in self.ds)

    def test_signed_zones_are_presigned_and_validate_in_every_class_of_answer(self):
        for apex, ds in self.ds.items():
            with self.subTest(apex):
                self.assertEqual(self.world.metadata(apex, "PRESIGNED"), ["1"])
                self.assertEqual(bool(self.world.metadata(apex, "NSEC3PARAM")), "nsec3" in apex)
                self.assert_valid(apex, self.world.pdns_as_server(), ds, opt_out=apex == IN_OPT_OUT)

    def test_presigned_zones_transferred_on_verify_as_a_whole(self):
        for apex in self.ds:
            with self.subTest(apex):
                self.assert_verifies(apex)

    def test_update_of_the_primary_follows_by_notify(self):
        for server, apex, options in ((self.nsd, IN_PLAIN, {}), (self.nsd, IN_KEYED, {}), (self.knot, IN_KNOT_PLAIN, {}), (self.nsd, IN_NSD_NSEC3, {"nsec3": True}),
                                      (self.knot, IN_NSEC, None), (self.knot, IN_NSEC3, None), (self.knot, IN_OPT_OUT, None)):
            with self.subTest(apex):
                text = zone_text(apex, serial=50, address="192.0.2.81").replace("there.wild", "moved.wild")
                if apex in (IN_NSD_NSEC3,):
                    text, _ = sign_zone(self.world.directory, apex, text, **options)
                server.update(apex, text)
                harness.wait_for("the primary's new zone", lambda: "192.0.2.81" in server.query(f"www.{apex}", "A").to_text())
                self.wait_here(self.world, apex, server)
                self.assertEqual(self.served(f"www.{apex}", "A"), {"192.0.2.81"})
                self.assert_served_alike(apex, server, dnssec=apex in self.ds)
                if apex in self.ds:
                    self.assert_valid(apex, self.world.pdns_as_server(), self.ds[apex], opt_out=apex == IN_OPT_OUT)

    def test_serial_of_a_secondary_is_that_of_its_primary(self):
        for server in self.servers:
            for apex in server.zones:
                self.assertEqual(self.world.soa_serial(apex), server.serial(apex))
                if not STOCK:
                    status = json.loads(self.world.ctl("--json", "zone", "transfer-status", apex).stdout)
                    self.assertEqual((status["kind"], status["serial"], status["primaries"]), ("secondary", server.serial(apex), [f"127.0.0.1:{server.port}"]))
                    self.assertIsNotNone(status["last_check"])

    def test_primary_that_is_gone_leaves_the_zone_as_it_was(self):
        apex = "gone.test."
        gone = Nsd(self.world.directory, [Zone(apex, text=zone_text(apex), notify=f"127.0.0.1:{self.world.pdns.port}")]).start()
        try:
            self.world.create_secondary(apex, f"127.0.0.1:{gone.port}")
            self.world.settle()
            self.fetch(self.world, apex)
            self.wait_here(self.world, apex, gone)
        finally:
            gone.stop()
        before = self.world.stored(apex)
        self.fetch(self.world, apex)
        harness.wait_for("a word of the failure", lambda: re.search(r"gone\.test.*(refused|Unable|failed|error)", self.world.pdns.process.log_text(), re.I))
        self.world.settle()
        self.assertEqual(self.world.stored(apex), before)
        self.assertEqual(self.served(f"www.{apex}", "A"), {"192.0.2.80"})

    def test_zone_of_an_autoprimary_is_made_when_it_notifies(self):
        apex, nameserver = "auto.test.", "ns1.auto.test"
        address = f"127.{os.getpid() // 250 % 250 + 1}.{os.getpid() % 250 + 1}.53"  # PowerDNS asks an autoprimary at port 53
        if STOCK:
            self.world.pdnsutil("add-autoprimary", address, nameserver, "somebody")
        else:
            self.world.edit("autoprimary", "add", address, nameserver, "--account", "somebody")
        knot = Knot(self.world.directory, [Zone(apex, text=zone_text(apex), notify=f"127.0.0.1:{self.world.pdns.port}"),
                                           Zone("stranger.test.", text=zone_text("stranger.test.").replace("ns1", "ns9"),
                                                notify=f"127.0.0.1:{self.world.pdns.port}")], address=address, port=53).start()
        try:
            harness.wait_for("the autoprimary's zones", lambda: all(knot.serial(zone) for zone in knot.zones))
            knot.control("zone-notify", "stranger.test.")
            knot.control("zone-notify", apex)
            self.wait_here(self.world, apex, knot)
            self.assert_served_alike(apex, knot, dnssec=False)
            self.assertEqual(self.world.api("GET", f"/zones/{apex}")[1]["kind"], "Slave")
            self.assertIn("stranger.test", self.world.pdns.process.log_text())
            self.assertNotEqual(self.world.api("GET", "/zones/stranger.test.")[0], 200)
        finally:
            knot.stop()


FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
ROLLED = "rolled.test."


class MovedClock(TransferTest):
    """SOA-EDIT lets the served serial grow when PowerDNS's signatures roll, every Thursday, so that secondaries fetch them."""
    powerdns = (PRIMARY,)

    def test_secondary_follows_a_roll_of_signatures_without_a_change_of_data(self):
        world = self.world
        world.create(ROLLED, zone_text(ROLLED), kind="primary")
        world.pdnsutil("secure-zone", ROLLED)
        world.pdnsutil("set-meta", ROLLED, "ALLOW-AXFR-FROM", "127.0.0.0/8")
        if STOCK:
            world.pdnsutil("set-meta", ROLLED, "SOA-EDIT", "INCEPTION-EPOCH")
        self.assertEqual(world.metadata(ROLLED, "SOA-EDIT"), ["INCEPTION-EPOCH"])
        world.rectified(ROLLED)
        moved = self.moved_server()
        self.start_servers(Knot(world.directory, [Zone(ROLLED, primary=f"127.0.0.1:{moved.port}")]))
        knot = self.servers[0]
        first = harness.wait_for("the first transfer", lambda: knot.serial(ROLLED))
        self.assertEqual(first, moved.query(ROLLED, "SOA").answer[0][0].serial)
        stored = world.stored(ROLLED)
        inception = self.inception(knot)
        for weeks in (1, 2):
            with self.subTest(weeks=weeks):
                self.move(weeks * 7)
                moved.control("PURGE")
                now = moved.query(ROLLED, "SOA").answer[0][0].serial
                self.assertGreater(now, first)
                knot.refresh(ROLLED)
                knot.wait_serial(ROLLED, now)
                self.assertGreater(self.inception(knot), inception)
                first, inception = now, self.inception(knot)
        self.assertEqual(world.stored(ROLLED), stored)

    @unittest.skipIf(STOCK, "PowerDNS leaves it to its user that the served serial grows")
    def test_served_serial_grows_with_each_edit_of_a_signed_zone(self):
        apex = "growing.test."
        self.world.create(apex, zone_text(apex, serial=7), kind="primary")
        self.world.pdnsutil("secure-zone", apex)
        for number in range(3):
            before = self.world.soa_serial(apex)
            self.world.pdnsutil("replace-rrset", apex, "www", "A", f"192.0.2.{90 + number}")
            self.assertGreater(self.world.soa_serial(apex), before)

    def inception(self, server):
        response = server.query(f"www.{ROLLED}", "A", dnssec=True)
        return next(rdata.inception for rrset in response.answer if rrset.rdtype == 46 for rdata in rrset)

    def move(self, days):
        self.clock.write_text(f"+{days}d\n")

    def moved_server(self):
        """A second name server of the world, with a clock of its own."""
        world = self.world
        self.clock = world.directory / "clock"
        self.move(0)
        server = type(world.pdns)(world, "moved", {**PRIMARY, **({"zone-cache-refresh-interval": "0"} if STOCK else {})})
        for _ in range(5):
            server.port = harness.free_port()
            server.write_config()
            server.process = harness.Process([harness.PDNS_SERVER, f"--config-dir={server.directory}"], server.directory / "log", {
                "LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": str(self.clock), "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
            harness.wait_for("the name server with a moved clock", lambda: not server.process.alive() or server.answers())
            if server.process.alive():
                break
        self.addCleanup(server.process.kill_all)
        return server


if __name__ == "__main__":
    harness.main()
