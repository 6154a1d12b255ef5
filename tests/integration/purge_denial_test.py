#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Denials kept true: a cached NXDOMAIN, NODATA, wildcard or referral of a signed zone carries NSEC or NSEC3 records, and every
negative answer carries the SOA. Validators use both for names that were never asked (RFC 8198, RFC 2308), so an edit elsewhere
in the zone outdates them. Each case warms one server's caches with questions all over the zone, edits, waits for the revision,
and asks each question once: the answers must be those of a second server that caches nothing."""
import dns.dnssec
import dns.name
import dns.rdatatype

import harness

APEX = "denial.test."
ZONE = """\
$ORIGIN denial.test.
$TTL 300
@              IN SOA ns1 hostmaster 1 7200 900 1209600 60
               IN NS  ns1
ns1            IN A   192.0.2.1
bravo          IN A   192.0.2.2
kilo           IN A   192.0.2.3
               IN AAAA 2001:db8::3
yankee         IN A   192.0.2.4
only           IN TXT "one type"
x.y.grove      IN A   192.0.2.5
*.wild         IN A   192.0.2.6
papa.wild      IN A   192.0.2.7
insecure       IN NS  ns.far.test.
a.b.nested     IN NS  ns.far.test.
secure         IN NS  ns.far.test.
secure         IN DS  12345 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
"""
OTHER = """\
$ORIGIN other.test.
$TTL 300
@    IN SOA ns1.denial.test. hostmaster.denial.test. 1 7200 900 1209600 60
     IN NS  ns1.denial.test.
out  IN CNAME lima.denial.test.
"""
DS = "54321 13 2 fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
NOT_CACHED = {"cache-ttl": 0, "query-cache-ttl": 0, "negquery-cache-ttl": 0}
DENIALS = {dns.rdatatype.NSEC, dns.rdatatype.NSEC3}

# Enough absent names that each span of the zone is denied by one of them, whatever the hashes are.
ABSENT = [f"{word}.{APEX}" for word in ("alpha", "charlie", "echo", "hotel", "juliet", "lima", "mike", "noon", "oscar", "quebec",
                                        "sierra", "tango", "uniform", "victor", "xray", "zulu", "wild-east", "xyz.grove")]
QUESTIONS = ([(name, "A") for name in ABSENT] +
             [(f"{owner}.{APEX}", "MX") for owner in ("ns1", "bravo", "kilo", "yankee", "only", "grove", "y.grove", "x.y.grove", "papa.wild",
                                              "nested", "b.nested")] +
             [(APEX, "MX"), (f"kilo.{APEX}", "TXT"), ("out.other.test.", "A"),
              (f"any.wild.{APEX}", "A"), (f"quebec.wild.{APEX}", "A"), (f"any.wild.{APEX}", "TXT"),
              (f"www.insecure.{APEX}", "A"), (f"insecure.{APEX}", "DS"), (f"a.b.nested.{APEX}", "DS"), (f"secure.{APEX}", "DS"), (f"www.secure.{APEX}", "A")])


def put(owner, rrtype, *contents):
    return lambda world: world.record_set(APEX, f"{owner}.{APEX}" if owner else APEX, rrtype, *contents)


def drop(owner, rrtype):
    return lambda world: world.record_delete(APEX, f"{owner}.{APEX}", rrtype)


# What changes; the edit; the name that comes or goes, if one does.
EDITS = (
    ("new name", put("november", "A", "203.0.113.1"), "november"),
    ("new name below a wildcard's parent", put("romeo.wild", "A", "203.0.113.1"), "romeo.wild"),
    ("new empty non-terminals", put("a.b.forest", "A", "203.0.113.1"), "a.b.forest"),
    ("last type of a name removed", drop("only", "TXT"), "only"),
    ("name and its empty non-terminals removed", drop("x.y.grove", "A"), "x.y.grove"),
    ("type added", put("kilo", "TXT", '"new"'), None),
    ("type removed", drop("kilo", "AAAA"), None),
    ("type added at the apex", put("", "CAA", '0 issue "ca.test"'), None),
    ("secure delegation becomes insecure", drop("secure", "DS"), None),
    ("insecure delegation becomes secure", put("insecure", "DS", DS), None),
    ("insecure delegation below empty non-terminals becomes secure", put("a.b.nested", "DS", DS), None),
    ("new insecure delegation", put("delegated", "NS", "ns.far.test."), "delegated"),
    ("insecure delegation removed", drop("insecure", "NS"), "insecure"),
    ("wildcard removed", drop("*.wild", "A"), "*.wild"),
)


def shown(response):
    """What an answer says, but for the serial, which negative answers may show late, and signatures, which differ each time."""
    lines = {f"{response.rcode()} {response.flags & 0x0480:x}"}
    for section, rrsets in enumerate((response.answer, response.authority, response.additional)):
        for rrset in rrsets:
            if rrset.rdtype == dns.rdatatype.RRSIG:
                lines |= {f"{section} {rrset.name} RRSIG {rdata.type_covered} {rdata.labels} {rdata.original_ttl}" for rdata in rrset}
            else:
                rdatas = [rdata.replace(serial=0) for rdata in rrset] if rrset.rdtype == dns.rdatatype.SOA else rrset
                lines |= {f"{section} {rrset.name} {rrset.ttl} {dns.rdatatype.to_text(rrset.rdtype)} {rdata}" for rdata in rdatas}
    return lines


def denying(name, responses):
    """Every NSEC and NSEC3 in these answers that says that the name does not exist."""
    return {rrset.to_text() for response in responses for rrset in response.authority
            if rrset.rdtype in DENIALS and spans(rrset.name, rrset[0], dns.name.from_text(name))}


def without_spans(lines):
    """An insecure referral of an opt-out zone: what matters of its NSEC3 is the closest encloser's types, here the apex's."""
    return {" ".join(line.split()[9:]) if " NSEC3 " in line else line
            for line in lines if " RRSIG 50 " not in line and (" NSEC3 " not in line or " SOA " in line)}


def soas(responses):
    """The zone's SOA in every answer that shows it."""
    return [rrset[0].to_text() for response in responses for rrset in response.authority
            if rrset.rdtype == dns.rdatatype.SOA and rrset.name == dns.name.from_text(APEX)]


