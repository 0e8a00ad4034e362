# SPDX-License-Identifier: Apache-2.0
"""Facts from tshark: one pass over the headers for the flows (-T fields), one over the decoded messages (-T pdml)."""
import email.header
import html
import os
import re
import subprocess
import tempfile

from facts import Side, address, between, leaves, pair

LIMIT_S = 600
MESSAGES = ("dns or mdns or llmnr or http or tls.handshake or smb or smb2 or kerberos or smtp or imf or dhcp or arp or nbns or dcerpc or "
            "ldap or cldap or rdp or ssh or vnc or icmpv6.nd.ns.target_address or icmpv6.nd.na.target_address or "
            "snmp or mysql or pgsql or socks or irc or mqtt or sip")
PROTOCOLS = ("ip ipv6 tcp udp dns mdns llmnr http tls quic smb smb2 spnego gss-api ntlmssp kerberos smtp imf dhcp arp "
             "nbns icmp icmpv6 dcerpc ldap cldap rdp ssh vnc snmp mysql pgsql socks irc mqtt sip")
# Ways to follow a stream.  The first waits for what is missing and for whole bodies, and says nothing of a message that
# is not all there, nor of what follows it; the others take what comes, with and without waiting for bodies.
WHOLE = ["-o", "tcp.reassemble_out_of_order:TRUE"]
AS_IT_COMES = (["-o", "tcp.reassemble_out_of_order:FALSE"],
               ["-o", "tcp.reassemble_out_of_order:FALSE", "-o", "http.desegment_body:FALSE"])
DNS_TYPES = {"1": "A", "2": "NS", "5": "CNAME", "6": "SOA", "10": "NULL", "12": "PTR", "13": "HINFO", "15": "MX", "16": "TXT",
             "24": "SIG", "25": "KEY", "28": "AAAA", "33": "SRV", "35": "NAPTR", "41": "OPT", "43": "DS", "46": "RRSIG",
             "47": "NSEC", "48": "DNSKEY", "50": "NSEC3", "52": "TLSA", "64": "SVCB", "65": "HTTPS", "99": "SPF",
             "249": "TKEY", "250": "TSIG", "251": "IXFR", "252": "AXFR", "255": "ANY", "256": "URI", "257": "CAA"}
DNS_RCODES = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH",
              "NOTZONE")


def _tshark(*args):
    """Without the settings of whoever runs this."""
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "HOME": home, "XDG_CONFIG_HOME": home, "WIRESHARK_CONFIG_DIR": home, "LC_ALL": "C.UTF-8"}
        done = subprocess.run(["tshark", "-n", *args], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=LIMIT_S)
    if done.returncode not in (0, 2):  # 2: the capture is cut short
        raise ValueError(f"tshark: {done.stderr[-300:].decode(errors='replace')}")
    return done.stdout


# ---- flows ----

_HEADERS = ("frame.number", "frame.len", "frame.protocols", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "ip.len",
            "ipv6.plen", "tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport")


def _innermost(layers):
    """Which transport header is the last one that is not quoted by an ICMP error: its name, its place among those
    of its name, and the name and place of the IP header before it.  None when there is none."""
    count, ip, found = {}, None, None
    for name in layers.split(":"):
        if name in ("icmp", "icmpv6"):
            break
        if name in ("ip", "ipv6", "tcp", "udp"):
            place = count.get(name, 0)
            count[name] = place + 1
            if name in ("ip", "ipv6"):
                ip = (name, place)
            elif ip is not None:
                found = (name, place, ip, sum(count.get(n, 0) for n in ("ip", "ipv6")) > 1)
    return found


