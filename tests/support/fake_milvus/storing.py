# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows and deletes on their way in: into growing segments, and at a flush into files."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from .binlogs import Origin, write_binlog, write_deletes, write_group
from .cells import TIMESTAMP, VECTORS, Row, filler, to_arrow
from .model import ALL_PARTITIONS, Collection, Segment, World, stored_fields

ROWS_OF_A_LOG = 100
SHORT_COLUMNS = 0
"""The column group of everything that is no vector."""


def insert(world: World, collection: Collection, partition: int, rows: Iterable[Row]) -> None:
    """Rows of a client, timestamps and row ids included."""
    for row in rows:
        _growing(world, collection, partition, row[collection.key.fieldID], "L1").rows.append(row)


def delete(world: World, collection: Collection, partition: int, keys: Iterable[Any], moment: int) -> None:
    for key in keys:
        _growing(world, collection, partition, key, "L0").deletes.append((key, moment))


def partition_of(collection: Collection, value: Any) -> int:
    """Where a row of a partition key belongs."""
    ordered = list(collection.partitions.values())
    return ordered[zlib.crc32(repr(value).encode()) % len(ordered)]


def flush(world: World, collection: Collection) -> list[int]:
    """Store what is pending; the numbers of the segments that came of it."""
    made = []
    for segment in collection.pending:
        segment.storage_version = world.profile.storage_version if segment.rows else 0
        if segment.rows:
            _write_rows(world, collection, segment)
        _write_deletes(world, collection, segment)
        segment.state = "Flushed"
        collection.segments.append(segment)
        made.append(segment.number)
    collection.pending = []
    return made


def store_imported(world: World, collection: Collection, segment: Segment) -> None:
    """An import writes segments of its own; what was deleted in them is left out."""
    segment.storage_version = world.profile.storage_version if segment.rows else 0
    if segment.rows:
        _write_rows(world, collection, segment)
    _write_deletes(world, collection, segment)


def directory(world: World, collection: Collection, segment: Segment, kind: str) -> str:
    return f"{world.root_path}/{kind}/{collection.number}/{segment.partition}/{segment.number}/"


def _growing(world: World, collection: Collection, partition: int, key: Any, level: str) -> Segment:
    channel = collection.channels[zlib.crc32(repr(key).encode()) % collection.shards]
    for segment in collection.pending:
        if (segment.partition, segment.channel, segment.level) == (partition, channel, level):
            return segment
    segment = Segment(world.next_number(), partition, channel, level=level, state="Growing")
    collection.pending.append(segment)
    return segment


def _write_rows(world: World, collection: Collection, segment: Segment) -> None:
    place = directory(world, collection, segment, "insert_log")
    for start in range(0, len(segment.rows), ROWS_OF_A_LOG):
        rows = segment.rows[start : start + ROWS_OF_A_LOG]
        for group, body in _files(collection, segment, rows):
            log = world.next_number()
            segment.logs.setdefault(group, []).append(log)
            world.objects.put(f"{place}{group}/{log}", body)


def _files(collection: Collection, segment: Segment, rows: list[Row]) -> list[tuple[int, bytes]]:
    """One for each field, or for each group of columns."""
    span = (rows[0][TIMESTAMP], rows[-1][TIMESTAMP])
    columns = {
        item.fieldID: to_arrow(item, [row.get(item.fieldID, filler(item)) for row in rows])
        for item in stored_fields(collection.schema)
    }
    if segment.storage_version == 2:
        return [(group, write_group(part)) for group, part in _groups(collection, columns).items()]
    types = {item.fieldID: item.data_type for item in stored_fields(collection.schema)}
    return [
        (number, write_binlog(Origin(collection.number, segment.partition, segment.number, number), kind, values, span))
        for number, values in columns.items()
        for kind in (types[number],)
    ]


def _groups(collection: Collection, columns: dict[int, pa.Array]) -> dict[int, dict[int, pa.Array]]:
    wide = {item.fieldID for item in stored_fields(collection.schema) if item.data_type in VECTORS}
    groups: dict[int, dict[int, pa.Array]] = {}
    for number, values in columns.items():
        groups.setdefault(number if number in wide else SHORT_COLUMNS, {})[number] = values
    return groups


def _write_deletes(world: World, collection: Collection, segment: Segment) -> None:
    if segment.deletes:
        log = world.next_number()
        segment.delta_logs.append(log)
        origin = Origin(collection.number, segment.partition, segment.number, 0)
        body = write_deletes(origin, segment.deletes)
        world.objects.put(f"{directory(world, collection, segment, 'delta_log')}{log}", body)


def partition_for_deletes(collection: Collection, name: str) -> int:
    return collection.partition_id(name) if name else ALL_PARTITIONS
