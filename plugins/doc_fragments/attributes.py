# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation fragments shared by all modules of the collection."""

from __future__ import annotations


class ModuleDocFragment:
    """Fragments: DOCUMENTATION and CHANGES for modules that change a host, INFO for those that only read."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and predict the actions of a real run, without changing the host.
  diff_mode:
    description: Returns the differences between observed and desired state for C(--diff).
  idempotent:
    description: Is idempotent. It changes nothing when run again with the same arguments.
  platform:
    description: The systems that it runs on.
"""

    CHANGES = r"""
options:
  lock_timeout:
    description:
      - How many seconds to wait for another run that changes the networks of the same host.
    type: int
    default: 60
attributes:
  action_group:
    description: Takes the defaults that a play's C(module_defaults) gives to C(group/virtnet.linux.networks).
    support: full
    membership: [virtnet.linux.networks]
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
  - Linux 5.10 or newer
  - pyroute2 0.7.2 or newer for the Python that runs the module
  - nft (nftables 1.0.6 or newer)
  - root
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    support: full
    details: It changes nothing.
  diff_mode:
    support: N/A
    details: It changes nothing.
  idempotent:
    support: full
  platform:
    support: full
    platforms: linux
requirements:
  - Linux 5.10 or newer
  - pyroute2 0.7.2 or newer for the Python that runs the module
  - nft (nftables 1.0.6 or newer)
  - root
"""
