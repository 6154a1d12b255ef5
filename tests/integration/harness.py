# SPDX-License-Identifier: MIT
"""Real servers for tests: sovereign-dnsd, sdnsctl and pdns_server (Debian's, or the one that the environment names) in a
temporary directory, on ports from the kernel. Readiness is asked for, never slept for; everything that was started is killed at the end; when a test fails, its
directory is kept and the ends of the logs are shown."""
import contextlib
import ctypes
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
LONG = bool(os.environ.get("SDNS_LONG"))
DOOR = os.environ.get("SDNS_DOOR", "unix")  # or "pipe": by which PowerDNS comes
SANITIZED = os.environ.get("SDNS_SANITIZED", "")

# What is meant for the tests; everything else of this name is configuration that must not reach the programs under test.
for _name in [name for name in os.environ if name.startswith("SDNS_")]:
    if _name not in ("SDNS_DAEMON", "SDNS_CTL", "SDNS_PDM", "SDNS_SANITIZED", "SDNS_LONG", "SDNS_WITHOUT", "SDNS_DOOR",
                     "SDNS_STORE"):
        del os.environ[_name]

# Which PowerDNS is tested: its server, its tools and the folder of its backends. docs/powerdns-tools.md
PDNS_SERVER = os.environ.get("PDNS_SERVER") or shutil.which("pdns_server") or "/usr/sbin/pdns_server"
PDNSUTIL = os.environ.get("PDNSUTIL") or shutil.which("pdnsutil") or "/usr/bin/pdnsutil"
PDNS_CONTROL = os.environ.get("PDNS_CONTROL") or shutil.which("pdns_control") or "/usr/bin/pdns_control"
PDNS_MODULE_DIR = os.environ.get("PDNS_MODULE_DIR", "")
PDNS_SQLITE_SCHEMA = pathlib.Path(os.environ.get("PDNS_SQLITE_SCHEMA")
                                  or "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")

PATIENCE = 120 if SANITIZED else 60  # seconds until a wait is a failure; nothing is asserted about time


def program(variable, name):
    path = os.environ.get(variable) or shutil.which(name)
    if not path:
        raise RuntimeError(f"set {variable} to the built {name}")
    return path


def left_out(capability):
    """Whether tests/run --without=CAPABILITY was given."""
    return f",{capability}," in os.environ.get("SDNS_WITHOUT", "")


