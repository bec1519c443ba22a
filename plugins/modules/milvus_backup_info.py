#!/usr/bin/python
# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List backups, show one, verify them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: milvus_backup_info
short_description: List backups, show one, verify them
version_added: 1.0.0
author:
  - The vectorops.milvus authors (@vectorops)
description:
  - Shows every backup below O(backup_root_path), whoever wrote it. Those of milvus-backup are shown too, also of the
    time before C(meta/full_meta.json).
  - A backup that is unfinished, broken, or of a format that this release cannot read is named with the reason. It
    never hides the others.
  - With O(name) it shows one backup in detail. With O(verify) it also compares the objects with what is recorded.
  - It never writes, and needs the storage options only. No instance is called.
extends_documentation_fragment:
  - vectorops.milvus.connection
  - vectorops.milvus.storage
  - vectorops.milvus.attributes
  - vectorops.milvus.attributes.action_group
  - vectorops.milvus.attributes.info_module
options:
  name:
    description:
      - Show this backup only, in detail. If there is none, RV(backups) is empty.
    type: str
  name_pattern:
    description:
      - Show only backups whose names match this glob, such as C(nightly_*). It also limits RV(latest).
    type: str
    default: '*'
  verify:
    description:
      - How the objects of the complete and partial backups shown are verified. V(none) does not look at them.
      - V(size) compares one listing with what is recorded, and finds what is missing, of another size, or does not
        belong there.
      - V(etag) also compares ETags where they can be compared, and the meta files with their digests.
      - V(content) also reads every object again and hashes it. Objects that have no digest recorded, such as those of
        other tools and large ones that were copied in parts, are read to the end and counted as
        RV(backups[].verified.unproven).
      - Other tools record sizes only, so V(etag) comes down to V(size) for their backups.
    type: str
    choices: [none, size, etag, content]
    default: none
  fail_on_damage:
    description:
      - Fail with RV(ignore:failure.kind=corrupt) if a backup shown is broken, or if O(verify) finds a difference. All of
        them are examined first.
      - With O(name), also fail if there is no such backup, or if it is unfinished.
      - By default this module reports, and the result says what is wrong.
    type: bool
    default: false
notes:
  - The age of a backup goes by the clock of the object storage. A date that a backup claims for itself counts only as
    far as it is not later than the store's own.
  - A backup of another tool is as old as its C(meta/full_meta.json) by the store's own stamp, so a copied one is as old
    as the copy.
seealso:
  - module: vectorops.milvus.milvus_backup
  - module: vectorops.milvus.milvus_backup_prune
"""

EXAMPLES = r"""
- name: List all backups
  vectorops.milvus.milvus_backup_info:
    storage_address: minio.example.com
    storage_port: 9000
    access_key_id: "{{ access_key_id }}"
    secret_access_key: "{{ secret_access_key }}"
    bucket_name: bucket-a
  register: listed

- name: Show those that cannot be restored
  ansible.builtin.debug:
    msg: "{{ listed.backups | rejectattr('state', 'eq', 'complete') | items2dict(key_name='name', value_name='reason') }}"

# The place of the backups is named in full, so nothing of an instance is needed.
- name: List the backups in a bucket of another store
  vectorops.milvus.milvus_backup_info:
    backup_storage_type: aws
    backup_storage_region: eu-central-1
    backup_access_key_id: "{{ vault_key_id }}"
    backup_secret_access_key: "{{ vault_secret_key }}"
    backup_bucket_name: milvus-backups
    backup_root_path: team_a

- name: Fail unless the newest nightly backup is sound and not older than a day
  vectorops.milvus.milvus_backup_info:
    name_pattern: nightly_*
    verify: etag
  module_defaults:
    group/vectorops.milvus.milvus: "{{ lookup('vectorops.milvus.instance', inventory_hostname, side='source') }}"
  register: nightly
  failed_when: nightly is failed or nightly.latest is none or nightly.latest.age > 86400

- name: Read one backup again, byte by byte
  vectorops.milvus.milvus_backup_info:
    name: my_backup
    verify: content
    fail_on_damage: true
  module_defaults:
    group/vectorops.milvus.milvus: "{{ lookup('vectorops.milvus.instance', inventory_hostname, side='source') }}"
