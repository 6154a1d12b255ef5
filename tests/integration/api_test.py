#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""PowerDNS's HTTP API on zones behind a running name server: what it says, what is stored and what is answered agree after
each request, and a request that fails has changed nothing. PDNS_BACKEND=gsqlite3 runs the same on PowerDNS's own backend."""
import base64
import concurrent.futures
import re
import threading
import time
import unittest
import urllib.parse

import harness
from powerdns_tools import STOCK, ToolsTest, canonical, records_of
from wire import Peer

ZONE = """\
$ORIGIN {apex}
$TTL 300
@          IN SOA ns1.{apex} hostmaster.{apex} 1 7200 900 1209600 30
           IN NS  ns1
           IN MX  10 mail
ns1        IN A   192.0.2.1
mail       IN A   192.0.2.25
www        IN A   192.0.2.80
alias      IN CNAME www
*.wild     IN TXT "wildcard"
a.b.ent    IN A   192.0.2.9
"""
VALIDATED = (("www", "A", "secure"), ("none", "A", "secure negative"), ("x.wild", "TXT", "secure"))


def replace(name, rrtype, *contents, ttl=300, **more):
    return {"name": name, "type": rrtype, "ttl": ttl, "changetype": "REPLACE",
            "records": [content if isinstance(content, dict) else {"content": content, "disabled": False} for content in contents], **more}


def delete(name, rrtype):
    return {"name": name, "type": rrtype, "changetype": "DELETE"}


class ApiTest(ToolsTest):
    def zone(self, kind="native"):
        apex = re.sub("[^a-z0-9]", "-", self._testMethodName.lower())[5:60].strip("-") + ".test."
        self.world.create(apex, ZONE.format(apex=apex), kind=kind)
        return apex

    def ask(self, method, path, body=None, status=200):
        got, answer = self.world.api(method, path, body)
        self.assertEqual(got, status, f"{method} {path}: {answer}")
        self.world.settle()
        return answer

    def patch(self, apex, *rrsets, status=204):
        return self.ask("PATCH", f"/zones/{apex}", {"rrsets": list(rrsets)}, status)

    def told(self, apex):
        """{(owner, type, content)} as GET of the zone says."""
        return {(rrset["name"].lower(), rrset["type"], canonical(record["content"], rrset["type"])) for rrset in self.ask("GET", f"/zones/{apex}")["rrsets"]
                for record in rrset["records"] if not record["disabled"]}

    def assert_agreement(self, apex):
        stored = self.world.stored(apex)
        self.assertEqual(self.told(apex), stored)
        return stored

    @staticmethod
    def of(stored, name, rrtype):
        return {content for owner, kind, content in stored if (owner, kind) == (name, rrtype)}


