# SPDX-License-Identifier: MIT
"""Compares the answers of both sides. What may differ stands in KNOWN, each with its reason and matched narrowly; everything
else is a failure. Signatures are verified: the octets differ with some algorithms although both are right."""
import base64
import collections

import dns.dnssec
import dns.exception
import dns.message
import dns.name
import dns.rdata
import dns.rdatatype
import dns.rrset

from .classes import Coverage, classify
from .questions import group_of
from .wire import RRSIG, Answer, Question, ask_all

NSEC, DNSKEY, NSEC3 = 47, 48, 50
SERVFAIL, YXDOMAIN = 2, 6
AFTER_YXDOMAIN = ("PowerDNS 4.7 leaves a lookup unfinished when it answers YXDOMAIN (\"Attempt to lookup while one running\"): with "
                  "no query cache the next question of that thread fails, on either side; asked again it is answered alike")
TO_BASE32HEX = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789abcdefghijklmnopqrstuv")


class Difference:
    """`ours` and `theirs`: rows that only one side has, with the section; `kinds`: the class of each answer."""

    def __init__(self, question, names, ours, theirs):
        self.question, self.names = question, names
        self.header = ours[:3] != theirs[:3]
        self.rcodes = tuple(side[0] & 15 for side in (ours, theirs))
        self.denials = [row for side in (ours, theirs) for rows in side[3] for row in rows if row[1] == NSEC3]
        self.ours = [(number, row) for number in range(3) for row in _without(ours[3][number], theirs[3][number])]
        self.theirs = [(number, row) for number in range(3) for row in _without(theirs[3][number], ours[3][number])]

    def only(self, *types):
        """No other rows than these types and signatures of them differ."""
        return not self.header and all(row[1] in types or row[1] == RRSIG and covered(row) in types
                                       for _, row in self.ours + self.theirs)


def _without(rows, others):
    left = collections.Counter(rows)
    left.subtract(others)
    return list(left.elements())


def covered(row):
    return row[4][0] << 8 | row[4][1]


def name_of(wire):
    return dns.name.from_wire(wire, 0)[0]


# What may differ

def _occluded_in_chain(difference):
    """A name below a zone cut that is itself a cut: rectify puts it into the chain."""
    occluded = difference.names.below_cut
    if occluded(difference.question.name) and difference.question.rrtype in ("NSEC", "DS"):
        return True
    return difference.only(NSEC) and any(
        row[1] == NSEC and (occluded(name_of(row[4])) or occluded(name_of(row[0]))) for _, row in difference.theirs)


def _occluded_ds(difference):
    """A DS below a cut is not the parent's to give."""
    return difference.names.below_cut(difference.question.name) and difference.question.rrtype == "DS"


def _type_zero(difference):
    """The row that stands for an empty non-terminal, in an answer to ANY; only its TTL differs. Takes these rows out, since
    what denies may differ besides."""
    if difference.question.rrtype != "ANY":
        return False

    def is_type_zero(row):
        return row[1] == 0 or row[1] == RRSIG and covered(row) == 0
    mine, reference = ([row for _, row in rows if is_type_zero(row)] for rows in (difference.ours, difference.theirs))
    if {row[0] for row in mine if row[1] == 0} != {row[0] for row in reference if row[1] == 0}:
        return False
    difference.ours = [(number, row) for number, row in difference.ours if not is_type_zero(row)]
    difference.theirs = [(number, row) for number, row in difference.theirs if not is_type_zero(row)]
    return not (difference.header or difference.ours or difference.theirs)


def _opt_out(difference):
    """What denies differs, and one side's NSEC3 record is of a name that the other side leaves out."""
    hashes = difference.names.hashes_left_out
    return difference.only(NSEC3) and bool(hashes) and any(
        {row[0][1:33].decode(), nsec3_next(row)} & hashes for row in difference.denials)


def nsec3_next(row):
    """The next hash of an NSEC3 row, as text in lower case."""
    at = 6 + row[4][4]
    octets = row[4][at:at + row[4][at - 1]]
    return base64.b32encode(octets).translate(TO_BASE32HEX).decode()


