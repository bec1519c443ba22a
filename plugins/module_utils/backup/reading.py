# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the meta files of a backup: ours, milvus-backup's, and damaged ones."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import MilvusOpsError
from .manifest import (
    DEFAULT_DATABASE,
    BackupMeta,
    CollectionMeta,
    FieldLogs,
    IndexMeta,
    Log,
    PartitionMeta,
    SegmentMeta,
)


@dataclass(frozen=True)
class _Node:
    """A JSON object with its path, so that every complaint names the place."""

    values: Mapping[str, Any]
    path: str

    def number(self, key: str) -> int:
        value = self.values.get(key)
        if value is None:
            return 0
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        raise _Malformed(f"{self.path}.{key} is not a whole number")

    def text(self, key: str) -> str:
        value = self.values.get(key)
        if value is None:
            return ""
        if isinstance(value, str):
            return value
        raise _Malformed(f"{self.path}.{key} is not a text")

    def flag(self, key: str) -> bool:
        value = self.values.get(key)
        if value is None or isinstance(value, bool):
            return bool(value)
        raise _Malformed(f"{self.path}.{key} is neither true nor false")

    def nodes(self, key: str) -> Iterator[_Node]:
        for position, value in enumerate(self._list(key)):
            path = f"{self.path}.{key}[{position}]"
            if not isinstance(value, dict):
                raise _Malformed(f"{path} is not an object")
            yield _Node(value, path)

    def texts(self, key: str) -> tuple[str, ...]:
        values = self._list(key)
        if all(isinstance(value, str) for value in values):
            return tuple(values)
        raise _Malformed(f"{self.path}.{key} is not a list of texts")

    def mapping(self, key: str) -> Mapping[str, Any]:
        value = self.values.get(key)
        if value is None:
            return {}
        if isinstance(value, dict):
            return value
        raise _Malformed(f"{self.path}.{key} is not an object")

    def _list(self, key: str) -> list[Any]:
        value = self.values.get(key)
        if value is None:
            return []
        if isinstance(value, list):
            return value
        raise _Malformed(f"{self.path}.{key} is not a list")


class _Malformed(Exception):
    pass


def parse_full_meta(body: bytes, key: str) -> BackupMeta:
    """Read C(full_meta.json). Raises C(corrupt) that names the key and the JSON path."""
    try:
        values = json.loads(body)
        if not isinstance(values, dict):
            raise _Malformed("$ is not an object")
        return _backup(_Node(values, "$"))
    except (_Malformed, ValueError, RecursionError) as error:
        raise MilvusOpsError(
            "corrupt",
            "reading the backup",
            key,
            str(error),
            next_step="restore this object from another copy, or use another backup",
        ) from error


def _backup(node: _Node) -> BackupMeta:
    if node.text("format"):
        raise MilvusOpsError(
            "version",
            "reading the backup",
            node.text("name"),
            f"the backup has the format {node.text('format')!r}; only binlog backups can be read",
            next_step="restore it with the tool that wrote it",
        )
    return BackupMeta(
        backup_id=node.text("id"),
        name=node.text("name"),
        server_version=node.text("milvus_version"),
        collections=tuple(_collection(item) for item in node.nodes("collection_backups")),
        databases=tuple((item.text("db_name"), item.number("db_id")) for item in node.nodes("database_backups")),
    )


def _collection(node: _Node) -> CollectionMeta:
    return CollectionMeta(
        backup_id=node.text("id"),
        collection_id=node.number("collection_id"),
        database_id=node.number("db_id"),
        database=node.text("db_name") or DEFAULT_DATABASE,
        name=node.text("collection_name"),
        schema=node.mapping("schema"),
        shards=node.number("shards_num"),
        consistency_level=node.number("consistency_level"),
        partitions=tuple(_partition(item) for item in node.nodes("partition_backups")),
        timestamp=node.number("backup_timestamp"),
        sealed_at=node.number("backup_physical_timestamp"),
        indexes=tuple(_index(item) for item in node.nodes("index_infos")),
        load_state=node.text("load_state"),
        properties=tuple(dict(item.values) for item in node.nodes("properties")),
        created=node.number("created_timestamp"),
        virtual_channels=node.texts("virtual_channel_names"),
        physical_channels=node.texts("physical_channel_names"),
        aliases=node.texts("aliases"),
        l0_segments=tuple(_segment(item) for item in node.nodes("l0_segments")),
    )


def _partition(node: _Node) -> PartitionMeta:
    return PartitionMeta(
        partition_id=node.number("partition_id"),
        name=node.text("partition_name"),
        collection_id=node.number("collection_id"),
        segments=tuple(_segment(item) for item in node.nodes("segment_backups")),
        load_state=node.text("load_state"),
    )


def _segment(node: _Node) -> SegmentMeta:
    return SegmentMeta(
        segment_id=node.number("segment_id"),
        collection_id=node.number("collection_id"),
        partition_id=node.number("partition_id"),
        rows=node.number("num_of_rows"),
        binlogs=tuple(_field_logs(item) for item in node.nodes("binlogs")),
        deltalogs=tuple(logs for item in node.nodes("deltalogs") if (logs := _field_logs(item)).logs),
        group_id=node.number("group_id"),
        is_l0=node.flag("is_l0"),
        channel=node.text("v_channel"),
        storage_version=node.number("storage_version"),
    )


def _field_logs(node: _Node) -> FieldLogs:
    logs = tuple(
        Log(item.number("log_id"), item.text("log_path"), item.number("log_size")) for item in node.nodes("binlogs")
    )
    return FieldLogs(node.number("fieldID"), logs)


def _index(node: _Node) -> IndexMeta:
    return IndexMeta(
        field_name=node.text("field_name"),
        name=node.text("index_name"),
        index_type=node.text("index_type"),
        params={str(key): str(value) for key, value in node.mapping("params").items()},
        index_id=node.number("index_id"),
    )
