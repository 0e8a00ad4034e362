# SPDX-License-Identifier: Apache-2.0
"""Bring the whole town up: boot hosts, lay cables, start each host's servers in order."""

import os
import pathlib
import secrets
import shutil
import subprocess
import sys
import tempfile
import time

from . import net, ns, plan
from .plan import TUNNEL_ZONE

LAB = pathlib.Path(__file__).resolve().parent.parent
TOOLS = (
    "unshare",
    "nsenter",
    "ip",
    "tc",
    "ethtool",
    "tcpdump",
    "zstd",
    "samba",
    "samba-tool",
    "smbd",
    "nmbd",
    "winbindd",
    "net",
    "smbclient",
    "nmblookup",
    "kinit",
    "unbound",
    "dnsmasq",
    "dhclient",
    "nginx",
    "postfix",
    "swaks",
    "nmap",
    "dig",
    "curl",
    "chronyd",
    "openssl",
    "ping",
    "tshark",
    "editcap",
    "tcprewrite",
    "pgrep",
    "hydra",
    "iodine",
    "iodined",
    "ldapsearch",
    "impacket-secretsdump",
    "snmpget",
    "snmpd",
    "mariadbd",
    "psql",
    "onesixtyone",
    "ngircd",
    "microsocks",
    "sshd",
    "sshpass",
    "arping",
)
READY = pathlib.Path(plan.STATE) / "ready"
SECRET = pathlib.Path(plan.STATE) / "password"


def say(text):
    """Progress for the person at the terminal."""
    print(f"town: {text}", file=sys.stderr, flush=True)


def check():
    """TownError with the remedy if this machine cannot run the town."""
    if os.geteuid() != 0:
        raise ns.TownError("needs root (network namespaces): sudo lab/town ...")
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    missing = [t for t in TOOLS if not shutil.which(t)]
    if missing:
        raise ns.TownError(
            f"not installed: {', '.join(missing)}\n  remedy: grep -v '^#' lab/packages"
            " | xargs apt-get install -y --no-install-recommends"
        )


def password():
    """The password of every account in this run of the town; made anew at each up."""
    return SECRET.read_text()


def is_up():
    """True if every host runs and every start script has ended well."""
    return READY.exists() and len(ns.load_pids()) == len(plan.HOSTS) + 2


def up():
    """Start the town; on failure take it down again. Returns seconds taken."""
    check()
    if is_up():
        return 0.0
    down()
    begin = time.monotonic()
    try:
        pathlib.Path(plan.STATE).mkdir(mode=0o700, parents=True, exist_ok=True)
        SECRET.write_text("Kd-" + secrets.token_hex(8))
        SECRET.chmod(0o600)
        ns.boot(net.ROUTER)
        ns.boot(net.SENSOR)
        for host in plan.HOSTS:
            ns.boot(host.name)
        net.build()
        _certificates()
        for name in (net.ROUTER, *(h.name for h in plan.HOSTS)):
            start(name)
        READY.touch()
    except BaseException:
        if not os.environ.get("KDTOWN_KEEP"):
            down()
        raise
    return time.monotonic() - begin


def down():
    """End everything the town started."""
    ns.down()
    shutil.rmtree(plan.STATE, ignore_errors=True)


def start(name):
    """Copy hosts/common and the host's folder into it and run its start script."""
    begin = time.monotonic()
    folder = LAB / "hosts" / (name if name == net.ROUTER else plan.host(name).folder)
    inside = ns.Inside(name)
    inside.put(LAB / "hosts" / "common")
    inside.put(folder)
    if name == "dc1":
        inside.write("/etc/town-people", "".join(f"{a} {b}\n" for a, b in plan.PEOPLE))
        inside.write(
            "/etc/town-names",
            "".join(
                f"{n} {h.ipv4}\n"
                for h in plan.HOSTS
                if h.segment != "wan" and h.name != "dc1"
                for n in (h.name, *h.names)
            ),
        )
    if name == "outside":
        inside.write("/etc/unbound/town.zone", root_zone())
    inside.write(
        "/etc/town-env",
        f"REALM={plan.REALM}\nWORKGROUP={plan.WORKGROUP}\n"
        f"DOMAIN={plan.DOMAIN}\nTOWN_PASSWORD={password()}\n",
        0o600,
    )
    inside.sh(". /etc/town-env\n" + (folder / "start").read_text())
    say(f"{name} up ({time.monotonic() - begin:.1f} s)")


def root_zone():
    """Zone file of the outside: a DNS root that knows every outside name and nothing else."""
    lines = [
        "$TTL 60",
        ". SOA a.root.example. hostmaster.root.example. 1 3600 600 86400 10",
        ". NS a.root.example.",
        f"a.root.example. A {plan.ROOT_DNS}",
        "kensetsu.example. MX 10 mx.kensetsu.example.",
        f"{plan.DOMAIN}. MX 10 mail1.{plan.DOMAIN}.",
        f"mail1.{plan.DOMAIN}. A {plan.host('mail1').ipv4}",
        f"{TUNNEL_ZONE}. NS ns.kumo-kioku.example.",
        f"www.shinbun.example. AAAA {plan.host('outside').ipv6}",
    ]
    lines += [f"{name}. A {address}" for name, address in plan.PLACES.items()]
    return "\n".join(lines) + "\n"


def _certificates():
    """A certificate authority of the town, two certificates from it, one self-signed."""
    with tempfile.TemporaryDirectory(prefix="kdtown-") as tmp:

        def openssl(*args):
            subprocess.run(["openssl", *args], cwd=tmp, check=True, capture_output=True)

        new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        openssl(
            "req",
            "-x509",
            *new,
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
            "-days",
            "3650",
            "-subj",
            "/C=JP/O=Komorebi Lab/CN=Komorebi Lab Root CA",
        )
        for name, sans in (
            ("portal", ["portal." + plan.DOMAIN, "kanshi." + plan.DOMAIN]),
            ("outside", ["www.tenki.example", "www.shinbun.example", "update.mado.example"]),
        ):
            openssl(
                "req",
                *new,
                "-keyout",
                f"{name}.key",
                "-out",
                f"{name}.csr",
                "-subj",
                f"/C=JP/O=Komorebi Lab/CN={sans[0]}",
            )
            pathlib.Path(tmp, "ext").write_text(
                "subjectAltName=" + ",".join("DNS:" + s for s in sans)
            )
            openssl(
                "x509",
                "-req",
                "-in",
                f"{name}.csr",
                "-CA",
                "ca.pem",
                "-CAkey",
                "ca.key",
                "-CAcreateserial",
                "-days",
                "397",
                "-extfile",
                "ext",
                "-out",
                f"{name}.pem",
            )
        openssl(
            "req",
            "-x509",
            *new,
            "-keyout",
            "sync.key",
            "-out",
            "sync.pem",
            "-days",
            "30",
            "-subj",
            "/CN=localhost",
        )
        read = lambda name: pathlib.Path(tmp, name).read_bytes()
        for host, names in (
            ("web1", ("portal.pem", "portal.key")),
            ("outside", ("outside.pem", "outside.key", "sync.pem", "sync.key")),
        ):
            for name in names:
                ns.Inside(host).write(f"/etc/town-tls/{name}", read(name), 0o600)
        for host in plan.CLIENTS:
            ns.Inside(host.name).write("/etc/town-tls/ca.pem", read("ca.pem"))
