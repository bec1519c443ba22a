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
from ..milvus.bulk_imports import V1, BulkImports
from ..milvus.catalog import Collection
from ..milvus.collection_name import CollectionName
from ..milvus.features import SEGMENT_DESCRIBE, has
from ..milvus.schema import SYSTEM_FIELD_IDS, may_be_missing, stored_fields
from ..milvus.segment_logs import named_logs
from ..milvus.segments import FlushPoint, Segment, flush, flushed_segments
from ..milvus.server import Server
from ..naming import is_carried
from ..store.base import ObjectStore, StoredObject
from ..store.copy import Copy
from .layout import ALL_PARTITIONS, DELTA_LOG, INSERT_LOG, BackupLayout, InstanceLayout, LogKey
from .manifest import CollectionMeta, FieldLogs, IndexMeta, PartitionMeta, SegmentMeta
from .packed import PackedLogs, SegmentLogs
from .root_path import root_path_error
from .source_rules import require_backupable, require_known_storage, require_no_imports

PLAN_ATTEMPTS = 3
LEVEL_ZERO_NAME = "L0"
NO_FLUSH = FlushPoint(0, 0)


@dataclass(frozen=True)
class Source:
    """An instance to back up: its server, its object storage, and where in it the data lies."""

    server: Server
    store: ObjectStore
    layout: InstanceLayout
    bulk: BulkImports | None = None
    """Its interface by REST, where it has one."""


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
    source: Source,
    backup: BackupLayout,
    backup_id: str,
    name: CollectionName,
    *,
    flush_timeout: float | None,
    flushed: FlushPoint = NO_FLUSH,
) -> CollectionPlan:
    """Plan one collection; C(flush_timeout) None plans from what is flushed already (check mode, skip_flush).

    C(flushed) is when that was done, where it is known: with all collections of the server at once.
    Reads the segment list before and after the listing: a compaction in between would mix a segment with its result.
    """
    collection = catalog.describe_collection(source.server, name)
    require_backupable(source.server.version, collection)
    require_no_imports(source.bulk, source.server.version, collection)
    point = flushed if flush_timeout is None else flush(source.server, name, flush_timeout)
    found = _unchanged_segments(source, collection)
    metas = [segment_meta(source, collection, item, logs, channel) for item, logs, channel in found]
    meta = _collection_meta(source.server, backup_id, collection, metas, point)
    return CollectionPlan(meta, backup, {segment.segment_id: logs for segment, logs, _channel in found})


def plan_metadata(source: Source, backup_id: str, name: CollectionName) -> CollectionMeta:
    """A collection without any segment: schema, partitions, indexes and settings."""
    collection = catalog.describe_collection(source.server, name)
    return _collection_meta(source.server, backup_id, collection, (), NO_FLUSH)


def _unchanged_segments(source: Source, collection: Collection) -> list[tuple[Segment, SegmentLogs, str]]:
    """As M(_stored_segments), again where a compaction has come in between. Raises C(source_changed) at last."""
    for attempt in range(1, PLAN_ATTEMPTS + 1):
        try:
            return _stored_segments(source, collection)
        except MilvusOpsError as error:
            changed = error.kind == "source_changed" or "segment not found" in error.failure.cause
            if not changed or (attempt == PLAN_ATTEMPTS and error.kind == "source_changed"):
                raise
    raise _compacted(collection)


def _stored_segments(source: Source, collection: Collection) -> list[tuple[Segment, SegmentLogs, str]]:
    """The segments with their logs and channels. Raises C(source_changed) if a compaction changed one meanwhile."""
    segments = flushed_segments(source.server, collection.name)
    require_known_storage(collection, segments)
    logs = stored_logs(source, collection, {segment.segment_id for segment in segments})
    found = [(segment, *_named(source, collection, segment, logs[segment.segment_id])) for segment in segments]
    still_there = {segment.segment_id for segment in flushed_segments(source.server, collection.name)}
    if all(segment.segment_id in still_there for segment in segments):
        return found
    raise _compacted(collection)


