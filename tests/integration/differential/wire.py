# SPDX-License-Identifier: MIT
"""Questions as octets, many in flight, and answers taken apart without a library: RDATA are octets with names written out.
That is what is compared."""
import select
import socket
import struct
import time

import dns.name
import dns.rdatatype

# Where RDATA holds names that a server may compress: octets before the first name, number of names. RFC 1035, RFC 3597
# section 4 and what PowerDNS compresses besides.
NAMES_IN = {2: (0, 1), 3: (0, 1), 4: (0, 1), 5: (0, 1), 6: (0, 2), 7: (0, 1), 8: (0, 1), 9: (0, 1), 12: (0, 1), 14: (0, 2), 15: (2, 1),
            17: (0, 2), 18: (2, 1), 33: (6, 1), 36: (2, 1), 39: (0, 1)}
SOA, OPT, RRSIG, AXFR = 6, 41, 46, 252
NOT_IN_DNSPYTHON = {"LUA": 65402, "ALIAS": 65401, "RKEY": 57, "MD": 3, "MF": 4, "MB": 7, "MG": 8, "MR": 9, "MINFO": 14, "KEY": 25,
                    "ADDR": 65400, "NID": 104, "L32": 105, "L64": 106, "LP": 107, "SMIMEA": 53, "ZONEMD": 63, "DLV": 32769}
TRUNCATED = 0x0200


def type_number(rrtype):
    return NOT_IN_DNSPYTHON.get(rrtype) or int(dns.rdatatype.from_text(rrtype))


class Question:
    __slots__ = ("name", "rrtype", "edns", "recursion", "wire")

    def __init__(self, name, rrtype, edns="do", recursion=False):
        """`name`: text or dns.name.Name; `edns`: "" none, "plain", "do"."""
        name = dns.name.from_text(name) if isinstance(name, str) else name
        self.name, self.rrtype, self.edns, self.recursion = name, rrtype, edns, recursion
        number = type_number(rrtype)
        self.wire = struct.pack("!HHHHH", 0x0100 if recursion else 0, 1, 0, 0, 1 if edns else 0)
        self.wire += name.to_wire() + struct.pack("!HH", number, 1)
        if edns:
            self.wire += b"\0" + struct.pack("!HHBBHH", OPT, 4096, 0, 0, 0x8000 if edns == "do" else 0, 0)

    @property
    def wants_dnssec(self):
        return self.edns == "do"

    def __str__(self):
        return f"{self.name.to_text()} {self.rrtype}{' +dnssec' if self.wants_dnssec else ''}{' (no EDNS)' if not self.edns else ''}" \
               f"{' +rd' if self.recursion else ''}"


def ask_all(port, questions, in_flight=48, patience=20):
    """The answers without their ids, in the order of the questions. UDP; TCP for those that were truncated."""
    answers = [None] * len(questions)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        udp.connect(("127.0.0.1", port))
        udp.setblocking(False)
        waiting, following = {}, 0
        while following < len(questions) or waiting:
            while following < len(questions) and len(waiting) < in_flight:
                waiting[following & 0xFFFF] = (following, time.monotonic())
                udp.send(struct.pack("!H", following & 0xFFFF) + questions[following].wire)
                following += 1
            if not select.select([udp], [], [], patience)[0]:
                raise AssertionError("no answer to " + "; ".join(str(questions[index]) for index, _ in waiting.values()))
            while True:
                try:
                    octets = udp.recv(65535)
                except BlockingIOError:
                    break
                found = waiting.pop(octets[0] << 8 | octets[1], None)
                if found:
                    answers[found[0]] = octets[2:]
    truncated = [index for index, answer in enumerate(answers) if (answer[0] << 8 | answer[1]) & TRUNCATED]
    if truncated:
        with socket.create_connection(("127.0.0.1", port), timeout=patience) as tcp, tcp.makefile("rb") as stream:
            for index in truncated:
                message = b"\0\0" + questions[index].wire
                tcp.sendall(struct.pack("!H", len(message)) + message)
                size, = struct.unpack("!H", stream.read(2))
                answers[index] = stream.read(size)[2:]
    return answers


