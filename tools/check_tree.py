#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rules of the tree that a reader could check by hand.  usage: check_tree.py [TOP]

* every source file begins with its licence;
* no file tells of the machine it was written on;
* parsers and detectors take no memory but what they are lent, ask no clock and do no I/O;
* every limit is used; every unfinished place has an issue number;
* a source file has at most 800 lines.
"""
import os
import re
import subprocess
import sys

LICENSED = (".c", ".h", ".def", ".py", ".sh", ".ts", ".svelte", ".mjs", ".css")
NAMELESS = ("Makefile", "meson.build")
MACHINE = re.compile(r"(?<![\w.])/(?:work|home/\w+)/\w|BEGIN [A-Z ]*PRIVATE KEY")
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX)\b(?!\(#\d+\))")
IMPURE = re.compile(r"\b(?:malloc|calloc|realloc|free|time|clock_gettime|gettimeofday|open|fopen|read|write|getenv|"
                    r"rand|random|printf|fprintf)\s*\(")
LINES_MAX = 800


def files(top):
    out = subprocess.run(["git", "-C", top, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                         stdout=subprocess.PIPE, check=True)
    return sorted(p for p in out.stdout.decode().split("\0") if p and os.path.isfile(os.path.join(top, p)))


def strip_comments(text):
    return re.sub(r"/\*.*?\*/", lambda m: "\n" * m[0].count("\n"), text, flags=re.S)


def problems(top):
    limits_used, limits = "", []
    for path in files(top):
        full = os.path.join(top, path)
        name = os.path.basename(path)
        try:
            text = open(full, encoding="utf-8").read()
        except UnicodeDecodeError:
            continue
        lines = text.splitlines()
        source = path.endswith(LICENSED) or name in NAMELESS
        if source and "SPDX-License-Identifier: " not in "\n".join(lines[:3]):
            yield f"{path}:1: the licence line is missing"
        if name != "check_tree.py":
            for n, line in enumerate(lines, 1):
                if MACHINE.search(line):
                    yield f"{path}:{n}: tells of the machine it was written on"
                if source and UNFINISHED.search(line):
                    yield f"{path}:{n}: unfinished without an issue number"
        if path.startswith("src/") and path.endswith((".c", ".h")) and len(lines) > LINES_MAX:
            yield f"{path}: {len(lines)} lines; split it by subject"
        if path == "src/base/limits.def":
            limits = re.findall(r"KD_LIMIT_DEF\((\w+)", text)
        elif path.startswith("src/"):
            limits_used += text
        if re.match(r"src/(proto|detect)/", path) and path.endswith(".c") and not path.endswith("_test.c"):
            for n, line in enumerate(strip_comments(text).splitlines(), 1):
                hit = IMPURE.search(line)
                if hit and "->" + hit[0] not in line and "." + hit[0] not in line:
                    yield f"{path}:{n}: {hit[0].rstrip('( ')}() is not for parsers and detectors"
    for limit in limits:
        if not re.search(rf"->{limit}\b|\.{limit}\b", limits_used):
            yield f"src/base/limits.def: limit {limit} is never used"


def main():
    top = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    found = list(problems(top))
    print("\n".join(found))
    return 1 if found else 0


sys.exit(main())
