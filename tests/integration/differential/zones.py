# SPDX-License-Identifier: MIT
"""The zones that both sides get, as master files: those of tests/data/differential, one with every record type, one made by
chance from a seed. A mode is how a family of zones is signed; each mode has a family under names of its own."""
import random

import harness

DATA = harness.SOURCE / "tests" / "data" / "differential"
SEED = 20260823


class Mode:
    """How the zones of a family are signed. `nsec3`: content of NSEC3PARAM metadata; `presigned`: signed before the import."""

    def __init__(self, name, algorithm=None, nsec3=None, narrow=False, presigned=False, csk=False, metadata=None):
        self.name, self.algorithm, self.nsec3, self.narrow = name, algorithm, nsec3, narrow
        self.presigned, self.csk, self.metadata = presigned, csk, metadata or {}
        self.apex = f"{name}.test."

    @property
    def signed(self):
        return self.algorithm is not None

    @property
    def opt_out(self):
        return self.nsec3 is not None and self.nsec3.split()[1] == "1"


# Algorithms whose signatures are the same each time, but for one: equal answers are equal octets then.
MODES = {mode.name: mode for mode in (
    Mode("unsigned"),
    Mode("nsec", "ed25519", metadata={"PUBLISH-CDS": ["2,4"], "PUBLISH-CDNSKEY": ["1"]}),
    Mode("nsec3", "ecdsa256", nsec3="1 0 0 -"),
    Mode("nsec3salt", "rsasha256", nsec3="1 0 5 ab12cd34"),
    Mode("optout", "ed25519", nsec3="1 1 0 -"),
    Mode("narrow", "ed25519", nsec3="1 0 1 ab", narrow=True, csk=True),
    Mode("presigned", "ed25519", presigned=True),
    Mode("presigned3", "ed25519", nsec3="1 0 2 abcd", presigned=True),
)}

CHILD_DS = "child DS 12345 15 2 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"


class Zone:
    def __init__(self, apex, text, signed=True, ds_in=None):
        self.apex, self.text, self.signed, self.ds_in = apex, text, signed, ds_in


def _fill(name, apex, **values):
    text = (DATA / name).read_text()
    for key, value in {"apex": apex, **values}.items():
        text = text.replace("{" + key.replace("_", "-") + "}", value)
    return f"$ORIGIN {apex}\n$TTL 3600\n{text}"


def _name_of(octets, apex, letter):
    """A relative name that has this many octets on the wire together with the apex."""
    left = octets - len(apex) - 1
    labels = []
    while left > 0:
        size = min(63, left - 1)
        if left - 1 - size == 1:
            size -= 1
        labels.append(letter * size)
        left -= size + 1
    return ".".join(labels)


def handmade(apex):
    return _fill("handmade.zone", apex, child_ds="", label63="l" * 63, long255=_name_of(255, apex, "m"),
                 long254=_name_of(254, apex, "n"), octets255="t" * 255, octets200="u" * 200)


# What PowerDNS and the engine make themselves, or what may stand at the apex alone.
NOT_AS_DATA = {"SOA", "RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY", "TYPE24", "TYPE30", "TYPE46", "TYPE47", "TYPE48", "LUA",
               "ALIAS", "CNAME", "DNAME", "NS", "DS", "CDS", "CDNSKEY"}
# Served as such by both; not in PowerDNS's table, so they are loaded by number.
BY_NUMBER = {"MD": 3, "MF": 4, "NULL": 10, "WKS": 11, "X25": 19, "ISDN": 20, "RT": 21, "NSAP": 22, "SIG": 24, "PX": 26, "GPOS": 27,
             "NXT": 30, "A6": 38, "SINK": 40, "TALINK": 58, "NINFO": 56, "RKEY": 57, "DLV": 32769}


