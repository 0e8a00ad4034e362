#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Build and run the fuzz targets.  usage: fuzz.py [--seconds N] [--jobs N] [TARGET...]

N are seconds of processor time for each target, so that a busy machine fuzzes no less.  Each target starts from its seeds and a corpus that grows in build-fuzz/corpus/TARGET.  A finding stops with its
input in build-fuzz/findings/; keep it as a seed together with the mend.
"""
import argparse
import concurrent.futures
import glob
import math
import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(TOP, "build-fuzz")


def build():
    if not os.path.exists(os.path.join(BUILD, "build.ninja")):
        subprocess.run(["meson", "setup", BUILD, "-Dfuzz=true", "-Dweb=false", "-Db_sanitize=address,undefined",
                        "-Db_lundef=false", "-Dbuildtype=debugoptimized"], cwd=TOP, check=True,
                       env={**os.environ, "CC": "clang"}, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", BUILD, "--quiet"], check=True)
    found = {}
    for path in glob.glob(os.path.join(BUILD, "**", "fuzz_*"), recursive=True):
        if os.path.isfile(path) and os.access(path, os.X_OK):
            found[os.path.basename(path)[5:]] = path
    return found


def seeds_of(name):
    return [d for d in glob.glob(os.path.join(TOP, "src", "*", name, "seeds")) +
            glob.glob(os.path.join(TOP, "tests", "fuzz", "seeds", name))]


def run(name, path, seconds):
    corpus, findings = os.path.join(BUILD, "corpus", name), os.path.join(BUILD, "findings")
    os.makedirs(corpus, exist_ok=True)
    os.makedirs(findings, exist_ok=True)
    sizes = [os.path.getsize(os.path.join(d, n)) for d in seeds_of(name) for n in os.listdir(d)]
    longest = max([16384, *sizes])  # no seed is cut
    used, runs, log = 0.0, 0, os.path.join(findings, name + ".log")
    while used < seconds:
        words = [path, f"-max_total_time={math.ceil(seconds - used)}", f"-max_len={longest}", "-rss_limit_mb=2048",
                 "-print_final_stats=1", f"-artifact_prefix={findings}/{name}-", corpus, *seeds_of(name)]
        with open(log, "w") as out:
            p = subprocess.Popen(words, stdout=out, stderr=subprocess.STDOUT)
            _, status, usage = os.wait4(p.pid, 0)
            p.returncode = os.waitstatus_to_exitcode(status)
        used += usage.ru_utime + usage.ru_stime
        with open(log, encoding="utf-8", errors="replace") as f:
            text = f.read()
        runs += sum(int(line.split()[-1]) for line in text.splitlines() if "number_of_executed_units" in line)
        if p.returncode != 0:
            return name, False, runs, used, text[-3000:]
    os.remove(log)
    return name, True, runs, used, ""


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--seconds", type=int, default=60)
    ap.add_argument("--jobs", type=int, default=2)
    ap.add_argument("target", nargs="*")
    a = ap.parse_args()
    targets = build()
    unknown = [t for t in a.target if t not in targets]
    if unknown:
        sys.exit(f"fuzz: no target {', '.join(unknown)}; there are {', '.join(sorted(targets))}")
    bad, total = 0, 0.0
    with concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
        jobs = [pool.submit(run, n, targets[n], a.seconds) for n in sorted(a.target or targets)]
        for job in concurrent.futures.as_completed(jobs):
            name, good, runs, used, tail = job.result()
            bad, total = bad + (not good), total + used
            print(f"{name:16} {'ok' if good else 'FINDING'} after {runs} runs in {used:.0f} s", flush=True)
            if not good:
                print(tail)
    print(f"{len(jobs)} targets, {total:.0f} s of processor time, {bad} with a finding")
    return 1 if bad else 0


sys.exit(main())
