# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Schemas between real protocol buffers and the JSON of a backup, without loss."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from newer_client import needs_nullable_structs

from ansible_collections.vectorops.milvus.plugins.module_utils.milvus import sdk
from ansible_collections.vectorops.milvus.plugins.module_utils.milvus.schema import (
    field_ids,
    has_partition_key,
    lost_defaults,
    pairs_from_json,
    pairs_to_dict,
    pairs_to_json,
    primary_key,
    schema_from_json,
    schema_to_json,
    stored_fields,
)

Schema = dict[str, Any]

DIM = {"key": "dim", "value": "8"}


def field(**attributes: Any) -> Any:
    return sdk.schema_pb2.FieldSchema(**{"fieldID": 100, "name": "pk", "data_type": 5, **attributes})


def collection(*fields: Any, **attributes: Any) -> Any:
    return sdk.schema_pb2.CollectionSchema(name="docs", fields=fields, **attributes)


def pair(key: str, value: str) -> Any:
    return sdk.common_pb2.KeyValuePair(key=key, value=value)


def through_a_backup(message: Any) -> Any:
    """To JSON text and back, as a backup and a restore do."""
    schema: Schema = json.loads(json.dumps(schema_to_json(message)))
    return schema_from_json(schema, message.name)


@pytest.mark.parametrize(
    ("attributes", "key", "value"),
    [
        ({"fieldID": 101}, "fieldID", 101),
        ({"name": "é <&>"}, "name", "é <&>"),
        ({"description": 'said "so"\n'}, "description", 'said "so"\n'),
        ({"is_primary_key": True}, "is_primary_key", True),
        ({"autoID": True}, "autoID", True),
        ({"is_partition_key": True}, "is_partition_key", True),
        ({"is_clustering_key": True}, "is_clustering_key", True),
        ({"nullable": True}, "nullable", True),
        ({"is_function_output": True}, "is_function_output", True),
        ({"data_type": 22, "element_type": 21}, "element_type", 21),
        ({"data_type": 104}, "data_type", 104),
        ({"type_params": [pair("dim", "8"), pair("mmap.enabled", "")]}, "type_params", [DIM, {"key": "mmap.enabled"}]),
        ({"index_params": [pair("dim", "8")]}, "index_params", [DIM]),
    ],
)
def test_every_attribute_of_a_field_survives(attributes: dict[str, Any], key: str, value: object) -> None:
    message = collection(field(**attributes))
    (stored,) = schema_to_json(message)["fields"]
    assert stored[key] == value
    assert type(stored[key]) is type(value), "an enum is written as a plain integer"
    assert through_a_backup(message) == message


def test_zero_values_are_left_out() -> None:
    assert schema_to_json(collection(field())) == {
        "name": "docs",
        "fields": [{"fieldID": 100, "name": "pk", "data_type": 5}],
    }


@pytest.mark.parametrize(
    ("data_type", "default"),
    [
        (1, {"bool_data": True}),
        (1, {"bool_data": False}),
        (2, {"int_data": -128}),
        (4, {"int_data": 0}),
        (5, {"long_data": -(2**63)}),
        (5, {"long_data": 0}),
        (10, {"float_data": 0.25}),
        (11, {"double_data": -1e300}),
        (21, {"string_data": ""}),
        (21, {"string_data": "ünï\x00\"'"}),
        (23, {"bytes_data": b'{"a":\xff}'}),
    ],
)
def test_default_values_survive(data_type: int, default: dict[str, Any]) -> None:
    message = collection(field(data_type=data_type, default_value=default))
    restored = through_a_backup(message)
    assert restored == message
    assert restored.fields[0].HasField("default_value")
    assert restored.fields[0].default_value.WhichOneof("data") == next(iter(default))


def test_the_default_value_is_standard_base64() -> None:
    """The value of the example of the format: a long of 7."""
    (stored,) = schema_to_json(collection(field(default_value={"long_data": 7})))["fields"]
    assert stored["default_value_base64"] == "GAc="
    restored = schema_from_json({"fields": [{"name": "a", "default_value_base64": "GAc="}]}, "docs")
    assert restored.fields[0].default_value.long_data == 7
    assert not schema_from_json({"fields": [{"name": "a"}]}, "docs").fields[0].HasField("default_value")


def test_older_backups_keep_the_default_value_as_text() -> None:
    older = sdk.schema_pb2.ValueField(string_data="abc").SerializeToString().decode()
    stored = {"fields": [{"name": "a", "default_value_proto": older}]}
    assert schema_from_json(stored, "docs").fields[0].default_value.string_data == "abc"
    stored["fields"][0]["default_value_base64"] = base64.b64encode(b"\x18\x07").decode()
    assert schema_from_json(stored, "docs").fields[0].default_value.long_data == 7


