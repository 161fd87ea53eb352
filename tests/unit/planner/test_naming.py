# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names and aliases of containers, and which containers resolve them."""

from __future__ import annotations

import copy

from unit.planner.simulated_host import DUAL, INSIDE, WEB, absent, errors, live_after, present, topology

NGINX = {"name": "nginx", "networks": [{"name": "web", "aliases": ["www", "site"]}]}
CLIENT = {"name": "client", "networks": ["web"]}


def entries(document, network="web"):
    (found,) = [one for one in document["network_names"] if one["network"] == network]
    return {entry["address"]: entry["names"] for entry in found["entries"]}


def resolver(document, container):
    (found,) = [one for one in document["resolver"] if container in one["containers"]]
    return found


def test_containers_resolve_by_name_and_alias_in_both_families():
    both = [{"name": "nginx", "networks": [{"name": "dual", "aliases": ["www"]}]}, {"name": "b", "networks": ["dual"]}]
    document = topology([DUAL, WEB], both)
    assert entries(document, "dual") == {
        "172.31.0.2": ["nginx", "www"],
        "172.31.0.3": ["b"],
        "fd00:31::2": ["nginx", "www"],
        "fd00:31::3": ["b"],
    }
    assert entries(document) == {}
    labels = [veth["labels"] for veth in document["veth"]]
    assert labels[0] == {"network": "dual", "container": "nginx", "interface": "eth0", "aliases": "www"}
    assert "aliases" not in labels[1]


def test_containers_with_the_same_names_share_one_resolver():
    document = topology(
        [WEB, INSIDE],
        [
            NGINX,
            CLIENT,
            {"name": "both", "networks": ["web", "inside"]},
            {"name": "again", "networks": ["inside", "web"]},
            {"name": "alone", "network_mode": "none"},
            {"name": "sidecar", "network_mode": "container:both"},
            {"name": "agent", "network_mode": "host"},
        ],
    )
    assert present(document["resolver"]) == [
        {"containers": ["nginx", "client"], "networks": ["web"], "state": "present"},
        {"containers": ["both", "again", "sidecar"], "networks": ["inside", "web"], "state": "present"},
        {"containers": ["alone"], "networks": [], "state": "present"},
    ]
    assert absent(document["resolver"]) == [{"containers": ["agent"], "state": "absent"}], "the host's own hosts file"


def test_nameservers_of_a_container():
    dns = {"dns": ["192.0.2.53", "2001:db8::53"], "dns_search": ["example.org"], "dns_opt": ["ndots:2"]}
    containers = [{**NGINX, **dns}, {"name": "sidecar", "network_mode": "container:nginx"}]
    found = resolver(topology([WEB], containers), "sidecar")
    assert found == {
        "containers": ["nginx", "sidecar"],
        "networks": ["web"],
        "nameservers": ["192.0.2.53", "2001:db8::53"],
        "search": ["example.org"],
        "options": ["ndots:2"],
        "state": "present",
    }


def test_undeclared_containers_keep_names_and_aliases():
    live = live_after(topology([WEB], [NGINX]))
    document = topology([WEB], [CLIENT], live=live)
    assert entries(document) == {"172.30.0.2": ["nginx", "www", "site"], "172.30.0.3": ["client"]}
    assert [one["containers"] for one in document["resolver"]] == [["client"]]
    joined = topology([], [{"name": "sidecar", "network_mode": "container:nginx"}], live=live)
    assert resolver(joined, "sidecar")["networks"] == ["web"]


def test_names_are_removed_with_containers_and_networks():
    live = live_after(topology([WEB, DUAL], [NGINX, CLIENT]))
    document = topology([WEB, {"name": "dual", "state": "absent"}], [CLIENT, {"name": "nginx", "state": "absent"}],
                        live=live)  # fmt: skip
    assert entries(document) == {"172.30.0.3": ["client"]}
    assert absent(document["network_names"]) == [{"network": "dual", "state": "absent"}]
    assert absent(document["resolver"]) == [{"containers": ["nginx"], "state": "absent"}]


def test_a_segment_has_one_namespace_of_names():
    document = topology([WEB, {"name": "sw2", "connect": ["web"]}], [CLIENT, {"name": "far", "networks": ["sw2"]}])
    assert entries(document) == {"172.30.0.2": ["client"], "172.30.0.3": ["far"]}
    assert resolver(document, "far")["networks"] == ["web"]


def test_names_of_another_roles_network_are_not_managed():
    live = copy.deepcopy(live_after(topology([WEB])))
    live["networks"][0]["Labels"]["role"] = "overlay_network"
    document = topology([], [CLIENT], live=live)
    assert document["network_names"] == []
    assert resolver(document, "client")["networks"] == ["web"]


def test_invalid_names_and_resolver_options_are_refused():
    found = errors(
        [WEB],
        [
            {**CLIENT, "dns": ["example.org"], "dns_search": ["two words"], "dns_opt": [["x"]]},
            {"name": "a", "networks": [{"name": "web", "aliases": [letter * 60 for letter in "wxyz"]}]},
            {"name": "h", "network_mode": "host", "dns": ["192.0.2.53"]},
        ],
    )
    too_many = found.pop(3)
    assert too_many.startswith("container a: networks[0]: aliases ['wwww")
    assert ": are too many: they take 252 bytes of the link's alias" in too_many and "198 are left" in too_many
    assert found == [
        "container client: dns[0] 'example.org': must be an IP address",
        "container client: dns_search[0] 'two words': must not contain whitespace",
        "container client: dns_opt[0] ['x']: must be text",
        "container h: dns ['192.0.2.53']: cannot be combined with network_mode host: it uses the host's own namespace, "
        "as it is",
    ]
