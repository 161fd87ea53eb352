# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The database of Open vSwitch: read in one call, changed in one transaction, both by ovs-vsctl(8).

The tables and columns are those of ovs-vswitchd.conf.db(5). A bridge of Open vSwitch is managed by this collection
where its external_ids have the key ``virtnet``, which holds the ownership label; so is a port, of a foreign bridge too.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from ansible_collections.virtnet.linux.plugins.module_utils.rules.names import labels_of, mark
from ansible_collections.virtnet.linux.plugins.module_utils.system import programs

OWNER = "virtnet"  # the key of external_ids
LOCAL = 65534  # OFPP_LOCAL: the OpenFlow port number of a bridge's own internal port
_SECONDS = 10  # for ovs-vswitchd to apply a transaction; it takes about 1 ms a port

Labels = dict[str, str]
Commands = list[list[str]]  # of ovs-vsctl, each as its words


class OvsError(Exception):
    """Open vSwitch cannot be read or changed; the message says which command failed and how."""


class Switch(NamedTuple):
    """A bridge of Open vSwitch. ``labels`` is None for a foreign one; ``mac`` is that of its own internal port."""

    name: str
    datapath: str = ""  # system (the kernel's), or netdev (in user space)
    fail_mode: str | None = None
    mac: str | None = None
    mtu: int | None = None
    labels: Labels | None = None


class SwitchPort(NamedTuple):
    """A port of a switch. ``number`` is the OpenFlow port number that this collection requests for its own ports.

    ``tag`` is the VLAN of an access port, or the native VLAN of one with ``trunks``; ``protected`` ports exchange no
    frames with each other (icc: false). An ``internal`` port is a link of the host: the gateway of a VLAN.
    """

    name: str
    switch: str
    number: int | None = None
    tag: int | None = None
    trunks: tuple[int, ...] = ()
    protected: bool = False
    internal: bool = False
    mac: str | None = None
    mtu: int | None = None
    labels: Labels | None = None  # None for a foreign port


class Database(NamedTuple):
    """Observed or desired contents: switches and ports by their names.

    ``numbers`` are the numbers that ports have now, ``datapaths`` the types of datapath that ovs-vswitchd supports.
    """

    switches: dict[str, Switch]
    ports: dict[str, SwitchPort]
    numbers: dict[str, int]
    datapaths: tuple[str, ...]

    def copy(self) -> Database:
        """Return a copy whose switches and ports can be changed."""
        return self._replace(switches=dict(self.switches), ports=dict(self.ports))

    def without(self, switches: Collection[str], ports: Collection[str]) -> Database:
        """Return a copy without these switches and their ports, and without these ports."""
        left = {name: one for name, one in self.ports.items() if one.switch not in switches and name not in ports}
        return self._replace(
            switches={name: one for name, one in self.switches.items() if name not in switches}, ports=left
        )

    def gateway_ports(self) -> dict[tuple[str, int | None], str]:
        """Return the gateway port of each segment, by switch and VLAN (None: the switch's own internal port)."""
        found: dict[tuple[str, int | None], str] = {(name, None): name for name in self.switches}
        found.update(
            {(one.switch, one.tag): one.name for one in self.ports.values() if one.internal and one.labels is not None}
        )
        return found

    def segment_of(self, gateway_port: str) -> tuple[str, int | None] | None:
        """Return switch and VLAN of a gateway port; None where there is none of that name."""
        if gateway_port in self.switches:
            return gateway_port, None
        port = self.ports.get(gateway_port)
        return (port.switch, port.tag) if port is not None and port.internal else None


def socket_path() -> str:
    """Return the path of ovsdb-server's socket."""
    return os.path.join(os.environ.get("OVS_RUNDIR", "/run/openvswitch"), "db.sock")


def is_running() -> bool:
    """Whether there is an ovsdb-server."""
    return os.path.exists(socket_path()) and programs.find("ovs-vsctl") is not None


