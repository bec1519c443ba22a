#!/usr/bin/python
# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore collections of a backup into a Milvus instance."""

from __future__ import annotations

DOCUMENTATION = r"""
module: milvus_restore
short_description: Restore collections of a backup into a Milvus instance
version_added: 1.0.0
author:
  - The vectorops.milvus authors (@vectorops)
description:
  - Makes the target collections exist with the data, indexes and load state of a backup that M(vectorops.milvus.milvus_backup)
    or milvus-backup wrote.
  - The objects of the backup are verified before the server sees them. Each collection is built under a staging name, counted,
    and gets its own name last, so that nobody sees a half-restored collection under its target name.
  - A run that was killed is continued by the next one. It takes over the import jobs that it knows everything about, and builds
    the staging collection again otherwise.
  - A backup that lies where the server of the target cannot read it, in another bucket or at another service, is copied into the
    target's bucket first, to a folder C(vectorops_staging/) beside its root path, or inside it on a disk. The copy is verified, and
    removed at the end, after most failures too, and otherwise by the next restore into this instance.
  - Servers up to 2.3 are told to import by gRPC, those from 2.4 on by REST (O(rest_endpoint)). What a server cannot take, or would
    lose, is refused before anything is written.
  - A backup in the snapshot format, which milvus-backup writes for servers from 3.0 on, is brought back by the server itself, into
    3.0 or newer, with its partitions and indexes. It is never staged, and lies in the object storage service that the server uses,
    in any bucket that the server's own credentials can read; no secret is sent. O(end_ts), another O(shards_num) and another
    O(index) are refused. How many rows it has is known where M(vectorops.milvus.milvus_backup) could count them. With O(meta_only) it
    is a backup like any other. This was tested before an imitation of such a server only.
  - Several collections are restored side by side. One that fails does not keep the others from being restored; the task fails
    at its end, and RV(collections) says what became of each.
extends_documentation_fragment:
  - vectorops.milvus.connection
  - vectorops.milvus.storage
  - vectorops.milvus.progress
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
      - Name of the backup. One of O(name) and O(name_pattern) is required.
    type: str
  name_pattern:
    description:
      - Shell pattern of names, such as V(nightly_*). The newest complete backup whose name matches is restored.
        Partial, unfinished and broken ones are passed over.
    type: str
  collections:
    description:
      - Which collections of the backup to restore, by their names in it. C(coll) means a collection of the database C(default),
        C(db.coll) one of another database, C(db.*) all of one database, and C(*.*) everything.
      - An empty list is an error.
    type: list
    elements: str
    required: true
  suffix:
    description:
      - Text to append to the name of every collection that O(rename) does not name.
    type: str
    default: ''
  rename:
    description:
      - New names, from C(coll) or C(db.coll) to C(coll) or C(db.coll). C(db1.*) to C(db2.*) moves all collections of a database.
      - A name without a database is one of the database C(default). Databases that do not exist are created.
      - Two collections with the same target are an error.
    type: dict
    default: {}
  if_exists:
    description:
      - What to do when a target exists that this backup did not make. V(fail) fails before anything is created, V(skip) leaves it
        alone and warns, V(replace_restored) replaces it if a restore made it, and fails otherwise, V(replace) replaces it.
      - A collection that is replaced answers until the new one is built, counted and loaded. Then it is renamed away, the new one
        gets its name, its aliases follow, and it is dropped last. Between the two renames, some milliseconds, no collection has
        the name; aliases answer all the time. Both collections need room in the meantime.
      - The grants on a replaced collection are those of the new one. Up to Milvus 2.6.11 they belong to the name. From 2.6.12 on they
        go away with the old one, so they are made again before it is dropped, which needs a login that may do that.
      - A target that this backup made keeps its data under each value. Only O(index), O(load) and O(aliases) are applied to it.
    type: str
    choices: [fail, skip, replace_restored, replace]
    default: fail
  index:
    description:
      - Which indexes to build. V(as_backup) builds those of the backup, V(auto) lets the server choose those of vectors, V(none) builds none.
      - At a target that this backup made, missing indexes are built, and one that a restore with another value built is built again,
        during which the collection is released. One that was changed since is left as it is, with a warning, and none is removed.
    type: str
    choices: [as_backup, auto, none]
    default: as_backup
  load:
    description:
      - Whether to load the collections. V(as_backup) loads those that were loaded when the backup was made, and releases none.
    type: str
    choices: [as_backup, always, never]
    default: as_backup
  aliases:
    description:
      - Whether to set the aliases that the collections had when the backup was made. One that leads to another collection is left
        alone and listed in RV(collections[].not_carried).
      - Aliases of a collection that is replaced follow in any case.
    type: bool
    default: true
  rbac:
    description:
      - Whether to add the roles, grants and memberships of the backup that the server lacks. Nothing is ever taken away or changed.
        They are those of the whole backup, whatever O(collections) says, and grants keep the names that they have there, also where
        O(suffix) or O(rename) give a collection another one.
      - Users are created, with their passwords, if both the server of the backup and that of the target are 2.4.10 or newer.
        Other backups hold no passwords. Users that are missing then are listed in RV(rbac.not_carried), and once they exist, the
        next run gives them their roles.
      - Privilege groups need 2.5 on both sides. One that exists with other privileges is left as it is, and no grant of it is made, as that
        would give other rights than at the source. RV(rbac.not_carried) names both.
      - The backup must have been made with O(vectorops.milvus.milvus_backup#module:rbac=true).
    type: bool
    default: false
  meta_only:
    description:
      - Whether to restore the collections without their rows. A backup that was made with C(strategy=meta_only) needs this.
    type: bool
    default: false
  skip_disk_quota:
    description:
      - Whether the import of a server from 2.4.7 on goes on where the rows exceed the server's quota of disk. Older servers do not look.
    type: bool
    default: false
  end_ts:
    description:
      - Restore the collections as they were at this moment, as far as the backup knows it. What was inserted or deleted later is left out.
      - A date and time such as V(2026-11-22T10:00:00Z), in UTC if it names no zone, or a hybrid timestamp of Milvus. Milvus up to 2.4
        cuts to the millisecond.
      - A backup made with this collection ends at its own flush, whether this is unset or later. What came after that flush is in it in
        part only, and is left out.
      - Rows that a compaction removed before the backup was made are not in it, whatever the moment.
    type: str
  shards_num:
    description:
      - Number of shards of the restored collections. Unset means as many as in the backup.
    type: int
  verify_objects:
    description:
      - How the objects of the backup are verified before they are imported. V(size) compares sizes, V(etag) also ETags,
        V(content) also reads every object again and compares its MD5 with the ETag recorded.
      - Backups of other tools record no ETags, so sizes are compared.
    type: str
    choices: [size, etag, content]
    default: etag
  verify_rows:
    description:
      - How restored rows are counted. V(count) asks the loaded collection for its exact number of rows, and releases it again if it was
        loaded for that only. V(import) trusts the numbers of the import jobs, V(none) reports no numbers as verified.
      - The rows of the import jobs are compared with the backup under each value.
    type: str
    choices: [none, import, count]
    default: count
  copy_concurrency:
    description:
      - How many objects are copied at once, at most, where a staged copy is needed; see
        O(vectorops.milvus.milvus_backup#module:copy_concurrency).
    type: int
    default: 256
  max_rate:
    description:
      - Most bytes to copy in a second for a staged copy, such as V(50M). Unset means no limit.
    type: str
  lock_timeout:
    description:
      - Seconds to wait for another run that restores from this backup into this instance. A collection that it restored
        meanwhile is left as it is.
    type: int
    default: 0
  import_timeout:
    description:
      - Seconds without any progress of an import, an index or a load after which the task fails. The server goes on, and the next run
        takes over.
    type: int
    default: 1800
  planned_backup:
    description:
      - Used in check mode only, and ignored when the backup exists. It takes RV(vectorops.milvus.milvus_backup#module:backup) of a check run,
        so that a migration can be planned before its backup exists.
    type: dict
seealso:
  - module: vectorops.milvus.milvus_backup
  - module: vectorops.milvus.milvus_collection_info
"""

