#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Health checks over a network that fails: nginx and NSD on hosts of their own (network namespaces) lose, drop and reject packets, are
killed and stopped, or stand behind a proxy that delays and resets; the answers of PowerDNS, which caches for an hour, follow."""
import contextlib
import os
import signal
import socket
import types

import harness
import netns
import secondaries
from faulty import FaultProxy, Script, dripping_headers, endless_headers, silence

APEX = "faults.test."
ELSEWHERE = {4: "192.0.2.9", 6: "2001:db8::9"}  # the answer while a target is down
# Falls for lost probes alone, and sooner than with the defaults; rises after 30 successes in a row.
LOSS = ("fall=10", "fallremembered=3", "forgetafter=20", "rise=10", "timeout=1")
NSD_ZONE = "$TTL 60\n@ IN SOA ns1.probe.test. host.probe.test. 1 7200 900 1209600 60\n  IN NS ns1.probe.test.\nns1 IN A 192.0.2.53\nwww IN A 192.0.2.80\n"
PAGES = """
    location /slow { limit_rate 100; alias %(directory)s/page; }
    location /page { alias %(directory)s/page; }
    location /round { return 302 /round; }
    location /inside { return 302 http://169.254.169.254/latest/meta-data/; }
    location /loopback { return 302 http://127.0.0.1/; }
    location /gone { return 410; }
    location /text { return 200 "not what is wanted"; }
"""


class Network(harness.ServerTest):
    powerdns = ({"cache-ttl": 3600, "query-cache-ttl": 3600},)
    daemon_options = {"extra_config": "[health]\ninterval = 1\nguard_percent = 0\n"}

    @classmethod
    def setUpClass(cls):
        netns.enter()
        super().setUpClass()

    @classmethod
    def prepare(cls, world):
        cls.hosts = types.SimpleNamespace(web=netns.Host(), names=netns.Host(), lossy=netns.Host(), killed=netns.Host())
        cls.stops = []
        directory = world.directory
        cls.nginx = {}
        for name in ("web", "lossy", "killed"):
            host = getattr(cls.hosts, name)
            cls.nginx[name] = netns.Nginx(host, directory / f"nginx-{name}", PAGES % {"directory": directory})
            cls.stops.append(cls.nginx[name].stop)
            cls.nginx[name].start()
        (directory / "page").write_bytes(b"x" * 20_000)
        for name in ("names", "lossy"):
            host = getattr(cls.hosts, name)
            with host:
                server = secondaries.Nsd(directory, [secondaries.Zone("probe.test.", text=NSD_ZONE)], address=host.address, port=53)
                cls.stops.append(server.stop)
                server.start()
        cls.proxy, cls.proxy2 = FaultProxy(cls.hosts.web, directory, 8080), FaultProxy(cls.hosts.web, directory, 8081)
        cls.stops += [cls.proxy.stop, cls.proxy2.stop]
        cls.scripts = {play.__name__: Script(cls.hosts.web.listen(), play) for play in (endless_headers, dripping_headers, silence)}
        cls.stops += [script.stop for script in cls.scripts.values()]
        cls.import_records(world)

    @classmethod
    def import_records(cls, world):
        web, url = cls.hosts.web.address, f"http://www.{APEX}"
        def port(play):
            return cls.scripts[play].port
        # Record: what it asks, what its probes come to while nothing is done to the network.
        cls.records = {
            "page": (f"{url}/page", "timeout=2", "success"),
            "slow": (f"{url}/slow", "timeout=1", "timeout"),
            "round": (f"{url}/round", "timeout=2", "redirect"),
            "inside": (f"{url}/inside", "timeout=2", "forbidden"),
            "loopback": (f"{url}/loopback", "timeout=2", "forbidden"),
            "gone": (f"{url}/gone", "timeout=2", "status"),
            "text": (f"{url}/text", "timeout=2, stringmatch='all is well'", "mismatch"),
            "headers": (f"{url}:{port('endless_headers')}/", "timeout=9", "too-large"),
            "drips": (f"{url}:{port('dripping_headers')}/", "timeout=1", "timeout"),
            "silent": (f"{url}:{port('silence')}/", "timeout=1", "timeout"),
            "empty": (f"{url}:81/", "timeout=2", "refused"),
        }
        lines = "\n".join(f"""{name} IN LUA A "ifurlup('{asked}', {{'{web}'}}, {{{options}, alldown={{'{ELSEWHERE[4]}'}}}})" """
                          for name, (asked, options, _) in cls.records.items())
        pools = {"udp": (cls.hosts.names.address, "dns=www.probe.test", "timeout=1", "fall=3", "fallremembered=0"),
                 "tcp": (cls.hosts.web.address, "port=80", "timeout=1"),
                 "tcp6": (cls.hosts.web.address6, "port=80", "timeout=1"),
                 "url": (cls.hosts.web.address, f"url={url}/", "timeout=1"),
                 "url6": (cls.hosts.web.address6, f"url={url}/", "timeout=1"),
                 "proxied": (cls.hosts.web.address, f"url={url}:8080/page", "timeout=1"),
                 "damped": (cls.hosts.web.address, f"url={url}:8081/page", "timeout=1", "fall=3"),
                 "losing-udp": (cls.hosts.lossy.address, "dns=www.probe.test", *LOSS),
                 "losing-tcp": (cls.hosts.lossy.address, "port=80", *LOSS),
                 "killed-tcp": (cls.hosts.killed.address, "port=80", "timeout=1"),
                 "killed-url": (cls.hosts.killed.address, f"url={url}/", "timeout=1")}
        lines += "".join(f"""\n{pool} IN LUA {"AAAA" if ":" in asked[0] else "A"} "pool('{pool}')" """ for pool, asked in pools.items())
        world.import_zone(APEX, f"""
$TTL 3600
@ IN SOA ns1.{APEX} hostmaster.{APEX} 1 7200 900 1209600 60
  IN NS ns1.{APEX}
ns1 IN A 192.0.2.53
{lines}
""")
        cls.addresses = {name: web for name in cls.records} | {pool: asked[0] for pool, asked in pools.items()}
        for pool, (member, *options) in pools.items():
            world.edit("target-pool", "set", pool, "alldown=fallback", f"fallback={ELSEWHERE[6 if ':' in member else 4]}", *options)
            world.edit("target-pool", "add-member", pool, member)

    @classmethod
    def tearDownClass(cls):
        if cls.world:
            super().tearDownClass()
            for stop in cls.stops:
                stop()

    def tearDown(self):
        for host in vars(self.hosts).values():
            host.filter()
        for proxy in (self.proxy, self.proxy2):
            proxy.say("pass")

    def answered(self, name):
        rrtype = "AAAA" if ":" in self.addresses[name] else "A"
        response = self.world.pdns.query(f"{name}.{APEX}", rrtype)
        self.assert_rcode(response, "NOERROR")
        (content,) = self.answers(response, types=(rrtype,))
        return content.split()[-1]

    def is_up(self, name):
        address = self.addresses[name]
        found = self.answered(name)
        self.assertIn(found, (address, ELSEWHERE[6 if ":" in address else 4]))
        return found == address

    def await_up(self, *names):
        harness.wait_for(f"{names} are up", lambda: all(self.is_up(name) for name in names))

    def await_down(self, *names):
        harness.wait_for(f"{names} are down", lambda: not any(self.is_up(name) for name in names))

    def probed(self, *parts):
        """What is known of the one check that has all these in its text."""
        checks = self.world.daemon.json("/v1/health")["checks"]
        (check,) = [check for check in checks if all(part in check["check"] for part in parts)]
        return check["probed"]

    def await_result(self, result, *parts):
        """One of these, where there are several."""
        results = (result,) if isinstance(result, str) else result
        harness.wait_for(f"a probe of {parts} to come to {results}", lambda: (self.probed(*parts)["last"] or {}).get("result") in results)

    def test_what_a_target_does_to_its_connections_is_what_its_probes_come_to(self):
        for name, (asked, _, result) in self.records.items():
            with self.subTest(name):
                self.await_result(result, f"url {asked} ")
                (self.await_up if result == "success" else self.await_down)(name)

    def test_packets_that_are_dropped_and_rejected_take_a_target_down_until_they_come_through(self):
        web = self.hosts.web
        v4, v6 = f"tcp {web.address}:80", f"tcp [{web.address6}]:80"
        url4, url6 = f"url http://www.{APEX}/ from {web.address} ", f"url http://www.{APEX}/ from {web.address6} "
        every = ("tcp", "tcp6", "url", "url6")
        unreachable = ("unreachable", "timeout")  # some kernels go on trying
        # What comes in, and what connections, and pages, come to; the pools that fall.
        for rule, connected, page, pools in (
                ("tcp dport 80 drop", ("timeout",), ("timeout",), every),
                ("tcp dport 80 reject with tcp reset", ("refused",), ("refused",), every),
                ("tcp dport 80 reject with icmpx type port-unreachable", ("refused",), ("refused",), every),
                ("tcp dport 80 reject with icmpx type host-unreachable", unreachable, unreachable, every),
                ("tcp dport 80 reject with icmpx type admin-prohibited", unreachable, unreachable, every),
                ("tcp dport 80 tcp flags & (syn|ack) == ack drop", ("success",), ("timeout",), ("url", "url6")),
                ("meta nfproto ipv6 tcp dport 80 drop", None, None, ("tcp6", "url6"))):
            with self.subTest(rule), contextlib.ExitStack() as after:
                self.await_up(*every)
                self.world.pdns.warm(f"tcp.{APEX}", "A")
                after.callback(web.filter)
                web.filter(rule)
                self.await_down(*pools)
                for part, results in ((v4, connected), (v6, connected), (url4, page), (url6, page)):
                    if results:  # not every packet has an ICMPv6 message, limits or not
                        self.await_result(results + (("timeout",) if "icmpx" in rule else ()), part)
                for pool in set(every) - set(pools):
                    self.assertTrue(self.is_up(pool), pool)
        self.await_up(*every)

    def test_a_target_that_loses_a_fifth_of_its_packets_goes_down_and_stays_down(self):
        lossy = self.hosts.lossy
        pools = {"losing-udp": "dns www.probe.test", "losing-tcp": f"tcp {lossy.address}:80"}
        checks = {pool: (part, f" from {lossy.address}" if "dns" in part else "fall=10") for pool, part in pools.items()}
        self.await_up(*pools)
        lossy.filter("numgen random mod 100 < 20 counter drop")
        self.await_down(*pools)
        history = self.world.daemon.json("/v1/health/history")["transitions"]
        fell = {pool: self.probed(*parts) for pool, parts in checks.items()}
        for pool, parts in checks.items():
            last = [past for past in history if all(part in past["check"] for part in parts)][-1]
            self.assertEqual((last["to"], last["why"], last["result"]), ("down", "lost-probes", "timeout"), pool)
        # Now and again a run of successes, none of 30. More of them break off with SDNS_LONG.
        more = 300 if harness.LONG else 25
        def later():
            now = {pool: self.probed(*parts) for pool, parts in checks.items()}
            self.assertFalse(any(self.is_up(pool) for pool in pools))
            return all(now[pool]["probes"] >= fell[pool]["probes"] + more for pool in pools) and now
        stayed = harness.wait_for("further probes", later, seconds=more * 2 + harness.PATIENCE)
        for pool in pools:
            self.assertEqual(stayed[pool]["transitions"], fell[pool]["transitions"], pool)
            self.assertGreater(stayed[pool]["failed"], fell[pool]["failed"], pool)
            self.assertGreater(stayed[pool]["probes"] - stayed[pool]["failed"], fell[pool]["probes"] - fell[pool]["failed"], pool)
        self.assertGreater(lossy.filtered()[0], 3)

    def test_one_lost_datagram_does_not_flap(self):
        names = self.hosts.names
        part = (f"dns www.probe.test. from {names.address}",)
        self.await_up("udp")
        before = self.probed(*part)
        names.filter("udp dport 53 counter quota until 100 bytes counter drop")  # the first query, of some 60 octets
        after = harness.wait_for("it was lost and the next was not",
                                 lambda: (now := self.probed(*part))["failed"] > before["failed"] and now["successes_in_row"] > 0 and now)
        self.assertEqual(names.filtered()[1], 1)
        self.assertEqual(after["failed"], before["failed"] + 1)
        self.assertEqual(after["transitions"], before["transitions"])
        self.assertTrue(self.is_up("udp"))
        names.filter("udp dport 53 drop")
        self.await_down("udp")
        names.filter("udp dport 53 reject")
        self.await_result("refused", *part)

    def test_one_reset_in_the_middle_of_a_body_does_not_flap_and_every_one_is_a_failure(self):
        at_once, damped = ("url ", ":8080/page"), ("url ", ":8081/page")
        self.await_up("proxied", "damped")
        self.world.pdns.warm(f"proxied.{APEX}", "A")
        self.proxy.say("reset", 5000)
        self.await_down("proxied")
        self.await_result("reset", *at_once)
        self.proxy.say("pass")
        self.await_up("proxied")
        before = self.probed(*damped)
        self.proxy2.say("reset", 5000, 1)
        after = harness.wait_for("a success after it", lambda: (now := self.probed(*damped))["failed"] > before["failed"] and now["successes_in_row"] > 0 and now)
        self.assertEqual(after["failed"], before["failed"] + 1)
        self.assertEqual(after["transitions"], before["transitions"])
        self.assertTrue(self.is_up("damped"))
        self.proxy2.say("reset", 5000)
        self.await_down("damped")
        self.assertEqual(self.probed(*damped)["transitions"], before["transitions"] + 1)

    def test_a_delay_is_no_failure_until_it_is_longer_than_the_timeout(self):
        check = ("url ", ":8080/page")
        def last():
            return self.probed(*check)["last"]
        self.await_up("proxied")
        self.proxy.say("delay", 200)
        harness.wait_for("a probe that took 200 ms", lambda: last()["result"] == "success" and last()["us"] >= 200_000)
        self.assertTrue(self.is_up("proxied"))
        self.proxy.say("delay", 60_000)
        self.await_down("proxied")
        self.assertEqual(last()["result"], "timeout")
        self.proxy.say("pass")
        self.await_up("proxied")
        self.proxy.say("hold")
        self.await_down("proxied")
        self.await_result("timeout", *check)
        self.proxy.say("pass")
        self.await_up("proxied")

    def test_a_server_that_is_stopped_still_accepts_and_one_that_is_killed_refuses(self):
        killed, nginx = self.hosts.killed, self.nginx["killed"]
        tcp, url = (f"tcp {killed.address}:80",), (f"from {killed.address} ",)
        self.await_up("killed-tcp", "killed-url")
        os.killpg(nginx.process.pid, signal.SIGSTOP)
        self.await_down("killed-url")
        self.await_result("timeout", *url)
        self.assertTrue(self.is_up("killed-tcp"), "the kernel accepts for it")
        os.killpg(nginx.process.pid, signal.SIGCONT)
        self.await_up("killed-url")
        nginx.process.kill_all()
        self.await_down("killed-tcp", "killed-url")
        self.await_result("refused", *tcp)
        self.await_result("refused", *url)
        # Nobody accepts, and the queue for it is full: packets are dropped, as by a host that is overloaded.
        with contextlib.ExitStack() as held:
            full = held.enter_context(killed.listen(80, backlog=0))
            with killed:
                for _ in range(4):
                    waiting = held.enter_context(socket.socket())
                    waiting.setblocking(False)
                    waiting.connect_ex(full.getsockname())
            self.await_result("timeout", *tcp)
            self.assertFalse(self.is_up("killed-tcp"))
        nginx.start()
        self.await_up("killed-tcp", "killed-url")


if __name__ == "__main__":
    harness.main()
