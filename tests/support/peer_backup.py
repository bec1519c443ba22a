# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of a fake server as milvus-backup v0.5.16 writes them, put together from what its format says.

No code of the collection is used. Segments of level zero, storage versions, functions and default values are in them as
a server from 2.4 on has them.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fake_milvus.model import ALL_PARTITIONS, Collection, Segment, World
from fake_milvus.server import Fake

Tree = dict[str, Any]


def write_peer_backup(world: World, root: str, name: str) -> bytes:
    """Every collection of the server, flushed before; data first, the tree of everything last, which is returned."""
    backup_id = str(uuid.uuid4())
    collections = [_collection(world, item, backup_id, f"{root}/{name}") for item in world.collections]
    size = sum(item["size"] for item in collections)
    header = {"id": backup_id, "state_code": 0, "name": name, "size": size, "milvus_version": world.profile.text}
    databases = [{"db_name": own, "db_id": 1 + place} for place, own in enumerate(world.databases)]
    tree = {**header, "collection_backups": collections, "database_backups": databases}
    partitions = [part for item in collections for part in item["partition_backups"]]
    files = {
        "backup_meta.json": header,
        "collection_meta.json": {"infos": [_stripped(item) for item in collections]},
        "partition_meta.json": {"infos": [_without(part, "segment_backups") for part in partitions]},
        "segment_meta.json": {"infos": [segment for part in partitions for segment in part["segment_backups"]]},
        "full_meta.json": tree,
    }
    bodies = {key: json.dumps(content, separators=(",", ":")).encode() for key, content in files.items()}
    for file_name, body in bodies.items():
        world.objects.put(f"{root}/{name}/meta/{file_name}", body)
    return bodies["full_meta.json"]


def write_peer_snapshots(fake: Fake, root: str, name: str) -> None:
    """Every collection of the server, flushed before, each exported by it; there are no files of segments then."""
    world, backup_id = fake.world, str(uuid.uuid4())
    header = {"id": backup_id, "state_code": 0, "name": name, "size": 0, "milvus_version": world.profile.text}
    header["format"] = "snapshot"
    collections = [_exported(fake, item, backup_id, f"{root}/{name}") for item in world.collections]
    databases = [{"db_name": own, "db_id": 1 + place} for place, own in enumerate(world.databases)]
    files = {
        "backup_meta.json": header,
        "collection_meta.json": {"infos": collections},
        "full_meta.json": {**header, "collection_backups": collections, "database_backups": databases},
    }
    for file_name, content in files.items():
        world.objects.put(f"{root}/{name}/meta/{file_name}", json.dumps(content, separators=(",", ":")).encode())


def _exported(fake: Fake, collection: Collection, backup_id: str, place: str) -> Tree:
    """The path of the metadata is noted down from the folder of the backup on."""
    snapshots, name = fake.snapshots, "mbk_" + place.rpartition("/")[2]
    taken = snapshots.create(collection, name)
    job = snapshots.export(collection, name, f"s3://{snapshots.bucket}/{place}/bundle")
    while job.unfinished or taken.pins:
        snapshots.asked()
    snapshots.drop(collection, name)
    tree = _stripped(_collection(fake.world, replace(collection, segments=[]), backup_id, place))
    bundle = {
        "metadata_path": job.uri[job.uri.index(f"{place}/") + len(place) + 1 :],
        "total_files": job.files,
        "total_bytes": job.size,
    }
    return {**tree, "size": job.size, "backup_timestamp": taken.created, "snapshot_backup": bundle}


def _stripped(collection: Tree) -> Tree:
    parts = [_without(part, "segment_backups") for part in collection["partition_backups"]]
    return {**_without(collection, "l0_segments"), "partition_backups": parts}


def _without(node: Tree, *keys: str) -> Tree:
    return {key: value for key, value in node.items() if key not in keys}


