#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""LUA records that rest on health, PowerDNS 4.7.3's own and ours: targets are real listeners that come and go. PowerDNS probes
them; our targets are forced to what the listeners are. Rounds go from all up to all down; after each change every record is
asked by every client, and what PowerDNS has not noticed yet is asked again until it has."""
import collections
import ipaddress
import random
import time

import dns.exception

import harness
from lua_worlds import LuaWorlds
from targets import Target, port_free_everywhere

SEED = 20261122
APEX = "health.test."
HOSTS = [f"127.0.2.{n}" for n in range(1, 9)]
PLACES = ["EU | NL | NH | Amsterdam | 52.3759 | 4.8975", "EU | DE | BY | Munich | 48.1374 | 11.5755", "NA | US | NY | New York | 40.7128 | -74.006",
          "SA | BR | SP | Sao Paulo | -23.5505 | -46.6333", "AF | ZA | WC | Cape Town | -33.9249 | 18.4241", "AS | IN | MH | Mumbai | 19.076 | 72.8777",
          "AS | SG | | Singapore | 1.3521 | 103.8198", "EU | GB | ENG | London | 51.5074 | -0.1278"]
STATES = [0b11111111, 0b01111110, 0b00100100, 0b10000001, 0b00000000, 0b00011000, 0b11111111]  # which hosts are up, round by round
LEAST_CASES = 10_000


def quoted(values):
    return "{" + ", ".join(f"'{value}'" for value in values) + "}"


def cases(rng, tcp_port, http_port):
    """(code, functions, first group of its groups)."""
    made = []
    selectors = ("all", "hashed", "pickclosest")

    def options(**more):
        given = {"selector": rng.choice(selectors), "backupSelector": rng.choice(selectors)} | more
        return "{" + ", ".join(f"{name}='{value}'" if isinstance(value, str) else f"{name}={value}" for name, value in given.items()) + "}"

    def groups():
        hosts = rng.sample(HOSTS, rng.randint(2, len(HOSTS)))
        cut = rng.randint(1, len(hosts) - 1)
        return [hosts[:cut], hosts[cut:]]

    for _ in range(14):
        made.append((f"ifportup({tcp_port}, {quoted(rng.sample(HOSTS, rng.randint(1, 8)))}, {options()})", "ifportup", 1))
        made.append((f"ifportup({tcp_port}, {quoted(rng.sample(HOSTS, rng.randint(1, 8)))}, {options(timeout=1)})", "ifportup", 1))
    for _ in range(8):
        url = f"http://target.test:{http_port}/"
        made.append((f"ifurlup('{url}', {quoted(rng.sample(HOSTS, rng.randint(1, 8)))}, {options(stringmatch='ready')})", "ifurlup", 1))
        made.append((f"ifurlup('{url}', {{{', '.join(map(quoted, groups()))}}}, {options()})", "ifurlup", 2))
        # Addresses in one group of ifurlextup have no order: one that selects all, or one address a group.
        ext = ", ".join(f"['{host}']='http://{host}:{http_port}/'" for host in rng.sample(HOSTS, rng.randint(1, 8)))
        made.append((f"ifurlextup({{{{{ext}}}}}, {{selector='all', backupSelector='all'}})", "ifurlextup", 1))
        ext = ", ".join(f"{{['{host}']='http://{host}:{http_port}/'}}" for host in rng.sample(HOSTS, rng.randint(1, 8)))
        made.append((f"ifurlextup({{{ext}}}, {options()})", "ifurlextup", 2))
    made.append((f"ifportup({tcp_port}, {{{quoted(HOSTS[:2])}, {quoted(HOSTS[2:])}}})", "ifportup", 1))  # groups: from 4.8 on
    made.append((f"ifportup({tcp_port}, {{}})", "ifportup", 1))
    return made


# (matches(code, groups, up, ours, theirs), reason)
KNOWN = (
    (lambda code, groups, up, ours, theirs: groups > 1 and ours[0] == theirs[0] == "NOERROR" and not any(host in code for host in up),
     "with all down the first group answers, as from 5.1 on; 4.7 takes all groups"),
    (lambda code, groups, up, ours, theirs: code.startswith("ifportup(") and "{{" in code and theirs[0] == "SERVFAIL" and ours[0] == "NOERROR",
     "ifportup takes groups from 4.8 on"),
)


class LuaHealthDifferential(LuaWorlds):
    stock_settings = {"lua-health-checks-interval": 1}

    @classmethod
    def location_rows(cls, directory):
        rows = directory / "locations.txt"
        rows.write_text(cls.locations.read_text() + "".join(f"{host}/32 | {place} | 20 | |\n" for host, place in zip(HOSTS, PLACES)))
        return rows

    @classmethod
    def prepare(cls):
        rng = random.Random(SEED)
        cls.tcp_port, cls.http_port = port_free_everywhere(HOSTS), port_free_everywhere(HOSTS)
        cls.targets = [Target(host, cls.tcp_port, cls.http_port) for host in HOSTS]
        cls.addClassCleanup(lambda: [target.down() for target in cls.targets])
        cls.cases = [(f"r{number}.{APEX}", *case) for number, case in enumerate(cases(rng, cls.tcp_port, cls.http_port))]
        cls.load(APEX, [(name.split(".")[0], "A", code) for name, code, _, _ in cls.cases])
        rows = [[field.strip() for field in line.split("|")] for line in cls.locations.read_text().splitlines() if "|" in line and line[0] != "#"]
        # Over no date line: 4.7 does not know that longitude wraps.
        networks = [ipaddress.ip_network(row[0]) for row in rows if not row[6] or -76 < float(row[6]) < 106]
        cls.clients = [None] + [str(network) for network in rng.sample(networks, 25)]

    def ask_theirs(self, name, client):
        """PowerDNS 4.7.3 dies now and then while it probes URLs (signal 11 in IsUpOracle::checkURL): it is started again."""
        try:
            return self.ask(self.stock.pdns.port, name, "A", client)
        except dns.exception.Timeout:
            if self.stock.pdns.process.alive():
                raise
        self.crashes += 1
        self.assertLess(self.crashes, 100)
        self.stock.pdns.start()
        return "DEAD", frozenset()

    def set_state(self, state):
        up = [host for number, host in enumerate(HOSTS) if state >> number & 1]
        for target in self.targets:
            target.up() if target.host in up else target.down()
        for verdict, hosts in (("up", up), ("down", [host for host in HOSTS if host not in up])):
            if hosts:
                pages = [f"url http://{host}:{self.http_port}/" for host in hosts]
                self.world.edit("health", "force", *hosts, *pages, verdict, "--reason", "as its listener is")
        return up

    def test_records_answer_as_powerdns_answers_them(self):
        self.crashes = 0
        counts, known, waited, distinct = collections.Counter(), collections.Counter(), 0, collections.defaultdict(set)
        for state in STATES:
            up = self.set_state(state)
            deadline = time.monotonic() + 120
            for name, code, function, groups in self.cases:
                for client in self.clients:
                    counts[function] += 1
                    while True:
                        ours = self.ask(self.world.pdns.port, name, "A", client)
                        theirs = self.ask_theirs(name, client)
                        reason = next((reason for matches, reason in KNOWN if matches(code, groups, up, ours, theirs)), None)
                        if ours == theirs or reason:
                            break
                        self.assertLess(time.monotonic(), deadline, f"{name} from {client}, up are {up}: {code}\n  ours   {ours}\n  theirs {theirs}")
                        waited += 1
                        time.sleep(0.05)  # PowerDNS probes every second; a check that is asked for the first time is unknown to both
                    known[reason] += ours != theirs
                    distinct[name].add(theirs)
                    if ours[0] == "NOERROR":
                        answered = {text.split()[-1] for text in ours[1]}
                        listed = [host for host in HOSTS if f"'{host}'" in code]
                        if any(host in up for host in listed):
                            self.assertLessEqual(answered, set(up), f"{name}: {code}")
        total = sum(counts.values())
        print(f"\n{total} cases, {dict(counts)}, asked again {waited} times, {self.crashes} crashes of PowerDNS, {sum(len(seen) > 1 for seen in distinct.values())} of {len(distinct)} records vary")
        print("\n".join(f"  {count} x {reason}" for reason, count in known.items() if reason))
        self.assertGreaterEqual(total, LEAST_CASES)
        self.assertGreaterEqual(sum(len(seen) > 1 for seen in distinct.values()) / len(distinct), 0.8)


if __name__ == "__main__":
    harness.main()
