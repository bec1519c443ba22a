#!/usr/bin/python
# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Back up collections of a Milvus instance."""

from __future__ import annotations

DOCUMENTATION = r"""
module: milvus_backup
short_description: Back up collections of a Milvus instance
version_added: 1.0.0
author:
  - The vectorops.milvus authors (@vectorops)
description:
  - Makes the backup O(name) exist, complete and verified, or removes it.
  - The objects are copied inside the object storage service where it can do that, else through the host of the module.
    They are written in the layout of milvus-backup. C(meta/full_meta.json) is written last; without it there is no
    backup.
  - The root path of the instance is proven before anything is written. A segment that has rows on the server but no
    objects below O(root_path) fails the task.
  - One run at a time works on one name, guarded by a lock in the object storage. A run that was killed is continued by
    the next one, which copies only what is missing.
notes:
  - A second run finds one of the following situations. A fresh backup has a fresh name, such as a date, a ticket or a
    job id. There is no option that overwrites a backup, because it would destroy the only good copy.
  - If O(name) is absent, or unfinished with the same request, the backup is made or continued, and the task has changed.
  - If O(name) is complete with the same request, it is verified and kept, and nothing is copied again. If the source has
    other rows by now, a warning says so.
  - If O(name) is complete or unfinished with another request (another instance, selection or strategy), the task fails
    with RV(ignore:failure.kind=name_in_use) and shows the difference.
  - If O(name) is complete but objects are missing or altered, the task fails with RV(ignore:failure.kind=corrupt). A complete
    backup is never repaired silently.
  - If O(name) is partial (O(on_collection_error=skip)) with the same request, the missing collections are tried again.
  - If another tool wrote O(name), it is kept when it holds the same collections as the selection means, else the task
    fails with RV(ignore:failure.kind=name_in_use).
  - Rows in the results are the rows of the segments. Deleted ones among them are counted too; their deletes are part of
    the backup.
extends_documentation_fragment:
  - vectorops.milvus.connection
  - vectorops.milvus.storage
  - vectorops.milvus.progress
  - vectorops.milvus.attributes
  - vectorops.milvus.attributes.action_group
attributes:
  check_mode:
    support: full
    details:
      - Plans from what the server has flushed by then. The real run flushes first, so it may find more rows.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  name:
    description:
      - Name of the backup, which is also its folder below O(backup_root_path).
      - Letters, digits and underscores, a letter or underscore first, at most 128 characters.
    type: str
    required: true
  state:
    description:
      - V(present) makes the backup exist. V(absent) removes it, finished or not, and every object of it.
    type: str
    choices: [present, absent]
    default: present
  collections:
    description:
      - What to back up. C(coll) means a collection of the database C(default), C(db.coll) one of another database,
        C(db.*) all of one database, and C(*.*) everything.
      - Required for O(state=present). An empty list is an error, nothing never means everything.
    type: list
    elements: str
  exclude:
    description:
      - What to leave out of O(collections), in the same form.
    type: list
    elements: str
    default: []
  strategy:
    description:
      - V(flush) seals and stores what was acknowledged before the call, of each collection when its turn comes.
      - V(auto) is V(flush), but where O(collections) is C(*.*) and O(exclude) is empty, a server from 2.6.11 on flushes all its
        collections at one moment. If the login lacks the privilege for that, it is V(flush).
      - After V(flush), clients may go on to write. A restore brings the collection back as it was at its flush.
      - V(skip_flush) takes what is stored already, so rows that are not flushed are not included. Keys that are updated while
        it runs may be missing.
      - V(meta_only) takes schemas, indexes and settings, but no rows.
    type: str
    choices: [auto, flush, skip_flush, meta_only]
    default: auto
  format:
    description:
      - V(binlog) copies what the server has stored, and works with every server line.
      - V(snapshot) has a server from 3.0 on export a snapshot of each collection to below the backup, deletes and indexes included, in
        the form that milvus-backup uses there too. Only a server from 3.0 on takes it back. The server copies the objects, by its own
        credentials, which must be allowed to write below O(backup_root_path), so the backups lie in the object storage service that it
        uses. A snapshot does not say how many rows it has, so they are counted before and after it is taken, where the collection is
        loaded and may be queried, and the number is known where both are the same. O(copy_concurrency), O(max_rate) and O(pause_gc) have no effect.
      - With V(snapshot) a run that was killed leaves a snapshot C(vectorops_...) on the server, which keeps its files from the garbage
        collection. The next run for the same backup drops it, and exports anew. O(state=absent) does not, drop it by hand then.
      - V(snapshot) was tested before an imitation of such a server only.
    type: str
    choices: [binlog, snapshot]
    default: binlog
  rbac:
    description:
      - Also save users, roles and grants of the server. Passwords cannot be read, so they are not part of the backup.
      - From Milvus 2.4.10 on the server gives privilege groups and the hashes of the passwords too, and leaves out the user root
        and the grants of its built-in roles. The hashes are then part of the backup, so let nobody read it who must not have them.
    type: bool
    default: false
  on_collection_error:
    description:
      - What to do when one of several collections cannot be backed up. V(fail) fails, and what was copied is kept for the
        next run. V(skip) leaves it out, so that RV(backup.state=partial), and the next run with the same request tries it
        again and adds it, without touching the others.
      - The task fails under both values when not one collection can be backed up.
    type: str
    choices: [fail, skip]
    default: fail
  pause_gc:
    description:
      - Whether to pause the server's garbage collection while objects are copied, through O(management_endpoint). If unset, it is
        paused where the endpoint is given and the server can do it. V(true) fails where it cannot, V(false) never pauses.
      - A backup does not depend on it, since an object that vanishes makes its collection be planned again. Servers of the line 2.3
        have no such call.
      - The pause is given back by a run that fails or is told to stop, and by the next run after one that was killed. If nobody
        gives it back, it ends after 15 minutes.
    type: bool
  verify:
    description:
      - How the objects of a backup that is complete already are verified. V(size) compares sizes, V(etag) also compares
        ETags where they can be compared. A backup that is being made is always verified to V(etag).
      - V(content) also reads every object again, of a fresh backup before it is committed, and compares its MD5 with the
        ETag recorded. M(vectorops.milvus.milvus_backup_info) tells how many objects that can prove.
      - On a disk no ETag is a digest. There every object is read again before any backup is committed, and its MD5 is
        recorded for V(content).
    type: str
    choices: [size, etag, content]
    default: etag
  copy_concurrency:
    description:
      - How many objects are copied at once, at most. It begins with 128 and becomes more while the object storage answers
        each request as fast as before. While the object storage answers that it is busy, it is fewer.
      - Where bytes pass through the host of the module, to another service or a disk, it begins with 64 and is never more than 128.
    type: int
    default: 256
  max_rate:
    description:
      - How many bytes a second may be copied, by all O(copy_concurrency) copies together, as V(500K), V(20M) or V(1G)
        (KiB, MiB or GiB), or as a plain number. At least V(64K). If unset, there is no limit.
      - It holds for copies inside the object storage service, and for those that go through the host of the module.
    type: str
  lock_timeout:
    description:
      - Seconds to wait for another run that holds the lock of this backup. A waiting run adopts the backup when the
        other one finishes it, if the request is the same.
    type: int
    default: 0
  force_foreign:
    description:
      - With O(state=absent), also remove a backup that another tool wrote.
    type: bool
    default: false
seealso:
  - module: vectorops.milvus.milvus_restore
  - module: vectorops.milvus.milvus_info
"""

