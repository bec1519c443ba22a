# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building the staging collection: created with its markers, filled by import jobs, each counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..backup.layout import InstanceLayout
from ..errors import MilvusOpsError
from ..milvus import catalog, ddl, imports
from ..milvus.catalog import Collection
from ..milvus.imports import ImportFiles, ImportJob
from ..milvus.schema import field_ids, has_partition_key, pairs_to_dict
from ..milvus.server import Server
from ..naming import BACKUP_PROPERTY, SOURCE_PROPERTY, TARGET_PROPERTY, is_own_property, is_staging
from ..store.base import ObjectStore
from .plan import CollectionRestore

TTL_PROPERTY = "collection.ttl.seconds"
POLL_SECONDS = 0.5
TARGET_UNTOUCHED = "the target is untouched; the staging collection was dropped"


@dataclass(frozen=True)
class Destination:
    """The instance to restore into, and where it keeps its data."""

    server: Server
    store: ObjectStore
    layout: InstanceLayout


@dataclass(frozen=True)
class Imported:
    """A filled staging collection: its id, and the rows that the server says it imported."""

    collection_id: int
    rows: int
    jobs: tuple[int, ...]


def build_staging(
    destination: Destination, plan: CollectionRestore, backup_id: str, *, stall_timeout: float
) -> Imported:
    """Create (or adopt) the staging collection and import every job into it, exactly once."""
    server = destination.server
    staging, running = _adopt(server, plan)
    if staging is None:
        staging = _create(server, plan, backup_id)
        running = {}
    for files in plan.jobs:
        if files not in running:
            running[files] = imports.submit(server, plan.staging, files)
    jobs = _wait(server, plan, list(running.values()), stall_timeout)
    _require_rows(server, plan, jobs)
    _require_one_job_each(server, plan, staging)
    _prove_root_path(destination, plan, staging, jobs)
    return Imported(staging.collection_id, sum(job.rows for job in jobs), tuple(job.job_id for job in jobs))


def _adopt(server: Server, plan: CollectionRestore) -> tuple[Collection | None, dict[ImportFiles, int]]:
    """An interrupted restore's staging collection with its jobs, if it is known what every one of them did.

    Anything in doubt is dropped: a job submitted twice doubles rows, and a failed one leaves rows behind.
    """
    staging = catalog.find_collection(server, plan.staging)
    if staging is None:
        return None, {}
    if not is_staging(plan.staging.name, staging.property_values):
        raise MilvusOpsError(
            "target_exists",
            "creating the staging collection",
            str(plan.staging),
            "a collection of this name exists that no restore made",
            next_step="rename or drop that collection",
        )
    jobs = imports.list_jobs(server, plan.staging, staging.collection_id)
    planned = {(files.partition, files.key): files for files in plan.jobs}
    found = [planned.get((job.partition, job.files)) for job in jobs]
    doubtful = any(job.failed for job in jobs) or None in found or len(set(found)) != len(found)
    if doubtful or not _has_all_partitions(server, plan):
        ddl.drop_collection(server, plan.staging)
        return None, {}
    return staging, {files: job.job_id for files, job in zip(found, jobs, strict=True) if files is not None}


def _create(server: Server, plan: CollectionRestore, backup_id: str) -> Collection:
    """Markers are given at create: up to 2.3.5 a later change of properties is lost at a restart.

    No time to live yet: old rows would expire before they are counted.
    """
    properties = {
        key: value
        for key, value in pairs_to_dict(plan.source.properties).items()
        if key != TTL_PROPERTY and not is_own_property(key)
    }
    markers = {
        BACKUP_PROPERTY: backup_id,
        SOURCE_PROPERTY: str(plan.source_name),
        TARGET_PROPERTY: plan.target.name,
    }
    ddl.create_collection(
        server,
        plan.staging,
        plan.source.schema,
        shards=plan.source.shards,
        consistency_level=plan.source.consistency_level,
        properties={**properties, **markers},
        partitions=len(plan.source.partitions),
    )
    existing = {partition.name for partition in catalog.list_partitions(server, plan.staging)}
    for partition in plan.source.partitions:
        if partition.name not in existing and not has_partition_key(plan.source.schema):
            ddl.create_partition(server, plan.staging, partition.name)
    staging = catalog.describe_collection(server, plan.staging)
    want, have = field_ids(plan.source.schema), field_ids(staging.schema)
    if want != have:
        ddl.drop_collection(server, plan.staging)
        raise MilvusOpsError(
            "version",
            "creating the staging collection",
            str(plan.staging),
            f"the server gave the fields other ids ({have}) than the backup has ({want}), and imports go by id",
            state_left=TARGET_UNTOUCHED,
            next_step="restore into the server line that the backup was made on",
        )
    return staging


