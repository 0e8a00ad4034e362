# SPDX-License-Identifier: Apache-2.0
"""Capture from a real interface: a veth pair in a network namespace of its own, tcpreplay at the other end."""
import datetime
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

import supervisor
import tap
from tap import KIDOBAN, Skip, recording

SPACE = f"kdlive{os.getpid()}"


def sh(*words, check=True):
    return subprocess.run(words, check=check, capture_output=True, text=True)


def inside(*words, **more):
    return subprocess.run(["ip", "netns", "exec", SPACE, *words], capture_output=True, text=True, **more)


class Wire:
    """a0 -- b0: what is sent on a0 is received on b0."""

    def __enter__(self):
        sh("ip", "netns", "add", SPACE)
        sh("ip", "-n", SPACE, "link", "add", "a0", "type", "veth", "peer", "name", "b0")
        for name in ("a0", "b0"):
            inside("sysctl", "-qw", f"net.ipv6.conf.{name}.disable_ipv6=1")
            sh("ip", "-n", SPACE, "link", "set", name, "up", "mtu", "9000")
        return self

    def __exit__(self, *_):
        sh("ip", "netns", "del", SPACE, check=False)


def start(folder, name, engines, more=""):
    config = f"{folder}/{name}.yaml"
    out = f"{folder}/{name}.json"
    with open(config, "w") as f:
        f.write(f"interfaces: [b0]\nengines: {engines}\nweb:\n  listen: 'off'\njson: {out}\n{more}")
    p = tap.popen(["ip", "netns", "exec", SPACE, KIDOBAN, "run", "-c", config, "--dir", f"{folder}/{name}.d"],
                         env=tap.ENGLISH, stderr=subprocess.PIPE)
    supervisor.wait_for(lambda: len(supervisor.children(p.pid)) >= engines + 2, 10, "all roles")
    status = [KIDOBAN, "status", "-c", config, "--dir", f"{folder}/{name}.d"]
    supervisor.wait_for(lambda: subprocess.run(status, capture_output=True).returncode == 0, 10, "status: all running")
    return p, out


def end(p, out):
    p.send_signal(signal.SIGTERM)
    _, errors = p.communicate(timeout=30)
    assert p.returncode == 0, (p.returncode, errors)
    return supervisor.read_lines(out), errors.decode().splitlines()


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ip4(src, dst, payload, number, more, offset):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), number, (0x2000 if more else 0) | offset // 8, 64,
                       17, 0, socket.inet_aton(src), socket.inet_aton(dst))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ether(packet, kind, vlans=()):
    tags = b"".join(struct.pack("!HH", tpid, tag) for tpid, tag in vlans)
    return bytes.fromhex("020000000001" * 2) + tags + struct.pack("!H", kind) + packet


def conversations():
    """Both directions of many UDP conversations, whole and in fragments, IPv4 and IPv6, plain and tagged."""
    rnd = random.Random(7)
    frames = []
    for n in range(200):
        a, b = f"10.{rnd.randrange(256)}.1.{1 + n}", f"172.16.{rnd.randrange(256)}.{1 + n}"
        ports = (20000 + n, 30000 + n)
        tags = [(), ((0x8100, 30),), ((0x88a8, 5), (0x8100, 30))][n % 3]
        for src, dst, sport, dport in ((a, b, *ports), (b, a, *reversed(ports))):
            data = struct.pack("!HHHH", sport, dport, 8 + 32, 0) + bytes(32)
            if n % 2 or src == a:  # a short question, a long answer in fragments
                frames.append(ether(ip4(src, dst, data, n, False, 0), 0x0800, tags))
            else:
                frames.append(ether(ip4(src, dst, data[:24], n + 1, True, 0), 0x0800, tags))
                frames.append(ether(ip4(src, dst, data[24:], n + 1, False, 24), 0x0800, tags))
    for n in range(100):
        a, b = rnd.randbytes(16), rnd.randbytes(16)
        a, b = b"\x20" + a[1:], b"\x20" + b[1:]
        for src, dst, sport, dport in ((a, b, 1000 + n, 2000 + n), (b, a, 2000 + n, 1000 + n)):
            data = struct.pack("!HHHH", sport, dport, 16, 0xffff) + bytes(8)
            frames.append(ether(struct.pack("!IHBB", 6 << 28, len(data), 17, 64) + src + dst + data, 0x86dd))
    return frames


