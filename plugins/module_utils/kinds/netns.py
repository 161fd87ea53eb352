# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network namespaces: one for each container, with a handle in /run/netns."""

from __future__ import annotations

import contextlib
import functools
import os
import socket
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.facts import nics, options
from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.facts.ownership import (
    host_ends,
    is_managed,
    namespace_labels,
)
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action, difference
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Netns
from ansible_collections.virtnet.linux.plugins.module_utils.model.phases import Phase
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import messages, namespaces
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import Request
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.stack import LOOPBACK_INDEX
from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip, names
from ansible_collections.virtnet.linux.plugins.module_utils.system import sysctls

KIND = "netns"

# True: as Docker sets in each container, any user binds every port and pings; False: the kernel's defaults
# (net/ipv4/af_inet.c, net/ipv4/ping.c). The group range applies to ICMPv6 too.
_UNPRIVILEGED = {
    True: {"net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647"},
    False: {"net.ipv4.ip_unprivileged_port_start": "1024", "net.ipv4.ping_group_range": "1 0"},
}

_LOOPBACK = (ip.packed("127.0.0.1"), ip.packed("::1"))
HOST = "host"  # join: the host's own namespace


def check(desired: Netns, host: Host, problems: options.Checks) -> None:
    """Validate one namespace; reject changes to a handle that this collection does not manage, and replacing a
    namespace in which processes run."""
    name = desired.name
    problems.object_name(KIND, name, "name", name)
    if not names.is_object_name(name):
        return
    if not desired.is_present:
        _check_absent(desired, host, problems)
        return
    problems.labels(KIND, name, desired.labels)
    _check_sysctls(desired, host, problems)
    if desired.unprivileged_ports is not None and not _is_own(desired):
        rule = "is set in a namespace of its own only; leave it out, and set sysctls where the namespace is made"
        problems.add(KIND, name, "unprivileged_ports", desired.unprivileged_ports, rule)
    if desired.join is not None and desired.pid is not None:
        problems.add(KIND, name, "join", desired.join, "give either join or pid, not both")
    else:
        _check_pid(desired, host, problems)
    _check_join(desired, host, problems)
    if name in host.handles and not is_managed(host, name):
        if not desired.adopt:
            problems.foreign(KIND, name)
        elif host.handles[name] == host.own_inode and _is_own(desired):
            problems.add(KIND, name, "adopt", True, "this is the host's own namespace: adopt it with join: host")
    if name in host.handles and _wrong_namespace(desired, host):
        field = "join" if desired.join is not None else "pid"
        _check_processes(desired, field, "put another in its place", host, problems)


def identities(desired: Netns) -> list[tuple[Any, ...]]:
    """Return the keys that must be unique in a document."""
    return [("namespace", desired.name)]


def predict(desired: Netns, host: Host) -> None:
    """Record in ``host`` that the namespace is to be created or deleted."""
    if desired.is_present:
        host.namespaces_to_create[desired.name] = desired
        inode = None if desired.pid is None else namespaces.inode_of_pid(desired.pid)
        if inode is not None:
            host.given_by_processes.setdefault(inode, desired.name)
    else:
        host.namespaces_to_delete.add(desired.name)


def replaced(host: Host) -> list[str]:
    """Return the names that are to get another namespace, so that links in the old one are deleted."""
    return [
        name
        for name, desired in host.namespaces_to_create.items()
        if name in host.handles and _wrong_namespace(desired, host)
    ]


def plan(desired: Netns, host: Host) -> list[Action[Netns]]:
    """Return the actions that bring one namespace to its desired state; none if it already is (idempotent)."""
    name = desired.name
    if not desired.is_present:
        there = name in host.handles or namespaces.is_leftover(name)
        return [Action(Phase.DELETE_CONTAINERS, "delete", KIND, name, _shown(host, name), {}, desired)] if there else []
    asked = desired.values("join", "pid", "forwarding", "labels")
    asked["sysctls"] = desired.sysctls or None
    if name not in host.handles:
        asked["unprivileged_ports"] = desired.unprivileged_ports
        return [
            Action(
                Phase.NAMESPACES,
                "create",
                KIND,
                name,
                {},
                {key: value for key, value in asked.items() if value is not None},
                desired,
            )
        ]
    moved = _wrong_namespace(desired, host)
    if moved:
        return [
            Action(
                Phase.NAMESPACES,
                "replace",
                KIND,
                name,
                {"join": moved},
                {"join": desired.join or "own namespace"},
                desired,
            )
        ]
    del asked["join"], asked["pid"]
    if not is_managed(host, name):
        asked["labels"] = asked["labels"] or {}
    asked["lo"] = None if name in host.memory["handles"] else "up"
    before, after = difference(asked, _found(desired, host))
    return [Action(Phase.NAMESPACES, "change", KIND, name, before, after, desired)] if after else []