class Zones(ApiTest):
    def test_zone_is_listed_shown_and_exported(self):
        apex = self.zone()
        stored = self.assert_agreement(apex)
        row = next(row for row in self.ask("GET", "/zones") if row["name"] == apex)
        self.assertEqual((row["kind"], row["dnssec"], row["serial"]), ("Native", False, self.world.soa_serial(apex)))
        self.assertEqual([row["name"] for row in self.ask("GET", f"/zones?zone={apex}")], [apex])
        self.assertEqual(records_of(self.ask("GET", f"/zones/{apex}/export"), apex), stored)
        self.assertNotIn("rrsets", self.ask("GET", f"/zones/{apex}?rrsets=false"))
        self.world.pdnsutil("secure-zone", apex)
        self.assertTrue(self.ask("GET", f"/zones/{apex}")["dnssec"])
        self.ask("GET", "/zones/no-such-zone.test.", status=404)

    def test_kind_and_primaries_of_a_secondary_are_shown(self):
        self.world.create_secondary("shown-secondary.test.", "192.0.2.1", "192.0.2.2:5300")
        self.world.settle()
        row = next(row for row in self.ask("GET", "/zones") if row["name"] == "shown-secondary.test.")
        self.assertEqual(row["kind"], "Slave")
        self.assertEqual(sorted(row["masters"]), ["192.0.2.1", "192.0.2.2:5300"])

    def test_several_rrsets_change_together(self):
        apex = self.zone()
        with self.journaled(apex):
            self.patch(apex, replace(f"new.{apex}", "A", "192.0.2.1", "192.0.2.2"), replace(f"new.{apex}", "TXT", '"a" "b"'),
                       replace(f"www.{apex}", "A", "192.0.2.81"), delete(f"alias.{apex}", "CNAME"))
        stored = self.assert_agreement(apex)
        self.assertEqual(self.of(stored, f"new.{apex}", "A"), {"192.0.2.1", "192.0.2.2"})
        self.assertEqual(self.served(f"new.{apex}", "A"), {"192.0.2.1", "192.0.2.2"})
        self.assertEqual(self.served(f"new.{apex}", "TXT"), {'"a" "b"'})
        self.assertEqual(self.served(f"www.{apex}", "A"), {"192.0.2.81"})
        self.assert_rcode(self.world.pdns.query(f"alias.{apex}", "A"), "NXDOMAIN")

    def test_names_above_a_new_name_exist_and_vanish_with_it(self):
        apex = self.zone()
        self.assert_rcode(self.world.pdns.query(f"y.z.{apex}", "A"), "NXDOMAIN")
        self.patch(apex, replace(f"x.y.z.{apex}", "A", "192.0.2.1"))
        self.world.rectified(apex)
        self.assert_rcode(self.world.pdns.query(f"y.z.{apex}", "A"), "NOERROR")
        self.patch(apex, replace(f"y.z.{apex}", "A", "192.0.2.2"))  # PowerDNS up to 4.9.14 replaces TYPE0 here, too
        self.assertEqual(self.served(f"y.z.{apex}", "A"), {"192.0.2.2"})
        self.patch(apex, delete(f"y.z.{apex}", "A"), delete(f"x.y.z.{apex}", "A"))
        self.world.rectified(apex)
        self.assert_rcode(self.world.pdns.query(f"y.z.{apex}", "A"), "NXDOMAIN")
        self.assert_agreement(apex)

    def test_record_of_each_shape_arrives_as_it_was_given(self):
        apex = self.zone()
        target = f"mail.{apex}"
        cases = {"MX": f"10 {target}", "SRV": f"0 5 5060 {target}", "TXT": '"a b" "c\\"d"', "CNAME": target, "PTR": target,
                 "CAA": '0 issue "example.net"', "NAPTR": '100 10 "u" "sip" "!^.*$!sip:x@y!" .', "TLSA": "3 1 1 " + "ab" * 32,
                 "SSHFP": "4 2 " + "cd" * 32, "HTTPS": f"1 {target} alpn=h2", "URI": '10 1 "ftp://ftp1.example.com/public"',
                 "AAAA": "2001:db8::5", "TYPE65300": "\\# 3 010203", "SPF": '"v=spf1 -all"'}
        self.patch(apex, *(replace(f"t-{rrtype.lower()}.{apex}", rrtype, content) for rrtype, content in cases.items()))
        stored = self.assert_agreement(apex)
        for rrtype, content in cases.items():
            with self.subTest(rrtype):
                name = f"t-{rrtype.lower()}.{apex}"
                self.assertEqual(self.of(stored, name, rrtype), {canonical(content)})
                self.assertEqual(self.served(name, rrtype), {canonical(content)})

    def test_request_that_fails_changes_nothing(self):
        apex = self.zone()
        good = replace(f"good.{apex}", "A", "192.0.2.1")
        before = self.world.stored(apex)
        for what, bad in (("content that does not parse", replace(f"bad.{apex}", "A", "192.0.2.999")),
                          ("CNAME beside other records", replace(f"www.{apex}", "CNAME", f"mail.{apex}")),
                          ("other records beside a CNAME", replace(f"alias.{apex}", "A", "192.0.2.1")),
                          ("two CNAME", replace(f"two.{apex}", "CNAME", f"mail.{apex}", f"www.{apex}")),
                          ("a name outside of the zone", replace("www.elsewhere.test.", "A", "192.0.2.1")),
                          ("a name without final dot", replace(f"www.{apex}".rstrip("."), "A", "192.0.2.1")),
                          ("a record twice", replace(f"twice.{apex}", "A", "192.0.2.1", "192.0.2.1")),
                          ("an unknown type", replace(f"type.{apex}", "NOSUCHTYPE", "1")),
                          ("a target without final dot", replace(f"target.{apex}", "MX", "10 mail"))):
            with self.subTest(what), self.unchanged():
                status, answer = self.world.api("PATCH", f"/zones/{apex}", {"rrsets": [good, bad]})
                self.assertEqual(status, 422, answer)
                self.assertEqual(self.world.stored(apex), before)
        self.assertFalse(self.served(f"good.{apex}", "A"))

    def test_last_records_of_a_zone_stay(self):
        apex = self.zone()
        before = self.world.stored(apex)
        if STOCK:
            self.skipTest("PowerDNS lets the SOA go")
        with self.unchanged():
            status, _ = self.world.api("PATCH", f"/zones/{apex}", {"rrsets": [delete(apex, "SOA")]})
            self.assertGreaterEqual(status, 400)
        self.assertEqual(self.world.stored(apex), before)

    def test_soa_edit_api_and_our_own_serial_both_let_it_grow(self):
        apex = self.zone()
        for value in ("INCREASE", "EPOCH", "DEFAULT", "SOA-EDIT-INCREASE"):
            with self.subTest(value):
                self.world.pdnsutil("set-meta", apex, "SOA-EDIT-API", value)
                before = self.world.soa_serial(apex)
                self.patch(apex, replace(f"new.{apex}", "TXT", f'"{value}"'))
                after = self.world.soa_serial(apex)
                self.assertTrue(0 < (after - before) % (1 << 32) < 1 << 31, (before, after))

    def test_signed_zone_with_edits_validates(self):
        apex = self.zone()
        self.world.pdnsutil("secure-zone", apex)
        self.patch(apex, replace(f"x.y.z.{apex}", "A", "192.0.2.1"))
        self.world.rectified(apex)
        for name, rrtype, verdict in (*VALIDATED, ("x.y.z", "A", "secure"), ("y.z", "A", "secure negative"), ("q.y.z", "A", "secure negative")):
            with self.subTest(name=name):
                self.assertEqual(set(self.world.verdicts(apex, f"{name}.{apex}", rrtype).values()), {verdict})

    def test_rectify_ends_well_and_changes_no_record(self):
        apex = self.zone()
        self.world.pdnsutil("secure-zone", apex)
        before = self.world.stored(apex)
        self.ask("PUT", f"/zones/{apex}/rectify")
        self.assertEqual(self.world.stored(apex), before)
        self.assertEqual(set(self.world.verdicts(apex, f"none.{apex}", "A").values()), {"secure negative"})

    def test_notify_is_for_zones_that_have_somebody_to_tell(self):
        self.ask("PUT", f"/zones/{self.zone(kind='primary')}/notify")

    def test_cache_of_a_zone_is_flushed(self):
        apex = self.zone()
        self.world.pdns.warm(f"www.{apex}", "A")
        self.assertGreaterEqual(self.ask("PUT", f"/cache/flush?domain=www.{apex}")["count"], 1)

    def test_search_finds_names_and_contents(self):
        apex = self.zone()
        label = apex.split(".")[0]
        self.patch(apex, replace(f"needle-in.{apex}", "TXT", '"some hay"'), replace(f"other.{apex}", "TXT", '"a needle-of text"'))

        def found(pattern, **options):
            query = urllib.parse.urlencode({"q": pattern, "max": 100, **options})
            return self.ask("GET", f"/search-data?{query}")
        names = {(row["name"], row["type"], row["zone"]) for row in found("needle-*", object_type="record")}
        self.assertIn((f"needle-in.{apex}", "TXT", apex), names)
        self.assertEqual({row["name"] for row in found("*needle-*", object_type="record")}, {f"needle-in.{apex}", f"other.{apex}"})
        self.assertEqual({row["name"] for row in found(f"{label}*", object_type="zone")}, {apex})
        self.assertEqual({row["name"] for row in found("needle-??.*", object_type="record")}, {f"needle-in.{apex}"})
        self.assertEqual({row["name"] for row in found(f"WWW.{apex.upper()}".rstrip("."), object_type="record")}, {f"www.{apex}", f"alias.{apex}"})  # a name, and a content
        self.assertEqual(len(found(f"*{label}*", object_type="record", max=3)), 3)
        self.assertEqual(found("no-such-thing", object_type="record"), [])


