# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building the staging collection: created with its markers, filled by import jobs, each counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..backup.layout import InstanceLayout
from ..errors import MilvusOpsError
from ..milvus import catalog, ddl, imports
from ..milvus.bulk_imports import BulkImports
from ..milvus.catalog import Collection
from ..milvus.features import FUNCTION_CHECK, has, import_end_ts
from ..milvus.field_order import FieldOrder, field_order
from ..milvus.imports import ImportFiles, ImportJob
from ..milvus.schema import field_ids, has_partition_key, pairs_to_dict
from ..milvus.server import Server
from ..naming import (
    BACKUP_PROPERTY,
    CONTENT_PROPERTY,
    PLAN_PROPERTY,
    SOURCE_PROPERTY,
    TARGET_PROPERTY,
    is_carried,
    is_staging,
)
from ..progress import Step
from ..store.base import ObjectStore
from .bulk_jobs import bulk_digest
from .imported import Imported
from .jobs import data_rows
from .plan import CollectionRestore
from .request import RestoreRequest
from .waiting import Patience

TTL_PROPERTIES = ("collection.ttl.seconds", "ttl_field")
"""What makes rows expire: by their age, or from 3.0 on by a field of theirs."""

FUNCTION_CHECK_PROPERTY = "disable_func_runtime_check"
TARGET_UNTOUCHED = "the target is untouched; the staging collection was dropped"
SHOWN_JOBS = 10
QUIET_SECONDS = 90
"""After a restart or a failed job the queue moves only once in 60 seconds (2.3.5 facts, second round 2)."""

TASKS_KNOWN_SECONDS = 12 * 3600
"""The server forgets finished jobs after 24 hours (2.3.5 facts, section 2)."""


@dataclass(frozen=True)
class Destination:
    """The instance to restore into, and where it keeps its data."""

    server: Server
    store: ObjectStore
    layout: InstanceLayout
    bulk: BulkImports | None = None
    """Its import jobs, where it runs them by REST."""


@dataclass(frozen=True)
class Build:
    """What the parts of one run share; C(guard) raises when the run may not write any more (a lost lock)."""

    destination: Destination
    backup_id: str
    request: RestoreRequest
    patience: Patience
    guard: Callable[[], None]

    @property
    def server(self) -> Server:
        return self.destination.server


@dataclass(frozen=True)
class Begun:
    """A staging collection, and the jobs that an earlier run submitted to it, by what they read."""

    collection: Collection
    jobs: Mapping[ImportFiles, int]


def begin_staging(build: Build, plan: CollectionRestore) -> Begun:
    """Take over the staging collection of an interrupted run, or create one."""
    begun = _adopt(build, plan)
    if begun is None:
        build.guard()
        begun = Begun(create_staging(build, plan), {})
    return begun


def fill_staging(build: Build, plan: CollectionRestore, begun: Begun, step: Step) -> Imported:
    """Import every job into the staging collection, exactly once."""
    server, staging, running = build.server, begun.collection, dict(begun.jobs)
    end_ts = None if plan.cut is None else import_end_ts(server.version, plan.cut)
    for files in plan.jobs:
        if files not in running:
            build.guard()
            running[files] = imports.submit(server, plan.staging, files, end_ts=end_ts)
    jobs = _wait(build, plan, staging, list(running.values()), step)
    if not build.request.meta_only:
        _require_rows(server, plan, staging, jobs, may_be_fewer=plan.cut is not None)
    _require_one_job_each(server, plan, staging)
    if any(job.rows for job in jobs):
        prove_root_path(build.destination, staging, lambda: _give_up(server, plan, staging))
    return Imported(staging.collection_id, sum(job.rows for job in jobs), exact=not may_have_expired(staging))


def _adopt(build: Build, plan: CollectionRestore) -> Begun | None:
    """An interrupted restore's staging collection with its jobs, if it is known what every one of them did.

    Anything in doubt is dropped: a job submitted twice doubles rows, and a failed one leaves rows behind.
    """
    server = build.server
    staging = find_staging(server, plan)
    if staging is None:
        return None
    jobs = imports.list_jobs(server, plan.staging, staging.collection_id)
    planned = {(files.partition, files.key): files for files in plan.jobs}
    found = [planned.get((job.partition, job.files)) for job in jobs]
    doubtful = any(job.failed for job in jobs) or None in found or len(set(found)) != len(found)
    if (
        doubtful
        or not was_created_as(build, plan, staging)
        or (len(found) < len(plan.jobs) and _is_late(server, staging))
    ):
        _let_jobs_end(build, plan, staging)
        build.guard()
        ddl.drop_collection(server, plan.staging)
        return None
    return Begun(staging, {files: job.job_id for files, job in zip(found, jobs, strict=True) if files is not None})


def find_staging(server: Server, plan: CollectionRestore) -> Collection | None:
    """The staging collection that an earlier run left. Raises C(target_exists) for one that is a user's."""
    staging = catalog.find_collection(server, plan.staging)
    if staging is None or is_staging(plan.staging.name, staging.property_values):
        return staging
    raise MilvusOpsError(
        "target_exists",
        "creating the staging collection",
        str(plan.staging),
        "a collection of this name exists that no restore made",
        next_step="rename or drop that collection",
    )


