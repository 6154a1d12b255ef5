#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Zones with health checks come and go while their checks are probed; in the end the daemon has no check, no table entry, no
descriptor and hardly an octet more than before. SDNS_LONG: 10 000 zones."""
import asyncio
import os
import threading

import harness

WAVE = 250 if harness.LONG else 25
WAVES = 40 if harness.LONG else 4
INTERVAL = 5 if harness.LONG else 1
CHECKS = 3  # of a zone
# What the allocator keeps, and histories that fill up to their bounds; under ASan freed memory waits in quarantine.
MOST_GROWTH = 16 << 20
OCTETS_OF_A_CHECK = 16 << 10
KEEPS = harness.SANITIZED != "address"


class Everybody:
    """Listens on every address of the loopback network; answers what has a request line with 200."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.server = self.loop.run_until_complete(asyncio.start_server(self.serve, "0.0.0.0", 0, backlog=1024))
        self.port = self.server.sockets[0].getsockname()[1]
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    async def serve(self, reader, writer):
        try:
            if await reader.readline():
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                await reader.read()
            writer.close()
        except OSError:
            pass


class Leaks(harness.ServerTest):
    # What nobody asks for any more is forgotten after twice the life of an answer in PowerDNS's caches.
    powerdns = ({"cache-ttl": 1, "query-cache-ttl": 1, "negquery-cache-ttl": 1},)
    daemon_options = {"extra_config": "[cache]\npacket_cache_ttl = 1\nquery_cache_ttl = 1\n"
                                      f'[health]\ninterval = {INTERVAL}\nguard_percent = 0\nallow = ["127.0.0.0/8"]\n'}

    @classmethod
    def prepare(cls, world):
        cls.everybody = Everybody()

    def zone(self, number):
        """(apex, master file); each of its checks is of no other zone."""
        apex, port = f"z{number}.leak.test.", self.everybody.port
        host = f"127.{80 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
        # A pool is in the database and may have no more than it has; checks of records go with their zone.
        return apex, (f"$TTL 60\n@ IN SOA ns1.{apex} hostmaster.{apex} 1 7200 900 1209600 60\n  IN NS ns1.{apex}\nns1 IN A 192.0.2.53\n"
                      f"a IN LUA A \"ifportup({port}, {{'{host}'}})\"\n"
                      f"b IN LUA A \"ifurlup('http://www.{apex}:{port}/', {{'{host}'}}, {{stringmatch='ok'}})\"\n"
                      f"*.c IN LUA A \"pickrandom({{'{host}'}}, {{port={port}, fall=2, timeout=1}})\"\n"
                      f"d IN CNAME x.c\n")

    def facts(self):
        document = self.world.daemon.json("/v1/health")
        (worker,) = self.world.daemon.workers()
        return {"checks": self.world.daemon.metric("sdns_health_checks"), "entries": len(document["checks"]),
                "zones": self.world.daemon.metric("sdns_zones"), "descriptors": len(os.listdir(f"/proc/{worker}/fd")),
                "in flight": self.world.daemon.metric("sdns_health_probes_in_flight")}

    def memory(self):
        (worker,) = self.world.daemon.workers()
        return harness.resident_octets(worker)

    def all_have_worked(self, numbers):
        """On a slow machine not at the same time."""
        wanted = {f"z{number}.leak.test." for number in numbers}
        checks = self.world.daemon.json("/v1/health")["checks"]
        worked = [check["check"] for check in checks if check["probed"] and check["probed"]["probes"] > check["probed"]["failed"]]
        pages = {check.split("www.")[1].split(":")[0] for check in worked if check.startswith("url ")}
        return wanted <= pages and len(worked) >= CHECKS * len(wanted)

    def wave(self, numbers):
        for number in numbers:
            apex, text = self.zone(number)
            file = self.world.directory / "next.zone"
            file.write_text(text)
            self.world.ctl("--no-wait", "zone", "import", file, "--apex", apex)
        harness.wait_for(f"the checks of zones {numbers[0]} to {numbers[-1]} to have worked", lambda: self.all_have_worked(numbers), seconds=harness.PATIENCE * 3)
        for number in (numbers[0], numbers[-1]):
            for name in ("a", "b", "d"):
                self.assert_rcode(self.world.pdns.query(f"{name}.z{number}.leak.test.", "A"), "NOERROR")
        for number in numbers:
            self.world.ctl("--no-wait", "zone", "delete", "--yes", self.zone(number)[0])

    def test_zones_with_checks_that_come_and_go_leave_nothing(self):
        empty = self.facts()
        self.assertEqual((empty["checks"], empty["entries"]), (0, 0))
        def nothing_left():
            now = self.facts()
            return all(now[what] <= empty[what] for what in empty) and now
        bare = empty.pop("descriptors")
        self.wave(range(WAVE))  # with it comes what is made once and kept
        empty = harness.wait_for(f"{empty}", nothing_left, seconds=harness.PATIENCE * 3)
        self.assertLess(empty["descriptors"], bare + WAVE)
        most, memory = [0, 0], []
        for half in range(2):
            for number in range(half * WAVES // 2 + 1, (half + 1) * WAVES // 2 + 1):
                self.wave(range(number * WAVE, (number + 1) * WAVE))
                most[half] = max(most[half], self.facts()["checks"])
            harness.wait_for(f"{empty}", nothing_left, seconds=harness.PATIENCE * 3)
            memory.append(self.memory())
        self.assertGreaterEqual(min(most), WAVE * CHECKS)
        grown = memory[1] - memory[0]
        print(f"\n{WAVE * (WAVES + 1)} zones, up to {most[0]:.0f} and {most[1]:.0f} checks at a time; resident memory grew by {grown / 1e6:.1f} MB "
              f"over the second half", flush=True)
        if KEEPS:
            # The slower the machine, the more checks there are at a time; what they took once is kept.
            self.assertLess(grown, MOST_GROWTH + OCTETS_OF_A_CHECK * max(0, most[1] - most[0]))


if __name__ == "__main__":
    harness.main()
