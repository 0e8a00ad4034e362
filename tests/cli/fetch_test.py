# SPDX-License-Identifier: Apache-2.0
"""Rules and lists of suspicious objects fetched by HTTPS from a real server: what is taken, what is refused, and what
stays in force then."""
import contextlib
import email
import email.policy
import hashlib
import io
import json
import os
import signal
import socketserver
import sqlite3
import subprocess
import sys
import tarfile
import threading
import time

import supervisor
import tap
from mirror import Authority, Mirror, Proxy, openssl

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
    refused("fetch.ca_file cannot be read", ca_file="/nowhere.pem")
    w.mirror.stop()
    refused("does not answer")
    w.mirror.back()
    w.mirror.files["/r.tar.gz"] = archive({"a.rules": rules("back.example")})
    w.configure([source])
    w.update()
    assert "back.example" in w.current()
    w.mirror.stop()


def names_in_an_archive_lead_nowhere(folder):
    """What a member is called decides what it is, never where it lies."""
    w = World(folder, "names")
    bad = {"../../../up.rules": rules("up.example"), "/etc/root.lst": b"x\n", "..": b"x", ".hidden.rules": rules("hidden.example", first=9000300),
           "a b;$(x).rules": rules("odd.example", first=9000400), "long" + "n" * 200 + ".lst": b"x\n", "state": b"x"}
    out = io.BytesIO(archive({"good.rules": rules("good.example", first=9000100), **bad}))
    plain = tarfile.open(fileobj=out)
    again = io.BytesIO()
    with tarfile.open(fileobj=again, mode="w:gz") as tar:
        for member in plain:
            tar.addfile(member, plain.extractfile(member))
        link = tarfile.TarInfo("link.rules")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    w.mirror.files["/r.tar.gz"] = again.getvalue()
    w.configure([{"url": w.mirror.url + "/r.tar.gz"}])
    before = {os.path.join(at, name) for at, _, names in os.walk(w.folder) for name in names}
    w.update()
    new = {os.path.join(at, name) for at, _, names in os.walk(w.folder) for name in names} - before
    where = os.path.realpath(os.path.join(w.dir, "rules", "current"))
    assert sorted(os.listdir(where)) == ["good.rules", "root.lst", "up.rules"], os.listdir(where)
    assert not [p for p in new if os.path.islink(p)] and all(os.path.realpath(p).startswith(w.dir) for p in new), new
    w.mirror.stop()


def a_full_disk_leaves_the_old_rules(folder):
    if os.geteuid() != 0:
        raise tap.Skip("needs root to mount a small disk")
    w = World(folder, "full")
    os.makedirs(w.dir)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", w.dir], check=True)
    try:
        w.mirror.files["/r.rules"] = rules("small.example")
        w.configure([{"url": w.mirror.url + "/r.rules"}])
        w.update()
        w.mirror.files["/r.rules"] = rules(*[f"n{n}.large.example" for n in range(9000)])
        _, err = w.update(expect=1)
        assert "disk full" in err and "small.example" in w.current() and "large.example" not in w.current(), err
        w.mirror.files["/r.rules"] = rules("again.example")
        w.update()
        assert "again.example" in w.current()
    finally:
        subprocess.run(["umount", w.dir], check=True)
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


def a_proxy_is_gone_through(folder):
    w, proxy = World(folder, "proxy"), Proxy()
    w.mirror.files["/r.rules"] = rules("proxied.example")
    w.configure([{"url": w.mirror.url + "/r.rules"}], fetch=[("proxy", f"127.0.0.1:{proxy.port}")])
    w.update()
    assert "proxied.example" in w.current() and proxy.asked == [f"localhost:{w.mirror.port}"], proxy.asked
    proxy.refuse = True
    _, err = w.update(expect=1)
    assert "refuses" in err and "403" in err, err
    proxy.refuse = False
    other = Authority(os.path.join(w.folder, "other"), "another authority")
    w.mirror.behave["/r.rules"] = "no validators"
    w.configure([{"url": w.mirror.url + "/r.rules"}], fetch=[("proxy", f"127.0.0.1:{proxy.port}"), ("ca_file", other.pem)])
    _, err = w.update(expect=1)
    assert "certificate" in err, err
    w.mirror.stop()


def nobody_is_asked_by_default(folder):
    status, out, err = tap.run("rules", "update", "--dir", os.path.join(folder, "none"))
    assert status == 2 and not os.path.exists(os.path.join(folder, "none", "updates")), (status, out, err)
    status, out, err = tap.run("object", "update", "--dir", os.path.join(folder, "none"))
    assert status != 0, (status, out, err)