EXAMPLES = r"""
# One bucket with a root path for each instance: its data lie in bucket-a/files_a, and its backup in bucket-a/backup/my_backup.
- name: Back up one collection
  vectorops.milvus.milvus_backup:
    address: milvus-a.example.com
    storage_address: minio.example.com
    storage_port: 9000
    access_key_id: "{{ access_key_id }}"
    secret_access_key: "{{ secret_access_key }}"
    bucket_name: bucket-a
    root_path: files_a
    name: my_backup
    collections: [coll]

# The place of the backups inherits nothing that is given here: with a key of its own, no key needs to reach both.
- name: Back up into a bucket of another store
  vectorops.milvus.milvus_backup:
    address: milvus-c.example.com
    user: backup
    password: "{{ vault_password }}"
    tls_mode: server
    storage_address: minio.example.com
    storage_port: 9000
    access_key_id: "{{ access_key_id }}"
    secret_access_key: "{{ secret_access_key }}"
    bucket_name: bucket-a
    root_path: files_c
    backup_storage_type: aws
    backup_storage_region: eu-central-1
    backup_access_key_id: "{{ vault_key_id }}"
    backup_secret_access_key: "{{ vault_secret_key }}"
    backup_bucket_name: milvus-backups
    backup_root_path: team_a
    name: my_backup
    collections: ['*.*']

# The variables milvus_address, milvus_bucket_name, milvus_root_path and so on of each host are read by the lookup.
- name: Back up a fleet
  hosts: milvus
  connection: local
  gather_facts: false
  strategy: host_pinned
  tasks:
    - name: Back up two databases of each instance, at 50 MiB a second at most
      vectorops.milvus.milvus_backup:
        name: "nightly_{{ inventory_hostname }}_{{ run_label }}"
        collections: [films.*, books.*]
        exclude: [films.scratch]
        max_rate: 50M
        on_collection_error: skip
      module_defaults:
        group/vectorops.milvus.milvus: "{{ lookup('vectorops.milvus.instance', inventory_hostname, side='source') }}"

- name: Show what a backup would copy, and write nothing
  vectorops.milvus.milvus_backup:
    name: my_backup
    collections: [coll]
  module_defaults:
    group/vectorops.milvus.milvus: "{{ lookup('vectorops.milvus.instance', inventory_hostname, side='source') }}"
  check_mode: true
  diff: true

# The run outlives a lost connection. Ansible asks every 15 seconds whether it has ended.
- name: Back up for hours
  vectorops.milvus.milvus_backup:
    name: everything_20261122
    collections: ['*.*']
  module_defaults:
    group/vectorops.milvus.milvus: "{{ lookup('vectorops.milvus.instance', inventory_hostname, side='source') }}"
  async: 86400
  poll: 15

- name: Remove a backup
  vectorops.milvus.milvus_backup:
    name: everything_20261122
    state: absent
  module_defaults:
    group/vectorops.milvus.milvus: "{{ lookup('vectorops.milvus.instance', inventory_hostname, side='source') }}"
"""

