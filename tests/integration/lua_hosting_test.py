#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""LUA records on their way: into and out of zones by transfers, PowerDNS's API and pdnsutil, beside a PowerDNS whose own LUA
records are on, and handed over to it; target pools of the configuration that change while answers are cached."""
import signal

import dns.rcode

import harness
from powerdns_tools import OurWorld

APEX, MOVED, HANDED = "steered.test.", "moved.test.", "handed.test."
CODE = {
    ("const", "A"): "'192.0.2.1'", ("const", "TXT"): "'a text'", ("places", "A"): "netmask({'127.0.0.0/8'}) and '192.0.2.2' or '192.0.2.3'",
    ("many", "A"): "{'192.0.2.4','192.0.2.5'}", ("included", "A"): ";include('config') return address", ("config", "LUA"): "address = '192.0.2.6'",
    ("*.wild", "A"): "createForward()", ("broken", "A"): "error('on purpose')", ("pooled", "A"): "pool('web')",
}
OWNERS = sorted({owner for owner, _ in CODE} | {"192-0-2-9.wild", "mx", "alias", "ns1", "none"})
TYPES = ("A", "AAAA", "TXT", "MX", "CNAME", "TYPE65402", "ANY")
ON, OFF = {"enable-lua-records": "yes"}, {}
TRANSFERS = {"primary": "yes", "secondary": "yes", "allow-axfr-ips": "127.0.0.0/8", "xfr-cycle-interval": "1", "only-notify": "", "cache-ttl": 3600}


def zone_text(apex):
    lines = [f"@ IN SOA ns1.{apex} hostmaster.{apex} 1 7200 900 1209600 60", f"@ IN NS ns1.{apex}", "ns1 IN A 192.0.2.53", f"mx IN MX 10 const.{apex}",
             f"alias IN CNAME places.{apex}"]
    return "\n".join(["$TTL 60", *lines, *(f'{owner} IN LUA {rrtype} "{code}"' for (owner, rrtype), code in CODE.items())]) + "\n"


def pools(*addresses):
    members = "".join(f'[[target_pool.member]]\naddress = "{address}"\n' for address in addresses)
    return f'[[target_pool]]\nname = "web"\nselector = "all"\n{members}'


class Hosting(harness.ServerTest):
    world_class = OurWorld
    powerdns = (TRANSFERS | OFF, TRANSFERS | ON)
    daemon_options = {"extra_config": '[lua]\npowerdns_evaluates = "yes"\n' + pools("192.0.2.7")}

    @classmethod
    def prepare(cls, world):
        cls.off, cls.on = world.powerdns
        for apex in (APEX, HANDED):
            world.create(apex, zone_text(apex), kind="primary")
        world.edit("meta", "set", HANDED, "X-SDNS-LUA", "powerdns")

    def seen(self, server, apex, owner, rrtype):
        response = server.query(f"{owner}.{apex}", rrtype, tcp=rrtype == "ANY")
        return dns.rcode.to_text(response.rcode()), self.answers(response)

    def assert_seen(self, server, name, rrtype, *addresses):
        response = server.query(name, rrtype)
        self.assert_rcode(response, "NOERROR")
        self.assertEqual({content.split(" ", 2)[2] for content in self.answers(response, types=(rrtype,))}, set(addresses), response.to_text())

    def test_a_powerdns_with_lua_records_of_its_own_answers_the_same(self):
        for owner in OWNERS:
            for rrtype in TYPES:
                with self.subTest(owner=owner, rrtype=rrtype):
                    self.assertEqual(self.seen(self.on, APEX, owner, rrtype), self.seen(self.off, APEX, owner, rrtype))
        self.assert_seen(self.on, f"const.{APEX}", "A", "192.0.2.1")

    def test_a_zone_that_is_handed_over_is_evaluated_by_powerdns_alone(self):
        before = self.world.daemon.metric("sdns_lua_evaluations_total")
        self.assert_seen(self.on, f"const.{HANDED}", "A", "192.0.2.1")
        self.assert_seen(self.on, f"included.{HANDED}", "A", "192.0.2.6")
        self.assert_seen(self.on, f"192-0-2-9.wild.{HANDED}", "A", "192.0.2.9")
        self.assert_seen(self.off, f"const.{HANDED}", "A", "192.0.2.1")  # told by the zone's metadata that LUA is on
        self.assertEqual(self.world.daemon.metric("sdns_lua_evaluations_total"), before)

    def records_in(self, zone):
        found = {}
        for name, rdataset in zone.iterate_rdatasets(65402):
            found.setdefault(name.to_text(), set()).update(rdata.to_generic().to_text() for rdata in rdataset)
        return found

    def test_a_transfer_carries_the_records_and_what_comes_back_is_evaluated(self):
        there = self.world.transfer(APEX)
        self.assertEqual(sum(map(len, self.records_in(there).values())), len(CODE))
        stock = harness.Gsqlite3World(self.world.directory / "gsqlite3")
        server = stock.add("main", TRANSFERS | ON)
        stock.pdnsutil("load-zone", MOVED.rstrip("."), self.file(zone_text(MOVED)))
        stock.pdnsutil("set-kind", MOVED.rstrip("."), "primary")
        server.start()
        try:
            self.world.create_secondary(MOVED, f"127.0.0.1:{server.port}")
            self.world.settle()
            self.assertEqual(self.world.api("PUT", f"/zones/{MOVED}/axfr-retrieve")[0], 200)
            harness.wait_for("the zone", lambda: self.off.query(f"const.{MOVED}", "A").answer)
            for name, rrtype, *contents in (("const", "A", "192.0.2.1"), ("const", "TXT", '"a text"'), ("included", "A", "192.0.2.6"), ("many", "A", "192.0.2.4", "192.0.2.5"),
                                            ("192-0-2-9.wild", "A", "192.0.2.9"), ("places", "A", "192.0.2.2")):
                with self.subTest(name=name, rrtype=rrtype):
                    self.assert_seen(server, f"{name}.{MOVED}", rrtype, *contents)
                    self.assert_seen(self.off, f"{name}.{MOVED}", rrtype, *contents)
            self.assertEqual(self.records_in(self.world.transfer(MOVED)), self.records_in(self.world.transfer(MOVED, port=server.port)))
        finally:
            server.process.kill_all()

    def file(self, text):
        path = self.world.directory / "moved.zone"
        path.write_text(text)
        return path

    def test_the_api_lists_edits_and_exports_them_while_they_are_steered(self):
        status, zone = self.world.api("GET", f"/zones/{APEX}")
        self.assertEqual(status, 200)
        told = {(rrset["name"], record["content"]) for rrset in zone["rrsets"] if rrset["type"] == "LUA" for record in rrset["records"]}
        self.assertEqual(told, {(f"{owner}.{APEX}", f'{rrtype} "{code}"') for (owner, rrtype), code in CODE.items()})
        self.assert_seen(self.off, f"const.{APEX}", "A", "192.0.2.1")
        change = {"name": f"api.{APEX}", "type": "LUA", "ttl": 60, "changetype": "REPLACE", "records": [{"content": "A \"'192.0.2.20'\"", "disabled": False}]}
        self.assertEqual(self.world.api("PATCH", f"/zones/{APEX}", {"rrsets": [change]})[0], 204)
        self.world.settle()
        self.assert_seen(self.off, f"api.{APEX}", "A", "192.0.2.20")
        change["records"][0]["content"] = "A \"'192.0.2.21'\""
        self.assertEqual(self.world.api("PATCH", f"/zones/{APEX}", {"rrsets": [change]})[0], 204)
        self.world.settle()
        for server in (self.off, self.on):
            self.assert_seen(server, f"api.{APEX}", "A", "192.0.2.21")
        self.assertIn("192.0.2.21", self.world.api("GET", f"/zones/{APEX}/export")[1])
        self.assertIn("pickrandom", self.world.pdnsutil("add-record", APEX.rstrip("."), "tool", "LUA", "60", "A \"pickrandom({'192.0.2.22'})\"")
                      + self.world.pdnsutil("list-zone", APEX.rstrip(".")))
        self.assert_seen(self.off, f"tool.{APEX}", "A", "192.0.2.22")
        self.assertEqual(self.world.api("PATCH", f"/zones/{APEX}", {"rrsets": [change | {"changetype": "DELETE"}]})[0], 204)
        self.world.settle()
        self.assert_rcode(self.off.query(f"api.{APEX}", "A"), "NXDOMAIN")
        self.world.pdnsutil("delete-rrset", APEX.rstrip("."), "tool", "LUA")

    def test_a_body_of_several_lines_works_as_it_came_and_after_a_transfer(self):
        code = "A \";local t = {} -- it's a list\n\tt[1] = '192.0.2.30'\nreturn t[1] -- and no more\""
        for owner in ("lines", "again"):
            self.addCleanup(self.world.record_delete, APEX, owner, "LUA")
        change = {"name": f"lines.{APEX}", "type": "LUA", "ttl": 60, "changetype": "REPLACE", "records": [{"content": code, "disabled": False}]}
        self.assertEqual(self.world.api("PATCH", f"/zones/{APEX}", {"rrsets": [change]}), (204, ""))
        self.world.settle()
        self.assert_seen(self.off, f"lines.{APEX}", "A", "192.0.2.30")
        told = [rrset for rrset in self.world.api("GET", f"/zones/{APEX}")[1]["rrsets"] if rrset["name"] == f"lines.{APEX}"]
        self.assertEqual([record["content"] for record in told[0]["records"]], [code])
        listed = self.world.ctl("record", "list", APEX, "lines").stdout
        self.assertIn(r"a list\010\tt".replace(r"\t", "\t"), listed)
        again = listed.split("LUA", 1)[1].strip()
        self.world.record_set(APEX, "again", "LUA", again)
        self.assert_seen(self.off, f"again.{APEX}", "A", "192.0.2.30")
        # PowerDNS's own secondary, which cannot run what it stores, as primary of ours.
        stock = harness.Gsqlite3World(self.world.directory / "stock-lines")
        server = stock.add("main", TRANSFERS | ON)
        stock.pdnsutil("create-secondary-zone", APEX.rstrip("."), f"127.0.0.1:{self.off.port}")
        server.start()
        try:
            server.control(f"RETRIEVE {APEX}")
            harness.wait_for("the zone at PowerDNS", lambda: server.query(f"const.{APEX}", "A").answer)
            self.assertEqual(self.records_in(self.world.transfer(APEX)), self.records_in(self.world.transfer(APEX, port=server.port)))
        finally:
            server.process.kill_all()

    def test_a_pool_of_the_configuration_follows_a_reload(self):
        self.assert_seen(self.off, f"pooled.{APEX}", "A", "192.0.2.7")
        self.assert_seen(self.off, f"pooled.{APEX}", "A", "192.0.2.7")
        daemon = self.world.daemon
        before = daemon.config.read_text()
        daemon.config.write_text(before.replace(pools("192.0.2.7"), pools("192.0.2.7", "192.0.2.8")))
        daemon.process.send(signal.SIGHUP)
        def follows(*addresses):
            return {content.split()[-1] for content in self.answers(self.off.query(f"pooled.{APEX}", "A"))} == set(addresses)
        harness.wait_for("the new pool", lambda: follows("192.0.2.7", "192.0.2.8"))
        daemon.config.write_text(before.replace('name = "web"', 'name = "web"\nselector = "all"'))
        daemon.process.send(signal.SIGHUP)
        harness.wait_for("the problem in the log", lambda: "selector" in daemon.log_text())
        self.assertTrue(follows("192.0.2.7", "192.0.2.8"), "a configuration that is wrong changes nothing")
        daemon.config.write_text(before)
        daemon.process.send(signal.SIGHUP)
        harness.wait_for("the former pool", lambda: follows("192.0.2.7"))


if __name__ == "__main__":
    harness.main()
