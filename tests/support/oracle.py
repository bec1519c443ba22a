# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows that are functions of their key, and a reader that shares no code with the collection.

Written and read by the high-level client of pymilvus; the collection uses raw protocol buffers. Loss, duplication, swap
and staleness of any row or column show as a difference.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pymilvus import DataType, MilvusClient

DIMENSION = 16
PARTITIONS = ("_default", "news")
DELETED = frozenset(range(0, 4000, 37))


def connect(port: int, database: str = "default") -> MilvusClient:
    return MilvusClient(uri=f"http://127.0.0.1:{port}", db_name=database)


def row(key: int) -> dict[str, Any]:
    """The one row that belongs to a key; C(shade) goes to the dynamic field."""
    numbers = random.Random(key)
    return {
        "id": key,
        "title": f"title {key} é",
        "flag": key % 3 == 0,
        "price": numbers.random(),
        "facts": {"key": key, "tags": [str(key % 5), "x"]},
        "vector": [round(numbers.uniform(-1, 1), 6) for _unused in range(DIMENSION)],
        "shade": f"#{key:06x}",
    }


def create_empty(client: MilvusClient, name: str, partitions: Sequence[str] = PARTITIONS) -> None:
    """A collection without rows and index."""
    schema = client.create_schema(auto_id=False, enable_dynamic_field=True, description="rows are functions of id")
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("title", DataType.VARCHAR, max_length=64, description="varchar of at most 64 bytes")
    schema.add_field("flag", DataType.BOOL)
    schema.add_field("price", DataType.DOUBLE)
    schema.add_field("facts", DataType.JSON)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=DIMENSION)
    client.create_collection(name, schema=schema, num_shards=2, consistency_level="Bounded")
    for partition in partitions[1:]:
        client.create_partition(name, partition)


def create_collection(
    client: MilvusClient, name: str, rows: int = 4000, partitions: Sequence[str] = PARTITIONS
) -> None:
    """A collection with an index, some rows deleted; loaded. Each partition becomes two segments, one per shard."""
    create_empty(client, name, partitions)
    insert(client, name, range(rows), partitions)
    client.flush(name)
    client.delete(name, filter=f"id in {sorted(key for key in DELETED if key < rows)}")
    index_and_load(client, name)


def index_and_load(client: MilvusClient, name: str) -> None:
    index(client, name)
    client.load_collection(name)


def index(client: MilvusClient, name: str) -> None:
    params = client.prepare_index_params()
    params.add_index("vector", index_name="by_vector", index_type="IVF_FLAT", metric_type="L2", params={"nlist": 16})
    client.create_index(name, params)


def insert(client: MilvusClient, name: str, keys: Iterable[int], partitions: Sequence[str] = PARTITIONS) -> None:
    """Keys go to the partitions in turn: with two of them even keys to the first, odd ones to the second."""
    ordered = list(keys)
    for remainder, partition in enumerate(partitions):
        data = [row(key) for key in ordered if key % len(partitions) == remainder]
        if data:
            client.insert(name, data, partition_name=partition)


def expected(rows: int = 4000) -> dict[int, dict[str, Any]]:
    return {key: row(key) for key in range(rows) if key not in DELETED}


def read_all(client: MilvusClient, name: str, partition: str | None = None) -> dict[int, dict[str, Any]]:
    """Every row by its key. A key that comes twice raises."""
    partitions = {} if partition is None else {"partition_names": [partition]}
    iterator = client.query_iterator(
        name, batch_size=1000, output_fields=["*"], consistency_level="Strong", **partitions
    )
    found: dict[int, dict[str, Any]] = {}
    while batch := iterator.next():
        for item in batch:
            if item["id"] in found:
                raise AssertionError(f"key {item['id']} came twice")
            found[item["id"]] = dict(item)
    iterator.close()
    return found


def count(client: MilvusClient, name: str) -> int:
    """The exact number of rows, duplicates of a key included."""
    answer = client.query(name, filter="", output_fields=["count(*)"], consistency_level="Strong")
    return int(answer[0]["count(*)"])


def differences(found: Mapping[int, Mapping[str, Any]], wanted: Mapping[int, Mapping[str, Any]]) -> list[str]:
    """What is missing, too much or other than it should be; the first ten."""
    problems = [f"missing {key}" for key in wanted.keys() - found.keys()]
    problems += [f"unexpected {key}" for key in found.keys() - wanted.keys()]
    for key in wanted.keys() & found.keys():
        for field, value in wanted[key].items():
            if not _same(found[key].get(field), value):
                problems.append(f"{key}.{field} is {found[key].get(field)!r}, should be {value!r}")
    return problems[:10]


def _same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, list) and wanted and isinstance(wanted[0], float):
        pairs = zip(found or [], wanted, strict=False)
        return found is not None and len(found) == len(wanted) and all(abs(a - b) < 1e-6 for a, b in pairs)
    return bool(found == wanted)
