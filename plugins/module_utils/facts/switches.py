# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Observed switches of Open vSwitch. They are added to the host's links, so that all else finds the ports of every
switch by their master, whatever its driver is."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.virtnet.linux.plugins.module_utils.netlink.link import Link
from ansible_collections.virtnet.linux.plugins.module_utils.ovs import database
from ansible_collections.virtnet.linux.plugins.module_utils.ovs.database import Database, OvsError

OPEN_VSWITCH = "openvswitch"


def _nothing() -> None:
    pass


class Switches:
    """The database of Open vSwitch, read at first access; ``error`` says why it could not be read."""

    def __init__(self) -> None:
        self.error: str | None = None
        self._found: Database | None = None
        self._is_read = False
        self.attach: Callable[[], None] = _nothing  # adds the run's new ports: switch/openvswitch/changes.py

    @property
    def found(self) -> Database | None:
        """The observed database; None where Open vSwitch does not run, or does not answer (``error``)."""
        if not self._is_read:
            self._is_read = True
            try:
                self._found = database.read() if database.is_running() else None
            except OvsError as error:
                self.error = str(error)
        return self._found

    def forget(self) -> None:
        """Drop what was read: it has been changed."""
        self._is_read = False

    def amend(self, links: dict[str, Link]) -> None:
        """Record in the host's links which are gateway ports of switches, and which are ports of these."""
        found = self.found
        if found is None:
            return
        gateway_ports = found.gateway_ports()
        for (switch, tag), name in gateway_ports.items():
            if name in links:
                labels = found.switches[switch].labels if tag is None else found.ports[name].labels
                links[name].as_switch(OPEN_VSWITCH, labels)
        for name, port in found.ports.items():
            gateway_port = links.get(gateway_ports.get((port.switch, port.tag), port.switch))
            if name in links and gateway_port is not None and name != gateway_port.name:
                links[name].as_port_of(gateway_port.index)