def _flows(side, path):
    fields = [x for name in _HEADERS for x in ("-e", name)]
    out = _tshark("-r", path, "-T", "fields", "-E", "separator=/t", "-E", "aggregator=,", *fields)
    for line in out.decode(errors="replace").splitlines():
        row = dict(zip(_HEADERS, line.split("\t")))
        inner = _innermost(row["frame.protocols"])
        if inner is None:
            continue
        transport, place, (ip, ip_place), tunnel = inner

        def at(name, n):
            return row[name].split(",")[n]
        try:
            src, dst = at(f"{ip}.src", ip_place), at(f"{ip}.dst", ip_place)
            sport, dport = at(f"{transport}.srcport", place), at(f"{transport}.dstport", place)
            octets = int(row["frame.len"])
            if tunnel:
                octets = int(at("ip.len", ip_place)) if ip == "ip" else int(at("ipv6.plen", ip_place)) + 40
        except (IndexError, ValueError):
            continue  # the header is cut off
        side.add_flow(transport, src, sport, dst, dport, (1, 0), (octets, 0), f"frame {row['frame.number']}")


# ---- messages ----

_WANTED = (
    "ip.src ip.dst ipv6.src ipv6.dst tcp.srcport tcp.dstport udp.srcport udp.dstport "
    "dns.id dns.flags.response dns.flags.rcode dns.qry.name dns.qry.type dns.a dns.aaaa "
    "http.request.method http.request.uri http.host http.response.code "
    "tls.handshake.extensions_server_name tls.handshake.ja3 tls.handshake.ja3s "
    "smb.cmd smb.nt_status smb.error_class smb.error_code smb.flags.response smb.mid smb.path smb.file smb.account smb.primary_domain "
    "smb2.cmd smb2.fid smb2.msg_id smb2.flags.response smb2.filename smb2.tree "
    "ntlmssp.auth.username ntlmssp.auth.domain "
    "kerberos.msg_type kerberos.req_body_element kerberos.realm kerberos.crealm kerberos.CNameString "
    "kerberos.SNameString kerberos.cname_element kerberos.sname_element "
    "smtp.req.command smtp.req.parameter imf.subject "
    "dhcp.hw.mac_addr dhcp.ip.your dhcp.option.hostname dhcp.option.dhcp dhcp.fqdn.name "
    "arp.src.hw_mac arp.src.proto_ipv4 arp.dst.proto_ipv4 "
    "icmpv6.nd.ns.target_address icmpv6.nd.na.target_address "
    "nbns.id nbns.name nbns.netbios_name "
    "dcerpc.pkt_type dcerpc.cn_flags.first_frag dcerpc.cn_ctx_id dcerpc.cn_bind_to_uuid dcerpc.opnum "
    "ldap.messageID ldap.protocolOp ldap.baseObject ldap.object ldap.entry ldap.resultCode rdp.rt_cookie ssh.protocol "
    "ssh.kex.hassh ssh.kex.hasshserver vnc.auth_result "
    "snmp.version snmp.msgVersion snmp.community snmp.msgUserName snmp.data snmp.name snmp.get_response_element snmp.report_element "
    "mysql.user mysql.error_code pgsql.parameter_name pgsql.parameter_value pgsql.code "
    "socks.dst socks.dstport socks.remote_name socks.port socks.v4a_dns_name socks.command socks.results "
    "irc.request.command irc.request.command_parameter "
    "mqtt.msgtype mqtt.clientid mqtt.topic sip.Call-ID sip.Method sip.Status-Code").split()
_EVENT = re.compile(
    rb'<(packet)>|<proto name="([^"]+)"|<field name="(num||' + "|".join(re.escape(w) for w in _WANTED).encode()
    + rb')"[^>]*? show="([^"]*)"(?: value="([0-9a-f]*)")?')


def _name_of(wire):
    """A name that is not text, from its bytes: labels as kidoban writes them.  None for compressed ones."""
    labels, at = [], 0
    while at < len(wire) and wire[at] != 0:
        n = wire[at]
        if n > 63:
            return None
        labels.append(_label(wire[at + 1:at + 1 + n]))
        at += 1 + n
    return ".".join(labels)


