# SPDX-License-Identifier: Apache-2.0
"""The list of scenarios: what is played, what a sensor must say, what it must not say."""

import random
import time

from . import attack, intrusion, plan, services, techniques, twins, work
from .scenario import ZERO, Scenario, expect

ALL = [h.name for h in plan.CLIENTS]


def ordinary_day(p, seconds):
    """Staff of three sections at work for so many seconds."""
    begin = time.monotonic()
    left = lambda: seconds - (time.monotonic() - begin)
    work.heartbeat(p, ALL, seconds - 2)
    work.printer(p, "soumu-pc007", seconds - 5)
    p.beside(work.watch, rounds=max(1, seconds // 60), pause=30)
    for n, host in enumerate(ALL):
        p.beside(_desk, host, n, left)
    time.sleep(8)
    work.mails(p)
    time.sleep(10)
    work.update(p, "soumu-pc007")


def _desk(p, host, number, left):
    time.sleep(2 * number)
    work.logon(p, host)
    work.netbios(p, host)
    work.address_book(p, host)
    work.share_kerberos(p, host)
    if number == 1:
        work.share_ntlm(p, host, password="machigai", check=False)
        time.sleep(3)
        work.share_ntlm(p, host)
    work.browse(p, host)
    pick = random.Random(number)
    while left() > 30:
        time.sleep(pick.uniform(4, 22))  # people are irregular; a fixed rest would be a beacon
        work.browse(p, host)
        if left() > 20:
            work.share_kerberos(p, host)


def workday(p):
    ordinary_day(p, 170)


def first_attack(p):
    p.beside(ordinary_day, 290)
    time.sleep(25)
    attack.mail_lure(p)
    time.sleep(6)
    attack.download(p, ZERO)
    time.sleep(4)
    attack.beacon(p, ZERO, 225, 8, wait=False)
    attack.beacon(p, ZERO, 215, 10, tls=True, wait=False)
    time.sleep(15)
    attack.host_scan(p, ZERO)
    attack.port_scan(p, ZERO)
    time.sleep(8)
    attack.spray(p, ZERO)
    attack.guess_kerberos(p, ZERO)
    attack.guess_smb(p, ZERO)
    time.sleep(8)
    attack.admin_share(p, ZERO)
    time.sleep(15)
    attack.random_names(p, ZERO)


def full_chain(p):
    """Mail, download, callback, scan, admin share, service, collection, upload; two sections at work meanwhile."""
    for number, host in enumerate((ZERO, "jumin-pc003")):
        p.beside(_desk, host, 2 * number, _left(125))
    time.sleep(15)
    intrusion.mail_attachment(p)
    time.sleep(6)
    techniques.disguised(p)
    time.sleep(4)
    attack.beacon(p, ZERO, 110, 5, wait=False)
    time.sleep(20)
    attack.host_scan(p, ZERO)
    time.sleep(8)
    intrusion.remote_service(p, ZERO)
    time.sleep(10)
    with intrusion.big_frames(ZERO, "fs1", "outside"):
        intrusion.collect(p, ZERO)
        time.sleep(6)
        intrusion.carry_out(p, ZERO)


def _left(seconds):
    begin = time.monotonic()
    return lambda: seconds - (time.monotonic() - begin)


def bruteforce(p):
    attack.guess_smb(p, ZERO)
    attack.guess_kerberos(p, ZERO)


def onewrong(p):
    work.share_ntlm(p, ZERO, password="machigai", check=False)
    time.sleep(4)
    work.share_ntlm(p, ZERO)
    with p.event(
        "logon-failed",
        ZERO,
        "dc1",
        "mistypes the password once (Kerberos)",
        "パスワードを1回打ち間違い（Kerberos）",
        user="sato",
    ):
        p.on(ZERO, "echo machigai | kinit -c /tmp/cc_x sato >/dev/null 2>&1; true")
    time.sleep(3)
    work.logon(p, ZERO)
    work.share_kerberos(p, ZERO)


def morninglogons(p):
    users = [u for u, _ in plan.PEOPLE if not u.startswith("svc")]
    for number, user in enumerate(users):
        work.share_ntlm(
            p,
            ZERO,
            user=user,
            password="machigai" if number == 5 else "$TOWN_PASSWORD",
            check=number != 5,
            commands="ls",
        )
        work.logon(p, ZERO, user)
        time.sleep(2)


def usershare(p):
    for _ in range(3):
        work.share_ntlm(p, ZERO, share="kaikei")
        work.logon(p, ZERO)
        work.share_kerberos(p, ZERO)
    with p.event(
        "admin-work",
        "soumu-pc007",
        "fs1",
        "lists the shares, hidden ones among them, opens none",
        "共有の一覧を表示（隠し共有は開かない）",
        user="tanaka",
    ):
        p.on(
            "soumu-pc007",
            "smbclient -L fs1 -U 'KOMOREBI\\tanaka%'\"$TOWN_PASSWORD\" >/dev/null",
        )


def portscan(p):
    attack.host_scan(p, ZERO)
    attack.port_scan(p, ZERO)


def monitoring(p):
    work.heartbeat(p, ALL, 55, every=5)
    work.watch(p, rounds=5, pause=5)


def beacon(p):
    attack.beacon(p, ZERO, 200, 5, wait=False)
    attack.beacon(p, ZERO, 200, 7, tls=True)


def polling(p):
    work.heartbeat(p, ALL, 200, every=5)
    work.printer(p, "soumu-pc007", 200, every=8)
    time.sleep(205)


def dga(p):
    attack.random_names(p, ZERO)


def browsing(p):
    work.browse(p, ZERO, rounds=3)
    with p.event(
        "name-typos", ZERO, "ns1", "a few names that do not exist", "存在しない名前を数件照会"
    ):
        p.on(
            ZERO,
            "for n in wpad wpad.komorebi.example www.tenky.example isatap prn02; do dig +short"
            " +search $n >/dev/null; sleep 1; done",
        )


def knownbad(p):
    attack.download(p, ZERO)
    attack.bad_address(p, ZERO)
    attack.beacon(p, ZERO, 6, 2, tls=True)


def nearmiss(p):
    with p.event(
        "near-miss",
        ZERO,
        "outside",
        "loads from a place whose name and address only resemble listed ones",
        "一覧に似ているが別の名前・アドレスに接続",
        name="dl.notseikyu-update.example",
        ip=plan.PLACES["dl.notseikyu-update.example"],
    ):
        p.on(
            ZERO,
            f"{work.CURL} http://dl.notseikyu-update.example/index.html; "
            f"{work.CURL} -A test http://www.shinbun.example/dl.seikyu-update.example/",
            check=False,
        )
    work.browse(p, ZERO)


def selftest(p):
    attack.self_test(p, ZERO)


def ipv6(p):
    with p.event(
        "ipv6",
        ZERO,
        "*",
        "browses, resolves and pings over IPv6",
        "IPv6で閲覧・名前解決・疎通確認",
    ):
        hosts = {n: plan.host(n).ipv6 for n in (ZERO, "web1", "ns1", "outside")}
        try:
            for name, address in hosts.items():
                gateway = plan.SEGMENTS[plan.host(name).segment][1].split("/")[0]
                p.on(
                    name,
                    f"ip addr add {address}/64 dev eth0; ip route add default via {gateway}",
                )
            p.on(
                ZERO,
                f"""
ping -6 -c 2 {hosts['web1']} >/dev/null
dig +short @{hosts['ns1']} AAAA www.shinbun.example >/dev/null
{work.CURL} -6 -H 'Host: portal.{plan.DOMAIN}' http://[{hosts['web1']}]/home.html
{work.CURL} -6 --compressed http://www.shinbun.example/
{work.CURL} -6 http://[{hosts['web1']}]:81/
true""",
            )
        finally:
            for name in hosts:
                p.on(
                    name,
                    "ip -6 addr flush dev eth0 scope global; ip -6 route flush default",
                    check=False,
                )


def vlan(p):
    work.logon(p, ZERO)
    work.share_kerberos(p, ZERO)
    work.browse(p, ZERO)


_E = {
    "brute": expect("brute-force", "T1110.001", "medium"),
    "success": expect("success-after-failures", "T1078.002", "medium"),
    "spray": expect("spraying", "T1110.003", "medium"),
    "admin": expect("admin-share", "T1021.002", "medium"),
    "ports": expect("port-scan", "T1046", "low"),
    "hosts": expect("host-scan", "T1018", "low"),
    "http": expect("beacon", "T1071.001", "medium"),
    "tls": expect("beacon", "T1573", "medium"),
    "bad": expect("known-bad", "T1071", "medium"),
    "dga": expect("random-names", "T1568.002", "medium"),
}
_SMB, _KRB = ("smb2", "ntlmssp"), ("kerberos",)
_DAY = (
    "arp",
    "dhcp",
    "dns",
    "nbns",
    "ntp",
    "icmp",
    "http",
    "tls",
    "smtp",
    "ldap",
    "cldap",
    *_SMB,
    *_KRB,
)

SCENARIOS = [
    Scenario(
        "workday",
        "An ordinary working day, three minutes of it",
        "ふつうの業務（3分間）",
        workday,
        hosts=ALL,
        needs=_DAY,
    ),
    Scenario(
        "first-attack",
        "The same work, and an intruder in the accounting section's PC",
        "ふつうの業務と、会計課PCからの侵入",
        first_attack,
        expect=tuple(_E.values()),
        twin="workday",
        tool="swaks, curl, nmap, kinit, smbclient, dig",
        hosts=ALL,
        needs=_DAY,
    ),
    Scenario(
        "bruteforce",
        "Many wrong passwords for one account",
        "1アカウントへの総当たり",
        bruteforce,
        expect=(_E["brute"], _E["success"]),
        twin="onewrong",
        tool="smbclient, kinit",
        needs=_SMB + _KRB,
    ),
    Scenario(
        "onewrong",
        "A password mistyped once",
        "パスワードの打ち間違い1回",
        onewrong,
        needs=_SMB + _KRB,
    ),
    Scenario(
        "spray",
        "One password tried on every account",
        "全アカウントへのパスワードスプレー",
        lambda p: attack.spray(p, ZERO),
        expect=(_E["spray"],),
        twin="morninglogons",
        tool="smbclient, kinit",
        needs=_SMB + _KRB,
    ),
    Scenario(
        "morninglogons",
        "Many people log on from one shared PC, one mistypes",
        "共用PCから多数の職員がログオン",
        morninglogons,
        needs=_SMB + _KRB,
    ),
    Scenario(
        "adminshare",
        "A program copied to hidden administrative shares",
        "管理共有へのプログラム複製",
        lambda p: attack.admin_share(p, ZERO),
        expect=(_E["admin"],),
        twin="usershare",
        tool="smbclient",
        needs=_SMB,
    ),
    Scenario(
        "usershare",
        "Files copied to ordinary shares",
        "通常の共有フォルダの利用",
        usershare,
        hosts=(ZERO, "soumu-pc007"),
        needs=_SMB + _KRB,
    ),
    Scenario(
        "portscan",
        "Scan of hosts and ports",
        "ホストとポートの探索",
        portscan,
        expect=(_E["ports"], _E["hosts"]),
        twin="monitoring",
        tool="nmap",
        needs=("icmp", "arp", "tcp"),
    ),
    Scenario(
        "monitoring",
        "A monitoring server checks the servers",
        "監視サーバによる稼働確認",
        monitoring,
        hosts=ALL,
        needs=("icmp", "http", "smb2"),
    ),
    Scenario(
        "beacon",
        "Jittered callbacks over HTTP and TLS to one outside place",
        "外部への定期通信（HTTPとTLS）",
        beacon,
        expect=(_E["http"], _E["tls"]),
        twin="polling",
        tool="curl",
        needs=("http", "tls"),
    ),
    Scenario(
        "polling",
        "Every PC reports to the monitoring server at a fixed interval",
        "全PCが監視サーバへ定期報告",
        polling,
        hosts=ALL,
        needs=("http",),
    ),
    Scenario(
        "dga",
        "Many random names, none exists",
        "乱数名の大量照会",
        dga,
        expect=(_E["dga"],),
        twin="browsing",
        tool="dig",
        needs=("dns",),
    ),
    Scenario(
        "browsing",
        "Browsing, and a few names that do not exist",
        "ウェブ閲覧と少数の存在しない名前",
        browsing,
        needs=("dns", "http", "tls"),
    ),
    Scenario(
        "knownbad",
        "Contact with a listed bad name, address, file and TLS client",
        "既知の不正な名前・アドレス・ファイルとの通信",
        knownbad,
        expect=(_E["bad"],),
        twin="nearmiss",
        tool="curl",
        needs=("dns", "http", "tls"),
    ),
    Scenario(
        "nearmiss",
        "Names and addresses that only resemble listed ones",
        "一覧に似ているだけの名前・アドレス",
        nearmiss,
        needs=("dns", "http"),
    ),
    Scenario(
        "selftest",
        "Every harmless trigger of the self-test",
        "動作確認用の合図すべて",
        selftest,
        expect=(expect("self-test", "", "info"),),
        twin="browsing",
        tool="dig, curl, smbclient, kinit, ping, swaks",
        needs=("dns", "http", "icmp", "smtp", *_SMB, *_KRB),
        also="pcap",
    ),
    Scenario(
        "ipv6",
        "A little work over IPv6",
        "IPv6での通信",
        ipv6,
        needs=("ipv6", "icmpv6", "dns", "http"),
        also="pcapng.zst",
    ),
    Scenario(
        "vlan",
        "Ordinary work as seen on a trunk, tagged with VLAN 30",
        "VLAN 30のタグ付き通信",
        vlan,
        vlan=30,
        needs=("vlan", "smb2", "kerberos", "http"),
    ),
]
FULL_CHAIN = Scenario(
    "fullchain",
    "From a mail to stolen documents, with ordinary work around it",
    "メールから情報持ち出しまでの一連の侵入と、ふつうの業務",
    full_chain,
    expect=(
        expect("phishing", "T1566.001", "low", "mail1"),
        expect("disguised-download", "T1105", "medium"),
        _E["http"],
        _E["hosts"],
        _E["admin"],
        expect("exfiltration", "T1048", "medium"),
    ),
    twin="workday",
    hosts=(ZERO, "jumin-pc003"),
    needs=("smtp", "http", "smb2", "dcerpc"),
    tool="swaks, curl, nmap, smbclient, impacket psexec",
)
SCENARIOS = {s.name: s for s in (*SCENARIOS, *techniques.SCENARIOS, *services.SCENARIOS, *twins.SCENARIOS, FULL_CHAIN)}
