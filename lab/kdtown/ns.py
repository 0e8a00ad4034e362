# SPDX-License-Identifier: Apache-2.0
"""One host = one set of Linux namespaces (network, mount, pid, uts, ipc).

A host keeps the machine's programs but has its own /etc and /var (copy on write, in memory), /run,
/srv, /tmp and /root. Killing its first process ends everything in it and leaves nothing behind.
"""

import json
import os
import pathlib
import signal
import subprocess
import time

from . import plan

MARK = "kdtown-init"
BOOT = r"""
set -e
mount --make-rprivate /
hostname "$1"
mount -t tmpfs -o mode=755,size=768m town /run
mkdir -p /run/.town/etc /run/.town/etc.w /run/.town/var /run/.town/var.w /run/lock
mount -t overlay -o lowerdir=/etc,upperdir=/run/.town/etc,workdir=/run/.town/etc.w town /etc
mount -t overlay -o lowerdir=/var,upperdir=/run/.town/var,workdir=/run/.town/var.w town /var
for d in /srv /tmp /root; do mount -t tmpfs -o mode=755 town $d; done
chmod 1777 /tmp
mount -t proc proc /proc
mount -t sysfs sysfs /sys
rm -f /etc/resolv.conf /etc/krb5.keytab
printf '127.0.0.1 localhost\n' > /etc/hosts
printf '%s\n' "$1" > /etc/hostname
printf '%s.komorebi.example\n' "$1" > /etc/mailname
ip link set lo up
echo ready
exec 0</dev/null 1>/dev/null 2>/dev/null
while :; do sleep 3600 & wait $!; done
"""
ENV = [
    "env",
    "-i",
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "LANG=C.UTF-8",
    "LC_ALL=C.UTF-8",
    "TZ=Asia/Tokyo",
    "USER=root",
]


class TownError(Exception):
    """Something the reader can act on; its text says what."""


def _pids_file():
    return pathlib.Path(plan.STATE) / "hosts.json"


def load_pids():
    """Host name -> pid of its first process, of the hosts that are really ours and alive."""
    try:
        pids = json.loads(_pids_file().read_text())
    except (OSError, ValueError):
        return {}
    return {n: p for n, p in pids.items() if _is_ours(p)}


def _is_ours(pid):
    try:
        return MARK.encode() in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def boot(name):
    """Start host name, wait until it is ready, remember it."""
    shell = subprocess.Popen(
        [
            "unshare",
            "--net",
            "--mount",
            "--pid",
            "--uts",
            "--ipc",
            "--fork",
            "bash",
            "-c",
            BOOT,
            MARK,
            name,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )
    if shell.stdout.readline() != b"ready\n":
        raise TownError(f"{name}: cannot start: {shell.stderr.read().decode().strip()}")
    shell.stdout.close()
    shell.stderr.close()
    pid = int(subprocess.check_output(["pgrep", "-P", str(shell.pid)], text=True).split()[0])
    pids = load_pids()
    pids[name] = pid
    _pids_file().parent.mkdir(parents=True, exist_ok=True)
    _pids_file().write_text(json.dumps(pids))
    subprocess.run(["ip", "netns", "attach", plan.PREFIX + name, str(pid)], check=True)


def down():
    """End every host and remove every name. Safe to call at any time, also twice."""
    pids = load_pids()
    for pid in pids.values():
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while any(_is_ours(p) for p in pids.values()) and time.monotonic() < deadline:
        time.sleep(0.05)
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True).stdout
    for line in listed.splitlines():
        if line.startswith(plan.PREFIX):
            subprocess.run(["ip", "netns", "del", line.split()[0]], check=False)
    _pids_file().unlink(missing_ok=True)


class Inside:
    """Runs commands in a host."""

    def __init__(self, name):
        self.name = name
        pids = load_pids()
        if name not in pids:
            raise TownError(f"{name} is not running; start the town with: lab/town up")
        self.enter = [
            "nsenter",
            "-t",
            str(pids[name]),
            "-m",
            "-u",
            "-n",
            "-i",
            "-p",
            "--wd=/",
            "--",
            *ENV,
        ]

    def popen(self, argv, **kw):
        """Start argv (a list) in the host."""
        return subprocess.Popen(self.enter + list(argv), **kw)

    def sh(self, script, check=True, timeout=180, text=None):
        """Run a bash script; returns (exit code, combined output). Raises TownError if check."""
        done = subprocess.run(
            self.enter + ["bash", "-c", script],
            input=text or "",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout,
        )
        if check and done.returncode != 0:
            raise TownError(
                f"{self.name}: exit {done.returncode}: {script[:300]}\n{done.stdout[-2000:]}"
            )
        return done.returncode, done.stdout

    def put(self, folder):
        """Copy the tree of folder over the host's / (etc, srv, ...)."""
        tar = subprocess.run(
            [
                "tar",
                "-C",
                folder,
                "--exclude=./start",
                "--owner=0",
                "--group=0",
                "-cf",
                "-",
                ".",
            ],
            check=True,
            capture_output=True,
        ).stdout
        subprocess.run(
            self.enter + ["tar", "-C", "/", "--no-overwrite-dir", "-xf", "-"],
            input=tar,
            check=True,
        )

    def write(self, path, data, mode=0o644):
        """Write one file in the host."""
        data = data if isinstance(data, bytes) else data.encode()
        subprocess.run(
            self.enter
            + [
                "sh",
                "-c",
                'mkdir -p "${1%/*}" && cat > "$1" && chmod "$2" "$1"',
                "sh",
                path,
                f"{mode:o}",
            ],
            input=data,
            check=True,
        )
