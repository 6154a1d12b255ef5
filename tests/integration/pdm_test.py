#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""sovereign-pdm as its callers use it, with a real sovereign-dnsd, pdns_server and a validating unbound: the existing client's own sequence, races, wiping and
provisioning again under a resolver that keeps what it heard, and what the API refuses."""
import base64
import concurrent.futures
import http.client
import json
import pathlib
import random
import re
import socket
import ssl
import subprocess
import threading

import dns.dnssec
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype

from harness import PATIENCE, Daemon, Process, PowerDns, ServerTest, World, free_port, main, program, wait_for

POOL = "pool.test"
ANONYMOUS = '[auth]\nmode = "none"\n'
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


class Pdm:
    """sovereign-pdm with its configuration. `auth`: the section of the configuration."""

    def __init__(self, world, name="pdm", auth=ANONYMOUS, reservation="600s", environment=None):
        self.world, self.name, self.auth, self.reservation, self.environment = world, name, auth, reservation, environment
        self.tls = None
        self.directory = world.directory / name
        self.directory.mkdir()
        self.port = None
        self.process = None

    def start(self):
        for _ in range(5):
            self.port = free_port()
            (self.directory / "pdm.toml").write_text(
                f'token_key_file = "{self.world.directory}/pdm.key"\n[database]\nurl = "{self.world.database_url}"\n[listen]\naddress = "127.0.0.1:{self.port}"\n'
                f'[node]\nadmin = "127.0.0.1:{self.world.admin_port}"\nserved_limit = "{PATIENCE}s"\n[pool]\ndomains = ["{POOL}"]\nnameservers = ["ns1.{POOL}"]\nnameserver_addresses = ["{self.world.address}"]\n'
                f'[times]\nreservation = "{self.reservation}"\nquarantine = "2s"\nsweeper_interval = "1s"\n[ttl]\naddress = 1\ndelegation = 1\nds = 1\nnegative = 1\npool_negative = 1\n'
                f'{self.auth}')
            self.process = Process([program("SDNS_PDM", "sovereign-pdm"), "--config", self.directory / "pdm.toml"], self.directory / "log", self.environment)
            wait_for("sovereign-pdm to be ready or gone", lambda: not self.process.alive() or self.ready())
            if self.process.alive():
                return self
            if "in use" not in self.process.log_text():
                break
        raise AssertionError(f"sovereign-pdm ended while starting:\n{self.process.log_text()[-3000:]}")

    def ready(self):
        try:
            return self.ask("GET", "/readyz")[0] == 200
        except OSError:
            return False

    def ask(self, method, path, body=None, headers=None):
        """(status, document); `body` is text or what becomes JSON."""
        if self.tls:
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=PATIENCE, context=self.tls)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            text = body if body is None or isinstance(body, (str, bytes)) else json.dumps(body)
            connection.request(method, path, text, headers or {})
            response = connection.getresponse()
            text = response.read()
            is_json = response.getheader("Content-Type", "").startswith("application/json")
            return response.status, json.loads(text) if is_json else text.decode()
        finally:
            connection.close()

    def reserve(self, name, **more):
        return self.ask("POST", f"/api/v1/pool/{POOL}/reserve", {"subdomain": name, "createdBy": "catalyst-api/deployment-5cd1bceaaacb71f6", **more})

    def commit(self, name, token, address="192.0.2.1", **more):
        return self.ask("POST", f"/api/v1/pool/{POOL}/commit",
                        {"subdomain": name, "reservationToken": token, "sovereignFQDN": f"{name}.{POOL}", "loadBalancerIP": address, **more})

    def release(self, name):
        return self.ask("DELETE", f"/api/v1/pool/{POOL}/release", {"subdomain": name})

    def check(self, name):
        return self.ask("GET", f"/api/v1/pool/{POOL}/check?sub={name}")[1]

    def allocation(self, name):
        return self.ask("GET", f"/api/v1/pool/{POOL}/allocation/{name}")[1]

    def provision(self, name, address="192.0.2.1"):
        status, reserved = self.reserve(name)
        assert status == 201, reserved
        status, committed = self.commit(name, reserved["reservationToken"], address)
        assert status == 200, committed
        return committed


class PdmWorld(World):
    """PDM makes the database; then the daemon and PowerDNS come up on it."""

    def start(self, powerdns=({},), daemon=None):
        self.admin_port = free_port()
        # An address of its own, so that resolvers find it at port 53 as the delegations say.
        self.address = f"127.{random.randrange(64, 127)}.{random.randrange(256)}.{random.randrange(1, 255)}"
        self.pdm = Pdm(self).start()
        self.powerdns.append(PowerDns(self, "ns1", {"local-address": f"127.0.0.1, {self.address}:53"}))
        self.daemon = Daemon(self)
        self.daemon.admin_port = self.admin_port
        self.daemon.start()
        if self.daemon.admin_port != self.admin_port:
            raise AssertionError("the daemon's admin port was taken by somebody else")
        self.pdns.start()
        wait_for("the daemon to know PowerDNS", lambda: self.daemon.metric("sdns_powerdns_up") == 1)
        self.resolver = Unbound(self).start()
        return self

    def processes(self):
        more = [self.pdm.process] if getattr(self, "pdm", None) and self.pdm.process else []
        more += [self.resolver.process] if getattr(self, "resolver", None) and self.resolver.process else []
        return [*super().processes(), *more]

    def pool_ds(self):
        keys = self.pdns.query(f"{POOL}.", "DNSKEY", tcp=True).answer[0]
        ksk = next(key for key in keys if key.flags == 257)
        return dns.dnssec.make_ds(dns.name.from_text(POOL), ksk, "SHA256").to_text()


class Unbound:
    """A validating resolver that keeps what it heard, as long as its TTL says."""

    def __init__(self, world):
        self.world = world
        self.directory = world.directory / "unbound"
        self.directory.mkdir()
        self.process = None

    def start(self):
        for _ in range(5):
            self.port = free_port()
            (self.directory / "unbound.conf").write_text(
                f'server:\n  directory: "{self.directory}"\n  chroot: ""\n  username: ""\n  pidfile: ""\n  use-syslog: no\n  interface: 127.0.0.1\n  port: {self.port}\n'
                f'  module-config: "validator iterator"\n  do-not-query-localhost: no\n  do-ip6: no\n  local-zone: "test." nodefault\n'
                f'  trust-anchor: "{POOL}. DS {self.world.pool_ds()}"\n  val-log-level: 2\n'
                f'stub-zone:\n  name: "{POOL}"\n  stub-addr: {self.world.address}\n')
            self.process = Process(["unbound", "-d", "-c", self.directory / "unbound.conf"], self.directory / "log")
            wait_for("unbound to answer or end", lambda: not self.process.alive() or self.query(f"{POOL}.", "SOA"))
            if self.process.alive():
                return self
        raise AssertionError(f"unbound ended while starting:\n{self.process.log_text()[-3000:]}")

    def query(self, name, rrtype):
        question = dns.message.make_query(name, rrtype, want_dnssec=True)
        try:
            return dns.query.udp(question, "127.0.0.1", timeout=5, port=self.port)
        except (dns.exception.Timeout, OSError):
            return None


class PdmTest(ServerTest):
    world_class = PdmWorld

    @property
    def pdm(self):
        return self.world.pdm

    def validated(self, name, address):
        """Until the resolver answers with this address and has validated it."""
        def ask():
            response = self.world.resolver.query(name, "A")
            return response if (response and response.flags & dns.flags.AD and
                                address in [item.to_text() for rrset in response.answer if rrset.rdtype == dns.rdatatype.A for item in rrset]) else None
        return wait_for(f"{name} to validate with {address}", ask)

    def daemon_has_it(self):
        """Until the name server serves what is in the database now."""
        self.world.daemon.wait_revision(int(self.world.sql("SELECT max(revision) FROM journal")))

    def test_the_existing_clients_own_sequence(self):
        short = Pdm(self.world, "pdm-short", reservation="1s").start()
        try:
            status, reserved = short.reserve("sequence")
            self.assertEqual(status, 201)
            wait_for("the reservation to run out", lambda: short.check("sequence")["available"])
            status, answer = short.commit("sequence", reserved["reservationToken"])
            self.assertEqual((status, answer["error"]), (410, "reservation-expired"))
        finally:
            self.assertEqual(short.process.stop(), 0)
        status, reserved = self.pdm.reserve("sequence")
        self.assertEqual(status, 201)
        status, committed = self.pdm.commit("sequence", reserved["reservationToken"])
        self.assertEqual((status, committed["state"], committed["served"]), (200, "active", True))
        self.assertEqual(self.answers(self.world.pdns.query(f"console.sequence.{POOL}.", "A")), {f"console.sequence.{POOL}. A 192.0.2.1"},
                         "what is acknowledged as served is answered by the name server")
        status, again = self.pdm.commit("sequence", reserved["reservationToken"])
        self.assertEqual((status, again["loadBalancerIP"]), (200, "192.0.2.1"))
        self.validated(f"console.sequence.{POOL}.", "192.0.2.1")
        for _ in range(2):
            status, released = self.pdm.release("sequence")
            self.assertEqual((status, released["state"], released["freed"]["subdomain"]), (200, "releasing", "sequence"))
        self.assertTrue(self.pdm.check("sequence")["available"])

    def test_answers_have_the_fields_and_codes_of_the_contract(self):
        status, reserved = self.pdm.ask("POST", f"/api/v1/pool/%20{POOL.upper()}/reserve", {"subdomain": " Contract ", "unknown": {"field": 1}})
        self.assertEqual(status, 201)
        self.assertLessEqual({"poolDomain", "subdomain", "state", "reservedAt", "expiresAt", "reservationToken", "createdBy"}, set(reserved))
        self.assertEqual((reserved["poolDomain"], reserved["subdomain"], reserved["state"], reserved["createdBy"]), (POOL, "contract", "reserved", "catalyst-api"))
        self.assertRegex(reserved["reservationToken"], f"^{UUID}$")
        self.assertRegex(reserved["expiresAt"], f"^{TIME}$")
        self.assertEqual(self.pdm.check("contract"), {"available": False, "reason": "reserved-state", "detail": f"contract.{POOL} is reserved", "fqdn": f"contract.{POOL}"})
        self.assertEqual(self.pdm.check("never"), {"available": True, "fqdn": f"never.{POOL}"})
        refused = lambda answer: (answer[0], answer[1]["error"])
        self.assertEqual(refused(self.pdm.reserve("contract")), (409, "conflict"))
        self.assertEqual(refused(self.pdm.commit("contract", "00000000-0000-4000-8000-000000000000")), (403, "token-mismatch"))
        self.assertEqual(refused(self.pdm.commit("never", reserved["reservationToken"])), (404, "not-found"))
        self.assertEqual(refused(self.pdm.commit("contract", reserved["reservationToken"], "")), (422, "missing-lb-ip"))
        self.assertEqual(refused(self.pdm.commit("contract", reserved["reservationToken"], "300.1.1.1")), (422, "invalid-address"))
        status, committed = self.pdm.ask("POST", "/v1/commit", {"poolDomain": POOL, "subdomain": "contract", "reservationToken": reserved["reservationToken"],
                                                               "loadBalancerIP": "192.0.2.7", "consoleLoadBalancerIP": "192.0.2.8"})
        self.assertEqual(status, 200)
        self.assertEqual(committed["sovereignFQDN"], f"contract.{POOL}")
        self.assertNotIn("expiresAt", committed)
        self.assertNotIn("reservationToken", committed)
        self.assertEqual(refused(self.pdm.commit("contract", reserved["reservationToken"], "192.0.2.9")), (409, "already-active"))
        self.assertEqual(self.pdm.check("contract")["reason"], "active-state")
        for label, code in (("-bad", "invalid-format"), ("9to5", "invalid-format"), ("ab--c", "invalid-format"), ("console", "reserved"), ("ns7", "reserved")):
            self.assertEqual(refused(self.pdm.reserve(label)), (422, code), label)
            self.assertEqual(self.pdm.check(label)["reason"], code)
        self.assertEqual(refused(self.pdm.ask("POST", "/api/v1/pool/other.test/reserve", {"subdomain": "a"})), (422, "unsupported-pool"))
        self.assertEqual(refused(self.pdm.ask("POST", "/v1/reserve", "{")), (400, "invalid JSON body"))
        self.assertEqual(refused(self.pdm.release("never")), (404, "not-found"))
        self.assertEqual(self.pdm.ask("GET", "/healthz"), (200, {"status": "ok", "managedDomains": [POOL], "registrars": []}))
        reserved_names = self.pdm.ask("GET", "/api/v1/reserved")[1]["reserved"]
        self.assertEqual(reserved_names, sorted(reserved_names))
        listed = self.pdm.ask("GET", f"/api/v1/pool/{POOL}/list")[1]["allocations"]
        self.assertIn("contract", [one["subdomain"] for one in listed])
        self.assertEqual(self.pdm.ask("DELETE", f"/api/v1/pool/{POOL}/release?sub=contract")[0], 200)
        self.assertEqual(refused(self.pdm.ask("POST", "/api/v1/release", {"sovereignFQDN": "a.other.test"})), (404, "not-managed"))
        status, by_name = self.pdm.ask("POST", "/api/v1/release", {"sovereignFQDN": f"contract.{POOL}."})
        self.assertEqual((status, by_name["sovereignFQDN"], by_name["freed"]), (200, f"contract.{POOL}", True))
        self.assertRegex(by_name["releasedAt"], f"^{TIME}$")

    def test_of_64_clients_for_one_name_one_wins(self):
        other = Pdm(self.world, "pdm-other").start()
        try:
            with concurrent.futures.ThreadPoolExecutor(64) as clients:
                answers = list(clients.map(lambda number: (self.pdm, other)[number % 2].reserve("wanted"), range(64)))
        finally:
            self.assertEqual(other.process.stop(), 0)
        self.assertEqual(sorted(status for status, _ in answers), [201] + [409] * 63)

    def test_a_name_that_is_wiped_and_provisioned_again_never_fails_for_a_validating_resolver(self):
        # Nobody asks while a name that was out is made anew: an answer that PowerDNS was making when the zone came may stay in its caches until the second
        # purge, and a resolver that hears of the zone and of its absence takes it for bogus.
        seen, over, asking = [], threading.Event(), threading.Lock()

        def watch():
            while not over.is_set():
                for name in (f"console.loop.{POOL}.", f"loop.{POOL}.", f"gitea.loop.{POOL}."):
                    with asking:
                        response = self.world.resolver.query(name, "A")
                        seen.append("silence" if response is None else dns.rcode.to_text(response.rcode()))
        watcher = threading.Thread(target=watch)
        zones = set()
        paused = asking.acquire()
        watcher.start()
        try:
            for turn in range(20):
                address = f"192.0.2.{turn + 1}"
                self.assertTrue(self.pdm.check("loop")["available"], f"turn {turn}")
                self.assertTrue(self.pdm.provision("loop", address)["served"])
                zones.add(self.pdm.allocation("loop")["zone"]["id"])
                self.validated(f"console.loop.{POOL}.", address)
                if paused:
                    asking.release()
                paused = False
                self.assertEqual(self.pdm.release("loop")[0], 200)
                if turn % 7 == 3:  # all the way out: then the zone is a new one, with new keys
                    wait_for("the name to be out", lambda: self.pdm.allocation("loop")["state"] in ("quarantined", "free"))
                    self.daemon_has_it()
                    wait_for("the resolver to know", lambda: self.world.resolver.query(f"console.loop.{POOL}.", "A").rcode() == dns.rcode.NXDOMAIN)
                    paused = asking.acquire()
                    self.assertEqual(self.world.pdns.query(f"loop.{POOL}.", "NS").rcode(), dns.rcode.NXDOMAIN)
        finally:
            over.set()
            if paused:
                asking.release()
            watcher.join()
        self.assertEqual(len(zones), 3 + 1, "kept where it was taken back, new where it had gone")
        self.assertGreater(len(seen), 20)
        self.assertEqual(set(seen) - {"NOERROR", "NXDOMAIN"}, set())

    def test_killed_while_it_works_it_loses_nothing_that_it_acknowledged(self):
        pdm = Pdm(self.world, "pdm-killed").start()
        acknowledged, names = [], iter(f"k{number}" for number in range(100_000))
        lock = threading.Lock()

        def client():
            while True:
                with lock:
                    name = next(names)
                try:
                    pdm.provision(name)
                except (OSError, http.client.HTTPException, ValueError):
                    return
                acknowledged.append(name)
        clients = [threading.Thread(target=client) for _ in range(8)]
        for one in clients:
            one.start()
        wait_for("some names to be provisioned", lambda: len(acknowledged) >= 20)
        pdm.process.kill_all()
        for one in clients:
            one.join()
        pdm.start()
        for name in acknowledged:
            self.assertEqual(pdm.allocation(name)["state"], "active", name)
        for name in acknowledged:
            wait_for(f"the DS of {name}", lambda: not pdm.allocation(name)["tasks"])
        self.validated(f"api.{acknowledged[-1]}.{POOL}.", "192.0.2.1")
        self.assertEqual(pdm.process.stop(), 0)

    def test_a_key_makes_a_repeated_request_the_same(self):
        key = {"Idempotency-Key": "one"}
        path = f"/api/v1/pool/{POOL}/reserve"
        first = self.pdm.ask("POST", path, {"subdomain": "idem"}, key)
        self.assertEqual(first[0], 201)
        self.assertEqual(self.pdm.ask("POST", path, {"subdomain": "idem"}, key), first)
        self.assertEqual(self.pdm.ask("POST", path, {"subdomain": "other"}, key)[1]["error"], "idempotency-key-reused")
        stored = self.world.sql("SELECT body FROM idempotency WHERE key = 'one'")
        self.assertNotIn(first[1]["reservationToken"], stored, "there is nothing to steal in the database")

    def test_tokens_open_what_their_scopes_say(self):
        auth = ('[auth]\nmode = "token"\nfirst_token = "a-first-token-for-the-test"\n[[auth.rules]]\nverbs = ["check"]\nnetworks = ["127.0.0.0/8"]\n')
        pdm = Pdm(self.world, "pdm-auth", auth=auth).start()
        try:
            path = f"/api/v1/pool/{POOL}/reserve"
            self.assertEqual(pdm.ask("POST", path, {"subdomain": "authed"})[0], 401)
            self.assertTrue(pdm.check("authed")["available"], "the rule lets this network check")
            first = {"Authorization": "Bearer a-first-token-for-the-test"}
            status, made = pdm.ask("POST", "/api/v1/tokens", {"owner": "tenant-a", "scopes": [f"reserve:{POOL}", f"release:{POOL}"]}, first)
            self.assertEqual(status, 201)
            token = made["token"]
            basic = base64.b64encode(f"anybody:{token}".encode()).decode()
            for number, header in enumerate(({"Authorization": f"Bearer {token}"}, {"X-Catalyst-Token": token}, {"X-API-Key": token}, {"Authorization": f"Basic {basic}"})):
                self.assertEqual(pdm.ask("POST", path, {"subdomain": f"authed{number}"}, header)[0], 201, header)
            mine = {"X-API-Key": token}
            self.assertEqual(pdm.ask("POST", "/v1/commit", {"poolDomain": POOL, "subdomain": "authed0"}, mine)[0], 403)
            self.assertEqual(pdm.ask("POST", "/api/v1/tokens", {"owner": "x", "scopes": ["*"]}, mine)[0], 403)
            status, other = pdm.ask("POST", "/api/v1/tokens", {"owner": "tenant-b", "scopes": ["*"]}, first)
            self.assertEqual(pdm.ask("DELETE", f"/api/v1/pool/{POOL}/release?sub=authed0", None, {"X-API-Key": other["token"]})[0], 403, "it is another owner's")
            self.assertNotIn(token, self.world.sql("SELECT * FROM api_token"))
            self.assertEqual(pdm.ask("DELETE", f"/api/v1/tokens/{made['id']}", None, first)[0], 200)
            self.assertEqual(pdm.ask("POST", path, {"subdomain": "authed9"}, mine)[0], 401)
        finally:
            self.assertEqual(pdm.process.stop(), 0)
        self.assertNotIn(token, pdm.process.log_text())

    def test_nonsense_is_refused_and_harms_nothing(self):
        def names():
            return {one["subdomain"] for one in self.pdm.ask("GET", f"/api/v1/pool/{POOL}/list")[1]["allocations"]}
        before = names()
        path = f"/api/v1/pool/{POOL}/reserve"
        sql = "a'; DROP TABLE allocation; --"
        bodies = ["", "[]", "null", "5", "{", '{"subdomain":', '{"subdomain":5}', '{"subdomain":["a"]}', '{"subdomain":null}', "\xff\xfe", '{"subdomain":"\\ud800"}', "[" * 60_000,
                  json.dumps({"subdomain": sql}), json.dumps({"subdomain": "a", "createdBy": sql * 1000}), json.dumps({"subdomain": "\u0430"}), json.dumps({"subdomain": "a\u0000b"})]
        for body in bodies:
            status, answer = self.pdm.ask("POST", path, body.encode("utf-8", "surrogatepass"))
            self.assertIn(status, (400, 422), body[:60])
            self.assertEqual(set(answer), {"error", "detail"})
        with socket.create_connection(("127.0.0.1", self.pdm.port)) as client:
            client.sendall(b"POST /v1/reserve HTTP/1.1\r\nHost: x\r\nContent-Length: 10485760\r\n\r\n")
            self.assertIn(b" 413 ", client.recv(100))
        for bad in ("/api/v1/pool/../reserved", "/api/v1//reserved", f"/api/v1/pool/{POOL}%2flist", "/api/v1/pool/%00/list", "/..%2f..%2fetc/passwd"):
            self.assertIn(self.pdm.ask("GET", bad)[0], (400, 404), bad)
        self.assertEqual(self.pdm.ask("PATCH", path)[0], 405)
        self.assertEqual(self.pdm.ask("GET", "/api/v2/anything")[0], 404)
        self.assertLessEqual(names(), before, "others' quarantines may have ended")

    def test_slow_clients_hold_up_nobody(self):
        slow = [socket.create_connection(("127.0.0.1", self.pdm.port)) for _ in range(500)]
        try:
            for number, one in enumerate(slow):
                one.sendall(b"POST /v1/reserve HTTP/1.1\r\nHost: x\r\n" + (b"Content-Length: 10\r\n\r\n{" if number % 2 else b"X-"))
            self.assertTrue(self.pdm.check("quick")["available"])
            self.assertEqual(self.pdm.reserve("quick")[0], 201)
        finally:
            for one in slow:
                one.close()

    def test_over_tls_it_answers_the_same(self):
        directory = self.world.directory
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", directory / "tls.key", "-out",
                        directory / "tls.pem", "-days", "2", "-subj", "/CN=pdm", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
        pdm = Pdm(self.world, "pdm-tls", environment={"SDNS_PDM_LISTEN_TLS_CERTIFICATE_FILE": str(directory / "tls.pem"), "SDNS_PDM_LISTEN_TLS_KEY_FILE": str(directory / "tls.key")})
        pdm.tls = ssl.create_default_context(cafile=directory / "tls.pem")
        pdm.start()
        self.assertEqual(pdm.reserve("over-tls")[0], 201)
        pdm.tls = None
        with self.assertRaises((OSError, http.client.HTTPException)):
            pdm.ask("GET", "/healthz")
        self.assertEqual(pdm.process.stop(), 0)

    def test_the_description_names_every_path(self):
        text = self.pdm.ask("GET", "/openapi.yaml")[1]
        self.assertEqual(text, (pathlib.Path(__file__).parent.parent.parent / "pdm" / "openapi.yaml").read_text())
        for path in re.findall(r"^  (/[^:]+):$", text, re.M):
            asked = path.replace("{domain}", POOL).replace("{sub}", "x").replace("{id}", "x")
            status, answer = self.pdm.ask("PATCH", asked)
            self.assertEqual(status, 405, path)

    def test_the_audit_trail_tells_what_was_done(self):
        self.pdm.provision("audited")
        verbs = self.world.sql(f"SELECT verb FROM audit WHERE object = 'audited.{POOL} 1'").split("\n")
        self.assertLessEqual({"reserve", "commit"}, set(verbs))


class PdmAloneTest(ServerTest):
    """Without a daemon a commit is durable, and says that it is not served."""

    class Alone(World):
        def start(self, powerdns=(), daemon=None):
            self.admin_port, self.address = free_port(), "127.0.0.1"
            self.pdm = Pdm(self).start()
            return self

        def processes(self):
            return [self.pdm.process]

    world_class = Alone

    def test_a_commit_that_nobody_serves_yet_says_so(self):
        committed = self.world.pdm.provision("alone")
        self.assertIs(committed["served"], False)
        self.assertGreater(committed["revision"], 0)


if __name__ == "__main__":
    main()
