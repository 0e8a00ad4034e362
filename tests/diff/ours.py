# SPDX-License-Identifier: Apache-2.0
"""Facts from kidoban's records."""
import json
import subprocess

from facts import Side, address, between, leaves, pair

LIMIT_S = 600


def _text(value):
    return value.lower()


def _flow(side, r):
    f = r["flow"]
    if f.get("reason") == "update" or r.get("proto") not in ("TCP", "UDP"):
        return
    side.add_flow(r["proto"].lower(), r["src_ip"], r.get("src_port", 0), r["dest_ip"], r.get("dest_port", 0),
                  (f["pkts_toserver"], f["pkts_toclient"]), (f["bytes_toserver"], f["bytes_toclient"]), r["timestamp"])


def _dns(side, r, who):
    d = r[r["event_type"]]
    asked = d.get("queries", [{}])[0]
    key = f"{who} {d['id']} {asked.get('rrname', '').lower()} {asked.get('rrtype', '').upper()}"
    if asked.get("rrname"):
        side.once("dns.name", key, "", r["timestamp"])
    if d["type"] == "response":
        side.once("dns.rcode", f"{who} {d['id']}", d.get("rcode", "NOERROR"), r["timestamp"])
    for part in ("answers", "authorities", "additionals"):
        for a in d.get(part, []):
            value = a.get("rdata") or a.get(a["rrtype"])
            if a["rrtype"].upper() in ("A", "AAAA") and value:
                side.once("dns.address", f"{who} {d['id']} {address(value)}", "", r["timestamp"])


def _http(side, r, who):
    h = r["http"]
    if h.get("http_method"):
        side.each("http.request", f"{who} {h['http_method']} {h.get('hostname', '')} {h.get('url', '')}", "",
                  r["timestamp"])
    if h.get("status"):
        side.each("http.status", f"{who} {h['status']}", "", r["timestamp"])


def _tls(side, r, who):
    t = r.get("tls") or r["quic"]
    for field, value in (("tls.sni", t.get("sni")), ("tls.ja3", t.get("ja3", {}).get("hash")),
                         ("tls.ja3s", t.get("ja3s", {}).get("hash"))):
        if value:
            side.once(field, f"{who} {_text(value)}", "", r["timestamp"])


SMB1_ANSWERED = ("NEGOTIATE_PROTOCOL", "SESSION_SETUP_ANDX", "TREE_CONNECT_ANDX", "NT_CREATE_ANDX", "DELETE", "RENAME",
                 "CREATE_DIRECTORY", "DELETE_DIRECTORY")


def _smb(side, r, who):
    s = r["smb"]
    if s.get("command") == "SMB2_COMMAND_CREATE":
        side.once("smb.file", f"{who} {s.get('message_id', 0)} {s.get('filename', '').lower()}", "", r["timestamp"])
    if s.get("command") == "SMB2_COMMAND_TREE_CONNECT":
        side.once("smb.tree", f"{who} {s.get('share', '').lower()}", "", r["timestamp"])
    _smb1(side, s, who, r["timestamp"])


def _smb1(side, s, who, where):
    command = s.get("command", "").removeprefix("SMB1_COMMAND_")
    number = s.get("message_id", 0)
    if command == "NT_CREATE_ANDX":
        name = "".join(c if c >= " " else f"\\x{ord(c):x}" for c in s.get("filename", "").lower())  # as tshark writes it
        side.once("smb1.file", f"{who} {number} {name}", "", where)
    if command == "TREE_CONNECT_ANDX":
        side.once("smb1.tree", f"{who} {number} {s.get('share', '').lower()}", "", where)
    if command in SMB1_ANSWERED and "status" in s:
        side.once("smb1.status", f"{who} {number} {command} {s.get('status_bits', 0):#010x}", "", where)


def _ntlm(side, r, who):
    n = r["ntlm"]
    if n.get("user"):
        side.once("ntlm.user", f"{who} {n.get('domain', '').lower()}\\{n['user'].lower()}", "", r["timestamp"])


