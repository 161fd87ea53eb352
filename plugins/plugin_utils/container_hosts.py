# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers as hosts of an inventory: their names, groups and variables, and the command that enters one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ansible_collections.virtnet.linux.plugins.module_utils import names

GROUP = "containers"
CONTAINER = "virtnet_container"  # the variable by which a host of the inventory is known to be a container
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


def container_hosts(host: str, containers: object, reach: Mapping[str, Any]) -> list[ContainerHost]:
    """The declared containers of a host, as hosts.

    :param containers: a list in the words of bridge_network_containers
    :param reach: the host's variables for which is_way_to_host is true
    Raises ValueError with all that is wrong, a line each.
    """
    if not isinstance(containers, list):
        raise ValueError("host %s: the containers are not a list" % host)
    found, wrong = [], []
    for place, container in enumerate(containers):
        if not isinstance(container, dict) or not names.is_object_name(container.get("name")):
            given = container.get("name") if isinstance(container, dict) else container
            wrong.append("host %s: container %d: name '%s': it is %s" % (host, place, given, names.OBJECT_RULE))
        elif container.get("state", "present") != "absent":
            networks = _networks(host, container, wrong)
            mode = container.get("network_mode") or "bridge"
            found.append(_container_host(host, container["name"], networks, mode, reach))
    if wrong:
        raise ValueError("\n".join(wrong))
    return found


def group_of(network: str) -> str:
    """The group of a network's containers: network_NAME, with an underscore for what a group's name cannot have."""
    return "network_" + re.sub(r"[^A-Za-z0-9_]", "_", network)


def _networks(host: str, container: Mapping[str, Any], wrong: list[str]) -> list[str]:
    networks: list[str] = []
    for given in container.get("networks") or []:
        network = given.get("name") if isinstance(given, dict) else given
        if names.is_object_name(network):
            networks.append(str(network))
        else:
            of = (host, container["name"], network, names.OBJECT_RULE)
            wrong.append("host %s: container %s: network '%s': a name is %s" % of)
    return networks


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
        "virtnet_host": host,
        "virtnet_networks": networks,
        "virtnet_network_mode": mode,
    }
    return ContainerHost("%s.%s" % (name, host), [GROUP, *(group_of(network) for network in networks)], variables)
