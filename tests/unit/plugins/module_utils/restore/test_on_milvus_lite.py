# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Schemas that came after 2.3 on Milvus Lite: a server that was not written for these tests takes what is sent to it.

It has no imports, tells no numbers of fields and no parameters of an index but its type and metric. What it does not
take is asked for too: docs/compatibility says so, and a newer one may take it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from milvus_lite.adapter.grpc.server import start_server_in_thread

from ansible_collections.vectorops.milvus.plugins.module_utils.backup.manifest import BackupMeta, IndexMeta
from ansible_collections.vectorops.milvus.plugins.module_utils.errors import MilvusOpsError
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus import catalog, ddl, sdk
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.collection_name import CollectionName
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.field_order import FIRST_FIELD_ID, field_order
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.server import Server, connection_options
from ansible_collections.vectorops.milvus.plugins.module_utils.naming import BACKUP_PROPERTY
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.indexes import build_indexes, wanted_indexes
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.request import AS_BACKUP
from ansible_collections.vectorops.milvus.plugins.module_utils.restore.waiting import Patience

Field = dict[str, Any]
Params = dict[str, str]
KEY: Field = {"name": "pk", "data_type": 5, "is_primary_key": True}
DIM = [{"key": "dim", "value": "8"}]
VECTOR: Field = {"name": "vec", "data_type": 101, "type_params": DIM}
TEXT: Field = {
    "name": "text",
    "data_type": 21,
    "type_params": [{"key": "max_length", "value": "99"}, {"key": "enable_analyzer", "value": "true"}],
}
LIST = [{"key": "max_capacity", "value": "4"}]
SCALARS = (1, 2, 3, 4, 5, 10, 11, 23, 24, 26)
"""All but texts and arrays, which need parameters; the last two are geometries and times with a zone."""


def with_default(data_type: int, **value: Any) -> Field:
    return {"name": f"f{data_type}", "data_type": data_type, "default_value": value}


def as_stored(field: Field, *, old: bool) -> Field:
    """As a backup has it: a default value in base64, or before milvus-backup 0.5.5 its bytes as a text."""
    if "default_value" not in field:
        return field
    body = sdk.schema_pb2.ValueField(**field["default_value"]).SerializeToString()
    encoded = (
        {"default_value_proto": body.decode()} if old else {"default_value_base64": base64.b64encode(body).decode()}
    )
    return {**{key: value for key, value in field.items() if key != "default_value"}, **encoded}


def words(field: Field) -> Field:
    return {**field, "type_params": [{"key": "max_length", "value": "20"}]}


BM25 = {"name": "bm25", "type": 1, "input_field_names": ["text"], "output_field_names": ["sparse"]}
SPARSE: Field = {"name": "sparse", "data_type": 104}
STRUCT = {"name": "parts", "fields": [{"name": "year", "data_type": 22, "element_type": 5, "type_params": LIST}]}
SHAPES: Mapping[str, dict[str, Any]] = {
    "every scalar": {"fields": [KEY, VECTOR, *({"name": f"f{kind}", "data_type": kind} for kind in SCALARS)]},
    "nullable": {
        "fields": [KEY, VECTOR, *({"name": f"f{kind}", "data_type": kind, "nullable": True} for kind in SCALARS)]
    },
    "default values": {
        "fields": [
            *(KEY, VECTOR),
            with_default(1, bool_data=False),
            with_default(2, int_data=-128),
            with_default(4, int_data=0),
            with_default(5, long_data=-(2**63)),
            with_default(10, float_data=0.25),
            {**with_default(11, double_data=-1e300), "nullable": True},
            words(with_default(21, string_data="")),
        ]
    },
    "default values as text": {
        "fields": [KEY, VECTOR, with_default(5, long_data=7), words(with_default(21, string_data="untitled"))]
    },
    "arrays and a hidden field": {
        "fields": [KEY, VECTOR, {"name": "list", "data_type": 22, "element_type": 5, "type_params": LIST}],
        "enable_dynamic_field": True,
    },
    "partition key": {
        "fields": [KEY, VECTOR, {**words({"name": "tenant", "data_type": 21}), "is_partition_key": True}]
    },
    "sparse vectors": {"fields": [KEY, SPARSE]},
    "a function": {"fields": [KEY, TEXT, {**SPARSE, "is_function_output": True}], "functions": [BM25]},
}
INDEXES: Mapping[str, tuple[str, Params]] = {
    "every scalar": ("vec", {"index_type": "HNSW", "metric_type": "COSINE", "M": "16", "efConstruction": "200"}),
    "nullable": ("f5", {"index_type": "INVERTED"}),
    "default values as text": ("vec", {"index_type": "AUTOINDEX", "metric_type": "L2"}),
    "default values": ("vec", {"index_type": "AUTOINDEX", "metric_type": "IP"}),
    "arrays and a hidden field": ("vec", {"index_type": "IVF_FLAT", "metric_type": "L2", "nlist": "64"}),
    "partition key": ("vec", {"index_type": "FLAT", "metric_type": "L2"}),
    "sparse vectors": ("sparse", {"index_type": "SPARSE_INVERTED_INDEX", "metric_type": "IP"}),
    "a function": ("sparse", {"index_type": "SPARSE_INVERTED_INDEX", "metric_type": "BM25", "bm25_k1": "1.2"}),
}
SHOWN = ("index_type", "metric_type")


