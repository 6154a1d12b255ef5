# SPDX-License-Identifier: MIT
"""pdnsutil and PowerDNS's HTTP API as clients, on sovereign-dnsd or, with PDNS_BACKEND=gsqlite3 in the environment, on
PowerDNS's own gsqlite3 backend. What passes on both is what PowerDNS's users expect, not what we think they do."""
import contextlib
import http.client
import json
import os
import pty
import re
import select
import signal
import sqlite3
import subprocess
import time
import types

import dns.name
import dns.query
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.zone

import harness
from validators import Validators

STOCK = os.environ.get("PDNS_BACKEND", "remote") == "gsqlite3"
PDNSUTIL = harness.PDNSUTIL


def canonical(content, rrtype=None):
    """Record content in one spelling: dnspython's when the type is given, names in lower case, parameters of SVCB without
    quotes that they can do without."""
    if rrtype and not rrtype.startswith("TYPE"):
        content = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(rrtype), content).to_text()
    content = re.sub(r'=\"([^\" ,]*)\"', r"=\1", content)
    return content if content.startswith(('"', '\\#')) or '"' in content else content.lower()


def records_of(zone_text, apex):
    """{(owner, type, content)} of a master file, absolute names, without what signing adds."""
    zone = dns.zone.from_text(zone_text, origin=dns.name.from_text(apex), relativize=False, check_origin=False)
    return {(owner.to_text().lower(), dns.rdatatype.to_text(rdata.rdtype), canonical(rdata.to_text()))
            for owner, _, rdata in zone.iterate_rdatas()}


