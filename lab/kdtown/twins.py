# SPDX-License-Identifier: Apache-2.0
"""Ordinary acts that resemble an attack. None of them may be told at medium or above."""

import io
import random
import time
import zipfile

from . import files, intrusion, plan, work
from .intrusion import KANRI
from .scenario import ZERO, Scenario
from .work import BROWSER, CURL

ADMIN = "soumu-pc007"  # where the administrators sit
DC, FS, WEB = (plan.host(n).ipv4 for n in ("dc1", "fs1", "web1"))
_PCS = tuple(h.name for h in plan.CLIENTS)


def act(p, kind, host, target, text_en, text_ja, script, check=False, **facts):
    """One ordinary act: a script in host."""
    with p.event(kind, host, target, text_en, text_ja, **facts):
        p.on(host, f"{{ {script}\n}} 2>&1 | tail -c 2000", check=check)


def service_tickets(p):
    for host in _PCS:
        work.logon(p, host)
        act(p, "tickets", host, "dc1", "gets tickets of the services it uses", "使用するサービスのチケットを取得",
            f"export KRB5CCNAME=/tmp/cc_{plan.host(host).user}; kvno cifs/fs1.{plan.DOMAIN} HTTP/bunsho.{plan.DOMAIN}"
            f" MSSQLSvc/gyomu-db.{plan.DOMAIN}:1433 ldap/dc1.{plan.DOMAIN}")
        work.share_kerberos(p, host)


def domain_admin(p):
    way = f"-U 'KOMOREBI\\administrator%'\"$TOWN_PASSWORD\""
    act(p, "admin-work", ADMIN, "dc1", "looks after an account and the servers' services", "アカウントとサービスの管理",
        f"""rpcclient {way} {DC} -c 'lookupnames sato; queryuser 0x44f; querydominfo'
sleep 2; rpcclient {way} {DC} -c 'dsroledominfo; srvinfo'
sleep 2; net rpc service status WINS -S {FS} {way}
sleep 2; rpcclient {way} {FS} -c 'netsharegetinfo kyoyu; netremotetod'
sleep 2; net rpc user info suzuki -S {DC} {way}
sleep 2; net ads info -S dc1.{plan.DOMAIN}""")


def directory_sync(p):
    """An application keeps its list of staff equal to the directory's."""
    ask = (f"ldapsearch -x -LLL -H ldap://dc1.{plan.DOMAIN} -D svc-meibo@{plan.DOMAIN} -w Meibo-renkei-1"
           " -b CN=Users,dc=komorebi,dc=example -E pr=100/noprompt")
    for _ in range(3):
        act(p, "directory-sync", "web1", "dc1", "the portal fetches names and mail addresses of staff",
            "ポータルが職員の氏名・メールアドレスを取得", f"{ask} '(&(objectCategory=person)(sn=*))' sAMAccountName sn mail whenChanged")
        time.sleep(3)


def deploy(p):
    """Software deployment: the package lies in a share, the PCs fetch it, the administrator looks whether it runs."""
    p.put("fs1", "/srv/kyoyu/haifu/kanri_tool.exe", files.program())
    p.put("fs1", "/srv/kyoyu/haifu/mado-10.4.2.cab", files.update_package()[:40000])
    p.on("fs1", "chmod -R 0777 /srv/kyoyu/haifu")
    for host in _PCS:
        work.logon(p, host)
        act(p, "deployment", host, "fs1", "fetches software from the distribution share", "配布用共有からソフトウェアを取得",
            f"cd /tmp; KRB5CCNAME=FILE:/tmp/cc_{plan.host(host).user} smbclient //fs1.{plan.DOMAIN}/kyoyu --use-kerberos=required -N"
            " -c 'cd haifu; get kanri_tool.exe; get mado-10.4.2.cab'")
        time.sleep(2)
    act(p, "admin-work", ADMIN, "fs1", "looks at a service of the server", "サーバーのサービスの状態を確認",
        f"net rpc service status RemoteRegistry -S {FS} -U 'KOMOREBI\\administrator%'\"$TOWN_PASSWORD\"")


