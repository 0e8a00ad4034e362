#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A text file as a C string.  usage: embed.py INPUT OUTPUT NAME"""
import json
import sys


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as f:
        lines = f.read().splitlines(keepends=True)
    with open(sys.argv[2], "w", encoding="utf-8") as f:
        f.write(f"/* Made by tools/embed.py; do not edit. */\nextern const char {sys.argv[3]}[];\nconst char {sys.argv[3]}[] =\n")
        f.writelines(f"    {json.dumps(line, ensure_ascii=False)}\n" for line in lines)
        f.write("    ;\n")


main()
