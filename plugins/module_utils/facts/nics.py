# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NICs of the host that were moved into namespaces: a record of each, its current namespace, and its return.

The record is in the runtime state (/run/virtnet, writable by root only). A container can change the name, alternative
names, alias, index, MTU and MAC of a NIC in its namespace, and move it on. So a NIC is identified by its sysfs inode,
which no process can set (sysfs.device_ids()), and its recorded settings are restored on return. The kernel moves no
link one of whose alternative names is in use in the other namespace (__dev_change_net_namespace() in net/core/dev.c,
since Linux 6.6). The same identifies it after its namespace
was deleted out of band, when the kernel has moved it back under any free name.
"""

from __future__ import annotations

import errno
import os
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import messages
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.link import Link
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import Request
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.stack import Stack
from ansible_collections.virtnet.linux.plugins.module_utils.system import sysfs

TOPIC = "nics"  # of the runtime state: {id, kind, netns, up, mtu, mac, altnames, labels} by the name on the host


def note(device: str, link: Link, netns: str, labels: dict[str, str] | None, is_known: bool, host: Host) -> None:
    """Record that a NIC is about to be moved into a namespace; its settings on the host are recorded when it leaves the
    host. ``is_known``: it was found by its record."""
    record = host.memory[TOPIC].get(device)
    if record is None or not is_known:
        identity = sysfs.device_ids(None)[link.name]
        record = host.memory[TOPIC][device] = {"id": identity, "kind": link.kind, **_state(link)}
    record["netns"] = netns
    record["labels"] = labels or {}
    host.memory.save()


def find(device: str, host: Host) -> tuple[Stack, Link] | None:
    """Return the current namespace's stack and the link of a NIC that was moved into a namespace (perhaps back on the
    host); None for one that was not, or that is in no namespace with a handle."""
    record = host.memory[TOPIC].get(device)
    if record is None:
        return None
    given = [record["netns"]] if record["netns"] in host.handles else []
    joined = {name for name, held in host.memory["handles"].items() if held.get("join") is not None}
    elsewhere = [name for name in host.handles if name not in given and name not in joined]
    for netns in [*given, None, *elsewhere]:
        for name, number in sysfs.device_ids(netns).items():
            if number == record["id"]:
                link = host.stack(netns).links.get(name)
                return None if link is None else (host.stack(netns), link)
    return None


def moved_on(host: Host) -> dict[str, str]:
    """Return the NICs that a process has moved out of the namespace they were moved into, with that namespace."""
    return {
        device: record["netns"]
        for device, record in host.memory[TOPIC].items()
        if record["netns"] in host.handles and device not in host.stack(None).links and find(device, host) is None
    }


def about_moved_on(device: str, netns: str) -> str:
    """Format the warning for a NIC of moved_on()."""
    return (
        f"interface {device}: it is no longer in namespace {netns}, which was given it, and in no other that has a "
        "name: a process in there has moved it on; it comes back when that process ends"
    )


def given_to(netns: str, host: Host) -> dict[str, Link]:
    """Return the NICs that are in a namespace, by their names on the host."""
    records = host.memory[TOPIC]
    if not records:
        return {}
    names = {number: name for name, number in sysfs.device_ids(netns).items()}
    links = host.stack(netns).links
    held = {device: names.get(record["id"], "") for device, record in sorted(records.items())}
    return {device: links[name] for device, name in held.items() if name in links}


def strays(host: Host) -> dict[str, str]:
    """Return the NICs that the kernel moved back to the host: current name to recorded name."""
    records: dict[str, dict[str, Any]] = host.memory[TOPIC]
    if not records:
        return {}
    names = {number: name for name, number in sysfs.device_ids(None).items()}
    return {names[record["id"]]: device for device, record in records.items() if record["id"] in names}


def altnames_given(device: str, link: Link, host: Host) -> list[str]:
    """Return the alternative names that a NIC on the host got from a container, in the namespace that it was in."""
    record = host.memory[TOPIC].get(device, {})
    if "altnames" not in record or not link.altnames or sysfs.device_ids(None).get(link.name) != record["id"]:
        return []
    return [name for name in link.altnames if name not in record["altnames"]]


def without_altnames(device: str, link: Link, name: str, host: Host) -> list[Request]:
    """Return requests that delete the alternative names that must not move with a NIC: those of altnames_given(), and
    its new name, which the kernel would reject as taken."""
    to_remove = {*altnames_given(device, link, host), *({name} & set(link.altnames))}
    return _delete_altnames(link, sorted(to_remove), "interface " + device)


def labels(device: str, host: Host) -> dict[str, str]:
    """Return the recorded labels of a NIC."""
    return dict(host.memory[TOPIC][device]["labels"])


def return_to_host(device: str, host: Host) -> None:
    """Move a NIC back to the host and restore its name, MTU, MAC and up state, without an alias. The record of a
    physical NIC that is not found is kept: the kernel may still move it back."""
    found, record = find(device, host), host.memory[TOPIC].get(device, {})
    if found is not None:
        _move_home(device, record, *found, host.stack(None))
    if found is not None or record.get("kind") is not None:
        host.memory[TOPIC].pop(device, None)


def _state(link: Link) -> dict[str, Any]:
    return {"up": link.up, "mtu": link.mtu, "mac": link.mac, "altnames": link.altnames}


def _delete_altnames(link: Link, names: list[str], about: str) -> list[Request]:
    # a name that is not UTF-8 cannot be given here, and conflicts with none of the host
    gone = (errno.ENOENT, errno.EINVAL)
    return [Request(messages.delete_altname(link.index, name), about, gone) for name in names]


def _move_home(device: str, record: dict[str, Any], there: Stack, link: Link, home: Stack) -> None:
    about = "interface %s" % device
    recorded: list[str] = record.get("altnames", link.altnames)
    used = {device, *(name for other in home.links.values() for name in (other.name, *other.altnames))}
    if there.name is None:
        used -= {link.name, *link.altnames} - {device}
    kept = [name for name in recorded if name not in used]
    requests = _delete_altnames(link, [name for name in link.altnames if name not in kept], about)
    requests.append(Request(messages.set_down(link.index), about))
    changed: messages.Attributes = []  # only what differs: not every driver supports a change
    if record["mtu"] != link.mtu:
        changed.append(("IFLA_MTU", record["mtu"]))
    if record["mac"] not in (None, link.mac):
        changed.append(("IFLA_ADDRESS", record["mac"]))
    if changed:
        requests.append(Request(messages.change_link(link.name, changed), about))
    if there.name is not None:
        own = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            there.send([*requests, Request(messages.move_link(link.index, device, own), about)])
        finally:
            os.close(own)
    else:
        home.send([*requests, Request(messages.rename_link(link.index, device), about)])
    home.send([Request(messages.change_link(device, [("IFLA_IFALIAS", "")], up=record["up"] or None), about)])
    there.forget()
    home.forget()
    lost = [name for name in kept if name not in link.altnames]
    if lost:
        index = home.links[device].index
        home.send([Request(messages.add_altname(index, name), about, (errno.EEXIST,)) for name in lost])
        home.forget()
