# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One value of one field, between a client's columns, the fake's rows, and Parquet.

A cell is a plain value of Python; vectors, arrays and JSON are the bytes that the server stores; None is null.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from pymilvus.grpc_gen import schema_pb2

Types = schema_pb2.DataType
Cell = Any
Row = dict[int, Cell]
ROW_ID, TIMESTAMP = 0, 1

SCALARS = {
    Types.Bool: ("bool_data", pa.bool_()),
    Types.Int8: ("int_data", pa.int8()),
    Types.Int16: ("int_data", pa.int16()),
    Types.Int32: ("int_data", pa.int32()),
    Types.Int64: ("long_data", pa.int64()),
    Types.Float: ("float_data", pa.float32()),
    Types.Double: ("double_data", pa.float64()),
    Types.VarChar: ("string_data", pa.string()),
    Types.JSON: ("json_data", pa.binary()),
    Types.Array: ("array_data", pa.binary()),
}
BITS = {
    Types.FloatVector: ("float_vector", 32),
    Types.BinaryVector: ("binary_vector", 1),
    Types.Float16Vector: ("float16_vector", 16),
    Types.BFloat16Vector: ("bfloat16_vector", 16),
    Types.Int8Vector: ("int8_vector", 8),
}
"""Where a column of fixed vectors is, and the bits of one of their values."""

VECTORS = {*BITS, Types.SparseFloatVector}


def filler(field: Any) -> Cell:
    """What a field holds that nobody gave a value."""
    if not field.HasField("default_value"):
        return b"{}" if field.is_dynamic else None
    return getattr(field.default_value, str(field.default_value.WhichOneof("data")))


def dimension(field: Any) -> int:
    return int(next((pair.value for pair in field.type_params if pair.key == "dim"), 0))


def vector_bytes(field: Any) -> int:
    return dimension(field) * BITS[field.data_type][1] // 8


def arrow_type(field: Any) -> pa.DataType:
    """Of a stored column; what the fake does not know the inside of is bytes."""
    if field.data_type in SCALARS:
        return SCALARS[field.data_type][1]
    if field.data_type in BITS and not field.nullable:
        return pa.binary(vector_bytes(field))
    return pa.binary()


def to_arrow(field: Any, cells: Sequence[Cell]) -> pa.Array:
    return pa.array(cells, arrow_type(field))


def from_arrow(field: Any, values: pa.Array) -> list[Cell]:
    """Raises ValueError for a column of another type or width than the field has."""
    wanted = arrow_type(field)
    if values.type != wanted and not (_is_bytes(wanted) and _is_bytes(values.type)):
        raise ValueError(f"field {field.name} is {values.type} in the binlog, {wanted} in the schema")
    cells: list[Cell] = values.to_pylist()
    if pa.types.is_string(wanted):
        cells = [cell.decode() if isinstance(cell, bytes) else cell for cell in cells]
    if field.data_type in BITS:
        width = vector_bytes(field)
        if any(cell is not None and len(cell) != width for cell in cells):
            raise ValueError(f"vectors of field {field.name} are not of dimension {dimension(field)}")
    if not field.nullable and any(cell is None for cell in cells):
        raise ValueError(f"field {field.name} is not nullable, and the binlog has nulls")
    return cells


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_string(kind) or pa.types.is_fixed_size_binary(kind))


def to_column(field: Any, cells: Sequence[Cell]) -> Any:
    """As a query answers it."""
    column = schema_pb2.FieldData(
        type=field.data_type, field_name=field.name, field_id=field.fieldID, is_dynamic=field.is_dynamic
    )
    if field.nullable:
        column.valid_data.extend(cell is not None for cell in cells)
    if field.data_type in VECTORS:
        _put_vectors(column, field, [cell for cell in cells if cell is not None])
        return column
    if field.data_type == Types.ArrayOfVector:
        column.vectors.dim = dimension(field)
        held = column.vectors.vector_array
        held.dim, held.element_type = dimension(field), field.element_type
        held.data.extend(schema_pb2.VectorField.FromString(cell) for cell in cells)
        return column
    if field.data_type not in SCALARS:
        raise ValueError(f"the fake answers no values of type {Types.Name(field.data_type)}")
    place, kind = SCALARS[field.data_type]
    values = getattr(column.scalars, place).data
    if field.data_type == Types.Array:
        column.scalars.array_data.element_type = field.element_type
        values.extend(schema_pb2.ScalarField.FromString(cell or b"") for cell in cells)
    else:
        empty = {"string": "", "binary": b"", "bool": False}.get(str(kind), 0)
        values.extend(empty if cell is None else cell for cell in cells)
    column.scalars.SetInParent()
    getattr(column.scalars, place).SetInParent()
    return column


def to_struct_column(nested: Any, rows: Sequence[Row]) -> Any:
    """An array of structs is a column for each of its parts."""
    parts = [to_column(item, [row.get(item.fieldID) for row in rows]) for item in nested.fields]
    return schema_pb2.FieldData(
        type=Types.ArrayOfStruct,
        field_name=nested.name,
        field_id=nested.fieldID,
        struct_arrays=schema_pb2.StructArrayField(fields=parts),
    )


def _put_vectors(column: Any, field: Any, cells: Sequence[bytes]) -> None:
    if field.data_type == Types.SparseFloatVector:
        column.vectors.sparse_float_vector.contents.extend(cells)
        column.vectors.sparse_float_vector.SetInParent()
        return
    column.vectors.dim = dimension(field)
    packed, place = b"".join(cells), BITS[field.data_type][0]
    if field.data_type == Types.FloatVector:
        column.vectors.float_vector.data.extend(struct.unpack(f"<{len(packed) // 4}f", packed))
    else:
        setattr(column.vectors, place, packed)


def from_column(field: Any, column: Any, count: int) -> list[Cell]:
    """As an insert brings it. Raises ValueError for a column that does not fit the field."""
    if column.type != field.data_type:
        raise ValueError(f"the type of field {field.name} does not match: {Types.Name(column.type)}")
    if field.data_type in VECTORS:
        cells: list[Cell] = _vectors(field, column.vectors)
    elif field.data_type == Types.ArrayOfVector:
        cells = [item.SerializeToString() for item in column.vectors.vector_array.data]
    else:
        values = getattr(column.scalars, SCALARS[field.data_type][0]).data
        cells = [item.SerializeToString() for item in values] if field.data_type == Types.Array else list(values)
    valid = list(column.valid_data)
    if valid and not field.nullable and not field.HasField("default_value"):
        raise ValueError(f"field {field.name} is not nullable")
    if valid:
        present = iter(cells if len(cells) != len(valid) else [c for c, has in zip(cells, valid, strict=True) if has])
        cells = [next(present) if has else filler(field) for has in valid]
    if len(cells) != count:
        raise ValueError(
            f"the num_rows ({len(cells)}) of field ({field.name}) is not equal to passed num_rows ({count})"
        )
    return cells


def _vectors(field: Any, vectors: Any) -> list[bytes]:
    if field.data_type == Types.SparseFloatVector:
        return list(vectors.sparse_float_vector.contents)
    if vectors.dim != dimension(field):
        raise ValueError(f"the dim ({vectors.dim}) of field ({field.name}) is not equal to schema ({dimension(field)})")
    if field.data_type == Types.FloatVector:
        data = vectors.float_vector.data
        packed = struct.pack(f"<{len(data)}f", *data)
    else:
        packed = getattr(vectors, BITS[field.data_type][0])
    width = vector_bytes(field)
    return [packed[place : place + width] for place in range(0, len(packed), width)]
