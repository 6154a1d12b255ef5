# SPDX-License-Identifier: MIT
"""Two independent validators, asked through the name server under test from a trust anchor that the test gives them."""
import re
import subprocess

from differential.wire import type_number

SECURE, SECURE_NEGATIVE, INSECURE, BOGUS = "secure", "secure negative", "insecure", "bogus"


def _run(arguments):
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    return done.stdout + done.stderr


def _number(rrtype):
    """TYPEnnn, which every tool takes; their mnemonics differ."""
    return f"TYPE{type_number(rrtype)}"


class Validators:
    """`anchors`: {zone: DS content}. `zones`: every zone that the server has, for unbound's stubs."""

    def __init__(self, directory, port, anchors, zones):
        self.directory, self.port = directory, port
        self.anchor_files = {}
        for number, (zone, ds) in enumerate(anchors.items()):
            tag, algorithm, digest_type, digest = ds.split(" ", 3)
            file = directory / f"anchor-{number}.conf"
            file.write_text(f'trust-anchors {{ "{zone}" static-ds {tag} {algorithm} {digest_type} "{digest}"; }};\n')
            self.anchor_files[zone] = file
        self.unbound_conf = directory / "unbound.conf"
        stubs = "".join(f'stub-zone:\n  name: "{zone}"\n  stub-addr: 127.0.0.1@{port}\n' for zone in zones)
        trust = "".join(f'  trust-anchor: "{zone} DS {ds}"\n' for zone, ds in anchors.items())
        self.unbound_conf.write_text(
            'server:\n  module-config: "validator iterator"\n  do-not-query-localhost: no\n  do-ip6: no\n  chroot: ""\n'
            '  local-zone: "test." nodefault\n  qname-minimisation: no\n  harden-below-nxdomain: no\n' + trust + stubs)

    def delv(self, anchor, name, rrtype):
        """(verdict, what delv printed). A denial at the end of a CNAME chain counts as secure when all of the chain is."""
        rrtype = _number(rrtype)
        text = _run(["delv", "@127.0.0.1", "-p", str(self.port), "-a", str(self.anchor_files[anchor]), f"+root={anchor}",
                     "+multiline", name, rrtype])
        if re.search(r"^; (negative response, )?unsigned", text, re.M):
            return INSECURE, text
        if re.search(r"^; fully validated", text, re.M):
            return SECURE, text
        if re.search(r"^; negative response, fully validated", text, re.M):
            return SECURE_NEGATIVE, text
        return BOGUS, text

    def unbound(self, name, rrtype):
        """(verdict, what unbound-host printed); of a CNAME chain likewise."""
        text = _run(["unbound-host", "-v", "-C", str(self.unbound_conf), "-t", _number(rrtype), name])
        lines = [line for line in text.splitlines() if re.search(r"\((secure|insecure|BOGUS)", line)]
        if not lines or any("BOGUS" in line for line in lines):
            return BOGUS, text
        if any("(insecure)" in line for line in lines):
            return INSECURE, text
        negative = "is an alias for" not in text and any(re.search(r"has no |not found: 3\(NXDOMAIN\)", line) for line in lines)
        return SECURE_NEGATIVE if negative else SECURE, text