def _yxdomain_of_presigned(difference):
    return difference.rcodes == (SERVFAIL, YXDOMAIN) and "presigned" in difference.question.name.to_text().lower()


KNOWN = (
    ("PowerDNS asks for the signature of a pre-signed zone's DNAME in the middle of another lookup, when the query cache does not have "
     "it; its remote connector refuses that (\"Attempt to lookup while one running\"): SERVFAIL in place of YXDOMAIN", _yxdomain_of_presigned),
    ("PowerDNS 4.7 answers ANY with the row of an empty non-terminal wildcard, as TYPE0; its TTL means nothing", _type_zero),
    ("a DS below a zone cut is occluded data: gsqlite3 serves it with authority, we do not (RFC 1034 section 4.2.1)", _occluded_ds),
    ("opt-out may leave out or name insecure delegations and what is above them alone (RFC 5155 section 7.1): rectify names "
     "cuts where other data are, and takes what is above several cuts from one of them; we name what is above them", _opt_out),
    ("a zone cut below a zone cut takes no part in the NSEC chain (RFC 4035 section 2.3); pdnsutil rectify leaves it in", _occluded_in_chain),
)
SIGNATURE_OF_BOTH = ("a signature that both sides break in the same way: PowerDNS writes NSEC of presigned zones itself, with names in lower "
                     "case and with names below a DNAME; it signs targets of SVCB in lower case (RFC 6840 section 5.1)")


class Keys:
    """The DNSKEY RRsets of both sides' zones, and signatures that were verified against them."""

    def __init__(self, port, apexes):
        self.keys, self.verified = {}, {}
        for apex, octets in zip(apexes, ask_all(port, [Question(apex, "DNSKEY") for apex in apexes])):
            answer = Answer(octets)
            rdatas = [dns.rdata.from_wire(1, DNSKEY, row[4], 0, len(row[4])) for row in answer.sections[0] if row[1] == DNSKEY]
            if rdatas:
                self.keys[dns.name.from_text(apex)] = dns.rrset.from_rdata_list(apex, 3600, rdatas)

    def problems(self, answer):
        """Signatures in the answer that are not valid; RRsets of it are taken from the answer."""
        rrsets = collections.defaultdict(set)
        for number, rows in enumerate(answer.sections):
            for owner, rrtype, _, ttl, rdata in rows:
                if rrtype != RRSIG:
                    rrsets[number, owner.lower(), rrtype].add(rdata)
        found = []
        for number, rows in enumerate(answer.sections):
            for row in rows:
                if row[1] != RRSIG:
                    continue
                signed = rrsets.get((number, row[0].lower(), covered(row)))
                if not signed:
                    found.append(f"{name_of(row[0])}: RRSIG of {dns.rdatatype.to_text(covered(row))} without what it covers")
                    continue
                key = (row[0].lower(), row[4], frozenset(signed))
                if key not in self.verified:
                    self.verified[key] = self._verify(row, signed)
                if self.verified[key]:
                    found.append(self.verified[key])
        return found

    def _verify(self, row, signed):
        rrsig = dns.rdata.from_wire(1, RRSIG, row[4], 0, len(row[4]))
        rrset = dns.rrset.RRset(name_of(row[0]), 1, covered(row))
        rrset.ttl = row[3]
        for rdata in signed:
            rrset.add(_rdata(covered(row), rdata))
        try:
            dns.dnssec.validate_rrsig(rrset, rrsig, {rrsig.signer: self.keys[rrsig.signer]} if rrsig.signer in self.keys else {})
            return None
        except dns.exception.DNSException as error:
            return f"{rrset.name} {dns.rdatatype.to_text(covered(row))}: RRSIG of {rrsig.signer} {rrsig.key_tag}: {error or type(error).__name__}"


# Types whose names are in lower case when they are signed: RFC 4034 section 6.2. Of all others the octets are signed.
LOWERED = {2, 5, 6, 12, 15, 17, 18, 21, 26, 33, 35, 36, 39}


