# SPDX-License-Identifier: Apache-2.0
"""The list of recordings, lab/recordings/README.md, made from their TOML files."""

import tomllib

from .scenarios import SCENARIOS

HEAD = """# Recordings

Made by `lab/record-all` in the namespaces town (see ../README.md) with real programs: ISC dhclient, dnsmasq,
Unbound, Samba (AD DC, smbd, nmbd, winbindd, smbclient, net, nmblookup), MIT kinit, nginx, curl, Postfix,
swaks, chrony, nmap, dig, ping, MariaDB, PostgreSQL, net-snmp, ngIRCd, microsocks; for attacks also impacket, rpcclient, ldapsearch, kvno,
hydra, onesixtyone, iodine and the small programs
of ../programs; captured with tcpdump at the mirror port, nanosecond pcap (vlan: microsecond). Origin: own lab.
Licence: Apache-2.0. Nobody else's traffic, no public address, no malware. `NAME.toml` tells what happened,
who did it, when, and what a sensor must (`[[expect]]`) or must not (`[silent]`) say; `make lab-check` compares.

| recording | what | twin | packets | seconds | bytes | expected |
|---|---|---|---:|---:|---:|---|
"""


def write(folder):
    """Write folder/README.md from the TOML files there, in the order of the scenarios."""
    text, protocols = (
        HEAD,
        (
            "\nPackets by protocol, as tshark counts them:\n\n| recording | packets with"
            " |\n|---|---|\n"
        ),
    )
    for name in SCENARIOS:
        path = folder / f"{name}.toml"
        if not path.exists():
            continue
        d = tomllib.loads(path.read_text())
        wants = (
            ", ".join(f"{e['kind']} {e['technique']}".strip() for e in d.get("expect", []))
            or "silence"
        )
        files = " ".join(f"[{f}]({f})" for f in (d["file"], d.get("also")) if f)
        text += (
            f"| {files} | {d['title_en']} · {d['title_ja']} | {d['twin'] or '–'} |"
            f" {d['packets']} | {d['seconds']:.0f} | {d['bytes']} | {wants} |\n"
        )
        protocols += (
            f"| {name} | {', '.join(f'{k} {v}' for k, v in d['protocols'].items())} |\n"
        )
    (folder / "README.md").write_text(text + protocols)