def _collection(world: World, collection: Collection, backup_id: str, place: str) -> Tree:
    segments = [(own, _segment(world, collection, own, place)) for own in collection.segments]
    state = "Loaded" if collection.loaded else "NotLoad"
    partitions = [
        {
            "partition_id": number,
            "partition_name": name,
            "collection_id": collection.number,
            "segment_backups": [made for own, made in segments if own.partition == number],
            "size": sum(made["size"] for own, made in segments if own.partition == number),
            "load_state": state,
        }
        for name, number in collection.partitions.items()
    ]
    return {
        "id": backup_id,
        "collection_id": collection.number,
        "db_name": collection.database,
        "collection_name": collection.name,
        "schema": _schema(collection.schema),
        "shards_num": collection.shards,
        **({"consistency_level": collection.consistency} if collection.consistency else {}),
        "partition_backups": partitions,
        "size": sum(made["size"] for _own, made in segments),
        "has_index": bool(collection.indexes),
        "index_infos": [
            {
                "field_name": index.field_name,
                "index_name": index.name,
                "index_type": index.params["index_type"],
                "params": dict(index.params),
                "index_id": index.number,
            }
            for index in collection.indexes.values()
        ],
        "load_state": state,
        "l0_segments": [made for own, made in segments if own.partition == ALL_PARTITIONS],
        "properties": [{"key": key, "value": value} for key, value in collection.properties.items()],
        "created_timestamp": collection.created,
        "virtual_channel_names": collection.channels,
    }


def _segment(world: World, collection: Collection, segment: Segment, place: str) -> Tree:
    """Its objects are copied; deletes of all partitions have no group, those of one and rows have their own number."""
    objects = world.objects
    source = f"{collection.number}/{segment.partition}/{segment.number}"
    group = f"{segment.number}/" if segment.partition != ALL_PARTITIONS else ""
    target = f"{place}/binlogs/{{}}/{collection.number}/{segment.partition}/{group}{segment.number}/"
    sizes = {}
    for kind in ("insert_log", "delta_log"):
        prefix = f"{world.root_path}/{kind}/{source}/"
        for key in objects.keys(prefix):
            body = objects.get(key)
            objects.put(target.format(kind) + key.removeprefix(prefix), body)
            sizes[key] = len(body)

    def log(kind: str, below: str, number: int) -> Tree:
        path = f"{world.root_path}/{kind}/{source}/{below}{number}"
        return {"log_path": path, "log_size": sizes[path], "log_id": number}

    made: Tree = {
        "segment_id": segment.number,
        "collection_id": collection.number,
        "partition_id": segment.partition,
        "num_of_rows": len(segment.rows),
        "binlogs": [
            {
                **({"fieldID": field} if field else {}),
                "binlogs": [log("insert_log", f"{field}/", number) for number in logs],
            }
            for field, logs in sorted(segment.logs.items())
        ],
        "deltalogs": [{"binlogs": [log("delta_log", "", number) for number in segment.delta_logs]}],
        "size": sum(sizes.values()),
        "v_channel": segment.channel,
    }
    optional = {
        "group_id": segment.number if group else 0,
        "is_l0": segment.level == "L0",
        "storage_version": segment.storage_version,
    }
    return {**made, **{key: value for key, value in optional.items() if value}}


def _schema(schema: Any) -> Tree:
    """Without the hidden field, whose binlogs are there."""
    return {
        "name": schema.name,
        "autoID": schema.autoID,
        "fields": [_field(item) for item in schema.fields if not item.is_dynamic],
        "enable_dynamic_field": schema.enable_dynamic_field,
        "functions": [_function(item) for item in schema.functions],
        "struct_array_fields": [
            {"fieldID": item.fieldID, "name": item.name, "fields": [_field(part) for part in item.fields]}
            for item in schema.struct_array_fields
        ],
    }


def _field(item: Any) -> Tree:
    flags = ("is_primary_key", "autoID", "is_partition_key", "nullable", "is_function_output")
    default = {"default_value_base64": base64.b64encode(item.default_value.SerializeToString()).decode()}
    return {
        "fieldID": item.fieldID,
        "name": item.name,
        "data_type": item.data_type,
        **{flag: True for flag in flags if getattr(item, flag)},
        **({"element_type": item.element_type} if item.element_type else {}),
        "type_params": _pairs(item.type_params),
        **(default if item.HasField("default_value") else {}),
    }


def _function(item: Any) -> Mapping[str, Any]:
    return {
        "name": item.name,
        "id": item.id,
        "type": item.type,
        "input_field_names": list(item.input_field_names),
        "input_field_ids": list(item.input_field_ids),
        "output_field_names": list(item.output_field_names),
        "output_field_ids": list(item.output_field_ids),
        "params": _pairs(item.params),
    }


def _pairs(pairs: Any) -> list[Tree]:
    return [{"key": pair.key, "value": pair.value} for pair in pairs]
