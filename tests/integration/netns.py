# SPDX-License-Identifier: MIT
"""Several hosts on one machine. The test and all that it starts move into a network of their own with nothing but a loopback
interface; each target of health checks is a host of its own behind a pair of virtual interfaces, with packet filters that lose,
drop and reject. Nothing outside is touched, and all of it is gone when the test ends."""
import ctypes
import json
import os
import pathlib
import shutil
import socket
import subprocess
import unittest

import harness

CAPABILITY = "netns"
CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_REC, MS_PRIVATE, MS_BIND = 0x4000, 1 << 18, 0x1000
_libc = ctypes.CDLL(None, use_errno=True)


def _system(what, result):
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def _run(*command, text=None):
    done = subprocess.run([str(word) for word in command], input=text, capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: {done.stderr}{text or ''}")
    return done.stdout


def _own_network():
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def enter():
    """Before anything is started. Skips the test when tests/run --without=netns was given; fails when this machine cannot."""
    if harness.left_out(CAPABILITY):
        raise unittest.SkipTest(f"--without={CAPABILITY}")
    for program in ("ip", "nft"):
        if shutil.which(program) is None:
            raise AssertionError(f"{program} is missing: deploy/install-packages test; --without={CAPABILITY} leaves this out")
    try:
        _system("unshare", _libc.unshare(CLONE_NEWNET | CLONE_NEWNS))
        _system("mount", _libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None))
    except OSError as error:
        raise AssertionError(f"only root can make network namespaces ({error}); --without={CAPABILITY} leaves this out") from None
    _run("ip", "link", "set", "lo", "up")


def bind_over(file, path):
    """From now on this test, and what it starts, sees `file` at `path`."""
    _system("mount", _libc.mount(str(file).encode(), str(path).encode(), None, MS_BIND, None))


class Host:
    """A host of its own: `with host:` is inside of it, for what listens and what is started."""

    count = 0

    def __init__(self):
        Host.count += 1
        number = Host.count
        self.address, self.address6 = f"10.77.{number}.2", f"fd77:{number}::2"
        outside = _own_network()
        _system("unshare", _libc.unshare(CLONE_NEWNET))
        self.network = _own_network()
        _system("setns", _libc.setns(outside, CLONE_NEWNET))
        os.close(outside)
        self.entered = []
        _run("ip", "link", "add", f"host{number}", "type", "veth", "peer", "name", "eth0", "netns", f"/proc/{os.getpid()}/fd/{self.network}")
        self._address(f"host{number}", f"10.77.{number}.1/24", f"fd77:{number}::1/64")
        with self:
            _run("ip", "link", "set", "lo", "up")
            self._address("eth0", f"{self.address}/24", f"{self.address6}/64")
            for limit in ("ipv4/icmp_ratelimit", "ipv6/icmp/ratelimit"):  # every packet that is rejected is answered
                pathlib.Path("/proc/sys/net", limit).write_text("0")

    @staticmethod
    def _address(interface, v4, v6):
        _run("ip", "address", "add", v4, "dev", interface)
        _run("ip", "address", "add", v6, "dev", interface, "nodad")
        _run("ip", "link", "set", interface, "up")

    def __enter__(self):
        self.entered.append(_own_network())
        _system("setns", _libc.setns(self.network, CLONE_NEWNET))
        return self

    def __exit__(self, *_):
        outside = self.entered.pop()
        _system("setns", _libc.setns(outside, CLONE_NEWNET))
        os.close(outside)

    def filter(self, *rules):
        """What comes in meets these rules of nft, in place of those before."""
        lines = "\n".join(f"    {rule}" for rule in rules)
        with self:
            _run("nft", "-f", "-", text=f"""
table inet faults
delete table inet faults
table inet faults {{
  set lost {{ type inet_service; }}
  chain in {{
    type filter hook input priority 0;
{lines}
  }}
}}
""")

    def filtered(self):
        """How many packets each rule with a `counter` has met."""
        with self:
            rules = json.loads(_run("nft", "--json", "list", "chain", "inet", "faults", "in"))["nftables"]
        return [part["counter"]["packets"] for rule in rules for part in rule.get("rule", {}).get("expr", ()) if "counter" in part]

    def start(self, *command, log):
        with self:
            return harness.Process(command, log)

    def listen(self, port=0, family=socket.AF_INET, backlog=64):
        with self:
            return socket.create_server((self.address if family == socket.AF_INET else self.address6, port), family=family, backlog=backlog)

    def close(self):
        os.close(self.network)


class Nginx:
    """On port 80 of its host, over IPv4 and IPv6; `servers` are further server blocks."""

    def __init__(self, host, directory, locations="", servers=""):
        self.host, self.directory = host, pathlib.Path(directory)
        self.directory.mkdir()
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        if not os.path.exists(program):
            raise AssertionError("nginx is missing: deploy/install-packages test")
        self.program, self.process = program, None
        self.configure(locations, servers)

    def configure(self, locations="", servers=""):
        temporary = "".join(f"  {kind}_temp_path {self.directory}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (self.directory / "nginx.conf").write_text(f"""
daemon off;
user root;
pid {self.directory}/pid;
error_log {self.directory}/error.log;
worker_processes 1;
events {{ worker_connections 1024; }}
http {{
  access_log {self.directory}/access.log;
{temporary}
  server {{
    listen 80;
    listen [::]:80;
    location / {{ return 200 "all is well"; }}
{locations}
  }}
{servers}
}}
""")

    def start(self):
        self.process = self.host.start(self.program, "-p", self.directory, "-c", self.directory / "nginx.conf", "-e", self.directory / "error.log",
                                       log=self.directory / "log")
        harness.wait_for("nginx to listen or end", lambda: not self.process.alive() or self.listens())
        if not self.process.alive():
            raise AssertionError(f"nginx ended while starting:\n{self.process.log_text()}")
        return self

    def listens(self):
        with self.host:
            try:
                socket.create_connection((self.host.address, 80), timeout=1).close()
                return True
            except OSError:
                return False

    def stop(self):
        if self.process:
            self.process.kill_all()
