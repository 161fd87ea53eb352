# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a network and a mount namespace need to look like a machine without managed objects."""

from __future__ import annotations

OWN_FOLDERS = """
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /mnt
mkdir /mnt/changed /mnt/work
mount -t overlay -o lowerdir=/etc,upperdir=/mnt/changed,workdir=/mnt/work overlay /etc
mount -t tmpfs -o mode=755 tmpfs /usr/local/sbin
"""  # /etc and /usr/local/sbin are the machine's; what is written there is not

OWN = OWN_FOLDERS + "ip link set lo up\n"  # for `unshare --net --mount sh -ec`