def _has_all_partitions(server: Server, plan: CollectionRestore) -> bool:
    existing = {partition.name for partition in catalog.list_partitions(server, plan.staging)}
    return {partition.name for partition in plan.source.partitions} <= existing


def _wait(server: Server, plan: CollectionRestore, job_ids: Sequence[int], stall_timeout: float) -> list[ImportJob]:
    """Poll until every job has ended. Raises when one failed, or none moved for C(stall_timeout) seconds."""
    jobs = [imports.job_state(server, job_id) for job_id in job_ids]
    wait = StallClock(stall_timeout)
    while not all(job.completed for job in jobs):
        _raise_if_failed(server, plan, jobs)
        pending = [job for job in jobs if not job.completed]
        if wait.stalled([(job.state, job.percent) for job in jobs]):
            raise MilvusOpsError(
                "timeout",
                "importing",
                str(plan.staging),
                f"no import job moved for {stall_timeout:g} seconds; unfinished: "
                + ", ".join(f"{job.job_id} {job.state} {job.percent}%" for job in pending[:10]),
                state_left="the target is untouched; the jobs go on in the staging collection",
                next_step="run the task again: it adopts these jobs",
            )
        time.sleep(POLL_SECONDS)
        jobs = [job if job.completed else imports.job_state(server, job.job_id) for job in jobs]
    return jobs


class StallClock:
    """Tells when a state has not changed for too long; total time is no sign of trouble in an hours-long import."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._since = clock()
        self._state: object = None

    def stalled(self, state: object) -> bool:
        if state != self._state:
            self._state, self._since = state, self._clock()
        return self._clock() - self._since > self._seconds


def _raise_if_failed(server: Server, plan: CollectionRestore, jobs: Sequence[ImportJob]) -> None:
    failed = next((job for job in jobs if job.failed), None)
    if failed is None:
        return
    ddl.drop_collection(server, plan.staging)
    raise MilvusOpsError(
        "internal",
        "importing",
        f"{plan.staging}, partition {failed.partition}",
        f"import job {failed.job_id} failed on the server: {failed.failed_reason}",
        state_left=TARGET_UNTOUCHED,
        next_step="see the log of the server, then run the task again",
        retryable=True,
    )


def _require_rows(server: Server, plan: CollectionRestore, jobs: Sequence[ImportJob]) -> None:
    """A wrong or empty directory imports as completed with fewer rows; deletes alone may lower the number."""
    imported, expected = sum(job.rows for job in jobs), plan.source.rows
    if imported == expected or (plan.source.has_deletes and imported < expected):
        return
    ddl.drop_collection(server, plan.staging)
    raise MilvusOpsError(
        "verify_failed",
        "counting the imported rows",
        str(plan.staging),
        f"the server imported {imported} rows, the backup has {expected}",
        state_left=TARGET_UNTOUCHED,
        next_step="see that bucket_name is the bucket of this server; then run the task again",
    )


def _require_one_job_each(server: Server, plan: CollectionRestore, staging: Collection) -> None:
    """Two restores into one staging collection would double the rows, and no query would show it."""
    done = [job for job in imports.list_jobs(server, plan.staging, staging.collection_id) if job.completed]
    if len(done) == len(plan.jobs):
        return
    ddl.drop_collection(server, plan.staging)
    raise MilvusOpsError(
        "ambiguous_import",
        "counting the import jobs",
        str(plan.staging),
        f"{len(done)} jobs completed in the staging collection, {len(plan.jobs)} were planned",
        state_left=TARGET_UNTOUCHED,
        next_step="see that no other restore runs into this target, then run the task again",
        retryable=True,
    )


def _prove_root_path(
    destination: Destination, plan: CollectionRestore, staging: Collection, jobs: Sequence[ImportJob]
) -> None:
    """An empty instance cannot prove its root path beforehand; what it just wrote can."""
    prefix = destination.layout.insert_prefix(staging.collection_id)
    if not any(job.rows for job in jobs) or destination.store.has_objects(prefix):
        return
    ddl.drop_collection(destination.server, plan.staging)
    raise MilvusOpsError(
        "root_path",
        "proving the root path of the target",
        f"{destination.store.label}/{prefix}",
        "the server imported rows, but wrote nothing below this prefix",
        state_left=TARGET_UNTOUCHED,
        next_step="set root_path and bucket_name of the target to minio.rootPath and minio.bucketName of its server",
    )
