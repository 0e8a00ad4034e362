#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Everything a change must pass: `make check`.

usage: check.py [--only NAME...] [--list]

Stages run one after the other, the steps of a stage side by side; each shows its time, a failing one its output, and
the rest still run.  The last line counts tests: "N passed, N failed, N skipped".  Exit 1 when anything failed.
"""
import argparse
import concurrent.futures
import glob
import json
import os
import re
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
        return self.one(["ninja", "-C", folder, "--quiet"])

    def meson_tests(self, folder, *args):
        at_once = (os.cpu_count() or 1) + 2  # many of them wait
        rc, out = self.run(["meson", "test", "-C", folder, "--print-errorlogs", "--no-rebuild",
                            "--num-processes", str(at_once), *args])
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


def pages_in_a_browser(check):
    rc, out = check.run([sys.executable, "tests/web/run", "build/kidoban"])
    for word, count in re.findall(r"^# (pass|fail|skipped) (\d+)$", out, re.M):
        if word == "pass":
            check.passed += int(count)
        elif word == "fail":
            check.failed += int(count)
        else:
            check.skipped += int(count)
    bad = "\n".join(re.findall(r"^not ok .*$", out, re.M))
    return rc == 0, bad + "\n" + out


def sources_pass(check):
    ok, out = check.one([sys.executable, "tools/check_floors.py", "src"])
    for script in sorted(glob.glob(os.path.join(TOP, "tools", "check_*.py"))):
        if script.endswith("check_floors.py"):
            continue
        good, text = check.one([sys.executable, script])
        ok, out = ok and good, out + text
    return ok, out


# A stage needs the ones before it.  Side by side stand a step that computes and one that mostly waits (for a browser,
# a server, a time-out): builds keep all processors busy and stand alone.
STAGES = [
    [("rules of the tree", sources_pass)],
    [("build, gcc, release", lambda c: c.build("build", ["-Dbuildtype=release"], {"CC": "gcc"}))],
    [("build, clang, address and undefined behaviour sanitizers",
      lambda c: c.build("build-asan", SANITIZE, {"CC": "clang"}))],
    [("tests, sanitizers", lambda c: c.meson_tests("build-asan", "--no-suite", "web", "--no-suite", "slow")),
     ("pages in a browser", pages_in_a_browser)],
    [("tests, release", lambda c: c.meson_tests("build", "--no-suite", "unit")),
     ("the lab's recordings against tshark", lambda c: c.one([sys.executable, "tests/diff/run"]))],
    [("pages: types, texts, components", lambda c: c.one(["npm", "--prefix", "web", "run", "check"]))],
]


def run_step(name, step):
    """Runs one step and says how it went: its counts, and whether all was well."""
    check, start = Check(), time.monotonic()
    try:
        ok, out = step(check)
    except OSError as e:
        ok, out = False, str(e)
        check.failed += 1
    print(f"        {name}: {'ok' if ok else 'FAILED'} in {time.monotonic() - start:.0f} s"
          + ("" if ok else "\n" + out[-8000:]), flush=True)
    return check, ok


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--only", nargs="*")
    ap.add_argument("--list", action="store_true")
    a = ap.parse_args()
    stages = [[s for s in stage if not a.only or any(word in s[0] for word in a.only)] for stage in STAGES]
    stages = [stage for stage in stages if stage]
    if a.list:
        print("\n".join(name for stage in stages for name, _ in stage))
        return 0
    passed, failed, skipped, bad = 0, 0, 0, []
    for i, stage in enumerate(stages, 1):
        names = [name for name, _ in stage]
        print(f"[{i}/{len(stages)}] {', and '.join(names)} …", flush=True)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            for name, (check, ok) in zip(names, pool.map(lambda s: run_step(*s), stage)):
                passed, failed, skipped = passed + check.passed, failed + check.failed, skipped + check.skipped
                if not ok:
                    bad.append(name)
    for name in bad:
        print(f"failed: {name}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if bad or failed else 0


sys.exit(main())