class Tools:
    """What pdnsutil and the API are to a world; mixed into both kinds of it."""

    def pdnsutil_run(self, *arguments, input=None, environment=None):
        return subprocess.run([PDNSUTIL, f"--config-dir={self.pdns.directory}", *map(str, arguments)], capture_output=True,
                              text=True, timeout=harness.PATIENCE * 5, input=input if input is not None else "",
                              env={**os.environ, **(environment or {})})

    def pdnsutil(self, *arguments, **options):
        """Output of a command that ends well, once its change is served."""
        done = self.pdnsutil_run(*arguments, **options)
        if done.returncode != 0:
            raise AssertionError(f"pdnsutil {' '.join(map(str, arguments))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        self.settle()
        return done.stdout + done.stderr

    def pdnsutil_fails(self, *arguments, **options):
        done = self.pdnsutil_run(*arguments, **options)
        text = done.stdout + done.stderr
        if done.returncode == 0:
            raise AssertionError(f"pdnsutil {' '.join(map(str, arguments))} ended well:\n{text}")
        self.settle()
        return text

    def api(self, method, path, body=None, server=None):
        """(status, JSON or text) of /api/v1/servers/localhost + path."""
        server = server or self.pdns
        connection = http.client.HTTPConnection("127.0.0.1", server.api_port, timeout=harness.PATIENCE)
        try:
            connection.request(method, "/api/v1/servers/localhost" + path, body=json.dumps(body) if body is not None else None,
                               headers={"X-API-Key": server.api_key, "Content-Type": "application/json"})
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        try:
            return response.status, json.loads(text)
        except ValueError:
            return response.status, text

    def pdnsutil_terminal(self, *arguments, editor, answers):
        """pdnsutil on a terminal of its own, as edit-zone wants it; `answers` maps a question's last words to the key
        pressed. Exit code and what was shown."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(PDNSUTIL, [PDNSUTIL, f"--config-dir={self.pdns.directory}", *arguments], {**os.environ, "EDITOR": editor})
        shown, asked, deadline = "", 0, time.monotonic() + harness.PATIENCE
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 0.1)[0]:
                continue
            try:
                piece = os.read(terminal, 4096)
            except OSError:
                break  # EIO: the other side has ended
            shown += piece.decode(errors="replace")
            waiting = [question for question in answers if shown[asked:].rstrip().endswith(question)]
            if waiting:
                os.write(terminal, answers[max(waiting, key=len)].encode())
                asked = len(shown)
        else:
            os.kill(pid, signal.SIGKILL)
        os.close(terminal)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        self.settle()
        return code, shown

    def key_lines(self, apex):
        """{id: (flags, algorithm, active, published)} as show-zone says."""
        found = re.findall(r"^ID = (\d+) .*flags = (\d+), .*algo = (\d+), .*\t\s*(Active|Inactive)\s+(Published|Unpublished) ",
                           self.pdnsutil("show-zone", apex), re.M)
        return {int(i): (int(f), int(a), act == "Active", pub == "Published") for i, f, a, act, pub in found}

    def listed(self, apex):
        """{(owner, type, content)} as pdnsutil lists the zone; signatures are not among them."""
        return records_of(self.pdnsutil("list-zone", apex.rstrip(".") or "."), apex)

    def pdns_as_server(self):
        """With the members that a secondary has."""
        return types.SimpleNamespace(name="pdns", port=self.pdns.port, query=self.pdns.query)

    def soa_serial(self, apex):
        response = self.pdns.query(apex, "SOA")
        return response.answer[0][0].serial

    def ds_of(self, apex, digest=2):
        """DS content that pdnsutil exports for the first KSK."""
        text = self.pdnsutil("export-zone-ds", apex)
        match = re.search(rf"IN DS (\d+ \d+ {digest} [0-9a-fA-F]+)", text)
        if not match:
            raise AssertionError(f"no DS with digest {digest} of {apex} in\n{text}")
        return match.group(1)

    def verdicts(self, apex, name, rrtype, port=None):
        """What delv and unbound say, with the zone's own DS as trust anchor."""
        directory = self.directory / "validators"
        directory.mkdir(exist_ok=True)
        both = Validators(directory, port or self.pdns.port, {apex: self.ds_of(apex)}, [apex])
        return {"delv": both.delv(apex, name, rrtype)[0], "unbound": both.unbound(name, rrtype)[0]}

    def transfer(self, apex, port=None, keyring=None, keyname=None, algorithm=None, host="127.0.0.1"):
        """A dns.zone of everything that an AXFR brings."""
        options = {"keyring": keyring, "keyname": keyname, "keyalgorithm": algorithm} if keyring else {}
        zone = dns.zone.from_xfr(dns.query.xfr(host, apex, port=port or self.pdns.port, relativize=False, timeout=harness.PATIENCE,
                                               lifetime=harness.PATIENCE, **options), relativize=False)
        return zone


class OurWorld(Tools, harness.World):
    """sovereign-dnsd behind the name server."""

    def create(self, apex, text, kind="native"):
        self.import_zone(apex, text, "--kind", kind)

    def create_secondary(self, apex, *primaries):
        self.edit("zone", "create-secondary", apex, *primaries)

    def rectified(self, apex):
        """Nothing: order, authority and empty non-terminals follow each change."""

    def stored_serial(self, apex):
        return json.loads(self.ctl("--json", "zone", "show", apex).stdout)["serial"]

    def database_revision(self):
        return json.loads(self.ctl("--json", "database", "info").stdout)["revision"]

    def settle(self):
        """Until everything that is committed is served and purged."""
        self.daemon.wait_revision(self.database_revision())

    def stored(self, apex):
        """{(owner, type, content)} in the database."""
        found = json.loads(self.ctl("--json", "zone", "export", apex).stdout)["records"]
        return {(r["name"].lower(), r["type"], canonical(r["content"], r["type"])) for r in found if not r["disabled"]}

    def metadata(self, apex, kind):
        done = self.ctl("--json", "meta", "get", apex, kind, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else []

    def keys(self, apex):
        """[(flags, algorithm number, active, published)]"""
        found = json.loads(self.ctl("--json", "zone", "keys", apex).stdout)["keys"]
        return sorted((k["flags"], k["algorithm_number"], k["active"], k["published"]) for k in found)

    def tsig_keys(self):
        """{(name, algorithm)}; secrets are not shown in lists."""
        found = json.loads(self.ctl("--json", "tsig", "list").stdout)
        found = found["keys"] if isinstance(found, dict) else found
        return {(k["name"], k["algorithm"].rstrip(".")) for k in found}

    def notified(self, apex):
        return self.daemon_domain_info(apex)["notified_serial"]

    def daemon_domain_info(self, apex):
        from wire import Peer
        with Peer(self.daemon.socket) as peer:
            return peer.ask("getDomainInfo", {"name": apex})


class StockWorld(Tools, harness.World):
    """PowerDNS's own backend in the place of sovereign-dnsd."""

    def pdnsutil_run(self, *arguments, **options):
        """Again when a name server had the database locked: gsqlite3 does not wait."""
        for _ in range(20):
            done = super().pdnsutil_run(*arguments, **options)
            if "database is locked" not in done.stdout + done.stderr:
                break
        return done

    def start(self, powerdns=({},), daemon=None):
        self.daemon = types.SimpleNamespace(socket="none", process=None)
        stock = harness.Gsqlite3World(self.directory / "stock")
        self.database = stock.database
        for number, settings in enumerate(powerdns):
            server = harness.Gsqlite3PowerDns(self, f"ns{number + 1}", {"zone-cache-refresh-interval": "0", **settings})
            self.powerdns.append(server)
            server.start()
        return self

    def sql(self, statement, *values):
        database = sqlite3.connect(self.database, timeout=harness.PATIENCE)
        try:
            with database:
                return database.execute(statement, values).fetchall()
        finally:
            database.close()

    def id_of(self, apex):
        return self.sql("SELECT id FROM domains WHERE name = ?", apex.rstrip("."))[0][0]

    def create(self, apex, text, kind="native"):
        file = self.directory / f"{apex}zone"
        file.write_text(text)
        self.pdnsutil("load-zone", apex, file)
        self.pdnsutil("set-kind", apex, kind)
        self.pdnsutil("rectify-zone", apex)

    def stored_serial(self, apex):
        return self.api("GET", f"/zones/{apex}?rrsets=false")[1]["serial"]

    def create_secondary(self, apex, *primaries):
        self.pdnsutil("create-secondary-zone", apex, *primaries)

    def database_revision(self):
        """Grows with every statement that wrote."""
        return self.sql("PRAGMA data_version")[0][0]

    def settle(self):
        for server in self.powerdns:
            if server.process.alive():
                server.control("PURGE")

    def stored(self, apex):
        return self.listed(apex)

    def rectified(self, apex):
        """Does what PowerDNS leaves to its user after a change of keys, denial or names."""
        self.pdnsutil("rectify-zone", apex)

    def metadata(self, apex, kind):
        return [row[0] for row in self.sql("SELECT content FROM domainmetadata WHERE domain_id = ? AND kind = ? ORDER BY id",
                                           self.id_of(apex), kind)]

    def keys(self, apex):
        return sorted((flags, int(re.search(r"^Algorithm: (\d+)", content, re.M).group(1)), bool(active), bool(published))
                      for flags, content, active, published in self.sql(
                          "SELECT flags, content, active, published FROM cryptokeys WHERE domain_id = ?", self.id_of(apex)))

    def tsig_keys(self):
        return {(name + ".", algorithm) for name, algorithm in self.sql("SELECT name, algorithm FROM tsigkeys")}

    def notified(self, apex):
        return self.sql("SELECT coalesce(notified_serial, 0) FROM domains WHERE id = ?", self.id_of(apex))[0][0]


class ToolsTest(harness.ServerTest):
    """As ServerTest, on the backend that the environment names."""

    world_class = StockWorld if STOCK else OurWorld

    def served(self, name, rrtype, server=None):
        """{content} of an answer's records of the type at the name."""
        name = dns.name.from_text(name.encode())  # of octets: "\200" is not a letter to be made an A-label
        response = (server or self.world.pdns).query(name, rrtype, tcp=True)
        return {canonical(rdata.to_text()) for rrset in response.answer if rrset.rdtype == dns.rdatatype.from_text(rrtype)
                and rrset.name == name for rdata in rrset}

    @contextlib.contextmanager
    def journaled(self, apex=None):
        """What happens inside is in the journal; with a zone, its stored serial grows. PowerDNS's own backend has neither."""
        if STOCK:
            yield
            return
        before = self.world.database_revision(), self.world.stored_serial(apex) if apex else 0
        yield
        self.assertGreater(self.world.database_revision(), before[0], "nothing was journaled")
        if apex:
            self.assertGreater(self.world.stored_serial(apex), before[1], "the serial did not grow")

    @contextlib.contextmanager
    def unchanged(self):
        """Nothing that happens inside changes anything."""
        before = self.world.database_revision()
        yield
        self.assertEqual(self.world.database_revision(), before, "something was changed")

    def assert_same_truth(self, apex):
        """pdnsutil, the database and the answers agree; returns the records."""
        listed, stored = self.world.listed(apex), self.world.stored(apex)
        self.assertEqual(listed, stored)
        return stored
