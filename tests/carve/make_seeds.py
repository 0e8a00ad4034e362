#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the files that the carver's formats are tested with.  usage: make_seeds.py FOLDER

Real programs where there are any (zip, tar, gzip, 7z, genisoimage, gcab); by hand, after the formats'
specifications, what no free program writes (RAR, older Office, shortcuts, OneNote).  Nothing in them does harm.
"""
import os
import struct
import subprocess
import sys
import tempfile
import zipfile

TO = os.path.abspath(sys.argv[1])


def write(name, data):
    with open(os.path.join(TO, name), "wb") as f:
        f.write(data)


def run(*args, cwd):
    subprocess.run(args, cwd=cwd, check=True, stdout=subprocess.DEVNULL)


def made_by_programs():
    with tempfile.TemporaryDirectory() as d:
        open(d + "/a.txt", "w").write("hello hello\n" * 40)
        open(d + "/見積.txt", "w").write("見積\n")
        for f in os.listdir(d):
            os.utime(f"{d}/{f}", (1700000000, 1700000000))
        run("zip", "-X", TO + "/plain.zip", "a.txt", "見積.txt", cwd=d)
        run("zip", "-X", "-P", "secret", TO + "/password.zip", "a.txt", cwd=d)
        with open(TO + "/streamed.zip", "wb") as f:  # sizes behind the data
            subprocess.run(["zip", "-X", "-fd", "-", "a.txt", "見積.txt"], cwd=d, check=True, stdout=f)
        run("tar", "--owner=0", "--group=0", "--format=gnu", "-cf", TO + "/two.tar", "a.txt", "見積.txt", cwd=d)
        long_name = "folder/" + "n" * 120 + ".txt"
        os.mkdir(d + "/folder")
        open(f"{d}/{long_name}", "w").write("x")
        run("tar", "--owner=0", "--group=0", "--format=gnu", "-cf", TO + "/long-name.tar", long_name, "a.txt", cwd=d)
        run("gzip", "-k", "a.txt", cwd=d)
        write("named.gz", open(d + "/a.txt.gz", "rb").read())
        run("7z", "a", "-psecret", "-mhe=on", TO + "/hidden.7z", "a.txt", cwd=d)
        run("7z", "a", TO + "/plain.7z", "a.txt", cwd=d)
        run("gcab", "-c", TO + "/one.cab", "a.txt", cwd=d)
        os.mkdir(d + "/iso")
        open(d + "/iso/Document.pdf.lnk", "w").write("x")
        open(d + "/iso/請求書.exe", "w").write("MZ")
        run("genisoimage", "-quiet", "-no-pad", "-J", "-input-charset", "utf-8", "-o", TO + "/disc.iso", "iso", cwd=d)


def zipped(name, members, **more):
    with zipfile.ZipFile(os.path.join(TO, name), "w", zipfile.ZIP_DEFLATED) as z:
        for path, text in members:
            z.writestr(zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)


RELS = '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">%s</Relationships>'
REL = '<Relationship Id="r%d" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/%s" Target="%s" TargetMode="External"/>'


def office():
    zipped("macro.docm", [("[Content_Types].xml", "<Types/>"), ("_rels/.rels", RELS % ""), ("word/document.xml", "<a/>"),
                          ("word/vbaProject.bin", "x" * 50)])
    zipped("template.docx", [("[Content_Types].xml", "<Types/>"), ("word/document.xml", "<a/>" * 999),
                             ("word/_rels/settings.xml.rels", RELS % (REL % (1, "attachedTemplate", "http://192.0.2.1/t.dotm"))),
                             ("word/_rels/document.xml.rels", RELS % (REL % (1, "hyperlink", "http://harmless.example/") +
                                                                      REL % (2, "oleObject", "\\\\192.0.2.2\\share\\o.html!")))])
    zipped("plain.xlsx", [("_rels/.rels", RELS % ""), ("[Content_Types].xml", "<Types/>"), ("xl/workbook.xml", "<a/>")])
    zipped("program.jar", [("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n"), ("A.class", "\xca\xfe")])
    # names as Windows in Japan writes them
    name = "見積書.exe".encode("cp932")
    data = b"MZ"
    head = struct.pack("<IHHHHHIIIHH", 0x04034b50, 20, 0, 0, 0, 0, 0, 2, 2, len(name), 0) + name + data
    central = struct.pack("<IHHHHHHIIIHHHHHII", 0x02014b50, 20, 20, 0, 0, 0, 0, 0, 2, 2, len(name), 0, 0, 0, 0, 0, 0) + name
    write("cp932.zip", head + central + struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, 1, 1, len(central), len(head), 0))


def ole_entry(name, kind, size=0, clsid=b"\0" * 16):
    text = name.encode("utf-16le") + b"\0\0"
    return (text.ljust(64, b"\0") + struct.pack("<HBB", len(text), kind, 1) + b"\xff" * 12 + clsid + b"\0" * 20 +
            struct.pack("<IQ", 0, size))


def ole(name, entries, filler=3):
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16 + struct.pack("<HHHHH", 0x3e, 3, 0xfffe, 9, 6)
    entries = list(entries)
    empty = b"\0" * 64 + b"\0\0\0\0" + b"\xff" * 12 + b"\0" * 48
    while len(entries) % 4:
        entries.append(empty)
    write(name, head.ljust(512, b"\0") + b"text of the document \x01\x02" * (512 * filler // 23) +
          b"\0" * (512 * filler - 23 * (512 * filler // 23)) + b"".join(entries) + b"\xff" * 512)


def older_office():
    ole("macro.doc", [ole_entry("Root Entry", 5), ole_entry("WordDocument", 2, 4096), ole_entry("Macros", 1),
                      ole_entry("VBA", 1), ole_entry("_VBA_PROJECT", 2, 999), ole_entry("\1Ole10Native", 2, 1234)])
    ole("plain.xls", [ole_entry("Root Entry", 5), ole_entry("Workbook", 2, 4096)])
    ole("password.docx", [ole_entry("Root Entry", 5), ole_entry("EncryptionInfo", 2, 200), ole_entry("EncryptedPackage", 2, 9000)])
    ole("setup.msi", [ole_entry("Root Entry", 5, 0, bytes.fromhex("84100c0000000000c000000000000046")), ole_entry("䡀㬿", 2, 10)])


def rar5_vint(n):
    out = b""
    while True:
        out += bytes([n & 0x7f | (0x80 if n > 0x7f else 0)])
        n >>= 7
        if not n:
            return out


def rar5_block(kind, flags, body, extra=b"", data=None):
    v = rar5_vint
    if extra:
        flags |= 1
    if data is not None:
        flags |= 2
    head = v(kind) + v(flags) + (v(len(extra)) if extra else b"") + (v(len(data)) if data is not None else b"") + body + extra
    return b"\0\0\0\0" + v(len(head)) + head + (data or b"")


def rar():
    v = rar5_vint
    mark = b"Rar!\x1a\x07\x01\x00"
    main = rar5_block(1, 0, v(0))

    def file5(name, size, extra=b""):
        name = name.encode()
        return rar5_block(2, 0, v(0) + v(size) + v(32) + v(0) + v(1) + v(len(name)) + name, extra, b"d" * 200)
    crypt = v(5) + v(1) + v(0) + v(2) + b"\x0f"
    write("plain5.rar", mark + main + file5("a.txt", 480) + file5("見積.exe", 70000) + rar5_block(5, 0, v(0)))
    write("password5.rar", mark + main + file5("a.txt", 480, crypt) + rar5_block(5, 0, v(0)))
    write("hidden5.rar", mark + rar5_block(4, 0, v(0) + v(0) + b"\x0f" + b"s" * 16) + os.urandom(0) + b"\x55" * 64)

    def block4(kind, flags, body, data=b""):
        return struct.pack("<HBHH", 0, kind, flags, 7 + len(body)) + body + data

    def file4(name, flags, data):
        return block4(0x74, 0x8000 | flags, struct.pack("<IIBIIBBHI", len(data), 480, 2, 0, 0, 29, 0x30, len(name), 32) + name, data)
    mark4 = b"Rar!\x1a\x07\x00"
    write("plain4.rar", mark4 + block4(0x73, 0, b"\0" * 6) + file4(b"a.txt", 0, b"d" * 99) +
          file4("見積.exe".encode("cp932"), 4, b"d" * 99) + block4(0x7b, 0x4000, b""))
    write("hidden4.rar", mark4 + block4(0x73, 0x80, b"\0" * 6) + b"\x55" * 64)


def shortcuts():
    def text(s):
        return struct.pack("<H", len(s)) + s.encode("utf-16le")
    head = struct.pack("<I", 76) + bytes.fromhex("0114020000000000c000000000000046")
    flags = 1 | 2 | 4 | 8 | 0x20 | 0x80
    ids = b"\x14\0" + b"\x1f" * 18 + b"\0\0"
    path = b"C:\\Windows\\System32\\cmd.exe\0"
    info = struct.pack("<IIIIII", 0x1c, 1, 0, 0x1c, 0, 0x1c + len(path) - 1) + path
    write("run.lnk", head + struct.pack("<I", flags) + b"\0" * 52 + struct.pack("<H", len(ids)) + ids +
          struct.pack("<I", len(info) + 4) + info + text("a picture") + text("..\\..\\cmd.exe") +
          text("/c echo harmless " + " " * 300 + "end"))
    write("web.url", b"[InternetShortcut]\r\nURL=file://192.0.2.9/share/a.exe\r\nIconFile=\\\\192.0.2.9\\i\\a.ico\r\n")


def documents():
    write("script.pdf", b"%PDF-1.5\n1 0 obj\n<< /Type /Catalog /OpenAction << /S /J#61vaScript /JS (app.alert\\(1\\)) >> >>\nendobj\n")
    write("password.pdf", b"%PDF-1.7\n" + b"% filler /Encryption\n" * 99 + b"trailer << /Encrypt 5 0 R/Root 1 0 R>>")
    write("plain.pdf", b"%PDF-1.4\n1 0 obj << /Type /Catalog >> endobj")
    write("object.rtf", b"{\\rtf1\\ansi text {\\object\\objemb\\objupdate{\\*\\objclass Equation.3}{\\*\\objdata 0105}}}")
    write("template.rtf", b"{\\rtf1{\\*\\template http://192.0.2.1/t}\\ansi text}")
    def attribute(kind, data):
        return struct.pack("<BII", 2, kind, len(data)) + data + struct.pack("<H", sum(data) & 0xffff)
    write("winmail.dat", struct.pack("<IH", 0x223e9f78, 1) + attribute(0x00089006, b"\0\0\1\0") +
          attribute(0x00069002, b"\1\0" * 7) + attribute(0x0006800f, b"d" * 700) + attribute(0x00018010, "見積.xls".encode("cp932") + b"\0") +
          attribute(0x00069002, b"\1\0" * 7) + attribute(0x00018010, b"b.txt\0") + attribute(0x0006800f, b"d" * 20))
    mark = bytes.fromhex("e4525c7b8cd8a74daeb15378d02996d3")
    store = bytes.fromhex("e716e3bd65261145a4c48d4d0b7a9eac")
    inner = b"<html><hta:application id=a></html>"
    write("embedded.one", mark + b"\0" * 2000 + store + struct.pack("<QIQ", len(inner), 0, 0) + inner + b"\0" * 99)


for old in os.listdir(TO):
    os.unlink(os.path.join(TO, old))
made_by_programs()
office()
older_office()
rar()
shortcuts()
documents()
