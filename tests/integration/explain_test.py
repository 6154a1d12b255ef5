#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`sdnsctl explain` asks a running daemon why it answers a name as it does: what it says is what PowerDNS answers."""
import json
import re
import threading
import urllib.parse

import harness

APEX = "steer.test."
ZONE = r"""
$TTL 60
@         IN SOA ns1 hostmaster 7 7200 900 1209600 60
          IN NS  ns1
ns1       IN A   192.0.2.53
plain     IN A   192.0.2.1
          IN TXT "beside it"
alias     IN CNAME plain
const     IN LUA A "'192.0.2.10'"
          IN TXT "beside it"
client    IN LUA A "netmask({'198.51.100.0/24'}) and '192.0.2.100' or '192.0.2.200'"
chance    IN LUA A "pickrandom({'192.0.2.1','192.0.2.2'})"
up        IN LUA A "ifportup(443, {{'192.0.2.10'},{'192.0.2.11'}}, {selector='all', backupSelector='all'})"
either    IN LUA A ";if ifportup(80, {'192.0.2.20'}, {backupSelector='empty'})[1] then return ifportup(81, {'192.0.2.21'}, {backupSelector='empty'})[1] or '192.0.2.99' end return '192.0.2.98'"
pooled    IN LUA A "pool('web')"
broken    IN LUA A "error('on purpose')"
half      IN LUA A "'192.0.2.7'"
          IN LUA AAAA "'192.0.2.7'"
config    IN LUA LUA "address = '192.0.2.31'"
token     IN LUA A "ifurlup('https://token.steer.test/', {{'192.0.2.71'}}, {headers={Authorization='Bearer hush'}})"
included  IN LUA A ";include('config') pdnslog('hello') return address"
steeredalias IN LUA CNAME "'plain.steer.test'"
*.wild    IN LUA A "'192.0.2.60'"
*.rev     IN LUA A "createForward()"
sub       IN NS  ns.sub
ns.sub    IN A   192.0.2.54
d         IN DNAME plain
"""
UNHEARD = "tcp 192.0.2.10:443"