def free_port():
    """A port that is free for UDP and TCP. Whoever binds it must be ready to lose the race and take another."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def wait_for(what, ask, seconds=PATIENCE):
    """Asks until the answer is true, and returns it."""
    deadline = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"still waiting after {seconds} s: {what}")
        time.sleep(0.01)


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Process:
    """A program in its own process group, its output in a file."""

    def __init__(self, arguments, log, environment=None):
        self.log = pathlib.Path(log)
        with open(self.log, "ab") as output:
            self.popen = subprocess.Popen([str(a) for a in arguments], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                          start_new_session=True, preexec_fn=_die_with_parent,
                                          env={**os.environ, **(environment or {})})

    @property
    def pid(self):
        return self.popen.pid

    def alive(self):
        return self.popen.poll() is None

    def send(self, number):
        self.popen.send_signal(number)

    def kill_all(self):
        """SIGKILL for the process and all of its group."""
        try:
            os.killpg(self.popen.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.popen.wait()

    def stop(self):
        """SIGTERM; the exit code. SIGKILL after a while, which is a failure of the program."""
        if self.alive():
            self.send(signal.SIGTERM)
            try:
                self.popen.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill_all()
                raise AssertionError(f"{self.popen.args[0]} did not end on SIGTERM") from None
        code = self.popen.returncode
        self.kill_all()
        return code

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class Daemon:
    """sovereign-dnsd with its configuration."""

    def __init__(self, world, name="sovereign-dnsd", database=None, extra_config="", environment=None):
        self.world, self.name = world, name
        self.directory = world.directory / name
        self.directory.mkdir()
        self.database = database or world.database
        self.database_url = f"sqlite:{database}" if database else world.database_url
        self.socket = self.directory / "pdns.sock"
        self.pipe_socket = self.directory / "pipe.sock"
        self.config = self.directory / "config.toml"
        self.extra_config, self.environment = extra_config, environment or {}
        self.admin_port = None
        self.process = None

    def write_config(self):
        servers = "".join(
            f'\n[[powerdns]]\nname = "{p.name}"\ncontrol_socket = "{p.control_socket}"\n'
            f'api_url = "http://127.0.0.1:{p.api_port}"\napi_key = "{p.api_key}"\n' for p in self.world.powerdns)
        # Tests say themselves what there is to be probed.
        health = "" if "[health]" in self.extra_config else '[health]\nprobe = "no"\n'
        # Daemons of one database do not share it.
        snapshot = "" if "[snapshot]" in self.extra_config else f'[snapshot]\nfile = "{self.directory}/zones.snapshot"\n'
        self.config.write_text(
            f'[database]\nurl = "{self.database_url}"\n[listen]\nsocket = "{self.socket}"\n'
            f'pipe_socket = "{self.pipe_socket}"\npeers = []\n'
            f'[admin]\nlisten = "127.0.0.1:{self.admin_port}"\n{health}{snapshot}{self.extra_config}\n{servers}')
        self.config.chmod(0o600)

    def start(self, wait_ready=True):
        for attempt in range(5):
            self.admin_port = self.admin_port if self.admin_port and attempt == 0 else free_port()
            self.write_config()
            self.process = Process([program("SDNS_DAEMON", "sovereign-dnsd"), "--config", self.config],
                                   self.directory / "log", self.environment)
            if not wait_ready:
                return self
            wait_for(f"{self.name} to be ready or gone", lambda: not self.process.alive() or self.ready())
            if self.process.alive():
                return self
            self.process.kill_all()
            if "in use" not in self.process.log_text().lower():
                break
        raise AssertionError(f"{self.name} ended while starting:\n{self.process.log_text()[-3000:]}")

    def get(self, path, timeout=PATIENCE):
        """(status, body) of the admin HTTP; (0, "") when nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=timeout)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()

    def json(self, path):
        status, body = self.get(path)
        if status not in (200, 504):
            raise AssertionError(f"GET {path}: {status} {body}")
        return json.loads(body)

    def ready(self):
        return self.get("/readyz", timeout=5)[0] == 200

    def metric(self, name):
        """The sum over all label sets of a metric."""
        body = self.get("/metrics")[1]
        values = re.findall(rf"^{re.escape(name)}(?:\{{[^}}]*\}})? ([0-9.eE+-]+)$", body, re.M)
        if not values:
            raise AssertionError(f"no metric {name} in\n{body}")
        return sum(float(value) for value in values)

    def metric_with(self, name, label):
        """The sum over the series of a metric that have this label; 0 when there is none yet."""
        body = self.get("/metrics")[1]
        return sum(float(value) for labels, value in re.findall(rf"^{re.escape(name)}\{{([^}}]*)\}} ([0-9.eE+-]+)$", body, re.M)
                   if label in labels)

    def wait_revision(self, revision):
        """Until the revision is published and purged."""
        status, body = self.get(f"/v1/revision?wait={revision}&timeout_ms={PATIENCE * 1000}", timeout=PATIENCE + 10)
        if status != 200:
            raise AssertionError(f"revision {revision} was not served: {status} {body}")

    def wait_purged_again(self):
        """Until the second purges of earlier edits are through too: they must not do what a first one should."""
        wait_for("second purges", lambda: self.metric("sdns_powerdns_purges_waiting") == 0)

    def workers(self):
        """Pids of the holder's live children."""
        found = []
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            found += [int(pid) for pid in task.read_text().split()]
        return [pid for pid in found if process_state(pid) not in ("Z", "")]

    def log_text(self):
        return self.process.log_text()

    def restart_hot(self):
        """SIGUSR2, until the new worker alone is left and ready."""
        before = set(self.workers())
        self.process.send(signal.SIGUSR2)
        wait_for("the new worker to have taken over",
                 lambda: self.workers() and not before & set(self.workers()) and self.ready())

    def memory_octets(self):
        """Resident, of holder and workers."""
        return sum(resident_octets(pid) for pid in [self.process.pid, *self.workers()])


def process_state(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0]
    except (OSError, IndexError):
        return ""


