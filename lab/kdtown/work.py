# SPDX-License-Identifier: Apache-2.0
"""Ordinary work: what staff and servers do all day. Every act uses the real client program.

An act takes the running play p and a host; p.on() runs a script in the host, p.event() writes down
what happened for the recording's description.
"""

import time

from . import files, plan

BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/131.0.0.0 Safari/537.36"
)
CURL = "curl -sS -m 20 -o /dev/null"


def dhcp(p, host):
    """Ask for an address as a PC does when it is switched on."""
    with p.event("dhcp", host, "router", "asks for an address", "アドレスを取得"):
        p.on(
            host,
            "dhclient -4 -q -cf /etc/dhcp/town.conf -lf /var/lib/dhcp/dhclient.leases -pf"
            " /run/dhclient.pid eth0 && nmbd -D",
        )


def logon(p, host, user=None):
    """Log on to the domain (Kerberos) and open the shared folder with the ticket."""
    user = user or plan.host(host).user
    with p.event(
        "logon", host, "dc1", "logs on with Kerberos", "Kerberosでログオン", user=user
    ):
        p.on(host, f'echo "$TOWN_PASSWORD" | kinit -c /tmp/cc_{user} {user} >/dev/null')


def share_kerberos(p, host):
    """Work in the shared folder: list, write, read back, rename, delete."""
    user = plan.host(host).user
    with p.event(
        "share-use",
        host,
        "fs1",
        "works in the shared folder (Kerberos)",
        "共有フォルダで作業（Kerberos）",
        user=user,
        share="kyoyu",
    ):
        p.on(
            host,
            f"cd /root && KRB5CCNAME=FILE:/tmp/cc_{user} smbclient //fs1.{plan.DOMAIN}/kyoyu"
            f" --use-kerberos=required -N -c 'ls; mkdir {user}; cd {user}; put yosan.csv"
            f" 予算_{user}.csv; get 予算_{user}.csv /tmp/back.csv; rename 予算_{user}.csv"
            f" 予算_済_{user}.csv; ls; del 予算_済_{user}.csv; cd ..; rmdir {user}'",
        )


def share_ntlm(
    p,
    host,
    user=None,
    password="$TOWN_PASSWORD",
    check=True,
    share="kyoyu",
    commands="ls; put yosan.csv yosan.csv; get yosan.csv /tmp/back.csv",
):
    """Use a share with user name and password (NTLMv2)."""
    user = user or plan.host(host).user
    with p.event(
        "share-use" if check else "logon-failed",
        host,
        "fs1",
        "uses a share (NTLM)" if check else "mistypes the password once",
        "共有フォルダを使用（NTLM）" if check else "パスワードを1回打ち間違い",
        user=user,
        share=share,
    ):
        p.on(
            host,
            f"cd /root && smbclient '//fs1/{share}' -U 'KOMOREBI\\{user}%'\"{password}\" -c"
            f" '{commands}'",
            check=check,
        )


def browse(p, host, rounds=1):
    """Look at the weather, the news and the staff portal: redirect, gzip, TLS, POST."""
    with p.event(
        "browse",
        host,
        "outside",
        "browses the web and the portal",
        "ウェブと職員ポータルを閲覧",
    ):
        for n in range(rounds):
            p.on(
                host,
                f"""set -e
A='{BROWSER}'
{CURL} -A "$A" --compressed -L http://www.tenki.example/
{CURL} -A "$A" --compressed http://www.shinbun.example/ -e http://portal.{plan.DOMAIN}/home.html
{CURL} -A "$A" http://static.shinbun.example/logo.svg -e http://www.shinbun.example/
sleep 1.{n}
{CURL} -A "$A" --compressed https://www.shinbun.example/a/{n + 3}.html
{CURL} -A "$A" --compressed http://portal.{plan.DOMAIN}/ http://portal.{plan.DOMAIN}/style.css
{CURL} -A "$A" -L -d 'user={plan.host(host).user}&password=********' http://portal.{plan.DOMAIN}/login
{CURL} -A "$A" http://portal.{plan.DOMAIN}/aaa-nai.html
""",
            )


def update(p, host):
    """Check for a software update and load it."""
    with p.event(
        "update", host, "outside", "loads a software update", "ソフトウェア更新を取得"
    ):
        p.on(
            host,
            f"{CURL} -A 'Mado-Update-Agent/10.0' https://update.mado.example/catalog.json && "
            f"{CURL} -A 'Mado-Update-Agent/10.0' http://update.mado.example/d/mado-10.4.2.cab",
        )


def heartbeat(p, hosts, seconds, every=10.0):
    """The monitoring agent of each host reports at a fixed interval, all to one server."""
    for host in hosts:
        with p.event(
            "polling",
            host,
            "web1",
            f"monitoring agent reports every {every:g} s",
            f"監視エージェントが{every:g}秒ごとに報告",
        ) as event:
            p.background(
                host,
                _loop(
                    seconds,
                    every,
                    f"{CURL} -A kanshi-agent/2.1 http://kanshi.{plan.DOMAIN}/agent/heartbeat",
                ),
                event,
            )


