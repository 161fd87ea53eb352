# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ports by which containers are reached (ingress), from what network_info returned: published ports, and allowed
ports of routed networks. Adjacent ports are merged into ranges, as in ``docker ps``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.ports import PortRange, bracketed


class Reachable(NamedTuple):
    """Ports of a container, and the host ports translated to them."""

    address: str
    protocol: str
    host_ip: str | None  # None: every address of the host of the same family
    host: PortRange | None  # None: no translation, clients connect to the container's address
    to: PortRange

    @property
    def at(self) -> str:
        """The host address, in Docker's format."""
        return bracketed(self.host_ip or ("::" if ":" in self.address else "0.0.0.0"))


def reachable(report: Mapping[str, Any]) -> dict[str, list[Reachable]]:
    """The ports, by container address."""
    alike: dict[tuple[str, str, str | None, int | None], set[int]] = {}
    for port in report.get("nat_ports") or []:
        further = port["host_port"] - port["to_port"]  # equal for all ports of a range
        alike.setdefault((port["to_address"], port["protocol"], port["host_ip"], further), set()).add(port["to_port"])
    for allowed_port in report.get("allowed_ports") or []:
        alike.setdefault((allowed_port["address"], allowed_port["protocol"], None, None), set()).add(
            allowed_port["port"]
        )
    found: dict[str, list[Reachable]] = {}
    for (address, protocol, host_ip, further), numbers in alike.items():
        for to in _ranges(numbers):
            host = None if further is None else PortRange(to.first + further, to.last + further)
            found.setdefault(address, []).append(Reachable(address, protocol, host_ip, host, to))
    return {address: sorted(ports, key=_order) for address, ports in found.items()}


def _ranges(numbers: set[int]) -> Iterable[PortRange]:
    firsts = sorted(number for number in numbers if number - 1 not in numbers)
    lasts = sorted(number for number in numbers if number + 1 not in numbers)
    return map(PortRange, firsts, lasts)


def _order(port: Reachable) -> tuple[str, str, int, int]:
    return port.protocol, port.host_ip or "", port.host.first if port.host else 0, port.to.first
