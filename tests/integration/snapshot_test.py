#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The snapshot file (P2): a node whose database is away goes on answering over restarts of every kind, and follows from there when the database is back. What is
wrong with the file is said, and nothing is lost by it."""
import os
import shutil
import signal
import subprocess

import dns.rdatatype

import harness
from load import Load

UNCACHED = {"cache-ttl": "0", "query-cache-ttl": "0", "negquery-cache-ttl": "0", "receiver-threads": "2"}
RESTARTS = 5
ZONE = """\
$ORIGIN data.test.
$TTL 300
@    IN SOA ns1 hostmaster 1 7200 900 1209600 60
     IN NS  ns1
ns1  IN A   192.0.2.1
www  IN A   192.0.2.3
*.w  IN A   192.0.2.4
"""


class Snapshot(harness.ServerTest):
    """A world for each test."""
    powerdns = (UNCACHED,)
    extra_config = "[snapshot]\ninterval = 1\n"

    @classmethod
    def setUpClass(cls):
        pass

    @classmethod
    def tearDownClass(cls):
        pass

    def setUp(self):
        self.world = harness.World(type(self).__name__)
        self.addCleanup(self.finish)
        self.file = self.world.directory / "zones.snapshot"
        self.before_start()
        config = self.extra_config
        if self.world.database_name and "file =" not in config:  # there is no directory of the database's
            config = config.replace("[snapshot]\n", f'[snapshot]\nfile = "{self.file}"\n')
        self.world.start(self.powerdns, {"extra_config": config})
        self.world.import_zone("data.test.", ZONE)
        self.world.secure("data.test.")
        self.daemon = self.world.daemon
        self.wait_written()

    def before_start(self):
        pass

    def finish(self):
        outcome = getattr(self, "_outcome", None)
        self.world.failed = outcome is not None and not outcome.success
        self.world.stop()

    def wait_written(self):
        """Until the file holds what is served."""
        revision = self.world.revision()
        harness.wait_for(f"revision {revision} in the snapshot file",
                         lambda: self.daemon.metric("sdns_snapshot_revision") == revision)

    def take_database_away(self):
        self.world.take_database_away()
        harness.wait_for("the daemon to miss its database", lambda: self.daemon.metric("sdns_database_up") == 0)

    def bring_database_back(self):
        self.world.bring_database_back()
        harness.wait_for("the database to be up", lambda: self.daemon.metric("sdns_database_up") == 1)

    def assert_answers(self, address="192.0.2.3"):
        response = self.world.pdns.query("www.data.test.", "A", dnssec=True)
        self.assertEqual(self.answers(response), {f"www.data.test. A {address}"})
        self.assertIn(dns.rdatatype.RRSIG, [rrset.rdtype for rrset in response.answer], "signed with the keys of the snapshot")
        self.assertEqual(self.world.pdns.query("nothing.data.test.", "A").rcode(), 3)

    def cold_start(self, wait_ready=True):
        """A stop and a start; PowerDNS is started with it."""
        self.assertEqual(self.daemon.process.stop(), 0, self.daemon.log_text()[-2000:])
        self.daemon.start(wait_ready)
        if wait_ready and not self.world.pdns.process.alive():
            self.world.pdns.start()  # its communicator gave up meanwhile
        if wait_ready:
            harness.wait_for("an answer", lambda: self.world.pdns.query("www.data.test.", "A").rcode() == 0)

    def kill_workers(self):
        before = set(self.daemon.workers())
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        harness.wait_for("a new worker", lambda: self.daemon.workers() and not before & set(self.daemon.workers()) and self.daemon.ready())


class WithoutTheDatabase(Snapshot):
    def test_planned_restarts_lose_no_query_and_the_database_is_followed_when_it_is_back(self):
        self.take_database_away()
        with Load(self.world.pdns, lambda number: f"n{number}.w.data.test.") as load:
            for _ in range(RESTARTS):
                goal = load.answered + 100
                harness.wait_for("queries between restarts", lambda: load.answered >= goal or load.failures())
                self.daemon.restart_hot()
                self.assertEqual(self.daemon.metric("sdns_serving_kept_state"), 1)
                self.assert_answers()
            self.bring_database_back()
            self.world.record_set("data.test.", "www", "A", "203.0.113.5")
            self.assert_answers("203.0.113.5")
        self.assertEqual(load.failures(), [])
        self.assertEqual(self.daemon.metric("sdns_serving_kept_state"), 0)
        self.assertEqual(self.daemon.metric("sdns_loads_total"), 0, "it went on from the file by the journal")
        digest = self.daemon.json("/v1/digest")["digest"]
        self.wait_written()
        self.daemon.restart_hot()
        self.assertEqual(self.daemon.metric("sdns_loads_total"), 0, "a start with the database there needs no load either")
        self.assertEqual(self.daemon.json("/v1/digest")["digest"], digest)

    def test_a_stopped_daemon_starts_without_it(self):
        self.take_database_away()
        self.cold_start()
        self.assert_answers()
        self.assertEqual(self.daemon.metric("sdns_serving_kept_state"), 1)
        self.assertGreater(self.daemon.metric("sdns_state_age_milliseconds"), 0)
        self.assertIn("event=snapshot.loaded", self.daemon.log_text())
        self.bring_database_back()
        self.world.record_set("data.test.", "www", "A", "203.0.113.6")
        self.assert_answers("203.0.113.6")
        self.assertEqual(self.daemon.metric("sdns_loads_total"), 0)

    def test_what_was_edited_before_it_went_is_there_after_a_stop(self):
        self.world.record_set("data.test.", "www", "A", "203.0.113.7")
        self.take_database_away()
        self.cold_start()
        self.assert_answers("203.0.113.7")

    def test_killed_workers_begin_with_the_file(self):
        for number in range(RESTARTS):
            self.world.record_set("data.test.", "www", "A", f"203.0.113.{number}")
            self.kill_workers()  # perhaps while the file is being written
            self.assert_answers(f"203.0.113.{number}")
        self.wait_written()
        self.take_database_away()
        self.kill_workers()
        self.assert_answers(f"203.0.113.{RESTARTS - 1}")

    def test_edits_are_refused_and_say_why(self):
        self.take_database_away()
        self.daemon.restart_hot()
        done = self.world.ctl("--wait=2", "record", "set", "data.test.", "www", "A", "203.0.113.1", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assert_answers()


class TheFile(Snapshot):
    def damage(self):
        with open(self.file, "r+b") as file:
            file.seek(self.file.stat().st_size // 2)
            octet = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([octet[0] ^ 1]))

    def stop_and_take_away(self):
        self.take_database_away()
        self.assertEqual(self.daemon.process.stop(), 0)

    def test_mode_and_content(self):
        self.assertEqual(self.file.stat().st_mode & 0o7777, 0o600)
        self.assertFalse((self.world.directory / "zones.snapshot.new").exists())

    def test_damaged_it_is_not_used_and_written_again(self):
        self.assertEqual(self.daemon.process.stop(), 0)
        self.damage()
        self.daemon.start()
        self.assertIn("event=snapshot.unusable", self.daemon.log_text())
        self.assertEqual(self.daemon.metric("sdns_loads_total"), 1)
        harness.wait_for("a good file", lambda: self.daemon.metric("sdns_snapshot_writes_total") > 0)
        self.daemon.restart_hot()
        self.assertEqual(self.daemon.metric("sdns_loads_total"), 0)

    def test_damaged_and_without_the_database_nothing_is_served(self):
        self.stop_and_take_away()
        self.damage()
        self.daemon.start(wait_ready=False)
        harness.wait_for("the reason", lambda: "event=snapshot.unusable" in self.daemon.log_text())
        harness.wait_for("the daemon to say that it has no database", lambda: "database: unavailable" in self.daemon.get("/readyz")[1])
        self.bring_database_back()
        harness.wait_for("the daemon to be ready", self.daemon.ready)

    def test_of_another_database_it_is_not_used(self):
        self.stop_and_take_away()
        self.world.put_another_database()
        self.daemon.start()
        self.assertIn("is of another database", self.daemon.log_text())
        self.assertEqual(self.daemon.metric("sdns_zones"), 0)

    def test_older_than_the_pruned_history_everything_is_loaded(self):
        self.assertEqual(self.daemon.process.stop(), 0)
        for number in range(5):
            self.world.ctl("--admin", "", "record", "set", "data.test.", "www", "A", f"203.0.113.{number}")
        revision = int(self.world.ctl("--admin", "", "--json", "database", "info").stdout.split('"revision":')[1].split(",")[0].strip(" }\n"))
        self.world.ctl("--admin", "", "database", "prune", "--keep", "1")
        self.daemon.start()
        harness.wait_for("the load", lambda: self.daemon.metric("sdns_loads_total") == 1)
        self.assertIn("event=database.diverged", self.daemon.log_text())
        if not self.world.pdns.process.alive():
            self.world.pdns.start()
        self.daemon.wait_revision(revision)
        self.assert_answers("203.0.113.4")


class OnASmallDisk(Snapshot):
    def before_start(self):
        self.disk = harness.small_disk(self, self.world.directory / "disk", 1)
        self.file = self.disk / "zones.snapshot"
        self.extra_config = f'[snapshot]\ninterval = 1\nfile = "{self.file}"\n'

    def test_a_full_disk_leaves_the_former_file(self):
        filler = self.disk / "filler"
        try:
            with open(filler, "wb", buffering=0) as file:
                while True:
                    file.write(b"x" * 4096)
        except OSError:
            pass
        kept = self.daemon.metric("sdns_snapshot_revision")
        self.world.record_set("data.test.", "www", "A", "203.0.113.9")
        harness.wait_for("the reason", lambda: "event=snapshot.not_written" in self.daemon.log_text())
        self.assert_answers("203.0.113.9")
        self.assertEqual(self.daemon.metric("sdns_snapshot_revision"), kept)
        self.kill_workers()  # with the database: the former file, and what came since
        self.assert_answers("203.0.113.9")
        self.assertEqual(self.daemon.metric("sdns_loads_total"), 0)
        filler.unlink()
        self.wait_written()
        self.take_database_away()
        self.kill_workers()
        self.assert_answers("203.0.113.9")

    def test_a_disk_that_goes_costs_no_answer(self):
        subprocess.run(["umount", "-l", self.disk], check=True)
        self.disk.rmdir()
        self.world.record_set("data.test.", "www", "A", "203.0.113.9")
        harness.wait_for("the reason", lambda: "event=snapshot.not_written" in self.daemon.log_text())
        self.assert_answers("203.0.113.9")


class Sealed(Snapshot):
    def before_start(self):
        self.keys = self.world.directory / "keys"
        os.environ["SDNS_DATABASE_KEY_FILE"] = str(self.keys)
        self.addCleanup(os.environ.pop, "SDNS_DATABASE_KEY_FILE")
        subprocess.run([harness.program("SDNS_CTL", "sdnsctl"), "keys", "generate", self.keys], check=True, capture_output=True)

    def stored(self):
        dumped = self.world.cluster.dump(self.world.database_name).encode() if self.world.database_name else b""
        return dumped + b"".join(path.read_bytes() for path in [*self.world.database_files(), self.file])

    def test_no_secret_lies_in_any_file_or_log(self):
        self.world.ctl("tsig", "add", "k.test.", "--secret", "bm90IHRvIGJlIHNlZW4gYW55d2hlcmU=")
        self.wait_written()
        for secret in (b"Private-key-format", b"bm90IHRvIGJlIHNlZW4gYW55d2hlcmU="):
            self.assertNotIn(secret, self.stored())
        key = self.keys.read_text().split("sdns-key-1 ")[1].split()[0]
        shown = subprocess.run([harness.program("SDNS_DAEMON", "sovereign-dnsd"), "--config", self.daemon.config, "--print-config"],
                               check=True, capture_output=True, text=True).stdout
        for text in (self.daemon.log_text(), shown, self.daemon.get("/metrics")[1], self.daemon.get("/v1/status")[1]):
            self.assertNotIn(key, text)
        self.assertIn(f'database.key_file = "{self.keys}"', shown)

    def test_it_is_served_over_restarts_without_the_database(self):
        self.take_database_away()
        self.daemon.restart_hot()
        self.assert_answers()

    def test_a_rotation_costs_nothing(self):
        self.world.ctl("keys", "generate", "--append", self.keys)
        self.daemon.restart_hot()
        lines = [line for line in self.keys.read_text().splitlines() if line.startswith("sdns-key-1")]
        self.keys.write_text("\n".join(reversed(lines)) + "\n")
        revision = self.world.revision()
        self.world.ctl("keys", "seal")
        self.keys.write_text(lines[1] + "\n")
        self.world.ctl("keys", "status")
        self.daemon.restart_hot()
        harness.wait_for("a file that the new key sealed", lambda: self.daemon.metric("sdns_snapshot_writes_total") > 0)
        self.assertEqual(self.world.revision(), revision)
        self.assert_answers()
        self.daemon.restart_hot()
        self.assertEqual(self.daemon.metric("sdns_loads_total"), 0)

    def test_without_its_key_a_new_worker_does_not_take_over(self):
        away = self.keys.with_suffix(".away")
        shutil.move(self.keys, away)
        self.daemon.process.send(signal.SIGUSR2)
        harness.wait_for("the new worker to give up", lambda: "event=restart.failed" in self.daemon.log_text())
        self.assert_answers()
        shutil.move(away, self.keys)
        self.daemon.restart_hot()
        self.assert_answers()

    def test_a_key_file_that_others_may_read_keeps_the_daemon_from_starting(self):
        self.keys.chmod(0o644)
        done = subprocess.run([harness.program("SDNS_DAEMON", "sovereign-dnsd"), "--config", self.daemon.config, "--check-config"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 78, done.stderr)
        self.assertIn("every user may read it", done.stderr)


del Snapshot

if __name__ == "__main__":
    harness.main()
