# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Inputs for the modules: right, malformed, hostile."""

from __future__ import annotations

import importlib
import json
import subprocess
import traceback
from typing import Any

from hypothesis import strategies as st

from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import OBJECTS
from kit.host import MODULES as PACKAGE
from kit.host import run_module

# two kinds come with a topology only
MODULES = [kind for kind in OBJECTS if kind not in ("network_names", "resolver")] + ["topology"]

WORDS = [
    *("br0", "lo", "eth0", "web", "host", "yes", "None", "null", "", " "),
    *(".", "..", "../x", "/", "a/b", "-rf", "--help"),
    *("a" * 15, "a" * 16, "a" * 64, "a;reboot", "$(reboot)", "`reboot`", "a\nb", "a\x00b", 'a"b', "a'b", "a}b", "a{b"),
    *("#", "%s", "{{ 7 * 7 }}", "\u202e", "\u00e4", "\ud800", "\U0001f600", "\u0661\u0662"),
    *("172.30.0.1/16", "172.30.0.1", "172.30.0.0/16", "10.0.0.1/33", "0.0.0.0/0", "256.1.1.1", "01.02.03.04"),
    *("::/0", "fe80::1%eth0", "fd00::1/64", "fd00::1", "::ffff:1.2.3.4", "224.0.0.1", "127.0.0.1/8"),
    *("1", "80", "8000-8005", "8005-8000", "0", "65536", "-1", "1e3"),
    *("02:42:ac:1e:00:02", "01:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "02-42-ac-1e-00-02"),
    *("net.ipv4.ip_forward", "net/../../kernel/panic", "kernel.panic"),
]
NUMBERS = [0, 1, -1, 67, 68, 1500, 65535, 65536, 4242, 1 << 24, 1 << 31, 1 << 32, 1 << 64, 10**40, -(10**40)]

words = st.sampled_from(WORDS) | st.text(max_size=12)
junk: Any = st.recursive(
    st.none() | st.booleans() | st.sampled_from(NUMBERS) | st.floats(allow_nan=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)


def _value(option: dict[str, Any]) -> Any:
    """A value that is of the option's type, more often than not."""
    kind = option.get("type", "str")
    if "choices" in option:
        right = st.sampled_from(option["choices"])
    elif kind == "int":
        right = st.sampled_from(NUMBERS)
    elif kind == "bool":
        right = st.booleans()
    elif kind == "dict":
        right = _object(option["options"]) if "options" in option else st.dictionaries(words, words, max_size=3)
    elif kind == "list":
        right = st.lists(_object(option["options"]) if "options" in option else words, max_size=3)
    else:
        right = words
    return st.one_of(right, right, right, right, junk)


def _object(options: dict[str, Any]) -> Any:
    required = {name: _value(option) for name, option in options.items() if option.get("required")}
    optional = {name: _value(option) for name, option in options.items() if not option.get("required")}
    return st.fixed_dictionaries(required, optional=optional)


def several(module: str, count: int = 25) -> Any:
    """Lists of arguments for the module."""
    if module == "topology":
        kinds = {kind: st.lists(_object(OBJECTS[kind].argument_spec()) | junk, max_size=2) for kind in OBJECTS}
        one = st.fixed_dictionaries({}, optional={**kinds, "role": words | junk, "persist": st.booleans() | junk})
    else:
        options = OBJECTS[module].argument_spec()
        one = _object(options) | st.fixed_dictionaries({"config": st.lists(_object(options) | junk, max_size=3)})
    return st.lists(one, min_size=count, max_size=count)


def answers(module: str, some: list[dict[str, Any]]) -> list[str]:
    """Run the module with each of them in check mode; the errors found."""
    importlib.import_module(PACKAGE + module)
    wrong = []
    for arguments in some:
        try:
            given = json.loads(json.dumps(arguments))
            result = run_module(module, {**given, "_ansible_check_mode": True})
        except BaseException:
            wrong.append("%r: %s" % (arguments, traceback.format_exc()))
            continue
        if result.get("failed") and (not result.get("msg") or "Traceback" in str(result)):
            wrong.append("%r: %r" % (arguments, result))
    return wrong


def carried_out(module: str, some: list[dict[str, Any]]) -> list[str]:
    """Run the module with each of them; the errors found.

    A refused input has changed nothing, and the result of others is as declared.
    """
    importlib.import_module(PACKAGE + module)
    wrong = []
    for arguments in some:
        given, before = json.loads(json.dumps(arguments)), _seen()
        result = run_module(module, given)
        if "problems" in result or "missing required" in result.get("msg", ""):
            if _seen() != before:
                wrong.append("%r was refused, and changed something: %r" % (arguments, result))
        elif not result.get("failed") and run_module(module, {**given, "_ansible_check_mode": True}).get("changed"):
            wrong.append("%r is not done after it was done: %r" % (arguments, result))
        if result.get("failed") and (not result.get("msg") or "Traceback" in str(result)):
            wrong.append("%r: %r" % (arguments, result))
    return wrong


def _seen() -> str:
    """The host's state, without what changes by itself."""
    script = (
        "ip -oneline link | cut -d: -f2; ip -4 -oneline address; ip -4 route show table all; ip netns; nft list ruleset"
        "; find /run /etc/netns /var/lib/virtnet /usr/local/sbin /etc/systemd/system -type f 2>/dev/null | sort"
    )
    return subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False).stdout
