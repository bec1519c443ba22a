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
from functools import partial
from typing import Any, TypeVar

from ..errors import MilvusOpsError
from ..milvus.collection_name import DEFAULT_DATABASE
from .bundle import is_metadata_path
from .instance_meta import DatabaseMeta, FlushAllMeta
from .layout import ALL_PARTITIONS, META_FILES
from .manifest import (
    SNAPSHOT_FORMAT,
    BackupMeta,
    CollectionMeta,
    FieldLogs,
    IndexMeta,
    Log,
    PartitionMeta,
    SegmentMeta,
    SnapshotMeta,
)

LEVEL_FILES = META_FILES[:-1]
"""What backups consisted of before milvus-backup 0.3.1, which wrote no C(full_meta.json)."""

_FIELD_TEXTS = ("name", "description", "default_value_proto", "default_value_base64")
_FIELD_NUMBERS = ("fieldID", "data_type", "element_type")
_FIELD_FLAGS = (
    "is_primary_key",
    "autoID",
    "is_dynamic",
    "is_partition_key",
    "is_clustering_key",
    "nullable",
    "is_function_output",
)
_SCHEMA_KEYS = {
    key.casefold(): key
    for key in (
        *_FIELD_TEXTS,
        *_FIELD_NUMBERS,
        *_FIELD_FLAGS,
        *("enable_dynamic_field", "fields", "functions", "id", "index_params", "input_field_ids", "input_field_names"),
        *("key", "output_field_ids", "output_field_names", "params", "properties", "struct_array_fields", "type"),
        *("type_params", "value"),
    )
}
"""How each key is spelled that stands anywhere in a schema; none of its objects is a map with keys of users."""

T = TypeVar("T")


