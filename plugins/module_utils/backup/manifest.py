# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The meta files of a backup as milvus-backup writes and reads them (reference: milvus-backup, section 4).

Numbers are JSON numbers (ids and hybrid timestamps exceed 2**53), enums are integers, zero values are left out but for
the keys that Go always writes. Readers take null for anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

ALWAYS_WRITTEN = frozenset({"size", "has_index", "state_code", "log_size"})
DEFAULT_DATABASE = "default"


@dataclass(frozen=True)
class Log:
    """One binlog: C(path) is the source's key, C(size) bytes."""

    log_id: int
    path: str
    size: int

    def to_json(self) -> dict[str, Any]:
        return _compact({"log_path": self.path, "log_size": self.size, "log_id": self.log_id})


@dataclass(frozen=True)
class FieldLogs:
    """The logs of one field (or column group); delta logs have no field id."""

    field_id: int
    logs: tuple[Log, ...]

    def to_json(self) -> dict[str, Any]:
        return _compact({"fieldID": self.field_id, "binlogs": [log.to_json() for log in self.logs]})


@dataclass(frozen=True)
class SegmentMeta:
    segment_id: int
    collection_id: int
    partition_id: int
    rows: int
    binlogs: tuple[FieldLogs, ...]
    deltalogs: tuple[FieldLogs, ...]
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
                "segment_backups": [segment.to_json() for segment in self.segments] if segments else [],
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

    @property
    def qualified_name(self) -> str:
        return f"{self.database}.{self.name}"

    @property
    def segments(self) -> tuple[SegmentMeta, ...]:
        """All segments, those of the partitions and the deletes of all partitions."""
        return tuple(segment for part in self.partitions for segment in part.segments) + self.l0_segments

    @property
    def size(self) -> int:
        return sum(segment.size for segment in self.segments)

    @property
    def rows(self) -> int:
        """Rows in the segments, deleted ones included."""
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
                "l0_segments": [segment.to_json() for segment in self.l0_segments] if segments else [],
                "properties": [dict(pair) for pair in self.properties],
                "db_id": self.database_id,
                "created_timestamp": self.created,
                "virtual_channel_names": list(self.virtual_channels),
                "physical_channel_names": list(self.physical_channels),
                "aliases": list(self.aliases),
                # Not of milvus-backup, which leaves out what it does not know; written only where it says something.
                "replica_number": self.replicas if self.replicas > 1 else 0,
            }
        )


@dataclass(frozen=True)
class BackupMeta:
    """A whole backup. The milliseconds of its making are in the integrity manifest, not here."""

    backup_id: str
    name: str
    server_version: str
    collections: tuple[CollectionMeta, ...]
    databases: tuple[tuple[str, int], ...]
    rbac: Mapping[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return sum(collection.size for collection in self.collections)

    @property
    def rows(self) -> int:
        return sum(collection.rows for collection in self.collections)

    @property
    def objects(self) -> int:
        return sum(segment.objects for collection in self.collections for segment in collection.segments)


def meta_files(backup: BackupMeta) -> dict[str, bytes]:
    """The five files by name, in the order of writing: C(full_meta.json) last."""
    header = {
        "id": backup.backup_id,
        "state_code": 0,
        "name": backup.name,
        "size": backup.size,
        "milvus_version": backup.server_version,
    }
    partitions = [partition for collection in backup.collections for partition in collection.partitions]
    segments = [segment for partition in partitions for segment in partition.segments]
    full = {
        "id": backup.backup_id,
        "state_code": 0,
        "name": backup.name,
        "collection_backups": [collection.to_json() for collection in backup.collections],
        "size": backup.size,
        "milvus_version": backup.server_version,
        "rbac_meta": backup.rbac,
        "database_backups": [
            _compact({"db_name": name, "db_id": database_id}) for name, database_id in backup.databases
        ],
    }
    return {
        "backup_meta.json": encode(_compact(header)),
        "collection_meta.json": _infos(collection.to_json(segments=False) for collection in backup.collections),
        "partition_meta.json": _infos(partition.to_json(segments=False) for partition in partitions),
        "segment_meta.json": _infos(segment.to_json() for segment in segments),
        "full_meta.json": encode(_compact(full)),
    }


def encode(value: Mapping[str, Any]) -> bytes:
    """JSON as Go's encoding/json writes it: compact, one line, with the characters of HTML escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character, escaped in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(character, escaped)
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").encode()


def _infos(infos: Iterable[Mapping[str, Any]]) -> bytes:
    return encode(_compact({"infos": list(infos)}))


def _compact(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value or key in ALWAYS_WRITTEN}