def _krb5(side, r, who):
    k = r["krb5"]
    for name in ("cname", "sname", "realm"):
        if k.get(name):
            side.once("krb5." + name, f"{who} {k[name].lower()}", "", r["timestamp"])


def _smtp(side, r, who):
    s = r.get("smtp", {})
    if s.get("mail_from"):
        side.each("smtp.from", f"{who} {s['mail_from'].lower().strip('<>')}", "", r["timestamp"])
    for name in s.get("rcpt_to", []):
        side.each("smtp.rcpt", f"{who} {name.lower().strip('<>')}", "", r["timestamp"])
    subject = r.get("email", {}).get("subject")
    if subject and r.get("app_proto") == "smtp":  # tshark rarely reads mail fetched by POP3 and IMAP
        side.each("smtp.subject", f"{who} {''.join(subject.split())}", "", r["timestamp"])


def _dhcp(side, r, who):
    d = r["dhcp"]
    mac = d.get("client_mac", "")
    if d.get("hostname"):
        side.once("dhcp.hostname", f"{mac} {d['hostname'].lower()}", "", r["timestamp"])
    if d.get("assigned_ip") and d.get("dhcp_type") in ("ack", "offer"):
        side.once("dhcp.assigned", f"{mac} {d['dhcp_type']} {address(d['assigned_ip'])}", "", r["timestamp"])


def _arp(side, r, who):
    a = r["arp"]
    if a.get("opcode", "").startswith("router") or a.get("opcode") == "redirect":
        return
    if ":" in a.get("src_ip", "") + a.get("dest_ip", ""):
        side.once("nd", f"{address(a.get('src_ip', ''))} {address(a.get('dest_ip', ''))}", "", r["timestamp"])
    else:
        side.once("arp", f"{a.get('src_mac', '')} {a.get('src_ip', '')} {a.get('dest_ip', '')}", "", r["timestamp"])


def _nbns(side, r, who):
    n = r["nbns"]
    name = "".join(c for c in n.get("name", "").lower() if c.isprintable())
    side.once("nbns.name", f"{between(who)} {n.get('id', 0)} {name}<{n.get('suffix', 0):02x}>", "", r["timestamp"])


def _dcerpc(side, r, who):
    """Each call, with the interface it was bound to; what is concluded without a bind is left out."""
    d = r["dcerpc"]
    name = "" if d.get("guessed") else d.get("interface_uuid", "")
    if "step" in d:  # a bind
        return
    for _ in range(d.get("calls", 1)):
        side.each("dcerpc.call", f"{who} {d['opnum']} {name}", "", r["timestamp"])


def _ldap(side, r, who):
    m = r["ldap"]
    number = m.get("message_id", 0)
    if m["operation"] in ("search", "modify", "add", "compare"):
        side.once("ldap.base", f"{who} {number} {m.get('base', '').lower()}", "", r["timestamp"])
    if m["operation"] == "search":
        side.once("ldap.filter", f"{who} {number} {leaves(m.get('filter', ''))}", "", r["timestamp"])
    if m.get("result"):
        side.once("ldap.result", f"{who} {number}", str(m.get("result_code", 0)), r["timestamp"])


def _rdp(side, r, who):
    if r["rdp"].get("cookie"):
        side.each("rdp.cookie", f"{who} {r['rdp']['cookie']}", "", r["timestamp"])


def _ssh(side, r, who):
    for end in ("client", "server"):
        told = r["ssh"].get(end, {})
        if told.get("software"):
            text = f"{told['proto_version']}-{told['software']}"
            side.once("ssh.software", f"{who} {end} {text}", "", r["timestamp"])
        if told.get("hassh"):
            field = "ssh.hassh" if end == "client" else "ssh.hassh_server"
            side.once(field, f"{who} {told['hassh']['hash']}", "", r["timestamp"])


