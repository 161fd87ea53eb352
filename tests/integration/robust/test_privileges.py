# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A missing privilege or tool is reported before any change, in check mode too."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

from ansible_collections.virtnet.linux.plugins.module_utils.engine import privileges
from kit import snapshot
from kit.host import run_module

TOPOLOGY = {
    "bridge": [{"name": "br-web", "addresses": ["172.30.0.1/16"]}],
    "bridge_policy": [{"bridge": "br-web", "subnets": ["172.30.0.0/16"]}],
}
_CLONE_NEWNS = 0x00020000  # include/uapi/linux/sched.h
_CAPABILITY_VERSION_3 = 0x20080522  # include/uapi/linux/capability.h


def refusal(host, prepare, module="topology", **arguments):
    """The error of a module in a host where `prepare` was done in its process first; nothing is touched."""
    before = host.snapshot()
    arguments = arguments or ({} if module == "network_info" else TOPOLOGY)
    message = {host.call(_refusal, prepare, module, arguments, check) for check in (False, True)}
    snapshot.same(before, host.snapshot())
    assert len(message) == 1, message
    return message.pop()


def _refusal(prepare, module, arguments, check):
    prepare()
    result = run_module(module, dict(arguments, _ansible_check_mode=check))
    assert result.get("failed"), result
    return result["msg"]


def drop_privileges():
    os.setresuid(65534, 65534, 65534)


def drop(capability):
    """Lose a capability, as a process does in a container."""

    class Header(ctypes.Structure):
        _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]

    sets = (ctypes.c_uint32 * 6)()
    header = Header(_CAPABILITY_VERSION_3, 0)
    libc = ctypes.CDLL(None)
    assert libc.capget(ctypes.byref(header), sets) == 0
    for place in range(3):
        sets[place] &= ~(1 << capability)
    assert libc.capset(ctypes.byref(header), sets) == 0


def without_net_admin():
    drop(12)


def without_sys_admin():
    drop(21)


def with_sysctls_read_only():
    assert ctypes.CDLL(None).unshare(_CLONE_NEWNS) == 0
    subprocess.run(["mount", "-n", "-o", "remount,bind,ro", "/proc/sys/net"], check=True)


def without_nft():
    assert ctypes.CDLL(None).unshare(_CLONE_NEWNS) == 0
    for directory in (*os.environ["PATH"].split(os.pathsep), "/usr/sbin", "/sbin", "/usr/local/sbin"):
        if os.path.exists(directory + "/nft"):
            subprocess.run(["mount", "-n", "--bind", "/dev/null", directory + "/nft"], check=True)


@pytest.mark.parametrize("module", ["topology", "network_info"])
@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (drop_privileges, "as root: run this with become: true"),
        (without_net_admin, "this process is root, but lacks CAP_NET_ADMIN:"),
        (without_sys_admin, "this process is root, but lacks CAP_SYS_ADMIN:"),
        (without_nft, "install the package nftables"),
    ],
)
def test_missing_privileges_or_tools_are_reported(host, prepare, words, module):
    assert words in refusal(host, prepare, module)


def test_read_only_sysctls_are_reported(host):
    message = refusal(host, with_sysctls_read_only)
    assert "/proc/sys/net cannot be written" in message and "bridge br-web needs it" in message


def test_objects_without_sysctls_work_with_read_only_sysctls(host):
    host.sh("mount -n -o remount,bind,ro /proc/sys/net")
    host.change("netns", name="c1")
    host.change("netns", name="c1", state="absent")


def test_a_kernel_without_a_link_type_is_reported(host):
    """Tried with a kind that no kernel has."""
    before = host.snapshot()
    assert [host.call(privileges.makes, kind) for kind in ("bridge", "veth", "vxlan", "nosuch")] == [
        True,
        True,
        True,
        False,
    ]
    snapshot.same(before, host.snapshot())


def test_missing_pyroute2_is_reported(host, tmp_path):
    """A Python that has no pyroute2: one whose search path is the standard library's and this collection's."""
    code = """if True:
        import sys
        sys.path[:] = [one for one in sys.path if "-packages" not in one] + sys.argv[1:]
        from ansible_collections.virtnet.linux.plugins.module_utils.netlink import messages
        print(messages.PYROUTE2_MISSING)
    """
    root = os.environ["ANSIBLE_COLLECTIONS_PATH"]
    done = subprocess.run([sys.executable, "-S", "-c", code, root], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "pyroute2" in done.stdout
