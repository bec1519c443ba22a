# Copyright (c) 2026 The vectorops.milvus authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls that change a server: collections, partitions, indexes, load state, names. Used by the restore only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import sdk
from .collection_name import CollectionName
from .schema import field_from_json, has_partition_key, schema_from_json
from .server import Server

ISOLATION_PROPERTY = "partitionkey.isolation"


def create_database(server: Server, database: str, properties: Mapping[str, str]) -> None:
    """C(properties) are for servers from 2.4.3 on."""
    request = sdk.milvus_pb2.CreateDatabaseRequest(db_name=database, properties=_pairs(properties))
    server.call_when_allowed("CreateDatabase", request)


def create_collection(
    server: Server,
    name: CollectionName,
    schema: Mapping[str, Any],
    *,
    shards: int,
    consistency_level: int,
    properties: Mapping[str, str],
    partitions: int,
) -> None:
    """Create a collection from a backup's schema; C(properties) given here survive a restart of any server.

    C(partitions) counts only for a schema with a partition key. Creating the same collection twice is no error for
    the server: callers look first.
    """
    request = sdk.milvus_pb2.CreateCollectionRequest(
        collection_name=name.name,
        schema=schema_from_json(schema, name.name).SerializeToString(),
        shards_num=shards,
        consistency_level=consistency_level,
        properties=_pairs(properties),
        num_partitions=partitions if has_partition_key(schema) else 0,
    )
    server.call_when_allowed("CreateCollection", request, database=name.database)


def add_field(server: Server, name: CollectionName, field: Mapping[str, Any]) -> None:
    """Add a field to a collection that exists; it gets the next number."""
    request = sdk.milvus_pb2.AddCollectionFieldRequest(
        collection_name=name.name, schema=field_from_json(field).SerializeToString()
    )
    server.call_when_allowed("AddCollectionField", request, database=name.database)


def create_partition(server: Server, name: CollectionName, partition: str) -> None:
    request = sdk.milvus_pb2.CreatePartitionRequest(collection_name=name.name, partition_name=partition)
    server.call_when_allowed("CreatePartition", request, database=name.database)


def create_index(
    server: Server, name: CollectionName, field_name: str, index_name: str, params: Mapping[str, str]
) -> None:
    request = sdk.milvus_pb2.CreateIndexRequest(
        collection_name=name.name, field_name=field_name, index_name=index_name, extra_params=_pairs(params)
    )
    server.call_when_allowed("CreateIndex", request, database=name.database)


def drop_index(server: Server, name: CollectionName, field_name: str, index_name: str) -> None:
    """The server refuses this while the collection is loaded."""
    request = sdk.milvus_pb2.DropIndexRequest(collection_name=name.name, field_name=field_name, index_name=index_name)
    server.call_when_allowed("DropIndex", request, database=name.database)


def load(server: Server, name: CollectionName, replicas: int = 1) -> None:
    """Ask for the load; it is done when C(catalog.load_state) says so.

    Raises C(quota) at once where the server has fewer query nodes than replicas.
    """
    request = sdk.milvus_pb2.LoadCollectionRequest(collection_name=name.name, replica_number=replicas)
    server.call_when_allowed("LoadCollection", request, database=name.database)


def release(server: Server, name: CollectionName) -> None:
    request = sdk.milvus_pb2.ReleaseCollectionRequest(collection_name=name.name)
    server.call_when_allowed("ReleaseCollection", request, database=name.database)


def rename(server: Server, old: CollectionName, new_name: str) -> None:
    """Rename inside one database. Both databases are always named: an omitted one moves the collection (2.3.5)."""
    request = sdk.milvus_pb2.RenameCollectionRequest(oldName=old.name, newName=new_name, newDBName=old.database)
    server.call("RenameCollection", request, database=old.database)


def drop_collection(server: Server, name: CollectionName) -> None:
    request = sdk.milvus_pb2.DropCollectionRequest(collection_name=name.name)
    server.call_when_allowed("DropCollection", request, database=name.database)


def create_alias(server: Server, name: CollectionName, alias: str) -> None:
    """Creating it twice for the same collection is no error; for another one it is (code 1602)."""
    request = sdk.milvus_pb2.CreateAliasRequest(collection_name=name.name, alias=alias)
    server.call_when_allowed("CreateAlias", request, database=name.database)


def move_alias(server: Server, name: CollectionName, alias: str) -> None:
    """Let an alias that exists lead to this collection. Queries through it see the old one or this one, never none."""
    request = sdk.milvus_pb2.AlterAliasRequest(collection_name=name.name, alias=alias)
    server.call_when_allowed("AlterAlias", request, database=name.database)


def drop_alias(server: Server, database: str, alias: str) -> None:
    server.call_when_allowed("DropAlias", sdk.milvus_pb2.DropAliasRequest(alias=alias), database=database)


def alter_properties(
    server: Server, name: CollectionName, properties: Mapping[str, str], current: Mapping[str, str]
) -> None:
    """Up to 2.3.5 the last change lives in memory only: it must be followed by a rename, which stores it.

    C(current) are the properties that the collection has: up to 2.6.12 a change that does not repeat the isolation of a
    partition key is read as ending it, and refused where a vector index exists.
    """
    repeated = {key: current[key] for key in (ISOLATION_PROPERTY,) if key in current}
    request = sdk.milvus_pb2.AlterCollectionRequest(
        collection_name=name.name, properties=_pairs({**repeated, **properties})
    )
    server.call_when_allowed("AlterCollection", request, database=name.database)


def _pairs(values: Mapping[str, str]) -> list[Any]:
    return [sdk.common_pb2.KeyValuePair(key=key, value=value) for key, value in values.items()]
