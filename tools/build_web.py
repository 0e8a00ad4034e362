#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Build the pages when a source is newer than what was built.

usage: build_web.py WEB_DIR RECORDS.ts OPENAPI.json STAMP
Leaves WEB_DIR/dist and touches STAMP.  Needs npm and a Node.js that Vite runs on; `make` installs both.
"""
import os
import shutil
import subprocess
import sys


def newest(paths):
    best = 0.0
    for top in paths:
        if os.path.isfile(top):
            best = max(best, os.path.getmtime(top))
        for folder, _, names in os.walk(top):
            best = max([best] + [os.path.getmtime(os.path.join(folder, n)) for n in names])
    return best


def run(web, *argv):
    done = subprocess.run(argv, cwd=web, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(f"build_web: {' '.join(argv)} failed\n{done.stdout[-4000:]}")


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    web, records, openapi, stamp = sys.argv[1:]
    if shutil.which("npm") is None:
        sys.exit("build_web: npm is missing; run `make`, which installs it, or configure with -Dweb=false")
    lock, installed = os.path.join(web, "package-lock.json"), os.path.join(web, "node_modules", ".package-lock.json")
    if not os.path.exists(installed) or os.path.getmtime(installed) < os.path.getmtime(lock):
        run(web, "npm", "ci", "--no-audit", "--no-fund")
        os.utime(installed)
    generated = os.path.join(web, "src", "gen", "records.ts")
    text = open(records, encoding="utf-8").read()
    if not os.path.exists(generated) or open(generated, encoding="utf-8").read() != text:
        os.makedirs(os.path.dirname(generated), exist_ok=True)
        with open(generated, "w", encoding="utf-8") as f:
            f.write(text)
    index = os.path.join(web, "dist", "index.html")
    sources = [os.path.join(web, n) for n in ("src", "public", "tools", "index.html", "vite.config.ts")] + [lock, openapi]
    if not os.path.exists(index) or os.path.getmtime(index) < newest(sources):
        run(web, "npm", "run", "build")
    with open(stamp, "w", encoding="utf-8"):
        pass


main()
