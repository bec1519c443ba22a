#!/usr/bin/python
# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Let aliases lead to other collections, and back to where they led."""

from __future__ import annotations

DOCUMENTATION = r"""
module: milvus_alias_switch
short_description: Let aliases lead to other collections, and back
version_added: 1.0.0
author:
  - The vectorops.milvus authors (@vectorops)
description:
  - Lets aliases of an instance lead to the collections of a cut-over, and on request back to where they led before.
  - An alias that exists is moved in one step, so clients that use it see the old collection or the new one, and never none.
  - Where each led is written first to C(<backup_root_path>/.cutover/<name>/aliases.json), so that a run after a crash can go on or roll back.
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
      - V(switched) lets the O(aliases) lead to their collections. One that does not exist is created.
      - V(back) lets all aliases of this cut-over lead to where they led before it, and drops those that did not exist.
        One that was moved elsewhere since is left alone, with a warning.
    type: str
    choices: [switched, back]
    required: true
  aliases:
    description:
      - Each alias with the collection that it is to lead to, as C(alias) and C(coll), or C(db.alias) and C(db.coll) in the same database.
      - Needed with O(state=switched), and ignored with O(state=back).
    type: dict
    default: {}
notes:
  - The login needs C(CreateAlias) and, to drop one again, C(DropAlias). The key of the backup side needs to read and write below
    C(<backup_root_path>/.cutover/).
seealso:
  - module: vectorops.milvus.milvus_write_access
  - module: vectorops.milvus.milvus_restore
"""

EXAMPLES = r"""
- name: Let the clients of this instance use the restored collection
  vectorops.milvus.milvus_alias_switch:
    name: cutover_0611
    state: switched
    aliases:
      films: films_0611
      archive.films: archive.films_0611
  module_defaults:
    group/vectorops.milvus.milvus: "{{ lookup('vectorops.milvus.instance', inventory_hostname, side='target') }}"

- name: Let them use the collections of before again
  vectorops.milvus.milvus_alias_switch:
    name: cutover_0611
    state: back
  module_defaults:
    group/vectorops.milvus.milvus: "{{ lookup('vectorops.milvus.instance', inventory_hostname, side='target') }}"
"""

RETURN = r"""
record:
  description: The file that says where each alias led before.
  returned: success
  type: str
  sample: http://127.0.0.1:9000/bucket-a/backup/.cutover/cutover_0611/aliases.json
moved:
  description: Aliases that this run let lead elsewhere.
  returned: success
  type: list
  elements: dict
  contains:
    alias:
      description: The alias, with its database where that is not the default one.
      type: str
      returned: always
      sample: films
    before:
      description: The collection that it led to, empty where there was no such alias.
      type: str
      returned: always
      sample: films_0203
    after:
      description: The collection that it leads to, empty where it was dropped.
      type: str
      returned: always
      sample: films_0611
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
      sample: target_exists
    operation:
      description: What was attempted.
      type: str
      returned: always
      sample: looking at an alias
    where:
      description: The object, collection, option or host it is about.
      type: str
      returned: always
      sample: films
    cause:
      description: Why it failed.
      type: str
      returned: always
      sample: a collection has this name
    state_left:
      description: What is left behind.
      type: str
      returned: always
      sample: nothing was written
    next_step:
      description: What to do.
      type: str
      returned: always
      sample: choose another alias, or rename the collection
    retryable:
      description: Whether the same task may succeed when it is run again without a change.
      type: bool
      returned: always
"""

from typing import Any

from ..module_utils._module import Call, run_module, text_diff
from ..module_utils.cutover.aliases import RECORD_FILE, STATES, SWITCHED, AliasPlan, AliasSide
from ..module_utils.cutover.record import record_place
from ..module_utils.errors import usage_error
from ..module_utils.milvus.collection_name import CollectionName
from ..module_utils.milvus.server import Server, connection_options
from ..module_utils.restore.targets import read_naming
from ..module_utils.store.config import backup_store, instance_store
from ..module_utils.store.open import open_store

SPEC: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "required": True, "choices": list(STATES)},
    "aliases": {"type": "dict", "default": {}},
}


def alias_action(call: Call) -> dict[str, Any]:
    options = call.options
    connection, instance = connection_options(options), instance_store(options)
    switches = options["state"] == SWITCHED
    wanted = _wanted(options["aliases"]) if switches else []
    place = record_place(backup_store(options), options["name"], RECORD_FILE, writable=not call.check_mode)
    with Server(connection) as server:
        side = AliasSide(server, place, f"{open_store(instance).label}/{instance.root_path}")
        plan = side.plan_switch(wanted) if switches else side.plan_back()
        if not call.check_mode:
            (side.switch if switches else side.bring_back)(plan)
    moved = _moved(plan, switches)
    return {
        "changed": bool(moved),
        "record": place.label,
        "moved": moved,
        "warnings": list(plan.left),
        "diff": text_diff(_text(moved, "before"), _text(moved, "after"), "aliases"),
    }


def _wanted(given: dict[str, Any]) -> list[tuple[str, CollectionName]]:
    """Each alias with its collection. Raises usage errors that show the entry."""
    operation = "reading the aliases"
    if not given:
        raise usage_error(operation, "aliases", "there are none", "name an alias and its collection")
    pairs = read_naming(given, "").renames.items()
    for alias, collection in pairs:
        if "*" in (alias.name, collection.name):
            raise usage_error(operation, f"aliases: {alias}", "* stands for no alias", "name each alias")
        if alias.database != collection.database:
            cause = f"{collection} is in another database, where an alias cannot lead"
            raise usage_error(operation, f"aliases: {alias}", cause, "name an alias of the same database")
    return [(alias.name, collection) for alias, collection in pairs]


def _moved(plan: AliasPlan, switches: bool) -> list[dict[str, str]]:
    return [
        {
            "alias": str(CollectionName(move.database, move.alias)),
            "before": owner,
            "after": move.after if switches else move.before,
        }
        for move, owner in plan.now
    ]


def _text(moved: list[dict[str, str]], side: str) -> str:
    return "".join(f"{move['alias']} -> {move[side] or 'nowhere'}\n" for move in moved)


def main() -> None:
    run_module(SPEC, alias_action)


if __name__ == "__main__":
    main()
