# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of the server's own: jobs take them to object storage and back, without a byte through this machine.

A server reaches a snapshot by a URI, here always one of a bucket of its own service, so that no secret is ever sent:
the server would keep it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import MilvusOpsError
from . import sdk
from .collection_name import CollectionName
from .features import SNAPSHOT, has
from .server import Server

SUBMIT_SECONDS = 600.0
"""The server reads the whole description of a snapshot and creates the collection before it answers."""

UNKNOWN_CALL = "UNIMPLEMENTED"
UNKNOWN_JOB = "job not found"
PENDING, COMPLETED, FAILED = "Pending", "Completed", "Failed"
_RESTORE_STATE, _EXPORT_STATE = "RestoreSnapshot", "ExportSnapshot"
TOO_OLD = "snapshots of object storage came to the 3.0 line in August 2026; upgrade the server"


@dataclass(frozen=True)
class SnapshotJob:
    """One job as the server tells it: C(Pending), C(Executing), C(Completed), C(Failed), or C(None)."""

    job_id: int
    state: str
    percent: int
    reason: str

    @property
    def completed(self) -> bool:
        return self.state == COMPLETED

    @property
    def failed(self) -> bool:
        return self.state == FAILED


@dataclass(frozen=True)
class ExportJob(SnapshotJob):
    """C(uri) is that of the metadata file; it and C(bytes) come with the end."""

    files: int
    copied: int
    bytes: int
    uri: str


def snapshot_uri(bucket: str, key: str) -> str:
    """The service is left out: the server knows its own, under the name that it has for it."""
    return f"s3://{bucket}/{key}"


def require_snapshots(server: Server, operation: str) -> None:
    """Raises C(version) or C(requirements) where a snapshot can be neither exported nor brought back.

    The question about a job that does not exist changes nothing, and only a server that knows snapshots of object
    storage knows the question.
    """
    if not has(server.version, SNAPSHOT):
        raise MilvusOpsError(
            "version",
            operation,
            server.options.target,
            f"the server is {server.version}, and snapshots came with 3.0",
            next_step="use a server of 3.0, or a backup of binlogs",
        )
    if not hasattr(sdk.milvus_pb2, "GetExportSnapshotStateRequest"):
        raise MilvusOpsError(
            "requirements",
            operation,
            "pymilvus",
            "the pymilvus that is installed does not know the calls of snapshots",
            next_step="install pymilvus 3.0.2 or newer where the module runs",
        )
    try:
        server.call("GetExportSnapshotState", sdk.milvus_pb2.GetExportSnapshotStateRequest(job_id=0))
    except MilvusOpsError as error:
        if error.failure.cause.startswith(UNKNOWN_CALL):
            raise MilvusOpsError(
                "version",
                operation,
                server.options.target,
                f"the server is {server.version}, and does not know the calls of exported snapshots",
                next_step=TOO_OLD,
            ) from error
        if error.kind not in ("internal", "not_found", "permission"):
            raise


def begin_restore(server: Server, target: CollectionName, uri: str) -> int:
    """Let the server make a new collection of an exported snapshot; the job that fills it.

    The server refuses a name that is taken.
    """
    request = sdk.milvus_pb2.RestoreExternalSnapshotRequest(
        target_collection_name=target.name, snapshot_metadata_uri=uri
    )
    answer = server.call("RestoreExternalSnapshot", request, database=target.database, timeout=SUBMIT_SECONDS)
    return int(answer.job_id)


def restore_job(server: Server, job_id: int) -> SnapshotJob:
    """One job. The server forgets it some hours after its end, and may not know it yet right after its begin."""
    request = sdk.milvus_pb2.GetRestoreSnapshotStateRequest(job_id=job_id)
    return _restore_job(server.call("GetRestoreSnapshotState", request).info)


def restore_jobs(server: Server, target: CollectionName) -> list[SnapshotJob]:
    """Every job into a collection, by its id, so that jobs into an earlier one of its name are not among them."""
    request = sdk.milvus_pb2.ListRestoreSnapshotJobsRequest(collection_name=target.name)
    return [
        _restore_job(info) for info in server.call("ListRestoreSnapshotJobs", request, database=target.database).jobs
    ]


def _restore_job(info: Any) -> SnapshotJob:
    state = sdk.milvus_pb2.RestoreSnapshotState.Name(info.state).removeprefix(_RESTORE_STATE)
    return SnapshotJob(int(info.job_id), state, int(info.progress), str(info.reason))


def create_snapshot(server: Server, name: CollectionName, snapshot: str) -> None:
    """Freeze what is flushed. It keeps its files from the garbage collection until it is dropped."""
    request = sdk.milvus_pb2.CreateSnapshotRequest(collection_name=name.name, name=snapshot)
    server.call("CreateSnapshot", request, database=name.database)


def has_snapshot(server: Server, name: CollectionName, snapshot: str) -> bool:
    request = sdk.milvus_pb2.ListSnapshotsRequest(collection_name=name.name)
    return snapshot in server.call("ListSnapshots", request, database=name.database).snapshots


def drop_snapshot(server: Server, name: CollectionName, snapshot: str) -> None:
    """The server refuses while an export still needs it, and for some moments after that."""
    request = sdk.milvus_pb2.DropSnapshotRequest(collection_name=name.name, name=snapshot)
    server.call("DropSnapshot", request, database=name.database)


def snapshot_moment(server: Server, name: CollectionName, snapshot: str) -> int:
    """The hybrid timestamp that the snapshot stands for."""
    request = sdk.milvus_pb2.DescribeSnapshotRequest(collection_name=name.name, name=snapshot)
    return int(server.call("DescribeSnapshot", request, database=name.database).create_ts)


def begin_export(server: Server, name: CollectionName, snapshot: str, uri: str) -> int:
    """Let the server copy all that the snapshot names to below C(uri); the job that does it."""
    request = sdk.milvus_pb2.ExportSnapshotRequest(collection_name=name.name, name=snapshot, target_s3_path=uri)
    answer = server.call("ExportSnapshot", request, database=name.database, timeout=SUBMIT_SECONDS)
    return int(answer.job_id)


def export_job(server: Server, job_id: int) -> ExportJob:
    info = server.call("GetExportSnapshotState", sdk.milvus_pb2.GetExportSnapshotStateRequest(job_id=job_id)).info
    return ExportJob(
        job_id=int(info.job_id),
        state=sdk.milvus_pb2.ExportSnapshotState.Name(info.state).removeprefix(_EXPORT_STATE),
        percent=int(info.progress),
        reason=str(info.reason),
        files=int(info.total_files),
        copied=int(info.copied_files),
        bytes=int(info.total_bytes),
        uri=str(info.snapshot_metadata_uri),
    )
