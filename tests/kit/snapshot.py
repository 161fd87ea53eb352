# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that a run could change on a host, in a form that can be compared: taken by a process that is in it."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kit.namespaces import inside

# What the kernel changes by itself, or learns a moment later.
PASSING = ("operstate", "hello_timer", "gc_timer", "tcn_timer", "topology_change_timer", "valid_life_time",
           "preferred_life_time", "message_age_timer", "forward_delay_timer", "hold_timer", "state", "fdb_n_learned",
           "topology_change", "link_index", "tentative", "packets", "bytes", "tso_max_size",
           "tso_max_segs", "gso_max_size", "gso_max_segs", "gro_max_size")  # fmt: skip
# What is written to survive a reboot, where tests write it on disks of their own (robust/engine.py).
DISK = ("/var/lib/virtnet", "/usr/local/sbin/virtnet", "/etc/systemd/system/virtnet*", "/etc/systemd/system/*/virtnet*")
OVS = "/run/openvswitch"
# Tables of Open vSwitch's database, and the columns that are configuration.
OVS_TABLES = {
    "bridge": "name,datapath_type,fail_mode,other_config,external_ids,protocols,stp_enable",
    "port": "name,tag,trunks,vlan_mode,protected,other_config,external_ids",
    "interface": "name,type,options,ofport_request,mac,mtu_request,other_config,external_ids",
}
ASKED = "address\nroute show table all\nneighbour show nud permanent\n"
OWN = frozenset({"UP", "BROADCAST", "MULTICAST", "LOOPBACK", "NOARP", "PROMISC"})  # flags that are set, not derived


def take() -> dict[str, Any]:
    """The snapshot: a dictionary by topic."""
    return {
        "stacks": {netns or "": _stack(netns) for netns in [None, *_handles()]},
        "nftables": list(_tables()),
        "mounts": sorted(_mounts()),
        "run": {path: held for path, held in _files(Path("/run")) if not path.startswith(OVS)},
        "switches": _switches() if os.path.exists(OVS + "/db.sock") else {},
        "etc": {
            **({"/etc/netns": "directory"} if Path("/etc/netns").exists() else {}),
            **dict(_files(Path("/etc/netns"))),
        },
        "disk": sorted(found for pattern in DISK for found in glob.glob(pattern)),
        "processes": _processes(),
    }


def same(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Assert that two snapshots are alike; what differs is in the error."""
    __tracebackhide__ = True
    different = "\n".join(_differences("", before, after))
    if different:
        raise AssertionError(different)


def _differences(path: str, before: Any, after: Any) -> Any:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(set(before) | set(after), key=str):
            yield from _differences("%s %s" % (path, key), before.get(key), after.get(key))
    elif isinstance(before, list) and isinstance(after, list):
        yield from ("%s: gone: %s" % (path, _short(one)) for one in before if one not in after)
        yield from ("%s: new: %s" % (path, _short(one)) for one in after if one not in before)
    elif before != after:
        yield "%s: %s -> %s" % (path, _short(before), _short(after))


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) < 300 else text[:300] + " ..."


def _handles() -> list[str]:
    """The names below /run/netns that hold a namespace."""
    device = os.stat("/proc/self/ns/net").st_dev
    found = Path("/run/netns").iterdir() if os.path.isdir("/run/netns") else ()
    return sorted(path.name for path in found if path.stat().st_dev == device)


def _stack(netns: str | None) -> dict[str, Any]:
    """A namespace's links, routes, permanent neighbours, rules and sysctls, with as few processes as can be: a test
    takes many snapshots."""
    with inside(netns):
        output = _run("ip", "-json", "-details", "-batch", "-", text=ASKED + "rule\n")
        rules6 = _json("ip", "-6", "-json", "rule")  # no family can be given inside a batch
        sysctls = dict(_sysctls())
    links, routes, neighbours, rules = (json.loads(line) for line in output.splitlines())
    kept = [
        _without(route, "flags")
        for route in routes
        # a link's own fe80::/64 and ff00::/8 come when it finds its carrier
        if not (route.get("protocol") == "kernel" and ":" in route["dst"])
    ]
    by_name = {link["ifname"]: _link(link) for link in links}
    permanent = sorted(neighbours, key=str)
    return {
        "links": by_name,
        "routes": sorted(kept, key=str),
        "neighbours": permanent,
        "rules": [rules, rules6],
        "sysctls": sysctls,
    }


def _switches() -> dict[str, Any]:
    """What Open vSwitch is configured with, and the flows of each bridge."""
    found: dict[str, Any] = {}
    for table, columns in OVS_TABLES.items():
        listed = _run("ovs-vsctl", "--no-wait", "--timeout=5", "--format=csv", "--columns=" + columns, "list", table)
        found[table] = sorted(listed.splitlines())
    for bridge in _run("ovs-vsctl", "--no-wait", "--timeout=5", "list-br").split():
        shown = _run("ovs-ofctl", "-O", "OpenFlow14", "--no-stats", "--no-names", "dump-flows", bridge)
        found["flows of " + bridge] = sorted(shown.splitlines())
    return found


def _link(link: dict[str, Any]) -> Any:
    link["flags"] = sorted(OWN & set(link["flags"]))
    link["addr_info"] = sorted((_without(address, "flags") for address in link["addr_info"]), key=str)
    return _without(link)


def _sysctls() -> Iterator[tuple[str, bytes]]:
    """Every file below /proc/sys/net that is the namespace's own and stays as it is by itself."""
    folders = ["/proc/sys/net"]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir():
                    folders += [entry.path] if entry.name not in ("netfilter", "neigh") else []
                elif not entry.name.startswith("nf_conntrack_"):  # with the first use of the module on the machine
                    with contextlib.suppress(OSError):  # some are for writing only
                        yield entry.path, _content(entry.path)


def _content(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, 4096)
    finally:
        os.close(descriptor)


def _mounts() -> list[str]:
    """Mount points, what is mounted, and whether it is shared; not the numbers, which are other ones each time."""
    with open("/proc/self/mountinfo") as file:
        lines = [line.split() for line in file]
    return [
        "%s on %s%s" % (f[3], f[4], " shared" if any(w.startswith("shared:") for w in f[6:]) else "") for f in lines
    ]


def _files(directory: Path) -> Any:
    for path in sorted(directory.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            yield str(path), "directory"
        elif path.is_file() and path.stat().st_dev == directory.stat().st_dev:
            yield str(path), path.read_text(errors="replace")
        else:
            yield str(path), "inode %d" % path.lstat().st_ino


def _processes() -> dict[int, str]:
    """All but this one and the one that it was forked from, which is of the same session."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) not in (1, os.getpid()):
            found[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
    return found


def _tables() -> Iterator[str]:
    """The text of each nftables table, without counters: as JSON nft 1.0.6 cannot list a dormant one."""
    for line in _run("nft", "list", "tables").splitlines():
        yield _run("nft", "-s", "list", *line.split())


def _json(*command: str) -> Any:
    return json.loads(_run(*command) or "[]")


def _run(*command: str, text: str | None = None) -> str:
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def _without(value: Any, *names: str) -> Any:
    """A tree of dictionaries and lists without what passes, and without keys of these names."""
    if isinstance(value, dict):
        return {key: _without(one, *names) for key, one in value.items() if key not in PASSING and key not in names}
    if isinstance(value, list):
        return [_without(one, *names) for one in value]
    return value
