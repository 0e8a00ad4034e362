# SPDX-License-Identifier: Apache-2.0
"""Record a play at the mirror port and describe the recording in a TOML file beside it."""

import collections
import datetime
import hashlib
import ipaddress
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from . import files, net, ns, plan, town, work
from .play import Play, prepare

PROTOCOLS = (
    "vlan",
    "arp",
    "ip",
    "ipv6",
    "icmp",
    "icmpv6",
    "tcp",
    "udp",
    "dhcp",
    "dns",
    "nbns",
    "nbdgm",
    "ntp",
    "http",
    "tls",
    "smtp",
    "imf",
    "smb2",
    "ntlmssp",
    "kerberos",
    "ldap",
    "cldap",
    "dcerpc",
    "snmp",
    "mysql",
    "pgsql",
    "socks",
    "irc",
)
ALLOWED = [
    ipaddress.ip_network(n)
    for n in (
        plan.INSIDE4,
        "192.0.2.0/24",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "0.0.0.0/32",
        "255.255.255.255/32",
        "224.0.0.0/4",
        plan.INSIDE6,
        "2001:db8:ffff::/48",
        "fe80::/10",
        "ff00::/8",
        "::/128",
    )
]


def play_only(scenario):
    """Play without recording."""
    prepare()
    p = Play()
    _run(p, scenario)


def record(scenario, out):
    """Play and record into out (.pcap or .pcap.zst); writes out's .toml beside it. Returns its facts."""
    prepare()
    p = Play()
    with tempfile.TemporaryDirectory(prefix="kdtown-") as tmp:
        raw = pathlib.Path(tmp, "raw.pcap")
        with _tcpdump(raw):
            _run(p, scenario)
            time.sleep(1.5)
        if scenario.vlan:
            raw = _tagged(raw, scenario.vlan)
        facts = look(raw, scenario)
        check_private(raw)
        out = pathlib.Path(out)
        stem = out.name.split(".pcap")[0]
        _save(raw, out)
        if scenario.also:
            other = raw.with_name("other")
            subprocess.run(
                ["editcap", "-F", scenario.also.split(".")[0], str(raw), str(other)], check=True
            )
            _save(other, out.with_name(f"{stem}.{scenario.also}"))
    facts["file"], facts["bytes"] = out.name, out.stat().st_size
    facts["sha256"] = hashlib.sha256(out.read_bytes()).hexdigest()
    (out.parent / f"{stem}.toml").write_text(describe(scenario, p, facts))
    return facts


def _run(p, scenario):
    for host in scenario.hosts:
        work.dhcp(p, host)
    time.sleep(1)
    scenario.play(p)
    p.finish()