@pytest.fixture(scope="module")
def lite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    service, database, port = start_server_in_thread(str(tmp_path_factory.mktemp("lite")))
    try:
        with Server(connection_options({"address": "127.0.0.1", "port": port})) as server:
            yield server
    finally:
        service.stop(0).wait()
        database.close()


def create(
    lite: Server, name: str, schema: Mapping[str, Any], *, old: bool = False, **properties: str
) -> CollectionName:
    """In the order of the numbers, as a restore creates a staging collection."""
    stored = [as_stored(field, old=old) for field in schema["fields"]]
    fields = [{**field, "fieldID": FIRST_FIELD_ID + place} for place, field in enumerate(stored)]
    order = field_order({**schema, "fields": fields})
    assert order.added == ()
    own = CollectionName("default", name)
    ddl.create_collection(
        lite, own, order.schema, shards=1, consistency_level=2, properties=properties, partitions=len(fields)
    )
    return own


@pytest.mark.parametrize("name", SHAPES)
def test_a_schema_of_a_backup_is_taken_and_told_again(lite: Server, example: BackupMeta, name: str) -> None:
    """With its index and its properties, also under the name that it gets at last."""
    field, wanted = INDEXES[name]
    index = IndexMeta(field, field, wanted["index_type"], wanted, 1)
    source = replace(example.collections[0], schema=SHAPES[name], indexes=(index,))
    marker = {BACKUP_PROPERTY: "the-backup"}
    staging = create(lite, name.replace(" ", "_"), SHAPES[name], old=name.endswith("as text"), **marker)
    build_indexes(lite, staging, wanted_indexes(source, AS_BACKUP), Patience(10), "")
    ddl.rename(lite, staging, f"{staging.name}_bak")
    found = catalog.describe_collection(lite, CollectionName("default", f"{staging.name}_bak"))
    assert found.property_values[BACKUP_PROPERTY] == "the-backup"
    asked = sdk.milvus_pb2.DescribeCollectionRequest(collection_name=found.name.name)
    told = lite.call("DescribeCollection", asked).schema
    assert told == sdk.schema_pb2.CollectionSchema(name=found.name.name, **SHAPES[name])
    (built,) = catalog.list_indexes(lite, found.name)
    assert (built.field_name, built.state) == (field, "Finished")
    shown = {key: value for key, value in built.params.items() if key in SHOWN and value != "NONE"}
    assert shown == {key: wanted[key] for key in SHOWN if key in wanted}


REFUSED: Mapping[str, Field] = {
    "BinaryVector": {"name": "vec", "data_type": 100, "type_params": DIM},
    "Float16Vector": {"name": "vec", "data_type": 102, "type_params": DIM},
    "BFloat16Vector": {"name": "vec", "data_type": 103, "type_params": DIM},
    "Int8Vector": {"name": "vec", "data_type": 105, "type_params": DIM},
}


@pytest.mark.parametrize("kind", REFUSED)
def test_vectors_that_it_does_not_know(lite: Server, kind: str) -> None:
    with pytest.raises(MilvusOpsError, match=kind):
        create(lite, kind, {"fields": [KEY, REFUSED[kind]]})


def test_what_it_takes_and_loses_or_does_not_know(lite: Server) -> None:
    """Nothing follows from these for servers; the fake has them instead."""
    fields = [KEY, VECTOR, {"name": "j", "data_type": 23}]
    own = create(lite, "lost", {"fields": fields, "struct_array_fields": [STRUCT]})
    assert "struct_array_fields" not in catalog.describe_collection(lite, own).schema
    json_path = {"index_type": "INVERTED", "json_path": 'j["a"]', "json_cast_type": "double"}
    with pytest.raises(MilvusOpsError, match="scalar index"):
        ddl.create_index(lite, own, "j", "by_path", json_path)
    with pytest.raises(MilvusOpsError, match="AddCollectionField"):
        ddl.add_field(lite, own, {"name": "later", "data_type": 5, "nullable": True})
