# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Import jobs as servers from 2.4 on run them. Each time that somebody asks for jobs, they go one step on.

A job is known by its number only: its files are shown when it reads them, and forgotten three hours after its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .calls_ddl import RUNTIME_CHECK
from .model import ALL_PARTITIONS, LOGICAL_BITS, Collection, Segment, World
from .refusals import OTHER, Refused, bad_parameter, failed_import
from .sources import Reading, Source, Unreadable, expand, expand_deletes, read_all_deletes, read_rows
from .storing import store_imported

RETENTION_SECONDS = 10800
MOST_ENTRIES = MOST_JOBS = 1024
FOREVER = (1 << 63) - 1
STAGES = ("Pending", "PreImporting", "Importing", "Completed")
FAILED = "Failed"
SHOWN = {"PreImporting": "Importing"}
PROGRESS = {"Pending": 5, "PreImporting": 30, "Importing": 70, "Completed": 100, FAILED: 0}
OPTIONS = frozenset(
    {"backup", "l0_import", "skip_disk_quota_check", "storage_version", "end_ts", "start_ts", "timeout", "ezk"}
)


@dataclass
class Job:
    """C(collection_name) stays what it was when the job came; C(rows) are those of each source."""

    number: int
    collection: Collection
    collection_name: str
    partition: int
    options: dict[str, str]
    sources: list[Source]
    stage: str = "Pending"
    reason: str = ""
    rows: list[int] = field(default_factory=list)
    ended: float = 0.0

    @property
    def unfinished(self) -> bool:
        return self.stage not in ("Completed", FAILED)

    @property
    def state(self) -> str:
        return SHOWN.get(self.stage, self.stage)

    @property
    def progress(self) -> int:
        return PROGRESS[self.stage]


@dataclass
class Submission:
    """What a client asks for."""

    collection: Collection
    partition: str
    entries: Sequence[Sequence[str]]
    options: dict[str, str]


