# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as Docker's commands print it, for scripts that parse them: ``docker inspect``,
``docker network inspect``, ``docker network ls`` and ``docker ps --format json``.

Keys and types are those of the Docker Engine API 1.41 and of later versions (EnableIPv4, DNSNames); what depends on an
image or a process, and not on the network, is left out. Pure: it reads nothing of the host.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.netlink import namespaces

_UNKNOWN_TIME = "0001-01-01T00:00:00Z"  # Go's zero time, which Docker also prints for an unknown time
_SHORT = 12  # digits of an id in Docker's tables, and in scripts
_BRIDGE, _DRIVER = "com.docker.network.bridge.", "com.docker.network.driver."
_ENDPOINT: dict[str, Any] = {
    "EndpointID": "",
    "Gateway": "",
    "GlobalIPv6Address": "",
    "GlobalIPv6PrefixLen": 0,
    "IPAddress": "",
    "IPPrefixLen": 0,
    "IPv6Gateway": "",
    "MacAddress": "",
}

Since = Mapping[str, "float | None"]  # by name, the creation time in seconds since 1970


def convert(found: dict[str, Any], machine: str, networks_since: Since, containers_since: Since) -> dict[str, Any]:
    """Return the report's networks and containers in Docker's formats. ``machine`` makes ids unique to the host."""
    ids = _Ids(machine)
    networks = [_network(one, ids, _created(networks_since.get(one["Id"]))) for one in found["networks"]]
    pids = {one["name"]: _pids(one) for one in found["containers"]}
    of_container: dict[str, list[dict[str, Any]]] = {}
    ports: dict[str, list[dict[str, Any]]] = {}
    for network in found["networks"]:
        for name in network["Containers"]:
            of_container.setdefault(name, []).append(network)
        for port in network["Ports"]:
            ports.setdefault(port["Container"], []).append(port)
    containers = [
        {
            "Id": ids.of("container", one["name"]),
            "Created": _created(containers_since.get(one["name"])),
            "Name": "/" + one["name"],
            "State": _state(pids.get(one["join"], []) if one["join"] else pids[one["name"]]),
            **_container(one, of_container.get(one["name"], []), ports.get(one["name"], []), ids),
        }
        for one in found["containers"]
    ]
    return {
        "networks": networks,
        "containers": containers,
        "network_ls": [_network_row(one) for one in networks],
        "container_ls": [_container_row(one) for one in containers],
    }


class _Ids:
    """Docker's ids are 64 random hex digits; these are hashes of names, so they survive a reboot. An overlay's is the
    same on all its hosts, as in Docker; all others are unique to the host."""

    def __init__(self, machine: str) -> None:
        self._machine = machine

    def of_network(self, network: dict[str, Any]) -> str:
        vni = network["Labels"].get("vni")
        return _hash("network", network["Name"], "vni " + vni if vni else self._machine)

    def of(self, *what: str) -> str:
        return _hash(*what, self._machine)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(("virtnet.linux", *parts)).encode()).hexdigest()


def _created(since: float | None) -> str:
    return _UNKNOWN_TIME if since is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(since))


def _network(network: dict[str, Any], ids: _Ids, created: str) -> dict[str, Any]:
    """Return an element of the output of ``docker network inspect``."""
    return {
        "Name": network["Name"],
        "Id": ids.of_network(network),
        "Created": created,
        "Scope": network["Scope"],
        "Driver": network["Driver"],
        "EnableIPv4": network["EnableIPv4"],
        "EnableIPv6": network["EnableIPv6"],
        "IPAM": {"Driver": network["IPAM"]["Driver"], "Options": {}, "Config": network["IPAM"]["Config"]},
        "Internal": network["Internal"],
        "Attachable": network["Driver"] == "overlay",  # a container on it needs no Swarm service
        "Ingress": False,
        "ConfigFrom": {"Network": ""},
        "ConfigOnly": False,
        "Containers": {
            ids.of("container", name): {
                "Name": name,
                "EndpointID": ids.of("endpoint", name, network["Name"]),
                **{key: endpoint[key] or "" for key in ("MacAddress", "IPv4Address", "IPv6Address")},
            }
            for name, endpoint in network["Containers"].items()
        },
        "Options": _options(network),
        "Labels": network["Labels"],
    }