def apply(actions: list[Action[Netns]], host: Host) -> None:
    """Create, change and replace namespaces, shared ones after those that they join. Sysctls are set by
    apply_sysctls()."""
    making = [action for action in actions if action.verb in ("create", "replace")]
    is_new = bool(making) and not namespaces.share_directory()
    if is_new:
        host.memory["netns_directory"]["made"] = True
    _remember(making, host)
    if is_new:
        namespaces.prepare_directory()
    for action in sorted(making, key=lambda action: action.desired.join not in (None, HOST)):
        _make(action, host)
    for action in actions:
        if action.verb == "change" and ("labels" in action.after or "lo" in action.after):
            if "labels" in action.after and action.desired.unprivileged_ports is not None:
                with namespaces.entered(action.name):  # first: a killed run leaves a difference in labels
                    _set_unprivileged_ports(action.desired)
            _change(action.desired, host)


def apply_sysctls(actions: list[Action[Netns]], host: Host) -> None:
    """Set the desired sysctls inside the namespaces; last, because net.ipv4.conf.eth0.* needs eth0."""
    for action in actions:
        values = sysctls_of(action.desired)
        if action.verb == "delete" or not values:
            continue
        with namespaces.entered(action.name):
            for key, value in values.items():
                if sysctls.read(key) != value:
                    sysctls.write(key, value)


def return_nics(actions: list[Action[Netns]], host: Host) -> None:
    """Move NICs back from namespaces to be deleted; the kernel would too, but keeps the names that they have there."""
    to_delete = {action.name for action in actions}
    for device in [device for device, record in host.memory[nics.TOPIC].items() if record["netns"] in to_delete]:
        nics.return_to_host(device, host)


def held(actions: list[Action[Netns]], host: Host) -> list[Action[Netns]]:
    """Return the deletions whose namespace stays, with its links, because a process or another handle holds it."""
    to_delete = [action for action in actions if action.name not in host.memory["handles"]]
    if not to_delete:
        return []
    names = {action.name for action in actions}
    elsewhere = {inode for name, inode in host.handles.items() if name not in names}
    return [
        action
        for action in to_delete
        if host.handles.get(action.name) in elsewhere or (action.desired.force and host.processes(action.name))
    ]


def links(actions: list[Action[Netns]], staying: list[Action[Netns]], host: Host) -> list[tuple[str | None, str]]:
    """Return the links deleted with namespaces, as (namespace, name): the host's ends, and in namespaces that stay the
    ends of pairs to other managed namespaces."""
    found: list[tuple[str | None, str]] = [(None, end) for end in host_ends(host, [action.name for action in actions])]
    for action in staying:
        others = [name for name in host.handles if name != action.name and is_managed(host, name)]
        for link in host.stack(action.name).links.values():
            if link.kind == "veth" and any(host.is_peer_in(link, action.name, other) for other in others):
                found.append((action.name, link.name))
    return found


def delete(actions: list[Action[Netns]], host: Host) -> None:
    """Delete handles."""
    if not actions:
        return
    for action in actions:
        host.drop(action.name)
        namespaces.delete(action.name)
        for topic in ("handles", "namespaces"):
            host.memory[topic].pop(action.name, None)
    host.handles = namespaces.handles()


def tidy(host: Host) -> None:
    """Delete /run/netns after its last handle, if this collection created it; at the end of each run, so that it also
    cleans up after a run that was killed."""
    if not host.handles and namespaces.remove_directory():
        host.memory["netns_directory"].clear()


def _check_absent(desired: Netns, host: Host, problems: options.Checks) -> None:
    name = desired.name
    if name not in host.handles:
        return
    if not is_managed(host, name) and not desired.adopt:
        problems.add(KIND, name, "state", "absent", "is not managed by virtnet.linux; set adopt: true to delete it")
    else:
        _check_processes(desired, "state", "take their links away", host, problems)


def _check_processes(desired: Netns, field: str, effect: str, host: Host, problems: options.Checks) -> None:
    """Reject deleting or replacing a namespace in which processes run, without ``force``: where this collection created
    it, they would lose their links."""
    name = desired.name
    if name in host.memory["handles"] or desired.force:
        return
    pids = ", ".join(map(str, host.processes(name)))
    if pids:
        rule = "processes run in the namespace (pid %s): end them, or %s with force: true" % (pids, effect)
        problems.add(KIND, name, field, getattr(desired, field), rule)


