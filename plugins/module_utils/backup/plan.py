# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backup will hold, decided before the first copy: one segment list, and the objects behind it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from ..errors import MilvusOpsError
from ..milvus import catalog
from ..milvus.catalog import Collection, CollectionName
from ..milvus.schema import FLOAT16_VECTOR, SYSTEM_FIELD_IDS, field_ids, stored_fields
from ..milvus.segments import FlushPoint, Segment, flush, flushed_segments
from ..milvus.server import Server
from ..naming import is_own_property
from ..store.base import ObjectStore, StoredObject
from ..store.copy import Copy
from .layout import DELTA_LOG, INSERT_LOG, BackupLayout, InstanceLayout, LogKey
from .manifest import CollectionMeta, FieldLogs, IndexMeta, PartitionMeta, SegmentMeta
from .packed import PackedLogs, SegmentLogs
from .root_path import root_path_error

PLAN_ATTEMPTS = 3


@dataclass(frozen=True)
class Source:
    """An instance to back up: its server, its object storage, and where in it the data lies."""

    server: Server
    store: ObjectStore
    layout: InstanceLayout


@dataclass(frozen=True)
class CollectionPlan:
    """One collection of the backup, and in C(logs), by segment, the objects that are copied to bring it there."""

    meta: CollectionMeta
    backup: BackupLayout
    logs: Mapping[int, SegmentLogs]

    @property
    def objects(self) -> int:
        return sum(logs.inserts.objects + logs.deletes.objects for logs in self.logs.values())

    @property
    def bytes(self) -> int:
        return sum(logs.inserts.bytes + logs.deletes.bytes for logs in self.logs.values())

    @property
    def copies(self) -> Iterator[Copy]:
        return copies_in_order((self,))

    def folders(self, kind: str) -> Iterator[tuple[str, PackedLogs]]:
        """Where each segment's logs of one kind will lie."""
        for segment in self.meta.segments if self.logs else ():
            logs = self.logs[segment.segment_id]
            packed = logs.deletes if kind == DELTA_LOG else logs.inserts
            ids = (segment.collection_id, segment.partition_id, segment.group_id, segment.segment_id)
            yield self.backup.segment_directory(kind, *ids), packed


def copies_in_order(plans: Iterable[CollectionPlan]) -> Iterator[Copy]:
    """The copies of several collections in the order in which a listing of the backup will show them."""
    chosen = tuple(plans)
    for kind in (DELTA_LOG, INSERT_LOG):
        for folder, logs in sorted((item for plan in chosen for item in plan.folders(kind)), key=itemgetter(0)):
            for name, stored in logs.by_name():
                yield Copy(stored.key, stored.etag, stored.size, folder + name)


def plan_collection(
    source: Source, backup: BackupLayout, backup_id: str, name: CollectionName, *, flush_timeout: float | None
) -> CollectionPlan:
    """Plan one collection; C(flush_timeout) None plans from what is flushed already (check mode, skip_flush).

    Reads the segment list before and after the listing: a compaction in between would mix a segment with its result.
    """
    collection = catalog.describe_collection(source.server, name)
    _refuse_what_cannot_be_restored(collection)
    point = FlushPoint(0, 0)
    if flush_timeout is not None:
        point = flush(source.server, name, flush_timeout)
    for _attempt in range(PLAN_ATTEMPTS):
        segments = flushed_segments(source.server, name)
        logs = stored_logs(source, collection, {segment.segment_id for segment in segments})
        still_there = {segment.segment_id for segment in flushed_segments(source.server, name)}
        if all(segment.segment_id in still_there for segment in segments):
            metas = [segment_meta(source, collection, segment, logs[segment.segment_id]) for segment in segments]
            meta = _collection_meta(source.server, backup_id, collection, metas, point)
            return CollectionPlan(meta, backup, logs)
    raise MilvusOpsError(
        "source_changed",
        "planning the backup",
        str(name),
        f"the segments changed during each of {PLAN_ATTEMPTS} attempts to list them (compaction)",
        next_step="run the task again when the collection is calmer",
    )


def stored_logs(source: Source, collection: Collection, wanted: set[int]) -> Mapping[int, SegmentLogs]:
    """The stored logs of the wanted segments; a listing alone also shows compacted and growing ones."""
    layout, collection_id = source.layout, collection.collection_id
    inserts = _packed(source, layout.insert_prefix(collection_id), wanted)
    deletes = _packed(source, layout.delta_prefix(collection_id), wanted)
    nothing = PackedLogs("", ())
    return {item: SegmentLogs(inserts.get(item, nothing), deletes.get(item, nothing)) for item in wanted}


def _packed(source: Source, prefix: str, wanted: set[int]) -> Mapping[int, PackedLogs]:
    """The logs below a prefix by segment. A listing is in order, so that a segment's objects follow each other."""
    packed: dict[int, PackedLogs] = {}
    for (partition_id, segment_id), logs in groupby(_parsed(source, prefix), key=_segment_of):
        folder = f"{prefix}{partition_id}/{segment_id}/"
        if segment_id in packed:
            raise _unknown_object(source.store, folder)
        if segment_id in wanted:
            packed[segment_id] = PackedLogs(folder, logs)
    return packed


