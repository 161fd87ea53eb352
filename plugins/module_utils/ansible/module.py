# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The interface between Ansible and the engine: the only file of the engine that imports Ansible."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.virtnet.linux.plugins.module_utils.engine import privileges
from ansible_collections.virtnet.linux.plugins.module_utils.engine.converge import (
    Refused,
    Stale,
    converge,
)
from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action, as_diff
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import OBJECTS, Topology
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import messages
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import NetlinkError
from ansible_collections.virtnet.linux.plugins.module_utils.nft.firewall import FirewallError
from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import abridge
from ansible_collections.virtnet.linux.plugins.module_utils.system import limits, runtime_state
from ansible_collections.virtnet.linux.plugins.module_utils.system.files import Unreadable
from ansible_collections.virtnet.linux.plugins.module_utils.system.runtime_state import Locked

# Raised by AnsibleModule for a number in place of a dict with options; for Inf in place of a number; for a lone
# surrogate.
_STUMBLES = (TypeError, OverflowError, UnicodeError)
_LOCK_TIMEOUT: dict[str, Any] = dict(type="int", default=60)


def object_spec(kind: str) -> dict[str, Any]:
    """Return the argument spec of a kind's module: the options of one object, or a list of objects in ``config``."""
    spec = _optional(OBJECTS[kind].argument_spec())
    spec["config"] = dict(type="list", elements="dict", options=_optional(OBJECTS[kind].argument_spec()))
    spec["lock_timeout"] = _LOCK_TIMEOUT
    return spec


def topology_spec() -> dict[str, Any]:
    """Return the argument spec of the module for a whole topology: a list of objects for each kind."""
    spec: dict[str, Any] = {kind: dict(type="list", elements="dict") for kind in OBJECTS}
    spec["role"] = dict(type="str")
    spec["persist"] = dict(type="bool")
    spec["planned_on"] = dict(type="str")
    spec["lock_timeout"] = _LOCK_TIMEOUT
    return spec


def run_object(kind: str) -> None:
    """Run a kind's module."""
    module = _module(object_spec(kind), kind)
    _run(module, Topology.read({kind: _given(module, kind)}))


def run_topology() -> None:
    """Run the module for a whole topology; its objects are those of the kinds' modules."""
    module = _module(topology_spec())
    document = Topology()
    wrong: list[str] = []
    for kind in OBJECTS:
        given = module.params[kind]
        if not given:
            continue
        validator = ArgumentSpecValidator(OBJECTS[kind].argument_spec())
        for place, item in enumerate(given):
            try:
                result = validator.validate(item)
                messages = result.error_messages
                if not messages:
                    document.of(kind).append(OBJECTS[kind].read(result.validated_parameters))
            except _STUMBLES as error:
                messages = _misplaced(kind, item) or [str(error)]
            wrong += ["%s[%d]: %s" % (kind, place, message) for message in messages]
    also = None
    role, persist = module.params["role"], module.params["persist"]
    if role is not None:
        from ansible_collections.virtnet.linux.plugins.module_utils.persist import (
            persistence,  # only this module needs it
        )

        if not persistence.is_role(role):
            wrong.append(f"role: '{role}': a role's name is 1 to 32 of the characters a-z 0-9 _ with a letter in front")
        also = functools.partial(persistence.plan, role, persist)
    if wrong:
        _refused(module, wrong)
    _run(module, document, also)


def run_info(report: Callable[..., dict[str, Any]]) -> None:
    """Run the module that gathers facts, by report(); other modules need not import it."""
    asked = ("tunnel_endpoints", "docker_format")
    module = _module({name: dict(type="bool", default=False) for name in asked})
    _require(module)
    try:
        module.exit_json(changed=False, **report(**{name: module.params[name] for name in asked}))
    except (NetlinkError, FirewallError, Unreadable, OSError) as error:
        module.fail_json(msg=str(error))


def run_limits() -> None:
    """Run the module that raises limits of the kernel; it needs neither pyroute2 nor nft."""
    module = _module(limits.OPTIONS)
    lacking = privileges.lacking()
    if lacking is not None:
        module.fail_json(msg=lacking)
    problems = limits.problems(module.params)
    if problems:
        _refused(module, problems)
    try:
        actions = limits.plan(module.params)
        if not module.check_mode:
            limits.apply(actions)
    except OSError as error:
        module.fail_json(msg=str(error))
    _done(module, actions)


