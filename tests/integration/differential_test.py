#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The same zones, keys and metadata in sovereign-dnsd and in PowerDNS's own gsqlite3 backend, each behind a pdns_server of the
same settings: the same questions get the same answers. Every difference that is right is in differential/compare.py, KNOWN."""
import unittest

import dns.name

import harness
from differential import zones
from differential.classes import LEAST
from differential.compare import Comparison, Keys
from differential.questions import Names, questions_of
from differential.sides import Pair
from differential.wire import Question
from validators import BOGUS, Validators

LEAST_QUESTIONS = 3000
VALIDATED = ("data", "wildcard", "NODATA", "wildcard NODATA", "empty non-terminal", "NXDOMAIN", "CNAME data", "CNAME NODATA",
             "CNAME NXDOMAIN", "DNAME data", "DNAME NXDOMAIN")
# reference: the settings of the PowerDNS servers that are replaced.
PRODUCTION = {"enable-lua-records": "yes", "direct-dnskey": "yes", "default-soa-edit-signed": "INCEPTION-EPOCH",
              "query-cache-ttl": "20", "cache-ttl": "20"}


# Below empty non-terminals that opt-out may leave out; a wildcard that is an empty non-terminal.
ALWAYS_VALIDATED = (("no.onlydeleg", "A"), ("onlydeleg", "A"), ("no.x.y.onlyinsec", "A"), ("no.mixeddeleg", "A"),
                    ("mixed1.mixeddeleg", "DS"), ("m.middle", "A"), ("*.middle", "A"), ("only1.onlydeleg", "DS"))


def can_validate(question, kind, names):
    """No types that a validator's tools do not ask for, no name that they cannot be given, no occluded data."""
    name, text = question.name, question.name.to_text().lower()
    below_dname = any("DNAME" in names.types.get(dns.name.Name(name.labels[at:]), ()) for at in range(1, len(name.labels)))
    return (question.rrtype not in ("ANY", "RRSIG", "NSEC", "NSEC3", "LUA", "ALIAS", "TYPE65400", "CNAME", "DNAME")
            and not text.startswith("-") and "\\" not in text and "types." not in text and names.zone_of(name) is not None
            and not names.below_cut(name) and (not below_dname or kind.startswith("DNAME") and name not in names.types))


def made(directory):
    directory.mkdir()
    return directory


