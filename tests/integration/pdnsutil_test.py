#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Zones, records, metadata and TSIG keys with pdnsutil: after each command pdnsutil, the database (sdnsctl) and the answers
over DNS agree, and the journal has it. PDNS_BACKEND=gsqlite3 runs the same on PowerDNS's own backend."""
import re
import unittest

import dns.rdata
import dns.rdataclass
import dns.rdatatype

import harness
from pdnsutil_zone import ZONE, PdnsutilTest
from powerdns_tools import STOCK, canonical


class Metadata(PdnsutilTest):
    def test_metadata_is_set_added_to_shown_and_cleared(self):
        apex = self.zone()
        with self.journaled():
            self.assertIn("X-FOO = a, b", self.world.pdnsutil("set-meta", apex, "X-FOO", "a", "b"))
        self.assertEqual(self.world.metadata(apex, "X-FOO"), ["a", "b"])
        with self.journaled():
            self.world.pdnsutil("add-meta", apex, "X-FOO", "c")
        self.assertEqual(self.world.metadata(apex, "X-FOO"), ["a", "b", "c"])
        self.assertIn("X-FOO = a, b, c", self.world.pdnsutil("get-meta", apex))
        self.assertIn("X-FOO = a, b, c", self.world.pdnsutil("get-meta", apex, "X-FOO"))
        with self.journaled():
            self.world.pdnsutil("set-meta", apex, "X-FOO")
        self.assertEqual(self.world.metadata(apex, "X-FOO"), [])
        self.assertNotIn("X-FOO", self.world.pdnsutil("get-meta", apex))

    def test_transfer_metadata_is_stored_as_given(self):
        apex = self.zone()
        for kind, values in (("ALLOW-AXFR-FROM", ["192.0.2.0/24", "2001:db8::/32", "AUTO-NS"]),
                             ("ALSO-NOTIFY", ["192.0.2.9", "192.0.2.10:5353"]), ("SOA-EDIT", ["INCEPTION-INCREMENT"]),
                             ("SOA-EDIT-API", ["DEFAULT"]), ("AXFR-SOURCE", ["192.0.2.1"])):
            with self.subTest(kind), self.journaled():
                self.world.pdnsutil("set-meta", apex, kind, *values)
                self.assertEqual(self.world.metadata(apex, kind), values)


