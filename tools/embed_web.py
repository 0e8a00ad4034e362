#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Put the built pages into the executable: each file packed with gzip, as a C array.

usage: embed_web.py OUT.c OPENAPI.json [DIST_DIR]
"""
import gzip
import hashlib
import os
import sys

TYPES = {
    ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".png": "image/png",
    ".json": "application/json; charset=utf-8", ".webmanifest": "application/manifest+json", ".ico": "image/x-icon",
    ".txt": "text/plain; charset=utf-8",
}


def entries(openapi, dist):
    yield "/openapi.json", openapi
    for folder, _, names in sorted(os.walk(dist)) if dist else []:
        for name in sorted(names):
            path = os.path.join(folder, name)
            yield "/" + os.path.relpath(path, dist).replace(os.sep, "/"), path


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    out, openapi = sys.argv[1:3]
    rows, arrays = [], []
    for url, path in entries(openapi, sys.argv[3] if len(sys.argv) == 4 else None):
        kind = TYPES.get(os.path.splitext(path)[1])
        if kind is None:
            sys.exit(f"embed_web: no content type for {path}")
        packed = gzip.compress(open(path, "rb").read(), 9, mtime=0)
        etag = hashlib.sha256(packed).hexdigest()[:16]
        n = len(rows)
        lines = [",".join(map(str, packed[i:i + 40])) for i in range(0, len(packed), 40)]
        arrays.append(f"static const uint8_t file_{n}[] = {{\n" + ",\n".join(lines) + "};\n")
        immutable = "true" if url.startswith("/assets/") else "false"
        rows.append(f'    {{"{url}", "{kind}", "\\"{etag}\\"", {immutable}, file_{n}, sizeof(file_{n})}},')
    with open(out, "w", encoding="utf-8") as f:
        f.write("/* Made by tools/embed_web.py; do not edit. */\n#include \"api/web.h\"\n\n" + "\n".join(arrays) +
                "\nconst struct kd_web_file kd_web_files[] = {\n" + "\n".join(rows) +
                "\n    {NULL, NULL, NULL, false, NULL, 0},\n};\n")


main()
