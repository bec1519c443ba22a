# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole restore: plan, verify the backup, bring over its collections side by side, say what became of each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from ..backup.inventory import CompleteBackup, Place
from ..backup.layout import BackupLayout
from ..backup.verify import verify_backup
from ..errors import MilvusOpsError, leaving
from ..milvus import ddl
from ..milvus.collection_name import CollectionName
from ..milvus.features import require_known_rights
from ..milvus.selection import matching
from ..progress import BYTES, ROWS, Progress, Step
from ..store.copy import CopyTotals
from .adjust import adjust
from .aliases import set_aliases
from .bulk_staging import begin_bulk, fill_bulk
from .folding import needs_folding
from .imported import Imported
from .indexes import build_indexes, wanted_indexes
from .jobs import data_rows
from .loading import Counted, load_and_count
from .locking import release_dead_restore, restore_lock
from .outcome import Restored, RestoreOutcome, untouched, warnings_after, warnings_of_plan
from .plan import REPLACED, UPDATE, CollectionRestore, RestorePlan, plan_restore
from .publish import STAGING_KEPT, STAGING_MAY_BE, publish
from .rbac import RbacPlan, apply_rbac, plan_rbac
from .replacement import Retired, find_retired, hand_over, recover
from .request import RestoreRequest
from .snapshot_staging import begin_snapshot, confirm_snapshot, fill_snapshot
from .staged_copy import StagedPart, staged
from .staged_leftovers import StagingArea, remove_leftovers
from .staging import Build, Destination, begin_staging, fill_staging
from .targets import map_targets
from .waiting import Patience

TARGET_CHANGING = "the target may be changed in part; the next run goes on from there"
DATABASES_MADE = "databases of the targets may have been created; the targets are untouched"
COMPLETE = "the restored collection is complete, under the name of its target or of its staging; the next run goes on"
REPLACED_KEPT = "every target is restored; a replaced collection may be left under its retired name until the next run"
COLLECTIONS_AT_ONCE = 4
"""The imports of an instance run one after another; indexes and loads of one collection overlap those of the next."""


@dataclass(frozen=True)
class Restore:
    """What one run works with. C(layout) is where the server will read the objects: the backup, or its staged copy."""

    request: RestoreRequest
    destination: Destination
    place: Place
    backup: CompleteBackup
    area: StagingArea
    layout: BackupLayout
    progress: Progress

    @property
    def stages(self) -> bool:
        """Whether the server cannot read the backup where it lies."""
        return self.layout != self.place.layout

    @property
    def staged_layout(self) -> BackupLayout:
        """Raises C(usage) where the instance's own data would be in the way."""
        return self.area.layout(self.backup.meta.backup_id)


def make_plan(restore: Restore) -> RestorePlan:
    """Select, name, and look at the target."""
    request, meta, server = restore.request, restore.backup.meta, restore.destination.server
    with restore.progress.phase("look", restore.place.layout.name):
        held = [CollectionName(item.database, item.name) for item in meta.collections]
        if request.rbac:
            require_known_rights(server.version, server.options.target, "planning the restore")
        targets = map_targets(matching(held, request.patterns, ()), request.naming)
        bulk, bucket = restore.destination.bulk, restore.place.bucket
        folds = bulk is not None and any(needs_folding(server.version, item) for item in meta.collections)
        deletes_in = restore.staged_layout if folds else None
        plan = plan_restore(
            server,
            restore.layout,
            meta,
            targets,
            request,
            bulk=bulk,
            bucket=bucket,
            deletes_in=deletes_in,
            ours=restore.backup.manifest is not None,
        )
        return replace(plan, rbac=plan_rbac(server, meta.rbac)) if request.rbac else plan


def verify_before(restore: Restore) -> None:
    """Verify the objects of the backup before the server sees them: one damaged byte can end its process."""
    place, backup = restore.place, restore.backup
    with restore.progress.phase("verify", place.layout.name):
        verify_backup(place.store, place.layout, backup.meta, backup.manifest, restore.request.verify_objects)


