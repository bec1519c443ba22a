# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the meta files of a backup: ours, milvus-backup's, and damaged ones."""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ..errors import MilvusOpsError
from .layout import META_FILES
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

LEVEL_FILES = META_FILES[:-1]
"""What backups consisted of before milvus-backup 0.3.1, which wrote no C(full_meta.json)."""

_FIELD_TEXTS = ("name", "description", "default_value_proto")
_FIELD_FLAGS = (
    "is_primary_key",
    "autoID",
    "is_dynamic",
    "is_partition_key",
    "is_clustering_key",
    "nullable",
    "is_function_output",
)

T = TypeVar("T")


@dataclass(frozen=True)
class _Node:
    """A JSON object with its path, so that every complaint names the place."""

    values: Mapping[str, Any]
    path: str

    def number(self, key: str) -> int:
        value = self.values.get(key)
        if value is None:
            return 0
        if isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**64:
            return value
        raise _Malformed(f"{self.path}.{key} is not a whole number")

    def text(self, key: str) -> str:
        value = self.values.get(key)
        if value is None:
            return ""
        if isinstance(value, str):
            value.encode()  # half a surrogate pair cannot be written again; UnicodeEncodeError is a ValueError
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
            "".join(values).encode()
            return tuple(values)
        raise _Malformed(f"{self.path}.{key} is not a list of texts")

    def numbers(self, key: str) -> tuple[int, ...]:
        return tuple(_Node({key: value}, self.path).number(key) for value in self._list(key))

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
    return _read(key, lambda: _backup(_root(body, "$")))


def parse_level_files(bodies: Mapping[str, bytes], directory: str) -> BackupMeta:
    """Put together what the four C(LEVEL_FILES) hold: header, collections, partitions, segments (reference 3.3)."""
    return _read(directory, lambda: _from_levels({name: _root(body, f"{name}:$") for name, body in bodies.items()}))


def _read(where: str, parse: Callable[[], T]) -> T:
    try:
        return parse()
    except (_Malformed, ValueError, RecursionError) as error:
        raise MilvusOpsError(
            "corrupt",
            "reading the backup",
            where,
            str(error),
            next_step="restore this object from another copy, or use another backup",
        ) from error


def _root(body: bytes, path: str) -> _Node:
    values = json.loads(body)
    if not isinstance(values, dict):
        raise _Malformed(f"{path} is not an object")
    return _Node(values, path)


def _from_levels(roots: Mapping[str, _Node]) -> BackupMeta:
    """Sizes need no file of their own: they are sums. A part without its whole is an error, never left out."""
    header, collections, partitions, segments = (roots[name] for name in LEVEL_FILES)
    held = defaultdict(list)
    for node in segments.nodes("infos"):
        segment = _segment(node)
        held[segment.collection_id, segment.partition_id].append(segment)
    parts = defaultdict(list)
    for node in partitions.nodes("infos"):
        part = _partition(node)
        own = held.pop((part.collection_id, part.partition_id), [])
        parts[part.collection_id].append(replace(part, segments=tuple(own)))
    wholes = []
    for node in collections.nodes("infos"):
        whole = _collection(node)
        wholes.append(replace(whole, partitions=tuple(parts.pop(whole.collection_id, []))))
    if held or parts:
        lost = [f"partition {ids[1]} of collection {ids[0]}" for ids in held] + [f"collection {key}" for key in parts]
        raise _Malformed(f"there are parts of {', '.join(lost)}, which no file describes")
    return replace(_backup(header), collections=tuple(wholes))


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
        rbac=node.mapping("rbac_meta"),
    )


def _collection(node: _Node) -> CollectionMeta:
    return CollectionMeta(
        backup_id=node.text("id"),
        collection_id=node.number("collection_id"),
        database_id=node.number("db_id"),
        database=node.text("db_name") or DEFAULT_DATABASE,
        name=node.text("collection_name"),
        schema=_checked_schema(_Node(node.mapping("schema"), f"{node.path}.schema")),
        shards=node.number("shards_num"),
        consistency_level=node.number("consistency_level"),
        partitions=tuple(_partition(item) for item in node.nodes("partition_backups")),
        timestamp=node.number("backup_timestamp"),
        sealed_at=node.number("backup_physical_timestamp"),
        indexes=tuple(_index(item) for item in node.nodes("index_infos")),
        load_state=node.text("load_state"),
        properties=tuple(dict(item.values) for item in _pairs(node, "properties")),
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
        params=_texts_by_key(_Node(node.mapping("params"), f"{node.path}.params")),
        index_id=node.number("index_id"),
    )


def _texts_by_key(node: _Node) -> dict[str, str]:
    return {key: node.text(key) for key in node.values}


def _pairs(node: _Node, key: str) -> list[_Node]:
    pairs = list(node.nodes(key))
    for pair in pairs:
        _require(pair, texts=("key", "value"))
    return pairs


def _checked_schema(schema: _Node) -> Mapping[str, Any]:
    """The schema as it is, once every value has the type that a restore needs: damage must not show up halfway."""
    _require(schema, texts=("name", "description"), flags=("autoID", "enable_dynamic_field"))
    _pairs(schema, "properties")
    structs = list(schema.nodes("struct_array_fields"))
    for struct in structs:
        _require(struct, texts=("name", "description"), numbers=("fieldID",))
    for field in (field for holder in (schema, *structs) for field in holder.nodes("fields")):
        _require(field, _FIELD_TEXTS, ("fieldID", "data_type", "element_type"), _FIELD_FLAGS)
        _pairs(field, "type_params")
        _pairs(field, "index_params")
        base64.b64decode(field.text("default_value_base64"), validate=True)
    for function in schema.nodes("functions"):
        _require(function, texts=("name", "description"), numbers=("id", "type"))
        _pairs(function, "params")
        for side in ("input", "output"):
            function.texts(f"{side}_field_names")
            function.numbers(f"{side}_field_ids")
    return schema.values


def _require(node: _Node, texts: Iterable[str] = (), numbers: Iterable[str] = (), flags: Iterable[str] = ()) -> None:
    for read, keys in ((node.text, texts), (node.number, numbers), (node.flag, flags)):
        for key in keys:
            read(key)