"""

RETURN = r"""
backups:
  description: The backups, in order of name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      type: str
      returned: always
      sample: my_backup
    path:
      description: Its folder in the bucket.
      type: str
      returned: always
      sample: backup/my_backup/
    bucket:
      description: The bucket it lies in.
      type: str
      returned: always
      sample: bucket-a
    state:
      description:
        - V(complete) can be restored. V(partial) can be too, but collections that were asked for are missing.
        - V(unfinished) was begun and never finished, or is being made. V(broken) has metadata that cannot be read.
          V(unsupported) is of a format that this release cannot read.
        - Whether the objects are sound is not part of the state, but of RV(backups[].verified).
      type: str
      returned: always
      sample: complete
    reason:
      description: Why it is not complete. Empty if it is.
      type: str
      returned: always
      sample: ''
    foreign:
      description: Whether another tool wrote it.
      type: bool
      returned: always
    created:
      description:
        - When it was completed, in Unix seconds. The last sign of life of one that is unfinished, null if there is none.
      type: int
      returned: always
      sample: 1795352740
    created_at:
      description: The same as text, in UTC. Empty if it is not known.
      type: str
      returned: always
      sample: '2026-11-22T13:05:40Z'
    age:
      description: Seconds since then, by the clock of the store. Null if it is not known.
      type: int
      returned: always
      sample: 3600
    in_use_by:
      description: Who is at work on it right now, making, removing or restoring it. Dead runs are left out.
      type: list
      elements: str
      returned: always
      sample: []
    verified:
      description: What O(verify) found. Null if the objects were not looked at.
      type: dict
      returned: always
      contains:
        level:
          description: The level that was really reached.
          type: str
          returned: always
          sample: etag
        sound:
          description: Whether no difference was found.
          type: bool
          returned: always
        objects:
          description: Objects that are there and are recorded.
          type: int
          returned: always
          sample: 14
        proven:
          description: Objects whose bytes were read again and have the recorded digest.
          type: int
          returned: always
          sample: 14
        unproven:
          description: Objects whose bytes were read again, but have no digest recorded to compare with.
          type: int
          returned: always
          sample: 0
        missing:
          description: Number of objects that are missing.
          type: int
          returned: always
          sample: 0
        altered:
          description: Number of objects that are not what is recorded.
          type: int
          returned: always
          sample: 0
        unexpected:
          description: Number of objects that do not belong there.
          type: int
          returned: always
          sample: 0
        sample:
          description: At most ten keys of each kind of difference.
          type: dict
          returned: always
          sample: {}
        error:
          description: Why the objects could not be compared at all, or what does not add up. Counts as damage.
          type: str
          returned: when that is the case
          sample: control/objects-00000.jsonl was altered
    id:
      description: Its unique id. Empty if it is not complete.
      type: str
      returned: always
      sample: 0b8f6a9e-6a1c-4a7f-9d55-0c8f6b1f2a10
    server_version:
      description: Version of the server it was made from.
      type: str
      returned: always
      sample: v2.3.5
    collections:
      description: The names of at most 50 of its collections, with their databases.
      type: list
      elements: str
      returned: always
      sample: [default.coll]
    collection_count:
      description: How many it has. Null if it is not complete.
      type: int
      returned: always
      sample: 1
    format:
      description:
        - V(binlog), or V(snapshot) for one that a server exported. Empty if it is not complete.
        - Of a snapshot of another tool it is seen that the files that are known by name are there, and that there are as many objects
          and bytes as were exported; O(verify=content) reads all of them.
      type: str
      returned: always
      sample: binlog
    rows:
      description: Rows in its segments, deleted ones included. Null if it is not complete, and with a snapshot whose rows were not counted.
      type: int
      returned: always
      sample: 4000
    objects:
      description: Objects in its segments, or in its snapshots without their metadata. Null if it is not complete.
      type: int
      returned: always
      sample: 14
    bytes:
      description: Size of these objects. Null if it is not complete.
      type: int
      returned: always
      sample: 350112
    details:
      description:
        - Every collection with its rows, segments, partitions, indexes, fields, aliases and load state.
        - Segments and C(has_deletes) are null for snapshots, rows where they were not counted.
      type: list
      elements: dict
      returned: when O(name) is given
      sample:
        - database: default
          name: coll
          rows: 4000
          segments: 2
          objects: 14
          bytes: 350112
          partitions: [{name: _default, rows: 4000, segments: 2}]
          indexes: [{field: vec, name: vec, type: HNSW}]
          fields: [id, title, vec]
          aliases: []
          load_state: Loaded
          has_deletes: true
    request:
      description: What it was asked for, instance, selection and strategy. Null for a backup of another tool.
      type: dict
      returned: when O(name) is given
    tool_version:
      description: The release of this collection that made it. Null for a backup of another tool.
      type: str
      returned: when O(name) is given
      sample: 1.0.0
latest:
  description: The newest complete backup among them that O(verify) found no fault with, as in RV(backups). Null if there is none.
  returned: when O(name) is not given
  type: dict
  sample: {name: nightly_20261122, state: complete, age: 3600}
