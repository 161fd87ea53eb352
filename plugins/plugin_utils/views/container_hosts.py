# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers as hosts of an inventory: their names, groups and variables, and the command that enters one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ansible_collections.virtnet.linux.plugins.module_utils.rules import names
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.declaration import read_outlines
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.problems import Problems

GROUP = "containers"
CONTAINER = "virtnet_container"  # the variable by which a host of the inventory is known to be a container
HOST = "virtnet_host"  # the variable that says whose container it is
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
_HOST_KEY = re.compile(r"ansible_ssh_host_key_\w+_public")  # facts, of hosts that are asked for them


class ContainerHost(NamedTuple):
    """A container as a host of an inventory."""

    name: str
    groups: list[str]
    variables: dict[str, Any]


def enter(netns: object) -> list[str]:
    """The words in front of a command that is to run in a namespace.

    Raises ValueError where the name is none: it would become part of a command.
    """
    if not names.is_object_name(netns):
        raise ValueError("ansible_netns '%s': a container's name is %s" % (netns, names.OBJECT_RULE))
    return ["ip", "netns", "exec", str(netns)]


def is_way_to_host(variable: str) -> bool:
    """Whether the variable says how to reach a host; a container is reached the same way."""
    if _HOST_KEY.match(variable):
        return False
    return variable in _REACH or variable.startswith(("ansible_ssh_", "ansible_paramiko_"))


def live_container_hosts(
    host: str, containers: Iterable[Mapping[str, Any]], reach: Mapping[str, Any]
) -> list[ContainerHost]:
    """The live containers of a host, as hosts; not those whose name is none, for they could not be entered.

    :param containers: as network_info tells of them; a host that was broken into may say anything
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
    """The declared containers of a host, as hosts.

    :param containers: the value of the variable, in the words of bridge_network_containers
    :param reach: the host's variables for which is_way_to_host is true
    """
    return [
        _container_host(host, one.name, one.networks, one.network_mode, reach)
        for one in read_outlines(host, variable, containers, problems)
    ]


def refuse_taken_names(
    containers: Iterable[ContainerHost], known: Mapping[str, Mapping[str, Any]], problems: Problems
) -> None:
    """Refuse containers whose name as a host is another's: a.b on c and a on b.c are both a.b.c.

    :param known: the variables of the hosts that are there already, containers or not
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
    """The group of a network's containers: network_NAME, with an underscore for what a group's name cannot have."""
    return "network_" + re.sub(r"[^A-Za-z0-9_]", "_", network)


def _who(variables: Mapping[str, Any]) -> str:
    if CONTAINER not in variables:
        return "a host of the inventory"
    return f"container {variables[CONTAINER]} of host {variables.get(HOST)}"


def _container_host(host: str, name: str, networks: list[str], mode: str, reach: Mapping[str, Any]) -> ContainerHost:
    # Without ansible_become_user, which would win over the user that a play or a group asks for: that is to be refused.
    variables = {
        "ansible_host": host,
        **reach,
        "ansible_become": True,
        "ansible_become_method": "virtnet.linux.netns",
        "ansible_admin_users": ["root", "0"],  # so Ansible need not hand its files to user 0
        "ansible_netns": name,
        CONTAINER: name,
        HOST: host,
        "virtnet_networks": networks,
        "virtnet_network_mode": mode,
    }
    return ContainerHost("%s.%s" % (name, host), [GROUP, *(group_of(network) for network in networks)], variables)