def machine_account(p):
    act(p, "secure-channel", "fs1", "dc1", "the file server renews its channel to the domain and its password",
        "ファイルサーバーがドメインとの接続とパスワードを更新",
        "for i in 1 2 3; do wbinfo -t; wbinfo --ping-dc; sleep 2; done; net ads testjoin; wbinfo -c; sleep 2; wbinfo -t")


def ssh_admin(p):
    """The administrator mistypes once, works in two sessions, copies a file."""
    intrusion.sshd(p)
    ssh = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o PreferredAuthentications=password"
    act(p, "admin-work", ADMIN, "web1", "looks after the web server over SSH, mistypes the password once",
        "SSHでウェブサーバーを管理（打ち間違い1回）",
        f"""cd /tmp; sshpass -p machigai ssh {ssh} {KANRI}@{WEB} true
sleep 3; sshpass -p "$TOWN_PASSWORD" ssh {ssh} {KANRI}@{WEB} 'uptime; df -h /; sleep 3; tail -3 /var/log/nginx/access.log; sleep 2; ss -lnt'
head -c 60000 /bin/ls > log.dat; sshpass -p "$TOWN_PASSWORD" scp {ssh} log.dat {KANRI}@{WEB}:/tmp/
sshpass -p "$TOWN_PASSWORD" ssh {ssh} {KANRI}@{WEB} 'ls -la /srv/portal; sleep 2; date'""")
    intrusion.sshd(p, stop=True)


def mass_rename(p):
    """A section puts its year in order: files renamed by the dozen, then packed into one archive."""
    intrusion.documents(p, 26, "nendo")
    moves = "; ".join(f"rename 資料_{n:02d}.csv R8_資料_{n:02d}.csv" for n in range(26))
    share = "smbclient //fs1/kaikei -U 'KOMOREBI\\sato%'\"$TOWN_PASSWORD\""
    act(p, "tidying", ZERO, "fs1", "renames files by the dozen", "多数のファイルの名前を変更",
        f"{share} -c 'cd nendo; {moves}; ls'", user="sato")
    act(p, "tidying", ZERO, "fs1", "packs old files into one archive and deletes them", "古いファイルを書庫にまとめて削除",
        f"""mkdir -p /tmp/nendo && cd /tmp/nendo && {share} -c 'cd nendo; prompt off; mget *'
cd /tmp && python3 -m zipfile -c nendo.zip nendo && {share} -c 'cd nendo; put nendo.zip R8.zip; prompt off; del R8_*; ls'""",
        user="sato")


def night_backup(p):
    """Backup over SMB: everything in two shares is read, packed and laid into the third place."""
    intrusion.documents(p, 40, "honnen")
    p.put("fs1", "/srv/kyoyu/yoko.csv", files.roster() * 40)
    p.on("fs1", "chmod -R 0777 /srv/kyoyu")
    share = "-U 'KOMOREBI\\svc-backup%'\"$TOWN_PASSWORD\""
    act(p, "backup", "web1", "fs1", "backs up the shares", "共有フォルダをバックアップ",
        f"""rm -rf /tmp/bk; mkdir -p /tmp/bk; cd /tmp/bk
for s in kyoyu kaikei; do smbclient //{FS}/$s {share} -c 'prompt off; recurse on; mget *'; done
tar -czf /tmp/bk_$(date +%d).tgz .; cd /tmp; smbclient //{FS}/kyoyu {share} -c "mkdir bk; cd bk; put bk_$(date +%d).tgz" """,
        user="svc-backup")


def long_names(p):
    """Long look-ups that are no tunnel: reputation of files and mail, content networks, service discovery."""
    pick = random.Random(11)
    names = [f"{pick.randbytes(16).hex()}.hash.www.tenki.example" for _ in range(12)]
    names += [f"{n}.200.51.198.zen.www.shinbun.example" for n in range(10, 20)]
    names += [f"d{pick.randrange(10**9)}.cdn-edge-tokyo-{n}.static.shinbun.example" for n in range(8)]
    names += [f"_ldap._tcp.dc._msdcs.{plan.DOMAIN}", f"_kerberos._udp.{plan.DOMAIN}", "selector1._domainkey.kensetsu.example"]
    act(p, "look-ups", ZERO, "ns1", "asks for long names: reputation, content networks, services",
        "長い名前の照会（評価情報・配信網・サービス検出）",
        f"for n in {' '.join(names)}; do dig +tries=1 +time=2 +short $n; sleep 0.3; done; dig +short TXT kensetsu.example")


