# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole restore: read and verify the backup, plan, then bring over collection by collection."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ..backup.inventory import CompleteBackup, Place, require_complete
from ..backup.lock import BackupLock, acquire, live_holder
from ..backup.verify import ETAG, verify_backup
from ..errors import MilvusOpsError, usage_error
from ..milvus import ddl
from ..milvus.catalog import CollectionName
from ..milvus.selection import Pattern, matching
from ..progress import Progress
from .finish import AS_BACKUP, COUNT, Counted, build_indexes, load_and_count, publish
from .plan import CREATE, FAIL, SKIPPED, CollectionRestore, RestorePlan, plan_restore
from .staging import Destination, Imported, build_staging
from .targets import Naming, map_targets


@dataclass(frozen=True)
class RestoreRequest:
    """What to restore and how; C(lock_timeout) in seconds, C(stall_timeout) is seconds without any progress."""

    patterns: tuple[Pattern, ...]
    naming: Naming
    if_exists: str = FAIL
    index: str = AS_BACKUP
    load: str = AS_BACKUP
    verify_objects: str = ETAG
    verify_rows: str = COUNT
    lock_timeout: float = 0
    stall_timeout: float = 1800


@dataclass(frozen=True)
class Restored:
    """One collection after a run; C(counted) is None where nothing was done."""

    plan: CollectionRestore
    counted: Counted | None
    jobs: tuple[int, ...] = ()


@dataclass(frozen=True)
class RestoreOutcome:
    plan: RestorePlan
    restored: tuple[Restored, ...]
    warnings: tuple[str, ...]


def make_plan(
    request: RestoreRequest, destination: Destination, place: Place, backup: CompleteBackup, progress: Progress
) -> RestorePlan:
    """Select, name, and look at the target."""
    with progress.phase("look"):
        held = [CollectionName(item.database, item.name) for item in backup.meta.collections]
        targets = map_targets(matching(held, request.patterns, ()), request.naming)
        return plan_restore(destination.server, place.layout, backup.meta, targets, if_exists=request.if_exists)


def verify_before(request: RestoreRequest, place: Place, backup: CompleteBackup, progress: Progress) -> None:
    """Verify the objects of the backup before the server sees them: one damaged byte can end its process."""
    with progress.phase("verify"):
        verify_backup(place.store, place.layout, backup.meta, backup.manifest, request.verify_objects)


def execute(
    request: RestoreRequest,
    destination: Destination,
    place: Place,
    backup: CompleteBackup,
    plan: RestorePlan,
    progress: Progress,
) -> RestoreOutcome:
    """Carry out a plan. A collection that fails leaves those before it published, and says so.

    Under the lock the target is looked at again: another run may have restored this very backup meanwhile.
    """
    if not plan.changes:
        return RestoreOutcome(plan, tuple(Restored(item, None) for item in plan.collections), tuple(_warnings(plan)))
    done: list[Restored] = []
    lock_warnings: list[str] = []
    with _restore_lock(destination, place, request.lock_timeout, lock_warnings):
        plan = make_plan(request, destination, place, backup, progress)
        warnings = [*_warnings(plan), *lock_warnings]
        for database in plan.databases:
            ddl.create_database(destination.server, database)
        for item in plan.collections:
            try:
                done.append(_restore(request, destination, backup, item, progress))
            except MilvusOpsError as error:
                raise _with_published(error, done) from error
    return RestoreOutcome(plan, tuple(done), tuple(warnings))


def _warnings(plan: RestorePlan) -> Iterator[str]:
    for item in plan.collections:
        if item.action == SKIPPED:
            yield f"{item.target} exists and was left alone; this backup did not make it"
        if item.action == CREATE and item.source.aliases:
            yield f"aliases of {item.source_name} were not restored: {', '.join(item.source.aliases)}"


def _restore(
    request: RestoreRequest,
    destination: Destination,
    backup: CompleteBackup,
    item: CollectionRestore,
    progress: Progress,
) -> Restored:
    if item.action != CREATE:
        return Restored(item, None)
    server = destination.server
    with progress.phase("import"):
        imported: Imported = build_staging(
            destination, item, backup.meta.backup_id, stall_timeout=request.stall_timeout
        )
    with progress.phase("index"):
        build_indexes(server, item, request.index, stall_timeout=request.stall_timeout)
    with progress.phase("load"):
        counted = load_and_count(
            server,
            item,
            imported,
            load=request.load,
            check=request.verify_rows,
            stall_timeout=request.stall_timeout,
        )
    with progress.phase("publish"):
        publish(server, item, imported)
    return Restored(item, counted, imported.jobs)


@contextmanager
def _restore_lock(destination: Destination, place: Place, wait: float, warnings: list[str]) -> Iterator[None]:
    """One restore at a time from this backup into this instance; it also keeps the backup from being removed.

    With rights to read the backup only, the restore goes on without, and says so.
    """
    instance = f"{destination.store.label}/{destination.layout.root_path}"
    digest = hashlib.sha256(instance.encode()).hexdigest()[:16]
    key = f"{place.layout.control}restores/{digest}.json"
    try:
        held = acquire(place.store, key, str(uuid.uuid4()), wait=wait, meanwhile=lambda: None)
    except MilvusOpsError as error:
        if error.kind != "permission":
            raise
        warnings.append("the backup is read-only for this run, so nothing keeps it from being removed meanwhile")
        yield
        return
    if isinstance(held, BackupLock):
        with held:
            _require_not_being_removed(place)
            yield


def _require_not_being_removed(place: Place) -> None:
    """A removal looks for restores after it has taken its lock, a restore for removals: one of the two always sees."""
    holder = live_holder(place.store, place.lock_key)
    if holder is not None:
        raise MilvusOpsError(
            "lock_held",
            "restoring",
            place.label,
            f"{holder} works on this backup",
            next_step="wait for that run; it may be removing the backup",
        )
    require_complete(place)


def same_bucket(destination_bucket: str, backup_bucket: str, same_service: bool) -> None:
    """An import reads the server's own bucket only (2.3.5 facts, second round 8)."""
    if same_service and destination_bucket == backup_bucket:
        return
    raise usage_error(
        "planning the restore",
        f"backup in {backup_bucket}, target in {destination_bucket}",
        "the backup lies in another bucket or service than the target's data, and a server imports from its own only; "
        "a staged copy is not part of this release",
        "put the backup into the target's bucket with backup_bucket_name",
    )


def planned_targets(
    request: RestoreRequest, collections: Sequence[Mapping[str, object]]
) -> dict[CollectionName, CollectionName]:
    """Source to target for a backup that is only planned so far (check mode)."""
    held = [CollectionName(str(item["database"]), str(item["name"])) for item in collections]
    return map_targets(matching(held, request.patterns, ()), request.naming)


def _with_published(error: MilvusOpsError, done: Sequence[Restored]) -> MilvusOpsError:
    names = [str(item.plan.target) for item in done if item.counted is not None]
    if not names:
        return error
    return error.with_context(state_left=f"{error.failure.state_left}; restored before: {', '.join(names)}")
