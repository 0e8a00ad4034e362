# SPDX-License-Identifier: Apache-2.0
"""What a scenario is."""

ZERO = "kaikei-pc014"  # patient zero


class Scenario:
    """name; titles; play(p); hosts that join by DHCP first; expected detections; silent twin."""

    def __init__(
        self,
        name,
        title_en,
        title_ja,
        play,
        expect=(),
        twin=None,
        hosts=(ZERO,),
        needs=(),
        vlan=None,
        also=None,
        tool="",
    ):
        self.name, self.title_en, self.title_ja, self.play = name, title_en, title_ja, play
        self.expect, self.twin, self.hosts, self.needs = expect, twin, hosts, needs
        self.vlan, self.also = vlan, also  # tag to add; a second file format to write beside
        self.tool = tool  # the program an attack is made with, for docs/detection-coverage.md


def expect(kind, technique, severity, host=ZERO, **facts):
    """One detection that must be told: kind of ours, ATT&CK number, at least this severity, at this host."""
    return {
        "kind": kind,
        "technique": technique,
        "severity_min": severity,
        "host": host,
        **facts,
    }
