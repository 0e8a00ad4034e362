# SPDX-License-Identifier: Apache-2.0
"""Wires of the town and its mirror port.

The host "router" carries one bridge per segment and routes between them. Every packet is copied to
the mirror port (interface "mirror" of host "sensor") exactly once: where it enters a switch port
from its sender, or, for what the router itself sends and what comes from outside, where the router
puts it on the segment.
"""

import subprocess

from . import plan
from .ns import Inside

ROUTER = "router"
SENSOR = "sensor"  # listens at the far end of the mirror port and is silent
QUIET = "rx off tx off tso off gso off gro off"
MIRROR = "action mirred egress mirror dev mirror-in"


def build():
    """Bridges, cables, addresses, routes, mirror. Hosts must have been booted."""
    router = Inside(ROUTER)
    lines = [
        "set -e",
        "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1",
        "sysctl -qw net.ipv4.conf.all.send_redirects=0",
        "ip link add mirror-in type veth peer name mirror",
        "sysctl -qw net.ipv6.conf.mirror-in.disable_ipv6=1",
        "ip link set mirror-in up arp off",
    ]
    for number, (segment, (ip4, ip6)) in enumerate(plan.SEGMENTS.items()):
        bridge = f"br-{segment}"
        lines += [
            (
                f"ip link add {bridge} address 02:6b:64:00:ff:{number:02x} type bridge"
                " mcast_snooping 0"
            ),
            f"ip addr add {ip4} dev {bridge}",
            f"ip addr add {ip6} dev {bridge} nodad",
            f"ethtool -K {bridge} tx off tso off gso off >/dev/null",
            f"ip link set {bridge} up",
        ]
        if segment != "wan":
            lines += _mirror_router(bridge, ip4, ip6)
    lines.append(
        "ip route add 198.51.100.0/24 via 192.0.2.2; ip route add 203.0.113.0/24 via 192.0.2.2"
    )
    router.sh("\n".join(lines))
    _move("mirror", SENSOR)
    Inside(SENSOR).sh(
        "sysctl -qw net.ipv6.conf.mirror.disable_ipv6=1; ip link set mirror up arp off"
        " promisc on"
    )
    for host in plan.HOSTS:
        _cable(router, host)


def _mirror_router(bridge, ip4, ip6):
    tc = f"tc filter add dev {bridge} egress"
    every = "u32 match u32 0 0"
    return [
        f"tc qdisc add dev {bridge} clsact",
        f"{tc} protocol arp prio 1 {every} {MIRROR}",
        f"{tc} protocol ip prio 2 u32 match ip src {ip4.split('/')[0]}/32 {MIRROR}",
        f"{tc} protocol ip prio 3 u32 match ip src {plan.INSIDE4} classid 1:1",
        f"{tc} protocol ip prio 4 {every} {MIRROR}",
        f"{tc} protocol ipv6 prio 5 u32 match ip6 src {ip6.split('/')[0]}/128 {MIRROR}",
        f"{tc} protocol ipv6 prio 6 u32 match ip6 src {plan.INSIDE6} classid 1:1",
        f"{tc} protocol ipv6 prio 7 {every} {MIRROR}",
    ]


def _cable(router, host):
    port = f"p{host.number}-{host.segment}"[:15]
    inside = Inside(host.name)
    router.sh(
        "\n".join(
            [
                "set -e",
                f"ip link add {port} type veth peer name far",
                f"sysctl -qw net.ipv6.conf.{port}.disable_ipv6=1",
                f"ip link set {port} master br-{host.segment} up",
                f"ethtool -K {port} {QUIET} >/dev/null",
                f"tc qdisc add dev {port} clsact" if host.segment != "wan" else ":",
                (
                    f"tc filter add dev {port} ingress protocol all u32 match u32 0 0 {MIRROR}"
                    if host.segment != "wan"
                    else ":"
                ),
            ]
        )
    )
    _move("far", host.name)
    lines = [
        "set -e",
        f"ip link set far name eth0 address {host.mac}",
        f"ethtool -K eth0 {QUIET} >/dev/null",
        "sysctl -qw net.ipv6.conf.eth0.accept_dad=0",
        "ip link set eth0 up",
    ]
    if host.address != "dhcp":
        gateway = plan.SEGMENTS[host.segment][0].split("/")[0]
        lines += [f"ip addr add {host.address} dev eth0", f"ip route add default via {gateway}"]
    if host.segment == "wan":
        lines += [
            f"ip addr add {a}/32 dev eth0" for a in (plan.ROOT_DNS, *plan.PLACES.values())
        ]
    inside.sh("\n".join(lines))


def _move(link, name):
    subprocess.run(
        ["ip", "-n", plan.PREFIX + ROUTER, "link", "set", link, "netns", plan.PREFIX + name],
        check=True,
    )
