# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run that makes a backup while it holds the lock: plan, copy, verify, commit."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import MilvusOpsError, leaving
from ..milvus.catalog import CollectionName
from ..milvus.rbac import read_rbac
from ..progress import OBJECTS, Progress
from ..store.base import StoredObject
from ..store.copy import Copy, CopyTotals
from .commit import Commit
from .gc_pause import GcPause, GcState, ManagementEndpoint, resume
from .integrity import manifest_objects
from .inventory import CompleteBackup, Place, unfinished_gc_ticket
from .lock import BackupLock
from .manifest import BackupMeta, CollectionMeta
from .plan import CollectionPlan, Source, copies_in_order, plan_collection
from .request import META_ONLY, SKIP, SKIP_FLUSH, BackupRequest
from .transfer import Brought, Transfer
from .verify import CONTENT, verify_copied_content

SAMPLE_KEYS = 20
UNFINISHED = "what was copied is kept; the backup is not complete unless its last object was written all the same"
COLLECTION_KINDS = frozenset({"version", "source_changed", "not_found", "timeout", "internal", "quota", "permission"})
"""Failures that may concern one collection only; the others would meet every collection."""


@dataclass(frozen=True)
class Finished:
    """What a run made; C(kept_objects) were there already, C(created) is Unix seconds."""

    changed: bool
    meta: BackupMeta
    created: int
    copied: CopyTotals
    kept_objects: int
    skipped_collections: tuple[tuple[str, str], ...]
    gc: GcState
    gc_warning: str
    sample: tuple[str, ...]


