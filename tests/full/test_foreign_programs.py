# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""firewalld and ufw themselves accept managed bridges, also after reloads, until the networks are removed.

tests/integration/docker_scenarios/test_foreign_firewalls.py has their rules without the programs.
"""

from __future__ import annotations

import pytest
from integration.docker_scenarios.declarations import APP, HOST, HOST6, LAN, LAN6, WEB, absent, on
from integration.role_l2l3.conftest import LAN as ON_A_LAN
from integration.role_l2l3.conftest import Role

from kit import unpacked
from kit.host import Host
from kit.packets import arrives, is_lost

PROGRAMS = {"firewalld": "/usr/sbin/firewalld", "ufw": "/usr/sbin/ufw", "dbus-daemon": "/usr/bin/dbus-daemon"}
BUS = """
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""
FIREWALLD = (
    """
mkdir -p /run/dbus
cat >/run/bus.conf <<'BUS'%sBUS
dbus-daemon --config-file=/run/bus.conf --fork --nopidfile
firewalld --nofork --nopid >/dev/null 2>&1 </dev/null &
until firewall-cmd --state 2>/dev/null; do sleep 0.1; done
"""
    % BUS
)
UFW = """
cp -n /usr/share/ufw/iptables/*.rules /usr/share/ufw/*.init /usr/share/ufw/ufw.conf /etc/ufw/
chmod go-w /etc/ufw /etc/default
ufw --force enable
"""
CONTAINERS = [on("web", "a", "8080:80"), on("app", "far")]


@pytest.fixture
def host():
    with Host() as made:
        made.sh(ON_A_LAN)
        unpacked.merge(made, "foreign-programs", PROGRAMS)
        yield made


@pytest.fixture
def role(host):
    return Role(host)


def warned(role):
    """The warnings about foreign firewalls that drop."""
    return [one for one in role.plan([WEB, APP], CONTAINERS)["warnings"] if "drops what it forwards" in one]


def ways_out(host):
    return [arrives(host, "a", LAN, 80, "lan"), arrives(host, "a", LAN6, 80, "lan")]


def ways_in(host):
    return [arrives(host, "lan", HOST, 8080, "a", 80), arrives(host, "lan", HOST6, 8080, "a", 80)]


def zone(host):
    return host.sh("firewall-cmd --zone=trusted --list-interfaces; firewall-cmd --permanent --zone=trusted --list-all")


def test_firewalld_accepts_managed_bridges_over_reloads(host, role):
    host.sh(FIREWALLD)
    before = zone(host)
    assert len(warned(role)) == 2 and all(
        "firewall-cmd --zone=trusted --add-interface=br-" in one for one in warned(role)
    )
    role.run([WEB, APP], CONTAINERS)
    assert is_lost(host, "a", LAN, 80, "lan"), "the control"
    assert zone(host) == before, "nothing is touched unless it is asked for"

    role.run([WEB, APP], CONTAINERS, manage_foreign_firewall=True)
    assert all(ways_out(host) + ways_in(host))
    host.sh("firewall-cmd --reload")
    assert all(ways_out(host) + ways_in(host)), "it is in its files"
    assert is_lost(host, "lan", HOST, 8081, "a", 81), "what is let in is still ours to say"
    role.run([WEB, APP], CONTAINERS, manage_foreign_firewall=True)
    assert warned(role) == []

    host.sh("firewall-cmd --zone=trusted --remove-interface=br-web")
    assert is_lost(host, "a", LAN, 80, "lan")
    host.sh("rm -rf /run/virtnet")  # as a reboot does
    did = role.run([WEB, APP], CONTAINERS, manage_foreign_firewall=True)
    labels = ["change netns a", "change netns far"]  # they are in /run/virtnet/memory.json alone
    assert did == [*labels, "create foreign_firewall br-web in firewalld"] and all(ways_out(host))

    host.sh("firewall-cmd --zone=trusted --add-interface=theirs --permanent")
    role.run([WEB, {"name": "app", "state": "absent"}], [absent("far")], manage_foreign_firewall=True)
    assert "br-app" not in zone(host) and "br-web" in zone(host)
    role.run([WEB], CONTAINERS[:1])
    assert "br-web" not in zone(host) and "theirs" in zone(host), "the variable is false again"
    host.sh("firewall-cmd --zone=trusted --remove-interface=theirs --permanent")
    assert zone(host) == before


def test_administrators_firewalld_settings_are_kept(host, role):
    host.sh(FIREWALLD)
    warnings = warned(role)
    role.run([WEB, APP], CONTAINERS)
    for warning in warnings:
        host.sh(warning.split("or run: ")[1])
    assert all(ways_out(host)) and warned(role) == []
    by_hand = zone(host)
    role.run([WEB, APP], CONTAINERS, manage_foreign_firewall=True)
    role.run([WEB, APP], CONTAINERS)
    assert zone(host) == by_hand
    host.sh("firewall-cmd --reload")
    assert all(ways_out(host))


def test_a_stopped_firewalld_is_configured_in_its_files(host, role):
    host.sh(FIREWALLD)
    before = host.sh("firewall-cmd --permanent --zone=trusted --list-all")
    role.run([WEB, APP], CONTAINERS, manage_foreign_firewall=True)
    host.sh("kill $(pgrep -x firewalld); while pgrep -x firewalld; do sleep 0.1; done")
    role.run([{"name": "web", "state": "absent"}, {"name": "app", "state": "absent"}], [absent("a"), absent("far")])
    host.sh("firewalld --nofork --nopid >/dev/null 2>&1 </dev/null & until firewall-cmd --state; do sleep 0.1; done")
    assert host.sh("firewall-cmd --permanent --zone=trusted --list-all") == before


def test_ufw_accepts_managed_bridges(host, role):
    host.sh(UFW)
    rules = ("/etc/ufw/user.rules", "/etc/ufw/user6.rules")
    before = [host.sh("cat " + path) for path in rules]
    assert len(warned(role)) == 4 and all("ufw route allow in on br-" in one for one in warned(role))
    role.run([WEB, APP], CONTAINERS)
    assert is_lost(host, "a", LAN, 80, "lan") and is_lost(host, "lan", HOST, 8080, "a", 80), "the control"
    assert [host.sh("cat " + path) for path in rules] == before, "nothing is touched unless it is asked for"

    role.run([WEB, APP], CONTAINERS, manage_foreign_firewall=True)
    assert all(ways_out(host) + ways_in(host))
    host.sh("ufw reload")
    assert all(ways_out(host) + ways_in(host)), "it is in its files"
    assert is_lost(host, "lan", HOST, 8081, "a", 81), "what is let in is still ours to say"
    host.sh("rm -rf /run/virtnet")
    role.run([WEB, APP], CONTAINERS, manage_foreign_firewall=True)

    role.run([WEB, {"name": "app", "state": "absent"}], [absent("far")], manage_foreign_firewall=True)
    assert "br-app" not in host.sh("ufw status") and "br-web" in host.sh("ufw status")
    role.run([WEB], CONTAINERS[:1])
    assert [host.sh("cat " + path) for path in rules] == before, "the variable is false again"
