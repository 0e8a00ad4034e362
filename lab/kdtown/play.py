# SPDX-License-Identifier: Apache-2.0
"""A play: runs acts in hosts, in the foreground or beside, and writes down when what happened."""

import contextlib
import threading
import time

from . import ns, plan, town


class Play:
    """One running scenario."""

    def __init__(self):
        self.events, self.failures = [], []
        self._threads, self._lock = [], threading.Lock()

    def on(self, host, script, check=True, timeout=180):
        """Run script in host; it finds the accounts' password in $TOWN_PASSWORD."""
        return ns.Inside(host).sh(". /etc/town-env\n" + script, check=check, timeout=timeout)[1]

    def put(self, host, path, data):
        """Write a file in host."""
        ns.Inside(host).write(path, data)

    @contextlib.contextmanager
    def event(self, kind, host, target, text_en, text_ja, **facts):
        """Write down one event; its end is when the block (or the work it put beside) ends."""
        record = {
            "kind": kind,
            "host": host,
            "target": target,
            "text_en": text_en,
            "text_ja": text_ja,
            "at": time.time(),
            **facts,
        }
        with self._lock:
            self.events.append(record)
        town.say(f"  {host}: {text_en}")
        yield record
        record["until"] = max(time.time(), record.get("until", 0))

    def background(self, host, script, record):
        """Run script in host beside the play; the event record ends when it ends."""

        def work():
            self.on(host, script, timeout=900)
            record["until"] = time.time()

        self._start(work)

    def beside(self, act, *args, **kw):
        """Run an act beside the play."""
        self._start(lambda: act(self, *args, **kw))

    def _start(self, work):
        def guarded():
            try:
                work()
            except (
                Exception
            ) as error:  # told at the end of the play, where the main thread can raise
                self.failures.append(f"{type(error).__name__}: {error}")

        thread = threading.Thread(target=guarded, daemon=True)
        self._threads.append(thread)
        thread.start()

    def finish(self):
        """Wait for everything beside; raise TownError if any of it failed."""
        while any(t.is_alive() for t in list(self._threads)):
            for thread in list(self._threads):
                thread.join()
        if self.failures:
            raise ns.TownError("in the play: " + "; ".join(self.failures))


def prepare():
    """Put the town back to the morning: PCs off the network, caches empty, files in place."""
    from . import files

    for host in plan.CLIENTS:
        inside = ns.Inside(host.name)
        inside.sh(
            "smbcontrol nmbd shutdown 2>/dev/null; rm -f /tmp/cc_*; dhclient -r -cf"
            " /etc/dhcp/town.conf -lf /var/lib/dhcp/dhclient.leases -pf /run/dhclient.pid eth0; ip -4"
            " addr flush dev eth0; true"
        )
        inside.write("/root/yosan.csv", files.roster())
        inside.write("/root/kanri_tool.exe", files.program())
    outside = ns.Inside("outside")
    outside.write("/srv/bad/seikyu_viewer.exe", files.program())
    outside.write("/srv/update/d/mado-10.4.2.cab", files.update_package())
    ns.Inside("fs1").sh(
        "find /srv -type f -delete; smbcontrol smbd close-share '*' >/dev/null 2>&1; true"
    )
    ns.Inside("ns1").sh("unbound-control -c /etc/unbound/town.conf flush_zone . >/dev/null")
    ns.Inside("mail1").sh("rm -f /var/mail/town/*")
    for name in ("router", *(h.name for h in plan.HOSTS)):
        ns.Inside(name).sh("ip neigh flush all", check=False)
    time.sleep(1)