class Explain(harness.ServerTest):
    powerdns = ({"edns-subnet-processing": "yes"},)

    @classmethod
    def prepare(cls, world):
        world.import_zone(APEX, ZONE)
        world.edit("target-pool", "set", "web", "port=443", "selector=pickfirst")
        world.edit("target-pool", "add-member", "web", "192.0.2.41", "--region", "eu")
        world.edit("target-pool", "add-member", "web", "192.0.2.42", "--region", "us")

    def explain(self, name, *options):
        owner = name if name.endswith(".") else f"{name}.{APEX}"
        return json.loads(self.world.ctl("--json", "explain", owner, *options).stdout)

    def text(self, name, *options):
        return self.world.ctl("explain", f"{name}.{APEX}", *options).stdout

    def refused(self, *arguments):
        done = self.world.ctl("explain", *arguments, check=False)
        self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
        return done.stderr

    def contents(self, document):
        return [row["content"] for row in document["answer"]["records"]]

    def ask(self, **query):
        status, body = self.world.daemon.get("/v1/explain?" + urllib.parse.urlencode(query))
        return status, json.loads(body)

    def test_the_answer_is_the_one_that_powerdns_gives(self):
        for name, rrtype in (("const", "A"), ("const", "TXT"), ("plain", "A"), ("client", "A"), ("up", "A"), ("included", "A"),
                             ("any.wild", "A"), ("192-0-2-77.rev", "A"), ("half", "A"), ("broken", "A"), ("nowhere", "A"),
                             ("const", "AAAA"), ("half", "AAAA"), ("pooled", "A"), ("wild", "A"), ("192-0-2-77.rev", "TXT")):
            with self.subTest(name=name, type=rrtype):
                answer = self.world.pdns.query(f"{name}.{APEX}", rrtype)
                document = self.explain(name, "--type", rrtype)
                outcome = document["answer"]["outcome"]
                expected = {"SERVFAIL": "servfail", "NXDOMAIN": "nxdomain"}.get(harness.dns.rcode.to_text(answer.rcode()),
                                                                              "records" if answer.answer else "nodata")
                self.assertEqual(outcome, expected, document)
                if outcome == "records":
                    given = sorted(rdata.to_text() for rrset in answer.answer for rdata in rrset)
                    self.assertEqual(sorted(self.contents(document)), given)
                    self.assertEqual({row["ttl"] for row in document["answer"]["records"]}, {rrset.ttl for rrset in answer.answer})

    def test_a_client_is_told_what_of_it_mattered(self):
        inside = self.explain("client", "--client", "198.51.100.7")
        record = inside["lua_records"][0]
        self.assertEqual((self.contents(inside), record["scope_mask"]), (["192.0.2.100"], 24))
        self.assertFalse(inside["client"]["assumed"])
        self.assertFalse(record["cached"])
        self.assertIn("the first 24 bits, 198.51.100.0/24", record["cache"])
        self.assertEqual(record["evidence"]["client_network"], "198.51.100.0/24")
        outside = self.explain("client")
        self.assertEqual((self.contents(outside), outside["client"]["assumed"], outside["client"]["address"]),
                         (["192.0.2.200"], True, "127.0.0.1"))
        subnet = self.explain("client", "--ecs", "198.51.100.9/22")
        self.assertEqual((subnet["client"]["ecs"], subnet["lua_records"][0]["scope_mask"]), ("198.51.100.0/22", 22))
        prefix = self.explain("client", "--client", "198.51.100.9/25")
        self.assertEqual((prefix["client"]["ecs"], self.contents(prefix)), ("198.51.100.0/25", ["192.0.2.100"]))
        self.assertIn("127.0.0.1 (assumed", self.text("client"))
        self.assertNotIn("assumed", self.text("client", "--client", "2001:db8::1"))

    def test_health_is_told_and_can_be_assumed(self):
        unknown = self.explain("up")
        record = unknown["lua_records"][0]
        self.assertEqual(self.contents(unknown), ["192.0.2.10"])
        self.assertEqual([(check["check"], check["state"], check["assumed"]) for check in record["evidence"]["checks"]],
                         [("tcp 192.0.2.10:443", "unknown", False), ("tcp 192.0.2.11:443", "unknown", False)])
        standby = self.explain("up", "--at-health", "192.0.2.10=down", "192.0.2.11:443=up")
        self.assertEqual(self.contents(standby), ["192.0.2.11"])
        self.assertEqual([(check["state"], check["assumed"], check["forced"]) for check in standby["lua_records"][0]["evidence"]["checks"]],
                         [("down", True, False), ("up", True, False)])
        steps = [(step["where"], step["candidate"], step["kept"]) for step in standby["lua_records"][0]["candidates"]]
        self.assertEqual(steps, [("health", "192.0.2.10", False), ("health", "192.0.2.11", True), ("ifportup", "192.0.2.11", True)])
        self.assertEqual(self.contents(self.explain("up", "--at-health", "tcp 192.0.2.11:443=up")), ["192.0.2.11"])
        # What was assumed is forgotten.
        self.assertEqual(self.contents(self.explain("up")), ["192.0.2.10"])

    def test_an_assumption_reaches_checks_that_only_its_answer_asks(self):
        self.assertEqual(self.contents(self.explain("either")), ["192.0.2.98"])
        self.assertEqual(self.contents(self.explain("either", "--at-health", "192.0.2.20=up")), ["192.0.2.99"])
        self.assertEqual(self.contents(self.explain("either", "--at-health", "192.0.2.20=up", "--at-health", "192.0.2.21=up")),
                         ["192.0.2.21"])

    def test_pools_and_regions_can_be_assumed(self):
        self.assertEqual(self.contents(self.explain("pooled", "--at-health", "pool:web=up")), ["192.0.2.41"])
        document = self.explain("pooled", "--at-health", "region:us=up", "region:eu=down")
        self.assertEqual(self.contents(document), ["192.0.2.42"])
        self.assertEqual(document["lua_records"][0]["evidence"]["pools"], ["web"])

    def test_a_target_that_no_check_has_is_an_error_that_names_the_checks(self):
        message = self.refused(f"up.{APEX}", "--at-health", "192.0.2.77=down")
        self.assertIn("192.0.2.77 names no check that up.steer.test. asks", message)
        self.assertIn("tcp 192.0.2.10:443; tcp 192.0.2.11:443", message)
        self.assertIn("the name asks none", self.refused(f"const.{APEX}", "--at-health", "192.0.2.77=down"))

    def test_checks_are_shown_without_secrets_as_health_show_takes_them(self):
        document = self.explain("token", "--at-health", "192.0.2.71=up")
        (check,) = document["lua_records"][0]["evidence"]["checks"]
        self.assertRegex(check["check"], r"^url https://token\.steer\.test/ from 192\.0\.2\.71 header:Authorization=\(hidden:[0-9a-f]{4}\)$")
        self.assertEqual(document["at_health"][0]["checks"], [check["check"]])
        self.assertNotIn("Bearer%20hush", json.dumps(document))
        self.world.pdns.query(f"token.{APEX}", "A")  # it is among the daemon's checks from its first answer on
        harness.wait_for("the check is known", lambda: self.explain("token")["lua_records"][0]["evidence"]["checks"][0]["known"])
        shown = json.loads(self.world.ctl("--json", "health", "show", check["check"]).stdout)
        self.assertEqual(shown["check"]["check"], check["check"])
        self.assertEqual(self.explain("token", "--at-health", f"{check['check']}=up")["at_health"][0]["target"], check["check"])

    def test_an_explanation_asks_no_check_and_counts_as_no_answer(self):
        daemon = self.world.daemon
        before = daemon.metric("sdns_lua_evaluations_total")
        for _ in range(3):
            self.explain("up", "--at-health", "192.0.2.10=up")
            self.explain("broken")
        self.assertEqual(daemon.metric("sdns_lua_evaluations_total"), before)
        self.assertFalse(self.explain("either")["lua_records"][0]["evidence"]["checks"][0]["known"])

    def test_chance_is_said(self):
        record = self.explain("chance")["lua_records"][0]
        self.assertTrue(record["evidence"]["chance"])
        self.assertEqual((record["cached"], record["scope_mask"]), (False, 1))
        self.assertIn("drawn by chance", record["cache"])
        seen = {tuple(self.contents(self.explain("chance"))) for _ in range(40)}
        self.assertEqual(seen, {("192.0.2.1",), ("192.0.2.2",)})

    def test_what_is_for_everybody_says_when_it_is_purged(self):
        record = self.explain("up")["lua_records"][0]
        self.assertTrue(record["cached"])
        self.assertRegex(record["cache"], "^the same for everybody: .*tcp 192.0.2.10:443")
        self.assertIn("the library config", self.explain("included")["lua_records"][0]["cache"])

    def test_a_wildcard_is_named_and_whether_it_reads_the_name(self):
        constant = self.explain("any.wild")
        self.assertEqual((constant["match"], constant["owner"], constant["asked_as"]),
                         ("wildcard", f"*.wild.{APEX}", f"*.wild.{APEX}"))
        made = self.explain("192-0-2-77.rev")
        self.assertEqual((made["match"], made["owner"], made["asked_as"], self.contents(made)),
                         ("wildcard", f"*.rev.{APEX}", f"192-0-2-77.rev.{APEX}", ["192.0.2.77"]))
        self.assertTrue(made["lua_records"][0]["evidence"]["query_name"])
        self.assertIn("(wildcard; its records read the name that was asked)", self.text("192-0-2-77.rev"))

    def test_a_record_that_fails_says_why(self):
        document = self.explain("broken")
        self.assertEqual(document["answer"]["outcome"], "servfail")
        self.assertIn("on purpose", document["lua_records"][0]["failure"])
        self.assertRegex(self.text("broken"), r"(?s)answer: +SERVFAIL: the LUA record for A failed: .*on purpose.*FAILS")
        half = self.explain("half", "--type", "AAAA")
        self.assertEqual(half["answer"]["outcome"], "servfail")
        self.assertIn("is no content of AAAA records", half["answer"]["why"])
        self.assertEqual([(r["type"], r["asked"]) for r in half["lua_records"]], [("AAAA", True), ("A", False)])
        self.assertIn("not asked for, evaluated all the same; gives 192.0.2.7", self.text("half", "--type", "AAAA"))

    def test_names_that_nothing_steers(self):
        for name, outcome, match in (("plain", "records", "exact"), ("nowhere", "nxdomain", "nowhere"), ("wild", "nodata", "empty-non-terminal"),
                                     ("x.sub", "referral", "zone-cut"), ("x.d", "dname", "dname"), ("elsewhere.example.", "refused", "not-hosted")):
            with self.subTest(name=name):
                document = self.explain(name)
                self.assertEqual((document["answer"]["outcome"], document["match"], document["lua_records"]), (outcome, match, []))
        alias = self.explain("alias", "--type", "A")
        self.assertEqual((alias["answer"]["outcome"], alias["answer"]["why"]), ("cname", f"PowerDNS asks for plain.{APEX} next"))
        self.assertEqual(self.explain("steeredalias", "--type", "TXT")["answer"]["outcome"], "cname")
        self.assertEqual(len(self.explain("const")["answer"]["records"]), 2)

    def test_libraries_logs_and_the_source_are_shown(self):
        record = self.explain("included")["lua_records"][0]
        self.assertEqual(record["evidence"]["includes"], ["config"])
        self.assertEqual(record["log"], [{"level": 4, "text": "hello"}])
        self.assertEqual(record["source"], "include('config') pdnslog('hello') return address")
        library = self.explain("config")["lua_records"][0]
        self.assertEqual((library["evaluated_by"], library["type"]), ("nobody", "LUA"))
        self.assertIn("it is a library", library["reason"])

    def test_bad_questions_are_refused_with_the_rule(self):
        for query, message in (({}, "name is missing"), ({"name": "a..b"}, "is not a domain name"), ({"name": "a.", "type": "AXFR"}, "is not a record type"),
                               ({"name": "a.", "type": "NONE"}, "is not a record type"), ({"name": "a.", "client": "here"}, "client: "),
                               ({"name": "a.", "client": "0.0.0.0"}, "is nobody's address"), ({"name": "a.", "ecs": "192.0.2.0/33"}, "ecs: "),
                               ({"name": "a.", "client": "192.0.2.0/24", "ecs": "192.0.2.0/24"}, "and ecs is given too"),
                               ({"name": "a.", "at_health": "192.0.2.1"}, "neither TARGET=up nor TARGET=down"),
                               ({"name": "a.", "at_health": "192.0.2.1=sick"}, "neither TARGET=up nor TARGET=down"),
                               ({"name": "a.", "at_health": "nobody=up"}, "is no target"), ({"name": "a.", "colour": "red"}, "no parameter colour")):
            with self.subTest(query=query):
                status, document = self.ask(**query)
                self.assertEqual(status, 400, document)
                self.assertIn(message, document["error"])
        self.assertIn("is not a record type", self.refused("a.", "--type", "AXFR"))
        self.assertIn("explain asks the daemon", self.world.ctl("--admin", "", "explain", "a.", check=False).stderr)

    def test_many_at_once_are_answered_or_told_to_ask_again(self):
        statuses = []
        threads = [threading.Thread(target=lambda: statuses.append(self.ask(name=f"up.{APEX}")[0])) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(statuses), 12)
        self.assertLessEqual(set(statuses), {200, 503})
        self.assertIn(200, statuses)
        self.assertEqual(self.ask(name=f"up.{APEX}")[0], 200)

    def test_zones_that_others_evaluate(self):
        self.world.import_zone("presigned.test.", ZONE.replace("ns.sub", "ns"), "--presigned")
        document = self.explain("const.presigned.test.", "--type", "A")
        self.assertEqual((document["answer"]["outcome"], document["lua_records"][0]["evaluated_by"]), ("nodata", "nobody"))
        self.assertIn("PRESIGNED", document["answer"]["why"])
        self.assertIn("not evaluated: the zone is PRESIGNED", self.world.ctl("explain", "const.presigned.test.").stdout)


class LuaCheck(harness.ServerTest):
    """Needs no daemon; a real one shows that what is checked is what it answers."""

    def test_a_checked_zone_answers_what_the_check_said(self):
        file = self.world.directory / "checked.zone"
        file.write_text(ZONE)
        done = self.world.ctl("--json", "--admin", "", "lua", "check", file, "--zone", APEX, check=False)
        self.assertEqual(done.returncode, 4, done.stderr)
        self.world.import_zone(APEX, ZONE)
        records = [record for record in json.loads(done.stdout)["records"] if not record["library"] and record["name"] != f"pooled.{APEX}"]
        self.assertGreater(len(records), 8)
        for record in records:
            with self.subTest(record=record["content"]):
                answer = self.world.pdns.query(record["asked"], record["makes"])
                failure = record["down"]["failure"]
                if failure is None and not re.search("chance", record["down"]["cache"]):
                    given = [rdata.to_text() for rrset in answer.answer for rdata in rrset
                             if harness.dns.rdatatype.to_text(rrset.rdtype) == record["makes"]]
                    self.assertEqual(sorted(given), sorted(record["down"]["records"]), answer.to_text())


if __name__ == "__main__":
    harness.main()
