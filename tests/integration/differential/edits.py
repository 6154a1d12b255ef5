# SPDX-License-Identifier: MIT
"""Random edits of a zone, and the doors that they go through: the same edit on our side and in gsqlite3."""
import http.client
import json
import random
import subprocess

import dns.name

import harness

ZONE = """\
$ORIGIN {apex}
$TTL 3600
@        IN SOA ns1 hostmaster 1 7200 900 1209600 60
         IN NS  ns1
         IN NS  ns.elsewhere.example.
ns1      IN A   192.0.2.1
mail     IN A   192.0.2.25
www      IN A   192.0.2.80
a.b.c    IN A   192.0.2.81
*.w      IN TXT "wildcard"
cut      IN NS  ns1
"""
LABELS = ("a", "b", "c", "w", "www", "mail", "x", "cut", "*")


class Edits:
    """Draws edits that break no rule: (owner relative to the apex, type, TTL, contents); no contents: the RRset goes."""

    def __init__(self, apex, seed, tool):
        """`tool`: "api" takes an asterisk as the first label alone; "pdnsutil" no CNAME at an empty non-terminal, whose row in
        the database it counts as a record."""
        self.apex, self.chance, self.tool = apex, random.Random(seed), tool
        self.rrsets = {"ns1": {"A"}, "mail": {"A"}, "www": {"A"}, "a.b.c": {"A"}, "*.w": {"TXT"}, "cut": {"NS"}, "@": {"NS"}}

    def draw(self):
        while True:
            owner = ".".join(self.chance.choice(LABELS) for _ in range(self.chance.choice((1, 1, 2, 2, 3, 4))))
            if self.chance.random() < 0.35:
                owner = self.chance.choice(sorted(self.rrsets))
            if "*" in owner[1:] and self.tool == "api":
                continue
            rrtype = self.chance.choice(("A", "A", "AAAA", "TXT", "MX", "SRV", "CAA", "CNAME", "DNAME", "NS", "NS", "DS"))
            there = self.rrsets.get(owner, set())
            if rrtype in there and self.chance.random() < 0.6 and self.may_go(owner, rrtype):
                there.discard(rrtype)
                if not there:
                    del self.rrsets[owner]
                return owner, rrtype, 0, []
            if self.may_come(owner, rrtype, there):
                self.rrsets.setdefault(owner, set()).add(rrtype)
                count = 1 if rrtype in ("CNAME", "DNAME") else self.chance.choice((1, 1, 2, 3))
                return owner, rrtype, self.chance.choice((0, 60, 300, 3600)), sorted({self.content(rrtype) for _ in range(count)})

    @staticmethod
    def may_go(owner, rrtype):
        return owner not in ("@", "ns1")

    def may_come(self, owner, rrtype, there):
        if owner == "@" or owner == "ns1":
            return rrtype in ("A", "AAAA", "TXT", "MX", "CAA")
        if "CNAME" in there or rrtype == "CNAME" and there:
            return rrtype == "CNAME" and "CNAME" in there
        if rrtype == "CNAME" and self.tool == "pdnsutil" and any(other.endswith(f".{owner}") for other in self.rrsets):
            return False
        if owner.startswith("*") and rrtype in ("NS", "DS", "DNAME"):
            return False
        if rrtype == "DS":
            return "NS" in there
        return not (rrtype == "DNAME" and "NS" in there or rrtype == "NS" and "DNAME" in there)

    def content(self, rrtype):
        number = self.chance.randrange(1, 250)
        target = f"{self.chance.choice(('www', 'mail', 'a.b.c', 'x.w', 'missing', 'a'))}.{self.apex}"
        return {"A": f"192.0.2.{number}", "AAAA": f"2001:db8::{number:x}", "TXT": f'"text {number}"', "MX": f"{number} {target}",
                "SRV": f"{number} 1 5060 {target}", "CAA": f'0 issue "ca{number}.example"', "CNAME": target, "DNAME": target,
                "NS": self.chance.choice((f"ns1.{self.apex}", f"ns{number % 3}.elsewhere.example.")),
                "DS": f"{number} 13 2 {number:02x}{'ab' * 31}"}[rrtype]

    def name(self, owner):
        return dns.name.from_text(self.apex if owner == "@" else f"{owner}.{self.apex}")


def api(server, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.api_port, timeout=harness.PATIENCE)
    try:
        connection.request(method, "/api/v1/servers/localhost" + path, body=json.dumps(body) if body is not None else None,
                           headers={"X-API-Key": server.api_key, "Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read().decode()
    finally:
        connection.close()
    if response.status not in (200, 201, 204):
        raise AssertionError(f"{method} {path} {body}: {response.status} {text}")
    return text


def patch(server, apex, owner, rrtype, ttl, contents):
    name = apex if owner == "@" else f"{owner}.{apex}"
    rrset = {"name": name, "type": rrtype, "changetype": "REPLACE" if contents else "DELETE"}
    if contents:
        rrset.update(ttl=ttl, records=[{"content": content, "disabled": False} for content in contents])
    api(server, "PATCH", f"/zones/{apex}", {"rrsets": [rrset]})


def pdnsutil(server, apex, owner, rrtype, ttl, contents):
    what = ["replace-rrset", apex, owner, rrtype, ttl, *contents] if contents else ["delete-rrset", apex, owner, rrtype]
    done = subprocess.run([harness.PDNSUTIL, f"--config-dir={server.directory}", *map(str, what)], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=harness.PATIENCE)
    if done.returncode != 0:
        raise AssertionError(f"pdnsutil {what}: exit code {done.returncode}\n{done.stdout}{done.stderr}")


def sdnsctl(world, apex, owner, rrtype, ttl, contents):
    if contents:
        world.ctl("--no-wait", "record", "set", apex, owner, rrtype, "--ttl", ttl, *contents)
    else:
        world.ctl("--no-wait", "record", "delete", apex, owner, rrtype)
