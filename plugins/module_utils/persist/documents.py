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
from collections.abc import Callable, Iterator
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.engine.converge import KINDS, Document
from ansible_collections.virtnet.linux.plugins.module_utils.facts.protocols import (
    BRIDGE,
    BRIDGE_POLICY,
    FOREIGN_FIREWALL,
    INTERFACE,
    NAT_PORT,
    NETNS,
    NETWORK_NAMES,
    RESOLVER,
    VETH,
)
from ansible_collections.virtnet.linux.plugins.module_utils.kinds import nat_port, netns, veth
from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip, names
from ansible_collections.virtnet.linux.plugins.module_utils.system import regular
from ansible_collections.virtnet.linux.plugins.module_utils.system.files import DIRECTORY, Unreadable

VERSION = 1

_NOT_WRITTEN = ("state", "adopt", "force")


def read(role: str | None = None) -> Document:
    """Return the persisted document of a role, or of all roles: complete objects, as a topology takes them."""
    found: Document = {}
    for path in paths(role):
        for kind, objects in _load(path).items():
            found.setdefault(kind, []).extend(_complete(KINDS[kind].OPTIONS, one) for one in objects)
    return {kind: _once(kind, objects) for kind, objects in found.items()}


def files(role: str, document: Document | None) -> dict[str, str | None]:
    """Return the role's files after merging the document into their content: text by path, None for a file to be
    deleted. Without a document all of them are."""
    after = _by_network(_laid_over(read(role), document)) if document is not None else {}
    found: dict[str, str | None] = dict.fromkeys(paths(role))
    for network, objects in after.items():
        found[_path(role, network)] = _text(role, network, objects)
    return found


def remembered() -> dict[str, list[dict[str, Any]]]:
    """Return the persisted networks and containers for planning: an endpoint that existed keeps its address.

    {networks: [{name, bridge, role, joins, subnets, addresses}],
     containers: [{name, role, join, endpoints: [{network, veth, interface, mac, addresses}]}]}
    """
    document = read()
    subnets = {one["bridge"]: one["subnets"] or [] for one in document.get(BRIDGE_POLICY, [])}
    networks = [
        {
            "name": _network_of_bridge(one),
            "bridge": one["name"],
            "role": (one["labels"] or {}).get("role"),
            "joins": (one["labels"] or {}).get("joins"),
            "subnets": subnets.get(one["name"], []),
            "addresses": one["addresses"] or [],
        }
        for one in document.get(BRIDGE, [])
        if one["netns"] is None
    ]
    of_bridge = {one["bridge"]: one["name"] for one in networks}
    containers = {
        one["name"]: {
            "name": one["name"],
            "role": (one["labels"] or {}).get("role"),
            "join": one["join"],
            "endpoints": [],
        }
        for one in document.get(NETNS, [])
    }
    for one in document.get(VETH, []):
        peer = one["peer"]
        if veth.is_endpoint(one) and peer["netns"] in containers and one["bridge"] in of_bridge:
            containers[peer["netns"]]["endpoints"].append(
                {
                    "network": of_bridge[one["bridge"]],
                    "veth": one["name"],
                    "interface": peer["name"],
                    "mac": peer["mac"],
                    "addresses": peer["addresses"] or [],
                }
            )
    return {"networks": networks, "containers": list(containers.values())}


def without_the_lost(document: Document, is_there: Callable[[str], bool]) -> tuple[Document, list[str]]:
    """Return the document without objects that refer to a missing namespace or bridge, and a message for each object
    left out."""
    namespaces = {one["name"] for one in document.get(NETNS, [])}
    bridges = {one["name"] for one in document.get(BRIDGE, [])}
    kept: Document = {}
    lost = []
    for kind, objects in document.items():
        for one in objects:
            missing = [name for name in _namespaces_under(kind, one) if name not in namespaces and not is_there(name)]
            if kind in (NAT_PORT, BRIDGE_POLICY, FOREIGN_FIREWALL):
                missing += [name for name in (one["bridge"],) if name is not None and name not in bridges]
            if missing:
                lost.append("%s: %s is not there" % (_about(kind, one), missing[0]))
            else:
                kept.setdefault(kind, []).append(one)
    return kept, lost


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


def _load(path: str) -> Document:
    try:
        content = json.loads(regular.read(path, follow=False))
        version, objects = content["version"], content["objects"]
        every = [(kind, one) for kind, some in objects.items() for one in some]
        if version == VERSION:
            for kind, one in every:
                _check(kind, one)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, regular.Irregular) as error:
        said = str(error) if isinstance(error, (_Wrong, regular.Irregular)) else repr(error)
        rule = "%s is damaged (%.200s): remove it, and run the playbook that made it"
        raise Unreadable(rule % (path, said)) from error
    if version != VERSION:
        raise Unreadable(
            "%s is of version %.40r, and this is for version %s: run the playbook that made it"
            % (path, version, VERSION)
        )
    return objects  # type: ignore[no-any-return]