@dataclass
class Imports:
    """All jobs of a server. Tests steer: no job goes beyond C(hold); C(lost) is what becomes of the next request."""

    world: World
    jobs: list[Job] = field(default_factory=list)
    hold: str = "Completed"
    most: int = MOST_JOBS
    disk_quota: int | None = None
    lost: LostAnswer | None = None
    late: list[tuple[Submission, LostAnswer]] = field(default_factory=list)
    stuck: set[str] = field(default_factory=set)
    """Databases whose calls wait for ever: from 2.6 on, where a durable request finds its objects gone."""

    def create(self, wanted: Submission) -> Job:
        """Raises Refused for what the server checks at once; what is in the files comes out later."""
        job = self._checked(wanted)
        self.jobs.append(job)
        return job

    def receive(self, wanted: Submission) -> Job | None:
        """As M(create), or None where the client is not to have an answer."""
        lost, self.lost = self.lost, None
        if lost is None:
            return self.create(wanted)
        self._checked(wanted)
        if lost.after_asks is not None:
            self.late.append((wanted, lost))
            self._land()
        if lost.timed_out:
            raise Refused(OTHER, "request timeout", http=408)
        return None

    def asked(self) -> None:
        """Somebody asks: jobs go on, old ones are forgotten, and requests under way arrive."""
        for _wanted, lost in self.late:
            if lost.after_asks is not None:
                lost.after_asks -= 1
        self._land()
        for job in self.jobs:
            if job.unfinished:
                self._go_on(job)
        now = self.world.clock.now()
        self.jobs = [job for job in self.jobs if job.unfinished or now - job.ended < RETENTION_SECONDS]

    def restart(self) -> None:
        """Jobs are kept, and begin again."""
        for job in self.jobs:
            if job.unfinished:
                self._forget(job)
                job.stage = "Pending"

    def _land(self) -> None:
        arrived = [item for item in self.late if item[1].after_asks is not None and item[1].after_asks <= 0]
        for wanted, lost in arrived:
            self.late.remove((wanted, lost))
            try:
                self.create(wanted)
            except Refused:
                if self.world.profile.since((2, 6, 0)):
                    self.stuck.add(wanted.collection.database)

    def _checked(self, wanted: Submission) -> Job:
        world, options = self.world, wanted.options
        world.require_open(wanted.collection.database, "writing")
        checked = wanted.collection.properties.get(RUNTIME_CHECK, "").lower() != "true"
        if wanted.collection.schema.functions and checked and world.profile.runtime_check_can_be_off:
            raise failed_import(f"the outputs of functions cannot be given, set {RUNTIME_CHECK}")
        if unknown := options.keys() - OPTIONS - ({"auto_commit"} if world.profile.since((3, 0, 0)) else set()):
            raise failed_import(f"nobody knows the options {sorted(unknown)}")
        is_l0 = options.get("l0_import", "").lower() == "true"
        if not is_l0 and options.get("backup", "").lower() != "true":
            raise failed_import(f"unexpected file type, files={list(wanted.entries)}")
        if not wanted.entries:
            raise bad_parameter("import request is empty")
        if len(wanted.entries) > MOST_ENTRIES:
            raise failed_import(f"The max number of import files should not exceed {MOST_ENTRIES}")
        for entry in wanted.entries:
            if len(entry) not in (1, 2) or (is_l0 and len(entry) != 1):
                raise failed_import(
                    f"too many input paths for binlog import. Valid paths length should be one or two: {entry}"
                )
        partition = ALL_PARTITIONS
        if wanted.partition:
            partition = wanted.collection.partition_id(wanted.partition)
        elif not is_l0:
            raise failed_import("partition not specified")
        if sum(job.unfinished for job in self.jobs) >= self.most:
            self.asked()
            raise failed_import(f"The number of jobs has reached the limit, please try again later. {self.most}")
        sources = self._l0_sources(wanted) if is_l0 else expand(world.objects, wanted.entries)
        if not sources:
            raise failed_import(f"no binlog to import, input={[list(entry) for entry in wanted.entries]}")
        if len(sources) > MOST_ENTRIES:
            raise failed_import(f"The max number of import files should not exceed {MOST_ENTRIES}, got {len(sources)}")
        self._check_quota(sources, options, is_l0)
        self._until(options)
        return Job(world.next_number(), wanted.collection, wanted.collection.name, partition, dict(options), sources)

    def _l0_sources(self, wanted: Submission) -> list[Source]:
        allowed = self.world.profile.l0_import
        if allowed == "off":
            raise failed_import("l0 import is disabled")
        if allowed == "no":
            raise failed_import(f"unexpected file type, files={list(wanted.entries)}")
        if allowed == "one" and len(wanted.entries) > 1:
            raise failed_import("for l0 import, there should be only one path")
        if wanted.collection.loaded:
            raise failed_import("l0 import is not supported for loaded collections, release it first")
        return expand_deletes(self.world.objects, wanted.entries)

    def _check_quota(self, sources: list[Source], options: dict[str, str], is_l0: bool) -> None:
        if self.disk_quota is None:
            return
        line = self.world.profile
        skips = options.get("skip_disk_quota_check") == "true" and line.since((2, 4, 7))
        if skips and (not is_l0 or line.since((2, 5, 0))):
            return
        keys = [key for source in sources for path in source.paths for key in self.world.objects.keys(path)]
        if sum(len(self.world.objects.get(key)) for key in keys) > self.disk_quota:
            raise failed_import("quota exceeded[reason=disk quota exceeded, please allocate more resources]")

    def _until(self, options: dict[str, str]) -> int:
        """Older servers take milliseconds, and do not mind what they get; newer ones check."""
        if "end_ts" not in options:
            return FOREVER
        value = int(options["end_ts"]) if options["end_ts"].isdigit() else -1
        profile = self.world.profile
        if value < 0 or (profile.checks_end_ts and value >> LOGICAL_BITS < 946_684_800_000):
            raise failed_import(f"end_ts={options['end_ts']} is not a valid hybrid timestamp")
        return value << LOGICAL_BITS if profile.end_ts_in_milliseconds else value

    def _go_on(self, job: Job) -> None:
        if job.collection not in self.world.collections:
            self._fail(job, f"collection does not exist, collectionID={job.collection.number}")
            return
        if STAGES.index(job.stage) >= STAGES.index(self.hold):
            return
        job.stage = STAGES[STAGES.index(job.stage) + 1]
        if job.stage == "Importing":
            try:
                self._read(job)
            except Unreadable as error:
                self._fail(job, f"{error}: importing data failed")
        elif job.stage == "Completed":
            self._show(job)

    def _read(self, job: Job) -> None:
        for source in job.sources:
            segment = Segment(self.world.next_number(), job.partition, job.collection.channels[0], job=job.number)
            if job.options.get("l0_import"):
                segment.deletes = read_all_deletes(self.world.objects, source, self._until(job.options))
                segment.level = "L0"
            else:
                segment.rows = read_rows(self.world.objects, source, job.collection.schema, self._how(job.options))
            job.rows.append(len(segment.rows) + len(segment.deletes))
            if segment.rows or segment.deletes:
                store_imported(self.world, job.collection, segment)
                job.collection.segments.append(segment)

    def _how(self, options: dict[str, str]) -> Reading:
        profile = self.world.profile
        version = 2 if options.get("storage_version") == "2" and profile.reads_storage_v2 else 1
        return Reading(version, self._until(options), profile.fills_missing_fields)

    def _show(self, job: Job) -> None:
        """All rows of a job at once; queries of a collection that was loaded before do not see them yet."""
        job.ended = self.world.clock.now()
        for segment in job.collection.segments:
            if segment.job == job.number:
                segment.job = 0
                if job.collection.loaded:
                    job.collection.unseen.add(segment.number)

    def _fail(self, job: Job, reason: str) -> None:
        self._forget(job)
        job.stage, job.reason, job.ended = FAILED, reason, self.world.clock.now()

    def _forget(self, job: Job) -> None:
        job.rows = []
        job.collection.segments = [segment for segment in job.collection.segments if segment.job != job.number]


@dataclass
class LostAnswer:
    """Nobody answers the next create. Its job is there when jobs were asked for so many times, or never (None).

    C(timed_out) where the server says so itself, which goes on with the request all the same.
    """

    after_asks: int | None
    timed_out: bool = False


def described(job: Job) -> dict[str, Any]:
    """Neither files nor rows are shown before the import proper, nor after a failure."""
    details = [
        {
            "fileName": source.file_name,
            "state": job.state,
            "progress": job.progress,
            "totalRows": rows,
            "importedRows": rows if job.stage == "Completed" else 0,
        }
        for source, rows in zip(job.sources, job.rows, strict=False)
    ]
    total = sum(job.rows)
    return {
        "jobId": str(job.number),
        "collectionName": job.collection_name,
        "state": job.state,
        "progress": job.progress,
        "totalRows": total,
        "importedRows": total if job.stage == "Completed" else 0,
        **({"reason": job.reason} if job.reason else {}),
        "details": details,
    }
