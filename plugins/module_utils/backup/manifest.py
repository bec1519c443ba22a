# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The meta files of a backup as milvus-backup writes and reads them (reference: milvus-backup, section 4).

Numbers are JSON numbers (ids and hybrid timestamps exceed 2**53), enums are integers, zero values are left out but for
the keys that Go always writes. Readers take null for anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from .instance_meta import NO_FLUSH_ALL, DatabaseMeta, FlushAllMeta
from .layout import META_FILES, SNAPSHOT_META_FILES

ALWAYS_WRITTEN = frozenset({"size", "has_index", "state_code", "log_size"})
NESTED = frozenset({"collection_backups", "infos", "l0_segments", "partition_backups", "segment_backups"})
BINLOG_FORMAT, SNAPSHOT_FORMAT = "binlog", "snapshot"
"""Backups of binlogs say none; those that servers exported from snapshots do."""


@dataclass(frozen=True, slots=True)
class Log:
    """One binlog: C(path) is the source's key, C(size) bytes."""

    log_id: int
    path: str
    size: int

    def to_json(self) -> dict[str, Any]:
        return _compact({"log_path": self.path, "log_size": self.size, "log_id": self.log_id})


@dataclass(frozen=True, slots=True)
class FieldLogs:
    """The logs of one field (or column group); delta logs have no field id."""

    field_id: int
    logs: tuple[Log, ...]

    def to_json(self) -> dict[str, Any]:
        return _compact({"fieldID": self.field_id, "binlogs": [log.to_json() for log in self.logs]})


@dataclass(frozen=True, slots=True)
class SegmentMeta:
    segment_id: int
    collection_id: int
    partition_id: int
    rows: int
    binlogs: Sequence[FieldLogs]
    deltalogs: Sequence[FieldLogs]
    group_id: int
    is_l0: bool = False
    channel: str = ""
    storage_version: int = 0

    @property
    def logs(self) -> Iterable[tuple[int | None, Log]]:
        """Every log with its field id; None marks a delta log."""
        for inserts in self.binlogs:
            yield from ((inserts.field_id, log) for log in inserts.logs)
        for deletes in self.deltalogs:
            yield from ((None, log) for log in deletes.logs)

    @property
    def size(self) -> int:
        return sum(log.size for _field, log in self.logs)

    @property
    def objects(self) -> int:
        return sum(1 for _log in self.logs)

    def to_json(self) -> dict[str, Any]:
        return _compact(
            {
                "segment_id": self.segment_id,
                "collection_id": self.collection_id,
                "partition_id": self.partition_id,
                "num_of_rows": self.rows,
                "binlogs": [logs.to_json() for logs in self.binlogs],
                "deltalogs": [logs.to_json() for logs in self.deltalogs],
                "size": self.size,
                "group_id": self.group_id,
                "is_l0": self.is_l0,
                "v_channel": self.channel,
                "storage_version": self.storage_version,
            }
        )


@dataclass(frozen=True)
class Each:
    """A list in JSON whose items are made one at a time: the logs of all segments at once would fill the memory."""

    segments: Sequence[SegmentMeta]

    def __bool__(self) -> bool:
        return bool(self.segments)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (segment.to_json() for segment in self.segments)


@dataclass(frozen=True)
class PartitionMeta:
    partition_id: int
    name: str
    collection_id: int
    segments: tuple[SegmentMeta, ...]
    load_state: str

    @property
    def size(self) -> int:
        return sum(segment.size for segment in self.segments)

    @property
    def rows(self) -> int:
        return sum(segment.rows for segment in self.segments)

    def to_json(self, *, segments: bool = True) -> dict[str, Any]:
        return _compact(
            {
                "partition_id": self.partition_id,
                "partition_name": self.name,
                "collection_id": self.collection_id,
                "segment_backups": Each(self.segments if segments else ()),
                "size": self.size,
                "load_state": self.load_state,
            }
        )


