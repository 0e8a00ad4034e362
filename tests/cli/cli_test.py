# SPDX-License-Identifier: Apache-2.0
"""Wrong input of every kind: one line that says what, where and what to do, and the agreed exit status."""
import fcntl
import gzip
import hashlib
import json
import os
import shutil
import socket
import subprocess

import tap
from tap import JAPANESE, KIDOBAN, Skip, recording, records, run


def one_line(done, status, *parts):
    code, _, errors = done
    assert code == status, f"exit status {code}, expected {status}: {errors}"
    assert len(errors) == 1, errors
    for part in parts:
        assert part in errors[0], f"{part!r} is not in {errors[0]!r}"


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "wb" if isinstance(text, bytes) else "w") as f:
        f.write(text)
    return path


def help_is_everywhere(folder):
    code, out, errors = run("--help")
    assert code == 0 and not errors
    commands = [line.split()[0] for line in out.decode().splitlines() if line.startswith("  ")]
    assert {"run", "replay", "status", "config", "version"} <= set(commands), commands
    for command in commands:
        for env in (tap.ENGLISH, JAPANESE):
            code, out, errors = run(command, "--help", env=env)
            assert code == 0 and not errors and out.decode().startswith(f"kidoban {command}"), (command, out)
    assert "使い方" in run("--help", env=JAPANESE)[1].decode()
    assert run()[0] == 2


def unknown_words(folder):
    one_line(run("fly"), 2, "fly", "kidoban --help")
    one_line(run("replay", "--fast", "x"), 2, "--fast", "replay --help")
    one_line(run("replay", "--json"), 2, "--json", "value")
    one_line(run("replay", "--json", "-"), 2, "capture file")
    one_line(run("replay", "x.pcap"), 2, "--json -")
    one_line(run("replay", "--engines", "many", "--json", "-", "x.pcap"), 2, "--engines many")
    one_line(run("run", "eth0"), 2, "-i")
    one_line(run("--role", "engine"), 2, "kidoban itself")


def a_replay_is_json_and_ends_with_stats(folder):
    code, out, errors = run("replay", "--json", "-", recording("selftest.pcap"))
    assert code == 0 and not errors, errors
    rs = records(out)
    assert rs[-1]["event_type"] == "stats" and rs[-1]["stats"]["packets"] == 228, rs[-1]
    assert sum(r["event_type"] == "stats" for r in rs) == 1
    assert run("replay", "--json", "-", recording("selftest.pcap"))[1] == out
    assert records(run("replay", "--json", "-", recording("selftest.pcap.zst"))[1])[-1]["stats"]["packets"] == 228