EXAMPLES = r"""
# One bucket with a root path for each instance: the backup lies in bucket-a/backup/my_backup, the data go to bucket-a/files_b.
- name: Restore one collection under a new name
  vectorops.milvus.milvus_restore:
    address: milvus-b.example.com
    storage_address: minio.example.com
    storage_port: 9000
    access_key_id: "{{ access_key_id }}"
    secret_access_key: "{{ secret_access_key }}"
    bucket_name: bucket-a
    root_path: files_b
    name: my_backup
    collections: [coll]
    suffix: _bak

# The objects of the backup are copied to the bucket of the instance first, because it reads no other.
- name: Restore from a bucket of another store
  vectorops.milvus.milvus_restore:
    address: milvus-d.example.com
    user: restore
    password: "{{ vault_password }}"
    tls_mode: server
    storage_address: minio.example.com
    storage_port: 9000
    access_key_id: "{{ access_key_id }}"
    secret_access_key: "{{ secret_access_key }}"
    bucket_name: bucket-a
    root_path: files_d
    backup_storage_type: aws
    backup_storage_region: eu-central-1
    backup_access_key_id: "{{ vault_key_id }}"
    backup_secret_access_key: "{{ vault_secret_key }}"
    backup_bucket_name: milvus-backups
    backup_root_path: team_a
    name: my_backup
    collections: ['*.*']

# Each host is a target. The backup is looked for where milvus_a puts its backups.
- name: Restore into a fleet
  hosts: milvus_targets
  connection: local
  gather_facts: false
  strategy: host_pinned
  tasks:
    - name: Restore what milvus_a has backed up last
      vectorops.milvus.milvus_restore:
        name_pattern: nightly_milvus_a_*
        collections: [films.*]
        load: always
      module_defaults:
        group/vectorops.milvus.milvus: >-
          {{ lookup('vectorops.milvus.instance', inventory_hostname, side='target', part='instance')
             | combine(lookup('vectorops.milvus.instance', 'milvus_a', side='source', part='backup')) }}

- name: Show what a restore would do, and write nothing
  vectorops.milvus.milvus_restore:
    name: my_backup
    collections: [coll]
    suffix: _bak
  module_defaults:
    group/vectorops.milvus.milvus: "{{ lookup('vectorops.milvus.instance', inventory_hostname, side='target') }}"
  check_mode: true
  diff: true

- name: Restore a database under another name, and one collection of it under a name of its own
  vectorops.milvus.milvus_restore:
    name_pattern: nightly_milvus_a_*
    collections: [films.*]
    rename:
      films.*: films_copy.*
      films.posters: films_copy.posters_2026
  module_defaults:
    group/vectorops.milvus.milvus: "{{ lookup('vectorops.milvus.instance', inventory_hostname, side='target') }}"

- name: Refresh a copy from the newest nightly backup, and swap it in when it is complete
  vectorops.milvus.milvus_restore:
    name_pattern: nightly_milvus_a_*
    collections: [films.posters]
    suffix: _bak
    if_exists: replace_restored
  module_defaults:
    group/vectorops.milvus.milvus: "{{ lookup('vectorops.milvus.instance', inventory_hostname, side='target') }}"

- name: Look at a collection as it was before a mistake
  vectorops.milvus.milvus_restore:
    name: my_backup
    collections: [coll]
    suffix: _before
    end_ts: "2026-11-22T10:00:00Z"
  module_defaults:
    group/vectorops.milvus.milvus: "{{ lookup('vectorops.milvus.instance', inventory_hostname, side='target') }}"
"""

