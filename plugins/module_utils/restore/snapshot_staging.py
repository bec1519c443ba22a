# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A staging collection that the server itself makes of a snapshot, by one job, whatever becomes of the run that asked.

The server creates the collection, so it has our markers a moment later only. Until then its name and the server's list
of jobs tell that a restore made it, but not of which collection: it is made again. Two jobs in one collection would
double its rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..errors import MilvusOpsError
from ..milvus import catalog, ddl, snapshots
from ..milvus.catalog import Collection
from ..milvus.complaints import complained
from ..milvus.schema import field_ids, pairs_to_dict
from ..milvus.snapshots import SnapshotJob
from ..naming import (
    BACKUP_PROPERTY,
    CONTENT_PROPERTY,
    PLAN_PROPERTY,
    SOURCE_PROPERTY,
    TARGET_PROPERTY,
    is_carried,
    is_own_property,
    is_staging,
)
from ..progress import Step
from .bulk_staging import NEXT_RUN_LOOKS, UNHEARD_KINDS
from .imported import Imported
from .journal import Journal
from .loading import Counted
from .plan import CollectionRestore
from .request import COUNT
from .staging import TARGET_UNTOUCHED, TTL_PROPERTIES, Build, prove_root_path

LATE_SECONDS = 60.0
"""A request that was not answered may be carried out later; and the job comes some time after its collection."""

JOB_GOES_ON = "the target is untouched; the server's job goes on in the staging collection"


@dataclass(frozen=True)
class SnapshotBegun:
    """A staging collection and its job; C(done) once that was seen to have ended well."""

    collection: Collection
    job_id: int
    done: bool = False


def begin_snapshot(build: Build, plan: CollectionRestore) -> SnapshotBegun:
    """Take over the staging collection of an interrupted run, or let the server make one. Doubt drops it."""
    run = _Run(build, plan)
    staging = catalog.find_collection(build.server, plan.staging)
    if staging is not None:
        if is_staging(plan.staging.name, staging.property_values):
            begun = run.marked(staging)
            if begun is not None:
                return begun
        else:
            run.require_made_by_a_job()
        build.guard()
        ddl.drop_collection(build.server, plan.staging)
    return run.submit()


def fill_snapshot(build: Build, plan: CollectionRestore, begun: SnapshotBegun, step: Step) -> Imported:
    """Wait until the server has brought everything; how many rows that is, only a count tells."""
    run = _Run(build, plan)
    if not begun.done:
        run.wait(begun, step)
        run.require_one_job(begun)
        run.require_same_shape(catalog.describe_collection(build.server, plan.staging))
        run.mark(begun.collection, Journal().finished(0))
    step.reach(step.total)
    return Imported(begun.collection.collection_id, None, exact=False)


def confirm_snapshot(build: Build, plan: CollectionRestore, begun: SnapshotBegun, counted: Counted) -> Counted:
    """Look once more before it gets its name: a second request that came late would have doubled the rows."""
    run = _Run(build, plan)
    run.require_one_job(begun)
    run.require_rows(counted)
    if counted.rows:
        prove_root_path(build.destination, begun.collection, run.give_up)
    found = catalog.describe_collection(build.server, plan.staging)
    if found.consistency_level == plan.source.consistency_level:
        return counted
    was, now = plan.source.consistency_level, found.consistency_level
    lost = f"consistency level {was} of {plan.target}: the server made it {now}"
    return replace(counted, not_carried=(*counted.not_carried, lost))