def execute(restore: Restore, plan: RestorePlan) -> RestoreOutcome:
    """Carry out a plan. A collection that fails does not keep the others from being restored.

    Under the lock the target is looked at again: another run may have restored this very backup meanwhile.
    """
    if not plan.changes:
        warnings = remove_leftovers(restore.area).warnings
        release_dead_restore(restore.destination, restore.place)
        return _outcome(restore, plan, [untouched(item) for item in plan.collections], plan.rbac, warnings)
    lock_warnings: list[str] = []
    wait = restore.request.lock_timeout
    with (
        restore_lock(restore.destination, restore.place, restore.backup, wait, lock_warnings) as guard,
        _running(restore, guard) as build,
    ):
        _end_interrupted(build, plan.interrupted)
        now = make_plan(restore)
        if now.imports and not plan.imports:  # a target is gone that was there
            verify_before(restore)
        outcome = _carry_out(restore, build, now)
    return replace(outcome, warnings=(*outcome.warnings, *lock_warnings))


def _carry_out(restore: Restore, build: Build, plan: RestorePlan) -> RestoreOutcome:
    """Roles and grants come first: they fail at once or not at all, and hold for names, also of what is not there."""
    folded = [item.source for item in plan.collections if item.folds and item.bulk]
    read = [item.source for item in plan.collections if item.builds and item.job_count] if restore.stages else folded
    warnings = list(remove_leftovers(restore.area, keep=restore.staged_layout if read else None).warnings)
    part = StagedPart(read, folded, rows=restore.stages)
    with staged(restore.area, restore.request, restore.place, restore.backup, part, restore.progress, warnings) as copy:
        with leaving(DATABASES_MADE):
            for database in plan.databases:
                ddl.create_database(build.server, database.name, database.properties)
        added = plan.rbac
        if plan.rbac.changes:
            with restore.progress.phase("rbac", restore.place.layout.name):
                added = apply_rbac(build.server, plan.rbac)
        restored = _restore_all(replace(build, guard=_both(build.guard, copy.guard)), plan, restore.progress)
        copy.failures.extend(item.failure for item in restored if item.failure is not None)
    return replace(
        _outcome(restore, plan, restored, added, warnings), copied=copy.copied, kept_objects=copy.kept_objects
    )


def _outcome(
    restore: Restore, plan: RestorePlan, restored: Sequence[Restored], rbac: RbacPlan, warnings: Sequence[str]
) -> RestoreOutcome:
    told = (*warnings_of_plan(plan, restore.destination.server.version), *warnings_after(restored, rbac), *warnings)
    return RestoreOutcome(plan, tuple(restored), told, rbac, CopyTotals(0, 0, ()))


def _both(first: Callable[[], None], second: Callable[[], None]) -> Callable[[], None]:
    def ask() -> None:
        first()
        second()

    return ask


@contextmanager
def _running(restore: Restore, guard: Callable[[], None]) -> Iterator[Build]:
    """What all threads share; when this one is interrupted, the others stop at their next step."""
    stop = threading.Event()
    try:
        patience = Patience(restore.request.stall_timeout, stop)
        yield Build(restore.destination, restore.backup.meta.backup_id, restore.request, patience, guard)
    finally:
        stop.set()


def _end_interrupted(build: Build, targets: Sequence[CollectionName]) -> None:
    """Before anything else: a target whose replacement was interrupted may have nothing under its name."""
    retired = Retired(build.server, build.patience, build.guard)
    with leaving(TARGET_CHANGING):
        for target in targets:
            build.guard()
            old = recover(build.server, build.patience, target)
            if old is not None:
                retired.add(target, old)
        retired.drop_all()


def _restore_all(build: Build, plan: RestorePlan, progress: Progress) -> tuple[Restored, ...]:
    """Every collection, several at once; then the replaced ones are dropped, all after one pause."""
    retired = Retired(build.server, build.patience, build.guard)
    progress.expect_collections(len(plan.collections))
    with ThreadPoolExecutor(max_workers=COLLECTIONS_AT_ONCE, thread_name_prefix="restore") as pool:
        running = [pool.submit(_restore_or_fail, build, item, progress, retired) for item in plan.collections]
        try:
            restored = tuple(future.result() for future in running)
        except BaseException:
            build.patience.stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    with progress.phase("drop"), leaving(REPLACED_KEPT):
        retired.drop_all()
    return restored


