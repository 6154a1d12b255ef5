# SPDX-License-Identifier: MIT
"""Targets that misbehave: tests/support/fault_proxy before a server, and servers that no real program would be."""
import socket
import sys
import threading

import harness


class FaultProxy:
    """tests/support/fault_proxy on `host`, before its own `to_port`."""

    def __init__(self, host, directory, port, to_port=80):
        self.host, self.port = host, port
        control = directory / f"proxy-{port}"
        self.process = host.start(sys.executable, "-B", harness.SOURCE / "tests/support/fault_proxy", host.address, port, host.address, to_port,
                                  control, log=directory / f"proxy-{port}.log")
        harness.wait_for("the proxy", lambda: control.exists() or not self.process.alive())
        if not self.process.alive():
            raise AssertionError(f"fault_proxy ended while starting:\n{self.process.log_text()}")
        self.control = socket.socket(socket.AF_UNIX)
        self.control.settimeout(harness.PATIENCE)
        self.control.connect(str(control))
        self.lines = self.control.makefile("rw")

    def say(self, *words):
        print(*words, file=self.lines, flush=True)
        answer = self.lines.readline().split()
        if answer[:1] != ["ok"]:
            raise AssertionError(f"fault_proxy: {words}: {' '.join(answer)}")
        return int(answer[1]) if len(answer) > 1 else None

    def stop(self):
        self.lines.close()
        self.control.close()
        self.process.kill_all()


class Script:
    """Reads a request's head and does with the connection what `play(connection)` does."""

    def __init__(self, listener, play):
        self.listener, self.play = listener, play
        self.port = listener.getsockname()[1]
        threading.Thread(target=self.take, daemon=True).start()

    def take(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            with connection:
                head = b""
                while b"\r\n\r\n" not in head and (data := connection.recv(4096)):
                    head += data
                self.play(connection)
        except OSError:
            pass

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def endless_headers(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-More: and more\r\n" * 100)


def dripping_headers(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    connection.settimeout(0.05)
    while True:
        connection.sendall(b"A: b\r\n")
        try:
            if not connection.recv(1):
                return
        except TimeoutError:
            pass


def silence(connection):
    while connection.recv(4096):
        pass