def may_have_expired(staging: Collection) -> bool:
    """Whether a run before this one had counted it, and ended while it gave it its name: its rows expire since then."""
    return any(staging.property_values.get(key) for key in TTL_PROPERTIES)


def _let_jobs_end(build: Build, plan: CollectionRestore, staging: Collection) -> None:
    """Wait until no job writes into a collection that is to be dropped, or none has moved for a while.

    Measured on 2.3.5: a job that loses its collection while it works stays at 90 % for minutes, fails, and is followed
    by the next job of the instance up to a minute later; with its collection it ends within seconds. One that a restart
    of the server has lost stays C(Started) for a quarter of an hour, and holds up nothing.
    """
    build.patience.settle(
        lambda: imports.list_jobs(build.server, plan.staging, staging.collection_id),
        lambda jobs: all(job.completed or job.failed for job in jobs),
        QUIET_SECONDS,
    )


def _others(server: Server, job_ids: Sequence[int]) -> int:
    """The server does one job after another, so those of others may be what a restore waits for."""
    jobs = imports.list_all_jobs(server)
    return sum(not (job.completed or job.failed) and job.job_id not in job_ids for job in jobs)


def _unfinished(jobs: Sequence[ImportJob]) -> str:
    pending = [f"{job.job_id} {job.state} {job.percent}%" for job in jobs if not (job.completed or job.failed)]
    return ", ".join(pending[:SHOWN_JOBS])


def _give_up(server: Server, plan: CollectionRestore, staging: Collection) -> str:
    """Drop a poisoned staging collection, or leave that to the next run while jobs work on it; the state, in words."""
    jobs = imports.list_jobs(server, plan.staging, staging.collection_id)
    if not all(job.completed or job.failed for job in jobs):
        return f"the target is untouched; other jobs still write into {plan.staging.name}, which the next run drops"
    ddl.drop_collection(server, plan.staging)
    return TARGET_UNTOUCHED


def was_created_as(build: Build, plan: CollectionRestore, staging: Collection) -> bool:
    """Whether the staging collection was begun by a run that was asked for the same."""
    have, wanted = staging.property_values, dict(_properties(build, plan))
    wanted.pop(FUNCTION_CHECK_PROPERTY, None)  # another one for as long as something is imported
    return (
        wanted.items() <= have.items()
        and have.get(CONTENT_PROPERTY, "") == build.request.content
        and staging.shards == _shards(build, plan)
        and _has_its_fields(build, plan, staging)
        and _has_all_partitions(build.server, plan)
    )


def _is_late(server: Server, staging: Collection) -> bool:
    """Whether a missing job may have been submitted all the same, or would bring its rows too late to be counted.

    The server forgets old jobs, and shows the rows of a job in a loaded collection only some seconds after it.
    """
    age = time.time() - (staging.created >> 18) / 1000
    return age > TASKS_KNOWN_SECONDS or catalog.load_state(server, staging.name) != "NotLoad"


def create_staging(build: Build, plan: CollectionRestore) -> Collection:
    server, source = build.server, plan.source
    fields = FieldOrder(source.schema) if build.request.meta_only else field_order(source.schema)
    ddl.create_collection(
        server,
        plan.staging,
        fields.schema,
        shards=_shards(build, plan),
        consistency_level=source.consistency_level,
        properties={**_properties(build, plan), **without_function_check(server.version, plan)},
        partitions=len(source.partitions),
    )
    for field in fields.added:
        ddl.add_field(server, plan.staging, field)
    existing = {partition.name for partition in catalog.list_partitions(server, plan.staging)}
    for partition in source.partitions:
        if partition.name not in existing and not has_partition_key(source.schema):
            ddl.create_partition(server, plan.staging, partition.name)
    staging = catalog.describe_collection(server, plan.staging)
    if not _has_its_fields(build, plan, staging):
        want, have = field_ids(source.schema), field_ids(staging.schema)
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


def _properties(build: Build, plan: CollectionRestore) -> Mapping[str, str]:
    """Markers are given at create: up to 2.3.5 a later change of properties is lost at a restart.

    No time to live yet: old rows would expire before they are counted.
    """
    properties = {
        key: value
        for key, value in pairs_to_dict(plan.source.properties).items()
        if key not in TTL_PROPERTIES and is_carried(key)
    }
    markers = {
        BACKUP_PROPERTY: build.backup_id,
        SOURCE_PROPERTY: str(plan.source_name),
        TARGET_PROPERTY: plan.target.name,
    }
    content = {CONTENT_PROPERTY: build.request.content} if build.request.content else {}
    jobs = {PLAN_PROPERTY: bulk_digest(plan.bulk)} if plan.bulk else {}
    return {**properties, **markers, **content, **jobs}


