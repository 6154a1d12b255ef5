#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Options of health checks that PowerDNS does not have, against real targets: thresholds, dialogues, codes, redirects,
certificates, DNS."""
import datetime
import http.server
import ipaddress
import json
import socket
import ssl
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import harness
from targets import port_free_everywhere

APEX = "options.test."
HOST, FLAPPING, CLOSED = "127.0.5.1", "127.0.5.2", "127.0.5.3"
NOERROR, REFUSED = 0, 5


def in_thread(run, *arguments):
    threading.Thread(target=run, args=arguments, daemon=True).start()


class Dialogue:
    """Answers a line with another, but for the next `lose` ones."""

    def __init__(self, host):
        self.listener = socket.create_server((host, 0), backlog=64)
        self.port, self.lose = self.listener.getsockname()[1], 0
        in_thread(self.take)

    def take(self):
        while True:
            try:
                with self.listener.accept()[0] as peer:
                    peer.settimeout(5)
                    good = peer.recv(64) == b"PING\r\n" and self.lose == 0
                    self.lose = max(self.lose - 1, 0)
                    peer.sendall(b"+PONG\r\n" if good else b"-ERR\r\n")
            except (OSError, TimeoutError):
                if self.listener.fileno() < 0:
                    return

    def close(self):
        self.listener.close()


class Pages:
    """HTTP or HTTPS: `/moved` is a redirect to `/`, `/teapot` is 418, `/head` is there for HEAD alone."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.answer({"/": 200, "/moved": 302, "/teapot": 418, "/head": 405}.get(self.path, 404))

        def do_HEAD(self):
            self.answer({"/head": 200}.get(self.path, 404))

        def answer(self, status):
            try:
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/")
                self.send_header("Content-Length", "0")
                self.end_headers()
            except OSError:
                pass

        def log_message(self, *_):
            pass

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_):  # a client that does not like the certificate
            pass

    def __init__(self, host, context=None):
        self.server = self.Server((host, 0), self.Page)
        self.port = self.server.server_address[1]
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        in_thread(self.server.serve_forever, 0.05)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class NameServer:
    """Every reply has this RCODE and no answer."""

    def __init__(self, host):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.port, self.rcode = self.socket.getsockname()[1], NOERROR
        in_thread(self.take)

    def take(self):
        while True:
            try:
                query, client = self.socket.recvfrom(4096)
                self.socket.sendto(query[:2] + bytes([0x84, self.rcode]) + query[4:], client)
            except OSError:
                return

    def close(self):
        self.socket.close()


def self_signed(directory):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.utcnow()
    certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
                   .serial_number(x509.random_serial_number())
                   .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
                   .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=False)
                   .sign(key, hashes.SHA256()))
    pem = directory / "target.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) +
                    key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