@dataclass(frozen=True)
class IndexMeta:
    field_name: str
    name: str
    index_type: str
    params: Mapping[str, str]
    index_id: int

    def to_json(self) -> dict[str, Any]:
        return _compact(
            {
                "field_name": self.field_name,
                "index_name": self.name,
                "index_type": self.index_type,
                "params": dict(sorted(self.params.items())),
                "index_id": self.index_id,
            }
        )


@dataclass(frozen=True)
class SnapshotMeta:
    """Where the snapshot of a collection lies, and how much the server says it exported.

    C(path) is that of its metadata file, below the directory of the backup; C(files) are without the metadata's own.
    C(rows) were counted around the moment of the snapshot, None where that was not possible; milvus-backup never does.
    """

    path: str
    files: int
    bytes: int
    rows: int | None = None

    def to_json(self) -> dict[str, Any]:
        named = _compact({"metadata_path": self.path, "total_files": self.files, "total_bytes": self.bytes})
        return named if self.rows is None else {**named, "row_count": self.rows}


@dataclass(frozen=True)
class CollectionMeta:
    """One collection; C(schema) and C(properties) as milvus/schema.py makes them, C(timestamp) hybrid."""

    backup_id: str
    collection_id: int
    database_id: int
    database: str
    name: str
    schema: Mapping[str, Any]
    shards: int
    consistency_level: int
    partitions: tuple[PartitionMeta, ...]
    timestamp: int
    sealed_at: int
    indexes: tuple[IndexMeta, ...]
    load_state: str
    properties: tuple[Mapping[str, str], ...]
    created: int
    virtual_channels: tuple[str, ...]
    physical_channels: tuple[str, ...]
    aliases: tuple[str, ...]
    l0_segments: tuple[SegmentMeta, ...] = ()
    replicas: int = 1
    checkpoints: Mapping[str, str] = field(default_factory=dict)
    snapshot: SnapshotMeta | None = None

    @property
    def qualified_name(self) -> str:
        return f"{self.database}.{self.name}"

    @property
    def segments(self) -> tuple[SegmentMeta, ...]:
        """All segments, those of the partitions and the deletes of all partitions."""
        return tuple(segment for part in self.partitions for segment in part.segments) + self.l0_segments

    @property
    def size(self) -> int:
        return sum(segment.size for segment in self.segments) + (self.snapshot.bytes if self.snapshot else 0)

    @property
    def objects(self) -> int:
        return sum(segment.objects for segment in self.segments) + (self.snapshot.files if self.snapshot else 0)

    @property
    def rows(self) -> int:
        """Rows in the segments, deleted ones included; a snapshot does not say."""
        return sum(partition.rows for partition in self.partitions)

    @property
    def has_deletes(self) -> bool:
        return bool(self.l0_segments) or any(segment.deltalogs for segment in self.segments)

    def to_json(self, *, segments: bool = True) -> dict[str, Any]:
        return _compact(
            {
                "id": self.backup_id,
                "collection_id": self.collection_id,
                "db_name": self.database,
                "collection_name": self.name,
                "schema": self.schema,
                "shards_num": self.shards,
                "consistency_level": self.consistency_level,
                "partition_backups": [part.to_json(segments=segments) for part in self.partitions],
                "backup_timestamp": self.timestamp,
                "size": self.size,
                "has_index": bool(self.indexes),
                "index_infos": [index.to_json() for index in self.indexes],
                "load_state": self.load_state,
                "backup_physical_timestamp": self.sealed_at,
                "channel_checkpoints": dict(self.checkpoints),
                "l0_segments": Each(self.l0_segments if segments else ()),
                "properties": [dict(pair) for pair in self.properties],
                "db_id": self.database_id,
                "created_timestamp": self.created,
                "virtual_channel_names": list(self.virtual_channels),
                "physical_channel_names": list(self.physical_channels),
                "aliases": list(self.aliases),
                # Not of milvus-backup, which leaves out what it does not know; written only where it says something.
                "replica_number": self.replicas if self.replicas > 1 else 0,
                "snapshot_backup": self.snapshot.to_json() if self.snapshot else None,
            }
        )


