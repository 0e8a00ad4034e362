# SPDX-License-Identifier: Apache-2.0
"""What people decide on the page reaches the brain, and what the brain knows outlives it: against a running sensor."""
import os
import shutil
import signal
import subprocess
import time

import tap
from page import CAPTURE, Sensor, alerts, detections
from supervisor import kill_and_wait, wait_for
from tap import Skip, recording


def an_exception_reaches_the_brain(folder):
    s = Sensor(folder, "except")
    wait_for(lambda: detections(s.page), 60, "a detection")
    one = detections(s.page)[0]["detection"]
    made = s.page("POST", "/exceptions", {"detection_id": one["id"], "host": one["host"], "reason": "tested",
                                          "until": "2099-01-01T00:00:00+09:00"})
    assert made["hits"] == 0 and made["created_by"] == "admin" and made["last_hit"] is None, made
    same = lambda d: d["id"] == one["id"] and d["host"] == one["host"]
    assert not [d for d in detections(s.page) if same(d["detection"])], "hidden at once"
    # The recording comes round and the same thing happens again; a brain that has just been killed must know of the
    # exception from its first moment on.
    before = len(alerts(s.json))
    kill_and_wait(s.p, "brain")
    wait_for(lambda: [d for d in alerts(s.json)[before:] if same(d)], 90, "the same thing once more")
    again = [d for d in alerts(s.json)[before:] if same(d)]
    assert all(d["excepted"] and d["exception"] == made["id"] for d in again), again
    hits = lambda: s.page("GET", "/exceptions")["items"][0]
    wait_for(lambda: hits()["hits"] > 0, 5, "a hit is counted")
    assert hits()["last_hit"], hits()
    assert not [d for d in detections(s.page) if same(d["detection"])], "hidden still"
    s.page("DELETE", f"/exceptions/{made['id']}")
    assert [d for d in detections(s.page) if same(d["detection"])], "back again"
    s.end()


def split(folder, capture, at_s):
    """The capture in two: before and after a moment (seconds from its beginning)."""
    begin = subprocess.run(["tshark", "-r", capture, "-c", "1", "-T", "fields", "-e", "frame.time_epoch"],
                           capture_output=True, text=True, check=True).stdout.strip()
    cut = float(begin) + at_s
    names = []
    for n, test in enumerate((f"frame.time_epoch < {cut}", f"frame.time_epoch >= {cut}")):
        names.append(f"{folder}/half-{n}.pcap")
        subprocess.run(["tshark", "-r", capture, "-Y", test, "-w", names[-1], "-F", "pcap"], capture_output=True, check=True)
    return names


def what_was_learned_outlives_a_run(folder):
    if shutil.which("tshark") is None:
        raise Skip("tshark is not installed")
    first, second = split(folder, recording(CAPTURE), 100)
    told = {}
    for name, more in (("kept", ["--state"]), ("anew", [])):
        db = f"{folder}/{name}.db"
        for half in (first, second):
            out = f"{folder}/{name}.json"
            status, _, errors = tap.run("replay", "--db", db, *more, "--json", out, half)
            assert status == 0, errors
        told[name] = alerts(out)
    again = lambda name: {d["key"] for d in told[name]} & {d["key"] for d in alerts_of_first}
    status, text, _ = tap.run("replay", "--json", "-", first)
    alerts_of_first = [r["detection"] for r in tap.records(text) if "detection" in r]
    assert again("kept") and not again("anew"), (len(again("kept")), len(again("anew")))
    # Nothing is read or written unless it is asked for.
    assert not os.path.exists(f"{folder}/anew.db/state/brain")
    twice = [tap.run("replay", "--json", "-", first)[1] for _ in range(2)]
    lines = [[r for r in tap.records(t) if r["event_type"] != "stats"] for t in twice]
    assert lines[0] == lines[1]


def a_killed_brain_goes_on(folder):
    """Live, as if now: the state is written every five minutes and at an orderly end; here by a reload."""
    s = Sensor(folder, "state")
    wait_for(lambda: s.page("GET", "/incidents?limit=50")["items"], 100, "an incident")
    s.p.send_signal(signal.SIGHUP)  # the lists are read anew by a new brain: the old one writes what it knows
    notes = lambda: [h for h in s.page("GET", "/health")["events"] if h["kind"] == "state"]
    wait_for(notes, 30, "the new brain tells that it goes on")
    assert notes()[0]["state"] == "restored", notes()
    before = {i["id"] for i in s.page("GET", "/incidents?limit=50")["items"]}
    kill_and_wait(s.p, "brain")
    wait_for(lambda: len(notes()) > 1, 30, "the brain behind the killed one, too")
    time.sleep(20)
    after = {i["id"] for i in s.page("GET", "/incidents?limit=50")["items"]}
    assert after == before, (before, after)
    s.end()


tap.main([an_exception_reaches_the_brain, what_was_learned_outlives_a_run, a_killed_brain_goes_on])