def read_name(octets, at):
    """(name in wire format without compression, position behind it); `octets` lack the id, so pointers are two too high."""
    parts, behind = [], None
    while True:
        size = octets[at]
        if size >= 0xC0:
            behind = behind or at + 2
            at = ((size & 0x3F) << 8 | octets[at + 1]) - 2
        elif size:
            parts.append(octets[at:at + 1 + size])
            at += 1 + size
        else:
            return b"".join(parts) + b"\0", behind or at + 1


class Answer:
    """`sections`: three lists of (owner, type, class, TTL, RDATA)."""

    def __init__(self, octets):
        self.flags, questions, *counts = struct.unpack_from("!HHHHH", octets)
        self.rcode = self.flags & 15
        at, self.question = 10, b""
        for _ in range(questions):
            name, behind = read_name(octets, at)
            self.question += name + octets[behind:behind + 4]
            at = behind + 4
        self.sections, self.opt = [], None
        for count in counts:
            rows = []
            for _ in range(count):
                owner, at = read_name(octets, at)
                rrtype, rrclass, ttl, size = struct.unpack_from("!HHIH", octets, at)
                at += 10
                rdata = octets[at:at + size]
                if rrtype == OPT:
                    self.opt = (rrclass, ttl, rdata)
                else:
                    if rrtype in NAMES_IN:
                        before, names = NAMES_IN[rrtype]
                        pieces, inside = [octets[at:at + before]], at + before
                        for _ in range(names):
                            name, inside = read_name(octets, inside)
                            pieces.append(name)
                        rdata = b"".join(pieces) + octets[inside:at + size]
                    rows.append((owner, rrtype, rrclass, ttl, rdata))
                at += size
            self.sections.append(rows)
        if at != len(octets):
            raise AssertionError(f"{len(octets) - at} octets behind the last record")

    def types(self, section):
        return {row[1] for row in self.sections[section]}

    def comparable(self, serials=True):
        """(header, question, OPT, sections as sorted lists)."""
        return self.flags, self.question, self.opt, [sorted(comparable(row, serials) for row in rows) for rows in self.sections]


def comparable(row, serials=True):
    """Of an RRSIG everything but the signature itself, of a SOA without `serials` not that. Names in lower case: which case of a
    name PowerDNS shows depends on what it has cached and compressed (RFC 4343 section 4.1)."""
    owner, rrtype, rrclass, ttl, rdata = row
    if rrtype == RRSIG:
        rdata = rdata[:18] + read_name(rdata, 18)[0].lower()
    elif rrtype == SOA:
        rdata = rdata[:-20].lower() + (rdata[-20:] if serials else rdata[-16:])
    elif rrtype in NAMES_IN:
        before = NAMES_IN[rrtype][0]
        rdata = rdata[:before] + rdata[before:].lower()
    return owner.lower(), rrtype, rrclass, ttl, rdata


def transfer(port, apex, patience=20):
    """Every row of an AXFR; the SOA once."""
    message = b"\0\0\0\0\0\1\0\0\0\0\0\0" + dns.name.from_text(apex).to_wire() + struct.pack("!HH", AXFR, 1)
    rows = []
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as tcp, tcp.makefile("rb") as stream:
        tcp.sendall(struct.pack("!H", len(message)) + message)
        while not rows or len(rows) < 2 or rows[-1][1] != SOA:
            head = stream.read(2)
            if len(head) < 2:
                raise AssertionError(f"the transfer of {apex} ended after {len(rows)} records")
            answer = Answer(stream.read(struct.unpack("!H", head)[0])[2:])
            if answer.rcode:
                raise AssertionError(f"no transfer of {apex}: rcode {answer.rcode}")
            rows += answer.sections[0]
    return rows[:-1]

