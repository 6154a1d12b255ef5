#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Edits by another process are followed by change rows: the daemon reads a handful of rows, whatever the size of the zone."""
import harness

NAMES = 5000
ZONE = "$ORIGIN follow.test.\n$TTL 300\n@ IN SOA ns1 hostmaster 1 7200 900 1209600 60\n  IN NS ns1\nns1 IN A 192.0.2.1\n" + \
    "".join(f"n{number} IN A 10.0.{number >> 8}.{number & 255}\n" for number in range(NAMES))


class Follow(harness.ServerTest):
    @classmethod
    def prepare(cls, world):
        world.import_zone("follow.test.", ZONE)

    def rows(self):
        return self.world.daemon.metric("sdns_database_rows_read_total")

    def test_edit_of_a_large_zone_reads_a_handful_of_rows(self):
        loads = self.world.daemon.metric("sdns_loads_total")
        for number in range(5):
            before = self.rows()
            self.world.record_set("follow.test.", f"n{number}.follow.test.", "A", "203.0.113.1")
            self.assertEqual(self.answers(self.world.pdns.query(f"n{number}.follow.test.", "A")),
                             {f"n{number}.follow.test. A 203.0.113.1"})
            read = self.rows() - before
            self.assertGreater(read, 0)
            # journal row, change rows of the record and of the SOA, their records, and looks that found nothing new
            self.assertLess(read, NAMES / 10)
        self.assertEqual(self.world.daemon.metric("sdns_loads_total"), loads, "the zone was loaded again")

    def test_what_is_followed_is_what_a_fresh_daemon_loads(self):
        world = self.world
        world.record_set("follow.test.", "multi.follow.test.", "A", "192.0.2.7", "192.0.2.8")
        world.record_set("follow.test.", "a.b.c.follow.test.", "TXT", '"deep"')
        world.record_delete("follow.test.", "n7.follow.test.", "A")
        world.record_set("follow.test.", "cut.follow.test.", "NS", "ns.elsewhere.test.")
        world.secure("follow.test.")
        world.nsec3("follow.test.")
        world.import_zone("more.test.", ZONE.replace("follow.test.", "more.test."))
        world.delete_zone("more.test.")
        fresh = harness.Daemon(world, name="fresh")
        try:
            fresh.start()
            self.assertEqual(world.daemon.json("/v1/revision")["revision"], fresh.json("/v1/revision")["revision"])
            self.assertEqual(world.daemon.json("/v1/digest")["digest"], fresh.json("/v1/digest")["digest"])
        finally:
            fresh.process.kill_all()

    def test_tool_refuses_a_database_that_the_daemon_does_not_serve(self):
        other = self.world.directory / "other.db"
        self.world.ctl("--database", f"sqlite:{other}", "--admin", "", "database", "init")
        done = self.world.ctl("--database", f"sqlite:{other}", "zone", "list", check=False)
        edit = self.world.ctl("--database", f"sqlite:{other}", "record", "set", "follow.test.", "x", "A", "192.0.2.1", check=False)
        self.assertNotEqual(edit.returncode, 0, done.stdout)
        self.assertRegex(edit.stderr, "serves|not the one|another")


if __name__ == "__main__":
    harness.main()