class Zones(PdnsutilTest):
    def test_zones_are_listed_by_kind(self):
        for kind in ("native", "primary"):
            self.world.create(f"{kind}.listed.test.", ZONE.format(apex=f"{kind}.listed.test."), kind=kind)
        self.world.create_secondary("secondary.listed.test.", "192.0.2.1", "192.0.2.2:5300")
        self.world.settle()
        def zones(*kind):
            return {word for word in self.world.pdnsutil("-v", "list-all-zones", *kind).split() if word.endswith(".test")}
        listed = {kind: zones(kind) for kind in ("native", "primary", "secondary")}
        everything = zones()
        for kind, found in listed.items():
            self.assertIn(f"{kind}.listed.test", found)
            self.assertTrue(found <= everything)
        self.assertFalse(listed["native"] & listed["primary"])
        self.assertRegex(self.world.pdnsutil("show-zone", "secondary.listed.test"), r"192\.0\.2\.2:5300")

    def test_zone_is_listed_checked_and_rectified_and_stays_as_it_is(self):
        apex = self.zone()
        self.world.pdnsutil("secure-zone", apex)
        before = self.assert_same_truth(apex)
        self.assertEqual({(f"www.{apex}", "A", "192.0.2.80"), (f"*.wild.{apex}", "TXT", '"wildcard"')} - before, set())
        with self.unchanged() if not STOCK else self.journaled():
            self.assertIn("0 errors", self.world.pdnsutil("check-zone", apex))
            self.world.pdnsutil("rectify-zone", apex)
            self.assertEqual(self.assert_same_truth(apex), before)
        self.assert_valid(apex)

    def test_all_zones_are_checked_and_rectified(self):
        apex = self.zone()
        self.assertIn(f"records of '{apex.rstrip('.')}', 0 errors", self.world.pdnsutil("check-all-zones"))
        self.assertRegex(self.world.pdnsutil("rectify-all-zones"), r"Rectified \d+ zones")
        self.assertEqual(self.served(f"www.{apex}", "A"), {"192.0.2.80"})

    def test_check_finds_what_is_wrong(self):
        apex = self.zone()
        self.world.pdnsutil("add-record", apex, "@", "MX", "20 alias." + apex)
        self.assertRegex(self.world.pdnsutil_run("check-zone", apex).stdout, r"(?i)(warning|error).*alias")

    def test_loaded_zone_replaces_what_was_there(self):
        apex = self.zone()
        file = self.world.directory / "load.zone"
        file.write_text(f"$ORIGIN {apex}\n$TTL 60\n@ IN SOA ns1 hostmaster 77 1 1 1 1\n IN NS ns1\nns1 IN A 192.0.2.1\nnew IN A 192.0.2.99\n")
        with self.journaled(apex):
            self.world.pdnsutil("load-zone", apex, file)
        self.assertEqual({record for record in self.assert_same_truth(apex) if record[1] != "SOA"},
                         {(apex, "NS", f"ns1.{apex}"), (f"ns1.{apex}", "A", "192.0.2.1"), (f"new.{apex}", "A", "192.0.2.99")})
        self.assertEqual(self.served(f"new.{apex}", "A"), {"192.0.2.99"})
        self.assert_rcode(self.world.pdns.query(f"www.{apex}", "A"), "NXDOMAIN")
        self.assertEqual(self.world.soa_serial(apex), 77)

    def test_file_that_does_not_parse_leaves_the_zone_as_it_was(self):
        apex = self.zone()
        before = self.world.stored(apex)
        file = self.world.directory / "bad.zone"
        file.write_text(f"$ORIGIN {apex}\n$TTL 60\n@ IN SOA ns1 hostmaster 78 1 1 1 1\n IN NS ns1\nns1 IN A 192.0.2.1\nbad IN A 192.0.2.999\n")
        with self.unchanged() if not STOCK else self.journaled():
            self.world.pdnsutil_fails("load-zone", apex, file)
        self.assertEqual(self.world.stored(apex), before)
        self.assertEqual(self.served(f"www.{apex}", "A"), {"192.0.2.80"})

    @unittest.skipIf(STOCK, "PowerDNS stores a zone that nobody can serve")
    def test_cleared_zone_is_refused_because_a_zone_has_an_soa(self):
        apex = self.zone()
        before = self.world.stored(apex)
        with self.unchanged():
            self.world.pdnsutil_run("clear-zone", apex)
        self.assertEqual(self.world.stored(apex), before)
        self.assertEqual(self.served(f"www.{apex}", "A"), {"192.0.2.80"})


