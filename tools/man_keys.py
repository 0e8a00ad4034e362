#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Put the table of keys into the manual page.  usage: man_keys.py KIDOBAN TEMPLATE OUTPUT"""
import os
import subprocess
import sys


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    program, template, output = sys.argv[1:]
    keys = subprocess.run([os.path.abspath(program), "config", "reference", "--man", "--lang", "en"], check=True,
                          capture_output=True, text=True).stdout
    with open(template, encoding="utf-8") as f:
        text = f.read()
    with open(output, "w", encoding="utf-8") as f:
        f.write(text.replace("@KEYS@\n", keys))


main()
