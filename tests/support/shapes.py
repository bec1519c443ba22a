# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collections of every shape that Milvus 2.3.5 has, written and read by the high-level client."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pymilvus import DataType, MilvusClient

ELEMENTS = {
    "bool": DataType.BOOL,
    "int8": DataType.INT8,
    "int16": DataType.INT16,
    "int32": DataType.INT32,
    "int64": DataType.INT64,
    "float": DataType.FLOAT,
    "double": DataType.DOUBLE,
    "varchar": DataType.VARCHAR,
}
DIMENSION = 8
MOST_ROWS = 16384
"""The server's limit for one query; no shape has as many. The client's iterator cannot go past a key with quotes."""


@dataclass(frozen=True)
class Shape:
    """How to make one collection. C(key) is its primary key; rows are read back sorted by it."""

    name: str
    make: Callable[[MilvusClient, str], None]
    key: str = "id"
    loaded: bool = True


def vector(number: int) -> list[float]:
    return [(number * 7 + place) % 13 / 13 for place in range(DIMENSION)]


def value(kind: str, number: int) -> Any:
    """A value of a scalar type that depends on the number, extremes included."""
    bits = {"int8": 7, "int16": 15, "int32": 31, "int64": 63}.get(kind)
    if bits:
        return (-(2**bits) + number) if number % 2 else (2**bits - 1 - number)
    return {"bool": number % 2 == 0, "float": number / 4, "double": number / 3, "varchar": f"é{number}'\""}[kind]


def _create(
    client: MilvusClient,
    name: str,
    *,
    key_type: DataType = DataType.INT64,
    auto_id: bool = False,
    dynamic: bool = False,
    fields: Callable[[Any], None] = lambda schema: None,
    binary: bool = False,
    **options: Any,
) -> None:
    schema = client.create_schema(auto_id=auto_id, enable_dynamic_field=dynamic)
    length = {"max_length": 64} if key_type == DataType.VARCHAR else {}
    schema.add_field("id", key_type, is_primary=True, **length)
    fields(schema)
    schema.add_field("vector", DataType.BINARY_VECTOR if binary else DataType.FLOAT_VECTOR, dim=DIMENSION)
    client.create_collection(name, schema=schema, **options)


def _index_and_load(client: MilvusClient, name: str, metric: str = "L2", kind: str = "FLAT") -> None:
    index = client.prepare_index_params()
    index.add_index("vector", index_name="by_vector", index_type=kind, metric_type=metric)
    client.create_index(name, index)
    client.load_collection(name)


def _all_types(client: MilvusClient, name: str) -> None:
    def fields(schema: Any) -> None:
        for kind, data_type in ELEMENTS.items():
            length = {"max_length": 32} if kind == "varchar" else {}
            schema.add_field(kind, data_type, description=f"a {kind}", **length)
            schema.add_field(f"{kind}s", DataType.ARRAY, element_type=data_type, max_capacity=8, **length)
        schema.add_field("json", DataType.JSON)

    def row(number: int) -> dict[str, Any]:
        scalars = {kind: value(kind, number) for kind in ELEMENTS}
        arrays = {f"{kind}s": [value(kind, number + item) for item in range(number % 4)] for kind in ELEMENTS}
        extra = {"shade": number % 5, "list": [number, {"deep": "é"}]} if number % 3 else {}
        json = {"z": number, "a": [None, True, 1.5]}
        return {"id": number, **scalars, **arrays, "json": json, "vector": vector(number), **extra}

    _create(client, name, dynamic=True, fields=fields)
    client.insert(name, [row(number) for number in range(200)])
    client.flush(name)
    _index_and_load(client, name)


def _binary_vector(client: MilvusClient, name: str) -> None:
    _create(client, name, binary=True)
    client.insert(name, [{"id": number, "vector": bytes([number % 256])} for number in range(300)])
    client.flush(name)
    _index_and_load(client, name, "HAMMING", "BIN_FLAT")


def _auto_id(client: MilvusClient, name: str, key_type: DataType = DataType.INT64) -> None:
    _create(client, name, key_type=key_type, auto_id=True)
    client.insert(name, [{"vector": vector(number)} for number in range(200)])
    client.flush(name)
    _index_and_load(client, name)


def _auto_id_text(client: MilvusClient, name: str) -> None:
    _auto_id(client, name, DataType.VARCHAR)


def _text_key(client: MilvusClient, name: str) -> None:
    _create(client, name, key_type=DataType.VARCHAR)
    client.insert(name, [{"id": f"k é{number}\"'", "vector": vector(number)} for number in range(200)])
    client.flush(name)
    _index_and_load(client, name)


