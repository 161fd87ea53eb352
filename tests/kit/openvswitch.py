# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Open vSwitch in a throwaway host: a database and an ovs-vswitchd of its own, with the datapath in user space."""

from __future__ import annotations

from kit.host import Host

_RUN = "/run/openvswitch"
_DAEMON = "--pidfile --detach --no-chdir --log-file=/dev/null"

START_SERVER = """
ip link set lo up
mkdir -p {run}
[ -e {run}/conf.db ] || ovsdb-tool create {run}/conf.db /usr/share/openvswitch/vswitch.ovsschema
ovsdb-server {run}/conf.db --remote=punix:{run}/db.sock {daemon} 2>&1
ovs-vsctl --no-wait init
""".format(run=_RUN, daemon=_DAEMON)
START_SWITCHD = "ovs-vswitchd --disable-system {daemon} 2>&1".format(daemon=_DAEMON)
START = START_SERVER + START_SWITCHD + "\n"


def start(host: Host) -> None:
    """Start ovsdb-server and ovs-vswitchd in the host; they end with it."""
    host.sh(START)


def stop_switchd(host: Host, how: str = "kill -9 $(cat {run}/ovs-vswitchd.pid)") -> None:
    """End ovs-vswitchd, by default as a crash does, and wait for its end."""
    host.sh("pid=$(cat {run}/ovs-vswitchd.pid)\n".format(run=_RUN) + how.format(run=_RUN) + "\n"
            "while kill -0 $pid 2>/dev/null; do sleep 0.02; done")  # fmt: skip


def start_switchd(host: Host) -> None:
    """Start ovs-vswitchd again, on the database that is there."""
    host.sh(START_SWITCHD)
