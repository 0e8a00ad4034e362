#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Do the operator's guides say what is so?  usage: check_guides.py [--kidoban FILE] [TOP]

* both languages have the same pages, headings, tables, code blocks and links that lead somewhere;
* every `kidoban …` in them names a command and options that exist;
* messages quoted in troubleshooting tables are ones the program has;
* keys of the configuration named in the text exist; with the executable, examples of configurations, exceptions
  and known-bad lists are read by it.
"""
import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile

LANGUAGES = ("en", "ja")
COMMAND = re.compile(r"(?:sudo )?kidoban (?!COMMAND)([a-z].*)")
ROW = re.compile(r'\{"(\w+)", "((?:[^"\\]|\\.)*)",(.*?)kd_cmd_\w+\}', re.S)
ALWAYS = {"--help", "-h"}
RECORDING = "lab/recordings/selftest.pcap"


class Page:
    def __init__(self, path):
        self.path = path
        self.text = open(path, encoding="utf-8").read()
        self.blocks = re.findall(r"^```(\w*)\n(.*?)^```", self.text, re.S | re.M)
        self.prose = re.sub(r"^```.*?^```\n?", "", self.text, flags=re.S | re.M)

    def links(self):
        return re.findall(r"\]\(([^)]+)\)", self.prose)

    def shape(self):
        """What must be the same in the other language."""
        return {"headings": [h for h, _ in re.findall(r"^(#+) (.*)", self.prose, re.M)],
                "table rows": len(re.findall(r"^\|", self.prose, re.M)),
                "code blocks": [(lang, body.count("\n")) for lang, body in self.blocks],
                "list items": len(re.findall(r"^(?:\*|\d+\.) ", self.prose, re.M)),
                "links": sorted(re.sub(r"-(ja|en)\.png$", ".png", link) for link in self.links())}

    def commands(self):
        lines = [line for lang, body in self.blocks if not lang for line in body.splitlines()]
        lines += re.findall(r"`([^`\n]+)`", self.prose)
        for line in lines:
            for part in re.split(r" \| (?=[a-z])", line):
                found = COMMAND.fullmatch(part.strip())
                if found:
                    yield shlex.split(found[1])


def commands_of(top):
    """name -> (text of its options, words that may follow it)."""
    source = open(os.path.join(top, "src/bin/main.c"), encoding="utf-8").read()
    return {name: args + rest for name, args, rest in ROW.findall(source)}


def wrong_command(words, known):
    if words[0].startswith("-"):
        return None if words[0] in ALWAYS else f"no such option {words[0]}"
    if words[0] not in known:
        return f"no such command {words[0]}"
    about = known[words[0]]
    for word in words[1:]:
        if word.startswith("-") and len(word) > 1 and word not in ALWAYS and \
                not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", about):
            return f"kidoban {words[0]} has no option {word}"
    if words[0] == "config" and len(words) > 1 and not re.search(rf"^  {re.escape(words[1])} ", about, re.M) and \
            not re.search(rf'"  {re.escape(words[1])} ', about):
        return f"kidoban config has no {words[1]}"
    return None


def keys_of(top):
    keys = set(re.findall(r'KD_(?:(?:TEXT|NUMBER|LIST|MAP)\(\w+, |SITE\()"([\w.]+)"',
                          open(os.path.join(top, "src/config/config.def"), encoding="utf-8").read()))
    limits = open(os.path.join(top, "src/base/limits.def"), encoding="utf-8").read()
    return keys | {"limits." + name for name in re.findall(r"KD_LIMIT_DEF\((\w+)", limits)}


def wrong_keys(page, keys):
    groups = {k.split(".")[0] for k in keys if "." in k}
    for name in re.findall(r"`((?:" + "|".join(sorted(groups)) + r")\.\w+)`", page.prose):
        if name not in keys:
            yield f"{page.path}: no such configuration key {name}"


def wrong_messages(page, sources):
    for said in re.findall(r"^\| `([^`]+)` \|", page.prose, re.M):
        if not said.isdigit() and "…" not in said and said not in sources:
            yield f"{page.path}: the program never says {said!r}"


def same_shape(en, ja):
    a, b = en.shape(), ja.shape()
    for what in a:
        if a[what] != b[what]:
            yield f"{ja.path}: {what} differ from {en.path}: {b[what]} instead of {a[what]}"


def broken_links(page):
    for link in page.links():
        if not link.startswith("http") and not os.path.exists(os.path.join(os.path.dirname(page.path), link)):
            yield f"{page.path}: {link} leads nowhere"


def run(kidoban, *args):
    done = subprocess.run([kidoban, *args], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, timeout=120)
    return done.returncode, done.stderr.strip()


def wrong_examples(page, kidoban, top):
    """Configurations are checked, and taken into a replay with their thresholds and lists."""
    with tempfile.TemporaryDirectory() as d:
        for lang, body in page.blocks:
            config, extra = os.path.join(d, "kidoban.yaml"), os.path.join(d, "list")
            key = "exceptions" if re.match(r"# .*\|", body) else "known_bad" if re.match(r"(ip|domain) ", body) else None
            with open(config, "w", encoding="utf-8") as f:
                f.write(body if lang == "yaml" else f"{key}: {extra}\n")
            with open(extra, "w", encoding="utf-8") as f:
                f.write(body)
            if lang != "yaml" and not key:
                continue
            code, said = run(kidoban, "config", "check", config)
            if code == 0:  # thresholds and lists are read by their role
                code, said = run(kidoban, "replay", "-c", config, "--json", "-", os.path.join(top, RECORDING))
            if code != 0 or said:
                yield f"{page.path}: an example is refused (exit code {code}): {said}\n{body}"


def problems(top, kidoban):
    folder = os.path.join(top, "docs", "guide")
    names = {lang: sorted(n for n in os.listdir(os.path.join(folder, lang)) if n.endswith(".md")) for lang in LANGUAGES}
    for name in sorted(set(names["en"]) ^ set(names["ja"])):
        yield f"docs/guide: {name} is there in one language only"
    known, keys, sources = commands_of(top), keys_of(top), ""
    for where, _, files in os.walk(os.path.join(top, "src")):
        sources += "".join(open(os.path.join(where, f), encoding="utf-8").read() for f in files if f.endswith(".c"))
    sources = re.sub(r'"\s*\n\s*"', "", sources)
    if not known:
        yield "src/bin/main.c: no table of commands found"
    for name in sorted(set(names["en"]) & set(names["ja"])):
        pages = [Page(os.path.join(folder, lang, name)) for lang in LANGUAGES]
        yield from same_shape(*pages)
        for page in pages:
            yield from broken_links(page)
            yield from wrong_keys(page, keys)
            if name == "troubleshooting.md":
                yield from wrong_messages(page, sources)
            for words in page.commands():
                wrong = wrong_command(words, known)
                if wrong:
                    yield f"{page.path}: {wrong}"
            if kidoban:
                yield from wrong_examples(page, kidoban, top)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--kidoban")
    ap.add_argument("top", nargs="?", default=os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    a = ap.parse_args()
    found = list(problems(a.top, os.path.abspath(a.kidoban) if a.kidoban else None))
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


sys.exit(main())