RETURN = r"""
backup:
  description: The backup that was restored.
  returned: success
  type: dict
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
    id:
      description: Its unique id. Empty for a planned one.
      type: str
      returned: always
      sample: 0b8f6a9e-6a1c-4a7f-9d55-0c8f6b1f2a10
    exists:
      description: Whether it exists. V(false) in check mode with O(planned_backup).
      type: bool
      returned: always
collections:
  description: What became of each collection. Returned with a failure too, once the work had begun.
  returned: success
  type: list
  elements: dict
  contains:
    source:
      description: Name in the backup.
      type: str
      returned: always
      sample: coll
    target:
      description: Name on the server.
      type: str
      returned: always
      sample: coll_bak
    action:
      description: What was planned, V(create), V(replace), V(update), V(unchanged) or V(skip).
      type: str
      returned: always
      sample: create
    state:
      description: >-
        V(restored), V(replaced), V(updated) for a target that this backup had made, V(unchanged), V(skipped) or V(failed).
        In check mode V(planned) stands for the first three.
      type: str
      returned: always
      sample: restored
    rows_expected:
      description:
        - Rows of the backup. The target has fewer where some of them are deleted or younger than O(end_ts).
        - Null for a snapshot whose rows were not counted when it was taken, such as those of milvus-backup.
      type: int
      returned: always
      sample: 4000
    rows:
      description: Rows of the restored collection. Null where nothing was restored, or a snapshot whose rows were not counted.
      type: int
      returned: always
      sample: 3995
    count_method:
      description: How they were counted, V(count), V(import) or V(none).
      type: str
      returned: always
      sample: count
    jobs:
      description: Number of import jobs.
      type: int
      returned: always
      sample: 2
    not_carried:
      description: What the backup holds and the target does not have, in words. Each is a warning too.
      type: list
      elements: str
      returned: always
      sample: ["alias films of coll_bak: it leads to coll"]
    failure:
      description: Why this collection failed, as in RV(failure).
      type: dict
      returned: when RV(collections[].state) is V(failed)
plan:
  description: What the run did, or would do, one line for each step. The diff shows the same.
  returned: success
  type: list
  elements: str
  sample: ["coll_bak: restored from coll: 4000 rows, 2 partitions, 2 import jobs, indexes: vector (HNSW)"]
databases_created:
  description:
    - Databases that were created, or would be. From Milvus 2.4.3 on they get the properties that the backup has of them, without
      those that would refuse the restore (C(database.force.deny)) and without resource groups; what is left out is a warning.
  returned: success
  type: list
  elements: str
  sample: []
rbac:
  description: What O(rbac=true) added, or would add. Empty lists without it.
  returned: success
  type: dict
  contains:
    roles:
      description: Roles that were created.
      type: list
      elements: str
      returned: always
      sample: [analysts]
    users:
      description: Users that were created.
      type: list
      elements: str
      returned: always
      sample: []
    privilege_groups:
      description: Privilege groups that were created.
      type: list
      elements: str
      returned: always
      sample: []
    grants:
      description: Grants, each as role, type of object, object, privilege and database.
      type: list
      elements: str
      returned: always
      sample: ["analysts Collection films Query (default)"]
    members:
      description: Users that were given a role.
      type: list
      elements: str
      returned: always
      sample: [alice of analysts]
    not_carried:
      description: What the backup holds and the server was not given, in words. Each is a warning too.
      type: list
      elements: str
      returned: always
      sample: []
copied:
  description: What was copied to where the server of the target can read it, if the backup lies elsewhere.
  returned: success
  type: dict
  contains:
    objects:
      description: Number of objects.
      type: int
      returned: always
      sample: 0
    bytes:
      description: Their sizes added up.
      type: int
      returned: always
      sample: 0
kept_objects:
  description: Objects of the staged copy that an earlier run had copied.
  returned: success
  type: int
  sample: 0
duration:
  description: Seconds that the run took.
  returned: success
  type: float
  sample: 12.1
seconds_by_phase:
  description: Seconds of each phase. Those of collections that were restored side by side add up.
  returned: success
  type: dict
  sample: {look: 0.2, verify: 0.1, create: 0.1, import: 4.3, index: 3.1, load: 2.2, publish: 0.1}
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

from collections.abc import Mapping, Sequence
from typing import Any

from ..module_utils._module import Call, run_module, text_diff
from ..module_utils.backup.inventory import Place, find_complete, require_complete
from ..module_utils.backup.layout import BackupLayout, InstanceLayout, known_backup_name
from ..module_utils.backup.reporting import place_result
from ..module_utils.backup.verify import LEVELS
from ..module_utils.errors import usage_error
from ..module_utils.milvus.bulk_imports import bulk_imports
from ..module_utils.milvus.collection_name import CollectionName
from ..module_utils.milvus.features import defects, require_same_or_newer, require_supported, unproven
from ..module_utils.milvus.health import require_ready
from ..module_utils.milvus.selection import parse_patterns
from ..module_utils.milvus.server import Server, connection_options
from ..module_utils.milvus.timestamps import parse_timestamp
from ..module_utils.progress import Progress
from ..module_utils.progress_file import PROGRESS_SPEC, reported
from ..module_utils.restore.choice import newest_name, require_data
from ..module_utils.restore.outcome import failure_of
from ..module_utils.restore.plan import BUILDS, plan_missing_backup
from ..module_utils.restore.rbac import RbacPlan
from ..module_utils.restore.reporting import (
    outcome_result,
    plan_lines,
    plan_result,
    planned_lines,
    planned_result,
    rbac_result,
)
from ..module_utils.restore.request import IF_EXISTS, INDEX_MODES, LOAD_MODES, ROW_CHECKS, RestoreRequest
from ..module_utils.restore.run import Restore, execute, make_plan, planned_targets, verify_before
from ..module_utils.restore.staged_leftovers import StagingArea, needs_staging
from ..module_utils.restore.staging import Destination
from ..module_utils.restore.targets import read_naming
from ..module_utils.store.base import WriteScope
from ..module_utils.store.config import StoreConfig, backup_store, instance_store, require_same_service
from ..module_utils.store.open import open_store
from ..module_utils.store.rate import parse_rate

PLANNED_KEYS = frozenset({"database", "name", "rows"})

SPEC: dict[str, dict[str, Any]] = {
    "name": {"type": "str"},
    "name_pattern": {"type": "str"},
    "collections": {"type": "list", "elements": "str", "required": True},
    "suffix": {"type": "str", "default": ""},
    "rename": {"type": "dict", "default": {}},
    "if_exists": {"type": "str", "choices": list(IF_EXISTS), "default": "fail"},
    "index": {"type": "str", "choices": list(INDEX_MODES), "default": "as_backup"},
    "load": {"type": "str", "choices": list(LOAD_MODES), "default": "as_backup"},
    "aliases": {"type": "bool", "default": True},
    "rbac": {"type": "bool", "default": False},
    "meta_only": {"type": "bool", "default": False},
    "skip_disk_quota": {"type": "bool", "default": False},
    "end_ts": {"type": "str"},
    "shards_num": {"type": "int"},
    "verify_objects": {"type": "str", "choices": list(LEVELS), "default": "etag"},
    "verify_rows": {"type": "str", "choices": list(ROW_CHECKS), "default": "count"},
    "copy_concurrency": {"type": "int", "default": 256},
    "max_rate": {"type": "str"},
    "lock_timeout": {"type": "int", "default": 0},
    "import_timeout": {"type": "int", "default": 1800},
    "planned_backup": {"type": "dict"},
    **PROGRESS_SPEC,
}


def restore_action(call: Call) -> dict[str, Any]:
    options = call.options
    request = _request(options)
    connection, instance, config = connection_options(options), instance_store(options), backup_store(options)
    planned = _planned_backup(options) if call.check_mode else {}
    place = _place(options, config, planned)
    with Server(connection) as server:
        require_supported(server.version, connection.target, "restoring")
        require_ready(server)
        if planned and find_complete(place) is None:
            return _warned(server, _plan_ahead(request, server, place, planned))
        store, bulk = open_store(instance), bulk_imports(server)
        restore = _prepare(
            request,
            Destination(server, store, InstanceLayout(instance.root_path), bulk),
            place,
            StagingArea(instance, store, server, bulk),
            config,
        )
        with reported(
            restore.progress, options["progress_file"], call.check_mode, options["progress_interval"]
        ) as untold:
            result = _restore(call, restore)
        return _warned(server, result, untold)


def _warned(server: Server, result: dict[str, Any], more: Sequence[str] = ()) -> dict[str, Any]:
    told = (*unproven(server.version), *defects(server.version))
    return {**result, "warnings": (*told, *result["warnings"], *more)}


def _place(options: Mapping[str, Any], config: StoreConfig, planned: Mapping[str, Any]) -> Place:
    """Where the backup lies, or the newest of those that match name_pattern."""
    if options["name"] is None:
        root = Place(open_store(config), BackupLayout(config.root_path, "*"))
        name = newest_name(root, options["name_pattern"], planned.get("name"))
    else:
        name = known_backup_name(options["name"])
    layout = BackupLayout(config.root_path, name)
    return Place(open_store(config, WriteScope((f"{layout.control}restores/",))), layout)


def _request(options: Mapping[str, Any]) -> RestoreRequest:
    return RestoreRequest(
        patterns=parse_patterns(options["collections"], "collections"),
        naming=read_naming(options["rename"], options["suffix"]),
        if_exists=options["if_exists"],
        index=options["index"],
        load=options["load"],
        aliases=options["aliases"],
        rbac=options["rbac"],
        meta_only=options["meta_only"],
        skip_disk_quota=options["skip_disk_quota"],
        end_ts=parse_timestamp(options["end_ts"], "end_ts"),
        shards=options["shards_num"],
        verify_objects=options["verify_objects"],
        verify_rows=options["verify_rows"],
        copy_concurrency=max(1, options["copy_concurrency"]),
        max_rate=parse_rate(options["max_rate"], "max_rate"),
        lock_timeout=options["lock_timeout"],
        stall_timeout=options["import_timeout"],
    )


def _prepare(
    request: RestoreRequest, destination: Destination, place: Place, area: StagingArea, config: StoreConfig
) -> Restore:
    """The backup that was asked for, if it is complete, holds what was asked for, and this server can take it.

    C(config) is that of the backup's side. A server reads snapshots from any bucket of its service, so none is staged.
    """
    backup = require_complete(place)
    require_data(backup, place, meta_only=request.meta_only)
    require_same_or_newer(backup.meta.server_version, destination.server.version, place.label)
    stages = needs_staging(area.config, config)
    if backup.meta.is_snapshot and not request.meta_only:
        require_same_service(area.config, config, "planning the restore", place.label)
        stages = False
    layout = area.layout(backup.meta.backup_id) if stages else place.layout
    return Restore(request, destination, place, backup, area, layout, Progress())


def _restore(call: Call, restore: Restore) -> dict[str, Any]:
    plan = make_plan(restore)
    if plan.imports:
        verify_before(restore)
    lines = plan_lines(plan, restore.request)
    result: dict[str, Any] = {
        "changed": plan.changes,
        "backup": {**place_result(restore.place), "id": restore.backup.meta.backup_id, "exists": True},
        "collections": plan_result(plan),
        "databases_created": [database.name for database in plan.databases],
        "rbac": rbac_result(plan.rbac),
        "plan": lines,
        "diff": text_diff("", "".join(f"{line}\n" for line in lines), f"restore from {restore.place.label}"),
        "copied": {"objects": 0, "bytes": 0},
        "kept_objects": 0,
        "warnings": plan.above_defaults,
    }
    outcome = None if call.check_mode else execute(restore, plan)
    if outcome is not None:
        result.update(
            changed=outcome.changed,
            collections=outcome_result(outcome),
            rbac=rbac_result(outcome.rbac),
            copied={"objects": outcome.copied.objects, "bytes": outcome.copied.bytes},
            kept_objects=outcome.kept_objects,
            warnings=outcome.warnings,
        )
    result.update(duration=restore.progress.seconds, seconds_by_phase=restore.progress.seconds_by_phase)
    failure = failure_of(outcome) if outcome is not None else None
    if failure is not None:
        raise failure.with_results(result)
    return result


def _planned_backup(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a check run of a backup returned, or nothing. Raises C(usage) for anything else."""
    planned = options["planned_backup"] or {}
    collections = planned.get("collections")
    whole = isinstance(collections, list) and all(
        isinstance(item, Mapping) and item.keys() >= PLANNED_KEYS for item in collections
    )
    if planned and not whole:
        raise usage_error(
            "reading the planned backup",
            "planned_backup",
            f"it is not the backup of a check run: each of its collections needs {', '.join(sorted(PLANNED_KEYS))}",
            "hand over what milvus_backup returned as backup, as it is",
        )
    return planned


