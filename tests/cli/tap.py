# SPDX-License-Identifier: Apache-2.0
"""TAP for tests that run the program: each test is a function whose failed assertion is a failed test."""
import json
import os
import subprocess
import sys
import tempfile
import traceback

KIDOBAN = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else "build/kidoban"
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RECORDINGS = os.path.join(ROOT, "lab", "recordings")
ENGLISH = dict(os.environ, LC_ALL="C", KIDOBAN_DIR="")
JAPANESE = dict(os.environ, LC_ALL="ja_JP.UTF-8", KIDOBAN_DIR="")

started = []


class Skip(Exception):
    pass


def recording(name):
    return os.path.join(RECORDINGS, name)


def run(*args, env=ENGLISH, timeout=120, user=None, **more):
    """(exit status, standard output, lines of standard error)"""
    done = subprocess.run([KIDOBAN, *args], env=env, timeout=timeout, user=user, capture_output=True, **more)
    return done.returncode, done.stdout, done.stderr.decode().splitlines()


def popen(words, **more):
    """A process that does not outlive the tests, however they end."""
    p = subprocess.Popen(words, env=more.pop("env", ENGLISH), **more)
    started.append(p)
    return p


def end_all():
    running = [p for p in started if p.poll() is None]
    for p in running:
        p.terminate()
    for p in running:
        try:
            p.wait(10)
        except subprocess.TimeoutExpired:
            p.kill()


def records(text):
    return [json.loads(line) for line in text.splitlines()]


def main(tests):
    failed = 0
    with tempfile.TemporaryDirectory(prefix="kidoban-cli-") as folder:
        os.chmod(folder, 0o755)
        for n, test in enumerate(tests, 1):
            try:
                test(folder)
                print(f"ok {n} - {test.__name__}", flush=True)
            except Skip as why:
                print(f"ok {n} - {test.__name__} # SKIP {why}", flush=True)
            except Exception:
                failed += 1
                for line in traceback.format_exc().splitlines():
                    print("#", line)
                print(f"not ok {n} - {test.__name__}", flush=True)
        end_all()
    print(f"1..{len(tests)}")
    sys.exit(1 if failed else 0)