class Metadata(ApiTest):
    def test_metadata_is_put_got_and_deleted(self):
        apex = self.zone()
        path = f"/zones/{apex}/metadata"
        for kind, values in (("ALLOW-AXFR-FROM", ["192.0.2.0/24", "2001:db8::/32"]), ("X-FOO", ["a", "b c"]), ("ALSO-NOTIFY", ["192.0.2.9"])):
            with self.subTest(kind):
                with self.journaled():
                    self.ask("PUT", f"{path}/{kind}", {"kind": kind, "metadata": values})
                self.assertEqual(self.world.metadata(apex, kind), values)
                self.assertEqual(self.ask("GET", f"{path}/{kind}")["metadata"], values)
                self.assertIn({"kind": kind, "metadata": values, "type": "Metadata"}, self.ask("GET", path))
                with self.journaled():
                    self.ask("DELETE", f"{path}/{kind}", status=200)
                self.assertEqual(self.world.metadata(apex, kind), [])

    def test_metadata_is_added_with_post(self):
        apex = self.zone()
        self.ask("POST", f"/zones/{apex}/metadata", {"kind": "X-BAR", "metadata": ["one"]}, status=201)
        self.ask("POST", f"/zones/{apex}/metadata", {"kind": "X-BAR", "metadata": ["two"]}, status=201)
        self.assertEqual(self.world.metadata(apex, "X-BAR"), ["one", "two"])

    def test_settings_of_a_zone_that_are_metadata_are_put(self):
        apex = self.zone()
        self.ask("PUT", f"/zones/{apex}", {"soa_edit": "INCEPTION-INCREMENT", "soa_edit_api": "INCREASE", "api_rectify": False}, status=204)
        self.assertEqual(self.world.metadata(apex, "SOA-EDIT"), ["INCEPTION-INCREMENT"])
        self.assertEqual(self.world.metadata(apex, "SOA-EDIT-API"), ["INCREASE"])
        self.assertEqual(self.world.metadata(apex, "API-RECTIFY"), ["0"])

    def test_zone_is_secured_and_denies_as_the_settings_say(self):
        apex = self.zone()
        self.ask("PUT", f"/zones/{apex}", {"dnssec": True, "nsec3param": "1 0 0 -"}, status=204)
        self.world.rectified(apex)
        self.assertEqual(self.world.metadata(apex, "NSEC3PARAM"), ["1 0 0 -"])
        for name, rrtype, verdict in VALIDATED:
            self.assertEqual(set(self.world.verdicts(apex, f"{name}.{apex}", rrtype).values()), {verdict})
        self.ask("PUT", f"/zones/{apex}", {"dnssec": False}, status=204)
        self.assertEqual(self.world.keys(apex), [])


