#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the catalogue of detections from schema/detections/*.toml.

usage: detections_gen.py DETECTIONS_DIR OUT_DIR [FACE...]
faces: findings.h findings.c detections.en.md detections.ja.md; all of them when none is named.

An entry [KD-AA-NNNN] says everything that people read about a detection; a {placeholder} must be one of its
`facts` or one that the framework knows for every finding (COMMON).
"""
import os
import re
import sys
import tomllib

METHODS = {"signature", "behaviour", "file", "sandbox", "intel", "flood"}
PHASES = {  # phase: words for the list of detections
    "intelligence_gathering": ("Intelligence gathering", "情報収集"),
    "point_of_entry": ("Point of entry", "侵入口"),
    "command_and_control": ("Command and control", "外部からの遠隔操作"),
    "lateral_movement": ("Lateral movement", "内部での拡大"),
    "discovery": ("Discovery", "内部の探索"),
    "exfiltration": ("Exfiltration", "持ち出し"),
    "impact": ("Impact", "破壊・妨害"),
    "policy": ("Policy and operation", "運用・規程"),
}
SEVERITIES = {"info": "情報", "low": "低", "medium": "中", "high": "高", "critical": "緊急"}
COMMON = {"host", "peer", "user", "count", "first", "last", "duration"}
TEXTS = ("name", "title", "why", "do", "false_alarms")
KEYS = {"number", "rev", "method", "phase", "technique", "severity", "confidence", "facts", "default", *TEXTS}
ID = re.compile(r"KD-[A-Z]{2}-[0-9]{4}")
TECHNIQUE = re.compile(r"T[0-9]{4}(\.[0-9]{3})?")
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
MOST_CHARS = {"name": 80, "title": 160, "why": 1200, "do": 1200, "false_alarms": 800}


def fail(where, what):
    sys.exit(f"detections_gen: {where}: {what}")


def text_of(entry, where, key, lang):
    value = entry.get(key, {}).get(lang)
    if isinstance(value, list):
        value = "\n".join(value)
    if not isinstance(value, str) or not value.strip():
        fail(where, f"{key}.{lang} is missing")
    if len(value) > MOST_CHARS[key]:
        fail(where, f"{key}.{lang} is longer than {MOST_CHARS[key]} characters")
    return value


def check(where, e):
    for key in e:
        if key not in KEYS:
            fail(where, f"unknown key {key}")
    if not ID.fullmatch(where):
        fail(where, "an id is KD-AA-NNNN")
    if not 9_000_000 <= e.get("number", 0) < 10_000_000:
        fail(where, "number must be 9,000,000 to 9,999,999")
    for key, allowed in (("method", METHODS), ("phase", PHASES), ("severity", SEVERITIES)):
        if e.get(key) not in allowed:
            fail(where, f"{key} must be one of {', '.join(sorted(allowed))}")
    if not 1 <= e.get("confidence", 0) <= 100:
        fail(where, "confidence is a percentage")
    for t in e.setdefault("technique", []):
        if not TECHNIQUE.fullmatch(t):
            fail(where, f"{t} is no ATT&CK technique")
    facts = set(e.setdefault("facts", []))
    used = set()
    for key in TEXTS:
        for lang in ("en", "ja"):
            names = set(PLACEHOLDER.findall(text_of(e, where, key, lang)))
            unknown = names - facts - COMMON
            if unknown:
                fail(where, f"{key}.{lang} uses {{{sorted(unknown)[0]}}}, which is none of its facts")
            used |= names
    for lang in ("en", "ja"):
        if "{" in text_of(e, where, "name", lang):
            fail(where, f"name.{lang} must stand without facts")
    for name in sorted(facts - used):
        fail(where, f"fact {name} is used nowhere")


def load(folder):
    entries, numbers = {}, {}
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".toml"):
            continue
        with open(os.path.join(folder, name), "rb") as f:
            try:
                data = tomllib.load(f)
            except tomllib.TOMLDecodeError as err:
                fail(name, err)
        for where, e in data.items():
            if where in entries:
                fail(f"{name} {where}", "defined twice")
            check(where, e)
            if e["number"] in numbers:
                fail(where, f"number also used by {numbers[e['number']]}")
            numbers[e["number"]] = where
            entries[where] = e
    return dict(sorted(entries.items()))


def quote(text):
    out = "".join({'"': '\\"', "\\": "\\\\", "\n": "\\n"}.get(c, c) for c in text)
    return f'"{out}"'


def symbol(where):
    return "kd_finding_" + where.replace("-", "_")


def header(entries):
    lines = ["/* Made by tools/detections_gen.py from schema/detections; do not edit. */",
             "#ifndef KD_DETECT_FINDINGS_H", "#define KD_DETECT_FINDINGS_H", "", '#include "detect/detect.h"', ""]
    for where, e in entries.items():
        lines += [f"/* {text_of(e, where, 'name', 'en')}.  Facts: {', '.join(e['facts']) or 'none'}. */",
                  f"extern const struct kd_finding_kind {symbol(where)};"]
    return "\n".join(lines + ["", "#endif", ""])


def table(entries):
    lines = ["/* Made by tools/detections_gen.py from schema/detections; do not edit. */", '#include "findings.h"', ""]
    for where, e in entries.items():
        techniques = "".join(f'"{t}", ' for t in e["technique"])
        lines += [f"const struct kd_finding_kind {symbol(where)} = {{",
                  f'    .id = "{where}", .number = {e["number"]}, .rev = {e.get("rev", 1)}, .method = "{e["method"]}",',
                  f'    .phase = "{e["phase"]}", .technique = (const char *const[]){{{techniques}NULL}},',
                  f'    .severity = KD_{e["severity"].upper()}, .confidence = {e["confidence"]},',
                  f'    .off = {"true" if e.get("default", "on") == "off" else "false"},']
        lines += [f'    .phase_en = {quote(PHASES[e["phase"]][0])}, .phase_ja = {quote(PHASES[e["phase"]][1])},']
        for key in ("name", "title", "why", "do"):
            for lang in ("en", "ja"):
                lines.append(f"    .{key}_{lang} = {quote(text_of(e, where, key, lang))},")
        lines += ["};", ""]
    lines += ["const struct kd_finding_kind *const kd_finding_kinds[] = {"]
    lines += [f"    &{symbol(where)}," for where in entries] + ["    NULL,", "};", ""]
    return "\n".join(lines)


def document(entries, lang):
    ja = lang == "ja"
    head = ("# 検知の一覧", "番号", "名称", "深刻度", "ATT&CK", "誤検知になりやすい場合") if ja else (
        "# Detections", "number", "name", "severity", "ATT&CK", "known false alarms")
    lines = ["<!-- Made by tools/detections_gen.py from schema/detections; do not edit. -->", head[0], ""]
    for phase, words in PHASES.items():
        mine = {w: e for w, e in entries.items() if e["phase"] == phase}
        if not mine:
            continue
        lines += [f"## {words[1 if ja else 0]}", "",
                  f"| {' | '.join(head[1:])} |", "|---" * 5 + "|"]
        for where, e in mine.items():
            cells = (where, text_of(e, where, "name", lang), SEVERITIES[e["severity"]] if ja else e["severity"],
                     " ".join(e["technique"]) or "–", text_of(e, where, "false_alarms", lang))
            lines.append("| " + " | ".join(c.replace("\n", " ").replace("|", "\\|") for c in cells) + " |")
        lines.append("")
    return "\n".join(lines)


FACES = {"findings.h": header, "findings.c": table, "detections.en.md": lambda e: document(e, "en"),
         "detections.ja.md": lambda e: document(e, "ja")}


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    entries = load(sys.argv[1])
    for face in sys.argv[3:] or FACES:
        with open(os.path.join(sys.argv[2], face), "w", encoding="utf-8") as f:
            f.write(FACES[face](entries))


main()
