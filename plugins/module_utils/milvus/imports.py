# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Import jobs over gRPC, as servers up to 2.3 run them.

The server's own task list is the journal: it names the files of each job and survives a restart (2.3.5 facts,
section 2). A state is never trusted without its rows: a wrong directory imports as completed with none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import MilvusOpsError
from . import sdk
from .collection_name import CollectionName
from .server import Server

COMPLETED = "ImportCompleted"
FAILED_STATES = ("ImportFailed", "ImportFailedAndCleaned")
IMPORT_CALL_SECONDS = 120


@dataclass(frozen=True)
class ImportFiles:
    """What one job reads: a directory of binlogs and, where there are deletes, one of delta logs; both end in C(/)."""

    partition: str
    insert_directory: str
    delta_directory: str = ""

    @property
    def key(self) -> str:
        """How the server's task list spells the files."""
        return f"{self.insert_directory},{self.delta_directory}"


@dataclass(frozen=True)
class ImportJob:
    """One job as the server reports it; C(percent) moves while it works, C(rows) counts only at the end."""

    job_id: int
    collection_id: int
    state: str
    rows: int
    percent: int
    files: str
    partition: str
    failed_reason: str

    @property
    def completed(self) -> bool:
        return self.state == COMPLETED

    @property
    def failed(self) -> bool:
        return self.state in FAILED_STATES


def submit(server: Server, name: CollectionName, files: ImportFiles, *, end_ts: int | None = None) -> int:
    """Start one job and return its id. Submitting the same files twice doubles the rows: callers look first.

    C(end_ts) leaves out what was inserted or deleted from then on, in the unit that the server's line expects.
    """
    options = {"backup": "true"} if end_ts is None else {"backup": "true", "end_ts": str(end_ts)}
    request = sdk.milvus_pb2.ImportRequest(
        collection_name=name.name,
        partition_name=files.partition,
        files=[files.insert_directory, files.delta_directory],
        options=[sdk.common_pb2.KeyValuePair(key=key, value=value) for key, value in options.items()],
    )
    answer = server.call("Import", request, database=name.database, timeout=IMPORT_CALL_SECONDS)
    if len(answer.tasks) != 1:
        raise MilvusOpsError(
            "ambiguous_import",
            "submitting an import job",
            str(name),
            f"the server answered with {len(answer.tasks)} job ids for one job",
            state_left="the job may run in the staging collection; the target is untouched",
            next_step="run the task again: the staging collection is looked at, and built again if in doubt",
        )
    return int(answer.tasks[0])


def list_jobs(server: Server, name: CollectionName, collection_id: int) -> list[ImportJob]:
    """The jobs of one collection; those of an earlier collection of the same name are left out by id."""
    request = sdk.milvus_pb2.ListImportTasksRequest(collection_name=name.name)
    tasks = server.call("ListImportTasks", request, database=name.database).tasks
    jobs = [_job(task) for task in tasks]
    return sorted((job for job in jobs if job.collection_id == collection_id), key=lambda job: job.job_id)


def list_all_jobs(server: Server, timeout: float | None = None) -> list[ImportJob]:
    """The jobs of every collection of the instance, also of those that were dropped (2.3.5 facts, second round 5)."""
    tasks = server.call("ListImportTasks", sdk.milvus_pb2.ListImportTasksRequest(), timeout=timeout).tasks
    return sorted((_job(task) for task in tasks), key=lambda job: job.job_id)


def job_state(server: Server, job_id: int) -> ImportJob:
    return _job(server.call("GetImportState", sdk.milvus_pb2.GetImportStateRequest(task=job_id)))


def _job(answer: Any) -> ImportJob:
    infos = {pair.key: pair.value for pair in answer.infos}
    percent = infos.get("progress_percent", "0")
    return ImportJob(
        job_id=answer.id,
        collection_id=answer.collection_id,
        state=sdk.common_pb2.ImportState.Name(answer.state),
        rows=answer.row_count,
        percent=int(percent) if percent.isdigit() else 0,
        files=infos.get("files", ""),
        partition=infos.get("partition", ""),
        failed_reason=infos.get("failed_reason", ""),
    )
