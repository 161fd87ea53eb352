#!/usr/bin/python
# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_command
short_description: Keep the command virtnet on a host without networks
version_added: 1.0.0
description:
  - Installs C(/usr/local/sbin/virtnet), which shows, compares and restores the networks of the host; C(virtnet man)
    prints its manual. It is the engine of this collection in one file, and needs the Python and pyroute2 of this run.
  - The roles install it with the first network or container of a host, and it is removed with the last. With this
    module it is there before, and stays.
  - The role P(virtnet.linux.prepare_host#role) has an option for it.
author:
  - The virtnet.linux authors (@virtnet)
extends_documentation_fragment:
  - virtnet.linux.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
  platform:
    support: full
    platforms: linux
requirements:
  - root
options:
  state:
    description:
      - V(present) installs the command, or replaces that of another version.
      - V(absent) removes it with the last network and container of the host, or at once where there are none.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: virtnet.linux.network_info
"""

EXAMPLES = r"""
- name: Install the command
  virtnet.linux.host_command:

- name: Remove the command
  virtnet.linux.host_command:
    state: absent
"""

RETURN = r"""
actions:
  description: The actions done, in order; in check mode those predicted. Empty when the host is in the desired state.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: One of V(create), V(change) and V(delete).
      type: str
    kind:
      description: V(file).
      type: str
    name:
      description: The path of the file.
      type: str
    before:
      description: The values that differed, as they were.
      type: dict
    after:
      description: The values that differed, as desired.
      type: dict
  sample:
    - {action: create, kind: file, name: /usr/local/sbin/virtnet, before: {}, after: {bytes: 400000, mode: "0755"}}
"""

from ansible_collections.virtnet.linux.plugins.module_utils.ansible import packed  # noqa: F401 # pylint: disable=unused-import
from ansible_collections.virtnet.linux.plugins.module_utils.ansible.start import run_command


def main() -> None:
    run_command()


if __name__ == "__main__":
    main()
