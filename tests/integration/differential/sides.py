# SPDX-License-Identifier: MIT
"""The two sides: the same zones, keys and metadata in sovereign-dnsd and in PowerDNS's gsqlite3 backend, each behind name
servers of the same settings."""
import re
import subprocess

import dns.dnssec
import dns.name
import dns.rdata

import harness

# Besides deploy/pdns.conf. ANY over UDP, so that most questions are one packet; what is truncated is asked again over TCP.
COMMON = {"any-to-tcp": "no", "udp-truncation-threshold": "4096", "receiver-threads": "1", "reuseport": "no"}

BITS = {"rsasha256": ["1024"]}
LDNS_ALGORITHM = {"ed25519": "ED25519", "ecdsa256": "ECDSAP256SHA256", "rsasha256": "RSASHA256"}


def for_ldns(text):
    """Without the types that are PowerDNS's own, those that ldns would write with a mnemonic that PowerDNS does not know, and
    without $GENERATE."""
    lines = []
    for line in text.splitlines(True):
        generated = re.match(r"\$GENERATE (\d+)-(\d+) (.*\n)", line)
        if generated:
            lines += [generated[3].replace("$", str(number)) for number in range(int(generated[1]), int(generated[2]) + 1)]
        elif not re.search(r"\s(LUA|ALIAS|TYPE\d{1,3})\s", line):
            lines.append(line)
    return "".join(lines)