def pings(p):
    act(p, "monitoring", "web1", "outside", "line check: pings of several sizes to the outside",
        "回線監視：外部へ大小のping",
        "for s in 56 56 500 1000 1400 1472 1473 56; do ping -M do -c 4 -i 0.3 -s $s 198.51.100.80; done; ping -c 30 -i 0.5 198.51.100.80")


def downloads(p):
    """Programs and documents as they are loaded every day, by browser and by updaters."""
    p.put("outside", "/srv/update/d/setup_mado.exe", files.program())
    p.put("outside", "/srv/shinbun/annai.pdf", files.pdf("Annai"))
    p.put("outside", "/srv/update/dists/stable/InRelease", "Origin: Mado\nSuite: stable\nCodename: stable\n" * 20)
    p.put("outside", "/srv/update/pool/mado_10.4.2_amd64.deb", b"!<arch>\ndebian-binary   " + random.Random(4).randbytes(30000))
    work.update(p, ADMIN)
    act(p, "download", ADMIN, "outside", "loads a program and a document with the browser", "ブラウザーでプログラムと文書を取得",
        f"{CURL} -A '{BROWSER}' -e http://update.mado.example/ http://update.mado.example/d/setup_mado.exe; sleep 2;"
        f" {CURL} -A '{BROWSER}' http://www.shinbun.example/annai.pdf")
    act(p, "update", "web1", "outside", "the server loads its packages", "サーバーがパッケージを更新",
        f"""for f in dists/stable/InRelease pool/mado_10.4.2_amd64.deb; do
    {CURL} -A 'Debian APT-HTTP/1.3 (2.6.1)' --resolve update.mado.example:80:198.51.100.90 http://update.mado.example/$f; sleep 1; done""")


