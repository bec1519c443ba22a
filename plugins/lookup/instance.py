# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of one Milvus instance, read from the inventory: how one play talks to two instances."""

from __future__ import annotations

DOCUMENTATION = r"""
name: instance
short_description: The connection and storage options of one Milvus instance
version_added: 1.0.0
author:
  - The vectorops.milvus authors (@vectorops)
description:
  - Builds the options of one inventory host from its variables C(milvus_address), C(milvus_port), C(milvus_bucket_name) and so on,
    which are the options of the modules with the prefix C(milvus_).
  - The result is meant for C(module_defaults) of the action group C(vectorops.milvus.milvus).
    With C(delegate_to) alone the variables stay those of the job host; this lookup is what makes them those of the other one.
  - For the host of the task it reads the variables of the task, so that play and role variables count.
    For any other host it reads the variables that host has in the inventory, its facts, and extra vars.
  - Unset and empty variables are left out, so that the defaults of the module stay in force.
  - For each set of credentials that the host does not have, it reads the environment of the controller, as listed in the notes.
  - A C(milvus_config_file) is handed to the module, which reads it. It is also read on the controller, where the result depends on it.
    Credentials in it keep the environment out, and O(part=backup) and O(part=identity) are made from it.
    If it cannot be read on the controller, O(part=backup) fails, and the others go by the variables alone.
options:
  _terms:
    description: The name of one host of the inventory.
    type: list
    elements: str
    required: true
  side:
    description: Which side of a migration the instance is on. It only decides which environment variables are read.
    type: str
    required: true
    choices:
      source: Reads C(MILVUS_SOURCE_*).
      target: Reads C(MILVUS_TARGET_*).
  part:
    description: Which options to return. All of them, exactly as the host has them, if this is not set.
    type: str
    choices:
      instance: The options of the instance itself, without the C(backup_*) options.
      backup: >-
        Where the backups of the host lie, as C(backup_*) options in full, after place, credentials and bucket have been inherited
        from the instance where the host says nothing else. This is what hands the backup of one instance to another.
      identity: >-
        No options but three texts without secrets, to compare and to show: C(milvus) (address and port), C(data) (where Milvus keeps its
        data) and C(backup) (where its backups lie). What cannot be known is an empty text.
notes:
  - C(MILVUS_SOURCE_USER), C(MILVUS_SOURCE_PASSWORD) and C(MILVUS_SOURCE_TOKEN) are used when the host has none of
    C(milvus_user), C(milvus_password), C(milvus_token).
  - C(MILVUS_SOURCE_ACCESS_KEY_ID), C(MILVUS_SOURCE_SECRET_ACCESS_KEY) and C(MILVUS_SOURCE_SESSION_TOKEN) are used when the host has none of
    C(milvus_access_key_id), C(milvus_secret_access_key), C(milvus_session_token) and does not set C(milvus_use_iam).
  - The same names with C(MILVUS_TARGET_) serve the other side.
  - C(MILVUS_BACKUP_STORE_ACCESS_KEY_ID), C(MILVUS_BACKUP_STORE_SECRET_ACCESS_KEY) and C(MILVUS_BACKUP_STORE_SESSION_TOKEN) serve the backup
    storage of both sides in the same way.
  - An extra var such as C(-e milvus_address=...) sets the value of every host, and so of both sides.
  - Do not put the result into C(set_fact), a loop or the arguments of another task. Ansible would print the secrets in it.
"""

EXAMPLES = r"""
- name: Talk to two instances in one play
  hosts: milvus_b
  connection: local
  gather_facts: false
  tasks:
    - name: Ask the source
      vectorops.milvus.milvus_info:
      delegate_to: milvus_a
      module_defaults:
        group/vectorops.milvus.milvus: "{{ lookup('vectorops.milvus.instance', 'milvus_a', side='source') }}"

    - name: Restore on this host what milvus_a has backed up
      vectorops.milvus.milvus_restore:
        name: my_backup
        collections: [coll]
        suffix: _copy
      module_defaults:
        group/vectorops.milvus.milvus: >-
          {{ lookup('vectorops.milvus.instance', inventory_hostname, side='target', part='instance')
             | combine(lookup('vectorops.milvus.instance', 'milvus_a', side='source', part='backup')) }}
"""

