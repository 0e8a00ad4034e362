# SPDX-License-Identifier: Apache-2.0
"""Watching a running sensor's processes from outside."""
import json
import os
import signal
import subprocess
import time

import tap
from tap import KIDOBAN


def children(pid):
    """{role: pid} of a running sensor; engines as "engine 0"."""
    found = {}
    for child in open(f"/proc/{pid}/task/{pid}/children").read().split():
        try:
            words = open(f"/proc/{child}/cmdline").read().split("\0")
        except FileNotFoundError:
            continue
        if "--role" in words:
            found[" ".join(words[words.index("--role") + 1:]).strip()] = int(child)
    return found


def wait_for(what, seconds, why):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {why}")


def start(*args, env=tap.ENGLISH):
    return tap.popen([KIDOBAN, *args], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def kill_and_wait(p, role):
    old = children(p.pid)[role]
    os.kill(old, signal.SIGKILL)
    begun = time.monotonic()
    wait_for(lambda: children(p.pid).get(role, old) != old, 1.5, f"{role} was not restarted")
    return time.monotonic() - begun


def read_lines(path):
    """Whole lines only: the last may be in the making."""
    text = open(path, "rb").read()
    return [json.loads(line) for line in text[:text.rfind(b"\n") + 1].splitlines()]