def send(frames, folder):
    path = folder + "/made.pcap"
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for n, frame in enumerate(frames):
            f.write(struct.pack("<IIII", 1700000000, n, len(frame), len(frame)) + frame)
    done = inside("tcpreplay", "-q", "-i", "a0", "--pps=20000", path)
    assert done.returncode == 0, done.stderr


def both_directions_reach_one_engine(folder):
    p, out = start(folder, "fanout", 3)
    frames = conversations()
    send(frames, folder)
    time.sleep(1)
    rs, _ = end(p, out)
    flows = [r for r in rs if r["event_type"] == "flow"]
    one_sided = [f for f in flows if f["flow"]["pkts_toserver"] == 0 or f["flow"]["pkts_toclient"] == 0]
    engines = {f["flow_id"] >> 46 for f in flows}
    assert len(flows) == 300 and not one_sided, (len(flows), one_sided[:3])
    assert engines == {0, 1, 2}, engines
    assert sum("vlan" in f for f in flows) > 100
    total = rs[-1]["stats"]
    assert total["packets"] == len(frames) and total["dropped"] == 0, total


def nothing_is_lost(folder, name, rounds, *pace):
    capture = folder + "/attack.pcap"
    with open(capture, "wb") as f:
        f.write(subprocess.run(["zstd", "-qdc", recording("first-attack.pcap.zst")], check=True, capture_output=True).stdout)
    p, out = start(folder, name, 2)
    done = inside("tcpreplay", "-q", "-i", "a0", *pace, f"--loop={rounds}", capture)
    assert done.returncode == 0, done.stderr
    time.sleep(1)
    rs, _ = end(p, out)
    total = rs[-1]["stats"]
    print("#", *[line.strip() for line in done.stdout.splitlines() if "Rated" in line], "dropped", total["dropped"])
    assert total["packets"] == rounds * 22498 and total["dropped"] == 0, (total["packets"], total["dropped"])
    assert total["detections"] > 0


def nothing_is_lost_at_a_steady_pace(folder):
    nothing_is_lost(folder, "steady", 2, "--pps=6000")


def nothing_is_lost_at_speed(folder):
    nothing_is_lost(folder, "speed", 5, "--topspeed")


