# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kernel limits that the desired and the undeclared endpoints together exceed."""

from __future__ import annotations

from collections import Counter

from ansible_collections.virtnet.linux.plugins.module_utils.rules.names import limits_exceeded
from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import Problems
from ansible_collections.virtnet.linux.plugins.plugin_utils.ipam.endpoints import Endpoint
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.scope import Scope


def warn_of_limits(scope: Scope, endpoints: list[Endpoint], problems: Problems) -> None:
    """Warn of each limit, with the message that network_info has once the endpoints exist."""
    if scope.live.limits is None:
        return
    staying = [one for container in scope.undeclared.values() for one in container.endpoints.values()]
    versions = Counter(version for one in endpoints for version in one.addresses)
    versions.update(version for one in staying for version in one.addresses)
    ports = Counter(endpoint.network.bridge for endpoint in endpoints)
    ports.update(scope.networks[one.network].bridge for one in staying if one.network in scope.networks)
    problems.warnings.update(dict.fromkeys(limits_exceeded(versions, ports, scope.live.limits)))
