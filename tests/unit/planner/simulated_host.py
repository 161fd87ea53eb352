# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A simulated host: plans for declarations, and what network_info would report once a plan is applied."""

from __future__ import annotations

import copy
import ipaddress

from ansible_collections.virtnet.linux.plugins.filter.bridge_network_plan import FilterModule
from ansible_collections.virtnet.linux.plugins.module_utils.rules import names

WEB = {"name": "web", "subnet": "172.30.0.0/16"}
DUAL = {"name": "dual", "subnet": "172.31.0.0/24", "subnet6": "fd00:31::/64"}
BINDINGS = ("host_binding_ipv4", "host_binding_ipv6")
INSIDE = {"name": "inside", "subnet": "172.29.0.0/24", "internal": True}

TOLD_ELSEWHERE = ("network", "ip_range", "ip_range6", "aux_addresses", *BINDINGS)  # network_info has other words

EMPTY = {"networks": [], "bridges": [], "containers": [], "nat_ports": [], "host": {}}


def plan(networks=(), containers=(), live=None, purge=False, **more):
    """The filter's result, called as the role calls it."""
    declared = {
        "networks": list(networks),
        "containers": list(containers),
        "purge": purge,
        "role": "bridge_network",
        "host": "h1",
        **more,
    }
    return FilterModule().filters()["bridge_network_plan"](declared, EMPTY if live is None else live)


def topology(*args, **kwargs):
    """The topology of a plan that has no errors."""
    planned = plan(*args, **kwargs)
    assert planned["errors"] == [], planned["errors"]
    return planned["topology"]


def errors(*args, **kwargs):
    """The errors of a plan, which then has no objects."""
    planned = plan(*args, **kwargs)
    assert not planned["errors"] or not any(planned["topology"].values())
    return planned["errors"]


def present(objects):
    return [one for one in objects if one["state"] == "present"]


def absent(objects):
    return [one for one in objects if one["state"] == "absent"]


def endpoints(document):
    """(container, network) -> the peer of its veth."""
    return {
        (veth["labels"]["container"], veth["labels"]["network"]): veth["peer"]
        for veth in present(document["veth"])
        if "container" in veth["labels"]
    }


def patch_links(document):
    """The patch links between bridges, each as the bridges of its two ends."""
    return [(veth["bridge"], veth["peer"]["bridge"]) for veth in present(document["veth"]) if "patch" in veth["labels"]]


def addresses(document):
    """(container, network) -> its addresses, without lengths."""
    return {where: [text.split("/")[0] for text in peer["addresses"]] for where, peer in endpoints(document).items()}


def _connect(document, containers):
    """Put the endpoints that the document creates into the containers."""
    for veth in present(document["veth"]):
        if "container" not in veth["labels"]:
            continue
        container = containers[veth["peer"]["netns"]]
        container["endpoints"] = [one for one in container["endpoints"] if one["veth"] != veth["name"]]
        container["endpoints"].append(
            {
                "network": veth["labels"]["network"],
                "aliases": veth["labels"].get("aliases", "").split("+") if "aliases" in veth["labels"] else [],
                "bridge": veth["bridge"],
                "veth": veth["name"],
                "interface": veth["peer"]["name"],
                "mac": veth["peer"]["mac"],
                "addresses": veth["peer"]["addresses"],
                "guard": _guard(veth) if veth["anti_spoofing"] else None,
            }
        )


def _create(document, containers):
    """Put the namespaces that the document creates into the containers, and remove those that it deletes."""
    for netns in document["netns"]:
        if netns["state"] == "absent":
            del containers[netns["name"]]
            continue
        old = containers.get(netns["name"], {"endpoints": [], "pids": []})
        moved = old.get("join") != netns.get("join")
        containers[netns["name"]] = {
            "name": netns["name"],
            "join": netns.get("join"),
            "labels": netns["labels"],
            "mode": netns["labels"]["mode"],
            "pids": old["pids"],
            "endpoints": [] if moved else old["endpoints"],
        }


def _links_after(document, before):
    """Return the host's links after the document's patch links have been created and deleted."""
    gone = {veth["name"] for veth in absent(document["veth"])}
    links = before["host"].get("interfaces", [])
    pulled = {_patch_link(one) for one in links if one["name"] in gone} - {None}
    links = [one for one in links if _patch_link(one) not in pulled]
    for veth in present(document["veth"]):
        if "patch" in veth["labels"]:
            for name in (veth["name"], veth["peer"]["name"]):
                links = [one for one in links if one["name"] != name]
                links.append({"name": name, "kind": "veth", "ours": True, "labels": veth["labels"]})
    return links