def rules_change_under_load_and_nothing_is_lost(folder):
    """20,000 rules; one more comes while packets pass at speed, then a set that cannot be had."""
    capture, rules = folder + "/attack.pcap", folder + "/live.rules"
    with open(capture, "wb") as f:
        f.write(subprocess.run(["zstd", "-qdc", recording("first-attack.pcap.zst")], check=True, capture_output=True).stdout)
    many = "".join(f'alert http any any -> any any (msg:"r{n}"; http.uri; content:"/{n:x}/page{n * 7919 % 100003}"; sid:{1000 + n};)\n'
                   for n in range(20000))
    first = 'alert dns any any -> any any (msg:"A"; dns.query; content:"example"; sid:1;)\n'
    with open(rules, "w") as f:
        f.write(many + first)
    p, out = start(folder, "reload", 1, f"rules:\n  own: 'off'\n  files: {rules}\n")
    words = [KIDOBAN, "rules", "reload", "-c", f"{folder}/reload.yaml", "--dir", f"{folder}/reload.d"]
    replay = tap.popen(["ip", "netns", "exec", SPACE, "tcpreplay", "-q", "-i", "a0", "--pps=15000", "--loop=8", capture],
                              stdout=subprocess.DEVNULL)
    time.sleep(1)
    with open(rules, "a") as f:
        f.write(first.replace('"A"', '"B"').replace("sid:1;", "sid:2;"))
    done = subprocess.run(words, capture_output=True, text=True, env=tap.ENGLISH)
    assert done.returncode == 0 and done.stdout == "rules: 20002 read, 20002 loaded, 0 refused\n", done
    assert replay.poll() is None, "the load was over before the rules were there"
    replay.wait(60)
    os.rename(rules, rules + ".gone")
    done = subprocess.run(words, capture_output=True, text=True, env=tap.ENGLISH)
    assert done.returncode == 1 and "former rules stay" in done.stderr, done
    time.sleep(1)
    rs, _ = end(p, out)
    total = rs[-1]["stats"]
    assert total["packets"] == 8 * 22498 and total["dropped"] == 0, total
    sids = [r["alert"]["signature_id"] for r in rs if r["event_type"] == "alert" and r["alert"].get("signature_id") in (1, 2)]
    assert 0 < sids.count(2) < sids.count(1), (sids.count(1), sids.count(2))
    states = [r["health"]["state"] for r in rs if r["event_type"] == "health" and r["health"]["kind"] == "rules"]
    assert states == ["running", "running", "failed"], states


def a_killed_engine_goes_on_with_its_ring(folder):
    capture = folder + "/logons.pcap"
    with open(capture, "wb") as f:
        f.write(subprocess.run(["zstd", "-qdc", recording("bruteforce.pcap.zst")], check=True, capture_output=True).stdout)
    p, out = start(folder, "killed", 2)
    replay = tap.popen(["ip", "netns", "exec", SPACE, "tcpreplay", "-q", "-i", "a0", "--multiplier=3", capture],
                              stdout=subprocess.DEVNULL)
    for role in ("engine 0", "engine 1", "brain", "store"):
        time.sleep(0.7)
        supervisor.kill_and_wait(p, role)
    replay.wait(60)
    time.sleep(1.5)
    rs, errors = end(p, out)
    exits = {r["health"]["role"] for r in rs if r["event_type"] == "health" and r["health"]["kind"] == "role_exit"}
    assert exits == {"engine 0", "engine 1", "brain", "store"}, exits
    assert len(errors) >= 4
    # The evidence is written before the JSON lines: what stands here must be found there, under whole seals.
    assert tap.run("verify", f"{folder}/killed.d")[0] == 0
    code, found, _ = tap.run("hunt", "", "--dir", f"{folder}/killed.d")
    assert code == 0
    lost = {r["record_id"] for r in rs if "record_id" in r} - {r["record_id"] for r in tap.records(found)}
    assert len(rs) > 300 and not lost, (len(rs), len(lost))


def a_detection_is_there_within_a_second(folder):
    """From the packet on the wire to the line behind store."""
    capture = folder + "/scan.pcap"
    with open(capture, "wb") as f:
        f.write(subprocess.run(["zstd", "-qdc", recording("portscan.pcap.zst")], check=True, capture_output=True).stdout)
    p, out = start(folder, "delay", 2)
    replay = tap.popen(["ip", "netns", "exec", SPACE, "tcpreplay", "-q", "-i", "a0", capture],
                              stdout=subprocess.DEVNULL)
    seen = {}
    finished = time.monotonic()
    while replay.poll() is None or time.monotonic() < finished + 2:
        finished = time.monotonic() if replay.poll() is None else finished
        for r in supervisor.read_lines(out):
            if r["event_type"] == "alert":
                seen.setdefault(r["record_id"], (time.time(), r["timestamp"]))
        time.sleep(0.02)
    end(p, out)
    assert seen
    delays = [at - datetime.datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()
              for at, stamp in seen.values()]
    print(f"# {len(delays)} detections, slowest after {max(delays):.2f} s")
    assert max(delays) < 1, delays