def _login(side, r, who):
    m = r["login"]
    if m["service"] == "vnc" and m["result"] != "unknown" and m["method"] == "vnc":
        side.each("vnc.result", f"{who} {m['result']}", "", r["timestamp"])


SNMP_OBJECTS = 16  # of a run of questions only so many are told


_SNMP_VERSIONS = {1: "1", 2: "2c", 3: "3"}


def _snmp(side, r, who):
    s = r["snmp"]
    if s["pdu_type"] in ("response", "report"):
        return
    if s.get("community") or s.get("usm"):
        side.once("snmp.who", f"{who} {_SNMP_VERSIONS[s['version']]} {s.get('community') or s.get('usm')}", "", r["timestamp"])
    if s.get("requests", 1) == 1 and len(s.get("vars", [])) < SNMP_OBJECTS:
        for oid in s.get("vars", []):
            side.once("snmp.object", f"{who} {oid}", "", r["timestamp"])


def _sql(side, r, who):
    s = r["sql"]
    if r["app_proto"] == "mssql":
        return  # tshark shows no name
    if s.get("user"):
        side.once("sql.user", f"{who} {s['user']}", "", r["timestamp"])
    if s.get("error") == 1045 or s.get("result", "").startswith("28"):
        side.once("sql.refused", f"{who} {s.get('error') or s['result'][:5]}", "", r["timestamp"])


def _socks(side, r, who):
    s = r["socks"]
    side.once("socks.target", f"{who} {s.get('host') or address(s.get('address', ''))} {s.get('port', 0)}", "", r["timestamp"])


def _irc(side, r, who):
    i = r["irc"]
    if i["command"] == "register":
        side.once("irc.nick", f"{who} {i.get('nick', '')}", "", r["timestamp"])
    if i["command"] == "join":
        side.once("irc.channel", f"{who} {i['channel'].lower()}", "", r["timestamp"])


def _mqtt(side, r, who):
    for kind, body in r["mqtt"].items():
        if kind == "connect":
            side.once("mqtt.client", f"{who} {body['client_id']}", "", r["timestamp"])
        topics = [body["topic"]] if "topic" in body else [t if isinstance(t, str) else t["topic"] for t in body.get("topics", [])]
        for topic in topics:
            side.once("mqtt.topic", f"{between(who)} {kind} {topic}", "", r["timestamp"])


def _sip(side, r, who):
    s = r["sip"]
    side.once("sip.message", f"{between(who)} {s.get('call_id', '')} {s.get('method') or s.get('code')}", "", r["timestamp"])


_READERS = {"dns": _dns, "mdns": _dns, "llmnr": _dns, "quic": _tls, "http": _http, "tls": _tls, "smb": _smb, "ntlm": _ntlm, "krb5": _krb5, "smtp": _smtp,
            "dhcp": _dhcp, "arp": _arp, "nbns": _nbns, "dcerpc": _dcerpc, "ldap": _ldap, "rdp": _rdp, "ssh": _ssh,
            "login": _login, "snmp": _snmp, "sql": _sql, "socks": _socks, "irc": _irc,
            "mqtt": _mqtt, "sip": _sip}


def facts(path, command, folder):
    argv = [a.replace("{}", path) for a in command]
    done = subprocess.run(argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=LIMIT_S)
    side = Side()
    last = None
    for line in done.stdout.splitlines():
        r = json.loads(line)
        last = r["event_type"]
        if last == "flow":
            _flow(side, r)
        elif last in _READERS:
            who = pair(r.get("src_ip", ""), r.get("src_port", 0), r.get("dest_ip", ""), r.get("dest_port", 0))
            if last == "dns" and r["dns"]["type"] == "response":  # it goes from the server to the client
                who = pair(r["dest_ip"], r["dest_port"], r["src_ip"], r["src_port"])
            _READERS[last](side, r, who)
    if last != "stats":
        raise ValueError(f"no stats record at the end, exit {done.returncode}: {done.stderr[-300:]!r}")
    return side