def printer(p, host, seconds, every=15.0):
    """Ask the print server for its state at a fixed interval."""
    with p.event(
        "polling",
        host,
        "web1",
        f"asks the printer state every {every:g} s",
        f"プリンタの状態を{every:g}秒ごとに照会",
    ) as event:
        p.background(
            host,
            _loop(
                seconds,
                every,
                f"{CURL} -A insatsu/1.0 http://portal.{plan.DOMAIN}/insatsu/prn01",
            ),
            event,
        )


def _loop(seconds, every, command):
    return (
        f"end=$((SECONDS + {int(seconds)})); next=$(date +%s%3N)\nwhile [ $SECONDS -lt $end ];"
        f" do {command} || true\n next=$((next + {int(every * 1000)}))\n rest=$((next - $(date"
        " +%s%3N))); [ $rest -gt 0 ] && sleep $(printf '%d.%03d' $((rest / 1000)) $((rest %"
        " 1000)))\ndone"
    )


def watch(p, rounds=2, pause=5):
    """The monitoring server looks whether the servers answer: ping and their own ports."""
    with p.event(
        "monitoring",
        "web1",
        "*",
        "monitoring server checks the servers",
        "監視サーバが各サーバの応答を確認",
    ):
        for _ in range(rounds):
            p.on(
                "web1",
                f"""
for h in dc1 fs1 mail1 ns1; do ping -c 1 -W 2 $h.{plan.DOMAIN} >/dev/null; done
swaks --server mail1.{plan.DOMAIN} --quit-after EHLO >/dev/null
dig +short @10.20.0.53 portal.{plan.DOMAIN} >/dev/null
nmblookup -U 10.20.0.20 -A 10.20.0.20 >/dev/null
smbclient -N -L //fs1.{plan.DOMAIN} >/dev/null 2>&1
{CURL} http://portal.{plan.DOMAIN}/
true""",
            )
            time.sleep(pause)


def address_book(p, host, whom="suzuki"):
    """Look a colleague up in the directory (LDAP, signed in with the Kerberos ticket)."""
    with p.event(
        "directory",
        host,
        "dc1",
        "looks a colleague up in the directory (LDAP)",
        "職員名簿を検索（LDAP）",
    ):
        p.on(
            host,
            f"KRB5CCNAME=FILE:/tmp/cc_{plan.host(host).user} net ads search"
            f" '(sAMAccountName={whom})' sn --use-kerberos=required -S dc1.{plan.DOMAIN}"
            " --option=security=ads >/dev/null",
        )


def netbios(p, host):
    """Ask WINS for the file server, then the file server for its names."""
    with p.event(
        "netbios",
        host,
        "fs1",
        "looks the file server up by NetBIOS",
        "NetBIOSでファイルサーバを検索",
    ):
        p.on(
            host,
            "nmblookup -R -U 10.20.0.20 FS1 >/dev/null; nmblookup -A 10.20.0.20 >/dev/null",
        )


def send_mail(
    p, host, sender, to, subject, text, attachments=(), charset="iso-2022-jp", server=None
):
    """Send one message over SMTP."""
    server = server or f"mail1.{plan.DOMAIN}"
    helo = "mx." + sender.split("@")[1] if host == "outside" else f"{host}.{plan.DOMAIN}"
    with p.event("mail", host, "mail1", "sends mail", "メールを送信", subject=subject):
        raw = files.mail(sender, to, subject, text, attachments, charset)
        p.put(host, "/tmp/mail.eml", raw)
        p.on(
            host,
            f"swaks --server {server} --helo {helo} --from {sender} --to {to} --data"
            " @/tmp/mail.eml >/dev/null",
        )


def mails(p):
    """A morning's mail: inside, out, and in, with attachments and Japanese subjects."""
    send_mail(
        p,
        "soumu-pc007",
        f"tanaka@{plan.DOMAIN}",
        f"suzuki@{plan.DOMAIN}",
        "【庁内】防災訓練の実施について",
        "各課 担当者 様\n\n標記の件、別添のとおり実施します。\n総務課 田中\n",
        [("実施要領.pdf", "application/pdf", files.pdf("Drill"))],
    )
    send_mail(
        p,
        "kaikei-pc014",
        f"sato@{plan.DOMAIN}",
        "info@kensetsu.example",
        "支払通知書の送付（10月分）",
        "株式会社こもれび建設 御中\n\n支払通知書をお送りします。\n会計課 佐藤\n",
        [("支払通知.csv", "text/csv", files.roster())],
    )
    send_mail(
        p,
        "outside",
        "info@kensetsu.example",
        f"sato@{plan.DOMAIN}",
        "Re: 支払通知書の送付（10月分）",
        "会計課 佐藤様\n\nありがとうございました。\n",
        charset="utf-8",
        server=plan.host("mail1").ipv4,
    )
