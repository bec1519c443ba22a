# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows as queries see them: the exact count, and a checksum over every row that does not depend on order."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from . import sdk
from .collection_name import CollectionName
from .schema import DYNAMIC_FIELD_NAME, primary_key, stored_fields
from .server import Server

STRONG = 0
PAGE_BYTES = 16 * 1024 * 1024
MAX_PAGE_ROWS = 16384
CHECKSUM_BYTES = 16
VARCHAR = 21

_SCALARS = {
    "bool_data": lambda value: b"\x01" if value else b"\x00",
    "int_data": lambda value: struct.pack("<q", value),
    "long_data": lambda value: struct.pack("<q", value),
    "float_data": lambda value: struct.pack("<f", value),
    "double_data": lambda value: struct.pack("<d", value),
    "string_data": lambda value: value.encode(),
    "bytes_data": bytes,
}


@dataclass(frozen=True)
class RowDigest:
    """Rows that a full scan returned (one per primary key), and their checksum as 32 hex digits."""

    rows: int
    checksum: str


def count(server: Server, name: CollectionName) -> int:
    """Exact C(count(*)) at strong consistency; the collection must be loaded. Counts duplicates of a key."""
    request = sdk.milvus_pb2.QueryRequest(
        collection_name=name.name, output_fields=["count(*)"], consistency_level=STRONG
    )
    answer = server.call("Query", request, database=name.database)
    return int(answer.fields_data[0].scalars.long_data.data[0])


def digest(server: Server, name: CollectionName, schema: Mapping[str, Any]) -> RowDigest:
    """Read every row in the order of the primary key, page by page, and add up a hash of each.

    Adding makes the checksum independent of order and segments. Memory is bounded by one page.
    """
    total, rows = 0, 0
    for row_hash in _row_hashes(server, name, schema):
        total = (total + row_hash) % (1 << 8 * CHECKSUM_BYTES)
        rows += 1
    return RowDigest(rows, f"{total:0{2 * CHECKSUM_BYTES}x}")


def _row_hashes(server: Server, name: CollectionName, schema: Mapping[str, Any]) -> Iterator[int]:
    key = primary_key(schema)
    key_name, is_text = str(key["name"]), key.get("data_type") == VARCHAR
    page_rows = _rows_per_page(schema)
    after: int | str | None = None
    while True:
        columns = _page(server, name, schema, _key_filter(key_name, is_text, after), page_rows)
        cells = {column.field_name: _encoded_cells(column) for column in columns}
        keys = next((_plain_values(column) for column in columns if column.field_name == key_name), [])
        if not keys:
            return  # a short page is not the last one: the server ends a page where a segment ends
        for row in range(len(keys)):
            yield _hash_row({field: values[row] for field, values in cells.items()})
        after = max(keys)


def _key_filter(key_name: str, is_text: bool, after: int | str | None) -> str:
    if after is None:
        return ""  # every row; the server's parser does not know the smallest int64
    return f"{key_name} > {json.dumps(after, ensure_ascii=False) if is_text else after}"


def _page(server: Server, name: CollectionName, schema: Mapping[str, Any], expression: str, limit: int) -> list[Any]:
    fields = [str(field["name"]) for field in stored_fields(schema)]
    if schema.get("enable_dynamic_field"):
        fields.append(DYNAMIC_FIELD_NAME)
    settings = {"limit": str(limit), "offset": "0", "reduce_stop_for_best": "True", "iterator": "True"}
    request = sdk.milvus_pb2.QueryRequest(
        collection_name=name.name,
        expr=expression,
        output_fields=fields,
        consistency_level=STRONG,
        query_params=[sdk.common_pb2.KeyValuePair(key=key, value=value) for key, value in settings.items()],
    )
    return list(server.call("Query", request, database=name.database).fields_data)


def _rows_per_page(schema: Mapping[str, Any]) -> int:
    """So many rows that a page of the schema's largest rows stays near PAGE_BYTES."""
    row_bytes = 0
    for field in stored_fields(schema):
        params = {pair.get("key"): pair.get("value") for pair in field.get("type_params") or []}
        cell_bytes = int(params.get("dim") or 0) * 4 + int(params.get("max_length") or 0) + 8
        row_bytes += cell_bytes * int(params.get("max_capacity") or 1)
    return max(1, min(MAX_PAGE_ROWS, PAGE_BYTES // max(row_bytes, 1)))


def _hash_row(cells: Mapping[str, bytes]) -> int:
    hasher = hashlib.blake2b(digest_size=CHECKSUM_BYTES)
    for field in sorted(cells):
        for part in (field.encode(), cells[field]):
            hasher.update(struct.pack("<q", len(part)))
            hasher.update(part)
    return int.from_bytes(hasher.digest(), "little")


def _plain_values(column: Any) -> list[Any]:
    scalars = column.scalars
    return list(getattr(scalars, scalars.WhichOneof("data")).data)


def _encoded_cells(column: Any) -> list[bytes]:
    """Each cell of one column as bytes that are equal exactly when the values are."""
    kind = column.WhichOneof("field")
    if kind == "scalars":
        return _with_nulls(column, _scalar_cells(column.scalars))
    if kind == "vectors":
        return _with_nulls(column, _vector_cells(column.vectors))
    raise ValueError(f"column {column.field_name!r} holds neither scalars nor vectors")


def _scalar_cells(scalars: Any) -> list[bytes]:
    kind = scalars.WhichOneof("data")
    if kind is None:
        return []
    values = getattr(scalars, kind).data
    if kind == "array_data":
        return [_array_cell(value) for value in values]
    if kind == "json_data":
        return [_json_cell(value) for value in values]
    return [_SCALARS[kind](value) for value in values]


def _array_cell(element: Any) -> bytes:
    parts = _scalar_cells(element)
    return b"".join(struct.pack("<q", len(part)) + part for part in parts)


def _json_cell(value: bytes) -> bytes:
    """JSON with sorted keys: an import may write the same object with its keys in another order."""
    return json.dumps(json.loads(value), sort_keys=True, separators=(",", ":")).encode()


def _vector_cells(vectors: Any) -> list[bytes]:
    kind = vectors.WhichOneof("data")
    if kind == "float_vector":
        values = vectors.float_vector.data
        packed = struct.pack(f"<{len(values)}f", *values)
        return _slices(packed, vectors.dim * 4)
    if kind == "binary_vector":
        return _slices(vectors.binary_vector, vectors.dim // 8)
    if kind == "sparse_float_vector":
        return list(vectors.sparse_float_vector.contents)
    if kind == "int8_vector":
        return _slices(vectors.int8_vector, vectors.dim)
    return _slices(getattr(vectors, kind), vectors.dim * 2)


def _slices(packed: bytes, width: int) -> list[bytes]:
    return [packed[start : start + width] for start in range(0, len(packed), width)]


def _with_nulls(column: Any, cells: list[bytes]) -> list[bytes]:
    """Mark nulls apart from zero values. Servers send either a cell per row or a cell per non-null row."""
    valid = list(column.valid_data)
    if not valid:
        return cells
    if len(cells) == len(valid):
        return [b"v" + cell if is_valid else b"n" for cell, is_valid in zip(cells, valid, strict=True)]
    present = iter(cells)
    return [b"v" + next(present) if is_valid else b"n" for is_valid in valid]