def _label(raw):
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("ascii", "surrogateescape")
    out = ""
    for c in text:
        if c < " " or "\x7f" <= c < "\x80" or "\udc80" <= c <= "\udcff":
            out += f"\\{c.encode('utf-8', 'surrogateescape')[0]:03d}"
        else:
            out += "\\" + c if c in ".\\" else c
    return out


def _packets(xml):
    """Each packet as a list of (protocol or None, field or None, text)."""
    packet = None
    for m in _EVENT.finditer(xml):
        if m[1]:
            if packet is not None:
                yield packet
            packet = []
        elif m[2]:
            packet.append((m[2].decode(), None, None))
        elif packet is not None:
            text = html.unescape(m[4].decode(errors="replace"))
            if m[3] == b"dns.qry.name" and not text.isprintable() or "\ufffd" in text:
                text = _name_of(bytes.fromhex((m[5] or b"").decode())) or text
            elif m[3] == b"nbns.netbios_name" or m[3] == b"nbns.name" and len(m[5] or b"") >= 66:
                raw = bytes.fromhex(m[5].decode())
                if len(raw) != 16:  # half a byte in each letter, RFC 1001 section 14.1
                    raw = bytes((hi - 65 & 15) << 4 | (lo - 65 & 15) for hi, lo in zip(raw[-33:-1:2], raw[-32:-1:2]))
                text = _netbios(raw)
            if m[3] != b"" or text.startswith("Filter: "):
                packet.append((None, m[3].decode(), text))
    if packet is not None:
        yield packet


def _split(packet, protocols):
    """The packet's messages of these protocols: lists of (field, text)."""
    message = None
    for proto, field, text in packet:
        if proto in protocols:
            if message is not None:
                yield message
            message = []
        elif proto is None and message is not None:
            message.append((field, text))
    if message is not None:
        yield message


def _first(message, name, default=""):
    return next((t for f, t in message if f == name), default)


def _all(message, name):
    return [t for f, t in message if f == name]


class _Packet:
    def __init__(self, events):
        self.events = events
        self.protocols = [p for p, _, _ in events if p]
        get = {}
        for _, field, text in events:
            if field and field.split(".")[0] in ("num", "ip", "ipv6", "tcp", "udp"):
                get[field] = text  # the innermost stays
        self.where = "frame " + get.get("num", "?")
        ip = "ipv6" if "ipv6.src" in get and "ip.src" not in get else "ip"
        transport = "tcp" if "tcp.srcport" in get else "udp"
        self.src, self.dst = get.get(f"{ip}.src", ""), get.get(f"{ip}.dst", "")
        self.sport, self.dport = get.get(f"{transport}.srcport", 0), get.get(f"{transport}.dstport", 0)
        self.to_server = pair(self.src, self.sport, self.dst, self.dport)
        self.to_client = pair(self.dst, self.dport, self.src, self.sport)


def _is_group(ip):
    return ip.startswith(("224.", "239.", "ff")) or ip.endswith(".255")


def _dns(side, p, name):
    for m in _split(p.events, {name}):
        answer = _first(m, "dns.flags.response") == "1"
        who = p.to_client if answer and not _is_group(p.dst) else p.to_server
        number = int(_first(m, "dns.id", "0"), 16)
        for qname, qtype in zip(_all(m, "dns.qry.name"), _all(m, "dns.qry.type")):
            qname = "." if qname == "<Root>" else qname.lower()
            side.once("dns.name", f"{who} {number} {qname} {DNS_TYPES.get(qtype, 'TYPE' + qtype)}", "", p.where)
        if answer and len(DNS_RCODES) > (rcode := int(_first(m, "dns.flags.rcode", "0"))):
            side.once("dns.rcode", f"{who} {number}", DNS_RCODES[rcode], p.where)
        for a in _all(m, "dns.a") + _all(m, "dns.aaaa"):
            side.once("dns.address", f"{who} {number} {address(a)}", "", p.where)