class Options(harness.ServerTest):
    daemon_options = {"extra_config": '[health]\ninterval = 1\nguard_percent = 0\nallow = ["127.0.5.0/24"]\n'}

    @classmethod
    def prepare(cls, world):
        closed = port_free_everywhere([CLOSED])
        cls.dialogue, cls.flapping, cls.pages, cls.names = Dialogue(HOST), Dialogue(FLAPPING), Pages(HOST), NameServer(HOST)
        cls.secure = Pages(HOST, self_signed(world.directory))
        web, secure, dialogue = f"http://{HOST}:{cls.pages.port}", f"https://{HOST}:{cls.secure.port}", cls.dialogue.port
        # Up is HOST, down is 192.0.2.9.
        rest = "alldown={'192.0.2.9'}"
        cls.records = {
            "pong": (f"ifportup({dialogue}, {{'{HOST}'}}, {{send='PING\\r\\n', expect='+PONG', {rest}}})", "success"),
            "wrong": (f"ifportup({dialogue}, {{'{HOST}'}}, {{send='PING\\r\\n', expect='+PANG', {rest}}})", "mismatch"),
            "teapot": (f"ifurlup('{web}/teapot', {{'{HOST}'}}, {{codes='200-299,418', {rest}}})", "success"),
            "coffee": (f"ifurlup('{web}/teapot', {{'{HOST}'}}, {{codes='200-299,417', {rest}}})", "status"),
            "moved": (f"ifurlup('{web}/moved', {{'{HOST}'}}, {{timeout=3, {rest}}})", "success"),
            "stays": (f"ifurlup('{web}/moved', {{'{HOST}'}}, {{redirects='none', {rest}}})", "status"),
            "there": (f"ifurlup('{web}/moved', {{'{HOST}'}}, {{redirects='none', codes='302', {rest}}})", "success"),
            "head": (f"ifurlup('{web}/head', {{'{HOST}'}}, {{method='HEAD', {rest}}})", "success"),
            "get": (f"ifurlup('{web}/head', {{'{HOST}'}}, {{method='GET', {rest}}})", "status"),
            "tls": (f"ifurlup('{secure}/', {{'{HOST}'}}, {{{rest}}})", "success"),
            "verified": (f"ifurlup('{secure}/', {{'{HOST}'}}, {{verify=true, {rest}}})", "certificate"),
        }
        lines = "\n".join(rf'{name} IN LUA A "{code}"' for name, (code, _) in cls.records.items())
        world.import_zone(APEX, f"""
$TTL 60
@     IN SOA ns1.{APEX} hostmaster.{APEX} 1 7200 900 1209600 60
      IN NS  ns1.{APEX}
ns1   IN A   192.0.2.53
flaps IN LUA A "pool('flaps')"
names IN LUA A "pool('names')"
begin IN LUA A "pool('begin')"
{lines}
""")
        pools = {"flaps": (FLAPPING, f"port={cls.flapping.port}", "send=PING\r\n", "expect=+PONG", "timeout=30", "fall=3", "rise=2", "forgetafter=1", "holddown=0"),
                 "names": (HOST, "dns=www.example.org", f"port={cls.names.port}"),
                 "begin": (CLOSED, f"port={closed}", "fall=1000", "fallremembered=0", "initial=up")}
        for pool, (member, *options) in pools.items():
            world.edit("target-pool", "set", pool, "alldown=fallback", "fallback=192.0.2.9", *options)
            world.edit("target-pool", "add-member", pool, member)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        for server in (cls.dialogue, cls.flapping, cls.pages, cls.secure, cls.names):
            server.close()

    def address(self, name):
        response = self.world.pdns.query(f"{name}.{APEX}", "A")
        self.assert_rcode(response, "NOERROR")
        (content,) = self.answers(response, types=("A",))
        return content.split()[-1]

    def await_address(self, name, expected):
        harness.wait_for(f"{name} is {expected}", lambda: self.address(name) == expected)

    def check(self, part):
        (check,) = json.loads(self.world.ctl("--json", "health", "list", part).stdout)["checks"]
        return check

    def test_an_option_decides_what_is_up(self):
        for name, (code, result) in self.records.items():
            with self.subTest(name):
                self.await_address(name, HOST if result == "success" else "192.0.2.9")
        found = {}
        for check in json.loads(self.world.ctl("--json", "health", "list").stdout)["checks"]:
            if check["probed"] and check["probed"]["last"]:
                found[check["check"]] = check["probed"]["last"]["result"]
        for option, result in (("expect=+PONG", "success"), ("expect=+PANG", "mismatch"), ("codes=200-299,418", "success"),
                               ("codes=200-299,417", "status"), ("timeout=3", "success"), ("codes=302 redirects=none", "success"),
                               ("method=HEAD", "success"), ("verify=true", "certificate")):
            self.assertEqual([found[check] for check in found if check.endswith(option) and f"{HOST}:" in check], [result], option)

    def test_a_target_falls_after_its_own_number_of_failures_and_rises_after_successes(self):
        part = f"tcp {FLAPPING}:"
        self.await_address("flaps", FLAPPING)
        self.assertRegex(self.check(part)["check"], rf"^tcp {FLAPPING}:{self.flapping.port} timeout=30 fall=3 rise=2 forgetafter=1 holddown=0"
                                                    r" send=\(hidden:[0-9a-f]{4}\) expect=\+PONG$")
        for lost in (1, 2):
            before = self.check(part)["probed"]
            self.flapping.lose = lost
            def mended():
                probed = self.check(part)["probed"]
                return probed["failed"] == before["failed"] + lost and probed["successes_in_row"] > 0
            harness.wait_for(f"{lost} lost, and a success after it", mended)
            after = self.check(part)
            self.assertEqual((after["state"], after["probed"]["transitions"]), ("up", before["transitions"]))
            self.assertEqual(self.address("flaps"), FLAPPING)
        before = self.check(part)["probed"]
        self.flapping.lose = 1_000_000
        self.await_address("flaps", "192.0.2.9")
        self.assertGreaterEqual(self.check(part)["probed"]["failures_in_row"], 3)
        self.flapping.lose = 0
        self.await_address("flaps", FLAPPING)
        after = self.check(part)["probed"]
        self.assertGreaterEqual(after["successes_in_row"], 2)
        self.assertEqual(after["transitions"], before["transitions"] + 2)

    def test_a_target_is_what_its_options_say_before_the_first_result(self):
        self.await_address("begin", CLOSED)
        harness.wait_for("a failure", lambda: self.check(f"tcp {CLOSED}:")["probed"]["failed"] > 0)
        self.assertEqual(self.address("begin"), CLOSED)
        self.assertEqual(self.check(f"tcp {CLOSED}:")["probed"]["transitions"], 0)

    def test_a_name_server_that_refuses_is_down(self):
        self.await_address("names", HOST)
        self.assertEqual(self.check("dns ")["check"], f"dns www.example.org. from {HOST}:{self.names.port}")
        self.names.rcode = REFUSED
        self.await_address("names", "192.0.2.9")
        last = self.check("dns ")["probed"]["last"]
        self.assertEqual((last["result"], last["detail"]), ("rcode", "REFUSED instead of NOERROR"))
        self.names.rcode = NOERROR
        self.await_address("names", HOST)


if __name__ == "__main__":
    harness.main()
