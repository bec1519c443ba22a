# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run that makes a backup while it holds the lock: plan, copy, verify, commit."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..errors import MilvusOpsError, leaving
from ..milvus.collection_name import CollectionName
from ..milvus.databases import Database, describe_databases
from ..milvus.flush_all import flush_all
from ..milvus.rbac import read_rbac
from ..milvus.segments import FlushPoint
from ..naming import is_carried
from ..progress import OBJECTS, Progress
from ..store.base import StoredObject
from ..store.copy import Copy, CopyTotals
from .commit import Commit
from .content import with_digests
from .gc_pause import GcPause, GcState, ManagementEndpoint, resume
from .instance_meta import NO_FLUSH_ALL, DatabaseMeta, FlushAllMeta
from .integrity import manifest_objects
from .inventory import CompleteBackup, Place, unfinished_gc_ticket
from .lock import BackupLock
from .manifest import BackupMeta, CollectionMeta
from .plan import NO_FLUSH, CollectionPlan, Source, copies_in_order, plan_collection
from .request import META_ONLY, SKIP, SKIP_FLUSH, BackupRequest
from .source_rules import require_not_held, require_plain_database
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
        self._databases: Mapping[str, Database] = {}
        self._flush_all = NO_FLUSH_ALL
        self._flushed = NO_FLUSH
        self._plans: dict[CollectionName, CollectionPlan] = {}
        self._skipped: dict[CollectionName, MilvusOpsError] = {}
        self._kept = _kept_objects(place, partial)

    def execute(self, names: Sequence[CollectionName]) -> Finished:
        """Make the backup, or add to a partial one. Raises when not one collection could be backed up."""
        ticket = unfinished_gc_ticket(self._place)
        if ticket is not None:
            resume(self._management, ticket)  # left by a run that was killed
        self._plan_all(names)
        gc = GcPause(self._management, wanted=self._request.pause_gc)
        try:
            paused = gc.begin()
            brought = self._copy(paused)
        finally:
            gc_warning = gc.end()
        collections = (*self._held, *self._metas())
        if not collections:
            raise next(iter(self._skipped.values()))
        rbac = read_rbac(self._source.server) if self._request.rbac else {}
        databases = database_metas(self._databases, self._partial)
        meta = backup_meta(self._backup_id, self._place, self._source, collections, databases=databases)
        meta = replace(meta, rbac=rbac, flush_all=self._flush_all)
        changed = bool(self._plans) or self._partial is None
        created = int(time.time())
        if changed:
            with self._progress.phase("commit", self._place.layout.name), leaving(UNFINISHED):
                self._commit(meta, brought.stored, created)
        return Finished(
            changed=changed,
            meta=meta,
            created=created,
            copied=brought.copied,
            kept_objects=brought.kept,
            skipped_collections=self._causes(),
            gc=paused,
            gc_warning=gc_warning,
            sample=sample_keys(self._copies()),
        )

    def _plan_all(self, names: Sequence[CollectionName]) -> None:
        self._databases = describe_databases(self._source.server, (name.database for name in names))
        flush_timeout = None if self._request.strategy in (SKIP_FLUSH, META_ONLY) else self._request.flush_timeout
        if flush_timeout is not None and self._flush_everything(flush_timeout):
            flush_timeout = None
        self._progress.expect_collections(len(names))
        for name in names:
            with self._progress.phase("plan", str(name)):
                self._plan(name, flush_timeout)
            self._progress.collection_done()
        self._progress.expect_collections(0)

    def _flush_everything(self, timeout: float) -> bool:
        """At one moment, where the backup is of everything: it would burden collections that nobody has chosen."""
        if self._partial is not None or not self._request.may_flush_all:
            return False
        with self._progress.phase("flush", self._place.layout.name):
            flushed = flush_all(self._source.server, timeout)
        if flushed is not None:
            self._flush_all = FlushAllMeta(flushed.messages, flushed.control_channel, flushed.channels)
            self._flushed = FlushPoint(flushed.timestamp, 0)
        return flushed is not None

    def _copy(self, gc: GcState) -> Brought:
        """The plan is stored at once: it names the ticket of the pause, which the next run gives back if this dies."""
        with leaving(UNFINISHED):
            self._write_plan(gc)
            return self._read_again(self._bring_over())

    def _read_again(self, brought: Brought) -> Brought:
        """What was copied, as far as it takes: for its digests where the store has none, or to prove it."""
        store, lock = self._place.store, self._lock.require
        if not (store.lacks_digests or self._request.verify == CONTENT):
            return brought
        with self._progress.phase("verify", self._place.layout.name, OBJECTS, self._objects) as step:
            if store.lacks_digests:
                stored = with_digests(store, brought.stored, self._kept, before_each=lock, after_each=step.advance)
                return replace(brought, stored=stored)
            verify_copied_content(store, brought.stored, lock, step)
        return brought

    def _plan(self, name: CollectionName, flush_timeout: float | None) -> None:
        try:
            require_plain_database(self._databases.get(name.database), name)
            plan = plan_collection(
                self._source,
                self._place.layout,
                self._backup_id,
                name,
                flush_timeout=flush_timeout,
                flushed=self._flushed,
            )
            require_not_held(self._held, name, plan.meta.collection_id)
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
    def _held(self) -> tuple[CollectionMeta, ...]:
        return self._partial.meta.collections if self._partial else ()

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
    *,
    databases: Mapping[str, DatabaseMeta],
) -> BackupMeta:
    """C(databases) are those that could be described, by name."""
    metas = tuple(sorted(collections, key=lambda item: (item.database, item.name)))
    ids = {item.database: item.database_id for item in metas}
    return BackupMeta(
        backup_id=backup_id,
        name=place.layout.name,
        server_version=source.server.version,
        collections=metas,
        databases=tuple(databases.get(name) or DatabaseMeta(name, number) for name, number in sorted(ids.items())),
    )


def database_metas(described: Mapping[str, Database], partial: CompleteBackup | None = None) -> dict[str, DatabaseMeta]:
    """What a server tells of databases as a backup holds it, with what a partial backup holds of others."""
    kept = {item.name: item for item in partial.meta.databases} if partial else {}
    return kept | {
        name: DatabaseMeta(name, item.database_id, tuple(pair for pair in item.properties if is_carried(pair["key"])))
        for name, item in described.items()
    }


def sample_keys(copies: Iterable[Copy]) -> tuple[str, ...]:
    return tuple(copy.key for copy, _number in zip(copies, range(SAMPLE_KEYS), strict=False))


def _kept_objects(place: Place, partial: CompleteBackup | None) -> dict[str, StoredObject]:
    if partial is None or partial.manifest is None:
        return {}
    return {item.key: item for item in manifest_objects(place.store, place.layout, partial.manifest)}