def every_type(apex):
    """Each content of tests/data/dns/rdata.tsv at an owner of its own."""
    lines = [f"$ORIGIN {apex}", "$TTL 600", f"@ IN SOA ns1.{apex} hostmaster.{apex} 1 7200 900 1209600 60", "@ IN NS ns1",
             "ns1 IN A 192.0.2.1"]
    for number, row in enumerate((harness.SOURCE / "tests" / "data" / "dns" / "rdata.tsv").read_text().splitlines()):
        if row.startswith("#"):
            continue
        rrtype, _, content, _ = row.split("\t")
        if rrtype in NOT_AS_DATA or not content:  # pdnsutil loads no empty APL
            continue
        if content.startswith("\\#") and rrtype in BY_NUMBER:
            rrtype = f"TYPE{BY_NUMBER[rrtype]}"
        lines.append(f"t{number} IN {rrtype} {content}")
    return "\n".join(lines) + "\n"


def by_chance(apex, seed, names=60):
    """A tree of few labels, so that names meet: wildcards, cuts, aliases, empty non-terminals anywhere."""
    chance = random.Random(seed)
    labels = ["a", "b", "c", "d", "*", "x1", "x-2", "long-label-with-many-octets"]
    owners = {}
    for _ in range(names):
        owner = ".".join(chance.choice(labels) for _ in range(chance.choice((1, 1, 2, 2, 2, 3, 3, 4, 5))))
        owners.setdefault(owner, {})
    lines = [f"$ORIGIN {apex}", "$TTL 900", f"@ IN SOA ns1 hostmaster 1 7200 900 1209600 90", "@ IN NS ns1", "@ IN TXT \"t\"",
             "ns1 IN A 192.0.2.1"]
    everywhere = [*owners, "missing", "ns1", "a.missing", "www.elsewhere.example."]

    def target():
        return chance.choice(everywhere)

    for owner in owners:
        starred = owner.startswith("*")
        kind = chance.random()
        if kind < 0.15:
            lines.append(f"{owner} IN CNAME {target()}")
        elif kind < 0.22 and not starred:
            lines.append(f"{owner} IN DNAME {target()}")
        elif kind < 0.37 and not starred:
            lines += [f"{owner} IN NS {name}" for name in {f"ns.{owner}", "ns1"}]
            if chance.random() < 0.4:
                lines.append(f"{owner} IN DS {chance.randrange(65536)} 13 2 {'ab' * 32}")
            if chance.random() < 0.6:
                lines.append(f"ns.{owner} IN A 192.0.2.{chance.randrange(256)}")
        else:
            for rrtype in chance.sample(("A", "AAAA", "TXT", "MX", "SRV", "PTR", "CAA"), chance.choice((1, 1, 2, 3))):
                content = {"A": f"192.0.2.{chance.randrange(256)}", "AAAA": f"2001:db8::{chance.randrange(65536):x}",
                           "TXT": f'"{chance.randrange(1000)}"', "MX": f"10 {target()}", "SRV": f"1 1 {chance.randrange(65536)} {target()}",
                           "PTR": target(), "CAA": '0 issue "ca.example"'}[rrtype]
                lines.append(f"{owner} IN {rrtype} {content}")
    return "\n".join(lines) + "\n"


def family(mode, number, seed=SEED):
    """The zones of a mode, parents before children."""
    apex = mode.apex
    # ldns writes some contents of the table in ways that PowerDNS does not read.
    types = [] if mode.presigned else [Zone(f"types.{mode.name}.example.", every_type(f"types.{mode.name}.example."))]
    return [
        Zone(apex, handmade(apex)),
        Zone(f"child.{apex}", _fill("child.zone", f"child.{apex}", parent=apex), ds_in=apex),
        Zone(f"plain.{apex}", _fill("plain.zone", f"plain.{apex}", parent=apex), signed=False),
        *types,
        Zone(f"chance.{mode.name}.example.", by_chance(f"chance.{mode.name}.example.", seed)),
        Zone(f"{number}.51.198.in-addr.arpa.", _fill("reverse.zone", f"{number}.51.198.in-addr.arpa.")),
        Zone(f"tld-{mode.name}.", _fill("tld.zone", f"tld-{mode.name}.")),
    ]