def snapshot_digest(plan: CollectionRestore) -> str:
    """Stands for exactly this snapshot: a staging collection is continued for the same one only."""
    return hashlib.sha256(str(plan.source.snapshot).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class _Run:
    build: Build
    plan: CollectionRestore

    def submit(self) -> SnapshotBegun:
        build, plan = self.build, self.plan
        build.guard()
        try:
            job_id = snapshots.begin_restore(build.server, plan.staging, plan.snapshot_uri)
        except MilvusOpsError as error:
            job_id = self._late_job() if error.kind in UNHEARD_KINDS else 0
            if not job_id:
                raise error.with_context(
                    operation="asking for the snapshot", where=str(plan.staging), state_left=NEXT_RUN_LOOKS
                ) from error
        staging = catalog.describe_collection(build.server, plan.staging)
        self.mark(staging, Journal((str(job_id),)))
        return SnapshotBegun(staging, job_id)

    def marked(self, staging: Collection) -> SnapshotBegun | None:
        """That of an earlier run; None unless it was begun for the same, and it is known what became of its job."""
        have = staging.property_values
        journal = Journal.read(have)
        if not self._markers().items() <= have.items() or (journal.imported is None and len(journal.job_ids) != 1):
            return None
        if journal.imported is not None:
            return SnapshotBegun(staging, 0, done=True)
        jobs = snapshots.restore_jobs(self.build.server, self.plan.staging)
        known = [job for job in jobs if str(job.job_id) in journal.job_ids and not job.failed]
        return SnapshotBegun(staging, known[0].job_id) if len(jobs) == len(known) == 1 else None

    def require_made_by_a_job(self) -> None:
        """One without markers, whose maker died at once, or a user's. Raises C(target_exists) where no job says so."""
        if self._jobs_once_there_are_any():
            return
        raise MilvusOpsError(
            "target_exists",
            "creating the staging collection",
            str(self.plan.staging),
            "a collection of this name exists, and the server knows no job that made it",
            next_step="rename that collection; drop it if an interrupted restore left it",
        )

    def wait(self, begun: SnapshotBegun, step: Step) -> None:
        def read() -> SnapshotJob:
            job = self._state(begun.job_id)
            if not job.failed:
                step.reach(step.total * job.percent // 100)
            return job

        self.build.patience.until(read, self._completed, self._stalled)

    def _completed(self, job: SnapshotJob) -> bool:
        """Not a part of the question: the reason of a job may read as if that had not been answered."""
        if job.failed:
            where = f"{self.plan.staging}, restore job {job.job_id}"
            raise complained("restoring the snapshot", where, job.reason, state_left=self.give_up(), retryable=True)
        return job.completed

    def require_one_job(self, begun: SnapshotBegun) -> None:
        """The server forgets a job some hours after its end; one that was seen to end well needs no other proof."""
        jobs = snapshots.restore_jobs(self.build.server, self.plan.staging)
        if len(jobs) <= 1 and (begun.done or {job.job_id for job in jobs} <= {begun.job_id}):
            return
        raise MilvusOpsError(
            "ambiguous_import",
            "counting the restore jobs",
            str(self.plan.staging),
            f"{len(jobs)} jobs were begun in the staging collection: {', '.join(str(job.job_id) for job in jobs)}",
            state_left=self.give_up(),
            next_step="see that no other restore runs into this target, then run the task again",
            retryable=True,
        )

    def require_rows(self, counted: Counted) -> None:
        """As many as the source had, where that was counted; with a time to live there are fewer by and by."""
        snapshot, properties = self.plan.source.snapshot, pairs_to_dict(self.plan.source.properties)
        expected = None if snapshot is None or properties.keys() & set(TTL_PROPERTIES) else snapshot.rows
        if counted.method != COUNT or expected in (None, counted.rows):
            return
        raise MilvusOpsError(
            "verify_failed",
            "counting the rows",
            str(self.plan.staging),
            f"count(*) is {counted.rows}, the source counted {expected} before and after its snapshot",
            state_left=self.give_up(),
            next_step="run the task again; if it stays, rows were added and removed at the source in between, or the "
            "server loses some: restore with verify_rows: none under another name, and compare",
            retryable=True,
        )

    def require_same_shape(self, staging: Collection) -> None:
        """What the metadata of the backup says and what the snapshot brought are of one moment, or nearly so."""
        source = self.plan.source
        want, have = field_ids(source.schema), field_ids(staging.schema)
        partitions = {item.name for item in catalog.list_partitions(self.build.server, self.plan.staging)}
        missing = sorted({item.name for item in source.partitions} - partitions)
        if want == have and not missing and staging.shards == source.shards:
            return
        if missing:
            cause = f"partitions are missing: {', '.join(missing)}"
        elif want != have:
            cause = f"the snapshot has other fields ({have}) than the metadata of the backup ({want})"
        else:
            cause = f"the snapshot has {staging.shards} shards, the metadata of the backup {source.shards}"
        raise MilvusOpsError(
            "verify_failed",
            "comparing the restored collection",
            str(self.plan.staging),
            cause,
            state_left=self.give_up(),
            next_step="use another backup: the collection was changed while this one was made",
        )

    def mark(self, staging: Collection, journal: Journal) -> None:
        """Our markers, what the server left out of the properties, and nothing of restores into the source."""
        have = staging.property_values
        properties = {
            key: value
            for key, value in pairs_to_dict(self.plan.source.properties).items()
            if key not in TTL_PROPERTIES and is_carried(key) and have.get(key) != value
        }
        stale = {key: "" for key in have if is_own_property(key)}
        wanted = {**properties, **stale, **self._markers(), **journal.properties}
        ddl.alter_properties(self.build.server, self.plan.staging, wanted, have)

    def give_up(self) -> str:
        ddl.drop_collection(self.build.server, self.plan.staging)
        return TARGET_UNTOUCHED

    def _markers(self) -> Mapping[str, str]:
        content = self.build.request.content
        return {
            BACKUP_PROPERTY: self.build.backup_id,
            SOURCE_PROPERTY: str(self.plan.source_name),
            TARGET_PROPERTY: self.plan.target.name,
            PLAN_PROPERTY: snapshot_digest(self.plan),
            **({CONTENT_PROPERTY: content} if content else {}),
        }

    def _state(self, job_id: int) -> SnapshotJob:
        try:
            return snapshots.restore_job(self.build.server, job_id)
        except MilvusOpsError as error:
            if snapshots.UNKNOWN_JOB not in error.failure.cause:
                raise
            return SnapshotJob(job_id, snapshots.PENDING, percent=0, reason="")

    def _late_job(self) -> int:
        """The job of a request that nobody answered, where there is exactly one; else 0."""
        jobs = self._jobs_once_there_are_any()
        return jobs[0].job_id if len(jobs) == 1 and not jobs[0].failed else 0

    def _jobs_once_there_are_any(self) -> Sequence[SnapshotJob]:
        return self.build.patience.settle(self._jobs, bool, LATE_SECONDS)

    def _jobs(self) -> Sequence[SnapshotJob]:
        if catalog.find_collection(self.build.server, self.plan.staging) is None:
            return ()
        return snapshots.restore_jobs(self.build.server, self.plan.staging)

    def _stalled(self, job: SnapshotJob) -> MilvusOpsError:
        return MilvusOpsError(
            "timeout",
            "restoring the snapshot",
            f"{self.plan.staging}, restore job {job.job_id}",
            f"the job did not move for {self.build.patience.stall_seconds:g} seconds: {job.state} {job.percent}%",
            state_left=JOB_GOES_ON,
            next_step="run the task again: it goes on with this job",
        )