other_folders:
  description: At most 20 folders below O(backup_root_path) that match O(name_pattern) and are no backups. Nothing is known about them.
  returned: when O(name) is not given
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
      sample: corrupt
    operation:
      description: What was attempted.
      type: str
      returned: always
      sample: verifying the backup
    where:
      description: The object, collection, option or host it is about.
      type: str
      returned: always
      sample: http://127.0.0.1:9000/bucket-a/backup/my_backup/
    cause:
      description: Why it failed.
      type: str
      returned: always
      sample: "1 missing: backup/my_backup/binlogs/insert_log/1/2/3/3/100/4"
    state_left:
      description: What is left behind.
      type: str
      returned: always
      sample: nothing was written
    next_step:
      description: What to do.
      type: str
      returned: always
      sample: use another backup
    retryable:
      description: Whether the same task may succeed when it is run again without a change.
      type: bool
      returned: always
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ..module_utils._module import Call, run_module
from ..module_utils.backup.inventory import Place, require_complete
from ..module_utils.backup.layout import BackupLayout, known_backup_name
from ..module_utils.backup.listing import (
    BROKEN,
    COMPLETE,
    PARTIAL,
    FoundBackup,
    examine,
    matching_names,
    newest_complete,
    without_content,
)
from ..module_utils.backup.listing_report import found_result
from ..module_utils.backup.verify import LEVELS, Verification, find_damage
from ..module_utils.errors import MilvusOpsError
from ..module_utils.store.config import backup_store
from ..module_utils.store.open import open_store

NONE = "none"
SHOWN_FOLDERS = 20
SHOWN_DAMAGES = 10

SPEC: dict[str, dict[str, Any]] = {
    "name": {"type": "str"},
    "name_pattern": {"type": "str", "default": "*"},
    "verify": {"type": "str", "choices": [NONE, *LEVELS], "default": NONE},
    "fail_on_damage": {"type": "bool", "default": False},
}


@dataclass(frozen=True)
class _Shown:
    """One backup of the result, without its metadata; C(damage) is empty if none was found."""

    found: FoundBackup
    result: dict[str, Any]
    damage: str


def backup_info_action(call: Call) -> dict[str, Any]:
    options = call.options
    one = known_backup_name(options["name"]) if options["name"] else None
    config = backup_store(options)
    store = open_store(config)
    root = Place(store, BackupLayout(config.root_path, one or ""))
    names = [one] if one else matching_names(root, options["name_pattern"])
    folders: list[str] = []
    places = (Place(store, BackupLayout(config.root_path, name)) for name in names)
    shown = list(_show(places, options["verify"], detail=bool(one), folders=folders))
    if options["fail_on_damage"]:
        if one and not any(item.found.state in (COMPLETE, PARTIAL, BROKEN) for item in shown):
            require_complete(root)
        _require_sound(shown, f"{store.label}/{config.root_path}")
    listed = {"changed": False, "backups": [item.result for item in shown]}
    if one:
        return listed
    latest = newest_complete(item.found for item in shown if not item.damage)
    return {
        **listed,
        "latest": next((item.result for item in shown if item.found is latest), None),
        "other_folders": folders[:SHOWN_FOLDERS],
    }


def _show(places: Iterable[Place], level: str, *, detail: bool, folders: list[str]) -> Iterator[_Shown]:
    """Each backup in turn, so that the metadata of no more than one is in memory; C(folders) takes what is none."""
    for place in places:
        found = examine(place)
        if found is None:
            if place.store.has_objects(place.layout.directory):
                folders.append(place.layout.name)
            continue
        verification = _verify(found, level)
        damage = found.reason if found.state == BROKEN else verification.damage if verification else ""
        yield _Shown(without_content(found), found_result(found, verification, detail=detail), damage)


def _verify(found: FoundBackup, level: str) -> Verification | None:
    if level == NONE or found.complete is None:
        return None
    return find_damage(found.place.store, found.place.layout, found.complete.meta, found.complete.manifest, level)


def _require_sound(shown: Iterable[_Shown], where: str) -> None:
    damaged = [f"{item.found.name}: {item.damage}" for item in shown if item.damage]
    if damaged:
        raise MilvusOpsError(
            "corrupt",
            "verifying the backups",
            where,
            f"{len(damaged)} damaged; {' | '.join(damaged[:SHOWN_DAMAGES])}",
            next_step="restore the objects from another copy, or use another backup",
        )


def main() -> None:
    run_module(SPEC, backup_info_action)


if __name__ == "__main__":
    main()