@needs_nullable_structs
def test_a_whole_collection_survives() -> None:
    message = collection(
        field(is_primary_key=True, autoID=True),
        field(fieldID=101, name="tenant", data_type=21, is_partition_key=True, type_params=[pair("max_length", "64")]),
        field(fieldID=102, name="vec", data_type=101, type_params=[pair("dim", "8")]),
        field(fieldID=103, name="sparse", data_type=104, is_function_output=True),
        description="demo",
        autoID=True,
        enable_dynamic_field=True,
        properties=[pair("collection.ttl.seconds", "60"), pair("empty", "")],
        functions=[
            sdk.schema_pb2.FunctionSchema(
                name="bm25",
                id=7,
                description="words",
                type=1,
                input_field_names=["tenant"],
                input_field_ids=[101],
                output_field_names=["sparse"],
                output_field_ids=[103],
                params=[pair("k", "v")],
            )
        ],
        struct_array_fields=[
            sdk.schema_pb2.StructArrayFieldSchema(
                fieldID=110,
                name="parts",
                description="nested",
                nullable=True,
                type_params=[pair("max_capacity", "9")],
                fields=[field(fieldID=111, name="inner", data_type=22, element_type=5, nullable=True)],
            )
        ],
    )
    assert through_a_backup(message) == message


def test_the_collection_gets_the_name_it_is_created_with() -> None:
    assert schema_from_json({"name": "docs", "fields": []}, "docs__restoring_1").name == "docs__restoring_1"


def test_the_dynamic_field_is_left_to_the_server() -> None:
    message = collection(
        field(is_primary_key=True),
        field(fieldID=101, name="$meta", data_type=23, is_dynamic=True),
        enable_dynamic_field=True,
    )
    schema = schema_to_json(message)
    assert [stored["name"] for stored in schema["fields"]] == ["pk", "$meta"], "a backup keeps the raw schema"
    assert [stored["name"] for stored in stored_fields(schema)] == ["pk"]
    assert field_ids(schema) == {"pk": 100}
    created = through_a_backup(message)
    assert [stored.name for stored in created.fields] == ["pk"]
    assert created.enable_dynamic_field


def test_what_a_schema_says_about_keys() -> None:
    schema = schema_to_json(
        collection(
            field(fieldID=101, name="tenant", is_partition_key=True),
            field(is_primary_key=True),
            field(fieldID=102, name="$meta", is_dynamic=True, is_partition_key=True),
        )
    )
    assert primary_key(schema)["name"] == "pk"
    assert has_partition_key(schema)
    assert not has_partition_key({"fields": [schema["fields"][1], schema["fields"][2]]})
    assert field_ids(schema) == {"tenant": 101, "pk": 100}


@pytest.mark.parametrize("empty", [{}, {"fields": None, "functions": None, "properties": None, "autoID": None}])
def test_null_and_absent_are_zero(empty: Schema) -> None:
    assert schema_from_json(empty, "docs") == collection()
    assert stored_fields(empty) == []
    null_field = dict.fromkeys(("fieldID", "name", "data_type", "type_params", "nullable", "default_value_base64"))
    assert schema_from_json({"fields": [null_field]}, "docs") == collection(sdk.schema_pb2.FieldSchema())


def test_pairs() -> None:
    pairs = [pair("a", "1"), pair("b", ""), pair("", "2")]
    stored = pairs_to_json(pairs)
    assert stored == [{"key": "a", "value": "1"}, {"key": "b"}, {"value": "2"}]
    assert pairs_from_json(stored) == pairs
    assert pairs_to_dict(stored) == {"a": "1", "b": "", "": "2"}
    assert pairs_to_dict([{"key": "a", "value": None}]) == {"a": ""}


def test_default_values_that_were_lost_in_text_are_named_and_not_guessed() -> None:
    """Parsed all the same they would be another number."""
    fields = [
        {"fieldID": 100, "name": "kept", "data_type": 4, "default_value_proto": "\u0018\u0007"},
        {"fieldID": 101, "name": "lost", "data_type": 4, "default_value_proto": "\u0018\ufffd\u0001"},
        {
            "fieldID": 102,
            "name": "twice",
            "data_type": 4,
            "default_value_proto": "\u0018\ufffd",
            "default_value_base64": "EAc=",
        },
        {"fieldID": 103, "name": "none", "data_type": 4, "default_value_proto": None},
    ]
    assert lost_defaults({"fields": fields}) == ("lost",)
    assert lost_defaults({"fields": None}) == ()
    built = {field.name: field for field in schema_from_json({"fields": fields}, "docs").fields}
    assert [name for name, field in built.items() if field.HasField("default_value")] == ["kept", "twice"]
