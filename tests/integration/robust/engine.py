# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of the engine in a throwaway host: to their end, or killed on the way."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from typing import Any

from kit.host import Host

from ansible_collections.virtnet.linux.plugins.module_utils import namespaces, sysctls
from ansible_collections.virtnet.linux.plugins.module_utils.converge import converge
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import Socket
from ansible_collections.virtnet.linux.plugins.module_utils.report import report
from integration.robust.documents import Document


def run(host: Host, document: Document, check: bool = False, stop_after: int | None = None) -> list[str]:
    """The actions of a run, a line each."""
    return host.call(_lines, document, check, stop_after)


def read_back(host: Host) -> dict[str, Any]:
    """What network_info tells."""
    return host.call(report)


def killed(host: Host, document: Document, step: int) -> str | None:
    """Kill (SIGKILL) a run at its step-th step; what it was about to do or had just done, None where it came to its end
    before.

    There is a step before and a step after each call that changes something in the kernel or in a file.
    """
    return host.call(_killed, document, step)


def _lines(document: Document, check: bool, stop_after: int | None) -> list[str]:
    return [action.line() for action in converge(document, check, stop_after=stop_after).actions]


def _killed(document: Document, step: int) -> str | None:
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(told)
        _kill_at(step, tell)
        try:
            converge(document)
        except BaseException as error:
            os.write(tell, repr(error).encode())
            os._exit(1)
        os._exit(0)
    os.close(tell)
    status = os.waitpid(child, 0)[1]
    with open(told, encoding="utf-8") as pipe:
        said = pipe.read()
    if os.WIFSIGNALED(status):
        return said
    assert status == 0, said
    return None


def _kill_at(step: int, tell: int) -> None:
    """From here on count the steps of this process."""
    left = step

    def pass_by(when: str, name: str) -> None:
        nonlocal left
        if left == 0:
            os.write(tell, f"{when} {name}".encode())
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
    for name in ("mkdir", "rmdir", "replace", "unlink"):
        counted(os, name)
    counted(os, "open", lambda _path, flags, *_: bool(flags & os.O_CREAT))