def _partition_key(client: MilvusClient, name: str) -> None:
    def fields(schema: Any) -> None:
        schema.add_field("tenant", DataType.VARCHAR, max_length=16, is_partition_key=True)

    _create(client, name, fields=fields, num_partitions=4)
    client.insert(name, [{"id": number, "tenant": f"t{number % 9}", "vector": vector(number)} for number in range(300)])
    client.flush(name)
    _index_and_load(client, name)


def _three_partitions(client: MilvusClient, name: str) -> None:
    _create(client, name, num_shards=3)
    for partition in ("north", "south"):
        client.create_partition(name, partition)
    for start, partition in ((0, "_default"), (100, "north")):  # south stays empty
        data = [{"id": number, "vector": vector(number)} for number in range(start, start + 100)]
        client.insert(name, data, partition_name=partition)
    client.flush(name)
    _index_and_load(client, name)


def _deletes(client: MilvusClient, name: str) -> None:
    """Deleted, deleted and inserted again, upserted again and again, across segments."""
    _create(client, name, dynamic=True)
    client.insert(name, [{"id": number, "vector": vector(number), "round": 0} for number in range(200)])
    client.flush(name)
    _index_and_load(client, name)
    for turn in (1, 2, 3):
        client.delete(name, filter=f"id in {list(range(turn * 10, turn * 10 + 5))}")
        client.upsert(name, [{"id": number, "vector": vector(-number), "round": turn} for number in range(100, 140)])
        client.flush(name)
    client.insert(name, [{"id": 11, "vector": vector(1), "round": 9}])


def _all_deleted(client: MilvusClient, name: str) -> None:
    _create(client, name)
    client.insert(name, [{"id": number, "vector": vector(number)} for number in range(50)])
    client.flush(name)
    _index_and_load(client, name)
    client.delete(name, filter="id >= 0")


def _properties(client: MilvusClient, name: str) -> None:
    settings = {"collection.ttl.seconds": "864000", "team": "films"}
    _create(client, name, properties=settings, consistency_level="Session")
    client.insert(name, [{"id": number, "vector": vector(number)} for number in range(50)])
    client.flush(name)
    _index_and_load(client, name)


def _empty(client: MilvusClient, name: str) -> None:
    _create(client, name)
    _index_and_load(client, name)


def _never_flushed(client: MilvusClient, name: str) -> None:
    _create(client, name)
    _index_and_load(client, name)
    client.insert(name, [{"id": number, "vector": vector(number)} for number in range(200)])


def _several_indexes(client: MilvusClient, name: str) -> None:
    def fields(schema: Any) -> None:
        schema.add_field("title", DataType.VARCHAR, max_length=32)
        schema.add_field("year", DataType.INT32)

    _create(client, name, fields=fields)
    rows = [{"id": n, "title": f"t{n}", "year": 1900 + n % 120, "vector": vector(n)} for n in range(300)]
    client.insert(name, rows)
    client.flush(name)
    index = client.prepare_index_params()
    index.add_index(
        "vector", index_name="graph", index_type="HNSW", metric_type="IP", params={"M": 8, "efConstruction": 64}
    )
    index.add_index("title", index_name="by_title", index_type="Trie")
    index.add_index("year", index_name="by_year", index_type="STL_SORT")
    client.create_index(name, index)
    client.load_collection(name)


def _unloaded(client: MilvusClient, name: str) -> None:
    """Neither index nor load: its rows can be counted by the import only."""
    _create(client, name)
    client.insert(name, [{"id": number, "vector": vector(number)} for number in range(50)])
    client.flush(name)


SHAPES = (
    Shape("all_types", _all_types),
    Shape("binary_vector", _binary_vector),
    Shape("auto_id", _auto_id),
    Shape("auto_id_text", _auto_id_text),
    Shape("text_key", _text_key),
    Shape("partition_key", _partition_key),
    Shape("three_partitions", _three_partitions),
    Shape("deletes", _deletes),
    Shape("all_deleted", _all_deleted),
    Shape("properties", _properties),
    Shape("empty", _empty),
    Shape("never_flushed", _never_flushed),
    Shape("several_indexes", _several_indexes),
    Shape("unloaded", _unloaded, loaded=False),
)


def read_rows(client: MilvusClient, name: str, key: str = "id") -> list[dict[str, Any]]:
    """Every row, sorted by its key; floats as text, so that NaN and signs compare too."""
    found = client.query(name, filter="", limit=MOST_ROWS, output_fields=["*"], consistency_level="Strong")
    rows = [{field: repr(content) for field, content in dict(item).items()} for item in found]
    return sorted(rows, key=lambda row: row[key])