def write_list(path, first, count):
    with open(path + ".new", "w") as f:
        f.write("203.0.113.66 control server\n")
        for n in range(first, first + count):
            f.write(f"n{n:x}.z{n % 977}.example\n")
    os.rename(path + ".new", path)


def in_force(config, folder):
    """Of each list, how many objects and since when."""
    code, out, _ = tap.run("object", "lists", "--json", "-c", config, "--dir", folder)
    return {} if code else {one["name"]: one for one in tap.records(out)[0]["lists"]}


def a_changed_list_loses_no_packet(folder):
    """300,000 objects, then other 100,000 of them under load: in force within a second, and nothing is lost."""
    capture = folder + "/listed.pcap"
    with open(capture, "wb") as f:
        f.write(subprocess.run(["zstd", "-qdc", recording("first-attack.pcap.zst")], check=True, capture_output=True).stdout)
    write_list(folder + "/large.txt", 0, 300000)
    write_list(folder + "/small.txt", 1000000, 100000)
    config, out, where = folder + "/lists.yaml", folder + "/lists.json", folder + "/lists.d"
    with open(config, "w") as f:
        f.write(f"interfaces: [b0]\nengines: 1\nweb:\n  listen: 'off'\njson: {out}\nobjects:\n  lists:\n"
                f"    - file: {folder}/large.txt\n    - file: {folder}/small.txt\n      confidence: 90\n")
    p = tap.popen(["ip", "netns", "exec", SPACE, KIDOBAN, "run", "-c", config, "--dir", where],
                         env=tap.ENGLISH, stderr=subprocess.PIPE)
    supervisor.wait_for(lambda: len(in_force(config, where)) == 2, 20, "both lists in force")
    before = in_force(config, where)
    assert before["large.txt"]["objects"] == 300001 and before["small.txt"]["objects"] == 100001, before
    replay = tap.popen(["ip", "netns", "exec", SPACE, "tcpreplay", "-q", "-i", "a0", "--pps=20000", "--loop=40", capture],
                              stdout=subprocess.DEVNULL)
    time.sleep(0.5)
    write_list(folder + "/small.txt", 2000000, 100000)
    told = time.time()
    p.send_signal(signal.SIGHUP)
    supervisor.wait_for(lambda: in_force(config, where)["small.txt"]["since"] != before["small.txt"]["since"], 20, "the new list")
    since = datetime.datetime.strptime(in_force(config, where)["small.txt"]["since"], "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()
    assert replay.wait(120) == 0
    time.sleep(1)
    rs, _ = end(p, out)
    after = in_force(config, where)
    total = rs[-1]["stats"]
    print(f"# in force {since - told:.2f} s after the signal; {total['packets']} packets, {total['dropped']} dropped")
    assert after["large.txt"]["read"] == before["large.txt"]["read"], "what did not change was read again"
    assert total["dropped"] == 0 and total["packets"] > 10000, total
    assert any(r["event_type"] == "alert" and r["detection"]["id"] == "KD-CC-0001" for r in rs)
    assert since - told < 5, since - told  # the figure itself is in docs/benchmarks.md; a busy machine needs longer


def ready():
    if os.geteuid() != 0:
        return "needs root"
    for tool in ("ip", "tcpreplay", "zstd"):
        if shutil.which(tool) is None:
            return f"needs {tool}"
    return None


why = ready()
if why:
    print(f"1..0 # SKIP {why}")
else:
    with Wire():
        # Whether load is borne is asked of the release build alone.
        if "load" in sys.argv[2:]:
            tap.main([nothing_is_lost_at_speed, rules_change_under_load_and_nothing_is_lost, a_changed_list_loses_no_packet])
        tap.main([both_directions_reach_one_engine, nothing_is_lost_at_a_steady_pace, a_detection_is_there_within_a_second,
                  a_killed_engine_goes_on_with_its_ring])
