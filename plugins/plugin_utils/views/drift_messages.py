# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Format the actions of the module topology as messages about containers, networks and ports.

An action names a kernel object, whose name may be generated. The messages name the declared objects instead, and report
what is missing, what differs from the desired state, and what exists but is not desired.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.rules.names import sysctl

Action = Mapping[str, Any]
Topology = Mapping[str, list[dict[str, Any]]]

_LINK_WORDS = {"silent": "silence", "lo": "its interface lo", "labels": "its mark"}


def drift_messages(actions: list[Action], topology: Topology, live: Mapping[str, Any]) -> list[str]:
    """Format a message for each difference between desired and observed state.

    :param actions: what the module topology returned in check mode
    :param topology: what it was given
    :param live: what the module network_info returned, for undeclared objects
    """
    words = _Words(actions, topology, live)
    found = [message for action in actions for message in words.of(action)]
    return list(dict.fromkeys(found))


class _Words:
    """The declared names of the objects that actions name."""

    def __init__(self, actions: list[Action], topology: Topology, live: Mapping[str, Any]) -> None:
        self.new = {(action["kind"], action["name"]) for action in actions if action["action"] == "create"}
        self.gone = {(action["kind"], action["name"]) for action in actions if action["action"] == "delete"}
        self.declared = {bridge["name"] for bridge in topology.get("bridge") or []}
        self.networks: dict[str, str] = {}  # by bridge
        self.endpoints: dict[str, tuple[str, str]] = {}  # (container, network), by the host's end of the veth
        self.patch_links: dict[str, str] = {}
        self.holders: dict[str, str] = {}  # container, by address
        self._learn_live(live)
        self._learn_declared(topology)

    def _learn_live(self, live: Mapping[str, Any]) -> None:
        for network in live.get("networks") or []:
            self.networks[network["Id"]] = network["Name"]
        for container in live.get("containers") or []:
            for endpoint in container["endpoints"]:
                self.endpoints[endpoint["veth"]] = (container["name"], endpoint["network"] or "")
                for address in endpoint["addresses"]:
                    self.holders[address.split("/")[0]] = container["name"]

    def _learn_declared(self, topology: Topology) -> None:
        for bridge in topology.get("bridge") or []:
            if "network" in _labels(bridge):
                self.networks[bridge["name"]] = _labels(bridge)["network"]
        for veth in topology.get("veth") or []:
            labels = _labels(veth)
            if "patch" in labels:
                self.patch_links[veth["name"]] = labels["patch"]
            if "container" in labels:
                self.endpoints[veth["name"]] = (labels["container"], labels.get("network", ""))
                for address in (veth.get("peer") or {}).get("addresses") or []:
                    self.holders[address.split("/")[0]] = labels["container"]

    def of(self, action: Action) -> list[str]:
        """Format the messages of an action; none where the message of another action implies it."""
        by_kind: dict[str, Callable[[Action], list[str]]] = {
            "netns": self._container,
            "bridge": self._network,
            "bridge_policy": self._policy,
            "veth": self._endpoint,
            "neighbour": self._network,
            "vxlan_tunnel": self._tunnel,
            "interface": self._nic,
            "nat_port": self._port,
            "network_names": _names,
            "resolver": _resolver,
            "sysctl": self._sysctl,
            "firewall": lambda action: ["firewall: the tables virtnet have other entries than they should"],
        }
        if action["kind"] not in by_kind:
            return _plainly("%s %s" % (action["kind"].replace("_", " "), action["name"]), action)
        return by_kind[action["kind"]](action)

    def _container(self, action: Action) -> list[str]:
        who = "container " + action["name"]
        if action["action"] == "replace":
            return ["%s: shares %s, should share %s" % (who, _stack(action["before"]), _stack(action["after"]))]
        return _plainly(who, action)

    def _network(self, action: Action) -> list[str]:
        return _plainly(self._network_name(action["name"]), action)

    def _policy(self, action: Action) -> list[str]:
        bridge = action["name"]
        if ("bridge", bridge) in self.new or ("bridge", bridge) in self.gone:
            return []
        return _plainly(self._network_name(bridge) + ": protection", action)

    def _endpoint(self, action: Action) -> list[str]:
        name = action["name"]
        if name in self.patch_links:
            return _plainly("patch link " + self.patch_links[name], action)
        labels = _labels(action["after"]) or _labels(action["before"])
        container, network = self.endpoints.get(name) or (labels.get("container"), labels.get("network"))
        if container is None:
            return _plainly("veth pair " + name, action)
        if action["action"] == "create":
            is_reported = ("netns", container) in self.new or self._bridge_of(network) in self.new
            return [] if is_reported else ["container %s: not on network %s" % (container, network)]
        if action["action"] == "delete":
            is_reported = ("netns", container) in self.gone or self._bridge_of(network) in self.gone
            return [] if is_reported else ["container %s: still on network %s" % (container, network)]
        who = "container %s on network %s" % (container, network)
        reported = {"guarded_mac", "guarded_addresses"} if "anti_spoofing" in action["after"] else set()
        found = []
        if action["after"].get("bridge") and not action["before"].get("bridge"):
            reported |= {"bridge", "hairpin"}
            found = [] if ("bridge", action["after"]["bridge"]) in self.new else [who + ": detached from its bridge"]
        if "disabled" in action["after"]:
            reported.add("disabled")
            found.append(who + ": its port does not forward, disabled by hand or for taking part in the spanning tree")
        return found + _values(who, action, reported)

    def _sysctl(self, action: Action) -> list[str]:
        is_reported = any(kind == "bridge" and "/%s/" % name in action["name"] for kind, name in self.new)
        if action["name"].endswith("/route_localnet"):
            state = "closed" if str(action["after"]["value"]) == "1" else "open"
            bridge = action["name"].split("/")[-2]
            if is_reported or bridge not in self.declared:  # ports of other roles' bridges are unknown
                return []
            return ["%s: the way from 127.0.0.1 to its ports is %s" % (self._network_name(bridge), state)]
        return [] if is_reported else _values("sysctl " + sysctl(action["name"]), action)

    def _bridge_of(self, network: str | None) -> tuple[str, str]:
        return "bridge", next((bridge for bridge, name in self.networks.items() if name == network), "")

    def _tunnel(self, action: Action) -> list[str]:
        tunnel, before, after = "tunnel " + action["name"], action["before"], action["after"]
        if action["action"] != "change":
            return _plainly(tunnel, action)
        macs = {entry.split(" ")[0] for entry in after.get("endpoints") or []}  # a missing entry implies the wrong one
        others = [entry for entry in before.get("endpoints") or [] if entry.split(" ")[0] not in macs]
        shown = dict(action, before={**before, "endpoints": others}) if "endpoints" in before else action
        is_reported = ("bridge", after.get("bridge")) in self.new
        return _values(tunnel, shown, frozenset(("bridge", "port") if is_reported else ()))

    def _nic(self, action: Action) -> list[str]:
        nic = "NIC " + action["name"]
        if action["action"] == "create":
            return ["%s: not in container %s" % (nic, action["after"].get("netns"))]
        if action["action"] == "delete":
            return ["%s: still in container %s" % (nic, action["before"].get("netns"))]
        return _values(nic, action)

    def _port(self, action: Action) -> list[str]:
        before, after = self._target(action["before"]), self._target(action["after"])
        port = _port_name(action["name"])
        if action["action"] == "create":
            return ["port %s → %s missing" % (port, after)]
        if action["action"] == "delete":
            return ["port %s → %s still there" % (port, before)]
        if before == after:
            return _values("port %s → %s" % (port, after), action)
        return ["port %s → %s is translated to %s instead" % (port, after, before)]

    def _target(self, shown: Mapping[str, Any]) -> str:
        """Format '172.30.0.2:80' as 'nginx:80', where a container has the address."""
        address, _colon, port = str(shown.get("to", "")).rpartition(":")
        return "%s:%s" % (self.holders.get(address.strip("[]"), address), port)

    def _network_name(self, bridge: str) -> str:
        network = self.networks.get(bridge)
        return "bridge " + bridge if network is None else "network " + network


