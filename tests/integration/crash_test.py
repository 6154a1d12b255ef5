#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""kill -9 of daemon and sdnsctl at random moments during edits and imports: every acknowledged change is there, no half
change is, and what is served is what a fresh daemon makes of the database."""
import os
import random
import re
import signal
import sqlite3
import subprocess
import time

import harness

ROUNDS = 200 if harness.LONG else 10
RECORDS = 200
ZONE = "crash.test."


def zone_text(generation):
    """Every record carries the generation: a mixture would show."""
    lines = [f"$ORIGIN {ZONE}", "$TTL 300", f"@ IN SOA ns1 hostmaster {generation} 7200 900 1209600 60", "  IN NS ns1",
             "ns1 IN A 192.0.2.1"]
    lines += [f'r{number} IN TXT "generation {generation}"' for number in range(RECORDS)]
    # Names that come and go: an import deletes too.
    lines += [f'g{generation}-{number} IN TXT "generation {generation}"' for number in range(20)]
    return "\n".join(lines) + "\n"


class Crashes(harness.ServerTest):
    @classmethod
    def prepare(cls, world):
        cls.seed = random.randrange(1 << 32)
        print(f"seed {cls.seed}", flush=True)
        cls.random = random.Random(cls.seed)
        world.import_zone(ZONE, zone_text(1))
        world.import_zone("rrset.test.", ZONE_OF_RRSETS)

    def start_edit(self, kind, number):
        if kind == "import":
            file = self.world.directory / "next.zone"
            file.write_text(zone_text(number))
            arguments = ("zone", "import", file, "--apex", ZONE, "--replace")
        else:
            arguments = ("record", "set", "rrset.test.", "set.rrset.test.", "A", *addresses(number))
        return subprocess.Popen(self.world.ctl_arguments("--wait=30", *arguments), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def in_database(self):
        """(generation of the imported zone, number of the edited RRset), each proved to be whole."""
        exported = self.world.ctl("zone", "export", ZONE).stdout
        generations = re.findall(r'TXT\s+"generation (\d+)"', exported)
        self.assertEqual(len(set(generations)), 1, f"a half import: {sorted(set(generations))}")
        self.assertEqual(len(generations), RECORDS + 20, "a half import")
        listed = self.world.ctl("record", "list", "rrset.test.", "set.rrset.test.", "A").stdout
        contents = set(re.findall(r"\b10\.\d+\.\d+\.\d+\b", listed))
        numbers = {int(content.split(".")[2]) * 256 + int(content.split(".")[3]) for content in contents}
        self.assertEqual(len(numbers), 1, f"a half edit: {contents}")
        number = numbers.pop()
        self.assertEqual(contents, set(addresses(number)), "a half edit")
        return int(generations[0]), number

    def test_acknowledged_changes_survive_kills_at_random_moments(self):
        # What the state may be: the last acknowledged one, or one that was under way when something was killed. Such a
        # commit can be complete in SQLite's log and in no index of it: readers see it when the index is made again, and
        # not before. The next commit takes its place, or comes after it.
        possible = {"import": {1}, "edit": {0}}
        acknowledged = killed_tools = killed_daemons = 0
        for number in range(2, ROUNDS + 2):
            kind = self.random.choice(("import", "edit"))
            victim = self.random.choice(("tool", "worker", "daemon", "both", "nobody"))
            moment = self.random.random() * 0.12
            with self.subTest(round=number, seed=self.seed, kind=kind, victim=victim, moment=moment):
                tool = self.start_edit(kind, number)
                time.sleep(moment)  # the moment is what is random
                if victim in ("worker",):
                    for pid in self.world.daemon.workers():
                        os.kill(pid, signal.SIGKILL)
                if victim in ("daemon", "both"):
                    self.world.daemon.process.kill_all()
                    killed_daemons += 1
                if victim in ("tool", "both"):
                    tool.kill()
                    killed_tools += 1
                output, _ = tool.communicate(timeout=harness.PATIENCE)
                if not self.world.daemon.process.alive():
                    self.world.daemon.start()
                # 0: durable and served. 3: durable, not served in time. Else it may have happened or not, but whole.
                durable = tool.returncode in (0, 3)
                if durable:
                    possible[kind] = {number}
                    acknowledged += 1
                else:
                    possible[kind].add(number)
                    self.assertTrue(tool.returncode < 0 or victim != "nobody", f"exit code {tool.returncode}: {output}")
                generation, edited = self.in_database()
                self.assertIn(generation, possible["import"])
                self.assertIn(edited, possible["edit"])
                if durable:
                    possible = {"import": {generation}, "edit": {edited}}
        print(f"{ROUNDS} rounds: {acknowledged} acknowledged, {killed_tools} tools and {killed_daemons} daemons killed")
        self.assertGreater(acknowledged, 0)

        # Nothing was lost on the way to DNS either.
        self.world.edit("record", "set", "rrset.test.", "last.rrset.test.", "A", "192.0.2.99")
        for name, rrtype, expected in (
            ("last.rrset.test.", "A", {"last.rrset.test. A 192.0.2.99"}),
            ("set.rrset.test.", "A", {f"set.rrset.test. A {address}" for address in addresses(edited)}),
            (f"r0.{ZONE}", "TXT", {f'r0.{ZONE} TXT "generation {generation}"'}),
            (f"g{generation}-19.{ZONE}", "TXT", {f'g{generation}-19.{ZONE} TXT "generation {generation}"'}),
        ):
            harness.wait_for(f"{name} to be answered", lambda n=name, t=rrtype: self.world.pdns.query(n, t).rcode() != 2)
            self.assertEqual(self.answers(self.world.pdns.query(name, rrtype)), expected)
        with sqlite3.connect(f"file:{self.world.database}?mode=ro", uri=True) as database:
            self.assertEqual(database.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
            self.assertEqual(database.execute("PRAGMA foreign_key_check").fetchall(), [])

        # The state that was followed through all this is the state that a fresh daemon loads.
        fresh = harness.Daemon(self.world, name="fresh")
        try:
            fresh.start()
            revision = self.world.revision()
            fresh.wait_revision(revision)
            ours, theirs = self.world.daemon.json("/v1/digest"), fresh.json("/v1/digest")
            self.assertEqual(ours["digest"], theirs["digest"])
            self.assertEqual(self.world.daemon.json("/v1/revision")["chain"], fresh.json("/v1/revision")["chain"])
        finally:
            fresh.process.kill_all()


def addresses(number):
    return [f"10.{part}.{number >> 8}.{number & 255}" for part in range(8)]


ZONE_OF_RRSETS = "$ORIGIN rrset.test.\n$TTL 300\n@ IN SOA ns1 hostmaster 1 7200 900 1209600 60\n IN NS ns1\nns1 IN A 192.0.2.1\n" + \
    "".join(f"set IN A {address}\n" for address in addresses(0))


if __name__ == "__main__":
    harness.main()
