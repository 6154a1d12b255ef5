# SPDX-License-Identifier: MIT
"""PowerDNS's side of the remote protocol, for saying what PowerDNS would never say."""
import json
import socket

import harness


class Peer:
    def __init__(self, path, initialize=True, timeout=harness.PATIENCE):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(str(path))
        self.received = b""
        if initialize:
            assert self.ask("initialize", {"path": str(path), "timeout": "2000"}) is True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, octets):
        self.socket.sendall(octets)

    def send_request(self, method, parameters):
        self.send((json.dumps({"method": method, "parameters": parameters}) + "\n").encode())

    def line(self):
        """The next line; b"" when the peer has closed."""
        while b"\n" not in self.received:
            try:
                piece = self.socket.recv(1 << 16)
            except ConnectionResetError:
                piece = b""
            if not piece:
                return b""
            self.received += piece
        line, self.received = self.received.split(b"\n", 1)
        return line

    def reply(self):
        line = self.line()
        if not line:
            raise ConnectionError("closed")
        return json.loads(line)

    def ask(self, method, parameters):
        self.send_request(method, parameters)
        return self.reply()["result"]

    def lookup(self, name, rrtype="ANY", zone_id=-1):
        return self.ask("lookup", lookup_parameters(name, rrtype, zone_id))

    def closed(self):
        """Waits until the peer closes, throwing away what it says."""
        try:
            while self.socket.recv(1 << 16):
                pass
        except (ConnectionResetError, BrokenPipeError):
            pass
        return True


def lookup_parameters(name, rrtype="ANY", zone_id=-1):
    return {"local": "127.0.0.1", "qname": name, "qtype": rrtype, "real-remote": "192.0.2.7/32", "remote": "192.0.2.7",
            "zone-id": zone_id}
