#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""DNS UPDATE (RFC 2136) through PowerDNS, with and without TSIG: an update is carried out whole or not at all.
PDNS_BACKEND=gsqlite3 runs the same on PowerDNS's own backend."""
import dns.query
import dns.rcode
import dns.update

import harness
from powerdns_tools import ToolsTest
from secondaries import TsigKey

ZONE = """\
$ORIGIN {apex}
$TTL 300
@      IN SOA ns1.{apex} hostmaster.{apex} 1 7200 900 1209600 60
       IN NS  ns1
ns1    IN A   192.0.2.1
www    IN A   192.0.2.80
alias  IN CNAME www
"""
APEX, KEYED = "update.test.", "keyed-update.test."
KEY = TsigKey("update.key.")


class Updates(ToolsTest):
    powerdns = ({"dnsupdate": "yes", "allow-dnsupdate-from": "127.0.0.0/8"},)

    @classmethod
    def prepare(cls, world):
        for apex in (APEX, KEYED):
            world.create(apex, ZONE.format(apex=apex))
        world.pdnsutil("import-tsig-key", KEY.name, KEY.algorithm, KEY.secret)
        world.pdnsutil("set-meta", KEYED, "TSIG-ALLOW-DNSUPDATE", KEY.name.rstrip("."))

    def send(self, update):
        response = dns.query.tcp(update, "127.0.0.1", port=self.world.pdns.port, timeout=harness.PATIENCE)
        self.world.settle()
        return dns.rcode.to_text(response.rcode())

    def test_rrsets_are_added_replaced_and_deleted_and_the_serial_grows(self):
        for change, expected in ((lambda update: update.add("new", 60, "A", "192.0.2.1", "192.0.2.2"), {"192.0.2.1", "192.0.2.2"}),
                                 (lambda update: update.delete("new", "A", "192.0.2.1"), {"192.0.2.2"}),
                                 (lambda update: update.replace("new", 60, "A", "192.0.2.3"), {"192.0.2.3"}),
                                 (lambda update: update.delete("new"), set())):
            with self.subTest(expected=expected):
                update, before = dns.update.Update(APEX), self.world.soa_serial(APEX)
                change(update)
                with self.journaled(APEX):
                    self.assertEqual(self.send(update), "NOERROR")
                self.assertEqual(self.served(f"new.{APEX}", "A"), expected)
                self.assertGreater(self.world.soa_serial(APEX), before)
                self.assert_same_truth(APEX)

    def test_update_whose_prerequisite_is_not_met_changes_nothing(self):
        for present, absent, rcode in ((("nobody",), None, "NXDOMAIN"), (("www", "TXT"), None, "NXRRSET"), (None, ("www",), "YXDOMAIN"),
                                       (None, ("www", "A"), "YXRRSET")):
            with self.subTest(rcode), self.unchanged():
                update = dns.update.Update(APEX)
                if present:
                    update.present(*present)
                else:
                    update.absent(*absent)
                update.replace("www", 60, "A", "192.0.2.66")
                self.assertEqual(self.send(update), rcode)
                self.assertEqual(self.served(f"www.{APEX}", "A"), {"192.0.2.80"})

    def test_update_without_the_key_is_refused_and_with_it_carried_out(self):
        update = dns.update.Update(KEYED)
        update.replace("www", 60, "A", "192.0.2.81")
        with self.unchanged():
            self.assertEqual(self.send(update), "REFUSED")
        update = dns.update.Update(KEYED, keyring=KEY.keyring, keyname=KEY.name, keyalgorithm=KEY.algorithm)
        update.replace("www", 60, "A", "192.0.2.81")
        with self.journaled(KEYED):
            self.assertEqual(self.send(update), "NOERROR")
        self.assertEqual(self.served(f"www.{KEYED}", "A"), {"192.0.2.81"})

    def test_signed_zone_that_is_updated_validates(self):
        apex = "signed-update.test."
        self.world.create(apex, ZONE.format(apex=apex))
        self.world.pdnsutil("secure-zone", apex)
        update = dns.update.Update(apex)
        update.add("x.y", 60, "A", "192.0.2.1")
        self.assertEqual(self.send(update), "NOERROR")
        for name, verdict in (("x.y", "secure"), ("y", "secure negative"), ("z.y", "secure negative")):
            self.assertEqual(set(self.world.verdicts(apex, f"{name}.{apex}", "A").values()), {verdict})


if __name__ == "__main__":
    harness.main()
