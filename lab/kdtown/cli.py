# SPDX-License-Identifier: Apache-2.0
"""Commands of lab/town."""

import fcntl
import os
import pathlib
import signal
import subprocess
import sys

from . import index, ns, record, town, verify
from .scenarios import SCENARIOS

USAGE = """usage: lab/town COMMAND
  up                     start the town (about 20 s)
  down                   end it and leave nothing behind
  list                   scenarios and hosts
  play SCENARIO          play, without recording
  record SCENARIO [OUT]  play and record at the mirror port; OUT.pcap or OUT.pcap.zst
                         (default lab/recordings/SCENARIO.pcap.zst) with OUT.toml beside it
  record-all [NAME...]   record every scenario (or those named) and write the list
  verify [NAME...]       do the recordings hold what their descriptions say? (no root)
  sh HOST COMMAND...     run a command in a host
"""


def main(argv):
    """Run one command; returns the exit code: 0 done, 1 failed, 2 wrong use."""
    commands = {
        "up": _up,
        "down": _down,
        "list": _list,
        "play": _play,
        "record": _record,
        "record-all": _all,
        "sh": _sh,
        "verify": _verify,
    }
    if not argv or argv[0] not in commands:
        print(USAGE, end="", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return commands[argv[0]](*argv[1:]) or 0
    except TypeError as error:
        if "argument" not in str(error):
            raise
        print(USAGE, end="", file=sys.stderr)
        return 2
    except ns.TownError as error:
        town.say(str(error))
        return 1
    except KeyboardInterrupt:
        town.say("interrupted")
        return 130


def _up():
    town.say(
        f"up in {town.up():.0f} s; next: lab/town list, lab/town play workday, lab/town down"
    )


def _down():
    if os.geteuid() != 0:
        raise ns.TownError("needs root: sudo lab/town down")
    town.down()


def _list():
    for scenario in SCENARIOS.values():
        print(
            f"{scenario.name:14} {'attack' if scenario.expect else 'benign':7}"
            f" {scenario.title_en} / {scenario.title_ja}"
        )


def _scenario(name):
    if name not in SCENARIOS:
        raise ns.TownError(f"no scenario {name}; there are: {', '.join(SCENARIOS)}")
    return SCENARIOS[name]


class _Up:
    """The town for one play: nobody else plays meanwhile; down at the end if it was down before."""

    def __enter__(self):
        town.check()
        self.lock = open("/run/kidoban-town.lock", "w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ns.TownError(
                "another play or recording is running; wait for its end"
            ) from None
        self.was_up = town.is_up()
        town.up()

    def __exit__(self, *_):
        if not self.was_up:
            town.down()
        os.unlink(self.lock.name)
        self.lock.close()


def _play(name):
    scenario = _scenario(name)
    with _Up():
        record.play_only(scenario)


def _record(name, out=None):
    scenario = _scenario(name)
    out = pathlib.Path(out or town.LAB / "recordings" / f"{name}.pcap.zst").absolute()
    with _Up():
        _tell(name, record.record(scenario, out))


def _all(*names):
    chosen = [_scenario(n) for n in names] or list(SCENARIOS.values())
    folder = town.LAB / "recordings"
    folder.mkdir(exist_ok=True)
    with _Up():
        for scenario in chosen:
            town.say(f"recording {scenario.name}")
            _tell(scenario.name, record.record(scenario, folder / f"{scenario.name}.pcap.zst"))
    index.write(folder)


def _verify(*names):
    wrong = verify.verify(town.LAB / "recordings", [_scenario(n).name for n in names])
    for line in wrong:
        town.say(line)
    if not wrong:
        town.say("every recording holds what its description says")
    return 1 if wrong else 0


def _tell(name, facts):
    town.say(
        f"{name}: {facts['packets']} packets, {facts['seconds']:.0f} s, {facts['bytes']}"
        " bytes: " + " ".join(f"{k}={v}" for k, v in facts["protocols"].items())
    )


def _sh(host, *command):
    if host != "router" and not any(True for _ in [town.plan.host(host)]):
        raise ns.TownError(f"no host {host}")
    return subprocess.run(ns.Inside(host).enter + ["bash", "-c", " ".join(command)]).returncode
