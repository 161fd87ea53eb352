# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The declared containers of an inventory, as inventory hosts."""

from __future__ import annotations

DOCUMENTATION = r"""
name: netns
author: The virtnet.linux authors (@virtnet)
short_description: The declared containers of an inventory as inventory hosts
version_added: 1.0.0
description:
  - Reads the containers that each host of the inventory declares, in the variables C(bridge_network_containers) and
    C(overlay_network_containers) of C(host_vars), C(group_vars) and inventory files, and adds an inventory host for
    each.
  - A container is the host C(CONTAINER.HOST), in the group C(containers) and in the group C(network_NAME) of each of
    its networks. It has the connection variables of its host, and is entered by the become plugin
    P(virtnet.linux.netns#become).
  - No host is contacted. Existing containers, declared or not, are added as inventory hosts by the playbook
    C(virtnet.linux.live_containers).
  - The file's name ends with C(netns.yml) or C(netns.yaml). It has to come after the inventory that has the hosts. In
    an inventory directory files are read in the order of their names. There is a warning where no host known so far has
    either variable.
  - An invalid container is an error, and so is a name C(CONTAINER.HOST) that another container or host has. The role
    validates the other options of a container.
options:
  plugin:
    description: The name of this plugin.
    type: str
    required: true
    choices: [virtnet.linux.netns]
extends_documentation_fragment:
  - ansible.builtin.constructed
notes:
  - The containers are in the group C(all), as every host is. Plays for hosts alone use C(hosts=all:!containers).
  - Variables C(virtnet_container), C(virtnet_host), C(virtnet_networks) and C(virtnet_network_mode) describe the
    container of an inventory host, for O(compose), O(groups) and O(keyed_groups).
  - Variables adjacent to a playbook (its own C(group_vars) and C(host_vars)) are not available to inventory plugins.
seealso:
  - plugin: virtnet.linux.netns
    plugin_type: become
"""

EXAMPLES = r"""
# inventory/50-containers.netns.yml, read after inventory/10-hosts.yml
plugin: virtnet.linux.netns

# In addition a group for the containers of each host, as on_web1
# plugin: virtnet.linux.netns
# keyed_groups:
#   - key: virtnet_host
#     prefix: "on"
"""

import sys

from ansible.errors import AnsibleError, AnsibleParserError
from ansible.inventory.helpers import get_group_vars
from ansible.plugins.inventory import BaseInventoryPlugin, Constructable
from ansible.utils.vars import combine_vars
from ansible.vars.plugins import get_vars_from_inventory_sources

from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import Problems, abridge
from ansible_collections.virtnet.linux.plugins.plugin_utils.views import container_hosts


class InventoryModule(BaseInventoryPlugin, Constructable):
    """Adds inventory hosts for containers."""

    NAME = "virtnet.linux.netns"

    def verify_file(self, path):
        """Whether the file name is one of this plugin."""
        return super().verify_file(path) and path.endswith(("netns.yml", "netns.yaml"))

    def parse(self, inventory, loader, path, cache=True):
        """Add the containers of every host that is known so far."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        known = [(host, self._variables(host)) for host in inventory.hosts.values()]
        hosts = [(host, variables) for host, variables in known if container_hosts.CONTAINER not in variables]
        if not any(key in variables for _host, variables in hosts for key in container_hosts.LISTS):
            self.display.warning(
                "%s: no containers: of the %d hosts that are known so far none has %s. The inventory that has the "
                "hosts has to be read before this one: by an earlier -i, or by a name that comes first in the directory"
                % (path, len(hosts), " or ".join(container_hosts.LISTS))
            )
        problems = Problems()
        found = [one for host, variables in hosts for one in self._containers(host, variables, problems)]
        container_hosts.refuse_taken_names(found, {host.name: variables for host, variables in known}, problems)
        if problems.errors:
            raise AnsibleParserError("%s: %s" % (path, "\n".join(abridge(problems.errors))))
        for container in found:
            self._add(container)

    def _containers(self, host, variables, problems):
        self.templar.available_variables = variables
        reach = {key: self._evaluated(value) for key, value in variables.items() if container_hosts.is_way_to_host(key)}
        found = []
        for key in container_hosts.LISTS:
            if key not in variables:
                continue
            try:
                declared = self.templar.template(variables[key])
            except AnsibleError as error:
                problems.refuse("host %s" % host.name, key, variables[key], "cannot be evaluated: %s" % error)
            else:
                found += container_hosts.container_hosts(host.name, key, declared, reach, problems)
        return found

    def _variables(self, host):
        """A host's inventory variables: as of constructed with use_vars_plugins, and those of the group all."""
        # Ansible adds hosts to the group all only after the last source is read.
        groups = [self.inventory.groups["all"], *(group for group in host.get_groups() if group.name != "all")]
        sources = self.inventory.processed_sources
        variables = get_group_vars(groups)
        variables = combine_vars(variables, get_vars_from_inventory_sources(self.loader, sources, groups, "all"))
        variables = combine_vars(variables, host.get_vars())
        variables = combine_vars(variables, get_vars_from_inventory_sources(self.loader, sources, [host], "all"))
        return {**variables, "ansible_playbook_python": sys.executable}

    def _evaluated(self, value):
        """Template a value with its host's variables; return it unchanged where it needs others."""
        try:
            return self.templar.template(value)
        except AnsibleError:
            return value

    def _add(self, container):
        name = container.name
        self.inventory.add_host(name)
        for group in container.groups:
            self.inventory.add_group(group)
            self.inventory.add_child(group, name)
        for key, value in container.variables.items():
            self.inventory.set_variable(name, key, value)
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), container.variables, name, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), container.variables, name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), container.variables, name, strict=strict)
