# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a backup exist: look, lock, and keep what is there, plan, or run."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from ..errors import MilvusOpsError
from ..milvus import catalog
from ..milvus.collection_name import CollectionName
from ..milvus.databases import describe_databases
from ..naming import is_in_passing
from ..progress import Progress
from ..store.copy import Copy, CopyTotals
from .gc_pause import GcState, ManagementEndpoint
from .inventory import CompleteBackup, Place, find_complete
from .lock import acquire, release_dead
from .manifest import SNAPSHOT_FORMAT, BackupMeta, SnapshotMeta
from .plan import CollectionPlan, Source, plan_collection, plan_metadata
from .request import (
    META_ONLY,
    SKIP,
    SKIP_FLUSH,
    BackupRequest,
    check_unfinished,
    drift,
    require_same_request,
)
from .root_path import MISMATCH, prove_root_path, root_path_error
from .run import (
    BackupRun,
    Finished,
    backup_meta,
    database_metas,
    is_about_one_collection,
    sample_keys,
    without_data,
)
from .snapshot_run import SnapshotRun
from .source_rules import doubts_of, require_exportable, require_not_held
from .verify import verify_backup

SKIP_FLUSH_WARNING = "strategy skip_flush: rows that were not flushed yet are not part of this backup"
UNGUARDED_WARNING = (
    "the object storage of the backups ignores conditional writes, so that no lock keeps two runs on one backup apart; "
    "see to it that there is only one at a time"
)
PASSWORDS_WARNING = "passwords of users cannot be read from the server, so they are not part of this backup"
HASHES_WARNING = "the backup holds hashes of passwords of users: whoever reads it can try to guess them"


@dataclass(frozen=True)
class BackupOutcome:
    """What a run found or made. C(meta) is the plan's in check mode; C(skipped_collections) pairs names and causes."""

    changed: bool
    exists: bool
    meta: BackupMeta
    created: int | None = None
    copied: CopyTotals = field(default_factory=lambda: CopyTotals(0, 0, ()))
    skipped: int = 0
    resumed: bool = False
    foreign: bool = False
    skipped_collections: tuple[tuple[str, str], ...] = ()
    gc: GcState = field(default_factory=lambda: GcState(False, reason="nothing was copied"))
    warnings: tuple[str, ...] = ()
    sample: tuple[str, ...] = ()


def ensure_backup(
    request: BackupRequest,
    source: Source,
    place: Place,
    progress: Progress,
    *,
    management: ManagementEndpoint | None,
    tool_version: str,
    check_mode: bool,
) -> BackupOutcome:
    """Make the backup exist, complete and verified; in check mode say what that would take, without a write."""
    with progress.phase("look", place.layout.name):
        existing = find_complete(place)
        if existing is not None:
            require_same_request(existing, request, source, place)
            if not existing.is_partial:
                if not check_mode:
                    release_dead(place.store, place.lock_key)
                return _keep(existing, request, source, place)
        resumed = existing is None and check_unfinished(request, source, place)
        names = _selected(request, source)
        _require_root_path(source, names)
    if check_mode:
        return _planned(request, source, place, existing, names, progress, resumed)
    run_id = str(uuid.uuid4())
    held = acquire(
        place.store, place.lock_key, run_id, wait=request.lock_timeout, meanwhile=lambda: _whole(find_complete(place))
    )
    if isinstance(held, CompleteBackup):
        require_same_request(held, request, source, place)
        return _keep(held, request, source, place)
    with held as lock:
        existing = find_complete(place)
        if existing is not None:
            require_same_request(existing, request, source, place)
        resumed = existing is None and check_unfinished(request, source, place)
        unguarded = [] if lock.keeps_others_out() else [UNGUARDED_WARNING]
        run: BackupRun | SnapshotRun
        if request.is_snapshot:
            run = SnapshotRun(request, source, place, progress, lock, existing, run_id, tool_version)
        else:
            run = BackupRun(request, source, place, progress, lock, management, existing, run_id, tool_version)
        return _made(run.execute(_missing(existing, names)), request, resumed, unguarded)


def _keep(existing: CompleteBackup, request: BackupRequest, source: Source, place: Place) -> BackupOutcome:
    """A complete backup is kept as it is: same request, verified, never copied again."""
    verify_backup(place.store, place.layout, existing.meta, existing.manifest, request.verify)
    return BackupOutcome(
        changed=False,
        exists=True,
        meta=existing.meta,
        created=existing.manifest.created if existing.manifest else None,
        skipped=existing.meta.objects,
        foreign=existing.manifest is None,
        warnings=tuple(drift(existing.meta, source)),
    )


