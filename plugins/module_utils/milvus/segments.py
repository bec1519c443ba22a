# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sealing and listing segments: what exactly belongs to a backup."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import MilvusOpsError
from . import sdk
from .collection_name import CollectionName
from .server import Server

FLUSH_POLL_SECONDS = 0.2
TIMESTAMP_STEP_SECONDS = 0.1
"""The clock of the timestamps goes on by 50 ms each time (measured on 2.3.5); and as much again for a busy server."""


@dataclass(frozen=True)
class Segment:
    """One persistent segment. C(rows) counts deleted rows too; C(state) is the server's word."""

    segment_id: int
    collection_id: int
    partition_id: int
    rows: int
    state: str
    level: str
    storage_version: int


@dataclass(frozen=True)
class FlushPoint:
    """The moment of a flush: C(timestamp) is hybrid (0 where the server names none), C(sealed_at) Unix seconds.

    C(checkpoints) are the positions in the channels, from 2.3.22 on, as the backup format writes them.
    """

    timestamp: int
    sealed_at: int
    checkpoints: Mapping[str, str] = field(default_factory=dict)


def flush(server: Server, name: CollectionName, timeout: float) -> FlushPoint:
    """Seal and store every row that was acknowledged before this call, and wait for it (seconds: C(timeout)).

    All of that is older than the millisecond of the timestamp: a restore cuts there.
    """
    time.sleep(TIMESTAMP_STEP_SECONDS)
    request = sdk.milvus_pb2.FlushRequest(collection_names=[name.name])
    answer = server.call_when_allowed("Flush", request, database=name.database, patience=timeout)
    wait_for = sdk.milvus_pb2.GetFlushStateRequest(
        segmentIDs=answer.coll_segIDs[name.name].data,
        flush_ts=answer.coll_flush_ts[name.name],
        collection_name=name.name,
    )
    end = time.monotonic() + timeout
    while not server.call("GetFlushState", wait_for, database=name.database).flushed:
        if time.monotonic() > end:
            raise MilvusOpsError(
                "timeout",
                "flushing",
                str(name),
                f"the server did not finish flushing within {timeout:g} seconds",
                next_step="see the health of the server's data nodes and object storage, then run the task again",
            )
        time.sleep(FLUSH_POLL_SECONDS)
    positions = {
        channel: base64.b64encode(position.SerializeToString()).decode()
        for channel, position in sorted(answer.channel_cps.items())
    }
    return FlushPoint(answer.coll_flush_ts[name.name], answer.coll_seal_times[name.name], positions)


def list_segments(server: Server, name: CollectionName) -> list[Segment]:
    """The persistent segments in order of id. Compacted and growing ones are not among them."""
    request = sdk.milvus_pb2.GetPersistentSegmentInfoRequest(dbName=name.database, collectionName=name.name)
    answer = server.call("GetPersistentSegmentInfo", request, database=name.database)
    segments = [
        Segment(
            segment_id=info.segmentID,
            collection_id=info.collectionID,
            partition_id=info.partitionID,
            rows=info.num_rows,
            state=sdk.common_pb2.SegmentState.Name(info.state),
            level=sdk.common_pb2.SegmentLevel.Name(info.level),
            storage_version=info.storage_version,
        )
        for info in answer.infos
    ]
    return sorted(segments, key=lambda segment: segment.segment_id)


def flushed_segments(server: Server, name: CollectionName) -> list[Segment]:
    """Only the segments that are whole in the object storage: sealed ones belong to writes after the flush."""
    return [segment for segment in list_segments(server, name) if segment.state == "Flushed"]
