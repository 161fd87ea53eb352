# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors that can be found in a role's variables alone, in the planner's words: for variables that Ansible's own
validation refuses, whose message has the whole argument spec.

What this accepts, Ansible's validation accepts: tests/unit/planner/test_arguments.py holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import Problems, abridge
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.declaration import (
    BRIDGE_ROLE,
    OVERLAY_ROLE,
    read_declaration,
)
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.fields import Fields
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.options import OPTIONS
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.members import read_member


def argument_errors(role: str, variables: Mapping[str, object]) -> list[str]:
    """Return the errors that can be found in a role's variables alone; variables of others are ignored."""
    problems = Problems()
    given = {word: variables[f"{role}_{word}"] for word in OPTIONS[role] if f"{role}_{word}" in variables}
    whole = Fields(given, f"role {role}", problems, options=OPTIONS[role], prefix=f"{role}_")
    whole.only()
    for word, option in OPTIONS[role].items():
        if option["type"] == "bool":
            whole.boolean(word)
        elif option["type"] == "str":
            whole.text(word)
        if option.get("required") and not whole.given(word):
            whole.refuse(word, "is required; set it where the role is called")
    if role == OVERLAY_ROLE:
        whole.address("vtep") if given.get("vtep") else None
        others = {"bridge_containers": variables.get(f"{BRIDGE_ROLE}_containers")}
        problems.errors.update(read_member("", {**given, **others}, in_run=True).problems.errors)
    else:
        read_declaration({**given, "role": role}, problems)
    return abridge(problems.errors)
