# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The door between Ansible and the engine: the only file of the engine that knows Ansible."""

from __future__ import annotations

import copy
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.virtnet.linux.plugins.module_utils import messages
from ansible_collections.virtnet.linux.plugins.module_utils.actions import as_diff
from ansible_collections.virtnet.linux.plugins.module_utils.converge import KINDS, Document, Refused, converge
from ansible_collections.virtnet.linux.plugins.module_utils.firewall import FirewallError
from ansible_collections.virtnet.linux.plugins.module_utils.host import is_root
from ansible_collections.virtnet.linux.plugins.module_utils.memory import Locked
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import NetlinkError
from ansible_collections.virtnet.linux.plugins.module_utils.report import report

_LOCK_TIMEOUT: dict[str, Any] = dict(type="int", default=60)


def object_spec(kind: str) -> dict[str, Any]:
    """The arguments of a kind's module: the options of one object, or a list of objects in ``config``."""
    options = KINDS[kind].OPTIONS
    spec = {name: {key: value for key, value in option.items() if key != "required"} for name, option in options.items()}
    spec["config"] = dict(type="list", elements="dict", options=copy.deepcopy(options))
    spec["lock_timeout"] = _LOCK_TIMEOUT
    return spec


def topology_spec() -> dict[str, Any]:
    """The arguments of the module that takes a whole topology: a list of objects for each kind."""
    spec = {kind: dict(type="list", elements="dict", options=copy.deepcopy(module.OPTIONS)) for kind, module in KINDS.items()}
    spec["lock_timeout"] = _LOCK_TIMEOUT
    return spec


def run_object(module: AnsibleModule, kind: str) -> None:
    """Carry out a kind's module."""
    _run(module, {kind: _given(module, kind)})


def run_topology(module: AnsibleModule) -> None:
    """Carry out the module that takes a whole topology."""
    _run(module, {kind: module.params[kind] or [] for kind in KINDS})


def run_info(module: AnsibleModule) -> None:
    """Carry out the module that reads back."""
    _require(module)
    try:
        module.exit_json(changed=False, **report())
    except (NetlinkError, FirewallError, OSError) as error:
        module.fail_json(msg=str(error))


def _given(module: AnsibleModule, kind: str) -> list[dict[str, Any]]:
    options = KINDS[kind].OPTIONS
    one = {name: module.params[name] for name in options}
    if module.params["config"] is None:
        missing = [name for name, option in options.items() if option.get("required") and one[name] is None]
        if missing:
            module.fail_json(msg="%s is required, or a list of objects in config" % ", ".join(missing))
        return [one]
    beside = [name for name, option in options.items() if one[name] != option.get("default")]
    if beside:
        module.fail_json(msg="%s: give one object at the top level or a list of them in config, never both" % ", ".join(beside))
    return list(module.params["config"])


def _run(module: AnsibleModule, document: Document) -> None:
    _require(module)
    try:
        result = converge(document, module.check_mode, module.params["lock_timeout"])
    except Refused as refused:
        module.fail_json(msg="Nothing was changed. " + "; ".join(refused.problems), problems=refused.problems)
    except (Locked, NetlinkError, FirewallError, OSError) as error:
        module.fail_json(msg=str(error))
    for warning in result.warnings:
        module.warn(warning)
    found: dict[str, Any] = {"changed": bool(result.actions), "actions": [action.shown() for action in result.actions]}
    if module._diff:
        found["diff"] = as_diff(result.actions)
    module.exit_json(**found)


def _require(module: AnsibleModule) -> None:
    if not is_root():
        module.fail_json(msg="networks are changed and read as root: run this with become: true, or connect as root")
    if messages.PYROUTE2_MISSING is not None:
        module.fail_json(
            msg="the Python library pyroute2 is missing for the interpreter that runs this (%s): install python3-pyroute2 "
            "(Debian, Ubuntu, Fedora), or pip install pyroute2 for that interpreter" % messages.PYROUTE2_MISSING
        )