def _host_of(host, uri):
    m = re.match(r"https?://([^/]*)", uri, re.I)
    host = (m[1] if m else host).lower().rpartition("@")[2]
    return re.sub(r":\d+$", "", host).strip("[]")


def _http(side, p):
    for m in _split(p.events, {"http"}):
        method, uri = _first(m, "http.request.method"), _first(m, "http.request.uri")
        if method:
            host = _host_of(_first(m, "http.host"), uri)
            side.each("http.request", f"{p.to_server} {method} {host} {uri}", "", p.where)
        status = _first(m, "http.response.code")
        if status and (status == "101" or not status.startswith("1")):
            side.each("http.status", f"{p.to_client} {status}", "", p.where)


def _tls(side, p):
    for m in _split(p.events, {"tls"}):
        for name in _all(m, "tls.handshake.extensions_server_name"):
            side.once("tls.sni", f"{p.to_server} {name.lower()}", "", p.where)
        for ja3 in _all(m, "tls.handshake.ja3"):
            side.once("tls.ja3", f"{p.to_server} {ja3}", "", p.where)
        for ja3s in _all(m, "tls.handshake.ja3s"):
            side.once("tls.ja3s", f"{p.to_client} {ja3s}", "", p.where)


def _smb(side, p):
    command = request = number = None
    for _, field, text in p.events:
        if field == "smb2.cmd":
            command, request, number = text, None, None
        elif field == "smb2.flags.response":
            request = text == "0"
        elif field == "smb2.msg_id":
            number = text
        elif field == "smb2.filename" and command == "5" and request:
            side.once("smb.file", f"{p.to_server} {number} {text.lower()}", "", p.where)
        elif field == "smb2.tree" and command == "3" and request:
            side.once("smb.tree", f"{p.to_server} {text.lower()}", "", p.where)


_SMB1_ANSWERED = {0x72: "NEGOTIATE_PROTOCOL", 0x73: "SESSION_SETUP_ANDX", 0x75: "TREE_CONNECT_ANDX", 0xa2: "NT_CREATE_ANDX",
                  0x06: "DELETE", 0x07: "RENAME", 0x00: "CREATE_DIRECTORY", 0x01: "DELETE_DIRECTORY"}


# Errors of the old kind (class, code), as kidoban names them among the NT status values; others are UNSUCCESSFUL.
_DOS_ERRORS = {(0, 0): 0, (1, 2): 0xc000000f, (1, 3): 0xc000003a, (1, 5): 0xc0000022, (1, 6): 0xc0000008,
               (2, 2): 0xc000006d, (2, 4): 0xc0000022, (2, 5): 0xc00000c9, (2, 6): 0xc00000cc}


def _smb1(side, p):
    """The first command of a message bears its status; names may stand with those that follow it."""
    if "udp" in p.protocols:  # mailslots
        return
    for m in _split(p.events, {"smb"}):
        commands = [int(x, 0) for x in _all(m, "smb.cmd")]
        if not commands:
            continue
        number, request = _first(m, "smb.mid"), _first(m, "smb.flags.response") == "0"
        who = p.to_server if request else p.to_client
        if not request and commands[0] in _SMB1_ANSWERED:
            dos = (int(_first(m, "smb.error_class", "0"), 0), int(_first(m, "smb.error_code", "0"), 0))
            status = int(_first(m, "smb.nt_status", str(_DOS_ERRORS.get(dos, 0xc0000001))), 0)
            if status != 0xc0000016:  # more to come
                side.once("smb1.status", f"{who} {number} {_SMB1_ANSWERED[commands[0]]} {status:#010x}", "", p.where)
        if request and 0x75 in commands:
            side.once("smb1.tree", f"{who} {number} {_first(m, 'smb.path', '').lower()}", "", p.where)
        if request and 0xa2 in commands:
            side.once("smb1.file", f"{who} {number} {_first(m, 'smb.file', '').lower().removeprefix(chr(92))}", "", p.where)
        account = _first(m, "smb.account")
        if request and account:
            domain = _first(m, "smb.primary_domain") or ""
            side.once("ntlm.user", f"{who} {domain.lower()}\\{account.lower()}", "", p.where)


