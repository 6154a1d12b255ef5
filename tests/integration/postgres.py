# SPDX-License-Identifier: MIT
"""A PostgreSQL of its own for one test program: a cluster in a temporary directory, on a unix socket, its disk flushed as in
earnest, run by the user postgres when we are root."""
import atexit
import ctypes
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

import harness

PROGRAMS = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), default=None)
_shared = None


class Cluster:
    def __init__(self):
        if PROGRAMS is None:
            raise RuntimeError("PostgreSQL is missing: install postgresql-15 (deploy/packages.txt), or leave the tests out by --without=postgresql")
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="sdns-postgres-"))
        self.user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        if self.user:
            os.chown(self.directory, self.user.pw_uid, self.user.pw_gid)
        self.directory.chmod(0o755)
        self.server = None
        self.databases = 0
        self.run("initdb", "-D", self.directory / "data", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync")
        self.start()

    def _become(self):
        if self.user:
            os.setgid(self.user.pw_gid)
            os.setuid(self.user.pw_uid)
        ctypes.CDLL(None).prctl(1, signal.SIGQUIT)  # PR_SET_PDEATHSIG; to PostgreSQL: stop at once

    def run(self, program, *arguments):
        done = subprocess.run([str(PROGRAMS / program), *map(str, arguments)], capture_output=True, text=True, cwd="/",
                              preexec_fn=self._become, timeout=harness.PATIENCE * 5)
        if done.returncode != 0:
            raise AssertionError(f"{program}: {done.stdout}{done.stderr}")
        return done.stdout

    def start(self):
        with open(self.directory / "log", "ab") as log:
            self.server = subprocess.Popen(
                [str(PROGRAMS / "postgres"), "-D", str(self.directory / "data"), "-c", "listen_addresses=",
                 "-c", f"unix_socket_directories={self.directory}", "-c", "shared_buffers=32MB", "-c", "max_connections=60"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", preexec_fn=self._become)
        harness.wait_for("PostgreSQL to take connections", self.takes_connections)

    def takes_connections(self):
        done = subprocess.run([str(PROGRAMS / "pg_isready"), "-q", "-h", str(self.directory)], check=False)
        return done.returncode == 0

    def stop_immediately(self):
        """As pg_ctl stop -m immediate: the next start recovers from the write-ahead log."""
        self.server.send_signal(signal.SIGQUIT)
        self.server.wait()

    def sql(self, database, statement):
        return self.run("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.directory, "-U", "postgres",
                        "-d", database, "-c", statement).strip()

    def dump(self, database):
        return self.run("pg_dump", "-h", self.directory, "-U", "postgres", database)

    def make_database(self):
        self.databases += 1
        name = f"test{self.databases}"
        self.sql("postgres", f"CREATE DATABASE {name}")
        return name

    def url(self, database, user="postgres", more=""):
        return f"postgresql:///{database}?host={self.directory}&user={user}{more}"

    def set_authentication(self, lines):
        """The whole of pg_hba.conf, in force for new connections."""
        path = self.directory / "data" / "pg_hba.conf"
        path.write_text(lines)
        self.server.send_signal(signal.SIGHUP)

    def end_connections(self, database):
        self.sql("postgres", f"SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE datname = '{database}'")

    def remove(self):
        if self.server and self.server.poll() is None:
            self.stop_immediately()
        shutil.rmtree(self.directory, ignore_errors=True)


def cluster():
    """The one of this program."""
    global _shared
    if _shared is None:
        _shared = Cluster()
        atexit.register(_shared.remove)
    return _shared
