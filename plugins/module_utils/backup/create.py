# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a backup: plan, lock, copy, verify, commit; and what a second run does (DESIGN 3 and 5)."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import MilvusOpsError
from ..milvus import catalog
from ..milvus.catalog import CollectionName
from ..milvus.selection import Pattern, select_on_server
from ..naming import is_staging
from ..progress import Progress
from ..store.base import StoredObject
from ..store.copy import Copy, CopyRun, CopyTotals
from .integrity import write_manifest
from .inventory import CompleteBackup, Place, find_complete, holds_foreign_objects, unfinished_request
from .lock import BackupLock, acquire
from .manifest import BackupMeta, meta_files
from .plan import CollectionPlan, Source, plan_collection
from .root_path import MISMATCH, prove_root_path, root_path_error
from .verify import ETAG, compare, verify_backup

AUTO, FLUSH, SKIP_FLUSH, META_ONLY = "auto", "flush", "skip_flush", "meta_only"
STRATEGIES = (AUTO, FLUSH, SKIP_FLUSH, META_ONLY)
COPY_ROUNDS = 4
"""A round lists, removes what does not belong, copies what is missing. Two are normal, more follow a compaction."""


@dataclass(frozen=True)
class BackupRequest:
    """What to back up and how; C(lock_timeout) and C(flush_timeout) in seconds."""

    patterns: tuple[Pattern, ...]
    exclude: tuple[Pattern, ...]
    strategy: str = AUTO
    verify: str = ETAG
    copy_concurrency: int = 32
    lock_timeout: float = 0
    flush_timeout: float = 600

    def identity(self, source: Source) -> dict[str, Any]:
        """What makes two requests the same: the instance's data, the selection, the strategy; not speed or patience."""
        return {
            "source": f"{source.store.label}/{source.layout.root_path}",
            "collections": sorted(str(pattern) for pattern in self.patterns),
            "exclude": sorted(str(pattern) for pattern in self.exclude),
            "strategy": FLUSH if self.strategy == AUTO else self.strategy,
        }


@dataclass(frozen=True)
class BackupOutcome:
    """What a run found or made. C(meta) is the plan's in check mode; C(sample) holds at most 20 keys of it."""

    changed: bool
    exists: bool
    meta: BackupMeta
    created: int | None
    copied: CopyTotals
    skipped: int
    resumed: bool
    foreign: bool
    warnings: tuple[str, ...]
    sample: tuple[str, ...] = ()


def ensure_backup(
    request: BackupRequest, source: Source, place: Place, progress: Progress, *, tool_version: str, check_mode: bool
) -> BackupOutcome:
    """Make the backup exist, complete and verified; in check mode say what that would take, without a write."""
    with progress.phase("look"):
        existing = find_complete(place)
        if existing is not None:
            return _adopt(existing, request, source, place)
        resumed = _check_unfinished(request, source, place)
        names = _selected(request, source)
        _require_root_path(source, names)
    if check_mode:
        return _planned(request, source, place, names, progress, resumed)
    run_id = str(uuid.uuid4())
    held = acquire(
        place.store, place.lock_key, run_id, wait=request.lock_timeout, meanwhile=lambda: find_complete(place)
    )
    if isinstance(held, CompleteBackup):
        return _adopt(held, request, source, place)
    with held as lock:
        return _Run(request, source, place, progress, lock, run_id, tool_version).execute(names)


