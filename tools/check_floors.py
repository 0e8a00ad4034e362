#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""No folder of src/ includes a higher floor or a sibling.  usage: check_floors.py SRC"""
import os
import re
import sys

MAY = {
    "base": set(),
    "wire": {"base"},
    "os": {"base"},
    "packet": {"base"},
    "proto": {"base", "wire"},
    "flow": {"base", "packet"},
    "rule": {"base", "wire"},
    "match": {"base", "wire", "packet", "proto", "rule"},
    "engine": {"base", "wire", "packet", "flow", "proto", "rule", "match"},
    "object": {"base"},
    "box": {"base", "wire"},
    "detect": {"base", "wire"},
    "brain": {"base", "wire", "object", "detect"},
    "store": {"base", "wire", "packet", "object"},
    "notice": {"base", "wire"},
    "adapter": {"base"},
    "config": {"base"},
    "api": {"base", "wire"},
    "bin": {"base", "wire", "os", "packet", "proto", "flow", "engine", "rule", "match", "object", "detect", "brain", "store", "notice",
            "adapter", "config", "api", "box"},
}
INCLUDE = re.compile(r'#\s*include\s+"([a-z]+)/')


def problems(src):
    for folder, _, names in sorted(os.walk(src)):
        mine = os.path.relpath(folder, src).split(os.sep)[0]
        for name in sorted(names):
            if mine == "." or not name.endswith((".c", ".h")):
                continue
            path = os.path.join(folder, name)
            if mine not in MAY:
                yield f"{path}: folder {mine} has no floor"
                continue
            for n, line in enumerate(open(path, encoding="utf-8"), 1):
                hit = INCLUDE.match(line)
                if hit and hit[1] in MAY and hit[1] != mine and hit[1] not in MAY[mine]:
                    yield f"{path}:{n}: {mine}/ may not include {hit[1]}/"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = list(problems(sys.argv[1]))
    print("\n".join(found))
    sys.exit(1 if found else 0)


main()
