# SPDX-License-Identifier: MIT
"""NSD and Knot DNS as the other ends of zone transfers: primaries or secondaries of the zones that a test gives them."""
import base64
import pathlib
import re
import shutil
import subprocess

import dns.dnssec
import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.tsigkeyring

import harness


class TsigKey:
    def __init__(self, name, algorithm="hmac-sha256", secret=b"a secret of thirty-two octets ..."):
        self.name, self.algorithm, self.secret = name, algorithm, base64.b64encode(secret).decode()

    @property
    def keyring(self):
        return dns.tsigkeyring.from_text({self.name: self.secret})

    def options(self):
        """For dns.query.xfr."""
        return {"keyring": self.keyring, "keyname": self.name, "keyalgorithm": self.algorithm}


class Zone:
    """`primary`: "IP:port" to transfer from; else `file` is served. `notify`: whom to tell of changes, "IP:port"."""

    def __init__(self, apex, primary=None, text=None, notify=None, key=None, extra=""):
        self.apex, self.primary, self.text, self.notify, self.key, self.extra = apex, primary, text, notify, key, extra


def _program(name):
    path = shutil.which(name) or f"/usr/sbin/{name}"
    if not pathlib.Path(path).exists():
        raise RuntimeError(f"{name} is missing: deploy/install-packages test")
    return path