RETURN = r"""
_raw:
  description: One dictionary, from option to value (or, with O(part=identity), from C(milvus), C(data), C(backup) to a text).
  type: list
  elements: dict
"""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleError, AnsibleLookupError
from ansible.module_utils.parsing.convert_bool import BOOLEANS, boolean
from ansible.plugins.lookup import LookupBase

from ..module_utils._arguments import BACKUP_PREFIX, DEFAULT_PORT, SECRET_OPTIONS, group_spec
from ..module_utils.config_file import ConfigFile, read_config_file
from ..module_utils.credentials import with_config_file, with_environment, with_tool_defaults
from ..module_utils.errors import MilvusOpsError
from ..module_utils.store.config import resolve_backup_side

Options = dict[str, Any]

VARIABLE_PREFIX = "milvus_"
LOGIN = ("user", "password", "token")
STORAGE_KEYS = ("access_key_id", "secret_access_key", "session_token")
HOSTS_SHOWN = 30
INSTANCE = "instance"
BACKUP = "backup"
IDENTITY = "identity"
UNTEMPLATED_SECRET = "it refers to an undefined variable, or is not a valid template"


class LookupModule(LookupBase):
    def run(self, terms: list[Any], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[Options]:
        unknown = sorted(set(kwargs) - {"side", "part"})
        if unknown:
            raise AnsibleLookupError(
                f"vectorops.milvus.instance does not know {', '.join(unknown)}; it takes side and part"
            )
        self.set_options(var_options=variables, direct=kwargs)
        task_variables = variables or {}
        host = _only_host(terms, {task_variables["inventory_hostname"], *task_variables["groups"]["all"]})
        options = self._options_of(host, task_variables)
        try:
            return [host_options(options, self.get_option("side"), self.get_option("part"), os.environ)]
        except MilvusOpsError as error:
            raise AnsibleLookupError(
                f"host {host}: {error} (each option is the variable {VARIABLE_PREFIX}<option>)"
            ) from None

    def _options_of(self, host: str, task_variables: Mapping[str, Any]) -> Options:
        templar: Any = self._templar
        variables = task_variables
        if host != task_variables["inventory_hostname"]:
            # hostvars[host] would return a value with an undefined variable in it as the text of its template.
            hostvars = task_variables["hostvars"]
            variables = {**hostvars.raw_get(host), "hostvars": hostvars}
            templar = templar.copy_with_new_env(available_variables=variables)
        values = {
            option: _template(templar, variables, host, option)
            for option in group_spec()
            if VARIABLE_PREFIX + option in variables
        }
        return {option: _typed(option, value) for option, value in values.items() if _is_given(value)}


def host_options(options: Options, side: str, part: str | None, environment: Mapping[str, str]) -> Options:
    """The part of a host's options, with credentials from the environment where neither host nor file has any."""
    config = _config_file(options, needed=part == BACKUP)
    known = options if config is None else with_config_file(options, config)
    added = credentials_from_environment(known, side, environment)
    if part in (None, INSTANCE):
        return select_part({**options, **added}, part)
    known = with_environment({**known, **added}, environment)  # as the module would complete it
    return select_part(known if config is None else with_tool_defaults(known, config), part)


def _config_file(options: Options, needed: bool) -> ConfigFile | None:
    """The file that a host names, if it lies here; the module may run on another host than this one."""
    if "config_file" not in options:
        return None
    try:
        return read_config_file(os.path.expanduser(os.path.expandvars(str(options["config_file"]))))
    except MilvusOpsError:
        if needed:
            raise
        return None


def credentials_from_environment(options: Options, side: str, environment: Mapping[str, str]) -> Options:
    """What the controller's environment adds: whole sets of credentials only, never half of one."""
    added: Options = {}
    for variable_prefix, option_prefix, names in (
        (f"MILVUS_{side.upper()}_", "", LOGIN),
        (f"MILVUS_{side.upper()}_", "", STORAGE_KEYS),
        ("MILVUS_BACKUP_STORE_", BACKUP_PREFIX, STORAGE_KEYS),
    ):
        by_iam = names is STORAGE_KEYS and options.get(option_prefix + "use_iam") is True
        if by_iam or any(_is_given(options.get(option_prefix + name)) for name in names):
            continue
        found = {option_prefix + name: environment.get(variable_prefix + name.upper(), "") for name in names}
        added.update({option: value for option, value in found.items() if _is_given(value)})
    return added


def select_part(options: Options, part: str | None) -> Options:
    if part == BACKUP:
        return dict(resolve_backup_side(options))
    if part == INSTANCE:
        return {option: value for option, value in options.items() if not option.startswith(BACKUP_PREFIX)}
    if part == IDENTITY:
        return {
            "milvus": _milvus_text(options),
            "data": _storage_text(options, ""),
            "backup": _backup_text(options),
        }
    return options


def _milvus_text(options: Options) -> str:
    if not options.get("address"):
        return ""
    return f"{options['address']}:{options.get('port', DEFAULT_PORT)}".lower()


def _backup_text(options: Options) -> str:
    try:
        return _storage_text(resolve_backup_side(options), BACKUP_PREFIX)
    except MilvusOpsError:  # the backup side of a target is not used: what is wrong with it must not stop a migration
        return ""


def _storage_text(options: Mapping[str, Any], prefix: str) -> str:
    """Service, bucket and root path; the same place gives the same text however its root path is spelled."""

    def given(name: str) -> str:
        return str(options.get(prefix + name) or "")

    bucket = given("bucket_name")
    if not bucket:
        return ""
    service = given("storage_address") or given("storage_type") or given("storage_region")
    port = f":{given('storage_port')}" if given("storage_port") else ""
    return "/".join(part for part in (service.lower() + port, bucket, given("root_path").strip("/")) if part)


def _only_host(terms: list[Any], known: Iterable[str]) -> str:
    if len(terms) != 1 or not isinstance(terms[0], str) or not terms[0].strip():
        raise AnsibleLookupError(f"vectorops.milvus.instance needs the name of exactly one host, got {terms!r}")
    host = terms[0].strip()
    hosts = sorted(known)
    if host not in hosts:
        more = f" and {len(hosts) - HOSTS_SHOWN} more" if len(hosts) > HOSTS_SHOWN else ""
        listed = ", ".join(hosts[:HOSTS_SHOWN]) or "none"
        raise AnsibleLookupError(f"host {host!r} is not in the inventory; the hosts in it are: {listed}{more}")
    return host


def _template(templar: Any, variables: Mapping[str, Any], host: str, option: str) -> Any:
    """One variable, templated and decrypted; None where it is omitted."""
    name = VARIABLE_PREFIX + option
    try:
        # In a list, because ansible-core 2.19 and later take an omitted value out of a list, and fail on a bare one.
        values = templar.template([variables[name]])
        value = values[0] if values else None
        if getattr(value, "__ENCRYPTED__", False):  # ansible-core before 2.19 decrypts a vaulted value as it is read
            value = str(value)
    except AnsibleError as error:
        # The message of a template error may quote the value.
        cause = UNTEMPLATED_SECRET if option in SECRET_OPTIONS else str(error)
        raise AnsibleLookupError(f"host {host}: the variable {name} has no value: {cause}") from None
    return None if value == variables.get("omit") else value


def _is_given(value: Any) -> bool:
    return value is not None and not (isinstance(value, str) and not value.strip())


def _typed(option: str, value: Any) -> Any:
    """The value, with the text of a switch as what it says: INI inventories and extra vars give text."""
    if group_spec()[option]["type"] == "bool" and isinstance(value, str) and value.strip().lower() in BOOLEANS:
        return boolean(value)
    return value