class Records(PdnsutilTest):
    def test_records_are_added_replaced_and_deleted(self):
        apex = self.zone()
        name = f"new.{apex}"
        for arguments, expected in ((["add-record", apex, "new", "A", "60", "192.0.2.1", "192.0.2.2"], {"192.0.2.1", "192.0.2.2"}),
                                    (["add-record", apex, "new", "A", "60", "192.0.2.3"], {"192.0.2.1", "192.0.2.2", "192.0.2.3"}),
                                    (["replace-rrset", apex, "new", "A", "90", "192.0.2.4"], {"192.0.2.4"}),
                                    (["delete-rrset", apex, "new", "A"], set())):
            with self.subTest(arguments[0], expected=expected):
                with self.journaled(apex):
                    self.world.pdnsutil(*arguments)
                stored = self.assert_same_truth(apex)
                self.assertEqual({content for owner, kind, content in stored if owner == name}, expected)
                self.assertEqual(self.served(name, "A"), expected)

    def test_record_of_each_shape_arrives_as_it_was_given(self):
        apex = self.zone()
        target = f"mail.{apex}"
        for rrtype, content in (("MX", f"10 {target}"), ("SRV", f"0 5 5060 {target}"), ("TXT", '"a b" "c\\"d"'), ("CNAME", target),
                                ("CAA", '0 issue "example.net"'), ("NAPTR", f'100 10 "u" "sip" "!^.*$!sip:x@y!" .'), ("PTR", target),
                                ("TLSA", "3 1 1 " + "ab" * 32), ("SSHFP", "4 2 " + "cd" * 32), ("HTTPS", f"1 {target} alpn=\"h2\""),
                                ("DS", "4711 13 2 " + "ef" * 32), ("TYPE65300", "\\# 3 010203"), ("LOC", "51 56 0.123 N 5 54 0.000 E 4.00m 1.00m 2.00m 3.00m")):
            with self.subTest(rrtype):
                owner = f"t-{rrtype.lower()}.{apex}"
                self.world.pdnsutil("add-record", apex, f"t-{rrtype.lower()}", rrtype, "300", content)
                self.assert_same_truth(apex)
                if rrtype != "DS":
                    expected = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(rrtype), content).to_text()
                    self.assertEqual(self.served(owner, rrtype), {canonical(expected)})

    def test_escaped_and_wildcard_owner_names_arrive(self):
        apex = self.zone()
        for owner in ("*.deep.star", "_sip._tcp", "under_score", "a\\.b", "sp\\032ace"):
            with self.subTest(owner):
                self.world.pdnsutil("add-record", apex, owner, "A", "300", "192.0.2.44")
                self.assertEqual(self.served(f"{owner}.{apex}", "A"), {"192.0.2.44"})

    def test_signed_zone_with_edits_validates(self):
        apex = self.zone()
        self.world.pdnsutil("secure-zone", apex)
        self.world.pdnsutil("add-record", apex, "x.y.z", "A", "300", "192.0.2.1")
        self.world.rectified(apex)
        self.assert_valid(apex, (("x.y.z", "A", "secure"), ("y.z", "A", "secure negative"), ("q.y.z", "A", "secure negative")))
        self.world.pdnsutil("delete-rrset", apex, "x.y.z", "A")
        self.world.rectified(apex)
        self.assert_valid(apex, (("x.y.z", "A", "secure negative"), ("z", "A", "secure negative")))
        self.assert_rcode(self.world.pdns.query(f"z.{apex}", "A"), "NXDOMAIN")

    def test_cname_beside_other_records_changes_nothing(self):
        apex = self.zone()
        before = self.world.stored(apex)
        done = self.world.pdnsutil_run("add-record", apex, "www", "CNAME", "300", f"mail.{apex}")
        self.world.settle()
        if not STOCK:  # PowerDNS's own backend stores it
            self.assertNotEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertEqual(self.world.stored(apex), before)

    def test_serial_is_increased(self):
        apex = self.zone()
        before = self.world.soa_serial(apex)
        with self.journaled(apex):
            text = self.world.pdnsutil("increase-serial", apex)
        after = self.world.soa_serial(apex)
        self.assertEqual(after, before + 1)
        self.assertIn(f"set to {after}", text)

    def test_zone_is_edited_in_an_editor(self):
        apex = self.zone()
        before = self.world.soa_serial(apex)
        answers = {"(q)uit:": "y"}  # increase the serial
        answers["(r)etry with original zone, (q)uit:"] = "a"
        with self.journaled(apex):
            code, shown = self.world.pdnsutil_terminal("edit-zone", apex, editor="sed -i s/192.0.2.80/192.0.2.81/", answers=answers)
        self.assertEqual(code, 0, shown)
        self.assertEqual(self.served(f"www.{apex}", "A"), {"192.0.2.81"}, shown)
        self.assertEqual(self.served(f"mail.{apex}", "A"), {"192.0.2.25"})
        self.assertGreater(self.world.soa_serial(apex), before)
        self.assert_same_truth(apex)


