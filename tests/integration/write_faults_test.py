#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes through PowerDNS when something dies, hangs up or says what PowerDNS would not: every acknowledged change is there,
no half change is, nobody else notices, and what is served is what a fresh daemon makes of the database."""
import concurrent.futures
import json
import os
import random
import signal
import sqlite3
import threading
import unittest

import harness
from powerdns_tools import STOCK, ToolsTest
from secondaries import Nsd, Zone
from wire import Peer

ZONE = """\
$ORIGIN {apex}
$TTL 300
@      IN SOA ns1 hostmaster {generation} 7200 900 1209600 60
       IN NS  ns1
ns1    IN A   192.0.2.1
www    IN A   192.0.2.80
"""
APEX, MOVED, SIGNED = "faults.test.", "transferred.test.", "signed-faults.test."
ROUNDS = 40 if harness.LONG else 4
MANY = 30_000 if not harness.LONG else 200_000 if harness.SANITIZED else 1_000_000
RECORDS = 300
KEY = "Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\nPrivateKey: hL+4MhSSHClghKc89D/HpHlUv8AKLvd1tDY9Y0BXRoA=\n"


def transferred(generation):
    """A zone all of whose records carry the generation: a mixture would show."""
    return ZONE.format(apex=MOVED, generation=generation) + "".join(
        f'r{number} IN TXT "generation {generation}"\n' for number in range(RECORDS))


def address(number):
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def rows(name, rrtype, *contents):
    return [{"auth": True, "content": content, "qclass": 1, "qname": name, "qtype": rrtype, "ttl": 300} for content in contents]


def replacing(zone_id, name, rrtype, *contents, trxid=1):
    return {"domain_id": zone_id, "qname": name, "qtype": rrtype, "rrset": rows(name, rrtype, *contents), "trxid": trxid}


class FaultsTest(ToolsTest):
    def stored_at(self, apex, name):
        return {(kind, content) for owner, kind, content in self.world.stored(apex) if owner == name}

    def assert_database_whole(self):
        """The file is sound, and what was followed through all this is what a fresh daemon loads."""
        with sqlite3.connect(f"file:{self.world.database}?mode=ro", uri=True) as database:
            self.assertEqual(database.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
            self.assertEqual(database.execute("PRAGMA foreign_key_check").fetchall(), [])
        database.close()
        self.world.settle()
        fresh = harness.Daemon(self.world, name=f"fresh-{self._testMethodName[:40]}")
        try:
            fresh.start()
            fresh.wait_revision(self.world.database_revision())
            self.assertEqual(self.world.daemon.json("/v1/digest")["digest"], fresh.json("/v1/digest")["digest"])
            self.assertEqual(self.world.daemon.json("/v1/revision")["chain"], fresh.json("/v1/revision")["chain"])
        finally:
            fresh.process.kill_all()


@unittest.skipIf(STOCK, "of our daemon")
class Kills(FaultsTest):
    powerdns = ({"secondary": "yes", "xfr-cycle-interval": "1"},)

    @classmethod
    def prepare(cls, world):
        seed = random.randrange(1 << 32)
        print(f"seed {seed}", flush=True)
        cls.random = random.Random(seed)
        world.create(APEX, ZONE.format(apex=APEX, generation=1))
        cls.nsd = Nsd(world.directory, [Zone(MOVED, text=transferred(1))]).start()
        world.create_secondary(MOVED, f"127.0.0.1:{cls.nsd.port}")
        cls.generation, cls.number = 1, 0

    @classmethod
    def tearDownClass(cls):
        cls.nsd.stop()
        super().tearDownClass()

    def write_with_the_api(self, stop, acknowledged, number):
        while not stop.is_set():
            number += 1
            name = f"api{number}.{APEX}"
            records = [{"name": name, "type": rrtype, "ttl": 60, "changetype": "REPLACE", "records": [{"content": content, "disabled": False}]}
                       for rrtype, content in (("A", "192.0.2.7"), ("TXT", f'"{number}"'))]
            try:
                status, _ = self.world.api("PATCH", f"/zones/{APEX}", {"rrsets": records})
            except OSError:
                stop.wait(0.02)
                continue
            if status == 204:
                acknowledged[name] = {("A", "192.0.2.7"), ("TXT", f'"{number}"')}

    def write_with_pdnsutil(self, stop, acknowledged, number):
        while not stop.is_set():
            number += 1
            contents = [f"192.0.2.{last}" for last in range(1, 5)]
            done = self.world.pdnsutil_run("add-record", APEX, f"util{number}", "A", "60", *contents)
            if done.returncode == 0:
                acknowledged[f"util{number}.{APEX}"] = {("A", content) for content in contents}

    def transfer(self, stop, _acknowledged, generation):
        while not stop.is_set():
            generation += 1
            Kills.generation = generation
            self.nsd.update(MOVED, transferred(generation))
            try:
                self.world.api("PUT", f"/zones/{MOVED}/axfr-retrieve")
            except OSError:
                pass
            stop.wait(0.05)

    def kill(self, victim):
        if victim == "worker":
            for pid in self.world.daemon.workers():
                os.kill(pid, signal.SIGKILL)
        elif victim == "daemon":
            self.world.daemon.process.kill_all()
        else:
            self.world.pdns.process.kill_all()

    def revive(self):
        if not self.world.daemon.process.alive():
            self.world.daemon.start()
        harness.wait_for("the daemon to be ready", self.world.daemon.ready)
        if not self.world.pdns.process.alive():  # with secondary=yes PowerDNS ends when its communicator loses the backend
            self.world.pdns.start()

    def check(self, victim):
        acknowledged, stop = {}, threading.Event()
        with self.subTest(victim=victim), concurrent.futures.ThreadPoolExecutor(3) as pool:
            Kills.number += 100_000
            jobs = [pool.submit(self.write_with_the_api, stop, acknowledged, Kills.number),
                    pool.submit(self.write_with_pdnsutil, stop, acknowledged, Kills.number),
                    pool.submit(self.transfer, stop, acknowledged, Kills.generation)]
            before = len(acknowledged)
            harness.wait_for("writes to be under way", lambda: len(acknowledged) > before + 1)
            stop.wait(self.random.random() * 0.4)  # the moment is what is random
            self.kill(victim)
            stop.wait(0.2)
            stop.set()
            for job in jobs:
                job.result(timeout=harness.PATIENCE)
        self.revive()
        found = {}
        for owner, kind, content in self.world.stored(APEX):
            found.setdefault(owner, set()).add((kind, content))
        for name, contents in acknowledged.items():
            self.assertEqual(found.get(name), contents, f"{name} was acknowledged")
        for name, contents in found.items():
            if name.startswith("api"):
                self.assertEqual(len(contents), 2, f"{name} is half there")
            elif name.startswith("util"):
                self.assertEqual(len(contents), 4, f"{name} is half there")
        generations = {content for _, kind, content in self.world.stored(MOVED) if kind == "TXT"}
        self.assertLessEqual(len(generations), 1, "a half transfer")
        return len(acknowledged)

    def test_writes_survive_kills_of_worker_daemon_and_name_server(self):
        written = 0
        for turn in range(ROUNDS):
            for victim in ("worker", "daemon", "name server"):
                written += self.check(victim)
        print(f"{3 * ROUNDS} kills, {written} acknowledged writes")
        self.assert_database_whole()
        # The transfer is made up for.
        final = Kills.generation + 1
        self.nsd.update(MOVED, transferred(final))

        def arrived():
            self.world.api("PUT", f"/zones/{MOVED}/axfr-retrieve")
            return {content for _, kind, content in self.world.stored(MOVED) if kind == "TXT"} == {f'"generation {final}"'}
        harness.wait_for("the last transfer", arrived)
        self.world.settle()
        self.assertEqual(self.served(f"r{RECORDS - 1}.{MOVED}", "TXT"), {f'"generation {final}"'})


@unittest.skipIf(STOCK, "of our daemon")
class Transactions(FaultsTest):
    @classmethod
    def prepare(cls, world):
        world.create(APEX, ZONE.format(apex=APEX, generation=1))
        world.create(SIGNED, ZONE.format(apex=SIGNED, generation=1))
        world.pdnsutil("secure-zone", SIGNED)
        cls.id = world.daemon_domain_info(APEX)["id"]
        cls.signed_id = world.daemon_domain_info(SIGNED)["id"]

    def setUp(self):
        self.workers = self.world.daemon.workers()
        self.honest = Peer(self.world.daemon.socket)

    def tearDown(self):
        self.assert_others_unaffected()
        self.honest.close()
        self.assertEqual(self.world.daemon.workers(), self.workers, "the worker was replaced: it died")

    def assert_others_unaffected(self):
        self.assertEqual([row["content"] for row in self.honest.lookup(f"ns1.{APEX}", "A", self.id)], ["192.0.2.1"])

    def peer(self):
        peer = Peer(self.world.daemon.socket)
        self.addCleanup(peer.close)
        return peer

    def start(self, peer, zone_id=-1, trxid=1):
        self.assertEqual(peer.ask("startTransaction", {"domain": APEX, "domain_id": zone_id, "trxid": trxid}), True)

    def contents(self, peer, name, rrtype="A"):
        return {row["content"] for row in peer.lookup(name, rrtype, self.id) or []}

    def test_transaction_is_seen_on_its_own_connection_alone_until_it_is_committed(self):
        name = f"own.{APEX}"
        peer = self.peer()
        self.start(peer)
        with self.unchanged():
            self.assertTrue(peer.ask("replaceRRSet", replacing(self.id, name, "A", "192.0.2.1")))
            self.assertEqual(self.contents(peer, name), {"192.0.2.1"})
            self.assertEqual(self.contents(self.honest, name), set())
        self.assertTrue(peer.ask("commitTransaction", {"trxid": 1}))
        self.assertEqual(self.contents(self.honest, name), {"192.0.2.1"})
        self.assertEqual(self.stored_at(APEX, name), {("A", "192.0.2.1")})

    def test_transaction_whose_connection_closes_changes_nothing(self):
        with self.unchanged():
            for zone_id in (-1, self.id):
                peer = self.peer()
                self.start(peer, zone_id)
                if zone_id == -1:
                    self.assertTrue(peer.ask("replaceRRSet", replacing(self.id, f"gone.{APEX}", "A", "192.0.2.1")))
                else:
                    self.assertTrue(peer.ask("feedRecord", {"rr": {**rows(f"gone.{APEX}", "A", "192.0.2.1")[0], "ordername": None}, "trxid": 1}))
                peer.close()
            self.assert_others_unaffected()
            self.assertEqual(self.contents(self.honest, f"gone.{APEX}"), set())

    def test_transactions_left_open_are_in_nobodys_way(self):
        open_ones = [self.peer() for _ in range(50)]
        for number, peer in enumerate(open_ones):
            self.start(peer)
            self.assertTrue(peer.ask("replaceRRSet", replacing(self.id, f"open{number}.{APEX}", "A", "192.0.2.1")))
        self.world.record_set(APEX, "meanwhile", "A", "192.0.2.2")
        self.assertEqual(self.served(f"meanwhile.{APEX}", "A"), {"192.0.2.2"})
        with self.unchanged():
            for peer in open_ones[1:]:
                peer.close()
        self.assertTrue(open_ones[0].ask("commitTransaction", {"trxid": 1}))
        self.assertEqual(self.stored_at(APEX, f"open0.{APEX}"), {("A", "192.0.2.1")})
        self.assertEqual(self.stored_at(APEX, f"open1.{APEX}"), set())

    def test_same_number_on_two_connections_means_two_transactions(self):
        first, second = self.peer(), self.peer()
        for peer, label in ((first, "first"), (second, "second")):
            self.start(peer, trxid=1787000000)
            self.assertTrue(peer.ask("replaceRRSet", replacing(self.id, f"{label}.{APEX}", "A", "192.0.2.1", trxid=1787000000)))
        self.assertTrue(first.ask("abortTransaction", {"trxid": 1787000000}))
        self.assertTrue(second.ask("commitTransaction", {"trxid": 1787000000}))
        self.assertEqual(self.stored_at(APEX, f"first.{APEX}"), set())
        self.assertEqual(self.stored_at(APEX, f"second.{APEX}"), {("A", "192.0.2.1")})

    def test_commit_and_abort_without_a_start_do_nothing(self):
        with self.unchanged():
            for method in ("commitTransaction", "abortTransaction"):
                self.assertEqual(self.peer().ask(method, {"trxid": 4711}), True)

    def test_type0_is_ignored(self):
        name = f"type0.{APEX}"
        peer = self.peer()
        self.start(peer)
        self.assertTrue(peer.ask("replaceRRSet", {**replacing(self.id, name, "TYPE0"), "rrset": rows(name, "A", "192.0.2.9")}))
        self.assertTrue(peer.ask("replaceRRSet", replacing(self.id, name, "TYPE0")))
        self.assertTrue(peer.ask("replaceRRSet", replacing(self.id, name, "A", "192.0.2.1")))
        self.assertTrue(peer.ask("commitTransaction", {"trxid": 1}))
        self.assertEqual(self.stored_at(APEX, name), {("A", "192.0.2.1")})

    def test_replacement_outside_of_a_transaction_counts_at_once(self):
        for number, trxid in enumerate((0, -1, 4294967295)):
            name = f"at-once{number}.{APEX}"
            with self.subTest(trxid=trxid), self.journaled(APEX):
                self.assertTrue(self.peer().ask("replaceRRSet", replacing(self.id, name, "A", "192.0.2.1", trxid=trxid)))
                self.assertEqual(self.stored_at(APEX, name), {("A", "192.0.2.1")})
                self.assertEqual(self.contents(self.honest, name), {"192.0.2.1"})

    def test_replaced_zone_that_breaks_a_rule_stays_as_it_was(self):
        before = self.world.stored(APEX)
        peer = self.peer()
        self.start(peer, self.id)
        for row in rows(f"www.{APEX}", "A", "192.0.2.1"):  # and no SOA
            peer.ask("feedRecord", {"rr": {**row, "ordername": None}, "trxid": 1})
        with self.unchanged():
            peer.send_request("commitTransaction", {"trxid": 1})
            self.assertNotIn("result", peer.reply())
            self.assertTrue(peer.closed())
        self.assertEqual(self.world.stored(APEX), before)

    def test_connection_closed_in_the_middle_of_a_method_changes_nothing(self):
        name = f"www.{APEX}"
        methods = {
            "initialize": {"path": "x", "timeout": "2000"}, "lookup": {"qname": name, "qtype": "ANY", "zone-id": self.id},
            "list": {"domain_id": self.id, "zonename": APEX, "include_disabled": False}, "getAllDomains": {"include_disabled": True},
            "getDomainInfo": {"name": APEX}, "searchRecords": {"pattern": "*", "maxResults": 100}, "getUpdatedMasters": {},
            "getUnfreshSlaveInfos": {}, "startTransaction": {"domain": APEX, "domain_id": self.id, "trxid": 1},
            "replaceRRSet": replacing(self.id, f"cut.{APEX}", "A", "192.0.2.1"),
            "feedRecord": {"rr": {**rows(f"cut.{APEX}", "A", "192.0.2.1")[0], "ordername": None}, "trxid": 1},
            "feedEnts": {"domain_id": self.id, "trxid": 1, "nonterm": [{"nonterm": f"ent.{APEX}", "auth": True}]},
            "feedEnts3": {"domain_id": self.id, "domain": APEX, "trxid": 1, "times": 0, "salt": "", "narrow": False, "nonterm": []},
            "commitTransaction": {"trxid": 1}, "abortTransaction": {"trxid": 1},
            "setDomainMetadata": {"name": APEX, "kind": "X-CUT", "value": ["1"]},
            "addDomainKey": {"name": APEX, "key": {"flags": 257, "active": True, "published": True, "content": KEY}},
            "removeDomainKey": {"name": SIGNED, "id": 1}, "activateDomainKey": {"name": SIGNED, "id": 1}, "deactivateDomainKey": {"name": SIGNED, "id": 1},
            "publishDomainKey": {"name": SIGNED, "id": 1}, "unpublishDomainKey": {"name": SIGNED, "id": 1},
            "setTSIGKey": {"name": "cut.key.", "algorithm": "hmac-sha256", "content": "c2VjcmV0"}, "deleteTSIGKey": {"name": "cut.key."},
            "setNotified": {"id": self.id, "serial": 77}, "setFresh": {"id": self.id}, "setStale": {"id": self.id},
            "superMasterBackend": {"ip": "192.0.2.1", "domain": "new.test.", "nsset": rows("new.test.", "NS", "ns1.new.test")},
            "createSlaveDomain": {"ip": "192.0.2.1", "domain": "new.test.", "nameserver": "ns1.new.test", "account": ""},
            "directBackendCmd": {"query": "stats"},
        }
        for inside in (False, True):
            for method, parameters in methods.items():
                line = json.dumps({"method": method, "parameters": parameters}).encode()
                for what, octets in (("half", line[:len(line) // 2]), ("no newline", line), ("one octet", line[:1])):
                    with self.subTest(method, what=what, in_transaction=inside), self.unchanged():
                        peer = self.peer()
                        if inside:
                            self.start(peer)
                            self.assertTrue(peer.ask("replaceRRSet", replacing(self.id, f"cut.{APEX}", "A", "192.0.2.1")))
                        peer.send(octets)
                        peer.close()
                        self.assert_others_unaffected()
        self.assertEqual(self.stored_at(APEX, f"cut.{APEX}"), set())

    def test_connection_closed_before_the_answer_leaves_a_whole_change_or_none(self):
        for number in range(30):
            name = f"unheard{number}.{APEX}"
            peer = self.peer()
            self.start(peer)
            for rrtype, content in (("A", "192.0.2.1"), ("TXT", '"x"')):
                self.assertTrue(peer.ask("replaceRRSet", replacing(self.id, name, rrtype, content)))
            peer.send_request("commitTransaction", {"trxid": 1})
            peer.close()
        self.world.record_set(APEX, "after", "A", "192.0.2.1")
        for number in range(30):
            self.assertIn(len(self.stored_at(APEX, f"unheard{number}.{APEX}")), (0, 2))
        self.assert_database_whole()

    def feed(self, peer, name, rrtype, content):
        self.assertTrue(peer.ask("feedRecord", {"rr": {**rows(name, rrtype, content)[0], "ordername": None}, "trxid": 1}))

    def feed_many(self, peer, zone):
        """Pipelined, since a million round trips are not what is tested."""
        for begin in range(0, MANY, 500):
            lines = [json.dumps({"method": "feedRecord", "parameters": {"trxid": 1, "rr": {
                **rows(f"n{number}.{zone}", "A", address(number))[0], "ordername": None}}}) for number in range(begin, min(begin + 500, MANY))]
            peer.send(("\n".join(lines) + "\n").encode())
            for _ in lines:
                self.assertEqual(peer.reply(), {"result": True})
            if begin % 50_000 == 0:
                self.assert_others_unaffected()

    def test_many_records_in_one_transaction_are_aborted_or_committed_as_one(self):
        zone = "many.test."
        self.world.create(zone, ZONE.format(apex=zone, generation=1))
        zone_id = self.world.daemon_domain_info(zone)["id"]
        memory = self.world.daemon.memory_octets()
        for end in ("abortTransaction", "close", "commitTransaction"):
            with self.subTest(end), self.journaled(zone) if end == "commitTransaction" else self.unchanged():
                peer = Peer(self.world.daemon.socket, timeout=harness.PATIENCE * 5)
                self.assertEqual(peer.ask("startTransaction", {"domain": zone, "domain_id": zone_id, "trxid": 1}), True)
                self.feed(peer, zone, "SOA", f"ns1.{zone} hostmaster.{zone} 2 7200 900 1209600 60")
                self.feed(peer, zone, "NS", f"ns1.{zone}")
                self.feed(peer, f"ns1.{zone}", "A", "192.0.2.1")
                self.feed_many(peer, zone)
                if end != "close":
                    self.assertEqual(peer.ask(end, {"trxid": 1}), True)
                peer.close()
                self.assertLess(self.world.daemon.memory_octets() - memory, 3 << 30)
        self.assertEqual(json.loads(self.world.ctl("--json", "zone", "show", zone).stdout)["types"]["A"], MANY + 1)
        self.world.settle()
        self.assertEqual(self.served(f"n{MANY - 1}.{zone}", "A"), {address(MANY - 1)})


if __name__ == "__main__":
    harness.main()
