# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A throwaway host: network, mount and PID namespaces of its own, an empty /run, an /etc that may be changed, and
nothing in it but ``lo``.

What a test does in it is done by children that have entered it, so this process and the machine never change; all of
it ends with the host's first process. Namespaces made in it (``ip netns add``) are its containers.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import json
import os
import pickle
import signal
import subprocess
import traceback
from collections.abc import Callable
from typing import Any

from ansible.module_utils import basic

from kit import machine, snapshot
from kit.namespaces import CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, inside, libc

MODULES = "ansible_collections.virtnet.linux.plugins.modules."
ENGINE = "ansible_collections.virtnet.linux.plugins.module_utils."
SETUP = """
mount --make-rprivate /
mount -t proc proc /proc
mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && mount --bind /proc/sys/net /proc/sys/net
mount -o remount,bind,rw /proc/sys/net
mount -t sysfs sysfs /sys
%s
"""  # only net.* is a namespace's own: the machine's other sysctls must not be written from in here

_PR_SET_PDEATHSIG = 1


class Host:
    """A throwaway host; use it in a with block."""

    def __init__(self) -> None:
        _load_engine()
        reading_end, writing_end = os.pipe()
        self._keeper = os.fork()
        if self._keeper == 0:
            _keep(writing_end)
        os.close(writing_end)
        with open(reading_end, encoding="ascii") as answer:
            data = answer.read()
        assert data.isdigit(), data
        self.pid = int(data)

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *_exception: object) -> None:
        os.kill(self.pid, signal.SIGKILL)  # the first process of a PID namespace: all others go with it
        os.waitpid(self._keeper, 0)

    def call(self, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> Any:
        """The function's result, computed by a child that is in the host. What it changes in memory is lost."""
        reading_end, writing_end = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading_end)
            _enter_and_answer(self.pid, writing_end, function, arguments, options)
        os.close(writing_end)
        with open(reading_end, "rb") as answer:
            data = answer.read()
        os.waitpid(child, 0)
        worked, result = pickle.loads(data)
        assert worked, result
        return result

    def module(self, module: str, /, *, check: bool = False, diff: bool = False, **arguments: Any) -> dict[str, Any]:
        """What a module of the collection returns, run in the host as Ansible runs it; it may have failed."""
        return self._module(run_module, module, check, diff, arguments)

    def change(self, module: str, /, **arguments: Any) -> dict[str, Any]:
        """What a module returns that has something to do.

        Asserts on the way that check mode leaves no trace and predicts exactly what is then done, and that the module
        is idempotent: a second run has nothing to do.
        """
        predicted = self._without_trace(module, check=True, diff=True, **arguments)
        assert not predicted.get("failed"), predicted
        done = self.module(module, diff=True, **arguments)
        assert done == predicted, "predicted: %s\ndone: %s" % (predicted, done)
        assert done["changed"] and done["actions"], done
        self.finds_nothing_to_do(module, **arguments)
        return done

    def unchanged(self, module: str, /, **arguments: Any) -> None:
        """Assert that a module is idempotent: nothing to do, and nothing done."""
        _assert_nothing_to_do(self._without_trace(module, diff=True, **arguments))

    def finds_nothing_to_do(self, module: str, /, **arguments: Any) -> None:
        """Assert that a module reports nothing to do."""
        _assert_nothing_to_do(self.module(module, diff=True, **arguments))

    def refused(self, module: str, /, **arguments: Any) -> list[str]:
        """The problems for which a module refuses its arguments, in check mode too, with nothing touched."""
        result = self._without_trace(module, **arguments)
        assert result.get("failed"), result
        predicted = self.module(module, check=True, **arguments)
        assert predicted.get("problems") == result.get("problems"), (predicted, result)
        return result["problems"]

    def _without_trace(self, module: str, /, *, check: bool = False, diff: bool = False, **arguments: Any) -> Any:
        """What a module returns that must change nothing."""
        before, result, after = self._module(_between_snapshots, module, check, diff, arguments)
        snapshot.same(before, after)
        return result

    def _module(self, run: Callable[..., Any], module: str, check: bool, diff: bool, arguments: dict[str, Any]) -> Any:
        importlib.import_module(MODULES + module)  # here, so that children find it loaded
        return self.call(run, module, dict(arguments, _ansible_check_mode=check, _ansible_diff=diff))

    def sh(self, script: str, netns: str | None = None) -> str:
        """The output of a shell script; it must succeed."""
        done = self.try_sh(script, netns)
        assert done.returncode == 0, (script, done.stdout, done.stderr)
        return done.stdout

    def try_sh(self, script: str, netns: str | None = None) -> subprocess.CompletedProcess[str]:
        """A shell script that may fail."""
        return self.call(_sh, script, netns)

    def settle(self) -> None:
        """Wait until the links of removed namespaces are gone; the kernel deletes them asynchronously."""
        self.sh("while ip -o link show type veth | grep -q link-netnsid; do sleep 0.02; done")

    def start(self, *command: str, netns: str | None = None) -> int:
        """Start a process that stays until it is ended, or the host is; its PID in the host."""
        return self.call(_start, command, netns)

    def is_alive(self, pid: int) -> bool:
        """Whether a process of the host runs."""
        return self.call(os.path.exists, "/proc/%d" % pid)

    def snapshot(self) -> dict[str, Any]:
        """Everything that a run could change, in a form that can be compared."""
        return self.call(snapshot.take)

    def links(self, netns: str | None = None) -> dict[str, dict[str, Any]]:
        """The links by name, as `ip -json -details address` shows them; with ``addresses``, the global ones."""
        found = {}
        for link in json.loads(self.sh("ip -json -details address", netns)):
            held = [one for one in link["addr_info"] if one.get("local") and one["scope"] != "link"]
            link["addresses"] = ["%s/%d" % (one["local"], one["prefixlen"]) for one in held]
            found[link["ifname"]] = link
        return found

    def routes(self, netns: str | None = None, version: int = 4) -> list[dict[str, Any]]:
        """The routes of the main table that are not the kernel's own, as `ip -json route` shows them."""
        found = json.loads(self.sh("ip -json -%d route" % version, netns))
        return [route for route in found if route["protocol"] != "kernel"]

    def sysctl(self, key: str, netns: str | None = None) -> str:
        """A sysctl below net."""
        return self.sh("cat /proc/sys/net/" + key, netns).strip()


