# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filling the staging collection by REST jobs, each created once, whatever becomes of the run that created it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import MilvusOpsError
from ..milvus import catalog, ddl
from ..milvus.bulk_imports import BulkImports, BulkJob, BulkState
from ..milvus.catalog import Collection
from ..milvus.complaints import complained
from ..milvus.schema import pairs_to_dict
from ..progress import Step
from .imported import Imported
from .jobs import data_rows
from .journal import Journal
from .plan import CollectionRestore
from .staging import (
    FUNCTION_CHECK_PROPERTY,
    SHOWN_JOBS,
    TARGET_UNTOUCHED,
    Build,
    create_staging,
    find_staging,
    may_have_expired,
    prove_root_path,
    was_created_as,
    without_function_check,
)

LATE_SECONDS = 60.0
"""A create that was not answered may be carried out later: from 2.6 on the server queues it."""

FULL_QUEUE_SECONDS = 5.0
REFUSED_KINDS = frozenset({"credentials", "permission", "quota", "root_path", "throttled", "version"})
"""Answers to a create by which the server says that it made no job."""

UNHEARD_KINDS = frozenset({"ambiguous_import", "timeout", "unreachable"})
NEXT_RUN_LOOKS = "the target is untouched; the next run looks at the staging collection, or builds it again"
JOBS_GO_ON = "the target is untouched; the import jobs go on in the staging collection"


@dataclass(frozen=True)
class BulkBegun:
    """A staging collection, and what is known of its jobs."""

    collection: Collection
    journal: Journal


def begin_bulk(build: Build, plan: CollectionRestore) -> BulkBegun:
    """Take over the staging collection of an interrupted run, or create one. Anything in doubt is dropped."""
    staging = find_staging(build.server, plan)
    if staging is not None:
        journal = _trusted(build, plan, staging)
        if journal is not None:
            return BulkBegun(staging, journal)
        build.guard()
        ddl.drop_collection(build.server, plan.staging)
    build.guard()
    return BulkBegun(create_staging(build, plan), Journal())


def fill_bulk(build: Build, plan: CollectionRestore, begun: BulkBegun, step: Step) -> Imported:
    """Import every job exactly once: the rows first, then the deletes of level zero."""
    run = _Run(build, plan, begun.collection)
    journal, exact = begun.journal, not (_may_be_fewer(plan) or may_have_expired(begun.collection))
    if plan.bulk and journal.imported is None:
        rows = [job for job in plan.bulk if not job.level_zero]
        journal = run.submit(journal, len(rows))
        run.wait(journal, step)
        journal = run.submit(journal, len(plan.bulk))
        states = run.wait(journal, step)
        run.check(journal, states)
        imported = sum(state.total_rows for job, state in zip(plan.bulk, states, strict=True) if not job.level_zero)
        if imported:
            prove_root_path(build.destination, begun.collection, run.give_up)
        journal = journal.finished(imported)
        run.note(journal, _checks_again(build, plan))
    step.reach(step.total)
    return Imported(begun.collection.collection_id, journal.imported or 0, exact)


def _may_be_fewer(plan: CollectionRestore) -> bool:
    return plan.source.has_deletes or plan.cut is not None


def _checks_again(build: Build, plan: CollectionRestore) -> dict[str, str]:
    """The check of functions is on again, unless the backup has it off, as soon as nothing is imported any more."""
    off = without_function_check(build.server.version, plan)
    wanted = pairs_to_dict(plan.source.properties).get(FUNCTION_CHECK_PROPERTY, "false")
    return {FUNCTION_CHECK_PROPERTY: wanted} if off else {}


def _trusted(build: Build, plan: CollectionRestore, staging: Collection) -> Journal | None:
    """The journal of an earlier run, None where it does not say for certain what is in the collection.

    A job submitted twice doubles rows, one that failed or is forgotten may have left some.
    """
    if not was_created_as(build, plan, staging):
        return None
    journal = Journal.read(staging.property_values)
    if journal.imported is not None:
        return journal
    if catalog.load_state(build.server, staging.name) != "NotLoad" or len(journal.job_ids) > len(plan.bulk):
        return None
    run = _Run(build, plan, staging)
    if journal.begun:
        job_id = run.late_job(journal) if len(journal.job_ids) < len(plan.bulk) else None
        if job_id is None:
            return None
        journal = journal.created(job_id)
        run.note(journal)
    return journal if run.knows(journal) else None


