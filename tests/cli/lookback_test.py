# SPDX-License-Identifier: Apache-2.0
"""An object added by command to a running sensor: the past is searched, and what was found is told on the page."""
import tap
from page import Sensor, detections
from supervisor import wait_for
from tap import run


OFTEN = "www.shinbun.example"  # asked for every few seconds in the recording, from its beginning to its end


def who_met_it_before_is_told(folder):
    s = Sensor(folder, "back")
    seen = lambda: s.page("GET", f"/sightings?value={OFTEN}")["items"]
    wait_for(seen, 200, "the name is among the sightings (blocks are sealed and counted by the minute)")
    hosts = {one["host"] for one in seen()}
    status, _, errors = run("object", "add", "domain", OFTEN, "--reason", "bulletin", "--dir", s.dir)
    assert status == 0, errors
    told = lambda: {d["detection"]["host"] for d in detections(s.page, q="KD-CO-0020")}
    wait_for(lambda: told() >= hosts, 30, "each host that met it is told of")
    one = s.page("GET", "/objects")["items"][0]
    assert one["value"] == OFTEN and one["source"] == "command" and one["look_back"] == "done", one
    assert {m["host"] for m in one["meetings"]} >= hosts, (one, hosts)
    # And it is watched for from now on: the recording comes round.
    wait_for(lambda: s.page("GET", "/objects")["items"][0]["hits"] > 0, 120, "met again")
    status, _, errors = run("object", "expire", str(one["id"]), "--dir", s.dir)
    assert status == 0, errors
    wait_for(lambda: s.page("GET", "/objects")["items"][0]["state"] == "expired", 5, "the end of the watch")
    s.end()


tap.main([who_met_it_before_is_told])
