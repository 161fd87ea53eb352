# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of the engine in a throwaway host: complete, killed or failing."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from collections.abc import Callable
from typing import Any

from integration.robust.documents import Document

from ansible_collections.virtnet.linux.plugins.module_utils.engine import converge as engine
from ansible_collections.virtnet.linux.plugins.module_utils.engine.converge import converge
from ansible_collections.virtnet.linux.plugins.module_utils.inspect.report import report
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Topology
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import namespaces
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import NetlinkError, Socket
from ansible_collections.virtnet.linux.plugins.module_utils.nft import firewall
from ansible_collections.virtnet.linux.plugins.module_utils.system import sysctls
from kit.host import Host

DISKS = ("/var/lib", "/usr/local/sbin", "/etc/systemd/system")  # where a run writes what is to survive a reboot
FILES = 24  # so few that a run of ten containers gets no further


def run(host: Host, document: Document, check: bool = False, stop_after: int | None = None) -> list[str]:
    """The actions of a run, a line each."""
    return host.call(_lines, document, check, stop_after)


def read_back(host: Host) -> dict[str, Any]:
    """What network_info reports of networks and containers; the rest of the host's report differs each time."""
    found: dict[str, Any] = host.call(report)
    del found["host"]
    return found


def remembered(host: Host, *addresses: str) -> list[str]:
    """The conntrack entries of connections from or to addresses with this prefix."""
    lines = host.sh("cat /proc/net/nf_conntrack").splitlines()
    return [line for line in lines if any("=" + address in line for address in addresses)]


def own_disks(host: Host) -> None:
    """Overlay the host's disks, so that what is written there is removed with the host."""
    for number, disk in enumerate(DISKS):
        layer = "/run/disk/%d" % number
        host.sh(
            f"mkdir -p {layer}/up {layer}/work;"
            f"mount -n -t overlay overlay -o lowerdir={disk},upperdir={layer}/up,workdir={layer}/work {disk}"
        )
    host.sh(
        "cd /etc/systemd/system && mkdir -p multi-user.target.wants && touch multi-user.target.wants/a && rm multi*/a"
    )


def killed(host: Host, document: Document, step: int) -> str | None:
    """Kill (SIGKILL) a run at its step-th step; what it was about to do or had just done, None where it has fewer
    steps.

    There is a step before and a step after each call that changes something in the kernel or in a file.
    """
    return host.call(_killed, document, step)


def error_after(host: Host, document: Document, meddle: str) -> str | None:
    """The error of a run that fails because of a shell script, run when all is planned and nothing is done."""
    return host.call(_error, document, meddle)


def refused(host: Host, document: Document, step: int, code: int) -> str | None:
    """The error of a run whose step-th step fails with that errno, empty where the run succeeds all the same; None
    where it has fewer steps.

    A step is a request to the kernel (the others of its batch are carried out), a mount or a new namespace, a sysctl, a
    file, or the transaction, which nft then refuses for real.
    """
    return host.call(_refused, document, step, code)


def _refused(document: Document, step: int, code: int) -> str | None:
    left = step

    def due() -> bool:
        nonlocal left
        left -= 1
        return left == -1

    def instead(
        owner: Any, name: str, what: Callable[..., Any], matters: Callable[..., bool] = lambda *_: True
    ) -> None:
        original = getattr(owner, name)

        def wrapped(*arguments: Any, **options: Any) -> Any:
            if matters(*arguments) and due():
                return what(original, *arguments)
            return original(*arguments, **options)

        setattr(owner, name, wrapped)

    def failing(about: str = "") -> Callable[..., None]:
        def fail(_original: Any, first: Any, *_rest: Any) -> None:
            raise OSError(code, os.strerror(code), about or first)

        return fail

    exchange = Socket._exchange

    def exchanged(self: Socket, batch: list[Any]) -> list[NetlinkError]:
        chosen = [place for place, _request in enumerate(batch) if due()]
        if not chosen:
            return exchange(self, batch)
        (place,) = chosen
        rest = batch[:place] + batch[place + 1 :]
        refused = [] if code in batch[place].ignore else [NetlinkError(code, batch[place].about, "injected")]
        return refused + (exchange(self, rest) if rest else [])

    Socket._exchange = exchanged  # type: ignore[method-assign]
    instead(firewall, "apply", lambda original, text: original(text + "out of order\n"), bool)
    instead(namespaces, "_call", failing(), lambda function, *_: function not in ("setns", "umount2"))
    instead(sysctls, "write", lambda _original, key, _value: failing("/proc/sys/" + key)(None, key))
    for name in ("mkdir", "rmdir", "rename", "replace", "unlink", "symlink"):
        instead(os, name, failing())
    instead(os, "open", failing(), lambda _path, flags, *_: bool(flags & os.O_CREAT))
    try:
        engine.converge(Topology.read(document))
    except (firewall.FirewallError, NetlinkError, OSError) as error:  # what ansible/module.py expects
        return str(error)
    return None if left >= 0 else ""


def _error(document: Document, meddle: str) -> str | None:
    do = engine.steps.apply

    def apply(*arguments: Any) -> None:
        subprocess.run(["sh", "-ec", meddle], check=True, capture_output=True, pass_fds=(), close_fds=True)
        if "ulimit" in meddle:  # a shell's limit is its own
            resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
        do(*arguments)

    engine.steps.apply = apply
    try:
        engine.converge(Topology.read(document))
    except (firewall.FirewallError, NetlinkError, OSError) as error:  # what ansible/module.py expects
        return str(error)
    return None


def _lines(document: Document, check: bool, stop_after: int | None) -> list[str]:
    return [action.line() for action in converge(Topology.read(document), check, stop_after=stop_after).actions]


def _killed(document: Document, step: int) -> str | None:
    reading_end, writing_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading_end)
        _kill_at(step, writing_end)
        try:
            converge(Topology.read(document))
        except BaseException as error:
            os.write(writing_end, repr(error).encode())
            os._exit(1)
        os._exit(0)
    os.close(writing_end)
    status = os.waitpid(child, 0)[1]
    with open(reading_end, encoding="utf-8") as pipe:
        message = pipe.read()
    if os.WIFSIGNALED(status):
        return message
    assert status == 0, message
    return None


def _kill_at(step: int, writing_end: int) -> None:
    """Count the steps of this process from here on."""
    left = step

    def pass_by(when: str, name: str) -> None:
        nonlocal left
        if left == 0:
            os.write(writing_end, f"{when} {name}".encode())
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    def counted(owner: Any, name: str, matters: Callable[..., bool] = lambda *_: True) -> None:
        original = getattr(owner, name)

        def wrapped(*arguments: Any, **options: Any) -> Any:
            if not matters(*arguments):
                return original(*arguments, **options)
            pass_by("before", name)
            result = original(*arguments, **options)
            pass_by("after", name)
            return result

        setattr(owner, name, wrapped)

    counted(Socket, "_exchange")
    counted(subprocess.Popen, "communicate", lambda process, *_: "list" not in process.args)
    counted(namespaces, "_call", lambda function, *_: function != "setns")
    counted(sysctls, "write")
    for name in ("mkdir", "rmdir", "rename", "replace", "unlink", "symlink", "pwrite", "ftruncate"):
        counted(os, name)
    counted(os, "open", lambda _path, flags, *_: bool(flags & os.O_CREAT))
