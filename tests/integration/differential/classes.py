# SPDX-License-Identifier: MIT
"""Which class an answer is of, and the table that shows that each class was asked for."""
import collections

from .questions import GROUPS, group_of
from .wire import type_number

A_CNAME, DNAME, SOA, NS, DS = 5, 39, 6, 2, 43
RCODES = {2: "SERVFAIL", 5: "REFUSED", 6: "YXDOMAIN"}
LEAST = 5


def classify(question, answer, names):
    if answer.rcode in RCODES:
        return RCODES[answer.rcode]
    wanted = type_number(question.rrtype)
    found = answer.types(0)
    chain = ""
    if found and question.rrtype not in ("CNAME", "DNAME", "ANY"):
        chain = "DNAME " if DNAME in found else "CNAME " if A_CNAME in found else ""
    if answer.rcode == 3:
        return chain + "NXDOMAIN"
    if chain:
        if wanted in found:
            return chain + "data"
        return chain + ("NODATA" if SOA in answer.types(1) else "referral" if NS in answer.types(1) else "dead end")
    if found:
        if question.rrtype == "ANY":
            return "ANY" if question.name in names.types else "ANY wildcard"
        return "data" if question.name in names.types else "wildcard"
    if SOA not in answer.types(1):
        return "secure referral" if DS in answer.types(1) else "referral" if NS in answer.types(1) else "empty"
    if question.name not in names.types:
        return "wildcard NODATA"
    return "NODATA" if names.types[question.name] else "empty non-terminal"


ALL = set(GROUPS)
# RRSIG and NSEC3 are REFUSED by PowerDNS and NSEC is answered from what denies, so "denial" is in few rows.
BY_CHAIN = ALL - {"any", "alias"}
REACHABLE = {
    "data": ALL - {"denial", "any"}, "ANY": {"any"}, "ANY wildcard": {"any"},
    "wildcard": {"address", "service", "text"}, "wildcard NODATA": ALL - {"any", "denial"},
    "NODATA": ALL - {"any", "denial"}, "empty non-terminal": ALL - {"denial"}, "NXDOMAIN": ALL,
    "referral": ALL, "secure referral": ALL,
    "CNAME data": {"address"}, "CNAME NODATA": BY_CHAIN - {"denial", "address", "delegation", "apex"},
    "CNAME NXDOMAIN": BY_CHAIN - {"denial"}, "CNAME dead end": BY_CHAIN - {"denial"},
    "DNAME data": {"address"}, "DNAME NODATA": {"service", "text"}, "DNAME NXDOMAIN": BY_CHAIN - {"denial"},
    "DNAME dead end": BY_CHAIN - {"denial"}, "REFUSED": ALL,
}


class Coverage:
    def __init__(self):
        self.cells = collections.Counter()

    def count(self, question, kind):
        self.cells[kind, group_of(question.rrtype), question.wants_dnssec] += 1

    def thin(self, without=()):
        """Cells that a question of this table must have reached and too few did."""
        return [f"{kind} / {group} / {'DO' if do else 'no DO'}: {self.cells[kind, group, do]}" for kind, groups in REACHABLE.items()
                if kind not in without for group in sorted(groups) for do in (False, True) if self.cells[kind, group, do] < LEAST]

    def table(self):
        kinds = sorted({kind for kind, _, _ in self.cells} | set(REACHABLE))
        lines = ["class of answer      " + "".join(f"{group:>13}" for group in GROUPS) + "   (without DO / with DO)"]
        for kind in kinds:
            lines.append(f"{kind:<21}" + "".join(
                f"{self.cells[kind, group, False]:>6}/{self.cells[kind, group, True]:<6}" for group in GROUPS))
        return "\n".join(lines)
