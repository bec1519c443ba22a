#!/usr/bin/python
# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore collections of a backup into a Milvus instance."""

from __future__ import annotations

DOCUMENTATION = r"""
module: milvus_restore
short_description: Restore collections of a backup into a Milvus instance
version_added: 0.1.0
author:
  - The vectorops.milvus authors (@vectorops)
description:
  - Makes the target collections exist with the data, indexes and load state of a backup that M(vectorops.milvus.milvus_backup)
    or milvus-backup wrote.
  - The objects of the backup are verified before the server sees them. Each collection is built under a staging name, counted,
    and gets its own name last, so a half-restored collection is never visible as O(suffix) or O(rename) say.
  - A run that was killed is continued by the next one. It takes over the import jobs that it knows everything about, and builds
    the staging collection again otherwise.
notes:
  - Aliases of the collections are not restored by this release. They are listed in a warning.
  - The backup has to lie in the bucket of the target instance, below another root path. A server imports from its own bucket only.
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
      - Name of the backup.
    type: str
    required: true
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
        alone and warns.
      - A target that this backup made is left as it is under both values, and nothing changes.
    type: str
    choices: [fail, skip]
    default: fail
  index:
    description:
      - Which indexes to build. V(as_backup) builds those of the backup, V(auto) lets the server choose those of vectors, V(none) builds none.
    type: str
    choices: [as_backup, auto, none]
    default: as_backup
  load:
    description:
      - Whether to load the collections. V(as_backup) loads those that were loaded when the backup was made.
    type: str
    choices: [as_backup, always, never]
    default: as_backup
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
- name: Restore one collection under a new name
  vectorops.milvus.milvus_restore:
    address: 127.0.0.1
    storage_address: 127.0.0.1
    storage_port: 9000
    access_key_id: "{{ access_key_id }}"
    secret_access_key: "{{ secret_access_key }}"
    bucket_name: bucket-a
    root_path: files_b
    name: my_backup
    collections: [coll]
    suffix: _bak

- name: Restore a database under another name, with the connection from the inventory
  vectorops.milvus.milvus_restore:
    name: my_backup
    collections: [films.*]
    rename:
      films.*: films_copy.*
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
  description: What became of each collection.
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
    state:
      description: V(restored), V(unchanged) or V(skipped). V(planned) in check mode.
      type: str
      returned: always
      sample: restored
    rows_expected:
      description: Rows of the backup. The target has fewer where some of them are deleted.
      type: int
      returned: always
      sample: 4000
    rows:
      description: Rows of the restored collection. Null where nothing was restored.
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
databases_created:
  description: Databases that were created, or would be.
  returned: success
  type: list
  elements: str
  sample: []
duration:
  description: Seconds that the run took.
  returned: success
  type: float
  sample: 12.1
seconds_by_phase:
  description: Seconds of each phase.
  returned: success
  type: dict
  sample: {look: 0.2, verify: 0.1, import: 4.3, index: 3.1, load: 2.2, publish: 0.1}
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

from collections.abc import Mapping
from typing import Any

from ..module_utils._module import Call, run_module, text_diff
from ..module_utils.backup.inventory import Place, find_complete, require_complete
from ..module_utils.backup.layout import BackupLayout, InstanceLayout, known_backup_name
from ..module_utils.backup.reporting import place_result
from ..module_utils.backup.verify import LEVELS
from ..module_utils.milvus.catalog import CollectionName
from ..module_utils.milvus.features import require_same_or_newer, require_supported
from ..module_utils.milvus.selection import parse_patterns
from ..module_utils.milvus.server import Server, connection_options
from ..module_utils.progress import Progress
from ..module_utils.restore.finish import INDEX_MODES, LOAD_MODES, ROW_CHECKS
from ..module_utils.restore.plan import IF_EXISTS, plan_missing_backup
from ..module_utils.restore.reporting import outcome_result, plan_result, plan_text, planned_text
from ..module_utils.restore.run import RestoreRequest, execute, make_plan, planned_targets, same_bucket, verify_before
from ..module_utils.restore.staging import Destination
from ..module_utils.restore.targets import read_naming
from ..module_utils.store.base import WriteScope
from ..module_utils.store.config import backup_store, instance_store
from ..module_utils.store.open import open_store

SPEC: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "collections": {"type": "list", "elements": "str", "required": True},
    "suffix": {"type": "str", "default": ""},
    "rename": {"type": "dict", "default": {}},
    "if_exists": {"type": "str", "choices": list(IF_EXISTS), "default": "fail"},
    "index": {"type": "str", "choices": list(INDEX_MODES), "default": "as_backup"},
    "load": {"type": "str", "choices": list(LOAD_MODES), "default": "as_backup"},
    "verify_objects": {"type": "str", "choices": list(LEVELS), "default": "etag"},
    "verify_rows": {"type": "str", "choices": list(ROW_CHECKS), "default": "count"},
    "lock_timeout": {"type": "int", "default": 0},
    "import_timeout": {"type": "int", "default": 1800},
    "planned_backup": {"type": "dict"},
}


def restore_action(call: Call) -> dict[str, Any]:
    options = call.options
    layout = BackupLayout(backup_store(options).root_path, known_backup_name(options["name"]))
    request = _request(options)
    connection, instance, config = connection_options(options), instance_store(options), backup_store(options)
    same_bucket(instance.bucket, config.bucket, instance.same_service(config))
    place = Place(open_store(config, WriteScope((f"{layout.control}restores/",))), layout)
    with Server(connection) as server:
        require_supported(server.version, connection.target, "restoring")
        destination = Destination(server, open_store(instance), InstanceLayout(instance.root_path))
        planned = options["planned_backup"]
        if call.check_mode and planned and find_complete(place) is None:
            return _plan_ahead(request, server, place, planned)
        return _restore(call, request, destination, place)


def _request(options: Mapping[str, Any]) -> RestoreRequest:
    return RestoreRequest(
        patterns=parse_patterns(options["collections"], "collections"),
        naming=read_naming(options["rename"], options["suffix"]),
        if_exists=options["if_exists"],
        index=options["index"],
        load=options["load"],
        verify_objects=options["verify_objects"],
        verify_rows=options["verify_rows"],
        lock_timeout=options["lock_timeout"],
        stall_timeout=options["import_timeout"],
    )


def _restore(call: Call, request: RestoreRequest, destination: Destination, place: Place) -> dict[str, Any]:
    progress = Progress()
    backup = require_complete(place)
    require_same_or_newer(backup.meta.server_version, destination.server.version, place.label)
    plan = make_plan(request, destination, place, backup, progress)
    if plan.changes:
        verify_before(request, place, backup, progress)
    result = {
        "changed": plan.changes,
        "backup": {**place_result(place), "id": backup.meta.backup_id, "exists": True},
        "databases_created": list(plan.databases),
        "diff": text_diff("", plan_text(plan, request), f"restore from {place.label}"),
    }
    if call.check_mode:
        result.update(collections=plan_result(plan), warnings=())
    else:
        outcome = execute(request, destination, place, backup, plan, progress)
        result.update(changed=outcome.plan.changes, collections=outcome_result(outcome), warnings=outcome.warnings)
    return {**result, "duration": progress.seconds, "seconds_by_phase": progress.seconds_by_phase}


def _plan_ahead(request: RestoreRequest, server: Server, place: Place, planned: Mapping[str, Any]) -> dict[str, Any]:
    """Plan from a backup that a check run only planned: names, existing targets, databases."""
    progress = Progress()
    targets = planned_targets(request, planned.get("collections") or [])
    rows = {CollectionName(item["database"], item["name"]): item["rows"] for item in planned["collections"]}
    states, databases = plan_missing_backup(server, targets, if_exists=request.if_exists)
    return {
        "changed": any(state == "planned" for state in states.values()),
        "backup": {**place_result(place), "id": "", "exists": False},
        "collections": [
            {
                "source": str(source),
                "target": str(target),
                "state": states[source],
                "rows_expected": rows[source],
                "rows": None,
                "count_method": "none",
                "jobs": 0,
            }
            for source, target in targets.items()
        ],
        "databases_created": list(databases),
        "diff": text_diff("", planned_text(targets, states, rows), f"restore from {place.label}"),
        "duration": progress.seconds,
        "seconds_by_phase": progress.seconds_by_phase,
        "warnings": (),
    }


def main() -> None:
    run_module(SPEC, restore_action)


if __name__ == "__main__":
    main()
