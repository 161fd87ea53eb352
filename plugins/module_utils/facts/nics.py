# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NICs of the host that namespaces were given: a record of each, where it is now, and its way home.

The record is in /run/virtnet, root's own. In its namespace a container can give a link any name, alias, index, MTU and
MAC, and move it on; so a NIC is known by its number in sysfs alone, which nothing can set (sysfs.device_ids()), and
goes home with what the record says. It is found likewise after its namespace was deleted by hand, when the kernel has
brought it back under whatever name is free.
"""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import messages
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import Request
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.stack import Link, Stack
from ansible_collections.virtnet.linux.plugins.module_utils.system import sysfs

TOPIC = "nics"  # of the memory: by the name at home {id, kind, netns, up, mtu, mac, labels}


def note(device: str, link: Link, netns: str, labels: dict[str, str] | None, is_known: bool, host: Host) -> None:
    """Record, before it moves, that a namespace gets the NIC; how it was at home is recorded when it leaves home.
    ``is_known``: it was found by its record."""
    record = host.memory[TOPIC].get(device)
    if record is None or not is_known:
        identity = sysfs.device_ids(None)[link.name]
        record = host.memory[TOPIC][device] = {"id": identity, "kind": link.kind, **_state(link)}
    record["netns"] = netns
    record["labels"] = labels or {}
    host.memory.save()


def find(device: str, host: Host) -> tuple[Stack, Link] | None:
    """Where a NIC is that was given away, at home perhaps; None for one that was not, or that no namespace with a
    handle has."""
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
    """The NICs that a process in the namespace which was given them has taken elsewhere, with that namespace."""
    return {
        device: record["netns"]
        for device, record in host.memory[TOPIC].items()
        if record["netns"] in host.handles and device not in host.stack(None).links and find(device, host) is None
    }


def about_moved_on(device: str, netns: str) -> str:
    """A warning."""
    return (
        f"interface {device}: it is no longer in namespace {netns}, which was given it, and in no other that has a "
        "name: a process in there has moved it on; it comes back when that process ends"
    )


def given_to(netns: str, host: Host) -> dict[str, Link]:
    """The NICs that are in a namespace, by their names at home."""
    records = host.memory[TOPIC]
    if not records:
        return {}
    names = {number: name for name, number in sysfs.device_ids(netns).items()}
    links = host.stack(netns).links
    held = {device: names.get(record["id"], "") for device, record in sorted(records.items())}
    return {device: links[name] for device, name in held.items() if name in links}


def strays(host: Host) -> dict[str, str]:
    """The NICs that came back by themselves: by the names that they have now, those before they were given away."""
    records: dict[str, dict[str, Any]] = host.memory[TOPIC]
    if not records:
        return {}
    names = {number: name for name, number in sysfs.device_ids(None).items()}
    return {names[record["id"]]: device for device, record in records.items() if record["id"] in names}


def labels(device: str, host: Host) -> dict[str, str]:
    """The labels with which a NIC was given away."""
    return dict(host.memory[TOPIC][device]["labels"])


def send_home(device: str, host: Host) -> None:
    """Bring a NIC back to the host as it left: under the name, with the MTU and the MAC that it had, up if it was up,
    without an alias. Of one that is nowhere the record stays where it is hardware: the kernel may bring it back yet."""
    found, record = find(device, host), host.memory[TOPIC].get(device, {})
    if found is not None:
        _move_home(device, record, *found, host.stack(None))
    if found is not None or record.get("kind") is not None:
        host.memory[TOPIC].pop(device, None)


def _state(link: Link) -> dict[str, Any]:
    return {"up": link.up, "mtu": link.mtu, "mac": link.mac}


def _move_home(device: str, record: dict[str, Any], there: Stack, link: Link, home: Stack) -> None:
    about = "interface %s" % device
    requests = [Request(messages.set_down(link.index), about)]
    changed: messages.Attributes = []  # only what is another now: not every NIC lets itself be set
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