def _options(network: dict[str, Any]) -> dict[str, str]:
    """Return Docker's options, and ours by their own names; all values are strings."""
    ours = network["Options"]
    found = {
        _BRIDGE + "name": ours["bridge"],
        _BRIDGE + "enable_icc": ours["icc"],
        _BRIDGE + "enable_ip_masquerade": ours["masquerade"],
        _BRIDGE + "host_binding_ipv4": ours.get("host_binding_ipv4", "0.0.0.0"),
        _BRIDGE + "gateway_mode_ipv4": ours["gateway_mode"],
        _BRIDGE + "gateway_mode_ipv6": ours.get("gateway_mode6") or ours["gateway_mode"],
        _BRIDGE + "trusted_host_interfaces": ours.get("trusted_interfaces"),
        _DRIVER + "mtu": ours["mtu"],
        _DRIVER + "overlay.vxlanid_list": network["Labels"].get("vni"),
        "com.docker.network.host_ipv4": ours.get("snat_address"),
        "com.docker.network.host_ipv6": ours.get("snat_address6"),
    }
    if not network["EnableIPv6"]:
        del found[_BRIDGE + "gateway_mode_ipv6"]
    return {key: _word(value) for key, value in {**found, **ours}.items() if value is not None}


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ":".join(value) if isinstance(value, list) else str(value)  # Docker's notation of interface lists


def _pids(container: dict[str, Any]) -> list[int]:
    """Return the PIDs in the container; for one declared by pid, that process."""
    kind, _colon, pid = container["mode"].partition(":")
    return [int(pid)] if kind == "pid" else container["pids"]


def _state(pids: list[int]) -> dict[str, Any]:
    """Return the state; a namespace without processes is what Docker calls created."""
    return {"Status": "running" if pids else "created", "Running": bool(pids), "Pid": pids[0] if pids else 0}


def _container(
    container: dict[str, Any], networks: list[dict[str, Any]], ports: list[dict[str, Any]], ids: _Ids
) -> dict[str, Any]:
    """Return the part of the output of ``docker inspect`` that is about the network."""
    name = container["name"]
    by_bridge = {network["Id"]: network for network in networks}
    on = [by_bridge[end["bridge"]] for end in container["endpoints"] if end["bridge"] in by_bridge]
    attached = {network["Name"]: _attached(container, network, ids) for network in on}
    first = next(iter(attached.values()), _ENDPOINT)
    return {
        "HostConfig": {
            "NetworkMode": _mode(container["mode"], attached, ids),
            "PortBindings": dict(_port_bindings(ports)),
        },
        "Config": {"Hostname": name, "Labels": container["labels"]},
        "NetworkSettings": {
            "Bridge": "",
            "SandboxID": ids.of("sandbox", name),
            "SandboxKey": namespaces.path(name),
            "HairpinMode": False,
            "LinkLocalIPv6Address": "",
            "LinkLocalIPv6PrefixLen": 0,
            "Ports": _ports(ports),
            "SecondaryIPAddresses": None,
            "SecondaryIPv6Addresses": None,
            # Docker fills these on its network bridge only; most scripts for a single network read nothing else
            **{key: first[key] for key in _ENDPOINT},
            "Networks": attached,
        },
    }


def _mode(mode: str, attached: Iterable[str], ids: _Ids) -> str:
    """Return HostConfig.NetworkMode: host, container:ID, the name of its first network, or none."""
    kind, _colon, joined = mode.partition(":")
    if kind == "container":
        return "container:" + ids.of("container", joined)
    return mode if mode == "host" else next(iter(attached), "none")


