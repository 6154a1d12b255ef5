# SPDX-License-Identifier: MIT
"""`sdnsctl registrar` against the doubles of all five registrars: one table of scenarios with the exact outcome of each, and what is particular to one.

Every answer is searched for the credential, and no double may have seen a call that the registrar's documents do not have."""
import concurrent.futures
import json
import os
import pathlib
import ssl
import subprocess
import sys
import tempfile
import unittest

import harness

sys.path.insert(0, str(harness.SOURCE / "tests" / "support" / "registrars"))
from cloudflare import Cloudflare  # noqa: E402
from dynadot import Dynadot  # noqa: E402
from godaddy import GoDaddy  # noqa: E402
from namecheap import Namecheap  # noqa: E402
from ovh import Ovh  # noqa: E402

CTL = harness.program("SDNS_CTL", "sdnsctl")
ALL = {double.name: double for double in (Cloudflare, Dynadot, GoDaddy, Namecheap, Ovh)}
OLD, NEW = ["ns1.old.example", "ns2.old.example"], ["ns1.pdm.example", "ns2.pdm.example"]
MANY = [f"ns{i}.pdm.example" for i in range(14)]
KEY = "mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ=="
DIGEST = "C988EC423E3880EB8DD8A46FE06CA230EE23F35B578D64E78B29C3E1C83D245A"
DS = f"2371 13 2 {DIGEST}"