class _Run:
    """One run that holds the lock; its steps share the plan, which a compaction may replace."""

    def __init__(
        self,
        request: BackupRequest,
        source: Source,
        place: Place,
        progress: Progress,
        lock: BackupLock,
        run_id: str,
        tool_version: str,
    ) -> None:
        self._request = request
        self._source = source
        self._place = place
        self._progress = progress
        self._lock = lock
        self._backup_id = run_id
        self._tool_version = tool_version
        self._plans: dict[CollectionName, CollectionPlan] = {}

    def execute(self, names: Sequence[CollectionName]) -> BackupOutcome:
        resumed = _check_unfinished(self._request, self._source, self._place)
        with self._progress.phase("plan"):
            flush_timeout = None if self._request.strategy in (SKIP_FLUSH, META_ONLY) else self._request.flush_timeout
            for name in names:
                self._plan(name, flush_timeout)
        self._write_plan()
        with self._progress.phase("copy"):
            totals, skipped, stored = self._bring_over()
        meta = self._meta()
        with self._progress.phase("commit"):
            self._commit(meta, stored)
        return BackupOutcome(
            changed=True,
            exists=True,
            meta=meta,
            created=int(time.time()),
            copied=totals,
            skipped=skipped,
            resumed=resumed,
            foreign=False,
            warnings=(),
            sample=_sample(self._copies()),
        )

    def _plan(self, name: CollectionName, flush_timeout: float | None) -> None:
        plan = plan_collection(self._source, self._place.layout, self._backup_id, name, flush_timeout=flush_timeout)
        self._plans[name] = _without_data(plan) if self._request.strategy == META_ONLY else plan

    def _write_plan(self) -> None:
        """Store what is about to be done, before the first copy: the next run recognises its own by it."""
        self._lock.require()
        collections = {
            str(name): [segment.segment_id for segment in plan.meta.segments] for name, plan in self._plans.items()
        }
        plan = {
            "backup_id": self._backup_id,
            "request": self._request.identity(self._source),
            "planned_at": int(time.time()),
            "segments": collections,
            "objects": sum(len(plan.copies) for plan in self._plans.values()),
        }
        self._place.store.write(self._place.plan_key, json.dumps(plan).encode())

    def _bring_over(self) -> tuple[CopyTotals, int, list[StoredObject]]:
        """Copy what is missing until one listing shows exactly the plan; return that listing too."""
        objects = size = 0
        skipped: int | None = None
        for _round in range(COPY_ROUNDS):
            wanted = {copy.key: copy for copy in self._copies()}
            stored = list(self._place.store.list_objects(self._place.layout.binlogs))
            expected = (StoredObject(key, wanted[key].size, wanted[key].etag) for key in sorted(wanted))
            differences = compare(expected, stored, ETAG)
            skipped = differences.found - len(differences.altered) if skipped is None else skipped
            if not differences:
                return CopyTotals(objects, size, ()), skipped, stored
            self._lock.require()
            self._place.store.delete(differences.unexpected)
            totals = self._copy([wanted[key] for key in (*differences.missing, *differences.altered)])
            objects, size = objects + totals.objects, size + totals.bytes
            self._plan_again(totals.gone)
        raise MilvusOpsError(
            "verify_failed",
            "verifying the copied objects",
            self._place.label,
            f"after {COPY_ROUNDS} rounds the backup still differs from its plan: {differences.describe()}",
            state_left="the backup is not committed; what was copied is kept",
            next_step="run the task again; if it stays, something else writes to or removes from this place",
        )

    def _copy(self, copies: Iterable[Copy]) -> CopyTotals:
        run = CopyRun(
            self._source.store,
            self._place.store,
            concurrency=self._request.copy_concurrency,
            before_each=self._lock.require,
            after_each=lambda copy: None,
        )
        try:
            return run.run(copies)
        except MilvusOpsError as error:
            raise error.with_context(
                state_left="the backup is not committed; what was copied is kept for the next run"
            ) from error

    def _plan_again(self, gone: Iterable[Copy]) -> None:
        """A source object vanished: its segment was compacted and collected. Plan that collection from a fresh list."""
        keys = {copy.key for copy in gone}
        for name, plan in list(self._plans.items()):
            if any(copy.key in keys for copy in plan.copies):
                self._plan(name, None)

    def _commit(self, meta: BackupMeta, stored: Sequence[StoredObject]) -> None:
        bodies = meta_files(meta)
        self._lock.require()
        write_manifest(
            self._place.store,
            self._place.layout,
            stored,
            backup_id=self._backup_id,
            request=self._request.identity(self._source),
            created=int(time.time()),
            tool_version=self._tool_version,
            meta=bodies,
        )
        self._lock.renew()
        for name, body in bodies.items():
            self._lock.require()
            self._place.store.write(self._place.layout.meta(name), body)

    def _meta(self) -> BackupMeta:
        return _backup_meta(self._backup_id, self._place, self._source, self._plans.values())

    def _copies(self) -> Iterable[Copy]:
        return (copy for plan in self._plans.values() for copy in plan.copies)


def _adopt(existing: CompleteBackup, request: BackupRequest, source: Source, place: Place) -> BackupOutcome:
    """A complete backup is kept as it is: same request, verified, never copied again."""
    _require_same_request(existing, request, source, place)
    verify_backup(place.store, place.layout, existing.meta, existing.manifest, request.verify)
    return BackupOutcome(
        changed=False,
        exists=True,
        meta=existing.meta,
        created=existing.manifest.created if existing.manifest else None,
        copied=CopyTotals(0, 0, ()),
        skipped=existing.meta.objects,
        resumed=False,
        foreign=existing.manifest is None,
        warnings=tuple(_drift(existing.meta, source)),
    )


