# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One collection as a snapshot, exported by the server to below the backup.

The snapshot exists for its export only. It has the same name in every run for one backup, so that the next run finds
what a killed one left: only when that is dropped, which a server refuses while it exports, is nobody writing there.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from urllib.parse import unquote

from ..errors import MilvusOpsError
from ..milvus import catalog, snapshots
from ..milvus import rows as rows_of
from ..milvus.catalog import Collection
from ..milvus.collection_name import CollectionName
from ..milvus.complaints import complained
from ..milvus.segments import flush
from ..milvus.snapshots import ExportJob
from ..progress import Step
from .bundle import bundle_root, examine_bundles, is_metadata_path
from .inventory import Place
from .manifest import SNAPSHOT_FORMAT, BackupMeta, CollectionMeta, SnapshotMeta
from .plan import Source, plan_metadata
from .source_rules import require_exportable, require_not_held

POLL_SECONDS = 1.0
STALL_SECONDS = 1800.0
OUTAGE_SECONDS = 60.0
DROP_SECONDS = 15.0
"""A server lets go of a snapshot some moments after its export has ended."""

LEFTOVER_SECONDS = 600.0
"""How long a run waits for the export of a killed one."""

PASSING_KINDS = frozenset({"throttled", "timeout", "unreachable"})
NOT_COMMITTED = "the backup is not committed; the next run exports this collection again"


@dataclass(frozen=True)
class Export:
    """What the exports of one backup share; C(guard) raises once the lock is lost, C(held) is in the backup already."""

    source: Source
    place: Place
    backup_id: str
    guard: Callable[[], None]
    held: tuple[CollectionMeta, ...] = ()

    @property
    def snapshot(self) -> str:
        return f"vectorops_{hashlib.sha256(self.place.label.encode()).hexdigest()[:16]}"


def export_collection(
    export: Export, name: CollectionName, flush_timeout: float | None, begun: Callable[[int], Step]
) -> tuple[CollectionMeta, str]:
    """Its metadata, once all of it lies in the backup; and a warning, if the server kept the snapshot."""
    source, server = export.source, export.source.server
    found = catalog.describe_collection(server, name)
    require_not_held(export.held, name, found.collection_id)
    require_exportable(found)
    _drop_leftover(export, name)
    rows_before = None
    if flush_timeout is not None:
        rows_before = _count(export, name)
        flush(server, name, flush_timeout)
    before = catalog.describe_collection(server, name)
    partitions = catalog.list_partitions(server, name)
    export.guard()
    snapshots.create_snapshot(server, name, export.snapshot)
    try:
        rows = None if rows_before is None or _count(export, name) != rows_before else rows_before
        moment = snapshots.snapshot_moment(server, name, export.snapshot)
        meta = plan_metadata(source, export.backup_id, name)
        _require_unchanged(before, catalog.describe_collection(server, name))
        if partitions != catalog.list_partitions(server, name):
            raise _changed(name)
        job = _wait(export, name, _begin(export, before), begun)
    except MilvusOpsError as error:
        raise _without_snapshot(export, name, error) from error
    except BaseException:  # told to stop: while an export needs it the server refuses, and the next run drops it
        with suppress(MilvusOpsError):
            export.guard()
            _dropped(export, name, 0)
        raise
    kept = _dropped(export, name, DROP_SECONDS)
    snapshot = replace(described_snapshot(export.place, before.collection_id, job), rows=rows)
    meta = replace(meta, timestamp=moment, snapshot=snapshot)
    _require_whole(export, meta)
    return meta, kept


def _count(export: Export, name: CollectionName) -> int | None:
    """A snapshot does not say how many rows it has. The number before and after it, where both are the same, does.

    None where it cannot be counted: what is not loaded, or by a user who may not query.
    """
    server = export.source.server
    if catalog.load_state(server, name) != "Loaded":
        return None
    try:
        return rows_of.count(server, name)
    except MilvusOpsError as error:
        if error.kind != "permission":
            raise
        return None


def _begin(export: Export, collection: Collection) -> int:
    """Below a folder of the collection's own, which is empty now; the server makes another one in it."""
    store = export.place.store
    folder = own_folder(export, collection)
    export.guard()
    store.delete([item.key for item in store.list_objects(folder)])
    uri = snapshots.snapshot_uri(export.place.bucket, folder.rstrip("/"))
    return snapshots.begin_export(export.source.server, collection.name, export.snapshot, uri)


def own_folder(export: Export, collection: Collection) -> str:
    """Where it is exported to, and emptied first. Raises C(source_changed) where the backup needs what lies there."""
    layout = export.place.layout
    folder = f"{layout.bundle}{collection.collection_id}/"
    roots = [layout.directory + bundle_root(item.snapshot.path) for item in export.held if item.snapshot]
    if any(root.startswith(folder) for root in roots):
        raise _changed(collection.name)
    return folder


