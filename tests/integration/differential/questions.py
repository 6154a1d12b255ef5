# SPDX-License-Identifier: MIT
"""What is asked: every owner name with every group of types, and names beside, below and outside of them. The same questions
for the same zones, whatever the day."""
import random

import dns.dnssec
import dns.exception
import dns.name

from .wire import Question

GROUPS = {
    "address": ("A", "AAAA"),
    "service": ("MX", "SRV", "SVCB", "HTTPS", "NAPTR"),
    "text": ("TXT", "CAA", "HINFO", "LOC"),
    "delegation": ("NS", "DS"),
    "apex": ("SOA", "DNSKEY", "NSEC3PARAM", "CDS", "CDNSKEY"),
    "alias": ("CNAME", "DNAME"),
    "denial": ("NSEC", "NSEC3", "RRSIG"),
    "other": ("PTR", "TLSA", "TYPE65400", "LUA", "ALIAS"),
    "any": ("ANY",),
}
GROUP_OF = {rrtype: group for group, types in GROUPS.items() for rrtype in types}


def group_of(rrtype):
    return GROUP_OF.get(rrtype, "other")


class Names:
    """What the reference side has: owner names (empty non-terminals too), their types, and the apexes."""

    def __init__(self, stock, apexes):
        self.apexes = [dns.name.from_text(apex) for apex in apexes]
        self.types = {}
        for apex in apexes:
            for name, rrtype in stock.sql("SELECT r.name, r.type FROM records r JOIN domains d ON d.id = r.domain_id WHERE d.name = ?",
                                          apex.rstrip(".")):
                owner = self.types.setdefault(dns.name.from_text(name), set())
                if rrtype:
                    owner.add(rrtype)
        # Where a presigned zone keeps its NSEC3 records is no name to ask for (RFC 5155 section 7.2.8); PowerDNS finds it.
        self.types = {owner: types for owner, types in self.types.items() if not types or types - {"RRSIG", "NSEC3"}}
        for owner in list(self.types):
            for apex in self.apexes:
                while owner.is_subdomain(apex) and owner != apex:
                    self.types.setdefault(owner, set())
                    owner = owner.parent()

        self.hashes_left_out = set()

    def hash_for_opt_out(self, salt, iterations):
        """NSEC3 hashes of insecure delegations with more than NS at them, and of empty non-terminals above insecure ones."""
        found = set()
        for owner, types in self.types.items():
            if owner in self.apexes or "NS" not in types or "DS" in types:
                continue
            if types != {"NS"}:
                found.add(owner)
            above = owner.parent()
            while above not in self.apexes and not self.types[above]:
                found.add(above)
                above = above.parent()
        self.hashes_left_out = {dns.dnssec.nsec3_hash(name, "" if salt == "-" else salt, iterations, 1).lower() for name in found}

    def zone_of(self, name):
        found = [apex for apex in self.apexes if name.is_subdomain(apex)]
        return max(found, key=len) if found else None

    def below_cut(self, name):
        """Whether a name above it, but in its zone, is a zone cut."""
        apex = self.zone_of(name)
        while apex is not None and name != apex:
            name = name.parent()
            if name != apex and "NS" in self.types.get(name, ()):
                return True
        return False


def _mixed_case(name, chance):
    return dns.name.Name([bytes(chance.choice((octet, octet ^ 0x20)) if chr(octet).isalpha() and octet < 128 else octet for octet in label)
                          for label in name.labels])


def _below(name, *labels):
    try:
        return dns.name.Name([label.encode() for label in labels] + list(name.labels))
    except dns.exception.DNSException:
        return None  # over 255 octets


def _beside(name, chance):
    """Names next to it in canonical order, and elsewhere among its siblings."""
    first, rest = name.labels[0], name.labels[1:]
    for label in (first[:-1], first + b"-", first + b"0", first + b"zz", b"-" + first, bytes([chance.choice(b"abcmxz059")]) + first[1:]):
        if 0 < len(label) < 64:
            try:
                yield dns.name.Name([label, *rest])
            except dns.exception.DNSException:
                pass


