# SPDX-License-Identifier: MIT
"""Bob Jenkins' hash of 1996 ("lookup2"), by which LUA records choose: a second implementation, for expectations."""
import ipaddress

MASK = 0xFFFFFFFF
SHIFTS = ((13, -8, 13), (12, -16, 5), (3, -10, 15))


def _mix(a, b, c):
    for first, second, third in SHIFTS:
        a = (a - b - c & MASK) ^ c >> first
        b = (b - c - a & MASK) ^ (a << -second & MASK)
        c = (c - a - b & MASK) ^ b >> third
    return a, b, c


def jenkins(octets, init=0):
    a = b = 0x9E3779B9
    c, size, rest = init, len(octets), octets
    while len(rest) >= 12:
        words = [int.from_bytes(rest[i:i + 4], "little") for i in (0, 4, 8)]
        a, b, c = _mix(a + words[0] & MASK, b + words[1] & MASK, c + words[2] & MASK)
        rest = rest[12:]
    # The length is the lowest octet of the last word.
    tail = rest[:8].ljust(8, b"\0") + b"\0" + rest[8:].ljust(3, b"\0")
    words = [int.from_bytes(tail[i:i + 4], "little") for i in (0, 4, 8)]
    return _mix(a + words[0] & MASK, b + words[1] & MASK, c + size + words[2] & MASK)[2]


def hash_address(address):
    return jenkins(ipaddress.ip_address(str(address)).packed)


def hash_name(name):
    labels = name.rstrip(".").lower().split(".")
    return jenkins(b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0")


def hash_text(text):
    return jenkins(text.encode())


assert hash_address("127.0.0.1") == 4196678856 and hash_address("2001:db8::1") == 104545022
assert hash_name("test.namehashed.example.org.") == 1903138504 and hash_text("4.3.2.1-0") == 402799723
