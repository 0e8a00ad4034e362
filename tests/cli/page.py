# SPDX-License-Identifier: Apache-2.0
"""A running sensor with its page, asked by its HTTP API."""
import http.cookiejar
import json
import re
import signal
import socket
import ssl
import urllib.request

from supervisor import start, wait_for
from tap import recording

CAPTURE = "first-attack.pcap.zst"


class Page:
    """The HTTP API, logged in as admin."""

    def __init__(self, port):
        jar = http.cookiejar.CookieJar()
        no_check = ssl._create_unverified_context()  # its own certificate, on loopback
        self.base, self.csrf = f"https://127.0.0.1:{port}/api/v1", None
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar),
                                                  urllib.request.HTTPSHandler(context=no_check))

    def __call__(self, method, path, body=None):
        r = urllib.request.Request(self.base + path, method=method)
        r.add_header("Content-Type", "application/json")
        if self.csrf:
            r.add_header("X-CSRF-Token", self.csrf)
        data = None if body is None else json.dumps(body).encode()
        with self.opener.open(r, data, timeout=20) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def login(self, password):
        self.csrf = self("POST", "/session", {"user": "admin", "password": password})["csrf"]
        self("POST", "/session/password", {"old": password, "new": "a long enough password"})


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Sensor:
    """The recording played in a loop as if it were now, with its page."""

    def __init__(self, folder, name, more=""):
        port = free_port()
        config = f"{folder}/{name}.yaml"
        self.dir = f"{folder}/{name}.d"
        self.json = f"{folder}/{name}.json"
        with open(config, "w") as f:
            f.write(f"web: {{listen: '127.0.0.1:{port}'}}\njson: {self.json}\n{more}")
        self.p = start("run", "-c", config, "--dir", self.dir, "--demo", recording(CAPTURE))
        line = b""
        while b"password" not in line:
            line = self.p.stderr.readline()
            assert line, "the sensor ended"
        self.page = Page(port)
        wait_for(lambda: self.answers(port), 10, "the page")
        self.page.login(re.search(rb"password (\S+)", line)[1].decode())

    def answers(self, port):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0

    def end(self):
        self.p.send_signal(signal.SIGTERM)
        _, errors = self.p.communicate(timeout=30)
        assert self.p.returncode == 0, (self.p.returncode, errors)
        return errors


def detections(page, **filter_by):
    query = "&".join(f"{k}={v}" for k, v in {"limit": 200, "state": "open", **filter_by}.items())
    return page("GET", "/detections?" + query)["items"]


def alerts(path):
    text = open(path, "rb").read()
    lines = (json.loads(line) for line in text[:text.rfind(b"\n") + 1].splitlines() if b'"detection":{' in line)
    return [r["detection"] for r in lines if "detection" in r]
