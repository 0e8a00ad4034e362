# SPDX-License-Identifier: Apache-2.0
"""Every capture read twice: exit 0, nothing from a sanitizer, no role that died, same bytes, the stats record last."""
import concurrent.futures
import hashlib
import json
import subprocess
import tempfile

LIMIT_S = 600
REPORTS = ("Sanitizer", "runtime error:")
DIED = b'"kind":"role_exit"'  # a sanitizer's report itself may be what the sandbox stops a role for


def _read(command, path):
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        done = subprocess.run([a.replace("{}", path) for a in command], stdin=subprocess.DEVNULL, stdout=out,
                              stderr=err, timeout=LIMIT_S)
        out.seek(0)
        err.seek(0)
        digest, last, died = hashlib.sha256(), b"", b""
        for last in out:
            digest.update(last)
            died = last if DIED in last else died
        return done.returncode, digest.hexdigest(), last, err.read().decode(errors="replace"), died


def _one(path, command):
    problems = []
    try:
        first, second = _read(command, path), _read(command, path)
    except subprocess.TimeoutExpired:
        return [f"{path}: no end within {LIMIT_S} s"]
    rc, digest, last, err, died = first
    if rc != 0:
        problems.append(f"{path}: exit {rc}: {err[:400]}")
    elif any(word in err for word in REPORTS):
        problems.append(f"{path}: report: {err[:400]}")
    if died:
        problems.append(f"{path}: a role died: {died[:400].decode(errors='replace')}")
    if digest != second[1]:
        problems.append(f"{path}: two runs differ")
    try:
        if json.loads(last)["event_type"] != "stats":
            problems.append(f"{path}: last line is no stats record")
    except (ValueError, KeyError):
        problems.append(f"{path}: last line is no record: {last[:80]!r}")
    return problems


def run(paths, command, jobs):
    problems = []
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for found in pool.map(lambda p: _one(p, command), paths):
            problems += found
    for p in problems:
        print(p)
    print(f"{len(paths)} captures read twice, {len(problems)} problems")
    return 1 if problems else 0