def live_after(document, before=None, pids=None):
    """What network_info reports after the document has been applied to the host that `before` describes.

    :param pids: {container: [pid]}: processes that run in the namespaces
    """
    before = EMPTY if before is None else before
    containers = {one["name"]: copy.deepcopy(one) for one in before["containers"]}
    networks = {one["Id"]: copy.deepcopy(one) for one in before["networks"]}
    ports = {_place(one): one for one in before["nat_ports"]}
    for veth in absent(document["veth"]):
        for container in containers.values():
            container["endpoints"] = [one for one in container["endpoints"] if one["veth"] != veth["name"]]
    _create(document, containers)
    for name, found in (pids or {}).items():
        containers[name]["pids"] = found
    links = _links_after(document, before)
    _connect(document, containers)
    policies = {policy["bridge"]: policy for policy in document["bridge_policy"]}
    for bridge in document["bridge"]:
        if bridge["state"] == "absent":
            del networks[bridge["name"]]
            continue
        gateways = [ipaddress.ip_interface(text) for text in bridge["addresses"]]
        networks[bridge["name"]] = {
            "Name": bridge["labels"]["network"],
            "Id": bridge["name"],
            "IPAM": {"Config": [_ipam(one, bridge["labels"]) for one in gateways]},
            "Internal": policies[bridge["name"]]["internal"],
            "Options": {
                **{word: text for word, text in bridge["labels"].items() if word in BINDINGS},
                "bridge": bridge["name"],
                "mtu": bridge.get("mtu", 1500),
                **{word: policies[bridge["name"]].get(word) for word in ("gateway_mode", "gateway_mode6")},
            },
            "Labels": {key: value for key, value in bridge["labels"].items() if key not in TOLD_ELSEWHERE},
        }
    for network in networks.values():
        for head in networks.values():
            if head["Name"] == network["Labels"].get("joins"):
                network["IPAM"] = head["IPAM"]
        network["Containers"] = {
            container["name"]: {
                "Name": container["name"],
                "EndpointID": endpoint["veth"],
                "InterfaceName": endpoint["interface"],
                "MacAddress": endpoint["mac"],
                "IPv4Address": next((text for text in endpoint["addresses"] if ":" not in text), ""),
                "IPv6Address": next((text for text in endpoint["addresses"] if ":" in text), ""),
            }
            for container in containers.values()
            for endpoint in container["endpoints"]
            if endpoint["bridge"] == network["Id"]
        }
    allowed_ports = {tuple(one.values())[:3]: one for one in before.get("allowed_ports", [])}
    for port in document["nat_port"]:
        if "host_port" not in port:
            one = {"protocol": port["protocol"], "address": port["to_address"], "port": int(port["to_port"])}
            allowed_ports.pop(tuple(one.values()), None)
            if port["state"] == "present":
                allowed_ports[tuple(one.values())] = {**one, "bridge": port["bridge"]}
            continue
        for one in _one_by_one(port):
            if port["state"] == "absent":
                ports.pop(_place(one), None)
            else:
                ports[_place(one)] = one
    host = before["host"]
    return {
        "networks": sorted(networks.values(), key=lambda one: one["Id"]),
        "bridges": [
            {"name": one["name"], "netns": None, "stp": bool(one.get("stp"))} for one in present(document["bridge"])
        ],
        "containers": sorted(containers.values(), key=lambda one: one["name"]),
        "nat_ports": [ports[place] for place in sorted(ports)],
        "allowed_ports": [allowed_ports[key] for key in sorted(allowed_ports)],
        "host": {**host, "interfaces": links, "namespaces": sorted({*host.get("namespaces", []), *containers})},
    }


def _guard(veth):
    checked = "0.0.0.0/0" not in veth["allowed_addresses"]
    own = [text.split("/")[0] for text in veth["peer"]["addresses"]]
    return {"mac": veth["peer"]["mac"], "addresses": own if checked else None}


def _ipam(gateway, labels):
    ip_range = labels.get("ip_range6" if gateway.version == 6 else "ip_range")
    reserved = names.addresses_of(labels.get("aux_addresses", ""))
    inside = {name: text for name, text in reserved.items() if ipaddress.ip_address(text) in gateway.network}
    config = {"IPRange": ip_range, "Gateway": str(gateway.ip), "AuxiliaryAddresses": inside}
    return {"Subnet": str(gateway.network), **{word: value for word, value in config.items() if value}}


def _patch_link(link):
    return (link.get("labels") or {}).get("patch")


def _one_by_one(port):
    places, to = _range(port["host_port"]), _range(port["to_port"])
    for host_port, to_port in zip(places, to):
        yield {
            "protocol": port["protocol"],
            "host_ip": port.get("host_ip"),
            "host_port": host_port,
            "to_address": port["to_address"],
            "to_port": to_port,
            "bridge": port["bridge"],
        }


def _place(port):
    return port["protocol"], ":" in port["to_address"], port["host_ip"] or "", port["host_port"]


def _range(text):
    first, _dash, last = text.partition("-")
    return range(int(first), int(last or first) + 1)
