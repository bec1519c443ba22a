# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collection schemas between the server's protocol buffers and the JSON of a backup (reference: milvus-backup 4.2).

A backup keeps the raw schema: field ids, type parameters and default values decide whether an import fits.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from . import sdk

DYNAMIC_FIELD_NAME = "$meta"
SYSTEM_FIELD_IDS = (0, 1)
"""Row id and timestamp: every segment has their binlogs, no schema names them."""

FIRST_VECTOR_TYPE = 100
"""DataType numbers from here on are vectors."""

TEXT = 25
FLOAT16_VECTOR = 102
"""DataType number; Milvus 2.3.5 stores such vectors, but its import fails on them (2.3.5 facts, section 5)."""

NEVER_STORED = ("external_source", "enable_namespace")
"""What makes a collection one that no backup can hold: asked for when one is made."""

_LOST_BYTES = "\ufffd"
"""What Go's JSON writes for bytes that are no text."""

_FIELD_FLAGS = (
    "is_primary_key",
    "autoID",
    "is_dynamic",
    "is_partition_key",
    "is_clustering_key",
    "nullable",
    "is_function_output",
)


def schema_to_json(schema: Any) -> dict[str, Any]:
    """A C(schemapb.CollectionSchema) as the C(schema) object of a backup; zero values are left out."""
    return _without_zero(
        {
            "name": schema.name,
            "description": schema.description,
            "autoID": schema.autoID,
            "fields": [_field_to_json(field) for field in schema.fields],
            "enable_dynamic_field": schema.enable_dynamic_field,
            "properties": pairs_to_json(schema.properties),
            "functions": [_function_to_json(function) for function in schema.functions],
            "struct_array_fields": [_struct_to_json(field) for field in schema.struct_array_fields],
            **{name: getattr(schema, name, None) for name in NEVER_STORED},
        }
    )


def schema_from_json(schema: Mapping[str, Any], name: str) -> Any:
    """The C(schemapb.CollectionSchema) to create C(name) with; the server adds the dynamic field itself."""
    message = sdk.schema_pb2.CollectionSchema(
        name=name,
        description=schema.get("description") or "",
        autoID=bool(schema.get("autoID")),
        enable_dynamic_field=bool(schema.get("enable_dynamic_field")),
        fields=[field_from_json(field) for field in stored_fields(schema)],
        properties=pairs_from_json(schema.get("properties") or []),
        functions=[_function_from_json(function) for function in schema.get("functions") or []],
    )
    message.struct_array_fields.extend(_struct_from_json(field) for field in schema.get("struct_array_fields") or [])
    return message