@dataclass(frozen=True)
class _Run:
    """The jobs of one staging collection."""

    build: Build
    plan: CollectionRestore
    staging: Collection

    @property
    def imports(self) -> BulkImports:
        found = self.build.destination.bulk
        if found is None:
            raise ValueError("this server has no import by REST")
        return found

    def note(self, journal: Journal, more: dict[str, str] | None = None) -> None:
        current = self.staging.property_values
        ddl.alter_properties(self.build.server, self.plan.staging, {**journal.properties, **(more or {})}, current)

    def submit(self, journal: Journal, until: int) -> Journal:
        """Create the jobs of the plan up to, and without, this one, as far as that has not been done."""
        if len(journal.job_ids) >= until:
            return journal
        for job in self.plan.bulk[len(journal.job_ids) : until]:
            self.build.guard()
            self.note(journal.begin())
            journal = journal.created(self._create(journal, job))
        self.note(journal)
        return journal

    def wait(self, journal: Journal, step: Step) -> list[BulkState]:
        """Poll until every job has ended. Raises when one failed, or none moved for too long."""
        ended: dict[str, BulkState] = {}
        deletes = sum(job.level_zero for job in self.plan.bulk)

        def read() -> list[BulkState]:
            states = [ended.get(job_id) or self._state(job_id) for job_id in journal.job_ids]
            ended.update({state.job_id: state for state in states if state.completed})
            jobs = max(1, len(self.plan.bulk) - deletes)
            step.reach(min(step.total, step.total * sum(state.percent for state in states) // (100 * jobs)))
            return states

        return self.build.patience.until(read, self._completed, self._stalled)

    def check(self, journal: Journal, states: Sequence[BulkState]) -> None:
        """Each server line hides one kind of shortfall: an empty directory, a job too many, rows that are missing."""
        for job, state in zip(self.plan.bulk, states, strict=True):
            if state.segments and state.segments != job.segments:
                missing, more = job.segments - state.segments, state.segments - job.segments
                cause = f"of {len(job.segments)} segments of job {state.job_id} the server left out {sorted(missing)}"
                raise self._wrong(cause if missing else f"job {state.job_id} read segments of others: {sorted(more)}")
        unknown = self._unknown(journal)
        if unknown:
            raise self._wrong(f"jobs were begun that this restore did not begin: {', '.join(unknown)}")
        rows = sum(state.total_rows for job, state in zip(self.plan.bulk, states, strict=True) if not job.level_zero)
        expected = data_rows(self.plan.source)
        if rows > expected or (rows < expected and not _may_be_fewer(self.plan)):
            raise self._wrong(f"the server imported {rows} rows, the backup has {expected}")

    def knows(self, journal: Journal) -> bool:
        """Whether the server knows every job of the journal, none has failed, and there is none beside them."""
        try:
            states = [self._state(job_id) for job_id in journal.job_ids]
        except MilvusOpsError as error:
            if error.kind != "ambiguous_import":
                raise
            return False
        return not any(state.failed for state in states) and not self._unknown(journal)

    def late_job(self, journal: Journal) -> str | None:
        """The job of a create that was not answered, once it is certain that there is one, and which."""
        job = self.plan.bulk[len(journal.job_ids)]

        def look() -> list[BulkState]:
            return [self._state(job_id) for job_id in self._unknown(journal)]

        def is_clear(states: list[BulkState]) -> bool:
            return bool(states) and all(state.files or state.ended for state in states)

        found = self.build.patience.settle(look, is_clear, LATE_SECONDS)
        if len(found) == 1 and found[0].segments == job.segments and not found[0].failed:
            return found[0].job_id
        return None

    def give_up(self) -> str:
        """Drop a poisoned staging collection; its jobs fail by themselves within some minutes."""
        ddl.drop_collection(self.build.server, self.plan.staging)
        return TARGET_UNTOUCHED

    def _create(self, journal: Journal, job: BulkJob) -> str:
        request = self.build.request
        try:
            return self.build.patience.when_there_is_room(
                lambda: self.imports.create(
                    self.plan.staging, job, end_ts=self.plan.cut, skip_disk_quota=request.skip_disk_quota
                ),
                FULL_QUEUE_SECONDS,
            )
        except MilvusOpsError as error:
            if error.kind in REFUSED_KINDS:
                self.note(journal.refused())
            job_id = self.late_job(journal) if error.kind in UNHEARD_KINDS else None
            if job_id is None:
                where = f"{self.plan.staging}, partition {job.partition or 'all'}"
                raise error.with_context(
                    operation="submitting an import job", where=where, state_left=NEXT_RUN_LOOKS
                ) from error
            return job_id

    def _state(self, job_id: str) -> BulkState:
        return self.imports.state(self.plan.staging, job_id)

    def _unknown(self, journal: Journal) -> list[str]:
        return sorted(set(self.imports.job_ids(self.plan.staging)) - set(journal.job_ids))

    def _completed(self, states: Sequence[BulkState]) -> bool:
        """Not a part of the question: the reason of a job may read as if that had not been answered."""
        failed = next((state for state in states if state.failed), None)
        if failed is None:
            return all(state.completed for state in states)
        where = f"{self.plan.staging}, import job {failed.job_id}"
        raise complained("importing", where, failed.reason, state_left=self.give_up(), retryable=True)

    def _stalled(self, states: Sequence[BulkState]) -> MilvusOpsError:
        waiting = [f"{state.job_id} {state.state} {state.percent}%" for state in states if not state.ended]
        return MilvusOpsError(
            "timeout",
            "importing",
            str(self.plan.staging),
            f"no import job moved for {self.build.patience.stall_seconds:g} seconds; "
            f"unfinished: {', '.join(waiting[:SHOWN_JOBS])}",
            state_left=JOBS_GO_ON,
            next_step="run the task again: it adopts these jobs",
        )

    def _wrong(self, cause: str) -> MilvusOpsError:
        return MilvusOpsError(
            "verify_failed",
            "checking the import jobs",
            str(self.plan.staging),
            cause,
            state_left=self.give_up(),
            next_step="see that bucket_name is the bucket of this server, and that no other restore runs into this "
            "target; then run the task again",
            retryable=True,
        )