def _require_same_request(existing: CompleteBackup, request: BackupRequest, source: Source, place: Place) -> None:
    if existing.manifest is None:
        names = {str(name) for name in select_on_server(source.server, request.patterns, request.exclude)}
        held = {str(CollectionName(item.database, item.name)) for item in existing.meta.collections}
        difference = "" if names == held else f"it holds {sorted(held)}, the selection means {sorted(names)}"
    else:
        difference = _request_difference(existing.manifest.request, request.identity(source))
    if difference:
        raise _name_in_use(place, f"a complete backup of another request has this name: {difference}")


def _check_unfinished(request: BackupRequest, source: Source, place: Place) -> bool:
    """Whether an unfinished backup of this very request lies here; raises for any other."""
    unfinished = unfinished_request(place)
    if unfinished is None:
        if holds_foreign_objects(place):
            raise _name_in_use(place, "objects lie here that no unfinished backup of this collection accounts for")
        return False
    difference = _request_difference(unfinished, request.identity(source))
    if difference:
        raise _name_in_use(place, f"an unfinished backup of another request has this name: {difference}")
    return True


def _request_difference(was: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    keys = [key for key in sorted({*was, *now}) if was.get(key) != now.get(key)]
    return "; ".join(f"{key} was {was.get(key)!r}, is {now.get(key)!r}" for key in keys)


def _name_in_use(place: Place, cause: str) -> MilvusOpsError:
    return MilvusOpsError(
        "name_in_use",
        "making the backup",
        place.label,
        cause,
        next_step="give a fresh backup a fresh name, or remove this one with state: absent",
    )


def _selected(request: BackupRequest, source: Source) -> list[CollectionName]:
    """The selected collections, without the staging ones of a restore that is under way."""
    names = select_on_server(source.server, request.patterns, request.exclude)
    described = [catalog.describe_collection(source.server, name) for name in names]
    return [item.name for item in described if not is_staging(item.name.name, item.property_values)]


def _require_root_path(source: Source, names: Sequence[CollectionName]) -> None:
    result, prefix = prove_root_path(source.server, source.store, source.layout, names)
    if result == MISMATCH:
        raise root_path_error(source.store, source.layout, prefix)


def _planned(
    request: BackupRequest,
    source: Source,
    place: Place,
    names: Sequence[CollectionName],
    progress: Progress,
    resumed: bool,
) -> BackupOutcome:
    """The plan from what is flushed by now; the real run flushes first, so it may hold more."""
    with progress.phase("plan"):
        plans = [plan_collection(source, place.layout, "", name, flush_timeout=None) for name in names]
    if request.strategy == META_ONLY:
        plans = [_without_data(plan) for plan in plans]
    return BackupOutcome(
        changed=True,
        exists=False,
        meta=_backup_meta("", place, source, plans),
        created=None,
        copied=CopyTotals(0, 0, ()),
        skipped=0,
        resumed=resumed,
        foreign=False,
        warnings=(),
        sample=_sample(copy for plan in plans for copy in plan.copies),
    )


def _backup_meta(backup_id: str, place: Place, source: Source, plans: Iterable[CollectionPlan]) -> BackupMeta:
    collections = tuple(plan.meta for plan in plans)
    return BackupMeta(
        backup_id=backup_id,
        name=place.layout.name,
        server_version=source.server.version,
        collections=collections,
        databases=tuple(sorted({(item.database, item.database_id) for item in collections})),
    )


def _without_data(plan: CollectionPlan) -> CollectionPlan:
    bare = tuple(replace(partition, segments=()) for partition in plan.meta.partitions)
    return CollectionPlan(replace(plan.meta, partitions=bare, l0_segments=()), ())


def _drift(meta: BackupMeta, source: Source) -> Iterable[str]:
    """One line for each collection whose row count is not that of the backup any more."""
    for item in meta.collections:
        name = CollectionName(item.database, item.name)
        if catalog.find_collection(source.server, name) is None:
            yield f"collection {name} of the backup does not exist on the source any more"
            continue
        rows = catalog.statistics_rows(source.server, name)
        if item.segments and rows != item.rows:
            yield f"collection {name} has {rows} rows now, the backup has {item.rows}; a new moment wants a new name"


def _sample(copies: Iterable[Copy]) -> tuple[str, ...]:
    return tuple(copy.key for copy, _number in zip(copies, range(20), strict=False))