class Keys(ApiTest):
    def test_keys_of_each_algorithm_are_made_shown_changed_and_removed(self):
        for mnemonic, number, bits in (("rsasha256", 8, 2048), ("ecdsa256", 13, 256), ("ecdsa384", 14, 384), ("ed25519", 15, 256), ("ed448", 16, 456)):
            with self.subTest(mnemonic):
                apex = f"{mnemonic}.api-keys.test."
                self.world.create(apex, ZONE.format(apex=apex))
                path = f"/zones/{apex}/cryptokeys"
                with self.journaled():
                    made = self.ask("POST", path, {"keytype": "csk", "active": True, "published": True, "algorithm": mnemonic, "bits": bits}, status=201)
                self.assertEqual(self.world.keys(apex), [(257, number, True, True)])
                self.world.rectified(apex)
                said = self.world.verdicts(apex, f"www.{apex}", "A")
                self.assertEqual(said["delv"], "secure")
                if number != 16:  # Debian's unbound has no Ed448
                    self.assertEqual(said["unbound"], "secure")
                one = self.ask("GET", f"{path}/{made['id']}")
                self.assertIn(f"Algorithm: {number}", one["privatekey"])
                self.assertEqual({"257 3 %d" % number}, {" ".join(text.split()[:3]) for text in self.served(apex, "DNSKEY")})
                self.assertEqual({ds.split()[2] for ds in one["ds"]} & {"2", "4"}, {"2", "4"})
                second = self.ask("POST", path, {"keytype": "zsk", "active": False, "published": False, "algorithm": mnemonic, "bits": bits}, status=201)
                self.assertEqual(self.world.keys(apex), [(256, number, False, False), (257, number, True, True)])
                for active, published in ((False, True), (True, True), (True, False), (False, False)):
                    with self.journaled():
                        self.ask("PUT", f"{path}/{second['id']}", {"active": active, "published": published}, status=204)
                    self.assertEqual(self.world.keys(apex), [(256, number, active, published), (257, number, True, True)])
                    self.assertEqual(len(self.served(apex, "DNSKEY")), 1 + published)
                self.assertEqual({key["id"] for key in self.ask("GET", path)}, {made["id"], second["id"]})
                with self.journaled():
                    self.ask("DELETE", f"{path}/{second['id']}", status=204)
                self.assertEqual(self.world.keys(apex), [(257, number, True, True)])
                self.ask("DELETE", f"{path}/{made['id']}", status=204)
                self.assertEqual(self.world.keys(apex), [])
                self.assertFalse(self.served(apex, "DNSKEY"))

    def test_private_key_of_another_zone_is_brought_along(self):
        apex = self.zone()
        path = f"/zones/{apex}/cryptokeys"
        made = self.ask("POST", path, {"keytype": "ksk", "active": True, "algorithm": "ecdsa256", "bits": 256}, status=201)
        text, dnskey = (self.ask("GET", f"{path}/{made['id']}")[member] for member in ("privatekey", "dnskey"))
        self.ask("DELETE", f"{path}/{made['id']}", status=204)
        self.ask("POST", path, {"keytype": "ksk", "active": True, "content": text}, status=201)
        self.assertEqual({content.replace(" ", "") for content in self.served(apex, "DNSKEY")}, {canonical(dnskey).replace(" ", "")})

    def test_key_that_does_not_parse_changes_nothing(self):
        apex = self.zone()
        with self.unchanged():
            status, _ = self.world.api("POST", f"/zones/{apex}/cryptokeys", {"keytype": "ksk", "active": True, "content": "Private-key-format: v1.2\nrubbish\n"})
            self.assertGreaterEqual(status, 400)
        self.assertEqual(self.world.keys(apex), [])