class Server:
    """What both have in common. `address` of its own and port 53 for those who may not be told of another port."""

    name = ""

    def __init__(self, directory, zones, address="127.0.0.1", port=None):
        self.directory = pathlib.Path(directory) / f"{self.name}-{len(list(pathlib.Path(directory).glob(self.name + '-*')))}"
        self.directory.mkdir()
        self.zones, self.address, self.port, self.fixed_port = {zone.apex: zone for zone in zones}, address, port, port
        self.process = None

    def file(self, apex):
        return self.directory / f"{apex.rstrip('.') or 'root'}.zone"

    def start(self):
        for _ in range(5):
            self.port = self.fixed_port or harness.free_port()
            for zone in self.zones.values():
                if zone.text is not None:
                    self.file(zone.apex).write_text(zone.text)
            self.write_config()
            self.process = harness.Process(self.command(), self.directory / "log")
            harness.wait_for(f"{self.name} to answer or end", lambda: not self.process.alive() or self.answers())
            if self.process.alive():
                return self
            if "in use" not in self.process.log_text():
                break
        raise AssertionError(f"{self.name} ended while starting:\n{self.process.log_text()[-3000:]}")

    def stop(self):
        if self.process:
            self.process.kill_all()

    def query(self, name, rrtype, dnssec=False, timeout=5):
        question = dns.message.make_query(name, rrtype, want_dnssec=dnssec, payload=4096)
        question.flags &= ~dns.flags.RD
        return dns.query.udp(question, self.address, timeout=timeout, port=self.port)

    def answers(self):
        try:
            self.query("no-such-zone.invalid.", "A", timeout=0.3)
            return True
        except (dns.exception.Timeout, OSError):
            return False

    def serial(self, apex):
        """None while it has no such zone."""
        response = self.query(apex, "SOA")
        if response.rcode() or not response.answer:
            return None
        return response.answer[0][0].serial

    def wait_serial(self, apex, serial):
        return harness.wait_for(f"{self.name} to have {apex} with serial {serial}", lambda: self.serial(apex) == serial)

    def control(self, *arguments):
        done = subprocess.run([*self.control_command(), *arguments], capture_output=True, text=True, timeout=harness.PATIENCE)
        if done.returncode != 0:
            raise AssertionError(f"{self.name}: {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def update(self, apex, text):
        """Another content of a zone whose primary it is."""
        self.zones[apex].text = text
        self.file(apex).write_text(text)
        self.reload(apex)


def _split(endpoint):
    address, port = endpoint.rsplit(":", 1)
    return address, port


class Nsd(Server):
    name = "nsd"

    def write_config(self):
        where = self.directory
        text = (f'server:\n  ip-address: {self.address}@{self.port}\n  username: ""\n  chroot: ""\n  zonesdir: "{where}"\n  database: ""\n'
                f'  pidfile: "{where}/pid"\n  xfrdfile: "{where}/xfrd.state"\n  xfrdir: "{where}"\n  zonelistfile: "{where}/zone.list"\n'
                f'  server-count: 1\n  verbosity: 2\n  zonefiles-write: 0\n  xfrd-reload-timeout: 0\n'
                f'remote-control:\n  control-enable: yes\n  control-interface: "{where}/control"\n')
        for key in {zone.key.name: zone.key for zone in self.zones.values() if zone.key}.values():
            text += f'key:\n  name: "{key.name}"\n  algorithm: {key.algorithm}\n  secret: "{key.secret}"\n'
        for zone in self.zones.values():
            key = zone.key.name if zone.key else "NOKEY"
            text += f'zone:\n  name: "{zone.apex}"\n  zonefile: "{self.file(zone.apex)}"\n  provide-xfr: 127.0.0.1 {key}\n'
            if zone.primary:
                address, port = _split(zone.primary)
                text += f"  request-xfr: AXFR {address}@{port} {key}\n  allow-notify: 127.0.0.1 NOKEY\n"
                text += f"  allow-notify: 127.0.0.1 {key}\n" if zone.key else ""
            if zone.notify:
                address, port = _split(zone.notify)
                text += f"  notify: {address}@{port} {key}\n  notify-retry: 5\n"
            text += zone.extra
        (where / "nsd.conf").write_text(text)

    def command(self):
        return [_program("nsd"), "-d", "-c", self.directory / "nsd.conf"]

    def control_command(self):
        return [_program("nsd-control"), "-c", str(self.directory / "nsd.conf")]

    def reload(self, apex):
        self.control("reload", apex.rstrip("."))

    def refresh(self, apex):
        self.control("transfer", apex.rstrip("."))


class Knot(Server):
    name = "knot"

    def write_config(self):
        where = self.directory
        (where / "db").mkdir(exist_ok=True)
        text = (f"server:\n  rundir: {where}\n  listen: {self.address}@{self.port}\n  automatic-acl: off\n"
                f"database:\n  storage: {where}/db\n  journal-db-max-size: 50M\n  timer-db-max-size: 10M\n  kasp-db-max-size: 10M\n"
                f"control:\n  listen: {where}/control\nlog:\n  - target: stderr\n    any: info\n"
                f"policy:\n  - id: nsec\n    single-type-signing: on\n    nsec3: off\n"
                f"  - id: nsec3\n    single-type-signing: on\n    nsec3: on\n    nsec3-iterations: 0\n    nsec3-salt-length: 0\n"
                f"  - id: opt-out\n    single-type-signing: on\n    nsec3: on\n    nsec3-opt-out: on\n    nsec3-iterations: 0\n    nsec3-salt-length: 0\n")
        keys = {zone.key.name: zone.key for zone in self.zones.values() if zone.key}.values()
        if keys:
            text += "key:\n" + "".join(f"  - id: {key.name}\n    algorithm: {key.algorithm}\n    secret: {key.secret}\n" for key in keys)
        remotes, acls, zones = "", "", ""
        for number, zone in enumerate(self.zones.values()):
            key = f"    key: {zone.key.name}\n" if zone.key else ""
            acls += f"  - id: acl{number}\n    address: 127.0.0.0/8\n    action: [transfer, notify]\n{key}"
            acls += f"  - id: notify{number}\n    address: 127.0.0.0/8\n    action: notify\n"
            zones += f"  - domain: {zone.apex}\n    file: {self.file(zone.apex)}\n    acl: [acl{number}, notify{number}]\n"
            for what, endpoint in (("master", zone.primary), ("notify", zone.notify)):
                if endpoint:
                    remotes += f"  - id: {what}{number}\n    address: {endpoint.replace(':', '@')}\n{key}"
                    remotes += f"    via: {self.address}\n" if what == "notify" else ""
                    zones += f"    {what}: {what}{number}\n"
            zones += "    zonefile-sync: -1\n    zonefile-load: " + ("none\n" if zone.primary else "difference-no-serial\n    journal-content: all\n"
                                                                       if zone.extra else "whole\n")
            zones += zone.extra
        text += (f"remote:\n{remotes}" if remotes else "") + f"acl:\n{acls}zone:\n{zones}"
        (where / "knot.conf").write_text(text)

    def command(self):
        return [_program("knotd"), "-c", self.directory / "knot.conf"]

    def control_command(self):
        return [_program("knotc"), "-s", str(self.directory / "control"), "-b"]

    def reload(self, apex):
        self.control("zone-reload", apex)

    def refresh(self, apex):
        """As at the end of the SOA's refresh interval: transfers only what is newer."""
        self.control("zone-refresh", apex)

    def ds(self, apex, digest=2):
        """DS content of a zone that it signs."""
        response = harness.wait_for("the zone to be signed", lambda: self.query(apex, "DNSKEY") if self.serial(apex) else None)
        return dns.dnssec.make_ds(apex, response.answer[0][0], {2: "SHA256", 4: "SHA384"}[digest]).to_text()


def sign_zone(directory, apex, text, nsec3=False):
    """(signed master file, DS content) by ldns-signzone."""
    directory = pathlib.Path(directory) / f"signer-{apex.rstrip('.')}"
    if directory.exists():
        base = next(directory.glob("K*.private")).stem
    else:
        directory.mkdir()
        base = subprocess.run([_program("ldns-keygen"), "-a", "ECDSAP256SHA256", "-k", apex], cwd=directory, check=True, capture_output=True,
                              text=True).stdout.strip()
    (directory / "zone").write_text(text)
    subprocess.run([_program("ldns-signzone"), *(["-n", "-t", "0"] if nsec3 else []), "-f", "signed", "zone", base], cwd=directory, check=True,
                   capture_output=True)
    ds = subprocess.run([_program("ldns-key2ds"), "-n", "-2", f"{base}.key"], cwd=directory, check=True, capture_output=True, text=True).stdout
    return (directory / "signed").read_text(), re.search(r"DS\s+(\d+ \d+ 2 [0-9a-f]+)", ds).group(1)
