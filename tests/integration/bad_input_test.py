#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Hostile clients of the unix door: a clear log, bounded memory, and others that notice nothing."""
import json
import os
import resource
import socket
import threading

import harness
from wire import Peer, lookup_parameters

ZONE = """\
$ORIGIN wire.test.
$TTL 300
@    IN SOA ns1 hostmaster 1 7200 900 1209600 60
     IN NS  ns1
ns1  IN A   192.0.2.1
www  IN A   192.0.2.3
big  IN TXT "{text}"
"""
MEGABYTE = 1 << 20
MAX_REQUEST = 16 * MEGABYTE
IDLE = 2000
# Of the daemon while it has swallowed nothing yet; sanitizers keep freed memory and shadow pages.
ROOM = (600 if harness.SANITIZED else 150) * MEGABYTE


class BadInput(harness.ServerTest):
    @classmethod
    def prepare(cls, world):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard == resource.RLIM_INFINITY or hard >= 2 * IDLE:
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * IDLE + 500), hard))
        world.import_zone("wire.test.", ZONE.format(text="x" * 255))
        world.zone_id = Peer(world.daemon.socket).lookup("wire.test.", "SOA")[0]["domain_id"]

    def setUp(self):
        self.daemon = self.world.daemon
        self.workers = self.daemon.workers()
        self.memory = self.daemon.memory_octets()
        self.honest = Peer(self.daemon.socket)

    def tearDown(self):
        self.assert_others_unaffected()
        self.honest.close()
        self.assertEqual(self.daemon.workers(), self.workers, "the worker was replaced: it died")
        # Nothing was ever wrong with PowerDNS.
        self.assertEqual(self.world.pdns.query("www.wire.test.", "A").rcode(), 0)

    def assert_others_unaffected(self):
        rows = self.honest.lookup("www.wire.test.", "ANY", self.world.zone_id)
        self.assertEqual([(row["qtype"], row["content"]) for row in rows], [("A", "192.0.2.3")])

    def assert_memory_bounded(self, room=ROOM):
        self.assertLess(self.daemon.memory_octets() - self.memory, room)

    def test_line_of_100_megabytes_is_cut_off_at_the_limit(self):
        with Peer(self.daemon.socket) as peer:
            sent = 0
            try:
                peer.send(b'{"method": "lookup", "parameters": {"qname": "')
                while sent < 100 * MEGABYTE:
                    peer.send(b"a" * MEGABYTE)
                    sent += MEGABYTE
                    if sent % (10 * MEGABYTE) == 0:
                        self.assert_others_unaffected()
                        self.assert_memory_bounded()
            except (BrokenPipeError, ConnectionResetError):
                pass
            self.assertLess(sent, 100 * MEGABYTE, "the daemon read all of it")
            self.assertTrue(peer.closed())
        self.assert_memory_bounded()
        harness.wait_for("a word in the log", lambda: "16777216" in self.daemon.log_text())

    def test_ten_lines_without_end_at_once_stay_within_bounds(self):
        peers = [Peer(self.daemon.socket) for _ in range(10)]
        for _ in range(20):
            for peer in peers:
                try:
                    peer.send(b"[" * MEGABYTE)
                except (BrokenPipeError, ConnectionResetError):
                    pass
            self.assert_others_unaffected()
        self.assert_memory_bounded(ROOM + 10 * 2 * MAX_REQUEST)
        for peer in peers:
            peer.close()

    # Octets, and whether an answer comes: an object without result, or the connection is closed. Never a "no".
    REFUSED_LINES = (
        ("binary", bytes(range(1, 10)) + b"\x00\xff\xfe\x80\n"),
        ("not JSON", b"lookup www.wire.test. A\n"),
        ("half an object", b'{"method": "lookup", "parameters": {"qname": "www\n'),
        ("array", b"[1, 2, 3]\n"),
        ("number", b"42\n"),
        ("null", b"null\n"),
        ("no method", b'{"parameters": {}}\n'),
        ("method is a number", b'{"method": 7, "parameters": {}}\n'),
        ("parameters are an array", b'{"method": "lookup", "parameters": []}\n'),
        ("qname is missing", b'{"method": "lookup", "parameters": {"qtype": "ANY", "zone-id": 1}}\n'),
        ("qname is a number", b'{"method": "lookup", "parameters": {"qname": 5, "qtype": "ANY", "zone-id": 1}}\n'),
        ("qname is an object", b'{"method": "lookup", "parameters": {"qname": {}, "qtype": "ANY", "zone-id": 1}}\n'),
        ("zone-id is a string of letters", b'{"method": "lookup", "parameters": {"qname": "www.wire.test.", "qtype": "ANY", "zone-id": "x"}}\n'),
        ("bad escape", b'{"method": "lookup", "parameters": {"qname": "\\q", "qtype": "ANY", "zone-id": 1}}\n'),
        ("lone surrogate", b'{"method": "lookup", "parameters": {"qname": "\\ud800", "qtype": "ANY", "zone-id": 1}}\n'),
        ("deep nesting", b'{"method": "lookup", "parameters": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}\n"),
        ("deep arrays", b"[" * 1_000_000 + b"]" * 1_000_000 + b"\n"),
        ("two objects in a line", b'{"method": "getAllDomains", "parameters": {}} {"method": "getAllDomains", "parameters": {}}\n'),
        ("huge number", b'{"method": "lookup", "parameters": {"qname": "www.wire.test.", "qtype": "ANY", "zone-id": 1e999}}\n'),
    )

    def test_what_is_no_request_is_never_answered_with_a_no(self):
        for what, octets in self.REFUSED_LINES:
            with self.subTest(what), Peer(self.daemon.socket) as peer:
                try:
                    peer.send(octets)
                    line = peer.line()
                except (BrokenPipeError, ConnectionResetError):
                    line = b""
                if line:
                    # PowerDNS takes false and [] for "no such name" and caches that.
                    self.assertNotIn("result", json.loads(line), line)
                self.assert_others_unaffected()
                self.assert_memory_bounded()

    def test_empty_lines_are_no_requests(self):
        with Peer(self.daemon.socket) as peer:
            peer.send(b"\n\n")
            self.assertTrue(peer.lookup("www.wire.test.", "ANY", self.world.zone_id))

    def test_unknown_methods_are_declined_and_the_connection_goes_on(self):
        with Peer(self.daemon.socket) as peer:
            for method in ("isMaster", "noSuchMethod", "", "lookup2"):
                self.assertIs(peer.ask(method, {"anything": [1, {"deep": True}]}), False)
            self.assertTrue(peer.lookup("www.wire.test.", "ANY", self.world.zone_id))

    def test_thousand_pipelined_requests_get_a_thousand_answers_in_order(self):
        with Peer(self.daemon.socket) as peer:
            names = ["www.wire.test.", "ns1.wire.test.", "nothing.wire.test."]
            requests = b"".join((json.dumps({"method": "lookup", "parameters": lookup_parameters(
                names[number % 3], "ANY", self.world.zone_id)}) + "\n").encode() for number in range(1000))
            writer = threading.Thread(target=peer.send, args=(requests,))
            writer.start()
            expected = [["192.0.2.3"], ["192.0.2.1"], []]
            for number in range(1000):
                rows = peer.reply()["result"]
                self.assertEqual([row["content"] for row in rows or []], expected[number % 3], f"reply {number}")
            writer.join()

    def test_request_in_single_octets_is_answered(self):
        with Peer(self.daemon.socket) as peer:
            for octet in (json.dumps({"method": "lookup", "parameters": lookup_parameters("www.wire.test.")}) + "\n").encode():
                peer.send(bytes([octet]))
            self.assertEqual(peer.reply()["result"][0]["content"], "192.0.2.3")

    def test_two_thousand_idle_connections_change_nothing(self):
        idle = [Peer(self.daemon.socket, initialize=number % 2 == 0) for number in range(IDLE)]
        self.assert_others_unaffected()
        self.assert_memory_bounded()
        self.assertEqual(self.world.pdns.query("ns1.wire.test.", "A").rcode(), 0)
        # Each of them still works.
        self.assertTrue(idle[0].lookup("www.wire.test."))
        self.assertTrue(idle[-2].lookup("www.wire.test."))
        for peer in idle:
            peer.close()
        harness.wait_for("the connections to be let go of", lambda: self.daemon.metric("sdns_unix_connections") < 100)

    def test_peer_that_never_reads_stops_itself_alone(self):
        peer = Peer(self.daemon.socket)
        peer.socket.setblocking(False)
        request = (json.dumps({"method": "lookup", "parameters": lookup_parameters("big.wire.test.", "ANY", self.world.zone_id)})
                   + "\n").encode() * 1000
        sent = 0
        def push():
            nonlocal sent
            try:
                sent += peer.socket.send(request)
                return False
            except BlockingIOError:
                return True  # the daemon has stopped reading, which is what holds its memory down
            except (BrokenPipeError, ConnectionResetError):
                return True  # or it has given up on this peer
        while not push():
            self.assertLess(sent, 200 * MEGABYTE, "the daemon reads on although nobody takes its answers")
        self.assert_others_unaffected()
        self.assert_memory_bounded()
        peer.close()

    def test_peer_that_leaves_in_the_middle_of_a_request_is_forgotten(self):
        before = self.daemon.metric("sdns_unix_connections")
        for number in range(200):
            peer = Peer(self.daemon.socket)
            peer.send(b'{"method": "lookup", "parameters": {"qname": "www'[: number % 40 + 1])
            peer.close()
        self.assert_others_unaffected()
        harness.wait_for("the connections to be let go of", lambda: self.daemon.metric("sdns_unix_connections") <= before)

    def test_peer_that_asks_and_shuts_its_side_gets_its_answer(self):
        with Peer(self.daemon.socket) as peer:
            peer.send_request("lookup", lookup_parameters("www.wire.test."))
            peer.socket.shutdown(socket.SHUT_WR)
            self.assertEqual(peer.reply()["result"][0]["content"], "192.0.2.3")

    def test_names_of_every_shape_are_answered_with_nothing(self):
        # What PowerDNS can send: any octets in labels, the longest names, the root.
        with Peer(self.daemon.socket) as peer:
            longest = ".".join(["a" * 63] * 3 + ["b" * 61]) + "."
            for name in (".", "com.", longest, "\\000\\255.wire.test.", "a\\.b.wire.test.", "\\\\.wire.test.", "*.wire.test."):
                with self.subTest(name=name):
                    self.assertFalse(peer.lookup(name, "ANY", self.world.zone_id))


class SocketPermissions(harness.ServerTest):
    powerdns = ()

    def test_socket_is_not_for_everybody(self):
        self.assertEqual(os.stat(self.world.daemon.socket).st_mode & 0o777, 0o660)

    def test_user_who_is_not_listed_is_turned_away(self):
        if os.geteuid() != 0:
            if harness.left_out("root"):
                self.skipTest("--without=root")
            self.fail("only root can become another user; --without=root leaves this out")
        os.chmod(self.world.daemon.directory, 0o755)
        os.chmod(self.world.daemon.socket, 0o666)  # the file's mode alone is not what protects the keys
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
                try:
                    Peer(self.world.daemon.socket)
                    code = 2
                except (ConnectionError, OSError):
                    code = 0
            finally:
                os._exit(code)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
        harness.wait_for("a word in the log", lambda: "65534" in self.world.daemon.log_text())


if __name__ == "__main__":
    harness.main()
