# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports by gRPC, which from 2.4 on are a thin cover of the jobs: neither files nor the number of a collection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pymilvus.grpc_gen import common_pb2, milvus_pb2

from .imports import Imports, Job, Submission
from .model import World
from .refusals import failed_import

Pair = common_pb2.KeyValuePair
STATES = {
    "Pending": "ImportPending",
    "PreImporting": "ImportStarted",
    "Importing": "ImportStarted",
    "Completed": "ImportCompleted",
    "Failed": "ImportFailed",
}
Answer = Callable[[World, Any, str], Any]


def calls_of(imports: Imports) -> dict[str, tuple[Answer, tuple[str, ...]]]:
    """The three methods with the fields of their requests."""

    def submit(world: World, request: Any, database: str) -> Any:
        collection = world.find(database, request.collection_name)
        entry = [path for path in request.files if path]
        options = {pair.key: pair.value for pair in request.options}
        job = imports.create(Submission(collection, request.partition_name, [entry], options))
        return milvus_pb2.ImportResponse(tasks=[job.number])

    def list_jobs(world: World, request: Any, database: str) -> Any:
        imports.asked()
        return milvus_pb2.ListImportTasksResponse(
            tasks=[
                milvus_pb2.GetImportStateResponse(state=_state(job), infos=_infos(job))
                for job in imports.jobs
                if job.collection.database == database
                and (not request.collection_name or job.collection is world.find(database, request.collection_name))
            ]
        )

    def state(_world: World, request: Any, _database: str) -> Any:
        imports.asked()
        job = next((job for job in imports.jobs if job.number == request.task), None)
        if job is None:
            raise failed_import(f"import job does not exist, jobID={request.task}")
        return milvus_pb2.GetImportStateResponse(state=_state(job), row_count=sum(job.rows), infos=_infos(job))

    return {
        "Import": (submit, ("collection_name", "partition_name", "files", "options")),
        "ListImportTasks": (list_jobs, ("collection_name", "limit")),
        "GetImportState": (state, ("task",)),
    }


def _state(job: Job) -> int:
    return int(common_pb2.ImportState.Value(STATES[job.stage]))


def _infos(job: Job) -> list[Any]:
    infos = {"progress_percent": str(job.progress), "failed_reason": job.reason}
    return [Pair(key=key, value=value) for key, value in infos.items() if value]
