#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Keys and denial with pdnsutil: after each command pdnsutil, the database (sdnsctl) and the answers
over DNS agree, and the journal has it. PDNS_BACKEND=gsqlite3 runs the same on PowerDNS's own backend."""
import re
import unittest

import dns.dnssec
import dns.rdatatype

import harness
from pdnsutil_zone import VALIDATED, ZONE, PdnsutilTest
from powerdns_tools import STOCK


class Keys(PdnsutilTest):
    def test_secured_zone_is_signed_and_validates(self):
        apex = self.zone()
        with self.journaled():
            self.world.pdnsutil("secure-zone", apex)
        self.assert_keys(apex, [(257, 13, True, True)])
        self.assert_valid(apex)
        self.assertRegex(self.world.pdnsutil("list-keys", apex), r"CSK +Act Pub 256 +ECDSAP256SHA256")
        if not STOCK:
            self.assertEqual(self.world.metadata(apex, "SOA-EDIT"), ["INCEPTION-EPOCH"])

    def test_zone_secured_twice_keeps_its_key(self):
        apex = self.zone()
        self.world.pdnsutil("secure-zone", apex)
        before = self.world.ds_of(apex)
        self.world.pdnsutil_run("secure-zone", apex)
        self.world.settle()
        self.assertEqual(self.world.ds_of(apex), before)
        self.assert_keys(apex, [(257, 13, True, True)])

    def test_key_goes_through_all_of_its_states(self):
        apex = self.zone()
        self.world.pdnsutil("secure-zone", apex)
        first = next(iter(self.world.key_lines(apex)))
        csk = (257, 13, True, True)
        with self.journaled():
            second = int(self.world.pdnsutil("add-zone-key", apex, "zsk", "inactive", "unpublished", "ecdsa256").split()[0])
        self.assert_keys(apex, [csk, (256, 13, False, False)])
        for command, state in (("publish-zone-key", (256, 13, False, True)), ("activate-zone-key", (256, 13, True, True)),
                               ("unpublish-zone-key", (256, 13, True, False)), ("publish-zone-key", (256, 13, True, True)),
                               ("deactivate-zone-key", (256, 13, False, True))):
            with self.subTest(command), self.journaled():
                self.world.pdnsutil(command, apex, second)
                self.assert_keys(apex, [csk, state])
                if state != (256, 13, True, False):  # signs what nobody can verify
                    self.assert_valid(apex, VALIDATED[:1])
        self.assertEqual(sorted(self.world.key_lines(apex)), sorted((first, second)))
        self.world.pdnsutil("activate-zone-key", apex, second)
        tag = next(int(tag) for number, tag in re.findall(r"ID = (\d+) .*tag = (\d+),", self.world.pdnsutil("show-zone", apex))
                   if int(number) == second)
        self.assertEqual(self.signers(f"www.{apex}", "A"), {tag})  # a ZSK takes the signing of data over
        with self.journaled():
            self.world.pdnsutil("remove-zone-key", apex, second)
        self.assert_keys(apex, [csk])
        self.assert_valid(apex)

    def test_zone_validates_with_each_algorithm(self):
        for mnemonic, number, options in (("rsasha256", 8, ["2048"]), ("rsasha512", 10, ["2048"]), ("ecdsa256", 13, []),
                                          ("ecdsa384", 14, []), ("ed25519", 15, []), ("ed448", 16, [])):
            with self.subTest(mnemonic):
                apex = f"{mnemonic}.algorithms.test."
                self.world.create(apex, ZONE.format(apex=apex))
                self.world.pdnsutil("add-zone-key", apex, "ksk", *options, "active", "published", mnemonic)
                self.world.pdnsutil("add-zone-key", apex, "zsk", *options, "active", "published", mnemonic)
                self.assert_keys(apex, [(257, number, True, True), (256, number, True, True)])
                # Debian's unbound has no Ed448.
                self.assert_valid(apex, validators=("delv",) if number == 16 else ("delv", "unbound"))

    def test_exported_key_imports_as_the_same_key(self):
        apex = self.zone()
        self.world.pdnsutil("secure-zone", apex)
        before, number = self.world.ds_of(apex), next(iter(self.world.key_lines(apex)))
        text = self.world.pdnsutil("export-zone-key", apex, number)
        pem = self.world.pdnsutil("export-zone-key-pem", apex, number)
        self.assertIn("Private-key-format: v1.2", text)
        self.assertIn("BEGIN EC PRIVATE KEY", pem)
        for what, content, arguments in (("BIND", text, ["active", "ksk"]), ("PEM", pem, None)):
            with self.subTest(what):
                file = self.world.directory / f"{what}.key"
                file.write_text(content)
                self.world.pdnsutil("disable-dnssec", apex)
                self.assert_keys(apex, [])
                with self.journaled():
                    if arguments:
                        self.world.pdnsutil("import-zone-key", apex, file, *arguments)
                    else:
                        self.world.pdnsutil("import-zone-key-pem", apex, file, "13", "ksk")
                self.assertEqual(self.world.ds_of(apex), before)
                self.assert_valid(apex, VALIDATED[:1])

    def test_ds_are_those_of_the_served_key(self):
        apex = self.zone()
        self.world.pdnsutil("secure-zone", apex)
        key = self.world.pdns.query(apex, "DNSKEY").answer[0][0]
        for digest, name in ((2, "SHA256"), (4, "SHA384")):
            made = dns.dnssec.make_ds(apex, key, name).to_text()
            self.assertEqual(self.world.ds_of(apex, digest).lower(), made.lower())
            if not STOCK:
                self.assertIn(made.lower(), self.world.ctl("zone", "ds", apex, "--digest", str(digest)).stdout.lower())

    def test_zone_without_keys_is_unsigned_again(self):
        apex = self.zone()
        self.world.pdnsutil("secure-zone", apex)
        self.assertTrue(self.signers(f"www.{apex}", "A"))
        with self.journaled():
            self.world.pdnsutil("disable-dnssec", apex)
        self.assert_keys(apex, [])
        self.assertFalse(self.signers(f"www.{apex}", "A"))

    def test_cds_and_cdnskey_are_published_when_asked_for(self):
        apex = self.zone()
        self.world.pdnsutil("secure-zone", apex)
        self.assertFalse(self.served(apex, "CDS"))
        self.world.pdnsutil("set-publish-cds", apex, "2,4")
        self.world.pdnsutil("set-publish-cdnskey", apex)
        ds = {self.world.ds_of(apex, digest).lower() for digest in (2, 4)}
        self.assertEqual({content.lower() for content in self.served(apex, "CDS")}, ds)
        self.assertEqual(self.served(apex, "CDNSKEY"), self.served(apex, "DNSKEY"))
        self.assert_valid(apex, (("", "CDS", "secure"), ("", "CDNSKEY", "secure")))
        self.world.pdnsutil("unset-publish-cds", apex)
        self.world.pdnsutil("unset-publish-cdnskey", apex)
        self.assertFalse(self.served(apex, "CDS") | self.served(apex, "CDNSKEY"))

    def test_delete_signal_is_published_as_cdnskey(self):
        apex = self.zone()
        self.world.pdnsutil("secure-zone", apex)
        self.world.pdnsutil("set-publish-cdnskey", apex, "delete")
        self.world.pdnsutil("set-publish-cds", apex, "0")
        self.assertEqual(self.served(apex, "CDNSKEY"), {"0 3 0 aa=="})
        self.assertEqual(self.served(apex, "CDS"), {"0 0 0 00"})


