# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The phases of a run. Every action knows its phase; a run sorts its actions by phase, once: check mode prints that
list, and a run carries it out, each phase as one batch."""

from __future__ import annotations

import enum


class Phase(enum.IntEnum):
    """A phase; the order of the members is the order of work, and the only place where it is written."""

    FILES = enum.auto()  # the persisted desired state first: a boot after a kill applies the new one
    CONFLICTING_LINKS = enum.auto()  # a container's own links under names that the document needs
    NAMESPACES = enum.auto()
    SWITCHES = enum.auto()  # switches of Open vSwitch, in one transaction; new ports follow the links of ENDPOINTS
    BRIDGES = enum.auto()
    ROUTING_RULES = enum.auto()
    GATEWAY_CLOSE = enum.auto()  # forwarding is disabled before the rules that guard it are deleted
    UNPUBLISH = enum.auto()  # reported before FIREWALL, and part of its transaction
    FIREWALL = enum.auto()  # one nft transaction, before any new endpoint has a link
    SWITCH_FLOWS = enum.auto()  # guards of the ports of Open vSwitch, before any new endpoint has a link
    FOREIGN_FIREWALLS = enum.auto()
    DELETE_TUNNELS = enum.auto()
    RETURN_NICS = enum.auto()
    DELETE_CONTAINERS = enum.auto()  # pairs, bridges, namespaces and their files, in parallel
    ENDPOINTS = enum.auto()  # after deletions, which make names and addresses free
    NEIGHBOURS = enum.auto()
    PUBLISH_MOVED = enum.auto()  # published ports of addresses that another endpoint had until ENDPOINTS
    NICS = enum.auto()
    TUNNELS = enum.auto()
    SYSCTLS = enum.auto()  # inside namespaces: net.ipv4.conf.eth0.* needs eth0
    GATEWAY_OPEN = enum.auto()  # forwarding is enabled when the rules that guard it are in force
    DELETE_ROUTING_RULES = enum.auto()
    NAMES = enum.auto()  # names of networks, then the files of containers

    @property
    def deletes(self) -> bool:
        """Whether its actions are deletions, which a kind carries out by its delete()."""
        return self in (Phase.DELETE_TUNNELS, Phase.RETURN_NICS)