class Tsig(PdnsutilTest):
    def test_keys_are_made_imported_listed_and_deleted(self):
        with self.journaled():
            text = self.world.pdnsutil("generate-tsig-key", "made.key", "hmac-sha256")
        secret = text.split()[-1]
        with self.journaled():
            self.world.pdnsutil("import-tsig-key", "brought.key", "hmac-sha512", "c2VjcmV0IHNlY3JldCBzZWNyZXQ=")
        self.assertEqual({("made.key.", "hmac-sha256"), ("brought.key.", "hmac-sha512")} - self.world.tsig_keys(), set())
        listed = self.world.pdnsutil("list-tsig-keys")
        self.assertIn(f"made.key. hmac-sha256. {secret}", listed)
        self.assertIn("brought.key. hmac-sha512. c2VjcmV0IHNlY3JldCBzZWNyZXQ=", listed)
        for name in ("made.key", "brought.key"):
            with self.journaled():
                self.world.pdnsutil("delete-tsig-key", name)
        self.assertFalse({name for name, _ in self.world.tsig_keys()} & {"made.key.", "brought.key."})
        self.assertNotIn("made.key", self.world.pdnsutil("list-tsig-keys"))

    def test_key_is_activated_for_a_zone_and_taken_from_it(self):
        apex = self.zone()
        self.world.pdnsutil("generate-tsig-key", "zone.key", "hmac-sha256")
        for role, kind in (("primary", "TSIG-ALLOW-AXFR"), ("secondary", "AXFR-MASTER-TSIG")):
            with self.subTest(role):
                with self.journaled():
                    self.world.pdnsutil("activate-tsig-key", apex, "zone.key", role)
                self.assertEqual([value.rstrip(".") for value in self.world.metadata(apex, kind)], ["zone.key"])
                with self.journaled():
                    self.world.pdnsutil("deactivate-tsig-key", apex, "zone.key", role)
                self.assertEqual(self.world.metadata(apex, kind), [])


@unittest.skipIf(STOCK, "of our backend")
class OfOurBackend(PdnsutilTest):
    def test_backend_commands_answer(self):
        apex = self.zone()
        for query, pattern in (("stats", r"revision"), ("version", r"\d+\.\d+"), ("zones", re.escape(apex.rstrip("."))),
                               (f"explain www.{apex} A", r"192\.0\.2\.80")):
            with self.subTest(query):
                self.assertRegex(self.world.pdnsutil("backend-cmd", "remote", query), pattern)
        with self.unchanged():
            self.world.pdnsutil_run("backend-cmd", "remote", "no such command")

    def test_what_the_protocol_cannot_carry_is_refused_and_changes_nothing(self):
        apex = self.zone()
        shown = self.world.ctl("--json", "zone", "show", apex).stdout
        file = self.world.directory / "created.zone"
        file.write_text(ZONE.format(apex="created.test."))
        for arguments in (["create-zone", "created.test"], ["create-secondary-zone", "created.test", "192.0.2.1"], ["load-zone", "created.test", file],
                          ["delete-zone", apex], ["set-kind", apex, "primary"], ["set-account", apex, "somebody"], ["set-catalog", apex, "catalog.test"],
                          ["set-option", apex, "producer", "coo", "other.test"], ["add-autoprimary", "192.0.2.1", "ns1.test"]):
            with self.subTest(arguments[0]), self.unchanged():
                self.world.pdnsutil_fails(*arguments)
        with self.unchanged():  # PowerDNS 4.7 does not look at the answer
            self.world.pdnsutil_run("change-secondary-zone-primary", apex, "192.0.2.7")
        self.assertEqual(self.world.ctl("--json", "zone", "show", apex).stdout, shown)
        self.assertNotIn("created.test", self.world.pdnsutil("list-all-zones"))


if __name__ == "__main__":
    harness.main()
