# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers as inventory hosts: names, groups and variables, and the command that enters a namespace."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ansible_collections.virtnet.linux.plugins.module_utils.rules import names
from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import Problems
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.declaration import read_outlines

GROUP = "containers"
CONTAINER = "virtnet_container"  # set for a host that is a container: its name
HOST = "virtnet_host"  # set for a host that is a container: the host that it is on
LISTS = ("bridge_network_containers", "overlay_network_containers")

_REACH = {
    "ansible_connection",
    "ansible_host",
    "ansible_password",
    "ansible_pipelining",
    "ansible_port",
    "ansible_private_key_file",
    "ansible_python_interpreter",
    "ansible_remote_tmp",
    "ansible_scp_extra_args",
    "ansible_sftp_extra_args",
    "ansible_shell_executable",
    "ansible_shell_type",
    "ansible_timeout",
    "ansible_user",
    "ansible_become_pass",
    "ansible_become_password",
}
_HOST_KEY = re.compile(r"ansible_ssh_host_key_\w+_public")  # gathered facts


class ContainerHost(NamedTuple):
    """A container as an inventory host."""

    name: str
    groups: list[str]
    variables: dict[str, Any]


def enter(netns: object) -> list[str]:
    """The argument prefix that runs a command in a namespace.

    Raises ValueError for an invalid name, since it becomes part of a command.
    """
    if not names.is_object_name(netns):
        raise ValueError("ansible_netns '%s': a container's name is %s" % (netns, names.OBJECT_RULE))
    return ["ip", "netns", "exec", str(netns)]


def is_way_to_host(variable: str) -> bool:
    """Whether it is a connection variable of a host, which its containers inherit."""
    if _HOST_KEY.match(variable):
        return False
    return variable in _REACH or variable.startswith(("ansible_ssh_", "ansible_paramiko_"))


def all_live(
    live: Mapping[str, Iterable[Mapping[str, Any]]], hostvars: Mapping[str, Mapping[str, Any]], problems: Problems
) -> list[ContainerHost]:
    """The live containers of all hosts, as hosts; names that are in use are refused.

    :param live: the containers by host, as network_info reports them
    """
    found: list[ContainerHost] = []
    for host, containers in live.items():
        variables = hostvars[host]
        reach = {key: variables[key] for key in variables if is_way_to_host(key)}
        found += live_container_hosts(host, containers, reach)
    taken = {one.name: hostvars[one.name] for one in found if one.name in hostvars}
    refuse_taken_names(found, taken, problems)
    return found


def live_container_hosts(
    host: str, containers: Iterable[Mapping[str, Any]], reach: Mapping[str, Any]
) -> list[ContainerHost]:
    """The existing containers of a host, as inventory hosts, without those that have an invalid name.

    :param containers: as network_info returns them; not trusted, the host may be compromised
    :param reach: the host's variables for which is_way_to_host is true
    """
    found = []
    for container in containers:
        if not names.is_object_name(container["name"]):
            continue
        endpoints = container["endpoints"]
        networks = [endpoint["network"] for endpoint in endpoints if names.is_object_name(endpoint["network"])]
        made = _container_host(host, container["name"], networks, container["mode"], reach)
        made.variables["virtnet_addresses"] = [address for endpoint in endpoints for address in endpoint["addresses"]]
        found.append(made)
    return found


def container_hosts(
    host: str, variable: str, containers: object, reach: Mapping[str, Any], problems: Problems
) -> list[ContainerHost]:
    """The declared containers of a host, as inventory hosts.

    :param containers: the value of the variable, as bridge_network_containers takes it
    :param reach: the host's variables for which is_way_to_host is true
    """
    return [
        _container_host(host, one.name, one.networks, one.network_mode, reach)
        for one in read_outlines(host, variable, containers, problems)
    ]


def refuse_taken_names(
    containers: Iterable[ContainerHost], known: Mapping[str, Mapping[str, Any]], problems: Problems
) -> None:
    """Refuse containers whose inventory host name is in use: a.b on c and a on b.c are both a.b.c.

    :param known: the variables of the existing inventory hosts, containers or not
    """
    holders: dict[str, str] = {}
    for container in containers:
        name, who = container.name, _who(container.variables)
        other = holders.setdefault(name, who)
        if other == who and name in known and _who(known[name]) != who:
            other = _who(known[name])
        if other != who:
            problems.refuse(who, "name in the inventory", name, f"is that of {other} too; rename one of them")


def group_of(network: str) -> str:
    """The group of a network's containers: network_NAME, with an underscore for each character that is invalid."""
    return "network_" + re.sub(r"[^A-Za-z0-9_]", "_", network)


def _who(variables: Mapping[str, Any]) -> str:
    if CONTAINER not in variables:
        return "a host of the inventory"
    return f"container {variables[CONTAINER]} of host {variables.get(HOST)}"


def _container_host(host: str, name: str, networks: list[str], mode: str, reach: Mapping[str, Any]) -> ContainerHost:
    # No ansible_become_user: it would override the user of a play or group, which the become plugin has to refuse.
    variables = {
        "ansible_host": host,
        **reach,
        "ansible_become": True,
        "ansible_become_method": "virtnet.linux.netns",
        "ansible_admin_users": ["root", "0"],  # so that Ansible does not chown its files to user 0
        "ansible_netns": name,
        CONTAINER: name,
        HOST: host,
        "virtnet_networks": networks,
        "virtnet_network_mode": mode,
    }
    return ContainerHost("%s.%s" % (name, host), [GROUP, *(group_of(network) for network in networks)], variables)