def _check(kind: str, one: Any) -> None:
    """Check the types, and the names from which file names are derived; the values are validated like those of the
    modules. Raises ValueError and TypeError."""
    try:
        _check_object(KINDS[kind].OPTIONS, one)
        if kind == BRIDGE and not names.is_interface_name(one["name"]):
            raise _Wrong("name: %.40r" % one["name"])
        if kind == NETWORK_NAMES and not names.is_object_name(one["network"]):
            raise _Wrong("network: %.40r" % one["network"])
        if kind == NAT_PORT and one.get("host_port") is not None:
            _check_port(one)
    except _Wrong as error:
        raise _Wrong("%s: %s" % (kind, error)) from None


def _check_port(one: dict[str, Any]) -> None:
    for word in ("host_port", "to_port"):
        if nat_port.ports(one.get(word) or one["host_port"]) is None:
            raise _Wrong("%s: %.40r" % (word, one[word]))
    for word in ("to_address", "host_ip"):
        if word == "to_address" or one.get(word) is not None:
            ip.address(one[word])


def _check_object(options: dict[str, Any], one: Any) -> None:
    if not isinstance(one, dict):
        raise _Wrong("%.40r is no object" % (one,))
    for name, value in one.items():
        option = options.get(name)
        if option is None or name in _NOT_WRITTEN:
            raise _Wrong("%.40r is nothing that is written down" % name)
        if value is not None:
            _check_value(name, option, value)
    for name in _required(options):
        if one.get(name) is None:
            raise _Wrong("%s is missing" % name)


def _check_value(name: str, option: dict[str, Any], value: Any) -> None:
    kind = option["type"]
    if not _IS[kind](value) or ("choices" in option and value not in option["choices"]):
        raise _Wrong("%s: %.40r" % (name, value))
    if "options" in option:
        for one in value if kind == "list" else [value]:
            _check_object(option["options"], one)
    elif kind == "list":
        if not all(map(_IS[option["elements"]], value)):
            raise _Wrong("%s: %.40r" % (name, value))
    elif kind == "dict":
        for key, one in value.items():
            if not _is_text(key) or not (_is_text(one) or isinstance(one, (int, float))):
                raise _Wrong("%s: %.40r" % (name, key))


def _required(options: dict[str, Any]) -> list[str]:
    """Return the names of an object's required options, computed once for all objects."""
    found = _REQUIRED.get(id(options))
    if found is None:
        found = _REQUIRED[id(options)] = [name for name, option in options.items() if option.get("required")]
    return found


def _is_text(value: Any) -> bool:
    """Return whether the value is text that can be encoded: a lone surrogate cannot."""
    return isinstance(value, str) and (value.isascii() or value.encode("utf-8", "replace").decode() == value)


class _Wrong(ValueError):
    """An object that no run has written; the message says where."""


_REQUIRED: dict[int, list[str]] = {}  # by id() of a kind's options, which live as long as the process
_IS: dict[str, Callable[[Any], bool]] = {
    "str": _is_text,
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "bool": lambda value: isinstance(value, bool),
    "list": lambda value: isinstance(value, list),
    "dict": lambda value: isinstance(value, dict),
}


def _text(role: str, network: str, objects: Document) -> str:
    written = {
        kind: [_brief(KINDS[kind].OPTIONS, one) for one in some] for kind, some in sorted(objects.items()) if some
    }
    content = {"version": VERSION, "role": role, "network": network or None, "objects": written}
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