def _ntlm(side, p):
    """Logons of file shares, remote calls, directories and web servers; those of other protocols are not read."""
    if not {"smb", "smb2", "dcerpc", "ldap", "http"} & set(p.protocols):
        return
    fields = [(f, t) for _, f, t in p.events if f]
    user, domain = _first(fields, "ntlmssp.auth.username"), _first(fields, "ntlmssp.auth.domain")
    if user and user != "NULL":
        domain = "" if domain == "NULL" else domain
        side.once("ntlm.user", f"{p.to_server} {domain.lower()}\\{user.lower()}", "", p.where)


_KRB_REQUEST = {"10": "AS", "12": "TGS"}
_KRB_ANSWER = {"11": ("AS",), "13": ("TGS",), "30": ("AS", "TGS")}


class _Krb5:
    """Names of a request (from its body: what is asked for) with those of its answer, which go first, as in kidoban's
    records; and names of tickets shown to a file server."""

    def __init__(self, side):
        self.side, self.waiting = side, {}

    def tell(self, who, names, where):
        for field in ("cname", "sname"):
            if names.get(field):
                self.side.once("krb5." + field, f"{who} {'/'.join(names[field]).lower()}", "", where)
        if names.get("realm"):
            self.side.once("krb5.realm", f"{who} {names['realm'].lower()}", "", where)

    def message(self, p, kind, names):
        if kind in _KRB_REQUEST:
            key = (p.to_server, _KRB_REQUEST[kind])
            if self.waiting.get(key, (names,))[0] != names:
                self.tell(p.to_server, *self.waiting[key])
            self.waiting[key] = (names, p.where)
        elif kind in _KRB_ANSWER:
            asked = next((k for k in ((p.to_client, t) for t in _KRB_ANSWER[kind]) if k in self.waiting), None)
            merged = dict(self.waiting.pop(asked)[0]) if asked else {}
            if kind == "30" and merged.get("realm"):
                names.pop("realm", None)
            merged.update(names)
            self.tell(p.to_client, merged, p.where)
        elif kind == "14":
            self.tell(p.to_server, names, p.where)

    def packet(self, p):
        kind, names, in_body = None, {}, False
        for proto, field, text in p.events:
            if proto == "kerberos":
                self.message(p, kind, names)
                kind, names, in_body = None, {}, False
            elif field == "kerberos.msg_type":
                kind = kind or text
            elif field == "kerberos.req_body_element":
                in_body = True
            elif kind in _KRB_REQUEST and not in_body:
                continue  # a ticket within the request
            elif field in ("kerberos.CNameString", "kerberos.SNameString"):
                names.setdefault("cname" if "CName" in field else "sname", []).append(text)
            elif field == "kerberos.crealm" and kind != "30":
                names["realm"] = text
            elif field == "kerberos.realm":
                names.setdefault("realm", text)
        self.message(p, kind, names)

    def finish(self):
        for (who, _), (names, where) in self.waiting.items():
            self.tell(who, names, where)


def _decoded(text):
    return "".join(part.decode(charset or "ascii", "replace") if isinstance(part, bytes) else part
                   for part, charset in email.header.decode_header(text))


def _smtp(side, p):
    command = None
    for _, field, text in p.events:
        if field == "smtp.req.command":
            command = text.upper()
        elif field == "smtp.req.parameter" and command in ("MAIL", "RCPT"):
            m = re.search(r"(?:FROM|TO):\s*<?([^>\s]*)", text, re.I)
            if m and m[1]:
                side.each("smtp.from" if command == "MAIL" else "smtp.rcpt", f"{p.to_server} {m[1].lower()}", "", p.where)
        elif field == "imf.subject" and "smtp" in p.protocols:
            side.each("smtp.subject", f"{p.to_server} {''.join(_decoded(text).split())}", "", p.where)


