#!/usr/bin/python
# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Close the source of a cut-over for writes, note how far it is, and open the source again."""

from __future__ import annotations

DOCUMENTATION = r"""
module: milvus_write_access
short_description: Close the source of a cut-over for writes, and open it again
version_added: 1.0.0
author:
  - The vectorops.milvus authors (@vectorops)
description:
  - Takes from users and roles of an instance the right to write, so that a last backup holds everything, and gives back exactly what it took.
  - What it takes is written first to C(<backup_root_path>/.cutover/<name>/source.json), so that a run after a crash can go on or roll back.
    The file also says how far the cut-over is.
  - The role C(vectorops.milvus.milvus_cutover) and the playbook C(vectorops.milvus.cutover) do a whole cut-over with it.
extends_documentation_fragment:
  - vectorops.milvus.connection
  - vectorops.milvus.storage
  - vectorops.milvus.attributes
  - vectorops.milvus.attributes.action_group
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  name:
    description:
      - Name of the cut-over, by the rules for names of backups. One cut-over has one name on both sides, and another one a fresh name.
    type: str
    required: true
  state:
    description:
      - V(closed) takes the rights away, and begins the cut-over where it has not begun. It may be repeated, and takes what was granted since.
      - V(verified) notes that the target was compared with the source, and V(done) that clients use the target.
        A cut-over never goes back from these to an earlier one.
      - V(open) gives back what was taken. The cut-over is over then, and another try needs a fresh O(name), because the backup
        of this one is from before the source took writes again. An unknown or open cut-over is left as it is.
    type: str
    choices: [closed, verified, done, open]
    required: true
  users:
    description:
      - Users that lose those of their roles that may write, with everything else that these roles allow.
      - V(root) cannot lose anything. Users whose only such roles are in O(roles) keep them.
    type: list
    elements: str
    default: []
  roles:
    description:
      - Roles that lose the privileges of O(privileges), and keep the others, so that their users go on reading.
      - The role V(admin) has no grants that it could lose. Name its users in O(users).
      - Without users and roles nothing is taken, and the file only says how far the cut-over is.
    type: list
    elements: str
    default: []
  privileges:
    description:
      - Which privileges are rights to write. By default all that change data or definitions, in every database.
      - Name privilege groups of your own here, together with the others.
    type: list
    elements: str
    default:
      ['*', All, AlterCollection, AlterDatabase, CollectionAdmin, CollectionReadWrite, ClusterAdmin,
      ClusterReadWrite, CreateAlias, CreateCollection, CreateDatabase, CreateIndex, CreatePartition, DatabaseAdmin,
      DatabaseReadWrite, Delete, DropAlias, DropCollection, DropDatabase, DropIndex, DropPartition, Import, Insert,
      RenameCollection, Truncate, TruncateCollection, Upsert]
notes:
  - Authorization must be on. A server without it serves everybody, and the module says so.
  - A server notes who granted a privilege. After O(state=open) that is the login of this module.
  - A right is out of force some seconds after the server has taken it away. Wait before a last backup.
  - The login needs C(SelectUser), C(SelectOwnership) and C(ManageOwnership), and must not be among the O(users). The key of the
    backup side needs to read and write below C(<backup_root_path>/.cutover/).
seealso:
  - module: vectorops.milvus.milvus_alias_switch
  - module: vectorops.milvus.milvus_backup
"""

EXAMPLES = r"""
- name: Show which rights would go
  vectorops.milvus.milvus_write_access:
    name: cutover_0611
    state: closed
    roles: [loader]
    users: [importer]
  module_defaults:
    group/vectorops.milvus.milvus: "{{ lookup('vectorops.milvus.instance', inventory_hostname, side='source') }}"
  check_mode: true
  diff: true

- name: Close the source
  vectorops.milvus.milvus_write_access:
    name: cutover_0611
    state: closed
    roles: [loader]
    users: [importer]
  module_defaults:
    group/vectorops.milvus.milvus: "{{ lookup('vectorops.milvus.instance', inventory_hostname, side='source') }}"
  register: closed

- name: Refuse to go on while somebody else may write
  ansible.builtin.assert:
    that: closed.can_still_write == []

- name: Open the source again
  vectorops.milvus.milvus_write_access:
    name: cutover_0611
    state: open
  module_defaults:
    group/vectorops.milvus.milvus: "{{ lookup('vectorops.milvus.instance', inventory_hostname, side='source') }}"
"""

