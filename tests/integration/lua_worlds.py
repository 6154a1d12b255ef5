# SPDX-License-Identifier: MIT
"""Two PowerDNS that answer the same LUA records: one evaluates them itself, from a gsqlite3 database, the other asks us. Both have
the same location databases."""
import ipaddress
import subprocess
import unittest

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

import harness


class LuaWorlds(unittest.TestCase):
    locations = harness.SOURCE / "tests" / "data" / "geo" / "locations.txt"
    settings = {"edns-subnet-processing": "yes"}
    stock_settings = {}

    @classmethod
    def setUpClass(cls):
        cls.world = harness.World(cls.__name__)
        geo = cls.world.directory / "geo"
        geo.mkdir()
        subprocess.run(["/usr/bin/perl", harness.SOURCE / "tests" / "support" / "make_mmdb", cls.location_rows(geo), geo], check=True)
        files = [geo / "city.mmdb", geo / "asn.mmdb"]
        listed = ", ".join(f'"{path}"' for path in files)
        cls.world.start(powerdns=(cls.settings,), daemon={"extra_config": f"[lua]\njoin_chunks = \"yes\"\n[geo]\ndatabases = [{listed}]\n"})
        cls.stock = harness.Gsqlite3World(cls.world.directory / "gsqlite3")
        zones = cls.world.directory / "geo-zones.yaml"
        zones.write_text("domains: []\n")
        cls.stock.add("main", cls.settings | cls.stock_settings | {
            "launch": "gsqlite3,geoip", "enable-lua-records": "yes", "geoip-zones-file": zones,
            "geoip-database-files": " ".join(f"mmdb:{path}" for path in files)})
        cls.prepare()
        cls.stock.pdns.start()

    @classmethod
    def location_rows(cls, directory):
        """The file that the databases are made from."""
        return cls.locations

    @classmethod
    def prepare(cls):
        """Loads the zones."""

    @classmethod
    def load(cls, apex, records):
        lines = [f"{apex} 60 IN SOA ns1.{apex} hostmaster.{apex} 1 7200 900 1209600 60", f"{apex} 60 IN NS ns1.{apex}", f"ns1.{apex} 60 IN A 192.0.2.53"]
        lines += [f'{owner}.{apex} 60 IN LUA {rrtype} "{code}"' for owner, rrtype, code in records]
        file = cls.world.directory / f"{apex}zone"
        file.write_text("\n".join(lines) + "\n")
        cls.world.import_zone(apex, file.read_text())
        cls.stock.sql("INSERT INTO domains (name, type) VALUES (?, 'NATIVE')", apex.rstrip("."))
        zone_id = cls.stock.sql("SELECT id FROM domains WHERE name = ?", apex.rstrip("."))[0][0]
        def put(owner, rrtype, content):
            cls.stock.sql("INSERT INTO records (domain_id, name, type, content, ttl, auth) VALUES (?, ?, ?, ?, 60, 1)", zone_id, owner, rrtype, content)
        bare = apex.rstrip(".")
        put(bare, "SOA", f"ns1.{bare} hostmaster.{bare} 1 7200 900 1209600 60")
        put(bare, "NS", f"ns1.{bare}")
        put(f"ns1.{bare}", "A", "192.0.2.53")
        for owner, rrtype, code in records:
            put(f"{owner}.{bare}", "LUA", f'{rrtype} "{code}"')

    @classmethod
    def tearDownClass(cls):
        for process in cls.stock.processes():
            process.kill_all()
        cls.world.stop()

    def ask(self, port, name, rrtype, client):
        options = []
        if client:
            network = ipaddress.ip_network(client)
            options = [dns.edns.ECSOption(str(network.network_address), network.prefixlen)]
        question = dns.message.make_query(name, rrtype, use_edns=0, options=options)
        question.flags &= ~dns.flags.RD
        response = dns.query.udp(question, "127.0.0.1", timeout=5, port=port)
        if response.flags & dns.flags.TC:
            response = dns.query.tcp(question, "127.0.0.1", timeout=5, port=port)
        answers = frozenset(f"{rrset.name} {rrset.ttl} {dns.rdatatype.to_text(rrset.rdtype)} {rdata.to_text()}"
                            for rrset in response.answer for rdata in rrset)
        return dns.rcode.to_text(response.rcode()), answers
