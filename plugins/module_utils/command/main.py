# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command virtnet(8): its subcommands, options and exit status."""

from __future__ import annotations

import contextlib
import math
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from ansible_collections.virtnet.linux.plugins.module_utils.command import (
    capture,
    completion,
    connections,
    containers,
    counters,
    execute,
    lists,
    manual,
    output,
    probe,
    trace,
)
from ansible_collections.virtnet.linux.plugins.module_utils.command.containers import Unknown
from ansible_collections.virtnet.linux.plugins.module_utils.engine import privileges
from ansible_collections.virtnet.linux.plugins.module_utils.inspect.report import networks, report
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import messages
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import NetlinkError
from ansible_collections.virtnet.linux.plugins.module_utils.nft.firewall import FirewallError
from ansible_collections.virtnet.linux.plugins.module_utils.ovs.database import OvsError
from ansible_collections.virtnet.linux.plugins.module_utils.system.files import Unreadable
from ansible_collections.virtnet.linux.plugins.module_utils.system.runtime_state import Locked

if TYPE_CHECKING:
    import argparse

OK, DIFFERS, ERROR = 0, 1, 2
_ERRORS = (Unknown, Unreadable, Locked, NetlinkError, FirewallError, OvsError, OSError)


def main(arguments: list[str]) -> int:
    """Run the command line; return the exit status: 0 on success, 1 if check found a difference or trace a drop, 2 on
    errors; of exec that of the program."""
    options = parser().parse_args(arguments)
    if options.command in ("completion", "man"):
        return _print_text(options)
    if os.geteuid() != 0:
        return _fail("networks are read as root: sudo virtnet %s" % " ".join(arguments))
    lacking = privileges.lacking()
    if lacking is None and messages.PYROUTE2_MISSING is not None:
        lacking = f"pyroute2 is missing for {sys.executable}: {messages.PYROUTE2_MISSING}"
    if lacking is not None:
        return _fail(lacking)
    try:
        return _COMMANDS[options.command](options)
    except BrokenPipeError:  # a pager or head has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except KeyboardInterrupt:
        return 130
    except _ERRORS as error:
        return _fail(str(error))


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    import argparse  # imported here: a module that installs the command does not parse

    whole = argparse.ArgumentParser(
        prog="virtnet",
        description="Show, compare and restore the networks that Ansible's virtnet.linux made on this host.",
        epilog="Exit status: 0; 1 where check finds a difference or trace a drop; 2 on errors. See virtnet man.",
    )
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, about: str, *, as_json: bool = True) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".")
        if as_json:
            one.add_argument("--json", action="store_true", help="print JSON")
        return one

    add("ls", "list networks, as docker network ls does")
    add("inspect", "print networks in JSON, as docker network inspect does").add_argument("network", nargs="+")
    add("ps", "list containers with their addresses, ports and processes")
    add("port", "list the published ports of a container").add_argument("container")
    add("bridges", "list bridges and their ports, as brctl show does")
    one = add("exec", "run a program in the network namespace of a container, with its names", as_json=False)
    one.add_argument("container")
    one.add_argument("program", nargs="...", metavar="-- PROGRAM")
    one = add("stats", "show packets and bytes of each endpoint")
    one.add_argument("--ports", action="store_true", help="the connections of each published port instead")
    one.add_argument("--once", action="store_true", help="print once instead of every second")
    one.add_argument(
        "--prometheus", action="store_true", help="print once, for the textfile collector of node exporter"
    )
    one = add("capture", "write the packets of a container or network in pcap format to standard output", as_json=False)
    one.add_argument("name", metavar="CONTAINER|NETWORK")
    one.add_argument("--count", type=_count, metavar="N", help="end after N packets")
    one.add_argument("--seconds", type=_seconds, metavar="S", help="end after S seconds")
    one = add("trace", "send a packet from a container, and say which rule drops it")
    one.add_argument("container")
    one.add_argument("address", help="the destination address")
    one.add_argument("port", type=int, nargs="?", help="the destination port; an ICMP echo request without one")
    one.add_argument("--udp", action="store_true", help="UDP instead of TCP")
    restore = add("restore", "bring back what is persisted and missing or differs")
    about = "how long to wait for this host's own addresses that tunnels need"
    restore.add_argument("--wait", type=_seconds, default=0, metavar="SECONDS", help=about)
    for one in (restore, add("check", "list what restore would do; exit status 1 if that is anything")):
        one.add_argument("--lock-timeout", type=_seconds, default=60, metavar="SECONDS",
                         help="how long to wait for another run (default: 60)")  # fmt: skip
    add("completion", "print the completion of a shell", as_json=False).add_argument("shell", choices=completion.SHELLS)
    add("man", "print the manual page", as_json=False)
    return whole