def resident_octets(pid):
    try:
        match = re.search(r"^VmRSS:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)
    except OSError:
        return 0
    return int(match.group(1)) * 1024 if match else 0


class PowerDns:
    """pdns_server with deploy/pdns.conf, and after it what a test changes."""

    def __init__(self, world, name="main", settings=None):
        self.world, self.name, self.settings = world, name, dict(settings or {})
        self.directory = world.directory / f"pdns-{name}"
        self.directory.mkdir()
        self.control_socket = self.directory / "pdns.controlsocket"
        self.api_key = f"key-{random.randrange(1 << 60):x}"
        self.api_port = free_port()
        self.port = None
        self.process = None

    def backend(self):
        """The settings that name the backend."""
        daemon = self.world.daemon
        if self.world.door == "unix":
            return {"remote-connection-string": f"unix:path={daemon.socket},timeout=2000"}
        connect = pathlib.Path(program("SDNS_DAEMON", "sovereign-dnsd")).with_name("sovereign-dns-connect")
        return {"remote-connection-string": f"pipe:command={connect} {daemon.pipe_socket},timeout=0"}

    def write_config(self):
        shipped = (SOURCE / "deploy" / "pdns.conf").read_text()
        ours = {
            **self.backend(), **({"module-dir": PDNS_MODULE_DIR} if PDNS_MODULE_DIR else {}),
            "local-address": "127.0.0.1", "local-port": self.port, "socket-dir": self.directory,
            "webserver-port": self.api_port, "api-key": self.api_key, "setgid": "", "include-dir": "",
            "dname-processing": "yes", "write-pid": "no", "guardian": "no", "daemon": "no", **self.settings,
        }
        if "remote-connection-string" not in ours:
            shipped = re.sub(r"^remote-.*\n", "", shipped, flags=re.M)  # settings of a backend that is not loaded are errors
        (self.directory / "pdns.conf").write_text(
            shipped + "\n# of the test\n" + "".join(f"{key}={value}\n" for key, value in ours.items()))

    def start(self):
        for _ in range(5):
            self.port = free_port()
            self.write_config()
            self.process = Process([PDNS_SERVER, f"--config-dir={self.directory}"], self.directory / "log")
            wait_for(f"pdns_server {self.name} to answer or end", lambda: not self.process.alive() or self.answers())
            if self.process.alive():
                return self
            if "in use" not in self.process.log_text():
                break
        raise AssertionError(f"pdns_server ended while starting:\n{self.process.log_text()[-3000:]}")

    def answers(self):
        try:
            self.query("no-such-zone.invalid.", "A", timeout=0.3)
            return True
        except (dns.exception.Timeout, OSError):
            return False

    def query(self, name, rrtype, dnssec=False, timeout=5, tcp=False):
        """One question, one answer. No second try: a lost query is a failure of what is tested."""
        question = dns.message.make_query(name, rrtype, want_dnssec=dnssec)
        question.flags &= ~dns.flags.RD
        ask = dns.query.tcp if tcp else dns.query.udp
        return ask(question, "127.0.0.1", timeout=timeout, port=self.port)

    def control(self, line):
        """A command to the control socket, as pdns_control sends it."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(str(self.control_socket))
            connection.sendall(line.encode() + b"\n")
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode()

    def counter(self, name):
        return int(self.control(f"SHOW {name}"))

    def warm(self, name, rrtype, dnssec=False):
        """Asks until the packet cache has given the answer; returns it."""
        def from_cache():
            before = self.counter("packetcache-hit")
            answer = self.query(name, rrtype, dnssec)
            return answer if self.counter("packetcache-hit") > before else None
        return wait_for(f"{name} {rrtype} to come from the packet cache", from_cache)


def small_disk(test, directory, megabytes):
    """A file system of its own in `directory`, unmounted after the test; skips the test where --without=mount is given."""
    if left_out("mount"):
        test.skipTest("--without=mount")
    directory.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "sdns-test", directory], capture_output=True, text=True)
    test.assertEqual(done.returncode, 0, f"cannot mount a tmpfs ({done.stderr.strip()}); --without=mount leaves this out")
    test.addCleanup(lambda: subprocess.run(["umount", "-l", directory], check=False, capture_output=True))  # the test may have done it
    return directory


class World:
    """A directory with a database, a daemon, and name servers in front of it."""

    def __init__(self, label="world", store=None):
        """`store`: sqlite or postgresql; otherwise what the environment says in SDNS_STORE."""
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"sdns-{label}-"))
        self.directory.chmod(0o755)
        self.database = self.directory / "authority.db"
        self.door = DOOR
        self.database_name = None  # on PostgreSQL
        if (store or os.environ.get("SDNS_STORE", "sqlite")) == "postgresql":
            import postgres  # which needs this module
            self.cluster = postgres.cluster()
            self.database_name = self.cluster.make_database()
        self.powerdns = []
        self.daemon = None
        self.failed = False

    @property
    def database_url(self):
        return self.cluster.url(self.database_name) if self.database_name else f"sqlite:{self.database}"

    def sql(self, statement):
        """What the database says past all programs: lines, with | between the columns."""
        if self.database_name:
            return self.cluster.sql(self.database_name, statement)
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            return "\n".join("|".join("" if value is None else str(value) for value in row) for row in connection.execute(statement))

    def take_database_away(self):
        """Nobody reaches it until it is brought back."""
        if self.database_name:
            self.cluster.sql("postgres", f"ALTER DATABASE {self.database_name} WITH ALLOW_CONNECTIONS false")
            return self.cluster.end_connections(self.database_name)
        away = self.directory / "away"
        away.mkdir(exist_ok=True)
        for path in self.database_files():
            shutil.move(path, away / path.name)

    def bring_database_back(self):
        if self.database_name:
            self.cluster.sql("postgres", f"ALTER DATABASE {self.database_name} WITH ALLOW_CONNECTIONS true")
            return
        for path in sorted((self.directory / "away").iterdir()):
            shutil.move(path, self.directory / path.name)

    def put_another_database(self):
        """In the place of the one that was taken away, and nothing in it."""
        if self.database_name:
            self.cluster.sql("postgres", f"ALTER DATABASE {self.database_name} RENAME TO {self.database_name}_away")
            self.cluster.sql("postgres", f"CREATE DATABASE {self.database_name}")
        self.ctl("--admin", "", "database", "init")

    def database_files(self):
        return [path for path in (pathlib.Path(f"{self.database}{suffix}") for suffix in ("", "-wal", "-shm")) if path.exists()]

    def start(self, powerdns=({},), daemon=None):
        """`powerdns`: one dictionary of settings for each name server."""
        for number, settings in enumerate(powerdns):
            self.powerdns.append(PowerDns(self, f"ns{number + 1}", settings))
        self.daemon = Daemon(self, **(daemon or {}))
        self.daemon.admin_port = free_port()
        self.daemon.write_config()
        self.ctl("database", "init")
        self.daemon.start()
        for server in self.powerdns:
            server.start()
        if self.powerdns:  # edits do not wait for a PowerDNS that is absent, nor for its announcements
            wait_for("the daemon to know every PowerDNS", lambda: self.daemon.metric("sdns_powerdns_up") == len(self.powerdns))
        return self

    @property
    def pdns(self):
        return self.powerdns[0]

    def processes(self):
        return [p.process for p in (*self.powerdns, self.daemon) if p is not None and p.process is not None]

    def stop(self):
        for process in self.processes():
            process.kill_all()
        if self.failed:
            for process in self.processes():
                print(f"--- the end of {process.log}\n{process.log_text()[-3000:]}", file=sys.stderr)
            print(f"--- kept: {self.directory}", file=sys.stderr)
        else:
            shutil.rmtree(self.directory, ignore_errors=True)

    # sdnsctl

    def ctl_arguments(self, *arguments):
        return [program("SDNS_CTL", "sdnsctl"), "--config", str(self.daemon.config), *map(str, arguments)]

    def ctl(self, *arguments, check=True, **options):
        done = subprocess.run(self.ctl_arguments(*arguments), capture_output=True, text=True, timeout=PATIENCE * 5,
                              stdin=subprocess.DEVNULL, **options)
        if check and done.returncode != 0:
            raise AssertionError(f"sdnsctl {' '.join(map(str, arguments))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def edit(self, *arguments):
        """An edit that has been published and purged when this returns."""
        return self.ctl(f"--wait={PATIENCE}", *arguments)

    def import_zone(self, apex, text, *options):
        file = self.directory / f"{apex.rstrip('.') or 'root'}.zone"
        file.write_text(text)
        return self.edit("zone", "import", file, "--apex", apex, *options)

    def secure(self, apex):
        """Makes keys; NSEC."""
        self.edit("zone", "secure", apex)

    def nsec3(self, apex, *options):
        """Options of `sdnsctl zone nsec3`, as "--opt-out"."""
        self.edit("zone", "nsec3", apex, *options)

    def ds(self, apex):
        """The zone's DS with SHA-256, as record content."""
        output = self.ctl("zone", "ds", apex).stdout
        match = re.search(r"\b(\d+ \d+ 2 [0-9A-Fa-f]{64})\b", output)
        if not match:
            raise AssertionError(f"no DS of {apex} in\n{output}")
        return match.group(1)

    def record_set(self, zone, owner, rrtype, *contents, ttl=None):
        return self.edit("record", "set", zone, owner, rrtype, *(["--ttl", str(ttl)] if ttl is not None else []), *contents)

    def record_delete(self, zone, owner, rrtype):
        return self.edit("record", "delete", zone, owner, rrtype)

    def delete_zone(self, apex):
        self.edit("zone", "delete", "--yes", apex)

    def unsecure(self, apex):
        self.edit("zone", "unsecure", "--yes", apex)

    def revision(self):
        return self.daemon.json("/v1/revision")["revision"]


class Gsqlite3PowerDns(PowerDns):
    """pdns_server on its own gsqlite3 backend."""

    def backend(self):
        return {"launch": "gsqlite3", "gsqlite3-database": self.world.database, "gsqlite3-dnssec": "yes"}


class Gsqlite3World:
    """PowerDNS as its users know it, to compare with: name servers on one gsqlite3 database, edited with pdnsutil."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(exist_ok=True)
        self.database = self.directory / "pdns.sqlite"
        database = sqlite3.connect(self.database)
        database.executescript(PDNS_SQLITE_SCHEMA.read_text())
        database.execute("PRAGMA journal_mode=WAL")
        database.close()
        self.powerdns = []

    def add(self, name, settings=None):
        """A name server that is not started yet."""
        self.powerdns.append(Gsqlite3PowerDns(self, name, settings))
        self.powerdns[-1].write_config()
        return self.powerdns[-1]

    @property
    def pdns(self):
        return self.powerdns[0]

    def pdnsutil(self, *arguments, check=True):
        """Needs the configuration of one name server; the first is taken."""
        done = subprocess.run([PDNSUTIL, f"--config-dir={self.pdns.directory}", *map(str, arguments)], capture_output=True,
                              text=True, timeout=PATIENCE * 5, stdin=subprocess.DEVNULL)
        if check and done.returncode != 0:
            raise AssertionError(f"pdnsutil {' '.join(map(str, arguments))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def sql(self, statement, *values):
        database = sqlite3.connect(self.database, timeout=PATIENCE)
        try:
            with database:
                return database.execute(statement, values).fetchall()
        finally:
            database.close()

    def processes(self):
        return [server.process for server in self.powerdns if server.process is not None]


class ServerTest(unittest.TestCase):
    """One world for all tests of a class, started by `prepare`."""

    powerdns = ({},)
    daemon_options = {}
    door = DOOR
    world = None
    world_class = World
    store = None

    @classmethod
    def setUpClass(cls):
        cls.world = cls.world_class(cls.__name__, store=cls.store) if cls.store else cls.world_class(cls.__name__)
        cls.world.door = cls.door
        try:
            cls.world.start(cls.powerdns, cls.daemon_options)
            cls.prepare(cls.world)
        except BaseException:
            cls.world.failed = True
            cls.world.stop()
            raise

    @classmethod
    def prepare(cls, world):
        pass

    @classmethod
    def tearDownClass(cls):
        cls.world.stop()

    def run(self, result=None):
        before = len(result.failures) + len(result.errors) if result else 0
        outcome = super().run(result)
        if result and len(result.failures) + len(result.errors) > before and self.world:
            self.world.failed = True
        return outcome

    def answers(self, response, section="answer", types=None):
        """{"owner TYPE content", …} without signatures, names in lower case."""
        found = set()
        for rrset in getattr(response, section):
            kind = dns.rdatatype.to_text(rrset.rdtype)
            if kind != "RRSIG" and (types is None or kind in types):
                contents = [rdata.to_text() if kind in ("TXT", "HINFO") else rdata.to_text().lower() for rdata in rrset]
                found |= {f"{rrset.name.to_text().lower()} {kind} {content}" for content in contents}
        return found

    def assert_rcode(self, response, rcode):
        self.assertEqual(dns.rcode.to_text(response.rcode()), rcode, response.to_text())


def main():
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