class TsigKeys(ApiTest):
    def test_keys_are_made_shown_changed_and_deleted(self):
        secret = base64.b64encode(b"a secret of sixteen octets at least").decode()
        with self.journaled():
            made = self.ask("POST", "/tsigkeys", {"name": "api-key", "algorithm": "hmac-sha256", "key": secret}, status=201)
        self.assertIn(("api-key.", "hmac-sha256"), self.world.tsig_keys())
        self.assertIn(made["id"], {key["id"] for key in self.ask("GET", "/tsigkeys")})
        self.assertEqual(self.ask("GET", f"/tsigkeys/{made['id']}")["key"], secret)
        generated = self.ask("POST", "/tsigkeys", {"name": "made-key", "algorithm": "hmac-sha512"}, status=201)
        self.assertGreaterEqual(len(base64.b64decode(generated["key"])), 32)
        self.ask("POST", "/tsigkeys", {"name": "api-key", "algorithm": "hmac-sha256"}, status=409)
        with self.journaled():
            self.ask("PUT", f"/tsigkeys/{made['id']}", {"key": base64.b64encode(b"another secret of octets").decode()})
        self.assertEqual(base64.b64decode(self.ask("GET", f"/tsigkeys/{made['id']}")["key"]), b"another secret of octets")
        for key in (made, generated):
            with self.journaled():
                self.ask("DELETE", f"/tsigkeys/{key['id']}", status=204)
            self.ask("GET", f"/tsigkeys/{key['id']}", status=404)
        self.assertFalse({"api-key.", "made-key."} & {name for name, _ in self.world.tsig_keys()})


