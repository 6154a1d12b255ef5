#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Three nodes on one database, each with a PowerDNS, whose probes find the same targets otherwise: a target answers each
node's own User-Agent as a test says."""
import http.client
import http.server
import json
import os
import signal
import threading
import unittest

import harness
from targets import port_free_everywhere

APEX = "shared.test."
HOSTS = ["127.0.5.1", "127.0.5.2"]
RULES = {"a": "majority", "b": "any-down", "c": "local"}
CACHED = {"cache-ttl": 3600, "query-cache-ttl": 3600}


class Target:
    """Answers HTTP: 503 to the nodes that shall find it down."""

    def __init__(self, host, port):
        down = self.down = set()

        class Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                try:
                    self.send_response(503 if self.headers["User-Agent"] in down else 200)
                    self.end_headers()
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        self.web = http.server.ThreadingHTTPServer((host, port), Page)
        threading.Thread(target=self.web.serve_forever, args=(0.05,), daemon=True).start()


class Node(harness.World):
    """A daemon and its PowerDNS on the database that all have."""

    def __init__(self, name, beside=None):
        super().__init__(f"node-{name}")
        self.name = name
        if beside:
            self.database, self.database_name = beside.database, beside.database_name
        self.start((CACHED,), {"extra_config": (
            f'[node]\nname = "{name}"\n[health]\ninterval = 1\nallow = ["127.0.5.0/24"]\nuser_agent = "{name}"\n'
            f'vantage = "{RULES[name]}"\nvantage_age = 10\nguard_percent = 0\n')})

    def addresses(self):
        response = self.pdns.query(f"www.{APEX}", "A")
        return {rdata.to_text() for rrset in response.answer for rdata in rrset}

    def health(self):
        return self.daemon.json("/v1/health")

    def log_since(self, position):
        return self.daemon.log_text()[position:]