def _seconds(text: str) -> float:
    """Return a number of seconds."""
    with contextlib.suppress(ValueError):
        if math.isfinite(float(text)) and float(text) >= 0:
            return float(text)
    return _refuse("%s: must be a number of seconds, 0 or more" % text)


def _count(text: str) -> int:
    """Return a number of packets."""
    return int(text) if text.isdecimal() else _refuse("%s: must be a number of packets, 0 or more" % text)


def _refuse(text: str) -> NoReturn:
    from argparse import ArgumentTypeError

    raise ArgumentTypeError(text)


def _ls(options: argparse.Namespace) -> int:
    if options.json:
        output.print_json(networks(docker_format=True)["docker"]["network_ls"])
    else:
        output.print_table(lists.networks(networks()))
    return OK


def _inspect(options: argparse.Namespace) -> int:
    found = report(docker_format=True)["docker"]["networks"]
    by_name = {one["Name"]: one for one in found}
    output.print_json([by_name[containers.known(name, by_name, "network")] for name in options.network])
    return OK


def _ps(options: argparse.Namespace) -> int:
    if options.json:
        output.print_json(report(docker_format=True)["docker"]["container_ls"])
    else:
        output.print_table(lists.containers(report()))
    return OK


def _port(options: argparse.Namespace) -> int:
    ports = lists.ports(report(), options.container)
    if options.json:
        output.print_json(ports)
    else:
        output.print_lines(lists.port_lines(ports))
    return OK


def _bridges(options: argparse.Namespace) -> int:
    found = report()
    if options.json:
        output.print_json(found["bridges"])
    else:
        output.print_table(lists.bridges(found))
    return OK


def _exec(options: argparse.Namespace) -> int:
    program = options.program[1:] if options.program[:1] == ["--"] else options.program
    return execute.run(
        containers.find(report(), options.container)["name"], program or [os.environ.get("SHELL", "/bin/sh")]
    )


def _stats(options: argparse.Namespace) -> int:
    source: Any = connections if options.ports else counters
    if options.prometheus:
        output.print_lines(source.prometheus(source.read(report())))
    elif options.json:
        output.print_json(source.read(report()))
    else:
        with contextlib.suppress(KeyboardInterrupt):  # the usual end
            counters.watch(source.screens(report), once=options.once or not sys.stdout.isatty())
    return OK


def _capture(options: argparse.Namespace) -> int:
    if sys.stdout.isatty():
        return _fail("standard output is a terminal; redirect it: virtnet capture web >web.pcap")
    links = capture.links(report(), options.name)
    with contextlib.suppress(KeyboardInterrupt):  # the usual end
        capture.write(links, sys.stdout.buffer, options.count, options.seconds)
    return OK


def _trace(options: argparse.Namespace) -> int:
    flow = probe.flow(report(), options.container, options.address, options.port, options.udp)
    found = trace.follow(flow)
    if options.json:
        output.print_json(found._asdict())
    else:
        style = output.RED if found.is_dropped else output.GREEN if found.outcome == probe.ANSWERED else output.PLAIN
        output.print_lines([output.styled(found.sentence, style)])
    return DIFFERS if found.is_dropped else OK


def _restore(options: argparse.Namespace) -> int:
    # imported here, as in _check(): the whole engine, which takes the others longer to load than their work
    from ansible_collections.virtnet.linux.plugins.module_utils.engine.converge import Refused
    from ansible_collections.virtnet.linux.plugins.module_utils.persist import command as persisted

    try:
        actions = persisted.restore(options.wait, options.lock_timeout)
    except Refused as error:
        return _fail(str(error))
    _print_actions(actions, options.json)
    return OK


def _check(options: argparse.Namespace) -> int:
    from ansible_collections.virtnet.linux.plugins.module_utils.engine.converge import Refused
    from ansible_collections.virtnet.linux.plugins.module_utils.persist import command as persisted

    try:
        actions = persisted.check(options.lock_timeout)
    except Refused as error:
        return _fail(str(error))
    _print_actions(actions, options.json)
    return DIFFERS if actions else OK


def _print_actions(actions: list[Action[Any]], as_json: bool) -> None:
    if as_json:
        output.print_json([action.shown() for action in actions])
    else:
        output.print_lines([action.line() for action in actions])


def _print_text(options: argparse.Namespace) -> int:
    text = manual.PAGE if options.command == "man" else completion.script(options.shell, parser())
    output.print_lines(text.splitlines())
    return OK


_COMMANDS: dict[str, Callable[[Any], int]] = {
    "ls": _ls,
    "inspect": _inspect,
    "ps": _ps,
    "port": _port,
    "bridges": _bridges,
    "exec": _exec,
    "stats": _stats,
    "capture": _capture,
    "trace": _trace,
    "restore": _restore,
    "check": _check,
}


def _fail(text: str) -> int:
    sys.stderr.write("virtnet: %s\n" % text)
    return ERROR
