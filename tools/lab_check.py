#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does Kidoban find every attack of the lab's recordings, and is it silent on their benign twins?

usage: lab_check.py [--kidoban FILE] [--page | --page-check] [NAME...]

Replays lab/recordings and compares with what their descriptions (NAME.toml) say:
* an attack is found when a detection of at least the wanted severity names its technique (or the technique above or
  below it) with the wanted machine as host or peer;
* a benign recording is silent when no detection is above the severity its description allows (low).
A [gap] in an attack's description (lab/recordings/gaps.toml) is a known miss: it is shown, and must still be one.

Prints a table; exit 1 when something is not as it must be.  --page writes docs/detection-coverage.md from the table,
--page-check fails when that page is not what would be written.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import tomllib
import unicodedata

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LAB = os.path.join(TOP, "lab", "recordings")
PAGE = os.path.join(TOP, "docs", "detection-coverage.md")
RANK = {name: n for n, name in enumerate(("info", "low", "medium", "high", "critical"))}
REPLAY_SECONDS_MAX = 300


def descriptions(names):
    """name -> description of every recording (or those named and their twins)."""
    all_names = sorted(f[:-5] for f in os.listdir(LAB) if f.endswith(".toml") and f != "gaps.toml")
    for name in names:
        if name not in all_names:
            sys.exit(f"no recording {name}")
    told, todo = {}, list(names or all_names)
    for name in todo:
        with open(os.path.join(LAB, name + ".toml"), "rb") as f:
            told[name] = tomllib.load(f)
        twin = told[name]["twin"]
        if twin in all_names and twin not in todo:
            todo.append(twin)
    return told


def gaps():
    """recording -> {technique: reason} of what is known not to be found."""
    path = os.path.join(LAB, "gaps.toml")
    if not os.path.exists(path):
        return {}
    with open(path, "rb") as f:
        return tomllib.load(f)


def alerts_of(kidoban, about):
    """Every detection that a replay of the recording tells."""
    with tempfile.TemporaryDirectory(prefix="kidoban-lab-") as scratch:
        argv = [kidoban, "replay", "--json", "-"]
        if "known_bad" in about:
            argv += ["-c", listed(about["known_bad"], scratch)]
        done = subprocess.run(argv + [os.path.join(LAB, about["file"])], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=REPLAY_SECONDS_MAX, check=False,
                              env={**os.environ, "KIDOBAN_DIR": os.path.join(scratch, "dir")})
    if done.returncode != 0:
        sys.exit(f"{about['name']}: exit {done.returncode}: {done.stderr.decode('utf-8', 'replace')[-1000:]}")
    return [r["detection"] | {"_ends": ends(r)} for r in map(json.loads, done.stdout.splitlines())
            if r.get("event_type") in ("alert", "detection") and "detection" in r]  # a rule's match is not yet a finding


def ends(record):
    """Addresses that a detection is about."""
    d = record["detection"]
    return {a for a in (d.get("host"), d.get("peer")) if a}


