#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""deploy/quickstart: up, up again, status, restart under load, a change, down, clean; as a user other than root where that
can be had, with ports from the kernel, beside whatever else runs. The programs are those of this build."""
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import unittest

import dns.message
import dns.query

import harness
from load import Load

NOBODY = 65534


class Server:
    """What Load asks."""

    def __init__(self, port):
        self.port = port

    def query(self, name, rrtype, timeout=10):
        return dns.query.udp(dns.message.make_query(name, rrtype), "127.0.0.1", timeout=timeout, port=self.port)


class Quickstart(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="sdns-qs-"))
        shutil.copytree(harness.SOURCE / "deploy", self.root / "deploy")
        programs = self.root / "programs"
        programs.mkdir()
        for variable, name in (("SDNS_DAEMON", "sovereign-dnsd"), ("SDNS_CTL", "sdnsctl")):
            shutil.copy2(harness.program(variable, name), programs / name)
        self.port = harness.free_port()
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("SDNS_")}
        self.environment |= {"SDNS_DNS_PORT": str(self.port), "SDNS_ADMIN_PORT": str(harness.free_port()),
                             "SDNS_PDNS_API_PORT": str(harness.free_port()), "SDNS_PROGRAMS": str(programs)}
        self.user = {}
        if os.geteuid() == 0:
            for path in (self.root, *self.root.rglob("*")):
                os.chown(path, NOBODY, NOBODY)
            self.user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        self.addCleanup(self.finish)

    def finish(self):
        self.run_command("down", check=False)
        shutil.rmtree(self.root, ignore_errors=True)

    def run_command(self, command, check=True, **environment):
        # Not through pipes: the servers that it starts would keep them open.
        output = self.root / f"output-{command}"
        with open(output, "w+") as file:
            done = subprocess.run([self.root / "deploy" / "quickstart", command], stdin=subprocess.DEVNULL, stdout=file,
                                  stderr=file, env={**self.environment, **environment}, timeout=300, check=False, **self.user)
        text = output.read_text()
        if check:
            self.assertEqual(done.returncode, 0, text)
        return done.returncode, text

    def ctl(self, *arguments):
        return subprocess.run([self.root / "programs" / "sdnsctl", "--config", self.root / "var/quickstart/config.toml", *arguments],
                              capture_output=True, text=True, env=self.environment, timeout=60, check=True, **self.user)

    def address(self, name):
        return [rdata.to_text() for rrset in Server(self.port).query(name, "A").answer for rdata in rrset]

    def test_from_nothing_to_signed_answers_and_back(self):
        _, text = self.run_command("up")
        for what in ("positive", "wildcard", "NXDOMAIN", "signed delegation", "delegation without DS", "swapped DS"):
            self.assertIn(f"  ok      {what}", text)
        self.assertNotIn("FAILED", text)
        pids = {path.name: path.read_text() for path in (self.root / "var/quickstart").glob("*.pid")}
        self.assertEqual(set(pids), {"sovereign-dnsd.pid", "pdns_server.pid"})

        # A change is answered at once, and a second `up` keeps it, and what runs.
        self.ctl("--wait=30", "record", "set", "omantel.omani.works", "console", "A", "203.0.113.77")
        self.assertEqual(self.address("console.omantel.omani.works."), ["203.0.113.77"])
        self.run_command("up")
        self.assertEqual(self.address("console.omantel.omani.works."), ["203.0.113.77"])
        self.assertEqual(pids, {path.name: path.read_text() for path in (self.root / "var/quickstart").glob("*.pid")})
        code, text = self.run_command("up", check=False, SDNS_DNS_PORT=str(harness.free_port()))
        self.assertNotEqual(code, 0)
        self.assertIn("quickstart down", text)
        self.run_command("status")

        with Load(Server(self.port), lambda number: f"n{number}.omantel.omani.works.") as load:
            harness.wait_for("queries", lambda: load.answered > 100)
            self.run_command("restart")
            goal = load.answered + 100
            harness.wait_for("more queries", lambda: load.answered > goal)
        self.assertEqual(load.failures(), [])

        # `down` ends what it started, and not a process that has got the number of one of its own since.
        bystander = subprocess.Popen(["sleep", "600"])
        self.addCleanup(bystander.wait)
        self.addCleanup(bystander.kill)
        self.run_command("down")
        self.assertIsNone(bystander.poll())
        for pid in (text.split()[0] for text in pids.values()):
            self.assertIn(harness.process_state(pid), ("", "Z"))
        pathlib.Path(self.root / "var/quickstart/pdns_server.pid").write_text(f"{bystander.pid} 1\n")
        self.run_command("down")
        self.assertIsNone(bystander.poll())
        self.assertNotEqual(self.run_command("status", check=False)[0], 0)

        self.run_command("up")
        self.assertEqual(self.address("console.omantel.omani.works."), ["203.0.113.77"])
        self.run_command("clean")
        self.assertFalse((self.root / "var/quickstart").exists())

    def test_port_that_is_taken_is_named(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            code, text = self.run_command("up", check=False, SDNS_DNS_PORT=str(port))
        self.assertNotEqual(code, 0)
        self.assertIn(f"is port {port}", text)
        self.assertIn("SDNS_DNS_PORT", text)


if __name__ == "__main__":
    harness.main()
