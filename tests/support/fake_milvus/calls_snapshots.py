# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of snapshots, from 3.0 on; those of object storage came to that line later."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from pymilvus.grpc_gen import common_pb2, milvus_pb2

from .model import World
from .refusals import bad_parameter, failed_import
from .snapshots import PROGRESS, Job, Snapshots

Answer = Callable[[World, Any, str], Any]
NAME = "collection_name"
EXTERNAL = frozenset({"ExportSnapshot", "GetExportSnapshotState", "RestoreExternalSnapshot"})


def calls_of(snapshots: Snapshots) -> dict[str, tuple[Answer, tuple[str, ...]]]:
    """The methods with the fields of their requests."""
    found = {**_of_snapshots(snapshots), **_of_exports(snapshots), **_of_restores(snapshots)}
    return {name: (_from_3_0(answer, external=name in EXTERNAL), fields) for name, (answer, fields) in found.items()}


def _from_3_0(answer: Answer, *, external: bool) -> Answer:
    @wraps(answer)
    def asked(world: World, request: Any, database: str) -> Any:
        profile = world.profile
        if not (profile.exports_snapshots if external else profile.takes_snapshots):
            raise NotImplementedError
        if getattr(request, "external_spec", ""):
            raise bad_parameter("a secret in a request is kept by the server: nothing here has a reason to send one")
        return answer(world, request, database)

    return asked


def _of_snapshots(snapshots: Snapshots) -> dict[str, tuple[Answer, tuple[str, ...]]]:
    def create(world: World, request: Any, database: str) -> Any:
        snapshots.create(world.find(database, request.collection_name), request.name)
        return common_pb2.Status()

    def drop(world: World, request: Any, database: str) -> Any:
        snapshots.asked()
        snapshots.drop(world.find(database, request.collection_name), request.name)
        return common_pb2.Status()

    def names(world: World, request: Any, database: str) -> Any:
        collection = world.find(database, request.collection_name)
        held = [item.name for item in snapshots.taken if item.collection is collection]
        return milvus_pb2.ListSnapshotsResponse(snapshots=held)

    def describe(world: World, request: Any, database: str) -> Any:
        found = snapshots.named(world.find(database, request.collection_name), request.name)
        return milvus_pb2.DescribeSnapshotResponse(
            name=found.name,
            collection_name=found.collection.name,
            partition_names=list(found.collection.partitions),
            create_ts=found.created,
        )

    return {
        "CreateSnapshot": (create, ("name", "description", NAME, "compaction_protection_seconds")),
        "DropSnapshot": (drop, ("name", NAME)),
        "ListSnapshots": (names, (NAME,)),
        "DescribeSnapshot": (describe, ("name", NAME)),
    }


def _of_exports(snapshots: Snapshots) -> dict[str, tuple[Answer, tuple[str, ...]]]:
    def export(world: World, request: Any, database: str) -> Any:
        collection = world.find(database, request.collection_name)
        job = snapshots.export(collection, request.name, request.target_s3_path)
        return milvus_pb2.ExportSnapshotResponse(job_id=job.number)

    def state(_world: World, request: Any, _database: str) -> Any:
        snapshots.asked()
        job = _found(snapshots.exports, request.job_id, "snapshot export")
        done = job.stage == "Completed"
        info = milvus_pb2.ExportSnapshotInfo(
            job_id=job.number,
            snapshot_name=job.snapshot_name,
            collection_name=job.collection_name,
            state=milvus_pb2.ExportSnapshotState.Value(f"ExportSnapshot{job.stage}"),
            progress=PROGRESS[job.stage],
            reason=job.reason,
            total_files=job.files,
            copied_files=job.files,
            total_bytes=job.size if done else 0,
            snapshot_metadata_uri=job.uri if done else "",
        )
        return milvus_pb2.GetExportSnapshotStateResponse(info=info)

    return {
        "ExportSnapshot": (export, ("name", NAME, "target_s3_path", "external_spec")),
        "GetExportSnapshotState": (state, ("job_id",)),
    }


def _of_restores(snapshots: Snapshots) -> dict[str, tuple[Answer, tuple[str, ...]]]:
    def restore(world: World, request: Any, database: str) -> Any:
        database = world.database(database)
        job = snapshots.restore(database, request.target_collection_name, request.snapshot_metadata_uri)
        return milvus_pb2.RestoreExternalSnapshotResponse(job_id=job.number)

    def jobs(world: World, request: Any, database: str) -> Any:
        snapshots.asked()
        collection = world.find(database, request.collection_name)
        infos = [_restore_info(job) for job in snapshots.restores if job.collection is collection]
        return milvus_pb2.ListRestoreSnapshotJobsResponse(jobs=infos)

    def state(_world: World, request: Any, _database: str) -> Any:
        snapshots.asked()
        info = _restore_info(_found(snapshots.restores, request.job_id, "restore"))
        return milvus_pb2.GetRestoreSnapshotStateResponse(info=info)

    return {
        "RestoreExternalSnapshot": (restore, ("target_collection_name", "snapshot_metadata_uri", "external_spec")),
        "ListRestoreSnapshotJobs": (jobs, (NAME,)),
        "GetRestoreSnapshotState": (state, ("job_id",)),
    }


def _found(jobs: list[Job], number: int, kind: str) -> Job:
    job = next((job for job in jobs if job.number == number), None)
    if job is None:
        raise failed_import(f"{kind} job not found: jobID={number}")
    return job


def _restore_info(job: Job) -> Any:
    return milvus_pb2.RestoreSnapshotInfo(
        job_id=job.number,
        snapshot_name=job.snapshot_name,
        collection_name=job.collection_name,
        state=milvus_pb2.RestoreSnapshotState.Value(f"RestoreSnapshot{job.stage}"),
        progress=PROGRESS[job.stage],
        reason=job.reason,
    )
