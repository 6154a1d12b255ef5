#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The database goes away while the daemon serves: full disk, read-only, damaged, replaced, removed. It says so, keeps
answering what it has, and follows again when the database is back."""
import os
import pathlib
import shutil
import subprocess

import harness

ZONE = """\
$ORIGIN data.test.
$TTL 300
@    IN SOA ns1 hostmaster 1 7200 900 1209600 60
     IN NS  ns1
ns1  IN A   192.0.2.1
www  IN A   192.0.2.3
"""
UNCACHED = {"cache-ttl": "0", "query-cache-ttl": "0", "negquery-cache-ttl": "0"}


class DatabaseFault(harness.ServerTest):
    """A world per test: a fault is not undone in every case."""
    powerdns = (UNCACHED,)

    @classmethod
    def setUpClass(cls):
        pass

    @classmethod
    def tearDownClass(cls):
        pass

    def setUp(self):
        self.world = harness.World(type(self).__name__)
        self.addCleanup(self.finish)
        self.place_database()
        self.world.start(self.powerdns)
        self.world.import_zone("data.test.", ZONE)

    def finish(self):
        outcome = getattr(self, "_outcome", None)
        self.world.failed = outcome is not None and not outcome.success
        self.world.stop()

    def place_database(self):
        pass

    def assert_still_answers(self, address="192.0.2.3"):
        for name in ("www", "www"):
            response = self.world.pdns.query(f"{name}.data.test.", "A")
            self.assertEqual(self.answers(response), {f"www.data.test. A {address}"})
        self.assertEqual(self.world.pdns.query("nothing.data.test.", "A").rcode(), 3)
        self.assertTrue(self.world.daemon.ready())

    def edit_fails(self, *words):
        """An edit that must fail, say why, and change nothing."""
        done = self.world.ctl("--wait=2", "record", "set", "data.test.", "www", "A", "203.0.113.1", check=False)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        text = (done.stdout + done.stderr).lower()
        self.assertTrue(any(word in text for word in words), f"none of {words} in: {text}")
        return text

    def edit_works(self, address="203.0.113.2"):
        self.world.record_set("data.test.", "www.data.test.", "A", address)
        self.assert_still_answers(address)

    def says(self, *words):
        harness.wait_for(f"one of {words} in status and log", lambda: any(
            word in self.world.daemon.get("/v1/status")[1].lower() and word in self.world.daemon.log_text().lower()
            for word in words))

    def remove_database(self):
        for suffix in ("", "-wal", "-shm"):
            pathlib.Path(f"{self.world.database}{suffix}").unlink(missing_ok=True)


class RemovedOrReplaced(DatabaseFault):
    def test_removed_database(self):
        self.remove_database()
        self.says("unavailable", "missing", "not there", "no such", "does not exist")
        self.assert_still_answers()
        self.edit_fails("exist", "no database", "not there", "not found", "missing", "no such")

    def test_foreign_database_in_its_place(self):
        self.remove_database()
        subprocess.run(["/usr/bin/python3", "-c",
                        "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.execute('create table t(x)'); c.commit()",
                        str(self.world.database)], check=True)
        self.says("replaced", "foreign", "not a database of")
        self.assert_still_answers()
        self.edit_fails("not", "foreign")

    def test_another_authority_database_in_its_place_is_not_served_for_the_first_one(self):
        other = self.world.directory / "other.db"
        self.world.ctl("--database", f"sqlite:{other}", "--admin", "", "database", "init")
        self.remove_database()
        shutil.move(other, self.world.database)
        self.says("replaced", "another")
        self.assert_still_answers()
        self.edit_fails("another", "not the one", "serves")

    def test_database_that_comes_back_is_followed_again(self):
        away = self.world.directory / "away"
        away.mkdir()
        files = [path for path in (pathlib.Path(f"{self.world.database}{suffix}") for suffix in ("", "-wal", "-shm")) if path.exists()]
        for path in files:
            shutil.move(path, away / path.name)
        self.says("unavailable", "missing", "not there", "no such", "does not exist")
        for path in files:
            shutil.move(away / path.name, path)
        harness.wait_for("the database to be up", lambda: self.world.daemon.metric("sdns_database_up") == 1)
        self.edit_works()

    def test_damaged_database(self):
        # Everything but the first page: the schema is unreadable, the file's name and size are as before.
        self.world.daemon.process  # serves meanwhile
        size = os.path.getsize(self.world.database)
        with open(self.world.database, "r+b") as file:
            file.seek(100)
            file.write(os.urandom(max(size, 65536) - 100))
        pathlib.Path(f"{self.world.database}-wal").unlink(missing_ok=True)
        self.edit_fails("corrupt", "damaged", "malformed", "not a database")
        self.assert_still_answers()

    def test_restore_of_an_older_copy_is_noticed_and_served(self):
        copy = self.world.directory / "copy.db"
        subprocess.run(["/usr/bin/python3", "-c", "import sqlite3,sys\n"
                        "a=sqlite3.connect(sys.argv[1]); b=sqlite3.connect(sys.argv[2]); a.backup(b); b.close()",
                        str(self.world.database), str(copy)], check=True)
        self.edit_works("203.0.113.7")
        ahead = self.world.revision()
        self.remove_database()
        shutil.move(copy, self.world.database)
        # History went back: the node says so, loads what the database now is, and goes on from there.
        harness.wait_for("the older state", lambda: self.world.revision() < ahead)
        self.assert_still_answers("192.0.2.3")
        self.edit_works("203.0.113.8")


class OnItsOwnDisk(DatabaseFault):
    """A small file system for the database alone."""

    def place_database(self):
        self.disk = harness.small_disk(self, self.world.directory / "disk", 2)
        self.world.database = self.disk / "authority.db"

    def test_full_disk(self):
        filler = self.disk / "filler"
        try:
            with open(filler, "wb", buffering=0) as file:
                while True:
                    file.write(b"x" * 4096)
        except OSError:
            pass
        # A small edit may still fit into what the write-ahead log has; a big one does not.
        big = self.world.directory / "big.zone"
        big.write_text(ZONE.replace("data.test.", "big.test.") + "".join(f"n{i} IN TXT \"{'x' * 200}\"\n" for i in range(5000)))
        done = self.world.ctl("--wait=2", "zone", "import", big, "--apex", "big.test.", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex((done.stdout + done.stderr).lower(), "full|no space")
        self.assert_still_answers()
        self.assertEqual(self.world.pdns.query("n1.big.test.", "TXT").rcode(), 5)
        filler.unlink()
        self.edit_works()

    def test_file_system_that_turns_read_only(self):
        done = subprocess.run(["mount", "-o", "remount,ro", self.disk], capture_output=True, text=True)
        if done.returncode != 0:
            # SQLite holds the file open for writing; a lazy bind mount on top does the same for every new opening.
            subprocess.run(["mount", "--bind", self.disk, self.disk], check=True)
            self.addCleanup(lambda: subprocess.run(["umount", "-l", self.disk], check=False))
            subprocess.run(["mount", "-o", "remount,bind,ro", self.disk], check=True)
        self.edit_fails("read-only", "readonly", "read only")
        self.assert_still_answers()


del DatabaseFault

if __name__ == "__main__":
    harness.main()