def damaged_captures(folder):
    whole = open(recording("selftest.pcap"), "rb").read()
    cut = write(folder, "cut.pcap", whole[:len(whole) // 2])
    done = run("replay", "--json", "-", cut)
    one_line(done, 0, "cut.pcap", "were read")
    last = records(done[1])[-1]
    assert last["event_type"] == "stats" and "cut.pcap" in last["stats"]["input_error"]
    assert 50 < last["stats"]["packets"] < 228
    text = write(folder, "text.pcap", "this is no capture\n" * 10)
    one_line(run("replay", "--json", "-", text), 3, "text.pcap", "pcap or pcapng")
    one_line(run("replay", "--json", "-", write(folder, "empty.pcap", b"")), 3, "empty.pcap")
    done = run("replay", "--json", "-", text, recording("selftest.pcap"))
    one_line(done, 0, "text.pcap")
    assert records(done[1])[-1]["stats"]["packets"] == 228


def files_that_cannot_be_read(folder):
    one_line(run("replay", "--json", "-", folder + "/none.pcap"), 3, "none.pcap", "check the path")
    one_line(run("replay", "--json", "-", folder), 3, folder, "check the path")
    one_line(run("replay", "--json", folder + "/no/such/out", recording("selftest.pcap")), 3, "out", "--json")


def wrong_configuration(folder):
    path = write(folder, "wrong.yaml", "engines: 1\ninterface: eth0\n")
    one_line(run("config", "check", path), 1, "wrong.yaml:2:", "interfaces")
    one_line(run("run", "-c", path), 3, "wrong.yaml:2:", "interfaces")
    one_line(run("config", "check", path, env=JAPANESE), 1, "wrong.yaml:2:", "ではありませんか")
    one_line(run("config", "check", folder + "/none.yaml"), 3, "none.yaml")
    code, out, errors = run("config", "reference", "--lang", "ja")
    assert code == 0 and "保存先" in out.decode()
    code, out, errors = run("config", "check", write(folder, "reference.yaml", out))
    assert code == 0 and not errors, errors
    one_line(run("config", "reference", "--lang", "fr"), 2, "ja or en")
    many = write(folder, "many.yaml", "a: 1\nb: 2\nengines: x\n")
    code, _, errors = run("config", "check", many)
    assert code == 1 and [line.split(":")[2] for line in errors] == ["1", "2", "3"], errors


def interfaces_that_cannot_be_captured(folder):
    if os.geteuid() != 0:
        one_line(run("run", "-i", "lo", "--dir", folder + "/d1", "--listen", "off"), 3, "CAP_NET_RAW")
        return
    lines = run("run", "-i", "nosuch0", "--dir", folder + "/d1", "--listen", "off")
    assert lines[0] == 3 and "nosuch0" in lines[2][-1] and "ip link" in lines[2][-1], lines
    public = os.path.join(folder, "kidoban")
    shutil.copy(KIDOBAN, public)
    done = subprocess.run([public, "run", "-i", "lo", "--listen", "off", "--dir", "/tmp/kidoban-cli-nobody"],
                          user=65534, env=tap.ENGLISH, capture_output=True, timeout=60)
    shutil.rmtree("/tmp/kidoban-cli-nobody", ignore_errors=True)
    assert done.returncode == 3 and b"CAP_NET_RAW" in done.stderr, done


def a_port_in_use(folder):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        code, _, errors = run("run", "--demo", recording("selftest.pcap"), "--dir", folder + "/d2", "--listen",
                              f"127.0.0.1:{port}")
    assert code == 3 and str(port) in errors[-1] and "another port" in errors[-1], errors


def directories_that_cannot_be_used(folder):
    args = ("--listen", "off", "--demo", recording("selftest.pcap"))
    code, _, errors = run("run", "--dir", folder + "/no/such/place", *args)
    assert code == 3 and "--dir" in errors[-1], errors
    os.mkdir(folder + "/d3")
    with open(folder + "/d3/lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, _, errors = run("run", "--dir", folder + "/d3", *args)
        assert code == 3 and "another kidoban" in errors[-1], errors
    one_line(run("status", "--dir", folder + "/d3"), 1, "kidoban run")


def a_full_disk(folder):
    if not os.path.exists("/dev/full"):
        raise Skip("no /dev/full")
    one_line(run("replay", "--json", "/dev/full", recording("selftest.pcap")), 3, "disk is full", "free some space")


def a_full_disk_under_the_records(folder):
    small = folder + "/small"
    os.mkdir(small)
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "none", small]).returncode != 0:
        raise Skip("needs root to mount a small disk")
    try:
        code, _, errors = run("replay", "--db", small + "/db", recording("first-attack.pcap.zst"))
        assert code == 3 and any("full" in e or "free" in e for e in errors), (code, errors)
        assert len(errors) <= 2, errors
    finally:
        subprocess.run(["umount", small], check=True)


def records_are_found_again(folder):
    db = folder + "/db"
    code, out, errors = run("replay", "--db", db, "--json", "-", recording("selftest.pcap"))
    assert code == 0 and not errors, errors
    ids = {r["record_id"] for r in records(out) if "record_id" in r}
    code, found, _ = run("hunt", "", "--dir", db)
    stored = {r["record_id"]: r for r in records(found)}
    # Calls folded into one record have a line each instead.
    assert code == 0 and ids <= stored.keys() and all("calls" in stored[i]["dcerpc"] for i in stored.keys() - ids)
    code, found, _ = run("hunt", "event_type = dns", "--dir", db)
    assert code == 0 and {r["event_type"] for r in records(found)} == {"dns"}
    one_line(run("hunt", "bogus == 1", "--dir", db), 2, "character", "hunt --help")
    one_line(run("hunt", "", "--from", "yesterday", "--dir", db), 2, "--from yesterday")
    host = next(r["src_ip"] for r in records(out) if r["event_type"] == "dns")
    told = [r["detection"]["title"]["en"] for r in records(out)
            if "detection" in r and r["detection"]["host"] == host]
    report = run("host", host, "--dir", db)[1].decode()
    assert host in report and told and all(title in report for title in told), report
    one_line(run("host", "no-such-host", "--dir", db), 1, "no-such-host")
    assert run("verify", db)[0] == 0
    for base, _, names in os.walk(db):
        for name in names:
            if name.endswith(".seg"):
                path = os.path.join(base, name)
                with open(path, "r+b") as f:
                    f.seek(os.path.getsize(path) // 2)
                    byte = f.read(1)
                    f.seek(-1, 1)
                    f.write(bytes([byte[0] ^ 1]))
    one_line(run("verify", db), 1, "seal")
    one_line(run("hunt", "", "--dir", folder + "/nothing"), 3, "--dir")


def an_attack_is_told_as_one_story(folder):
    db = folder + "/idb"
    assert run("replay", "--db", db, recording("first-attack.pcap.zst"))[0] == 0
    listed = run("incident", "list", "--dir", db)[1].decode()
    assert len(listed.splitlines()) == 1 and "10.20.1.114" in listed and " open " in listed, listed
    number = listed.split()[0]
    told = run("incident", "show", number, "--dir", db)[1].decode()
    assert "it began here" in told and "shows signs of entry" in told and "KD-LM-0003" in told, told
    assert told.index("KD-DI-0001") < told.index("KD-LM-0003"), told
    story = json.loads(run("incident", "show", number, "--json", "--dir", db)[1])
    assert story["incident"]["patient_zero"]["address"] == "10.20.1.114" and story["detections"], story
    one_line(run("incident", "show", "77", "--dir", db), 1, "77")
    one_line(run("incident", "--dir", db), 2, "list")


def a_network_plan_is_proposed_checked_and_used(folder):
    db = folder + "/pdb"
    assert run("replay", "--db", db, recording("first-attack.pcap.zst"))[0] == 0
    for env in (tap.ENGLISH, JAPANESE):
        code, out, errors = run("config", "propose", "--dir", db, env=env)
        text = out.decode()
        assert code == 0 and not errors, errors
        assert '"10.20.1.0/24"' in text and '"10.20.0.0/24"' in text and "role: [dc, dns]" in text, text
        assert ("DHCP のサブネットマスク" if env is JAPANESE else "by DHCP's mask") in text, text
    plan = write(folder, "plan.yaml", out)
    assert run("config", "check", plan)[0] == 0
    proposal = json.loads(run("config", "propose", "--json", "--dir", db)[1])["proposal"]
    assert {host["address"] for host in proposal["hosts"]} >= {"10.20.0.10", "10.20.0.20", "10.20.0.53", "10.20.1.1"}, proposal
    code, out, _ = run("replay", "--json", "-", "-c", plan, recording("selftest.pcap"))
    crossings = [r["crossing"] for r in records(out) if r["event_type"] == "crossing"]
    assert code == 0 and any(c["from"]["zone"] == "端末" and c["to"]["zone"] == "サーバー" for c in crossings), crossings
    one_line(run("config", "propose", "--dir", folder + "/nothing"), 3, "--dir")
    wrong = write(folder, "wrong.yaml", "zones:\n  - { name: a, networks: 10.0.0.0/8 }\ncrossings:\n  - { from: a, to: b, policy: forbid }\n")
    one_line(run("config", "check", wrong), 1, ":4:", "no zone of this name")


def did_data_leave(folder):
    """Careful words, every outside place, and what could not be seen; the same in the package."""
    db = folder + "/odb"
    assert run("replay", "--db", db, recording("first-attack.pcap.zst"))[0] == 0
    code, out, errors = run("host", "10.20.1.114", "--outside", "--json", "--dir", db)
    assert code == 0 and not errors, errors
    answer = json.loads(out)
    assert answer["grade"] == "maybe" and any("control from outside" in r["en"] for r in answer["reasons"]), answer["reasons"]
    places = {p["address"]: p for p in answer["places"]}
    assert places["203.0.113.66"]["name"] == "sync.hikari-cdn.example" and places["203.0.113.66"]["certificate"] == "CN=localhost"
    assert not any(a.startswith("10.") for a in places), places
    assert answer["bytes_out"] == sum(p["bytes_out"] for p in places.values()) > 0
    # Every conversation of the recording is short: its records add up to the same.
    flows = [r for r in records(run("hunt", "event_type = flow and src_ip = 10.20.1.114", "--dir", db)[1]) if r["dest_ip"] in places]
    assert answer["bytes_out"] == sum(f["flow"]["bytes_toserver"] for f in flows), answer["bytes_out"]
    assert any("encrypted" in r["en"] for r in answer["not_seen"]) and 0 < answer["judged_pct"] < 100
    assert any(u["how"] == "MAIL" and u["sha256"] for u in answer["uploads"]), answer["uploads"]
    english = run("host", "10.20.1.114", "--outside", "--dir", db)[1].decode()
    japanese = run("host", "10.20.1.114", "--outside", "--dir", db, env=JAPANESE)[1].decode()
    assert "Data may have left" in english and "What could not be seen" in english, english
    assert "可能性があります" in japanese and "見えなかったもの" in japanese, japanese
    later = json.loads(run("host", "10.20.1.114", "--outside", "--json", "--dir", db, "--from", "2026-11-22T11:26:00Z")[1])
    assert 0 < later["bytes_out"] < answer["bytes_out"] and later["habit"]["days"] == 1, later["habit"]
    one_line(run("host", "no-such-host", "--outside", "--dir", db), 1, "no-such-host")
    tar = folder + "/o.tar"
    assert run("host", "10.20.1.114", "--dir", db, "--package", tar)[0] == 0 and run("verify", tar)[0] == 0
    inside = subprocess.run(["tar", "xOf", tar, "evidence/outside.json"], capture_output=True, check=True).stdout
    assert json.loads(inside) == answer
    inside = subprocess.run(["tar", "xOf", tar, "evidence/outside.ja.txt"], capture_output=True, check=True).stdout.decode()
    assert inside == japanese


def contents_of_files_are_kept(folder):
    """Of files that carry risk, as configured: a whole content comes out again, a damaged one does not."""
    db, config = folder + "/fdb", folder + "/files.yaml"
    capture = recording("downloads.pcap.zst")
    assert run("replay", "--db", db, "--packets", capture)[0] == 0
    stored = [r["fileinfo"] for r in records(run("hunt", "fileinfo.stored = true", "--dir", db)[1])]
    assert {f["magic"] for f in stored} >= {"pe", "pdf", "deb"} and not any(f["magic"] == "text" for f in stored), stored
    for f in stored:
        out = f"{folder}/{f['sha256'][:8]}"
        assert run("file", f["sha256"], "--dir", db, "-o", out)[0] == 0
        with open(out, "rb") as content:
            assert hashlib.sha256(content.read()).hexdigest() == f["sha256"]
        assert os.stat(out).st_mode & 0o777 == 0o600
    ring = db + "/data/files/engine-00.ring"
    assert os.stat(ring).st_mode & 0o777 == 0o600
    one_line(run("file", "0" * 64, "--dir", db, "-o", "-"), 1, "the oldest kept one")
    one_line(run("file", "abc", "--dir", db, "-o", "-"), 2, "64 hexadecimal digits")
    with open(ring, "r+b") as f:
        held = f.read(4096 + 65536 + (1 << 20))
        at = held.index(b"%PDF-") + 40
        f.seek(at)
        f.write(bytes([held[at] ^ 1]))
    pdf = next(f["sha256"] for f in stored if f["magic"] == "pdf")
    one_line(run("file", pdf, "--dir", db, "-o", "-"), 1, "not kept")
    day = next(d for d in os.listdir(db + "/data/events") if d.isdigit())
    with open(f"{db}/data/events/{day}/hold", "w"):
        pass
    assert run("replay", "--db", db, "--packets", recording("browsing.pcap.zst"))[0] == 0
    with open(ring, "rb") as f:  # where the store says "not to be overwritten"
        held = [f.seek(n * (32 << 20) + 2048) and f.read(1) for n in range(2)]
    assert held == [b"\1", b"\0"], held
    shutil.rmtree(db)
    with open(config, "w") as f:
        f.write("files:\n  keep: none\n")
    assert run("replay", "-c", config, "--db", db, "--packets", capture)[0] == 0
    assert not os.path.exists(db + "/data/files") and not run("hunt", "fileinfo.stored = true", "--dir", db)[1]
    shutil.rmtree(db)


def packets_are_kept_and_sealed(folder):
    """The packet ring: a host's and a conversation's packets come out again; a changed byte is found."""
    db, out = folder + "/rdb", folder + "/host.pcapng"
    capture = recording("first-attack.pcap.zst")
    assert run("replay", "--db", db, "--packets", capture)[0] == 0
    assert run("packets", "10.20.1.114", "--dir", db, "-o", out)[0] == 0
    plain = folder + "/plain.pcap"
    with open(plain, "wb") as f:
        subprocess.run(["zstdcat", capture], stdout=f, check=True)
    def frames(path, what):
        shown = subprocess.run(["tshark", "-n", "-r", path, "-Y", what, "-T", "fields", "-e", "frame.time_epoch", "-e", "frame.len"],
                               capture_output=True, check=True).stdout
        return sorted((time[:17], size) for time, size in (line.split() for line in shown.splitlines())) # to the microsecond
    host = "ip.addr==10.20.1.114 || arp.src.proto_ipv4==10.20.1.114 || arp.dst.proto_ipv4==10.20.1.114"
    assert frames(out, "frame") == frames(plain, host)
    flow = next(r for r in records(run("hunt", "event_type = http", "--dir", db)[1]))
    code, bytes_, _ = run("packets", str(flow["flow_id"]), "--dir", db, "-o", "-")
    with open(folder + "/flow.pcapng", "wb") as f:
        f.write(bytes_)
    ports = f"tcp.port=={flow['src_port']} && tcp.port=={flow['dest_port']} && ip.addr=={flow['src_ip']} && ip.addr=={flow['dest_ip']}"
    assert code == 0 and frames(folder + "/flow.pcapng", "frame") == frames(plain, ports) != []
    one_line(run("packets", "203.0.113.77", "--dir", db, "-o", "-"), 1, "the oldest kept packet")
    assert run("verify", db)[0] == 0
    ring = db + "/data/packets/engine-00.ring"
    for at in (20, 5000, 80000, (32 << 20) - 100):
        with open(ring, "r+b") as f:
            f.seek(at)
            byte = f.read(1)
            f.seek(at)
            f.write(bytes([byte[0] ^ 16]))
        one_line(run("verify", db), 1, "packets/engine-00.ring segment 1")
        with open(ring, "r+b") as f:
            f.seek(at)
            f.write(byte)
    assert run("verify", db)[0] == 0
    assert run("host", "10.20.1.114", "--dir", db, "--package", folder + "/with.tar")[0] == 0
    members = subprocess.run(["tar", "tf", folder + "/with.tar"], capture_output=True, check=True).stdout.decode()
    assert "evidence/packets.pcapng" in members and run("verify", folder + "/with.tar")[0] == 0
    shutil.rmtree(db)


def a_package_for_third_parties(folder):
    """What a host did, checked by openssl and sha256sum alone, and by verify."""
    db, tar = folder + "/pdb", folder + "/p.tar"
    assert run("replay", "--db", db, recording("first-attack.pcap.zst"))[0] == 0
    code, out, errors = run("host", "10.20.1.114", "--dir", db, "--package", tar)
    assert code == 0 and not errors, errors
    assert run("verify", tar)[0] == 0
    subprocess.run(["tar", "xf", tar, "-C", folder], check=True)
    check = ["sh", folder + "/evidence/check.sh"]
    assert subprocess.run(check, capture_output=True).returncode == 0
    key = folder + "/evidence/key.pem"
    assert subprocess.run([*check, key], capture_output=True).returncode == 0
    lines = 0
    for name in os.listdir(folder + "/evidence/records"):
        with open(f"{folder}/evidence/records/{name}") as f:
            lines += len([json.loads(line) for line in f])
    assert f"{lines} records" in out.decode(), (lines, out)
    for part in ["records", "blocks", "days", "seals"]:
        path = f"{folder}/evidence/{part}/" + sorted(os.listdir(f"{folder}/evidence/{part}"))[0]
        with open(path, "r+b") as f:
            f.seek(40)
            byte = f.read(1)
            f.seek(40)
            f.write(bytes([byte[0] ^ 1]))
        assert subprocess.run(check, capture_output=True).returncode == 1, path
        with open(path, "r+b") as f:
            f.seek(40)
            f.write(byte)
    assert subprocess.run(check, capture_output=True).returncode == 0
    with open(tar, "r+b") as f:
        f.seek(os.path.getsize(tar) // 2)
        byte = f.read(1)
        f.seek(-1, 1)
        f.write(bytes([byte[0] ^ 1]))
    one_line(run("verify", tar), 1, "records/", "line ")
    one_line(run("host", "10.20.1.114", "--dir", db, "--package", tar), 3, "exists already")
    one_line(run("verify", __file__), 1, "no package")


def rules_run_in_a_replay(folder):
    """A match is an alert with the rule's number; a rule that cannot be taken is told and is no failure."""
    path = write(folder, "r.rules", 'alert dns any any -> any any (msg:"A name"; dns.query; content:"example"; sid:77; rev:1;)\n'
                 'alert tcp any any -> any any (msg:"x"; nonsense:1; sid:78;)\n')
    code, out, errors = run("replay", "--json", "-", "--rules", path, recording("first-attack.pcap.zst"))
    assert code == 0 and any("1 refused" in line for line in errors), (code, errors)
    alerts = [r for r in map(json.loads, out.splitlines()) if r["event_type"] == "alert"]
    assert any(r.get("alert", {}).get("signature_id") == 77 for r in alerts), len(alerts)
    db = os.path.join(folder, "hits")
    run("replay", "--db", db, "--rules", path, recording("first-attack.pcap.zst"))
    found = sum(r.get("alert", {}).get("signature_id") == 77 for r in alerts)
    assert run("rules", "hits", "--dir", db)[1].startswith(b"1:77\t%d\t" % found)
    assert b'"signature_id":77' not in run("replay", "--json", "-", recording("first-attack.pcap.zst"))[1]


def sids_of(out):
    return {r["alert"]["signature_id"] for r in map(json.loads, out.splitlines())
            if r["event_type"] == "alert" and "signature_id" in r.get("alert", {})}


def a_replay_takes_all_that_belongs_to_rules(folder):
    """A directory, variables of both kinds, suppressions; the configuration says the same as the options."""
    rules = os.path.join(folder, "sets")
    os.mkdir(rules)
    write(folder, "sets/1.rules", 'alert dns $OURS any -> any any (msg:"A"; dns.query; content:"example"; sid:1;)\n')
    write(folder, "sets/2.rules", 'alert dns any any -> any any (msg:"B"; dns.query; content:"example"; sid:2;)\n')
    here = write(folder, "here.yaml", "vars:\n  address-groups:\n    OURS: '[10.0.0.0/8]'\n")
    elsewhere = write(folder, "elsewhere.yaml", "vars:\n  address-groups:\n    OURS: '[192.0.2.0/24]'\n")
    quiet = write(folder, "threshold.config", "suppress gen_id 1, sig_id 2\n")
    replay = ("replay", "--json", "-", recording("first-attack.pcap.zst"))
    ours = lambda *more: sids_of(run(*replay, *more)[1]) & {1, 2}
    assert ours("--rules", rules, "--vars", here) == {1, 2}
    assert ours("--rules", rules, "--vars", elsewhere) == {2}
    assert ours("--rules", rules, "--vars", here, "--thresholds", quiet) == {1}
    config = write(folder, "k.yaml", f"rules:\n  files: {rules}\n  thresholds: {quiet}\n"
                   "  vars:\n    address-groups.OURS: '[10.0.0.0/8]'\n")
    assert ours("-c", config) == {1}
    one_line(run(*replay, "--rules", os.path.join(folder, "none")), 3, "none", "cannot be opened")


def rules_are_tried_on_captures(folder):
    path = write(folder, "t.rules", 'alert dns any any -> any any (msg:"A"; dns.query; content:"example"; sid:1;)\n'
                 'alert tcp any any -> any any (msg:"B"; content:"never there"; metadata:kidoban_test silent; sid:2;)\n')
    capture, scan = recording("first-attack.pcap.zst"), recording("portscan.pcap.zst")
    code, out, errors = run("rules", "test", "--fires", "1", path, capture, scan)
    rows = [line.split("\t") for line in out.decode().splitlines()]
    assert code == 0 and not errors and rows[-1] == ["test: 2 rules, 1 fired, 2 as expected, 0 not"], (code, out, errors)
    assert [r[:2] + r[3:] for r in rows[:-1]] == [["fired", "1", "first-attack.pcap.zst", "A"], ["silent", "2", "-", "B"]], rows
    code, out, _ = run("rules", "test", "-q", "--fires", "2", "--silent", "1", path, capture)
    assert code == 1 and [line.split()[0] for line in out.decode().splitlines()] == ["unexpected", "missing", "test:"], out
    one_line(run("rules", "test", "--fires", "3", "-q", path, scan), 1, "sid 3", "no such rule")
    assert run("rules", "test", path, os.path.join(folder, "none.pcap"))[0] == 3


def a_publisher_s_set_is_taken_and_given_back(folder):
    """From a folder and an archive; sum and signature; a bad one changes nothing; back again."""
    work, sensor = os.path.join(folder, "pub"), os.path.join(folder, "sensor")
    os.makedirs(os.path.join(work, "set"))
    rule = 'alert dns any any -> any any (msg:"A"; dns.query; content:"example"; sid:%d;)\n'
    write(work, "set/a.rules", rule % 1)
    write(work, "set/threshold.config", "suppress gen_id 1, sig_id 1\n")
    write(work, "set/readme.txt", "no rules")
    write(work, "set/names.lst", "ZXhhbXBsZQ==\n")
    archive = os.path.join(work, "s.tar.gz")
    pack = lambda: subprocess.run(["tar", "-C", work, "-czf", archive, "set"], check=True)
    update = lambda *words: run("rules", "update", "--dir", sensor, *words)
    current = lambda: sorted(os.listdir(os.path.join(sensor, "rules/current")))
    code, out, errors = update(os.path.join(work, "set"))
    assert code == 0 and b"1 read, 1 loaded" in out and current() == ["a.rules", "names.lst"], (code, out, errors)
    write(work, "set/b.rules", rule % 2)
    pack()
    assert update(archive)[0] == 0 and current() == ["a.rules", "b.rules", "names.lst", "threshold.config"]
    write(work, "s.tar.gz.sha256", "0" * 64 + "  s.tar.gz\n")
    one_line(update(archive), 1, "SHA-256")
    with open(archive, "rb") as f:
        write(work, "s.tar.gz.sha256", hashlib.sha256(f.read()).hexdigest() + "  s.tar.gz\n")
    private, public = os.path.join(work, "k.pem"), os.path.join(work, "p.pem")
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    one_line(update("--key", public, archive), 1, "not signed")
    subprocess.run(["openssl", "pkeyutl", "-sign", "-inkey", private, "-rawin", "-in", archive, "-out", archive + ".sig"], check=True)
    assert update("--key", public, archive)[0] == 0
    os.unlink(archive + ".sha256")
    with open(archive, "r+b") as f:
        f.truncate(100)
    before = os.readlink(os.path.join(sensor, "rules/current"))
    one_line(update(archive), 1, "archive")
    one_line(update(write(work, "bad.rules", "nonsense\n")), 1, "hardly any")
    assert os.readlink(os.path.join(sensor, "rules/current")) == before
    for _ in range(2):
        assert run("rules", "rollback", "--dir", sensor)[0] == 0
    assert current() == ["a.rules", "names.lst"]
    one_line(run("rules", "rollback", "--dir", sensor), 1, "no earlier set")
    assert len(open(os.path.join(sensor, "rules/log")).readlines()) == 5


def what_was_compiled_is_kept_and_not_believed(folder):
    """The second replay takes it; a damaged or foreign one, or one of other rules, is made anew."""
    path = write(folder, "r.rules", 'alert dns any any -> any any (msg:"A"; dns.query; content:"example"; sid:1;)\n')
    db, kept = os.path.join(folder, "db"), os.path.join(folder, "db/state/rules/current")
    def again():
        code, out, errors = run("replay", "--db", db, "--json", "-", "--rules", path, recording("first-attack.pcap.zst"))
        assert code == 0 and sids_of(out) & {1, 2} == {1}, (code, errors)
        return os.stat(kept).st_ino
    first = again()
    assert os.stat(kept).st_mode & 0o777 == 0o600 and sorted(os.listdir(os.path.dirname(kept))) == ["current", "hits-0"]
    assert again() == first
    with open(kept, "r+b") as f:
        f.seek(200)
        f.write(b"x")
    second = again()
    assert second != first
    os.chmod(kept, 0o666)
    third = again()
    assert third != second and os.stat(kept).st_mode & 0o777 == 0o600
    with open(path, "a") as f:
        f.write('alert dns any any -> any any (msg:"B"; dns.query; content:"nowhere"; sid:2;)\n')
    assert again() != third
    with open(kept, "wb") as f:
        f.write(b"KDRULES1" + b"\xff" * 100)
    again()


def rules_are_checked_listed_and_explained(folder):
    good = 'alert http any any -> any any (msg:"Seen"; http.uri; content:"/a"; classtype:trojan-activity; sid:7; rev:2;)\n'
    bad = "alert http any any -> any any (msg:\"x\"; \\\n  nonsense:1; sid:8;)\n"
    path, packed = write(folder, "a.rules", good + bad), os.path.join(folder, "b.rules.gz")
    with gzip.open(packed, "wb") as f:
        f.write(good.encode())
    code, out, errors = run("rules", "check", path)
    assert code == 1 and out.decode().splitlines()[-1] == "rules: 2 read, 1 loaded, 1 refused", (code, out)
    assert len(errors) == 1 and f"{path}:3:3: unknown keyword: nonsense (sid 8)" in errors[0], errors
    assert "不明なキーワード" in run("rules", "check", path, env=JAPANESE)[2][0]
    assert run("rules", "check", "-q", path)[2] == []
    code, out, errors = run("rules", "check", packed)
    assert code == 0 and out == b"rules: 1 read, 1 loaded, 0 refused\n" and not errors, (code, out, errors)
    assert run("rules", "list", "--text", "seen", packed)[1] == b"7\t2\t1\ttrojan-activity\tSeen\n"
    assert run("rules", "list", "--sid", "9", packed)[0] == 1
    assert "path and query of a web request" in run("rules", "explain", "7", packed)[1].decode()
    assert "Web 要求のパス" in run("rules", "explain", good.strip(), env=JAPANESE)[1].decode()
    os.mkdir(os.path.join(folder, "set"))
    one_line(run("rules", "check", os.path.join(folder, "set")), 3, "no files named")
    write(folder, "set/2.rules", good.replace("sid:7", "sid:70"))
    write(folder, "set/1.rules", good)
    write(folder, "set/notes.txt", "nothing of the kind")
    assert run("rules", "check", os.path.join(folder, "set"))[1] == b"rules: 2 read, 2 loaded, 0 refused\n"
    variables = write(folder, "suricata.yaml", "%YAML 1.1\n---\nvars:\n  address-groups:\n    OURS: '[192.0.2.0/24]'\n"
                      "  port-groups: {WEB: [80, 81]}\nother: [a, {b: c}]\n")
    of_ours = write(folder, "c.rules", "alert tcp any any -> $OURS $WEB (sid:1;)\n")
    assert run("rules", "check", of_ours)[0] == 1 and run("rules", "check", "--vars", variables, of_ours)[0] == 0
    thresholds = write(folder, "threshold.config", "suppress gen_id 1, sig_id 7\nrate_filter gen_id 1, sig_id 7\n")
    one_line(run("rules", "check", "--thresholds", thresholds, packed), 1, "threshold.config:2:1: rate_filter")
    one_line(run("rules", "check", os.path.join(folder, "none.rules")), 3, "none.rules", "cannot be opened")
    both = 'alert tcp any any -> any any (msg:"A sign"; metadata:msg_ja 兆候; content:"x"; sid:5;)'
    assert "兆候" in run("rules", "explain", both, env=JAPANESE)[1].decode() and "A sign" in run("rules", "explain", both)[1].decode()
    one_line(run("rules", "explain", "5", packed), 1, "no such rule")
    for words in ((), ("check",), ("list",), ("explain",), ("fly", path)):
        one_line(run("rules", *words), 2, "rules")


def the_page_of_rules_is_what_the_program_says(folder):
    docs = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs")
    for name, env in (("rules.md", tap.ENGLISH), ("rules.ja.md", JAPANESE)):
        page = open(os.path.join(docs, name), encoding="utf-8").read()
        assert page.endswith(run("rules", "keywords", env=env)[1].decode()), f"docs/{name}: make it anew"


def a_reader_that_has_enough(folder):
    p = subprocess.Popen([KIDOBAN, "replay", "--json", "-", recording("bruteforce.pcap.zst")], env=tap.ENGLISH,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert p.stdout.readline().startswith(b"{")
    p.stdout.close()
    p.wait(60)
    assert p.stderr.read() == b""


def without_namespaces_it_stays_shut(folder):
    """In a user namespace that may have no further network namespaces, as in a strict container."""
    script = 'echo 0 > /proc/sys/user/max_net_namespaces && exec "$@"'
    inside = ["unshare", "--user", "--map-root-user", "sh", "-c", script, "sh"]
    if shutil.which("unshare") is None or subprocess.run([*inside, "true"], capture_output=True).returncode != 0:
        raise Skip("no user namespace to try it in")
    done = subprocess.run([*inside, KIDOBAN, "replay", "--json", "-", recording("selftest.pcap")], env=tap.ENGLISH,
                          capture_output=True, timeout=60)
    assert done.returncode == 3 and b"sandbox: reduced" in done.stderr and done.stdout == b"", done


tap.main([help_is_everywhere, unknown_words, a_replay_is_json_and_ends_with_stats, damaged_captures,
          files_that_cannot_be_read, wrong_configuration, interfaces_that_cannot_be_captured, a_port_in_use,
          directories_that_cannot_be_used, a_full_disk, a_full_disk_under_the_records, records_are_found_again,
          an_attack_is_told_as_one_story, a_network_plan_is_proposed_checked_and_used,
          did_data_leave,
          packets_are_kept_and_sealed, contents_of_files_are_kept, a_package_for_third_parties,
          rules_run_in_a_replay, a_replay_takes_all_that_belongs_to_rules,
          rules_are_tried_on_captures, a_publisher_s_set_is_taken_and_given_back,
          what_was_compiled_is_kept_and_not_believed, rules_are_checked_listed_and_explained,
          the_page_of_rules_is_what_the_program_says, a_reader_that_has_enough,
          without_namespaces_it_stays_shut])
