# SPDX-License-Identifier: Apache-2.0
"""Each role is killed in the middle of its work: it comes back, says so, and nothing that was whole is lost."""
import os
import signal
import time

import tap
from supervisor import children, kill_and_wait, read_lines, start, wait_for
from tap import recording, records, run

CAPTURE = "bruteforce.pcap.zst"  # 15 s long


def flows_of_engine_1(rs):
    """The upper bits of a flow's number are its engine's."""
    return sorted((r["src_ip"], r.get("src_port"), r["dest_ip"], r.get("dest_port"), r["flow"]["pkts_toserver"])
                  for r in rs if r["event_type"] == "flow" and r["flow_id"] >> 46 == 1)


def every_role_comes_back(folder):
    out = folder + "/out.json"
    p = start("replay", "--realtime", "--engines", "2", "--json", out, recording(CAPTURE))
    wait_for(lambda: len(children(p.pid)) == 5, 10, "five roles")
    killed = []
    for role in ("engine 0", "brain", "store"):
        time.sleep(1.5)
        before = read_lines(out)
        took = kill_and_wait(p, role)
        killed.append(role)
        print(f"# {role} back after {took:.2f} s")
        assert read_lines(out)[:len(before)] == before, "what was written has changed"
        count = len(before)
        wait_for(lambda: len(read_lines(out)) > count, 10, f"no record after the death of {role}")
    _, errors = p.communicate(timeout=60)
    assert p.returncode == 0, (p.returncode, errors)
    rs = read_lines(out)
    health = [r["health"] for r in rs if r["event_type"] == "health"]
    for role in killed:
        mine = [h for h in health if h.get("role") == role]
        assert any(h["kind"] == "role_exit" and "signal 9" in h["text"]["en"] and "9" in h["text"]["ja"]
                   for h in mine), (role, mine)
        assert any(h["kind"] == "role_start" and h.get("restarts") == 1 for h in mine), (role, mine)
    # Engine 1 lived all the time, and the edges with it: each of its flows is there.
    whole = records(run("replay", "--engines", "2", "--json", "-", recording(CAPTURE))[1])
    expected, found = flows_of_engine_1(whole), flows_of_engine_1(rs)
    missing = [f for f in expected if f not in found]
    assert len(expected) > 20 and not missing, (len(expected), missing)
    assert len(errors.splitlines()) == len(killed), errors


def what_ends_again_and_again_is_given_up(folder):
    p = start("replay", "--realtime", "--json", "/dev/null", recording("workday.pcap.zst"))
    wait_for(lambda: len(children(p.pid)) == 4, 10, "four roles")
    for _ in range(9):
        try:
            wait_for(lambda: "brain" in children(p.pid), 30, "brain")
            os.kill(children(p.pid)["brain"], signal.SIGKILL)
        except (AssertionError, KeyError, FileNotFoundError):
            break
        time.sleep(0.1)
        if not_restarted(p):
            break
    p.send_signal(signal.SIGTERM)
    _, errors = p.communicate(timeout=60)
    assert b"again and again" in errors and p.returncode == 3, (p.returncode, errors)


def not_restarted(p):
    """Longer than any wait between restarts of the first seven deaths (0.2 s doubled six times)."""
    end = time.monotonic() + 14
    while time.monotonic() < end:
        if "brain" in children(p.pid):
            return False
        time.sleep(0.05)
    return True


def a_term_ends_all_in_order(folder):
    out = folder + "/term.json"
    p = start("replay", "--realtime", "--json", out, recording(CAPTURE))
    wait_for(lambda: len(children(p.pid)) == 4, 10, "four roles")
    time.sleep(2)
    p.send_signal(signal.SIGTERM)
    _, errors = p.communicate(timeout=10)
    assert p.returncode == 0 and not errors, (p.returncode, errors)
    rs = records(open(out, "rb").read())
    assert rs[-1]["event_type"] == "stats" and rs[-1]["stats"]["packets"] > 0


def a_hup_reads_the_configuration_anew(folder):
    config = folder + "/hup.yaml"

    def write(days):
        with open(config, "w") as f:
            f.write(f"retention: {{days: {days}}}\nweb: {{listen: 'off'}}\n")

    write(10)
    p = start("run", "-c", config, "--dir", folder + "/hup.d", "--demo", recording(CAPTURE))
    wait_for(lambda: run("status", "--dir", folder + "/hup.d")[0] == 0, 10, "all running")
    before = children(p.pid)
    write(20)
    p.send_signal(signal.SIGHUP)
    wait_for(lambda: children(p.pid).get("store", before["store"]) != before["store"], 10, "a new store")
    wait_for(lambda: run("status", "--dir", folder + "/hup.d")[0] == 0, 10, "all running again")
    after = children(p.pid)
    assert after["engine 0"] == before["engine 0"], "the engine's configuration did not change"
    write("many")
    p.send_signal(signal.SIGHUP)
    time.sleep(1)
    assert children(p.pid) == after, "a wrong configuration changes nothing"
    p.send_signal(signal.SIGTERM)
    _, errors = p.communicate(timeout=20)
    assert p.returncode == 0 and b"hup.yaml:1:" in errors and b"stays as it was" in errors, (p.returncode, errors)
    assert run("verify", folder + "/hup.d")[0] == 0


def children_do_not_outlive_their_parent(folder):
    p = start("replay", "--realtime", "--json", "/dev/null", recording(CAPTURE))
    wait_for(lambda: len(children(p.pid)) == 4, 10, "four roles")
    pids = list(children(p.pid).values())
    p.kill()
    p.wait()
    wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), 5, "orphans")


tap.main([every_role_comes_back, a_term_ends_all_in_order, a_hup_reads_the_configuration_anew,
          children_do_not_outlive_their_parent, what_ends_again_and_again_is_given_up])