def _brief(options: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for name, option in options.items():
        value = one.get(name)
        if name in _NOT_WRITTEN or value is None or value == option.get("default"):
            continue
        found[name] = _each(option, value, _brief)
    return found


def _complete(options: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    return {name: _each(option, one.get(name, option.get("default")), _complete) for name, option in options.items()}


def _each(option: dict[str, Any], value: Any, change: Callable[[dict[str, Any], dict[str, Any]], Any]) -> Any:
    """Return the value with the change applied to each dict whose options are described."""
    if "options" not in option or value is None:
        return value
    if option["type"] == "list":
        return [change(option["options"], one) for one in value]
    return change(option["options"], value)


def _laid_over(old: Document, new: Document) -> Document:
    """Return the document to be persisted: the new objects, and the old ones that the new ones do not replace."""
    found: Document = {}
    for kind in KINDS:
        said = new.get(kind) or []
        keys = {key for one in said for key in _keys(kind, one)}
        kept = [rest for one in old.get(kind, []) for rest in _without(kind, one, keys)]
        lasting = [one for one in said if one["state"] == "present" and not (kind == NETNS and one["pid"])]
        found[kind] = sorted(kept + lasting, key=lambda one: str(_keys(kind, one)))
    found[RESOLVER] = _grouped(found[RESOLVER])
    gone = {one["name"] for one in new.get(NETNS) or [] if one["state"] == "absent"}
    for kind in (VETH, INTERFACE):
        found[kind] = [one for one in found[kind] if not gone & set(_namespaces_under(kind, one))]
    # the endpoints of these ports are deleted
    lost = _addresses(old) - _addresses(found)
    found[NAT_PORT] = [one for one in found[NAT_PORT] if one["to_address"] not in lost]
    return found


def _grouped(resolvers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one object for all containers with the same settings, from all runs."""
    found: dict[str, dict[str, Any]] = {}
    for one in resolvers:
        group = found.setdefault(str({**one, "containers": None}), {**one, "containers": []})
        group["containers"] = sorted({*group["containers"], *one["containers"]})
    return list(found.values())


def _addresses(document: Document) -> set[str]:
    ends = [one["peer"] for one in document.get(VETH, []) if one["peer"]]
    return {address.split("/")[0] for end in ends for address in end["addresses"] or []}


def _without(kind: str, one: dict[str, Any], keys: set[Any]) -> Iterator[dict[str, Any]]:
    """Yield the object if none of the keys is its own; of one for several ports or containers, the remaining ones."""
    own = _keys(kind, one)
    if not keys & set(own):
        yield one
    elif kind == RESOLVER and not keys.issuperset(own):
        yield {**one, "containers": [name for name in one["containers"] if ("container", name) not in keys]}
    elif kind == NAT_PORT and one["host_port"] is not None:
        for key, port in nat_port.nat_ports(one).items():
            if key not in keys:
                yield {**one, "host_port": str(port.host_port), "to_port": str(port.to_port)}


def _keys(kind: str, one: dict[str, Any]) -> list[Any]:
    if kind == NAT_PORT and one["host_port"] is not None:
        return nat_port.keys(one)
    if kind == NAT_PORT:
        return [(one["protocol"], one["to_address"], one["to_port"])]
    if kind == INTERFACE:
        return [(one["device"], one["netns"] if one["type"] == "macvlan" else None)]
    if kind == RESOLVER:
        return [("container", name) for name in one["containers"]]
    required = [name for name, option in KINDS[kind].OPTIONS.items() if option.get("required")]
    return [(one.get("netns"), *(one[name] for name in required))]


def _once(kind: str, objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return each object once: a namespace is in several files."""
    seen: set[Any] = set()
    found = []
    for one in objects:
        keys = set(_keys(kind, one))
        if not keys & seen:
            found.append(one)
        seen |= keys
    return found


def _by_network(document: Document) -> dict[str, Document]:
    networks = {one["name"]: _network_of_bridge(one) for one in document.get(BRIDGE, [])}
    of_container: dict[str, set[str]] = {}
    for one in document.get(VETH, []):
        for name in _namespaces_under(VETH, one):
            of_container.setdefault(name, set()).add(_network(one, networks))
    found: dict[str, Document] = {}
    for kind, objects in document.items():
        for one in objects:
            if kind == NETNS:
                where = of_container.get(one["name"]) or {""}
            elif kind == BRIDGE:
                where = {networks[one["name"]]}
            else:
                where = {_network(one, networks)}
            for network in where:
                found.setdefault(network, {}).setdefault(kind, []).append(one)
    return found


def _network_of_bridge(one: dict[str, Any]) -> str:
    name: str = one["name"]
    return _label(one) or name


def _network(one: dict[str, Any], networks: dict[str, str]) -> str:
    bridge_name = one.get("bridge") or (one.get("peer") or {}).get("bridge")
    if bridge_name is None and "network" in one:
        return str(one["network"])
    return networks.get(bridge_name or "") or _label(one)


def _label(one: dict[str, Any]) -> str:
    """Return the network in the object's labels; empty if there is none, or it cannot be a file name."""
    label = str((one.get("labels") or {}).get("network", ""))
    return label if names.is_object_name(label) else ""


def _namespaces_under(kind: str, one: dict[str, Any]) -> list[str]:
    """Return the namespaces that the object needs."""
    found = [one.get("netns")]
    if kind == VETH:
        found.append(one["peer"]["netns"] if one["peer"] else None)
    if kind == NETNS and one["join"] != netns.HOST:
        found.append(one["join"])
    return [name for name in found if name is not None]


def _about(kind: str, one: dict[str, Any]) -> str:
    name = nat_port.label(one) if kind == NAT_PORT else one.get("name") or one.get("bridge") or one.get("device")
    return f"{kind} {name}"