def _parsed(source: Source, prefix: str) -> Iterator[tuple[LogKey, StoredObject]]:
    for stored in source.store.list_objects(prefix):
        key = source.layout.parse(stored.key)
        if key is None:
            raise _unknown_object(source.store, stored.key)
        yield key, stored


def _segment_of(log: tuple[LogKey, StoredObject]) -> tuple[int, int]:
    return log[0].partition_id, log[0].segment_id


def segment_meta(source: Source, collection: Collection, segment: Segment, logs: SegmentLogs) -> SegmentMeta:
    if segment.rows and not logs.inserts:
        prefix = source.layout.segment_prefix(segment.collection_id, segment.partition_id, segment.segment_id)
        raise root_path_error(source.store, source.layout, prefix)
    _require_whole_segment(collection, segment, logs.inserts)
    return SegmentMeta(
        segment_id=segment.segment_id,
        collection_id=segment.collection_id,
        partition_id=segment.partition_id,
        rows=segment.rows,
        binlogs=logs.inserts,
        deltalogs=logs.deletes,
        group_id=segment.segment_id,
        storage_version=segment.storage_version,
    )


def _require_whole_segment(collection: Collection, segment: Segment, logs: Iterable[FieldLogs]) -> None:
    """Each field has equally many logs, and none is missing; else the listing saw a segment in the making."""
    expected = {*SYSTEM_FIELD_IDS, *field_ids(collection.schema).values()}
    inserts = {item.field_id: len(item.logs) for item in logs}
    counts = set(inserts.values())
    if not inserts or (expected <= inserts.keys() and len(counts) == 1):
        return
    missing = sorted(expected - inserts.keys())
    raise MilvusOpsError(
        "source_changed",
        "planning the backup",
        f"{collection.name}, segment {segment.segment_id}",
        f"fields {missing} have no binlog" if missing else "its fields have different numbers of binlogs",
        next_step="run the task again; if it stays, objects of this segment were lost from the object storage",
    )


def _collection_meta(
    server: Server, backup_id: str, collection: Collection, segments: Iterable[SegmentMeta], point: FlushPoint
) -> CollectionMeta:
    state = catalog.load_state(server, collection.name)
    by_partition: dict[int, list[SegmentMeta]] = defaultdict(list)
    for segment in segments:
        by_partition[segment.partition_id].append(segment)
    partitions = catalog.list_partitions(server, collection.name)
    _require_known_partitions(collection, by_partition, {partition.partition_id for partition in partitions})
    return CollectionMeta(
        backup_id=backup_id,
        collection_id=collection.collection_id,
        database_id=collection.database_id,
        database=collection.name.database,
        name=collection.name.name,
        schema=collection.schema,
        shards=collection.shards,
        consistency_level=collection.consistency_level,
        partitions=tuple(
            PartitionMeta(
                partition_id=partition.partition_id,
                name=partition.name,
                collection_id=collection.collection_id,
                segments=tuple(by_partition[partition.partition_id]),
                load_state=state,
            )
            for partition in partitions
        ),
        timestamp=point.timestamp,
        sealed_at=point.sealed_at,
        indexes=tuple(
            IndexMeta(index.field_name, index.name, index.index_type, index.params, index.index_id)
            for index in catalog.list_indexes(server, collection.name)
        ),
        load_state=state,
        properties=tuple(pair for pair in collection.properties if not is_own_property(pair["key"])),
        created=collection.created,
        virtual_channels=collection.virtual_channels,
        physical_channels=collection.physical_channels,
        aliases=collection.aliases,
        replicas=catalog.replica_number(server, collection.name) if state == "Loaded" else 1,
    )


def _refuse_what_cannot_be_restored(collection: Collection) -> None:
    half = [str(field["name"]) for field in stored_fields(collection.schema) if field["data_type"] == FLOAT16_VECTOR]
    if half:
        raise MilvusOpsError(
            "version",
            "planning the backup",
            f"{collection.name}, field {', '.join(half)}",
            "this server cannot import float16 vectors, so a backup of them could not be restored",
            next_step="leave this collection out with exclude",
        )


def _require_known_partitions(
    collection: Collection, by_partition: Mapping[int, list[SegmentMeta]], known: set[int]
) -> None:
    unknown = sorted(set(by_partition) - known)
    if unknown:
        raise MilvusOpsError(
            "source_changed",
            "planning the backup",
            str(collection.name),
            f"segments belong to partitions that do not exist any more: {unknown}",
            next_step="run the task again when no partition is being dropped",
        )


def _unknown_object(store: ObjectStore, key: str) -> MilvusOpsError:
    return MilvusOpsError(
        "version",
        "planning the backup",
        f"{store.label}/{key}",
        "this object is no binlog of a known shape, so the collection cannot be copied completely",
        next_step="see docs/compatibility for the storage versions that are supported",
    )