def _dhcp(side, p):
    for m in _split(p.events, {"dhcp"}):
        mac = _first(m, "dhcp.hw.mac_addr")
        name, given, kind = (_first(m, "dhcp." + f) for f in ("option.hostname", "ip.your", "option.dhcp"))
        name = name or _first(m, "dhcp.fqdn.name")
        if name:
            side.once("dhcp.hostname", f"{mac} {name.lower()}", "", p.where)
        if given not in ("", "0.0.0.0") and kind in ("2", "5"):
            side.once("dhcp.assigned", f"{mac} {'offer' if kind == '2' else 'ack'} {given}", "", p.where)


def _nd(side, p):
    fields = [(f, t) for _, f, t in p.events if f]
    asked, told = _first(fields, "icmpv6.nd.ns.target_address"), _first(fields, "icmpv6.nd.na.target_address")
    if asked:
        src = address(p.src)
        side.once("nd", f"{'' if src == '::' else src} {address(asked)}", "", p.where)
    elif told:
        side.once("nd", f"{address(told)} {address(told if _is_group(p.dst) else p.dst)}", "", p.where)


def _arp(side, p):
    for m in _split(p.events, {"arp"}):
        mac, src, dst = (_first(m, "arp." + f) for f in ("src.hw_mac", "src.proto_ipv4", "dst.proto_ipv4"))
        src = "" if src == "0.0.0.0" else src  # zero is not written
        if src or dst:
            side.once("arp", f"{mac} {src} {dst}", "", p.where)


def _netbios(raw):
    """A NetBIOS name of sixteen bytes: what is printable without padding, and the kind."""
    name = raw[:15].decode("latin-1").rstrip(" \0")
    return f"{''.join(c for c in name if c.isprintable()).lower()}<{raw[15]:02x}>"


def _nbns(side, p):
    """Both ends speak from port 137, so who asked is not told apart."""
    for m in _split(p.events, {"nbns"}):
        number = int(_first(m, "nbns.id", "0"), 16)
        for name in _all(m, "nbns.netbios_name") or _all(m, "nbns.name")[:1]:
            side.once("nbns.name", f"{between(p.to_server)} {number} {name}", "", p.where)


class _Dcerpc:
    """Requests by operation number and the interface bound to their context, in each conversation or pipe."""

    def __init__(self, side):
        self.side, self.bound = side, {}

    def packet(self, p):
        pipe = next((t for _, f, t in p.events if f == "smb2.fid"), "")
        for m in _split(p.events, {"dcerpc"}):
            kind = _first(m, "dcerpc.pkt_type")
            contexts = _all(m, "dcerpc.cn_ctx_id")
            if kind in ("11", "14"):
                for context, uuid in zip(contexts, _all(m, "dcerpc.cn_bind_to_uuid")):
                    self.bound[p.to_server, pipe, context] = uuid
            elif kind == "0" and _first(m, "dcerpc.cn_flags.first_frag", "1") == "1":
                name = self.bound.get((p.to_server, pipe, contexts[0] if contexts else ""), "")
                self.side.each("dcerpc.call", f"{p.to_server} {_first(m, 'dcerpc.opnum')} {name}", "", p.where)


def _ldap(side, p):
    number = operation = None
    based = filtered = False
    for _, field, text in p.events:
        if field == "ldap.messageID":
            number, operation, based, filtered = text, None, False, False
        elif field == "ldap.protocolOp":
            operation = operation or text
        elif field in ("ldap.baseObject", "ldap.object", "ldap.entry") and operation in ("3", "6", "8", "14") and not based:
            based = True
            side.once("ldap.base", f"{p.to_server} {number} {text.lower()}", "", p.where)
        elif field == "" and operation == "3" and not filtered:
            filtered = True
            side.once("ldap.filter", f"{p.to_server} {number} {leaves(text.removeprefix('Filter: '))}", "", p.where)
        elif field == "ldap.resultCode" and text != "14":  # a logon that goes on
            side.once("ldap.result", f"{p.to_client} {number}", text, p.where)


