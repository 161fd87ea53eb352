# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A simulated fabric: what its hosts declare, the plan, and what each would report once its topology is applied."""

from __future__ import annotations

import ipaddress

from unit.planner.simulated_host import endpoints, live_after

from ansible_collections.virtnet.linux.plugins.module_utils.rules import names
from ansible_collections.virtnet.linux.plugins.plugin_utils.plan.fabric import plan_fabric, topology_of

FABRIC = {"name": "fabric", "vni": 4242, "subnet": "10.42.0.0/24"}
OTHER = {"name": "other", "vni": 7, "subnet": "10.43.0.0/28", "subnet6": "fd43::/64"}
SIX = {"name": "six", "vni": 66, "subnet6": "fd66::/64", "flood": True}


def bare(number, mtu=1500, version=4, **host):
    """What network_info reports of a host with nothing on it."""
    address = f"192.0.2.{number}/24" if version == 4 else f"fd99::{number:x}/64"
    lan = str(ipaddress.ip_interface(address).network)
    nic = {"name": "eth0", "kind": "veth", "mtu": mtu, "up": True, "ours": False, "addresses": [address]}
    routes = [{"to": lan, "via": None, "dev": "eth0"}, {"to": "0.0.0.0/0" if version == 4 else "::/0", "dev": "eth0"}]
    host_report = {"interfaces": [nic], "routes": routes, "listeners": [], "namespaces": [], **host}
    return {"networks": [], "bridges": [], "containers": [], "nat_ports": [], "tunnels": [], "host": host_report}


class Fabric:
    """Hosts h1, h2 and so on; `declared` is what each declares, `live` what it would report."""

    def __init__(self, hosts, networks=(FABRIC,), version=4):
        self.live = {f"h{number + 1}": bare(number + 1, version=version) for number in range(hosts)}
        self.declared = {name: {"networks": list(networks), "containers": []} for name in self.live}
        self.unread = set()

    def plan(self, hosts=None):
        """The plan, with each host's whole topology."""
        planned = self.bare_plan(hosts)
        return {**planned, "hosts": {name: topology_of(planned, name) for name in planned["hosts"]}}

    def bare_plan(self, hosts=None):
        raw = {
            name: {**declared, "live": None if name in self.unread else self.live[name], "unread": "no route to it"}
            for name, declared in self.declared.items()
        }
        return plan_fabric(raw, list(self.declared) if hosts is None else hosts)

    def run(self, hosts=None):
        """Plan and apply; the plan."""
        planned = self.plan(hosts)
        assert planned["errors"] == []
        for name, topology in planned["hosts"].items():
            self.live[name] = _after(topology, self.live[name])
        return planned

    def errors(self, hosts=None):
        planned = self.plan(hosts)
        assert planned["errors"] and not planned["hosts"]
        return planned["errors"]

    def addresses(self):
        """(host, container, network) -> its live addresses, without lengths."""
        return {
            (host, container["name"], one["network"]): [text.split("/")[0] for text in one["addresses"]]
            for host, live in self.live.items()
            for container in live["containers"]
            for one in container["endpoints"]
        }

    def macs(self):
        return {
            (host, container["name"], one["network"]): one["mac"]
            for host, live in self.live.items()
            for container in live["containers"]
            for one in container["endpoints"]
        }


def tunnel(topology, network="fabric"):
    return next(one for one in topology["vxlan_tunnel"] if one["name"] == names.tunnel_device(network))


def known(topology, network="fabric"):
    """The endpoints on other hosts, as a host has them: (MAC, addresses, VTEP)."""
    entries = tunnel(topology, network)["endpoints"]
    return {(one["mac"], tuple(one["addresses"]), one["vtep"]) for one in entries}


def own(topology, vtep, network="fabric"):
    """The endpoints on this host, as other hosts need them."""
    return {
        (peer["mac"], tuple(text.split("/")[0] for text in peer["addresses"]), vtep)
        for (_container, on), peer in endpoints(topology).items()
        if on == network
    }


def _after(topology, before):
    live = live_after(topology, before)
    live["host"] = before["host"]
    tunnels = {one["name"]: one for one in before["tunnels"]}
    for one in topology["vxlan_tunnel"]:
        tunnels.pop(one["name"], None)
        if one["state"] == "present":
            host_report = {**one, "ours": True, "extensions": []}
            numbers = [names.entry_number(each["mac"], each["addresses"], each["vtep"]) for each in one["endpoints"]]
            tunnels[one["name"]] = {**host_report, "fingerprint": names.fingerprint(numbers)}
    live["tunnels"] = list(tunnels.values())
    return live
