# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of a play, by the variable that names their pattern; none, or a pattern with a typo, is an error."""

from __future__ import annotations

DOCUMENTATION = r"""
name: job_hosts
short_description: The hosts of a play, where none is an error
version_added: 1.0.0
author:
  - The vectorops.milvus authors (@vectorops)
description:
  - For the C(hosts) of a play. Takes the pattern from a variable, and the limit of the command line into account.
  - Ansible alone ends with success where a pattern or a limit matches no host, and only warns where a part of it does.
    This lookup makes both an error, so that a typo is not taken for a run.
  - The variable is read before any host is chosen, so it has to be an extra var.
options:
  _terms:
    description: The name of one variable with a host pattern. Blanks, and commas around it, are ignored.
    type: list
    elements: str
    required: true
  default:
    description:
      - The pattern to take if the variable is unset or empty.
      - Without it the run needs the variable, or a limit, which then stands for the pattern.
    type: str
    default: ""
  serial:
    description:
      - The name of the variable that C(serial) of the play is made from, to be checked. Ansible alone ends with a traceback where it is
        neither a number nor a percentage.
    type: str
    default: ""
notes:
  - Each part of the pattern and of the limit has to name a host or a group of the inventory. So has one behind C(!) or C(&), because with
    a typo there, the hosts that were to be left out would be in. A limit that is read from a file (C(@file)) only has to leave a host,
    and must not be empty, which Ansible takes for no limit at all.
"""

EXAMPLES = r"""
- name: Work on the hosts that milvus_backup_hosts names, or on the group milvus
  hosts: "{{ query('vectorops.milvus.job_hosts', 'milvus_backup_hosts', default='milvus', serial='milvus_backup_serial') }}"
  serial: "{{ milvus_backup_serial | default('100%', true) }}"
  gather_facts: false
  tasks: []
"""

RETURN = r"""
_list:
  description: Names of hosts, in the order of the inventory.
  type: list
  elements: str
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError, AnsibleLookupError
from ansible.inventory.manager import InventoryManager, split_host_pattern
from ansible.plugins.lookup import LookupBase

BATCH = re.compile(r"[1-9]\d*%?")


class LookupModule(LookupBase):
    def run(self, terms: list[Any], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        if len(terms) != 1:
            raise AnsibleLookupError(
                f"vectorops.milvus.job_hosts needs the name of exactly one variable, got {terms!r}"
            )
        known, name = variables or {}, str(terms[0])
        templar: Any = self._templar
        pattern = _parts(templar.template(known.get(name))) or _parts(self.get_option("default"))
        limit = _parts(known.get("ansible_limit"))
        serial = self.get_option("serial")
        _require_batches(serial, templar.template(known.get(serial)))
        if not pattern and not limit:
            raise AnsibleLookupError(f"no host is left: set {name}, or a limit, to hosts of the inventory")
        return _hosts(self._manager(known["groups"]), name, pattern, limit)

    def _manager(self, groups: Mapping[str, list[str]]) -> Any:
        """An inventory of the same groups and hosts, because the one of the run is out of reach here."""
        manager = InventoryManager(self._loader, parse=False)
        for group, hosts in groups.items():
            manager.add_group(group)
            for host in hosts:
                manager.add_host(host, group=group)
        return manager


def _require_batches(name: str, value: Any) -> None:
    for batch in value if isinstance(value, list) else [value]:
        if batch not in (None, "") and not BATCH.fullmatch(str(batch)):
            raise AnsibleLookupError(
                f"{name} is {value!r}; set it to a number of hosts or a percentage, such as 2 or 25%, or to a list of these"
            )


def _parts(value: Any) -> list[str]:
    if value is None:
        return []
    return [part.strip() for part in split_host_pattern(value if isinstance(value, list) else str(value)) if part]


def _hosts(manager: Any, name: str, pattern: list[str], limit: list[str]) -> list[str]:
    for origin, parts in ((name, pattern), ("the limit", limit)):
        unknown = [part for part in parts if not part.startswith("@") and not _names_something(manager, part)]
        if unknown:
            raise AnsibleLookupError(f"no host or group of the inventory is called {', '.join(unknown)}, see {origin}")
    for part in limit:
        if part.startswith("@") and not Path(part[1:]).read_text(encoding="utf-8").strip():
            # Ansible takes an empty file for no limit at all.
            raise AnsibleLookupError(f"no host is left: the limit {part} is an empty file")
    manager.subset(",".join(limit) or None)
    hosts = [host.name for host in manager.get_hosts(pattern or "all")]
    if not hosts:
        raise AnsibleLookupError(f"no host is left: {name}, or the limit, matches none")
    return hosts


def _names_something(manager: Any, part: str) -> bool:
    """A group may be empty, as one for maintenance mostly is."""
    bare = part.lstrip("!&")
    try:
        return bare in manager.groups or bool(manager.get_hosts(bare))
    except AnsibleError:  # a subscript beyond the end of its group
        return False
