# SPDX-License-Identifier: MIT
"""Targets of health checks: real listeners on addresses of the loopback network, which come and go."""
import http.server
import socket
import threading


class Target:
    """Takes connections on one port, and answers HTTP on another."""

    def __init__(self, host, tcp_port, http_port):
        self.host, self.tcp_port, self.http_port = host, tcp_port, http_port
        self.servers = []
        self.connections = 0  # to the first port

    def up(self):
        if self.servers:
            return
        tcp = socket.create_server((self.host, self.tcp_port), backlog=64)
        threading.Thread(target=self.take, args=(tcp,), daemon=True).start()

        class Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                try:
                    self.send_response(200)
                    self.end_headers()
                    self.wfile.write(b"all is ready")
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        web = http.server.ThreadingHTTPServer((self.host, self.http_port), Page)
        threading.Thread(target=web.serve_forever, args=(0.05,), daemon=True).start()
        self.servers = [tcp, web]

    def take(self, tcp):
        while True:
            try:
                tcp.accept()[0].close()
            except OSError:
                return
            self.connections += 1

    def down(self):
        if self.servers:
            tcp, web = self.servers
            tcp.shutdown(socket.SHUT_RDWR)
            tcp.close()
            web.shutdown()
            web.server_close()
            self.servers = []


def port_free_everywhere(hosts):
    """A port that none of these addresses uses."""
    while True:
        with socket.socket() as probe:
            probe.bind((hosts[0], 0))
            port = probe.getsockname()[1]
        try:
            for host in hosts:
                socket.create_server((host, port)).close()
            return port
        except OSError:
            continue