def health(w):
    """(kind, state, text) of the sensor's health records so far"""
    path = os.path.join(w.folder, "out.json")
    if not os.path.exists(path):
        return []
    return [(r["health"]["kind"], r["health"]["state"], r["health"]["text"]["en"]) for r in supervisor.read_lines(path)
            if r["event_type"] == "health"]


class Sensor:
    def __init__(self, w, env=tap.ENGLISH):
        if os.geteuid() != 0:
            raise tap.Skip("needs root")
        self.w = w
        self.p = subprocess.Popen([tap.KIDOBAN, "run", "-c", w.path, "--dir", w.dir, "-i", "lo"], env=env,
                                  stdout=subprocess.DEVNULL, stderr=open(os.path.join(w.folder, "err"), "ab"))

    def __enter__(self):
        return self

    def status(self):
        out = self.w.run("status", "--json")[1]
        return json.loads(out) if out else {}

    def source(self):
        return (self.status().get("updates") or [{}])[0]

    def wait(self, what, seconds, why):
        try:
            supervisor.wait_for(what, seconds, why)
        except AssertionError:
            print("#", self.status(), "\n#", health(self.w))
            print("#", open(os.path.join(self.w.folder, "err")).read().replace("\n", "\n# "))
            raise

    def __exit__(self, *_):
        self.p.send_signal(signal.SIGTERM)
        self.p.wait(timeout=40)


def a_sensor_fetches_by_itself(folder):
    w = World(folder, "live")
    more = f"json: {w.folder}/out.json\n"
    w.mirror.files["/r.rules"] = rules("first.example")
    w.mirror.files["/l.txt"] = b"bad.example\nworse.example\n"
    w.configure([{"url": w.mirror.url + "/r.rules", "every": "10s"}], [{"url": w.mirror.url + "/l.txt", "every": "10s", "name": "names"}],
                [("alarm_minutes", 0)], more)
    with Sensor(w) as s:
        def loaded():
            return s.status().get("rules", {}).get("loaded")
        s.wait(lambda: loaded() == 1, 15, "rules in force")
        s.wait(lambda: b"2 objects" in w.run("object", "lists")[1], 5, "list in force")
        lists = w.run("object", "lists")[1].decode()
        assert "last fetched: 2" in lists and "next: 2" in lists, lists
        brain = supervisor.children(s.p.pid)["brain"]
        w.mirror.files["/r.rules"] = rules("first.example", "second.example")
        w.mirror.files["/l.txt"] = b"bad.example\nworse.example\nworst.example\n"
        s.wait(lambda: loaded() == 2, 20, "new rules in force")
        s.wait(lambda: b"3 objects" in w.run("object", "lists")[1], 5, "new list in force")
        w.mirror.stop()
        s.wait(lambda: ("update_alarm", "failed") in [h[:2] for h in health(w)], 25, "the alarm")
        assert any(h[:2] == ("update", "failed") and "does not answer" in h[2] for h in health(w)), health(w)
        s.wait(lambda: all(u["outcome"] == "connect" and u["failing_since"] for u in s.status()["updates"]), 25, "both fail")
        lists = w.run("object", "lists", env=tap.JAPANESE)[1].decode()
        assert "取得できません" in lists and "失敗の始まり" in lists, lists
        assert loaded() == 2 and "3 件" in lists
        fetched = json.loads(w.run("object", "lists", "--json")[1])["fetched"]
        assert fetched[0]["name"] == "names" and fetched[0]["outcome"] == "connect" and fetched[0]["ok"], fetched
        w.mirror.back()
        w.mirror.files["/r.rules"] = rules("first.example", "second.example", "third.example")
        s.wait(lambda: loaded() == 3, 40, "the mirror's return")
        s.wait(lambda: [h[1] for h in health(w) if h[0] == "update_alarm"][-1] == "running", 20, "all is well again")
        assert supervisor.children(s.p.pid)["brain"] == brain
    w.mirror.stop()


def what_was_fetched_by_hand_is_taken_up(folder):
    w = World(folder, "hand")
    w.mirror.files["/l.txt"] = b"bad.example\n"
    w.configure(lists=[{"url": w.mirror.url + "/l.txt", "every": "1d"}])
    assert w.run("object", "update")[0] == 0
    with Sensor(w) as s:
        s.wait(lambda: b"1 objects" in w.run("object", "lists")[1], 15, "list in force")
        w.mirror.files["/l.txt"] = b"bad.example\nworse.example\n"
        status, out, err = w.run("object", "update")
        assert status == 0 and b"fetched" in out, (status, out, err)
        s.wait(lambda: b"2 objects" in w.run("object", "lists")[1], 5, "new list in force")
        w.mirror.files["/l.txt"] = b"<html>busy</html>"
        assert w.run("object", "update")[0] == 1
        time.sleep(2)
        lists = w.run("object", "lists")[1]
        assert b"2 objects" in lists and b"cannot be fetched" in lists, lists
    w.mirror.stop()


