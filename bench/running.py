# SPDX-License-Identifier: MIT
"""Servers of a measurement: pinned to a core, waited for, their CPU and memory read, ended together."""
import contextlib
import os
import pathlib
import re
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import time
import urllib.request

SERVER_CPU, CLIENT_CPU = "0", "1"
TICKS = os.sysconf("SC_CLK_TCK")
PROGRAM = f"bench/{pathlib.Path(sys.argv[0]).name}"


def free_port():
    """A port that is free for UDP and TCP now."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            with contextlib.suppress(OSError):
                udp.bind(("127.0.0.1", port))
                return port


def wait_until(what, ready, process=None):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if ready():
                return
        if process is not None and process.poll() is not None:
            sys.exit(f"{PROGRAM}: {what}: the program ended with code {process.returncode}")
        time.sleep(0.02)
    sys.exit(f"{PROGRAM}: {what}: not ready after 120 s")


def accepts(path):
    """Whether somebody listens there; a socket's file may be a former server's."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        return True


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def children(pid):
    found = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a thread that has ended
            for child in (task / "children").read_text().split():
                found += children(int(child))
    return found


class Started:
    """Programs of one run; ended together."""

    def __init__(self):
        self.processes = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def start(self, command, log, **more):
        process = subprocess.Popen(["taskset", "-c", SERVER_CPU, *command], stdout=log, stderr=subprocess.STDOUT, **more)
        self.processes.append(process)
        return process

    def pids(self):
        return [pid for process in self.processes for pid in children(process.pid)]

    def end(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class OurDaemon:
    """sovereign-dnsd with its own folder and database; `ctl` edits it. `more` is configuration."""

    def __init__(self, build, folder, more=""):
        self.build, self.folder = build, folder
        folder.mkdir(exist_ok=True)
        self.config, self.socket, self.admin = folder / "config.toml", folder / "sdns.sock", free_port()
        self.pipe_socket = folder / "pipe.sock"
        self.config.write_text(f"""
[database]
url = "sqlite:{folder}/authority.db"
[listen]
socket = "{self.socket}"
pipe_socket = "{self.pipe_socket}"
[engine]
threads = 1
[admin]
listen = "127.0.0.1:{self.admin}"
{more}
""")
        self.config.chmod(0o600)
        self.ctl("database", "init")

    def ctl(self, *command):
        done = subprocess.run([self.build / "backend/ctl/sdnsctl", "--config", self.config, "--no-wait", *command],
                              capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{PROGRAM}: sdnsctl {' '.join(map(str, command))[:200]}: {done.stderr}")
        return done.stdout

    def connection(self, door, timeout=2):
        """PowerDNS's remote-connection-string for a door, "unix" or "pipe"; the timeout in seconds is the unix door's."""
        if door == "unix":
            return f"unix:path={self.socket},timeout={timeout * 1000}"
        return f"pipe:command={self.build / 'backend/daemon/sovereign-dns-connect'} {self.pipe_socket},timeout=0"

    def start(self, run, log):
        process = run.start([self.build / "backend/daemon/sovereign-dnsd", "--config", self.config], log)
        ready = f"http://127.0.0.1:{self.admin}/readyz"
        wait_until("sovereign-dnsd", lambda: urllib.request.urlopen(ready).status == 200, process)
        return process


class Door:
    """A connection to a unix door, for one request after the other."""

    def __init__(self, path):
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.connect(str(path))
        self.ask('{"method": "initialize", "parameters": {}}')

    def ask(self, line):
        """The reply's line."""
        self.connection.sendall(line.encode() + b"\n")
        reply = bytearray()
        while not reply.endswith(b"\n"):
            got = self.connection.recv(1 << 20)
            if not got:
                sys.exit(f"{PROGRAM}: the daemon closed the connection")
            reply += got
        return bytes(reply)


def dnsperf(port, questions, wanted, *options):
    """(queries per second, queries completed, octets of an answer); ends the program when not all response codes are `wanted`."""
    command = ["taskset", "-c", CLIENT_CPU, "dnsperf", "-s", "127.0.0.1", "-p", str(port), "-d", str(questions), "-q", "50", *options]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    completed = int(re.search(r"Queries completed:\s+(\d+)", output)[1])
    lost = int(re.search(r"Queries lost:\s+(\d+)", output)[1])
    codes = re.search(r"Response codes:\s+(.*)", output)[1]
    if lost * 1000 > completed or not re.match(rf"{wanted} \d+ \(100\.00%\)$", codes):
        sys.exit(f"{PROGRAM}: {lost} lost, response codes {codes}; {wanted} was expected")
    return float(re.search(r"Queries per second:\s+([\d.]+)", output)[1]), completed, int(re.search(r"response (\d+)", output)[1])


def fill_gsqlite(path, apex, rows):
    """A database of PowerDNS's gsqlite3 backend with one zone, its rows (owner, type, content) all authoritative."""
    database = sqlite3.connect(path)
    database.executescript(pathlib.Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql").read_text())
    database.execute("pragma journal_mode=wal")
    database.execute("insert into domains (id, name, type) values (1, ?, 'NATIVE')", (apex,))
    database.executemany("insert into records (domain_id, name, type, content, ttl, auth) values (1, ?, ?, ?, 300, 1)", rows)
    database.execute("analyze")
    database.commit()
    database.close()


def peak_octets(pids):
    """The largest resident set that each of the processes had, summed."""
    total = 0
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                total += int(line.split()[1]) * 1024
    return total


def pdns_options(folder, port):
    """pdns_server on a core, with the caches of deploy/pdns.conf."""
    return ["--daemon=no", "--guardian=no", f"--config-dir={folder}", f"--socket-dir={folder}", "--local-address=127.0.0.1",
            f"--local-port={port}", "--receiver-threads=1", "--distributor-threads=1", "--cache-ttl=60", "--query-cache-ttl=60",
            "--negquery-cache-ttl=60", "--zone-cache-refresh-interval=3600", "--loglevel=3", "--security-poll-suffix=",
            "--max-cache-entries=2000000", "--max-packet-cache-entries=2000000"]


def ratio(values):
    """Median and spread as text."""
    return f"{statistics.median(values):.3f} ({min(values):.2f}–{max(values):.2f})"