def _plan_ahead(request: RestoreRequest, server: Server, place: Place, planned: Mapping[str, Any]) -> dict[str, Any]:
    """Plan from a backup that a check run only planned: names, existing targets, databases."""
    progress = Progress()
    targets = planned_targets(request, planned["collections"])
    rows = {CollectionName(item["database"], item["name"]): item["rows"] for item in planned["collections"]}
    actions, databases = plan_missing_backup(server, targets, request)
    lines = planned_lines(targets, actions, rows)
    return {
        "changed": any(action in BUILDS for action in actions.values()),
        "backup": {**place_result(place), "id": "", "exists": False},
        "collections": planned_result(targets, actions, rows),
        "databases_created": list(databases),
        "rbac": rbac_result(RbacPlan()),
        "plan": lines,
        "diff": text_diff("", "".join(f"{line}\n" for line in lines), f"restore from {place.label}"),
        "copied": {"objects": 0, "bytes": 0},
        "kept_objects": 0,
        "duration": progress.seconds,
        "seconds_by_phase": progress.seconds_by_phase,
        "warnings": (),
    }


def main() -> None:
    run_module(
        SPEC, restore_action, required_one_of=[("name", "name_pattern")], mutually_exclusive=[("name", "name_pattern")]
    )


if __name__ == "__main__":
    main()
