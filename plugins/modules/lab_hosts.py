#!/usr/bin/python

# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_hosts
short_description: Manage test hosts on one machine, made of namespaces and reached over SSH
version_added: 1.0.0
description:
  - Creates a lab of hosts on one machine. Each has its own network stack, file system, hostname, processes and SSH
    server; an underlay connects them. A lab of three is up in less than a second.
  - A host has an overlay of the machine's file system with a writable layer of its own, so it has what is installed on
    the machine, and its writes are not visible to the machine or to other hosts. C(/run), and with it C(/run/netns),
    C(/dev) and C(/proc) are its own. Sysctls can be written below C(net) only; all others belong to the machine.
  - One more host, C(outside), has the underlay's bridge, C(underlay), and represents external hosts. It has the last
    usable address of O(subnet) and number ffff in O(subnet6), and is every host's default gateway.
    C(ip link set dev h1 down) in it disconnects host C(h1); a capture on C(underlay) in it sees all their traffic.
  - The machine's own network is not changed. SSH enters a host by its namespaces, not by its NICs, so it works
    whatever a test does to them, and is in no capture.
  - The lab's directory has the inventory (C(inventory.json), groups C(lab) and C(lab_outside)), C(ssh_config),
    C(known_hosts), the keys, each host's log, and the script C(enter NAME [COMMAND]).
  - A lab does not survive the machine's reboot.
attributes:
  check_mode:
    description: Can run in check mode and returns the predicted actions, without doing them.
    support: full
  diff_mode:
    description: Returns the hosts before and after.
    support: full
  idempotent:
    description: Changes nothing when run again, except that O(state=restarted) always restarts.
    support: full
  platform:
    description: The systems that the module runs on.
    support: full
    platforms: linux
options:
  name:
    description: The lab's name. Several labs may exist in parallel, each with its own underlay.
    type: str
    default: lab
  state:
    description:
      - V(present) makes O(hosts) the lab's hosts. Running hosts keep running; a host that is not in the list is
        removed; a host that was killed is started again with its disk and its address.
      - V(absent) removes the lab completely.
      - V(restarted) power-cycles each of O(hosts), which must be hosts of the lab. Their disks are kept; processes,
        network and C(/run) are new. Other hosts and all options are left unchanged.
    type: str
    choices: [present, absent, restarted]
    default: present
  hosts:
    description: The hosts. This or O(count) is required when O(state=present).
    type: list
    elements: dict
    suboptions:
      name:
        description: The host's name, 1 to 13 of the characters a-z, 0-9 and -.
        type: str
        required: true
      mtu:
        description: The MTU of the host's NICs, instead of O(mtu).
        type: int
      uplinks:
        description: The number of NICs of the host, instead of O(uplinks).
        type: int
  count:
    description: Instead of O(hosts), that many hosts named C(h1), C(h2) and so on.
    type: int
  directory:
    description:
      - The directory of the lab's files, missing or empty before. Default is C(/run/virtnet-lab/NAME).
    type: path
  subnet:
    description:
      - The underlay's IPv4 subnet. Hosts get the lowest free addresses and keep them. An empty string for no IPv4.
      - Cannot be changed while the lab exists.
    type: str
    default: 10.99.0.0/16
  subnet6:
    description: The underlay's IPv6 subnet, /112 or larger; otherwise like O(subnet).
    type: str
    default: fd99::/64
  mtu:
    description: The MTU of the hosts' NICs.
    type: int
    default: 1500
  uplinks:
    description: The number of NICs of a host, 1 to 9. C(eth0) has the addresses; C(eth1) and so on are bare and down.
    type: int
    default: 1
  python_interpreter:
    description: The Python interpreter for Ansible on the hosts. It has to be on a file system that they have.
    type: path
    default: /usr/bin/python3
requirements:
  - root
  - util-linux, iproute2 and OpenSSH's server on the machine
author:
  - The virtnet.linux authors (@virtnet)
"""

EXAMPLES = r"""
- name: Create three hosts, h1 to h3
  virtnet.linux.lab_hosts:
    count: 3

- name: Create three hosts, the second with a smaller MTU, the third with a second NIC
  virtnet.linux.lab_hosts:
    hosts:
      - name: h1
      - name: h2
        mtu: 1400
      - name: h3
        uplinks: 2

- name: Power-cycle a host
  virtnet.linux.lab_hosts:
    hosts:
      - name: h2
    state: restarted

- name: Take the lab down
  virtnet.linux.lab_hosts:
    state: absent
"""

RETURN = r"""
actions:
  description: The actions done, in order; in check mode those predicted.
  returned: success
  type: list
  elements: str
  sample: [write inventory.json, start host h1, plug in eth0 of host h1]
directory:
  description: Where the lab's files are.
  returned: success
  type: str
  sample: /run/virtnet-lab/lab
inventory:
  description: The inventory for C(ansible-playbook -i).
  returned: when O(state) is not V(absent)
  type: str
  sample: /run/virtnet-lab/lab/inventory.json