def mail_day(p):
    """Ordinary mail with ordinary attachments, among them packed ones."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr(zipfile.ZipInfo("図面一式/平面図.pdf", (2026, 11, 20, 9, 0, 0)), files.pdf("Plan"))
        z.writestr(zipfile.ZipInfo("図面一式/数量.csv", (2026, 11, 20, 9, 0, 0)), files.roster())
    work.mails(p)
    work.send_mail(p, "outside", "info@kensetsu.example", f"sato@{plan.DOMAIN}", "請求書（11月分）の送付",
                   "会計課 佐藤様\n\nいつもお世話になっております。請求書と図面をお送りします。\n",
                   [("請求書_11月.pdf", "application/pdf", files.pdf("Invoice")),
                    ("図面一式.zip", "application/zip", packed.getvalue())], charset="utf-8", server=plan.host("mail1").ipv4)


def web_use(p):
    """Searches and addresses that look odd and are not: quotation marks, SELECT as a word, relative paths, dead links."""
    asks = [
        "-G --data-urlencode \"q=O'Reilly 入門\"", "-G --data-urlencode 'q=select a chair from the catalogue'",
        "-G --data-urlencode 'q=1=1 の証明'", "-G --data-urlencode 'q=C:\\Windows の設定; union 会館'",
        "-G --data-urlencode 'next=../home.html'", "-d 'naiyou=drop off the table; thank you -- tanaka'",
    ]
    act(p, "browse", ZERO, "web1", "searches the portal with odd words", "記号を含む語でポータルを検索",
        "\n".join(f"{CURL} -A '{BROWSER}' {a} http://portal.{plan.DOMAIN}/kensaku; sleep 1" for a in asks))
    act(p, "link-check", "web1", "web1", "the portal's link checker follows links, some dead", "リンク切れの点検",
        f"for n in $(seq 12); do {CURL} -A 'link-checker/1.4' http://portal.{plan.DOMAIN}/oshirase/$n.html; sleep 0.4; done")


def netbios_names(p):
    for host in (ZERO, "jumin-pc003", ADMIN):
        work.netbios(p, host)
    intrusion.program(p, ADMIN, "ask_name.py")
    act(p, "netbios", ADMIN, "*", "asks the segment for names; only their owners answer", "名前を照会（本人のみ応答）",
        "for n in KAIKEI-PC014 JUMIN-PC003 PRN09; do nmblookup -B 10.20.1.255 $n; python3 /tmp/ask_name.py $n; done")


def address_change(p):
    """A PC is exchanged: the address moves to another network card and is announced once; all ask for it again."""
    act(p, "address-change", "soumu-pc007", "*", "announces its address after its network card was exchanged",
        "ネットワークカード交換後にアドレスを通知",
        "ip link set eth0 down; ip link set eth0 address 02:6b:64:00:01:6b; ip link set eth0 up; dhclient -4 -q -cf /etc/dhcp/town.conf -lf"
        " /var/lib/dhcp/dhclient.leases -pf /run/dhclient.pid eth0; arping -c 3 -A -I eth0 10.20.1.107; "
        f"for i in 1 2 3 4; do {CURL} http://www.shinbun.example/; sleep 3; done")
    p.on("soumu-pc007", "ip link set eth0 down; ip link set eth0 address 02:6b:64:00:00:6b; ip link set eth0 up", check=False)


def snmp_polls(p):
    """A monitoring server reads counters by SNMP, as it does all day."""
    with intrusion.on(p, "fs1", "snmpd -f -Lo -C -c /dev/null --rocommunity=komorebi-kanshi udp:161"):
        act(p, "monitoring", "web1", "fs1", "reads counters by SNMP at a fixed interval", "SNMPで統計を定期取得",
            f"for i in $(seq 8); do snmpget -v2c -c komorebi-kanshi -t 1 -r 0 {FS} 1.3.6.1.2.1.1.3.0 1.3.6.1.2.1.2.2.1.10.2;"
            f" snmpwalk -v2c -c komorebi-kanshi -t 1 -r 0 {FS} 1.3.6.1.2.1.2.2.1.2; sleep 3; done")


def _twin(name, en, ja, play, hosts=(ZERO,)):
    return Scenario(name, en, ja, play, hosts=hosts)


SCENARIOS = [
    _twin("servicetickets", "Tickets of the services that are used", "使用するサービスのチケット", service_tickets, _PCS),
    _twin("domainadmin", "An administrator looks after the domain", "ドメインの管理作業", domain_admin, (ADMIN,)),
    _twin("dirsync", "An application fetches the list of staff", "職員名簿の連携", directory_sync),
    _twin("deploy", "Software fetched from the distribution share", "ソフトウェアの配布", deploy, _PCS),
    _twin("machineaccount", "A server renews its place in the domain", "サーバーのドメイン接続の更新", machine_account),
    _twin("sshadmin", "An administrator at work over SSH", "SSHによる管理作業", ssh_admin, (ADMIN,)),
    _twin("massrename", "Files renamed by the dozen and archived", "多数のファイルの改名と書庫化", mass_rename),
    _twin("nightbackup", "Backup of the shares", "共有フォルダのバックアップ", night_backup),
    _twin("longnames", "Long names looked up that are no tunnel", "長い名前の照会", long_names),
    _twin("pings", "Pings of all sizes to the outside", "大小のping", pings),
    _twin("downloads", "Programs, documents and packages loaded", "プログラム・文書・パッケージの取得", downloads, (ADMIN,)),
    _twin("mailday", "Mail with ordinary attachments", "通常の添付ファイル付きメール", mail_day, (ZERO, ADMIN)),
    _twin("webuse", "Odd words and dead links on the portal", "記号を含む検索とリンク切れ", web_use),
    _twin("netbiosnames", "Names asked for on the segment", "セグメント内の名前の照会", netbios_names, _PCS),
    _twin("addresschange", "A network card exchanged", "ネットワークカードの交換", address_change, _PCS),
    _twin("snmppolls", "Counters read by SNMP", "SNMPによる監視", snmp_polls),
]