def without_function_check(version: str, plan: CollectionRestore) -> Mapping[str, str]:
    """A function's output is imported as it was, not computed again; the service behind it may not even be there.

    Where nothing is imported the check stays as it is: nobody would set it back.
    """
    if plan.bulk and plan.source.schema.get("functions") and has(version, FUNCTION_CHECK):
        return {FUNCTION_CHECK_PROPERTY: "true"}
    return {}


def _shards(build: Build, plan: CollectionRestore) -> int:
    return build.request.shards or plan.source.shards


def _has_its_fields(build: Build, plan: CollectionRestore, staging: Collection) -> bool:
    """Every one, with the number that imports go by."""
    return build.request.meta_only or field_ids(staging.schema) == field_ids(plan.source.schema)


def _has_all_partitions(server: Server, plan: CollectionRestore) -> bool:
    existing = {partition.name for partition in catalog.list_partitions(server, plan.staging)}
    return {partition.name for partition in plan.source.partitions} <= existing


def _wait(
    build: Build, plan: CollectionRestore, staging: Collection, job_ids: Sequence[int], step: Step
) -> list[ImportJob]:
    """Poll until every job has ended. Raises when one failed, or none moved for too long."""
    ended: dict[int, ImportJob] = {}

    def read() -> list[ImportJob]:
        jobs = [ended.get(job_id) or imports.job_state(build.server, job_id) for job_id in job_ids]
        ended.update({job.job_id: job for job in jobs if job.completed})
        _raise_if_failed(build.server, plan, staging, jobs)
        step.reach(_rows_so_far(jobs, step.total))
        return jobs

    def stalled(jobs: list[ImportJob]) -> MilvusOpsError:
        return MilvusOpsError(
            "timeout",
            "importing",
            str(plan.staging),
            f"no import job moved for {build.patience.stall_seconds:g} seconds; unfinished: {_unfinished(jobs)}; "
            f"unfinished jobs of other collections on this server: {_others(build.server, job_ids)}",
            state_left="the target is untouched; the jobs go on in the staging collection",
            next_step="run the task again: it adopts these jobs",
        )

    return build.patience.until(read, lambda jobs: all(job.completed for job in jobs), stalled)


def _rows_so_far(jobs: Sequence[ImportJob], total: int) -> int:
    """Exact for jobs that have ended; the others share the rest, each by its percentage."""
    ended = sum(job.rows for job in jobs if job.completed)
    percents = [job.percent for job in jobs if not job.completed]
    return ended + (max(0, total - ended) * sum(percents) // (100 * len(percents)) if percents else 0)


def _raise_if_failed(server: Server, plan: CollectionRestore, staging: Collection, jobs: Sequence[ImportJob]) -> None:
    failed = next((job for job in jobs if job.failed), None)
    if failed is None:
        return
    raise MilvusOpsError(
        "internal",
        "importing",
        f"{plan.staging}, partition {failed.partition}",
        f"import job {failed.job_id} failed on the server: {failed.failed_reason}",
        state_left=_give_up(server, plan, staging),
        next_step="see the log of the server, then run the task again",
        retryable=True,
    )


def _require_rows(
    server: Server, plan: CollectionRestore, staging: Collection, jobs: Sequence[ImportJob], *, may_be_fewer: bool
) -> None:
    """A wrong or empty directory imports as completed with fewer rows; deletes or a cut alone may lower the number."""
    imported, expected = sum(job.rows for job in jobs), data_rows(plan.source)
    if imported == expected or ((may_be_fewer or plan.source.has_deletes) and imported < expected):
        return
    raise MilvusOpsError(
        "verify_failed",
        "counting the imported rows",
        str(plan.staging),
        f"the server imported {imported} rows, the backup has {expected}",
        state_left=_give_up(server, plan, staging),
        next_step="see that bucket_name is the bucket of this server; then run the task again",
    )


def _require_one_job_each(server: Server, plan: CollectionRestore, staging: Collection) -> None:
    """Two restores into one staging collection would double the rows, and no query would show it."""
    jobs = imports.list_jobs(server, plan.staging, staging.collection_id)
    if len(jobs) == len(plan.jobs):
        return
    raise MilvusOpsError(
        "ambiguous_import",
        "counting the import jobs",
        str(plan.staging),
        f"{len(jobs)} jobs were begun in the staging collection, {len(plan.jobs)} were planned",
        state_left=_give_up(server, plan, staging),
        next_step="see that no other restore runs into this target, then run the task again",
        retryable=True,
    )


def prove_root_path(destination: Destination, staging: Collection, give_up: Callable[[], str]) -> None:
    """An empty instance cannot prove its root path beforehand; what it just wrote can."""
    prefix = destination.layout.insert_prefix(staging.collection_id)
    if destination.store.has_objects(prefix):
        return
    raise MilvusOpsError(
        "root_path",
        "proving the root path of the target",
        f"{destination.store.label}/{prefix}",
        "the server imported rows, but wrote nothing below this prefix",
        state_left=give_up(),
        next_step="set root_path and bucket_name of the target to minio.rootPath and minio.bucketName of its server",
    )