def _check_sysctls(desired: Netns, host: Host, problems: options.Checks) -> None:
    name, join = desired.name, desired.join
    for key, value in (desired.sysctls or {}).items():
        if not sysctls.is_key(key):
            problems.add(KIND, name, "sysctls", key, "only net.* sysctls belong to a namespace")
            continue
        if not sysctls.is_known(key):
            problems.add(KIND, name, "sysctls", key, "this host's kernel has no such sysctl")
            continue
        if key.replace("/", ".") in names.FORWARDING and desired.forwarding not in (None, _word(value) != "0"):
            rule = "contradicts forwarding; leave one of the two out"
            problems.add(KIND, name, "sysctls." + key, value, rule)
        link = names.link_of_sysctl(key)
        place = name if join is None else None if join == HOST else join
        if link not in (None, "lo") and host.is_known_namespace(place) and not host.will_have_link(str(link), place):
            problems.refer(KIND, name, "sysctls." + key, link, "link")


def _check_join(desired: Netns, host: Host, problems: options.Checks) -> None:
    name, join = desired.name, desired.join
    if join is None or join == HOST:
        return
    if join == name:
        problems.add(KIND, name, "join", join, "a namespace cannot join itself")
    elif not host.is_known_namespace(join):
        problems.refer(KIND, name, "join", join, "namespace", host.known_namespaces())
    elif join in host.namespaces_to_create and host.namespaces_to_create[join].join not in (None, HOST):
        problems.add(
            KIND, name, "join", join, "it joins {} itself: join that one".format(host.namespaces_to_create[join].join)
        )


def _check_pid(desired: Netns, host: Host, problems: options.Checks) -> None:
    name, pid = desired.name, desired.pid
    if pid is None:
        return
    inode = namespaces.inode_of_pid(pid)
    if inode is None:
        problems.add(KIND, name, "pid", pid, "no process has this pid")
    elif inode == host.own_inode:
        rule = (
            "this process is in the host's own namespace, so that the host would get the container's links and routes: "
            "give one in a namespace of its own, or share the host's (network_mode: host, or join: host)"
        )
        problems.add(KIND, name, "pid", pid, rule)
    else:
        holder = _holder(inode, name, host)
        if holder is not None:
            rule = "its namespace is {0}'s already: join that (network_mode: container:{0}, or join: {0})"
            problems.add(KIND, name, "pid", pid, rule.format(holder))


def _holder(inode: int, name: str, host: Host) -> str | None:
    """Return another managed name, not one that joins, whose namespace this is; None if there is none."""
    declared = host.given_by_processes.get(inode, name)
    if declared != name:
        return declared
    for other, held in host.handles.items():
        if held == inode and other != name and other not in host.namespaces_to_delete and is_managed(host, other):
            if (host.memory["handles"].get(other) or {}).get("join") is None:
                return other
    return None


def _wrong_namespace(desired: Netns, host: Host) -> str | None:
    """Return which namespace the handle holds if it is not the desired one; None if it is."""
    held, remembered = host.handles[desired.name], host.memory["handles"].get(desired.name) or {}
    join, pid = desired.join, desired.pid
    if join is not None:
        target = host.own_inode if join == HOST else host.handles.get(join)
        stays = held == target and not _is_replaced(join, host)
        return None if stays else remembered.get("join") or "own namespace"
    if pid is not None:
        return None if held == namespaces.inode_of_pid(pid) else remembered.get("join") or "own namespace"
    return remembered.get("join")


def _is_replaced(joined: str, host: Host) -> bool:
    """Return whether a joined name gets another namespace in this run, to which those that join it have to follow."""
    desired = host.namespaces_to_create.get(joined)
    if desired is None or desired.join not in (None, HOST) or joined not in host.handles:
        return False
    return _wrong_namespace(desired, host) is not None


def _found(desired: Netns, host: Host) -> dict[str, Any]:
    name = desired.name
    found: dict[str, Any] = {"labels": namespace_labels(host, name)}
    loopback, lacks = host.stack(name).loopback, _lacking(name, host)
    is_up = loopback is not None and loopback.up
    found["lo"] = "down" if not is_up else f"without {' '.join(lacks)}" if lacks else "up"
    if not sysctls_of(desired):
        return found
    with namespaces.entered(name):
        found["forwarding"] = all(sysctls.read(key) in ("1", None) for key in sysctls.FORWARDING.values())
        if desired.forwarding is False and any(sysctls.read(key) == "1" for key in sysctls.FORWARDING.values()):
            found["forwarding"] = True
        asked = {key: _word(value) for key, value in (desired.sysctls or {}).items()}
        now = {key: sysctls.read(key) for key in asked}
    found["sysctls"] = desired.sysctls if now == asked or _are_said_otherwise(now, asked) else now
    return found


def _are_said_otherwise(now: dict[str, str | None], asked: dict[str, str]) -> bool:
    there = {key: value for key, value in now.items() if value is not None}
    with namespaces.scratch("probing sysctl names"):
        return len(there) == len(asked) and sysctls.are_said_otherwise(there, asked)


