#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""HTTPS targets: an nginx on a host of its own has a certificate for each name that a client may ask for (SNI): good, expired, of
another name, of an authority that nobody trusts. Checks verify or do not, certificates are replaced under running checks, and
answers follow. What the system trusts is an authority of the test, for the processes of this test alone."""
import datetime
import signal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import harness
import netns

APEX = "tls.test."
ELSEWHERE = "192.0.2.9"
DAY = datetime.timedelta(days=1)
TRUSTED = "/etc/ssl/certs/ca-certificates.crt"  # where Debian's libcurl looks
PEM = serialization.Encoding.PEM


class Authority:
    def __init__(self, name):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self.sign(self.name, self.key, 30 * DAY, x509.BasicConstraints(ca=True, path_length=0))

    def sign(self, subject, key, until, extension):
        now = datetime.datetime.utcnow()
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key.public_key())
                .serial_number(x509.random_serial_number()).not_valid_before(now - 60 * DAY).not_valid_after(now + until)
                .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints)).sign(self.key, hashes.SHA256()))

    def give(self, file, host, until=30 * DAY):
        """A key and a certificate for `host`, in one file."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        certificate = self.sign(subject, key, until, x509.SubjectAlternativeName([x509.DNSName(host)]))
        file.write_bytes(certificate.public_bytes(PEM) +
                         key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


class Certificates(harness.ServerTest):
    powerdns = ({"cache-ttl": 3600, "query-cache-ttl": 3600},)
    daemon_options = {"extra_config": "[health]\ninterval = 1\nguard_percent = 0\n"}

    @classmethod
    def setUpClass(cls):
        netns.enter()
        cls.ours, cls.stranger = Authority("the test's authority"), Authority("an authority of nobody")
        super().setUpClass()

    @classmethod
    def prepare(cls, world):
        trusted = world.directory / "trusted.pem"
        trusted.write_bytes(cls.ours.certificate.public_bytes(PEM))
        netns.bind_over(trusted, TRUSTED)
        world.daemon.process.kill_all()  # it has to see this too
        world.daemon.start()
        cls.host = netns.Host()
        cls.files = {name: world.directory / f"{name}.pem" for name in ("default", "good", "replaced", "expired", "other", "stranger")}
        for name in ("default", "good", "replaced"):
            cls.ours.give(cls.files[name], f"{name}.{APEX[:-1]}")
        cls.ours.give(cls.files["expired"], f"expired.{APEX[:-1]}", -DAY)
        cls.ours.give(cls.files["other"], f"another.{APEX[:-1]}")
        cls.stranger.give(cls.files["stranger"], f"stranger.{APEX[:-1]}")
        servers = "".join(f"""
  server {{
    listen 443 ssl{' default_server' if name == 'default' else ''};
    listen [::]:443 ssl{' default_server' if name == 'default' else ''};
    server_name {name}.{APEX[:-1]};
    ssl_certificate {file};
    ssl_certificate_key {file};
    location / {{ return 200 "sni=$ssl_server_name host=$host"; }}
  }}""" for name, file in cls.files.items())
        cls.nginx = netns.Nginx(cls.host, world.directory / "nginx", servers=servers).start()
        # Record: host of the URL, verify=, what a probe comes to.
        cls.records = {f"{name}-{'unverified' if result == 'success' and name not in ('good', 'replaced') else 'verified'}": (name, verify, result)
                       for name, verify, result in (
                           ("good", "verify=true", "success"), ("replaced", "verify=true", "success"),
                           ("expired", "verify=true", "certificate"), ("expired", "verify=false", "success"),
                           ("other", "verify=true", "certificate"), ("other", "verify=false", "success"),
                           ("stranger", "verify=true", "certificate"), ("stranger", "timeout=4", "success"),
                           ("default", "verify=false", "success"))}
        cls.records["replaced-unverified"] = ("replaced", "verify=false", "success")
        lines = "\n".join(f"""{record} IN LUA A "ifurlup('https://{name}.{APEX[:-1]}/', {{'{cls.host.address}'}}, {{{option}, stringmatch='sni={name}.{APEX[:-1]} host={name}.{APEX[:-1]}', alldown={{'{ELSEWHERE}'}}}})" """
                          for record, (name, option, _) in cls.records.items())
        world.import_zone(APEX, f"""
$TTL 3600
@ IN SOA ns1.{APEX} hostmaster.{APEX} 1 7200 900 1209600 60
  IN NS ns1.{APEX}
ns1 IN A 192.0.2.53
six IN LUA AAAA "ifurlup('https://good.{APEX[:-1]}/', {{'{cls.host.address6}'}}, {{verify=true, alldown={{'2001:db8::9'}}}})"
plain IN LUA A "ifurlup('https://good.{APEX[:-1]}:80/', {{'{cls.host.address}'}}, {{alldown={{'{ELSEWHERE}'}}}})"
numbered IN LUA A "ifurlup('https://{cls.host.address}/', {{'{cls.host.address}'}}, {{verify=true, alldown={{'{ELSEWHERE}'}}}})"
{lines}
""")

    @classmethod
    def tearDownClass(cls):
        if cls.world:
            super().tearDownClass()
            cls.nginx.stop()

    def answered(self, name, rrtype="A"):
        response = self.world.pdns.query(f"{name}.{APEX}", rrtype)
        self.assert_rcode(response, "NOERROR")
        (content,) = self.answers(response, types=(rrtype,))
        return content.split()[-1]

    def await_answer(self, name, up, rrtype="A"):
        expected = {"A": (ELSEWHERE, self.host.address), "AAAA": ("2001:db8::9", self.host.address6)}[rrtype][up]
        harness.wait_for(f"{name} is {expected}", lambda: self.answered(name, rrtype) == expected)

    def last(self, url, *parts):
        checks = [check for check in self.world.daemon.json("/v1/health")["checks"]
                  if check["check"].startswith(f"url {url} ") and all(part in check["check"] for part in parts)]
        self.assertEqual(len(checks), 1, checks)
        return checks[0]["probed"]["last"] or {}

    def await_result(self, result, url, *parts):
        return harness.wait_for(f"{url} {parts} to come to {result}", lambda: (last := self.last(url, *parts)).get("result") == result and last)

    def test_a_certificate_is_verified_where_that_is_asked_for(self):
        for record, (_, _, result) in self.records.items():
            with self.subTest(record):
                self.await_answer(record, result == "success")
        for name, says in (("expired", "expired"), ("other", "match"), ("stranger", "")):
            last = self.await_result("certificate", f"https://{name}.{APEX[:-1]}/", "verify=true")
            self.assertIn(says, last["detail"])

    def test_ipv6_what_is_no_tls_and_a_url_without_a_name(self):
        self.await_answer("six", True, "AAAA")
        self.await_answer("plain", False)
        self.await_result("tls", f"https://good.{APEX[:-1]}:80/")
        self.await_answer("numbered", False)  # no certificate has the address
        self.await_result("certificate", f"https://{self.host.address}/")

    def reload(self):
        """Every worker that comes after has read the certificates."""
        self.nginx.process.send(signal.SIGHUP)

    def test_a_certificate_that_is_replaced_is_seen_by_the_next_probes(self):
        self.await_answer("replaced-verified", True)
        self.world.pdns.warm(f"replaced-verified.{APEX}", "A")
        self.ours.give(self.files["replaced"], f"replaced.{APEX[:-1]}", -DAY)
        self.reload()
        self.await_answer("replaced-verified", False)
        self.await_result("certificate", f"https://replaced.{APEX[:-1]}/", "verify=true")
        self.await_answer("replaced-unverified", True)  # what it answers meanwhile is nothing to it
        self.world.pdns.warm(f"replaced-verified.{APEX}", "A")
        self.ours.give(self.files["replaced"], f"replaced.{APEX[:-1]}")
        self.reload()
        self.await_answer("replaced-verified", True)


if __name__ == "__main__":
    harness.main()
