#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Everything a change must pass: `make check`.

usage: check.py [--only NAME...] [--list]

Steps run one after the other; each shows its time, a failing one its output, and the rest still run.  The last
line counts tests: "N passed, N failed, N skipped".  Exit 1 when anything failed.
"""
import argparse
import glob
import json
import os
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SANITIZE = ["-Db_sanitize=address,undefined", "-Dbuildtype=debugoptimized", "-Db_lundef=false"]


class Check:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def run(self, argv, env=None):
        done = subprocess.run(argv, cwd=TOP, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        return done.returncode, done.stdout

    def one(self, argv, env=None):
        """A command that is one test."""
        rc, out = self.run(argv, env)
        self.passed += rc == 0
        self.failed += rc != 0
        return rc == 0, out

    def build(self, folder, options, env=None):
        if not os.path.exists(os.path.join(TOP, folder, "build.ninja")):
            ok, out = self.one(["meson", "setup", folder, "-Dwerror=true", *options], env)
            if not ok:
                return ok, out
        return self.one(["ninja", "-C", folder])

    def meson_tests(self, folder, *args):
        rc, out = self.run(["meson", "test", "-C", folder, "--print-errorlogs", "--no-rebuild", *args])
        log = os.path.join(TOP, folder, "meson-logs", "testlog.json")
        names = []
        for line in open(log, encoding="utf-8"):
            result = json.loads(line)
            self.passed += result["result"] in ("OK", "EXPECTEDFAIL")
            self.skipped += result["result"] == "SKIP"
            if result["result"] not in ("OK", "EXPECTEDFAIL", "SKIP"):
                self.failed += 1
                names.append(result["name"])
        return rc == 0, ("failed: " + ", ".join(names) + "\n" if names else "") + (out if rc else "")


def sources_pass(check):
    ok, out = check.one([sys.executable, "tools/check_floors.py", "src"])
    for script in sorted(glob.glob(os.path.join(TOP, "tools", "check_*.py"))):
        if script.endswith("check_floors.py"):
            continue
        good, text = check.one([sys.executable, script])
        ok, out = ok and good, out + text
    return ok, out


STEPS = [
    ("rules of the tree", sources_pass),
    ("build, gcc, release", lambda c: c.build("build", ["-Dbuildtype=release"], {"CC": "gcc"})),
    ("build, clang, address and undefined behaviour sanitizers",
     lambda c: c.build("build-asan", SANITIZE, {"CC": "clang"})),
    ("tests, sanitizers", lambda c: c.meson_tests("build-asan", "--no-suite", "web")),
    ("tests, release", lambda c: c.meson_tests("build", "--no-suite", "unit")),
    ("recordings of the lab read like tshark reads them", lambda c: c.one([sys.executable, "tests/diff/run"])),
    ("pages: types, texts, components", lambda c: c.one(["npm", "--prefix", "web", "run", "check"])),
]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--only", nargs="*")
    ap.add_argument("--list", action="store_true")
    a = ap.parse_args()
    steps = [s for s in STEPS if not a.only or any(word in s[0] for word in a.only)]
    if a.list:
        print("\n".join(name for name, _ in steps))
        return 0
    check, bad = Check(), []
    for i, (name, step) in enumerate(steps, 1):
        print(f"[{i}/{len(steps)}] {name} …", flush=True)
        start = time.monotonic()
        try:
            ok, out = step(check)
        except OSError as e:
            ok, out = False, str(e)
            check.failed += 1
        print(f"        {'ok' if ok else 'FAILED'} in {time.monotonic() - start:.0f} s", flush=True)
        if not ok:
            bad.append(name)
            print(out[-8000:])
    for name in bad:
        print(f"failed: {name}")
    print(f"{check.passed} passed, {check.failed} failed, {check.skipped} skipped")
    return 1 if bad or check.failed else 0


sys.exit(main())