class Denial(PdnsutilTest):
    def denial_type(self, apex):
        response = self.world.pdns.query(f"none.{apex}", "A", dnssec=True)
        return {dns.rdatatype.to_text(rrset.rdtype) for rrset in response.authority} & {"NSEC", "NSEC3"}

    def test_each_way_of_denial_is_set_and_validates(self):
        apex = self.zone()
        self.world.pdnsutil("secure-zone", apex)
        self.assertEqual(self.denial_type(apex), {"NSEC"})
        insecure = {(name, rrtype) for name, rrtype, verdict in VALIDATED} - {("www", "A")}
        for parameters, narrow in (("1 0 0 -", False), ("1 0 5 ab12cd", False), ("1 1 0 -", False), ("1 0 0 -", True),
                                   ("1 0 2 beef", True)):
            with self.subTest(parameters, narrow=narrow):
                with self.journaled():
                    self.world.pdnsutil("set-nsec3", apex, parameters, *(["narrow"] if narrow else []))
                self.world.rectified(apex)
                self.assertEqual(self.denial_type(apex), {"NSEC3"})
                self.assertEqual(self.world.metadata(apex, "NSEC3PARAM"), [parameters])
                self.assertEqual(self.world.metadata(apex, "NSEC3NARROW"), ["1"] if narrow else [])
                algorithm, flags, iterations, salt = parameters.split()
                self.assertEqual(self.served(apex, "NSEC3PARAM"), {f"{algorithm} 0 {iterations} {salt}"})
                self.assert_valid(apex, insecure=insecure if flags == "1" else ())
                mine = dns.dnssec.nsec3_hash(f"www.{apex}", None if salt == "-" else salt, int(iterations), 1)
                self.assertEqual(self.world.pdnsutil("hash-zone-record", apex, f"www.{apex}").split()[0].lower(), mine.lower())
        with self.journaled():
            self.world.pdnsutil("unset-nsec3", apex)
        self.world.rectified(apex)
        self.assertEqual(self.denial_type(apex), {"NSEC"})
        self.assertFalse(self.served(apex, "NSEC3PARAM"))
        self.assert_valid(apex)

    @unittest.skipIf(STOCK, "PowerDNS clamps them and says nothing")
    def test_iterations_beyond_the_limit_change_nothing(self):
        apex = self.zone()
        self.world.pdnsutil("secure-zone", apex)
        with self.unchanged():
            self.world.pdnsutil_run("set-nsec3", apex, "1 0 2500 ab12")
        self.assertEqual(self.denial_type(apex), {"NSEC"})

    def test_presigned_is_set_and_unset(self):
        apex = self.zone()
        with self.journaled():
            self.world.pdnsutil("set-presigned", apex)
        self.assertEqual(self.world.metadata(apex, "PRESIGNED"), ["1"])
        with self.journaled():
            self.world.pdnsutil("unset-presigned", apex)
        self.assertEqual(self.world.metadata(apex, "PRESIGNED"), [])
        self.assertEqual(self.served(f"www.{apex}", "A"), {"192.0.2.80"})


if __name__ == "__main__":
    harness.main()