def _plainly(thing: str, action: Action) -> list[str]:
    if action["action"] == "create":
        return [thing + " missing"]
    if action["action"] == "delete":
        return [thing + " still there"]
    return _values(thing, action)


def _names(action: Action) -> list[str]:
    """Format differences of a network's names."""
    network = "network " + action["name"]
    if action["action"] == "change":
        return _values(network, action)
    return _plainly(network + ": its containers' names", action)


def _resolver(action: Action) -> list[str]:
    """Format differences of containers' files in /etc/netns."""
    had, desired = (action[when].get("containers") or [] for when in ("before", "after"))
    state = {name: "differ" if name in had else "missing" for name in desired}
    if action["action"] == "delete":
        state = dict.fromkeys(had, "still there")
    return ["container %s: names and nameservers in /etc/netns/%s %s" % (name, name, state[name]) for name in state]


def _values(thing: str, action: Action, reported: Set[str] = frozenset()) -> list[str]:
    """Format a message for each value that differs, without those reported already (`said`)."""
    before, after = action["before"], action["after"]
    found = []
    for key in sorted((before.keys() | after.keys()) - reported):
        word = key.removeprefix("peer.").replace("_", " ")
        was, to_be = before.get(key), after.get(key)
        if word == "up":
            found.append("%s is %s" % (thing, "down" if to_be else "up, should be down"))
        elif key == "value":
            found.append("%s is %s, should be %s" % (thing, _word(was), _word(to_be)))
        elif isinstance(was, list) and isinstance(to_be, list):
            found += _lists("%s: %s" % (thing, word), was, to_be)
        elif word in _LINK_WORDS or isinstance(was, dict) or isinstance(to_be, dict):
            found.append("%s: %s differs" % (thing, _LINK_WORDS.get(word, word)))
        else:
            found.append("%s: %s is %s, should be %s" % (thing, word, _word(was), _word(to_be)))
    return found


def _lists(what: str, was: list[Any], to_be: list[Any]) -> list[str]:
    """Format the missing and the extra items of a list; of a long one their number."""
    lacking = [_word(one) for one in to_be if one not in was]
    besides = [_word(one) for one in was if one not in to_be]
    found = ["%s: %s missing" % (what, _listing(lacking))] if lacking else []
    return found + (["%s: %s not declared" % (what, _listing(besides))] if besides else [])


def _listing(words: list[str]) -> str:
    return ", ".join(words) if len(words) <= 5 else "%s and %d more" % (", ".join(words[:4]), len(words) - 4)


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list) and value:
        return _listing([_word(one) for one in value])
    if isinstance(value, dict):
        return " ".join("%s %s" % (key, _word(part)) for key, part in value.items() if part is not None)
    return "none" if value in (None, "", []) else str(value)


def _stack(shown: Mapping[str, Any]) -> str:
    join = shown.get("join")
    return {"host": "the host's network", "own namespace": "no network"}.get(str(join), "%s's network" % join)


def _port_name(name: str) -> str:
    """Format '0.0.0.0:8080/tcp' as '8080'; '[::]:53/udp' keeps the parts that differ from the defaults."""
    return name.removeprefix("0.0.0.0:").removesuffix("/tcp")


def _labels(thing: Mapping[str, Any]) -> dict[str, str]:
    return thing.get("labels") or {}
