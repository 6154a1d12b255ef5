# SPDX-License-Identifier: MIT
"""bench/health, `peers`: how many checks over HTTP each of three keeps up with, and at what cost: we, gdnsd, and PowerDNS's own
checker (LUA ifurlup). What counts is what the targets' nginx has answered: a check that is not made costs nothing."""
import argparse
import os
import socket
import statistics
import sys
import time

from probe_targets import HOST, address
from running import OurDaemon, Started, cpu_seconds, fill_gsqlite, free_port, pdns_options, peak_octets, ratio, wait_until

KEEPS_UP = 0.95  # of the probes that there should be
APEX = "checks.example"
GROUP = 200  # addresses a record: PowerDNS looks at all of them for one answer


class Ours:
    name = "us"

    def __init__(self, peers, checks):
        arguments = argparse.Namespace(checks=checks, interval=peers.arguments.interval)
        self.daemon = OurDaemon(peers.build, peers.folder / f"ours-{checks}", peers.pools(arguments, peers.url))

    def start(self, run, log):
        return self.daemon.start(run, log)


class Gdnsd:
    name = "gdnsd"

    def __init__(self, peers, checks):
        self.folder = peers.folder / f"gdnsd-{checks}"
        (self.folder / "zones").mkdir(parents=True)
        interval, port = peers.arguments.interval, free_port()
        # Two addresses a resource; each has a monitor.
        resources = "".join(f"r{number} => {{ primary => {address(number)}, secondary => {address(min(number + 1, checks - 1))} }}\n"
                            for number in range(0, checks, 2))
        (self.folder / "config").write_text(f"""
options => {{ listen = 127.0.0.1:{port}, run_dir = {self.folder}/run, state_dir = {self.folder}/state }}
service_types => {{ web => {{ plugin => http_status, port => {peers.nginx.http}, vhost => {HOST}, url_path => /, interval => {interval}, timeout => 2 }} }}
plugins => {{ simplefo => {{ service_types => web
{resources} }} }}
""")

    def start(self, run, log):
        os.makedirs(self.folder / "run", exist_ok=True)
        os.makedirs(self.folder / "state", exist_ok=True)
        return run.start(["gdnsd", "-c", str(self.folder), "start"], log)


class PowerDns:
    name = "PowerDNS"

    def __init__(self, peers, checks):
        self.checks, self.folder, self.interval = checks, peers.folder / f"pdns-{checks}", peers.arguments.interval
        self.folder.mkdir()
        rows = [(APEX, "SOA", f"ns1.{APEX} host.{APEX} 1 3600 600 86400 300"), (APEX, "NS", f"ns1.{APEX}")]
        for first in range(0, checks, GROUP):
            hosts = ", ".join(f"'{address(number)}'" for number in range(first, min(first + GROUP, checks)))
            rows.append((f"r{first}.{APEX}", "LUA", f"A \"ifurlup('{peers.url}', {{{hosts}}}, {{timeout=2}})\""))
        fill_gsqlite(self.folder / "db", APEX, rows)

    def start(self, run, log):
        port = free_port()
        process = run.start(["pdns_server", *pdns_options(self.folder, port), "--launch=gsqlite3", f"--gsqlite3-database={self.folder}/db", "--gsqlite3-dnssec=no",
                             "--enable-lua-records=shared", f"--lua-health-checks-interval={self.interval}", "--lua-records-exec-limit=100000000"], log)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dns:
            dns.connect(("127.0.0.1", port))
            dns.settimeout(0.5)
            for first in range(0, self.checks, GROUP):  # a check begins with the first question
                def asked(label=f"r{first}"):
                    name = b"".join(bytes([len(part)]) + part.encode() for part in (label, *APEX.split(".")))
                    dns.send(b"\0\1\0\0\0\1\0\0\0\0\0\0" + name + b"\0\0\1\0\1")
                    return dns.recv(4096)[3] & 15 == 0
                wait_until(f"PowerDNS to answer with {self.checks} checks", asked, process)
        return process