class _tcpdump:
    """tcpdump at the mirror port for the time of the with block."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.proc = subprocess.Popen(
            [
                "ip",
                "netns",
                "exec",
                plan.PREFIX + net.SENSOR,
                "tcpdump",
                "-i",
                "mirror",
                "-s",
                "0",
                "-B",
                "32768",
                "-n",
                "--time-stamp-precision=nano",
                "-Z",
                "root",
                "-U",
                "-w",
                str(self.path),
            ],
            stderr=subprocess.PIPE,
            text=True,
        )
        line = self.proc.stderr.readline()
        if "listening on" not in line:
            raise ns.TownError(f"tcpdump: {line.strip()}")

    def __exit__(self, *_):
        self.proc.send_signal(signal.SIGINT)
        told = self.proc.stderr.read()
        self.proc.wait(timeout=20)
        dropped = re.search(r"(\d+) packets dropped by kernel", told)
        if not dropped or int(dropped.group(1)):
            raise ns.TownError(f"the recording lost packets: {told.strip()}")


def _save(raw, out):
    if out.suffix == ".zst":
        subprocess.run(["zstd", "-q", "-f", "-19", str(raw), "-o", str(out)], check=True)
    else:
        shutil.copyfile(raw, out)


def _tagged(raw, tag):
    """As a mirror of a trunk port shows it: the same frames with an 802.1Q tag."""
    out = raw.with_name("tagged.pcap")
    subprocess.run(
        [
            "tcprewrite",
            "--enet-vlan=add",
            f"--enet-vlan-tag={tag}",
            "--enet-vlan-cfi=0",
            "--enet-vlan-pri=0",
            f"--infile={raw}",
            f"--outfile={out}",
        ],
        check=True,
        capture_output=True,
    )
    return out


def tshark(raw, *args):
    """Lines that tshark prints for the capture raw."""
    done = subprocess.run(
        ["tshark", "-n", "-r", str(raw), *args],
        capture_output=True,
        text=True,
        errors="replace",
    )
    if done.returncode:
        raise ns.TownError(f"tshark {' '.join(args)}: {done.stderr.strip()}")
    return done.stdout.splitlines()


def look(raw, scenario):
    """What tshark sees in raw: times, packets, protocols.

    TownError if a protocol that the scenario is about is missing.
    """
    seen, first, last, total = collections.Counter(), None, None, 0
    for line in tshark(raw, "-T", "fields", "-e", "frame.time_epoch", "-e", "frame.protocols"):
        stamp, _, stack = line.partition("\t")
        last, total = float(stamp), total + 1
        first = last if first is None else first
        seen.update(set(stack.replace("tls:http", "tls").split(":")))
    missing = [n for n in scenario.needs if not seen[n]]
    if missing:
        raise ns.TownError(f"{scenario.name}: not seen in the recording: {', '.join(missing)}")
    ja3 = {
        l
        for l in tshark(
            raw,
            "-Y",
            "tls.handshake.type==1 &&"
            ' tls.handshake.extensions_server_name=="sync.hikari-cdn.example"',
            "-T",
            "fields",
            "-e",
            "tls.handshake.ja3",
        )
        if l
    }
    return {
        "first": first,
        "seconds": last - first,
        "packets": total,
        "ja3": sorted(ja3),
        "protocols": {n: seen[n] for n in PROTOCOLS if seen[n]},
    }


def check_private(raw):
    """TownError if the recording names this machine or holds an address outside the reserved ranges."""
    data = raw.read_bytes()
    secret = [town.password()] if town.SECRET.exists() else []
    for word in (str(town.LAB.parent), socket.gethostname(), *secret):
        if len(word) >= 4 and (word.encode() in data or word.encode("utf-16-le") in data):
            raise ns.TownError(f"the recording holds a word of this machine: {word}")
    for line in set(
        tshark(
            raw, "-T", "fields", "-e", "ip.addr", "-e", "ipv6.addr", "-e", "arp.dst.proto_ipv4"
        )
    ):
        for word in re.split(r"[\t,]", line):
            if word and not any(ipaddress.ip_address(word) in n for n in ALLOWED):
                raise ns.TownError(f"the recording holds the address {word}")


def _toml(value):
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(round(value, 3))
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _table(head, pairs):
    return head + "\n" + "".join(f"{k} = {_toml(v)}\n" for k, v in pairs) + "\n"


def describe(scenario, p, facts):
    """The TOML text: file, hosts, events with times from the first packet, what to expect."""
    start = datetime.datetime.fromtimestamp(facts["first"], datetime.timezone.utc)
    text = "# SPDX-License-Identifier: Apache-2.0\n# Written by lab/town record. Times are seconds from the first packet.\n"
    text += _table(
        "",
        [
            ("name", scenario.name),
            ("title_en", scenario.title_en),
            ("title_ja", scenario.title_ja),
            ("class", "attack" if scenario.expect else "benign"),
            ("twin", scenario.twin or ""),
            *([("tool", scenario.tool)] if scenario.tool else []),
            ("origin", "own lab (lab/town), real programs, no traffic of anyone else"),
            ("licence", "Apache-2.0"),
            ("command", f"lab/town record {scenario.name}"),
            ("file", facts["file"]),
            *([("also", f"{scenario.name}.{scenario.also}")] if scenario.also else []),
            ("sha256", facts["sha256"]),
            ("bytes", facts["bytes"]),
            ("packets", facts["packets"]),
            ("seconds", facts["seconds"]),
            ("start", start.isoformat(timespec="milliseconds").replace("+00:00", "Z")),
        ],
    ).lstrip("\n")
    text += _table("[protocols] # packets as tshark counts them", facts["protocols"].items())
    used = {e["host"] for e in p.events} | {e["target"] for e in p.events} | {"router", "ns1"}
    text += _table(
        "[[host]]",
        [
            ("name", "router"),
            ("ip", ["10.20.0.1", "10.20.1.1"]),
            ("role", "router, DHCP server, mirror port"),
        ],
    )
    for host in plan.HOSTS:
        if host.name in used or "*" in used:
            ips = (
                [plan.ROOT_DNS, *plan.PLACES.values()]
                if host.name == "outside"
                else [host.ipv4]
            )
            text += _table(
                "[[host]]",
                [
                    ("name", host.name),
                    ("ip", ips),
                    *([] if host.name == "outside" else [("mac", host.mac)]),
                    ("role", host.role),
                    *([("user", host.user)] if host.user else []),
                ],
            )
    for event in sorted(p.events, key=lambda e: e["at"]):
        fixed = [
            ("kind", event["kind"]),
            ("host", event["host"]),
            ("ip", _ip(event["host"])),
            ("target", event["target"]),
            ("at", max(0.0, event["at"] - facts["first"])),
            ("until", max(0.0, event["until"] - facts["first"])),
        ]
        rest = [
            ("peer_ip" if k == "ip" else k, v)
            for k, v in event.items()
            if k not in ("kind", "host", "target", "at", "until")
        ]
        text += _table("[[event]]", fixed + rest)
    if any(e["kind"] in ("known-bad", "near-miss") for e in p.events):
        text += _table(
            "[known_bad] # what the list must hold for the expectation below",
            [
                ("ip", [plan.PLACES["dl.seikyu-update.example"]]),
                ("domain", ["dl.seikyu-update.example"]),
                ("sha256", [hashlib.sha256(files.program()).hexdigest()]),
                ("ja3", facts["ja3"]),
            ],
        )
    for want in scenario.expect:
        text += _table(
            "[[expect]]", [(k, v) for k, v in want.items()] + [("ip", _ip(want["host"]))]
        )
    if not scenario.expect:
        text += _table(
            "[silent] # no detection above this severity may be told", [("severity_max", "low")]
        )
    return text.rstrip("\n") + "\n"


def _ip(name):
    return "10.20.1.1" if name == "router" else plan.host(name).ipv4
