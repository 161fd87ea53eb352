# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a container, as a host, takes over from its host, and which live containers become hosts at all."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.virtnet.linux.plugins.filter.container_hosts import container_hosts
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


def live(*names, network="web"):
    endpoints = [{"network": network, "addresses": ["172.30.0.2/16"]}]
    return [{"name": name, "mode": "bridge", "endpoints": endpoints} for name in names]


@pytest.mark.parametrize("name", ["a b", "../x", "-x", "x\ny", "x\0", "{{ lookup('pipe', 'id') }}", "", None, 7])
def test_a_live_container_whose_name_is_none_is_no_host(name):
    """A host that was broken into may say anything; and a namespace may have any name that a file may have."""
    assert [one["name"] for one in container_hosts({"h1": live(name, "good")}, {"h1": {}})] == ["good.h1"]


def test_nor_does_a_network_whose_name_is_none_make_a_group():
    (one,) = container_hosts({"h1": live("good", network="$(id)")}, {"h1": {}})
    assert one["groups"] == ["containers"] and one["variables"]["virtnet_networks"] == []


@pytest.mark.parametrize(
    "found", [{"prod": live("db")}, {"prod": live("a.b"), "b.prod": live("a")}], ids=["a host's", "a container's"]
)
def test_a_name_that_another_host_has_is_refused(found):
    """Else the host db.prod would be reached as prod is, and its tasks would run in prod's container."""
    hostvars = {"prod": {}, "b.prod": {}, "db.prod": {"ansible_host": "192.0.2.7"}}
    with pytest.raises(AnsibleFilterError, match=r"(db|a\.b)\.prod: .* another container or a host"):
        container_hosts(found, hostvars)


def test_one_that_is_declared_too_stays_itself():
    hostvars = {"prod": {}, "db.prod": {"virtnet_container": "db"}}
    assert [one["name"] for one in container_hosts({"prod": live("db")}, hostvars)] == ["db.prod"]
