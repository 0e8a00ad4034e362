# SPDX-License-Identifier: Apache-2.0
"""The town on paper: its segments, hosts, people and outside addresses. No action here."""

PREFIX = "kdtown-"
STATE = "/run/kidoban-town"
DOMAIN = "komorebi.example"
REALM = "KOMOREBI.EXAMPLE"
WORKGROUP = "KOMOREBI"

# Segment -> (router address with prefix length, IPv6 router address). Inside the namespaces the
# outside uses only ranges reserved for documentation (RFC 5737, RFC 3849).
SEGMENTS = {
    "servers": ("10.20.0.1/24", "2001:db8:20::1/64"),
    "clients": ("10.20.1.1/24", "2001:db8:20:1::1/64"),
    "wan": ("192.0.2.1/24", "2001:db8:ffff::1/64"),
}
INSIDE4 = "10.20.0.0/16"
INSIDE6 = "2001:db8:20::/48"


class Host:
    """One host: name, segment, address ("dhcp" for clients), which hosts/ folder makes it."""

    def __init__(self, name, segment, number, address, folder, role, names=(), user=None):
        self.name, self.segment, self.number = name, segment, number
        self.address, self.folder, self.role = address, folder, role
        self.names, self.user = tuple(names), user
        self.mac = f"02:6b:64:00:00:{number:02x}"

    @property
    def ipv4(self):
        """The address others see; for clients the one DHCP always leases to this MAC."""
        return (
            f"10.20.1.{self.number}" if self.address == "dhcp" else self.address.split("/")[0]
        )

    @property
    def ipv6(self):
        return {
            "servers": f"2001:db8:20::{self.number:x}",
            "clients": f"2001:db8:20:1::{self.number:x}",
            "wan": "2001:db8:ffff::80",
        }[self.segment]


HOSTS = [
    Host(
        "outside",
        "wan",
        2,
        "192.0.2.2/24",
        "outside",
        "the outside: DNS root, web, mail, NTP, bad places",
    ),
    Host(
        "dc1",
        "servers",
        10,
        "10.20.0.10/24",
        "dc1",
        "Samba AD domain controller: Kerberos, LDAP, DNS",
    ),
    Host("ns1", "servers", 53, "10.20.0.53/24", "ns1", "resolver (Unbound)"),
    Host("fs1", "servers", 20, "10.20.0.20/24", "fs1", "file server (Samba domain member)"),
    Host("mail1", "servers", 25, "10.20.0.25/24", "mail1", "mail server (Postfix)"),
    Host(
        "web1",
        "servers",
        30,
        "10.20.0.30/24",
        "web1",
        "staff portal and monitoring (nginx)",
        names=("portal", "kanshi"),
    ),
    Host(
        "kaikei-pc014",
        "clients",
        114,
        "dhcp",
        "client",
        "accounting section PC 会計課",
        user="sato",
    ),
    Host(
        "jumin-pc003",
        "clients",
        103,
        "dhcp",
        "client",
        "residents section PC 住民課",
        user="suzuki",
    ),
    Host(
        "soumu-pc007",
        "clients",
        107,
        "dhcp",
        "client",
        "general affairs PC 総務課",
        user="tanaka",
    ),
]
CLIENTS = [h for h in HOSTS if h.folder == "client"]

# Domain accounts: (login name, written name). svc-backup is the one the attacker guesses.
PEOPLE = [
    ("sato", "佐藤 会計"),
    ("suzuki", "鈴木 住民"),
    ("tanaka", "田中 総務"),
    ("takahashi", "高橋 税務"),
    ("ito", "伊藤 福祉"),
    ("watanabe", "渡辺 建設"),
    ("yamamoto", "山本 教育"),
    ("nakamura", "中村 水道"),
    ("kobayashi", "小林 企画"),
    ("kato", "加藤 防災"),
    ("yoshida", "吉田 議会"),
    ("yamada", "山田 農政"),
    ("sasaki", "佐々木 観光"),
    ("svc-backup", "バックアップ用"),
    ("svc-db", "業務データベース用"),
]

# Outside places: name -> address. All live on the host "outside".
PLACES = {
    "www.tenki.example": "198.51.100.80",
    "www.shinbun.example": "198.51.100.81",
    "static.shinbun.example": "198.51.100.82",
    "update.mado.example": "198.51.100.90",
    "mx.kensetsu.example": "198.51.100.25",
    "ntp.jikan.example": "198.51.100.123",
    "sync.hikari-cdn.example": "203.0.113.66",
    "dl.seikyu-update.example": "203.0.113.13",
    "dl.notseikyu-update.example": "203.0.113.14",
    "okiba.hozon.example": "203.0.113.40",
    "ns.kumo-kioku.example": "203.0.113.53",
}
TUNNEL_ZONE = "t.kumo-kioku.example"  # a tunnel through names ends at ns.kumo-kioku.example
ROOT_DNS = "198.51.100.53"
SELF_TEST = "kidoban-self-test"
SELF_TEST_NAME = "selftest.kidoban.invalid"


def host(name):
    """The host called name; KeyError if the town has none."""
    for h in HOSTS:
        if h.name == name:
            return h
    raise KeyError(name)