RETURN = r"""
backup:
  description: The backup as it is, or in check mode as it would be.
  returned: O(state=present)
  type: dict
  contains:
    name:
      description: Its name.
      type: str
      returned: always
      sample: my_backup
    id:
      description: Its unique id. Empty in check mode for a backup that does not exist yet.
      type: str
      returned: always
      sample: 0b8f6a9e-6a1c-4a7f-9d55-0c8f6b1f2a10
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
    exists:
      description: Whether it is there, complete or partial.
      type: bool
      returned: always
    state:
      description: V(complete), V(partial) if collections were left out, or V(planned) in check mode.
      type: str
      returned: always
      sample: complete
    skipped_collections:
      description: Collections that were left out, each with the cause.
      type: dict
      returned: always
      sample: {}
    foreign:
      description: Whether another tool wrote it.
      type: bool
      returned: always
    created:
      description: When it was made, in Unix seconds. Null if it is not known.
      type: int
      returned: always
      sample: 1795352740
    server_version:
      description: Version of the server it was made from.
      type: str
      returned: always
      sample: v2.3.5
    collections:
      description: What it holds.
      type: list
      elements: dict
      returned: always
      contains:
        database:
          description: Database of the collection.
          type: str
          returned: always
          sample: default
        name:
          description: Name of the collection.
          type: str
          returned: always
          sample: coll
        rows:
          description: Rows in its segments, deleted ones included. Null for a snapshot whose rows were not counted.
          type: int
          returned: always
          sample: 4000
        segments:
          description: Number of segments. Null for a snapshot.
          type: int
          returned: always
          sample: 2
        objects:
          description: Number of objects.
          type: int
          returned: always
          sample: 14
        bytes:
          description: Size of the objects.
          type: int
          returned: always
          sample: 350112
    rows:
      description: Rows of all collections. Null with a snapshot whose rows were not counted.
      type: int
      returned: always
      sample: 4000
    objects:
      description: Objects of all collections.
      type: int
      returned: always
      sample: 14
    bytes:
      description: Size of the objects of all collections.
      type: int
      returned: always
      sample: 350112
copied:
  description: What this run copied.
  returned: O(state=present)
  type: dict
  contains:
    objects:
      description: Number of objects.
      type: int
      returned: always
      sample: 14
    bytes:
      description: Their size.
      type: int
      returned: always
      sample: 350112
kept_objects:
  description: Objects that were there already, equal in size and ETag.
  returned: O(state=present)
  type: int
  sample: 0
gc_pause:
  description: Whether the garbage collection of the server was paused, and why not.
  returned: O(state=present)
  type: dict
  contains:
    paused:
      description: Whether it was paused.
      type: bool
      returned: always
    reason:
      description: Why not. Empty if it was.
      type: str
      returned: always
      sample: the server has no such call
resumed:
  description: Whether this run continued an unfinished backup, or would in check mode.
  returned: O(state=present)
  type: bool
removed:
  description: What was removed, or would be in check mode.
  returned: O(state=absent)
  type: dict
  contains:
    objects:
      description: Number of objects.
      type: int
      returned: always
      sample: 23
    bytes:
      description: Their size.
      type: int
      returned: always
      sample: 361007
sample_keys:
  description: At most 20 of the keys that were written or removed, or would be.
  returned: success
  type: list
  elements: str
  sample: [backup/my_backup/binlogs/insert_log/1/2/3/3/100/4]
duration:
  description: Seconds that the run took.
  returned: success
  type: float
  sample: 4.2
seconds_by_phase:
  description: Seconds of each phase.
  returned: success
  type: dict
  sample: {look: 0.2, plan: 3.1, copy: 0.7, commit: 0.1}
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
      sample: root_path
    operation:
      description: What was attempted.
      type: str
      returned: always
      sample: proving the root path
    where:
      description: The object, collection, option or host it is about.
      type: str
      returned: always
      sample: http://127.0.0.1:9000/bucket-a/files_x/insert_log/1/2/3/
    cause:
      description: Why it failed.
      type: str
      returned: always
      sample: the server has rows in a segment whose prefix is empty here
    state_left:
      description: What is left behind.
      type: str
      returned: always
      sample: nothing was written
    next_step:
      description: What to do.
      type: str
      returned: always
      sample: set root_path and bucket_name to minio.rootPath and minio.bucketName of this server
    retryable:
      description: Whether the same task may succeed when it is run again without a change.
      type: bool
      returned: always
"""