def a_large_list_is_in_force_within_a_second(folder):
    """400,000 objects of which a list with 100,000 changes: from the file's arrival to its being in force."""
    w = World(folder, "large")

    def names(n, edition):
        return "".join(f"h{i}.e{edition}.example\n" for i in range(n)).encode()
    with open(os.path.join(w.folder, "still.txt"), "wb") as f:
        f.write(names(300000, 0))
    w.mirror.files["/l.txt"] = names(100000, 1)
    w.configure(lists=[{"file": os.path.join(w.folder, "still.txt")}, {"url": w.mirror.url + "/l.txt", "every": "10s", "name": "moving"}])

    def count():
        base = os.path.join(w.dir, "data", "meta.db")
        if not os.path.exists(base):
            return {}
        with contextlib.closing(sqlite3.connect(f"file:{base}?mode=ro", uri=True)) as db:
            try:
                return dict(db.execute("SELECT name, objects FROM lists"))
            except sqlite3.OperationalError:
                return {}
    with Sensor(w) as s:
        s.wait(lambda: count().get("moving") == 100000, 20, "lists in force")
        took = []
        for n in range(100001, 100007):  # others may be at work on this machine: one in six must do
            w.mirror.files["/l.txt"] = names(n, n)
            s.wait(lambda: count().get("moving") == n, 25, "the new list in force")
            took.append(time.time() - arrived(w))
            print(f"# in force {took[-1]:.2f} s after its arrival")
            if took[-1] < 1.0:
                break
        assert min(took) < 1.0, took
    w.mirror.stop()


def arrived(w):
    folder = os.path.join(w.dir, "updates")
    return max(os.stat(os.path.join(folder, n)).st_mtime for n in os.listdir(folder) if n.startswith("list-"))


class Sink:
    """Takes every mail (RFC 5321, without encryption) and keeps its text."""

    def __init__(self):
        self.mails = []
        sink = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                self.say("220 sink")
                for line in self.rfile:
                    word = line.strip().upper()
                    if word == b"DATA":
                        self.say("354 go on")
                        text = b""
                        while not text.endswith(b"\r\n.\r\n"):
                            text += self.rfile.readline()
                        sink.mails.append(email.message_from_bytes(text[:-3], policy=email.policy.default))
                    self.say("221 bye" if word == b"QUIT" else "250 well")
                    if word == b"QUIT":
                        return

            def say(self, text):
                self.wfile.write(text.encode() + b"\r\n")

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def texts(self):
        return [(str(m["subject"]), m.get_body(("plain",)).get_content()) for m in self.mails]


def a_mirror_that_stays_away_is_told_by_mail(folder):
    w, sink = World(folder, "mail"), Sink()
    w.mirror.files["/r.rules"] = rules("first.example")
    w.configure([{"url": w.mirror.url + "/r.rules", "every": "10s"}], (), [("alarm_minutes", 0)],
                f"json: {w.folder}/out.json\nnotice:\n  email:\n    server: 127.0.0.1\n    port: {sink.port}\n    tls: none\n"
                "    from: kidoban@town.example\n    to: [it@town.example]\n    language: both\n")
    with Sensor(w) as s:
        s.wait(lambda: s.status().get("rules", {}).get("loaded") == 1, 20, "rules in force")
        assert sink.mails == [], sink.texts()
        w.mirror.stop()
        s.wait(lambda: any("could not be fetched for 0 hours" in t and "時間取得できていません" in t for _, t in sink.texts()), 120, "the mail of the trouble")
        told = len(sink.mails)
        w.mirror.back()
        s.wait(lambda: len(sink.mails) > told, 160, "the mail of its end")
        subject, text = sink.texts()[-1]
        assert "センサー回復" in subject and "SENSOR RECOVERED" in text, sink.texts()[-1]
    w.mirror.stop()


if __name__ == "__main__":
    if sys.argv[2:] == ["mail"]:
        tap.main([a_mirror_that_stays_away_is_told_by_mail])
    if sys.argv[2:] == ["load"]:
        tap.main([a_large_list_is_in_force_within_a_second])
    tap.main([a_sensor_fetches_by_itself, what_was_fetched_by_hand_is_taken_up,
              an_archive_is_fetched_and_stays_when_unchanged, several_sources_become_one_set,
              what_is_wrong_is_refused_and_the_old_stays, names_in_an_archive_lead_nowhere, a_full_disk_leaves_the_old_rules,
              a_certificate_of_another_name_is_refused,
              a_redirect_to_a_named_host_is_followed, sums_and_signatures_are_checked,
              a_proxy_is_gone_through, nobody_is_asked_by_default])