@dataclass(frozen=True)
class _Node:
    """A JSON object with its path, so that every complaint names the place."""

    values: Mapping[str, Any]
    path: str

    def value(self, key: str) -> Any:
        """None for what is not there. The format's own reader takes a key in any case."""
        if key in self.values:
            return self.values[key]
        spellings = (other for other in self.values if len(other) == len(key) and other.casefold() == key.casefold())
        return self.values.get(next(spellings, key))

    def number(self, key: str) -> int:
        value = self.value(key)
        if value is None:
            return 0
        if isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**64:
            return value
        raise _Malformed(f"{self.path}.{key} is not a whole number")

    def text(self, key: str) -> str:
        value = self.value(key)
        if value is None:
            return ""
        if isinstance(value, str):
            value.encode()  # half a surrogate pair cannot be written again; UnicodeEncodeError is a ValueError
            return value
        raise _Malformed(f"{self.path}.{key} is not a text")

    def flag(self, key: str) -> bool:
        value = self.value(key)
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
        value = self.value(key)
        if value is None:
            return {}
        if isinstance(value, dict):
            return value
        raise _Malformed(f"{self.path}.{key} is not an object")

    def text_map(self, key: str) -> dict[str, str]:
        found = self.mapping(key)
        if all(isinstance(value, str) for value in found.values()):
            return {str(name): value for name, value in found.items()}
        raise _Malformed(f"{self.path}.{key} holds what is not a text")

    def _list(self, key: str) -> list[Any]:
        value = self.value(key)
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
    roots = {name: _read(directory + name, partial(_root, body, f"{name}:$")) for name, body in bodies.items()}
    return _read(directory, lambda: _from_levels(roots))


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
    try:
        values = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _Malformed(f"it is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise _Malformed(f"{path} is not an object")
    return _Node(values, path)


def _from_levels(roots: Mapping[str, _Node]) -> BackupMeta:
    """A part without its whole is an error, never left out; so is a whole whose parts are gone, where that shows."""
    header, collections, partitions, segments = (roots[name] for name in LEVEL_FILES)
    held = defaultdict(list)
    for node in segments.nodes("infos"):
        ids = node.number("collection_id"), node.number("partition_id")
        held[ids].append(_segment(node, *ids))
    parts, lacking = defaultdict(list), []
    for node in partitions.nodes("infos"):
        part = _partition(node, node.number("collection_id"))
        own = held.pop((part.collection_id, part.partition_id), [])
        parts[part.collection_id].append(replace(part, segments=tuple(own)))
        if node.number("size") and not own:
            lacking.append(f"the segments of partition {part.partition_id}")
    wholes = []
    for node in collections.nodes("infos"):
        whole = _collection(node)
        own_parts = parts.pop(whole.collection_id, [])
        wholes.append(replace(whole, partitions=tuple(own_parts)))
        gone = {part.partition_id for part in whole.partitions} - {part.partition_id for part in own_parts}
        lacking += [f"partition {number} of collection {whole.collection_id}" for number in sorted(gone)]
    if held or parts:
        lost = [f"partition {ids[1]} of collection {ids[0]}" for ids in held] + [f"collection {key}" for key in parts]
        raise _Malformed(f"there are parts of {', '.join(lost)}, which no file describes")
    if lacking:
        raise _Malformed(f"the files name {', '.join(lacking)}, but do not hold them")
    return replace(_backup(header), collections=tuple(wholes))


def _backup(node: _Node) -> BackupMeta:
    if node.text("format") not in ("", SNAPSHOT_FORMAT):
        raise MilvusOpsError(
            "version",
            "reading the backup",
            node.text("name"),
            f"the backup has the format {node.text('format')!r}; only those of binlogs and of snapshots can be read",
            next_step="restore it with the tool that wrote it",
        )
    return BackupMeta(
        backup_id=node.text("id"),
        name=node.text("name"),
        server_version=node.text("milvus_version"),
        collections=tuple(_collection(item) for item in node.nodes("collection_backups")),
        databases=tuple(_database(item) for item in node.nodes("database_backups")),
        rbac=node.mapping("rbac_meta"),
        flush_all=FlushAllMeta(
            node.text_map("flush_all_msgs_base64"),
            node.text("control_channel_name"),
            node.texts("physical_channel_names"),
        ),
        format=node.text("format"),
    )


def _database(node: _Node) -> DatabaseMeta:
    properties = tuple(_spelled(item.values) for item in _pairs(node, "properties"))
    return DatabaseMeta(node.text("db_name") or DEFAULT_DATABASE, node.number("db_id"), properties)


def _collection(node: _Node) -> CollectionMeta:
    own_id = node.number("collection_id")
    return CollectionMeta(
        backup_id=node.text("id"),
        collection_id=own_id,
        database_id=node.number("db_id"),
        database=node.text("db_name") or DEFAULT_DATABASE,
        name=node.text("collection_name"),
        schema=_checked_schema(_Node(node.mapping("schema"), f"{node.path}.schema")),
        shards=node.number("shards_num"),
        consistency_level=node.number("consistency_level"),
        partitions=tuple(_partition(item, own_id) for item in node.nodes("partition_backups")),
        timestamp=node.number("backup_timestamp"),
        sealed_at=node.number("backup_physical_timestamp"),
        indexes=tuple(_index(item) for item in node.nodes("index_infos")),
        load_state=node.text("load_state"),
        properties=tuple(_spelled(item.values) for item in _pairs(node, "properties")),
        created=node.number("created_timestamp"),
        virtual_channels=node.texts("virtual_channel_names"),
        physical_channels=node.texts("physical_channel_names"),
        aliases=node.texts("aliases"),
        l0_segments=tuple(_segment(item, own_id, ALL_PARTITIONS) for item in node.nodes("l0_segments")),
        replicas=node.number("replica_number") or 1,
        checkpoints=node.text_map("channel_checkpoints"),
        snapshot=_snapshot(_Node(node.mapping("snapshot_backup"), f"{node.path}.snapshot_backup")),
    )


def _snapshot(node: _Node) -> SnapshotMeta | None:
    """None where there is none: milvus-backup writes the metadata alone in the same format."""
    if not node.values:
        return None
    path = node.text("metadata_path")
    if not is_metadata_path(path):
        raise _Malformed(f"{node.path}.metadata_path is {path!r:.200}, which is no metadata file below bundle/")
    rows = None if node.value("row_count") is None else node.number("row_count")
    return SnapshotMeta(path, node.number("total_files"), node.number("total_bytes"), rows)


def _partition(node: _Node, collection_id: int) -> PartitionMeta:
    own_id = node.number("partition_id")
    return PartitionMeta(
        partition_id=own_id,
        name=node.text("partition_name"),
        collection_id=_same_id(node, "collection_id", collection_id),
        segments=tuple(_segment(item, collection_id, own_id) for item in node.nodes("segment_backups")),
        load_state=node.text("load_state"),
    )


def _segment(node: _Node, collection_id: int, partition_id: int) -> SegmentMeta:
    return SegmentMeta(
        segment_id=node.number("segment_id"),
        collection_id=_same_id(node, "collection_id", collection_id),
        partition_id=_same_id(node, "partition_id", partition_id),
        rows=node.number("num_of_rows"),
        binlogs=_with_logs(node, "binlogs"),
        deltalogs=_with_logs(node, "deltalogs"),
        group_id=node.number("group_id"),
        is_l0=node.flag("is_l0"),
        channel=node.text("v_channel"),
        storage_version=node.number("storage_version"),
    )


def _same_id(node: _Node, key: str, expected: int) -> int:
    """The id of what a part lies in. Another one would have objects verified that are not those imported."""
    own = node.number(key)
    if own in (0, expected):
        return expected
    raise _Malformed(f"{node.path}.{key} is {own}, but it is part of {expected}")


def _with_logs(node: _Node, key: str) -> tuple[FieldLogs, ...]:
    """Without the empty entries that stand for no logs at all."""
    return tuple(logs for item in node.nodes(key) if (logs := _field_logs(item)).logs)


def _field_logs(node: _Node) -> FieldLogs:
    return FieldLogs(node.number("fieldID"), tuple(_log(item) for item in node.nodes("binlogs")))


def _log(node: _Node) -> Log:
    """Before milvus-backup 0.5.4 the id was not recorded; it is the last part of the source's key."""
    path = node.text("log_path")
    last = path.rpartition("/")[2]
    log_id = node.number("log_id") or (int(last) if last.isascii() and last.isdigit() else 0)
    if not log_id:
        raise _Malformed(f"{node.path} has no log_id, and its log_path does not end with one")
    return Log(log_id, path, node.number("log_size"))


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


def _checked_schema(node: _Node) -> Mapping[str, Any]:
    """The schema, once every value has the type that a restore needs: damage must not show up halfway."""
    schema = _Node(_spelled(node.values), node.path)
    _require(schema, texts=("name", "description"), flags=("autoID", "enable_dynamic_field"))
    _pairs(schema, "properties")
    structs = list(schema.nodes("struct_array_fields"))
    for struct in structs:
        _require(struct, texts=("name", "description"), numbers=("fieldID",), flags=("nullable",))
        _pairs(struct, "type_params")
    for field in (field for holder in (schema, *structs) for field in holder.nodes("fields")):
        _require(field, _FIELD_TEXTS, _FIELD_NUMBERS, _FIELD_FLAGS)
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


def _spelled(value: Any) -> Any:
    """The same with every key of a schema as it is written: those who use it do not look for other spellings."""
    if isinstance(value, dict):
        return {_SCHEMA_KEYS.get(key.casefold(), key): _spelled(item) for key, item in value.items()}
    return [_spelled(item) for item in value] if isinstance(value, list) else value


def _require(node: _Node, texts: Iterable[str] = (), numbers: Iterable[str] = (), flags: Iterable[str] = ()) -> None:
    for read, keys in ((node.text, texts), (node.number, numbers), (node.flag, flags)):
        for key in keys:
            read(key)