import uuid
from collections.abc import Mapping
from typing import Any

from ..module_utils._module import Call, run_module, text_diff
from ..module_utils.backup.create import BackupOutcome, ensure_backup
from ..module_utils.backup.gc_pause import management_endpoint
from ..module_utils.backup.inventory import Place
from ..module_utils.backup.layout import BackupLayout, InstanceLayout, known_backup_name, new_backup_name
from ..module_utils.backup.plan import Source
from ..module_utils.backup.remove import ensure_absent
from ..module_utils.backup.reporting import backup_result, backup_text
from ..module_utils.backup.request import (
    FORMATS,
    ON_COLLECTION_ERROR,
    STRATEGIES,
    BackupRequest,
    require_snapshot_request,
)
from ..module_utils.backup.verify import LEVELS
from ..module_utils.milvus.bulk_imports import bulk_imports
from ..module_utils.milvus.features import defects, require_known_rights, require_supported, unproven
from ..module_utils.milvus.selection import parse_exclusions, parse_patterns
from ..module_utils.milvus.server import Server, connection_options
from ..module_utils.milvus.snapshots import require_snapshots
from ..module_utils.progress import Progress
from ..module_utils.progress_file import PROGRESS_SPEC, reported
from ..module_utils.store.base import WriteScope
from ..module_utils.store.config import StoreConfig, backup_store, instance_store
from ..module_utils.store.open import open_store
from ..module_utils.store.rate import parse_rate
from ..module_utils.version import COLLECTION_VERSION

SPEC: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "collections": {"type": "list", "elements": "str"},
    "exclude": {"type": "list", "elements": "str", "default": []},
    "strategy": {"type": "str", "choices": list(STRATEGIES), "default": "auto"},
    "format": {"type": "str", "choices": list(FORMATS), "default": "binlog"},
    "rbac": {"type": "bool", "default": False},
    "on_collection_error": {"type": "str", "choices": list(ON_COLLECTION_ERROR), "default": "fail"},
    "pause_gc": {"type": "bool"},
    "verify": {"type": "str", "choices": list(LEVELS), "default": "etag"},
    "copy_concurrency": {"type": "int", "default": 256},
    "max_rate": {"type": "str"},
    "lock_timeout": {"type": "int", "default": 0},
    "force_foreign": {"type": "bool", "default": False},
    **PROGRESS_SPEC,
}