@dataclass(frozen=True)
class BackupMeta:
    """A whole backup. The milliseconds of its making are in the integrity manifest, not here."""

    backup_id: str
    name: str
    server_version: str
    collections: tuple[CollectionMeta, ...]
    databases: tuple[DatabaseMeta, ...]
    rbac: Mapping[str, Any] = field(default_factory=dict)
    flush_all: FlushAllMeta = NO_FLUSH_ALL
    format: str = ""

    @property
    def is_snapshot(self) -> bool:
        return self.format == SNAPSHOT_FORMAT

    @property
    def size(self) -> int:
        return sum(collection.size for collection in self.collections)

    @property
    def rows(self) -> int:
        return sum(collection.rows for collection in self.collections)

    @property
    def objects(self) -> int:
        return sum(collection.objects for collection in self.collections)


@dataclass(frozen=True)
class MetaFiles(Mapping[str, bytes]):
    """The files by name, in the order of writing, C(full_meta.json) last; each is made when it is asked for.

    A snapshot has no segments that the files of partitions and segments could name.
    """

    backup: BackupMeta

    def __getitem__(self, name: str) -> bytes:
        contents = {
            "backup_meta.json": self._header,
            "collection_meta.json": self._collections,
            "partition_meta.json": self._partitions,
            "segment_meta.json": lambda: _compact({"infos": Each(self._segments())}),
            "full_meta.json": self._full,
        }
        with BytesIO() as file:
            file.writelines(_pieces(contents[name]()))
            return file.getvalue()

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    @property
    def _names(self) -> tuple[str, ...]:
        return SNAPSHOT_META_FILES if self.backup.is_snapshot else META_FILES

    def _segments(self) -> tuple[SegmentMeta, ...]:
        parts = (partition for collection in self.backup.collections for partition in collection.partitions)
        return tuple(segment for partition in parts for segment in partition.segments)

    def _header(self) -> dict[str, Any]:
        return _compact(
            {
                "id": self.backup.backup_id,
                "state_code": 0,
                "name": self.backup.name,
                "size": self.backup.size,
                "milvus_version": self.backup.server_version,
                "format": self.backup.format,
            }
        )

    def _collections(self) -> dict[str, Any]:
        return _compact({"infos": [collection.to_json(segments=False) for collection in self.backup.collections]})

    def _partitions(self) -> dict[str, Any]:
        parts = (partition for collection in self.backup.collections for partition in collection.partitions)
        return _compact({"infos": [partition.to_json(segments=False) for partition in parts]})

    def _full(self) -> dict[str, Any]:
        return _compact(
            {
                "id": self.backup.backup_id,
                "state_code": 0,
                "name": self.backup.name,
                "collection_backups": [collection.to_json() for collection in self.backup.collections],
                "size": self.backup.size,
                "milvus_version": self.backup.server_version,
                "rbac_meta": self.backup.rbac,
                "database_backups": [database.to_json() for database in self.backup.databases],
                **self.backup.flush_all.to_json(),
                "format": self.backup.format,
            }
        )


def _pieces(value: Any) -> Iterator[bytes]:
    """JSON bit by bit, so that no more than one segment is spelled out at a time."""
    if isinstance(value, dict) and not NESTED.isdisjoint(value):
        begin = b"{"
        for key, item in value.items():
            yield begin + encode(key) + b":"
            yield from _items(item) if key in NESTED else (encode(item),)
            begin = b","
        yield b"}"
    else:
        yield encode(value)


def _items(values: Iterable[Any]) -> Iterator[bytes]:
    begin = b"["
    for value in values:
        yield begin
        yield from _pieces(value)
        begin = b","
    yield b"[]" if begin == b"[" else b"]"


def encode(value: Any) -> bytes:
    """JSON as Go's encoding/json writes it: compact, one line, with the characters of HTML escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character, escaped in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(character, escaped)
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").encode()


def _compact(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value or key in ALWAYS_WRITTEN}