def _restore_or_fail(build: Build, item: CollectionRestore, progress: Progress, retired: Retired) -> Restored:
    try:
        if item.builds:
            with leaving(STAGING_MAY_BE):
                ready = _build(build, item, progress)
            with leaving(COMPLETE):
                return _publish(build, item, ready, progress, retired)
        if item.action == UPDATE:
            with leaving(TARGET_CHANGING):
                return _update(build, item, progress)
        return untouched(item)
    except MilvusOpsError as error:
        return Restored(item, failure=error.failure)
    finally:
        progress.collection_done()


@dataclass(frozen=True)
class _Ready:
    """A staging collection that is complete: filled, indexed, counted."""

    imported: Imported
    counted: Counted


def _build(build: Build, item: CollectionRestore, progress: Progress) -> _Ready:
    server, request, patience = build.server, build.request, build.patience
    label = str(item.target)
    with progress.phase("create", label):
        begun = _begun(build, item)
    with leaving(STAGING_KEPT):
        unit, total = (BYTES, item.source.size) if item.snapshot_uri else (ROWS, data_rows(item.source))
        with progress.phase("import", label, unit, total) as step:
            imported = begun.fill(step)
        indexes = wanted_indexes(item.source, request.index)
        with progress.phase("index", label, ROWS, (imported.rows or 0) * len(indexes)) as step:
            build_indexes(server, item.staging, indexes, patience, STAGING_KEPT, step)
        with progress.phase("load", label):
            counted = load_and_count(
                server, item.staging, item.source, imported, request, patience, state_left=STAGING_KEPT
            )
            counted = begun.confirm(counted)
    return _Ready(imported, counted)


@dataclass(frozen=True)
class _Begun:
    """How a staging collection is filled, and what is looked at again once it is counted."""

    fill: Callable[[Step], Imported]
    confirm: Callable[[Counted], Counted] = lambda counted: counted


def _begun(build: Build, item: CollectionRestore) -> _Begun:
    if item.snapshot_uri:
        begun = begin_snapshot(build, item)
        return _Begun(partial(fill_snapshot, build, item, begun), partial(confirm_snapshot, build, item, begun))
    if build.destination.bulk is not None:
        return _Begun(partial(fill_bulk, build, item, begin_bulk(build, item)))
    return _Begun(partial(fill_staging, build, item, begin_staging(build, item)))


def _publish(build: Build, item: CollectionRestore, ready: _Ready, progress: Progress, retired: Retired) -> Restored:
    server, counted = build.server, ready.counted
    with progress.phase("publish", str(item.target)):
        build.guard()
        publish(build, item, ready.imported)
        old = find_retired(server, item.target) if item.action == REPLACED else None
        if old is not None:
            hand_over(server, item.target, old)
            retired.add(item.target, old)
        lost = set_aliases(server, item.target, item.aliases.free)
    return Restored(item, counted, item.job_count, (*counted.not_carried, *item.not_carried, *lost))


def _update(build: Build, item: CollectionRestore, progress: Progress) -> Restored:
    with progress.phase("adjust", str(item.target)):
        build.guard()
        unloaded = adjust(build.server, item.target, item.source, item.adjustment, build.patience)
        lost = set_aliases(build.server, item.target, item.adjustment.aliases)
    return Restored(item, not_carried=(*unloaded, *item.not_carried, *lost))


def planned_targets(
    request: RestoreRequest, collections: Sequence[Mapping[str, object]]
) -> dict[CollectionName, CollectionName]:
    """Source to target for a backup that is only planned so far (check mode)."""
    held = [CollectionName(str(item["database"]), str(item["name"])) for item in collections]
    return map_targets(matching(held, request.patterns, ()), request.naming)