def stored_fields(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The fields that a user declared: all but the dynamic one."""
    return [field for field in schema.get("fields") or [] if not field.get("is_dynamic")]


def all_fields(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The declared fields, and those inside of arrays of structs."""
    inside = (part for field in schema.get("struct_array_fields") or [] for part in field.get("fields") or [])
    return [*stored_fields(schema), *inside]


def may_be_missing(field: Mapping[str, Any]) -> bool:
    """Whether a segment may lack the field: one that was written before the field was added."""
    default = field.get("default_value_base64") or field.get("default_value_proto")
    return bool(field.get("nullable") or default)


def field_ids(schema: Mapping[str, Any]) -> dict[str, int]:
    """Field name to field id. Imports match binlogs to fields by id alone, so these must be equal on both sides.

    An array of structs is C(name), each of its parts C(name[part]).
    """
    ids = {str(field.get("name")): int(field.get("fieldID") or 0) for field in stored_fields(schema)}
    for struct in schema.get("struct_array_fields") or []:
        ids[str(struct.get("name"))] = int(struct.get("fieldID") or 0)
        for part in struct.get("fields") or []:
            ids[f"{struct.get('name')}[{part.get('name')}]"] = int(part.get("fieldID") or 0)
    return ids


def primary_key(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return next(field for field in stored_fields(schema) if field.get("is_primary_key"))


def has_partition_key(schema: Mapping[str, Any]) -> bool:
    return any(field.get("is_partition_key") for field in stored_fields(schema))


def pairs_to_json(pairs: Iterable[Any]) -> list[dict[str, str]]:
    """Key-value messages as the format writes them: an empty value is left out."""
    return [_without_zero({"key": pair.key, "value": pair.value}) for pair in pairs]


def pairs_from_json(pairs: Iterable[Mapping[str, Any]]) -> list[Any]:
    return [sdk.common_pb2.KeyValuePair(key=pair.get("key") or "", value=pair.get("value") or "") for pair in pairs]


def pairs_to_dict(pairs: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    return {str(pair.get("key") or ""): str(pair.get("value") or "") for pair in pairs}


def _field_to_json(field: Any) -> dict[str, Any]:
    flags = {flag: getattr(field, flag) for flag in _FIELD_FLAGS}
    default = ""
    if field.HasField("default_value"):
        default = base64.b64encode(field.default_value.SerializeToString()).decode()
    return _without_zero(
        {
            "fieldID": field.fieldID,
            "name": field.name,
            "description": field.description,
            **flags,
            "data_type": int(field.data_type),
            "element_type": int(field.element_type),
            "type_params": pairs_to_json(field.type_params),
            "index_params": pairs_to_json(field.index_params),
            "default_value_base64": default,
        }
    )


def _struct_to_json(field: Any) -> dict[str, Any]:
    """C(type_params) and C(nullable) are not of the format, whose readers pass over them; old clients lack them."""
    return _without_zero(
        {
            "fieldID": field.fieldID,
            "name": field.name,
            "description": field.description,
            "fields": [_field_to_json(part) for part in field.fields],
            "type_params": pairs_to_json(getattr(field, "type_params", ())),
            "nullable": getattr(field, "nullable", False),
        }
    )


def _struct_from_json(field: Mapping[str, Any]) -> Any:
    known = sdk.schema_pb2.StructArrayFieldSchema.DESCRIPTOR.fields_by_name
    more = {"type_params": pairs_from_json(field.get("type_params") or []), "nullable": bool(field.get("nullable"))}
    return sdk.schema_pb2.StructArrayFieldSchema(
        fieldID=field.get("fieldID") or 0,
        name=field.get("name") or "",
        description=field.get("description") or "",
        fields=[field_from_json(part) for part in field.get("fields") or []],
        **{name: value for name, value in more.items() if value and name in known},
    )


def field_from_json(field: Mapping[str, Any]) -> Any:
    """The C(schemapb.FieldSchema) of one field."""
    message = sdk.schema_pb2.FieldSchema(
        fieldID=field.get("fieldID") or 0,
        name=field.get("name") or "",
        description=field.get("description") or "",
        data_type=field.get("data_type") or 0,
        element_type=field.get("element_type") or 0,
        type_params=pairs_from_json(field.get("type_params") or []),
        index_params=pairs_from_json(field.get("index_params") or []),
        **{flag: True for flag in _FIELD_FLAGS if field.get(flag)},
    )
    encoded = field.get("default_value_base64")
    if encoded:
        message.default_value.ParseFromString(base64.b64decode(encoded, validate=True))
    elif field.get("default_value_proto") and not _is_lost(field):
        message.default_value.ParseFromString(str(field["default_value_proto"]).encode())
    return message


def lost_defaults(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """Fields whose default value did not survive its first encoding, bytes as text (milvus-backup before 0.5.5)."""
    return tuple(str(field.get("name")) for field in schema.get("fields") or [] if _is_lost(field))


def _is_lost(field: Mapping[str, Any]) -> bool:
    return not field.get("default_value_base64") and _LOST_BYTES in (field.get("default_value_proto") or "")


def _function_to_json(function: Any) -> dict[str, Any]:
    return _without_zero(
        {
            "name": function.name,
            "id": function.id,
            "description": function.description,
            "type": int(function.type),
            "input_field_names": list(function.input_field_names),
            "input_field_ids": list(function.input_field_ids),
            "output_field_names": list(function.output_field_names),
            "output_field_ids": list(function.output_field_ids),
            "params": pairs_to_json(function.params),
        }
    )


def _function_from_json(function: Mapping[str, Any]) -> Any:
    return sdk.schema_pb2.FunctionSchema(
        name=function.get("name") or "",
        id=function.get("id") or 0,
        description=function.get("description") or "",
        type=function.get("type") or 0,
        input_field_names=function.get("input_field_names") or [],
        input_field_ids=function.get("input_field_ids") or [],
        output_field_names=function.get("output_field_names") or [],
        output_field_ids=function.get("output_field_ids") or [],
        params=pairs_from_json(function.get("params") or []),
    )


def _without_zero(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value}
