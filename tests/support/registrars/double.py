# SPDX-License-Identifier: MIT
"""What the doubles of registrars have in common: a local HTTP server with state, a log of what was asked, faults that are injected, and a control
endpoint for tests in other processes.

A double is written from the registrar's documents (shared reference "registrars", sections 3 to 7), never from what our adapters send: whatever it is
asked that the documents do not have is recorded in `violations`, and so are credentials in URLs where a body is possible.

    GET  /__control                      {"requests": [...], "violations": [...]}
    POST /__control {"fault": {...}}     as inject()
    POST /__control {"call": NAME, "arguments": [...]}   a method of the double, its result as JSON
"""
import http.server
import json
import re
import select
import socket
import struct
import threading
import urllib.parse


class Request:
    def __init__(self, method, target, headers, body):
        self.method, self.target, self.body = method, target, body
        self.headers = headers  # names in lower case
        parts = urllib.parse.urlsplit(target)
        self.path = parts.path
        self.query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))

    @property
    def line(self):
        return f"{self.method} {self.target}"

    def json(self):
        try:
            return json.loads(self.body) if self.body else None
        except ValueError:
            return None


class Response:
    def __init__(self, status=200, body="", headers=None):
        self.status, self.headers = status, dict(headers or {})
        self.body = body if isinstance(body, bytes) else body.encode()


def as_json(document, status=200, **headers):
    """Compact, as the registrars write it."""
    return Response(status, json.dumps(document, separators=(",", ":")),
                    {"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}})


class Fault:
    """`kind`: see _Handler._misbehave. `match`: regular expression on "METHOD target LF body"; `skip` requests that match go well first, then `times`
    have the fault."""

    def __init__(self, kind, match=".", times=1, skip=0, **options):
        self.kind, self.match, self.times, self.skip, self.options = kind, re.compile(match, re.S), times, skip, options

    def wants(self, request):
        if self.times <= 0 or not self.match.search(f"{request.line}\n{request.body.decode(errors='replace')}"):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True


HTML = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def _serve(self):
        double = self.server.double
        length = int(self.headers.get("Content-Length") or 0)
        request = Request(self.command, self.path, {name.lower(): value for name, value in self.headers.items()},
                          self.rfile.read(length) if length else b"")
        if request.path == "/__control":
            return self._reply(double._control(request))
        with double.lock:
            double.requests.append(request)
            fault = next((fault for fault in double.faults if fault.wants(request)), None)
            double.running += 1
        try:
            if fault is None:
                return self._reply(double._answer(request))
            return self._misbehave(fault, request, double)
        finally:
            with double.lock:
                double.running -= 1

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def _misbehave(self, fault, request, double):
        options = fault.options
        if fault.kind.startswith("apply_then_"):  # the registrar does it, and its answer is lost
            double._answer(request)
        kind = fault.kind.removeprefix("apply_then_")
        if kind == "timeout":
            return self._hold(double)
        if kind == "reset":  # RST instead of FIN
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return self.connection.close()
        if kind == "status":
            return self._reply(Response(options["status"], options.get("body", ""), options.get("headers")))
        if kind == "html":
            status = options.get("status", 503)
            return self._reply(Response(status, HTML.format(status), {"Content-Type": "text/html"}))
        if kind == "limited":
            return self._reply(double.limited(options.get("retry_after")))
        if kind == "half":
            whole = double._answer(request)
            return self._reply(whole, cut=len(whole.body) // 2)
        if kind == "huge":
            return self._reply(Response(200, b'{"x":"' + b"x" * (2 << 20) + b'"}', {"Content-Type": "application/json"}))
        if kind == "redirect":
            return self._reply(Response(302, "", {"Location": options["to"]}))
        if kind == "wrong_type":
            whole = double._answer(request)
            whole.headers["Content-Type"] = "text/plain"
            return self._reply(whole)
        if kind == "null":
            return self._reply(Response(200, "null", {"Content-Type": "application/json"}))
        raise AssertionError(f"no fault {fault.kind}")

    def _hold(self, double):
        """Until the client has gone away, or the double ends."""
        self.close_connection = True
        while not double.ended.is_set():
            readable, _, _ = select.select([self.connection], [], [], 0.1)
            if readable:
                return

    def _reply(self, response, cut=None):
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.status != 204:
            self.send_header("Content-Length", str(len(response.body)))
        if cut is not None:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        try:
            self.wfile.write(response.body[:cut] if cut is not None else response.body)
        except OSError:
            self.close_connection = True


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request, client_address):
        pass  # a client that hung up


class Double:
    """Subclasses have answer(request) and what the documents say besides. Used as a context manager."""

    prefix = ""  # of the path, part of `url`

    def __init__(self):
        self.lock = threading.RLock()
        self.requests, self.faults, self.violations = [], [], []
        self.running = 0
        self.ended = threading.Event()
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.double = self
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    @property
    def origin(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    @property
    def url(self):
        return self.origin + self.prefix

    def stop(self):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def inject(self, kind, match=".", **options):
        with self.lock:
            self.faults.append(Fault(kind, match, **options))

    def violation(self, text):
        self.violations.append(text)

    def writes(self):
        """Requests that change something, as the documents have them."""
        return [request for request in self.requests if self.is_write(request)]

    def _answer(self, request):
        with self.lock:
            return self.answer(request)

    def _control(self, request):
        with self.lock:
            if request.method == "GET":
                return as_json({"requests": [entry.line for entry in self.requests], "violations": self.violations})
            asked = request.json() or {}
            if "fault" in asked:
                self.inject(**asked["fault"])
                return as_json({})
            if "call" in asked and not asked["call"].startswith("_"):
                return as_json({"result": getattr(self, asked["call"])(*asked.get("arguments", []))})
            return as_json({"error": "fault or call"}, 400)


class Domain:
    """A registered domain as every registrar knows one."""

    def __init__(self, name, nameservers, **more):
        self.name, self.nameservers, self.ds, self.more = name, list(nameservers), [], more
        self.own_dns = False
        self.status = None
        self.glue = {}  # host: addresses
        self.lag, self.shown = 0, None  # how many more reads show what was before

    def set_nameservers(self, hosts, lag=0):
        self.shown, self.lag = self.nameservers, lag
        self.nameservers, self.own_dns = [host.lower().rstrip(".") for host in hosts], False

    def read_nameservers(self):
        if self.lag > 0:
            self.lag -= 1
            return list(self.shown)
        return list(self.nameservers)

    @property
    def delegation(self):
        return sorted(self.nameservers)


def below(host, domain):
    return host == domain or host.endswith("." + domain)
