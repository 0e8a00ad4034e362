#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Is everything that the build takes named in docs/licences.md, with a licence we may use?  usage: check_licences.py [TOP]"""
import json
import os
import re
import sys

# What may be in the pages that we ship; tools that only build them may also be MPL-2.0.
SHIPPED = {"MIT", "ISC", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "Apache-2.0"}
BUILDING = SHIPPED | {"MPL-2.0", "CC0-1.0", "BlueOak-1.0.0", "Python-2.0"}


def problems(top):
    def read(path):
        with open(os.path.join(top, path), encoding="utf-8") as f:
            return f.read()

    text = read("docs/licences.md")
    packages = [p for p in read("packaging/packages/build").split("\n") if p and not p.startswith("#")]
    web = json.loads(read("web/package.json"))
    for name in packages + list(web["dependencies"]) + list(web["devDependencies"]):
        if not re.search(rf"(?<![\w@/-]){re.escape(name)}(?![\w/-])", text):
            yield f"docs/licences.md: {name} is not named"
    for path, about in json.loads(read("web/package-lock.json"))["packages"].items():
        allowed = BUILDING if about.get("dev") or not path else SHIPPED
        if about.get("license") not in allowed:
            yield f"web/package-lock.json: {path}: licence {about.get('license')} is not one we may use"


def main():
    top = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    found = list(problems(top))
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


sys.exit(main())
