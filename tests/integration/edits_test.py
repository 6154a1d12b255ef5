#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Random edits through each door, the same in sovereign-dnsd and in PowerDNS's gsqlite3 backend: after each ten the answers
around the names that were touched are the same, and so are the transfers out. What is asked was asked before the edits too, so
that an answer that our side did not purge shows."""
import time
import unittest

import harness
from differential import edits, zones
from differential.compare import Comparison, Keys
from differential.questions import Names, questions_around
from differential.sides import COMMON, Pair
from differential.wire import comparable, transfer

COUNT = 500 if harness.LONG else 50
BATCH = 10
SECONDARY = {"secondary": "yes", "xfr-cycle-interval": "60"}


class Edits(unittest.TestCase):
    pair = None

    @classmethod
    def setUpClass(cls):
        cls.pair = Pair("edits", powerdns=({**COMMON, **SECONDARY},))
        try:
            cls.ours = cls.pair.world.pdns
            for apex, mode in (("api.test.", "nsec"), ("pdnsutil.test.", "nsec3salt"), ("sdnsctl.test.", "optout"), ("plain.test.", "unsigned")):
                cls.pair.load(zones.MODES[mode], [zones.Zone(apex, edits.ZONE.format(apex=apex))])
            cls.prepare_transfer(cls.pair)
            cls.pair.settle()
            cls.theirs = cls.pair.stock.add("theirs", {**COMMON, **SECONDARY}).start()
        except BaseException:
            cls.pair.failed = True
            cls.pair.stop()
            raise

    @classmethod
    def prepare_transfer(cls, pair):
        """A primary for both sides: PowerDNS on a database of its own."""
        cls.source = harness.Gsqlite3World(pair.world.directory / "source")
        cls.source.add("tools")
        file = pair.world.directory / "axfr.zone"
        file.write_text(edits.ZONE.format(apex="axfr.test."))
        cls.source.pdnsutil("load-zone", "axfr.test.", file)
        cls.source.pdnsutil("set-meta", "axfr.test.", "SOA-EDIT-API", "INCREASE")
        cls.primary = cls.source.add("primary").start()
        address = f"127.0.0.1:{cls.primary.port}"
        pair.stock.pdnsutil("create-secondary-zone", "axfr.test.", address)
        pair.ours("zone", "create-secondary", "axfr.test.", address)

    @classmethod
    def tearDownClass(cls):
        for process in cls.source.processes():
            process.kill_all()
        cls.pair.stop()

    def run(self, result=None):
        before = len(result.failures) + len(result.errors) if result else 0
        outcome = super().run(result)
        if result and len(result.failures) + len(result.errors) > before and self.pair:
            self.pair.failed = True
        return outcome

    def compare(self, apex, mode, touched, seed, when, serials=False):
        """SOA serials only where both sides take them from the same primary: our side moves one with each edit by the zone's own
        policy, pdnsutil leaves it alone, and the API moves it when SOA-EDIT-API says so."""
        names = Names(self.pair.stock, [apex])
        if mode.opt_out:
            _, _, iterations, salt = mode.nsec3.split()
            names.hash_for_opt_out(salt, int(iterations))
        keys = Keys(self.theirs.port, [apex]) if mode.signed else None
        problem = self.differences(apex, names, keys, touched, seed, serials)
        if problem:
            # While PowerDNS 4.7.3 carries out a purge it may make an answer without the zone's metadata (it empties their cache
            # between its own two looks at it). The second purge, 400 ms after the first, takes such an answer away.
            self.transient += 1
            harness.wait_for("the second purge", lambda: self.pair.world.daemon.metric("sdns_powerdns_purges_waiting") == 0)
            problem = self.differences(apex, names, keys, touched, seed, serials)
        if problem:
            self.fail(f"{when}\n{problem}")

    def differences(self, apex, names, keys, touched, seed, serials):
        comparison = Comparison(self.ours, self.theirs, names, keys, serials)
        comparison.ask(questions_around(names, touched, seed))
        self.asked += comparison.asked
        if comparison.failures:
            return comparison.report()
        mine, reference = ({comparable(row, serials) for row in transfer(server.port, apex)} for server in (self.ours, self.theirs))
        if mine == reference:
            return ""
        return f"transfers differ\nours alone: {sorted(mine - reference)}\ngsqlite3 alone: {sorted(reference - mine)}"

    def edit(self, apex, mode_name, seed, ours, theirs, settle=None, serials=False, tool="api"):
        mode, drawn = zones.MODES[mode_name], edits.Edits(apex, seed, tool)
        self.transient = self.asked = 0
        for start in range(0, COUNT, BATCH):
            batch = [drawn.draw() for _ in range(BATCH)]
            touched = sorted({drawn.name(owner) for owner, _, _, _ in batch})
            self.compare(apex, mode, touched, start, f"seed {seed}, before edit {start}", serials)
            for change in batch:
                ours(apex, *change)
                theirs(apex, *change)
            if settle:
                settle(apex)
            else:
                self.pair.stock.pdnsutil("rectify-zone", apex)
            self.pair.settle()
            self.theirs.control("PURGE")
            self.compare(apex, mode, touched, start, f"seed {seed}, after edits {start} to {start + BATCH}: {batch}", serials)
        print(f"\n{apex}: {COUNT} edits, {self.asked} questions, {self.transient} times right after the second purge alone", flush=True)
        self.assertLessEqual(self.transient, max(2, COUNT // BATCH // 5))

    def test_edits_through_the_api_of_powerdns(self):
        self.edit("api.test.", "nsec", 1, lambda *change: edits.patch(self.ours, *change),
                  lambda *change: edits.patch(self.theirs, *change))

    def test_edits_through_pdnsutil(self):
        self.edit("pdnsutil.test.", "nsec3salt", 2, lambda *change: edits.pdnsutil(self.ours, *change),
                  lambda *change: edits.pdnsutil(self.theirs, *change), tool="pdnsutil")

    def test_edits_through_sdnsctl(self):
        self.edit("sdnsctl.test.", "optout", 3, lambda *change: edits.sdnsctl(self.pair.world, *change),
                  lambda *change: edits.pdnsutil(self.theirs, *change), tool="pdnsutil")

    def test_edits_of_an_unsigned_zone_through_every_door_in_turn(self):
        doors = [lambda *change: edits.patch(self.ours, *change), lambda *change: edits.pdnsutil(self.ours, *change),
                 lambda *change: edits.sdnsctl(self.pair.world, *change)]

        def ours(*change):
            doors.append(doors.pop(0))
            doors[-1](*change)
        self.edit("plain.test.", "unsigned", 4, ours, lambda *change: edits.patch(self.theirs, *change))

    def test_edits_at_the_primary_that_come_by_transfer(self):
        def serial(server):
            response = server.query("axfr.test.", "SOA")
            return response.answer[0][0].serial if response.answer else 0

        def retrieve(apex):
            wanted, asked = serial(self.primary), {}

            def arrived(server):
                # PowerDNS forgets a retrieval that is asked for while the former one of the zone is about to end.
                if time.monotonic() - asked.get(server, 0) > 1:
                    asked[server] = time.monotonic()
                    edits.api(server, "PUT", f"/zones/{apex}/axfr-retrieve")
                if server is self.theirs:  # it may have cached the SOA that was asked for while the transfer ended
                    server.control("PURGE")
                return serial(server) == wanted
            for server in (self.ours, self.theirs):
                harness.wait_for(f"{server.name} to have {apex} {wanted}", lambda: arrived(server))

        def change_and_retrieve(apex, *change):
            edits.patch(self.primary, apex, *change)
            retrieve(apex)
        self.primary.control("PURGE")
        retrieve("axfr.test.")
        self.edit("axfr.test.", "unsigned", 5, change_and_retrieve, lambda *_: None, settle=retrieve, serials=True)


if __name__ == "__main__":
    harness.main()
