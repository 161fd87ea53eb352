# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is written in another way for Docker or in a compose file, and what to write here: the ends of messages."""

from __future__ import annotations

from collections.abc import Mapping

_PROCESS = (
    ": a container here is a network namespace, without image and processes; start its program in it with ip netns "
    "exec, systemd, Podman or Docker (docs/services.md)"
)
_OF_ATTACHMENT = " of a container, but of one of its networks: networks: [{name: NETWORK, %s: VALUE}]"
_NOT_NEEDED = "; leave it out: containers of a network reach each other by name, on every port"

CONTAINER = {
    **dict.fromkeys(
        (
            "build", "cap_add", "cap_drop", "command", "depends_on", "deploy", "devices", "entrypoint", "env_file",
            "environment", "healthcheck", "image", "init", "logging", "privileged", "read_only", "restart", "secrets",
            "security_opt", "stdin_open", "tmpfs", "tty", "ulimits", "user", "volumes", "working_dir",
        ),
        _PROCESS,
    ),
    **{
        word: _OF_ATTACHMENT % word
        for word in ("aliases", "interface_name", "ipv4_address", "ipv6_address", "mac_address")
    },
    **dict.fromkeys(("expose", "links"), _NOT_NEEDED),
    "container_name": "; write name",
    "hostname": "; write name, or aliases of one of its networks",
    "ip": _OF_ATTACHMENT % "ipv4_address",
    "privileged": _PROCESS,
    "publish": "; write ports",
}  # fmt: skip
NETWORK = {
    "attachable": "; leave it out: any container can be on the network",
    "driver_opts": "; write mtu, icc, masquerade and the like as fields of the network",
    "external": "; leave the network out here: containers can be on any network that exists",
    "ipam": "; write subnet, gateway and ip_range as fields of the network",
    "ipv6": "; write enable_ipv6",
}
DRIVERS = {
    "bridge": "; leave it out: every network here has a bridge",
    "overlay": "; declare it for the role overlay_network, which spans hosts",
    "macvlan": "; write type: macvlan in the interfaces of a container",
}

_SHOWN = 60  # characters of an example


def as_list(value: object, named: bool) -> str:
    """Return what to write where a value is no list; of mappings with names, if ``named``."""
    if isinstance(value, str):
        return f": [{value!r}]" if len(value) < _SHOWN else ""
    if not isinstance(value, Mapping) or not named or not value:
        return ""
    name, fields = next(iter(value.items()))
    return f", and is a mapping, as in a compose file; write {_entry(name, fields, '- ')} for each name"


def of_entry(value: Mapping[object, object]) -> str:
    """Return what to write for an entry without a name that has one as its only key."""
    if len(value) != 1:
        return ""
    ((name, fields),) = value.items()
    return f"; write {_entry(name, fields)}" if isinstance(fields, Mapping) else ""


def of_port(value: Mapping[object, object]) -> str:
    """Return what to write for a port in compose's long form."""
    host, container = value.get("published"), value.get("target")
    protocol = value.get("protocol", "tcp")
    text = f"{host}:{container}" + ("" if protocol == "tcp" else f"/{protocol}")
    return f'is the long form of compose; write "{text if host and container else "8080:80"}"'


def _entry(name: object, fields: object, dash: str = "") -> str:
    words = [f"name: {name}"]
    if isinstance(fields, Mapping):
        words += [f"{key}: {value}" for key, value in fields.items() if isinstance(value, (str, int)) and key != "name"]
        words += ["..."] if len(words) <= len(fields) else []
    text = "%s{%s}" % (dash, ", ".join(words))
    return text if len(text) <= _SHOWN else f"{dash}{{name: {str(name)[:_SHOWN]}, ...}}"
