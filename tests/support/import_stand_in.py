# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of a server that keeps collections and import jobs, at the other end of a real connection.

Its answers are those of Milvus 2.3.5: a job is known by the files it reads, and ends at once.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pymilvus.grpc_gen import common_pb2, milvus_pb2, milvus_pb2_grpc, schema_pb2

NOT_FOUND = common_pb2.Status(code=100, error_code=1, reason="collection not found")
_ids = itertools.count(1000)


@dataclass
class Held:
    """One collection of the stand-in."""

    schema: Any
    properties: list[Any]
    shards: int
    number: int = field(default_factory=lambda: next(_ids))
    partitions: list[str] = field(default_factory=lambda: ["_default"])


@dataclass
class ImportStandIn(milvus_pb2_grpc.MilvusServiceServicer):  # type: ignore[misc]
    """C(rows) are what a job brings, by the partition; C(calls) are the calls that changed something."""

    rows: Mapping[str, int] = field(default_factory=dict)
    collections: dict[str, Held] = field(default_factory=dict)
    jobs: list[Any] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def GetVersion(self, request: Any, context: Any) -> Any:
        return milvus_pb2.GetVersionResponse(version="v2.3.5")

    def DescribeCollection(self, request: Any, context: Any) -> Any:
        held = self.collections.get(request.collection_name)
        if held is None:
            return milvus_pb2.DescribeCollectionResponse(status=NOT_FOUND)
        return milvus_pb2.DescribeCollectionResponse(
            schema=held.schema,
            collectionID=held.number,
            properties=held.properties,
            shards_num=held.shards,
            created_timestamp=int(time.time() * 1000) << 18,
        )

    def CreateCollection(self, request: Any, context: Any) -> Any:
        schema = schema_pb2.CollectionSchema.FromString(request.schema)
        for number, item in enumerate(schema.fields, start=100):
            item.fieldID = number
        self.collections[request.collection_name] = Held(schema, list(request.properties), request.shards_num)
        return self._done(f"create {request.collection_name}")

    def DropCollection(self, request: Any, context: Any) -> Any:
        del self.collections[request.collection_name]
        return self._done(f"drop {request.collection_name}")

    def CreatePartition(self, request: Any, context: Any) -> Any:
        self.collections[request.collection_name].partitions.append(request.partition_name)
        return common_pb2.Status()

    def ShowPartitions(self, request: Any, context: Any) -> Any:
        names = self.collections[request.collection_name].partitions
        return milvus_pb2.ShowPartitionsResponse(partition_names=names, partitionIDs=range(len(names)))

    def GetLoadState(self, request: Any, context: Any) -> Any:
        return milvus_pb2.GetLoadStateResponse(state=common_pb2.LoadState.LoadStateNotLoad)

    def Import(self, request: Any, context: Any) -> Any:
        job = self.add_job(request.collection_name, request.partition_name, *request.files)
        self._done(f"import {request.partition_name}")
        return milvus_pb2.ImportResponse(tasks=[job])

    def ListImportTasks(self, request: Any, context: Any) -> Any:
        return milvus_pb2.ListImportTasksResponse(tasks=self.jobs)

    def GetImportState(self, request: Any, context: Any) -> Any:
        return next(job for job in self.jobs if job.id == request.task)

    def add_job(self, collection: str, partition: str, *files: str, state: str = "ImportCompleted") -> int:
        """A job as if it had been submitted by whoever was here before."""
        infos = {"files": ",".join(files), "partition": partition, "progress_percent": "100"}
        job = milvus_pb2.GetImportStateResponse(
            id=next(_ids),
            collection_id=self.collections[collection].number,
            state=common_pb2.ImportState.Value(state),
            row_count=self.rows.get(partition, 0),
            infos=[common_pb2.KeyValuePair(key=key, value=value) for key, value in infos.items()],
        )
        self.jobs.append(job)
        return int(job.id)

    def _done(self, call: str) -> Any:
        self.calls.append(call)
        return common_pb2.Status()