ssh_config:
  description: The configuration for C(ssh -F).
  returned: when O(state) is not V(absent)
  type: str
  sample: /run/virtnet-lab/lab/ssh_config
hosts:
  description: The hosts with their addresses on the underlay, C(outside) first.
  returned: when O(state) is not V(absent)
  type: list
  elements: dict
  sample: [{name: h1, address: 10.99.0.1, address6: "fd99::1", mtu: 1500, uplinks: 1}]
"""

import contextlib
import dataclasses
import os
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.virtnet.linux.plugins.module_utils.lab import converge, files, settings
from ansible_collections.virtnet.linux.plugins.module_utils.lab.process import LabError
from ansible_collections.virtnet.linux.plugins.module_utils.lab.settings import Lab

ARGUMENT_SPEC = dict(
    name=dict(type="str", default="lab"),
    state=dict(type="str", choices=["present", "absent", "restarted"], default="present"),
    hosts=dict(
        type="list",
        elements="dict",
        options=dict(name=dict(type="str", required=True), mtu=dict(type="int"), uplinks=dict(type="int")),
    ),
    count=dict(type="int"),
    directory=dict(type="path"),
    subnet=dict(type="str", default="10.99.0.0/16"),
    subnet6=dict(type="str", default="fd99::/64"),
    mtu=dict(type="int", default=1500),
    uplinks=dict(type="int", default=1),
    python_interpreter=dict(type="path", default="/usr/bin/python3"),
)


def main() -> None:
    module = AnsibleModule(
        ARGUMENT_SPEC,
        supports_check_mode=True,
        mutually_exclusive=[["hosts", "count"]],
        required_if=[["state", "present", ["hosts", "count"], True], ["state", "restarted", ["hosts"]]],
    )
    numbers = range(1, (module.params["count"] or 0) + 1)
    module.params["hosts"] = module.params["hosts"] or [dict(name="h%d" % i, mtu=None, uplinks=None) for i in numbers]
    problems = settings.problems(module.params) + converge.missing_programs()
    if os.geteuid():
        problems.append("lab_hosts makes namespaces and mounts: run it as root")
    if problems:
        module.fail_json(msg="\n".join(problems))
    directory = settings.directory(module.params)
    lock = contextlib.nullcontext() if module.check_mode else converge.alone(directory)
    try:
        with lock:
            result = run(module.params, directory, module.check_mode)
    except (LabError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(directory=str(directory), **result)


def run(options: dict[str, Any], directory: Path, check: bool) -> dict[str, Any]:
    """Apply the desired state of the lab; return the module's result."""
    files.refuse_foreign(directory)
    before = files.remembered(directory)
    hosts_before = _described(before)
    if options["state"] == "absent":
        exists = directory.exists()
        if exists and not check:
            converge.remove(directory)
        actions = ["remove the lab", "remove %s" % directory] if exists else []
        return dict(changed=exists, actions=actions, diff=dict(before=hosts_before, after={}))

    restart = [host["name"] for host in options["hosts"]] if options["state"] == "restarted" else []
    lab = _to_restart(before, directory, restart) if restart else _declared(options, before)
    todo = converge.compare(lab, restart)
    actions = todo.actions()
    if actions and not check:
        converge.apply(lab, todo)
    return dict(
        changed=bool(actions),
        actions=actions,
        inventory=str(directory / files.INVENTORY),
        ssh_config=str(directory / files.SSH_CONFIG),
        hosts=[dataclasses.asdict(host) for host in lab.all_hosts()],
        diff=dict(before=hosts_before, after=_described(lab, running=True)),
    )


def _declared(options: dict[str, Any], before: Lab | None) -> Lab:
    lab = settings.declare(options, before)
    if before and converge.exists(before) and (before.subnet, before.subnet6) != (lab.subnet, lab.subnet6):
        raise LabError(
            "subnet, subnet6: '%s', '%s': the lab exists with '%s', '%s': keep those, or remove the lab first"
            % (lab.subnet or "", lab.subnet6 or "", before.subnet or "", before.subnet6 or "")
        )
    return lab


def _to_restart(before: Lab | None, directory: Path, names: list[str]) -> Lab:
    """The lab as last declared; refuse names that are not hosts of it."""
    known = [host.name for host in before.hosts] if before else []
    unknown = [name for name in names if name not in known]
    if before is None or unknown:
        raise LabError(
            "hosts: '%s': not in the lab of %s, whose hosts are: %s"
            % (", ".join(unknown), directory, ", ".join(known) or "none")
        )
    return before


def _described(lab: Lab | None, running: bool | None = None) -> dict[str, Any]:
    """The hosts, for --diff.

    :param running: whether they run; None: determine it
    """
    if lab is None:
        return {}
    runs = converge.running(lab)
    return {
        host.name: dict(dataclasses.asdict(host), running=runs.get(host.name, False) if running is None else running)
        for host in lab.all_hosts()
    }


if __name__ == "__main__":
    main()