class Writers(ApiTest):
    def test_thirty_edits_of_different_names_at_once_end_well_or_are_told(self):
        apex = self.zone()
        start = threading.Barrier(30)

        def edit(number):
            start.wait()
            rrsets = [replace(f"n{number}.{apex}", "A", f"192.0.2.{number}"), replace(f"n{number}.{apex}", "TXT", f'"{number}"')]
            while True:
                try:
                    return number, self.world.api("PATCH", f"/zones/{apex}", {"rrsets": rrsets})[0]
                except ConnectionResetError:
                    pass  # PowerDNS's web server has a backlog of ten; whom it turns away tries again
        with concurrent.futures.ThreadPoolExecutor(30) as pool:
            outcomes = list(pool.map(edit, range(30)))
        self.world.settle()
        stored = self.assert_agreement(apex)
        for number, status in outcomes:
            rows = {(kind, content) for owner, kind, content in stored if owner == f"n{number}.{apex}"}
            if status == 204:
                self.assertEqual(rows, {("A", f"192.0.2.{number}"), ("TXT", f'"{number}"')})
                self.assertEqual(self.served(f"n{number}.{apex}", "A"), {f"192.0.2.{number}"})
            else:
                self.assertGreaterEqual(status, 400)
                self.assertEqual(rows, set(), f"n{number} is there though the answer was {status}")
        won = sum(status == 204 for _, status in outcomes)
        self.assertGreater(won, 0)
        if not STOCK:  # names of their own: nobody is in anybody's way
            self.assertEqual(won, 30, outcomes)

    def test_two_edits_of_one_rrset_at_once_leave_one_of_them_whole(self):
        apex = self.zone()
        for turn in range(10):
            start = threading.Barrier(2)

            def edit(writer):
                start.wait()
                return self.world.api("PATCH", f"/zones/{apex}", {"rrsets": [
                    replace(f"fought.{apex}", "A", *(f"192.0.2.{writer}{last}" for last in range(3))),
                    replace(f"fought.{apex}", "TXT", f'"{turn} {writer}"')]})[0]
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                outcomes = list(pool.map(edit, (1, 2)))
            self.world.settle()
            stored = self.assert_agreement(apex)
            writer = next(iter(self.of(stored, f"fought.{apex}", "TXT"))).strip('"').split()[1]
            self.assertEqual(self.of(stored, f"fought.{apex}", "TXT"), {f'"{turn} {writer}"'})
            self.assertEqual(self.of(stored, f"fought.{apex}", "A"), {f"192.0.2.{writer}{last}" for last in range(3)})
            self.assertEqual(outcomes[int(writer) - 1], 204, outcomes)
            self.assertTrue(all(status == 204 or status >= 400 for status in outcomes), outcomes)


@unittest.skipIf(STOCK, "of our backend")
class OfOurBackend(ApiTest):
    def test_writer_that_comes_second_is_told(self):
        apex = self.zone()
        zone_id = self.world.daemon_domain_info(apex)["id"]
        with Peer(self.world.daemon.socket) as peer:
            self.assertTrue(peer.ask("startTransaction", {"domain": apex, "domain_id": -1, "trxid": int(time.time())}))
            self.assertTrue(peer.ask("replaceRRSet", {"domain_id": zone_id, "qname": f"www.{apex}", "qtype": "A", "trxid": 1, "rrset": [
                {"auth": True, "content": "192.0.2.66", "qclass": 1, "qname": f"www.{apex}", "qtype": "A", "ttl": 300}]}))
            self.patch(apex, replace(f"www.{apex}", "A", "192.0.2.77"))
            with self.unchanged():
                peer.send_request("commitTransaction", {"trxid": 1})
                self.assertNotIn("result", peer.reply())
        self.assertEqual(self.of(self.world.stored(apex), f"www.{apex}", "A"), {"192.0.2.77"})
        self.assertEqual(self.served(f"www.{apex}", "A"), {"192.0.2.77"})

    def test_what_the_protocol_cannot_carry_is_refused_and_changes_nothing(self):
        apex = self.zone()
        with self.unchanged():
            for method, path, body in (("POST", "/zones", {"name": "created.test.", "kind": "Native", "nameservers": ["ns1.created.test."]}),
                                       ("DELETE", f"/zones/{apex}", None),
                                       ("PATCH", f"/zones/{apex}", {"rrsets": [replace(f"www.{apex}", "A", "192.0.2.1", comments=[
                                           {"content": "why", "account": "me"}])]})):
                with self.subTest(method):
                    status, answer = self.world.api(method, path, body)
                    self.assertEqual(status, 422, answer)
        self.assertEqual(self.served(f"www.{apex}", "A"), {"192.0.2.80"})
        self.ask("GET", "/zones/created.test.", status=404)

    def test_kind_and_account_stay_though_the_answer_is_yes(self):
        apex = self.zone()
        with self.unchanged():
            self.ask("PUT", f"/zones/{apex}", {"kind": "Master", "account": "somebody"}, status=204)
        self.assertEqual(self.ask("GET", f"/zones/{apex}")["kind"], "Native")

    def test_disabled_record_is_taken_for_an_enabled_one(self):
        apex = self.zone()
        self.patch(apex, replace(f"off.{apex}", "A", {"content": "192.0.2.1", "disabled": True}))
        self.assertEqual(self.served(f"off.{apex}", "A"), {"192.0.2.1"})


if __name__ == "__main__":
    harness.main()
