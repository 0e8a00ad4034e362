# SPDX-License-Identifier: Apache-2.0
"""Rules and lists of suspicious objects fetched by HTTPS from a real server: what is taken, what is refused, and what
stays in force then."""
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time

import supervisor
import tap
from mirror import Authority, Mirror, openssl

RULE = 'alert dns any any -> any any (msg:"%s"; dns.query; content:"%s"; sid:%d; rev:1;)\n'


def rules(*names, first=9000001):
    return "".join(RULE % (n, n, first + i) for i, n in enumerate(names)).encode()


def archive(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


class World:
    def __init__(self, folder, name, mirror_certificate=None):
        self.folder = os.path.join(folder, name)
        os.makedirs(self.folder)
        self.authority = Authority(os.path.join(self.folder, "ca"))
        self.mirror = Mirror(mirror_certificate or self.authority.certificate("DNS:localhost,IP:127.0.0.1"))
        self.dir = os.path.join(self.folder, "state")
        self.path = os.path.join(self.folder, "kidoban.yaml")

    def configure(self, rules=(), lists=(), fetch=(), more=""):
        def entries(of):
            return "".join("    - " + "\n      ".join(f"{k}: {v}" for k, v in e.items()) + "\n" for e in of)
        text = "web:\n  listen: off\n"
        if rules:
            text += "rules:\n  own: off\n  sources:\n" + entries(rules)
        if lists:
            text += "objects:\n  lists:\n" + entries(lists)
        text += "fetch:\n" + "".join(f"  {k}: {v}\n" for k, v in {"ca_file": self.authority.pem, **dict(fetch)}.items())
        with open(self.path, "w") as f:
            f.write(text + more)

    def run(self, *command, env=tap.ENGLISH):
        return tap.run(*command, "-c", self.path, "--dir", self.dir, env=env)

    def update(self, expect=0):
        status, out, err = self.run("rules", "update")
        assert status == expect, (status, out, err)
        return out.decode(), "\n".join(err)

    def current(self):
        folder = os.path.join(self.dir, "rules", "current")
        if not os.path.isdir(folder):
            return ""
        return "".join(open(os.path.join(folder, n)).read() for n in sorted(os.listdir(folder)) if n.endswith(".rules"))


def an_archive_is_fetched_and_stays_when_unchanged(folder):
    w = World(folder, "archive")
    w.mirror.files["/r.tar.gz"] = archive({"rules/a.rules": rules("one.example", "two.example"), "rules/README": b"x"})
    w.configure([{"url": w.mirror.url + "/r.tar.gz"}])
    out, _ = w.update()
    assert "2 loaded" in out and "one.example" in w.current(), out
    out, _ = w.update()
    assert "unchanged" in out and w.mirror.asked[-1] == ("/r.tar.gz", 304), (out, w.mirror.asked)
    assert len([n for n in os.listdir(w.dir + "/rules") if n.startswith("2")]) == 1
    w.mirror.behave["/r.tar.gz"] = "no validators"
    out, _ = w.update()
    assert "unchanged" in out and w.mirror.asked[-1][1] == 200, out
    w.mirror.files["/r.tar.gz"] = archive({"a.rules": rules("three.example")})
    w.update()
    assert "three.example" in w.current() and "one.example" not in w.current()
    assert w.run("rules", "rollback")[0] == 0 and "one.example" in w.current()
    w.mirror.stop()


def several_sources_become_one_set(folder):
    w = World(folder, "several")
    w.mirror.files["/a.tar.gz"] = archive({"x.rules": rules("a.example"), "classification.config": b"config classification: odd,Odd,2\n"})
    w.mirror.files["/b.tar.gz"] = archive({"x.rules": rules("b.example", first=9000101), "classification.config": b"config classification: odd,Other,3\n"})
    w.mirror.files["/c.rules"] = rules("c.example", first=9000201)
    w.configure([{"url": w.mirror.url + p} for p in ("/a.tar.gz", "/b.tar.gz", "/c.rules")])
    w.update()
    assert all(n in w.current() for n in ("a.example", "b.example", "c.example")), w.current()
    w.mirror.files["/b.tar.gz"] = archive({"x.rules": rules("d.example", first=9000101)})
    w.mirror.files["/c.rules"] = b"<!DOCTYPE html><html>not found</html>"
    w.update(expect=1)
    text = w.current()
    assert "d.example" in text and "c.example" in text and "a.example" in text and "b.example" not in text
    w.mirror.stop()


def what_is_wrong_is_refused_and_the_old_stays(folder):
    w = World(folder, "wrong")
    good = archive({"a.rules": rules("good.example")})
    w.mirror.files["/r.tar.gz"] = good
    source = {"url": w.mirror.url + "/r.tar.gz"}
    w.configure([source])
    w.update()
    before = w.current()

    def refused(part, **more):
        w.configure([dict(source, **more.pop("source", {}))], fetch=more.items())
        _, err = w.update(expect=1)
        assert part in err, err
        assert w.current() == before

    w.mirror.files["/r.tar.gz"] = archive({"a.rules": rules("new.example")})
    w.mirror.behave["/r.tar.gz"] = "truncate"
    refused("ended before its end")
    w.mirror.behave["/r.tar.gz"] = ("status", 503)
    refused("the server refuses")
    w.mirror.behave["/r.tar.gz"] = ("redirect", f"http://localhost:{w.mirror.port}/r.tar.gz")
    refused("not allowed")
    w.mirror.behave["/r.tar.gz"] = ("redirect", f"https://127.0.0.1:{w.mirror.port}/else.tar.gz")
    w.mirror.files["/else.tar.gz"] = w.mirror.files["/r.tar.gz"]
    refused("not allowed")
    assert ("/else.tar.gz", 200) not in w.mirror.asked
    w.mirror.behave["/r.tar.gz"] = ("redirect", "/r.tar.gz")
    refused("too many redirections")
    del w.mirror.behave["/r.tar.gz"]
    refused("SHA-256", source={"sha256": "0" * 64})
    w.mirror.files["/r.tar.gz.sha256"] = b"0" * 64 + b"  r.tar.gz\n"
    refused("SHA-256", source={"sha256": "beside"})
    w.mirror.files["/r.tar.gz"] = b"\x1f\x8b" + os.urandom(2000)
    refused("cannot be used")
    w.mirror.files["/r.tar.gz"] = b"alert nonsense\n" * 5
    refused("cannot be used")
    w.mirror.files["/r.tar.gz"] = os.urandom(3 << 20)
    refused("larger than fetch.most_mib", most_mib=1)
    w.mirror.behave["/r.tar.gz"] = "no validators"
    other = Authority(os.path.join(w.folder, "other"), "another authority")
    refused("certificate", ca_file=other.pem)
    w.mirror.stop()
    refused("does not answer")
    w.mirror.back()
    w.mirror.files["/r.tar.gz"] = archive({"a.rules": rules("back.example")})
    w.configure([source])
    w.update()
    assert "back.example" in w.current()
    w.mirror.stop()


def a_certificate_of_another_name_is_refused(folder):
    authority = Authority(os.path.join(folder, "name-ca"))
    w = World(folder, "name", authority.certificate("DNS:other.example"))
    w.authority = authority
    w.mirror.files["/r.rules"] = rules("a.example")
    w.configure([{"url": w.mirror.url + "/r.rules"}])
    _, err = w.update(expect=1)
    assert "certificate" in err and w.mirror.asked == [], err
    w.mirror.stop()


def a_redirect_to_a_named_host_is_followed(folder):
    w = World(folder, "redirect")
    w.mirror.files["/else.rules"] = rules("moved.example")
    w.mirror.behave["/r.rules"] = ("redirect", f"https://127.0.0.1:{w.mirror.port}/else.rules")
    w.configure([{"url": w.mirror.url + "/r.rules"}], fetch=[("hosts", "[127.0.0.1]")])
    w.update()
    assert "moved.example" in w.current()
    w.mirror.stop()


def sums_and_signatures_are_checked(folder):
    w = World(folder, "signed")
    key, public = os.path.join(w.folder, "k.pem"), os.path.join(w.folder, "p.pem")
    openssl("genpkey", "-algorithm", "ed25519", "-out", key)
    openssl("pkey", "-in", key, "-pubout", "-out", public)

    def publish(content):
        w.mirror.files["/r.rules"] = content
        w.mirror.files["/r.rules.sha256"] = hashlib.sha256(content).hexdigest().encode() + b"  r.rules\n"
        data, sig = os.path.join(w.folder, "data"), os.path.join(w.folder, "sig")
        open(data, "wb").write(content)
        openssl("pkeyutl", "-sign", "-inkey", key, "-rawin", "-in", data, "-out", sig)
        w.mirror.files["/r.rules.sig"] = open(sig, "rb").read()
    publish(rules("signed.example"))
    w.configure([{"url": w.mirror.url + "/r.rules?edition=2", "sha256": "beside", "key": public}])
    w.update()
    assert "signed.example" in w.current()
    w.mirror.files["/r.rules"] = rules("forged.example")
    w.mirror.files["/r.rules.sha256"] = hashlib.sha256(rules("forged.example")).hexdigest().encode()
    _, err = w.update(expect=1)
    assert "signature" in err and "signed.example" in w.current(), err
    del w.mirror.files["/r.rules.sig"]
    w.update(expect=1)
    publish(rules("again.example"))
    w.update()
    assert "again.example" in w.current()
    pinned = hashlib.sha256(w.mirror.files["/r.rules"]).hexdigest()
    w.configure([{"url": w.mirror.url + "/r.rules", "sha256": pinned}])
    w.update()
    w.mirror.stop()


def nobody_is_asked_by_default(folder):
    status, out, err = tap.run("rules", "update", "--dir", os.path.join(folder, "none"))
    assert status == 2 and not os.path.exists(os.path.join(folder, "none", "updates")), (status, out, err)
    status, out, err = tap.run("object", "update", "--dir", os.path.join(folder, "none"))
    assert status != 0, (status, out, err)


if __name__ == "__main__":
    tap.main([an_archive_is_fetched_and_stays_when_unchanged, several_sources_become_one_set,
              what_is_wrong_is_refused_and_the_old_stays, a_certificate_of_another_name_is_refused,
              a_redirect_to_a_named_host_is_followed, sums_and_signatures_are_checked, nobody_is_asked_by_default])
