#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Learn how likely one letter follows another in names that people choose.

usage: names_train.py WORDS OUT.h        write the table for src/detect/names.c
       names_train.py --try WORDS FILE…  print the share of names of each file above some thresholds

Training data: the project's own word list, and the syllables of romanised Japanese.
"""
import math
import re
import sys

KANA = """a i u e o ka ki ku ke ko sa shi su se so ta chi tsu te to na ni nu ne no ha hi fu he ho ma mi mu me mo
ya yu yo ra ri ru re ro wa n ga gi gu ge go za ji zu ze zo da de do ba bi bu be bo pa pi pu pe po
kya kyu kyo sha shu sho cha chu cho nya nyu nyo hya hyu hyo rya ryu ryo gya gyo ja ju jo""".split()
SYMBOLS = "abcdefghijklmnopqrstuvwxyz0-"  # 0 stands for every digit, - for hyphens and both ends
SCALE = 16  # table units per bit


def index_of(c):
    return SYMBOLS.index("0" if c.isdigit() else c if c in SYMBOLS else "-")


def learn(words):
    pairs = [[0.35] * len(SYMBOLS) for _ in SYMBOLS]

    def add(word, weight):
        text = "-" + word + "-"
        for a, b in zip(text, text[1:]):
            pairs[index_of(a)][index_of(b)] += weight

    for w in words:
        add(w, 1.0)
    # Names are often two words in one: words also follow each other without a gap.
    ends, begins = {}, {}
    for w in words:
        ends[w[-1]] = ends.get(w[-1], 0) + 1
        begins[w[0]] = begins.get(w[0], 0) + 1
    total = len(words)
    for a, n in ends.items():
        for b, m in begins.items():
            pairs[index_of(a)][index_of(b)] += 0.25 * n * m / total
    weight = 4.0 / len(KANA)
    for a in KANA:
        add(a, 0.5)
        for b in KANA:
            pairs[index_of(a[-1])][index_of(b[0])] += weight
    digit = index_of("0")  # years and small numbers stand at the end
    for i in range(len(SYMBOLS)):
        pairs[i][digit] += 0.004 * sum(pairs[i])
    pairs[digit][digit] += 0.45 * sum(pairs[digit]) + 4
    pairs[digit][index_of("-")] += 8
    return [[-math.log2(n / sum(row)) for n in row] for row in pairs]


def score(table, label):
    """Mean surprise per step, in bits."""
    text = "-" + label + "-"
    return sum(table[index_of(a)][index_of(b)] for a, b in zip(text, text[1:])) / (len(text) - 1)


def load_words(path):
    with open(path, encoding="utf-8") as f:
        return [w for line in f if not line.startswith("#") for w in line.split()]


def registered_label(name):
    labels = name.strip().strip(".").lower().split(".")
    deeper = len(labels) > 2 and len(labels[-1]) == 2 and re.fullmatch("co|or|ne|ac|go|com|net|org|gov|edu", labels[-2])
    return labels[-3 if deeper else -2] if len(labels) > 1 else labels[0]


def attempt(table, files):
    for path in files:
        with open(path, encoding="utf-8") as f:
            labels = {registered_label(line.split(",")[-1]) for line in f if "." in line}
        labels = [x for x in labels if len(x) >= 7]
        scores = [score(table, x) for x in labels]
        shares = " ".join(f">{t / 10}: {sum(s > t / 10 for s in scores) / len(scores):.3f}" for t in range(36, 60, 2))
        print(f"{path}: {len(labels)} labels  {shares}")


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    if sys.argv[1] == "--try":
        attempt(learn(load_words(sys.argv[2])), sys.argv[3:])
        return
    table = learn(load_words(sys.argv[1]))
    rows = ",\n".join("    {" + ", ".join(str(min(255, round(v * SCALE))) for v in row) + "}" for row in table)
    with open(sys.argv[2], "w", encoding="utf-8") as f:
        f.write("/* Made by tools/names_train.py; do not edit.  Surprise of one letter after another, in 1/16 bit. */\n"
                f"enum {{ NAMES_SYMBOLS = {len(SYMBOLS)}, NAMES_SCALE = {SCALE} }};\n\n"
                f"static const uint8_t names_surprise[NAMES_SYMBOLS][NAMES_SYMBOLS] = {{\n{rows},\n}};\n")


main()