def _shown(host: Host, name: str) -> dict[str, Any]:
    if name not in host.handles:
        return {}
    remembered = host.memory["handles"].get(name)
    return {"labels": namespace_labels(host, name), **({"join": remembered.get("join")} if remembered else {})}


def sysctls_of(desired: Netns) -> dict[str, str]:
    """Return the desired sysctls in the kernel's notation, forwarding among them."""
    values = {key: _word(value) for key, value in (desired.sysctls or {}).items()}
    if desired.forwarding is not None:
        values.update({key: str(int(desired.forwarding)) for key in sysctls.FORWARDING.values()})
    return values


def _word(value: object) -> str:
    return " ".join(str(int(value) if isinstance(value, bool) else value).split())


def _make(action: Action[Netns], host: Host) -> None:
    desired, name = action.desired, action.name
    if action.verb == "replace" or namespaces.is_leftover(name):
        host.drop(name)
        namespaces.delete(name)
    if desired.join is not None:
        namespaces.give_name(name, "/proc/self/ns/net" if desired.join == HOST else namespaces.path(desired.join))
        host.note_handle(name)
    elif desired.pid is not None:
        namespaces.give_name(name, namespaces.path_of_pid(desired.pid))
        host.note_handle(name)
    else:
        prepare = functools.partial(_set_unprivileged_ports, desired)
        host.note_handle(name, namespaces.create(name, _raise_loopback(name), prepare))


def _set_unprivileged_ports(desired: Netns) -> None:
    """Set who may bind low ports and ping in the namespace that this process is in; explicit sysctls take precedence.

    Set when a namespace is created, and compared by its labels only: reading the sysctls of a thousand namespaces would
    be a twentieth of an idempotent run.
    """
    if desired.unprivileged_ports is None:
        return
    declared = {key.replace("/", ".") for key in desired.sysctls or {}}
    for key, value in _UNPRIVILEGED[desired.unprivileged_ports].items():
        if key not in declared:
            # ENOENT: the kernel lacks the sysctl; EINVAL: a user namespace that does not map all groups
            with contextlib.suppress(OSError):
                sysctls.write(key, value)


def _is_own(desired: Netns) -> bool:
    """Return whether the name is to have a namespace of its own."""
    return desired.join is None and desired.pid is None


def _remember(making: list[Action[Netns]], host: Host) -> None:
    """Record the handles about to be created: a killed run must not leave one that is missing in the runtime state."""
    for action in making:
        desired = action.desired
        host.memory["handles"].pop(action.name, None)
        host.memory["namespaces"].pop(action.name, None)
        if _is_own(desired):
            host.memory["namespaces"][action.name] = {"id": None, "labels": desired.labels or {}}
        else:
            host.memory["handles"][action.name] = _record(desired, desired.labels or {})
    host.memory.save()


def _record(desired: Netns, words: dict[str, str]) -> dict[str, Any]:
    return {"join": desired.join, "pid": desired.pid, "labels": words}


def _change(desired: Netns, host: Host) -> None:
    """Adopt a namespace, change its labels, set its loopback interface up."""
    name = desired.name
    words = desired.labels if desired.labels is not None else namespace_labels(host, name) or {}
    if _is_own(desired):
        addresses = [messages.add_address(LOOPBACK_INDEX, address) for address in _lacking(name, host)]
        with host.tolerated(name):
            host.stack(name).send(_raise_loopback(name) + [Request(one, f"netns {name}: lo") for one in addresses])
        host.memory["handles"].pop(name, None)
        host.memory["namespaces"][name] = {"id": namespaces.identity(os.stat(namespaces.path(name))), "labels": words}
    else:
        host.memory["namespaces"].pop(name, None)
        host.memory["handles"][name] = _record(desired, words)


def _raise_loopback(name: str) -> list[Request]:
    return [Request(messages.set_up(LOOPBACK_INDEX), "netns %s: loopback interface" % name)]


def _lacking(name: str, host: Host) -> list[str]:
    """Return the loopback addresses, assigned by the kernel when lo comes up, that are missing although it is up."""
    stack = host.stack(name)
    if stack.loopback is None or not stack.loopback.up:
        return []
    held = stack.raw_addresses.get(LOOPBACK_INDEX, [])
    families = {payload[0] for payload in held if any(address in payload for address in _LOOPBACK)}
    found = [] if socket.AF_INET in families else ["127.0.0.1/8"]
    if socket.AF_INET6 not in families:
        with namespaces.entered(name):  # absent also where IPv6 is disabled
            found += ["::1/128"] if sysctls.read("net/ipv6/conf/lo/disable_ipv6") == "0" else []
    return found