def _made(finished: Finished, request: BackupRequest, resumed: bool, told: Sequence[str]) -> BackupOutcome:
    warnings = [f"collection {name} was left out: {cause}" for name, cause in finished.skipped_collections]
    warnings += [*doubts_of(finished.meta.server_version, finished.meta.collections), *told]
    warnings += [SKIP_FLUSH_WARNING] if request.strategy == SKIP_FLUSH else []
    if request.rbac:
        hashes = any(user.get("password") for user in finished.meta.rbac.get("users", ()))
        warnings.append(HASHES_WARNING if hashes else PASSWORDS_WARNING)
    warnings += [finished.gc_warning] if finished.gc_warning else []
    return BackupOutcome(
        changed=finished.changed,
        exists=True,
        meta=finished.meta,
        created=finished.created,
        copied=finished.copied,
        skipped=finished.kept_objects,
        resumed=resumed,
        skipped_collections=finished.skipped_collections,
        gc=finished.gc,
        warnings=tuple(warnings),
        sample=finished.sample,
    )


def _whole(found: CompleteBackup | None) -> CompleteBackup | None:
    """A backup that needs nothing more; a partial one is worked on, not adopted."""
    return None if found is None or found.is_partial else found


def _missing(existing: CompleteBackup | None, names: Sequence[CollectionName]) -> list[CollectionName]:
    """What is still to be backed up: for a partial backup only what it lacks."""
    held = {CollectionName(item.database, item.name) for item in existing.meta.collections} if existing else set()
    return [name for name in names if name not in held]


def _selected(request: BackupRequest, source: Source) -> list[CollectionName]:
    """The selected collections, without the staging ones of a restore that is under way."""
    names = catalog.select_on_server(source.server, request.patterns, request.exclude)
    described = [catalog.describe_collection(source.server, name) for name in names]
    chosen = [item.name for item in described if not is_in_passing(item.name.name, item.property_values)]
    if not chosen:
        raise MilvusOpsError(
            "not_found",
            "selecting collections",
            ", ".join(str(name) for name in names),
            "only staging collections of a restore are selected",
            next_step="wait for the restore, or correct collections",
        )
    return chosen


def _require_root_path(source: Source, names: Sequence[CollectionName]) -> None:
    result, prefix = prove_root_path(source.server, source.store, source.layout, names)
    if result == MISMATCH:
        raise root_path_error(source.store, source.layout, prefix)


def _planned(
    request: BackupRequest,
    source: Source,
    place: Place,
    existing: CompleteBackup | None,
    names: Sequence[CollectionName],
    progress: Progress,
    resumed: bool,
) -> BackupOutcome:
    """The plan from what is flushed by now; the real run flushes first, so it may hold more."""
    plans: list[CollectionPlan] = []
    skipped: list[tuple[str, str]] = []
    with progress.phase("plan", place.layout.name):
        for name in _missing(existing, names):
            try:
                plan = _plan(request, source, place, name)
                require_not_held(existing.meta.collections if existing else (), name, plan.meta.collection_id)
                plans.append(plan)
            except MilvusOpsError as error:
                if request.on_collection_error != SKIP or not is_about_one_collection(error):
                    raise
                skipped.append((str(name), error.failure.cause))
    if request.strategy == META_ONLY:
        plans = [without_data(plan) for plan in plans]
    databases = database_metas(describe_databases(source.server, (name.database for name in names)))
    return BackupOutcome(
        changed=True,
        exists=False,
        meta=replace(
            backup_meta("", place, source, [plan.meta for plan in plans], databases=databases),
            format=SNAPSHOT_FORMAT if request.is_snapshot else "",
        ),
        resumed=resumed,
        skipped_collections=tuple(skipped),
        warnings=tuple(doubts_of(source.server.version, [plan.meta for plan in plans])),
        sample=sample_keys(_all_copies(plans)),
    )


def _plan(request: BackupRequest, source: Source, place: Place, name: CollectionName) -> CollectionPlan:
    """How much the server will export is not known before it does."""
    if not request.is_snapshot:
        return plan_collection(source, place.layout, "", name, flush_timeout=None)
    require_exportable(catalog.describe_collection(source.server, name))
    meta = replace(plan_metadata(source, "", name), snapshot=SnapshotMeta("", 0, 0))
    return CollectionPlan(meta, place.layout, {})


def _all_copies(plans: Iterable[CollectionPlan]) -> Iterable[Copy]:
    return (copy for plan in plans for copy in plan.copies)