@functools.cache
def _load_engine() -> None:
    """Import what a module imports when it is run, so that children find it loaded."""
    for name in ("ansible.module", "inspect.report", "persist.persistence", "system.name_files", "nft.foreign"):
        importlib.import_module(ENGINE + name)
    for kind in importlib.import_module(ENGINE + "engine.converge").KINDS.values():
        assert kind.KIND  # it is read when it is first used


def run_module(module: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """For functions that run in a host: what a module of the collection returns."""
    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
    if hasattr(basic, "_ANSIBLE_PROFILE"):  # from ansible-core 2.19 on
        basic._ANSIBLE_PROFILE = "legacy"
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        importlib.import_module(MODULES + module).main()
    result = json.loads(printed.getvalue())
    result.pop("invocation", None)
    if "warnings" in result:  # from ansible-core 2.19 on they are more than their text
        result["warnings"] = [one if isinstance(one, str) else one["event"]["msg"] for one in result["warnings"]]
    return result


def _between_snapshots(module: str, arguments: dict[str, Any]) -> tuple[Any, dict[str, Any], Any]:
    """Both snapshots by the process that is in the host already: to enter it takes as long as to take one."""
    return snapshot.take(), run_module(module, arguments), snapshot.take()


def _assert_nothing_to_do(done: dict[str, Any]) -> None:
    assert not done.get("failed"), done
    assert not done["changed"] and done["actions"] == [], done
    assert done["diff"] == {"before": "", "after": ""}


def _keep(writing_end: int) -> None:
    """Make the host's namespaces and first process, and wait for its end. Never returns."""
    try:
        libc("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL)
        libc("unshare", CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID)
        ready, done = os.pipe()
        first = os.fork()
        if first == 0:
            _be_first(done)
        os.close(done)
        data = os.read(ready, 1000)
        os.write(writing_end, data or b"%d" % first)
        _close_files()
        os.waitpid(first, 0)
    finally:
        os._exit(0)


def _be_first(done: int) -> None:
    """The host's first process: reaps orphans until it is killed. Never returns."""
    try:
        libc("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL)
        setup = subprocess.run(["sh", "-ec", SETUP % machine.OWN], capture_output=True, check=False)
        os.write(done, setup.stderr)
        _close_files()
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
        while True:
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            signal.sigwait([signal.SIGCHLD])
    finally:
        os._exit(0)


def _enter_and_answer(pid: int, writing_end: int, function: Callable[..., Any], arguments: Any, options: Any) -> None:
    """Never returns. A PID namespace is entered by one's children only, so this takes two forks."""
    try:
        first = os.pidfd_open(pid)
        libc("setns", first, CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID)
        worker = os.fork()
        if worker:
            os.waitpid(worker, 0)
            os._exit(0)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        answer = pickle.dumps((True, function(*arguments, **options)))
    except BaseException:
        answer = pickle.dumps((False, traceback.format_exc()))
    with open(writing_end, "wb") as pipe:
        pipe.write(answer)
    os._exit(0)


def _sh(script: str, netns: str | None) -> subprocess.CompletedProcess[str]:
    with inside(netns):
        return subprocess.run(
            ["sh", "-ec", script], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )


def _start(command: tuple[str, ...], netns: str | None) -> int:
    with inside(netns):
        silent = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        return subprocess.Popen(command, start_new_session=True, **silent).pid


def _close_files() -> None:
    """Close the pipes of the parent process, which would otherwise wait for their end."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nowhere, standard)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