def _rdata(rrtype, octets):
    if rrtype not in LOWERED:
        return dns.rdata.GenericRdata(1, rrtype, octets)
    return dns.rdata.from_wire(1, rrtype, octets, 0, len(octets))


def text_of(octets):
    try:
        return "\n".join(dns.message.from_wire(b"\0\0" + octets).to_text().splitlines()[3:])
    except dns.exception.DNSException as error:
        return f"{error}: {octets.hex()}"


class Comparison:
    """Asks both sides and keeps what is wrong."""

    def __init__(self, ours, theirs, names, keys=None, serials=True):
        self.ours, self.theirs, self.names, self.keys, self.serials = ours, theirs, names, keys, serials
        self.coverage = Coverage()
        self.failures, self.known = [], collections.Counter()
        self.samples = collections.defaultdict(list)  # questions with DO by class of answer, without those PowerDNS signs wrongly
        self.asked = self.same_octets = 0

    def ask(self, questions):
        mine, reference = ask_all(self.ours.port, questions), ask_all(self.theirs.port, questions)
        self.asked += len(questions)
        # Each YXDOMAIN leaves a backend of each side in the middle of a lookup: one question of each, at most, fails for it.
        self.broken_lookups = 2 * sum(octets[1] & 15 == YXDOMAIN for octets in (*mine, *reference))
        for question, octets, expected in zip(questions, mine, reference):
            answer = Answer(octets)
            kind = classify(question, answer, self.names)
            self.coverage.count(question, kind)
            if self.keys and question.wants_dnssec:
                problems = self.keys.problems(answer)
                if not problems:
                    self.samples[kind].append(question)
                of_both = set(self.keys.problems(Answer(expected))) if problems else set()
                for problem in problems:
                    if problem in of_both and problem.split(": ")[0].split()[-1] in ("NSEC", "NSEC3", "SVCB", "HTTPS"):
                        self.known[SIGNATURE_OF_BOTH] += 1
                    else:
                        self.failures.append((question, "signature", f"{problem}\n{text_of(octets)}"))
            if octets == expected:
                self.same_octets += 1
                continue
            other = Answer(expected)
            difference = Difference(question, self.names, answer.comparable(self.serials), other.comparable(self.serials))
            if not (difference.header or difference.ours or difference.theirs):
                continue
            for reason, matches in KNOWN:
                if matches(difference):
                    self.known[reason] += 1
                    break
            else:
                if self.broken_lookups and self.alike_when_asked_again(question):
                    self.broken_lookups -= 1
                    self.known[AFTER_YXDOMAIN] += 1
                    continue
                kinds = f"{kind} / {classify(question, other, self.names)} / {group_of(question.rrtype)}"
                self.failures.append((question, kinds, f"--- ours\n{text_of(octets)}\n--- gsqlite3\n{text_of(expected)}"))

    def alike_when_asked_again(self, question):
        answers = [Answer(ask_all(side.port, [question])[0]) for side in (self.ours, self.theirs)]
        again = Difference(question, self.names, *(answer.comparable(self.serials) for answer in answers))
        return not (again.header or again.ours or again.theirs)

    def report(self, most=12):
        """The differences that are none of the known ones, a few of each kind."""
        if not self.failures:
            return ""
        counts, lines = collections.Counter(kind for _, kind, _ in self.failures), []
        shown = collections.Counter()
        for question, kind, text in self.failures:
            shown[kind] += 1
            if shown[kind] <= 1 and len(shown) <= most:
                lines.append(f"##### {question}    [{kind}, {counts[kind]} of them]\n{text}")
        return f"{len(self.failures)} differences in {self.asked} questions\n" + "\n".join(lines)

    def summary(self):
        lines = [f"{self.asked} questions, {self.same_octets} answers of equal octets"]
        return "\n".join(lines + [f"  {count} x {reason}" for reason, count in self.known.items()] + [self.coverage.table()])

