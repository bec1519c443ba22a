# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a backup of snapshots: the server exports one collection after the other, then the same commit as ever.

A server exports one at a time unless it is told otherwise, and what waits in its queue uses up its time.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from ..errors import MilvusOpsError, leaving
from ..milvus.collection_name import CollectionName
from ..milvus.databases import Database, describe_databases
from ..milvus.rbac import read_rbac
from ..progress import OBJECTS, Progress, Step
from ..store.base import StoredObject
from ..store.copy import CopyTotals
from .bundle import bundle_root, published
from .commit import Commit
from .export import Export, export_collection
from .gc_pause import GcState
from .integrity import manifest_objects
from .inventory import CompleteBackup, Place
from .lock import BackupLock
from .manifest import SNAPSHOT_FORMAT, BackupMeta, CollectionMeta
from .plan import Source
from .request import SKIP, SKIP_FLUSH, BackupRequest
from .run import SAMPLE_KEYS, UNFINISHED, Finished, backup_meta, database_metas, is_about_one_collection
from .source_rules import require_plain_database
from .verify import CONTENT, ETAG, compare, corrupt_error, verify_copied_content

NOT_PAUSED = "a snapshot keeps its files from the garbage collection by itself"


@dataclass
class SnapshotRun:
    """C(partial) is a committed backup that lacks collections: what it holds is kept as it is."""

    request: BackupRequest
    source: Source
    place: Place
    progress: Progress
    lock: BackupLock
    partial: CompleteBackup | None
    run_id: str
    tool_version: str
    made: list[CollectionMeta] = field(default_factory=list)
    skipped: dict[CollectionName, MilvusOpsError] = field(default_factory=dict)
    databases: Mapping[str, Database] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    """Warnings about snapshots that the server did not let go."""

    def execute(self, names: Sequence[CollectionName]) -> Finished:
        """Make the backup, or add to a partial one. Raises when not one collection could be backed up."""
        self.databases = describe_databases(self.source.server, (name.database for name in names))
        self.progress.expect_collections(len(names))
        with leaving(UNFINISHED):
            self._write_plan()
            for name in names:
                self._export(name)
                self.progress.collection_done()
        held = self._shared.held
        if not (held or self.made):
            raise next(iter(self.skipped.values()))
        rbac = read_rbac(self.source.server) if self.request.rbac else {}
        databases = database_metas(self.databases, self.partial)
        meta = backup_meta(self._backup_id, self.place, self.source, (*held, *self.made), databases=databases)
        meta = replace(meta, format=SNAPSHOT_FORMAT, rbac=rbac)
        changed, created = bool(self.made) or self.partial is None, int(time.time())
        with leaving(UNFINISHED):
            stored = self._stored(meta) if changed else []
            if changed:
                self._commit(meta, stored, created)
        return Finished(
            changed=changed,
            meta=meta,
            created=created,
            copied=CopyTotals(sum(item.objects for item in self.made), sum(item.size for item in self.made), ()),
            kept_objects=sum(item.objects for item in held),
            skipped_collections=self._causes(),
            gc=GcState(False, reason=NOT_PAUSED),
            gc_warning="; ".join(self.kept),
            sample=tuple(item.key for item in stored[:SAMPLE_KEYS]),
        )

    @property
    def _backup_id(self) -> str:
        return self.partial.meta.backup_id if self.partial else self.run_id

    def _write_plan(self) -> None:
        """Before the first export: the next run recognises its own by it."""
        self.lock.require()
        plan = {
            "backup_id": self._backup_id,
            "request": self.request.identity(self.source),
            "planned_at": int(time.time()),
            "gc_ticket": None,
            "snapshot": self._shared.snapshot,
        }
        self.place.store.write(self.place.plan_key, json.dumps(plan).encode())

    @property
    def _shared(self) -> Export:
        held = self.partial.meta.collections if self.partial else ()
        return Export(self.source, self.place, self._backup_id, self.lock.require, held)

    def _export(self, name: CollectionName) -> None:
        flush_timeout = None if self.request.strategy == SKIP_FLUSH else self.request.flush_timeout
        with ExitStack() as stack:

            def begun(files: int) -> Step:
                return stack.enter_context(self.progress.phase("copy", str(name), OBJECTS, files))

            try:
                require_plain_database(self.databases.get(name.database), name)
                meta, kept = export_collection(self._shared, name, flush_timeout, begun)
            except MilvusOpsError as error:
                if self.request.on_collection_error != SKIP or not is_about_one_collection(error):
                    raise
                self.skipped[name] = error
                return
        self.made.append(meta)
        self.kept += [kept] if kept else []

    def _stored(self, meta: BackupMeta) -> list[StoredObject]:
        """Everything that the backup consists of, as it lies there now; what else was exported by a killed run goes."""
        layout, store = self.place.layout, self.place.store
        roots = tuple(layout.directory + bundle_root(item.snapshot.path) for item in meta.collections if item.snapshot)
        lying = list(published(layout, store.list_objects(layout.bundle)))
        listed = [item for item in lying if item.key.startswith(roots)]
        self.lock.require()
        store.delete([item.key for item in lying if not item.key.startswith(roots)])
        if self.partial is not None and self.partial.manifest is not None:
            own = {item.key: item for item in listed}
            was = list(manifest_objects(store, layout, self.partial.manifest))
            differences = compare(was, [own[item.key] for item in was if item.key in own], ETAG)
            if differences:
                raise corrupt_error(store, layout, differences.describe())
        if self.request.verify == CONTENT:
            with self.progress.phase("verify", layout.name, OBJECTS, len(listed)) as step:
                verify_copied_content(store, listed, self.lock.require, step)
        return listed

    def _commit(self, meta: BackupMeta, stored: Sequence[StoredObject], created: int) -> None:
        with self.progress.phase("commit", self.place.layout.name):
            Commit(self.place, self.lock).write(
                meta,
                stored,
                request=self.request.identity(self.source),
                created=created,
                tool_version=self.tool_version,
                skipped=dict(self._causes()),
                previous=self.partial.manifest if self.partial else None,
            )

    def _causes(self) -> tuple[tuple[str, str], ...]:
        """What is still missing, also what an earlier run left out and this one did not find any more."""
        before = self.partial.manifest.skipped if self.partial and self.partial.manifest else {}
        made = {str(CollectionName(item.database, item.name)) for item in self.made}
        now = {str(name): error.failure.cause for name, error in self.skipped.items()}
        return tuple((name, cause) for name, cause in {**before, **now}.items() if name not in made)