def _rdp(side, p):
    for _, field, text in p.events:
        if field == "rdp.rt_cookie" and "mstshash=" in text:
            side.each("rdp.cookie", f"{p.to_server} {text.partition('mstshash=')[2]}", "", p.where)


class _Ssh:
    """Who began is known from the first of a conversation's packets."""

    def __init__(self, side):
        self.side, self.client = side, {}

    def packet(self, p):
        key = between(p.to_server)
        if key not in self.client:
            self.client[key] = p.to_client if int(p.sport) < int(p.dport) else p.to_server
        who = self.client[key]
        end = "client" if who == p.to_server else "server"
        for _, field, text in p.events:
            if field == "ssh.protocol" and text.startswith("SSH-"):
                self.side.once("ssh.software", f"{who} {end} {text.removeprefix('SSH-').strip()}", "", p.where)
            elif field == "ssh.kex.hassh":
                self.side.once("ssh.hassh", f"{who} {text}", "", p.where)
            elif field == "ssh.kex.hasshserver":
                self.side.once("ssh.hassh_server", f"{who} {text}", "", p.where)


def _vnc(side, p):
    for _, field, text in p.events:
        if field == "vnc.auth_result":
            side.each("vnc.result", f"{p.to_client} {'failure' if text in ('1', 'True') else 'success'}", "", p.where)


_SNMP_VERSIONS = {"0": "1", "1": "2c", "3": "3"}


class _Snmp:
    """Objects of a question that stands alone; of runs kidoban tells the first only."""

    def __init__(self, side):
        self.side, self.asked = side, {}

    def packet(self, p):
        for m in _split(p.events, {"snmp"}):
            kind = _first(m, "snmp.data")
            version = _SNMP_VERSIONS.get(_first(m, "snmp.version") or _first(m, "snmp.msgVersion"), "?")
            who = _first(m, "snmp.community") or _first(m, "snmp.msgUserName")
            if kind in ("2", "8") or not kind and int(p.sport) in (161, 162):
                continue
            if who:
                self.side.once("snmp.who", f"{p.to_server} {version} {who}", "", p.where)
            self.asked.setdefault((p.to_server, version, who, kind), []).append((p.where, _all(m, "snmp.name")))

    def finish(self):
        for (who, _, _, _), questions in self.asked.items():
            where, names = questions[0]
            if len(questions) == 1 and len(names) < 16:
                for name in names:
                    self.side.once("snmp.object", f"{who} {name}", "", where)


def _mysql(side, p):
    for _, field, text in p.events:
        if field == "mysql.user":
            side.once("sql.user", f"{p.to_server} {text}", "", p.where)
        elif field == "mysql.error_code" and text == "1045":
            side.once("sql.refused", f"{p.to_client} 1045", "", p.where)


def _pgsql(side, p):
    name = None
    for _, field, text in p.events:
        if field == "pgsql.parameter_name":
            name = text
        elif field == "pgsql.parameter_value" and name == "user":
            side.once("sql.user", f"{p.to_server} {text}", "", p.where)
            name = None
        elif field == "pgsql.code" and text.startswith("28"):
            side.once("sql.refused", f"{p.to_client} {text}", "", p.where)


def _socks(side, p):
    """Requests: what tshark repeats beside carried data has no address type of its own packet."""
    for m in _split(p.events, {"socks"}):
        where = _first(m, "socks.remote_name") or _first(m, "socks.v4a_dns_name") or _first(m, "socks.dst")
        port = _first(m, "socks.port") or _first(m, "socks.dstport")
        if where and port and where != "0.0.0.0" and not _all(m, "socks.results") and int(p.sport) > int(p.dport):
            side.once("socks.target", f"{p.to_server} {where} {port}", "", p.where)


