#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Play the cases of cases.py with curl, openssl and dig against small servers, in a network namespace of its own, and record them:
fires.pcap.zst and silent.pcap.zst.  Every case has a server address of its own, by which tests/rules/run knows it.  As root.

usage: rules/cases/record.py"""
import contextlib
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from cases import CASES  # noqa: E402

CLIENT = "10.20.1.101"
current = {}  # server address: case


def address(index, case):
    return f"{'10.20.2' if case.get('inside') else '198.51.100'}.{index + 10}"


def read_request(s):
    data = b""
    while b"\r\n\r\n" not in data:
        more = s.recv(65536)
        if not more:
            return
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += s.recv(65536)


def serve_http(s):
    case = current[s.getsockname()[0]]
    read_request(s)
    headers, body = case["server"] if case["kind"] == "http" else ((), case["content"])
    kind = "text/html" if case["kind"] == "http" else "application/octet-stream"
    lines = ["HTTP/1.1 200 OK", *headers, f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close"]
    s.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def serve_raw(s):
    case = current[s.getsockname()[0]]
    s.sendall(case["server"])
    while s.recv(65536):
        pass


def listen(port, serve):
    def one(s):
        with s, contextlib.suppress(ConnectionError, OSError):  # a client that is done first
            serve(s)
            s.shutdown(socket.SHUT_WR)

    def loop():
        while True:
            threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()

    listener = socket.create_server(("0.0.0.0", port))
    threading.Thread(target=loop, daemon=True).start()


def serve_dns():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO: answer from where it was asked
    s.bind(("0.0.0.0", 53))
    while True:
        data, info, _, peer = s.recvmsg(4096, 256)
        end = data.index(b"\0", 12) + 5
        answer = data[:2] + struct.pack(">HHHHH", 0x8183, 1, 0, 0, 0) + data[12:end]
        s.sendmsg([answer], info, 0, peer)


def run(*args, **more):
    return subprocess.run(args, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=20, **more)


def play(case, to, folder):
    if case["kind"] in ("http", "file"):
        path = case.get("path", "/" + case.get("name", ""))
        run("curl", "-s", "--interface", CLIENT, *case.get("client", []), f"http://{to}{path}", check=True)
    elif case["kind"] == "tls":
        key, cert = folder / "key.pem", folder / "cert.pem"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650", "-subj",
            case["subject"], "-keyout", key, "-out", cert, check=True)
        server = subprocess.Popen(["openssl", "s_server", "-quiet", "-accept", f"{to}:443", "-key", key, "-cert", cert, "-tls1_2"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.3)
        run("openssl", "s_client", "-connect", f"{to}:443", "-bind", CLIENT, "-tls1_2")
        server.kill()
        server.wait()
    elif case["kind"] == "raw":
        with socket.create_connection((to, 4444), source_address=(CLIENT, 0), timeout=5) as s:
            time.sleep(0.05)
            s.sendall(case["client"] or b"\0")
            time.sleep(0.05)
    else:
        run("dig", "+tries=1", "+time=2", "-b", CLIENT, f"@{to}", case["name"])


def record(name, which):
    plain = HERE / f"{name}.pcap"
    dump = subprocess.Popen(["tcpdump", "-i", "lo", "-U", "--immediate-mode", "-Z", "root", "-s0", "-w", plain, "net 198.51.100.0/24 or net 10.20.2.0/24"],
                            stderr=subprocess.PIPE)
    dump.stderr.readline()
    with tempfile.TemporaryDirectory() as folder:
        for index, pair in enumerate(CASES.values()):
            to = address(index, pair[which])
            current[to] = pair[which]
            play(pair[which], to, pathlib.Path(folder))
    time.sleep(0.5)
    dump.terminate()
    dump.wait()
    run("zstd", "-q", "-19", "-f", "--rm", plain, check=True)


def main():
    if "--inside" not in sys.argv:
        sys.exit(subprocess.call(["unshare", "-n", sys.executable, __file__, "--inside"]))
    run("ip", "link", "set", "lo", "mtu", "1500", "up", check=True)
    for where in [CLIENT] + [address(i, c) for i, pair in enumerate(CASES.values()) for c in pair]:
        run("ip", "addr", "add", f"{where}/32", "dev", "lo")
    listen(80, serve_http)
    listen(4444, serve_raw)
    threading.Thread(target=serve_dns, daemon=True).start()
    record("fires", 0)
    record("silent", 1)


main()
