#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write a registry: a NULL-terminated table of const descriptors.

usage: registry_gen.py OUT HEADER TYPE TABLE NAME...
TYPE is both the struct and the prefix of the descriptors: `struct TYPE`, `TYPE_NAME`.
"""
import sys


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    out, header, kind, table, *names = sys.argv[1:]
    lines = ["/* Made by tools/registry_gen.py from the folder's meson.build; do not edit. */", f'#include "{header}"', ""]
    lines += [f"extern const struct {kind} {kind}_{n};" for n in names]
    lines += ["", f"const struct {kind} *const {table}[] = {{"]
    lines += [f"    &{kind}_{n}," for n in names] + ["    NULL,", "};", ""]
    with open(out, "w", encoding="utf-8") as f:
        f.write("\n".join(lines))


main()
