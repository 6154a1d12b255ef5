#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""PowerDNS on our backend as secondary of real NSD and Knot: plain and signed zones, NOTIFY, TSIG, autoprimaries. PDNS_BACKEND=gsqlite3 runs the same on PowerDNS's own backend."""
import json
import os
import re

import harness
from powerdns_tools import STOCK
from secondaries import Knot, Nsd, TsigKey, Zone, sign_zone
from transfers import TransferTest, zone_text

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


if __name__ == "__main__":
    harness.main()
