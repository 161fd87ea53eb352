# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Desired state that survives a reboot: topology documents under /var/lib/virtnet, one JSON file per role and network.

    {"version": 1, "role": "bridge_network", "network": "web", "objects": {"bridge": [...], "veth": [...], ...}}

Objects are written as the modules take them, without nulls and defaults. A namespace is in the file of every network
that it is attached to; objects of no network are in the role's own file, ROLE.json.
"""

from __future__ import annotations

import json
import os
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.model import stored
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import (
    OBJECTS,
    Bridge,
    NetworkNames,
    PublishedPort,
    Topology,
)
from ansible_collections.virtnet.linux.plugins.module_utils.persist.merge import (
    by_network,
    merged,
    network_of_bridge,
    once,
)
from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip, names
from ansible_collections.virtnet.linux.plugins.module_utils.rules.ports import port_range
from ansible_collections.virtnet.linux.plugins.module_utils.system import regular
from ansible_collections.virtnet.linux.plugins.module_utils.system.files import DIRECTORY, Unreadable

VERSION = 1


def read(role: str | None = None) -> Topology:
    """Return the persisted document of a role, or of all roles."""
    found = Topology()
    for path in paths(role):
        for one in _load(path):
            found.of(one.KIND).append(one)
    return once(found)


def files(role: str, document: Topology | None) -> dict[str, str | None]:
    """Return the role's files after merging the document into their content: text by path, None for a file to be
    deleted. Without a document all of them are."""
    after = by_network(merged(read(role), document)) if document is not None else {}
    found: dict[str, str | None] = dict.fromkeys(paths(role))
    for network, part in after.items():
        found[_path(role, network)] = _text(role, network, part)
    return found


def remembered() -> dict[str, list[dict[str, Any]]]:
    """Return the persisted networks and containers for planning: an endpoint that existed keeps its address.

    {networks: [{name, bridge, role, joins, subnets, addresses}],
     containers: [{name, role, join, endpoints: [{network, veth, interface, mac, addresses}]}]}
    """
    document = read()
    subnets = {one.bridge: one.subnets or [] for one in document.bridge_policy}
    networks = [
        {
            "name": network_of_bridge(one),
            "bridge": one.name,
            "role": (one.labels or {}).get("role"),
            "joins": (one.labels or {}).get("joins"),
            "subnets": subnets.get(one.name, []),
            "addresses": one.addresses or [],
        }
        for one in document.bridge
        if one.netns is None
    ]
    of_bridge = {str(one["bridge"]): one["name"] for one in networks}
    containers: dict[str, dict[str, Any]] = {
        one.name: {
            "name": one.name,
            "role": (one.labels or {}).get("role"),
            "join": one.join,
            "endpoints": [],
        }
        for one in document.netns
    }
    for one in document.veth:
        if one.is_endpoint and one.far.netns in containers and one.bridge in of_bridge:
            peer = one.far
            containers[peer.netns or ""]["endpoints"].append(
                {
                    "network": of_bridge[one.on_bridge],
                    "veth": one.name,
                    "interface": peer.name,
                    "mac": peer.mac,
                    "addresses": peer.addresses or [],
                }
            )
    return {"networks": networks, "containers": list(containers.values())}


def paths(role: str | None = None) -> list[str]:
    """Return the paths of the files of a role, or of all."""
    try:
        entries = sorted(os.listdir(DIRECTORY))
    except FileNotFoundError:
        return []
    mine = [entry for entry in entries if role is None or entry.split(".")[0] == role]
    return [os.path.join(DIRECTORY, entry) for entry in mine if entry.endswith(".json")]


def _path(role: str, network: str) -> str:
    return os.path.join(DIRECTORY, ".".join(filter(None, (role, network, "json"))))


def _load(path: str) -> Topology:
    try:
        content = json.loads(regular.read(path, follow=False))
        version, objects = content["version"], content["objects"]
        every = [(kind, one) for kind, some in objects.items() for one in some]
        if version == VERSION:
            for kind, one in every:
                _check(kind, one)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, regular.Irregular) as error:
        reason = str(error) if isinstance(error, (stored.Invalid, regular.Irregular)) else repr(error)
        rule = "%s is damaged (%.200s): remove it, and run the playbook that made it"
        raise Unreadable(rule % (path, reason)) from error
    if version != VERSION:
        raise Unreadable(
            "%s is of version %.40r, and this is for version %s: run the playbook that made it"
            % (path, version, VERSION)
        )
    return Topology.read(objects)


def _check(kind: str, plain: Any) -> None:
    """Check the types, and the names from which file names are derived; the values are validated like those of the
    modules. Raises ValueError and TypeError."""
    try:
        stored.check(OBJECTS[kind], plain)
        if kind == Bridge.KIND and not names.is_interface_name(plain["name"]):
            raise stored.Invalid("name: %.40r" % plain["name"])
        if kind == NetworkNames.KIND and not names.is_object_name(plain["network"]):
            raise stored.Invalid("network: %.40r" % plain["network"])
        if kind == PublishedPort.KIND and plain.get("host_port") is not None:
            _check_port(PublishedPort.read(plain))
    except stored.Invalid as error:
        raise stored.Invalid("%s: %s" % (kind, error)) from None


def _check_port(one: PublishedPort) -> None:
    for field, text in (("host_port", one.host_port), ("to_port", one.to_port or one.host_port)):
        if port_range(text or "") is None:
            raise stored.Invalid("%s: %.40r" % (field, text))
    ip.address(one.to_address or "")
    if one.host_ip is not None:
        ip.address(one.host_ip)


def _text(role: str, network: str, document: Topology) -> str:
    written = {kind: [one.stored() for one in document.of(kind)] for kind in sorted(OBJECTS) if document.of(kind)}
    content = {"version": VERSION, "role": role, "network": network or None, "objects": written}
    return json.dumps(content, indent=1, sort_keys=True) + "\n"
