#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Print the seed files of an extension folder; fail when its documentation, test or seeds are missing.

usage: list_seeds.py FOLDER
"""
import os
import sys


def main():
    folder = sys.argv[1]
    name = os.path.basename(folder)
    for need in (name + ".c", name + "_test.c", name + ".md", "seeds"):
        if not os.path.exists(os.path.join(folder, need)):
            sys.exit(f"{folder}: {need} is missing")
    seeds = sorted(os.listdir(os.path.join(folder, "seeds")))
    if not seeds:
        sys.exit(f"{folder}/seeds is empty")
    print("\n".join(os.path.join(folder, "seeds", s) for s in seeds))


main()
