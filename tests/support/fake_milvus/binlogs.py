# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of Milvus: an envelope of events around a payload in Parquet (storage version 1), or Parquet alone (2)."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

MAGIC = 0xFFFABC
DESCRIPTOR_EVENT, INSERT_EVENT, DELETE_EVENT = 0, 1, 2
EVENT_HEADER = struct.Struct("<Qbii")
"""Timestamp, type, length of the event, position of the next one."""

DESCRIPTOR = struct.Struct("<qqqqQQi")
"""Collection, partition, segment, field, first and last timestamp, type of the payload."""

POST_HEADER_LENGTHS = bytes((52, 16, 16, 16, 16, 16, 16, 16))
SPAN = struct.Struct("<QQ")
INT64, STRING = 5, 20
FIELD_ID = b"PARQUET:field_id"


class Damaged(ValueError):
    """A file that is no binlog, or not all of one; the words are the server's."""


@dataclass(frozen=True)
class Origin:
    """What the envelope says about where its rows come from."""

    collection: int
    partition: int
    segment: int
    field: int


def read_binlog(body: bytes) -> pa.Array:
    """The values of one column, from one field's log of storage version 1."""
    columns = [_parquet(payload).column(0).combine_chunks() for payload in _payloads(body, INSERT_EVENT)]
    return columns[0] if len(columns) == 1 else pa.concat_arrays(columns)


def origin_of(body: bytes) -> Origin:
    return Origin(*DESCRIPTOR.unpack_from(body, 4 + EVENT_HEADER.size)[:4])


def read_deletes(body: bytes) -> list[tuple[Any, int]]:
    """Key and timestamp of each delete."""
    found = []
    for payload in _payloads(body, DELETE_EVENT):
        table = _parquet(payload)
        if table.num_columns == 2:
            found += list(zip(table.column(0).to_pylist(), table.column(1).to_pylist(), strict=True))
            continue
        for text in table.column(0).to_pylist():
            entry = json.loads(text)
            found.append((entry["pk"], int(entry["ts"])))
    return found


def read_group(body: bytes) -> dict[int, pa.Array]:
    """The columns of one column group, by field, from a log of storage version 2."""
    table = _parquet(body)
    return {
        int((field.metadata or {}).get(FIELD_ID, b"-1")): table.column(number).combine_chunks()
        for number, field in enumerate(table.schema)
    }


def write_binlog(origin: Origin, data_type: int, values: pa.Array, span: tuple[int, int]) -> bytes:
    return _envelope(origin, data_type, values, INSERT_EVENT, span)


def write_deletes(origin: Origin, deletes: Sequence[tuple[Any, int]]) -> bytes:
    key_type = INT64 if isinstance(deletes[0][0], int) else STRING + 1
    texts = [json.dumps({"pk": key, "ts": moment, "pkType": key_type}) for key, moment in deletes]
    moments = [moment for _key, moment in deletes]
    return _envelope(origin, STRING, pa.array(texts, pa.string()), DELETE_EVENT, (min(moments), max(moments)))


def write_group(columns: dict[int, pa.Array]) -> bytes:
    fields = [
        pa.field(str(number), values.type, metadata={FIELD_ID: str(number)}) for number, values in columns.items()
    ]
    return _in_parquet(pa.Table.from_arrays(list(columns.values()), schema=pa.schema(fields)))


def _parquet(payload: bytes) -> pa.Table:
    try:
        return pq.read_table(BytesIO(payload))
    except pa.ArrowInvalid as error:
        raise Damaged(str(error)) from error


def _in_parquet(table: pa.Table) -> bytes:
    sink = BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def _payloads(body: bytes, kind: int) -> Iterator[bytes]:
    if len(body) < 4 + EVENT_HEADER.size or struct.unpack_from("<i", body)[0] != MAGIC:
        raise Damaged("parse magic number failed")
    place, found = 4, 0
    while place < len(body):
        if place + EVENT_HEADER.size > len(body):
            raise Damaged("unexpected EOF")
        _moment, event, length, following = EVENT_HEADER.unpack_from(body, place)
        if following != place + length or following > len(body):
            raise Damaged("unexpected EOF")
        if event == kind:
            yield body[place + EVENT_HEADER.size + SPAN.size : following]
            found += 1
        elif event != DESCRIPTOR_EVENT:
            raise Damaged(f"unexpected event type {event}")
        place = following
    if not found:
        raise Damaged("no event in the binlog")


def _envelope(origin: Origin, data_type: int, values: pa.Array, kind: int, span: tuple[int, int]) -> bytes:
    payload = _in_parquet(pa.table({"val": values}))
    extra = json.dumps({"original_size": str(values.nbytes)}).encode()
    fixed = DESCRIPTOR.pack(origin.collection, origin.partition, origin.segment, origin.field, *span, data_type)
    descriptor = fixed + POST_HEADER_LENGTHS + struct.pack("<i", len(extra)) + extra
    body = struct.pack("<i", MAGIC)
    for event, content in ((DESCRIPTOR_EVENT, descriptor), (kind, SPAN.pack(*span) + payload)):
        length = EVENT_HEADER.size + len(content)
        body += EVENT_HEADER.pack(span[0], event, length, len(body) + length) + content
    return body