class Stream:
    """Server-sent events, as a browser reads them."""

    def __init__(self, node, last=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", node.daemon.admin_port, timeout=harness.PATIENCE)
        self.connection.request("GET", "/v1/health/events", headers={"Last-Event-ID": last} if last else {})
        self.response = self.connection.getresponse()

    def next(self):
        """The next event that has data: its id, kind and document."""
        event = {}
        while True:
            line = self.response.readline().decode().rstrip("\n")
            if line == "" and "data" in event:
                return event["id"], event["event"], json.loads(event["data"])
            key, _, value = line.partition(": ")
            if key:
                event[key] = value

    def close(self):
        self.connection.close()


class Vantage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.nodes = {}
        cls.port = port_free_everywhere(HOSTS)
        cls.targets = [Target(host, cls.port) for host in HOSTS]
        try:
            cls.a = cls.nodes["a"] = Node("a")
            one, two = HOSTS
            cls.a.import_zone(APEX, f"""
$TTL 3600
@   IN SOA ns1.{APEX} hostmaster.{APEX} 1 7200 900 1209600 60
    IN NS  ns1.{APEX}
ns1 IN A   192.0.2.53
www IN LUA A "ifurlup('http://www.{APEX}:{cls.port}/', {{{{'{one}', '{two}'}}}}, {{selector='all'}})"
""")
            for name in ("b", "c"):
                cls.nodes[name] = Node(name, cls.a)
            cls.b, cls.c = cls.nodes["b"], cls.nodes["c"]
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        for node in reversed(cls.nodes.values()):
            node.stop()
        for target in cls.targets:
            target.web.shutdown()
            target.web.server_close()

    def run(self, result=None):
        before = len(result.failures) + len(result.errors) if result else 0
        outcome = super().run(result)
        if result and len(result.failures) + len(result.errors) > before:
            for node in self.nodes.values():
                node.failed = True
        return outcome

    def setUp(self):
        for target in self.targets:
            target.down.clear()
        self.await_answers(a=HOSTS, b=HOSTS, c=HOSTS)

    def await_answers(self, **expected):
        for name, hosts in expected.items():
            harness.wait_for(f"{name} answers with {hosts}", lambda: self.nodes[name].addresses() == set(hosts))

    def await_views(self, node, host, up, down):
        """Until the node knows what the others say of the target."""
        def counted():
            (check,) = [c for c in node.health()["checks"] if host in c["check"]]
            return (check["vantage"]["up"], check["vantage"]["down"]) == (up, down)
        harness.wait_for(f"{node.name} counts {up} up and {down} down for {host}", counted)

    def test_each_rule_has_its_way_and_cached_answers_follow(self):
        one, two = HOSTS
        for node in self.nodes.values():
            node.pdns.warm(f"www.{APEX}", "A")
        stream, revision = Stream(self.a), self.a.revision()
        self.targets[0].down.add("c")
        self.await_answers(b=[two], c=[two])
        self.await_views(self.a, one, 2, 1)
        self.assertEqual(self.a.addresses(), {one, two})
        (check,) = [c for c in self.a.health()["checks"] if one in c["check"]]
        self.assertTrue(check["vantage"]["disagree"])
        self.assertEqual({v["node"]: v["verdict"] for v in check["vantage"]["views"]}, {"b": "up", "c": "down"})
        self.assertIn("DISAGREE", self.a.ctl("health", "list", one).stdout)
        self.assertRegex(self.a.ctl("health", "show", one).stdout, r"node c: +down since")
        self.assertIn("event=health.disagreement", self.a.daemon.log_text())

        self.targets[0].down.add("b")
        self.await_answers(a=[two])
        past = json.loads(self.a.ctl("--json", "health", "history", one).stdout)["transitions"]
        self.assertEqual((past[-1]["from"], past[-1]["to"], past[-1]["why"], past[-1]["detail"]), ("up", "down", "majority", "1 up, 2 down"))
        number, kind, told = stream.next()
        self.assertEqual((kind, told, number), ("verdict", past[-1], str(past[-1]["sequence"])))
        stream.close()
        self.targets[0].down.clear()
        self.await_answers(a=HOSTS, b=HOSTS, c=HOSTS)
        again = Stream(self.a, number)
        self.assertEqual(again.next()[2]["to"], "up")
        again.close()
        self.assertEqual(self.a.revision(), revision, "verdicts take no revision")

    def test_a_node_that_crashed_is_told_again_what_others_say(self):
        one, two = HOSTS
        self.targets[0].down.update("bc")
        self.await_answers(a=[two])
        before = len(self.a.daemon.log_text())
        for pid in self.a.daemon.workers():
            os.kill(pid, signal.SIGKILL)
        harness.wait_for("the next worker", lambda: "event=worker.ready" in self.a.log_since(before))
        self.await_views(self.a, one, 1, 2)
        self.await_answers(a=[two])
        self.assertNotIn("event=node.name_taken", self.a.daemon.log_text())

    def test_a_node_without_its_database_goes_by_its_own_view(self):
        one, two = HOSTS
        self.targets[0].down.update("bc")
        self.await_answers(a=[two], b=[two], c=[two])
        before = {name: len(node.daemon.log_text()) for name, node in self.nodes.items()}
        self.a.take_database_away()
        try:
            self.await_answers(a=[one, two])
            # With the first of the others that is too old there may be as many on both sides, with the last it is alone.
            harness.wait_for("it says so", lambda: "event=health.cut_off" in self.a.log_since(before["a"]))
            self.assertTrue(self.a.health()["vantage"]["cut_off"])
            self.assertIn("no other node is heard of", self.a.ctl("health", "list").stderr)
            self.targets[1].down.add("a")  # it goes on probing and answering
            self.await_answers(a=[one])
            self.targets[1].down.clear()
        finally:
            self.a.bring_database_back()
        self.await_answers(a=[two])
        harness.wait_for("it says so", lambda: "event=health.rejoined" in self.a.log_since(before["a"]))
        self.assertFalse(self.a.health()["vantage"]["cut_off"])

    def test_nodes_are_listed_with_what_they_serve(self):
        self.a.record_set(APEX, "ns1", "A", "192.0.2.54")
        revision = self.a.revision()
        def listed():
            return json.loads(self.a.ctl("--json", "node", "list").stdout)["nodes"]
        harness.wait_for("all have it", lambda: [n["revision"] for n in listed()] == [revision] * 3)
        self.assertEqual([(n["node"], n["state"], n["lag"]) for n in listed()], [(name, "live", 0) for name in "abc"])
        for node in listed():
            self.assertAlmostEqual(node["serve_until"], node["last_seen"] + 7 * 86400, delta=1)
        self.assertIn("is alive", self.a.ctl("node", "forget", "b", check=False).stderr)
        self.assertEqual(self.a.daemon.metric_with("sdns_nodes", 'state="live"'), 3)
        self.a.record_set(APEX, "ns1", "A", "192.0.2.53")


if __name__ == "__main__":
    harness.main()