def read() -> Database:
    """Read switches and ports. Raises OvsError."""
    tables = _listed(
        ("bridge", "name", "datapath_type", "fail_mode", "other_config", "external_ids", "ports"),
        ("port", "_uuid", "name", "tag", "trunks", "protected", "external_ids", "interfaces"),
        ("interface", "_uuid", "name", "type", "ofport", "ofport_request", "mac", "mtu_request"),
        ("open_vswitch", "datapath_types"),
    )
    bridges, ports, interfaces, servers = tables
    by_uuid = {one["_uuid"]: one for one in interfaces}
    owners = {uuid: one["name"] for one in bridges for uuid in _many(one["ports"])}
    found = Database({}, {}, {}, tuple(kind for one in servers for kind in _many(one["datapath_types"])))
    for one in ports:
        carriers = [by_uuid[uuid] for uuid in _many(one["interfaces"]) if uuid in by_uuid]
        if one["_uuid"] in owners and carriers:
            found.ports[one["name"]] = _port(one, owners[one["_uuid"]], carriers[0])
            if isinstance(carriers[0]["ofport"], int) and carriers[0]["ofport"] > 0:
                found.numbers[one["name"]] = carriers[0]["ofport"]
    for one in bridges:
        own = found.ports.pop(one["name"], None)
        config, owner = one["other_config"], one["external_ids"].get(OWNER)
        found.switches[one["name"]] = Switch(
            name=one["name"],
            datapath=one["datapath_type"] or "system",
            fail_mode=_one(one["fail_mode"]),
            mac=config.get("hwaddr"),
            mtu=None if own is None else own.mtu,
            labels=None if owner is None else labels_of(owner),
        )
    return found


def transact(commands: Commands) -> None:
    """Carry out commands as one transaction, and wait until ovs-vswitchd has applied it. Raises OvsError.

    That a device of a port does not exist is no error: ovs-vswitchd attaches it when it is created.
    """
    if commands:
        _run(["--timeout=%d" % _SECONDS, *(word for command in commands for word in ("--", *command))])


def wait_for_ports(numbers: dict[str, int]) -> None:
    """Wait until ports have these OpenFlow numbers: ovs-vswitchd has attached their devices. Raises OvsError."""
    if not numbers:
        return
    commands = [["wait-until", "interface", name, "ofport=%d" % number] for name, number in sorted(numbers.items())]
    _run(["--timeout=%d" % _SECONDS, *(word for command in commands for word in ("--", *command))])


def commands(before: Database, after: Database) -> Commands:
    """Return the ovs-vsctl commands that lead from observed to desired contents; none where they are the same."""
    found: Commands = []
    for name in sorted(set(before.switches) - set(after.switches)):
        found.append(["--if-exists", "del-br", name])
    for name in sorted(set(before.ports) - set(after.ports)):
        if before.ports[name].switch in after.switches:  # the others are deleted with their switch
            found.append(["--if-exists", "del-port", before.ports[name].switch, name])
    for name, switch in sorted(after.switches.items()):
        found += _commands_of_switch(before.switches.get(name), switch)
    for name, port in sorted(after.ports.items()):
        found += _commands_of_port(before.ports.get(name), port)
    return found


def _commands_of_switch(before: Switch | None, after: Switch) -> Commands:
    if before == after:
        return []
    found: Commands = [] if before is not None else [["add-br", after.name]]
    columns = [_set("datapath_type", after.datapath), _set("fail_mode", after.fail_mode)]
    if after.mac is not None:
        columns.append(_set("other_config:hwaddr", after.mac))
    if after.labels is not None:
        columns.append(_set("external_ids:" + OWNER, mark(after.labels)))
    found.append(["set", "bridge", after.name, *columns])
    return found + _mtu_request(after.name, before.mtu if before else None, after.mtu)