class RegistrarTest(unittest.TestCase):
    def start(self, kind):
        double = ALL[kind]() if isinstance(kind, str) else kind()
        self.addCleanup(double.stop)
        self.addCleanup(lambda: self.assertEqual(double.violations, [], double.name))
        return double

    def ask(self, double, *command, credential=None, options=(), base=None, decode=True):
        """The exit code and the JSON document."""
        credential = credential or double.credential
        reader, writer = os.pipe()
        os.write(writer, credential.encode() + b"\n")
        os.close(writer)
        words = [word for part in command for word in ([part] if isinstance(part, str) else part)]
        verb = words[:2] if words[0] in ("ns", "ds", "host") else words[:1]
        arguments = [CTL, "--config", "/dev/null", "--json", "registrar", *verb, double.name, *words[len(verb):],
                     "--credential-fd", str(reader), "--base-url", base or self.base_of(double), *options]
        try:
            done = subprocess.run(arguments, pass_fds=[reader], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
        finally:
            os.close(reader)
        for part in credential.split(":"):
            if len(part) >= 8 and not part.replace(".", "").isdigit():
                self.assertNotIn(part, done.stdout + done.stderr)
        if not decode:
            return done
        self.assertTrue(done.stdout, done.stderr)
        return done.returncode, json.loads(done.stdout)

    @staticmethod
    def base_of(double):
        return double.origin if double.name in ("godaddy", "dynadot") else double.url

    @staticmethod
    def outcome(code, answer):
        """In one word, and what belongs to it."""
        if "error" in answer:
            assert code == 1, code
            return f"{answer['status']} {answer['error']}" + (f" after {answer['retry_after']}" if "retry_after" in answer else "")
        assert code == 0, answer
        if "state" in answer:
            return answer["state"] + (" confirmed" if answer.get("confirmed") else "")
        return "valid" if answer.get("valid") else "read"


def lose(kind):
    def prepare(double):
        pattern = {"namecheap": "POST.*setCustom", "ovh": "POST .*/nameServers/update", "dynadot": "PUT .*/nameservers", "godaddy": "PATCH ",
                   "cloudflare": "PATCH "}[double.name]
        double.inject(kind, pattern)
        double.lag = 0
    return prepare


def limit(double):
    double.limit_after = 2 if double.name == "ovh" else 1  # OVH: the time is asked for first


def not_registered(double):
    double.not_registered = {NEW[0]}


WRITE = ("ns", "set", "example.com", NEW)
READ = ("ns", "show", "example.com")
CANNOT = "501 unsupported-operation"
# Sentence; what is done to the double; what is asked; the outcome at each registrar. None: the registrar has no such thing (reference sections 3 to 7):
# GoDaddy and OVH document no refusal of an address, a transfer lock is none of name servers, only GoDaddy and Namecheap ask for a size of the account.
SCENARIOS = (
    ("a good credential", None, ("validate", "example.com"), dict.fromkeys(ALL, "valid")),
    ("a bad credential", "wrong", ("validate", "example.com"), dict.fromkeys(ALL, "401 invalid-token")),
    ("another account's domain", None, ("validate", "elsewhere.example"), dict.fromkeys(ALL, "403 domain-not-in-account")),
    ("an address that is not allowed", lambda d: d.refuse_address(), ("validate", "example.com"),
     {"cloudflare": "403 ip-not-allowed", "namecheap": "403 ip-not-allowed", "dynadot": "403 ip-not-allowed", "godaddy": None, "ovh": None}),
    ("a small account", lambda d: d.small_account(), ("validate", "example.com"),
     {"godaddy": "403 account-not-eligible", "namecheap": "401 invalid-token", "cloudflare": None, "dynadot": None, "ovh": None}),
    ("a domain that is locked", lambda d: d.lock_domain("example.com"), WRITE,
     {"godaddy": "409 domain-locked", "namecheap": "409 domain-locked", "dynadot": "409 domain-locked", "cloudflare": CANNOT, "ovh": None}),
    ("new name servers", None, WRITE,
     {"godaddy": "applied confirmed", "namecheap": "applied confirmed", "dynadot": "applied confirmed", "ovh": "pending", "cloudflare": CANNOT}),
    ("a limit that is hit midway", limit, WRITE,
     {"godaddy": "429 rate-limited after 17", "namecheap": "429 rate-limited after 60", "dynadot": "429 rate-limited after 60",
      "ovh": "429 rate-limited after 30", "cloudflare": CANNOT}),
    ("a limit before everything", lambda d: d.inject("limited", times=99, retry_after=77), READ,
     {**dict.fromkeys(ALL, "429 rate-limited after 77"), "namecheap": "429 rate-limited after 60"}),
    ("a timeout after the write took effect", lose("apply_then_timeout"), WRITE,
     {"godaddy": "applied confirmed", "namecheap": "applied confirmed", "dynadot": "applied confirmed", "ovh": "pending", "cloudflare": CANNOT}),
    ("a reset after the write took effect", lose("apply_then_reset"), WRITE,
     {"godaddy": "applied confirmed", "namecheap": "applied confirmed", "dynadot": "applied confirmed", "ovh": "pending", "cloudflare": CANNOT}),
    ("a page of a proxy after the write took effect", lose("apply_then_html"), WRITE,
     {"godaddy": "applied confirmed", "namecheap": "applied confirmed", "dynadot": "applied confirmed", "ovh": "pending", "cloudflare": CANNOT}),
    ("a page of a proxy", lambda d: d.inject("html", times=99), READ, dict.fromkeys(ALL, "502 api-unavailable")),
    ("an answer that is cut in half", lambda d: d.inject("half", times=99), READ, dict.fromkeys(ALL, "502 api-unavailable")),
    ("an answer of 2 MiB", lambda d: d.inject("huge", times=99), READ, dict.fromkeys(ALL, "502 api-unavailable")),
    ("null for an answer", lambda d: d.inject("null", times=99), READ, dict.fromkeys(ALL, "502 api-unavailable")),
    ("too many name servers", None, ("ns", "set", "example.com", MANY), dict.fromkeys(ALL, "422 invalid-nameserver")),
    ("one name server", None, ("ns", "set", "example.com", NEW[:1]), dict.fromkeys(ALL, "422 invalid-nameserver")),
    ("a host that is not registered", not_registered, WRITE,
     {**dict.fromkeys(ALL, "422 invalid-nameserver"), "cloudflare": CANNOT}),
    ("a host below the domain without addresses", None, ("ns", "set", "example.com", ["ns1.example.com", "ns2.pdm.example"]),
     dict.fromkeys(ALL, "422 invalid-nameserver")),
    ("a domain with letters beyond ASCII", None, ("ns", "set", "Bücher.example.", NEW),
     {"godaddy": "applied confirmed", "namecheap": "applied confirmed", "dynadot": "applied confirmed", "ovh": "pending", "cloudflare": CANNOT}),
    ("a suffix of two labels", None, ("ns", "set", "example.co.uk", NEW),
     {"godaddy": "applied confirmed", "namecheap": "applied confirmed", "dynadot": "applied confirmed", "ovh": "pending", "cloudflare": CANNOT}),
    ("a name below the domain", None, ("validate", "shop.example.com"), dict.fromkeys(ALL, "403 domain-not-in-account")),
)
UNTOUCHED = ("409", "422", "429", "501", "403", "401", "502")


class Scenarios(RegistrarTest):
    def carry_out(self, name, sentence, prepare, command, expected):
        """What is wrong; nothing when nothing is."""
        double = self.start(name)
        for domain in ("example.com", "xn--bcher-kva.example", "example.co.uk"):
            double.add_domain(domain, OLD)
        before = double.domains["example.com"].delegation
        if callable(prepare):
            prepare(double)
        credential = double.wrong_credential if prepare == "wrong" else None
        options = ["--request-timeout", "5"] if "timeout" in sentence else []
        options += ["--patience", "15"] if "limit" in sentence else []
        got = self.outcome(*self.ask(double, *command, credential=credential, options=options))
        wrong = [f"{got} instead of {expected}"] if got != expected else []
        domain = double.domains["xn--bcher-kva.example" if "ASCII" in sentence else "example.co.uk" if "suffix" in sentence else "example.com"]
        if got.startswith("applied") and domain.delegation != NEW:
            wrong.append(f"applied, and the registrar has {domain.delegation}")
        if got.startswith(UNTOUCHED) and double.domains["example.com"].delegation != before:
            wrong.append(f"refused, and the registrar has {domain.delegation}")
        sent = [request.line for request in double.writes() if "add_external" not in request.target]
        if "took effect" in sentence and got != CANNOT and len(sent) != 1:
            wrong.append(f"a write whose answer is lost was sent again: {sent}")
        return [f"{name}: {sentence}: {text}" for text in wrong]

    def test_have_exactly_the_outcome_of_the_table(self):
        # A thread for each registrar: most of the time is spent waiting, for Dynadot's pace above all.
        def all_of(name):
            return [text for sentence, prepare, command, outcomes in SCENARIOS if outcomes[name] is not None
                    for text in self.carry_out(name, sentence, prepare, command, outcomes[name])]
        with concurrent.futures.ThreadPoolExecutor(len(ALL)) as threads:
            self.assertEqual([text for wrong in threads.map(all_of, ALL) for text in wrong], [])


class Writes(RegistrarTest):
    def test_the_same_again_sends_no_write(self):
        for name in ("dynadot", "godaddy", "namecheap", "ovh"):
            with self.subTest(name):
                double = self.start(name)
                double.add_domain("example.com", OLD)
                self.ask(double, *WRITE)
                sent = len(double.writes())
                again = self.outcome(*self.ask(double, "ns", "set", "example.com", [NEW[1].upper() + ".", NEW[0]]))
                self.assertEqual(again, "pending" if name == "ovh" else "unchanged confirmed")
                self.assertEqual(len(double.writes()), sent)

    def test_cloudflare_never_says_that_a_foreign_set_was_set(self):
        double = self.start("cloudflare")
        double.add_domain("example.com")
        code, answer = self.ask(double, *WRITE)
        self.assertEqual((code, answer["error"]), (1, "unsupported-operation"))
        self.assertIn("transfer", answer["hint"])
        self.assertEqual(double.writes(), [])
        same = self.outcome(*self.ask(double, "ns", "set", "example.com", ["Lola.ns.cloudflare.com.", "bob.ns.cloudflare.com"]))
        self.assertEqual(same, "unchanged confirmed")

    def test_cloudflare_finds_a_zone_on_a_later_page_when_the_filter_is_ignored(self):
        double = self.start("cloudflare")
        double.ignores_filter = True
        for i in range(120):
            double.add_domain(f"zone{i}.example")
        double.add_domain("example.com")
        self.assertEqual(self.outcome(*self.ask(double, "validate", "example.com")), "valid")

    def test_a_write_that_never_took_effect_is_sent_once_more(self):
        double = self.start("namecheap")
        double.add_domain("example.com", OLD)
        double.inject("reset", "POST.*setCustom")
        got = self.outcome(*self.ask(double, *WRITE, options=["--patience", "60"]))
        self.assertEqual(got, "applied confirmed")
        self.assertEqual(len(double.writes()), 2)

    def test_a_write_whose_outcome_cannot_be_read_is_said_to_be_unknown(self):
        double = self.start("namecheap")
        double.add_domain("example.com", OLD)
        double.inject("apply_then_reset", "setCustom")
        double.inject("html", "getList", times=99, skip=2)  # one for the guard of DS, one for the write
        got = self.outcome(*self.ask(double, *WRITE, options=["--patience", "12"]))
        self.assertEqual(got, "502 outcome-unknown")
        self.assertEqual(len(double.writes()), 1)

    def test_a_ds_at_the_registrar_keeps_name_servers_from_changing(self):
        double = self.start("dynadot")
        double.add_domain("example.com", OLD).ds = [(2371, 13, 2, DIGEST)]
        self.assertEqual(self.outcome(*self.ask(double, *WRITE)), "409 dnssec-would-break")
        self.assertEqual(double.writes(), [])
        self.assertEqual(self.outcome(*self.ask(double, "ns", "set", "example.com", OLD)), "unchanged confirmed")
        self.assertEqual(self.outcome(*self.ask(double, *WRITE, options=["--keep-ds"])), "applied confirmed")

    def test_tasks_are_followed_to_their_end(self):
        for name, credential in (("ovh", None), ("godaddy", GoDaddy.token)):
            for refused in (False, True):
                with self.subTest(name, refused=refused):
                    double = self.start(name)
                    double.add_domain("example.com", OLD, registry_refuses=refused)
                    code, answer = self.ask(double, *WRITE, credential=credential)
                    self.assertEqual((code, answer["state"]), (0, "pending"))
                    self.assertEqual(answer["observed"], OLD, "what was asked for is not what is there")
                    first = self.ask(double, "task", "example.com", answer["task"]["id"], credential=credential)
                    self.assertEqual((first[0], first[1]["state"]), (0, "running"))
                    code, last = self.ask(double, "task", "example.com", answer["task"]["id"], credential=credential)
                    if refused:
                        self.assertEqual((code, last["state"], last["fault"]["error"]), (1, "failed", "invalid-nameserver"))
                    else:
                        self.assertEqual((code, last["state"]), (0, "done"))
                        self.assertEqual(double.domains["example.com"].delegation, NEW)

    def test_ds_records_are_set_and_cleared(self):
        for name, options, text in (("dynadot", [], DS), ("dynadot-api3", [], DS), ("ovh", [], f"257 3 13 {KEY}"),
                                    ("godaddy", ["--shopper", "987654321"], DS)):
            with self.subTest(name):
                double = self.start(name.removesuffix("-api3"))
                credential = double.key_only if name.endswith("api3") else None
                domain = double.add_domain("example.com", OLD)

                def settle(answer):
                    for _ in range(3 if answer["state"] == "pending" else 0):
                        self.ask(double, "task", "example.com", answer["task"]["id"], credential=credential, options=options)

                code, answer = self.ask(double, "ds", "set", "example.com", [text], credential=credential, options=options)
                self.assertEqual(code, 0, answer)
                settle(answer)
                self.assertEqual(len(domain.ds), 1)
                code, shown = self.ask(double, "ds", "show", "example.com", credential=credential, options=options)
                self.assertEqual((code, shown["ds"]), (0, [text]))
                code, answer = self.ask(double, "ds", "clear", "example.com", credential=credential, options=options)
                self.assertEqual(code, 0, answer)
                settle(answer)
                self.assertEqual(domain.ds, [])

    def test_hosts_are_registered_before_the_set_that_names_them(self):
        for name in ("dynadot", "namecheap"):
            with self.subTest(name):
                double = self.start(name)
                double.add_domain("example.com", OLD)
                got = self.outcome(*self.ask(double, "ns", "set", "example.com", ["ns1.example.com=192.0.2.1", "ns2.pdm.example"]))
                self.assertEqual(got, "applied confirmed")
                code, shown = self.ask(double, "host", "show", "example.com", "ns1.example.com")
                self.assertEqual((code, shown["addresses"]), (0, ["192.0.2.1"]))

    def test_ovh_waits_for_the_host_and_then_orders_the_set(self):
        double = self.start("ovh")
        double.add_domain("example.com", OLD)
        wanted = ["ns1.example.com=192.0.2.1", "ns2.pdm.example"]
        code, answer = self.ask(double, "ns", "set", "example.com", wanted)
        self.assertEqual((code, answer["state"], answer["repeat"]), (0, "pending", True))
        for _ in range(3):
            self.ask(double, "task", "example.com", answer["task"]["id"])
        code, answer = self.ask(double, "ns", "set", "example.com", wanted)
        self.assertEqual((code, answer["state"], answer["repeat"]), (0, "pending", False))
        self.assertEqual(answer["task"]["what"], "DomainDnsUpdate")

    def test_ovh_switches_from_its_own_servers(self):
        double = self.start("ovh")
        domain = double.add_domain("example.com")
        self.assertTrue(domain.own_dns)
        self.assertEqual(self.outcome(*self.ask(double, *WRITE)), "pending")
        self.assertFalse(domain.own_dns)

    def test_ovh_signs_with_the_servers_clock(self):
        double = self.start("ovh")
        double.clock_offset = -86400
        double.add_domain("example.com", OLD)
        self.assertEqual(self.outcome(*self.ask(double, "validate", "example.com")), "valid")

    def test_dynadot_by_key_alone(self):
        for takes_forms in (True, False):
            with self.subTest(takes_forms=takes_forms):
                double = self.start("dynadot")
                double.takes_forms = takes_forms
                double.content_key = "nsContent"
                double.add_domain("example.com", OLD)
                got = self.outcome(*self.ask(double, *WRITE, credential=double.key_only))
                self.assertEqual(got, "applied confirmed")
                self.assertEqual(any("key=" in request.target for request in double.requests), not takes_forms)


class Transport(RegistrarTest):
    def test_a_certificate_that_nobody_vouches_for_is_refused(self):
        double = self.start("namecheap")
        double.add_domain("example.com", OLD)
        with tempfile.TemporaryDirectory() as directory:
            key, certificate = pathlib.Path(directory, "key.pem"), pathlib.Path(directory, "certificate.pem")
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                            "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate], check=True, capture_output=True)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            double.server.socket = context.wrap_socket(double.server.socket, server_side=True)
            got = self.outcome(*self.ask(double, *READ, base=double.url.replace("http:", "https:")))
        self.assertEqual(got, "502 api-unavailable")
        self.assertEqual(double.requests, [])

    def test_a_redirect_is_not_followed(self):
        for name in ALL:
            with self.subTest(name):
                double, other = self.start(name), self.start(name)
                double.inject("redirect", times=99, to=other.url)
                self.assertEqual(self.outcome(*self.ask(double, *READ)), "502 api-unavailable")
                self.assertEqual(other.requests, [])

    def test_a_credential_is_not_sent_in_clear_over_a_network(self):
        double = self.start("ovh")
        got = self.outcome(*self.ask(double, *READ, base="http://192.0.2.1/1.0"))
        self.assertEqual(got, "500 registrar-error")

    def test_nobody_listens(self):
        double = self.start("godaddy")
        double.stop()
        self.assertEqual(self.outcome(*self.ask(double, *READ)), "502 api-unavailable")

    def test_the_credential_comes_from_a_file_too_and_one_that_others_read_is_told(self):
        double = self.start("namecheap")
        double.add_domain("example.com", OLD)
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "credential")
            path.write_text(double.credential + "\n")
            for mode, warned in ((0o600, False), (0o644, True)):
                path.chmod(mode)
                done = subprocess.run([CTL, "--config", "/dev/null", "registrar", "ns", "show", "namecheap", "example.com", "--credential-file", path,
                                       "--base-url", double.url], capture_output=True, text=True, timeout=120)
                self.assertEqual((done.returncode, done.stdout.split()), (0, OLD))
                self.assertEqual("can be read by others" in done.stderr, warned)

    def test_without_a_credential_it_says_where_one_comes_from(self):
        done = subprocess.run([CTL, "--config", "/dev/null", "registrar", "validate", "ovh", "example.com"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--credential-file", done.stderr)


if __name__ == "__main__":
    unittest.main()
