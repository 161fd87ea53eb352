# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a container, as a host, takes over from its host."""

from __future__ import annotations

import pytest

from ansible_collections.virtnet.linux.plugins.plugin_utils.container_hosts import is_way_to_host


@pytest.mark.parametrize(
    "variable",
    ["ansible_host", "ansible_become_pass", "ansible_ssh_host_key_checking", "ansible_paramiko_proxy_command"],
)
def test_the_way_to_a_host_is_taken_over(variable):
    assert is_way_to_host(variable)


@pytest.mark.parametrize(
    "variable",
    [
        "ansible_become_method",
        "ansible_ssh_host_key_ed25519_public",  # facts
        "ansible_ssh_host_key_ed25519_public_keytype",
        "bridge_network_containers",
    ],
)
def test_what_else_is_known_of_a_host_is_not(variable):
    assert not is_way_to_host(variable)