class BackupRun:
    """The steps share the plan, which a compaction on the source may replace.

    C(partial) is a committed backup that lacks collections: what it holds is kept as it is, only the rest is added.
    """

    def __init__(
        self,
        request: BackupRequest,
        source: Source,
        place: Place,
        progress: Progress,
        lock: BackupLock,
        management: ManagementEndpoint | None,
        partial: CompleteBackup | None,
        run_id: str,
        tool_version: str,
    ) -> None:
        self._request = request
        self._source = source
        self._place = place
        self._progress = progress
        self._lock = lock
        self._management = management
        self._partial = partial
        self._backup_id = partial.meta.backup_id if partial else run_id
        self._tool_version = tool_version
        self._plans: dict[CollectionName, CollectionPlan] = {}
        self._skipped: dict[CollectionName, MilvusOpsError] = {}
        self._kept = _kept_objects(place, partial)

    def execute(self, names: Sequence[CollectionName]) -> Finished:
        """Make the backup, or add to a partial one. Raises when not one collection could be backed up."""
        ticket = unfinished_gc_ticket(self._place)
        if ticket is not None:
            resume(self._management, ticket)  # left by a run that was killed
        gc = GcPause(self._management, wanted=self._request.pause_gc)
        try:
            brought = self._plan_and_copy(names, gc.state)
        finally:
            gc_warning = gc.end()
        collections = (*(self._partial.meta.collections if self._partial else ()), *self._metas())
        if not collections:
            raise next(iter(self._skipped.values()))
        rbac = read_rbac(self._source.server) if self._request.rbac else {}
        meta = backup_meta(self._backup_id, self._place, self._source, collections, rbac)
        changed = bool(self._plans) or self._partial is None
        created = int(time.time())
        if changed:
            with self._progress.phase("commit"), leaving(UNFINISHED):
                self._commit(meta, brought.stored, created)
        return Finished(
            changed=changed,
            meta=meta,
            created=created,
            copied=brought.copied,
            kept_objects=brought.kept,
            skipped_collections=self._causes(),
            gc=gc.state,
            gc_warning=gc_warning,
            sample=sample_keys(self._copies()),
        )

    def _plan_and_copy(self, names: Sequence[CollectionName], gc: GcState) -> Brought:
        flush_timeout = None if self._request.strategy in (SKIP_FLUSH, META_ONLY) else self._request.flush_timeout
        self._progress.expect_collections(len(names))
        for name in names:
            with self._progress.phase("plan", str(name)):
                self._plan(name, flush_timeout)
            self._progress.collection_done()
        self._progress.expect_collections(0)
        with leaving(UNFINISHED):
            self._write_plan(gc)
            brought = self._bring_over()
            if self._request.verify == CONTENT:
                with self._progress.phase("verify", self._place.layout.name, OBJECTS, self._objects) as step:
                    verify_copied_content(self._place.store, brought.stored, self._lock.require, step)
        return brought

    def _plan(self, name: CollectionName, flush_timeout: float | None) -> None:
        try:
            plan = plan_collection(self._source, self._place.layout, self._backup_id, name, flush_timeout=flush_timeout)
        except MilvusOpsError as error:
            if self._request.on_collection_error != SKIP or not is_about_one_collection(error):
                raise
            self._skipped[name] = error
            self._plans.pop(name, None)
            return
        self._plans[name] = without_data(plan) if self._request.strategy == META_ONLY else plan

    def _write_plan(self, gc: GcState) -> None:
        """Store what is about to be done, before the first copy: the next run recognises its own by it."""
        self._lock.require()
        plan = {
            "backup_id": self._backup_id,
            "request": self._request.identity(self._source),
            "planned_at": int(time.time()),
            "gc_ticket": gc.ticket if gc.paused else None,
            "objects": sum(plan.objects for plan in self._plans.values()),
            "segments": {
                str(name): [segment.segment_id for segment in plan.meta.segments] for name, plan in self._plans.items()
            },
        }
        self._place.store.write(self._place.plan_key, json.dumps(plan).encode())

    def _bring_over(self) -> Brought:
        return Transfer(
            self._source,
            self._place,
            plans=self._plans.values,
            kept=self._kept.values,
            plan_again=self._plan_again,
            require_lock=self._lock.require,
            concurrency=self._request.copy_concurrency,
            max_rate=self._request.max_rate,
            progress=self._progress,
        ).run()

    def _plan_again(self, gone: Iterable[Copy]) -> None:
        """A source object vanished: its segment was compacted and collected. Plan that collection from a fresh list."""
        keys = {copy.key for copy in gone}
        for name, plan in list(self._plans.items()):
            if any(copy.key in keys for copy in plan.copies):
                self._plan(name, None)

    def _commit(self, meta: BackupMeta, stored: Iterable[StoredObject], created: int) -> None:
        commit = Commit(self._place, self._lock)
        commit.write(
            meta,
            stored,
            request=self._request.identity(self._source),
            created=created,
            tool_version=self._tool_version,
            skipped=dict(self._causes()),
            previous=self._partial.manifest if self._partial else None,
        )

    def _causes(self) -> tuple[tuple[str, str], ...]:
        """What is still missing: also what an earlier run left out and this one did not find any more."""
        before = self._partial.manifest.skipped if self._partial and self._partial.manifest else {}
        made = {str(name) for name in self._plans}
        now = {str(name): error.failure.cause for name, error in self._skipped.items()}
        return tuple((name, cause) for name, cause in {**before, **now}.items() if name not in made)

    def _metas(self) -> tuple[CollectionMeta, ...]:
        return tuple(plan.meta for plan in self._plans.values())

    @property
    def _objects(self) -> int:
        return sum(plan.objects for plan in self._plans.values()) + len(self._kept)

    def _copies(self) -> Iterable[Copy]:
        return copies_in_order(self._plans.values())


def is_about_one_collection(error: MilvusOpsError) -> bool:
    return error.kind in COLLECTION_KINDS


def without_data(plan: CollectionPlan) -> CollectionPlan:
    """The schema and settings of a collection, without its segments (strategy meta_only)."""
    bare = tuple(replace(partition, segments=()) for partition in plan.meta.partitions)
    return CollectionPlan(replace(plan.meta, partitions=bare, l0_segments=()), plan.backup, {})


def backup_meta(
    backup_id: str,
    place: Place,
    source: Source,
    collections: Iterable[CollectionMeta],
    rbac: Mapping[str, Any] | None = None,
) -> BackupMeta:
    metas = tuple(sorted(collections, key=lambda item: (item.database, item.name)))
    return BackupMeta(
        backup_id=backup_id,
        name=place.layout.name,
        server_version=source.server.version,
        collections=metas,
        databases=tuple(sorted({(item.database, item.database_id) for item in metas})),
        rbac=rbac or {},
    )


def sample_keys(copies: Iterable[Copy]) -> tuple[str, ...]:
    return tuple(copy.key for copy, _number in zip(copies, range(SAMPLE_KEYS), strict=False))


def _kept_objects(place: Place, partial: CompleteBackup | None) -> dict[str, StoredObject]:
    if partial is None or partial.manifest is None:
        return {}
    return {item.key: item for item in manifest_objects(place.store, place.layout, partial.manifest)}