def _commands_of_port(before: SwitchPort | None, after: SwitchPort) -> Commands:
    if before == after:
        return []
    found: Commands = []
    if before is not None and before.switch != after.switch:
        found.append(["del-port", before.switch, after.name])
        before = None
    if before is None:
        found.append(["add-port", after.switch, after.name])
    mode = "native-untagged" if after.trunks and after.tag is not None else "trunk" if after.trunks else "access"
    found.append(
        [
            "set",
            "port",
            after.name,
            "tag=%s" % ("[]" if after.tag is None else after.tag),
            "trunks=[%s]" % ",".join(map(str, after.trunks)),
            "vlan_mode=%s" % (mode if after.trunks else "[]"),
            "protected=%s" % str(after.protected).lower(),
            *([_set("external_ids:" + OWNER, mark(after.labels))] if after.labels is not None else []),
        ]
    )
    columns = ["type=internal"] if after.internal else []
    if after.number is not None:
        columns.append("ofport_request=%d" % after.number)
    if after.mac is not None:
        columns.append(_set("mac", after.mac))
    if columns:
        found.append(["set", "interface", after.name, *columns])
    return found + _mtu_request(after.name, before.mtu if before else None, after.mtu)


def _mtu_request(name: str, before: int | None, after: int | None) -> Commands:
    if before == after:
        return []
    return [["set", "interface", name, "mtu_request=%s" % ("[]" if after is None else after)]]


def _set(column: str, value: str | None) -> str:
    """Return COLUMN=VALUE with a quoted string (ovs-vsctl(8), "Database Values": as in JSON); empty for None."""
    return column + "=" + ("[]" if value is None else json.dumps(value))


def _port(port: dict[str, Any], switch: str, interface: dict[str, Any]) -> SwitchPort:
    owner = port["external_ids"].get(OWNER)
    return SwitchPort(
        name=port["name"],
        switch=switch,
        number=_one(interface["ofport_request"]),
        tag=_one(port["tag"]),
        trunks=tuple(sorted(_many(port["trunks"]))),
        protected=port["protected"],
        internal=interface["type"] == "internal",
        mac=_one(interface["mac"]),
        mtu=_one(interface["mtu_request"]),
        labels=None if owner is None else labels_of(owner) or {},
    )


def _listed(*tables: tuple[str, ...]) -> list[list[dict[str, Any]]]:
    """Return the rows of tables, given as their name and columns."""
    words = ["--no-wait", "--timeout=%d" % _SECONDS, "--format=json"]
    for table, *columns in tables:
        words += ["--", "--columns=" + ",".join(columns), "list", table]
    lines = _run(words).splitlines()
    if len(lines) != len(tables):
        raise OvsError("ovs-vsctl list: %d tables instead of %d" % (len(lines), len(tables)))
    return [_rows(line) for line in lines]


def _rows(line: str) -> list[dict[str, Any]]:
    try:
        table = json.loads(line)
        return [dict(zip(table["headings"], map(_value, row))) for row in table["data"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise OvsError("ovs-vsctl list: not a table in JSON: %s" % line[:200]) from error


def _value(value: Any) -> Any:
    """Return a value of RFC 7047, section 5.1: maps as dict, sets as list, UUIDs as text."""
    if not isinstance(value, list) or len(value) != 2 or value[0] not in ("set", "map", "uuid"):
        return value
    kind, held = value
    if kind == "map":
        return {_value(key): _value(one) for key, one in held}
    return [_value(one) for one in held] if kind == "set" else held


def _many(value: Any) -> list[Any]:
    """Return the members of a set; a set of one is listed as its only member."""
    return value if isinstance(value, list) else [value]


def _one(value: Any) -> Any:
    """Return an optional value, None where it is the empty set."""
    return (value[0] if value else None) if isinstance(value, list) else value


def _run(words: Iterable[str]) -> str:
    return run("ovs-vsctl", list(words))


def run(program: str, words: list[str], text: str = "", accepted: tuple[int, ...] = (0,)) -> str:
    """Return the output of a program of Open vSwitch. Raises OvsError where it fails."""
    binary = programs.find(program)
    if binary is None:
        raise OvsError("%s: not found; install Open vSwitch (virtnet.linux.prepare_host does)" % program)
    done = subprocess.run([binary, *words], input=text, capture_output=True, text=True, check=False)
    if done.returncode not in accepted:
        why = done.stderr.strip() or "exit status %d" % done.returncode
        if done.returncode == 142 or "signal 14" in why or "Alarm clock" in why:  # SIGALRM of --timeout
            why = "no answer within %d s; is ovs-vswitchd running?" % _SECONDS
        raise OvsError("%s: %s" % (program, why))
    return done.stdout