def _attached(container: dict[str, Any], network: dict[str, Any], ids: _Ids) -> dict[str, Any]:
    """Return an element of NetworkSettings.Networks."""
    name, endpoint = container["name"], network["Containers"][container["name"]]
    aliases = [alias for one in container["endpoints"] if one["bridge"] == network["Id"] for alias in one["aliases"]]
    gateways = {":" in part["Subnet"]: part.get("Gateway", "") for part in network["IPAM"]["Config"]}
    address, _slash, length = endpoint["IPv4Address"].partition("/")
    address6, _slash, length6 = endpoint["IPv6Address"].partition("/")
    return {
        "IPAMConfig": None,
        "Links": None,
        "Aliases": aliases or None,
        "NetworkID": ids.of_network(network),
        "EndpointID": ids.of("endpoint", name, network["Name"]),
        "Gateway": gateways.get(False, "") if address else "",
        "IPAddress": address,
        "IPPrefixLen": int(length or 0),
        "IPv6Gateway": gateways.get(True, "") if address6 else "",
        "GlobalIPv6Address": address6,
        "GlobalIPv6PrefixLen": int(length6 or 0),
        "MacAddress": endpoint["MacAddress"] or "",
        "DriverOpts": None,
        "DNSNames": [name, *aliases],
    }


def _ports(ports: list[dict[str, Any]]) -> dict[str, list[dict[str, str]]]:
    """Return NetworkSettings.Ports. An allowed port (routed network) has no host port: an empty list."""
    found: dict[str, list[dict[str, str]]] = {}
    for port in sorted(ports, key=lambda port: (port["Port"], port["Protocol"])):
        every = "::" if ":" in port["Address"] else "0.0.0.0"
        binding = {"HostIp": port["HostIp"] or every, "HostPort": _word(port["HostPort"] or "")}
        found.setdefault("%s/%s" % (port["Port"], port["Protocol"]), []).append(binding)
    return found


def _port_bindings(ports: list[dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Yield HostConfig.PortBindings, as declared: an empty address for all addresses of both families."""
    for key, bindings in _ports(ports).items():
        asked = [{**one, "HostIp": "" if one["HostIp"] in ("0.0.0.0", "::") else one["HostIp"]} for one in bindings]
        yield key, [one for place, one in enumerate(asked) if one not in asked[:place]]


def _network_row(network: dict[str, Any]) -> dict[str, str]:
    """Return a line of ``docker network ls --format json``."""
    return {
        "CreatedAt": _at(network["Created"]),
        "Driver": network["Driver"],
        "ID": network["Id"][:_SHORT],
        "IPv4": _word(network["EnableIPv4"]),
        "IPv6": _word(network["EnableIPv6"]),
        "Internal": _word(network["Internal"]),
        "Labels": _labels(network["Labels"]),
        "Name": network["Name"],
        "Scope": network["Scope"],
    }


def _container_row(container: dict[str, Any]) -> dict[str, str]:
    """Return a line of ``docker ps --all --format json``."""
    settings, mode = container["NetworkSettings"], container["HostConfig"]["NetworkMode"]
    return {
        "CreatedAt": _at(container["Created"]),
        "ID": container["Id"][:_SHORT],
        "Labels": _labels(container["Config"]["Labels"]),
        "Names": container["Name"][1:],
        "Networks": ",".join(sorted(settings["Networks"])) or (mode if mode in ("none", "host") else ""),
        "Ports": ", ".join(
            _shown(port, binding) for port, bindings in settings["Ports"].items() for binding in bindings
        ),
        "State": container["State"]["Status"],
    }


def _shown(port: str, binding: dict[str, str]) -> str:
    if not binding["HostPort"]:
        return port
    host = "[%s]" % binding["HostIp"] if ":" in binding["HostIp"] else binding["HostIp"]
    return "%s:%s->%s" % (host, binding["HostPort"], port)


def _labels(labels: dict[str, str]) -> str:
    return ",".join("%s=%s" % item for item in labels.items())


def _at(created: str) -> str:
    return created.replace("T", " ").replace("Z", " +0000 UTC")