class Differential(unittest.TestCase):
    pair = None

    @classmethod
    def setUpClass(cls):
        cls.pair = Pair("differential")
        try:
            for number, mode in enumerate(zones.MODES.values()):
                cls.pair.load(mode, zones.family(mode, number))
            cls.pair.settle()
        except BaseException:
            cls.pair.failed = True
            cls.pair.stop()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.pair.stop()

    def run(self, result=None):
        before = len(result.failures) + len(result.errors) if result else 0
        outcome = super().run(result)
        if result and len(result.failures) + len(result.errors) > before and self.pair:
            self.pair.failed = True
        return outcome

    def compare(self, modes, settings=None, most=None, seed=zones.SEED, table=True):
        """Every question, or `most` of them, on the zones of these modes."""
        ours, theirs = self.pair.name_servers(settings)
        apexes = [zone.apex for mode, zone in self.pair.zones if mode.name in modes]
        names = Names(self.pair.stock, apexes)
        for mode in (zones.MODES[name] for name in modes):
            if mode.opt_out:
                _, _, iterations, salt = mode.nsec3.split()
                names.hash_for_opt_out(salt, int(iterations))
        keys = Keys(theirs.port, [zone.apex for mode, zone in self.pair.zones if mode.signed])
        comparison = Comparison(ours, theirs, names, keys)
        comparison.ask(questions_of(names, seed)[:most])
        print(f"\n{', '.join(modes)} {settings or ''}: {comparison.summary() if table else comparison.asked}", flush=True)
        if comparison.failures:
            self.fail(comparison.report())
        self.assertGreaterEqual(comparison.asked, LEAST_QUESTIONS)
        if table:
            without = {"secure referral"} if modes == ["unsigned"] else set()
            self.assertEqual(comparison.coverage.thin(without), [], f"cells with fewer than {LEAST} questions")

        return comparison

    def compare_and_validate(self, name):
        """Also: a sample of each class of answer, and what was bogus once, is bogus to neither validator."""
        comparison = self.compare([name])
        zones_of_mode = [zone for mode, zone in self.pair.zones if mode.name == name]
        anchors = {zone.apex: self.pair.ds[zone.apex][0] for zone in zones_of_mode if self.pair.ds[zone.apex] and not zone.ds_in}
        ours, theirs = (Validators(made(self.pair.world.directory / f"validators-{name}-{side}"), server.port, anchors,
                                   [zone.apex for zone in zones_of_mode])
                        for side, server in zip(("ours", "theirs"), self.pair.name_servers()))
        apex = zones.MODES[name].apex
        questions = [("always", Question(f"{owner}.{apex}", rrtype)) for owner, rrtype in ALWAYS_VALIDATED
                     if not zones.MODES[name].presigned]
        for kind in VALIDATED:
            usable = [question for question in comparison.samples[kind] if can_validate(question, kind, comparison.names)]
            self.assertTrue(usable, f"{name}: no answer of class {kind} to validate")
            questions += [(kind, question) for question in usable[:20 if harness.LONG else 2]]
        for kind, question in questions:
            owner = question.name.to_text()
            anchor = max((apex for apex in anchors if owner.lower().endswith(apex)), key=len)
            with self.subTest(kind=kind, question=str(question)):
                self.check_valid(ours, theirs, "delv", anchor, owner, question.rrtype)
                if not kind.startswith("DNAME"):  # unbound wants the DNAME before its CNAME; PowerDNS shuffles
                    self.check_valid(ours, theirs, "unbound", owner, question.rrtype)

    def check_valid(self, ours, theirs, tool, *question):
        """What PowerDNS's own backend makes bogus, we need not mend: the answers were alike."""
        verdict, text = getattr(ours, tool)(*question)
        if verdict == BOGUS and getattr(theirs, tool)(*question)[0] == BOGUS:
            print(f"bogus to {tool} from both sides: {' '.join(question)}", flush=True)
            return
        self.assertNotEqual(verdict, BOGUS, text)

    def test_unsigned_zones_answer_alike(self):
        self.compare(["unsigned"])

    def test_zones_that_deny_with_nsec_answer_alike(self):
        self.compare_and_validate("nsec")

    def test_zones_that_deny_with_nsec3_answer_alike(self):
        self.compare_and_validate("nsec3")

    def test_zones_that_deny_with_nsec3_of_salt_and_iterations_answer_alike(self):
        self.compare_and_validate("nsec3salt")

    def test_zones_with_opt_out_answer_alike(self):
        self.compare_and_validate("optout")

    def test_zones_that_deny_narrowly_answer_alike(self):
        self.compare_and_validate("narrow")

    def test_zones_signed_before_with_nsec_answer_alike(self):
        self.compare_and_validate("presigned")

    def test_zones_signed_before_with_nsec3_answer_alike(self):
        self.compare_and_validate("presigned3")

    def every_mode(self, settings):
        for mode in zones.MODES:
            with self.subTest(mode):
                self.compare([mode], settings, most=None if harness.LONG else LEAST_QUESTIONS, table=False)

    def test_without_the_zone_cache_zones_answer_alike(self):
        self.every_mode({"zone-cache-refresh-interval": "0"})

    def test_with_backends_asked_for_one_type_zones_answer_alike(self):
        self.every_mode({"consistent-backends": "no"})

    @unittest.skipUnless(harness.LONG, "SDNS_LONG is not set")
    def test_with_backends_asked_for_one_type_and_no_zone_cache_zones_answer_alike(self):
        self.every_mode({"consistent-backends": "no", "zone-cache-refresh-interval": "0"})

    def test_with_the_settings_in_production_zones_answer_alike(self):
        self.every_mode(PRODUCTION)

    @unittest.skipUnless(harness.LONG, "SDNS_LONG is not set")
    def test_without_caches_zones_answer_alike(self):
        self.every_mode({"query-cache-ttl": "0", "negquery-cache-ttl": "0", "cache-ttl": "0"})

    @unittest.skipUnless(harness.LONG, "SDNS_LONG is not set")
    def test_without_dname_processing_zones_answer_alike(self):
        self.every_mode({"dname-processing": "no"})


if __name__ == "__main__":
    harness.main()