def _irc(side, p):
    command = None
    for _, field, text in p.events:
        if field == "irc.request.command":
            command = text.upper()
        elif field == "irc.request.command_parameter" and command in ("NICK", "JOIN"):
            if command == "NICK":
                side.once("irc.nick", f"{p.to_server} {text}", "", p.where)
            else:
                for channel in text.split(","):
                    side.once("irc.channel", f"{p.to_server} {channel.lower()}", "", p.where)
            command = None


_MQTT_KINDS = {"3": "publish", "8": "subscribe", "10": "unsubscribe"}


def _mqtt(side, p):
    for m in _split(p.events, {"mqtt"}):
        kind, to_server = _first(m, "mqtt.msgtype"), p.to_server
        if kind == "1":
            side.once("mqtt.client", f"{to_server} {_first(m, 'mqtt.clientid')}", "", p.where)
        for topic in _all(m, "mqtt.topic") if kind in _MQTT_KINDS else ():
            # A broker passes messages on, too.
            side.once("mqtt.topic", f"{between(to_server)} {_MQTT_KINDS[kind]} {topic}", "", p.where)


def _sip(side, p):
    for m in _split(p.events, {"sip"}):
        what = _first(m, "sip.Method") or _first(m, "sip.Status-Code")
        if what:
            side.once("sip.message", f"{between(p.to_server)} {_first(m, 'sip.Call-ID') or ''} {what}", "", p.where)


def _messages(side, path, options, which):
    xml = _tshark("-r", path, *options, "-Y", which, "-T", "pdml", "-J", PROTOCOLS)
    krb5, dcerpc, ssh, snmp = _Krb5(side), _Dcerpc(side), _Ssh(side), _Snmp(side)
    for events in _packets(xml):
        p = _Packet(events)
        quoted = "icmp" in p.protocols
        if quoted:
            continue
        for name in ("dns", "mdns", "llmnr"):
            if name in p.protocols:
                _dns(side, p, name)
        for name, reader in (("http", _http), ("tls", _tls), ("smb", _smb1), ("smb2", _smb), ("ntlmssp", _ntlm), ("smtp", _smtp), ("imf", _smtp), ("dhcp", _dhcp), ("arp", _arp), ("icmpv6", _nd), ("nbns", _nbns)):
            if name in p.protocols and (name != "imf" or "smtp" not in p.protocols):
                reader(side, p)
        for names, reader in (({"ldap", "cldap"}, _ldap), ({"rdp"}, _rdp), ({"vnc"}, _vnc),
                              ({"mysql"}, _mysql), ({"pgsql"}, _pgsql), ({"socks"}, _socks), ({"irc"}, _irc),
                              ({"mqtt"}, _mqtt), ({"sip"}, _sip)):
            if names & set(p.protocols):
                reader(side, p)
        if "ssh" in p.protocols:
            ssh.packet(p)
        if "snmp" in p.protocols:
            snmp.packet(p)
        if "kerberos" in p.protocols:
            krb5.packet(p)
        if "dcerpc" in p.protocols:
            dcerpc.packet(p)
    krb5.finish()
    snmp.finish()


def facts(path):
    side = Side()
    _flows(side, path)
    _messages(side, path, WHOLE, MESSAGES)
    return side


def second_opinion(path, side, mine):
    """Where the web differs, what tshark says when it takes the stream as it comes counts too."""
    if all(side.values[f].keys() == mine.values[f].keys() for f in ("http.request", "http.status")):
        return
    for options in AS_IT_COMES:
        other = Side()
        _messages(other, path, options, "http")
        for field in ("http.request", "http.status"):
            for key in other.values[field].keys() & mine.values[field].keys():
                side.once(field, key, "", other.where[field, key])