def _without_snapshot(export: Export, name: CollectionName, error: MilvusOpsError) -> MilvusOpsError:
    """Without the lock the snapshot of this name may be another run's."""
    if error.kind == "lock_held":
        return error
    kept = _dropped(export, name, DROP_SECONDS)
    return error.with_context(state_left=f"{error.failure.state_left}; {kept}") if kept else error


def _drop_leftover(export: Export, name: CollectionName) -> None:
    if not snapshots.has_snapshot(export.source.server, name, export.snapshot):
        return
    kept = _dropped(export, name, LEFTOVER_SECONDS)
    if kept:
        raise MilvusOpsError(
            "timeout",
            "exporting a snapshot",
            str(name),
            f"an export that an earlier run began has not ended: {kept}",
            state_left=NOT_COMMITTED,
            next_step="run the task again when the server has ended it; it gives up by itself after some hours",
            retryable=True,
        )


def _dropped(export: Export, name: CollectionName, seconds: float) -> str:
    """Why the snapshot could not be dropped; empty once it is."""
    end = time.monotonic() + seconds
    while True:
        try:
            snapshots.drop_snapshot(export.source.server, name, export.snapshot)
            return ""
        except MilvusOpsError as error:
            if time.monotonic() > end:
                return (
                    f"the server keeps the snapshot {export.snapshot} of {name}, whose files no garbage collection "
                    f"removes: {error.failure.cause}"
                )
        time.sleep(POLL_SECONDS)


def _wait(export: Export, name: CollectionName, job_id: int, begun: Callable[[int], Step]) -> ExportJob:
    """Poll until the job has ended. Raises when it failed, or did not move for too long."""
    step: Step | None = None
    last: tuple[object, ...] = ()
    since = answered = time.monotonic()
    while True:
        export.guard()
        try:
            job = snapshots.export_job(export.source.server, job_id)
            answered = time.monotonic()
        except MilvusOpsError as error:
            if error.kind not in PASSING_KINDS or time.monotonic() - answered > OUTAGE_SECONDS:
                raise error.with_context(state_left=NOT_COMMITTED) from error
            time.sleep(POLL_SECONDS)
            continue
        if job.failed:
            where = f"{name}, export job {job_id}"
            raise complained("exporting a snapshot", where, job.reason, state_left=NOT_COMMITTED, retryable=True)
        if step is None and job.files:
            step = begun(job.files)
        if step is not None:
            step.reach(job.copied)
        if job.completed:
            return job
        now = (job.state, job.percent, job.copied)
        if now != last:
            last, since = now, time.monotonic()
        elif time.monotonic() - since > STALL_SECONDS:
            raise _stalled(name, job)
        time.sleep(POLL_SECONDS)


def described_snapshot(place: Place, collection_id: int, job: ExportJob) -> SnapshotMeta:
    """The metadata's place below the backup. The server says it with the name that it has for the service."""
    _service, found, below = unquote(job.uri).partition(f"/{place.bucket}/{place.layout.directory}")
    if found and is_metadata_path(below) and below.startswith(f"bundle/{collection_id}/"):
        return SnapshotMeta(below, job.files, job.bytes)
    raise MilvusOpsError(
        "verify_failed",
        "exporting a snapshot",
        job.uri,
        f"the server exported to another place than {place.label}bundle/{collection_id}/",
        state_left=NOT_COMMITTED,
        next_step="see the log of the server",
    )


def _require_whole(export: Export, meta: CollectionMeta) -> None:
    """What the server says it exported lies in the bucket that this run sees."""
    backup = BackupMeta(export.backup_id, export.place.layout.name, "", (meta,), (), format=SNAPSHOT_FORMAT)
    found = examine_bundles(export.place.store, export.place.layout, backup)
    missing = (*(f"{key} is missing" for key in found.missing), *found.lacking)
    if missing:
        raise MilvusOpsError(
            "verify_failed",
            "verifying the exported snapshot",
            export.place.label,
            "; ".join(missing),
            state_left=NOT_COMMITTED,
            next_step="see that backup_bucket_name is a bucket of the service that this server uses, then run it again",
        )


def _require_unchanged(before: Collection, after: Collection) -> None:
    """The metadata and the snapshot are of one moment."""
    if (before.collection_id, before.schema, before.shards) != (after.collection_id, after.schema, after.shards):
        raise _changed(before.name)


def _changed(name: CollectionName) -> MilvusOpsError:
    return MilvusOpsError(
        "source_changed",
        "exporting a snapshot",
        str(name),
        "the schema or the partitions were changed while the snapshot was taken",
        state_left=NOT_COMMITTED,
        next_step="run the task again",
        retryable=True,
    )


def _stalled(name: CollectionName, job: ExportJob) -> MilvusOpsError:
    return MilvusOpsError(
        "timeout",
        "exporting a snapshot",
        f"{name}, export job {job.job_id}",
        f"the job did not move for {STALL_SECONDS:g} seconds: {job.state}, {job.copied} of {job.files} files",
        state_left=f"the server's job goes on; {NOT_COMMITTED}",
        next_step="see the log of the server, then run the task again",
        retryable=True,
    )
