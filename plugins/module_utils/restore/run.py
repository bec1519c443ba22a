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

from ..backup.inventory import CompleteBackup, Place
from ..backup.layout import BackupLayout
from ..backup.verify import verify_backup
from ..errors import NOTHING_WRITTEN, MilvusOpsError
from ..milvus import ddl
from ..milvus.catalog import CollectionName
from ..milvus.selection import matching
from ..progress import ROWS, Progress
from ..store.copy import CopyTotals
from .adjust import adjust
from .aliases import set_aliases
from .indexes import build_indexes, wanted_indexes
from .jobs import data_rows
from .loading import load_and_count
from .locking import restore_lock
from .outcome import Restored, RestoreOutcome, untouched, warnings_after, warnings_of_plan
from .plan import REPLACED, UPDATE, CollectionRestore, RestorePlan, plan_restore
from .publish import STAGING_KEPT, publish
from .rbac import RbacPlan, apply_rbac, plan_rbac
from .replacement import Retired, find_retired, move_aliases, recover
from .request import RestoreRequest
from .staged_copy import staged
from .staged_leftovers import StagingArea, remove_leftovers
from .staging import Build, Destination, begin_staging, fill_staging
from .targets import map_targets
from .waiting import Patience

COLLECTIONS_AT_ONCE = 4
"""The imports of an instance run one after another; indexes and loads of one collection overlap those of the next."""

COMPLETE = "the restored collection is complete, under the name of its target or of its staging; the next run goes on"
REPLACED_KEPT = "every target is restored; a replaced collection may be left under its retired name until the next run"


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
        return self.layout != self.place.layout


def make_plan(restore: Restore) -> RestorePlan:
    """Select, name, and look at the target."""
    request, meta, server = restore.request, restore.backup.meta, restore.destination.server
    with restore.progress.phase("look"):
        held = [CollectionName(item.database, item.name) for item in meta.collections]
        targets = map_targets(matching(held, request.patterns, ()), request.naming)
        plan = plan_restore(server, restore.layout, meta, targets, request)
        return replace(plan, rbac=plan_rbac(server, meta.rbac)) if request.rbac else plan


def verify_before(restore: Restore) -> None:
    """Verify the objects of the backup before the server sees them: one damaged byte can end its process."""
    place, backup = restore.place, restore.backup
    with restore.progress.phase("verify"):
        verify_backup(place.store, place.layout, backup.meta, backup.manifest, restore.request.verify_objects)


def execute(restore: Restore, plan: RestorePlan) -> RestoreOutcome:
    """Carry out a plan. A collection that fails does not keep the others from being restored.

    Under the lock the target is looked at again: another run may have restored this very backup meanwhile.
    """
    if not plan.changes:
        warnings = remove_leftovers(restore.area).warnings
        return _outcome(plan, [untouched(item) for item in plan.collections], plan.rbac, warnings)
    lock_warnings: list[str] = []
    with (
        restore_lock(restore.destination, restore.place, restore.request.lock_timeout, lock_warnings) as guard,
        _running(restore, guard) as build,
    ):
        _end_interrupted(build, plan.interrupted)
        outcome = _carry_out(restore, build, make_plan(restore))
    return replace(outcome, warnings=(*outcome.warnings, *lock_warnings))


def _carry_out(restore: Restore, build: Build, plan: RestorePlan) -> RestoreOutcome:
    """Roles and grants come first: they fail at once or not at all, and hold for names, also of what is not there."""
    read = [item.source for item in plan.collections if item.builds and item.jobs] if restore.stages else []
    warnings = list(remove_leftovers(restore.area, keep=restore.layout if read else None).warnings)
    with staged(restore.area, restore.request, restore.place, restore.backup, read, restore.progress, warnings) as copy:
        for database in plan.databases:
            ddl.create_database(build.server, database)
        added = plan.rbac
        if plan.rbac.changes:
            with restore.progress.phase("rbac"):
                added = apply_rbac(build.server, plan.rbac)
        restored = _restore_all(replace(build, guard=_both(build.guard, copy.guard)), plan, restore.progress)
        copy.failures.extend(item.failure for item in restored if item.failure is not None)
    return replace(_outcome(plan, restored, added, warnings), copied=copy.copied, kept_objects=copy.kept_objects)


def _outcome(
    plan: RestorePlan, restored: Sequence[Restored], rbac: RbacPlan, warnings: Sequence[str]
) -> RestoreOutcome:
    told = (*warnings_of_plan(plan), *warnings_after(restored, rbac), *warnings)
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
    for target in targets:
        build.guard()
        old = recover(build.server, target)
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
    with progress.phase("drop"), _leaving(REPLACED_KEPT):
        retired.drop_all()
    return restored


def _restore_or_fail(build: Build, item: CollectionRestore, progress: Progress, retired: Retired) -> Restored:
    try:
        if item.builds:
            return _restore(build, item, progress, retired)
        if item.action == UPDATE:
            return _update(build, item, progress)
        return untouched(item)
    except MilvusOpsError as error:
        return Restored(item, failure=error.failure)
    finally:
        progress.collection_done()


def _restore(build: Build, item: CollectionRestore, progress: Progress, retired: Retired) -> Restored:
    server, request, patience = build.server, build.request, build.patience
    label = str(item.target)
    with progress.phase("create", label):
        begun = begin_staging(build, item)
    with progress.phase("import", label, ROWS, data_rows(item.source)) as step, _leaving(STAGING_KEPT):
        imported = fill_staging(build, item, begun, step)
    indexes = wanted_indexes(item.source, request.index)
    with progress.phase("index", label, ROWS, imported.rows * len(indexes)) as step, _leaving(STAGING_KEPT):
        build_indexes(server, item.staging, indexes, patience, STAGING_KEPT, step)
    with progress.phase("load", label), _leaving(STAGING_KEPT):
        counted = load_and_count(
            server, item.staging, item.source, imported.rows, request, patience, state_left=STAGING_KEPT
        )
    with progress.phase("publish", label), _leaving(COMPLETE):
        build.guard()
        publish(server, item, imported, build.backup_id)
        old = find_retired(server, item.target) if item.action == REPLACED else None
        if old is not None:
            move_aliases(server, item.target, old)
            retired.add(item.target, old)
        lost = set_aliases(server, item.target, item.aliases.free)
    return Restored(item, counted, imported.jobs, (*counted.not_carried, *item.not_carried, *lost))


@contextmanager
def _leaving(state_left: str) -> Iterator[None]:
    """What a failure leaves behind, where it does not know better than that nothing was written."""
    try:
        yield
    except MilvusOpsError as error:
        if error.failure.state_left != NOTHING_WRITTEN:
            raise
        raise error.with_context(state_left=state_left) from error


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
