#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""PowerDNS on our backend as primary of real NSD and Knot, with NOTIFY and TSIG; what they serve is compared, verified as a
whole and validated. PDNS_BACKEND=gsqlite3 runs the same on PowerDNS's own backend."""
import json
import unittest

import dns.rdatatype

import harness
from powerdns_tools import STOCK
from secondaries import Knot, Nsd, TsigKey, Zone
from transfers import TransferTest, zone_text

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
