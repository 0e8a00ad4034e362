# SPDX-License-Identifier: Apache-2.0
"""Files that travel through the town. Same bytes at every run (but for a
mail's date and id), so that hashes can be listed."""

import datetime
import email.header
import email.message
import email.policy
import email.utils
import random
import struct

JAPAN = datetime.timezone(datetime.timedelta(hours=9))
NOTE = (
    b"Kidoban lab sample. Harmless: it holds no code. It only has the first bytes of a program "
    b"so that a sensor can recognise its type.\r\n"
)


def program():
    """A Windows program by its headers only: MZ, PE, no sections, no code. 24 KiB."""
    dos = b"MZ" + bytes(58) + struct.pack("<I", 0x80)
    stub = b"This program cannot be run in DOS mode.\r\r\n$".ljust(64, b"\0")
    pe = b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, 0, 0, 0, 0, 240, 0x22)
    pe += struct.pack("<H66xH170x", 0x20B, 3)  # PE32+, console
    body = (NOTE * 200)[: 24576 - len(dos + stub + pe)]
    return dos + stub + pe + body


def update_package():
    """A software update by its first bytes (MSCF), then 96 KiB that do not compress."""
    return b"MSCF\0\0\0\0" + random.Random(10042).randbytes(98304)


def roster():
    """A section's table, CSV in Shift_JIS as Excel writes it here."""
    rows = ["番号,科目,予算額,執行額,残額"]
    pick = random.Random(7)
    for number in range(1, 181):
        budget = pick.randrange(100, 9000) * 1000
        used = pick.randrange(0, budget)
        rows.append(f"{number},需用費{number:03d},{budget},{used},{budget - used}")
    return ("\r\n".join(rows) + "\r\n").encode("cp932")


def pdf(title):
    """A one-page PDF."""
    text = f"BT /F1 24 Tf 72 720 Td ({title}) Tj ET".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        (
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R"
            b"/Resources<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>"
        ),
        b"<</Length %d>>stream\n%s\nendstream" % (len(text), text),
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % o for o in offsets)
    return (
        out + b"xref\n0 5\n0000000000 65535 f \n%strailer\n<</Size 5/Root 1 0 R>>\n"
        b"startxref\n%d\n%%%%EOF\n" % (table, len(out))
    )


def mail(sender, to, subject, text, attachments=(), charset="iso-2022-jp"):
    """A raw message as a Japanese mail program writes it. attachments: (name, type, bytes)."""
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    message["From"], message["To"] = sender, to
    message["Date"] = email.utils.format_datetime(datetime.datetime.now(JAPAN))
    message["Message-ID"] = email.utils.make_msgid(domain=sender.split("@")[1])
    message.set_content(
        text, charset=charset, cte="7bit" if charset == "iso-2022-jp" else "base64"
    )
    for name, kind, data in attachments:
        main, sub = kind.split("/")
        message.add_attachment(data, maintype=main, subtype=sub, filename=name)
    encoded = email.header.Header(subject, charset).encode(linesep="\r\n")
    return b"Subject: " + encoded.encode() + b"\r\n" + message.as_bytes()
