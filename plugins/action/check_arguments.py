# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action of the module check_arguments, which runs on the controller."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

from ansible_collections.virtnet.linux.plugins.plugin_utils.checks.arguments import argument_errors
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.options import OPTIONS


class ActionModule(ActionBase):
    """Fails where Ansible's validation of a role's arguments would, with the messages of the planner."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Check the variables of this host."""
        result = super().run(tmp, task_vars)
        _checked, arguments = self.validate_argument_spec(
            argument_spec={"role": {"type": "str", "required": True, "choices": list(OPTIONS)}}
        )
        role = arguments["role"]
        inside = _container_of(task_vars or {})
        if inside is not None:
            rule = "is a container, and the role builds networks on hosts: leave containers out of the play, as in"
            message = f"Nothing was touched.\n- host {inside}: {rule} hosts: all:!containers"
            return {**result, "failed": True, "msg": message}
        found = {name: value for name, value in (task_vars or {}).items() if name.startswith(tuple(OPTIONS))}
        variables = self._templar.template(found)
        spec = {f"{role}_{word}": option for word, option in OPTIONS[role].items()}
        own = {name: value for name, value in variables.items() if name in spec}
        refused = ArgumentSpecValidator(spec).validate(own).error_messages
        if refused:
            errors = argument_errors(role, variables) or refused
            return {**result, "failed": True, "msg": "Nothing was touched.\n- " + "\n- ".join(errors)}
        return {**result, "changed": False}


def _container_of(variables: dict[str, Any]) -> str | None:
    """Return the host's name where Ansible reaches a container (plugins netns), and not a host."""
    words = (variables.get("ansible_connection"), variables.get("ansible_become_method"))
    return str(variables.get("inventory_hostname")) if "virtnet.linux.netns" in words else None