def _compacted(collection: Collection) -> MilvusOpsError:
    return MilvusOpsError(
        "source_changed",
        "planning the backup",
        str(collection.name),
        f"the segments changed during each of {PLAN_ATTEMPTS} attempts to list them (compaction)",
        next_step="run the task again when the collection is calmer",
    )


def _named(source: Source, collection: Collection, segment: Segment, logs: SegmentLogs) -> tuple[SegmentLogs, str]:
    """Of what the listing shows, what the server says belongs to the segment, where it can say so."""
    if source.bulk is None or not has(source.server.version, SEGMENT_DESCRIBE):
        return logs, ""
    named = named_logs(source.bulk.rest, collection.name.database, collection.collection_id, segment.segment_id)
    inserts = logs.inserts.only(named.inserts)
    deletes = logs.deletes.only({(0, log) for log in named.deletes})
    if inserts.objects == len(named.inserts) and deletes.objects == len(named.deletes):
        return SegmentLogs(inserts, deletes), named.channel
    missing = len(named.inserts) + len(named.deletes) - inserts.objects - deletes.objects
    prefix = source.layout.segment_prefix(segment.collection_id, segment.partition_id, segment.segment_id)
    if not logs.inserts and segment.rows:
        raise root_path_error(source.store, source.layout, prefix)
    raise MilvusOpsError(
        "source_changed",
        "planning the backup",
        f"{source.store.label}/{prefix}",
        f"{missing} logs of this segment are not there, though the server names them",
        next_step="run the task again; if it stays, objects of this segment were lost from the object storage",
    )


def stored_logs(source: Source, collection: Collection, wanted: set[int]) -> Mapping[int, SegmentLogs]:
    """The stored logs of the wanted segments; a listing alone also shows compacted and growing ones.

    Deletes first, as soon after the list of segments as can be: those of an upsert that is flushed later would take an
    old row away whose new one lies in none of these segments. Rows of a flushed segment stay as they are.
    """
    layout, collection_id = source.layout, collection.collection_id
    deletes = _packed(source, layout.delta_prefix(collection_id), wanted)
    inserts = _packed(source, layout.insert_prefix(collection_id), wanted)
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


def segment_meta(
    source: Source, collection: Collection, segment: Segment, logs: SegmentLogs, channel: str = ""
) -> SegmentMeta:
    level_zero = segment.level == LEVEL_ZERO_NAME
    if segment.rows and not logs.inserts and not level_zero:
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
        group_id=0 if segment.partition_id == ALL_PARTITIONS else segment.segment_id,
        is_l0=level_zero,
        channel=channel,
        storage_version=segment.storage_version,
    )


def _require_whole_segment(collection: Collection, segment: Segment, logs: Iterable[FieldLogs]) -> None:
    """Each field has equally many logs, and none is missing; else the listing saw a segment in the making."""
    if segment.storage_version > V1:
        return  # column groups: which they are is written in the files
    fields = [field for field in stored_fields(collection.schema) if not may_be_missing(field)]
    expected = {*SYSTEM_FIELD_IDS, *(int(field.get("fieldID") or 0) for field in fields)}
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
        properties=tuple(pair for pair in collection.properties if is_carried(pair["key"])),
        created=collection.created,
        virtual_channels=collection.virtual_channels,
        physical_channels=collection.physical_channels,
        aliases=collection.aliases,
        checkpoints=point.checkpoints,
        l0_segments=tuple(by_partition[ALL_PARTITIONS]),
        replicas=catalog.replica_number(server, collection.name) if state == "Loaded" else 1,
    )


def _require_known_partitions(
    collection: Collection, by_partition: Mapping[int, list[SegmentMeta]], known: set[int]
) -> None:
    unknown = sorted(set(by_partition) - known - {ALL_PARTITIONS})
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
