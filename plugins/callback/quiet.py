# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A callback that prints nothing of its own, so that the standard output is what a playbook shows."""

from __future__ import annotations

DOCUMENTATION = r"""
name: quiet
author:
  - The virtnet.linux authors (@virtnet)
type: stdout
short_description: Print what a playbook shows, and nothing else
version_added: 1.0.0
description:
  - Prints no names of plays and tasks, no results and no recap. What the module M(virtnet.linux.show) prints is the
    whole standard output, as JSON for a program that reads it. Errors and warnings are on the standard error.
  - Set it for one run with C(ANSIBLE_STDOUT_CALLBACK=virtnet.linux.quiet) in the environment.
seealso:
  - module: virtnet.linux.show
"""

from typing import Any

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    """Prints errors."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "virtnet.linux.quiet"

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Print why a task failed, unless that is ignored."""
        if not ignore_errors:
            self._report(result, "failed")

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Print why a host is unreachable."""
        self._report(result, "unreachable")

    def v2_playbook_on_no_hosts_matched(self) -> None:
        """Print that no host was found."""
        self._display.display("no hosts matched", stderr=True)

    def _report(self, result: Any, what: str) -> None:
        is_old = not hasattr(result, "result")  # ansible-core 2.18 has underscores
        found, host, task = (
            (result._result, result._host, result._task) if is_old else (result.result, result.host, result.task)
        )
        text = found.get("msg") or found.get("stderr") or found
        self._display.display("%s: %s: %s: %s" % (host.get_name(), what, task.get_name(), text), stderr=True)