RETURN = r"""
phase:
  description: How far the cut-over is now.
  returned: success
  type: str
  choices: [none, closed, verified, done, open]
  sample: closed
before:
  description: How far it was before. V(opening) if a run that gave rights back did not end.
  returned: success
  type: str
  choices: [none, closed, verified, done, opening, open]
  sample: none
record:
  description: The file that says so.
  returned: success
  type: str
  sample: http://127.0.0.1:9000/bucket-a/backup/.cutover/cutover_0611/source.json
grants:
  description: Grants that this run took away or gave back.
  returned: success
  type: list
  elements: dict
  contains:
    role:
      description: The role.
      type: str
      returned: always
      sample: loader
    object_type:
      description: Type of the object.
      type: str
      returned: always
      sample: Collection
    object_name:
      description: Name of the object.
      type: str
      returned: always
      sample: '*'
    privilege:
      description: The privilege.
      type: str
      returned: always
      sample: Insert
    database:
      description: The database of the object.
      type: str
      returned: always
      sample: default
members:
  description: Users that this run took out of a role, or put into it again.
  returned: success
  type: list
  elements: dict
  contains:
    user:
      description: The user.
      type: str
      returned: always
      sample: importer
    role:
      description: The role.
      type: str
      returned: always
      sample: admin
can_still_write:
  description: Users other than V(root) that may write all the same. Empty if O(users) and O(roles) are.
  returned: success
  type: list
  elements: str
  sample: []
config_file:
  description: What was read of O(config_file), by the names of its keys. Values are never shown.
  returned: when O(config_file) is given
  type: dict
  contains:
    path:
      description: Its path.
      type: str
      returned: always
      sample: /etc/milvus-backup/backup.yaml
    schema:
      description: V(v1) for the old schema, V(v2) for the new one.
      type: str
      returned: always
      sample: v2
    honoured:
      description: Keys that stand for an option. An option that is given wins over them.
      type: list
      elements: str
      returned: always
      sample: [milvus.grpc.address, milvus.storage.rootPath]
    not_applicable:
      description: Keys that concern milvus-backup itself.
      type: list
      elements: str
      returned: always
      sample: [log.level]
    unknown:
      description: Keys that milvus-backup does not know either.
      type: list
      elements: str
      returned: always
      sample: []
failure:
  description: What went wrong, for programs. The text for people is in RV(ignore:msg).
  returned: failure
  type: dict
  contains:
    kind:
      description: The kind of failure, such as V(usage), V(root_path), V(name_in_use), V(credentials) or V(lock_held).
      type: str
      returned: always
      sample: name_in_use
    operation:
      description: What was attempted.
      type: str
      returned: always
      sample: continuing the cut-over
    where:
      description: The object, collection, option or host it is about.
      type: str
      returned: always
      sample: http://127.0.0.1:9000/bucket-a/backup/.cutover/cutover_milvus_a_0611/source.json
    cause:
      description: Why it failed.
      type: str
      returned: always
      sample: it was rolled back, and its source takes writes again
    state_left:
      description: What is left behind.
      type: str
      returned: always
      sample: nothing was written
    next_step:
      description: What to do.
      type: str
      returned: always
      sample: begin another cut-over, with a fresh name
    retryable:
      description: Whether the same task may succeed when it is run again without a change.
      type: bool
      returned: always
"""

from typing import Any

from ..module_utils._module import Call, run_module, text_diff
from ..module_utils.cutover.record import record_place
from ..module_utils.cutover.rights import WRITING, Writers
from ..module_utils.cutover.source import OPEN, RECORD_FILE, STATES, SourceChange, SourceSide
from ..module_utils.milvus.server import Server, connection_options
from ..module_utils.store.config import backup_store, instance_store
from ..module_utils.store.open import open_store

SPEC: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "required": True, "choices": list(STATES)},
    "users": {"type": "list", "elements": "str", "default": []},
    "roles": {"type": "list", "elements": "str", "default": []},
    "privileges": {"type": "list", "elements": "str", "default": list(WRITING)},
}


def source_action(call: Call) -> dict[str, Any]:
    options = call.options
    connection, instance = connection_options(options), instance_store(options)
    place = record_place(backup_store(options), options["name"], RECORD_FILE, writable=not call.check_mode)
    writers = Writers(*(frozenset(options[name]) for name in ("users", "roles", "privileges")))
    with Server(connection) as server:
        side = SourceSide(server, place, f"{open_store(instance).label}/{instance.root_path}")
        change = side.plan(options["state"], writers)
        if not call.check_mode:
            side.execute(change)
    return {
        "changed": change.changed,
        "phase": change.after.phase,
        "before": change.before.phase,
        "record": place.label,
        "grants": [
            {
                "role": item.role,
                "object_type": item.object_type,
                "object_name": item.object_name,
                "privilege": item.privilege,
                "database": item.database,
            }
            for item in sorted(change.now.grants)
        ],
        "members": [{"user": item.user, "role": item.role} for item in sorted(change.now.members)],
        "can_still_write": list(change.can_still_write),
        "warnings": _warnings(change),
        "diff": _diff(change, place.label),
    }


def _warnings(change: SourceChange) -> list[str]:
    if not change.can_still_write:
        return []
    return [f"these users may still write: {', '.join(change.can_still_write)}; name them, or their roles, too"]


def _diff(change: SourceChange, header: str) -> dict[str, str]:
    """The rights that are there before and after, under the phase."""
    rights = change.now.lines()
    before, after = ([], rights) if change.after.phase == OPEN else (rights, [])
    texts = [
        "".join(f"{line}\n" for line in (f"phase {phase}", *lines))
        for phase, lines in ((change.before.phase, before), (change.after.phase, after))
    ]
    return text_diff(texts[0], texts[1], header)


def main() -> None:
    run_module(SPEC, source_action)


if __name__ == "__main__":
    main()