def spans(owner, rdata, name):
    """Whether the record says that the name does not exist."""
    if rdata.rdtype == dns.rdatatype.NSEC:
        at, start, end = name, owner, rdata.next
    else:
        at = dns.dnssec.nsec3_hash(name, rdata.salt or None, rdata.iterations, rdata.algorithm).lower()
        start, end = owner.labels[0].decode().lower(), rdata.to_text().split()[4]
    return start < at < end if start < end else at > start or at < end


class Denials(harness.ServerTest):
    powerdns = ({}, NOT_CACHED)
    mode = ()
    late = ()  # questions whose answers may show former spans, and the types at the start of one

    @classmethod
    def prepare(cls, world):
        world.import_zone("other.test.", OTHER)

    def setUp(self):
        self.cached, self.direct = self.world.powerdns
        self.world.import_zone(APEX, ZONE)
        if self.mode is not None:
            self.world.secure(APEX)
            if self.mode:
                self.world.nsec3(APEX, *self.mode)

    def tearDown(self):
        self.world.delete_zone(APEX)

    def warm_all(self):
        self.world.daemon.wait_purged_again()
        return {question: self.cached.warm(*question, dnssec=True) for question in QUESTIONS}

    def ask_all(self):
        """Every question once; each answer is that of the server without caches."""
        answers, wrong = {}, {}
        for question in QUESTIONS:
            answers[question] = self.cached.query(*question, dnssec=True)
            got, wanted = shown(answers[question]), shown(self.direct.query(*question, dnssec=True))
            if question in self.late:
                got, wanted = without_spans(got), without_spans(wanted)
            if got != wanted:
                wrong[question] = {"not any more": got - wanted, "missing": wanted - got}
        self.assertFalse(wrong)
        return answers

    def check_edit(self, edit, name=None):
        before = self.warm_all()
        edit(self.world)
        after = self.ask_all()
        if name:
            denied = [denying(f"{name}.{APEX}", [answers[question] for question in QUESTIONS if question not in self.late])
                      for answers in (before, after)]
            self.assertNotEqual(bool(denied[0]), bool(denied[1]), denied)
        self.assertTrue([question for question in QUESTIONS if shown(before[question]) != shown(after[question])],
                        "the edit changed no denial: the case asks too little")

    def check_soa(self, content, token):
        """Every answer that has the SOA has the new one, and there are many."""
        for old in soas(self.warm_all().values()):
            self.assertNotIn(token, old)
        self.world.record_set(APEX, APEX, "SOA", content)
        new = soas(self.ask_all().values())
        self.assertGreaterEqual(len(new), 20)
        for soa in new:
            self.assertIn(token, soa)

    def test_new_minimum_of_the_soa_is_in_every_negative_answer(self):
        self.check_soa(f"ns1.{APEX} hostmaster.{APEX} 1 7200 900 1209600 30", " 1209600 30")

    def test_new_primary_of_the_soa_is_in_every_negative_answer(self):
        self.check_soa(f"bravo.{APEX} hostmaster.{APEX} 1 7200 900 1209600 60", f"bravo.{APEX} ")


class NsecDenials(Denials):
    pass


class Nsec3Denials(Denials):
    mode = ("--salt", "aabb")


class OptOutDenials(Denials):
    mode = ("--opt-out",)
    late = ((f"www.insecure.{APEX}", "A"), (f"insecure.{APEX}", "DS"), (f"a.b.nested.{APEX}", "DS"))


class UnsignedDenials(Denials):
    mode = None


def edit_test(what, edit, name):
    def test(self):
        self.check_edit(edit, name)
    test.__name__ = "test_denials_are_right_after_" + "".join(c if c.isalnum() else "_" for c in what.lower())
    return test


for _case in (NsecDenials, Nsec3Denials, OptOutDenials):
    for _edit in EDITS:
        _function = edit_test(*_edit)
        if _case is not OptOutDenials or not (_edit[2] and "insecure delegation" in _edit[0]):  # these change no denial there
            setattr(_case, _function.__name__, _function)
del Denials, _case  # a base, not a case of its own


if __name__ == "__main__":
    harness.main()