class Peers:
    def __init__(self, arguments, folder, build, nginx, pools):
        self.arguments, self.folder, self.build, self.nginx, self.pools = arguments, folder / "peers", build, nginx, pools
        self.folder.mkdir()
        self.sides = {}
        self.url = f"http://{HOST}:{nginx.http}/"

    def measure(self, side):
        """Probes a second, of those that there should be; CPU; memory. Where the program ended: that."""
        wanted = side.checks_wanted / self.arguments.interval
        with Started() as run, (self.folder / f"{side.name}.log").open("w") as log:
            begun = self.nginx.requests()
            process = side.start(run, log)
            deadline = time.monotonic() + 3 * self.arguments.interval + 30
            while self.nginx.requests() - begun < side.checks_wanted and time.monotonic() < deadline and process.poll() is None:
                time.sleep(0.1)
            time.sleep(self.arguments.interval)  # the first probes were all at once
            if process.poll() is not None:
                return {"ended": process.returncode}
            before, cpu, begin = self.nginx.requests(), cpu_seconds(run.pids()), time.monotonic()
            # Whole intervals: some probe all at once.
            time.sleep(max(round(self.arguments.seconds / self.arguments.interval), 2) * self.arguments.interval)
            if process.poll() is not None:
                return {"ended": process.returncode}
            probes, cpu, length = self.nginx.requests() - before, cpu_seconds(run.pids()) - cpu, time.monotonic() - begin
            memory = peak_octets(run.pids())
        return {"rate": probes / length, "share": probes / length / wanted, "core": cpu / length, "us": 1e6 * cpu / max(probes, 1), "memory": memory}

    def side(self, kind, checks):
        """What was there before goes on with its files."""
        if (kind, checks) not in self.sides:
            self.sides[kind, checks] = kind(self, checks)
            self.sides[kind, checks].checks_wanted = checks
        return self.sides[kind, checks]

    def most(self, kind):
        """The largest of some numbers of checks that it keeps up with, and what each came to."""
        steps, kept = {}, 0
        for checks in sorted({max(self.arguments.checks // part, 2) for part in (100, 10, 3, 1)}):
            steps[checks] = found = self.measure(self.side(kind, checks))
            print(f"  {kind.name}, {checks} checks: {found}", file=sys.stderr)
            if "ended" in found or found["share"] < KEEPS_UP:
                break
            kept = checks
        return kept, steps

    def compare(self):
        figures = {}
        for kind in (Gdnsd, PowerDns):
            kept, steps = self.most(kind)
            last = steps[max(steps)]
            figures[kind.name] = {"keeps up with": kept, "steps": steps, "pairs": []}
            print(f"{kind.name}: keeps up with {kept} checks every {self.arguments.interval} s", end="")
            if kept < max(steps):
                print(f"; with {max(steps)} it " + (f"ended with code {last['ended']}" if "ended" in last else f"made {100 * last['share']:.0f} % of the probes"), end="")
            print()
            if not kept:
                continue
            # Beside us with as many, one after the other in alternating order.
            theirs, ours = self.side(kind, kept), self.side(Ours, kept)
            for number in range(self.arguments.pairs):
                order = (ours, theirs) if number % 2 == 0 else (theirs, ours)
                pair = {side.name: self.measure(side) for side in order}
                print(f"  pair {number + 1}: {pair}", file=sys.stderr)
                if any("ended" in side for side in pair.values()):
                    print(f"  pair {number + 1}: {kind.name} ended")
                    continue
                figures[kind.name]["pairs"].append(pair)
            pairs = figures[kind.name]["pairs"]
            if not pairs:
                continue
            for key, what, factor in (("core", "% of a core", 100), ("us", "CPU us per probe", 1), ("memory", "MB", 1e-6)):
                mine, others = ([pair[name][key] for pair in pairs] for name in (Ours.name, kind.name))
                print(f"  {what:18} us {factor * statistics.median(mine):8.1f}, {kind.name} {factor * statistics.median(others):8.1f}, "
                      f"us / {kind.name} {ratio([a / b if b else float('inf') for a, b in zip(mine, others)])}")
        return figures