def run_command() -> None:
    """Run the module that installs the command virtnet."""
    from ansible_collections.virtnet.linux.plugins.module_utils.persist import persistence
    from ansible_collections.virtnet.linux.plugins.module_utils.system import files

    module = _module(dict(state=dict(type="str", default="present", choices=["present", "absent"])))
    lacking = privileges.lacking()
    if lacking is not None:
        module.fail_json(msg=lacking)
    try:
        with runtime_state.lock(60) if not module.check_mode else contextlib.nullcontext():
            actions = persistence.plan_command(module.params["state"] == "present")
            if not module.check_mode:
                files.apply(actions)
    except (Locked, OSError) as error:
        module.fail_json(msg=str(error))
    _done(module, actions)


def _module(spec: dict[str, Any], kind: str | None = None) -> AnsibleModule:
    """Return the AnsibleModule; arguments on which it would fail with a traceback are rejected by a message."""
    try:
        return AnsibleModule(argument_spec=spec, supports_check_mode=True)
    except _STUMBLES as error:
        raw: dict[str, Any] = {name: dict(type="raw") for name in spec}
        module = AnsibleModule(argument_spec=raw, supports_check_mode=True, no_log=True)  # a surrogate breaks logging
        given = module.params.get("config")
        objects = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
        wrong = [message for one in [module.params, *objects] if kind for message in _misplaced(kind, one)]
        _refused(module, wrong or ["an argument cannot be read: %s" % error])
        raise


def _misplaced(kind: str, one: dict[str, Any]) -> list[str]:
    """Return a message for each value that must be a dict with options and is none; Ansible parses text."""
    return [
        f"{name}: {one[name]!r} is given, and must be a mapping with: " + ", ".join(option["options"])
        for name, option in OBJECTS[kind].argument_spec().items()
        if option.get("type") == "dict" and "options" in option
        if not isinstance(one.get(name), (dict, str, type(None)))
    ]


def _optional(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options without 'required': at the top level of a module a list in ``config`` may be given instead."""
    return {
        name: {key: value for key, value in option.items() if key != "required"} for name, option in options.items()
    }


def _given(module: AnsibleModule, kind: str) -> list[dict[str, Any]]:
    options = OBJECTS[kind].argument_spec()
    one = {name: module.params[name] for name in options}
    if module.params["config"] is None:
        return _complete(module, options, [one])
    beside = [name for name, option in options.items() if one[name] != option.get("default")]
    if beside:
        _refused(
            module,
            ["{}: give one object at the top level or a list of them in config, never both".format(", ".join(beside))],
        )
    return _complete(module, options, module.params["config"])


def _complete(module: AnsibleModule, options: dict[str, Any], objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    required = [name for name, option in options.items() if option.get("required")]
    wrong = [
        f"{name} is required (or config, a list of objects)"
        for one in objects
        for name in required
        if one[name] is None
    ]
    if wrong:
        _refused(module, wrong)
    return objects


def _refused(module: AnsibleModule, problems: list[str]) -> None:
    """Fail: one problem in one line, several in a list."""
    problems = abridge(problems)
    messages = problems[0] if len(problems) == 1 else "\n- " + "\n- ".join(problems)
    module.fail_json(msg="Nothing was changed. " + messages, problems=problems)


def _run(
    module: AnsibleModule, document: Topology, also: Callable[[Topology, Host], list[Action[Any]]] | None = None
) -> None:
    _require(module)
    try:
        # a role's planner has checked listeners already, in terms of its variables
        spare = module.params.get("role") is None
        result = converge(
            document,
            module.check_mode,
            module.params["lock_timeout"],
            also=also,
            spare_listeners=spare,
            planned_on=module.params.get("planned_on"),
        )
    except Stale:
        module.exit_json(changed=False, actions=[], stale=True)
    except Refused as refused:
        _refused(module, refused.problems)
    except (Locked, NetlinkError, FirewallError, Unreadable, OSError) as error:
        module.fail_json(msg=str(error))
    for warning in abridge(result.warnings):
        module.warn(warning)
    _done(module, result.actions)


def _done(module: AnsibleModule, actions: list[Action[Any]]) -> None:
    """Exit with the actions done."""
    found: dict[str, Any] = {"changed": bool(actions), "actions": [action.shown() for action in actions]}
    if "planned_on" in module.params:
        found["stale"] = False
    if module._diff:
        found["diff"] = as_diff(actions)
    module.exit_json(**found)


def _require(module: AnsibleModule) -> None:
    lacking = privileges.lacking()
    if lacking is not None:
        module.fail_json(msg=lacking)
    if messages.PYROUTE2_MISSING is not None:
        module.fail_json(
            msg="pyroute2 is missing for %s, which runs this (%s): install the package python3-pyroute2 (Debian, "
            "Ubuntu, Fedora), or pip install pyroute2 for that Python" % (sys.executable, messages.PYROUTE2_MISSING)
        )
