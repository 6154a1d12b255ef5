#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""LUA records of PowerDNS 4.7.3 and ours: the same records, the same location databases, the same clients; each record is asked
by many clients. What may differ stands in KNOWN with its reason; everything else is a failure."""
import collections
import ipaddress
import random

import harness
from lua_worlds import LuaWorlds

SEED = 20261121
CLIENTS = 32
APEX = "lua.test."
LEAST_CASES = 10_000
LEAST_PER_FUNCTION = 100

ADDRESSES = ["192.0.2.1", "192.0.2.70", "192.0.2.130", "192.0.2.161", "192.0.2.200", "192.0.2.210", "198.51.100.1", "198.51.100.70",
             "198.51.100.130", "198.51.100.195", "203.0.113.1", "203.0.113.70", "10.1.2.3", "8.8.8.8"]
NOWHERE = ["203.0.113.1", "203.0.113.70", "10.1.2.3", "8.8.8.8"]  # all at 0, 0: equal distances are drawn
PLACED = [address for address in ADDRESSES if address not in NOWHERE]
ADDRESSES6 = ["2001:db8::1", "2001:db8:1::1", "2001:db8:8000::7", "2620:0:ccc::2", "fe80::1"]


def quoted(values):
    return "{" + ", ".join(f"'{value}'" for value in values) + "}"


def weighted(values, rng):
    return "{" + ", ".join(f"{{{rng.randint(1, 60)}, '{value}'}}" for value in values) + "}"


def cases(rng):
    """(owner, inner type, code, functions named, asked name or None for the owner)."""
    made = []

    def add(functions, rrtype, code, owner=None, asked=None):
        owner = owner or f"r{len(made)}"
        made.append((owner, rrtype, code, functions, asked or [f"{owner}.{APEX}"]))

    def some(of=ADDRESSES, least=1, most=9):
        return rng.sample(of, rng.randint(least, min(most, len(of))))

    def masks():
        out = []
        for _ in range(rng.randint(1, 4)):
            base = rng.choice(ADDRESSES + ADDRESSES6)
            width = 32 if "." in base else 128
            out.append(f"{base}/{rng.randint(1, width)}")
        return out

    for _ in range(12):
        add(["pickhashed"], "A", f"pickhashed({quoted(some())})")
        add(["pickhashed"], "TXT", f"pickhashed({quoted(f'w{i}' for i in range(rng.randint(1, 20)))})")
        add(["pickwhashed"], "A", f"pickwhashed({weighted(some(), rng)})")
        add(["pickwhashed"], "TXT", f"pickwhashed({weighted([f'w{i}' for i in range(rng.randint(1, 40))], rng)})")
        add(["pickclosest"], "A", f"pickclosest({quoted(some(PLACED) + rng.sample(NOWHERE, rng.randint(0, 1)))})")
        add(["all"], "A", f"all({quoted(some())})")
        add(["netmask"], "TXT", f"netmask({quoted(masks())}) and 'in' or 'out'")
        rules = ", ".join(f"{{{quoted(masks())}, {{'v{i}'}}}}" for i in range(rng.randint(1, 4)))
        add(["view"], "TXT", f"view({{{rules}}})")
        group = quoted([("!" if rng.random() < 0.3 else "") + mask for mask in masks()])
        add(["newNMG"], "TXT", f"newNMG({group}):match(bestwho) and 'in' or 'out'")
        add(["filterForward"], "A", f"filterForward('{rng.choice(ADDRESSES)}', newNMG({group}))")
        values = quoted(rng.sample(["eu", "EU", "na", "as", "af", "oc", "sa", "unknown", "--"], 3))
        add(["continent"], "TXT", f"continent({values}) and 'yes' or 'no'")
        values = quoted(rng.sample(["nl", "DE", "us", "jp", "nz", "gb", "br", "fr", "unknown"], 3))
        add(["country"], "TXT", f"country({values}) and 'yes' or 'no'")
        values = quoted(rng.sample(["nh", "BY", "ny", "ca", "eng", "sp", "unknown", "13"], 3))
        add(["region"], "TXT", f"region({values}) and 'yes' or 'no'")
        add(["asnum"], "TXT", f"asnum({{{rng.choice(['64496', '64497', '64498'])}, '{rng.choice(['64502', '64508', '64509'])}'}}) and 'yes' or 'no'")
        attribute = rng.randint(0, 7)
        add(["geoiplookup"], "TXT", f"geoiplookup({rng.choice(['bestwho:toString()', repr(rng.choice(ADDRESSES + ADDRESSES6))])}, {attribute})")
        add(["bestwho"], "TXT", rng.choice(["bestwho:toString()", "bestwho:isIPv4() and '4' or '6'", "tostring(bestwho)", "ecswho and ecswho:toString() or 'none'",
                                            "who:toString()", "#bestwho:getRaw()"]))
        add(["truncate"], "TXT", f";bestwho:truncate({rng.randint(0, 32)}) return bestwho:toString()")
    for _ in range(4):
        add(["continentCode"], "TXT", "continentCode()")
        add(["countryCode"], "TXT", "countryCode()")
        add(["regionCode"], "TXT", "regionCode()")
        add(["latlon"], "TXT", "latlon()")
        add(["latlonloc"], "TXT", "latlonloc()")
    for code in ("'a' .. 1.5", "15", "1e20", "0.1", "{'a','b'}", "{1,2,'c'}", "'a\" \"b'", "('x'):rep(300)", "''", "string.format('%5.2f|%d|%s|%q', 3.14159, 42, 'x', 'y')",
                 "('hello world'):gsub('o', '0')", "('a,b,c'):match('(%w),(%w)')", "table.concat({'a','b'}, '-')", "tostring(nil)", "tostring(1/3)",
                 ";local t = {} for w in ('one two'):gmatch('%a+') do t[#t+1] = w end return t", "bit.band(12, 10)", "math.floor(3.7)", "#{1,2,3}",
                 "newDN('a.b.c'):toString()", "newDN('a.b.c'):countLabels()", "newDN('A.b'):toStringNoDot()", "newDN('a.b.c'):wirelength()",
                 "newDN('a.b.c'):makeRelative(newDN('c')):toString()", "tostring(newDN('a.b'):isPartOf(newDN('b')))", "tostring(newDN('a') == newDN('A'))",
                 "table.concat(newDN('a.b.c'):getRawLabels(), '|')", "newCA('192.0.2.1:53'):toStringWithPort()", "newCA('[2001:db8::1]:53'):toStringWithPort()",
                 "newCA('1.2.3'):toString()", "newCA('::ffff:1.2.3.4'):mapToIPv4():toString()", "tostring(newCA('::ffff:1.2.3.4'):isMappedIPv4())",
                 "newCA('192.0.2.1'):getPort()", "newNetmask('192.0.2.77/24'):toString()", "newNetmask('192.0.2.77/24'):getNetwork():toString()",
                 "newNetmask('192.0.2.77/24'):getMaskedNetwork():toString()", "newNetmask('192.0.2.77/24'):getBits()", "tostring(newNetmask('192.0.2.0/24'):match('192.0.2.9'))",
                 "newQType('MX'):getCode()", "newQType('TYPE65'):getName()", "pdns.A", "pdns.MX", "pdns.SERVFAIL", "pdns.loglevels.Warning", "pdns.place.ADDITIONAL",
                 "zone:toString()", "tostring(tcp)", "zoneid and 'id'", "tostring(select('#', 1, 2))", "(function(...) return ... end)('v')", "select(2, pcall(error, 'x'))",
                 "nil", "true", "{}", "nosuch()", "error('x')", "{{'a'}}", "{a='b'}", "qname", "print", "; return", "pickhashed({})", "pickhashed('a')", "pickwhashed({{0,'a'}})",
                 "netmask('10.0.0.0/8')", "newDN('')", "newCA('x')", "newNetmask('1.2.3.4/x')", "pickhashed({'a'}, 1, 2, 3)", "view({})", "country()"):
        add(["values"], "TXT", code)
    add(["values"], "MX", "'10 mail.lua.test'")
    add(["values"], "MX", "{'10 a.b.', '20 c.d.'}")
    add(["values"], "SRV", "'1 2 443 target.lua.test'")
    add(["values"], "CAA", "'0 issue ' .. string.char(34) .. 'ca.test' .. string.char(34)")
    add(["values"], "CNAME", "'r0.lua.test'")
    add(["values"], "PTR", "'name.lua.test'")
    add(["values"], "AAAA", "'2001:DB8::1'")
    add(["values"], "AAAA", "'192.0.2.1'")
    add(["values"], "A", "'2001:db8::1'")
    add(["values"], "A", "'192.0.2'")
    for code in (";include('library') return shared", ";include('library') return #shared", ";include('nosuch') return 'nothing'", ";include('library') return shared .. tostring(nosuch)"):
        add(["include"], "TXT", code)
    made.append(("library", "LUA", "shared = 'from the library'", ["include"], []))

    def wild(functions, rrtype, code, names):
        owner = f"w{len(made)}"
        made.append((f"*.{owner}", rrtype, code, functions, [f"{name}.{owner}.{APEX}" for name in names]))

    wild(["qname"], "TXT", "qname:toString()", ["a", "A.b", "x-1", "1.2.3.4"])
    wild(["closestMagic"], "A", "closestMagic()", ["192-0-2-1.192-0-2-70.198-51-100-1", "192-0-2-130.10-0-0-1.x", "nothing", "203-0-113-1"])
    wild(["latlonMagic"], "TXT", "latlonMagic()", ["1.2.0.192", "70.2.0.192.x", "a.b", "300.1.1.1"])
    for form in ("%5%.example.com", "%6%.example.com", "%4%-%3%-%2%-%1%.example.com", "x%1%", "static.example.com"):
        wild(["createReverse"], "PTR", f"createReverse('{form}')", ["4.3.2.1", "1.2.0.192", "1.2", "255.255.255.255"])
    wild(["createReverse"], "PTR", "createReverse('%5%.example.com', {['1.2.3.4']='special.example.com'})", ["4.3.2.1", "5.3.2.1"])
    nibbles = ".".join(reversed(ipaddress.ip_address("2001:db8::1").exploded.replace(":", "")))
    for form in ("%33%.example.com", "%34%-%41%.example.com", "%1%%2%.example.com"):
        wild(["createReverse6"], "PTR", f"createReverse6('{form}')", [nibbles, "1.2.3"])
    return made


def forward_cases():
    """createForward counts from the wildcard's parent with us, from the apex with 4.7: the wildcard is the zone's own."""
    names = ["192-0-2-1", "x-192-0-2-1", "1.2.3.4", "ip0a000001", "xx0a000001ff", "nothing", "1-2-3", "300-1-1-1", "0a000001", "ab.cd"]
    names6 = ["2001-db8--1", "2001.db8.0.0.0.0.0.1", "nothing", "2001-db8--zz"]
    return [("A", "createForward()", "createForward", names), ("AAAA", "createForward6()", "createForward6", names6)]


FAR = {"192.0.2.161", "192.0.2.200", "192.0.2.210", "192.0.2.70", "192.0.2.130"}  # over the date line from the client that differs


def contents(answers):
    return {text.split(" ", 3)[3] for text in answers}


# (matches(record, question name, ours, theirs), reason)
KNOWN = (
    (lambda code, name, ours, theirs: code.startswith(("pickclosest", "closestMagic")) and ours[0] == theirs[0] == "NOERROR" and FAR & contents(ours[1]),
     "longitude wraps both ways, as in PowerDNS's newer versions"),
    (lambda code, name, ours, theirs: code.startswith("createReverse(") and any("error." in text for text in ours[1]),
     "labels that are no address, as in PowerDNS's newer versions"),
    (lambda code, name, ours, theirs: "latlonloc" in code, "tiny seconds: reference, and ours are valid LOC"),
    (lambda code, name, ours, theirs: "createForward()" in code and name.startswith(("ip", "xx", "0a")), "forms of 4.8 and later"),
    (lambda code, name, ours, theirs: "createForward6()" in code, "a name that is no address is :: from 4.9.5 on"),
    (lambda code, name, ours, theirs: "createForward()" in code, "strict pieces, as from 4.9.15 on"),
)


class LuaDifferential(LuaWorlds):
    @classmethod
    def prepare(cls):
        cls.rng = random.Random(SEED)
        cls.cases = cases(cls.rng)
        cls.forward = []
        cls.load(APEX, [(owner, rrtype, code) for owner, rrtype, code, _, _ in cls.cases])
        for number, (rrtype, code, function, names) in enumerate(forward_cases()):
            apex = f"forward{number}.test."
            cls.load(apex, [("*", rrtype, code)])
            cls.forward.append(("*", rrtype, code, [function], [f"{name}.{apex}" for name in names]))
        cls.clients = cls.some_clients()

    @classmethod
    def some_clients(cls):
        """Networks of the location databases, others, IPv6, none at all, and the whole Internet."""
        clients = [None, "0.0.0.0/0", "::/0"]
        rows = [line.split("|")[0].strip() for line in cls.locations.read_text().splitlines()]
        networks = [ipaddress.ip_network(row) for row in rows if row and not row.startswith("#")]
        for network in cls.rng.sample(networks, 20):
            width = 32 if network.version == 4 else 128
            address = network.network_address + cls.rng.randrange(network.num_addresses)
            bits = cls.rng.randint(network.prefixlen, width)
            clients.append(str(ipaddress.ip_network(f"{address}/{bits}", strict=False)))
        while len(clients) < CLIENTS:
            clients.append(str(ipaddress.ip_network(f"{cls.rng.randrange(1, 224)}.{cls.rng.randrange(256)}.{cls.rng.randrange(256)}.0/{cls.rng.choice([16, 20, 24])}", strict=False)))
        return clients

    def test_records_answer_as_powerdns_answers_them(self):
        counts, failed, varied, names = collections.Counter(), collections.Counter(), 0, 0
        known, differences = collections.Counter(), {}  # the latter by code
        for owner, rrtype, code, functions, asked in self.cases + self.forward:
            for name in asked:
                names += 1
                seen = set()
                for client in self.clients:
                    ours = self.ask(self.world.pdns.port, name, rrtype, client)
                    theirs = self.ask(self.stock.pdns.port, name, rrtype, client)
                    seen.add(theirs)
                    counts.update(functions)
                    failed["ours"] += ours[0] == "SERVFAIL"
                    failed["theirs"] += theirs[0] == "SERVFAIL"
                    if ours == theirs:
                        continue
                    for matches, reason in KNOWN:
                        if matches(code, name, ours, theirs):
                            known[reason] += 1
                            break
                    else:
                        differences.setdefault(code, []).append(f"{name} {rrtype} from {client}: {code}\n  ours   {ours}\n  theirs {theirs}")
                varied += len(seen) > 1
        total = sum(counts.values())
        print(f"\n{total} cases, {names} names, {varied} with answers that vary by client, SERVFAIL {dict(failed)}")
        print("\n".join(f"  {count} x {reason}" for reason, count in known.items()))
        print("  " + ", ".join(f"{function} {count}" for function, count in sorted(counts.items())))
        self.assertEqual(len(differences), 0, "\n".join(f"{found[0]}\n  and {len(found) - 1} more" for found in differences.values()))
        self.assertGreaterEqual(total, LEAST_CASES)
        self.assertGreaterEqual(varied / names, 0.3)
        self.assertEqual([function for function, count in counts.items() if count < LEAST_PER_FUNCTION], [])


if __name__ == "__main__":
    harness.main()
