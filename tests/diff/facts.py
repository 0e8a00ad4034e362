# SPDX-License-Identifier: Apache-2.0
"""What is compared, and how two sides are compared.

A fact is a field, a key (text) and a value (text; empty where being there is all).  Each side gives, per field, a
dictionary from key to value, and for messages to a person the frame or time where it was found.
"""
import collections
import hashlib
import ipaddress
import re
import tomllib

FIELDS = (
    "flow", "dns.name", "dns.rcode", "dns.address", "http.request", "http.status", "tls.sni", "tls.ja3",
    "tls.ja3s", "smb.file", "smb.tree", "smb1.file", "smb1.tree", "smb1.status", "ntlm.user", "krb5.cname", "krb5.sname", "krb5.realm", "smtp.from", "smtp.rcpt",
    "smtp.subject", "dhcp.hostname", "dhcp.assigned", "arp", "nd", "nbns.name", "dcerpc.call",
    "ldap.base", "ldap.filter", "ldap.result", "rdp.cookie", "ssh.software", "ssh.hassh", "ssh.hassh_server", "vnc.result",
    "snmp.who", "snmp.object", "sql.user", "sql.refused", "socks.target", "irc.nick", "irc.channel",
    "mqtt.client", "mqtt.topic", "sip.message",
)


def address(text):
    """One spelling for each address."""
    return str(ipaddress.ip_address(text)) if text else ""


def end(ip, port):
    return f"[{address(ip)}]:{port}" if ":" in ip else f"{address(ip)}:{port}"


def pair(src, sport, dst, dport):
    """Who asked whom."""
    return f"{end(src, sport)}>{end(dst, dport)}"


def between(who):
    """The same two, whoever asked."""
    return "-".join(sorted(who.split(">")))


def leaves(text):
    """The comparisons of an LDAP filter, in order, without what joins them; a value that is not plain text is left out,
    as there are several ways to write it."""
    if "ntver" in text.lower():  # looking for a domain controller: tshark has its own words for it
        return "netlogon"
    found = []
    for name, sign, value in re.findall(r"\(([^()&|!=~<>]+?)(~=|>=|<=|=)((?:[^()])*)\)", text):
        plain = value.isascii() and value.isprintable() and "\\" not in value
        found.append(f"{name}{sign}{value}" if plain else name)
    return " ".join(found).lower()


class Side:
    """The facts of one side.  A fact told several times in a conversation is numbered, so that counts are compared."""

    def __init__(self):
        self.values = {f: {} for f in FIELDS}
        self.where = {}
        self.seen = collections.Counter()

    def once(self, field, key, value="", where=""):
        """A fact that may be told again and again (the same query, sent twice)."""
        self.values[field].setdefault(key, value)
        self.where.setdefault((field, key), where)

    def each(self, field, key, value="", where=""):
        """A fact that counts each time."""
        self.seen[field, key] += 1
        self.once(field, f"{key} #{self.seen[field, key]}", value, where)

    def add_flow(self, proto, src, sport, dst, dport, packets, octets, where=""):
        """Sums of a five-tuple, whichever way it began: packets and octets from src and from dst."""
        a, b = end(src, sport), end(dst, dport)
        if a > b:
            a, b, packets, octets = b, a, packets[::-1], octets[::-1]
        flows = self.values["flow"]
        key = f"{proto} {a} {b}"
        old = flows.get(key, (0, 0, 0, 0))
        flows[key] = tuple(x + y for x, y in zip(old, (*packets, *octets)))
        self.where.setdefault(("flow", key), where)


class Difference:
    def __init__(self, path, field, key, mine, other, where):
        self.path, self.field, self.key, self.mine, self.other, self.where = path, field, key, mine, other, where
        self.side = "differs" if mine is not None and other is not None else "ours" if mine is not None else "tshark"
        self.reason = None

    def text(self, folder):
        what = {"differs": f"ours {self.mine!r}, tshark {self.other!r}", "ours": f"only ours {self.mine!r}",
                "tshark": f"only tshark {self.other!r}"}[self.side]
        path = self.path.removeprefix(folder).lstrip("/")
        note = f" [{self.reason}]" if self.reason else ""
        return f"{self.field}: {path}: {self.key}: {what} ({self.where}){note}"


class Explained:
    """explained.toml: what may differ, and why.  An entry fits by field, side, key and value expressions, and by the
    SHA-256 of the capture where the reason lies in that capture alone."""

    def __init__(self, path):
        with open(path, "rb") as f:
            self.entries = tomllib.load(f).get("explained", [])

    def reason(self, digest, d):
        for e in self.entries:
            if d.field not in e["fields"] or d.side not in e["side"]:
                continue
            if "capture" in e and not any(digest.startswith(c) for c in e["capture"]):
                continue
            if re.search(e.get("key", ""), d.key) and re.search(e.get("value", ""), f"{d.mine} | {d.other}"):
                return e["reason"]
        return None


class Result:
    def __init__(self):
        self.counts = {}
        self.differences = []


def compare(path, mine, other, explained):
    result = Result()
    with open(path, "rb") as f:
        digest = hashlib.file_digest(f, "sha256").hexdigest()
    for field in FIELDS:
        a, b = mine.values[field], other.values[field]
        keys = a.keys() | b.keys()
        counts = collections.Counter(compared=len(keys))
        for key in sorted(keys):
            if key in a and key in b and a[key] == b[key]:
                counts["agreed"] += 1
                continue
            where = other.where.get((field, key)) or mine.where.get((field, key), "")
            d = Difference(path, field, key, a.get(key), b.get(key), where)
            d.reason = explained.reason(digest, d)
            counts["explained"] += d.reason is not None
            result.differences.append(d)
        result.counts[field] = counts
    return result
