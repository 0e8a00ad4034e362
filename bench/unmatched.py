#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rules that cannot match ordinary traffic, to see what rules cost that concern nobody: ports nobody uses, addresses
that do not exist (240.0.0.0/4), protocols that are rare, texts that do not occur.

usage: unmatched.py [COUNT] [FIRST_SID] > FILE      (100000 from sid 8000000)
"""
import random
import sys


def words(rng, n):
    """A text that no traffic holds: consonants that no language puts beside each other."""
    return "".join(rng.choice("bcdfghjklmnpqrstvwxz") for _ in range(n))


def address(rng):
    return f"{rng.randrange(240, 255)}.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"


def rule(rng, i):
    """Header and conditions of the i-th rule."""
    text = words(rng, rng.randrange(10, 24))
    kinds = (
        (f"ip any any -> {address(rng)} any", ""),
        (f"tcp any any -> [{address(rng)},{address(rng)}] {rng.randrange(1, 65536)}", "flags:S; "),
        (f"tcp {address(rng)} any -> $HOME_NET any", f'flow:established,to_server; content:"{text}"; '),
        (f"udp any any -> any {rng.randrange(64000, 65536)}", f'content:"{text}"; '),
        (f"tcp any any -> any [{rng.randrange(64000, 64500)},{rng.randrange(64500, 65000)}]", f'content:"{text}"; depth:64; '),
        ("sip any any -> any any", f'sip.uri; content:"{text}"; '),
        ("mqtt any any -> any any", f'mqtt.publish.topic; content:"{text}"; '),
        ("snmp any any -> any any", f'snmp.community; content:"{text}"; '),
        ("http any any -> any any", f'flow:to_server; http.host; content:"{text}.invalid"; endswith; '),
        ("http any any -> any any", f'flow:to_server; http.uri; content:"/{text}.php?id="; '),
        ("tls any any -> any any", f'tls.sni; content:"{text}.invalid"; '),
        ("dns any any -> any any", f'dns.query; content:"{text}"; nocase; '),
        ("tcp any any -> any any", f'flow:established; content:"|{rng.randrange(256):02x}|{text}|0d 0a|"; '),
    )
    return kinds[i % len(kinds)]


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100000
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 8000000
    rng = random.Random(1)
    for i in range(count):
        header, what = rule(rng, i)
        print(f'alert {header} (msg:"unmatched {i}"; {what}sid:{first + i}; rev:1;)')


if __name__ == "__main__":
    main()