def listed(bad, scratch):
    """A configuration with the known-bad objects that the recording's description asks for."""
    path, config = os.path.join(scratch, "bad.txt"), os.path.join(scratch, "kidoban.yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(f"{kind} {value} lab\n" for kind, values in bad.items() for value in values)
    with open(config, "w", encoding="utf-8") as f:
        f.write(f"known_bad: {path}\n")
    return config


def related(one, other):
    """T1078 and T1078.002 are; T1078.001 and T1078.002 are not."""
    return one == other or one == other.partition(".")[0] or other == one.partition(".")[0]


def strongest(found):
    """The detection to show: what saw the act itself before what joined several (KD-CO), then the most severe."""
    return max(found, key=lambda d: (not d["id"].startswith("KD-CO"), RANK[d["severity"]], d["id"])) if found else None


class Row:
    """One line of the table: a technique in a recording."""

    def __init__(self, name, about, want, alerts, gap):
        self.name, self.technique, self.tool = name, want["technique"], about.get("tool", "")
        self.title, self.twin, self.gap = about["title_en"], about["twin"], gap
        least = RANK[want["severity_min"]]
        fitting = [d for d in alerts if want["ip"] in d["_ends"]
                   and (not self.technique or any(related(t, self.technique) for t in d.get("technique", [])))]
        self.best = strongest([d for d in fitting if RANK[d["severity"]] >= least])
        self.nearest = strongest(fitting or [d for d in alerts if want["ip"] in d["_ends"]])

    @property
    def ok(self):
        return bool(self.best) != bool(self.gap)

    def found(self):
        if self.best:
            return f"{self.best['id']} {self.best['severity']}"
        return "known gap" if self.gap else "NOT FOUND"


def silence(about, alerts):
    """The detections above what a benign recording's description allows."""
    most = RANK[about["silent"]["severity_max"]]
    return [d for d in alerts if RANK[d["severity"]] > most]


def width(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def show(rows, loud, silent):
    """The table for the terminal."""
    heads = ("technique", "recording", "tool", "found", "benign twin")
    lines = [(r.technique or "-", r.name, r.tool, r.found(), twin_says(r, loud, silent)) for r in rows]
    sizes = [max(width(line[n]) for line in (heads, *lines)) for n in range(len(heads))]
    for line in (heads, *lines):
        print("  ".join(cell + " " * (size - width(cell)) for cell, size in zip(line, sizes)).rstrip())


def twin_says(row, loud, silent):
    if not row.twin:
        return "-"
    if row.twin in loud:
        return f"{row.twin}: SPEAKS"
    return f"{row.twin}: silent" if row.twin in silent else f"{row.twin}: not replayed"


def page(rows, loud, silent, told):
    """docs/detection-coverage.md."""
    text = """# What is found: attacks of the lab and their benign twins

Made by `tools/lab_check.py --page` from the recordings in `lab/recordings`; do not edit by hand. `make lab-check`
replays all of them and fails when an attack is not found with its technique and machine, or a benign twin is told at
medium or above. The recordings were made in the lab's town (see [lab/README.md](../lab/README.md)) with real programs
against real servers. They show what was tried, not what cannot be missed: other programs, slower attacks and encrypted ways are
described with each detector (`src/detect/*/*.md`).

| technique | attack | made with | found | severity | benign twin |
|---|---|---|---|---|---|
"""
    for r in sorted(rows, key=lambda r: (r.technique or "-", r.name)):
        severity = r.best["severity"] if r.best else "–"
        found = r.best["id"] if r.best else ("not found: " + r.gap if r.gap else "**not found**")
        twin = "–" if not r.twin else f"{r.twin} (silent)" if r.twin in silent and r.twin not in loud else f"**{r.twin} speaks**"
        text += f"| {r.technique or '–'} | {r.title} (`{r.name}`) | {r.tool} | {found} | {severity} | {twin} |\n"
    text += "\n## Benign recordings\n\n| recording | what | told |\n|---|---|---|\n"
    for name, low in silent.items():
        said = ", ".join(sorted({d["id"] + " " + d["severity"] for d in low})) or "nothing"
        text += f"| `{name}` | {told[name]['title_en']} | {said} |\n"
    return text + ABSENT


ABSENT = """
## Not in the lab

The domain controller and the file server are Samba, which does not offer all services of Windows; and what goes over
encrypted SMB 3 cannot be seen. The detectors are tested with other traffic for these.

| technique | attack | why |
|---|---|---|
| T1053.005 | task made on another machine (impacket atexec) | no task scheduler service |
| T1047 | WMI (impacket wmiexec) | no DCOM |
| T1021.003 | steering programs by DCOM (impacket dcomexec) | no DCOM |
| T1569.002 | service really run (impacket smbexec) | Samba refuses to make services; `psexec` shows the attempt |
| T1003.002 | registry secrets saved and fetched (secretsdump -sam) | the registry holds no secrets |
| T1555.004 | the domain's backup key fetched (impacket dpapi) | Samba does not give it by LSA |
| T1136.002 | machine account made (impacket addcomputer) | goes over encrypted SMB 3: nothing to be seen but a session |
| T1486 | the same ransomware over encrypted SMB 3 | file names and contents cannot be seen |
| T1649 | certificates for other names (Certipy and the like) | no certificate service |
| T1021.001 | remote desktop | no Windows desktop |
"""


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--kidoban", default=os.path.join(TOP, "build", "kidoban"))
    ap.add_argument("--page", action="store_true")
    ap.add_argument("--page-check", action="store_true")
    ap.add_argument("names", nargs="*")
    a = ap.parse_args()
    if a.names and (a.page or a.page_check):
        ap.error("the page is made from all recordings")
    told, known, rows, silent, loud = descriptions(a.names), gaps(), [], {}, {}
    for name, about in told.items():
        alerts = alerts_of(a.kidoban, about)
        missing = known.get(name, {})
        rows += [Row(name, about, want, alerts, missing.get(want["technique"])) for want in about.get("expect", [])]
        if "silent" in about:
            silent[name] = alerts
            if silence(about, alerts):
                loud[name] = silence(about, alerts)
    show(sorted(rows, key=lambda r: (r.technique, r.name)), loud, silent)
    wrong = report(rows, loud)
    text = page(rows, loud, silent, told)
    if a.page:
        with open(PAGE, "w", encoding="utf-8") as f:
            f.write(text)
    if a.page_check and (not os.path.exists(PAGE) or open(PAGE, encoding="utf-8").read() != text):
        print("docs/detection-coverage.md is not up to date; make it anew with: tools/lab_check.py --page")
        wrong += 1
    print(f"{len(rows)} techniques in {len({r.name for r in rows})} attacks, {len(silent)} benign recordings,"
          f" {wrong} wrong")
    return 1 if wrong else 0


def report(rows, loud):
    """Says what is wrong and counts it."""
    bad = [r for r in rows if not r.ok]
    for r in bad:
        if r.best:
            print(f"{r.name}: {r.technique} is found now; take it out of gaps.toml")
        else:
            print(f"{r.name}: {r.technique} not found; nearest: {r.nearest and (r.nearest['id'], r.nearest['severity'], r.nearest.get('technique'))}")
    for name, found in loud.items():
        for d in found:
            print(f"{name}: benign, but {d['id']} {d['severity']}: {d['title']['en']}")
    return len(bad) + len(loud)


if __name__ == "__main__":
    sys.exit(main())
