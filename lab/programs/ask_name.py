#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ask the segment for names by LLMNR (RFC 4795), as Windows does for names that DNS does not know.

usage: ask_name.py NAME...
"""
import socket
import struct
import sys

s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
s.settimeout(1)
for number, name in enumerate(sys.argv[1:], 1):
    question = b"".join(bytes([len(p)]) + p.encode() for p in name.split(".")) + b"\0" + struct.pack(">HH", 1, 1)
    for _ in range(2):
        s.sendto(struct.pack(">HHHHHH", 0x4B00 + number, 0, 1, 0, 0, 0) + question, ("224.0.0.252", 5355))
        try:
            print(name, s.recvfrom(512)[1][0])
            break
        except socket.timeout:
            pass