class Pair:
    def __init__(self, label, powerdns=()):
        """`powerdns`: settings of name servers that the daemon knows, and purges."""
        self.world = harness.World(label)
        # LUA records stay data on both sides: tests/integration/lua_test.py is about them.
        self.world.start(powerdns=powerdns, daemon={"extra_config": '[lua]\nenabled = "no"\n'})
        self.stock = harness.Gsqlite3World(self.world.directory / "gsqlite3")
        self.stock.add("tools")  # never started: the configuration that pdnsutil reads
        self.zones = []  # (mode, zone)
        self.ds = {}  # apex: DS contents
        self.servers = {}

    @property
    def failed(self):
        return self.world.failed

    @failed.setter
    def failed(self, value):
        self.world.failed = value

    def stop(self):
        for process in self.stock.processes():
            process.kill_all()
            if self.failed:
                print(f"--- the end of {process.log}\n{process.log_text()[-2000:]}")
        self.world.stop()

    # loading

    def load(self, mode, zones):
        """Children before parents, since a parent holds the DS of its signed child."""
        ds = {}
        for zone in reversed(zones):
            if zone.apex in ds:
                zone.text += "".join(f"{child} 3600 IN DS {content}\n" for child, contents in ds[zone.apex].items() for content in contents)
            keys = mode.signed and zone.signed
            digests = self._load_presigned(mode, zone) if keys and mode.presigned else self._load(mode, zone, keys)
            self.ds[zone.apex] = digests
            if zone.ds_in and digests:
                ds.setdefault(zone.ds_in, {})[zone.apex] = digests
            self.zones.append((mode, zone))

    def settle(self):
        """Until the daemon serves everything that was loaded."""
        revision = re.search(r'"revision":\s*(\d+)', self.world.ctl("--json", "database", "info").stdout)
        self.world.daemon.wait_revision(int(revision.group(1)))

    def _file(self, zone, text):
        file = self.world.directory / f"{zone.apex}zone"
        file.write_text(text)
        return file

    def ours(self, *arguments):
        return self.world.ctl("--no-wait", *arguments)

    def _load(self, mode, zone, keys):
        file = self._file(zone, zone.text)
        self.stock.pdnsutil("load-zone", zone.apex, file)
        self.ours("zone", "import", file, "--apex", zone.apex)
        if not keys:
            self.stock.pdnsutil("rectify-zone", zone.apex)
            return []
        for role in ("ksk",) if mode.csk else ("ksk", "zsk"):
            self.stock.pdnsutil("add-zone-key", zone.apex, role, *BITS.get(mode.algorithm, ()), "active", "published", mode.algorithm)
        digests = self._copy_keys(zone)
        if mode.nsec3:
            self.stock.pdnsutil("set-nsec3", zone.apex, mode.nsec3, *(["narrow"] if mode.narrow else []))
            _, flags, iterations, salt = mode.nsec3.split()
            self.ours("zone", "nsec3", zone.apex, "--iterations", iterations, *(["--salt", salt] if salt != "-" else []),
                      *(["--opt-out"] if flags == "1" else []), *(["--narrow"] if mode.narrow else []))
        # The engine sets SOA-EDIT with the first key of a zone, PowerDNS does not.
        for kind, values in {"SOA-EDIT": ["INCEPTION-EPOCH"], **mode.metadata}.items():
            self.stock.pdnsutil("set-meta", zone.apex, kind, *values)
            self.ours("meta", "set", zone.apex, kind, *values)
        self.stock.pdnsutil("rectify-zone", zone.apex)
        return digests

    def _copy_keys(self, zone):
        """The keys of the stock side into ours; DS contents of its key signing key."""
        digests = []
        for key_id, flags in self.stock.sql("SELECT k.id, k.flags FROM cryptokeys k JOIN domains d ON d.id = k.domain_id WHERE d.name = ?",
                                            zone.apex.rstrip(".")):
            dnskey = self.stock.pdnsutil("export-zone-dnskey", zone.apex, key_id)
            content = re.search(r"DNSKEY (\d+ 3 \d+ \S+)", dnskey).group(1)
            stem = self.world.directory / f"K{zone.apex}{key_id}"
            stem.with_suffix(".key").write_text(f"{zone.apex} IN DNSKEY {content}\n")
            private = stem.with_suffix(".private")
            private.write_text(self.stock.pdnsutil("export-zone-key", zone.apex, key_id))
            private.chmod(0o600)
            self.ours("zone", "import-key", zone.apex, stem.with_suffix(".key"))
            if flags == 257:
                rdata = dns.rdata.from_text("IN", "DNSKEY", content)
                digests = [dns.dnssec.make_ds(dns.name.from_text(zone.apex), rdata, digest).to_text() for digest in ("SHA256", "SHA384")]
        return digests

    def _load_presigned(self, mode, zone):
        def run(*arguments):
            done = subprocess.run([*map(str, arguments)], capture_output=True, text=True, cwd=self.world.directory)
            if done.returncode != 0:
                raise AssertionError(f"{arguments}: {done.stdout}{done.stderr}")
            return done.stdout.strip()

        lines = for_ldns(zone.text).splitlines(True)
        for _ in range(30):  # what ldns cannot read is left out
            file = self._file(zone, "".join(lines))
            trouble = subprocess.run(["ldns-read-zone", file], capture_output=True, text=True)
            if trouble.returncode == 0:
                break
            del lines[int(re.search(r"line (\d+)", trouble.stderr)[1]) - 1]

        algorithm = LDNS_ALGORITHM[mode.algorithm]
        ksk, zsk = run("ldns-keygen", "-k", "-a", algorithm, zone.apex), run("ldns-keygen", "-a", algorithm, zone.apex)
        nsec3 = []
        if mode.nsec3:
            _, _, iterations, salt = mode.nsec3.split()
            nsec3 = ["-n", "-t", iterations, "-s", salt]
        signed = self.world.directory / f"{zone.apex}signed"
        run("ldns-signzone", *nsec3, "-o", zone.apex, "-f", signed, file, ksk, zsk)
        self.stock.pdnsutil("load-zone", zone.apex, signed)
        if mode.nsec3:
            self.stock.pdnsutil("set-nsec3", zone.apex, mode.nsec3)
        # gsqlite3 orders the names of a zone when it is rectified with a key, and refuses that once the zone is presigned.
        self.stock.pdnsutil("add-zone-key", zone.apex, "ksk", "active", "published", "ed25519")
        self.stock.pdnsutil("rectify-zone", zone.apex)
        zone_id = self.stock.sql("SELECT id FROM domains WHERE name = ?", zone.apex.rstrip("."))[0][0]
        self.stock.sql("DELETE FROM cryptokeys WHERE domain_id = ?", zone_id)
        # A transfer into PowerDNS leaves the owners of NSEC3 records out of the order; rectify takes them for names.
        self.stock.sql("UPDATE records SET ordername = NULL WHERE domain_id = ?1 AND name IN (SELECT name FROM records "
                       "WHERE domain_id = ?1 GROUP BY name HAVING sum(coalesce(type, '') NOT IN ('RRSIG', 'NSEC3')) = 0)", zone_id)
        self.stock.pdnsutil("set-presigned", zone.apex)
        self.ours("zone", "import", signed, "--apex", zone.apex, "--presigned")
        return [run("ldns-key2ds", "-n", "-2", self.world.directory / f"{ksk}.key").split("DS", 1)[1].strip().split(";")[0].strip()]

    # name servers

    def name_servers(self, settings=None):
        """(ours, theirs) with these settings besides the common ones; started once."""
        settings = {**COMMON, **(settings or {})}
        key = tuple(sorted(settings.items()))
        if key not in self.servers:
            number = len(self.servers)
            ours = harness.PowerDns(self.world, f"ours-{number}", settings)
            self.world.powerdns.append(ours)
            theirs = self.stock.add(f"theirs-{number}", settings)
            self.servers[key] = (ours.start(), theirs.start())
        return self.servers[key]