def backup_action(call: Call) -> dict[str, Any]:
    return _absent(call) if call.options["state"] == "absent" else _present(call)


def _present(call: Call) -> dict[str, Any]:
    options = call.options
    name, request = new_backup_name(options["name"]), _request(options)
    connection, instance, config = connection_options(options), instance_store(options), backup_store(options)
    place = _place(config, name, request.copy_concurrency)
    if request.is_snapshot:
        require_snapshot_request(request, instance, config)
    progress = Progress()
    with (
        Server(connection) as server,
        reported(progress, options["progress_file"], call.check_mode, options["progress_interval"]) as untold,
    ):
        require_supported(server.version, connection.target, "making the backup")
        if request.is_snapshot:
            require_snapshots(server, "making the backup")
        if request.rbac:
            require_known_rights(server.version, connection.target, "making the backup")
        store = open_store(instance, connections=request.copy_concurrency)
        source = Source(server, store, InstanceLayout(instance.root_path), bulk_imports(server))
        outcome = ensure_backup(
            request,
            source,
            place,
            progress,
            management=management_endpoint(options["management_endpoint"], options["ca_path"]),
            tool_version=COLLECTION_VERSION,
            check_mode=call.check_mode,
        )
    return {
        "changed": outcome.changed,
        "backup": backup_result(outcome, place),
        "copied": {"objects": outcome.copied.objects, "bytes": outcome.copied.bytes},
        "kept_objects": outcome.skipped,
        "resumed": outcome.resumed,
        "gc_pause": {"paused": outcome.gc.paused, "reason": outcome.gc.reason},
        "sample_keys": list(outcome.sample),
        "duration": progress.seconds,
        "seconds_by_phase": progress.seconds_by_phase,
        "diff": _diff(outcome, place),
        "warnings": (*unproven(server.version), *defects(server.version), *outcome.warnings, *untold),
    }


def _request(options: Mapping[str, Any]) -> BackupRequest:
    return BackupRequest(
        patterns=parse_patterns(options["collections"] or [], "collections"),
        exclude=parse_exclusions(options["exclude"], "exclude"),
        strategy=options["strategy"],
        format=options["format"],
        rbac=options["rbac"],
        on_collection_error=options["on_collection_error"],
        pause_gc=options["pause_gc"],
        verify=options["verify"],
        copy_concurrency=max(1, options["copy_concurrency"]),
        max_rate=parse_rate(options["max_rate"], "max_rate"),
        lock_timeout=options["lock_timeout"],
    )


def _absent(call: Call) -> dict[str, Any]:
    options = call.options
    progress = Progress()
    place = _place(backup_store(options), known_backup_name(options["name"]), options["copy_concurrency"])
    with reported(progress, options["progress_file"], call.check_mode, options["progress_interval"]) as untold:
        removal = ensure_absent(
            place,
            str(uuid.uuid4()),
            lock_timeout=options["lock_timeout"],
            force_foreign=options["force_foreign"],
            check_mode=call.check_mode,
            progress=progress,
        )
    before = f"{removal.objects} objects, {removal.bytes} bytes\n" if removal.changed else ""
    return {
        "changed": removal.changed,
        "removed": {"objects": removal.objects, "bytes": removal.bytes},
        "sample_keys": list(removal.sample),
        "duration": progress.seconds,
        "seconds_by_phase": progress.seconds_by_phase,
        "diff": text_diff(before, "", f"backup {place.label}"),
        "warnings": tuple(untold),
    }


def _place(config: StoreConfig, name: str, connections: int) -> Place:
    layout = BackupLayout(config.root_path, name)
    return Place(open_store(config, WriteScope((layout.directory,)), connections), layout)


def _diff(outcome: BackupOutcome, place: Place) -> dict[str, str]:
    after = backup_text(outcome.meta)
    return text_diff("" if outcome.changed else after, after, f"backup {place.label}")


def main() -> None:
    run_module(SPEC, backup_action)


if __name__ == "__main__":
    main()
