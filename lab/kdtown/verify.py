# SPDX-License-Identifier: Apache-2.0
"""Do the recordings hold what their TOML files say? tshark is the judge; no root needed."""

import hashlib
import pathlib
import subprocess
import tempfile
import tomllib

from . import plan, record
from .ns import TownError
from .scenarios import SCENARIOS

# event kind -> function(event) giving (display filter, field to count distinct values of or "", count)
FAILED_SMB = "smb2.nt_status in {0xc000006d, 0xc0000064} && smb2.cmd == 1"
FAILED_KERBEROS = "kerberos.error_code in {6, 24}"


def _failed(event):
    what = FAILED_KERBEROS if event["target"] == "dc1" else FAILED_SMB
    return f"{what} && ip.dst == {event['ip']}", "", event.get("count", 1)


def _tree(event):
    return (
        f'smb2.cmd == 3 && smb2.flags.response == 0 && smb2.tree contains "{event["share"]}"'
        f" && ip.src == {event['ip']}",
        "",
        1,
    )


def _beacon(event):
    tls = (
        f'tls.handshake.type == 1 && tls.handshake.extensions_server_name == "{event["name"]}"'
    )
    http = f'http.request && http.host == "{event["name"]}"'
    return (
        f"({tls if event['technique'] == 'T1573' else http}) && ip.src == {event['ip']}",
        "",
        event["count"],
    )


RULES = {
    "dhcp": lambda e: (f"dhcp.option.dhcp == 5 && dhcp.ip.your == {e['ip']}", "", 1),
    "logon": lambda e: (
        (
            f'kerberos.msg_type == 11 && kerberos.CNameString == "{e["user"]}" && ip.dst =='
            f' {e["ip"]}'
        ),
        "",
        1,
    ),
    "logon-failed": _failed,
    "brute-force": _failed,
    "spraying": _failed,
    "share-use": _tree,
    "admin-share": _tree,
    "port-scan": lambda e: (
        f"tcp.flags == 2 && ip.src == {e['ip']} && ip.dst == {plan.host(e['target']).ipv4}",
        "tcp.dstport",
        e["count"],
    ),
    "host-scan": lambda e: (
        (
            f"tcp.dstport == {e['port']} && tcp.flags == 2 && ip.src == {e['ip']}"
            if "port" in e
            else f"icmp.type == 8 && ip.src == {e['ip']}"
        ),
        "ip.dst",
        60,
    ),
    "beacon": _beacon,
    "random-names": lambda e: (
        f"dns.flags.rcode == 3 && ip.dst == {e['ip']}",
        "dns.qry.name",
        e["count"],
    ),
    "known-bad": lambda e: (
        f"tcp.flags == 2 && ip.src == {e['ip']} && ip.dst == {e['peer_ip']}",
        "",
        1,
    ),
    "directory": lambda e: (f"ldap && ip.src == {e['ip']}", "", 1),
    "mail": lambda e: ('smtp.req.command == "MAIL"', "", 1),
}


def verify(folder, names=()):
    """Check every recording in folder (or those named). Returns lines of what is wrong; empty is good."""
    wrong = []
    for name in names or SCENARIOS:
        try:
            wrong += [f"{name}: {line}" for line in _one(pathlib.Path(folder), SCENARIOS[name])]
        except (
            OSError,
            KeyError,
            TownError,
            tomllib.TOMLDecodeError,
            subprocess.CalledProcessError,
        ) as error:
            wrong.append(f"{name}: {error}")
    return wrong


def _one(folder, scenario):
    told = tomllib.loads((folder / f"{scenario.name}.toml").read_text())
    data = (folder / told["file"]).read_bytes()
    if hashlib.sha256(data).hexdigest() != told["sha256"]:
        yield "file and TOML do not belong together (sha256)"
    with tempfile.TemporaryDirectory(prefix="kdtown-") as tmp:
        raw = pathlib.Path(tmp, "raw.pcap")
        subprocess.run(["zstd", "-dqc"], input=data, stdout=raw.open("wb"), check=True)
        facts = record.look(raw, scenario)
        record.check_private(raw)
        if (facts["packets"], facts["protocols"]) != (told["packets"], told["protocols"]):
            yield "packets or protocols differ from the TOML"
        again = len(record.tshark(raw, "-Y", "tcp.analysis.retransmission"))
        if again > facts["packets"] // 200:
            yield f"{again} TCP segments seen twice: is the mirror doubling packets?"
        seen = {}
        for event in told["event"]:
            yield from _event(raw, event, seen)


def _event(raw, event, seen):
    """What is wrong with one event. seen remembers what tshark already told about this file."""
    if event["kind"] not in RULES:
        return
    what, distinct, count = RULES[event["kind"]](event)
    if (what, distinct) not in seen:
        field = distinct or "frame.number"
        fields = ("-T", "fields", "-e", "frame.time_relative", "-e", field)
        seen[what, distinct] = [l.split("\t") for l in record.tshark(raw, "-Y", what, *fields)]
    begin, end = event["at"] - 1, event["until"] + 2
    found = len({value for at, value in seen[what, distinct] if begin <= float(at) <= end})
    if found < count:
        yield f"event {event['kind']} at {event['at']} s: {found} of {count} in the recording"