OUTSIDE = [dns.name.from_text(text) for text in (".", "test.", "example.", "arpa.", "198.in-addr.arpa.", "www.elsewhere.example.",
                                                 "nowhere.invalid.", "a.b.c.d.e.f.g.invalid.", "*.", "zz.test.", "51.198.in-addr.arpa.")]


def questions_of(names, seed):
    """Every question once, shuffled. DO, EDNS without it and no EDNS; RD now and then."""
    chance = random.Random(seed)
    found = {}

    def put(name, rrtype, both=True):
        if name is None:
            return
        recursion = chance.random() < 0.05
        for edns in ("do", chance.choice(("", "", "plain"))) if both else (chance.choice(("do", "do", "", "plain")),):
            found.setdefault((name.labels, rrtype, edns), Question(name, rrtype, edns, recursion))

    for owner in sorted(names.types):
        for types in GROUPS.values():
            put(owner, chance.choice(types))
        for rrtype in sorted(names.types[owner]):
            put(owner, rrtype)
        put(owner, "A")
        put(owner, "DS")
        put(_mixed_case(owner, chance), chance.choice(("A", "TXT", "DS", "ANY", "MX", "AAAA")), both=False)
        below = [_below(owner, "below"), _below(owner, "0"), _below(owner, "zz", "deeper"), _below(owner, "*"), _below(owner, "a", "b", "c"),
                 _below(owner, "x" * 63, "y" * 63)]
        for name in (*below, *_beside(owner, chance)):
            put(name, chance.choice(("A", "A", "TXT", "DS", "NS", "MX", "AAAA", "CNAME", "SOA", "HTTPS", "PTR", "DNAME")), both=False)
        for name in chance.sample(below[:5], 2):
            put(name, chance.choice(("ANY", "DNSKEY", "NSEC", "SRV", "DS", "A", "TLSA", "CDS", "RRSIG")))
    # The cells that few names can fill: each apex and cut with each type, what is below cuts and aliases.
    rare = [owner for owner, types in names.types.items() if types & {"NS", "DS", "DNAME", "CNAME", "LUA", "ALIAS"} or b"*" in owner.labels]
    for owner in sorted(rare):
        instance = dns.name.Name([b"wild" if label == b"*" else label for label in owner.labels])
        for name in (owner, instance, _below(owner, "x"), _below(owner, "www")):
            for types in GROUPS.values():
                put(name, chance.choice(types))
        if "DNAME" in names.types[owner]:
            for label in ("a", "e", "nn", "x"):
                for types in GROUPS.values():
                    put(_below(owner, label, "w"), chance.choice(types))
                    put(_below(owner, label), chance.choice(types))
        if owner.labels[0] == b"*":
            for rrtype in sorted(names.types[owner]):
                for label in ("q1", "q2", "q3"):
                    put(dns.name.Name([label.encode(), *owner.labels[1:]]), rrtype)
    for name in OUTSIDE:
        for types in GROUPS.values():
            for rrtype in types:
                put(name, rrtype)
    every = list(found.values())
    chance.shuffle(every)
    return every


def questions_around(names, touched, seed):
    """What an edit at these names may have changed: they, what is beside, above and below them, and their wildcards."""
    chance = random.Random(seed)
    found = []
    for owner in touched:
        apex = names.zone_of(owner)
        instance = dns.name.Name([b"wild" if label == b"*" else label for label in owner.labels])
        around = [owner, instance, _below(instance, "x"), _below(instance, "x", "y"), *_beside(owner, chance)]
        above = owner
        while above != apex:
            above = above.parent()
            around += [above, _below(above, "zz")]
        for name in filter(None, around):
            for types in (("A",), ("DS", "NS"), ("TXT", "MX", "AAAA", "SRV", "CNAME", "CAA"), ("ANY", "SOA", "NSEC", "DNAME")):
                found.append(Question(name, chance.choice(types), chance.choice(("do", "do", ""))))
    return found
